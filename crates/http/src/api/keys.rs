//! `/v1/keys`: the vault's own keys, their rotation, and the seals around them.

use std::sync::Arc;

use avouch_core::app::App;
use avouch_core::keys::{
    self, BeginDrill, FinishDrill, ReadKeys, RotateDataKeys, RotateKek, SealRole, SealingError,
};
use avouch_wire::keys::{self as wire, IndexKeys, KekEpoch, KeyGeneration, SealState};
use avouch_wire::{
    DrillAnswer, DrillRequest, DrillStarted, Drilled, KeyState, ProblemKind, RecoveryRequest, RecoveryShares,
    Resealed, Retire, RetireRequest, Retired, Rotate, RotateRequest, Rotation,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};

use crate::extract::{Caller, Json};
use crate::perform::{answered, apart, perform};
use crate::problem::Failure;
use crate::render::{self, time};
use crate::service::Shared;

/// Shows which keys there are; never a key.
#[utoipa::path(get, path = "/v1/keys", tag = "keys",
    responses((status = 200, body = KeyState, description = "The keys' state")))]
pub(super) async fn state(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let keys = perform(&service.app, &caller, ReadKeys).await?.output;
    let counts = answered(|answer| service.app.count_keys(answer)).await?;
    let newest = keys.kek_epochs.iter().copied().max();
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let epoch = |epoch: &u64| KekEpoch {
        epoch: small(*epoch),
        current: Some(*epoch) == newest,
        subject_keys: counts.by_epoch.get(epoch).copied().unwrap_or_default(),
    };
    let generation = |(generation, subject_keys): (&u64, &u64)| KeyGeneration {
        generation: small(*generation),
        current: *generation == keys.data_generation,
        subject_keys: *subject_keys,
    };
    render::ok(&KeyState {
        kek_epochs: keys.kek_epochs.iter().map(epoch).collect(),
        generations: counts.by_generation.iter().map(generation).collect(),
        subject_keys: counts.by_epoch.values().sum(),
        indexes: IndexKeys {
            epochs: keys.index_epochs,
            outstanding: keys.indexes_outstanding,
            done: keys.indexes_done,
            subjects: keys.subjects,
        },
        token_epochs: keys.token_epochs,
        seals: keys.seals.into_iter().map(seal).collect(),
        keyring_generation: keys.generation,
        pending_erasures: keys.pending_erasures,
        kek_due: keys.kek_due.map(time),
        horizon: keys.horizon.map(time),
    })
}

fn seal(state: keys::SealState) -> SealState {
    SealState {
        slot: state.slot,
        role: match state.role {
            SealRole::Primary => wire::SealRole::Primary,
            SealRole::Recovery => wire::SealRole::Recovery,
        },
        kind: state.kind,
        made: time(state.made),
        drilled: state.drilled.map(time),
        demo: state.demo,
        beside_data: state.beside_data,
    }
}

/// Begins a rotation of keys.
///
/// New keys are used from now on. What is under older ones is brought over in the background, while everything else goes on; `GET
/// /v1/keys` tells how far it is. When nothing needs an old key any more, it is destroyed.
#[utoipa::path(post, path = "/v1/keys/rotate", tag = "keys", request_body = RotateRequest,
    responses((status = 202, body = Rotation, description = "It has begun")))]
pub(super) async fn rotate(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<RotateRequest>,
) -> Result<Response, Failure> {
    let epoch = match request.what {
        Rotate::Kek => perform(&service.app, &caller, RotateKek).await?.output,
        Rotate::Data => perform(&service.app, &caller, RotateDataKeys).await?.output,
        Rotate::Index => asking_the_seal(&service, move |app| app.rotate_indexes(&caller)).await?,
        Rotate::Token => asking_the_seal(&service, move |app| app.rotate_tokens(&caller)).await?,
    };
    render::json(StatusCode::ACCEPTED, &Rotation { what: request.what, epoch })
}

/// Forgets the older token roots.
///
/// Pointers that were made under them, and tokens that were computed from values under them, do not open any more.
#[utoipa::path(post, path = "/v1/keys/retire", tag = "keys", request_body = RetireRequest,
    responses((status = 200, body = Retired, description = "They are forgotten")))]
pub(super) async fn retire(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<RetireRequest>,
) -> Result<Response, Failure> {
    let roots = match request.what {
        Retire::Token => asking_the_seal(&service, move |app| app.retire_tokens(&caller)).await?,
    };
    render::ok(&Retired { what: request.what, roots })
}

/// Does what asks the primary seal, which may be a device, on a thread of its own.
async fn asking_the_seal<T: Send + 'static>(
    service: &Shared,
    work: impl FnOnce(Arc<App>) -> Result<T, SealingError> + Send + 'static,
) -> Result<T, Failure> {
    let app = service.app.clone();
    apart(move || work(app).map_err(sealing)).await
}

/// Begins a drill: hands out what a seal wraps, and a challenge.
///
/// Whoever keeps the seal unwraps the key with it, where they are, and answers the challenge with it. Neither the seal nor the key
/// travels.
#[utoipa::path(post, path = "/v1/keys/drills", tag = "keys", request_body = DrillRequest,
    responses((status = 200, body = DrillStarted, description = "To be answered within eight hours")))]
pub(super) async fn drill(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<DrillRequest>,
) -> Result<Response, Failure> {
    let drill = perform(&service.app, &caller, BeginDrill { slot: request.slot }).await?.output;
    render::ok(&DrillStarted {
        slot: drill.slot.slot,
        kind: drill.slot.kind,
        vault: HEXLOWER.encode(&drill.vault),
        generation: drill.slot.generation,
        wrapped: BASE64.encode(&drill.slot.wrapped),
        challenge: BASE64.encode(&drill.challenge),
    })
}

/// Ends a drill with the answer to its challenge. What it proves is kept with the seal.
#[utoipa::path(post, path = "/v1/keys/drills/answer", tag = "keys", request_body = DrillAnswer,
    responses((status = 200, body = Drilled, description = "The seal opens")))]
pub(super) async fn answer(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<DrillAnswer>,
) -> Result<Response, Failure> {
    let operation = FinishDrill {
        slot: request.slot.clone(),
        challenge: bytes("/challenge", &request.challenge)?,
        answer: bytes("/answer", &request.answer)?,
    };
    let drilled = perform(&service.app, &caller, operation).await?.output;
    render::ok(&Drilled { slot: request.slot, drilled: time(drilled) })
}

fn bytes(pointer: &str, text: &str) -> Result<[u8; 32], Failure> {
    let decoded = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    decoded.ok_or_else(|| Failure::fault(pointer, "expected 32 bytes in base64"))
}

/// Replaces the primary seal by the one that the server's configuration names as the next.
#[utoipa::path(post, path = "/v1/keys/reseal", tag = "keys",
    responses((status = 200, body = Resealed, description = "The vault is opened by the new seal from now on")))]
pub(super) async fn reseal(
    State(service): State<Shared>,
    Caller(caller): Caller,
) -> Result<Response, Failure> {
    let app = service.app.clone();
    let kind = apart(move || {
        let none = || Err("the server was given none".to_owned());
        let next = || service.next_seal.as_ref().map_or_else(none, |next| next());
        app.reseal(&caller, next).map_err(sealing)
    })
    .await?;
    render::ok(&Resealed { kind: kind.as_str().to_owned() })
}

/// Replaces all seals for recovery by new shares, each sealed to its custodian.
///
/// The key of the keyring is replaced with them: what older seals wrapped opens nothing that is stored from now on.
#[utoipa::path(post, path = "/v1/keys/recovery", tag = "keys", request_body = RecoveryRequest,
    responses((status = 200, body = RecoveryShares, description = "The shares; they are kept nowhere")))]
pub(super) async fn recovery(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<RecoveryRequest>,
) -> Result<Response, Failure> {
    let app = service.app.clone();
    let made = apart(move || {
        let RecoveryRequest { threshold, custodians } = request;
        app.replace_recovery_by_shares(&caller, threshold, &custodians).map_err(sealing)
    })
    .await?;
    let set = BASE32_NOPAD.encode(&made.set).to_ascii_lowercase();
    render::ok(&RecoveryShares { set, threshold: made.threshold, shares: made.shares })
}

/// A seal that did not do its work is the operator's to mend; the text names the seal and no secret.
fn sealing(error: SealingError) -> Failure {
    match error {
        SealingError::Other(error) => error.into(),
        error => Failure::new(ProblemKind::Conflict, error.to_string()),
    }
}
