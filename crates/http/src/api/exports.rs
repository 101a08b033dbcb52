//! `/v1/exports`: many customers as a stream. The export runs on a thread of its own and writes into a channel of a few pieces;
//! a slow receiver slows the reading down, and one that hangs up ends it.
//!
//! The first rows are performed before the answer begins, so a refusal is a problem and not a broken file. Should a later part
//! fail, the body ends without its last chunk, which every HTTP client reports as an error.

use std::io::{self, Write};

use avouch_core::vault::{Export, ExportError, ExportFormat};
use avouch_wire::{ExportRequest, header};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header as http};
use axum::response::Response;
use tokio::sync::{mpsc, oneshot};

use crate::extract::{Caller, Json, reason};
use crate::problem::{Failure, internal};
use crate::service::Shared;

/// Takes customers out, sealed to a receiver unless `plain` says otherwise.
#[utoipa::path(post, path = "/v1/exports", tag = "exports", request_body = ExportRequest,
    responses((status = 200, description = "A stream; it is whole only if it ends as HTTP says it should", content(
        (Vec<u8> = "application/octet-stream"),
        (String = "text/csv"),
        (String = "application/x-ndjson"),
    ))))]
pub(super) async fn export(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<ExportRequest>,
) -> Result<Response, Failure> {
    let plain = request.plain.unwrap_or_default();
    if plain == request.seal_to.is_some() {
        return Err(Failure::fault("/seal_to", "expected either a receiver, or `plain`: true"));
    }
    let (format, plain_type) = match request.format {
        avouch_wire::ExportFormat::Csv => (ExportFormat::Csv, header::CSV),
        avouch_wire::ExportFormat::Jsonl => (ExportFormat::JsonLines, header::JSON_LINES),
    };
    let export = Export {
        fields: request.fields,
        purpose: Some(request.purpose),
        reason: reason(Some(&request.reason))?,
        format,
        seal_to: request.seal_to,
    };
    let (begun, begins) = oneshot::channel();
    let (sender, mut pieces) = mpsc::channel(PIECES_AHEAD);
    tokio::task::spawn_blocking(move || run(&service, &export, &caller, begun, sender));
    begins.await.map_err(|_| internal())??;

    let stream = futures_util::stream::poll_fn(move |cx| pieces.poll_recv(cx));
    let mut response = Response::new(Body::from_stream(stream));
    let media_type = if plain { plain_type } else { header::SEALED };
    response.headers_mut().insert(http::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}

type Piece = Result<Bytes, io::Error>;
type Begun = oneshot::Sender<Result<(), Failure>>;

const PIECES_AHEAD: usize = 4;
const PIECE_BYTES: usize = 64 * 1024;

fn run(
    service: &Shared,
    export: &Export,
    caller: &avouch_core::gate::Caller,
    begun: Begun,
    pieces: mpsc::Sender<Piece>,
) {
    let mut begun = Some(begun);
    let broken = pieces.clone();
    let begin = || {
        if let Some(begun) = begun.take() {
            // A caller that is gone is noticed with the first piece.
            drop(begun.send(Ok(())));
        }
        Pieces { pieces, held: Vec::with_capacity(PIECE_BYTES) }
    };
    let Err(error) = export.run(&service.app, caller, begin) else { return };
    let failure = match error {
        ExportError::Operation(error) => Failure::from(error),
        ExportError::Output(_) => internal(),
    };
    match begun {
        Some(begun) => drop(begun.send(Err(failure))),
        None => {
            tracing::warn!(problem = failure.problem().kind.slug(), "an export broke off");
            drop(broken.blocking_send(Err(io::Error::other("the export broke off"))));
        }
    }
}

/// Gathers what is written into pieces worth sending.
struct Pieces {
    pieces: mpsc::Sender<Piece>,
    held: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE_BYTES));
        self.pieces
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the receiver is gone"))
    }
}
