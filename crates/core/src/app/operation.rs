//! What an operation is, and what it must bring back.

use avouch_policy::Action;
use avouch_store::{Ahead, Tx};

use super::App;
use crate::Error;
use crate::audit::Note;
use crate::gate::approvals::ApprovalChange;
use crate::gate::break_glass::GlassChange;
use crate::gate::people::SessionChange;
use crate::gate::{Caller, Intent, Permit};
use crate::ids::{EventId, SubjectId};
use crate::rules::Rules;
use crate::transit::KeyName;
use crate::watch::Seen;
use crate::watch::alarms::AlarmKind;

/// Something a caller asks for. A value, fully parsed; it may be run more than once, so it keeps no state of a run.
pub trait Operation: Send + Sync + 'static {
    /// What policy is asked about, and the event's name.
    const ACTION: Action;
    /// What in memory has to be loaded again once it is done.
    const REFRESH: Refresh = Refresh::Nothing;
    /// Whether what it deletes is to go from the engine's logs as well, soon after the commit.
    const PURGES: bool = false;
    /// What the caller gets.
    type Output: Send + 'static;
    /// What has to be loaded before policy can decide.
    type Facts;

    /// What it wants.
    ///
    /// # Errors
    /// Input that does not fit the charter.
    fn intent(&self, rules: &Rules) -> Result<Intent, Error>;

    /// Whether it writes what people are found by: then it works with the charter and the indexes as its own transaction
    /// sees them.
    fn writes(&self) -> bool {
        false
    }

    /// The same of this very one, where it depends.
    fn refreshes(&self) -> Refresh {
        Self::REFRESH
    }

    /// What it is certain to ask its transaction, so that it can be asked at once with what others ask.
    fn ahead(&self, _wants: &mut Vec<Ahead>) {}

    /// The one customer whom it shows, when it shows one: what ties the caller to them is looked up.
    fn looks_at(&self) -> Option<SubjectId> {
        None
    }

    /// Loads the facts.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is nothing to decide about.
    fn facts(&self, tx: &mut Tx<'_>, cx: &Cx<'_>) -> Result<Self::Facts, Error>;

    /// The facts about the subject that policy needs.
    fn subject_facts(_facts: &Self::Facts) -> crate::gate::SubjectFacts {
        crate::gate::SubjectFacts::default()
    }

    /// The standalone key that the facts found, for the record of a refusal: what a caller only typed does not get there.
    fn key(_facts: &Self::Facts) -> Option<&KeyName> {
        None
    }

    /// Does it, as far as the permit goes.
    ///
    /// # Errors
    /// Whatever stops it; all its writes are undone then.
    fn run(
        &self,
        tx: &mut Tx<'_>,
        cx: &Cx<'_>,
        permit: &Permit,
        facts: Self::Facts,
    ) -> Result<Outcome<Self::Output>, Error>;

    /// Whom an outcome is about that is kept for a repeat: it goes when they are erased.
    fn about(_output: &Self::Output) -> Option<SubjectId> {
        None
    }

    /// What a failure of it is an alarm of, if it is one.
    fn alarming(&self, _cx: &Cx<'_>) -> Option<AlarmKind> {
        None
    }

    /// Ids for the event of a failure.
    fn objects(&self) -> Vec<minicbor::bytes::ByteArray<16>> {
        Vec::new()
    }
}

/// What an operation has that is about no customer, and needs nothing loaded before policy decides.
macro_rules! about_nobody {
    () => {
        type Facts = ();
        fn intent(&self, _rules: &$crate::rules::Rules) -> Result<$crate::gate::Intent, $crate::Error> {
            Ok($crate::gate::Intent::plain())
        }
        fn facts(
            &self,
            _tx: &mut avouch_store::Tx<'_>,
            _cx: &$crate::app::Cx<'_>,
        ) -> Result<(), $crate::Error> {
            Ok(())
        }
    };
}
pub(crate) use about_nobody;

/// What in memory an operation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Nothing.
    Nothing,
    /// Principals and keys.
    Access,
    /// The charter.
    Rules,
    /// What follows from the keyring; whoever changes it puts the new one in force.
    Keyring,
    /// Key-encryption keys, and the generation of people's keys.
    Keys,
}

/// What an operation works with besides its transaction.
#[derive(Debug)]
pub struct Cx<'a> {
    pub(crate) app: &'a App,
    pub(crate) rules: &'a Rules,
    pub(crate) caller: &'a Caller,
    /// Microseconds UTC, the same for the whole operation.
    pub(crate) now: i64,
    /// The event this will become.
    pub(crate) event: EventId,
    /// The generation in which people's keys are made. Another may begin at any moment, and all keys of one operation are of
    /// one generation.
    pub(crate) generation: u32,
}

impl Cx<'_> {
    pub(crate) fn new_id(&self) -> Result<[u8; 16], Error> {
        self.app.ids.uuid(self.now, &self.app.rng)
    }
}

/// A result together with its note for the ledger: there is no result without one.
#[derive(Debug)]
pub struct Outcome<T> {
    output: Result<T, Error>,
    note: Note,
    after: After,
}

impl<T> Outcome<T> {
    /// Both.
    pub fn new(output: T, note: Note) -> Self {
        Self { output: Ok(output), note, after: After::default() }
    }

    /// A refusal that the caller has learned something from, such as "this is not the value we hold": it is recorded with
    /// whom and what it was about, like a look. Nothing may have been written by then.
    pub fn failed(error: Error, note: Note) -> Self {
        Self { output: Err(error), note, after: After::default() }
    }

    /// The same with another output.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        Outcome { output: self.output.map(change), note: self.note, after: self.after }
    }

    /// The same, with what it has begun and ended of sessions, to be in force after the commit.
    pub(crate) fn with_sessions(mut self, sessions: Vec<SessionChange>) -> Self {
        self.after.sessions = sessions;
        self
    }

    /// The same, with what holds from now on, and no more, of what others have agreed to.
    pub(crate) fn with_approvals(mut self, approvals: Vec<ApprovalChange>) -> Self {
        self.after.approvals = approvals;
        self
    }

    /// The same, with all of it.
    pub(crate) fn with(self, after: After) -> Self {
        Self { after, ..self }
    }

    pub(crate) fn into_parts(self) -> (Result<T, Error>, Note, After) {
        (self.output, self.note, self.after)
    }
}

/// What is in force in memory after the commit, and not before.
#[derive(Debug, Default)]
pub(crate) struct After {
    pub(crate) sessions: Vec<SessionChange>,
    pub(crate) approvals: Vec<ApprovalChange>,
    pub(crate) glasses: Vec<GlassChange>,
    /// What the caller was shown, to be judged.
    pub(crate) seen: Option<Seen>,
}

/// What the caller gets, after the commit.
#[derive(Debug, Clone)]
pub struct Done<T> {
    /// The operation's output.
    pub output: T,
    /// The event that records it.
    pub event: EventId,
    /// The policies that allowed it.
    pub policies: Vec<String>,
}
