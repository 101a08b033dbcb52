//! What an identity provider can do with people and groups, what it cannot, and what is left of somebody whom it ends.

use std::collections::BTreeSet;
use std::sync::mpsc;

use avouch_core::charters::ApplyCharter;
use avouch_core::gate::approvals::{ApprovalState, AskApproval, Scope, Vote};
use avouch_core::gate::marks::{Mark, MarkSubject};
use avouch_core::gate::people::{Arrival, CreateLink, LogIn, ReadAccount};
use avouch_core::gate::principals::{ChangePrincipal, CreateKey, CreatePrincipal, ReadPrincipals};
use avouch_core::gate::provisioning::{
    Change, ChangeGroup, ChangeUser, CreateGroup, CreateUser, DeleteGroup, DeleteUser, Expected, Range,
    ReadGroups, ReadUsers, Shown,
};
use avouch_core::gate::{Caller, Reason, Status};
use avouch_core::{Action, Error, GroupId, PrincipalId};
use avouch_scim::{Filter, GROUP, PATCH, Patch, Schema, USER};
use avouch_testkit::{Place, both_engines};
use serde_json::{Value as Json, json};

use crate::charters::charter;
use crate::house::{House, ana, slug};

const FROM: &str = "192.0.2.7";

/// A vault whose charter gives the support's role to a group, and the identity provider that keeps it.
struct Desk<'p> {
    house: House<'p>,
    provider: Caller,
}

impl<'p> Desk<'p> {
    fn new(place: &'p Place) -> Self {
        let house = House::new(place);
        let groups = "support:\n  groups: [Customer Support]\n";
        let files = charter(&[("roles.yaml", "support:\n", groups)]);
        house.act(&house.admin, ApplyCharter { files, base_version: 1 }).expect("applied");
        let provider = house.hire("service", "identity_provider", None);
        Self { house, provider }
    }

    fn act<O: avouch_core::app::Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.house.act(&self.provider, operation)
    }

    fn try_user(&self, more: Json) -> Result<Shown<PrincipalId>, Error> {
        self.act(CreateUser { resource: read(&USER, more) })
    }

    fn user(&self, login: &str) -> PrincipalId {
        self.try_user(json!({"userName": login})).expect("somebody new").id
    }

    fn try_group(&self, name: &str, members: &[PrincipalId]) -> Result<Shown<GroupId>, Error> {
        self.act(CreateGroup { resource: group(name, members) })
    }

    fn patch_user(&self, id: PrincipalId, operations: Json) -> Result<Shown<PrincipalId>, Error> {
        self.act(ChangeUser { id, change: patch(&USER, operations), expected: Expected::Any })
    }

    fn patch_group(&self, id: GroupId, operations: Json) -> Result<Shown<GroupId>, Error> {
        self.act(ChangeGroup { id, change: patch(&GROUP, operations), expected: Expected::Any })
    }

    fn users(&self, filter: &str) -> Vec<PrincipalId> {
        let filter = Some(Filter::parse(filter, &USER).expect("a filter"));
        let listed = self.act(ReadUsers { only: None, filter, range: ALL }).expect("listed");
        listed.items.iter().map(|shown| shown.id).collect()
    }

    fn key(&self, principal: PrincipalId) -> String {
        let create = CreateKey { principal, label: "k".to_owned(), days: 3, networks: Vec::new() };
        self.house.act(&self.house.admin, create).expect("a key").key.to_string()
    }

    /// The token of a session in which they may enrol.
    fn session(&self, principal: PrincipalId) -> String {
        let link =
            self.house.act(&self.house.admin, CreateLink { principal, afresh: false }).expect("a link");
        let arrival = Arrival {
            from: FROM.parse().expect("an address"),
            client: "a browser".to_owned(),
            session: None,
            browser: None,
        };
        let judged = self.house.app.judge_log_in(LogIn::Link(link.secret), &arrival);
        let (caller, begin) = judged.expect("the link lets them in");
        self.house.act(&caller, begin).expect("a session").token.to_string()
    }

    fn caller(&self, secret: &str) -> Option<Caller> {
        self.house.app.authenticate(secret, FROM.parse().expect("an address")).ok()
    }

    fn members(&self, id: GroupId) -> BTreeSet<PrincipalId> {
        self.house.app.access().group(id).expect("the group").members.clone()
    }

    fn change(&self, change: ChangePrincipal) -> Result<(), Error> {
        self.house.act(&self.house.admin, change).map(drop)
    }
}

const ALL: Range = Range { skip: 0, count: 100 };

fn read(schema: &'static Schema, mut body: Json) -> avouch_scim::Resource {
    body["schemas"] = json!([schema.urn]);
    schema.read(&body).expect("a resource")
}

fn group(name: &str, members: &[PrincipalId]) -> avouch_scim::Resource {
    let members: Vec<Json> = members.iter().map(|id| json!({"value": id.to_string()})).collect();
    read(&GROUP, json!({"displayName": name, "members": members}))
}

fn patch(schema: &'static Schema, operations: Json) -> Change {
    let body = json!({"schemas": [PATCH], "Operations": operations});
    Change::Patch(Patch::read(&body, schema).expect("a patch"))
}

fn active(value: bool) -> Json {
    json!([{"op": "replace", "path": "active", "value": value}])
}

both_engines! {
    fn somebody_comes_is_changed_and_goes(place) {
        let desk = Desk::new(place);
        let made = desk.try_user(json!({
            "userName": " Ida@Lindenhof.example", "externalId": "E-1", "displayName": "Ida Sommer",
            "emails": [{"value": "ida@lindenhof.example", "type": "work", "primary": true}],
        })).expect("made");
        assert_eq!(made.resource["userName"], "ida@lindenhof.example");
        assert_eq!(made.resource["active"], true);
        assert_eq!(made.resource["externalId"], "E-1");
        let record = desk.house.app.access().principal(made.id).expect("there").clone();
        assert_eq!((record.kind.as_str(), record.name.as_str(), record.roles.len()), ("staff", "Ida Sommer", 0));

        // Case variants, and the blanks around them, are one account; so is a full-width spelling.
        for twice in ["ida@lindenhof.example", "IDA@LINDENHOF.EXAMPLE", "  Ida@Lindenhof.Example ", "ｉｄａ@lindenhof.example"] {
            assert!(matches!(desk.try_user(json!({"userName": twice})), Err(Error::Taken { .. })), "{twice}");
        }
        assert_eq!(desk.users("userName eq \"IDA@lindenhof.example\""), [made.id]);
        assert_eq!(desk.users("externalId eq \"E-1\" and active eq true"), [made.id]);
        assert_eq!(desk.users("externalId eq \"e-1\""), []);

        let renamed = desk.patch_user(made.id, json!([
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ida@other.example"},
            {"op": "Add", "path": "name.familyName", "value": "Winter"},
            {"op": "Remove", "path": "displayName"},
            {"op": "Add", "path": "name.givenName", "value": "Ida"},
        ])).expect("changed");
        assert_eq!(renamed.resource["emails"][0]["value"], "ida@other.example");
        assert_eq!(desk.house.app.access().principal(made.id).expect("there").name, "Ida Winter");
        assert_ne!(renamed.version, made.version);

        let stale = ChangeUser { id: made.id, change: patch(&USER, active(false)), expected: Expected::These(vec![made.version]) };
        assert_eq!(slug(desk.act(stale)), "precondition-failed");
        let gone = DeleteUser { id: made.id, expected: Expected::These(vec![made.version, renamed.version]) };
        desk.act(gone.clone()).expect("gone");
        assert_eq!(slug(desk.act(DeleteUser { expected: Expected::Any, ..gone })), "not-found");
        assert_eq!(slug(desk.act(ReadUsers { only: Some(made.id), filter: None, range: ALL })), "not-found");
        assert_eq!(slug(desk.patch_user(made.id, active(true))), "not-found");
        assert_eq!(desk.users("userName pr"), []);
        // The id stays for the record of what they did, and nothing by which they could come back.
        let record = desk.house.app.access().principal(made.id).expect("kept").clone();
        assert_eq!((record.status, record.login, record.provisioned), (Status::Suspended, None, None));
        assert_ne!(desk.user("ida@lindenhof.example"), made.id);
        // No event says a word of it.
        assert!(desk.house.events().iter().all(|event| !format!("{event:?}").contains("indenhof")));
    }

    fn whoever_is_ended_is_refused_by_the_very_next_request(place) {
        let desk = Desk::new(place);
        for end in ["patch", "replace", "delete"] {
            let id = desk.user(&format!("{end}@lindenhof.example"));
            desk.try_group(&format!("Group {end}"), &[id]).expect("a group");
            let (key, session) = (desk.key(id), desk.session(id));
            let by_key = desk.caller(&key).expect("the key is good");
            assert!(desk.caller(&session).is_some());
            let link = desk.house.act(&desk.house.admin, CreateLink { principal: id, afresh: false }).expect("a link").secret;
            match end {
                "patch" => drop(desk.patch_user(id, active(false)).expect("ended")),
                "replace" => {
                    let resource = read(&USER, json!({"userName": format!("{end}@lindenhof.example"), "active": false}));
                    let change = Change::Replace(resource);
                    drop(desk.act(ChangeUser { id, change, expected: Expected::Any }).expect("ended"));
                }
                _ => desk.act(DeleteUser { id, expected: Expected::Any }).expect("ended"),
            }
            assert!(desk.caller(&key).is_none() && desk.caller(&session).is_none(), "{end}");
            assert_eq!(slug(desk.house.act(&by_key, ReadAccount)), "not-authenticated");
            let arrival = Arrival { from: FROM.parse().expect("an address"), client: String::new(), session: None, browser: None };
            let refused = desk.house.app.judge_log_in(LogIn::Link(link), &arrival);
            assert_eq!(refused.map(drop).expect_err("the link is gone").slug(), "log-in-failed");
            let mut listed = desk.house.act(&desk.house.admin, ReadPrincipals { only: Some(id) }).expect("kept");
            assert_eq!(listed.pop().expect("one").keys.len(), 0, "{end}: the keys are gone, not only refused");
        }
        // Acting again brings back the account and none of its keys.
        let id = desk.users("userName eq \"patch@lindenhof.example\"")[0];
        desk.patch_user(id, active(true)).expect("back");
        let house = desk.house.reopen();
        assert_eq!(house.act(&house.admin, ReadPrincipals { only: Some(id) }).expect("there")[0].keys.len(), 0);
    }

    fn an_ending_that_breaks_off_has_ended_nothing(place) {
        let desk = Desk::new(place);
        let id = desk.user("ida@lindenhof.example");
        let group = desk.try_group("Customer Support", &[id]).expect("a group").id;
        let (key, session) = (desk.key(id), desk.session(id));
        // The keys and the session go first; what fails is the last that is written.
        for (table, operation) in [("principal", "update"), ("scim_group", "update"), ("event", "insert")] {
            place.meddle(
                false,
                &format!("create trigger stop before {operation} on {table} begin select raise(abort, 'stop'); end"),
                &format!(
                    "create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$; \
                     create trigger stop before {operation} on {table} for each row execute function stop()"
                ),
            );
            assert_ne!(slug(desk.act(DeleteUser { id, expected: Expected::Any })), "ok", "{table}");
            if table != "scim_group" {
                assert_ne!(slug(desk.patch_user(id, active(false))), "ok", "{table}");
            }
            place.meddle(false, "drop trigger stop", &format!("drop trigger stop on {table}; drop function stop()"));
            if table != "scim_group" { continue; }
            assert!(desk.members(group).contains(&id));
        }
        let house = desk.house.reopen();
        let from = FROM.parse().expect("an address");
        house.app.authenticate(&key, from).expect("the key is as good as before");
        house.app.authenticate(&session, from).expect("and so is the session");
        assert!(house.app.access().principal(id).expect("there").is_active());
    }

    fn a_group_gives_what_the_charter_says_for_as_long_as_one_is_in_it(place) {
        let desk = Desk::new(place);
        let subject = desk.house.create(&desk.house.importer, ana()).expect("created");
        let ida = desk.user("ida@lindenhof.example");
        let caller = desk.caller(&desk.key(ida)).expect("a key");
        // Whoever has no role sees what is their own, and nothing else.
        assert!(matches!(desk.house.act(&caller, ReadAccount), Ok(account) if account.roles.is_empty()));
        let look = || {
            let purpose = Some("support".to_owned());
            desk.house.act(&caller, avouch_core::vault::ReadSubject { id: subject, purpose, reason: None })
        };
        assert_eq!(slug(look()), "denied-by-policy");
        // Names that the charter does not have, letter by letter, give nothing.
        for foreign in ["customer support", "Customer  Support", "admin", "Administrators", "support"] {
            let made = desk.try_group(foreign, &[ida]).expect("any group can be kept");
            assert_eq!(slug(look()), "denied-by-policy", "{foreign}");
            desk.act(DeleteGroup { id: made.id, expected: Expected::Any }).expect("gone");
        }
        let group = desk.try_group("Customer Support", &[ida]).expect("the charter has it").id;
        look().expect("support reads");
        let account = desk.house.act(&caller, ReadAccount).expect("their own");
        assert_eq!(account.roles[0].name, "support");
        assert!(account.record.roles.is_empty(), "what is given by hand is apart");
        desk.patch_group(group, json!([{"op": "remove", "path": format!("members[value eq \"{ida}\"]")}])).expect("out");
        assert_eq!(slug(look()), "denied-by-policy");
        desk.patch_group(group, json!([{"op": "add", "path": "members", "value": [{"value": ida.to_string()}]}])).expect("in");
        look().expect("again");
        // A role by hand and one by a group are two things: the one goes without the other.
        desk.change(ChangePrincipal { id: Some(ida), roles: Some(vec!["warehouse".to_owned()]), ..Default::default() }).expect("given");
        desk.act(DeleteGroup { id: group, expected: Expected::Any }).expect("gone");
        assert_eq!(slug(look()), "denied-by-policy");
        assert_eq!(desk.house.app.access().principal(ida).expect("there").roles, ["warehouse"]);
        // And with the group's name goes what it gave, in the charter as here.
        desk.try_group("Customer Support", &[ida]).expect("anew");
        look().expect("once more");
        let files = crate::house::charter_files();
        desk.house.act(&desk.house.admin, ApplyCharter { files, base_version: 2 }).expect("applied");
        assert_eq!(slug(look()), "denied-by-policy");
    }

    fn nobody_but_its_own_is_in_its_reach(place) {
        let desk = Desk::new(place);
        let admin = desk.house.admin.id();
        let support = CreatePrincipal {
            kind: "staff".to_owned(),
            name: "Ben".to_owned(),
            login: Some("ben@lindenhof.example".to_owned()),
            manager: None,
            person: None, contact: None,
            roles: vec!["support".to_owned()],
            recipient: None,
            networks: Vec::new(),
            days: None,
        };
        let ben = desk.house.act(&desk.house.admin, support.clone()).expect("hired").id;
        let boss = CreatePrincipal { login: Some("eve@lindenhof.example".to_owned()), roles: vec!["admin".to_owned()], ..support };
        let eve = desk.house.act(&desk.house.admin, boss).expect("hired").id;
        for other in [admin, ben, eve, desk.provider.id(), PrincipalId::SYSTEM] {
            assert_eq!(slug(desk.patch_user(other, active(false))), "not-found");
            let change = Change::Replace(read(&USER, json!({"userName": "mine@lindenhof.example", "active": false})));
            assert_eq!(slug(desk.act(ChangeUser { id: other, change, expected: Expected::Any })), "not-found");
            assert_eq!(slug(desk.act(DeleteUser { id: other, expected: Expected::Any })), "not-found");
            assert_eq!(slug(desk.act(ReadUsers { only: Some(other), filter: None, range: ALL })), "not-found");
        }
        assert_eq!(desk.users("id pr"), []);
        assert_eq!(desk.users("userName eq \"ben@lindenhof.example\""), []);
        assert!(matches!(desk.try_user(json!({"userName": "BEN@lindenhof.example"})), Err(Error::Taken { .. })));
        let group = desk.try_group("Customer Support", &[admin, ben, eve, desk.provider.id()]).expect("made");
        assert_eq!(desk.members(group.id).len(), 0, "they are nobody to it");

        // An administrator may put somebody within its reach, and take them out of it; nobody who administers.
        let reach = |id, provisioned| ChangePrincipal { id: Some(id), provisioned: Some(provisioned), ..Default::default() };
        assert_eq!(slug(desk.change(reach(admin, true))), "conflict");
        assert_eq!(slug(desk.change(reach(eve, true))), "conflict");
        assert_eq!(slug(desk.change(reach(desk.provider.id(), true))), "validation");
        desk.change(reach(ben, true)).expect("within reach");
        assert_eq!(desk.users("userName eq \"ben@lindenhof.example\""), [ben]);
        desk.patch_group(group.id, json!([{"op": "add", "path": "members", "value": [{"value": ben.to_string()}, {"value": eve.to_string()}]}])).expect("in");
        assert_eq!(desk.members(group.id), BTreeSet::from([ben]));
        desk.patch_user(ben, active(false)).expect("ended");
        assert_eq!(slug(desk.change(ChangePrincipal { id: Some(ben), status: Some(Status::Active), ..Default::default() })), "conflict");
        desk.change(reach(ben, false)).expect("out of reach");
        assert_eq!(desk.members(group.id).len(), 0);
        assert!(!desk.house.app.access().principal(ben).expect("there").is_active(), "who keeps them now decides");
        assert_eq!(slug(desk.patch_user(ben, active(true))), "not-found");

        // Its key is good for nothing else, and nobody else's for this.
        let create = CreatePrincipal {
            kind: "staff".to_owned(), name: "x".to_owned(), login: None, manager: None, person: None, contact: None, roles: vec!["admin".to_owned()], recipient: None,
            networks: Vec::new(), days: None,
        };
        assert_eq!(slug(desk.act(create)), "denied-by-policy");
        assert_eq!(slug(desk.act(ReadPrincipals { only: None })), "denied-by-policy");
        let resource = read(&USER, json!({"userName": "x"}));
        assert_eq!(slug(desk.house.act(&desk.house.admin, CreateUser { resource })), "denied-by-policy");
    }

    fn whoever_is_suspended_here_stays_so_whatever_it_says(place) {
        let desk = Desk::new(place);
        let ida = desk.user("ida@lindenhof.example");
        desk.change(ChangePrincipal { id: Some(ida), status: Some(Status::Suspended), ..Default::default() }).expect("suspended");
        let shown = desk.patch_user(ida, active(true)).expect("said");
        assert_eq!(shown.resource["active"], false);
        assert!(!desk.house.app.access().principal(ida).expect("there").is_active());
        // A change to something else does not take over what it was shown.
        desk.patch_user(ida, json!([{"op": "add", "path": "displayName", "value": "Ida"}])).expect("renamed");
        desk.change(ChangePrincipal { id: Some(ida), status: Some(Status::Active), ..Default::default() }).expect("active");
        assert!(desk.house.app.access().principal(ida).expect("there").is_active());
        // Who says nothing of it in a whole resource does not mean to change it; who takes it back, ends them.
        desk.patch_user(ida, active(false)).expect("ended");
        let change = Change::Replace(read(&USER, json!({"userName": "ida@lindenhof.example"})));
        let shown = desk.act(ChangeUser { id: ida, change, expected: Expected::Any }).expect("replaced");
        assert_eq!(shown.resource["active"], false);
        desk.patch_user(ida, active(true)).expect("back");
        let shown = desk.patch_user(ida, json!([{"op": "remove", "path": "active"}])).expect("taken back");
        assert!(!shown.resource.contains_key("active"));
        assert!(!desk.house.app.access().principal(ida).expect("there").is_active());
    }

    fn an_administrator_brought_back_at_the_host_is_out_of_its_reach(place) {
        let desk = Desk::new(place);
        let ida = desk.user("ida@lindenhof.example");
        let group = desk.try_group("Customer Support", &[ida]).expect("made").id;
        desk.change(ChangePrincipal { id: Some(ida), roles: Some(vec!["admin".to_owned()]), ..Default::default() }).expect("given");
        desk.patch_user(ida, active(false)).expect("whoever leaves is ended, whatever they hold");
        desk.house.app.recover_administrator(Some("Ida@lindenhof.example")).expect("brought back");
        assert!(desk.house.app.access().principal(ida).expect("there").is_active());
        assert_eq!(slug(desk.patch_user(ida, active(false))), "not-found");
        assert_eq!(desk.members(group).len(), 0);
    }

    fn no_change_to_a_group_is_lost_to_another(place) {
        let desk = Desk::new(place);
        let people: Vec<PrincipalId> = (0..24).map(|at| desk.user(&format!("p{at}@lindenhof.example"))).collect();
        let (stay, come) = people.split_at(12);
        let group = desk.try_group("Customer Support", stay).expect("made").id;
        let (sender, receiver) = mpsc::channel();
        let mut sent = 0;
        std::thread::scope(|scope| {
            for (out, into) in stay.iter().zip(come) {
                let operations = [
                    json!([{"op": "Remove", "path": format!("members[value eq \"{out}\"]")}]),
                    json!([{"op": "Add", "path": "members", "value": [{"value": into.to_string()}]}]),
                ];
                for operation in operations {
                    sent += 1;
                    let (sender, desk) = (sender.clone(), &desk);
                    scope.spawn(move || {
                        let change = ChangeGroup { id: group, change: patch(&GROUP, operation), expected: Expected::Any };
                        desk.house.app.perform(&desk.provider, change, move |result| {
                            sender.send(result.is_ok()).expect("the test listens");
                        });
                    });
                }
            }
        });
        assert!(receiver.iter().take(sent).all(|ok| ok));
        let expected: BTreeSet<PrincipalId> = come.iter().copied().collect();
        assert_eq!(desk.members(group), expected);
        let house = desk.house.reopen();
        assert_eq!(house.app.access().group(group).expect("kept").members, expected);
    }

    fn groups_are_found_and_named_once(place) {
        let desk = Desk::new(place);
        let ida = desk.user("ida@lindenhof.example");
        let one = desk.try_group("Customer Support", &[ida]).expect("made");
        let other = desk.try_group("Warehouse", &[]).expect("made");
        for twice in ["Customer Support", "customer support", " CUSTOMER SUPPORT "] {
            assert!(matches!(desk.try_group(twice, &[]), Err(Error::Taken { .. })), "{twice}");
        }
        let rename = json!([{"op": "replace", "path": "displayName", "value": "WAREHOUSE"}]);
        assert!(matches!(desk.patch_group(one.id, rename), Err(Error::Taken { .. })));
        let found = |filter: &str| {
            let filter = Some(Filter::parse(filter, &GROUP).expect("a filter"));
            let listed = desk.act(ReadGroups { only: None, filter, range: ALL }).expect("listed");
            listed.items.iter().map(|shown| shown.id).collect::<Vec<_>>()
        };
        assert_eq!(found("displayName eq \"warehouse\""), [other.id]);
        assert_eq!(found(&format!("members eq \"{ida}\"")), [one.id]);
        assert_eq!(found(&format!("id eq \"{}\" and members[value eq \"{ida}\"]", other.id)), []);
        let shown = desk.act(ReadUsers { only: Some(ida), filter: None, range: ALL }).expect("shown");
        assert_eq!(shown.items[0].resource["groups"], json!([{"value": one.id.to_string(), "display": "Customer Support"}]));
        let page = |skip, count| desk.act(ReadGroups { only: None, filter: None, range: Range { skip, count } }).expect("a page");
        assert_eq!((page(1, 5).total, page(1, 5).items.len(), page(0, 0).items.len(), page(7, 5).items.len()), (2, 1, 0, 0));
        // What changed is in the event, by ids.
        desk.patch_group(one.id, json!([{"op": "remove", "path": "members"}])).expect("emptied");
        let event = &desk.house.events()[0];
        assert_eq!(event.what, "access.provision");
        let objects: Vec<[u8; 16]> = event.objects.iter().map(|id| **id).collect();
        assert_eq!(objects, [*one.id.bytes(), *ida.bytes()]);
        // What cannot be done says so, and is on record.
        let refused = desk.patch_group(one.id, json!([{"op": "remove", "path": "displayName"}]));
        assert_eq!(slug(refused), "validation");
        assert_eq!(desk.house.events()[0].problem.as_deref(), Some("validation"));
    }

    fn what_was_asked_for_and_agreed_to_ends_with_whoever_asked(place) {
        let desk = Desk::new(place);
        let star = desk.house.create(&desk.house.importer, ana()).expect("created");
        let dpo = desk.house.hire("staff", "dpo", None);
        let mark = Mark { tier: 1, colleague: None, honey: false };
        desk.house.act(&dpo, MarkSubject { id: star, mark, purpose: Some("data_rights".to_owned()) }).expect("marked");
        let ida = desk.user("ida@lindenhof.example");
        desk.try_group("Customer Support", &[ida]).expect("a group");
        let support = desk.caller(&desk.key(ida)).expect("a key");
        let ask = AskApproval {
            approval: "well_known".to_owned(),
            action: Action::SubjectReveal,
            purpose: "support".to_owned(),
            scope: Scope::Customer(star),
            fields: vec!["email".to_owned()],
            reason: Reason::parse("she has called about order 4711").expect("a reason"),
            case_reference: None,
            minutes: None,
            customers: None,
        };
        let granted = desk.house.act(&support, ask.clone()).expect("asked");
        assert_eq!(desk.house.act(&dpo, Vote { id: granted, agrees: true, why: None }).expect("agreed"), ApprovalState::Granted);
        let asked = desk.house.act(&support, ask).expect("asked again");
        desk.patch_user(ida, active(false)).expect("ended");
        assert_eq!(slug(desk.house.act(&dpo, Vote { id: asked, agrees: true, why: None })), "conflict");
        desk.patch_user(ida, active(true)).expect("back");
        let support = desk.caller(&desk.key(ida)).expect("another key");
        desk.house.read(&support, star).expect("the group gives what it gave");
        assert_eq!(slug(desk.house.reveal(&support, star, &["email"])), "denied-by-policy", "and nobody has agreed to this");
    }
}
