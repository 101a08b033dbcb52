//! The routes, one file for each noun. A handler reads, lets the core perform, and renders: when one grows a decision, the
//! decision belongs into the core.

mod account;
mod alarms;
mod approvals;
mod backups;
mod batch;
mod break_glass;
mod charter;
mod erasures;
mod events;
mod exports;
mod holds;
mod imports;
mod keys;
mod ledger;
mod login;
mod oauth;
mod principals;
mod services;
mod subjects;
mod system;
mod ties;
mod tokens;
mod transit;
pub(crate) mod watch;

pub use backups::known as known_backups;
pub use events::lines::event_lines;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::client_address::Door;
use crate::layers::shell;
use crate::problem::Failure;
use crate::service::Shared;
use crate::{compat, console, openapi, scim};

/// All routes, and their description. Made together, so neither has one that the other has not.
pub(crate) fn routes() -> (Router<Shared>, OpenApi) {
    let (router, document) = OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(subjects::create, subjects::list))
        .routes(routes!(subjects::read, subjects::update, subjects::delete))
        .routes(routes!(subjects::reveal))
        .routes(routes!(subjects::history))
        .routes(routes!(subjects::accesses))
        .routes(routes!(subjects::search))
        .routes(routes!(holds::list, holds::place))
        .routes(routes!(holds::lift))
        .routes(routes!(erasures::list))
        .routes(routes!(erasures::key))
        .routes(routes!(erasures::read))
        .routes(routes!(batch::batch))
        .routes(routes!(tokens::create, tokens::kept::list))
        .routes(routes!(tokens::kept::inspect))
        .routes(routes!(tokens::kept::revoke))
        .routes(routes!(tokens::kept::rotate))
        .routes(routes!(tokens::kept::import))
        .routes(routes!(tokens::tokenize))
        .routes(routes!(tokens::detokenize))
        .routes(routes!(system::explain))
        .routes(routes!(charter::current))
        .routes(routes!(charter::indexes))
        .routes(routes!(charter::versions))
        .routes(routes!(charter::version))
        .routes(routes!(charter::plan))
        .routes(routes!(charter::apply))
        .routes(routes!(charter::roll_back))
        .routes(routes!(charter::draft, charter::drafts))
        .routes(routes!(charter::one_draft, charter::withdraw))
        .routes(routes!(charter::activate))
        .routes(routes!(charter::replay_draft))
        .routes(routes!(principals::list, principals::create))
        .routes(routes!(principals::read, principals::update))
        .routes(routes!(principals::keys, principals::create_key))
        .routes(routes!(principals::revoke_key))
        .routes(routes!(principals::create_link))
        .routes(routes!(principals::identities, principals::link_identity))
        .routes(routes!(principals::unlink_identity))
        .routes(routes!(services::read_keys, services::set_keys))
        .routes(routes!(services::create_certificate))
        .routes(routes!(oauth::token))
        .routes(routes!(oauth::revoke))
        .routes(routes!(oauth::metadata))
        .routes(routes!(login::begin))
        .routes(routes!(login::log_in))
        .routes(routes!(login::send_code))
        .routes(routes!(login::providers, login::begin_sign_on))
        .routes(routes!(login::log_out_there))
        .routes(routes!(account::read))
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::close))
        .routes(routes!(approvals::ask, approvals::list))
        .routes(routes!(approvals::word))
        .routes(routes!(approvals::read, approvals::cancel))
        .routes(routes!(approvals::work))
        .routes(routes!(break_glass::open, break_glass::list))
        .routes(routes!(break_glass::read, break_glass::close))
        .routes(routes!(break_glass::work))
        .routes(routes!(break_glass::review))
        .routes(routes!(approvals::mark))
        .routes(routes!(ties::create, ties::list))
        .routes(routes!(ties::end))
        .routes(routes!(ties::tell))
        .routes(routes!(watch::list))
        .routes(routes!(watch::read))
        .routes(routes!(watch::close))
        .routes(routes!(watch::own))
        .routes(routes!(watch::acknowledge))
        .routes(routes!(account::begin_passkey))
        .routes(routes!(account::enrol_passkey))
        .routes(routes!(account::begin_identity))
        .routes(routes!(account::enrol_identity))
        .routes(routes!(account::set_password))
        .routes(routes!(account::begin_totp))
        .routes(routes!(account::enrol_totp))
        .routes(routes!(account::begin_sent_code))
        .routes(routes!(account::enrol_sent_code))
        .routes(routes!(account::recovery_codes))
        .routes(routes!(account::remove))
        .routes(routes!(account::sessions, account::lend, account::end_others))
        .routes(routes!(account::end))
        .routes(routes!(events::list))
        .routes(routes!(events::search))
        .routes(routes!(events::export))
        .routes(routes!(events::disclosures))
        .routes(routes!(ledger::prove))
        .routes(routes!(ledger::state))
        .routes(routes!(ledger::checkpoint))
        .routes(routes!(ledger::checkpoints))
        .routes(routes!(ledger::tile))
        .routes(routes!(ledger::entries))
        .routes(routes!(ledger::records))
        .routes(routes!(ledger::accesses))
        .routes(routes!(imports::propose))
        .routes(routes!(imports::start))
        .routes(routes!(imports::read))
        .routes(routes!(imports::chunk))
        .routes(routes!(exports::export))
        .routes(routes!(keys::state))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::retire))
        .routes(routes!(keys::drill))
        .routes(routes!(keys::answer))
        .routes(routes!(keys::reseal))
        .routes(routes!(keys::recovery))
        .routes(routes!(transit::create, transit::list))
        .routes(routes!(transit::read, transit::update, transit::delete))
        .routes(routes!(transit::rotate))
        .routes(routes!(transit::trim))
        .routes(routes!(transit::work::encrypt))
        .routes(routes!(transit::work::decrypt))
        .routes(routes!(transit::work::rewrap))
        .routes(routes!(transit::work::hmac))
        .routes(routes!(transit::work::verify_hmac))
        .routes(routes!(transit::work::sign))
        .routes(routes!(transit::work::verify))
        .routes(routes!(transit::work::encode))
        .routes(routes!(transit::work::decode))
        .routes(routes!(transit::work::random))
        .routes(routes!(backups::list, backups::make))
        .routes(routes!(system::status))
        .routes(routes!(system::health))
        .routes(routes!(system::ready))
        .routes(routes!(system::document))
        .merge(compat::routes())
        .split_for_parts();
    (compat::with_lists(router).merge(console::routes()).merge(scim::routes()), openapi::finish(document))
}

/// The routes with everything around them, for one listener.
pub(crate) fn router(routes: Router<Shared>, service: &Shared, door: &Arc<Door>) -> Router {
    routes
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_route)
        .layer(from_fn_with_state((Shared::clone(service), Arc::clone(door)), shell))
        .with_state(Shared::clone(service))
}

pub(crate) async fn no_such_route() -> Failure {
    Failure::new(avouch_wire::ProblemKind::NotFound, "there is no such route, or not with this method")
}
