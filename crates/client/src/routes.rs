//! One method for each route; those of tokens, of standalone keys and of access have a file of their own. The order is that of the contract.

use std::fmt;

use avouch_wire::{
    self as wire, BackupRequest, Backups, BatchRequest, BatchResponse, CharterApplied, CharterApply,
    CharterPlan, CharterPlanned, CharterSources, CharterSummary, CharterView, ChunkRequest, ChunkResult,
    Deleted, DrillAnswer, DrillRequest, DrillStarted, Drilled, EraseQuery, ErasureQuery, Explain,
    Explanation, ExportRequest, Health, Hold, HoldRequest, Import, ImportStart, ImportStarted, KeyState,
    Page, PageQuery, Proposal, ProposeRequest, Readiness, Receipt, ReceiptKey, RecoveryRequest,
    RecoveryShares, Resealed, Retire, RetireRequest, Retired, RevealRequest, Revealed, Rotate, RotateRequest,
    Rotation, SearchRequest, Status, Subject, SubjectCreate, SubjectPatch, SubjectVersion, header,
};
use ureq::http::Method;
use uuid::Uuid;

use crate::{Client, Error, Export, call::Call};

/// Purpose and reason of a call that states them in headers.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Stated {
    /// For which purpose of the charter.
    pub purpose: Option<String>,
    /// Why now, in any language.
    pub reason: Option<String>,
}

impl Stated {
    /// A purpose and no reason.
    pub fn purpose(purpose: impl Into<String>) -> Self {
        Self { purpose: Some(purpose.into()), reason: None }
    }

    /// With this reason.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

impl fmt::Debug for Stated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stated")
            .field("purpose", &self.purpose)
            .field("reason", &self.reason.as_ref().map(|_| "…"))
            .finish()
    }
}

/// Makes a repeated create the same create: 1 to 128 visible ASCII characters, never personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// This text as a key.
    ///
    /// # Errors
    /// [`Error::Setup`] if it is empty, too long, or has other characters.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let fits = (1..=wire::limits::IDEMPOTENCY_KEY_CHARS).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text));
        }
        Err(Error::Setup("an idempotency key is 1 to 128 visible ASCII characters".to_owned()))
    }
}

impl From<Uuid> for IdempotencyKey {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

/// Customers.
impl Client {
    /// `POST /v1/subjects`. With a key, a lost answer is asked for again.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn create(
        &self,
        request: &SubjectCreate,
        stated: &Stated,
        key: Option<&IdempotencyKey>,
    ) -> Result<Subject, Error> {
        self.call(Method::POST, "/v1/subjects").stated(stated)?.json(request)?.idempotent(key)?.send()
    }

    /// `GET /v1/subjects`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn subjects(&self, page: &PageQuery, stated: &Stated) -> Result<Page<Subject>, Error> {
        self.call(Method::GET, "/v1/subjects").page(page).stated(stated)?.send()
    }

    /// `GET /v1/subjects/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn subject(&self, id: Uuid, stated: &Stated) -> Result<Subject, Error> {
        self.call(Method::GET, format!("/v1/subjects/{id}")).stated(stated)?.send()
    }

    /// `POST /v1/subjects/{id}/reveal`. Not sent twice: each is a look on record.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn reveal(&self, id: Uuid, request: &RevealRequest) -> Result<Revealed, Error> {
        self.call(Method::POST, format!("/v1/subjects/{id}/reveal")).json(request)?.send()
    }

    /// `PATCH /v1/subjects/{id}`, made from `version`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn update(
        &self,
        id: Uuid,
        version: u64,
        request: &SubjectPatch,
        stated: &Stated,
    ) -> Result<Subject, Error> {
        self.call(Method::PATCH, format!("/v1/subjects/{id}"))
            .header(header::IF_MATCH, &format!("\"{version}\""))?
            .header("content-type", header::MERGE_PATCH_JSON)?
            .stated(stated)?
            .json(request)?
            .send()
    }

    /// `DELETE /v1/subjects/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn delete(&self, id: Uuid, stated: &Stated) -> Result<Deleted, Error> {
        self.erase(id, &EraseQuery::default(), stated)
    }

    /// `DELETE /v1/subjects/{id}`, of some retention classes, or of all that is not held.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn erase(&self, id: Uuid, what: &EraseQuery, stated: &Stated) -> Result<Deleted, Error> {
        let keep_held = what.keep_held.map(|keep| keep.to_string());
        // The same again is the same act, and has the same answer.
        self.call(Method::DELETE, format!("/v1/subjects/{id}"))
            .query("classes", what.classes.as_deref())
            .query("keep_held", keep_held.as_deref())
            .stated(stated)?
            .send()
    }

    /// `GET /v1/subjects/{id}/holds`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn holds(&self, id: Uuid, stated: &Stated) -> Result<Page<Hold>, Error> {
        self.call(Method::GET, format!("/v1/subjects/{id}/holds")).stated(stated)?.send()
    }

    /// `POST /v1/subjects/{id}/holds`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn hold(&self, id: Uuid, request: &HoldRequest, stated: &Stated) -> Result<Hold, Error> {
        self.call(Method::POST, format!("/v1/subjects/{id}/holds")).stated(stated)?.json(request)?.send()
    }

    /// `DELETE /v1/subjects/{id}/holds/{hold}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn lift_hold(&self, id: Uuid, hold: Uuid, stated: &Stated) -> Result<(), Error> {
        self.call(Method::DELETE, format!("/v1/subjects/{id}/holds/{hold}")).stated(stated)?.text().map(drop)
    }

    /// `GET /v1/erasures`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn erasures(&self, query: &ErasureQuery) -> Result<Page<Receipt>, Error> {
        self.call(Method::GET, "/v1/erasures")
            .query("limit", query.limit.map(|limit| limit.to_string()).as_deref())
            .query("cursor", query.cursor.as_deref())
            .query("subject", query.subject.map(|id| id.to_string()).as_deref())
            .send()
    }

    /// `GET /v1/erasures/{n}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn erasure(&self, number: u64) -> Result<Receipt, Error> {
        self.call(Method::GET, format!("/v1/erasures/{number}")).send()
    }

    /// `GET /v1/erasures/key`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn receipt_key(&self) -> Result<ReceiptKey, Error> {
        self.call(Method::GET, "/v1/erasures/key").send()
    }

    /// `GET /v1/subjects/{id}/history`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn history(
        &self,
        id: Uuid,
        page: &PageQuery,
        stated: &Stated,
    ) -> Result<Page<SubjectVersion>, Error> {
        self.call(Method::GET, format!("/v1/subjects/{id}/history")).page(page).stated(stated)?.send()
    }

    /// `GET /v1/subjects/{id}/accesses`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn accesses(&self, id: Uuid, page: &PageQuery, stated: &Stated) -> Result<Page<wire::Access>, Error> {
        self.call(Method::GET, format!("/v1/subjects/{id}/accesses")).page(page).stated(stated)?.send()
    }

    /// `POST /v1/subjects/search`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn search(&self, request: &SearchRequest) -> Result<Page<Subject>, Error> {
        self.call(Method::POST, "/v1/subjects/search").json(request)?.send()
    }

    /// `POST /v1/subjects/batch`. Each item has its own result; look at them.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn batch(&self, request: &BatchRequest) -> Result<BatchResponse, Error> {
        self.call(Method::POST, "/v1/subjects/batch").json(request)?.send()
    }
}

/// The charter.
impl Client {
    /// `GET /v1/charter`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter(&self) -> Result<CharterView, Error> {
        self.call(Method::GET, "/v1/charter").send()
    }

    /// `GET /v1/charter/indexes`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_indexes(&self) -> Result<Page<wire::charter::CharterIndex>, Error> {
        self.call(Method::GET, "/v1/charter/indexes").send()
    }

    /// `GET /v1/charter/versions`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_versions(&self) -> Result<Page<CharterSummary>, Error> {
        self.call(Method::GET, "/v1/charter/versions").send()
    }

    /// `GET /v1/charter/versions/{n}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_version(&self, version: u64) -> Result<CharterSources, Error> {
        self.call(Method::GET, format!("/v1/charter/versions/{version}")).send()
    }

    /// `POST /v1/charter/plan`. Changes nothing.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_plan(&self, request: &CharterPlan) -> Result<CharterPlanned, Error> {
        self.call(Method::POST, "/v1/charter/plan").json(request)?.safe().send()
    }

    /// `POST /v1/charter/apply`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_apply(&self, request: &CharterApply) -> Result<CharterApplied, Error> {
        self.call(Method::POST, "/v1/charter/apply").json(request)?.send()
    }
}

/// Drafts of the charter.
impl Client {
    /// `POST /v1/charter/drafts`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_draft(
        &self,
        request: &wire::charter::CharterDraftRequest,
    ) -> Result<wire::charter::CharterDraftView, Error> {
        self.call(Method::POST, "/v1/charter/drafts").json(request)?.send()
    }

    /// `GET /v1/charter/drafts`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_drafts(&self) -> Result<Page<wire::charter::CharterDraft>, Error> {
        self.call(Method::GET, "/v1/charter/drafts").send()
    }

    /// `GET /v1/charter/drafts/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_draft_of(&self, id: Uuid) -> Result<wire::charter::CharterDraftView, Error> {
        self.call(Method::GET, format!("/v1/charter/drafts/{id}")).send()
    }

    /// `DELETE /v1/charter/drafts/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_withdraw(&self, id: Uuid) -> Result<(), Error> {
        self.call(Method::DELETE, format!("/v1/charter/drafts/{id}")).text().map(drop)
    }

    /// `POST /v1/charter/drafts/{id}/replay`. A page: go on with its `next_cursor`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_replay(
        &self,
        id: Uuid,
        request: &wire::charter::CharterReplayRequest,
    ) -> Result<wire::charter::CharterReplay, Error> {
        self.call(Method::POST, format!("/v1/charter/drafts/{id}/replay")).json(request)?.safe().send()
    }

    /// `POST /v1/charter/drafts/{id}/activate`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_activate(&self, id: Uuid) -> Result<CharterApplied, Error> {
        self.call(Method::POST, format!("/v1/charter/drafts/{id}/activate")).send()
    }

    /// `POST /v1/charter/roll-back`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn charter_roll_back(
        &self,
        request: &wire::charter::CharterRollBack,
    ) -> Result<CharterApplied, Error> {
        self.call(Method::POST, "/v1/charter/roll-back").json(request)?.send()
    }
}

/// Imports and exports.
impl Client {
    /// `POST /v1/imports/propose`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn import_propose(&self, request: &ProposeRequest, stated: &Stated) -> Result<Proposal, Error> {
        self.call(Method::POST, "/v1/imports/propose").stated(stated)?.json(request)?.safe().send()
    }

    /// `POST /v1/imports`. The same digests give the same import.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn import_start(&self, request: &ImportStart, stated: &Stated) -> Result<ImportStarted, Error> {
        self.call(Method::POST, "/v1/imports").stated(stated)?.json(request)?.safe().send()
    }

    /// `PUT /v1/imports/{id}/chunks/{n}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn import_chunk(
        &self,
        import: Uuid,
        number: u64,
        request: &ChunkRequest,
        stated: &Stated,
    ) -> Result<ChunkResult, Error> {
        self.chunk(import, number, stated)?.json(request)?.send()
    }

    /// The same with a [`ChunkRequest`] that is written as JSON already.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn import_chunk_json(
        &self,
        import: Uuid,
        number: u64,
        request: &[u8],
        stated: &Stated,
    ) -> Result<ChunkResult, Error> {
        self.chunk(import, number, stated)?.bytes(request)?.send()
    }

    /// `GET /v1/imports/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn import(&self, id: Uuid, stated: &Stated) -> Result<Import, Error> {
        self.call(Method::GET, format!("/v1/imports/{id}")).stated(stated)?.send()
    }

    /// `POST /v1/exports`. Not sent twice: each is a look on record.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn export(&self, request: &ExportRequest) -> Result<Export, Error> {
        self.call(Method::POST, "/v1/exports").json(request)?.open().map(Export::new)
    }

    fn chunk(&self, import: Uuid, number: u64, stated: &Stated) -> Result<Call<'_>, Error> {
        self.call(Method::PUT, format!("/v1/imports/{import}/chunks/{number}")).stated(stated)
    }
}

/// The system.
impl Client {
    /// `POST /v1/explain`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn explain(&self, request: &Explain) -> Result<Explanation, Error> {
        self.call(Method::POST, "/v1/explain").json(request)?.safe().send()
    }

    /// `GET /v1/keys`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn key_state(&self) -> Result<KeyState, Error> {
        self.call(Method::GET, "/v1/keys").send()
    }

    /// `POST /v1/keys/rotate`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn rotate_keys(&self, what: Rotate) -> Result<Rotation, Error> {
        self.call(Method::POST, "/v1/keys/rotate").json(&RotateRequest { what })?.send()
    }

    /// `POST /v1/keys/retire`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn retire_keys(&self, what: Retire) -> Result<Retired, Error> {
        self.call(Method::POST, "/v1/keys/retire").json(&RetireRequest { what })?.send()
    }

    /// `POST /v1/keys/drills`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn drill_begin(&self, request: &DrillRequest) -> Result<DrillStarted, Error> {
        self.call(Method::POST, "/v1/keys/drills").json(request)?.send()
    }

    /// `POST /v1/keys/drills/answer`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn drill_answer(&self, request: &DrillAnswer) -> Result<Drilled, Error> {
        self.call(Method::POST, "/v1/keys/drills/answer").json(request)?.send()
    }

    /// `POST /v1/keys/reseal`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn reseal(&self) -> Result<Resealed, Error> {
        self.call(Method::POST, "/v1/keys/reseal").send()
    }

    /// `POST /v1/keys/recovery`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn replace_recovery(&self, request: &RecoveryRequest) -> Result<RecoveryShares, Error> {
        self.call(Method::POST, "/v1/keys/recovery").json(request)?.send()
    }

    /// `GET /v1/backups`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn backups(&self) -> Result<Backups, Error> {
        self.call(Method::GET, "/v1/backups").send()
    }

    /// `POST /v1/backups`. Made in the background: [`backups`](Self::backups) tells how far it is.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn back_up(&self, request: &BackupRequest) -> Result<Backups, Error> {
        self.call(Method::POST, "/v1/backups").json(request)?.send()
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn status(&self) -> Result<Status, Error> {
        self.call(Method::GET, "/v1/status").send()
    }

    /// `GET /healthz`; failing is an answer, not an error.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn health(&self) -> Result<Health, Error> {
        self.call(Method::GET, "/healthz").any_status()
    }

    /// `GET /readyz`; failing is an answer, not an error.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn readiness(&self) -> Result<Readiness, Error> {
        self.call(Method::GET, "/readyz").any_status()
    }

    /// `GET /v1/openapi.json`, as it is.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn openapi(&self) -> Result<String, Error> {
        self.call(Method::GET, "/v1/openapi.json").text()
    }
}

impl Call<'_> {
    /// With a key, it may be sent twice and is done once.
    pub(crate) fn idempotent(self, key: Option<&IdempotencyKey>) -> Result<Self, Error> {
        match key {
            Some(key) => Ok(self.header(header::IDEMPOTENCY_KEY, &key.0)?.safe()),
            None => Ok(self),
        }
    }

    pub(crate) fn page(self, page: &PageQuery) -> Self {
        self.query("limit", page.limit.map(|limit| limit.to_string()).as_deref())
            .query("cursor", page.cursor.as_deref())
    }
}
