//! Taking over tokens that another system made, so that what recipients hold goes on to work. Only a digest of each is kept.
//! They do not say whose they are, so whoever turns them back says where they stand.

use avouch_charter::TokenKind;
use avouch_policy::Action;
use avouch_store::Tx;

use super::create::{TokenItem, slot_of};
use super::kept::{self, Kept, KeptAt, Spelling, kind_number};
use super::people::People;
use super::resolve::Presented;
use super::terms::Terms;
use super::{NoToken, recipient, remember, serves, shared};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, Reason};
use crate::rules::Rules;

/// Lengths of a token that is taken over, in bytes. A shorter one would be found by trying.
pub const FOREIGN_LENGTHS: core::ops::RangeInclusive<usize> = 6..=256;
/// Most of them in one request.
pub const MAX_FOREIGN: usize = 1_000;

/// A token of another system. `Debug` does not show it.
#[derive(Clone)]
pub struct ForeignToken {
    /// What it stands for.
    pub item: TokenItem,
    /// Its text.
    pub token: zeroize::Zeroizing<String>,
}

impl core::fmt::Debug for ForeignToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ForeignToken").field("item", &self.item).finish_non_exhaustive()
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct ImportTokens {
    /// Who holds them.
    pub recipient: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// The tokens.
    pub tokens: Vec<ForeignToken>,
    /// What is asked of all of them.
    pub terms: Terms,
}

impl Operation for ImportTokens {
    const ACTION: Action = Action::TokenImport;
    /// For each whether it was taken over: [`NoToken::Crowded`] when it stands for something else already, or was revoked.
    type Output = Vec<Result<(), NoToken>>;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        recipient(rules, &self.recipient)?;
        let mut writes = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let place = rules.place(&token.item.field).ok_or_else(|| {
                Error::invalid(format!("/items/{at}/field"), "the charter has no such field")
            })?;
            if !writes.contains(&place) {
                writes.push(place);
            }
            let text = token.token.as_str();
            if !FOREIGN_LENGTHS.contains(&text.len()) || text.chars().any(char::is_control) {
                let (least, most) = (FOREIGN_LENGTHS.start(), FOREIGN_LENGTHS.end());
                let expected = format!("expected {least} to {most} bytes without control characters");
                return Err(Error::invalid(format!("/items/{at}/token"), expected));
            }
            if !matches!(Presented::marked(text), Ok(None)) {
                let detail = "a text in the form of our own tokens would be taken for one of them";
                return Err(Error::invalid(format!("/items/{at}/token"), detail));
            }
        }
        // A token of a field is a handle to it, and that there is none tells something as well.
        let about = Intent::about(self.purpose.clone(), self.reason.clone(), self.tokens.len());
        Ok(Intent { writes, ..about })
    }

    fn writes(&self) -> bool {
        true
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        (): (),
    ) -> Result<Outcome<Self::Output>, Error> {
        let rule = recipient(cx.rules, &self.recipient)?;
        serves(rule, self.purpose.as_deref())?;
        let mut note = Note { recipient: Some(self.recipient.clone()), ..Note::count(0) };
        let (mut people, mut taken) = (People::default(), Vec::with_capacity(self.tokens.len()));
        for ForeignToken { item, token } in &self.tokens {
            let place = cx.rules.place(&item.field).ok_or(Error::NotFound)?;
            shared(rule, cx.rules, place)?;
            let Some((record, ring)) = people.open(tx, cx, item.subject)? else {
                taken.push(Err(NoToken::Absent));
                continue;
            };
            remember(cx, &mut note, ring, place)?;
            let Some(slot) = slot_of(cx, permit, record, ring, place, item.value)? else {
                taken.push(Err(NoToken::Absent));
                continue;
            };
            let kept = Kept {
                kind: kind_number(TokenKind::Random),
                field: cx.rules.rule(place)?.number,
                slot,
                generation: record.tokens,
                epoch: rule.standing.epoch,
                made: cx.now,
                uses: self.terms.uses(&rule.token(place)),
                metadata: self.terms.metadata.clone(),
                tags: self.terms.tags.clone(),
                foreign: true,
                ..Kept::nothing()
            };
            let expires = self.terms.expiry(&rule.token(place), cx.now);
            let namespace = rule.keys.namespace();
            let lookup = |spelling| kept::lookup(&cx.app.keys, namespace, token, spelling);
            let at = KeptAt {
                namespace: namespace.as_str().to_owned(),
                lookup: lookup(Spelling::Exact),
                subject: item.subject,
                expires,
                kept,
            };
            let mut known = kept::find(tx, cx, &at.namespace, at.lookup)?;
            // In another spelling it may be a token of ours that has the form of a value.
            known.extend(kept::find(tx, cx, &at.namespace, lookup(Spelling::Loose))?);
            if !known.iter().all(|known| is_the_same(known, &at)) {
                taken.push(Err(NoToken::Crowded));
                continue;
            }
            // A repetition changes nothing: what was used or is about to end stays so.
            if known.is_empty() {
                at.put(tx, cx)?;
            }
            taken.push(Ok(()));
        }
        note.count = u32::try_from(taken.iter().filter(|taken| taken.is_ok()).count()).unwrap_or(u32::MAX);
        Ok(Outcome::new(taken, note))
    }
}

/// Whether a token that is there already was taken over for the very same thing, and lives: then this is a repetition.
fn is_the_same(known: &KeptAt, new: &KeptAt) -> bool {
    let what = |at: &KeptAt| {
        let Kept { kind, field, slot, generation, epoch, foreign, .. } = at.kept;
        (at.subject, at.lookup, kind, field, slot, generation, epoch, foreign)
    };
    known.kept.revoked.is_none() && what(known) == what(new)
}
