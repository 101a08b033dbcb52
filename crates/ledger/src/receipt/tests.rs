//! Receipts as they are given, as others publish them, and with something changed.

use data_encoding::BASE64;
use proptest::prelude::*;

use crate::ed25519::SIGNATURE;
use crate::naive::{inclusion, leaves, root};
use crate::note::{Cosigner, LogSigner, append};

use super::*;

const ORIGIN: &str = "example.com/log";
const NOW: u64 = 1_700_000_000;

fn log() -> LogSigner {
    LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

fn witness() -> Cosigner {
    Cosigner::ml_dsa("witness.example", &[3; 32]).unwrap()
}

fn keys() -> Vec<VerifierKey> {
    log().verifier_keys().map(Clone::clone).to_vec()
}

fn tree(size: u64) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size, root: root(&leaves(size)) }
}

fn receipt(index: u64, size: u64) -> Receipt {
    let path = inclusion(usize::try_from(index).unwrap(), &leaves(size));
    Receipt::new(index, path, log().sign(&tree(size), NOW).unwrap(), Vec::new()).unwrap()
}

fn policy(quorum: &str) -> Policy {
    let keys = keys();
    let text = format!(
        "log {}\nlog {}\nwitness w {}\nquorum {quorum}\n",
        keys[0],
        keys[1],
        witness().verifier_key()
    );
    Policy::parse(&text).unwrap()
}

/// What the leaves of [`leaves`] are made of.
fn entry(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

#[test]
fn a_receipt_shows_its_leaf_and_no_other() {
    let keys = keys();
    for size in 1..20 {
        for index in 0..size {
            let receipt = Receipt::parse(&receipt(index, size).to_string()).unwrap();
            let opened = receipt.verify_by_log(&entry(index), &keys).unwrap();
            assert_eq!((opened.checkpoint(), receipt.index()), (&tree(size), index));
            let other = receipt.verify_by_log(&entry(index + 1), &keys);
            assert_eq!(other, Err(Error::Forged("the proof of inclusion")));
        }
    }
}

#[test]
fn whether_it_is_witnessed_is_another_question() {
    let bare = receipt(3, 7);
    let standing = |receipt: &Receipt, quorum| {
        let policy = policy(quorum);
        let standing = receipt.verify(&entry(3), &policy).unwrap();
        let missing = standing.missing().iter().map(|witness| witness.name.clone()).collect::<Vec<_>>();
        (missing, standing.witnessed().map(|opened| opened.checkpoint().clone()))
    };
    assert_eq!(standing(&bare, "none"), (vec![], Ok(tree(7))));
    assert_eq!(standing(&bare, "w"), (vec!["w".to_owned()], Err(Error::Unwitnessed)));
    let line = witness().cosign(&tree(7), NOW).unwrap();
    let note = append(bare.note(), &line).unwrap();
    let strong = Receipt::new(3, bare.path.clone(), note, Vec::new()).unwrap();
    assert_eq!(standing(&strong, "w"), (vec![], Ok(tree(7))));
    assert_eq!(strong.verify(&entry(4), &policy("w")).err(), Some(Error::Forged("the proof of inclusion")));
}

#[test]
fn a_receipt_is_no_better_than_the_keys_it_is_read_with() {
    let receipt = receipt(3, 7);
    assert_eq!(receipt.verify_by_log(&entry(3), []), Err(Error::Unsigned));
    let other = LogSigner::from_seeds(ORIGIN, &[8; 32], &[9; 32]).unwrap();
    assert_eq!(receipt.verify_by_log(&entry(3), other.verifier_keys()), Err(Error::Unsigned));
    // Only a witness has signed.
    let note = format!("{}\n{}", tree(7), witness().cosign(&tree(7), NOW).unwrap());
    let witnessed = Receipt::new(3, receipt.path.clone(), note, Vec::new()).unwrap();
    let all: Vec<VerifierKey> = keys().into_iter().chain([witness().verifier_key().clone()]).collect();
    assert_eq!(witnessed.verify_by_log(&entry(3), &all), Err(Error::Unsigned));
    assert_eq!(witnessed.verify(&entry(3), &policy("w")).err(), Some(Error::Unsigned));
    // A checkpoint of another size with the signatures of this one.
    let note = receipt.note().replacen("\n7\n", "\n8\n", 1);
    let moved = Receipt::new(3, receipt.path.clone(), note, Vec::new()).unwrap();
    assert_eq!(moved.verify_by_log(&entry(3), &keys()), Err(SIGNATURE));
}

/// Whatever it is, it leads to nothing by itself.
#[test]
fn extra_goes_along_and_is_not_trusted() {
    let plain = receipt(3, 7);
    let extra = b"the leaf is another one".to_vec();
    let with = Receipt::new(3, plain.path.clone(), plain.note.clone(), extra.clone()).unwrap();
    let read = Receipt::parse(&with.to_string()).unwrap();
    assert_eq!(read.extra(), extra);
    assert!(with.to_string().contains("@v1\nextra dGhlIGxlYWYgaXMgYW5vdGhlciBvbmU=\nindex 3\n"));
    assert_eq!(read.verify_by_log(&entry(3), &keys()), plain.verify_by_log(&entry(3), &keys()));
    assert!(read.verify_by_log(&extra, &keys()).is_err());
    let new = |extra| Receipt::new(3, plain.path.clone(), plain.note.clone(), extra);
    assert!(new(vec![0; MAX_EXTRA]).is_ok_and(|receipt| Receipt::parse(&receipt.to_string()).is_ok()));
    assert_eq!(new(vec![0; MAX_EXTRA + 1]), Err(MALFORMED));
}

/// The example of c2sp.org/tlog-proof as far as it is given: its signatures are elided, so these are of other bytes.
#[test]
fn the_example_of_the_specification_is_read() {
    let text = "c2sp.org/tlog-proof@v1\nextra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ\nindex 73894\n\
        gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\
        EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\nRoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n\
        AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n\nexample.com/fancylog\n109482\n\
        sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n— example.com/fancylog hI2DJwAB\n— witness1.example mJirIkAB\n";
    let receipt = Receipt::parse(text).unwrap();
    assert_eq!((receipt.index(), receipt.path.len()), (73_894, 5));
    assert!(receipt.extra().starts_with(b"age-v1.2.1-darwin-arm64.tar.gz"));
    assert_eq!(receipt.to_string(), text);
    assert_eq!(receipt.verify_by_log(b"", &keys()), Err(Error::Unsigned));
}

#[test]
fn a_receipt_has_one_spelling() {
    let good = receipt(3, 7).to_string();
    assert_eq!(Receipt::parse(&good).unwrap().to_string(), good);
    let hash = Hash([7; 32]).to_string();
    let many =
        |count| good.replacen("index 3\n", &format!("index 3\n{}", format!("{hash}\n").repeat(count)), 1);
    assert!(Receipt::parse(&many(60)).is_ok_and(|receipt| receipt.path.len() == MAX_PROOF));
    let first = inclusion(3, &leaves(7))[0].to_string();
    for wrong in [
        many(61),
        many(100_000),
        good.replacen("@v1", "@v2", 1),
        good.replacen("@v1\n", "@v1 \n", 1),
        good.replacen("c2sp", "C2SP", 1),
        format!("\n{good}"),
        format!("\u{feff}{good}"),
        good.replacen("index 3\n", "", 1),
        good.replacen("index 3", "index 03", 1),
        good.replacen("index 3", "index  3", 1),
        good.replacen("index 3", "index 3 ", 1),
        good.replacen("index 3", "index +3", 1),
        good.replacen("index 3", "index -3", 1),
        good.replacen("index 3", "index 9223372036854775808", 1),
        good.replacen("index 3", "index ", 1),
        good.replacen("index 3\n", "index 3\nindex 3\n", 1),
        good.replacen("index 3\n", "extra \nindex 3\n", 1),
        good.replacen("index 3\n", "extra AA\nindex 3\n", 1),
        good.replacen("index 3\n", "extra AB==\nindex 3\n", 1),
        good.replacen("index 3\n", "extra AA==\nextra AA==\nindex 3\n", 1),
        good.replacen("index 3\n", "index 3\nextra AA==\n", 1),
        good.replacen("index 3\n", "index 3\n\n", 1),
        good.replacen(&first, first.trim_end_matches('='), 1),
        good.replacen(&first, &BASE64.encode(&[7; 31]), 1),
        good.replacen(&first, &BASE64.encode(&[7; 33]), 1),
        good.replacen(&first, &format!("{}d=", &hash[..42]), 1),
        good.replace('\n', "\r\n"),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        String::new(),
    ] {
        assert!(matches!(Receipt::parse(&wrong), Err(Error::Malformed(_))), "{wrong:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Refused, or it is still this leaf at this index of this tree that is shown.
    #[test]
    fn any_changed_byte_is_refused_or_changes_nothing(at in any::<prop::sample::Index>(), to in 0_u8..128) {
        let mut bytes = receipt(3, 7).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let Ok(changed) = Receipt::parse(&text) else { return Ok(()) };
        prop_assert_eq!(changed.to_string(), text);
        if let Ok(opened) = changed.verify_by_log(&entry(3), &keys()) {
            prop_assert_eq!(opened.checkpoint(), &tree(7));
            prop_assert_eq!((changed.index(), changed.path), (3, inclusion(3, &leaves(7))));
        }
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(
        text in "(c2sp.org/tlog-proof@v1\n)?(extra |index |[0-9]|[A-Za-z+/=]|\n|— |\\PC){0,200}",
    ) {
        if let Ok(receipt) = Receipt::parse(&text) {
            prop_assert_eq!(receipt.to_string(), text);
        }
    }
}
