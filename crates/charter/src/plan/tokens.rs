//! Changes of the tokens a recipient is given.

use crate::model::{Recipient, TokenKind, TokenRule};
use crate::problem::quoted;

/// What is said of a new recipient's tokens, where they are not pointers.
pub(super) fn of_new(recipient: &Recipient) -> String {
    let plain = TokenRule::plain(TokenKind::Pointer);
    let groups = groups(recipient.tokens.iter().filter(|(_, rule)| *rule != plain));
    groups.into_iter().map(|(rule, fields)| format!(", tokens of {} are {rule}", quoted(fields))).collect()
}

/// One change for each group of fields whose tokens change in the same way. Fields that come and go are told as such.
pub(super) fn changed(was: &Recipient, is: &Recipient, say: &mut impl FnMut(String, bool)) {
    let kept = is.tokens.iter().filter(|(field, _)| was.fields.iter().any(|name| name == field));
    let changes = groups(kept.map(|(field, rule)| (field, (was.tokens.rule(field), rule))));
    for ((was, is), fields) in changes {
        let fields = quoted(fields);
        if was.kind != is.kind {
            say(
                format!("new tokens of {fields} are {is} instead of {was}: they differ from those it has"),
                true,
            );
        } else if was != is {
            say(format!("new tokens of {fields} are {is} instead of {was}"), looser(&was, &is));
        }
    }
}

/// Whether a token can be turned back longer or more often than before, or passes for a card as it did not.
fn looser(was: &TokenRule, is: &TokenRule) -> bool {
    let days = |rule: &TokenRule| rule.expires.map_or(u32::MAX, |period| period.about_days());
    let uses = |rule: &TokenRule| rule.uses.unwrap_or(u32::MAX);
    days(is) > days(was) || uses(is) > uses(was) || (is.luhn_valid && !was.luhn_valid)
}

fn groups<'f, T: PartialEq>(fields: impl Iterator<Item = (&'f str, T)>) -> Vec<(T, Vec<&'f str>)> {
    let mut groups: Vec<(T, Vec<&str>)> = Vec::new();
    for (field, of) in fields {
        match groups.iter_mut().find(|(known, _)| *known == of) {
            Some((_, fields)) => fields.push(field),
            None => groups.push((of, vec![field])),
        }
    }
    groups
}
