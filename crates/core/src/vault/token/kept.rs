//! Tokens of which something is kept: a row per token and person, found by a keyed digest of the token's text. The text itself
//! is nowhere. What a row says is sealed to its place, so that it cannot be moved to another token, person or date.
//!
//! A token that was revoked has a row of nobody's, which outlives the people it stood for: its text is never given out again,
//! and never taken over from elsewhere. A token that equal values share counts its uses there too, whoever they are taken of.

use avouch_charter::TokenKind;
use avouch_seal::pae::pae;
use avouch_seal::token::Namespace;
use avouch_seal::vault::VaultKeys;
use avouch_store::{Ahead, Row, Tx, params, statements};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use crate::Error;
use crate::app::Cx;
use crate::ids::SubjectId;
use crate::rules::RecipientRule;

statements! {
    data PUT_TOKEN of token / 3 = "insert into token (namespace, lookup, subject, expires, sealed) values (?1, ?2, ?3, ?4, ?5) on conflict (namespace, lookup, subject) do update set expires = excluded.expires, sealed = excluded.sealed";
    data TOKENS of token / 2 = "select subject, expires, sealed from token where namespace = ?1 and lookup = ?2 order by subject limit 32";
    data MORE_TOKENS of token / 2 = "select subject, expires, sealed from token where namespace = ?1 and lookup = ?2 and subject > ?3 order by subject limit 32";
    data OWN_TOKEN of token / 3 = "select subject, expires, sealed from token where namespace = ?1 and lookup = ?2 and subject = ?3";
    data OF_SUBJECT = "select namespace, lookup, subject, expires, sealed from token where subject = ?1 and (namespace > ?2 or (namespace = ?2 and lookup > ?3)) order by namespace, lookup limit ?4";
    data OF_RECIPIENT = "select namespace, lookup, subject, expires, sealed from token where namespace = ?1 and (lookup > ?2 or (lookup = ?2 and subject > ?3)) order by lookup, subject limit ?4";
    data DROP_OF_SUBJECT = "delete from token where subject = ?1";
    data DROP_TOKEN of token / 3 = "delete from token where namespace = ?1 and lookup = ?2 and subject = ?3";
    data DROP_EXPIRED = "delete from token where lookup in (select lookup from token where expires > 0 and expires < ?1 order by expires limit 1000) and expires > 0 and expires < ?1";
}

/// Whose the rows are that are a token's own. The first of a token's rows, as it sorts before everybody's.
const NOBODY: [u8; 16] = [0; 16];

/// What a row is found by: a digest of the token's text.
pub(crate) type Lookup = [u8; 16];

/// How texts are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As it is, to the letter.
    Exact,
    /// By letters and digits alone, whatever their case and whatever stands between them.
    Loose,
}

/// What a token of this text is found by.
pub(crate) fn lookup(keys: &VaultKeys, namespace: &Namespace, text: &str, spelling: Spelling) -> Lookup {
    let loose;
    let (name, text) = match spelling {
        Spelling::Exact => ("exact", text),
        Spelling::Loose => {
            loose = zeroize::Zeroizing::new(squeezed(text));
            ("loose", loose.as_str())
        }
    };
    let digest = keys.row_digest("token", &[namespace.as_str().as_bytes(), name.as_bytes(), text.as_bytes()]);
    let mut half = [0; 16];
    half.copy_from_slice(digest.split_at(16).0);
    half
}

/// A card number is the same however its digits are grouped; an address is the same in capitals.
fn squeezed(text: &str) -> String {
    if text.contains('@') {
        return text.to_lowercase();
    }
    text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// What is kept of a token, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Kept {
    /// How it was made: [`kind_number`].
    #[n(0)]
    pub(crate) kind: u8,
    /// The number of the field.
    #[n(1)]
    pub(crate) field: u32,
    /// Which value of a list, or the whole field.
    #[n(2)]
    pub(crate) slot: u16,
    /// Of the person's tokens.
    #[n(3)]
    pub(crate) generation: u16,
    /// Of the recipient's tokens.
    #[n(4)]
    pub(crate) epoch: u32,
    /// The token root that it was computed under, for a kind that is computed.
    #[n(5)]
    pub(crate) root: Option<u32>,
    /// Microseconds UTC.
    #[n(6)]
    pub(crate) made: i64,
    /// How often it may still be turned back.
    #[n(7)]
    pub(crate) uses: Option<u32>,
    /// Since when it is revoked.
    #[n(8)]
    pub(crate) revoked: Option<i64>,
    /// A digest of the value it stands for, when it stands for a value and not for a place.
    #[n(9)]
    pub(crate) value: Option<ByteArray<16>>,
    /// What the caller keeps with it, as JSON.
    #[n(10)]
    pub(crate) metadata: Option<String>,
    /// By what it is found again.
    #[n(11)]
    pub(crate) tags: Vec<String>,
    /// Whether another system made it.
    #[n(12)]
    pub(crate) foreign: bool,
}

/// A row and where it lies.
#[derive(Debug, Clone)]
pub(crate) struct KeptAt {
    pub(crate) namespace: String,
    pub(crate) lookup: Lookup,
    pub(crate) subject: SubjectId,
    /// Microseconds UTC; 0: never.
    pub(crate) expires: i64,
    pub(crate) kept: Kept,
}

impl Kept {
    pub(crate) fn kind(&self) -> Result<TokenKind, Error> {
        KINDS.get(usize::from(self.kind)).copied().ok_or(Error::Tampered)
    }
}

/// The kinds by their numbers, which are never used for another.
const KINDS: [TokenKind; 6] = [
    TokenKind::Pointer,
    TokenKind::Random,
    TokenKind::Value,
    TokenKind::Format,
    TokenKind::FormatValue,
    TokenKind::OneWay,
];

pub(crate) fn kind_number(kind: TokenKind) -> u8 {
    let at = KINDS.iter().position(|known| *known == kind);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

impl KeptAt {
    /// The token's own row, nobody's: that it was revoked, and how often it may be used when people share it.
    pub(crate) fn own_of(token: &Self, kept: Kept) -> Self {
        let kept = Kept { value: None, metadata: None, tags: Vec::new(), ..kept };
        let (namespace, lookup) = (token.namespace.clone(), token.lookup);
        Self { namespace, lookup, subject: SubjectId::from_bytes(NOBODY), expires: 0, kept }
    }

    /// Whether it is the token's own.
    pub(crate) fn is_nobodys(&self) -> bool {
        *self.subject.bytes() == NOBODY
    }

    /// Whether it opens, as far as that can be said without the person's record.
    pub(crate) fn lives(&self, recipient: &RecipientRule, cx: &Cx<'_>) -> bool {
        let kept = &self.kept;
        kept.revoked.is_none()
            && kept.uses != Some(0)
            && (self.expires == 0 || self.expires > cx.now)
            && kept.epoch == recipient.standing.epoch
            && kept.root.is_none_or(|root| cx.app.keys.token_epochs().contains(&root))
    }

    /// Puts it in its place, whatever was there.
    pub(crate) fn put(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<(), Error> {
        let plain = zeroize::Zeroizing::new(minicbor::to_vec(&self.kept).map_err(|_| NO_FORM)?);
        let sealed = cx.app.keys.seal_row("token", &self.place(), &plain, &cx.app.rng)?;
        let row = params![self.namespace.as_str(), &self.lookup, self.subject.bytes(), self.expires, &sealed];
        Ok(tx.put(&PUT_TOKEN, row)?)
    }

    fn place(&self) -> Vec<u8> {
        pae(&[self.namespace.as_bytes(), &self.lookup, self.subject.bytes(), &self.expires.to_le_bytes()])
    }

    fn open(sealed: &Sealed, namespace: &str, lookup: Lookup, keys: &VaultKeys) -> Result<Self, Error> {
        let Sealed { subject, expires, .. } = *sealed;
        let (namespace, kept) = (namespace.to_owned(), Kept::nothing());
        let mut at = Self { namespace, lookup, subject: SubjectId::from_bytes(subject), expires, kept };
        let plain = keys.open_row("token", &at.place(), &sealed.sealed)?;
        at.kept = minicbor::decode(&plain).map_err(|_| Error::Tampered)?;
        Ok(at)
    }
}

const NO_FORM: Error = Error::Internal("what is kept of a token has no encoded form");

impl Kept {
    /// To be filled in.
    pub(crate) const fn nothing() -> Self {
        Self {
            kind: u8::MAX,
            field: 0,
            slot: 0,
            generation: 0,
            epoch: 0,
            root: None,
            made: 0,
            uses: None,
            revoked: None,
            value: None,
            metadata: None,
            tags: Vec::new(),
            foreign: false,
        }
    }
}

struct Sealed {
    subject: [u8; 16],
    expires: i64,
    sealed: Vec<u8>,
}

fn sealed(row: &Row<'_>, at: usize) -> avouch_store::Result<Sealed> {
    Ok(Sealed { subject: row.bytes(at)?, expires: row.int(at + 1)?, sealed: row.blob(at + 2)?.to_vec() })
}

/// What [`find`] will ask.
pub(crate) fn ahead(namespace: &str, lookup: &Lookup) -> Ahead {
    Ahead::new(&TOKENS, params![namespace, lookup])
}

/// The first rows of a token, its own before all others: several when people share the value that it stands for.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    namespace: &str,
    lookup: Lookup,
) -> Result<Vec<KeptAt>, Error> {
    let rows = tx.query(&TOKENS, params![namespace, &lookup], |row| sealed(row, 0))?;
    rows.iter().map(|row| KeptAt::open(row, namespace, lookup, &cx.app.keys)).collect()
}

/// The rows after those up to this person's.
pub(crate) fn find_more(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    namespace: &str,
    lookup: Lookup,
    after: SubjectId,
) -> Result<Vec<KeptAt>, Error> {
    let from = params![namespace, &lookup, after.bytes()];
    let rows = tx.query(&MORE_TOKENS, from, |row| sealed(row, 0))?;
    rows.iter().map(|row| KeptAt::open(row, namespace, lookup, &cx.app.keys)).collect()
}

/// One person's row of a token; nobody's, when it is asked for the token's own.
pub(crate) fn one(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    namespace: &str,
    lookup: Lookup,
    subject: Option<SubjectId>,
) -> Result<Option<KeptAt>, Error> {
    let subject = subject.map_or(NOBODY, |subject| *subject.bytes());
    let row = tx.first(&OWN_TOKEN, params![namespace, &lookup, &subject], |row| sealed(row, 0))?;
    row.map(|row| KeptAt::open(&row, namespace, lookup, &cx.app.keys)).transpose()
}

/// Where a page begins: behind this row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Behind {
    pub(crate) namespace: String,
    pub(crate) lookup: Lookup,
    pub(crate) subject: [u8; 16],
}

impl Behind {
    pub(crate) fn of(row: &KeptAt) -> Self {
        let (namespace, lookup, subject) = (row.namespace.clone(), row.lookup, *row.subject.bytes());
        Self { namespace, lookup, subject }
    }
}

/// The tokens that a person has anywhere.
pub(crate) fn of_subject(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    behind: &Behind,
    limit: i64,
) -> Result<Vec<KeptAt>, Error> {
    let from = params![subject.bytes(), behind.namespace.as_str(), &behind.lookup, limit];
    page(tx, cx, &OF_SUBJECT, from)
}

/// The tokens that a recipient has of anybody.
pub(crate) fn of_recipient(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    namespace: &str,
    behind: &Behind,
    limit: i64,
) -> Result<Vec<KeptAt>, Error> {
    page(tx, cx, &OF_RECIPIENT, params![namespace, &behind.lookup, &behind.subject, limit])
}

fn page(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    statement: &'static avouch_store::Statement,
    from: &[avouch_store::Param<'_>],
) -> Result<Vec<KeptAt>, Error> {
    let rows =
        tx.query(statement, from, |row| Ok((row.text(0)?.to_owned(), row.bytes::<16>(1)?, sealed(row, 2)?)))?;
    rows.iter().map(|(namespace, lookup, row)| KeptAt::open(row, namespace, *lookup, &cx.app.keys)).collect()
}

/// Takes away what is kept of a person's tokens.
pub(crate) fn drop_of_subject(tx: &mut Tx<'_>, subject: SubjectId) -> Result<u64, Error> {
    Ok(tx.execute(&DROP_OF_SUBJECT, params![subject.bytes()])?)
}

/// Takes away what is kept of a person's tokens of some fields, given by their numbers; of what does not open the number is
/// not known. That a token was revoked stays, and nothing else of it: it must not come back with another value.
pub(crate) fn drop_of_fields(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    subject: SubjectId,
    gone: impl Fn(Option<u32>) -> bool,
) -> Result<u64, Error> {
    let (mut behind, mut dropped) = (Behind::default(), 0);
    loop {
        let from = params![subject.bytes(), behind.namespace.as_str(), &behind.lookup, 500_i64];
        let rows = tx.query(&OF_SUBJECT, from, |row| {
            Ok((row.text(0)?.to_owned(), row.bytes::<16>(1)?, sealed(row, 2)?))
        })?;
        let Some((namespace, lookup, _)) = rows.last() else { return Ok(dropped) };
        behind = Behind { namespace: namespace.clone(), lookup: *lookup, subject: *subject.bytes() };
        for (namespace, lookup, row) in &rows {
            let at = KeptAt::open(row, namespace, *lookup, &cx.app.keys).ok();
            if !gone(at.as_ref().map(|at| at.kept.field)) {
                continue;
            }
            match at.filter(|at| at.kept.revoked.is_some()) {
                Some(at) => {
                    let kept = Kept { value: None, uses: None, metadata: None, tags: Vec::new(), ..at.kept };
                    KeptAt { kept, ..at }.put(tx, cx)?;
                }
                None => tx.put(&DROP_TOKEN, params![namespace.as_str(), lookup, subject.bytes()])?,
            }
            dropped += 1;
        }
    }
}

/// How long an expired token is remembered, so that its text is not given out again at once.
const REMEMBERED_MICROS: i64 = 30 * 86_400_000_000;

/// Takes away some of what expired long ago.
pub(crate) fn sweep(tx: &mut Tx<'_>, now: i64) -> Result<u64, Error> {
    Ok(tx.execute(&DROP_EXPIRED, params![now - REMEMBERED_MICROS])?)
}
