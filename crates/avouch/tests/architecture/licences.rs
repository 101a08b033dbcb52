//! `deny.toml` enforced: licences, banned crates, sources. The page is read here as cargo-deny reads it, so that it is
//! true in every test run and not only where cargo-deny is installed.

use cargo_metadata::Package;
use spdx::{Expression, Licensee, ParseMode};
use toml::Value;

use crate::workspace::{WORKSPACE, toml_file};

#[test]
fn every_licence_is_one_we_accept() {
    let page = toml_file("deny.toml");
    let everywhere = licensees(&page["licenses"]["allow"]);
    let exceptions: Vec<(&str, Vec<Licensee>)> = list(&page["licenses"]["exceptions"])
        .map(|entry| (text(&entry["crate"]), licensees(&entry["allow"])))
        .collect();
    let refused: Vec<String> = WORKSPACE
        .graph()
        .into_iter()
        .filter(|package| {
            let special = exceptions.iter().filter(|(name, _)| *name == package.name.as_str());
            let allowed: Vec<&Licensee> =
                everywhere.iter().chain(special.flat_map(|(_, more)| more)).collect();
            !accepts(&allowed, package)
        })
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn no_banned_crate_comes_in() {
    let page = toml_file("deny.toml");
    let banned: Vec<(&str, &str)> =
        list(&page["bans"]["deny"]).map(|entry| (text(&entry["crate"]), text(&entry["reason"]))).collect();
    let graph = WORKSPACE.graph();
    let found: Vec<_> = banned
        .iter()
        .filter(|(name, _)| graph.iter().any(|package| package.name.as_str() == *name))
        .collect();
    assert!(found.is_empty(), "find who brings it with `cargo tree --workspace --invert <name>`: {found:#?}");
}

#[test]
fn everything_foreign_comes_from_the_public_registry() {
    let sources = &toml_file("deny.toml")["sources"];
    assert_eq!((text(&sources["unknown-registry"]), text(&sources["unknown-git"])), ("deny", "deny"));
    let ours: Vec<_> = WORKSPACE.members().into_iter().map(|member| &member.id).collect();
    let elsewhere: Vec<_> = WORKSPACE
        .graph()
        .into_iter()
        .filter(|package| !ours.contains(&&package.id))
        .filter(|package| !package.source.as_ref().is_some_and(cargo_metadata::Source::is_crates_io))
        .map(|package| &package.id)
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn no_version_is_left_open() {
    let wildcards = text(&toml_file("deny.toml")["bans"]["wildcards"]).to_owned();
    assert_eq!(wildcards, "deny");
    let mut open = Vec::new();
    for member in WORKSPACE.members() {
        let foreign = member.dependencies.iter().filter(|dependency| dependency.path.is_none());
        let any = foreign.filter(|dependency| dependency.req.comparators.is_empty());
        open.extend(any.map(|dependency| format!("{}: {}", member.name, dependency.name)));
    }
    assert!(open.is_empty(), "{open:#?}");
}

fn accepts(allowed: &[&Licensee], package: &Package) -> bool {
    let Some(declared) = &package.license else { return false };
    let expression = Expression::parse_mode(declared, ParseMode::LAX);
    expression
        .is_ok_and(|found| found.evaluate(|needed| allowed.iter().any(|licensee| licensee.satisfies(needed))))
}

fn licensees(names: &Value) -> Vec<Licensee> {
    list(names).map(|name| Licensee::parse(text(name)).expect("deny.toml names an SPDX licence")).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
