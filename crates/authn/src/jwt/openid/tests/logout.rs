use super::*;
use crate::jwt::{Once, openid::logout};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "a", "typ": "logout+jwt" })
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT.id, "iat": NOW, "exp": NOW + 120, "jti": "1", "sub": "248289761001", "sid": "s",
        "events": { EVENT: {} },
    })
}

fn judged(text: &str, now: u64) -> Result<Once<logout::Logout>> {
    logout::verify(&provider(), &keys(), &CLIENT, text, Clock::at(now))
}

fn signed(claims: &Value) -> String {
    testing::p256(7).sign(&header(), claims)
}

fn of(claims: &Value) -> Result<()> {
    judged(&signed(claims), NOW).map(|_| ())
}

#[test]
fn somebody_has_logged_out() {
    let logout = judged(&signed(&claims()), NOW).unwrap().redeem(true).unwrap();
    assert_eq!((logout.subject.as_deref(), logout.session.as_deref()), (Some("248289761001"), Some("s")));
    assert!(!format!("{logout:?}").contains("2482"));
    assert_eq!(of(&without(claims(), "sub")), Ok(()));
    assert_eq!(of(&without(claims(), "sid")), Ok(()));
    assert_eq!(of(&without(without(claims(), "sub"), "sid")), Err(Error::Missing("sub")));
}

#[test]
fn an_id_token_is_no_logout_token() {
    assert_eq!(of(&without(claims(), "events")), Err(Error::Missing("events")));
    assert_eq!(of(&with(claims(), "events", json!({}))), Err(Error::Mismatch("events")));
    assert_eq!(
        of(&with(claims(), "events", json!({ "https://evil.example": {} }))),
        Err(Error::Mismatch("events"))
    );
    assert_eq!(of(&with(claims(), "events", json!([EVENT]))), Err(Error::Type("events")));
    assert_eq!(of(&with(claims(), "events", json!({ EVENT: true }))), Err(Error::Type(EVENT)));
    for nonce in [json!("n"), json!(null)] {
        assert_eq!(of(&with(claims(), "nonce", nonce)), Err(Error::Unwanted("nonce")));
    }
    let id_token = testing::p256(7).sign(&super::header(), &super::claims());
    assert!(judged(&id_token, NOW).is_err());
}

#[test]
fn a_logout_token_is_no_id_token() {
    let typed = with(claims(), "nonce", super::claims()["nonce"].clone());
    let flow = flow(Asked::default());
    let who = flow.identity(&provider(), &keys(), &CLIENT, &answer(&signed(&typed)), Clock::at(NOW));
    assert_eq!(who.unwrap_err(), Error::Mismatch("typ"));
    let untyped = testing::p256(7).sign(&super::header(), &claims());
    let who = flow.identity(&provider(), &keys(), &CLIENT, &answer(&untyped), Clock::at(NOW));
    assert_eq!(who.unwrap_err(), Error::Missing("nonce"));
}

#[test]
fn it_is_the_providers_and_for_us() {
    assert_eq!(of(&with(claims(), "iss", "https://evil.example")), Err(Error::Mismatch("iss")));
    assert_eq!(of(&with(claims(), "aud", "shop")), Err(Error::Mismatch("aud")));
    let other = testing::p256(8).sign(&header(), &claims());
    assert_eq!(judged(&other, NOW).map(|_| ()), Err(Error::Signature));
    let typed = testing::p256(7).sign(&with(header(), "typ", "at+jwt"), &claims());
    assert_eq!(judged(&typed, NOW).map(|_| ()), Err(Error::Mismatch("typ")));
}

#[test]
fn it_is_of_now() {
    for name in ["iat", "exp", "jti"] {
        assert_eq!(of(&without(claims(), name)), Err(Error::Missing(name)));
    }
    assert_eq!(of(&with(claims(), "exp", NOW - 30)), Err(Error::Expired("exp")));
    assert_eq!(of(&with(claims(), "iat", NOW + 31)), Err(Error::NotYet("iat")));
    assert_eq!(of(&with(claims(), "iat", NOW - 331)), Err(Error::Expired("iat")));
}

#[test]
fn what_is_spent_is_kept_for_as_long_as_it_would_be_accepted_and_no_year() {
    for end in [NOW + 120, NOW + 1_000_000] {
        let text = signed(&with(claims(), "exp", end));
        let until = judged(&text, NOW).unwrap().spend().until();
        assert!(until <= NOW + 331, "{until}");
        assert!(judged(&text, until - 1).is_ok() && judged(&text, until).is_err());
    }
    let digest = |claims: &Value| *judged(&signed(claims), NOW).unwrap().spend().digest();
    assert_eq!(digest(&claims()), digest(&with(claims(), "sid", "t")));
    assert_ne!(digest(&claims()), digest(&with(claims(), "jti", "2")));
}
