//! Commands about what somebody may do only when others have agreed, and about customers on whose account they have to.

use std::process::ExitCode;

use avouch_wire::{
    Approval, ApprovalRecently, ApprovalRequest, ApprovalSearch, ApprovalState, ApprovalWord, PageQuery,
    Secret, SubjectMark,
};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::break_glass::work;
use super::output::listing;
use super::subject::Conditions;
use super::table::{Table, facts};
use super::{CliError, Paging, Remote, Why};

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalCommand {
    /// Ask others to agree to one act
    Ask(Box<AskArgs>),
    /// List what you have asked for, and what waits for your word
    List(ListArgs),
    /// Show one, and what was done under it
    Show(ShowArgs),
    /// Agree to what somebody asks for
    Agree(WordArgs),
    /// Do not agree
    Refuse(WordArgs),
    /// Take back what you have asked for
    Cancel {
        /// The request
        id: Uuid,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The request
    id: Uuid,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// Which of the charter's approvals, as the refusal has named it
    approval: String,
    /// What is to be done
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// For which purpose
    #[arg(long, value_name = "NAME")]
    purpose: String,
    /// On which customer
    #[arg(long, value_name = "ID")]
    subject: Option<Uuid>,
    /// On everybody: for an export, or a list
    #[arg(long, conflicts_with = "subject")]
    everybody: bool,
    #[command(flatten)]
    search: Conditions,
    /// Which fields are to be opened, with commas between
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    fields: Vec<String>,
    /// Why: those who are to agree read it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The case, order or ticket it belongs to
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// For how many minutes; without it for as long as the charter says
    #[arg(long, value_name = "N")]
    minutes: Option<u32>,
    /// For how many customers; without it for one
    #[arg(long, value_name = "N")]
    customers: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct WordArgs {
    /// The request
    id: Uuid,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MarkArgs {
    /// The customer
    id: Uuid,
    /// How delicate it is that somebody looks at them at all, 0 to 3
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u8).range(0..=3))]
    tier: u8,
    /// Who they are as a colleague
    #[arg(long, value_name = "ID")]
    colleague: Option<Uuid>,
    /// That it is nobody: whoever looks has no need
    #[arg(long)]
    honey: bool,
    #[command(flatten)]
    why: Why,
}

pub(super) fn run(command: ApprovalCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        ApprovalCommand::Ask(args) => {
            let AskArgs {
                approval,
                action,
                purpose,
                subject,
                search,
                everybody,
                fields,
                reason,
                case,
                minutes,
                customers,
            } = *args;
            let (by, like) = search.read()?;
            let search = (!by.is_empty() || !like.is_empty()).then_some(ApprovalSearch { by, like });
            let asked = client.approval_ask(&ApprovalRequest {
                approval,
                action,
                purpose,
                subject,
                search,
                everybody,
                fields,
                reason: Secret(reason),
                case_reference: case,
                minutes,
                customers,
            })?;
            output.answer(&asked, |asked| facts([("asked", asked.id.to_string())]))
        }
        ApprovalCommand::List(ListArgs { paging }) => {
            let page = client.approvals(&PageQuery::from(paging))?;
            output.answer(&page, |page| listing(&table(&page.items), page.next_cursor.as_ref()))
        }
        ApprovalCommand::Show(ShowArgs { id, paging }) => {
            let approval = client.approval(id)?;
            let done = client.approval_work(id, &PageQuery::from(paging))?;
            let both = serde_json::json!({ "approval": approval, "work": done });
            output.answer(&both, |_| {
                let shown = one(&approval);
                format!("{shown}\n{}", listing(&work(&done.items), done.next_cursor.as_ref()))
            })
        }
        ApprovalCommand::Agree(args) => word(args, true, remote),
        ApprovalCommand::Refuse(args) => word(args, false, remote),
        ApprovalCommand::Cancel { id } => {
            client.approval_cancel(id)?;
            output.answer(&serde_json::json!({ "cancelled": id }), |_| facts([("cancelled", id.to_string())]))
        }
    }
}

pub(super) fn mark(args: MarkArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let MarkArgs { id, tier, colleague, honey, why } = args;
    let marked = remote.client.mark(id, &SubjectMark { tier, colleague, honey }, &why.into())?;
    remote.output.answer(&marked, |mark| {
        let colleague = mark.colleague.map(|id| id.to_string()).unwrap_or_default();
        facts([("tier", mark.tier.to_string()), ("colleague", colleague)])
    })
}

fn word(args: WordArgs, agrees: bool, remote: &Remote) -> Result<ExitCode, CliError> {
    let WordArgs { id, why } = args;
    let spoken = remote.client.approval_word(id, &ApprovalWord { agrees, why: why.map(Secret) })?;
    remote.output.answer(&spoken, |spoken| facts([("it is", state(spoken.state).to_owned())]))
}

const fn state(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Asked => "asked",
        ApprovalState::Granted => "granted",
        ApprovalState::Refused => "refused",
        ApprovalState::Cancelled => "cancelled",
    }
}

fn one(approval: &Approval) -> String {
    let spoken = approval.votes.iter().map(|vote| {
        let word = if vote.agrees { "agrees" } else { "does not agree" };
        let why = vote.why.as_ref().map(|why| format!(": {}", why.0)).unwrap_or_default();
        ("spoken", format!("{} ({}) {word}{why}", vote.name, vote.role))
    });
    let asked = [
        ("state", state(approval.state).to_owned()),
        ("approval", format!("{}: {}", approval.approval, approval.title)),
        ("asked", format!("{} by {}", approval.asked, approval.requester_name)),
        ("action", approval.action.clone()),
        ("purpose", approval.purpose.clone()),
        ("on", whom(approval)),
        ("fields", approval.fields.join(", ")),
        ("draft", approval.draft.map(|id| id.to_string()).unwrap_or_default()),
        ("why", approval.reason.0.clone()),
        ("case", approval.case_reference.clone().unwrap_or_default()),
        ("minutes", approval.minutes.to_string()),
        ("customers when asked", approval.predicted.map(|count| count.to_string()).unwrap_or_default()),
        ("in 30 days", approval.recently.as_ref().map(recently).unwrap_or_default()),
        ("until", approval.until.to_string()),
        ("left", approval.remaining.to_string()),
        ("waits for", waits(approval)),
    ];
    facts(asked.into_iter().filter(|(_, value)| !value.is_empty()).chain(spoken))
}

/// For whose word it waits.
fn waits(approval: &Approval) -> String {
    let wanting = || {
        let each = approval.wanting.iter().map(|wanting| format!("{} {}", wanting.count, wanting.role));
        each.collect::<Vec<_>>().join(", ")
    };
    match approval.state {
        _ if approval.mine_to_give => "you".to_owned(),
        ApprovalState::Asked => wanting(),
        _ => String::new(),
    }
}

fn table(approvals: &[Approval]) -> Table {
    let mut table = Table::new([
        "request",
        "state",
        "approval",
        "by",
        "action",
        "purpose",
        "on",
        "were",
        "left",
        "in 30 days",
        "until",
        "waits for",
    ]);
    for approval in approvals {
        table.row([
            approval.id.to_string(),
            state(approval.state).to_owned(),
            approval.approval.clone(),
            approval.requester_name.clone(),
            approval.action.clone(),
            approval.purpose.clone(),
            whom(approval),
            approval.predicted.map(|count| count.to_string()).unwrap_or_default(),
            approval.remaining.to_string(),
            approval.recently.as_ref().map(recently).unwrap_or_default(),
            approval.until.to_string(),
            waits(approval),
        ]);
    }
    table
}

/// On whom it is.
fn whom(approval: &Approval) -> String {
    match (approval.subject, approval.everybody) {
        (Some(subject), _) => subject.to_string(),
        (None, true) => "everybody".to_owned(),
        (None, false) if approval.searched_by.is_empty() => String::new(),
        (None, false) => format!("found by {}", approval.searched_by.join(", ")),
    }
}

/// What whoever asks has looked at.
fn recently(recently: &ApprovalRecently) -> String {
    let more = if recently.and_more { "more than " } else { "" };
    format!("{more}{} customers, {} clear values", recently.customers, recently.clear_values)
}
