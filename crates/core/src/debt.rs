//! What is still to be made good: that something failed, or may have, until somebody has done it again.
//!
//! Two counters rather than a flag: what fails while an earlier failure is being made good is not made good by that, and of
//! two who do it at once neither takes the other's for its own.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often that happened, and how many of these times have been made good.
#[derive(Debug, Default)]
pub(crate) struct Debt {
    owed: AtomicU64,
    paid: AtomicU64,
}

/// How much was owed when it was asked; for [`Debt::pay`] when that much is made good.
#[derive(Debug)]
pub(crate) struct Owed(u64);

impl Debt {
    /// It has happened. What is made good from here on makes this good too.
    pub(crate) fn owe(&self) {
        self.owed.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether there is something to make good. To be asked before that is begun.
    pub(crate) fn owed(&self) -> Option<Owed> {
        let owed = self.owed.load(Ordering::Acquire);
        (owed > self.paid.load(Ordering::Acquire)).then_some(Owed(owed))
    }

    /// All that was owed then is made good. What has come since stays.
    pub(crate) fn pay(&self, Owed(owed): Owed) {
        self.paid.fetch_max(owed, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_another_is_made_good_is_still_owed() {
        let debt = Debt::default();
        assert!(debt.owed().is_none());
        debt.owe();
        let (first, second) = (debt.owed().unwrap(), debt.owed().unwrap());
        debt.pay(first);
        assert!(debt.owed().is_none());
        debt.owe();
        debt.pay(second);
        debt.pay(debt.owed().expect("the slower of two has not made good what came after"));
        assert!(debt.owed().is_none());
    }
}
