//! Pre-authentication encoding: several byte strings as one, so that no two different lists encode alike.
//!
//! Each part is its length as 64-bit little-endian, then its bytes. The encoding of a list is the
//! concatenation of the encodings of its parts, so a common beginning can be kept and extended. Must never be
//! used with parts glued together by hand: `["ab", "c"]` and `["a", "bc"]` are different contexts and have to
//! stay so.

use core::fmt;

/// Encodes `parts` into a fresh buffer.
pub fn pae(parts: &[&[u8]]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
    for part in parts {
        encoded.extend_from_slice(&length(part));
        encoded.extend_from_slice(part);
    }
    encoded
}

/// Room without an allocation: every AAD of this crate fits as long as a class name stays below 60 bytes.
const INLINE: usize = 256;

/// The same encoding written part by part, without an allocation up to 256 bytes. For AAD, which is not
/// secret.
#[derive(Clone)]
pub struct Pae {
    inline: [u8; INLINE],
    len: usize,
    spill: Vec<u8>,
}

impl Pae {
    /// The empty list.
    pub const fn new() -> Self {
        Self { inline: [0; INLINE], len: 0, spill: Vec::new() }
    }

    /// Appends one part.
    pub fn part(&mut self, part: &[u8]) -> &mut Self {
        self.raw(&length(part));
        self.raw(part);
        self
    }

    /// Appends the parts of another list.
    pub fn parts_of(&mut self, other: &Self) -> &mut Self {
        self.raw(other.as_ref());
        self
    }

    fn raw(&mut self, bytes: &[u8]) {
        if self.spill.is_empty() {
            if let Some(room) = self.inline.get_mut(self.len..self.len + bytes.len()) {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
                return;
            }
            self.spill.extend_from_slice(self.inline.split_at(self.len).0);
        }
        self.spill.extend_from_slice(bytes);
    }
}

impl Default for Pae {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<[u8]> for Pae {
    fn as_ref(&self) -> &[u8] {
        if self.spill.is_empty() { self.inline.split_at(self.len).0 } else { &self.spill }
    }
}

impl fmt::Debug for Pae {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pae({} bytes)", self.as_ref().len())
    }
}

/// The length prefix of one part.
pub(crate) fn length(part: &[u8]) -> [u8; 8] {
    // Lossless: no platform of ours has addresses beyond 64 bits.
    (part.len() as u64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn known_encodings() {
        assert_eq!(pae(&[]), b"");
        assert_eq!(pae(&[b""]), b"\0\0\0\0\0\0\0\0");
        assert_eq!(pae(&[b"ab", b"c"]), b"\x02\0\0\0\0\0\0\0ab\x01\0\0\0\0\0\0\0c");
    }

    /// Reads an encoding back; that this is possible at all is what makes it injective.
    fn decode(mut encoded: &[u8]) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        while let Some((len, rest)) = encoded.split_first_chunk::<8>() {
            let (part, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*len)).expect("short"));
            parts.push(part.to_vec());
            encoded = rest;
        }
        parts
    }

    proptest! {
        #[test]
        fn every_list_reads_back(parts in vec(vec(any::<u8>(), 0..90), 0..8)) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(decode(&pae(&slices)), parts);
        }

        #[test]
        fn the_writer_agrees_inline_and_spilled(
            parts in vec(vec(any::<u8>(), 0..90), 0..8),
            cut in 0_usize..8,
        ) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let (head, tail) = slices.split_at(cut.min(slices.len()));
            let (mut first, mut second) = (Pae::new(), Pae::new());
            head.iter().for_each(|part| { first.part(part); });
            tail.iter().for_each(|part| { second.part(part); });
            first.parts_of(&second);
            let expected = pae(&slices);
            prop_assert_eq!(first.as_ref(), expected.as_slice());
        }
    }
}
