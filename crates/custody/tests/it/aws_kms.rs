use std::sync::atomic::{AtomicI64, Ordering};

use avouch_custody::{AwsKmsSeal, AwsKmsSettings, Credentials};
use avouch_seal::{
    Error, SystemRandom, VaultId, labels,
    root::{RootError, RootResult, RootSeal as _, SealContext},
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    kms::{ID, Key, OTHER_ID, Running, SECRET, arn, credentials, fault, now, seal, settings},
    server::{Answer, Server, always, hasty, nobody, serve, twice},
};

const KEY: &[u8] = b"the key of the keyring, 32 bytes";
const CONTEXT: SealContext =
    SealContext { vault: VaultId([1; 16]), purpose: labels::KEYRING_KEY, generation: 7 };

/// What the blobs of the key begin with.
const HEADER: &[u8] = &[0x06, 0xee, 0xf7, 0x89, 0x5d, 0xc0, 0x67, 0xc2, 0x9f];

fn wrap(seal: &AwsKmsSeal) -> RootResult<Vec<u8>> {
    seal.wrap(KEY, &CONTEXT, &SystemRandom::new())
}

fn refused(answer: RootResult<()>) -> String {
    let error = answer.expect_err("it is refused");
    assert!(matches!(error, RootError::Refused(_)), "{error:?}");
    error.to_string()
}

#[test]
fn what_was_wrapped_opens_in_another_process_by_id_and_by_arn() {
    let running = Running::start();

    let blob = wrap(&running.seal()).unwrap();

    assert_eq!(
        running.actions(),
        ["TrentService.DescribeKey", "TrentService.Encrypt", "TrentService.Decrypt"],
        "looked at, sealed, opened again"
    );
    assert!(blob.starts_with(HEADER));
    for key in [ID.to_owned(), arn(ID)] {
        let again = seal(&AwsKmsSettings { key, ..running.settings() });
        assert_eq!(again.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
        assert_eq!(again.health(), Ok(()));
    }
}

#[test]
fn the_log_of_the_service_can_tell_what_was_asked_for() {
    let running = Running::start();
    wrap(&running.seal()).unwrap();
    let asked = running.server.asked();
    let body: Value = serde_json::from_slice(&asked[1].body).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&body["EncryptionContext"]).unwrap(), @r#"
    {
      "avouch:generation": "7",
      "avouch:purpose": "avouch/keyring-key/v1",
      "avouch:seal": "avouch/root/aws-kms/v1",
      "avouch:vault": "01010101010101010101010101010101"
    }
    "#);
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
fn another_key_is_another_root_whoever_notices() {
    let running = Running::start();
    let other = seal(&AwsKmsSettings { key: OTHER_ID.to_owned(), ..running.settings() });
    let (ours, theirs) = (wrap(&running.seal()).unwrap(), wrap(&other).unwrap());
    running.server.asked();

    assert_eq!(other.unwrap(&ours, &CONTEXT), Err(Error::WrongRoot.into()));
    assert!(running.server.asked().is_empty(), "nobody was asked");

    let passed_off = [&ours[..9], &theirs[9..]].concat();
    assert_eq!(running.seal().unwrap(&passed_off, &CONTEXT), Err(Error::WrongRoot.into()));
    assert_eq!(running.actions(), ["TrentService.Decrypt"], "the service noticed");
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
    for at in 0..blob.len() {
        let mut altered = blob.clone();
        altered[at] ^= 0x80;
        let expected = if at < 9 { Error::WrongRoot } else { Error::Tampered };
        assert_eq!(seal.unwrap(&altered, &CONTEXT), Err(expected.into()), "{at}");
    }
}

#[test]
fn a_session_token_is_sent_and_signed() {
    let running = Running::start();
    let with_token = || Credentials {
        session_token: Some(Zeroizing::new("AQoDYXdzEPT//////////wEXAMPLE==".to_owned())),
        ..credentials()
    };
    running.kms().credentials = with_token();

    let seal = AwsKmsSeal::new(&running.settings(), move || Ok(with_token()), now).unwrap();

    assert_eq!(seal.health(), Ok(()));
    assert!(refused(running.seal().health()).contains("session token"));
}

#[test]
fn whatever_is_changed_on_the_way_breaks_the_signature() {
    let running = Running::start();
    let seal = running.seal();
    let mut texts = Vec::new();
    let changes: [fn(&mut crate::server::Asked); 5] = [
        |asked| asked.body.push(b' '),
        |asked| asked.path.push('x'),
        |asked| change(asked, "x-amz-target", "TrentService.ScheduleKeyDeletion"),
        |asked| change(asked, "host", "kms.example.org"),
        |asked| change(asked, "x-amz-date", "20261128T070001Z"),
    ];
    for on_the_way in changes {
        running.kms().on_the_way = on_the_way;
        texts.push(refused(seal.health()));
    }
    texts.dedup();
    insta::assert_snapshot!(texts.join("\n"), @"refuses: the signature is not accepted; see the secret key, the region, and this machine's clock");
    running.kms().on_the_way = |_| ();
    assert_eq!(seal.health(), Ok(()));
}

fn change(asked: &mut crate::server::Asked, name: &str, to: &str) {
    let header = asked.headers.iter_mut().find(|(key, _)| key == name).expect("it was sent");
    to.clone_into(&mut header.1);
}

#[test]
fn a_wrong_clock_or_secret_is_told() {
    let running = Running::start();
    for minutes in [-6, 6] {
        let off = move || now() + SignedDuration::from_mins(minutes);
        let seal = AwsKmsSeal::new(&running.settings(), || Ok(credentials()), off).unwrap();
        assert!(refused(seal.health()).contains("this machine's clock"), "{minutes}");
    }
    for minutes in [-4, 4] {
        let off = move || now() + SignedDuration::from_mins(minutes);
        let seal = AwsKmsSeal::new(&running.settings(), || Ok(credentials()), off).unwrap();
        assert_eq!(seal.health(), Ok(()), "{minutes}");
    }
    let wrong =
        || Credentials { secret_key: Zeroizing::new("another secret".replace(' ', "-")), ..credentials() };
    let seal = AwsKmsSeal::new(&running.settings(), move || Ok(wrong()), now).unwrap();
    assert!(refused(seal.health()).contains("the secret key"));
}

#[test]
fn credentials_and_time_are_asked_for_at_each_try() {
    let running = Running::start();
    let port = running.server.port;
    let mut answers = vec![fault(503, "ServiceUnavailable"), fault(400, "ThrottlingException")];
    let flaky = serve(move |asked| answers.pop().unwrap_or_else(|| crate::server::forward(port, asked)));
    let (seconds, gone) = (AtomicI64::new(0), RootError::Refused("the file is gone".to_owned()));
    let clock = move || now() + SignedDuration::from_secs(seconds.fetch_add(1, Ordering::Relaxed));
    let seal = AwsKmsSeal::new(&settings(flaky.address()), || Ok(credentials()), clock).unwrap();

    assert_eq!(seal.health(), Ok(()));

    let asked = flaky.asked();
    let dates: Vec<_> = asked.iter().map(|asked| asked.header("x-amz-date").unwrap()).collect();
    assert_eq!(dates, ["20261128T070000Z", "20261128T070001Z", "20261128T070002Z"]);
    let missing = gone.clone();
    let seal = AwsKmsSeal::new(&running.settings(), move || Err(missing.clone()), now).unwrap();
    assert_eq!(seal.health(), Err(gone));
}

#[test]
fn credentials_with_a_line_end_are_not_signed_with() {
    let running = Running::start();
    let with_line_end = || Credentials { secret_key: Zeroizing::new(format!("{SECRET}\n")), ..credentials() };
    let seal = AwsKmsSeal::new(&running.settings(), move || Ok(with_line_end()), now).unwrap();
    assert!(refused(seal.health()).contains("characters that none have"));
    assert!(running.server.asked().is_empty());
}

#[test]
fn a_key_that_cannot_seal_is_refused_before_it_is_asked_to() {
    let running = Running::start();
    let mut texts = Vec::new();
    for (member, value) in [
        ("KeyState", "Disabled"),
        ("KeyState", "PendingDeletion"),
        ("KeyState", "PendingImport"),
        ("KeyState", "Unavailable"),
        ("KeyUsage", "SIGN_VERIFY"),
        ("KeySpec", "RSA_4096"),
        ("KeyId", OTHER_ID),
    ] {
        let mut key = Key::new(ID, 0x11);
        key.metadata[member] = json!(value);
        running.kms().keys.insert(ID, key);
        texts.push(refused(running.seal().health()));
        assert!(wrap(&running.seal()).is_err());
        assert!(running.actions().iter().all(|action| action.ends_with("DescribeKey")));
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` cannot be used: it is disabled; enable it
    refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` cannot be used: it is about to be deleted, and the keyring with it; cancel that now
    refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` cannot be used: it has no key material; import it
    refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` cannot be used: it is not ready for use; see its state
    refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` cannot be used: it is not a symmetric key for encryption; make one for this alone
    refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` cannot be used: it is not a symmetric key for encryption; make one for this alone
    refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` cannot be used: it answers for another one
    ");
    running.kms().keys.insert(ID, Key::new(ID, 0x11));
    assert_eq!(running.seal().health(), Ok(()));
}

#[test]
fn credentials_that_may_not_do_all_of_it_are_refused_when_sealing() {
    let running = Running::start();
    let mut texts = Vec::new();
    for forbidden in ["DescribeKey", "Encrypt", "Decrypt"] {
        running.kms().forbidden = forbidden;
        texts.push(refused(wrap(&running.seal()).map(|_| ())));
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    refuses: the credentials may not do `kms:DescribeKey` with the key `1234abcd-12ab-34cd-56ef-1234567890ab`; see the key's policy, and theirs
    refuses: the credentials may not do `kms:Encrypt` with the key `1234abcd-12ab-34cd-56ef-1234567890ab`; see the key's policy, and theirs
    refuses: the credentials may not do `kms:Decrypt` with the key `1234abcd-12ab-34cd-56ef-1234567890ab`; see the key's policy, and theirs
    ");
}

#[test]
fn each_refusal_names_what_to_look_at_and_only_passing_ones_are_tried_again() {
    let mut texts = Vec::new();
    for (status, kind) in [
        (400, "InvalidCiphertextException"),
        (400, "IncorrectKeyException"),
        (400, "AccessDeniedException"),
        (400, "NotFoundException"),
        (400, "DisabledException"),
        (400, "KMSInvalidStateException"),
        (400, "InvalidKeyUsageException"),
        (400, "ExpiredTokenException"),
        (400, "UnrecognizedClientException"),
        (400, "InvalidSignatureException"),
        (403, "SignatureDoesNotMatch"),
        (400, "ThrottlingException"),
        (500, "KeyUnavailableException"),
        (500, "KMSInternalException"),
        (400, "SomethingNewException"),
        (500, "SomethingNewException"),
        (400, "geheim nis"),
        (404, ""),
    ] {
        let server = always(move || fault(status, kind));
        let tries = AwsKmsSettings { reach: twice(), ..settings(server.address()) };
        let blob = [HEADER, b"sealed"].concat();
        let refused = seal(&tries).unwrap(&blob, &CONTEXT).unwrap_err().to_string();
        let tries = server.asked().len();
        texts.push(format!("{status} {kind} {tries}x {refused}").replace(&server.address(), "http://kms"));
    }
    insta::assert_snapshot!(texts.join("\n"), @"
    400 InvalidCiphertextException 1x sealed data does not open: it was altered, moved, or belongs to another key
    400 IncorrectKeyException 1x this root seal is not the one that sealed the keyring
    400 AccessDeniedException 1x refuses: the credentials may not do `kms:Decrypt` with the key `1234abcd-12ab-34cd-56ef-1234567890ab`; see the key's policy, and theirs
    400 NotFoundException 1x refuses: there is no key `1234abcd-12ab-34cd-56ef-1234567890ab` in this region and account; see the region, or name its ARN
    400 DisabledException 1x refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` is disabled; enable it
    400 KMSInvalidStateException 1x refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` is in a state in which it cannot be used; see whether it is about to be deleted
    400 InvalidKeyUsageException 1x refuses: the key `1234abcd-12ab-34cd-56ef-1234567890ab` is not a symmetric key for encryption
    400 ExpiredTokenException 1x refuses: the credentials have expired; see what renews them
    400 UnrecognizedClientException 1x refuses: the credentials are not known; see the access key, and the session token if there is one
    400 InvalidSignatureException 1x refuses: the signature is not accepted; see the secret key, the region, and this machine's clock
    403 SignatureDoesNotMatch 1x refuses: the signature is not accepted; see the secret key, the region, and this machine's clock
    400 ThrottlingException 2x cannot be reached: `http://kms` has had too many requests of this account; see its quota, and try later
    500 KeyUnavailableException 2x cannot be reached: `http://kms` cannot do it at the moment; see the health of the service, and of the key's store
    500 KMSInternalException 2x cannot be reached: `http://kms` cannot do it at the moment; see the health of the service, and of the key's store
    400 SomethingNewException 1x refuses: AWS KMS answers Decrypt with `SomethingNewException`
    500 SomethingNewException 2x cannot be reached: `http://kms` has no answer: status 500
    400 geheim nis 1x cannot be reached: `http://kms` answers with status 400; see that it is an endpoint of AWS KMS
    404  1x cannot be reached: `http://kms` answers with status 404; see that it is an endpoint of AWS KMS
    ");
}

#[test]
fn a_server_that_is_not_there_or_talks_nonsense_is_told() {
    let raw = |text: &'static str| Some(always(move || Answer::Raw(text.into())));
    let servers = [
        ("nobody", None),
        ("silent", Some(always(|| Answer::Silence))),
        ("endless", Some(always(|| Answer::Endless))),
        ("no JSON", raw("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ngeheim")),
        ("other JSON", Some(always(|| Answer::Json(200, json!({"Plain": "geheim"}))))),
        ("a proxy", raw("HTTP/1.1 502 Bad\r\ncontent-length: 6\r\n\r\ngeheim")),
        (
            "a redirect",
            raw("HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
        ),
    ];
    let mut texts = Vec::new();
    for (what, server) in servers {
        let address = server.as_ref().map_or_else(nobody, Server::address);
        let reach = if matches!(what, "silent" | "dripping") { hasty() } else { twice() };
        let seal = seal(&AwsKmsSettings { reach, ..settings(address.clone()) });
        let refused = seal.health().unwrap_err();
        assert!(matches!(refused, RootError::Unreachable(_)), "{what}: {refused:?}");
        let tries = server.map_or(0, |server| server.asked().len());
        texts.push(format!("{what}: {tries}x {}", refused.to_string().replace(&address, "http://kms")));
    }
    let texts = texts.join("\n");
    assert!(!texts.contains("geheim"), "{texts}");
    insta::assert_snapshot!(texts, @"
    nobody: 0x cannot be reached: `http://kms` has no answer: connection refused
    silent: 2x cannot be reached: `http://kms` takes too long to answer
    endless: 1x cannot be reached: `http://kms` answers with more than any answer of the service has; see that the address is right
    no JSON: 1x cannot be reached: `http://kms` answers, and not as the service should; see that the address is right
    other JSON: 1x cannot be reached: `http://kms` answers, and not as the service should; see that the address is right
    a proxy: 2x cannot be reached: `http://kms` has no answer: status 502
    a redirect: 1x cannot be reached: `http://kms` points elsewhere, where we do not follow; name the server that does the work
    ");
}

#[test]
fn an_answer_for_another_key_is_not_taken() {
    for (sealed_by, opened_by) in [(OTHER_ID, ID), (ID, OTHER_ID)] {
        let server = serve(move |asked| match asked.header("x-amz-target") {
            Some("TrentService.DescribeKey") => {
                Answer::Json(200, json!({"KeyMetadata": Key::new(ID, 0).metadata}))
            }
            Some("TrentService.Encrypt") => {
                Answer::Json(200, json!({"CiphertextBlob": "AAAA", "KeyId": arn(sealed_by)}))
            }
            _ => Answer::Json(
                200,
                json!({"Plaintext": data_encoding::BASE64.encode(KEY), "KeyId": arn(opened_by)}),
            ),
        });
        let said = refused(wrap(&seal(&settings(server.address()))).map(|_| ()));
        assert!(said.contains("another key"), "{said}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let running = Running::start();
    let shown = format!("{:?} {:?} {:?}", running.seal(), running.settings(), credentials());
    assert!(!shown.contains(SECRET), "{shown}");
}
