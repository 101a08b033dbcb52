//! The protocol from both sides: every answer, what races and replays lead to, and requests that others have made.

use data_encoding::BASE64;
use proptest::prelude::*;

use crate::ed25519::SIGNATURE;
use crate::naive::{consistency, leaves, root};
use crate::note::{LogSigner, NoteSigner};

use super::reply::ANSWER;
use super::*;

const ORIGIN: &str = "example.com/log";
const NOW: u64 = 1_700_000_000;

fn log() -> LogSigner {
    LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

fn keys() -> Vec<VerifierKey> {
    log().verifier_keys().map(Clone::clone).to_vec()
}

fn cosigners() -> [Cosigner; 2] {
    [
        Cosigner::ed25519("witness.example/w1", &[3; 32]).unwrap(),
        Cosigner::ml_dsa("witness.example/w1", &[4; 32]).unwrap(),
    ]
}

fn tree(size: u64) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size, root: root(&leaves(size)) }
}

fn seen(size: u64) -> Option<Seen> {
    (size > 0).then(|| Seen { size, root: tree(size).root })
}

fn request(old: u64, new: u64) -> AddCheckpoint {
    let proof = match usize::try_from(old).unwrap() {
        0 => Vec::new(),
        old => consistency(old, &leaves(new)),
    };
    AddCheckpoint::new(old, proof, log().sign(&tree(new), NOW).unwrap()).unwrap()
}

/// The status, and the reason of one that is 422.
fn answer(seen: Option<Seen>, request: &AddCheckpoint) -> (u16, Option<Unprocessable>) {
    let answer = judge(seen, &keys(), request).unwrap();
    let reason = match &answer {
        Answer::Unprocessable(reason) => Some(*reason),
        _ => None,
    };
    (answer.status(), reason)
}

fn accepted(answer: Answer) -> Accepted {
    match answer {
        Answer::Accepted(accepted) => accepted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_grows_and_is_cosigned_at_every_step() {
    let keys_of_witness: Vec<VerifierKey> =
        cosigners().iter().map(|key| key.verifier_key().clone()).collect();
    let mut stored = None;
    for (old, new) in [(0, 0), (0, 1), (1, 2), (2, 7), (7, 7), (7, 64), (64, 70)] {
        let request = AddCheckpoint::parse(&request(old, new).to_string()).unwrap();
        let accepted = accepted(judge(stored, &keys(), &request).unwrap());
        let ready = accepted.store(|accepted| {
            stored = Some(accepted.seen());
            Ok::<_, ()>(())
        });
        assert_eq!(stored, Some(Seen { size: new, root: tree(new).root }));
        let cosigned = ready.unwrap().cosign(&cosigners(), NOW).unwrap();
        let reply = read_answer(200, &cosigned.lines, request.note(), &keys_of_witness).unwrap();
        assert_eq!(reply, Reply::Cosigned(cosigned.lines.clone()));
        assert_eq!(cosigned.note, append(request.note(), &cosigned.lines).unwrap());
        let opened = open_checkpoint(&cosigned.note, &keys_of_witness).unwrap();
        assert_eq!((opened.checkpoint(), opened.signatures().len()), (&tree(new), 2));
    }
}

#[test]
fn a_log_is_named_by_a_hash_of_its_origin() {
    assert_eq!(log_id("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn nothing_is_signed_that_could_not_be_stored() {
    let accepted = accepted(judge(None, &keys(), &request(0, 3)).unwrap());
    assert_eq!(accepted.store(|_| Err("the disk is full")).err(), Some("the disk is full"));
}

#[test]
fn the_old_size_is_the_one_that_was_stored() {
    for (stored, old, new) in [(0, 3, 5), (3, 0, 5), (5, 3, 5), (5, 3, 4), (7, 5, 7), (3, 4, 5)] {
        let answer = judge(seen(stored), &keys(), &request(old, new)).unwrap();
        assert_eq!((answer.status(), answer.body()), (409, format!("{stored}\n")), "{stored} {old} {new}");
    }
    // Of two requests from the same size one comes too late, and the witness is not led back.
    let (first, second) = (request(3, 5), request(3, 7));
    let stored = accepted(judge(seen(3), &keys(), &second).unwrap()).seen();
    assert!(matches!(judge(Some(stored), &keys(), &first), Ok(Answer::Conflict(7))));
}

#[test]
fn what_is_no_continuation_is_not_cosigned() {
    use Unprocessable::{Empty, NeedlessProof, OtherRoot, Proof};

    let with = |old, proof: &[Hash], checkpoint: &Checkpoint| {
        let signer = NoteSigner::from_seed(ORIGIN, &[1; 32]).unwrap();
        AddCheckpoint::new(old, proof.to_vec(), signer.sign(&checkpoint.to_string()).unwrap()).unwrap()
    };
    let other = |size| Checkpoint { root: Hash([7; 32]), ..tree(size) };
    let proof = consistency(3, &leaves(7));
    for (stored, request, reason) in [
        (0, with(0, &[], &other(0)), Empty),
        (0, with(0, &[Hash([7; 32])], &tree(0)), NeedlessProof),
        (0, with(0, &proof, &tree(7)), NeedlessProof),
        (7, with(7, &[], &other(7)), OtherRoot),
        (7, with(7, &proof, &other(7)), OtherRoot),
        (7, with(7, &proof, &tree(7)), NeedlessProof),
        (3, with(3, &[], &tree(7)), Proof),
        (3, with(3, &proof[1..], &tree(7)), Proof),
        (3, with(3, &[&proof[..], &proof[..1]].concat(), &tree(7)), Proof),
        (3, with(3, &proof, &other(7)), Proof),
        (3, with(3, &proof, &tree(8)), Proof),
        (3, with(3, &[Hash([7; 32]); 63], &tree(7)), Proof),
    ] {
        assert_eq!(answer(seen(stored), &request), (422, Some(reason)), "{request}");
    }
    assert_eq!(answer(seen(3), &with(3, &proof, &tree(7))), (200, None));
    // Another history that was stored before.
    let forked = Some(Seen { size: 3, root: Hash([7; 32]) });
    assert_eq!(answer(forked, &request(3, 7)), (422, Some(Proof)));
    assert_eq!(answer(seen(7), &with(8, &[], &tree(7))), (400, None), "from more than there is");
}

#[test]
fn only_keys_of_the_log_count() {
    let good = request(3, 7);
    let status =
        |keys: &[VerifierKey], request: &AddCheckpoint| judge(seen(3), keys, request).unwrap().status();
    let other_log = LogSigner::from_seeds("example.com/other", &[1; 32], &[2; 32]).unwrap();
    let others = other_log.verifier_keys().map(Clone::clone);
    assert_eq!(status(&[], &good), 404);
    assert_eq!(status(&others, &good), 404);
    let posing = Cosigner::ed25519(ORIGIN, &[5; 32]).unwrap();
    assert_eq!(status(&[posing.verifier_key().clone()], &good), 404, "a cosigner is no log");

    let replaced = LogSigner::from_seeds(ORIGIN, &[6; 32], &[7; 32]).unwrap();
    assert_eq!(status(&replaced.verifier_keys().map(Clone::clone), &good), 403);
    let all: Vec<VerifierKey> = keys().into_iter().chain(others).collect();
    assert_eq!(status(&all, &good), 200);

    // One line of the two is of another checkpoint.
    let (good, wrong) = (log().sign(&tree(7), NOW).unwrap(), log().sign(&tree(8), NOW).unwrap());
    let line = |note: &str, at: usize| note.split_inclusive('\n').nth(4 + at).unwrap().to_owned();
    for lines in [line(&good, 0) + &line(&wrong, 1), line(&wrong, 0) + &line(&good, 1)] {
        let note = format!("{}\n{lines}", tree(7));
        assert_eq!(status(&keys(), &AddCheckpoint::new(3, Vec::new(), note).unwrap()), 403);
    }
    // Signed by another log in the name of this one.
    let note =
        other_log.sign(&Checkpoint { origin: "example.com/other".to_owned(), ..tree(7) }, NOW).unwrap();
    let note = note.replacen("example.com/other\n", &format!("{ORIGIN}\n"), 1);
    assert_eq!(status(&all, &AddCheckpoint::new(3, Vec::new(), note).unwrap()), 403);
}

/// What everybody may look at has the lines that were verified, whatever else was sent.
#[test]
fn lines_of_others_are_not_kept() {
    let stranger = NoteSigner::from_seed("stranger", &[8; 32]).unwrap();
    let line = stranger.sign(&tree(3).to_string()).unwrap().split_inclusive('\n').nth(4).unwrap().to_owned();
    let note = log().sign(&tree(3), NOW).unwrap();
    let sent = AddCheckpoint::new(0, Vec::new(), append(&note, &line).unwrap()).unwrap();
    assert_eq!(accepted(judge(None, &keys(), &sent).unwrap()).note(), note);
}

/// The requests in the tests of the witness of FiloSottile/torchwood: roots, proofs and signatures are of a log of sigsum.
#[test]
fn requests_of_others_are_judged_as_others_do() {
    let origin = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562";
    let key = VerifierKey::parse(&format!("{origin}+5202289b+Af/cLU2Y5BJNP+r3iMDC+av9eWCD0fBJVDfzAux5zxAP"))
        .unwrap();
    let body = |head: &str, size: u64, root: &str, signature: &str| {
        AddCheckpoint::parse(&format!("{head}\n{origin}\n{size}\n{root}\n\n— {origin} {signature}\n"))
            .unwrap()
    };
    let first = body(
        "old 0\n",
        1,
        "KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=",
    );
    let three = body(
        "old 1\nKgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nKgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        3,
        "RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=",
        "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=",
    );
    let five = body(
        "old 1\nKgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=\n\
         KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        5,
        "QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=",
        "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=",
    );
    let one = accepted(judge(None, [&key], &first).unwrap()).seen();
    assert_eq!(accepted(judge(Some(one), [&key], &three).unwrap()).seen().size, 3);
    let newest = accepted(judge(Some(one), [&key], &five).unwrap()).seen();
    assert_eq!(newest.size, 5);
    assert!(matches!(judge(Some(newest), [&key], &three), Ok(Answer::Conflict(5))), "not rolled back");
}

#[test]
fn a_request_has_one_spelling() {
    let good = request(3, 7).to_string();
    assert_eq!(AddCheckpoint::parse(&good).unwrap().to_string(), good);
    let hash = BASE64.encode(&[7; 32]);
    let many = |count| good.replacen("old 3\n", &format!("old 3\n{}", format!("{hash}\n").repeat(count)), 1);
    let proof = consistency(3, &leaves(7)).len();
    assert!(AddCheckpoint::parse(&many(MAX_PROOF - proof)).is_ok());
    let first = consistency(3, &leaves(7))[0].to_string();
    for wrong in [
        many(MAX_PROOF - proof + 1),
        many(100_000),
        good.replacen("old 3\n", "", 1),
        good.replacen("old 3\n", "old 03\n", 1),
        good.replacen("old 3\n", "old -3\n", 1),
        good.replacen("old 3\n", "old +3\n", 1),
        good.replacen("old 3\n", "old  3\n", 1),
        good.replacen("old 3\n", "old 3 \n", 1),
        good.replacen("old 3\n", "old\t3\n", 1),
        good.replacen("old 3\n", "Old 3\n", 1),
        good.replacen("old 3\n", "old \n", 1),
        good.replacen("old 3\n", "old 9223372036854775808\n", 1),
        good.replacen("old 3\n", "old 3\nold 3\n", 1),
        good.replacen("old 3\n", "old 3\r\n", 1),
        good.replace('\n', "\r\n"),
        good.replacen("old 3\n", "old 3\n\n", 1),
        good.replacen(&first, first.trim_end_matches('='), 1),
        good.replacen(&first, &BASE64.encode(&[7; 31]), 1),
        good.replacen(&first, &BASE64.encode(&[7; 33]), 1),
        good.replacen(&first, &format!(" {first}"), 1),
        good.replacen(&hash, "", 1).replacen("\n\n", "\n", 1),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        format!("\n{good}"),
        "old 3\n\n".to_owned(),
        String::new(),
    ] {
        assert!(matches!(AddCheckpoint::parse(&wrong), Err(Error::Malformed(_))), "{wrong:?}");
    }
    let not_canonical = format!("{}d=", BASE64.encode(&[7; 32]).trim_end_matches("c="));
    let wrong = good.replacen("old 3\n", &format!("old 3\n{not_canonical}\n"), 1);
    assert!(AddCheckpoint::parse(&wrong).is_err());
}

#[test]
fn the_answer_of_a_witness_is_not_believed_without_its_key() {
    let [ed25519, ml_dsa] = cosigners();
    let note = log().sign(&tree(7), NOW).unwrap();
    let keys = [ed25519.verifier_key().clone(), ml_dsa.verifier_key().clone()];
    let read = |status, body: &str| read_answer(status, body, &note, &keys);
    let line = ed25519.cosign(&tree(7), NOW).unwrap();
    let other = Cosigner::ml_dsa("witness.example/w2", &[9; 32]).unwrap().cosign(&tree(7), NOW).unwrap();
    assert_eq!(read(200, &line), Ok(Reply::Cosigned(line.clone())));
    assert_eq!(
        read(200, &(other.clone() + &line)),
        Ok(Reply::Cosigned(line.clone())),
        "others are passed over"
    );
    assert_eq!(read(200, &other), Err(Error::Unsigned));
    let of_eight = ml_dsa.cosign(&tree(8), NOW).unwrap();
    assert_eq!(read(200, &of_eight), Err(SIGNATURE));
    assert_eq!(read(200, &(line.clone() + &of_eight)), Err(SIGNATURE));
    for wrong in ["", "\n", line.trim_end(), &format!("\n{line}"), &format!("{line}\n"), "7\n"] {
        assert_eq!(read(200, wrong), Err(ANSWER), "{wrong:?}");
    }

    assert_eq!(read(409, "20852163\n"), Ok(Reply::Conflict(20_852_163)));
    assert_eq!(read(409, "0\n"), Ok(Reply::Conflict(0)));
    for wrong in ["", "\n", "7", "07\n", "7\r\n", "7\n\n", " 7\n", "-7\n", "seven\n", "9223372036854775808\n"]
    {
        assert_eq!(read(409, wrong), Err(ANSWER), "{wrong:?}");
    }
    for status in [100, 201, 204, 400, 403, 404, 422, 429, 500, 503] {
        assert_eq!(read(status, &line), Ok(Reply::Refused(status)));
    }
}

/// The type allows a time of zero, which says nothing about what is newest: a witness must not answer so.
#[test]
fn a_witness_names_the_time() {
    use ed25519_dalek::Signer as _;

    let key = Cosigner::ed25519("ada", &[9; 32]).unwrap();
    let note = log().sign(&tree(7), NOW).unwrap();
    let message = format!("cosignature/v1\ntime 0\n{}", tree(7));
    let signature = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).sign(message.as_bytes()).to_bytes();
    let now = key.cosign(&tree(7), NOW).unwrap();
    let id = &BASE64.decode(now.trim_end().rsplit_once(' ').unwrap().1.as_bytes()).unwrap()[..4];
    let line = format!("— ada {}\n", BASE64.encode(&[id, &[0; 8], &signature].concat()));
    assert_eq!(read_answer(200, &line, &note, [key.verifier_key()]), Err(ANSWER));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is changed, nothing is accepted but the checkpoint that the log has signed.
    #[test]
    fn any_changed_byte_is_refused_or_changes_nothing(at in any::<prop::sample::Index>(), to in 0_u8..128) {
        let mut bytes = request(3, 7).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let Ok(changed) = AddCheckpoint::parse(&text) else { return Ok(()) };
        prop_assert_eq!(changed.to_string(), text);
        if let Answer::Accepted(accepted) = judge(seen(3), &keys(), &changed).unwrap() {
            prop_assert_eq!(accepted.seen(), seen(7).unwrap());
        }
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "(old |[0-9]|[A-Za-z+/=]|\n|— |\\PC){0,200}") {
        if let Ok(request) = AddCheckpoint::parse(&text) {
            prop_assert_eq!(request.to_string(), text.clone());
        }
        let _ = read_answer(200, &text, "a\n0\nAAAA\n", &keys());
        let _ = read_answer(409, &text, "", &keys());
    }
}
