//! What a server lets go of by itself.

use rusqlite::Connection;

use crate::program::Place;

/// More than a day ago, in microseconds.
const TWO_DAYS: i64 = 2 * 24 * 3600 * 1_000_000;

#[test]
fn what_was_kept_for_repeats_is_removed_after_a_day() {
    let place = Place::new();
    let admin = place.init();
    let mut server = place.serve();
    let support = place.hire(&server.url, &admin, "staff", "support");
    for (key, name) in [("old", "name=Ada"), ("new", "name=Zoë")] {
        let create = ["subject", "create", name, "--idempotency-key", key, "--purpose", "support"];
        place.remote(&server.url, &support, &create).success();
    }
    assert!(server.stop().0.success());

    // The clock of a server cannot be set; but its files lie here.
    let open = || Connection::open(place.path("avouch-data/data.db")).unwrap();
    let kept = |store: &Connection| -> i64 {
        store.query_row("select count(*) from idempotency", [], |row| row.get(0)).unwrap()
    };
    let store = open();
    assert_eq!(kept(&store), 2);
    let older = "update idempotency set at = at - ?1 where at = (select min(at) from idempotency)";
    assert_eq!(store.execute(older, [TWO_DAYS]).unwrap(), 1);
    drop(store);

    let mut server = place.serve();
    assert_eq!(kept(&open()), 1);
    assert!(server.stop().0.success());
}
