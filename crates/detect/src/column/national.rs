//! National identification numbers that prove themselves by check digits or a tell-tale form.
//!
//! One number passes a check by chance (modulo 11: one in eleven); a column of them does not, so the numbers
//! are counted over all samples and the scheme with the most votes speaks for the column.

use crate::shape::digits;

/// A scheme, by the name that users know.
pub(super) struct Scheme {
    pub(super) name: &'static str,
    pub(super) holds: fn(&str) -> bool,
}

/// The schemes that a column is tried against.
pub(super) const SCHEMES: &[Scheme] = &[
    Scheme { name: "a US social security number", holds: us_ssn },
    Scheme { name: "a Brazilian CPF", holds: br_cpf },
    Scheme { name: "a Polish PESEL", holds: pl_pesel },
    Scheme { name: "a Dutch BSN", holds: nl_bsn },
    Scheme { name: "a Spanish DNI or NIE", holds: es_dni },
    Scheme { name: "an Italian codice fiscale", holds: it_codice_fiscale },
    Scheme { name: "a French NIR", holds: fr_nir },
    Scheme { name: "a German tax identification number", holds: de_idnr },
    Scheme { name: "a UK National Insurance number", holds: uk_nino },
];

/// `AAA-GG-SSSS`: no check digit, so the hyphens are asked for. Areas 000, 666 and 900 on, group 00 and
/// serial 0000 are never issued (SSA).
fn us_ssn(text: &str) -> bool {
    let [area, group, serial] = text.split('-').collect::<Vec<_>>()[..] else { return false };
    let form = area.len() == 3 && group.len() == 2 && serial.len() == 4;
    form && [area, group, serial].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
        && !matches!(area, "000" | "666")
        && area < "900"
        && group != "00"
        && serial != "0000"
}

/// Eleven digits, two check digits modulo 11 (Receita Federal).
fn br_cpf(text: &str) -> bool {
    let Some(digits) = only_digits::<11>(text, b".-") else { return false };
    let [first @ .., a, b] = &digits;
    let check = |sum: u32| u8::try_from(sum * 10 % 11 % 10).ok();
    let varied = digits.windows(2).any(|pair| pair.first() != pair.last());
    varied
        && check(weighted(first, (2..=10).rev())) == Some(*a)
        && check(weighted(digits.iter().take(10), (2..=11).rev())) == Some(*b)
}

/// Eleven digits: birth date with the century in the month, and a check digit.
fn pl_pesel(text: &str) -> bool {
    let Some(digits) = only_digits::<11>(text, b"") else { return false };
    let [_, _, m, n, d, e, ..] = digits;
    let (month, day) = ((m * 10 + n) % 20, d * 10 + e);
    (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && weighted(&digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Nine digits, the elfproef: the last one weighs minus one.
fn nl_bsn(text: &str) -> bool {
    let Some(digits) = only_digits::<9>(text, b". ") else { return false };
    // -1 is 10 modulo 11.
    weighted(&digits, [9, 8, 7, 6, 5, 4, 3, 2, 10]).is_multiple_of(11)
        && digits.iter().any(|&digit| digit > 0)
}

/// Eight digits (the first of a foreigner's is X, Y or Z) and a letter that is their remainder modulo 23.
fn es_dni(text: &str) -> bool {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let text: String = text.to_ascii_uppercase().chars().filter(|c| !" -.".contains(*c)).collect();
    let text = text.replacen('X', "0", usize::from(text.starts_with('X')));
    let text = text.replacen('Y', "1", usize::from(text.starts_with('Y')));
    let text = text.replacen('Z', "2", usize::from(text.starts_with('Z')));
    let Some((number, letter)) = text.split_at_checked(8) else { return false };
    let Some(number) = only_digits::<8>(number, b"") else { return false };
    let remainder = number.iter().fold(0, |sum, &digit| (sum * 10 + usize::from(digit)) % 23);
    LETTERS.get(remainder).is_some_and(|&expected| letter.as_bytes() == [expected])
}

/// Sixteen characters; those in odd places are valued by a table, and the last is the sum modulo 26 (decree
/// of 23 December 1976).
fn it_codice_fiscale(text: &str) -> bool {
    const ODD: &[u8] = b"BAKPLCQDREVOSFTGUHMINJWZYX";
    let text = text.to_ascii_uppercase();
    let [body @ .., check] = text.as_bytes() else { return false };
    let form = |(place, byte): (usize, &u8)| match place {
        0..=5 | 8 | 11 => byte.is_ascii_uppercase(),
        _ => byte.is_ascii_alphanumeric(),
    };
    if body.len() != 15 || !check.is_ascii_uppercase() || !body.iter().enumerate().all(form) {
        return false;
    }
    let value = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
    let sum: usize = body
        .iter()
        .enumerate()
        .map(|(place, &byte)| match place % 2 {
            0 => ODD.iter().position(|&odd| odd == b'A' + value(byte)).unwrap_or_default(),
            _ => usize::from(value(byte)),
        })
        .sum();
    sum % 26 == usize::from(check - b'A')
}

/// Thirteen digits and a key: 97 minus their remainder modulo 97; Corsica's `2A` and `2B` count as 19 and 18
/// (INSEE).
fn fr_nir(text: &str) -> bool {
    let text = text.to_ascii_uppercase().replace(' ', "").replacen("2A", "19", 1).replacen("2B", "18", 1);
    let Some(digits) = only_digits::<15>(&text, b"") else { return false };
    let value = |digits: &[u8]| digits.iter().fold(0_u64, |sum, &digit| sum * 10 + u64::from(digit));
    let Some((number, key)) = digits.split_at_checked(13) else { return false };
    matches!(digits.first(), Some(1..=4 | 7 | 8)) && 97 - value(number) % 97 == value(key)
}

/// Eleven digits, ISO 7064 MOD 11,10; in the first ten, one digit stands two or three times and no other more
/// than once.
fn de_idnr(text: &str) -> bool {
    let Some(digits) = only_digits::<11>(text, b" ") else { return false };
    let [first @ .., check] = &digits;
    let times = |digit: u8| first.iter().filter(|&&other| other == digit).count();
    let repeated: Vec<usize> = (0..10).map(times).filter(|&times| times > 1).collect();
    let product = first.iter().fold(10, |product, &digit| match (product + u32::from(digit)) % 10 {
        0 => 20 % 11,
        sum => sum * 2 % 11,
    });
    digits.first() != Some(&0) && matches!(repeated[..], [2 | 3]) && (product + u32::from(*check)) % 10 == 1
}

/// Two letters, six digits, a letter from A to D; some letters and pairs are never issued (HMRC).
fn uk_nino(text: &str) -> bool {
    let text: String = text.to_ascii_uppercase().chars().filter(|&c| c != ' ').collect();
    let &[a, b, ref number @ .., suffix] = text.as_bytes() else { return false };
    number.len() == 6
        && number.iter().all(u8::is_ascii_digit)
        && a.is_ascii_uppercase()
        && b.is_ascii_uppercase()
        && !b"DFIQUV".contains(&a)
        && !b"DFIQUVO".contains(&b)
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[a, b])
        && (b'A'..=b'D').contains(&suffix)
}

/// Exactly `N` digits, with nothing between them but `separators`.
fn only_digits<const N: usize>(text: &str, separators: &[u8]) -> Option<[u8; N]> {
    let clean = text.bytes().all(|byte| byte.is_ascii_digit() || separators.contains(&byte));
    if clean { digits(text).try_into().ok() } else { None }
}

fn weighted<'a>(digits: impl IntoIterator<Item = &'a u8>, weights: impl IntoIterator<Item = u32>) -> u32 {
    digits.into_iter().zip(weights).map(|(&digit, weight)| u32::from(digit) * weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scheme that takes the text, if it is exactly one.
    fn scheme(text: &str) -> Option<&'static str> {
        let mut names = SCHEMES.iter().filter(|scheme| (scheme.holds)(text)).map(|scheme| scheme.name);
        names.next().filter(|_| names.next().is_none())
    }

    #[test]
    fn takes_specimens_and_refuses_them_with_one_digit_changed() {
        for (good, bad, name) in [
            ("078-05-1120", "078-00-1120", "a US social security number"),
            ("111.444.777-35", "111.444.777-36", "a Brazilian CPF"),
            ("44051401359", "44051401358", "a Polish PESEL"),
            ("111222333", "111222334", "a Dutch BSN"),
            ("12345678Z", "12345678A", "a Spanish DNI or NIE"),
            ("X1234567L", "X1234567M", "a Spanish DNI or NIE"),
            ("RSSMRA85T10A562S", "RSSMRA85T10A562T", "an Italian codice fiscale"),
            ("2 55 08 14 168 025 38", "2 55 08 14 168 025 39", "a French NIR"),
            ("86095742719", "86095742718", "a German tax identification number"),
            ("QQ123456C", "QQ123456C", "none"),
            ("AB 12 34 56 C", "AB 12 34 56 E", "a UK National Insurance number"),
        ] {
            if name != "none" {
                assert_eq!(scheme(good), Some(name), "{good}");
            }
            assert_eq!(scheme(bad), None, "{bad}");
        }
    }

    #[test]
    fn takes_no_other_text() {
        for text in ["", "é", "Anna", "ééééééééé", "12345678é", "000-00-0000", "000000000", "00000000000"]
        {
            assert_eq!(scheme(text), None, "{text}");
        }
    }
}
