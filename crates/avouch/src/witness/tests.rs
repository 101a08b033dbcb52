//! What is on the disk when a witness ends at any moment, and what two requests at once come to.

use std::sync::Arc;
use std::time::Duration;

use avouch_core::clock::ManualClock;
use avouch_http::witness::{Verdict, Witness as _};
use avouch_ledger::checkpoint::Checkpoint;
use avouch_ledger::hash::Hash;
use avouch_ledger::note::{LogSigner, VerifierKey, append};
use avouch_ledger::tree::Frontier;
use avouch_ledger::witness::{AddCheckpoint, Answer};
use tempfile::TempDir;

use super::*;

const ORIGIN: &str = "example.com/log";
/// In microseconds.
const NOW: i64 = 1_772_323_200_000_000;

/// A log of `size` leaves that begins with `first`.
struct Log(LogSigner);

impl Log {
    fn new() -> Self {
        Self(LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32]).unwrap())
    }

    fn note(&self, size: u64, first: u8) -> String {
        let mut tree = Frontier::new();
        for n in 0..size {
            tree.push(Hash::leaf(&[if n == 0 { first } else { 0 }]));
        }
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: tree.root() };
        self.0.sign(&checkpoint, 1_700_000_000).unwrap()
    }

    /// From 1 leaf to 2, or from none to whatever.
    fn request(&self, old: u64, size: u64, first: u8) -> AddCheckpoint {
        let proof = if (old, size) == (1, 2) { vec![Hash::leaf(&[0])] } else { Vec::new() };
        AddCheckpoint::new(old, proof, self.note(size, first)).unwrap()
    }

    fn keys(&self) -> Vec<VerifierKey> {
        self.0.verifier_keys().map(Clone::clone).to_vec()
    }
}

/// The folder of a witness, and its keys.
fn witness() -> (TempDir, Keys) {
    let folder = tempfile::tempdir().unwrap();
    Shelf::make(folder.path()).unwrap();
    (folder, Keys::generate("example.org/w").unwrap())
}

fn open(folder: &TempDir, keys: &Keys) -> Result<Desk, Error> {
    open_at(folder, keys, Arc::new(ManualClock::at(NOW)))
}

fn open_at(folder: &TempDir, keys: &Keys, clock: Arc<ManualClock>) -> Result<Desk, Error> {
    Desk::open(keys, Log::new().keys(), Shelf::open(folder.path())?, clock)
}

fn status(desk: &Desk, request: &AddCheckpoint) -> u16 {
    match desk.add_checkpoint(request).unwrap() {
        Verdict::Cosigned(_) => 200,
        Verdict::Refused(answer) => answer.status(),
    }
}

/// The one file, and what is in it.
fn stored(folder: &TempDir) -> (PathBuf, String) {
    let path = fs::read_dir(folder.path().join("logs")).unwrap().next().unwrap().unwrap().path();
    let note = fs::read_to_string(&path).unwrap();
    (path, note)
}

#[test]
fn wherever_it_ends_it_goes_on_from_what_it_has_signed() {
    let ((folder, keys), log) = (witness(), Log::new());
    let desk = open(&folder, &keys).unwrap();
    assert_eq!(status(&desk, &log.request(0, 1, 0)), 200);
    let (path, signed) = stored(&folder);
    drop(desk);

    // It ended while the next was written beside its place, at any byte: the old one counts.
    let next = log.note(2, 0);
    for end in [0, 1, next.len() / 2, next.len()] {
        fs::write(path.with_extension("new"), &next.as_bytes()[..end]).unwrap();
        let desk = open(&folder, &keys).unwrap();
        assert_eq!(stored(&folder).1, signed);
        assert_eq!(status(&desk, &log.request(2, 2, 0)), 409);
    }
    // It ended when the next was in its place, and before anything was signed: the next one counts, and is signed.
    fs::write(&path, &next).unwrap();
    let desk = open(&folder, &keys).unwrap();
    let shown = desk.checkpoint(path.file_name().unwrap().to_str().unwrap()).unwrap();
    assert_eq!((shown.lines().count(), &shown), (next.lines().count() + 2, &stored(&folder).1));
    assert_eq!(status(&desk, &log.request(1, 2, 0)), 409, "never back");
    assert_eq!(status(&desk, &log.request(2, 2, 0)), 200);
}

#[test]
fn of_two_histories_that_come_at_once_one_is_signed() {
    let ((folder, keys), log) = (witness(), Log::new());
    let desk = open(&folder, &keys).unwrap();
    let answers = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let (desk, request) = (&desk, log.request(0, 3, n));
                scope.spawn(move || status(desk, &request))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 409).count(), 7, "{answers:?}");
}

#[test]
fn who_asks_for_the_same_again_is_given_the_same_for_a_while_and_costs_no_disk() {
    let ((folder, keys), log) = (witness(), Log::new());
    let clock = Arc::new(ManualClock::at(NOW));
    let desk = open_at(&folder, &keys, Arc::clone(&clock)).unwrap();
    let ask = |old| match desk.add_checkpoint(&log.request(old, 1, 0)) {
        Ok(Verdict::Cosigned(lines)) => Some(lines),
        _ => None,
    };
    let first = ask(0).unwrap();
    let (path, _) = stored(&folder);
    fs::remove_dir_all(folder.path().join("logs")).unwrap();
    clock.advance(Duration::from_secs(29));
    assert_eq!(ask(1), Some(first.clone()));
    clock.advance(Duration::from_secs(1));
    assert_eq!(ask(1), None, "it would be signed anew, and what is signed is stored first");
    Shelf::make(folder.path()).unwrap();
    let later = ask(1).unwrap();
    assert_ne!(later, first, "signed with the time");
    assert!(stored(&folder).1.ends_with(&later) && stored(&folder).0 == path);
}

#[test]
fn what_could_not_be_stored_is_not_signed() {
    let ((folder, keys), log) = (witness(), Log::new());
    let desk = open(&folder, &keys).unwrap();
    fs::remove_dir(folder.path().join("logs")).unwrap();
    assert!(desk.add_checkpoint(&log.request(0, 1, 0)).is_err());
    Shelf::make(folder.path()).unwrap();
    assert_eq!(status(&desk, &log.request(0, 1, 0)), 200);
}

#[test]
fn a_witness_whose_memory_is_not_its_own_does_not_start() {
    let ((folder, keys), log) = (witness(), Log::new());
    status(&open(&folder, &keys).unwrap(), &log.request(0, 1, 0));
    let (path, signed) = stored(&folder);
    let other = LogSigner::from_seeds(ORIGIN, &[8; 32], &[9; 32]).unwrap();
    let alien =
        other.sign(&Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: Hash::empty() }, 1).unwrap();
    for wrong in ["", "x", &signed[1..], &signed.replacen("\n1\n", "\n0\n", 1), &alien] {
        fs::write(&path, wrong).unwrap();
        let error = open(&folder, &keys).unwrap_err().to_string();
        assert!(error.contains("does not go on"), "{wrong:?}: {error}");
    }
    fs::write(&path, &signed).unwrap();
    let name = path.with_file_name("notes.txt");
    fs::write(&name, "x").unwrap();
    assert!(open(&folder, &keys).is_err(), "a file that it has not written");
    fs::remove_file(name).unwrap();
    // A log that is not named any more stays: should it come back, it goes on from there.
    let elsewhere = LogSigner::from_seeds("example.com/other", &[8; 32], &[9; 32]).unwrap();
    let others = elsewhere.verifier_keys().map(Clone::clone).to_vec();
    let clock = Arc::new(ManualClock::at(NOW));
    Desk::open(&keys, others, Shelf::open(folder.path()).unwrap(), clock).unwrap();
    assert_eq!(status(&open(&folder, &keys).unwrap(), &log.request(0, 3, 1)), 409);
}

#[test]
fn an_unknown_log_is_not_signed_for_and_a_line_of_another_is_not_kept() {
    let ((folder, keys), log) = (witness(), Log::new());
    let desk = open(&folder, &keys).unwrap();
    let other = LogSigner::from_seeds("example.com/other", &[1; 32], &[2; 32]).unwrap();
    let empty = Checkpoint { origin: "example.com/other".to_owned(), size: 0, root: Hash::empty() };
    let unknown = AddCheckpoint::new(0, Vec::new(), other.sign(&empty, 1).unwrap()).unwrap();
    assert!(matches!(desk.add_checkpoint(&unknown), Ok(Verdict::Refused(Answer::UnknownLog))));

    let beside = other.sign(&empty, 1).unwrap().split_once("\n\n").unwrap().1.to_owned();
    let note = append(&log.note(1, 0), &beside).unwrap();
    assert_eq!(status(&desk, &AddCheckpoint::new(0, Vec::new(), note).unwrap()), 200);
    assert!(!stored(&folder).1.contains("example.com/other"));
}

#[test]
fn keys_are_read_as_they_were_written_and_belong_to_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("witness.key");
    let keys = Keys::generate("example.org/w").unwrap();
    files::write_new(&path, &keys.text(), 0o600).unwrap();
    assert_eq!(Keys::read(&path).unwrap().verifier_keys().unwrap(), keys.verifier_keys().unwrap());
    for name in ["", "a b", "a+b"] {
        assert!(matches!(Keys::generate(name), Err(Error::Witness(WitnessError::Name(_)))));
    }
    let damaged = keys.text().replace("ed25519 = \"", "ed25519 = \"A");
    fs::write(&path, damaged).unwrap();
    assert!(matches!(Keys::read(&path), Err(Error::Witness(WitnessError::Keys(_)))));
}
