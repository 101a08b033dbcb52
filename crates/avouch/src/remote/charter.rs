//! Commands about the server's charter. `charter check` needs no server and is wired beside these.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use avouch_wire::charter::{CharterIndex, CharterProblem};
use avouch_wire::{CharterApply, CharterPlan, CharterPlanned, CharterView};
use clap::Subcommand;

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
}

pub(super) fn run(command: CharterCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        CharterCommand::Show { version: None } => output.answer(&client.charter()?, shown),
        CharterCommand::Show { version: Some(version) } => {
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
    }
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
    output.answer(&client.charter_apply(&request)?, |applied| {
        format!("version {} is in force\n", applied.version)
    })
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
