//! The format of a backup file. What it protects and why is in `docs/backup.md`.
//!
//! ```text
//! file    = "avouch-backup\n" || length u32-BE || header (CBOR map) || age stream of body
//! body    = frame…              frame = length u32-BE || CBOR array
//! frame   = [0, table, [column…]]      a table begins
//!         | [1, [cell…]]               a row of it; a cell is null, an integer, text or bytes
//!         | [2, [[table, rows]…]]      the end: how many rows each table had
//!         | [3, tag]                   over header and all frames before it
//!         | [4, [cell…]]               the row with this key is gone: only in a file that holds what changed
//! ```
//!
//! The stream's one recipient is the vault: see [`avouch_seal::backup`]. Of a file that holds what changed `layers` makes sense.
//!
//! INVARIANT: a row that is handed out is authentic, for age checks each piece before it gives it away. That the file is whole
//! is known at the end only, when [`Reader::next`] has said `None`.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::io::{self, Read, Write};

use age::secrecy::ExposeSecret as _;
use age_core::format::{FileKey, Stanza};
use avouch_seal::SecureRandom;
use avouch_seal::backup::{BackupKeys, Tag, TagKey};
use minicbor::{Decoder, Encoder};

use super::cell::Cell;
use super::error::{Unread, Unusable};
use super::header::{FORMAT, Header};
use super::tables::Table;

const MAGIC: &[u8; 14] = b"avouch-backup\n";
/// The one kind of recipient that a stream has.
const STANZA: &str = "avouch-backup";
const MAX_HEADER: usize = 1 << 20;
/// More than any row: the charter's files hold four MiB together.
const MAX_FRAME: usize = 32 << 20;

/// Wraps the stream's key for the vault.
struct Recipient<'a> {
    keys: &'a BackupKeys,
    tag: &'a TagKey,
    header: &'a [u8],
    rng: &'a dyn SecureRandom,
}

impl age::Recipient for Recipient<'_> {
    fn wrap_file_key(&self, stream: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), age::EncryptError> {
        let wrapped = self.keys.wrap(stream.expose_secret(), self.tag, self.header, self.rng);
        let body = wrapped.map_err(|error| age::EncryptError::Io(io::Error::other(error)))?;
        Ok((vec![Stanza { tag: STANZA.to_owned(), args: Vec::new(), body }], HashSet::new()))
    }
}

/// Unwraps it, and keeps the key of the tag that comes with it.
struct Identity<'a> {
    keys: &'a BackupKeys,
    header: &'a [u8],
    tag: OnceCell<TagKey>,
}

impl age::Identity for Identity<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        if stanza.tag != STANZA {
            return None;
        }
        let Ok((stream, tag)) = self.keys.unwrap(&stanza.body, self.header) else {
            return Some(Err(age::DecryptError::DecryptionFailed));
        };
        let key = FileKey::init_with_mut(|key| key.copy_from_slice(stream.as_slice()));
        // A file with a second stanza of ours was not written by us.
        Some(self.tag.set(tag).map(|()| key).map_err(|_| age::DecryptError::InvalidHeader))
    }
}

/// How many rows of each table.
pub(crate) type Counts = Vec<(String, u64)>;

/// Writes a file.
pub(crate) struct Writer<W: Write> {
    out: age::stream::StreamWriter<W>,
    tag: Tag,
    counts: Counts,
    frame: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub(crate) fn begin(
        mut out: W,
        header: &Header,
        keys: &BackupKeys,
        rng: &dyn SecureRandom,
    ) -> io::Result<Self> {
        let header = minicbor::to_vec(header).map_err(io::Error::other)?;
        let length = u32::try_from(header.len()).map_err(io::Error::other)?;
        out.write_all(MAGIC)?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&header)?;
        let tag = TagKey::generate(rng).map_err(io::Error::other)?;
        let recipient = Recipient { keys, tag: &tag, header: &header, rng };
        let recipients = core::iter::once(&recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        let out = encryptor.wrap_output(out)?;
        Ok(Self { out, tag: tag.begin(&header), counts: Counts::new(), frame: Vec::new() })
    }

    /// Begins a table.
    pub(crate) fn table(&mut self, table: &Table) -> io::Result<()> {
        self.counts.push((table.name.to_owned(), 0));
        self.frame(|out| {
            out.array(3)?.u8(0)?.str(table.name)?.array(table.columns.len() as u64)?;
            table.columns.iter().try_for_each(|(name, _)| out.str(name).map(drop))
        })
    }

    /// A row of the table that was begun last.
    pub(crate) fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        self.count();
        self.frame(|out| {
            out.array(2)?.u8(1)?.array(cells.len() as u64)?;
            cells.iter().for_each(|cell| cell.encode(out));
            Ok(())
        })
    }

    /// A row that has not changed.
    pub(crate) fn same(&mut self) {
        self.count();
    }

    fn count(&mut self) {
        if let Some((_, count)) = self.counts.last_mut() {
            *count += 1;
        }
    }

    /// The key of a row that is there no longer.
    pub(crate) fn gone(&mut self, key: &[Cell]) -> io::Result<()> {
        self.frame(|out| {
            out.array(2)?.u8(4)?.array(key.len() as u64)?;
            key.iter().for_each(|cell| cell.encode(out));
            Ok(())
        })
    }

    /// Ends the file. What it was written to is flushed and not yet synced.
    pub(crate) fn finish(mut self) -> io::Result<(W, Counts)> {
        let counts = core::mem::take(&mut self.counts);
        self.frame(|out| {
            out.array(2)?.u8(2)?.array(counts.len() as u64)?;
            counts.iter().try_for_each(|(table, rows)| out.array(2)?.str(table)?.u64(*rows).map(drop))
        })?;
        let tag = self.tag.clone().finish();
        self.frame(|out| out.array(2)?.u8(3)?.bytes(&tag).map(drop))?;
        let mut out = self.out.finish()?;
        out.flush()?;
        Ok((out, counts))
    }

    fn frame(&mut self, fill: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Encoded) -> io::Result<()> {
        self.frame.clear();
        self.frame.extend_from_slice(&[0; 4]);
        // Writing to a `Vec` has no error.
        let filled = fill(&mut Encoder::new(&mut self.frame));
        debug_assert!(filled.is_ok());
        let length = self.frame.len() - 4;
        if length > MAX_FRAME {
            return Err(io::Error::other("a row is larger than a backup can hold"));
        }
        let length = u32::try_from(length).map_err(io::Error::other)?;
        self.frame.iter_mut().zip(length.to_be_bytes()).for_each(|(at, byte)| *at = byte);
        self.tag.update(&self.frame);
        self.out.write_all(&self.frame)
    }
}

type Encoded = Result<(), minicbor::encode::Error<core::convert::Infallible>>;

/// A file of which only the header was read: what it says is not to be believed yet.
pub(crate) struct Unopened<R: Read> {
    pub(crate) header: Header,
    raw: Vec<u8>,
    input: R,
}

impl<R: Read> Unopened<R> {
    pub(crate) fn read(mut input: R) -> Result<Self, Unread> {
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Unusable::Foreign.into());
            }
            read => read?,
        }
        if magic != *MAGIC {
            return Err(Unusable::Foreign.into());
        }
        let raw = sized(&mut input, MAX_HEADER)?;
        // The format first: a later one may have another header.
        let mut fields = Decoder::new(&raw);
        let format = fields.map().and_then(|_| fields.u8()).and_then(|_| fields.u8());
        if format.map_err(|_| Unusable::Damaged)? != FORMAT {
            return Err(Unusable::Version.into());
        }
        let header = minicbor::decode(&raw).map_err(|_| Unusable::Damaged)?;
        Ok(Self { header, raw, input })
    }

    /// Opens the stream with the keys of the vault; with another vault's it does not open.
    pub(crate) fn open(self, keys: &BackupKeys) -> Result<Reader<R>, Unread> {
        if *self.header.vault != keys.vault().0 {
            return Err(Unusable::OtherVault.into());
        }
        let identity = Identity { keys, header: &self.raw, tag: OnceCell::new() };
        let identities = core::iter::once(&identity as &dyn age::Identity);
        let stream = age::Decryptor::new(self.input).and_then(|file| file.decrypt(identities));
        let input = stream.map_err(|error| match error {
            age::DecryptError::Io(error) => error.into(),
            _ => Unread::from(Unusable::Damaged),
        })?;
        let tag = identity.tag.into_inner().ok_or(Unusable::Damaged)?.begin(&self.raw);
        let (header, counts) = (self.header, Counts::new());
        Ok(Reader { header, input, tag: Some(tag), counts })
    }
}

/// Reads a file.
pub(crate) struct Reader<R: Read> {
    pub(crate) header: Header,
    input: age::stream::StreamReader<R>,
    /// None once it was checked.
    tag: Option<Tag>,
    counts: Counts,
}

/// What a file says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A table begins, with these columns.
    Table(String, Vec<String>),
    /// A row of it.
    Row(Vec<Cell>),
    /// The key of a row that it has no longer.
    Gone(Vec<Cell>),
}

impl<R: Read> Reader<R> {
    /// The next item; `None` at the end of a file that is whole.
    pub(crate) fn next(&mut self) -> Result<Option<Item>, Unread> {
        let frame = self.frame()?;
        let item = read(&frame).map_err(|_| Unusable::Damaged)?;
        match item {
            Frame::Item(item) => {
                match &item {
                    Item::Table(name, _) => self.counts.push((name.clone(), 0)),
                    Item::Row(_) => self.counts.last_mut().ok_or(Unusable::Damaged)?.1 += 1,
                    Item::Gone(_) if self.header.base.is_some() && !self.counts.is_empty() => {}
                    Item::Gone(_) => return Err(Unusable::Damaged.into()),
                }
                Ok(Some(item))
            }
            // How many there are where only what changed is told, is known to whoever lays it over the rest.
            Frame::End(counts) if counts == self.counts || self.header.base.is_some() => {
                self.counts = counts;
                self.end().map(|()| None)
            }
            Frame::End(_) | Frame::Tag(_) => Err(Unusable::Damaged.into()),
        }
    }

    /// The rows of each table so far; at the end, how many there were when the file was written.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// INVARIANT: the tag is the last thing in the file, and age has seen its last piece.
    fn end(&mut self) -> Result<(), Unread> {
        let taken = self.tag.take().ok_or(Unusable::Damaged)?;
        let frame = self.frame()?;
        let Ok(Frame::Tag(tag)) = read(&frame) else { return Err(Unusable::Damaged.into()) };
        let ended = self.input.read(&mut [0])? == 0;
        if ended && taken.verify(&tag) { Ok(()) } else { Err(Unusable::Damaged.into()) }
    }

    fn frame(&mut self) -> Result<Vec<u8>, Unread> {
        let frame = sized(&mut self.input, MAX_FRAME)?;
        if let (Some(tag), Ok(length)) = (&mut self.tag, u32::try_from(frame.len())) {
            tag.update(&length.to_be_bytes());
            tag.update(&frame);
        }
        Ok(frame)
    }
}

/// Bytes with their length before them.
fn sized(input: &mut impl Read, limit: usize) -> Result<Vec<u8>, Unread> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Unusable::Damaged)?;
    if length > limit {
        return Err(Unusable::Damaged.into());
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

enum Frame {
    Item(Item),
    End(Counts),
    Tag(Vec<u8>),
}

fn read(frame: &[u8]) -> Result<Frame, minicbor::decode::Error> {
    let mut input = Decoder::new(frame);
    input.array()?;
    let read = match input.u8()? {
        0 => {
            let name = input.str()?.to_owned();
            let columns = input.array_iter::<String>()?.collect::<Result<_, _>>()?;
            Frame::Item(Item::Table(name, columns))
        }
        1 => Frame::Item(Item::Row(cells(&mut input)?)),
        2 => Frame::End(input.array_iter::<(String, u64)>()?.collect::<Result<_, _>>()?),
        3 => Frame::Tag(input.bytes()?.to_vec()),
        4 => Frame::Item(Item::Gone(cells(&mut input)?)),
        _ => return Err(minicbor::decode::Error::message("no frame of ours")),
    };
    if input.position() == frame.len() {
        Ok(read)
    } else {
        Err(minicbor::decode::Error::message("more than a frame"))
    }
}

fn cells(input: &mut Decoder<'_>) -> Result<Vec<Cell>, minicbor::decode::Error> {
    let cells = input.array()?.unwrap_or_default();
    (0..cells).map(|_| Cell::decode(input)).collect()
}
