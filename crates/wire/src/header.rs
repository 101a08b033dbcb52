//! Header names and media types that are part of the contract. Lower case, as HTTP libraries compare them.
//! No header ever carries a customer's value: purposes are names from the charter, reasons are why, not who.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// `Avouch-Purpose`: the purpose of a GET, PATCH, DELETE or create. Bodies of other calls have a member `purpose`.
pub const PURPOSE: &str = "avouch-purpose";

/// `Avouch-Reason`: the reason in the caller's words, percent-encoded UTF-8 (RFC 3986), so that any language fits a header:
/// see [`encode`] and [`decode`].
pub const REASON: &str = "avouch-reason";

/// `Avouch-Request-Id`: names this answer in logs and events.
pub const REQUEST_ID: &str = "avouch-request-id";

/// `Idempotency-Key`: at most [`crate::limits::IDEMPOTENCY_KEY_CHARS`] visible ASCII characters.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// `If-Match`: the version a PATCH was made from, in quotes.
pub const IF_MATCH: &str = "if-match";

/// `Avouch-Log`: the number of the log that a page of exported events is of.
pub const LOG: &str = "avouch-log";

/// `Avouch-Index`: the last index that the page has come to; absent at the beginning of a log. With `Avouch-Log`, where to go on.
pub const INDEX: &str = "avouch-index";

/// `Avouch-Log-Size`: how many events of that log a checkpoint covers.
pub const LOG_SIZE: &str = "avouch-log-size";

/// Media type of a problem (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Media type of a merge patch (RFC 7396).
pub const MERGE_PATCH_JSON: &str = "application/merge-patch+json";

/// Media type of JSON Lines.
pub const JSON_LINES: &str = "application/x-ndjson";

/// Media type of CSV.
pub const CSV: &str = "text/csv";

/// Media type of a sealed (age) export.
pub const SEALED: &str = "application/octet-stream";

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text as a header value or a part of a URL: everything but `A-Z a-z 0-9 - . _ ~` as `%XX` of its UTF-8 bytes.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// The way back; text that was never encoded stays as it is. `None` if the bytes are not UTF-8.
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_language_fits_a_header() {
        let reason = "Rückfrage: wo bleibt das Päckchen? 荷物";
        let encoded = encode(reason);
        assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()), "{encoded}");
        assert_eq!(decode(&encoded).unwrap(), reason);
        assert_eq!(decode("asks where it is").unwrap(), "asks where it is");
        assert_eq!(decode("%ff"), None);
    }
}
