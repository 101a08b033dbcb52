//! Making, changing and ending keys. What a key was before is gone with the commit, from the tables and soon from the engine's
//! logs; a backup of the data store keeps it, under the vault's row key.

use avouch_policy::Action;
use avouch_seal::transit::{TransitKey, TransitKind};
use avouch_store::{Ahead, Tx};

use super::open::OpenKey;
use super::row::{self, Found};
use super::{KeyName, KeyView};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit};
use crate::rules::Rules;

/// Keys of a vault.
pub const MAX_KEYS: u64 = 10_000;

macro_rules! change_of_a_key {
    () => {
        const ACTION: Action = Action::TransitManage;
        type Facts = Found;

        fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
            Ok(Intent::with_key(&self.name))
        }

        fn ahead(&self, wants: &mut Vec<Ahead>) {
            wants.push(Found::ahead(&self.name));
        }

        fn facts(&self, tx: &mut Tx<'_>, _: &Cx<'_>) -> Result<Found, Error> {
            Found::look(tx, &self.name)
        }

        fn key(found: &Found) -> Option<&KeyName> {
            Some(found.name())
        }
    };
}

/// Makes a key, unless there is one of this name that is of the same kind: then that is the key.
#[derive(Debug, Clone)]
pub struct CreateKey {
    /// Its name.
    pub name: KeyName,
    /// What it is to do.
    pub kind: TransitKind,
}

/// A key that is there now.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// What is known of it.
    pub view: KeyView,
    /// Whether it was there before.
    pub existed: bool,
}

impl Operation for CreateKey {
    const ACTION: Action = Action::TransitManage;
    type Output = CreatedKey;
    type Facts = Option<Found>;

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::with_key(&self.name))
    }

    fn ahead(&self, wants: &mut Vec<Ahead>) {
        wants.push(Found::ahead(&self.name));
    }

    fn facts(&self, tx: &mut Tx<'_>, _: &Cx<'_>) -> Result<Option<Found>, Error> {
        match Found::look(tx, &self.name) {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn key(found: &Option<Found>) -> Option<&KeyName> {
        found.as_ref().map(Found::name)
    }

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        found: Option<Found>,
    ) -> Result<Outcome<CreatedKey>, Error> {
        if let Some(found) = found {
            let open = found.load(tx, cx)?.open(&cx.app.open_keys)?;
            if open.key.kind() != self.kind {
                return Err(Error::Conflict(
                    "there is a key of another kind by this name: choose another name",
                ));
            }
            let view = KeyView::new(self.name.clone(), &open);
            return Ok(Outcome::new(CreatedKey { view, existed: true }, Note::count(0)));
        }
        if row::count(tx)? >= MAX_KEYS {
            return Err(Error::Conflict(
                "there are as many keys as there may be: delete some that nobody needs",
            ));
        }
        let key = TransitKey::generate(self.kind, cx.now, &cx.app.rng)?;
        let open = OpenKey { key, deletion_allowed: false };
        row::put(tx, cx, &self.name, &open)?;
        let view = KeyView::new(self.name.clone(), &open);
        Ok(Outcome::new(CreatedKey { view, existed: false }, Note::count(1)))
    }
}

/// Changes what a key may be used for; what is `None` stays.
#[derive(Debug, Clone)]
pub struct ConfigureKey {
    /// Which.
    pub name: KeyName,
    /// The lowest version that decrypts and verifies.
    pub min_decryption: Option<u32>,
    /// The lowest version that encrypts, signs and makes MACs if it is asked for; 0: the lowest that decrypts.
    pub min_encryption: Option<u32>,
    /// Whether it may be deleted.
    pub deletion_allowed: Option<bool>,
}

impl Operation for ConfigureKey {
    change_of_a_key!();
    type Output = KeyView;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, found: Found) -> Result<Outcome<KeyView>, Error> {
        let mut open = found.load(tx, cx)?.change(cx)?;
        let decryption = self.min_decryption.unwrap_or_else(|| open.key.min_decryption());
        let encryption = self.min_encryption.unwrap_or_else(|| open.key.min_encryption());
        open.key.set_minimums(decryption, encryption).map_err(refused)?;
        open.deletion_allowed = self.deletion_allowed.unwrap_or(open.deletion_allowed);
        row::replace(tx, cx, &self.name, &open)?;
        Ok(Outcome::new(KeyView::new(self.name.clone(), &open), Note::count(1)))
    }
}

/// Adds a version to a key, which is used from now on.
#[derive(Debug, Clone)]
pub struct RotateKey {
    /// Which.
    pub name: KeyName,
}

impl Operation for RotateKey {
    change_of_a_key!();
    /// The new version.
    type Output = u32;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, found: Found) -> Result<Outcome<u32>, Error> {
        let mut open = found.load(tx, cx)?.change(cx)?;
        open.key.rotate(cx.now, &cx.app.rng).map_err(refused)?;
        row::replace(tx, cx, &self.name, &open)?;
        Ok(Outcome::new(open.key.latest(), Note::count(1)))
    }
}

/// Destroys the versions of a key before one. What they made is nobody's to open any more.
#[derive(Debug, Clone)]
pub struct TrimKey {
    /// Which.
    pub name: KeyName,
    /// The first version that stays: at most the lower of the two minimums, and that of encryption has to be set.
    pub min_available: u32,
}

impl Operation for TrimKey {
    change_of_a_key!();
    const PURGES: bool = true;
    type Output = KeyView;

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, found: Found) -> Result<Outcome<KeyView>, Error> {
        let mut open = found.load(tx, cx)?.change(cx)?;
        open.key.trim(self.min_available).map_err(refused)?;
        row::replace(tx, cx, &self.name, &open)?;
        Ok(Outcome::new(KeyView::new(self.name.clone(), &open), Note::count(1)))
    }
}

/// Destroys a key, which its configuration has to allow. What it made is nobody's to open any more.
#[derive(Debug, Clone)]
pub struct DeleteKey {
    /// Which.
    pub name: KeyName,
}

impl Operation for DeleteKey {
    change_of_a_key!();
    const PURGES: bool = true;
    type Output = ();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, found: Found) -> Result<Outcome<()>, Error> {
        if !found.load(tx, cx)?.open(&cx.app.open_keys)?.deletion_allowed {
            return Err(Error::Conflict("this key may not be deleted: allow it in its configuration first"));
        }
        row::remove(tx, cx, &self.name)?;
        Ok(Outcome::new((), Note::count(1)))
    }
}

/// What a key says to a change that it does not take.
fn refused(error: avouch_seal::Error) -> Error {
    match error {
        avouch_seal::Error::Parameters(detail) => Error::invalid("", detail),
        error => error.into(),
    }
}
