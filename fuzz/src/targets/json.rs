//! A body that is JSON passes the look that is taken before it is read, unless it is nested too deep or names
//! a member twice in one object, and then it does not: by the account of a reader that takes its time.
//! Whatever a body is, the look ends, and blames a place that the body has.

use std::{collections::BTreeSet, fmt};

use arbitrary::{Result, Unstructured};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use scan::Flaw;

/// The crate around it is heavy to build, and this is the part of it that others write to.
#[path = "../../../crates/http/src/json/scan.rs"]
mod scan;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    let most: usize = input.int_in_range(1..=32)?;
    let body = input.take_rest();
    let found = scan::scan(body, most);
    let at = match found {
        Ok(()) => 0,
        Err(Flaw::Depth { at, most: told }) => {
            assert_eq!(told, most);
            at
        }
        Err(Flaw::Encoding { at } | Flaw::Twice { at }) => at,
    };
    assert!(at <= body.len());
    if let Ok(account) = serde_json::from_slice::<Account>(body) {
        let flawed = account.depth > most || account.twice;
        match found {
            Ok(()) => assert!(!flawed, "{account:?}"),
            Err(Flaw::Depth { .. }) => assert!(account.depth > most, "{account:?}"),
            Err(Flaw::Twice { .. }) => assert!(account.twice, "{account:?}"),
            Err(Flaw::Encoding { .. }) => unreachable!("JSON is UTF-8"),
        }
    }
    Ok(())
}

/// What there is to say of a value.
#[derive(Debug, Default)]
struct Account {
    /// Arrays and objects around the innermost value.
    depth: usize,
    /// Whether an object names a member twice.
    twice: bool,
}

impl Account {
    /// Of a value within this one.
    fn include(&mut self, inner: &Self) {
        self.depth = self.depth.max(inner.depth + 1);
        self.twice |= inner.twice;
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Accountant)
    }
}

struct Accountant;

impl<'de> Visitor<'de> for Accountant {
    type Value = Account;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Account, E> {
        Ok(Account::default())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<Account, E> {
        Ok(Account::default())
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<Account, E> {
        Ok(Account::default())
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<Account, E> {
        Ok(Account::default())
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<Account, E> {
        Ok(Account::default())
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<Account, E> {
        Ok(Account::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Account, A::Error> {
        let mut all = Account { depth: 1, twice: false };
        while let Some(item) = items.next_element::<Account>()? {
            all.include(&item);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Account, A::Error> {
        let (mut all, mut names) = (Account { depth: 1, twice: false }, BTreeSet::new());
        while let Some((name, value)) = members.next_entry::<String, Account>()? {
            all.include(&value);
            all.twice |= !names.insert(name);
        }
        Ok(all)
    }
}
