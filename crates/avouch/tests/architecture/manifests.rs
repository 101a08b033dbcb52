//! What every crate of ours says of itself: the workspace's lints, a README that is its documentation, its licence.

use crate::workspace::{WORKSPACE, toml_file};

#[test]
fn unsafe_code_is_forbidden_and_every_crate_obeys() {
    let root = toml_file("Cargo.toml");
    assert_eq!(root["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    let disobedient: Vec<_> = WORKSPACE
        .members()
        .into_iter()
        .filter(|member| {
            let manifest = toml_file(&member.manifest_path);
            let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
            lints.and_then(toml::Value::as_bool) != Some(true)
        })
        .map(|member| member.name.as_str())
        .collect();
    assert!(disobedient.is_empty(), "without `[lints] workspace = true`: {disobedient:?}");
}

#[test]
fn the_readme_of_a_crate_is_its_documentation() {
    let mut wrong = Vec::new();
    for member in WORKSPACE.members() {
        let root = member
            .targets
            .iter()
            .find(|target| target.is_lib() || target.is_bin())
            .expect("a crate has a root");
        let text = std::fs::read_to_string(&root.src_path).expect("a crate's root is readable");
        let readme = member.manifest_path.with_file_name("README.md");
        if !text.starts_with("#![doc = include_str!(\"../README.md\")]") || !readme.is_file() {
            wrong.push(member.name.as_str());
        }
    }
    assert!(wrong.is_empty(), "no README.md, or not the first line of the crate's root: {wrong:?}");
}

#[test]
fn versions_are_declared_once() {
    let mut wrong = Vec::new();
    for member in WORKSPACE.members() {
        let manifest = toml_file(&member.manifest_path);
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten();
            let own = entries
                .filter(|(_, entry)| entry.get("workspace").and_then(toml::Value::as_bool) != Some(true));
            wrong.extend(own.map(|(name, _)| format!("{}: {name}", member.name)));
        }
    }
    assert!(wrong.is_empty(), "not taken from `[workspace.dependencies]`: {wrong:#?}");
}
