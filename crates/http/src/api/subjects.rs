//! `/v1/subjects`: customers, one at a time and found by what they have.

use avouch_core::SubjectId;
use avouch_core::app::Once;
use avouch_core::erasure::{Erase, erase};
use avouch_core::vault::{
    Accesses, Asked, CreateSubject, History, ListSubjects, Page as Listed, ReadSubject, RevealSubject,
    SearchSubjects, ShownSubject, UpdateSubject,
};
use avouch_wire::{
    Access, Deleted, EraseQuery, Outcome, Page, PageQuery, ProblemKind, RevealRequest, Revealed,
    SearchRequest, Secret, Subject, SubjectCreate, SubjectPatch, SubjectVersion,
};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::extract::{Caller, IfMatch, Json, Path, Stated, idempotency_key, reason};
use crate::page::{Cursor, List, Paging};
use crate::perform::{answered, perform};
use crate::problem::{Failure, internal};
use crate::query::EraseFilter;
use crate::render;
use crate::service::Shared;

/// Stores a customer. The answer names it and repeats none of its fields.
#[utoipa::path(post, path = "/v1/subjects", tag = "customers", request_body = SubjectCreate,
    params(
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat within 24 hours the same act"),
    ),
    responses((status = 201, body = Subject, description = "Stored; `Location` and `ETag` are set")))]
pub(super) async fn create(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    headers: HeaderMap,
    Json(request, body): Json<SubjectCreate>,
) -> Result<Response, Failure> {
    let key = idempotency_key(&headers, "POST /v1/subjects", &body)?;
    let operation = CreateSubject::new(&service.app, &request.fields.0, stated.purpose, stated.reason)?
        .returning(render::returning(request.again));
    let done = perform(&service.app, &caller, Once { operation, key }).await?.output;
    let subject = render::written(done.id, done.version, done.created, done.created);
    let mut response = render::subject_response(StatusCode::CREATED, &subject)?;
    let location = HeaderValue::from_str(&format!("/v1/subjects/{}", done.id)).map_err(|_| internal())?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Pages through customers, oldest first, each as the caller's role reads.
#[utoipa::path(get, path = "/v1/subjects", tag = "customers",
    params(
        PageQuery,
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = Page<Subject>, description = "A page")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    stated: Stated,
    paging: Paging,
) -> Result<Response, Failure> {
    let after = paging.after_subject()?;
    let operation =
        ListSubjects { purpose: stated.purpose, reason: stated.reason, after, limit: paging.limit };
    let page = perform(&service.app, &caller, operation).await?.output;
    render::ok(&subjects(page, Cursor::subject))
}

fn subjects<P>(page: Listed<ShownSubject, P>, cursor: impl FnOnce(P) -> String) -> Page<Subject> {
    Page { items: page.items.into_iter().map(render::subject).collect(), next_cursor: page.next.map(cursor) }
}

/// Shows a customer as the caller's role reads: often masked.
#[utoipa::path(get, path = "/v1/subjects/{id}", tag = "customers",
    params(
        ("id" = Uuid, Path, description = "The customer"),
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = Subject, description = "The customer; `ETag` is the version")))]
pub(super) async fn read(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SubjectId>,
    stated: Stated,
) -> Result<Response, Failure> {
    let operation = ReadSubject { id, purpose: stated.purpose, reason: stated.reason };
    let shown = perform(&service.app, &caller, operation).await?.output;
    render::subject_response(StatusCode::OK, &render::subject(shown))
}

/// Opens fields of a customer, for a purpose and with a reason. The event is durable before the values leave.
#[utoipa::path(post, path = "/v1/subjects/{id}/reveal", tag = "customers", request_body = RevealRequest,
    params(("id" = Uuid, Path, description = "The customer")),
    responses((status = 200, body = Revealed, description = "The fields, as far as policy lets them be seen")))]
pub(super) async fn reveal(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SubjectId>,
    Json(request, _): Json<RevealRequest>,
) -> Result<Response, Failure> {
    let operation = RevealSubject {
        id,
        purpose: Some(request.purpose),
        reason: reason(request.reason.as_ref())?,
        fields: request.fields,
        least: request.view.map(render::asked_view),
    };
    let done = perform(&service.app, &caller, operation).await?;
    let subject = render::subject(done.output);
    let version = subject.version;
    let revealed = Revealed { subject, event: render::event_id(done.event), decided_by: done.policies };
    render::with_tag(render::ok(&revealed)?, version)
}

/// Changes a customer by a merge patch, made from the version in `If-Match`.
#[utoipa::path(patch, path = "/v1/subjects/{id}", tag = "customers",
    request_body(content((SubjectPatch = "application/merge-patch+json"), (SubjectPatch = "application/json"))),
    params(
        ("id" = Uuid, Path, description = "The customer"),
        ("If-Match" = String, Header, description = "The version the change was made from, in quotes"),
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat within 24 hours the same act"),
    ),
    responses((status = 200, body = Subject, description = "Changed; names the new version and repeats no field")))]
pub(super) async fn update(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SubjectId>,
    IfMatch(version): IfMatch,
    stated: Stated,
    headers: HeaderMap,
    Json(request, body): Json<SubjectPatch>,
) -> Result<Response, Failure> {
    let missing = "say which version you change: `If-Match` with the `ETag` of your last read";
    let version = version.ok_or_else(|| Failure::new(ProblemKind::PreconditionRequired, missing))?;
    let key = idempotency_key(&headers, &format!("PATCH /v1/subjects/{id} {version}"), &body)?;
    let operation =
        UpdateSubject::new(&service.app, id, version, &request.fields.0, stated.purpose, stated.reason)?
            .returning(render::returning(request.again));
    let done = perform(&service.app, &caller, Once { operation, key }).await?.output;
    let subject = render::written(done.id, done.version, done.created, done.updated);
    render::subject_response(StatusCode::OK, &subject)
}

/// Erases a customer, or some retention classes of one: the data, and the keys that open it.
///
/// The answer comes when the keys are destroyed and the erasure stands in the list of erasures, by which backups of either store are
/// brought up to date before anybody is served from them. Asked again, it has the same answer. What is under a legal hold is not erased.
#[utoipa::path(delete, path = "/v1/subjects/{id}", tag = "customers",
    params(
        ("id" = Uuid, Path, description = "The customer"),
        EraseQuery,
        ("If-Match" = Option<String>, Header, description = "Only this version, in quotes"),
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat within 24 hours the same act"),
    ),
    responses((status = 200, body = Deleted, description = "Gone: the data is deleted, its keys are destroyed, and this is the receipt")))]
pub(super) async fn delete(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SubjectId>,
    IfMatch(version): IfMatch,
    what: EraseFilter,
    stated: Stated,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let EraseFilter { classes, keep_held } = what;
    let route = format!("DELETE /v1/subjects/{id} {version:?} {classes:?} {keep_held}");
    let key = idempotency_key(&headers, &route, &[])?;
    let order = Erase { version, classes, keep_held, ..Erase::whole(id, stated.purpose, stated.reason) };
    let done = answered(|answer| erase(&service.app, &caller, order, key, answer)).await?;
    let receipt = render::receipt(&service, done.output);
    let (id, deleted, event) = (receipt.subject, receipt.classes.is_empty(), receipt.event);
    render::ok(&Deleted { id, deleted, event, receipt })
}

/// Shows a customer's versions, newest first, as the caller's role reads.
#[utoipa::path(get, path = "/v1/subjects/{id}/history", tag = "customers",
    params(
        ("id" = Uuid, Path, description = "The customer"),
        PageQuery,
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = Page<SubjectVersion>, description = "A page")))]
pub(super) async fn history(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SubjectId>,
    stated: Stated,
    paging: Paging,
) -> Result<Response, Failure> {
    let before = paging.after_number(List::History)?.map(i64::cast_unsigned);
    let operation =
        History { id, purpose: stated.purpose, reason: stated.reason, before, limit: paging.limit };
    let (entries, next) = perform(&service.app, &caller, operation).await?.output;
    let items = entries
        .into_iter()
        .map(|entry| SubjectVersion {
            version: entry.version,
            at: render::time(entry.at),
            by: render::actor(&service, entry.by),
            action: entry.action,
            changed: entry.changed,
            fields: entry.fields.into(),
            views: render::views(entry.views),
        })
        .collect();
    let next_cursor = next.map(|next| Cursor::number(List::History, next.cast_signed()));
    render::ok(&Page { items, next_cursor })
}

/// Shows who looked at a customer or changed it, newest first.
#[utoipa::path(get, path = "/v1/subjects/{id}/accesses", tag = "customers",
    params(
        ("id" = Uuid, Path, description = "The customer"),
        PageQuery,
        ("Avouch-Purpose" = Option<String>, Header, description = "For which purpose of the charter"),
        ("Avouch-Reason" = Option<String>, Header, description = "Why now; percent-encoded UTF-8"),
    ),
    responses((status = 200, body = Page<Access>, description = "A page")))]
pub(super) async fn accesses(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<SubjectId>,
    stated: Stated,
    paging: Paging,
) -> Result<Response, Failure> {
    let before = paging.after_number(List::Accesses)?.map(avouch_core::EventId::from_int);
    let operation =
        Accesses { id, purpose: stated.purpose, reason: stated.reason, before, limit: paging.limit };
    let page = perform(&service.app, &caller, operation).await?.output;
    let items = page
        .items
        .into_iter()
        .map(|entry| Access {
            event: render::event_id(entry.event),
            at: render::time(entry.at),
            actor: render::actor(&service, Some(entry.actor)),
            action: entry.action,
            purpose: entry.purpose,
            reason: entry.reason.map(|reason| Secret(reason.as_str().to_owned())),
            fields: entry.fields.into_iter().map(|(name, view)| render::touched(name, view)).collect(),
            recipient: entry.recipient,
            outcome: if entry.done { Outcome::Done } else { Outcome::Failed },
            count: u64::from(entry.count),
        })
        .collect();
    let next_cursor = page.next.map(|next| Cursor::number(List::Accesses, next.int()));
    render::ok(&Page { items, next_cursor })
}

/// Finds customers.
///
/// By values in their normal form: another case or spelling is the same value. By parts of values, as in `birth_date.year`. By what
/// is like a value, where the charter lets a field be searched so. What an index leads to is checked after opening: nobody is shown
/// for whom a condition does not hold.
#[utoipa::path(post, path = "/v1/subjects/search", tag = "customers", request_body = SearchRequest,
    responses((status = 200, body = Page<Subject>, description = "Those for whom all conditions hold")))]
pub(super) async fn search(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<SearchRequest>,
) -> Result<Response, Failure> {
    let paging = Paging::new(request.limit, request.cursor.as_deref(), ("/limit", "/cursor"))?;
    let operation = SearchSubjects::new(
        &service.app,
        Asked { by: request.by.0, like: request.like.0 },
        Some(request.purpose),
        reason(request.reason.as_ref())?,
        paging.after_id(List::Search, SubjectId::from_bytes)?,
        paging.limit,
    )?;
    let page = perform(&service.app, &caller, operation).await?.output;
    render::ok(&subjects(page, |next: SubjectId| Cursor::id(List::Search, next.bytes())))
}
