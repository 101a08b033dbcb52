//! The face of a witness (c2sp.org/tlog-witness): a small server of its own, which knows no vault and takes no key.
//!
//! ```text
//! POST /add-checkpoint                          200 signature lines · 400 · 403 · 404 · 409 size of what it has seen · 422
//! GET  /{hex of SHA-256(origin)}/checkpoint     200 the newest that it has signed · 404
//! ```
//! Whatever is asked comes from strangers: what signs it is a signature of a log. So the limits are small ones: of connections, of
//! the time a request may take, and of a body, which is no longer than a request of the protocol. Judging and storing is the
//! [`Witness`]'s, on a thread that may wait for a disk.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use avouch_ledger::witness::{AddCheckpoint, Answer, MAX_REQUEST, SIZE_TYPE};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio::sync::watch;

use crate::client_address::Door;
use crate::server::Listener;
use crate::settings::Tls;
use crate::tls;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
/// Logs are few, and each asks once a second at most.
const CONNECTIONS: usize = 64;
const TEXT: &str = "text/plain; charset=utf-8";

/// What keeps the state of a witness, and its keys.
pub trait Witness: Send + Sync + 'static {
    /// Judges a request, stores what is accepted, and only then signs it.
    ///
    /// # Errors
    /// [`Unable`] when it could not be stored or signed; it has said why in its own log.
    fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<Verdict, Unable>;

    /// The newest checkpoint that it has signed of a log, which is named by the SHA-256 of its origin in hex.
    fn checkpoint(&self, log: &str) -> Option<String>;
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Verdict {
    /// Stored and signed: the signature lines.
    Cosigned(String),
    /// Anything else.
    Refused(Answer),
}

/// It could not be done here, whatever the request is worth.
#[derive(Debug, Clone, Copy)]
pub struct Unable;

/// A witness that has its address and does not serve yet.
#[derive(Debug)]
pub struct WitnessServer(Listener);

impl WitnessServer {
    /// Opens the listener.
    ///
    /// # Errors
    /// An address that cannot be had, or a certificate that cannot be used.
    pub async fn bind(listen: SocketAddr, tls: Option<&Tls>, witness: Arc<dyn Witness>) -> io::Result<Self> {
        let tls = tls.map(|tls| tls::acceptor(tls, None)).transpose()?;
        let router = Router::new()
            .route("/add-checkpoint", post(add_checkpoint))
            .route("/{log}/checkpoint", get(checkpoint))
            .with_state(witness);
        Ok(Self(Listener::open(listen, Arc::new(Door::plain()), router, tls, CONNECTIONS).await?))
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.0.address()
    }

    /// Serves until `shutdown` is over and what had begun has ended, or [`GRACE`](crate::GRACE) has passed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let stopping = async {
            shutdown.await;
            stop.send_replace(true);
        };
        tokio::join!(self.0.serve(stopped, |_| ()), stopping);
    }
}

async fn add_checkpoint(State(witness): State<Arc<dyn Witness>>, body: Body) -> Response {
    let Ok(body) = tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_REQUEST)).await else {
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    // What is longer than the protocol allows has not its form either.
    let body = body.ok().and_then(|body| String::from_utf8(body.into()).ok());
    let Some(request) = body.and_then(|body| AddCheckpoint::parse(&body).ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let judged = tokio::task::spawn_blocking(move || witness.add_checkpoint(&request)).await;
    match judged {
        Ok(Ok(Verdict::Cosigned(lines))) => text(StatusCode::OK, TEXT, lines),
        Ok(Ok(Verdict::Refused(answer))) => {
            let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            match answer {
                Answer::Conflict(_) => text(status, SIZE_TYPE, answer.body()),
                _ => status.into_response(),
            }
        }
        Ok(Err(Unable)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn checkpoint(State(witness): State<Arc<dyn Witness>>, Path(log): Path<String>) -> Response {
    // It waits for whoever is just being signed for, which must keep nobody else waiting.
    match tokio::task::spawn_blocking(move || witness.checkpoint(&log)).await {
        Ok(Some(note)) => text(StatusCode::OK, TEXT, note),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
