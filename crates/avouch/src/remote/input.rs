//! Values from the command line. Whoever can list processes on this machine can read arguments, so every value may come from stdin or a
//! file instead; the help of the commands says so.
//!
//! ```text
//! email=ada@example.org        a text                     phone[]=+49305550100   one more of a list
//! email=-                      the text on stdin          address.city=Berlin    a part
//! email=@mail.txt              the text in a file         points:=12             any JSON
//! -                            a JSON object on stdin     @customer.json         a JSON object in a file
//! ```

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use avouch_seal::{SecureRandom as _, SystemRandom};
use avouch_wire::{Fields, Secret};
use data_encoding::BASE64;
use serde_json::{Map, Value};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::CliError;

/// What the help of commands with values says.
pub(super) const VALUES_HELP: &str = "\
Values:
  email=ada@example.org   a text
  email=-                 the text on stdin
  email=@mail.txt         the text in a file
  phone[]=+49305550100    one more value of a list
  address.city=Berlin     a part of a value
  points:=12              any JSON
  -                       a JSON object of all values on stdin
  @customer.json          a JSON object of all values in a file

Whoever can list processes on this machine can read arguments. For personal values
prefer stdin or a file.";

/// Reads stdin, at most once.
pub(super) struct Sources<R> {
    stdin: Option<R>,
}

impl Sources<io::Stdin> {
    pub(super) fn of_process() -> Self {
        Self { stdin: Some(io::stdin()) }
    }
}

impl<R: Read> Sources<R> {
    /// The values that the arguments name.
    pub(super) fn fields(&mut self, arguments: &[String]) -> Result<Fields, CliError> {
        let mut fields = Map::new();
        for argument in arguments {
            self.take(argument, &mut fields, put)?;
        }
        Ok(Fields(fields))
    }

    /// The same for a search, where `field.part` is a part of a value and not a member of one.
    pub(super) fn conditions(&mut self, arguments: &[String]) -> Result<Fields, CliError> {
        let mut fields = Map::new();
        for argument in arguments {
            self.take(argument, &mut fields, put_flat)?;
        }
        Ok(Fields(fields))
    }

    /// The JSON document on stdin (`-`) or in a file.
    pub(super) fn document(&mut self, path: &Path) -> Result<Value, CliError> {
        let name = if path == Path::new("-") { "stdin".to_owned() } else { format!("`{}`", path.display()) };
        json(&self.text(path)?, &name)
    }

    /// The text on stdin (`-`) or in a file.
    pub(super) fn text(&mut self, path: &Path) -> Result<String, CliError> {
        if path == Path::new("-") { self.stdin() } else { file(path) }
    }

    /// The bytes on stdin (`-`) or in a file, as they are, in base64.
    pub(super) fn base64(&mut self, path: &Path) -> Result<Secret, CliError> {
        let mut bytes = Zeroizing::new(Vec::new());
        if path == Path::new("-") {
            self.once()?.read_to_end(&mut bytes)?;
        } else {
            *bytes = fs::read(path).map_err(|error| CliError::file(path, &error))?;
        }
        Ok(Secret(BASE64.encode(&bytes)))
    }

    /// The line of text on stdin (`-`) or in a file.
    pub(super) fn secret(&mut self, path: &Path) -> Result<Secret, CliError> {
        let text = if path == Path::new("-") { self.stdin()? } else { file(path)? };
        Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn take(&mut self, argument: &str, fields: &mut Map<String, Value>, put: Put) -> Result<(), CliError> {
        let whole = match argument.strip_prefix('@') {
            Some(path) => Some(self.document(Path::new(path))?),
            None if argument == "-" => Some(self.document(Path::new("-"))?),
            None => None,
        };
        if let Some(whole) = whole {
            let Value::Object(members) = whole else {
                return Err(CliError::usage("the values must be a JSON object"));
            };
            fields.extend(members);
            return Ok(());
        }
        let Some((name, text)) = argument.split_once('=') else {
            // Not repeated: it may be a value whose name was forgotten.
            return Err(CliError::usage("a value is written `field=value`"));
        };
        let (name, value) = match name.strip_suffix(':') {
            Some(name) => (name, json(text, "the value")?),
            None if text == "-" => {
                let text = self.stdin()?;
                (name, Value::String(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            None => match text.strip_prefix('@') {
                Some(path) => {
                    let text = file(Path::new(path))?;
                    (name, Value::String(text.trim_end_matches(['\r', '\n']).to_owned()))
                }
                None => (name, Value::String(text.to_owned())),
            },
        };
        put(fields, name, value)
    }

    fn stdin(&mut self) -> Result<String, CliError> {
        let mut text = String::new();
        self.once()?.read_to_string(&mut text)?;
        Ok(text)
    }

    fn once(&mut self) -> Result<R, CliError> {
        self.stdin.take().ok_or_else(|| CliError::usage("stdin can be read for one value only"))
    }
}

/// A new random number.
pub(super) fn random() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A new random id (UUID version 4).
pub(super) fn random_id() -> Uuid {
    let mut bytes = [0; 16];
    fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

fn fill(bytes: &mut [u8]) {
    // On failure the bytes stay zero: worse jitter, or an idempotency key that the server refuses the second time. Nothing secret
    // depends on them.
    let _ = SystemRandom::new().fill(bytes);
}

/// Adds a value under the name that was written.
type Put = fn(&mut Map<String, Value>, &str, Value) -> Result<(), CliError>;

/// A name as it is.
fn put_flat(fields: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), CliError> {
    if name.is_empty() {
        return Err(CliError::usage("a value is written `field=value`"));
    }
    match fields.insert(name.to_owned(), value) {
        None => Ok(()),
        Some(_) => Err(CliError::usage(format!("`{name}` is given twice"))),
    }
}

/// `name`, `name[]` or `name.part`.
fn put(fields: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), CliError> {
    let twice =
        |name: &str| CliError::usage(format!("`{name}` is given twice; for a list write `{name}[]=…`"));
    if let Some(name) = name.strip_suffix("[]") {
        return match fields.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(items) => {
                items.push(value);
                Ok(())
            }
            _ => Err(twice(name)),
        };
    }
    if let Some((name, part)) = name.split_once('.') {
        return match fields.entry(name).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(parts) if !parts.contains_key(part) => {
                parts.insert(part.to_owned(), value);
                Ok(())
            }
            _ => Err(twice(name)),
        };
    }
    if name.is_empty() || fields.contains_key(name) {
        return Err(twice(name));
    }
    fields.insert(name.to_owned(), value);
    Ok(())
}

pub(super) fn file(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|error| CliError::file(path, &error))
}

fn json(text: &str, name: &str) -> Result<Value, CliError> {
    // Line and column only: the library's text may quote what it read.
    serde_json::from_str(text).map_err(|error| {
        CliError::Input(format!("{name} is not JSON (line {}, column {})", error.line(), error.column()))
    })
}

/// The files of a charter's folder: YAML, Cedar and Markdown, by path with `/`, sorted.
pub(crate) fn charter_files(folder: &Path) -> Result<Vec<avouch_wire::CharterFile>, CliError> {
    let mut files = Vec::new();
    let mut folders: Vec<(PathBuf, String)> = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| CliError::file(&folder, &error))? {
            let entry = entry.map_err(|error| CliError::file(&folder, &error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type().map_err(|error| CliError::file(&entry.path(), &error))?;
            if name.starts_with('.') {
                continue;
            } else if kind.is_dir() {
                folders.push((entry.path(), format!("{prefix}{name}/")));
            } else if [".yaml", ".yml", ".cedar", ".md"].iter().any(|end| name.ends_with(end)) {
                let text = file(&entry.path())?;
                files.push(avouch_wire::CharterFile { path: format!("{prefix}{name}"), text });
            }
        }
    }
    if files.is_empty() {
        return Err(CliError::usage(format!("`{}` has no charter files", folder.display())));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(arguments: &[&str], stdin: &str) -> Result<String, String> {
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let mut sources = Sources { stdin: Some(stdin.as_bytes()) };
        let fields = sources.fields(&arguments).map_err(|error| error.to_string())?;
        Ok(serde_json::to_string(&fields).unwrap())
    }

    #[test]
    fn every_way_to_write_a_value() {
        let text = fields(
            &[
                "name=Ada = Beispiel",
                "email=-",
                "phone[]=1",
                "phone[]=2",
                "address.city=Berlin",
                "points:=12",
            ],
            "ada@example.org\n",
        );
        insta::assert_snapshot!(text.unwrap(), @r#"{"name":"Ada = Beispiel","email":"ada@example.org","phone":["1","2"],"address":{"city":"Berlin"},"points":12}"#);
        assert_eq!(
            fields(&["-"], r#"{"email":"ada@example.org"}"#).unwrap(),
            r#"{"email":"ada@example.org"}"#
        );
    }

    #[test]
    fn a_search_names_parts_of_values() {
        let conditions = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
            let fields = Sources { stdin: Some(&b""[..]) }.conditions(&arguments);
            fields.map(|fields| serde_json::to_string(&fields).unwrap()).map_err(|error| error.to_string())
        };
        insta::assert_snapshot!(
            conditions(&["name=Ada", "birth_date.year:=1815"]).unwrap(),
            @r#"{"name":"Ada","birth_date.year":1815}"#
        );
        for wrong in [&["name=Ada", "name=Ada"][..], &["=Ada"], &["Ada"]] {
            assert!(!conditions(wrong).unwrap_err().contains("Ada"), "{wrong:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said_without_the_value() {
        for arguments in [
            &["ada@example.org"][..],
            &["email=ada", "email=ada"],
            &["email=ada", "email[]=ada"],
            &["email=ada", "email.part=ada"],
            &["email:=ada"],
            &["=ada"],
            &["email=-", "name=-"],
        ] {
            let error = fields(arguments, "ada").unwrap_err();
            assert!(!error.contains("ada"), "{error}");
        }
        assert!(!fields(&["-"], "[\"ada\"]").unwrap_err().contains("ada"));
    }
}
