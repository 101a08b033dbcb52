//! Commands about customers: one at a time, by search, and in clear.

use std::process::ExitCode;

use avouch_client::{IdempotencyKey, Stated};
use avouch_wire::{
    Access, EraseQuery, Fields, RevealRequest, SearchRequest, Secret, SubjectCreate, SubjectPatch,
    SubjectVersion, View,
};
use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use super::{
    CliError, Paging, Remote, Why,
    input::{Sources, VALUES_HELP, random_id},
    output::{self, listing},
    table::Table,
};

#[derive(Debug, Subcommand)]
pub(crate) enum SubjectCommand {
    /// Store a customer
    #[command(after_help = VALUES_HELP)]
    Create(CreateArgs),
    /// Show a customer as your role may
    Show(ShowArgs),
    /// List customers as your role may
    List(ListArgs),
    /// Change a customer
    #[command(after_help = VALUES_HELP)]
    Update(UpdateArgs),
    /// Erase a customer, or some retention classes of one
    Delete(DeleteArgs),
    /// What was changed, by whom, newest first
    History(LookArgs),
    /// Who looked, and why, newest first
    Accesses(LookArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The values: `field=value`, `-` or `@file`
    #[arg(required = true, value_name = "VALUE")]
    values: Vec<String>,
    /// Makes a repeat of this command harmless for 24 hours; a new one each time when absent
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
    /// Also if somebody with one of these values was erased
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The customer
    id: Uuid,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The customer
    id: Uuid,
    /// The version you saw; refused if somebody has changed it since
    #[arg(long, value_name = "N")]
    version: u64,
    /// The values to set: `field=value`, `-` or `@file`
    #[arg(value_name = "VALUE", required_unless_present = "unset")]
    values: Vec<String>,
    /// A field to remove
    #[arg(long, value_name = "FIELD")]
    unset: Vec<String>,
    /// Also if somebody with one of these values was erased
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The customer
    id: Uuid,
    /// Only these retention classes, with commas between
    #[arg(long, value_name = "NAME")]
    classes: Option<String>,
    /// Leave what is under a legal hold and erase the rest
    #[arg(long)]
    keep_held: bool,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    /// The customer
    id: Uuid,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    why: Why,
}

/// Who is searched for.
#[derive(Debug, Args)]
pub(super) struct Conditions {
    /// What must match, exactly but for case, accents and spacing: `field=value`, `field.part=value`, `-` or `@file`
    #[arg(long, value_name = "VALUE")]
    by: Vec<String>,
    /// A field and how words of it begin: `name=gon`
    #[arg(long, value_name = "VALUE")]
    prefix: Vec<String>,
    /// A field and what it sounds like: `name=gonsalves`
    #[arg(long, value_name = "VALUE")]
    fuzzy: Vec<String>,
    /// A field and its lowest value: `birth_date=1962-05-01`
    #[arg(long, value_name = "VALUE", requires = "to")]
    from: Vec<String>,
    /// The same field and its highest value
    #[arg(long, value_name = "VALUE", requires = "from")]
    to: Vec<String>,
}

impl Conditions {
    /// What must be equal, and what must be like it.
    pub(super) fn read(&self) -> Result<(Fields, Fields), CliError> {
        let mut sources = Sources::of_process();
        let by = sources.conditions(&self.by)?;
        let mut like = serde_json::Map::new();
        for (way, values) in
            [("prefix", &self.prefix), ("fuzzy", &self.fuzzy), ("from", &self.from), ("to", &self.to)]
        {
            for (field, value) in sources.conditions(values)?.0 {
                let of_field = like.entry(field).or_insert_with(|| Value::Object(serde_json::Map::new()));
                if let Value::Object(members) = of_field {
                    members.insert(way.to_owned(), value);
                }
            }
        }
        Ok((by, like.into()))
    }
}

#[derive(Debug, Args)]
#[command(after_help = VALUES_HELP)]
#[command(group = clap::ArgGroup::new("whom").args(["by", "prefix", "fuzzy", "from"]).required(true).multiple(true))]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    conditions: Conditions,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    /// Why now, in a few words and without naming anybody
    #[arg(long, value_name = "TEXT")]
    reason: Option<Secret>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct RevealArgs {
    /// The customer
    id: Uuid,
    /// Which fields, with commas between
    #[arg(long, required = true, value_delimiter = ',', value_name = "FIELD")]
    fields: Vec<String>,
    /// For which purpose of the charter
    #[arg(long, value_name = "NAME")]
    purpose: String,
    /// Why now, in a few words and without naming anybody
    #[arg(long, value_name = "TEXT")]
    reason: Option<Secret>,
    /// Refuse rather than show less than the value
    #[arg(long)]
    clear: bool,
}

pub(super) fn run(command: SubjectCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        SubjectCommand::Create(args) => {
            let request =
                SubjectCreate { fields: Sources::of_process().fields(&args.values)?, again: args.again };
            let key = match args.idempotency_key {
                Some(text) => IdempotencyKey::new(text)?,
                None => random_id().into(),
            };
            output.answer(&client.create(&request, &args.why.into(), Some(&key))?, output::subject)
        }
        SubjectCommand::Show(args) => {
            output.answer(&client.subject(args.id, &args.why.into())?, output::subject)
        }
        SubjectCommand::List(args) => {
            let page = client.subjects(&args.paging.into(), &args.why.into())?;
            output.answer(&page, |page| listing(&output::subjects(&page.items), page.next_cursor.as_ref()))
        }
        SubjectCommand::Update(args) => {
            let mut fields = Sources::of_process().fields(&args.values)?;
            fields.0.extend(args.unset.into_iter().map(|name| (name, Value::Null)));
            let patch = SubjectPatch { fields, again: args.again };
            output.answer(&client.update(args.id, args.version, &patch, &args.why.into())?, output::subject)
        }
        SubjectCommand::Delete(args) => {
            let what = EraseQuery { classes: args.classes, keep_held: args.keep_held.then_some(true) };
            // The receipt is a text already, with its signature.
            output.answer(&client.erase(args.id, &what, &args.why.into())?, |deleted| {
                deleted.receipt.note.clone()
            })
        }
        SubjectCommand::History(args) => {
            let page = client.history(args.id, &args.paging.into(), &Stated::from(args.why))?;
            output.answer(&page, |page| listing(&history(&page.items), page.next_cursor.as_ref()))
        }
        SubjectCommand::Accesses(args) => {
            let page = client.accesses(args.id, &args.paging.into(), &Stated::from(args.why))?;
            output.answer(&page, |page| listing(&accesses(&page.items), page.next_cursor.as_ref()))
        }
    }
}

pub(super) fn search(args: SearchArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let (by, like) = args.conditions.read()?;
    let request = SearchRequest {
        purpose: args.purpose,
        reason: args.reason,
        by,
        like,
        limit: args.paging.limit,
        cursor: args.paging.cursor,
    };
    let page = remote.client.search(&request)?;
    remote.output.answer(&page, |page| listing(&output::subjects(&page.items), page.next_cursor.as_ref()))
}

pub(super) fn reveal(args: RevealArgs, remote: &Remote) -> Result<ExitCode, CliError> {
    let request = RevealRequest {
        purpose: args.purpose,
        reason: args.reason,
        fields: args.fields,
        view: args.clear.then_some(View::Clear),
    };
    remote.output.answer(&remote.client.reveal(args.id, &request)?, |revealed| {
        let mut text = output::fields(&revealed.subject.fields, &revealed.subject.views);
        text.push_str(&format!("on record as event {}\n", revealed.event));
        text
    })
}

fn history(versions: &[SubjectVersion]) -> Table {
    let mut table = Table::new(["version", "at", "by", "action", "changed"]);
    for version in versions {
        table.row([
            version.version.to_string(),
            version.at.to_string(),
            super::events::actor(&version.by),
            version.action.clone(),
            version.changed.join(", "),
        ]);
    }
    table
}

/// Without the outcome: what was refused showed nothing of the customer and is not in the list.
fn accesses(accesses: &[Access]) -> Table {
    let mut table = Table::new(["at", "who", "action", "purpose", "fields", "reason", "recipient", "items"]);
    for access in accesses {
        table.row([
            access.at.to_string(),
            super::events::actor(&access.actor),
            access.action.clone(),
            access.purpose.clone().unwrap_or_default(),
            super::events::touched(&access.fields),
            access.reason.as_ref().map(|reason| reason.0.clone()).unwrap_or_default(),
            access.recipient.clone().unwrap_or_default(),
            access.count.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_looked_says_how_each_field_was_shown_and_why() {
        let actor =
            json!({"id": "019560f0-3333-7000-8000-000000000001", "kind": "staff", "name": "Support desk"});
        let access = |more: Value| -> Access {
            let mut access = json!({
                "event": "019560f0-2222-7000-8000-000000000001", "at": "2026-03-01T09:30:00.000000Z",
                "actor": actor, "outcome": "done", "count": 1,
            });
            access.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(access).unwrap()
        };
        let list = [
            access(json!({
                "action": "subject.reveal", "purpose": "support", "reason": "asks where the parcel is",
                "fields": [
                    {"name": "name", "view": "partial"}, {"name": "email", "view": "clear"},
                    {"name": "phones", "view": "clear"},
                ],
            })),
            access(json!({
                "action": "token.create", "purpose": "order_fulfilment", "recipient": "parcels", "count": 2,
                "fields": [{"name": "name", "view": "token"}, {"name": "address", "view": "token"}],
            })),
            access(json!({"action": "subject.update", "fields": [{"name": "language"}, {"name": "phones"}]})),
        ];
        insta::assert_snapshot!(accesses(&list).render(None), @"
        at                           who           action          purpose           fields                                reason                    recipient  items
        2026-03-01T09:30:00.000000Z  Support desk  subject.reveal  support           clear: email, phones · partial: name  asks where the parcel is             1
        2026-03-01T09:30:00.000000Z  Support desk  token.create    order_fulfilment  token: name, address                                            parcels    2
        2026-03-01T09:30:00.000000Z  Support desk  subject.update                    language, phones                                                           1
        ");
        assert!(!format!("{list:?}").contains("parcel is"), "a reason is not printed");
    }
}
