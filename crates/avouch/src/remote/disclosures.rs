//! What recipients were given, of how many customers and when.

use std::process::ExitCode;

use avouch_wire::{DisclosureQuery, Disclosures, Time, View};
use clap::Args;

use super::{CliError, Remote, table::Table};

#[derive(Debug, Args)]
pub(crate) struct DisclosuresArgs {
    /// Only to this recipient
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// Only from this moment on, such as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Time>,
    /// Only before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
}

pub(super) fn run(args: DisclosuresArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let DisclosuresArgs { recipient, since, until } = args;
    let disclosures = remote.client.disclosures(&DisclosureQuery { recipient, since, until })?;
    remote.output.answer(&disclosures, shown)
}

fn shown(disclosures: &Disclosures) -> String {
    let mut table =
        Table::new(["recipient", "purpose", "field", "given", "events", "customers", "first", "last"]);
    for one in &disclosures.items {
        let given = match one.view {
            View::Token => "as tokens",
            View::Clear => "in clear",
            other => other.name(),
        };
        table.row([
            one.recipient.clone(),
            one.purpose.clone().unwrap_or_default(),
            one.field.clone(),
            given.to_owned(),
            one.events.to_string(),
            one.customers.to_string(),
            one.first.to_string(),
            one.last.to_string(),
        ]);
    }
    let mut text = if table.is_empty() { "none\n".to_owned() } else { table.render(None) };
    if let Some(next) = disclosures.next {
        text.push_str(&format!("\nonly what was before {next}; the rest: --since {next}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_says_how_it_was_given_and_where_the_rest_is() {
        let of = |view: &str, customers: u64| {
            json!({
                "recipient": "parcels", "purpose": "order_fulfilment", "field": "name", "view": view, "events": 3,
                "customers": customers, "first": "2026-03-01T09:30:00Z", "last": "2026-03-02T09:30:00Z",
            })
        };
        let answer = json!({"items": [of("token", 3), of("clear", 2)], "next": "2026-03-02T09:30:01Z"});
        insta::assert_snapshot!(shown(&serde_json::from_value(answer).unwrap()));
    }
}
