//! Seals from where they are kept: the configuration's `[root]`, which opens the vault at each start, and what a person brings
//! along for recovery or a drill. Whatever is read here is secret; it is dropped as soon as the seal is made of it.

mod device;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use avouch_core::keys::{Primary, SHARES};
use avouch_seal::SystemRandom;
use avouch_seal::root::{KeyFileSeal, PassphraseParams, PassphraseSeal, RootSeal, Share, SharesSeal};
use zeroize::Zeroizing;

use crate::config::{Config, Engine, Root, Seal};
use crate::error::Error;
use crate::files;
use crate::hazard::Hazard;
use crate::vault::DEMO;

/// The configuration's primary seal.
///
/// # Errors
/// [`Error::File`], [`Error::Root`], and [`Error::Unsafe`] for a demo key outside of the demo.
pub(crate) fn primary(config: &Config) -> Result<Primary, Error> {
    of(config, &config.root, false)
}

/// The same for a vault that is to be made or recovered: a key in a device is made when it is not there.
///
/// # Errors
/// As [`primary`].
pub(crate) fn first(config: &Config) -> Result<Primary, Error> {
    of(config, &config.root, true)
}

/// What the configuration names as the next primary seal, if it does.
///
/// # Errors
/// As [`primary`].
pub(crate) fn next(config: &Config) -> Result<Option<Primary>, Error> {
    config.root.next.as_deref().map(|root| of(config, root, true)).transpose()
}

fn of(config: &Config, root: &Root, make: bool) -> Result<Primary, Error> {
    let seal: Arc<dyn RootSeal> = match root.seal {
        Seal::KeyFile => {
            let path = path(root)?;
            let seal = key_file(path)?;
            refuse_demo(config, seal.info().demo, path)?;
            Arc::new(seal)
        }
        Seal::Passphrase => Arc::new(passphrase(path(root)?)?),
        Seal::Pkcs11 => Arc::new(device::pkcs11(table(&root.pkcs11)?, make)?),
        Seal::Transit => Arc::new(device::transit(table(&root.transit)?)?),
        Seal::AwsKms => Arc::new(device::aws_kms(table(&root.aws_kms)?)?),
    };
    let beside_data = match root.seal {
        Seal::KeyFile | Seal::Passphrase => beside_data(config, root),
        _ => seal.info().key_beside_data_possible,
    };
    Ok(Primary { seal, beside_data })
}

/// The table of a seal of its kind: never missing in a configuration that was loaded.
fn table<T>(table: &Option<T>) -> Result<&T, Error> {
    table.as_ref().ok_or_else(|| Error::Usage("[root] lacks the table of its seal".to_owned()))
}

fn key_file(path: &Path) -> Result<KeyFileSeal, Error> {
    let text = files::read_secret(path)?;
    KeyFileSeal::from_text(&text).map_err(|reason| refused("root key", path, reason))
}

fn passphrase(path: &Path) -> Result<PassphraseSeal, Error> {
    let text = files::read_secret(path)?;
    let line = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    PassphraseSeal::new(line, PassphraseParams::default())
        .map_err(|reason| refused("root passphrase", path, reason))
}

fn refused(what: &'static str, path: &Path, reason: avouch_seal::Error) -> Error {
    Error::Root { what, path: path.to_owned(), reason }
}

/// Where a seal's file is.
///
/// # Errors
/// Never for a configuration that was loaded.
pub(crate) fn path(root: &Root) -> Result<&Path, Error> {
    root.path.as_deref().ok_or_else(|| Error::Usage("[root] path is missing".to_owned()))
}

/// Whether root and data are on one disk: whoever copies that has both.
pub(crate) fn beside_data(config: &Config, root: &Root) -> bool {
    let device = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.dev());
    let key = root.path.as_deref().and_then(device);
    config.store.engine == Engine::Sqlite && key.is_some() && key == device(&config.vault.data_dir)
}

fn refuse_demo(config: &Config, demo_key: bool, path: &Path) -> Result<(), Error> {
    if demo_key && config.vault.environment != DEMO {
        return Err(Error::Unsafe(vec![Hazard {
            found: format!("[root] path `{}` is a demo key, and demo keys protect nothing", path.display()),
            mend: "make a vault of your own with `avouch init`".to_owned(),
        }]));
    }
    Ok(())
}

/// Makes a key file, with mode 0600.
///
/// # Errors
/// [`Error::File`], also when there is one.
pub(crate) fn make_key_file(path: &Path, demo: bool) -> Result<KeyFileSeal, Error> {
    let rng = SystemRandom::new();
    let made = if demo { KeyFileSeal::generate_demo(&rng) } else { KeyFileSeal::generate(&rng) };
    let (seal, text) = made.map_err(|reason| refused("root key", path, reason))?;
    files::write_new(path, &text, 0o600)?;
    Ok(seal)
}

/// For commands that cannot do without a [`SealArgs`].
pub(crate) fn a_seal_is_needed() -> clap::ArgGroup {
    let arguments = ["shares", "with_passphrase", "with_key"];
    clap::ArgGroup::new("seal").required(true).multiple(true).args(arguments)
}

/// A seal for recovery and its name.
pub(crate) type NamedSeal = (String, Box<dyn RootSeal>);

/// A seal for recovery, as a person brings it along when the root is lost.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LostRootArgs {
    #[command(flatten)]
    seal: Option<SealArgs>,
    /// The seal's name, when it is not the usual one of its kind
    #[arg(long, value_name = "NAME", requires = "SealArgs")]
    slot: Option<String>,
}

impl LostRootArgs {
    /// The seal and its name, if one was brought along.
    ///
    /// # Errors
    /// As [`SealArgs::read`].
    pub(crate) fn read(&self) -> Result<Option<NamedSeal>, Error> {
        let Some(args) = &self.seal else { return Ok(None) };
        let (usual, seal) = args.read()?;
        Ok(Some((self.slot.clone().unwrap_or_else(|| usual.to_owned()), seal)))
    }
}

/// A seal for recovery, as a person brings it along.
#[derive(Debug, Clone, clap::Args)]
#[group(multiple = true)]
pub(crate) struct SealArgs {
    /// A recovery share; say it once for each, as many as are needed
    #[arg(long = "share", value_name = "FILE", conflicts_with_all = ["with_passphrase", "with_key"])]
    shares: Vec<PathBuf>,
    /// The recovery passphrase, in a file
    #[arg(long, value_name = "FILE", conflicts_with = "with_key")]
    with_passphrase: Option<PathBuf>,
    /// The recovery key file
    #[arg(long, value_name = "FILE")]
    with_key: Option<PathBuf>,
}

impl SealArgs {
    /// The seal, and the name that it has unless it was given another.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Root`]; [`Error::Usage`] for shares that do not go together.
    pub(crate) fn read(&self) -> Result<(&'static str, Box<dyn RootSeal>), Error> {
        if let Some(path) = &self.with_passphrase {
            return Ok(("passphrase", Box::new(passphrase(path)?)));
        }
        if let Some(path) = &self.with_key {
            return Ok(("key-file", Box::new(key_file(path)?)));
        }
        let shares = self.shares.iter().map(|path| share(path)).collect::<Result<Vec<_>, _>>()?;
        let seal = SharesSeal::combine(&shares).map_err(|error| match error {
            avouch_seal::Error::Parameters(detail) => Error::Usage(detail.to_owned()),
            error => Error::Operation(error.into()),
        })?;
        Ok((SHARES, Box::new(seal)))
    }
}

fn share(path: &Path) -> Result<Share, Error> {
    let text = files::read_secret(path)?;
    Share::from_text(&text).map_err(|reason| refused("recovery share", path, reason))
}
