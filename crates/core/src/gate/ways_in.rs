//! Who of those that may do something gets in at all.

use std::sync::Arc;

use avouch_policy::Action;

use super::Status;
use crate::Error;
use crate::app::App;
use crate::ids::PrincipalId;

impl App {
    /// Who may do this by a role that is awake, and has a way in: two factors or an API key that counts, or keys of its own to
    /// sign with. For whoever looks after the server; it asks no policy.
    ///
    /// # Errors
    /// When the store or a row in it is not what it should be.
    pub fn who_gets_in(self: &Arc<Self>, action: Action) -> Result<Vec<PrincipalId>, Error> {
        let logs_in = self.with_two_factors()?;
        let (access, rules, now) = (self.access(), self.rules(), self.now());
        let mut found = Vec::new();
        for (id, principal) in access.principals() {
            let here = principal.status == Status::Active && principal.until.is_none_or(|until| now < until);
            let Some(class) = access.class(id, &rules).filter(|_| here) else { continue };
            let mut roles = class.roles().iter().filter_map(|name| rules.charter.role(name));
            let may = roles.any(|role| role.break_glass.is_none() && role.may(action.as_str()));
            let by_key = || {
                let mut keys = access.keys_of(id).into_iter();
                self.people.settings.lets_in_by_key(class.kind()) && keys.any(|(_, key)| key.expires > now)
            };
            let by_own = || access.service_keys(id).is_some_and(|keys| keys.count() > 0);
            if may && (logs_in.contains(&id) || by_key() || by_own()) {
                found.push(id);
            }
        }
        Ok(found)
    }
}
