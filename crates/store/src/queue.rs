//! A bounded queue with one lock: callers push or are refused at once, workers take everything that waits (up to a
//! limit) in one go. Taking in groups is what turns many waiting writes into one commit.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// See the module.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    closing: Condvar,
    capacity: usize,
}

impl<T> core::fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Queue").field("capacity", &self.capacity).field("waiting", &self.len()).finish()
    }
}

struct State<T> {
    items: VecDeque<T>,
    open: bool,
    idle: usize,
    nudged: bool,
}

/// Why an item was not taken; the item comes back.
#[derive(Debug)]
pub(crate) enum Refused<T> {
    Full(T),
    Closed(T),
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), open: true, idle: 0, nudged: false };
        Self { state: Mutex::new(state), ready: Condvar::new(), closing: Condvar::new(), capacity }
    }

    /// Adds an item, or gives it back when the queue is full or closed.
    pub(crate) fn push(&self, item: T) -> Result<(), Refused<T>> {
        self.push_up_to(self.capacity, item)
    }

    /// Adds an item however many wait, or gives it back when the queue is closed.
    pub(crate) fn push_urgent(&self, item: T) -> Result<(), Refused<T>> {
        self.push_up_to(usize::MAX, item)
    }

    fn push_up_to(&self, capacity: usize, item: T) -> Result<(), Refused<T>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.open {
            return Err(Refused::Closed(item));
        }
        if state.items.len() >= capacity {
            return Err(Refused::Full(item));
        }
        state.items.push_back(item);
        if state.idle > 0 {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for items and moves up to `limit` of them into `group`. False once the queue is closed and empty.
    pub(crate) fn take(&self, group: &mut Vec<T>, limit: usize) -> bool {
        self.take_within(group, limit, None)
    }

    /// [`Queue::take`] that comes back without an item after `wait`, or when it was nudged.
    pub(crate) fn take_within(&self, group: &mut Vec<T>, limit: usize, wait: Option<Duration>) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.items.is_empty() {
            if !state.open {
                return false;
            }
            if core::mem::take(&mut state.nudged) {
                return true;
            }
            state.idle += 1;
            let over;
            (state, over) = match wait {
                None => (self.ready.wait(state).unwrap_or_else(PoisonError::into_inner), false),
                Some(wait) => {
                    let (state, timeout) =
                        self.ready.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
                    (state, timeout.timed_out())
                }
            };
            state.idle -= 1;
            if over && state.items.is_empty() && state.open {
                return true;
            }
        }
        let count = state.items.len().min(limit);
        group.extend(state.items.drain(..count));
        if !state.items.is_empty() && state.idle > 0 {
            self.ready.notify_one();
        }
        true
    }

    /// Lets a worker come back from waiting although there is no item. Meant for a queue with one worker.
    pub(crate) fn nudge(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).nudged = true;
        self.ready.notify_one();
    }

    /// Waits at most `pause`, or until the queue is closed. True when it is closed.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.open {
            return true;
        }
        let (state, _) = self
            .closing
            .wait_timeout_while(state, pause, |state| state.open)
            .unwrap_or_else(PoisonError::into_inner);
        !state.open
    }

    /// Refuses new items; workers finish what waits.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open = false;
        self.ready.notify_all();
        self.closing.notify_all();
    }

    pub(crate) fn len(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_in_order_up_to_the_limit_and_refuses_beyond_capacity() {
        let queue = Queue::new(3);
        for item in 0..3 {
            queue.push(item).expect("there is room");
        }
        assert!(matches!(queue.push(3), Err(Refused::Full(3))));
        queue.push_urgent(3).expect("what is urgent is not counted");
        let mut group = Vec::new();
        assert!(queue.take(&mut group, 2));
        assert_eq!(group, [0, 1]);
        queue.close();
        assert!(matches!(queue.push(4), Err(Refused::Closed(4))));
        assert!(queue.take(&mut group, 9));
        assert_eq!(group, [0, 1, 2, 3]);
        assert!(!queue.take(&mut group, 9));
        assert!(matches!(queue.push_urgent(4), Err(Refused::Closed(4))));
    }

    #[test]
    fn comes_back_empty_handed_when_nudged_or_after_a_while() {
        let queue = Queue::<u8>::new(3);
        let mut group = Vec::new();
        queue.nudge();
        assert!(queue.take(&mut group, 9));
        assert!(queue.take_within(&mut group, 9, Some(Duration::from_millis(1))));
        assert!(group.is_empty());
    }
}
