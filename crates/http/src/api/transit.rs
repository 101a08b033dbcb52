//! `/v1/transit-keys`: standalone keys, which applications use by name. The same keys answer to the clients of transit engines, see
//! `compat`; this is the way that says what is missing, takes no member that it does not know, and has tokens of a format.

pub(super) mod work;

use avouch_core::app::Once;
use avouch_core::transit::{
    ConfigureKey, CountryCode, CreateKey, DeleteKey, Format, KeyName, KeyView, ListKeys, Luhn, ReadKey,
    RotateKey, TransitKind as Kind, TrimKey, YearSpan,
};
use avouch_wire::{
    Page, PageQuery, TransitDeleted, TransitKey, TransitKeyCreate, TransitKeyListed, TransitKeyPatch,
    TransitKind, TransitRotated, TransitTrim, TransitVersion,
};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::extract::{Caller, Json, Path, idempotency_key};
use crate::page::{Cursor, List, Paging};
use crate::perform::{aside, perform};
use crate::problem::Failure;
use crate::render::{self, time};
use crate::service::Shared;

/// Makes a key. One of this name that is of the same kind is left as it is, so a repeat is harmless.
#[utoipa::path(post, path = "/v1/transit-keys", tag = "transit", request_body = TransitKeyCreate,
    responses(
        (status = 201, body = TransitKey, description = "Made"),
        (status = 200, body = TransitKey, description = "It was there, of the same kind"),
    ))]
pub(in crate::api) async fn create(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<TransitKeyCreate>,
) -> Result<Response, Failure> {
    let operation = CreateKey { name: request.name.parse()?, kind: kind(&request)? };
    let made = perform(&service.app, &caller, operation).await?.output;
    let status = if made.existed { StatusCode::OK } else { StatusCode::CREATED };
    render::json(status, &rendered(made.view))
}

/// Lists the keys that your roles name, by name.
#[utoipa::path(get, path = "/v1/transit-keys", tag = "transit", params(PageQuery),
    responses((status = 200, body = Page<TransitKeyListed>, description = "A page")))]
pub(in crate::api) async fn list(
    State(service): State<Shared>,
    Caller(caller): Caller,
    paging: Paging,
) -> Result<Response, Failure> {
    let operation = ListKeys { after: paging.after_name(List::TransitKeys)?, limit: paging.limit };
    let listed = perform(&service.app, &caller, operation).await?.output;
    let items = listed.items.into_iter().map(|key| TransitKeyListed { name: key.name, kind: key.kind });
    let next_cursor = listed.next.map(|next| Cursor::name(List::TransitKeys, next.as_str()));
    render::ok(&Page { items: items.collect(), next_cursor })
}

/// Shows what is known of a key; never the key.
#[utoipa::path(get, path = "/v1/transit-keys/{name}", tag = "transit",
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitKey, description = "The key")))]
pub(in crate::api) async fn read(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
) -> Result<Response, Failure> {
    let ready = perform(&service.app, &caller, ReadKey { name }).await?.output;
    render::ok(&rendered(aside(|| ready.view()).await?))
}

/// Changes what a key may be used for; what is not named stays.
#[utoipa::path(patch, path = "/v1/transit-keys/{name}", tag = "transit",
    request_body(content((TransitKeyPatch = "application/merge-patch+json"), (TransitKeyPatch = "application/json"))),
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitKey, description = "The key as it is now")))]
pub(in crate::api) async fn update(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(request, _): Json<TransitKeyPatch>,
) -> Result<Response, Failure> {
    let operation = ConfigureKey {
        name,
        min_decryption: request.min_decryption_version,
        min_encryption: request.min_encryption_version,
        deletion_allowed: request.deletion_allowed,
    };
    render::ok(&rendered(perform(&service.app, &caller, operation).await?.output))
}

/// Destroys a key, when its configuration allows it. What it made is nobody's to open any more.
#[utoipa::path(delete, path = "/v1/transit-keys/{name}", tag = "transit",
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitDeleted, description = "Gone")))]
pub(in crate::api) async fn delete(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
) -> Result<Response, Failure> {
    perform(&service.app, &caller, DeleteKey { name: name.clone() }).await?;
    render::ok(&TransitDeleted { name: name.into(), deleted: true })
}

/// Adds a version to a key, which is used from now on. The ones before still open what they made.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/rotate", tag = "transit",
    params(
        ("name" = String, Path, description = "The key"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat within 24 hours the same act"),
    ),
    responses((status = 200, body = TransitRotated, description = "The new version")))]
pub(in crate::api) async fn rotate(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let key = idempotency_key(&headers, &format!("POST /v1/transit-keys/{name}/rotate"), &[])?;
    let operation = RotateKey { name: name.clone() };
    let latest_version = perform(&service.app, &caller, Once { operation, key }).await?.output;
    render::ok(&TransitRotated { name: name.into(), latest_version })
}

/// Destroys the versions of a key before one. What they made is nobody's to open any more.
#[utoipa::path(post, path = "/v1/transit-keys/{name}/trim", tag = "transit", request_body = TransitTrim,
    params(("name" = String, Path, description = "The key")),
    responses((status = 200, body = TransitKey, description = "The key as it is now")))]
pub(in crate::api) async fn trim(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Path(name): Path<KeyName>,
    Json(request, _): Json<TransitTrim>,
) -> Result<Response, Failure> {
    let operation = TrimKey { name, min_available: request.min_available_version };
    render::ok(&rendered(perform(&service.app, &caller, operation).await?.output))
}

/// The kind that is asked for, with what belongs to it and nothing else.
fn kind(request: &TransitKeyCreate) -> Result<Kind, Failure> {
    let TransitKeyCreate { derived, luhn_valid, country_code, first_year, last_year, .. } = request;
    let kind = match request.kind {
        TransitKind::Aes256Gcm96 => Kind::Aes256Gcm { derived: derived.unwrap_or_default() },
        TransitKind::Ed25519 => Kind::Ed25519,
        TransitKind::EcdsaP256 => Kind::EcdsaP256,
        TransitKind::EcdsaP384 => Kind::EcdsaP384,
        TransitKind::Hmac => Kind::Hmac,
        TransitKind::Digits => Kind::Format(Format::Digits),
        TransitKind::Alphanumeric => Kind::Format(Format::Alphanumeric),
        TransitKind::Card if *luhn_valid == Some(true) => Kind::Format(Format::Card(Luhn::Valid)),
        TransitKind::Card => Kind::Format(Format::Card(Luhn::Invalid)),
        TransitKind::Phone => {
            let code = country_code.as_deref().map(CountryCode::parse).and_then(Result::ok);
            let expected =
                || Failure::fault("/country_code", "expected a country's code without `+`, such as `49`");
            Kind::Format(Format::Phone(code.ok_or_else(expected)?))
        }
        TransitKind::Date => {
            let span = YearSpan::new(
                first_year.unwrap_or_else(|| YearSpan::WHOLE.first()),
                last_year.unwrap_or_else(|| YearSpan::WHOLE.last()),
            );
            let expected = "expected years from 1 to 9999 that span a million days, which is 2738 years";
            Kind::Format(Format::Date(span.map_err(|_| Failure::fault("/first_year", expected))?))
        }
    };
    let foreign = [
        ("/derived", derived.is_some() && request.kind != TransitKind::Aes256Gcm96),
        ("/luhn_valid", luhn_valid.is_some() && request.kind != TransitKind::Card),
        ("/country_code", country_code.is_some() && request.kind != TransitKind::Phone),
        ("/first_year", first_year.is_some() && request.kind != TransitKind::Date),
        ("/last_year", last_year.is_some() && request.kind != TransitKind::Date),
    ];
    match foreign.into_iter().find(|(_, given)| *given) {
        None => Ok(kind),
        Some((pointer, _)) => Err(Failure::fault(pointer, "this does not belong to the kind: leave it out")),
    }
}

fn rendered(view: KeyView) -> TransitKey {
    let mut key = TransitKey {
        name: view.name.into(),
        kind: TransitKind::Hmac,
        derived: None,
        luhn_valid: None,
        country_code: None,
        first_year: None,
        last_year: None,
        latest_version: view.latest,
        min_available_version: view.min_available,
        min_decryption_version: view.min_decryption,
        min_encryption_version: view.min_encryption,
        deletion_allowed: view.deletion_allowed,
        versions: view
            .versions
            .into_iter()
            .map(|version| TransitVersion {
                version: version.number,
                created: time(version.created),
                public_key: version.public.map(|key| key.to_pem()),
            })
            .collect(),
    };
    key.kind = match view.kind {
        Kind::Aes256Gcm { derived } => {
            key.derived = Some(derived);
            TransitKind::Aes256Gcm96
        }
        Kind::Ed25519 => TransitKind::Ed25519,
        Kind::EcdsaP256 => TransitKind::EcdsaP256,
        Kind::EcdsaP384 => TransitKind::EcdsaP384,
        Kind::Hmac => TransitKind::Hmac,
        Kind::Format(Format::Digits) => TransitKind::Digits,
        Kind::Format(Format::Alphanumeric) => TransitKind::Alphanumeric,
        Kind::Format(Format::Card(luhn)) => {
            key.luhn_valid = Some(luhn == Luhn::Valid);
            TransitKind::Card
        }
        Kind::Format(Format::Phone(country)) => {
            key.country_code = Some(country.number().to_string());
            TransitKind::Phone
        }
        Kind::Format(Format::Date(span)) => {
            (key.first_year, key.last_year) = (Some(span.first()), Some(span.last()));
            TransitKind::Date
        }
    };
    key
}
