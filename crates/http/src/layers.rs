//! What happens to every request, in one place and in this order: id, room, credential, rate, query, handler within a time limit and
//! behind a net for panics, problem, headers, metrics, log line.
//!
//! One function instead of a stack of layers: the order is a matter of safety and should be read, not assembled. It never logs
//! or keeps a path, a query, a header's value or a body; only the route's template.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use avouch_core::PrincipalId;
use avouch_wire::{ProblemKind, header, limits};
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header as http};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::api::no_such_route;
use crate::client_address::{Door, Peer};
use crate::face::Face;
use crate::people;
use crate::problem::{Failure, busy, foreign, internal, unauthenticated};
use crate::rates::Standing;
use crate::service::{BODY_UNIT, Route, Service, Shared};
use crate::{compat, console, scim, services};

/// How long a request may take, its body's arrival included.
const REQUEST_TIME: Duration = Duration::from_secs(60);

/// Marks an answer for a route that this listener does not show. The router, which stands around us, names the methods that
/// there are: they are taken out again on the way to the socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hidden;

/// See the module.
pub(crate) async fn shell(
    State((service, door)): State<(Shared, Arc<Door>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = service.request_id();
    let route = service.route(&request, &door);
    let engine = compat::speaks(request.uri().path());
    let provisioning = scim::speaks(request.uri().path());
    // Only where a failure is shown as a page.
    let pages = door.serves(&[Face::Console]);
    let of_page = (pages && console::speaks(request.uri().path()))
        .then(|| (request.uri().path().to_owned(), request.method().clone()));
    request.extensions_mut().insert(id);
    let mut known = Known::default();
    let mut response = match answer(&service, route, engine, request, next, &mut known).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        service.metrics.count(failure.problem());
        let mut rendered = match (engine, of_page) {
            (true, _) => compat::render(failure),
            (false, Some((path, method))) => {
                console::render_failure(&service, failure, id, &path, method.as_str())
            }
            (false, None) if provisioning => scim::render(failure),
            (false, None) => failure.render(id.as_str()),
        };
        // What a failing answer was given besides, such as `Allow`, stays.
        for (name, value) in response.headers() {
            rendered.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        response = rendered;
    }
    if route.hidden {
        response.extensions_mut().insert(Hidden);
    }
    if let Some(standing) = known.standing {
        standing.tell(response.headers_mut());
    }
    dress(&mut response, &door, id.as_str());
    let took = begun.elapsed();
    route.metrics.observe(response.status(), took);
    log(route, &response, took, id.as_str(), known.principal);
    response
}

/// What came out about a request on its way.
#[derive(Default)]
struct Known {
    principal: Option<PrincipalId>,
    standing: Option<Standing>,
}

async fn answer(
    service: &Service,
    route: &Route,
    engine: bool,
    mut request: Request,
    next: Next,
    known: &mut Known,
) -> Result<Response, Failure> {
    let Ok(_room) = service.in_flight.try_acquire() else {
        return Err(busy());
    };
    let caller = authenticate(service, engine, &request);
    let Peer(from) = *request.extensions().get::<Peer>().ok_or_else(internal)?;
    let standing = match &caller {
        Ok(caller) => service.rates.caller(caller),
        Err(_) => service.rates.visitor(from),
    };
    // Who is let through as nobody needs no headers to count by.
    known.standing = standing.filter(|standing| caller.is_ok() || standing.wait.is_some());
    if let Some(seconds) = standing.and_then(|standing| standing.wait) {
        return Err(Failure::too_many(seconds));
    }
    let caller = match caller {
        Ok(caller) => Some(caller),
        // Somebody whose session has ended is nobody, and may log in.
        Err(failure) if route.open && failure.problem().kind == ProblemKind::NotAuthenticated => None,
        Err(failure) => return Err(failure),
    };
    // What visitors send weighs apart: however many of them are slow, whoever has shown who they are is not kept waiting.
    let (memory, most) = match &caller {
        Some(_) => (&service.bodies, limits::BULK_BODY_BYTES),
        None => (&service.visitors, limits::VISITOR_BODY_BYTES),
    };
    let Ok(_memory) = memory.try_acquire_many(weight(&request, most)) else {
        return Err(busy());
    };
    if let Some(caller) = caller {
        known.principal = Some(caller.id());
        request.extensions_mut().insert(caller);
    }
    if engine {
        compat::check(request.headers())?;
    }
    if !route.query && request.uri().query().is_some() {
        return Err(Failure::fault("?", "this route takes no query parameters"));
    }
    if !route.idempotent && request.headers().contains_key(header::IDEMPOTENCY_KEY) {
        return Err(Failure::fault(
            "",
            "this route takes no `Idempotency-Key`: a repeat would be a second act",
        ));
    }
    if route.hidden {
        return Err(no_such_route().await);
    }
    // A handler owns what it works with, so a panic leaves nothing of it behind; what it had begun in the store is undone there.
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(REQUEST_TIME, handled).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(_)) => {
            tracing::error!(method = %route.method, route = %route.path, "a handler panicked");
            Err(internal())
        }
        // The handler is dropped here, but what it handed to the store goes on without it.
        Err(_) => Err(Failure::new(
            ProblemKind::Timeout,
            "this took too long to wait for; it may yet be done: look before repeating",
        )),
    }
}

/// What a body weighs in memory while its request is at work; `most` is the largest that such a caller may send.
fn weight(request: &Request, most: usize) -> u32 {
    let declared = request.body().size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    let bytes = declared.unwrap_or(most).min(most);
    u32::try_from(bytes.div_ceil(BODY_UNIT)).unwrap_or(u32::MAX)
}

/// Who this is. A key or a token in a header, with what the token is bound to, or the cookie of a session; two are none. Every failure is the same answer.
fn authenticate(
    service: &Service,
    engine: bool,
    request: &Request,
) -> Result<avouch_core::gate::Caller, Failure> {
    let (headers, own) = (request.headers(), service.origin.as_deref());
    let mut sent = headers.get_all(http::AUTHORIZATION).iter();
    // The clients of transit engines have a header of their own for it.
    let mut token = headers.get_all(compat::TOKEN).iter().filter(|_| engine);
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && !headers.contains_key(http::AUTHORIZATION) && people::is_foreign_page(headers, own) {
        return Err(foreign());
    }
    let secret = match (sent.next(), sent.next(), token.next(), token.next()) {
        (Some(value), None, None, None) => {
            let value = value.to_str().ok();
            if let Some(token) = value.and_then(|value| value.strip_prefix("DPoP ")) {
                return services::by_proof(service, request, token);
            }
            value.and_then(|value| value.strip_prefix("Bearer "))
        }
        (None, None, Some(value), None) => value.to_str().ok(),
        (None, None, None, None) => {
            let cookie = people::cookie(headers, people::SESSION).filter(|cookie| cookie.starts_with("avs_"));
            if cookie.is_some() && changes && !people::is_own_page(headers, own) {
                return Err(foreign());
            }
            cookie
        }
        _ => None,
    };
    let secret = secret.ok_or_else(unauthenticated)?;
    if secret.starts_with(services::TOKEN) {
        return services::by_certificate(service, request, secret);
    }
    let Peer(from) = *request.extensions().get::<Peer>().ok_or_else(internal)?;
    service.app.authenticate(secret, from).map_err(|_| unauthenticated())
}

const REQUEST_ID: HeaderName = HeaderName::from_static(header::REQUEST_ID);

/// Headers on every answer.
fn dress(response: &mut Response, door: &Door, id: &str) {
    let headers = response.headers_mut();
    headers.reserve(6);
    // Only what is for everybody may say something else: checkpoints and tiles.
    headers.entry(http::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(http::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A page has one of its own, which lets it have the style and the script of this server.
    headers
        .entry(http::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(http::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    if door.encrypted {
        headers.insert(http::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// One line for each request: quiet for what went well, since the ledger has it.
fn log(route: &Route, response: &Response, took: Duration, id: &str, principal: Option<PrincipalId>) {
    let status = response.status().as_u16();
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                method = %route.method,
                route = %route.path,
                status,
                micros,
                request_id = id,
                principal = principal.map(tracing::field::display),
                "request"
            )
        };
    }
    match status {
        500.. => line!(warn),
        400.. => line!(info),
        _ => line!(debug),
    }
}

#[cfg(test)]
mod tests {
    use avouch_charter::SourceFile;
    use avouch_core::MIGRATIONS;
    use avouch_core::app::App;
    use avouch_core::app::opening::Parts;
    use avouch_core::clock::ManualClock;
    use avouch_core::keys::{Primary, Recovery};
    use avouch_seal::SystemRandom;
    use avouch_seal::root::KeyFileSeal;
    use avouch_testkit::{Kind, Place};
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::settings::Settings;

    fn service(place: &Place) -> Shared {
        let key = || KeyFileSeal::generate(&SystemRandom::new()).unwrap().0;
        let recovery = key();
        let parts = Parts {
            store: place.open(MIGRATIONS).unwrap(),
            primary: Primary { seal: Arc::new(key()), beside_data: false },
            clock: Arc::new(ManualClock::at(0)),
            environment: "test".to_owned(),
            erasure: Default::default(),
            witnesses: Default::default(),
            people: Default::default(),
            outbox: Default::default(),
        };
        let files = ["charter", "data", "purposes", "recipients", "retention", "roles"].map(|name| {
            let path = format!("{}/../../charter/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            SourceFile { path: format!("{name}.yaml"), text: std::fs::read_to_string(path).unwrap() }
        });
        let seals = [Recovery { slot: "second".to_owned(), seal: &recovery }];
        let made = App::init(parts, &seals, &files, "admin", 1).unwrap();
        let settings = Settings::plain("127.0.0.1:0".parse().unwrap());
        Arc::new(Service::new(made.app, &settings, &crate::api::routes().1))
    }

    async fn sent(handler: axum::routing::MethodRouter) -> (u16, String) {
        let place = Place::new(Kind::Sqlite);
        let state = (service(&place), Arc::new(Door::plain()));
        let router = Router::new().route("/healthz", handler).layer(from_fn_with_state(state, shell));
        let request = Request::get("/healthz").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_a_fault_of_ours_and_says_nothing() {
        #[expect(unreachable_code, reason = "a handler has to return something")]
        async fn handler() -> &'static str {
            panic!("ada@example.org");
            ""
        }
        let (status, body) = sent(get(handler)).await;
        assert_eq!(status, 500);
        assert!(body.contains("/problems/internal") && !body.contains("ada"), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_takes_too_long_is_given_up() {
        let (status, body) = sent(get(std::future::pending::<&'static str>)).await;
        assert_eq!(status, 504);
        assert!(body.contains("/problems/timeout") && body.contains("it may yet be done"), "{body}");
    }
}
