//! A pointer opens to the place that it was made for, by the keys of its recipient in their epoch and by no
//! others, and not with one bit changed. What was not made by us opens nowhere. A text that is computed from
//! a value is that of one value of one field for one recipient.

use arbitrary::{Result, Unstructured};
use avouch_seal::{
    Error,
    token::{Namespace, PointerTarget, RecipientKeys, Token},
};

use crate::vault::OPEN;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let (epoch, other_epoch): (u32, u32) = (input.arbitrary()?, input.arbitrary()?);
    let name = namespace(&mut input)?;
    let other_name = namespace(&mut input)?;
    let field: u32 = input.arbitrary()?;
    let target = PointerTarget {
        subject: input.arbitrary()?,
        field,
        slot: input.arbitrary()?,
        generation: input.arbitrary()?,
    };
    let (bit, foreign): (u16, [u8; 40]) = (input.arbitrary()?, input.arbitrary()?);
    let recipient = OPEN.keys.recipient(&name, epoch);
    let others = [(&name, other_epoch), (&other_name, epoch), (&other_name, other_epoch)];
    let others: Vec<RecipientKeys> = others
        .into_iter()
        .filter(|other| *other != (&name, epoch))
        .map(|(name, epoch)| OPEN.keys.recipient(name, epoch))
        .collect();
    pointers(&recipient, &target, bit.into());
    separated(&recipient, &others, &target);
    assert_eq!(recipient.open_pointer(&Token::Pointer { namespace: name, body: foreign }), REFUSED);
    values(&recipient, &others, field, input.take_rest());
    Ok(())
}

const REFUSED: avouch_seal::Result<PointerTarget> = Err(Error::Tampered);

/// A name that begins with a letter, made of whatever there is.
fn namespace(input: &mut Unstructured<'_>) -> Result<Namespace> {
    let characters: [u8; 3] = input.arbitrary()?;
    let rest: String = characters.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    Ok(Namespace::parse(&format!("r{rest}")).expect("four lower-case letters"))
}

fn pointers(recipient: &RecipientKeys, target: &PointerTarget, bit: usize) {
    let token = recipient.pointer(target);
    assert_eq!(recipient.open_pointer(&token), Ok(*target));
    assert_eq!(recipient.pointer(target), token, "a pointer is the same each time");
    assert_eq!(Token::parse(&token.to_string()), Ok(token.clone()));

    let Token::Pointer { namespace, mut body } = token else { unreachable!("asked for a pointer") };
    let place = bit % (8 * body.len());
    body.iter_mut().skip(place / 8).take(1).for_each(|byte| *byte ^= 1 << (place % 8));
    assert_eq!(recipient.open_pointer(&Token::Pointer { namespace, body }), REFUSED, "bit {place}");
}

/// What one recipient holds says nothing to another: neither as it is nor with the other's name on it.
fn separated(recipient: &RecipientKeys, others: &[RecipientKeys], target: &PointerTarget) {
    let token = recipient.pointer(target);
    let Token::Pointer { body, .. } = &token else { unreachable!("asked for a pointer") };
    for other in others {
        assert_eq!(other.open_pointer(&token), REFUSED);
        let renamed = Token::Pointer { namespace: other.namespace().clone(), body: *body };
        assert_eq!(other.open_pointer(&renamed), REFUSED);
    }
}

fn values(recipient: &RecipientKeys, others: &[RecipientKeys], field: u32, value: &[u8]) {
    let longer = [value, b"x"].concat();
    let computed = |keys: &RecipientKeys, field, value| {
        let both = [keys.equal(field, value), keys.one_way(field, value)];
        assert_eq!(both, [keys.equal(field, value), keys.one_way(field, value)], "each time the same");
        both
    };
    let mut all = [(field, value), (field ^ 1, value), (field, &longer)]
        .map(|(field, value)| computed(recipient, field, value))
        .concat();
    all.extend(others.iter().flat_map(|other| computed(other, field, value)));
    for token in &all {
        assert_eq!(recipient.open_pointer(token), REFUSED, "only a pointer names a place");
    }
    // Not by their namespaces alone.
    let mut bodies: Vec<&[u8]> = all.iter().map(body).collect();
    bodies.sort_unstable();
    bodies.dedup();
    let named_twice = others.len() - distinct(others);
    assert_eq!(bodies.len(), all.len() - 2 * named_twice);
}

fn body(token: &Token) -> &[u8] {
    match token {
        Token::Pointer { body, .. } => body,
        Token::Random { body, .. } => body,
    }
}

/// How many recipients these are, for the input may name one twice.
fn distinct(others: &[RecipientKeys]) -> usize {
    let mut all: Vec<_> = others.iter().map(|other| (other.namespace(), other.epoch())).collect();
    all.sort_unstable();
    all.dedup();
    all.len()
}
