//! Ids. Made by the server and free of meaning: they may appear in URLs and logs. A customer's is random; the others are random but
//! time-ordered.

use core::fmt;
use core::str::FromStr;
use core::sync::atomic::{AtomicI64, Ordering};

use avouch_seal::SecureRandom;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// From its 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
            /// Its 16 bytes.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                // Only the form we print: several spellings of one id would defeat caches and comparisons.
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase()) => Ok(Self(id)),
                    _ => Err(Error::NotFound),
                }
            }
        }
    };
}

id!(
    /// A customer: the data subject. It is kept elsewhere, and outlives its customer. So nothing is in it, not even the moment, which
    /// would lead to the event that stored them, and from there to all others about them.
    SubjectId
);
id!(
    /// Somebody or something that acts: staff, service, auditor, the system itself.
    PrincipalId
);
id!(
    /// An API key's public half.
    CredentialId
);
id!(
    /// A session of somebody who has logged in.
    SessionId
);
id!(
    /// An access token's public half.
    TokenId
);
id!(
    /// Something that somebody logs in with.
    AuthenticatorId
);
id!(
    /// A request for others' word.
    ApprovalId
);
id!(
    /// A charter that is not in force yet.
    DraftId
);
id!(
    /// A glass that was broken.
    GlassId
);
id!(
    /// An alarm.
    AlarmId
);
id!(
    /// A message that waits to be delivered.
    MessageId
);
id!(
    /// Why somebody has to do with a customer.
    TieId
);
id!(
    /// What a reviewer has to look at.
    CaseId
);
id!(
    /// A one-time link's public half.
    LinkId
);
id!(
    /// A group of people that an identity provider keeps.
    GroupId
);
id!(
    /// One import of one file with one mapping.
    ImportId
);
id!(
    /// A legal hold.
    HoldId
);

impl SubjectId {
    /// A new one: 122 random bits (UUIDv4).
    pub(crate) fn random(rng: &dyn SecureRandom) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        rng.fill(&mut bytes).map_err(|_| Error::Internal("no randomness"))?;
        Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid()))
    }
}

impl PrincipalId {
    /// The server itself.
    pub const SYSTEM: Self = Self(Uuid::nil());
}

/// An event: microseconds since 1970 in the upper bits, so ids sort by time; unique within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(i64);

impl EventId {
    /// From the stored integer.
    #[must_use]
    pub const fn from_int(id: i64) -> Self {
        Self(id)
    }
    /// The stored integer.
    #[must_use]
    pub const fn int(self) -> i64 {
        self.0
    }
    /// The least id that an event of this moment can have.
    #[must_use]
    pub const fn first_at(micros: i64) -> Self {
        Self(micros.saturating_mul(1 << 10))
    }
    /// The moment it was given, in microseconds UTC.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0 >> 10
    }
    /// As others write it: UUIDv7 of the same microsecond, so that it is unique and sorts as the number does.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        let bits = self.0.cast_unsigned();
        let (micros, node) = (bits >> 10, bits & 0x3ff);
        let high = ((micros / 1000) << 16) | 0x7000 | (micros % 1000);
        Uuid::from_u64_pair(high, 0x8000_0000_0000_0000 | node)
    }
    /// From what others write; nothing for what [`EventId::uuid`] never gives.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        let (high, low) = uuid.as_u64_pair();
        let micros = (high >> 16) * 1000 + (high & 0xfff);
        let id = i64::try_from((u128::from(micros) << 10) | u128::from(low & 0x3ff)).ok().map(Self)?;
        (id.uuid() == uuid).then_some(id)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evt_{:016x}", self.0)
    }
}

impl FromStr for EventId {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix("evt_").filter(|digits| digits.len() == 16).ok_or(Error::NotFound)?;
        i64::from_str_radix(digits, 16).map(Self).map_err(|_| Error::NotFound)
    }
}

/// Hands out ids that never repeat and never go back, even when the clock does.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    last: AtomicI64,
}

impl Ids {
    /// A time-ordered id with 62 random bits (UUIDv7: 48 bits of milliseconds, 12 bits of the microseconds within).
    pub(crate) fn uuid(&self, now: i64, rng: &dyn SecureRandom) -> Result<[u8; 16], Error> {
        let micros = self.next(now);
        let mut random = [0u8; 8];
        rng.fill(&mut random).map_err(|_| Error::Internal("no randomness"))?;
        let (millis, within) = (micros / 1000, micros % 1000);
        let high = (millis << 16) | 0x7000 | (within << 2);
        let low = (u64::from_be_bytes(random) >> 2) | 0x8000_0000_0000_0000;
        let mut bytes = [0u8; 16];
        let (left, right) = bytes.split_at_mut(8);
        left.copy_from_slice(&high.to_be_bytes());
        right.copy_from_slice(&low.to_be_bytes());
        Ok(bytes)
    }

    /// Goes on after an event that exists: a restart must not give an id a second time, whatever the clock says.
    pub(crate) fn continue_after(&self, event: EventId) {
        self.last.fetch_max(event.0 >> 10, Ordering::Relaxed);
    }

    pub(crate) fn event(&self, now: i64) -> EventId {
        // Ten spare bits, for the number of the node once several share one ledger.
        EventId(self.next(now) << 10)
    }

    fn next(&self, now: i64) -> i64 {
        let step = |last: i64| Some(now.max(last + 1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or(now);
        now.max(last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_ordered_and_survive_a_clock_that_steps_back() {
        let ids = Ids::default();
        let rng = avouch_seal::SystemRandom::new();
        let first = ids.uuid(1_700_000_000_123_456, &rng).expect("random");
        let second = ids.uuid(1_600_000_000_000_000, &rng).expect("random");
        let first = Uuid::from_bytes(first);
        assert_eq!(first.get_version_num(), 7);
        assert_eq!(first.get_variant(), uuid::Variant::RFC4122);
        assert!(Uuid::from_bytes(second) > first);
        let event = ids.event(0);
        assert_eq!(EventId::from_uuid(event.uuid()), Some(event));
        assert_eq!(EventId::from_uuid(first), None, "random bits are nobody's event");
        assert_eq!(event.to_string().parse::<EventId>().expect("its own text"), event);
    }

    #[test]
    fn nothing_is_in_a_customers_id() {
        let rng = avouch_seal::SystemRandom::new();
        let ids = [(); 2].map(|()| SubjectId::random(&rng).expect("random").0);
        assert!(ids.iter().all(|id| id.get_version_num() == 4 && id.get_variant() == uuid::Variant::RFC4122));
        assert_ne!(ids[0].as_u64_pair().0 >> 16, ids[1].as_u64_pair().0 >> 16, "where UUIDv7 has its time");
    }

    #[test]
    fn only_the_printed_form_is_an_id() {
        let id = SubjectId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse::<SubjectId>().ok(), Some(id));
        for other in ["", "ABABABAB-abab-abab-abab-abababababab", "abababababababababababababababab", "x"] {
            assert!(other.parse::<SubjectId>().is_err());
        }
    }
}
