//! `charter check`, without a server.

use std::fs;

use crate::program::Place;

#[test]
fn the_charter_of_the_repository_is_sound() {
    let place = Place::new();
    let folder = format!("{}/../../charter", env!("CARGO_MANIFEST_DIR"));
    let ended = place.run(&["charter", "check", "--dir", &folder]).success();
    let last = ended.out.lines().last().unwrap();
    insta::assert_snapshot!(last, @"the charter is sound: 13 fields, 6 warnings");
    let json = place.run(&["charter", "check", "--json", "--dir", &folder]).success();
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json["ok"].as_bool(), json["problems"].as_array().unwrap().len()), (Some(true), 0));
}

#[test]
fn problems_are_told_like_a_compiler_tells_them() {
    let place = Place::new();
    fs::create_dir(place.path("charter")).unwrap();
    place.write(
        "charter/charter.yaml",
        "company: {name: A, country: DE, contact: a@b.example}\nlanguages: [de]\n",
    );
    place.write("charter/data.yaml", "categories: {}\nfields:\n  email:\n    type: mail\n");
    let ended = place.run(&["charter", "check"]);
    assert_eq!(ended.code, 1);
    insta::assert_snapshot!(ended.out, @"
    charter/purposes.yaml:1:1: problem: the file is missing
      help: add `purposes.yaml`; it may be as short as `{}` if there is nothing to say
    charter/recipients.yaml:1:1: problem: the file is missing
      help: add `recipients.yaml`; it may be as short as `{}` if there is nothing to say
    charter/retention.yaml:1:1: problem: the file is missing
      help: add `retention.yaml`; it may be as short as `{}` if there is nothing to say
    charter/roles.yaml:1:1: problem: the file is missing
      help: add `roles.yaml`; it may be as short as `{}` if there is nothing to say
    4 problems to put right
    ");
}
