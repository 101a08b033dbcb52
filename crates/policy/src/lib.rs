#![doc = include_str!("../README.md")]

mod action;
mod advice;
mod decision;
mod engine;
mod failing;
mod grant;
mod nesting;
mod promise;
mod proof;
mod request;
mod source;

pub use action::{Action, Shows, UnknownAction};
pub use decision::{Decision, FieldView, Need, View};
pub use engine::{Engine, SCHEMA};
pub use grant::{ApprovalRule, PurposeFields, RoleGrant, SeesGrant};
pub use promise::Promise;
pub use proof::{KeyClass, Means, Proof, ProofNeed};
pub use request::{Approved, Field, PrincipalClass, PrincipalKind, Request, RowClass, SubjectClass};
pub use source::{Problem, Source};
