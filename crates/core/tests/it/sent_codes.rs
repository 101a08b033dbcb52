//! Codes that are sent: off until two have said so, never enough by themselves, and good once.

use std::time::Duration;

use avouch_core::gate::Caller;
use avouch_core::gate::people::{
    Arrival, AuthenticatorKind, CodeSettings, CodeWay, LogIn, NewSession, PeopleSettings, ReadAccount,
};
use avouch_core::outbox::{Channel, Notice};
use avouch_core::{AuthenticatorId, Error};
use avouch_testkit::both_engines;

use crate::charters::{apply, charter};
use crate::house::{ana, slug};
use crate::log_in::{Desk, PASSWORD, address, arrival, secret};

const LOGIN: &str = "ida@lindenhof.example";
const ANSWER: &str = "The cat of my first landlady";

fn settings(way: CodeWay) -> PeopleSettings {
    PeopleSettings { codes: Some(CodeSettings { way, digits: 6 }), ..PeopleSettings::default() }
}

/// Codes count here, says the charter.
fn counts(desk: &Desk<'_>) {
    let changes = [("charter.yaml", "languages: [de, en]", "sent_codes: second-factor\nlanguages: [de, en]")];
    apply(&desk.house, charter(&changes), 1).expect("applied");
}

/// The code that waits to be delivered, and where to; nothing when there is none. It is delivered by that.
fn code(desk: &Desk<'_>) -> Option<(Channel, String, String)> {
    // What is sent after an answer is there once this has been through.
    let store = desk.house.app.store();
    store.write_wait(|_| Ok::<_, Error>(())).expect("whatever waited has begun");
    store.settle(Duration::from_secs(20)).expect("and is there");
    let mut found = None;
    for due in desk.house.app.messages_due(100).expect("read") {
        desk.house.app.message_delivered(due.id).expect("noted");
        let message = due.message.expect("whole");
        assert!(!format!("{message:?}").contains("+351"), "no log has it");
        if let Notice::Code { to, code, .. } = message.notice {
            assert!(found.is_none(), "one at a time");
            found = Some((message.channel, to.reveal().to_owned(), code.reveal().to_owned()));
        }
    }
    found
}

fn first(desk: &Desk<'_>, caller: &Caller, to: &str) -> Result<String, Error> {
    desk.house.act(caller, desk.house.app.first_code(caller, to)?)
}

fn enrolled(desk: &Desk<'_>, caller: &Caller, to: &str) -> Result<AuthenticatorId, Error> {
    let ticket = first(desk, caller, to)?;
    let (_, _, code) = code(desk).expect("a first code");
    let judged = desk.house.app.judge_sent_code_enrolment(&ticket, &code, ANSWER)?;
    desk.house.act(caller, judged).map(|enrolled| enrolled.id)
}

/// Ida with a password and codes that are sent.
fn with_codes(place: &avouch_testkit::Place, way: CodeWay) -> Desk<'_> {
    let desk = Desk::new(place).reopened_with(settings(way));
    counts(&desk);
    let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
    let caller = desk.caller(&session).expect("a session");
    desk.set_password(&caller);
    enrolled(&desk, &caller, if way == CodeWay::Mail { LOGIN } else { "+351 912 345 678" })
        .expect("enrolled");
    desk
}

fn begun(desk: &Desk<'_>, login: &str, password: &str) -> Result<String, Error> {
    desk.house.app.begin_code(login, password, &arrival())
}

fn shown(ticket: &str, code: &str, answer: &str) -> LogIn {
    LogIn::SentCode { ticket: ticket.to_owned(), code: secret(code), answer: secret(answer) }
}

fn in_with(desk: &Desk<'_>, ticket: &str, code: &str, answer: &str) -> Result<NewSession, Error> {
    desk.log_in(shown(ticket, code, answer))
}

both_engines! {
    fn a_code_an_answer_and_a_password_are_two_factors_and_none_of_them_alone(place) {
        let desk = with_codes(place, CodeWay::Gateway);
        let id = desk.house.create(&desk.house.importer, ana()).expect("created");
        let half = desk.password(LOGIN, PASSWORD, None).expect("a password alone");
        assert_eq!(half.aal, 1);
        let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
        let (channel, to, sent) = code(&desk).expect("a code");
        assert_eq!((channel, to.as_str(), sent.len()), (Channel::Gateway, "+351 912 345 678", 6));
        for (code, answer) in [("000000", ANSWER), (sent.as_str(), "the dog of my landlady"), ("", ANSWER)] {
            assert_eq!(slug(in_with(&desk, &ticket, code, answer)), "log-in-failed");
        }
        let spaced = format!(" {} {} ", &sent[..3], &sent[3..]);
        let session = in_with(&desk, &ticket, &spaced, "the CAT of my first landlady!").expect("in");
        assert_eq!(session.aal, 2);
        let caller = desk.caller(&session).expect("a session");
        assert!(!caller.proof().phishing_resistant() && caller.proof().sent_code());
        desk.house.read(&caller, id).expect("she works");
        assert_eq!(slug(in_with(&desk, &ticket, &sent, ANSWER)), "log-in-failed", "once");
        let account = desk.house.act(&caller, ReadAccount).expect("her account");
        let kept = account.authenticators.iter().find(|one| one.kind == AuthenticatorKind::SentCode).expect("kept");
        assert_eq!((kept.label.as_str(), account.strong), ("Codes to …678", true));
        let events = desk.house.events();
        assert_eq!(events.iter().filter(|event| event.what == "code.send").count(), 2);
    }

    fn two_who_come_with_one_sent_code_at_once_are_one(place) {
        let desk = with_codes(place, CodeWay::Mail);
        let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
        let (channel, _, sent) = code(&desk).expect("a code");
        assert_eq!(channel, Channel::Mail(LOGIN.to_owned()));
        let judged = || desk.house.app.judge_log_in(shown(&ticket, &sent, ANSWER), &arrival()).expect("judged before either is used");
        let both = [judged(), judged()];
        let ends: Vec<_> = std::thread::scope(|scope| {
            let racing: Vec<_> = both.into_iter().map(|(caller, begin)| {
                let app = desk.house.app.clone();
                scope.spawn(move || slug(app.perform_wait(&caller, begin)))
            }).collect();
            racing.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(ends.iter().filter(|end| **end == "ok").count(), 1, "{ends:?}");
        assert!(ends.contains(&"log-in-failed"), "{ends:?}");
    }

    fn whoever_does_not_know_the_password_learns_nothing_and_has_no_code_sent(place) {
        let desk = with_codes(place, CodeWay::Gateway);
        code(&desk);
        let lengths: Vec<usize> = [(LOGIN, PASSWORD), (LOGIN, "wrong horse battery staple"), ("nobody@lindenhof.example", PASSWORD)]
            .into_iter()
            .map(|(login, password)| begun(&desk, login, password).expect("the same answer").len())
            .collect();
        // But for the digits of its own random number, each ticket is as long as any other.
        assert!(lengths.iter().all(|length| length.abs_diff(lengths[0]) <= 43), "{lengths:?}");
        let (_, _, sent) = code(&desk).expect("for the right one, and no other");
        // The code of one ticket is none for another, and for a ticket that is worth nothing there is none.
        let other = begun(&desk, LOGIN, "wrong horse battery staple").expect("the same answer");
        assert_eq!(slug(in_with(&desk, &other, &sent, ANSWER)), "log-in-failed");
        let late = begun(&desk, LOGIN, PASSWORD).expect("asked for");
        let (_, _, sent) = code(&desk).expect("a code");
        desk.house.clock.advance(Duration::from_secs(300));
        assert_eq!(slug(in_with(&desk, &late, &sent, ANSWER)), "log-in-failed", "too late");
    }

    fn a_sent_code_cannot_be_guessed_and_asking_for_codes_says_nothing_of_a_password(place) {
        let desk = with_codes(place, CodeWay::Gateway);
        let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
        let (_, _, sent) = code(&desk).expect("a code");
        let wrong = if sent == "123456" { "654321" } else { "123456" };
        for _ in 0..4 {
            assert_eq!(slug(in_with(&desk, &ticket, wrong, ANSWER)), "log-in-failed");
        }
        assert_eq!(slug(in_with(&desk, &ticket, &sent, ANSWER)), "too-many-attempts", "even the right one");
        assert_eq!(slug(begun(&desk, LOGIN, PASSWORD)), "too-many-attempts");
        // Whoever counts how often they may ask learns nothing, and one who gets in may go on.
        for password in [PASSWORD, "wrong horse battery staple"] {
            desk.house.clock.advance(Duration::from_secs(901));
            let asked = (0..9).take_while(|_| {
                code(&desk);
                begun(&desk, LOGIN, password).is_ok()
            });
            assert_eq!(asked.count(), 5, "{password}");
        }
        desk.house.clock.advance(Duration::from_secs(901));
        code(&desk);
        for _ in 0..7 {
            let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
            let (_, _, sent) = code(&desk).expect("a code");
            in_with(&desk, &ticket, &sent, ANSWER).expect("in");
            desk.house.clock.advance(Duration::from_secs(181));
        }
    }

    fn nobody_is_flooded_with_codes_by_whoever_knows_a_password_and_the_owner_has_theirs(place) {
        let desk = with_codes(place, CodeWay::Gateway);
        let ask = |from: &str| {
            code(&desk);
            let arrival = Arrival { from: address(from), ..arrival() };
            let ticket = desk.house.app.begin_code(LOGIN, PASSWORD, &arrival);
            code(&desk).is_some_and(|_| ticket.is_ok())
        };
        // Where she has come from once.
        let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
        let (_, _, sent) = code(&desk).expect("a code");
        in_with(&desk, &ticket, &sent, ANSWER).expect("in");
        desk.house.clock.advance(Duration::from_secs(901));
        let strangers = (0..8).flat_map(|net| [net; 3]).filter(|net| ask(&format!("198.51.{net}.1"))).count();
        assert_eq!(strangers, 10, "from all networks together");
        assert!(ask("192.0.2.200"), "and she has hers, from where she is known");
        // Neither has a telephone that is nobody's here.
        let sent = (0..7).filter(|n| {
            let login = format!("agent{n}@lindenhof.example");
            let caller = desk.newcomer(&login);
            first(&desk, &caller, "+351 (999) 000-000").is_ok()
        });
        assert_eq!(sent.count(), 5);
    }

    fn a_first_code_goes_out_for_whoever_may_have_codes_and_no_other(place) {
        let desk = with_codes(place, CodeWay::Gateway);
        let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
        let (_, _, sent) = code(&desk).expect("a code");
        let session = in_with(&desk, &ticket, &sent, ANSWER).expect("in");
        let half = desk.password(LOGIN, PASSWORD, None).expect("a password alone");
        let half = desk.caller(&half).expect("a session");
        assert_eq!(slug(first(&desk, &half, "+351 666 666 666")), "denied-by-policy", "not beside a stronger way");
        assert_eq!(slug(first(&desk, &desk.house.importer, "+351 666 666 666")), "denied-by-policy", "nor a program");
        assert!(code(&desk).is_none(), "and nothing went out");
        let full = desk.caller(&session).expect("a session");
        // What was begun by one is finished by no other.
        let ticket = first(&desk, &full, "+351 912 000 000").expect("begun");
        let (_, _, sent) = code(&desk).expect("a code");
        let other = desk.newcomer("otto@lindenhof.example");
        let judged = desk.house.app.judge_sent_code_enrolment(&ticket, &sent, ANSWER).expect("judged");
        assert_eq!(slug(desk.house.act(&other, judged)), "log-in-failed");
        // A ticket of one use is none for the other.
        assert_eq!(slug(in_with(&desk, &ticket, &sent, ANSWER)), "log-in-failed");
        desk.house.clock.advance(Duration::from_secs(360));
        assert_eq!(slug(first(&desk, &full, "+351 912 000 000")), "denied-by-policy", "too long ago");
    }

    fn with_the_telephone_go_the_sessions_that_rest_on_it(place) {
        let desk = with_codes(place, CodeWay::Gateway);
        let in_by_code = || {
            let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
            let (_, _, sent) = code(&desk).expect("a code");
            in_with(&desk, &ticket, &sent, ANSWER).expect("in")
        };
        let (thief, owner) = (in_by_code(), in_by_code());
        let caller = desk.caller(&owner).expect("a session");
        // Codes that go elsewhere take the place of these.
        enrolled(&desk, &caller, "+351 913 000 000").expect("enrolled");
        assert!(desk.caller(&thief).is_none());
        desk.caller(&owner).expect("but the one that did it");
    }

    fn they_are_off_until_the_operator_and_the_charter_have_said_so(place) {
        let desk = Desk::new(place);
        let caller = |desk: &Desk<'_>| {
            let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
            desk.caller(&session).expect("a session")
        };
        let off = |desk: &Desk<'_>| {
            assert_eq!(slug(begun(desk, LOGIN, PASSWORD)), "conflict");
            assert_eq!(slug(first(desk, &caller(desk), LOGIN)), "conflict");
        };
        off(&desk);
        let desk = desk.reopened_with(settings(CodeWay::Mail));
        off(&desk);
        counts(&desk);
        let caller = caller(&desk);
        desk.set_password(&caller);
        for unfit in ["nobody", "a b@mail.example", ""] {
            assert_eq!(slug(first(&desk, &caller, unfit)), "validation", "{unfit:?}");
        }
        let ticket = first(&desk, &caller, LOGIN).expect("begun");
        let (_, _, sent) = code(&desk).expect("a code");
        assert_eq!(slug(desk.house.app.judge_sent_code_enrolment(&ticket, "000000", ANSWER)), "log-in-failed");
        for guessable in ["cat 7!", "Ida Sommer", "ida@lindenhof.example", "abababababab", "Lindenhof Gartenbedarf GmbH"] {
            let judged = desk.house.app.judge_sent_code_enrolment(&ticket, &sent, guessable);
            assert_eq!(slug(judged), "validation", "{guessable}");
        }
        let judged = desk.house.app.judge_sent_code_enrolment(&ticket, &sent, ANSWER).expect("judged");
        desk.house.act(&caller, judged).expect("enrolled");
        let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
        let (_, _, sent) = code(&desk).expect("a code");
        let session = in_with(&desk, &ticket, &sent, ANSWER).expect("in");
        assert_eq!(desk.caller(&session).expect("a session").proof().aal(), 2);
        let ticket = begun(&desk, LOGIN, PASSWORD).expect("asked for");
        let (_, _, sent) = code(&desk).expect("a code");
        // A charter that takes it back, and a code and a session of before.
        apply(&desk.house, charter(&[]), 2).expect("applied");
        assert_eq!(slug(in_with(&desk, &ticket, &sent, ANSWER)), "conflict");
        assert_eq!(desk.caller(&session).expect("a session").proof().aal(), 1, "what is left of it");
        assert_eq!(desk.password(LOGIN, PASSWORD, None).expect("in").aal, 1);
    }
}
