use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::jwt::testing::{self, kinds, registered, with, without};

fn read(key: &Value) -> Result<PublicKey> {
    PublicKey::parse(key.to_string().as_bytes())
}

fn refusal(key: &Value) -> Error {
    read(key).expect_err(&key.to_string())
}

/// RFC 7638, section 3.1.
fn rsa_key() -> Value {
    json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    })
}

#[test]
fn the_thumbprint_of_rfc_7638_section_3_1() {
    let key = read(&rsa_key()).unwrap();
    assert_eq!(key.thumbprint().to_string(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(key.id(), Some("2011-04-29"));
}

#[test]
fn the_thumbprint_of_rfc_8037_appendix_a_3() {
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    assert_eq!(read(&key).unwrap().thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn the_thumbprint_of_rfc_9449_section_6_1() {
    let key = json!({
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256",
    });
    assert_eq!(read(&key).unwrap().thumbprint().to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

/// A second opinion on every kind of key: the library's own thumbprint.
#[test]
fn thumbprints_are_those_of_the_library() {
    for (key, algorithm) in kinds() {
        let library: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.jwk()).unwrap();
        let expected = library.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
        assert_eq!(key.public().thumbprint().to_string(), expected, "{algorithm}");
    }
}

#[test]
fn what_stands_beside_a_key_is_not_in_its_thumbprint() {
    for (key, algorithm) in kinds() {
        let bare = key.public();
        let more = read(&with(with(key.named("k"), "use", "sig"), "x5t", "AAAA")).unwrap();
        assert_eq!(more.thumbprint(), bare.thumbprint(), "{algorithm}");
        let again = PublicKey::parse(bare.required_members().as_bytes()).unwrap();
        assert_eq!(again.required_members(), bare.required_members());
    }
}

#[test]
fn a_private_or_shared_key_is_refused_with_its_own_word() {
    for (key, algorithm) in kinds() {
        for private in PRIVATE {
            assert_eq!(
                refusal(&with(key.jwk(), private, "AAAA")),
                Error::PrivateKey,
                "{algorithm} {private}"
            );
            assert_eq!(refusal(&with(key.jwk(), private, Value::Null)), Error::PrivateKey);
        }
    }
    assert_eq!(refusal(&json!({ "kty": "oct", "k": "AAAA" })), Error::PrivateKey);
    assert_eq!(refusal(&json!({ "kty": "oct" })), Error::PrivateKey);
}

#[test]
fn a_private_key_is_not_passed_over_in_a_set() {
    let set =
        json!({ "keys": [testing::p256(7).jwk(), with(testing::p256(8).jwk(), "d", "AAAA")] }).to_string();
    assert_eq!(KeySet::published(set.as_bytes()).unwrap_err(), Error::PrivateKey);
    assert_eq!(KeySet::registered(set.as_bytes()).unwrap_err(), Error::PrivateKey);
}

#[test]
fn points_are_on_their_curves_and_of_their_length() {
    let key = testing::p256(7).jwk();
    let (x, y) = (key["x"].clone(), key["y"].clone());
    for (name, value) in
        [("x", y), ("y", x), ("x", json!("A".repeat(43))), ("y", testing::p256(8).jwk()["y"].clone())]
    {
        assert!(matches!(refusal(&with(key.clone(), name, value)), Error::Key(_)), "{name}");
    }
    let short = key["x"].as_str().unwrap()[..40].to_owned();
    assert!(matches!(refusal(&with(key.clone(), "x", short)), Error::Key(_)));
    assert!(matches!(refusal(&with(key.clone(), "crv", "P-384")), Error::Key(_)));
    assert!(matches!(refusal(&with(key.clone(), "crv", "secp256k1")), Error::Key(_)));
    assert_eq!(refusal(&without(key.clone(), "crv")), Error::Missing("crv"));
    assert_eq!(refusal(&without(key, "y")), Error::Missing("y"));
    let weak = json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43) });
    assert!(matches!(refusal(&weak), Error::Key(_)));
    let short = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" });
    assert!(matches!(refusal(&short), Error::Key(_)));
}

/// The same bytes of a point, cut elsewhere: it would be a second thumbprint of one key.
#[test]
fn a_point_is_cut_in_the_middle() {
    let key = testing::p256(7).jwk();
    let bytes = |name: &str| BASE64URL_NOPAD.decode(key[name].as_str().unwrap().as_bytes()).unwrap();
    let point = [bytes("x"), bytes("y")].concat();
    let (x, y) = point.split_at(33);
    let cut = with(with(key, "x", BASE64URL_NOPAD.encode(x)), "y", BASE64URL_NOPAD.encode(y));
    assert!(matches!(refusal(&cut), Error::Key(_)));
}

#[test]
fn numbers_have_one_spelling() {
    let key = testing::p256(7).jwk();
    let x = key["x"].as_str().unwrap();
    for other in [
        format!("{x}="),
        format!("{}5", x.strip_suffix('4').unwrap()),
        x.replace(['-', '_'], "+") + "+",
        format!(" {x}"),
    ] {
        assert_eq!(refusal(&with(key.clone(), "x", other.clone())), Error::Type("x"), "{other}");
    }
    // A leading zero byte: the same number, another thumbprint.
    let n = BASE64URL_NOPAD.decode(rsa_key()["n"].as_str().unwrap().as_bytes()).unwrap();
    let padded = BASE64URL_NOPAD.encode(&[&[0], n.as_slice()].concat());
    assert!(matches!(refusal(&with(rsa_key(), "n", padded)), Error::Key(_)));
    assert!(matches!(refusal(&with(rsa_key(), "e", "AAEAAQ")), Error::Key(_)));
}

#[test]
fn rsa_is_large_enough_and_its_exponent_is_one() {
    let modulus = |bytes: usize, first: u8| {
        let mut n = vec![0xff; bytes];
        n[0] = first;
        with(rsa_key(), "n", BASE64URL_NOPAD.encode(&n))
    };
    assert!(read(&modulus(256, 0x80)).is_ok() && read(&modulus(1_024, 0xff)).is_ok());
    for refused in [modulus(256, 0x7f), modulus(255, 0xff), modulus(128, 0xff), modulus(1_025, 1)] {
        assert!(matches!(refusal(&refused), Error::Key(_)));
    }
    for e in [vec![3], vec![1], vec![0], vec![1, 0, 0], vec![1, 0, 0, 0, 1], vec![0xff, 0xff]] {
        let refused = with(rsa_key(), "e", BASE64URL_NOPAD.encode(&e));
        assert!(matches!(refusal(&refused), Error::Key(_)), "{e:?}");
    }
}

#[test]
fn a_key_is_for_what_it_says_it_is_for() {
    let key = testing::rs256().jwk();
    assert!(matches!(refusal(&with(key.clone(), "use", "enc")), Error::Key(_)));
    assert!(matches!(refusal(&with(key.clone(), "key_ops", json!(["sign"]))), Error::Key(_)));
    assert!(matches!(refusal(&with(key.clone(), "alg", "RSA-OAEP")), Error::Key(_)));
    assert!(matches!(refusal(&with(key.clone(), "alg", "HS256")), Error::Key(_)));
    assert!(matches!(refusal(&with(key.clone(), "alg", "ES256")), Error::Key(_)));
    let only = read(&with(with(key, "alg", "PS256"), "key_ops", json!(["verify"]))).unwrap();
    assert!(only.is_for(Algorithm::Ps256) && !only.is_for(Algorithm::Rs256));
}

#[test]
fn the_key_that_is_named_is_the_one_that_is_taken() {
    let set =
        registered(&[testing::p256(7).named("a"), testing::p256(8).named("b"), testing::rs256().named("c")])
            .unwrap();
    let found = |id, algorithm| set.find(id, algorithm).map(|key| key.id().unwrap().to_owned());
    assert_eq!(found(Some("b"), Algorithm::Es256), Ok("b".to_owned()));
    assert_eq!(found(Some("d"), Algorithm::Es256), Err(Error::UnknownKey));
    assert_eq!(found(Some("c"), Algorithm::Es256), Err(Error::Algorithm));
    assert_eq!(found(None, Algorithm::Es256), Err(Error::AmbiguousKey));
    // Though only one of them could have signed it.
    assert_eq!(found(None, Algorithm::Rs256), Err(Error::AmbiguousKey));
}

#[test]
fn the_only_key_needs_no_name() {
    for key in [testing::p256(7).jwk(), testing::p256(7).named("a")] {
        let set = registered(&[key]).unwrap();
        assert!(set.find(None, Algorithm::Es256).is_ok());
        assert_eq!(set.find(None, Algorithm::Rs256).unwrap_err(), Error::Algorithm);
        assert_eq!(set.find(Some("b"), Algorithm::Es256).unwrap_err(), Error::UnknownKey);
    }
}

#[test]
fn keys_that_are_registered_have_names_of_their_own() {
    let (one, other) = (testing::p256(7), testing::p256(8));
    for keys in [[one.jwk(), other.jwk()], [one.named("a"), other.jwk()], [one.named("a"), other.named("a")]]
    {
        assert_eq!(registered(&keys).unwrap_err(), Error::AmbiguousKey);
    }
}

#[test]
fn of_what_is_published_the_rest_is_passed_over() {
    let set = |keys: Value| KeySet::published(json!({ "keys": keys, "more": 1 }).to_string().as_bytes());
    let unknown = json!({ "kty": "AKP", "alg": "ML-DSA-65", "pub": "AAAA" });
    let keys = set(json!([unknown, with(testing::p256(8).jwk(), "use", "enc"), testing::p256(7).named("a")]))
        .unwrap();
    assert_eq!(keys.keys().len(), 1);
    assert!(keys.find(None, Algorithm::Es256).is_ok());
    assert!(matches!(set(json!([unknown])).unwrap_err(), Error::Key(_)));
    // Two of one name: whichever is meant, it is not guessed; unless only one is for the algorithm.
    let doubled =
        set(json!([testing::p256(7).named("a"), testing::p256(8).named("a"), testing::rs256().named("a")]))
            .unwrap();
    assert_eq!(doubled.find(Some("a"), Algorithm::Es256).unwrap_err(), Error::AmbiguousKey);
    assert!(doubled.find(Some("a"), Algorithm::Rs256).is_ok());
}

#[test]
fn a_set_has_an_end() {
    let set = |count: usize| {
        let keys: Vec<_> = (0..count).map(|at| testing::p256(7).named(&at.to_string())).collect();
        registered(&keys).map(|set| set.keys().len())
    };
    assert_eq!(set(MOST_KEYS), Ok(MOST_KEYS));
    assert_eq!(set(MOST_KEYS + 1), Err(Error::TooLarge("keys")));
    assert!(matches!(set(0), Err(Error::Key(_))));
    let long = format!("{}{}", json!({ "keys": [testing::p256(7).jwk()] }), " ".repeat(MOST_SET));
    assert_eq!(KeySet::published(long.as_bytes()).unwrap_err(), Error::TooLarge("a set of keys"));
    assert_eq!(KeySet::published(b"{}").unwrap_err(), Error::Missing("keys"));
    assert_eq!(KeySet::published(b"{\"keys\":[1]}").unwrap_err(), Error::Type("keys"));
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(PublicKey::parse(&bytes).is_err() && KeySet::published(&bytes).is_err());
    }

    #[test]
    fn a_changed_key_is_another_key_or_none(kind in 0..6_usize, at: usize, by in 0..128_u8) {
        let key = kinds()[kind].0.jwk().to_string();
        let changed = testing::mutated(&key, at, by);
        if let Ok(other) = PublicKey::parse(changed.as_bytes()) {
            let known = PublicKey::parse(key.as_bytes()).unwrap();
            let is_same = other.required_members() == known.required_members();
            prop_assert_eq!(is_same, other.thumbprint() == known.thumbprint());
        }
    }
}

#[test]
fn a_set_is_written_as_it_is_read_and_nothing_beside_the_keys_is() {
    let named = with(with(testing::p256(7).named("one"), "alg", "ES256"), "x5c", json!(["MA=="]));
    let set = registered(&[named, testing::ed25519().named("two")]).unwrap();
    let text = set.to_json();
    assert!(!text.contains("x5c") && text.contains(r#""alg":"ES256""#), "{text}");
    let again = KeySet::registered(text.as_bytes()).unwrap();
    assert_eq!(again.to_json(), text);
    let prints = |set: &KeySet| set.keys().iter().map(PublicKey::thumbprint).collect::<Vec<_>>();
    assert_eq!(prints(&again), prints(&set));
}
