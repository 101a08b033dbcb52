use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::jwt::testing::{self, Key, kinds, mutated, registered, with, without};

const NOW: u64 = 1_800_000_000;
const CLIENT: &str = "billing";
const AUDIENCES: [&str; 2] = ["https://avouch.example", "https://avouch.example/oauth/token"];

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "a", "typ": "JWT" })
}

fn claims() -> Value {
    json!({
        "iss": CLIENT, "sub": CLIENT, "aud": AUDIENCES[0], "jti": "1", "iat": NOW, "nbf": NOW, "exp": NOW + 60,
    })
}

fn keys() -> KeySet {
    registered(&[testing::p256(7).named("a"), testing::p256(8).named("b")]).unwrap()
}

fn judged(text: &str) -> Result<Once<Assertion>> {
    verify(&keys(), text, CLIENT, &AUDIENCES, Clock::at(NOW))
}

/// What is said of these claims, signed as they should be.
fn of(claims: &Value) -> Result<()> {
    judged(&testing::p256(7).sign(&header(), claims)).map(|_| ())
}

fn of_header(key: &Key, header: &Value) -> Result<()> {
    judged(&key.sign(header, &claims())).map(|_| ())
}

#[test]
fn a_service_proves_who_it_is() {
    let once = judged(&testing::p256(7).sign(&header(), &claims())).unwrap();
    assert_eq!(once.spend().until(), NOW + 60 + 30);
    assert_eq!(once.redeem(true), Ok(Assertion { jti: "1".to_owned(), expires: NOW + 60 }));
    assert_eq!(of(&with(claims(), "aud", AUDIENCES[1])), Ok(()));
    assert_eq!(of(&with(claims(), "aud", json!([AUDIENCES[1]]))), Ok(()));
    assert_eq!(of(&without(without(claims(), "iat"), "nbf")), Ok(()));
}

#[test]
fn every_kind_of_key_will_do() {
    for (key, algorithm) in kinds() {
        let keys = registered(&[key.jwk()]).unwrap();
        let signed = key.sign(&json!({ "alg": algorithm }), &claims());
        assert!(verify(&keys, &signed, CLIENT, &AUDIENCES, Clock::at(NOW)).is_ok(), "{algorithm}");
    }
}

#[test]
fn it_is_good_once_for_one_client() {
    let spend = |client: &str, claims: &Value| {
        let claims = with(with(claims.clone(), "iss", client), "sub", client);
        let text = testing::p256(7).sign(&header(), &claims);
        verify(&keys(), &text, client, &AUDIENCES, Clock::at(NOW)).unwrap().spend()
    };
    let first = spend(CLIENT, &claims());
    // Signed once more, with another end: what is spent is the name.
    assert_eq!(first.digest(), spend(CLIENT, &with(claims(), "exp", NOW + 61)).digest());
    assert_ne!(first.digest(), spend(CLIENT, &with(claims(), "jti", "2")).digest());
    assert_ne!(first.digest(), spend("shop", &claims()).digest());
    let once = judged(&testing::p256(7).sign(&header(), &claims())).unwrap();
    assert_eq!(once.redeem(false).unwrap_err(), Error::Replayed);
}

#[test]
fn what_is_spent_is_kept_for_as_long_as_it_would_be_accepted() {
    let text = testing::p256(7).sign(&header(), &claims());
    let until = judged(&text).unwrap().spend().until();
    let at = |now| verify(&keys(), &text, CLIENT, &AUDIENCES, Clock::at(now)).map(|_| ());
    assert_eq!(at(until - 1), Ok(()));
    assert_eq!(at(until), Err(Error::Expired("exp")));
}

#[test]
fn issuer_and_subject_are_the_client() {
    for who in ["iss", "sub"] {
        assert_eq!(of(&with(claims(), who, "shop")), Err(Error::Mismatch(who)));
        assert_eq!(of(&with(claims(), who, "Billing")), Err(Error::Mismatch(who)));
        assert_eq!(of(&without(claims(), who)), Err(Error::Missing(who)));
        assert_eq!(of(&with(claims(), who, 7)), Err(Error::Type(who)));
    }
}

#[test]
fn the_audience_is_us_and_nobody_else() {
    for other in [
        json!("https://evil.example"),
        json!("https://avouch.example/"),
        json!("HTTPS://avouch.example"),
        json!([AUDIENCES[0], "https://evil.example"]),
        json!([AUDIENCES[0], AUDIENCES[1]]),
    ] {
        assert_eq!(of(&with(claims(), "aud", other.clone())), Err(Error::Mismatch("aud")), "{other}");
    }
    assert_eq!(of(&without(claims(), "aud")), Err(Error::Missing("aud")));
    assert_eq!(of(&with(claims(), "aud", json!([]))), Err(Error::Type("aud")));
}

#[test]
fn it_ends_and_soon() {
    assert_eq!(of(&without(claims(), "exp")), Err(Error::Missing("exp")));
    assert_eq!(of(&with(claims(), "exp", (NOW + 60).to_string())), Err(Error::Type("exp")));
    assert_eq!(of(&with(claims(), "exp", NOW + 330)), Ok(()));
    assert_eq!(of(&with(claims(), "exp", NOW + 331)), Err(Error::TooLong));
    assert_eq!(of(&with(claims(), "exp", 253_402_300_799_u64)), Err(Error::TooLong));
    let over = without(without(claims(), "iat"), "nbf");
    assert_eq!(of(&with(over.clone(), "exp", NOW - 29)), Ok(()));
    assert_eq!(of(&with(over, "exp", NOW - 30)), Err(Error::Expired("exp")));
}

#[test]
fn it_has_begun() {
    for name in ["nbf", "iat"] {
        assert_eq!(of(&with(claims(), name, NOW + 30)), Ok(()));
        assert_eq!(of(&with(claims(), name, NOW + 31)), Err(Error::NotYet(name)));
        assert_eq!(
            of(&with(with(claims(), name, NOW + 1), "exp", NOW)),
            Err(Error::Mismatch(name)),
            "after its end"
        );
        assert_eq!(of(&with(claims(), name, "now")), Err(Error::Type(name)));
    }
}

#[test]
fn it_has_a_name_of_some_length() {
    assert_eq!(of(&without(claims(), "jti")), Err(Error::Missing("jti")));
    assert_eq!(of(&with(claims(), "jti", "")), Err(Error::Type("jti")));
    assert_eq!(of(&with(claims(), "jti", "j".repeat(MOST_JTI))), Ok(()));
    assert_eq!(of(&with(claims(), "jti", "j".repeat(MOST_JTI + 1))), Err(Error::Type("jti")));
}

#[test]
fn no_key_is_guessed_where_there_are_several() {
    assert_eq!(of_header(&testing::p256(7), &without(header(), "kid")), Err(Error::AmbiguousKey));
}

#[test]
fn the_key_that_is_named_has_to_have_signed() {
    assert_eq!(of_header(&testing::p256(7), &with(header(), "kid", "b")), Err(Error::Signature));
    assert_eq!(of_header(&testing::p256(7), &with(header(), "kid", "c")), Err(Error::UnknownKey));
    assert_eq!(
        of_header(&testing::p256(9), &with(header(), "jwk", testing::p256(9).jwk())),
        Err(Error::Signature)
    );
}

#[test]
fn another_kind_of_statement_is_no_assertion() {
    for typ in ["dpop+jwt", "logout+jwt", "at+jwt"] {
        assert_eq!(of_header(&testing::p256(7), &with(header(), "typ", typ)), Err(Error::Mismatch("typ")));
    }
    assert_eq!(of_header(&testing::p256(7), &without(header(), "typ")), Ok(()));
    assert_eq!(of_header(&testing::p256(7), &with(header(), "typ", "client-authentication+jwt")), Ok(()));
}

#[test]
fn it_is_not_too_long() {
    assert_eq!(of(&with(claims(), "x", "a".repeat(MOST_ASSERTION))), Err(Error::TooLarge("a token")));
}

#[test]
fn whose_it_says_it_is() {
    let text = testing::p256(9).sign(&header(), &claims());
    assert_eq!(claimed_client(&text), Ok(CLIENT.to_owned()));
    assert_eq!(judged(&text).map(|_| ()), Err(Error::Signature));
    assert_eq!(claimed_client("x"), Err(Error::Malformed("token")));
}

proptest! {
    #[test]
    fn no_byte_changes_unseen(at: usize, by in 0..128_u8) {
        let signed = testing::p256(7).sign(&header(), &claims());
        let changed = mutated(&signed, at, by);
        prop_assert_eq!(judged(&changed).is_ok(), changed == signed);
    }
}
