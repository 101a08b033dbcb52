//! `/v1/erasures`: receipts of what was erased, and the key that they are checked with.

use avouch_core::erasure::{ListErasures, ReadErasure, ReadReceiptKey};
use avouch_wire::{ErasureQuery, Page, Receipt, ReceiptKey};
use axum::extract::State;
use axum::response::Response;

use crate::extract::{Caller, Path};
use crate::page::{Cursor, List};
use crate::perform::perform;
use crate::problem::Failure;
use crate::query::ErasureFilter;
use crate::render;
use crate::service::Shared;

/// Lists the receipts of erasures, newest first.
#[utoipa::path(get, path = "/v1/erasures", tag = "erasures", params(ErasureQuery),
    responses((status = 200, body = Page<Receipt>, description = "A page")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    filter: ErasureFilter,
) -> Result<Response, Failure> {
    let before = filter.paging.after_number(List::Erasures)?.map(i64::cast_unsigned);
    let operation = ListErasures { subject: filter.subject, before, limit: filter.paging.limit };
    let (receipts, next) = perform(&service.app, &caller, operation).await?.output;
    let items = receipts.into_iter().map(|receipt| render::receipt(&service, receipt)).collect();
    let next_cursor = next.map(|next| Cursor::number(List::Erasures, next.cast_signed()));
    render::ok(&Page { items, next_cursor })
}

/// Shows the key that receipts are checked with.
#[utoipa::path(get, path = "/v1/erasures/key", tag = "erasures",
    responses((status = 200, body = ReceiptKey, description = "The public key; it stays the same")))]
pub(super) async fn key(State(service): State<Shared>, Caller(caller): Caller) -> Result<Response, Failure> {
    let verifier_key = perform(&service.app, &caller, ReadReceiptKey).await?.output.verifier_key;
    render::ok(&ReceiptKey { verifier_key })
}

/// Shows the receipt of an erasure.
#[utoipa::path(get, path = "/v1/erasures/{n}", tag = "erasures",
    params(("n" = u64, Path, description = "The erasure's number")),
    responses((status = 200, body = Receipt, description = "The receipt")))]
pub(super) async fn read(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(number): Path<u64>,
) -> Result<Response, Failure> {
    let receipt = perform(&service.app, &caller, ReadErasure { number }).await?.output;
    render::ok(&render::receipt(&service, receipt))
}
