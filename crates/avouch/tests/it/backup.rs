//! Backups as an operator meets them: made by a server at work or without one, verified, and a vault brought back from them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{CONFIG, Place, Running};

const BACKUP: &str = "\n[backup]\ndata_dir = \"backups/data\"\nkeys_dir = \"backups/keys\"\n";

/// A vault with one customer, and a server at work.
struct Shop {
    place: Place,
    admin: String,
    support: String,
    customer: String,
    server: Running,
}

impl Shop {
    fn open() -> Self {
        let place = Place::new();
        let admin = place.init();
        place.write("avouch.toml", &format!("{CONFIG}{BACKUP}"));
        let server = place.serve();
        let support = place.hire(&server.url, &admin, "staff", "support");
        let customer = create(&place, &server, &support, "Inés Moreau", "ines.moreau@post.example");
        Self { place, admin, support, customer, server }
    }

    fn remote(&self, arguments: &[&str]) -> crate::program::Ended {
        self.place.remote(&self.server.url, &self.admin, arguments)
    }
}

fn create(place: &Place, server: &Running, key: &str, name: &str, email: &str) -> String {
    let (name, email) = (format!("name={name}"), format!("email={email}"));
    let create = ["subject", "create", &name, &email, "--purpose", "support", "--json"];
    let created: Value =
        serde_json::from_str(&place.remote(&server.url, key, &create).success().out).unwrap();
    created["id"].as_str().unwrap().to_owned()
}

/// The files of a folder, oldest first.
fn files(place: &Place, store: &str) -> Vec<PathBuf> {
    let folder = place.path("backups").join(store);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn old_data_beside_todays_keys_brings_back_everybody_but_the_erased() {
    let mut shop = Shop::open();
    let erased = create(&shop.place, &shop.server, &shop.support, "Bob Builder", "bob@post.example");
    let made = shop.remote(&["backup"]).success().out;
    let lines: Vec<_> =
        made.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines, ["store run", "data 1", "keys 1"], "{made}");
    let dpo = shop.place.hire(&shop.server.url, &shop.admin, "staff", "dpo");
    let delete = ["subject", "delete", &erased, "--purpose", "data_rights", "--reason", "asked for it"];
    shop.place.remote(&shop.server.url, &dpo, &delete).success();
    let (data, keys) = (files(&shop.place, "data"), files(&shop.place, "keys"));
    let verified =
        shop.place.run(&["backup", "verify", text(&data[0]), text(&keys[0]), "--keys", text(&keys[0])]);
    assert!(verified.success().out.ends_with("whole, and of this vault\n"));
    assert!(shop.server.stop().0.success());

    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(shop.place.path(&format!("avouch-data/data.db{ending}")));
    }
    let refused = shop.place.run(&["serve"]).refusal();
    assert_eq!(refused, "exit code 1\nerror: there is no vault here: run `avouch init` first\n");
    let restored = shop.place.run(&["restore", "--data", text(&data[0])]).success();
    insta::assert_snapshot!(restored.out, @"
    1 customers are here again.
    1 erasures of after the backup were done again.
    Start it with `avouch serve`, and make a backup.
    ");
    shop.server = shop.place.serve();
    let search = ["search", "--by", "email=ines.moreau@post.example", "--purpose", "support", "--json"];
    let found = shop.place.remote(&shop.server.url, &shop.support, &search).success().out;
    assert!(found.contains(&shop.customer), "{found}");
    let show = ["subject", "show", &erased, "--purpose", "support"];
    assert_eq!(shop.place.remote(&shop.server.url, &shop.support, &show).code, 4);
    let status = shop.remote(&["status", "--json"]).success().out;
    assert!(!status.contains("endings_stated"), "{status}");
    let listed = shop.remote(&["backup", "list"]).success().out;
    assert!(listed.contains("1 customers, 1 erased again, 0 lost\n"), "{listed}");
}

#[test]
fn what_changed_is_backed_up_alone_and_restored_with_what_it_needs() {
    let mut shop = Shop::open();
    let runs = |out: &str| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        out.lines().filter(|line| line.starts_with("data")).map(words).collect()
    };
    let first = shop.remote(&["backup"]).success().out;
    create(&shop.place, &shop.server, &shop.support, "Bob Builder", "bob@post.example");
    let second = shop.remote(&["backup"]).success().out;
    let (first, second) = (runs(&first).remove(0), runs(&second).remove(0));
    assert!(first.starts_with("data 1 full ") && second.starts_with("data 2 run 1"), "{first}, {second}");
    let third = shop.remote(&["backup", "--full", "--only", "data", "--json"]).success().out;
    let third: Value = serde_json::from_str(&third).unwrap();
    assert!(third["backups"][0].get("base").is_none(), "{third}");
    assert!(shop.server.stop().0.success());
    let fourth: Value =
        serde_json::from_str(&shop.place.run(&["backup", "--only", "data", "--json"]).success().out).unwrap();
    assert_eq!(fourth["files"][0]["base"], 3, "without a server too: {fourth}");
    let listed = runs(&shop.place.run(&["backup", "list"]).success().out);
    assert_eq!(listed.len(), 4, "{listed:?}");

    let data = files(&shop.place, "data");
    let verified = shop.place.run(&["backup", "verify", text(&data[1])]).success().out;
    assert_eq!(runs(&verified), [second], "{verified}");
    let aside = shop.place.path("aside");
    fs::rename(&data[0], &aside).unwrap();
    let lacking = shop.place.run(&["backup", "verify", text(&data[1])]).refusal();
    assert!(
        lacking.contains("holds what changed since the backup of run 1, which does not lie beside it"),
        "{lacking}"
    );
    let doctor = shop.place.run(&["doctor"]).out;
    assert!(doctor.contains("run 2 of the data needs run 1, which does not lie beside it"), "{doctor}");
    fs::rename(&aside, &data[0]).unwrap();
    assert!(!shop.place.run(&["doctor"]).out.contains("lie beside it"));

    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(shop.place.path(&format!("avouch-data/data.db{ending}")));
    }
    let restored = shop.place.run(&["restore", "--data", text(&data[1])]).success().out;
    assert!(restored.starts_with("2 customers are here again.\n"), "{restored}");
}

#[test]
fn everything_lost_comes_back_by_shares_and_what_was_stated_is_told_for_ever() {
    let mut shop = Shop::open();
    assert!(shop.server.stop().0.success());
    let made: Value = serde_json::from_str(&shop.place.run(&["backup", "--json"]).success().out).unwrap();
    assert_eq!(made["files"].as_array().unwrap().len(), 2);
    let (data, keys) = (files(&shop.place, "data"), files(&shop.place, "keys"));
    let set = fs::read_dir(shop.place.path("avouch-data-recovery")).unwrap().next().unwrap().unwrap().path();
    let share = |number: u8| set.join(format!("share-{number}-of-3.txt")).display().to_string();
    // The disk is gone, and the root with it; what there is of it now is another one.
    fs::remove_dir_all(shop.place.path("avouch-data")).unwrap();
    fs::remove_file(shop.place.path("avouch-data-root.key")).unwrap();
    let other = Place::new();
    other.init();
    fs::copy(other.path("avouch-data-root.key"), shop.place.path("avouch-data-root.key")).unwrap();
    shop.place.write("metrics-token", &"m".repeat(32));
    let restore = |more: &[&str]| {
        let files = ["restore", "--data", text(&data[0]), "--keys", text(&keys[0])];
        shop.place.run(&[&files[..], more].concat())
    };
    let (one, two) = (share(1), share(3));
    let shares = ["--share", &one, "--share", &two];
    let refused = restore(&shares);
    assert_eq!((refused.code, refused.err.contains("--endings-are-complete")), (1, true), "{}", refused.err);
    let wrong = restore(&["--endings-are-complete"]);
    assert!(wrong.err.contains("this seal does not open the backup"), "{}", wrong.err);
    let done = restore(&[&shares[..], &["--endings-are-complete"]].concat()).success();
    insta::assert_snapshot!(done.out, @"
    1 customers are here again.
    That nobody was erased since the backup was stated by you, and is on record.
    Start it with `avouch serve`, and make a backup.
    ");
    // The root that was lost stays lost: the shares give the vault the new one.
    let recovered = shop.place.run(&[&["recover"], &shares[..]].concat()).success();
    assert!(recovered.out.contains("The vault opens again"), "{}", recovered.out);
    let doctor = shop.place.run(&["doctor"]).out;
    assert!(doctor.contains("both stores were restored, and that nobody had been erased"), "{doctor}");
    let server = shop.place.serve();
    let reveal =
        ["reveal", &shop.customer, "--fields", "name", "--purpose", "support", "--reason", "she called"];
    assert!(shop.place.remote(&server.url, &shop.support, &reveal).success().out.contains("Inés Moreau"));
    let status = shop.place.remote(&server.url, &shop.admin, &["status", "--json"]).success().out;
    assert!(status.contains("endings_stated"), "{status}");
}

#[test]
fn with_the_third_list_everything_lost_comes_back_without_the_erased() {
    let mut shop = Shop::open();
    assert!(shop.server.stop().0.success());
    shop.place.write("avouch.toml", &format!("{CONFIG}{BACKUP}[erasure]\ncopy = \"list\"\n"));
    shop.server = shop.place.serve();
    let erased = create(&shop.place, &shop.server, &shop.support, "Bob Builder", "bob@post.example");
    shop.remote(&["backup"]).success();
    let dpo = shop.place.hire(&shop.server.url, &shop.admin, "staff", "dpo");
    let delete = ["subject", "delete", &erased, "--purpose", "data_rights", "--reason", "asked for it"];
    shop.place.remote(&shop.server.url, &dpo, &delete).success();
    assert!(shop.server.stop().0.success());
    let (data, keys) = (files(&shop.place, "data"), files(&shop.place, "keys"));
    let files = ["restore", "--data", text(&data[0]), "--keys", text(&keys[0])];
    // Once by the list that the configuration names, once by one that is brought along.
    for endings in [&[][..], &["--endings", "carried"][..]] {
        fs::remove_dir_all(shop.place.path("avouch-data")).unwrap();
        if !endings.is_empty() {
            fs::rename(shop.place.path("list"), shop.place.path("carried")).unwrap();
        }
        shop.place.write("metrics-token", &"m".repeat(32));
        let restored = shop.place.run(&[&files[..], endings].concat()).success();
        assert!(restored.out.contains("1 erasures of after the backup were done again"), "{}", restored.out);
        shop.server = shop.place.serve();
        let show = |id: &str| {
            let show = ["subject", "show", id, "--purpose", "support"];
            shop.place.remote(&shop.server.url, &shop.support, &show).code
        };
        assert_eq!((show(&erased), show(&shop.customer)), (4, 0));
        assert!(shop.server.stop().0.success());
    }
}

#[test]
fn backups_of_both_stores_in_one_place_are_refused() {
    let place = Place::new();
    place.init();
    let one = BACKUP.replace("backups/data", "backups/keys/data");
    place.write("avouch.toml", &format!("{CONFIG}{one}"));
    insta::assert_snapshot!(place.run(&["serve"]).refusal(), @"
    exit code 1
    error: refusing to go on with unsafe settings
      - [backup] data_dir and keys_dir are one place: whoever copies it has both stores, and it has one life for both
        give them two folders, better on two machines, neither within the other
    ");
    let half = BACKUP.replace("keys_dir", "#keys_dir");
    place.write("avouch.toml", &format!("{CONFIG}{half}"));
    assert!(place.run(&["backup"]).err.contains("data_dir and keys_dir go together"));
    place.write("avouch.toml", CONFIG);
    let none = place.run(&["backup"]);
    assert!(none.err.contains("this server has no folders for backups"), "{}", none.err);
}

#[test]
fn a_server_makes_backups_by_itself() {
    let place = Place::new();
    let admin = place.init();
    place.write("avouch.toml", &format!("{CONFIG}{BACKUP}every_hours = 24\n"));
    let server = place.serve();
    // It has begun by now or soon does; asking waits for it either way.
    let listed = loop {
        let listed: Value = serde_json::from_str(
            &place.remote(&server.url, &admin, &["backup", "list", "--json"]).success().out,
        )
        .unwrap();
        let whole = |backup: &Value| backup["bytes"].is_number();
        if listed["backups"].as_array().unwrap().iter().filter(|backup| whole(backup)).count() == 2 {
            break listed;
        }
    };
    assert!(listed["keys_end"].is_string());
    assert_eq!((files(&place, "data").len(), files(&place, "keys").len()), (1, 1));
}
