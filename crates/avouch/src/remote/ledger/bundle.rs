//! Evidence for somebody who was not there: a copy of the ledger, what the server says beside it of who is who and what was in force,
//! every event in words, and a page that says what all of it is and how to check it. Whatever is the server's word only stands in
//! `said/`, so that nobody takes it for proven.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use avouch_client::Client;
use avouch_core::EventId;
use avouch_core::audit::{Ending, Event};
use avouch_ledger::bundle::Bundle;
use avouch_ledger::tile::new_bundles;
use avouch_wire::{ErasureQuery, Ledger, Page, PageQuery, ProblemKind, Time};
use data_encoding::BASE64;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::CliError;
use super::super::output::Output;
use super::super::table::facts;
use super::copy::{copy, put, put_json};
use super::source::Source;

const README: &str = include_str!("bundle.md");
const EVENTS: &str = "events.jsonl";

pub(super) fn make(client: &Client, to: &Path, output: Output) -> Result<ExitCode, CliError> {
    let (ledger, leaves) = copy(client, to, output)?;
    let counted = write_events(&ledger, to)?;
    let said = said(client, to)?;
    put(&to.join("README.md"), readme(&ledger, &counted, &said).as_bytes())?;
    output.answer(&json!({"folder": to.display().to_string(), "leaves": leaves, "said": said}), |_| {
        facts([
            ("folder", to.display().to_string()),
            ("events", leaves.to_string()),
            ("begin with", "README.md".to_owned()),
        ])
    })
}

/// How many events of each kind, and from when to when.
#[derive(Default)]
struct Counted {
    kinds: BTreeMap<(String, &'static str), u64>,
    first: Option<i64>,
    last: Option<i64>,
}

/// Every event that is in the copy, as a line of JSON: derived from the leaves, which are what is proven.
fn write_events(ledger: &Ledger, to: &Path) -> Result<Counted, CliError> {
    let path = to.join(EVENTS);
    let failed = |error: std::io::Error| CliError::file(&path, &error);
    let mut out = std::io::BufWriter::new(fs::File::create(&path).map_err(failed)?);
    let mut counted = Counted::default();
    let source = Source::Copy(to);
    let mut logs: Vec<_> = ledger.logs.iter().collect();
    logs.sort_by_key(|log| log.number);
    for log in logs {
        let notes = source.checkpoints(log.number)?;
        let Some(size) = notes.last().and_then(|note| note.split('\n').nth(1)?.parse().ok()) else {
            continue;
        };
        for id in new_bundles(log.minimum, size) {
            let bytes = source.part(log.number, &id.path())?.unwrap_or_default();
            let bundle = Bundle::parse(&bytes, id.width)?;
            let first = id.index * u64::from(avouch_ledger::tile::TILE_WIDTH);
            for (index, entry) in (first..).zip(bundle.entries()) {
                let Ok(event) = Event::decode(entry) else { continue };
                let ending = ending(event.ending);
                *counted.kinds.entry((event.what.clone(), ending)).or_default() += 1;
                counted.first = Some(counted.first.map_or(event.at, |first| first.min(event.at)));
                counted.last = Some(counted.last.map_or(event.at, |last| last.max(event.at)));
                let line = serde_json::to_string(&worded(log.number, index, &event))
                    .map_err(std::io::Error::from)?;
                writeln!(out, "{line}").map_err(failed)?;
            }
        }
    }
    out.flush().map_err(failed)?;
    Ok(counted)
}

const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Refused => "refused",
        Ending::Failed => "failed",
    }
}

fn worded(log: u64, index: u64, event: &Event) -> Value {
    json!({
        "log": log, "index": index,
        "id": EventId::from_int(event.id).uuid(),
        "at": Time::from_micros(event.at),
        "actor": Uuid::from_bytes(*event.actor),
        "action": event.what,
        "outcome": ending(event.ending),
        "problem": event.problem,
        "charter": event.charter,
        "purpose": event.purpose,
        "recipient": event.recipient,
        "subjects": event.subjects.iter().map(|subject| BASE64.encode(&subject[..])).collect::<Vec<_>>(),
        "fields": event.fields,
        "count": event.count,
        "decided_by": event.policies,
        "needs": event.needs,
        "erasure": event.erasure,
    })
}

/// A file of what the server says, what it is, and whether this key was allowed to ask.
type Said = (&'static str, &'static str, bool);

/// What the server says beside the ledger, as far as this key may ask.
fn said(client: &Client, to: &Path) -> Result<Vec<Said>, CliError> {
    let people = all(|page| Ok(client.principals(page)?));
    let receipts = all(|page| {
        let query = ErasureQuery { limit: page.limit, cursor: page.cursor.clone(), subject: None };
        Ok(client.erasures(&query)?)
    });
    let answers = [
        ("principals.json", "who the actors are, and in which roles", people),
        ("charter.json", "the charter in force: fields by number, purposes, roles", one(client.charter())),
        (
            "charter-versions.json",
            "when each charter was put in force, and by whom",
            one(client.charter_versions()),
        ),
        ("erasures.json", "receipts of erasures, each signed", receipts),
        ("keys.json", "which keys there are, how old, and how the root is kept", one(client.key_state())),
        ("status.json", "the server's version and state", one(client.status())),
    ];
    let mut said = Vec::new();
    for (name, what, answer) in answers {
        let had = match answer {
            Ok(value) => put_json(&to.join("said").join(name), &value).map(|()| true)?,
            Err(CliError::Call(error)) if refused(&error) => false,
            Err(error) => return Err(error),
        };
        said.push((name, what, had));
    }
    Ok(said)
}

fn refused(error: &avouch_client::Error) -> bool {
    error.problem().is_some_and(|problem| problem.kind == ProblemKind::DeniedByPolicy)
}

fn one<T: Serialize>(answer: Result<T, avouch_client::Error>) -> Result<Value, CliError> {
    Ok(serde_json::to_value(answer?).map_err(std::io::Error::from)?)
}

/// All pages of a list.
fn all<T: Serialize>(
    mut ask: impl FnMut(&PageQuery) -> Result<Page<T>, CliError>,
) -> Result<Value, CliError> {
    let (mut all, mut page) = (Vec::new(), PageQuery { limit: Some(100), cursor: None });
    loop {
        let Page { items, next_cursor } = ask(&page)?;
        for item in items {
            all.push(serde_json::to_value(item).map_err(std::io::Error::from)?);
        }
        if next_cursor.is_none() {
            return Ok(Value::Array(all));
        }
        page.cursor = next_cursor;
    }
}

fn readme(ledger: &Ledger, counted: &Counted, said: &[Said]) -> String {
    let time = |at: Option<i64>| at.and_then(Time::from_micros).map(|at| at.to_string()).unwrap_or_default();
    let mut logs = String::new();
    for log in &ledger.logs {
        let _ = writeln!(
            logs,
            "| {} | `{}` | {} | {} | {} |",
            log.number, log.origin, log.begun, log.size, log.minimum
        );
    }
    let mut kinds = String::new();
    for ((action, outcome), count) in &counted.kinds {
        let _ = writeln!(kinds, "| `{action}` | {outcome} | {count} |");
    }
    let mut files = String::new();
    for (name, what, had) in said {
        let had = if *had { "" } else { " (not to be had with the key that made this)" };
        let _ = writeln!(files, "| `said/{name}` | {what}{had} |");
    }
    let witnesses = match ledger.witnessed_by.as_slice() {
        [] => "**nobody**: the log proves only what its own operator says".to_owned(),
        names => names.join(", "),
    };
    README
        .replace("{first}", &time(counted.first))
        .replace("{last}", &time(counted.last))
        .replace("{witnesses}", &witnesses)
        .replace("{logs}", logs.trim_end())
        .replace("{kinds}", kinds.trim_end())
        .replace("{files}", files.trim_end())
}
