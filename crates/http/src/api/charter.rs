//! `/v1/charter`: what is in force, what was, and what a change would do.

use avouch_charter::{Change, ChangeKind, Charter, Holder, Problem as Defect, SourceFile, View};
use avouch_core::charters::drafts::DraftShown;
use avouch_core::charters::replay;
use avouch_core::charters::{
    ActivateDraft, ApplyCharter, Becomes, CurrentCharter, Draft, DraftCharter, PlanCharter, ReadDraft,
    ReadDrafts, ReplayChange, ReplayDraft, Replayed, RevertCharter, Version, Versions, WithdrawDraft,
};
use avouch_core::indexes::{IndexState, ReadIndexes};
use avouch_core::{DraftId, EventId, PrincipalId};
use avouch_wire::charter::{
    CharterChange, CharterCompound, CharterDraft, CharterDraftApproval, CharterDraftRequest,
    CharterDraftView, CharterField, CharterIndex, CharterProblem, CharterPurpose, CharterRecipient,
    CharterReplay, CharterReplayBecomes, CharterReplayChange, CharterReplayLeftOut, CharterReplayRequest,
    CharterRole, CharterRollBack, CharterSight, CharterTokens,
};
use avouch_wire::{
    self as wire, CharterApplied, CharterApply, CharterFile, CharterPlan, CharterPlanned, CharterSources,
    CharterSummary, CharterView, Page, PrincipalKind, Secret,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::approvals;
use crate::extract::{Caller, Json, Path, reason};
use crate::page::{Cursor, List, Paging};
use crate::perform::perform;
use crate::problem::Failure;
use crate::render;
use crate::service::Shared;

/// Shows the charter in force, resolved.
#[utoipa::path(get, path = "/v1/charter", tag = "charter",
    responses((status = 200, body = CharterView, description = "The charter in force")))]
pub(super) async fn current(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let (rules, version) = perform(&service.app, &caller, CurrentCharter).await?.output;
    let charter = &rules.charter;
    render::ok(&CharterView {
        version: u64::from(version.version),
        applied: render::time(version.applied),
        applied_by: applied_by(&version),
        digest: version.digest,
        fields: fields(charter),
        compounds: compounds(charter),
        purposes: purposes(charter),
        recipients: recipients(charter),
        roles: roles(charter),
    })
}

/// Lists the blind indexes, and how far each is.
#[utoipa::path(get, path = "/v1/charter/indexes", tag = "charter",
    responses((status = 200, body = Page<CharterIndex>, description = "All indexes")))]
pub(super) async fn indexes(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let indexes = perform(&service.app, &caller, ReadIndexes).await?.output;
    let items: Vec<CharterIndex> = indexes.into_iter().map(index).collect();
    render::ok(&Page { items, next_cursor: None })
}

fn index(state: IndexState) -> CharterIndex {
    CharterIndex {
        number: state.number,
        name: state.name,
        how: state.how.to_owned(),
        state: state.stage.to_owned(),
        bits: state.bits,
        unique: state.unique,
        epoch: state.epoch,
        done: state.done,
        subjects: state.people,
        damaged: state.damaged,
        shared: state.shared,
        sharing: state.sharers.into_iter().map(|id| Uuid::from_bytes(*id.bytes())).collect(),
    }
}

/// Lists the versions of the charter, newest first.
#[utoipa::path(get, path = "/v1/charter/versions", tag = "charter",
    responses((status = 200, body = Page<CharterSummary>, description = "All versions")))]
pub(super) async fn versions(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let versions = perform(&service.app, &caller, Versions { only: None }).await?.output;
    let items: Vec<CharterSummary> = versions.iter().map(summary).collect();
    render::ok(&Page { items, next_cursor: None })
}

/// Shows a version of the charter with its files.
#[utoipa::path(get, path = "/v1/charter/versions/{n}", tag = "charter",
    params(("n" = u32, Path, description = "The version, from 1")),
    responses((status = 200, body = CharterSources, description = "The version")))]
pub(super) async fn version(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(version): Path<u32>,
) -> Result<Response, Failure> {
    let mut versions = perform(&service.app, &caller, Versions { only: Some(version) }).await?.output;
    let version = versions.pop().ok_or_else(Failure::not_found)?;
    let about = summary(&version);
    let files =
        version.files.into_iter().map(|SourceFile { path, text }| CharterFile { path, text }).collect();
    render::ok(&CharterSources { about, files })
}

/// Says what a charter would change. Changes nothing.
#[utoipa::path(post, path = "/v1/charter/plan", tag = "charter", request_body = CharterPlan,
    responses((status = 200, body = CharterPlanned, description = "The changes, or what keeps them from being made")))]
pub(super) async fn plan(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<CharterPlan>,
) -> Result<Response, Failure> {
    let operation = PlanCharter { files: sources(request.files) };
    let planned = perform(&service.app, &caller, operation).await?.output;
    render::ok(&CharterPlanned {
        base_version: u64::from(planned.base_version),
        changes: planned.changes.into_iter().map(change).collect(),
        problems: planned.problems.into_iter().map(defect).collect(),
        warnings: planned.warnings.into_iter().map(defect).collect(),
        subjects_affected: planned.subjects,
    })
}

/// Puts a charter in force, if the one it was planned against still is.
#[utoipa::path(post, path = "/v1/charter/apply", tag = "charter", request_body = CharterApply,
    responses((status = 200, body = CharterApplied, description = "In force")))]
pub(super) async fn apply(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<CharterApply>,
) -> Result<Response, Failure> {
    let base_version = base_version(request.base_version)?;
    let operation = ApplyCharter { files: sources(request.files), base_version };
    let version = perform(&service.app, &caller, operation).await?.output;
    render::ok(&CharterApplied { version: u64::from(version) })
}

fn base_version(version: u64) -> Result<u32, Failure> {
    u32::try_from(version).map_err(|_| Failure::fault("/base_version", "expected the version in force"))
}

/// Puts the version before the one in force back in its place, as a new version. At once: nobody else has to agree.
#[utoipa::path(post, path = "/v1/charter/roll-back", tag = "charter", request_body = CharterRollBack,
    responses((status = 200, body = CharterApplied, description = "In force")))]
pub(super) async fn roll_back(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<CharterRollBack>,
) -> Result<Response, Failure> {
    let operation = RevertCharter { base_version: base_version(request.base_version)? };
    let version = perform(&service.app, &caller, operation).await?.output;
    render::ok(&CharterApplied { version: u64::from(version) })
}

/// Keeps a charter as a draft, when nothing is wrong with it, and asks those who have to agree.
#[utoipa::path(post, path = "/v1/charter/drafts", tag = "charter", request_body = CharterDraftRequest,
    responses((status = 201, body = CharterDraftView, description = "Kept for 30 days")))]
pub(super) async fn draft(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<CharterDraftRequest>,
) -> Result<Response, Failure> {
    let why = reason(Some(&request.why)).ok().flatten();
    let expected = "expected 3 to 500 characters of plain text on one line";
    let why = why.ok_or_else(|| Failure::fault("/why", expected))?;
    let operation = DraftCharter { files: sources(request.files), why };
    let drafted = perform(&service.app, &caller, operation).await?.output;
    render::json(StatusCode::CREATED, &draft_view(drafted))
}

/// Lists the drafts that there are, newest first.
#[utoipa::path(get, path = "/v1/charter/drafts", tag = "charter",
    responses((status = 200, body = Page<CharterDraft>, description = "All drafts")))]
pub(super) async fn drafts(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let drafts = perform(&service.app, &caller, ReadDrafts).await?.output;
    let items: Vec<CharterDraft> = drafts.into_iter().map(draft_summary).collect();
    render::ok(&Page { items, next_cursor: None })
}

/// Shows a draft with its files, and what it would change now.
#[utoipa::path(get, path = "/v1/charter/drafts/{id}", tag = "charter",
    params(("id" = Uuid, Path, description = "The draft")),
    responses((status = 200, body = CharterDraftView, description = "The draft")))]
pub(super) async fn one_draft(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<DraftId>,
) -> Result<Response, Failure> {
    let shown = perform(&service.app, &caller, ReadDraft { id }).await?.output;
    render::ok(&draft_view(shown))
}

/// Takes a draft of one's own back, and what was asked for it.
#[utoipa::path(delete, path = "/v1/charter/drafts/{id}", tag = "charter",
    params(("id" = Uuid, Path, description = "The draft")),
    responses((status = 204, description = "Taken back")))]
pub(super) async fn withdraw(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<DraftId>,
) -> Result<StatusCode, Failure> {
    perform(&service.app, &caller, WithdrawDraft { id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a draft of one's own in force, exactly as it was agreed to.
#[utoipa::path(post, path = "/v1/charter/drafts/{id}/activate", tag = "charter",
    params(("id" = Uuid, Path, description = "The draft")),
    responses((status = 200, body = CharterApplied, description = "In force")))]
pub(super) async fn activate(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<DraftId>,
) -> Result<Response, Failure> {
    let version = perform(&service.app, &caller, ActivateDraft { id }).await?.output;
    render::ok(&CharterApplied { version: u64::from(version) })
}

/// Decides what was decided in the last days again under a draft: who gains, and who loses. A page at a time.
#[utoipa::path(post, path = "/v1/charter/drafts/{id}/replay", tag = "charter", request_body = CharterReplayRequest,
    params(("id" = Uuid, Path, description = "The draft")),
    responses((status = 200, body = CharterReplay, description = "A page, newest first")))]
pub(super) async fn replay_draft(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(id): Path<DraftId>,
    Json(request, _): Json<CharterReplayRequest>,
) -> Result<Response, Failure> {
    let paging = Paging::new(None, request.cursor.as_deref(), ("/limit", "/cursor"))?;
    let before = paging.after_number(List::Replay)?.map(EventId::from_int);
    let operation = ReplayDraft { id, days: request.days.unwrap_or(replay::DAYS), before };
    let replayed = perform(&service.app, &caller, operation).await?.output;
    render::ok(&replay_page(replayed))
}

fn replay_page(replayed: Replayed) -> CharterReplay {
    let left = replayed.left_out;
    CharterReplay {
        since: render::time(replayed.since),
        base_version: u64::from(replayed.base_version),
        looked_at: replayed.looked_at,
        same: replayed.same,
        changes: replayed.changes.into_iter().map(replay_change).collect(),
        more: replayed.more,
        left_out: CharterReplayLeftOut {
            system: left.system,
            failed: left.failed,
            facts_not_kept: left.facts_not_kept,
            gone: left.gone,
            other_cause: left.other_cause,
            otherwise_today: left.otherwise_today,
        },
        next_cursor: replayed.next.map(|next| Cursor::number(List::Replay, next.int())),
    }
}

fn replay_change(change: ReplayChange) -> CharterReplayChange {
    let (becomes, views) = match change.becomes {
        Becomes::Refused => (CharterReplayBecomes::Refused, None),
        Becomes::Allowed => (CharterReplayBecomes::Allowed, None),
        Becomes::Less(was, is) => (CharterReplayBecomes::Less, Some((was, is))),
        Becomes::More(was, is) => (CharterReplayBecomes::More, Some((was, is))),
    };
    CharterReplayChange {
        principal: render::principal_id(change.principal),
        name: change.name,
        roles: change.roles,
        action: change.action,
        purpose: change.purpose,
        field: change.field,
        becomes,
        was: views.map(|(was, _)| render::view(was)),
        would_be: views.map(|(_, is)| render::view(is)),
        times: change.times,
        last: render::time(change.last),
    }
}

fn draft_summary(draft: Draft) -> CharterDraft {
    let asked = draft.asked.into_iter().map(|asked| CharterDraftApproval {
        id: Uuid::from_bytes(*asked.id.bytes()),
        state: asked.state.map(approvals::state),
        until: asked.state.map(|_| render::time(asked.until)),
    });
    CharterDraft {
        id: Uuid::from_bytes(*draft.id.bytes()),
        base_version: u64::from(draft.base_version),
        stale: draft.stale,
        created: render::time(draft.created),
        author: render::principal_id(draft.author),
        author_name: draft.author_name,
        digest: draft.digest,
        why: Secret(draft.why),
        changes: draft.changes,
        dangers: draft.dangers,
        approvals: asked.collect(),
    }
}

fn draft_view(shown: DraftShown) -> CharterDraftView {
    CharterDraftView {
        draft: draft_summary(shown.draft),
        changed: shown.changes.into_iter().map(change).collect(),
        problems: shown.problems.into_iter().map(defect).collect(),
        warnings: shown.warnings.into_iter().map(defect).collect(),
        subjects: shown.subjects,
        files: shown.files.into_iter().map(|SourceFile { path, text }| CharterFile { path, text }).collect(),
    }
}

fn sources(files: Vec<CharterFile>) -> Vec<SourceFile> {
    files.into_iter().map(|CharterFile { path, text }| SourceFile { path, text }).collect()
}

fn summary(version: &Version) -> CharterSummary {
    CharterSummary {
        version: u64::from(version.version),
        digest: version.digest.clone(),
        applied: render::time(version.applied),
        applied_by: applied_by(version),
        summary: version.summary.clone(),
    }
}

/// The first version came with the vault and was applied by nobody.
fn applied_by(version: &Version) -> Option<Uuid> {
    (version.applied_by != PrincipalId::SYSTEM).then(|| render::principal_id(version.applied_by))
}

/// ``field `email` `` that is new is a `field.added`.
fn change(change: Change) -> CharterChange {
    let noun = change.what.split(' ').next().unwrap_or_default();
    let verb = match change.kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Changed => "changed",
    };
    CharterChange {
        kind: format!("{noun}.{verb}"),
        what: change.what,
        effect: change.effect,
        danger: change.danger,
    }
}

fn defect(defect: Defect) -> CharterProblem {
    let Defect { file, line, column, message, help } = defect;
    CharterProblem { file, line, column, message, help }
}

fn fields(charter: &Charter) -> Vec<CharterField> {
    let field = |field: &avouch_charter::Field| CharterField {
        name: field.name.clone(),
        title: field.title.clone(),
        of: field.of.name().to_owned(),
        list: field.list,
        required: field.required,
        category: field.category.clone(),
        sensitivity: field.sensitivity.as_str().to_owned(),
        class: field.class.clone(),
        index: field.index.is_some(),
        unique: field.index.is_some_and(|index| index.unique),
        search: searched(&field.search),
    };
    charter.fields().iter().map(field).collect()
}

fn searched(search: &avouch_charter::Search) -> Vec<String> {
    let ways = [
        ("prefix", search.prefix.is_some()),
        ("fuzzy", search.fuzzy.is_some()),
        ("range", search.range.is_some()),
    ];
    ways.into_iter().filter(|(_, is)| *is).map(|(way, _)| way.to_owned()).collect()
}

fn compounds(charter: &Charter) -> Vec<CharterCompound> {
    let compound = |compound: &avouch_charter::Compound| CharterCompound {
        name: compound.name.clone(),
        title: compound.title.clone(),
        of: compound.parts.iter().map(ToString::to_string).collect(),
    };
    charter.compounds().iter().map(compound).collect()
}

fn purposes(charter: &Charter) -> Vec<CharterPurpose> {
    let purpose = |purpose: &avouch_charter::Purpose| CharterPurpose {
        name: purpose.name.clone(),
        title: purpose.title.clone(),
        legal_basis: purpose.legal_basis.as_str().to_owned(),
        fields: purpose.fields.clone(),
        reason_required: purpose.reason == avouch_charter::Reason::Required,
    };
    charter.purposes().iter().map(purpose).collect()
}

fn recipients(charter: &Charter) -> Vec<CharterRecipient> {
    let recipient = |recipient: &avouch_charter::Recipient| CharterRecipient {
        name: recipient.name.clone(),
        title: recipient.title.clone(),
        kind: recipient.kind.as_str().to_owned(),
        country: recipient.country.clone(),
        purposes: recipient.purposes.clone(),
        fields: recipient.fields.clone(),
        tokens: recipient.tokens.iter().map(|(field, rule)| token_rule(field, &rule)).collect(),
    };
    charter.recipients().iter().map(recipient).collect()
}

fn token_rule(field: &str, rule: &avouch_charter::TokenRule) -> CharterTokens {
    CharterTokens {
        field: field.to_owned(),
        kind: rule.kind.as_str().to_owned(),
        expires: rule.expires.map(|period| period.to_string()),
        uses: rule.uses,
        luhn_valid: rule.luhn_valid,
    }
}

fn roles(charter: &Charter) -> Vec<CharterRole> {
    let role = |role: &avouch_charter::Role| CharterRole {
        name: role.name.clone(),
        title: role.title.clone(),
        holder: match role.holder {
            Holder::Staff => PrincipalKind::Staff,
            Holder::Service => PrincipalKind::Service,
            Holder::Auditor => PrincipalKind::Auditor,
        },
        actions: role.actions.clone(),
        purposes: role.purposes.clone(),
        sees: role
            .sees
            .iter()
            .map(|sees| CharterSight {
                fields: sees.fields.clone(),
                reads: view(sees.reads),
                reveals: view(sees.reveals),
            })
            .collect(),
    };
    charter.roles().iter().map(role).collect()
}

fn view(view: View) -> wire::View {
    match view {
        View::Nothing => wire::View::Nothing,
        View::Token => wire::View::Token,
        View::Masked => wire::View::Masked,
        View::Partial => wire::View::Partial,
        View::Clear => wire::View::Clear,
    }
}
