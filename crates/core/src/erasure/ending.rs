//! One ending: its columns, what is sealed in it, the link to the one before, and its form as a line of text.
//!
//! ```text
//! link   = HMAC(chain key, PAE(link before, seq, subject, class, at, sealed))         the first has 32 zero bytes before it
//! sealed = facts, bound to seq, subject, class and at
//! line   = "avouch-ending-1 " seq " " base64(subject || class u32 || at i64 || link || sealed) " " check
//! ```
//! Numbers are little-endian. The check at the end of a line is a keyed digest of the text before it, so that a line that was
//! cut off or mistyped is told from a list that somebody has changed.
//!
//! Whoever can write `ending` can keep the vault from opening. They cannot have anybody erased, nor have an erasure forgotten
//! that either store, or the copy, still names.

use avouch_seal::pae::pae;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Row, Tx, params, statements};
use data_encoding::{BASE64, HEXLOWER};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::Error;
use crate::app::Cx;
use crate::ids::SubjectId;

statements! {
    data HEAD = "select seq, subject, class, at, sealed, mac from ending order by seq desc limit 1";
    data OF_SUBJECT = "select seq, subject, class, at, sealed, mac from ending where subject = ?1 order by seq";
    data ONE = "select seq, subject, class, at, sealed, mac from ending where seq = ?1";
    data PUT_ORDER = "insert into ending (seq, subject, class, at, sealed, mac, done) values (?1, ?2, ?3, ?4, ?5, ?6, 0) on conflict (seq) do nothing";
    data UNDONE = "select seq from ending where done = 0 order by seq";
    data DONE = "update ending set done = 1 where seq = ?1 and done = 0";
    data RANGE = "select seq, subject, class, at, sealed, mac from ending where seq > ?1 and seq <= ?2 order by seq";
    keys KEYS_HEAD = "select seq, subject, class, at, sealed, mac from ending order by seq desc limit 1";
    keys KEYS_WHOLE = "select seq from ending where subject = ?1 and class = 0";
    keys KEYS_PUT = "insert into ending (seq, subject, class, at, sealed, mac) values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (seq) do nothing";
    keys KEYS_RANGE = "select seq, subject, class, at, sealed, mac from ending where seq > ?1 and seq <= ?2 order by seq";
}

/// The class of an ending that is of the whole person; the charter's classes count from 1.
pub(super) const WHOLE: u32 = 0;
/// What stands in the place of a link before the first.
pub(super) const NO_LINK: [u8; 32] = [0; 32];
const LINE: &str = "avouch-ending-1 ";
const CHECK_LEN: usize = 8;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) seq: i64,
    pub(super) subject: SubjectId,
    pub(super) class: u32,
    pub(super) at: i64,
    sealed: Vec<u8>,
    pub(super) link: [u8; 32],
}

/// What was erased: how many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Counts {
    /// Fields of the record as it was.
    #[n(0)]
    pub fields: u64,
    /// Versions that were deleted, or lost entries.
    #[n(1)]
    pub versions: u64,
    /// Index terms.
    #[n(2)]
    pub terms: u64,
    /// Tokens that were rows.
    #[n(3)]
    pub tokens: u64,
    /// Keys.
    #[n(4)]
    pub keys: u64,
}

/// What is known of an ending, and of the order that it belongs to. Numbers of fields are never used again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Facts {
    /// The event of the order.
    #[n(0)]
    pub(super) event: i64,
    /// Who ordered it.
    #[n(1)]
    pub(super) by: ByteArray<16>,
    /// The number of the order's first ending, which is its receipt's.
    #[n(2)]
    pub(super) first: i64,
    /// The classes of the order; none: the whole person.
    #[n(3)]
    pub(super) classes: Vec<u32>,
    /// Of a class: entries up to this version of the record are ended.
    #[n(4)]
    pub(super) version: u64,
    /// Of a class: keys of generations before this one are ended,
    #[n(5)]
    pub(super) generation: u32,
    /// and those with these ids. A key that is made for the class later is neither.
    #[n(6)]
    pub(super) keys: Vec<ByteArray<16>>,
    /// Digests of the person's identifiers.
    #[n(7)]
    pub(super) identifiers: Vec<ByteArray<16>>,
    #[n(8)]
    pub(super) counts: Counts,
    /// Classes under a legal hold that were left, and since when they are held; class 0: all.
    #[n(9)]
    pub(super) kept: Vec<(u32, i64)>,
    /// Until when backups may hold remains that nobody can read; nothing when that is not known.
    #[n(10)]
    pub(super) horizon: Option<i64>,
    /// The backups that were known.
    #[n(11)]
    pub(super) backups: Vec<String>,
    /// Of each list that was erased its field, and the number of its next value.
    #[n(12)]
    pub(super) numbers: Vec<(u32, u16)>,
}

/// Where a list of endings lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListPlace {
    /// The data store.
    Data,
    /// The key store.
    Keys,
    /// The third copy, or lines that were handed in.
    Copy,
}

impl core::fmt::Display for ListPlace {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Data => "the data store",
            Self::Keys => "the key store",
            Self::Copy => "the copy",
        })
    }
}

/// Why the lists of endings cannot be trusted. Nobody is served until that is mended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndingsFault {
    /// Cut out.
    #[error(
        "erasure {0} is in no list of erasures, and later ones are: put back a backup of either store that has it"
    )]
    Missing(i64),
    /// Changed, or invented, or of a vault that went another way.
    #[error(
        "erasure {seq} in {place} is not one that this vault has made there: put back a backup of it from before it was changed"
    )]
    Changed {
        /// Its number.
        seq: i64,
        /// Where.
        place: ListPlace,
    },
    /// A line that cannot be read.
    #[error(
        "line {0} of the copy of the list of erasures is damaged: take the line out, or put back the file"
    )]
    Line(usize),
    /// The copy cannot be read.
    #[error("the copy of the list of erasures cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
}

impl Ending {
    /// The ending after `before`.
    pub(super) fn new(
        cx: &Cx<'_>,
        before: Option<&Self>,
        subject: SubjectId,
        class: u32,
        facts: &Facts,
    ) -> Result<Self, Error> {
        let (seq, link) = before.map_or((0, NO_LINK), |before| (before.seq, before.link));
        let (seq, at) = (seq + 1, cx.now);
        let plain = minicbor::to_vec(facts).map_err(|_| Error::Internal("an ending has no CBOR form"))?;
        let keys = &cx.app.keys;
        let sealed = keys.seal_row("ending", &place(seq, subject, class, at), &plain, &cx.app.rng)?;
        let mut ending = Self { seq, subject, class, at, sealed, link: NO_LINK };
        ending.link = ending.linked_to(&link, keys);
        Ok(ending)
    }

    fn linked_to(&self, before: &[u8; 32], keys: &VaultKeys) -> [u8; 32] {
        keys.erasure_link(&[
            before,
            &self.seq.to_le_bytes(),
            self.subject.bytes(),
            &self.class.to_le_bytes(),
            &self.at.to_le_bytes(),
            &self.sealed,
        ])
    }

    /// Whether it is the one that came after a link.
    pub(super) fn follows(&self, before: &[u8; 32], keys: &VaultKeys) -> bool {
        bool::from(self.linked_to(before, keys).ct_eq(&self.link))
    }

    /// What is sealed in it.
    pub(super) fn facts(&self, keys: &VaultKeys) -> Result<Facts, Error> {
        let place = place(self.seq, self.subject, self.class, self.at);
        let plain = keys.open_row("ending", &place, &self.sealed)?;
        minicbor::decode(&plain).map_err(|_| Error::Tampered)
    }

    /// From a row. A column that has not our form is made one that no link fits.
    fn from_row(row: &Row<'_>) -> avouch_store::Result<Self> {
        Ok(Self {
            seq: row.int(0)?,
            subject: SubjectId::from_bytes(row.bytes(1).unwrap_or_default()),
            class: u32::try_from(row.int(2)?).unwrap_or(u32::MAX),
            at: row.int(3)?,
            sealed: row.blob(4)?.to_vec(),
            link: row.bytes(5).unwrap_or_default(),
        })
    }

    /// As a line of text, without its end.
    pub(super) fn line(&self, keys: &VaultKeys) -> String {
        let mut bytes = self.subject.bytes().to_vec();
        bytes.extend_from_slice(&self.class.to_le_bytes());
        bytes.extend_from_slice(&self.at.to_le_bytes());
        bytes.extend_from_slice(&self.link);
        bytes.extend_from_slice(&self.sealed);
        let text = format!("{LINE}{} {}", self.seq, BASE64.encode(&bytes));
        let check = check(&text, keys);
        format!("{text} {check}")
    }

    /// What [`line`](Self::line) wrote.
    pub(super) fn read(line: &str, keys: &VaultKeys) -> Option<Self> {
        let (text, found) = line.rsplit_once(' ')?;
        let right = check(text, keys);
        if !bool::from(right.as_bytes().ct_eq(found.as_bytes())) {
            return None;
        }
        let (seq, body) = text.strip_prefix(LINE)?.split_once(' ')?;
        let body = BASE64.decode(body.as_bytes()).ok()?;
        let (subject, rest) = body.split_first_chunk()?;
        let (class, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (link, sealed) = rest.split_first_chunk()?;
        Some(Self {
            seq: seq.parse().ok()?,
            subject: SubjectId::from_bytes(*subject),
            class: u32::from_le_bytes(*class),
            at: i64::from_le_bytes(*at),
            sealed: sealed.to_vec(),
            link: *link,
        })
    }

    /// Notes it in the data store. False when there is another one with its number.
    pub(super) fn put_order(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let Self { seq, subject, class, at, sealed, link } = self;
        Ok(tx.execute(&PUT_ORDER, params![*seq, subject.bytes(), *class, *at, sealed, link])? > 0)
    }

    /// Notes it in the key store, and in the data store that it is there. False when that was known. The key store is committed
    /// first: what a crash leaves is an order that does not know that it is done, and is done again.
    pub(super) fn put_done(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let Self { seq, subject, class, at, sealed, link } = self;
        tx.put(&KEYS_PUT, params![*seq, subject.bytes(), *class, *at, sealed, link])?;
        Ok(tx.execute(&DONE, params![*seq])? > 0)
    }
}

fn place(seq: i64, subject: SubjectId, class: u32, at: i64) -> Vec<u8> {
    pae(&[&seq.to_le_bytes(), subject.bytes(), &class.to_le_bytes(), &at.to_le_bytes()])
}

fn check(text: &str, keys: &VaultKeys) -> String {
    let digest = keys.row_digest("ending_line", &[text.as_bytes()]);
    HEXLOWER.encode(digest.first_chunk::<CHECK_LEN>().map_or(&[], |check| check.as_slice()))
}

/// The newest ending of the data store.
pub(super) fn head(tx: &mut Tx<'_>) -> Result<Option<Ending>, Error> {
    Ok(tx.first(&HEAD, &[], Ending::from_row)?)
}

/// The numbers of the orders that are not known to be done. Nothing binds that mark: the lists are compared whatever it says.
pub(super) fn undone(tx: &mut Tx<'_>) -> Result<Vec<i64>, Error> {
    Ok(tx.query(&UNDONE, &[], |row| row.int(0))?)
}

/// The newest of the key store.
pub(super) fn keys_head(tx: &mut Tx<'_>) -> Result<Option<Ending>, Error> {
    Ok(tx.first(&KEYS_HEAD, &[], Ending::from_row)?)
}

/// A person's endings in the data store, in order.
pub(super) fn of_subject(tx: &mut Tx<'_>, subject: SubjectId) -> Result<Vec<Ending>, Error> {
    Ok(tx.query(&OF_SUBJECT, params![subject.bytes()], Ending::from_row)?)
}

/// One by its number.
pub(super) fn one(tx: &mut Tx<'_>, seq: i64) -> Result<Option<Ending>, Error> {
    Ok(tx.first(&ONE, params![seq], Ending::from_row)?)
}

/// Those with numbers above `after` and not above `until`: of the data store, and of the key store.
pub(super) fn range(tx: &mut Tx<'_>, after: i64, until: i64) -> Result<(Vec<Ending>, Vec<Ending>), Error> {
    let data = tx.query(&RANGE, params![after, until], Ending::from_row)?;
    let keys = tx.query(&KEYS_RANGE, params![after, until], Ending::from_row)?;
    Ok((data, keys))
}

/// INVARIANT: no key is made for a person who was erased. Asked wherever a person who is known gets another key. Whoever still
/// sees the record has read it before the erasure, and runs again.
pub(crate) fn guard(tx: &mut Tx<'_>, cx: &Cx<'_>, subject: SubjectId) -> Result<(), Error> {
    if cx.app.erasures.any() && tx.first(&KEYS_WHOLE, params![subject.bytes()], |row| row.int(0))?.is_some() {
        return Err(Error::Store(avouch_store::Error::Serialization));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use avouch_seal::keyring::Keyring;
    use avouch_seal::{SystemRandom, VaultId};
    use proptest::prelude::*;

    use super::*;

    fn keys() -> VaultKeys {
        let keyring = Keyring::generate(VaultId([1; 16]), &SystemRandom::new()).expect("random");
        let kek = keyring.generate_kek(1, &SystemRandom::new()).expect("random");
        keyring.unlock(&[kek]).expect("its own")
    }

    proptest! {
        #[test]
        fn a_line_reads_back_and_with_another_character_it_does_not(
            seq in 1_i64..,
            subject: [u8; 16],
            class: u32,
            at: i64,
            sealed: Vec<u8>,
            link: [u8; 32],
            changed: prop::sample::Index,
        ) {
            let keys = keys();
            let ending = Ending { seq, subject: SubjectId::from_bytes(subject), class, at, sealed, link };
            let line = ending.line(&keys);
            prop_assert_eq!(Ending::read(&line, &keys), Some(ending));
            let at = changed.index(line.len());
            let mut other = line.into_bytes();
            other[at] = if other[at] == b'x' { b'y' } else { b'x' };
            prop_assert_eq!(Ending::read(&String::from_utf8(other).expect("ASCII"), &keys), None);
        }
    }
}
