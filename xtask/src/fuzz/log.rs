//! What libFuzzer said of one run, taken apart.
//!
//! `#6520  NEW    cov: 1036 ft: 2046 corp: 60/660b lim: 38 exec/s: 0 rss: 35Mb` comes often, the rest once at
//! the end.

use std::path::{Path, PathBuf};

/// One run of one target.
#[derive(Debug, Default)]
pub(crate) struct Log {
    per_second: String,
    coverage: String,
    corpus: String,
    passed: bool,
    said: String,
    input: Option<PathBuf>,
}

impl Log {
    /// Above the [lines](Self::line).
    pub(crate) const HEADING: &str = "target       inputs/s  coverage  corpus  result";

    /// Reads all that was said. `passed` is what the program's exit status says.
    pub(crate) fn read(text: &str, passed: bool) -> Self {
        let progress =
            text.lines().rfind(|line| line.starts_with('#') && line.contains(" cov: ")).unwrap_or("");
        let last = |mark: &str| text.lines().rev().find_map(|line| line.split_once(mark));
        Self {
            per_second: last("stat::average_exec_per_sec:")
                .map_or("", |(_, number)| number.trim())
                .to_owned(),
            coverage: after(progress, "cov:").to_owned(),
            corpus: after(progress, "corp:").split('/').next().unwrap_or_default().to_owned(),
            passed,
            said: said(text),
            input: last("Test unit written to ").map(|(_, path)| PathBuf::from(path.trim())),
        }
    }

    /// The run in one line.
    pub(crate) fn line(&self, target: &str) -> String {
        let Self { per_second, coverage, corpus, .. } = self;
        let result = match self.kind() {
            _ if self.passed => "ok",
            Some("timeout") => "TOO SLOW",
            Some("oom") => "TOO MUCH MEMORY",
            _ => "CRASHED",
        };
        format!("{target:<12} {per_second:>8}  {coverage:>8}  {corpus:>6}  {result}")
    }

    /// Why it failed, if it did.
    pub(crate) fn failure(&self) -> Option<&str> {
        (!self.passed).then_some(self.said.as_str())
    }

    /// The input that made it fail.
    pub(crate) fn input(&self) -> Option<&Path> {
        self.input.as_deref()
    }

    /// libFuzzer's word for the kind of failure, which the name of the kept input begins with.
    fn kind(&self) -> Option<&str> {
        self.input.as_deref()?.file_name()?.to_str()?.split('-').next()
    }
}

/// The word behind a mark.
fn after<'t>(line: &'t str, mark: &str) -> &'t str {
    line.split_once(mark).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default()
}

/// From where a target panicked, or libFuzzer stopped it, as much as tells what it was.
fn said(text: &str) -> String {
    const MOST: usize = 12;
    let begins = |line: &&str| line.contains("panicked at") || line.contains("ERROR: libFuzzer");
    let behind = ["note: ", "stack backtrace", "SUMMARY: ", "stat::"];
    let ends = |line: &&str| !behind.iter().any(|start| line.starts_with(start));
    let told: Vec<&str> = text.lines().skip_while(|line| !begins(line)).take_while(ends).take(MOST).collect();
    match told.as_slice() {
        // It did not come to its first input.
        [] => {
            text.lines().rev().take(MOST).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
        }
        told => told.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "\
INFO: Loaded 1 modules   (99826 inline 8-bit counters): 99826 [0x55d587fb0a08, 0x55d587fc8ffa),
#2	INITED cov: 54 ft: 54 corp: 1/1b exec/s: 0 rss: 32Mb
#270393	DONE   cov: 676 ft: 1617 corp: 245/21Kb lim: 2138 exec/s: 24581 rss: 34Mb
Done 270393 runs in 11 second(s)
stat::number_of_executed_units: 270393
stat::average_exec_per_sec:     24581
";

    #[test]
    fn a_run_is_a_line() {
        let log = Log::read(RUN, true);
        assert_eq!(log.line("ff1"), "ff1             24581       676     245  ok");
        assert_eq!(Log::HEADING.find("  result"), log.line("ff1").find("  ok"));
        assert_eq!((log.failure(), log.input()), (None, None));
    }

    #[test]
    fn a_failure_tells_what_and_by_which_input() {
        let text = "\
#3	NEW    cov: 9 ft: 9 corp: 2/3b lim: 4 exec/s: 0 rss: 27Mb

thread '<unnamed>' (13755) panicked at fuzz/src/targets/seal.rs:165:13:
assertion failed: false
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
==13755== ERROR: libFuzzer: deadly signal
artifact_prefix='a/seal/'; Test unit written to a/seal/crash-1234
stat::average_exec_per_sec:     0
";
        let log = Log::read(text, false);
        assert_eq!(log.line("seal"), "seal                0         9       2  CRASHED");
        let (place, what) = log.failure().and_then(|said| said.split_once('\n')).expect("two lines");
        assert!(place.contains("seal.rs:165:13"), "{place}");
        assert_eq!((what, log.input()), ("assertion failed: false", Some(Path::new("a/seal/crash-1234"))));

        let slow = text.replace("crash-", "timeout-").replace("panicked at", "said");
        let log = Log::read(&slow, false);
        assert!(log.line("seal").ends_with("TOO SLOW"));
        assert_eq!(log.failure().map(|said| said.lines().count()), Some(2));
        assert!(log.failure().is_some_and(|said| said.starts_with("==13755== ERROR")));
        assert!(Log::read("cannot open\n", false).failure() == Some("cannot open"));
    }
}
