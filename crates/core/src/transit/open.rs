//! Keys that were opened and are kept open, since making one ready takes longer than using it: some microseconds for each of its
//! versions, of P-384 a seventh of a millisecond.
//!
//! INVARIANT: a key is used by a request only when the row that the request's transaction finds is in the state that the key was
//! opened from. A state is sixteen random bytes, drawn anew at each change, so a key that was rotated, trimmed or deleted, or
//! made again under the name of another, is not found here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use avouch_seal::transit::TransitKey;

use super::KeyName;

/// A key that can work, and what is kept with it.
#[derive(Debug)]
pub(crate) struct OpenKey {
    pub(super) key: TransitKey,
    pub(super) deletion_allowed: bool,
}

impl OpenKey {
    fn versions(&self) -> usize {
        (self.key.latest() - self.key.min_available()) as usize + 1
    }
}

/// What a row was written as; see the module.
pub(super) type State = [u8; 16];

/// See the module. What is forgotten here is wiped when its last user is done with it.
#[derive(Default)]
pub(crate) struct OpenKeys(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    by_name: HashMap<KeyName, Entry>,
    /// Of all keys together.
    versions: usize,
    /// Counts uses.
    clock: u64,
    /// Where it stood at the last sweep.
    swept: u64,
}

struct Entry {
    state: State,
    open: Arc<OpenKey>,
    used: u64,
}

/// Versions that are kept ready: one takes a kilobyte or two.
const MOST_VERSIONS: usize = 4096;

impl OpenKeys {
    /// The key of this name, if it was opened in this state.
    pub(super) fn find(&self, name: &KeyName, state: &State) -> Option<Arc<OpenKey>> {
        let mut entries = self.lock();
        entries.clock += 1;
        let now = entries.clock;
        let entry = entries.by_name.get_mut(name).filter(|entry| entry.state == *state)?;
        entry.used = now;
        Some(Arc::clone(&entry.open))
    }

    /// Keeps a key open, and lets go of those that were used longest ago when there are too many.
    pub(super) fn keep(&self, name: KeyName, state: State, open: &Arc<OpenKey>) {
        let mut entries = self.lock();
        entries.clock += 1;
        entries.forget(&name);
        entries.versions += open.versions();
        let entry = Entry { state, open: Arc::clone(open), used: entries.clock };
        entries.by_name.insert(name, entry);
        while entries.versions > MOST_VERSIONS && entries.by_name.len() > 1 {
            let oldest = entries.by_name.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { return };
            entries.forget(&oldest);
        }
    }

    /// Lets go of a key that is being changed.
    pub(super) fn forget(&self, name: &KeyName) {
        self.lock().forget(name);
    }

    /// Lets go of keys that were not used since the last sweep: also of one that was opened while it was deleted.
    pub(crate) fn sweep(&self) {
        let mut entries = self.lock();
        let unused: Vec<KeyName> = entries
            .by_name
            .iter()
            .filter(|(_, entry)| entry.used <= entries.swept)
            .map(|(name, _)| name.clone())
            .collect();
        unused.iter().for_each(|name| entries.forget(name));
        entries.swept = entries.clock;
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn forget(&mut self, name: &KeyName) {
        if let Some(entry) = self.by_name.remove(name) {
            self.versions -= entry.open.versions();
        }
    }
}

impl core::fmt::Debug for OpenKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let entries = self.lock();
        f.debug_struct("OpenKeys")
            .field("keys", &entries.by_name.len())
            .field("versions", &entries.versions)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use avouch_seal::SystemRandom;
    use avouch_seal::transit::TransitKind;

    use super::*;

    fn key(versions: u32) -> Arc<OpenKey> {
        let rng = SystemRandom::new();
        let mut key = TransitKey::generate(TransitKind::Hmac, 0, &rng).expect("random");
        (1..versions).for_each(|_| key.rotate(0, &rng).expect("there is room"));
        Arc::new(OpenKey { key, deletion_allowed: false })
    }

    fn name(text: &str) -> KeyName {
        text.parse().expect("a name")
    }

    #[test]
    fn a_key_is_found_in_its_own_state_only() {
        let keys = OpenKeys::default();
        keys.keep(name("a"), [1; 16], &key(1));
        assert!(keys.find(&name("a"), &[1; 16]).is_some());
        assert!(keys.find(&name("a"), &[2; 16]).is_none() && keys.find(&name("b"), &[1; 16]).is_none());
        keys.keep(name("a"), [2; 16], &key(1));
        assert!(keys.find(&name("a"), &[1; 16]).is_none() && keys.find(&name("a"), &[2; 16]).is_some());
        keys.forget(&name("a"));
        assert!(keys.find(&name("a"), &[2; 16]).is_none());
    }

    #[test]
    fn those_used_longest_ago_make_room() {
        let keys = OpenKeys::default();
        let large = key(1000);
        for at in 0..4 {
            keys.keep(name(&format!("k{at}")), [0; 16], &large);
        }
        assert!(keys.find(&name("k0"), &[0; 16]).is_some());
        keys.keep(name("k4"), [0; 16], &large);
        let kept = [0, 1, 2, 3, 4].map(|at| keys.find(&name(&format!("k{at}")), &[0; 16]).is_some());
        assert_eq!(kept, [true, false, true, true, true]);
        assert_eq!(format!("{keys:?}"), "OpenKeys { keys: 4, versions: 4000 }");
    }

    #[test]
    fn a_sweep_leaves_what_was_used_since_the_last() {
        let keys = OpenKeys::default();
        keys.keep(name("a"), [0; 16], &key(1));
        keys.keep(name("b"), [0; 16], &key(1));
        keys.sweep();
        assert!(keys.find(&name("b"), &[0; 16]).is_some());
        keys.sweep();
        assert!(keys.find(&name("a"), &[0; 16]).is_none() && keys.find(&name("b"), &[0; 16]).is_some());
        keys.sweep();
        keys.sweep();
        assert_eq!(format!("{keys:?}"), "OpenKeys { keys: 0, versions: 0 }");
    }
}
