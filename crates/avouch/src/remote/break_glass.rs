//! Commands about looking in an emergency without anybody's word.

use std::process::ExitCode;

use avouch_wire::{
    BreakGlass, BreakGlassOutcome, BreakGlassRequest, BreakGlassReview, PageQuery, Secret, Work,
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use super::output::listing;
use super::table::{Table, facts};
use super::{CliError, Paging, Remote};

#[derive(Debug, Subcommand)]
pub(crate) enum GlassCommand {
    /// Break the glass; in a session that was begun with a passkey within two minutes
    Open(OpenArgs),
    /// List where you have broken it, and what is yours to review
    List(ListArgs),
    /// Show one, and what was done behind it
    Show(ShowArgs),
    /// End it before its time
    End {
        /// The glass
        id: Uuid,
    },
    /// Say whether it was right
    Review(ReviewArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// Which of your roles that sleep, if there is more than one
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Why, in 20 characters or more: somebody reviews it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how many minutes; without it for as long as the charter says
    #[arg(long, value_name = "N")]
    minutes: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The glass
    id: Uuid,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// The glass
    id: Uuid,
    /// As what
    #[arg(long = "as", value_name = "OUTCOME")]
    outcome: ReviewedAs,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ReviewedAs {
    /// It had to be
    Justified,
    /// It had not to be: that is an alarm
    Unjustified,
}

pub(super) fn run(command: GlassCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        GlassCommand::Open(OpenArgs { role, reason, minutes }) => {
            let opened = client.break_glass(&BreakGlassRequest { role, reason: Secret(reason), minutes })?;
            output.answer(&opened, |opened| {
                facts([
                    ("glass", opened.id.to_string()),
                    ("until", opened.until.to_string()),
                    ("customers", opened.customers.to_string()),
                    ("review due", opened.due.to_string()),
                ])
            })
        }
        GlassCommand::List(ListArgs { paging }) => {
            let page = client.broken_glass(&PageQuery::from(paging))?;
            output.answer(&page, |page| listing(&table(&page.items), page.next_cursor.as_ref()))
        }
        GlassCommand::Show(ShowArgs { id, paging }) => {
            let glass = client.break_glass_read(id)?;
            let done = client.break_glass_work(id, &PageQuery::from(paging))?;
            let both = json!({ "glass": glass, "work": done });
            output.answer(&both, |_| {
                let shown = facts([
                    ("by", glass.principal_name.clone()),
                    ("state", glass.state.name().to_owned()),
                    ("why", glass.reason.0.clone()),
                    ("opened", glass.opened.to_string()),
                    ("until", glass.until.to_string()),
                    ("customers", format!("{} of {}", glass.customers, glass.most)),
                    ("review due", glass.due.to_string()),
                ]);
                format!("{shown}\n{}", listing(&work(&done.items), done.next_cursor.as_ref()))
            })
        }
        GlassCommand::End { id } => {
            client.break_glass_close(id)?;
            output.answer(&json!({ "ended": id }), |_| facts([("ended", id.to_string())]))
        }
        GlassCommand::Review(ReviewArgs { id, outcome, why }) => {
            let outcome = match outcome {
                ReviewedAs::Justified => BreakGlassOutcome::Justified,
                ReviewedAs::Unjustified => BreakGlassOutcome::Unjustified,
            };
            client.break_glass_review(id, &BreakGlassReview { outcome, why: Secret(why) })?;
            output.answer(&json!({ "reviewed": id }), |_| facts([("reviewed", id.to_string())]))
        }
    }
}

fn table(glasses: &[BreakGlass]) -> Table {
    let mut table =
        Table::new(["glass", "state", "by", "role", "opened", "until", "customers", "review due"]);
    for glass in glasses {
        table.row([
            glass.id.to_string(),
            glass.state.name().to_owned(),
            glass.principal_name.clone(),
            glass.role.clone(),
            glass.opened.to_string(),
            glass.until.to_string(),
            format!("{} of {}", glass.customers, glass.most),
            if glass.mine_to_review { format!("{}, by you", glass.due) } else { glass.due.to_string() },
        ]);
    }
    table
}

/// What was done under something.
pub(super) fn work(work: &[Work]) -> Table {
    let mut table = Table::new(["at", "by", "action", "outcome", "purpose", "fields", "customers"]);
    for one in work {
        let fields: Vec<&str> = one.fields.iter().map(|field| field.name.as_str()).collect();
        let customers: Vec<String> = one.customers.iter().map(ToString::to_string).collect();
        table.row([
            one.at.to_string(),
            one.actor_name.clone(),
            one.action.clone(),
            one.outcome.name().to_owned(),
            one.purpose.clone().unwrap_or_default(),
            fields.join(", "),
            if customers.is_empty() { one.count.to_string() } else { customers.join(", ") },
        ]);
    }
    table
}
