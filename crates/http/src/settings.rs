//! What the server is started with. All of it is given: nothing here is read from the environment or a file.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use avouch_core::keys::Primary;
use avouch_wire::system::{Memory, Siem, Swap};
use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::client_address::forwarded::Chain;
use crate::face::Face;
use crate::tls;

/// Reads what is to be the next primary seal; or says why it cannot be used, without a secret.
pub type NextSeal = Arc<dyn Fn() -> Result<Primary, String> + Send + Sync>;

/// Tells how memory is kept from the disk, at this moment.
pub type LookAtMemory = Arc<dyn Fn() -> Memory + Send + Sync>;

/// Tells where events are sent to, and how far that is.
pub type LookAtSiem = Arc<dyn Fn() -> Vec<Siem> + Send + Sync>;

/// See the module.
pub struct Settings {
    /// Where to listen, and what for. The first is the one that the program names when it is asked where it is.
    pub listeners: Vec<ListenerSettings>,
    /// The listener for metrics, if there is to be one.
    pub metrics: Option<MetricsSettings>,
    /// Connections at a time for each listener; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Requests being worked on at a time; one more is answered `busy`.
    pub max_in_flight: usize,
    /// What `POST /v1/keys/reseal` puts in the place of the primary seal, if the configuration names anything.
    pub next_seal: Option<NextSeal>,
    /// For `GET /v1/status`.
    pub memory: LookAtMemory,
    /// For `GET /v1/status` and the metrics.
    pub siem: LookAtSiem,
    /// Where people reach the pages, such as `https://avouch.example.org`; without it there are no passkeys.
    pub origin: Option<String>,
    /// Whose certificates clients are asked for, over TLS; a client without one is let through without.
    pub client_ca: Option<ClientCa>,
    /// How many operations may wait for the store, for `GET /v1/status`.
    pub queue_capacity: usize,
    /// How many requests are taken of whom.
    pub rates: RateSettings,
}

impl Settings {
    /// Plain HTTP on this address for everything, with the usual limits, without metrics.
    #[must_use]
    pub fn plain(listen: SocketAddr) -> Self {
        Self {
            listeners: vec![ListenerSettings::plain(listen)],
            metrics: None,
            max_connections: 1024,
            max_in_flight: 2048,
            next_seal: None,
            memory: Arc::new(|| Memory {
                locked: false,
                swap: Swap::Unknown,
                detail: "nobody has looked".to_owned(),
            }),
            siem: Arc::new(Vec::new),
            origin: None,
            client_ca: None,
            queue_capacity: 4096,
            rates: RateSettings::default(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

/// How many requests are taken of whom; nothing: as many as come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateSettings {
    /// Of each person, by whatever they come.
    pub people: Option<Rate>,
    /// Of each program.
    pub services: Option<Rate>,
    /// Of each network, from whoever has not shown who they are.
    pub visitors: Option<Rate>,
}

/// So many requests a second on the long run, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// On the long run.
    pub per_second: NonZeroU32,
    /// At once, after a pause.
    pub burst: NonZeroU32,
}

/// One address, what is answered there, and whom it believes about where a caller comes from.
#[derive(Debug)]
pub struct ListenerSettings {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// How to encrypt; `None`: not at all, which is for loopback and for behind a proxy.
    pub tls: Option<Tls>,
    /// What is answered. Everything else is as if it were not there.
    pub faces: Vec<Face>,
    /// Where a caller comes from.
    pub client: ClientAddress,
}

impl ListenerSettings {
    /// Plain HTTP on this address, for everything, to whom the socket names.
    #[must_use]
    pub fn plain(listen: SocketAddr) -> Self {
        Self { listen, tls: None, faces: Face::ALL.to_vec(), client: ClientAddress::Direct }
    }
}

/// What a listener believes about where a caller comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAddress {
    /// The address at the other end of the socket, whatever is claimed.
    Direct,
    /// What the PROXY protocol says, of which every connection must have a header, from one of these peers. Others are dropped.
    ProxyProtocol {
        /// Where the proxies are.
        peers: Vec<IpNet>,
    },
    /// What a header says that came from one of these peers. Others are taken for what they are.
    Forwarded {
        /// Which header.
        chain: Chain,
        /// Where the proxies are.
        peers: Vec<IpNet>,
        /// How many of them there may be in a row.
        hops: usize,
    },
}

/// A certificate and its key, as PEM.
pub struct Tls {
    /// The certificate first, then its issuers.
    pub certificate_chain_pem: Vec<u8>,
    /// The private key: PKCS#8, SEC1 or PKCS#1.
    pub private_key_pem: Zeroizing<Vec<u8>>,
}

impl Tls {
    /// Whether a server can be started with it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`], saying which of the two cannot be used.
    pub fn check(&self) -> io::Result<()> {
        tls::acceptor(self, None).map(drop)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// Whose certificates of clients are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCa {
    /// The vault's own authority.
    BuiltIn,
    /// These authorities, as PEM.
    Pem(Vec<u8>),
}

/// Metrics have a listener and a secret of their own: who may see that the server is loaded need not reach its API.
pub struct MetricsSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How to encrypt.
    pub tls: Option<Tls>,
    /// What a scraper sends as its bearer token.
    pub token: Zeroizing<String>,
}

impl fmt::Debug for MetricsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsSettings").field("listen", &self.listen).finish_non_exhaustive()
    }
}
