//! What was seen and changed of one customer, as a file that proves itself: each event with its path to a signed checkpoint. Whoever
//! checks it believes the keys of the log and computes the rest; names of people and fields are the company's word.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use avouch_client::{Client, Stated};
use avouch_core::audit::{Ending, Event};
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{VerifierKey, open_checkpoint};
use avouch_ledger::proof::verify_inclusion;
use avouch_wire::{Actor, PageQuery, ProvenAccesses, ProvenLeaf, Time};
use data_encoding::BASE64;
use serde_json::json;
use uuid::Uuid;

use super::super::CliError;
use super::super::events::actor;
use super::super::output::Output;
use super::super::table::{Table, facts};

const FORMAT: &str = "avouch/accesses/v1";

pub(super) fn fetch(
    client: &Client,
    customer: Uuid,
    out: &Path,
    stated: &Stated,
    output: Output,
) -> Result<ExitCode, CliError> {
    let mut page = PageQuery::default();
    let mut all = client.proven_accesses(customer, &page, stated)?;
    while let Some(cursor) = all.next_cursor.take() {
        page.cursor = Some(cursor);
        let next = client.proven_accesses(customer, &page, stated)?;
        all.logs.extend(next.logs);
        let known: Vec<_> = all.actors.iter().map(|actor| actor.id).collect();
        all.actors.extend(next.actors.into_iter().filter(|actor| !known.contains(&actor.id)));
        all.fields.extend(next.fields);
        all.next_cursor = next.next_cursor;
    }
    let text = serde_json::to_vec_pretty(&all).map_err(std::io::Error::from)?;
    fs::write(out, text).map_err(|error| CliError::file(out, &error))?;
    let events: usize = all.logs.iter().map(|log| log.leaves.len()).sum();
    output.answer(&json!({"customer": customer, "events": events, "not yet proven": all.unproven}), |_| {
        facts([
            ("customer", customer.to_string()),
            ("events", events.to_string()),
            ("not yet proven", all.unproven.to_string()),
        ])
    })
}

pub(super) fn check(text: &str, keys: &[VerifierKey], output: Output) -> Result<ExitCode, CliError> {
    let proven: ProvenAccesses =
        serde_json::from_str(text).map_err(|_| CliError::Input("this is no proof of accesses".to_owned()))?;
    if proven.format != FORMAT {
        return Err(CliError::Input("this is a proof of a form that this version does not know".to_owned()));
    }
    let subject = BASE64.decode(proven.subject.as_bytes()).unwrap_or_default();
    let mut events = Vec::new();
    for log in &proven.logs {
        let opened =
            open_checkpoint(&log.checkpoint, keys).ok().filter(|opened| opened.of_log().next().is_some());
        let opened = opened.ok_or_else(|| {
            CliError::Input(
                "a checkpoint is not signed by the keys that were given, or not as it is".to_owned(),
            )
        })?;
        let checkpoint = opened.checkpoint();
        for leaf in &log.leaves {
            let event = verified(leaf, checkpoint.size, &checkpoint.root)?;
            if !event.subjects.iter().any(|one| one[..] == *subject) {
                let index = leaf.index;
                return Err(CliError::Input(format!(
                    "leaf {index} is in the log and is not about this customer"
                )));
            }
            events.push(event);
        }
    }
    let actors: BTreeMap<Uuid, &Actor> =
        proven.actors.iter().filter_map(|actor| Some((actor.id?, actor))).collect();
    let shown: Vec<_> = events.iter().map(|event| row(event, &actors, &proven.fields)).collect();
    let answer = json!({"customer": proven.customer, "proven": shown.len(), "unproven": proven.unproven, "events": shown});
    output.answer(&answer, |_| {
        let mut table = Table::new(["at", "who", "action", "outcome", "purpose", "fields", "recipient"]);
        shown.iter().for_each(|row| table.row(row.clone()));
        format!(
            "{}\n{} events are in the log and about this customer, and are as they were signed.\nNot proven: that there is no other \
             one about this customer. Whoever verifies a copy of the whole log sees each event that names {}.\nThe names of people \
             and fields are the company's word.\n",
            table.render(super::super::output::width()),
            shown.len(),
            proven.subject
        )
    })
}

/// The event of a leaf that is where it says it is.
fn verified(leaf: &ProvenLeaf, size: u64, root: &Hash) -> Result<Event, CliError> {
    let wrong = || CliError::Input(format!("leaf {} is not in the log as it is here", leaf.index));
    let entry = BASE64.decode(leaf.leaf.as_bytes()).map_err(|_| wrong())?;
    let path: Vec<Hash> =
        leaf.path.iter().map(|hash| Hash::read(hash)).collect::<Option<_>>().ok_or_else(wrong)?;
    verify_inclusion(Hash::leaf(&entry), leaf.index, size, &path, root).map_err(|_| wrong())?;
    Event::decode(&entry)
        .map_err(|_| CliError::Input(format!("leaf {} is no event of this version", leaf.index)))
}

fn row(event: &Event, actors: &BTreeMap<Uuid, &Actor>, names: &BTreeMap<u32, String>) -> [String; 7] {
    let id = Uuid::from_bytes(*event.actor);
    let who = match actors.get(&id) {
        Some(known) => actor(known),
        None if id.is_nil() => "the system itself".to_owned(),
        None => id.to_string(),
    };
    let views = event.views.iter().map(Some).chain(std::iter::repeat(None));
    let field = |(number, view): (&u32, Option<&u8>)| {
        let name = names.get(number).cloned().unwrap_or_else(|| format!("field {number}"));
        match view.and_then(|view| avouch_core::View::ALL.get(usize::from(*view))) {
            Some(view) => format!("{name} ({})", view.as_str()),
            None => name,
        }
    };
    let fields: Vec<String> = event.fields.iter().zip(views).map(field).collect();
    [
        Time::from_micros(event.at).map(|at| at.to_string()).unwrap_or_default(),
        who,
        event.what.clone(),
        match event.ending {
            Ending::Done => "done",
            Ending::Refused => "refused",
            Ending::Failed => "failed",
        }
        .to_owned(),
        event.purpose.clone().unwrap_or_default(),
        fields.join(", "),
        event.recipient.clone().unwrap_or_default(),
    ]
}
