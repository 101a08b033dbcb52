//! Where answers go: stdout, as JSON or as text. A closed pipe ends the command quietly.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use avouch_wire::{Fields, Subject, View};
use data_encoding::BASE64;
use serde::Serialize;
use serde_json::Value;

use super::{CliError, table::Table};

/// How to answer.
#[derive(Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// The answer as JSON, or as the text that `human` makes of it.
    pub(super) fn answer<T: Serialize>(
        self,
        answer: &T,
        human: impl FnOnce(&T) -> String,
    ) -> Result<ExitCode, CliError> {
        if self.json {
            self.json(answer)?
        } else {
            self.text(&human(answer))?
        }
        Ok(ExitCode::SUCCESS)
    }

    pub(super) fn json(self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        self.text(&format!("{text}\n"))
    }

    /// Asks whoever sits at the terminal; anything but yes is no, and said so.
    pub(super) fn asks(self, question: &str) -> Result<bool, CliError> {
        if self.json || !io::stdin().is_terminal() {
            return Err(CliError::usage("nobody is there to be asked: say --yes"));
        }
        self.text(&format!("{question} [y/N] "))?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        let yes = matches!(answer.trim(), "y" | "Y" | "yes");
        if !yes {
            self.text("nothing was changed\n")?;
        }
        Ok(yes)
    }

    pub(super) fn text(self, text: &str) -> Result<(), CliError> {
        write(text.as_bytes())
    }

    /// Bytes as they are; on a terminal, which some would steer, as text that is harmless, or else in base64.
    pub(super) fn bytes(self, bytes: &[u8]) -> Result<(), CliError> {
        if !io::stdout().is_terminal() {
            return write(bytes);
        }
        let text = std::str::from_utf8(bytes).map(super::table::clean);
        self.text(&format!("{}\n", text.unwrap_or_else(|_| BASE64.encode(bytes).into())))
    }
}

fn write(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// The table in the width of the terminal, or in full if stdout is none. With a last line where to go on, if there is more.
pub(super) fn listing(table: &Table, next: Option<&String>) -> String {
    let mut text = if table.is_empty() { "none\n".to_owned() } else { table.render(width()) };
    if let Some(cursor) = next {
        text.push_str(&format!("there is more: --cursor {}\n", super::table::clean(cursor)));
    }
    text
}

/// The terminal's width; none if stdout is no terminal.
pub(super) fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Customers under each other, with a column for each field that one of them shows.
pub(super) fn subjects(subjects: &[Subject]) -> Table {
    let mut names: Vec<&str> = Vec::new();
    for subject in subjects {
        for name in subject.fields.names() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let mut table = Table::new(["id", "version"].into_iter().chain(names.iter().copied()));
    for subject in subjects {
        let head = [subject.id.to_string(), subject.version.to_string()];
        let cells = names.iter().map(|name| subject.fields.0.get(*name).map(value).unwrap_or_default());
        table.row(head.into_iter().chain(cells));
    }
    table
}

/// One customer: what is known about it, then each field with the view it is shown in.
pub(super) fn subject(subject: &Subject) -> String {
    let mut text = super::table::facts([
        ("id", subject.id.to_string()),
        ("version", subject.version.to_string()),
        ("created", subject.created.to_string()),
        ("updated", subject.updated.to_string()),
    ]);
    text.push('\n');
    text.push_str(&fields(&subject.fields, &subject.views));
    text
}

/// Fields with their values and views. Fields that show nothing are named in one line.
pub(super) fn fields(fields: &Fields, views: &avouch_wire::Views) -> String {
    let mut table = Table::new(["field", "value", "view"]);
    for (name, content) in &fields.0 {
        table.row([name.as_str(), &value(content), views.get(name).map_or("", |view| view.name())]);
    }
    let mut text = if table.is_empty() { String::new() } else { table.render(width()) };
    let hidden: Vec<_> =
        views.iter().filter(|(_, view)| **view == View::Nothing).map(|(name, _)| name.as_str()).collect();
    if !hidden.is_empty() {
        text.push_str(&format!("not shown: {}\n", super::table::clean(&hidden.join(", "))));
    }
    text
}

/// A value in one line: texts as they are, the parts of lists and objects with commas between.
pub(super) fn value(content: &Value) -> String {
    let join = |parts: &mut dyn Iterator<Item = &Value>| parts.map(value).collect::<Vec<_>>().join(", ");
    match content {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => join(&mut items.iter()),
        Value::Object(members) => join(&mut members.values()),
        Value::Bool(_) | Value::Number(_) => content.to_string(),
    }
}
