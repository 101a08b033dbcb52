//! How the quotes of one record stand.
//!
//! The CSV parser is lenient: it takes text after a closing quote into the cell, and an opening quote without
//! partner to the end of the file. Both change values silently, so records with quotes in them are looked at
//! once more, strictly.

/// A walk over the bytes of one record.
#[derive(Debug, Clone)]
pub(super) struct Quotes {
    delimiter: u8,
    quote: u8,
    column: usize,
    state: State,
    stray: Option<usize>,
}

/// What the walk has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every quoted cell is closed, and every quote in it is doubled.
    Sound,
    /// The bytes end inside the quoted cell of this column, from 1.
    Open(usize),
    /// Text follows the closing quote of this column, from 1.
    Stray(usize),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Start,
    Plain,
    Quoted,
    /// Behind a quote that closes the cell, or is the first of two.
    Closed,
    /// Behind spaces after the closing quote.
    Padded,
}

impl Quotes {
    pub(super) fn new(delimiter: u8, quote: u8) -> Self {
        Self { delimiter, quote, column: 1, state: State::Start, stray: None }
    }

    /// Walks on over the next bytes of the record, with or without its line end.
    pub(super) fn walk(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = match self.state {
                State::Start | State::Closed if byte == self.quote => State::Quoted,
                State::Quoted if byte == self.quote => State::Closed,
                State::Quoted => State::Quoted,
                _ if byte == self.delimiter => {
                    self.column += 1;
                    State::Start
                }
                State::Start | State::Plain => State::Plain,
                State::Closed | State::Padded if matches!(byte, b' ' | b'\r' | b'\n') => State::Padded,
                State::Closed | State::Padded => {
                    self.stray.get_or_insert(self.column);
                    State::Plain
                }
            };
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        match (self.state, self.stray) {
            (State::Quoted, _) => Verdict::Open(self.column),
            (_, Some(column)) => Verdict::Stray(column),
            _ => Verdict::Sound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_sound_open_and_stray() {
        let of = |record: &str| {
            let mut quotes = Quotes::new(b',', b'"');
            quotes.walk(record.as_bytes());
            quotes.verdict()
        };
        assert_eq!(of(r#"a,"b ""c"" d",e"#), Verdict::Sound);
        assert_eq!(of("\"a\nb\" ,c\r\n"), Verdict::Sound);
        assert_eq!(of(r#"5" pipe,x"#), Verdict::Sound);
        assert_eq!(of(r#"a,"b,c"#), Verdict::Open(2));
        assert_eq!(of(r#"a,"b "c" d",e"#), Verdict::Stray(2));
        assert_eq!(of(r#""Tip" Top,"x""#), Verdict::Stray(1));
        assert_eq!(of(r#""Tip" Top,"x"#), Verdict::Open(2));
    }
}
