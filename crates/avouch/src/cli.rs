//! The command line. Commands of this machine stand here; those that talk to a server come from `remote`.

use std::convert::Infallible;
use std::path::PathBuf;

use avouch_wire::Secret;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::admin::AdminCommand;
use crate::backup::BackupArgs;
use crate::demo::DemoArgs;
use crate::error::Error;
use crate::files;
use crate::init::InitArgs;
use crate::network::NetworkCommand;
use crate::passwords::PasswordsCommand;
use crate::recover::RecoverArgs;
use crate::remote::{self, Connection, EXIT_CODES, RemoteCommand};
use crate::restore::RestoreArgs;
use crate::witness::WitnessCommand;

const HELP_TEMPLATE: &str = "\
{about}

{usage-heading} {usage}

Start here:
  avouch demo            a shop with invented customers, to try everything below
  avouch init            make a vault; then `avouch serve`

{all-args}{after-help}";

/// Keeps customers' data and keeps its word about it.
#[derive(Debug, Parser)]
#[command(name = "avouch", version, about, after_help = EXIT_CODES, help_template = HELP_TEMPLATE)]
#[command(max_term_width = 110, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The configuration of the server on this machine
    #[arg(long, global = true, default_value = "avouch.toml", env = "AVOUCH_CONFIG", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// How commands reach a server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Talking to a server")]
pub(crate) struct ConnectionArgs {
    /// Its address, https://host:port
    #[arg(
        long,
        global = true,
        env = "AVOUCH_SERVER",
        default_value = "http://127.0.0.1:8420",
        value_name = "URL"
    )]
    server: String,
    /// The API key; better in the environment or a file, as others on this machine can read arguments
    #[arg(long, global = true, env = "AVOUCH_KEY", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    key: Option<Secret>,
    /// The API key in a file, before any other
    #[arg(long, global = true, env = "AVOUCH_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The only certificate authorities to trust, a PEM file
    #[arg(long, global = true, env = "AVOUCH_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl ConnectionArgs {
    /// Whether somebody said by which key to ask, or has logged in.
    pub(crate) fn has_key(&self) -> bool {
        self.key.is_some() || self.key_file.is_some() || remote::session_of(&self.server).is_some()
    }

    /// As nobody, whatever keys there are.
    pub(crate) fn nobody(self, json: bool) -> Connection {
        Connection { server: self.server, key: None, ca: self.ca, json }
    }

    /// With the key found, or the session of whoever has logged in.
    ///
    /// # Errors
    /// When there is neither, or the key's file cannot be read.
    pub(crate) fn open(self, json: bool) -> Result<Connection, Error> {
        let key = match (&self.key_file, self.key) {
            (Some(path), _) => Secret(files::read_secret(path)?.trim().to_owned()),
            (None, Some(key)) => key,
            (None, None) => remote::session_of(&self.server).ok_or_else(|| {
                Error::Usage(
                    "as whom? Log in by `avouch login`, set AVOUCH_KEY, or say --key-file".to_owned(),
                )
            })?,
        };
        Ok(Connection { server: self.server, key: Some(key), ca: self.ca, json })
    }
}

/// Any text: the server decides whether it is a key.
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret(text.to_owned()))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a shop with invented customers, and show what to try
    Demo(DemoArgs),
    /// Make a vault: its keys, its first charter and its first administrator
    Init(InitArgs),
    /// Serve the vault until told to stop
    Serve,
    /// Open a vault whose root is lost, by its recovery shares, passphrase or key
    Recover(RecoverArgs),
    /// Let an administrator in again, at the host of the server
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Backups of both stores: make, list, verify
    Backup(BackupArgs),
    /// Bring a vault, or one of its stores, back from backups
    Restore(RestoreArgs),
    /// The configuration: check, show
    #[command(subcommand)]
    Config(ConfigCommand),
    /// What is kept, what for and who sees it: check, show, plan, draft, apply, roll-back
    #[command(subcommand)]
    Charter(CharterCommand),
    /// What was erased, and the proof of it: list, show, verify
    #[command(subcommand)]
    Erasures(ErasuresCommand),
    /// The log that nobody can rewrite: status, export, verify, proofs of single events
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Cosign the checkpoints of others' logs, on a host of its own: init, keys, serve
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// What a firewall in front of the server can know: rules, callers
    #[command(subcommand)]
    Network(NetworkCommand),
    /// A list of stolen passwords that nobody may take: build
    #[command(subcommand)]
    Passwords(PasswordsCommand),
    /// Log in at a server, for whoever has no API key
    Login(remote::LoginArgs),
    /// End the session that `login` began
    Logout,
    /// Look for what is wrong with the server on this machine
    Doctor,
    /// Write a shell's completions for this program
    Completions {
        /// The shell
        shell: Shell,
    },
    #[command(flatten)]
    Remote(RemoteCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Whether a server may start with it
    Check,
    /// What is in force, without passwords
    Show {
        /// The default with every key explained, instead
        #[arg(long)]
        default: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CharterCommand {
    /// Look for problems in the files, without a server
    Check {
        /// The charter's folder
        #[arg(long, default_value = "charter", value_name = "FOLDER")]
        dir: PathBuf,
    },
    #[command(flatten)]
    Remote(remote::CharterCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ErasuresCommand {
    /// Check a receipt, without a server
    Verify(remote::VerifyArgs),
    #[command(flatten)]
    Remote(remote::ErasuresCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Verify all of it, on the server or from a copy, and say what that proves
    Verify(remote::VerifyLedgerArgs),
    /// Check the proof of one event, or of all that was seen of a customer, without a server
    Check(remote::CheckArgs),
    #[command(flatten)]
    Remote(remote::LedgerCommand),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_behind_the_command() {
        let cli = Cli::try_parse_from([
            "avouch",
            "status",
            "--server",
            "https://a.example",
            "--key",
            "k",
            "--json",
        ]);
        let cli = cli.unwrap();
        let connection = cli.connection.open(cli.json).unwrap();
        assert_eq!((connection.server.as_str(), connection.json), ("https://a.example", true));
        assert!(!format!("{connection:?}").contains("\"k\""));
    }

    /// One for each command, with every option that all commands share. An argument that takes the name of one of those
    /// is only found out when the command is parsed.
    const LINES: &[&str] = &[
        "demo --customers 10 --dir demo --port 0",
        "init --data-dir data --admin-role admin --days 30 --recovery-shares 5 --recovery-threshold 3",
        "recover --share a --share b --slot shares",
        "serve",
        "backup",
        "backup --only keys --no-wait",
        "backup list",
        "backup verify a.avb b.avb --keys k.avb --share a --share b --slot shares",
        "restore --data a.avb --keys b.avb --endings e --endings-are-complete --leave-unreadable --share a --share b --slot s",
        "config check",
        "config show --default",
        "charter check --dir charter",
        "charter show --version 2",
        "charter versions",
        "charter indexes",
        "charter plan --dir charter",
        "charter apply --dir charter --yes",
        "charter draft --dir charter --why audit",
        "charter drafts",
        "charter show --draft ID",
        "charter replay ID --days 7",
        "charter approve ID --why right",
        "charter activate ID",
        "charter withdraw ID",
        "charter roll-back --yes",
        "witness init --name example.org/witness --dir w",
        "witness keys --dir w",
        "witness serve --dir w",
        "network rules --callers - --also 192.0.2.0/24,2001:db8::/32",
        "network callers",
        "passwords build --from - --to passwords.filter --seen 10 --lines sha1",
        "login --name ida",
        "logout",
        "doctor",
        "admin recover --login sam",
        "principal link ID --afresh",
        "principal identity list ID",
        "principal identity link ID --provider house --subject 248289761001",
        "principal identity unlink ID ID",
        "completions bash",
        "subject create name=Ada --idempotency-key order-1 --purpose support",
        "subject show ID --purpose support",
        "subject list --limit 10 --cursor c --purpose support",
        "subject update ID --version 3 --unset phone name=Ada",
        "subject delete ID --purpose data_rights --reason erasure --classes service,payment --keep-held",
        "hold place ID --class accounting --reason case --until 2030-12-31T00:00:00Z --purpose data_rights",
        "hold list ID --purpose data_rights",
        "hold lift ID ID --purpose data_rights",
        "erasures list --subject ID --limit 10",
        "erasures show 7",
        "erasures verifier-key",
        "erasures verify receipt.json --verifier-key k",
        "ledger status",
        "ledger verifier-keys",
        "ledger export folder",
        "ledger bundle folder",
        "ledger verify --copy folder --verifier-key k --remember r --deep --evidence e",
        "ledger proof ID --out f",
        "ledger accesses ID --out f --purpose data_rights --reason asked",
        "ledger check f --verifier-key k",
        "tie add ID --kind case --actor ID --ends 2030-12-31T00:00:00Z --reference 4711",
        "tie list ID",
        "tie end ID ID",
        "tie import ties.csv",
        "watch cases --family vip --state open --limit 10",
        "watch show ID",
        "watch close ID --outcome explained --why called",
        "account accesses --limit 10",
        "account acknowledge",
        "subject history ID --limit 10",
        "subject accesses ID --limit 10",
        "search --by email=- --purpose support",
        "search --prefix name=gon --from birth_date=1962-05-01 --to birth_date=1962-07-31 --purpose support",
        "reveal ID --fields email --purpose support --reason callback",
        "token create ID --fields phone.0 --recipient parcels --purpose order_fulfilment",
        "token inspect tokens.txt --purpose data_rights",
        "token list --subject ID --purpose data_rights --tag spring",
        "token revoke --recipient parcels --all --yes",
        "token rotate tokens.txt --recipient parcels --purpose order_fulfilment",
        "token import tokens.jsonl --recipient parcels --purpose order_fulfilment",
        "tokenize order.json --recipient parcels --purpose order_fulfilment --subject ID --map /a=email",
        "tokenize --recipient parcels --purpose order_fulfilment --keep-unmapped --create-missing",
        "detokenize order.json --purpose order_fulfilment --reason label",
        "explain subject.reveal --purpose support --fields email --with-reason",
        "principal list --limit 10",
        "principal create --kind service --name Shop --roles shop --recipient parcels --networks 192.0.2.0/24 --days 9",
        "principal show ID",
        "principal update ID --name Shop --any-network --days 9",
        "principal jwks ID --file keys.json",
        "principal certificate ID --csr shop.csr --hours 24",
        "principal suspend ID",
        "principal activate ID",
        "apikey create ID --label shop --days 90 --networks 192.0.2.0/24",
        "apikey list ID",
        "apikey revoke ID ID",
        "approval ask well_known --action subject.reveal --purpose support --subject ID --fields email --reason why --case 4711 --minutes 5 --customers 1",
        "approval ask bulk --action subject.search --purpose support --by name=Ana --reason why --customers 40",
        "approval ask export --action subject.export --purpose data_rights --everybody --fields email --reason why --customers 90",
        "approval list --limit 10",
        "approval agree ID --why right",
        "approval refuse ID",
        "approval cancel ID",
        "approval show ID --limit 10",
        "break-glass open --role emergency --minutes 30 --reason why",
        "break-glass list --limit 10",
        "break-glass show ID --limit 10",
        "break-glass end ID",
        "break-glass review ID --as unjustified --why curious",
        "mark ID --tier 2 --colleague ID --honey --purpose data_rights",
        "alarm list --all --limit 10",
        "alarm close ID --as false-alarm --why moved",
        "events --actor ID --action subject.reveal --limit 10",
        "events --purpose support --recipient parcels --outcome done --since 2026-01-01T00:00:00Z --until 2027-01-01T00:00:00Z",
        "events --subject ID --reason complaint",
        "events --follow",
        "events --export FILE --format ocsf --log 1 --since-index 41",
        "disclosures --recipient parcels --since 2026-01-01T00:00:00Z --until 2027-01-01T00:00:00Z",
        "import c.csv --map E-Mail=email --dry-run --on-duplicate skip --errors e.csv --chunk 10 --format csv",
        "import c.csv --yes --delimiter tab --encoding windows-1250 --purpose administration --reason move",
        "export --fields name --purpose accounting --reason year --format jsonl --to age1x -o out --force",
        "keys",
        "keys show",
        "keys rotate --no-wait",
        "keys rotate index",
        "keys retire token --yes",
        "keys drill --share a --share b",
        "keys drill --with-passphrase f --slot passphrase",
        "keys reseal --yes",
        "keys recovery --threshold 2 --custodian age1x --custodian age1y -o out",
        "status",
        "transit create orders --kind phone --derived --luhn-valid --country-code 49 --first-year 1900 --last-year 2100",
        "transit list --limit 10 --cursor c",
        "transit show orders",
        "transit rotate orders",
        "transit config orders --min-decryption 2 --min-encryption 2 --deletion-allowed true",
        "transit trim orders --min-available 2 --yes",
        "transit delete orders --yes",
        "transit encrypt orders f --context c --associated-data a --key-version 1",
        "transit decrypt orders f --context c --associated-data a",
        "transit rewrap orders f --context c --associated-data a --key-version 1",
        "transit hmac orders f --hash sha2-512 --key-version 1",
        "transit sign orders f --hash sha2-384 --marshaling jws --prehashed --key-version 1",
        "transit verify orders f --signature s --hash sha2-256 --marshaling asn1 --prehashed",
        "transit verify orders --hmac m",
        "transit encode orders f",
        "transit decode orders",
        "transit random --bytes 16",
    ];

    #[test]
    fn every_command_parses_beside_what_all_commands_share() {
        let shared = ["--server", "https://a.example", "--key", "k", "--key-file", "f", "--ca", "c"];
        let shared = shared.into_iter().chain(["--config", "avouch.toml", "--json"]);
        for line in LINES {
            let line = line.replace("ID", "5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874");
            let words = std::iter::once("avouch").chain(line.split(' ')).chain(shared.clone());
            let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(cli.connection.key, Some(Secret("k".to_owned())), "{line}");
            assert!(cli.json && cli.config.as_os_str() == "avouch.toml", "{line}");
        }
    }

    #[test]
    fn no_command_is_left_out() {
        fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            for command in command.get_subcommands() {
                let path = format!("{path}{} ", command.get_name());
                if !command.has_subcommands() {
                    found.push(path.clone());
                }
                leaves(command, &path, found);
            }
        }
        let mut found = Vec::new();
        leaves(&Cli::command(), "", &mut found);
        assert!(found.len() > 30);
        for path in found {
            assert!(LINES.iter().any(|line| format!("{line} ").starts_with(&path)), "`{path}` has no line");
        }
    }
}
