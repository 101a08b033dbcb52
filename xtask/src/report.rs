//! The steps of a task: a heading before each, the time after it, a table at the end.
//!
//! A failed step does not stop the ones after it, so that one run shows all there is to mend. What a later step cannot
//! do without (the database for the tests) is therefore passed by value, never assumed from an earlier step.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// The steps run so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    took: Duration,
    passed: bool,
}

impl Report {
    /// Runs one step and keeps its outcome. An error is printed here, once.
    pub(crate) fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        println!("\n=== {name}");
        let start = Instant::now();
        let outcome = work().inspect_err(|error| eprintln!("{name}: {error}")).ok();
        let took = start.elapsed();
        println!("=== {name}: {} in {}", verdict(outcome.is_some()), seconds(took));
        self.steps.push(Step { name, took, passed: outcome.is_some() });
        outcome
    }

    /// Prints the table. An error when any step failed, or when none ran.
    pub(crate) fn finish(self) -> Result<()> {
        println!("\n{}", self.table());
        match self.steps.iter().filter(|step| !step.passed).count() {
            0 if !self.steps.is_empty() => Ok(()),
            failed => Err(Error::Steps { failed }),
        }
    }

    fn table(&self) -> String {
        let total = self.steps.iter().map(|step| step.took).sum();
        let passed = self.steps.iter().all(|step| step.passed);
        let row =
            |name: &str, took, passed| format!("{name:<12} {:>9}  {}\n", seconds(took), verdict(passed));
        let mut table: String =
            self.steps.iter().map(|step| row(step.name, step.took, step.passed)).collect();
        table.push_str(&row("all", total, passed));
        table
    }
}

fn verdict(passed: bool) -> &'static str {
    if passed { "ok" } else { "FAILED" }
}

/// `4.2 s` below a minute, `3 m 07 s` from there.
fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..60 => format!("{:.1} s", took.as_secs_f32()),
        whole => format!("{} m {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_task_and_does_not_hide_the_next() {
        let mut report = Report::default();
        assert_eq!(report.step("format", || Ok(1)), Some(1));
        assert_eq!(report.step("lints", || Err::<(), _>(Error::Steps { failed: 1 })), None);
        assert_eq!(report.step("tests", || Ok(3)), Some(3));
        assert!(report.table().contains("lints"));
        assert!(matches!(report.finish(), Err(Error::Steps { failed: 1 })));
    }

    #[test]
    fn a_task_without_steps_has_proved_nothing() {
        assert!(Report::default().finish().is_err());
    }

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(seconds(Duration::from_millis(4_240)), "4.2 s");
        assert_eq!(seconds(Duration::from_millis(187_000)), "3 m 07 s");
    }
}
