//! `/v1/transit/encrypt`, `decrypt`, `rewrap` and `datakey`.

use avouch_core::transit::{
    Bound, DataKeyLength, Decrypt, DecryptItem, Encrypt, EncryptItem, Given, Hidden, MakeDataKey, Rewrap,
    RewrapItem, Stamped, Unfit, WrapDataKey,
};
use axum::response::Response;
use data_encoding::BASE64;
use serde_json::Value;

use super::batch::{Asked, Batch, Failing, Shown, shown};
use super::envelope::answer;
use super::keys::NO_CONVERGENCE;
use super::members::Members;
use crate::api::no_such_route;
use crate::extract::Path;
use crate::problem::Failure;

/// Encrypts `plaintext`, or the items of `batch_input`. No key is made for it.
#[utoipa::path(method(post, put), path = "/v1/transit/encrypt/{name}", tag = "transit engine",
    request_body(content = Object, description = "`plaintext`, `context`, `associated_data` in base64; `key_version`; or `batch_input`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.ciphertext` or `data.batch_results`; 400 when an item failed")))]
pub(super) async fn encrypt(asked: Asked, mut members: Members) -> Result<Response, Failure> {
    members.refuse("convergent_encryption", NO_CONVERGENCE)?;
    // Of the key that an engine would make if there were none.
    members.text("type")?;
    let batch = Batch::read(members, |members| {
        let plaintext = members.bytes("plaintext")?.ok_or(Unfit::Refused("missing plaintext to encrypt"))?;
        Ok(EncryptItem { plaintext, version: version(members)?, bound: bound(members)? })
    })?;
    asked.use_key(batch, Failing::Answer, Encrypt, stamped).await
}

/// Decrypts `ciphertext`, or the items of `batch_input`. The event is durable before a plaintext leaves.
#[utoipa::path(method(post, put), path = "/v1/transit/decrypt/{name}", tag = "transit engine",
    request_body(content = Object, description = "`ciphertext`; `context`, `associated_data` in base64; or `batch_input`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.plaintext` or `data.batch_results`; 400 when an item failed")))]
pub(super) async fn decrypt(asked: Asked, members: Members) -> Result<Response, Failure> {
    let batch = Batch::read(members, |members| {
        let ciphertext = ciphertext(members)?;
        // What was answered to an encryption is given back whole.
        if version(members)?.is_some_and(|version| !ciphertext.starts_with(&format!("vault:v{version}:"))) {
            return Err(Unfit::Refused("`key_version` is not that of the ciphertext: leave it out"));
        }
        Ok(DecryptItem { ciphertext, bound: bound(members)? })
    })?;
    asked
        .use_key(batch, Failing::Answer, Decrypt, |made| shown([("plaintext", BASE64.encode(&made).into())]))
        .await
}

/// Encrypts anew what was encrypted, with a newer version of the key. Nothing is shown.
#[utoipa::path(method(post, put), path = "/v1/transit/rewrap/{name}", tag = "transit engine",
    request_body(content = Object, description = "`ciphertext`; `context`, `associated_data` in base64; `key_version`; or `batch_input`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.ciphertext` or `data.batch_results`")))]
pub(super) async fn rewrap(asked: Asked, members: Members) -> Result<Response, Failure> {
    let batch = Batch::read(members, |members| {
        let ciphertext = ciphertext(members)?;
        Ok(RewrapItem { ciphertext, version: version(members)?, bound: bound(members)? })
    })?;
    asked.use_key(batch, Failing::Item, Rewrap, stamped).await
}

/// Makes a random key to encrypt with elsewhere: in both forms (`plaintext`), or encrypted only (`wrapped`).
#[utoipa::path(method(post, put), path = "/v1/transit/datakey/{form}/{name}", tag = "transit engine",
    request_body(content = Object, description = "`bits`: 128, 256 or 512; `context`, `associated_data` in base64; `key_version`"),
    params(("form" = String, Path, description = "`plaintext` or `wrapped`"), ("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data.ciphertext`, and `data.plaintext` if asked for")))]
pub(super) async fn data_key(
    asked: Asked,
    Path(form): Path<String>,
    mut members: Members,
) -> Result<Response, Failure> {
    let length = match members.number("bits")? {
        None => DataKeyLength::default(),
        Some(bits) => DataKeyLength::from_bits(bits).map_err(Unfit::from)?,
    };
    let (bound, version) = (bound(&mut members)?, version(&mut members)?);
    members.end()?;
    let data = match form.as_str() {
        "wrapped" => stamped(only(asked.done(WrapDataKey::new(length, bound, version)).await?)?),
        "plaintext" => {
            let (plaintext, made) = only(asked.done(MakeDataKey::new(length, bound, version)).await?)?;
            let mut data = stamped(made);
            data.insert("plaintext".to_owned(), BASE64.encode(&plaintext).into());
            data
        }
        _ => return Err(no_such_route().await),
    };
    answer(asked.id, data)
}

/// What came of the one item there was.
fn only<T>(mut made: Vec<Given<T>>) -> Result<T, Failure> {
    Ok(made.pop().unwrap_or(Err(Unfit::Failed))?)
}

fn stamped(made: Stamped) -> Shown {
    shown([("ciphertext", made.text.as_str().into()), ("key_version", Value::from(made.version))])
}

fn ciphertext(members: &mut Members) -> Given<Hidden<String>> {
    let missing = Unfit::Refused("missing ciphertext to decrypt");
    members.text("ciphertext")?.map(Hidden::from).ok_or(missing)
}

/// 0 is the latest.
pub(super) fn version(members: &mut Members) -> Given<Option<u32>> {
    Ok(members.number("key_version")?.filter(|version| *version != 0))
}

fn bound(members: &mut Members) -> Given<Bound> {
    members.refuse("nonce", "nonces are drawn here and never taken from a caller: leave `nonce` out")?;
    let nothing = || Vec::new().into();
    Ok(Bound {
        context: members.bytes("context")?.unwrap_or_else(nothing),
        associated_data: members.bytes("associated_data")?.unwrap_or_else(nothing),
    })
}
