//! Doubt about what is in memory: a change whose commit was not answered may be stored, now or in a moment. Until what is stored
//! has been loaded again nobody is let in by what may have ended.

use avouch_store::{Tx, statements};

use super::{App, Fresh, Refresh};
use crate::Error;

statements! {
    data AFTER_ACCESS = "update access_state set generation = generation where id = 1";
    data AFTER_RULES = "update rules_state set generation = generation where id = 1";
    keys AFTER_KEYS = "update key_state set generation = generation where id = 1";
    keys AFTER_KEYRING = "update keyring set generation = generation where id = 1";
}

/// Waits until a commit that nobody heard of is through: PostgreSQL goes on with it when the connection is gone. Each change
/// that leaves doubt has locked one of these rows, but for a new key-encryption key: one that comes late is found by the next
/// rotation.
fn after_the_unknown(tx: &mut Tx<'_>) -> Result<(), Error> {
    let rows = [&AFTER_ACCESS, &AFTER_RULES, &AFTER_KEYS, &AFTER_KEYRING];
    rows.into_iter().try_for_each(|row| Ok(tx.put(row, &[])?))
}

impl App {
    /// A change may have been committed, and nobody knows: what is in memory of it is not to be trusted any more.
    pub(crate) fn doubt(&self, changed: Refresh) {
        match changed {
            Refresh::Nothing => {}
            Refresh::Access | Refresh::Rules | Refresh::Keys => self.stale.owe(),
            Refresh::Keyring => {
                self.stale.owe();
                self.doubt_keyring();
            }
        }
    }

    /// The keyring in memory may not be the stored one.
    pub(crate) fn doubt_keyring(&self) {
        self.keyring_stale.owe();
    }

    /// Loads again what may be out of date after a change whose outcome is unknown. Until that succeeds nobody is let in. The
    /// keyring is not among it: no request waits for the root.
    pub(crate) fn mend(&self) -> Result<(), Error> {
        if let Some(owed) = self.stale.owed() {
            self.store.write_wait(after_the_unknown)?;
            self.install(Fresh::Access(Box::new(self.load_access()?)));
            self.people.sessions.load(&self.store, &self.keys, self.now())?;
            self.services.tokens.load(&self.store, &self.keys, self.now())?;
            self.install(Fresh::Rules(Box::new(self.load_rules()?)));
            self.install(Fresh::Keys(self.store.read_wait(super::opening::load_keys)?));
            self.stale.pay(owed);
        }
        Ok(())
    }

    /// Whether the keyring in memory may not be the stored one, because a change of it failed or may have.
    #[must_use]
    pub fn keyring_pending(&self) -> bool {
        self.keyring_stale.owed().is_some()
    }

    /// Opens the stored keyring again if there is doubt about it. Asks the primary seal, so not on behalf of a request: what is
    /// in memory meanwhile opens everything that it opened before.
    ///
    /// # Errors
    /// When the seal does not open it, or the store fails; then it is still pending.
    pub fn finish_keyring(&self) -> Result<(), Error> {
        if let Some(owed) = self.keyring_stale.owed() {
            self.store.write_wait(after_the_unknown)?;
            self.reload_keyring()?;
            self.install(Fresh::Rules(Box::new(self.load_rules()?)));
            self.keyring_stale.pay(owed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    use avouch_charter::{Charter, SourceFile};
    use avouch_seal::SystemRandom;
    use avouch_seal::root::KeyFileSeal;
    use avouch_testkit::{Kind, Place};

    use super::super::opening::Parts;
    use super::*;
    use crate::MIGRATIONS;
    use crate::clock::ManualClock;
    use crate::erasure::ErasureSettings;
    use crate::keys::{Primary, Recovery};

    statements! {
        data ASLEEP = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = ?1";
    }

    fn vault(place: &Place) -> Arc<App> {
        let key = || KeyFileSeal::generate(&SystemRandom::new()).unwrap().0;
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
        let read = |name: &&str| {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            SourceFile { path: (*name).to_owned(), text }
        };
        let charter: Vec<_> = Charter::FILES.iter().map(read).collect();
        let parts = Parts {
            store: place.open(MIGRATIONS).unwrap(),
            primary: Primary { seal: Arc::new(key()), beside_data: false },
            clock: Arc::new(ManualClock::at(1_767_225_600_000_000)),
            environment: "test".to_owned(),
            erasure: ErasureSettings::default(),
            witnesses: Default::default(),
            people: Default::default(),
            outbox: Default::default(),
        };
        let recovery = key();
        let recovery = [Recovery { slot: "second".to_owned(), seal: &recovery }];
        App::init(parts, &recovery, &charter, "admin", 1).unwrap().app
    }

    /// As when the connection is cut while the server is at its commit.
    #[test]
    fn what_is_loaded_again_is_loaded_after_a_commit_that_is_still_under_way() {
        let place = Place::new(Kind::Postgres);
        let app = vault(&place);
        let late = "begin; update access_state set generation = generation + 1 where id = 1; \
                    select pg_sleep(0.8); commit";
        thread::scope(|scope| {
            scope.spawn(|| place.meddle(false, "", late));
            let (_open, pause) = mpsc::channel::<()>();
            let asleep = || {
                app.store
                    .read_wait(|tx| tx.first(&ASLEEP, avouch_store::params!["PgSleep"], |row| row.int(0)))
            };
            while asleep().unwrap() != Some(1) {
                let _ = pause.recv_timeout(Duration::from_millis(5));
            }
            app.doubt(Refresh::Access);
            app.mend().unwrap();
        });
        let stored = app.load_access().unwrap();
        assert!(!stored.newer_than(&app.access.read().unwrap()), "it was loaded too early, and nobody knows");
    }
}
