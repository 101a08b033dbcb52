//! Erasures by a real server with a third list: restored from old files, and proved by a receipt that needs no server.

use std::fs;

use crate::program::{CONFIG, Place};

#[test]
fn old_files_of_both_stores_do_not_bring_anybody_back_and_a_receipt_proves_it() {
    let place = Place::new();
    let admin = place.init();
    place.write("avouch.toml", &format!("{CONFIG}\n[erasure]\nkek_days = 30\ncopy = \"list\"\n"));
    let mut server = place.serve();
    let (support, dpo) = (
        place.hire(&server.url, &admin, "staff", "support"),
        place.hire(&server.url, &admin, "staff", "dpo"),
    );
    let create = ["subject", "create", "name=Ada", "email=ada@example.org", "--purpose", "support", "--json"];
    let made = place.remote(&server.url, &support, &create).success().out;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(server.stop().0.success());
    let files = ["avouch-data/data.db", "avouch-data/keys/keys.db"];
    for file in files {
        fs::copy(place.path(file), place.path(file).with_extension("old")).unwrap();
    }

    let mut server = place.serve();
    let place_hold = ["hold", "place", id, "--reason", "case 4711", "--purpose", "data_rights", "--json"];
    let hold = place.remote(&server.url, &dpo, &place_hold).success().out;
    let hold: serde_json::Value = serde_json::from_str(&hold).unwrap();
    let why = ["--purpose", "data_rights", "--reason", "asked for by letter"];
    let delete = [&["subject", "delete", id, "--json"][..], &why].concat();
    let held = place.remote(&server.url, &dpo, &delete);
    assert!(held.code == 5 && held.err.contains("legal-hold") && !held.err.contains("4711"), "{}", held.err);
    let lift = [&["hold", "lift", id, hold["id"].as_str().unwrap()][..], &why].concat();
    place.remote(&server.url, &dpo, &lift).success();
    let receipt = place.remote(&server.url, &dpo, &delete).success().out;
    place.write("receipt.json", &receipt);
    let key = place.remote(&server.url, &dpo, &["erasures", "verifier-key"]).success().out;
    let again = place.remote(&server.url, &support, &create);
    assert!(again.code == 5 && again.err.contains("erased-person"), "{}", again.err);
    assert!(server.stop().0.success());
    assert_eq!(place.read("list").lines().count(), 1);

    for file in files {
        fs::copy(place.path(file).with_extension("old"), place.path(file)).unwrap();
    }
    let mut server = place.serve();
    let show = ["subject", "show", id, "--purpose", "data_rights"];
    assert_eq!(place.remote(&server.url, &dpo, &show).code, 4);
    let again = place.remote(&server.url, &support, &create);
    assert!(again.code == 5 && again.err.contains("erased-person"), "{}", again.err);
    let come_back: Vec<_> = create.into_iter().chain(["--again"]).collect();
    place.remote(&server.url, &support, &come_back).success();
    assert!(server.stop().0.success());

    // Without a server, and without a key for one.
    let verify = ["erasures", "verify", "receipt.json", "--verifier-key", key.trim()];
    assert!(place.run(&verify).success().out.contains(&format!("\nsubject {id}\n")));
    place.write("receipt.json", &receipt.replace("the whole person", "the whole parson"));
    assert_eq!(place.run(&verify).code, 5);

    place.write("list", &place.read("list").replacen(' ', "  ", 1));
    let refused = place.run(&["serve"]);
    insta::assert_snapshot!(refused.refusal(), @r"
    exit code 1
    error: line 1 of the copy of the list of erasures is damaged: take the line out, or put back the file
    ");
}
