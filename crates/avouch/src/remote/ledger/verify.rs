//! The verification of a whole ledger, from a server or from a copy: every event, every tile, every checkpoint, each log against
//! the one before it and against what was verified last time; with `--deep`, records against the events that wrote them.
//!
//! It ends with what was proven and what was not: whoever reads only that must not believe too much.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use avouch_client::Client;
use avouch_core::audit::{Before, Event};
use avouch_ledger::bundle::Bundle;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::evidence::{Evidence, Prefix};
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{Opened, VerifierKey, open_checkpoint};
use avouch_ledger::prove::{prove_consistency, root};
use avouch_ledger::tile::{BundleId, TILE_WIDTH, TileId};
use avouch_ledger::verify::{Claim, Verifier};
use avouch_wire::{Ledger, LedgerLog};
use serde::Serialize;

use super::super::CliError;
use super::super::output::Output;
use super::copy::settled;
use super::deep::{Compared, Deep};
use super::progress::Progress;
use super::proof;
use super::remembered::{OneRemembered, Remembered};
use super::source::{LEDGER, OneLog, Source, read_json};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Verify this copy, made by `avouch ledger export`, instead of asking the server
    #[arg(long, value_name = "FOLDER")]
    pub(crate) copy: Option<PathBuf>,
    /// A key of the log, or of a witness, which was got another way than the ledger; more than one may be given
    #[arg(long, value_name = "KEY")]
    verifier_key: Vec<String>,
    /// Remember keys and newest checkpoints in this file, and notice when a log goes back or has another history
    #[arg(long, value_name = "FILE")]
    remember: Option<PathBuf>,
    /// Compare the records with the events that wrote them, too
    #[arg(long)]
    deep: bool,
    /// Where to write two checkpoints that cannot both be, should there be such
    #[arg(long, value_name = "FILE", default_value = "avouch-evidence.txt")]
    evidence: PathBuf,
}

pub(super) fn on_server(client: &Client, args: &VerifyArgs, output: Output) -> Result<ExitCode, CliError> {
    let source = Source::Server(client);
    let mut deep = None;
    if args.deep {
        deep = Some(read_records(source, &client.ledger()?)?);
    }
    verify(source, &settled(client)?, args, deep, output)
}

pub(super) fn of_copy(args: &VerifyArgs, output: Output) -> Result<ExitCode, CliError> {
    let Some(folder) = &args.copy else { return Err(CliError::usage("which copy?")) };
    let source = Source::Copy(folder);
    let mut deep = None;
    if args.deep {
        deep = Some(read_records(source, &read_json(&folder.join("before.json"))?)?);
    }
    verify(source, &read_json(&folder.join(LEDGER))?, args, deep, output)
}

fn read_records(source: Source<'_>, before: &Ledger) -> Result<Deep, CliError> {
    let (log, size) = before.logs.first().map_or((0, 0), |log| (log.number, log.size));
    let mut deep = Deep::settled_at(log, size);
    source.records(|page| deep.take(page.items))?;
    Ok(deep)
}

/// Whose word it is that these are the keys of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Keys {
    Given,
    Remembered,
    Told,
}

/// What was found of one log.
#[derive(Debug, Serialize)]
struct Verdict {
    number: u64,
    origin: String,
    keys: Keys,
    leaves: u64,
    checkpoints: u64,
    witnesses: Vec<String>,
    faults: Vec<String>,
    notices: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Verified {
    sound: bool,
    logs: Vec<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<Compared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<PathBuf>,
    proven: Vec<String>,
    not_proven: Vec<String>,
}

fn verify(
    source: Source<'_>,
    ledger: &Ledger,
    args: &VerifyArgs,
    mut deep: Option<Deep>,
    output: Output,
) -> Result<ExitCode, CliError> {
    let given = proof::keys(&args.verifier_key)?;
    let mut remembered = args.remember.as_deref().map(Remembered::load).transpose()?.unwrap_or_default();
    let mut pass =
        Pass { source, given: &given, remembered: &remembered, evidence: None, newest: Vec::new() };
    let mut logs: Vec<&LedgerLog> = ledger.logs.iter().collect();
    logs.sort_by_key(|log| log.number);
    let begun = pass.beginnings(&logs)?;
    let mut verdicts = Vec::new();
    for log in &logs {
        verdicts.push(pass.log(log, &begun, deep.as_mut(), output)?);
    }
    let newest = std::mem::take(&mut pass.newest);
    let evidence = pass.evidence.take();
    if let Some(lost) = remembered.logs.keys().find(|origin| logs.iter().all(|log| log.origin != **origin))
        && let Some(verdict) = verdicts.last_mut()
    {
        verdict.faults.push(format!("log {lost}, which was verified before, is not there any more"));
    }
    if verdicts.is_empty() {
        return Err(CliError::Input("there is no log to verify".to_owned()));
    }
    let records = deep.map(|deep| deep.compare());
    let evidence = evidence
        .map(|evidence| {
            let written = fs::write(&args.evidence, evidence.to_string());
            written.map_err(|error| CliError::file(&args.evidence, &error)).map(|()| args.evidence.clone())
        })
        .transpose()?;
    let sound = verdicts.iter().all(|verdict| verdict.faults.is_empty())
        && records.as_ref().is_none_or(|records| records.faults.is_empty());
    if sound && let Some(path) = &args.remember {
        remembered.logs.extend(newest);
        remembered.store(path)?;
    }
    let proven = said(&verdicts, records.as_ref(), args);
    let verified =
        Verified { sound, records, evidence, not_proven: unsaid(&verdicts, args), proven, logs: verdicts };
    output.answer(&verified, text)?;
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A verification that is under way.
struct Pass<'a> {
    source: Source<'a>,
    given: &'a [VerifierKey],
    remembered: &'a Remembered,
    evidence: Option<Evidence>,
    newest: Vec<(String, OneRemembered)>,
}

impl Pass<'_> {
    /// What each log but the first says was published of the one before, by its first leaf. That the leaf is genuine comes out
    /// when its log is verified.
    fn beginnings(&self, logs: &[&LedgerLog]) -> Result<Vec<(u64, Option<Before>)>, CliError> {
        let mut begun = Vec::new();
        for log in logs.iter().skip(1) {
            begun.push((log.number, self.first_leaf(log.number)?.and_then(|event| event.before)));
        }
        Ok(begun)
    }

    fn first_leaf(&self, log: u64) -> Result<Option<Event>, CliError> {
        let size = match self.source.checkpoints(log)?.last() {
            Some(note) => claimed_size(note),
            None => return Ok(None),
        };
        let Some(id) = size.and_then(|size| BundleId::within(size, 0)) else { return Ok(None) };
        let Some(bytes) = self.source.part(log, &id.path())? else { return Ok(None) };
        let bundle = Bundle::parse(&bytes, id.width).ok();
        Ok(bundle.and_then(|bundle| bundle.entries().next().and_then(|entry| Event::decode(entry).ok())))
    }

    fn keys(&self, log: &LedgerLog) -> Result<(Vec<VerifierKey>, Keys), CliError> {
        let of_log = |key: &&VerifierKey| key.name() == log.origin;
        if self.given.iter().any(|key| of_log(&key)) {
            return Ok((self.given.to_vec(), Keys::Given));
        }
        let (texts, whose) = match self.remembered.logs.get(&log.origin) {
            Some(known) => (&known.verifier_keys, Keys::Remembered),
            None => (&log.verifier_keys, Keys::Told),
        };
        let mut keys = proof::keys(texts)?;
        keys.extend(self.given.iter().cloned());
        Ok((keys, whose))
    }

    fn log(
        &mut self,
        log: &LedgerLog,
        begun: &[(u64, Option<Before>)],
        mut deep: Option<&mut Deep>,
        output: Output,
    ) -> Result<Verdict, CliError> {
        let (keys, whose) = self.keys(log)?;
        let mut verdict = Verdict {
            number: log.number,
            origin: log.origin.clone(),
            keys: whose,
            leaves: 0,
            checkpoints: 0,
            witnesses: Vec::new(),
            faults: Vec::new(),
            notices: Vec::new(),
        };
        let (claims, newest) = self.claims(log, &keys, &mut verdict)?;
        let Some((note, newest)) = newest else {
            if claims.is_empty() && log.size == 0 {
                verdict.notices.push("nothing of it was signed yet".to_owned());
            } else {
                verdict.faults.push("no checkpoint of it is signed by its keys".to_owned());
            }
            return Ok(verdict);
        };
        verdict.leaves = newest.size;
        let mut claims = claims;
        self.compare_remembered(log, &keys, &note, &newest, &mut claims, &mut verdict)?;
        compare_begun(log.number, begun, &newest, &mut claims, &mut verdict);
        let missing = begun.iter().any(|(number, before)| *number == log.number && before.is_none());
        if missing {
            verdict
                .faults
                .push("its first leaf does not say what was published of the log before it".to_owned());
        }
        let progress = Progress::of(newest.size, output);
        let mut one = OneLog {
            source: self.source,
            number: log.number,
            reader: |index, entry: &[u8]| {
                if let Some(deep) = &mut deep {
                    deep.leaf(log.number, index, entry);
                }
            },
        };
        let mut verifier = Verifier::new(newest.size, 0, claims)?;
        while verifier.step(&mut one)? {
            progress.to(verifier.done());
        }
        progress.end();
        let report = verifier.report();
        verdict.checkpoints = report.agreed;
        verdict.faults.extend(report.findings.iter().map(ToString::to_string));
        let more = report.faults() - report.findings.len() as u64;
        if more > 0 {
            verdict.faults.push(format!("and {more} more like these"));
        }
        let verifier_keys = keys.iter().filter(|key| key.name() == log.origin).map(ToString::to_string);
        let known = OneRemembered { verifier_keys: verifier_keys.collect(), checkpoint: note };
        self.newest.push((log.origin.clone(), known));
        Ok(verdict)
    }

    /// Every checkpoint of the log that its keys have signed, and the newest of them.
    fn claims(
        &self,
        log: &LedgerLog,
        keys: &[VerifierKey],
        verdict: &mut Verdict,
    ) -> Result<(Vec<Claim>, Option<(String, Checkpoint)>), CliError> {
        let (mut claims, mut newest) = (Vec::new(), None);
        for note in self.source.checkpoints(log.number)? {
            match of_log(&note, keys, &log.origin) {
                Ok(opened) => {
                    let checkpoint = opened.checkpoint().clone();
                    let others = opened.signatures().iter().map(|signature| signature.key.name());
                    verdict.witnesses =
                        others.filter(|name| *name != log.origin).map(str::to_owned).collect();
                    verdict.witnesses.dedup();
                    claims.push(Claim {
                        label: format!("of log {}", log.number),
                        checkpoint: checkpoint.clone(),
                    });
                    newest = Some((note, checkpoint));
                }
                Err(error) => verdict.faults.push(format!("a checkpoint that is kept is none: {error}")),
            }
        }
        Ok((claims, newest))
    }

    /// What was verified last time is the beginning of what there is now, or there is evidence that it is not.
    fn compare_remembered(
        &mut self,
        log: &LedgerLog,
        keys: &[VerifierKey],
        note: &str,
        newest: &Checkpoint,
        claims: &mut Vec<Claim>,
        verdict: &mut Verdict,
    ) -> Result<(), CliError> {
        let Some(known) = self.remembered.logs.get(&log.origin) else { return Ok(()) };
        let Ok(opened) = of_log(&known.checkpoint, keys, &log.origin) else {
            verdict
                .faults
                .push("what was remembered of it is not signed by its keys: they are others now".to_owned());
            return Ok(());
        };
        let before = opened.checkpoint().clone();
        if before.size > newest.size {
            verdict.faults.push(format!(
                "the log has gone back: {} leaves were signed and verified before, and now there are {}",
                before.size, newest.size
            ));
            self.evidence =
                Some(Evidence { smaller: note.to_owned(), larger: known.checkpoint.clone(), prefix: None });
            return Ok(());
        }
        let number = log.number;
        let source = self.source;
        let mut tiles = |tile: TileId| -> Result<Vec<u8>, CliError> {
            let part = source.part(number, &tile.path())?;
            part.ok_or_else(|| CliError::Input(format!("tile {tile} is missing")))
        };
        let now = if before.size == newest.size { Ok(newest.root) } else { root(&mut tiles, before.size) };
        if now.as_ref().is_ok_and(|now| *now != before.root) {
            verdict.faults.push(format!(
                "the log has another history: its first {} leaves are not those that were signed and verified before",
                before.size
            ));
            let prefix = (before.size < newest.size)
                .then(|| prove_consistency(&mut tiles, before.size, newest.size).ok().zip(now.ok()))
                .flatten()
                .map(|(proof, root)| Prefix { root, proof });
            self.evidence =
                Some(Evidence { smaller: known.checkpoint.clone(), larger: note.to_owned(), prefix });
        }
        claims.push(Claim { label: "that was verified before".to_owned(), checkpoint: before });
        Ok(())
    }
}

/// What a later log says was published of this one.
fn compare_begun(
    number: u64,
    begun: &[(u64, Option<Before>)],
    newest: &Checkpoint,
    claims: &mut Vec<Claim>,
    verdict: &mut Verdict,
) {
    let said = begun.iter().filter_map(|(later, before)| before.map(|before| (later, before)));
    for (later, before) in said.filter(|(_, before)| u64::try_from(before.log) == Ok(number)) {
        if before.size > newest.size {
            verdict.notices.push(format!(
                "it ended with {} leaves, and {} had been published: {} events were lost when the vault was restored or its \
                 data were put back, says the first leaf of log {later}",
                newest.size,
                before.size,
                before.size - newest.size
            ));
        } else {
            let checkpoint =
                Checkpoint { origin: newest.origin.clone(), size: before.size, root: Hash(*before.root) };
            claims.push(Claim { label: format!("that log {later} begins with"), checkpoint });
        }
    }
}

/// A note that the log itself has signed.
fn of_log<'k>(note: &str, keys: &'k [VerifierKey], origin: &str) -> Result<Opened<'k>, avouch_ledger::Error> {
    let opened = open_checkpoint(note, keys)?;
    if opened.of_log().next().is_none() || opened.checkpoint().origin != origin {
        return Err(avouch_ledger::Error::Unsigned);
    }
    Ok(opened)
}

/// How many leaves a note says that it is of, signed or not.
fn claimed_size(note: &str) -> Option<u64> {
    note.split('\n').nth(1)?.parse().ok()
}

/// The keys that a server tells of its own log.
pub(super) fn told_keys(log: &LedgerLog) -> Result<Vec<VerifierKey>, CliError> {
    proof::keys(&log.verifier_keys)
}

fn said(verdicts: &[Verdict], records: Option<&Compared>, args: &VerifyArgs) -> Vec<String> {
    let mut said = Vec::new();
    let sound = |verdict: &&Verdict| verdict.faults.is_empty() && verdict.leaves > 0;
    for verdict in verdicts.iter().filter(sound) {
        said.push(format!(
            "log {}: all {} events are as they were when they were signed, none is missing and none was added between them, and \
             all {} checkpoints are of this one history",
            verdict.number, verdict.leaves, verdict.checkpoints
        ));
        if !verdict.witnesses.is_empty() {
            said.push(format!(
                "log {}: {} saw the same history",
                verdict.number,
                verdict.witnesses.join(", ")
            ));
        }
    }
    if args.remember.as_ref().is_some_and(|path| path.exists()) && verdicts.iter().all(|one| sound(&one)) {
        said.push("what was verified before is the beginning of what there is now".to_owned());
    }
    if let Some(records) = records.filter(|records| records.faults.is_empty()) {
        said.push(format!(
            "{} versions of the records of {} customers are as the events wrote them that name them, and nobody is gone without an \
             erasure",
            records.versions, records.people
        ));
    }
    said
}

fn unsaid(verdicts: &[Verdict], args: &VerifyArgs) -> Vec<String> {
    let mut unsaid = vec![
        "that events were true when they were written, and that nothing was done of which none was written"
            .to_owned(),
    ];
    if verdicts.iter().any(|verdict| verdict.keys == Keys::Told) {
        unsaid.push(
            "that these are the keys of the log: the server told them itself. Say --verifier-key with a key that you got another \
             way"
                .to_owned(),
        );
    }
    if verdicts.last().is_none_or(|newest| newest.witnesses.is_empty()) {
        unsaid.push(
            "that nobody else is shown another history: no witness whose key was given has signed the newest checkpoint".to_owned(),
        );
    }
    if args.remember.is_none() {
        unsaid.push("that the log has not gone back since somebody saw it last: say --remember".to_owned());
    }
    if args.deep {
        unsaid.push(
            "that the digests of the records are those of the rows: the server computed them".to_owned(),
        );
    } else {
        unsaid.push("that records are as the events wrote them: say --deep".to_owned());
    }
    unsaid
}

fn text(verified: &Verified) -> String {
    let mut lines = Vec::new();
    for verdict in &verified.logs {
        lines.push(format!(
            "log {}: {} leaves, {} checkpoints, {}",
            verdict.number, verdict.leaves, verdict.checkpoints, verdict.origin
        ));
        lines.extend(verdict.notices.iter().map(|notice| format!("  NOTE   {notice}")));
        lines.extend(verdict.faults.iter().map(|fault| format!("  FAULT  {fault}")));
    }
    if let Some(records) = &verified.records {
        lines.push(format!("records: {} customers, {} versions", records.people, records.versions));
        lines.extend(records.faults.iter().map(|fault| format!("  FAULT  {fault}")));
        if records.more > 0 {
            lines.push(format!("  FAULT  and {} more like these", records.more));
        }
    }
    if let Some(path) = &verified.evidence {
        lines.push(format!(
            "two checkpoints that cannot both be are in `{}`: keep it, it convicts the log",
            path.display()
        ));
    }
    lines.push(String::new());
    let list = |title: &str, all: &[String]| {
        let items: String = all.iter().map(|one| format!("\n  - {one}")).collect();
        format!("{title}{items}")
    };
    if !verified.proven.is_empty() {
        lines.push(list("Proven:", &verified.proven));
    }
    lines.push(list("Not proven:", &verified.not_proven));
    lines.push(String::new());
    lines.push(if verified.sound {
        "Nothing is wrong.".to_owned()
    } else {
        "SOMETHING IS WRONG.".to_owned()
    });
    lines.push(String::new());
    lines.join("\n")
}

/// Bundles and tiles of a log, for a bar.
pub(super) const fn parts(leaves: u64) -> u64 {
    leaves / TILE_WIDTH as u64 * 2
}
