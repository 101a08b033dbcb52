//! The record, as a list, as it grows, and into a file.

mod export;
mod follow;

use std::{path::PathBuf, process::ExitCode};

use avouch_client::Stated;
use avouch_wire::{Actor, Event, EventFormat, EventQuery, EventSearch, Outcome, Time, TouchedField, View};
use clap::{Args, ValueEnum};
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
    /// Only for this purpose
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
    /// Only for this recipient
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// Only what ended so: done, refused or failed
    #[arg(long, value_parser = outcome)]
    outcome: Option<Outcome>,
    /// Only from this moment on, such as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Time>,
    /// Only before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
    /// Only what is about this customer. A look at them, and recorded as one
    #[arg(long, value_name = "ID", conflicts_with_all = ["follow", "export"])]
    subject: Option<Uuid>,
    /// Why you look for a customer's events, in a few words
    #[arg(long, value_name = "TEXT", requires = "subject")]
    reason: Option<String>,
    /// Go on showing new events, oldest first, until interrupted. Leaves out `event.read`, which this itself causes, unless asked for
    #[arg(long, conflicts_with = "cursor")]
    follow: bool,
    /// Write all events that are signed to a file, in the order of the log; `-` for stdout
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "follow", "cursor", "limit", "actor", "action", "purpose", "recipient", "outcome", "since", "until"
        ]
    )]
    export: Option<PathBuf>,
    /// How to write them: as they are listed, or in the Open Cybersecurity Schema Framework
    #[arg(long, requires = "export", default_value = "jsonl")]
    format: Format,
    /// Begin with this log
    #[arg(long, value_name = "N", requires = "export")]
    log: Option<u64>,
    /// Only behind this index of the log, where an export before has ended
    #[arg(long, value_name = "N", requires = "log")]
    since_index: Option<u64>,
    /// How many entries, at most 100
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: Option<u32>,
    /// Go on where a page before ended
    #[arg(long, value_name = "TEXT")]
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// One event a line, as `avouch events --json` lists them
    Jsonl,
    /// One event a line, in OCSF 1.8.0
    Ocsf,
}

impl From<Format> for EventFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jsonl => Self::Jsonl,
            Format::Ocsf => Self::Ocsf,
        }
    }
}

fn outcome(text: &str) -> Result<Outcome, String> {
    let known = [Outcome::Done, Outcome::Refused, Outcome::Failed];
    let found = known.into_iter().find(|outcome| outcome.name() == text);
    found.ok_or_else(|| "expected done, refused or failed".to_owned())
}

pub(super) fn run(args: EventsArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    if let Some(path) = &args.export {
        return export::run(path, args.format.into(), (args.log, args.since_index), remote);
    }
    let EventsArgs { actor, action, purpose, recipient, outcome, since, until, limit, cursor, .. } = args;
    let page = if let Some(subject) = args.subject {
        let stated = Stated { purpose: None, reason: args.reason };
        let search =
            EventSearch { subject, limit, cursor, actor, action, purpose, recipient, outcome, since, until };
        remote.client.event_search(&search, &stated)?
    } else {
        let (log, after) = (None, None);
        let query = EventQuery {
            limit,
            cursor,
            actor,
            action,
            purpose,
            recipient,
            outcome,
            since,
            until,
            log,
            after,
        };
        if args.follow {
            return follow::run(query, remote);
        }
        remote.client.events(&query)?
    };
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
