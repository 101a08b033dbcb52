//! What stands in clear before a backup's stream, so that a file says what it is and a backup of keys carries the seals that open
//! it. It is bound to the stream by its wrapped key and by the tag: until the file is opened none of it is to be believed.

use avouch_seal::{SecureRandom, VaultId};
use avouch_store::Side;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use crate::Error;
use crate::keys::Slot;
use crate::keys::seals::Stored;

/// Of the header and what follows it.
pub(super) const FORMAT: u8 = 1;

/// Which store a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Part {
    /// Sealed records, tokens, events.
    #[n(0)]
    Data,
    /// Wrapped keys.
    #[n(1)]
    Keys,
}

impl Part {
    /// `data` or `keys`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Keys => "keys",
        }
    }

    pub(crate) const fn side(self) -> Side {
        match self {
            Self::Data => Side::Data,
            Self::Keys => Side::Keys,
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Header {
    #[n(0)]
    format: u8,
    #[n(1)]
    pub(crate) vault: ByteArray<16>,
    #[n(2)]
    pub(crate) part: Part,
    /// Of the run: data and keys of one run have one number.
    #[n(3)]
    pub(crate) sequence: u64,
    /// Microseconds UTC.
    #[n(4)]
    pub(crate) made: i64,
    /// The generation in which people's keys were made.
    #[n(5)]
    pub(crate) generation: u32,
    /// Only in a backup of keys, whose life is short: a seal that was let go of must not open an old backup of data.
    #[n(6)]
    seals: Option<Seals>,
    /// Drawn for each file.
    #[n(7)]
    id: ByteArray<16>,
    /// Of a file that holds only what changed: since when.
    #[n(8)]
    pub(crate) base: Option<Base>,
    /// Of a backup of keys: when it is to be gone, as receipts of erasures say. Microseconds UTC.
    #[n(9)]
    pub(crate) until: Option<i64>,
}

/// The backup that another one was made on: the same store's, and needed together with it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Base {
    /// Of which run.
    #[n(0)]
    pub sequence: u64,
    /// Microseconds UTC.
    #[n(1)]
    pub made: i64,
    #[n(2)]
    id: ByteArray<16>,
}

impl Base {
    /// Whether this header is the very file's.
    pub(crate) fn is(&self, header: &Header) -> bool {
        *self == header.as_base()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Seals {
    #[n(0)]
    generation: u32,
    #[n(1)]
    keyring: ByteVec,
    #[n(2)]
    slots: Vec<SealedSlot>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct SealedSlot {
    #[n(0)]
    slot: String,
    #[n(1)]
    kind: String,
    #[n(2)]
    generation: u32,
    #[n(3)]
    made: i64,
    #[n(4)]
    wrapped: ByteVec,
}

impl Header {
    pub(crate) fn new(
        vault: VaultId,
        part: Part,
        (sequence, made): (u64, i64),
        generation: u32,
        rng: &dyn SecureRandom,
    ) -> Result<Self, Error> {
        let mut id = [0; 16];
        rng.fill(&mut id).map_err(|_| Error::Internal("no randomness"))?;
        let (vault, id) = (vault.0.into(), id.into());
        let (seals, base, until) = (None, None, None);
        Ok(Self { format: FORMAT, vault, part, sequence, made, generation, seals, id, base, until })
    }

    /// Of a file that holds only what changed since another.
    pub(crate) fn made_on(mut self, other: &Self) -> Self {
        self.base = Some(other.as_base());
        self
    }

    fn as_base(&self) -> Base {
        Base { sequence: self.sequence, made: self.made, id: self.id }
    }

    /// Of keys: with the seals and the keyring as they are stored, and when it is to be gone.
    pub(crate) fn of_keys(mut self, stored: &Stored, until: i64) -> Self {
        let slot = |slot: &Slot| SealedSlot {
            slot: slot.slot.clone(),
            kind: slot.kind.clone(),
            generation: slot.generation,
            made: slot.made,
            wrapped: slot.wrapped.clone().into(),
        };
        let slots = stored.slots.iter().map(slot).collect();
        self.seals =
            Some(Seals { generation: stored.generation, keyring: stored.keyring.clone().into(), slots });
        self.until = Some(until);
        self
    }

    /// The seals and the keyring, for whoever opens the file by a seal.
    pub(crate) fn seals(&self) -> Option<Stored> {
        let Seals { generation, keyring, slots } = self.seals.as_ref()?;
        let slot = |slot: &SealedSlot| Slot {
            slot: slot.slot.clone(),
            kind: slot.kind.clone(),
            generation: slot.generation,
            made: slot.made,
            drilled: None,
            wrapped: slot.wrapped.to_vec(),
        };
        let slots = slots.iter().map(slot).collect();
        Some(Stored { slots, generation: *generation, keyring: keyring.to_vec() })
    }
}
