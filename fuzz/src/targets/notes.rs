//! A note that verifies is one that was signed, word for word, whatever other lines it has. A verifier key has one spelling.
//! A checkpoint with signatures of all types says what was signed, or nothing.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use avouch_ledger::{
    Error,
    checkpoint::Checkpoint,
    hash::Hash,
    note::{Cosigner, LogSigner, NoteSigner, VerifierKey, append, open_checkpoint, open_text},
};

use crate::edits::edited;

/// A checkpoint, its note with three lines of three types, and their keys.
static CHECKPOINT: LazyLock<(Checkpoint, String, Vec<VerifierKey>)> = LazyLock::new(|| {
    let log = LogSigner::from_seeds("example.org/log", &[1; 32], &[2; 32]).expect("a name without spaces");
    let witness = Cosigner::ed25519("example.org/witness", &[3; 32]).expect("a name without spaces");
    let checkpoint = Checkpoint { origin: log.origin().to_owned(), size: 2, root: Hash::empty() };
    let note = log.sign(&checkpoint, 1).expect("a checkpoint");
    let note = append(&note, &witness.cosign(&checkpoint, 2).expect("a checkpoint")).expect("one more line");
    let [first, second] = log.verifier_keys().map(Clone::clone);
    (checkpoint, note, vec![first, second, witness.verifier_key().clone()])
});

pub(super) fn check(input: Unstructured<'_>) -> Result<()> {
    let bytes = input.take_rest();
    let (checkpoint, genuine, keys) = &*CHECKPOINT;
    if let Some(note) = edited(genuine, Unstructured::new(bytes))? {
        for (key, time) in keys.iter().zip([None, Some(1), Some(2)]) {
            if let Ok(opened) = open_checkpoint(&note, [key]) {
                assert_eq!(opened.checkpoint(), checkpoint);
                assert!(opened.signatures().iter().all(|signature| signature.time == time));
            }
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    match VerifierKey::parse(text) {
        Ok(key) => assert_eq!(key.to_string(), text),
        Err(refused) => {
            let known = ["verifier key of a note", "ed25519 public key", "ml-dsa-44 public key"]
                .map(Error::Malformed);
            assert!(known.contains(&refused), "{refused}");
        }
    }
    notes(text);
    Ok(())
}

/// A text that is signed verifies, and a note that verifies has the very line that we sign its text with.
fn notes(text: &str) {
    let signer = NoteSigner::from_seed("example.org/log", &[0x42; 32]).expect("a name without spaces");
    if let Ok(note) = signer.sign(text) {
        assert_eq!(open_text(&note, [signer.verifier_key()]).map(|(text, _)| text), Ok(text));
        // Split anywhere, the note is no note of a part of the text.
        let (before, after) = note.split_at(note.floor_char_boundary(text.len() / 2));
        for part in [before, after] {
            genuine(&signer, part);
        }
    }
    genuine(&signer, text);
    // What a reader may have been handed: the text, and beneath it the line of another text.
    let line = signer.sign("another\n").expect("a line");
    genuine(&signer, &line.replacen("another\n", text, 1));
    genuine(&signer, &format!("{line}{text}"));
}

fn genuine(signer: &NoteSigner, note: &str) {
    match open_text(note, [signer.verifier_key()]) {
        Ok((text, _)) => {
            let signed = signer.sign(text).expect("it was signed before");
            let line =
                signed.strip_prefix(text).expect("a note begins with its text").trim_start_matches('\n');
            assert!(note.starts_with(text) && note.contains(line), "{note:?}");
        }
        Err(refused) => {
            assert!(
                matches!(refused, Error::Malformed("note") | Error::Forged("a signature") | Error::Unsigned),
                "{refused}"
            );
        }
    }
}
