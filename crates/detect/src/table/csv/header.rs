//! The header row: the names that everything else is told by.
//!
//! A file without header would make one customer's values the names of columns, and they would reach logs and
//! screens. So a first line that looks like data is refused, and no refusal here repeats a name.

use std::collections::HashMap;

use super::super::Error;
use super::super::record::Record;
use crate::shape;

/// The names of the columns: trimmed, on one line, none empty, each different. A delimiter at the end of the
/// row makes no column.
pub(super) fn names(record: &Record) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = record.cells().map(|cell| tidy(cell.text().unwrap_or_default())).collect();
    if names.len() > 1 && names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    let data = numbers(&names, |name| shape::is_email(name) || shape::is_date(name) || is_value(name));
    if !data.is_empty() {
        return Err(Error::HeaderMissing(data));
    }
    let empty = numbers(&names, String::is_empty);
    if !empty.is_empty() {
        return Err(Error::HeaderEmpty(empty));
    }
    let mut first = HashMap::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(before) = first.insert(name.as_str(), index) {
            return Err(Error::HeaderTwice(vec![before + 1, index + 1]));
        }
    }
    Ok(names)
}

/// Cells of a spreadsheet's header are often broken over lines.
fn tidy(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Digits and punctuation only, but for a year, which may well name a column.
fn is_value(name: &str) -> bool {
    let year = name.len() == 4 && (name.starts_with("19") || name.starts_with("20"));
    name.bytes().any(|byte| byte.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_digit() || b" +-/.,()".contains(&byte))
        && !year
}

fn numbers(names: &[String], which: impl Fn(&String) -> bool) -> Vec<usize> {
    names.iter().enumerate().filter(|(_, name)| which(name)).map(|(index, _)| index + 1).collect()
}
