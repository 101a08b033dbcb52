//! A copy of a key is one more place to wipe, and a key that can be written gets into a file, an answer or a log some day.
use avouch_seal::credential::ApiKey;
use avouch_seal::keyring::{Keyring, KeyringKey};
use avouch_seal::root::{KeyFileSeal, PassphraseSeal, Share, SharesSeal};
use avouch_seal::vault::SubjectKey;
use avouch_seal::Key;

fn copied<T: Clone>() {}
fn written<T: serde::Serialize>() {}

fn main() {
    copied::<Key>();
    copied::<SubjectKey>();
    copied::<Keyring>();
    copied::<KeyringKey>();
    copied::<ApiKey>();
    copied::<Share>();
    copied::<SharesSeal>();
    copied::<KeyFileSeal>();
    copied::<PassphraseSeal>();
    written::<Key>();
    written::<SubjectKey>();
    written::<Keyring>();
    written::<KeyringKey>();
    written::<ApiKey>();
    written::<Share>();
}
