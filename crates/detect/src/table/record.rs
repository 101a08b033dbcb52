//! One record and its cells.
//!
//! A record owns its text in one piece, so that a row costs three allocations and not one per cell. It is
//! personal data: `Debug` shows where it stands and how many cells it has, never what is in them.

use std::fmt;

use serde_json::Value;

/// A good row. It has as many cells as the table has headers.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// Line of the file on which the row starts, from 1.
    pub line: u64,
    /// Number among the data rows, from 1; good and bad rows count alike, so it is a stable place to resume
    /// from.
    pub row: u64,
    pub(super) raw: Box<[u8]>,
    pub(super) cells: Cells,
}

impl Record {
    /// The cell in column `index`, from 0; `Empty` behind the last column.
    #[must_use]
    pub fn cell(&self, index: usize) -> Cell<'_> {
        match &self.cells {
            Cells::Text { text, ends } => {
                let start = index.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied());
                let cell = start.zip(ends.get(index)).and_then(|(start, &end)| text.get(start..end));
                cell.filter(|cell| !cell.is_empty()).map_or(Cell::Empty, Cell::Text)
            }
            Cells::Json(values) => match values.get(index) {
                None | Some(Value::Null) => Cell::Empty,
                Some(Value::String(text)) if text.is_empty() => Cell::Empty,
                Some(Value::String(text)) => Cell::Text(text),
                Some(value) => Cell::Json(value),
            },
        }
    }

    /// All cells, in the order of the headers.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = Cell<'_>> {
        (0..self.width()).map(|index| self.cell(index))
    }

    /// How many cells there are: as many as the table has headers.
    #[must_use]
    pub fn width(&self) -> usize {
        match &self.cells {
            Cells::Text { ends, .. } => ends.len(),
            Cells::Json(values) => values.len(),
        }
    }

    /// The row as it stands in the file, as UTF-8 and without line end: for an error file, if the caller
    /// finds fault with a value.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("line", &self.line)
            .field("row", &self.row)
            .field("cells", &self.width())
            .finish_non_exhaustive()
    }
}

/// What stands in one place of the table.
#[derive(Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// No characters in CSV; an absent key, `null` or `""` in JSON Lines.
    Empty,
    /// Characters, as they are: not trimmed, not normalised.
    Text(&'a str),
    /// A JSON number, truth value, array or deeper object; never null and never a string.
    Json(&'a Value),
}

impl<'a> Cell<'a> {
    /// The text of a text cell.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Empty | Self::Json(_) => None,
        }
    }

    /// Whether there is nothing here.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::Empty
    }
}

impl fmt::Debug for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Text(_) => "Text(..)",
            Self::Json(_) => "Json(..)",
        })
    }
}

#[derive(Clone, PartialEq)]
pub(super) enum Cells {
    /// `ends[i]` is where cell `i` ends in `text`. INVARIANT: ascending, on character boundaries, the last
    /// one is `text.len()`.
    Text {
        text: Box<str>,
        ends: Box<[usize]>,
    },
    Json(Box<[Value]>),
}
