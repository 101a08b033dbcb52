//! The key in its token: found by its name, and looked at each time before it is used.
//!
//! What a token says of a key can change under us: another key of the same label, an attribute that somebody
//! with the PIN has set. So no handle is kept, and there is no way to a handle that goes past [`find`].

use avouch_seal::{
    labels,
    root::{FORMAT_PKCS11, RootError},
};
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};

use super::{
    KeyName,
    fault::{self, Fault},
};
use crate::blob::Header;

/// Bytes in an AES-256 key.
const KEY_LEN: u64 = 32;

/// A key that may be used.
pub(super) struct Key {
    pub(super) handle: ObjectHandle,
    /// What its blobs begin with.
    pub(super) header: Header,
}

/// The one key of this name, if it is safe.
pub(super) fn find(session: &Session, name: &KeyName) -> Result<Key, Fault> {
    let handle = match *search(session, name)?.as_slice() {
        [handle] => handle,
        [] => return Err(refuse(&format!("the token has no secret key with the {}; make one", Shown(name)))),
        [_, _, ..] => {
            return Err(refuse(&format!(
                "the token has several keys with the {}; name one by its CKA_ID",
                Shown(name)
            )));
        }
    };
    let attributes = session.get_attributes(handle, &LOOKED_AT)?;
    is_safe(&attributes)?;
    Ok(Key { handle, header: header(&attributes)? })
}

/// Whether there is a key of this name, safe or not.
pub(super) fn is_there(session: &Session, name: &KeyName) -> Result<bool, Fault> {
    Ok(!search(session, name)?.is_empty())
}

/// Makes a key that [`find`] accepts, or none.
pub(super) fn generate(session: &Session, label: &str, id: &[u8; 16]) -> Result<(), Fault> {
    let name = KeyName::Label(label.to_owned());
    let taken = || refuse(&format!("the token has a key with the {} already; name another", Shown(&name)));
    if !search(session, &name)?.is_empty() {
        return Err(taken());
    }
    let handle = session.generate_key(&Mechanism::AesKeyGen, &template(label, id))?;
    // A token may take the template for advice, and another process may have had the same idea.
    let made = match search(session, &name)?.as_slice() {
        [_] => find(session, &name).map(|_| ()),
        _ => Err(taken()),
    };
    if made.is_err() {
        session.destroy_object(handle)?;
    }
    made
}

fn search(session: &Session, name: &KeyName) -> Result<Vec<ObjectHandle>, Fault> {
    let name = match name {
        KeyName::Label(label) => Attribute::Label(label.clone().into_bytes()),
        KeyName::Id(id) => Attribute::Id(id.clone()),
    };
    Ok(session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Token(true), name])?)
}

const LOOKED_AT: [AttributeType; 11] = [
    AttributeType::KeyType,
    AttributeType::ValueLen,
    AttributeType::Private,
    AttributeType::Sensitive,
    AttributeType::Extractable,
    AttributeType::Encrypt,
    AttributeType::Decrypt,
    AttributeType::Wrap,
    AttributeType::Unwrap,
    AttributeType::Label,
    AttributeType::Id,
];

fn template(label: &str, id: &[u8; 16]) -> [Attribute; 18] {
    [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::ValueLen(KEY_LEN.into()),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        // Whoever has the PIN cannot give it the uses that follow later.
        Attribute::Modifiable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        // A key that wraps and decrypts gives away the other keys of its token.
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
        Attribute::Copyable(false),
    ]
}

/// What a token does not say is taken for unsafe.
fn is_safe(attributes: &[Attribute]) -> Result<(), Fault> {
    let is = |wanted: Attribute| attributes.contains(&wanted);
    let demands = [
        (is(Attribute::KeyType(KeyType::AES)), "it is not an AES key"),
        (is(Attribute::ValueLen(KEY_LEN.into())), "it is not of 256 bits"),
        (is(Attribute::Extractable(false)), "it can be taken out of the token (CKA_EXTRACTABLE)"),
        (is(Attribute::Sensitive(true)), "its value can be read (CKA_SENSITIVE)"),
        (is(Attribute::Private(true)), "it is there without a PIN (CKA_PRIVATE)"),
        (is(Attribute::Wrap(false)), "it may wrap other keys (CKA_WRAP)"),
        (is(Attribute::Unwrap(false)), "it may unwrap other keys (CKA_UNWRAP)"),
        (is(Attribute::Encrypt(true)), "it may not encrypt (CKA_ENCRYPT)"),
        (is(Attribute::Decrypt(true)), "it may not decrypt (CKA_DECRYPT)"),
    ];
    let wrong: Vec<_> = demands.iter().filter(|(met, _)| !met).map(|(_, wrong)| *wrong).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(refuse(&format!(
        "the key is not one to trust a keyring to: {}; make one for this alone",
        wrong.join(", ")
    )))
}

fn header(attributes: &[Attribute]) -> Result<Header, Fault> {
    let id = attributes.iter().find_map(|attribute| match attribute {
        Attribute::Id(id) if !id.is_empty() => Some(id),
        _ => None,
    });
    let label = attributes.iter().find_map(|attribute| match attribute {
        Attribute::Label(label) if !label.is_empty() => Some(label),
        _ => None,
    });
    let name = id.or(label).ok_or_else(|| fault::odd("a key without a name"))?;
    Ok(Header::new(FORMAT_PKCS11, labels::ROOT_PKCS11_ID, &[name]))
}

fn refuse(text: &str) -> Fault {
    RootError::Refused(text.to_owned()).into()
}

/// A key's name for the operator.
struct Shown<'a>(&'a KeyName);

impl core::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            KeyName::Label(label) => write!(f, "label `{label}`"),
            KeyName::Id(id) => write!(f, "CKA_ID `{}`", data_encoding::HEXLOWER.encode(id)),
        }
    }
}
