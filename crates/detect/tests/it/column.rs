//! Columns as shops have them.

use avouch_detect::column::{Kind, classify};

fn best(header: &str, samples: &[&str]) -> (Kind, u8) {
    let best = classify(header, samples).into_iter().next().expect("a guess");
    (best.kind, best.confidence)
}

#[test]
fn header_and_values_agree() {
    for (header, samples, kind) in [
        ("E-Mail", &["anna@example.com", "bob@example.org"][..], Kind::Email),
        ("Fax", &["+55 (12) 3923-5566", "", "+49 0711 2842222"], Kind::Phone),
        ("Nachname", &["Köhler", "Groß", "von der Heide"], Kind::FamilyName),
        ("Prénom", &["François", "Zoé"], Kind::GivenName),
        ("CEP", &["12227-000", "01007-010"], Kind::PostalCode),
        ("PLZ", &["10115", "80331"], Kind::PostalCode),
        ("Indirizzo", &["Via Degli Scipioni, 43", "Viale Europa 1"], Kind::Street),
        ("Bundesland", &["Bayern", "Hessen"], Kind::Region),
        ("State", &["SP", "QC", "CA", "TX", "NY"], Kind::Region),
        ("Kraj", &["Polska", "Niemcy"], Kind::Country),
        ("Geburtsdatum", &["31.12.1980", "01.02.1975"], Kind::BirthDate),
        ("HireDate", &["2002-08-14T00:00:00", "2003-05-03T00:00:00"], Kind::Date),
        ("PESEL", &["44051401359", "02070803628"], Kind::NationalId),
        ("Kartennummer", &["4111 1111 1111 1111", "5555555555554444"], Kind::Card),
        ("CustomerId", &["1", "2", "3", "4", "5"], Kind::Identifier),
        ("SupportRepId", &["3", "5", "3", "3"], Kind::Identifier),
        ("Geslacht", &["man", "vrouw", "man"], Kind::Choice),
        ("Umsatz", &["1.234,56", "0,99"], Kind::Number),
        ("Uwagi", &["dzwonić po południu", "stały klient"], Kind::FreeText),
        ("Idioma", &["es", "pt-BR"], Kind::Language),
        ("Razón social", &["Telefónica S.A.", "Inditex"], Kind::Company),
    ] {
        let (found, confidence) = best(header, samples);
        assert_eq!(found, kind, "{header}: {:#?}", classify(header, samples));
        assert!(confidence >= 75, "{header}: {confidence}");
    }
}

#[test]
fn values_speak_where_the_header_is_silent() {
    for (samples, kind) in [
        (
            &["anna@example.com", "bob@example.org", "n/a", "carl@example.net", "d@example.org"][..],
            Kind::Email,
        ),
        (&["+49 711 2842222", "+1 (514) 721-4711", "+47 22 44 22 22"], Kind::Phone),
        (&["4111 1111 1111 1111", "5555555555554444", "378282246310005"], Kind::Card),
        (&["111.444.777-35", "111.444.777-35", "529.982.247-25"], Kind::NationalId),
        (&["Germany", "Brazil", "France"], Kind::Country),
        (&["Theodor-Heuss-Straße 34", "1498 rue Bélanger", "Rua Augusta, 12"], Kind::Street),
        (&["2021-01-01", "2021-01-02", "2021-02-11"], Kind::Date),
        (&["7f8d3b9e-5b1c-4c7a-9f0e-0a1b2c3d4e5f"], Kind::Identifier),
        (&["JetBrains s.r.o.", "Google Inc.", "Banco do Brasil S.A."], Kind::Company),
        (&["1,98", "3,96", "-5,94"], Kind::Number),
        (&["hello there"], Kind::FreeText),
        (&["", " ", "NULL", "n/a"], Kind::Empty),
    ] {
        assert_eq!(best("xyzzy", samples).0, kind, "{samples:?}: {:#?}", classify("xyzzy", samples));
    }
}

#[test]
fn values_outweigh_a_wrong_header() {
    assert_eq!(best("Username", &["anna@example.com", "bob@example.org"]).0, Kind::Email);
    assert_eq!(best("Name", &["1", "2", "3"]).0, Kind::Number);
    assert_ne!(best("Phone", &["call me", "later"]).0, Kind::Phone);
    assert_ne!(best("Card", &["Visa", "Amex"]).0, Kind::Card);
}

#[test]
fn a_column_that_is_empty_so_far_keeps_the_header_s_word() {
    assert_eq!(best("Fax", &["", ""]), (Kind::Phone, 60));
    assert_eq!(best("Fax", &[]), (Kind::Phone, 60));
}

#[test]
fn name_may_be_the_family_name() {
    assert_eq!(best("Name", &["Anna Köhler", "Bob Groß"]).0, Kind::FullName);
    assert_eq!(best("Name", &["Köhler", "Groß"]), (Kind::FamilyName, 60));
    assert_eq!(best("Company Name", &["Embraer", "Groß"]).0, Kind::Company);
}

#[test]
fn reasons_are_plain() {
    let because = |header: &str, samples: &[&str]| classify(header, samples)[0].because.clone();
    insta::assert_snapshot!(because("E-Mail", &["anna@example.com"]), @"the header says `email`; 100 % of the values are shaped like e-mail addresses");
    insta::assert_snapshot!(because("x", &["111.444.777-35", "529.982.247-25", "111.444.777-35"]), @"100 % of the values have the form of a Brazilian CPF");
    insta::assert_snapshot!(because("Fax", &[]), @"the header says `fax`; there is no value among the samples");
}
