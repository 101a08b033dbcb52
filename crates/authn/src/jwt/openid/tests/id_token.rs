use proptest::prelude::*;

use super::*;
use crate::jwt::testing::{kinds, mutated};

fn judged(asked: &Asked, text: &str) -> Result<Identity> {
    flow(asked.clone()).identity(&provider(), &keys(), &CLIENT, &answer(text), Clock::at(NOW))
}

fn who(asked: &Asked, claims: &Value) -> Result<Identity> {
    judged(asked, &testing::p256(7).sign(&header(), claims))
}

fn of(claims: &Value) -> Result<()> {
    who(&Asked::default(), claims).map(|_| ())
}

fn of_header(header: &Value) -> Result<()> {
    judged(&Asked::default(), &testing::p256(7).sign(header, &claims())).map(|_| ())
}

fn asked_for(acr: &[&str]) -> Asked {
    Asked { acr: acr.iter().map(|acr| (*acr).to_owned()).collect(), ..Asked::default() }
}

#[test]
fn somebody_has_logged_in() {
    let more = json!({ "acr": "phr", "amr": ["hwk", "user"], "auth_time": NOW - 5, "sid": "s", "email": "ada@example.org",
        "email_verified": true, "name": "Ada", "groups": [{ "deep": [1, 2] }] });
    let mut claims = claims();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let identity = who(&Asked::default(), &claims).unwrap();
    let expected = Identity {
        issuer: ISSUER.to_owned(),
        subject: "248289761001".to_owned(),
        acr: Some("phr".to_owned()),
        amr: vec!["hwk".to_owned(), "user".to_owned()],
        auth_time: Some(NOW - 5),
        sid: Some("s".to_owned()),
        email: Some(Email { address: "ada@example.org".to_owned(), verified: true }),
        name: Some("Ada".to_owned()),
    };
    assert!(identity == expected, "{identity:?}");
    let printed = format!("{identity:?} {:?}", identity.email);
    assert!(!printed.contains("ada") && !printed.contains("Ada") && !printed.contains("2482"), "{printed}");
}

#[test]
fn every_kind_of_key_will_do_that_the_provider_names() {
    for (key, algorithm) in kinds() {
        let keys = json!({ "keys": [key.named("a")] });
        let keys = KeySet::published(keys.to_string().as_bytes()).unwrap();
        let signed = key.sign(&with(header(), "alg", *algorithm), &claims());
        let with_algorithms = |algorithms: &[&str]| {
            let provider =
                parsed(&with(metadata(), "id_token_signing_alg_values_supported", algorithms.to_vec()));
            let flow = flow(Asked::default());
            flow.identity(&provider.unwrap(), &keys, &CLIENT, &answer(&signed), Clock::at(NOW)).map(|_| ())
        };
        assert_eq!(with_algorithms(&[algorithm]), Ok(()), "{algorithm}");
        assert_eq!(with_algorithms(&["RS512"]), Err(Error::Algorithm), "{algorithm}");
    }
}

#[test]
fn it_is_signed_by_the_key_that_it_names() {
    assert_eq!(of_header(&with(header(), "kid", "b")), Err(Error::Signature));
    assert_eq!(of_header(&with(header(), "kid", "c")), Err(Error::UnknownKey));
    let evil = testing::p256(9);
    let forged = evil.sign(&with(header(), "jwk", evil.jwk()), &claims());
    assert_eq!(judged(&Asked::default(), &forged).unwrap_err(), Error::Signature);
}

#[test]
fn no_key_is_guessed_where_there_are_several() {
    assert_eq!(of_header(&without(header(), "kid")), Err(Error::AmbiguousKey));
}

#[test]
fn unsigned_is_refused_though_the_provider_would() {
    assert_eq!(of_header(&with(header(), "alg", "none")), Err(Error::Algorithm));
    assert_eq!(of_header(&with(header(), "alg", "HS256")), Err(Error::Algorithm));
}

#[test]
fn another_kind_of_statement_is_no_id_token() {
    for typ in ["logout+jwt", "at+jwt", "dpop+jwt"] {
        assert_eq!(of_header(&with(header(), "typ", typ)), Err(Error::Mismatch("typ")), "{typ}");
    }
    assert_eq!(of_header(&without(header(), "typ")), Ok(()));
}

#[test]
fn it_is_the_providers() {
    for other in ["https://evil.example", "https://id.example/", "https://ID.example"] {
        assert_eq!(of(&with(claims(), "iss", other)), Err(Error::Mismatch("iss")), "{other}");
    }
    assert_eq!(of(&without(claims(), "iss")), Err(Error::Missing("iss")));
}

#[test]
fn it_is_for_us() {
    for other in [json!("shop"), json!("Avouch"), json!(["shop", "till"])] {
        assert_eq!(of(&with(claims(), "aud", other.clone())), Err(Error::Mismatch("aud")), "{other}");
    }
    assert_eq!(of(&without(claims(), "aud")), Err(Error::Missing("aud")));
    assert_eq!(of(&with(claims(), "aud", json!(["avouch"]))), Ok(()));
}

#[test]
fn it_was_given_to_us() {
    let several = with(claims(), "aud", json!(["avouch", "shop"]));
    assert_eq!(of(&several), Err(Error::Missing("azp")));
    assert_eq!(of(&with(several.clone(), "azp", "shop")), Err(Error::Mismatch("azp")));
    assert_eq!(of(&with(several, "azp", "avouch")), Ok(()));
    assert_eq!(of(&with(claims(), "azp", "shop")), Err(Error::Mismatch("azp")));
}

#[test]
fn it_belongs_to_this_log_in() {
    let other = Flow::new(ISSUER, &[[9; 32]; 3], Asked::default(), BEGAN).unwrap();
    assert_eq!(of(&with(claims(), "nonce", other.nonce())), Err(Error::Mismatch("nonce")));
    assert_eq!(of(&without(claims(), "nonce")), Err(Error::Missing("nonce")));
    assert_eq!(of(&with(claims(), "nonce", json!(null))), Err(Error::Type("nonce")));
}

#[test]
fn it_has_not_ended() {
    assert_eq!(of(&with(claims(), "exp", NOW - 29)), Ok(()));
    assert_eq!(of(&with(claims(), "exp", NOW - 30)), Err(Error::Expired("exp")));
    assert_eq!(of(&without(claims(), "exp")), Err(Error::Missing("exp")));
}

#[test]
fn it_has_begun_and_not_long_ago() {
    assert_eq!(of(&with(claims(), "nbf", NOW + 31)), Err(Error::NotYet("nbf")));
    assert_eq!(of(&with(claims(), "iat", NOW + 31)), Err(Error::NotYet("iat")));
    assert_eq!(of(&with(claims(), "iat", NOW - 631)), Err(Error::Expired("iat")));
    assert_eq!(of(&without(claims(), "iat")), Err(Error::Missing("iat")));
}

#[test]
fn it_says_who() {
    assert_eq!(of(&without(claims(), "sub")), Err(Error::Missing("sub")));
    assert_eq!(of(&with(claims(), "sub", "")), Err(Error::Type("sub")));
    assert_eq!(of(&with(claims(), "sub", "s".repeat(256))), Err(Error::Type("sub")));
    assert_eq!(of(&with(claims(), "sub", 248_289)), Err(Error::Type("sub")));
}

/// The value is of another implementation: `printf %s opaque | sha256sum`, its first 16 bytes.
#[test]
fn the_access_token_is_the_one_that_came_with_it() {
    assert_eq!(of(&with(claims(), "at_hash", AT_HASH)), Ok(()));
    assert_eq!(of(&with(claims(), "at_hash", "77QmUPtjPfzWtF2AnpK9RQ")), Err(Error::Mismatch("at_hash")));
    assert_eq!(of(&with(claims(), "at_hash", 7)), Err(Error::Type("at_hash")));
}

const AT_HASH: &str = "bSKYhMEmi7CrMtjaMV0P5Q";

#[test]
fn the_level_is_one_of_those_that_were_asked_for() {
    let asked = asked_for(&["phr", "mfa"]);
    let of = |claims: &Value| who(&asked, claims).map(|identity| identity.acr);
    assert_eq!(of(&with(claims(), "acr", "mfa")), Ok(Some("mfa".to_owned())));
    for lower in ["0", "pwd", "MFA", "mfa phr"] {
        assert_eq!(of(&with(claims(), "acr", lower)), Err(Error::Mismatch("acr")), "{lower}");
    }
    assert_eq!(of(&claims()), Err(Error::Missing("acr")));
    assert_eq!(of(&with(claims(), "acr", json!(["mfa"]))), Err(Error::Type("acr")));
}

#[test]
fn the_log_in_is_as_fresh_as_was_asked_for() {
    let asked = Asked { max_age: Some(900), ..Asked::default() };
    let of = |claims: &Value| who(&asked, claims).map(|identity| identity.auth_time);
    assert_eq!(of(&claims()), Err(Error::Missing("auth_time")));
    assert_eq!(of(&with(claims(), "auth_time", BEGAN - 930)), Ok(Some(BEGAN - 930)));
    assert_eq!(of(&with(claims(), "auth_time", BEGAN - 931)), Err(Error::Expired("auth_time")));
    assert_eq!(of(&with(claims(), "auth_time", NOW + 31)), Err(Error::NotYet("auth_time")));
    assert_eq!(of(&with(claims(), "auth_time", "now")), Err(Error::Type("auth_time")));
}

#[test]
fn again_means_that_they_did_since_it_was_asked() {
    for max_age in [None, Some(3_600)] {
        let asked = Asked { again: true, max_age, ..Asked::default() };
        let of = |claims: &Value| who(&asked, claims).map(|_| ());
        assert_eq!(of(&with(claims(), "auth_time", BEGAN + 20)), Ok(()));
        assert_eq!(of(&with(claims(), "auth_time", BEGAN - 31)), Err(Error::Expired("auth_time")));
        assert_eq!(of(&claims()), Err(Error::Missing("auth_time")));
    }
}

#[test]
fn what_is_only_shown_refuses_nobody() {
    for (name, value) in
        [("email", json!(null)), ("name", json!(7)), ("email", json!("a\nb")), ("name", json!(""))]
    {
        let identity = who(&Asked::default(), &with(claims(), name, value)).unwrap();
        assert!(identity.email.is_none() && identity.name.is_none());
    }
    let identity =
        who(&Asked::default(), &with(with(claims(), "email", "a@b"), "email_verified", "true")).unwrap();
    assert!(!identity.email.unwrap().verified, "a text is no promise");
}

#[test]
fn it_is_not_too_long() {
    let long = testing::p256(7).sign(&header(), &with(claims(), "x", "a".repeat(MOST_ID_TOKEN)));
    let body = json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": long });
    assert_eq!(TokenResponse::parse(body.to_string().as_bytes()).unwrap_err(), Error::Type("id_token"));
    assert!(matches!(of(&with(claims(), "amr", vec!["pwd"; 17])), Err(Error::TooLarge("amr"))));
}

proptest! {
    #[test]
    fn no_byte_changes_unseen(at: usize, by in 33..127_u8) {
        let signed = testing::p256(7).sign(&header(), &claims());
        let changed = mutated(&signed, at, by);
        prop_assert_eq!(judged(&Asked::default(), &changed).is_ok(), changed == signed);
    }
}
