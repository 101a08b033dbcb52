#![doc = include_str!("../README.md")]

mod baseline;
mod bed;
mod customer;
mod error;
mod http;
mod load;
mod machine;
mod measured;
mod meter;
mod program;
mod proven;
mod report;
mod server;
mod snoop;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use baseline::{Cluster, Postgres, Sqlite};
use bed::Bed;
use error::{Error, Result};
use load::Plan;
use machine::Machine;
use measured::Measured;
use report::{Report, Settings, ratios, row};
use server::Engine;
use work::{BATCH, Kind};

/// Loads avouch on both engines, and beside it what a user would have instead.
#[derive(Debug, Parser)]
#[command(name = "avouch-bench", version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// 3 s per scenario and a smaller import, for a first look
    #[arg(long)]
    quick: bool,
    /// Seconds per scenario [default: 10, or 3 with --quick]
    #[arg(long)]
    seconds: Option<u64>,
    /// Callers that wait for each answer before they ask again
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Threads of the client that drive the connections; the server needs the cores more
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Customers in each store before anything is measured
    #[arg(long, default_value_t = 20_000)]
    subjects: u64,
    /// Rows of the imported file [default: 100000, or 20000 with --quick]
    #[arg(long)]
    import_rows: Option<u64>,
    /// Engines to measure
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["sqlite", "postgres"])]
    engine: Vec<EngineName>,
    /// Only these scenarios: create, read, reveal, search, tokenize, tokenize-100, detokenize, detokenize-100,
    /// mixed, import
    #[arg(long, value_delimiter = ',')]
    scenario: Vec<String>,
    /// Leave the baselines out
    #[arg(long)]
    no_baselines: bool,
    /// JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Directory for the data; it should be on the disk that matters [default: beside this program]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The avouch program [default: `avouch` beside this program]
    #[arg(long)]
    avouch: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Looks for eight snoopers in an invented company; needs no server
    Snoop(snoop::Options),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineName {
    Sqlite,
    Postgres,
}

/// The scenario that is not load through the API but a command.
const IMPORT: &str = "import";

/// Where the cluster for the run is; `cargo xtask bench` starts one and says so here.
const POSTGRES: &str = "AVOUCH_BENCH_POSTGRES";

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(Command::Snoop(options)) = &options.command {
        return match snoop::run(options) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        };
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the binary, and here is where it reads its environment"
    )]
    let cluster = std::env::var(POSTGRES).ok().map(Cluster::new);
    match run(&options, cluster.as_ref()) {
        Ok(report) if options.json => {
            println!("{:#}", serde_json::to_value(&report).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(report) => {
            print!("{}", report.table());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, cluster: Option<&Cluster>) -> Result<Report> {
    let settings = settings(options);
    let scenarios = scenarios(&options.scenario)?;
    if settings.subjects < BATCH as u64 || options.threads == 0 || options.connections < options.threads {
        let needed =
            format!("needed: at least {BATCH} customers, one thread, and a connection for each thread");
        return Err(Error::Usage(needed));
    }
    let needs_cluster = !options.no_baselines || options.engine.contains(&EngineName::Postgres);
    if needs_cluster && cluster.is_none() {
        let told = format!(
            "{POSTGRES} is not set: run `cargo xtask bench`, or leave PostgreSQL out with `--engine sqlite --no-baselines`"
        );
        return Err(Error::Usage(told));
    }
    let program = std::env::current_exe().map_err(Error::io("asking where this program is"))?;
    let beside = program.parent().unwrap_or_else(|| Path::new("."));
    let avouch = options.avouch.clone().unwrap_or_else(|| beside.join("avouch"));
    let directory = tempfile::Builder::new()
        .prefix("avouch-bench-")
        .tempdir_in(options.dir.as_deref().unwrap_or(beside))
        .map_err(Error::io("creating the directory for the data"))?;
    let sub = |name: &str| {
        let path = directory.path().join(name);
        fs::create_dir(&path).map(|()| path).map_err(Error::io("creating a directory"))
    };
    let plan = Plan {
        connections: options.connections,
        threads: options.threads,
        warm_up: Duration::from_secs(if options.quick { 1 } else { 2 }),
        window: Duration::from_secs(settings.seconds),
    };
    let machine = Machine::look(directory.path())?;

    // Declared before the servers, so that databases are dropped after those who use them have ended.
    let mut databases = Vec::new();
    let mut beds = Vec::new();
    for engine in &options.engine {
        let engine = match (engine, cluster) {
            (EngineName::Postgres, Some(cluster)) => {
                let (data, keys) = (cluster.database("avouch_data")?, cluster.database("avouch_keys")?);
                let engine = Engine::Postgres { data: data.url.clone(), keys: keys.url.clone() };
                databases.extend([data, keys]);
                engine
            }
            _ => Engine::Sqlite,
        };
        eprintln!("preparing avouch on {} with {} customers", engine.name(), settings.subjects);
        let pid = cluster.and_then(Cluster::pid);
        beds.push(Bed::make(&avouch, sub(engine.name())?, &engine, pid, settings.subjects, &plan)?);
    }
    let mut baselines = Baselines::default();
    if let Some(cluster) = cluster.filter(|_| !options.no_baselines) {
        eprintln!("preparing the baselines with the same customers");
        baselines.postgres = Some(Postgres::make(cluster, sub("baseline-postgres")?, settings.subjects)?);
        baselines.sqlite = Sqlite::make(sub("baseline-sqlite")?, settings.subjects)?;
    }

    let mut results = Vec::new();
    for scenario in &scenarios {
        for bed in &beds {
            let measured = match scenario {
                Scenario::Load(kind) => bed.measure(*kind, &plan)?,
                Scenario::Import => bed.import(settings.import_rows)?,
            };
            tell(&measured);
            results.push(measured);
        }
        if let Scenario::Load(kind) = scenario {
            let measured = baselines.measure(kind.name(), &plan)?;
            measured.iter().for_each(tell);
            results.extend(measured);
        }
    }
    let notes = baselines.notes(options.no_baselines);
    Ok(Report { machine, settings, ratios: ratios(&results), results, notes })
}

fn settings(options: &Options) -> Settings {
    Settings {
        connections: options.connections,
        client_threads: options.threads,
        seconds: options.seconds.unwrap_or(if options.quick { 3 } else { 10 }).max(1),
        subjects: options.subjects,
        import_rows: options.import_rows.unwrap_or(if options.quick { 20_000 } else { 100_000 }),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    Load(Kind),
    Import,
}

/// The scenarios with these names, in our order; all of them if none is named.
fn scenarios(names: &[String]) -> Result<Vec<Scenario>> {
    let all = Kind::ALL
        .map(|kind| (kind.name(), Scenario::Load(kind)))
        .into_iter()
        .chain([(IMPORT, Scenario::Import)]);
    let all: Vec<(&str, Scenario)> = all.collect();
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|(known, _)| known == name)) {
        let known: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        return Err(Error::Usage(format!("unknown scenario `{unknown}`; there are {}", known.join(", "))));
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    Ok(all.into_iter().filter(|(name, _)| wanted(name)).map(|(_, scenario)| scenario).collect())
}

/// What is measured beside avouch.
#[derive(Debug, Default)]
struct Baselines {
    postgres: Option<Postgres>,
    sqlite: Option<Sqlite>,
}

impl Baselines {
    fn measure(&mut self, beside: &str, plan: &Plan) -> Result<Vec<Measured>> {
        let mut measured = match &self.postgres {
            Some(postgres) => postgres.measure(beside, plan)?,
            None => Vec::new(),
        };
        if let Some(sqlite) = &mut self.sqlite {
            measured.extend(sqlite.measure(beside)?);
        }
        Ok(measured)
    }

    fn notes(&self, unwanted: bool) -> Vec<String> {
        match self {
            _ if unwanted => vec!["the baselines were left out, as asked".to_owned()],
            Self { sqlite: None, .. } => {
                vec!["no `sqlite3` on this machine, so no plain SQLite beside avouch's".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// Shows that something came out, while the rest is still running.
fn tell(measured: &Measured) {
    eprintln!("{}", row(measured).join("  "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_chosen_by_name_and_keep_their_order() {
        let chosen =
            |names: &[&str]| scenarios(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(chosen(&[]).unwrap().len(), Kind::ALL.len() + 1);
        assert_eq!(chosen(&["import", "read"]).unwrap(), [Scenario::Load(Kind::Read), Scenario::Import]);
        assert!(
            chosen(&["raed"])
                .unwrap_err()
                .to_string()
                .contains("unknown scenario `raed`; there are create, read")
        );
    }

    #[test]
    fn options_are_consistent() {
        use clap::CommandFactory;
        Options::command().debug_assert();
        let quick = settings(&Options::parse_from(["avouch-bench", "--quick"]));
        assert_eq!((quick.seconds, quick.import_rows), (3, 20_000));
    }
}
