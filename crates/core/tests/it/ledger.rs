//! The event is durable before the plaintext leaves; doing something once is doing it once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use avouch_core::app::{Cx, IdempotencyKey, Once, Operation, Outcome};
use avouch_core::audit::{Ending, Note};
use avouch_core::gate::{Intent, Permit};
use avouch_core::vault::CreateSubject;
use avouch_core::{Error, Rules};
use avouch_policy::Action;
use avouch_store::Tx;
use avouch_testkit::both_engines;
use serde_json::json;

use crate::house::{House, ana, map, slug};

/// Finds damage the first `damaged` times it looks.
struct Look {
    damaged: usize,
    looks: Arc<AtomicUsize>,
}

impl Operation for Look {
    const ACTION: Action = Action::SubjectRead;
    type Output = ();
    type Facts = ();

    fn intent(&self, _: &Rules) -> Result<Intent, Error> {
        Ok(Intent::about(Some("support".to_owned()), None, 1))
    }

    fn facts(&self, _: &mut Tx<'_>, _: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, _: &mut Tx<'_>, _: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<()>, Error> {
        let damaged = self.looks.fetch_add(1, Ordering::Relaxed) < self.damaged;
        if damaged { Err(Error::Tampered) } else { Ok(Outcome::new((), Note::count(0))) }
    }
}

/// Names that a statement compares with its first parameters, in their order.
fn compared(sql: &str, count: usize) -> Vec<String> {
    if let Some(rest) = sql.strip_prefix("insert into ") {
        let columns = rest.split_once('(').and_then(|(_, rest)| rest.split_once(')')).expect("columns").0;
        assert!(rest.contains("values (?1"), "the columns are given in order: {sql}");
        return columns.split(", ").take(count).map(str::to_owned).collect();
    }
    let column = |at: usize| {
        let comparison = format!("= ?{at}");
        let before = sql.match_indices(&comparison).map(|(found, _)| sql[..found].trim_end());
        let compared = before.filter(|before| before.contains(" where ")).last().expect("a comparison");
        compared.rsplit(' ').next().expect("a column").to_owned()
    };
    (1..=count).map(column).collect()
}

#[test]
fn a_statement_that_says_which_rows_it_touches_speaks_the_truth() {
    let mut keys: std::collections::BTreeMap<&str, Vec<String>> = std::collections::BTreeMap::new();
    for statement in avouch_core::statements() {
        let Some(scope) = statement.scope else { continue };
        let sql = statement.sqlite;
        let tables: Vec<&str> = ["from ", "insert into ", "update "]
            .iter()
            .flat_map(|word| sql.match_indices(word).map(|(at, word)| &sql[at + word.len()..]))
            .map(|rest| rest.split([' ', ',', '(']).next().unwrap_or_default())
            .filter(|name| *name != "set")
            .collect();
        assert_eq!(tables, [scope.table], "{sql}");
        let columns = compared(sql, scope.key);
        let known = keys.entry(scope.table).or_default();
        let same = known.len().min(columns.len());
        assert_eq!(known[..same], columns[..same], "{sql}");
        if columns.len() > known.len() {
            *known = columns;
        }
    }
    assert!(keys.len() > 5, "{keys:?}");
}

both_engines! {
    fn every_statement_prepares(place) {
        let house = House::new(place);
        house.app.store().prepare_all(avouch_core::statements()).expect("all statements prepare");
    }

    fn without_a_writable_ledger_nothing_is_shown(place) {
        let house = House::new(place);
        let (shop, support) = (house.hire("service", "shop", None), house.hire("staff", "support", None));
        let id = house.create(&house.importer, ana()).expect("created");
        place.meddle(false, "alter table event rename to gone", "alter table event rename to gone");
        assert_eq!(slug(house.reveal(&support, id, &["name"])), "audit-unavailable");
        assert_eq!(slug(house.read(&support, id)), "audit-unavailable");
        assert_eq!(slug(house.search(&support, json!({"email": "nobody@example.com"}))), "audit-unavailable");
        assert_eq!(slug(house.create(&shop, json!({"name": "B", "email": "b@example.com"}))), "audit-unavailable");
        place.meddle(false, "alter table gone rename to event", "alter table gone rename to event");
        house.reveal(&support, id, &["name"]).expect("works again");
        assert_eq!(house.search(&support, json!({"email": "b@example.com"})).expect("search"), [], "no half creation");
    }

    fn readiness_writes_and_asks_the_stores_once_a_second(place) {
        let house = House::new(place);
        let ready = || {
            let (sender, answer) = std::sync::mpsc::channel();
            house.app.probe(move |result| sender.send(result.is_ok()).expect("the test listens"));
            answer.recv().expect("an answer")
        };
        assert!(ready());
        let full = "create trigger full before update on access_state begin select raise(abort, 'full'); end";
        let full_too = "create function full_disk() returns trigger language plpgsql as \
            $$ begin raise exception 'full'; end $$; \
            create trigger full_disk before update on access_state for each row execute function full_disk()";
        place.meddle(false, full, full_too);
        assert!(ready(), "known for a second");
        house.clock.advance(Duration::from_millis(1_001));
        assert!(!ready(), "it can be read, and not be written");
        place.meddle(false, "drop trigger full", "drop trigger full_disk on access_state");
        assert!(!ready());
        house.clock.advance(Duration::from_millis(1_001));
        assert!(ready());
    }

    fn damage_is_what_a_second_look_confirms(place) {
        let house = House::new(place);
        let support = house.hire("staff", "support", None);
        let look = |damaged| {
            let looks = Arc::new(AtomicUsize::new(0));
            let result = house.act(&support, Look { damaged, looks: Arc::clone(&looks) });
            (slug(result), looks.load(Ordering::Relaxed), house.events()[0].ending)
        };
        // An erasure between the two snapshots of two databases.
        assert_eq!(look(1), ("ok", 2, Ending::Done));
        assert_eq!(look(2), ("integrity", 2, Ending::Failed));
    }

    fn a_repeated_key_gives_the_first_outcome(place) {
        let house = House::new(place);
        let shop = house.hire("service", "shop", None);
        let once = |body: &[u8]| {
            let fields = map(json!({"name": "Ada", "email": "ada@example.com"}));
            let purpose = Some("order_fulfilment".to_owned());
            let operation = CreateSubject::new(&house.app, &fields, purpose, None).expect("valid");
            let key = Some(IdempotencyKey::new("order-1", &[b"POST", body]).expect("a key"));
            house.act(&shop, Once { operation, key })
        };
        let first = once(b"body").expect("created");
        let second = once(b"body").expect("the same outcome");
        assert_eq!((first.id, first.created), (second.id, second.created));
        assert_eq!(slug(once(b"another body")), "idempotency-conflict");
        house.clock.advance(std::time::Duration::from_secs(25 * 3600));
        assert_eq!(slug(once(b"body")), "conflict", "forgotten after a day, and the e-mail is taken");
        assert_eq!(house.app.sweep().expect("sweeps"), 1);
    }
}
