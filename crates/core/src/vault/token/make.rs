//! Making a token of each kind. What was revoked is never given out again: where the kind would give the same text once more,
//! a random one is made in its place.

use avouch_charter::{Field, FieldType, Normal, TokenKind, TokenRule};
use avouch_seal::format::{CountryCode, EmailToken, Format, FormatKey, FormatScope, Luhn, YearSpan};
use avouch_seal::token::{Token, WHOLE_FIELD};
use avouch_seal::vault::VaultKeys;
use avouch_seal::{Key, SecureRandom as _};
use avouch_store::Tx;
use zeroize::Zeroizing;

use super::kept::{self, Kept, KeptAt, Spelling, kind_number};
use super::terms::Terms;
use crate::Error;
use crate::app::Cx;
use crate::gate::Permit;
use crate::rules::RecipientRule;
use crate::vault::keys::Ring;
use crate::vault::record::{Record, Values};

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoToken {
    /// There is no such person, field or value.
    Absent,
    /// The kind is of one value, and the place is a list.
    List,
    /// The value has not the form that tokens of this kind keep, or too few values have it.
    Formless,
    /// All forms that were tried are taken.
    Crowded,
    /// Nothing is kept of tokens of this kind, so they have no end, metadata or tags.
    Endless,
}

/// How many forms are tried before it is said that there are too few.
const DRAWS: usize = 8;

/// Makes tokens for one recipient under the same terms.
pub(crate) struct Maker<'m> {
    recipient: &'m RecipientRule,
    terms: &'m Terms,
    /// Keys of forms that are in use; deriving one costs some microseconds.
    formats: Vec<((usize, Format), FormatKey)>,
}

/// What a token is made of.
pub(crate) struct Source<'s> {
    pub(crate) permit: &'s Permit,
    pub(crate) record: &'s Record,
    pub(crate) ring: &'s mut Ring,
    pub(crate) place: usize,
    pub(crate) slot: u16,
}

/// A value and what it is known by.
struct Known {
    text: Option<Zeroizing<String>>,
    normal: Normal,
    digest: [u8; 16],
}

impl<'m> Maker<'m> {
    pub(crate) fn new(recipient: &'m RecipientRule, terms: &'m Terms) -> Self {
        Self { recipient, terms, formats: Vec::new() }
    }

    /// Makes one as the charter has it.
    pub(crate) fn make(
        &mut self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        source: &mut Source<'_>,
    ) -> Result<Result<String, NoToken>, Error> {
        let rule = self.recipient.token(source.place);
        match rule.kind {
            TokenKind::Pointer if self.terms.are_none() => self.pointer(tx, cx, source, &rule),
            TokenKind::Pointer | TokenKind::Random => self.random(tx, cx, source, &rule).map(Ok),
            TokenKind::OneWay if !self.terms.are_none() => Ok(Err(NoToken::Endless)),
            kind => {
                let value = match known(cx, source, self.recipient)? {
                    Ok(value) => value,
                    Err(none) => return Ok(Err(none)),
                };
                match kind {
                    TokenKind::OneWay => {
                        let field = cx.rules.rule(source.place)?.number;
                        Ok(Ok(self.recipient.keys.one_way(field, value.normal.as_bytes()).to_string()))
                    }
                    TokenKind::Value => self.equal(tx, cx, source, &rule, &value).map(Ok),
                    TokenKind::FormatValue => self.format_value(tx, cx, source, &rule, &value),
                    _ => self.format(tx, cx, source, &rule, &value),
                }
            }
        }
    }

    /// Makes one that was never there before, whatever the charter has: random, or random in the value's form.
    pub(crate) fn anew(
        &mut self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        source: &mut Source<'_>,
    ) -> Result<Result<String, NoToken>, Error> {
        let rule = self.recipient.token(source.place);
        if !rule.kind.keeps_form() {
            return self.random(tx, cx, source, &rule).map(Ok);
        }
        match known(cx, source, self.recipient)? {
            Ok(value) => self.format(tx, cx, source, &rule, &value),
            Err(none) => Ok(Err(none)),
        }
    }

    fn pointer(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        source: &Source<'_>,
        rule: &TokenRule,
    ) -> Result<Result<String, NoToken>, Error> {
        let field = cx.rules.rule(source.place)?.number;
        let text = self.recipient.keys.pointer(&source.record.target(field, source.slot)).to_string();
        if self.recipient.standing.revokes && !self.rows(tx, cx, &text, Spelling::Exact)?.is_empty() {
            return self.random(tx, cx, source, rule).map(Ok);
        }
        Ok(Ok(text))
    }

    /// A new token for the same place: random whatever the rule's kind, under its other conditions.
    pub(crate) fn random(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        source: &Source<'_>,
        rule: &TokenRule,
    ) -> Result<String, Error> {
        let text = self.recipient.keys.random(&cx.app.rng)?.to_string();
        let kept = self.kept(cx, source, TokenKind::Random, rule)?;
        self.at(cx, source, (&text, Spelling::Exact), rule, kept).put(tx, cx)?;
        Ok(text)
    }

    /// One text for equal values, with nothing of their form.
    fn equal(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        source: &Source<'_>,
        rule: &TokenRule,
        value: &Known,
    ) -> Result<String, Error> {
        let field = cx.rules.rule(source.place)?.number;
        let text = self.recipient.keys.equal(field, value.normal.as_bytes()).to_string();
        let kept = self.of_value(cx, source, TokenKind::Value, rule, value)?;
        let issued = self.issue(tx, cx, source, self.at(cx, source, (&text, Spelling::Exact), rule, kept))?;
        if issued { Ok(text) } else { self.random(tx, cx, source, rule) }
    }

    /// One text for equal values, in the value's form.
    fn format_value(
        &mut self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        source: &Source<'_>,
        rule: &TokenRule,
        value: &Known,
    ) -> Result<Result<String, NoToken>, Error> {
        let field = cx.rules.field(source.place)?;
        let number = cx.rules.rule(source.place)?.number;
        let text = if field.of == FieldType::Email {
            let Token::Random { body, .. } = self.recipient.keys.equal(number, value.normal.as_bytes())
            else {
                return Err(Error::Internal("a token of a value is another kind of token"));
            };
            self.address(body)
        } else {
            let Some((form, value)) = form(field, rule, value) else { return Ok(Err(NoToken::Formless)) };
            self.sealed(source.place, number, form, value)?
        };
        let Some(text) = text else { return Ok(Err(NoToken::Formless)) };
        let kept = self.of_value(cx, source, TokenKind::FormatValue, rule, value)?;
        let others = |row: &KeptAt| !row.is_nobodys() && row.kept.revoked.is_none();
        let differs = |row: &KeptAt| {
            (row.kept.kind, row.kept.field, row.kept.value) != (kept.kind, kept.field, kept.value)
        };
        let loose = self.rows(tx, cx, &text, Spelling::Loose)?;
        let exact = self.rows(tx, cx, &text, Spelling::Exact)?;
        // It stands for something else: for a value that differs in what stands between its letters, or another system's.
        let taken = !exact.is_empty() || loose.iter().any(|row| others(row) && differs(row));
        if taken || !self.issue(tx, cx, source, self.at(cx, source, (&text, Spelling::Loose), rule, kept))? {
            return self.format(tx, cx, source, rule, value);
        }
        Ok(Ok(text))
    }

    /// A text of its own, in the value's form: the form under a key that is thrown away.
    fn format(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        source: &Source<'_>,
        rule: &TokenRule,
        value: &Known,
    ) -> Result<Result<String, NoToken>, Error> {
        let field = cx.rules.field(source.place)?;
        for _ in 0..DRAWS {
            let drawn = if field.of == FieldType::Email {
                let mut body = [0; 16];
                cx.app.rng.fill(&mut body)?;
                self.address(body)
            } else {
                form(field, rule, value).map_or(Ok(None), |(form, value)| self.drawn(cx, form, value))?
            };
            let Some(text) = drawn else { return Ok(Err(NoToken::Formless)) };
            if value.text.as_ref().is_some_and(|value| **value == text)
                || !self.rows(tx, cx, &text, Spelling::Loose)?.is_empty()
                || !self.rows(tx, cx, &text, Spelling::Exact)?.is_empty()
            {
                continue;
            }
            let kept = self.kept(cx, source, TokenKind::Format, rule)?;
            self.at(cx, source, (&text, Spelling::Loose), rule, kept).put(tx, cx)?;
            return Ok(Ok(text));
        }
        Ok(Err(NoToken::Crowded))
    }

    fn drawn(&self, cx: &Cx<'_>, form: Format, value: &str) -> Result<Option<String>, Error> {
        let scope = FormatScope { namespace: self.recipient.keys.namespace(), field: 0, epoch: 0 };
        let key = FormatKey::derive(&Key::generate(&cx.app.rng)?, cx.app.keys.vault(), &scope, form)?;
        Ok(key.seal(value).ok())
    }

    fn sealed(
        &mut self,
        place: usize,
        number: u32,
        form: Format,
        value: &str,
    ) -> Result<Option<String>, Error> {
        let of = (place, form);
        if let Some((_, key)) = self.formats.iter().find(|(known, _)| *known == of) {
            return Ok(key.seal(value).ok());
        }
        let key = self.recipient.keys.format(number, form)?;
        let text = key.seal(value).ok();
        self.formats.push((of, key));
        Ok(text)
    }

    fn address(&self, body: [u8; 16]) -> Option<String> {
        let (namespace, domain) = (self.recipient.keys.namespace().clone(), self.recipient.domain.clone()?);
        Some(EmailToken { body, namespace, domain }.to_string())
    }

    fn rows(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        text: &str,
        spelling: Spelling,
    ) -> Result<Vec<KeptAt>, Error> {
        let namespace = self.recipient.keys.namespace();
        kept::find(tx, cx, namespace.as_str(), kept::lookup(&cx.app.keys, namespace, text, spelling))
    }

    fn at(
        &self,
        cx: &Cx<'_>,
        source: &Source<'_>,
        (text, spelling): (&str, Spelling),
        rule: &TokenRule,
        kept: Kept,
    ) -> KeptAt {
        let namespace = self.recipient.keys.namespace();
        KeptAt {
            namespace: namespace.as_str().to_owned(),
            lookup: kept::lookup(&cx.app.keys, namespace, text, spelling),
            subject: source.record.subject,
            expires: self.terms.expiry(rule, cx.now),
            kept,
        }
    }

    /// Gives this person a token that others may have, or that was given before. One that is alive is not loosened by that: it
    /// ends when it would have ended, and is used no more often. Says whether it may be had: not when it was revoked.
    fn issue(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        source: &Source<'_>,
        mut new: KeptAt,
    ) -> Result<bool, Error> {
        let (namespace, lookup) = (new.namespace.clone(), new.lookup);
        let own = kept::one(tx, cx, &namespace, lookup, None)?;
        let before = kept::one(tx, cx, &namespace, lookup, Some(source.record.subject))?;
        if own.iter().chain(&before).any(|row| row.kept.revoked.is_some()) {
            return Ok(false);
        }
        let uses = new.kept.uses.take();
        // One that was used up is made anew.
        let counted = own.and_then(|own| own.kept.uses);
        let left = counted.filter(|left| *left > 0).into_iter().chain(uses).min();
        if left != counted {
            KeptAt::own_of(&new, Kept { uses: left, ..new.kept.clone() }).put(tx, cx)?;
        }
        if let Some(before) = before.filter(|before| before.lives(self.recipient, cx)) {
            let ends = [before.expires, new.expires].into_iter().filter(|ends| *ends > 0);
            new.expires = ends.min().unwrap_or(0);
            new.kept.made = before.kept.made;
            new.kept.metadata = new.kept.metadata.take().or(before.kept.metadata);
            if new.kept.tags.is_empty() {
                new.kept.tags = before.kept.tags;
            }
        }
        new.put(tx, cx)?;
        Ok(true)
    }

    fn of_value(
        &self,
        cx: &Cx<'_>,
        source: &Source<'_>,
        kind: TokenKind,
        rule: &TokenRule,
        value: &Known,
    ) -> Result<Kept, Error> {
        let root = Some(self.recipient.keys.newest_root());
        Ok(Kept { root, value: Some(value.digest.into()), ..self.kept(cx, source, kind, rule)? })
    }

    fn kept(
        &self,
        cx: &Cx<'_>,
        source: &Source<'_>,
        kind: TokenKind,
        rule: &TokenRule,
    ) -> Result<Kept, Error> {
        Ok(Kept {
            kind: kind_number(kind),
            field: cx.rules.rule(source.place)?.number,
            slot: source.slot,
            generation: source.record.tokens,
            epoch: self.recipient.standing.epoch,
            root: None,
            made: cx.now,
            uses: self.terms.uses(rule),
            revoked: None,
            value: None,
            metadata: self.terms.metadata.clone(),
            tags: self.terms.tags.clone(),
            foreign: false,
        })
    }
}

/// The value at a place, and what it is known by.
fn known(
    cx: &Cx<'_>,
    source: &mut Source<'_>,
    recipient: &RecipientRule,
) -> Result<Result<Known, NoToken>, Error> {
    let field = cx.rules.field(source.place)?;
    let number = cx.rules.rule(source.place)?.number;
    let values = source.record.values(cx, source.permit, source.ring, source.place)?;
    let value = match values {
        None => return Ok(Err(NoToken::Absent)),
        Some(Values::Many { .. }) if source.slot == WHOLE_FIELD => return Ok(Err(NoToken::List)),
        Some(Values::Many { values, .. }) => {
            values.into_iter().find(|(slot, _)| *slot == source.slot).map(|(_, value)| value)
        }
        Some(Values::One(value)) => Some(value),
    };
    let Some(value) = value else { return Ok(Err(NoToken::Absent)) };
    let normal = field.of.normal(&value);
    let digest = value_digest(&cx.app.keys, recipient, number, &normal);
    let text = value.as_text().map(|text| Zeroizing::new(text.to_owned()));
    Ok(Ok(Known { text, normal, digest }))
}

/// By what it is seen that a person still has the value that a token stands for.
pub(crate) fn value_digest(
    keys: &VaultKeys,
    recipient: &RecipientRule,
    field: u32,
    normal: &Normal,
) -> [u8; 16] {
    let namespace = recipient.keys.namespace().as_str().as_bytes();
    let digest = keys.row_digest("token_value", &[namespace, &field.to_le_bytes(), normal.as_bytes()]);
    let mut half = [0; 16];
    half.copy_from_slice(digest.split_at(16).0);
    half
}

/// The form of a value, and the text that has it.
fn form<'v>(field: &Field, rule: &TokenRule, value: &'v Known) -> Option<(Format, &'v str)> {
    // What differs in spelling alone has one token, as it has one normal form.
    let normal = matches!(field.of, FieldType::NationalId { .. });
    let text = match normal {
        true => core::str::from_utf8(value.normal.as_bytes()).ok()?,
        false => value.text.as_deref()?.as_str(),
    };
    let luhn = if rule.luhn_valid { Luhn::Valid } else { Luhn::Invalid };
    let form = match field.of {
        FieldType::Card => Format::Card(luhn),
        FieldType::Phone { .. } => Format::Phone(CountryCode::of(text).ok()?),
        FieldType::Date => Format::Date(YearSpan::WHOLE),
        _ => Format::Alphanumeric,
    };
    Some((form, text))
}
