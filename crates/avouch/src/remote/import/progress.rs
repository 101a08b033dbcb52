//! How far an import is, on stderr: a bar on a terminal, a line every five seconds elsewhere, nothing with `--json`.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const EVERY: Duration = Duration::from_secs(5);

/// Takes the position in the file and the rows so far, and shows them.
pub(in crate::remote) struct Progress {
    face: Face,
    bytes: u64,
    started: Instant,
}

enum Face {
    Bar(ProgressBar),
    Lines { next: Instant },
    Silent,
}

impl Progress {
    pub(in crate::remote) fn new(bytes: u64, silent: bool) -> Self {
        let started = Instant::now();
        let face = if silent {
            Face::Silent
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}  {eta} left") {
                bar.set_style(style);
            }
            Face::Bar(bar)
        } else {
            Face::Lines { next: started + EVERY }
        };
        Self { face, bytes, started }
    }

    pub(in crate::remote) fn show(&mut self, position: u64, rows: u64) {
        let rate = rate(rows, self.started.elapsed());
        match &mut self.face {
            Face::Silent => {}
            Face::Bar(bar) => {
                bar.set_position(position.min(self.bytes));
                bar.set_message(format!("{rows} rows, {rate}/s"));
            }
            Face::Lines { next } => {
                let now = Instant::now();
                if now >= *next {
                    *next = now + EVERY;
                    let percent = percent(position, self.bytes);
                    let _ = writeln!(io::stderr(), "{percent} %, {rows} rows, {rate}/s");
                }
            }
        }
    }

    pub(in crate::remote) fn end(self) {
        if let Face::Bar(bar) = self.face {
            bar.finish_and_clear();
        }
    }
}

/// Rows per second.
fn rate(rows: u64, elapsed: Duration) -> u128 {
    u128::from(rows) * 1000 / elapsed.as_millis().max(1)
}

fn percent(position: u64, bytes: u64) -> u64 {
    position.saturating_mul(100).checked_div(bytes).unwrap_or(100).min(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_divides_by_zero() {
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(3, 2), 100);
        assert_eq!(percent(1, 3), 33);
        assert_eq!(rate(10, Duration::ZERO), 10_000);
        assert_eq!(rate(100, Duration::from_secs(2)), 50);
    }
}
