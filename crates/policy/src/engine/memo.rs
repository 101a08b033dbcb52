//! A bounded memory of answers: the same question is decided once.
//!
//! Sharded maps from a question's hash to the question and its answer. A full shard is emptied rather than
//! tended: decisions are few (classes, not persons), cheap to make again, and never stale, because an engine
//! never changes. It must never answer for another question: the stored one is compared, not only its hash.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

const SHARDS: usize = 16;

/// Answers `V` to questions `K`, at most `SHARDS * per_shard` of them.
pub(super) struct Memo<K, V> {
    hasher: RandomState,
    shards: [RwLock<Shard<K, V>>; SHARDS],
    per_shard: usize,
}

type Shard<K, V> = HashMap<u64, (K, Arc<V>), BuildHasherDefault<Identity>>;

impl<K, V> Memo<K, V> {
    pub(super) fn new(entries: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| RwLock::default()),
            per_shard: entries.div_ceil(SHARDS),
        }
    }

    /// The hash by which a question is found; borrowed and owned forms must hash alike.
    pub(super) fn hash(&self, question: &impl Hash) -> u64 {
        self.hasher.hash_one(question)
    }

    /// The remembered answer. Allocates nothing.
    pub(super) fn find(&self, hash: u64, is_it: impl FnOnce(&K) -> bool) -> Option<Arc<V>> {
        let shard = self.shard(hash).read().unwrap_or_else(PoisonError::into_inner);
        let (question, answer) = shard.get(&hash)?;
        is_it(question).then(|| answer.clone())
    }

    pub(super) fn keep(&self, hash: u64, question: K, answer: Arc<V>) {
        let mut shard = self.shard(hash).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= self.per_shard {
            shard.clear();
        }
        shard.insert(hash, (question, answer));
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard<K, V>> {
        // The map inside goes by the lowest and the highest bits of the hash, so the shard goes by middle ones.
        let [first, ..] = &self.shards;
        let index = usize::from(hash.to_le_bytes()[4]) % SHARDS;
        self.shards.get(index).unwrap_or(first)
    }
}

impl<K, V> std::fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo").field("per_shard", &self.per_shard).finish_non_exhaustive()
    }
}

/// The key is a hash already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_with_the_same_hash_is_another_question() {
        let memo = Memo::new(16);
        memo.keep(7, "one", Arc::new(1));
        assert_eq!(memo.find(7, |question| *question == "one").as_deref(), Some(&1));
        assert_eq!(memo.find(7, |question| *question == "two"), None);
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let memo = Memo::new(64);
        for number in 0..10_000_u64 {
            memo.keep(memo.hash(&number), number, Arc::new(number));
        }
        let entries: usize = memo.shards.iter().map(|shard| shard.read().unwrap().len()).sum();
        assert!(entries <= 64, "{entries}");
    }
}
