//! Counters, in the text format of Prometheus. Labels are route templates, status classes and names of needs: closed lists, none
//! of which can hold a value of a request. A request touches atomics that were looked up when the server started.

use std::sync::Arc;
use std::time::Duration;

use avouch_core::ledger::{LogState, Published};
use avouch_wire::system::Siem;
use avouch_wire::{Problem, ProblemKind};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::perform::answered;
use crate::service::Shared;

/// See the module.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    refusals: Family<NeedLabels, Counter>,
    problems: Family<ProblemLabels, Counter>,
    integrity: Counter,
    waiting: Family<QueueLabels, Gauge>,
    siem_behind: Family<SiemLabels, Gauge>,
    siem_failing: Family<SiemLabels, Gauge>,
    log: LogGauges,
    /// Open connections to the API.
    pub(crate) connections: Gauge,
    pub(crate) address_faults: AddressFaults,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("avouch"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            refusals: Family::default(),
            problems: Family::default(),
            integrity: Counter::default(),
            waiting: Family::default(),
            siem_behind: Family::default(),
            siem_failing: Family::default(),
            log: LogGauges::default(),
            connections: Gauge::default(),
            address_faults: AddressFaults::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("http_requests", "Requests answered, by class of status", metrics.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to its answer",
            metrics.durations.clone(),
        );
        registry.register("http_connections", "Open connections", metrics.connections.clone());
        registry.register("http_problems", "Problems answered, by kind", metrics.problems.clone());
        registry.register("policy_refusals", "Refusals, by what was missing", metrics.refusals.clone());
        registry.register(
            "integrity_failures",
            "Sealed values that did not open: look at once",
            metrics.integrity.clone(),
        );
        registry.register("store_waiting", "Operations that wait for the store", metrics.waiting.clone());
        registry.register(
            "siem_behind",
            "Signed events that a place they are sent to does not have yet",
            metrics.siem_behind.clone(),
        );
        registry.register(
            "siem_failing",
            "1 where events could not be sent the last time",
            metrics.siem_failing.clone(),
        );
        registry.register(
            "client_address_faults",
            "Connections and requests that came by a proxy and did not say from where in a way to believe, by why",
            metrics.address_faults.0.clone(),
        );
        metrics.log.register(registry);
        metrics
    }

    /// The counters of one route.
    pub(crate) fn route(&self, method: &Method, path: &str) -> RouteMetrics {
        let (method, route) = (method.to_string(), path.to_owned());
        let counter = |status: &'static str| {
            let labels = RequestLabels { method: method.clone(), route: route.clone(), status };
            self.requests.get_or_create_owned(&labels)
        };
        RouteMetrics {
            statuses: [counter("2xx"), counter("3xx"), counter("4xx"), counter("5xx")],
            duration: self
                .durations
                .get_or_create_owned(&RouteLabels { method: method.clone(), route: route.clone() }),
        }
    }

    /// Counts a problem, also one of a batch's item.
    pub(crate) fn count(&self, problem: &Problem) {
        self.problems.get_or_create(&ProblemLabels { kind: problem.kind.slug() }).inc();
        for need in &problem.needs {
            self.refusals.get_or_create(&NeedLabels { need: need.need.clone() }).inc();
        }
        if problem.kind == ProblemKind::Integrity {
            self.integrity.inc();
        }
    }

    fn text(&self, writes: usize, reads: usize, log: Option<(LogState, i64)>, siem: Vec<Siem>) -> String {
        for Siem { name, behind, failing, .. } in siem {
            let labels = SiemLabels { name };
            self.siem_behind.get_or_create(&labels).set(i64::try_from(behind).unwrap_or(i64::MAX));
            self.siem_failing.get_or_create(&labels).set(i64::from(failing.is_some()));
        }
        if let Some((state, now)) = log {
            self.log.set(&state, now);
        }
        for (queue, waiting) in [("write", writes), ("read", reads)] {
            let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
            self.waiting.get_or_create(&QueueLabels { queue }).set(waiting);
        }
        let mut out = String::new();
        // Writing to a `String` does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// How often a proxy did not tell where a caller comes from.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressFaults(Family<FaultLabels, Counter>);

impl AddressFaults {
    pub(crate) fn count(&self, fault: &'static str) {
        self.0.get_or_create(&FaultLabels { fault }).inc();
    }

    #[cfg(test)]
    pub(crate) fn counted(&self, fault: &'static str) -> u64 {
        self.0.get_or_create(&FaultLabels { fault }).get()
    }
}

/// How it is with the log of events.
#[derive(Debug, Default)]
struct LogGauges {
    leaves: Gauge,
    checkpoint: Gauge,
    age: Gauge,
    witnesses: Gauge,
    witnessed: Gauge,
    unwitnessed: Gauge,
    broken: Gauge,
}

impl LogGauges {
    fn register(&self, registry: &mut Registry) {
        let gauges = [
            ("ledger_leaves", "Events in the log that goes on", &self.leaves),
            ("ledger_checkpoint_leaves", "Events that its newest checkpoint covers", &self.checkpoint),
            ("ledger_checkpoint_age_seconds", "Time since the newest checkpoint was signed", &self.age),
            (
                "ledger_checkpoint_witnesses",
                "Witnesses that have signed the newest checkpoint",
                &self.witnesses,
            ),
            (
                "ledger_witnessed_leaves",
                "Events that the newest witnessed checkpoint covers",
                &self.witnessed,
            ),
            (
                "ledger_unwitnessed_seconds",
                "For how long a checkpoint waits for witnesses",
                &self.unwitnessed,
            ),
            ("ledger_broken", "1 when nothing is signed any more: look at once", &self.broken),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
    }

    fn set(&self, state: &LogState, now: i64) {
        let signed = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        let since = |at: i64| now.saturating_sub(at).max(0) / 1_000_000;
        let covers = |published: &Option<Arc<Published>>| {
            published.as_ref().map_or(0, |published| signed(published.checkpoint.size))
        };
        let newest = state.published.as_ref();
        self.leaves.set(state.logs.first().map_or(0, |log| signed(log.size)));
        self.checkpoint.set(covers(&state.published));
        self.age.set(newest.map_or(0, |newest| since(newest.at)));
        self.witnesses.set(newest.map_or(0, |newest| signed(newest.witnesses.len() as u64)));
        self.witnessed.set(covers(&state.witnessed));
        self.unwitnessed.set(state.unwitnessed_since.map_or(0, since));
        self.broken.set(i64::from(state.fault.is_some()));
    }
}

/// The counters of one route, without any look-up.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    statuses: [Counter; 4],
    duration: Histogram,
}

impl RouteMetrics {
    pub(crate) fn observe(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2);
        if let Some(counter) = self.statuses.get(class) {
            counter.inc();
        }
        self.duration.observe(took.as_secs_f64());
    }
}

/// The page that a scraper reads, behind its token.
pub(crate) fn router(service: Shared, token: Zeroizing<String>) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state(Scraped { service, token: Arc::new(token) })
}

/// How long a scrape waits for the store.
const LOOK_TIME: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Scraped {
    service: Shared,
    token: Arc<Zeroizing<String>>,
}

async fn scrape(State(scraped): State<Scraped>, request: Request) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let sent = sent.strip_prefix(b"Bearer ").unwrap_or_default();
    // An empty token is no token.
    let known = !scraped.token.is_empty() && bool::from(sent.ct_eq(scraped.token.as_bytes()));
    if !known {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    let stats = scraped.service.app.store().stats();
    let app = &scraped.service.app;
    // A store that does not answer is seen by the other numbers; these stay as they were.
    let state = tokio::time::timeout(LOOK_TIME, answered(|answer| app.log_state(answer))).await;
    let log = state.ok().and_then(Result::ok).map(|state| (state, app.now()));
    let page = scraped.service.metrics.text(
        stats.waiting_writes,
        stats.waiting_reads,
        log,
        (scraped.service.siem)(),
    );
    let headers = [
        (header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, page).into_response()
}

/// From a quarter of a millisecond to ten seconds.
fn histogram() -> Histogram {
    Histogram::new([0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0])
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NeedLabels {
    need: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabels {
    kind: &'static str,
}

/// Names of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SiemLabels {
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabels {
    fault: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    queue: &'static str,
}
