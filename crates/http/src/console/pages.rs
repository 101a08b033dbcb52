//! The pages that need nobody: log in, show once more who one is, welcome.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::show::{Frame, go, local, page};
use super::sign_on::{Button, buttons};
use crate::extract::Visitor;
use crate::problem::Failure;
use crate::service::Shared;

#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct LogInPage {
    pub(super) frame: Frame,
    pub(super) to: String,
    pub(super) again: bool,
    pub(super) resistant: bool,
    pub(super) passkeys: bool,
    pub(super) codes: bool,
    pub(super) providers: Vec<Button>,
    pub(super) error: Option<String>,
    pub(super) login: String,
    pub(super) open_password: bool,
    pub(super) open_recovery: bool,
}

impl LogInPage {
    pub(super) fn new(service: &Shared, to: Option<&str>, resistant: bool) -> Self {
        Self {
            frame: Frame::open(service),
            to: local(to),
            again: false,
            resistant,
            passkeys: service.origin.is_some(),
            codes: service.app.sends_codes(),
            providers: buttons(service, resistant),
            error: None,
            login: String::new(),
            open_password: false,
            open_recovery: false,
        }
    }
}

#[derive(Template)]
#[template(path = "sent_code.html")]
pub(super) struct SentCodePage {
    pub(super) frame: Frame,
    pub(super) to: String,
    pub(super) error: Option<String>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
pub(super) struct WelcomePage {
    pub(super) frame: Frame,
    pub(super) error: Option<String>,
}

/// A value of the query, as it stands there.
pub(super) fn of<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

pub(super) async fn home(Visitor(visitor): Visitor) -> Result<Response, Failure> {
    go(if visitor.is_some() { "/console/account" } else { "/console/login" })
}

pub(super) async fn login(
    State(service): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    page(StatusCode::OK, &LogInPage::new(&service, of(query.as_deref(), "to"), false))
}

pub(super) async fn step_up(
    State(service): State<Shared>,
    Visitor(visitor): Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let to = of(query.as_deref(), "to");
    let Some(caller) = visitor else { return go(&format!("/console/login?to={}", local(to))) };
    let shown = LogInPage {
        frame: Frame { narrow: true, ..Frame::of(&service, &caller, "") },
        again: true,
        ..LogInPage::new(&service, to, of(query.as_deref(), "with") == Some("passkey"))
    };
    page(StatusCode::OK, &shown)
}

pub(super) async fn welcome(State(service): State<Shared>) -> Result<Response, Failure> {
    page(StatusCode::OK, &WelcomePage { frame: Frame::open(&service), error: None })
}
