//! Sending to a receiver that is not avouch: events, to those who watch many systems. One address, one kind of body, and an answer of
//! which only the status counts: 2xx says that the receiver has it. Whoever calls this decides when to try again.
//!
//! Trust: whoever can change the CA file, or the system's when none is given, can receive what is sent in the receiver's place.

use std::{fmt, time::Duration};

use avouch_wire::{Secret, header};
use ureq::{
    Agent,
    http::{HeaderValue, Uri, header as http},
};

use crate::{Error, error::transport, loopback, tls};

/// Where to send, and how.
#[derive(Clone, Debug)]
pub struct PostOptions {
    /// `https://host[:port]/path`.
    pub url: String,
    /// The only certificate authorities to trust, as PEM; the system's when absent.
    pub ca: Option<Vec<u8>>,
    /// A certificate to show, with its issuers, and its key; both PEM.
    pub identity: Option<Identity>,
    /// What stands in `Authorization`: a token, which is sent as a bearer, or scheme and token with a space between.
    pub token: Option<Secret>,
    /// Speak plain HTTP with hosts other than the loopback. What is sent can then be read on the way.
    pub plain_http: bool,
    /// How long to wait for the connection, and for the answer.
    pub timeout: Duration,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate first, then its issuers, as PEM.
    pub chain: Vec<u8>,
    /// The private key, as PEM.
    pub key: Secret,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// See the module.
pub struct Post {
    agent: Agent,
    url: Uri,
    authorization: Option<HeaderValue>,
}

impl Post {
    /// Checks the options and prepares connections. Opens none yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if the URL, the token or the certificates cannot be used.
    pub fn new(options: &PostOptions) -> Result<Self, Error> {
        let setup = |text: &str| Error::Setup(format!("the URL {text}"));
        let url: Uri = options.url.parse().map_err(|_| setup("is none"))?;
        let host = url.host().filter(|host| !host.is_empty()).ok_or_else(|| setup("names no host"))?;
        if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(setup("may have no user: what is secret belongs into a file"));
        }
        let encrypted = match url.scheme_str() {
            Some("https") => true,
            Some("http") if options.plain_http || loopback(host) => false,
            Some("http") => return Err(setup("is not on this machine, so it needs https")),
            _ => return Err(setup("needs https:// in front")),
        };
        let authorization = options.token.as_ref().map(authorization).transpose()?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .no_delay(true)
            .user_agent(concat!("avouch/", env!("CARGO_PKG_VERSION")))
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .timeout_global(Some(options.timeout))
            .timeout_connect(Some(options.timeout.min(Duration::from_secs(10))));
        if encrypted {
            let identity = options.identity.as_ref();
            config = config.https_only(true).tls_config(tls::config_with(options.ca.as_deref(), identity)?);
        }
        Ok(Self { agent: config.build().new_agent(), url, authorization })
    }

    /// Sends a body. The same `key` says that it is the same one as before.
    ///
    /// # Errors
    /// [`Error::Transport`] when no answer has come, [`Error::Protocol`] for any answer but 2xx: whether the receiver has it is not known.
    pub fn send(&self, body: &[u8], media_type: &str, key: &str) -> Result<(), Error> {
        self.send_with(body, media_type, &[(header::IDEMPOTENCY_KEY, key)])
    }

    /// The same with headers of one's own.
    ///
    /// # Errors
    /// As [`Post::send`].
    pub fn send_with(&self, body: &[u8], media_type: &str, headers: &[(&str, &str)]) -> Result<(), Error> {
        let mut request = self.agent.post(&self.url).header(http::CONTENT_TYPE, media_type);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(http::AUTHORIZATION, authorization);
        }
        let mut response = request.send(body).map_err(|error| transport(&error))?;
        let status = response.status();
        // Read, so that the connection can be used again; what it says is the receiver's own affair.
        let _ = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
        if status.is_success() { Ok(()) } else { Err(Error::Protocol(format!("status {}", status.as_u16()))) }
    }
}

const ANSWER_BYTES: u64 = 1 << 20;

fn authorization(token: &Secret) -> Result<HeaderValue, Error> {
    let token = token.0.trim();
    let text = if token.contains(' ') { token.to_owned() } else { format!("Bearer {token}") };
    let unusable = || Error::Setup("the token is empty or has characters that no header has".to_owned());
    let mut value = text.parse::<HeaderValue>().ok().filter(|_| !token.is_empty()).ok_or_else(unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("host", &self.url.host()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> PostOptions {
        PostOptions {
            url: url.to_owned(),
            ca: None,
            identity: None,
            token: None,
            plain_http: false,
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted() {
        Post::new(&options("http://127.0.0.1:8080/in?source=avouch")).unwrap();
        let refused = |url: &str| Post::new(&options(url)).unwrap_err().to_string();
        insta::assert_snapshot!(refused("http://siem.example/in"), @"the URL is not on this machine, so it needs https");
        insta::assert_snapshot!(refused("siem.example"), @"the URL needs https:// in front");
        insta::assert_snapshot!(refused("https://ada:geheim@siem.example/in"), @"the URL may have no user: what is secret belongs into a file");
        Post::new(&PostOptions { plain_http: true, ..options("http://siem.example/in") }).unwrap();
    }

    #[test]
    fn a_token_is_a_bearer_unless_it_says_what_else_it_is() {
        let value = |token: &str| {
            authorization(&Secret(token.to_owned())).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(value("abc\n").unwrap(), "Bearer abc");
        assert_eq!(value("Splunk abc").unwrap(), "Splunk abc");
        value("").unwrap_err();
        let error = value("geheim\r\nx: y z").unwrap_err();
        assert!(!error.to_string().contains("geheim"));
    }
}
