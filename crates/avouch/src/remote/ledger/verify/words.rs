//! What was proven and what was not, in words: whoever reads only that must not believe too much.

use super::super::super::table::clean;
use super::super::deep::Compared;
use super::{Keys, Verdict, Verified, VerifyArgs};

pub(super) fn said(verdicts: &[Verdict], records: Option<&Compared>, known_before: bool) -> Vec<String> {
    let mut said = Vec::new();
    let sound = |verdict: &&Verdict| verdict.faults.is_empty() && verdict.leaves > 0;
    for verdict in verdicts.iter().filter(sound) {
        said.push(format!(
            "log {}: all {} events are as they were when they were signed, none is missing and none was added between them, and \
             all {} checkpoints are of this one history",
            verdict.number,
            verdict.leaves - verdict.gone.min(verdict.leaves),
            verdict.checkpoints
        ));
        if !verdict.witnesses.is_empty() {
            said.push(format!(
                "log {}: {} saw the same history",
                verdict.number,
                verdict.witnesses.join(", ")
            ));
        }
    }
    if known_before && verdicts.iter().all(|one| sound(&one)) {
        said.push("what was verified before is the beginning of what there is now".to_owned());
    }
    if let Some(records) = records.filter(|records| records.faults.is_empty() && records.people > 0) {
        said.push(format!(
            "{} versions of the records of {} customers are as the events wrote them that name them, and no more are gone than were \
             erased",
            records.versions - records.uncompared, records.people
        ));
    }
    said
}

pub(super) fn unsaid(verdicts: &[Verdict], args: &VerifyArgs) -> Vec<String> {
    let mut unsaid = vec![
        "that events were true when they were written, and that nothing was done of which none was written"
            .to_owned(),
    ];
    if verdicts.iter().any(|verdict| verdict.keys == Keys::Told) {
        unsaid.push(
            "that these are the keys of the log: the server told them itself. Say --verifier-key with a key that you got another \
             way"
                .to_owned(),
        );
    }
    if verdicts.last().is_none_or(|newest| newest.witnesses.is_empty()) {
        unsaid.push(
            "that nobody else is shown another history: no witness whose key was given has signed the newest checkpoint".to_owned(),
        );
    }
    if args.remember.is_none() {
        unsaid.push("that the log has not gone back since somebody saw it last: say --remember".to_owned());
    }
    if args.deep {
        unsaid.push(
            "that the digests of the records are those of the rows: the server computed them".to_owned(),
        );
    } else {
        unsaid.push("that records are as the events wrote them: say --deep".to_owned());
    }
    unsaid
}

pub(super) fn text(verified: &Verified) -> String {
    let mut lines = Vec::new();
    for verdict in &verified.logs {
        lines.push(format!(
            "log {}: {} leaves, {} checkpoints, {}",
            verdict.number, verdict.leaves, verdict.checkpoints, verdict.origin
        ));
        lines.extend(verdict.notices.iter().map(|notice| format!("  NOTE   {notice}")));
        lines.extend(verdict.faults.iter().map(|fault| format!("  FAULT  {fault}")));
    }
    if let Some(records) = &verified.records {
        lines.push(format!("records: {} customers, {} versions", records.people, records.versions));
        if records.uncompared > 0 {
            lines.push(format!(
                "  NOTE   {} versions were written by events that are gone, and cannot be compared",
                records.uncompared
            ));
        }
        lines.extend(records.faults.iter().map(|fault| format!("  FAULT  {fault}")));
        if records.more > 0 {
            lines.push(format!("  FAULT  and {} more like these", records.more));
        }
    }
    if let Some(path) = &verified.evidence {
        lines.push(format!(
            "two checkpoints that cannot both be are in `{}`: keep it, it convicts the log",
            path.display()
        ));
    }
    lines.push(String::new());
    let list = |title: &str, all: &[String]| {
        let items: String = all.iter().map(|one| format!("\n  - {one}")).collect();
        format!("{title}{items}")
    };
    if !verified.proven.is_empty() {
        lines.push(list("Proven:", &verified.proven));
    }
    lines.push(list("Not proven:", &verified.not_proven));
    lines.push(String::new());
    lines.push(if verified.sound {
        "Nothing is wrong.".to_owned()
    } else {
        "SOMETHING IS WRONG.".to_owned()
    });
    lines.push(String::new());
    // What others have named does not steer a terminal.
    lines
        .iter()
        .map(|line| line.split('\n').map(clean).collect::<Vec<_>>().join("\n"))
        .collect::<Vec<_>>()
        .join("\n")
}
