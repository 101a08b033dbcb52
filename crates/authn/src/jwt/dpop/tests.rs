use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::jwt::testing::{self, Key, kinds, mutated, with, without};

const NOW: u64 = 1_800_000_000;
const TOKEN: &str = "avt_token";

/// RFC 9449, section 4.1.
const RFC_HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0\
    VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs\
    ImNydiI6IlAtMjU2In19";
const RFC_TOKEN_PROOF: &str = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW\
    1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNy\
    JK70nfbV37xRZT3Lg";
/// RFC 9449, section 7.1.
const RFC_RESOURCE_PROOF: &str = "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5l\
    eGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1\
    OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const RFC_THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

const REQUEST: Request<'_> = Request {
    method: "POST",
    uri: "https://avouch.example/v1/reveal?x=1",
    access_token: Some(TOKEN),
    nonces: &[],
};

fn header(key: &Key) -> Value {
    json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk() })
}

fn claims() -> Value {
    let ath = BASE64URL_NOPAD.encode(digest::digest(&digest::SHA256, TOKEN.as_bytes()).as_ref());
    json!({ "jti": "1", "htm": "POST", "htu": "https://avouch.example/v1/reveal", "iat": NOW, "ath": ath })
}

fn signed(claims: &Value) -> String {
    let key = testing::p256(7);
    key.sign(&header(&key), claims)
}

fn judged(text: &str) -> Result<Once<Proof>> {
    verify(text, &REQUEST, NOW, WINDOW_SECONDS)
}

fn of(claims: &Value) -> Result<()> {
    judged(&signed(claims)).map(|_| ())
}

fn of_header(header: &Value) -> Result<()> {
    judged(&testing::p256(7).sign(header, &claims())).map(|_| ())
}

#[test]
fn the_proof_of_rfc_9449_section_4_1() {
    let request =
        Request { method: "POST", uri: "https://server.example.com/token", access_token: None, nonces: &[] };
    let text = format!("{RFC_HEADER}.{RFC_TOKEN_PROOF}");
    let proof = verify(&text, &request, 1_562_262_616, WINDOW_SECONDS).unwrap().redeem(true).unwrap();
    assert_eq!(proof.thumbprint.to_string(), RFC_THUMBPRINT);
}

#[test]
fn the_proof_of_rfc_9449_section_7_1() {
    let request = Request {
        method: "GET",
        uri: "https://resource.example.org/protectedresource",
        access_token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
        nonces: &[],
    };
    let text = format!("{RFC_HEADER}.{RFC_RESOURCE_PROOF}");
    let proof = verify(&text, &request, 1_562_262_618, WINDOW_SECONDS).unwrap().redeem(true).unwrap();
    assert_eq!(proof.thumbprint.to_string(), RFC_THUMBPRINT);
    let other = Request { access_token: Some("another"), ..request };
    assert_eq!(verify(&text, &other, 1_562_262_618, 60).unwrap_err(), Error::Mismatch("ath"));
}

#[test]
fn every_kind_of_key_will_do_and_is_told_by_its_thumbprint() {
    for (key, algorithm) in kinds() {
        let text = key.sign(&with(header(key), "alg", *algorithm), &claims());
        let proof = judged(&text).unwrap().redeem(true).unwrap();
        assert_eq!(proof.thumbprint, key.public().thumbprint(), "{algorithm}");
    }
}

#[test]
fn it_is_for_one_method() {
    for other in ["GET", "post", "POST ", "*"] {
        assert_eq!(of(&with(claims(), "htm", other)), Err(Error::Mismatch("htm")), "{other}");
    }
    assert_eq!(of(&without(claims(), "htm")), Err(Error::Missing("htm")));
}

#[test]
fn it_is_for_one_address() {
    for same in ["HTTPS://AVOUCH.example:443/v1/%72eveal", "https://avouch.example/v1/reveal?y=2#z"] {
        assert_eq!(of(&with(claims(), "htu", same)), Ok(()), "{same}");
    }
    for other in ["http://avouch.example/v1/reveal", "https://avouch.example/v1/export", "/v1/reveal"] {
        assert_eq!(of(&with(claims(), "htu", other)), Err(Error::Mismatch("htu")), "{other}");
    }
    assert_eq!(of(&without(claims(), "htu")), Err(Error::Missing("htu")));
}

#[test]
fn it_is_for_one_token() {
    assert_eq!(of(&without(claims(), "ath")), Err(Error::Missing("ath")));
    assert_eq!(
        of(&with(claims(), "ath", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo")),
        Err(Error::Mismatch("ath"))
    );
    let none = Request { access_token: None, ..REQUEST };
    assert!(verify(&signed(&without(claims(), "ath")), &none, NOW, 60).is_ok());
}

#[test]
fn it_was_made_about_now() {
    assert_eq!(of(&without(claims(), "iat")), Err(Error::Missing("iat")));
    for (iat, expected) in [
        (NOW - 61, Err(Error::Expired("iat"))),
        (NOW - 60, Ok(())),
        (NOW + 60, Ok(())),
        (NOW + 61, Err(Error::NotYet("iat"))),
    ] {
        assert_eq!(of(&with(claims(), "iat", iat)), expected, "{iat}");
    }
}

#[test]
fn it_has_the_nonce_that_was_given_out() {
    let wanting = Request { nonces: &["present", "last"], ..REQUEST };
    let of = |claims: &Value| verify(&signed(claims), &wanting, NOW, 60).map(|_| ());
    assert_eq!(of(&claims()), Err(Error::Nonce));
    assert_eq!(of(&with(claims(), "nonce", "older")), Err(Error::Nonce));
    assert_eq!(of(&with(claims(), "nonce", "last")), Ok(()));
    assert!(judged(&signed(&with(claims(), "nonce", "unasked"))).is_ok());
}

#[test]
fn it_is_good_once_for_its_key() {
    let digest = |key: &Key, jti: &str| {
        *judged(&key.sign(&header(key), &with(claims(), "jti", jti))).unwrap().spend().digest()
    };
    let (one, other) = (testing::p256(7), testing::p256(8));
    assert_eq!(digest(&one, "1"), digest(&one, "1"));
    assert_ne!(digest(&one, "1"), digest(&one, "2"));
    assert_ne!(digest(&one, "1"), digest(&other, "1"));
    assert_eq!(of(&without(claims(), "jti")), Err(Error::Missing("jti")));
    assert_eq!(of(&with(claims(), "jti", "j".repeat(MOST_JTI + 1))), Err(Error::Type("jti")));
}

#[test]
fn what_is_spent_is_kept_for_as_long_as_it_would_be_accepted() {
    for iat in [NOW - 60, NOW, NOW + 60] {
        let text = signed(&with(claims(), "iat", iat));
        let until = judged(&text).unwrap().spend().until();
        assert!(verify(&text, &REQUEST, until - 1, WINDOW_SECONDS).is_ok());
        assert_eq!(verify(&text, &REQUEST, until, WINDOW_SECONDS).unwrap_err(), Error::Expired("iat"));
    }
}

#[test]
fn its_key_is_public_and_has_signed_it() {
    let key = testing::p256(7);
    assert_eq!(of_header(&with(header(&key), "jwk", with(key.jwk(), "d", "AAAA"))), Err(Error::PrivateKey));
    assert_eq!(of_header(&with(header(&key), "jwk", testing::p256(8).jwk())), Err(Error::Signature));
    assert_eq!(of_header(&without(header(&key), "jwk")), Err(Error::Missing("jwk")));
    assert_eq!(of_header(&with(header(&key), "jwk", "x")), Err(Error::Type("jwk")));
}

#[test]
fn its_key_is_no_shared_secret() {
    let key = testing::p256(7);
    let shared = json!({ "kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
    assert_eq!(of_header(&with(header(&key), "jwk", shared.clone())), Err(Error::PrivateKey));
    assert_eq!(of_header(&with(with(header(&key), "jwk", shared), "alg", "HS256")), Err(Error::Algorithm));
}

#[test]
fn another_kind_of_statement_is_no_proof() {
    let key = testing::p256(7);
    for typ in ["JWT", "at+jwt", "dpop"] {
        assert_eq!(of_header(&with(header(&key), "typ", typ)), Err(Error::Mismatch("typ")), "{typ}");
    }
    assert_eq!(of_header(&without(header(&key), "typ")), Err(Error::Missing("typ")));
}

#[test]
fn it_is_not_too_long() {
    assert_eq!(of(&with(claims(), "x", "a".repeat(MOST_PROOF))), Err(Error::TooLarge("a token")));
}

#[test]
fn a_token_is_never_printed() {
    assert!(!format!("{REQUEST:?}").contains(TOKEN));
}

proptest! {
    #[test]
    fn no_byte_changes_unseen(at: usize, by in 0..128_u8) {
        let text = signed(&claims());
        let changed = mutated(&text, at, by);
        prop_assert_eq!(judged(&changed).is_ok(), changed == text);
    }

    #[test]
    fn no_address_is_too_strange(one in ".{0,80}", rest in "[%a-fA-F0-9./?#@:\\\\~-]{0,60}") {
        let other = format!("https://a.example/{rest}");
        let _ = same_address(&one, &other);
        prop_assert_eq!(same_address(&other, &other), same_address(&other, &format!("{other}#")));
    }
}
