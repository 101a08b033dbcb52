//! Commands about the server's charter. `charter check` needs no server and is wired beside these.

use std::{fmt::Write as _, io::IsTerminal as _, path::PathBuf, process::ExitCode};

use avouch_wire::charter::{
    CharterDraft, CharterDraftRequest, CharterDraftView, CharterIndex, CharterProblem, CharterReplay,
    CharterReplayBecomes, CharterReplayChange, CharterReplayRequest, CharterRollBack,
};
use avouch_wire::{
    ApprovalState, ApprovalWord, CharterApplied, CharterApply, CharterPlan, CharterPlanned, CharterView,
    Secret,
};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use uuid::Uuid;

use super::{
    CliError, Remote, input,
    output::{listing, width},
    table::{Table, clean, facts},
};

/// The charter on the server.
#[derive(Debug, Subcommand)]
pub(crate) enum CharterCommand {
    /// The version in force
    Show {
        /// An earlier version, with its files
        #[arg(long, value_name = "N")]
        version: Option<u64>,
        /// A draft: what it would change
        #[arg(long, value_name = "ID", conflicts_with = "version")]
        draft: Option<Uuid>,
    },
    /// The blind indexes, and how far each is
    Indexes,
    /// All versions, newest first
    Versions,
    /// What a change would do; changes nothing
    Plan {
        /// The charter's folder
        #[arg(long, default_value = "charter", value_name = "FOLDER")]
        dir: PathBuf,
    },
    /// Make the files a new version
    Apply {
        /// The charter's folder
        #[arg(long, default_value = "charter", value_name = "FOLDER")]
        dir: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Keep the files as a draft, and ask those who have to agree
    Draft {
        /// The charter's folder
        #[arg(long, default_value = "charter", value_name = "FOLDER")]
        dir: PathBuf,
        /// Why: those who are to agree read it
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// All drafts, newest first
    Drafts,
    /// Who would gain and who would lose by a draft: what was decided in the last days, decided again
    Replay {
        /// The draft
        id: Uuid,
        /// Of how many days
        #[arg(long, default_value = "30", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
    /// Agree to a draft of somebody else
    Approve {
        /// The draft
        id: Uuid,
        /// Why, in a few words
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Put a draft of your own in force
    Activate {
        /// The draft
        id: Uuid,
    },
    /// Take a draft of your own back
    Withdraw {
        /// The draft
        id: Uuid,
    },
    /// Put the version before the one in force back in its place, at once
    RollBack {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(super) fn run(command: CharterCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        CharterCommand::Show { version: None, draft: Some(id) } => {
            output.answer(&client.charter_draft_of(id)?, draft)
        }
        CharterCommand::Show { version: None, draft: None } => output.answer(&client.charter()?, shown),
        CharterCommand::Show { version: Some(version), .. } => {
            output.answer(&client.charter_version(version)?, |sources| {
                let mut text = String::new();
                for file in &sources.files {
                    // A charter has line breaks and no other control characters; each line is cleaned by itself.
                    let _ = writeln!(text, "# {}", clean(&file.path));
                    for line in file.text.lines() {
                        let _ = writeln!(text, "{}", clean(line));
                    }
                }
                text
            })
        }
        CharterCommand::Indexes => {
            let page = client.charter_indexes()?;
            output.answer(&page, |page| listing(&indexes(&page.items), None))
        }
        CharterCommand::Versions => {
            let page = client.charter_versions()?;
            output.answer(&page, |page| {
                let mut table = Table::new(["version", "applied", "by", "summary", "digest"]);
                for version in &page.items {
                    table.row([
                        version.version.to_string(),
                        version.applied.to_string(),
                        version.applied_by.map(|by| by.to_string()).unwrap_or_default(),
                        version.summary.clone(),
                        version.digest.clone(),
                    ]);
                }
                listing(&table, page.next_cursor.as_ref())
            })
        }
        CharterCommand::Plan { dir } => {
            let planned = client.charter_plan(&CharterPlan { files: input::charter_files(&dir)? })?;
            output.answer(&planned, plan)?;
            Ok(if planned.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(5) })
        }
        CharterCommand::Apply { dir, yes } => apply(dir, yes, remote),
        CharterCommand::Draft { dir, why } => {
            let request = CharterDraftRequest { files: input::charter_files(&dir)?, why: Secret(why) };
            output.answer(&client.charter_draft(&request)?, draft)
        }
        CharterCommand::Drafts => {
            let page = client.charter_drafts()?;
            output.answer(&page, |page| listing(&drafts(&page.items), page.next_cursor.as_ref()))
        }
        CharterCommand::Replay { id, days } => replay(id, days, remote),
        CharterCommand::Approve { id, why } => approve(id, why, remote),
        CharterCommand::Activate { id } => output.answer(&client.charter_activate(id)?, in_force),
        CharterCommand::Withdraw { id } => {
            client.charter_withdraw(id)?;
            output.answer(&serde_json::json!({ "withdrawn": id }), |_| facts([("withdrawn", id.to_string())]))
        }
        CharterCommand::RollBack { yes } => {
            let base_version = client.charter()?.version;
            if !yes {
                let before = base_version.saturating_sub(1);
                let question =
                    format!("Version {base_version} is in force. Put version {before} back in its place?");
                if !output.asks(&question)? {
                    return Ok(ExitCode::from(1));
                }
            }
            output.answer(&client.charter_roll_back(&CharterRollBack { base_version })?, in_force)
        }
    }
}

fn in_force(applied: &CharterApplied) -> String {
    format!("version {} is in force\n", applied.version)
}

/// Adds up all pages, and shows how far it is meanwhile.
fn replay(id: Uuid, days: u32, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    let bar = match output.json || !std::io::stderr().is_terminal() {
        true => ProgressBar::hidden(),
        false => ProgressBar::new_spinner(),
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} events decided again, {per_sec}") {
        bar.set_style(style);
    }
    let mut whole = client.charter_replay(id, &CharterReplayRequest { days: Some(days), cursor: None })?;
    while let Some(cursor) = whole.next_cursor.take() {
        bar.set_position(whole.looked_at);
        let request = CharterReplayRequest { days: Some(days), cursor: Some(cursor) };
        add(&mut whole, client.charter_replay(id, &request)?);
    }
    bar.finish_and_clear();
    whole.changes.sort_by_key(|change| core::cmp::Reverse(change.times));
    output.answer(&whole, replayed)
}

/// One page more.
fn add(whole: &mut CharterReplay, page: CharterReplay) {
    whole.looked_at += page.looked_at;
    whole.same += page.same;
    whole.more += page.more;
    whole.next_cursor = page.next_cursor;
    let (left, more) = (&mut whole.left_out, page.left_out);
    left.system += more.system;
    left.failed += more.failed;
    left.facts_not_kept += more.facts_not_kept;
    left.gone += more.gone;
    left.other_cause += more.other_cause;
    left.otherwise_today += more.otherwise_today;
    for change in page.changes {
        let alike = |known: &&mut CharterReplayChange| {
            (known.principal, &known.action, &known.purpose, &known.field, known.becomes)
                == (change.principal, &change.action, &change.purpose, &change.field, change.becomes)
                && (known.was, known.would_be) == (change.was, change.would_be)
        };
        match whole.changes.iter_mut().find(alike) {
            Some(known) => {
                known.times += change.times;
                known.last = known.last.max(change.last);
            }
            None => whole.changes.push(change),
        }
    }
}

fn replayed(replay: &CharterReplay) -> String {
    let mut table =
        Table::new(["", "who", "roles", "action", "purpose", "field", "would be", "times", "last"]);
    for change in &replay.changes {
        let (sign, becomes) = match change.becomes {
            CharterReplayBecomes::Refused => ("-", "refused".to_owned()),
            CharterReplayBecomes::Allowed => ("+", "allowed".to_owned()),
            CharterReplayBecomes::Less => ("-", views(change)),
            CharterReplayBecomes::More => ("+", views(change)),
        };
        table.row([
            sign,
            &change.name,
            &change.roles.join(", "),
            &change.action,
            change.purpose.as_deref().unwrap_or_default(),
            change.field.as_deref().unwrap_or_default(),
            &becomes,
            &change.times.to_string(),
            &change.last.to_string(),
        ]);
    }
    let mut text = match replay.changes.is_empty() {
        true => String::new(),
        false => table.render(width()),
    };
    let changed = replay.changes.iter().map(|change| change.times).sum::<u64>() + replay.more;
    let _ = writeln!(
        text,
        "since {}, against version {}: {} decisions stay as they were, {changed} changes",
        replay.since, replay.base_version, replay.same
    );
    if replay.more > 0 {
        let _ = writeln!(text, "{} of the changes are not in the list: it is full", replay.more);
    }
    let left = &replay.left_out;
    for (count, why) in [
        (left.otherwise_today, "are decided otherwise today: roles, rules or purposes have changed since"),
        (left.failed, "failed, and do not say what policy had said"),
        (left.facts_not_kept, "have not kept the facts of their moment"),
        (left.gone, "are of somebody who is gone"),
        (left.other_cause, "were refused for a limit per day or a question, which no charter decides again"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "not decided again: {count} {why}");
        }
    }
    text
}

fn views(change: &CharterReplayChange) -> String {
    let name = |view: Option<avouch_wire::View>| view.map(avouch_wire::View::name).unwrap_or_default();
    format!("{} instead of {}", name(change.would_be), name(change.was))
}

/// Gives one's word on all requests of a draft that wait for it.
fn approve(id: Uuid, why: Option<String>, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    let asked = client.charter_draft_of(id)?.draft.approvals;
    let mut waiting = asked
        .iter()
        .filter(|asked| asked.state == Some(ApprovalState::Asked))
        .map(|asked| asked.id)
        .peekable();
    if waiting.peek().is_none() {
        return Err(CliError::Input("this draft waits for nobody's word".into()));
    }
    let mut spoken = Vec::new();
    for request in waiting {
        let word = ApprovalWord { agrees: true, why: why.clone().map(Secret) };
        spoken.push(client.approval_word(request, &word)?);
    }
    output.answer(&spoken, |spoken| {
        let granted = spoken.iter().all(|spoken| spoken.state == ApprovalState::Granted);
        if granted { "agreed to by all\n" } else { "heard; others have still to agree\n" }.to_owned()
    })
}

fn drafts(drafts: &[CharterDraft]) -> Table {
    let mut table = Table::new(["draft", "by", "when", "against", "changes", "!", "is"]);
    for draft in drafts {
        table.row([
            draft.id.to_string(),
            draft.author_name.clone(),
            draft.created.to_string(),
            draft.base_version.to_string(),
            draft.changes.to_string(),
            draft.dangers.to_string(),
            stands(draft).to_owned(),
        ]);
    }
    table
}

/// How far a draft is, in a word.
fn stands(draft: &CharterDraft) -> &'static str {
    let any = |state| draft.approvals.iter().any(|asked| asked.state == Some(state));
    match () {
        () if draft.stale => "over: another version came",
        () if any(ApprovalState::Refused) => "refused",
        () if any(ApprovalState::Asked) => "waiting",
        () if draft.approvals.is_empty() => "free: nobody has to agree",
        () if draft.approvals.iter().all(|asked| asked.state == Some(ApprovalState::Granted)) => "agreed to",
        () => "over",
    }
}

fn draft(view: &CharterDraftView) -> String {
    let CharterDraftView { draft, changed, problems: found, warnings, subjects, .. } = view;
    let mut text = facts([
        ("draft", draft.id.to_string()),
        ("by", draft.author_name.clone()),
        ("when", draft.created.to_string()),
        ("why", draft.why.0.clone()),
        ("digest", draft.digest.clone()),
        ("is", stands(draft).to_owned()),
    ]);
    text.push_str(&plan(&CharterPlanned {
        base_version: draft.base_version,
        changes: changed.clone(),
        problems: found.clone(),
        warnings: warnings.clone(),
        subjects_affected: *subjects,
    }));
    text
}

fn apply(dir: PathBuf, yes: bool, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    let files = input::charter_files(&dir)?;
    let planned = client.charter_plan(&CharterPlan { files: files.clone() })?;
    if !planned.problems.is_empty() {
        output.answer(&planned, plan)?;
        return Ok(ExitCode::from(5));
    }
    if !yes {
        let question = format!("{}Make this the charter?", plan(&planned));
        if !output.asks(&question)? {
            return Ok(ExitCode::from(1));
        }
    }
    // The base version makes sure that what was shown is what is applied.
    let request = CharterApply { files, base_version: planned.base_version };
    output.answer(&client.charter_apply(&request)?, in_force)
}

fn plan(planned: &CharterPlanned) -> String {
    let mut text = problems("problem", &planned.problems);
    text.push_str(&problems("warning", &planned.warnings));
    if !planned.problems.is_empty() {
        return text;
    }
    if planned.changes.is_empty() {
        let _ = writeln!(text, "nothing changes against version {}", planned.base_version);
        return text;
    }
    let mut table = Table::new(["", "change", "of", "effect"]);
    for change in &planned.changes {
        table.row([if change.danger { "!" } else { "" }, &change.kind, &change.what, &change.effect]);
    }
    text.push_str(&table.render(width()));
    let _ = writeln!(
        text,
        "against version {}; {} customers have a value in a field that changes",
        planned.base_version, planned.subjects_affected
    );
    if planned.changes.iter().any(|change| change.danger) {
        text.push_str("! shows more, keeps longer or loses data\n");
    }
    text
}

fn problems(kind: &str, problems: &[CharterProblem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let CharterProblem { file, line, column, message, help } = problem;
        let _ = writeln!(text, "{}:{line}:{column}: {kind}: {}", clean(file), clean(message));
        if let Some(help) = help {
            let _ = writeln!(text, "  help: {}", clean(help));
        }
    }
    text
}

fn shown(charter: &CharterView) -> String {
    let by = charter.applied_by.map(|by| by.to_string()).unwrap_or_default();
    let mut text = facts([
        ("version", charter.version.to_string()),
        ("applied", charter.applied.to_string()),
        ("by", by),
        ("digest", charter.digest.clone()),
    ]);
    let mut part = |title: &str, table: Table| {
        let _ = write!(text, "\n{title}\n{}", listing(&table, None));
    };

    let mut table = Table::new(["field", "type", "", "category", "sensitivity", "kept as", "search"]);
    for field in &charter.fields {
        let many = if field.list { "list" } else { "" };
        let needed = if field.required { "required" } else { "" };
        let exact = match (field.index, field.unique) {
            (_, true) => Some("unique"),
            (true, false) => Some("exact"),
            (false, false) => None,
        };
        let search: Vec<&str> = exact.into_iter().chain(field.search.iter().map(String::as_str)).collect();
        let marks = [many, needed].join(" ");
        table.row([
            field.name.as_str(),
            &field.of,
            marks.trim(),
            &field.category,
            &field.sensitivity,
            &field.class,
            &search.join(", "),
        ]);
    }
    part("Fields", table);

    if !charter.compounds.is_empty() {
        let mut table = Table::new(["searched together", "fields"]);
        for compound in &charter.compounds {
            table.row([compound.name.as_str(), &compound.of.join(", ")]);
        }
        part("Compounds", table);
    }

    let mut table = Table::new(["purpose", "legal basis", "reason", "fields"]);
    for purpose in &charter.purposes {
        let reason = if purpose.reason_required { "required" } else { "" };
        table.row([purpose.name.as_str(), &purpose.legal_basis, reason, &purpose.fields.join(", ")]);
    }
    part("Purposes", table);

    let mut table = Table::new(["recipient", "kind", "country", "purposes", "fields (tokens)"]);
    for recipient in &charter.recipients {
        let fields: Vec<_> =
            recipient.tokens.iter().map(|tokens| format!("{} ({})", tokens.field, tokens.kind)).collect();
        table.row([
            recipient.name.as_str(),
            &recipient.kind,
            &recipient.country,
            &recipient.purposes.join(", "),
            &fields.join(", "),
        ]);
    }
    part("Recipients", table);

    let mut table = Table::new(["role", "holder", "purposes", "actions"]);
    for role in &charter.roles {
        table.row([
            role.name.as_str(),
            role.holder.name(),
            &role.purposes.join(", "),
            &role.actions.join(", "),
        ]);
    }
    part("Roles", table);
    text
}

fn indexes(indexes: &[CharterIndex]) -> Table {
    let mut table = Table::new(["index", "of", "state", "bits", "root", "warning"]);
    for index in indexes {
        let state = match index.state.as_str() {
            "building" => {
                format!("building: {} of {}", index.done, index.subjects.max(index.done))
            }
            state => state.to_owned(),
        };
        let mut warnings = Vec::new();
        if index.shared > 0 {
            warnings.push(format!("{} customers share a value with somebody", index.shared));
        }
        if index.damaged > 0 {
            warnings.push(format!("{} customers do not open and are not found", index.damaged));
        }
        let how = if index.unique { "unique" } else { &index.how };
        table.row([
            &index.name,
            how,
            &state,
            &index.bits.to_string(),
            &index.epoch.to_string(),
            &warnings.join("; "),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use avouch_wire::charter::CharterChange;

    use super::*;

    #[test]
    fn a_plan_reads_like_a_review() {
        let change = |kind: &str, what: &str, effect: &str, danger| CharterChange {
            kind: kind.into(),
            what: what.into(),
            effect: effect.into(),
            danger,
        };
        let planned = CharterPlanned {
            base_version: 3,
            changes: vec![
                change("field.added", "iban", "customers may have a bank account", false),
                change("role.view", "support", "reveals `card_number` in clear", true),
            ],
            problems: Vec::new(),
            warnings: vec![CharterProblem {
                file: "data.yaml".into(),
                line: 12,
                column: 5,
                message: "no purpose uses `iban`".into(),
                help: Some("name it in a purpose".into()),
            }],
            subjects_affected: 120,
        };
        insta::assert_snapshot!(plan(&planned), @"
        data.yaml:12:5: warning: no purpose uses `iban`
          help: name it in a purpose
           change       of       effect
           field.added  iban     customers may have a bank account
        !  role.view    support  reveals `card_number` in clear
        against version 3; 120 customers have a value in a field that changes
        ! shows more, keeps longer or loses data
        ");
    }
}
