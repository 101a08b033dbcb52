//! Who looks at customers without need is noticed, and who has need is not troubled.

use std::time::Duration;

use avouch_core::gate::Caller;
use avouch_core::gate::Reason;
use avouch_core::gate::marks::{Mark, MarkSubject};
use avouch_core::gate::principals::{CreateKey, CreatePrincipal};
use avouch_core::vault::{ListSubjects, RevealSubject};
use avouch_core::watch::{
    AcknowledgeMonitoring, CaseOutcome, CasePage, CaseShown, CaseState, CloseCase, CreateHoneyKey, EndTie,
    Holder, NewTie, PutTies, ReadCase, ReadCases, ReadOwnAccesses, ReadTies, TieKind, TieMade, Whom,
};
use avouch_core::{Error, Need, SubjectId};
use avouch_store::statements;
use avouch_testkit::both_engines;
use serde_json::json;

use crate::charters::apply;
use crate::erasure::{Order, erase};
use crate::house::{House, caller, charter_files, slug};

const HOUR: u64 = 3600;

statements! {
    data TIES = "select count(*) from tie";
}

struct Desk<'p> {
    house: House<'p>,
    ida: Caller,
    crm: Caller,
    dpo: Caller,
}

impl<'p> Desk<'p> {
    fn new(place: &'p avouch_testkit::Place) -> Self {
        let house = House::new(place);
        let (ida, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let crm = house.hire("service", "crm", None);
        Self { house, ida, crm, dpo }
    }

    fn reopen(self) -> Self {
        let Self { house, ida, crm, dpo } = self;
        Self { house: house.reopen(), ida, crm, dpo }
    }

    fn customer(&self, number: u32) -> SubjectId {
        let fields = json!({"external_id": format!("C-{number}"), "name": format!("Person {number}"), "email": format!("c{number}@example.org")});
        self.house.create(&self.house.importer, fields).expect("created")
    }

    fn mark(&self, id: SubjectId, mark: Mark) {
        let operation = MarkSubject { id, mark, purpose: Some("data_rights".to_owned()) };
        self.house.act(&self.dpo, operation).expect("marked");
    }

    /// A customer that nobody is.
    fn honey(&self, number: u32) -> SubjectId {
        let id = self.customer(number);
        self.mark(id, Mark { honey: true, ..Mark::default() });
        id
    }

    /// A customer who is another colleague.
    fn colleague(&self, number: u32) -> SubjectId {
        let id = self.customer(number);
        self.mark(id, Mark { colleague: Some(self.dpo.id()), ..Mark::default() });
        id
    }

    fn read(&self, who: &Caller, id: SubjectId) {
        self.house.read(who, id).expect("shown");
    }

    fn tie(&self, by: &Caller, tie: NewTie) -> TieMade {
        self.ties(by, vec![tie]).expect("told").pop().expect("one")
    }

    fn ties(&self, by: &Caller, ties: Vec<NewTie>) -> Result<Vec<TieMade>, Error> {
        self.house.act(by, PutTies::new(&self.house.app, ties)?)
    }

    fn cases(&self, state: Option<CaseState>) -> Vec<CaseShown> {
        let read = ReadCases { family: None, state, before: None, limit: 50 };
        let CasePage { items, .. } = self.house.act(&self.dpo, read).expect("read");
        items
    }

    /// Those about one colleague, by family.
    fn about(&self, who: &Caller) -> Vec<(&'static str, CaseState)> {
        let mut cases: Vec<_> = self
            .cases(None)
            .into_iter()
            .filter(|case| case.actor == who.id())
            .map(|case| (case.family, case.state))
            .collect();
        cases.sort_by_key(|case| case.0);
        cases
    }

    /// Of all ties.
    fn rows(&self) -> i64 {
        let rows = self.house.app.store().read_wait(|tx| tx.first(&TIES, &[], |row| row.int(0)));
        rows.expect("read").unwrap_or(0)
    }

    fn pass(&self, hours: u64) {
        self.house.clock.advance(Duration::from_secs(hours * HOUR));
    }

    /// The key has not expired while days pass.
    fn hire(&self, roles: &[&str], person: Option<&str>, manager: Option<&Caller>) -> Caller {
        let create = CreatePrincipal {
            kind: "staff".to_owned(),
            name: "Somebody".to_owned(),
            login: None,
            manager: manager.map(Caller::id),
            person: person.map(str::to_owned),
            contact: None,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            recipient: None,
            networks: Vec::new(),
            days: None,
        };
        let principal = self.house.act(&self.house.admin, create).expect("made").id;
        let key = CreateKey { principal, label: "test".to_owned(), days: 1, networks: Vec::new() };
        caller(&self.house.app, &self.house.act(&self.house.admin, key).expect("a key").key)
    }
}

fn with(whom: SubjectId, holder: Holder) -> NewTie {
    NewTie {
        whom: Whom::Id(whom),
        holder,
        kind: TieKind::Case,
        begins: None,
        ends: None,
        reference: Some("4711".to_owned()),
    }
}

fn why() -> Reason {
    Reason::parse("looked into it with her lead").expect("a reason")
}

/// The tie that came of it.
fn made(made: TieMade) -> avouch_core::TieId {
    match made {
        TieMade::Made(_, tie) => tie.id,
        other => panic!("{other:?}"),
    }
}

both_engines! {
    fn ties_are_told_read_and_ended_and_go_with_their_customer(place) {
        let desk = Desk::new(place);
        let (ana, bo) = (desk.customer(1), desk.customer(2));
        let by_key = NewTie { whom: Whom::Key { field: "external_id".to_owned(), value: json!("C-2") }, ..with(ana, Holder::Any) };
        let nobody = NewTie { whom: Whom::Key { field: "external_id".to_owned(), value: json!("C-3") }, ..with(ana, Holder::Any) };
        let by_name = NewTie { whom: Whom::Key { field: "name".to_owned(), value: json!("Person 2") }, ..with(ana, Holder::Any) };
        let told = desk.ties(&desk.crm, vec![with(ana, Holder::Actor(desk.ida.id())), by_key, nobody, by_name]).expect("told");
        let TieMade::Made(whom, shown) = &told[1] else { panic!("{told:?}") };
        assert_eq!((*whom, shown.reference.as_deref(), shown.made_by), (bo, Some("4711"), desk.crm.id()));
        assert!(matches!(told[2], TieMade::NotFound) && matches!(told[3], TieMade::Invalid(_)), "{told:?}");
        let unknown = desk.tie(&desk.crm, with(ana, Holder::Actor(desk.crm.id())));
        assert!(matches!(unknown, TieMade::Invalid(_)), "a program holds no tie");
        for holder in [Holder::Any, Holder::Team(desk.dpo.id())] {
            let told = desk.tie(&desk.ida, with(ana, holder));
            assert!(matches!(told, TieMade::Invalid(_)), "a person explains nobody's looks but one's: {told:?}");
        }

        let read = |who: &Caller, id| desk.house.act(who, ReadTies { id });
        assert_eq!(read(&desk.dpo, ana).expect("read").len(), 1);
        assert_eq!(slug(read(&desk.ida, ana)), "denied-by-policy");
        assert_eq!(slug(read(&desk.dpo, SubjectId::from_bytes([9; 16]))), "not-found");
        let end = |id| desk.house.act(&desk.crm, EndTie { subject: ana, id });
        assert_eq!(slug(end(shown.id)), "not-found", "it is another customer's");
        end(read(&desk.dpo, ana).expect("read")[0].id).expect("ended");
        assert_eq!(read(&desk.dpo, ana).expect("read").len(), 0);

        desk.tie(&desk.crm, with(bo, Holder::Any));
        assert_eq!(desk.rows(), 2);
        erase(&desk.house, &desk.dpo, bo, Order::default()).expect("erased");
        assert_eq!(desk.rows(), 0);
    }

    fn honey_is_noticed_however_it_is_seen(place) {
        let desk = Desk::new(place);
        let honey = desk.honey(1);
        let shown = desk.house.read(&desk.ida, honey).expect("it looks like anybody");
        assert!(shown.fields.contains_key("name"));
        assert_eq!(desk.about(&desk.ida), [("honey", CaseState::Open)], "it waits for nothing");

        let lists = desk.hire(&["support"], None, None);
        let list = ListSubjects { purpose: Some("support".to_owned()), reason: None, after: None, limit: 10 };
        desk.house.act(&lists, list).expect("listed");
        assert_eq!(desk.about(&lists), [("honey", CaseState::Open)]);

        let searches = desk.hire(&["support"], None, None);
        desk.house.search(&searches, json!({"external_id": "C-1"})).expect("found");
        assert_eq!(desk.about(&searches), [("honey", CaseState::Open)]);

        let exports = desk.hire(&["dpo"], None, None);
        desk.house.agree_to_export(&exports, &["name"], 100);
        let export = avouch_core::vault::Export {
            fields: vec!["name".to_owned()],
            format: avouch_core::vault::ExportFormat::Csv,
            purpose: Some("data_rights".to_owned()),
            reason: Some(why()),
            seal_to: None,
        };
        export.run(&desk.house.app, &exports, Vec::new).expect("exported");
        assert_eq!(desk.about(&exports), [("honey", CaseState::Open)]);
        // The log says that there is a case, and not about whom.
        let opened: Vec<_> = desk.house.events().into_iter().filter(|event| event.what == "case.open").collect();
        assert_eq!(opened.len(), 4);
        assert!(opened.iter().all(|event| event.subjects.is_empty() && *event.actor == [0; 16]));
    }

    fn one_case_is_for_one_day_and_is_closed_by_somebody_else(place) {
        let desk = Desk::new(place);
        let honey = desk.honey(1);
        let both = desk.hire(&["support", "dpo"], Some("ida"), None);
        let second = desk.hire(&["dpo"], Some("ida"), None);
        let below = desk.hire(&["dpo"], None, Some(&both));
        desk.read(&both, honey);
        desk.read(&both, honey);
        let cases = desk.cases(Some(CaseState::Open));
        assert_eq!((cases.len(), cases[0].times, cases[0].events.len()), (1, 2, 2));
        assert_eq!(cases[0].reasons[0].split(':').next(), Some("R10"));
        let (id, outcome) = (cases[0].id, CaseOutcome::Unjustified);
        let close = |who: &Caller| slug(desk.house.act(who, CloseCase { id, outcome, why: why() }));
        for who in [&both, &second] {
            assert_eq!(close(who), "not-found", "nobody closes their own, by whatever account");
            assert_eq!(slug(desk.house.act(who, ReadCase { id })), "not-found", "or sees it");
            let read = ReadCases { family: None, state: None, before: None, limit: 50 };
            assert_eq!(desk.house.act(who, read).expect("read").items.len(), 0);
        }
        assert_eq!(close(&below), "conflict", "or somebody who reports to them");
        assert_eq!(close(&desk.ida), "denied-by-policy");
        assert_eq!(close(&desk.dpo), "ok");
        assert_eq!(close(&desk.dpo), "conflict", "it is closed");
        let closed = desk.house.act(&desk.dpo, ReadCase { id }).expect("read");
        assert_eq!((closed.outcome, closed.closed_by.as_deref()), (Some(outcome), Some("the dpo")));
        // Whatever comes after it is another matter.
        desk.read(&both, honey);
        assert_eq!(desk.about(&both), [("honey", CaseState::Open)]);
    }

    fn a_look_at_colleagues_is_explained_by_a_tie_and_not_by_ones_own(place) {
        let desk = Desk::new(place);
        let colleague = desk.colleague(1);
        let tied = |desk: &Desk<'_>| { desk.read(&desk.ida, colleague); desk.pass(48); desk.house.app.sweep().expect("swept"); desk.about(&desk.ida) };
        desk.tie(&desk.crm, with(colleague, Holder::Actor(desk.ida.id())));
        assert_eq!(tied(&desk), [], "the customer has called her");
    }

    fn a_tie_that_is_told_late_takes_the_doubt_back(place) {
        let desk = Desk::new(place);
        let (one, other) = (desk.colleague(1), desk.colleague(2));
        let own = desk.hire(&["support"], None, None);
        let none = desk.hire(&["support"], None, None);
        let foreign = desk.hire(&["support"], None, None);
        let reveals = |who: &Caller| desk.read(who, one);
        for who in [&desk.ida, &own, &none, &foreign] {
            reveals(who);
        }
        desk.pass(3);
        desk.tie(&desk.crm, with(one, Holder::Actor(desk.ida.id())));
        let mine = desk.tie(&own, with(one, Holder::Actor(own.id())));
        made(mine);
        desk.tie(&desk.crm, with(other, Holder::Actor(foreign.id())));
        desk.house.app.sweep().expect("told");
        desk.pass(48);
        desk.house.app.sweep().expect("given to reviewers");
        assert_eq!(desk.about(&desk.ida), [], "who was called");
        for (who, what) in [(&own, "who has said so themselves, after the look"), (&none, "without any"), (&foreign, "with somebody else's")] {
            assert_eq!(desk.about(who), [("colleague", CaseState::Open)], "{what}");
        }
    }

    fn a_case_that_waits_closes_itself_when_a_tie_comes(place) {
        let desk = Desk::new(place);
        let colleague = desk.colleague(1);
        desk.mark(colleague, Mark { tier: 1, colleague: Some(desk.dpo.id()), honey: false });
        // A colleague who is in the news.
        for _ in 0..3 {
            desk.read(&desk.hire(&["support"], None, None), colleague);
        }
        desk.read(&desk.ida, colleague);
        assert_eq!(desk.about(&desk.ida), [("colleague", CaseState::Waiting), ("vip", CaseState::Waiting)]);
        desk.pass(1);
        desk.tie(&desk.crm, with(colleague, Holder::Any));
        desk.house.app.sweep().expect("judged again");
        let cases = desk.cases(None);
        assert!(cases.iter().all(|case| case.state == CaseState::Closed && case.outcome == Some(CaseOutcome::Explained)), "{cases:?}");
        assert_eq!(cases[0].closed_by.as_deref(), Some("avouch"));
    }

    fn nothing_is_lost_between_a_look_and_its_case(place) {
        let desk = Desk::new(place);
        let honey = desk.honey(1);
        desk.house.app.keep_watch().expect("kept");
        place.meddle(
            false,
            "create trigger stop before insert on watch_case begin select raise(abort, 'stop'); end",
            "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
             create trigger stop before insert on watch_case for each row execute function stop()",
        );
        desk.read(&desk.ida, honey);
        assert_eq!(desk.about(&desk.ida), []);
        assert!(desk.house.app.keep_watch().is_err(), "what it has come to is not kept without the case");
        place.meddle(false, "drop trigger stop", "drop trigger stop on watch_case");
        let desk = desk.reopen();
        assert_eq!(desk.about(&desk.ida), [("honey", CaseState::Open)], "the next start has found it");
        assert_eq!(desk.cases(None)[0].times, 1);
        let desk = desk.reopen();
        assert_eq!(desk.cases(None)[0].events.len(), 1, "and only once");
    }

    fn what_is_known_outlives_a_crash_and_each_look_counts_once(place) {
        let desk = Desk::new(place);
        let colleague = desk.colleague(1);
        desk.read(&desk.ida, colleague);
        desk.house.app.keep_watch().expect("kept");
        desk.read(&desk.ida, desk.customer(2));
        assert_eq!(desk.house.app.watched().0, 1);
        let desk = desk.reopen();
        assert_eq!(desk.house.app.watched().0, 1);
        desk.pass(48);
        desk.house.app.sweep().expect("given to reviewers");
        let cases = desk.cases(None);
        assert_eq!(cases.iter().map(|case| (case.actor, case.times)).collect::<Vec<_>>(), [(desk.ida.id(), 1)]);
    }

    fn a_damaged_piece_is_learnt_anew_and_a_forged_tie_explains_nothing(place) {
        let desk = Desk::new(place);
        let (one, other) = (desk.colleague(1), desk.colleague(2));
        desk.tie(&desk.crm, with(other, Holder::Actor(desk.ida.id())));
        place.meddle(
            false,
            "update tie set subject = (select subject from subject_mark where subject <> tie.subject)",
            "update tie set subject = (select m.subject from subject_mark m where m.subject <> tie.subject)",
        );
        desk.read(&desk.ida, one);
        desk.house.app.keep_watch().expect("kept");
        place.meddle(false, "update watch_state set sealed = owner", "update watch_state set sealed = owner");
        let desk = desk.reopen();
        desk.pass(48);
        desk.house.app.sweep().expect("given to reviewers");
        assert_eq!(desk.about(&desk.ida), [("colleague", CaseState::Open)], "the events told it again");
    }

    fn a_flood_of_searches_is_noticed_in_ten_minutes(place) {
        let desk = Desk::new(place);
        for number in 0..60 {
            desk.customer(number);
        }
        for number in 0..60 {
            desk.house.search(&desk.ida, json!({"external_id": format!("C-{number}")})).expect("found");
        }
        let cases = desk.about(&desk.ida);
        assert!(cases.iter().any(|case| case.0 == "volume"), "{cases:?}");
        // A program that reads as much is nobody who is curious.
        let shop = desk.house.hire("service", "shop", None);
        for number in 0..60 {
            desk.house.search(&shop, json!({"external_id": format!("C-{number}")})).expect("found");
        }
        assert_eq!(desk.about(&shop), []);
    }

    fn everybody_sees_their_own_looks_and_says_that_they_know(place) {
        let desk = Desk::new(place);
        let ana = desk.customer(1);
        desk.read(&desk.ida, ana);
        desk.house.reveal(&desk.ida, ana, &["email"]).expect("shown");
        desk.read(&desk.dpo, ana);
        let own = |who: &Caller, before| desk.house.act(who, ReadOwnAccesses { before, limit: 1 }).expect("read");
        let page = own(&desk.ida, None);
        assert_eq!((page.items[0].action.as_str(), page.items[0].purpose.as_deref()), ("subject.reveal", Some("support")));
        assert_eq!(page.items[0].fields, ["email"]);
        assert_eq!(page.items[0].reason.as_ref().map(Reason::as_str), Some("the customer is on the phone"));
        let page = own(&desk.ida, page.next);
        assert_eq!((page.items.len(), page.items[0].action.as_str(), page.acknowledged), (1, "subject.read", None));
        assert!(own(&desk.ida, page.next).items.is_empty(), "nobody else's");
        let at = desk.house.act(&desk.ida, AcknowledgeMonitoring).expect("said");
        desk.house.act(&desk.ida, AcknowledgeMonitoring).expect("and again");
        assert_eq!(own(&desk.ida, None).acknowledged, Some(at));
    }

    fn a_key_that_nobody_has_is_refused_like_any_wrong_one_and_noticed(place) {
        let desk = Desk::new(place);
        let key = CreateKey { principal: desk.crm.id(), label: "backup of the old CRM".to_owned(), days: 90, networks: Vec::new() };
        let new = desk.house.act(&desk.house.admin, CreateHoneyKey(key)).expect("made");
        let from = "192.0.2.1".parse().expect("an address");
        assert!(desk.house.app.authenticate(&new.key, from).is_err());
        let touches = |desk: &Desk<'_>| desk.house.events().into_iter().filter(|event| event.what == "honey.touch").collect::<Vec<_>>();
        // A refused key is answered before its record is on the disk.
        let touched = (0..1_000).map(|_| touches(&desk)).find(|found| !found.is_empty()).unwrap_or_default();
        assert_eq!(touched.len(), 1);
        assert_eq!((touched[0].actor, touched[0].credential), ((*desk.crm.id().bytes()).into(), Some((*new.id.bytes()).into())));
        let mut wrong = new.key.to_string();
        wrong.replace_range(wrong.len() - 12..wrong.len() - 8, "0000");
        assert!(desk.house.app.authenticate(&wrong, from).is_err());
        assert_eq!(touches(&desk).len(), 1, "it is not the key");

        // Programs have no cases, and are noticed all the same.
        let honey = desk.honey(1);
        let shop = desk.house.hire("service", "shop", None);
        desk.read(&shop, honey);
        let touched = touches(&desk);
        assert_eq!((touched.len(), touched[0].actor), (2, (*shop.id().bytes()).into()));
        assert!(touched[0].subjects.is_empty() && desk.cases(None).is_empty());
    }

    fn who_opens_what_is_delicate_without_a_tie_is_asked_why(place) {
        let desk = Desk::new(place);
        // A charter that asks nobody for others' word, nor for a reason.
        let mut files = charter_files();
        files.retain(|file| !file.path.ends_with("approvals.cedar"));
        for file in &mut files {
            let lenient = "  title: Helping customers who write or call\n  reason: none\n";
            file.text = file.text.replace("  title: Helping customers who write or call\n", lenient);
        }
        apply(&desk.house, files, 1).expect("applied");
        let (colleague, plain, honey) = (desk.colleague(1), desk.customer(2), desk.honey(3));
        let reveal = |id, reason: Option<&str>| {
            let reason = reason.map(|text| Reason::parse(text).expect("a reason"));
            let fields = vec!["email".to_owned()];
            let shown = desk.house.act(&desk.ida, RevealSubject { id, purpose: Some("support".to_owned()), reason, fields, least: None });
            match shown {
                Err(Error::Refused(refusal)) => (refusal.policies.concat(), refusal.needs),
                shown => (slug(shown).to_owned(), Vec::new()),
            }
        };
        assert_eq!(reveal(plain, None).0, "ok");
        assert_eq!(reveal(honey, None).0, "ok", "it is like any other");
        assert_eq!(reveal(colleague, None), ("watch:untied".to_owned(), vec![Need::Reason]));
        assert_eq!(reveal(colleague, Some("she asked me to look")).0, "ok");
        desk.tie(&desk.crm, with(colleague, Holder::Actor(desk.ida.id())));
        assert_eq!(reveal(colleague, None).0, "ok", "she has called");
    }
}
