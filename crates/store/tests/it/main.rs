//! The store seam on both engines: the same tests, the same answers.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on stops")]

mod postgres;
mod purge;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use avouch_store::{Ahead, Error, Migration, Store, Tx, params, statements};
use avouch_testkit::both_engines;

statements! {
    data PUT of note / 1 = "insert into note (id, body) values (?1, ?2)";
    data PUT_OR_ADD = "insert into note (id, body) values (?1, ?2) on conflict (id) do update set body = note.body + ?2";
    data BODY of note / 1 = "select body from note where id = ?1";
    data SET of note / 1 = "update note set body = ?2 where id = ?1";
    data SET_ANY = "update note set body = ?2 where id = ?1";
    data COUNT = "select count(*) from note";
    data NAME_IT = "insert into named (name) values (?1)";
    data NAMES = "select name from named where name > ?1 order by name";
    data BREAK_SAVEPOINT = "release operation";
    data ROLL_BACK = "rollback";
    keys PUT_KEY of secret / 1 = "insert into secret (id, wrapped) values (?1, ?2)";
    keys WRAPPED of secret / 1 = "select wrapped from secret where id = ?1";
    keys COUNT_KEYS = "select count(*) from secret";
}

const SCHEMA: &[Migration] = &[Migration {
    number: 1,
    name: "first",
    data: "create table note (id bigint primary key, body bigint not null);
        create table named (name text primary key);",
    keys: "create table secret (id bigint primary key, wrapped blob not null) without rowid;",
}];

fn count(store: &Store) -> (i64, i64) {
    store
        .write_wait(|tx| {
            let notes = tx.first(&COUNT, &[], |row| row.int(0))?;
            let keys = tx.first(&COUNT_KEYS, &[], |row| row.int(0))?;
            Ok::<_, Error>((notes.unwrap_or(-1), keys.unwrap_or(-1)))
        })
        .expect("counting works")
}

fn put(tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
    tx.execute(&PUT_KEY, params![id, &b"wrapped"[..]])?;
    tx.execute(&PUT, params![id, id]).map(drop)
}

both_engines! {
    fn every_statement_prepares(place) {
        let statements = STATEMENTS.iter().copied().filter(|statement| !["BREAK_SAVEPOINT", "ROLL_BACK"].contains(&statement.name)).collect();
        place.open(SCHEMA).expect("opens").prepare_all(statements).expect("all statements prepare");
    }

    fn texts_are_in_the_order_of_their_bytes(place) {
        let store = place.open(SCHEMA).expect("opens");
        let names = store.write_wait(|tx| {
            for name in ["b", "a", "a-c", "ab", "B", "\u{e4}", ""] {
                tx.execute(&NAME_IT, params![name])?;
            }
            tx.query(&NAMES, params![""], |row| Ok(row.text(0)?.to_owned()))
        });
        assert_eq!(names.expect("read"), ["B", "a", "a-c", "ab", "b", "\u{e4}"]);
    }

    fn writes_survive_a_reopening(place) {
        let store = place.open(SCHEMA).expect("opens");
        store.write_wait(|tx| put(tx, 1)).expect("written");
        drop(store);
        let store = place.open(SCHEMA).expect("opens again");
        assert_eq!(count(&store), (1, 1));
        let body = store.read_wait(|tx| tx.first(&BODY, params![1i64], |row| row.int(0)));
        assert_eq!(body, Ok(Some(1)));
    }

    fn a_failing_closure_takes_only_its_own_writes_with_it(place) {
        let store = place.open(SCHEMA).expect("opens");
        let (sender, receiver) = mpsc::channel();
        for id in 0..40 {
            let sender = sender.clone();
            store.write(
                move |tx| {
                    put(tx, id)?;
                    if id % 4 == 3 { Err(Error::Open("refused on purpose".to_owned())) } else { Ok(()) }
                },
                move |result: Result<(), Error>| sender.send(result.is_ok()).expect("the test listens"),
            );
        }
        let kept = receiver.iter().take(40).filter(|ok| *ok).count();
        assert_eq!(kept, 30);
        assert_eq!(count(&store), (30, 30));
    }

    fn what_is_read_ahead_is_never_older_than_the_own_group(place) {
        let store = place.open(SCHEMA).expect("opens");
        for (note, set) in [(1i64, &SET), (2, &SET_ANY)] {
            store.write_wait(move |tx| tx.put(&PUT, params![note, 0i64])).expect("written");
            let (sender, receiver) = mpsc::channel();
            for _ in 0..60 {
                let sender = sender.clone();
                store.write_ahead(
                    move |wants| wants.push(Ahead::new(&BODY, params![note])),
                    move |tx| {
                        let body = tx.first(&BODY, params![note], |row| row.int(0))?.expect("it is there");
                        // Once more in the middle, with one that is known and one that is not.
                        tx.read_ahead(|| vec![Ahead::new(&BODY, params![note]), Ahead::new(&BODY, params![9i64])])?;
                        assert_eq!(tx.first(&BODY, params![9i64], |row| row.int(0))?, None);
                        tx.put(set, params![note, body + 1])
                    },
                    move |result: Result<(), Error>| sender.send(result).expect("the test listens"),
                );
            }
            assert!(receiver.iter().take(60).all(|result| result.is_ok()));
            let body = store.read_wait(move |tx| tx.first(&BODY, params![note], |row| row.int(0)));
            assert_eq!(body, Ok(Some(60)), "by {}", set.name);
        }
    }

    fn a_panic_while_saying_what_will_be_asked_hurts_nobody(place) {
        let store = place.open(SCHEMA).expect("opens");
        let (sender, receiver) = mpsc::channel();
        for id in 0..8i64 {
            let sender = sender.clone();
            store.write_ahead(
                move |wants| {
                    wants.push(Ahead::new(&BODY, params![id]));
                    assert!(id % 2 == 0, "on purpose");
                },
                move |tx| tx.put(&PUT, params![id, id]),
                move |result: Result<(), Error>| sender.send(result).expect("the test listens"),
            );
        }
        assert_eq!(receiver.iter().take(8).collect::<Vec<_>>(), vec![Ok(()); 8]);
        assert_eq!(count(&store).0, 8);
    }

    fn what_is_read_ahead_knows_the_own_writes_and_ends_with_the_transaction(place) {
        let store = place.open(SCHEMA).expect("opens");
        let wrapped = |tx: &mut Tx<'_>, id: i64| {
            tx.read_ahead(|| vec![Ahead::new(&WRAPPED, params![id]), Ahead::new(&BODY, params![id])])?;
            let body = tx.first(&BODY, params![id], |row| row.int(0))?;
            Ok::<_, Error>((tx.first(&WRAPPED, params![id], |row| Ok(row.blob(0)?.to_vec()))?, body))
        };
        let own = store.write_wait(move |tx| {
            tx.put(&PUT_KEY, params![1i64, &b"one"[..]])?;
            tx.put(&PUT, params![1i64, 11i64])?;
            wrapped(tx, 1)
        });
        assert_eq!(own, Ok((Some(b"one".to_vec()), Some(11))));
        // As often as there are writers, so that each of them has read it, and then once more each.
        for _ in 0..16 {
            assert_eq!(store.write_wait(move |tx| wrapped(tx, 1)).expect("read").0, Some(b"one".to_vec()));
        }
        place.meddle(true, "update secret set wrapped = x'74776f'", "update secret set wrapped = 'two'");
        for _ in 0..16 {
            assert_eq!(store.write_wait(move |tx| wrapped(tx, 1)).expect("read").0, Some(b"two".to_vec()));
        }
    }

    fn a_panicking_closure_is_answered_and_undone(place) {
        let store = place.open(SCHEMA).expect("opens");
        let result = store.write_wait(|tx| -> Result<(), Error> {
            put(tx, 1)?;
            panic!("on purpose");
        });
        assert_eq!(result, Err(Error::Panicked));
        store.write_wait(|tx| put(tx, 2)).expect("the next one works");
        assert_eq!(count(&store), (1, 1));
    }

    fn a_broken_constraint_is_named_by_its_statement(place) {
        let store = place.open(SCHEMA).expect("opens");
        store.write_wait(|tx| put(tx, 1)).expect("written");
        assert_eq!(store.write_wait(|tx| put(tx, 1)), Err(Error::Unique("PUT_KEY")));
        let late = store.write_wait(|tx| tx.put(&PUT, params![1i64, 1i64]));
        assert_eq!(late, Err(Error::Unique("PUT")));
        assert_eq!(count(&store), (1, 1));
    }

    fn a_swallowed_statement_error_is_the_answer_and_nothing_is_kept(place) {
        let store = place.open(SCHEMA).expect("opens");
        store.write_wait(|tx| put(tx, 1)).expect("written");
        let answer = store.write_wait(|tx| {
            put(tx, 2)?;
            drop(tx.execute(&PUT, params![1i64, 1i64]));
            Ok::<_, Error>(())
        });
        assert_eq!(answer, Err(Error::Unique("PUT")));
        assert_eq!(count(&store), (1, 1));
    }

    fn a_panic_while_answering_leaves_the_store_working(place) {
        let store = place.open(SCHEMA).expect("opens");
        for id in 0..8 {
            store.write(move |tx| put(tx, id), |_: Result<(), Error>| panic!("on purpose"));
            store.read(|tx| tx.first(&COUNT, &[], |row| row.int(0)), |_: Result<_, Error>| panic!("on purpose"));
        }
        let notes = store.read_wait(|tx| tx.first(&COUNT, &[], |row| row.int(0)).map(|count| count.is_some()));
        assert_eq!(notes, Ok(true));
        store.write_wait(|tx| put(tx, 8)).expect("the writers live");
    }

    fn concurrent_read_modify_write_loses_nothing(place) {
        let store = Arc::new(place.open(SCHEMA).expect("opens"));
        store.write_wait(|tx| tx.put(&PUT, params![7i64, 0i64])).expect("written");
        let ran = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let ran = Arc::clone(&ran);
                        store
                            .write_wait(move |tx| {
                                ran.fetch_add(1, Ordering::Relaxed);
                                let body = tx.first(&BODY, params![7i64], |row| row.int(0))?;
                                tx.put(&PUT_OR_ADD, params![7i64, 1i64])?;
                                Ok::<_, Error>(body)
                            })
                            .expect("a conflict is run again, not reported");
                    }
                });
            }
        });
        assert_eq!(store.read_wait(|tx| tx.first(&BODY, params![7i64], |row| row.int(0))), Ok(Some(80)));
        assert!(ran.load(Ordering::Relaxed) > 79);
    }

    fn a_reader_cannot_write(place) {
        let store = place.open(SCHEMA).expect("opens");
        assert!(store.read_wait(|tx| put(tx, 1)).is_err());
        assert_eq!(count(&store), (0, 0));
    }

    fn a_closed_store_answers_what_waits_and_refuses_the_rest(place) {
        let store = place.open(SCHEMA).expect("opens");
        let (sender, receiver) = mpsc::channel();
        for id in 0..20 {
            let sender = sender.clone();
            store.write(move |tx| put(tx, id), move |result| sender.send(result).expect("the test listens"));
        }
        store.close();
        assert!(receiver.iter().take(20).all(|result| result.is_ok()));
        assert_eq!(store.write_wait(|tx| put(tx, 99)), Err(Error::Closed));
    }

    fn a_snapshot_begins_with_the_first_look_at_each_store_and_writes_nothing(place) {
        let store = place.open(SCHEMA).expect("opens");
        store.write_wait(|tx| put(tx, 1)).expect("written");
        let seen = store.snapshot(|tx| {
            let data = tx.first(&COUNT, &[], |row| row.int(0))?;
            // Nobody waits for it, and it does not see what comes after its first look at a store.
            store.write_wait(|tx| put(tx, 2))?;
            let keys = tx.first(&COUNT_KEYS, &[], |row| row.int(0))?;
            store.write_wait(|tx| put(tx, 3))?;
            let again = (tx.first(&COUNT, &[], |row| row.int(0))?, tx.first(&COUNT_KEYS, &[], |row| row.int(0))?);
            Ok::<_, Error>((data, keys, again))
        });
        assert_eq!(seen, Ok((Some(1), Some(2), (Some(1), Some(2)))));
        let refused = store.snapshot(|tx| put(tx, 4));
        assert!(refused.is_err(), "{refused:?}");
        assert_eq!(count(&store), (3, 3));
    }

    fn a_changed_migration_and_a_newer_database_are_refused(place) {
        drop(place.open(SCHEMA).expect("opens"));
        let changed = [Migration { data: "create table note (id bigint primary key);", ..SCHEMA[0] }];
        assert!(matches!(place.open(&changed), Err(Error::Migration { number: 1, .. })));
        assert!(matches!(place.open(&[]), Err(Error::Migration { number: 1, .. })));
    }

    fn a_missing_table_is_an_error_and_leaves_the_rest_working(place) {
        let store = place.open(SCHEMA).expect("opens");
        store.write_wait(|tx| put(tx, 1)).expect("written");
        place.meddle(false, "alter table note rename to gone", "alter table note rename to gone");
        assert!(matches!(
            store.write_wait(|tx| put(tx, 2)),
            Err(Error::Statement { statement: "PUT", .. })
        ));
        place.meddle(false, "alter table gone rename to note", "alter table gone rename to note");
        assert_eq!(count(&store), (1, 1), "no key was left behind by the failed write");
    }
}

/// Keeps the writer busy until the answer is used.
fn hold_writer(store: &Store) -> mpsc::Sender<()> {
    let ((release, gate), (started, running)) = (mpsc::channel(), mpsc::channel());
    store.write(
        move |_| {
            started.send(()).expect("the test listens");
            gate.recv().map_err(|_| Error::Closed)
        },
        |_| {},
    );
    running.recv().expect("the first write runs");
    release
}

#[test]
fn a_full_queue_refuses_at_once() {
    let place = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
    let files = place.files();
    let options = avouch_store::SqliteOptions { data: files.data, keys: files.keys, readers: 1, queue: 2 };
    let store = Store::open_sqlite(&options, SCHEMA, 1).expect("opens");
    let release = hold_writer(&store);
    let (done, written) = mpsc::channel();
    for id in 1..=2 {
        let done = done.clone();
        store.write(move |tx| put(tx, id), move |result| done.send(result).expect("the test listens"));
    }
    assert_eq!(store.write_wait(|tx| put(tx, 3)), Err(Error::Busy));
    store.write_urgent(|tx| put(tx, 4), move |result| done.send(result).expect("the test listens"));
    release.send(()).expect("the first write waits");
    assert!(written.iter().take(3).all(|result| result.is_ok()));
    assert_eq!(count(&store), (3, 3));
}

/// Has the writer find these together, so that it commits them together: the answers in their order.
fn in_one_group(
    store: &Store,
    jobs: Vec<impl FnMut(&mut Tx<'_>) -> Result<(), Error> + Send + 'static>,
) -> Vec<Result<(), Error>> {
    let release = hold_writer(store);
    let (done, answers) = mpsc::channel();
    for (at, job) in jobs.into_iter().enumerate() {
        let done = done.clone();
        store.write(job, move |result| done.send((at, result)).expect("the test listens"));
    }
    drop((done, release.send(())));
    let mut answers: Vec<_> = answers.iter().collect();
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[test]
fn whoever_fails_takes_their_own_writes_with_them_and_nobody_elses() {
    /// What an operation does: nothing, a note, a note and a key, or a key.
    type Does = (bool, bool, bool);
    let kinds: [Does; 5] = [
        (true, true, true),
        (true, true, false),
        (true, false, false),
        (false, true, false),
        (true, false, true),
    ];
    for (first, second, third) in (0..125).map(|at| (kinds[at / 25], kinds[at / 5 % 5], kinds[at % 5])) {
        let place = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
        let store = place.open(SCHEMA).expect("opens");
        let all = [first, second, third];
        let jobs = all.into_iter().zip(1..).map(|((note, key, keeps), id): (Does, i64)| {
            move |tx: &mut Tx<'_>| {
                if key {
                    tx.execute(&PUT_KEY, params![id, &b"wrapped"[..]])?;
                }
                if note {
                    tx.execute(&PUT, params![id, id])?;
                }
                if keeps { Ok(()) } else { Err(Error::Open("refused on purpose".to_owned())) }
            }
        });
        let answers = in_one_group(&store, jobs.collect());
        assert!(answers.iter().zip(&all).all(|(answer, (.., keeps))| answer.is_ok() == *keeps), "{all:?}");
        let kept = |what: fn(&Does) -> bool| {
            i64::try_from(all.iter().filter(|does| does.2 && what(does)).count()).expect("three at most")
        };
        assert_eq!(count(&store), (kept(|does| does.0), kept(|does| does.1)), "{all:?}");
    }
}

#[test]
fn nothing_is_written_by_itself_when_the_engine_has_rolled_back() {
    let place = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
    let store = place.open(SCHEMA).expect("opens");
    let answers = in_one_group(
        &store,
        (1..=2)
            .map(|id| {
                move |tx: &mut Tx<'_>| {
                    if id == 2 {
                        // As SQLite does it when the disk is full.
                        tx.execute(&ROLL_BACK, &[])?;
                    }
                    put(tx, id).or_else(|error| if id == 2 { Ok(()) } else { Err(error) })
                }
            })
            .collect(),
    );
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    assert_eq!(count(&store), (0, 0));
}

#[test]
fn what_cannot_be_undone_is_not_committed() {
    let place = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
    let store = place.open(SCHEMA).expect("opens");
    let answers = in_one_group(
        &store,
        (1..=2)
            .map(|id| {
                move |tx: &mut Tx<'_>| {
                    put(tx, id)?;
                    if id == 1 {
                        return Ok(());
                    }
                    tx.execute(&BREAK_SAVEPOINT, &[])?;
                    Err(Error::Open("refused on purpose".to_owned()))
                }
            })
            .collect(),
    );
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Unavailable(_)))), "{answers:?}");
    assert_eq!(count(&store), (0, 0));
}
