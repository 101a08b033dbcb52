//! `/v1/transit/keys`: making, reading, changing and ending keys.

use avouch_core::transit::{
    ConfigureKey, CreateKey, DeleteKey, KeyName, KeyView, ListKeys, MAX_KEYS, ReadKey, RotateKey,
    TransitKind, TrimKey, Unfit, VersionView, kind_name,
};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::envelope::{answer, answer_with, done, in_use, nothing_there};
use super::members::Members;
use crate::extract::{Caller, Path};
use crate::perform::{aside, perform};
use crate::problem::Failure;
use crate::query::Listing;
use crate::render::time;
use crate::service::{RequestId, Shared};

/// Lists the names of keys, with `?list=true` or by the method `LIST`: those that your roles name.
#[utoipa::path(get, path = "/v1/transit/keys", tag = "transit engine",
    params(("list" = bool, Query, description = "True; a plain GET is nothing here")),
    responses((status = 200, description = "`data.keys`; 404 when there are none")))]
pub(super) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    _: Listing,
) -> Result<Response, Failure> {
    let limit = usize::try_from(MAX_KEYS).unwrap_or(usize::MAX);
    let listed = perform(&service.app, &caller, ListKeys { after: None, limit }).await?.output;
    if listed.items.is_empty() {
        return nothing_there();
    }
    let keys: Vec<String> = listed.items.into_iter().map(|key| key.name).collect();
    answer(id, json!({"keys": keys}))
}

/// The same by a method that is no extractor's to know.
pub(super) async fn list_all(State(service): State<Shared>, request: Request) -> Result<Response, Failure> {
    let mut parts = request.into_parts().0;
    let caller = Caller::from_request_parts(&mut parts, &service).await?;
    let id = RequestId::from_request_parts(&mut parts, &service).await?;
    list(State(service), caller, id, Listing).await
}

/// Makes a key. One of this name that is of the same kind is left as it is.
#[utoipa::path(method(post, put), path = "/v1/transit/keys/{name}", tag = "transit engine",
    request_body(content = Object, description = "`type`: aes256-gcm96, ed25519, ecdsa-p256, ecdsa-p384 or hmac; `derived`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data` is what is known of the key")))]
pub(super) async fn create(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    Path(name): Path<String>,
    mut members: Members,
) -> Result<Response, Failure> {
    // Of a key that is there a wrong name is none; of one that is to be made it has to be said.
    let name = name.parse()?;
    let kind = kind(&mut members)?;
    members.end()?;
    let made = perform(&service.app, &caller, CreateKey { name, kind }).await?.output;
    let warning = made.existed.then_some("there was a key of this name already, and it is left as it was");
    answer_with(id, StatusCode::OK, described(made.view), warning)
}

fn kind(members: &mut Members) -> Result<TransitKind, Unfit> {
    members.refuse("convergent_encryption", NO_CONVERGENCE)?;
    members.refuse("exportable", NO_EXPORT)?;
    members.refuse("allow_plaintext_backup", NO_EXPORT)?;
    members.refuse("auto_rotate_period", NO_AUTOMATIC_ROTATION)?;
    let derived = members.flag("derived")?.unwrap_or_default();
    let kind = match members.text("type")?.as_deref() {
        None | Some("aes256-gcm96") => return sized(members, TransitKind::Aes256Gcm { derived }),
        Some("ed25519") => TransitKind::Ed25519,
        Some("ecdsa-p256") => TransitKind::EcdsaP256,
        Some("ecdsa-p384") => TransitKind::EcdsaP384,
        Some("hmac") => TransitKind::Hmac,
        Some(_) => {
            return Err(Unfit::Refused(
                "there is no such type of key here: choose aes256-gcm96, ed25519, ecdsa-p256, ecdsa-p384 or hmac",
            ));
        }
    };
    if derived {
        return Err(Unfit::Refused("only aes256-gcm96 has keys for each context: leave `derived` out"));
    }
    sized(members, kind)
}

/// Keys have one size.
fn sized(members: &mut Members, kind: TransitKind) -> Result<TransitKind, Unfit> {
    match members.number("key_size")? {
        None | Some(0) => Ok(kind),
        Some(32) if kind == TransitKind::Hmac => Ok(kind),
        Some(_) => Err(Unfit::Refused("keys have one size, an hmac key 32 bytes: leave `key_size` out")),
    }
}

pub(super) const NO_CONVERGENCE: &str =
    "nothing is encrypted convergently here: leave `convergent_encryption` out";
const NO_EXPORT: &str = "keys never leave: leave `exportable` and `allow_plaintext_backup` out";
const NO_AUTOMATIC_ROTATION: &str = "keys are rotated when they are told to: leave `auto_rotate_period` out";

/// Shows what is known of a key; never the key.
#[utoipa::path(get, path = "/v1/transit/keys/{name}", tag = "transit engine",
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data` is what is known of the key")))]
pub(super) async fn read(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    Path(name): Path<KeyName>,
) -> Result<Response, Failure> {
    let ready = match perform(&service.app, &caller, ReadKey { name }).await {
        Err(failure) if failure.problem().kind == avouch_wire::ProblemKind::NotFound => {
            return nothing_there();
        }
        read => read?.output,
    };
    answer(id, described(aside(|| ready.view()).await?))
}

/// Destroys a key, when its configuration allows it.
#[utoipa::path(delete, path = "/v1/transit/keys/{name}", tag = "transit engine",
    params(("name" = String, Path, description = "The key")),
    responses((status = 204, description = "Gone")))]
pub(super) async fn delete(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
) -> Result<Response, Failure> {
    perform(&service.app, &caller, DeleteKey { name }).await.map_err(in_use)?;
    Ok(done())
}

/// Changes what a key may be used for.
#[utoipa::path(method(post, put), path = "/v1/transit/keys/{name}/config", tag = "transit engine",
    request_body(content = Object, description = "`min_decryption_version`, `min_encryption_version`, `deletion_allowed`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data` is what is known of the key")))]
pub(super) async fn configure(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    Path(name): Path<KeyName>,
    mut members: Members,
) -> Result<Response, Failure> {
    members.refuse("exportable", NO_EXPORT)?;
    members.refuse("allow_plaintext_backup", NO_EXPORT)?;
    members.refuse("auto_rotate_period", NO_AUTOMATIC_ROTATION)?;
    let operation = ConfigureKey {
        name,
        // Versions count from 1.
        min_decryption: members.number("min_decryption_version")?.map(|version| version.max(1)),
        min_encryption: members.number("min_encryption_version")?,
        deletion_allowed: members.flag("deletion_allowed")?,
    };
    members.end()?;
    let view = perform(&service.app, &caller, operation).await.map_err(in_use)?.output;
    answer(id, described(view))
}

/// Adds a version to a key, which is used from now on.
#[utoipa::path(method(post, put), path = "/v1/transit/keys/{name}/rotate", tag = "transit engine",
    params(("name" = String, Path, description = "The key")),
    responses((status = 204, description = "Done")))]
pub(super) async fn rotate(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    members: Members,
) -> Result<Response, Failure> {
    members.end()?;
    perform(&service.app, &caller, RotateKey { name }).await.map_err(in_use)?;
    Ok(done())
}

/// Destroys the versions of a key before one.
#[utoipa::path(method(post, put), path = "/v1/transit/keys/{name}/trim", tag = "transit engine",
    request_body(content = Object, description = "`min_available_version`"),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, description = "`data` is what is known of the key")))]
pub(super) async fn trim(
    State(service): State<Shared>,
    Caller(caller): Caller,
    id: RequestId,
    Path(name): Path<KeyName>,
    mut members: Members,
) -> Result<Response, Failure> {
    let missing = Unfit::Refused("say which version is the first that stays: `min_available_version`");
    let min_available = members.number("min_available_version")?.ok_or(missing)?;
    members.end()?;
    let operation = TrimKey { name, min_available };
    answer(id, described(perform(&service.app, &caller, operation).await.map_err(in_use)?.output))
}

/// A key in the words of an engine.
fn described(view: KeyView) -> Value {
    let (encrypts, derived) = match view.kind {
        TransitKind::Aes256Gcm { derived } => (true, derived),
        _ => (false, false),
    };
    let signs = view.versions.iter().any(|version| version.public.is_some());
    let keys: Map<String, Value> = view
        .versions
        .iter()
        .filter(|version| version.number >= view.min_decryption)
        .map(|version| (version.number.to_string(), described_version(view.kind, version)))
        .collect();
    json!({
        "name": view.name.as_str(),
        "type": kind_name(view.kind),
        "derived": derived,
        "deletion_allowed": view.deletion_allowed,
        "exportable": false,
        "allow_plaintext_backup": false,
        "imported_key": false,
        "auto_rotate_period": 0,
        "latest_version": view.latest,
        "min_available_version": if view.min_available == 1 { 0 } else { view.min_available },
        "min_decryption_version": view.min_decryption,
        "min_encryption_version": view.min_encryption,
        "supports_encryption": encrypts,
        "supports_decryption": encrypts,
        "supports_derivation": encrypts,
        "supports_signing": signs,
        "keys": keys,
    })
}

/// When it was made: in seconds, or in full beside what others verify with.
fn described_version(kind: TransitKind, version: &VersionView) -> Value {
    let Some(public) = &version.public else { return json!(version.created / 1_000_000) };
    let (name, public_key) = match kind {
        TransitKind::Ed25519 => ("ed25519", BASE64.encode(public.raw())),
        TransitKind::EcdsaP384 => ("P-384", public.to_pem()),
        _ => ("P-256", public.to_pem()),
    };
    json!({"name": name, "public_key": public_key, "creation_time": time(version.created)})
}
