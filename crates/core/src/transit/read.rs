//! Looking at keys: which there are, and what can be known of one without having it.

use std::sync::Arc;

use avouch_policy::Action;
use avouch_seal::transit::{PublicKey, TransitKey, TransitKind};
use avouch_store::{Ahead, Tx};

use super::KeyName;
use super::open::{OpenKey, OpenKeys};
use super::row::{self, Found, Held};
use crate::Error;
use crate::app::{Cx, Operation, Outcome};
use crate::audit::Note;
use crate::gate::{Intent, Permit, may_use};
use crate::rules::Rules;

/// Lists keys by name: those that a role of the caller names.
#[derive(Debug, Clone)]
pub struct ListKeys {
    /// Go on after this one.
    pub after: Option<KeyName>,
    /// At most so many.
    pub limit: usize,
}

/// A key of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// Its name.
    pub name: String,
    /// The name of its kind.
    pub kind: String,
}

/// Some keys, and where to go on.
#[derive(Debug, Clone)]
pub struct ListedKeys {
    /// The keys.
    pub items: Vec<ListedKey>,
    /// The last one, when there may be more.
    pub next: Option<KeyName>,
}

/// Rows that are read at a time.
const PAGE: usize = 1000;

impl Operation for ListKeys {
    const ACTION: Action = Action::TransitManage;
    type Output = ListedKeys;
    type Facts = ();

    fn intent(&self, _rules: &Rules) -> Result<Intent, Error> {
        Ok(Intent::plain())
    }

    fn facts(&self, _tx: &mut Tx<'_>, _cx: &Cx<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<ListedKeys>, Error> {
        let mut after = self.after.as_ref().map_or_else(String::new, |name| name.as_str().to_owned());
        let mut items = Vec::new();
        loop {
            let page = row::listed(tx, &after, PAGE as i64)?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.name);
            let ended = page.len() < PAGE;
            let allowed = |key: &ListedKey| may_use(cx.rules, cx.caller, Self::ACTION, &key.name);
            items.extend(page.into_iter().filter(allowed));
            if ended || items.len() > self.limit {
                break;
            }
        }
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| more).map(|last| last.name.parse()).transpose()?;
        let note = Note::count(items.len());
        Ok(Outcome::new(ListedKeys { items, next }, note))
    }
}

/// Looks at a key.
#[derive(Debug, Clone)]
pub struct ReadKey {
    /// Which.
    pub name: KeyName,
}

impl Operation for ReadKey {
    const ACTION: Action = Action::TransitManage;
    type Output = ReadyView;
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

    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        _: &Permit,
        found: Found,
    ) -> Result<Outcome<ReadyView>, Error> {
        let held = found.load(tx, cx)?;
        let keys = Arc::clone(&cx.app.open_keys);
        Ok(Outcome::new(ReadyView { held, keys }, Note::count(1)))
    }
}

/// A look that is allowed and on record.
#[derive(Debug)]
pub struct ReadyView {
    held: Held,
    keys: Arc<OpenKeys>,
}

impl ReadyView {
    /// Looks. Opens the key for it: on a thread where nobody else waits.
    ///
    /// # Errors
    /// A defect: what the key was kept as cannot be read.
    pub fn view(self) -> Result<KeyView, Error> {
        let name = self.held.name().clone();
        Ok(KeyView::new(name, &*self.held.open(&self.keys)?))
    }
}

/// What is known of a key.
#[derive(Debug, Clone)]
pub struct KeyView {
    /// Its name.
    pub name: KeyName,
    /// What it does.
    pub kind: TransitKind,
    /// The newest version.
    pub latest: u32,
    /// The oldest version that was not trimmed away.
    pub min_available: u32,
    /// The lowest version that decrypts and verifies.
    pub min_decryption: u32,
    /// The lowest version that encrypts, signs and makes MACs if it is asked for; 0: the lowest that decrypts.
    pub min_encryption: u32,
    /// Whether it may be deleted.
    pub deletion_allowed: bool,
    /// The versions there are, oldest first.
    pub versions: Vec<VersionView>,
}

/// What is known of a version.
#[derive(Debug, Clone)]
pub struct VersionView {
    /// From 1.
    pub number: u32,
    /// Microseconds UTC.
    pub created: i64,
    /// What others verify its signatures with; for a key that signs.
    pub public: Option<PublicKey>,
}

impl KeyView {
    pub(super) fn new(name: KeyName, open: &OpenKey) -> Self {
        let key = &open.key;
        Self {
            name,
            kind: key.kind(),
            latest: key.latest(),
            min_available: key.min_available(),
            min_decryption: key.min_decryption(),
            min_encryption: key.min_encryption(),
            deletion_allowed: open.deletion_allowed,
            versions: (key.min_available()..=key.latest()).map(|number| version(key, number)).collect(),
        }
    }
}

fn version(key: &TransitKey, number: u32) -> VersionView {
    let created = key.created_micros(number).unwrap_or_default();
    VersionView { number, created, public: key.public_key(number).ok() }
}
