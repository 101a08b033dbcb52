//! What somebody may do only when others have agreed: and what does not count as others.

use std::time::Duration;

use avouch_core::gate::approvals::{ApprovalState, AskApproval, CancelApproval, ReadApprovals, Scope, Vote};
use avouch_core::gate::marks::{Mark, MarkSubject};
use avouch_core::gate::principals::{ChangePrincipal, CreateKey, CreatePrincipal};
use avouch_core::gate::{Caller, Reason, Status};
use avouch_core::{Action, ApprovalId, Error, Need, SubjectId, View};
use avouch_testkit::both_engines;

use crate::house::{House, ana, caller, slug};

pub(crate) struct Desk<'p> {
    pub(crate) house: House<'p>,
    pub(crate) support: Caller,
    pub(crate) dpo: Caller,
    pub(crate) star: SubjectId,
}

impl<'p> Desk<'p> {
    /// A support desk, a privacy officer, and a customer who is well known.
    pub(crate) fn new(place: &'p avouch_testkit::Place) -> Self {
        let house = House::new(place);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let star = house.create(&house.importer, ana()).expect("created");
        let desk = Self { house, support, dpo, star };
        desk.mark(Mark { tier: 1, colleague: None, honey: false });
        desk
    }

    fn mark(&self, mark: Mark) {
        let operation = MarkSubject { id: self.star, mark, purpose: Some("data_rights".to_owned()) };
        self.house.act(&self.dpo, operation).expect("marked");
    }

    pub(crate) fn ask(&self, fields: &[&str]) -> AskApproval {
        AskApproval {
            approval: "well_known".to_owned(),
            action: Action::SubjectReveal,
            purpose: "support".to_owned(),
            scope: Scope::Customer(self.star),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            reason: Reason::parse("she has called about order 4711").expect("a reason"),
            case_reference: Some("4711".to_owned()),
            minutes: None,
            customers: None,
        }
    }

    fn asked(&self, fields: &[&str]) -> ApprovalId {
        self.house.act(&self.support, self.ask(fields)).expect("asked")
    }

    pub(crate) fn vote(&self, who: &Caller, id: ApprovalId, agrees: bool) -> Result<ApprovalState, Error> {
        self.house.act(who, Vote { id, agrees, why: None })
    }

    fn reveal(&self, fields: &[&str]) -> &'static str {
        slug(self.house.reveal(&self.support, self.star, fields))
    }

    /// Another account with these roles.
    fn account(&self, roles: &[&str], person: Option<&str>, manager: Option<&Caller>) -> Caller {
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

    fn change(&self, change: ChangePrincipal) {
        self.house.act(&self.house.admin, change).expect("changed");
    }
}

both_engines! {
    fn who_is_well_known_is_opened_when_others_have_agreed_and_as_they_have(place) {
        let desk = Desk::new(place);
        let refused = desk.house.reveal(&desk.support, desk.star, &["email"]).expect_err("not alone");
        let Error::Refused(refusal) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.policies, ["policies/approvals.cedar/well-known"]);
        assert_eq!(refusal.needs, [Need::Approval { name: "well_known".to_owned() }]);

        let id = desk.asked(&["email", "name"]);
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy", "asking is not enough");
        let waiting = desk.house.act(&desk.dpo, ReadApprovals { before: None, limit: 10 }).expect("listed").items;
        assert_eq!((waiting.len(), waiting[0].mine_to_give, waiting[0].reason.as_str()), (1, true, "she has called about order 4711"));
        assert_eq!(desk.vote(&desk.dpo, id, true).expect("agreed"), ApprovalState::Granted);

        // What was agreed to, and nothing else.
        assert_eq!(desk.reveal(&["email", "birth_date"]), "denied-by-policy", "another field");
        let other = desk.house.create(&desk.house.importer, serde_json::json!({"name": "Bo", "email": "bo@example.org"})).expect("created");
        desk.house.act(&desk.dpo, MarkSubject { id: other, mark: Mark { tier: 2, colleague: None, honey: false }, purpose: Some("data_rights".to_owned()) }).expect("marked");
        assert_eq!(slug(desk.house.reveal(&desk.support, other, &["email"])), "denied-by-policy", "another customer");
        let colleague = desk.house.hire("staff", "support", None);
        assert_eq!(slug(desk.house.reveal(&colleague, desk.star, &["email"])), "denied-by-policy", "another colleague");

        let shown = desk.house.reveal(&desk.support, desk.star, &["email"]).expect("now it is hers to see");
        assert_eq!(shown.views, [("email".to_owned(), View::Clear)]);
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy", "it was for one look");
    }

    fn nobody_agrees_for_themselves_by_whatever_account(place) {
        let desk = Desk::new(place);
        let both = desk.account(&["support", "dpo"], Some("ida"), None);
        let second = desk.account(&["dpo"], Some("ida"), None);
        let spelt = desk.account(&["dpo"], Some(" IDA"), None);
        let below = desk.account(&["dpo"], None, Some(&both));
        let far_below = desk.account(&["dpo"], None, Some(&below));
        let ask = AskApproval { purpose: "data_rights".to_owned(), ..desk.ask(&["email"]) };
        let id = desk.house.act(&both, ask).expect("asked");
        for (who, what) in [(&both, "herself"), (&second, "her second account"), (&spelt, "one where she is spelt otherwise"), (&below, "who reports to her"), (&far_below, "and to them")] {
            assert_eq!(slug(desk.vote(who, id, true)), "conflict", "{what}");
        }
        assert_eq!(slug(desk.vote(&desk.support, id, true)), "not-found", "somebody without the role learns nothing");
        assert_eq!(slug(desk.house.reveal(&both, desk.star, &["email"])), "denied-by-policy");
        assert_eq!(desk.vote(&desk.dpo, id, true).expect("somebody else"), ApprovalState::Granted);
        desk.house.reveal(&both, desk.star, &["email"]).expect("now");
    }

    fn a_colleague_is_looked_at_with_others_word_and_not_with_their_own(place) {
        let desk = Desk::new(place);
        desk.mark(Mark { tier: 0, colleague: Some(desk.dpo.id()), honey: false });
        let id = desk.asked(&["email"]);
        assert_eq!(slug(desk.vote(&desk.dpo, id, true)), "conflict", "a look at oneself");
        let another = desk.house.hire("staff", "dpo", None);
        assert_eq!(desk.vote(&another, id, true).expect("agreed"), ApprovalState::Granted);
        assert_eq!(desk.reveal(&["email"]), "ok");
        // Oneself is looked at by nobody without another's word.
        desk.mark(Mark { tier: 0, colleague: Some(desk.support.id()), honey: false });
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy");
        desk.mark(Mark::default());
        assert_eq!(desk.reveal(&["email"]), "ok", "nothing is special any more");
    }

    fn what_was_agreed_to_ends(place) {
        let desk = Desk::new(place);
        let granted = || {
            let id = desk.asked(&["email"]);
            desk.vote(&desk.dpo, id, true).expect("agreed");
            id
        };
        granted();
        desk.house.clock.advance(Duration::from_secs(3600));
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy", "an hour later");

        let id = granted();
        desk.house.act(&desk.support, CancelApproval { id }).expect("taken back");
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy", "taken back");
        assert_eq!(slug(desk.house.act(&desk.support, CancelApproval { id })), "conflict");
        assert_eq!(slug(desk.house.act(&desk.dpo, CancelApproval { id })), "not-found", "by whoever asked");

        granted();
        let role = |roles: &[&str]| ChangePrincipal {
            id: Some(desk.dpo.id()), roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()), ..Default::default()
        };
        desk.change(role(&["warehouse"]));
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy", "whoever agreed has not that role any more");
        desk.change(role(&["dpo"]));
        desk.change(ChangePrincipal { id: Some(desk.dpo.id()), status: Some(Status::Suspended), ..Default::default() });
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy", "or is suspended");
        desk.change(ChangePrincipal { id: Some(desk.dpo.id()), status: Some(Status::Active), ..Default::default() });
        assert_eq!(desk.reveal(&["email"]), "ok");

        granted();
        for status in [Status::Suspended, Status::Active] {
            desk.change(ChangePrincipal { id: Some(desk.support.id()), status: Some(status), ..Default::default() });
        }
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy", "who comes back asks anew");

        let id = desk.asked(&["email"]);
        assert_eq!(desk.vote(&desk.dpo, id, false).expect("said no"), ApprovalState::Refused);
        assert_eq!(slug(desk.vote(&desk.dpo, id, true)), "conflict", "a word is a word");
        let id = desk.asked(&["email"]);
        desk.house.clock.advance(Duration::from_secs(3 * 24 * 3600));
        assert_eq!(slug(desk.vote(&desk.dpo, id, true)), "conflict", "nobody spoke for three days");
    }

    fn what_holds_outlives_a_restart_and_is_used_up_once(place) {
        let desk = Desk::new(place);
        let id = desk.asked(&["email"]);
        desk.vote(&desk.dpo, id, true).expect("agreed");
        let Desk { house, support, dpo, star } = desk;
        let desk = Desk { house: house.reopen(), support, dpo, star };
        assert_eq!(desk.reveal(&["email"]), "ok");
        let Desk { house, support, dpo, star } = desk;
        let desk = Desk { house: house.reopen(), support, dpo, star };
        assert_eq!(desk.reveal(&["email"]), "denied-by-policy");
    }

    fn of_two_who_come_for_the_last_one_one_is_let_through(place) {
        let desk = Desk::new(place);
        let id = desk.asked(&["email"]);
        desk.vote(&desk.dpo, id, true).expect("agreed");
        let ends: Vec<&str> = std::thread::scope(|scope| {
            let runs: Vec<_> = (0..8).map(|_| scope.spawn(|| desk.reveal(&["email"]))).collect();
            runs.into_iter().map(|run| run.join().expect("no panic")).collect()
        });
        assert_eq!(ends.iter().filter(|end| **end == "ok").count(), 1, "{ends:?}");
    }

    fn whoever_is_special_is_no_less_so_among_many(place) {
        let desk = Desk::new(place);
        let plain = desk.house.create(&desk.house.importer, serde_json::json!({
            "external_id": "C-2", "name": "Ana Gonçalves", "email": "ana@example.org",
        })).expect("created");
        let found = desk.house.search(&desk.support, serde_json::json!({"name": "Ana Gonçalves"})).expect("found");
        assert_eq!(found.len(), 2);
        let masked = desk.house.read(&desk.support, desk.star).expect("reading is not opening");
        let views = |shown: &avouch_core::vault::ShownSubject| {
            shown.views.iter().find(|(name, _)| name == "email").map(|(_, view)| *view)
        };
        assert_eq!(views(&masked), Some(View::Masked), "what others see in part");
        assert_eq!(views(&desk.house.read(&desk.support, plain).expect("read")), Some(View::Partial));
    }
}
