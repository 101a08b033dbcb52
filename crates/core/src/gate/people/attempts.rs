//! How often somebody may be wrong. Failures are counted by account and network together, by account, and by network; a name that
//! nobody has counts as one that somebody has.
//!
//! What keeps this from being a weapon: nothing is ever locked. A network from which an account was logged in to has its own
//! count, so that a stranger who guesses from elsewhere cannot shut the owner out; and passkeys are not counted at all. A success
//! takes back its own count and no other's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Error;

/// The time in which failures are counted together.
const WINDOW_MICROS: i64 = 15 * 60 * 1_000_000;
/// Failures for one account from one network.
const PAIR: u32 = 5;
/// Failures for one account from networks it is not known from.
const ACCOUNT: u32 = 25;
/// Failures from one network.
const NETWORK: u32 = 100;
/// Counts that are kept. When there are more, and none is old, a network that is not counted yet has to wait.
const KEPT: usize = 100_000;
/// Networks that each account is known from, and accounts that this is kept of.
const KNOWN: usize = 100_000;

/// Whose attempts: a digest of the account, or of the name that nobody has.
pub(super) type Account = [u8; 32];

/// See the module.
#[derive(Debug)]
pub(super) struct Attempts(Mutex<Counts>);

impl Default for Attempts {
    fn default() -> Self {
        Self::up_to(ACCOUNT)
    }
}

#[derive(Debug)]
struct Counts {
    /// How many of one account there may be from networks it is not known from.
    strangers: u32,
    failures: HashMap<Key, Count>,
    known: HashMap<(Account, Network), i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Pair(Account, Network),
    Account(Account),
    Network(Network),
}

/// The part of an address that belongs to one household or office: /24, or /64 of IPv6.
type Network = u64;

#[derive(Debug, Clone, Copy)]
struct Count {
    since: i64,
    failures: u32,
}

/// An attempt under way. It counts as a failure until it is taken back, so that a thousand at once are no way around.
#[derive(Debug)]
pub(super) struct Attempt {
    account: Account,
    network: Network,
}

impl Attempts {
    /// So many of one account from networks it is not known from.
    pub(super) fn up_to(strangers: u32) -> Self {
        Self(Mutex::new(Counts { strangers, failures: HashMap::new(), known: HashMap::new() }))
    }

    /// Lets an attempt begin.
    ///
    /// # Errors
    /// [`Error::TooMany`], with the seconds until the next one.
    pub(super) fn begin(&self, account: Account, from: IpAddr, now: i64) -> Result<Attempt, Error> {
        let network = network(from);
        let mut counts = self.lock();
        let keys = counts.barred(account, network, now)?;
        counts.make_room(now)?;
        for (key, _) in keys.into_iter().flatten() {
            let count = counts.failures.entry(key).or_insert(Count { since: now, failures: 0 });
            if now >= count.since.saturating_add(WINDOW_MICROS) {
                *count = Count { since: now, failures: 0 };
            }
            count.failures = count.failures.saturating_add(1);
        }
        Ok(Attempt { account, network })
    }

    /// Whether one may begin; nothing is counted.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub(super) fn barred(&self, account: Account, from: IpAddr, now: i64) -> Result<(), Error> {
        self.lock().barred(account, network(from), now).map(drop)
    }

    /// What was shown was never looked at, because the server could not: it was no failure. Whoever keeps the server busy would shut
    /// others out with it.
    pub(super) fn unjudged(&self, attempt: Attempt) {
        self.lock().take_back(&attempt);
    }

    /// The attempt was none of a stranger: it does not count, and its network is known from now on.
    pub(super) fn succeeded(&self, attempt: Attempt, now: i64) {
        let mut counts = self.lock();
        counts.take_back(&attempt);
        counts.know(attempt.account, attempt.network, now);
    }

    /// What was counted of the first half of a log-in, of which the second half has succeeded.
    pub(super) fn forgive(&self, account: Account, from: IpAddr) {
        self.lock().take_back(&Attempt { account, network: network(from) });
    }

    /// From now on the network is one that the account is known from.
    pub(super) fn know(&self, account: Account, from: IpAddr, now: i64) {
        self.lock().know(account, network(from), now);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts an attempt, and up to how many.
type Counted = [Option<(Key, u32)>; 3];

impl Counts {
    /// What counts an attempt that may begin.
    fn barred(&self, account: Account, network: Network, now: i64) -> Result<Counted, Error> {
        let known = self.known.contains_key(&(account, network));
        let keys = self.keys(account, network, known);
        for (key, most) in keys.iter().flatten() {
            if let Some(count) = self.current(*key, now)
                && count.failures >= *most
            {
                let micros = count.since.saturating_add(WINDOW_MICROS).saturating_sub(now);
                let seconds = u32::try_from(micros / 1_000_000 + 1).unwrap_or(u32::MAX);
                return Err(Error::TooMany { seconds });
            }
        }
        Ok(keys)
    }

    fn know(&mut self, account: Account, network: Network, now: i64) {
        if self.known.len() >= KNOWN
            && let Some(oldest) = self.known.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key)
        {
            self.known.remove(&oldest);
        }
        self.known.insert((account, network), now);
    }

    fn take_back(&mut self, Attempt { account, network }: &Attempt) {
        let known = self.known.contains_key(&(*account, *network));
        for (key, _) in self.keys(*account, *network, known).into_iter().flatten() {
            if let Some(count) = self.failures.get_mut(&key) {
                count.failures = count.failures.saturating_sub(1);
            }
        }
    }

    /// What counts an attempt, and up to how many. A network that the account is known from is not held to what strangers do.
    fn keys(&self, account: Account, network: Network, known: bool) -> Counted {
        [
            Some((Key::Pair(account, network), PAIR)),
            (!known).then_some((Key::Account(account), self.strangers)),
            Some((Key::Network(network), NETWORK)),
        ]
    }

    fn current(&self, key: Key, now: i64) -> Option<Count> {
        self.failures.get(&key).copied().filter(|count| now < count.since.saturating_add(WINDOW_MICROS))
    }

    fn make_room(&mut self, now: i64) -> Result<(), Error> {
        if self.failures.len() + 3 > KEPT {
            self.failures.retain(|_, count| now < count.since.saturating_add(WINDOW_MICROS));
        }
        if self.failures.len() + 3 > KEPT { Err(Error::Busy) } else { Ok(()) }
    }
}

/// The network of a household or an office that an address belongs to: /24, or /64 of IPv6. As a number, for counting.
#[must_use]
pub fn network(from: IpAddr) -> u64 {
    match from.to_canonical() {
        // Above every IPv6 network that is handed out.
        IpAddr::V4(address) => u64::MAX << 32 | u64::from(u32::from(address) >> 8),
        IpAddr::V6(address) => u64::try_from(u128::from(address) >> 64).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * 1_000_000;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn tries(attempts: &Attempts, account: u8, from: &str, now: i64) -> u32 {
        let begun = (0..200).take_while(|_| attempts.begin([account; 32], at(from), now).is_ok());
        u32::try_from(begun.count()).unwrap()
    }

    #[test]
    fn five_from_one_network_whatever_the_address_in_it() {
        let attempts = Attempts::default();
        assert_eq!(tries(&attempts, 1, "192.0.2.1", 0), PAIR);
        assert_eq!(tries(&attempts, 1, "192.0.2.254", 0), 0);
        assert_eq!(tries(&attempts, 1, "::ffff:192.0.2.7", 0), 0, "the same network, written as IPv6");
        assert_eq!(tries(&attempts, 1, "2001:db8::1", 0), PAIR);
        assert_eq!(tries(&attempts, 1, "2001:db8::ffff:1", 0), 0);
        assert!(matches!(
            attempts.begin([1; 32], at("192.0.2.1"), 5 * MINUTE),
            Err(Error::TooMany { seconds: 601 })
        ));
        assert_eq!(tries(&attempts, 1, "192.0.2.1", 15 * MINUTE), PAIR);
    }

    #[test]
    fn a_stranger_from_everywhere_does_not_shut_the_owner_out() {
        let attempts = Attempts::default();
        let attempt = attempts.begin([1; 32], at("198.51.100.7"), 0).unwrap();
        attempts.succeeded(attempt, 0);
        let guessed: u32 = (0..50).map(|net| tries(&attempts, 1, &format!("192.0.{net}.1"), 1)).sum();
        assert_eq!(guessed, ACCOUNT);
        assert_eq!(tries(&attempts, 1, "203.0.113.1", 1), 0, "nor does anybody go on from a new network");
        assert_eq!(tries(&attempts, 1, "198.51.100.9", 1), PAIR, "but the owner from theirs");
    }

    #[test]
    fn a_success_takes_back_its_own_count_only() {
        let attempts = Attempts::default();
        for _ in 0..4 {
            attempts.begin([1; 32], at("192.0.2.1"), 0).unwrap();
        }
        for _ in 0..50 {
            let attempt = attempts.begin([1; 32], at("192.0.2.1"), 0).unwrap();
            attempts.succeeded(attempt, 0);
        }
        assert_eq!(tries(&attempts, 1, "192.0.2.1", 0), 1);
    }

    #[test]
    fn what_was_never_looked_at_is_no_failure() {
        let attempts = Attempts::default();
        for _ in 0..50 {
            let attempt = attempts.begin([1; 32], at("192.0.2.1"), 0).unwrap();
            attempts.unjudged(attempt);
        }
        assert_eq!(tries(&attempts, 1, "192.0.2.1", 0), PAIR, "nor does it take back another's");
    }

    #[test]
    fn one_network_is_held_to_a_hundred_whoever_they_ask_for() {
        let attempts = Attempts::default();
        let all: u32 = (0..60).map(|account| tries(&attempts, account, "192.0.2.1", 0)).sum();
        assert_eq!(all, NETWORK);
    }

    #[test]
    fn memory_is_bounded_and_old_counts_make_room() {
        let attempts = Attempts::default();
        let address = |n: u32| {
            let [.., high, low] = n.to_be_bytes();
            IpAddr::from([10, high, low, 0])
        };
        let mut account = [0; 32];
        let mut begun = 0;
        for n in 0..60_000_u32 {
            account[..4].copy_from_slice(&n.to_be_bytes());
            begun += u32::from(attempts.begin(account, address(n), 0).is_ok());
        }
        assert!(attempts.lock().failures.len() <= KEPT);
        assert!(begun >= 33_000, "{begun}");
        assert!(attempts.begin([9; 32], at("2001:db8::1"), 15 * MINUTE).is_ok());
        assert_eq!(attempts.lock().failures.len(), 3);
    }
}
