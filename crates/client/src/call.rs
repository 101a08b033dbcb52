//! One call: the request with its headers, the tries, and the answer as a value or a problem.

use std::time::Duration;

use avouch_wire::{Problem, ProblemKind, header};
use serde::de::DeserializeOwned;
use ureq::{
    Body,
    http::{HeaderMap, Method, Request, Response, StatusCode, header as http},
};

use crate::{
    Client, Error, EventPage, Stated,
    error::transport,
    repeat::{Repeat, Tries},
};

/// Largest answer that is held in memory: a detokenized document of the largest size with room for escapes.
const ANSWER_BYTES: u64 = 64 << 20;

/// A request in the making.
pub(crate) struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<std::borrow::Cow<'a, [u8]>>,
    repeat: Repeat,
}

impl Client {
    pub(crate) fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        let repeat = if method == Method::GET || method == Method::PUT { Repeat::Safe } else { Repeat::Once };
        Call { client: self, method, path: path.into(), headers: HeaderMap::new(), body: None, repeat }
    }
}

impl<'a> Call<'a> {
    /// Adds `?name=value` or `&name=value`, encoded; nothing for `None`.
    pub(crate) fn query(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.path.push(if self.path.contains('?') { '&' } else { '?' });
            self.path.push_str(name);
            self.path.push('=');
            self.path.push_str(&header::encode(value));
        }
        self
    }

    /// Adds a header, unless its value has characters that no header can carry.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Result<Self, Error> {
        let value = value.parse().map_err(|_| Error::Setup(format!("`{name}` does not fit a header")))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Adds purpose and reason as headers.
    pub(crate) fn stated(self, stated: &Stated) -> Result<Self, Error> {
        let mut call = self;
        if let Some(purpose) = &stated.purpose {
            call = call.header(header::PURPOSE, &header::encode(purpose))?;
        }
        if let Some(reason) = &stated.reason {
            call = call.header(header::REASON, &header::encode(reason))?;
        }
        Ok(call)
    }

    /// Sets the body, as JSON.
    pub(crate) fn json(self, body: &impl serde::Serialize) -> Result<Self, Error> {
        let bytes = serde_json::to_vec(body)
            .map_err(|_| Error::Setup("the request cannot be written as JSON".to_owned()))?;
        self.bytes(bytes)
    }

    /// Sets the body: JSON that is written already.
    pub(crate) fn bytes(mut self, body: impl Into<std::borrow::Cow<'a, [u8]>>) -> Result<Self, Error> {
        self.body = Some(body.into());
        if self.headers.contains_key(http::CONTENT_TYPE) {
            return Ok(self);
        }
        self.header("content-type", "application/json")
    }

    /// Marks the call as one that may be carried out twice.
    pub(crate) fn safe(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    /// Sends it and reads the answer.
    pub(crate) fn send<T: DeserializeOwned>(self) -> Result<T, Error> {
        self.tries(|response| parse(&read(response)?))
    }

    /// Sends it and reads the answer as it is.
    pub(crate) fn text(self) -> Result<String, Error> {
        self.tries(|response| {
            String::from_utf8(read(response)?).map_err(|_| Error::Protocol("it is not UTF-8".to_owned()))
        })
    }

    /// Sends it and reads the answer, which is not text.
    pub(crate) fn raw(self) -> Result<Vec<u8>, Error> {
        self.tries(read)
    }

    /// Sends it and reads the answer, also where the status says failure; for routes whose failure is an answer.
    pub(crate) fn any_status<T: DeserializeOwned>(self) -> Result<T, Error> {
        let response = self.once().map_err(|error| transport(&error))?;
        parse(&read(response)?)
    }

    /// Sends it and reads the answer: events, and where in the log they end.
    pub(crate) fn events(self) -> Result<EventPage, Error> {
        self.tries(|response| {
            let number = |name: &str| response.headers().get(name)?.to_str().ok()?.parse().ok();
            let (log, size) = (number(header::LOG), number(header::LOG_SIZE));
            let (Some(log), Some(size)) = (log, size) else {
                return Err(Error::Protocol("it does not say where in the log it ends".to_owned()));
            };
            let index = number(header::INDEX);
            Ok(EventPage { log, index, size, lines: read(response)? })
        })
    }

    /// Sends it; the answer is read by the caller.
    pub(crate) fn open(self) -> Result<Response<Body>, Error> {
        self.tries(Ok)
    }

    fn tries<T>(self, mut take: impl FnMut(Response<Body>) -> Result<T, Error>) -> Result<T, Error> {
        let mut tries = Tries::new(self.client.patience, &self.client.jitter);
        loop {
            let (error, asked) = match self.once() {
                Ok(response) if response.status().is_success() => match take(response) {
                    Err(Error::Transport(text)) if self.repeat == Repeat::Safe => {
                        (Error::Transport(text), None)
                    }
                    done => return done,
                },
                // Nothing was done, says the contract: any call may be sent again.
                Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                    let asked = retry_after(&response);
                    let error = problem(response);
                    if !matches!(error.problem(), Some(p) if p.kind == ProblemKind::Busy) {
                        return Err(error);
                    }
                    (error, asked)
                }
                // It may have been done, or yet be: the same as an answer that was lost.
                Ok(response) if response.status() == StatusCode::GATEWAY_TIMEOUT => {
                    let error = problem(response);
                    let ours = matches!(error.problem(), Some(p) if p.kind == ProblemKind::Timeout);
                    if !ours || self.repeat == Repeat::Once {
                        return Err(error);
                    }
                    (error, None)
                }
                Ok(response) => return Err(problem(response)),
                Err(error) if self.repeat == Repeat::Safe || unsent(&error) => (transport(&error), None),
                Err(error) => return Err(transport(&error)),
            };
            if matches!(error, Error::Protocol(_)) || !tries.wait(asked) {
                return Err(error);
            }
        }
    }

    fn once(&self) -> Result<Response<Body>, ureq::Error> {
        let mut request =
            Request::builder().method(self.method.clone()).uri(format!("{}{}", self.client.base, self.path));
        if let Some(bearer) = &self.client.bearer {
            request = request.header(http::AUTHORIZATION, &**bearer);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match &self.body {
            Some(body) => self.client.agent.run(request.body(&**body)?),
            None => self.client.agent.run(request.body(())?),
        }
    }
}

/// Whether the request certainly did not reach the server.
fn unsent(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => true,
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}

fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let seconds = response.headers().get(http::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn read(response: Response<Body>) -> Result<Vec<u8>, Error> {
    response
        .into_body()
        .into_with_config()
        .limit(ANSWER_BYTES)
        .read_to_vec()
        .map_err(|error| transport(&error))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // The library's text may quote the answer; line and column do not.
    serde_json::from_slice(bytes).map_err(|error| {
        Error::Protocol(format!("line {}, column {} is not as expected", error.line(), error.column()))
    })
}

fn problem(response: Response<Body>) -> Error {
    let status = response.status().as_u16();
    let read = read(response).and_then(|bytes| parse::<Problem>(&bytes));
    match read {
        Ok(problem) => Error::Problem(Box::new(problem)),
        Err(Error::Transport(text)) => Error::Transport(text),
        Err(_) => Error::Protocol(format!("status {status} without a problem of this API")),
    }
}
