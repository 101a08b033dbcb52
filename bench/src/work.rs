//! The requests of each scenario, and what makes an answer to them right.
//!
//! An answer is right when its status is the expected one *and* it holds what was asked for: the e-mail address of
//! that very customer, its id, a token. A server that answers fast and wrong must not get a figure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::customer::{Customer, MAIL_DOMAIN, email, mix};
use crate::http::Caller;
use crate::load::Work;

/// One kind of load through the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Read,
    Reveal,
    Search,
    Tokenize,
    Tokenize100,
    Detokenize,
    Detokenize100,
    /// 60 % read, 20 % reveal, 10 % search, 5 % create, 5 % tokenise.
    Mixed,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Create,
        Self::Read,
        Self::Reveal,
        Self::Search,
        Self::Tokenize,
        Self::Tokenize100,
        Self::Detokenize,
        Self::Detokenize100,
        Self::Mixed,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Reveal => "reveal",
            Self::Search => "search",
            Self::Tokenize => "tokenize",
            Self::Tokenize100 => "tokenize-100",
            Self::Detokenize => "detokenize",
            Self::Detokenize100 => "detokenize-100",
            Self::Mixed => "mixed",
        }
    }
}

/// How many items a batch holds.
pub(crate) const BATCH: usize = 100;

/// A customer that the server holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) number: u64,
    /// Its id, as text.
    pub(crate) id: [u8; 36],
}

/// What is in a server, and who asks it.
#[derive(Debug)]
pub(crate) struct World {
    /// The company's service.
    pub(crate) load: Caller,
    /// The recipient's service, which turns its tokens back.
    pub(crate) partner: Caller,
    pub(crate) known: Vec<Known>,
    /// A token of the e-mail address for each of the first of `known`.
    pub(crate) tokens: Vec<String>,
    /// The number of the next customer to create.
    pub(crate) next: AtomicU64,
}

/// The load of one thread.
#[derive(Debug)]
pub(crate) struct Asker {
    world: Arc<World>,
    kind: Kind,
    /// Creates stop at this customer number; `None`: with the window.
    until: Option<u64>,
    drawn: u64,
    body: Vec<u8>,
    /// What was created.
    pub(crate) created: Vec<Known>,
}

/// What an answer is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    kind: Kind,
    /// The number of the customer that was created or asked for.
    number: u64,
    /// Its id; of no meaning when it is being created.
    id: [u8; 36],
}

impl Asker {
    /// `thread` makes each thread ask for other customers.
    pub(crate) fn new(world: &Arc<World>, kind: Kind, until: Option<u64>, thread: u64) -> Self {
        Self {
            world: Arc::clone(world),
            kind,
            until,
            drawn: mix(thread),
            body: Vec::with_capacity(16 * 1024),
            created: Vec::new(),
        }
    }

    fn draw(&mut self, below: usize) -> usize {
        self.drawn = mix(self.drawn);
        let below = u64::try_from(below.max(1)).unwrap_or(1);
        usize::try_from(self.drawn % below).unwrap_or_default()
    }

    fn kind_now(&mut self) -> Kind {
        if self.kind != Kind::Mixed {
            return self.kind;
        }
        match self.draw(100) {
            0..60 => Kind::Read,
            60..80 => Kind::Reveal,
            80..90 => Kind::Search,
            90..95 => Kind::Create,
            _ => Kind::Tokenize,
        }
    }

    /// Some customer that is there. A run does not begin before there are some.
    fn somebody(&mut self) -> Known {
        let index = self.draw(self.world.known.len());
        self.world.known.get(index).copied().unwrap_or(NOBODY)
    }

    /// `count` neighbours beginning anywhere among the first `among`.
    fn neighbours(&mut self, among: usize, count: usize) -> std::ops::Range<usize> {
        let from = self.draw((among + 1).saturating_sub(count));
        from..(from + count).min(among)
    }
}

const NOBODY: Known = Known { number: 0, id: [b'0'; 36] };

impl Work for Asker {
    type Ticket = Ticket;

    fn request(&mut self, out: &mut Vec<u8>) -> Option<Ticket> {
        let kind = self.kind_now();
        self.body.clear();
        let world = Arc::clone(&self.world);
        let mut asked = NOBODY;
        match kind {
            Kind::Create => {
                asked.number = world.next.fetch_add(1, Ordering::Relaxed);
                if self.until.is_some_and(|until| asked.number >= until) {
                    return None;
                }
                Customer::new(asked.number).write_json(&mut self.body);
                world.load.write(out, "POST", &[b"/v1/subjects"], SUPPORT, &self.body);
            }
            Kind::Read => {
                asked = self.somebody();
                world.load.write(out, "GET", &[b"/v1/subjects/", &asked.id], SUPPORT, &[]);
            }
            Kind::Reveal => {
                asked = self.somebody();
                world.load.write(out, "POST", &[b"/v1/subjects/", &asked.id, b"/reveal"], "", REVEAL);
            }
            Kind::Search => {
                asked = self.somebody();
                self.put(br#"{"purpose":"support","reason":"ticket 4711","by":{"email":""#);
                self.put(email(asked.number).as_bytes());
                self.put(br#""}}"#);
                world.load.write(out, "POST", &[b"/v1/subjects/search"], "", &self.body);
            }
            Kind::Tokenize => {
                asked = self.somebody();
                self.put(TOKENS_HEAD);
                self.put_item(&asked);
                self.put(b"]}");
                world.load.write(out, "POST", &[b"/v1/tokens"], "", &self.body);
            }
            Kind::Tokenize100 => {
                let range = self.neighbours(world.known.len(), BATCH);
                self.put(TOKENS_HEAD);
                for (index, known) in world.known.get(range).unwrap_or_default().iter().enumerate() {
                    if index > 0 {
                        self.put(b",");
                    }
                    self.put_item(known);
                }
                self.put(b"]}");
                world.load.write(out, "POST", &[b"/v1/tokens"], "", &self.body);
            }
            Kind::Detokenize | Kind::Detokenize100 => {
                let count = if kind == Kind::Detokenize { 1 } else { BATCH };
                let range = self.neighbours(world.tokens.len(), count);
                asked = world.known.get(range.start).copied().unwrap_or(NOBODY);
                self.put(br#"{"purpose":"delivery","document":["#);
                for (index, token) in world.tokens.get(range).unwrap_or_default().iter().enumerate() {
                    self.put(if index > 0 { br#",""# } else { br#"""# });
                    self.put(token.as_bytes());
                    self.put(br#"""#);
                }
                self.put(b"]}");
                world.partner.write(out, "POST", &[b"/v1/detokenize"], "", &self.body);
            }
            // `kind_now` has resolved it.
            Kind::Mixed => return None,
        }
        Some(Ticket { kind, number: asked.number, id: asked.id })
    }

    fn answered(&mut self, ticket: Ticket, status: u16, body: &[u8]) -> bool {
        match ticket.kind {
            Kind::Create => match id(body).filter(|_| status == 201) {
                Some(id) => {
                    self.created.push(Known { number: ticket.number, id });
                    true
                }
                None => false,
            },
            Kind::Read | Kind::Search => status == 200 && holds(body, &ticket.id),
            Kind::Reveal | Kind::Detokenize => status == 200 && holds(body, email(ticket.number).as_bytes()),
            Kind::Detokenize100 => status == 200 && count(body, MAIL_DOMAIN.as_bytes()) == BATCH,
            Kind::Tokenize => status == 200 && count(body, TOKEN) == 1,
            Kind::Tokenize100 => status == 200 && count(body, TOKEN) == BATCH,
            // `kind_now` has resolved it.
            Kind::Mixed => false,
        }
    }
}

impl Asker {
    fn put(&mut self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
    }

    fn put_item(&mut self, known: &Known) {
        self.put(br#"{"subject":""#);
        self.put(&known.id);
        self.put(br#"","field":"email"}"#);
    }
}

const SUPPORT: &str = "Avouch-Purpose: support\r\n";
const REVEAL: &[u8] = br#"{"purpose":"support","reason":"ticket 4711","fields":["email"],"view":"clear"}"#;
const TOKENS_HEAD: &[u8] = br#"{"purpose":"delivery","recipient":"parcels","items":["#;
const TOKEN: &[u8] = br#""token":""#;

/// The first `"id":"…"` of an answer.
fn id(body: &[u8]) -> Option<[u8; 36]> {
    const KEY: &[u8] = br#""id":""#;
    let at = find(body, KEY)? + KEY.len();
    body.get(at..at + 36)?.try_into().ok()
}

fn holds(body: &[u8], what: &[u8]) -> bool {
    find(body, what).is_some()
}

fn find(body: &[u8], what: &[u8]) -> Option<usize> {
    body.windows(what.len()).position(|window| window == what)
}

fn count(body: &[u8], what: &[u8]) -> usize {
    body.windows(what.len()).filter(|window| *window == what).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> Arc<World> {
        let caller = Caller::new("127.0.0.1:1".parse().unwrap(), "avk_k");
        let known = (0..300).map(|number| {
            let text = format!("00000000-0000-7000-8000-{number:012}");
            Known { number, id: text.as_bytes().try_into().unwrap() }
        });
        Arc::new(World {
            load: caller.clone(),
            partner: caller,
            known: known.collect(),
            tokens: (0..200).map(|number| format!("avt_{number}")).collect(),
            next: AtomicU64::new(300),
        })
    }

    fn body(request: &[u8]) -> Option<serde_json::Value> {
        let (head, body) = std::str::from_utf8(request).unwrap().split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        (!body.is_empty()).then(|| serde_json::from_str(body).unwrap())
    }

    #[test]
    fn every_kind_writes_a_whole_request_with_json_that_parses() {
        for kind in Kind::ALL {
            let mut asker = Asker::new(&world(), kind, None, 1);
            for _ in 0..200 {
                let mut out = Vec::new();
                let ticket = asker.request(&mut out).unwrap();
                let body = body(&out);
                assert_eq!(body.is_none(), ticket.kind == Kind::Read);
                match (kind, body) {
                    (Kind::Tokenize100, Some(body)) => {
                        assert_eq!(body["items"].as_array().unwrap().len(), BATCH)
                    }
                    (Kind::Detokenize100, Some(body)) => {
                        assert_eq!(body["document"].as_array().unwrap().len(), BATCH)
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn creating_ends_at_the_number_asked_for() {
        let mut asker = Asker::new(&world(), Kind::Create, Some(302), 1);
        let mut out = Vec::new();
        assert!(asker.request(&mut out).is_some());
        assert!(asker.request(&mut out).is_some());
        assert!(asker.request(&mut out).is_none());
    }

    #[test]
    fn an_answer_about_somebody_else_is_wrong() {
        let mut asker = Asker::new(&world(), Kind::Reveal, None, 1);
        let ticket = asker.request(&mut Vec::new()).unwrap();
        let answer = |number| format!(r#"{{"fields":{{"email":"{}"}}}}"#, email(number));
        assert!(asker.answered(ticket, 200, answer(ticket.number).as_bytes()));
        assert!(!asker.answered(ticket, 200, answer(ticket.number + 1).as_bytes()));
        assert!(!asker.answered(ticket, 403, answer(ticket.number).as_bytes()));
    }

    #[test]
    fn a_created_id_is_remembered() {
        let mut asker = Asker::new(&world(), Kind::Create, None, 1);
        let ticket = asker.request(&mut Vec::new()).unwrap();
        let answer = br#"{"id":"01890000-0000-7000-8000-000000000001","version":1}"#;
        assert!(asker.answered(ticket, 201, answer));
        assert_eq!(asker.created[0].number, 300);
        assert_eq!(&asker.created[0].id, b"01890000-0000-7000-8000-000000000001");
        assert!(!asker.answered(ticket, 201, b"{}"));
    }
}
