//! A person's record at rest, and the one place where sealed values are opened.
//!
//! One row per person. `entries` is a sequence of separately sealed fields, so one read opens only what the permit names:
//! `field u32 | class u32 | version u64 | charter u32 | length u32 | sealed`, little-endian. Each sealed field is bound to
//! vault, person, class, key, field and the record version and charter it was sealed under. `manifest` is a keyed digest
//! over the whole row, so that a field cannot be removed, repeated or taken from another version.
//!
//! A list keeps a number for each of its values, given once and never again, so that a token for one value keeps meaning
//! that value when others come and go. A list that loses its last value stays as an entry without values, for the sake of
//! these numbers; to callers it is absent.

use avouch_charter::{Field, Normal, Value};
use avouch_policy::View;
use avouch_seal::token::{PointerTarget, WHOLE_FIELD};
use avouch_seal::vault::{FieldAt, SubjectKey};
use avouch_store::{Ahead, Row, Tx, params, statements};
use serde_json::{Map, Value as Json};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::keys::Ring;
use crate::Error;
use crate::app::Cx;
use crate::audit::Wrote;
use crate::gate::Permit;
use crate::ids::{EventId, SubjectId};
use crate::rules::OWN_NAMESPACE;

statements! {
    data RECORD of record / 1 = "select version, created, updated, event, keys, tokens, entries, manifest from record where subject = ?1";
    data PUT_RECORD of record / 1 = "insert into record (subject, version, created, updated, event, keys, tokens, entries, manifest) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    data CHANGE_RECORD of record / 1 = "update record set version = ?2, updated = ?3, event = ?4, keys = ?5, entries = ?6, manifest = ?7 where subject = ?1 and version = ?8";
    data KEEP_VERSION of record_version / 2 = "insert into record_version (subject, version, updated, event, keys, tokens, entries, manifest) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    data VERSIONS of record_version / 1 = "select version, updated, event, keys, tokens, entries, manifest from record_version where subject = ?1 and version < ?2 order by version desc limit ?3";
    data NEXT_TOKENS of record / 1 = "update record set tokens = ?2, manifest = ?3 where subject = ?1 and version = ?4";
}

/// A record as stored.
#[derive(Debug, Clone)]
pub struct Record {
    pub(crate) subject: SubjectId,
    pub(crate) version: u64,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) event: EventId,
    /// The generation of keys that it has reached: nothing of it is sealed under an older one that a newer has replaced.
    pub(crate) keys: u32,
    /// The generation of tokens that open: those of earlier ones were revoked together.
    pub(crate) tokens: u16,
    pub(crate) entries: Vec<u8>,
    pub(crate) manifest: [u8; 32],
}

/// One sealed field of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) field: u32,
    pub(crate) class: u32,
    pub(crate) version: u64,
    pub(crate) charter: u32,
    pub(crate) sealed: &'a [u8],
}

/// The values of a field in memory, with their numbers when it is a list.
#[derive(Debug)]
pub(crate) enum Values {
    One(Value),
    Many { next: u16, values: Vec<(u16, Value)> },
}

/// A record as a caller may see it.
#[derive(Clone)]
pub struct ShownSubject {
    /// Who.
    pub id: SubjectId,
    /// The record's version.
    pub version: u64,
    /// Microseconds UTC.
    pub created: i64,
    /// Microseconds UTC.
    pub updated: i64,
    /// What is shown, by field name.
    pub fields: Map<String, Json>,
    /// How each of them is shown. A field that shows nothing is not named: that there is a value is part of it.
    pub views: Vec<(String, View)>,
}

impl core::fmt::Debug for ShownSubject {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ShownSubject")
            .field("id", &self.id)
            .field("views", &self.views)
            .finish_non_exhaustive()
    }
}

impl Record {
    /// Loads a record and checks its manifest.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Tampered`].
    pub(crate) fn load(tx: &mut Tx<'_>, cx: &Cx<'_>, subject: SubjectId) -> Result<Self, Error> {
        Self::find(tx, cx, subject)?.ok_or(Error::NotFound)
    }

    /// What [`Record::find`] will ask.
    pub(crate) fn ahead(subject: SubjectId) -> Ahead {
        Ahead::new(&RECORD, params![subject.bytes()])
    }

    pub(crate) fn find(tx: &mut Tx<'_>, cx: &Cx<'_>, subject: SubjectId) -> Result<Option<Self>, Error> {
        let record = tx.first(&RECORD, params![subject.bytes()], |row| Self::from_row(subject, row, 0))?;
        record.map(|record| record.checked(cx)).transpose()
    }

    /// From a row whose columns from `at` are version, created, updated, event, keys, tokens, entries, manifest.
    pub(crate) fn from_row(subject: SubjectId, row: &Row<'_>, at: usize) -> avouch_store::Result<Self> {
        Ok(Self {
            subject,
            version: row.int(at)?.cast_unsigned(),
            created: row.int(at + 1)?,
            updated: row.int(at + 2)?,
            event: EventId::from_int(row.int(at + 3)?),
            keys: generation(row, at + 4)?,
            tokens: tokens(row, at + 5)?,
            entries: row.blob(at + 6)?.to_vec(),
            manifest: row.bytes(at + 7)?,
        })
    }

    /// Earlier versions below `before`, newest first, checked.
    pub(crate) fn earlier(
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        current: &Self,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Self>, Error> {
        Self::each_earlier(tx, cx, current, before, limit)?.into_iter().collect()
    }

    /// The same for whoever goes on with those that are not damaged.
    pub(crate) fn each_earlier(
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        current: &Self,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Result<Self, Error>>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let place = params![current.subject.bytes(), before.cast_signed(), limit];
        let records = tx.query(&VERSIONS, place, |row| Ok(Self::from_version(current, row)))?;
        let checked = |record: avouch_store::Result<Self>| record.map_err(Error::from)?.checked(cx);
        Ok(records.into_iter().map(checked).collect())
    }

    fn from_version(current: &Self, row: &Row<'_>) -> avouch_store::Result<Self> {
        Ok(Self {
            subject: current.subject,
            version: row.int(0)?.cast_unsigned(),
            created: current.created,
            updated: row.int(1)?,
            event: EventId::from_int(row.int(2)?),
            keys: generation(row, 3)?,
            tokens: tokens(row, 4)?,
            entries: row.blob(5)?.to_vec(),
            manifest: row.bytes(6)?,
        })
    }

    /// A new person's first version in memory, its manifest computed.
    pub(crate) fn first(cx: &Cx<'_>, subject: SubjectId, entries: Vec<u8>) -> Self {
        let (created, updated, event, keys) = (cx.now, cx.now, cx.event, cx.generation);
        let (version, tokens, manifest) = (1, 0, [0; 32]);
        Self { subject, version, created, updated, event, keys, tokens, entries, manifest }.digested(cx)
    }

    /// The version after this one in memory, its manifest computed.
    pub(crate) fn next(&self, cx: &Cx<'_>, entries: Vec<u8>) -> Self {
        let Self { subject, version, created, keys, tokens, .. } = *self;
        let (version, updated, event, manifest) = (version + 1, cx.now, cx.event, [0; 32]);
        Self { subject, version, created, updated, event, keys, tokens, entries, manifest }.digested(cx)
    }

    /// This very version under other keys, its manifest computed.
    pub(crate) fn resealed(self, cx: &Cx<'_>, keys: u32, entries: Vec<u8>) -> Self {
        Self { keys, entries, ..self }.digested(cx)
    }

    /// This very version with other entries, its manifest computed.
    pub(crate) fn restated(self, cx: &Cx<'_>, entries: Vec<u8>) -> Self {
        Self { entries, ..self }.digested(cx)
    }

    /// What an event says of it that wrote it.
    pub(crate) fn wrote(&self, whose: Option<[u8; 16]>) -> Wrote {
        Wrote { whose, version: self.version, digest: self.manifest }
    }

    fn digested(mut self, cx: &Cx<'_>) -> Self {
        self.manifest = self.digest(cx);
        self
    }

    fn digest(&self, cx: &Cx<'_>) -> [u8; 32] {
        let parts: [&[u8]; 8] = [
            self.subject.bytes(),
            &self.version.to_le_bytes(),
            &self.created.to_le_bytes(),
            &self.updated.to_le_bytes(),
            &self.event.int().to_le_bytes(),
            &self.keys.to_le_bytes(),
            &self.tokens.to_le_bytes(),
            &self.entries,
        ];
        cx.app.keys.row_digest("record", &parts)
    }

    pub(crate) fn checked(self, cx: &Cx<'_>) -> Result<Self, Error> {
        if bool::from(self.digest(cx).ct_eq(&self.manifest)) { Ok(self) } else { Err(Error::Tampered) }
    }

    pub(crate) fn insert(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        Ok(tx.put(
            &PUT_RECORD,
            params![
                self.subject.bytes(),
                self.version.cast_signed(),
                self.created,
                self.updated,
                self.event.int(),
                self.keys,
                i64::from(self.tokens),
                &self.entries,
                &self.manifest
            ],
        )?)
    }

    /// Puts `next` in the place of this version, and keeps this one.
    pub(crate) fn replace(&self, tx: &mut Tx<'_>, next: &Self) -> Result<(), Error> {
        let changed = tx.execute(
            &CHANGE_RECORD,
            params![
                self.subject.bytes(),
                next.version.cast_signed(),
                next.updated,
                next.event.int(),
                next.keys,
                &next.entries,
                &next.manifest,
                self.version.cast_signed()
            ],
        )?;
        if changed == 0 {
            return Err(Error::Stale { current: self.version });
        }
        Ok(tx.put(
            &KEEP_VERSION,
            params![
                self.subject.bytes(),
                self.version.cast_signed(),
                self.updated,
                self.event.int(),
                self.keys,
                i64::from(self.tokens),
                &self.entries,
                &self.manifest
            ],
        )?)
    }

    /// Begins another generation of tokens: none of those that were made before opens again. Its number is not that of one that
    /// was begun in a time which a restore has taken back, unless on the same day.
    pub(crate) fn end_tokens(self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Self, Error> {
        let tokens = self.tokens.checked_add(1);
        let tokens = tokens.ok_or(Error::Internal("there is no generation of tokens after this one"))?;
        let tokens = tokens.max(days(cx.now));
        let next = Self { tokens, ..self }.digested(cx);
        let version = next.version.cast_signed();
        let row = params![next.subject.bytes(), i64::from(tokens), &next.manifest, version];
        if tx.execute(&NEXT_TOKENS, row)? == 0 {
            return Err(Error::Stale { current: next.version });
        }
        Ok(next)
    }

    /// The place of a field, or of one value of it, as a token of this person names it.
    pub(crate) fn target(&self, field: u32, slot: u16) -> PointerTarget {
        PointerTarget { subject: *self.subject.bytes(), field, slot, generation: self.tokens }
    }

    /// The entries in order; a damaged sequence ends with an error.
    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries { rest: &self.entries }
    }

    pub(crate) fn entry(&self, field: u32) -> Result<Option<Entry<'_>>, Error> {
        for entry in self.entries() {
            let entry = entry?;
            if entry.field == field {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Shows the record as far as the permit goes. The only way from a sealed value to a caller.
    pub(crate) fn show(&self, cx: &Cx<'_>, permit: &Permit, ring: &mut Ring) -> Result<ShownSubject, Error> {
        let mut fields = Map::new();
        let mut views = Vec::new();
        for entry in self.entries() {
            let entry = entry?;
            let Some(place) = cx.rules.by_number.get(&entry.field).copied() else { continue };
            let field = cx.rules.field(place)?;
            if let Some(json) = self.show_entry(cx, permit, ring, place, &entry, None)? {
                views.push((field.name.clone(), permit.view_of(cx, self.subject, place)));
                fields.insert(field.name.clone(), json);
            }
        }
        let Self { subject: id, version, created, updated, .. } = *self;
        Ok(ShownSubject { id, version, created, updated, fields, views })
    }

    /// Shows one field, or one value of a list by its number; nothing when a list has been emptied.
    pub(crate) fn show_entry(
        &self,
        cx: &Cx<'_>,
        permit: &Permit,
        ring: &mut Ring,
        place: usize,
        entry: &Entry<'_>,
        slot: Option<u16>,
    ) -> Result<Option<Json>, Error> {
        let field = cx.rules.field(place)?;
        let mask = match permit.view_of(cx, self.subject, place) {
            View::Nothing => return Ok(None),
            View::Token => {
                if field.list && self.is_emptied(cx, ring, entry)? {
                    return Ok(None);
                }
                let own =
                    cx.rules.recipients.get(OWN_NAMESPACE).ok_or(Error::Internal("no own namespace"))?;
                let slot = slot.unwrap_or(WHOLE_FIELD);
                let target = self.target(entry.field, slot);
                return Ok(Some(Json::String(own.keys.pointer(&target).to_string())));
            }
            View::Masked => Some(&field.masks.masked),
            View::Partial => Some(&field.masks.partial),
            View::Clear => None,
        };
        let show = |value: &Value| mask.map_or_else(|| value.to_json(), |mask| field.of.view(value, mask));
        Ok(match (self.open_entry(cx, ring, field, entry)?, slot) {
            (Values::One(value), _) => Some(show(&value)),
            (Values::Many { values, .. }, None) if values.is_empty() => None,
            (Values::Many { values, .. }, None) => {
                Some(values.iter().map(|(_, value)| show(value)).collect())
            }
            (Values::Many { values, .. }, Some(slot)) => {
                values.iter().find(|(number, _)| *number == slot).map(|(_, value)| show(value))
            }
        })
    }

    /// Whether an entry is a list without values, kept for the numbers it has given away. Tells that and no value.
    pub(crate) fn is_emptied(&self, cx: &Cx<'_>, ring: &mut Ring, entry: &Entry<'_>) -> Result<bool, Error> {
        let Some(place) = cx.rules.by_number.get(&entry.field).copied() else { return Ok(false) };
        let field = cx.rules.field(place)?;
        if !field.list {
            return Ok(false);
        }
        Ok(self.open_entry(cx, ring, field, entry)?.iter().next().is_none())
    }

    /// Whether a field has this value: for search and uniqueness. Compares, never shows.
    pub(crate) fn has(
        &self,
        cx: &Cx<'_>,
        _permit: &Permit,
        ring: &mut Ring,
        place: usize,
        normal: &Normal,
    ) -> Result<bool, Error> {
        let field = cx.rules.field(place)?;
        let Some(entry) = self.entry(cx.rules.rule(place)?.number)? else { return Ok(false) };
        let values = self.open_entry(cx, ring, field, &entry)?;
        Ok(values.iter().any(|value| field.of.normal(value) == *normal))
    }

    /// The values of a field for an operation that changes them: they go back under seal, never to a caller.
    pub(crate) fn values(
        &self,
        cx: &Cx<'_>,
        _permit: &Permit,
        ring: &mut Ring,
        place: usize,
    ) -> Result<Option<Values>, Error> {
        let field = cx.rules.field(place)?;
        let Some(entry) = self.entry(cx.rules.rule(place)?.number)? else { return Ok(None) };
        self.open_entry(cx, ring, field, &entry).map(Some)
    }

    fn open_entry(
        &self,
        cx: &Cx<'_>,
        ring: &mut Ring,
        field: &Field,
        entry: &Entry<'_>,
    ) -> Result<Values, Error> {
        let (plain, _) = ring.open(cx, entry.class, &self.place_of(entry), entry.sealed)?;
        Values::decode(&plain, field)
    }

    /// The same entries, each sealed under a key of generation `newest`. What a field is, or was, does not matter here.
    pub(crate) fn entries_anew(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        ring: &mut Ring,
        newest: u32,
    ) -> Result<Vec<u8>, Error> {
        let mut entries = Vec::with_capacity(self.entries.len());
        for entry in self.entries() {
            let entry = entry?;
            let at = self.place_of(&entry);
            let (plain, generation) = ring.open(cx, entry.class, &at, entry.sealed)?;
            if generation >= newest {
                push_entry(&mut entries, &entry);
                continue;
            }
            let key = ring.sealing(tx, cx, entry.class, newest)?;
            let sealed = key.seal_field(&at, &plain, &cx.app.rng)?;
            push_entry(&mut entries, &Entry { sealed: &sealed, ..entry });
        }
        Ok(entries)
    }

    /// Whether every entry opens where it stands. Shows nothing.
    pub(crate) fn opens(&self, cx: &Cx<'_>, ring: &mut Ring) -> Result<(), Error> {
        self.entries().try_for_each(|entry| {
            let entry = entry?;
            ring.open(cx, entry.class, &self.place_of(&entry), entry.sealed).map(drop)
        })
    }

    /// What an entry's seal is bound to, beside the key.
    fn place_of(&self, entry: &Entry<'_>) -> FieldAt {
        let Entry { field, version, charter, .. } = *entry;
        FieldAt { record: *self.subject.bytes(), field, version, charter }
    }
}

/// The generation in a column.
fn generation(row: &Row<'_>, column: usize) -> avouch_store::Result<u32> {
    // A number that none of ours could be is damage, which the manifest shows.
    Ok(u32::try_from(row.int(column)?).unwrap_or(u32::MAX))
}

/// The generation of tokens in a column.
fn tokens(row: &Row<'_>, column: usize) -> avouch_store::Result<u16> {
    Ok(u16::try_from(row.int(column)?).unwrap_or(u16::MAX))
}

impl Values {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        let (one, many) = match self {
            Self::One(value) => (Some(value), &[][..]),
            Self::Many { values, .. } => (None, values.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|(_, value)| value))
    }

    fn decode(plain: &[u8], field: &Field) -> Result<Self, Error> {
        if !field.list {
            // Short enumerable values are padded with blanks, so that their length does not tell which it is.
            return Value::from_bytes(plain.trim_ascii_end()).map(Self::One).map_err(|_| Error::Tampered);
        }
        let (next, mut rest) = split_u16(plain)?;
        let mut values = Vec::new();
        while !rest.is_empty() {
            let (slot, after) = split_u16(rest)?;
            let (length, after) = after.split_first_chunk::<4>().ok_or(Error::Tampered)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Error::Tampered)?;
            let (value, after) = after.split_at_checked(length).ok_or(Error::Tampered)?;
            values.push((slot, Value::from_bytes(value.trim_ascii_end()).map_err(|_| Error::Tampered)?));
            rest = after;
        }
        Ok(Self::Many { next, values })
    }

    fn encode(&self, field: &Field) -> Zeroizing<Vec<u8>> {
        let padded = |value: &Value| {
            let mut bytes = value.to_bytes();
            if field.of.padded() {
                let length = bytes.len().next_multiple_of(16);
                bytes.resize(length, b' ');
            }
            bytes
        };
        match self {
            Self::One(value) => padded(value),
            Self::Many { next, values } => {
                let encoded: Vec<_> = values.iter().map(|(slot, value)| (slot, padded(value))).collect();
                let length = 2 + encoded.iter().map(|(_, bytes)| 6 + bytes.len()).sum::<usize>();
                let mut out = Zeroizing::new(Vec::with_capacity(length));
                out.extend_from_slice(&next.to_le_bytes());
                for (slot, bytes) in &encoded {
                    out.extend_from_slice(&slot.to_le_bytes());
                    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
                    out.extend_from_slice(bytes);
                }
                out
            }
        }
    }
}

fn split_u16(bytes: &[u8]) -> Result<(u16, &[u8]), Error> {
    let (head, rest) = bytes.split_first_chunk::<2>().ok_or(Error::Tampered)?;
    Ok((u16::from_le_bytes(*head), rest))
}

/// Seals a field's values and appends the entry.
pub(crate) fn seal_entry(
    entries: &mut Vec<u8>,
    key: &SubjectKey,
    field: &Field,
    class: u32,
    at: &FieldAt,
    values: &Values,
    rng: &dyn avouch_seal::SecureRandom,
) -> Result<(), Error> {
    let sealed = key.seal_field(at, &values.encode(field), rng)?;
    let (number, version, charter) = (at.field, at.version, at.charter);
    push_entry(entries, &Entry { field: number, class, version, charter, sealed: &sealed });
    Ok(())
}

/// Appends an entry as it is.
pub(crate) fn push_entry(entries: &mut Vec<u8>, entry: &Entry<'_>) {
    entries.reserve(HEADER + entry.sealed.len());
    entries.extend_from_slice(&entry.field.to_le_bytes());
    entries.extend_from_slice(&entry.class.to_le_bytes());
    entries.extend_from_slice(&entry.version.to_le_bytes());
    entries.extend_from_slice(&entry.charter.to_le_bytes());
    entries.extend_from_slice(&u32::try_from(entry.sealed.len()).unwrap_or(u32::MAX).to_le_bytes());
    entries.extend_from_slice(entry.sealed);
}

const HEADER: usize = 24;

/// See [`Record::entries`].
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = split_entry(self.rest);
        self.rest = entry.map_or(&[], |(_, rest)| rest);
        Some(entry.map(|(entry, _)| entry).ok_or(Error::Tampered))
    }
}

fn split_entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (field, rest) = bytes.split_first_chunk::<4>()?;
    let (class, rest) = rest.split_first_chunk::<4>()?;
    let (version, rest) = rest.split_first_chunk::<8>()?;
    let (charter, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sealed, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let entry = Entry {
        field: u32::from_le_bytes(*field),
        class: u32::from_le_bytes(*class),
        version: u64::from_le_bytes(*version),
        charter: u32::from_le_bytes(*charter),
        sealed,
    };
    Some((entry, rest))
}

/// Days since 2020, for 179 years.
fn days(now: i64) -> u16 {
    const FIRST_DAY: i64 = 18_262;
    u16::try_from(now / 86_400_000_000 - FIRST_DAY).unwrap_or_default()
}
