//! Commands about tokens, and `explain`. Documents come from a file or stdin and go to stdout as JSON, whatever the output mode: they are
//! meant for the next program.

mod kept;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use avouch_wire::{
    DetokenizeRequest, Document, Explain, Secret, TokenRequest, TokenizeRequest, Unmapped, token::TokenItem,
};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{
    CliError, Remote,
    input::Sources,
    output::{listing, width},
    table::Table,
};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token of each field of a customer, for one recipient
    Create(TokenCreateArgs),
    /// Say what tokens are: whose, of what, and what ends them; never their values
    Inspect(kept::InspectArgs),
    /// List the tokens of a customer, or those of a recipient
    List(kept::ListArgs),
    /// End tokens: some, all of a customer, or all of a recipient
    Revoke(kept::RevokeArgs),
    /// Put another token in the place of each, which ends
    Rotate(kept::RotateArgs),
    /// Take over tokens that another system made
    Import(kept::ImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreateArgs {
    /// The customer
    id: Uuid,
    /// Which fields, with commas between; `phone.0` is the first value of a list
    #[arg(long, required = true, value_delimiter = ',', value_name = "FIELD")]
    fields: Vec<String>,
    /// For which recipient of the charter
    #[arg(long, value_name = "NAME")]
    recipient: String,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    #[command(flatten)]
    terms: kept::TermArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenizeArgs {
    /// The document: a JSON file, or `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    document: PathBuf,
    /// For which recipient of the charter
    #[arg(long, value_name = "NAME")]
    recipient: String,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    /// The customer it is about; found by its unique fields when absent
    #[arg(long, value_name = "ID")]
    subject: Option<Uuid>,
    /// Where a field stands: `/customer/mail=email`; member names are field names when there is none
    #[arg(long, value_name = "POINTER=FIELD")]
    map: Vec<String>,
    /// Leave members that are no field as they are, instead of refusing
    #[arg(long)]
    keep_unmapped: bool,
    /// Store the customer when nobody matches
    #[arg(long)]
    create_missing: bool,
    /// Also if the customer who is stored was erased
    #[arg(long)]
    again: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DetokenizeArgs {
    /// The document: a JSON file, or `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    document: PathBuf,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    /// Why now, in a few words and without naming anybody
    #[arg(long, value_name = "TEXT")]
    reason: Option<Secret>,
    /// Where a token stands that has the form of a value, such as `/order/card`; may be repeated
    #[arg(long, value_name = "POINTER")]
    at: Vec<String>,
    /// Whose tokens those are
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The action, such as `subject.reveal`
    action: String,
    /// The purpose that would be stated
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
    /// As if a reason were given
    #[arg(long)]
    with_reason: bool,
    /// Which fields, with commas between; all when absent
    #[arg(long, value_delimiter = ',', value_name = "FIELD")]
    fields: Vec<String>,
}

pub(super) fn run(command: TokenCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    match command {
        TokenCommand::Create(args) => create(args, remote),
        TokenCommand::Inspect(args) => kept::inspect(args, remote),
        TokenCommand::List(args) => kept::list(args, remote),
        TokenCommand::Revoke(args) => kept::revoke(args, remote),
        TokenCommand::Rotate(args) => kept::rotate(args, remote),
        TokenCommand::Import(args) => kept::import(args, remote),
    }
}

fn create(args: TokenCreateArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let items = args.fields.iter().map(|field| item(args.id, field)).collect::<Result<_, _>>()?;
    let request =
        TokenRequest { purpose: args.purpose, recipient: args.recipient, items, terms: args.terms.asked()? };
    let response = remote.client.tokens(&request)?;
    let failed = response.items.iter().find_map(|item| item.problem.clone());
    remote.output.answer(&response, |response| {
        let mut table = Table::new(["field", "token"]);
        for (field, item) in args.fields.iter().zip(&response.items) {
            let token = item.token.as_ref().map(|token| token.0.as_str());
            let text = token.or_else(|| item.problem.as_ref().map(|problem| problem.detail.as_str()));
            table.row([field.as_str(), text.unwrap_or_default()]);
        }
        // In full whatever the terminal: half a token is none.
        table.render(None)
    })?;
    match failed {
        Some(problem) => Err(avouch_client::Error::Problem(Box::new(problem)).into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

pub(super) fn tokenize(args: TokenizeArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let map = args.map.iter().map(|text| pointer(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let request = TokenizeRequest {
        purpose: args.purpose,
        recipient: args.recipient,
        subject: args.subject,
        map: (!map.is_empty()).then_some(map),
        unmapped: args.keep_unmapped.then_some(Unmapped::Keep),
        create_missing: args.create_missing.then_some(true),
        again: args.again,
        document: Document(Sources::of_process().document(&args.document)?),
    };
    let answer = remote.client.tokenize(&request)?;
    if remote.output.json {
        remote.output.json(&answer)?
    } else {
        remote.output.json(&answer.document)?
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn detokenize(args: DetokenizeArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let document = Document(Sources::of_process().document(&args.document)?);
    let request = DetokenizeRequest {
        purpose: args.purpose,
        reason: args.reason,
        at: args.at,
        recipient: args.recipient,
        document,
    };
    let answer = remote.client.detokenize(&request)?;
    if remote.output.json {
        remote.output.json(&answer)?
    } else {
        remote.output.json(&answer.document)?
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn explain(args: ExplainArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let request = Explain {
        action: args.action,
        purpose: args.purpose,
        reason_given: Some(args.with_reason),
        fields: (!args.fields.is_empty()).then_some(args.fields),
    };
    remote.output.answer(&remote.client.explain(&request)?, |explanation| {
        let mut text = if explanation.allowed { "allowed" } else { "not allowed" }.to_owned();
        if !explanation.decided_by.is_empty() {
            text.push_str(&format!(" by {}", explanation.decided_by.join(", ")));
        }
        text.push('\n');
        if !explanation.needs.is_empty() {
            let mut table = Table::new(["missing", "what to do", "choices"]);
            for need in &explanation.needs {
                table.row([need.need.as_str(), &need.detail, &need.allowed.join(", ")]);
            }
            text.push_str(&table.render(width()));
        }
        if !explanation.views.is_empty() {
            let mut table = Table::new(["field", "would show"]);
            for (field, view) in &explanation.views {
                table.row([field, view.name()]);
            }
            text.push_str(&listing(&table, None));
        }
        text
    })
}

/// `field`, or `field.0` for one value of a list.
fn item(subject: Uuid, text: &str) -> Result<TokenItem, CliError> {
    let (field, value) = match text.split_once('.') {
        Some((field, index)) => {
            let index = index.parse().map_err(|_| {
                CliError::usage(format!(
                    "`{text}` should be a field, or a field and a number such as `phone.0`"
                ))
            })?;
            (field, Some(index))
        }
        None => (text, None),
    };
    Ok(TokenItem { reference: None, subject, field: field.to_owned(), value })
}

fn pointer(text: &str) -> Result<(String, String), CliError> {
    match text.rsplit_once('=') {
        Some((pointer, field)) if pointer.starts_with('/') && !field.is_empty() => {
            Ok((pointer.to_owned(), field.to_owned()))
        }
        _ => Err(CliError::usage(format!("`{text}` should be `/pointer=field`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_value_is_named_by_its_place() {
        assert_eq!(item(Uuid::nil(), "phone.1").unwrap().value, Some(1));
        assert_eq!(item(Uuid::nil(), "phone").unwrap().value, None);
        assert!(item(Uuid::nil(), "address.city").is_err());
    }

    #[test]
    fn a_pointer_starts_with_a_slash() {
        assert_eq!(pointer("/a=b/c=email").unwrap(), ("/a=b/c".to_owned(), "email".to_owned()));
        assert!(pointer("a=email").is_err() && pointer("/a").is_err() && pointer("/a=").is_err());
    }
}
