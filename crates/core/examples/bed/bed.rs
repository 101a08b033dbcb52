//! What the measurements stand on: a vault on SQLite in a temporary directory, with the charter of the load generator, and an
//! application that may do all that is measured.

use std::sync::Arc;

use avouch_charter::SourceFile;
use avouch_core::app::opening::Parts;
use avouch_core::app::{App, Operation};
use avouch_core::clock::ManualClock;
use avouch_core::gate::Caller;
use avouch_core::gate::principals::{CreateKey, CreatePrincipal};
use avouch_core::keys::{Primary, Recovery};
use avouch_core::{Error, MIGRATIONS};
use avouch_seal::SystemRandom;
use avouch_seal::root::KeyFileSeal;
use avouch_testkit::Place;

pub(crate) struct Bed {
    pub(crate) app: Arc<App>,
    pub(crate) application: Caller,
    /// What the application calls with.
    #[allow(dead_code, reason = "only some of the measurements look at it")]
    pub(crate) key: String,
    #[allow(dead_code, reason = "only some of the measurements look at it")]
    admin: Caller,
}

impl Bed {
    pub(crate) fn new(place: &Place) -> Result<Self, Error> {
        let key = || Ok::<_, Error>(KeyFileSeal::generate(&SystemRandom::new())?.0);
        let recovery = key()?;
        let parts = Parts {
            store: place.open(MIGRATIONS)?,
            primary: Primary { seal: Arc::new(key()?), beside_data: false },
            clock: Arc::new(ManualClock::at(1_767_225_600_000_000)),
            environment: "bench".to_owned(),
            erasure: Default::default(),
            witnesses: Default::default(),
            people: Default::default(),
            outbox: Default::default(),
        };
        let seals = [Recovery { slot: "second".to_owned(), seal: &recovery }];
        let made = App::init(parts, &seals, &charter(), "admin", 1).expect("the charter is a good one");
        let caller = |key: &str| {
            made.app.authenticate(key, [127, 0, 0, 1].into()).expect("the key was made a moment ago")
        };
        let admin = caller(&made.key);
        let service = CreatePrincipal {
            kind: "service".to_owned(),
            name: "an application".to_owned(),
            login: None,
            manager: None,
            person: None,
            contact: None,
            roles: vec!["application".to_owned()],
            recipient: None,
            networks: Vec::new(),
            days: None,
        };
        let principal = act(&made.app, &admin, service)?.id;
        let key = CreateKey { principal, label: "bench".to_owned(), days: 1, networks: Vec::new() };
        let key = act(&made.app, &admin, key)?.key.to_string();
        let application = caller(&key);
        Ok(Self { app: made.app, application, key, admin })
    }

    #[allow(dead_code, reason = "only some of the measurements change access")]
    pub(crate) fn by_admin<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        act(&self.app, &self.admin, operation)
    }

    #[allow(dead_code, reason = "one of the measurements only lets somebody in")]
    pub(crate) fn act<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        act(&self.app, &self.application, operation)
    }
}

fn act<O: Operation>(app: &Arc<App>, caller: &Caller, operation: O) -> Result<O::Output, Error> {
    app.perform_wait(caller, operation).map(|done| done.output)
}

/// The charter of the load generator, with more recipients and the application.
fn charter() -> Vec<SourceFile> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/charter");
    let recipient = |kind: &str| {
        format!(
            "\n{kind}s:\n  title: Somebody\n  kind: processor\n  country: DE\n  purposes: [delivery]\n  \
             fields: [name, email, phone, birth_date]\n  tokens: {kind}\n"
        )
    };
    let application = "\napplication:\n  title: An application\n  holder: service\n  \
                       actions: [subject.create, subject.import, subject.reveal, subject.delete, token.create, \
                       token.detokenize, key.rotate, transit.encrypt, transit.decrypt, tie.write]\n  transit: [\"*\"]\n  purposes: \
                       [delivery]\n  sees:\n    - fields: [identity, \
                       contact]\n      reads: clear\n      reveals: clear\n\nclerk:\n  title: A clerk\n  holder: staff\n  \
                       actions: [subject.reveal]\n  purposes: [delivery]\n  sees:\n    - fields: [identity, contact]\n      \
                       reads: clear\n      reveals: clear\n";
    let read = |name: &&str| {
        let mut text = std::fs::read_to_string(folder.join(name)).expect("the charter is in the repository");
        match *name {
            "recipients.yaml" => text.push_str(&["pointer", "random", "value"].map(recipient).concat()),
            "roles.yaml" => text.push_str(application),
            "purposes.yaml" => text = text.replace("phone, address]", "phone, birth_date, address]"),
            _ => {}
        }
        SourceFile { path: (*name).to_owned(), text }
    };
    avouch_charter::Charter::FILES.iter().map(read).collect()
}
