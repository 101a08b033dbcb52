//! What all requests share, and what is known of each route before its handler runs. The table of routes is made from the
//! OpenAPI document, which is made from the handlers: there is no second list to forget.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use avouch_core::app::App;
use avouch_wire::{header, limits};
use axum::body::Bytes;
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

use crate::client_address::Door;
use crate::face::{Face, faces};
use crate::metrics::{Metrics, RouteMetrics};
use crate::rates::Rates;
use crate::settings::{LookAtMemory, LookAtSiem, NextSeal, Settings};
use crate::{compat, console, scim};

/// What handlers and layers hold of the server.
pub(crate) type Shared = Arc<Service>;

/// See the module.
pub(crate) struct Service {
    pub(crate) app: Arc<App>,
    pub(crate) metrics: Metrics,
    pub(crate) in_flight: Semaphore,
    /// Memory for bodies, in units of [`BODY_UNIT`].
    pub(crate) bodies: Semaphore,
    /// The same for callers who have not shown yet who they are.
    pub(crate) visitors: Semaphore,
    pub(crate) rates: Rates,
    pub(crate) started: Instant,
    pub(crate) next_seal: Option<NextSeal>,
    pub(crate) memory: LookAtMemory,
    pub(crate) siem: LookAtSiem,
    pub(crate) queue_capacity: usize,
    /// Where people reach the pages, without a slash at the end.
    pub(crate) origin: Option<String>,
    /// Whether clients are asked for certificates.
    pub(crate) asks_certificates: bool,
    /// Whether it speaks TLS at any of its addresses: then this is how clients are to come.
    pub(crate) encrypted: bool,
    /// The OpenAPI document, written once.
    pub(crate) openapi: Bytes,
    routes: HashMap<String, Vec<Route>>,
    unknown: Route,
    hidden: Route,
    ids: RequestIds,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("app", &self.app).finish_non_exhaustive()
    }
}

/// Bytes of a body that are counted as one.
pub(crate) const BODY_UNIT: usize = 1 << 10;

impl Service {
    pub(crate) fn new(app: Arc<App>, settings: &Settings, openapi: &OpenApi) -> Self {
        let metrics = Metrics::new();
        let mut routes: HashMap<String, Vec<Route>> = HashMap::new();
        for (path, item) in &openapi.paths.paths {
            let of_path = operations(item).map(|(method, operation)| Route {
                open: crate::openapi::is_open(path),
                query: takes(operation, &ParameterIn::Query, None),
                idempotent: takes(operation, &ParameterIn::Header, Some(header::IDEMPOTENCY_KEY)),
                metrics: metrics.route(&method, path),
                faces: faces(&method, path),
                hidden: false,
                path: path.clone(),
                method,
            });
            routes.insert(path.clone(), of_path.collect());
        }
        for (method, path) in console::ROUTES {
            let method = if method == "POST" { Method::POST } else { Method::GET };
            let route = Route {
                // A page that needs somebody sends its reader to log in.
                open: true,
                query: method == Method::GET,
                idempotent: false,
                metrics: metrics.route(&method, path),
                faces: faces(&method, path),
                hidden: false,
                path: path.to_owned(),
                method,
            };
            routes.entry(path.to_owned()).or_default().push(route);
        }
        for (path, methods) in scim::ROUTES {
            let of_path = methods.iter().filter_map(|method| Method::from_bytes(method.as_bytes()).ok());
            let of_path = of_path.map(|method| Route {
                open: false,
                query: true,
                idempotent: false,
                metrics: metrics.route(&method, path),
                faces: faces(&method, path),
                hidden: false,
                path: path.to_owned(),
                method,
            });
            routes.insert(path.to_owned(), of_path.collect());
        }
        let stand_in = |hidden| Route {
            faces: &[],
            hidden,
            path: "(no route)".to_owned(),
            method: Method::GET,
            open: true,
            query: true,
            idempotent: true,
            metrics: metrics.route(&Method::GET, "(no route)"),
        };
        let (unknown, hidden) = (stand_in(false), stand_in(true));
        let encrypted = settings.listeners.iter().any(|listener| listener.tls.is_some());
        Self {
            in_flight: Semaphore::new(settings.max_in_flight),
            bodies: Semaphore::new(limits::BODIES_BYTES / BODY_UNIT),
            visitors: Semaphore::new(limits::VISITOR_BODIES_BYTES / BODY_UNIT),
            rates: Rates::new(&settings.rates),
            started: Instant::now(),
            next_seal: settings.next_seal.clone(),
            memory: Arc::clone(&settings.memory),
            siem: Arc::clone(&settings.siem),
            queue_capacity: settings.queue_capacity,
            origin: settings.origin.clone(),
            asks_certificates: encrypted && settings.client_ca.is_some(),
            encrypted,
            openapi: serde_json::to_vec(openapi).unwrap_or_default().into(),
            ids: RequestIds::from(app.now()),
            app,
            metrics,
            routes,
            unknown,
            hidden,
        }
    }

    /// The route that was matched; a stand-in when there was none, or none that this listener shows.
    pub(crate) fn route(&self, request: &Request, door: &Door) -> &Route {
        // Transit engines have a method of their own for what is a GET elsewhere.
        let reads = request.method() == Method::HEAD || compat::is_list(request.method());
        let method = if reads { &Method::GET } else { request.method() };
        let path = request.extensions().get::<MatchedPath>();
        let Some(routes) = path.and_then(|path| self.routes.get(path.as_str())) else { return &self.unknown };
        match routes.iter().find(|route| route.method == *method) {
            Some(route) if door.serves(route.faces) => route,
            Some(_) => &self.hidden,
            // The answer would name the methods that there are.
            None if routes.iter().all(|route| door.serves(route.faces)) => &self.unknown,
            None => &self.hidden,
        }
    }

    pub(crate) fn request_id(&self) -> RequestId {
        self.ids.next()
    }
}

/// One method of one path.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The template: `/v1/subjects/{id}`.
    pub(crate) path: String,
    /// Whether it needs no credential.
    pub(crate) open: bool,
    /// Where it is answered.
    pub(crate) faces: &'static [Face],
    /// Whether it stands for a route that is not shown here.
    pub(crate) hidden: bool,
    /// Whether it takes any query parameter.
    pub(crate) query: bool,
    /// Whether it takes an `Idempotency-Key`.
    pub(crate) idempotent: bool,
    pub(crate) metrics: RouteMetrics,
}

fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// Whether an operation has a parameter there, of this name if one is given.
fn takes(operation: &Operation, place: &ParameterIn, name: Option<&str>) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => {
            parameter.parameter_in == *place
                && name.is_none_or(|name| parameter.name.eq_ignore_ascii_case(name))
        }
        RefOr::Ref(_) => false,
    })
}

/// Names a request: unique in this process and, by its start, most likely in all. Made here and never taken from the client,
/// who could otherwise write into our logs.
#[derive(Debug)]
struct RequestIds {
    next: AtomicU64,
}

impl RequestIds {
    fn from(now: i64) -> Self {
        Self { next: AtomicU64::new(now.cast_unsigned() << 12) }
    }

    fn next(&self) -> RequestId {
        // A bijection (the finaliser of SplitMix64), so that ids differ and do not count requests for all to see.
        let mut mixed = self.next.fetch_add(1, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mut text = *b"req_0000000000000000";
        data_encoding::HEXLOWER.encode_mut(&(mixed ^ (mixed >> 31)).to_be_bytes(), text.split_at_mut(4).1);
        RequestId(text)
    }
}

/// `req_` and sixteen hexadecimal digits.
#[derive(Clone, Copy)]
pub(crate) struct RequestId([u8; 20]);

impl RequestId {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn request_ids_differ_and_have_one_form() {
        let ids = RequestIds::from(1_700_000_000_000_000);
        let made: HashSet<String> = (0..10_000).map(|_| ids.next().to_string()).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.iter().all(|id| id.len() == 20 && id.starts_with("req_")));
    }
}
