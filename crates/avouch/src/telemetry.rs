//! The log: lines for people or JSON for machines, to stderr. What is logged is decided where it happens; the rule
//! everywhere in this house is that no value of a person's data gets there.
//!
//! Libraries know no such rule: the one for telephone numbers logs the numbers it reads, at its lowest level. So only our
//! own lines pass, whatever the level; a library's must never. Nor is there a bridge from the `log` crate.

use std::io::{self, IsTerminal};

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use crate::config::{Log, LogFormat, LogLevel};

/// What the targets of our crates begin with, and those of no other.
const OURS: &str = "avouch";

/// Starts the log. A second call changes nothing.
pub(crate) fn start(log: &Log) {
    // An error means that a log was started already.
    let _ = tracing::dispatcher::set_global_default(dispatch(log, io::stderr, io::stderr().is_terminal()));
}

fn dispatch<W>(log: &Log, writer: W, ansi: bool) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(ansi).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let ours = Targets::new().with_target(OURS, level(log.level));
    tracing_subscriber::registry().with(lines.with_filter(ours)).into()
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of one line each of ours and of others.
    fn written(format: LogFormat, level: LogLevel) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let dispatch = dispatch(&Log { format, level }, move || writer.clone(), false);
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::info!(target: "avouch", "listening");
            tracing::debug!(target: "avouch_http::layers", "request");
            tracing::error!(target: "phonenumber::parser", number = "+49 30 5550100", "theirs");
            tracing::trace!(target: "phonenumber::parser", "parsed +49 30 5550100");
            tracing::info!(target: "tokio_postgres::connection", "NOTICE: theirs");
        });
        let written = captured.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_library_writes_no_line_at_any_level() {
        for format in [LogFormat::Text, LogFormat::Json] {
            for (level, lines) in [(LogLevel::Error, 0), (LogLevel::Info, 1), (LogLevel::Trace, 2)] {
                let written = written(format, level);
                assert_eq!(written.lines().count(), lines, "{written}");
                assert!(!written.contains("5550100") && !written.contains("theirs"), "{written}");
            }
        }
    }
}
