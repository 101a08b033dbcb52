//! The forms that let somebody in. Each comes from a page of ours, or nothing happens; what is wrong with it is said on the page that
//! it came from.

use std::net::IpAddr;

use avouch_core::gate;
use avouch_core::gate::people::{EndSessions, LogIn};
use avouch_wire::ProblemKind;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use zeroize::Zeroizing;

use super::pages::{LogInPage, SentCodePage, WelcomePage};
use super::show::{Frame, go, local, page};
use crate::extract::{From, Visitor, body};
use crate::people;
use crate::perform::perform;
use crate::problem::Failure;
use crate::service::Shared;

/// The longest form.
const FORM_BYTES: usize = 16 << 10;

/// What a form holds.
pub(super) struct Posted(Vec<(String, Zeroizing<String>)>);

impl Posted {
    /// A value, once; empty is nothing.
    pub(super) fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    /// A value that is no secret.
    pub(super) fn text(&mut self, name: &str) -> String {
        self.take(name).map(|value| value.to_string()).unwrap_or_default()
    }
}

impl FromRequest<Shared> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Failure> {
        let media_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
        let is_form = media_type.is_none_or(|media_type| {
            media_type.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded")
        });
        if !is_form {
            return Err(Failure::new(ProblemKind::UnsupportedMediaType, "this takes what a form sends"));
        }
        let bytes = body(request, FORM_BYTES).await?;
        let pairs = form_urlencoded::parse(&bytes).take(32);
        Ok(Self(pairs.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned()))).collect()))
    }
}

/// What is missing is wrong.
fn or_nothing(value: Option<Zeroizing<String>>) -> Zeroizing<String> {
    value.unwrap_or_default()
}

pub(super) async fn log_in(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    From(from): From,
    headers: HeaderMap,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let to = local(posted.take("to").as_deref().map(String::as_str));
    let login = posted.text("login");
    let shown = LogIn::Password {
        login: login.clone(),
        password: or_nothing(posted.take("password")),
        code: posted.take("code"),
    };
    match let_in(&service, shown, visitor.as_ref(), from, &headers, &to).await {
        Err(failure) => password_again(&service, visitor.as_ref(), &to, login, failure),
        done => done,
    }
}

/// Has a code sent, and asks for it.
pub(super) async fn send_code(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    From(from): From,
    headers: HeaderMap,
    mut posted: Posted,
) -> Result<Response, Failure> {
    if !service.app.sends_codes() {
        return Err(avouch_core::Error::NotFound.into());
    }
    let to = local(posted.take("to").as_deref().map(String::as_str));
    let login = posted.text("login");
    let password = or_nothing(posted.take("password"));
    match people::send_code(&service, login.clone(), password, &headers, from).await {
        Ok(ticket) => {
            let frame = open_frame(&service, visitor.as_ref());
            let mut response = page(StatusCode::OK, &SentCodePage { frame, to, error: None })?;
            people::set_ticket(&mut response, &ticket)?;
            Ok(response)
        }
        Err(failure) => password_again(&service, visitor.as_ref(), &to, login, failure),
    }
}

/// Lets in whoever has the code and remembers the answer.
pub(super) async fn sent_code(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    From(from): From,
    headers: HeaderMap,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let to = local(posted.take("to").as_deref().map(String::as_str));
    let (code, answer) = (or_nothing(posted.take("sent_code")), or_nothing(posted.take("answer")));
    let shown = people::ticket(&headers).map(|ticket| LogIn::SentCode { ticket, code, answer });
    let done = match shown {
        Ok(shown) => let_in(&service, shown, visitor.as_ref(), from, &headers, &to).await,
        Err(failure) => Err(failure),
    };
    match done {
        Err(failure) => {
            let (status, error) = said(failure)?;
            let frame = open_frame(&service, visitor.as_ref());
            page(status, &SentCodePage { frame, to, error: Some(error) })
        }
        done => done,
    }
}

/// The page to log in on, with the form for passwords open and what was wrong.
fn password_again(
    service: &Shared,
    visitor: Option<&gate::Caller>,
    to: &str,
    login: String,
    failure: Failure,
) -> Result<Response, Failure> {
    let (status, error) = said(failure)?;
    let shown = LogInPage {
        frame: open_frame(service, visitor),
        again: visitor.is_some(),
        error: Some(error),
        login,
        open_password: true,
        ..LogInPage::new(service, Some(to), false)
    };
    page(status, &shown)
}

/// Around a form for whoever is logged in already, or is not.
fn open_frame(service: &Shared, visitor: Option<&gate::Caller>) -> Frame {
    visitor.map_or_else(
        || Frame::open(service),
        |caller| Frame { narrow: true, ..Frame::of(service, caller, "") },
    )
}

pub(super) async fn recover(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    From(from): From,
    headers: HeaderMap,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let login = posted.text("login");
    let left = |typed: Option<Zeroizing<String>>| typed.filter(|typed| !typed.is_empty());
    let shown = LogIn::Recovery {
        login: login.clone(),
        code: or_nothing(posted.take("recovery_code")),
        password: left(posted.take("password")),
        app_code: left(posted.take("code")),
    };
    match let_in_anew(&service, shown, visitor.as_ref(), from, &headers).await {
        Err(failure) => {
            let (status, error) = said(failure)?;
            let page_of = LogInPage {
                error: Some(error),
                login,
                open_recovery: true,
                ..LogInPage::new(&service, None, false)
            };
            page(status, &page_of)
        }
        done => done,
    }
}

pub(super) async fn welcome(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    From(from): From,
    headers: HeaderMap,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let link = or_nothing(posted.take("link"));
    // Whoever pastes the whole address means what stands behind its `#`.
    let secret = link.rsplit('#').next().unwrap_or_default().trim();
    let shown = LogIn::Link(Zeroizing::new(secret.to_owned()));
    match let_in_anew(&service, shown, visitor.as_ref(), from, &headers).await {
        Err(failure) => {
            let (status, error) = said(failure)?;
            let error = match status {
                StatusCode::UNAUTHORIZED => {
                    "This link lets nobody in: it was used, it is too old, or a part of it is missing. Ask for \
                     another one."
                        .to_owned()
                }
                _ => error,
            };
            page(status, &WelcomePage { frame: Frame::open(&service), error: Some(error) })
        }
        done => done,
    }
}

/// Lets somebody in and sends them on.
pub(super) async fn let_in(
    service: &Shared,
    shown: LogIn,
    visitor: Option<&gate::Caller>,
    from: IpAddr,
    headers: &HeaderMap,
    to: &str,
) -> Result<Response, Failure> {
    let session = visitor.and_then(gate::Caller::session);
    let new = people::log_in(service, shown, people::arrival(headers, from, session)).await?;
    let onward = match &new.0 {
        new if new.aal == 0 => "/console/enrol",
        // What has to be done about it stands there.
        new if new.breached => "/console/account",
        _ => to,
    };
    let mut response = go(onward)?;
    people::give(&mut response, service, &new)?;
    Ok(response)
}

/// Lets somebody in who begins anew, by a link or a recovery code. The session that this browser had is over: nobody would end it
/// whose cookie is gone.
async fn let_in_anew(
    service: &Shared,
    shown: LogIn,
    before: Option<&gate::Caller>,
    from: IpAddr,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let response = let_in(service, shown, None, from, headers, "/console/enrol").await?;
    if let Some((caller, session)) = before.and_then(|caller| Some((caller, caller.session()?))) {
        perform(&service.app, caller, EndSessions { only: Some(session) }).await?;
    }
    Ok(response)
}

/// What to say on the page, of what its reader can do something about.
pub(super) fn said(failure: Failure) -> Result<(StatusCode, String), Failure> {
    let problem = failure.problem();
    let text = match problem.kind {
        ProblemKind::LogInFailed => {
            "This lets nobody in. Check what you typed; a code counts once, so wait for the next.".to_owned()
        }
        ProblemKind::TooManyAttempts
        | ProblemKind::RateLimited
        | ProblemKind::Busy
        | ProblemKind::ProviderUnavailable
        | ProblemKind::Conflict => sentence(&problem.detail),
        ProblemKind::Validation => {
            sentence(problem.errors.first().map_or(problem.detail.as_str(), |fault| fault.detail.as_str()))
        }
        _ => return Err(failure),
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    Ok((status, text))
}

/// As on a page: a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
