//! The pages about oneself: what one may do, what one logs in with, and the sessions one has.

use std::sync::Arc;

use askama::Template;
use avouch_core::gate::people::{
    Account, AuthenticatorKind, CodeWay, EndSessions, EnrolRecoveryCodes, LendSession, NewSession,
    ReadAccount, ReadSessions, RemoveAuthenticator,
};
use avouch_core::watch::{AcknowledgeMonitoring, OwnAccess, ReadOwnAccesses};
use avouch_core::{Action, AuthenticatorId, SessionId};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use zeroize::Zeroizing;

use super::forms::{Posted, said};
use super::show::{Frame, go, moment, page};
use super::sign_on::{Button, buttons};
use crate::api::watch::MONITORING;
use crate::extract::{Caller, Path};
use crate::people;
use crate::perform::{aside, perform};
use crate::problem::{Failure, internal};
use crate::service::Shared;

/// What policy asks of whoever changes what they log in with: better before the form than after it.
const FRESH_MINUTES: u32 = 5;
const HERE: &str = "/console/account";
/// The last looks of one's own that the page shows.
const LOOKS: usize = 20;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    error: Option<String>,
    strong: bool,
    breached: bool,
    has_codes: bool,
    authenticators: Vec<AuthenticatorRow>,
    sessions: Vec<SessionRow>,
    roles: Vec<RoleRow>,
    monitoring: &'static str,
    acknowledged: Option<String>,
    looks: Vec<LookRow>,
}

/// A look of one's own.
struct LookRow {
    at: String,
    what: String,
    purpose: String,
    fields: String,
    count: u32,
}

struct AuthenticatorRow {
    id: String,
    label: String,
    kind: &'static str,
    created: String,
    used: String,
    left: Option<usize>,
    travels: bool,
}

impl AuthenticatorRow {
    /// Whether its name does not say what it is.
    fn tagged(&self) -> bool {
        !self.label.eq_ignore_ascii_case(self.kind)
    }
}

struct SessionRow {
    id: String,
    this: bool,
    client: String,
    begun: String,
    seen: String,
    until: String,
}

struct RoleRow {
    title: String,
    purposes: Vec<String>,
    actions: Vec<String>,
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct EnrolPage {
    frame: Frame,
    error: Option<String>,
    strong: bool,
    enrolling: bool,
    passkeys: bool,
    providers: Vec<Button>,
    has_password: bool,
    has_totp: bool,
    codes: bool,
    has_sent_code: bool,
    /// Whether the password so far is asked for, and whether its form is open.
    asks_current: bool,
    open_password: bool,
    suggestion: String,
    next: &'static str,
}

#[derive(Template)]
#[template(path = "totp.html")]
struct TotpPage {
    frame: Frame,
    error: Option<String>,
    qr: String,
    secret: Zeroizing<String>,
}

#[derive(Template)]
#[template(path = "terminal.html")]
struct TerminalPage {
    frame: Frame,
    token: Zeroizing<String>,
    until: String,
}

#[derive(Template)]
#[template(path = "enrolled.html")]
struct EnrolledPage {
    frame: Frame,
    strong: bool,
}

#[derive(Template)]
#[template(path = "codes.html")]
struct CodesPage {
    frame: Frame,
    codes: Vec<Zeroizing<String>>,
}

/// What somebody logs in with, in plain words.
const fn kind(kind: AuthenticatorKind) -> &'static str {
    match kind {
        AuthenticatorKind::Passkey => "passkey",
        AuthenticatorKind::Password => "password",
        AuthenticatorKind::Totp => "app for codes",
        AuthenticatorKind::Recovery => "recovery codes",
        AuthenticatorKind::SentCode => "codes that are sent",
        AuthenticatorKind::Identity => "account elsewhere",
    }
}

pub(super) async fn account(State(service): State<Shared>, caller: Caller) -> Result<Response, Failure> {
    // With nothing but a link there is one thing to do.
    if caller.0.proof().aal() == 0 {
        return go("/console/enrol");
    }
    shown(&service, &caller, None).await
}

async fn shown(
    service: &Shared,
    Caller(caller): &Caller,
    error: Option<(StatusCode, String)>,
) -> Result<Response, Failure> {
    let account = perform(&service.app, caller, ReadAccount);
    let sessions = perform(&service.app, caller, ReadSessions);
    let looks = perform(&service.app, caller, ReadOwnAccesses { before: None, limit: LOOKS });
    let account: Account = account.await?.output;
    let sessions = sessions.await?.output.into_iter().rev().map(|session| SessionRow {
        id: session.id.to_string(),
        this: session.this,
        client: session.client,
        begun: moment(session.begun),
        seen: moment(session.seen),
        until: moment(session.until),
    });
    // With a password alone one sees how to mend that.
    let looks = looks.await.map(|done| done.output).ok();
    let acknowledged = looks.as_ref().and_then(|looks| looks.acknowledged).map(moment);
    let rules = service.app.rules();
    let title = |name: String| {
        let purpose = rules.charter.purposes().iter().find(|purpose| purpose.name == name);
        purpose.map_or(name, |purpose| purpose.title.clone())
    };
    let look = |look: OwnAccess| LookRow {
        at: moment(look.at),
        what: look.action.parse::<Action>().map_or(look.action, |action| action.about().to_owned()),
        purpose: look.purpose.map(title).unwrap_or_default(),
        fields: look.fields.join(", "),
        count: look.count,
    };
    let looks = looks.into_iter().flat_map(|looks| looks.items).map(look).collect();
    let has_codes = has(&account, AuthenticatorKind::Recovery);
    let breached = account.authenticators.iter().any(|one| one.breached);
    let authenticators = account.authenticators.into_iter().map(|one| AuthenticatorRow {
        id: one.id.to_string(),
        label: one.label,
        kind: kind(one.kind),
        created: moment(one.created),
        used: one
            .used
            .map_or_else(|| "not used yet".to_owned(), |used| format!("last used {}", moment(used))),
        left: one.left,
        travels: one.travels,
    });
    let roles = account.roles.into_iter();
    let about = |name: &String| name.parse::<Action>().ok().map(|action| action.about().to_owned());
    let roles = roles.map(|role| RoleRow {
        title: role.title,
        purposes: role.purposes,
        actions: role.actions.iter().filter_map(about).collect(),
    });
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let page_of = AccountPage {
        frame: Frame::of(service, caller, "account"),
        error,
        strong: account.strong,
        breached,
        has_codes,
        authenticators: authenticators.collect(),
        sessions: sessions.collect(),
        roles: roles.collect(),
        monitoring: MONITORING,
        acknowledged,
        looks,
    };
    page(status, &page_of)
}

fn has(account: &Account, kind: AuthenticatorKind) -> bool {
    account.authenticators.iter().any(|one| one.kind == kind)
}

/// Says that one knows that one's looks are watched.
pub(super) async fn acknowledge(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    perform(&service.app, &caller, AcknowledgeMonitoring).await?;
    go(HERE)
}

pub(super) async fn enrol(
    State(service): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let proof = caller.0.proof();
    if proof.aal() >= 2 && proof.age() > FRESH_MINUTES {
        return go("/console/step-up?to=/console/enrol");
    }
    enrol_page(&service, &caller, &headers, None, false).await
}

pub(super) async fn enrol_page(
    service: &Shared,
    Caller(caller): &Caller,
    headers: &HeaderMap,
    error: Option<(StatusCode, String)>,
    open_password: bool,
) -> Result<Response, Failure> {
    let account = perform(&service.app, caller, ReadAccount).await?.output;
    let has_password = has(&account, AuthenticatorKind::Password);
    let breached = account.authenticators.iter().any(|one| one.breached);
    let enrolling = caller.proof().aal() < 2;
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let page_of = EnrolPage {
        frame: Frame::of(service, caller, ""),
        error,
        strong: account.strong,
        enrolling,
        passkeys: service.origin.is_some(),
        providers: buttons(service, false),
        has_password,
        asks_current: has_password && caller.proof().aal() > 0,
        open_password: open_password || breached,
        has_totp: has(&account, AuthenticatorKind::Totp),
        codes: service.app.sends_codes(),
        has_sent_code: has(&account, AuthenticatorKind::SentCode),
        suggestion: people::client(headers),
        next: if enrolling { "/console/enrolled" } else { HERE },
    };
    page(status, &page_of)
}

pub(super) async fn enrolled(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let strong = perform(&service.app, &caller, ReadAccount).await?.output.strong;
    let frame = Frame { narrow: true, ..Frame::of(&service, &caller, "") };
    page(StatusCode::OK, &EnrolledPage { frame, strong })
}

pub(super) async fn set_password(
    State(service): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let (current, password) = (posted.take("current"), posted.take("password").unwrap_or_default());
    let (app, of) = (Arc::clone(&service.app), caller.0.clone());
    let judge = move || app.judge_password_enrolment(&of, current.as_deref().map(String::as_str), &password);
    let judged = match aside(judge).await {
        Ok(judged) => judged,
        Err(failure) => return enrol_page(&service, &caller, &headers, Some(said(failure)?), true).await,
    };
    perform(&service.app, &caller.0, judged).await?;
    go(if caller.0.proof().aal() < 2 { "/console/enrolled" } else { HERE })
}

pub(super) async fn begin_totp(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    totp_page(&service, &caller, None)
}

fn totp_page(
    service: &Shared,
    caller: &avouch_core::gate::Caller,
    error: Option<String>,
) -> Result<Response, Failure> {
    let begun = service.app.begin_totp(caller)?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = Frame { narrow: true, ..Frame::of(service, caller, "") };
    let page_of = TotpPage { frame, error, qr: qr(&begun.uri)?, secret: begun.secret };
    let mut response = page(status, &page_of)?;
    people::set_ticket(&mut response, &begun.ticket)?;
    Ok(response)
}

#[derive(Template)]
#[template(path = "sent_codes.html")]
struct SentCodesPage {
    frame: Frame,
    mail: bool,
    sent: bool,
    error: Option<String>,
}

fn sent_codes_page(
    service: &Shared,
    caller: &avouch_core::gate::Caller,
    sent: bool,
    error: Option<(StatusCode, String)>,
) -> Result<Response, Failure> {
    let frame = Frame { narrow: true, ..Frame::of(service, caller, "") };
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, text)| (status, Some(text)));
    let mail = service.app.code_way() == Some(CodeWay::Mail);
    page(status, &SentCodesPage { frame, mail, sent, error })
}

pub(super) async fn sent_codes(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    if !service.app.sends_codes() {
        return Err(avouch_core::Error::NotFound.into());
    }
    sent_codes_page(&service, &caller, false, None)
}

pub(super) async fn begin_sent_code(
    State(service): State<Shared>,
    Caller(caller): Caller,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let to = posted.text("to");
    let first = match service.app.first_code(&caller, &to) {
        Ok(first) => perform(&service.app, &caller, first).await,
        Err(error) => Err(error.into()),
    };
    match first {
        Ok(done) => {
            let mut response = sent_codes_page(&service, &caller, true, None)?;
            people::set_ticket(&mut response, &done.output)?;
            Ok(response)
        }
        Err(failure) => sent_codes_page(&service, &caller, false, Some(said(failure)?)),
    }
}

pub(super) async fn finish_sent_code(
    State(service): State<Shared>,
    Caller(caller): Caller,
    headers: HeaderMap,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let code = posted.take("code").unwrap_or_default();
    let answer = posted.take("answer").unwrap_or_default();
    let judged = match people::ticket(&headers) {
        Ok(ticket) => {
            let app = Arc::clone(&service.app);
            aside(move || app.judge_sent_code_enrolment(&ticket, &code, &answer)).await
        }
        Err(failure) => Err(failure),
    };
    match judged {
        Ok(judged) => {
            perform(&service.app, &caller, judged).await?;
            go(if caller.proof().aal() < 2 { "/console/enrolled" } else { HERE })
        }
        Err(failure) => sent_codes_page(&service, &caller, true, Some(said(failure)?)),
    }
}

/// A picture without colours of its own but black, on whatever is behind it.
fn qr(text: &str) -> Result<String, Failure> {
    let code = qrcode::QrCode::new(text.as_bytes()).map_err(|_| internal())?;
    let picture = code.render::<qrcode::render::svg::Color<'_>>().quiet_zone(false).build();
    // The page holds it as it is, without the line that makes it a file of its own.
    Ok(picture.find("<svg").and_then(|at| picture.get(at..)).unwrap_or_default().to_owned())
}

pub(super) async fn finish_totp(
    State(service): State<Shared>,
    Caller(caller): Caller,
    headers: HeaderMap,
    mut posted: Posted,
) -> Result<Response, Failure> {
    let label = posted.text("label");
    let code = posted.take("code").unwrap_or_default();
    let judged = people::ticket(&headers)
        .and_then(|ticket| Ok(service.app.judge_totp_enrolment(&ticket, &code, &label)?));
    match judged {
        Ok(judged) => {
            perform(&service.app, &caller, judged).await?;
            go(if caller.proof().aal() < 2 { "/console/enrolled" } else { HERE })
        }
        // Another secret: whoever could try codes against one would find it.
        Err(failure) => {
            said(failure)?;
            let text = "This was not its code. Take this new secret into the app, and type what it shows.";
            totp_page(&service, &caller, Some(text.to_owned()))
        }
    }
}

pub(super) async fn recovery_codes(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let codes = perform(&service.app, &caller, EnrolRecoveryCodes).await?.output.codes;
    page(StatusCode::OK, &CodesPage { frame: Frame::of(&service, &caller, ""), codes })
}

pub(super) async fn remove(
    State(service): State<Shared>,
    caller: Caller,
    Path(id): Path<AuthenticatorId>,
) -> Result<Response, Failure> {
    match perform(&service.app, &caller.0, RemoveAuthenticator { id }).await {
        Ok(_) => go(HERE),
        Err(failure) => shown(&service, &caller, Some(said(failure)?)).await,
    }
}

pub(super) async fn end(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SessionId>,
) -> Result<Response, Failure> {
    perform(&service.app, &caller, EndSessions { only: Some(id) }).await?;
    go(HERE)
}

pub(super) async fn lend(State(service): State<Shared>, caller: Caller) -> Result<Response, Failure> {
    match perform(&service.app, &caller.0, LendSession).await {
        Ok(done) => {
            let NewSession { token, until, .. } = done.output;
            let until = moment(until);
            page(StatusCode::OK, &TerminalPage { frame: Frame::of(&service, &caller.0, ""), token, until })
        }
        Err(failure) => shown(&service, &caller, Some(said(failure)?)).await,
    }
}

pub(super) async fn end_others(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    perform(&service.app, &caller, EndSessions { only: None }).await?;
    go(HERE)
}

pub(super) async fn log_out(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    if let Some(id) = caller.session() {
        perform(&service.app, &caller, EndSessions { only: Some(id) }).await?;
    }
    let mut response = go("/console/login")?;
    people::set_cookie(&mut response, people::SESSION, "", 0)?;
    Ok(response)
}
