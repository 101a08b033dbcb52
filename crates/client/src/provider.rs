//! Asking an identity provider: what it publishes, and what a code is good for. Bytes out and bytes in; what an answer is worth is for
//! whoever knows the provider's keys.
//!
//! Whoever is on the way, or is the provider, can keep us waiting for as long as a request may take and no longer, cannot send us
//! elsewhere, and cannot make us read more than was asked for, or anything that does not call itself JSON.

use std::fmt;
use std::time::Duration;

use ureq::http::{HeaderMap, Response, header};
use ureq::{Agent, Body};

use crate::error::transport;
use crate::{Error, address, agent, tls};

/// The longest answer to a request for a token.
const TOKEN_BYTES: usize = 64 << 10;

/// An identity provider.
#[derive(Clone)]
pub struct Provider {
    agent: Agent,
}

impl Provider {
    /// Prepares connections to the provider of this name, `https://host[:port][/path]`, or `http` on this machine. Opens none yet. `ca`:
    /// the only certificate authorities to trust, as PEM; the system's when absent. `timeout` is for a whole request.
    ///
    /// # Errors
    /// [`Error::Setup`] if the name or the certificates cannot be used.
    pub fn new(issuer: &str, ca: Option<&[u8]>, timeout: Duration) -> Result<Self, Error> {
        let encrypted = address(issuer, false, "issuer")?.starts_with("https://");
        let config = agent()
            .max_idle_connections(2)
            .max_idle_connections_per_host(2)
            .timeout_global(Some(timeout))
            .timeout_connect(Some(timeout.min(Duration::from_secs(5))))
            .https_only(encrypted)
            .tls_config(tls::config(ca)?);
        Ok(Self { agent: config.build().new_agent() })
    }

    /// Fetches a document of at most `most` bytes.
    ///
    /// # Errors
    /// [`Error::Transport`]; [`Error::Protocol`] for another status than 200, and for another type than JSON.
    pub fn document(&self, url: &str, most: usize) -> Result<Vec<u8>, Error> {
        let asked = self.agent.get(url).header(header::ACCEPT, "application/json");
        let response = asked.call().map_err(|error| transport(&error))?;
        match response.status().as_u16() {
            200 => json(response, most),
            status => Err(Error::Protocol(format!("status {status}"))),
        }
    }

    /// Sends a form; gives the body of the answer. One that says no is an answer, too.
    ///
    /// # Errors
    /// [`Error::Transport`]; [`Error::Protocol`] for a status that is neither 200 nor one of 400 to 499, and for another type than JSON.
    pub fn form(&self, url: &str, authorization: Option<&str>, form: &str) -> Result<Vec<u8>, Error> {
        let mut asked = self
            .agent
            .post(url)
            .header(header::ACCEPT, "application/json")
            .content_type("application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            asked = asked.header(header::AUTHORIZATION, authorization);
        }
        let response = asked.send(form).map_err(|error| transport(&error))?;
        match response.status().as_u16() {
            200 | 400..500 => json(response, TOKEN_BYTES),
            status => Err(Error::Protocol(format!("status {status}"))),
        }
    }
}

fn json(response: Response<Body>, most: usize) -> Result<Vec<u8>, Error> {
    if !is_json(response.headers()) {
        return Err(Error::Protocol("it is not JSON, by its type".to_owned()));
    }
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    response.into_body().into_with_config().limit(limit).read_to_vec().map_err(|error| transport(&error))
}

/// `application/json`, or something that is written in it, such as `application/jwk-set+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/");
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What comes of an answer, written as it goes over the wire.
    fn answered(answer: &'static str) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let read = connection.read(&mut asked).unwrap();
            // Whoever has read enough hangs up.
            let _ = connection.write_all(answer.as_bytes());
            String::from_utf8_lossy(&asked[..read]).into_owned()
        });
        let provider = Provider::new(&url, None, Duration::from_secs(5)).unwrap();
        let got = provider.document(&format!("{url}/keys"), 20);
        assert!(server.join().unwrap().to_ascii_lowercase().contains("accept: application/json"));
        got.map(|text| String::from_utf8(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_json_of_the_right_size_is_an_answer() {
        let good = answered(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
        );
        assert_eq!(good.unwrap(), "{}");
        let keys = answered(
            "HTTP/1.1 200 OK\r\nContent-Type: application/jwk-set+json\r\nContent-Length: 2\r\n\r\n{}",
        );
        assert_eq!(keys.unwrap(), "{}");
        for (answer, what) in [
            ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}", "another type"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "no type"),
            (
                "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                "another status",
            ),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                "sent elsewhere",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n\"aaaaaaaaaaaaaaaaaaa\"",
                "too long",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n\"aaaaaaaaaaaaaaaaaaa\"\r\n0\r\n\r\n",
                "too long, in pieces",
            ),
        ] {
            assert!(answered(answer).is_err(), "{what}");
        }
    }

    #[test]
    fn a_provider_elsewhere_is_asked_by_https() {
        let refused = Provider::new("http://id.example.org", None, Duration::from_secs(1)).unwrap_err();
        assert!(refused.to_string().contains("needs https"), "{refused}");
        let provider = Provider::new("https://id.example.org", None, Duration::from_secs(1)).unwrap();
        assert!(provider.document("http://127.0.0.1:1/keys", 10).is_err());
    }
}
