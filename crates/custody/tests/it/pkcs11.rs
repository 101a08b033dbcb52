use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use avouch_custody::{KeyName, Pkcs11Seal, Pkcs11Settings};
use avouch_seal::{
    Error, SystemRandom, VaultId, labels,
    root::{FORMAT_TRANSIT, RootError, RootSeal as _, SealContext, SealInfo, SealKind},
};
use cryptoki::object::{Attribute, AttributeInfo, AttributeType, ObjectClass};
use zeroize::Zeroizing;

use crate::tokens::{Tokens, alone, careless_key, settings};

const KEY: &[u8] = b"the key of the keyring, 32 bytes";
const CONTEXT: SealContext =
    SealContext { vault: VaultId([1; 16]), purpose: labels::KEYRING_KEY, generation: 7 };

fn made(tokens: &Tokens, token: &str, key: &str) -> Pkcs11Seal {
    tokens.make(token);
    Pkcs11Seal::generate(&settings(token, key), &SystemRandom::new()).expect("it makes a key")
}

fn refused(settings: &Pkcs11Settings) -> String {
    let error = Pkcs11Seal::open(settings).expect_err("it does not open");
    assert!(!matches!(error, RootError::Seal(_)), "{error:?}");
    error.to_string()
}

#[test]
fn what_was_wrapped_opens_after_the_seal_was_opened_again() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();
        assert_ne!(seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap(), blob);
        drop(seal);

        let seal = Pkcs11Seal::open(&settings("avouch", "root")).unwrap();

        assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
        assert_eq!(seal.health(), Ok(()));
        // 0x04, id, iv, key, tag
        assert_eq!((blob[0], blob.len()), (0x04, 1 + 8 + 12 + 32 + 16));
        assert!(!blob.windows(4).any(|window| window == &KEY[..4]));
    });
}

#[test]
fn a_token_in_software_is_not_passed_off_as_a_device() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let info = SealInfo { kind: SealKind::Pkcs11, key_beside_data_possible: true, demo: false };
        assert_eq!(seal.info(), info);
        insta::assert_snapshot!(format!("{seal:?}"), @r#"Pkcs11Seal { token: Token { label: "avouch", .. }, key: Label("root"), hardware: false, .. }"#);
    });
}

#[test]
fn the_key_cannot_be_read_out_or_be_made_to_wrap() {
    alone!(|tokens| {
        let _seal = made(tokens, "avouch", "root");
        let session = tokens.session("avouch");
        let found = session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)]).unwrap();
        let [key] = found.as_slice() else { panic!("{found:?}") };

        let value = session.get_attribute_info(*key, &[AttributeType::Value]).unwrap();
        assert!(matches!(value.as_slice(), [AttributeInfo::Sensitive]), "{value:?}");
        for more in [Attribute::Wrap(true), Attribute::Extractable(true), Attribute::Sensitive(false)] {
            assert!(session.update_attributes(*key, std::slice::from_ref(&more)).is_err(), "{more:?}");
        }
        for change in [&[] as &[_], &[Attribute::Wrap(true)]] {
            assert!(session.copy_object(*key, change).is_err(), "{change:?}");
        }
    });
}

#[test]
fn a_key_is_made_once() {
    alone!(|tokens| {
        tokens.make("avouch");
        let open =
            || Pkcs11Seal::open_or_generate(&settings("avouch", "root"), &SystemRandom::new()).unwrap();
        let blob = open().wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();
        assert_eq!(open().unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
        careless_key(&tokens.session("avouch"), "careless", &[Attribute::Extractable(true)]);
        let careless = Pkcs11Seal::open_or_generate(&settings("avouch", "careless"), &SystemRandom::new());
        assert!(careless.unwrap_err().to_string().contains("CKA_EXTRACTABLE"));
    });
}

#[test]
fn another_context_does_not_open_it() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();
        for moved in [
            SealContext { vault: VaultId([2; 16]), ..CONTEXT },
            SealContext { purpose: labels::KEK, ..CONTEXT },
            SealContext { generation: 6, ..CONTEXT },
            SealContext { generation: 8, ..CONTEXT },
        ] {
            assert_eq!(seal.unwrap(&blob, &moved), Err(Error::Tampered.into()), "{moved:?}");
        }
        assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY, "and the seal works on");
    });
}

#[test]
fn another_key_is_another_root() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();
        let beside = Pkcs11Seal::generate(&settings("avouch", "next"), &SystemRandom::new()).unwrap();
        let elsewhere = made(tokens, "spare", "root");
        for other in [beside, elsewhere] {
            assert_eq!(other.unwrap(&blob, &CONTEXT), Err(Error::WrongRoot.into()));
        }
        assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
    });
}

#[test]
fn every_truncation_and_every_altered_byte_is_refused() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();
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
        let longer = [blob.as_slice(), &[0]].concat();
        assert_eq!(seal.unwrap(&longer, &CONTEXT), Err(Error::Tampered.into()));
    });
}

#[test]
fn a_wrong_pin_is_said_and_a_wrong_label_names_what_is_there() {
    alone!(|tokens| {
        drop(made(tokens, "avouch", "root"));
        tokens.make("payroll");
        let right = settings("avouch", "root");

        let pin = Pkcs11Settings { pin: Zeroizing::new("falsche-pin".to_owned()), ..right.clone() };
        insta::assert_snapshot!(refused(&pin), @"refuses: the PIN is wrong, and the token says that few tries are left");
        let short = Pkcs11Settings { pin: Zeroizing::new("x".to_owned()), ..right.clone() };
        insta::assert_snapshot!(refused(&short), @"refuses: the PIN is wrong, and the token says that few tries are left");
        let token = Pkcs11Settings { token: "avouch-prod".to_owned(), ..right.clone() };
        insta::assert_snapshot!(refused(&token), @"cannot be reached: there is no token labelled `avouch-prod`; the module shows `avouch`, `payroll`");
        let key = Pkcs11Settings { key: KeyName::Label("rooot".to_owned()), ..right.clone() };
        insta::assert_snapshot!(refused(&key), @"refuses: the token has no secret key with the label `rooot`; make one");
        let id = Pkcs11Settings { key: KeyName::Id(vec![0xab, 0x01]), ..right.clone() };
        insta::assert_snapshot!(refused(&id), @"refuses: the token has no secret key with the CKA_ID `ab01`; make one");
        Pkcs11Seal::open(&right).unwrap();
    });
}

#[test]
fn a_wrong_pin_is_found_out_while_another_seal_is_logged_in() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();
        let pin = Zeroizing::new("falsche-pin".to_owned());
        let wrong = Pkcs11Settings { pin, ..settings("avouch", "root") };

        assert!(refused(&wrong).contains("the PIN is wrong"));

        // It was logged out by that, and logs in again.
        assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
        let beside = Pkcs11Seal::open(&settings("avouch", "root")).unwrap();
        for seal in [seal, beside] {
            assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
        }
    });
}

#[test]
fn two_tokens_or_two_keys_of_one_label_are_told() {
    alone!(|tokens| {
        drop(made(tokens, "avouch", "root"));
        let session = tokens.session("avouch");
        careless_key(&session, "root", &[Attribute::Id(vec![0xab])]);
        insta::assert_snapshot!(refused(&settings("avouch", "root")), @"refuses: the token has several keys with the label `root`; name one by its CKA_ID");
        let by_id = Pkcs11Settings { key: KeyName::Id(vec![0xab]), ..settings("avouch", "root") };
        Pkcs11Seal::open(&by_id).unwrap();

        tokens.make("avouch");
        insta::assert_snapshot!(refused(&settings("avouch", "root")), @"refuses: several tokens are labelled `avouch`; give each its own label, or take one away");
    });
}

#[test]
fn a_label_is_not_used_twice() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();

        let again = Pkcs11Seal::generate(&settings("avouch", "root"), &SystemRandom::new()).unwrap_err();

        insta::assert_snapshot!(again, @"refuses: the token has a key with the label `root` already; name another");
        assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
    });
}

#[test]
fn an_unsafe_key_is_refused_whatever_makes_it_so() {
    alone!(|tokens| {
        tokens.make("avouch");
        let session = tokens.session("avouch");
        careless_key(&session, "good", &[]);
        Pkcs11Seal::open(&settings("avouch", "good")).unwrap();
        let mut texts = Vec::new();
        for (label, wrong) in [
            ("extractable", Attribute::Extractable(true)),
            ("readable", Attribute::Sensitive(false)),
            ("public", Attribute::Private(false)),
            ("wraps", Attribute::Wrap(true)),
            ("unwraps", Attribute::Unwrap(true)),
            ("seals only", Attribute::Decrypt(false)),
            ("opens only", Attribute::Encrypt(false)),
            ("short", Attribute::ValueLen(16.into())),
        ] {
            careless_key(&session, label, &[wrong]);
            texts.push(refused(&settings("avouch", label)));
        }
        insta::assert_snapshot!(texts.join("\n"), @"
        refuses: the key is not one to trust a keyring to: it can be taken out of the token (CKA_EXTRACTABLE); make one for this alone
        refuses: the key is not one to trust a keyring to: its value can be read (CKA_SENSITIVE); make one for this alone
        refuses: the key is not one to trust a keyring to: it is there without a PIN (CKA_PRIVATE); make one for this alone
        refuses: the key is not one to trust a keyring to: it may wrap other keys (CKA_WRAP); make one for this alone
        refuses: the key is not one to trust a keyring to: it may unwrap other keys (CKA_UNWRAP); make one for this alone
        refuses: the key is not one to trust a keyring to: it may not decrypt (CKA_DECRYPT); make one for this alone
        refuses: the key is not one to trust a keyring to: it may not encrypt (CKA_ENCRYPT); make one for this alone
        refuses: the key is not one to trust a keyring to: it is not of 256 bits; make one for this alone
        ");
    });
}

#[test]
fn a_key_that_turns_unsafe_is_used_no_longer() {
    alone!(|tokens| {
        tokens.make("avouch");
        let session = tokens.session("avouch");
        careless_key(&session, "root", &[]);
        let seal = Pkcs11Seal::open(&settings("avouch", "root")).unwrap();
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();

        let found = tokens.session("avouch").find_objects(&[Attribute::Label("root".into())]).unwrap();
        session.update_attributes(found[0], &[Attribute::Wrap(true)]).unwrap();

        let refusals = [
            seal.health().unwrap_err(),
            seal.unwrap(&blob, &CONTEXT).unwrap_err(),
            seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap_err(),
        ];
        for refusal in refusals {
            assert!(matches!(&refusal, RootError::Refused(text) if text.contains("CKA_WRAP")), "{refusal:?}");
        }
    });
}

#[test]
fn a_lost_session_is_opened_again() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();
        for _ in 0..3 {
            tokens.reset();
            assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
        }
        tokens.session("avouch").logout().unwrap();
        assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
    });
}

#[test]
fn a_device_that_is_pulled_out_is_missed() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();

        tokens.pull_out();

        for refusal in [seal.health().unwrap_err(), seal.unwrap(&blob, &CONTEXT).unwrap_err()] {
            assert!(matches!(refusal, RootError::Unreachable(_)), "{refusal:?}");
        }
        // Nobody is asked about what another kind of root wrote.
        assert_eq!(seal.unwrap(&[FORMAT_TRANSIT; 80], &CONTEXT), Err(Error::WrongRoot.into()));
        insta::assert_snapshot!(seal.health().unwrap_err(), @"cannot be reached: there is no token labelled `avouch`; the module shows none at all: is the device connected, the token initialised");
    });
}

#[test]
fn threads_share_a_seal_while_others_log_in() {
    alone!(|tokens| {
        let seal = made(tokens, "avouch", "root");
        let other = Pkcs11Seal::open(&settings("avouch", "root")).unwrap();
        let blob = seal.wrap(KEY, &CONTEXT, &SystemRandom::new()).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for seal in [&seal, &seal, &other] {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        assert_eq!(seal.unwrap(&blob, &CONTEXT).unwrap().as_slice(), KEY);
                    }
                });
            }
            // Each of these logs the others out.
            let opened = (0..50).filter(|_| Pkcs11Seal::open(&settings("avouch", "root")).is_ok()).count();
            done.store(true, Ordering::Relaxed);
            assert_eq!(opened, 50);
        });
    });
}

#[test]
fn what_is_no_module_is_not_taken_for_one() {
    alone!(|tokens| {
        let open = |module: &Path| {
            refused(&Pkcs11Settings { module: module.to_owned(), ..settings("avouch", "root") })
        };

        let missing = tokens.file("missing.so");
        let text = tokens.file("text.so");
        fs::write(&text, "not a library").unwrap();
        let texts = [open(&missing), open(&text), open(a_library())];
        let folder = missing.parent().unwrap().display().to_string();
        insta::assert_snapshot!(
            texts.join("\n").replace(&folder, "…").replace(a_library().to_str().unwrap(), "libm"), @"
        cannot be reached: there is no PKCS#11 module at `…/missing.so`; is the device's software installed
        cannot be reached: the PKCS#11 module `…/text.so` does not load: …/text.so: file too short
        cannot be reached: `libm` is a library, and not a PKCS#11 module
        "
        );
    });
}

#[test]
fn a_module_that_everybody_can_write_is_not_loaded() {
    alone!(|tokens| {
        let copy = tokens.file("module.so");
        fs::copy(crate::tokens::module(), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o666)).unwrap();
        let said = refused(&Pkcs11Settings { module: copy.clone(), ..settings("avouch", "root") });
        assert!(said.contains("everybody can write"), "{said}");
    });
}

#[test]
fn a_module_that_does_not_start_is_told() {
    alone!(|tokens| {
        fs::remove_dir_all(tokens.file("tokens")).unwrap();
        insta::assert_snapshot!(
            refused(&settings("avouch", "root")).replace(crate::tokens::module().to_str().unwrap(), "module"), @"cannot be reached: the PKCS#11 module `module` does not start, it says `GeneralError`; see its own configuration and log"
        );
    });
}

/// Some library that is on every machine and knows nothing of PKCS#11.
fn a_library() -> &'static Path {
    let places = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"];
    places.into_iter().map(Path::new).find(|path| path.is_file()).expect("there is a C library")
}
