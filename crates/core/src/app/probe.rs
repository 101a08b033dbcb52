//! Whether the stores do their work, for a load balancer that asks often and whom nobody knows. A full disk can be read, so
//! the probe writes; but at most once a second, whoever asks how often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use avouch_store::{Tx, statements};

use super::App;
use crate::Error;

statements! {
    data TOUCH = "update access_state set generation = generation where id = 1";
    data NEWEST_EVENT = "select max(id) from event";
    keys ANY_KEK = "select epoch from kek limit 1";
}

/// How long an answer is good for.
const FRESH_MICROS: i64 = 1_000_000;
/// Askers that wait for one probe; more are told that too many wait.
const WAITING: usize = 1024;

type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// See the module.
#[derive(Default)]
pub(super) struct Probe(Mutex<State>);

#[derive(Default)]
struct State {
    last: Option<(i64, Result<(), Error>)>,
    /// Present while a probe is under way: whom to tell.
    waiting: Option<Vec<Answer>>,
}

impl core::fmt::Debug for Probe {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Probe").field("last", &self.lock().last).finish_non_exhaustive()
    }
}

impl Probe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Writes something small to the data store and reads the key store, unless that was done within the last second.
    pub fn probe(self: &Arc<Self>, answer: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let now = self.now();
        let mut state = self.probe.lock();
        if let Some((at, last)) = &state.last
            && (0..FRESH_MICROS).contains(&(now - at))
        {
            let last = last.clone();
            drop(state);
            return answer(last);
        }
        if let Some(waiting) = &mut state.waiting {
            if waiting.len() < WAITING {
                waiting.push(Box::new(answer));
                return;
            }
            drop(state);
            return answer(Err(Error::Store(avouch_store::Error::Busy)));
        }
        state.waiting = Some(vec![Box::new(answer)]);
        drop(state);
        let app = Arc::clone(self);
        self.store.write(touch, move |result: Result<(), Error>| {
            let mut state = app.probe.lock();
            state.last = Some((app.now(), result.clone()));
            let waiting = state.waiting.take().unwrap_or_default();
            drop(state);
            waiting.into_iter().for_each(|answer| answer(result.clone()));
        });
    }
}

fn touch(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.put(&TOUCH, &[])?;
    tx.first(&NEWEST_EVENT, &[], |row| row.opt_int(0))?;
    tx.first(&ANY_KEK, &[], |row| row.int(0))?;
    Ok(())
}
