//! Promises as claims about a policy: which of them it breaks, and by which request.

use avouch_policy::Promise;

use crate::found::Found;
use crate::prover::{Logic, Prover};
use crate::texts::ruled_out;

/// A promise, and what it rules out as logic.
pub(crate) struct Claim {
    pub(crate) promise: Promise,
    pub(crate) ruled_out: Logic,
}

/// What the policy allows against a promise.
pub(crate) struct Broken<'a> {
    pub(crate) promise: &'a Promise,
    pub(crate) found: Found,
}

pub(crate) fn claims(prover: &Prover, promises: Vec<Promise>) -> Vec<Claim> {
    let claim = |promise| Claim { ruled_out: prover.logic(&ruled_out(&promise)), promise };
    promises.into_iter().map(claim).collect()
}

/// The claims that are false of a policy.
pub(crate) fn broken<'a>(prover: &mut Prover, policy: &Logic, claims: &'a [Claim]) -> Vec<Broken<'a>> {
    let broken = |Claim { promise, ruled_out }: &'a Claim| {
        prover.both(policy, ruled_out).map(|found| Broken { promise, found })
    };
    claims.iter().filter_map(broken).collect()
}

/// Fails, in plain words, when one is false of the policy.
pub(crate) fn assert_kept(prover: &mut Prover, policy: &Logic, claims: &[Claim]) {
    assert!(!claims.is_empty());
    let broken = broken(prover, policy, claims);
    assert!(broken.is_empty(), "a promise is broken\n\n{}", report(&broken));
}

/// What a person needs to see why. Empty when nothing is broken.
pub(crate) fn report(broken: &[Broken<'_>]) -> String {
    let one = |Broken { promise, found }: &Broken<'_>| {
        format!(
            "It is promised: {}\n({}) And yet the policy allows:\n{found}\n",
            promise.says(),
            promise.id()
        )
    };
    broken.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// The names of the promises that are broken.
pub(crate) fn names(broken: &[Broken<'_>]) -> Vec<String> {
    broken.iter().map(|broken| broken.promise.id().to_owned()).collect()
}
