//! `avouch admin recover`: lets an administrator in again when all of them have lost what they log in with. For somebody at the host,
//! with the root key; the server must not be at work. The link and the event that tells of it are one transaction: it cannot be done
//! without being seen by whoever reads the ledger.

use std::io::Write as _;
use std::process::ExitCode;

use crate::config::Config;
use crate::error::Error;
use crate::remote;
use crate::vault::Vault;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AdminCommand {
    /// Make a one-time link for an administrator, when all of them have lost what they log in with
    Recover {
        /// The name that the administrator logs in with; without it there will be a new one
        #[arg(long, value_name = "NAME")]
        login: Option<String>,
    },
}

/// `avouch admin`.
///
/// # Errors
/// What is in the way; then nothing was changed.
pub(crate) fn run(command: &AdminCommand, config: &Config) -> Result<ExitCode, Error> {
    let AdminCommand::Recover { login } = command;
    let vault = Vault::open(config)?;
    let done = vault.app.recover_administrator(login.as_deref());
    vault.close()?;
    let (id, link) = done.map_err(|error| match error {
        avouch_core::Error::NotFound => {
            Error::Usage("nobody who administers access logs in with this name".to_owned())
        }
        error => Error::Operation(error),
    })?;
    let shown = match config.origin() {
        Some(origin) => format!("{origin}/console/welcome#{}", *link.secret),
        None => link.secret.to_string(),
    };
    let text = zeroize::Zeroizing::new(format!(
        "{}\n\nA link for administrator {id}, good once and for three days. It is in the ledger that it was made here.\n\
         Start the server with `avouch serve`, open the link, and enrol a passkey.\n",
        *zeroize::Zeroizing::new(shown)
    ));
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(remote::CliError::from)?;
    Ok(ExitCode::SUCCESS)
}
