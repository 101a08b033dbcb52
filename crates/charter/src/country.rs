//! Country codes, so that a mistyped one is found when the charter is read and not on the day it matters.
//!
//! Only the codes: a country's name, its calling code and its law are somebody else's.

/// Officially assigned ISO 3166-1 alpha-2 codes (249, as of 2026), and `XK` for Kosovo, which is user-assigned but in
/// general use.
const CODES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO \
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE \
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO \
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW \
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM \
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// Whether this is a country's two-letter code, in capitals.
pub(crate) fn is_country(code: &str) -> bool {
    code.len() == 2 && CODES.split(' ').any(|known| known == code)
}

/// What is wrong with a country code and what to write.
pub(crate) fn help(code: &str) -> String {
    let upper = code.to_uppercase();
    match upper.as_str() {
        "UK" => "the code of the United Kingdom is `GB`".to_owned(),
        "EL" => "the code of Greece is `GR`".to_owned(),
        _ if is_country(&upper) => format!("write it in capitals: `{upper}`"),
        _ => "write the two letters of ISO 3166, such as `DE` or `BR`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_sorted() {
        let codes: Vec<_> = CODES.split(' ').collect();
        assert_eq!(codes.len(), 250);
        assert!(codes.is_sorted());
        assert!(codes.iter().all(|code| is_country(code)));
    }

    #[test]
    fn knows_the_usual_mistakes() {
        assert!(!is_country("de") && !is_country("UK") && !is_country("D") && !is_country("A "));
        assert_eq!(help("de"), "write it in capitals: `DE`");
        assert!(help("uk").contains("`GB`"));
    }
}
