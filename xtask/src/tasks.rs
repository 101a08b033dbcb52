//! The tasks themselves: which commands, in which order, with which environment.
//!
//! Lints and docs come before the tests, because they share one compilation of the dependencies and fail soonest. No
//! task may change compiler flags between steps: that would build everything again.

use std::ffi::OsString;
use std::process::Command;

use crate::browser::Browser;
use crate::error::Result;
use crate::machine::{cargo, path_with, prepare, run, target_directory};
use crate::postgres::Postgres;
use crate::python::{python_with_aiosmtpd, python_with_hvac, python_with_scim2_tester, solver};
use crate::report::Report;

/// How much `test` covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What a change must pass.
    Everything,
    /// Format and tests.
    Fast,
}

/// Tests that need PostgreSQL find it here, and fail when the variable is not set.
const TEST_DATABASE: &str = "AVOUCH_TEST_POSTGRES";
/// The test that works as applications do finds a Python that has hvac here, and fails when the variable is not set.
const TEST_HVAC: &str = "AVOUCH_TEST_HVAC";
/// The test that has a server judged by others finds a Python that has scim2-tester here, and fails when the variable is not set.
const TEST_SCIM: &str = "AVOUCH_TEST_SCIM";
/// The test that mails a server finds a Python that has aiosmtpd here, and fails when the variable is not set.
const TEST_SMTP: &str = "AVOUCH_TEST_SMTP";
/// The tests that prove what is promised of the policy find a solver here, and fail when the variable is not set.
const TEST_SOLVER: &str = "AVOUCH_TEST_CVC5";
/// The tests in a browser find it here, and fail when the variable is not set.
const TEST_CHROMIUM: &str = "AVOUCH_TEST_CHROMIUM";
/// And here what drives it and looks its pages through.
const TEST_MODULES: &str = "AVOUCH_TEST_E2E_MODULES";
/// The same as the first for the load generator.
const BENCH_DATABASE: &str = "AVOUCH_BENCH_POSTGRES";

/// Runs every check. All failures are shown, not the first.
pub(crate) fn test(extent: Extent) -> Result<()> {
    let mut report = Report::default();
    report.step("machine", prepare);
    report.step("format", || run(cargo().args(["fmt", "--all", "--check"])));
    if extent == Extent::Everything {
        report.step("lints", || {
            run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
        });
        report.step("docs", || {
            run(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))
        });
    }
    let database = report.step("database", Postgres::start);
    let python = report.step("hvac", python_with_hvac);
    let tester = report.step("scim2-tester", python_with_scim2_tester);
    let mailer = report.step("aiosmtpd", python_with_aiosmtpd);
    let solver = report.step("cvc5", solver);
    let browser = report.step("browser", Browser::find);
    report.step("tests", || {
        let places = [
            (TEST_DATABASE, database.as_ref().map(|database| OsString::from(database.url()))),
            (TEST_HVAC, python.map(OsString::from)),
            (TEST_SCIM, tester.map(OsString::from)),
            (TEST_SMTP, mailer.map(OsString::from)),
            (TEST_SOLVER, solver.map(OsString::from)),
            (TEST_CHROMIUM, browser.as_ref().map(|browser| browser.program.clone().into())),
            (TEST_MODULES, browser.as_ref().map(|browser| browser.modules.clone().into())),
        ];
        let mut tests = cargo();
        tests.args(["test", "--workspace", "--no-fail-fast"]);
        for (name, place) in places {
            match place {
                Some(place) => tests.env(name, place),
                None => tests.env_remove(name),
            };
        }
        run(&mut tests)
    });
    drop(database);
    report.finish()
}

/// Runs a PostgreSQL until interrupted.
pub(crate) fn postgres() -> Result<()> {
    let database = Postgres::start()?;
    println!("export {TEST_DATABASE}={}", database.url());
    eprintln!("PostgreSQL is up; Ctrl-C stops it and removes its data");
    database.hold()
}

/// Makes the solver and says where it is.
pub(crate) fn cvc5() -> Result<()> {
    println!("export {TEST_SOLVER}={}", solver()?.display());
    Ok(())
}

/// Installs a browser and what drives it, and says where they are.
pub(crate) fn browser() -> Result<()> {
    let Browser { program, modules } = Browser::find()?;
    println!("export {TEST_CHROMIUM}={} {TEST_MODULES}={}", program.display(), modules.display());
    Ok(())
}

/// Builds what is measured, starts the database to compare with, and hands over to the load generator.
pub(crate) fn bench(arguments: &[&str]) -> Result<()> {
    run(cargo().args(["build", "--release", "--package", "avouch", "--package", "avouch-bench"]))?;
    let database = Postgres::start()?;
    let generator = target_directory().join("release").join("avouch-bench");
    run(Command::new(generator)
        .args(arguments)
        .env(BENCH_DATABASE, database.url())
        .env("PATH", path_with(database.programs())))
}
