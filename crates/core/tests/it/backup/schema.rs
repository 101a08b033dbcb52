//! The list of tables is the schema's: whatever is added to the one is decided about in the other.

use std::collections::{BTreeMap, BTreeSet};

use avouch_core::MIGRATIONS;
use avouch_core::backup::{left_out, tables};
use avouch_store::Side;
use rusqlite::Connection;

/// A table's columns, and its keys: each the columns that no two rows share.
type Shape = (BTreeSet<String>, BTreeSet<Vec<String>>);

/// The tables of a store, as SQLite has them.
fn schema(side: Side) -> BTreeMap<String, Shape> {
    let connection = Connection::open_in_memory().expect("memory");
    for migration in MIGRATIONS {
        let sql = if side == Side::Data { migration.data } else { migration.keys };
        connection.execute_batch(sql).expect("a migration works");
    }
    let mut tables =
        connection.prepare("select name from sqlite_master where type = 'table' order by name").expect("sql");
    let names: Vec<String> =
        tables.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("text")).collect();
    let texts = |sql: &str, of: &String| -> Vec<String> {
        let mut texts = connection.prepare(sql).expect("sql");
        texts.query_map([of], |row| row.get(0)).expect("rows").map(|name| name.expect("text")).collect()
    };
    let shape = |table: &String| {
        let columns = texts("select name from pragma_table_info(?1)", table).into_iter().collect();
        // A number that is the key alone has no index of its own.
        let first = texts("select name from pragma_table_info(?1) where pk > 0 order by pk", table);
        let unique = texts("select name from pragma_index_list(?1) where \"unique\" and not partial", table);
        let of_index = |index| texts("select name from pragma_index_info(?1) order by seqno", index);
        (columns, unique.iter().map(of_index).chain([first]).collect())
    };
    names.iter().map(|table| (table.clone(), shape(table))).collect()
}

#[test]
fn every_table_is_backed_up_with_every_column_by_its_key_or_left_out_by_name() {
    let (held, left_out) = (tables(), left_out());
    for side in [Side::Data, Side::Keys] {
        let mut schema = schema(side);
        for (_, name, columns, key) in held.iter().filter(|(of, ..)| *of == side) {
            let (all, keys) = schema.remove(*name).unwrap_or_else(|| panic!("no table is called {name}"));
            let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            assert_eq!(BTreeSet::from_iter(strings(columns)), all, "{name}");
            // Rows are read, compared and laid over one another in the order of these.
            let key = strings(&columns[..*key]);
            assert!(keys.contains(&key), "{name}: {key:?} is not one of {keys:?}");
        }
        let rest: Vec<_> = schema.keys().filter(|name| !left_out.contains(&name.as_str())).collect();
        assert_eq!(rest, [""; 0], "{side:?}: neither backed up nor left out");
    }
}
