//! The claim of one process on a database: what a process holds in memory (principals, the charter) would not notice
//! another one's changes. An advisory lock on a connection of its own is looked at every second; while the claim is in
//! doubt no write is committed, and once another process was seen to hold it, none ever again by this one.
//!
//! What remains: between the loss of the lock and the next look, [`LOOK`] at most plus [`PATIENCE`] for a server that
//! does not answer, a second process can be served besides this one.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::Client;

use super::session;
use crate::{Error, Result};

/// How often the claim is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long the server may take to confirm it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often and how far apart the claim is tried at the start: a predecessor may be about to go.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// How the claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The lock is ours.
    Held,
    /// The connection that held the lock is gone; nobody else was seen with it.
    Doubtful,
    /// Another process holds the lock. Final: what this one remembers may be out of date.
    Taken,
}

/// A writer's view of the claim. The claim is kept until the last of them is dropped.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    standing: Arc<Shared>,
    /// Never sent on: its end tells the keeper that no writer is left.
    _writers: mpsc::Sender<()>,
}

impl Claim {
    pub(super) fn standing(&self) -> Standing {
        self.standing.load()
    }
}

/// What a write is told while the claim is not held.
pub(super) fn fenced() -> Error {
    Error::Unavailable("another avouch may serve this database".to_owned())
}

/// Claims the database of `url` and keeps the claim on a thread.
///
/// # Errors
/// [`Error::Open`] when another process holds it.
pub(super) fn take(url: &str) -> Result<(Claim, JoinHandle<()>)> {
    let runtime = session::runtime()?;
    let client = session::connect(&runtime, url)?;
    let unreadable =
        |error: tokio_postgres::Error| Error::Open(format!("claim: {}", session::describe(&error)));
    let held = runtime.block_on(async {
        for _ in 0..TRIES {
            if let Some(process) = lock(&client).await.map_err(unreadable)? {
                return Ok(process);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::Open("another avouch serves this database".to_owned()))
    })?;
    let standing = Arc::new(Shared::default());
    let (sender, writers) = mpsc::channel();
    let claim = Claim { standing: Arc::clone(&standing), _writers: sender };
    let keeper = Keeper { url: url.to_owned(), runtime, client, process: held, standing, writers };
    let thread = std::thread::Builder::new()
        .name("store-claim".to_owned())
        .spawn(move || keeper.keep())
        .map_err(|error| Error::Open(format!("cannot start a thread: {error}")))?;
    Ok((claim, thread))
}

#[derive(Debug, Default)]
struct Shared(AtomicU8);

impl Shared {
    fn load(&self) -> Standing {
        match self.0.load(Ordering::SeqCst) {
            0 => Standing::Held,
            1 => Standing::Doubtful,
            _ => Standing::Taken,
        }
    }

    fn store(&self, standing: Standing) {
        let code = match standing {
            Standing::Held => 0,
            Standing::Doubtful => 1,
            Standing::Taken => 2,
        };
        self.0.store(code, Ordering::SeqCst);
    }
}

struct Keeper {
    url: String,
    runtime: Runtime,
    client: Client,
    /// The server process that holds the lock for us.
    process: i32,
    standing: Arc<Shared>,
    writers: Receiver<()>,
}

impl Keeper {
    fn keep(mut self) {
        while self.writers.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            match self.standing.load() {
                Standing::Held if self.confirmed() => {}
                Standing::Held | Standing::Doubtful => self.regain(),
                Standing::Taken => {}
            }
        }
    }

    fn confirmed(&self) -> bool {
        let look = self.client.batch_execute("select 1");
        self.runtime.block_on(async { matches!(tokio::time::timeout(PATIENCE, look).await, Ok(Ok(()))) })
    }

    fn regain(&mut self) {
        self.standing.store(Standing::Doubtful);
        tracing::warn!("the claim on the database was lost; no write is committed until it is regained");
        let Ok(client) = session::connect(&self.runtime, &self.url) else { return };
        let regained = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, relock(&client, self.process)).await });
        match regained {
            Ok(Ok(Some(process))) => {
                (self.client, self.process) = (client, process);
                self.standing.store(Standing::Held);
                tracing::info!("the claim on the database was regained");
            }
            Ok(Ok(None)) => {
                self.standing.store(Standing::Taken);
                tracing::error!(
                    "another avouch serves this database: this one writes no more until it is restarted"
                );
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

impl Drop for Keeper {
    /// Without a keeper nobody would notice a loss.
    fn drop(&mut self) {
        if self.standing.load() == Standing::Held {
            self.standing.store(Standing::Doubtful);
        }
    }
}

/// Tries the lock; the server process that holds it now, when that is ours.
async fn lock(client: &Client) -> core::result::Result<Option<i32>, tokio_postgres::Error> {
    let row = client.query_one("select pg_try_advisory_lock(7094138202), pg_backend_pid()", &[]).await?;
    Ok(if row.try_get(0)? { Some(row.try_get(1)?) } else { None })
}

/// Like [`lock`]. After a network failure the server may not have noticed yet that `former`, our own earlier connection,
/// is gone: it is ended then, and the lock tried once more.
async fn relock(client: &Client, former: i32) -> core::result::Result<Option<i32>, tokio_postgres::Error> {
    if let Some(process) = lock(client).await? {
        return Ok(Some(process));
    }
    let ended = client
        .query(
            "select pg_terminate_backend(pid, 1000) from pg_locks where locktype = 'advisory' and granted \
             and pid = $1 and (classid::bigint << 32) + objid::bigint = 7094138202",
            &[&former],
        )
        .await?;
    if ended.is_empty() { Ok(None) } else { lock(client).await }
}
