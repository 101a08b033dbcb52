//! The way to a service: where it is, whom to trust, how long to wait, and when to ask again.
//!
//! What is sent opens a vault, or lets in whoever has it. So it goes to the address in the settings and
//! nowhere else: no redirect is followed and no proxy taken from the environment, plain HTTP is for the
//! loopback, and each request has a connection of its own. What comes back is bounded in size and time, and
//! no text of ours repeats it.

use core::{fmt, time::Duration};
use std::{thread, time::Instant};

use avouch_seal::{
    Error,
    root::{RootError, RootResult},
};
use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Agent,
    http::{HeaderValue, Request, Response, request},
};
use zeroize::Zeroizing;

mod address;
mod tls;

use address::Address;

/// Largest answer that is read: many times what the longest has.
const MAX_ANSWER: u64 = 64 * 1024;
/// Room for the longest request that carries a key, so that it is written in one place only.
const MAX_REQUEST: usize = 4 * 1024;

/// How a service is reached.
#[derive(Clone)]
pub struct Reach {
    /// The only certificate authorities to trust, as PEM; the system's when absent.
    pub ca: Option<Vec<u8>>,
    /// How long one try may take, from the name's look-up to the end of the answer: 100 ms to 60 s.
    pub timeout: Duration,
    /// How long to wait before each further try, where one can help: at most ten pauses of at most a minute.
    /// None for a single try.
    pub pauses: Vec<Duration>,
}

impl Default for Reach {
    /// The system's authorities, 5 s for a try, and two more after 200 ms and 1 s.
    fn default() -> Self {
        let pauses = vec![Duration::from_millis(200), Duration::from_secs(1)];
        Self { ca: None, timeout: Duration::from_secs(5), pauses }
    }
}

impl Reach {
    fn check(&self) -> Result<(), Error> {
        if !(Duration::from_millis(100)..=Duration::from_secs(60)).contains(&self.timeout) {
            return Err(Error::Parameters("one try takes 100 ms to 60 s"));
        }
        if self.pauses.len() > 10 || self.pauses.iter().any(|pause| *pause > Duration::from_secs(60)) {
            return Err(Error::Parameters("at most ten pauses between tries, each of at most a minute"));
        }
        Ok(())
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach")
            .field("ca", &self.ca.as_ref().map(Vec::len))
            .field("timeout", &self.timeout)
            .field("pauses", &self.pauses)
            .finish()
    }
}

/// A service that can be asked.
pub(crate) struct Link {
    agent: Agent,
    address: Address,
    pauses: Vec<Duration>,
}

/// Why one try failed, told apart by whether another one can help.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Perhaps: nobody was there, or had time.
    Passing(RootError),
    /// No: somebody was there and said so.
    Lasting(RootError),
}

impl From<RootError> for Failure {
    fn from(error: RootError) -> Self {
        Self::Lasting(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Lasting(error.into())
    }
}

/// What came back, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Link {
    /// Checks the settings. Opens no connection yet.
    pub(crate) fn new(address: &str, reach: &Reach) -> Result<Self, Error> {
        reach.check()?;
        let address = Address::read(address)?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .no_delay(true)
            .user_agent(concat!("avouch/", env!("CARGO_PKG_VERSION")))
            .max_idle_connections(0)
            .timeout_global(Some(reach.timeout));
        if address.is_https() {
            config = config.https_only(true).tls_config(tls::config(reach.ca.as_deref())?);
        }
        Ok(Self { agent: config.build().new_agent(), address, pauses: reach.pauses.clone() })
    }

    /// Where it leads.
    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }

    /// Tries until it is done, a failure is lasting, or no pause is left.
    pub(crate) fn patiently<T>(&self, mut attempt: impl FnMut() -> Result<T, Failure>) -> RootResult<T> {
        let mut pauses = self.pauses.iter();
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(error)) => match pauses.next() {
                    Some(pause) => wait(*pause),
                    None => return Err(error),
                },
            }
        }
    }

    /// Asks for what is at `path`.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        let request = self.request("GET", path, headers)?.body(()).map_err(|_| unfit())?;
        self.answer(self.agent.run(request))
    }

    /// Sends `body` to `path`.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, Failure> {
        let request = self.request("POST", path, headers)?.body(body).map_err(|_| unfit())?;
        self.answer(self.agent.run(request))
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<request::Builder, Failure> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value).map_err(|_| unfit())?;
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        Ok(request)
    }

    fn answer(&self, response: Result<Response<ureq::Body>, ureq::Error>) -> Result<Answer, Failure> {
        let response = response.map_err(|error| self.failed(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(
                self.absent("points elsewhere, where we do not follow; name the server that does the work")
            );
        }
        let body = response.into_body().into_with_config().limit(MAX_ANSWER).read_to_vec();
        let body = Zeroizing::new(body.map_err(|error| self.failed(&error))?);
        Ok(Answer { status: status.as_u16(), body })
    }

    /// An answer that is none of the service's.
    pub(crate) fn foreign(&self) -> Failure {
        self.absent("answers, and not as the service should; see that the address is right")
    }

    /// There is no use in asking again.
    pub(crate) fn absent(&self, what: &str) -> Failure {
        Failure::Lasting(RootError::Unreachable(format!("`{}` {what}", self.address)))
    }

    /// It may be there in a moment.
    pub(crate) fn away(&self, what: &str) -> Failure {
        Failure::Passing(RootError::Unreachable(format!("`{}` {what}", self.address)))
    }

    /// The library's error in our words. Its own texts may hold parts of a request or an answer.
    fn failed(&self, error: &ureq::Error) -> Failure {
        use ureq::Error as E;
        match error {
            E::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => self.untrusted(error),
                None => self.away(&format!("has no answer: {}", error.kind())),
            },
            E::Rustls(error) => self.untrusted(error),
            E::Tls(_) => self.absent("does not agree on TLS with us; see that it is the right port"),
            E::Timeout(_) => self.away("takes too long to answer"),
            E::HostNotFound => self.away("is not found; see its name, and this machine's name service"),
            E::ConnectionFailed => self.away("takes no connection"),
            E::BodyExceedsLimit(_) | E::LargeResponseHeader(..) => self.absent(
                "answers with more than any answer of the service has; see that the address is right",
            ),
            _ => self.foreign(),
        }
    }

    fn untrusted(&self, error: &rustls::Error) -> Failure {
        self.absent(&format!("is not trusted, {error}; pin the authority that signed its certificate"))
    }
}

/// `value` as JSON, which may hold a key.
pub(crate) fn json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut body = Zeroizing::new(Vec::with_capacity(MAX_REQUEST));
    serde_json::to_writer(&mut *body, value).map_err(|_| Error::Provider)?;
    Ok(body)
}

/// What an answer says, if it is of this shape. The library's own error may quote it.
pub(crate) fn said<T: DeserializeOwned>(answer: &Answer) -> Option<T> {
    serde_json::from_slice(&answer.body).ok()
}

/// A member that is a secret: one copy, wiped when it is dropped.
pub(crate) fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
    serde::Deserialize::deserialize(from).map(Zeroizing::new)
}

fn unfit() -> Failure {
    Error::Parameters("a name or a token has characters that fit no HTTP request").into()
}

fn wait(pause: Duration) {
    let wake = Instant::now() + pause;
    let mut left = pause;
    while !left.is_zero() {
        thread::park_timeout(left);
        left = wake.saturating_duration_since(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(pauses: &[u64]) -> Link {
        let pauses = pauses.iter().copied().map(Duration::from_millis).collect();
        Link::new("http://localhost:1", &Reach { pauses, ..Reach::default() }).expect("the settings are good")
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_only_so_often() {
        let away = RootError::Unreachable("away".to_owned());
        let mut tries = 0;
        let done: RootResult<()> = link(&[1, 1]).patiently(|| {
            tries += 1;
            Err(Failure::Passing(away.clone()))
        });
        assert_eq!((done, tries), (Err(away.clone()), 3));

        let mut tries = 0;
        let done: RootResult<()> = link(&[1, 1]).patiently(|| {
            tries += 1;
            Err(Failure::Lasting(away.clone()))
        });
        assert_eq!((done, tries), (Err(away), 1));
    }

    #[test]
    fn the_pauses_are_kept() {
        let started = Instant::now();
        let done: RootResult<()> =
            link(&[30, 60]).patiently(|| Err(Failure::Passing(RootError::Unreachable("away".to_owned()))));
        done.unwrap_err();
        assert!(started.elapsed() >= Duration::from_millis(90));
    }

    #[test]
    fn waits_that_nobody_can_mean_are_refused() {
        let minute = Duration::from_secs(60);
        for reach in [
            Reach { timeout: Duration::ZERO, ..Reach::default() },
            Reach { timeout: 2 * minute, ..Reach::default() },
            Reach { pauses: vec![2 * minute], ..Reach::default() },
            Reach { pauses: vec![Duration::ZERO; 11], ..Reach::default() },
        ] {
            assert!(
                matches!(Link::new("http://localhost:1", &reach), Err(Error::Parameters(_))),
                "{reach:?}"
            );
        }
    }

    #[test]
    fn a_request_that_carries_a_key_is_written_in_one_place() {
        let body = json(&"k".repeat(2048)).unwrap();
        assert_eq!(body.capacity(), MAX_REQUEST);
    }
}
