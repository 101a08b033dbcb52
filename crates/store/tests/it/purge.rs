//! What was deleted is on the disk no more.

use std::path::Path;
use std::sync::mpsc;

use avouch_store::{Error, Store, params, statements};
use avouch_testkit::{Kind, Place};

use super::{COUNT_KEYS, PUT_KEY, SCHEMA};

statements! {
    keys DROP_KEY = "delete from secret where id = ?1";
}

/// Scattered, so that pages split in the middle.
fn number(index: i64) -> i64 {
    (index * 7919) % 100_003
}

fn wrapped(index: i64) -> String {
    format!("<wrapped key of {index:>6}, long enough to be told from any other, and as long as a real one>")
}

fn purge(store: &Store) -> Result<bool, Error> {
    let (sender, receiver) = mpsc::channel();
    store.purge(move |result| sender.send(result).expect("the test listens"));
    receiver.recv().expect("a purge is answered")
}

fn on_disk(place: &Place, index: i64) -> bool {
    let keys = place.files().keys;
    let log = keys.with_extension("db-wal");
    let needle = wrapped(index);
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    };
    holds(&keys) || holds(&log)
}

fn fill(store: &Store, keys: i64) {
    for first in (0..keys).step_by(50) {
        store
            .write_wait(move |tx| {
                (first..keys.min(first + 50))
                    .try_for_each(|index| tx.put(&PUT_KEY, params![number(index), wrapped(index).as_bytes()]))
            })
            .expect("written");
    }
}

#[test]
fn a_deleted_key_is_neither_in_the_file_nor_in_its_log() {
    let place = Place::new(Kind::Sqlite);
    let store = place.open(SCHEMA).expect("opens");
    fill(&store, 400);
    for index in (0..400).step_by(10) {
        store.write_wait(move |tx| tx.execute(&DROP_KEY, params![number(index)])).expect("deleted");
    }
    assert_eq!(purge(&store), Ok(true));
    let left: Vec<i64> = (0..400).step_by(10).filter(|index| on_disk(&place, *index)).collect();
    assert_eq!(left, [0i64; 0], "deleted keys that are still there");
    assert!(on_disk(&place, 1), "the search finds what is there");
}

#[test]
fn a_reader_that_stays_prevents_a_purge_but_not_the_writes() {
    let place = Place::new(Kind::Sqlite);
    let store = place.open(SCHEMA).expect("opens");
    fill(&store, 1);
    let (release, gate) = mpsc::channel::<()>();
    let (started, running) = mpsc::channel();
    store.read(
        move |tx| {
            tx.first(&COUNT_KEYS, &[], |row| row.int(0))?;
            started.send(()).expect("the test listens");
            gate.recv().map_err(|_| Error::Closed)
        },
        |_| {},
    );
    running.recv().expect("the reader has its snapshot");
    store.write_wait(|tx| tx.execute(&DROP_KEY, params![number(0)])).expect("deleted");
    let (sender, purged) = mpsc::channel();
    store.purge(move |result| sender.send(result).expect("the test listens"));
    store.write_wait(|tx| tx.put(&PUT_KEY, params![5i64, &b"new"[..]])).expect("written meanwhile");
    assert!(purged.try_recv().is_err(), "the write did not have to wait for the purge to be given up");
    assert_eq!(purged.recv(), Ok(Ok(false)));
    assert!(on_disk(&place, 0));
    release.send(()).expect("the reader waits");
    assert_eq!(purge(&store), Ok(true));
    assert!(!on_disk(&place, 0));
}

#[test]
fn a_purge_asked_for_by_an_answer_is_answered_and_one_after_the_end_refused() {
    let place = Place::new(Kind::Sqlite);
    let store = std::sync::Arc::new(place.open(SCHEMA).expect("opens"));
    let (sender, receiver) = mpsc::channel();
    let inner = std::sync::Arc::clone(&store);
    store.write(
        |tx| tx.put(&PUT_KEY, params![1i64, &b"key"[..]]),
        move |_: Result<(), Error>| {
            inner.purge(move |result| sender.send(result).expect("the test listens"));
        },
    );
    assert_eq!(receiver.recv(), Ok(Ok(true)));
    store.close();
    // The writer may still be about to end; what it finds then is purged, what comes later is refused.
    assert!(matches!(purge(&store), Ok(true) | Err(Error::Closed)));
    assert_eq!(purge(&store), Err(Error::Closed));
}

#[test]
fn postgresql_has_nothing_to_purge_here() {
    let place = Place::new(Kind::Postgres);
    assert_eq!(purge(&place.open(SCHEMA).expect("opens")), Ok(true));
}
