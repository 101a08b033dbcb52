//! What events are asked for: which of them, from where in the log, and in which form.

use avouch_core::PrincipalId;
use avouch_core::audit::Ending;
use avouch_core::audit::read::Filter;
use avouch_wire::{EventFormat, Outcome, Time, limits};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::{Parameters, paging};
use crate::page::Paging;
use crate::problem::Failure;
use crate::service::Shared;

/// The query of the list of events.
pub(crate) struct EventFilter {
    pub(crate) paging: Paging,
    pub(crate) filter: Filter,
    /// The number of a log, and the first index in it that is wanted.
    pub(crate) place: Option<(i64, u64)>,
}

impl FromRequestParts<Shared> for EventFilter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let known = [
            "limit",
            "cursor",
            "actor",
            "action",
            "purpose",
            "recipient",
            "outcome",
            "since",
            "until",
            "log",
            "after",
        ];
        let parameters = Parameters::parse(parts.uri.query(), &known)?;
        let actor = parameters.value("actor").map(str::parse).transpose();
        let text = |name| parameters.value(name).map(str::to_owned);
        let given = Given {
            actor: actor.map_err(|_| Failure::fault("?actor", "expected the id of a principal"))?,
            action: text("action"),
            purpose: text("purpose"),
            recipient: text("recipient"),
            outcome: parameters.value("outcome").map(outcome).transpose()?,
            since: time(&parameters, "since")?,
            until: time(&parameters, "until")?,
        };
        let place = match (number(&parameters, "log")?, after(&parameters)?) {
            (None, Some(_)) => return Err(Failure::fault("?after", "this goes with `log`")),
            (log, from) => log.map(|log| (log.cast_signed(), from.unwrap_or(0))),
        };
        Ok(Self { paging: paging(&parameters)?, filter: filter(given, '?')?, place })
    }
}

/// The query of an export of events.
pub(crate) struct EventExport {
    pub(crate) format: EventFormat,
    pub(crate) log: Option<i64>,
    /// The first index that is wanted.
    pub(crate) from: u64,
    pub(crate) limit: usize,
}

impl FromRequestParts<Shared> for EventExport {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let parameters = Parameters::parse(parts.uri.query(), &["format", "log", "after", "limit"])?;
        let format = match parameters.value("format") {
            None | Some("jsonl") => EventFormat::Jsonl,
            Some("ocsf") => EventFormat::Ocsf,
            Some(_) => return Err(Failure::fault("?format", "expected `jsonl` or `ocsf`")),
        };
        let most = u64::from(limits::EXPORT_EVENTS);
        let limit = number(&parameters, "limit")?.unwrap_or(most);
        if !(1..=most).contains(&limit) {
            return Err(Failure::fault("?limit", format!("expected 1 to {most}")));
        }
        Ok(Self {
            format,
            log: number(&parameters, "log")?.map(u64::cast_signed),
            from: after(&parameters)?.unwrap_or(0),
            limit: usize::try_from(limit).unwrap_or(1),
        })
    }
}

/// The query of what was disclosed.
pub(crate) struct DisclosureFilter {
    pub(crate) recipient: Option<String>,
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
}

impl FromRequestParts<Shared> for DisclosureFilter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let parameters = Parameters::parse(parts.uri.query(), &["recipient", "since", "until"])?;
        let micros = |time: Option<Time>| time.map(|time| time.0.as_microsecond());
        Ok(Self {
            recipient: parameters.value("recipient").map(str::to_owned),
            since: micros(time(&parameters, "since")?),
            until: micros(time(&parameters, "until")?),
        })
    }
}

/// What a request says of the events it wants, in its query or its body.
pub(crate) struct Given {
    pub(crate) actor: Option<PrincipalId>,
    pub(crate) action: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) recipient: Option<String>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) since: Option<Time>,
    pub(crate) until: Option<Time>,
}

/// The same, for the core; `place` is what the name of a member begins with in a fault.
pub(crate) fn filter(given: Given, place: char) -> Result<Filter, Failure> {
    let Given { actor, action, purpose, recipient, outcome, since, until } = given;
    let named = |name: &String| name.len() <= 64 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'.');
    if action.as_ref().is_some_and(|action| !named(action)) {
        let place = format!("{place}action");
        return Err(Failure::fault(place, "expected an action such as `subject.reveal`"));
    }
    let micros = |time: Option<Time>| time.map(|time| time.0.as_microsecond());
    let outcome = outcome.map(|outcome| match outcome {
        Outcome::Done => Ending::Done,
        Outcome::Refused => Ending::Refused,
        Outcome::Failed => Ending::Failed,
    });
    Ok(Filter { actor, action, purpose, recipient, outcome, since: micros(since), until: micros(until) })
}

fn outcome(text: &str) -> Result<Outcome, Failure> {
    [Outcome::Done, Outcome::Refused, Outcome::Failed]
        .into_iter()
        .find(|outcome| outcome.name() == text)
        .ok_or_else(|| Failure::fault("?outcome", "expected `done`, `refused` or `failed`"))
}

fn time(parameters: &Parameters<'_>, name: &str) -> Result<Option<Time>, Failure> {
    let time = parameters.value(name).map(str::parse).transpose();
    time.map_err(|_| Failure::fault(format!("?{name}"), "expected a time such as 2026-03-01T09:30:00Z"))
}

fn number(parameters: &Parameters<'_>, name: &str) -> Result<Option<u64>, Failure> {
    let number = parameters.value(name).map(str::parse).transpose();
    let number = number.ok().filter(|number| number.is_none_or(|number| i64::try_from(number).is_ok()));
    number.ok_or_else(|| Failure::fault(format!("?{name}"), "expected a whole number"))
}

/// The first index behind the one that is given.
fn after(parameters: &Parameters<'_>) -> Result<Option<u64>, Failure> {
    Ok(number(parameters, "after")?.map(|after| after + 1))
}
