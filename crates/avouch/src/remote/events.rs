//! The record, as a list or as it grows.

use std::{
    collections::{HashSet, VecDeque},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use avouch_wire::{Actor, Event, EventQuery, View, limits};
use clap::Args;
use uuid::Uuid;

use super::{CliError, Remote, output::listing, table::Table};

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Only what this principal did
    #[arg(long, value_name = "ID")]
    actor: Option<Uuid>,
    /// Only this action, such as `subject.reveal`
    #[arg(long)]
    action: Option<String>,
    /// Go on showing new events, oldest first, until interrupted. Leaves out `event.read`, which this itself causes, unless asked for
    #[arg(long, conflicts_with = "cursor")]
    follow: bool,
    /// How many entries, at most 100
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: Option<u32>,
    /// Go on where a page before ended
    #[arg(long, value_name = "TEXT")]
    cursor: Option<String>,
}

pub(super) fn run(args: EventsArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let query = EventQuery { limit: args.limit, cursor: args.cursor, actor: args.actor, action: args.action };
    if args.follow {
        return follow(query, remote);
    }
    let page = remote.client.events(&query)?;
    remote.output.answer(&page, |page| listing(&table(&page.items), page.next_cursor.as_ref()))
}

/// Who, for a table: the name, or else the kind and the id.
pub(super) fn actor(actor: &Actor) -> String {
    match (&actor.name, actor.id) {
        (Some(name), _) => name.clone(),
        (None, Some(id)) => format!("{} {id}", actor.kind),
        (None, None) => actor.kind.clone(),
    }
}

const PAUSE: Duration = Duration::from_secs(1);

fn follow(query: EventQuery, remote: &Remote) -> Result<ExitCode, CliError> {
    let own = |event: &Event| query.action.is_none() && event.action == "event.read";
    let mut seen = Seen::default();
    let mut page = remote.client.events(&query)?;
    loop {
        let mut fresh = Vec::new();
        loop {
            let before = fresh.len();
            fresh.extend(page.items.into_iter().filter(|event| seen.is_new(event.id)));
            // An event may become visible after a later one, so a page counts as known only when all of it is.
            let more = fresh.len() > before && !seen.first;
            match page.next_cursor.take().filter(|_| more) {
                Some(cursor) => {
                    let next = EventQuery { cursor: Some(cursor), ..query.clone() };
                    page = remote.client.events(&next)?;
                }
                None => break,
            }
        }
        seen.first = false;
        for event in fresh.iter().rev().filter(|event| !own(event)) {
            if remote.output.json {
                let line = serde_json::to_string(event).map_err(std::io::Error::from)?;
                remote.output.text(&format!("{line}\n"))?;
            } else {
                remote.output.text(&line(event))?;
            }
        }
        pause();
        let newest = EventQuery { limit: Some(limits::PAGE_MAX), ..query.clone() };
        page = remote.client.events(&newest)?;
    }
}

fn pause() {
    let wake = Instant::now() + PAUSE;
    let mut left = PAUSE;
    while !left.is_zero() {
        thread::park_timeout(left);
        left = wake.saturating_duration_since(Instant::now());
    }
}

/// The last ids that were shown; bounded, whatever the length of the record.
struct Seen {
    first: bool,
    ids: HashSet<Uuid>,
    order: VecDeque<Uuid>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { first: true, ids: HashSet::new(), order: VecDeque::new() }
    }
}

impl Seen {
    const MOST: usize = 10_000;

    fn is_new(&mut self, id: Uuid) -> bool {
        let new = self.ids.insert(id);
        if new {
            self.order.push_back(id);
            if self.order.len() > Self::MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.ids.remove(&oldest);
            }
        }
        new
    }
}

fn table(events: &[Event]) -> Table {
    let mut table = Table::new(["at", "who", "action", "outcome", "on", "purpose", "view", "fields"]);
    for event in events {
        table.row(cells(event));
    }
    table
}

fn line(event: &Event) -> String {
    let cells = cells(event);
    let text = cells.iter().filter(|cell| !cell.is_empty()).map(|cell| super::table::clean(cell));
    let mut line = text.collect::<Vec<_>>().join("  ");
    line.push('\n');
    line
}

fn cells(event: &Event) -> [String; 8] {
    let on = match (event.subject, event.count, &event.target) {
        (Some(subject), _, _) => subject.to_string(),
        (None, Some(count), _) => format!("{count} customers"),
        (None, None, target) => target.clone().unwrap_or_default(),
    };
    [
        event.at.to_string(),
        actor(&event.actor),
        event.action.clone(),
        event.outcome.name().to_owned(),
        on,
        event.purpose.clone().unwrap_or_default(),
        event.view.map(View::name).unwrap_or_default().to_owned(),
        event.fields.join(", "),
    ]
}
