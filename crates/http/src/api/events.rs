//! `/v1/events`: the ledger, newest first or as the log has it; about one customer; and for others to take along. Reading it is itself
//! an event.

pub(crate) mod lines;

use avouch_core::audit::disclosures::ReadDisclosures;
use avouch_core::audit::read::{FollowEvents, Listed, ReadEvents};
use avouch_core::audit::search::SearchEvents;
use avouch_core::{EventId, PrincipalId, SubjectId};
use avouch_wire::{
    Disclosure, DisclosureQuery, Disclosures, Event, EventExportQuery, EventQuery, EventSearch, Page,
    header as names,
};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::extract::{Caller, Json, Stated};
use crate::page::{Cursor, List, Paging};
use crate::perform::{aside, perform};
use crate::problem::{Failure, internal};
use crate::query::{DisclosureFilter, EventExport, EventFilter, Given, filter};
use crate::render;
use crate::service::{Service, Shared};

/// Lists events, newest first; with `log`, as that has them.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventQuery),
    responses((status = 200, body = Page<Event>, description = "A page; it may be short or empty while there is more")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    wanted: EventFilter,
) -> Result<Response, Failure> {
    let EventFilter { paging, filter, place } = wanted;
    let limit = paging.limit;
    if let Some((log, from)) = paging.at_place().or_else(|| place.filter(|_| paging.cursor.is_none())) {
        let operation = FollowEvents { log: Some(log), from, filter, limit };
        let stretch = perform(&service.app, &caller, operation).await?.output;
        let next_cursor = Some(Cursor::place(stretch.log, stretch.next));
        let log = stretch.log;
        let listed = stretch.items.into_iter().map(|placed| Listed {
            id: placed.id,
            event: placed.event,
            place: Some((log, placed.index)),
        });
        return page(&service, listed, next_cursor);
    }
    let before = paging.after_number(List::Events)?.map(EventId::from_int);
    let events = perform(&service.app, &caller, ReadEvents { before, filter, limit }).await?.output;
    let next_cursor = events.next.map(|next| Cursor::number(List::Events, next.int()));
    page(&service, events.items.into_iter(), next_cursor)
}

/// Finds the events about one customer.
#[utoipa::path(post, path = "/v1/events/search", tag = "events", request_body = EventSearch,
    params(
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter this is asked"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = Page<Event>, description = "A page, newest first; it may be short or empty while there is more")))]
pub(super) async fn search(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, _): Json<EventSearch>,
) -> Result<Response, Failure> {
    let paging = Paging::new(request.limit, request.cursor.as_deref(), ("/limit", "/cursor"))?;
    let EventSearch { subject, actor, action, purpose, recipient, outcome, since, until, .. } = request;
    let actor = actor.map(|actor| PrincipalId::from_bytes(actor.into_bytes()));
    let given = Given { actor, action, purpose, recipient, outcome, since, until };
    let operation = SearchEvents {
        subject: SubjectId::from_bytes(subject.into_bytes()),
        purpose: stated.purpose,
        reason: stated.reason,
        before: paging.after_number(List::EventsOf)?.map(EventId::from_int),
        filter: filter(given, '/')?,
        limit: paging.limit,
    };
    let events = perform(&service.app, &caller, operation).await?.output;
    let next_cursor = events.next.map(|next| Cursor::number(List::EventsOf, next.int()));
    page(&service, events.items.into_iter(), next_cursor)
}

/// Takes events along, in the order of the log, as far as a checkpoint covers them.
///
///
/// The headers `Avouch-Log` and `Avouch-Index` say where the page has come to: with these as `log` and `after` the next one goes on, in
/// the next log where one has ended. `Avouch-Log-Size` says how many events there are.
#[utoipa::path(get, path = "/v1/events/export", tag = "events", params(EventExportQuery),
    responses((status = 200, body = String, content_type = "application/x-ndjson", description = "One event a line")))]
pub(super) async fn export(
    State(service): State<Shared>,
    Caller(caller): Caller,
    wanted: EventExport,
) -> Result<Response, Failure> {
    let EventExport { format, log, from, limit } = wanted;
    let operation = FollowEvents { log, from, filter: Default::default(), limit };
    let stretch = perform(&service.app, &caller, operation).await?.output;
    let mut body = String::new();
    for line in lines::event_lines(&service.app, &stretch, format) {
        body.push_str(&line);
        body.push('\n');
    }
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(names::JSON_LINES));
    let log = u64::try_from(stretch.log).map_err(|_| internal())?;
    headers.insert(names::LOG, log.into());
    headers.insert(names::LOG_SIZE, stretch.size.into());
    if let Some(index) = stretch.next.checked_sub(1) {
        headers.insert(names::INDEX, index.into());
    }
    Ok(response)
}

/// Says what recipients were given, of how many customers.
#[utoipa::path(get, path = "/v1/disclosures", tag = "events", params(DisclosureQuery),
    responses((status = 200, body = Disclosures, description = "One for each recipient, purpose, field and view")))]
pub(super) async fn disclosures(
    State(service): State<Shared>,
    Caller(caller): Caller,
    wanted: DisclosureFilter,
) -> Result<Response, Failure> {
    let until = wanted.until.unwrap_or(i64::MAX);
    let operation =
        ReadDisclosures { recipient: wanted.recipient, since: wanted.since.unwrap_or_default(), until };
    let counting = perform(&service.app, &caller, operation).await?.output;
    let app = std::sync::Arc::clone(&service.app);
    let counted = aside(move || counting.run(&app)).await?;
    let rules = service.app.rules();
    let items = counted.items.into_iter().map(|one| Disclosure {
        field: render::field_name(&rules, one.field),
        recipient: one.recipient,
        purpose: one.purpose,
        view: render::view(one.view),
        events: one.events,
        customers: one.subjects,
        first: render::time(one.first),
        last: render::time(one.last),
    });
    render::ok(&Disclosures { items: items.collect(), next: counted.next.map(render::time) })
}

fn page(
    service: &Service,
    listed: impl Iterator<Item = Listed>,
    next_cursor: Option<String>,
) -> Result<Response, Failure> {
    let rules = service.app.rules();
    let rendered = |listed: Listed| {
        let actor = render::actor(service, Some(PrincipalId::from_bytes(*listed.event.actor)));
        lines::rendered(&rules, actor, listed)
    };
    render::ok(&Page { items: listed.map(rendered).collect(), next_cursor })
}
