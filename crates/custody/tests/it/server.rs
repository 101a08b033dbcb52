//! A server on a loopback port, one request for each connection, that answers as it is told and remembers
//! what it was asked.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use avouch_custody::Reach;
use serde_json::Value;

/// One answer.
pub(crate) enum Answer {
    /// A status and a body.
    Json(u16, Value),
    /// Bytes as they are; the connection is closed afterwards.
    Raw(Vec<u8>),
    /// The head of a good answer, then more and more of its body.
    Endless,
    /// The head of a good answer, then its body, a byte at a time.
    Dripping,
    /// Nothing, with the connection kept open.
    Silence,
    /// Nothing, with the connection closed.
    Close,
}

/// What the server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "`{name}` came twice");
        value
    }

    /// `POST /v1/…`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The server, while the test runs.
pub(crate) struct Server {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// `http://127.0.0.1:…`
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it was asked since this was asked last.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().expect("no test panics with it"))
    }

    /// The same as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }
}

/// Starts a server.
pub(crate) fn serve(mut answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let Some(request) = read(&mut reader) else { continue };
            remembered.lock().expect("no test panics with it").push(request.clone());
            // Who asked may have gone away by now.
            let _ = write(reader.into_inner(), answer(&request));
        }
    });
    Server { port, asked }
}

/// A server that gives the same answer to whatever it is asked.
pub(crate) fn always(answer: impl Fn() -> Answer + Send + 'static) -> Server {
    serve(move |_| answer())
}

/// What the server at `port` answers to the same request.
pub(crate) fn forward(port: u16, asked: &Asked) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let headers: String = asked.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    stream.write_all(format!("{} HTTP/1.1\r\n{headers}\r\n", asked.line()).as_bytes()).expect("it reads");
    stream.write_all(&asked.body).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers and closes");
    Answer::Raw(answer)
}

/// A port at which nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    format!("http://{}", listener.local_addr().expect("it is bound"))
}

/// Two short tries, for what ends by running out of time.
pub(crate) fn hasty() -> Reach {
    Reach { timeout: Duration::from_millis(300), ..twice() }
}

/// Two tries that take what time they need.
pub(crate) fn twice() -> Reach {
    Reach { pauses: vec![Duration::from_millis(1)], ..patient() }
}

/// As many as a busy machine may need.
pub(crate) fn patient() -> Reach {
    Reach { ca: None, timeout: Duration::from_secs(30), pauses: vec![Duration::from_millis(1); 2] }
}

pub(crate) fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_ascii_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
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
    Some(Asked { method, path, headers, body })
}

fn write(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Json(status, body) => stream.write_all(&json(status, &body)),
        Answer::Raw(bytes) => stream.write_all(&bytes),
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")?;
            loop {
                stream.write_all(&[b' '; 4096])?;
            }
        }
        Answer::Dripping => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n")?;
            for _ in 0..4096 {
                stream.write_all(b" ")?;
                thread::park_timeout(Duration::from_millis(20));
            }
            Ok(())
        }
        // Until the other side gives up.
        Answer::Silence => stream.read_to_end(&mut Vec::new()).map(|_| ()),
        Answer::Close => Ok(()),
    }
}

fn json(status: u16, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} So\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into()
}
