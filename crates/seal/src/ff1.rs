//! FF1 (NIST SP 800-38G, section 5.1): a keyed permutation of numeral strings of one radix and length.
//!
//! ```text
//! P    = 01 02 01 || radix[3] || 0a || u mod 256 || n[4] || t[4]       n numerals, u = n/2, v = n - u
//! Q(i) = T || 0… || i || NUM(B)[b]                                     b = bytes of radix^v - 1
//! y(i) = first d bytes of CBC-MAC(K, P || Q(i))                        d = 4·ceil(b/4) + 4
//! A, B = B, (NUM(A) + y(i)) mod radix^(u or v)                         ten rounds
//! ```
//! Integers only: floating-point logarithms are the known bug of this algorithm. Halves of at most 96 bits
//! keep `d` within 16, so that a round is one block and everything fits 128 bits; longer strings are refused.
//! So are domains under a million (SP 800-38G revision 1): there FF1 is not a cipher but a riddle.
//!
//! Deterministic and without redundancy: equal values have equal tokens, and every key opens every token to
//! something. Division takes time that depends on the value, by nanoseconds; must not be offered where an
//! attacker times single calls on the same machine. FF3 and FF3-1 are broken and must never join it here.

use core::fmt;

use aws_lc_rs::cipher::{AES_256, Algorithm, EncryptingKey, EncryptionContext, UnboundCipherKey};

use crate::{Error, Key, Result};

/// Bytes that a tweak may have.
pub const MAX_TWEAK: usize = 64;

/// The fewest strings that a radix and a length may span.
pub const MIN_DOMAIN: u128 = 1_000_000;

/// FF1 under one key and radix, with AES-256.
pub struct Ff1 {
    aes: EncryptingKey,
    radix: u8,
}

impl Ff1 {
    /// Makes the key ready. `radix` is 2 to 64.
    pub fn new(key: &Key, radix: u8) -> Result<Self> {
        Self::with_cipher(&AES_256, key.bytes(), radix)
    }

    fn with_cipher(cipher: &'static Algorithm, key: &[u8], radix: u8) -> Result<Self> {
        if !(2..=64).contains(&radix) {
            return Err(Error::Parameters("radix outside 2 to 64"));
        }
        // The CBC-MAC is chained here, block by block, because what comes before the last block is kept.
        let aes =
            UnboundCipherKey::new(cipher, key).and_then(EncryptingKey::ecb).map_err(|_| Error::Provider)?;
        Ok(Self { aes, radix })
    }

    /// The permutation of strings of `len` numerals under `tweak`. Costs one block, and one for each 16 bytes
    /// of tweak: keep it where many values share both.
    pub fn permutation(&self, len: usize, tweak: &[u8]) -> Result<Permutation<'_>> {
        if tweak.len() > MAX_TWEAK {
            return Err(Error::Parameters("tweak over 64 bytes"));
        }
        let u = len / 2;
        let v = len - u;
        let (low, high) = (self.power(u)?, self.power(v)?);
        // A product beyond 128 bits is large enough.
        if low.checked_mul(high).is_some_and(|domain| domain < MIN_DOMAIN) {
            return Err(Error::Parameters("fewer than a million possible values"));
        }
        let len = u32::try_from(len).map_err(|_| TOO_LONG)?;
        let [_, _, _, u_mod_256] = (len / 2).to_be_bytes();
        let t = u32::try_from(tweak.len()).map_err(|_| TOO_LONG)?;

        let bits = u128::BITS - (high - 1).leading_zeros();
        let b = bits.div_ceil(8);
        let d = 4 * b.div_ceil(4) + 4;

        let p = u128::from_be_bytes([1, 2, 1, 0, 0, self.radix, 10, u_mod_256, 0, 0, 0, 0, 0, 0, 0, 0])
            | (u128::from(len) << 32)
            | u128::from(t);
        let mut chain = self.block(p)?;

        // Q up to the round number, which all ten rounds have in common. Its last block is taken into the
        // chain but not yet encrypted.
        let mut q = [0; Q_LEN];
        q.iter_mut().zip(tweak).for_each(|(q, t)| *q = *t);
        let blocks = (tweak.len() + 1 + b as usize).div_ceil(BLOCK_LEN);
        for (index, block) in (1..=blocks).zip(q.as_chunks::<BLOCK_LEN>().0) {
            chain ^= u128::from_be_bytes(*block);
            if index < blocks {
                chain = self.block(chain)?;
            }
        }
        Ok(Permutation { ff1: self, len, low, high, chain, round_shift: 8 * b, y_shift: 128 - 8 * d })
    }

    /// `radix^exponent`, up to 2^96.
    fn power(&self, exponent: usize) -> Result<u128> {
        let exponent = u32::try_from(exponent).map_err(|_| TOO_LONG)?;
        u128::from(self.radix).checked_pow(exponent).filter(|power| *power <= 1 << 96).ok_or(TOO_LONG)
    }

    fn block(&self, block: u128) -> Result<u128> {
        let mut bytes = block.to_be_bytes();
        self.aes.less_safe_encrypt(&mut bytes, EncryptionContext::None).map_err(|_| Error::Provider)?;
        Ok(u128::from_be_bytes(bytes))
    }
}

impl fmt::Debug for Ff1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ff1(radix {})", self.radix)
    }
}

const BLOCK_LEN: usize = 16;
/// The longest `Q`, 64 + 1 + 12 bytes, in whole blocks.
const Q_LEN: usize = 80;
const ROUNDS: u8 = 10;
const TOO_LONG: Error = Error::Parameters("value too long: half of it exceeds 96 bits");

/// FF1 with key, radix, length and tweak fixed.
pub struct Permutation<'a> {
    ff1: &'a Ff1,
    len: u32,
    /// `radix^u` and `radix^v`.
    low: u128,
    high: u128,
    /// CBC-MAC of all that comes before the round number, the last block not yet encrypted.
    chain: u128,
    round_shift: u32,
    y_shift: u32,
}

impl Permutation<'_> {
    /// Encrypts numerals in place: `len` of them, each below the radix, most significant first.
    pub fn encrypt(&self, numerals: &mut [u8]) -> Result<()> {
        self.apply(numerals, Self::forward)
    }

    /// Undoes [`encrypt`](Self::encrypt).
    pub fn decrypt(&self, numerals: &mut [u8]) -> Result<()> {
        self.apply(numerals, Self::backward)
    }

    /// Encrypts the string that is `number` written in `len` numerals. For domains up to 2^127; a number that
    /// is too long, or a domain, is refused.
    pub fn encrypt_number(&self, number: u128) -> Result<u128> {
        self.apply_to_number(number, Self::forward)
    }

    /// Undoes [`encrypt_number`](Self::encrypt_number).
    pub fn decrypt_number(&self, number: u128) -> Result<u128> {
        self.apply_to_number(number, Self::backward)
    }

    fn apply(&self, numerals: &mut [u8], rounds: Rounds<Self>) -> Result<()> {
        if numerals.len() != self.len as usize || numerals.iter().any(|numeral| *numeral >= self.ff1.radix) {
            return Err(Error::Malformed("numeral string"));
        }
        let (left, right) = numerals.split_at_mut(self.len as usize / 2);
        let (a, b) = rounds(self, self.read(left), self.read(right))?;
        self.write(a, left);
        self.write(b, right);
        Ok(())
    }

    fn apply_to_number(&self, number: u128, rounds: Rounds<Self>) -> Result<u128> {
        let domain = self.low.checked_mul(self.high).filter(|domain| *domain <= 1 << 127);
        if number >= domain.ok_or(Error::Parameters("domain over 127 bits"))? {
            return Err(Error::Malformed("number"));
        }
        let (a, b) = rounds(self, number / self.high, number % self.high)?;
        Ok(a * self.high + b)
    }

    fn forward(&self, mut a: u128, mut b: u128) -> Result<(u128, u128)> {
        for round in 0..ROUNDS {
            let modulus = self.modulus(round);
            let sum = a + self.y(round, b, modulus)?;
            (a, b) = (b, if sum >= modulus { sum - modulus } else { sum });
        }
        Ok((a, b))
    }

    fn backward(&self, mut a: u128, mut b: u128) -> Result<(u128, u128)> {
        for round in (0..ROUNDS).rev() {
            let modulus = self.modulus(round);
            let y = self.y(round, a, modulus)?;
            (a, b) = (if b >= y { b - y } else { b + modulus - y }, a);
        }
        Ok((a, b))
    }

    const fn modulus(&self, round: u8) -> u128 {
        if round.is_multiple_of(2) { self.low } else { self.high }
    }

    /// `y` of one round, reduced before it is added: `d` may be all 16 bytes.
    fn y(&self, round: u8, half: u128, modulus: u128) -> Result<u128> {
        let y = self.ff1.block(self.chain ^ (u128::from(round) << self.round_shift) ^ half)? >> self.y_shift;
        // Halves of up to 32 bits, 19 digits among them, have a `y` of 64: one instruction instead of a call.
        Ok(match (u64::try_from(y), u64::try_from(modulus)) {
            (Ok(y), Ok(modulus)) => (y % modulus).into(),
            _ => y % modulus,
        })
    }

    /// `NUM` of a half: at most 96 bits, as every numeral was found below the radix.
    fn read(&self, numerals: &[u8]) -> u128 {
        // Up to ten numerals of radix 64 fit 64 bits, where arithmetic is cheap.
        let radix = u64::from(self.ff1.radix);
        numerals.chunks(CHUNK).fold(0, |number, chunk| {
            let (value, power) = chunk
                .iter()
                .fold((0, 1), |(value, power), numeral| (value * radix + u64::from(*numeral), power * radix));
            number * u128::from(power) + u128::from(value)
        })
    }

    /// `STR` of a half.
    fn write(&self, mut number: u128, numerals: &mut [u8]) {
        let radix = u64::from(self.ff1.radix);
        for chunk in numerals.rchunks_mut(CHUNK) {
            let power = chunk.iter().fold(1, |power, _| power * radix);
            let mut value;
            (number, value) = match u64::try_from(number) {
                Ok(small) => ((small / power).into(), small % power),
                Err(_) => (number / u128::from(power), low_64(number % u128::from(power))),
            };
            for numeral in chunk.iter_mut().rev() {
                *numeral = low_8(value % radix);
                value /= radix;
            }
        }
    }
}

impl fmt::Debug for Permutation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permutation(radix {}, length {})", self.ff1.radix, self.len)
    }
}

type Rounds<P> = fn(&P, u128, u128) -> Result<(u128, u128)>;

/// Numerals of any radix up to 64 that fit 64 bits.
const CHUNK: usize = 10;

/// Of a remainder below `2^64`.
const fn low_64(number: u128) -> u64 {
    (number & 0xffff_ffff_ffff_ffff) as u64
}

/// Of a remainder below the radix.
const fn low_8(number: u64) -> u8 {
    (number & 0xff) as u8
}

#[cfg(test)]
mod tests;
