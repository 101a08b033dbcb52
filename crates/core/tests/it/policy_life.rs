//! The life of a policy: drafted by one, agreed to by another, in force as it was agreed to, and taken back in one step.

use std::time::Duration;

use avouch_charter::SourceFile;
use avouch_core::charters::drafts::DraftShown;
use avouch_core::charters::{
    ActivateDraft, ApplyCharter, CurrentCharter, DraftCharter, ReadDraft, ReadDrafts, ReplayChange,
    ReplayDraft, Replayed, RevertCharter, Versions, WithdrawDraft,
};
use avouch_core::gate::approvals::{ApprovalState, AskApproval, ReadApprovals, Scope, Vote};
use avouch_core::gate::marks::{Mark, MarkSubject};
use avouch_core::gate::principals::ChangePrincipal;
use avouch_core::gate::{Caller, Reason, Status};
use avouch_core::{Action, DraftId, Error, Need, SubjectId};
use avouch_testkit::both_engines;

use crate::house::{House, ana, shop_files, slug};

/// A shop whose charter has a second person look at another, and its people.
struct Shop<'p> {
    house: House<'p>,
    admin: Caller,
    support: Caller,
    dpo: Caller,
    ana: SubjectId,
}

impl<'p> Shop<'p> {
    fn new(place: &'p avouch_testkit::Place) -> Self {
        let house = House::new(place);
        let version = house.act(&house.admin, ApplyCharter { files: shop_files(), base_version: 1 });
        assert_eq!(version.expect("the rule itself"), 2);
        let (support, dpo) = (house.hire("staff", "support", None), house.hire("staff", "dpo", None));
        let ana = house.create(&house.importer, ana()).expect("created");
        Self { admin: house.admin.clone(), house, support, dpo, ana }
    }

    fn draft(&self, files: Vec<SourceFile>) -> Result<DraftShown, Error> {
        let why = Reason::parse("support asks for less").expect("a reason");
        self.house.act(&self.admin, DraftCharter { files, why })
    }

    fn vote(&self, who: &Caller, drafted: &DraftShown) -> Result<ApprovalState, Error> {
        self.house.act(who, Vote { id: drafted.draft.asked[0].id, agrees: true, why: None })
    }

    fn activate(&self, id: DraftId) -> Result<u32, Error> {
        self.house.act(&self.admin, ActivateDraft { id })
    }
}

/// The shop's charter with one part of a file replaced.
fn changed(path: &str, before: &str, after: &str) -> Vec<SourceFile> {
    let mut files = shop_files();
    let file = files.iter_mut().find(|file| file.path == path).expect("the charter has this file");
    assert!(file.text.contains(before), "the default charter has changed: change this test");
    file.text = file.text.replacen(before, after, 1);
    files
}

/// Support opens no birth dates any more.
fn less() -> Vec<SourceFile> {
    changed(
        "roles.yaml",
        "    - fields: [birth_date, notes]\n      reads: masked\n      reveals: clear\n\nwarehouse:",
        "    - fields: [notes]\n      reads: masked\n      reveals: clear\n\nwarehouse:",
    )
}

impl Shop<'_> {
    fn replay(&self, who: &Caller, drafted: &DraftShown, days: u32) -> Replayed {
        self.house.act(who, ReplayDraft { id: drafted.draft.id, days, before: None }).expect("replayed")
    }
}

/// Changes in a line each, without who it was.
fn lines(replayed: &Replayed) -> Vec<String> {
    let line = |change: &ReplayChange| {
        let (roles, purpose) = (change.roles.join("+"), change.purpose.as_deref().unwrap_or("-"));
        let field = change.field.as_deref().unwrap_or("-");
        format!("{roles} {} {purpose} {field}: {:?} ×{}", change.action, change.becomes, change.times)
    };
    let mut lines: Vec<_> = replayed.changes.iter().map(line).collect();
    lines.sort();
    lines
}

both_engines! {
    fn a_replay_says_who_gains_and_who_loses_and_what_it_cannot_say(place) {
        let shop = Shop::new(place);
        let house = &shop.house;
        for _ in 0..3 {
            house.reveal(&shop.support, shop.ana, &["birth_date", "email"]).expect("support opens birth dates");
        }
        house.read(&shop.support, shop.ana).expect("and sees them masked");
        let warehouse = house.hire("staff", "warehouse", None);
        assert_eq!(slug(house.reveal(&warehouse, shop.ana, &["name"])), "denied-by-policy");
        house.search(&shop.support, serde_json::json!({"email": "ana.goncalves@example.com"})).expect("found");
        let gone = house.hire("staff", "support", None);
        house.reveal(&gone, shop.ana, &["birth_date"]).expect("once in support");
        let to = |roles: &[&str]| ChangePrincipal { id: Some(gone.id()), roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()), ..Default::default() };
        house.act(&house.admin, to(&["warehouse"])).expect("in the warehouse by now");
        assert_eq!(slug(house.read(&shop.support, SubjectId::from_bytes([7; 16]))), "not-found");

        // Support opens no birth dates and finds nobody by e-mail address; the warehouse opens names.
        let mut files = less();
        for file in files.iter_mut().filter(|file| file.path == "roles.yaml") {
            let before = "  actions: [subject.read, subject.search]\n  purposes: [order_fulfilment]\n  daily: {subjects: 5_000}\n  sees:\n    - fields: [external_id]\n      reads: clear\n    - fields: [name, address]\n      reads: partial\n";
            assert!(file.text.contains(before), "the default charter has changed: change this test");
            file.text = file.text.replace(before, &before.replace("subject.search]", "subject.search, subject.reveal]").replace("      reads: partial\n", "      reads: partial\n      reveals: clear\n"));
            let before = "    - fields: [name, contact]\n      reads: partial\n      reveals: clear\n    - fields: [notes]";
            assert!(file.text.contains(before), "the default charter has changed: change this test");
            file.text = file.text.replace(before, "    - fields: [name, phones]\n      reads: partial\n      reveals: clear\n    - fields: [notes]");
        }
        let drafted = shop.draft(files).expect("drafted");
        let replayed = shop.replay(&shop.dpo, &drafted, 30);
        insta::allow_duplicates! { insta::assert_snapshot!(lines(&replayed).join("\n"), @r"
        support subject.read support address: Less(Partial, Nothing) ×1
        support subject.read support birth_date: Less(Masked, Nothing) ×1
        support subject.read support email: Less(Partial, Nothing) ×1
        support subject.reveal support birth_date: Refused ×3
        support subject.reveal support email: Refused ×3
        support subject.search support email: Refused ×1
        warehouse subject.reveal order_fulfilment -: Allowed ×1
        "); }
        assert_eq!((replayed.next, replayed.more, replayed.base_version), (None, 0, 2));
        let left = replayed.left_out;
        assert_eq!((left.failed, left.otherwise_today), (1, 2), "not found; the rule itself, and whoever changed roles {left:?}");
        assert_eq!((left.facts_not_kept, left.gone), (0, 0), "{left:?}");
        let names: Vec<_> = replayed.changes.iter().map(|change| change.name.as_str()).collect();
        assert!(names.contains(&"the support"), "{names:?}");

        // What was never asked shows nothing, and nobody learns by it who may not.
        house.clock.advance(Duration::from_secs(2 * 24 * 3600));
        assert_eq!(lines(&shop.replay(&shop.dpo, &drafted, 1)), [] as [String; 0], "nothing of yesterday");
        assert_eq!(slug(house.act(&shop.support, ReplayDraft { id: drafted.draft.id, days: 30, before: None })), "denied-by-policy");
        assert_eq!(slug(house.act(&shop.dpo, ReplayDraft { id: drafted.draft.id, days: 0, before: None })), "validation");
    }

    fn what_becomes_of_a_decision_is_what_the_replay_has_said(place) {
        let shop = Shop::new(place);
        let house = &shop.house;
        // Whoever is well known, with others' word and without.
        let mark = Mark { tier: 1, colleague: None, honey: false };
        house.act(&shop.dpo, MarkSubject { id: shop.ana, mark, purpose: Some("data_rights".to_owned()) }).expect("marked");
        assert_eq!(slug(house.reveal(&shop.support, shop.ana, &["email"])), "denied-by-policy");
        let ask = AskApproval {
            approval: "well_known".to_owned(), action: Action::SubjectReveal, purpose: "support".to_owned(), scope: Scope::Customer(shop.ana),
            fields: vec!["email".to_owned()], reason: Reason::parse("she has called").expect("a reason"), case_reference: None, minutes: None, customers: None,
        };
        let id = house.act(&shop.support, ask).expect("asked");
        house.act(&shop.dpo, Vote { id, agrees: true, why: None }).expect("agreed");
        house.reveal(&shop.support, shop.ana, &["email"]).expect("agreed to");
        let same = shop.replay(&shop.dpo, &shop.draft(shop_files()).expect("drafted"), 30);
        assert_eq!((same.changes.len(), same.left_out.otherwise_today), (0, 1), "nothing changes but what the rule itself came by: {:?}", lines(&same));
        assert!(same.same > 5, "{same:?}");

        let mut without: Vec<_> = shop_files().into_iter().filter(|file| file.path != "policies/approvals.cedar").collect();
        let drafted = shop.draft(without.clone()).expect("drafted");
        assert_eq!(lines(&shop.replay(&shop.dpo, &drafted, 30)), ["support subject.reveal support -: Allowed ×1"]);
        without.push(SourceFile { path: "policies/stricter.cedar".to_owned(), text: r#"
            @id("two") @advice("approval:well_known")
            forbid (principal, action == Action::"subject.reveal", resource)
            when { context.tier > 0 && context.approvers < 2 };
        "#.to_owned() });
        let drafted = shop.draft(without).expect("drafted");
        assert_eq!(lines(&shop.replay(&shop.dpo, &drafted, 30)), ["support subject.reveal support -: Refused ×1"]);
    }

    fn a_charter_is_drafted_by_one_agreed_to_by_another_and_taken_back_in_one_step(place) {
        let shop = Shop::new(place);
        let house = &shop.house;
        house.reveal(&shop.support, shop.ana, &["birth_date"]).expect("support opens birth dates");
        let refused = house.act(&shop.admin, ApplyCharter { files: less(), base_version: 2 }).expect_err("not alone");
        let Error::Refused(refusal) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.needs, [Need::Approval { name: "charter_change".to_owned() }]);
        assert_eq!(refusal.policies, ["policies/charter.cedar/second-person"]);

        let drafted = shop.draft(less()).expect("drafted");
        let id = drafted.draft.id;
        assert_eq!((drafted.draft.base_version, drafted.draft.asked.len(), drafted.changes.len()), (2, 1, 1), "{:?}", drafted.changes);
        assert_eq!(slug(shop.activate(id)), "denied-by-policy", "asking is not enough");
        house.reveal(&shop.support, shop.ana, &["birth_date"]).expect("a draft is not in force");

        // She has a word in it, sees what it is about, and gives it.
        let waiting = house.act(&shop.dpo, ReadApprovals { before: None, limit: 10 }).expect("listed").items;
        assert_eq!((waiting[0].mine_to_give, waiting[0].draft), (true, Some(id)));
        let seen = house.act(&shop.dpo, ReadDraft { id }).expect("shown");
        assert_eq!((seen.draft.why.as_str(), seen.files.len()), ("support asks for less", shop_files().len()));
        assert_eq!(shop.vote(&shop.dpo, &drafted).expect("agreed"), ApprovalState::Granted);

        assert_eq!(shop.activate(id).expect("in force"), 3);
        let (_, version) = house.act(&shop.admin, CurrentCharter).expect("read");
        assert_eq!(version.digest, drafted.draft.digest, "exactly what was agreed to");
        assert_eq!(house.act(&shop.admin, ReadDrafts).expect("listed").len(), 0);
        assert_eq!(slug(shop.activate(id)), "not-found", "once");
        let events = house.events();
        let applied = events.iter().find(|event| event.what == "charter.apply" && event.problem.is_none()).expect("on record");
        let asked = *drafted.draft.asked[0].id.bytes();
        assert_eq!(applied.objects.iter().map(|id| **id).collect::<Vec<_>>(), [*id.bytes(), asked], "the draft and the word");
        assert!(applied.policies.iter().all(|policy| !policy.starts_with("nobody-else:")));

        assert_eq!(slug(house.reveal(&shop.support, shop.ana, &["birth_date"])), "denied-by-policy");
        let refused = house.events().into_iter().find(|event| event.what == "subject.reveal").expect("on record");
        assert_eq!((refused.charter, refused.problem.as_deref()), (3, Some("denied-by-policy")), "it names the version");

        // One step back, by whoever applies, and nobody is asked.
        assert_eq!(house.act(&shop.admin, RevertCharter { base_version: 3 }).expect("back"), 4);
        house.reveal(&shop.support, shop.ana, &["birth_date"]).expect("as it was");
        let versions = house.act(&shop.admin, Versions { only: None }).expect("listed");
        assert_eq!((versions[0].summary.as_str(), &versions[0].digest), ("back to version 2", &versions[2].digest));
        let back = house.events().into_iter().find(|event| event.what == "charter.revert").expect("on record");
        assert_eq!((back.charter, back.ending), (3, avouch_core::audit::Ending::Done));
        assert_eq!(slug(house.act(&shop.admin, RevertCharter { base_version: 3 })), "conflict", "whoever comes late");
        assert_eq!(slug(house.act(&shop.dpo, RevertCharter { base_version: 4 })), "denied-by-policy", "by whoever may");
    }

    fn nobody_agrees_to_their_own_charter_by_whatever_account(place) {
        let shop = Shop::new(place);
        let ida = shop.house.account(&["admin", "dpo"], Some("ida"), None);
        let (second, below) = (shop.house.account(&["dpo"], Some("ida"), None), shop.house.account(&["dpo"], None, Some(&ida)));
        let shop = Shop { admin: ida, ..shop };
        let drafted = shop.draft(less()).expect("drafted");
        for (who, what) in [(&shop.admin, "herself"), (&second, "her second account"), (&below, "who reports to her")] {
            assert_eq!(slug(shop.vote(who, &drafted)), "conflict", "{what}");
        }
        assert_eq!(slug(shop.vote(&shop.support, &drafted)), "not-found", "who has no word in it");
        assert_eq!(slug(shop.activate(drafted.draft.id)), "denied-by-policy");
        assert_eq!(shop.vote(&shop.dpo, &drafted).expect("somebody else"), ApprovalState::Granted);
        assert_eq!(slug(shop.house.act(&shop.house.admin, ActivateDraft { id: drafted.draft.id })), "denied-by-policy", "it was agreed to for her");
        assert_eq!(shop.activate(drafted.draft.id).expect("now"), 3);
    }

    fn what_was_agreed_to_is_one_draft_and_one_version(place) {
        let shop = Shop::new(place);
        let house = &shop.house;
        let agreed = shop.draft(less()).expect("drafted");
        shop.vote(&shop.dpo, &agreed).expect("agreed");
        // Another text is another draft, whoever agreed to the first.
        let more = changed("roles.yaml", "    - subject.search\n    - subject.reveal\n    - subject.update\n    - subject.history\n    - subject.accesses\n    - tie.write", "    - subject.search\n    - subject.reveal\n    - subject.update\n    - subject.delete\n    - subject.history\n    - subject.accesses\n    - tie.write");
        let other = shop.draft(more.clone()).expect("drafted");
        assert_ne!(agreed.draft.digest, other.draft.digest);
        assert_eq!(slug(shop.activate(other.draft.id)), "denied-by-policy");
        assert_eq!(slug(house.act(&shop.admin, ApplyCharter { files: more.clone(), base_version: 2 })), "denied-by-policy");
        assert_eq!(slug(house.act(&shop.admin, ApplyCharter { files: less(), base_version: 2 })), "denied-by-policy", "files are no draft");
        // Nor does a word that was asked for in another way count for a charter.
        let ask = AskApproval {
            approval: "charter_change".to_owned(), action: Action::CharterApply, purpose: "support".to_owned(), scope: Scope::Nobody,
            fields: Vec::new(), reason: Reason::parse("to be quick").expect("a reason"), case_reference: None, minutes: None, customers: None,
        };
        let blank = house.act(&shop.admin, ask).expect("asked");
        house.act(&shop.dpo, Vote { id: blank, agrees: true, why: None }).expect("agreed");
        assert_eq!(slug(house.act(&shop.admin, ApplyCharter { files: more, base_version: 2 })), "denied-by-policy");
        assert_eq!(slug(shop.activate(other.draft.id)), "denied-by-policy");

        // Another version comes between: both are over, agreed to or not.
        house.act(&shop.admin, RevertCharter { base_version: 2 }).expect("back to the first");
        house.act(&shop.admin, RevertCharter { base_version: 3 }).expect("and forth");
        assert!(house.act(&shop.dpo, ReadDrafts).expect("listed").iter().all(|draft| draft.stale));
        assert_eq!(slug(shop.activate(agreed.draft.id)), "conflict", "it has to be drafted again");
        assert_eq!(slug(shop.vote(&shop.dpo, &other)), "conflict");
        let again = shop.draft(less()).expect("drafted again");
        shop.vote(&shop.dpo, &again).expect("agreed");
        assert_eq!(shop.activate(again.draft.id).expect("in force"), 5);
    }

    fn a_word_on_a_draft_is_over_in_time_and_with_whoever_gave_it(place) {
        let shop = Shop::new(place);
        let drafted = shop.draft(less()).expect("drafted");
        shop.vote(&shop.dpo, &drafted).expect("agreed");
        let status = |status| shop.house.act(&shop.house.admin, ChangePrincipal { id: Some(shop.dpo.id()), status: Some(status), ..Default::default() });
        status(Status::Suspended).expect("suspended");
        let other = shop.house.account(&["dpo"], None, None);
        assert_eq!(slug(shop.activate(drafted.draft.id)), "denied-by-policy", "she has no word any more");
        status(Status::Active).expect("back");
        shop.house.clock.advance(Duration::from_secs(480 * 60 + 1));
        assert_eq!(slug(shop.activate(drafted.draft.id)), "denied-by-policy", "eight hours later");
        let again = shop.draft(less()).expect("drafted");
        shop.vote(&other, &again).expect("agreed");
        shop.house.act(&shop.admin, WithdrawDraft { id: again.draft.id }).expect("taken back");
        assert_eq!(slug(shop.activate(again.draft.id)), "denied-by-policy", "nobody has agreed to what is not there");
        assert_eq!(slug(shop.vote(&shop.dpo, &again)), "conflict", "it is over");
        shop.house.clock.advance(Duration::from_secs(31 * 24 * 3600));
        shop.house.app.sweep().expect("swept");
        assert_eq!(shop.house.act(&shop.house.admin, ReadDrafts).map(|drafts| drafts.len()).ok(), None, "her key is over by then");
    }

    fn a_sole_administrator_waits_for_nobody_and_the_record_says_so(place) {
        let house = House::new(place);
        house.act(&house.admin, ApplyCharter { files: shop_files(), base_version: 1 }).expect("the rule itself");
        let why = || Reason::parse("first days").expect("a reason");
        let drafted = house.act(&house.admin, DraftCharter { files: less(), why: why() }).expect("drafted");
        assert_eq!(drafted.draft.asked, [], "nobody is there to ask");
        assert_eq!(house.act(&house.admin, ActivateDraft { id: drafted.draft.id }).expect("in force"), 3);
        let applied = house.events().into_iter().find(|event| event.what == "charter.apply").expect("on record");
        assert!(applied.policies.contains(&"nobody-else:charter_change".to_owned()), "{:?}", applied.policies);
        // From the moment that somebody is there, they are asked.
        let dpo = house.hire("staff", "dpo", None);
        let apply = || ApplyCharter { files: shop_files(), base_version: 3 };
        assert_eq!(slug(house.act(&house.admin, apply())), "denied-by-policy");
        let change = ChangePrincipal { id: Some(dpo.id()), status: Some(Status::Suspended), ..Default::default() };
        house.act(&house.admin, change).expect("suspended");
        assert_eq!(house.act(&house.admin, apply()).expect("alone again"), 4);
    }

    fn everything_that_is_wrong_with_a_draft_is_said_at_once(place) {
        let shop = Shop::new(place);
        let faults = |files: Vec<SourceFile>| match shop.draft(files) {
            Err(Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let policy = |text: &str| SourceFile { path: "policies/own.cedar".to_owned(), text: text.to_owned() };
        // Values that would not fit any more, and a policy that is none: one list.
        let mut whole = changed("data.yaml", "max: 4000", "max: 3000");
        whole.push(policy("forbid (principal, action, resource) when { context.nights };"));
        let found = faults(whole);
        assert_eq!(found.len(), 3, "no advice, no such fact, and too long: {found:?}");
        let mut broken = changed("roles.yaml", "support:\n", "support:\n  nonsense: 1\n");
        broken.push(policy("forbid (principal, action resource);"));
        let found = faults(broken);
        assert!(found.iter().any(|at| at.starts_with("/files/roles.yaml")), "{found:?}");
        assert!(found.iter().any(|at| at.starts_with("/files/policies/own.cedar")), "{found:?}");
        assert_eq!(shop.house.act(&shop.admin, ReadDrafts).expect("listed").len(), 0, "nothing is kept");
    }

    fn a_draft_that_was_changed_in_the_store_is_none(place) {
        let shop = Shop::new(place);
        let (one, other) = (shop.draft(less()).expect("drafted"), shop.draft(shop_files()).expect("drafted"));
        shop.vote(&shop.dpo, &one).expect("agreed");
        let swap = "create table swapped as select * from charter_draft; \
                    update charter_draft set files = \
                    (select files from swapped where swapped.id <> charter_draft.id); \
                    drop table swapped;";
        place.meddle(false, swap, swap);
        assert_eq!(slug(shop.activate(one.draft.id)), "integrity");
        assert_eq!(slug(shop.house.act(&shop.dpo, ReadDraft { id: other.draft.id })), "integrity");
        place.meddle(false, swap, swap);
        assert_eq!(shop.activate(one.draft.id).expect("as it was"), 3);
    }

    fn a_way_back_that_the_data_cannot_go_is_refused(place) {
        let shop = Shop::new(place);
        let longer = changed("data.yaml", "max: 4000", "max: 8000");
        let drafted = shop.draft(longer).expect("drafted");
        shop.vote(&shop.dpo, &drafted).expect("agreed");
        assert_eq!(shop.activate(drafted.draft.id).expect("in force"), 3);
        assert_eq!(slug(shop.house.act(&shop.admin, RevertCharter { base_version: 3 })), "validation");
    }
}
