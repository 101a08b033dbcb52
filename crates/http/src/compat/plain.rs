//! `/v1/transit/random` and `hash`, which take no key.

use avouch_core::transit::{Hash, HashAlgorithm, Plain, Random, Unfit};
use axum::extract::State;
use axum::response::Response;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;

use super::envelope::answer;
use super::members::Members;
use crate::extract::{Caller, Path};
use crate::perform::{aside, perform};
use crate::problem::Failure;
use crate::service::{RequestId, Shared};

/// Draws random bytes.
#[utoipa::path(method(post, put), path = "/v1/transit/random", tag = "transit engine",
    request_body(content = Object, description = "`bytes`, 32 if absent; `format`: base64 or hex"),
    responses((status = 200, description = "`data.random_bytes`")))]
pub(super) async fn random(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    members: Members,
) -> Result<Response, Failure> {
    draw(service, caller, id, None, members).await
}

/// The same with their number, or their source, in the path.
#[utoipa::path(method(post, put), path = "/v1/transit/random/{source}", tag = "transit engine",
    request_body(content = Object, description = "`format`: base64 or hex"),
    params(("source" = String, Path, description = "How many, or `platform`")),
    responses((status = 200, description = "`data.random_bytes`")))]
pub(super) async fn random_from(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    Path(source): Path<String>,
    members: Members,
) -> Result<Response, Failure> {
    let bytes = source.parse().ok();
    if bytes.is_none() {
        check_source(Some(&source))?;
    }
    draw(service, caller, id, bytes, members).await
}

/// The same with both in the path.
#[utoipa::path(method(post, put), path = "/v1/transit/random/{source}/{bytes}", tag = "transit engine",
    request_body(content = Object, description = "`format`: base64 or hex"),
    params(("source" = String, Path, description = "`platform`"), ("bytes" = u32, Path, description = "How many")),
    responses((status = 200, description = "`data.random_bytes`")))]
pub(super) async fn random_bytes_from(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    Path((source, bytes)): Path<(String, u32)>,
    members: Members,
) -> Result<Response, Failure> {
    check_source(Some(&source))?;
    draw(service, caller, id, Some(bytes), members).await
}

async fn draw(
    service: Shared,
    caller: avouch_core::gate::Caller,
    id: RequestId,
    bytes: Option<u32>,
    mut members: Members,
) -> Result<Response, Failure> {
    let bytes = match (bytes, members.number("bytes")?) {
        (Some(one), Some(other)) if one != other => {
            return Err(Failure::fault("", "two numbers of bytes are named: leave one out"));
        }
        (one, other) => one.or(other).unwrap_or(32),
    };
    check_source(members.text("source")?.as_deref())?;
    let hexadecimal = hexadecimal(&mut members, false)?;
    members.end()?;
    let operation = Plain(Random(usize::try_from(bytes).unwrap_or(usize::MAX)));
    let drawn = perform(&service.app, &caller, operation).await?.output.run()?;
    answer(id, json!({"random_bytes": written(&drawn, hexadecimal)}))
}

/// There is one source, and it is that of the platform.
fn check_source(source: Option<&str>) -> Result<(), Failure> {
    match source {
        None | Some("" | "platform") => Ok(()),
        Some(_) => Err(Failure::fault(
            "",
            "there is one source of random bytes: leave `source` out, or name `platform`",
        )),
    }
}

/// Takes the digest of `input`.
#[utoipa::path(method(post, put), path = "/v1/transit/hash", tag = "transit engine",
    request_body(content = Object, description = "`input` in base64; `algorithm`; `format`: hex or base64"),
    responses((status = 200, description = "`data.sum`")))]
pub(super) async fn hash(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    members: Members,
) -> Result<Response, Failure> {
    digest(service, caller, id, None, members).await
}

/// The same with the algorithm in the path.
#[utoipa::path(method(post, put), path = "/v1/transit/hash/{algorithm}", tag = "transit engine",
    request_body(content = Object, description = "`input` in base64; `format`: hex or base64"),
    params(("algorithm" = String, Path, description = "The hash")),
    responses((status = 200, description = "`data.sum`")))]
pub(super) async fn hash_by(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    Path(algorithm): Path<String>,
    members: Members,
) -> Result<Response, Failure> {
    digest(service, caller, id, Some(algorithm), members).await
}

async fn digest(
    service: Shared,
    caller: avouch_core::gate::Caller,
    id: RequestId,
    by: Option<String>,
    mut members: Members,
) -> Result<Response, Failure> {
    let algorithm = match (by, members.text("algorithm")?) {
        (Some(one), Some(other)) if one != other => {
            return Err(Failure::fault("", "two hash algorithms are named: leave one out"));
        }
        (one, other) => one.or(other),
    };
    let algorithm = match algorithm {
        None => HashAlgorithm::default(),
        Some(name) => HashAlgorithm::parse(&name).map_err(Unfit::from)?,
    };
    let input = members.bytes("input")?.ok_or(Unfit::Refused("missing input"))?;
    let hexadecimal = hexadecimal(&mut members, true)?;
    members.end()?;
    let ready = perform(&service.app, &caller, Plain(Hash { algorithm, input })).await?.output;
    let sum = aside(|| ready.run()).await?;
    answer(id, json!({"sum": written(&sum, hexadecimal)}))
}

/// Whether bytes are to be written so.
fn hexadecimal(members: &mut Members, unless_said: bool) -> Result<bool, Unfit> {
    match members.text("format")?.as_deref() {
        None => Ok(unless_said),
        Some("hex") => Ok(true),
        Some("base64") => Ok(false),
        Some(_) => Err(Unfit::Malformed("format: it is hex or base64")),
    }
}

fn written(bytes: &[u8], hexadecimal: bool) -> String {
    if hexadecimal { HEXLOWER.encode(bytes) } else { BASE64.encode(bytes) }
}
