//! The limits of the API, stated once: the server enforces them, the client stays inside them, the documentation prints them.
//! Sizes are bytes of the body as sent.

/// Largest request body of an ordinary route: 1 MiB.
pub const BODY_BYTES: usize = 1 << 20;

/// Largest request body of imports, tokenize, detokenize, batch and the use of standalone keys: 8 MiB.
pub const BULK_BODY_BYTES: usize = 8 << 20;

/// Bodies of all requests at work together: 256 MiB. One whose length is not declared counts as the largest.
pub const BODIES_BYTES: usize = 256 << 20;

/// The largest body of somebody who has not shown yet who they are: a log-in, or what a service shows for a token.
pub const VISITOR_BODY_BYTES: usize = 128 << 10;

/// The same for all of these together. It is apart from the others', so that nobody who is nobody takes room from anybody.
pub const VISITOR_BODIES_BYTES: usize = 16 << 20;

/// How deep arrays and objects of a request may nest.
pub const JSON_DEPTH: usize = 32;

/// Entries of a list page when the caller does not say.
pub const PAGE_DEFAULT: u32 = 25;

/// Most entries of a list page.
pub const PAGE_MAX: u32 = 100;

/// Most events of one page of an export.
pub const EXPORT_EVENTS: u32 = 1000;

/// Most items of one batch, one token request or one use of a standalone key.
pub const BATCH_ITEMS: usize = 1000;

/// Most bytes of all items of one use of a standalone key together, as they are behind their base64: 1 MiB.
pub const TRANSIT_BYTES: usize = 1 << 20;

/// Most standalone keys.
pub const TRANSIT_KEYS: usize = 10_000;

/// Most versions that a standalone key keeps.
pub const TRANSIT_VERSIONS: usize = 1000;

/// Most random bytes of one request: 128 KiB.
pub const RANDOM_BYTES: usize = 128 << 10;

/// Most rows of one import chunk.
pub const CHUNK_ROWS: usize = 1000;

/// Most sample values of one column in a mapping proposal.
pub const PROPOSE_SAMPLES: usize = 200;

/// Most columns of an import.
pub const IMPORT_COLUMNS: usize = 512;

/// Most terms of one search; all must match.
pub const SEARCH_TERMS: usize = 4;

/// Longest `Idempotency-Key`: visible ASCII characters.
pub const IDEMPOTENCY_KEY_CHARS: usize = 128;

/// How long an idempotency key is remembered: 24 hours, in seconds.
pub const IDEMPOTENCY_SECONDS: u64 = 24 * 60 * 60;

/// Longest stated reason, in characters.
pub const REASON_CHARS: usize = 500;

/// Longest `ref` of a batch item, in characters.
pub const REF_CHARS: usize = 128;

/// Longest life of an API key, in days.
pub const KEY_DAYS_MAX: u16 = 365;
