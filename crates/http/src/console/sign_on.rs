//! To an identity provider and back. The browser goes there by following a link, since a form may be sent nowhere else; what it is to come
//! back with is in a cookie that no page can read, and where it goes then is in there, sealed.

use avouch_core::gate::people::{LogIn, SignOnChoice, SignOnTicket, Wanted};
use avouch_wire::ProblemKind;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;
use zeroize::Zeroizing;

use super::forms::{let_in, said};
use super::own::enrol_page;
use super::pages::{LogInPage, of};
use super::show::{Frame, go, local, page};
use crate::extract::{Caller, From, Path, Visitor};
use crate::people;
use crate::perform::{aside, perform};
use crate::problem::Failure;
use crate::service::Shared;

/// What is said of whatever went wrong: not who exists, nor how far somebody got.
const NOT_LET_IN: &str = "This let nobody in. Either your account there is not linked to one here, or what was shown there is not enough, \
                          or it took too long. Begin again; if it stays so, ask a colleague who administers access.";

/// A provider on a page.
pub(super) struct Button {
    pub(super) name: String,
    pub(super) label: String,
}

/// The providers that can show what is needed.
pub(super) fn buttons(service: &Shared, resistant: bool) -> Vec<Button> {
    let fits = |choice: &SignOnChoice| choice.resistant || !resistant;
    let choices = service.app.sign_on_choices().into_iter().filter(fits);
    choices.map(|SignOnChoice { name, label, .. }| Button { name, label }).collect()
}

/// Begins to log in, or to show once more who one is. A page of another site does not: whoever is logged in there would have a session
/// here without having wanted one.
pub(super) async fn begin(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    Path(name): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    if !people::is_own_page(&headers, service.origin.as_deref()) {
        return go("/console/login");
    }
    let wanted = Wanted {
        again: visitor.is_some(),
        resistant: of(query.as_deref(), "with") == Some("passkey"),
        to: local(of(query.as_deref(), "to")),
    };
    let (app, to, resistant) = (Arc::clone(&service.app), wanted.to.clone(), wanted.resistant);
    match aside(move || app.begin_sign_on(&name, &wanted)).await {
        Ok(begun) => {
            let mut response = go(&begun.address)?;
            people::set_sign_on(&mut response, &begun.ticket)?;
            Ok(response)
        }
        Err(failure) => log_in_page(&service, visitor.as_ref(), &to, resistant, failure),
    }
}

/// Begins to link an identity to oneself. A page of another site does not.
pub(super) async fn link(
    State(service): State<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if !people::is_own_page(&headers, service.origin.as_deref()) {
        return go("/console/enrol");
    }
    let to = if caller.0.proof().aal() < 2 { "/console/enrolled" } else { "/console/account" };
    let (app, of) = (Arc::clone(&service.app), caller.0.clone());
    match aside(move || app.begin_identity(&name, &of, to)).await {
        Ok(begun) => {
            let mut response = go(&begun.address)?;
            people::set_sign_on(&mut response, &begun.ticket)?;
            Ok(response)
        }
        Err(failure) => enrol_page(&service, &caller, &headers, Some(said(failure)?), false).await,
    }
}

/// Back from a provider, with whatever the browser brings. Its ticket is taken away, whatever comes of it.
pub(super) async fn back(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    From(from): From,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Zeroizing::new(query.unwrap_or_default());
    let ticket = people::sign_on(&headers).unwrap_or_default();
    let begun = service.app.sign_on_ticket(&ticket);
    let (links, to) = match begun {
        Ok(SignOnTicket { links, to, .. }) => (links, local(Some(&to))),
        Err(_) => (false, local(None)),
    };
    let mut response = match visitor {
        Some(caller) if links => linked(&service, Caller(caller), &headers, (ticket, query), &to).await?,
        visitor => {
            let shown = LogIn::SignOn { ticket, query };
            match let_in(&service, shown, visitor.as_ref(), from, &headers, &to).await {
                Ok(response) => response,
                Err(failure) => log_in_page(&service, visitor.as_ref(), &to, false, failure)?,
            }
        }
    };
    people::set_cookie(&mut response, people::SIGN_ON, "", 0)?;
    Ok(response)
}

async fn linked(
    service: &Shared,
    caller: Caller,
    headers: &HeaderMap,
    (ticket, query): (String, Zeroizing<String>),
    to: &str,
) -> Result<Response, Failure> {
    let (app, of) = (Arc::clone(&service.app), caller.0.clone());
    let judged = aside(move || app.judge_identity(&of, &ticket, &query)).await;
    let done = match judged {
        Ok(judged) => perform(&service.app, &caller.0, judged).await.map(drop),
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => go(to),
        Err(failure) => {
            let (status, text) = explained(failure)?;
            enrol_page(service, &caller, headers, Some((status, text)), false).await
        }
    }
}

fn explained(failure: Failure) -> Result<(StatusCode, String), Failure> {
    if failure.problem().kind == ProblemKind::LogInFailed {
        return Ok((StatusCode::UNAUTHORIZED, NOT_LET_IN.to_owned()));
    }
    said(failure)
}

fn log_in_page(
    service: &Shared,
    visitor: Option<&avouch_core::gate::Caller>,
    to: &str,
    resistant: bool,
    failure: Failure,
) -> Result<Response, Failure> {
    let (status, error) = explained(failure)?;
    let frame = visitor.map_or_else(
        || Frame::open(service),
        |caller| Frame { narrow: true, ..Frame::of(service, caller, "") },
    );
    let shown = LogInPage {
        frame,
        again: visitor.is_some(),
        error: Some(error),
        ..LogInPage::new(service, Some(to), resistant)
    };
    page(status, &shown)
}
