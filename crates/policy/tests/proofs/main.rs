//! What is promised of every request is proved for every request.
//!
//! The effective policy is taken as the engine gives it for review, as text, and compiled to logic beside each
//! promise; the solver looks for a request that the policy allows and the promise rules out. None: proved. Found: the
//! test fails with the promise's sentence and that request. Who asks, what, and with which facts comes from the
//! schema alone, so that a fact or a kind of caller that is added there is in the proofs without a word here.

mod charter;
mod claim;
mod found;
mod prover;
mod rules;
mod shipped;
mod shop;
mod texts;
