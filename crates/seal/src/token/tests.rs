//! Tokens as text and as sealed references.

use proptest::prelude::*;

use super::*;
use crate::SystemRandom;

const VAULT: VaultId = VaultId([5; 16]);
const TARGET: PointerTarget = PointerTarget { subject: [7; 16], field: 3, slot: WHOLE_FIELD };

/// Fixed roots, epochs 1, 2, …
fn roots(bytes: &[u8]) -> Roots {
    let mut keys = bytes.iter().map(|byte| Key::from_bytes([*byte; 32].into()));
    let mut roots = Roots::new(1, keys.next().expect("one at least"));
    (2..).zip(keys).for_each(|(epoch, key)| assert!(roots.push(epoch, key)));
    roots
}

fn namespace(text: &str) -> Namespace {
    Namespace::parse(text).expect("a namespace")
}

fn recipient(vault: VaultId, name: &str) -> RecipientKeys {
    RecipientKeys::derive(&roots(&[1]), vault, &namespace(name))
}

fn targets() -> impl Strategy<Value = PointerTarget> {
    (any::<[u8; 16]>(), any::<u32>(), any::<u16>()).prop_map(|(subject, field, slot)| PointerTarget {
        subject,
        field,
        slot,
    })
}

#[test]
fn the_form_is_pinned() {
    // Computed apart, from the formulas above. Tokens live for years in other people's databases: a change
    // here is a new label and a second way to open.
    assert_eq!(
        recipient(VAULT, "courier").pointer(&TARGET).to_string(),
        "tok_courier_psd5qufap5npjtbkrrywbxtknxgbspkrmxlyjesz3jn4epuce345fingu2fao_c5"
    );
    let random = Token::Random { namespace: namespace("courier"), body: [0xff; 16] };
    assert_eq!(random.to_string(), "tok_courier_77777777777777777777777774_4q");
    let lookup = recipient(VAULT, "courier").lookup(&random).unwrap();
    assert_eq!(data_encoding::HEXLOWER.encode(&lookup), "2ed323eb2467504ce9e3ff4ccba966ef");
}

#[test]
fn namespaces_have_one_form() {
    for good in ["ab", "courier", "a1", "abcdefghijklmnopqrstuvwx"] {
        assert_eq!(Namespace::parse(good).unwrap().to_string(), good);
    }
    for bad in ["", "a", "1a", "Ab", "a_b", "a-b", "abcdefghijklmnopqrstuvwxy", "aé"] {
        assert_eq!(Namespace::parse(bad), Err(Error::Malformed("token namespace")), "{bad}");
    }
}

#[test]
fn another_recipient_vault_or_kind_opens_nothing() {
    let rng = SystemRandom::new();
    let courier = recipient(VAULT, "courier");
    let (pointer, random) = (courier.pointer(&TARGET), courier.random(&rng).unwrap());
    for other in [recipient(VAULT, "printer"), recipient(VaultId([6; 16]), "courier")] {
        assert_eq!(other.open_pointer(&pointer), Err(Error::Tampered));
        assert_ne!(other.lookup(&random), courier.lookup(&random));
    }
    assert_eq!(recipient(VAULT, "printer").lookup(&random), Err(Error::Tampered));
    assert_eq!(courier.open_pointer(&random), Err(Error::Tampered));
    assert_eq!(courier.lookup(&pointer), Err(Error::Tampered));
}

#[test]
fn a_token_relabelled_for_another_recipient_opens_for_neither() {
    let (courier, printer) = (recipient(VAULT, "courier"), recipient(VAULT, "printer"));
    let Token::Pointer { body, .. } = courier.pointer(&TARGET) else { unreachable!() };
    let relabelled = Token::Pointer { namespace: namespace("printer"), body };
    assert_eq!(courier.open_pointer(&relabelled), Err(Error::Tampered));
    assert_eq!(printer.open_pointer(&relabelled), Err(Error::Tampered));
}

#[test]
fn retired_roots_still_open_and_look_up() {
    let courier = namespace("courier");
    let before = RecipientKeys::derive(&roots(&[1]), VAULT, &courier);
    let after = RecipientKeys::derive(&roots(&[1, 2]), VAULT, &courier);
    let old = before.pointer(&TARGET);
    assert_eq!(after.open_pointer(&old).unwrap(), TARGET);
    assert_ne!(after.pointer(&TARGET), old);
    assert_eq!(before.open_pointer(&after.pointer(&TARGET)), Err(Error::Tampered));
    let random = before.random(&SystemRandom::new()).unwrap();
    assert_eq!(before.lookup(&random), after.lookup(&random));
}

#[test]
fn debug_shows_whose_not_which() {
    assert_eq!(format!("{:?}", recipient(VAULT, "courier").pointer(&TARGET)), "Pointer(tok_courier_..)");
    let debug = format!("{:?}", recipient(VAULT, "courier"));
    assert!(debug.contains("courier") && !debug.contains("ctx"), "{debug}");
}

proptest! {
    #[test]
    fn pointers_open_to_what_they_were_made_of(target in targets(), name in "[a-z][a-z0-9]{1,23}") {
        let keys = recipient(VAULT, &name);
        let token = keys.pointer(&target);
        let read: Token = token.to_string().parse().unwrap();
        prop_assert_eq!(&read, &token);
        prop_assert_eq!(&keys.pointer(&target), &token, "deterministic");
        prop_assert_eq!(read.namespace(), keys.namespace());
        prop_assert_eq!(keys.open_pointer(&read).unwrap(), target);
    }

    #[test]
    fn random_tokens_read_back(name in "[a-z][a-z0-9]{1,23}") {
        let keys = recipient(VAULT, &name);
        let token = keys.random(&SystemRandom::new()).unwrap();
        let read = Token::parse(&token.to_string()).unwrap();
        prop_assert_eq!(keys.lookup(&read).unwrap(), keys.lookup(&token).unwrap());
        prop_assert_ne!(keys.lookup(&keys.random(&SystemRandom::new()).unwrap()), keys.lookup(&token));
    }

    #[test]
    fn any_changed_character_is_refused(
        target in targets(),
        at in any::<prop::sample::Index>(),
        to in "[ -~]",
    ) {
        let mut text = recipient(VAULT, "courier").pointer(&target).to_string();
        let at = at.index(text.len());
        prop_assume!(text[at..=at] != to);
        text.replace_range(at..=at, &to);
        prop_assert_eq!(Token::parse(&text), Err(Error::Malformed("token")));
    }

    #[test]
    fn a_forged_body_does_not_open(target in targets(), bit in 0_usize..POINTER_LEN * 8) {
        let keys = recipient(VAULT, "courier");
        let Token::Pointer { namespace, mut body } = keys.pointer(&target) else { unreachable!() };
        body[bit / 8] ^= 1 << (bit % 8);
        let forged = Token::Pointer { namespace, body };
        // Well formed, checksum and all: only the key tells.
        let forged = Token::parse(&forged.to_string()).unwrap();
        prop_assert_eq!(keys.open_pointer(&forged), Err(Error::Tampered));
    }

    #[test]
    fn recipients_cannot_join(target in targets()) {
        let (courier, printer) = (recipient(VAULT, "courier"), recipient(VAULT, "printer"));
        let (Token::Pointer { body: a, .. }, Token::Pointer { body: b, .. }) =
            (courier.pointer(&target), printer.pointer(&target)) else { unreachable!() };
        // Neither the synthetic IV nor the key stream is shared: no aligned four bytes agree.
        prop_assert!(a.windows(8).zip(b.windows(8)).all(|(a, b)| a != b));
        let stream = |body: [u8; POINTER_LEN]| -> Vec<u8> {
            body[IV_LEN..].iter().zip(target.encode()).map(|(sealed, plain)| sealed ^ plain).collect()
        };
        prop_assert_ne!(stream(a), stream(b));
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,120}") {
        prop_assert!(Token::parse(&text).is_err());
    }
}
