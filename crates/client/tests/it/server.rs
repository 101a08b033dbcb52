//! A server that answers what it is told, in order, and remembers what it was asked.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use avouch_client::{Client, Options};
use avouch_wire::{Problem, ProblemKind, Secret};

/// One answer of the script.
pub(crate) enum Answer {
    /// A status, a body, and more header lines.
    Json(u16, String, &'static str),
    /// Bytes as they are; the connection is closed afterwards.
    Raw(Vec<u8>),
    /// The request is read and the connection closed.
    Close,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self::Json(200, body.into(), "")
    }

    pub(crate) fn problem(kind: ProblemKind, headers: &'static str) -> Self {
        let body = serde_json::to_string(&Problem::new(kind, "as scripted")).expect("it serialises");
        Self::Json(kind.status(), body, headers)
    }
}

/// What the server was asked.
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A client with two seconds of patience, and what the server was asked.
pub(crate) fn scripted(answers: Vec<Answer>) -> (Client, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let (sender, asked) = channel();
    thread::spawn(move || {
        let mut answers = answers.into_iter();
        while answers.len() > 0 {
            let (stream, _) = listener.accept().expect("a client comes");
            let mut writer = stream.try_clone().expect("it clones");
            let mut reader = BufReader::new(stream);
            while let Some(request) = read(&mut reader) {
                let _ = sender.send(request);
                match answers.next() {
                    Some(Answer::Json(status, body, headers)) => {
                        let head = format!(
                            "HTTP/1.1 {status} Scripted\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
                            body.len()
                        );
                        writer.write_all((head + &body).as_bytes()).expect("the client reads");
                    }
                    Some(Answer::Raw(bytes)) => {
                        writer.write_all(&bytes).expect("the client reads");
                        break;
                    }
                    Some(Answer::Close) | None => break,
                }
            }
        }
    });
    let mut options = Options::new(format!("http://127.0.0.1:{port}"), Secret("avk_test".into()));
    options.patience = Duration::from_secs(2);
    (Client::new(options).expect("the options are good"), asked)
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().expect("a number"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).expect("requests are UTF-8");
    Some(Asked { line: line.trim_end().to_owned(), headers, body })
}
