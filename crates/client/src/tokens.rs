//! Tokens: making them, turning them back, looking after them.

use avouch_wire::{
    DetokenizeRequest, Detokenized, InspectRequest, InspectResponse, Page, Revocation, RevokeRequest,
    RotateTokensRequest, RotatedTokens, TokenImportRequest, TokenImportResponse, TokenQuery, TokenRequest,
    TokenResponse, TokenView, TokenizeRequest, Tokenized,
};
use ureq::http::Method;

use crate::{Client, Error, Stated};

impl Client {
    /// `POST /v1/tokens`. Each item has its own result; look at them.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn tokens(&self, request: &TokenRequest) -> Result<TokenResponse, Error> {
        self.call(Method::POST, "/v1/tokens").json(request)?.send()
    }

    /// `GET /v1/tokens`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn token_list(&self, query: &TokenQuery, stated: &Stated) -> Result<Page<TokenView>, Error> {
        self.call(Method::GET, "/v1/tokens")
            .query("limit", query.limit.map(|limit| limit.to_string()).as_deref())
            .query("cursor", query.cursor.as_deref())
            .query("subject", query.subject.map(|subject| subject.to_string()).as_deref())
            .query("recipient", query.recipient.as_deref())
            .query("tag", query.tag.as_deref())
            .stated(stated)?
            .send()
    }

    /// `POST /v1/tokens/inspect`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn inspect_tokens(
        &self,
        request: &InspectRequest,
        stated: &Stated,
    ) -> Result<InspectResponse, Error> {
        self.call(Method::POST, "/v1/tokens/inspect").stated(stated)?.json(request)?.send()
    }

    /// `POST /v1/tokens/revoke`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn revoke_tokens(&self, request: &RevokeRequest, stated: &Stated) -> Result<Revocation, Error> {
        self.call(Method::POST, "/v1/tokens/revoke").stated(stated)?.json(request)?.safe().send()
    }

    /// `POST /v1/tokens/rotate`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn rotate_tokens(
        &self,
        request: &RotateTokensRequest,
        stated: &Stated,
    ) -> Result<RotatedTokens, Error> {
        self.call(Method::POST, "/v1/tokens/rotate").stated(stated)?.json(request)?.send()
    }

    /// `POST /v1/tokens/import`. Each item has its own result; look at them.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn import_tokens(
        &self,
        request: &TokenImportRequest,
        stated: &Stated,
    ) -> Result<TokenImportResponse, Error> {
        self.call(Method::POST, "/v1/tokens/import").stated(stated)?.json(request)?.safe().send()
    }

    /// `POST /v1/tokenize`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn tokenize(&self, request: &TokenizeRequest) -> Result<Tokenized, Error> {
        self.call(Method::POST, "/v1/tokenize").json(request)?.send()
    }

    /// `POST /v1/detokenize`. Not sent twice: each is a look on record.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn detokenize(&self, request: &DetokenizeRequest) -> Result<Detokenized, Error> {
        self.call(Method::POST, "/v1/detokenize").json(request)?.send()
    }
}
