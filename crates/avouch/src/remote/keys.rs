//! Commands about the vault's own keys and the seals around them.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use avouch_seal::VaultId;
use avouch_seal::keyring::KeyringKey;
use avouch_wire::keys::{SealRole, SealState};
use avouch_wire::{
    DrillAnswer, DrillRequest, DrillStarted, KeyState, RecoveryRequest, Retire, Rotate, Rotation, Time,
};
use clap::{Args, Subcommand, ValueEnum};
use data_encoding::{BASE64, HEXLOWER};
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    CliError, Remote,
    table::{Table, facts},
};
use crate::files;
use crate::root::{SealArgs, a_seal_is_needed};

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
    /// Replace keys by new ones while everything else goes on, and destroy the old ones
    Rotate(RotateArgs),
    /// Let go of older keys: whatever only they open is ended
    Retire {
        /// Which keys
        what: Retiring,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Prove that a seal for recovery still opens, without opening anything; the seal stays on this machine
    Drill(DrillArgs),
    /// Replace the root by the one that the server's configuration names as `[root.next]`
    Reseal {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Replace all seals for recovery by new shares, each sealed to its custodian
    Recovery(RecoveryArgs),
}

#[derive(Debug, Args)]
struct RotateArgs {
    /// Which keys
    #[arg(default_value = "kek", value_name = "WHAT")]
    what: What,
    /// Do not wait for the end: the server goes on by itself
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The key-encryption key: customer keys are wrapped again
    Kek,
    /// Customer keys: everybody is sealed anew
    Data,
    /// Index keys: all indexes are built anew
    Index,
    /// Token keys: for tokens that are made from now on; see `keys retire`
    Token,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Retiring {
    /// Token keys: pointers made before the last rotation end
    Token,
}

#[derive(Debug, Args)]
#[command(group(a_seal_is_needed()))]
struct DrillArgs {
    #[command(flatten)]
    seal: SealArgs,
    /// The seal's name, when it is not the usual one of its kind
    #[arg(long, value_name = "NAME")]
    slot: Option<String>,
}

#[derive(Debug, Args)]
struct RecoveryArgs {
    /// How many shares open the vault together
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=16))]
    threshold: u8,
    /// A custodian's age recipient; say it once for each, who then gets a share
    #[arg(long = "custodian", required = true, value_name = "AGE")]
    custodians: Vec<String>,
    /// Where the sealed shares are written
    #[arg(long, short, default_value = ".", value_name = "FOLDER")]
    output: PathBuf,
}

/// The least time between two looks at a rotation. A look counts all keys: the longer that takes, the longer the pause.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn keys(args: &KeysArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    match &args.command {
        None | Some(KeysCommand::Show) => show(remote),
        Some(KeysCommand::Rotate(args)) => rotate(args, remote),
        Some(KeysCommand::Retire { what: Retiring::Token, yes }) => retire_tokens(*yes, remote),
        Some(KeysCommand::Drill(args)) => drill(args, remote),
        Some(KeysCommand::Reseal { yes }) => reseal(*yes, remote),
        Some(KeysCommand::Recovery(args)) => recovery(args, remote),
    }
}

fn show(remote: &Remote) -> Result<ExitCode, CliError> {
    remote.output.answer(&remote.client.key_state()?, |keys| {
        let mut text = seals(keys);
        text.push('\n');
        let epochs = keys.kek_epochs.iter().map(|kek| {
            if kek.current {
                format!("{} (current)", kek.epoch)
            } else {
                format!("{} ({} customer keys still to be wrapped again)", kek.epoch, kek.subject_keys)
            }
        });
        text.push_str(&facts([
            ("keyring generation", keys.keyring_generation.to_string()),
            ("key-encryption keys", epochs.collect::<Vec<_>>().join(", ")),
            ("customer keys", customer_keys(keys)),
            ("index roots", index_roots(keys)),
            ("token roots", listed(&keys.token_epochs)),
            ("pending erasures", keys.pending_erasures.to_string()),
            ("next rotation by itself", keys.kek_due.map_or_else(|| "never".to_owned(), |due| due.date())),
            (
                "erased now, gone by",
                keys.horizon.map_or_else(|| "not known".to_owned(), |horizon| horizon.date()),
            ),
        ]));
        text
    })
}

fn customer_keys(keys: &KeyState) -> String {
    let outdated: u64 =
        keys.generations.iter().filter(|keys| !keys.current).map(|keys| keys.subject_keys).sum();
    match outdated {
        0 => keys.subject_keys.to_string(),
        outdated => format!("{} ({outdated} still to be replaced by new ones)", keys.subject_keys),
    }
}

fn listed(epochs: &[u32]) -> String {
    epochs.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn index_roots(keys: &KeyState) -> String {
    let epochs = listed(&keys.indexes.epochs);
    match keys.indexes.outstanding {
        0 => epochs,
        outstanding => format!("{epochs} ({outstanding} indexes outstanding)"),
    }
}

fn seals(keys: &KeyState) -> String {
    let mut table = Table::new(["seal", "for", "kind", "since", "last drill", "warning"]);
    for seal in &keys.seals {
        let role = match seal.role {
            SealRole::Primary => "every start",
            SealRole::Recovery => "recovery",
        };
        let drilled = match (seal.role, &seal.drilled) {
            (_, Some(drilled)) => day(drilled),
            (SealRole::Primary, None) => "each start is one".to_owned(),
            (SealRole::Recovery, None) => "never".to_owned(),
        };
        table.row([&seal.slot, role, &seal.kind, &day(&seal.made), &drilled, &warnings(seal)]);
    }
    table.render(None)
}

fn warnings(seal: &SealState) -> String {
    let mut warnings = Vec::new();
    if seal.demo {
        warnings.push("demo key: protects nothing");
    }
    if seal.beside_data {
        warnings.push("lies beside the data: whoever copies one copies both");
    }
    if seal.role == SealRole::Recovery && seal.drilled.is_none() {
        warnings.push("nobody has proved that it opens: `avouch keys drill`");
    }
    warnings.join("; ")
}

fn day(time: &Time) -> String {
    time.to_string().chars().take(10).collect()
}

fn rotate(args: &RotateArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let what = match args.what {
        What::Kek => Rotate::Kek,
        What::Data => Rotate::Data,
        What::Index => Rotate::Index,
        What::Token => Rotate::Token,
    };
    let begun = remote.client.rotate_keys(what)?;
    if args.no_wait || what == Rotate::Token {
        return remote.output.answer(&begun, |_| {
            match what {
                Rotate::Token => {
                    "tokens are made under the new root from now on; the others open until `avouch keys retire`\n"
                }
                _ => "new keys are in use; `avouch keys` tells how far the rotation is\n",
            }
            .to_owned()
        });
    }
    let bar = if remote.output.json || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(0)
    };
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len}  {per_sec}  {eta} left") {
        bar.set_style(style);
    }
    let (_never, pause) = channel::<()>();
    loop {
        let asked = Instant::now();
        let state = remote.client.key_state()?;
        let took = asked.elapsed();
        let (waiting, done, all) = outstanding(&state, &begun);
        bar.set_length(all);
        bar.set_position(done);
        if !waiting {
            bar.finish_and_clear();
            return show(remote);
        }
        // Nothing is ever sent: it is a pause that says so.
        let _ = pause.recv_timeout(LOOK.max(took * 4));
    }
}

/// Whether a rotation is under way, and how many customers or keys of them are done, of all.
fn outstanding(state: &KeyState, begun: &Rotation) -> (bool, u64, u64) {
    let older: Vec<u64> = match begun.what {
        Rotate::Index | Rotate::Token => {
            let indexes = &state.indexes;
            return (indexes.outstanding > 0, indexes.done, indexes.subjects);
        }
        Rotate::Kek => {
            let older = state.kek_epochs.iter().filter(|kek| kek.epoch < begun.epoch);
            older.map(|kek| kek.subject_keys).collect()
        }
        Rotate::Data => {
            let older = state.generations.iter().filter(|keys| keys.generation < begun.epoch);
            older.map(|keys| keys.subject_keys).collect()
        }
    };
    let left = older.iter().sum::<u64>().min(state.subject_keys);
    (!older.is_empty(), state.subject_keys - left, state.subject_keys)
}

fn retire_tokens(yes: bool, remote: &Remote) -> Result<ExitCode, CliError> {
    let question = "Pointer tokens that were made before the last rotation will not open any more. Go on?";
    if !yes && !remote.output.asks(question)? {
        return Ok(ExitCode::from(1));
    }
    remote.output.answer(&remote.client.retire_keys(Retire::Token)?, |retired| match retired.roots {
        0 => "there are no older token roots\n".to_owned(),
        1 => "an older token root is forgotten; what was made under it does not open any more\n".to_owned(),
        roots => format!(
            "{roots} older token roots are forgotten; what was made under them does not open any more\n"
        ),
    })
}

/// Unwraps here what the server wants unwrapped, and answers its challenge with it.
fn drill(args: &DrillArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let (usual, seal) = args.seal.read().map_err(|error| CliError::Input(error.whole()))?;
    let slot = args.slot.clone().unwrap_or_else(|| usual.to_owned());
    let begun = remote.client.drill_begin(&DrillRequest { slot: slot.clone() })?;
    let odd = || CliError::Input("the server's challenge has not the form of one".to_owned());
    let DrillStarted { vault, generation, wrapped, challenge, .. } = begun;
    let vault: [u8; 16] =
        HEXLOWER.decode(vault.as_bytes()).ok().and_then(|id| id.try_into().ok()).ok_or_else(odd)?;
    let wrapped = BASE64.decode(wrapped.as_bytes()).map_err(|_| odd())?;
    let bytes: [u8; 32] = BASE64
        .decode(challenge.as_bytes())
        .ok()
        .and_then(|challenge| challenge.try_into().ok())
        .ok_or_else(odd)?;
    let key = KeyringKey::unwrap(&wrapped, &*seal, VaultId(vault), generation).map_err(|error| {
        CliError::Input(format!("seal `{slot}` does not open with what you brought: {error}"))
    })?;
    let answer = BASE64.encode(&key.proof().answer(&slot, &bytes));
    let drilled = remote.client.drill_answer(&DrillAnswer { slot, challenge, answer })?;
    remote.output.answer(&drilled, |drilled| {
        format!("seal `{}` opens; that is on record since {}\n", drilled.slot, drilled.drilled)
    })
}

fn reseal(yes: bool, remote: &Remote) -> Result<ExitCode, CliError> {
    let question = "Whoever opens the vault by the present root will not be able to any more. Go on?";
    if !yes && !remote.output.asks(question)? {
        return Ok(ExitCode::from(1));
    }
    remote.output.answer(&remote.client.reseal()?, |resealed| {
        format!(
            "the vault is sealed by the {} that `[root.next]` names; move those lines up to `[root]` now\n",
            resealed.kind
        )
    })
}

fn recovery(args: &RecoveryArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let failed = |error: crate::error::Error| CliError::Io(error.whole());
    // Before there is a set whose shares could not be written.
    files::make_private_dir(&args.output).map_err(failed)?;
    let request = RecoveryRequest { threshold: args.threshold, custodians: args.custodians.clone() };
    let made = remote.client.replace_recovery(&request)?;
    let count = made.shares.len();
    let mut written = Vec::with_capacity(count);
    for (number, share) in (1..).zip(&made.shares) {
        let path = args.output.join(format!("{}-share-{number}-of-{count}.age", made.set));
        files::write_new(&path, share, 0o600).map_err(failed)?;
        written.push(path);
    }
    remote.output.answer(&made, |made| {
        let files: Vec<_> = written.iter().map(|path| format!("  {}\n", path.display())).collect();
        format!(
            "any {} of these {count} open the vault when its root is lost; send each to its custodian, and let them \
             drill:\n\n{}\nWhat sealed the vault for recovery before opens nothing any more.\n",
            made.threshold,
            files.concat()
        )
    })
}
