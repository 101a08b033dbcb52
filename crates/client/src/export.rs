//! An export as it arrives: a reader, never the whole in memory. A stream that breaks off is an error of the reader, not a short file.

use std::{
    fmt,
    io::{self, Read},
};

use avouch_wire::header;
use ureq::{Body, BodyReader, http::Response};

/// A running export. Reads to the end of the file; an `Err` means that what was read so far is not all.
pub struct Export {
    /// How many customers it holds, if the server said so.
    pub count: Option<u64>,
    /// The media type.
    pub media_type: String,
    reader: BodyReader<'static>,
}

impl Export {
    pub(crate) fn new(response: Response<Body>) -> Self {
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let count = text(header::EXPORT_COUNT).and_then(|value| value.parse().ok());
        let media_type = text("content-type").unwrap_or_default().to_owned();
        Self { count, media_type, reader: response.into_body().into_with_config().limit(u64::MAX).reader() }
    }
}

impl Read for Export {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("count", &self.count)
            .field("media_type", &self.media_type)
            .finish_non_exhaustive()
    }
}
