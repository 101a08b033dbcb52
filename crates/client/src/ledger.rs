//! The routes of the record and its log: events, what a transparency log serves, and proofs for single events and customers.

use avouch_wire::{
    DisclosureQuery, Disclosures, Event, EventExportQuery, EventFormat, EventProof, EventQuery, EventSearch,
    Ledger, LedgerCheckpoints, LedgerRecord, LedgerRecordQuery, Outcome, Page, PageQuery, ProblemKind,
    ProvenAccesses,
};
use ureq::http::Method;
use uuid::Uuid;

use crate::{Client, Error, EventPage, Stated};

/// Events.
impl Client {
    /// `GET /v1/events`, newest first.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn events(&self, query: &EventQuery) -> Result<Page<Event>, Error> {
        self.call(Method::GET, "/v1/events")
            .query("limit", query.limit.map(|limit| limit.to_string()).as_deref())
            .query("cursor", query.cursor.as_deref())
            .query("actor", query.actor.map(|actor| actor.to_string()).as_deref())
            .query("action", query.action.as_deref())
            .query("purpose", query.purpose.as_deref())
            .query("recipient", query.recipient.as_deref())
            .query("outcome", query.outcome.map(Outcome::name))
            .query("since", query.since.map(|since| since.to_string()).as_deref())
            .query("until", query.until.map(|until| until.to_string()).as_deref())
            .query("log", query.log.map(|log| log.to_string()).as_deref())
            .query("after", query.after.map(|after| after.to_string()).as_deref())
            .send()
    }

    /// `POST /v1/events/search`. Not sent twice: each is a look on record.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn event_search(&self, request: &EventSearch, stated: &Stated) -> Result<Page<Event>, Error> {
        self.call(Method::POST, "/v1/events/search").stated(stated)?.json(request)?.send()
    }

    /// `GET /v1/events/export`: one page of it.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn event_export(&self, query: &EventExportQuery) -> Result<EventPage, Error> {
        self.call(Method::GET, "/v1/events/export")
            .query("format", query.format.map(EventFormat::name))
            .query("log", query.log.map(|log| log.to_string()).as_deref())
            .query("after", query.after.map(|after| after.to_string()).as_deref())
            .query("limit", query.limit.map(|limit| limit.to_string()).as_deref())
            .events()
    }

    /// `GET /v1/disclosures`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn disclosures(&self, query: &DisclosureQuery) -> Result<Disclosures, Error> {
        self.call(Method::GET, "/v1/disclosures")
            .query("recipient", query.recipient.as_deref())
            .query("since", query.since.map(|since| since.to_string()).as_deref())
            .query("until", query.until.map(|until| until.to_string()).as_deref())
            .send()
    }
}

/// The ledger.
impl Client {
    /// `GET /v1/subjects/{id}/accesses/proof`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn proven_accesses(
        &self,
        id: Uuid,
        page: &PageQuery,
        stated: &Stated,
    ) -> Result<ProvenAccesses, Error> {
        self.call(Method::GET, format!("/v1/subjects/{id}/accesses/proof")).page(page).stated(stated)?.send()
    }

    /// `GET /v1/ledger`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn ledger(&self) -> Result<Ledger, Error> {
        self.call(Method::GET, "/v1/ledger").send()
    }

    /// `GET /v1/ledger/{log}/checkpoint`: a signed note.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn ledger_checkpoint(&self, log: u64) -> Result<String, Error> {
        self.call(Method::GET, format!("/v1/ledger/{log}/checkpoint")).text()
    }

    /// `GET /v1/ledger/{log}/checkpoints`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn ledger_checkpoints(&self, log: u64, after: u64) -> Result<LedgerCheckpoints, Error> {
        let path = format!("/v1/ledger/{log}/checkpoints");
        self.call(Method::GET, path).query("after", Some(&after.to_string())).send()
    }

    /// `GET /v1/ledger/{log}/tile/…`, a tile or a bundle of entries: nothing where there is none.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn ledger_tile(&self, log: u64, path: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.call(Method::GET, format!("/v1/ledger/{log}/{path}")).raw() {
            Err(error) if error.problem().is_some_and(|p| p.kind == ProblemKind::NotFound) => Ok(None),
            tile => tile.map(Some),
        }
    }

    /// `GET /v1/ledger/records`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn ledger_records(&self, query: &LedgerRecordQuery) -> Result<Page<LedgerRecord>, Error> {
        self.call(Method::GET, "/v1/ledger/records").query("cursor", query.cursor.as_deref()).send()
    }

    /// `GET /v1/events/{id}/proof`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn event_proof(&self, id: Uuid) -> Result<EventProof, Error> {
        self.call(Method::GET, format!("/v1/events/{id}/proof")).send()
    }
}
