//! Whose glass is broken now, in memory: that it is worth asking the row, and what a page says above everything else. What holds, the row
//! says, in the transaction of the act.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use avouch_store::Store;

use super::record::Kept;
use crate::Error;
use crate::app::App;
use crate::ids::{GlassId, PrincipalId};

/// A change of whose glass is broken, after its commit.
#[derive(Debug)]
pub(crate) enum GlassChange {
    /// Until then.
    Opens(PrincipalId, GlassId, i64),
    Ends(PrincipalId),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Glasses(RwLock<HashMap<PrincipalId, (GlassId, i64)>>);

impl Glasses {
    /// Loads it, in the place of what is in memory.
    pub(crate) fn load(&self, store: &Store, app: &Arc<App>) -> Result<(), Error> {
        let (app, now) = (Arc::clone(app), app.now());
        let open = store.read_wait(move |tx| Kept::open_now(tx, &app.keys, now))?;
        let open = open.into_iter().map(|(id, kept)| (kept.glass.principal, (id, kept.glass.until)));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = open.collect();
        Ok(())
    }

    pub(crate) fn install(&self, changes: Vec<GlassChange>) {
        if changes.is_empty() {
            return;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                GlassChange::Opens(who, id, until) => drop(all.insert(who, (id, until))),
                GlassChange::Ends(who) => drop(all.remove(&who)),
            }
        }
    }

    /// The glass that somebody has broken, and until when.
    pub(crate) fn of(&self, who: PrincipalId, now: i64) -> Option<(GlassId, i64)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&who).copied().filter(|(_, until)| *until > now)
    }
}

impl App {
    /// Until when somebody's glass is broken, in microseconds UTC; nothing when it is whole.
    #[must_use]
    pub fn broken_glass(&self, who: PrincipalId) -> Option<(GlassId, i64)> {
        self.glasses.of(who, self.now())
    }
}
