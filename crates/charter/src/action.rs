//! The closed list of what can be done through avouch's one door.
//!
//! Permissions, events, metrics and log fields use these names. A role of the charter names some of them; an
//! action that is not here cannot be granted.

/// Every action: its name (`noun.verb`) and what it lets its holder do, in plain words.
pub const ACTIONS: &[(&str, &str)] = &[
    ("subject.create", "add a subject"),
    ("subject.read", "open one subject, as far as reading shows it"),
    ("subject.list", "page through subjects, as far as reading shows them"),
    ("subject.search", "find subjects by the values of indexed fields"),
    ("subject.reveal", "see values of a subject beyond what reading shows, with purpose and reason"),
    ("subject.update", "change a subject's values"),
    ("subject.delete", "delete a subject and the keys it was sealed under"),
    ("subject.hold", "place and lift legal holds, which keep a subject's data from being erased"),
    ("subject.mark", "say that it matters who looks at a subject: well known, or a colleague"),
    ("subject.history", "see earlier versions of a subject, as far as reading shows them"),
    ("subject.accesses", "see who looked at a subject"),
    ("subject.import", "load subjects from a file"),
    ("subject.export", "take many subjects out in one file"),
    ("token.create", "make tokens of a subject's values for a recipient"),
    ("token.detokenize", "turn tokens back into values"),
    ("token.read", "see whom a token was made for, when, and what ends it, never its value"),
    ("token.revoke", "end tokens: one, all of a subject, all of a recipient"),
    ("token.import", "take over tokens that another system has made"),
    ("transit.manage", "make, rotate and end standalone keys"),
    ("transit.encrypt", "encrypt, sign and fingerprint values with a standalone key"),
    ("transit.decrypt", "decrypt values with a standalone key"),
    ("charter.read", "read the charter in force and its earlier versions"),
    ("charter.draft", "keep a charter that is not in force yet, for others to look at and agree to"),
    ("charter.replay", "see who would gain and who would lose by a draft of the charter"),
    ("charter.apply", "put another charter in force"),
    ("charter.revert", "put the version before the one in force back in its place, at once"),
    ("access.read", "see who holds which role and which keys are valid"),
    ("access.change", "add and remove principals, roles and keys"),
    ("access.provision", "keep the people of an identity provider and their groups, and nobody else"),
    ("tie.write", "say what somebody has to do with a subject: a case, an order, a contact"),
    ("tie.read", "see who has to do with a subject, and why"),
    ("watch.read", "see cases of looks without need, and their scores"),
    ("watch.close", "say what a case has come to"),
    ("event.read", "read the record of what was done"),
    ("event.search", "find the events that are about one subject"),
    ("alarm.read", "see alarms: what happened that somebody has to look at"),
    ("alarm.close", "close alarms, and say as what"),
    ("disclosure.read", "see what recipients were given, and of how many subjects"),
    ("key.read", "see which encryption keys exist and how old they are, never the keys"),
    ("key.rotate", "replace the key that wraps the subjects' keys"),
    ("key.drill", "prove that a seal for recovery still opens"),
    ("key.reseal", "replace the seals around the vault's keys"),
    ("erasure.read", "read the receipts of erasures"),
    ("system.backup", "make backups and look at them"),
    ("system.status", "see whether the server is well"),
    ("policy.explain", "ask why a decision would be allowed or refused"),
];

/// What an action lets its holder do, in plain words; `None` if there is no such action.
pub fn action(name: &str) -> Option<&'static str> {
    ACTIONS.iter().find(|(n, _)| *n == name).map(|(_, sentence)| *sentence)
}

/// Actions that touch subjects' data and therefore need a purpose.
const NEEDS_PURPOSE: &[&str] = &[
    "subject.create",
    "subject.read",
    "subject.list",
    "subject.search",
    "subject.reveal",
    "subject.update",
    "subject.delete",
    "subject.hold",
    "subject.mark",
    "subject.history",
    "subject.import",
    "subject.export",
    "token.create",
    "token.detokenize",
    "token.read",
    "token.import",
];

/// Whether the action touches subjects' data, so that a role that has it must have a purpose too.
pub fn needs_purpose(action: &str) -> bool {
    NEEDS_PURPOSE.contains(&action)
}

/// Whether the action shows what a role `reads`.
pub(crate) fn reads(action: &str) -> bool {
    matches!(action, "subject.read" | "subject.list" | "subject.search" | "subject.history")
}

/// Whether the action shows what a role `reveals`.
pub(crate) fn reveals(action: &str) -> bool {
    matches!(action, "subject.reveal" | "subject.export" | "token.detokenize")
}

/// Whether an auditor may hold it: it changes nothing and shows no personal data.
pub(crate) fn fit_for_auditor(action: &str) -> bool {
    matches!(
        action,
        "subject.accesses"
            | "charter.read"
            | "access.read"
            | "event.read"
            | "event.search"
            | "disclosure.read"
            | "key.read"
            | "erasure.read"
            | "system.status"
            | "policy.explain"
    )
}

/// Whether only a program may hold it: it is a connection to another system, and no work for a person.
pub(crate) fn only_for_services(action: &str) -> bool {
    action == "access.provision"
}

/// Whether whoever may do it could give themselves what they have not.
pub(crate) fn administers(action: &str) -> bool {
    matches!(action, "access.change" | "charter.apply" | "charter.revert")
        || action.starts_with("key.") && action != "key.read"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_noun_dot_verb_and_unique() {
        let mut names: Vec<_> = ACTIONS.iter().map(|(name, _)| *name).collect();
        for name in &names {
            let (noun, verb) = name.split_once('.').expect("noun.verb");
            assert!(noun.chars().chain(verb.chars()).all(|c| c.is_ascii_lowercase()), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ACTIONS.len());
    }

    #[test]
    fn every_list_names_real_actions() {
        for name in NEEDS_PURPOSE {
            assert!(action(name).is_some(), "{name}");
        }
        for (name, _) in ACTIONS {
            assert!(
                !(fit_for_auditor(name) && (needs_purpose(name) || reads(name) || reveals(name))),
                "{name}"
            );
            assert!(needs_purpose(name) || !(reads(name) || reveals(name)), "{name}");
        }
    }
}
