//! An emergency, from the command line.
#![allow(clippy::indexing_slicing, reason = "a test that cannot go on stops")]

use serde_json::Value;

use crate::program::Place;

/// What somebody does from the command line in an emergency, and afterwards: with a key one learns that somebody has to be there.
#[test]
fn the_glass_is_not_broken_with_a_key() {
    let place = Place::new();
    let admin = place.init();
    let server = place.serve();
    let emergency = place.hire(&server.url, &admin, "staff", "emergency");
    let dpo = place.hire(&server.url, &admin, "staff", "dpo");
    let open = ["break-glass", "open", "--reason", "the ward calls and nobody answers"];
    let ended = place.remote(&server.url, &emergency, &open);
    assert!(ended.code != 0 && ended.err.contains("log in yourself"), "{}", ended.err);
    let listed = place.remote(&server.url, &dpo, &["break-glass", "list", "--json"]).success();
    assert_eq!(serde_json::from_str::<Value>(&listed.out).unwrap()["items"], serde_json::json!([]));
    assert_eq!(place.remote(&server.url, &dpo, &["break-glass", "list"]).success().out, "none\n");
    let nowhere = "01890000-0000-7000-8000-000000000000".to_owned();
    for command in [
        &["show", nowhere.as_str()][..],
        &["end", &nowhere],
        &["review", &nowhere, "--as", "justified", "--why", "it was"],
    ] {
        let ended = place.remote(&server.url, &dpo, &[&["break-glass"], command].concat());
        assert!(ended.code != 0 && ended.err.contains("not-found"), "{command:?}: {}", ended.err);
    }
}
