//! `avouch init`: makes a vault. Folders with mode 0700, a root key outside of them, keyring, first charter, first
//! administrator; and a configuration, when there is none yet.
//!
//! Nothing that exists is ever replaced. A crash half-way leaves files that the next `init` takes as they are, for there
//! is no vault before its first transaction is on the disk, and no administrator's key before it is shown.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avouch_charter::{Charter, SourceFile};
use avouch_core::app::App;
use avouch_core::app::opening::{Made, OpeningError};
use avouch_core::keys::Recovery;
use avouch_seal::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::config::{self, Config, Root, Seal, Serves};
use crate::error::Error;
use crate::recovery::{self, RecoveryArgs};
use crate::shell::quoted;
use crate::{charter, files, hazard, host, remote, root, vault};

#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// Where the vault's files go, when there is no configuration yet
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Where the root key goes, when there is no configuration yet; a key that is there is used
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    root_key: Option<PathBuf>,
    /// Open the vault by the passphrase in this file instead of a root key
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The folder of the first charter; without it the configuration's, made with the example shop's if it is missing
    #[arg(long, value_name = "FOLDER")]
    charter: Option<PathBuf>,
    /// The charter's role for the first administrator
    #[arg(long, default_value = "admin", value_name = "ROLE")]
    admin_role: String,
    /// For how many days the administrator's first key works
    #[arg(long, default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
    days: u32,
    #[command(flatten)]
    recovery: RecoveryArgs,
}

/// `avouch init`.
///
/// # Errors
/// Whatever is in the way; then there is no vault.
pub(crate) fn run(args: &InitArgs, config_path: &Path, json: bool) -> Result<ExitCode, Error> {
    let wrote_config = write_config(args, config_path)?;
    let new = new_vault(args, config_path).inspect_err(|_| {
        if wrote_config {
            // It was written for this attempt; the next one may want it otherwise.
            let _ = fs::remove_file(config_path);
        }
    })?;
    let report = Report { new: &new, config_path, wrote_config, days: args.days };
    let text = if json { report.json()? } else { report.text()? };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(remote::CliError::from)?;
    new.made.app.close()?;
    Ok(ExitCode::SUCCESS)
}

struct New {
    config: Config,
    made: Made,
    recovery: recovery::Made,
    wrote_charter: bool,
    wrote_root: bool,
}

fn new_vault(args: &InitArgs, config_path: &Path) -> Result<New, Error> {
    let mut config = Config::load(config_path, host::credentials_directory().as_deref())?;
    if let Some(folder) = &args.charter {
        config.charter.dir = absolute(folder)?;
        // A folder named here is meant to be there; the example in its place would be a surprise.
        charter::read(&config.charter.dir)?;
    }
    let wrote_root = config.root.path.as_ref().is_some_and(|path| !path.exists());
    let (sources, wrote_charter) = first_charter(&config)?;
    let first = First { sources: &sources, admin_role: &args.admin_role, days: args.days };
    let recovery = |config: &Config| args.recovery.make(&config.vault.data_dir);
    let (made, recovery) = make(&config, config_path, &first, recovery)?;
    Ok(New { config, made, recovery, wrote_charter, wrote_root })
}

/// What a new vault begins with.
pub(crate) struct First<'a> {
    pub(crate) sources: &'a [SourceFile],
    /// The charter's role for the first administrator.
    pub(crate) admin_role: &'a str,
    /// For how many days the administrator's first key works.
    pub(crate) days: u32,
}

/// Makes the vault that a configuration describes. `recovery` makes its seal for recovery, when nothing is in the way any more.
///
/// # Errors
/// Whatever is in the way; then there is no vault.
pub(crate) fn make(
    config: &Config,
    config_path: &Path,
    first: &First<'_>,
    recovery: impl FnOnce(&Config) -> Result<recovery::Made, Error>,
) -> Result<(Made, recovery::Made), Error> {
    // Before anything is made: a root key that lies wrong would have to be found and moved.
    refuse_hazards(config, config_path)?;
    files::make_private_dir(&config.vault.data_dir)?;
    let _lock = vault::lock(config)?;
    if let Some(root_path) = &config.root.path
        && config.root.seal == Seal::KeyFile
        && config.root.credential.is_none()
        && !root_path.exists()
    {
        if config.data_path().exists() {
            // A new key would only hide that the old one is missing.
            return Err(Error::Usage(format!(
                "`{}` holds a store, and the root key `{}` is not there: put it back, or choose another data_dir",
                config.vault.data_dir.display(),
                root_path.display()
            )));
        }
        if let Some(folder) = root_path.parent() {
            fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        root::make_key_file(root_path, config.vault.environment == vault::DEMO)?;
    }
    if let Some(path) = &config.metrics.token_file
        && !path.exists()
    {
        files::write_new(path, &new_token()?, 0o600)?;
    }
    refuse_hazards(config, config_path)?;
    let parts = vault::parts(config, root::first(config)?)?;
    if !App::may_be_made(&parts.store)? {
        return Err(OpeningError::Exists.into());
    }
    let made = recovery(config)?;
    let seal = Recovery { slot: made.slot.to_owned(), seal: &*made.seal };
    let vault = App::init(parts, &[seal], first.sources, first.admin_role, first.days)?;
    Ok((vault, made))
}

fn refuse_hazards(config: &Config, config_path: &Path) -> Result<(), Error> {
    let hazards = hazard::hazards(config, config_path);
    if hazards.is_empty() { Ok(()) } else { Err(Error::Unsafe(hazards)) }
}

/// Writes the default configuration unless there is one; whether it did.
fn write_config(args: &InitArgs, path: &Path) -> Result<bool, Error> {
    let places = [&args.data_dir, &args.root_key, &args.passphrase_file];
    if path.exists() {
        if places.iter().any(|place| place.is_some()) {
            return Err(Error::Usage(format!(
                "`{}` says already where things go: change it there, or name another file with --config",
                path.display()
            )));
        }
        return Ok(false);
    }
    let folder = absolute(path)?.parent().map(Path::to_path_buf).unwrap_or_default();
    // Relative as long as nothing was asked for, so that the whole folder can be moved.
    let or_default = |given: &Option<PathBuf>, default: &str| match given {
        Some(given) => absolute(given),
        None => Ok(PathBuf::from(default)),
    };
    let data_dir = or_default(&args.data_dir, "avouch-data")?;
    let (seal, root) = match (&args.root_key, &args.passphrase_file) {
        (_, Some(passphrase)) => (Seal::Passphrase, absolute(passphrase)?),
        (Some(key), None) => (Seal::KeyFile, absolute(key)?),
        (None, None) => (Seal::KeyFile, beside(&data_dir)),
    };
    let charter = or_default(&args.charter, "charter")?;
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    files::write_new(path, &config::default_text(&data_dir, &root, seal, &charter), 0o600)?;
    Ok(true)
}

/// `/srv/avouch` → `/srv/avouch-root.key`: near enough to be found, and not in the folder that is backed up.
fn beside(data_dir: &Path) -> PathBuf {
    let mut name = data_dir.file_name().unwrap_or_default().to_owned();
    name.push("-root.key");
    data_dir.with_file_name(name)
}

fn first_charter(config: &Config) -> Result<(Vec<SourceFile>, bool), Error> {
    let folder = &config.charter.dir;
    let wrote = !folder.exists();
    if wrote {
        charter::write_default(folder)?;
    }
    let sources = charter::read(folder)?;
    // Before anything else is made.
    Charter::parse(&sources).map_err(OpeningError::Charter)?;
    Ok((sources, wrote))
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(Error::file(path))
}

/// 32 random bytes in hexadecimal, and a line end.
fn new_token() -> Result<Zeroizing<String>, Error> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    let failed = |_| Error::Operation(avouch_core::Error::Internal("no randomness"));
    SystemRandom::new().fill(&mut *bytes).map_err(failed)?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in bytes.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text.push('\n');
    Ok(text)
}

/// What was made, and what to do now.
struct Report<'a> {
    new: &'a New,
    config_path: &'a Path,
    wrote_config: bool,
    days: u32,
}

impl Report<'_> {
    fn json(&self) -> Result<Zeroizing<String>, Error> {
        let New { config, made, recovery, .. } = self.new;
        let value = serde_json::json!({
            "admin_key": made.key.as_str(),
            "admin_key_days": self.days,
            "administrator": made.administrator.to_string(),
            "config": self.config_path,
            "data_dir": config.vault.data_dir,
            "root": config.root.path,
            "recovery": {
                "slot": recovery.slot,
                "threshold": recovery.threshold,
                "files": recovery.files,
            },
            "charter": config.charter.dir,
            "metrics_token_file": config.metrics.token_file,
        });
        Ok(Zeroizing::new(format!("{value:#}\n")))
    }

    fn text(&self) -> Result<Zeroizing<String>, Error> {
        let New { config, made, recovery, wrote_charter, wrote_root } = self.new;
        let file = config.root.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let named = |key: &str, place: &str| format!("`{key}` in {place}");
        let (root_kind, root, trust) = match &config.root {
            Root { pkcs11: Some(pkcs11), .. } => {
                let place = format!("token `{}`", pkcs11.token);
                ("root key", named(&pkcs11.key, &place), "reaches the device with its PIN, and has")
            }
            Root { transit: Some(transit), .. } => {
                let place = format!("`{}` of {}", transit.mount, transit.address);
                ("root key", named(&transit.key, &place), "may decrypt with the root key, and has")
            }
            Root { aws_kms: Some(kms), .. } => {
                let place = format!("AWS KMS, {}", kms.region);
                ("root key", named(&kms.key, &place), "may decrypt with the root key, and has")
            }
            Root { seal: Seal::Passphrase, .. } => ("passphrase", file, "has the passphrase and"),
            Root { .. } => ("root key", file, "has the root key and"),
        };
        let copy = match config.root.seal {
            Seal::KeyFile => ":\ncopy the root key to a place apart from this machine, now.",
            Seal::Passphrase => ":\nkeep the passphrase in a place apart from this machine.",
            _ => ".",
        };
        let new = |wrote: bool| if wrote { " (new)" } else { "" };
        let charter_note = if *wrote_charter { " (new: an example shop; make it yours)" } else { "" };
        let listeners = config.listeners();
        let server = listeners.iter().find(|listener| listener.serves(Serves::Admin));
        let server = server.map(|listener| listener.url(listener.address.port())).unwrap_or_default();
        let config_argument = match self.config_path.to_str() {
            Some("avouch.toml") => String::new(),
            _ => format!(" --config {}", quoted(self.config_path)),
        };
        Ok(Zeroizing::new(format!(
            "A vault was made.

  configuration  {config_path}{new_config}
  data           {data}
  charter        {charter}{charter_note}
  {root_kind:<13}  {root}{new_root}

Whoever {trust} a copy of the data can read everything{copy}

{advice}
When both are lost, nobody can open the vault, and neither can you.

The administrator's key, for {days} days. It is shown this once:

  {key}

Next:
  avouch serve{config_argument}
  export AVOUCH_SERVER={server} AVOUCH_KEY=  # the key above
  avouch principal create --kind service --name Shop --roles shop
",
            advice = recovery.advice(),
            config_path = self.config_path.display(),
            new_config = new(self.wrote_config),
            data = config.vault.data_dir.display(),
            charter = config.charter.dir.display(),
            new_root = new(*wrote_root),
            days = self.days,
            key = made.key.as_str(),
        )))
    }
}
