//! `avouch restore`: brings a vault back from backups, into the stores that the configuration names. The server must not be at
//! work; whoever can run this holds the root, or a seal for recovery.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avouch_core::app::App;
use avouch_core::backup::{Endings, ReadBackups, Sources};
use avouch_core::gate::Caller;
use avouch_core::keys::Recovery;
use clap::Args;

use crate::backup::rows_bar;
use crate::config::Config;
use crate::error::Error;
use crate::root::LostRootArgs;
use crate::{files, hazard, remote, root, vault};

/// `avouch restore …`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// A backup of the data store; without it the data store must be there
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// A backup of the key store; without it the key store must be there
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// A copy of the list of erasures, newer than the backups, beside the one that the configuration names
    #[arg(long, value_name = "FILE")]
    endings: Option<PathBuf>,
    /// State that nobody was erased since the backups: on record, and told by `status` and `doctor` from then on
    #[arg(long)]
    endings_are_complete: bool,
    /// Go on although some customers cannot be read with these keys
    #[arg(long)]
    leave_unreadable: bool,
    #[command(flatten)]
    lost: LostRootArgs,
}

/// `avouch restore`.
///
/// # Errors
/// Whatever is in the way; then there is no vault in what was restored.
pub(crate) fn run(
    args: &RestoreArgs,
    config: &Config,
    config_path: &Path,
    json: bool,
) -> Result<ExitCode, Error> {
    let hazards = hazard::hazards(config, config_path);
    if !hazards.is_empty() {
        return Err(Error::Unsafe(hazards));
    }
    let seal = args.lost.read()?;
    let recovery = seal.as_ref().map(|(slot, seal)| Recovery { slot: slot.clone(), seal: &**seal });
    let primary = root::primary(config)?;
    files::make_private_dir(&config.vault.data_dir)?;
    let _lock = vault::lock(config)?;
    let sources = Sources {
        data: args.data.clone(),
        keys: args.keys.clone(),
        endings: args.endings.clone(),
        nobody_erased: args.endings_are_complete,
        leave_unreadable: args.leave_unreadable,
    };
    let bar = rows_bar(json);
    let parts = vault::parts(config, primary)?;
    let app = App::restore(parts, &sources, recovery.as_ref(), &|rows| bar.set_position(rows))?;
    bar.finish_and_clear();
    // So that everybody is found from the first request on; a server would go on with it.
    app.finish_indexes(|| true)?;
    let known = app.perform_wait(&Caller::system(), ReadBackups)?.output;
    app.close()?;
    let Some(last) = known.restored.last() else {
        return Err(Error::Usage("the restore has left no mark: do not serve this vault".to_owned()));
    };
    let done = last.replayed.unwrap_or_default();
    let stated = last.endings == Endings::Stated;
    let answer = serde_json::json!({
        "customers": done.people, "erased": last.erased, "lost": done.lost, "endings_stated": stated,
    });
    let told = remote::answer(json, &answer, || {
        let mut text = format!("{} customers are here again.\n", done.people);
        if last.erased > 0 {
            text.push_str(&format!("{} erasures of after the backup were done again.\n", last.erased));
        }
        if done.lost > 0 {
            text.push_str(&format!("{} customers are gone with their keys.\n", done.lost));
        }
        if stated {
            text.push_str("That nobody was erased since the backup was stated by you, and is on record.\n");
        }
        text.push_str("Start it with `avouch serve`, and make a backup.\n");
        text
    });
    Ok(told?)
}
