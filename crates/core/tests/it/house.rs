//! A vault for one test: the default charter, a clock turned by hand, and the people who work with it.

use std::sync::Arc;
use std::time::Duration;

use avouch_authn::passkey::RelyingParty;
use avouch_charter::SourceFile;
use avouch_core::app::opening::{OpeningError, Parts};
use avouch_core::app::{App, Done, Once, Operation};
use avouch_core::audit::Event;
use avouch_core::audit::read::{Filter, ReadEvents};
use avouch_core::clock::ManualClock;
use avouch_core::erasure::ErasureSettings;
use avouch_core::gate::approvals::{ApprovalState, AskApproval, Scope, Vote};
use avouch_core::gate::people::PeopleSettings;
use avouch_core::gate::principals::{CreateKey, CreatePrincipal};
use avouch_core::gate::{Caller, Reason};
use avouch_core::keys::{Primary, Recovery};
use avouch_core::ledger::Witnesses;
use avouch_core::outbox::{Channel, OutboxSettings};
use avouch_core::vault::{
    Asked, CreateSubject, ReadSubject, Returning, RevealSubject, SearchSubjects, ShownSubject, UpdateSubject,
    Updated,
};
use avouch_core::{Action, ApprovalId, Error, MIGRATIONS, SubjectId};
use avouch_seal::SystemRandom;
use avouch_seal::root::KeyFileSeal;
use avouch_testkit::Place;
use serde_json::{Map, Value as Json, json};

/// 2026-01-01.
const START: i64 = 1_767_225_600_000_000;

/// See the module.
pub(crate) struct House<'p> {
    pub(crate) place: &'p Place,
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) admin: Caller,
    /// Carries customers in, with any field: no other role works for a purpose that covers all of them.
    pub(crate) importer: Caller,
    pub(crate) seals: Arc<Seals>,
    pub(crate) erasure: ErasureSettings,
    pub(crate) witnesses: Witnesses,
}

/// Who works with a vault, without it: what is left when it is lost.
#[derive(Clone)]
pub(crate) struct Keepers {
    clock: Arc<ManualClock>,
    admin: Caller,
    importer: Caller,
    seals: Arc<Seals>,
    pub(crate) erasure: ErasureSettings,
    pub(crate) witnesses: Witnesses,
}

impl Keepers {
    /// What a vault is brought back with.
    pub(crate) fn parts(&self, place: &Place) -> Parts {
        Parts {
            erasure: self.erasure.clone(),
            witnesses: self.witnesses.clone(),
            ..parts(place, self.seals.primary(), &self.clock)
        }
    }

    /// At work again.
    pub(crate) fn with<'p>(&self, place: &'p Place, app: Arc<App>) -> House<'p> {
        let Self { clock, admin, importer, seals, erasure, witnesses } = self.clone();
        House { place, app, clock, admin, importer, seals, erasure, witnesses }
    }
}

/// What opens the vault: at each start, and when that is lost.
pub(crate) struct Seals {
    pub(crate) root: Arc<KeyFileSeal>,
    pub(crate) recovery: KeyFileSeal,
}

impl Seals {
    pub(crate) fn new() -> Self {
        let key = || KeyFileSeal::generate(&SystemRandom::new()).expect("random").0;
        Self { root: Arc::new(key()), recovery: key() }
    }

    pub(crate) fn recovery(&self) -> Recovery<'_> {
        Recovery { slot: "second".to_owned(), seal: &self.recovery }
    }

    pub(crate) fn primary(&self) -> Primary {
        Primary { seal: self.root.clone(), beside_data: false }
    }
}

/// The default charter but for its rule that a second person agrees to another: what follows from that is in `policy_life`.
pub(crate) fn charter_files() -> Vec<SourceFile> {
    shop_files().into_iter().filter(|file| file.path != "policies/charter.cedar").collect()
}

/// The default charter.
pub(crate) fn shop_files() -> Vec<SourceFile> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
    let mut files = Vec::new();
    for name in avouch_charter::Charter::FILES.iter().chain(avouch_charter::Charter::OPTIONAL) {
        let text = std::fs::read_to_string(folder.join(name)).expect("the default charter is there");
        files.push(SourceFile { path: (*name).to_owned(), text });
    }
    let policies = folder.join("policies");
    if policies.is_dir() {
        for entry in std::fs::read_dir(policies).expect("readable") {
            let path = entry.expect("readable").path();
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("readable");
            files.push(SourceFile { path: format!("policies/{name}"), text });
        }
    }
    files
}

/// Where people log in.
pub(crate) const ORIGIN: &str = "http://localhost:8443";

pub(crate) fn site() -> RelyingParty {
    RelyingParty::new("localhost", ORIGIN, "Lindenhof").expect("a site")
}

/// What a vault is made or opened with.
pub(crate) fn parts(place: &Place, primary: Primary, clock: &Arc<ManualClock>) -> Parts {
    let store = place.open(MIGRATIONS).expect("opens");
    let erasure = ErasureSettings::default();
    Parts {
        store,
        primary,
        clock: clock.clone(),
        environment: "test".to_owned(),
        erasure,
        witnesses: Default::default(),
        people: PeopleSettings { relying_party: Some(site()), ..PeopleSettings::default() },
        outbox: OutboxSettings { alarms: vec![Channel::Hook("desk".to_owned())], mail: true },
    }
}

impl<'p> House<'p> {
    pub(crate) fn new(place: &'p Place) -> Self {
        Self::try_new(place).expect("a new vault")
    }

    /// One whose erasures are kept so.
    pub(crate) fn with(place: &'p Place, erasure: ErasureSettings) -> Self {
        Self::try_with(place, erasure, Witnesses::default()).expect("a new vault")
    }

    /// One whose log others sign too.
    pub(crate) fn witnessed(place: &'p Place, witnesses: Witnesses) -> Self {
        Self::try_with(place, ErasureSettings::default(), witnesses).expect("a new vault")
    }

    pub(crate) fn try_new(place: &'p Place) -> Result<Self, OpeningError> {
        Self::try_with(place, ErasureSettings::default(), Witnesses::default())
    }

    fn try_with(
        place: &'p Place,
        erasure: ErasureSettings,
        witnesses: Witnesses,
    ) -> Result<Self, OpeningError> {
        let clock = Arc::new(ManualClock::at(START));
        let seals = Arc::new(Seals::new());
        let made = App::init(
            Parts {
                erasure: erasure.clone(),
                witnesses: witnesses.clone(),
                ..parts(place, seals.primary(), &clock)
            },
            &[seals.recovery()],
            &charter_files(),
            "admin",
            30,
        )?;
        let admin = caller(&made.app, &made.key);
        let importer = admin.clone();
        let mut house = Self { place, app: made.app, clock, importer, admin, seals, erasure, witnesses };
        house.importer = house.hire("service", "importer", None);
        Ok(house)
    }

    /// As after a crash: everything in memory is gone.
    pub(crate) fn crash(self) {
        self.app.store().close();
    }

    /// [`House::crash`], and a new start.
    pub(crate) fn reopen(self) -> Self {
        self.reopened_after(|| ())
    }

    /// The same, with something done while nobody has the files open.
    pub(crate) fn reopened_after(self, meanwhile: impl FnOnce()) -> Self {
        let (place, keepers) = (self.place, self.shut());
        meanwhile();
        let app = App::open(keepers.parts(place)).expect("the vault opens again");
        keepers.with(place, app)
    }

    /// A new start, with other settings for people.
    pub(crate) fn reopened_with(self, people: PeopleSettings) -> Self {
        let (place, keepers) = (self.place, self.shut());
        let people = PeopleSettings { relying_party: Some(site()), ..people };
        let parts = Parts { people, ..keepers.parts(place) };
        keepers.with(place, App::open(parts).expect("the vault opens again"))
    }

    pub(crate) fn keepers(&self) -> Keepers {
        let (clock, admin, importer) = (self.clock.clone(), self.admin.clone(), self.importer.clone());
        let (seals, erasure, witnesses) = (self.seals.clone(), self.erasure.clone(), self.witnesses.clone());
        Keepers { clock, admin, importer, seals, erasure, witnesses }
    }

    /// [`House::crash`], and nobody has the files open any more.
    pub(crate) fn shut(self) -> Keepers {
        let keepers = self.keepers();
        let mut app = self.app;
        app.store().close();
        // What still answers holds it too; whoever lets go last waits for the store's threads, and that must be us.
        while let Err(shared) = Arc::try_unwrap(app) {
            app = shared;
            std::thread::yield_now();
        }
        keepers
    }

    /// After a change that keeps the vault shut with this message, and SQL on the data store that mends it.
    pub(crate) fn reopened_only_if(self, mending: &str, message: &str) -> Self {
        let (place, clock) = (self.place, self.clock.clone());
        let primary = self.seals.primary();
        self.reopened_after(|| {
            let refused = App::open(parts(place, primary, &clock)).expect_err("it must not open");
            assert_eq!(refused.to_string(), message);
            place.meddle(false, mending, mending);
        })
    }

    /// Another account of staff with these roles, of this human being and under this manager.
    pub(crate) fn account(&self, roles: &[&str], person: Option<&str>, manager: Option<&Caller>) -> Caller {
        let create = CreatePrincipal {
            kind: "staff".to_owned(),
            name: "Somebody".to_owned(),
            login: None,
            contact: None,
            manager: manager.map(Caller::id),
            person: person.map(str::to_owned),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            recipient: None,
            networks: Vec::new(),
            days: None,
        };
        let principal = self.act(&self.admin, create).expect("made").id;
        let key = CreateKey { principal, label: "test".to_owned(), days: 1, networks: Vec::new() };
        caller(&self.app, &self.act(&self.admin, key).expect("a key").key)
    }

    /// A principal of a kind with a role, ready to call.
    pub(crate) fn hire(&self, kind: &str, role: &str, recipient: Option<&str>) -> Caller {
        let principal = self
            .act(
                &self.admin,
                CreatePrincipal {
                    kind: kind.to_owned(),
                    name: format!("the {role}"),
                    login: None,
                    manager: None,
                    person: None,
                    contact: None,
                    roles: vec![role.to_owned()],
                    recipient: recipient.map(str::to_owned),
                    networks: Vec::new(),
                    days: None,
                },
            )
            .expect("the charter has this role");
        let key = self
            .act(
                &self.admin,
                CreateKey {
                    principal: principal.id,
                    label: "test".to_owned(),
                    days: 30,
                    networks: Vec::new(),
                },
            )
            .expect("a key");
        caller(&self.app, &key.key)
    }

    pub(crate) fn act<O: Operation>(&self, caller: &Caller, operation: O) -> Result<O::Output, Error> {
        self.perform(caller, operation).map(|done| done.output)
    }

    pub(crate) fn perform<O: Operation>(
        &self,
        caller: &Caller,
        operation: O,
    ) -> Result<Done<O::Output>, Error> {
        self.clock.advance(Duration::from_millis(1));
        self.app.perform_wait(caller, operation)
    }

    pub(crate) fn create(&self, caller: &Caller, fields: Json) -> Result<SubjectId, Error> {
        self.bring(caller, fields, Returning::Ask)
    }

    /// [`House::create`], also of somebody who was erased.
    pub(crate) fn bring(
        &self,
        caller: &Caller,
        fields: Json,
        returning: Returning,
    ) -> Result<SubjectId, Error> {
        let operation =
            CreateSubject::new(&self.app, &map(fields), Some(purpose_of(caller).to_owned()), None)?
                .returning(returning);
        self.act(caller, Once { operation, key: None }).map(|created| created.id)
    }

    pub(crate) fn read(&self, caller: &Caller, id: SubjectId) -> Result<ShownSubject, Error> {
        self.act(caller, ReadSubject { id, purpose: Some(purpose_of(caller).to_owned()), reason: None })
    }

    pub(crate) fn reveal(
        &self,
        caller: &Caller,
        id: SubjectId,
        fields: &[&str],
    ) -> Result<ShownSubject, Error> {
        self.act(
            caller,
            RevealSubject {
                id,
                purpose: Some(purpose_of(caller).to_owned()),
                reason: Some(Reason::parse("the customer is on the phone").expect("a reason")),
                fields: fields.iter().map(|field| (*field).to_owned()).collect(),
                least: None,
            },
        )
    }

    pub(crate) fn update(
        &self,
        caller: &Caller,
        id: SubjectId,
        version: u64,
        fields: Json,
    ) -> Result<Updated, Error> {
        let purpose = Some(purpose_of(caller).to_owned());
        let operation = UpdateSubject::new(&self.app, id, version, &map(fields), purpose, None)?;
        self.act(caller, operation)
    }

    pub(crate) fn search(&self, caller: &Caller, by: Json) -> Result<Vec<SubjectId>, Error> {
        let purpose = Some(purpose_of(caller).to_owned());
        let asked = Asked { by: map(by), ..Asked::default() };
        let operation = SearchSubjects::new(&self.app, asked, purpose, None, None, 25)?;
        Ok(self.act(caller, operation)?.items.iter().map(|shown| shown.id).collect())
    }

    /// Two others agree that somebody carries customers out with these fields.
    pub(crate) fn agree_to_export(&self, who: &Caller, fields: &[&str], customers: u32) -> ApprovalId {
        let ask = AskApproval {
            approval: "export".to_owned(),
            action: Action::SubjectExport,
            purpose: "data_rights".to_owned(),
            scope: Scope::Everybody,
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            reason: Reason::parse("all of them have asked for it").expect("a reason"),
            case_reference: None,
            minutes: None,
            customers: Some(customers),
        };
        let id = self.act(who, ask).expect("asked");
        let security = self.hire("staff", "security", None);
        let vote = Vote { id, agrees: true, why: None };
        assert_eq!(
            self.act(&security, vote.clone()).expect("heard"),
            ApprovalState::Asked,
            "one is not enough"
        );
        assert_eq!(self.act(&self.admin, vote).expect("heard"), ApprovalState::Granted);
        id
    }

    /// The newest events, newest first, without those of reading them.
    pub(crate) fn events(&self) -> Vec<Event> {
        let auditor = self.admin.clone();
        let read = ReadEvents { before: None, filter: Filter::default(), limit: 100 };
        let events = self.act(&auditor, read).expect("the administrator reads events");
        events
            .items
            .into_iter()
            .map(|listed| listed.event)
            .filter(|event| event.what != "event.read")
            .collect()
    }
}

pub(crate) fn caller(app: &Arc<App>, key: &str) -> Caller {
    app.authenticate(key, "127.0.0.1".parse().expect("an address")).expect("the key is valid")
}

/// The purpose each role of the default charter works for.
fn purpose_of(caller: &Caller) -> &'static str {
    match caller.roles().first().map(String::as_str) {
        Some("support" | "emergency") => "support",
        Some("dpo") => "data_rights",
        Some("accountant") => "accounting",
        Some("fraud_desk") => "fraud_prevention",
        Some("importer" | "admin") => "administration",
        _ => "order_fulfilment",
    }
}

pub(crate) fn map(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

pub(crate) fn ana() -> Json {
    json!({
        "external_id": "C-1001",
        "name": "Ana Gonçalves",
        "email": "Ana.Goncalves@example.com",
        "phones": ["+351 912 345 678", "+351 21 123 4567"],
        "address": {"street": "Rua das Flores 7", "city": "Lisboa", "postal_code": "1200-192", "country": "PT"},
        "birth_date": "1984-05-17",
        "card_number": "4242 4242 4242 4242",
        "language": "pt",
        "notes": "prefers to be called in the morning"
    })
}

pub(crate) fn slug<T>(result: Result<T, Error>) -> &'static str {
    result.err().map_or("ok", |error| error.slug())
}
