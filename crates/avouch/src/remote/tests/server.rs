//! A server with just enough of the routes to import into and export from: it keeps chunks by import and number, and rejects an e-mail
//! address without `@`.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use avouch_wire::{ChunkRequest, ChunkResult, Problem, ProblemKind, import::RejectedRow, import::RowFault};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Default)]
struct State {
    /// By the digests of file and mapping.
    imports: Mutex<BTreeMap<String, Uuid>>,
    chunks: Mutex<BTreeMap<(Uuid, u64), Kept>>,
    puts: AtomicU64,
    losses: AtomicU64,
    /// The first chunk that is refused; none is while it is zero.
    refused_from: AtomicU64,
}

/// The answer to a chunk, and the customers it stored.
type Kept = (ChunkResult, Vec<String>);

pub(super) struct Vault {
    port: u16,
    state: Arc<State>,
}

impl Vault {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { port, state }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next answers to chunks are lost after the chunk was stored.
    pub(super) fn lose_answers(&self, count: u64) {
        self.state.losses.store(count, Ordering::Relaxed);
    }

    /// This chunk and those after it are refused.
    pub(super) fn refuse_from(&self, number: u64) {
        self.state.refused_from.store(number, Ordering::Relaxed);
    }

    pub(super) fn puts(&self) -> u64 {
        self.state.puts.load(Ordering::Relaxed)
    }

    /// The fields of all customers.
    pub(super) fn stored(&self) -> Vec<String> {
        self.state.chunks.lock().expect("no panic").values().flat_map(|(_, stored)| stored.clone()).collect()
    }
}

fn serve(stream: TcpStream, state: &State) {
    let mut writer = stream.try_clone().expect("it clones");
    let mut reader = BufReader::new(stream);
    while let Some((line, body)) = request(&mut reader) {
        let (status, answer) = answer(&line, &body, state);
        let lost = line.starts_with("PUT")
            && state
                .losses
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok();
        if lost {
            return;
        }
        // An export whose reason says so breaks off: more is promised than comes.
        let missing = if String::from_utf8_lossy(&body).contains("break off") { 10 } else { 0 };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", answer.len() + missing);
        if writer.write_all((head + &answer).as_bytes()).is_err() || missing > 0 {
            return;
        }
    }
}

fn answer(line: &str, body: &[u8], state: &State) -> (u16, String) {
    let words: Vec<&str> = line.split([' ', '/']).collect();
    let ok = |value: Value| (200, value.to_string());
    match words.as_slice() {
        ["POST", "", "v1", "imports", "propose", ..] => ok(json!({
            "mapping": {"Mail": {"field": "email", "confidence": 99, "because": "the header means e-mail"}},
            "unmapped": ["Other"], "missing_required": []
        })),
        ["POST", "", "v1", "imports", "HTTP", ..] => {
            let start: Value = serde_json::from_slice(body).expect("JSON");
            let name = format!("{} {}", start["source_digest"], start["mapping_digest"]);
            let mut imports = state.imports.lock().expect("no panic");
            let new = Uuid::from_u128(imports.len() as u128 + 1);
            let id = *imports.entry(name).or_insert(new);
            let chunks = state.chunks.lock().expect("no panic");
            let done: Vec<_> = chunks.keys().filter(|key| key.0 == id).map(|key| (key.1, key.1)).collect();
            ok(json!({"id": id, "chunks_done": done}))
        }
        ["PUT", "", "v1", "imports", id, "chunks", number, ..] => {
            let key = (id.parse().expect("an id"), number.parse().expect("a number"));
            let refused_from = state.refused_from.load(Ordering::Relaxed);
            state.puts.fetch_add(1, Ordering::Relaxed);
            if refused_from > 0 && key.1 >= refused_from {
                return refused();
            }
            let mut chunks = state.chunks.lock().expect("no panic");
            let (result, _) = chunks.entry(key).or_insert_with(|| store(body));
            (200, serde_json::to_string(result).expect("it serialises"))
        }
        ["GET", "", "v1", "imports", id, ..] => {
            let id: Uuid = id.parse().expect("an id");
            let chunks = state.chunks.lock().expect("no panic");
            let rejected: usize = chunks
                .iter()
                .filter(|(key, _)| key.0 == id)
                .map(|(_, (result, _))| result.rejected.len())
                .sum();
            ok(json!({"id": id, "rows_accepted": 0, "rows_skipped": 0,
                "rows_rejected": rejected, "chunks_done": []}))
        }
        ["POST", "", "v1", "exports", "HTTP", ..] => (200, "name\nAda\n".to_owned()),
        _ => refused(),
    }
}

fn refused() -> (u16, String) {
    let problem = Problem::new(ProblemKind::DeniedByPolicy, "not this key");
    (403, serde_json::to_string(&problem).expect("it serialises"))
}

fn store(body: &[u8]) -> Kept {
    let request: ChunkRequest = serde_json::from_slice(body).expect("a chunk");
    let mut stored = Vec::new();
    let mut rejected = Vec::new();
    for row in request.rows {
        let email = row.fields.0.get("email").and_then(Value::as_str);
        if email.is_some_and(|email| !email.contains('@')) {
            let fault = RowFault { field: Some("email".into()), detail: "expected an e-mail address".into() };
            rejected.push(RejectedRow { row: row.row, errors: vec![fault] });
        } else {
            stored.push(serde_json::to_string(&row.fields).expect("it serialises"));
        }
    }
    (ChunkResult { accepted: stored.len() as u64, skipped: 0, rejected }, stored)
}

fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((line.trim_end().to_owned(), body))
}
