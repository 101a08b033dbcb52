//! `/v1/transit/hmac`, `sign` and `verify`. The algorithm may stand at the end of the path.

use avouch_core::transit::{
    Given, HashAlgorithm, Hidden, Hmac, HmacItem, Marshaling, Sign, SignItem, SignatureForm, Stamped, Unfit,
    Verify, VerifyHmac, VerifyHmacItem, VerifyItem,
};
use axum::response::Response;
use serde_json::Value;

use super::batch::{Asked, Batch, Failing, Shown, shown};
use super::members::Members;
use super::work::version;
use crate::problem::Failure;

/// Makes the MAC of `input`, or of the items of `batch_input`.
#[utoipa::path(method(post, put), path = "/v1/transit/hmac/{name}", tag = "transit engine",
    request_body(content = Object, description = "`input` in base64, or `batch_input`; `algorithm`; `key_version`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.hmac` or `data.batch_results`")))]
pub(super) async fn hmac(asked: Asked, members: Members) -> Result<Response, Failure> {
    make_macs(asked, members).await
}

/// The same with the algorithm in the path.
#[utoipa::path(method(post, put), path = "/v1/transit/hmac/{name}/{algorithm}", tag = "transit engine",
    request_body(content = Object, description = "`input` in base64, or `batch_input`; `key_version`"),
    params(("name" = String, Path, description = "The key"), ("algorithm" = String, Path, description = "The hash")),
    responses((status = 200, description = "`data.hmac` or `data.batch_results`")))]
pub(super) async fn hmac_by(asked: Asked, members: Members) -> Result<Response, Failure> {
    make_macs(asked, members).await
}

async fn make_macs(mut asked: Asked, mut members: Members) -> Result<Response, Failure> {
    let (hash, version) = (hash(&mut members, asked.algorithm.take())?, version(&mut members)?);
    let batch = Batch::read(members, |members| Ok(HmacItem { input: input(members)?, version }))?;
    let show = |made: Stamped| shown([("hmac", made.text.as_str().into())]);
    asked.use_key(batch, Failing::Item, |items| Hmac { hash, items }, show).await
}

/// Signs `input`, or the items of `batch_input`.
#[utoipa::path(method(post, put), path = "/v1/transit/sign/{name}", tag = "transit engine",
    request_body(content = Object, description = "`input` in base64, or `batch_input`; `hash_algorithm`, `prehashed`, `marshaling_algorithm`, `key_version`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.signature` or `data.batch_results`")))]
pub(super) async fn sign(asked: Asked, members: Members) -> Result<Response, Failure> {
    make_signatures(asked, members).await
}

/// The same with the algorithm in the path.
#[utoipa::path(method(post, put), path = "/v1/transit/sign/{name}/{algorithm}", tag = "transit engine",
    request_body(content = Object, description = "`input` in base64, or `batch_input`; `prehashed`, `marshaling_algorithm`, `key_version`"),
    params(("name" = String, Path, description = "The key"), ("algorithm" = String, Path, description = "The hash")),
    responses((status = 200, description = "`data.signature` or `data.batch_results`")))]
pub(super) async fn sign_by(asked: Asked, members: Members) -> Result<Response, Failure> {
    make_signatures(asked, members).await
}

async fn make_signatures(mut asked: Asked, mut members: Members) -> Result<Response, Failure> {
    let (form, prehashed) = form(&mut members, asked.algorithm.take())?;
    let version = version(&mut members)?;
    let batch = Batch::read(members, |members| {
        no_context(members)?;
        Ok(SignItem { input: input(members)?, version })
    })?;
    let show = |made: Stamped| -> Shown {
        shown([("signature", made.text.as_str().into()), ("key_version", Value::from(made.version))])
    };
    asked.use_key(batch, Failing::Item, |items| Sign { form, prehashed, items }, show).await
}

/// Says whether a `signature` or an `hmac` of `input` is of this key, or those of `batch_input`.
#[utoipa::path(method(post, put), path = "/v1/transit/verify/{name}", tag = "transit engine",
    request_body(content = Object, description = "`input` in base64 and `signature` or `hmac`, or `batch_input`; the rest as for sign and hmac"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.valid` or `data.batch_results`")))]
pub(super) async fn verify(asked: Asked, members: Members) -> Result<Response, Failure> {
    check(asked, members).await
}

/// The same with the algorithm in the path.
#[utoipa::path(method(post, put), path = "/v1/transit/verify/{name}/{algorithm}", tag = "transit engine",
    request_body(content = Object, description = "`input` in base64 and `signature` or `hmac`, or `batch_input`; the rest as for sign and hmac"),
    params(("name" = String, Path, description = "The key"), ("algorithm" = String, Path, description = "The hash")),
    responses((status = 200, description = "`data.valid` or `data.batch_results`")))]
pub(super) async fn verify_by(asked: Asked, members: Members) -> Result<Response, Failure> {
    check(asked, members).await
}

async fn check(mut asked: Asked, mut members: Members) -> Result<Response, Failure> {
    let show = |valid: bool| shown([("valid", valid.into())]);
    // All items are of one sort, and the first says which.
    if members.first_has("hmac") {
        let hash = hash(&mut members, asked.algorithm.take())?;
        let batch = Batch::read(members, |members| {
            Ok(VerifyHmacItem { input: input(members)?, mac: claimed(members, "hmac")? })
        })?;
        return asked.use_key(batch, Failing::Item, |items| VerifyHmac { hash, items }, show).await;
    }
    let (form, prehashed) = form(&mut members, asked.algorithm.take())?;
    let batch = Batch::read(members, |members| {
        no_context(members)?;
        Ok(VerifyItem { input: input(members)?, signature: claimed(members, "signature")? })
    })?;
    asked.use_key(batch, Failing::Item, |items| Verify { form, prehashed, items }, show).await
}

fn input(members: &mut Members) -> Given<Hidden<Vec<u8>>> {
    members.bytes("input")?.ok_or(Unfit::Refused("missing input"))
}

fn claimed(members: &mut Members, name: &'static str) -> Given<Hidden<String>> {
    let missing = Unfit::Refused("missing what is to be verified: the signature, or the hmac, of each item");
    members.text(name)?.map(Hidden::from).ok_or(missing)
}

fn no_context(members: &mut Members) -> Given<()> {
    members.refuse("context", "keys that sign have none for each context: leave `context` out")
}

/// The hash algorithm, by whichever of its names; where two are said they have to be the same.
fn hash(members: &mut Members, by: Option<String>) -> Given<HashAlgorithm> {
    let said = [by, members.text("hash_algorithm")?, members.text("algorithm")?];
    let mut said = said.into_iter().flatten();
    let Some(first) = said.next() else { return Ok(HashAlgorithm::default()) };
    if said.any(|other| other != first) {
        return Err(Unfit::Refused("two hash algorithms are named: leave one out"));
    }
    HashAlgorithm::parse(&first).map_err(Unfit::from)
}

/// The form of signatures, and whether the inputs are digests.
fn form(members: &mut Members, by: Option<String>) -> Given<(SignatureForm, bool)> {
    let of_rsa = "there are no RSA keys here: leave `signature_algorithm` and `salt_length` out";
    members.refuse("signature_algorithm", of_rsa)?;
    members.refuse("salt_length", of_rsa)?;
    let hash = hash(members, by)?;
    let marshaling = match members.text("marshaling_algorithm")?.as_deref() {
        None | Some("asn1") => Marshaling::Asn1,
        Some("jws") => Marshaling::Jws,
        Some(_) => return Err(Unfit::Malformed("marshaling algorithm: it is asn1 or jws")),
    };
    Ok((SignatureForm { hash, marshaling }, members.flag("prehashed")?.unwrap_or_default()))
}
