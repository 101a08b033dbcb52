//! Commands about standalone keys: making, changing and ending them here, their use in `work`.

mod work;

use std::process::ExitCode;

use avouch_client::IdempotencyKey;
use avouch_wire::{PageQuery, TransitKey, TransitKeyCreate, TransitKeyPatch, TransitKind, TransitTrim};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand};

use super::output::{listing, width};
use super::table::{Table, facts};
use super::{CliError, Paging, Remote, input};

#[derive(Debug, Subcommand)]
pub(crate) enum TransitCommand {
    /// Make a key; one of this name and kind that is there is left as it is
    Create(CreateArgs),
    /// List the keys that your roles name
    List(ListArgs),
    /// What is known of a key; never the key
    Show {
        /// The key
        name: String,
    },
    /// Add a version, which is used from now on; the ones before still open what they made
    Rotate {
        /// The key
        name: String,
    },
    /// Change what a key may be used for
    Config(ConfigArgs),
    /// Destroy the versions before one; what they made is nobody's to open any more
    Trim(TrimArgs),
    /// Destroy a key, if its configuration allows it; what it made is nobody's to open any more
    Delete {
        /// The key
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    #[command(flatten)]
    Work(work::WorkCommand),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name: small letters, digits, `_` and `-`
    name: String,
    /// What it is to do, for ever
    #[arg(long, default_value = "aes256-gcm96", value_parser = kinds())]
    kind: TransitKind,
    /// aes256-gcm96: a key for each context, which every use has to name
    #[arg(long)]
    derived: bool,
    /// card: tokens with a valid check digit, which may be the number of somebody's card
    #[arg(long)]
    luhn_valid: bool,
    /// phone: the country's code
    #[arg(long, value_name = "CODE")]
    country_code: Option<String>,
    /// date: the first year of the span
    #[arg(long, value_name = "YEAR")]
    first_year: Option<u16>,
    /// date: the last year of the span
    #[arg(long, value_name = "YEAR")]
    last_year: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
#[command(group(
    ArgGroup::new("change").args(["min_decryption", "min_encryption", "deletion_allowed"]).required(true).multiple(true)
))]
pub(crate) struct ConfigArgs {
    /// The key
    name: String,
    /// The lowest version that decrypts and verifies from now on
    #[arg(long, value_name = "VERSION")]
    min_decryption: Option<u32>,
    /// The lowest version that encrypts, signs and makes MACs if it is asked for; 0: the lowest that decrypts
    #[arg(long, value_name = "VERSION")]
    min_encryption: Option<u32>,
    /// Whether it may be deleted
    #[arg(long, value_name = "BOOL")]
    deletion_allowed: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct TrimArgs {
    /// The key
    name: String,
    /// The first version that stays: at most the lower of the two minimums
    #[arg(long, value_name = "VERSION")]
    min_available: u32,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

fn kinds() -> impl TypedValueParser<Value = TransitKind> {
    let names = PossibleValuesParser::new(TransitKind::ALL.map(TransitKind::name));
    names.try_map(|name| {
        TransitKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or("there is no such kind")
    })
}

pub(super) fn run(command: TransitCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        TransitCommand::Create(args) => output.answer(&client.transit_create(&creation(args))?, shown),
        TransitCommand::List(args) => {
            let page = client.transit_keys(&PageQuery::from(args.paging))?;
            output.answer(&page, |page| {
                let mut table = Table::new(["name", "kind"]);
                page.items.iter().for_each(|key| table.row([&key.name, &key.kind]));
                listing(&table, page.next_cursor.as_ref())
            })
        }
        TransitCommand::Show { name } => output.answer(&client.transit_key(&name)?, shown),
        TransitCommand::Rotate { name } => {
            let once = IdempotencyKey::from(input::random_id());
            output.answer(&client.transit_rotate(&name, Some(&once))?, |rotated| {
                format!("version {} is used from now on\n", rotated.latest_version)
            })
        }
        TransitCommand::Config(args) => {
            let change = TransitKeyPatch {
                min_decryption_version: args.min_decryption,
                min_encryption_version: args.min_encryption,
                deletion_allowed: args.deletion_allowed,
            };
            output.answer(&client.transit_configure(&args.name, &change)?, shown)
        }
        TransitCommand::Trim(args) => {
            if !args.yes && !output.asks("What those versions made is nobody's to open any more. Go on?")? {
                return Ok(ExitCode::from(1));
            }
            let trim = TransitTrim { min_available_version: args.min_available };
            output.answer(&client.transit_trim(&args.name, trim)?, shown)
        }
        TransitCommand::Delete { name, yes } => {
            if !yes && !output.asks("What this key made is nobody's to open any more. Go on?")? {
                return Ok(ExitCode::from(1));
            }
            output.answer(&client.transit_delete(&name)?, |_| "gone\n".to_owned())
        }
        TransitCommand::Work(command) => work::run(command, remote),
    }
}

fn creation(args: CreateArgs) -> TransitKeyCreate {
    TransitKeyCreate {
        name: args.name,
        kind: args.kind,
        derived: args.derived.then_some(true),
        luhn_valid: args.luhn_valid.then_some(true),
        country_code: args.country_code,
        first_year: args.first_year,
        last_year: args.last_year,
    }
}

fn shown(key: &TransitKey) -> String {
    let lowest = match key.min_encryption_version {
        0 => "the lowest that decrypts".to_owned(),
        version => version.to_string(),
    };
    let mut lines = vec![("name", key.name.clone()), ("kind", key.kind.name().to_owned())];
    let span = key.first_year.zip(key.last_year).map(|(first, last)| format!("{first} to {last}"));
    let of_kind = [
        ("derived", key.derived.map(yes_or_no)),
        ("valid check digit", key.luhn_valid.map(yes_or_no)),
        ("country", key.country_code.clone()),
        ("years", span),
    ];
    lines.extend(of_kind.into_iter().filter_map(|(name, value)| Some((name, value?))));
    lines.extend([
        ("latest version", key.latest_version.to_string()),
        ("lowest that decrypts", key.min_decryption_version.to_string()),
        ("lowest that encrypts", lowest),
        ("may be deleted", yes_or_no(key.deletion_allowed)),
    ]);
    let mut versions = Table::new(["version", "created"]);
    for version in &key.versions {
        versions.row([version.version.to_string(), version.created.to_string()]);
    }
    let mut text = format!("{}\n{}", facts(lines), versions.render(width()));
    // The newest is what signs; the others are in JSON.
    if let Some(public) = key.versions.last().and_then(|version| version.public_key.as_ref()) {
        text.push('\n');
        for line in public.lines() {
            text.push_str(&super::table::clean(line));
            text.push('\n');
        }
    }
    text
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
