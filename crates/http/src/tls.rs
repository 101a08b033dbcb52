//! TLS 1.3 and 1.2 with one provider, chosen here and not by whoever linked what. Nothing else may configure a connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use avouch_core::app::App;
use avouch_core::gate::services::ShownCertificate;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;

use crate::settings::Tls;

/// Whose certificates clients are asked for, and what time it is for them.
#[derive(Clone)]
pub(crate) struct Clients {
    authorities: RootCertStore,
    clock: Arc<dyn TimeProvider>,
}

impl Clients {
    /// The authorities of a listener.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for what is no authority.
    pub(crate) fn new(app: &Arc<App>, authorities: Vec<CertificateDer<'static>>) -> io::Result<Self> {
        let mut store = RootCertStore::empty();
        for authority in authorities {
            let added = store.add(authority);
            added.map_err(|_| unusable("a certificate of `client_ca` is none of an authority"))?;
        }
        Ok(Self { authorities: store, clock: Arc::new(Clock(Arc::clone(app))) })
    }

    /// Reads authorities out of PEM.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`].
    pub(crate) fn read(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        read.map_err(|_| unusable("the authorities of `client_ca` are not PEM"))
    }
}

/// The vault's time, by which everything else is judged too.
#[derive(Debug)]
struct Clock(Arc<App>);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now() / 1_000_000).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// The certificate of a client on its connection, which TLS has found good.
#[derive(Debug, Clone)]
pub(crate) struct ClientCertificate(pub(crate) Arc<ShownCertificate>);

impl ClientCertificate {
    /// What a connection has shown, if it has shown one that can be read.
    pub(crate) fn of(connection: &ServerConnection) -> Option<Self> {
        let own = connection.peer_certificates()?.first()?;
        ShownCertificate::read(own).ok().map(|shown| Self(Arc::new(shown)))
    }
}

/// Reads certificate and key, and checks that they belong together.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`], saying which of the two cannot be used.
pub(crate) fn acceptor(tls: &Tls, clients: Option<Clients>) -> io::Result<TlsAcceptor> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&tls.certificate_chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|_| unusable("the certificate chain is not PEM"))?;
    if chain.is_empty() {
        return Err(unusable("the certificate chain has no certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(&tls.private_key_pem)
        .map_err(|_| unusable("the private key is not PEM"))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let no_suite = |_| unusable("the cryptography has no cipher suite for TLS");
    let config = match clients {
        None => ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(no_suite)?
            .with_no_client_auth(),
        Some(Clients { authorities, clock }) => {
            let asked =
                WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider));
            let asked = asked.allow_unauthenticated().build();
            let asked = asked.map_err(|_| unusable("there is no authority for certificates of clients"))?;
            ServerConfig::builder_with_details(provider, clock)
                .with_protocol_versions(&[&TLS13, &TLS12])
                .map_err(no_suite)?
                .with_client_cert_verifier(asked)
        }
    };
    let mut config = config
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&format!("certificate and private key do not serve: {error}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
