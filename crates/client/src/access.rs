//! Who may call and with what, what others have to agree to, and alarms.

use avouch_wire::{
    Alarm, AlarmClose, AlarmQuery, Approval, ApprovalAsked, ApprovalRequest, ApprovalSpoken, ApprovalWord,
    BreakGlass, BreakGlassOpened, BreakGlassRequest, BreakGlassReview, Certificate, CertificateRequest,
    Enrolled, Identity, IdentityLink, Jwks, Key, KeyCreate, KeyCreated, LinkCreate, LinkCreated,
    LogInRequest, LoggedIn, Page, PageQuery, PasswordEnrol, Principal, PrincipalCreate, PrincipalPatch,
    Session, SessionsEnded, SubjectMark, Work,
};
use ureq::http::Method;
use uuid::Uuid;

use crate::{Client, Error, Stated};

/// Sessions of one's own, and what they begin with.
impl Client {
    /// `POST /v1/login`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn log_in(&self, request: &LogInRequest) -> Result<LoggedIn, Error> {
        self.call(Method::POST, "/v1/login").json(request)?.send()
    }

    /// `POST /v1/account/password`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn password_set(&self, request: &PasswordEnrol) -> Result<Enrolled, Error> {
        self.call(Method::POST, "/v1/account/password").json(request)?.send()
    }

    /// `GET /v1/account/sessions`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn sessions(&self) -> Result<Page<Session>, Error> {
        self.call(Method::GET, "/v1/account/sessions").send()
    }

    /// `POST /v1/account/sessions`. The only answer that shows the token.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn session_lend(&self) -> Result<LoggedIn, Error> {
        self.call(Method::POST, "/v1/account/sessions").send()
    }

    /// `DELETE /v1/account/sessions/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn session_end(&self, id: Uuid) -> Result<SessionsEnded, Error> {
        self.call(Method::DELETE, format!("/v1/account/sessions/{id}")).send()
    }
}

/// Principals and keys.
impl Client {
    /// `GET /v1/principals`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principals(&self, page: &PageQuery) -> Result<Page<Principal>, Error> {
        self.call(Method::GET, "/v1/principals").page(page).send()
    }

    /// `POST /v1/principals`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_create(&self, request: &PrincipalCreate) -> Result<Principal, Error> {
        self.call(Method::POST, "/v1/principals").json(request)?.send()
    }

    /// `GET /v1/principals/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal(&self, id: Uuid) -> Result<Principal, Error> {
        self.call(Method::GET, format!("/v1/principals/{id}")).send()
    }

    /// `PATCH /v1/principals/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_update(&self, id: Uuid, request: &PrincipalPatch) -> Result<Principal, Error> {
        self.call(Method::PATCH, format!("/v1/principals/{id}")).json(request)?.safe().send()
    }

    /// `POST /v1/principals/{id}/link`. The only answer that shows the link.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_link(&self, id: Uuid, request: &LinkCreate) -> Result<LinkCreated, Error> {
        self.call(Method::POST, format!("/v1/principals/{id}/link")).json(request)?.send()
    }

    /// `GET /v1/principals/{id}/identities`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_identities(&self, id: Uuid) -> Result<Page<Identity>, Error> {
        self.call(Method::GET, format!("/v1/principals/{id}/identities")).send()
    }

    /// `POST /v1/principals/{id}/identities`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_link_identity(&self, id: Uuid, request: &IdentityLink) -> Result<Identity, Error> {
        self.call(Method::POST, format!("/v1/principals/{id}/identities")).json(request)?.send()
    }

    /// `DELETE /v1/principals/{id}/identities/{identity}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_unlink_identity(&self, id: Uuid, identity: Uuid) -> Result<Identity, Error> {
        self.call(Method::DELETE, format!("/v1/principals/{id}/identities/{identity}")).send()
    }

    /// `GET /v1/principals/{id}/jwks`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_jwks(&self, id: Uuid) -> Result<Jwks, Error> {
        self.call(Method::GET, format!("/v1/principals/{id}/jwks")).send()
    }

    /// `PUT /v1/principals/{id}/jwks`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_set_jwks(&self, id: Uuid, keys: &Jwks) -> Result<Jwks, Error> {
        self.call(Method::PUT, format!("/v1/principals/{id}/jwks")).json(keys)?.send()
    }

    /// `POST /v1/principals/{id}/certificates`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn principal_certificate(
        &self,
        id: Uuid,
        request: &CertificateRequest,
    ) -> Result<Certificate, Error> {
        self.call(Method::POST, format!("/v1/principals/{id}/certificates")).json(request)?.send()
    }

    /// `POST /v1/principals/{id}/keys`. The only answer that shows the key.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn key_create(&self, principal: Uuid, request: &KeyCreate) -> Result<KeyCreated, Error> {
        self.call(Method::POST, format!("/v1/principals/{principal}/keys")).json(request)?.send()
    }

    /// `GET /v1/principals/{id}/keys`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn keys(&self, principal: Uuid) -> Result<Page<Key>, Error> {
        self.call(Method::GET, format!("/v1/principals/{principal}/keys")).send()
    }

    /// `DELETE /v1/principals/{id}/keys/{key}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn key_revoke(&self, principal: Uuid, key: Uuid) -> Result<Key, Error> {
        self.call(Method::DELETE, format!("/v1/principals/{principal}/keys/{key}")).send()
    }
}

/// What others have to agree to, and alarms.
impl Client {
    /// `POST /v1/approvals`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn approval_ask(&self, request: &ApprovalRequest) -> Result<ApprovalAsked, Error> {
        self.call(Method::POST, "/v1/approvals").json(request)?.send()
    }

    /// `GET /v1/approvals`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn approvals(&self, page: &PageQuery) -> Result<Page<Approval>, Error> {
        self.call(Method::GET, "/v1/approvals").page(page).send()
    }

    /// `GET /v1/approvals/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn approval(&self, id: Uuid) -> Result<Approval, Error> {
        self.call(Method::GET, format!("/v1/approvals/{id}")).send()
    }

    /// `POST /v1/approvals/{id}/word`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn approval_word(&self, id: Uuid, word: &ApprovalWord) -> Result<ApprovalSpoken, Error> {
        self.call(Method::POST, format!("/v1/approvals/{id}/word")).json(word)?.send()
    }

    /// `DELETE /v1/approvals/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn approval_cancel(&self, id: Uuid) -> Result<(), Error> {
        self.call(Method::DELETE, format!("/v1/approvals/{id}")).text().map(drop)
    }

    /// `GET /v1/approvals/{id}/work`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn approval_work(&self, id: Uuid, page: &PageQuery) -> Result<Page<Work>, Error> {
        self.call(Method::GET, format!("/v1/approvals/{id}/work")).page(page).send()
    }

    /// `POST /v1/break-glass`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn break_glass(&self, request: &BreakGlassRequest) -> Result<BreakGlassOpened, Error> {
        self.call(Method::POST, "/v1/break-glass").json(request)?.send()
    }

    /// `GET /v1/break-glass`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn broken_glass(&self, page: &PageQuery) -> Result<Page<BreakGlass>, Error> {
        self.call(Method::GET, "/v1/break-glass").page(page).send()
    }

    /// `GET /v1/break-glass/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn break_glass_read(&self, id: Uuid) -> Result<BreakGlass, Error> {
        self.call(Method::GET, format!("/v1/break-glass/{id}")).send()
    }

    /// `GET /v1/break-glass/{id}/work`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn break_glass_work(&self, id: Uuid, page: &PageQuery) -> Result<Page<Work>, Error> {
        self.call(Method::GET, format!("/v1/break-glass/{id}/work")).page(page).send()
    }

    /// `DELETE /v1/break-glass/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn break_glass_close(&self, id: Uuid) -> Result<(), Error> {
        self.call(Method::DELETE, format!("/v1/break-glass/{id}")).text().map(drop)
    }

    /// `POST /v1/break-glass/{id}/review`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn break_glass_review(&self, id: Uuid, review: &BreakGlassReview) -> Result<(), Error> {
        self.call(Method::POST, format!("/v1/break-glass/{id}/review")).json(review)?.text().map(drop)
    }

    /// `PUT /v1/subjects/{id}/mark`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn mark(&self, id: Uuid, mark: &SubjectMark, stated: &Stated) -> Result<SubjectMark, Error> {
        self.call(Method::PUT, format!("/v1/subjects/{id}/mark")).stated(stated)?.json(mark)?.safe().send()
    }

    /// `GET /v1/alarms`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn alarms(&self, query: &AlarmQuery) -> Result<Page<Alarm>, Error> {
        self.call(Method::GET, "/v1/alarms")
            .query("limit", query.limit.map(|limit| limit.to_string()).as_deref())
            .query("cursor", query.cursor.as_deref())
            .query("open", query.open.map(|open| open.to_string()).as_deref())
            .send()
    }

    /// `POST /v1/alarms/{id}/close`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn alarm_close(&self, id: Uuid, request: &AlarmClose) -> Result<(), Error> {
        self.call(Method::POST, format!("/v1/alarms/{id}/close")).json(request)?.text().map(drop)
    }
}
