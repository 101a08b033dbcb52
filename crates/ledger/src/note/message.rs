//! What is signed beneath a checkpoint (c2sp.org/tlog-cosignature), which is not the text alone.
//!
//! ```text
//! timestamped signature     = u64 time || signature                 big-endian, seconds since 1970, below 2^63
//! of Ed25519                over "cosignature/v1\ntime <time>\n" || text
//! of ML-DSA-44              over "subtree/v1\n\0" || u8 length || name || u64 time || u8 length || origin
//!                                || u64 0 || u64 size || root
//! ```
//! The first does not name the cosigner: one key must never serve two of them. The second does not cover lines beyond the
//! third of a checkpoint, of which there are none here. Must never be the same bytes as the text of a note: that would
//! make a signature on the one good for the other.

use crate::checkpoint::Checkpoint;
use crate::ed25519::SIGNATURE;
use crate::{Error, Result};

/// How a message begins that is signed with Ed25519. No text of a note may.
pub(super) const COSIGNATURE: &str = "cosignature/v1\n";
const SUBTREE: &[u8; 12] = b"subtree/v1\n\0";

/// Bytes that a name or an origin may have where its length is one byte.
pub(super) const MAX_NAME: usize = 255;

/// The latest time that can be written.
pub(super) const MAX_TIME: u64 = i64::MAX.unsigned_abs();

/// Time and signature, of what stands behind the key id.
pub(super) fn split_time(bytes: &[u8]) -> Result<(u64, &[u8])> {
    let (time, signature) = bytes.split_first_chunk().ok_or(SIGNATURE)?;
    let time = u64::from_be_bytes(*time);
    if time > MAX_TIME { Err(SIGNATURE) } else { Ok((time, signature)) }
}

/// What stands behind the key id.
pub(super) fn join_time(time: u64, signature: &[u8]) -> Vec<u8> {
    [&time.to_be_bytes(), signature].concat()
}

/// What an Ed25519 cosigner signs of a text that is a checkpoint.
pub(super) fn of_text(time: u64, text: &str) -> Result<String> {
    Checkpoint::parse(text).map_err(|_| SIGNATURE)?;
    Ok(format!("{COSIGNATURE}time {time}\n{text}"))
}

/// What an ML-DSA-44 cosigner of this name signs of a text that is a checkpoint.
pub(super) fn of_checkpoint(name: &str, time: u64, text: &str) -> Result<Vec<u8>> {
    let checkpoint = Checkpoint::parse(text).map_err(|_| SIGNATURE)?;
    subtree(name, time, &checkpoint).map_err(|_| SIGNATURE)
}

/// The same, of a checkpoint that is about to be signed.
pub(super) fn subtree(name: &str, time: u64, checkpoint: &Checkpoint) -> Result<Vec<u8>> {
    let length =
        |text: &str| u8::try_from(text.len()).map_err(|_| Error::Parameters("a name over 255 bytes"));
    let mut message = SUBTREE.to_vec();
    message.push(length(name)?);
    message.extend_from_slice(name.as_bytes());
    message.extend_from_slice(&time.to_be_bytes());
    message.push(length(&checkpoint.origin)?);
    message.extend_from_slice(checkpoint.origin.as_bytes());
    message.extend_from_slice(&0_u64.to_be_bytes());
    message.extend_from_slice(&checkpoint.size.to_be_bytes());
    message.extend_from_slice(&checkpoint.root.0);
    Ok(message)
}
