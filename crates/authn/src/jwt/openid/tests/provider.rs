use proptest::prelude::*;

use super::*;

#[test]
fn a_provider_says_where_everything_is() {
    let provider = provider();
    assert_eq!(provider.issuer(), ISSUER);
    assert_eq!(provider.keys_url(), "https://keys.example/id");
    assert_eq!(provider.end_session_url(), Some("https://id.example/end"));
    assert_eq!(configuration_url(ISSUER).unwrap(), "https://id.example/.well-known/openid-configuration");
    assert_eq!(
        configuration_url("https://a.example/b/").unwrap(),
        "https://a.example/b/.well-known/openid-configuration"
    );
}

#[test]
fn it_speaks_for_the_issuer_that_was_configured_to_the_letter() {
    for other in ["https://id.example/", "https://ID.example", "https://evil.example", "http://id.example"] {
        assert_eq!(
            parsed(&with(metadata(), "issuer", other)).unwrap_err(),
            Error::Mismatch("issuer"),
            "{other}"
        );
    }
    assert_eq!(parsed(&without(metadata(), "issuer")).unwrap_err(), Error::Missing("issuer"));
}

#[test]
fn every_address_is_https() {
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"] {
        for other in [
            "http://id.example/x",
            "http://127.0.0.1/x",
            "http://localhost/x",
            "file:///etc/passwd",
            "https://user@id.example/x",
            "https://id.example/x#y",
            "javascript:alert(1)",
            "https:id.example/x",
        ] {
            assert!(
                matches!(parsed(&with(metadata(), name, other)), Err(Error::Parameters(_))),
                "{name} {other}"
            );
        }
        for other in ["/token", "", "https://", "https://id.example\\x", "https://id.example/ x"] {
            assert_eq!(
                parsed(&with(metadata(), name, other)).unwrap_err(),
                Error::Type(name),
                "{name} {other}"
            );
        }
        assert_eq!(parsed(&with(metadata(), name, 7)).unwrap_err(), Error::Type(name));
    }
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        assert_eq!(parsed(&without(metadata(), name)).unwrap_err(), Error::Missing(name));
    }
}

#[test]
fn on_the_loopback_everything_may_be_plain() {
    for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
        let issuer = format!("http://{host}");
        let plain = metadata().to_string().replace("https://id.example", &issuer);
        assert!(Provider::parse(&issuer, plain.as_bytes()).is_ok(), "{host}");
        let elsewhere = plain.replace(&format!("{issuer}/token"), "http://id.example/token");
        assert!(Provider::parse(&issuer, elsewhere.as_bytes()).is_err());
    }
    for issuer in ["http://id.example", "http://localhost.evil.example", "http://128.0.0.1", "http://0.0.0.0"]
    {
        let plain = metadata().to_string().replace("https://id.example", issuer);
        assert!(
            Provider::parse(issuer, plain.as_bytes()).is_err() && configuration_url(issuer).is_err(),
            "{issuer}"
        );
    }
}

#[test]
fn an_issuer_is_an_address_without_more() {
    for issuer in ["", "id.example", "https://id.example?x", "https://id.example#x", "https://u:p@id.example"]
    {
        assert!(configuration_url(issuer).is_err(), "{issuer}");
        assert!(
            Provider::parse(issuer, with(metadata(), "issuer", issuer).to_string().as_bytes()).is_err(),
            "{issuer}"
        );
    }
}

#[test]
fn it_can_do_what_is_needed() {
    let with_list = |name, list: &[&str]| parsed(&with(metadata(), name, list.to_vec()));
    assert!(matches!(with_list("response_types_supported", &["id_token"]), Err(Error::Parameters(_))));
    assert!(matches!(parsed(&without(metadata(), "response_types_supported")), Err(Error::Parameters(_))));
    assert!(matches!(with_list("code_challenge_methods_supported", &["plain"]), Err(Error::Parameters(_))));
    assert!(parsed(&without(metadata(), "code_challenge_methods_supported")).is_ok());
    for list in [["none", "HS256"].as_slice(), &[]] {
        assert_eq!(with_list("id_token_signing_alg_values_supported", list).unwrap_err(), Error::Algorithm);
    }
    assert!(parsed(&without(metadata(), "id_token_signing_alg_values_supported")).is_ok());
    assert!(parsed(&with(metadata(), "claims_parameter_supported", "yes")).is_err());
}

#[test]
fn metadata_is_bounded_and_said_once() {
    let long = format!("{}{}", metadata(), " ".repeat(MOST_METADATA));
    assert_eq!(Provider::parse(ISSUER, long.as_bytes()).unwrap_err(), Error::TooLarge("provider metadata"));
    let twice = metadata().to_string().replacen('{', r#"{"issuer":"https://evil.example","#, 1);
    assert_eq!(Provider::parse(ISSUER, twice.as_bytes()).unwrap_err(), Error::Malformed("provider metadata"));
}

proptest! {
    #[test]
    fn no_issuer_and_no_metadata_is_too_strange(issuer in ".{0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..99)) {
        let _ = configuration_url(&issuer);
        prop_assert!(Provider::parse(&issuer, &bytes).is_err());
        prop_assert!(TokenResponse::parse(&bytes).is_err());
    }
}
