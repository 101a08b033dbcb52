//! `avouch passwords build`: makes the list of stolen passwords that `[people] breached_passwords` names, out of a list as others hand it
//! around. Needs no vault and no server. No password is kept or shown: of each there is a part of its SHA-1 in a folder beside the new
//! file, in 256 files, until each of these has become a part of it; so the memory is that of the largest part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avouch_core::gate::people::PASSWORD_SHORTEST;
use avouch_core::gate::people::breached::{Builder, Entry, PARTS};
use indicatif::{ProgressBar, ProgressStyle};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::{files, remote};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PasswordsCommand {
    /// Make the list that the server looks new passwords up in
    Build(BuildArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// Passwords, one a line, or lines of SHA-1 with `:` and a number; `-` is stdin
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The new file
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Of lines with a number: only those that were seen so often
    #[arg(long, value_name = "TIMES", default_value_t = 1)]
    seen: u64,
    /// What the lines are, if the first does not show it
    #[arg(long, value_name = "KIND")]
    lines: Option<Lines>,
}

/// What the lines of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Lines {
    /// Passwords as they are typed
    Passwords,
    /// Their SHA-1 in hexadecimal
    Sha1,
}

/// The longest line that is looked at, in bytes.
const LINE_BYTES: u64 = 1024;
const CHUNK: usize = 32 << 10;

/// `avouch passwords`.
///
/// # Errors
/// A file that fails, or a line that is none; then there is no new file.
pub(crate) fn run(command: &PasswordsCommand, json: bool) -> Result<ExitCode, Error> {
    let PasswordsCommand::Build(args) = command;
    let built = build(args, json)?;
    let text = if json {
        format!(
            "{}\n",
            serde_json::json!({
                "passwords": built.passwords, "passed_over": built.passed_over, "bytes": built.bytes,
            })
        )
    } else {
        format!(
            "{} passwords, {} lines passed over, {} bytes\n\nName it in the configuration: [people] breached_passwords\n",
            built.passwords, built.passed_over, built.bytes
        )
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(remote::CliError::from)?;
    Ok(ExitCode::SUCCESS)
}

struct Built {
    passwords: u64,
    passed_over: u64,
    bytes: u64,
}

fn build(args: &BuildArgs, silent: bool) -> Result<Built, Error> {
    let at_to = Error::file(&args.to);
    // Beside the new file, so that it is on the same disk; and never in the place of one.
    let mut name = args.to.file_name().unwrap_or_default().to_owned();
    name.push(".parts");
    let parts = Parts::new(args.to.with_file_name(name))?;
    let target =
        OpenOptions::new().write(true).create_new(true).mode(0o640).open(&args.to).map_err(&at_to)?;
    let built = fill(args, parts, &target, silent);
    match built {
        Ok(built) => {
            target.sync_all().map_err(&at_to)?;
            Ok(built)
        }
        Err(error) => {
            let _ = fs::remove_file(&args.to);
            Err(error)
        }
    }
}

fn fill(args: &BuildArgs, mut parts: Parts, target: &File, silent: bool) -> Result<Built, Error> {
    let at_from = Error::file(&args.from);
    let (source, bytes): (Box<dyn io::Read>, u64) = if args.from == Path::new("-") {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let file = File::open(&args.from).map_err(&at_from)?;
        let bytes = file.metadata().map_err(&at_from)?.len();
        (Box::new(file), bytes)
    };
    let bar = bar(bytes, silent);
    let passed_over = sort(&mut BufReader::with_capacity(1 << 20, source), args, &mut parts, &bar)?;
    bar.finish_and_clear();

    let at_to = Error::file(&args.to);
    let mut builder = Builder::new(BufWriter::with_capacity(1 << 20, target)).map_err(&at_to)?;
    let bar = self::bar(256, silent);
    for part in 0..PARTS {
        builder.part(parts.read(part)?).map_err(&at_to)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let (_, passwords) = builder.finish().map_err(&at_to)?;
    let bytes = target.metadata().map_err(&at_to)?.len();
    Ok(Built { passwords, passed_over, bytes })
}

/// Puts each line's entry to its part; how many lines were passed over.
fn sort(
    source: &mut impl BufRead,
    args: &BuildArgs,
    parts: &mut Parts,
    bar: &ProgressBar,
) -> Result<u64, Error> {
    let at_from = Error::file(&args.from);
    let (mut number, mut position, mut passed_over) = (0_u64, 0, 0);
    let mut kind = args.lines;
    let mut bytes = Zeroizing::new(Vec::with_capacity(2048));
    while let Some(whole) = line(source, &mut bytes).map_err(&at_from)? {
        number += 1;
        position += u64::try_from(bytes.len()).unwrap_or_default() + 1;
        if number.is_multiple_of(65_536) {
            bar.set_position(position);
        }
        let text = core::str::from_utf8(&bytes).ok().filter(|_| whole);
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            passed_over += u64::from(!bytes.is_empty());
            continue;
        };
        let lines = *kind.get_or_insert_with(|| match Entry::of_hashed(text, 0) {
            Ok(_) => Lines::Sha1,
            Err(_) => Lines::Passwords,
        });
        let entry = match lines {
            Lines::Sha1 => Entry::of_hashed(text, args.seen).map_err(|error| {
                Error::Usage(format!("`{}`, line {number}: {error}", args.from.display()))
            })?,
            // A shorter one is refused for its length already.
            Lines::Passwords => (text.chars().count() >= PASSWORD_SHORTEST).then(|| Entry::of(text)),
        };
        match entry {
            Some(entry) => parts.put(entry)?,
            None => passed_over += 1,
        }
    }
    Ok(passed_over)
}

/// The next line without its end; whether it is whole. Nothing at the end of the file.
fn line(source: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<Option<bool>> {
    bytes.clear();
    if source.by_ref().take(LINE_BYTES).read_until(b'\n', bytes)? == 0 {
        return Ok(None);
    }
    let ended = bytes.pop_if(|last| *last == b'\n').is_some();
    bytes.pop_if(|last| *last == b'\r');
    if !ended && !source.fill_buf()?.is_empty() {
        source.skip_until(b'\n')?;
        return Ok(Some(false));
    }
    Ok(Some(true))
}

/// Entries by their part, on the disk; gone when this goes.
struct Parts {
    folder: PathBuf,
    files: Vec<BufWriter<File>>,
}

impl Parts {
    fn new(folder: PathBuf) -> Result<Self, Error> {
        if folder.exists() {
            let text = "is left of an earlier run: remove it";
            return Err(Error::File(folder, io::Error::new(io::ErrorKind::AlreadyExists, text)));
        }
        files::make_private_dir(&folder)?;
        let mut parts = Self { folder, files: Vec::with_capacity(PARTS) };
        for part in 0..PARTS {
            let path = parts.path(part);
            let options = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
            parts.files.push(BufWriter::with_capacity(CHUNK, options.map_err(Error::file(&path))?));
        }
        Ok(parts)
    }

    fn path(&self, part: usize) -> PathBuf {
        self.folder.join(format!("{part:02x}"))
    }

    fn put(&mut self, entry: Entry) -> Result<(), Error> {
        let written = self.files.get_mut(entry.part()).map(|file| file.write_all(&entry.to_bytes()));
        written.unwrap_or(Ok(())).map_err(Error::file(&self.folder))
    }

    /// All of one part.
    fn read(&mut self, part: usize) -> Result<Vec<Entry>, Error> {
        let path = self.path(part);
        let at_path = Error::file(&path);
        if let Some(file) = self.files.get_mut(part) {
            file.flush().map_err(&at_path)?;
        }
        let bytes = fs::read(&path).map_err(&at_path)?;
        fs::remove_file(&path).map_err(&at_path)?;
        Ok(bytes
            .chunks_exact(8)
            .filter_map(|entry| entry.first_chunk().copied())
            .map(Entry::from_bytes)
            .collect())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// On a terminal only.
fn bar(length: u64, silent: bool) -> ProgressBar {
    if silent {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {eta} left") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use avouch_core::gate::people::breached::Breached;

    use super::*;

    fn built(text: &[u8], seen: u64, lines: Option<Lines>) -> Result<(Breached, Built), Error> {
        let folder = tempfile::tempdir().unwrap();
        let args =
            BuildArgs { from: folder.path().join("list"), to: folder.path().join("filter"), seen, lines };
        fs::write(&args.from, text).unwrap();
        let built = build(&args, true);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), if built.is_ok() { 2 } else { 1 }, "{left:?}");
        let built = built?;
        Ok((Breached::read(File::open(&args.to).unwrap()).unwrap(), built))
    }

    #[test]
    fn of_passwords_those_are_kept_that_could_be_one_here() {
        let long = "x".repeat(5_000);
        let text = format!(
            "123456\r\norchid walnut ferry stone\r\n\n{long}\npassword\u{e9}password\u{e9}\nlast walnut of them"
        );
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(b"\n\xff\xff\xff\n");
        let (list, built) = built(&bytes, 1, None).unwrap();
        assert_eq!((built.passwords, built.passed_over), (3, 3));
        for password in ["orchid walnut ferry stone", "password\u{e9}password\u{e9}", "last walnut of them"] {
            assert!(list.contains(password), "{password}");
        }
        assert!(!list.contains("123456"));
    }

    #[test]
    fn of_hashes_those_are_kept_that_were_seen_often_enough() {
        // SHA-1 of `password` and of `123456`.
        let text = b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n7C4A8D09CA3762AF61E59520943DC26494F8941B:3\r\n";
        let (list, built_of) = built(text, 10, None).unwrap();
        assert_eq!((built_of.passwords, built_of.passed_over), (1, 1));
        assert!(list.contains("password") && !list.contains("123456"));
        let broken = [&text[..], b"5BAA\n"].concat();
        let error = built(&broken, 1, None).err().unwrap().to_string();
        assert!(error.contains("line 3: expected 40 hexadecimal digits"), "{error}");
        assert!(
            built(&text[..], 1, Some(Lines::Passwords)).is_ok_and(|(list, _)| !list.contains("password"))
        );
    }

    #[test]
    fn no_file_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filter");
        fs::write(&path, "kept").unwrap();
        let args = BuildArgs { from: path.clone(), to: path.clone(), seen: 1, lines: None };
        assert!(build(&args, true).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }
}
