//! A proof of possession that is accepted is the one that was signed, byte for byte, for its request only.

use arbitrary::{Result, Unstructured};
use avouch_authn::jwt::dpop::{Request, same_address, verify};

use crate::edits::text_or_edited;

/// RFC 9449, section 4.1.
const GENUINE: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUk\
    RZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6Il\
    AtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2Vu\
    IiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
const NOW: u64 = 1_562_262_616;
const URI: &str = "https://server.example.com/token";

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let (at, by) = (input.choose_index(GENUINE.len())?, input.int_in_range(0..=127_u8)?);
    let mut changed = GENUINE.to_owned();
    changed.replace_range(at..=at, char::from(by).encode_utf8(&mut [0]));
    accepted(&changed, URI);
    let Some(text) = text_or_edited(input, GENUINE)? else { return Ok(()) };
    accepted(&text, URI);
    accepted(&text, &text);
    if same_address(&text, URI) {
        assert!(text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")), "{text}");
    }
    if text.len() < 1_000 {
        assert_eq!(same_address(&text, &text), same_address(&text, &format!("{text}#{text}")), "{text}");
    }
    Ok(())
}

/// Nobody but its owner has the key; and with another key, it would be the fuzzer that has signed.
fn accepted(text: &str, uri: &str) {
    let request = Request { method: "POST", uri, access_token: None, nonces: &[] };
    assert_eq!(verify(text, &request, NOW, 60).is_ok(), text == GENUINE && uri == URI, "{text}");
}
