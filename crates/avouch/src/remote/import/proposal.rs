//! Settling the mapping: from `--map` alone, or from the server's proposal, shown as a table and confirmed. The server sees the headers
//! and the first rows; it is the one that knows the charter, and it is about to be given all rows anyway.

use std::io::{self, BufRead};

use avouch_client::Stated;
use avouch_detect::table::{Cell, Fault, Table};
use avouch_wire::{Proposal, ProposeRequest, charter::CharterField, import::ProposeColumn};

use super::{
    error_file, interactive,
    mapping::{Mapping, Rule},
};
use crate::remote::{
    CliError, Remote,
    output::width,
    table::{Table as Text, clean},
};

/// The mapping to use, or `None` if the user does not want one.
///
/// `--map` alone is exact, so that a script does the same tomorrow. With `--yes` it amends the proposal.
pub(super) fn settle(
    table: &mut Table,
    maps: &[String],
    yes: bool,
    stated: &Stated,
    remote: &Remote,
) -> Result<Option<Mapping>, CliError> {
    let headers: Vec<String> = table.headers().to_vec();
    let charter = charter(remote)?;
    let mut own = maps.iter().map(|text| Rule::parse(text, &headers)).collect::<Result<Vec<_>, _>>()?;
    if !own.is_empty() && !yes {
        return Mapping::new(&own, &headers, charter.as_deref()).map(Some);
    }
    let proposal = remote.client.import_propose(&ProposeRequest { columns: columns(table)? }, stated)?;
    if yes {
        let rules = amend(rules(&proposal, &headers), &own);
        required(&rules, &proposal, charter.as_deref())?;
        return Mapping::new(&rules, &headers, charter.as_deref()).map(Some);
    }
    let mut shown = show(&proposal, &headers, &own);
    if !interactive(remote) {
        return Err(CliError::usage(format!(
            "nobody is there to confirm a mapping: --yes takes this one, --map says another\n{}",
            shown.trim_end()
        )));
    }
    loop {
        remote.output.text(&shown)?;
        remote
            .output
            .text("Take this mapping? [y]es, [n]o, or change a line: Column=field, Column= to leave out: ")?;
        let mut answer = String::new();
        if io::stdin().lock().read_line(&mut answer)? == 0 {
            return Ok(None);
        }
        match answer.trim() {
            "y" | "Y" | "yes" => {
                let rules = amend(rules(&proposal, &headers), &own);
                let checked = required(&rules, &proposal, charter.as_deref())
                    .and_then(|()| Mapping::new(&rules, &headers, charter.as_deref()));
                match checked {
                    Ok(mapping) => return Ok(Some(mapping)),
                    Err(error) => remote.output.text(&format!("{error}\n"))?,
                }
            }
            "" | "n" | "N" | "no" => return Ok(None),
            change => match Rule::parse(change, &headers) {
                Ok(rule) => {
                    own.retain(|other| !other.columns.iter().any(|column| rule.columns.contains(column)));
                    own.push(rule);
                    shown = show(&proposal, &headers, &own);
                }
                Err(error) => remote.output.text(&format!("{error}\n"))?,
            },
        }
    }
}

/// The charter's fields, for lists and names. A key that may import need not be one that may read the charter; then `None`.
fn charter(remote: &Remote) -> Result<Option<Vec<CharterField>>, CliError> {
    match remote.client.charter() {
        Ok(charter) => Ok(Some(charter.fields)),
        Err(error)
            if error
                .problem()
                .is_some_and(|problem| problem.kind == avouch_wire::ProblemKind::DeniedByPolicy) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Headers and the texts of the first rows. Rows that cannot be read are left for the import itself to report.
fn columns(table: &mut Table) -> Result<Vec<ProposeColumn>, CliError> {
    let mut columns: Vec<ProposeColumn> = table
        .headers()
        .iter()
        .map(|header| ProposeColumn { header: header.clone(), samples: Vec::new() })
        .collect();
    for record in table.take(super::SAMPLES) {
        let record = match record {
            Ok(record) => record,
            Err(Fault::Row(_)) => continue,
            Err(Fault::Input(error)) => return Err(error.into()),
        };
        for (column, cell) in columns.iter_mut().zip(record.cells()) {
            match cell {
                Cell::Empty => {}
                Cell::Text(text) => column.samples.push(shorten(text)),
                Cell::Json(json) => column.samples.push(shorten(&json.to_string())),
            }
        }
    }
    columns.retain(|column| !error_file::is_ours(&column.header));
    Ok(columns)
}

/// Enough of a value to tell what it is: the request stays small whatever the file holds.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The proposal as rules, in the file's order.
fn rules(proposal: &Proposal, headers: &[String]) -> Vec<Rule> {
    let rule = |header: &String| {
        let target = proposal.mapping.get(header)?;
        Some(Rule { columns: vec![header.clone()], field: target.field.clone(), part: target.part.clone() })
    };
    headers.iter().filter_map(rule).collect()
}

/// The user's rules take their columns from the proposal's.
fn amend(proposed: Vec<Rule>, own: &[Rule]) -> Vec<Rule> {
    let taken =
        |rule: &Rule| own.iter().flat_map(|own| &own.columns).any(|column| rule.columns.contains(column));
    proposed.into_iter().filter(|rule| !taken(rule)).chain(own.iter().cloned()).collect()
}

/// Refuses a mapping with which every row would be rejected.
fn required(rules: &[Rule], proposal: &Proposal, charter: Option<&[CharterField]>) -> Result<(), CliError> {
    let has = |name: &str| rules.iter().any(|rule| rule.field == name);
    let missing: Vec<&str> = match charter {
        Some(fields) => {
            let required = fields.iter().filter(|field| field.required);
            required.map(|field| field.name.as_str()).filter(|name| !has(name)).collect()
        }
        None => proposal.missing_required.iter().map(String::as_str).filter(|name| !has(name)).collect(),
    };
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join("`, `");
    Err(CliError::usage(format!(
        "no column goes to `{names}`, which every customer must have; say which: Column=field"
    )))
}

fn show(proposal: &Proposal, headers: &[String], own: &[Rule]) -> String {
    let mut table = Text::new(["column", "field", "sure", "because"]);
    let mut left_out = Vec::new();
    for header in headers.iter().filter(|header| !error_file::is_ours(header)) {
        let yours = own.iter().find(|rule| rule.columns.contains(header));
        let (field, part, sure, because) = match (yours, proposal.mapping.get(header)) {
            (Some(rule), _) if !rule.field.is_empty() => {
                (&rule.field, &rule.part, String::new(), "you say so")
            }
            (None, Some(target)) => {
                (&target.field, &target.part, format!("{} %", target.confidence), target.because.as_str())
            }
            _ => {
                left_out.push(header.as_str());
                continue;
            }
        };
        let target = part.as_ref().map_or_else(|| field.clone(), |part| format!("{field}.{part}"));
        table.row([header, &target, &sure, because]);
    }
    let mut text = table.render(width());
    if !left_out.is_empty() {
        text.push_str(&format!("left out: {}\n", clean(&left_out.join(", "))));
    }
    let mapped = |name: &String| own.iter().any(|rule| rule.field == *name);
    let missing: Vec<_> = proposal.missing_required.iter().filter(|name| !mapped(name)).cloned().collect();
    if !missing.is_empty() {
        text.push_str(&format!("missing, and required: {}\n", clean(&missing.join(", "))));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn proposal() -> Proposal {
        serde_json::from_value(json!({
            "mapping": {
                "FirstName": {"field": "name", "part": "given", "confidence": 97, "because": "the header means given name"},
                "LastName": {"field": "name", "part": "family", "confidence": 97, "because": "the header means family name"},
                "City": {"field": "address", "part": "city", "confidence": 90, "because": "the header means city"}
            },
            "unmapped": ["SupportRepId"],
            "missing_required": ["email"]
        }))
        .unwrap()
    }

    fn headers() -> Vec<String> {
        ["avouch_row", "avouch_error", "FirstName", "LastName", "City", "Mail", "SupportRepId"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn a_proposal_is_shown_with_its_reasons_and_gaps() {
        insta::assert_snapshot!(show(&proposal(), &headers(), &[]), @"
        column     field         sure  because
        FirstName  name.given    97 %  the header means given name
        LastName   name.family   97 %  the header means family name
        City       address.city  90 %  the header means city
        left out: Mail, SupportRepId
        missing, and required: email
        ");
    }

    #[test]
    fn a_users_rule_takes_its_columns_from_the_proposal() {
        let own = [Rule::parse("Mail=email", &headers()).unwrap(), Rule::parse("City=", &headers()).unwrap()];
        insta::assert_snapshot!(show(&proposal(), &headers(), &own), @"
        column     field        sure  because
        FirstName  name.given   97 %  the header means given name
        LastName   name.family  97 %  the header means family name
        Mail       email              you say so
        left out: City, SupportRepId
        ");
        let rules = amend(rules(&proposal(), &headers()), &own);
        assert!(required(&rules, &proposal(), None).is_ok());
        assert!(!rules.iter().any(|rule| rule.field == "address"));
    }

    #[test]
    fn a_mapping_that_rejects_every_row_is_refused() {
        let error = required(&rules(&proposal(), &headers()), &proposal(), None).unwrap_err();
        insta::assert_snapshot!(error, @"no column goes to `email`, which every customer must have; say which: Column=field");
    }
}
