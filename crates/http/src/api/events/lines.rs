//! An event as it is listed, and as a line of what others take along or are sent. Subjects are in it as pseudonyms at most, which lead
//! nobody back to them; a line has no names of actors either, as they are people too and it leaves the house.

use avouch_core::app::App;
use avouch_core::audit::Ending;
use avouch_core::audit::read::Listed;
use avouch_core::ledger::follow::Stretch;
use avouch_core::{PrincipalId, Rules, View};
use avouch_wire::{Actor, Event, EventFormat, EventLine, Outcome};
use uuid::Uuid;

use crate::render;

/// Events of a stretch, each as one line without its end.
#[must_use]
pub fn event_lines(app: &App, stretch: &Stretch, format: EventFormat) -> Vec<String> {
    match format {
        EventFormat::Ocsf => app.ocsf_lines(stretch, env!("CARGO_PKG_VERSION")),
        EventFormat::Jsonl => jsonl(app, stretch),
    }
}

fn jsonl(app: &App, stretch: &Stretch) -> Vec<String> {
    let rules = app.rules();
    let line = |placed: &avouch_core::ledger::follow::Placed| {
        let actor = render::actor_of(app, Some(PrincipalId::from_bytes(*placed.event.actor)));
        let listed =
            Listed { id: placed.id, event: placed.event.clone(), place: Some((stretch.log, placed.index)) };
        let line = EventLine {
            origin: stretch.origin.clone(),
            leaf: data_encoding::HEXLOWER.encode(&placed.leaf.0),
            event: rendered(&rules, Actor { name: None, ..actor }, listed),
        };
        // Ids, numbers and names: there is nothing in it that could not be written.
        serde_json::to_string(&line).unwrap_or_default()
    };
    stretch.items.iter().map(line).collect()
}

/// It says how many customers, and not who.
pub(super) fn rendered(rules: &Rules, actor: Actor, listed: Listed) -> Event {
    let Listed { id, event, place } = listed;
    let name = |number: &u32| render::field_name(rules, *number);
    let view = |view: &u8| View::ALL.get(usize::from(*view)).copied();
    let views = event.views.iter().map(view).chain(std::iter::repeat(None));
    let target = event.key.or_else(|| event.objects.first().map(|id| Uuid::from_bytes(**id).to_string()));
    Event {
        id: render::event_id(id),
        log: place.and_then(|(log, _)| u64::try_from(log).ok()),
        index: place.map(|(_, index)| index),
        at: render::time(event.at),
        actor,
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
        under: event.under.iter().flatten().map(|id| Uuid::from_bytes(**id)).collect(),
        decided_by: event.policies,
        needs: event.needs,
    }
}
