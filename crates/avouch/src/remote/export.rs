//! Export: a stream into a file that nobody else can read, or to stdout. A file appears under its name only when it is whole and on disk.

use std::{
    fs::{self, OpenOptions},
    io::{self, IsTerminal, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use avouch_wire::{ExportFormat, ExportRequest, Secret};
use clap::{ArgGroup, Args, ValueEnum};
use serde_json::json;

use super::{CliError, Remote, input::random_id};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("receiver").args(["to", "plain"]).required(true)))]
pub(crate) struct ExportArgs {
    /// Which fields, with commas between
    #[arg(long, required = true, value_delimiter = ',', value_name = "FIELD")]
    fields: Vec<String>,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT")]
    reason: Secret,
    /// How to write them
    #[arg(long, default_value = "csv")]
    format: Format,
    /// The receiver's age public key; only its owner can open the file
    #[arg(long, value_name = "age1…")]
    to: Option<String>,
    /// Not sealed: whoever has the file can read it
    #[arg(long)]
    plain: bool,
    /// The file to write; `-` for stdout
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// One line for each customer, after a header
    Csv,
    /// One JSON object for each customer
    Jsonl,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Jsonl => Self::Jsonl,
        }
    }
}

pub(super) fn run(args: ExportArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let stdout = args.output == Path::new("-");
    if stdout && args.to.is_some() && io::stdout().is_terminal() {
        return Err(CliError::usage("a sealed file is no text for a terminal; name a file with -o"));
    }
    // Before the server puts the export on record: a name that cannot be used should not cost an event.
    if !stdout && !args.force && args.output.exists() {
        let path = args.output.display();
        return Err(CliError::usage(format!("`{path}` is there already; --force replaces it")));
    }
    let request = ExportRequest {
        purpose: args.purpose,
        reason: args.reason,
        fields: args.fields,
        format: args.format.into(),
        seal_to: args.to,
        plain: args.plain.then_some(true),
    };
    if stdout {
        let mut export = remote.client.export(&request)?;
        let bytes = copy(&mut export, &mut io::stdout().lock()).map_err(|broken| match broken {
            Broken::Read => broke_off(),
            Broken::Write(error) => error.into(),
        })?;
        report(bytes, remote);
        return Ok(ExitCode::SUCCESS);
    }
    let bytes = to_file(&request, &args.output, remote)?;
    if remote.output.json {
        let file = args.output.to_string_lossy();
        remote.output.json(&json!({"bytes": bytes, "file": file}))?;
    } else {
        report(bytes, remote);
    }
    Ok(ExitCode::SUCCESS)
}

fn to_file(request: &ExportRequest, path: &Path, remote: &Remote) -> Result<u64, CliError> {
    whole(path, |file| {
        let mut export = remote.client.export(request)?;
        copy(&mut export, file).map_err(|broken| match broken {
            Broken::Read => broke_off(),
            Broken::Write(error) => CliError::file(path, &error),
        })
    })
}

/// Into a new file of mode 0600 beside the target, synced, then renamed over it.
pub(super) fn whole<T>(
    path: &Path,
    write: impl FnOnce(&mut fs::File) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let mut name = path.file_name().ok_or_else(|| CliError::usage("-o needs a file name"))?.to_owned();
    name.push(format!(".{}.part", random_id().simple()));
    let part = Part(path.with_file_name(name));
    let failed = |error: io::Error| CliError::file(path, &error);

    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part.0).map_err(failed)?;
    let written = write(&mut file)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&part.0, path).map_err(failed)?;
    // The rename itself must outlast a crash too.
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(written)
}

/// Removes the half-written file whatever goes wrong; after the rename there is none.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

enum Broken {
    Read,
    Write(io::Error),
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<u64, Broken> {
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        let read = from.read(&mut buffer).map_err(|_| Broken::Read)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        to.write_all(bytes).map_err(Broken::Write)?;
        total += bytes.len() as u64;
    }
    to.flush().map_err(Broken::Write)?;
    Ok(total)
}

fn broke_off() -> CliError {
    avouch_client::Error::Transport("the export broke off; nothing was kept".to_owned()).into()
}

/// To stderr: stdout may be the export.
fn report(bytes: u64, remote: &Remote) {
    if !remote.output.json {
        let _ = writeln!(io::stderr(), "{bytes} bytes written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_file_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.part");
        fs::write(&path, "half").unwrap();
        drop(Part(path.clone()));
        assert!(!path.exists());
    }

    #[test]
    fn a_reader_that_breaks_is_not_an_end() {
        struct Breaks;
        impl Read for Breaks {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        assert!(matches!(copy(&mut (&b"half"[..]).chain(Breaks), &mut Vec::new()), Err(Broken::Read)));
    }
}
