//! What an operation wants, said before anything is loaded: for which purpose, with what reason, about how many people,
//! which fields it means to show, which to compare with what the caller gives, which to write, and with which standalone key.

use avouch_policy::View;
use serde::{Deserialize, Serialize};

use super::Reason;
use crate::ids::{DraftId, SubjectId};
use crate::transit::KeyName;

/// See the module.
#[derive(Debug, Clone)]
pub struct Intent {
    /// The purpose the caller claims.
    pub purpose: Option<String>,
    /// Why, in words.
    pub reason: Option<Reason>,
    /// The most people this can touch.
    pub rows: usize,
    /// What it shows.
    pub shows: Shows,
    /// Places of the fields it compares with what the caller gives. An answer confirms a value, so the caller must be shown
    /// something of each.
    pub compares: Vec<usize>,
    /// Places of the fields it writes or empties; each must belong to the purpose.
    pub writes: Vec<usize>,
    /// The one that it is about, when it is about one: what is special about them counts.
    pub subject: Option<SubjectId>,
    /// Whom of many it is about, when it is about many.
    pub reach: Option<Reach>,
    /// The standalone key it works with; a role of the caller must name it.
    pub key: Option<KeyName>,
    /// The draft of a charter that it puts in force: what others have agreed to is that one.
    pub draft: Option<DraftId>,
}

/// Whom of many an act is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Whoever this search finds: a digest of what it asks for, under a key of the vault.
    Search([u8; 32]),
    /// Everybody.
    Everybody,
}

/// Which fields an operation shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shows {
    /// None.
    Nothing,
    /// Every field, each as far as policy lets it; none is owed.
    Whatever,
    /// These places of the charter; each must at least show something, and `least` when given.
    These {
        /// Places in the charter's list of fields.
        places: Vec<usize>,
        /// The view below which the caller would rather be refused.
        least: Option<View>,
    },
}

impl Intent {
    /// An intent that touches no person: administration.
    #[must_use]
    pub fn plain() -> Self {
        Self::about(None, None, 0)
    }

    /// An intent to work with a standalone key, and with nobody's data that is kept here.
    #[must_use]
    pub fn with_key(name: &KeyName) -> Self {
        Self { key: Some(name.clone()), ..Self::plain() }
    }

    /// An intent about so many people that shows, compares and writes nothing yet.
    #[must_use]
    pub fn about(purpose: Option<String>, reason: Option<Reason>, rows: usize) -> Self {
        Self {
            purpose,
            reason,
            rows,
            shows: Shows::Nothing,
            compares: Vec::new(),
            writes: Vec::new(),
            subject: None,
            reach: None,
            key: None,
            draft: None,
        }
    }

    /// The same about this one.
    #[must_use]
    pub fn of(self, subject: SubjectId) -> Self {
        Self { subject: Some(subject), ..self }
    }
}
