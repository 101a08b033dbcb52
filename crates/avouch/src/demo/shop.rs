//! The demo's staff and customers, made through the operations that any client's requests become.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use avouch_core::SubjectId;
use avouch_core::app::App;
use avouch_core::gate::Caller;
use avouch_core::gate::principals::{CreateKey, CreatePrincipal};
use avouch_core::vault::{Asked, ImportChunk, ImportRow, OnDuplicate, OnErased, SearchSubjects, StartImport};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::people::people;
use crate::error::Error;
use crate::files;

/// How long the demo's API keys live; an expired one is replaced at the next start.
pub(super) const KEY_DAYS: u32 = 365;
/// The people are the same on every machine.
const SEED: u64 = 8420;
const CHUNK: usize = 500;

/// One who may call the demo's server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
    /// Also the name of the key's file and of the script.
    pub(super) name: &'static str,
    /// For the screen.
    pub(super) who: &'static str,
    kind: &'static str,
    role: &'static str,
    recipient: Option<&'static str>,
}

const fn role(name: &'static str, who: &'static str, kind: &'static str, role: &'static str) -> Role {
    Role { name, who, kind, role, recipient: None }
}

pub(super) const ROLES: &[Role] = &[
    role("support", "Support agent", "staff", "support"),
    role("dpo", "Privacy officer", "staff", "dpo"),
    role("shop", "Web shop", "service", "shop"),
    Role { recipient: Some("parcels"), ..role("parcels", "Parcel service", "service", "parcels_api") },
    role("admin", "Administrator", "staff", "admin"),
];

/// A role and its key.
pub(super) struct Staff {
    pub(super) role: &'static Role,
    pub(super) key: Zeroizing<String>,
}

/// Everybody with a key that works, made where there is none.
pub(super) fn hire(app: &Arc<App>, folder: &Path) -> Result<Vec<Staff>, Error> {
    ROLES.iter().map(|role| Ok(Staff { role, key: key_of(app, folder, role)? })).collect()
}

fn key_of(app: &Arc<App>, folder: &Path, role: &Role) -> Result<Zeroizing<String>, Error> {
    let path = folder.join(role.name);
    if path.exists() {
        let text = files::read_secret(&path)?;
        let key = Zeroizing::new(text.trim().to_owned());
        if app.authenticate(&key, IpAddr::V4(Ipv4Addr::LOCALHOST)).is_ok() {
            return Ok(key);
        }
    }
    let system = Caller::system();
    let principal = CreatePrincipal {
        kind: role.kind.to_owned(),
        name: role.who.to_owned(),
        login: None,
        manager: None,
        person: None,
        contact: None,
        roles: vec![role.role.to_owned()],
        recipient: role.recipient.map(str::to_owned),
        networks: Vec::new(),
        days: None,
    };
    let principal = app.perform_wait(&system, principal)?.output.id;
    let key = CreateKey { principal, label: "demo".to_owned(), days: KEY_DAYS, networks: Vec::new() };
    let key = app.perform_wait(&system, key)?.output.key;
    keep_key(folder, role.name, &key)?;
    Ok(key)
}

/// Writes a key into its file.
pub(super) fn keep_key(folder: &Path, name: &str, key: &str) -> Result<(), Error> {
    files::make_private_dir(folder)?;
    files::replace(&folder.join(name), &format!("{key}\n"), 0o600)
}

/// Seals the customers that are not there yet.
pub(super) fn fill(app: &Arc<App>, count: usize) -> Result<(), Error> {
    let system = Caller::system();
    let start = StartImport {
        source: format!("demo {SEED} {count}").into_bytes(),
        mapping: Vec::new(),
        dry_run: false,
        on_duplicate: OnDuplicate::Skip,
        on_erased: OnErased::Ask,
        purpose: None,
        reason: None,
    };
    let state = app.perform_wait(&system, start)?.output;
    let done = |chunk: u64| state.chunks_done.iter().any(|(from, to)| (*from..=*to).contains(&chunk));
    let mut people = people(SEED, count);
    let bar = bar(count);
    let mut rejected = 0;
    for chunk in 0.. {
        let rows: Vec<ImportRow> = (1..)
            .zip(people.by_ref().take(CHUNK))
            .map(|(row, person)| ImportRow { row, fields: person.fields })
            .collect();
        if rows.is_empty() {
            break;
        }
        if !done(chunk) {
            let import = ImportChunk::new(app, state.id, chunk, &rows, None, None)?;
            rejected += app.perform_wait(&system, import)?.output.rejected.len();
        }
        bar.inc(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    }
    bar.finish_and_clear();
    if rejected > 0 {
        tracing::warn!(rejected, "customers that the charter does not take were left out");
    }
    Ok(())
}

/// On a terminal only; elsewhere it draws nothing.
fn bar(count: usize) -> ProgressBar {
    let template = "sealing customers {bar:30} {pos}/{len}  {per_sec}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX)).with_style(style)
}

/// The customer whom the commands on the screen are about.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) id: SubjectId,
    pub(super) email: String,
}

/// Finds the first customer again.
pub(super) fn sample(app: &Arc<App>) -> Result<Sample, Error> {
    let person = people(SEED, 1).next();
    let email =
        person.and_then(|person| Some(person.fields.get("email")?.as_str()?.to_owned())).unwrap_or_default();
    let by = Map::from_iter([("email".to_owned(), Value::from(email.as_str()))]);
    let asked = Asked { by, ..Asked::default() };
    let search = SearchSubjects::new(app, asked, None, None, None, 1)?;
    let page = app.perform_wait(&Caller::system(), search)?.output;
    let found = page.items.first().ok_or(avouch_core::Error::NotFound)?;
    Ok(Sample { id: found.id, email })
}
