//! What the demo shows once it serves: one screenful with commands that work when pasted, and the small scripts that
//! keep them short. A script is this program with an address and a key; nothing secret stands in it.

use std::fmt::Write as _;
use std::path::Path;

use super::shop::{Sample, Staff};
use crate::error::Error;
use crate::files;
use crate::shell::quoted;

pub(super) struct Screen<'a> {
    pub(super) dir: &'a Path,
    pub(super) url: String,
    pub(super) staff: &'a [Staff],
    pub(super) sample: &'a Sample,
    pub(super) customers: usize,
}

impl Screen<'_> {
    /// Writes `support`, `shop` and the others beside the vault. Written at every start: port and program may have moved.
    pub(super) fn write_scripts(&self) -> Result<(), Error> {
        let program =
            std::env::current_exe().map_err(|error| Error::Process("cannot find this program", error))?;
        for Staff { role, .. } in self.staff {
            let script = format!(
                "#!/bin/sh\n# {who} of the demo shop. Demo keys protect nothing.\nexec {program} --server {url} --key-file {key} \"$@\"\n",
                who = role.who,
                program = quoted(&program),
                url = self.url,
                key = quoted(&self.dir.join("keys").join(role.name)),
            );
            files::replace(&self.dir.join(role.name), &script, 0o700)?;
        }
        Ok(())
    }

    /// The screenful. `moved_from` is the port that was asked for and taken.
    pub(super) fn text(&self, moved_from: Option<u16>) -> String {
        let mut text = format!(
            "\navouch demo: a shop for garden tools with {customers} invented customers.\n\
             Demo keys protect nothing: keep no real person's data in here.\n\n\
             listening on {url}{moved}\n\
             files in {dir}\n",
            customers = self.customers,
            url = self.url,
            moved = moved_from.map(|port| format!("   (port {port} was taken)")).unwrap_or_default(),
            dir = self.dir.display(),
        );
        if let Some(shop) = self.staff.iter().find(|staff| staff.role.name == "shop") {
            let _ = writeln!(text, "web shop's key {}", shop.key.as_str());
        }
        text.push_str("\nPaste into another terminal:\n");
        for (title, command) in self.commands() {
            let _ = write!(text, "  # {title}\n  {command}\n");
        }
        let names: Vec<_> = self.staff.iter().map(|staff| staff.role.name).collect();
        let _ = write!(
            text,
            "\nEach of {} in that folder is avouch with that one's key. Ctrl-C stops the server.\n",
            names.join(", "),
        );
        text
    }

    fn commands(&self) -> [(&'static str, String); 6] {
        let run = |who: &str, rest: String| format!("{} {rest}", quoted(&self.dir.join(who)));
        let Sample { id, email } = self.sample;
        let email = email.to_uppercase();
        [
            (
                "find a customer by e-mail, however it is written",
                run("support", format!("search --by email={email} --purpose support")),
            ),
            (
                "look at the customer, masked as the role wants it",
                run("support", format!("subject show {id} --purpose support")),
            ),
            (
                "see values in clear, for a purpose and with a reason",
                run(
                    "support",
                    format!(
                        "reveal {id} --fields email,phones --purpose support --reason \"calling back about a parcel\""
                    ),
                ),
            ),
            (
                "make tokens that only the parcel service can turn back",
                run(
                    "shop",
                    format!(
                        "token create {id} --fields name,address --recipient parcels --purpose order_fulfilment"
                    ),
                ),
            ),
            (
                "who saw this customer",
                run(
                    "dpo",
                    format!("subject accesses {id} --purpose data_rights --reason \"the customer asks\""),
                ),
            ),
            (
                "that nobody has rewritten any of it since, and what that proves",
                run("admin", "ledger verify --deep".to_owned()),
            ),
        ]
    }
}
