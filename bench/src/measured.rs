//! One measured figure, whoever was measured.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::load::Tally;
use crate::meter::Spent;

/// One scenario on one system.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) scenario: String,
    /// `avouch/sqlite`, `avouch/postgres`, or a baseline such as `postgres/plain`.
    pub(crate) on: String,
    /// Right answers within the window. A batch is one.
    pub(crate) ops: u64,
    pub(crate) seconds: f64,
    pub(crate) ops_per_second: f64,
    /// `None` where only the whole was timed.
    pub(crate) latency_us: Option<Latency>,
    /// Wrong or missing answers, warm-up included.
    pub(crate) errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_error: Option<String>,
    pub(crate) cpu_us_per_op: PerOp,
    /// The longest time between an answer and the proof of its event, meanwhile; `None` where nothing is proven.
    pub(crate) proven_after_ms: Option<f64>,
}

/// Microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    #[serde(rename = "p99.9")]
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// Microseconds of processor time; `None` where it could not be read or there is no such process.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct PerOp {
    pub(crate) server: Option<f64>,
    pub(crate) database: Option<f64>,
    pub(crate) client: Option<f64>,
}

impl Measured {
    /// From a run of the load generator.
    pub(crate) fn of_tally(scenario: &str, on: String, tally: Tally, spent: Spent) -> Self {
        let mut measured = Self::whole(scenario, on, tally.latency.len(), tally.window, spent);
        measured.latency_us = Latency::of(&tally.latency);
        measured.errors = tally.failures;
        measured.first_error = tally.first_failure;
        measured
    }

    /// From something that was timed as a whole.
    pub(crate) fn whole(scenario: &str, on: String, ops: u64, took: Duration, spent: Spent) -> Self {
        let per_op = |microseconds: Option<u64>| Some(microseconds? as f64 / ops.max(1) as f64);
        Self {
            scenario: scenario.to_owned(),
            on,
            ops,
            seconds: took.as_secs_f64(),
            ops_per_second: ops as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE),
            latency_us: None,
            errors: 0,
            first_error: None,
            cpu_us_per_op: PerOp {
                server: per_op(spent.server),
                database: per_op(spent.database),
                client: per_op(spent.client),
            },
            proven_after_ms: None,
        }
    }
}

/// Of nanoseconds, 1 µs to 2 min, to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 120_000_000_000, 3).expect("the bounds are valid")
}

impl Latency {
    /// From nanoseconds; `None` if there are none.
    pub(crate) fn of(nanoseconds: &Histogram<u64>) -> Option<Self> {
        let at = |quantile: f64| nanoseconds.value_at_quantile(quantile) as f64 / 1000.0;
        let max = nanoseconds.max() as f64 / 1000.0;
        let latency = Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max };
        (!nanoseconds.is_empty()).then_some(latency)
    }
}
