//! Transit keys as they are stored, and what they make. Signatures of ECDSA are never twice the same: those
//! here were made elsewhere, and have to verify.

use avouch_seal::{
    format::{Format, YearSpan},
    transit::{
        Binding,
        HashAlgorithm::{self, Sha256, Sha384, Sha512},
        Marshaling::{self, Asn1, Jws},
        SignatureForm, SignedInput, TransitKey, TransitKind,
    },
};
use data_encoding::{BASE64, HEXLOWER};

use super::RNG;

const DATE: TransitKind = TransitKind::Format(Format::Date(YearSpan::WHOLE));

fn key(kind: TransitKind) -> TransitKey {
    TransitKey::generate(kind, 1000, &RNG).expect("fixed")
}

fn cipher(derived: bool) -> TransitKey {
    key(TransitKind::Aes256Gcm { derived })
}

#[test]
fn stored_keys() {
    let secret = "42".repeat(32);
    let mut key = cipher(false);
    key.rotate(2000, &RNG).unwrap();
    let stored = "01010000000001000000020000000100000000000000e803000000000000".to_owned() + &secret;
    assert_eq!(HEXLOWER.encode(&key.encode()), stored + "d007000000000000" + &secret);

    key.set_minimums(2, 2).unwrap();
    key.trim(2).unwrap();
    let stored = "01010000000002000000020000000200000002000000d007000000000000".to_owned() + &secret;
    assert_eq!(HEXLOWER.encode(&key.encode()), stored);

    let p384 = TransitKey::generate(TransitKind::EcdsaP384, -1, &RNG).unwrap();
    let stored = "01050000000001000000010000000100000000000000ffffffffffffffff".to_owned();
    assert_eq!(HEXLOWER.encode(&p384.encode()), stored + &"42".repeat(48));

    let date = TransitKey::generate(DATE, 1000, &RNG).unwrap();
    let stored = "010b01000f2701000000010000000100000000000000e803000000000000".to_owned() + &secret;
    assert_eq!(HEXLOWER.encode(&date.encode()), stored);
}

#[test]
fn ciphertexts() {
    let binding = Binding { context: b"", associated_data: b"data" };
    let mut key = cipher(false);
    assert_eq!(
        key.encrypt(None, b"Ada", &binding, &RNG).unwrap(),
        "vault:v1:AUJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQsYSWniyxFJD0wKmVALUPthQpWk="
    );
    key.rotate(2000, &RNG).unwrap();
    assert_eq!(
        key.encrypt(None, b"Ada", &Binding::default(), &RNG).unwrap(),
        "vault:v2:AUJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQsYSWmHmxhcs1t2LFDOm7S7ahTQ="
    );
    let binding = Binding { context: b"context", associated_data: b"data" };
    assert_eq!(
        cipher(true).encrypt(None, b"Ada", &binding, &RNG).unwrap(),
        "vault:v1:AUJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQj10d9aDZH+/1IdUJGjknMLS0GI="
    );
}

#[test]
fn macs() {
    for (hash, mac) in [
        (Sha256, "J3tMswDT0U+24G6a0oou0da66+1md26mbjbj2ZwMsJI="),
        (Sha384, "wxM7evteA8pe9D6SlJiZe86g+QWxMczqc8HhP+f1tQx/Jo1wt7t4R3W3lCrMzSz6"),
        (Sha512, "ynrBajqTL3xBlw3DkKZSSgLR6btMT+Bpb3DFGx8giltIGEueXYncb57BntCekKIjlyCekSwd+mkK00vygm8AwQ=="),
    ] {
        // The same secret, so the same key of MACs.
        for kind in [TransitKind::Hmac, TransitKind::Ed25519, TransitKind::EcdsaP256, DATE] {
            assert_eq!(key(kind).hmac(None, hash, b"Ada").unwrap(), format!("vault:v1:{mac}"));
        }
    }
    assert_eq!(
        key(TransitKind::EcdsaP384).hmac(None, Sha256, b"Ada").unwrap(),
        "vault:v1:HjwwUxP25mZnTDBQzp4f7+xczmsj0sYJs0m/6hHq/uw="
    );
}

#[test]
fn tokens() {
    let digits = key(TransitKind::Format(Format::Digits));
    assert_eq!(digits.tokenise("4000123412341234").unwrap(), "9218593918629420");
    assert_eq!(key(DATE).tokenise("1815-12-10").unwrap(), "4753-03-06");
}

#[test]
fn ed25519_signatures() {
    let key = key(TransitKind::Ed25519);
    for (marshaling, signature) in [
        (Asn1, "JCv8po+ASmeuJXWqGMAWQ+Ko+Pi2P59Cyai4905qskuN4B55VFCSAsQAzt5KyGsj45wsvM5SkM3RC7iIUsPuDg=="),
        (Jws, "JCv8po-ASmeuJXWqGMAWQ-Ko-Pi2P59Cyai4905qskuN4B55VFCSAsQAzt5KyGsj45wsvM5SkM3RC7iIUsPuDg"),
    ] {
        let form = SignatureForm { hash: Sha256, marshaling };
        let signed = key.sign(None, form, SignedInput::Message(b"Ada")).unwrap();
        assert_eq!(signed, format!("vault:v1:{signature}"));
    }
    let public = key.public_key(1).unwrap();
    assert_eq!(BASE64.encode(public.raw()), "IVL40Zt5HSRFMkLhXy6rbLfP+ntqXtMAl5YOBpiB2xI=");
    assert_eq!(
        public.to_pem(),
        "-----BEGIN PUBLIC KEY-----\n\
         MCowBQYDK2VwAyEAIVL40Zt5HSRFMkLhXy6rbLfP+ntqXtMAl5YOBpiB2xI=\n\
         -----END PUBLIC KEY-----\n"
    );
}

/// Signatures of OpenSSL on `Ada`, with the scalar that all our bytes of 0x42 are.
fn verifies(key: &TransitKey, signatures: &[(HashAlgorithm, Marshaling, &str)]) {
    for (hash, marshaling, signature) in signatures {
        let form = SignatureForm { hash: *hash, marshaling: *marshaling };
        let verified = key.verify(form, SignedInput::Message(b"Ada"), &format!("vault:v1:{signature}"));
        assert_eq!(verified, Ok(()), "{form:?}");
    }
}

#[test]
fn ecdsa_signatures_on_p_256() {
    let key = key(TransitKind::EcdsaP256);
    assert_eq!(
        key.public_key(1).unwrap().to_pem(),
        "-----BEGIN PUBLIC KEY-----\n\
         MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOtOGGpViE5JRa7WT7wVYPtLlhm9c\n\
         tiYKMBcjf9ibkK/Qlhx+NwdaZ5GjnGH1YpWwK20mVnthXmCqQe4cjoM4jQ==\n\
         -----END PUBLIC KEY-----\n"
    );
    verifies(
        &key,
        &[
            (
                Sha256,
                Asn1,
                "MEQCIA6sHFRhvGsCVS3IPz9pj4qZSq1cVkilsB08yEj4oRrkAiBJOuMrW3KATVkLT9eItJ6knCG5\
                 +1J49ly6AZ6xG0OkQQ==",
            ),
            (
                Sha384,
                Jws,
                "CYU_fXVTUnR7fc3Q6A9sE3H9Fwr-XnOT_hqzFYdDU4QfIKYv2Ws3xsuTrmEusEs7SrSgbr0WZne2bLC8V2Z0cQ",
            ),
            (
                Sha512,
                Asn1,
                "MEUCIQCmwgA/QBbs3Ae30KjX1wm6XqEOnboGWA342jsDI7cUxwIgcdvc235lu5QUYPGlgyzEl9Ni\
                 UM3tvf1DiNaZvZd77kg=",
            ),
        ],
    );
}

#[test]
fn ecdsa_signatures_on_p_384() {
    let key = key(TransitKind::EcdsaP384);
    assert_eq!(
        key.public_key(1).unwrap().to_pem(),
        "-----BEGIN PUBLIC KEY-----\n\
         MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEcszeM3U3YiReAV2pLkj6AoSVUi3EI1bH\n\
         499R3PVqXhnedCrNOhn3mvNy3JcF9WDYV7kFEaBAasE3vmG2lZnOTIbBxTEK7cxP\n\
         8LBKvJOuXGPRXkoBV89q57pfrIXn3mZi\n\
         -----END PUBLIC KEY-----\n"
    );
    verifies(
        &key,
        &[
            (
                Sha256,
                Jws,
                "Ue-9N9wlHJFNr3fTqVcScQa84ClWWWt_9okYzf1i5It_Bmg-i8Kn2TN6q7-lxfjk\
                 BoAm5wpLDPbF0G7Y05BXLWeye0nt_p5Kn06Rn98X0pALvrH7to2nn4Ay3ZDuj5eP",
            ),
            (
                Sha384,
                Asn1,
                "MGUCMQCPahErnGydgB+PbY98tnEK2CfG+xw5vwF4Erq8r6+MJD35k2pLDUiFYIJc9ij3qS4C\
                 MDT3xvo6uY186e+B9mkJ45vX5KijquIJxUX3PnRl3MU7HzAWRJmrCwokRRznkWwX7A==",
            ),
            (
                Sha512,
                Asn1,
                "MGYCMQD5DqDggVWO9KwYY121Yp/CUynAZnrHxe6TwQ5RO1kHilM8MdFNMUIqxKpErKD4wjcC\
                 MQC6bMreGlUIZum0oJDP0ctDR2/Q5Y0k0/cdMVaGizjUg6b5LtKZLhuua5pXkME5AtU=",
            ),
        ],
    );
}
