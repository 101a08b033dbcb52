use std::collections::BTreeMap;

use url::{Url, form_urlencoded};

use super::*;

fn asked_of(provider: &Provider, asked: Asked) -> BTreeMap<String, String> {
    let address = Url::parse(&flow(asked).address(provider, &CLIENT).unwrap()).unwrap();
    let pairs: Vec<_> = address.query_pairs().into_owned().collect();
    let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "a parameter twice");
    map
}

fn form(body: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

fn code() -> Code {
    let flow = flow(Asked::default());
    let query = format!("code=a+b%26c&state={}&iss=https%3A%2F%2Fid.example", flow.state());
    flow.code(&provider(), &query, NOW).unwrap()
}

#[test]
fn the_browser_is_sent_with_everything_that_binds_the_answer() {
    let parameters = asked_of(&provider(), Asked::default());
    let expected = [
        ("client_id", "avouch"),
        ("code_challenge", flow(Asked::default()).verifier().challenge().as_str()),
        ("code_challenge_method", "S256"),
        ("nonce", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"),
        ("redirect_uri", CLIENT.redirect_uri),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters, BTreeMap::from(expected));
}

#[test]
fn what_is_wanted_is_asked_for() {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let asked = Asked {
        scopes: words(&["email", "openid", "profile"]),
        max_age: Some(900),
        acr: words(&["urn:example:mfa", "phr"]),
        again: false,
    };
    let parameters = asked_of(&provider(), asked.clone());
    assert_eq!(parameters["scope"], "openid email profile");
    assert_eq!(parameters["max_age"], "900");
    assert_eq!(parameters["acr_values"], "urn:example:mfa phr");
    assert!(!parameters.contains_key("prompt") && !parameters.contains_key("claims"));

    let capable = parsed(&with(metadata(), "claims_parameter_supported", true)).unwrap();
    let parameters = asked_of(&capable, asked.clone());
    assert_eq!(
        parameters["claims"],
        r#"{"id_token":{"acr":{"essential":true,"values":["urn:example:mfa","phr"]}}}"#
    );
    assert!(!parameters.contains_key("acr_values"));

    let parameters = asked_of(&provider(), Asked { again: true, ..asked });
    assert_eq!((parameters["prompt"].as_str(), parameters["max_age"].as_str()), ("login", "0"));
}

#[test]
fn a_query_that_an_endpoint_has_is_kept() {
    let tenant = with(metadata(), "authorization_endpoint", "https://id.example/authorize?tenant=7");
    assert_eq!(asked_of(&parsed(&tenant).unwrap(), Asked::default())["tenant"], "7");
}

#[test]
fn nothing_is_asked_that_would_be_read_as_something_else() {
    let refused = |asked| matches!(Flow::new(ISSUER, &[[0; 32]; 3], asked, BEGAN), Err(Error::Parameters(_)));
    for word in ["", "a b", "a\"b", "a\\b", "a\nb", "é"] {
        assert!(refused(Asked { scopes: vec![word.to_owned()], ..Asked::default() }), "{word}");
        assert!(refused(Asked { acr: vec![word.to_owned()], ..Asked::default() }), "{word}");
    }
    assert!(refused(Asked { acr: vec!["a".to_owned(); 17], ..Asked::default() }));
}

#[test]
fn a_flow_stays_with_its_provider() {
    let other = metadata().to_string().replace("https://id.example", "https://evil.example");
    let other = Provider::parse("https://evil.example", other.as_bytes()).unwrap();
    let flow = flow(Asked::default());
    assert_eq!(flow.address(&other, &CLIENT).unwrap_err(), Error::Mismatch("issuer"));
    let query = format!("code=x&state={}&iss=https://evil.example", flow.state());
    assert_eq!(flow.code(&other, &query, NOW).unwrap_err(), Error::Mismatch("issuer"));
    let request = flow.token_request(&other, &CLIENT, Authentication::None, &code());
    assert_eq!(request.unwrap_err(), Error::Mismatch("issuer"));
    let signed = testing::p256(7).sign(&header(), &with(claims(), "iss", "https://evil.example"));
    let who = flow.identity(&other, &keys(), &CLIENT, &answer(&signed), Clock::at(NOW));
    assert_eq!(who.unwrap_err(), Error::Mismatch("issuer"));
}

#[test]
fn the_code_is_brought_with_the_proof_that_it_is_ours() {
    let flow = flow(Asked::default());
    let request = flow.token_request(&provider(), &CLIENT, Authentication::None, &code()).unwrap();
    assert_eq!(request.url, "https://id.example/token");
    assert!(request.authorization.is_none());
    let expected = [
        ("client_id", "avouch"),
        ("code", "a b&c"),
        ("code_verifier", "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"),
        ("grant_type", "authorization_code"),
        ("redirect_uri", CLIENT.redirect_uri),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form(&request.body), BTreeMap::from(expected));
}

/// RFC 6749, section 2.3.1: an id and a secret with a colon and more in them stay two.
#[test]
fn a_secret_goes_into_the_header_and_nowhere_else() {
    let client = Client { id: "a:b", ..CLIENT };
    let authentication = Authentication::Basic("s:% +é");
    let request =
        flow(Asked::default()).token_request(&provider(), &client, authentication, &code()).unwrap();
    let header = request.authorization.unwrap();
    let pair = data_encoding::BASE64.decode(header.strip_prefix("Basic ").unwrap().as_bytes()).unwrap();
    assert_eq!(String::from_utf8(pair).unwrap(), "a%3Ab:s%3A%25+%2B%C3%A9");
    assert!(!form(&request.body).contains_key("client_id"));
}

#[test]
fn an_assertion_goes_into_the_form() {
    let authentication = Authentication::PrivateKeyJwt("a.b.c");
    let request =
        flow(Asked::default()).token_request(&provider(), &CLIENT, authentication, &code()).unwrap();
    let form = form(&request.body);
    assert_eq!(form["client_assertion"], "a.b.c");
    assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert_eq!(form["client_id"], "avouch");
}

#[test]
fn no_secret_is_printed() {
    let (flow, code) = (flow(Asked::default()), code());
    let request = flow.token_request(&provider(), &CLIENT, Authentication::Basic("secret"), &code).unwrap();
    let printed =
        format!("{flow:?} {code:?} {request:?} {:?} {:?}", answer("a.b.c"), Authentication::Basic("secret"));
    for secret in [flow.state(), flow.nonce(), flow.verifier().text(), "a b&c", "secret", "opaque", "a.b.c"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn a_flow_is_the_same_when_it_is_taken_up_again() {
    let asked = Asked { acr: vec!["mfa".to_owned()], again: true, ..Asked::default() };
    let kept: Asked = serde_json::from_value(serde_json::to_value(&asked).unwrap()).unwrap();
    assert_eq!(kept, asked);
    let address = |asked| flow(asked).address(&provider(), &CLIENT).unwrap();
    assert_eq!(address(kept), address(asked));
}
