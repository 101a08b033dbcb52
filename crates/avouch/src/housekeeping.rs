//! What a server does without being asked. Once an hour it lets go of what nobody may need any longer, replaces the
//! key-encryption key when that is old and makes a backup when it is time; and it goes on at once with a rotation of keys or
//! the building of an index that was begun, now or before a crash. All that may take hours, so what failed half-way while the
//! server was up has a thread of its own, and so has the log, which is signed while there is something new. The work of all is
//! operations in the store like any other; they end before the vault is closed.
//!
//! A round that fails is logged and tried again an hour later. Nothing may depend on a round having taken place: what has
//! expired is ignored from its moment on, whether it is still stored or not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use avouch_core::app::App;
use avouch_core::backup::Stores;
use avouch_core::gate::Caller;
use avouch_core::indexes::Built;
use avouch_core::keys::{Resealed, Rewrapped};

const PAUSE: Duration = Duration::from_secs(3600);
/// The longest between two looks for what was begun or has failed; for what was begun, mostly somebody rings first.
const TICK: Duration = Duration::from_secs(1);

/// After so long what is known of who looks at customers is kept. What a crash loses of it is read from the events again.
const WATCH: Duration = Duration::from_secs(60);

/// Between two looks for events without a place in the log. What is published is at most this old, and what it takes to do it.
const SIGNING: Duration = Duration::from_millis(500);

/// Looks between two tries to write into the copy of the list of erasures: a disk that is not there is not there at once.
const COPY_LOOKS: u32 = 60;

/// How often, and how long.
#[derive(Debug, Clone)]
pub(crate) struct Periods {
    /// Between two backups; 0: none are made.
    pub(crate) backup_hours: u32,
    /// For which events are kept; 0: for ever.
    pub(crate) keep_days: u32,
    /// Who has to have an event before it goes.
    pub(crate) receivers: Vec<String>,
}

/// The threads; they end at [`stop`](Self::stop).
#[derive(Debug)]
pub(crate) struct Housekeeping {
    app: Arc<App>,
    stopping: Arc<AtomicBool>,
    /// Their end is the sign for the other threads.
    going_on: [Sender<()>; 2],
    threads: [JoinHandle<()>; 3],
}

impl Housekeeping {
    /// The first round is done when this returns: a server that is restarted every hour has one too, and none meets
    /// its first requests.
    ///
    /// # Errors
    /// When there can be no threads.
    pub(crate) fn start(app: Arc<App>, periods: Periods) -> io::Result<Self> {
        round(&app, &periods);
        let stopping = Arc::new(AtomicBool::new(false));
        let (worked, stopped) = (Arc::clone(&app), Arc::clone(&stopping));
        let work = move || {
            let (mut last, mut kept) = (Instant::now(), Instant::now());
            backups(&worked, periods.backup_hours);
            let go_on = || !stopped.load(Ordering::Acquire);
            while go_on() {
                chores(&worked, go_on);
                if kept.elapsed() >= WATCH {
                    keep_watch(&worked);
                    kept = Instant::now();
                }
                if last.elapsed() >= PAUSE {
                    round(&worked, &periods);
                    backups(&worked, periods.backup_hours);
                    last = Instant::now();
                }
                worked.wait_for_chores(TICK);
            }
        };
        let (mending_goes_on, stopped) = channel();
        let mended = Arc::clone(&app);
        let mending =
            thread::Builder::new().name("mending".to_owned()).spawn(move || mend(&mended, &stopped))?;
        let (signing_goes_on, stopped) = channel();
        let signed = Arc::clone(&app);
        let signing = thread::Builder::new().name("log".to_owned()).spawn(move || sign(&signed, &stopped))?;
        let housekeeping = thread::Builder::new().name("housekeeping".to_owned()).spawn(work)?;
        let going_on = [mending_goes_on, signing_goes_on];
        Ok(Self { app, stopping, going_on, threads: [housekeeping, mending, signing] })
    }

    /// Waits for what is under way to come to a place where it can stop, and ends.
    pub(crate) fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        self.app.call_to_chores();
        drop(self.going_on);
        if self.threads.map(JoinHandle::join).iter().any(Result::is_err) {
            tracing::error!("housekeeping panicked");
        }
    }
}

/// What failed half-way, or may have, is done again until it succeeds.
fn mend(app: &Arc<App>, stopped: &Receiver<()>) {
    let mut looks = 0_u32;
    while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        looks = looks.wrapping_add(1);
        let copy = looks.is_multiple_of(COPY_LOOKS) && app.copy_pending();
        if (copy || app.erasures_pending())
            && let Err(error) = app.finish_erasures()
        {
            tracing::warn!(%error, "an erasure, or its line in the copy, is not through and is gone on with");
        }
        if app.keyring_pending()
            && let Err(error) = app.finish_keyring()
        {
            tracing::warn!(%error, "whether the keyring in memory is the stored one is looked at again");
        }
    }
}

/// Gives events their place in the log, and signs what it has come to; once more at the end.
fn sign(app: &Arc<App>, stopped: &Receiver<()>) {
    let (mut failing, mut alarmed) = (false, false);
    loop {
        let last = stopped.recv_timeout(SIGNING) != Err(RecvTimeoutError::Timeout);
        match app.sequence().and_then(|_| app.publish()) {
            Ok(_) => failing = false,
            // Every half second would be too often to say it.
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, "the log could not be gone on with; it is tried again and again");
            }
            Err(_) => {}
        }
        if app.unwitnessed_for_too_long() != alarmed {
            alarmed = !alarmed;
            if alarmed {
                tracing::error!(
                    "the witnesses have not signed for too long: what happens now is proven by nobody else"
                );
            } else {
                tracing::info!("the witnesses have signed again");
            }
        }
        if last {
            return;
        }
    }
}

/// What was begun and is to be gone on with.
fn chores(app: &Arc<App>, go_on: impl Fn() -> bool) {
    if app.rewrap_pending() {
        rewrap(app, &go_on);
    }
    if app.reseal_pending() {
        reseal(app, &go_on);
    }
    if app.indexes_pending() {
        indexes(app, &go_on);
    }
    if let Err(error) = app.forget_destroyed_keys() {
        tracing::error!(%error, "keys that were destroyed are still in memory");
    }
}

fn keep_watch(app: &Arc<App>) {
    if let Err(error) = app.keep_watch() {
        tracing::warn!(%error, "what is known of who looks at customers was not kept; it is tried again in a minute");
    }
}

fn round(app: &Arc<App>, Periods { keep_days, receivers, .. }: &Periods) {
    match if *keep_days > 0 { app.prune_log(*keep_days, receivers) } else { Ok(0) } {
        Ok(0) => {}
        Ok(gone) => tracing::info!(gone, "events were kept long enough and are gone; their hashes stay"),
        Err(error) => {
            tracing::warn!(%error, "old events could not be let go of; it is tried again in an hour")
        }
    }
    match app.sweep() {
        Ok(forgotten) => tracing::debug!(forgotten, "outcomes kept for repeats have expired"),
        Err(error) => tracing::warn!(%error, "housekeeping failed; it is tried again in an hour"),
    }
    match app.rotate_kek_when_due() {
        Ok(true) => tracing::info!("the key-encryption key has been used long enough and is replaced"),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(%error, "the key-encryption key could not be replaced; it is tried again in an hour")
        }
    }
}

/// Removes backups that are kept no longer, and makes one when it is time.
fn backups(app: &Arc<App>, hours: u32) {
    if let Err(error) = app.tidy_backups() {
        tracing::error!(%error, "backups that are to be gone are still there");
    }
    if hours == 0 {
        return;
    }
    // A round comes hourly, give or take a little.
    let period = (i64::from(hours) * 60 - 5) * 60_000_000;
    match app.backup_due(period) {
        Ok(false) => {}
        Ok(true) => match app.back_up(&Caller::system(), Stores::Both, || ()) {
            Ok(made) => tracing::info!(files = made.len(), "a backup was made"),
            Err(error) => tracing::error!(%error, "a backup came to nothing; it is tried again in an hour"),
        },
        Err(error) => {
            tracing::warn!(%error, "whether a backup is due is not known; it is looked for in an hour")
        }
    }
}

fn rewrap(app: &Arc<App>, go_on: &impl Fn() -> bool) {
    match app.finish_rewrap(go_on) {
        Ok(Some(Rewrapped { rewrapped, destroyed, damaged })) => {
            tracing::info!(rewrapped, destroyed, damaged, "key-encryption keys were rotated");
        }
        Ok(None) => tracing::info!("a rotation of key-encryption keys goes on at the next start"),
        Err(error) => tracing::warn!(%error, "a rotation of key-encryption keys failed and is gone on with"),
    }
}

fn indexes(app: &Arc<App>, go_on: &impl Fn() -> bool) {
    match app.finish_indexes(go_on) {
        Ok(Some(Built { ready, dropped })) => tracing::info!(ready, dropped, "indexes were built"),
        Ok(None) => tracing::info!("the building of indexes goes on at the next start"),
        Err(error) => tracing::warn!(%error, "the building of indexes failed and is gone on with"),
    }
}

fn reseal(app: &Arc<App>, go_on: &impl Fn() -> bool) {
    match app.finish_reseal(go_on) {
        // Looked for at every start, and mostly not there.
        Ok(Some(done)) if done == Resealed::default() => {}
        Ok(Some(Resealed { people, destroyed, damaged })) => {
            tracing::info!(people, destroyed, damaged, "customers were sealed under new keys");
        }
        Ok(None) => tracing::info!("a rotation of customers' keys goes on at the next start"),
        Err(error) => tracing::warn!(%error, "a rotation of customers' keys failed and is gone on with"),
    }
}

#[cfg(test)]
mod tests;
