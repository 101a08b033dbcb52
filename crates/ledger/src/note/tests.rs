//! Notes by the specification, the examples that others publish, and everything that is no note.

use data_encoding::{BASE64, HEXLOWER};
use proptest::prelude::*;

use super::*;
use crate::ed25519::SIGNATURE;

/// The documentation of Go's `sumdb/note`, which the specification was written from.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SEED: &str = "gQoUAtUUbI2E8kQzMPVAgOv5juF9nHT2JS/F1ccoMXM=";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const PETER_LINE: &str = "— PeterNeumann \
    x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const ENOCH_LINE: &str = "— EnochRoot \
    rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn verifier(key: &str) -> VerifierKey {
    VerifierKey::parse(key).expect("a verifier key")
}

impl VerifierKey {
    /// The text of a note that has a signature of this key.
    fn reads<'n>(&self, note: &'n str) -> Result<&'n str> {
        open_text(note, [self]).map(|(text, _)| text)
    }
}

fn signer(name: &str, seed: [u8; 32]) -> NoteSigner {
    NoteSigner::from_seed(name, &seed).expect("a name")
}

fn note(lines: &[&str]) -> String {
    format!("{TEXT}\n{}", lines.concat())
}

#[test]
fn the_note_of_the_go_documentation() {
    let seed = BASE64.decode(PETER_SEED.as_bytes()).unwrap().try_into().unwrap();
    let peter = signer("PeterNeumann", seed);
    assert_eq!(peter.verifier_key().to_string(), PETER);
    assert_eq!(peter.sign(TEXT).unwrap(), note(&[PETER_LINE]));
    assert_eq!(verifier(PETER).reads(&note(&[PETER_LINE])), Ok(TEXT));
    assert_eq!(verifier(PETER).to_string(), PETER);
}

#[test]
fn the_notes_of_the_specification() {
    let key = verifier("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let note = "This is an example message.\n\n— example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(key.reads(note), Ok("This is an example message.\n"));
    // An empty line within the text, and a key that the document does not give.
    let poem = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
        — quasimodo.example/salvatore \
        NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    assert_eq!(key.reads(poem), Err(Error::Unsigned));
}

#[test]
fn lines_of_others_are_passed_over() {
    for lines in [[PETER_LINE, ENOCH_LINE], [ENOCH_LINE, PETER_LINE]] {
        assert_eq!(verifier(PETER).reads(&note(&lines)), Ok(TEXT));
        assert_eq!(verifier(ENOCH).reads(&note(&lines)), Ok(TEXT));
    }
    assert_eq!(verifier(PETER).reads(&note(&[ENOCH_LINE])), Err(Error::Unsigned));
    // Of this name with another id, and of this id with another name.
    let other_id = PETER_LINE.replace("x08g", "x08h");
    let other_name = PETER_LINE.replace("PeterNeumann", "CarmenSandiego");
    for line in [&other_id, &other_name] {
        assert_eq!(verifier(PETER).reads(&note(&[line])), Err(Error::Unsigned));
        assert_eq!(verifier(PETER).reads(&note(&[line, PETER_LINE])), Ok(TEXT));
    }
    // A signature of a kind that we do not know, as long as those of ML-DSA.
    let long = format!("— someone {}\n", BASE64.encode(&[7; 4_631]));
    assert_eq!(verifier(PETER).reads(&note(&[&long, PETER_LINE])), Ok(TEXT));
}

#[test]
fn one_bad_signature_of_the_known_key_refuses_the_note() {
    let bad = PETER_LINE.replace("/ZJk", "/ZJl");
    let short = format!("— PeterNeumann {}\n", BASE64.encode(&[0xc7, 0x4f, 0x20, 0xa3, 0]));
    for wrong in [&bad, &short] {
        for lines in [&[wrong.as_str()][..], &[wrong, PETER_LINE], &[PETER_LINE, wrong]] {
            assert_eq!(verifier(PETER).reads(&note(lines)), Err(SIGNATURE));
        }
    }
    let other_text = note(&[PETER_LINE]).replace("answer", "Answer");
    assert_eq!(verifier(PETER).reads(&other_text), Err(SIGNATURE));
    assert_eq!(verifier(PETER).reads(&note(&[PETER_LINE, PETER_LINE])), Ok(TEXT), "said twice is said");
}

#[test]
fn what_is_no_note_is_refused() {
    let (bare, line) = (TEXT.trim_end(), PETER_LINE.trim_end());
    for wrong in [
        String::new(),
        "\n".into(),
        "\n\n".into(),
        TEXT.into(),
        format!("{TEXT}\n"),
        format!("{TEXT}\n\n"),
        format!("{TEXT}{PETER_LINE}"),
        format!("{bare}{PETER_LINE}"),
        format!("\n{PETER_LINE}"),
        format!("{TEXT}\n{line}"),
        format!("{TEXT}\n{line}\r\n"),
        format!("{TEXT}\n{PETER_LINE}\n"),
        format!("\u{1}{TEXT}\n{PETER_LINE}"),
        format!("\t{TEXT}\n{PETER_LINE}"),
    ] {
        assert_eq!(verifier(PETER).reads(&wrong), Err(MALFORMED), "{wrong:?}");
    }
}

#[test]
fn a_line_that_is_no_signature_refuses_the_note() {
    let signature = PETER_LINE.trim_end().rsplit_once(' ').unwrap().1;
    for wrong in [
        "Unexpected line.\n".into(),
        format!("- PeterNeumann {signature}\n"),
        format!("—PeterNeumann {signature}\n"),
        format!("—  PeterNeumann {signature}\n"),
        format!(" — PeterNeumann {signature}\n"),
        format!("— PeterNeumann  {signature}\n"),
        format!("— PeterNeumann {signature} \n"),
        format!("— {signature}\n"),
        format!("—  {signature}\n"),
        format!("— Peter Neumann {signature}\n"),
        format!("— Peter\u{a0}Neumann {signature}\n"),
        format!("— Peter+Neumann {signature}\n"),
        "— PeterNeumann \n".into(),
        "— PeterNeumann x08gow==\n".into(),
        format!("— PeterNeumann {}\n", signature.trim_end_matches('=')),
        format!("— PeterNeumann {}\n", signature.replace("AM=", "AN=")),
        format!("— PeterNeumann {}\n", signature.replace('/', "_")),
        // The same bytes in two padded pieces.
        format!("— PeterNeumann xw=={}\n", BASE64.encode(&BASE64.decode(signature.as_bytes()).unwrap()[1..])),
    ] {
        for lines in [&[wrong.as_str()][..], &[&wrong, PETER_LINE], &[PETER_LINE, &wrong]] {
            assert_eq!(verifier(PETER).reads(&note(lines)), Err(MALFORMED), "{wrong:?}");
        }
    }
}

#[test]
fn notes_have_their_limits() {
    let lines = [ENOCH_LINE; MAX_SIGNATURES - 1].concat();
    assert_eq!(verifier(PETER).reads(&note(&[&lines, PETER_LINE])), Ok(TEXT));
    assert_eq!(verifier(PETER).reads(&note(&[&lines, ENOCH_LINE, PETER_LINE])), Err(MALFORMED));

    let ada = signer("ada", [1; 32]);
    let line = ada.sign("\n").unwrap().len() - 1;
    let longest = format!("{}\n", "a".repeat(MAX_NOTE - line - 1));
    let signed = ada.sign(&longest).unwrap();
    assert_eq!(signed.len(), MAX_NOTE);
    assert_eq!(ada.verifier_key().reads(&signed), Ok(longest.as_str()));
    assert_eq!(ada.verifier_key().reads(&format!("a{signed}")), Err(MALFORMED));
    assert_eq!(ada.sign(&format!("a{longest}")), Err(Error::Parameters("a note over a mebibyte")));
}

#[test]
fn texts_that_no_note_can_have_are_not_signed() {
    let ada = signer("ada", [1; 32]);
    for text in [
        "",
        "a",
        "cosignature/v1\n",
        "cosignature/v1\ntime 1\na\n",
        "a\nb",
        "a\r\n",
        "a\t\n",
        "\u{0}\n",
        "a\u{1f}\n",
    ] {
        assert!(matches!(ada.sign(text), Err(Error::Malformed(_))), "{text:?}");
    }
    for text in ["\n", "\n\n", "ä\u{7f}\u{a0}\n", "a\n\n— PeterNeumann x08gow==\n"] {
        let note = ada.sign(text).unwrap();
        assert_eq!(ada.verifier_key().reads(&note), Ok(text), "{text:?}");
    }
}

#[test]
fn names_have_neither_spaces_nor_plus_signs() {
    for name in ["", " ", "a b", "a+b", "a\u{a0}b", "a\u{2003}b", "a\u{85}b", "a\nb", "a\u{1}b"] {
        assert!(NoteSigner::from_seed(name, &[1; 32]).is_err(), "{name:?}");
    }
    assert_eq!(signer("example.com/für-alle", [1; 32]).verifier_key().name(), "example.com/für-alle");
}

#[test]
fn every_part_and_every_slip_of_a_verifier_key_is_refused() {
    for start in 0..PETER.len() {
        for end in start..=PETER.len() {
            let whole = start == 0 && end == PETER.len();
            assert_eq!(VerifierKey::parse(&PETER[start..end]).is_ok(), whole, "{start} {end}");
        }
    }
    for at in 0..PETER.len() {
        let mut slip = PETER.as_bytes().to_vec();
        slip[at] += 1;
        assert!(VerifierKey::parse(&String::from_utf8(slip).unwrap()).is_err(), "{at}");
    }
    for wrong in [
        // Too long and of another kind, the id made to fit: from the tests of the Go package.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        // The same 33 bytes in two padded pieces.
        "PeterNeumann+c74f20a3+AQ==GlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert_eq!(
            VerifierKey::parse(wrong).err(),
            Some(Error::Malformed("verifier key of a note")),
            "{wrong}"
        );
    }
}

/// A verifier key with whatever public key, its id made to fit.
fn made_up(kind: u8, public: &[u8]) -> String {
    let key = [&[kind], public].concat();
    let hashed = [b"mallory\n", key.as_slice()].concat();
    let id = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &hashed);
    format!("mallory+{}+{}", HEXLOWER.encode(&id.as_ref()[..4]), BASE64.encode(&key))
}

/// The library would verify what anybody can make up for such a key: cases 0 and 1 in `ed25519/tests.rs`, case 68 of
/// Wycheproof in `mldsa/tests.rs`.
#[test]
fn a_verifier_key_under_which_anybody_can_sign_is_refused() {
    let mut point = [0; 32];
    point[0] = 1;
    for kind in [0x01, 0x04] {
        let refused = Some(Error::Malformed("ed25519 public key"));
        assert_eq!(VerifierKey::parse(&made_up(kind, &point)).err(), refused);
    }
    let refused = Some(Error::Malformed("ml-dsa-44 public key"));
    for public in [[&[7; 32][..], &[0; 1_280]].concat(), vec![7; 1_311], vec![7; 1_313], Vec::new()] {
        assert_eq!(VerifierKey::parse(&made_up(0x06, &public)).err(), refused);
    }
    assert!(VerifierKey::parse(&made_up(0x06, &[7; 1_312])).is_ok());
    for kind in [0x00, 0x02, 0x03, 0x05, 0x07, 0xff] {
        let refused = Some(Error::Malformed("verifier key of a note"));
        assert_eq!(VerifierKey::parse(&made_up(kind, &[7; 32])).err(), refused);
    }
}

#[test]
fn debug_shows_no_seed() {
    let seed = [0xab; 32];
    assert_eq!(format!("{:?}", signer("ada", seed)), "NoteSigner(ada, ..)");
    assert_eq!(format!("{:?}", verifier(PETER)), "VerifierKey(PeterNeumann+c74f20a3, Ed25519)");
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        seed: [u8; 32],
        name in "[^\\s+\\x00-\\x1f]{1,40}",
        text in "([^\\x00-\\x1f]|\n){0,80}",
    ) {
        let (ada, text) = (signer(&name, seed), format!("{text}\n"));
        let note = ada.sign(&text).unwrap();
        let theirs = verifier(&ada.verifier_key().to_string());
        prop_assert_eq!(theirs.reads(&note), Ok(text.as_str()));
        prop_assert_eq!(theirs.name(), name);
        prop_assert_eq!(verifier(PETER).reads(&note), Err(Error::Unsigned));
        // A second signature below, as one who vouches adds it.
        let line = note.strip_prefix(&text).and_then(|rest| rest.strip_prefix('\n')).unwrap();
        let twice = signer("second", seed).sign(&text).unwrap() + line;
        prop_assert_eq!(theirs.reads(&twice), Ok(text.as_str()));
    }

    #[test]
    fn any_changed_character_is_refused(at in any::<prop::sample::Index>(), to in "[ -~\n]") {
        let mut note = note(&[PETER_LINE]);
        let (at, character) = note.char_indices().nth(at.index(note.chars().count())).unwrap();
        prop_assume!(to != character.to_string());
        note.replace_range(at..at + character.len_utf8(), &to);
        prop_assert!(verifier(PETER).reads(&note).is_err(), "{}", note);
    }

    /// Against an implementation of others, of notes that are right and of those that are almost so.
    #[test]
    fn agrees_with_another_implementation(
        seed: [u8; 32],
        name in "[^\\s+\\x00-\\x1f]{1,12}",
        text in "([^\\x00-\\x1f]|\n){0,40}",
        lines in prop::collection::vec((0_usize..6, any::<prop::sample::Index>(), "[ -~\n]"), 0..4),
    ) {
        let (ada, text) = (signer(&name, seed), format!("{text}\n"));
        let signed = ada.sign(&text).unwrap();
        let own = signed.strip_prefix(&text).unwrap().trim_start_matches('\n').to_owned();
        let other = ada.sign(&format!("{text}.\n")).unwrap();
        let other = other.split_inclusive('\n').next_back().unwrap();
        let mut note = signed;
        for (which, at, with) in lines {
            match which {
                0 => note.push_str(&own),
                1 => note.push_str(ENOCH_LINE),
                2 => note.push_str(other),
                3 => note.push_str(&with),
                _ => {
                    let (at, character) = note.char_indices().nth(at.index(note.chars().count())).unwrap();
                    note.replace_range(at..at + character.len_utf8(), &with);
                }
            }
        }
        let key = ada.verifier_key().to_string();
        let ours = open_text(&note, [ada.verifier_key()]).map(|(text, _)| text.as_bytes().to_vec());
        let theirs = signed_note::StandardVerifier::new(&key).unwrap();
        let theirs = signed_note::VerifierList::new(vec![Box::new(theirs)]);
        let theirs = signed_note::Note::from_bytes(note.as_bytes())
            .and_then(|note| note.verify(&theirs).map(|_| note.text().to_vec()));
        // Theirs looks at the first line of a key only.
        let twice = Note::parse(&note).is_ok_and(|note| {
            note.lines().iter().filter(|line| line.is_of(ada.verifier_key())).count() > 1
        });
        match (ours, theirs) {
            (Err(Error::Forged(_)), Ok(_)) => prop_assert!(twice, "{}", note),
            (Err(Error::Unsigned), theirs) => {
                let unsigned = matches!(theirs, Err(signed_note::NoteError::UnverifiedNote));
                prop_assert!(unsigned, "{}", note);
            }
            (ours, theirs) => prop_assert_eq!(ours.ok(), theirs.ok(), "{}", note),
        }
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "(\\PC|\n|— ){0,120}") {
        prop_assert!(VerifierKey::parse(&text).is_err());
        prop_assert!(verifier(PETER).reads(&text).is_err());
        let _ = NoteSigner::from_seed(&text, &[7; 32]);
    }
}
