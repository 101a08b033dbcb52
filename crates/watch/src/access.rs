//! What is known of one look at a customer: who, at whom, when, how much was shown, and whether there was
//! need.
//!
//! Whoever calls has these facts already when it decides whether to show anything. Nothing here is a
//! customer's data: ids, counts and flags, and no judgement needs more.

use core::fmt;

use minicbor::{Decode, Encode};

/// Somebody who works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct ActorId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

/// Those whose work is alike: what is usual for one of them is a first guess for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct TeamId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

/// A customer. It is not printed: beside a time it says who was looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct SubjectId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl SubjectId {
    /// Of a store that numbers its customers.
    #[must_use]
    pub const fn of_number(number: u64) -> Self {
        Self((number as u128).to_be_bytes())
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectId(..)")
    }
}

/// What ties the actor to this customer now. The number `t` of the formulas is how little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Tie {
    /// `t` = 0: the customer has begun it: a case, an order, a call, a chat.
    #[n(0)]
    Contact,
    /// `t` = 0.6: there is a case, and the actor has made it.
    #[n(1)]
    OwnMaking,
    /// `t` = 1: nothing.
    #[n(2)]
    None,
}

impl Tie {
    /// `t`.
    #[must_use]
    pub fn t(self) -> f64 {
        f64::from(self.tenths()) / 10.0
    }

    /// Ten times `t`: sums of it can be taken back without a remainder.
    pub(crate) const fn tenths(self) -> u32 {
        match self {
            Self::Contact => 0,
            Self::OwnMaking => 6,
            Self::None => 10,
        }
    }
}

/// What the customer is to the company and to this actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubjectFacts {
    /// Works here too.
    pub staff: bool,
    /// Is the actor.
    pub own_record: bool,
    /// Is of the tier that people are curious about.
    pub vip: bool,
    /// Lives at the actor's address: the keyed digests of both addresses are the same.
    pub same_household: bool,
    /// Has the actor's family name, and few others have it.
    pub same_rare_surname: bool,
    /// Is nobody: a record that no work leads to.
    pub honey: bool,
}

/// From where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// A device that this actor was not seen on before.
    pub new_device: bool,
    /// How unlike earlier sessions this one is, 0 to 100.
    pub novelty: u8,
}

/// One look at one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who looks.
    pub actor: ActorId,
    /// Their team.
    pub team: TeamId,
    /// Whether they are about to leave the company.
    pub leaving: bool,
    /// Whether VIPs are their work.
    pub vip_desk: bool,
    /// At whom.
    pub subject: SubjectId,
    /// What this customer is.
    pub facts: SubjectFacts,
    /// Which part of all customers this one belongs to, such as a region; 31 and above count as one.
    pub segment: u8,
    /// The customer's place in a row that can be walked along, if ids are such a row.
    pub place: Option<u64>,
    /// When, in microseconds UTC.
    pub at: i64,
    /// How many fields were shown as they are.
    pub clear: u16,
    /// How many fields were shown masked.
    pub masked: u16,
    /// What ties the two.
    pub tie: Tie,
    /// From where.
    pub session: Session,
}
