//! Provisioning as others judge it: scim2-tester, which checks a server against RFC 7643 and RFC 7644.

use std::path::Path;
use std::process::Command;

use crate::program::Place;

#[test]
fn scim2_tester_finds_nothing() {
    let place = Place::new();
    let admin = place.init();
    let mut server = place.serve();
    let provider = place.hire(&server.url, &admin, "service", "identity_provider");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scim/conformance.py");
    let mut tester = Command::new(python());
    tester.arg("-B").arg(script).args([&server.url, &provider]).env_clear();
    let ended = place.ended(&mut tester).success();
    // Whatever it skips or finds would stand before this by its name.
    let checks = ended.out.strip_suffix(" SUCCESS\n").and_then(|checks| checks.parse::<usize>().ok());
    assert!(checks.is_some_and(|checks| checks >= 60), "{}", ended.out);

    // Nothing of those it made is in the log, nor what it looked for.
    let (status, log) = server.stop();
    assert!(status.success());
    assert!(log.contains("/scim/v2/Users/{id}"), "{log}");
    assert!(!log.contains(&provider));
}

#[expect(clippy::disallowed_methods, reason = "where this test reads the environment")]
fn python() -> String {
    std::env::var("AVOUCH_TEST_SCIM").expect(
        "AVOUCH_TEST_SCIM names a Python that has scim2-tester; `cargo xtask test` makes one, and so does \
         `python3 -m venv DIR && DIR/bin/pip install --require-hashes -r crates/avouch/tests/it/scim/requirements.txt`",
    )
}
