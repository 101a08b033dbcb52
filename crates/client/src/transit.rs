//! Standalone keys: one method for each route under `/v1/transit-keys`. The routes of a transit engine are for that engine's clients.

use avouch_wire::{
    Page, PageQuery, TransitDecode, TransitDecrypt, TransitDeleted, TransitEncode, TransitEncrypt,
    TransitHmac, TransitKey, TransitKeyCreate, TransitKeyListed, TransitKeyPatch, TransitRandom,
    TransitRandomBytes, TransitResponse, TransitRewrap, TransitRotated, TransitSign, TransitTrim,
    TransitVerify, TransitVerifyHmac, header,
};
use serde::Serialize;
use ureq::http::Method;

use crate::call::Call;
use crate::{Client, Error, IdempotencyKey};

/// Making, changing and ending keys.
impl Client {
    /// `POST /v1/transit-keys`. A key of this name and kind that is there already is the same key.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_create(&self, request: &TransitKeyCreate) -> Result<TransitKey, Error> {
        self.call(Method::POST, "/v1/transit-keys").json(request)?.safe().send()
    }

    /// `GET /v1/transit-keys`, by name.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_keys(&self, page: &PageQuery) -> Result<Page<TransitKeyListed>, Error> {
        self.call(Method::GET, "/v1/transit-keys").page(page).send()
    }

    /// `GET /v1/transit-keys/{name}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_key(&self, name: &str) -> Result<TransitKey, Error> {
        self.with_key(Method::GET, name, "").send()
    }

    /// `PATCH /v1/transit-keys/{name}`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_configure(&self, name: &str, request: &TransitKeyPatch) -> Result<TransitKey, Error> {
        self.with_key(Method::PATCH, name, "").json(request)?.safe().send()
    }

    /// `POST /v1/transit-keys/{name}/rotate`. With an idempotency key, a lost answer is asked for again.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_rotate(&self, name: &str, key: Option<&IdempotencyKey>) -> Result<TransitRotated, Error> {
        self.with_key(Method::POST, name, "/rotate").idempotent(key)?.send()
    }

    /// `POST /v1/transit-keys/{name}/trim`. What the versions made that go is nobody's to open any more.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_trim(&self, name: &str, request: TransitTrim) -> Result<TransitKey, Error> {
        self.with_key(Method::POST, name, "/trim").json(&request)?.safe().send()
    }

    /// `DELETE /v1/transit-keys/{name}`. What it made is nobody's to open any more.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_delete(&self, name: &str) -> Result<TransitDeleted, Error> {
        self.with_key(Method::DELETE, name, "").send()
    }
}

/// Using keys. Each item of a request has its own result; look at them. None is sent twice: each use is on record.
impl Client {
    /// `POST /v1/transit-keys/{name}/encrypt`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_encrypt(&self, name: &str, request: &TransitEncrypt) -> Result<TransitResponse, Error> {
        self.use_key(name, "/encrypt", request)
    }

    /// `POST /v1/transit-keys/{name}/decrypt`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_decrypt(&self, name: &str, request: &TransitDecrypt) -> Result<TransitResponse, Error> {
        self.use_key(name, "/decrypt", request)
    }

    /// `POST /v1/transit-keys/{name}/rewrap`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_rewrap(&self, name: &str, request: &TransitRewrap) -> Result<TransitResponse, Error> {
        self.use_key(name, "/rewrap", request)
    }

    /// `POST /v1/transit-keys/{name}/hmac`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_hmac(&self, name: &str, request: &TransitHmac) -> Result<TransitResponse, Error> {
        self.use_key(name, "/hmac", request)
    }

    /// `POST /v1/transit-keys/{name}/verify-hmac`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_verify_hmac(
        &self,
        name: &str,
        request: &TransitVerifyHmac,
    ) -> Result<TransitResponse, Error> {
        self.use_key(name, "/verify-hmac", request)
    }

    /// `POST /v1/transit-keys/{name}/sign`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_sign(&self, name: &str, request: &TransitSign) -> Result<TransitResponse, Error> {
        self.use_key(name, "/sign", request)
    }

    /// `POST /v1/transit-keys/{name}/verify`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_verify(&self, name: &str, request: &TransitVerify) -> Result<TransitResponse, Error> {
        self.use_key(name, "/verify", request)
    }

    /// `POST /v1/transit-keys/{name}/encode`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_encode(&self, name: &str, request: &TransitEncode) -> Result<TransitResponse, Error> {
        self.use_key(name, "/encode", request)
    }

    /// `POST /v1/transit-keys/{name}/decode`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn transit_decode(&self, name: &str, request: &TransitDecode) -> Result<TransitResponse, Error> {
        self.use_key(name, "/decode", request)
    }

    /// `POST /v1/random`.
    ///
    /// # Errors
    /// As all calls: [`Error`].
    pub fn random(&self, request: TransitRandom) -> Result<TransitRandomBytes, Error> {
        self.call(Method::POST, "/v1/random").json(&request)?.send()
    }

    fn use_key(&self, name: &str, what: &str, request: &impl Serialize) -> Result<TransitResponse, Error> {
        self.with_key(Method::POST, name, what).json(request)?.send()
    }

    fn with_key(&self, method: Method, name: &str, what: &str) -> Call<'_> {
        self.call(method, format!("/v1/transit-keys/{}{what}", header::encode(name)))
    }
}
