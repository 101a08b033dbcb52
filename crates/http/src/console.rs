//! The pages for people who work here: log in, enrol, show once more who one is, see one's own access and sessions.
//!
//! Made on the server, whole without a script but for passkeys, with nothing from another site. They have no way of their own to
//! anything: each form becomes the same operation that the API has. What goes wrong is a page too, in plain words.

mod approvals;
mod assets;
mod break_glass;
mod forms;
mod own;
mod pages;
mod show;
mod sign_on;
mod work;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use crate::service::Shared;

pub(crate) use show::render_failure;

/// Whether a path is one of the pages'.
pub(crate) fn speaks(path: &str) -> bool {
    path == ROOT || path.strip_prefix(ROOT).is_some_and(|rest| rest.starts_with('/'))
}

const ROOT: &str = "/console";

/// Every route of the pages, with its method, for the table of routes.
pub(crate) const ROUTES: [(&str, &str); 42] = [
    ("GET", ROOT),
    ("GET", "/console/console.css"),
    ("GET", "/console/passkey.js"),
    ("GET", "/console/login"),
    ("POST", "/console/login"),
    ("POST", "/console/recover"),
    ("GET", "/console/step-up"),
    ("GET", "/console/sign-on/{provider}"),
    ("GET", "/console/sign-on/{provider}/link"),
    ("GET", "/console/sign-on/{provider}/callback"),
    ("GET", "/console/welcome"),
    ("POST", "/console/welcome"),
    ("GET", "/console/enrol"),
    ("GET", "/console/enrolled"),
    ("POST", "/console/password"),
    ("POST", "/console/totp"),
    ("POST", "/console/totp/finish"),
    ("GET", "/console/sent-codes"),
    ("POST", "/console/sent-codes"),
    ("POST", "/console/sent-codes/finish"),
    ("POST", "/console/login/code"),
    ("POST", "/console/login/sent"),
    ("POST", "/console/recovery-codes"),
    ("GET", "/console/account"),
    ("POST", "/console/account/monitoring"),
    ("POST", "/console/authenticators/{id}/remove"),
    ("POST", "/console/sessions/{id}/end"),
    ("POST", "/console/sessions/end-others"),
    ("POST", "/console/sessions/lend"),
    ("POST", "/console/logout"),
    ("GET", "/console/approvals"),
    ("GET", "/console/approvals/{id}"),
    ("POST", "/console/approvals/{id}/agree"),
    ("POST", "/console/approvals/{id}/refuse"),
    ("POST", "/console/approvals/{id}/cancel"),
    ("GET", "/console/break-glass"),
    ("POST", "/console/break-glass"),
    ("GET", "/console/break-glass/{id}"),
    ("POST", "/console/break-glass/{id}/review"),
    ("POST", "/console/break-glass/{id}/end"),
    ("GET", "/favicon.ico"),
    ("GET", "/"),
];

pub(crate) fn routes() -> Router<Shared> {
    let mut router = Router::new();
    let table: [(&str, MethodRouter<Shared>); 38] = [
        (ROOT, get(pages::home)),
        ("/", get(pages::home)),
        ("/favicon.ico", get(assets::no_icon)),
        ("/console/console.css", get(assets::style)),
        ("/console/passkey.js", get(assets::script)),
        ("/console/login", get(pages::login).post(forms::log_in)),
        ("/console/recover", post(forms::recover)),
        ("/console/step-up", get(pages::step_up)),
        ("/console/sign-on/{provider}", get(sign_on::begin)),
        ("/console/sign-on/{provider}/link", get(sign_on::link)),
        ("/console/sign-on/{provider}/callback", get(sign_on::back)),
        ("/console/welcome", get(pages::welcome).post(forms::welcome)),
        ("/console/enrol", get(own::enrol)),
        ("/console/enrolled", get(own::enrolled)),
        ("/console/password", post(own::set_password)),
        ("/console/totp", post(own::begin_totp)),
        ("/console/totp/finish", post(own::finish_totp)),
        ("/console/sent-codes", get(own::sent_codes).post(own::begin_sent_code)),
        ("/console/sent-codes/finish", post(own::finish_sent_code)),
        ("/console/login/code", post(forms::send_code)),
        ("/console/login/sent", post(forms::sent_code)),
        ("/console/recovery-codes", post(own::recovery_codes)),
        ("/console/account", get(own::account)),
        ("/console/account/monitoring", post(own::acknowledge)),
        ("/console/authenticators/{id}/remove", post(own::remove)),
        ("/console/sessions/{id}/end", post(own::end)),
        ("/console/sessions/end-others", post(own::end_others)),
        ("/console/sessions/lend", post(own::lend)),
        ("/console/logout", post(own::log_out)),
        ("/console/approvals", get(approvals::list)),
        ("/console/approvals/{id}", get(approvals::read)),
        ("/console/approvals/{id}/agree", post(approvals::agree)),
        ("/console/approvals/{id}/refuse", post(approvals::refuse)),
        ("/console/approvals/{id}/cancel", post(approvals::cancel)),
        ("/console/break-glass", get(break_glass::list).post(break_glass::open)),
        ("/console/break-glass/{id}", get(break_glass::read)),
        ("/console/break-glass/{id}/review", post(break_glass::review)),
        ("/console/break-glass/{id}/end", post(break_glass::end)),
    ];
    for (path, handlers) in table {
        router = router.route(path, handlers);
    }
    router
}
