//! The default says what holds, explains every key, and mistakes are found with their line.

use std::fs;

use super::*;

fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("avouch.toml");
    fs::write(&path, text).unwrap();
    let shown = |error: ConfigError| error.to_string().replace(&folder.path().display().to_string(), "DIR");
    Config::load(&path, None).map_err(shown)
}

/// The default with every optional key and section switched on.
fn all_keys() -> toml::Table {
    let is_key = |line: &str| {
        let begins = |c: char| c.is_ascii_lowercase() || c == '[';
        line.strip_prefix('#').is_some_and(|rest| rest.starts_with(begins))
    };
    let text: String = DEFAULT_TEXT
        .lines()
        .map(|line| if is_key(line) { line.trim_start_matches('#') } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    text.parse().unwrap()
}

#[test]
fn the_default_text_is_the_default() {
    let mut expected = Config::default();
    expected.root.path = Some("avouch-root.key".into());
    expected.http.listen = Some("127.0.0.1:8420".parse().unwrap());
    expected.metrics.listen = Some("127.0.0.1:8421".parse().unwrap());
    expected.metrics.token_file = Some("avouch-data/metrics-token".into());
    assert_eq!(toml::from_str::<Config>(DEFAULT_TEXT).unwrap(), expected);
    load(DEFAULT_TEXT).unwrap();
}

#[test]
fn the_default_text_explains_every_key_and_states_what_holds_without_it() {
    let mut all = all_keys();
    all["root"].as_table_mut().unwrap().remove("path");
    let config: Config = toml::from_str(&toml::to_string(&all).unwrap()).unwrap();
    let default = toml::Table::try_from(Config::default()).unwrap();
    let full = toml::Table::try_from(&config).unwrap();
    for (section, keys) in &full {
        // Of what may be there several times, the one that the text has.
        let one = |value: &toml::Value| value.get(0).unwrap_or(value).clone();
        for key in one(keys).as_table().unwrap().keys() {
            assert!(
                key == "path" || one(&all[section]).get(key).is_some(),
                "[{section}] {key} is not explained"
            );
        }
    }
    // A struct without a field for a key of the text would have been refused; a key without a value in `full` is one
    // that the text forgot.
    let Config { store, root, http, listener, metrics, ledger, sign_on, .. } = config;
    assert!(
        store.keys_path.is_some()
            && store.data_url.is_some()
            && store.keys_url.is_some()
            && store.readers.is_some()
    );
    assert!(root.credential.is_some() && http.tls_certificate.is_some() && http.tls_key.is_some());
    assert!(
        listener
            .iter()
            .any(|one| one.tls_certificate.is_some() && one.tls_key.is_some() && one.hops.is_some())
    );
    assert_eq!(http.client_ca, Some(ClientCa::BuiltIn));
    assert!(metrics.listen.is_some() && metrics.token_file.is_some());
    assert!(sign_on.iter().any(|one| {
        let words = [&one.two_factors_acr, &one.phishing_resistant_acr, &one.two_factors_amr];
        let said = words.into_iter().chain([&one.phishing_resistant_amr, &one.scopes]);
        one.client_secret_file.is_some()
            && one.ca.is_some()
            && said.into_iter().all(|words| !words.is_empty())
    }));
    assert!(ledger.witnesses.iter().any(|witness| witness.ca.is_some()));
    for (section, key) in [
        ("store", "workers"),
        ("store", "queue"),
        ("http", "max_connections"),
        ("http", "max_in_flight"),
        ("ledger", "keep_days"),
        ("ledger", "witness_quorum"),
        ("ledger", "unwitnessed_alarm_minutes"),
    ] {
        assert_eq!(
            all[section][key], default[section][key],
            "[{section}] {key}: the text tells another default"
        );
    }
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("avouch.toml");
    fs::write(&path, "[vault]\ndata_dir = 'here'\n[charter]\ndir = '/elsewhere'\n").unwrap();
    let config = Config::load(&path, None).unwrap();
    assert_eq!(config.vault.data_dir, folder.path().join("here"));
    assert_eq!(config.charter.dir, Path::new("/elsewhere"));
    assert_eq!(config.root.path.unwrap(), folder.path().join("here-root.key"));
}

#[test]
fn a_first_text_holds_the_places_it_was_made_with() {
    let text = default_text(
        Path::new("/srv/a \"b\""),
        Path::new("/etc/avouch.key"),
        Seal::Passphrase,
        Path::new("/srv/charter"),
    );
    let config = load(&text).unwrap();
    assert_eq!(config.vault.data_dir, Path::new("/srv/a \"b\""));
    assert_eq!(config.root.path.as_deref(), Some(Path::new("/etc/avouch.key")));
    assert_eq!(config.root.seal, Seal::Passphrase);
    assert_eq!(config.metrics.token_file.as_deref(), Some(Path::new("/srv/a \"b\"/metrics-token")));
    assert_eq!(config.charter.dir, Path::new("/srv/charter"));
}

#[test]
fn a_credential_lies_in_the_folder_that_systemd_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("avouch.toml");
    fs::write(&path, "[root]\ncredential = 'root'\n").unwrap();
    let config = Config::load(&path, Some(Path::new("/run/credentials/avouch.service"))).unwrap();
    assert_eq!(config.root.path.as_deref(), Some(Path::new("/run/credentials/avouch.service/root")));
    let error = Config::load(&path, None).unwrap_err().to_string();
    assert!(error.contains("LoadCredential="), "{error}");
}

#[test]
fn mistakes_are_found_with_their_line() {
    let errors = [
        "[http]\nlisten = \"127.0.0.1:8420\"\nport = 1\n",
        "[vault]\ndata_dir = \"x\"\n[htpp]\n",
        "[http]\nlisten = \"localhost\"\n",
        "[log]\nlevel = \"loud\"\n",
        "[store]\nengine = \"postgresql\"\ndata_url = 1\n",
        "[root\n",
    ]
    .map(|text| load(text).unwrap_err())
    .join("\n");
    insta::assert_snapshot!(errors, @r"
    DIR/avouch.toml:3:1: unknown field `port`, expected one of `listen`, `tls_certificate`, `tls_key`, `client_ca`, `max_connections`, `max_in_flight`
    DIR/avouch.toml:3:2: unknown field `htpp`, expected one of `vault`, `process`, `store`, `root`, `erasure`, `http`, `listener`, `people`, `sign_on`, `mail`, `alarms`, `limits`, `metrics`, `log`, `charter`, `backup`, `ledger`, `siem`
    DIR/avouch.toml:2:10: invalid socket address syntax
    DIR/avouch.toml:2:9: unknown variant `loud`, expected one of `error`, `warn`, `info`, `debug`, `trace`
    DIR/avouch.toml:3:12: invalid type: integer `1`, expected a string
    DIR/avouch.toml:1:6: unclosed table, expected `]`
    ");
}

#[test]
fn values_that_cannot_work_are_told_together() {
    let text = "[vault]\nenvironment = \"Live\"\n[store]\nengine = \"postgresql\"\nworkers = 0\n\
                [root]\npath = \"a\"\ncredential = \"b\"\n[erasure]\nbackup_days = 0\ncopy = \"avouch-data/x\"\n\
                [http]\ntls_key = \"k\"\nmax_in_flight = 0\n";
    insta::assert_snapshot!(load(text).unwrap_err(), @r#"
    `DIR/avouch.toml`: [vault] environment is a lower-case letter, then 1 to 15 of a-z and 0-9
      [store] workers is 1 to 64
      [store] engine = "postgresql" wants data_url and keys_url
      [erasure] backup_days is 1 to 3650
      [erasure] copy must be outside of `data_dir`: a copy that is put back with the data tells nothing
      [http] tls_certificate and tls_key go together
      [http] max_in_flight is 1 to 100000
      [root] path and credential: give one of them
      [root] credential: systemd has passed no credentials to this process; start it as a unit with LoadCredential=
    "#);
}

#[test]
fn a_password_on_a_wrong_line_is_not_repeated() {
    let text = "[store]\ndata_url = \"postgresql://u:hunter2@localhost/d\" x\n";
    let error = load(text).unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_witness_counts_once_and_is_none_without_keys_of_its_own() {
    use avouch_ledger::note::{Cosigner, LogSigner};

    let key = |name: &str, seed: u8| Cosigner::ed25519(name, &[seed; 32]).unwrap().verifier_key().to_string();
    let log = LogSigner::from_seeds("example.com/log", &[1; 32], &[2; 32]).unwrap();
    let (one, same, other) = (key("example.org/w", 1), key("example.org/w", 2), key("example.org/v", 3));
    let tables = |lists: &[&[&str]], quorum: usize| {
        let table = |keys: &&[&str]| {
            format!("[[ledger.witnesses]]\nurl = 'https://w.example'\nverifier_keys = {keys:?}\n")
        };
        load(&format!("[ledger]\nwitness_quorum = {quorum}\n{}", lists.iter().map(table).collect::<String>()))
    };
    tables(&[&[&one, &same], &[&other]], 2).unwrap();
    for (lists, quorum, wrong) in [
        (&[&[&*one][..]][..], 2, "witness_quorum"),
        (&[&[&one]], 0, "witness_quorum"),
        (&[&[]], 1, "no verifier key"),
        (&[&["x"]], 1, "that is none"),
        (&[&[&log.verifier_keys()[0].to_string()]], 1, "the key of a log"),
        (&[&[&one, &other]], 1, "two names"),
        (&[&[&one], &[&same]], 2, "there already"),
        (&[&[&one, &same, &one]], 1, "more than two"),
    ] {
        let told = tables(lists, quorum).unwrap_err();
        assert!(told.contains(wrong), "{told}");
    }
}
