#![doc = include_str!("../README.md")]

mod access;
mod actor;
mod baseline;
mod bounded;
mod context;
mod day;
mod error;
mod explain;
mod honey;
mod judgement;

mod onlookers;
mod pairs;
mod pattern;
mod queue;
mod rejudge;
mod relation;
mod rule;
mod snapshot;
mod statistics;
mod team;
mod thresholds;
mod visit;
mod volume;
mod watch;

pub use access::{Access, ActorId, Session, SubjectFacts, SubjectId, TeamId, Tie};
pub use error::{Error, Result};
pub use explain::Reason;
pub use judgement::{Action, Case, Figures, Judgement, View};
pub use queue::{Alert, Budget, Queue};
pub use rejudge::{Rejudgement, Standing};
pub use rule::{Family, Rule, Values};
pub use snapshot::{MAX_SNAPSHOT, Owner, Snapshot};
pub use thresholds::{Bounds, Context, Learning, Levels, Pattern, Relation, Thresholds, Volume};
pub use watch::Watch;
