//! How many passwords are hashed at once: each takes 19 MiB and 25 ms of a core. Whoever comes while too many wait is sent away at
//! once, instead of taking the memory and the time of everybody else.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::Error;

/// At once.
const AT_ONCE: usize = 2;
/// Waiting for their turn.
const WAITING: usize = 32;
/// The longest that one waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Hashing {
    state: Mutex<State>,
    turn: Condvar,
}

#[derive(Debug, Default)]
struct State {
    working: usize,
    waiting: usize,
}

impl Hashing {
    /// Does it when there is room.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait, or for too long; else what the work reports.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> Result<T, avouch_authn::Error>) -> Result<T, Error> {
        self.enter()?;
        let _leave = Leave(self);
        work().map_err(|_| Error::Internal("a password could not be hashed"))
    }

    fn enter(&self) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.working >= AT_ONCE {
            if state.waiting >= WAITING {
                return Err(Error::Busy);
            }
            state.waiting += 1;
            let full = |state: &mut State| state.working >= AT_ONCE;
            let waited = self.turn.wait_timeout_while(state, PATIENCE, full);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
            if state.working >= AT_ONCE {
                return Err(Error::Busy);
            }
        }
        state.working += 1;
        Ok(())
    }
}

struct Leave<'h>(&'h Hashing);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).working -= 1;
        self.0.turn.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn so_many_work_so_many_wait_and_the_next_is_sent_away() {
        let hashing = Hashing::default();
        std::thread::scope(|scope| {
            let (inside, entered) = mpsc::channel();
            let mut gates = Vec::new();
            for _ in 0..AT_ONCE {
                let (open, gate) = mpsc::channel::<()>();
                gates.push(open);
                let (inside, hashing) = (inside.clone(), &hashing);
                scope.spawn(move || {
                    hashing.run(|| {
                        inside.send(()).unwrap();
                        let _ = gate.recv();
                        Ok(())
                    })
                });
            }
            (0..AT_ONCE).for_each(|_| entered.recv().unwrap());
            let waiters: Vec<_> = (0..WAITING).map(|_| scope.spawn(|| hashing.run(|| Ok(())))).collect();
            while hashing.state.lock().unwrap().waiting < WAITING {
                std::thread::yield_now();
            }
            assert!(matches!(hashing.run(|| Ok(())), Err(Error::Busy)));
            drop(gates);
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap().is_ok()));
        });
        let state = hashing.state.lock().unwrap();
        assert_eq!((state.working, state.waiting), (0, 0));
    }
}
