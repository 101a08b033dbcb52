//! Statements: one text for both engines. A statement knows its name (for logs and errors), the store it belongs to,
//! and its SQL; `?1` becomes `$1` at compile time, so nothing is rewritten or concatenated while running.

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
/// ```
/// avouch_store::statements! {
///     data INSERT_NOTE = "insert into note (id, body) values (?1, ?2)";
///     keys COUNT_KEYS = "select count(*) from subject_key";
/// }
/// assert_eq!(INSERT_NOTE.postgres, "insert into note (id, body) values ($1, $2)");
/// assert_eq!(STATEMENTS.len(), 2);
/// # let _ = COUNT_KEYS;
/// ```
#[macro_export]
macro_rules! statements {
    ($($side:ident $name:ident = $sql:literal;)+) => {
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
            };
        )+
        /// Every statement of this module.
        #[allow(unreachable_pub, dead_code)]
        pub static STATEMENTS: &[&$crate::Statement] = &[$(&$name),+];
    };
    (@side data) => { $crate::Side::Data };
    (@side keys) => { $crate::Side::Keys };
}
