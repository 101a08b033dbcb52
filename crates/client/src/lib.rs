#![doc = include_str!("../README.md")]

mod access;
mod call;
mod error;
mod export;
mod ledger;
mod post;
mod provider;
mod repeat;
mod routes;
mod tls;
mod tokens;
mod transit;
mod watch;
mod witness;

use std::{fmt, sync::Arc, time::Duration};

use avouch_wire::Secret;
use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

pub use error::Error;
pub use export::{EventPage, Export};
pub use post::{Identity, Post, PostOptions};
pub use provider::Provider;
pub use routes::{IdempotencyKey, Stated};
pub use witness::Witness;

use repeat::Jitter;

/// A connection to a server, with a key or as nobody. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: Arc<str>,
    bearer: Option<Arc<str>>,
    patience: Duration,
    jitter: Arc<Jitter>,
}

impl Client {
    /// Checks the options and prepares connections. Opens none yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if the server's URL, the key or the certificates cannot be used.
    pub fn new(options: Options) -> Result<Self, Error> {
        let base = address(&options.server, options.plain_http, "server")?;
        let key = options.key.as_ref().map(|key| key.0.as_str());
        if key.is_some_and(|key| key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Error::Setup("the key is empty or has characters that no key has".to_owned()));
        }
        let mut config = agent()
            .max_idle_connections(options.connections)
            .max_idle_connections_per_host(options.connections)
            .timeout_connect(Some(options.timeout.min(Duration::from_secs(10))))
            .timeout_recv_response(Some(options.timeout))
            .timeout_per_read(Some(options.timeout));
        if base.starts_with("https://") {
            config = config.https_only(true).tls_config(tls::config(options.ca.as_deref())?);
        }
        Ok(Self {
            agent: config.build().new_agent(),
            base: base.into(),
            bearer: key.map(|key| format!("Bearer {key}").into()),
            patience: options.patience,
            jitter: Arc::new(Jitter::new(options.jitter)),
        })
    }

    /// The same connections with another [`Options::patience`].
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", &self.base).finish_non_exhaustive()
    }
}

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// `https://host[:port]`, optionally with a path.
    pub server: String,
    /// The API key, `avk_…`, or the token of a session, `avs_…`; whoever logs in has none yet.
    pub key: Option<Secret>,
    /// The only certificate authorities to trust, as PEM; the system's when absent.
    pub ca: Option<Vec<u8>>,
    /// Speak plain HTTP with hosts other than the loopback. The key and everything else can then be read on the way.
    pub plain_http: bool,
    /// How many idle connections to keep.
    pub connections: usize,
    /// How long to wait for the head of an answer, and for each next piece of it.
    pub timeout: Duration,
    /// How long to go on trying when the server is busy or the connection breaks; zero to try once.
    pub patience: Duration,
    /// Seeds the jitter of waits. Any number that differs between clients.
    pub jitter: u64,
}

impl Options {
    /// The usual options: 8 connections, 30 s for an answer, 5 s of patience.
    pub fn new(server: impl Into<String>, key: Secret) -> Self {
        Self { key: Some(key), ..Self::nobody(server) }
    }

    /// The same without a key.
    pub fn nobody(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            key: None,
            ca: None,
            plain_http: false,
            connections: 8,
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(5),
            jitter: 0,
        }
    }
}

/// What holds for every connection of ours: nobody sends us elsewhere, and a status is an answer.
fn agent() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .no_delay(true)
        .user_agent(concat!("avouch/", env!("CARGO_PKG_VERSION")))
}

/// A URL without a slash at the end, which may be spoken with: of a `what`.
fn address(url: &str, plain_http: bool, what: &str) -> Result<String, Error> {
    let setup = |text: &str| Error::Setup(format!("the {what} `{url}` {text}"));
    let uri: ureq::http::Uri = url.parse().map_err(|_| setup("is not a URL"))?;
    let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
        return Err(setup("names no host; write https://host:port"));
    };
    if uri.query().is_some() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        // Not repeated: what stands before an `@` may be a password.
        return Err(Error::Setup(format!("the {what}'s URL may have neither a query nor a user")));
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if plain_http || loopback(host) => {}
        Some("http") => return Err(setup("is not on this machine, so it needs https")),
        _ => return Err(setup("needs https:// in front")),
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(server: &str) -> String {
        Client::new(Options::new(server, Secret("avk_test".into()))).unwrap_err().to_string()
    }

    #[test]
    fn plain_http_is_for_the_loopback() {
        for server in ["http://127.0.0.1:8080", "http://localhost/", "http://[::1]:80"] {
            Client::new(Options::new(server, Secret("avk_test".into()))).unwrap();
        }
        insta::assert_snapshot!(refused("http://vault.example.org"), @"the server `http://vault.example.org` is not on this machine, so it needs https");
        insta::assert_snapshot!(refused("http://127.0.0.1.example.org"), @"the server `http://127.0.0.1.example.org` is not on this machine, so it needs https");
        insta::assert_snapshot!(refused("vault.example.org"), @"the server `vault.example.org` needs https:// in front");
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_not_repeated() {
        let text = refused("https://ada:geheim@vault.example.org");
        assert!(!text.contains("geheim"), "{text}");
    }

    #[test]
    fn a_key_with_a_line_break_is_refused_and_debug_is_silent() {
        let options = Options::new("http://localhost", Secret("avk_geheim\r\nx: y".into()));
        assert!(!format!("{options:?}").contains("geheim"));
        let error = Client::new(options).unwrap_err();
        assert!(!error.to_string().contains("geheim"));
        let client = Client::new(Options::new("http://localhost", Secret("avk_geheim".into()))).unwrap();
        assert!(!format!("{client:?}").contains("geheim"));
    }
}
