//! Policies that are read, quorums that are met, and everything that is wrong with others.

use proptest::prelude::*;

use crate::checkpoint::Checkpoint;
use crate::ed25519::SIGNATURE;
use crate::hash::Hash;
use crate::note::{Cosigner, LogSigner, NoteSigner, append};

use super::*;

const ORIGIN: &str = "example.com/log";
const NOW: u64 = 1_700_000_000;

fn log() -> LogSigner {
    LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

/// Of either kind, by its number.
fn witness(number: u8) -> Cosigner {
    let (name, seed) = (format!("witness.example/w{number}"), [10 + number; 32]);
    if number.is_multiple_of(2) { Cosigner::ml_dsa(&name, &seed) } else { Cosigner::ed25519(&name, &seed) }
        .unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: 20_852_163, root: Hash([7; 32]) }
}

fn signed(by: &[u8]) -> String {
    by.iter().fold(log().sign(&checkpoint(), NOW).unwrap(), |note, number| {
        append(&note, &witness(*number).cosign(&checkpoint(), NOW).unwrap()).unwrap()
    })
}

/// The policy that the specification gives as its example, with other names: two of X and one of Y.
fn example() -> String {
    let key = |number| witness(number).verifier_key().to_string();
    format!(
        "log {} https://log.example\n\n# those of one house\nwitness X1 {} https://w1.example\n\twitness  X2\t{} \n\
         witness X3 {}\ngroup X 2 X1 X2 X3\n\nwitness Y1 {}\nwitness Y2 {}\nwitness Y3 {}\n  # and of another\n\
         group Y any Y1 Y2 Y3\n\ngroup X-and-Y all X Y\nquorum X-and-Y\n",
        log().verifier_keys()[0],
        key(1),
        key(2),
        key(3),
        key(4),
        key(5),
        key(6)
    )
}

#[test]
fn the_example_of_the_specification_is_read_and_its_quorum_counted() {
    let policy = Policy::parse(&example()).unwrap();
    assert_eq!(policy.logs().len(), 1);
    assert_eq!(policy.logs()[0].url.as_deref(), Some("https://log.example"));
    let names: Vec<&str> = policy.witnesses().iter().map(|witness| &*witness.name).collect();
    assert_eq!(names, ["X1", "X2", "X3", "Y1", "Y2", "Y3"]);
    assert_eq!(policy.witnesses()[1].url, None);
    assert!(!policy.wants_no_witness());

    for by in 0_u8..64 {
        let numbers: Vec<u8> = (1..=6).filter(|number| by >> (number - 1) & 1 == 1).collect();
        let of = |range: core::ops::RangeInclusive<u8>| numbers.iter().filter(|n| range.contains(n)).count();
        let met = of(1..=3) >= 2 && of(4..=6) >= 1;
        let note = signed(&numbers);
        let standing = policy.open(&note).unwrap();
        assert_eq!(standing.is_witnessed(), met, "{numbers:?}");
        let named = |witnesses: &[&Witness]| witnesses.iter().map(|w| w.name.clone()).collect::<Vec<_>>();
        let all = ["X1", "X2", "X3", "Y1", "Y2", "Y3"];
        let expected: Vec<_> = numbers.iter().map(|number| all[usize::from(number - 1)]).collect();
        assert_eq!(named(standing.witnesses()), expected);
        let missing: Vec<&str> = (1..=6_u8)
            .filter(|number| !numbers.contains(number))
            .filter(|number| if *number <= 3 { of(1..=3) < 2 } else { of(4..=6) < 1 })
            .map(|number| all[usize::from(number - 1)])
            .collect();
        assert_eq!(named(standing.missing()), missing, "{numbers:?}");
        assert_eq!(standing.log(), &policy.logs()[0]);
        let opened = standing.witnessed();
        assert_eq!(
            opened.map(|opened| opened.checkpoint().clone()),
            if met { Ok(checkpoint()) } else { Err(Error::Unwitnessed) }
        );
    }
}

#[test]
fn a_policy_without_witnesses_says_so() {
    let policy = Policy::parse(&format!("log {}\nquorum none\n", log().verifier_keys()[1])).unwrap();
    assert!(policy.wants_no_witness());
    assert!(policy.open(&signed(&[])).unwrap().is_witnessed());
    let empty = Policy::parse("quorum none\n").unwrap();
    assert_eq!(empty.open(&signed(&[])).err(), Some(Error::Unsigned));
}

#[test]
fn a_log_has_to_have_signed_as_its_own() {
    let policy = Policy::parse(&example()).unwrap();
    // Enough witnesses, and not the log.
    let lines: String = [1, 2, 4].map(|number| witness(number).cosign(&checkpoint(), NOW).unwrap()).concat();
    assert_eq!(policy.open(&format!("{}\n{lines}", checkpoint())).err(), Some(Error::Unsigned));
    // A log of the policy has signed in the name of another.
    let other = Checkpoint { origin: "example.com/other".to_owned(), ..checkpoint() };
    let note = NoteSigner::from_seed(ORIGIN, &[1; 32]).unwrap().sign(&other.to_string()).unwrap();
    assert_eq!(policy.open(&note).err(), Some(Error::Unsigned));
    // One witness has signed something else.
    let wrong = witness(1).cosign(&Checkpoint { size: 7, ..checkpoint() }, NOW).unwrap();
    assert_eq!(policy.open(&append(&signed(&[2, 3, 4]), &wrong).unwrap()).err(), Some(SIGNATURE));
    // A witness that goes by the name of the log.
    let posing = Cosigner::ml_dsa(ORIGIN, &[9; 32]).unwrap();
    let text =
        format!("log {}\nwitness a {}\nquorum none\n", log().verifier_keys()[0], posing.verifier_key());
    let policy = Policy::parse(&text).unwrap();
    let note = format!("{}\n{}", checkpoint(), posing.cosign(&checkpoint(), NOW).unwrap());
    assert_eq!(policy.open(&note).err(), Some(Error::Unsigned));
}

/// What is wrong with a text, each as `line: what`.
fn problems(text: &str) -> Vec<String> {
    Policy::parse(text).expect_err(text).iter().map(ToString::to_string).collect()
}

#[test]
fn everything_that_is_wrong_is_said_with_its_line() {
    let key = |number| witness(number).verifier_key().to_string();
    let log = log().verifier_keys()[0].to_string();
    let text = format!(
        "log {log} a b\nlog x\nlog {log}\nlog {log}\nwitness none {}\nwitness a {log}\nlog {}\nwitness b {}\n\
         witness c {}\nwitness b {}\ngroup g 2 b\ngroup g 0 b\ngroup g 01 b\ngroup g any\ngroup g all b z\n\
         group h any b\nquorum y\nquorum none\nquorum none\nroof a\ngroup none any b\n",
        key(1),
        key(1),
        key(1),
        key(1),
        key(3)
    );
    let expected = [
        "line 1: it is `log <verifier key> [<url>]`",
        "line 2: malformed verifier key of a note",
        "line 4: the key of `example.com/log` is in the policy already",
        "line 5: the name `none` is taken",
        "line 6: this key is a log's and not a witness's: its signatures name no time",
        "line 7: this key is a witness's and not a log's",
        "line 9: the key of `witness.example/w1` is in the policy already",
        "line 10: the name `b` is taken",
        "line 11: of 1 members it takes `all`, `any` or 1 to 1",
        "line 12: of 1 members it takes `all`, `any` or 1 to 1",
        "line 13: of 1 members it takes `all`, `any` or 1 to 1",
        "line 14: of 0 members it takes `all`, `any` or 1 to 0",
        "line 15: nothing above is called `z`",
        "line 16: `b` is a member of a group already",
        "line 17: nothing above is called `y`",
        "line 19: there is a `quorum` line already",
        "line 20: `roof` is none of log, witness, group and quorum",
        "line 21: `b` is a member of a group already",
    ];
    assert_eq!(problems(&text), expected);
}

#[test]
fn the_form_is_strict() {
    let lacks = "there is no `quorum` line: `quorum none` wants no witness";
    assert_eq!(problems(""), [format!("line 1: {lacks}")]);
    assert_eq!(problems("# a\n\n"), [format!("line 2: {lacks}")]);
    assert_eq!(problems("quorum none"), ["line 1: the last line ends with a newline, too"]);
    for line in ["quorum none\r\n", "quorum\u{b}none\n", "# \u{7f}\n", "# \0\n"] {
        assert_eq!(problems(line), ["line 1: a control character that is no tab"]);
    }
    // Spaces of other kinds are part of a name, as are all letters.
    assert_eq!(
        problems("quorum\u{a0}none\n"),
        ["line 1: `quorum\u{a0}none` is none of log, witness, group and quorum"]
    );
    assert_eq!(problems("Quorum none\n"), ["line 1: `Quorum` is none of log, witness, group and quorum"]);
    let kelvin = format!("witness K {}\nquorum \u{212a}\n", witness(1).verifier_key());
    assert_eq!(problems(&kelvin), ["line 2: nothing above is called `\u{212a}`"]);
    assert_eq!(problems("quorum none # at least\n"), ["line 1: it is `quorum <name>` or `quorum none`"]);
    assert_eq!(problems(&"#\n".repeat(MAX_POLICY)), ["line 1: a policy has a mebibyte at most"]);
    // A group may be called like a word of the language, and a member may be the quorum.
    let named = format!(
        "witness witness {}\nwitness b {}\ngroup quorum all witness b\nquorum witness\n",
        witness(1).verifier_key(),
        witness(2).verifier_key()
    );
    assert!(Policy::parse(&named).is_ok());
}

/// Two keys of one log are two lines of one log. One key is one witness, whatever it is called, and no log is its own.
#[test]
fn nobody_is_counted_twice() {
    let seed = [30; 32];
    let (ada, bob) = (Cosigner::ed25519("ada", &seed).unwrap(), Cosigner::ed25519("bob", &seed).unwrap());
    let text =
        |one: &VerifierKey, other: &VerifierKey| format!("witness a {one}\nwitness b {other}\nquorum none\n");
    assert_eq!(
        problems(&text(ada.verifier_key(), bob.verifier_key())),
        ["line 2: the key of `bob` is in the policy already"]
    );
    let log = log();
    let [ed25519, ml_dsa] = log.verifier_keys();
    assert!(Policy::parse(&format!("log {ed25519}\nlog {ml_dsa}\nquorum none\n")).is_ok());
    let own = format!("log {ed25519}\nlog {ml_dsa}\nwitness self {ml_dsa}\nquorum self\n");
    assert_eq!(problems(&own)[0], "line 3: the key of `example.com/log` is in the policy already");
}

#[test]
fn as_many_as_the_specification_wants_and_more_are_read() {
    let witnesses: Vec<String> = (0..32_u8)
        .map(|at| {
            let key = Cosigner::ed25519(&format!("w{at}"), &[100 + at; 32]).unwrap();
            format!("witness w{at} {}\n", key.verifier_key())
        })
        .collect();
    // Each group holds the one before.
    let groups: Vec<String> = (1..200).map(|at| format!("group g{at} all g{}\n", at - 1)).collect();
    let text = format!(
        "{}group g0 20 {}\n{}quorum g199\n",
        witnesses.concat(),
        (0..32).map(|at| format!("w{at}")).collect::<Vec<_>>().join(" "),
        groups.concat()
    );
    assert_eq!(Policy::parse(&text).unwrap().witnesses().len(), 32);
    let many: String = (0..257).map(|at| format!("group g{at} all w{at}\n")).collect();
    assert!(Policy::parse(&many).is_err());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(
        text in "((log|witness|group|quorum|any|all|none|[0-9]|a|b|#|[ \t]|\\PC) ?|\n){0,60}",
    ) {
        let lines = text.split_inclusive('\n').count().max(1);
        if let Err(problems) = Policy::parse(&text) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
        }
    }
}
