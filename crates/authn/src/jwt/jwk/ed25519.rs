//! Public keys of Ed25519 that the library takes and that are worth nothing.
//!
//! Under a key of small order anybody can make a signature that is good for many messages: whoever registers
//! one can deny all that was done with it. A second spelling of a point (RFC 8032, section 5.1.3) would be a
//! second thumbprint of one key.

const LENGTH: usize = 32;

/// Whether `y` is below the prime, `2^255 - 19`, and the point of another order than 1, 2, 4 and 8.
pub(super) fn is_worth_something(bytes: &[u8; LENGTH]) -> bool {
    let mut y = *bytes;
    let [.., last] = &mut y;
    // The bit that chooses between the two points of one `y`.
    *last &= 0x7f;
    let [first, between @ .., last] = &y;
    let is_below = *first < 0xed || *last != 0x7f || between.iter().any(|byte| *byte != 0xff);
    is_below && !SMALL_ORDER.contains(&y)
}

/// `y` of the eight points whose order divides 8: 0 (order 4), 1 (1), -1 (2), and the two of order 8.
const SMALL_ORDER: [[u8; LENGTH]; 5] = [
    [0; LENGTH],
    {
        let mut one = [0; LENGTH];
        let [first, ..] = &mut one;
        *first = 1;
        one
    },
    {
        let mut minus_one = [0xff; LENGTH];
        let [first, .., last] = &mut minus_one;
        (*first, *last) = (0xec, 0x7f);
        minus_one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    /// By another implementation: these are weak, and a key that was made is not.
    #[test]
    fn they_are_the_weak_ones() {
        for mut y in SMALL_ORDER {
            for sign in [0, 0x80] {
                y[31] = y[31] & 0x7f | sign;
                assert!(!is_worth_something(&y));
                if let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&y) {
                    assert!(key.is_weak(), "{y:?}");
                }
            }
        }
        let made = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert!(is_worth_something(made.as_bytes()) && !made.is_weak());
    }

    #[test]
    fn a_point_has_one_spelling() {
        // 2^255 - 19 + 3, which an implementation that reduces takes for 3.
        let mut above = [0xff; LENGTH];
        (above[0], above[31]) = (0xf0, 0x7f);
        assert!(!is_worth_something(&above));
        let mut three = [0; LENGTH];
        three[0] = 3;
        assert!(is_worth_something(&three));
    }
}
