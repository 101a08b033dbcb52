//! From outcomes of the core to the wire: ids, times, views, subjects; and JSON answers with their length known.

use std::collections::BTreeMap;

use avouch_core::app::App;
use avouch_core::erasure::{Counts, Receipt};
use avouch_core::vault::{Returning, ShownSubject};
use avouch_core::{EventId, PrincipalId, Rules, View};
use avouch_wire::{self as wire, Actor, Fields, Subject, Time, TouchedField};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use crate::problem::{Failure, internal};
use crate::service::Service;

/// An answer as JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<Response, Failure> {
    let mut bytes = Vec::with_capacity(512);
    serde_json::to_writer(&mut bytes, body).map_err(|_| internal())?;
    Ok(json_bytes(status, bytes))
}

/// An answer that is JSON already.
pub(crate) fn json_bytes(status: StatusCode, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `200` with JSON.
pub(crate) fn ok<T: Serialize>(body: &T) -> Result<Response, Failure> {
    json(StatusCode::OK, body)
}

/// A subject with its version as `ETag`.
pub(crate) fn subject_response(status: StatusCode, subject: &Subject) -> Result<Response, Failure> {
    with_tag(json(status, subject)?, subject.version)
}

/// Adds the `ETag` of a version.
pub(crate) fn with_tag(mut response: Response, version: u64) -> Result<Response, Failure> {
    let tag = HeaderValue::from_str(&format!("\"{version}\"")).map_err(|_| internal())?;
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// A subject as it was shown.
pub(crate) fn subject(shown: ShownSubject) -> Subject {
    Subject {
        id: Uuid::from_bytes(*shown.id.bytes()),
        version: shown.version,
        created: time(shown.created),
        updated: time(shown.updated),
        fields: Fields(shown.fields),
        views: views(shown.views),
    }
}

/// A subject of which nothing is shown: the answer to a write.
pub(crate) fn written(id: avouch_core::SubjectId, version: u64, created: i64, updated: i64) -> Subject {
    Subject {
        id: Uuid::from_bytes(*id.bytes()),
        version,
        created: time(created),
        updated: time(updated),
        fields: Fields::default(),
        views: BTreeMap::new(),
    }
}

pub(crate) fn views(views: impl IntoIterator<Item = (String, View)>) -> wire::Views {
    views.into_iter().map(|(name, shown)| (name, view(shown))).collect()
}

pub(crate) fn view(view: View) -> wire::View {
    match view {
        View::Nothing => wire::View::Nothing,
        View::Token => wire::View::Token,
        View::Masked => wire::View::Masked,
        View::Partial => wire::View::Partial,
        View::Clear => wire::View::Clear,
    }
}

/// The name of a field by its number.
pub(crate) fn field_name(rules: &Rules, number: u32) -> String {
    rules.field_name(number).map_or_else(|| format!("field {number}"), str::to_owned)
}

/// A field of an event. The ledger keeps `nothing` as the view of a field that was stored or changed; on the wire it has none.
pub(crate) fn touched(name: String, shown: Option<View>) -> TouchedField {
    TouchedField { name, view: shown.filter(|shown| *shown != View::Nothing).map(view) }
}

/// The way back, for what a caller asks for at least.
pub(crate) fn asked_view(view: wire::View) -> View {
    match view {
        wire::View::Nothing => View::Nothing,
        wire::View::Token => View::Token,
        wire::View::Masked => View::Masked,
        wire::View::Partial => View::Partial,
        wire::View::Clear => View::Clear,
    }
}

/// Whether a caller has said that somebody may be back who was erased.
pub(crate) fn returning(again: bool) -> Returning {
    if again { Returning::Welcome } else { Returning::Ask }
}

/// A receipt.
pub(crate) fn receipt(service: &Service, receipt: Receipt) -> wire::Receipt {
    let kept =
        |kept: avouch_core::erasure::Kept| wire::erasure::Kept { class: kept.class, since: time(kept.since) };
    let Counts { fields, versions, terms, tokens, keys } = receipt.counts;
    wire::Receipt {
        number: receipt.number,
        subject: Uuid::from_bytes(*receipt.subject.bytes()),
        classes: receipt.classes,
        at: time(receipt.at),
        by: actor(service, Some(receipt.by)),
        event: event_id(receipt.event),
        removed: wire::erasure::Removed { fields, versions, terms, tokens, keys },
        kept: receipt.kept.into_iter().map(kept).collect(),
        horizon: receipt.horizon.map(time),
        backups: receipt.backups,
        note: receipt.note,
    }
}

/// From microseconds since 1970. A time that no calendar knows was never written by us.
pub(crate) fn time(micros: i64) -> Time {
    Time::from_micros(micros).unwrap_or_else(|| Time(Default::default()))
}

/// An event's number as an id.
pub(crate) fn event_id(id: EventId) -> Uuid {
    id.uuid()
}

/// Who acted, as far as the vault still knows.
pub(crate) fn actor(service: &Service, id: Option<PrincipalId>) -> Actor {
    actor_of(&service.app, id)
}

/// The same, for what is done without a request.
pub(crate) fn actor_of(app: &App, id: Option<PrincipalId>) -> Actor {
    let Some(id) = id else {
        return Actor { id: None, kind: "unknown".to_owned(), name: None };
    };
    if id == PrincipalId::SYSTEM {
        return Actor { id: None, kind: "system".to_owned(), name: None };
    }
    let access = app.access();
    let known = access.principal(id);
    Actor {
        id: Some(principal_id(id)),
        kind: known.map_or("unknown", |record| &record.kind).to_owned(),
        name: known.map(|record| record.name.clone()),
    }
}

pub(crate) fn principal_id(id: PrincipalId) -> Uuid {
    Uuid::from_bytes(*id.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_was_changed_and_not_shown_has_no_view() {
        let views = [None, Some(View::Nothing), Some(View::Token), Some(View::Clear)]
            .map(|shown| touched("email".to_owned(), shown).view);
        assert_eq!(views, [None, None, Some(wire::View::Token), Some(wire::View::Clear)]);
    }

    #[test]
    fn event_ids_are_version_7_sort_by_time_and_keep_their_moment() {
        let numbers =
            [1_i64, 999 << 10, 1000 << 10, (1_700_000_000_123_456 << 10) | 5, 1_700_000_000_123_457 << 10];
        let ids: Vec<Uuid> = numbers.iter().map(|number| event_id(EventId::from_int(*number))).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.get_version_num() == 7));
        assert!(ids.iter().all(|id| id.get_variant() == uuid::Variant::RFC4122));
        insta::assert_snapshot!(ids[3], @"018bcfe5-687b-71c8-8000-000000000005");
    }
}
