//! The workspace as cargo sees it, with the look-ups that the rules need.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use cargo_metadata::{
    CargoOpt, Dependency, DependencyKind, Metadata, MetadataCommand, Node, NodeDep, Package, PackageId,
};

/// Read once: the rules only look.
pub(crate) static WORKSPACE: LazyLock<Workspace> = LazyLock::new(Workspace::read);

pub(crate) struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    fn read() -> Self {
        let metadata = MetadataCommand::new()
            .manifest_path(repository().join("Cargo.toml"))
            .features(CargoOpt::AllFeatures)
            // What we ship for. Without it cargo would fetch what only other systems need.
            .other_options(vec![
                "--locked".into(),
                "--filter-platform".into(),
                "x86_64-unknown-linux-gnu".into(),
            ])
            .exec()
            .expect("cargo describes the workspace");
        Self { metadata }
    }

    /// Our own crates.
    pub(crate) fn members(&self) -> Vec<&Package> {
        self.metadata.workspace_packages()
    }

    /// Every package that is built for ours or for their tests.
    pub(crate) fn graph(&self) -> Vec<&Package> {
        let reached = self.reach(self.members(), |_| true);
        self.metadata.packages.iter().filter(|package| reached.contains(&package.id)).collect()
    }

    /// The names of all packages that a member needs to be built and run; its tests' dependencies are left out.
    pub(crate) fn closure(&self, member: &Package) -> BTreeSet<&str> {
        let reached = self.reach(vec![member], |kind| kind != DependencyKind::Development);
        reached.into_iter().filter(|id| **id != member.id).map(|id| self.metadata[id].name.as_str()).collect()
    }

    fn reach(&self, from: Vec<&Package>, follow: fn(DependencyKind) -> bool) -> BTreeSet<&PackageId> {
        let nodes = &self.metadata.resolve.as_ref().expect("cargo resolved the graph").nodes;
        let nodes: BTreeMap<&PackageId, &Node> = nodes.iter().map(|node| (&node.id, node)).collect();
        let mut reached = BTreeSet::new();
        let mut open: Vec<&PackageId> =
            nodes.keys().copied().filter(|id| from.iter().any(|p| p.id == **id)).collect();
        while let Some(id) = open.pop() {
            if !reached.insert(id) {
                continue;
            }
            let node = nodes.get(id).expect("the graph is complete");
            let followed =
                node.deps.iter().filter(|edge| edge.dep_kinds.iter().any(|kind| follow(kind.kind)));
            open.extend(followed.filter(|edge| self.is_built(node, edge)).map(|edge| &edge.pkg));
        }
        reached
    }

    /// Whether an edge is built. The resolver also draws edges to optional packages that a weak feature (`ring?/std`)
    /// merely mentions; those are in the lock file and in no binary.
    fn is_built(&self, node: &Node, edge: &NodeDep) -> bool {
        let package = &self.metadata[&node.id];
        let target = self.metadata[&edge.pkg].name.as_str();
        let switched_on = |dependency: &Dependency| {
            let key = dependency.rename.as_deref().unwrap_or(&dependency.name);
            let says = |entry: &String| {
                entry.strip_prefix("dep:") == Some(key)
                    || entry.split_once('/').is_some_and(|(name, _)| name == key)
            };
            let active = node.features.iter().filter_map(|feature| package.features.get(feature.as_str()));
            !dependency.optional || active.flatten().any(says)
        };
        package.dependencies.iter().filter(|dependency| dependency.name == target).any(switched_on)
    }
}

/// `avouch-seal` is `seal` in the house; the binary is `avouch`.
pub(crate) fn house_name(package: &str) -> &str {
    package.strip_prefix("avouch-").unwrap_or(package)
}

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("crates/avouch lies two below the root")
}

/// A file of the repository as TOML.
pub(crate) fn toml_file(path: impl AsRef<Path>) -> toml::Table {
    let text = std::fs::read_to_string(repository().join(path)).expect("the file is in the repository");
    text.parse().expect("the file is TOML")
}
