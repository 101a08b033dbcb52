//! Syslog: a message of RFC 5424 for each event, each behind its length (RFC 5425 by TLS; RFC 6587, 3.4.1 without).
//!
//! Syslog has no answers. So a batch has a connection of its own, of which our half is closed behind the last message: a receiver
//! that has read to that end closes the other half, and one that has gone away before leaves a reset or nothing. Until the close has
//! come the batch counts as not received and is sent again, so nothing is left out, and after an outage some may come twice.
//!
//! Trust: whoever can change the CA file, or the system's when none is given, can receive events in the receiver's place. Whoever
//! is in between and answers with a close of their own can make us go on: the receiver sees the gap in `metadata.sequence`.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;

use avouch_client::Identity;
use avouch_core::audit::{Ending, Event};
use avouch_wire::Time;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::{Batch, TIMEOUT};

/// See the module.
pub(super) struct Syslog {
    host: String,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Syslog {
    /// Reads the certificates. Opens no connection.
    ///
    /// # Errors
    /// Which of them cannot be used.
    pub(super) fn new(
        (host, port): (&str, u16),
        encrypted: bool,
        ca: Option<&[u8]>,
        identity: Option<&Identity>,
    ) -> Result<Self, String> {
        let tls = encrypted.then(|| {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| "the address names no host")?;
            Ok::<_, String>((Arc::new(config(ca, identity)?), name))
        });
        Ok(Self { host: host.to_owned(), port, tls: tls.transpose()? })
    }

    /// Sends messages, and is back when the receiver has read them.
    ///
    /// # Errors
    /// Why it is not known to have.
    pub(super) fn send(&self, batch: &Batch<'_>) -> Result<(), String> {
        let mut bytes = String::new();
        for (event, line) in &batch.events {
            let message = message(event, line);
            let _ = write!(bytes, "{} {message}", message.len());
        }
        self.hand_over(bytes.as_bytes()).map_err(|error| match error.get_ref() {
            Some(inner) if inner.is::<rustls::Error>() => format!("no trust: {inner}"),
            Some(inner) if inner.is::<NotConfirmed>() => inner.to_string(),
            _ => error.kind().to_string(),
        })
    }

    fn hand_over(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.connect()?;
        match &self.tls {
            None => {
                stream.write_all(bytes)?;
                stream.shutdown(Shutdown::Write)?;
                closed(&mut stream)
            }
            Some((config, name)) => {
                let mut connection =
                    ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
                let mut tls = rustls::Stream::new(&mut connection, &mut stream);
                tls.write_all(bytes)?;
                tls.flush()?;
                tls.conn.send_close_notify();
                while tls.conn.wants_write() {
                    tls.conn.write_tls(tls.sock)?;
                }
                tls.sock.shutdown(Shutdown::Write)?;
                closed(&mut tls)
            }
        }
    }

    /// The first of the host's addresses that answers.
    fn connect(&self) -> io::Result<TcpStream> {
        let mut failed = io::Error::from(ErrorKind::NotFound);
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT / 2) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(TIMEOUT))?;
                    stream.set_write_timeout(Some(TIMEOUT))?;
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// Waits until the other half is closed. Some close it without a last word of TLS: the end of the connection says the same.
fn closed(stream: &mut impl Read) -> io::Result<()> {
    let mut unasked = [0; 1024];
    loop {
        match stream.read(&mut unasked) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(io::Error::other(NotConfirmed));
            }
            Err(error) => return Err(error),
        }
    }
}

/// The receiver has taken everything and does not say so.
#[derive(Debug, thiserror::Error)]
#[error(
    "the receiver does not close the connection behind the last message, so it is not known to have read it"
)]
struct NotConfirmed;

/// Log audit.
const FACILITY: u8 = 13;

/// `<PRI>1 TIME - avouch - ACTION - EVENT`
fn message(event: &Event, line: &str) -> String {
    let severity = match event.ending {
        Ending::Done => 6,
        Ending::Refused => 5,
        Ending::Failed => 4,
    };
    let time = Time::from_micros(event.at).map_or_else(|| "-".to_owned(), |time| time.to_string());
    let action: String = event.what.chars().filter(char::is_ascii_graphic).take(32).collect();
    format!("<{}>1 {time} - avouch - {action} - {line}", FACILITY * 8 + severity)
}

fn config(ca: Option<&[u8]>, identity: Option<&Identity>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|_| "the CA file is not PEM")?;
                roots.add(certificate).map_err(|_| "the CA file has something that is no certificate")?;
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    if roots.is_empty() {
        return Err("there are no certificate authorities; name a CA file".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| "the cryptography has no cipher suite for TLS")?
        .with_root_certificates(roots);
    let Some(identity) = identity else { return Ok(config.with_no_client_auth()) };
    let chain = CertificateDer::pem_slice_iter(&identity.chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|_| "the certificate is not PEM")?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.0.as_bytes());
    let key = key.map_err(|_| "the private key is not PEM")?;
    config
        .with_client_auth_cert(chain, key)
        .map_err(|_| "certificate and private key do not belong together".to_owned())
}

#[cfg(test)]
mod tests;
