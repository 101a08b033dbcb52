//! What is to be said to somebody outside: messages are rows of the transaction of what they tell of, so that none is sent of something
//! that did not happen, and none forgotten of something that did. Whoever has the line (the binary) asks what is due, delivers it and says
//! how that went; one that is not delivered in three days is let go of, with an event.
//!
//! A message carries ids and names of the charter, never a customer's data: it leaves the house in a mail that anybody may read, and what
//! there is to know is shown to whoever logs in. What a notice is of is a closed list, so that nobody writes a name into a subject line.

use avouch_store::{Tx, params, statements};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Error;
use crate::app::App;
use crate::audit::{self, What};
use crate::ids::{AlarmId, MessageId, PrincipalId};
use crate::watch::alarms::AlarmKind;

statements! {
    data PUT = "insert into outbox (id, due, tries, sealed) values (?1, ?2, 0, ?3)";
    data DUE = "select id, tries, sealed from outbox where due <= ?1 order by due, id limit ?2";
    data LATER = "update outbox set due = ?2, tries = tries + 1 where id = ?1";
    data DROP = "delete from outbox where id = ?1";
    data COUNT = "select count(*) from outbox";
    data OLDEST = "select id from outbox order by id limit 1";
}

const MINUTE_MICROS: i64 = 60 * 1_000_000;
/// After so long a message is let go of.
const LONGEST_MICROS: i64 = 3 * 24 * 60 * MINUTE_MICROS;
/// The longest between two tries.
const PAUSE_MICROS: i64 = 60 * MINUTE_MICROS;

/// By which way, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// To a mailbox.
    Mail(String),
    /// To the receiver of this name in the configuration.
    Hook(String),
    /// To the program that hands codes on.
    Gateway,
}

/// Of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// An alarm was raised.
    Alarm {
        /// Its id.
        id: AlarmId,
        /// What it is of.
        kind: AlarmKind,
        /// By whose doing.
        principal: PrincipalId,
        /// Microseconds UTC.
        at: i64,
    },
    /// A code to log in with.
    Code {
        /// Where it is to go.
        to: Hidden,
        /// The code.
        code: Hidden,
        /// Until when it is good, in microseconds UTC.
        until: i64,
    },
    /// Something has happened with how somebody logs in, which they are told.
    Account {
        /// What.
        what: AccountNotice,
        /// With what, where that is one of several: a kind of authenticator.
        with: Option<String>,
        /// What the browser says it is, out of a closed list.
        client: Option<String>,
        /// From which country, where that is known.
        country: Option<String>,
        /// Microseconds UTC.
        at: i64,
    },
}

impl Notice {
    /// Whether there is no use in it any more.
    #[must_use]
    pub fn is_over(&self, now: i64) -> bool {
        matches!(self, Self::Code { until, .. } if now >= *until)
    }
}

/// A text that is in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub(crate) String);

impl Hidden {
    /// For whoever delivers it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hidden(..)")
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

macro_rules! account_notices {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $subject:literal, $about:literal;)*) => {
        /// What somebody is told of how they log in. The closed list, so that nothing of anybody's gets into a subject line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum AccountNotice {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl AccountNotice {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// In a few words.
            #[must_use]
            pub const fn subject(self) -> &'static str {
                match self { $(Self::$variant => $subject),* }
            }

            /// As sentences for people.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about),* }
            }
        }
    };
}

account_notices! {
    /// A log-in from a place where they were never seen.
    NewPlace = "new-place", "a log-in from a new place",
        "Somebody has logged in as you, from a browser or a place that we have not seen with you.";
    /// Something to log in with was added.
    Enrolled = "enrolled", "a new way to log in",
        "Something to log in with was added to your account, or took the place of what was there.";
    /// Something to log in with was taken away.
    Removed = "removed", "a way to log in is gone",
        "Something that you log in with was taken away.";
    /// A recovery code or a one-time link was used.
    Recovered = "recovered", "your account is being set up anew",
        "A recovery code or a one-time link was used, to set up anew how you log in.";
    /// Their password was right, and what goes with it was not.
    PasswordKnown = "password-known", "your password is known to somebody",
        "Somebody at a new place has typed your right password, and did not have what goes with it. They were not let in. If that was not you, set another password.";
    /// Mail like this goes to another address.
    AddressChanged = "address-changed", "mail like this goes elsewhere",
        "The address was changed at which you are told of what happens with your account.";
}

/// Who is told of what.
#[derive(Debug, Clone, Default)]
pub struct OutboxSettings {
    /// Of alarms.
    pub alarms: Vec<Channel>,
    /// Whether there is a way for mail.
    pub mail: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    settings: OutboxSettings,
}

impl Outbox {
    pub(crate) const fn new(settings: OutboxSettings) -> Self {
        Self { settings }
    }

    /// Whether there is a way for mail.
    pub(crate) const fn mails(&self) -> bool {
        self.settings.mail
    }

    /// Who is told of alarms.
    pub(crate) fn alarms(&self) -> &[Channel] {
        &self.settings.alarms
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// To whom.
    pub channel: Channel,
    /// Of what.
    pub notice: Notice,
}

/// A message that is due.
#[derive(Debug, Clone)]
pub struct DueMessage {
    /// Names it: the same again is the same.
    pub id: MessageId,
    /// How often it was tried.
    pub tries: i64,
    /// What it says; nothing when it was changed, which nobody should be kept waiting by.
    pub message: Option<Message>,
}

/// How many messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: u64,
    /// Since when the oldest does, in microseconds UTC.
    pub since: Option<i64>,
}

impl Message {
    /// Queues it, in the transaction of what it tells of.
    pub(crate) fn put(&self, tx: &mut Tx<'_>, app: &App, now: i64) -> Result<(), Error> {
        let id = MessageId::from_bytes(app.ids.uuid(now, &app.rng)?);
        let plain = serde_json::to_vec(self).map_err(|_| Error::Internal("a message has no JSON form"))?;
        let sealed = app.keys.seal_row("outbox", id.bytes(), &Zeroizing::new(plain), &app.rng)?;
        tx.put(&PUT, params![id.bytes(), now, &sealed])?;
        Ok(())
    }
}

impl App {
    /// What is due, oldest first, so many at most.
    ///
    /// # Errors
    /// What the store reports.
    pub fn messages_due(self: &std::sync::Arc<Self>, most: u16) -> Result<Vec<DueMessage>, Error> {
        let (app, now) = (std::sync::Arc::clone(self), self.now());
        self.store.read_wait(move |tx| {
            let rows = tx.query(&DUE, params![now, i64::from(most)], |row| {
                Ok((row.bytes::<16>(0)?, row.int(1)?, row.blob(2)?.to_vec()))
            })?;
            let open = |(id, tries, sealed): ([u8; 16], i64, Vec<u8>)| {
                let plain = app.keys.open_row("outbox", &id, &sealed).ok();
                let message = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
                DueMessage { id: MessageId::from_bytes(id), tries, message }
            };
            Ok(rows.into_iter().map(open).collect())
        })
    }

    /// Notes that a message was delivered. Crash before: it is delivered once more, under the same id.
    ///
    /// # Errors
    /// What the store reports.
    pub fn message_delivered(&self, id: MessageId) -> Result<(), Error> {
        self.store.write_wait(move |tx| {
            tx.put(&DROP, params![id.bytes()])?;
            Ok(())
        })
    }

    /// Notes that it was not: it is due again later, or let go of when it is too old. Says whether it is tried again.
    ///
    /// # Errors
    /// What the store reports.
    pub fn message_failed(self: &std::sync::Arc<Self>, id: MessageId, tries: i64) -> Result<bool, Error> {
        let (app, now) = (std::sync::Arc::clone(self), self.now());
        self.store.write_wait(move |tx| {
            if now.saturating_sub(queued(id)) >= LONGEST_MICROS {
                tx.put(&DROP, params![id.bytes()])?;
                let mut event =
                    audit::system(app.ids.event(now), What::MessageDrop, now, app.rules().version);
                event.objects = vec![(*id.bytes()).into()];
                audit::append(tx, &event, 0, None)?;
                return Ok(false);
            }
            let pause = MINUTE_MICROS.checked_shl(u32::try_from(tries).unwrap_or(u32::MAX).min(20));
            let pause = pause.unwrap_or(PAUSE_MICROS).min(PAUSE_MICROS);
            tx.put(&LATER, params![id.bytes(), now.saturating_add(pause)])?;
            Ok(true)
        })
    }

    /// How many messages wait.
    ///
    /// # Errors
    /// What the store reports.
    pub fn messages_waiting(&self) -> Result<Waiting, Error> {
        self.store.read_wait(|tx| {
            let count = tx.first(&COUNT, &[], |row| row.int(0))?.unwrap_or(0);
            let oldest = tx.first(&OLDEST, &[], |row| row.bytes::<16>(0))?;
            let since = oldest.map(|id| queued(MessageId::from_bytes(id)));
            Ok(Waiting { count: u64::try_from(count).unwrap_or(0), since })
        })
    }
}

/// When it was queued: its id begins with that, in milliseconds.
fn queued(id: MessageId) -> i64 {
    let [a, b, c, d, e, f, ..] = *id.bytes();
    i64::from_be_bytes([0, 0, a, b, c, d, e, f]).saturating_mul(1_000)
}
