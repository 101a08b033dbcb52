//! Sends events to those who watch many systems: a thread for each place of `[[siem]]`, which reads the log from where its place is,
//! in order and only as far as it is signed, and moves on when the receiver has said that it has them.
//!
//! The log is the queue. A receiver that is away for a week costs nothing but its own delay, which status and metrics tell; nothing
//! of ours waits for it but the end of events that are kept for some days only. Crash between what the receiver has said and our note of it: it gets the same events once more, under the
//! same names (`metadata.uid`, or `origin` and `index`).

mod syslog;

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use avouch_client::{Identity, Post, PostOptions};
use avouch_core::app::App;
use avouch_core::audit::siem::{SiemBatch, SiemCursor};
use avouch_http::{LookAtSiem, event_lines};
use avouch_wire::system::Siem as State;
use avouch_wire::{EventFormat, Secret, header};

use crate::config::{Siem as Place, SiemKind};
use crate::error::Error;
use crate::files;
use syslog::Syslog;

/// Between two looks for something new, and the wait after a first failure.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest wait after many.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long the end of the server waits for a sending that is under way.
const LAST: Duration = Duration::from_secs(2);

/// The threads; they end at [`stop`](Self::stop).
#[derive(Debug)]
pub(crate) struct Siem {
    states: Vec<Shared>,
    /// Their end is the sign for the threads.
    going_on: Vec<Sender<()>>,
    /// Each ends when its thread does.
    ended: Vec<Receiver<()>>,
}

type Shared = Arc<Mutex<State>>;

impl Siem {
    /// Reads what each place needs, and begins.
    ///
    /// # Errors
    /// A file that cannot be read, or that does not hold what it should.
    pub(crate) fn start(app: &Arc<App>, places: &[Place]) -> Result<Self, Error> {
        let sinks = places.iter().map(Sink::new).collect::<Result<Vec<_>, _>>()?;
        let mut siem = Self { states: Vec::new(), going_on: Vec::new(), ended: Vec::new() };
        for (place, sink) in places.iter().zip(sinks) {
            let state = State { name: place.name.clone(), behind: 0, log: None, index: None, failing: None };
            let state = Arc::new(Mutex::new(state));
            let (goes_on, stopped) = channel();
            let (ends, ended) = channel();
            let teller = Teller {
                app: Arc::clone(app),
                sink,
                name: place.name.clone(),
                format: place.format,
                batch: place.batch,
                state: Arc::clone(&state),
            };
            let work = move || {
                let _ends: Sender<()> = ends;
                teller.tell(&stopped);
            };
            let thread = thread::Builder::new().name("siem".to_owned()).spawn(work);
            drop(thread.map_err(|error| Error::Process("cannot start threads", error))?);
            siem.states.push(state);
            siem.going_on.push(goes_on);
            siem.ended.push(ended);
        }
        Ok(siem)
    }

    /// For status and metrics.
    pub(crate) fn look(&self) -> LookAtSiem {
        let states = self.states.clone();
        Arc::new(move || states.iter().map(|state| lock(state).clone()).collect())
    }

    /// Ends the threads. One that waits for its receiver is left to itself: what it has not noted is sent again.
    pub(crate) fn stop(self) {
        drop(self.going_on);
        let until = Instant::now() + LAST;
        for ended in self.ended {
            // An error either way: the sender is dropped, or time is up.
            let _ = ended.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One place, and how far it is.
struct Teller {
    app: Arc<App>,
    sink: Sink,
    name: String,
    format: EventFormat,
    batch: u64,
    state: Shared,
}

impl Teller {
    fn tell(&self, stopped: &Receiver<()>) {
        let mut failures = 0;
        let mut cursor = None;
        loop {
            let wait = match self.step(&mut cursor) {
                Ok(more) => {
                    if failures > 0 {
                        tracing::info!(siem = self.name, "events are received again");
                    }
                    failures = 0;
                    lock(&self.state).failing = None;
                    if more { Duration::ZERO } else { PAUSE }
                }
                Err(error) => {
                    // Once for each time it begins to fail, not for each try.
                    if failures == 0 {
                        tracing::warn!(siem = self.name, %error, "events are not received; it is tried again and again");
                    }
                    lock(&self.state).failing = Some(error);
                    failures += 1;
                    backoff(failures)
                }
            };
            if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// Sends what is next; says whether there may be more at once.
    fn step(&self, cursor: &mut Option<SiemCursor>) -> Result<bool, String> {
        let ours = |error: avouch_core::Error| format!("the log cannot be read: {error}");
        let at = match *cursor {
            Some(cursor) => cursor,
            None => self.app.siem_cursor(&self.name).map_err(ours)?,
        };
        let SiemBatch { stretch, behind } = self.app.siem_batch(at, self.batch).map_err(ours)?;
        *cursor = Some(at);
        self.note(at, behind);
        let Some((first, last)) = stretch.items.first().zip(stretch.items.last()) else {
            return Ok(false);
        };
        if at.log == Some(stretch.log) && at.index < first.index {
            let gone = first.index - at.index;
            tracing::warn!(
                siem = self.name,
                gone,
                "events were kept long enough and let go of before they were received"
            );
        }
        let lines = event_lines(&self.app, &stretch, self.format);
        self.sink.send(&Batch {
            key: format!("{}/{}-{}", stretch.origin, first.index, last.index),
            events: stretch.items.iter().map(|placed| &placed.event).zip(&lines).collect(),
        })?;
        self.app.siem_sent(&self.name, stretch.log, stretch.next).map_err(ours)?;
        let next = SiemCursor { log: Some(stretch.log), index: stretch.next };
        *cursor = Some(next);
        let count = stretch.items.len() as u64;
        self.note(next, behind.saturating_sub(count));
        Ok(count == self.batch)
    }

    fn note(&self, at: SiemCursor, behind: u64) {
        let mut state = lock(&self.state);
        state.behind = behind;
        state.index = at.index.checked_sub(1);
        state.log = at.log.map(i64::cast_unsigned).filter(|_| state.index.is_some());
    }
}

/// Half a second, then twice as long each time, up to a minute.
fn backoff(failures: u32) -> Duration {
    PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST)
}

/// Events on their way, each with its line.
struct Batch<'b> {
    /// Names these events: the same again is the same.
    key: String,
    events: Vec<(&'b avouch_core::audit::Event, &'b String)>,
}

/// How a place is spoken to.
enum Sink {
    Https(Post),
    Syslog(Syslog),
}

impl Sink {
    fn new(place: &Place) -> Result<Self, Error> {
        let read = |path: &Path| fs::read(path).map_err(Error::file(path));
        let ca = place.ca.as_deref().map(read).transpose()?;
        let identity = match (&place.certificate, &place.key) {
            (Some(certificate), Some(key)) => {
                let key = Secret(files::read_secret(key)?.to_string());
                Some(Identity { chain: read(certificate)?, key })
            }
            _ => None,
        };
        let unusable = |reason: String| Error::Usage(format!("[[siem]] `{}`: {reason}", place.name));
        match place.kind {
            SiemKind::Https => {
                let token = place.token_file.as_deref().map(files::read_secret).transpose()?;
                let options = PostOptions {
                    url: place.url.clone().unwrap_or_default(),
                    ca,
                    identity,
                    token: token.map(|token| Secret(token.to_string())),
                    plain_http: place.allow_plain,
                    timeout: TIMEOUT,
                };
                Post::new(&options).map(Self::Https).map_err(|error| unusable(error.to_string()))
            }
            SiemKind::Syslog => {
                let (host, port) = place.parts().unwrap_or_default();
                let syslog = Syslog::new((host, port), place.tls, ca.as_deref(), identity.as_ref());
                syslog.map(Self::Syslog).map_err(unusable)
            }
        }
    }

    /// Sends events, and is back when the receiver has them.
    fn send(&self, batch: &Batch<'_>) -> Result<(), String> {
        match self {
            Self::Https(post) => {
                let mut body = String::new();
                for (_, line) in &batch.events {
                    body.push_str(line);
                    body.push('\n');
                }
                let sent = post.send(body.as_bytes(), header::JSON_LINES, &batch.key);
                sent.map_err(|error| error.to_string())
            }
            Self::Syslog(syslog) => syslog.send(batch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_is_away_is_asked_less_and_less_often() {
        let waits: Vec<_> = (1..=9).map(|failures| backoff(failures).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(backoff(u32::MAX), LONGEST);
    }
}
