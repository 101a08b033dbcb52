//! Many customers at once: others agree to a search or to everybody, to these fields, and to so many.

use std::time::Duration;

use avouch_core::gate::approvals::{
    ApprovalShown, ApprovalState, AskApproval, CancelApproval, ReadApprovalWork, ReadApprovals, Scope, Vote,
};
use avouch_core::gate::principals::{ChangePrincipal, CreateKey, CreatePrincipal};
use avouch_core::gate::{Caller, Reason};
use avouch_core::vault::{Asked, Export, ExportError, ExportFormat, ListSubjects, SearchSubjects};
use avouch_core::{Action, ApprovalId, Error, Need};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::charters::{apply, charter};
use crate::house::{House, caller, map, slug};
use crate::log_in::Desk as Door;

struct Desk<'p> {
    door: Door<'p>,
    ida: Caller,
    security: Caller,
}

impl<'p> Desk<'p> {
    /// Ida with this role and a passkey, somebody who agrees, and three customers of one name.
    fn new(place: &'p avouch_testkit::Place, role: &str) -> Self {
        let mut door = Door::with_passkey(place);
        let roles = Some(vec![role.to_owned()]);
        let change = ChangePrincipal { id: Some(door.ida), roles, ..Default::default() };
        door.house.act(&door.house.admin, change).expect("changed");
        // What she logs in with is not new any more.
        door.house.clock.advance(Duration::from_secs(25 * 3600));
        let session = door.by_passkey().expect("logged in");
        let ida = door.caller(&session).expect("a session");
        let security = door.house.hire("staff", "security", None);
        for number in 0..3 {
            let fields = json!({"name": "Bo Lund", "email": format!("bo{number}@example.org")});
            door.house.create(&door.house.importer, fields).expect("created");
        }
        Self { door, ida, security }
    }

    fn house(&self) -> &House<'p> {
        &self.door.house
    }

    fn export_as(&self, who: &Caller, fields: &[&str], purpose: &str) -> Result<u64, Error> {
        let export = Export {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            purpose: Some(purpose.to_owned()),
            reason: Some(Reason::parse("all of them have asked for it").expect("a reason")),
            format: ExportFormat::JsonLines,
            seal_to: None,
        };
        export.run(&self.house().app, who, Vec::new).map_err(|error| match error {
            ExportError::Operation(error) => error,
            ExportError::Output(error) => panic!("{error}"),
        })
    }

    fn export(&self, fields: &[&str]) -> Result<u64, Error> {
        self.export_as(&self.ida, fields, "data_rights")
    }

    fn search_as(&self, who: &Caller, by: serde_json::Value, limit: usize) -> Result<usize, Error> {
        let asked = Asked { by: map(by), ..Asked::default() };
        let purpose = Some("support".to_owned());
        let search = SearchSubjects::new(&self.house().app, asked, purpose, None, None, limit)?;
        self.house().act(who, search).map(|page| page.items.len())
    }

    fn search(&self, by: serde_json::Value, limit: usize) -> Result<usize, Error> {
        self.search_as(&self.ida, by, limit)
    }

    /// A page of everybody.
    fn list(&self, limit: usize) -> Result<usize, Error> {
        let list = ListSubjects { purpose: Some("support".to_owned()), reason: None, after: None, limit };
        self.house().act(&self.ida, list).map(|page| page.items.len())
    }

    fn ask(action: Action, scope: Scope, customers: u32) -> AskApproval {
        let export = action == Action::SubjectExport;
        let [approval, purpose] = if export { ["export", "data_rights"] } else { ["bulk", "support"] };
        AskApproval {
            approval: approval.to_owned(),
            action,
            purpose: purpose.to_owned(),
            scope,
            fields: if export { vec!["email".to_owned()] } else { Vec::new() },
            reason: Reason::parse("the supplier has called all of them back").expect("a reason"),
            case_reference: None,
            minutes: None,
            customers: Some(customers),
        }
    }

    fn asked(&self, action: Action, scope: Scope, customers: u32) -> ApprovalId {
        self.house().act(&self.ida, Self::ask(action, scope, customers)).expect("asked")
    }

    fn vote(&self, who: &Caller, id: ApprovalId) -> Result<ApprovalState, Error> {
        self.house().act(who, Vote { id, agrees: true, why: None })
    }

    /// Asked, and agreed to by as many as it takes.
    fn agreed(&self, action: Action, scope: Scope, customers: u32) -> ApprovalId {
        let id = self.asked(action, scope, customers);
        let mut state = self.vote(&self.security, id).expect("heard");
        if action == Action::SubjectExport {
            state = self.vote(&self.house().admin, id).expect("heard");
        }
        assert_eq!(state, ApprovalState::Granted);
        id
    }

    /// The newest that somebody sees.
    fn shown(&self, who: &Caller) -> ApprovalShown {
        self.house().act(who, ReadApprovals { before: None, limit: 10 }).expect("listed").items.remove(0)
    }

    fn left(&self) -> i64 {
        self.shown(&self.ida).remaining
    }

    /// Another account, and a key of it.
    fn account(&self, role: &str, person: Option<&str>, manager: Option<&Caller>) -> Caller {
        let create = CreatePrincipal {
            kind: "staff".to_owned(),
            name: "Somebody".to_owned(),
            login: None,
            manager: manager.map(Caller::id),
            person: person.map(str::to_owned),
            contact: None,
            roles: vec![role.to_owned()],
            recipient: None,
            networks: Vec::new(),
            days: None,
        };
        let house = self.house();
        let principal = house.act(&house.admin, create).expect("made").id;
        let key = CreateKey { principal, label: "test".to_owned(), days: 1, networks: Vec::new() };
        caller(&house.app, &house.act(&house.admin, key).expect("a key").key)
    }
}

fn by_name(name: &str) -> Scope {
    Scope::Search(Asked { by: map(json!({"name": name})), ..Asked::default() })
}

fn needs<T: core::fmt::Debug>(result: Result<T, Error>) -> Vec<Need> {
    match result.expect_err("refused") {
        Error::Refused(refusal) => refusal.needs,
        error => panic!("{error:?}"),
    }
}

fn word(name: &str) -> Vec<Need> {
    vec![Need::Approval { name: name.to_owned() }]
}

both_engines! {
    fn who_carries_customers_out_has_asked_and_carries_out_what_was_agreed_to(place) {
        let desk = Desk::new(place, "dpo");
        let (house, export) = (desk.house(), word("export"));
        assert_eq!(needs(desk.export(&["email"])), export);
        let id = desk.asked(Action::SubjectExport, Scope::Everybody, 3);
        // Whoever agrees sees how many that will be, and what she has looked at.
        let shown = desk.shown(&desk.security);
        assert_eq!((shown.predicted, shown.mine_to_give, shown.remaining), (Some(3), true, 3));
        let recently = shown.recently.expect("what she has done");
        assert_eq!((recently.customers, recently.clear_values, recently.and_more), (0, 0, false));
        let own = desk.shown(&desk.ida);
        assert_eq!((own.predicted, own.recently), (None, None), "by asking one learns nothing");
        assert_eq!(desk.vote(&desk.security, id).expect("heard"), ApprovalState::Asked);
        assert_eq!(needs(desk.export(&["email"])), export, "one word is not two");
        assert_eq!(slug(desk.vote(&desk.security, id)), "conflict", "nor is one word given twice");
        assert_eq!(desk.vote(&house.admin, id).expect("heard"), ApprovalState::Granted);

        assert_eq!(needs(desk.export(&["email", "phones"])), export, "other fields");
        let colleague = house.hire("staff", "dpo", None);
        assert_eq!(needs(desk.export_as(&colleague, &["email"], "data_rights")), export, "another's word");
        assert_eq!(desk.export(&["email"]).expect("these"), 3);
        assert_eq!(needs(desk.export(&["email"])), export, "none are left");
        let read = |id| ReadApprovalWork { id, before: None, limit: 10 };
        let work = house.act(&desk.security, read(id)).expect("read").items;
        assert_eq!(work.len(), 1);
        assert_eq!((work[0].action.as_str(), work[0].count), ("subject.export", 3));
        let outsider = house.hire("staff", "support", None);
        assert_eq!(slug(house.act(&outsider, read(id))), "not-found");
        // The next time it is seen what she has done, and what was used up stands in nobody's way.
        let again = desk.asked(Action::SubjectExport, Scope::Everybody, 3);
        let recently = desk.shown(&desk.security).recently.expect("what she has done");
        assert_eq!((recently.customers, recently.clear_values), (3, 3));
        desk.vote(&desk.security, again).expect("heard");
        desk.vote(&house.admin, again).expect("heard");
        assert_eq!(desk.export(&["email"]).expect("once more"), 3);
    }

    fn more_customers_than_were_agreed_to_are_not_carried_out_at_all(place) {
        let desk = Desk::new(place, "dpo");
        desk.agreed(Action::SubjectExport, Scope::Everybody, 2);
        assert_eq!(needs(desk.export(&["email"])), word("export"));
        assert_eq!(desk.left(), 2, "nothing was taken off");
        let done = |event: &avouch_core::audit::Event| event.what == "subject.export" && event.problem.is_none();
        assert!(!desk.house().events().iter().any(done), "and nothing left the house");
        // Somebody who comes while it is agreed to is one more than was agreed to.
        desk.agreed(Action::SubjectExport, Scope::Everybody, 3);
        let house = desk.house();
        house.create(&house.importer, json!({"name": "Bo Lund", "email": "bo4@example.org"})).expect("created");
        assert_eq!(needs(desk.export(&["email"])), word("export"));
        assert_eq!(desk.left(), 3);
    }

    fn nobody_agrees_to_their_own_export_by_whatever_account(place) {
        let desk = Desk::new(place, "dpo");
        let house = desk.house();
        let person = |id, person: &str| ChangePrincipal { id: Some(id), person: Some(person.to_owned()), ..Default::default() };
        house.act(&house.admin, person(desk.ida.id(), "ida")).expect("changed");
        let second = desk.account("security", Some(" IDA"), None);
        let below = desk.account("security", None, Some(&desk.ida));
        let id = desk.asked(Action::SubjectExport, Scope::Everybody, 3);
        for (who, what) in [(&second, "her second account"), (&below, "who reports to her")] {
            assert_eq!(slug(desk.vote(who, id)), "conflict", "{what}");
        }
        assert_eq!(slug(desk.vote(&desk.ida, id)), "not-found", "she has no word in it");
        // Two roles of one human being are one word.
        let (one, other) = (desk.account("security", Some("eve"), None), desk.account("admin", Some("Eve"), None));
        assert_eq!(desk.vote(&one, id).expect("heard"), ApprovalState::Asked);
        assert_eq!(slug(desk.vote(&other, id)), "conflict", "she has spoken");
        assert_eq!(needs(desk.export(&["email"])), word("export"));
        // And when they turn out to be one after both have agreed, it does not hold any more.
        let another = desk.account("admin", None, None);
        assert_eq!(desk.vote(&another, id).expect("heard"), ApprovalState::Granted);
        house.act(&house.admin, person(another.id(), "eve")).expect("changed");
        assert_eq!(needs(desk.export(&["email"])), word("export"), "one human being");
        house.act(&house.admin, person(another.id(), "adam")).expect("changed");
        assert_eq!(desk.export(&["email"]).expect("two again"), 3);
    }

    fn many_at_once_are_the_search_that_was_agreed_to(place) {
        let desk = Desk::new(place, "support");
        let bulk = word("bulk");
        assert_eq!(desk.search(json!({"name": "Bo Lund"}), 50).expect("a few"), 3);
        assert_eq!(needs(desk.search(json!({"name": "Bo Lund"}), 51)), bulk);
        let by_key = desk.account("support", None, None);
        assert_eq!(needs(desk.search_as(&by_key, json!({"name": "Bo Lund"}), 51)), bulk, "nor with a key");
        desk.agreed(Action::SubjectSearch, by_name("Bo Lund"), 7);
        let shown = desk.shown(&desk.security);
        assert_eq!((shown.predicted, shown.searched_by.as_slice()), (Some(3), &["name".to_owned()][..]));
        assert!(shown.fields.contains(&"email".to_owned()), "whoever agrees sees what it shows: {:?}", shown.fields);
        assert_eq!(needs(desk.search(json!({"email": "bo1@example.org"}), 100)), bulk, "another search");
        assert_eq!(needs(desk.search(json!({"name": "Bo Lunde"}), 100)), bulk, "another name");
        assert_eq!(needs(desk.list(100)), bulk, "everybody");
        assert_eq!(desk.search(json!({"name": "Bo Lund"}), 100).expect("this one"), 3);
        assert_eq!(desk.search(json!({"name": "Bo Lund"}), 100).expect("and again"), 3);
        assert_eq!(desk.left(), 1);
        assert_eq!(needs(desk.search(json!({"name": "Bo Lund"}), 100)), bulk, "three are more than one");
        assert_eq!(desk.left(), 1);
    }

    fn what_is_agreed_to_about_many_is_nothing_else(place) {
        let desk = Desk::new(place, "support");
        let asks = |ask: AskApproval| slug(desk.house().act(&desk.ida, ask));
        let ask = |action, scope| Desk::ask(action, scope, 1);
        assert_eq!(asks(ask(Action::SubjectSearch, Scope::Nobody)), "validation", "a search without saying which");
        assert_eq!(asks(ask(Action::SubjectExport, Scope::Nobody)), "validation");
        assert_eq!(asks(ask(Action::SubjectReveal, Scope::Everybody)), "validation", "one customer, not all");
        assert_eq!(asks(ask(Action::SubjectExport, by_name("Bo Lund"))), "validation");
        let some = AskApproval { fields: vec!["name".to_owned()], ..ask(Action::SubjectList, Scope::Everybody) };
        assert_eq!(asks(some), "validation", "a list shows what it shows");
        desk.agreed(Action::SubjectList, Scope::Everybody, 100);
        assert_eq!(needs(desk.search(json!({"name": "Bo Lund"}), 100)), word("bulk"), "listing is no search");
        assert_eq!(desk.list(100).expect("listed"), 3);
        // A program asks for nobody's word: whoever is behind it could be whoever agrees.
        let program = &desk.house().importer;
        assert_eq!(slug(desk.house().act(program, ask(Action::SubjectList, Scope::Everybody))), "denied-by-policy");
    }

    fn what_was_agreed_to_about_many_ends(place) {
        let desk = Desk::new(place, "support");
        // With a key, which does not end when nobody works with it.
        let desk = Desk { ida: desk.account("support", None, None), ..desk };
        let search = || desk.search(json!({"name": "Bo Lund"}), 100);
        let id = desk.agreed(Action::SubjectSearch, by_name("Bo Lund"), 100);
        search().expect("while it holds");
        desk.house().act(&desk.ida, CancelApproval { id }).expect("taken back");
        assert_eq!(needs(search()), word("bulk"), "taken back");
        desk.agreed(Action::SubjectSearch, by_name("Bo Lund"), 100);
        desk.house().clock.advance(Duration::from_secs(2 * 3600 - 60));
        search().expect("nearly two hours");
        desk.house().clock.advance(Duration::from_secs(60));
        assert_eq!(needs(search()), word("bulk"), "two hours later");
    }

    fn what_comes_to_nothing_takes_nobody_off(place) {
        let desk = Desk::new(place, "support");
        let least = [("roles.yaml", "daily: {subjects: 5_000, clear_fields: 20_000}", "daily: {subjects: 2, clear_fields: 9}")];
        apply(desk.house(), charter(&least), 1).expect("applied");
        desk.agreed(Action::SubjectSearch, by_name("Bo Lund"), 7);
        let refused = desk.search(json!({"name": "Bo Lund"}), 100);
        assert!(matches!(needs(refused)[..], [Need::Quota { .. }]), "three are more than two a day");
        assert_eq!(desk.left(), 7, "and nobody is taken off for whom nobody was shown");
        assert_eq!(desk.search(json!({"name": "Nobody"}), 50).expect("nobody"), 0);
        assert_eq!(desk.left(), 7);
        // As it was written down, whatever happens to the server.
        let Desk { door: Door { house, .. }, ida, security } = desk;
        let house = house.reopen();
        let shown = house.act(&security, ReadApprovals { before: None, limit: 10 }).expect("listed").items.remove(0);
        assert_eq!((shown.remaining, shown.requester, shown.state), (7, ida.id(), ApprovalState::Granted));
    }

    fn of_many_who_come_at_once_so_many_are_let_through_as_were_agreed_to(place) {
        let desk = Desk::new(place, "support");
        desk.agreed(Action::SubjectSearch, by_name("Bo Lund"), 8);
        let ends: Vec<bool> = std::thread::scope(|scope| {
            let search = || desk.search(json!({"name": "Bo Lund"}), 100).is_ok();
            let runs: Vec<_> = (0..6).map(|_| scope.spawn(search)).collect();
            runs.into_iter().map(|run| run.join().expect("no panic")).collect()
        });
        assert_eq!(ends.iter().filter(|done| **done).count(), 2, "{ends:?}");
        assert_eq!(desk.left(), 2);
    }

    fn of_two_exports_at_once_one_is_whole_and_the_other_is_none(place) {
        let desk = Desk::new(place, "dpo");
        desk.agreed(Action::SubjectExport, Scope::Everybody, 5);
        let ends: Vec<_> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| desk.export(&["email"]).ok())).collect();
            runs.into_iter().map(|run| run.join().expect("no panic")).collect()
        });
        assert_eq!(ends.iter().flatten().collect::<Vec<_>>(), [&3], "{ends:?}");
        assert_eq!(desk.left(), 2);
    }
}
