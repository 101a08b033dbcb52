//! A request to a witness is written as it was read, and nothing is accepted but the one checkpoint that the log has signed.
//! Of an answer, nothing is kept but what the witness has signed.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use avouch_ledger::{
    Error,
    checkpoint::Checkpoint,
    hash::Hash,
    note::{Cosigner, NoteSigner},
    witness::{AddCheckpoint, Answer, Reply, Seen, judge, read_answer},
};

use crate::edits::text_or_edited;

/// What the log has signed, and what the witness had seen before.
struct House {
    log: NoteSigner,
    witness: Cosigner,
    before: Seen,
    now: Checkpoint,
    request: AddCheckpoint,
    answer: String,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let log = NoteSigner::from_seed("example.org/log", &[0x42; 32]).expect("a name without spaces");
    let witness = Cosigner::ed25519("example.org/witness", &[0x43; 32]).expect("a name without spaces");
    let (first, second) = (Hash::leaf(b"first"), Hash::leaf(b"second"));
    let now = Checkpoint { origin: "example.org/log".to_owned(), size: 2, root: Hash::node(&first, &second) };
    let note = log.sign(&now.to_string()).expect("a checkpoint");
    let request = AddCheckpoint::new(1, vec![second], note).expect("a request");
    let answer = witness.cosign(&now, 1_700_000_000).expect("a checkpoint");
    House { log, witness, before: Seen { size: 1, root: first }, now, request, answer }
});

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let house = &*HOUSE;
    if input.int_in_range(0..=2_u8)? == 2 {
        let Some(body) = text_or_edited(input, &house.answer)? else { return Ok(()) };
        let keys = [house.witness.verifier_key()];
        if let Ok(Reply::Cosigned(lines)) = read_answer(200, &body, house.request.note(), keys) {
            assert!(lines.split_inclusive('\n').all(|line| line == house.answer), "{lines:?}");
        }
        if let Ok(Reply::Conflict(size)) = read_answer(409, &body, house.request.note(), keys) {
            assert_eq!(format!("{size}\n"), body);
        }
        return Ok(());
    }
    let Some(text) = text_or_edited(input, &house.request.to_string())? else { return Ok(()) };
    match AddCheckpoint::parse(&text) {
        Ok(request) => {
            assert_eq!(request.to_string(), text);
            let answer = judge(Some(house.before), [house.log.verifier_key()], &request);
            if let Answer::Accepted(accepted) = answer.expect("an answer to whatever it is") {
                assert_eq!(accepted.seen(), Seen { size: house.now.size, root: house.now.root });
                assert_eq!(accepted.note(), house.request.note());
                // Lines of others apart, it is the request itself, with its one proof.
                let genuine = house.request.to_string();
                let (up_to_signatures, _) = genuine.split_once('—').expect("signed");
                assert!(text.starts_with(up_to_signatures), "{text:?}");
            }
        }
        Err(refused) => assert!(matches!(refused, Error::Malformed(_)), "{refused}"),
    }
    Ok(())
}
