//! How many requests are taken of whom: `[limits]`.

use std::num::NonZeroU32;

use avouch_http::{Rate, RateSettings};
use serde::{Deserialize, Serialize};

/// See the module. 0 requests a second: no limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) people_per_second: u32,
    pub(crate) people_burst: u32,
    pub(crate) services_per_second: u32,
    pub(crate) services_burst: u32,
    pub(crate) visitors_per_second: u32,
    pub(crate) visitors_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            people_per_second: 0,
            people_burst: 1_000,
            services_per_second: 0,
            services_burst: 1_000,
            visitors_per_second: 100,
            visitors_burst: 1_000,
        }
    }
}

impl Limits {
    /// For the server.
    pub(crate) fn rates(&self) -> RateSettings {
        let rate = |per_second: u32, burst: u32| {
            let per_second = NonZeroU32::new(per_second)?;
            Some(Rate::new(per_second, NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN)))
        };
        RateSettings {
            people: rate(self.people_per_second, self.people_burst),
            services: rate(self.services_per_second, self.services_burst),
            visitors: rate(self.visitors_per_second, self.visitors_burst),
        }
    }
}
