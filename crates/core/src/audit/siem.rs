//! How far others have been told: one row for each place that events are sent to. It moves when they have said that they have it, so
//! after a crash in between they get the same once more, and never less.
//!
//! Trust: whoever can write `siem_cursor` can have events sent again or not at all; those who get them see a gap in their numbers.

use avouch_store::{params, statements};

use crate::Error;
use crate::app::App;
use crate::ledger::follow::{self, Stretch};

statements! {
    data CURSOR = "select log, idx from siem_cursor where name = ?1";
    data MOVE_CURSOR = "insert into siem_cursor (name, log, idx) values (?1, ?2, ?3) on conflict (name) do update set log = excluded.log, idx = excluded.idx";
}

/// The next event that somebody gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SiemCursor {
    /// Of which log; nothing where nothing was sent yet.
    pub log: Option<i64>,
    /// Its index there.
    pub index: u64,
}

/// What is to be sent next, and how much waits.
#[derive(Debug, Clone)]
pub struct SiemBatch {
    /// The events.
    pub stretch: Stretch,
    /// Signed events that were not sent, these among them.
    pub behind: u64,
}

impl App {
    /// Where somebody is.
    ///
    /// # Errors
    /// What the store reports.
    pub fn siem_cursor(&self, name: &str) -> Result<SiemCursor, Error> {
        let name = name.to_owned();
        let row = self.store.read_wait(move |tx| {
            tx.first(&CURSOR, params![&*name], |row| Ok((row.int(0)?, row.int(1)?.cast_unsigned())))
        })?;
        Ok(row.map_or_else(SiemCursor::default, |(log, index)| SiemCursor { log: Some(log), index }))
    }

    /// At most so many events from there on, of one log. Reading them for this is no event: each would be the cause of another.
    ///
    /// # Errors
    /// What the store reports. [`Error::Tampered`] when a leaf is gone.
    pub fn siem_batch(
        self: &std::sync::Arc<Self>,
        cursor: SiemCursor,
        most: u64,
    ) -> Result<SiemBatch, Error> {
        let app = std::sync::Arc::clone(self);
        self.store.read_wait(move |tx| {
            let stretch = app.stretch(tx, cursor.log, cursor.index, most)?;
            let unsent = stretch.size.saturating_sub(stretch.next) + stretch.items.len() as u64;
            let behind = unsent + follow::leaves_after(tx, stretch.log)?;
            Ok(SiemBatch { stretch, behind })
        })
    }

    /// Notes that everything before this was received.
    ///
    /// # Errors
    /// What the store reports.
    pub fn siem_sent(&self, name: &str, log: i64, next: u64) -> Result<(), Error> {
        let name = name.to_owned();
        self.store.write_wait(move |tx| Ok(tx.put(&MOVE_CURSOR, params![&*name, log, next.cast_signed()])?))
    }
}
