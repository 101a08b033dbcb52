//! An export as it arrives: a reader, never the whole in memory. A stream that breaks off is an error of the reader, not a short file.

use std::{
    fmt,
    io::{self, Read},
};

use ureq::{
    Body, BodyReader,
    http::{Response, header::CONTENT_TYPE},
};

/// A page of exported events, and where in the log it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// The number of its log.
    pub log: u64,
    /// The last index it has come to; nothing at the beginning of a log.
    pub index: Option<u64>,
    /// How many events of the log a checkpoint covers.
    pub size: u64,
    /// One event a line.
    pub lines: Vec<u8>,
}

/// A running export. Reads to the end of the file; an `Err` means that what was read so far is not all.
pub struct Export {
    /// The media type.
    pub media_type: String,
    reader: BodyReader<'static>,
}

impl Export {
    pub(crate) fn new(response: Response<Body>) -> Self {
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        Self { media_type, reader: response.into_body().into_with_config().limit(u64::MAX).reader() }
    }
}

impl Read for Export {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("media_type", &self.media_type).finish_non_exhaustive()
    }
}
