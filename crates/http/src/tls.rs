//! TLS 1.3 and 1.2 with one provider, chosen here and not by whoever linked what. Nothing else may configure a connection.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use tokio_rustls::TlsAcceptor;

use crate::settings::Tls;

/// Reads certificate and key, and checks that they belong together.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`], saying which of the two cannot be used.
pub(crate) fn acceptor(tls: &Tls) -> io::Result<TlsAcceptor> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&tls.certificate_chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|_| unusable("the certificate chain is not PEM"))?;
    if chain.is_empty() {
        return Err(unusable("the certificate chain has no certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(&tls.private_key_pem)
        .map_err(|_| unusable("the private key is not PEM"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|_| unusable("the cryptography has no cipher suite for TLS"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&format!("certificate and private key do not serve: {error}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}
