//! Commands about the server itself.

use std::process::ExitCode;

use super::{
    CliError, Remote,
    table::{Table, facts},
};

pub(super) fn keys(remote: &Remote) -> Result<ExitCode, CliError> {
    remote.output.answer(&remote.client.key_state()?, |keys| {
        let mut table = Table::new(["root seal", "warning"]);
        for root in &keys.root {
            let mut warnings = Vec::new();
            if root.demo {
                warnings.push("demo key: protects nothing");
            }
            if root.beside_data {
                warnings.push("lies beside the data: whoever copies one copies both");
            }
            table.row([root.kind.as_str(), &warnings.join("; ")]);
        }
        let epochs = keys.kek_epochs.iter().map(|kek| {
            let mark = if kek.current { " (current)" } else { "" };
            format!("{}{mark}", kek.epoch)
        });
        let mut text = table.render(None);
        text.push('\n');
        text.push_str(&facts([
            ("keyring generation", keys.keyring_generation.to_string()),
            ("key-encryption keys", epochs.collect::<Vec<_>>().join(", ")),
            ("customer keys", keys.subject_keys.to_string()),
            ("pending erasures", keys.pending_erasures.to_string()),
        ]));
        text
    })
}

pub(super) fn status(remote: &Remote) -> Result<ExitCode, CliError> {
    remote.output.answer(&remote.client.status()?, |status| {
        let up = status.uptime_seconds;
        let (days, hours, minutes) = (up / 86_400, up / 3_600 % 24, up / 60 % 60);
        facts([
            ("version", status.version.clone()),
            ("engine", status.engine.clone()),
            ("vault", status.vault.clone()),
            ("charter", format!("version {}", status.charter_version)),
            ("sealed", if status.sealed { "yes" } else { "no" }.to_owned()),
            ("up", format!("{days} d {hours} h {minutes} min {} s", up % 60)),
            ("waiting", format!("{} of {}", status.queue.waiting, status.queue.capacity)),
        ])
    })
}
