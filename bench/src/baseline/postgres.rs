//! PostgreSQL with plain tables and with pgcrypto columns, loaded by `pgbench`.
//!
//! An insert writes the customer and an event row by one statement, so in one transaction and one round trip. The
//! pgcrypto columns use the extension's defaults but for AES-256; the index for searching is an HMAC column.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hdrhistogram::Histogram;

use crate::customer::Customer;
use crate::error::{Error, Result};
use crate::load::Plan;
use crate::measured::{Latency, Measured, histogram};
use crate::meter::{Meter, Spent};
use crate::program::run;

/// A cluster that was started for the run, where we are superuser.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// `postgres://user:password@host:port/database`
    url: String,
}

impl Cluster {
    pub(crate) fn new(url: String) -> Self {
        Self { url }
    }

    /// Creates a database that is dropped with the returned value.
    pub(crate) fn database(&self, name: &str) -> Result<Database> {
        let name = format!("avouch_bench_{}_{name}", std::process::id());
        psql(&self.url, &format!("create database {name};\n"))?;
        Ok(Database { cluster: self.clone(), url: with_database(&self.url, &name), name })
    }

    /// The first process of the server, if it runs on this machine.
    pub(crate) fn pid(&self) -> Option<u32> {
        let file = psql(&self.url, "select pg_read_file('postmaster.pid');\n").ok()?;
        file.lines().next()?.trim().parse().ok()
    }
}

/// A database of ours.
#[derive(Debug)]
pub(crate) struct Database {
    cluster: Cluster,
    pub(crate) url: String,
    name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        // The cluster is thrown away anyway; this is for those who hand us another.
        let _ = psql(&self.cluster.url, &format!("drop database {} with (force);\n", self.name));
    }
}

/// The loaded tables.
#[derive(Debug)]
pub(crate) struct Postgres {
    database: Database,
    directory: PathBuf,
    rows: u64,
    meter: Meter,
}

/// An operation of avouch, and what stands beside it.
const SCRIPTS: &[Script] = &[
    Script {
        beside: "reveal",
        name: "select",
        on: "postgres/plain",
        sql: "select name, email, phone, address, birth_date, notes from customer where id = md5(:n::text)::uuid;",
    },
    Script {
        beside: "reveal",
        name: "select + event",
        on: "postgres/plain",
        sql: "with seen as (select id, email from customer where id = md5(:n::text)::uuid), \
              noted as (insert into event (at, actor, action, purpose, customer, fields) \
              select now(), 'load', 'customer.reveal', 'support', id, 'email' from seen) \
              select email from seen;",
    },
    Script {
        beside: "reveal",
        name: "select",
        on: "postgres/pgcrypto",
        sql: "select pgp_sym_decrypt(email, 'a passphrase in the statement') from sealed_customer where id = md5(:m::text)::uuid;",
    },
    Script {
        beside: "search",
        name: "search",
        on: "postgres/plain",
        sql: "select id, name, email, phone, address, birth_date, notes from customer where email = 'customer-' || lpad(:n::text, 10, '0') || '@bench.example';",
    },
    Script {
        beside: "search",
        name: "search",
        on: "postgres/pgcrypto",
        sql: "select id, pgp_sym_decrypt(email, 'a passphrase in the statement') from sealed_customer where email_hmac = hmac('customer-' || lpad(:m::text, 10, '0') || '@bench.example', 'a key in the statement', 'sha256');",
    },
    Script { beside: "create", name: "insert", on: "postgres/plain", sql: INSERT_PLAIN },
    Script { beside: "create", name: "insert", on: "postgres/pgcrypto", sql: INSERT_SEALED },
];

struct Script {
    beside: &'static str,
    name: &'static str,
    on: &'static str,
    sql: &'static str,
}

const SCHEMA: &str = "
create extension pgcrypto;
create table customer (id uuid primary key, name text not null, email text not null unique, phone text,
    address jsonb, birth_date date, notes text);
create index on customer (phone);
create table event (id bigint generated always as identity primary key, at timestamptz not null, actor text not null,
    action text not null, purpose text, customer uuid not null, fields text);
create index on event (customer);
create table sealed_customer (id uuid primary key, name bytea not null, email bytea not null,
    email_hmac bytea not null unique, phone bytea, phone_hmac bytea, address bytea, birth_date bytea, notes bytea);
create index on sealed_customer (phone_hmac);
create unlogged table incoming (number bigint, name text, email text, phone text, address jsonb, birth_date date,
    notes text);
create sequence customer_number;
create function seal(value text) returns bytea language sql volatile as
    $$ select pgp_sym_encrypt(value, 'a passphrase in the statement', 'cipher-algo=aes256') $$;
";

/// `{sealed}` is the number of rows with pgcrypto columns.
const FILL: &str = "
insert into customer select md5(number::text)::uuid, name, email, phone, address, birth_date, notes from incoming;
insert into sealed_customer select md5(number::text)::uuid, seal(name), seal(email),
    hmac(email, 'a key in the statement', 'sha256'), seal(phone), hmac(phone, 'a key in the statement', 'sha256'),
    seal(address::text), seal(birth_date::text), seal(notes) from incoming where number < {sealed};
drop table incoming;
vacuum analyze customer;
vacuum analyze sealed_customer;
";

const INSERT_PLAIN: &str = "with one as (select nextval('customer_number') as n, gen_random_uuid() as id), \
    added as (insert into customer select id, 'Franziska Abendroth', 'customer-' || lpad(n::text, 10, '0') || '@bench.example', \
    '+4828' || lpad((n % 10000000)::text, 7, '0'), \
    '{\"street\":\"Mill Lane 17\",\"city\":\"Norwich\",\"postal_code\":\"04711\",\"country\":\"DE\"}', '1974-03-09', \
    'Prefers deliveries after five; asked about the spring catalogue in March and wants no calls.' from one) \
    insert into event (at, actor, action, purpose, customer, fields) \
    select now(), 'load', 'customer.create', 'support', id, 'name,email,phone,address,birth_date,notes' from one;";

const INSERT_SEALED: &str = "with one as (select nextval('customer_number') as n, gen_random_uuid() as id), \
    plain as (select id, 'customer-' || lpad(n::text, 10, '0') || '@bench.example' as email, \
    '+4828' || lpad((n % 10000000)::text, 7, '0') as phone from one), \
    added as (insert into sealed_customer select id, seal('Franziska Abendroth'), seal(email), \
    hmac(email, 'a key in the statement', 'sha256'), seal(phone), hmac(phone, 'a key in the statement', 'sha256'), \
    seal('{\"street\":\"Mill Lane 17\",\"city\":\"Norwich\",\"postal_code\":\"04711\",\"country\":\"DE\"}'), \
    seal('1974-03-09'), \
    seal('Prefers deliveries after five; asked about the spring catalogue in March and wants no calls.') from plain) \
    insert into event (at, actor, action, purpose, customer, fields) \
    select now(), 'load', 'customer.create', 'support', id, 'name,email,phone,address,birth_date,notes' from one;";

/// pgcrypto derives a key from the passphrase for every value, about a millisecond each, so that filling its table
/// with as many rows takes minutes. As its cost is all arithmetic, the number of rows does not matter to it.
const SEALED_ROWS: u64 = 1_000;

impl Postgres {
    /// Fills the tables with customers `0..rows`.
    pub(crate) fn make(cluster: &Cluster, directory: PathBuf, rows: u64) -> Result<Self> {
        let database = cluster.database("baseline")?;
        let mut input = SCHEMA.to_owned();
        input.push_str("copy incoming from stdin;\n");
        for number in 0..rows {
            let customer = Customer::new(number);
            let Customer { name, email, phone, birth_date, notes, .. } = &customer;
            let address = customer.address();
            // A string takes everything that is written to it.
            let _ = writeln!(input, "{number}\t{name}\t{email}\t{phone}\t{address}\t{birth_date}\t{notes}");
        }
        input.push_str("\\.\n");
        let _ = write!(input, "select setval('customer_number', {});\n{}", rows.max(1), FILL);
        psql(&database.url, &input.replace("{sealed}", &sealed(rows).to_string()))?;
        let meter = Meter { server: None, database: cluster.pid(), client_is_child: true };
        Ok(Self { database, directory, rows, meter })
    }

    /// What stands beside an operation of avouch, measured one after the other.
    pub(crate) fn measure(&self, beside: &str, plan: &Plan) -> Result<Vec<Measured>> {
        let scripts = SCRIPTS.iter().filter(|script| script.beside == beside);
        scripts.map(|script| self.measure_one(script, plan)).collect()
    }

    fn measure_one(&self, script: &Script, plan: &Plan) -> Result<Measured> {
        let file = self.directory.join("script.sql");
        let (last, last_sealed) = (self.rows.saturating_sub(1), sealed(self.rows).saturating_sub(1));
        let text = format!("\\set n random(0, {last})\n\\set m random(0, {last_sealed})\n{}\n", script.sql);
        fs::write(&file, text).map_err(Error::io("writing a script for pgbench"))?;
        let logs =
            tempfile::tempdir_in(&self.directory).map_err(Error::io("creating a directory for pgbench"))?;

        let warm_up = plan.warm_up.as_secs().max(1);
        run(&mut self.pgbench(&file, warm_up, plan), "")?;
        let mut command = self.pgbench(&file, plan.window.as_secs().max(1), plan);
        command.arg("--log").arg("--log-prefix").arg(logs.path().join("log"));
        let before = self.meter.read();
        let said = run(&mut command, "")?;
        let spent = self.meter.read().since(before);
        let latency = latencies(logs.path()).map_err(Error::io("reading pgbench's log"))?;
        summary(script, plan, &said, spent, Latency::of(&latency))
            .ok_or_else(|| Error::Program { program: "pgbench".to_owned(), said })
    }

    fn pgbench(&self, script: &Path, seconds: u64, plan: &Plan) -> Command {
        let mut command = Command::new("pgbench");
        command.args(["--no-vacuum", "--protocol=prepared"]);
        command.arg(format!("--client={}", plan.connections));
        command.arg(format!("--jobs={}", plan.threads));
        command.arg(format!("--time={seconds}"));
        command.arg("--file").arg(script).arg(&self.database.url);
        command
    }
}

fn sealed(rows: u64) -> u64 {
    rows.min(SEALED_ROWS)
}

/// From pgbench's report: `number of transactions actually processed: 123`, `… failed transactions: 0 (…)`.
fn summary(
    script: &Script,
    plan: &Plan,
    said: &str,
    spent: Spent,
    latency: Option<Latency>,
) -> Option<Measured> {
    let number = |label: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(label))?;
        line.split_whitespace().next()?.split('/').next()?.parse::<u64>().ok()
    };
    let ops = number("number of transactions actually processed:")?;
    let mut measured = Measured::whole(script.name, script.on.to_owned(), ops, plan.window, spent);
    measured.errors = number("number of failed transactions:").unwrap_or_default();
    measured.latency_us = latency;
    // pgbench knows better than we how long it took without connecting.
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    measured.ops_per_second = tps.split_whitespace().next()?.parse().ok()?;
    Some(measured)
}

/// Nanoseconds of each transaction: pgbench's log has its microseconds in the third column.
fn latencies(directory: &Path) -> std::io::Result<Histogram<u64>> {
    let mut latencies = histogram();
    for entry in fs::read_dir(directory)? {
        let text = fs::read_to_string(entry?.path())?;
        for microseconds in text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()) {
            latencies.saturating_record(microseconds.saturating_mul(1000));
        }
    }
    Ok(latencies)
}

/// Runs statements; the first that fails ends it.
fn psql(url: &str, statements: &str) -> Result<String> {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", url]);
    run(&mut command, statements)
}

/// The same server and user, another database.
fn with_database(url: &str, name: &str) -> String {
    let (before, options) =
        url.split_once('?').map_or((url, None), |(before, options)| (before, Some(options)));
    let authority = before.find("://").map_or(0, |at| at + 3);
    let end =
        before.get(authority..).and_then(|rest| rest.find('/')).map_or(before.len(), |at| authority + at);
    let server = before.get(..end).unwrap_or(before);
    options.map_or_else(|| format!("{server}/{name}"), |options| format!("{server}/{name}?{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_on_the_same_server() {
        let with = |url| with_database(url, "b");
        assert_eq!(with("postgres://u:p@127.0.0.1:5433/postgres"), "postgres://u:p@127.0.0.1:5433/b");
        assert_eq!(with("postgres://u@h?sslmode=disable"), "postgres://u@h/b?sslmode=disable");
        assert_eq!(with("postgres:///a?host=/run/x"), "postgres:///b?host=/run/x");
    }

    #[test]
    fn the_report_of_pgbench_is_read() {
        let said = "transaction type: s.sql\nnumber of clients: 32\nnumber of transactions actually processed: 5000\n\
                    number of failed transactions: 3 (0.060%)\nlatency average = 1.2 ms\n\
                    tps = 2500.500000 (without initial connection time)\n";
        let plan = Plan {
            connections: 32,
            threads: 1,
            warm_up: std::time::Duration::ZERO,
            window: std::time::Duration::from_secs(2),
        };
        let spent = Spent { server: None, database: Some(50_000), client: Some(10_000) };
        let measured = summary(&SCRIPTS[0], &plan, said, spent, None).unwrap();
        assert_eq!((measured.ops, measured.errors), (5000, 3));
        assert_eq!(measured.ops_per_second, 2500.5);
        assert_eq!(measured.cpu_us_per_op.database, Some(10.0));
        assert!(summary(&SCRIPTS[0], &plan, "pgbench: error", spent, None).is_none());
    }

    #[test]
    fn its_log_becomes_nanoseconds() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("log.1"), "0 1 900 0 1700000000 1\n1 1 1100 0 1700000000 2\n")
            .unwrap();
        let latencies = latencies(directory.path()).unwrap();
        assert_eq!(latencies.len(), 2);
        assert!((1_099_000..=1_101_000).contains(&latencies.max()), "{}", latencies.max());
    }
}
