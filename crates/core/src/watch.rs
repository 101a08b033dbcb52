//! Who looks at customers without need: the rules of `avouch-watch`, fed with every look of a person, and what follows from them.
//!
//! What an operation has shown stands in its [`Note`](crate::audit::Note). In the transaction of the act the facts of each look are
//! gathered (`see`): the tie, what the customer is, from where. They are sealed beside the event, so that there is no look that
//! is shown and not known here. After the commit, and before anybody gets an answer, they are judged in memory (`state`), and a
//! look that is worth a case waits until the case is on the disk. A crash in between loses nothing: at the start the events since
//! what was kept last are judged again (`replay`), each once.
//!
//! Beside them stand the alarms (`alarms`): what happened that somebody has to look at now.
//!
//! Judgements are doubts. Nothing here punishes, and a score is seen by those alone who may read cases.

pub mod alarms;
mod cases;
mod close;
pub(crate) mod honey;
mod look;
mod own;
pub(crate) mod partners;
mod queue;
mod see;
mod state;
mod tie;
mod ties;

pub use avouch_watch::Family;
pub use cases::{CaseOutcome, CasePage, CaseShown, CaseState, ReadCase, ReadCases};
pub use close::CloseCase;
pub use honey::CreateHoneyKey;
pub use look::{Look, Recently};
pub use own::{AcknowledgeMonitoring, OwnAccess, OwnAccessPage, ReadOwnAccesses};
pub use tie::{Holder, MAX_TIE_DAYS, TieKind, TieShown};
pub use ties::{EndTie, MAX_TIES, NewTie, PutTies, ReadTies, TieMade, Whom};

pub(crate) use look::{Seen, classes, recently};
pub(crate) use queue::sweep;
pub(crate) use see::{ahead, question, see};
pub(crate) use state::{Watching, open_cases};
pub(crate) use tie::forget;

/// Every statement of the room.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    [
        alarms::STATEMENTS,
        cases::STATEMENTS,
        look::STATEMENTS,
        own::STATEMENTS,
        state::STATEMENTS,
        tie::STATEMENTS,
    ]
    .concat()
}
