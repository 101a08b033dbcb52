//! Ties, cases, and one's own looks.

use avouch_wire::{
    Acknowledged, OwnAccesses, Page, PageQuery, Tie, TieRequest, TiesRequest, TiesTold, WatchCase,
    WatchClose, WatchQuery, WatchState,
};
use ureq::http::Method;
use uuid::Uuid;

use crate::{Client, Error};

impl Client {
    /// `POST /v1/subjects/{id}/ties`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn tie(&self, subject: Uuid, request: &TieRequest) -> Result<Tie, Error> {
        self.call(Method::POST, format!("/v1/subjects/{subject}/ties")).json(request)?.send()
    }

    /// `GET /v1/subjects/{id}/ties`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn ties(&self, subject: Uuid) -> Result<Page<Tie>, Error> {
        self.call(Method::GET, format!("/v1/subjects/{subject}/ties")).send()
    }

    /// `DELETE /v1/subjects/{id}/ties/{tie}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn end_tie(&self, subject: Uuid, tie: Uuid) -> Result<(), Error> {
        self.call(Method::DELETE, format!("/v1/subjects/{subject}/ties/{tie}")).raw().map(drop)
    }

    /// `POST /v1/ties`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn tell_ties(&self, request: &TiesRequest) -> Result<TiesTold, Error> {
        self.call(Method::POST, "/v1/ties").json(request)?.send()
    }

    /// `GET /v1/watch/cases`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn watch_cases(&self, query: &WatchQuery) -> Result<Page<WatchCase>, Error> {
        let state = query.state.map(|state| match state {
            WatchState::Waiting => "waiting",
            WatchState::Open => "open",
            WatchState::Closed => "closed",
            WatchState::Passed => "passed",
        });
        self.call(Method::GET, "/v1/watch/cases")
            .query("limit", query.limit.map(|limit| limit.to_string()).as_deref())
            .query("cursor", query.cursor.as_deref())
            .query("family", query.family.as_deref())
            .query("state", state)
            .send()
    }

    /// `GET /v1/watch/cases/{id}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn watch_case(&self, id: Uuid) -> Result<WatchCase, Error> {
        self.call(Method::GET, format!("/v1/watch/cases/{id}")).send()
    }

    /// `POST /v1/watch/cases/{id}/close`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn close_watch_case(&self, id: Uuid, request: &WatchClose) -> Result<(), Error> {
        self.call(Method::POST, format!("/v1/watch/cases/{id}/close")).json(request)?.raw().map(drop)
    }

    /// `GET /v1/account/accesses`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn own_accesses(&self, page: &PageQuery) -> Result<OwnAccesses, Error> {
        self.call(Method::GET, "/v1/account/accesses").page(page).send()
    }

    /// `POST /v1/account/monitoring`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn acknowledge_monitoring(&self) -> Result<Acknowledged, Error> {
        self.call(Method::POST, "/v1/account/monitoring").send()
    }
}
