#![doc = include_str!("../README.md")]

mod action;
mod charter;
mod check;
mod contract;
mod country;
mod leak;
mod model;
mod period;
mod plan;
mod problem;
mod read;
pub mod types;
mod warn;
mod words;
mod yaml;

pub use action::{ACTIONS, action, needs_purpose};
pub use charter::{Charter, SourceFile};
pub use contract::Contract;
pub use model::{
    Approval, BreakGlass, Category, Company, Compound, CompoundPart, Daily, Field, FuzzyIndex, Holder, Index,
    KeyKind, LegalBasis, PrefixIndex, Purpose, Reason, Recipient, RecipientKind, RetentionClass, Role,
    Search, Sees, Sensitivity, SentCodes, StartEvent, TokenKind, TokenRule, TokenRules, View,
};
pub use period::Period;
pub use plan::{Change, ChangeKind, Plan, plan};
pub use problem::Problem;
pub use types::{FieldType, Invalid, Mask, Masks, Normal, Part, RangeIndex, Value, screen};
