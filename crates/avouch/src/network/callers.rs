//! Who may call, as much of it as a firewall needs: from where, and what for. No name and no id.

use avouch_core::gate::unmapped;
use avouch_wire::{CharterView, Key, Principal, PrincipalStatus, Time};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Callers {
    pub(crate) callers: Vec<Caller>,
}

/// One who may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Caller {
    /// Whether they can log in, and so open pages.
    pub(crate) logs_in: bool,
    /// Whether a role lets them do what only the face `admin` has.
    pub(crate) administers: bool,
    /// Where they may come from; anywhere when there is none.
    pub(crate) networks: Vec<IpNet>,
}

/// What the face `admin` is for.
const ADMINISTRATION: [&str; 4] = ["access.change", "charter.apply", "transit.manage", "system.backup"];

impl Caller {
    /// Of a principal that may act now; `keys` are asked for only when they decide.
    ///
    /// # Errors
    /// What `keys` fails with.
    pub(crate) fn of<E>(
        principal: &Principal,
        charter: &CharterView,
        now: Time,
        keys: impl FnOnce() -> Result<Vec<Key>, E>,
    ) -> Result<Option<Self>, E> {
        let over = principal.until.is_some_and(|until| until <= now);
        if over || principal.status != PrincipalStatus::Active {
            return Ok(None);
        }
        let roles = charter.roles.iter().filter(|role| principal.roles.contains(&role.name));
        let mut actions = roles.flat_map(|role| &role.actions).map(String::as_str);
        let administers =
            actions.any(|action| ADMINISTRATION.contains(&action) || action.starts_with("key."));
        let logs_in = principal.login.is_some();
        let mut networks = parsed(&principal.networks);
        // Who has no network may still have keys that are bound to one, each of them. A log-in is bound to none.
        if networks.is_empty() && !logs_in {
            let keys = keys()?;
            let live: Vec<_> = keys.iter().filter(|key| key.revoked.is_none() && key.expires > now).collect();
            if live.is_empty() {
                return Ok(None);
            }
            if live.iter().all(|key| !key.networks.is_empty()) {
                networks = live.iter().flat_map(|key| parsed(&key.networks)).collect();
            }
        }
        Ok(Some(Self { logs_in, administers, networks }))
    }
}

/// The server has parsed them before it stored them. One that cannot be read all the same is as good as none: too many may come then,
/// and the server sorts them out.
fn parsed(networks: &[String]) -> Vec<IpNet> {
    let all: Result<Vec<IpNet>, _> = networks.iter().map(|network| network.parse().map(unmapped)).collect();
    all.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use core::convert::Infallible;

    use serde_json::{Value, json};

    use super::*;

    fn caller(change: Value, keys: Value) -> Option<Caller> {
        let mut principal = json!({
            "id": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874", "kind": "service", "name": "Shop", "roles": ["shop"],
            "networks": [], "status": "active", "created": "2026-01-01T00:00:00Z",
        });
        principal.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let charter = json!({
            "version": 1, "digest": "", "applied": "2026-01-01T00:00:00Z", "fields": [], "compounds": [], "purposes": [],
            "recipients": [], "roles": [
                {"name": "shop", "title": "", "holder": "service", "actions": ["subject.read"], "purposes": [], "sees": []},
                {"name": "keys", "title": "", "holder": "service", "actions": ["key.rotate"], "purposes": [], "sees": []},
            ],
        });
        let now = serde_json::from_value(json!("2026-06-01T00:00:00Z")).unwrap();
        let keys = || Ok::<_, Infallible>(serde_json::from_value(keys).unwrap());
        let principal = serde_json::from_value(principal).unwrap();
        Caller::of(&principal, &serde_json::from_value(charter).unwrap(), now, keys).unwrap()
    }

    fn key(expires: &str, networks: &[&str]) -> Value {
        json!({"id": "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b875", "label": "", "created": "2026-01-01T00:00:00Z",
               "expires": expires, "networks": networks})
    }

    fn from(caller: Option<Caller>) -> Option<Vec<String>> {
        caller.map(|caller| caller.networks.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn networks_are_the_principals_or_else_those_of_all_its_keys() {
        let live = |networks: &[&str]| key("2027-01-01T00:00:00Z", networks);
        let dead = key("2026-05-31T00:00:00Z", &[]);
        let bound = |networks: &[&str]| Some(networks.iter().map(ToString::to_string).collect::<Vec<_>>());
        let own = json!({"networks": ["192.0.2.0/24", "::ffff:198.51.100.0/120"]});
        assert_eq!(from(caller(own, json!([]))), bound(&["192.0.2.0/24", "198.51.100.0/24"]));
        assert_eq!(from(caller(json!({}), json!([live(&["10.0.0.0/8"]), dead]))), bound(&["10.0.0.0/8"]));
        assert_eq!(
            from(caller(json!({}), json!([live(&["10.0.0.0/8"]), live(&[])]))),
            bound(&[]),
            "anywhere"
        );
        assert_eq!(
            from(caller(json!({"login": "sam"}), json!([live(&["10.0.0.0/8"])]))),
            bound(&[]),
            "and logs in"
        );
        assert_eq!(from(caller(json!({}), json!([dead]))), None, "cannot call");
        assert_eq!(from(caller(json!({"status": "suspended"}), json!([live(&[])]))), None);
        assert_eq!(from(caller(json!({"until": "2026-06-01T00:00:00Z"}), json!([live(&[])]))), None);
    }

    #[test]
    fn who_administers_is_known_by_the_roles() {
        let administers = |role: &str| {
            let change = json!({"roles": [role], "networks": ["10.0.0.0/8"]});
            caller(change, json!([])).unwrap().administers
        };
        assert_eq!((administers("shop"), administers("keys"), administers("gone")), (false, true, false));
    }
}
