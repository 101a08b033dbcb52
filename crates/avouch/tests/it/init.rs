//! Making a vault.

use std::fs;
use std::path::Path;

use crate::program::{Place, mode};

/// Keys and names of sets differ from run to run.
fn without_keys(text: &str) -> String {
    let plain = |word: &str| match word.split_once("-recovery/") {
        _ if word.starts_with("avk_live_") => "KEY\n".to_owned(),
        Some((_, rest)) => word.replace(rest.split(['/', '\n']).next().unwrap(), "SET"),
        None => word.to_owned(),
    };
    text.split_inclusive(char::is_whitespace).map(plain).collect()
}

#[test]
fn a_vault_is_made_in_one_command_and_nobody_else_can_read_it() {
    let place = Place::new();
    let ended = place.run(&["init"]).success();
    insta::assert_snapshot!(without_keys(&ended.out), @"
    A vault was made.

      configuration  avouch.toml (new)
      data           DIR/avouch-data
      charter        DIR/charter (new: an example shop; make it yours)
      root key       DIR/avouch-data-root.key (new)

    Whoever has the root key and a copy of the data can read everything:
    copy the root key to a place apart from this machine, now.

    If the root is lost, any 2 of these shares open the vault. Give each to another person, now, and
    delete the folder here; nobody can make them again:

      DIR/avouch-data-recovery/SET/share-1-of-3.txt
      DIR/avouch-data-recovery/SET/share-2-of-3.txt
      DIR/avouch-data-recovery/SET/share-3-of-3.txt

    When both are lost, nobody can open the vault, and neither can you.

    The administrator's key, for 90 days. It is shown this once:

      KEY

    Next:
      avouch serve
      export AVOUCH_SERVER=http://127.0.0.1:8420 AVOUCH_KEY=  # the key above
      avouch principal create --kind service --name Shop --roles shop
    ");
    let mut found = Vec::new();
    look(&place.path(""), Path::new(""), &mut found);
    found.sort();
    insta::assert_snapshot!(without_keys(&found.join("\n")), @"
    600 avouch-data-recovery/SET/share-1-of-3.txt
    600 avouch-data-recovery/SET/share-2-of-3.txt
    600 avouch-data-recovery/SET/share-3-of-3.txt
    600 avouch-data-root.key
    600 avouch-data/data.db
    600 avouch-data/keys/keys.db
    600 avouch-data/lock
    600 avouch-data/metrics-token
    600 avouch.toml
    600 charter/approvals.yaml
    600 charter/charter.yaml
    600 charter/data.yaml
    600 charter/policies/approvals.cedar
    600 charter/policies/charter.cedar
    600 charter/policies/step_up.cedar
    600 charter/purposes.yaml
    600 charter/recipients.yaml
    600 charter/retention.yaml
    600 charter/roles.yaml
    700 avouch-data
    700 avouch-data-recovery
    700 avouch-data-recovery/SET
    700 avouch-data/keys
    700 charter
    700 charter/policies
    ");
}

fn look(folder: &Path, prefix: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = prefix.join(path.file_name().expect("a name"));
        // The log of a store comes and goes.
        if !name.to_string_lossy().contains(".db-") {
            found.push(format!("{:o} {}", mode(&path), name.display()));
        }
        if path.is_dir() {
            look(&path, &name, found);
        }
    }
}

#[test]
fn a_second_init_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.run(&["init"]).success();
    let before =
        ["avouch.toml", "avouch-data-root.key", "avouch-data/metrics-token"].map(|name| place.read(name));
    insta::assert_snapshot!(place.run(&["init"]).refusal(), @"
    exit code 1
    error: there is a vault here already
    ");
    insta::assert_snapshot!(place.run(&["init", "--data-dir", "other"]).refusal(), @"
    exit code 2
    error: `avouch.toml` says already where things go: change it there, or name another file with --config
    ");
    fs::remove_file(place.path("avouch-data-root.key")).unwrap();
    insta::assert_snapshot!(place.run(&["init"]).refusal(), @"
    exit code 2
    error: `DIR/avouch-data` holds a store, and the root key `DIR/avouch-data-root.key` is not there: put it back, or choose another data_dir
    ");
    assert!(!place.path("avouch-data-root.key").exists(), "a new key would hide that the old one is missing");
    assert_eq!(before[0], place.read("avouch.toml"));
    assert_eq!(before[2], place.read("avouch-data/metrics-token"));
}

#[test]
fn what_goes_wrong_leaves_the_next_attempt_free() {
    let place = Place::new();
    place.write("short", "too short\n");
    crate::program::set_mode(&place.path("short"), 0o600);
    let attempts = [
        ["init", "--passphrase-file", "missing"],
        ["init", "--passphrase-file", "short"],
        ["init", "--root-key", "avouch-data/root.key"],
        ["init", "--admin-role", "support"],
        ["init", "--charter", "nowhere/deep"],
    ]
    .map(|arguments| {
        let refusal = place.run(&arguments).refusal();
        assert!(!place.path("avouch.toml").exists());
        refusal
    })
    .concat();
    insta::assert_snapshot!(attempts, @"
    exit code 1
    error: `DIR/missing`: there is no such file or folder
    exit code 1
    error: the root passphrase `DIR/short` cannot be used: refused parameters: a root passphrase has at least 12 characters
    exit code 1
    error: refusing to go on with unsafe settings
      - [root] path `DIR/avouch-data/root.key` lies in data_dir: whoever copies the data copies the key
        move it out, to a place that no backup of the data includes
    exit code 1
    error: role `support` of the charter cannot hold the first key: it needs `access.change` and holder `staff`
    exit code 1
    error: `DIR/nowhere/deep`: No such file or directory (os error 2)
    ");
    place.run(&["init"]).success();
}

#[test]
fn a_charter_with_problems_makes_no_vault() {
    let place = Place::new();
    fs::create_dir(place.path("charter")).unwrap();
    for name in ["charter", "data", "purposes", "recipients", "retention", "roles"] {
        let text =
            fs::read_to_string(format!("{}/../../charter/{name}.yaml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        place.write(&format!("charter/{name}.yaml"), &text.replace("type: email", "type: mail"));
    }
    insta::assert_snapshot!(place.run(&["init"]).refusal(), @"
    exit code 1
    error: the charter has problems
    data.yaml:61:11: unknown type `mail`
      help: did you mean `email`?
    ");
}

#[test]
fn a_machine_reads_json() {
    let place = Place::new();
    let ended = place.run(&["init", "--json", "--days", "7"]).success();
    let mut made: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert!(made["admin_key"].as_str().unwrap().starts_with("avk_live_"));
    assert_eq!(made["administrator"].as_str().unwrap().len(), 36);
    for changing in ["admin_key", "administrator"] {
        made[changing] = "…".into();
    }
    insta::assert_snapshot!(without_keys(&format!("{made:#}")), @r#"
    {
      "admin_key": "…",
      "admin_key_days": 7,
      "administrator": "…",
      "config": "avouch.toml",
      "data_dir": "DIR/avouch-data",
      "root": "DIR/avouch-data-root.key",
      "recovery": {
        "slot": "shares",
        "threshold": 2,
        "files": [
          "DIR/avouch-data-recovery/SET/share-1-of-3.txt",
          "DIR/avouch-data-recovery/SET/share-2-of-3.txt",
          "DIR/avouch-data-recovery/SET/share-3-of-3.txt"
        ]
      },
      "charter": "DIR/charter",
      "metrics_token_file": "DIR/avouch-data/metrics-token"
    }
    "#);
}
