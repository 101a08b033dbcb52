//! What must not be in free text: card numbers and the security codes of cards.
//!
//! People paste both into notes, names and address lines. A card number there escapes the masks, keys and tokens of its
//! type (PCI DSS 4.0.1, requirements 3.4.1 and 3.5.1); a security code may not be stored at all, not even encrypted
//! (3.3.1). So a text that seems to hold one is refused before it becomes a value.
//!
//! Other numbers of many digits are common, and refusing one of them by mistake stops somebody's work: the rules here let
//! order numbers, phone numbers, IBANs, dates and article numbers pass, and some cleverly hidden card number with them.

mod cards;
mod iban;

use unicode_normalization::char::is_combining_mark;

use super::{Invalid, name, security_code};

/// Lets a text pass that holds neither. To be asked of the canonical form, so that what passed once passes again.
pub(super) fn check(text: &str) -> Result<(), Invalid> {
    // Most names and address lines end here.
    if text.chars().filter(|c| c.is_numeric()).nth(2).is_none() {
        return Ok(());
    }
    let folded = name::fold(text);
    let runs = runs(&folded);
    if security_code::is_in(&runs) {
        return Err("the security code of a card is never stored, not even sealed (PCI DSS 3.3.1): leave it out of this text".into());
    }
    if cards::is_in(&folded, &runs) {
        return Err("a card number belongs in a field of type `card`: leave it out of this text".into());
    }
    Ok(())
}

/// Letters or digits that stand together.
#[derive(Clone, Copy)]
pub(crate) struct Run<'t> {
    pub(super) text: &'t str,
    pub(super) of: Kind,
    /// What stands between the run before and this one; all before it, of the first.
    pub(super) gap: &'t str,
    /// Where it begins, in bytes.
    pub(super) at: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Letters,
    Digits,
}

impl Run<'_> {
    pub(super) fn is(&self, kind: Kind) -> bool {
        self.of == kind
    }

    /// Of digits, how many.
    pub(super) fn digits(&self) -> Option<usize> {
        self.is(Kind::Digits).then(|| self.text.chars().count())
    }
}

/// The runs of a folded text, in order.
pub(crate) fn runs(folded: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let (mut from, mut end) = (0, 0);
    let mut open = None;
    let ends = folded.char_indices().map(|(at, c)| (at, kind(c))).chain([(folded.len(), None)]);
    for (at, of) in ends {
        if of == open {
            continue;
        }
        if let Some(of) = open {
            let text = folded.get(from..at).unwrap_or_default();
            runs.push(Run { text, of, gap: folded.get(end..from).unwrap_or_default(), at: from });
            end = at;
        }
        (from, open) = (at, of);
    }
    runs
}

fn kind(c: char) -> Option<Kind> {
    if digit(c).is_some() {
        Some(Kind::Digits)
    } else if c.is_alphanumeric() || (!c.is_ascii() && is_combining_mark(c)) {
        Some(Kind::Letters)
    } else {
        None
    }
}

/// Digits of a folded text: ASCII, into which folding turns full width ones, Arabic and Persian.
fn digit(c: char) -> Option<u8> {
    let zero = match c {
        '0'..='9' => '0',
        '٠'..='٩' => '٠',
        '۰'..='۹' => '۰',
        _ => return None,
    };
    u8::try_from(u32::from(c) - u32::from(zero)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> &'static str {
        match check(text).map_err(|refused| refused.to_string()) {
            Ok(()) => "passes",
            Err(refused) if refused.starts_with("a card number") => "card number",
            Err(_) => "security code",
        }
    }

    #[test]
    fn a_card_number_is_refused_however_it_is_grouped() {
        for text in [
            "4111111111111111",
            "paid with 4111 1111 1111 1111, rings twice",
            "4111-1111-1111-1111",
            "4111 – 1111 – 1111 – 1111",
            "4111\u{a0}1111\u{a0}1111\n1111",
            "４１１１ １１１１ １１１１ １１１１",
            "٤١١١ ١١١١ ١١١١ ١١١١",
            "41111111 11111111",
            "3782 822463 10005",
            "3056 930902 5904",
            "5105105105105100 12/27",
            "4111 1111 1111 1111 1227 123",
            "12 28 4111 1111 1111 1111",
            "VISA:4111111111111111;",
            "visa-4111111111111111",
            "カード4111111111111111です",
            "MC12 5555 5555 5555 4444",
            "2223003122003222",
            "2200 0000 0000 0004",
            "6011111111111117",
            "3530111333300000",
            "6759649826438453",
            "6304000000000000",
            "6200000000000005",
            "6062 8288 8866 6688",
        ] {
            assert_eq!(refusal(text), "card number", "{text}");
        }
        insta::assert_snapshot!(check("4111111111111111").unwrap_err(), @"a card number belongs in a field of type `card`: leave it out of this text");
    }

    #[test]
    fn other_numbers_pass() {
        for text in [
            // A check digit that is wrong, and digits that are part of more.
            "4111 1111 1111 1112",
            "41111111111111111111",
            "A4111111111111111",
            "4111111111111111b",
            "0.4111111111111111",
            // Phone numbers.
            "+49 30 12345678, +4915112345678, 0049 151 12345678",
            "+5511987654321 (0)30 26550280",
            "212-555-0100 212-555-0199",
            "41 11 11 11 11 11 11 11",
            "+4111 1111 1111 1111",
            // IBANs; without their letters the last two would be cards.
            "DE89 3704 0044 0532 0130 00",
            "DE89370400440532013000",
            "GB29 NWBK 6016 1331 9268 19",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NL91 ABNA 0417 1643 00, BE68 5390 0754 7034",
            "AT61 1904 3002 3457 3201 and NO93 8601 1117 947",
            "ES91 2100 0418 4502 0005 1332",
            "DE12 5105 0015 9167 0246 29",
            "DK5483116369962450",
            // Dates and times, orders, parcels.
            "2026-11-28 12:30:00, 20261128123000",
            "28.11.2026 5 12 17 2026",
            "order 302-1234567-1234567, 2026-0001-2345-6789",
            "parcel 00340434161094042557",
            "JJD014600003333344444",
            // EAN, GTIN, ISBN, IMEI, SIM.
            "4006381333931 5901234123457 978-3-16-148410-0",
            "356938035643809",
            "8949 0200 0012 3456 7890",
            "550e8400-e29b-41d4-a716-446655440000",
            "1 Way, Building 4, Floor 12, 53111 Bonn",
        ] {
            assert_eq!(refusal(text), "passes", "{text}");
        }
    }

    #[test]
    fn a_security_code_is_refused_beside_its_name() {
        for text in [
            "CVV 123",
            "cvv:123",
            "CVC2 = 1234",
            "cvv123",
            "CVC-Code: 123",
            "cvc ist 123",
            "Kartenprüfnummer 123",
            "Kreditkarten-Prüfnummer lautet 987.",
            "Pruefnummer: 123",
            "security code is 1234",
            "Security-Code (123)",
            "cryptogramme : 123",
            "code de sécurité 123",
            "código de seguridad: 123",
            "CÓDIGO DE SEGURANÇA 123",
            "codice di sicurezza 123",
            "beveiligingscode 123, säkerhetskod 123",
            "kod bezpieczeństwa 123",
            "код безопасности 123",
            "card verification value 123",
            "cid 1234, exp 12/27",
            "cvv 123 12/27",
            "CVV １２３",
        ] {
            assert_eq!(refusal(text), "security code", "{text}");
        }
        insta::assert_snapshot!(check("CVC 123").unwrap_err(), @"the security code of a card is never stored, not even sealed (PCI DSS 3.3.1): leave it out of this text");
    }

    #[test]
    fn what_only_resembles_a_security_code_passes() {
        for text in [
            "CVV 12",
            "CVV 12345, 123 pieces",
            "CVV 12 of 123 pieces",
            "CVV ........ 123",
            "asked for the CVV, refused 123",
            "cvv 123-456",
            "security code 123 456",
            "security code for the gate: 1234",
            "Prüfnummer 4711 0815",
            "Prüfnummer 123/456",
            "Placid 123",
            "cvc A123",
            "cvc 123A",
            "order 123, cid",
            "El Cid, 1043 to 1099",
            "the code is 1234",
        ] {
            assert_eq!(refusal(text), "passes", "{text}");
        }
    }

    /// Each of these makes as many beginnings as it can. Time that grew with the square would be minutes.
    #[test]
    fn long_texts_are_read_once() {
        for part in ["4111 ", "4111-4111", "de89 ", "de8", "cvv ", "security code ", "cvv 12 ", "9", "9 x"] {
            let text = part.repeat(200_000 / part.len());
            assert_eq!(refusal(&text), "passes", "{part}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            let _ = check(&text);
        }

        #[test]
        fn nor_does_one_of_digits_and_words(text in "((cvv|cvc2|cid|security|code|DE89|4111|[0-9]{1,6}|[٠-٩]|é)[ -./:]{0,3}){0,12}") {
            let _ = check(&text);
        }

        #[test]
        fn runs_and_gaps_are_the_text(text in any::<String>()) {
            let mut put_together = String::new();
            for run in runs(&text) {
                put_together.push_str(run.gap);
                prop_assert_eq!(run.at, put_together.len());
                put_together.push_str(run.text);
            }
            let rest = text.strip_prefix(&put_together).expect("the runs are its beginning");
            prop_assert!(rest.chars().all(|c| kind(c).is_none()));
        }

        #[test]
        fn a_card_number_among_words_is_noticed(before in "[a-z ,.]{0,20}[ :;]", after in "[ ,;][a-z ,]{0,20}") {
            for card in ["4111 1111 1111 1111", "5105105105105100", "3782-822463-10005"] {
                let text = format!("{before}{card}{after}");
                prop_assert!(check(&text).is_err(), "{}", text);
            }
        }
    }
}
