//! What shows that a log has two histories, and what does not.

use crate::naive::{consistency, leaves, root};
use crate::note::{Cosigner, LogSigner, NoteSigner};

use super::*;

const ORIGIN: &str = "example.com/log";
const NOW: u64 = 1_700_000_000;

fn log() -> LogSigner {
    LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

fn keys() -> Vec<VerifierKey> {
    log().verifier_keys().map(Clone::clone).to_vec()
}

/// The log as it is, or as it would be if its third leaf were another.
fn tree(size: u64, forked: bool) -> Vec<Hash> {
    let mut leaves = leaves(size);
    if let Some(leaf) = leaves.get_mut(2).filter(|_| forked) {
        *leaf = Hash::leaf(b"another");
    }
    leaves
}

fn checkpoint(leaves: &[Hash]) -> Checkpoint {
    let size = u64::try_from(leaves.len()).unwrap();
    Checkpoint { origin: ORIGIN.to_owned(), size, root: root(leaves) }
}

fn signed(leaves: &[Hash], time: u64) -> String {
    log().sign(&checkpoint(leaves), time).unwrap()
}

fn evidence(small: (u64, bool), large: (u64, bool), prefix: bool) -> Evidence {
    let (smaller, larger) = (tree(small.0, small.1), tree(large.0, large.1));
    let of_larger = &larger[..smaller.len()];
    let prefix = prefix.then(|| Prefix { root: root(of_larger), proof: consistency(smaller.len(), &larger) });
    Evidence { smaller: signed(&smaller, NOW), larger: signed(&larger, NOW), prefix }
}

/// What is found, also by somebody who reads it from the file.
fn found(evidence: &Evidence) -> Result<Finding> {
    let text = evidence.to_string();
    let read = Evidence::parse(&text).unwrap();
    assert_eq!((&read, read.to_string()), (evidence, text));
    read.verify(&keys())
}

#[test]
fn two_roots_of_one_size_are_a_fork() {
    let evidence = evidence((7, false), (7, true), false);
    let expected = Finding::Fork(checkpoint(&tree(7, false)), checkpoint(&tree(7, true)));
    assert_eq!(found(&evidence), Ok(expected));
}

#[test]
fn another_beginning_is_a_fork() {
    for small in 3..9 {
        for large in small + 1..20 {
            for forked in [false, true] {
                let fork = evidence((small, forked), (large, !forked), true);
                assert!(matches!(found(&fork), Ok(Finding::Fork(..))), "{small} {large}");
                let honest = evidence((small, forked), (large, forked), true);
                assert_eq!(found(&honest), Err(NOTHING), "{small} {large}");
                // Without the beginning nothing is shown.
                assert_eq!(found(&Evidence { prefix: None, ..fork }), Err(NOTHING), "{small} {large}");
            }
        }
    }
}

/// Nobody is accused by a proof that is merely wrong.
#[test]
fn a_proof_that_does_not_fit_shows_nothing() {
    let honest = evidence((5, false), (11, false), true);
    let prefix = honest.prefix.clone().unwrap();
    for made_up in [
        Prefix { root: Hash([7; 32]), ..prefix.clone() },
        Prefix { proof: Vec::new(), ..prefix.clone() },
        Prefix { proof: prefix.proof[1..].to_vec(), ..prefix.clone() },
        Prefix { proof: [&prefix.proof[..], &prefix.proof[..1]].concat(), ..prefix.clone() },
        Prefix { proof: vec![Hash([7; 32]); prefix.proof.len()], root: Hash([7; 32]) },
    ] {
        assert_eq!(found(&Evidence { prefix: Some(made_up), ..honest.clone() }), Err(NOTHING));
    }
    // A power of two begins its own proof.
    let honest = evidence((8, false), (11, false), true);
    let prefix = Prefix { root: Hash([7; 32]), ..honest.prefix.clone().unwrap() };
    assert_eq!(found(&Evidence { prefix: Some(prefix), ..honest }), Err(NOTHING));
}

#[test]
fn a_smaller_tree_that_is_said_to_be_newer_is_a_roll_back() {
    let (small, large) = (tree(5, false), tree(11, false));
    let at = |before, after| Evidence {
        smaller: signed(&small, after),
        larger: signed(&large, before),
        prefix: None,
    };
    let expected = Finding::RolledBack(checkpoint(&large), checkpoint(&small));
    assert_eq!(found(&at(NOW, NOW + 1)), Ok(expected));
    assert_eq!(found(&at(NOW, NOW)), Err(NOTHING));
    assert_eq!(found(&at(NOW + 1, NOW)), Err(NOTHING));
    // Ed25519 alone names no time.
    let untimed = NoteSigner::from_seed(ORIGIN, &[1; 32]).unwrap();
    let smaller = untimed.sign(&checkpoint(&small).to_string()).unwrap();
    assert_eq!(found(&Evidence { smaller, ..at(NOW, NOW) }), Err(NOTHING));
}

#[test]
fn only_what_the_log_has_signed_counts_against_it() {
    let fork = evidence((7, false), (7, true), false);
    assert_eq!(fork.verify([]), Err(Error::Unsigned));
    let other = LogSigner::from_seeds(ORIGIN, &[8; 32], &[9; 32]).unwrap();
    assert_eq!(fork.verify(other.verifier_keys()), Err(Error::Unsigned));
    // A witness has signed the other one.
    let witness = Cosigner::ml_dsa("witness.example", &[3; 32]).unwrap();
    let (honest, forked) = (tree(7, false), checkpoint(&tree(7, true)));
    let line = witness.cosign(&forked, NOW).unwrap();
    let framed =
        Evidence { smaller: signed(&honest, NOW), larger: format!("{forked}\n{line}"), prefix: None };
    let all: Vec<VerifierKey> = keys().into_iter().chain([witness.verifier_key().clone()]).collect();
    assert_eq!(framed.verify(&all), Err(Error::Unsigned));
    // Two logs are two logs.
    let second = LogSigner::from_seeds("example.com/other", &[1; 32], &[2; 32]).unwrap();
    let note = second.sign(&Checkpoint { origin: "example.com/other".to_owned(), ..forked }, NOW).unwrap();
    let both = Evidence { smaller: signed(&honest, NOW), larger: note, prefix: None };
    let all: Vec<VerifierKey> = keys().into_iter().chain(second.verifier_keys().map(Clone::clone)).collect();
    assert_eq!(both.verify(&all), Err(NOTHING));
    // The same twice, and the larger first.
    let same = Evidence { larger: fork.smaller.clone(), ..fork.clone() };
    assert_eq!(same.verify(&keys()), Err(NOTHING));
    let grown = evidence((5, false), (11, true), true);
    let swapped = Evidence { smaller: grown.larger.clone(), larger: grown.smaller.clone(), ..grown };
    assert_eq!(swapped.verify(&keys()), Err(NOTHING));
}

#[test]
fn the_text_has_one_spelling() {
    let good = evidence((5, false), (11, true), true).to_string();
    for wrong in [
        good.replacen("v1", "v2", 1),
        good.replacen("view v1\n", "view v1\n\n", 1),
        good.replacen("view v1\n", "view v1 \n", 1),
        good.replacen("view v1\n", &format!("view v1\n{}", format!("{}\n", Hash([7; 32])).repeat(64)), 1),
        good.replacen("=\n", "\n", 1),
        good.replace('\n', "\r\n"),
        format!("\n{good}"),
        format!("{good}\n\n{good}"),
        String::new(),
    ] {
        let refused = Evidence::parse(&wrong).and_then(|evidence| evidence.verify(&keys()));
        assert!(matches!(refused, Err(Error::Malformed(_))), "{wrong:?}");
    }
}
