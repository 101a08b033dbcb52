//! How far it is, on stderr: a bar on a terminal, nothing elsewhere and with `--json`.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::remote::output::Output;

/// See the module.
pub(in crate::remote) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(in crate::remote) fn of(total: u64, output: Output) -> Self {
        if output.json || !io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {per_sec}  {eta} left") {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    pub(in crate::remote) fn to(&self, done: u64) {
        self.0.iter().for_each(|bar| bar.set_position(done));
    }

    pub(in crate::remote) fn end(self) {
        self.0.iter().for_each(ProgressBar::finish_and_clear);
    }
}
