//! Checkpoints with signatures of three types, made here and read byte by byte, and those that must not be believed.

use data_encoding::BASE64;
use ed25519_dalek::{Signer as _, Verifier as _};
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa44};
use proptest::prelude::*;

use crate::ed25519::SIGNATURE;
use crate::hash::Hash;
use crate::note::{Cosigner, LogSigner, MAX_SIGNATURES, NoteSigner, append};

use super::*;

const ORIGIN: &str = "example.com/log";
const NOW: u64 = 1_700_000_000;

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: 20_852_163, root: Hash([7; 32]) }
}

fn log() -> LogSigner {
    LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

fn witnesses() -> [Cosigner; 2] {
    [
        Cosigner::ed25519("witness.example/w1", &[3; 32]).unwrap(),
        Cosigner::ml_dsa("witness.example/w2", &[4; 32]).unwrap(),
    ]
}

/// A checkpoint that the log and both witnesses have signed, at other times, and all keys.
fn signed() -> (String, Vec<VerifierKey>) {
    let (log, witnesses) = (log(), witnesses());
    let mut note = log.sign(&checkpoint(), NOW).unwrap();
    let mut keys: Vec<VerifierKey> = log.verifier_keys().map(Clone::clone).to_vec();
    for (witness, time) in witnesses.iter().zip([NOW + 1, NOW + 2]) {
        note = append(&note, &witness.cosign(&checkpoint(), time).unwrap()).unwrap();
        keys.push(witness.verifier_key().clone());
    }
    (note, keys)
}

/// What stands in a line behind the key id.
fn behind_the_id(note: &str, line: usize) -> Vec<u8> {
    let line = note.lines().nth(4 + line).unwrap();
    BASE64.decode(line.rsplit_once(' ').unwrap().1.as_bytes()).unwrap()[4..].to_vec()
}

#[test]
fn a_checkpoint_says_who_signed_it_how_and_when() {
    let (note, keys) = signed();
    let opened = open_checkpoint(&note, &keys).unwrap();
    assert_eq!(*opened.checkpoint(), checkpoint());
    let said: Vec<_> = opened.signatures().iter().map(|signature| (signature.key, signature.time)).collect();
    let times = [None, Some(NOW), Some(NOW + 1), Some(NOW + 2)];
    assert_eq!(said, keys.iter().zip(times).collect::<Vec<_>>());
    let kinds = [KeyType::Ed25519, KeyType::MlDsa44, KeyType::Cosignature, KeyType::MlDsa44];
    assert_eq!(keys.iter().map(VerifierKey::kind).collect::<Vec<_>>(), kinds);
    assert_eq!(opened.of_log().count(), 2);
    for key in &keys {
        let written = key.to_string();
        assert_eq!(VerifierKey::parse(&written).as_ref(), Ok(key));
        assert_eq!(open_checkpoint(&note, [key]).unwrap().signatures().len(), 1);
    }
}

/// The bytes of c2sp.org/tlog-cosignature, put together a second time and verified by other implementations.
#[test]
fn what_is_signed_is_what_the_specification_says() {
    let (note, keys) = signed();
    let text = checkpoint().to_string();
    let key = |at: usize| ed25519_dalek::VerifyingKey::try_from(keys[at].public()).unwrap();
    let signature = |bytes: &[u8]| ed25519_dalek::Signature::from_slice(bytes).unwrap();
    key(0).verify(text.as_bytes(), &signature(&behind_the_id(&note, 0))).unwrap();

    let bytes = behind_the_id(&note, 2);
    assert_eq!(bytes[..8], (NOW + 1).to_be_bytes());
    let message = format!("cosignature/v1\ntime 1700000001\n{ORIGIN}\n20852163\n{}\n", Hash([7; 32]));
    key(2).verify(message.as_bytes(), &signature(&bytes[8..])).unwrap();

    for (line, name, time) in [(1, ORIGIN, NOW), (3, "witness.example/w2", NOW + 2)] {
        let bytes = behind_the_id(&note, line);
        assert_eq!((bytes.len(), &bytes[..8]), (8 + 2_420, &time.to_be_bytes()[..]));
        let mut message = b"subtree/v1\n\0".to_vec();
        message.push(u8::try_from(name.len()).unwrap());
        message.extend(name.bytes().chain(time.to_be_bytes()));
        message.push(u8::try_from(ORIGIN.len()).unwrap());
        message.extend(ORIGIN.bytes().chain([0; 8]).chain(20_852_163_u64.to_be_bytes()).chain([7; 32]));
        let public = EncodedVerifyingKey::<MlDsa44>::try_from(keys[line].public()).unwrap();
        let signature = EncodedSignature::<MlDsa44>::try_from(&bytes[8..]).unwrap();
        let signature = ml_dsa::Signature::<MlDsa44>::decode(&signature).unwrap();
        assert!(
            ml_dsa::VerifyingKey::<MlDsa44>::decode(&public).verify_with_context(&message, b"", &signature)
        );
    }
}

/// The example of c2sp.org/tlog-cosignature, whose keys are not published: it has the form, and nobody here is its signer.
#[test]
fn the_example_of_the_specification_is_read() {
    let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+\
        xeMcTOAYQ8=\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+\
        mbIUBkBIfZ+qnA==\n";
    let read = Note::parse(note).unwrap();
    assert_eq!(Checkpoint::parse(read.text()).unwrap().size, 20_852_163);
    let names: Vec<_> = read.lines().iter().map(super::super::Line::name).collect();
    assert_eq!(names, ["example.com/behind-the-sofa", "witness.example.com/w1"]);
    assert_eq!(behind_the_id(note, 1)[..8], 1_679_315_147_u64.to_be_bytes());
    assert_eq!(open_checkpoint(note, &signed().1), Err(Error::Unsigned));
}

/// From the tests of the witness of FiloSottile/torchwood: of a log of sigsum, signed by another implementation.
#[test]
fn a_checkpoint_of_a_log_of_others_is_verified() {
    let origin = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562";
    let key = VerifierKey::parse(&format!("{origin}+5202289b+Af/cLU2Y5BJNP+r3iMDC+av9eWCD0fBJVDfzAux5zxAP"))
        .unwrap();
    let note = format!(
        "{origin}\n5\nQrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=\n\n— {origin} \
         UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=\n"
    );
    assert_eq!(open_checkpoint(&note, [&key]).unwrap().of_log().count(), 1);
    let other = note.replacen("\n5\n", "\n6\n", 1);
    assert_eq!(open_checkpoint(&other, [&key]), Err(SIGNATURE));
}

#[test]
fn one_bad_line_of_a_known_key_refuses_the_whole_note() {
    let (note, keys) = signed();
    let other = Checkpoint { size: 20_852_164, ..checkpoint() };
    let lines: Vec<&str> = note.split_inclusive('\n').skip(4).collect();
    let of_other = [
        log().sign(&other, NOW).unwrap().split_inclusive('\n').nth(4).unwrap().to_owned(),
        log().sign(&other, NOW).unwrap().split_inclusive('\n').nth(5).unwrap().to_owned(),
        witnesses()[0].cosign(&other, NOW).unwrap(),
        witnesses()[1].cosign(&other, NOW).unwrap(),
    ];
    for (at, wrong) in of_other.iter().enumerate() {
        let replaced = note.replacen(lines[at], wrong, 1);
        let more = append(&note, wrong).unwrap();
        for note in [&replaced, &more] {
            assert_eq!(open_checkpoint(note, &keys), Err(SIGNATURE), "{at}");
            let others: Vec<_> = keys.iter().filter(|key| **key != keys[at]).collect();
            assert_eq!(
                open_checkpoint(note, others).unwrap().signatures().len(),
                3,
                "unknown, and passed over"
            );
        }
    }
    assert_eq!(open_checkpoint(&note, []), Err(Error::Unsigned));
}

/// A signature of one type under the id of another, of one name under another, and with another time.
#[test]
fn a_signature_is_good_for_one_type_one_name_and_one_time() {
    let text = checkpoint().to_string();
    let seed = [9; 32];
    let plain = NoteSigner::from_seed("ada", &seed).unwrap();
    let timed = Cosigner::ed25519("ada", &seed).unwrap();
    let line = timed.cosign(&checkpoint(), NOW).unwrap();
    let bytes = BASE64.decode(line.trim_end().rsplit_once(' ').unwrap().1.as_bytes()).unwrap();
    let with = |id: &[u8], rest: &[u8]| format!("{text}\n— ada {}\n", BASE64.encode(&[id, rest].concat()));
    let (plain_key, timed_key) = (plain.verifier_key(), timed.verifier_key());
    assert_ne!(plain_key.id(), timed_key.id());
    assert_eq!(
        open_checkpoint(&with(&timed_key.id(), &bytes[4..]), [timed_key]).unwrap().signatures().len(),
        1
    );
    assert_eq!(open_checkpoint(&with(&plain_key.id(), &bytes[12..]), [plain_key]), Err(SIGNATURE));
    let of_text = ed25519_dalek::SigningKey::from_bytes(&seed).sign(text.as_bytes()).to_bytes();
    for time in [0, NOW, u64::MAX] {
        let rest = [&time.to_be_bytes()[..], &of_text].concat();
        assert_eq!(open_checkpoint(&with(&timed_key.id(), &rest), [timed_key]), Err(SIGNATURE));
    }
    let later = [&(NOW + 1).to_be_bytes()[..], &bytes[12..]].concat();
    assert_eq!(open_checkpoint(&with(&timed_key.id(), &later), [timed_key]), Err(SIGNATURE));
    for short in 0..8 {
        let cut = with(&timed_key.id(), &bytes[4..=4 + short]);
        assert_eq!(open_checkpoint(&cut, [timed_key]), Err(SIGNATURE));
    }

    // ML-DSA-44 signs the name as well.
    let ada = Cosigner::ml_dsa("ada", &seed).unwrap();
    let bob = Cosigner::ml_dsa("bob", &seed).unwrap();
    let line = ada.cosign(&checkpoint(), NOW).unwrap();
    let bytes = BASE64.decode(line.trim_end().rsplit_once(' ').unwrap().1.as_bytes()).unwrap();
    let moved = [&bob.verifier_key().id(), &bytes[4..]].concat();
    let moved = format!("{text}\n— bob {}\n", BASE64.encode(&moved));
    assert_eq!(open_checkpoint(&moved, [bob.verifier_key()]), Err(SIGNATURE));
}

/// The message has room for a time past what may be: a signature on it is right and refused all the same.
#[test]
fn times_are_below_two_to_the_63() {
    let seed = [9; 32];
    let key = Cosigner::ed25519("ada", &seed).unwrap();
    let text = checkpoint().to_string();
    for (time, good) in [(u64::MAX >> 1, true), (1 << 63, false), (u64::MAX, false)] {
        let message = format!("cosignature/v1\ntime {time}\n{text}");
        let signature = ed25519_dalek::SigningKey::from_bytes(&seed).sign(message.as_bytes()).to_bytes();
        let bytes = [&key.verifier_key().id()[..], &time.to_be_bytes(), &signature].concat();
        let note = format!("{text}\n— ada {}\n", BASE64.encode(&bytes));
        assert_eq!(open_checkpoint(&note, [key.verifier_key()]).is_ok(), good, "{time}");
        assert_eq!(key.cosign(&checkpoint(), time).is_ok(), good, "{time}");
    }
    assert!(key.cosign(&checkpoint(), 0).is_err());
}

#[test]
fn what_no_tree_has_and_what_is_of_another_log_is_not_signed() {
    let (log, [ed25519, ml_dsa]) = (log(), witnesses());
    let root = Hash([7; 32]);
    let wrong = |origin: &str, size, root| Checkpoint { origin: origin.to_owned(), size, root };
    let cosign = |checkpoint: &Checkpoint| {
        [ed25519.cosign(checkpoint, NOW), ml_dsa.cosign(checkpoint, NOW)].map(|line| line.is_ok())
    };
    for (checkpoint, expected) in [
        (wrong(ORIGIN, 0, Hash::empty()), [true; 2]),
        (wrong(ORIGIN, 0, root), [false; 2]),
        (wrong(ORIGIN, u64::MAX >> 1, root), [true; 2]),
        (wrong(ORIGIN, 1 << 63, root), [false; 2]),
        (wrong("", 1, root), [false; 2]),
        (wrong("a\nb", 1, root), [false; 2]),
        (wrong("a\tb", 1, root), [false; 2]),
        (wrong("a b", 1, root), [true; 2]),
        (wrong(&"a".repeat(255), 1, root), [true; 2]),
        (wrong(&"a".repeat(256), 1, root), [true, false]),
    ] {
        assert_eq!(cosign(&checkpoint), expected, "{checkpoint:?}");
        let ours = checkpoint.origin == ORIGIN && expected == [true; 2];
        assert_eq!(log.sign(&checkpoint, NOW).is_ok(), ours, "{checkpoint:?}");
    }
    assert!(LogSigner::from_seeds(&"a".repeat(255), &[1; 32], &[2; 32]).is_ok());
    for origin in ["", "a b", "a+b", &"a".repeat(256)] {
        assert!(LogSigner::from_seeds(origin, &[1; 32], &[2; 32]).is_err(), "{origin}");
    }
}

/// A cosigner that goes by the name of a log does not speak for it.
#[test]
fn only_the_keys_of_the_log_are_the_logs() {
    let posing = Cosigner::ed25519(ORIGIN, &[5; 32]).unwrap();
    let line = posing.cosign(&checkpoint(), NOW).unwrap();
    let note = format!("{}\n{line}", checkpoint());
    let opened = open_checkpoint(&note, [posing.verifier_key()]).unwrap();
    assert_eq!((opened.signatures().len(), opened.of_log().count()), (1, 0));
}

#[test]
fn lines_are_added_until_there_are_too_many() {
    let (note, keys) = signed();
    let line = witnesses()[0].cosign(&checkpoint(), NOW).unwrap();
    let full = append(&note, &line.repeat(MAX_SIGNATURES - 4)).unwrap();
    assert_eq!(open_checkpoint(&full, &keys).unwrap().signatures().len(), MAX_SIGNATURES);
    assert!(append(&full, &line).is_err());
    let bare = line.trim_end();
    for wrong in
        ["", "\n", bare, &format!("{line}\n"), &format!("\n{line}"), &format!("{bare}\r\n"), "- a AAAAAAA=\n"]
    {
        assert_eq!(append(&note, wrong), Err(Error::Malformed("signature lines")), "{wrong:?}");
    }
    assert!(append("no note\n", &line).is_err());
}

#[test]
fn debug_shows_no_seed() {
    assert_eq!(format!("{:?}", log()), "LogSigner(example.com/log, ..)");
    assert_eq!(format!("{:?}", witnesses()[1]), "Cosigner(witness.example/w2, ..)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any one byte of a note, changed: refused, or nothing is trusted that was not signed.
    #[test]
    fn any_changed_byte_is_refused_or_changes_nothing(at in any::<prop::sample::Index>(), to in 0_u8..128) {
        let (note, keys) = signed();
        let mut bytes = note.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        if let Ok(opened) = open_checkpoint(&changed, &keys) {
            prop_assert_eq!(opened.checkpoint(), &checkpoint());
            // The line that was changed is nobody's now, and no time is another.
            let before = open_checkpoint(&note, &keys).unwrap();
            prop_assert_eq!(opened.signatures().len(), 3);
            prop_assert!(opened.signatures().iter().all(|signature| before.signatures().contains(signature)));
        }
    }
}
