//! Standalone keys: an application keeps its data elsewhere and has a key here, which it uses by name. The keys themselves and
//! all arithmetic are of `avouch_seal::transit`; here they are kept, and used by whom the charter lets.
//!
//! A request is one operation, however many items it has. [`UseKey`] decides, records, and hands out [`Ready`], which does the
//! work it was made for, once: so the event is on the disk before a key is touched, and arithmetic takes place on the thread of
//! whoever asked and not on the store's, where everybody would wait for it. An event's count is of the items that were brought.
//!
//! No key leaves: what is implemented outside this room never gets one, and nothing here gives its secret away. What a key
//! was before it was rotated, trimmed or deleted is not used by a later request, see `open`.

mod encrypt;
mod hash;
mod hidden;
mod kind;
mod manage;
mod name;
mod open;
mod plain;
mod read;
mod row;
mod sign;
mod tokens;
mod work;

pub use avouch_seal::format::{CountryCode, Format, Luhn, YearSpan};
pub use avouch_seal::transit::{
    DataKeyLength, HashAlgorithm, Marshaling, PublicKey, SignatureForm, TransitKind,
};

pub use encrypt::{
    Bound, Decrypt, DecryptItem, Encrypt, EncryptItem, MakeDataKey, Rewrap, RewrapItem, Stamped, WrapDataKey,
};
pub use hash::{Hmac, HmacItem, VerifyHmac, VerifyHmacItem};
pub use hidden::Hidden;
pub use kind::kind_name;
pub use manage::{ConfigureKey, CreateKey, CreatedKey, DeleteKey, MAX_KEYS, RotateKey, TrimKey};
pub use name::KeyName;
pub(crate) use open::OpenKeys;
pub use plain::{Hash, MAX_RANDOM, Plain, PlainWork, Random, ReadyPlain};
pub use read::{KeyView, ListKeys, ListedKey, ListedKeys, ReadKey, ReadyView, VersionView};
pub use sign::{Sign, SignItem, Verify, VerifyItem};
pub use tokens::{Decode, Encode};
pub use work::{Given, MAX_BYTES, MAX_ITEMS, Ready, Unfit, UseKey, Work};

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    row::STATEMENTS.to_vec()
}
