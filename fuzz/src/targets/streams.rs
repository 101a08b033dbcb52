//! The rows of a table do not depend on the pieces in which its bytes arrive, and however long an input goes
//! on, reading it takes no more memory than its limits say. A table looks at its first quarter of a MiB in
//! one piece: these inputs are longer, which is why they are not many in a second.

use std::io::{self, Cursor, Read};

use arbitrary::{Result, Unstructured};
use avouch_detect::table::{self, Error, Options, Table};

use super::tables::{Row, options, sound};
use crate::MEMORY;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let options = options(&mut input)?;
    let (pieces, split): ([u8; 4], u8) = (input.arbitrary()?, input.arbitrary()?);
    if input.ratio(15, 16)? {
        in_pieces(&far_apart(input.take_rest(), split), pieces, &options);
    } else {
        endless(input.take_rest(), &options);
    }
    Ok(())
}

/// All that is to be had from an input.
type Seen = std::result::Result<(String, Vec<String>, Vec<u8>, Vec<Row>, u64), String>;

fn in_pieces(bytes: &[u8], pieces: [u8; 4], options: &Options) {
    let whole = seen(table::open(Cursor::new(bytes.to_vec()), options), options);
    let trickle = Trickle { bytes: bytes.to_vec(), at: 0, pieces, turn: 0 };
    let trickled = seen(table::open(trickle, options), options);
    assert!(whole == trickled, "pieces of {pieces:?} are read differently");
    if let Ok((.., position)) = whole {
        assert_eq!(position, bytes.len() as u64);
    }
}

fn seen(table: std::result::Result<Table, Error>, options: &Options) -> Seen {
    let mut table = table.map_err(|refused| refused.to_string())?;
    let rows = sound(&mut table, options).collect();
    let (dialect, headers) = (table.dialect().to_string(), table.headers().to_vec());
    Ok((dialect, headers, table.raw_header().to_vec(), rows, table.position()))
}

/// Gives a few bytes at a time, and is interrupted now and then.
struct Trickle {
    bytes: Vec<u8>,
    at: usize,
    pieces: [u8; 4],
    turn: usize,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        let piece = self.pieces.get(self.turn % 4).copied().unwrap_or_default();
        if piece == 0 && self.turn.is_multiple_of(2) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        // Quickly through the many bytes that are looked at in one piece anyway.
        let most = if self.at < LOOKED_AT { 4096 } else { 1 + usize::from(piece) };
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.len().min(buffer.len()).min(most);
        let (now, _) = rest.split_at(taken);
        buffer.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        self.at += taken;
        Ok(taken)
    }
}

/// Bytes that are read before the first row, to learn the dialect.
const LOOKED_AT: usize = 256 * 1024;

/// The bytes with so many empty lines put in that those behind are not among the first that are looked at,
/// but for some.
fn far_apart(bytes: &[u8], split: u8) -> Vec<u8> {
    let (head, tail) = bytes.split_at(bytes.len() * usize::from(split) / 256);
    let among_the_first = head.len() + tail.len().min(usize::from(split % 32));
    let empty = vec![b'\n'; LOOKED_AT.saturating_sub(among_the_first)];
    [head, &empty, tail].concat()
}

/// What an input of twice the length may take more, for a piece that is larger by chance and its decoded
/// form.
const LITTLE: usize = 96 * 1024;

/// The longer of two inputs takes no more memory, when both are longer than what is looked at.
fn endless(bytes: &[u8], options: &Options) {
    let pattern = if bytes.is_empty() { b"x" } else { bytes };
    let [short, long] = [2, 4].map(|times| {
        let length = times * LOOKED_AT as u64;
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let source = Pattern { length: io::repeat(0).take(length), pattern: pattern.to_vec(), at: 0 };
        if let Ok(mut table) = table::open(source, options) {
            sound(&mut table, options).for_each(drop);
        }
        MEMORY.peak_usage().saturating_sub(before)
    });
    assert!(long <= short + LITTLE, "{long} bytes for twice the input that took {short}");
}

/// The same bytes again and again, up to a length.
struct Pattern {
    length: io::Take<io::Repeat>,
    pattern: Vec<u8>,
    at: usize,
}

impl Read for Pattern {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.length.read(buffer)?;
        let bytes = self.pattern.iter().cycle().skip(self.at % self.pattern.len());
        buffer.iter_mut().zip(bytes).take(taken).for_each(|(to, from)| *to = *from);
        self.at += taken;
        Ok(taken)
    }
}
