//! Listening, and ending well. Connections are served by tasks of the caller's runtime; a stop closes the listeners, lets every
//! request that has begun finish, and after [`GRACE`] lets go of the rest: their operations still end in the store.
//!
//! Limits here are against those who hold connections without using them: a number of connections, a time for the handshake
//! and one for the head of a request.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use avouch_core::app::App;
use axum::Router;
use axum::body::Body;
use axum::http::header::ALLOW;
use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use crate::client_address::Door;
use crate::layers::Hidden;
use crate::service::{Service, Shared};
use crate::settings::{ClientCa, Settings};
use crate::tls::{ClientCertificate, Clients};
use crate::wiped::Wiped;
use crate::{api, metrics, tls};

/// How long requests may go on after a stop.
pub const GRACE: Duration = Duration::from_secs(10);
/// How long the head of a request may take, and with it how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(30);
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// The head of a request; bodies have their own limits. A reason of 500 characters may take 6,000 of them. No more: this is
/// the size that the buffer of a connection begins with, and in one that had to grow something of a head would stay behind.
const HEAD_BYTES: usize = 8 * 1024;
/// Scrapers are few.
const METRICS_CONNECTIONS: usize = 16;

/// A server that has its addresses and does not serve yet.
#[derive(Debug)]
pub struct Server {
    service: Shared,
    /// There is at least one.
    listeners: Vec<Listener>,
    metrics: Option<Listener>,
}

/// An address that connections are taken at, and what answers them.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    door: Arc<Door>,
    router: Router,
    tls: Option<TlsAcceptor>,
    connections: Arc<Semaphore>,
}

/// Opens the listeners.
///
/// # Errors
/// An address that cannot be had, or a certificate that cannot be used.
pub async fn bind(app: Arc<App>, settings: Settings) -> io::Result<Server> {
    let clients = clients(&app, settings.client_ca.clone()).await?;
    let (routes, openapi) = api::routes();
    let service = Arc::new(Service::new(app, &settings, &openapi));
    let mut listeners = Vec::new();
    for wanted in &settings.listeners {
        let door = Arc::new(Door::new(wanted, service.metrics.address_faults.clone()));
        let router = api::router(routes.clone(), &service, &door);
        let tls = wanted
            .tls
            .as_ref()
            .map(|tls| tls::acceptor(tls, clients.clone()))
            .transpose()
            .map_err(at(wanted.listen))?;
        listeners.push(Listener::open(wanted.listen, door, router, tls, settings.max_connections).await?);
    }
    if listeners.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is nothing to listen at"));
    }
    let metrics = match settings.metrics {
        Some(metrics) => {
            let router = metrics::router(Arc::clone(&service), metrics.token);
            let tls = metrics
                .tls
                .as_ref()
                .map(|tls| tls::acceptor(tls, None))
                .transpose()
                .map_err(at(metrics.listen))?;
            let door = Arc::new(Door::plain());
            Some(Listener::open(metrics.listen, door, router, tls, METRICS_CONNECTIONS).await?)
        }
        None => None,
    };
    Ok(Server { service, listeners, metrics })
}

/// Says which address it was.
fn at(address: SocketAddr) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{address}: {error}"))
}

/// Whose certificates clients are asked for. The vault's own authority is made when there is none yet.
async fn clients(app: &Arc<App>, ca: Option<ClientCa>) -> io::Result<Option<Clients>> {
    let authorities = match ca {
        None => return Ok(None),
        Some(ClientCa::Pem(pem)) => Clients::read(&pem)?,
        Some(ClientCa::BuiltIn) => {
            let keeper = Arc::clone(app);
            let own = tokio::task::spawn_blocking(move || keeper.service_authority()).await;
            vec![own.map_err(io::Error::other)?.map_err(io::Error::other)?.into()]
        }
    };
    Clients::new(app, authorities).map(Some)
}

impl Server {
    /// Where it listens, in the order of the settings; there is at least one.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::address).collect()
    }

    /// Where metrics listen.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Listener::address)
    }

    /// Serves until `shutdown` is over and what had begun has ended, or [`GRACE`] has passed.
    ///
    /// # Errors
    /// None at present: a listener that fails to accept is tried again.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let (stop, stopped) = watch::channel(false);
        let listeners = self.listeners.into_iter().map(|listener| {
            let connections = self.service.metrics.connections.clone();
            let mut known = 0;
            listener.serve(stopped.clone(), move |open| {
                connections.inc_by(open - known);
                known = open;
            })
        });
        let listeners = join_all(listeners);
        let metrics = async {
            if let Some(metrics) = self.metrics {
                metrics.serve(stopped, |_| ()).await;
            }
        };
        let stopping = async {
            shutdown.await;
            tracing::info!("stopping: no new connections, requests that have begun are finished");
            stop.send_replace(true);
        };
        tokio::join!(listeners, metrics, stopping);
        Ok(())
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("address", &self.address)
            .field("encrypted", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

impl Listener {
    pub(crate) async fn open(
        address: SocketAddr,
        door: Arc<Door>,
        router: Router,
        tls: Option<TlsAcceptor>,
        connections: usize,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await.map_err(at(address))?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, door, router, tls, connections: Arc::new(Semaphore::new(connections)) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Until a stop, and until what had begun has ended.
    pub(crate) async fn serve(self, mut stopped: watch::Receiver<bool>, mut gauge: impl FnMut(i64)) {
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = told(&mut stopped) => break,
                Some(_) = tasks.join_next() => None,
                accepted = self.accept() => accepted,
            };
            if let Some((stream, peer, room)) = accepted {
                let (door, router) = (Arc::clone(&self.door), self.router.clone());
                let (tls, stopped) = (self.tls.clone(), stopped.clone());
                tasks.spawn(async move {
                    connection(stream, peer, door, tls, router, stopped).await;
                    drop(room);
                });
            }
            gauge(i64::try_from(tasks.len()).unwrap_or(i64::MAX));
        }
        drop(self.socket);
        let finished = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, finished).await.is_err() {
            tracing::warn!("some requests did not end in time; their connections are closed");
        }
        gauge(0);
    }

    /// The next connection, once there is room for one.
    async fn accept(&self) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let room = Arc::clone(&self.connections).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            Ok((stream, peer)) => Some((stream, peer, room)),
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to come back instead of spinning.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }
}

/// Until a stop, which a server that is gone means too.
async fn told(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

async fn connection(
    mut stream: TcpStream,
    peer: SocketAddr,
    door: Arc<Door>,
    tls: Option<TlsAcceptor>,
    router: Router,
    stopped: watch::Receiver<bool>,
) {
    // Answers are small and complete: waiting to fill a packet only adds latency.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    // Before TLS: whoever makes a connection for somebody else says so first.
    let Some(from) = door.connected(&mut stream, peer.ip()).await else { return };
    match tls {
        None => serve(stream, from, None, door, router, stopped).await,
        // A handshake that fails is the network's daily weather and not worth a line.
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                let certificate = ClientCertificate::of(stream.get_ref().1);
                serve(stream, from, certificate, door, router, stopped).await;
            }
        }
    }
}

async fn serve<S>(
    stream: S,
    from: IpAddr,
    certificate: Option<ClientCertificate>,
    door: Arc<Door>,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        let peer = door.requested(from, request.headers());
        request.extensions_mut().insert(peer);
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        let answered = router.clone().call(request);
        async move {
            let mut response = answered.await?;
            if response.extensions().get::<Hidden>().is_some() {
                response.headers_mut().remove(ALLOW);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Wiped(stream)), answer);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // hyper's texts name the kind of fault, never what was sent.
        tracing::debug!(%error, "a connection ended early");
    }
}
