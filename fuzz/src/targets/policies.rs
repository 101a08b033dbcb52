//! A policy is read or refused with problems on lines that it has. What more witnesses have signed stands no worse, and where
//! a quorum is not met there is somebody whose signature would help.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use avouch_ledger::{
    checkpoint::Checkpoint,
    hash::Hash,
    note::{Cosigner, NoteSigner, append},
    policy::Policy,
};

use crate::edits::text_or_edited;

/// A policy, and a checkpoint that nobody, one and two of its three witnesses have signed.
static GENUINE: LazyLock<(String, [String; 3])> = LazyLock::new(|| {
    let log = NoteSigner::from_seed("example.org/log", &[0x42; 32]).expect("a name without spaces");
    let [a, b, c] =
        [1, 2, 3].map(|seed| Cosigner::ed25519("example.org/witness", &[seed; 32]).expect("a name"));
    let checkpoint = Checkpoint { origin: "example.org/log".to_owned(), size: 2, root: Hash::empty() };
    let none = log.sign(&checkpoint.to_string()).expect("a checkpoint");
    let with = |note: &str, witness: &Cosigner| {
        append(note, &witness.cosign(&checkpoint, 1).expect("a checkpoint")).expect("one more line")
    };
    let one = with(&none, &a);
    let two = with(&one, &b);
    let policy = format!(
        "log {} https://log\nwitness a {}\nwitness b {}\n# far away\nwitness c {} https://c\n\
         group ab 1 a b\ngroup all all ab c\nquorum ab\n",
        log.verifier_key(),
        a.verifier_key(),
        b.verifier_key(),
        c.verifier_key()
    );
    (policy, [none, one, two])
});

pub(super) fn check(input: Unstructured<'_>) -> Result<()> {
    let (genuine, notes) = &*GENUINE;
    let Some(text) = text_or_edited(input, genuine)? else { return Ok(()) };
    let policy = match Policy::parse(&text) {
        Ok(policy) => policy,
        Err(problems) => {
            let lines = text.split_inclusive('\n').count().max(1);
            assert!(
                !problems.is_empty() && problems.iter().all(|problem| (1..=lines).contains(&problem.line))
            );
            return Ok(());
        }
    };
    let mut before = (false, 0);
    for note in notes {
        let Ok(standing) = policy.open(note) else { continue };
        assert_eq!(standing.is_witnessed(), standing.missing().is_empty());
        let now = (standing.is_witnessed(), standing.witnesses().len());
        assert!(now.0 >= before.0 && now.1 >= before.1);
        before = now;
    }
    Ok(())
}
