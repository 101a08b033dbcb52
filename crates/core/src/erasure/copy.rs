//! The third copy of the list of endings: text, one line each, kept where neither store is. It is written by one thread, which
//! answers when the lines are durable, so that nobody else waits for that disk.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::debt::{Debt, Owed};

/// Where the copy lies. Lines come without their ends.
pub trait EndingsCopy: core::fmt::Debug + Send + Sync {
    /// All lines, also those that were written twice. A last one that was cut off is left out, and is not there any more when
    /// something is appended.
    ///
    /// # Errors
    /// When it cannot be read. One that does not exist yet is empty.
    fn lines(&self) -> std::io::Result<Vec<String>>;

    /// Appends lines, and returns when they are durable.
    ///
    /// # Errors
    /// When that could not be made sure; they may have been appended all the same.
    fn append(&self, lines: &[String]) -> std::io::Result<()>;
}

type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// Lines, each with the number of its ending, and whom to tell.
type Task = (Vec<(i64, String)>, Answer);

/// The thread that writes the copy. It ends with this.
#[derive(Debug)]
pub(super) struct Keeper {
    copy: Arc<dyn EndingsCopy>,
    sender: Mutex<Sender<Task>>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the copy has, so that an erasure that is asked for again does not make it longer.
    kept: Mutex<HashSet<i64>>,
    /// What could not be appended.
    missing: Debt,
}

impl State {
    fn kept(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    pub(super) fn start(copy: Arc<dyn EndingsCopy>) -> Result<Self, Error> {
        let (sender, receiver) = channel();
        let state = Arc::new(State::default());
        let (written, shared) = (Arc::clone(&copy), Arc::clone(&state));
        std::thread::Builder::new()
            .name("endings".to_owned())
            .spawn(move || write(&receiver, &*written, &shared))
            .map_err(|_| Error::Internal("no thread for the copy of the list of erasures"))?;
        Ok(Self { copy, sender: Mutex::new(sender), state })
    }

    pub(super) fn lines(&self) -> std::io::Result<Vec<String>> {
        self.copy.lines()
    }

    /// The endings with these numbers were found in the copy.
    pub(super) fn has(&self, numbers: impl Iterator<Item = i64>) {
        self.state.kept().extend(numbers);
    }

    /// Appends lines that the copy does not have, and answers when they are durable, or cannot be made so.
    pub(super) fn keep(&self, lines: Vec<(i64, String)>, answer: Answer) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(unsent) = sender.send((lines, answer)) {
            let (_, answer) = unsent.0;
            answer(Err(Error::CopyUnwritten));
        }
    }

    /// Whether something could not be appended and is not there yet: a mark for [`Keeper::caught_up`].
    pub(super) fn behind(&self) -> Option<Owed> {
        self.state.missing.owed()
    }

    /// All that was missing then is in the copy. What has failed since stays.
    pub(super) fn caught_up(&self, behind: Owed) {
        self.state.missing.pay(behind);
    }
}

fn write(receiver: &Receiver<Task>, copy: &dyn EndingsCopy, state: &State) {
    while let Ok((mut lines, first)) = receiver.recv() {
        // What waits is made durable together.
        let mut answers = vec![first];
        while let Ok((more, answer)) = receiver.try_recv() {
            lines.extend(more);
            answers.push(answer);
        }
        let written = append(lines, copy, state);
        if let Err(error) = &written {
            tracing::error!(%error, "the copy of the list of erasures was not written; housekeeping tries it again");
            state.missing.owe();
        }
        for answer in answers {
            answer(written.as_ref().copied().map_err(|_| Error::CopyUnwritten));
        }
    }
}

fn append(mut lines: Vec<(i64, String)>, copy: &dyn EndingsCopy, state: &State) -> std::io::Result<()> {
    lines.sort_unstable();
    lines.dedup();
    lines.retain(|(seq, _)| !state.kept().contains(seq));
    if lines.is_empty() {
        return Ok(());
    }
    let (numbers, texts): (Vec<i64>, Vec<String>) = lines.into_iter().unzip();
    copy.append(&texts)?;
    state.kept().extend(numbers);
    Ok(())
}
