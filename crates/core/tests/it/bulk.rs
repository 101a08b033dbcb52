//! Many customers at once: others agree to a search or to everybody, to these fields, and to so many.

use std::time::Duration;

use avouch_core::gate::approvals::{
    ApprovalShown, ApprovalState, AskApproval, ReadApprovalWork, ReadApprovals, Scope, Vote,
};
use avouch_core::gate::principals::ChangePrincipal;
use avouch_core::gate::{Caller, Reason};
use avouch_core::vault::{Asked, Export, ExportError, ExportFormat, ListSubjects, SearchSubjects};
use avouch_core::{Action, ApprovalId, Error, Need};
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, map, slug};
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

    fn export(&self, fields: &[&str]) -> Result<u64, Error> {
        let export = Export {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            purpose: Some("data_rights".to_owned()),
            reason: Some(Reason::parse("all of them have asked for it").expect("a reason")),
            format: ExportFormat::JsonLines,
            seal_to: None,
        };
        export.run(&self.house().app, &self.ida, Vec::new).map_err(|error| match error {
            ExportError::Operation(error) => error,
            ExportError::Output(error) => panic!("{error}"),
        })
    }

    fn search(&self, by: serde_json::Value, limit: usize) -> Result<usize, Error> {
        let asked = Asked { by: map(by), ..Asked::default() };
        let search =
            SearchSubjects::new(&self.house().app, asked, Some("support".to_owned()), None, None, limit)?;
        self.house().act(&self.ida, search).map(|page| page.items.len())
    }

    fn asked(&self, action: Action, scope: Scope, customers: u32) -> ApprovalId {
        let purpose = if action == Action::SubjectExport { "data_rights" } else { "support" };
        let fields = if action == Action::SubjectExport { vec!["email".to_owned()] } else { Vec::new() };
        let ask = AskApproval {
            approval: "bulk".to_owned(),
            action,
            purpose: purpose.to_owned(),
            scope,
            fields,
            reason: Reason::parse("the supplier has called all of them back").expect("a reason"),
            case_reference: None,
            minutes: None,
            customers: Some(customers),
        };
        self.house().act(&self.ida, ask).expect("asked")
    }

    fn agreed(&self, action: Action, scope: Scope, customers: u32) -> ApprovalId {
        let id = self.asked(action, scope, customers);
        let vote = Vote { id, agrees: true, why: None };
        assert_eq!(self.house().act(&self.security, vote).expect("heard"), ApprovalState::Granted);
        id
    }

    fn shown(&self, who: &Caller) -> ApprovalShown {
        self.house().act(who, ReadApprovals { before: None, limit: 10 }).expect("listed").items.remove(0)
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

fn bulk() -> Vec<Need> {
    vec![Need::Approval { name: "bulk".to_owned() }]
}

both_engines! {
    fn who_carries_customers_out_has_asked_and_carries_out_what_was_agreed_to(place) {
        let desk = Desk::new(place, "dpo");
        assert_eq!(needs(desk.export(&["email"])), bulk());
        let id = desk.asked(Action::SubjectExport, Scope::Everybody, 3);
        // Whoever agrees sees how many that will be, and what she has looked at.
        let shown = desk.shown(&desk.security);
        assert_eq!((shown.predicted, shown.mine_to_give), (Some(3), true));
        let recently = shown.recently.expect("what she has done");
        assert_eq!((recently.customers, recently.clear_values, recently.and_more), (0, 0, false));
        assert_eq!(desk.shown(&desk.ida).predicted, None, "by asking one learns nothing");
        desk.house().act(&desk.security, Vote { id, agrees: true, why: None }).expect("agreed");

        assert_eq!(needs(desk.export(&["email", "phones"])), bulk(), "other fields");
        assert_eq!(desk.export(&["email"]).expect("these"), 3);
        assert_eq!(needs(desk.export(&["email"])), bulk(), "none are left");
        let work = desk.house().act(&desk.security, ReadApprovalWork { id, before: None, limit: 10 }).expect("read").items;
        assert_eq!(work.len(), 1);
        assert_eq!((work[0].action.as_str(), work[0].count), ("subject.export", 3));
        let outsider = desk.house().hire("staff", "support", None);
        assert_eq!(slug(desk.house().act(&outsider, ReadApprovalWork { id, before: None, limit: 10 })), "not-found");
        // The next time it is seen what she has done.
        desk.asked(Action::SubjectExport, Scope::Everybody, 3);
        let recently = desk.shown(&desk.security).recently.expect("what she has done");
        assert_eq!((recently.customers, recently.clear_values), (3, 3));
    }

    fn more_customers_than_were_agreed_to_are_not_carried_out_at_all(place) {
        let desk = Desk::new(place, "dpo");
        desk.agreed(Action::SubjectExport, Scope::Everybody, 2);
        assert_eq!(needs(desk.export(&["email"])), bulk());
        assert_eq!(desk.shown(&desk.ida).remaining, 2, "nothing was taken off");
        let done = desk.house().events().iter().any(|event| event.what == "subject.export" && event.problem.is_none());
        assert!(!done, "and nothing left the house");
    }

    fn many_at_once_are_the_search_that_was_agreed_to(place) {
        let desk = Desk::new(place, "support");
        assert_eq!(desk.search(json!({"name": "Bo Lund"}), 50).expect("a few"), 3);
        assert_eq!(needs(desk.search(json!({"name": "Bo Lund"}), 51)), bulk());
        desk.agreed(Action::SubjectSearch, by_name("Bo Lund"), 7);
        let shown = desk.shown(&desk.security);
        assert_eq!((shown.predicted, shown.searched_by.as_slice()), (Some(3), &["name".to_owned()][..]));
        assert_eq!(needs(desk.search(json!({"email": "bo1@example.org"}), 100)), bulk(), "another search");
        assert_eq!(needs(desk.search(json!({"name": "Bo Lunde"}), 100)), bulk(), "another name");
        let list = ListSubjects { purpose: Some("support".to_owned()), reason: None, after: None, limit: 100 };
        assert_eq!(needs(desk.house().act(&desk.ida, list)), bulk(), "everybody");
        assert_eq!(desk.search(json!({"name": "Bo Lund"}), 100).expect("this one"), 3);
        assert_eq!(desk.search(json!({"name": "Bo Lund"}), 100).expect("and again"), 3);
        assert_eq!(desk.shown(&desk.ida).remaining, 1);
        assert_eq!(needs(desk.search(json!({"name": "Bo Lund"}), 100)), bulk(), "three are more than one");
        assert_eq!(desk.shown(&desk.ida).remaining, 1);
    }

    fn what_is_agreed_to_about_many_is_nothing_else(place) {
        let desk = Desk::new(place, "support");
        let wrong = |action, scope| {
            let ask = AskApproval {
                approval: "bulk".to_owned(), action, purpose: "support".to_owned(), scope, fields: Vec::new(),
                reason: Reason::parse("a try").expect("a reason"), case_reference: None, minutes: None, customers: None,
            };
            slug(desk.house().act(&desk.ida, ask))
        };
        assert_eq!(wrong(Action::SubjectSearch, Scope::Nobody), "validation", "a search without saying which");
        assert_eq!(wrong(Action::SubjectExport, Scope::Nobody), "validation");
        assert_eq!(wrong(Action::SubjectReveal, Scope::Everybody), "validation", "one customer, not all");
        assert_eq!(wrong(Action::SubjectExport, by_name("Bo Lund")), "validation");
        desk.agreed(Action::SubjectList, Scope::Everybody, 100);
        assert_eq!(needs(desk.search(json!({"name": "Bo Lund"}), 100)), bulk(), "listing is no search");
        let list = ListSubjects { purpose: Some("support".to_owned()), reason: None, after: None, limit: 100 };
        assert_eq!(desk.house().act(&desk.ida, list).expect("listed").items.len(), 3);
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
        assert_eq!(desk.shown(&desk.ida).remaining, 2);
    }
}
