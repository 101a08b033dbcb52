//! Query strings: known parameters, each once. They never hold personal data, but somebody may put some there by mistake, so a
//! refusal does not repeat what it does not know.

mod events;

use std::borrow::Cow;

use avouch_core::SubjectId;
use avouch_core::vault::TokensOf;
use avouch_core::watch::{CaseState, Family};
use avouch_wire::limits;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use data_encoding::BASE64URL_NOPAD;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

pub(crate) use events::{DisclosureFilter, EventExport, EventFilter, Given, filter};

use crate::page::{Cursor, Paging};
use crate::problem::Failure;
use crate::service::Shared;

/// The query of a list.
impl FromRequestParts<Shared> for Paging {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        paging(&Parameters::parse(parts.uri.query(), &["limit", "cursor"])?)
    }
}

/// The query of the list of tokens.
pub(crate) struct TokenFilter {
    pub(crate) paging: Paging,
    pub(crate) of: TokensOf,
    pub(crate) tag: Option<String>,
}

impl FromRequestParts<Shared> for TokenFilter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let known = ["limit", "cursor", "subject", "recipient", "tag"];
        let parameters = Parameters::parse(parts.uri.query(), &known)?;
        let of = match (parameters.value("subject"), parameters.value("recipient")) {
            (Some(subject), None) => {
                let subject = Uuid::parse_str(subject);
                let subject =
                    subject.map_err(|_| Failure::fault("?subject", "expected the id of a customer"))?;
                TokensOf::Subject(SubjectId::from_bytes(subject.into_bytes()))
            }
            (None, Some(recipient)) => TokensOf::Recipient(recipient.to_owned()),
            _ => return Err(Failure::fault("?", "expected `subject` or `recipient`, and only one of them")),
        };
        Ok(Self { paging: paging(&parameters)?, of, tag: parameters.value("tag").map(str::to_owned) })
    }
}

/// The query by which clients of transit engines ask a GET for a list.
pub(crate) struct Listing;

impl FromRequestParts<Shared> for Listing {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        match Parameters::parse(parts.uri.query(), &["list"])?.value("list") {
            Some("true" | "1") => Ok(Self),
            _ => {
                Err(Failure::fault("?list", "this route has a list and nothing else: ask with `?list=true`"))
            }
        }
    }
}

/// The query of an erasure.
pub(crate) struct EraseFilter {
    pub(crate) classes: Vec<String>,
    pub(crate) keep_held: bool,
}

impl FromRequestParts<Shared> for EraseFilter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let parameters = Parameters::parse(parts.uri.query(), &["classes", "keep_held"])?;
        let keep_held = parameters.truth("keep_held")?;
        // An empty list is not taken for none, or a slip would erase everything.
        let classes: Vec<String> = parameters
            .value("classes")
            .map(|names| names.split(',').map(str::to_owned).collect())
            .unwrap_or_default();
        if classes.iter().any(String::is_empty) {
            return Err(Failure::fault("?classes", "expected retention classes with commas between"));
        }
        Ok(Self { classes, keep_held })
    }
}

/// The query of the list of erasures.
pub(crate) struct ErasureFilter {
    pub(crate) paging: Paging,
    pub(crate) subject: Option<SubjectId>,
}

impl FromRequestParts<Shared> for ErasureFilter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let parameters = Parameters::parse(parts.uri.query(), &["limit", "cursor", "subject"])?;
        let subject = parameters.value("subject").map(str::parse).transpose();
        Ok(Self {
            paging: paging(&parameters)?,
            subject: subject.map_err(|_| Failure::fault("?subject", "expected the id of a customer"))?,
        })
    }
}

/// The query of the list of alarms.
pub(crate) struct AlarmFilter {
    pub(crate) paging: Paging,
    pub(crate) open: bool,
}

impl FromRequestParts<Shared> for AlarmFilter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let parameters = Parameters::parse(parts.uri.query(), &["limit", "cursor", "open"])?;
        Ok(Self { paging: paging(&parameters)?, open: parameters.truth("open")? })
    }
}

/// The query of the list of cases.
pub(crate) struct CaseFilter {
    pub(crate) paging: Paging,
    pub(crate) family: Option<Family>,
    pub(crate) state: Option<CaseState>,
}

impl FromRequestParts<Shared> for CaseFilter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let parameters = Parameters::parse(parts.uri.query(), &["limit", "cursor", "family", "state"])?;
        let family = parameters.value("family").map(|name| {
            let found = Family::ALL.into_iter().find(|family| family.name() == name);
            found.ok_or_else(|| Failure::fault("?family", "there is no such family of rules"))
        });
        let state = parameters.value("state").map(|name| match name {
            "waiting" => Ok(CaseState::Waiting),
            "open" => Ok(CaseState::Open),
            "closed" => Ok(CaseState::Closed),
            "passed" => Ok(CaseState::Passed),
            _ => Err(Failure::fault("?state", "expected `waiting`, `open`, `closed` or `passed`")),
        });
        Ok(Self { paging: paging(&parameters)?, family: family.transpose()?, state: state.transpose()? })
    }
}

/// The query of the list of checkpoints: only those over more leaves than this.
pub(crate) struct CheckpointsAfter(pub(crate) u64);

impl FromRequestParts<Shared> for CheckpointsAfter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let parameters = Parameters::parse(parts.uri.query(), &["after"])?;
        let after = parameters.value("after").map(str::parse).transpose();
        after
            .map(|after| Self(after.unwrap_or(0)))
            .map_err(|_| Failure::fault("?after", "expected a number of leaves"))
    }
}

/// The query of the list of records: behind a place that the page before has named.
pub(crate) struct RecordsAfter(pub(crate) Option<Vec<u8>>);

impl FromRequestParts<Shared> for RecordsAfter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let parameters = Parameters::parse(parts.uri.query(), &["cursor"])?;
        let place = parameters.value("cursor").map(|text| BASE64URL_NOPAD.decode(text.as_bytes()));
        place.transpose().map(Self).map_err(|_| Paging::cursor_fault("?cursor"))
    }
}

fn paging(parameters: &Parameters<'_>) -> Result<Paging, Failure> {
    let limit = match parameters.value("limit") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| Paging::limit_fault("?limit"))?),
    };
    Paging::new(limit, parameters.value("cursor"), ("?limit", "?cursor"))
}

/// Parameters that were given, decoded.
struct Parameters<'q>(Vec<(&'static str, Cow<'q, str>)>);

impl<'q> Parameters<'q> {
    fn parse(query: Option<&'q str>, known: &[&'static str]) -> Result<Self, Failure> {
        let mut given: Vec<(&'static str, Cow<'q, str>)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = known.iter().find(|known| **known == name) else {
                return Err(Failure::fault("?", format!("this route takes only: {}", known.join(", "))));
            };
            let pointer = || format!("?{name}");
            if given.iter().any(|(other, _)| other == name) {
                return Err(Failure::fault(pointer(), "this parameter is given twice"));
            }
            let Ok(value) = percent_decode_str(value).decode_utf8() else {
                return Err(Failure::fault(pointer(), "expected percent-encoded UTF-8"));
            };
            given.push((name, value));
        }
        Ok(Self(given))
    }

    fn truth(&self, name: &str) -> Result<bool, Failure> {
        match self.value(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Failure::fault(format!("?{name}"), "expected `true` or `false`")),
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }
}

impl Paging {
    /// From the parameters of a query or the members of a body; `places` are their names in a fault.
    pub(crate) fn new(
        limit: Option<u32>,
        cursor: Option<&str>,
        places: (&str, &str),
    ) -> Result<Self, Failure> {
        let limit = limit.unwrap_or(limits::PAGE_DEFAULT);
        if !(1..=limits::PAGE_MAX).contains(&limit) {
            return Err(Self::limit_fault(places.0));
        }
        let cursor = match cursor {
            None => None,
            Some(text) => Some(Cursor::read(text).ok_or_else(|| Self::cursor_fault(places.1))?),
        };
        Ok(Self { limit: usize::try_from(limit).unwrap_or(1), cursor, cursor_place: places.1.to_owned() })
    }

    fn limit_fault(place: &str) -> Failure {
        Failure::fault(place, format!("expected 1 to {}", limits::PAGE_MAX))
    }
}
