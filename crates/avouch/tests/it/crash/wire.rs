//! The wire to a database, which can be cut at the worst moment: after a commit went through, before its answer came.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// See the module.
pub(crate) struct Wire {
    /// The database by way of this wire.
    pub(crate) url: String,
    /// Cuts the next connection that sends a commit, once the database has answered it.
    pub(crate) cut_after_commit: Arc<AtomicBool>,
}

/// The message of the simple query protocol.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";
/// What the database answers.
const COMMITTED: &[u8] = b"COMMIT\0";

enum Next {
    Carry,
    Hold,
    Cut,
}

impl Wire {
    /// In front of `postgresql://user@host:port/database`.
    pub(crate) fn before(url: &str) -> Self {
        let (head, database) = url.rsplit_once('/').unwrap();
        let (head, address) = head.rsplit_once(['@', '/']).unwrap();
        let user = head.rsplit('/').next().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgresql://{user}@{}/{database}", listener.local_addr().unwrap());
        let cut_after_commit = Arc::new(AtomicBool::new(false));
        let (address, cut) = (address.to_owned(), Arc::clone(&cut_after_commit));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(&address).unwrap();
                let (near_again, far_again) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let committing = Arc::new(AtomicBool::new(false));
                let (cut, seen) = (Arc::clone(&cut), Arc::clone(&committing));
                std::thread::spawn(move || {
                    carry(near, far, |bytes| {
                        let commit = bytes.windows(COMMIT.len()).any(|window| window == COMMIT);
                        if commit && cut.swap(false, Ordering::SeqCst) {
                            seen.store(true, Ordering::SeqCst);
                        }
                        Next::Carry
                    });
                });
                // The answer to the commit goes no further, and neither does what comes with it.
                std::thread::spawn(move || {
                    carry(far_again, near_again, |bytes| {
                        let committed = bytes.windows(COMMITTED.len()).any(|window| window == COMMITTED);
                        match (committing.load(Ordering::SeqCst), committed) {
                            (false, _) => Next::Carry,
                            (true, false) => Next::Hold,
                            (true, true) => Next::Cut,
                        }
                    });
                });
            }
        });
        Self { url, cut_after_commit }
    }
}

/// Carries bytes one way until an end is closed or cut; then closes both.
fn carry(mut from: TcpStream, mut to: TcpStream, next: impl Fn(&[u8]) -> Next) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..length];
        match next(bytes) {
            Next::Carry if to.write_all(bytes).is_ok() => {}
            Next::Hold => {}
            Next::Carry | Next::Cut => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
