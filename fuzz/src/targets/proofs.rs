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

pub(super) fn check(input: Unstructured<'_>) -> Result<()> {
    let Some(text) = text_or_edited(input, GENUINE)? else { return Ok(()) };
    let of = |uri| verify(&text, &Request { method: "POST", uri, access_token: None, nonces: &[] }, NOW, 60);
    // Nobody but its owner has this key; a proof with another key would have to be signed by the fuzzer.
    assert_eq!(of(URI).is_ok(), text == GENUINE, "{text}");
    assert!(of(&text).is_err());
    if same_address(&text, URI) {
        assert!(text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")), "{text}");
    }
    if text.len() < 1_000 {
        assert_eq!(same_address(&text, &text), same_address(&text, &format!("{text}#{text}")), "{text}");
    }
    Ok(())
}
