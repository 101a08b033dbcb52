//! The configuration from the outside.

use crate::program::Place;

#[test]
fn the_default_is_a_configuration_that_may_serve() {
    let place = Place::new();
    let default = place.run(&["config", "show", "--default"]).success().out;
    place.write("avouch.toml", &default);
    insta::assert_snapshot!(place.run(&["config", "check"]).success().out, @"`avouch.toml` is sound");
    insta::assert_snapshot!(place.run(&["config", "show"]).success().out, @r#"
    [vault]
    data_dir = "DIR/avouch-data"
    environment = "live"

    [process]
    allow_swap = false

    [store]
    engine = "sqlite"
    workers = 4
    queue = 4096

    [root]
    seal = "key-file"
    path = "DIR/avouch-root.key"

    [erasure]
    kek_days = 30
    backup_days = 7

    [http]
    listen = "127.0.0.1:8420"
    max_connections = 1024
    max_in_flight = 2048

    [people]
    idle_minutes = 15
    longest_hours = 12
    api_keys = true

    [mail]
    tls = "starttls"

    [alarms]
    mail = []

    [limits]
    people_per_second = 0
    people_burst = 1000
    services_per_second = 0
    services_burst = 1000
    visitors_per_second = 100
    visitors_burst = 1000

    [metrics]
    listen = "127.0.0.1:8421"
    token_file = "DIR/avouch-data/metrics-token"

    [log]
    format = "text"
    level = "info"

    [charter]
    dir = "DIR/charter"

    [backup]
    keep_data = 14
    full_every = 7
    keep_keys_days = 7
    every_hours = 0

    [ledger]
    keep_days = 0
    witness_quorum = 1
    unwitnessed_alarm_minutes = 10
    "#);
}

#[test]
fn passwords_are_not_shown() {
    let place = Place::new();
    place.write(
        "avouch.toml",
        "[store]\nengine = \"postgresql\"\ndata_url = \"postgresql://avouch:hunter2@localhost/data\"\n\
         keys_url = \"postgresql://avouch:hunter2@localhost/keys\"\n",
    );
    crate::program::set_mode(&place.path("avouch.toml"), 0o600);
    let shown = place.run(&["config", "show"]).success().out;
    assert!(shown.contains("postgresql://localhost/") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_mistake_is_told_with_its_line() {
    let place = Place::new();
    insta::assert_snapshot!(place.run(&["config", "check"]).refusal(), @"
    exit code 1
    error: there is no configuration `avouch.toml`: `avouch init` writes one, `avouch config show --default` prints one
    ");
    place.write("avouch.toml", "[http]\nlisten = \"127.0.0.1:8420\"\nlisten_on = 1\n");
    insta::assert_snapshot!(place.run(&["serve"]).refusal(), @"
    exit code 1
    error: avouch.toml:3:1: unknown field `listen_on`, expected one of `listen`, `tls_certificate`, `tls_key`, `client_ca`, `max_connections`, `max_in_flight`
    ");
}
