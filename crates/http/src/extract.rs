//! From a request to typed arguments. Each extractor refuses what it does not know and says where; none waits for anything but
//! the body, and none keeps a value in its error.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use avouch_core::app::IdempotencyKey;
use avouch_core::gate::{self, Reason};
use avouch_core::transit::KeyName;
use avouch_core::{
    AlarmId, ApprovalId, AuthenticatorId, CaseId, CredentialId, DraftId, EventId, GlassId, GroupId, HoldId,
    ImportId, PrincipalId, SessionId, SubjectId, TieId,
};
use avouch_wire::charter::{CharterDraftRequest, CharterReplayRequest, CharterRollBack};
use avouch_wire::{
    AlarmClose, ApprovalRequest, ApprovalWord, BackupRequest, BatchRequest, BreakGlassRequest,
    BreakGlassReview, CertificateRequest, CharterApply, CharterPlan, ChunkRequest, CodeRequest,
    DetokenizeRequest, DrillAnswer, DrillRequest, EventSearch, Explain, ExportRequest, HoldRequest,
    IdentityBegin, IdentityEnrol, IdentityLink, ImportStart, InspectRequest, Jwks, KeyCreate, LinkCreate,
    LogInRequest, PasskeyEnrol, PasswordEnrol, PrincipalCreate, PrincipalPatch, ProblemKind, ProposeRequest,
    RecoveryRequest, RetireRequest, RevealRequest, RevokeRequest, RotateRequest, RotateTokensRequest,
    SearchRequest, Secret, SentCodeBegin, SentCodeEnrol, SignOnBegin, SubjectCreate, SubjectMark,
    SubjectPatch, TieRequest, TiesRequest, TokenImportRequest, TokenRequest, TokenizeRequest, TotpEnrol,
    TransitDecode, TransitDecrypt, TransitEncode, TransitEncrypt, TransitHmac, TransitKeyCreate,
    TransitKeyPatch, TransitRandom, TransitRewrap, TransitSign, TransitTrim, TransitVerify,
    TransitVerifyHmac, WatchClose, header, limits,
};
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::client_address::Peer;
use crate::json::strict_json;
use crate::problem::{Failure, internal, unauthenticated};
use crate::service::Shared;

/// Who calls; put there by the layer that let the request in.
pub(crate) struct Caller(pub(crate) gate::Caller);

impl FromRequestParts<Shared> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        // The layer has asked already where a route needs somebody; a page asks here, and sends its reader to log in.
        parts.extensions.remove().map(Self).ok_or_else(unauthenticated)
    }
}

/// Who calls a route that needs nobody, if it is somebody.
pub(crate) struct Visitor(pub(crate) Option<gate::Caller>);

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        Ok(Self(parts.extensions.remove()))
    }
}

/// The address of whoever calls.
pub(crate) struct From(pub(crate) IpAddr);

impl FromRequestParts<Shared> for From {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let Peer(from) = *parts.extensions.get::<Peer>().ok_or_else(internal)?;
        Ok(Self(from))
    }
}

/// Purpose and reason of a request that states them in headers. Both are percent-encoded UTF-8.
pub(crate) struct Stated {
    pub(crate) purpose: Option<String>,
    pub(crate) reason: Option<Reason>,
}

impl FromRequestParts<Shared> for Stated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let purpose = text(&parts.headers, header::PURPOSE, "Avouch-Purpose")?;
        let reason = text(&parts.headers, header::REASON, "Avouch-Reason")?;
        let expected = || Failure::fault("", "expected 3 to 500 characters of plain text in `Avouch-Reason`");
        let reason = reason.map(|reason| Reason::parse(&reason).map_err(|_| expected())).transpose()?;
        Ok(Self { purpose, reason })
    }
}

/// A reason in a body.
pub(crate) fn reason(text: Option<&Secret>) -> Result<Option<Reason>, Failure> {
    text.map(|text| Reason::parse(&text.0)).transpose().map_err(Failure::from)
}

/// `If-Match`: the version a change was made from.
pub(crate) struct IfMatch(pub(crate) Option<u64>);

impl FromRequestParts<Shared> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let Some(tag) = single(&parts.headers, header::IF_MATCH, "If-Match")? else { return Ok(Self(None)) };
        let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(number);
        let expected = || Failure::fault("", "expected one version in quotes in `If-Match`, such as `\"3\"`");
        version.map(|version| Self(Some(version))).ok_or_else(expected)
    }
}

/// `Idempotency-Key`, bound to what the request asks for.
pub(crate) fn idempotency_key(
    headers: &HeaderMap,
    route: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, Failure> {
    let key = single(headers, header::IDEMPOTENCY_KEY, "Idempotency-Key")?;
    let expected = || Failure::fault("", "expected 1 to 128 visible ASCII characters in `Idempotency-Key`");
    key.map(|key| IdempotencyKey::new(key, &[route.as_bytes(), body]).map_err(|_| expected())).transpose()
}

/// A header that may be there once, decoded.
fn text(headers: &HeaderMap, name: &str, shown: &str) -> Result<Option<String>, Failure> {
    let Some(value) = single(headers, name, shown)? else { return Ok(None) };
    match header::decode(value) {
        Some(text) => Ok(Some(text.into_owned())),
        None => Err(Failure::fault("", format!("expected percent-encoded UTF-8 in `{shown}`"))),
    }
}

fn single<'h>(headers: &'h HeaderMap, name: &str, shown: &str) -> Result<Option<&'h str>, Failure> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        // UTF-8 beside ASCII: curl sends what it was given.
        (Some(value), None) => match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(Failure::fault("", format!("expected UTF-8 in `{shown}`"))),
        },
        (Some(_), Some(_)) => Err(Failure::fault("", format!("expected `{shown}` once"))),
    }
}

/// Digits only: no sign, no leading zero, no space.
fn number(text: &str) -> Option<u64> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    plain.then(|| text.parse().ok()).flatten()
}

/// The variable parts of a path. What has not the form of an id is the id of nothing.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: FromPath> FromRequestParts<Shared> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Failure> {
        let params =
            RawPathParams::from_request_parts(parts, state).await.map_err(|_| Failure::not_found())?;
        let mut values = params.iter().map(|(_, value)| value);
        T::from_path(&mut values).map(Self).ok_or_else(Failure::not_found)
    }
}

pub(crate) trait FromPath: Sized {
    fn from_path<'p>(values: &mut impl Iterator<Item = &'p str>) -> Option<Self>;
}

macro_rules! from_path {
    ($($id:ty)*) => {
        $(impl FromPath for $id {
            fn from_path<'p>(values: &mut impl Iterator<Item = &'p str>) -> Option<Self> {
                Self::from_str(values.next()?).ok()
            }
        })*
    };
}

from_path!(AlarmId ApprovalId CaseId DraftId GlassId TieId SubjectId SessionId AuthenticatorId GroupId PrincipalId CredentialId HoldId ImportId KeyName String);

impl FromPath for EventId {
    fn from_path<'p>(values: &mut impl Iterator<Item = &'p str>) -> Option<Self> {
        let written = values.next()?;
        let id = Uuid::try_parse(written).ok()?;
        // As with every id, one spelling.
        Self::from_uuid(id).filter(|_| id.to_string() == written)
    }
}

impl FromPath for u64 {
    fn from_path<'p>(values: &mut impl Iterator<Item = &'p str>) -> Option<Self> {
        number(values.next()?)
    }
}

impl FromPath for u32 {
    fn from_path<'p>(values: &mut impl Iterator<Item = &'p str>) -> Option<Self> {
        number(values.next()?)?.try_into().ok()
    }
}

impl<A: FromPath, B: FromPath> FromPath for (A, B) {
    fn from_path<'p>(values: &mut impl Iterator<Item = &'p str>) -> Option<Self> {
        Some((A::from_path(values)?, B::from_path(values)?))
    }
}

impl<A: FromPath, B: FromPath, C: FromPath> FromPath for (A, B, C) {
    fn from_path<'p>(values: &mut impl Iterator<Item = &'p str>) -> Option<Self> {
        Some((A::from_path(values)?, B::from_path(values)?, C::from_path(values)?))
    }
}

/// A body of strict JSON, and its bytes.
pub(crate) struct Json<T>(pub(crate) T, pub(crate) Bytes);

impl<T: RequestBody> FromRequest<Shared> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Failure> {
        let media_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
        if !media_type.is_some_and(|media_type| is_json(media_type, T::MERGE_PATCH)) {
            let expected = if T::MERGE_PATCH { ", or application/merge-patch+json" } else { "" };
            let detail = format!("send `Content-Type: application/json`{expected}");
            return Err(Failure::new(ProblemKind::UnsupportedMediaType, detail));
        }
        let bytes = body(request, T::LIMIT).await?;
        Ok(Self(strict_json(&bytes)?, bytes))
    }
}

/// A whole body, of at most so many bytes.
pub(crate) async fn body(request: Request, most: usize) -> Result<Bytes, Failure> {
    let late = || Failure::new(ProblemKind::Malformed, "the body did not arrive within 30 seconds");
    let arrived = tokio::time::timeout(BODY_TIME, read(request.into_body(), most));
    arrived.await.unwrap_or_else(|_| Err(late()))
}

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What is accepted as the body of a route.
pub(crate) trait RequestBody: DeserializeOwned {
    /// The most bytes.
    const LIMIT: usize = limits::BODY_BYTES;
    /// Whether it may be called a merge patch.
    const MERGE_PATCH: bool = false;
}

macro_rules! bodies {
    ($($body:ty $(: $($item:ident = $value:expr),+)?;)*) => {
        $(impl RequestBody for $body { $($(bodies!(@ $item $value);)+)? })*
    };
    (@ LIMIT $value:expr) => { const LIMIT: usize = $value; };
    (@ MERGE_PATCH $value:expr) => { const MERGE_PATCH: bool = $value; };
}

bodies! {
    SubjectCreate;
    SubjectPatch: MERGE_PATCH = true;
    RevealRequest;
    SearchRequest;
    EventSearch;
    BatchRequest: LIMIT = limits::BULK_BODY_BYTES;
    TokenRequest;
    InspectRequest;
    RevokeRequest;
    RotateTokensRequest;
    TokenImportRequest: LIMIT = limits::BULK_BODY_BYTES;
    TokenizeRequest: LIMIT = limits::BULK_BODY_BYTES;
    DetokenizeRequest: LIMIT = limits::BULK_BODY_BYTES;
    Explain;
    CharterPlan;
    CharterApply;
    CharterDraftRequest;
    CharterReplayRequest;
    CharterRollBack;
    PrincipalCreate;
    PrincipalPatch: MERGE_PATCH = true;
    KeyCreate;
    Jwks;
    CertificateRequest;
    LogInRequest: LIMIT = limits::VISITOR_BODY_BYTES;
    CodeRequest: LIMIT = limits::VISITOR_BODY_BYTES;
    PasskeyEnrol;
    PasswordEnrol;
    TotpEnrol;
    SentCodeBegin;
    SentCodeEnrol;
    LinkCreate;
    SignOnBegin: LIMIT = limits::VISITOR_BODY_BYTES;
    IdentityBegin;
    IdentityEnrol;
    IdentityLink;
    AlarmClose;
    ApprovalRequest;
    ApprovalWord;
    BreakGlassRequest;
    BreakGlassReview;
    SubjectMark;
    TieRequest;
    TiesRequest;
    WatchClose;
    ProposeRequest: LIMIT = limits::BULK_BODY_BYTES;
    HoldRequest;
    ImportStart;
    ChunkRequest: LIMIT = limits::BULK_BODY_BYTES;
    ExportRequest;
    DrillRequest;
    DrillAnswer;
    RecoveryRequest;
    RetireRequest;
    RotateRequest;
    TransitKeyCreate;
    TransitKeyPatch: MERGE_PATCH = true;
    TransitTrim;
    TransitEncrypt: LIMIT = limits::BULK_BODY_BYTES;
    TransitDecrypt: LIMIT = limits::BULK_BODY_BYTES;
    TransitRewrap: LIMIT = limits::BULK_BODY_BYTES;
    TransitHmac: LIMIT = limits::BULK_BODY_BYTES;
    TransitVerifyHmac: LIMIT = limits::BULK_BODY_BYTES;
    TransitSign: LIMIT = limits::BULK_BODY_BYTES;
    TransitVerify: LIMIT = limits::BULK_BODY_BYTES;
    TransitEncode: LIMIT = limits::BULK_BODY_BYTES;
    TransitDecode: LIMIT = limits::BULK_BODY_BYTES;
    TransitRandom;
    BackupRequest;
}

fn is_json(media_type: &[u8], merge_patch: bool) -> bool {
    let (essence, parameters) = match media_type.iter().position(|byte| *byte == b';') {
        Some(at) => media_type.split_at(at),
        None => (media_type, &b""[..]),
    };
    let essence = essence.trim_ascii();
    let known = essence.eq_ignore_ascii_case(b"application/json")
        || merge_patch && essence.eq_ignore_ascii_case(header::MERGE_PATCH_JSON.as_bytes());
    let parameters = parameters.strip_prefix(b";").unwrap_or_default().trim_ascii();
    known && (parameters.is_empty() || parameters.eq_ignore_ascii_case(b"charset=utf-8"))
}

/// Reads a body of at most `most` bytes; a longer one is refused by its declared length before anything is read.
async fn read(body: Body, most: usize) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > most as u64 {
        drain(body, most.saturating_mul(DRAIN_TIMES)).await;
        return Err(too_large(most));
    }
    let mut limited = Limited::new(body, most);
    match (&mut limited).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(most)),
        Err(_) => Err(Failure::new(ProblemKind::Malformed, "the body broke off")),
    }
}

fn too_large(most: usize) -> Failure {
    Failure::new(ProblemKind::TooLarge, format!("this route takes at most {most} bytes: send it in parts"))
}

/// Lets a body that is too large arrive and forgets it, within reason: a client that is cut off while it sends would see a
/// broken connection instead of the answer.
async fn drain(mut body: Body, mut left: usize) {
    let arriving = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // In time or not, the answer is the same.
    drop(tokio::time::timeout(DRAIN_TIME, arriving).await);
}

/// How many times what a route takes is let arrive.
const DRAIN_TIMES: usize = 32;
const DRAIN_TIME: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_json() {
        for fits in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=utf-8"]
        {
            assert!(is_json(fits.as_bytes(), false), "{fits}");
        }
        for other in [
            "",
            "text/json",
            "application/jsonp",
            "application/json; charset=latin1",
            "application/merge-patch+json",
        ] {
            assert!(!is_json(other.as_bytes(), false), "{other}");
        }
        assert!(is_json(b"application/merge-patch+json", true));
    }

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("42"), Some(42));
        for other in ["", "+1", "-1", "01", " 1", "1 ", "99999999999999999999"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
