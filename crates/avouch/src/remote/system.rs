//! Commands about the server itself.

use std::process::ExitCode;

use avouch_wire::system::{Siem, Swap};

use super::{CliError, Remote, table::facts};

pub(super) fn status(remote: &Remote) -> Result<ExitCode, CliError> {
    remote.output.answer(&remote.client.status()?, |status| {
        let up = status.uptime_seconds;
        let (days, hours, minutes) = (up / 86_400, up / 3_600 % 24, up / 60 % 60);
        facts([
            ("version", status.version.clone()),
            ("engine", status.engine.clone()),
            ("vault", status.vault.clone()),
            ("charter", format!("version {}", status.charter_version)),
            (
                "erasures",
                match &status.endings_stated {
                    None => "known".to_owned(),
                    Some(at) => format!("of the time before the restore of {at}: stated, not known"),
                },
            ),
            ("log", status.log_warning.clone().unwrap_or_else(|| "witnessed".to_owned())),
            ("sealed", if status.sealed { "yes" } else { "no" }.to_owned()),
            ("up", format!("{days} d {hours} h {minutes} min {} s", up % 60)),
            ("waiting", format!("{} of {}", status.queue.waiting, status.queue.capacity)),
            ("memory", status.memory.detail.clone()),
            ("swap", swap(status.memory.swap).to_owned()),
        ]) + &status.siem.iter().map(siem).collect::<String>()
    })
}

/// A line for each place that events are sent to.
fn siem(siem: &Siem) -> String {
    let state = match &siem.failing {
        None => String::new(),
        Some(reason) => format!(", and gets nothing at the moment: {reason}"),
    };
    facts([("events to", format!("{}: {} behind{state}", siem.name, siem.behind))])
}

const fn swap(swap: Swap) -> &'static str {
    match swap {
        Swap::Off => "off",
        Swap::Barred => "on, and barred for the server",
        Swap::On => "on",
        Swap::Unknown => "cannot be seen",
    }
}
