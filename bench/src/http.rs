//! Just enough HTTP/1.1 to load a server: requests as bytes, responses with a `Content-Length`.
//!
//! The client shares the machine with the server it measures, so it does little: no allocation per request, no header
//! map, one pass over the head. A response in chunks or without a length is refused loudly rather than misread;
//! nothing here may guess where a response ends.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Error, Result};

/// A whole response at the front of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response<'b> {
    pub(crate) status: u16,
    pub(crate) body: &'b [u8],
    /// Whether the server will close the connection after it.
    pub(crate) last: bool,
}

/// The bytes are not a response that this client reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Reads a response from the front of `bytes`; `None`: more has to arrive.
pub(crate) fn response(bytes: &[u8]) -> Result<Option<Response<'_>>, Malformed> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() > MAX_HEAD { Err(Malformed("a head without an end")) } else { Ok(None) };
    };
    let (head, rest) = bytes.split_at(end);
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let status = lines.next().and_then(status).ok_or(Malformed("a first line that is not HTTP/1.1"))?;
    let mut length = None;
    let mut last = false;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Err(Malformed("a header without a colon"));
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            length = Some(number(value).ok_or(Malformed("a length that is not a number"))?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(Malformed("a body in chunks"));
        } else if name.eq_ignore_ascii_case(b"connection") {
            last = value.eq_ignore_ascii_case(b"close");
        }
    }
    let length = length.ok_or(Malformed("a body without a length"))?;
    let body = rest.get(4..).unwrap_or_default();
    if body.len() > length {
        return Err(Malformed("bytes after the response that nobody asked for"));
    }
    Ok((body.len() == length).then_some(Response { status, body, last }))
}

/// No head of ours comes near it.
const MAX_HEAD: usize = 64 * 1024;

/// `HTTP/1.1 200 OK` → 200
fn status(line: &[u8]) -> Option<u16> {
    let code = line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    u16::try_from(number(code)?).ok()
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What a server sent and nobody has read yet.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; 16 * 1024], filled: 0 }
    }

    /// One `read`. Zero bytes from a connection that was closed is an error, for each response is expected.
    pub(crate) fn fill(&mut self, from: &mut impl Read) -> io::Result<()> {
        if self.filled == self.bytes.len() {
            self.bytes.resize(self.filled * 2, 0);
        }
        match from.read(self.bytes.get_mut(self.filled..).unwrap_or_default())? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.filled += read;
                Ok(())
            }
        }
    }

    pub(crate) fn arrived(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }
}

/// The parts of every request of one caller that never change: host and credential.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    headers: Vec<u8>,
}

impl Caller {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        let headers = format!(
            " HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        );
        Self { headers: headers.into_bytes() }
    }

    /// Appends a request. `path` comes in parts, so that an id needs no formatting; `extra` are whole header lines.
    pub(crate) fn write(&self, out: &mut Vec<u8>, method: &str, path: &[&[u8]], extra: &str, body: &[u8]) {
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        path.iter().for_each(|part| out.extend_from_slice(part));
        out.extend_from_slice(&self.headers);
        out.extend_from_slice(extra.as_bytes());
        // A vector takes everything that is written to it.
        let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
        out.extend_from_slice(body);
    }
}

/// A connection that waits for each answer: for the preparation of a run, not for load.
#[derive(Debug)]
pub(crate) struct Control {
    stream: TcpStream,
    caller: Caller,
    inbox: Inbox,
}

impl Control {
    pub(crate) fn connect(address: SocketAddr, key: &str) -> Result<Self> {
        let connected = TcpStream::connect(address).and_then(|stream| {
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        let stream = connected.map_err(Error::io("connecting to the server"))?;
        Ok(Self { stream, caller: Caller::new(address, key), inbox: Inbox::new() })
    }

    /// Sends JSON, and gives the JSON that a success brought.
    pub(crate) fn post(&mut self, path: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
        match self.ask("POST", path, Some(body))? {
            (200..300, answer) => Ok(answer),
            (status, said) => Err(Error::Server(format!("refused POST {path} with {status}: {said}"))),
        }
    }

    /// Sends a request, and gives the status and the JSON that came back.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<(u16, serde_json::Value)> {
        let mut request = Vec::new();
        let body = body.map(serde_json::Value::to_string).unwrap_or_default();
        self.caller.write(&mut request, method, &[path.as_bytes()], "", body.as_bytes());
        self.stream.write_all(&request).map_err(Error::io("sending to the server"))?;
        self.inbox.clear();
        loop {
            self.inbox.fill(&mut self.stream).map_err(Error::io("reading from the server"))?;
            let answer = response(self.inbox.arrived());
            let Some(answer) = answer.map_err(|Malformed(what)| Error::Server(format!("sent {what}")))?
            else {
                continue;
            };
            let json = serde_json::from_slice(answer.body);
            return json.map(|json| (answer.status, json)).map_err(|_| {
                Error::Server(format!("answered {method} {path} with something else than JSON"))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-length: 7\r\n\r\n{\"a\":1}";

    #[test]
    fn a_response_is_read_when_all_of_it_is_there_and_not_before() {
        for end in 0..WHOLE.len() {
            assert_eq!(response(&WHOLE[..end]), Ok(None), "{end}");
        }
        assert_eq!(response(WHOLE), Ok(Some(Response { status: 201, body: b"{\"a\":1}", last: false })));
    }

    #[test]
    fn a_body_may_be_empty_and_a_connection_may_end() {
        let bytes = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(response(bytes), Ok(Some(Response { status: 503, body: b"", last: true })));
    }

    #[test]
    fn what_cannot_be_delimited_is_refused() {
        let refused = |text: &str| response(text.as_bytes()).unwrap_err().0;
        assert_eq!(refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "a body in chunks");
        assert_eq!(refused("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), "a body without a length");
        assert_eq!(refused("HTTP/1.0 200 OK\r\n\r\n"), "a first line that is not HTTP/1.1");
        assert_eq!(refused("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "a length that is not a number");
        let more = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab";
        assert_eq!(refused(more), "bytes after the response that nobody asked for");
    }

    #[test]
    fn a_request_is_whole() {
        let caller = Caller::new("127.0.0.1:80".parse().unwrap(), "avk_x");
        let mut out = Vec::new();
        caller.write(
            &mut out,
            "POST",
            &[b"/v1/subjects/", b"7", b"/reveal"],
            "Avouch-Purpose: support\r\n",
            b"{}",
        );
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "POST /v1/subjects/7/reveal HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAuthorization: Bearer avk_x\r\n\
             Content-Type: application/json\r\nAvouch-Purpose: support\r\nContent-Length: 2\r\n\r\n{}"
        );
    }

    #[test]
    fn an_inbox_grows_with_what_arrives() {
        let sent = vec![7u8; 100_000];
        let mut from = sent.as_slice();
        let mut inbox = Inbox::new();
        while inbox.arrived().len() < sent.len() {
            inbox.fill(&mut from).unwrap();
        }
        assert_eq!(inbox.arrived(), sent);
        assert_eq!(inbox.fill(&mut from).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
