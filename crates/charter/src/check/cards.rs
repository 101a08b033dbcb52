//! What PCI DSS 4.0.1 asks of whoever keeps card numbers: people see at most the first six and the last four digits
//! (requirement 3.4.1), and the security code is not kept at all (3.3.1).

use crate::model::{Field, Holder, View};
use crate::problem::{Placed, Sink, quoted};
use crate::read::{DraftField, DraftMasks, DraftSees};
use crate::types::{FieldType, Mask, security_code};

/// A field that is a security code by its name or title.
pub(super) fn check_security_code(draft: &DraftField, sink: &mut Sink<'_>) {
    let titled = draft.title.as_deref().is_some_and(security_code::is_named);
    if titled || security_code::is_named(&draft.name.value) {
        let message = format!(
            "`{}` is the security code of a card, which may not be kept, not even encrypted (PCI DSS 3.3.1)",
            draft.name.value
        );
        let help = "remove it: a payment provider asks for it each time; if it is something else, give it another name and title";
        sink.help(draft.name.at, message, help);
    }
}

/// Whether a mask was complained of.
pub(super) fn check_masks(of: &FieldType, masks: &DraftMasks, sink: &mut Sink<'_>) -> bool {
    let mut told = false;
    for (at, mask) in [(masks.partial_at, masks.masks.partial), (masks.masked_at, masks.masks.masked)] {
        if let Some(at) = at.filter(|_| *of == FieldType::Card && mask == Mask::Full) {
            let message = "a mask of a card number cannot be `full`: people see the first six and last four digits at most (PCI DSS 3.4.1)";
            sink.help(at, message, "write `first6_last4` or `last4`");
            told = true;
        }
    }
    told
}

/// People do not see card numbers in clear, whatever their task.
pub(super) fn check_sees(
    entry: &DraftSees,
    seen: &[String],
    role: &str,
    holder: Option<Holder>,
    fields: &[Field],
    sink: &mut Sink<'_>,
) {
    let Some(holder) = holder.filter(|holder| *holder != Holder::Service) else { return };
    let is_card =
        |name: &&str| fields.iter().any(|field| field.name == **name && field.of == FieldType::Card);
    let cards: Vec<&str> = seen.iter().map(String::as_str).filter(is_card).collect();
    let clear = |view: &&Placed<View>| view.value == View::Clear;
    let Some(view) = [&entry.reads, &entry.reveals].into_iter().find(clear).filter(|_| !cards.is_empty())
    else {
        return;
    };
    let message = format!(
        "role `{role}` shows {holder} {} in clear: people see the first six and last four digits at most (PCI DSS 3.4.1)",
        quoted(cards)
    );
    sink.help(view.at, message, "name the card in an entry of its own with `partial`, whose mask can be `first6_last4`; a program (`holder: service`) may have it in clear where the business needs it");
}
