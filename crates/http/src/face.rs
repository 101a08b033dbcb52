//! What a listener shows of the server. Each route has its faces here; a listener answers the routes that have one of its own, and
//! knows nothing of the others.
//!
//! A noun that is not in this list has no face and is answered nowhere: whoever adds one decides who may reach it. This is no
//! permission: who may do what is the policy's, wherever they come in.

use axum::http::Method;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Face {
    /// What applications and people work with.
    Api,
    /// What changes who may do what, the charter, the keys and the backups.
    Admin,
    /// The pages under `/console`.
    Console,
}

impl Face {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Api, Self::Admin, Self::Console];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Admin => "admin",
            Self::Console => "console",
        }
    }
}

/// The faces that a route has, by its template.
pub(crate) fn faces(method: &Method, path: &str) -> &'static [Face] {
    use Face::{Admin, Api, Console};

    if crate::console::ROUTES.iter().any(|(_, page)| *page == path) {
        return &[Console];
    }
    let reads = *method == Method::GET;
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        // Whoever watches a listener asks there.
        (Some("healthz" | "readyz"), None, _) => &Face::ALL,
        // An identity provider may be inside, or somebody's cloud.
        (Some("scim"), Some("v2"), _) => &[Api, Admin],
        // What one is asked before a log-in, and of oneself after it.
        (Some("v1"), Some("login" | "account"), _) => &[Api, Console],
        (Some("v1"), Some("approvals" | "break-glass"), _) => &[Api, Console],
        // What libraries of services look for first.
        (Some(".well-known"), _, _) => &[Api],
        // A service renews its own.
        (Some("v1"), Some("principals"), _) if path.ends_with("/certificates") => &[Api, Admin],
        // Access is looked at by auditors and changed by administrators.
        (Some("v1"), Some("principals"), _) if reads => &[Api, Admin],
        (Some("v1"), Some("charter"), Some("apply" | "roll-back")) => &[Admin],
        // Drafts are read, replayed and agreed to by others than those who make them and put them in force.
        (Some("v1"), Some("charter"), Some("drafts")) if path.ends_with("/activate") => &[Admin],
        (Some("v1"), Some("principals" | "keys" | "backups"), _) => &[Admin],
        // To make, change, look at and end standalone keys is one action; to work with them is another.
        (Some("v1"), Some("transit-keys"), None) => &[Admin],
        (Some("v1"), Some("transit-keys"), Some(_)) => match parts.next() {
            None | Some("rotate" | "trim") => &[Admin],
            Some(_) => &[Api],
        },
        (Some("v1"), Some("transit"), Some("keys")) => &[Admin],
        (Some("v1"), Some("charter" | "explain" | "openapi.json" | "status"), _) => &[Api, Admin],
        (
            Some("v1"),
            Some(
                "alarms" | "auth" | "detokenize" | "disclosures" | "erasures" | "events" | "exports"
                | "imports" | "ledger" | "oauth" | "random" | "subjects" | "sys" | "ties" | "tokenize"
                | "tokens" | "transform" | "transit" | "watch",
            ),
            _,
        ) => &[Api],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_a_face_and_administration_is_what_it_says() {
        let document = crate::openapi::openapi();
        let mut lines = Vec::new();
        let documented = document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        });
        let pages = crate::console::ROUTES.map(|(method, path)| (method.to_owned(), path.to_owned()));
        for (method, path) in documented.chain(pages) {
            let found = faces(&method.parse().unwrap(), &path);
            assert!(!found.is_empty(), "{method} {path} has no face: who may reach it?");
            let names: Vec<_> = found.iter().map(|face| face.name()).collect();
            if found != [Face::Api] && found != [Face::Console] {
                lines.push(format!("{method} {path}: {}", names.join(" ")));
            }
        }
        lines.sort();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
