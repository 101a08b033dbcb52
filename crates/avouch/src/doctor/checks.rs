//! The checks. Each looks at one thing and says in a line what it saw and, if need be, what to do.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use avouch_client::Options;
use avouch_core::Action;
use avouch_core::app::App;
use avouch_core::backup::{Backup, Endings, Part, ReadBackups};
use avouch_core::clock::Clock as _;
use avouch_core::gate::{Caller, Status};
use avouch_core::indexes::ReadIndexes;
use avouch_core::keys::{ReadKeys, SealRole, SealState};
use avouch_core::vault::ReadStatus;
use avouch_wire::Secret;

use super::{Findings, ledger};
use crate::config::{Client, Config, Listener, Serves};
use crate::hazard::serving;
use crate::host::{self, SystemClock};
use crate::memory::{Locked, Memory, Swap};
use crate::{recovery, root, serve};

const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// 2025-01-01, in microseconds: earlier than any build of this program.
const FIRST_BUILD: i64 = 1_735_689_600 * 1_000_000;
/// Whoever has to renew a key wants to know this long before.
const SOON_DAYS: i64 = 30;
/// For how long a drill is believed.
const DRILL_DAYS: i64 = 365;
const MIB: u64 = 1 << 20;

/// Unsafe settings and permissions, as `serve` would refuse them.
pub(super) fn settings(config: &Config, config_path: &Path, memory: &Memory, findings: &mut Findings) {
    let found = serving(config, config_path, memory);
    if found.is_empty() {
        findings.ok("settings", "nothing that `avouch serve` would refuse");
    }
    for hazard in found {
        findings.fail("settings", format!("{}\n{}", hazard.found, hazard.mend));
    }
}

/// A crash must not write keys to the disk.
pub(super) fn process(findings: &mut Findings) {
    if host::is_hardened() {
        findings.ok("core dumps", "off, for us and for the server");
    } else {
        findings.fail("core dumps", "cannot be switched off: a crash would write keys to the disk");
    }
}

/// Nor should memory that is short.
pub(super) fn memory(memory: &Memory, findings: &mut Findings) {
    let Memory { lock, swap } = memory;
    let whole = *lock == Locked::Whole;
    match whole {
        true => findings.ok("memory", lock.advice()),
        false => findings.warn("memory", lock.advice()),
    }
    match swap {
        Swap::Off | Swap::Barred => findings.ok("swap", swap.told()),
        Swap::On(_) | Swap::Unknown if whole => {
            findings.ok("swap", format!("{}, and takes nothing that is locked", swap.told()));
        }
        Swap::On(_) | Swap::Unknown => {
            findings.warn("swap", format!("{}: keys in memory may be written to it", swap.told()));
        }
    }
}

/// A clock that is wrong makes keys expire early or late, and events out of order.
pub(super) fn clock(config: &Config, findings: &mut Findings) {
    let now = SystemClock.now();
    let newest = [config.data_path(), config.keys_path()]
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .map(|metadata| metadata.mtime().saturating_mul(1_000_000))
        .max();
    if now < FIRST_BUILD {
        findings.fail("clock", "stands before this program was written: set it");
    } else if newest.is_some_and(|newest| newest > now + 300 * 1_000_000) {
        findings.fail("clock", "stands before the last write to the store: it was set back");
    } else {
        findings.ok("clock", "plausible");
    }
}

/// A store that cannot be written answers no reveal.
pub(super) fn disk(config: &Config, findings: &mut Findings) {
    let existing = config.vault.data_dir.ancestors().find(|path| path.exists());
    let Some(Ok(space)) = existing.map(rustix::fs::statvfs) else {
        findings.warn("disk", "cannot be measured");
        return;
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize) / MIB;
    let detail = format!("{free} MiB free for the data");
    match free {
        0..100 => findings
            .fail("disk", format!("{detail}: without space nothing can be recorded, so nothing shown")),
        100..1024 => findings.warn("disk", detail),
        _ => findings.ok("disk", detail),
    }
}

/// Whoever copies a disk should not get both; and a device or service must answer when it is needed.
pub(super) fn root(config: &Config, findings: &mut Findings) {
    if let Some(path) = &config.root.path
        && !path.exists()
    {
        findings.fail("root", format!("`{}` is not there", path.display()));
        return;
    }
    let primary = match root::primary(config) {
        Ok(primary) => primary,
        Err(error) => return findings.fail("root", error.whole()),
    };
    let kind = primary.seal.info().kind;
    match primary.seal.health() {
        Err(error) => findings.fail("root", format!("the {kind} {error}")),
        Ok(()) if primary.beside_data => findings.warn(
            "root",
            format!(
                "the {kind} lies beside the data: whoever copies the disk has both; a mounted secret, a systemd \
                 credential or a device keeps them apart"
            ),
        ),
        Ok(()) => findings.ok("root", format!("the {kind} works, and lies apart from the data")),
    }
}

/// What opens the vault when the root is lost belongs to other people, in other places.
pub(super) fn recovery(config: &Config, findings: &mut Findings) {
    match recovery::left_beside(&config.vault.data_dir) {
        0 => findings.ok("recovery", "no recovery share lies beside the data"),
        left => {
            let folder = recovery::beside(&config.vault.data_dir);
            findings.warn(
                "recovery",
                format!(
                    "{left} recovery shares lie in `{}`: hand them out and delete them here",
                    folder.display()
                ),
            );
        }
    }
}

/// Files that `serve` reads after it has opened the vault, so that without them it would end at once.
pub(super) fn tls(config: &Config, findings: &mut Findings) {
    let mut pairs = vec![(&config.http.tls_certificate, &config.http.tls_key)];
    pairs.extend(config.listener.iter().map(|listener| (&listener.tls_certificate, &listener.tls_key)));
    for (certificate, key) in pairs {
        match serve::tls(certificate.as_deref(), key.as_deref()) {
            Ok(None) => {}
            Ok(Some(tls)) => match tls.check() {
                Ok(()) => findings.ok("tls", "certificate and private key can be read and belong together"),
                Err(error) => findings.fail("tls", error.to_string()),
            },
            Err(error) => findings.fail("tls", error.to_string()),
        }
    }
}

/// Who reaches what, and who is believed about where others come from.
pub(super) fn listeners(config: &Config, findings: &mut Findings) {
    for listener in config.listeners() {
        let (named, local) = (config.named(&listener), listener.address.ip().is_loopback());
        let before = findings.0.len();
        if listener.serves(Serves::Admin) && !local {
            findings.warn(
                "listeners",
                format!(
                    "{named} serves administration to other machines: better give it a [[listener]] of its own on \
                     127.0.0.1 or in a private network"
                ),
            );
        }
        for network in listener.wide_peers() {
            findings.warn(
                "listeners",
                format!(
                    "{named}: whoever is in {network} can claim to be anybody from anywhere: name your proxies more \
                     narrowly"
                ),
            );
        }
        if findings.0.len() == before {
            findings.ok("listeners", format!("{named} serves {}", listener.names()));
        }
    }
}

/// The same for the scraper's token.
pub(super) fn metrics(config: &Config, findings: &mut Findings) {
    match serve::metrics(config) {
        Ok(None) => {}
        Ok(Some(_)) => findings.ok("metrics", "the token can be read"),
        Err(error) => findings.fail("metrics", error.to_string()),
    }
}

/// Asks a server that runs.
pub(super) fn server(config: &Config, findings: &mut Findings) {
    let listeners = config.listeners();
    let can_be_asked = |listener: &&Listener| {
        let found = listener.address.port() != 0 && listener.tls_certificate.is_none();
        found && listener.serves(Serves::Api) && listener.client != Client::ProxyProtocol
    };
    let Some(listener) = listeners.iter().find(can_be_asked) else {
        findings.ok(
            "server",
            "not asked: its port or its certificate's name is not known here; try `avouch status`",
        );
        return;
    };
    // Readiness and the ledger are open to all, so any key will do.
    let mut options = Options::new(listener.url(listener.address.port()), Secret("none".to_owned()));
    options.timeout = Duration::from_secs(5);
    options.patience = Duration::ZERO;
    let asked =
        avouch_client::Client::new(options).and_then(|client| Ok((client.readiness()?, client.ledger()?)));
    match asked {
        Ok((readiness, log)) => {
            ledger::server(&log, findings);
            for check in readiness.checks {
                let detail = format!("{}: {}", check.name, check.detail);
                if check.ok { findings.ok("server", detail) } else { findings.fail("server", detail) }
            }
        }
        Err(error) => findings.fail("server", format!("does not answer: {error}")),
    }
}

/// What only an open vault tells.
pub(super) fn vault(config: &Config, app: &Arc<App>, findings: &mut Findings) {
    charter(app, findings);
    codes(config, app, findings);
    indexes(app, findings);
    keys(app, findings);
    access(app, findings);
    backups(app, findings);
    let state = app.perform_wait(&Caller::system(), ReadKeys);
    if let Ok(state) = &state {
        drills(&state.output.seals, app.now(), findings);
    }
    match state {
        Ok(done) if done.output.pending_erasures == 0 => {
            let (sender, answer) = std::sync::mpsc::sync_channel(1);
            app.count_keys(move |counts| drop(sender.send(counts)));
            match answer.recv() {
                Ok(Ok(counts)) => {
                    let all: u64 = counts.by_epoch.values().sum();
                    findings.ok("keys", format!("{all} of customers, no erasure is pending"));
                }
                _ => findings.fail("keys", "cannot be counted".to_owned()),
            }
        }
        Ok(done) => {
            findings.warn("keys", format!("{} erasures are not finished", done.output.pending_erasures))
        }
        Err(error) => findings.fail("keys", error.to_string()),
    }
}

/// Whether there is a backup, and whether this vault came from one without anybody knowing who had been erased.
fn backups(app: &Arc<App>, findings: &mut Findings) {
    let known = match app.perform_wait(&Caller::system(), ReadBackups) {
        Ok(known) => known.output,
        Err(error) => return findings.fail("backups", error.to_string()),
    };
    let newest = |part| {
        let whole = known.backups.iter().filter(|row| row.part() == part && row.bytes.is_some());
        whole.map(|row| (app.now() - row.made) / DAY_MICROS).min()
    };
    match (app.shelf().is_ok(), newest(Part::Data), newest(Part::Keys)) {
        (false, ..) => findings.warn("backups", "none are made: name two folders in `[backup]`"),
        (true, Some(data), Some(keys)) => {
            findings.ok("backups", format!("the newest is {data} days old of the data, {keys} of the keys"));
        }
        (true, ..) => findings.warn("backups", "there is none of both stores: `avouch backup`"),
    }
    chains(app, &known.backups, findings);
    for restored in known.restored.iter().filter(|restored| restored.endings == Endings::Stated) {
        let days = (app.now() - restored.at) / DAY_MICROS;
        findings.warn(
            "erasures",
            format!(
                "{days} days ago both stores were restored, and that nobody had been erased since the backup was stated, not \
                 known"
            ),
        );
    }
}

/// Whether what lies on the shelf lies there with what it was made on.
fn chains(app: &Arc<App>, known: &[Backup], findings: &mut Findings) {
    let Ok(shelf) = app.shelf() else { return };
    let files = match shelf.files(app.vault(), Part::Data) {
        Ok(files) => files,
        Err(error) => return findings.fail("backups", error.to_string()),
    };
    let there = |run| files.iter().any(|file| file.sequence == run);
    let data = known.iter().filter(|row| row.part() == Part::Data && there(row.sequence));
    for (run, base) in
        data.filter_map(|row| Some((row.sequence, row.base?))).filter(|(_, base)| !there(*base))
    {
        findings.warn(
            "backups",
            format!(
                "run {run} of the data needs run {base}, which does not lie beside it: `avouch backup --full`"
            ),
        );
    }
}

/// A seal that nobody has tried for a year may open nothing.
fn drills(seals: &[SealState], now: i64, findings: &mut Findings) {
    for seal in seals.iter().filter(|seal| seal.role == SealRole::Recovery) {
        let name = &seal.slot;
        match seal.drilled.map(|drilled| (now - drilled) / DAY_MICROS) {
            Some(days) if days <= DRILL_DAYS => {
                findings.ok("recovery", format!("seal `{name}` was proved to open {days} days ago"));
            }
            Some(days) => findings.warn(
                "recovery",
                format!("seal `{name}` was last proved to open {days} days ago: `avouch keys drill`"),
            ),
            None => findings.warn(
                "recovery",
                format!("nobody has ever proved that seal `{name}` opens: `avouch keys drill`"),
            ),
        }
    }
}

/// The charter in force was parsed when the vault was opened.
fn charter(app: &Arc<App>, findings: &mut Findings) {
    let rules = app.rules();
    findings.ok("charter", format!("version {} is in force", rules.version));
    for warning in rules.charter.warnings() {
        findings.warn("charter", warning.to_string());
    }
    match app.perform_wait(&Caller::system(), ReadStatus) {
        Ok(status) => {
            let planned = rules.charter.planned_subjects();
            if let Some(warning) = overfull(status.output.subjects, planned) {
                findings.warn("charter", warning);
            }
        }
        Err(error) => findings.fail("charter", format!("customers cannot be counted: {error}")),
    }
}

/// Codes that are sent count only where the operator and the charter both want it.
fn codes(config: &Config, app: &App, findings: &mut Findings) {
    match (config.people.codes.is_some(), app.rules().charter.sent_codes()) {
        (false, false) => {}
        (true, true) => findings.ok("sent codes", "count as a second factor, beside a password"),
        (true, false) => findings.warn(
            "sent codes",
            "[people.codes] says how they are sent, and the charter does not let them count (`sent_codes`): nobody gets one",
        ),
        (false, true) => findings.warn(
            "sent codes",
            "the charter lets them count (`sent_codes`), and nothing says how they are sent: [people.codes]",
        ),
    }
}

/// Indexes that do not find everybody, or a field that is not as unique as it says.
fn indexes(app: &Arc<App>, findings: &mut Findings) {
    let indexes = match app.perform_wait(&Caller::system(), ReadIndexes) {
        Ok(indexes) => indexes.output,
        Err(error) => return findings.fail("indexes", error.to_string()),
    };
    let mut whole = true;
    for index in &indexes {
        let told = format!("`{}` ({})", index.name, index.how);
        if index.stage == "building" {
            whole = false;
            findings.warn("indexes", format!("{told} is being built: {} of {}", index.done, index.people));
        }
        if index.damaged > 0 {
            whole = false;
            findings.warn(
                "indexes",
                format!("{told} does not find {} customers, who do not open", index.damaged),
            );
        }
        if index.shared > 0 {
            whole = false;
            findings.warn(
                "indexes",
                format!("{told}: {} customers share a value that is to be unique", index.shared),
            );
        }
    }
    if whole {
        findings.ok("indexes", format!("{} are whole", indexes.len()));
    }
}

/// What to say of a vault that holds many more people than its charter plans for: index terms are too short for them.
fn overfull(subjects: u64, planned: u64) -> Option<String> {
    (subjects / 2 > planned).then(|| {
        format!(
            "{subjects} customers are here and `planned_subjects` is {planned}: index terms are too short for so many, \
             and every search, import and change of an indexed field opens strangers' records to tell them apart; raise it, \
             and indexes are built anew in the background"
        )
    })
}

/// Keys that expire soon.
fn keys(app: &App, findings: &mut Findings) {
    let (access, now) = (app.access(), app.now());
    let mut soon = 0;
    for (id, _) in access.principals().filter(|(_, principal)| principal.status == Status::Active) {
        for (key, record) in access.keys_of(id).into_iter().filter(|(_, record)| record.expires > now) {
            let days = (record.expires - now) / DAY_MICROS;
            if days <= SOON_DAYS {
                soon += 1;
                findings.warn("api keys", format!("key {key} of principal {id} expires in {days} days"));
            }
        }
    }
    if soon == 0 {
        findings.ok("api keys", format!("none expires within {SOON_DAYS} days"));
    }
}

/// Whether anybody is left who gets in and may let others in.
fn access(app: &Arc<App>, findings: &mut Findings) {
    match app.who_gets_in(Action::AccessChange).map(|all| all.len()) {
        Err(error) => findings.fail("access", error.to_string()),
        Ok(0) => findings.fail("access", "nobody gets in who may manage access: `avouch admin recover`"),
        Ok(1) => findings.ok("access", "one principal gets in who may manage access"),
        Ok(many) => findings.ok("access", format!("{many} principals get in who may manage access")),
    }
}

#[cfg(test)]
mod tests {
    use super::overfull;

    #[test]
    fn a_vault_may_hold_twice_what_was_planned_before_it_is_told() {
        assert_eq!([0, 100, 201].map(|subjects| overfull(subjects, 100)), [None, None, None]);
        assert!(overfull(202, 100).is_some_and(|said| said.contains("`planned_subjects` is 100")));
    }
}
