use std::sync::atomic::{AtomicUsize, Ordering};

use avouch_custody::{TransitSeal, TransitSettings};
use avouch_seal::{
    Error, SystemRandom, VaultId, labels,
    root::{RootError, RootResult, RootSeal as _, SealContext, SealInfo, SealKind},
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    bao::{Key, Running, TOKEN, errors, seal},
    server::{Answer, always, hasty, nobody, serve, twice},
};

const KEY: &[u8] = b"the key of the keyring, 32 bytes";
const CONTEXT: SealContext =
    SealContext { vault: VaultId([1; 16]), purpose: labels::KEYRING_KEY, generation: 7 };

/// What the blobs of `avouch` in `transit` begin with.
const HEADER: &[u8] = &[0x05, 0xd5, 0x78, 0x26, 0xaf, 0x71, 0x82, 0x0e, 0xe7];

fn wrap(seal: &TransitSeal) -> RootResult<Vec<u8>> {
    seal.wrap(KEY, &CONTEXT, &SystemRandom::new())
}

#[test]
fn what_was_wrapped_opens_in_another_process() {
    let running = Running::start();

    let blob = wrap(&running.seal()).unwrap();

    assert_eq!(
        running.server.lines(),
        [
            "GET /v1/transit/keys/avouch",
            "POST /v1/transit/encrypt/avouch",
            "POST /v1/transit/decrypt/avouch",
            "POST /v1/transit/decrypt/avouch",
        ],
        "looked at, sealed, opened again, and not in another context"
    );
    assert_eq!(running.seal().unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
    assert!(blob.starts_with(&[HEADER, b"vault:v1:"].concat()));
    assert_eq!(running.seal().health(), Ok(()));
}

#[test]
fn token_and_namespace_go_along_and_nothing_else_that_names_us() {
    let running = Running::start();
    running.bao().namespace = Some("company/team".to_owned());
    let seal = seal(TransitSettings { namespace: Some("company/team".to_owned()), ..running.settings() });

    seal.health().unwrap();

    let asked = running.server.asked();
    let mut headers: Vec<_> = asked[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    headers.sort_unstable();
    assert_eq!(
        headers,
        ["accept", "host", "user-agent", "x-vault-namespace", "x-vault-request", "x-vault-token"]
    );
    assert_eq!(asked[0].header("x-vault-token"), Some(TOKEN));
    insta::assert_snapshot!(running.seal().health().unwrap_err(), @"refuses: there is nothing at `transit/keys/avouch`; see the key, the mount of the engine and the namespace");
}

#[test]
fn another_context_does_not_open_it() {
    let running = Running::start();
    let seal = running.seal();
    let blob = wrap(&seal).unwrap();
    for moved in [
        SealContext { vault: VaultId([2; 16]), ..CONTEXT },
        SealContext { purpose: labels::KEK, ..CONTEXT },
        SealContext { generation: 6, ..CONTEXT },
        SealContext { generation: 8, ..CONTEXT },
    ] {
        assert_eq!(seal.unwrap(&blob, &moved), Err(Error::Tampered.into()), "{moved:?}");
    }
}

#[test]
fn another_name_is_another_root_and_another_key_of_the_name_does_not_open_it() {
    let running = Running::start();
    running.bao().keys.insert("next".to_owned(), Key::new(0x22));
    let blob = wrap(&running.seal()).unwrap();
    running.server.asked();

    let next = seal(TransitSettings { key: "next".to_owned(), ..running.settings() });
    assert_eq!(next.unwrap(&blob, &CONTEXT), Err(Error::WrongRoot.into()));
    assert!(running.server.asked().is_empty(), "nobody was asked");

    let elsewhere = Running::start();
    elsewhere.bao().keys.insert("avouch".to_owned(), Key::new(0x33));
    assert_eq!(elsewhere.seal().unwrap(&blob, &CONTEXT), Err(Error::Tampered.into()));
}

#[test]
fn every_truncation_and_every_altered_byte_is_refused() {
    let running = Running::start();
    let seal = running.seal();
    let blob = wrap(&seal).unwrap();
    for length in 0..blob.len() {
        let refused = seal.unwrap(&blob[..length], &CONTEXT).unwrap_err();
        assert!(
            matches!(refused, RootError::Seal(Error::Malformed(_) | Error::Tampered)),
            "{length}: {refused:?}"
        );
    }
    for (at, flip) in (0..blob.len()).flat_map(|at| [(at, 0x80), (at, 0x01)]) {
        let mut altered = blob.clone();
        altered[at] ^= flip;
        let refused = seal.unwrap(&altered, &CONTEXT).unwrap_err();
        let expected = if at < 9 {
            refused == Error::WrongRoot.into()
        } else {
            matches!(refused, RootError::Seal(Error::Malformed(_) | Error::Tampered))
        };
        assert!(expected, "{at} {flip}: {refused:?}");
    }
}

#[test]
fn an_unsafe_key_is_refused_before_anything_is_sealed_with_it() {
    let running = Running::start();
    let mut texts = Vec::new();
    for (member, value) in [
        ("exportable", json!(true)),
        ("allow_plaintext_backup", json!(true)),
        ("derived", json!(true)),
        ("convergent_encryption", json!(true)),
        ("soft_deleted", json!(true)),
        ("type", json!("aes128-gcm96")),
        ("type", json!("rsa-4096")),
    ] {
        let mut key = Key::new(0x11);
        key.properties[member] = value;
        running.bao().keys.insert("avouch".to_owned(), key);

        let refused = wrap(&running.seal()).unwrap_err();

        assert_eq!(running.seal().health(), Err(refused.clone()));
        assert!(running.server.lines().iter().all(|line| line.starts_with("GET ")));
        texts.push(refused.to_string());
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    refuses: the transit key `avouch` is not one to trust a keyring to: it can be taken out of the engine (exportable); make one for this alone
    refuses: the transit key `avouch` is not one to trust a keyring to: it can be taken out of the engine (allow_plaintext_backup); make one for this alone
    refuses: the transit key `avouch` is not one to trust a keyring to: it derives a key for each context (derived); make one for this alone
    refuses: the transit key `avouch` is not one to trust a keyring to: it makes equal ciphertexts of equal keys (convergent_encryption); make one for this alone
    refuses: the transit key `avouch` is not one to trust a keyring to: it is deleted, though not for good yet (soft_deleted); make one for this alone
    refuses: the transit key `avouch` is not one to trust a keyring to: its type is none of aes256-gcm96 and (x)chacha20-poly1305; make one for this alone
    refuses: the transit key `avouch` is not one to trust a keyring to: its type is none of aes256-gcm96 and (x)chacha20-poly1305; make one for this alone
    ");
    for kind in ["chacha20-poly1305", "xchacha20-poly1305"] {
        running.bao().keys.insert("avouch".to_owned(), {
            let mut key = Key::new(0x11);
            key.properties["type"] = json!(kind);
            key
        });
        assert_eq!(running.seal().health(), Ok(()), "{kind}");
    }
}

#[test]
fn what_an_engine_does_not_say_of_its_key_is_not_taken_for_safe() {
    let running = Running::start();
    for member in ["type", "exportable", "allow_plaintext_backup", "derived"] {
        let mut key = Key::new(0x11);
        key.properties.as_object_mut().unwrap().remove(member);
        running.bao().keys.insert("avouch".to_owned(), key);
        assert!(matches!(running.seal().health(), Err(RootError::Unreachable(_))), "{member}");
    }
}

#[test]
fn a_mistyped_key_is_not_made() {
    let running = Running::start();
    let mistyped = seal(TransitSettings { key: "avuoch".to_owned(), ..running.settings() });

    insta::assert_snapshot!(wrap(&mistyped).unwrap_err(), @"refuses: there is nothing at `transit/keys/avuoch`; see the key, the mount of the engine and the namespace");

    assert!(!running.bao().keys.contains_key("avuoch"));
}

#[test]
fn an_engine_that_ignores_associated_data_is_refused() {
    let running = Running::start();
    running.bao().ignores_associated_data = true;
    insta::assert_snapshot!(wrap(&running.seal()).unwrap_err(), @"refuses: it opens what was sealed for another purpose: it ignores associated data and is too old for this");
}

#[test]
fn a_token_that_may_not_do_all_of_it_is_refused_when_sealing() {
    let running = Running::start();
    let mut texts = Vec::new();
    for forbidden in ["/keys/", "/encrypt/", "/decrypt/"] {
        running.bao().forbidden = forbidden;
        texts.push(wrap(&running.seal()).unwrap_err().to_string());
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    refuses: the token is not let in: its policy has to allow `read` on `transit/keys/avouch`, in this namespace; it may also have expired
    refuses: the token is not let in: its policy has to allow `update` on `transit/encrypt/avouch`, in this namespace; it may also have expired
    refuses: the token is not let in: its policy has to allow `update` on `transit/decrypt/avouch`, in this namespace; it may also have expired
    ");
}

#[test]
fn a_rotated_key_opens_old_blobs_until_it_is_told_not_to() {
    let running = Running::start();
    let seal = running.seal();
    let old = wrap(&seal).unwrap();
    running.bao().keys.get_mut("avouch").unwrap().versions.push([0x44; 32]);

    let new = wrap(&seal).unwrap();

    assert_eq!(&new[9..18], b"vault:v2:");
    for blob in [&old, &new] {
        assert_eq!(seal.unwrap(blob, &CONTEXT).unwrap().as_slice(), KEY);
    }
    running.bao().keys.get_mut("avouch").unwrap().min_decryption_version = 2;
    insta::assert_snapshot!(seal.unwrap(&old, &CONTEXT).unwrap_err(), @"refuses: the transit key `avouch` no longer opens what so old a version sealed; lower its min_decryption_version, and seal anew");
    running.bao().keys.get_mut("avouch").unwrap().versions.pop();
    insta::assert_snapshot!(seal.unwrap(&new, &CONTEXT).unwrap_err(), @"refuses: the transit key `avouch` has no version as new as the one that sealed; was the engine put back to an older copy");
}

#[test]
fn the_token_is_read_anew_for_each_request() {
    let running = Running::start();
    let reads = AtomicUsize::new(0);
    let seal = TransitSeal::new(running.settings(), move || {
        Ok(Zeroizing::new(format!("hvs.{}", reads.fetch_add(1, Ordering::Relaxed))))
    })
    .unwrap();
    for number in 0..3 {
        running.bao().token = format!("hvs.{number}");
        assert_eq!(seal.health(), Ok(()), "{number}");
    }
    let gone = RootError::Refused("the token's file is gone".to_owned());
    let missing = gone.clone();
    let without = TransitSeal::new(running.settings(), move || Err(missing.clone())).unwrap();
    assert_eq!(without.health(), Err(gone));
}

#[test]
fn a_token_that_is_none_is_not_sent() {
    let running = Running::start();
    let mut texts = Vec::new();
    for token in ["", "hvs.geheim\n", "hvs.geheim\r\nx-evil: 1", "hvs.gehe\u{ef}m", &"g".repeat(5000)] {
        let token = token.to_owned();
        let seal = TransitSeal::new(running.settings(), move || Ok(Zeroizing::new(token.clone()))).unwrap();
        texts.push(seal.health().unwrap_err().to_string());
    }
    texts.dedup();
    insta::assert_snapshot!(texts.join("\n"), @"refuses: the token is empty, or has characters that no token has; see that its file ends with it");
    assert!(running.server.asked().is_empty());
}

#[test]
fn each_refusal_names_what_to_look_at_and_only_passing_ones_are_tried_again() {
    let mut texts = Vec::new();
    for (status, text) in [
        (400, "invalid ciphertext: unable to decrypt"),
        (400, "invalid ciphertext: could not decode base64"),
        (400, "cipher: message authentication failed"),
        (400, "encryption key not found"),
        (400, "geheimnis: something else"),
        (401, "missing client token"),
        (403, "permission denied"),
        (404, "no handler for route"),
        (405, "unsupported operation"),
        (412, "required index state not present"),
        (429, "request path \"transit/\": rate limit quota exceeded"),
        (500, "internal error: geheimnis"),
        (502, "bad gateway"),
        (503, "OpenBao is sealed"),
        (503, "upstream is busy"),
        (599, "odd"),
    ] {
        let server = always(move || errors(status, text));
        let seal =
            seal(TransitSettings { reach: twice(), ..TransitSettings::new(server.address(), "avouch") });
        let blob = [HEADER, b"vault:v1:AAAA".as_slice()].concat();

        let refused = seal.unwrap(&blob, &CONTEXT).unwrap_err().to_string();

        let tries = server.asked().len();
        texts.push(format!("{status} {tries}x {refused}").replace(&server.address(), "http://bao"));
    }
    let texts = texts.join("\n");
    assert!(!texts.contains("geheim"), "{texts}");
    insta::assert_snapshot!(texts, @"
    400 1x sealed data does not open: it was altered, moved, or belongs to another key
    400 1x sealed data does not open: it was altered, moved, or belongs to another key
    400 1x sealed data does not open: it was altered, moved, or belongs to another key
    400 1x refuses: there is no key `avouch` in the engine at `transit`
    400 1x cannot be reached: `http://bao` takes the request for a wrong one; is the engine at `transit` a transit engine
    401 1x refuses: the token is not let in: its policy has to allow `update` on `transit/decrypt/avouch`, in this namespace; it may also have expired
    403 1x refuses: the token is not let in: its policy has to allow `update` on `transit/decrypt/avouch`, in this namespace; it may also have expired
    404 1x refuses: there is nothing at `transit/decrypt/avouch`; see the key, the mount of the engine and the namespace
    405 1x cannot be reached: `http://bao` answers with status 405; see that the address is right
    412 2x cannot be reached: `http://bao` has no answer: status 412; see its log
    429 2x cannot be reached: `http://bao` limits requests, and we are over the limit; see its quotas, and try later
    500 2x cannot be reached: `http://bao` has no answer: status 500; see its log
    502 2x cannot be reached: `http://bao` has no answer: status 502; see its log
    503 1x cannot be reached: `http://bao` is sealed; unseal it
    503 2x cannot be reached: `http://bao` has no answer: status 503; see its log
    599 2x cannot be reached: `http://bao` has no answer: status 599; see its log
    ");
}

#[test]
fn a_service_that_comes_back_is_waited_for() {
    let running = Running::start();
    let blob = wrap(&running.seal()).unwrap();
    let port = running.server.port;
    let mut answers = vec![errors(500, "starting"), Answer::Close];
    let flaky = serve(move |asked| match answers.pop() {
        Some(answer) => answer,
        None => crate::server::forward(port, asked),
    });
    let seal = seal(TransitSettings { address: flaky.address(), ..running.settings() });
    assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
    assert_eq!(flaky.asked().len(), 3);
}

#[test]
fn a_server_that_is_not_there_or_talks_nonsense_is_told() {
    let servers = [
        ("nobody", None),
        ("closes", Some(always(|| Answer::Close))),
        ("silent", Some(always(|| Answer::Silence))),
        ("dripping", Some(always(|| Answer::Dripping))),
        ("endless", Some(always(|| Answer::Endless))),
        ("no HTTP", Some(always(|| Answer::Raw(b"SSH-2.0-geheim\r\n".to_vec())))),
        (
            "no JSON",
            Some(always(|| Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ngeheim".to_vec()))),
        ),
        ("other JSON", Some(always(|| Answer::Json(200, json!({"data": {"plain": "geheim"}}))))),
        (
            "breaks off",
            Some(always(|| Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n{\"da".to_vec()))),
        ),
        (
            "long head",
            Some(always(|| Answer::Raw([b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &[b'x'; 1 << 20]].concat()))),
        ),
    ];
    let mut texts = Vec::new();
    for (what, server) in servers {
        let address = server.as_ref().map_or_else(nobody, crate::server::Server::address);
        let reach = if matches!(what, "silent" | "dripping") { hasty() } else { twice() };
        let seal = seal(TransitSettings { reach, ..TransitSettings::new(&address, "avouch") });
        let refused = seal.health().unwrap_err();
        assert!(matches!(refused, RootError::Unreachable(_)), "{what}: {refused:?}");
        let tries = server.map_or(0, |server| server.asked().len());
        texts.push(format!("{what}: {tries}x {}", refused.to_string().replace(&address, "http://bao")));
    }
    let texts = texts.join("\n");
    assert!(!texts.contains("geheim"), "{texts}");
    insta::assert_snapshot!(texts, @"
    nobody: 0x cannot be reached: `http://bao` has no answer: connection refused
    closes: 2x cannot be reached: `http://bao` has no answer: unexpected end of file
    silent: 2x cannot be reached: `http://bao` takes too long to answer
    dripping: 2x cannot be reached: `http://bao` takes too long to answer
    endless: 1x cannot be reached: `http://bao` answers with more than any answer of the service has; see that the address is right
    no HTTP: 1x cannot be reached: `http://bao` answers, and not as the service should; see that the address is right
    no JSON: 1x cannot be reached: `http://bao` answers, and not as the service should; see that the address is right
    other JSON: 1x cannot be reached: `http://bao` answers, and not as the service should; see that the address is right
    breaks off: 2x cannot be reached: `http://bao` has no answer: unexpected end of file
    long head: 1x cannot be reached: `http://bao` answers with more than any answer of the service has; see that the address is right
    ");
}

#[test]
fn an_answer_that_is_no_ciphertext_or_not_what_was_sealed_is_refused() {
    for (ciphertext, plaintext) in [("geheim", ""), ("vault:v1:AAAA", "AAAA"), ("vault:v1:AAAA", "!!!!")] {
        let server = serve(move |asked| match asked.path.as_str() {
            "/v1/transit/keys/avouch" => Answer::Json(200, json!({"data": Key::new(0).properties})),
            "/v1/transit/encrypt/avouch" => Answer::Json(200, json!({"data": {"ciphertext": ciphertext}})),
            _ => Answer::Json(200, json!({"data": {"plaintext": plaintext}})),
        });
        let seal = seal(TransitSettings::new(server.address(), "avouch"));
        let refused = wrap(&seal).unwrap_err();
        assert!(matches!(refused, RootError::Unreachable(_) | RootError::Refused(_)), "{refused:?}");
        assert!(!refused.to_string().contains("geheim"));
    }
}

#[test]
fn a_redirect_does_not_lead_the_token_away() {
    let other = always(|| errors(500, "nobody should be here"));
    let there = other.address();
    for status in [301, 302, 303, 307, 308] {
        let there = there.clone();
        let server = serve(move |asked| {
            Answer::Raw(
                format!(
                    "HTTP/1.1 {status} Moved\r\nlocation: {there}{}\r\ncontent-length: 0\r\n\r\n",
                    asked.path
                )
                .into(),
            )
        });
        let seal = seal(TransitSettings::new(server.address(), "avouch"));
        let refused = seal.health().unwrap_err().to_string();
        assert!(refused.contains("points elsewhere"), "{refused}");
        assert!(matches!(
            seal.unwrap(&[HEADER, b"vault:v1:AAAA".as_slice()].concat(), &CONTEXT),
            Err(RootError::Unreachable(_))
        ));
    }
    assert!(other.asked().is_empty());
}

#[test]
fn an_engine_on_this_machine_may_keep_its_key_here() {
    let info = |address: &str| seal(TransitSettings::new(address, "avouch")).info();
    let away = SealInfo { kind: SealKind::Transit, key_beside_data_possible: false, demo: false };
    assert_eq!(info("https://bao.example.org:8200"), away);
    assert_eq!(info("http://localhost:8200"), SealInfo { key_beside_data_possible: true, ..away });
}

#[test]
fn debug_shows_no_token() {
    let running = Running::start();
    assert!(!format!("{:?} {:?}", running.seal(), running.settings()).contains(TOKEN));
}
