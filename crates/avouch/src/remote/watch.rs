//! Commands about who looks at customers without need: ties, cases, and one's own looks.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use avouch_detect::table::{self, Cell, Options, Record};
use avouch_wire::{
    OwnAccess, Secret, SubjectKey, Tie, TieItem, TieKind, TieProblem, TieRequest, TiesRequest, TiesTold,
    WatchCase, WatchClose, WatchOutcome, WatchQuery, WatchState,
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;
use uuid::Uuid;

use super::import::Progress;
use super::output::{listing, width};
use super::table::{Table, facts};
use super::{CliError, Paging, Remote};

/// Ties in one request: the server takes no more.
const BATCH: usize = 500;
/// So many rows that are no ties, and the file is none.
const MOST: usize = 10_000;

#[derive(Debug, Subcommand)]
pub(crate) enum TieCommand {
    /// Say what somebody has to do with a customer
    Add(AddArgs),
    /// List the ties of a customer
    List {
        /// The customer
        id: Uuid,
    },
    /// End a tie before its time
    End {
        /// The customer
        id: Uuid,
        /// The tie
        tie: Uuid,
    },
    /// Tell the ties of a CSV or JSON Lines file
    #[command(after_help = IMPORT_HELP)]
    Import(ImportArgs),
}

const IMPORT_HELP: &str = "\
Columns, or members of an object to a line:
  kind        case, order or contact
  subject     the customer's id; or the name of a field that is unique, such as external_id
  actor       whose tie it is; without it and without team: everybody's
  team        everybody's who reports to this one
  begins, ends, reference

Rows that do not hold are shown with their number; the others hold. A row that is told twice holds twice, which changes nothing.";

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The customer
    id: Uuid,
    /// What it is
    #[arg(long, value_name = "KIND")]
    kind: Kind,
    /// Whose tie it is; everybody's when absent
    #[arg(long, value_name = "ID", conflicts_with = "team")]
    actor: Option<Uuid>,
    /// Or everybody's who reports to this one
    #[arg(long, value_name = "ID")]
    team: Option<Uuid>,
    /// From when on; now when absent
    #[arg(long, value_name = "TIME", value_parser = time)]
    begins: Option<avouch_wire::Time>,
    /// Until when; as long as its kind mostly lasts when absent
    #[arg(long, value_name = "TIME", value_parser = time)]
    ends: Option<avouch_wire::Time>,
    /// Its number where the case is kept
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file: CSV or JSON Lines; delimiter and encoding are found out
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A case or ticket
    Case,
    /// An order
    Order,
    /// A call, a visit, a chat
    Contact,
}

impl From<Kind> for TieKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Case => Self::Case,
            Kind::Order => Self::Order,
            Kind::Contact => Self::Contact,
        }
    }
}

fn time(text: &str) -> Result<avouch_wire::Time, String> {
    text.parse().map(avouch_wire::Time).map_err(|_| "expected a time such as 2030-12-31T00:00:00Z".to_owned())
}

pub(super) fn tie(command: TieCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        TieCommand::Add(AddArgs { id, kind, actor, team, begins, ends, reference }) => {
            let request = TieRequest { kind: kind.into(), actor, team, begins, ends, reference };
            output.answer(&client.tie(id, &request)?, |tie| {
                facts([("tie", tie.id.to_string()), ("ends", tie.ends.to_string())])
            })
        }
        TieCommand::List { id } => output.answer(&client.ties(id)?, |page| listing(&ties(&page.items), None)),
        TieCommand::End { id, tie } => {
            client.end_tie(id, tie)?;
            output.answer(&serde_json::json!({ "ended": tie }), |_| facts([("ended", tie.to_string())]))
        }
        TieCommand::Import(args) => import(&args, remote),
    }
}

fn ties(all: &[Tie]) -> Table {
    let mut table = Table::new(["kind", "whose", "begins", "ends", "reference", "told by", "id"]);
    for tie in all {
        let whose = match (tie.actor, tie.team) {
            (Some(actor), _) => actor.to_string(),
            (None, Some(team)) => format!("team of {team}"),
            (None, None) => "everybody's".to_owned(),
        };
        table.row([
            kind(tie.kind).to_owned(),
            whose,
            tie.begins.to_string(),
            tie.ends.to_string(),
            tie.reference.clone().unwrap_or_default(),
            tie.made_by.name.clone().unwrap_or_default(),
            tie.id.to_string(),
        ]);
    }
    table
}

const fn kind(kind: TieKind) -> &'static str {
    match kind {
        TieKind::Case => "case",
        TieKind::Order => "order",
        TieKind::Contact => "contact",
    }
}

/// Reads and tells batch by batch: a file of any length takes the memory of one batch.
fn import(args: &ImportArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let file = File::open(&args.file).map_err(|error| CliError::file(&args.file, &error))?;
    let bytes = file.metadata().map_err(|error| CliError::file(&args.file, &error))?.len();
    let mut progress = Progress::new(bytes, remote.output.json);
    let mut table =
        table::open(file, &Options::default()).map_err(|error| CliError::Input(error.to_string()))?;
    let headers = table.headers().to_vec();
    let (mut told, mut line) = (TiesTold { told: 0, problems: Vec::new() }, 0_usize);
    loop {
        let (mut items, mut lines, before) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH), line);
        for row in table.by_ref().take(BATCH) {
            line += 1;
            match row.ok().and_then(|row| item(&headers, &row)) {
                Some(tie) => {
                    items.push(tie);
                    lines.push(line);
                }
                None => told.problems.push(TieProblem { item: line, detail: NO_TIE.to_owned() }),
            }
        }
        if line == before {
            break;
        }
        if items.is_empty() {
            items_are_wrong(&told, line)?;
            continue;
        }
        let answer = remote.client.tell_ties(&TiesRequest { items })?;
        told.told += answer.told;
        for problem in answer.problems {
            let item = lines.get(problem.item).copied().unwrap_or(problem.item);
            told.problems.push(TieProblem { item, ..problem });
        }
        items_are_wrong(&told, line)?;
        progress.show(table.position(), u64::try_from(line).unwrap_or(u64::MAX));
    }
    progress.end();
    let whole = told.problems.is_empty();
    remote.output.answer(&told, |told| {
        let mut text = format!("{} ties told, {} not\n", told.told, told.problems.len());
        if !told.problems.is_empty() {
            let mut table = Table::new(["row", "why not"]);
            for problem in &told.problems {
                table.row([problem.item.to_string(), problem.detail.clone()]);
            }
            text.push_str(&table.render(width()));
        }
        text
    })?;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file of something else is not read to its end.
fn items_are_wrong(told: &TiesTold, row: usize) -> Result<(), CliError> {
    if told.problems.len() < MOST {
        return Ok(());
    }
    let (wrong, held) = (told.problems.len(), told.told);
    Err(CliError::Input(format!(
        "{wrong} of the first {row} rows are no ties of customers; {held} are, and hold"
    )))
}

const NO_TIE: &str = "it is no tie: `avouch tie import --help` says what one has";

/// A tie as a row says it. One column more than a tie has is how another system knows the customer.
fn item(headers: &[String], row: &Record) -> Option<TieItem> {
    let cells = headers.iter().zip(row.cells()).filter(|(_, cell)| !cell.is_empty());
    let value = |cell: Cell<'_>| match cell {
        Cell::Json(json) => json.clone(),
        cell => Value::from(cell.text().unwrap_or_default()),
    };
    read(cells.map(|(name, cell)| (name.clone(), value(cell))).collect())
}

fn read(mut object: serde_json::Map<String, Value>) -> Option<TieItem> {
    const OWN: [&str; 7] = ["kind", "subject", "actor", "team", "begins", "ends", "reference"];
    let foreign: Vec<String> = object.keys().filter(|name| !OWN.contains(&name.as_str())).cloned().collect();
    let key = match foreign.as_slice() {
        [] => None,
        [field] => Some(SubjectKey { field: field.clone(), value: object.remove(field)? }),
        _ => return None,
    };
    let item: TieItem = serde_json::from_value(Value::Object(object)).ok()?;
    Some(TieItem { key, ..item })
}

#[derive(Debug, Subcommand)]
pub(crate) enum WatchCommand {
    /// List cases, newest first
    Cases(CasesArgs),
    /// Show a case
    Show {
        /// The case
        id: Uuid,
    },
    /// Say what a case has come to
    Close(CloseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CasesArgs {
    /// Only of this family of rules, such as `vip`
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Only in this state; `open` waits for a reviewer
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// Waits for a day, until late contacts have been logged
    Waiting,
    /// Is a reviewer's
    Open,
    /// Was looked into, or has explained itself
    Closed,
    /// The day had others that were worth more
    Passed,
}

#[derive(Debug, Args)]
pub(crate) struct CloseArgs {
    /// The case
    id: Uuid,
    /// What it has come to
    #[arg(long, value_name = "OUTCOME")]
    outcome: Outcome,
    /// Why, in a few words; sealed
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Outcome {
    /// There was need
    Explained,
    /// There was none, and it was a mistake
    Mistake,
    /// There was none
    Unjustified,
    /// It is this person's work now
    NewWork,
}

pub(super) fn watch(command: WatchCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        WatchCommand::Cases(CasesArgs { family, state, paging: Paging { limit, cursor } }) => {
            let state = state.map(|state| match state {
                State::Waiting => WatchState::Waiting,
                State::Open => WatchState::Open,
                State::Closed => WatchState::Closed,
                State::Passed => WatchState::Passed,
            });
            let page = client.watch_cases(&WatchQuery { limit, cursor, family, state })?;
            output.answer(&page, |page| listing(&cases(&page.items), page.next_cursor.as_ref()))
        }
        WatchCommand::Show { id } => output.answer(&client.watch_case(id)?, |case| {
            let mut text = cases(std::slice::from_ref(case)).render(width());
            case.reasons.iter().for_each(|reason| text.push_str(&format!("{reason}\n")));
            case.events.iter().for_each(|event| text.push_str(&format!("event {event}\n")));
            text
        }),
        WatchCommand::Close(CloseArgs { id, outcome, why }) => {
            let outcome = match outcome {
                Outcome::Explained => WatchOutcome::Explained,
                Outcome::Mistake => WatchOutcome::Mistake,
                Outcome::Unjustified => WatchOutcome::Unjustified,
                Outcome::NewWork => WatchOutcome::NewWork,
            };
            client.close_watch_case(id, &WatchClose { outcome, why: Secret(why) })?;
            output.answer(&serde_json::json!({ "closed": id }), |_| facts([("closed", id.to_string())]))
        }
    }
}

fn cases(all: &[WatchCase]) -> Table {
    let mut table = Table::new(["day", "family", "score", "visits", "who", "state", "id"]);
    for case in all {
        let state = match case.state {
            WatchState::Waiting => "waiting",
            WatchState::Open => "open",
            WatchState::Closed => "closed",
            WatchState::Passed => "passed",
        };
        table.row([
            case.day.clone(),
            case.family.clone(),
            format!("{:.2}", case.score),
            case.times.to_string(),
            case.actor.name.clone().unwrap_or_default(),
            state.to_owned(),
            case.id.to_string(),
        ]);
    }
    table
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// What you have looked at, newest first
    Accesses(AccessesArgs),
    /// Say that you know that your looks are watched
    Acknowledge,
}

#[derive(Debug, Args)]
pub(crate) struct AccessesArgs {
    #[command(flatten)]
    paging: Paging,
}

pub(super) fn account(command: AccountCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        AccountCommand::Accesses(AccessesArgs { paging }) => {
            output.answer(&client.own_accesses(&paging.into())?, |page| {
                format!("{}\n\n{}", page.monitoring, listing(&looks(&page.items), page.next_cursor.as_ref()))
            })
        }
        AccountCommand::Acknowledge => output.answer(&client.acknowledge_monitoring()?, |said| {
            facts([("acknowledged", said.acknowledged.to_string())])
        }),
    }
}

fn looks(all: &[OwnAccess]) -> Table {
    let mut table = Table::new(["when", "what", "purpose", "customers", "fields", "why", "event"]);
    for look in all {
        table.row([
            look.at.to_string(),
            look.action.clone(),
            look.purpose.clone().unwrap_or_default(),
            look.count.to_string(),
            look.fields.join(", "),
            look.reason.as_ref().map(|reason| reason.0.clone()).unwrap_or_default(),
            look.event.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_a_tie_and_how_the_customer_is_known() {
        let told = |line: &str| read(serde_json::from_str(line).expect("an object"));
        let tie = told(r#"{"kind": "case", "external_id": "C-1", "reference": "4711"}"#).expect("a tie");
        assert_eq!(tie.key, Some(SubjectKey { field: "external_id".to_owned(), value: Value::from("C-1") }));
        assert_eq!((tie.kind, tie.subject, tie.reference.as_deref()), (TieKind::Case, None, Some("4711")));
        assert_eq!(told(r#"{"kind": "visit", "external_id": "C-1"}"#), None);
        assert_eq!(
            told(r#"{"kind": "case", "external_id": "C-1", "tenant": "x"}"#),
            None,
            "two are one too many"
        );
    }
}
