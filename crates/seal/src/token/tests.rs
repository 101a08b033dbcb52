//! Tokens as text and as sealed references.

use proptest::prelude::*;

use super::*;
use crate::SystemRandom;

const VAULT: VaultId = VaultId([5; 16]);
const TARGET: PointerTarget = PointerTarget { subject: [7; 16], field: 3, slot: WHOLE_FIELD, generation: 0 };

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
    RecipientKeys::derive(&roots(&[1]), vault, &namespace(name), 1)
}

fn targets() -> impl Strategy<Value = PointerTarget> {
    let parts = (any::<[u8; 16]>(), any::<u32>(), any::<u16>(), any::<u16>());
    parts.prop_map(|(subject, field, slot, generation)| PointerTarget { subject, field, slot, generation })
}

#[test]
fn the_form_is_pinned() {
    // Computed apart, from the formulas above. Tokens live for years in other people's databases: a change
    // here is a new label and a second way to open.
    assert_eq!(
        recipient(VAULT, "courier").pointer(&TARGET).to_string(),
        "tok_courier_e2qt3o27qkaucxv3euyt7suseq333ffavr5u3oehha223bredvhzinulbir4rslg_z4"
    );
    let random = Token::Random { namespace: namespace("courier"), body: [0xff; 16] };
    assert_eq!(random.to_string(), "tok_courier_77777777777777777777777774_4q");
    let equal = recipient(VAULT, "courier").equal(3, b"ada@example.org");
    assert_eq!(equal.to_string(), "tok_courier_whvgwi4zwd663qh7hn6hexd27u_xv");
    let one_way = recipient(VAULT, "courier").one_way(3, b"ada@example.org");
    assert_eq!(one_way.to_string(), "tok_courier_42twv37v43npiars63tziv3efi_33");
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
        assert_ne!(other.equal(3, b"ada@example.org"), courier.equal(3, b"ada@example.org"));
    }
    assert_eq!(courier.open_pointer(&random), Err(Error::Tampered));
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
    let before = RecipientKeys::derive(&roots(&[1]), VAULT, &courier, 1);
    let after = RecipientKeys::derive(&roots(&[1, 2]), VAULT, &courier, 1);
    let old = before.pointer(&TARGET);
    assert_eq!(after.open_pointer(&old).unwrap(), TARGET);
    assert_ne!(after.pointer(&TARGET), old);
    assert_eq!(before.open_pointer(&after.pointer(&TARGET)), Err(Error::Tampered));
}

#[test]
fn another_epoch_of_the_recipient_opens_nothing_and_makes_nothing_twice() {
    let courier = namespace("courier");
    let [before, after] = [1, 2].map(|epoch| RecipientKeys::derive(&roots(&[1]), VAULT, &courier, epoch));
    assert_eq!(after.open_pointer(&before.pointer(&TARGET)), Err(Error::Tampered));
    assert_ne!(after.pointer(&TARGET), before.pointer(&TARGET));
    assert_ne!(after.equal(3, b"ada"), before.equal(3, b"ada"));
    assert_ne!(after.one_way(3, b"ada"), before.one_way(3, b"ada"));
    let digits = |keys: &RecipientKeys| keys.format(3, Format::Digits).unwrap().seal("123456789").unwrap();
    assert_eq!(digits(&before), digits(&before));
    assert_ne!(digits(&after), digits(&before));
}

#[test]
fn equal_values_have_equal_tokens_within_one_field_and_recipient() {
    let (courier, printer) = (recipient(VAULT, "courier"), recipient(VAULT, "printer"));
    assert_eq!(courier.equal(3, b"ada"), courier.equal(3, b"ada"));
    for other in [courier.equal(4, b"ada"), courier.equal(3, b"eva"), courier.one_way(3, b"ada")] {
        assert_ne!(other, courier.equal(3, b"ada"));
    }
    assert_ne!(printer.equal(3, b"ada").to_string(), courier.equal(3, b"ada").to_string());
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
        prop_assert_eq!(&read, &token);
        prop_assert_ne!(keys.random(&SystemRandom::new()).unwrap(), token);
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
