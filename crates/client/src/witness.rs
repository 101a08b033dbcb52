//! Asking a witness (c2sp.org/tlog-witness): its two routes, as text in and text out. What is sent is public and what comes back is
//! signed, so there is no key; what an answer is worth is for whoever knows the verifier keys.
//!
//! Whoever is on the way, or is the witness, can keep us waiting for as long as a request may take, and no longer.

use std::fmt;
use std::time::Duration;

use ureq::Agent;
use ureq::http::StatusCode;

use crate::error::transport;
use crate::{Error, address, agent, tls};

/// The longest answer: a note of the largest size.
const ANSWER_BYTES: u64 = 1 << 20;

/// A witness that checkpoints are sent to.
#[derive(Clone)]
pub struct Witness {
    agent: Agent,
    base: String,
}

impl Witness {
    /// Checks the address, `https://host[:port][/path]`, and prepares connections. Opens none yet. `ca`: the only certificate
    /// authorities to trust, as PEM; the system's when absent. `timeout` is for a whole request.
    ///
    /// # Errors
    /// [`Error::Setup`] if the address or the certificates cannot be used.
    pub fn new(url: &str, ca: Option<&[u8]>, timeout: Duration) -> Result<Self, Error> {
        let base = address(url, false, "witness")?;
        let mut config =
            agent().max_idle_connections(1).max_idle_connections_per_host(1).timeout_global(Some(timeout));
        if base.starts_with("https://") {
            config = config.https_only(true).tls_config(tls::config(ca)?);
        }
        Ok(Self { agent: config.build().new_agent(), base })
    }

    /// Asks for a cosignature: the status and the body of the answer, whatever it is.
    ///
    /// # Errors
    /// [`Error::Transport`] and [`Error::Protocol`].
    pub fn add_checkpoint(&self, request: &str) -> Result<(u16, String), Error> {
        let asked = self
            .agent
            .post(format!("{}/add-checkpoint", self.base))
            .content_type("text/plain; charset=utf-8");
        let response = asked.send(request).map_err(|error| transport(&error))?;
        let status = response.status().as_u16();
        Ok((status, text(response.into_body())?))
    }

    /// The newest checkpoint that it has signed of a log, which is named by the SHA-256 of its origin in hex; nothing when it has
    /// signed none.
    ///
    /// # Errors
    /// [`Error::Transport`] and [`Error::Protocol`].
    pub fn checkpoint(&self, log: &str) -> Result<Option<String>, Error> {
        let asked = self.agent.get(format!("{}/{log}/checkpoint", self.base));
        let response = asked.call().map_err(|error| transport(&error))?;
        match response.status() {
            StatusCode::OK => text(response.into_body()).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(Error::Protocol(format!("status {}", status.as_u16()))),
        }
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("base", &self.base).finish_non_exhaustive()
    }
}

fn text(body: ureq::Body) -> Result<String, Error> {
    let bytes =
        body.into_with_config().limit(ANSWER_BYTES).read_to_vec().map_err(|error| transport(&error))?;
    String::from_utf8(bytes).map_err(|_| Error::Protocol("it is not UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_elsewhere_is_asked_by_https() {
        let refused = |url: &str| Witness::new(url, None, Duration::from_secs(1)).unwrap_err().to_string();
        Witness::new("http://127.0.0.1:8430/", None, Duration::from_secs(1)).unwrap();
        insta::assert_snapshot!(refused("http://witness.example.org"), @"the witness `http://witness.example.org` is not on this machine, so it needs https");
        insta::assert_snapshot!(refused("https://w:secret@witness.example.org"), @"the witness's URL may have neither a query nor a user");
    }
}
