//! Delivers what the vault has to say to somebody outside: a thread that asks what is due and hands each message to its way. What a way
//! does not take is tried again later, less and less often, and one way that does not work holds up no other.
//!
//! Crash between delivery and our note of it: the message goes out once more, under the same id.

mod hook;
mod mail;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use avouch_core::app::App;
use avouch_core::outbox::{Channel, DueMessage};

use crate::config::Config;
use crate::error::Error;
use hook::Hook;
use mail::Mailer;

/// Between two looks for something due.
const PAUSE: Duration = Duration::from_secs(1);
/// How many messages are asked for at once.
const BATCH: u16 = 50;
/// How long a receiver may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The thread; it ends at [`stop`](Self::stop).
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Its end is the sign for the thread.
    going_on: Sender<()>,
    thread: JoinHandle<()>,
}

impl Outbox {
    /// Reads what each way needs, and begins.
    ///
    /// # Errors
    /// A file that cannot be read, or that does not hold what it should.
    pub(crate) fn start(app: &Arc<App>, config: &Config) -> Result<Self, Error> {
        let post = Post {
            app: Arc::clone(app),
            mailer: Mailer::new(&config.mail, config.origin())?,
            hooks: config
                .alarms
                .webhook
                .iter()
                .map(|hook| Ok((hook.name.clone(), Hook::new(hook)?)))
                .collect::<Result<_, Error>>()?,
            gateway: config.gateway()?.map(|gateway| Hook::new(&gateway)).transpose()?,
        };
        let (going_on, stopped) = channel();
        let work = move || post.work(&stopped);
        let thread = thread::Builder::new().name("outbox".to_owned()).spawn(work);
        Ok(Self { going_on, thread: thread.map_err(|error| Error::Process("cannot start threads", error))? })
    }

    /// Ends the thread, after the delivery that is under way.
    pub(crate) fn stop(self) {
        drop(self.going_on);
        if self.thread.join().is_err() {
            tracing::error!("the outbox panicked");
        }
    }
}

struct Post {
    app: Arc<App>,
    mailer: Option<Mailer>,
    hooks: HashMap<String, Hook>,
    gateway: Option<Hook>,
}

impl Post {
    fn work(&self, stopped: &Receiver<()>) {
        let mut failing = HashSet::new();
        while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
            if let Err(error) = self.round(&mut failing, stopped) {
                tracing::warn!(%error, "messages cannot be looked up");
            }
        }
    }

    /// Delivers what is due. A way that fails is not tried again in the same round.
    fn round(&self, failing: &mut HashSet<String>, stopped: &Receiver<()>) -> Result<(), avouch_core::Error> {
        let mut tried = HashSet::new();
        for DueMessage { id, tries, message } in self.app.messages_due(BATCH)? {
            if stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected) {
                return Ok(());
            }
            let Some(message) = message else {
                tracing::error!(message = %id, "a message was changed in the store: it is not delivered, and let go of in the end");
                self.app.message_failed(id, tries)?;
                continue;
            };
            if message.notice.is_over(self.app.now()) {
                self.app.message_delivered(id)?;
                continue;
            }
            let way = match &message.channel {
                Channel::Gateway => "gateway for codes".to_owned(),
                Channel::Mail(_) => "mail".to_owned(),
                Channel::Hook(name) => format!("webhook {name}"),
            };
            if tried.contains(&way) {
                self.app.message_failed(id, tries)?;
                continue;
            }
            let delivered = match &message.channel {
                Channel::Gateway => match &self.gateway {
                    Some(gateway) => gateway.send(id, self.app.now(), &message.notice),
                    None => Err("the configuration has no gateway for codes any more".to_owned()),
                },
                Channel::Mail(to) => match &self.mailer {
                    Some(mailer) => mailer.send(id, to, &message.notice),
                    None => Err("the configuration has no [mail] any more".to_owned()),
                },
                Channel::Hook(name) => match self.hooks.get(name) {
                    Some(hook) => hook.send(id, self.app.now(), &message.notice),
                    None => Err("the configuration has no such webhook any more".to_owned()),
                },
            };
            match delivered {
                Ok(()) => {
                    self.app.message_delivered(id)?;
                    if failing.remove(&way) {
                        tracing::info!(way, "messages are delivered again");
                    }
                }
                Err(error) => {
                    // Once for each time it begins to fail, not for each try.
                    if failing.insert(way.clone()) {
                        tracing::warn!(way, %error, "a message is not delivered; it is tried again and again");
                    }
                    if !self.app.message_failed(id, tries)? {
                        tracing::error!(way, message = %id, "a message was let go of after three days");
                    }
                    tried.insert(way);
                }
            }
        }
        Ok(())
    }
}

/// A time in microseconds UTC, as RFC 3339 has it, to the second.
fn time(at: i64) -> String {
    let second = at.div_euclid(1_000_000);
    jiff::Timestamp::from_second(second).map_or_else(|_| second.to_string(), |time| time.to_string())
}
