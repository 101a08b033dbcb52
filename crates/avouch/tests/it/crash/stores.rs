//! Looks straight into the stores, past everything that could make them look well, and says whether what lies there
//! fits together: no event without its change, no change without its event, no record without its keys.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use avouch_core::audit::{Ending, Event};
use rusqlite::types::ValueRef;
use tokio_postgres::types::Type;

/// Where the stores are.
pub(crate) enum Stores {
    Sqlite { data: PathBuf, keys: PathBuf },
    Postgres { data: String, keys: String },
}

/// Which of the two.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Data,
    Keys,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

pub(crate) type Id = [u8; 16];

impl Stores {
    /// The rows of a query.
    pub(crate) fn rows(&self, side: Side, sql: &str) -> Vec<Vec<Cell>> {
        match self {
            Self::Sqlite { .. } => {
                let connection = self.file(side);
                let mut statement = connection.prepare(sql).unwrap();
                let columns = statement.column_count();
                let row = |row: &rusqlite::Row<'_>| {
                    (0..columns)
                        .map(|column| Ok(Cell::from(row.get_ref(column)?)))
                        .collect::<Result<Vec<_>, _>>()
                };
                statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
            }
            Self::Postgres { .. } => self.connected(side, async |client| {
                let rows = client.query(sql, &[]).await.unwrap();
                rows.iter().map(|row| (0..row.len()).map(|column| Cell::of(row, column)).collect()).collect()
            }),
        }
    }

    /// Runs statements behind the server's back.
    pub(crate) fn run(&self, side: Side, sql: &str) {
        match self {
            Self::Sqlite { .. } => self.file(side).execute_batch(sql).unwrap(),
            Self::Postgres { .. } => {
                self.connected(side, async |client| client.batch_execute(sql).await.unwrap())
            }
        }
    }

    /// Cuts every connection to both databases; how many there were.
    pub(crate) fn cut_connections(&self) -> usize {
        let cut = "select pg_terminate_backend(pid)::text from pg_stat_activity \
                   where datname = current_database() and pid <> pg_backend_pid()";
        [Side::Data, Side::Keys].map(|side| self.rows(side, cut).len()).iter().sum()
    }

    /// On PostgreSQL, waits until the connections of a killed server are gone: a commit that it had sent may still be
    /// under way.
    pub(crate) fn wait_until_alone(&self) {
        if let Self::Sqlite { .. } = self {
            return;
        }
        let others = "select pid::bigint from pg_stat_activity \
                      where datname = current_database() and pid <> pg_backend_pid()";
        for side in [Side::Data, Side::Keys] {
            let gone = (0..10_000).any(|_| self.rows(side, others).is_empty());
            assert!(gone, "connections of a killed server live on");
        }
    }

    /// The names of all tables of a side.
    pub(crate) fn tables(&self, side: Side) -> Vec<String> {
        let sql = match self {
            Self::Sqlite { .. } => "select name from sqlite_master where type = 'table'",
            Self::Postgres { .. } => "select tablename::text from pg_tables where schemaname = 'public'",
        };
        let text = |row: Vec<Cell>| match row.into_iter().next() {
            Some(Cell::Text(name)) => name,
            other => panic!("a name, not {other:?}"),
        };
        self.rows(side, sql).into_iter().map(text).collect()
    }

    fn file(&self, side: Side) -> rusqlite::Connection {
        let Self::Sqlite { data, keys } = self else { panic!("not SQLite") };
        let path = match side {
            Side::Data => data,
            Side::Keys => keys,
        };
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        connection
    }

    fn connected<T>(&self, side: Side, act: impl AsyncFnOnce(&tokio_postgres::Client) -> T) -> T {
        let Self::Postgres { data, keys } = self else { panic!("not PostgreSQL") };
        let url = match side {
            Side::Data => data,
            Side::Keys => keys,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let done = act(&client).await;
            drop(client);
            // Ends once the server has said goodbye, so that we are not counted among the connections left.
            let _ = connection.await;
            done
        })
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Int(value),
            ValueRef::Text(value) => Self::Text(String::from_utf8_lossy(value).into_owned()),
            ValueRef::Blob(value) => Self::Blob(value.to_vec()),
            ValueRef::Real(_) => panic!("no column holds a real"),
        }
    }
}

impl Cell {
    fn of(row: &tokio_postgres::Row, column: usize) -> Self {
        match *row.columns()[column].type_() {
            Type::INT8 => row.get::<_, Option<i64>>(column).map_or(Self::Null, Self::Int),
            Type::BYTEA => row.get::<_, Option<Vec<u8>>>(column).map_or(Self::Null, Self::Blob),
            _ => row.get::<_, Option<String>>(column).map_or(Self::Null, Self::Text),
        }
    }

    fn int(&self) -> i64 {
        match self {
            Self::Int(value) => *value,
            other => panic!("a number, not {other:?}"),
        }
    }

    fn id(&self) -> Id {
        match self {
            Self::Blob(bytes) => bytes.as_slice().try_into().unwrap(),
            other => panic!("an id, not {other:?}"),
        }
    }
}

/// Everything that has to fit together, as of one moment when nobody writes.
pub(crate) struct Look {
    /// Subject → its version and the event that wrote it.
    pub(crate) records: HashMap<Id, (i64, i64)>,
    /// (subject, version) → event, of the versions before.
    earlier: HashMap<(Id, i64), i64>,
    pub(crate) events: HashMap<i64, Event>,
    /// (pseudonym, event).
    pub(crate) links: HashSet<(Id, i64)>,
    /// Subject → how many keys it has.
    pub(crate) keys: HashMap<Id, i64>,
    /// Subject → how many index terms lead to it.
    pub(crate) terms: HashMap<Id, i64>,
    /// Numbers of the erasures that were ordered, and of those that were done.
    endings: [HashSet<i64>; 2],
}

impl Look {
    pub(crate) fn take(stores: &Stores) -> Self {
        let data = |sql| stores.rows(Side::Data, sql).into_iter();
        let keys = stores.rows(Side::Keys, "select subject, count(*) from subject_key group by subject");
        let counted = |row: Vec<Cell>| (row[0].id(), row[1].int());
        Self {
            records: data("select subject, version, event from record")
                .map(|row| (row[0].id(), (row[1].int(), row[2].int())))
                .collect(),
            earlier: data("select subject, version, event from record_version")
                .map(|row| ((row[0].id(), row[1].int()), row[2].int()))
                .collect(),
            events: data("select id, body from event")
                .map(|row| {
                    let Cell::Blob(body) = &row[1] else { panic!("an event without a body") };
                    (row[0].int(), minicbor::decode(body).expect("an event can be read"))
                })
                .collect(),
            links: data("select pseudonym, event from event_subject")
                .map(|row| (row[0].id(), row[1].int()))
                .collect(),
            keys: keys.into_iter().map(counted).collect(),
            terms: data("select subject, count(*) from index_term group by subject").map(counted).collect(),
            endings: [Side::Data, Side::Keys].map(|side| {
                stores.rows(side, "select seq from ending").iter().map(|row| row[0].int()).collect()
            }),
        }
    }

    /// Fails the test unless events and effects are the same history.
    pub(crate) fn assert_sound(&self) {
        assert_eq!(self.endings[0], self.endings[1], "an interrupted erasure was not finished at start");
        let numbers = 1..=i64::try_from(self.endings[0].len()).unwrap();
        assert!(
            numbers.into_iter().all(|seq| self.endings[0].contains(&seq)),
            "erasures are not counted through"
        );
        let mut written: HashMap<i64, (Id, i64)> = HashMap::new();
        let current = self.records.iter().map(|(subject, (version, event))| ((*subject, *version), *event));
        for ((subject, version), event) in current.chain(self.earlier.iter().map(|(at, event)| (*at, *event)))
        {
            assert!(
                written.insert(event, (subject, version)).is_none(),
                "two changes share the event {event}"
            );
            let body =
                self.events.get(&event).unwrap_or_else(|| panic!("a change without its event {event}"));
            let what = match body.what.as_str() {
                _ if version == 1 => "subject.create",
                // A class of the person was erased: this version, and what is kept of those before.
                "subject.delete" => "subject.delete",
                _ => "subject.update",
            };
            assert_eq!((body.what.as_str(), body.ending), (what, Ending::Done));
            assert_eq!(body.written.len() > 1, what == "subject.delete");
            assert!(!body.written.is_empty());
        }
        for (subject, (version, _)) in &self.records {
            let kept = (1..*version).all(|earlier| self.earlier.contains_key(&(*subject, earlier)));
            assert!(kept, "a version between 1 and {version} is missing");
        }
        let chain: i64 = self.records.values().map(|(version, _)| version - 1).sum();
        assert_eq!(self.earlier.len(), usize::try_from(chain).unwrap(), "versions of nobody");

        // The event of an erasure names nobody: who is not here any more was erased, one by one.
        let erased: HashSet<Id> = self
            .done("subject.create")
            .filter(|(id, _)| !written.contains_key(id))
            .map(|(_, event)| *event.subjects[0])
            .collect();
        let ended: u32 = self.done("subject.delete").map(|(_, event)| event.ended).sum();
        assert_eq!(ended as usize, erased.len(), "gone without an erasure, or erased twice");
        for (id, event) in self.done("subject.update") {
            let here = written.contains_key(&id);
            let gone = erased.contains(&*event.subjects[0]);
            assert!(here != gone, "subject.update {id}: there: {here}, erased: {gone}");
        }
        assert_eq!(self.done("subject.create").count(), self.records.len() + erased.len());
        assert_eq!(self.done("subject.shred").count(), self.endings[1].len());

        for (pseudonym, event) in &self.links {
            let event = &self.events[event];
            assert!(
                event.subjects.iter().any(|subject| **subject == *pseudonym),
                "a link to another's event"
            );
            assert!(!erased.contains(pseudonym), "a link to somebody who is gone");
        }
        assert!(
            self.terms.keys().all(|subject| self.records.contains_key(subject)),
            "the index knows a stranger"
        );
        assert!(self.records.keys().all(|subject| self.keys.contains_key(subject)), "a record without keys");
    }

    /// Keys of nobody: a create that was interrupted between its two commits leaves them, and nothing else may.
    pub(crate) fn orphan_keys(&self) -> Vec<Id> {
        self.keys.keys().filter(|subject| !self.records.contains_key(*subject)).copied().collect()
    }

    fn done(&self, what: &str) -> impl Iterator<Item = (i64, &Event)> {
        let fits = move |event: &Event| event.what == what && event.ending == Ending::Done;
        self.events.iter().filter(move |(_, event)| fits(event)).map(|(id, event)| (*id, event))
    }
}

/// The stored number of an event from the id that the API shows.
pub(crate) fn event_number(id: uuid::Uuid) -> i64 {
    let (high, low) = id.as_u64_pair();
    let micros = (high >> 16) * 1000 + (high & 0xfff);
    ((micros << 10) | (low & 0x3ff)).cast_signed()
}

#[test]
fn a_history_that_does_not_fit_together_is_noticed() {
    let databases = avouch_testkit::Place::new(avouch_testkit::Kind::Sqlite);
    let vault = super::vault::Vault::new(&databases, "warn");
    let server = vault.serve();
    let callers = super::callers(&vault, &server);
    let mut worker = super::load::Worker::new(0, 1);
    while worker.gone.len() < 2 || worker.known.len() < 3 || worker.acknowledged < 60 {
        worker.act(&callers).unwrap();
    }
    assert!(server.stop().0.success());
    Look::take(&vault.stores()).assert_sound();

    let Stores::Sqlite { data, keys } = vault.stores() else { panic!("SQLite was asked for") };
    let wrongs = [
        (Side::Data, "delete from event where id = (select event from record limit 1)"),
        (Side::Data, "delete from event where id = (select event from record_version limit 1)"),
        (Side::Data, "delete from record where subject = (select subject from record limit 1)"),
        (Side::Data, "delete from record_version where rowid = (select min(rowid) from record_version)"),
        (Side::Data, "update record set version = version + 1 where rowid = (select min(rowid) from record)"),
        (Side::Data, "update record set event = (select event from record_version limit 1)"),
        (
            Side::Data,
            "insert into ending select 1000000, subject, 0, 0, manifest, manifest, 0 from record limit 1",
        ),
        (
            Side::Data,
            "update index_term set subject = x'00000000000000000000000000000000' where subject = (select subject from index_term limit 1)",
        ),
        (Side::Keys, "delete from subject_key where subject = (select subject from subject_key limit 1)"),
    ];
    for (side, wrong) in wrongs {
        let (copied_data, copied_keys) = (vault.place.path("copy.db"), vault.place.path("copied-keys.db"));
        std::fs::copy(&data, &copied_data).unwrap();
        std::fs::copy(&keys, &copied_keys).unwrap();
        let copy = Stores::Sqlite { data: copied_data, keys: copied_keys };
        copy.run(side, wrong);
        let noticed = std::panic::catch_unwind(|| Look::take(&copy).assert_sound()).is_err();
        assert!(noticed, "not noticed: {wrong}");
    }
}
