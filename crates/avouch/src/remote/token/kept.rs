//! Commands that look after tokens. Tokens come one to a line from a file or stdin, never as arguments: whoever can list processes could
//! turn them back.

use std::path::PathBuf;
use std::process::ExitCode;

use avouch_client::Stated;
use avouch_wire::token::{ForeignToken, ItemProblem};
use avouch_wire::{
    InspectRequest, RevokeRequest, RotateTokensRequest, Secret, TokenImportRequest, TokenImportResponse,
    TokenQuery, TokenTerms, TokenView, limits,
};
use clap::Args;
use uuid::Uuid;

use crate::remote::{
    CliError, Paging, Remote, Why,
    input::Sources,
    output::{listing, width},
    table::Table,
};

/// What is asked of tokens that are made.
#[derive(Debug, Default, Args)]
pub(super) struct TermArgs {
    /// End them then, such as `2027-01-31T00:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<avouch_wire::Time>,
    /// How often each can be turned back
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    uses: Option<u32>,
    /// A word by which they are found again; may be repeated
    #[arg(long = "tag", value_name = "WORD")]
    tags: Vec<String>,
    /// What to keep with each: a JSON file with an object
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
}

impl TermArgs {
    pub(super) fn asked(self) -> Result<Option<TokenTerms>, CliError> {
        let metadata = match &self.metadata {
            None => None,
            Some(path) => match Sources::of_process().document(path)? {
                serde_json::Value::Object(members) => Some(members),
                _ => return Err(CliError::usage("the metadata must be a JSON object")),
            },
        };
        let terms = TokenTerms { expires: self.expires, uses: self.uses, metadata, tags: self.tags };
        Ok((terms != TokenTerms::default()).then_some(terms))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Those of this customer
    #[arg(long, value_name = "ID", required_unless_present = "recipient", conflicts_with = "recipient")]
    subject: Option<Uuid>,
    /// Those of this recipient
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// Only those with this tag
    #[arg(long, value_name = "WORD")]
    tag: Option<String>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The tokens, one to a line: a file, or `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    tokens: PathBuf,
    /// Whose tokens these are, where they do not say it themselves
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    /// Why now, in a few words and without naming anybody
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["tokens", "ids", "subject", "all"])))]
pub(crate) struct RevokeArgs {
    /// These, one to a line: a file, or `-` for stdin
    #[arg(value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// These, by the ids that `token list` shows
    #[arg(long = "id", value_name = "ID", requires = "recipient")]
    ids: Vec<Uuid>,
    /// All of this customer, with whomever they are
    #[arg(long, value_name = "ID")]
    subject: Option<Uuid>,
    /// Whose tokens these are
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// All of the recipient, of whomever they are
    #[arg(long, requires = "recipient")]
    all: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The tokens that end, one to a line: a file, or `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    tokens: PathBuf,
    /// Whose tokens these are
    #[arg(long, value_name = "NAME")]
    recipient: String,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    #[command(flatten)]
    terms: TermArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file with a JSON object to a line, `{"token": …, "subject": …, "field": …}`, or `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    tokens: PathBuf,
    /// Who holds them
    #[arg(long, value_name = "NAME")]
    recipient: String,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    #[command(flatten)]
    terms: TermArgs,
}

pub(super) fn list(args: ListArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let query = TokenQuery {
        limit: args.paging.limit,
        cursor: args.paging.cursor,
        subject: args.subject,
        recipient: args.recipient,
        tag: args.tag,
    };
    let page = remote.client.token_list(&query, &args.why.into())?;
    remote.output.answer(&page, |page| {
        let mut table = Table::new(HEADINGS);
        page.items.iter().for_each(|token| row(&mut table, None, token));
        listing(&table, page.next_cursor.as_ref())
    })
}

pub(super) fn inspect(args: InspectArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let tokens = lines(&args.tokens)?;
    let request = InspectRequest { purpose: args.purpose, recipient: args.recipient, tokens };
    let stated = Stated { purpose: None, reason: args.reason };
    remote.output.answer(&remote.client.inspect_tokens(&request, &stated)?, |answer| {
        let mut table = Table::new(["line"].into_iter().chain(HEADINGS));
        for item in &answer.items {
            let line = (item.index + 1).to_string();
            if item.stands_for.is_empty() {
                table.row([line.as_str(), "", "stands for nobody"]);
            }
            item.stands_for.iter().for_each(|token| row(&mut table, Some(&line), token));
        }
        table.render(width())
    })
}

pub(super) fn revoke(args: RevokeArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let sweeping = args.all || args.subject.is_some();
    if sweeping && !args.yes && !remote.output.asks("No token of theirs will work again. Go on?")? {
        return Ok(ExitCode::FAILURE);
    }
    let request = RevokeRequest {
        tokens: args.tokens.as_deref().map(lines).transpose()?.unwrap_or_default(),
        ids: args.ids,
        subject: args.subject,
        recipient: args.recipient,
        all: args.all,
    };
    remote.output.answer(&remote.client.revoke_tokens(&request, &args.why.into())?, |revoked| {
        match revoked.tokens {
            Some(1) => "1 token ended\n".to_owned(),
            Some(tokens) => format!("{tokens} tokens ended\n"),
            None => "all of them ended\n".to_owned(),
        }
    })
}

pub(super) fn rotate(args: RotateArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let tokens = lines(&args.tokens)?;
    let terms = args.terms.asked()?;
    let request = RotateTokensRequest { purpose: args.purpose, recipient: args.recipient, tokens, terms };
    remote.output.answer(&remote.client.rotate_tokens(&request, &Stated::default())?, |rotated| {
        rotated.tokens.iter().map(|token| format!("{}\n", token.0)).collect()
    })
}

/// In batches, each of which is safe to repeat.
pub(super) fn import(args: ImportArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let terms = args.terms.asked()?;
    let mut items = Vec::new();
    for (at, line) in lines(&args.tokens)?.into_iter().enumerate() {
        let item: ForeignToken = serde_json::from_str(&line.0)
            .map_err(|_| CliError::usage(format!("line {} is not a token, subject and field", at + 1)))?;
        items.push(item);
    }
    let mut all = TokenImportResponse { taken_over: 0, problems: Vec::new() };
    for (number, batch) in items.chunks(limits::BATCH_ITEMS).enumerate() {
        let request = TokenImportRequest {
            purpose: args.purpose.clone(),
            recipient: args.recipient.clone(),
            items: batch.to_vec(),
            terms: terms.clone(),
        };
        let answer = remote.client.import_tokens(&request, &Stated::default())?;
        let before = number * limits::BATCH_ITEMS;
        all.taken_over += answer.taken_over;
        let moved = |item: ItemProblem| ItemProblem { index: before + item.index, ..item };
        all.problems.extend(answer.problems.into_iter().map(moved));
    }
    remote.output.answer(&all, |all| {
        let mut text = format!("{} taken over, {} not\n", all.taken_over, all.problems.len());
        if !all.problems.is_empty() {
            let mut table = Table::new(["line", "why not"]);
            for item in &all.problems {
                table.row([(item.index + 1).to_string(), item.problem.detail.clone()]);
            }
            text.push_str(&table.render(width()));
        }
        text
    })?;
    Ok(if all.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const HEADINGS: [&str; 9] =
    ["recipient", "kind", "subject", "field", "state", "made", "expires", "uses left", "id"];

fn row(table: &mut Table, line: Option<&str>, token: &TokenView) {
    let state = match token {
        TokenView { revoked: Some(_), .. } => "revoked",
        TokenView { usable: true, .. } => "usable",
        _ => "ended",
    };
    let time = |time: Option<avouch_wire::Time>| time.map(|time| time.to_string()).unwrap_or_default();
    let cells = [
        token.recipient.clone(),
        token.kind.clone(),
        token.subject.to_string(),
        token.field.clone().unwrap_or_default(),
        state.to_owned(),
        time(token.made),
        time(token.expires),
        token.uses_left.map(|uses| uses.to_string()).unwrap_or_default(),
        token.id.map(|id| id.to_string()).unwrap_or_default(),
    ];
    table.row(line.map(str::to_owned).into_iter().chain(cells));
}

/// Tokens or objects, one to a line; empty lines do not count.
fn lines(path: &std::path::Path) -> Result<Vec<Secret>, CliError> {
    let text = Sources::of_process().text(path)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(|line| Secret(line.to_owned())).collect())
}

fn time(text: &str) -> Result<avouch_wire::Time, String> {
    let quoted = serde_json::Value::String(text.to_owned());
    serde_json::from_value(quoted).map_err(|_| "expected a time such as 2027-01-31T00:00:00Z".to_owned())
}
