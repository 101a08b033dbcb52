//! The record, as a list or as it grows.

use std::{
    collections::{HashSet, VecDeque},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use avouch_wire::{Actor, Event, EventQuery, TouchedField, View, limits};
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
    let query = EventQuery {
        limit: args.limit,
        cursor: args.cursor,
        actor: args.actor,
        action: args.action,
        ..EventQuery::default()
    };
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

/// Which fields, for a table: `clear: email, phones · partial: name`, the most that was shown first. Fields that were stored or changed
/// stand alone.
pub(super) fn touched(fields: &[TouchedField]) -> String {
    let mut views: Vec<Option<View>> = fields.iter().map(|field| field.view).collect();
    views.sort_by_key(|view| std::cmp::Reverse(*view));
    views.dedup();
    let group = |view: Option<View>| {
        let names = fields.iter().filter(|field| field.view == view).map(|field| field.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        view.map_or_else(|| names.clone(), |view| format!("{}: {names}", view.name()))
    };
    views.into_iter().map(group).collect::<Vec<_>>().join(" · ")
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
    let mut table =
        Table::new(["at", "who", "action", "outcome", "purpose", "fields", "recipient", "items", "target"]);
    for event in events {
        table.row(cells(event, event.count.to_string()));
    }
    table
}

/// Without headings, so a number says what it counts.
fn line(event: &Event) -> String {
    let items = match event.count {
        0 => String::new(),
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    };
    let cells = cells(event, items);
    let text = cells.iter().filter(|cell| !cell.is_empty()).map(|cell| super::table::clean(cell));
    let mut line = text.collect::<Vec<_>>().join("  ");
    line.push('\n');
    line
}

fn cells(event: &Event, items: String) -> [String; 9] {
    [
        event.at.to_string(),
        actor(&event.actor),
        event.action.clone(),
        event.outcome.name().to_owned(),
        event.purpose.clone().unwrap_or_default(),
        touched(&event.fields),
        event.recipient.clone().unwrap_or_default(),
        items,
        event.target.clone().unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_view_is_said_of_the_fields_that_had_it() {
        let field = |name: &str, view| TouchedField { name: name.to_owned(), view };
        let seen = [
            field("name", Some(View::Partial)),
            field("email", Some(View::Clear)),
            field("phones", Some(View::Clear)),
            field("notes", None),
        ];
        assert_eq!(touched(&seen), "clear: email, phones · partial: name · notes");
        assert_eq!(touched(&seen[3..]), "notes");
        assert_eq!(touched(&[]), "");
    }

    #[test]
    fn a_line_that_follows_says_what_it_counts() {
        let event: Event = serde_json::from_value(json!({
            "id": "019560f0-2222-7000-8000-000000000001", "at": "2026-03-01T09:30:00.000000Z",
            "actor": {"kind": "staff", "name": "Support desk"}, "action": "subject.search", "outcome": "done",
            "purpose": "support", "count": 2, "fields": [{"name": "email", "view": "masked"}],
        }))
        .unwrap();
        insta::assert_snapshot!(line(&event), @"2026-03-01T09:30:00.000000Z  Support desk  subject.search  done  support  masked: email  2 items");
        insta::assert_snapshot!(table(&[event]).render(None), @"
        at                           who           action          outcome  purpose  fields         recipient  items  target
        2026-03-01T09:30:00.000000Z  Support desk  subject.search  done     support  masked: email             2
        ");
    }
}
