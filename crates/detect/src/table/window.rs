//! A movable view of the decoded text: the bytes from the current record on, and the line they start on.

use std::fmt;
use std::io;

use super::source::Source;

pub(super) struct Window {
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    line: u64,
    newline: u8,
    /// The byte before the current place.
    last: Option<u8>,
    drained: bool,
}

impl Window {
    /// Decodes the head, and sees whether lines end in `\n` or, as on old Macs, in `\r` alone.
    pub(super) fn open(source: Source) -> io::Result<Self> {
        let mut window = Self {
            source,
            buffer: Vec::new(),
            start: 0,
            line: 1,
            newline: b'\n',
            last: None,
            drained: false,
        };
        window.more()?;
        if window.buffer.contains(&b'\r') && !window.buffer.contains(&b'\n') {
            window.newline = b'\r';
        }
        Ok(window)
    }

    /// What is at hand from the current place on.
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Line of the current place, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Line of the byte before the current place.
    pub(super) fn last_line(&self) -> u64 {
        self.line - u64::from(matches!(self.last, Some(b'\r' | b'\n')))
    }

    /// Whether `bytes` reaches to the end of the input.
    pub(super) fn drained(&self) -> bool {
        self.drained
    }

    pub(super) fn position(&self) -> u64 {
        self.source.position()
    }

    /// Gets more bytes behind those at hand; `false` at the end of the input.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let more = self.source.fill(&mut self.buffer)?;
        self.drained = !more;
        Ok(more)
    }

    /// Moves on by `length` bytes of those at hand.
    pub(super) fn advance(&mut self, length: usize) {
        let passed = self.buffer.get(self.start..).unwrap_or_default();
        let passed = passed.get(..length).unwrap_or(passed);
        self.line += line_ends(passed, self.last == Some(b'\r'));
        self.last = passed.last().copied().or(self.last);
        self.start += passed.len();
    }

    /// Offset behind the first line end at or after `from`, if it is at hand.
    pub(super) fn next_line(&self, from: usize) -> Option<usize> {
        let rest = self.bytes().get(from..)?;
        rest.iter().position(|&byte| byte == self.newline).map(|at| from + at + 1)
    }

    /// Moves behind the next line end, forgetting what it passes.
    pub(super) fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(end) = self.next_line(0) {
                self.advance(end);
                return Ok(());
            }
            self.advance(self.bytes().len());
            if !self.more()? {
                return Ok(());
            }
        }
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window")
            .field("line", &self.line)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// `\n`, `\r\n` and `\r` each end one line. `after_return` says that a first `\n` was counted with the `\r`
/// before it.
fn line_ends(bytes: &[u8], after_return: bool) -> u64 {
    let count = |end: u8| bytes.iter().filter(|&&byte| byte == end).count();
    let returns = count(b'\r');
    let pairs = if returns == 0 { 0 } else { bytes.windows(2).filter(|pair| pair == b"\r\n").count() };
    let first = usize::from(after_return && bytes.first() == Some(&b'\n'));
    (count(b'\n') + returns - pairs - first) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_every_kind_of_line_end_once() {
        assert_eq!(line_ends(b"a\nb\r\nc\rd\r\r\n", false), 5);
        assert_eq!(line_ends(b"\nb\r", true), 1);
        assert_eq!(line_ends(b"\r\n", true), 1);
        assert_eq!(line_ends(b"", true), 0);
    }
}
