//! New tokens in the place of old ones, which end: same person, field and value, under the terms of today.

use std::collections::HashSet;

use avouch_charter::TokenKind;
use avouch_policy::Action;
use avouch_store::Tx;

use super::kept::{KeptAt, Lookup};
use super::make::{Maker, Source};
use super::people::People;
use super::resolve::{Found, Presented, Sought};
use super::terms::Terms;
use super::{recipient, remember, revoke, serves};
use crate::Error;
use crate::app::{Cx, Operation, Outcome, Refresh};
use crate::audit::Note;
use crate::gate::{self, Intent, Permit, Reason, Shows, SubjectFacts};
use crate::rules::Rules;

/// See the module.
#[derive(Debug, Clone)]
pub struct RotateTokens {
    /// The tokens that end.
    pub tokens: Vec<Presented>,
    /// Whose they are: all of one recipient.
    pub recipient: String,
    /// For which purpose the recipient needs them.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// What is asked of the new ones.
    pub terms: Terms,
}

impl Operation for RotateTokens {
    const ACTION: Action = Action::TokenCreate;
    const REFRESH: Refresh = Refresh::Rules;
    /// A new token for each.
    type Output = Vec<String>;
    type Facts = ();

    fn intent(&self, rules: &Rules) -> Result<Intent, Error> {
        recipient(rules, &self.recipient)?;
        let about = Intent::about(self.purpose.clone(), self.reason.clone(), self.tokens.len());
        Ok(Intent { shows: Shows::Whatever, ..about })
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
    ) -> Result<Outcome<Vec<String>>, Error> {
        let rule = recipient(cx.rules, &self.recipient)?;
        serves(rule, self.purpose.as_deref())?;
        let ending = Intent::about(self.purpose.clone(), self.reason.clone(), self.tokens.len());
        gate::decide(cx.rules, cx.caller, Action::TokenRevoke, &ending, SubjectFacts::default())?;
        let mut note = Note { recipient: Some(self.recipient.clone()), ..Note::count(self.tokens.len()) };
        let (mut people, mut maker) = (People::default(), Maker::new(rule, &self.terms));
        let mut ended = HashSet::new();
        let (mut fresh, mut unusable) = (Vec::with_capacity(self.tokens.len()), Vec::new());
        for (at, presented) in self.tokens.iter().enumerate() {
            let found = self.found(tx, cx, permit, presented, &mut people)?;
            let seen = |(found, _): &(Found, _)| permit.view(found.place) != avouch_policy::View::Nothing;
            let Some((Found { subject, place, slot }, lookup)) = found.filter(seen) else {
                unusable.push(format!("/tokens/{at}"));
                continue;
            };
            if !ended.insert(lookup) {
                return Err(Error::invalid(format!("/tokens/{at}"), "this token is named twice"));
            }
            let Some((record, ring)) = people.open(tx, cx, subject)? else { continue };
            let mut source = Source { permit, record, ring, place, slot };
            let token = if rule.token(place).kind == TokenKind::OneWay {
                Err(super::NoToken::Endless)
            } else {
                maker.anew(tx, cx, &mut source)?
            };
            match token {
                Ok(token) => fresh.push(token),
                Err(_) => return Err(Error::invalid(format!("/tokens/{at}"), "no other token can be made")),
            }
            remember(cx, &mut note, ring, place)?;
        }
        if !unusable.is_empty() {
            return Err(Error::TokenUnusable { pointers: unusable });
        }
        revoke::these(tx, cx, &self.tokens, Some(&self.recipient), &mut people, &mut note)?;
        Ok(Outcome::new(fresh, note))
    }
}

impl RotateTokens {
    /// What a token stands for, and what it is known by. One that several people share is not replaced for all of them by
    /// what is another token for one.
    fn found(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        presented: &Presented,
        people: &mut People,
    ) -> Result<Option<(Found, Lookup)>, Error> {
        let Some(sought) = Sought::new(cx, Some(&self.recipient), presented) else { return Ok(None) };
        let rows = sought.rows(tx, cx)?;
        let living = |row: &&KeptAt| !row.is_nobodys() && row.lives(&sought.recipient, cx);
        if rows.iter().filter(living).count() > 1 {
            let detail = "several customers share a token: revoke it, and make new ones for them";
            return Err(Error::invalid("/tokens", detail));
        }
        let found = sought.find(tx, cx, permit, &rows, people)?;
        let lookup = rows.first().map_or_else(|| sought.lookup_of(cx, presented), |row| row.lookup);
        Ok(found.map(|found| (found, lookup)))
    }
}
