//! `/v1/ledger`: the log as everybody can follow it, in the formats of transparency logs (c2sp.org/tlog-tiles), and proofs of single
//! events. Checkpoints and tiles need no key: they say how many events there are, and nothing of what is in them. The entries
//! are the events themselves.

use std::collections::BTreeMap;

use avouch_core::app::App;
use avouch_core::audit::Event;
use avouch_core::ledger::{
    OneLog, Prove, ProveAccesses, ProvenLeaf as CoreLeaf, Published, ReadEntries, ReadRecords, RecordState,
    VersionDigest,
};
use avouch_core::{EventId, PrincipalId, SubjectId};
use avouch_ledger::tile::{BundleId, TileId};
use avouch_wire::{
    EventProof, Ledger, LedgerCheckpoint, LedgerCheckpointQuery, LedgerCheckpoints, LedgerLog, LedgerNote,
    LedgerRecord, LedgerRecordQuery, LedgerVersion, Page, PageQuery, ProblemKind, ProvenAccesses,
    ProvenInLog, ProvenLeaf,
};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use uuid::Uuid;

use crate::extract::{Caller, Path, Stated};
use crate::page::{Cursor, List, Paging};
use crate::perform::{answered, perform};
use crate::problem::Failure;
use crate::query::{CheckpointsAfter, RecordsAfter};
use crate::render;
use crate::service::Shared;

/// What is immutable once it is there: a tile, as wide as it was asked for.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const PROVEN_ACCESSES: &str = "avouch/accesses/v1";
const BYTES: &str = "application/octet-stream";
const BRIEFLY: &str = "public, max-age=1";

fn nothing() -> Failure {
    Failure::new(ProblemKind::NotFound, "the log has nothing there, or no checkpoint covers it yet")
}

fn body(bytes: impl Into<axum::body::Body>, media_type: &'static str) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn cached(mut response: Response, how: &'static str) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(how));
    response
}

fn checkpoint_of(published: &Published) -> LedgerCheckpoint {
    LedgerCheckpoint {
        size: published.checkpoint.size,
        root: published.checkpoint.root.to_string(),
        at: render::time(published.at),
    }
}

const NOBODY: &str = "nobody witnesses this log: it proves only what its own operator says";
const TOO_LONG: &str = "the witnesses of this log have not signed for too long: since then it proves only what its own operator says";

/// What whoever relies on the log should know of its witnesses.
pub(super) fn warning(app: &App) -> Option<&'static str> {
    if app.witness_names().next().is_none() {
        Some(NOBODY)
    } else {
        app.unwitnessed_for_too_long().then_some(TOO_LONG)
    }
}

/// Shows how it is with the log.
#[utoipa::path(get, path = "/v1/ledger", tag = "ledger", security(()),
    responses((status = 200, body = Ledger, description = "Its logs, the newest checkpoint, and who has witnessed it")))]
pub(super) async fn state(State(service): State<Shared>) -> Result<Response, Failure> {
    let state = answered(|answer| service.app.log_state(answer)).await?;
    let log = |log: OneLog| LedgerLog {
        number: log.number.cast_unsigned(),
        origin: log.origin,
        begun: render::time(log.begun),
        size: log.size,
        minimum: log.minimum,
        verifier_keys: log.keys,
    };
    render::ok(&Ledger {
        logs: state.logs.into_iter().map(log).collect(),
        waiting: state.waiting,
        checkpoint: state.published.as_deref().map(checkpoint_of),
        witnessed_by: state.published.map(|newest| newest.witnesses.clone()).unwrap_or_default(),
        witnesses: state.witnesses,
        witness_quorum: state.quorum as u64,
        witnessed: state.witnessed.as_deref().map(checkpoint_of),
        unwitnessed_since: state.unwitnessed_since.map(render::time),
        warning: warning(&service.app).map(str::to_owned),
        fault: state.fault,
    })
}

/// The newest checkpoint of a log, as a signed note.
#[utoipa::path(get, path = "/v1/ledger/{log}/checkpoint", tag = "ledger", security(()),
    params(("log" = u64, Path, description = "The number of the log")),
    responses((status = 200, body = String, content_type = "text/plain", description = "c2sp.org/tlog-checkpoint")))]
pub(super) async fn checkpoint(
    State(service): State<Shared>,
    Path(log): Path<u64>,
) -> Result<Response, Failure> {
    let newest = answered(|answer| service.app.log_checkpoint(log.cast_signed(), answer)).await?;
    let newest = newest.ok_or_else(nothing)?;
    Ok(cached(body(newest.note.clone(), "text/plain; charset=utf-8"), BRIEFLY))
}

/// Lists the checkpoints of a log that are kept, the smallest first: all of the last day, and one for each hour before.
#[utoipa::path(get, path = "/v1/ledger/{log}/checkpoints", tag = "ledger", security(()),
    params(("log" = u64, Path, description = "The number of the log"), LedgerCheckpointQuery),
    responses((status = 200, body = LedgerCheckpoints, description = "A page; the next begins after its last one")))]
pub(super) async fn checkpoints(
    State(service): State<Shared>,
    Path(log): Path<u64>,
    CheckpointsAfter(after): CheckpointsAfter,
) -> Result<Response, Failure> {
    let page = answered(|answer| service.app.log_checkpoints(log.cast_signed(), after, answer)).await?;
    let items = page.into_iter().map(|(size, note)| LedgerNote { size, note }).collect();
    render::ok(&LedgerCheckpoints { items })
}

/// The hashes of a tile.
#[utoipa::path(get, path = "/v1/ledger/{log}/tile/{level}/{*place}", tag = "ledger", security(()),
    params(
        ("log" = u64, Path, description = "The number of the log"),
        ("level" = u8, Path, description = "The level of the tile; 0 has the hashes of leaves"),
        ("place" = String, Path, description = "Which tile: `067` or `x001/067`; `.p/3` after it for its first three hashes"),
    ),
    responses((status = 200, content_type = "application/octet-stream", description = "c2sp.org/tlog-tiles")))]
pub(super) async fn tile(
    State(service): State<Shared>,
    Path((log, level, place)): Path<(u64, String, String)>,
) -> Result<Response, Failure> {
    let tile = TileId::parse(&format!("tile/{level}/{place}")).map_err(|_| nothing())?;
    let hashes = answered(|answer| service.app.log_tile(log.cast_signed(), tile, answer)).await?;
    Ok(cached(body(hashes.ok_or_else(nothing)?, BYTES), IMMUTABLE))
}

/// The entries of a bundle: the events, as they are hashed. Reading them is an event.
#[utoipa::path(get, path = "/v1/ledger/{log}/tile/entries/{*place}", tag = "ledger",
    params(
        ("log" = u64, Path, description = "The number of the log"),
        ("place" = String, Path, description = "Which bundle: `067` or `x001/067`; `.p/3` after it for its first three entries"),
    ),
    responses((status = 200, content_type = "application/octet-stream", description = "c2sp.org/tlog-tiles")))]
pub(super) async fn entries(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path((log, place)): Path<(u64, String)>,
) -> Result<Response, Failure> {
    let bundle = BundleId::parse(&format!("tile/entries/{place}")).map_err(|_| nothing())?;
    let read = ReadEntries { log: log.cast_signed(), bundle };
    let entries = perform(&service.app, &caller, read).await?.output;
    Ok(body(entries, BYTES))
}

/// The most people of one page: each is a few look-ups.
const RECORDS: usize = 500;

/// Lists the digests of all records as they stand, to be compared with those that events name. Reading them is an event.
#[utoipa::path(get, path = "/v1/ledger/records", tag = "ledger", params(LedgerRecordQuery),
    responses((status = 200, body = Page<LedgerRecord>, description = "A page")))]
pub(super) async fn records(
    State(service): State<Shared>,
    Caller(caller): Caller,
    RecordsAfter(after): RecordsAfter,
) -> Result<Response, Failure> {
    let page = perform(&service.app, &caller, ReadRecords { after, limit: RECORDS }).await?.output;
    let version =
        |(version, digest): VersionDigest| LedgerVersion { version, digest: BASE64.encode(&digest) };
    let record = |record: RecordState| LedgerRecord {
        subject: record.pseudonym.map(|pseudonym| BASE64.encode(&pseudonym)),
        current: record.current.map(version),
        earlier: record.earlier.into_iter().map(version).collect(),
        damaged: record.damaged,
    };
    let items = page.items.into_iter().map(record).collect();
    render::ok(&Page { items, next_cursor: page.next.map(|next| BASE64URL_NOPAD.encode(&next)) })
}

/// Proves that an event is in the log.
#[utoipa::path(get, path = "/v1/events/{id}/proof", tag = "ledger",
    params(("id" = Uuid, Path, description = "The event")),
    responses((status = 200, body = EventProof, description = "The leaf, and a receipt that verifies without this server")))]
pub(super) async fn prove(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(event): Path<EventId>,
) -> Result<Response, Failure> {
    let proof = perform(&service.app, &caller, Prove { event }).await?.output;
    render::ok(&EventProof {
        event: render::event_id(event),
        origin: proof.origin,
        index: proof.index,
        leaf: BASE64.encode(&proof.entry),
        receipt: proof.receipt,
    })
}

/// Proves what was seen and changed of a customer: every event, with its path to a checkpoint.
#[utoipa::path(get, path = "/v1/subjects/{id}/accesses/proof", tag = "ledger",
    params(
        ("id" = Uuid, Path, description = "The customer"),
        PageQuery,
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = ProvenAccesses, description = "A bundle that verifies without this server")))]
pub(super) async fn accesses(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SubjectId>,
    stated: Stated,
    paging: Paging,
) -> Result<Response, Failure> {
    let before = paging.after_number(List::Accesses)?;
    let prove = ProveAccesses { id, purpose: stated.purpose, reason: stated.reason, before };
    let proven = perform(&service.app, &caller, prove).await?.output;
    let rules = service.app.rules();
    let (mut actors, mut fields) = (BTreeMap::new(), BTreeMap::new());
    let leaf = |leaf: CoreLeaf| ProvenLeaf {
        index: leaf.index,
        leaf: BASE64.encode(&leaf.entry),
        path: leaf.path.iter().map(ToString::to_string).collect(),
    };
    for leaf in proven.logs.iter().flat_map(|log| &log.leaves) {
        let event = Event::decode(&leaf.entry)?;
        let name = |number: &u32| Some((*number, rules.field_name(*number)?.to_owned()));
        fields.extend(event.fields.iter().filter_map(name));
        let actor = PrincipalId::from_bytes(*event.actor);
        actors.entry(actor).or_insert_with(|| render::actor(&service, Some(actor)));
    }
    let logs = proven.logs.into_iter().map(|log| ProvenInLog {
        checkpoint: log.checkpoint,
        leaves: log.leaves.into_iter().map(leaf).collect(),
    });
    render::ok(&ProvenAccesses {
        format: PROVEN_ACCESSES.to_owned(),
        customer: Uuid::from_bytes(*id.bytes()),
        subject: BASE64.encode(&proven.pseudonym),
        logs: logs.collect(),
        actors: actors.into_values().collect(),
        fields,
        unproven: proven.unproven,
        next_cursor: proven.next.map(|next| Cursor::number(List::Accesses, next)),
    })
}
