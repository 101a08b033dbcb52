//! The schema: one numbered list in the shared dialect. Times are microseconds UTC, ids 16 bytes, everything personal a
//! sealed blob. Tables that grow carry the subject (or the index term) first in their key, so they can be distributed.
//!
//! Trust, table by table: whoever can write `record`, `token`, `recipient_state`, `principal`, `credential`,
//! `scim_group`, `service_key`, `charter_version`, `charter_draft` or `transit_key` can delete rows and bring back old ones, but cannot make, change or
//! swap any: each is bound to its place by a key that is not in the database. Whoever can write `index_term` can hide a
//! subject from search, not make search show a wrong one. Whoever can write `ending` can keep the vault shut, and whoever
//! can write `ended_identifier` or `hold` can have a person taken for new or a hold forgotten; none of them can have
//! anybody erased, or anybody back. Whoever can write `alarm` or `outbox` can have alarms and messages not heard, or count them wrong, and not
//! make one up; that an alarm was raised stands in the ledger. Whoever can write `break_glass` can have forgotten that a glass was broken and
//! is to be reviewed, which stands in the ledger too, and break none: what is beside the seal is compared with what is in it. Whoever can write
//! `event_under` can have acts missing from the list of what was done under somebody's word, and put none there that was not.
//! Whoever can write `tie`, `look`, `watch_state` or `watch_case` can have forgotten who looked at
//! whom without need, as far as that is not in the ledger, and make nobody look guilty or explained.

use avouch_store::Migration;

/// Every step, oldest first. Until the first release there is one, which changes with the work; a vault of a version in
/// between is refused at opening.
pub const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "the house",
    data: "
create table vault (id blob primary key, created bigint not null);
create table charter_version (version bigint primary key, applied bigint not null, applied_by blob not null,
    sealed blob not null);
create table charter_draft (id blob primary key, base bigint not null, created bigint not null, author blob not null,
    about blob not null, files blob not null);
create table record (subject blob primary key, version bigint not null, created bigint not null,
    updated bigint not null, event bigint not null, keys bigint not null, tokens bigint not null, entries blob not null,
    manifest blob not null);
create unique index record_by_created on record (created, subject);
create table record_version (subject blob not null, version bigint not null, updated bigint not null,
    event bigint not null, keys bigint not null, tokens bigint not null, entries blob not null,
    manifest blob not null, primary key (subject, version));
create table rules_state (id bigint primary key, generation bigint not null, next_index bigint not null);
insert into rules_state (id, generation, next_index) values (1, 1, 1);
create table search_index (number bigint primary key, sealed blob not null);
create table index_term (number bigint not null, term bigint not null, subject blob not null,
    primary key (number, term, subject)) without rowid;
create table token (namespace text not null, lookup blob not null, subject blob not null, expires bigint not null,
    sealed blob not null, primary key (namespace, lookup, subject)) without rowid;
create index token_by_subject on token (subject, namespace, lookup);
create index token_by_expiry on token (expires) where expires > 0;
create table recipient_state (name text primary key, sealed blob not null) without rowid;
create table event (id integer primary key, body blob not null, sealed blob);
create table log (id bigint primary key, origin text not null, begun bigint not null, size bigint not null,
    root blob not null, reached bigint not null, minimum bigint not null, holder blob not null, lease bigint not null);
create table leaf (log bigint not null, idx bigint not null, event bigint not null,
    primary key (log, idx)) without rowid;
create unique index leaf_by_event on leaf (event);
create table tile (log bigint not null, level bigint not null, idx bigint not null, hashes blob not null,
    primary key (log, level, idx));
create table checkpoint (log bigint not null, size bigint not null, at bigint not null, note text not null,
    primary key (log, size));
create table siem_cursor (name text primary key, log bigint not null, idx bigint not null);
create table event_subject (pseudonym blob not null, event bigint not null,
    primary key (pseudonym, event)) without rowid;
create table event_under (under blob not null, event bigint not null, primary key (under, event)) without rowid;
create table principal (id blob primary key, sealed blob not null);
create table scim_group (id blob primary key, sealed blob not null);
create table access_state (id bigint primary key, generation bigint not null);
insert into access_state (id, generation) values (1, 1);
create table credential (id blob primary key, principal blob not null, sealed blob not null);
create table authenticator (id blob primary key, principal blob not null, sealed blob not null, identity blob);
create index authenticator_by_principal on authenticator (principal, id);
create unique index authenticator_by_identity on authenticator (identity) where identity is not null;
create table subject_mark (subject blob primary key, sealed blob not null) without rowid;
create table approval (id blob primary key, requester blob not null, subject blob, version bigint not null, until bigint not null,
    remaining bigint not null, sealed blob not null);
create index approval_by_requester on approval (requester, id);
create index approval_by_subject on approval (subject) where subject is not null;
create table break_glass (id blob primary key, principal blob not null, version bigint not null, until bigint not null,
    due bigint not null, reviewed bigint not null, sealed blob not null);
create index break_glass_by_until on break_glass (until);
create index break_glass_waiting on break_glass (due, id) where reviewed = 0;
create table alarm (id blob primary key, same blob not null, times bigint not null, last bigint not null,
    closed bigint not null, subject blob, sealed blob not null);
create unique index alarm_open_by_same on alarm (same) where closed = 0;
create index alarm_open on alarm (id) where closed = 0;
create index alarm_by_subject on alarm (subject) where subject is not null;
create table outbox (id blob primary key, due bigint not null, tries bigint not null, sealed blob not null);
create index outbox_by_due on outbox (due, id);
create table tie (subject blob not null, id blob not null, holder blob not null, ends bigint not null, sealed blob not null,
    primary key (subject, id)) without rowid;
create unique index tie_by_id on tie (id);
create index tie_by_end on tie (ends);
create table look (actor blob not null, event bigint not null, sealed blob not null, primary key (actor, event)) without rowid;
create table watch_state (owner blob primary key, sealed blob not null);
create table watch_case (id blob primary key, same blob not null, state bigint not null, at bigint not null, version bigint not null,
    sealed blob not null);
create unique index watch_case_by_same on watch_case (same);
create index watch_case_by_state on watch_case (state, id);
create table session (id blob primary key, principal blob not null, until bigint not null, seen bigint not null,
    sealed blob not null);
create index session_by_principal on session (principal, id);
create table one_time_link (id blob primary key, principal blob not null, until bigint not null, hash blob not null);
create index one_time_link_by_principal on one_time_link (principal);
create table service_key (principal blob primary key, sealed blob not null);
create table access_token (id blob primary key, principal blob not null, until bigint not null, sealed blob not null);
create index access_token_by_principal on access_token (principal, until);
create table authority (id bigint primary key, sealed blob not null);
create table spent (digest blob primary key, until bigint not null) without rowid;
create index spent_by_time on spent (until);
create table known_place (principal blob not null, place blob not null, first bigint not null, seen bigint not null,
    proved bigint not null, primary key (principal, place)) without rowid;
create table habit (principal blob primary key, seen bigint not null, sealed blob not null);
create index habit_by_time on habit (seen);
create table idempotency (caller blob not null, key_digest blob not null, request blob not null, at bigint not null,
    sealed blob not null, subject blob, primary key (caller, key_digest)) without rowid;
create index idempotency_by_time on idempotency (at);
create index idempotency_by_subject on idempotency (subject) where subject is not null;
create table ending (seq bigint primary key, subject blob not null, class bigint not null, at bigint not null,
    sealed blob not null, mac blob not null, done bigint not null);
create index ending_by_subject on ending (subject, class);
create table hold (id blob primary key, subject blob not null, class bigint not null, sealed blob not null);
create index hold_by_subject on hold (subject);
create table import (id blob primary key, created bigint not null, dry_run bigint not null,
    on_duplicate bigint not null, on_erased bigint not null);
create table import_chunk (import blob not null, chunk bigint not null, accepted bigint not null,
    skipped bigint not null, rejected bigint not null, sealed blob not null, primary key (import, chunk));
create table transit_key (name text primary key, kind text not null, state blob not null, sealed blob not null);
create table backup (id blob primary key, sealed blob not null);
create table restored (id blob primary key, sealed blob not null);
",
    keys: "
create table vault (id blob primary key, created bigint not null);
create table seal (slot text primary key, kind text not null, generation bigint not null, made bigint not null,
    drilled bigint, wrapped blob not null);
create table keyring (id bigint primary key, generation bigint not null, sealed blob not null);
create table kek (epoch bigint primary key, made bigint not null, wrapped blob not null);
create table key_state (id bigint primary key, generation bigint not null);
insert into key_state (id, generation) values (1, 1);
create table subject_key (subject blob not null, class bigint not null, generation bigint not null,
    key_id blob not null, epoch bigint not null references kek (epoch), wrapped blob not null,
    check_value blob not null, primary key (subject, class, generation)) without rowid;
create table ending (seq bigint primary key, subject blob not null, class bigint not null, at bigint not null,
    sealed blob not null, mac blob not null);
create index ending_by_subject on ending (subject, class);
create table published (log bigint primary key, size bigint not null, note text not null);
create table ended_identifier (digest blob not null, seq bigint not null, primary key (digest, seq)) without rowid;
",
}];
