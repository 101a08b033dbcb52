//! `/v1/events`: the ledger, newest first. Reading it is itself an event.

use avouch_core::audit::read::ReadEvents;
use avouch_core::audit::{Ending, Event as Recorded};
use avouch_core::{EventId, PrincipalId, Rules, View};
use avouch_wire::{Event, EventQuery, Outcome, Page};
use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::extract::Caller;
use crate::page::{Cursor, List};
use crate::perform::perform;
use crate::problem::Failure;
use crate::query::EventFilter;
use crate::render;
use crate::service::{Service, Shared};

/// Lists events, newest first.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventQuery),
    responses((status = 200, body = Page<Event>, description = "A page; it may be short or empty while there is more")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    filter: EventFilter,
) -> Result<Response, Failure> {
    let operation = ReadEvents {
        before: filter.paging.after_number(List::Events)?.map(EventId::from_int),
        after: None,
        actor: filter.actor,
        action: filter.action,
        limit: filter.paging.limit,
    };
    let events = perform(&service.app, &caller, operation).await?.output;
    let rules = service.app.rules();
    let items = events.items.into_iter().map(|(id, event)| rendered(&service, &rules, id, event)).collect();
    let next_cursor = events.next.map(|next| Cursor::number(List::Events, next.int()));
    render::ok(&Page { items, next_cursor })
}

/// Subjects are in it as pseudonyms, which lead nobody back to them; so it says how many and not who.
fn rendered(service: &Service, rules: &Rules, id: EventId, event: Recorded) -> Event {
    let name =
        |number: &u32| rules.field_name(*number).map_or_else(|| format!("field {number}"), str::to_owned);
    let view = |view: &u8| View::ALL.get(usize::from(*view)).copied();
    let views = event.views.iter().map(view).chain(std::iter::repeat(None));
    let target = event.objects.first().map(|id| Uuid::from_bytes(**id).to_string());
    Event {
        id: render::event_id(id),
        at: render::time(event.at),
        actor: render::actor(service, Some(PrincipalId::from_bytes(*event.actor))),
        action: event.what,
        outcome: match event.ending {
            Ending::Done => Outcome::Done,
            Ending::Refused => Outcome::Refused,
            Ending::Failed => Outcome::Failed,
        },
        purpose: event.purpose,
        reason_given: event.reason.is_some(),
        count: u64::from(event.count),
        fields: event
            .fields
            .iter()
            .map(name)
            .zip(views)
            .map(|(name, view)| render::touched(name, view))
            .collect(),
        recipient: event.recipient,
        target,
        erasure: event.erasure,
        decided_by: event.policies,
        needs: event.needs,
    }
}
