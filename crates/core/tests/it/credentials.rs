//! What becomes of people's credentials: passwords that were stolen, and what follows a change.

use std::sync::Arc;

use avouch_core::Error;
use avouch_core::gate::people::breached::Breached;
use avouch_core::gate::people::{LogIn, PeopleSettings, ReadAccount};
use avouch_testkit::both_engines;

use crate::house::slug;
use crate::log_in::{Desk, PASSWORD};

fn list(passwords: &[&str]) -> PeopleSettings {
    let list = Breached::of(passwords.iter().copied()).expect("a list");
    PeopleSettings { breached: Some(Arc::new(list)), ..PeopleSettings::default() }
}

both_engines! {
    fn a_password_that_was_stolen_is_not_taken(place) {
        let desk = Desk::new(place).reopened_with(list(&[PASSWORD, "ferry stone walnut orchid"]));
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        let caller = desk.caller(&session).expect("a session");
        let judged = desk.house.app.judge_password_enrolment(&caller, PASSWORD);
        let Err(Error::Invalid(faults)) = judged else { panic!("{judged:?}") };
        assert!(faults.iter().any(|fault| fault.detail.contains("stolen somewhere")), "{faults:?}");
        desk.house.app.judge_password_enrolment(&caller, "orchid walnut ferry stone").expect("another order is another");
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
        let judged = desk.house.app.judge_password_enrolment(&caller, "ferry cloud walnut orchid").expect("good");
        desk.house.act(&caller, judged).expect("set");
        assert!(!marked(&caller));
        let session = desk.password("ida@lindenhof.example", "ferry cloud walnut orchid", None).expect("in");
        assert!(!session.breached);
    }
}
