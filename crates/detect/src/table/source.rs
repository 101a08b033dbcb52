//! The caller's reader, decoded to UTF-8 on the way.
//!
//! UTF-8 input passes unchanged, sound or not: rows are judged one by one, so that one broken row does not
//! spoil the file. Other encodings are transcoded in chunks; what cannot be decoded becomes the byte `0xff`,
//! which no UTF-8 has, so that it spoils its row and only its row.

use std::fmt;
use std::io::{self, ErrorKind, Read};

use encoding_rs::{Decoder, DecoderResult};

use super::encoding::Found;

/// How much is looked at before the dialect is settled.
const HEAD: usize = 256 * 1024;
const CHUNK: usize = 64 * 1024;

pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    /// Bytes read and not yet decoded: the head at first, then a chunk at a time.
    pending: Vec<u8>,
    decoder: Option<Decoder>,
    position: u64,
    drained: bool,
}

impl Source {
    /// Reads the head. Blocks until it is full or the input ends.
    pub(super) fn open(mut reader: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut pending = Vec::new();
        let taken = reader.by_ref().take(HEAD as u64).read_to_end(&mut pending)?;
        Ok(Self { reader, pending, decoder: None, position: taken as u64, drained: taken < HEAD })
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.pending
    }

    /// Bytes of the underlying input read so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Settles the encoding; to be called once, before the first `fill`.
    pub(super) fn decode(&mut self, found: &Found) {
        self.pending.drain(..found.bom_length());
        self.decoder = found.decoder();
    }

    /// Appends some decoded bytes to `out`. `false` means that the input has ended; it appends at least one
    /// byte otherwise.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        let before = out.len();
        while out.len() == before {
            if self.pending.is_empty() && !self.drained {
                self.read()?;
            }
            match &mut self.decoder {
                None => out.append(&mut self.pending),
                Some(decoder) => {
                    decode(decoder, &self.pending, out, self.drained);
                    self.pending.clear();
                    if self.drained {
                        // A decoder must not be used after its last call; the rest of the input is empty.
                        self.decoder = None;
                    }
                }
            }
            if self.drained && self.pending.is_empty() && self.decoder.is_none() {
                break;
            }
        }
        Ok(out.len() > before)
    }

    fn read(&mut self) -> io::Result<()> {
        self.pending.resize(CHUNK, 0);
        let taken = loop {
            match self.reader.read(&mut self.pending) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.pending.clear();
                    return Err(error);
                }
                Ok(taken) => break taken,
            }
        };
        self.pending.truncate(taken);
        self.position += taken as u64;
        self.drained = taken == 0;
        Ok(())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("position", &self.position).finish_non_exhaustive()
    }
}

fn decode(decoder: &mut Decoder, mut bytes: &[u8], out: &mut Vec<u8>, last: bool) {
    let mut end = out.len();
    loop {
        let room =
            decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(4 * CHUNK).max(16);
        // What the last turn did not fill is kept: cleared anew behind every fault, it would cost their square.
        if out.len() < end + room {
            out.resize(end + room, 0);
        }
        let target = out.get_mut(end..).unwrap_or_default();
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, target, last);
        end += written;
        bytes = bytes.get(read..).unwrap_or_default();
        match result {
            DecoderResult::InputEmpty => break,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                match out.get_mut(end) {
                    Some(byte) => *byte = 0xff,
                    None => out.push(0xff),
                }
                end += 1;
            }
        }
    }
    out.truncate(end);
}
