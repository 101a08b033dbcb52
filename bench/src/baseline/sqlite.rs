//! SQLite with a plain table, through its own shell `sqlite3`.
//!
//! One process, one connection, no network; the shell parses every statement. Inserts are durable one by one
//! (`synchronous=full`, WAL), which is what a program gets that does not commit together. Timed as a whole.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::customer::{Customer, IMPORTED, mix};
use crate::error::{Error, Result};
use crate::measured::Measured;
use crate::meter::Meter;
use crate::program::{run, run_file};

/// The loaded file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    directory: PathBuf,
    database: PathBuf,
    rows: u64,
    inserted: u64,
}

const SCHEMA: &str = "pragma journal_mode = wal;
create table customer (id blob primary key, name text, email text unique, phone text, address text, birth_date text,
    notes text) without rowid;
create index customer_phone on customer (phone);
create table event (id integer primary key, at integer, actor text, action text, purpose text, customer blob, fields text);
create index event_customer on event (customer);
";

const SELECTS: u64 = 200_000;
const INSERTS: u64 = 5_000;

impl Sqlite {
    /// `None` if the shell is not installed.
    pub(crate) fn make(directory: PathBuf, rows: u64) -> Result<Option<Self>> {
        if Command::new("sqlite3").arg("--version").output().is_err() {
            return Ok(None);
        }
        let sqlite = Self { database: directory.join("plain.db"), directory, rows, inserted: 0 };
        let mut input = format!("{SCHEMA}begin;\n");
        (0..rows).for_each(|number| insert(&mut input, number));
        input.push_str("commit;\n");
        run(Command::new("sqlite3").arg(&sqlite.database), &input)?;
        Ok(Some(sqlite))
    }

    /// What stands beside an operation of avouch, if anything does.
    pub(crate) fn measure(&mut self, beside: &str) -> Result<Option<Measured>> {
        let mut input = String::from("pragma synchronous = full;\n");
        let (name, ops) = match beside {
            "reveal" => {
                (0..SELECTS).for_each(|draw| {
                    let _ = writeln!(
                        input,
                        "select name, email, phone, address, birth_date, notes from customer where id = {};",
                        id(mix(draw) % self.rows.max(1))
                    );
                });
                ("select", SELECTS)
            }
            "create" => {
                let first = IMPORTED + self.inserted;
                for number in first..first + INSERTS {
                    input.push_str("begin immediate;\n");
                    insert(&mut input, number);
                    input.push_str("commit;\n");
                }
                self.inserted += INSERTS;
                ("insert", INSERTS)
            }
            _ => return Ok(None),
        };
        let script = self.directory.join("script.sql");
        fs::write(&script, input).map_err(Error::io("writing a script for sqlite3"))?;
        self.time(name, ops, &script).map(Some)
    }

    fn time(&self, name: &str, ops: u64, script: &Path) -> Result<Measured> {
        let meter = Meter { client_is_child: true, ..Meter::default() };
        let before = meter.read();
        let started = Instant::now();
        run_file(Command::new("sqlite3").arg(&self.database), script)?;
        let took = started.elapsed();
        Ok(Measured::whole(name, "sqlite/plain".to_owned(), ops, took, meter.read().since(before)))
    }
}

/// Appends the statements that add a customer and its event. No value holds a quote.
fn insert(input: &mut String, number: u64) {
    let customer = Customer::new(number);
    let Customer { name, email, phone, birth_date, notes, .. } = &customer;
    let (id, address) = (id(number), customer.address());
    // A string takes everything that is written to it.
    let _ = writeln!(
        input,
        "insert into customer values ({id}, '{name}', '{email}', '{phone}', '{address}', '{birth_date}', '{notes}');
insert into event (at, actor, action, purpose, customer, fields) values (1700000000000000, 'load', 'customer.create', 'support', {id}, 'name,email,phone,address,birth_date,notes');"
    );
}

/// Sixteen bytes as SQL has them, spread as random ids are.
fn id(number: u64) -> String {
    format!("x'{:016x}{number:016x}'", mix(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_whole() {
        let mut input = String::new();
        insert(&mut input, 3);
        assert_eq!(input.matches("insert into").count(), 2);
        assert_eq!(input.matches('\'').count() % 2, 0);
        assert_eq!(id(3).len(), 35);
    }
}
