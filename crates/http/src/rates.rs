//! How many requests somebody may send: each person, with all accounts that they have, and each program by who they are, whoever has not shown who they are by the network they
//! come from. A bucket that fills again evenly (GCRA); what is too much is answered at once and costs nothing.
//!
//! Failed log-ins are not counted here but in `gate/people/attempts.rs`. What is kept is bounded: where more come than can be told apart, the
//! rest share one bucket.

use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use avouch_core::PrincipalId;
use avouch_core::gate::{Caller, network};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::settings::{Rate, RateSettings};

/// Callers that are told apart in each table.
const TOLD_APART: usize = 100_000;
/// Requests after which a table that is full is looked through for those that have nothing left to wait for.
const LOOKED_THROUGH: u32 = 1_000;

/// See the module.
pub(crate) struct Rates {
    people: Option<Table<PrincipalId>>,
    services: Option<Table<PrincipalId>>,
    visitors: Option<Table<u64>>,
}

/// How a caller stands with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    name: &'static str,
    rate: Rate,
    /// Requests that are left.
    remaining: u32,
    /// Seconds to wait for the next one; nothing when this one was let through.
    pub(crate) wait: Option<u32>,
}

/// Time since the server started.
#[derive(Debug, Clone, Copy)]
struct Running(Instant);

impl Clock for Running {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

type Limiter<K> = RateLimiter<Option<K>, HashMapStateStore<Option<K>>, Running, StateInformationMiddleware>;

struct Table<K: Hash + Eq + Clone> {
    name: &'static str,
    rate: Rate,
    clock: Running,
    /// Nothing is whoever could not be told apart.
    limiter: Limiter<K>,
    passed: std::sync::atomic::AtomicU32,
}

impl Rates {
    pub(crate) fn new(settings: &RateSettings) -> Self {
        let clock = Running(Instant::now());
        Self {
            people: settings.people.and_then(|rate| Table::new("people", rate, clock)),
            services: settings.services.and_then(|rate| Table::new("services", rate, clock)),
            visitors: settings.visitors.and_then(|rate| Table::new("visitors", rate, clock)),
        }
    }

    /// Counts a request of somebody who is known; nothing when they have no limit.
    pub(crate) fn caller(&self, caller: &Caller) -> Option<Standing> {
        let table = if caller.is_service() { &self.services } else { &self.people };
        table.as_ref().map(|table| table.count(caller.person()))
    }

    /// Counts a request of somebody who is not.
    pub(crate) fn visitor(&self, from: IpAddr) -> Option<Standing> {
        self.visitors.as_ref().map(|table| table.count(network(from)))
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone> Table<K> {
    /// Nothing when a rate is so high that there is no time between two requests.
    fn new(name: &'static str, rate: Rate, clock: Running) -> Option<Self> {
        let period = Duration::from_secs(1).checked_div(rate.per_second.get())?;
        let quota = Quota::with_period(period)?.allow_burst(rate.burst);
        let limiter = Limiter::new(quota, HashMapStateStore::default(), clock);
        Some(Self { name, rate, clock, limiter, passed: 0.into() })
    }

    fn count(&self, key: K) -> Standing {
        let standing = |remaining, wait| Standing { name: self.name, rate: self.rate, remaining, wait };
        match self.limiter.check_key(&self.room().then_some(key)) {
            Ok(state) => standing(state.remaining_burst_capacity(), None),
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                standing(0, Some(whole_seconds(wait).max(1)))
            }
        }
    }

    /// Whether another caller can be told apart from others.
    fn room(&self) -> bool {
        if self.limiter.len() < TOLD_APART {
            return true;
        }
        let passed = self.passed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if passed.is_multiple_of(LOOKED_THROUGH) {
            self.limiter.retain_recent();
        }
        self.limiter.len() < TOLD_APART
    }
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

impl Standing {
    /// `RateLimit-Policy` and `RateLimit`, as draft-ietf-httpapi-ratelimit-headers-10 has them: how many requests fit into which time, how
    /// many are left, and when all of them are there again.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Self { name, rate, remaining, .. } = self;
        let seconds = |requests: u32| requests.div_ceil(rate.per_second.get()).max(1);
        let (burst, missing) = (rate.burst.get(), rate.burst.get().saturating_sub(*remaining));
        let policy = format!("\"{name}\";q={burst};w={}", seconds(burst));
        let limit = format!("\"{name}\";r={remaining};t={}", seconds(missing));
        for (header, text) in [(POLICY, policy), (LIMIT, limit)] {
            if let Ok(text) = HeaderValue::from_str(&text) {
                headers.insert(header, text);
            }
        }
    }
}

fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

impl Rate {
    /// So many requests a second on the long run, so many at once.
    #[must_use]
    pub const fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { per_second, burst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate::new(per_second.try_into().unwrap(), burst.try_into().unwrap())
    }

    fn visitors(per_second: u32, burst: u32) -> Rates {
        Rates::new(&RateSettings { visitors: Some(rate(per_second, burst)), ..RateSettings::default() })
    }

    fn passes(rates: &Rates, from: &str) -> bool {
        rates.visitor(from.parse().unwrap()).unwrap().wait.is_none()
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_has_so_many_at_once_and_then_as_they_come_back() {
        let rates = visitors(2, 5);
        let all = (0..20).filter(|n| passes(&rates, &format!("192.0.2.{n}"))).count();
        assert_eq!(all, 5, "whatever the address in it");
        assert!(!passes(&rates, "::ffff:192.0.2.77"), "or how it is written");
        assert!(passes(&rates, "198.51.100.1"), "another network is another");
        let standing = rates.visitor("192.0.2.1".parse().unwrap()).unwrap();
        assert_eq!(standing.wait, Some(1));
        let mut headers = HeaderMap::new();
        standing.tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"visitors\";q=5;w=3");
        assert_eq!(headers["ratelimit"], "\"visitors\";r=0;t=3");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..9).filter(|_| passes(&rates, "192.0.2.1")).count(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(
            (0..9).filter(|_| passes(&rates, "192.0.2.1")).count(),
            5,
            "no more than at the beginning"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_who_cannot_be_told_apart_shares_a_bucket() {
        let rates = visitors(1, 10);
        let from = |n: u32| IpAddr::from((0x0a00_0000 | n).to_be_bytes());
        let wide =
            |n: u32| IpAddr::from(std::net::Ipv6Addr::from((u128::from(n) << 64) | (0x2001_0db8 << 96)));
        for n in 0..120_000 {
            rates.visitor(wide(n));
        }
        let table = rates.visitors.as_ref().unwrap();
        assert!(table.limiter.len() <= TOLD_APART + 1);
        assert!(rates.visitor(from(1)).unwrap().wait.is_some(), "the shared bucket is empty");
        tokio::time::advance(Duration::from_secs(60)).await;
        for n in 0..LOOKED_THROUGH {
            rates.visitor(from(n));
        }
        assert!(table.limiter.len() < TOLD_APART, "those who have nothing to wait for are forgotten");
        assert!(rates.visitor(from(1)).unwrap().wait.is_none());
    }
}
