use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::jwt::testing::{self, Key, kinds, with};

const MOST: usize = 4_000;

fn verified(key: &Key, text: &str) -> Result<Object> {
    Unverified::read(text, MOST)?.verify(&key.public())
}

fn refusal(key: &Key, text: &str) -> Error {
    verified(key, text).expect_err(text)
}

/// What belongs to `testing::p256(7)`.
fn header() -> Value {
    json!({ "alg": "ES256", "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "sub": "ada" })
}

#[test]
fn the_example_of_rfc_7515_appendix_a_2() {
    let key = PublicKey::parse(
        br#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
    )
    .unwrap();
    let token = "eyJhbGciOiJSUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7\
        AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4\
        BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K\
        0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv\
        hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
        p0igcN_IoypGlUPQGe77Rw";
    let claims = Unverified::read(token, MOST).unwrap().verify(&key).unwrap();
    assert_eq!(claims.needed("iss", 9), Ok("joe"));
    assert_eq!(claims.moment("exp"), Ok(Some(1_300_819_380)));
}

#[test]
fn the_example_of_rfc_7515_appendix_a_3() {
    let key = PublicKey::parse(
        br#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    )
    .unwrap();
    let token = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(Unverified::read(token, MOST).unwrap().verify(&key).is_ok());
}

#[test]
fn every_kind_of_key_signs_by_its_own_algorithms_and_by_no_other() {
    for (key, algorithm) in kinds() {
        let signed = key.sign(&json!({ "alg": algorithm }), &claims());
        assert!(verified(key, &signed).is_ok(), "{algorithm}");
        for (other, of_other) in kinds() {
            let is_of_kind = other.public().is_for(Algorithm::read(algorithm).unwrap());
            let expected = if is_of_kind { None } else { Some(Error::Algorithm) };
            assert_eq!(verified(other, &signed).err(), expected, "{algorithm} by {of_other}");
        }
    }
}

#[test]
fn the_header_cannot_choose_another_algorithm_for_a_signature() {
    let (rs, ps) = (testing::rs256(), testing::ps256());
    for (key, said) in [(&rs, "PS256"), (&ps, "RS256"), (&rs, "RS512"), (&ps, "PS384")] {
        assert_eq!(refusal(key, &key.sign(&json!({ "alg": said }), &claims())), Error::Signature, "{said}");
    }
    let key = testing::p256(7);
    assert_eq!(refusal(&key, &key.sign(&json!({ "alg": "ES384" }), &claims())), Error::Algorithm);
}

#[test]
fn nothing_that_is_not_signed_is_believed() {
    let key = testing::p256(7);
    for none in ["none", "None", "NONE", "nOnE"] {
        let signed = key.sign(&json!({ "alg": none }), &claims());
        assert_eq!(refusal(&key, &signed), Error::Algorithm, "{none}");
        let (unsigned, _) = signed.rsplit_once('.').unwrap();
        assert_eq!(refusal(&key, &format!("{unsigned}.")), Error::Algorithm, "{none}");
    }
    let (unsigned, _) =
        key.sign(&header(), &claims()).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.len())).unwrap();
    assert_eq!(refusal(&key, &format!("{unsigned}.")), Error::Signature);
    assert_eq!(
        refusal(&key, &format!("{unsigned}.{}", "A".repeat(86))),
        Error::Signature,
        "zero for r and s"
    );
}

#[test]
fn a_public_key_is_no_shared_secret() {
    use aws_lc_rs::hmac;

    // The bytes of the key in each form that a careless verifier might hand to HMAC.
    let key = testing::rs256();
    let jwk = key.jwk().to_string();
    let modulus = BASE64URL_NOPAD.decode(key.jwk()["n"].as_str().unwrap().as_bytes()).unwrap();
    for secret in [jwk.as_bytes(), modulus.as_slice(), key.public().required_members().as_bytes()] {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(&claims()));
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        let forged = format!("{signed}.{}", BASE64URL_NOPAD.encode(mac.as_ref()));
        assert_eq!(refusal(&key, &forged), Error::Algorithm);
    }
}

#[test]
fn another_key_has_not_signed_it() {
    let signed = testing::p256(7).sign(&header(), &claims());
    assert_eq!(refusal(&testing::p256(8), &signed), Error::Signature);
}

#[test]
fn a_header_that_changes_what_is_signed_is_refused() {
    let key = testing::p256(7);
    for (name, value) in [
        ("crit", json!(["b64"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
    ] {
        let signed = key.sign(&with(header(), name, value.clone()), &claims());
        assert!(matches!(refusal(&key, &signed), Error::Unwanted(_)), "{name} {value}");
    }
}

#[test]
fn keys_in_a_header_are_not_looked_at() {
    let (key, evil) = (testing::p256(7), testing::p256(8));
    for (name, value) in [
        ("jwk", evil.jwk()),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/certificate")),
        ("x5c", json!(["MIIB"])),
        ("x5t#S256", json!("A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0")),
    ] {
        let header = with(header(), name, value);
        assert_eq!(refusal(&key, &evil.sign(&header, &claims())), Error::Signature, "{name}");
        assert!(verified(&key, &key.sign(&header, &claims())).is_ok(), "{name}");
    }
}

#[test]
fn no_member_stands_there_twice() {
    let key = testing::p256(7);
    let header = r#"{"alg":"ES256"}"#;
    for twice in [
        r#"{"alg":"ES256","alg":"none"}"#,
        r#"{"alg":"none","alg":"ES256"}"#,
        r#"{"alg":"ES256","\u0061lg":"x"}"#,
    ] {
        assert_eq!(refusal(&key, &key.sign_text(twice, "{}")), Error::Malformed("header"));
    }
    for twice in [r#"{"sub":"ada","sub":"eve"}"#, r#"{"x":[{"a":1,"a":1}]}"#] {
        assert_eq!(refusal(&key, &key.sign_text(header, twice)), Error::Malformed("claims"));
    }
}

#[test]
fn what_is_signed_is_one_object() {
    let key = testing::p256(7);
    for claims in ["", "{", "[]", "\"ada\"", "null", "{}{}", r#"{"sub":"ada"}x"#] {
        assert_eq!(
            refusal(&key, &key.sign_text(r#"{"alg":"ES256"}"#, claims)),
            Error::Malformed("claims"),
            "{claims}"
        );
    }
    for header in ["", "[]", "ES256", r#"{"alg":"ES256"} x"#] {
        assert_eq!(refusal(&key, &key.sign_text(header, "{}")), Error::Malformed("header"), "{header}");
    }
    for header in [r#"{"alg":7}"#, r#"{"alg":null}"#, r#"{"alg":["ES256"]}"#, r#"{"alg":""}"#] {
        assert_eq!(refusal(&key, &key.sign_text(header, "{}")), Error::Type("alg"), "{header}");
    }
    assert_eq!(refusal(&key, &key.sign_text("{}", "{}")), Error::Missing("alg"));
}

#[test]
fn there_is_one_spelling() {
    let key = testing::p256(7);
    let signed = key.sign(&header(), &claims());
    let parts: Vec<&str> = signed.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("three parts") };
    for other in [
        format!("{signed}="),
        format!("{signed}\n"),
        format!(" {signed}"),
        format!("{signed}."),
        format!(".{signed}"),
        format!("{signed}.{signature}"),
        format!("{header}.{claims}"),
        format!("{header}..{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}. {claims}.{signature}"),
        format!("{header}.{claims}.{}", signature.replace(['-', '_'], "+")),
        format!("{header}.{claims}.{signature}AA"),
        header.to_owned(),
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
    ] {
        assert!(verified(&key, &other).is_err(), "{other}");
    }
}

/// 64 bytes end in a character that has four bits to spare: fifteen more spellings, which others take.
#[test]
fn the_last_character_has_no_bits_to_spare() {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let key = testing::p256(7);
    let signed = key.sign(&header(), &claims());
    let good: Vec<_> = ALPHABET
        .iter()
        .filter(|last| verified(&key, &testing::mutated(&signed, signed.len() - 1, **last)).is_ok())
        .collect();
    assert_eq!(good, [signed.as_bytes().last().unwrap()]);
}

#[test]
fn what_is_too_long_is_not_read() {
    let key = testing::p256(7);
    let long = key.sign(&header(), &json!({ "x": "a".repeat(MOST) }));
    assert_eq!(refusal(&key, &long), Error::TooLarge("a token"));
    let header = with(header(), "x", "a".repeat(MOST_HEADER));
    let signed = key.sign(&header, &claims());
    let refused = Unverified::read(&signed, 1 << 20).map(|_| ()).unwrap_err();
    assert_eq!(refused, Error::TooLarge("header"));
}

#[test]
fn the_type_is_written_short_or_long() {
    let is = |typ: Value, types: &[&str], or_none| {
        let signed = testing::p256(7).sign(&json!({ "alg": "ES256", "typ": typ }), &claims());
        Unverified::read(&signed, MOST).unwrap().is_of_type(types, or_none)
    };
    for typ in ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt"] {
        assert_eq!(is(json!(typ), &["dpop+jwt"], false), Ok(()), "{typ}");
    }
    for typ in ["JWT", "at+jwt", "dpop+jwt ", "application/application/dpop+jwt", "text/dpop+jwt"] {
        assert_eq!(is(json!(typ), &["dpop+jwt"], true), Err(Error::Mismatch("typ")), "{typ}");
    }
    assert_eq!(is(json!(null), &["jwt"], true), Err(Error::Type("typ")));
}

/// RFC 8037, appendix A.4: no JSON is signed there, so that it is the key alone that is asked.
#[test]
fn the_example_of_rfc_8037_appendix_a_4() {
    let key = PublicKey::parse(
        br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .unwrap();
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    let signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    assert_eq!(key.verify(Algorithm::Ed25519, signed, &signature), Ok(()));
    assert_eq!(key.verify(Algorithm::Ed25519, b"something else", &signature), Err(Error::Signature));
}

proptest! {
    #[test]
    fn no_byte_of_a_token_changes_unseen(kind in 0..6_usize, at: usize, by in 0..128_u8) {
        let (key, algorithm) = &kinds()[kind];
        let signed = key.sign(&json!({ "alg": algorithm }), &claims());
        let changed = testing::mutated(&signed, at, by);
        prop_assert_eq!(verified(key, &changed).is_ok(), changed == signed, "{}", changed);
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,200}", header in ".{0,60}", claims in ".{0,60}") {
        prop_assert!(verified(&testing::p256(7), &text).is_err());
        let key = testing::p256(7);
        let _ = verified(&key, &key.sign_text(&header, &claims));
    }
}
