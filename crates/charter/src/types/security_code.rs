//! The security code of a payment card: the three or four digits by which somebody proves to hold it.
//!
//! It may not be stored once a payment is authorised, not even encrypted (PCI DSS 4.0.1, requirement 3.3.1). So no field of
//! a charter may be one, and no free text may hold one. Here is how one is told: by what it is called, in the languages of
//! our customers, and in a text by three or four digits right behind that.

use super::free_text::{Kind, Run, runs};
use super::name;

/// What it is called, folded, as the words in their order. Words that other words end with begin with `*`.
const NAMES: &[&[&str]] = &[
    &["cvv"],
    &["cvc"],
    &["cid"],
    &["csc"],
    &["card", "verification"],
    &["security", "code"],
    &["*sicherheitscode"],
    &["*prufnummer"],
    &["*pruefnummer"],
    &["*kartenprufziffer"],
    &["*kartenpruefziffer"],
    &["cryptogramme"],
    &["code", "de", "securite"],
    &["codigo", "de", "seguridad"],
    &["codigo", "de", "seguranca"],
    &["codice", "di", "sicurezza"],
    &["cod", "de", "securitate"],
    &["*beveiligingscode"],
    &["sakerhetskod"],
    &["sikkerhedskode"],
    &["sikkerhetskode"],
    &["turvakoodi"],
    &["kod", "bezpieczenstwa"],
    &["bezpecnostni", "kod"],
    &["biztonsagi", "kod"],
    &["guvenlik", "kodu"],
    &["код", "безопасности"],
    &["κωδικοσ", "ασφαλειασ"],
];

/// Those whose second generation is called so too, `cvv2`; of the last only the second is a word that means it.
const SECOND: &[&str] = &["cvv", "cvc", "cav"];

/// What people write between its name and its digits.
const BETWEEN: &[&str] = &[
    "code", "codigo", "codice", "kod", "kodu", "value", "number", "numero", "nummer", "nr", "no", "is",
    "ist", "lautet", "est", "es", "e", "er", "jest",
];

/// How many runs after the first word of its name its digits are at most: the words of a name, and two between.
const REACH: usize = 5;

/// Most characters between two of these words, or between them and the digits.
const GAP: usize = 4;

/// Whether the name or title of a field says that it is one.
pub(crate) fn is_named(text: &str) -> bool {
    let folded = name::fold(text);
    let runs = runs(&folded);
    (0..runs.len()).any(|at| after_name(&runs, at).is_some())
}

/// Whether a text has one: its name, and behind it three or four digits that are not part of a longer number.
pub(super) fn is_in(runs: &[Run<'_>]) -> bool {
    let hopeful =
        |at: &usize| runs.iter().skip(at + 1).take(REACH).any(|run| matches!(run.digits(), Some(3 | 4)));
    (0..runs.len()).filter(hopeful).filter_map(|at| after_name(runs, at)).any(|next| {
        let words = runs.get(next..).unwrap_or_default();
        let between = words.iter().take(2).take_while(|run| near(run) && BETWEEN.contains(&run.text)).count();
        is_code(runs, next) || (1..=between).any(|more| is_code(runs, next + more))
    })
}

/// Where what follows its name begins, if the name begins with this run.
fn after_name(runs: &[Run<'_>], at: usize) -> Option<usize> {
    let first = runs.get(at)?;
    let second = |run: &Run<'_>| run.text == "2" && run.gap.is_empty();
    let numbered = SECOND.contains(&first.text) && runs.get(at + 1).is_some_and(second);
    if numbered {
        return Some(at + 2);
    }
    NAMES.iter().find_map(|name| {
        let mut end = at;
        for word in *name {
            let run = runs.get(end).filter(|run| run.is(Kind::Letters) && (end == at || near(run)))?;
            let said = match word.strip_prefix('*') {
                Some(ending) => run.text.ends_with(ending),
                None => run.text == *word,
            };
            end = said.then_some(end + 1)?;
        }
        Some(end)
    })
}

/// Whether this run is three or four digits, near what stands before and no part of a longer number.
fn is_code(runs: &[Run<'_>], at: usize) -> bool {
    let short = runs.get(at).is_some_and(|run| near(run) && matches!(run.digits(), Some(3 | 4)));
    let goes_on = runs.get(at + 1).is_some_and(|next| match (next.gap, next.digits()) {
        ("", _) => true,
        ("-" | "." | "/" | "," | ":" | "'", Some(_)) => true,
        (" ", Some(more)) => more >= 3,
        _ => false,
    });
    short && !goes_on
}

/// What a comma parts does not belong together.
fn near(run: &Run<'_>) -> bool {
    run.gap.chars().count() <= GAP && !run.gap.contains([',', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_one() {
        for text in [
            "cvv",
            "cvv2",
            "card_cvc",
            "CVC2",
            "cid",
            "csc",
            "cav2",
            "security_code",
            "card_verification",
            "Kartenprüfnummer",
            "Prüfnummer der Karte",
            "Sicherheitscode",
            "Cryptogramme visuel",
            "Código de seguridad",
            "Code de sécurité",
            "Kod bezpieczeństwa",
            "ΚΩΔΙΚΌΣ ΑΣΦΑΛΕΊΑΣ",
        ] {
            assert!(is_named(text), "{text}");
        }
    }

    #[test]
    fn fields_that_are_none() {
        for text in [
            "card_number",
            "security",
            "code",
            "postal_code",
            "Security number",
            "lucid",
            "cav",
            "cvv_",
            "verification",
            "Prüfung",
            "incident_id",
            "social security code",
        ] {
            let named = is_named(text);
            assert_eq!(named, matches!(text, "cvv_" | "social security code"), "{text}");
        }
    }

    #[test]
    fn names_are_written_as_they_are_compared() {
        for word in NAMES.iter().copied().flatten().chain(BETWEEN).chain(SECOND) {
            let bare = word.trim_start_matches('*');
            assert_eq!(*name::fold(bare), bare);
        }
        assert!(NAMES.iter().all(|name| name.len() + 2 <= REACH));
    }
}
