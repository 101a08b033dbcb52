//! `/v1/imports`: customers from a file, in chunks that may be sent again.

use avouch_core::ImportId;
use avouch_core::vault::{
    ColumnSample, ImportChunk, ImportRow, ImportState, OnDuplicate, OnErased, ProposeMapping, ReadImport,
    RejectedRow, StartImport,
};
use avouch_wire::import::{ProposedTarget, RejectedRow as Rejected, RowFault};
use avouch_wire::{
    ChunkRequest, ChunkResult, Import, ImportStart, ImportStarted, Proposal, ProposeRequest, limits,
};
use axum::extract::State;
use axum::response::Response;
use data_encoding::HEXLOWER_PERMISSIVE;
use uuid::Uuid;

use crate::extract::{Caller, Json, Path, Stated};
use crate::perform::{aside, perform};
use crate::problem::Failure;
use crate::render;
use crate::service::Shared;

/// Proposes which column is which field. Nothing is stored.
#[utoipa::path(post, path = "/v1/imports/propose", tag = "imports", request_body = ProposeRequest,
    params(("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter")),
    responses((status = 200, body = Proposal, description = "A mapping to confirm")))]
pub(super) async fn propose(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, _): Json<ProposeRequest>,
) -> Result<Response, Failure> {
    if request.columns.len() > limits::IMPORT_COLUMNS {
        return Err(Failure::fault(
            "/columns",
            format!("expected at most {} columns", limits::IMPORT_COLUMNS),
        ));
    }
    if let Some(at) = request.columns.iter().position(|column| column.samples.len() > limits::PROPOSE_SAMPLES)
    {
        let detail = format!("expected at most {} samples", limits::PROPOSE_SAMPLES);
        return Err(Failure::fault(format!("/columns/{at}/samples"), detail));
    }
    let columns = request
        .columns
        .into_iter()
        .map(|column| ColumnSample { header: column.header, samples: column.samples })
        .collect();
    let operation = ProposeMapping { columns, purpose: stated.purpose };
    let proposal = perform(&service.app, &caller, operation).await?.output;
    let target = |guess: avouch_core::vault::ColumnGuess| {
        let target = ProposedTarget {
            field: guess.field,
            part: guess.part,
            confidence: guess.confidence,
            because: guess.because,
        };
        (guess.column, target)
    };
    render::ok(&Proposal {
        mapping: proposal.mapping.into_iter().map(target).collect(),
        unmapped: proposal.unmapped,
        missing_required: proposal.missing_required,
    })
}

/// Begins an import, or resumes it: the same digests name the same import.
#[utoipa::path(post, path = "/v1/imports", tag = "imports", request_body = ImportStart,
    params(
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = ImportStarted, description = "Where to send chunks, and which are there already")))]
pub(super) async fn start(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    Json(request, _): Json<ImportStart>,
) -> Result<Response, Failure> {
    let operation = StartImport {
        source: digest(&request.source_digest, "/source_digest")?,
        mapping: digest(&request.mapping_digest, "/mapping_digest")?,
        dry_run: request.dry_run.unwrap_or_default(),
        on_duplicate: match request.on_duplicate {
            avouch_wire::OnDuplicate::Reject => OnDuplicate::Reject,
            avouch_wire::OnDuplicate::Skip => OnDuplicate::Skip,
        },
        on_erased: match request.on_erased {
            avouch_wire::OnErased::Ask => OnErased::Ask,
            avouch_wire::OnErased::Skip => OnErased::Skip,
            avouch_wire::OnErased::Create => OnErased::Create,
        },
        purpose: stated.purpose,
        reason: stated.reason,
    };
    let state = perform(&service.app, &caller, operation).await?.output;
    render::ok(&ImportStarted { id: Uuid::from_bytes(*state.id.bytes()), chunks_done: state.chunks_done })
}

fn digest(text: &str, pointer: &str) -> Result<Vec<u8>, Failure> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() == 32);
    bytes.ok_or_else(|| Failure::fault(pointer, "expected a SHA-256 digest as 64 hexadecimal digits"))
}

/// Shows how far an import is.
#[utoipa::path(get, path = "/v1/imports/{id}", tag = "imports",
    params(
        ("id" = Uuid, Path, description = "The import"),
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
    ),
    responses((status = 200, body = Import, description = "Its state")))]
pub(super) async fn read(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<ImportId>,
    stated: Stated,
) -> Result<Response, Failure> {
    let state = perform(&service.app, &caller, ReadImport { id, purpose: stated.purpose }).await?.output;
    render::ok(&import(state))
}

fn import(state: ImportState) -> Import {
    Import {
        id: Uuid::from_bytes(*state.id.bytes()),
        rows_accepted: state.accepted,
        rows_skipped: state.skipped,
        rows_rejected: state.rejected,
        chunks_done: state.chunks_done,
    }
}

/// Takes in a chunk of rows. Sent again, it gets the same answer and adds nobody.
#[utoipa::path(put, path = "/v1/imports/{id}/chunks/{n}", tag = "imports", request_body = ChunkRequest,
    params(
        ("id" = Uuid, Path, description = "The import"),
        ("n" = u64, Path, description = "The chunk's number, from 0"),
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = ChunkResult, description = "What was taken in, and what was not and why")))]
pub(super) async fn chunk(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path((id, number)): Path<(ImportId, u64)>,
    stated: Stated,
    Json(request, _): Json<ChunkRequest>,
) -> Result<Response, Failure> {
    if request.rows.is_empty() || request.rows.len() > limits::CHUNK_ROWS {
        return Err(Failure::fault("/rows", format!("expected 1 to {} rows", limits::CHUNK_ROWS)));
    }
    let rows: Vec<_> =
        request.rows.into_iter().map(|row| ImportRow { row: row.row, fields: row.fields.0 }).collect();
    let app = service.app.clone();
    let Stated { purpose, reason } = stated;
    let operation = aside(move || ImportChunk::new(&app, id, number, &rows, purpose, reason)).await?;
    let done = perform(&service.app, &caller, operation).await?.output;
    render::ok(&ChunkResult {
        accepted: done.accepted,
        skipped: done.skipped,
        rejected: done.rejected.into_iter().map(rejected).collect(),
    })
}

fn rejected(row: RejectedRow) -> Rejected {
    let fault = |(field, detail)| RowFault { field, detail };
    Rejected { row: row.row, errors: row.errors.into_iter().map(fault).collect() }
}
