//! Trust: which certificates a server may show. Whoever can change the given CA file, or the system's store when none is given, can make
//! us send a key to a server of theirs.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::{Error, Identity};

/// rustls with aws-lc-rs; the roots are those of `ca` and no others, or the system's.
pub(crate) fn config(ca: Option<&[u8]>) -> Result<TlsConfig, Error> {
    config_with(ca, None)
}

/// The same, with a certificate to show.
pub(crate) fn config_with(ca: Option<&[u8]>, identity: Option<&Identity>) -> Result<TlsConfig, Error> {
    let roots = match ca {
        Some(pem) => given(pem)?,
        None => system()?,
    };
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .client_cert(identity.map(shown).transpose()?)
        .build())
}

fn shown(identity: &Identity) -> Result<ClientCert, Error> {
    let chain = given(&identity.chain)?;
    let key = PrivateKey::from_pem(identity.key.0.as_bytes());
    let key = key.map_err(|_| Error::Setup("the private key is not PEM".to_owned()))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn given(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
    let mut roots = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => roots.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(Error::Setup("the CA file is not PEM".to_owned())),
        }
    }
    if roots.is_empty() {
        return Err(Error::Setup("the CA file has no certificate".to_owned()));
    }
    Ok(roots)
}

fn system() -> Result<Vec<Certificate<'static>>, Error> {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> = found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    if roots.is_empty() {
        return Err(Error::Setup("this machine has no certificate authorities; name a CA file".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        for pem in ["", "not pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(config(Some(pem.as_bytes())), Err(Error::Setup(_))), "{pem}");
        }
    }
}
