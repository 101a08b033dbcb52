//! `/v1/subjects/batch`: many operations in one request. Each passes the same door as if it came alone, with its own decision,
//! event and result; all are handed to the store before any is awaited, so that they are committed together.

use std::pin::Pin;

use avouch_core::app::Operation;
use avouch_core::erasure::{Erase, erase};
use avouch_core::gate::Reason;
use avouch_core::vault::{Asked, CreateSubject, ReadSubject, RevealSubject, SearchSubjects, UpdateSubject};
use avouch_core::{SubjectId, gate};
use avouch_wire::{BatchItem, BatchOperation, BatchRequest, BatchResponse, BatchResult, limits};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::extract::{Caller, Json, reason};
use crate::page::Paging;
use crate::perform::{answered, perform};
use crate::problem::Failure;
use crate::render::{self, returning};
use crate::service::Shared;

/// Performs up to 1,000 operations. Not atomic: one item's failure leaves the others done.
#[utoipa::path(post, path = "/v1/subjects/batch", tag = "customers", request_body = BatchRequest,
    responses((status = 200, body = BatchResponse, description = "A result for each item, in their order")))]
pub(super) async fn batch(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<BatchRequest>,
) -> Result<Response, Failure> {
    check(&request.items)?;
    let batch = Batch { service, caller, purpose: request.purpose, reason: reason(request.reason.as_ref())? };
    let mut begun = Vec::with_capacity(request.items.len());
    for (at, item) in request.items.into_iter().enumerate() {
        begun.push((item.reference, batch.begin(item.operation)));
        // Sealing takes its time; between some of it, others get their turn on this thread.
        if at % 16 == 15 {
            tokio::task::yield_now().await;
        }
    }
    let mut items = Vec::with_capacity(begun.len());
    for (index, (reference, outcome)) in begun.into_iter().enumerate() {
        let result = match outcome.await {
            Ok(result) => result,
            Err(failure) => {
                batch.service.metrics.count(failure.problem());
                let problem = failure.into_problem();
                BatchResult { status: problem.status, problem: Some(problem), ..BatchResult::default() }
            }
        };
        items.push(BatchResult { reference, index, ..result });
    }
    render::ok(&BatchResponse { items })
}

fn check(items: &[BatchItem]) -> Result<(), Failure> {
    if items.is_empty() || items.len() > limits::BATCH_ITEMS {
        return Err(Failure::fault("/items", format!("expected 1 to {} items", limits::BATCH_ITEMS)));
    }
    check_references(items.iter().map(|item| item.reference.as_deref()))
}

/// Names of items are kept short, since each comes back.
pub(super) fn check_references<'a>(references: impl Iterator<Item = Option<&'a str>>) -> Result<(), Failure> {
    for (at, reference) in references.enumerate() {
        if reference.is_some_and(|reference| reference.chars().count() > limits::REF_CHARS) {
            let detail = format!("expected at most {} characters", limits::REF_CHARS);
            return Err(Failure::fault(format!("/items/{at}/ref"), detail));
        }
    }
    Ok(())
}

struct Batch {
    service: Shared,
    caller: gate::Caller,
    purpose: Option<String>,
    reason: Option<Reason>,
}

type Begun = Pin<Box<dyn Future<Output = Result<BatchResult, Failure>> + Send>>;

impl Batch {
    /// Hands an operation to the store, or says why not.
    fn begin(&self, operation: BatchOperation) -> Begun {
        self.try_begin(operation).unwrap_or_else(|failure| Box::pin(async move { Err(failure) }))
    }

    fn try_begin(&self, operation: BatchOperation) -> Result<Begun, Failure> {
        let app = &self.service.app;
        let (purpose, reason) = (self.purpose.clone(), self.reason.clone());
        Ok(match operation {
            BatchOperation::Create(create) => {
                let operation = CreateSubject::new(app, &create.fields.0, purpose, reason)?
                    .returning(returning(create.again));
                self.perform(operation, |done| BatchResult {
                    status: StatusCode::CREATED.as_u16(),
                    subject: Some(render::written(done.id, done.version, done.created, done.created)),
                    ..BatchResult::default()
                })
            }
            BatchOperation::Read(target) => {
                self.perform(ReadSubject { id: subject(target.id), purpose, reason }, |shown| BatchResult {
                    subject: Some(render::subject(shown)),
                    ..done()
                })
            }
            BatchOperation::Reveal(reveal) => {
                let (id, fields) = (subject(reveal.id), reveal.fields);
                self.perform(RevealSubject { id, purpose, reason, fields, least: None }, |shown| {
                    BatchResult { subject: Some(render::subject(shown)), ..done() }
                })
            }
            BatchOperation::Update(update) => {
                let (id, version) = (subject(update.id), update.version);
                let operation = UpdateSubject::new(app, id, version, &update.fields.0, purpose, reason)?
                    .returning(returning(update.again));
                self.perform(operation, |new| BatchResult {
                    subject: Some(render::written(new.id, new.version, new.created, new.updated)),
                    ..done()
                })
            }
            BatchOperation::Search(search) => {
                let limit = Paging::new(search.limit, None, ("/limit", ""))?.limit;
                let asked = Asked { by: search.by.0, like: search.like.0 };
                let operation = SearchSubjects::new(app, asked, purpose, reason, None, limit)?;
                self.perform(operation, |page| BatchResult {
                    found: Some(page.items.into_iter().map(render::subject).collect()),
                    ..done()
                })
            }
            BatchOperation::Delete(target) => {
                let id = subject(target.id);
                let erased = answered(|answer| {
                    erase(app, &self.caller, Erase::whole(id, purpose, reason), None, answer)
                });
                Box::pin(async move {
                    erased.await?;
                    Ok(BatchResult { deleted: Some(target.id), ..done() })
                })
            }
        })
    }

    fn perform<O: Operation>(
        &self,
        operation: O,
        render: impl FnOnce(O::Output) -> BatchResult + Send + 'static,
    ) -> Begun {
        let outcome = perform(&self.service.app, &self.caller, operation);
        Box::pin(async move { Ok(render(outcome.await?.output)) })
    }
}

fn subject(id: Uuid) -> SubjectId {
    SubjectId::from_bytes(id.into_bytes())
}

fn done() -> BatchResult {
    BatchResult { status: StatusCode::OK.as_u16(), ..BatchResult::default() }
}
