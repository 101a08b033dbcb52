//! Import: a file of customers, through a mapping that a person has seen, into the vault. In constant memory, whatever the file's size.
//!
//! 1. The file is read once for its digest and its first rows are sampled.
//! 2. The mapping is what `--map` says, or the server's proposal as confirmed.
//! 3. The digests of file and mapping name the import. What the server has of it already is not sent again, so the same command after a
//!    crash, a lost connection or Ctrl-C goes on where it was and stores nobody twice.
//! 4. Rows are sent in chunks; those that are not stored go to an error file that can be mended and imported itself.
//!
//! It must never leave out a row silently: every data row is stored, skipped as a duplicate, or in the error file.

mod error_file;
mod feed;
mod interrupt;
mod mapping;
mod progress;
mod proposal;

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Seek},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use avouch_client::Stated;
use avouch_detect::table::{self, Encoding, Format, Options, Table};
use avouch_wire::{ImportStart, ImportStarted, OnDuplicate, OnErased, limits};
use clap::{Args, ValueEnum};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{CliError, Remote, Why};
use error_file::ErrorFile;
use feed::{Chunks, Counts, Done, Feed};
use mapping::Mapping;
pub(super) use progress::Progress;

#[derive(Debug, Args)]
#[command(after_help = IMPORT_HELP)]
pub(crate) struct ImportArgs {
    /// The file: CSV or JSON Lines; delimiter and encoding are found out
    file: PathBuf,
    /// A column and its field; with this, no mapping is proposed unless --yes is said too
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// Take the proposed mapping without being asked
    #[arg(long)]
    yes: bool,
    /// Check every row and store nothing
    #[arg(long)]
    dry_run: bool,
    /// What to do with a row whose unique value somebody has already
    #[arg(long, default_value = "reject", value_name = "WHAT")]
    on_duplicate: Duplicate,
    /// What to do with a row of somebody who was erased
    #[arg(long, default_value = "ask", value_name = "WHAT")]
    on_erased: Erased,
    /// Where rows go that are not stored; beside the file when absent, and only made when needed
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    /// Rows sent at once
    #[arg(long, default_value_t = 1000, value_name = "ROWS", value_parser = clap::value_parser!(u16).range(1..=1000))]
    chunk: u16,
    /// The format, if it is not found out right
    #[arg(long)]
    format: Option<FileFormat>,
    /// What stands between CSV cells, if it is not found out right; `tab` for a tab
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// The encoding, if it is not found out right, such as `windows-1250`
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    encoding: Option<Encoding>,
    #[command(flatten)]
    why: Why,
}

const IMPORT_HELP: &str = "\
Mapping:
  --map 'E-Mail=email'              a column into a field
  --map 'FirstName+LastName=name'   columns joined by a space, in this order
  --map 'City=address.city'         a column into a part of a field
  --map 'Phone=phone' --map 'Fax=phone'   both into a list
  --map 'Notes='                    left out (with --yes, from the proposal)

The same command again goes on where it was: after a crash, a lost connection, Ctrl-C.
Rows that are not stored are in the error file with the reason; mend them there and
import that file.";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Duplicate {
    /// Put it into the error file
    Reject,
    /// Leave it out and count it
    Skip,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Erased {
    /// Put it into the error file
    Ask,
    /// Leave it out and count it
    Skip,
    /// Store it like any other
    Create,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FileFormat {
    /// Cells with a delimiter between
    Csv,
    /// One JSON object on each line
    Jsonl,
}

pub(super) fn run(args: ImportArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let source = Source::open(&args)?;
    let mut sample = source.table()?;
    let stated = Stated::from(args.why.clone());
    let Some(mapping) = proposal::settle(&mut sample, &args.map, args.yes, &stated, remote)? else {
        eprintln_quietly("nothing was imported");
        return Ok(ExitCode::from(1));
    };
    if !remote.output.json {
        eprintln_quietly(&format!("reading {}", sample.dialect()));
    }
    drop(sample);

    let start = ImportStart {
        source_digest: source.digest.clone(),
        mapping_digest: source.mapping_digest(&mapping, args.chunk)?,
        dry_run: args.dry_run.then_some(true),
        on_duplicate: match args.on_duplicate {
            Duplicate::Reject => OnDuplicate::Reject,
            Duplicate::Skip => OnDuplicate::Skip,
        },
        on_erased: match args.on_erased {
            Erased::Ask => OnErased::Ask,
            Erased::Skip => OnErased::Skip,
            Erased::Create => OnErased::Create,
        },
    };
    let started = remote.client.import_start(&start, &stated)?;
    let done = done(&started, &stated, remote)?;
    if !done.is_empty() && !remote.output.json {
        eprintln_quietly("this import was begun before; it goes on where it was");
    }

    let table = source.table()?;
    let errors = ErrorFile::new(&table, &args.file, args.errors.as_deref())?;
    let chunks = Chunks::new(table, Arc::new(mapping), usize::from(args.chunk), done);
    let client = remote.client.patient(RESTART);
    let feed = Feed { client: &client, import: started.id, stated: &stated, stop: interrupt::watch() };
    let progress = Progress::new(source.bytes, remote.output.json);
    let clock = Instant::now();
    let counts = feed.run(chunks, errors, progress)?;
    finish(&counts, &args, clock.elapsed().as_secs_f64(), remote)
}

/// Which chunks need not be sent. If rows of them were rejected, none: their reasons belong into the error file, and a chunk that is sent
/// again gets the same answer and stores nothing.
fn done(started: &ImportStarted, stated: &Stated, remote: &Remote) -> Result<Done, CliError> {
    if started.chunks_done.is_empty() {
        return Ok(Done::default());
    }
    let import = remote.client.import(started.id, stated)?;
    if import.rows_rejected > 0 {
        return Ok(Done::default());
    }
    Ok(Done::new(&started.chunks_done))
}

fn finish(counts: &Counts, args: &ImportArgs, seconds: f64, remote: &Remote) -> Result<ExitCode, CliError> {
    let rejected = counts.rejected + counts.unreadable;
    // Display only; a count beyond 2^53 is none.
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let rate = (counts.sent as f64 / seconds.max(1e-3)).round();
    if remote.output.json {
        remote.output.json(&json!({
            "rows": counts.rows,
            "accepted": counts.accepted,
            "skipped": counts.skipped,
            "rejected": rejected,
            "earlier": counts.earlier,
            "dry_run": args.dry_run,
            "interrupted": counts.interrupted,
            "seconds": seconds,
            "rows_per_second": rate,
            "errors": counts.error_file.as_ref().map(|path| path.to_string_lossy()),
        }))?;
    } else {
        remote.output.text(&summary(counts, args.dry_run, seconds, rate))?;
    }
    Ok(match (counts.interrupted, rejected) {
        (true, _) => ExitCode::from(1),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(5),
    })
}

fn summary(counts: &Counts, dry_run: bool, seconds: f64, rate: f64) -> String {
    let rejected = counts.rejected + counts.unreadable;
    let verb = if dry_run { "would be imported" } else { "imported" };
    let mut text = format!(
        "{} of {} rows {verb} in {seconds:.1} s ({rate} rows/s), {} duplicates skipped, {rejected} rejected\n",
        counts.accepted + counts.earlier,
        counts.rows,
        counts.skipped
    );
    if counts.earlier > 0 {
        text.push_str(&format!("{} of them are in chunks that were stored before\n", counts.earlier));
    }
    if let Some(path) = &counts.error_file {
        text.push_str(&format!("rejected rows: {}\n", path.display()));
    }
    if counts.interrupted {
        text.push_str("interrupted; the same command again goes on from here\n");
    }
    text
}

/// The file, read as often as needed. It must not change in between.
struct Source {
    file: File,
    bytes: u64,
    digest: String,
    options: Options,
}

impl Source {
    fn open(args: &ImportArgs) -> Result<Self, CliError> {
        let failed = |error: io::Error| CliError::file(&args.file, &error);
        let mut file = File::open(&args.file).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            let path = args.file.display();
            return Err(CliError::usage(format!(
                "`{path}` is not a file; an import reads it more than once"
            )));
        }
        let (digest, bytes) = digest(&mut file).map_err(failed)?;
        let format = args.format.map(|format| match format {
            FileFormat::Csv => Format::Csv,
            FileFormat::Jsonl => Format::JsonLines,
        });
        let options =
            Options { format, delimiter: args.delimiter, encoding: args.encoding, ..Options::default() };
        Ok(Self { file, bytes, digest, options })
    }

    fn table(&self) -> Result<Table, CliError> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        table::open(file, &self.options).map_err(|error| CliError::Input(error.to_string()))
    }

    /// Names what rows become, besides the file: the mapping, the chunks, and how the file is read.
    fn mapping_digest(&self, mapping: &Mapping, chunk: u16) -> Result<String, CliError> {
        let dialect = self.table()?.dialect().to_string();
        let parts = json!({"mapping": mapping.describe(), "chunk": chunk, "dialect": dialect});
        Ok(hex(&Sha256::digest(parts.to_string())))
    }
}

/// SHA-256 of the whole file as hex, and its length.
fn digest(file: &mut File) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += part.len() as u64;
    }
    Ok((hex(&hash.finalize()), bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn delimiter(text: &str) -> Result<u8, String> {
    match (text, text.as_bytes()) {
        ("tab" | "\\t", _) => Ok(b'\t'),
        (_, [byte]) => Ok(*byte),
        _ => Err("a delimiter is one ASCII character, or `tab`".to_owned()),
    }
}

fn encoding(text: &str) -> Result<Encoding, String> {
    Encoding::named(text).ok_or_else(|| format!("there is no encoding `{text}`"))
}

fn eprintln_quietly(text: &str) {
    use io::Write as _;
    let _ = writeln!(io::stderr(), "{text}");
}

fn interactive(remote: &Remote) -> bool {
    !remote.output.json && io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The error file's name when none is given: `customers.csv` has `customers.errors.csv`.
fn beside(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(".errors.");
    name.push(extension);
    file.with_file_name(name)
}

/// How long a chunk may wait for the server to come back: an import outlives a restart.
const RESTART: Duration = Duration::from_secs(60);

/// Rows that the server is asked about at first.
const SAMPLES: usize = limits::PROPOSE_SAMPLES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256_of_the_file() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), "abc").unwrap();
        let (digest, bytes) = digest(&mut File::open(path.path()).unwrap()).unwrap();
        // FIPS 180-4, example B.1.
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(bytes, 3);
    }

    #[test]
    fn an_error_file_lies_beside_its_source() {
        assert_eq!(beside(Path::new("in/customers.csv"), "csv"), Path::new("in/customers.errors.csv"));
        assert_eq!(beside(Path::new("customers"), "jsonl"), Path::new("customers.errors.jsonl"));
    }

    #[test]
    fn the_summary_accounts_for_every_row() {
        let counts = Counts {
            rows: 59,
            sent: 19,
            accepted: 16,
            skipped: 1,
            rejected: 1,
            unreadable: 1,
            earlier: 40,
            error_file: Some("customers.errors.csv".into()),
            interrupted: false,
        };
        insta::assert_snapshot!(summary(&counts, false, 0.25, 76.0), @"
        56 of 59 rows imported in 0.2 s (76 rows/s), 1 duplicates skipped, 2 rejected
        40 of them are in chunks that were stored before
        rejected rows: customers.errors.csv
        ");
    }
}
