//! `avouch recover`: opens a vault whose root is lost by its seal for recovery, and gives it the configuration's `[root]` as its
//! root from now on. The server must not be at work: it would not need this.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use avouch_core::app::App;
use avouch_core::keys::Recovery;

use crate::config::{Config, Seal};
use crate::error::Error;
use crate::root::{self, SealArgs};
use crate::{files, hazard, remote, vault};

#[derive(Debug, clap::Args)]
#[command(group(root::a_seal_is_needed()))]
pub(crate) struct RecoverArgs {
    #[command(flatten)]
    seal: SealArgs,
    /// The seal's name, when it is not the usual one of its kind
    #[arg(long, value_name = "NAME")]
    slot: Option<String>,
}

/// `avouch recover`.
///
/// # Errors
/// Whatever is in the way; then the vault is as it was.
pub(crate) fn run(args: &RecoverArgs, config: &Config, config_path: &Path) -> Result<ExitCode, Error> {
    let _lock = vault::lock_existing(config)?;
    let (slot, seal) = args.seal.read()?;
    let made = make_root(config)?;
    let hazards = hazard::hazards(config, config_path);
    if !hazards.is_empty() {
        return Err(Error::Unsafe(hazards));
    }
    let recovery = Recovery { slot: args.slot.clone().unwrap_or_else(|| slot.to_owned()), seal: &*seal };
    let parts = vault::parts(config, root::first(config)?)?;
    let app = App::recover(parts, &recovery)?;
    app.close()?;
    let new = if made { ", which is new: copy it to a place apart from this machine, now" } else { "" };
    let text = format!(
        "The vault opens again, by the root that `{}` names{new}.\n\
         Whoever opened it by the old root cannot any more. Start it with `avouch serve`.\n",
        config_path.display()
    );
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(remote::CliError::from)?;
    Ok(ExitCode::SUCCESS)
}

/// A key file in the place of the lost one; whether it was made.
fn make_root(config: &Config) -> Result<bool, Error> {
    if config.root.seal != Seal::KeyFile || config.root.credential.is_some() {
        return Ok(false);
    }
    let path = root::path(&config.root)?;
    if path.exists() {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        files::make_private_dir(folder)?;
    }
    root::make_key_file(path, config.vault.environment == vault::DEMO)?;
    Ok(true)
}
