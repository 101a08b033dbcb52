//! A value of a row on its way between a store and a file. The same four kinds that cross the seam: a backup of one engine
//! is a backup for the other.

use avouch_store::{Param, Row};
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

/// What a column holds; any of it may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Blob,
}

impl Kind {
    pub(crate) fn read(self, row: &Row<'_>, at: usize) -> avouch_store::Result<Cell> {
        Ok(match self {
            Self::Int => row.opt_int(at)?.map_or(Cell::Null, Cell::Int),
            Self::Text => row.opt_text(at)?.map_or(Cell::Null, |text| Cell::Text(text.to_owned())),
            Self::Blob => row.opt_blob(at)?.map_or(Cell::Null, |blob| Cell::Blob(blob.to_vec())),
        })
    }

    /// What comes before every key of this kind: none of ours is the least number or empty.
    pub(crate) fn least(self) -> Cell {
        match self {
            Self::Int => Cell::Int(i64::MIN),
            Self::Text => Cell::Text(String::new()),
            Self::Blob => Cell::Blob(Vec::new()),
        }
    }

    /// Whether a cell may stand in a column of this kind.
    pub(crate) fn fits(self, cell: &Cell) -> bool {
        matches!(
            (self, cell),
            (_, Cell::Null)
                | (Self::Int, Cell::Int(_))
                | (Self::Text, Cell::Text(_))
                | (Self::Blob, Cell::Blob(_))
        )
    }
}

/// See the module.
/// Sorted as both engines sort a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    pub(crate) fn param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(value) => Param::Int(*value),
            Self::Text(text) => Param::Text(text),
            Self::Blob(bytes) => Param::Blob(bytes),
        }
    }

    /// Roughly what it takes in memory.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }

    pub(crate) fn encode(&self, out: &mut Encoder<&mut Vec<u8>>) {
        // Writing to a `Vec` has no error.
        let written = match self {
            Self::Null => out.null(),
            Self::Int(value) => out.i64(*value),
            Self::Text(text) => out.str(text),
            Self::Blob(bytes) => out.bytes(bytes),
        };
        debug_assert!(written.is_ok());
    }

    pub(crate) fn decode(input: &mut Decoder<'_>) -> Result<Self, minicbor::decode::Error> {
        Ok(match input.datatype()? {
            Type::Null => {
                input.null()?;
                Self::Null
            }
            Type::String => Self::Text(input.str()?.to_owned()),
            Type::Bytes => Self::Blob(input.bytes()?.to_vec()),
            _ => Self::Int(input.i64()?),
        })
    }
}
