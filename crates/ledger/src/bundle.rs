//! Bundles of entries (c2sp.org/tlog-tiles): the entries of 256 leaves, each behind its length in two bytes.
//!
//! ```text
//! (length u16 big-endian || entry)*        as many as the bundle is wide, and nothing after them
//! ```

use crate::tile::TILE_WIDTH;
use crate::{Error, Result};

/// The most bytes that an entry can have.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// The most bytes that a bundle can have.
pub const MAX_BUNDLE: usize = TILE_WIDTH as usize * (LENGTH + MAX_ENTRY);

const MALFORMED: Error = Error::Malformed("bundle of entries");
const LENGTH: usize = size_of::<u16>();

/// Appends an entry to the bytes of a bundle.
///
/// # Errors
/// [`Error::Parameters`] if the entry is longer than [`MAX_ENTRY`]; nothing is appended then.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<()> {
    let length =
        u16::try_from(entry.len()).map_err(|_| Error::Parameters("an entry of more than 65,535 bytes"))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// A bundle that has its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
}

impl<'a> Bundle<'a> {
    /// Reads a bundle that must have exactly this many entries.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn parse(bytes: &'a [u8], width: u16) -> Result<Self> {
        let whole = Self::beginning(bytes, width)?.len() == bytes.len();
        if whole && (1..=TILE_WIDTH).contains(&width) { Ok(Self { bytes }) } else { Err(MALFORMED) }
    }

    /// The bytes of the first `width` entries of a bundle that may have more: the log may have grown since the size that
    /// somebody asks for, and the bundle with it.
    ///
    /// # Errors
    /// [`Error::Malformed`] if there are fewer.
    pub fn beginning(bytes: &'a [u8], width: u16) -> Result<&'a [u8]> {
        let mut rest = bytes;
        let entries = core::iter::from_fn(|| next_entry(&mut rest)).take(usize::from(width)).count();
        let begun = bytes.get(..bytes.len() - rest.len()).filter(|_| entries == usize::from(width));
        begun.ok_or(MALFORMED)
    }

    /// Its entries, from the first.
    pub fn entries(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || next_entry(&mut rest))
    }
}

fn next_entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<LENGTH>()?;
    let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(entry)
}
