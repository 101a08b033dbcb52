//! Commands about erasures: their receipts, which can be checked without a server, and the legal holds that keep something.

use std::path::PathBuf;
use std::process::ExitCode;

use avouch_client::Stated;
use avouch_ledger::note::{VerifierKey, open_text};
use avouch_wire::{ErasureQuery, Hold, HoldRequest, Receipt};
use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use super::output::listing;
use super::table::{Table, facts};
use super::{CliError, Paging, Remote, Why};

/// Those that talk to a server.
#[derive(Debug, Subcommand)]
pub(crate) enum ErasuresCommand {
    /// List receipts, newest first
    List(ListArgs),
    /// Show a receipt with its signed note
    Show {
        /// The erasure's number
        number: u64,
    },
    /// Print the key that receipts are checked with
    VerifierKey,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only of this customer
    #[arg(long, value_name = "ID")]
    subject: Option<Uuid>,
    #[command(flatten)]
    paging: Paging,
}

/// `avouch erasures verify`, which needs no server.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The receipt: its note, or an answer of the server that holds it
    file: PathBuf,
    /// What `avouch erasures verifier-key` printed, from somebody you trust
    #[arg(long, value_name = "TEXT")]
    verifier_key: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Keep a customer, or one retention class of it, from being erased
    Place(PlaceArgs),
    /// List the holds on a customer, with their reasons
    List(HeldArgs),
    /// Lift a hold
    Lift(LiftArgs),
}

#[derive(Debug, Args)]
pub(crate) struct HeldArgs {
    /// The customer
    id: Uuid,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(crate) struct LiftArgs {
    /// The customer
    id: Uuid,
    /// The hold
    hold: Uuid,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The customer
    id: Uuid,
    /// The retention class; all of them when absent
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Why, in a few words; sealed
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Until when, such as 2030-12-31T00:00:00Z; until it is lifted when absent
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<avouch_wire::Time>,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
}

fn time(text: &str) -> Result<avouch_wire::Time, String> {
    text.parse().map(avouch_wire::Time).map_err(|_| "expected a time such as 2030-12-31T00:00:00Z".to_owned())
}

pub(super) fn erasures(command: ErasuresCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        ErasuresCommand::List(args) => {
            let Paging { limit, cursor } = args.paging;
            let page = client.erasures(&ErasureQuery { limit, cursor, subject: args.subject })?;
            output.answer(&page, |page| listing(&receipts(&page.items), page.next_cursor.as_ref()))
        }
        ErasuresCommand::Show { number } => {
            output.answer(&client.erasure(number)?, |receipt| receipt.note.clone())
        }
        ErasuresCommand::VerifierKey => {
            output.answer(&client.receipt_key()?, |key| format!("{}\n", key.verifier_key))
        }
    }
}

pub(super) fn holds(command: HoldCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        HoldCommand::Place(PlaceArgs { id, class, reason, until, purpose }) => {
            let stated = Stated { purpose, reason: None };
            let hold = client.hold(id, &HoldRequest { class, reason, until }, &stated)?;
            output.answer(&hold, |hold| facts([("hold", hold.id.to_string()), ("on", held(hold))]))
        }
        HoldCommand::List(HeldArgs { id, why }) => {
            let page = client.holds(id, &why.into())?;
            output.answer(&page, |page| listing(&table(&page.items), page.next_cursor.as_ref()))
        }
        HoldCommand::Lift(LiftArgs { id, hold, why }) => {
            client.lift_hold(id, hold, &why.into())?;
            output.answer(&serde_json::json!({ "lifted": hold }), |_| facts([("lifted", hold.to_string())]))
        }
    }
}

/// Checks a receipt, and shows what is signed and nothing else.
///
/// # Errors
/// When it cannot be read, holds no note, or is not signed by this key as it is.
pub(crate) fn verify(args: &VerifyArgs) -> Result<String, CliError> {
    let text = std::fs::read_to_string(&args.file).map_err(|error| CliError::file(&args.file, &error))?;
    let note = note_in(&text).ok_or_else(|| CliError::usage("there is no receipt in this file"))?;
    let key = VerifierKey::parse(args.verifier_key.trim())
        .map_err(|_| CliError::usage("this is no verifier key: `avouch erasures verifier-key` prints one"))?;
    match open_text(&note, [&key]) {
        Ok((text, _)) => Ok(text.to_owned()),
        Err(avouch_ledger::Error::Unsigned) => {
            Err(CliError::Input("the receipt is not signed by this key".to_owned()))
        }
        Err(_) => Err(CliError::Input("the receipt is not as it was signed: do not trust it".to_owned())),
    }
}

/// The note of a receipt, of an answer that holds a receipt, or the text itself.
fn note_in(text: &str) -> Option<String> {
    if !text.trim_start().starts_with('{') {
        return Some(text.to_owned());
    }
    let json: Value = serde_json::from_str(text).ok()?;
    let note = json.pointer("/note").or_else(|| json.pointer("/receipt/note"))?;
    note.as_str().map(str::to_owned)
}

fn receipts(receipts: &[Receipt]) -> Table {
    let mut table = Table::new(["erasure", "at", "subject", "erased", "kept", "remains end by"]);
    for receipt in receipts {
        let classes = receipt.classes.join(", ");
        let kept = receipt.kept.iter().map(|kept| kept.class.clone().unwrap_or_else(|| "all".to_owned()));
        table.row([
            receipt.number.to_string(),
            receipt.at.to_string(),
            receipt.subject.to_string(),
            if classes.is_empty() { "everything".to_owned() } else { classes },
            kept.collect::<Vec<_>>().join(", "),
            receipt.horizon.map_or_else(|| "not known".to_owned(), |horizon| horizon.date()),
        ]);
    }
    table
}

fn table(holds: &[Hold]) -> Table {
    let mut table = Table::new(["hold", "on", "since", "until", "by", "reason"]);
    for hold in holds {
        table.row([
            hold.id.to_string(),
            held(hold),
            hold.since.to_string(),
            hold.until.map(|until| until.to_string()).unwrap_or_default(),
            super::events::actor(&hold.by),
            hold.reason.clone(),
        ]);
    }
    table
}

fn held(hold: &Hold) -> String {
    hold.class.clone().unwrap_or_else(|| "all".to_owned())
}

#[cfg(test)]
mod tests {
    use avouch_ledger::note::NoteSigner;

    use super::*;

    #[test]
    fn a_receipt_is_verified_with_its_key_and_refused_with_another_byte() {
        let signer = NoteSigner::from_seed("avouch/test", &[1; 32]).unwrap();
        let note = signer.sign("avouch erasure receipt 1\nerasure 7\n").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let said = |text: &str, key: &str| {
            let file = folder.path().join("receipt");
            std::fs::write(&file, text).unwrap();
            verify(&VerifyArgs { file, verifier_key: key.to_owned() }).map_err(|error| error.to_string())
        };
        let key = signer.verifier_key().to_string();
        let signed = Ok("avouch erasure receipt 1\nerasure 7\n".to_owned());
        assert_eq!(said(&note, &key), signed);
        assert_eq!(said(&serde_json::json!({"receipt": {"note": note}}).to_string(), &key), signed);
        assert!(said(&note.replace("erasure 7", "erasure 8"), &key).unwrap_err().contains("do not trust"));
        let other = NoteSigner::from_seed("avouch/test", &[2; 32]).unwrap().verifier_key().to_string();
        assert!(said(&note, &other).unwrap_err().contains("not signed by this key"));
    }
}
