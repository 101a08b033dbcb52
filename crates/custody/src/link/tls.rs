//! Which certificates a service may show. Whoever can change the pinned authorities, or the system's where
//! none are pinned, can make us hand a key, and what lets us in, to a service of theirs.

use std::sync::Arc;

use avouch_seal::{Error, Result};
use rustls::crypto::aws_lc_rs;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// rustls with aws-lc-rs; the roots are those of `ca` and no others, or the system's.
pub(super) fn config(ca: Option<&[u8]>) -> Result<TlsConfig> {
    let roots = match ca {
        Some(pem) => pinned(pem)?,
        None => system()?,
    };
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .build())
}

fn pinned(pem: &[u8]) -> Result<Vec<Certificate<'static>>> {
    let mut roots = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => roots.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(Error::Parameters("the pinned authorities are not PEM")),
        }
    }
    if roots.is_empty() {
        return Err(Error::Parameters("there is no certificate among the pinned authorities"));
    }
    Ok(roots)
}

fn system() -> Result<Vec<Certificate<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> = found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    if roots.is_empty() {
        return Err(Error::Parameters("this machine has no certificate authorities; pin one"));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_authorities_without_a_certificate_are_refused() {
        for pem in ["", "not pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(config(Some(pem.as_bytes())), Err(Error::Parameters(_))), "{pem}");
        }
    }
}
