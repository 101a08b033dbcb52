//! `/v1/backups`: making one, and which there are. A backup runs on a thread of its own; whoever asked is answered when it is
//! certain that it begins, and looks again to see how it ends.

use avouch_core::backup::{self as core, BackupError, Endings, Part, ReadBackups, Stores, Wanted};
use avouch_wire::{Backup, BackupRequest, BackupStore, BackupStores, Backups, ProblemKind, Restored};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::oneshot;

use crate::extract::{Caller, Json};
use crate::perform::perform;
use crate::problem::{Failure, internal};
use crate::render::{self, time};
use crate::service::Shared;

/// Shows which backups are known, and how far one is that is being made.
#[utoipa::path(get, path = "/v1/backups", tag = "backups",
    responses((status = 200, body = Backups, description = "The backups")))]
pub(super) async fn list(State(service): State<Shared>, Caller(caller): Caller) -> Result<Response, Failure> {
    let known = perform(&service.app, &caller, ReadBackups).await?.output;
    render::ok(&told(&service, known))
}

/// Begins a backup, sealed under the vault's keyring, into the folders that the server's configuration names.
///
/// Everything else goes on meanwhile. A file is read back before it counts.
#[utoipa::path(post, path = "/v1/backups", tag = "backups", request_body = BackupRequest,
    responses((status = 202, body = Backups, description = "It has begun")))]
pub(super) async fn make(
    State(service): State<Shared>,
    Caller(caller): Caller,
    Json(request, _): Json<BackupRequest>,
) -> Result<Response, Failure> {
    let stores = match request.stores.unwrap_or_default() {
        BackupStores::Both => Stores::Both,
        BackupStores::Data => Stores::Data,
        BackupStores::Keys => Stores::Keys,
    };
    let wanted = Wanted { stores, full: request.full.unwrap_or_default() };
    let (begun, begins) = oneshot::channel();
    let (app, by) = (service.app.clone(), caller.clone());
    tokio::task::spawn_blocking(move || {
        let mut begun = Some(begun);
        let mut answer = |answered: Result<(), Failure>| {
            // Once; and a caller that is gone does not want it.
            if let Some(begun) = begun.take() {
                drop(begun.send(answered));
            }
        };
        if let Err(error) = app.back_up(&by, wanted, || answer(Ok(()))) {
            answer(Err(failure(error)));
        }
    });
    begins.await.map_err(|_| internal())??;
    let known = perform(&service.app, &caller, ReadBackups).await?.output;
    render::json(StatusCode::ACCEPTED, &told(&service, known))
}

fn told(service: &Shared, known: core::Known) -> Backups {
    self::known(known, service.app.backup_state())
}

/// What is known of backups, as it is told.
#[must_use]
pub fn known(known: core::Known, state: core::State) -> Backups {
    Backups {
        backups: known.backups.into_iter().map(one).collect(),
        keys_end: known.keys_end.map(time),
        running: state.running,
        failed: state.failed,
        warning: state.warning,
        restored: known.restored.into_iter().map(restored).collect(),
    }
}

fn one(row: core::Backup) -> Backup {
    let store = match row.part() {
        Part::Data => BackupStore::Data,
        Part::Keys => BackupStore::Keys,
    };
    let (until, base, bytes) = (row.until.map(time), row.base, row.bytes);
    Backup { store, sequence: row.sequence, made: time(row.made), until, base, bytes }
}

fn restored(restored: core::Restored) -> Restored {
    let replayed = restored.replayed.unwrap_or_default();
    Restored {
        at: time(restored.at),
        data_made: restored.data_made.map(time),
        keys_made: restored.keys_made.map(time),
        endings_stated: restored.endings == Endings::Stated,
        subjects: replayed.people,
        erased: restored.erased,
        lost: replayed.lost,
    }
}

/// What keeps a backup from beginning. What happens to one that has begun is told by its state.
fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::Other(error) => error.into(),
        error => Failure::new(ProblemKind::Conflict, error.to_string()),
    }
}
