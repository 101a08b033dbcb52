//! Ctrl-C: the first asks the import to end after the chunks that are under way, the second ends the process. Neither loses or doubles a
//! row, since a chunk is stored whole or not at all and the server knows which it has.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Becomes true at the first Ctrl-C. If signals cannot be watched it stays false, and Ctrl-C ends the process.
pub(super) fn watch() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            if tokio::signal::ctrl_c().await.is_err() {
                return;
            }
            seen.store(true, Ordering::Relaxed);
            if tokio::signal::ctrl_c().await.is_ok() {
                process::exit(130);
            }
        });
    });
    stop
}
