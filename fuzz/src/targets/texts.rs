//! Whatever is read as a token, key, key file, share or address is written again as exactly that text, or would be by
//! the specification: one value has one spelling. So has what a transit key reads.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use avouch_seal::{
    Error,
    credential::ApiKey,
    format::{EmailDomain, EmailToken},
    root::{KeyFileSeal, Share},
    token::{Namespace, Token},
    transit::{Binding, HashAlgorithm, Marshaling, SignatureForm, SignedInput, TransitKey},
};
use data_encoding::{BASE64, BASE64URL_NOPAD, Encoding};

use crate::spelling::{check_2, check_6, is_base32, is_written_in};

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let form: u8 = input.int_in_range(0..=5)?;
    let Ok(text) = std::str::from_utf8(input.take_rest()) else { return Ok(()) };
    match form {
        0 => read(text),
        1 => read(&format!("{text}_{}", check_2(text))),
        2 => {
            read(&format!("{text}_{}", check_6(text)));
            read(&format!("{text}_{}\n", check_6(text)));
        }
        3 => {
            if let Some((body, host)) = text.split_once('@') {
                read(&format!("{body}_{}@{host}", check_2(text)));
            }
        }
        4 => share(text),
        _ => read(&format!("{text}\n")),
    }
    Ok(())
}

/// A share whose first line has these words for its numbers and its set, and all else right.
fn share(text: &str) {
    let mut words = text.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (number, count, threshold, set) = (word(), word(), word(), word());
    let header =
        format!("avouch recovery share v1: {number} of {count}, any {threshold} open the vault (set {set})");
    let lines = format!("{header}\n{}aaaa\n{}aaaa", "aaaa ".repeat(12), "aaaa ".repeat(5));
    read(&format!("{lines}_{}\n", check_6(&lines)));
}

/// Every reader, of the same text.
fn read(text: &str) {
    same(text, "token", Token::parse(text).map(|token| token.to_string()));
    same(text, "e-mail token", EmailToken::parse(text).map(|token| token.to_string()));
    same(text, "token namespace", Namespace::parse(text).map(|name| name.to_string()));
    same(text, "domain of e-mail tokens", EmailDomain::parse(text).map(|domain| domain.to_string()));
    same(text, "api key", ApiKey::parse(text).map(|key| String::clone(&key.reveal())));
    same(text, "recovery share", Share::from_text(text).map(|share| on_this_system(text, &share.to_text())));
    same(text, "root key file", KeyFileSeal::from_text(text).map(|_| on_this_system(text, &key_file(text))));
    transit(text);
}

/// What was read is written as `text`; what was not is refused as no text of this kind.
fn same(text: &str, kind: &'static str, written: avouch_seal::Result<String>) {
    match written {
        Ok(written) => assert_eq!(written, text, "{kind}"),
        Err(refused) => assert_eq!(refused, Error::Malformed(kind)),
    }
}

/// `written` with the line ends of `text`: files that people carry about may have either kind, and the last
/// may lack.
fn on_this_system(text: &str, written: &str) -> String {
    let mut ends = text.split('\n').map(|line| if line.ends_with('\r') { "\r\n" } else { "\n" });
    let lines = written.lines().zip(ends.by_ref()).map(|(line, end)| format!("{line}{end}"));
    let written: String = lines.collect();
    if text.ends_with('\n') { written } else { written.trim_end_matches(['\r', '\n']).to_owned() }
}

/// What the file would have to be, by its page.
fn key_file(text: &str) -> String {
    let mut lines = text.lines();
    let (header, key) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let headers = [
        "avouch root key v1 (whoever can read this file can open the vault)",
        "avouch demo root key v1 (demo keys protect nothing)",
    ];
    let key = key.split_once('_').map_or(key, |(key, _)| key);
    assert!(headers.contains(&header) && is_base32(key, 32), "a key file by other rules");
    let covered = format!("{header}\n{key}");
    format!("{covered}_{}\n", check_6(&covered))
}

/// One key of each kind that reads texts, each of one version.
static KEYS: LazyLock<[TransitKey; 3]> = LazyLock::new(|| {
    [1, 3, 4].map(|kind: u8| {
        let numbers = [1, 1, 1, 0].map(u32::to_le_bytes).concat();
        let stored = [&[0x01, kind, 0, 0, 0, 0], numbers.as_slice(), &[0; 8], &[0x42; 32]].concat();
        TransitKey::decode(&stored).expect("a stored key")
    })
});

/// A text that is refused for another reason than its form has the one form.
fn transit(text: &str) {
    let [cipher, ed25519, ecdsa] = &*KEYS;
    let form = |marshaling| SignatureForm { hash: HashAlgorithm::Sha256, marshaling };
    let message = SignedInput::Message(b"message");
    let (asn1, jws) = (form(Marshaling::Asn1), form(Marshaling::Jws));
    formed(text, &BASE64, cipher.decrypt(text, &Binding::default()).map(drop));
    formed(text, &BASE64, cipher.verify_hmac(HashAlgorithm::Sha256, b"message", text));
    for key in [ed25519, ecdsa] {
        formed(text, &BASE64, key.verify(asn1, message, text));
        formed(text, &BASE64URL_NOPAD, key.verify(jws, message, text));
    }
}

fn formed(text: &str, encoding: &Encoding, result: avouch_seal::Result<()>) {
    let parts = text.strip_prefix("vault:v").and_then(|rest| rest.split_once(':'));
    let version = parts.and_then(|(version, _)| version.parse::<u32>().ok()).filter(|version| *version > 0);
    let right = parts.zip(version).is_some_and(|((written, body), version)| {
        version.to_string() == written && is_written_in(encoding, body)
    });
    match result {
        Err(Error::Malformed(_)) => assert!(!right, "refused for its form"),
        Err(Error::Tampered) => assert!(right, "another spelling was read"),
        other => assert_eq!(other, Ok(())),
    }
}
