//! Somebody looks without the word of others because there is no time to ask: how that begins and ends, what it lifts and what never, and who
//! has to answer for it.

use std::time::Duration;

use avouch_core::gate::break_glass::{
    CloseGlass, GlassOutcome, GlassShown, GlassState, OpenGlass, Opened, ReadGlass, ReadGlassWork,
    ReadGlasses, ReviewGlass,
};
use avouch_core::gate::marks::{Mark, MarkSubject};
use avouch_core::gate::people::LogIn;
use avouch_core::gate::principals::ChangePrincipal;
use avouch_core::gate::{Caller, Reason, Status};
use avouch_core::outbox::Notice;
use avouch_core::vault::ListSubjects;
use avouch_core::watch::alarms::{AlarmKind, AlarmOutcome, CloseAlarm, ReadAlarms};
use avouch_core::{Error, GlassId, Need, SubjectId, View};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, slug};
use crate::log_in::{Desk as Door, PASSWORD, code, secret};
use crate::people::erased;

const WHY: &str = "the ward calls: she is unconscious and nobody answers";
const HOUR: Duration = Duration::from_secs(3600);

struct Desk<'p> {
    door: Door<'p>,
    ida: Caller,
    dpo: Caller,
    security: Caller,
    star: SubjectId,
}

impl<'p> Desk<'p> {
    /// Ida of the support desk, who may break the glass and has just shown her passkey; and a customer who is well known.
    fn new(place: &'p avouch_testkit::Place) -> Self {
        Self::with(Door::with_passkey(place))
    }

    fn with(mut door: Door<'p>) -> Self {
        roles(&door.house, door.ida, &["support", "emergency"]);
        let session = door.by_passkey().expect("logged in");
        let ida = door.caller(&session).expect("a session");
        let (dpo, security) =
            (door.house.hire("staff", "dpo", None), door.house.hire("staff", "security", None));
        let star = door.house.create(&door.house.importer, ana()).expect("created");
        let desk = Self { door, ida, dpo, security, star };
        desk.mark(star, Mark { tier: 3, colleague: None, honey: false });
        desk
    }

    fn house(&self) -> &House<'p> {
        &self.door.house
    }

    fn mark(&self, id: SubjectId, mark: Mark) {
        let operation = MarkSubject { id, mark, purpose: Some("data_rights".to_owned()) };
        self.house().act(&self.dpo, operation).expect("marked");
    }

    /// So many more who are well known.
    fn stars(&self, count: usize) -> Vec<SubjectId> {
        (0..count)
            .map(|number| {
                let fields = json!({"name": "Bo", "email": format!("s{number}@example.org")});
                let id = self.house().create(&self.house().importer, fields).expect("created");
                self.mark(id, Mark { tier: 1, colleague: None, honey: false });
                id
            })
            .collect()
    }

    fn open(&self, who: &Caller, why: &str) -> Result<Opened, Error> {
        let reason = Reason::parse(why).expect("a reason");
        self.house().act(who, OpenGlass { role: None, reason, minutes: None })
    }

    fn opened(&self) -> Opened {
        self.open(&self.ida, WHY).expect("the glass breaks")
    }

    /// Ida shows her passkey once more.
    fn again(&mut self) {
        let session = self.door.by_passkey().expect("logged in");
        self.ida = self.door.caller(&session).expect("a session");
    }

    fn reveal(&self, id: SubjectId) -> &'static str {
        slug(self.house().reveal(&self.ida, id, &["email"]))
    }

    fn review(&self, who: &Caller, id: GlassId, outcome: GlassOutcome) -> Result<(), Error> {
        let why = Reason::parse("the ward has confirmed it").expect("a reason");
        self.house().act(who, ReviewGlass { id, outcome, why })
    }

    fn listed(&self, who: &Caller) -> Vec<GlassShown> {
        self.house().act(who, ReadGlasses { before: None, limit: 10 }).expect("listed").items
    }

    fn alarms(&self) -> Vec<AlarmKind> {
        let read = ReadAlarms { open: true, before: None, limit: 50 };
        self.house().act(&self.security, read).expect("read").items.iter().map(|alarm| alarm.kind).collect()
    }
}

fn roles(house: &House<'_>, id: avouch_core::PrincipalId, roles: &[&str]) {
    let roles = Some(roles.iter().map(|role| (*role).to_owned()).collect());
    house.act(&house.admin, ChangePrincipal { id: Some(id), roles, ..Default::default() }).expect("changed");
}

fn needs<T: core::fmt::Debug>(result: Result<T, Error>) -> Vec<&'static str> {
    match result.expect_err("refused") {
        Error::Refused(refusal) => refusal.needs.iter().map(Need::name).collect(),
        error => panic!("{error:?}"),
    }
}

both_engines! {
    fn whoever_breaks_the_glass_looks_for_an_hour_and_it_rings(place) {
        let mut desk = Desk::new(place);
        assert_eq!(desk.reveal(desk.star), "denied-by-policy", "it is whole");
        let opened = desk.opened();
        assert_eq!(opened.customers, 25);
        assert_eq!(desk.alarms(), [AlarmKind::BreakGlass]);
        let due = desk.house().app.messages_due(10).expect("read");
        let told = due.iter().find_map(|due| match &due.message.as_ref().expect("whole").notice {
            Notice::Alarm { kind, principal, .. } => Some((*kind, *principal)),
            Notice::Account { .. } | Notice::Code { .. } => None,
        });
        assert_eq!(told, Some((AlarmKind::BreakGlass, desk.ida.id())));
        assert_eq!(desk.house().app.broken_glass(desk.ida.id()).map(|(id, _)| id), Some(opened.id));
        assert_eq!(slug(desk.open(&desk.ida, WHY)), "conflict", "once is enough");

        let shown = desk.house().reveal(&desk.ida, desk.star, &["email"]).expect("behind the glass");
        assert_eq!(shown.views, [("email".to_owned(), View::Clear)]);
        // Its event names the glass; what she may without it does not.
        let plain = desk.stars(1)[0];
        desk.mark(plain, Mark::default());
        assert_eq!(desk.reveal(plain), "ok");
        let looks = desk.house().events();
        let looks = looks.iter().filter(|event| event.what == "subject.reveal" && event.problem.is_none());
        let under: Vec<_> = looks.map(|event| event.under.as_ref().map(Vec::len)).collect();
        assert_eq!(under, [None, Some(1)]);

        desk.house().clock.advance(HOUR);
        desk.again();
        assert_eq!(desk.reveal(desk.star), "denied-by-policy", "an hour later");
        assert_eq!(desk.house().app.broken_glass(desk.ida.id()), None);
    }

    fn it_takes_a_passkey_of_this_moment_and_a_reason_that_says_something(place) {
        let mut desk = Desk::new(place);
        let faults = |result: Result<Opened, Error>| match result {
            Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(faults(desk.open(&desk.ida, "an emergency, it is")), ["/reason"], "19 characters");
        let minutes = OpenGlass { role: None, reason: Reason::parse(WHY).expect("a reason"), minutes: Some(61) };
        assert_eq!(faults(desk.house().act(&desk.ida, minutes)), ["/minutes"]);

        desk.house().clock.advance(Duration::from_secs(121));
        let Err(Error::Refused(refusal)) = desk.open(&desk.ida, WHY) else { panic!("two minutes ago") };
        assert_eq!(refusal.policies, ["base:break-glass-fresh"]);
        desk.again();
        desk.opened();
    }

    fn a_password_a_key_a_program_and_a_partner_break_no_glass(place) {
        let desk = Desk::new(place);
        let by_key = desk.house().account(&["emergency"], None, None);
        assert_eq!(needs(desk.open(&by_key, WHY)), ["session"]);
        for (kind, role, recipient) in [("service", "shop", None), ("service", "parcels_api", Some("parcels")), ("auditor", "auditor", None)] {
            let program = desk.house().hire(kind, role, recipient);
            assert_eq!(slug(desk.open(&program, WHY)), "denied-by-policy", "{role}");
        }
        // Somebody of the staff who is there, and does not hold the role.
        roles(desk.house(), desk.ida.id(), &["support"]);
        assert_eq!(needs(desk.open(&desk.ida, WHY)), ["permission"]);
    }

    fn what_can_be_given_to_a_false_page_breaks_no_glass(place) {
        let mut door = Door::with_passkey(place);
        let session = door.by_passkey().expect("logged in");
        let caller = door.caller(&session).expect("a session");
        door.set_password(&caller);
        let bytes = door.set_app(&caller);
        let app = |house: &House<'_>| code(&bytes, house.app.now() / 1_000_000);
        door.house.clock.advance(Duration::from_secs(30));
        let desk = Desk::with(door);
        let login = LogIn::Password {
            login: "ida@lindenhof.example".to_owned(),
            password: secret(PASSWORD),
            code: Some(secret(&app(desk.house()))),
        };
        let session = desk.door.log_in(login).expect("two factors");
        let caller = desk.door.caller(&session).expect("a session");
        let Err(Error::Refused(refusal)) = desk.open(&caller, WHY) else { panic!("it could be phished") };
        assert_eq!(refusal.policies, ["base:break-glass-fresh"]);
        // Neither does it look behind one that is broken.
        desk.opened();
        assert_eq!(slug(desk.house().reveal(&caller, desk.star, &["email"])), "denied-by-policy");
        assert_eq!(desk.reveal(desk.star), "ok");
    }

    fn behind_it_one_looks_and_does_nothing_else(place) {
        let desk = Desk::new(place);
        let bo = desk.house().create(&desk.house().importer, json!({"name": "Bo", "email": "bo@example.org"})).expect("created");
        roles(desk.house(), desk.ida.id(), &["emergency"]);
        assert_eq!(slug(desk.house().read(&desk.ida, desk.star)), "denied-by-policy", "the role sleeps");
        desk.opened();
        desk.house().read(&desk.ida, bo).expect("it is awake");
        let other = avouch_core::vault::ReadSubject { id: bo, purpose: Some("data_rights".to_owned()), reason: None };
        assert_eq!(needs(desk.house().act(&desk.ida, other)), ["purpose"], "no purpose but its own");
        let list = ListSubjects { purpose: Some("support".to_owned()), reason: None, after: None, limit: 5 };
        assert_eq!(needs(desk.house().act(&desk.ida, list)), ["permission"]);
        assert_eq!(slug(erased(desk.house(), &desk.ida, bo)), "denied-by-policy");
        assert_eq!(slug(desk.house().update(&desk.ida, bo, 1, json!({"language": "pt"}))), "denied-by-policy");
        // Nobody looks at themselves, glass or no glass.
        desk.mark(desk.star, Mark { tier: 0, colleague: Some(desk.ida.id()), honey: false });
        assert_eq!(desk.reveal(desk.star), "denied-by-policy");
    }

    fn it_ends_with_the_account_and_the_role(place) {
        let mut desk = Desk::new(place);
        desk.opened();
        roles(desk.house(), desk.ida.id(), &["support"]);
        assert_eq!(desk.reveal(desk.star), "denied-by-policy", "the role was taken away");
        roles(desk.house(), desk.ida.id(), &["support", "emergency"]);
        assert_eq!(desk.reveal(desk.star), "ok");
        let status = |status| ChangePrincipal { id: Some(desk.ida.id()), status: Some(status), ..Default::default() };
        desk.house().act(&desk.house().admin, status(Status::Suspended)).expect("suspended");
        assert_eq!(desk.reveal(desk.star), "not-authenticated", "nothing lifts that");
        desk.house().act(&desk.house().admin, status(Status::Active)).expect("active");
        desk.again();
        let id = desk.listed(&desk.ida)[0].id;
        desk.house().act(&desk.ida, CloseGlass { id }).expect("ended");
        assert_eq!(desk.reveal(desk.star), "denied-by-policy", "ended by herself");
        assert_eq!(slug(desk.house().act(&desk.ida, CloseGlass { id })), "conflict");
        assert_eq!(slug(desk.house().act(&desk.dpo, CloseGlass { id })), "not-found");
    }

    fn of_two_who_come_for_the_twenty_fifth_customer_one_is_let_through(place) {
        let mut desk = Desk::new(place);
        let stars = desk.stars(26);
        desk.again();
        desk.opened();
        for star in &stars[..24] {
            assert_eq!(desk.reveal(*star), "ok");
        }
        assert_eq!(desk.reveal(stars[0]), "ok", "the same again is none more");
        let ends: Vec<&str> = std::thread::scope(|scope| {
            let runs: Vec<_> = stars[24..].iter().map(|star| scope.spawn(|| desk.reveal(*star))).collect();
            runs.into_iter().map(|run| run.join().expect("no panic")).collect()
        });
        assert_eq!(ends.iter().filter(|end| **end == "ok").count(), 1, "{ends:?}");
        let refused = stars[24..].iter().find(|star| desk.reveal(**star) != "ok").expect("one of them");
        assert_eq!(needs(desk.house().reveal(&desk.ida, *refused, &["email"])), ["quota"]);
        assert_eq!(desk.listed(&desk.ida)[0].customers, 25);
    }

    fn it_outlives_a_start_with_what_was_counted(place) {
        let mut desk = Desk::new(place);
        desk.opened();
        assert_eq!(desk.reveal(desk.star), "ok");
        desk.door.house = desk.door.house.reopen();
        assert_eq!(desk.reveal(desk.star), "ok");
        assert_eq!(desk.listed(&desk.ida)[0].customers, 1);
    }

    fn somebody_else_says_whether_it_was_right(place) {
        let mut desk = Desk::new(place);
        let ida = ChangePrincipal { id: Some(desk.ida.id()), person: Some("ida".to_owned()), ..Default::default() };
        desk.house().act(&desk.house().admin, ida).expect("a person");
        let second = desk.house().account(&["dpo"], Some("ida"), None);
        let below = desk.house().account(&["dpo"], None, Some(&desk.ida));
        let far_below = desk.house().account(&["security"], None, Some(&below));
        let Opened { id, due, .. } = desk.opened();
        assert_eq!(desk.reveal(desk.star), "ok");
        assert_eq!(slug(desk.review(&desk.dpo, id, GlassOutcome::Justified)), "conflict", "it is not over");
        desk.house().clock.advance(HOUR);
        desk.again();
        for (who, what) in [(&desk.ida, "herself"), (&second, "her second account"), (&below, "who reports to her"), (&far_below, "and to them")] {
            assert_eq!(slug(desk.review(who, id, GlassOutcome::Justified)), "conflict", "{what}");
        }
        let support = desk.house().hire("staff", "support", None);
        assert_eq!(slug(desk.review(&support, id, GlassOutcome::Justified)), "not-found", "who is not asked learns nothing");
        assert!(desk.listed(&support).is_empty());
        assert_eq!(slug(desk.house().act(&support, ReadGlass { id })), "not-found");

        let shown = desk.listed(&desk.dpo).remove(0);
        assert_eq!((shown.state, shown.mine_to_review, shown.own), (GlassState::Waiting, true, false));
        assert_eq!((shown.reason.as_str(), shown.customers, shown.due), (WHY, 1, due));
        // What was done, read from the events.
        let work = desk.house().act(&desk.dpo, ReadGlassWork { id, before: None, limit: 10 }).expect("read").items;
        let [look] = work.as_slice() else { panic!("one look: {work:?}") };
        assert_eq!((look.action.as_str(), look.actor, look.customers.as_slice()), ("subject.reveal", desk.ida.id(), &[desk.star][..]));
        assert_eq!(look.fields, [("email".to_owned(), Some(View::Clear))]);
        assert_eq!(look.reason.as_ref().expect("typed").as_str(), "the customer is on the phone");
        assert_eq!(slug(desk.house().act(&support, ReadGlassWork { id, before: None, limit: 10 })), "not-found");

        desk.review(&desk.dpo, id, GlassOutcome::Justified).expect("reviewed");
        assert_eq!(slug(desk.review(&desk.security, id, GlassOutcome::Unjustified)), "conflict", "a word is a word");
        let shown = desk.house().act(&desk.ida, ReadGlass { id }).expect("she learns it");
        assert_eq!(shown.state, GlassState::Reviewed(GlassOutcome::Justified));
        assert_eq!(shown.review.expect("reviewed").by, "the dpo");
        assert_eq!(desk.alarms(), [AlarmKind::BreakGlass]);
    }

    fn what_was_not_right_rings(place) {
        let desk = Desk::new(place);
        let Opened { id, .. } = desk.opened();
        desk.house().act(&desk.ida, CloseGlass { id }).expect("ended");
        desk.review(&desk.security, id, GlassOutcome::Unjustified).expect("reviewed");
        assert_eq!(desk.alarms(), [AlarmKind::BreakGlassUnjustified, AlarmKind::BreakGlass]);
    }

    fn while_a_review_is_overdue_nobody_breaks_any(place) {
        let mut desk = Desk::new(place);
        let Opened { id, due, .. } = desk.opened();
        // The house's clock begins on a Thursday.
        assert_eq!(due - desk.listed(&desk.ida)[0].opened, 24 * 3600 * 1_000_000);
        desk.house().clock.advance(23 * HOUR);
        desk.again();
        let second = desk.opened();
        desk.house().clock.advance(HOUR);
        desk.again();
        assert_eq!(desk.listed(&desk.dpo)[1].state, GlassState::Overdue);
        // No job has run: the rows say it.
        assert_eq!(slug(desk.open(&desk.ida, WHY)), "conflict");
        assert_eq!(slug(desk.open(&desk.ida, WHY)), "conflict");
        assert_eq!(desk.alarms(), [AlarmKind::ReviewOverdue, AlarmKind::BreakGlass, AlarmKind::BreakGlass]);
        // Another is let in no more than she is.
        let colleague = desk.house().account(&["dpo"], None, None);
        desk.review(&colleague, id, GlassOutcome::Justified).expect("reviewed");
        desk.review(&colleague, second.id, GlassOutcome::Justified).expect("reviewed");
        desk.again();
        desk.opened();
        // It was opened on a Thursday as well, an hour before Friday.
        assert!((22 * 3600 * 1_000_000..24 * 3600 * 1_000_000).contains(&(second.due - due)));
    }

    fn the_housekeeping_rings_of_what_is_overdue_once_a_day(place) {
        let desk = Desk::new(place);
        desk.opened();
        desk.house().clock.advance(23 * HOUR);
        desk.house().app.sweep().expect("swept");
        assert_eq!(desk.alarms(), [AlarmKind::BreakGlass]);
        desk.house().clock.advance(HOUR);
        desk.house().app.sweep().expect("swept");
        desk.house().app.sweep().expect("swept");
        assert_eq!(desk.alarms(), [AlarmKind::ReviewOverdue, AlarmKind::BreakGlass]);
        let read = ReadAlarms { open: true, before: None, limit: 5 };
        let rung = desk.house().act(&desk.security, read).expect("read").items.remove(0);
        assert_eq!(rung.times, 1);
        let why = Reason::parse("somebody will do it").expect("a reason");
        desk.house().act(&desk.security, CloseAlarm { id: rung.id, outcome: AlarmOutcome::Handled, why }).expect("closed");
        desk.house().clock.advance(24 * HOUR);
        desk.house().app.sweep().expect("swept");
        assert_eq!(desk.alarms(), [AlarmKind::ReviewOverdue, AlarmKind::BreakGlass], "nobody has");
    }

    fn an_hour_that_was_made_longer_and_a_review_that_was_made_up_count_for_nothing(place) {
        let mut desk = Desk::new(place);
        desk.opened();
        for forged in ["until = until + 3600000000", "due = due + 86400000000", "reviewed = 1"] {
            let change = format!("update break_glass set {forged}");
            let back = match forged.split_once(" + ") {
                Some((assign, by)) => format!("update break_glass set {assign} - {by}"),
                None => "update break_glass set reviewed = 0".to_owned(),
            };
            place.meddle(false, &change, &change);
            assert_eq!(desk.reveal(desk.star), "integrity", "{forged}");
            desk.again();
            assert_eq!(slug(desk.open(&desk.ida, WHY)), "integrity", "{forged}");
            place.meddle(false, &back, &back);
        }
        assert_eq!(desk.reveal(desk.star), "ok");
    }

    fn of_who_is_erased_it_says_no_more_that_it_was_them(place) {
        let desk = Desk::new(place);
        let Opened { id, .. } = desk.opened();
        assert_eq!(desk.reveal(desk.star), "ok");
        assert_eq!(slug(erased(desk.house(), &desk.dpo, desk.star)), "ok");
        let shown = desk.house().act(&desk.dpo, ReadGlass { id }).expect("shown");
        assert_eq!(shown.customers, 1, "somebody was looked at");
        let work = desk.house().act(&desk.dpo, ReadGlassWork { id, before: None, limit: 10 }).expect("read").items;
        assert_eq!((work.len(), work[0].customers.as_slice(), work[0].reason.is_none()), (1, &[][..], true));
    }
}
