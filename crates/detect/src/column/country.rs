//! Countries, their parts and languages, as far as columns are recognised by them.

use super::header::fold;

/// A country: ISO 3166-1 alpha-2 or alpha-3 in capitals, or a usual name.
pub(super) fn is_country(text: &str) -> bool {
    let text = text.trim();
    let listed = |list: &str, size: usize| {
        text.len() == size && list.split_ascii_whitespace().any(|code| code == text)
    };
    if listed(ALPHA_2, 2) || listed(ALPHA_3, 3) {
        return true;
    }
    let name = fold(text).replace('.', "");
    NAMES.split([',', '\n']).any(|known| known.trim() == name)
}

/// A two-letter part of a country that writes them in addresses: USA, Canada, Brazil, Australia.
pub(super) fn is_region(text: &str) -> bool {
    let text = text.trim();
    REGIONS.split_ascii_whitespace().any(|code| code == text)
}

/// A language: ISO 639-1 in lower case, or a tag such as `pt-BR`.
pub(super) fn is_language(text: &str) -> bool {
    let mut parts = text.trim().split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    let rest = parts
        .all(|part| matches!(part.len(), 2..=4) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    rest && language.len() == 2 && LANGUAGES.split_ascii_whitespace().any(|code| code == language)
}

const ALPHA_2: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
    UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW UK EL XK";

const ALPHA_3: &str = "\
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR \
    BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL \
    COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK \
    FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV \
    HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO \
    LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG \
    MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN \
    PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE \
    SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO \
    TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE";

/// Folded, in English and in the languages of the headers.
const NAMES: &str = "\
    afghanistan,albania,algeria,andorra,angola,argentina,armenia,australia,austria,azerbaijan,bahamas
    bahrain,bangladesh,barbados,belarus,belgium,belize,benin,bhutan,bolivia,bosnia and herzegovina
    botswana,brazil,brunei,bulgaria,burkina faso,burundi,cambodia,cameroon,canada,cape verde,chad,chile
    china,colombia,congo,costa rica,croatia,cuba,cyprus,czech republic,czechia,denmark,djibouti,dominica
    dominican republic,ecuador,egypt,el salvador,england,eritrea,estonia,eswatini,ethiopia,fiji,finland
    france,gabon,gambia,georgia,germany,ghana,great britain,greece,greenland,grenada,guatemala,guinea
    guyana,haiti,honduras,hong kong,hungary,iceland,india,indonesia,iran,iraq,ireland,israel,italy
    ivory coast,jamaica,japan,jordan,kazakhstan,kenya,kosovo,kuwait,kyrgyzstan,laos,latvia,lebanon
    lesotho,liberia,libya,liechtenstein,lithuania,luxembourg,macau,madagascar,malawi,malaysia,maldives
    mali,malta,mauritania,mauritius,mexico,moldova,monaco,mongolia,montenegro,morocco,mozambique,myanmar
    namibia,nepal,netherlands,the netherlands,holland,new zealand,nicaragua,niger,nigeria
    north macedonia,northern ireland,norway,oman,pakistan,palestine,panama,papua new guinea,paraguay
    peru,philippines,poland,portugal,puerto rico,qatar,romania,russia,russian federation,rwanda,samoa
    san marino,saudi arabia,scotland,senegal,serbia,seychelles,sierra leone,singapore,slovakia,slovenia
    somalia,south africa,south korea,korea,north korea,south sudan,spain,sri lanka,sudan,suriname,sweden
    switzerland,syria,taiwan,tajikistan,tanzania,thailand,togo,tonga,trinidad and tobago,tunisia,turkey
    turkiye,turkmenistan,uganda,ukraine,united arab emirates,united kingdom,united states
    united states of america,uruguay,usa,uk,uzbekistan,vatican,venezuela,vietnam,viet nam,wales,yemen
    zambia,zimbabwe,deutschland,osterreich,oesterreich,schweiz,frankreich,italien,spanien,niederlande
    belgien,polen,tschechien,danemark,schweden,norwegen,finnland,ungarn,griechenland,turkei,irland
    grossbritannien,vereinigtes konigreich,kroatien,rumanien,slowakei,slowenien,vereinigte staaten
    russland,luxemburg,brasilien,kanada,indien,australien,allemagne,autriche,suisse,espagne,italie
    belgique,pays-bas,pologne,republique tcheque,suede,norvege,finlande,royaume-uni,irlande,etats-unis
    bresil,inde,hongrie,grece,roumanie,turquie,maroc,algerie,tunisie,alemania,francia,espana,italia
    paises bajos,belgica,suiza,polonia,suecia,noruega,finlandia,reino unido,irlanda,estados unidos
    brasil,hungria,grecia,rumania,marruecos,alemanha,franca,espanha,paises baixos,suica
    estados unidos da america,romenia,marrocos,germania,spagna,paesi bassi,belgio,svizzera,svezia
    norvegia,regno unito,stati uniti,brasile,ungheria,duitsland,frankrijk,spanje,nederland,belgie
    zwitserland,oostenrijk,verenigd koninkrijk,ierland,verenigde staten,brazilie,zweden,noorwegen
    denemarken,niemcy,francja,hiszpania,wlochy,holandia,niderlandy,belgia,szwajcaria,polska,czechy
    szwecja,norwegia,wielka brytania,stany zjednoczone,wegry,ukraina,slowacja,litwa,danmark,sverige
    norge,suomi,ceska republika,cesko,slovensko,magyarorszag,hrvatska,slovenija,eesti,latvija,lietuva
    chili";

const REGIONS: &str = "\
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC \
    ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR AB BC MB NB NL NS NT NU ON PE QC SK YT AC \
    AP AM BA CE DF ES GO MS MG PB PR PI RJ RN RS RO RR SP SE TO NSW VIC QLD TAS ACT";

const LANGUAGES: &str = "\
    aa ab af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id \
    is it ja ka kk km kn ko ku ky lb lo lt lv mk ml mn mr ms mt my nb ne nl nn no or pa pl ps pt ro ru \
    si sk sl so sq sr sv sw ta te th tr uk ur uz vi zh zu";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_whole() {
        // ISO 3166-1 has 249 entries; `UK`, `EL` and `XK` are in use besides.
        assert_eq!(ALPHA_2.split_ascii_whitespace().count(), 249 + 3);
        assert_eq!(ALPHA_3.split_ascii_whitespace().count(), 249);
    }

    #[test]
    fn knows_codes_and_names() {
        for text in ["DE", "BRA", "Brazil", "Österreich", "U.S.A.", "España", "Węgry", "Ceská republika"]
        {
            assert!(is_country(text), "{text}");
        }
        for text in ["de", "ZZ", "Köln", "", "MD1"] {
            assert!(!is_country(text), "{text}");
        }
        assert!(is_region("QC") && !is_region("qc") && !is_region("XX"));
        assert!(
            is_language("de")
                && is_language("pt-BR")
                && is_language("zh_Hant")
                && !is_language("DE")
                && !is_language("xx")
        );
    }
}
