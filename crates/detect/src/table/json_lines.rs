//! JSON Lines: one object on each line.
//!
//! Objects have no header, so the columns are the keys of the first rows, which wait in memory (bounded in
//! number and bytes) and are given again as records. A key that turns up later makes its row bad: dropping
//! its value would lose data without a word.

use std::collections::{HashMap, VecDeque};
use std::{fmt, io};

use serde_json::{Map, Value};

use super::error::{Complaint, Error, Fault, RowError};
use super::record::{Cells, Record};
use super::window::Window;
use super::{Options, json};

/// How many rows are looked at for their keys.
const FIRST_ROWS: usize = 1_000;
const FIRST_BYTES: usize = 8 << 20;

pub(super) struct Rows {
    window: Window,
    max_bytes: usize,
    headers: Vec<String>,
    columns: HashMap<String, usize>,
    waiting: VecDeque<Row>,
    row: u64,
}

/// A line that was read, and what is on it.
struct Row {
    line: u64,
    row: u64,
    raw: Box<[u8]>,
    object: Result<Vec<(String, Value)>, Complaint>,
}

impl Rows {
    /// Reads the first rows and learns the columns.
    pub(super) fn open(window: Window, options: &Options) -> Result<Self, Error> {
        let mut rows = Self {
            window,
            max_bytes: options.max_record_bytes,
            headers: Vec::new(),
            columns: HashMap::new(),
            waiting: VecDeque::new(),
            row: 0,
        };
        let mut bytes = 0;
        while rows.waiting.len() < FIRST_ROWS && bytes < FIRST_BYTES {
            let Some(row) = rows.read()? else { break };
            bytes += row.raw.len();
            for (key, _) in row.object.iter().flatten() {
                if !rows.columns.contains_key(key) {
                    rows.columns.insert(key.clone(), rows.headers.len());
                    rows.headers.push(key.clone());
                }
            }
            if rows.headers.len() > options.max_columns {
                return Err(Error::HeaderTooWide { most: options.max_columns });
            }
            rows.waiting.push_back(row);
        }
        if rows.waiting.iter().all(|row| row.object.is_err()) {
            return Err(Error::NoJsonObject { lines: rows.waiting.len() });
        }
        Ok(rows)
    }

    pub(super) fn headers(&self) -> &[String] {
        &self.headers
    }

    pub(super) fn position(&self) -> u64 {
        self.window.position()
    }

    pub(super) fn next_row(&mut self) -> Option<Result<Record, Fault>> {
        let row = match self.waiting.pop_front().map_or_else(|| self.read(), |row| Ok(Some(row))) {
            Ok(row) => row?,
            Err(error) => return Some(Err(Fault::Input(error))),
        };
        let Row { line, row, raw, object } = row;
        Some(match object.and_then(|pairs| self.cells(pairs)) {
            Ok(cells) => Ok(Record { line, row, raw, cells }),
            Err(why) => Err(Fault::Row(RowError { line, row, why, raw: raw.into() })),
        })
    }

    fn cells(&self, pairs: Vec<(String, Value)>) -> Result<Cells, Complaint> {
        let mut cells = vec![Value::Null; self.headers.len()].into_boxed_slice();
        for (key, value) in pairs {
            let cell = self.columns.get(&key).and_then(|&column| cells.get_mut(column));
            *cell.ok_or_else(|| Complaint::UnknownKey(Some(key).filter(|key| is_name(key))))? = value;
        }
        Ok(Cells::Json(cells))
    }

    /// The next line that is not blank.
    fn read(&mut self) -> io::Result<Option<Row>> {
        loop {
            let end = self.window.next_line(0);
            let bytes = self.window.bytes();
            if end.is_none() && !self.window.drained() && bytes.len() <= self.max_bytes {
                self.window.more()?;
                continue;
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            let length = end.unwrap_or(bytes.len());
            let text = bytes.get(..length).unwrap_or_default().trim_ascii();
            if text.is_empty() && end.is_some() {
                self.window.advance(length);
                continue;
            }
            if text.is_empty() && self.window.drained() {
                return Ok(None);
            }
            self.row += 1;
            let (line, row) = (self.window.line(), self.row);
            if length > self.max_bytes {
                let raw = text.get(..self.max_bytes).unwrap_or(text).into();
                let object = Err(Complaint::TooLong { limit: self.max_bytes });
                self.window.skip_line()?;
                return Ok(Some(Row { line, row, raw, object }));
            }
            let object = json::object(text).and_then(flatten);
            let raw = text.into();
            self.window.advance(length);
            return Ok(Some(Row { line, row, raw, object }));
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("window", &self.window).field("row", &self.row).finish_non_exhaustive()
    }
}

/// Lifts the keys of inner objects by one level: `{"address": {"city": ..}}` has the column `address.city`.
fn flatten(object: Map<String, Value>) -> Result<Vec<(String, Value)>, Complaint> {
    let mut pairs = Vec::with_capacity(object.len());
    let mut dotted = false;
    for (outer, value) in object {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                dotted = true;
                pairs.extend(inner.into_iter().map(|(key, value)| (format!("{outer}.{key}"), value)));
            }
            Value::Object(_) => pairs.push((outer, Value::Null)),
            value => pairs.push((outer, value)),
        }
    }
    // `{"a": {"b": 1}, "a.b": 2}` has one column twice.
    if dotted {
        let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return Err(Complaint::KeyTwice);
        }
    }
    Ok(pairs)
}

/// Whether a key is shaped like a name that someone gave a column, and not like a value that became a key.
fn is_name(key: &str) -> bool {
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    key.len() <= 40
        && digits <= 4
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_only_keys_that_look_like_names() {
        assert!(is_name("nick_name"));
        assert!(is_name("address.line2"));
        assert!(!is_name("anna@example.com"));
        assert!(!is_name("4111111111111111"));
        assert!(!is_name("k4111111111111111"));
        assert!(!is_name("Anna Schmidt"));
    }
}
