//! Names of people.
//!
//! A name is one line of text in any script and in the person's own order; nothing is assumed about first and
//! last. The normal form is what a search compares. It forgets case, diacritics and the typography of
//! apostrophes and hyphens, so that `goncalves` finds `Gonçalves`; it does not transliterate, so `mueller`
//! does not find `Müller`.

use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{Invalid, Mask, Normal, Value, free_text, line, mask};

pub(super) const EXPECTED: &str = "expected a name of 1 to 200 characters on one line";

pub(super) const MASKS: &[Mask] = &[Mask::Hide, Mask::KeepFirst(3), Mask::Initials, Mask::Full];

const MAX: usize = 200;

/// How many initials are shown: more of them would tell a long name apart from all others.
const MAX_INITIALS: usize = 4;

pub(super) fn parse(input: &str) -> Result<Value, Invalid> {
    let name = line::clean(input, MAX).map_err(|_| EXPECTED)?;
    free_text::check(&name)?;
    Ok(Value::text(name))
}

pub(super) fn normal(name: &str) -> Normal {
    Normal::from(fold(name))
}

/// Case and diacritics folded away: NFKD, lower case, without the marks that hang on European letters and the
/// optional vowel points and invisible joiners of Arabic and Hebrew, then NFC. Marks that make another letter
/// (Indic vowels, Japanese voicing) stay. Letters with a stroke or joined letters, which Unicode does not
/// decompose, are spelled out.
pub(super) fn fold(text: &str) -> Zeroizing<String> {
    if text.is_ascii() {
        let chars = text.chars().map(|c| if c == '`' { '\'' } else { c.to_ascii_lowercase() });
        return line::collect(chars, text.len());
    }
    let chars = text
        .chars()
        .map(|c| if c == '´' { '\'' } else { c }) // NFKD would make it a blank with an accent
        .nfkd()
        .flat_map(char::to_lowercase) // after NFKD, which uncovers capitals
        .nfkd()
        .filter(|c| !is_accent(*c));
    let mut folded = Zeroizing::new(String::with_capacity(text.len()));
    for c in chars {
        match spelled(c) {
            Some(letters) => letters.chars().for_each(|c| line::push(&mut folded, c)),
            None => line::push(&mut folded, c),
        }
    }
    line::collect(folded.nfc(), folded.len())
}

fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}'
        | '\u{0591}'..='\u{05bd}' | '\u{05bf}' | '\u{05c1}' | '\u{05c2}' | '\u{05c4}' | '\u{05c5}' | '\u{05c7}'
        | '\u{064b}'..='\u{0652}' | '\u{0670}' | '\u{200c}'..='\u{200f}')
}

fn spelled(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ħ' => "h",
        'ŧ' => "t",
        'ŋ' => "n",
        'ς' => "σ",
        '’' | '‘' | 'ʼ' | 'ʻ' | '`' | 'ʹ' => "'",
        '‐' | '‒' | '–' | '—' | '−' => "-",
        _ => return None,
    })
}

pub(super) fn view(name: &str, mask: Mask) -> Option<Json> {
    match mask {
        Mask::Initials => initials(name).map(Json::from),
        _ => mask.keep(name).map(Json::from),
    }
}

/// `Luís Gonçalves` as `L. G.`; `None` where that would be most of the name.
fn initials(name: &str) -> Option<String> {
    let words = || name.split(' ').filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let shown: Vec<String> = words().take(MAX_INITIALS).map(|letter| format!("{letter}.")).collect();
    let letters = name.chars().filter(|c| c.is_alphanumeric()).count();
    mask::at_most_half(shown.len(), letters).then(|| shown.join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{
        super::{FieldType, HIDDEN},
        *,
    };

    fn view(name: &str, mask: Mask) -> Json {
        let value = FieldType::Name.parse(&json!(name)).expect("a name");
        FieldType::Name.view(&value, &mask)
    }

    #[test]
    fn a_name_is_one_clean_line() {
        for (typed, kept) in [
            ("  Ana \u{a0} María\tSilva ", "Ana María Silva"),
            ("Gonc\u{0327}alves", "Gonçalves"),
            ("王伟", "王伟"),
            ("O’Neil-Ødegård", "O’Neil-Ødegård"),
        ] {
            let value = FieldType::Name.parse(&json!(typed)).expect(typed);
            assert_eq!(value.to_json(), json!(kept));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "é".repeat(MAX + 1);
        for typed in
            [json!(""), json!(" \n "), json!("A\u{7}na"), json!("A\u{202e}na"), json!(long), json!(7)]
        {
            assert!(FieldType::Name.parse(&typed).is_err(), "{typed}");
        }
        assert!(FieldType::Name.parse(&json!("é".repeat(MAX))).is_ok());
    }

    #[test]
    fn a_search_forgets_case_accents_and_typography() {
        for (typed, sought) in [
            ("Gonçalves", "goncalves"),
            ("KÖHLER", "kohler"),
            ("Bjørn Ødegård", "bjorn odegard"),
            ("Stanisław Wójcik", "stanislaw wojcik"),
            ("Đorđe Ðe Straße Œuvre Æsa Þór", "dorde de strasse oeuvre aesa thor"),
            ("Işık İpek", "isik ipek"),
            ("O’Reilly O´Reilly O`Reilly", "o'reilly o'reilly o'reilly"),
            ("Anne‑Marie", "anne-marie"),
            ("ΝΊΚΟΣ Νίκος", "νικοσ νικοσ"),
            ("Ёлкин Андрей", "елкин андреи"),
            ("Ｊｏｈｎ", "john"),
        ] {
            assert_eq!(*fold(typed), sought);
        }
    }

    #[test]
    fn marks_that_make_another_letter_stay() {
        for (one, other) in [("राम", "रमा"), ("ガク", "カク"), ("가", "나"), ("Mueller", "Müller")]
        {
            assert_ne!(fold(one), fold(other));
        }
    }

    #[test]
    fn masks() {
        assert_eq!(view("Luís Gonçalves", Mask::Initials), json!("L. G."));
        assert_eq!(view("Johannes Van der Berg y Muñoz", Mask::Initials), json!("J. V. d. B."));
        assert_eq!(view("O’Neil", Mask::KeepFirst(2)), json!("O’•••"));
        assert_eq!(view("Li", Mask::KeepFirst(2)), json!(HIDDEN));
        assert_eq!(view("X", Mask::Initials), json!(HIDDEN));
        assert_eq!(view("王 伟", Mask::Initials), json!(HIDDEN));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn folding_does_not_ask_how_a_text_was_composed(text in "[A-Za-zÀ-žΆ-ώА-я ]{0,20}") {
            let apart: String = text.nfd().collect();
            prop_assert_eq!(fold(&text), fold(&apart));
        }
    }
}
