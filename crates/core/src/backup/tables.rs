//! Every table of both stores: what a backup holds of it, or why it holds nothing. A test compares this list with the schema,
//! so a table that comes later is a decision and not an oversight.
//!
//! Tables are written and read in this order: what others refer to stands first.

use avouch_store::{Row, Side, Statement};

use super::cell::{Cell, Kind};

/// One table of a backup.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) side: Side,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// How many of the first columns are its key, by which it is read in order.
    pub(crate) key: usize,
    /// The rows after a key.
    pub(crate) next: &'static Statement,
    /// Adds a row.
    pub(crate) put: &'static Statement,
    /// Takes away what a restore that broke off has left: as the migrations have it.
    pub(crate) clear: &'static Statement,
}

impl Table {
    /// The tables of one store.
    pub(crate) fn of(side: Side) -> impl Iterator<Item = &'static Self> {
        TABLES.iter().copied().filter(move |table| table.side == side)
    }

    /// A row as it goes into a backup.
    pub(crate) fn cells(&self, row: &Row<'_>) -> avouch_store::Result<Vec<Cell>> {
        self.columns.iter().enumerate().map(|(at, (_, kind))| kind.read(row, at)).collect()
    }

    /// Whether a row may stand in this table.
    pub(crate) fn fits(&self, row: &[Cell]) -> bool {
        row.len() == self.columns.len()
            && self.columns.iter().zip(row).all(|((_, kind), cell)| kind.fits(cell))
    }

    /// Before the first row.
    pub(crate) fn start(&self) -> Vec<Cell> {
        self.columns.iter().take(self.key).map(|(_, kind)| kind.least()).collect()
    }
}

/// Tables of which a backup holds nothing, and why.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    ("migration", "the store's own: a restore makes it by making the tables"),
    ("vault", "the file's header says it, and a restore writes it last: without it there is no vault"),
    ("index_term", "terms show which values are equal; they are made anew from the records"),
    (
        "charter_draft",
        "what others were to agree to waits for days, against a version of another time: it is drafted again",
    ),
    ("approval", "what was agreed to holds for hours, and was agreed to in another time"),
    ("outbox", "what was to be said in another time is not said again; the alarm that it tells of is there"),
    ("session", "whoever is logged in logs in again"),
    ("access_token", "it is good for ten minutes: a service that comes to a restored vault asks for another"),
    ("one_time_link", "it is good for three days, and for one vault"),
    ("known_place", "where people were is nobody's business for longer than it is needed"),
    ("habit", "nor is when they work; it is learned again"),
    ("spent", "what is good once is good for minutes: a restored vault takes no ticket of another time"),
    ("idempotency", "answers that are kept for a day, for repeats of a request"),
];

macro_rules! tables {
    ($($side:ident $store:ident $module:ident $name:literal / $key:literal ($($column:ident $kind:ident),+) {
        $next:literal $put:literal $clear:literal
    })+) => {
        $(mod $module {
            avouch_store::statements! {
                $side NEXT = $next;
                $side PUT = $put;
                $side CLEAR = $clear;
            }
            pub(super) fn statements() -> [&'static avouch_store::Statement; 3] {
                [&NEXT, &PUT, &CLEAR]
            }
            pub(super) static TABLE: super::Table = super::Table {
                name: $name,
                side: avouch_store::Side::$store,
                columns: &[$((stringify!($column), super::Kind::$kind)),+],
                key: $key,
                next: &NEXT,
                put: &PUT,
                clear: &CLEAR,
            };
        })+
        /// See the module.
        pub(crate) static TABLES: &[&Table] = &[$(&$module::TABLE),+];

        /// Every statement of the list.
        pub(crate) fn statements() -> Vec<&'static Statement> {
            [$($module::statements()),+].concat()
        }
    };
}

tables! {
    data Data charter_version "charter_version" / 1 (version Int, applied Int, applied_by Blob, sealed Blob) {
        "select version, applied, applied_by, sealed from charter_version where version > ?1 order by version limit ?2"
        "insert into charter_version (version, applied, applied_by, sealed) values (?1, ?2, ?3, ?4)"
        "delete from charter_version"
    }
    data Data record "record" / 2 (created Int, subject Blob, version Int, updated Int, event Int, keys Int, tokens Int, entries Blob, manifest Blob) {
        "select created, subject, version, updated, event, keys, tokens, entries, manifest from record where (created, subject) > (?1, ?2) order by created, subject limit ?3"
        "insert into record (created, subject, version, updated, event, keys, tokens, entries, manifest) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        "delete from record"
    }
    data Data record_version "record_version" / 2 (subject Blob, version Int, updated Int, event Int, keys Int, tokens Int, entries Blob, manifest Blob) {
        "select subject, version, updated, event, keys, tokens, entries, manifest from record_version where (subject, version) > (?1, ?2) order by subject, version limit ?3"
        "insert into record_version (subject, version, updated, event, keys, tokens, entries, manifest) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        "delete from record_version"
    }
    data Data rules_state "rules_state" / 1 (id Int, generation Int, next_index Int) {
        "select id, generation, next_index from rules_state where id > ?1 order by id limit ?2"
        "insert into rules_state (id, generation, next_index) values (?1, ?2, ?3) on conflict (id) do update set generation = ?2, next_index = ?3"
        "update rules_state set generation = 1, next_index = 1"
    }
    data Data search_index "search_index" / 1 (number Int, sealed Blob) {
        "select number, sealed from search_index where number > ?1 order by number limit ?2"
        "insert into search_index (number, sealed) values (?1, ?2)"
        "delete from search_index"
    }
    data Data token "token" / 3 (namespace Text, lookup Blob, subject Blob, expires Int, sealed Blob) {
        "select namespace, lookup, subject, expires, sealed from token where (namespace, lookup, subject) > (?1, ?2, ?3) order by namespace, lookup, subject limit ?4"
        "insert into token (namespace, lookup, subject, expires, sealed) values (?1, ?2, ?3, ?4, ?5)"
        "delete from token"
    }
    data Data recipient_state "recipient_state" / 1 (name Text, sealed Blob) {
        "select name, sealed from recipient_state where name > ?1 order by name limit ?2"
        "insert into recipient_state (name, sealed) values (?1, ?2)"
        "delete from recipient_state"
    }
    data Data transit_key "transit_key" / 1 (name Text, kind Text, state Blob, sealed Blob) {
        "select name, kind, state, sealed from transit_key where name > ?1 order by name limit ?2"
        "insert into transit_key (name, kind, state, sealed) values (?1, ?2, ?3, ?4)"
        "delete from transit_key"
    }
    data Data event "event" / 1 (id Int, body Blob, sealed Blob) {
        "select id, body, sealed from event where id > ?1 order by id limit ?2"
        "insert into event (id, body, sealed) values (?1, ?2, ?3)"
        "delete from event"
    }
    data Data log "log" / 1 (id Int, origin Text, begun Int, size Int, root Blob, reached Int, minimum Int, holder Blob, lease Int) {
        "select id, origin, begun, size, root, reached, minimum, holder, lease from log where id > ?1 order by id limit ?2"
        "insert into log (id, origin, begun, size, root, reached, minimum, holder, lease) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        "delete from log"
    }
    data Data leaf "leaf" / 2 (log Int, idx Int, event Int) {
        "select log, idx, event from leaf where (log, idx) > (?1, ?2) order by log, idx limit ?3"
        "insert into leaf (log, idx, event) values (?1, ?2, ?3)"
        "delete from leaf"
    }
    data Data tile "tile" / 3 (log Int, level Int, idx Int, hashes Blob) {
        "select log, level, idx, hashes from tile where (log, level, idx) > (?1, ?2, ?3) order by log, level, idx limit ?4"
        "insert into tile (log, level, idx, hashes) values (?1, ?2, ?3, ?4)"
        "delete from tile"
    }
    data Data checkpoint "checkpoint" / 2 (log Int, size Int, at Int, note Text) {
        "select log, size, at, note from checkpoint where (log, size) > (?1, ?2) order by log, size limit ?3"
        "insert into checkpoint (log, size, at, note) values (?1, ?2, ?3, ?4)"
        "delete from checkpoint"
    }
    data Data siem_cursor "siem_cursor" / 1 (name Text, log Int, idx Int) {
        "select name, log, idx from siem_cursor where name > ?1 order by name limit ?2"
        "insert into siem_cursor (name, log, idx) values (?1, ?2, ?3)"
        "delete from siem_cursor"
    }
    data Data event_subject "event_subject" / 2 (pseudonym Blob, event Int) {
        "select pseudonym, event from event_subject where (pseudonym, event) > (?1, ?2) order by pseudonym, event limit ?3"
        "insert into event_subject (pseudonym, event) values (?1, ?2)"
        "delete from event_subject"
    }
    data Data event_under "event_under" / 2 (under Blob, event Int) {
        "select under, event from event_under where (under, event) > (?1, ?2) order by under, event limit ?3"
        "insert into event_under (under, event) values (?1, ?2)"
        "delete from event_under"
    }
    data Data break_glass "break_glass" / 1 (id Blob, principal Blob, version Int, until Int, due Int, reviewed Int, sealed Blob) {
        "select id, principal, version, until, due, reviewed, sealed from break_glass where id > ?1 order by id limit ?2"
        "insert into break_glass (id, principal, version, until, due, reviewed, sealed) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        "delete from break_glass"
    }
    data Data principal "principal" / 1 (id Blob, sealed Blob) {
        "select id, sealed from principal where id > ?1 order by id limit ?2"
        "insert into principal (id, sealed) values (?1, ?2)"
        "delete from principal"
    }
    data Data scim_group "scim_group" / 1 (id Blob, sealed Blob) {
        "select id, sealed from scim_group where id > ?1 order by id limit ?2"
        "insert into scim_group (id, sealed) values (?1, ?2)"
        "delete from scim_group"
    }
    data Data access_state "access_state" / 1 (id Int, generation Int) {
        "select id, generation from access_state where id > ?1 order by id limit ?2"
        "insert into access_state (id, generation) values (?1, ?2) on conflict (id) do update set generation = ?2"
        "update access_state set generation = 1"
    }
    data Data credential "credential" / 1 (id Blob, principal Blob, sealed Blob) {
        "select id, principal, sealed from credential where id > ?1 order by id limit ?2"
        "insert into credential (id, principal, sealed) values (?1, ?2, ?3)"
        "delete from credential"
    }
    data Data service_key "service_key" / 1 (principal Blob, sealed Blob) {
        "select principal, sealed from service_key where principal > ?1 order by principal limit ?2"
        "insert into service_key (principal, sealed) values (?1, ?2)"
        "delete from service_key"
    }
    data Data authority "authority" / 1 (id Int, sealed Blob) {
        "select id, sealed from authority where id > ?1 order by id limit ?2"
        "insert into authority (id, sealed) values (?1, ?2)"
        "delete from authority"
    }
    data Data alarm "alarm" / 1 (id Blob, same Blob, times Int, last Int, closed Int, subject Blob, sealed Blob) {
        "select id, same, times, last, closed, subject, sealed from alarm where id > ?1 order by id limit ?2"
        "insert into alarm (id, same, times, last, closed, subject, sealed) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        "delete from alarm"
    }
    data Data tie "tie" / 2 (subject Blob, id Blob, holder Blob, ends Int, sealed Blob) {
        "select subject, id, holder, ends, sealed from tie where (subject, id) > (?1, ?2) order by subject, id limit ?3"
        "insert into tie (subject, id, holder, ends, sealed) values (?1, ?2, ?3, ?4, ?5)"
        "delete from tie"
    }
    data Data look "look" / 2 (actor Blob, event Int, sealed Blob) {
        "select actor, event, sealed from look where (actor, event) > (?1, ?2) order by actor, event limit ?3"
        "insert into look (actor, event, sealed) values (?1, ?2, ?3)"
        "delete from look"
    }
    data Data watch_state "watch_state" / 1 (owner Blob, sealed Blob) {
        "select owner, sealed from watch_state where owner > ?1 order by owner limit ?2"
        "insert into watch_state (owner, sealed) values (?1, ?2)"
        "delete from watch_state"
    }
    data Data watch_case "watch_case" / 1 (id Blob, same Blob, state Int, at Int, version Int, sealed Blob) {
        "select id, same, state, at, version, sealed from watch_case where id > ?1 order by id limit ?2"
        "insert into watch_case (id, same, state, at, version, sealed) values (?1, ?2, ?3, ?4, ?5, ?6)"
        "delete from watch_case"
    }
    data Data subject_mark "subject_mark" / 1 (subject Blob, sealed Blob) {
        "select subject, sealed from subject_mark where subject > ?1 order by subject limit ?2"
        "insert into subject_mark (subject, sealed) values (?1, ?2)"
        "delete from subject_mark"
    }
    data Data authenticator "authenticator" / 1 (id Blob, principal Blob, sealed Blob, identity Blob) {
        "select id, principal, sealed, identity from authenticator where id > ?1 order by id limit ?2"
        "insert into authenticator (id, principal, sealed, identity) values (?1, ?2, ?3, ?4)"
        "delete from authenticator"
    }
    data Data data_ending "ending" / 1 (seq Int, subject Blob, class Int, at Int, sealed Blob, mac Blob, done Int) {
        "select seq, subject, class, at, sealed, mac, done from ending where seq > ?1 order by seq limit ?2"
        "insert into ending (seq, subject, class, at, sealed, mac, done) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        "delete from ending"
    }
    data Data hold "hold" / 1 (id Blob, subject Blob, class Int, sealed Blob) {
        "select id, subject, class, sealed from hold where id > ?1 order by id limit ?2"
        "insert into hold (id, subject, class, sealed) values (?1, ?2, ?3, ?4)"
        "delete from hold"
    }
    data Data import "import" / 1 (id Blob, created Int, dry_run Int, on_duplicate Int, on_erased Int) {
        "select id, created, dry_run, on_duplicate, on_erased from import where id > ?1 order by id limit ?2"
        "insert into import (id, created, dry_run, on_duplicate, on_erased) values (?1, ?2, ?3, ?4, ?5)"
        "delete from import"
    }
    data Data import_chunk "import_chunk" / 2 (import Blob, chunk Int, accepted Int, skipped Int, rejected Int, sealed Blob) {
        "select import, chunk, accepted, skipped, rejected, sealed from import_chunk where (import, chunk) > (?1, ?2) order by import, chunk limit ?3"
        "insert into import_chunk (import, chunk, accepted, skipped, rejected, sealed) values (?1, ?2, ?3, ?4, ?5, ?6)"
        "delete from import_chunk"
    }
    data Data backup "backup" / 1 (id Blob, sealed Blob) {
        "select id, sealed from backup where id > ?1 order by id limit ?2"
        "insert into backup (id, sealed) values (?1, ?2)"
        "delete from backup"
    }
    data Data restored "restored" / 1 (id Blob, sealed Blob) {
        "select id, sealed from restored where id > ?1 order by id limit ?2"
        "insert into restored (id, sealed) values (?1, ?2)"
        "delete from restored"
    }
    keys Keys seal "seal" / 1 (slot Text, kind Text, generation Int, made Int, drilled Int, wrapped Blob) {
        "select slot, kind, generation, made, drilled, wrapped from seal where slot > ?1 order by slot limit ?2"
        "insert into seal (slot, kind, generation, made, drilled, wrapped) values (?1, ?2, ?3, ?4, ?5, ?6)"
        "delete from seal"
    }
    keys Keys keyring "keyring" / 1 (id Int, generation Int, sealed Blob) {
        "select id, generation, sealed from keyring where id > ?1 order by id limit ?2"
        "insert into keyring (id, generation, sealed) values (?1, ?2, ?3)"
        "delete from keyring"
    }
    keys Keys kek "kek" / 1 (epoch Int, made Int, wrapped Blob) {
        "select epoch, made, wrapped from kek where epoch > ?1 order by epoch limit ?2"
        "insert into kek (epoch, made, wrapped) values (?1, ?2, ?3)"
        "delete from kek"
    }
    keys Keys key_state "key_state" / 1 (id Int, generation Int) {
        "select id, generation from key_state where id > ?1 order by id limit ?2"
        "insert into key_state (id, generation) values (?1, ?2) on conflict (id) do update set generation = ?2"
        "update key_state set generation = 1"
    }
    keys Keys subject_key "subject_key" / 3 (subject Blob, class Int, generation Int, key_id Blob, epoch Int, wrapped Blob, check_value Blob) {
        "select subject, class, generation, key_id, epoch, wrapped, check_value from subject_key where (subject, class, generation) > (?1, ?2, ?3) order by subject, class, generation limit ?4"
        "insert into subject_key (subject, class, generation, key_id, epoch, wrapped, check_value) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        "delete from subject_key"
    }
    keys Keys keys_ending "ending" / 1 (seq Int, subject Blob, class Int, at Int, sealed Blob, mac Blob) {
        "select seq, subject, class, at, sealed, mac from ending where seq > ?1 order by seq limit ?2"
        "insert into ending (seq, subject, class, at, sealed, mac) values (?1, ?2, ?3, ?4, ?5, ?6)"
        "delete from ending"
    }
    keys Keys published "published" / 1 (log Int, size Int, note Text) {
        "select log, size, note from published where log > ?1 order by log limit ?2"
        "insert into published (log, size, note) values (?1, ?2, ?3)"
        "delete from published"
    }
    keys Keys ended_identifier "ended_identifier" / 2 (digest Blob, seq Int) {
        "select digest, seq from ended_identifier where (digest, seq) > (?1, ?2) order by digest, seq limit ?3"
        "insert into ended_identifier (digest, seq) values (?1, ?2)"
        "delete from ended_identifier"
    }
}
