//! The seal for recovery that a new vault gets: shares for custodians unless something else is asked for. What is written here
//! opens the vault, so it belongs to other people and other places as soon as it is written; the report says so.

use std::fs;
use std::path::{Path, PathBuf};

use avouch_core::keys::{SHARES, SealedShares};
use avouch_seal::SystemRandom;
use avouch_seal::root::{KeyFileSeal, PassphraseParams, PassphraseSeal, RootSeal, Share, SharesSeal};
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::{files, root};

/// How a new vault is opened when its root key is lost.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "When the root key is lost")]
pub(crate) struct RecoveryArgs {
    /// How many recovery shares are made
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=16))]
    recovery_shares: u8,
    /// How many of them open the vault together
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=16))]
    recovery_threshold: u8,
    /// Where the shares are written, for you to hand out [default: beside the data]
    #[arg(long, value_name = "FOLDER")]
    recovery_dir: Option<PathBuf>,
    /// A custodian's age recipient, once for each share: the share is sealed to it
    #[arg(long = "custodian", value_name = "AGE")]
    custodians: Vec<String>,
    /// A second passphrase, in a file, instead of shares
    #[arg(long, value_name = "FILE", conflicts_with_all = ["custodians", "recovery_dir"])]
    recovery_passphrase_file: Option<PathBuf>,
    /// A second key file, made here, instead of shares
    #[arg(long, value_name = "FILE", conflicts_with_all = ["custodians", "recovery_dir", "recovery_passphrase_file"])]
    recovery_key_file: Option<PathBuf>,
}

/// A seal for recovery, and where what opens it was written.
pub(crate) struct Made {
    pub(crate) slot: &'static str,
    pub(crate) seal: Box<dyn RootSeal>,
    /// Files that open the vault, alone or together.
    pub(crate) files: Vec<PathBuf>,
    /// How many of the files are needed.
    pub(crate) threshold: u8,
}

impl RecoveryArgs {
    /// Makes the seal. What opens it is on the disk when this returns: before the vault is.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Usage`].
    pub(crate) fn make(&self, data_dir: &Path) -> Result<Made, Error> {
        if let Some(path) = &self.recovery_passphrase_file {
            let text = files::read_secret(path)?;
            let line = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
            let seal = PassphraseSeal::new(line, PassphraseParams::default())
                .map_err(|reason| Error::Root { what: "recovery passphrase", path: path.clone(), reason })?;
            return Ok(Made {
                slot: "passphrase",
                seal: Box::new(seal),
                files: vec![path.clone()],
                threshold: 1,
            });
        }
        if let Some(path) = &self.recovery_key_file {
            return Made::key_file(path, root::make_key_file(path, false)?);
        }
        self.shares(data_dir)
    }

    fn shares(&self, data_dir: &Path) -> Result<Made, Error> {
        let rng = SystemRandom::new();
        let wrong = |error: avouch_seal::Error| match error {
            avouch_seal::Error::Parameters(detail) => Error::Usage(detail.to_owned()),
            error => Error::Operation(error.into()),
        };
        let (seal, texts, ending) = if self.custodians.is_empty() {
            let (threshold, count) = (self.recovery_threshold, self.recovery_shares);
            let (seal, shares) = SharesSeal::generate(threshold, count, &rng).map_err(wrong)?;
            (seal, shares.iter().map(Share::to_text).collect::<Vec<_>>(), "txt")
        } else {
            let (seal, sealed) = SealedShares::generate(self.recovery_threshold, &self.custodians, &rng)?;
            (seal, sealed.shares.into_iter().map(Zeroizing::new).collect(), "age")
        };
        let parent = match &self.recovery_dir {
            Some(folder) => std::path::absolute(folder).map_err(Error::file(folder))?,
            None => beside(data_dir),
        };
        // By the set's name, as it stands on each share: an attempt that broke off has left its own.
        let folder = parent.join(BASE32_NOPAD.encode(&seal.set()).to_ascii_lowercase());
        files::make_private_dir(&parent)?;
        files::make_private_dir(&folder)?;
        let mut written = Vec::with_capacity(texts.len());
        for (number, text) in (1..).zip(&texts) {
            let path = folder.join(format!("share-{number}-of-{}.{ending}", texts.len()));
            files::write_new(&path, text, 0o600)?;
            written.push(path);
        }
        let threshold = seal.threshold();
        Ok(Made { slot: SHARES, seal: Box::new(seal), files: written, threshold })
    }
}

impl Made {
    /// A second key file that is there already.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn key_file(path: &Path, seal: KeyFileSeal) -> Result<Self, Error> {
        let path = std::path::absolute(path).map_err(Error::file(path))?;
        Ok(Self { slot: "key-file", seal: Box::new(seal), files: vec![path], threshold: 1 })
    }

    /// What to do with it, in a few lines.
    pub(crate) fn advice(&self) -> String {
        let files: Vec<_> = self.files.iter().map(|path| format!("  {}", path.display())).collect();
        let files = files.join("\n");
        match self.slot {
            SHARES => format!(
                "If the root is lost, any {} of these shares open the vault. Give each to another person, now, and\n\
                 delete the folder here; nobody can make them again:\n\n{files}\n",
                self.threshold
            ),
            "passphrase" => format!(
                "If the root is lost, the recovery passphrase opens the vault. Keep it apart from this machine:\n\n{files}\n"
            ),
            _ => format!(
                "If the root is lost, this key opens the vault. Move it to a place apart from this machine, now:\n\n{files}\n"
            ),
        }
    }
}

/// The shares that still lie where `init` wrote them.
pub(crate) fn left_beside(data_dir: &Path) -> usize {
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_share = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("share-"))
    };
    entries(&beside(data_dir)).map(|set| entries(&set).filter(is_share).count()).sum()
}

/// `/srv/avouch` → `/srv/avouch-recovery`.
pub(crate) fn beside(data_dir: &Path) -> PathBuf {
    let mut name = data_dir.file_name().unwrap_or_default().to_owned();
    name.push("-recovery");
    data_dir.with_file_name(name)
}
