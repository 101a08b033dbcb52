//! The charter's files on this machine: the one that comes with the program, and `charter check`, which needs no server.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use avouch_charter::{Charter, Problem, SourceFile};

use crate::error::Error;
use crate::files;
use crate::remote;

/// The default charter: a small shop, complete.
const DEFAULT: &[(&str, &str)] = &[
    ("charter.yaml", include_str!("../../../charter/charter.yaml")),
    ("data.yaml", include_str!("../../../charter/data.yaml")),
    ("purposes.yaml", include_str!("../../../charter/purposes.yaml")),
    ("recipients.yaml", include_str!("../../../charter/recipients.yaml")),
    ("retention.yaml", include_str!("../../../charter/retention.yaml")),
    ("roles.yaml", include_str!("../../../charter/roles.yaml")),
    ("approvals.yaml", include_str!("../../../charter/approvals.yaml")),
    ("policies/approvals.cedar", include_str!("../../../charter/policies/approvals.cedar")),
    ("policies/charter.cedar", include_str!("../../../charter/policies/charter.cedar")),
    ("policies/step_up.cedar", include_str!("../../../charter/policies/step_up.cedar")),
];

/// The files of the default charter.
pub(crate) fn default_files() -> Vec<SourceFile> {
    DEFAULT
        .iter()
        .map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect()
}

/// Writes the default charter into a new folder.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn write_default(folder: &Path) -> Result<(), Error> {
    let policies = folder.join("policies");
    fs::create_dir_all(&policies).map_err(Error::file(&policies))?;
    DEFAULT.iter().try_for_each(|(name, text)| files::write_new(&folder.join(name), text, 0o644))
}

/// Reads the files of a folder.
///
/// # Errors
/// When it cannot be read, or holds none.
pub(crate) fn read(folder: &Path) -> Result<Vec<SourceFile>, Error> {
    let files = remote::charter_files(folder)?;
    Ok(files.into_iter().map(|file| SourceFile { path: file.path, text: file.text }).collect())
}

/// `avouch charter check`: problems and warnings with their places; exit code 1 when there are problems.
///
/// # Errors
/// When the files cannot be read.
pub(crate) fn check(folder: &Path, json: bool) -> Result<ExitCode, Error> {
    let (problems, warnings, fields) = match Charter::parse(&read(folder)?) {
        Ok(charter) => (Vec::new(), charter.warnings().to_vec(), charter.fields().len()),
        Err(problems) => (problems, Vec::new(), 0),
    };
    let text = if json {
        let whole =
            serde_json::json!({ "ok": problems.is_empty(), "problems": problems, "warnings": warnings });
        format!("{whole:#}\n")
    } else {
        let mut text: String = problems.iter().map(|problem| shown(folder, "problem", problem)).collect();
        text.extend(warnings.iter().map(|warning| shown(folder, "warning", warning)));
        text.push_str(&match problems.len() {
            0 => format!("the charter is sound: {fields} fields, {}\n", counted(warnings.len(), "warning")),
            many => format!("{} to put right\n", counted(many, "problem")),
        });
        text
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(remote::CliError::from)?;
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Like a compiler: an editor that knows `file:line:column` can go there.
fn shown(folder: &Path, kind: &str, problem: &Problem) -> String {
    let Problem { file, line, column, message, help } = problem;
    let help = help.as_ref().map(|help| format!("  help: {help}\n")).unwrap_or_default();
    format!("{}:{line}:{column}: {kind}: {message}\n{help}", folder.join(file).display())
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_charter_is_the_one_of_the_repository_and_sound() {
        let charter = Charter::parse(&default_files()).unwrap();
        assert_eq!(charter.sources().len(), DEFAULT.len());
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
        assert_eq!(
            sorted(read(&folder).unwrap()),
            sorted(default_files()),
            "a file of /charter is not in the program"
        );
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("charter");
        write_default(&folder).unwrap();
        assert_eq!(sorted(read(&folder).unwrap()), sorted(default_files()));
    }

    fn sorted(mut files: Vec<SourceFile>) -> Vec<SourceFile> {
        files.sort_by(|one, other| one.path.cmp(&other.path));
        files
    }
}
