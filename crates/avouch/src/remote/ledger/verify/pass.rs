//! One pass over all logs: each by itself, against the one before it, and against what was verified last time.

use std::collections::BTreeMap;

use avouch_core::audit::{Before, Event};
use avouch_ledger::bundle::Bundle;
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::evidence::{Evidence, Prefix};
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{KeyType, Opened, VerifierKey, open_checkpoint};
use avouch_ledger::prove::{prove_consistency, root};
use avouch_ledger::tile::{BundleId, TileId};
use avouch_ledger::verify::{Claim, Verifier};
use avouch_wire::LedgerLog;

use super::super::super::CliError;
use super::super::super::output::Output;
use super::super::deep::Deep;
use super::super::progress::Progress;
use super::super::proof;
use super::super::remembered::{OneRemembered, Remembered};
use super::super::source::{OneLog, Source};
use super::{Keys, Verdict};

/// How much larger a log may have become since its size was asked for.
const AHEAD: u64 = 1 << 32;

/// A checkpoint, and the note that it is in.
type Signed = (String, Checkpoint);

/// A verification that is under way.
pub(super) struct Pass<'a> {
    source: Source<'a>,
    given: &'a [VerifierKey],
    remembered: &'a Remembered,
    /// Of all logs that are here.
    numbers: Vec<u64>,
    pub(super) evidence: Option<Evidence>,
    /// What is remembered if all is well: of a log of which nothing is left, nothing.
    pub(super) newest: Vec<(String, Option<OneRemembered>)>,
    /// By log: up to which leaf events were let go of, says an event that was verified.
    pub(super) pruned: BTreeMap<u64, u64>,
    /// Whether a log itself says that some of what was remembered is lost.
    pub(super) lost: bool,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        source: Source<'a>,
        given: &'a [VerifierKey],
        remembered: &'a Remembered,
        logs: &[&LedgerLog],
    ) -> Self {
        Self {
            source,
            given,
            remembered,
            numbers: logs.iter().map(|log| log.number).collect(),
            evidence: None,
            newest: Vec::new(),
            pruned: BTreeMap::new(),
            lost: false,
        }
    }
}

impl Pass<'_> {
    /// What each log says was published of the one before, by its first leaf. That the leaf is genuine comes out when its log is
    /// verified, so one whose first events are gone says nothing.
    pub(super) fn beginnings(&self, logs: &[&LedgerLog]) -> Result<Vec<(u64, Option<Before>)>, CliError> {
        let mut begun = Vec::new();
        for log in logs.iter().filter(|log| log.minimum == 0) {
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
        // What somebody tells of their own log is no word about anybody else.
        let mut keys = proof::keys(texts)?;
        keys.retain(|key| of_log(&key) && key.kind() != KeyType::Cosignature);
        keys.extend(self.given.iter().cloned());
        Ok((keys, whose))
    }

    pub(super) fn log(
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
            gone: log.minimum,
            checkpoints: 0,
            witnesses: Vec::new(),
            faults: Vec::new(),
            notices: Vec::new(),
        };
        let (claims, newest) = self.claims(log, &keys, &mut verdict)?;
        let (note, newest) = match newest {
            Some((note, newest)) => (Some(note), newest),
            None if claims.is_empty() && log.size == 0 && log.minimum == 0 => {
                verdict.notices.push("nothing of it is signed".to_owned());
                (None, Checkpoint { origin: log.origin.clone(), size: 0, root: Hash::empty() })
            }
            None => {
                verdict.faults.push("no checkpoint of it is signed by its keys".to_owned());
                return Ok(verdict);
            }
        };
        verdict.leaves = newest.size;
        let mut claims = claims;
        let known = self.compare_remembered(log, begun, &keys, (note.as_deref(), &newest), &mut verdict)?;
        claims.extend(known);
        compare_begun(log.number, begun, &newest, &mut claims, &mut verdict);
        if note.is_some() {
            begins(log.number, begun, &self.numbers, &mut verdict);
        }
        let progress = Progress::of(newest.size, output);
        if log.minimum > 0 {
            verdict.notices.push(format!(
                "the first {} events were kept long enough and are gone; their hashes stand for them",
                log.minimum
            ));
            deep.iter_mut().for_each(|deep| deep.incomplete = true);
        }
        let pruned = &mut self.pruned;
        let mut one = OneLog {
            source: self.source,
            number: log.number,
            reader: |index, entry: &[u8]| {
                if let Some(gone) = let_go(entry) {
                    let until = pruned.entry(gone.log.unsigned_abs()).or_default();
                    *until = gone.size.max(*until);
                }
                if let Some(deep) = &mut deep {
                    deep.leaf(log.number, index, entry);
                }
            },
        };
        let mut verifier = Verifier::new(newest.size, log.minimum, claims)?;
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
        // One that has ended smaller than it was is remembered as it is: the log that says so may say it no longer next time.
        let known = note.map(|checkpoint| {
            let verifier_keys = keys.iter().filter(|key| key.name() == log.origin).map(ToString::to_string);
            OneRemembered { verifier_keys: verifier_keys.collect(), checkpoint }
        });
        self.newest.push((log.origin.clone(), known));
        Ok(verdict)
    }

    /// Every checkpoint of the log that its keys have signed, and the newest of them.
    fn claims(
        &self,
        log: &LedgerLog,
        keys: &[VerifierKey],
        verdict: &mut Verdict,
    ) -> Result<(Vec<Claim>, Option<Signed>), CliError> {
        let (mut claims, mut newest) = (Vec::new(), None);
        for note in self.source.checkpoints(log.number)? {
            match of_log(&note, keys, &log.origin) {
                // It would take longer to read than anybody lives.
                Ok(opened) if opened.checkpoint().size > log.size.saturating_add(AHEAD) => {
                    let size = opened.checkpoint().size;
                    verdict
                        .faults
                        .push(format!("a checkpoint is of {size} leaves, and the log has {}", log.size));
                }
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

    /// Keeps what shows others, too, that the log has said two things that cannot both be.
    fn convict(&mut self, evidence: Option<Evidence>, keys: &[VerifierKey]) {
        if let Some(evidence) = evidence.filter(|evidence| evidence.verify(keys).is_ok()) {
            self.evidence = Some(evidence);
        }
    }

    /// What was verified last time is the beginning of what there is now, or there is evidence that it is not. Gives what the
    /// leaves still have to show of that.
    fn compare_remembered(
        &mut self,
        log: &LedgerLog,
        begun: &[(u64, Option<Before>)],
        keys: &[VerifierKey],
        (note, newest): (Option<&str>, &Checkpoint),
        verdict: &mut Verdict,
    ) -> Result<Option<Claim>, CliError> {
        let Some(known) = self.remembered.logs.get(&log.origin) else { return Ok(None) };
        let Ok(opened) = of_log(&known.checkpoint, keys, &log.origin) else {
            verdict
                .faults
                .push("what was remembered of it is not signed by its keys: they are others now".to_owned());
            return Ok(None);
        };
        let before = opened.checkpoint().clone();
        if before.size > newest.size {
            // Where the next log itself says what was lost, nobody is led astray.
            let declared = begun.iter().filter_map(|(_, said)| said.as_ref()).any(|said| {
                u64::try_from(said.log) == Ok(log.number)
                    && said.size >= before.size
                    && (said.size > before.size || *said.root == before.root.0)
            });
            self.lost |= declared;
            if !declared {
                verdict.faults.push(format!(
                    "the log has gone back: {} leaves were signed and verified before, and now there are {}",
                    before.size, newest.size
                ));
                let larger = known.checkpoint.clone();
                let evidence = note.map(|note| Evidence { smaller: note.to_owned(), larger, prefix: None });
                self.convict(evidence, keys);
            }
            return Ok(None);
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
            let smaller = known.checkpoint.clone();
            let evidence = note.map(|note| Evidence { smaller, larger: note.to_owned(), prefix });
            self.convict(evidence, keys);
        }
        Ok(Some(Claim { label: "that was verified before".to_owned(), checkpoint: before }))
    }
}

/// A log after the first says what was published of the one before it, and that one is here.
fn begins(number: u64, begun: &[(u64, Option<Before>)], here: &[u64], verdict: &mut Verdict) {
    let Some((_, before)) = begun.iter().find(|(of, _)| *of == number) else { return };
    match before.map(|before| before.log.unsigned_abs()) {
        None if number == 1 => {}
        None => verdict
            .faults
            .push("its first leaf does not say what was published of the log before it".to_owned()),
        Some(named) if named < number && here.contains(&named) => {}
        Some(named) => {
            verdict
                .faults
                .push(format!("its first leaf names log {named} as the one before it, and that is not here"));
        }
    }
}

/// Of which log up to which leaf events were let go of, if that is what an event says.
fn let_go(entry: &[u8]) -> Option<Before> {
    let event = Event::decode(entry).ok()?;
    (event.what == "log.prune").then_some(event.before).flatten()
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
