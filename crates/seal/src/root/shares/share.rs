//! One custodian's share, and how it is written on paper.
//!
//! Three lines of text: what it is, which of how many and of which set; the share in base32; the check of the
//! key and the check of the text, so that a mistyped share is recognised before it is tried. The lines are
//! typed by people, but reading stays strict: one share has one spelling.

use core::fmt;

use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{CHECK_LEN, Set};
use crate::{
    Error, Key, Result,
    key::KEY_LEN,
    root::ID_LEN,
    text::{check_6, push_base32, read_base32, split_checked},
};

/// What stands between the parts of the first line: number, count, threshold, set.
const HEADER: [&str; 5] = ["avouch recovery share v1: ", " of ", ", any ", " open the vault (set ", ")"];

/// Characters of base32 between two spaces; both lines are whole groups.
const GROUP: usize = 4;
const KEY_CHARS: usize = (KEY_LEN * 8).div_ceil(5);
const CHECK_CHARS: usize = (CHECK_LEN * 8).div_ceil(5);
const _: () = assert!(KEY_CHARS.is_multiple_of(GROUP) && CHECK_CHARS.is_multiple_of(GROUP));

/// Room for the two lines of base32 with their line ends, so that the secret is written in one place only.
const MAX_LINES: usize =
    KEY_CHARS + KEY_CHARS / GROUP - 1 + 1 + CHECK_CHARS + CHECK_CHARS / GROUP - 1 + 1 + 6 + 1;

/// A share of the key of a [`SharesSeal`](super::SharesSeal). Secret: with others of its set it opens the
/// vault.
pub struct Share {
    pub(super) set: Set,
    pub(super) number: u8,
    pub(super) check: [u8; CHECK_LEN],
    pub(super) value: Key,
}

impl Share {
    /// Names the set that the share is of.
    pub const fn set(&self) -> [u8; ID_LEN] {
        self.set.id
    }

    /// Which share of its set it is, from 1 to [`count`](Self::count).
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// How many shares of the set are needed.
    pub const fn threshold(&self) -> u8 {
        self.set.threshold
    }

    /// How many shares the set has.
    pub const fn count(&self) -> u8 {
        self.set.count
    }

    /// The text to print, or to hand to its custodian.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let header = self.header();
        let mut text = Zeroizing::new(String::with_capacity(header.len() + 1 + MAX_LINES));
        text.push_str(&header);
        text.push('\n');
        push_groups(&mut text, self.value.bytes());
        text.push('\n');
        push_groups(&mut text, &self.check);
        let check = check_6(&text);
        text.push('_');
        text.extend(check);
        text.push('\n');
        text
    }

    /// Reads the text of a share. [`Error::Malformed`] for any other text.
    pub fn from_text(text: &str) -> Result<Self> {
        read(text).ok_or(Error::Malformed("recovery share"))
    }

    /// A share as the library makes it: its number, then a byte for each byte of the key.
    pub(super) fn from_point(set: Set, check: [u8; CHECK_LEN], point: &[u8]) -> Result<Self> {
        let (number, value) = point.split_first().ok_or(Error::Provider)?;
        let value: &[u8; KEY_LEN] = value.try_into().map_err(|_| Error::Provider)?;
        let value = Key::fill_with(|bytes| {
            bytes.copy_from_slice(value);
            Ok(())
        })?;
        Self::new(set, *number, check, value).ok_or(Error::Provider)
    }

    /// What [`from_point`](Self::from_point) took.
    pub(super) fn point(&self) -> Vec<u8> {
        let mut point = Vec::with_capacity(1 + KEY_LEN);
        point.push(self.number);
        point.extend_from_slice(self.value.bytes());
        point
    }

    fn new(set: Set, number: u8, check: [u8; CHECK_LEN], value: Key) -> Option<Self> {
        (1..=set.count).contains(&number).then_some(Self { set, number, check, value })
    }

    pub(super) fn header(&self) -> String {
        let [start, of, any, open, end] = HEADER;
        let Set { id, threshold, count } = self.set;
        let mut header = format!("{start}{}{of}{count}{any}{threshold}{open}", self.number);
        push_base32(&mut header, &id);
        header.push_str(end);
        header
    }
}

impl ZeroizeOnDrop for Share {}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("number", &self.number)
            .field("threshold", &self.set.threshold)
            .field("count", &self.set.count)
            .finish_non_exhaustive()
    }
}

/// Line ends may be of either kind; nothing else may differ.
fn read(text: &str) -> Option<Share> {
    let mut lines = text.lines();
    let (header, value, check) = (lines.next()?, lines.next()?, lines.next()?);
    if lines.next().is_some() {
        return None;
    }
    let mut normal = Zeroizing::new(String::with_capacity(text.len()));
    for line in [header, "\n", value, "\n", check] {
        normal.push_str(line);
    }
    let (_, check) = split_checked(&normal, check_6)?.rsplit_once('\n')?;
    let (set, number) = read_header(header)?;
    let share = Share::new(set, number, *read_groups(check)?, Key::from_bytes(read_groups(value)?))?;
    // `+3` and `03` are numbers too.
    (share.header() == header).then_some(share)
}

fn read_header(header: &str) -> Option<(Set, u8)> {
    let [start, of, any, open, end] = HEADER;
    let (number, rest) = header.strip_prefix(start)?.split_once(of)?;
    let (count, rest) = rest.split_once(any)?;
    let (threshold, rest) = rest.split_once(open)?;
    let id = read_base32(rest.strip_suffix(end)?)?;
    Some((Set::new(*id, threshold.parse().ok()?, count.parse().ok()?)?, number.parse().ok()?))
}

/// Base32 with a space between the groups. `out` has the room.
fn push_groups(out: &mut String, bytes: &[u8]) {
    let mut symbols = Zeroizing::new(String::with_capacity(KEY_CHARS));
    push_base32(&mut symbols, bytes);
    for (at, symbol) in symbols.chars().enumerate() {
        if at > 0 && at.is_multiple_of(GROUP) {
            out.push(' ');
        }
        out.push(symbol);
    }
}

fn read_groups<const N: usize>(line: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut symbols = Zeroizing::new(String::with_capacity(line.len()));
    for group in line.split(' ') {
        if group.len() != GROUP {
            return None;
        }
        symbols.push_str(group);
    }
    read_base32(&symbols)
}
