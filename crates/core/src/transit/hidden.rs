//! What passes through this room and is nobody's to see on the way.

use core::fmt;
use core::ops::Deref;

use zeroize::{Zeroize, Zeroizing};

/// Bytes or text of an application: wiped when dropped, and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> From<T> for Hidden<T> {
    fn from(value: T) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl<T: Zeroize> From<Zeroizing<T>> for Hidden<T> {
    fn from(value: Zeroizing<T>) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> Deref for Hidden<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
