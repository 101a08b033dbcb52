//! A stored transit key that is read is written again byte for byte. Whatever key it is, what it makes it
//! takes back, for the same input and binding alone; what its kind or its versions do not allow it refuses;
//! and turned over to a next version and stored again it still takes back what it made.

use arbitrary::{Result, Unstructured};
use avouch_seal::{
    Error, SystemRandom,
    transit::{Binding, HashAlgorithm, Marshaling, SignatureForm, SignedInput, TransitKey, TransitKind},
};

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let length = input.arbitrary_len::<u8>()?;
    let message = input.bytes(length)?.to_vec();
    let hash = *input.choose(&[HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512])?;
    let marshaling = *input.choose(&[Marshaling::Asn1, Marshaling::Jws])?;
    let minimums = (input.int_in_range(0..=6)?, input.int_in_range(0..=6)?);
    let trimmed = input.int_in_range(0..=6)?;
    let stored = if input.arbitrary()? { composed(&mut input)? } else { input.take_rest().to_vec() };

    let mut key = match TransitKey::decode(&stored) {
        Ok(key) => key,
        Err(refused) => {
            assert_eq!(refused, Error::Malformed("transit key"));
            return Ok(());
        }
    };
    assert_eq!(key.encode().as_slice(), stored, "{key:?}");
    let made = Made::by(&key, SignatureForm { hash, marshaling }, &message);
    made.taken_back_by(&key);

    let before = key.latest();
    let rng = SystemRandom::new();
    match key.rotate(1, &rng) {
        Ok(()) => assert_eq!(key.latest(), before + 1),
        Err(refused) => assert!(matches!(refused, Error::Parameters(_)), "{refused}"),
    }
    made.taken_back_by(&key);
    raise(&mut key, minimums, trimmed);
    let again = TransitKey::decode(&key.encode()).expect("it was written just now");
    if before >= again.min_decryption() {
        made.taken_back_by(&again);
    } else {
        made.retired_from(&again, before);
    }
    Ok(())
}

/// A stored key of a few versions, with every part as the page has it but for what the input gives it.
fn composed(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let kind: u8 = input.int_in_range(0..=12)?;
    let parameters: [u8; 4] = match kind {
        9 => [*input.choose(&[0, 5])?, 0, 0, 0],
        10 => u32::from(input.int_in_range(1..=999_u16)?).to_le_bytes(),
        11 => [1, 0, 0x0f, 0x27],
        _ => [0; 4],
    };
    let (first, more): (u32, u32) = (input.int_in_range(1..=3)?, input.int_in_range(0..=3)?);
    let more = if kind > 6 { 0 } else { more };
    let decryption = first + input.int_in_range(0..=more)?;
    let encryption = *input.choose(&[0, decryption, first + more])?;
    let mut stored = [&[0x01, kind], parameters.as_slice()].concat();
    for number in [first, first + more, decryption, encryption] {
        stored.extend(number.to_le_bytes());
    }
    for version in 0..=more {
        let mut secret = input.arbitrary::<[u8; 48]>()?;
        // A scalar is not zero, and below the order of its curve.
        secret.iter_mut().take(1).for_each(|first| *first = 0x42);
        let length = if kind == 5 { 48 } else { 32 };
        stored.extend(i64::from(version).to_le_bytes());
        stored.extend(secret.iter().take(length));
    }
    let sound = (1..=11).contains(&kind) && (kind < 7 || first == 1);
    assert_eq!(TransitKey::decode(&stored).map(drop).is_ok(), sound, "kind {kind} from {first}");
    Ok(stored)
}

/// What the latest version of a key made of one message.
struct Made<'a> {
    form: SignatureForm,
    message: &'a [u8],
    mac: String,
    ciphertext: Option<String>,
    signature: Option<String>,
    token: Option<(&'a str, String)>,
}

const DATA: &[u8] = b"associated";

/// What a key of this kind is bound by.
const fn binding(kind: TransitKind) -> Binding<'static> {
    let context: &[u8] = match kind {
        TransitKind::Aes256Gcm { derived: true } => b"context",
        _ => b"",
    };
    Binding { context, associated_data: DATA }
}

impl<'a> Made<'a> {
    fn by(key: &TransitKey, form: SignatureForm, message: &'a [u8]) -> Self {
        let kind = key.kind();
        let rng = SystemRandom::new();
        let encrypts = matches!(kind, TransitKind::Aes256Gcm { .. });
        let signs = matches!(kind, TransitKind::Ed25519 | TransitKind::EcdsaP256 | TransitKind::EcdsaP384);
        let ciphertext = offered(encrypts, key.encrypt(None, message, &binding(kind), &rng));
        let signature = offered(signs, key.sign(None, form, SignedInput::Message(message)));
        let text = std::str::from_utf8(message).unwrap_or_default();
        let token = match (kind, key.tokenise(text)) {
            (TransitKind::Format(_), Ok(token)) => Some((text, token)),
            (_, Err(Error::Malformed(_) | Error::Parameters(_))) => None,
            (_, other) => unreachable!("{kind:?} made a token: {other:?}"),
        };
        let mac = key.hmac(None, form.hash, message).expect("every key makes MACs");
        Self { form, message, mac, ciphertext, signature, token }
    }

    fn taken_back_by(&self, key: &TransitKey) {
        let binding = binding(key.kind());
        let longer = [self.message, b"x"].concat();
        assert_eq!(key.verify_hmac(self.form.hash, self.message, &self.mac), Ok(()));
        assert_eq!(key.verify_hmac(self.form.hash, &longer, &self.mac), Err(Error::Tampered));
        if let Some(text) = &self.ciphertext {
            assert_eq!(key.decrypt(text, &binding).expect("made by this key").as_slice(), self.message);
            let other = Binding { associated_data: b"other", ..binding };
            assert_eq!(key.decrypt(text, &other).map(drop), Err(Error::Tampered));
        }
        if let Some(text) = &self.signature {
            assert_eq!(key.verify(self.form, SignedInput::Message(self.message), text), Ok(()));
            let forged = key.verify(self.form, SignedInput::Message(&longer), text);
            assert_eq!(forged, Err(Error::Tampered));
        }
        if let Some((value, token)) = &self.token {
            assert_eq!(key.detokenise(token).as_deref(), Ok(*value));
        }
    }

    fn retired_from(&self, key: &TransitKey, version: u32) {
        let retired = Err(Error::RetiredVersion(version));
        assert_eq!(key.verify_hmac(self.form.hash, self.message, &self.mac), retired);
        if let Some(text) = &self.ciphertext {
            assert_eq!(key.decrypt(text, &binding(key.kind())).map(drop), retired);
        }
        if let Some(text) = &self.signature {
            assert_eq!(key.verify(self.form, SignedInput::Message(self.message), text), retired);
        }
    }
}

/// What was made, by a key that is there for it; any other refuses.
fn offered(is: bool, made: avouch_seal::Result<String>) -> Option<String> {
    match made {
        Ok(text) => {
            assert!(is, "another kind of key made this");
            Some(text)
        }
        Err(refused) => {
            assert!(!is && matches!(refused, Error::Parameters(_)), "{refused}");
            None
        }
    }
}

/// Raises the minimums and trims, as far as the key allows.
fn raise(key: &mut TransitKey, minimums: (u32, u32), trimmed: u32) {
    let (first, latest) = (key.min_available(), key.latest());
    let decryption = first.saturating_add(minimums.0);
    let encryption = if minimums.1 == 0 { 0 } else { first.saturating_add(minimums.1) };
    let allowed = decryption <= latest && (encryption == 0 || (decryption..=latest).contains(&encryption));
    let set = key.set_minimums(decryption, encryption);
    assert_eq!(set.is_ok(), allowed, "{decryption} and {encryption} of {first} to {latest}");

    let least = first.saturating_add(trimmed);
    let allowed = least <= key.min_decryption() && least <= key.min_encryption();
    assert_eq!(key.trim(least).is_ok(), allowed, "{least}: {key:?}");
    assert!(key.created_micros(key.latest()).is_ok());
    assert_eq!(key.created_micros(first).is_ok(), key.min_available() == first);
}
