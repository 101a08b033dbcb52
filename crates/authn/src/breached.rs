//! Passwords that were lost elsewhere, as a filter: a few bytes for each, of which nobody reads a password.
//!
//! A password is looked up by the first 64 bits of its SHA-1, because the large lists are handed around as SHA-1. The filters are
//! 256, one for each first byte (BinaryFuse16, Graf and Lemire 2022): each is built by itself, so that the memory for a list of a
//! thousand million is that of its largest part. What is on the list is always found; of what is not, one in 65,536 is taken for
//! it. A false alarm costs somebody another password, and nothing else.
//!
//! The file: `"avouchbp" ‖ version ‖ 256 × (fingerprints ‖ seed ‖ segment ‖ segments ‖ fingerprint…) ‖ passwords ‖ SHA-256`, all numbers
//! little-endian. Whoever can change it can let a stolen password through, or refuse a good one.

use core::fmt;
use std::io::{self, Read, Write};

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use xorf::{BinaryFuse16, Descriptor, Filter as _};

use crate::Error;

/// The parts of a list.
pub const PARTS: usize = 256;
/// The most passwords of one part: 4,294,967,296 in all, and 600 MB to build one.
pub const PART_MOST: usize = 1 << 24;
/// Fingerprints that a filter of [`PART_MOST`] has at most.
const FINGERPRINTS_MOST: usize = 1 << 25;
/// `segment_length` of the library at most.
const SEGMENT_MOST: u32 = 1 << 18;

const MAGIC: &[u8; 8] = b"avouchbp";
const VERSION: u32 = 1;

/// A list that passwords are looked up in.
pub struct Breached {
    parts: Vec<Option<BinaryFuse16>>,
    passwords: u64,
}

/// A password as the list has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(u64);

impl Entry {
    /// That of a password.
    #[must_use]
    pub fn of(password: &str) -> Self {
        Self::of_sha1(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()).as_ref())
    }

    fn of_sha1(sha1: &[u8]) -> Self {
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(sha1) {
            *to = *from;
        }
        Self(u64::from_be_bytes(first))
    }

    /// That of a line of a list: `SHA-1` in hexadecimal, with `:` and how often it was seen where the list says that. Nothing for one
    /// that was seen less often than `least`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another line.
    pub fn of_hashed(line: &str, least: u64) -> Result<Option<Self>, Error> {
        const MALFORMED: Error =
            Error::Malformed("expected 40 hexadecimal digits, and `:` and a number or nothing");
        let (hash, seen) = match line.split_once(':') {
            Some((hash, seen)) => (hash, seen.trim().parse().map_err(|_| MALFORMED)?),
            None => (line, u64::MAX),
        };
        if hash.len() != 40 {
            return Err(MALFORMED);
        }
        let sha1 = data_encoding::HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).map_err(|_| MALFORMED)?;
        Ok((seen >= least).then(|| Self::of_sha1(&sha1)))
    }

    /// The part that it belongs to.
    #[must_use]
    pub fn part(self) -> usize {
        usize::from(self.0.to_be_bytes()[0])
    }

    /// As bytes, to be put aside until its part is built.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The same back.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

impl Breached {
    /// A list of these passwords.
    ///
    /// # Errors
    /// [`Error::Internal`] when the library finds no filter.
    pub fn of<'p>(passwords: impl IntoIterator<Item = &'p str>) -> Result<Self, Error> {
        let mut entries = vec![Vec::new(); PARTS];
        for entry in passwords.into_iter().map(Entry::of) {
            if let Some(part) = entries.get_mut(entry.part()) {
                part.push(entry);
            }
        }
        let mut list = Self { parts: Vec::with_capacity(PARTS), passwords: 0 };
        for entries in entries {
            let (filter, count) = build(entries)?;
            list.parts.push(filter);
            list.passwords += count;
        }
        Ok(list)
    }

    /// Whether a password is on the list.
    #[must_use]
    pub fn contains(&self, password: &str) -> bool {
        let entry = Entry::of(password);
        let part = self.parts.get(entry.part()).and_then(Option::as_ref);
        part.is_some_and(|filter| filter.contains(&entry.0))
    }

    /// How many passwords are on it.
    #[must_use]
    pub fn passwords(&self) -> u64 {
        self.passwords
    }

    /// The memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts.iter().flatten().map(|filter| filter.fingerprints.len() * 2).sum()
    }

    /// Reads a file that [`Builder`] has written, to its end.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for one that is not whole; else what the reader reports.
    pub fn read(source: impl Read) -> io::Result<Self> {
        let mut source = Hashing::new(source);
        if source.take::<8>()? != *MAGIC {
            return Err(invalid("this is no list made by `avouch passwords build`"));
        }
        if source.number()? != VERSION {
            return Err(invalid("the list is of another version: build it again"));
        }
        let mut parts = Vec::with_capacity(PARTS);
        for _ in 0..PARTS {
            parts.push(read_part(&mut source)?);
        }
        let passwords = u64::from_le_bytes(source.take()?);
        let hash = source.hash.clone().finish();
        let mut rest = Vec::with_capacity(33);
        source.inner.take(33).read_to_end(&mut rest)?;
        if rest != hash.as_ref() {
            return Err(invalid("the list is damaged: build it again"));
        }
        Ok(Self { parts, passwords })
    }
}

impl fmt::Debug for Breached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breached").field("passwords", &self.passwords).finish_non_exhaustive()
    }
}

fn read_part<R: Read>(source: &mut Hashing<R>) -> io::Result<Option<BinaryFuse16>> {
    let length = usize::try_from(source.number()?).unwrap_or(usize::MAX);
    let seed = u64::from_le_bytes(source.take()?);
    let (segment_length, segment_count_length) = (source.number()?, source.number()?);
    if length == 0 {
        return Ok(None);
    }
    let descriptor = Descriptor {
        seed,
        segment_length,
        segment_length_mask: segment_length.wrapping_sub(1),
        segment_count_length,
    };
    // INVARIANT: the library looks at three places below `segments + 2 × segment` without asking whether they are there.
    let fits = segment_length.is_power_of_two()
        && segment_length <= SEGMENT_MOST
        && segment_count_length >= segment_length
        && u64::try_from(length) == Ok(u64::from(segment_count_length) + 2 * u64::from(segment_length))
        && length <= FINGERPRINTS_MOST;
    if !fits {
        return Err(invalid("the list is damaged: build it again"));
    }
    let mut fingerprints = Vec::new();
    let mut bytes = vec![0; CHUNK];
    while fingerprints.len() < length {
        let count = (length - fingerprints.len()).min(CHUNK / 2);
        let Some(room) = bytes.get_mut(..count * 2) else { break };
        source.fill(room)?;
        fingerprints.extend(
            room.chunks_exact(2).filter_map(|pair| pair.first_chunk().copied()).map(u16::from_le_bytes),
        );
    }
    Ok(Some(BinaryFuse16 { descriptor, fingerprints: fingerprints.into_boxed_slice() }))
}

const CHUNK: usize = 64 << 10;

/// Writes a list, part by part.
pub struct Builder<W> {
    target: W,
    hash: Context,
    parts: usize,
    passwords: u64,
}

impl<W> fmt::Debug for Builder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("parts", &self.parts).field("passwords", &self.passwords).finish()
    }
}

impl<W: Write> Builder<W> {
    /// Begins one.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn new(target: W) -> io::Result<Self> {
        let mut builder = Self { target, hash: Context::new(&SHA256), parts: 0, passwords: 0 };
        builder.put(MAGIC)?;
        builder.put(&VERSION.to_le_bytes())?;
        Ok(builder)
    }

    /// Adds the next part: all entries of it, in any order and as often as they came.
    ///
    /// # Errors
    /// What the writer reports, and [`io::ErrorKind::InvalidInput`] for entries of another part or too many.
    pub fn part(&mut self, entries: Vec<Entry>) -> io::Result<()> {
        let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text);
        if self.parts >= PARTS || entries.iter().any(|entry| entry.part() != self.parts) {
            return Err(invalid("entries of another part"));
        }
        if entries.len() > PART_MOST {
            return Err(invalid(
                "more passwords than a list can have: leave out those that were seen least often",
            ));
        }
        let (filter, count) = build(entries).map_err(io::Error::other)?;
        self.parts += 1;
        self.passwords += count;
        let Some(filter) = filter else { return self.put(&[0; 20]) };
        let length = u32::try_from(filter.fingerprints.len()).map_err(io::Error::other)?;
        let Descriptor { seed, segment_length, segment_count_length, .. } = filter.descriptor;
        self.put(&length.to_le_bytes())?;
        self.put(&seed.to_le_bytes())?;
        self.put(&segment_length.to_le_bytes())?;
        self.put(&segment_count_length.to_le_bytes())?;
        for chunk in filter.fingerprints.chunks(CHUNK / 2) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()).collect();
            self.put(&bytes)?;
        }
        Ok(())
    }

    /// Ends it; how many different passwords there were.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        while self.parts < PARTS {
            self.part(Vec::new())?;
        }
        self.put(&self.passwords.to_le_bytes())?;
        self.target.write_all(self.hash.finish().as_ref())?;
        self.target.flush()?;
        Ok((self.target, self.passwords))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.target.write_all(bytes)
    }
}

fn build(mut entries: Vec<Entry>) -> Result<(Option<BinaryFuse16>, u64), Error> {
    entries.sort_unstable();
    entries.dedup();
    if entries.is_empty() {
        return Ok((None, 0));
    }
    let filter = BinaryFuse16::try_from_iterator(entries.iter().map(|entry| entry.0))
        .map_err(|_| Error::Internal("there is no filter for these passwords"))?;
    Ok((Some(filter), u64::try_from(entries.len()).unwrap_or(u64::MAX)))
}

struct Hashing<R> {
    inner: R,
    hash: Context,
}

impl<R: Read> Hashing<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Context::new(&SHA256) }
    }

    fn fill(&mut self, room: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(room).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => invalid("the list ends too early: build it again"),
            _ => error,
        })?;
        self.hash.update(room);
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.take()?))
    }
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `password`, by its SHA-1 as FIPS 180 has it.
    const PASSWORD: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn written(entries: &[Entry]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new()).unwrap();
        for part in 0..PARTS {
            builder.part(entries.iter().copied().filter(|entry| entry.part() == part).collect()).unwrap();
        }
        builder.finish().unwrap().0
    }

    #[test]
    fn lines_of_the_known_lists_are_read() {
        let entry = Entry::of("password");
        assert_eq!(entry.part(), 0x5b);
        for line in
            [PASSWORD, &PASSWORD.to_lowercase(), &format!("{PASSWORD}:9545824"), &format!("{PASSWORD}:7 ")]
        {
            assert_eq!(Entry::of_hashed(line, 5), Ok(Some(entry)), "{line}");
        }
        assert_eq!(Entry::of_hashed(&format!("{PASSWORD}:4"), 5), Ok(None));
        for line in [
            "",
            "password",
            &PASSWORD[1..],
            &format!("{PASSWORD}0"),
            &format!("{PASSWORD}:x"),
            &format!("{PASSWORD}:"),
        ] {
            assert!(Entry::of_hashed(line, 0).is_err(), "{line}");
        }
    }

    #[test]
    fn what_was_written_is_read_and_every_password_is_found() {
        let passwords: Vec<String> = (0..20_000).map(|n| format!("walnut ferry {n}")).collect();
        let mut entries: Vec<_> = passwords.iter().map(|password| Entry::of(password)).collect();
        entries.extend_from_within(..5_000);
        let bytes = written(&entries);
        let list = Breached::read(&bytes[..]).unwrap();
        assert_eq!(list.passwords(), 20_000);
        assert!(passwords.iter().all(|password| list.contains(password)));
        let alarms = (0..200_000).filter(|n| list.contains(&format!("orchid cloud {n}"))).count();
        assert!(alarms < 20, "{alarms} of 200,000, where 3 were expected");
        assert_eq!(format!("{list:?}"), "Breached { passwords: 20000, .. }");
    }

    #[test]
    fn an_empty_list_has_nothing() {
        let bytes = written(&[]);
        let list = Breached::read(&bytes[..]).unwrap();
        assert_eq!((list.passwords(), list.bytes(), list.contains("password")), (0, 0, false));
    }

    #[test]
    fn a_file_that_is_damaged_in_any_byte_is_refused() {
        let bytes = written(&["a", "b", "c"].map(Entry::of));
        assert!(Breached::read(&bytes[..]).is_ok());
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(Breached::read(&damaged[..]).is_err(), "byte {place}");
            assert!(Breached::read(&bytes[..place]).is_err(), "ends before byte {place}");
        }
        assert!(Breached::read(&[&bytes[..], b"x"].concat()[..]).is_err(), "something behind it");
    }

    #[test]
    fn parts_come_in_their_order() {
        let mut builder = Builder::new(Vec::new()).unwrap();
        assert!(builder.part(vec![Entry::of("password")]).is_err());
    }

    proptest! {
        /// Whoever gives us a file with the right checksum still cannot make the library look where nothing is.
        #[test]
        fn no_header_makes_a_lookup_panic(length in 0_u32..200, seed: u64, segment in 0_u32..200, segments in 0_u32..200) {
            let mut file = [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat();
            for _ in 0..PARTS {
                for number in [&length.to_le_bytes()[..], &seed.to_le_bytes(), &segment.to_le_bytes(), &segments.to_le_bytes()] {
                    file.extend_from_slice(number);
                }
                file.resize(file.len() + usize::try_from(length).unwrap() * 2, 7);
            }
            file.extend_from_slice(&9_u64.to_le_bytes());
            let hash = digest(&SHA256, &file);
            file.extend_from_slice(hash.as_ref());
            if let Ok(list) = Breached::read(&file[..]) {
                for n in 0..100 {
                    let _ = list.contains(&n.to_string());
                }
            }
        }
    }
}
