//! Commands about what must not go unnoticed.

use std::process::ExitCode;

use avouch_wire::{Alarm, AlarmClose, AlarmOutcome, AlarmQuery, Secret};
use clap::{Args, Subcommand, ValueEnum};
use uuid::Uuid;

use super::output::listing;
use super::table::{Table, facts};
use super::{CliError, Paging, Remote};

#[derive(Debug, Subcommand)]
pub(crate) enum AlarmCommand {
    /// List alarms, newest first
    List(ListArgs),
    /// Close an alarm, and say as what
    Close(CloseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Those that are closed, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct CloseArgs {
    /// The alarm
    id: Uuid,
    /// As what
    #[arg(long = "as", value_name = "OUTCOME")]
    outcome: ClosedAs,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ClosedAs {
    /// It was nothing
    FalseAlarm,
    /// It was looked into, and is as it should be now
    Handled,
    /// It is an incident
    Incident,
}

pub(super) fn run(command: AlarmCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        AlarmCommand::List(ListArgs { all, paging: Paging { limit, cursor } }) => {
            let page = client.alarms(&AlarmQuery { limit, cursor, open: (!all).then_some(true) })?;
            output.answer(&page, |page| listing(&table(&page.items), page.next_cursor.as_ref()))
        }
        AlarmCommand::Close(CloseArgs { id, outcome, why }) => {
            let outcome = match outcome {
                ClosedAs::FalseAlarm => AlarmOutcome::FalseAlarm,
                ClosedAs::Handled => AlarmOutcome::Handled,
                ClosedAs::Incident => AlarmOutcome::Incident,
            };
            client.alarm_close(id, &AlarmClose { outcome, why: Secret(why) })?;
            output.answer(&serde_json::json!({ "closed": id }), |_| facts([("closed", id.to_string())]))
        }
    }
}

fn table(alarms: &[Alarm]) -> Table {
    let mut table = Table::new(["alarm", "at", "what", "times", "by", "detail", "closed"]);
    for alarm in alarms {
        let closed = alarm.closed.as_ref().map(|closed| match closed.outcome {
            AlarmOutcome::FalseAlarm => "false alarm",
            AlarmOutcome::Handled => "handled",
            AlarmOutcome::Incident => "incident",
        });
        table.row([
            alarm.id.to_string(),
            alarm.at.to_string(),
            alarm.kind.clone(),
            alarm.times.to_string(),
            alarm.principal_name.clone(),
            alarm.detail.clone(),
            closed.unwrap_or_default().to_owned(),
        ]);
    }
    table
}
