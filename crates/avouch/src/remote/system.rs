//! Commands about the server itself.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    CliError, Remote,
    table::{Table, facts},
};

/// `avouch keys …`.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: Option<KeysCommand>,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Which there are and what they wrap; this is what `keys` alone does too
    Show,
    /// Replace the key-encryption key: wrap all customer keys again, while everything else goes on, and destroy the old one
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
struct RotateArgs {
    /// Do not wait for the end: the server goes on by itself
    #[arg(long)]
    no_wait: bool,
}

/// The least time between two looks at a rotation. A look counts all keys: the longer that takes, the longer the pause.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn keys(args: &KeysArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    match &args.command {
        None | Some(KeysCommand::Show) => show_keys(remote),
        Some(KeysCommand::Rotate(args)) => rotate(args, remote),
    }
}

fn rotate(args: &RotateArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let begun = remote.client.rotate_keys()?;
    if args.no_wait {
        return remote.output.answer(&begun, |begun| {
            format!(
                "key-encryption key {} is in use; `avouch keys` tells how far the rotation is\n",
                begun.epoch
            )
        });
    }
    let bar = if remote.output.json || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(0)
    };
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len} keys  {per_sec}  {eta} left") {
        bar.set_style(style);
    }
    let (_never, pause) = channel::<()>();
    loop {
        let asked = Instant::now();
        let state = remote.client.key_state()?;
        let took = asked.elapsed();
        let older = state.kek_epochs.iter().filter(|kek| kek.epoch < begun.epoch);
        let (waiting, left) = older.fold((0, 0), |(keks, keys), kek| (keks + 1, keys + kek.subject_keys));
        bar.set_length(state.subject_keys);
        bar.set_position(state.subject_keys - left.min(state.subject_keys));
        if waiting == 0 {
            bar.finish_and_clear();
            return show_keys(remote);
        }
        // Nothing is ever sent: it is a pause that says so.
        let _ = pause.recv_timeout(LOOK.max(took * 4));
    }
}

fn show_keys(remote: &Remote) -> Result<ExitCode, CliError> {
    remote.output.answer(&remote.client.key_state()?, |keys| {
        let mut table = Table::new(["root seal", "warning"]);
        for root in &keys.root {
            let mut warnings = Vec::new();
            if root.demo {
                warnings.push("demo key: protects nothing");
            }
            if root.beside_data {
                warnings.push("lies beside the data: whoever copies one copies both");
            }
            table.row([root.kind.as_str(), &warnings.join("; ")]);
        }
        let epochs = keys.kek_epochs.iter().map(|kek| {
            if kek.current {
                format!("{} (current)", kek.epoch)
            } else {
                format!("{} ({} customer keys still to be wrapped again)", kek.epoch, kek.subject_keys)
            }
        });
        let mut text = table.render(None);
        text.push('\n');
        text.push_str(&facts([
            ("keyring generation", keys.keyring_generation.to_string()),
            ("key-encryption keys", epochs.collect::<Vec<_>>().join(", ")),
            ("customer keys", keys.subject_keys.to_string()),
            ("pending erasures", keys.pending_erasures.to_string()),
        ]));
        text
    })
}

pub(super) fn status(remote: &Remote) -> Result<ExitCode, CliError> {
    remote.output.answer(&remote.client.status()?, |status| {
        let up = status.uptime_seconds;
        let (days, hours, minutes) = (up / 86_400, up / 3_600 % 24, up / 60 % 60);
        facts([
            ("version", status.version.clone()),
            ("engine", status.engine.clone()),
            ("vault", status.vault.clone()),
            ("charter", format!("version {}", status.charter_version)),
            ("sealed", if status.sealed { "yes" } else { "no" }.to_owned()),
            ("up", format!("{days} d {hours} h {minutes} min {} s", up % 60)),
            ("waiting", format!("{} of {}", status.queue.waiting, status.queue.capacity)),
        ])
    })
}
