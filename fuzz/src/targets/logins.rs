//! No answer of a browser counts but with the state and the issuer of its log-in. Metadata leads nowhere but
//! to `https`. Nobody logs in by what no provider has signed.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use avouch_authn::jwt::{
    Clock,
    jwk::KeySet,
    openid::{Asked, Client, Flow, Provider, TokenResponse, logout},
};

use crate::edits::text_or_edited;

const ISSUER: &str = "https://id.example";
const METADATA: &str = r#"{"issuer":"https://id.example","authorization_endpoint":"https://id.example/a","token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/k","response_types_supported":["code"],"id_token_signing_alg_values_supported":["EdDSA"],"authorization_response_iss_parameter_supported":true}"#;
const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}]}"#;
/// By a key of nobody.
const RESPONSE: &str = r#"{"access_token":"x","token_type":"Bearer","id_token":"eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUifQ.AAAA"}"#;
const BEGAN: u64 = 1_800_000_000;
const CLIENT: Client<'_> = Client { id: "avouch", redirect_uri: "https://avouch.example/callback" };

static LOG_IN: LazyLock<(Provider, KeySet, Flow)> = LazyLock::new(|| {
    let provider = Provider::parse(ISSUER, METADATA.as_bytes()).expect("metadata");
    let keys = KeySet::published(KEYS.as_bytes()).expect("keys");
    (
        provider,
        keys,
        Flow::new(ISSUER, &[[7; 32]; 3], Asked::default(), BEGAN).expect("nothing that is refused"),
    )
});

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let (provider, keys, flow) = &*LOG_IN;
    let query = format!("code=x&state={}&iss=https%3A%2F%2Fid.example", flow.state());
    let genuine = *input.choose(&[query.as_str(), METADATA, RESPONSE])?;
    let Some(text) = text_or_edited(input, genuine)? else { return Ok(()) };
    if flow.code(provider, &text, BEGAN).is_ok() {
        let decoded: Vec<_> = text.split('&').map(decoded).collect();
        assert_eq!(decoded.iter().filter(|pair| pair.starts_with(b"code=")).count(), 1, "{text}");
        for needed in [format!("state={}", flow.state()), format!("iss={ISSUER}")] {
            assert!(decoded.contains(&needed.into_bytes()), "{text}");
        }
    }
    if let Ok(provider) = Provider::parse(ISSUER, text.as_bytes()) {
        let address = flow.address(&provider, &CLIENT).expect("the provider of the flow");
        assert!(address.starts_with("https://") && provider.keys_url().starts_with("https://"), "{text}");
        assert!(text.contains("id.example"), "{text}");
    }
    if let Ok(response) = TokenResponse::parse(text.as_bytes()) {
        assert!(flow.identity(provider, keys, &CLIENT, &response, Clock::at(BEGAN)).is_err(), "{text}");
    }
    assert!(logout::verify(provider, keys, &CLIENT, &text, Clock::at(BEGAN)).is_err(), "{text}");
    Ok(())
}

/// A piece of a form, the slow way.
fn decoded(piece: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), piece.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        let escape = tail.split_first_chunk::<2>().filter(|_| *first == b'%');
        let escape = escape.filter(|(digits, _)| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = escape.and_then(|(digits, tail)| {
            Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, tail))
        });
        let plain = if *first == b'+' { b' ' } else { *first };
        let (byte, tail) = byte.unwrap_or((plain, tail));
        bytes.push(byte);
        rest = tail;
    }
    bytes
}
