//! What somebody tries who knows how such servers are built. The rest stands where its subject is; docs/attacks.md has all of it.

use std::time::{Duration, Instant};

use avouch_core::gate::approvals::{ApprovalState, AskApproval};
use avouch_core::gate::people::{Arrival, LogIn};
use avouch_core::gate::principals::{ChangePrincipal, CreatePrincipal};
use avouch_core::{Action, View};
use avouch_testkit::both_engines;

use crate::approvals;
use crate::charters::{apply, charter};
use crate::house::{House, slug};
use crate::log_in::{Desk, PASSWORD, address, arrival, secret};

both_engines! {
    fn a_name_that_nobody_has_costs_a_hash_like_any_other(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        desk.set_password(&caller);
        // From a network of its own each time, so that none has to wait.
        let took = |login: &str, network: u8| {
            let from = Arrival { from: address(&format!("198.51.{network}.7")), ..arrival() };
            let shown = LogIn::Password {
                login: login.to_owned(), password: secret("wrong horse battery staple"), code: None,
            };
            let begun = Instant::now();
            assert_eq!(slug(desk.log_in_from(shown, &from)), "log-in-failed");
            begun.elapsed()
        };
        let [mut hers, mut nobodys] = [Duration::MAX; 2];
        for round in 0..8 {
            hers = hers.min(took("ida@lindenhof.example", 2 * round));
            nobodys = nobodys.min(took("nobody@lindenhof.example", 2 * round + 1));
        }
        // Without the hash it would be a hundredth.
        assert!(nobodys * 4 > hers && hers * 4 > nobodys, "{hers:?} {nobodys:?}");
        let right = LogIn::Password {
            login: "ida@lindenhof.example".to_owned(), password: secret(PASSWORD), code: None,
        };
        desk.log_in_from(right, &Arrival { from: address("203.0.113.7"), ..arrival() }).expect("it is the password");
    }

    fn from_elsewhere_nobody_learns_that_a_password_is_right(place) {
        let mut desk = Desk::with_passkey(place);
        let caller = desk.by_passkey().map(|session| desk.caller(&session).expect("a session")).expect("in");
        desk.set_password(&caller);
        let networks = Some(vec!["192.0.2.0/24".parse().expect("a network")]);
        let bind = ChangePrincipal { id: Some(desk.ida), networks, ..Default::default() };
        desk.house.act(&desk.house.admin, bind).expect("bound");
        let from = |from: &str, password: &str| {
            let shown = LogIn::Password {
                login: "ida@lindenhof.example".to_owned(), password: secret(password), code: None,
            };
            slug(desk.log_in_from(shown, &Arrival { from: address(from), ..arrival() }))
        };
        assert_eq!(from("198.51.100.7", PASSWORD), "log-in-failed");
        assert_eq!(from("198.51.100.7", "wrong horse battery staple"), "log-in-failed");
        assert_eq!(from("192.0.2.7", PASSWORD), "ok");
    }

    fn a_moment_that_lies_ahead_keeps_no_session_alive(place) {
        let mut desk = Desk::with_passkey(place);
        let session = desk.by_passkey().expect("in");
        let Desk { house, ida, device } = desk;
        let ahead = "update session set seen = 4000000000000000";
        let desk = Desk { house: house.reopened_after(|| place.meddle(false, ahead, ahead)), ida, device };
        assert!(desk.caller(&session).is_some());
        desk.house.clock.advance(Duration::from_secs(15 * 60));
        assert!(desk.caller(&session).is_none(), "fifteen minutes are fifteen minutes");
    }

    fn an_act_that_names_no_fields_takes_no_more_than_was_agreed_to(place) {
        let desk = approvals::Desk::new(place);
        // A charter in which a look at somebody well known wants another's word, and opens what it shows.
        let looks = "[Action::\"subject.read\", Action::\"opens\", Action::\"view.clear\", Action::\"view.partial\"]";
        let files = charter(&[(
            "policies/approvals.cedar",
            "[Action::\"opens\", Action::\"view.clear\", Action::\"view.partial\"]",
            looks,
        )]);
        apply(&desk.house, files, 1).expect("applied");
        let look = || desk.house.read(&desk.support, desk.star);
        assert_eq!(slug(look()), "denied-by-policy");
        let agreed = |fields: &[&str]| {
            let ask = AskApproval { action: Action::SubjectRead, ..desk.ask(fields) };
            let id = desk.house.act(&desk.support, ask).expect("asked");
            assert_eq!(desk.vote(&desk.dpo, id, true).expect("agreed"), ApprovalState::Granted);
        };
        agreed(&["email"]);
        assert_eq!(slug(look()), "denied-by-policy", "it would show more than the e-mail address");
        let rules = desk.house.app.rules();
        let purpose = rules.charter.purposes().iter().find(|purpose| purpose.name == "support").expect("a purpose");
        let all: Vec<_> = purpose.fields.iter().map(String::as_str).collect();
        agreed(&all);
        let shown = look().expect("all of it was agreed to");
        assert!(shown.views.iter().any(|(field, view)| field == "email" && *view > View::Nothing), "{:?}", shown.views);
    }

    fn a_role_in_other_letters_is_none(place) {
        let house = House::new(place);
        let with = |role: &str| CreatePrincipal {
            kind: "staff".to_owned(), name: "Eve".to_owned(), login: None, contact: None, manager: None, person: None,
            roles: vec![role.to_owned()], recipient: None, networks: Vec::new(), days: None,
        };
        let eve = house.act(&house.admin, with("support")).expect("hired").id;
        for role in ["Admin", "ADMIN", " admin", "admin ", "\u{ff41}dmin", "admin\u{0}", "adm*", "*", ""] {
            assert_eq!(slug(house.act(&house.admin, with(role))), "validation", "{role:?}");
            let change = ChangePrincipal { id: Some(eve), roles: Some(vec![role.to_owned()]), ..Default::default() };
            assert_eq!(slug(house.act(&house.admin, change)), "validation", "{role:?}");
        }
    }
}
