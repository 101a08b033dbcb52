//! The outcome for people (a table and the ratios) and for machines (JSON). Figures are shown, never judged.

use std::fmt::Write as _;

use serde::Serialize;

use crate::machine::Machine;
use crate::measured::Measured;

/// Everything a run found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) results: Vec<Measured>,
    pub(crate) ratios: Vec<Ratio>,
    /// What was left out, and why.
    pub(crate) notes: Vec<String>,
}

/// What the figures were made with.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    pub(crate) connections: usize,
    pub(crate) client_threads: usize,
    pub(crate) seconds: u64,
    pub(crate) subjects: u64,
    pub(crate) import_rows: u64,
}

/// One figure of avouch beside one of a baseline.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) scenario: String,
    pub(crate) on: String,
    pub(crate) baseline_scenario: String,
    pub(crate) baseline_on: String,
    /// How many times the operations per second of avouch the baseline reaches; below 1, avouch is faster.
    pub(crate) baseline_is_times: f64,
}

/// Which operations do the same for a user: scenario, engine, baseline scenario, baseline.
const BESIDE: &[(&str, &str, &str, &str)] = &[
    ("reveal", "avouch/postgres", "select", "postgres/plain"),
    ("reveal", "avouch/postgres", "select + event", "postgres/plain"),
    ("reveal", "avouch/postgres", "select", "postgres/pgcrypto"),
    ("search", "avouch/postgres", "search", "postgres/plain"),
    ("search", "avouch/postgres", "search", "postgres/pgcrypto"),
    ("create", "avouch/postgres", "insert", "postgres/plain"),
    ("create", "avouch/postgres", "insert", "postgres/pgcrypto"),
    ("reveal", "avouch/sqlite", "select", "sqlite/plain"),
    ("reveal", "avouch/sqlite", "select", "postgres/plain"),
    ("reveal", "avouch/sqlite", "select", "postgres/pgcrypto"),
    ("create", "avouch/sqlite", "insert", "sqlite/plain"),
    ("create", "avouch/sqlite", "insert", "postgres/plain"),
    ("create", "avouch/sqlite", "insert", "postgres/pgcrypto"),
];

/// The ratios that the results allow.
pub(crate) fn ratios(results: &[Measured]) -> Vec<Ratio> {
    let rate = |scenario: &str, on: &str| {
        let found = results.iter().find(|result| result.scenario == scenario && result.on == on)?;
        (found.ops_per_second > 0.0).then_some(found.ops_per_second)
    };
    let ratio = |&(scenario, on, baseline_scenario, baseline_on): &(&str, &str, &str, &str)| {
        Some(Ratio {
            scenario: scenario.to_owned(),
            on: on.to_owned(),
            baseline_scenario: baseline_scenario.to_owned(),
            baseline_on: baseline_on.to_owned(),
            baseline_is_times: rate(baseline_scenario, baseline_on)? / rate(scenario, on)?,
        })
    };
    BESIDE.iter().filter_map(ratio).collect()
}

impl Report {
    /// For people. No line is wider than it has to be; times of answers in milliseconds.
    pub(crate) fn table(&self) -> String {
        let Self { machine, settings, .. } = self;
        let mut out = format!(
            "{} cores, {}, kernel {}, fsync {} µs (median)\n{} connections, {} client thread(s), {} s per scenario, \
             {} customers, import of {} rows\n\n",
            machine.cores,
            machine.processor,
            machine.kernel,
            machine.fsync_us,
            settings.connections,
            settings.client_threads,
            settings.seconds,
            settings.subjects,
            settings.import_rows,
        );
        let head = [
            "scenario",
            "on",
            "ops/s",
            "p50 ms",
            "p95",
            "p99",
            "p99.9",
            "max",
            "errors",
            "CPU µs: server",
            "database",
            "client",
            "proven ms",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(self.results.iter().map(row));
        out.push_str(&aligned(&rows));
        for result in self.results.iter().filter(|result| result.errors > 0) {
            let said = result.first_error.as_deref().unwrap_or("not told");
            let _ = writeln!(
                out,
                "{} {}: {} errors; the first: {said}",
                result.scenario, result.on, result.errors
            );
        }
        if !self.ratios.is_empty() {
            out.push('\n');
        }
        for ratio in &self.ratios {
            let Ratio { scenario, on, baseline_scenario, baseline_on, baseline_is_times: times } = ratio;
            let said = if *times >= 1.0 {
                format!("{times:.2} × slower")
            } else {
                format!("{:.2} × faster", 1.0 / times)
            };
            let _ = writeln!(out, "{scenario} ({on}) is {said} than {baseline_scenario} ({baseline_on})");
        }
        self.notes.iter().for_each(|note| {
            let _ = writeln!(out, "note: {note}");
        });
        out
    }
}

/// One line of the table, also for showing progress.
pub(crate) fn row(result: &Measured) -> Vec<String> {
    let none = || "-".to_owned();
    let milliseconds = |microseconds: f64| format!("{:.2}", microseconds / 1000.0);
    let latency = match &result.latency_us {
        Some(at) => [at.p50, at.p95, at.p99, at.p999, at.max].map(milliseconds),
        None => [none(), none(), none(), none(), none()],
    };
    let spent = |microseconds: Option<f64>| microseconds.map_or_else(none, |value| format!("{value:.1}"));
    let mut row = vec![result.scenario.clone(), result.on.clone(), format!("{:.0}", result.ops_per_second)];
    row.extend(latency);
    row.push(result.errors.to_string());
    let cpu = result.cpu_us_per_op;
    row.extend([spent(cpu.server), spent(cpu.database), spent(cpu.client)]);
    row.push(result.proven_after_ms.map_or_else(none, |value| format!("{value:.0}")));
    row
}

/// Columns as wide as their widest cell; the first two to the left, numbers to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ =
                if column < 2 { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::meter::Spent;

    fn measured(scenario: &str, on: &str, ops: u64) -> Measured {
        let spent = Spent { server: Some(50_000), database: None, client: Some(20_000) };
        Measured::whole(scenario, on.to_owned(), ops, Duration::from_secs(2), spent)
    }

    fn report() -> Report {
        let results =
            vec![measured("reveal", "avouch/postgres", 10_000), measured("select", "postgres/plain", 25_000)];
        let machine = Machine {
            cores: 2,
            processor: "Example 9000".to_owned(),
            kernel: "6.1".to_owned(),
            fsync_us: 180,
        };
        let settings =
            Settings { connections: 32, client_threads: 1, seconds: 2, subjects: 100, import_rows: 100 };
        Report { machine, settings, ratios: ratios(&results), results, notes: vec!["no sqlite3".to_owned()] }
    }

    #[test]
    fn the_table_lines_up() {
        let table = report().table();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[4],
            "reveal    avouch/postgres   5000       -    -    -      -    -       0             5.0         -     2.0          -"
        );
        assert!(
            table.contains("reveal (avouch/postgres) is 2.50 × slower than select (postgres/plain)"),
            "{table}"
        );
        assert!(table.ends_with("note: no sqlite3\n"), "{table}");
    }

    #[test]
    fn json_has_the_names_that_scripts_rely_on() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["results"][0]["ops_per_second"], 5000.0);
        assert_eq!(json["results"][0]["cpu_us_per_op"]["server"], 5.0);
        assert_eq!(json["ratios"][0]["baseline_is_times"], 2.5);
        assert_eq!(json["machine"]["fsync_us"], 180);
    }

    #[test]
    fn a_ratio_needs_both_sides() {
        assert!(ratios(&[measured("reveal", "avouch/postgres", 1)]).is_empty());
    }
}
