//! The use of keys: each item has a result of its own, in order.

use avouch_core::transit::{
    Bound, Decode, Decrypt, DecryptItem, Encode, Encrypt, EncryptItem, Given, HashAlgorithm, Hidden, Hmac,
    HmacItem, KeyName, Marshaling, Plain, Random, Rewrap, RewrapItem, Sign, SignItem, SignatureForm, Unfit,
    UseKey, Verify, VerifyHmac, VerifyHmacItem, VerifyItem, Work,
};
use avouch_wire::{
    Secret, TransitDecode, TransitDecrypt, TransitEncode, TransitEncrypt, TransitHash, TransitHmac,
    TransitMarshaling, TransitRandom, TransitRandomBytes, TransitResponse, TransitResult, TransitRewrap,
    TransitSign, TransitVerify, TransitVerifyHmac,
};
use axum::extract::State;
use axum::response::Response;
use data_encoding::BASE64;

use super::super::batch::check_references;
use crate::extract::{Caller, Json, Path};
use crate::perform::{finished, perform};
use crate::problem::Failure;
use crate::render;
use crate::service::Shared;

/// Encrypts.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/encrypt", tag = "transit", request_body = TransitEncrypt,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn encrypt(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(TransitEncrypt { items, version }, _): Json<TransitEncrypt>,
) -> Result<Response, Failure> {
    let item = |item: avouch_wire::TransitPlaintext| {
        let bound = bound(item.context, item.associated_data);
        let given = bytes(&item.plaintext, "plaintext")
            .and_then(|plaintext| Ok(EncryptItem { plaintext, bound: bound?, version }));
        (item.reference, given)
    };
    let (references, items) = items.into_iter().map(item).unzip();
    answer(Asked { service, caller, name, references }, Encrypt(items), |made, result| {
        result.ciphertext = Some(secret(&made.text));
        result.version = Some(made.version);
    })
    .await
}

/// Decrypts. The event is durable before a plaintext leaves.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/decrypt", tag = "transit", request_body = TransitDecrypt,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn decrypt(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(TransitDecrypt { items }, _): Json<TransitDecrypt>,
) -> Result<Response, Failure> {
    let item = |item: avouch_wire::TransitCiphertext| {
        let bound = bound(item.context, item.associated_data);
        let given = bound.map(|bound| DecryptItem { ciphertext: item.ciphertext.0.into(), bound });
        (item.reference, given)
    };
    let (references, items) = items.into_iter().map(item).unzip();
    answer(Asked { service, caller, name, references }, Decrypt(items), |made, result| {
        result.plaintext = Some(Secret(BASE64.encode(&made)));
    })
    .await
}

/// Encrypts anew what was encrypted, with a newer version of the key. Nothing is shown.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/rewrap", tag = "transit", request_body = TransitRewrap,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn rewrap(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(TransitRewrap { items, version }, _): Json<TransitRewrap>,
) -> Result<Response, Failure> {
    let item = |item: avouch_wire::TransitCiphertext| {
        let bound = bound(item.context, item.associated_data);
        let given = bound.map(|bound| RewrapItem { ciphertext: item.ciphertext.0.into(), bound, version });
        (item.reference, given)
    };
    let (references, items) = items.into_iter().map(item).unzip();
    answer(Asked { service, caller, name, references }, Rewrap(items), |made, result| {
        result.ciphertext = Some(secret(&made.text));
        result.version = Some(made.version);
    })
    .await
}

/// Makes MACs. Every kind of key does.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/hmac", tag = "transit", request_body = TransitHmac,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn hmac(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(TransitHmac { items, hash, version }, _): Json<TransitHmac>,
) -> Result<Response, Failure> {
    let item = |item: avouch_wire::TransitInput| {
        let given = bytes(&item.input, "input").map(|input| HmacItem { input, version });
        (item.reference, given)
    };
    let (references, items) = items.into_iter().map(item).unzip();
    let work = Hmac { hash: algorithm(hash), items };
    answer(Asked { service, caller, name, references }, work, |made, result| {
        result.hmac = Some(secret(&made.text));
        result.version = Some(made.version);
    })
    .await
}

/// Says whether MACs are of this key.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/verify-hmac", tag = "transit", request_body = TransitVerifyHmac,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn verify_hmac(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(TransitVerifyHmac { items, hash }, _): Json<TransitVerifyHmac>,
) -> Result<Response, Failure> {
    let item = |item: avouch_wire::TransitMac| {
        let given =
            bytes(&item.input, "input").map(|input| VerifyHmacItem { input, mac: item.hmac.0.into() });
        (item.reference, given)
    };
    let (references, items) = items.into_iter().map(item).unzip();
    let work = VerifyHmac { hash: algorithm(hash), items };
    answer(Asked { service, caller, name, references }, work, |made, result| result.valid = Some(made)).await
}

/// Signs.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/sign", tag = "transit", request_body = TransitSign,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn sign(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(request, _): Json<TransitSign>,
) -> Result<Response, Failure> {
    let TransitSign { items, hash, marshaling, prehashed, version } = request;
    let item = |item: avouch_wire::TransitInput| {
        let given = bytes(&item.input, "input").map(|input| SignItem { input, version });
        (item.reference, given)
    };
    let (references, items) = items.into_iter().map(item).unzip();
    let work = Sign { form: form(hash, marshaling), prehashed: prehashed.unwrap_or_default(), items };
    answer(Asked { service, caller, name, references }, work, |made, result| {
        result.signature = Some(secret(&made.text));
        result.version = Some(made.version);
    })
    .await
}

/// Says whether signatures are of this key.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/verify", tag = "transit", request_body = TransitVerify,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn verify(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(TransitVerify { items, hash, marshaling, prehashed }, _): Json<TransitVerify>,
) -> Result<Response, Failure> {
    let item = |item: avouch_wire::TransitClaim| {
        let signature = item.signature.0.into();
        let given = bytes(&item.input, "input").map(|input| VerifyItem { input, signature });
        (item.reference, given)
    };
    let (references, items) = items.into_iter().map(item).unzip();
    let work = Verify { form: form(hash, marshaling), prehashed: prehashed.unwrap_or_default(), items };
    answer(Asked { service, caller, name, references }, work, |made, result| result.valid = Some(made)).await
}

/// Puts tokens of the same form in the place of values: the same one for the same value.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/encode", tag = "transit", request_body = TransitEncode,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn encode(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(TransitEncode { items }, _): Json<TransitEncode>,
) -> Result<Response, Failure> {
    let item = |item: avouch_wire::TransitValue| (item.reference, Ok(item.value.0.into()));
    let (references, items) = items.into_iter().map(item).unzip();
    answer(Asked { service, caller, name, references }, Encode(items), |made, result| {
        result.token = Some(secret(&made));
    })
    .await
}

/// Puts the values in the place of such tokens. The event is durable before a value leaves.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/decode", tag = "transit", request_body = TransitDecode,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitResponse, description = "A result or a problem for each item")))]
pub(in crate::api) async fn decode(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(TransitDecode { items }, _): Json<TransitDecode>,
) -> Result<Response, Failure> {
    let item = |item: avouch_wire::TransitToken| (item.reference, Ok(item.token.0.into()));
    let (references, items) = items.into_iter().map(item).unzip();
    answer(Asked { service, caller, name, references }, Decode(items), |made, result| {
        result.value = Some(secret(&made));
    })
    .await
}

/// Draws random bytes.
#[utoipa::path(post, path = "/v1/random", tag = "transit", request_body = TransitRandom,
    responses((status = 200, body = TransitRandomBytes, description = "The bytes")))]
pub(in crate::api) async fn random(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<TransitRandom>,
) -> Result<Response, Failure> {
    let bytes = usize::try_from(request.bytes).unwrap_or(usize::MAX);
    let drawn = perform(&service.app, &caller, Plain(Random(bytes))).await?.output.run()?;
    render::ok(&TransitRandomBytes { bytes: Secret(BASE64.encode(&drawn)) })
}

/// Who asks what of which key, and what they call their items.
struct Asked {
    service: Shared,
    caller: avouch_core::gate::Caller,
    name: KeyName,
    references: Vec<Option<String>>,
}

/// Has the work done; `show` writes down what came of an item.
async fn answer<W: Work>(
    asked: Asked,
    work: W,
    show: impl Fn(W::Made, &mut TransitResult),
) -> Result<Response, Failure> {
    let Asked { service, caller, name, references } = asked;
    check_references(references.iter().map(Option::as_deref))?;
    let done = perform(&service.app, &caller, UseKey::new(name, work)?).await?;
    let made = finished(done.output).await?;
    let result = |(index, (reference, made)): (usize, (Option<String>, Given<W::Made>))| {
        let mut result = TransitResult { reference, index, ..TransitResult::default() };
        match made {
            Ok(made) => show(made, &mut result),
            Err(unfit) => {
                let problem = Failure::from(unfit).into_problem();
                service.metrics.count(&problem);
                result.problem = Some(problem);
            }
        }
        result
    };
    let items = references.into_iter().zip(made).enumerate().map(result).collect();
    render::ok(&TransitResponse { items, event: render::event_id(done.event) })
}

fn bytes(text: &Secret, name: &'static str) -> Given<Hidden<Vec<u8>>> {
    BASE64.decode(text.0.as_bytes()).map(Hidden::from).map_err(|_| Unfit::Malformed(name))
}

fn bound(context: Option<Secret>, associated_data: Option<Secret>) -> Given<Bound> {
    let part = |part: Option<Secret>, name| match part {
        Some(text) => bytes(&text, name),
        None => Ok(Vec::new().into()),
    };
    Ok(Bound {
        context: part(context, "context")?,
        associated_data: part(associated_data, "associated data")?,
    })
}

fn secret(text: &Hidden<String>) -> Secret {
    Secret(text.to_string())
}

fn algorithm(hash: Option<TransitHash>) -> HashAlgorithm {
    match hash.unwrap_or_default() {
        TransitHash::Sha256 => HashAlgorithm::Sha256,
        TransitHash::Sha384 => HashAlgorithm::Sha384,
        TransitHash::Sha512 => HashAlgorithm::Sha512,
    }
}

fn form(hash: Option<TransitHash>, marshaling: Option<TransitMarshaling>) -> SignatureForm {
    let marshaling = match marshaling.unwrap_or_default() {
        TransitMarshaling::Asn1 => Marshaling::Asn1,
        TransitMarshaling::Jws => Marshaling::Jws,
    };
    SignatureForm { hash: algorithm(hash), marshaling }
}
