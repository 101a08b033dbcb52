//! What only a server can do to us: refuse at the commit, deadlock across two databases, vanish.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use avouch_store::{Error, PostgresOptions, Store, Tx, params, statements};
use avouch_testkit::{Kind, Place};

use super::{PUT, PUT_KEY, PUT_OR_ADD, SCHEMA, count, put};

statements! {
    data SETTING = "select current_setting(?1)";
    data TRANSACTION = "select cast(cast(pg_current_xact_id() as text) as bigint)";
}

const KILL_ALL: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
     where application_name = 'avouch' and pid <> pg_backend_pid() and datname = current_database()";
const KILL_CLAIM: &str = "select pg_terminate_backend(l.pid, 1000) from pg_locks l \
     join pg_database d on d.oid = l.database and d.datname = current_database() \
     where l.locktype = 'advisory' and l.objid::bigint = 7094138202 % 4294967296";

/// Keeps all writers but one busy and lets that one find `jobs` waiting, so that it runs them as a group.
fn as_one_group(store: &Store, jobs: impl FnOnce(&Store)) {
    let (started, running) = mpsc::channel();
    let gates: Vec<mpsc::Sender<()>> = (0..4)
        .map(|_| {
            let (release, gate) = mpsc::channel::<()>();
            let started = started.clone();
            store.write(
                move |_| {
                    let _ = started.send(());
                    let _ = gate.recv();
                    Ok::<_, Error>(())
                },
                |_: Result<(), Error>| {},
            );
            running.recv().expect("a writer takes it");
            release
        })
        .collect();
    jobs(store);
    drop(gates);
}

#[test]
fn a_late_refusal_hits_only_the_operation_that_earned_it() {
    let place = Place::new(Kind::Postgres);
    let store = place.open(SCHEMA).expect("opens");
    store.write_wait(|tx| tx.put(&PUT, params![1i64, 1i64])).expect("written");
    let (sender, receiver) = mpsc::channel();
    as_one_group(&store, |store| {
        for id in 1..=8i64 {
            let sender = sender.clone();
            store.write(
                move |tx| tx.put(&PUT, params![id, id]),
                move |result: Result<(), Error>| sender.send((id, result)).expect("the test listens"),
            );
        }
    });
    let mut answers: Vec<_> = receiver.iter().take(8).collect();
    answers.sort_by_key(|(id, _)| *id);
    assert_eq!(answers[0], (1, Err(Error::Unique("PUT"))));
    assert!(answers[1..].iter().all(|(_, result)| result.is_ok()), "{answers:?}");
    assert_eq!(count(&store).0, 8);
}

#[test]
fn a_write_apart_is_alone_and_sees_what_is_committed() {
    let place = Place::new(Kind::Postgres);
    let store = place.open(SCHEMA).expect("opens");
    let (sender, receiver) = mpsc::channel();
    as_one_group(&store, |store| {
        for (id, apart) in [(1i64, false), (2, true), (3, false)] {
            let sender = sender.clone();
            let closure = move |tx: &mut Tx<'_>| {
                tx.put(&PUT, params![id, id])?;
                let isolation =
                    tx.first(&SETTING, params!["transaction_isolation"], |row| Ok(row.text(0)?.to_owned()))?;
                Ok::<_, Error>((isolation, tx.first(&TRANSACTION, params![], |row| row.int(0))?))
            };
            let done = move |seen: Result<_, Error>| sender.send((id, seen)).expect("the test listens");
            if apart { store.write_apart(closure, done) } else { store.write(closure, done) }
        }
    });
    let mut seen: Vec<_> = receiver.iter().take(3).map(|(id, seen)| (id, seen.expect("written"))).collect();
    seen.sort_by_key(|(id, _)| *id);
    let isolation: Vec<_> =
        seen.iter().map(|(_, (isolation, _))| isolation.as_deref().expect("it is set")).collect();
    assert_eq!(isolation, ["serializable", "read committed", "serializable"]);
    let transaction: Vec<_> = seen.iter().map(|(_, (_, transaction))| *transaction).collect();
    assert!(transaction[0] == transaction[2] && transaction[0] != transaction[1], "{transaction:?}");
}

#[test]
fn a_deadlock_across_the_two_databases_ends() {
    let place = Place::new(Kind::Postgres);
    let store = place.open(SCHEMA).expect("opens");
    store.write_wait(|tx| tx.put(&PUT, params![1i64, 1i64])).expect("written");
    let (sender, receiver) = mpsc::channel();
    let (first_holds, second_waits) = mpsc::channel();
    let (second_holds, first_waits) = mpsc::channel();
    // Each holds one lock before it asks for the other's; when run again, nobody is waited for.
    let meet = |holds: mpsc::Sender<()>, waits: mpsc::Receiver<()>| {
        move || {
            let _ = holds.send(());
            let _ = waits.recv_timeout(Duration::from_millis(300));
        }
    };
    let (first, second) = (meet(first_holds, first_waits), meet(second_holds, second_waits));
    let done = sender.clone();
    store.write(
        move |tx| {
            tx.execute(&PUT_OR_ADD, params![1i64, 1i64])?;
            first();
            tx.execute(&PUT_KEY, params![1i64, &b"a"[..]]).map(drop)
        },
        move |result: Result<(), Error>| done.send(result).expect("the test listens"),
    );
    store.write(
        move |tx| {
            tx.execute(&PUT_KEY, params![1i64, &b"b"[..]])?;
            second();
            tx.execute(&PUT_OR_ADD, params![1i64, 1i64]).map(drop)
        },
        move |result: Result<(), Error>| sender.send(result).expect("the test listens"),
    );
    let answers: Vec<_> =
        (0..2).map(|_| receiver.recv_timeout(Duration::from_secs(30)).expect("it ends")).collect();
    // Both insert the same key: one gets it, the other is told.
    assert!(answers.contains(&Ok(())), "{answers:?}");
    assert!(answers.contains(&Err(Error::Unique("PUT_KEY"))), "{answers:?}");
    assert_eq!(count(&store), (1, 1));
}

#[test]
fn a_lost_connection_is_replaced_and_the_write_repeated() {
    let place = Place::new(Kind::Postgres);
    let store = place.open(SCHEMA).expect("opens");
    store.write_wait(|tx| put(tx, 1)).expect("written");
    place.meddle(false, "", KILL_ALL);
    for id in 2..12 {
        store.write_wait(move |tx| put(tx, id)).expect("written on a new connection");
    }
    assert_eq!(count(&store), (11, 11));
}

#[test]
fn a_write_that_waits_for_nothing_survives_a_lost_connection_too() {
    let place = Place::new(Kind::Postgres);
    let store = place.open(SCHEMA).expect("opens");
    // Every writer has the statement prepared, so that the loss shows at the commit and not before.
    as_one_group(&store, |_| {});
    for id in 1..40i64 {
        store.write_wait(move |tx| tx.put(&PUT, params![id, id])).expect("written");
    }
    place.meddle(false, "", KILL_ALL);
    for id in 40..60i64 {
        store.write_wait(move |tx| tx.put(&PUT, params![id, id])).expect("written on a new connection");
    }
    assert_eq!(count(&store).0, 59);
}

#[test]
fn a_second_process_on_the_same_database_is_refused() {
    let place = Place::new(Kind::Postgres);
    let first = place.open(SCHEMA).expect("opens");
    assert_eq!(place.open(SCHEMA).err(), Some(Error::Open("another avouch serves this database".to_owned())));
    drop(first);
    place.open(SCHEMA).expect("opens once the first is gone");
}

#[test]
fn who_lost_the_claim_to_another_writes_no_more() {
    let place = Place::new(Kind::Postgres);
    let first = place.open(SCHEMA).expect("opens");
    // The first looks once a second and regains the claim if it is faster.
    let second = (0..20)
        .find_map(|_| {
            place.meddle(false, "", KILL_CLAIM);
            place.open(SCHEMA).ok()
        })
        .expect("a second process gets the claim");
    let started = Instant::now();
    let mut next = 100i64;
    let refusal = loop {
        let id = next;
        match first.write_wait(move |tx| put(tx, id)) {
            Ok(()) => assert!(started.elapsed() < Duration::from_secs(20), "the first is never fenced"),
            Err(error) => break error,
        }
        next += 1;
    };
    assert_eq!(refusal, Error::Unavailable("another avouch may serve this database".to_owned()));
    let before = count(&second).0;
    second.write_wait(|tx| put(tx, 1)).expect("the second serves");
    drop(second);
    assert!(first.write_wait(|tx| put(tx, 2)).is_err(), "what the first remembers may be out of date");
    let third = Place::open(&place, SCHEMA).expect("the claim is free again");
    assert_eq!(count(&third).0, before + 1);
}

#[test]
fn silence_after_the_commit_is_unknown_and_not_unavailable() {
    let place = Place::new(Kind::Postgres);
    let (data, keys) = place.urls().expect("a server");
    let relay = Relay::start(data);
    let options = PostgresOptions {
        data: relay.url.clone(),
        keys: keys.clone(),
        workers: 1,
        queue: 16,
        retry_for: Duration::from_secs(10),
    };
    let store = Store::open_postgres(&options, SCHEMA, 1).expect("opens");
    store.write_wait(|tx| tx.put(&PUT, params![1i64, 1i64])).expect("written");
    relay.cut.store(true, Ordering::SeqCst);
    let answer = store.write_wait(|tx| tx.put(&PUT, params![2i64, 2i64]));
    assert!(matches!(answer, Err(Error::Unknown(_))), "{answer:?}");
    store.write_wait(|tx| tx.put(&PUT, params![3i64, 3i64])).expect("written on a new connection");
    assert_eq!(count(&store).0, 3, "what was unknown had happened");
}

#[test]
fn a_claim_held_by_our_own_dead_connection_is_regained() {
    let place = Place::new(Kind::Postgres);
    let (data, keys) = place.urls().expect("a server");
    let relay = Relay::start(data);
    let options = PostgresOptions {
        data: relay.url.clone(),
        keys: keys.clone(),
        workers: 1,
        queue: 16,
        retry_for: Duration::from_secs(10),
    };
    let store = Store::open_postgres(&options, SCHEMA, 1).expect("opens");
    relay.part();
    // Long enough for the keeper to have looked.
    let started = Instant::now();
    let mut id = 0i64;
    while started.elapsed() < Duration::from_secs(3) {
        id += 1;
        store.write_wait(move |tx| tx.put(&PUT, params![id, id])).expect("written, if after a while");
    }
    assert_eq!(count(&store).0, id);
    let refused = place.open(SCHEMA).err();
    assert_eq!(refused, Some(Error::Open("another avouch serves this database".to_owned())));
}

/// Passes bytes between the store and the server. While `cut` is set, the next `commit` still reaches the server, but
/// neither its answer nor those before it in the same flight come back: the connection ends instead.
struct Relay {
    url: String,
    cut: Arc<AtomicBool>,
    clients: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    fn start(url: &str) -> Self {
        let (before, rest) = url.split_once('@').expect("user@host");
        let (server, database) = rest.split_once('/').expect("host/database");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let cut = Arc::new(AtomicBool::new(false));
        let (flag, server) = (Arc::clone(&cut), server.to_owned());
        let clients = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&clients);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).expect("the test server answers");
                known.lock().expect("not poisoned").push(client.try_clone().expect("clones"));
                let flag = Arc::clone(&flag);
                std::thread::spawn(move || relay(client, server, &flag));
            }
        });
        Self { url: format!("{before}@{address}/{database}"), cut, clients }
    }

    /// Ends all connections for the store, while the server believes that they live.
    fn part(&self) {
        for client in self.clients.lock().expect("not poisoned").drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

fn relay(client: TcpStream, server: TcpStream, cut: &AtomicBool) {
    let silent = Arc::new(AtomicBool::new(false));
    let (mut from_server, mut to_client) =
        (server.try_clone().expect("clones"), client.try_clone().expect("clones"));
    let hush = Arc::clone(&silent);
    let back = std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from_server.read(&mut buffer) {
            if hush.load(Ordering::SeqCst) {
                // The server has answered; the client will not learn what.
                break;
            }
            if to_client.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        drop(to_client.shutdown(Shutdown::Both));
        drop(from_server.shutdown(Shutdown::Both));
    });
    let (mut from_client, mut to_server) = (client, server);
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from_client.read(&mut buffer) {
        let commits = buffer[..count].windows(7).any(|window| window == b"commit\0");
        if commits && cut.swap(false, Ordering::SeqCst) {
            silent.store(true, Ordering::SeqCst);
        }
        if to_server.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // The server is not told that the client is gone: its side lives until it ends it.
    drop(back.join());
}
