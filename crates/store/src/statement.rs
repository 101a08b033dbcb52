//! Statements: one text for both engines. A statement knows its name (for logs and errors), the store it belongs to,
//! and its SQL; `?1` becomes `$1` at compile time, so nothing is rewritten or concatenated while running.

use crate::value::{Owned, Param};

/// Which of the two stores a statement belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Sealed records, indexes, tokens, events.
    Data,
    /// Wrapped keys, erasures.
    Keys,
}

/// One SQL statement, declared by [`statements!`](crate::statements).
#[derive(Debug)]
pub struct Statement {
    /// The constant's name; appears in errors and traces.
    pub name: &'static str,
    /// The store it runs against.
    pub side: Side,
    /// The text with `?1` placeholders.
    pub sqlite: &'static str,
    /// The text with `$1` placeholders.
    pub postgres: &'static str,
    /// Which rows it reads or writes, when it says so.
    pub scope: Option<Scope>,
}

/// The rows of one table whose first columns in its key are the first parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The only table that the statement names.
    pub table: &'static str,
    /// How many parameters.
    pub key: usize,
}

impl Statement {
    /// Whether a write by this statement could change what `read` has read. What says nothing of its rows could be any.
    pub(crate) fn could_change(&self, params: &[Param<'_>], read: &Self, its: &[Owned]) -> bool {
        let (Some(written), Some(seen)) = (self.scope, read.scope) else { return true };
        let key = written.key.min(seen.key);
        written.table == seen.table && params.iter().zip(its).take(key).all(|(param, other)| *other == *param)
    }
}

/// Turns `?` into `$`. The texts have the same length, which is what makes this possible in a constant.
///
/// A question mark inside a string literal would be turned too; statements carry no literals with question marks, and
/// the test that prepares every statement on both engines would not see one either, so the macro refuses them.
#[must_use]
pub const fn dollars<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    let mut out = [0u8; N];
    let mut at = 0;
    while at < N {
        #[allow(clippy::indexing_slicing)] // `at < N`, and `N` is the text's own length
        let byte = bytes[at];
        assert!(byte != b'\'', "statements carry no string literals: pass a parameter");
        #[allow(clippy::indexing_slicing)]
        {
            out[at] = if byte == b'?' { b'$' } else { byte };
        }
        at += 1;
    }
    out
}

/// Declares statements next to the operations that use them, and `STATEMENTS`, the list of them all, for the test that
/// prepares each on both engines.
///
/// `of table / n` says that a statement touches no rows but those of `table` whose first `n` columns in its key are its
/// first `n` parameters. What is read ahead ([`Ahead`](crate::Ahead)) survives writes that say so and mean other rows.
///
/// ```
/// avouch_store::statements! {
///     data INSERT_NOTE of note / 1 = "insert into note (id, body) values (?1, ?2)";
///     keys COUNT_KEYS = "select count(*) from subject_key";
/// }
/// assert_eq!(INSERT_NOTE.postgres, "insert into note (id, body) values ($1, $2)");
/// assert_eq!(STATEMENTS.len(), 2);
/// # let _ = COUNT_KEYS;
/// ```
#[macro_export]
macro_rules! statements {
    ($($side:ident $name:ident $(of $table:ident / $key:literal)? = $sql:literal;)+) => {
        $(
            static $name: $crate::Statement = $crate::Statement {
                name: stringify!($name),
                side: $crate::statements!(@side $side),
                sqlite: $sql,
                postgres: {
                    const TEXT: [u8; $sql.len()] = $crate::dollars::<{ $sql.len() }>($sql);
                    match core::str::from_utf8(&TEXT) {
                        Ok(text) => text,
                        Err(_) => $sql,
                    }
                },
                scope: $crate::statements!(@scope $($table $key)?),
            };
        )+
        /// Every statement of this module.
        #[allow(unreachable_pub, dead_code)]
        pub static STATEMENTS: &[&$crate::Statement] = &[$(&$name),+];
    };
    (@side data) => { $crate::Side::Data };
    (@side keys) => { $crate::Side::Keys };
    (@scope) => { None };
    (@scope $table:ident $key:literal) => { Some($crate::Scope { table: stringify!($table), key: $key }) };
}
