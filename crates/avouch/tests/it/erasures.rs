//! Erasures by a real server with a third list: restored from old files, and proved by a receipt that needs no server.

use std::fs;
use std::path::Path;

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
    // With the journals, where the last of a server's threads had no time to empty them.
    let files = ["data.db", "data.db-wal", "keys/keys.db", "keys/keys.db-wal"];
    let files = files.map(|file| place.path("avouch-data").join(file));
    let old = |file: &Path| file.with_extension(format!("{}-old", file.extension().unwrap().display()));
    for file in files.iter().filter(|file| file.exists()) {
        fs::copy(file, old(file)).unwrap();
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

    for file in &files {
        drop(fs::remove_file(file));
        if old(file).exists() {
            fs::copy(old(file), file).unwrap();
        }
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
