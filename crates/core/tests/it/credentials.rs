//! What becomes of people's credentials: passwords that were stolen, and what follows a change.

use std::sync::Arc;
use std::time::Duration;

use avouch_core::gate::Caller;
use avouch_core::gate::people::breached::Breached;
use avouch_core::gate::people::{
    EndSessions, EnrolRecoveryCodes, LendSession, LogIn, PeopleSettings, ReadAccount, ReadSessions,
};
use avouch_core::gate::principals::{CreateKey, ReadPrincipals};
use avouch_core::{Action, Error};
use avouch_testkit::both_engines;

use crate::house::slug;
use crate::log_in::{Desk, PASSWORD, address, code};

fn list(passwords: &[&str]) -> PeopleSettings {
    let list = Breached::of(passwords.iter().copied()).expect("a list");
    PeopleSettings { breached: Some(Arc::new(list)), ..PeopleSettings::default() }
}

both_engines! {
    fn a_password_that_was_stolen_is_not_taken(place) {
        let desk = Desk::new(place).reopened_with(list(&[PASSWORD, "ferry stone walnut orchid"]));
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        let caller = desk.caller(&session).expect("a session");
        let judged = desk.house.app.judge_password_enrolment(&caller, None, PASSWORD);
        let Err(Error::Invalid(faults)) = judged else { panic!("{judged:?}") };
        assert!(faults.iter().any(|fault| fault.detail.contains("stolen somewhere")), "{faults:?}");
        desk.house.app.judge_password_enrolment(&caller, None, "orchid walnut ferry stone").expect("another order is another");
    }

    fn a_password_that_is_found_to_be_stolen_lets_its_owner_in_and_says_so_until_it_is_changed(place) {
        let desk = Desk::new(place);
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        desk.set_password(&desk.caller(&session).expect("a session"));
        let before = desk.password("ida@lindenhof.example", PASSWORD, None).expect("in");
        assert!(!before.breached);

        let desk = desk.reopened_with(list(&[PASSWORD]));
        assert_eq!(slug(desk.password("ida@lindenhof.example", "wrong horse battery staple", None)), "log-in-failed");
        let session = desk.password("ida@lindenhof.example", PASSWORD, None).expect("it is hers all the same");
        assert!(session.breached);
        let caller = desk.caller(&session).expect("a session");
        let marked = |caller| {
            let account = desk.house.act(caller, ReadAccount).expect("her account");
            account.authenticators.iter().any(|one| one.breached)
        };
        assert!(marked(&caller));
        let judged = desk.house.app.judge_password_enrolment(&caller, Some(PASSWORD), "ferry cloud walnut orchid").expect("good");
        desk.house.act(&caller, judged).expect("set");
        assert!(!marked(&caller));
        let session = desk.password("ida@lindenhof.example", "ferry cloud walnut orchid", None).expect("in");
        assert!(!session.breached);
    }

    fn a_password_is_changed_by_whoever_knows_it_and_its_sessions_end(place) {
        const NEW: &str = "ferry cloud walnut orchid";
        let mut desk = Desk::with_passkey(place);
        let session = desk.by_passkey().expect("in");
        let caller = desk.caller(&session).expect("a session");
        desk.set_password(&caller);
        let thief = desk.password("ida@lindenhof.example", PASSWORD, None).expect("somebody else knows it");
        let judge = |current: Option<&str>, new| desk.house.app.judge_password_enrolment(&caller, current, new);
        assert_eq!(slug(judge(None, NEW)), "validation", "a session alone does not do");
        assert_eq!(slug(judge(Some("wrong horse battery staple"), NEW)), "validation");
        let refused = desk.house.events().into_iter().filter(|event| event.what == "credential.refuse").count();
        assert_eq!(refused, 1, "a wrong one is on record");

        let (first, second) = (judge(Some(PASSWORD), NEW).expect("judged"), judge(Some(PASSWORD), NEW).expect("judged"));
        desk.house.act(&caller, first).expect("changed");
        assert_eq!(slug(desk.house.act(&caller, second)), "conflict", "of two with one password one is second");
        assert!(desk.caller(&thief).is_none(), "whoever came with the old one is out");
        assert!(desk.caller(&session).is_some(), "and who has changed it stays");
        assert_eq!(slug(desk.password("ida@lindenhof.example", PASSWORD, None)), "log-in-failed");
        desk.password("ida@lindenhof.example", NEW, None).expect("the new one");
    }

    fn a_session_is_no_way_to_guess_the_password_of_its_owner(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        desk.set_password(&caller);
        let guess = |current| {
            slug(desk.house.app.judge_password_enrolment(&caller, Some(current), "ferry cloud walnut orchid"))
        };
        for _ in 0..5 {
            assert_eq!(guess("wrong horse battery staple"), "validation");
        }
        assert_eq!(guess(PASSWORD), "too-many-attempts");
    }

    fn whoever_has_lost_the_password_sets_another_by_a_recovery_code(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        desk.set_password(&caller);
        let recovery = desk.house.act(&caller, EnrolRecoveryCodes).expect("ten codes").codes.remove(0);
        let app = desk.set_app(&caller);
        desk.house.clock.advance(Duration::from_secs(30));
        let shows = code(&app, desk.house.app.now() / 1_000_000);
        let lost = desk.recover(&recovery, None, Some(&shows)).expect("in");
        let lost = desk.caller(&lost).expect("a session");
        let judged = desk.house.app.judge_password_enrolment(&lost, None, "ferry cloud walnut orchid").expect("judged");
        desk.house.act(&lost, judged).expect("set");
        desk.house.clock.advance(Duration::from_secs(30));
        let shows = code(&app, desk.house.app.now() / 1_000_000);
        desk.password("ida@lindenhof.example", "ferry cloud walnut orchid", Some(&shows)).expect("the new one");
    }

    fn a_recovery_code_leads_around_nothing_that_is_left(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        desk.set_password(&caller);
        let mut codes = desk.house.act(&caller, EnrolRecoveryCodes).expect("ten codes").codes;
        let (first, second, third) = (codes.remove(0), codes.remove(0), codes.remove(0));
        for (password, why) in [(None, "a code alone"), (Some("wrong horse battery staple"), "with a wrong password")] {
            assert_eq!(slug(desk.recover(&first, password, None)), "log-in-failed", "{why}");
        }
        let session = desk.recover(&first, Some(PASSWORD), None).expect("the passkey is lost, not the password");
        assert_eq!(session.aal, 0, "good to enrol and for nothing else");
        assert_eq!(slug(desk.recover("ABCDE-FGHIJ-KLMNO-PQRST-UVWXY", Some(PASSWORD), None)), "log-in-failed");

        // As wrong attempts have it, she waits.
        desk.house.clock.advance(Duration::from_secs(900));
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        let app = desk.set_app(&caller);
        let shows = |desk: &Desk<'_>| code(&app, desk.house.app.now() / 1_000_000);
        assert_eq!(slug(desk.recover(&second, None, Some(&shows(&desk)))), "log-in-failed", "enrolling has used it");
        desk.house.clock.advance(Duration::from_secs(30));
        let now = shows(&desk);
        desk.recover(&second, None, Some(&now)).expect("the password is lost, not the app");
        assert_eq!(slug(desk.recover(&third, None, Some(&now))), "log-in-failed", "its code is good once here too");
        assert_eq!(slug(desk.password("ida@lindenhof.example", PASSWORD, Some(&now))), "log-in-failed");
    }

    fn a_session_is_lent_to_a_program_by_whoever_has_just_shown_who_they_are(place) {
        let mut desk = Desk::with_passkey(place);
        let session = desk.by_passkey().expect("in");
        let caller = desk.caller(&session).expect("a session");
        let lend = |desk: &Desk<'_>, caller: &Caller| desk.house.act(caller, LendSession);
        let lent = lend(&desk, &caller).expect("lent");
        let program = desk.caller(&lent).expect("a session of its own");
        assert_eq!((lent.principal, lent.aal, lent.until), (session.principal, 2, session.until));
        assert_ne!(lent.token, session.token);
        let listed = desk.house.act(&program, ReadSessions).expect("listed");
        let shown: Vec<_> = listed.iter().map(|one| (one.client.as_str(), one.this)).collect();
        assert_eq!(shown, [("Firefox on Linux", false), ("Firefox on Linux", false), ("A program at a terminal", true)]);

        // With nothing less, and not on a screen that was left alone; nor does one that was lent make the proof any younger.
        assert_eq!(slug(lend(&desk, &desk.house.hire("staff", "support", None))), "denied-by-policy", "with a key");
        desk.set_password(&caller);
        let alone = desk.password("ida@lindenhof.example", PASSWORD, None).expect("a password alone");
        assert_eq!(slug(lend(&desk, &desk.caller(&alone).expect("a session"))), "denied-by-policy");
        desk.house.clock.advance(Duration::from_secs(301));
        for (whose, caller) in [("hers", &caller), ("the program's", &program)] {
            assert_eq!(slug(lend(&desk, caller)), "denied-by-policy", "{whose}");
        }

        // They are hers like any other: so many, and ended like any other.
        let session = desk.by_passkey().expect("again");
        let caller = desk.caller(&session).expect("a session");
        for _ in 0..25 {
            lend(&desk, &caller).expect("lent");
        }
        assert_eq!(desk.house.act(&caller, ReadSessions).expect("listed").len(), 20, "the one that lends stays");
        let last = lend(&desk, &caller).expect("lent");
        desk.house.act(&caller, EndSessions { only: None }).expect("all others");
        assert!(desk.caller(&last).is_none() && desk.caller(&session).is_some());
    }

    fn people_come_with_no_keys_where_the_operator_has_said_so(place) {
        let desk = Desk::new(place);
        let hires = |desk: &Desk<'_>, principal| {
            let key = CreateKey { principal, label: "test".to_owned(), days: 1, networks: Vec::new() };
            desk.house.act(&desk.house.admin, key)
        };
        let staff = hires(&desk, desk.ida).expect("a key of hers").key;
        let shop = desk.house.importer.id();
        let service = hires(&desk, shop).expect("a key of the shop's").key;
        let desk = desk.reopened_with(PeopleSettings { api_keys: false, ..PeopleSettings::default() });
        let comes = |desk: &Desk<'_>, key: &str| desk.house.app.authenticate(key, address("192.0.2.7"));
        assert!(comes(&desk, &service).is_ok(), "programs of the house come as before");
        assert!(comes(&desk, &staff).is_err());
        // Of who was not let in it is written down after the answer.
        let store = desk.house.app.store();
        store.write_wait(|_| Ok::<_, Error>(())).expect("whatever waited has begun");
        store.settle(Duration::from_secs(20)).expect("and is there");
        let refused = desk.house.events().into_iter().filter(|event| event.what == "credential.refuse").count();
        assert_eq!(refused, 1, "and it is on record");
        let refused = hires(&desk, desk.ida);
        let Err(Error::Invalid(faults)) = refused else { panic!("{refused:?}") };
        assert!(faults[0].detail.contains("avouch login"), "{faults:?}");
        hires(&desk, shop).expect("another of the shop's");
    }

    fn who_gets_in_is_who_may_and_has_a_way_that_counts(place) {
        let desk = Desk::with_passkey(place);
        let gets_in = |desk: &Desk<'_>, action| desk.house.app.who_gets_in(action).expect("told");
        assert!(gets_in(&desk, Action::SubjectReveal).contains(&desk.ida), "she has a passkey and no key");
        assert_eq!(gets_in(&desk, Action::AccessChange), [desk.house.admin.id()]);
        let desk = desk.reopened_with(PeopleSettings { api_keys: false, ..PeopleSettings::default() });
        assert_eq!(gets_in(&desk, Action::AccessChange), [], "a key that counts for nothing is no way in");
        assert!(gets_in(&desk, Action::SubjectReveal).contains(&desk.ida));
        let shop = gets_in(&desk, Action::SubjectImport);
        assert_eq!(shop, [desk.house.importer.id()], "programs of the house come as before");
    }

    fn a_password_has_no_end(place) {
        let desk = Desk::new(place);
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        desk.set_password(&desk.caller(&session).expect("a session"));
        desk.house.clock.advance(Duration::from_secs(3 * 365 * 24 * 3600));
        let session = desk.password("ida@lindenhof.example", PASSWORD, None).expect("three years later");
        assert!(!session.breached);
    }

    fn a_link_is_good_for_three_days_and_until_the_next_one(place) {
        let desk = Desk::new(place);
        let first = desk.link(false);
        let second = desk.link(false);
        assert_eq!(slug(desk.log_in(LogIn::Link(first))), "log-in-failed", "the next one has taken its place");
        desk.house.clock.advance(Duration::from_secs(3 * 24 * 3600 - 1));
        desk.log_in(LogIn::Link(second)).expect("within three days");
        let late = desk.link(false);
        desk.house.clock.advance(Duration::from_secs(3 * 24 * 3600));
        assert_eq!(slug(desk.log_in(LogIn::Link(late.clone()))), "log-in-failed", "too late");
        assert_eq!(slug(desk.password("ida@lindenhof.example", &late, None)), "log-in-failed", "nor is it a password");
    }

    fn codes_seeds_and_links_are_never_the_same_twice(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        let mut drawn: Vec<String> = Vec::new();
        for _ in 0..3 {
            let codes = desk.house.act(&caller, EnrolRecoveryCodes).expect("ten codes").codes;
            drawn.extend(codes.iter().map(|code| code.to_string()));
            drawn.push(desk.house.app.begin_totp(&caller).expect("begun").secret.to_string());
            drawn.push(desk.link(false).to_string());
        }
        let different: std::collections::BTreeSet<_> = drawn.iter().collect();
        assert_eq!((different.len(), drawn.len()), (36, 36));
    }

    fn a_new_vault_has_one_administrator_and_no_password(place) {
        let desk = Desk::new(place);
        let all = desk.house.act(&desk.house.admin, ReadPrincipals { only: None }).expect("listed");
        let first = &all[0].principal.record;
        assert_eq!((first.name.as_str(), first.login.as_deref(), all[0].keys.len()), ("Administrator", None, 1));
        for login in ["admin", "administrator", "Administrator", "root", "avouch", ""] {
            for password in ["admin", "password", "avouch", ""] {
                let refused = slug(desk.password(login, password, None));
                assert!(["log-in-failed", "too-many-attempts"].contains(&refused), "{login} {password}: {refused}");
            }
        }
    }
}
