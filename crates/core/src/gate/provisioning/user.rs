//! Somebody as an identity provider knows them, between what is kept and what SCIM shows. What it says is kept apart from what was
//! decided here: `active` from the status, its groups from roles given by hand.

use avouch_scim::{Resource, USER};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{Shown, external_id, shown, text, unfit};
use crate::Error;
use crate::app::App;
use crate::gate::access::{LOGIN_MAX, is_address};
use crate::gate::{Access, PrincipalRecord, login_name};
use crate::ids::PrincipalId;

/// The most addresses of one person.
const MOST_EMAILS: usize = 10;
/// The longest name, in characters.
const NAME_MAX: usize = 100;

/// What an identity provider says of somebody: sealed with the rest of what is known of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provisioned {
    /// Its own id for them.
    pub external_id: Option<String>,
    /// Whether they may act. Nothing: it has taken back what it said, and they may not.
    pub active: Option<bool>,
    /// `displayName`.
    pub display: Option<String>,
    /// `name.formatted`.
    pub formatted: Option<String>,
    /// `name.familyName`.
    pub family: Option<String>,
    /// `name.givenName`.
    pub given: Option<String>,
    /// Addresses.
    pub emails: Vec<Email>,
    /// When anything of it last changed, in microseconds UTC.
    pub changed: i64,
}

/// An address of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Email {
    /// The address.
    pub value: Option<String>,
    /// What it is for.
    pub kind: Option<String>,
    /// Whether it is the first to use.
    pub primary: Option<bool>,
}

impl Provisioned {
    /// Somebody who was put within its reach, of whom it has said nothing yet.
    pub(crate) fn adopted(now: i64) -> Self {
        Self { active: Some(true), changed: now, ..Self::default() }
    }

    /// Their first address for mail.
    pub(crate) fn address(&self) -> Option<&str> {
        let first =
            self.emails.iter().find(|email| email.primary == Some(true)).or_else(|| self.emails.first());
        first?.value.as_deref().filter(|address| is_address(address))
    }

    /// Whether they may act, as far as the identity provider says.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active == Some(true)
    }
}

/// What is kept of somebody, as changes are made to it.
pub(super) fn kept(record: &PrincipalRecord) -> Resource {
    let mut resource = Resource::new();
    let Some(said) = &record.provisioned else { return resource };
    let mut put = |name: &str, text: Option<&String>| {
        if let Some(text) = text {
            resource.insert(name.to_owned(), Json::String(text.clone()));
        }
    };
    put("userName", record.login.as_ref());
    put("externalId", said.external_id.as_ref());
    put("displayName", said.display.as_ref());
    let parts = [("formatted", &said.formatted), ("familyName", &said.family), ("givenName", &said.given)];
    let name: Resource =
        parts.into_iter().filter_map(|(part, text)| Some((part.to_owned(), text.clone()?.into()))).collect();
    if !name.is_empty() {
        resource.insert("name".to_owned(), Json::Object(name));
    }
    if let Some(active) = said.active {
        resource.insert("active".to_owned(), Json::Bool(active));
    }
    if !said.emails.is_empty() {
        resource.insert("emails".to_owned(), said.emails.iter().map(email).collect());
    }
    resource
}

fn email(email: &Email) -> Json {
    let mut parts = Resource::new();
    parts.extend(email.value.clone().map(|value| ("value".to_owned(), value.into())));
    parts.extend(email.kind.clone().map(|kind| ("type".to_owned(), kind.into())));
    parts.extend(email.primary.map(|primary| ("primary".to_owned(), primary.into())));
    Json::Object(parts)
}

/// Somebody as SCIM shows them. `active` is whether they may act, whoever has said that they may not.
pub(super) fn show(
    app: &App,
    access: &Access,
    id: PrincipalId,
    record: &PrincipalRecord,
) -> Result<Shown<PrincipalId>, Error> {
    let mut resource = kept(record);
    if let Some(active) = resource.get_mut("active") {
        *active = Json::Bool(record.is_active());
    }
    let changed = record.provisioned.as_ref().map_or(record.created, |said| said.changed);
    let mut shown = shown(app, id, &USER, resource, (record.created, changed))?;
    let groups: Vec<Json> = access
        .groups_of(id)
        .map(|(id, group)| json!({"value": id.to_string(), "display": group.display}))
        .collect();
    if !groups.is_empty() {
        shown.resource.insert("groups".to_owned(), Json::Array(groups));
    }
    Ok(shown)
}

/// Takes over what is said in a resource. What is not said in it is not kept.
pub(super) fn take(resource: &Resource, record: &mut PrincipalRecord, now: i64) -> Result<(), Error> {
    let login = text(resource, "userName").map(|login| login_name(&login));
    let login = login.ok_or_else(|| unfit("`userName` has to be there"))?;
    let fits = login.chars().count() <= LOGIN_MAX;
    if !fits || login.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return Err(unfit("expected at most 254 characters without blanks in `userName`"));
    }
    let name = resource.get("name").and_then(Json::as_object).cloned().unwrap_or_default();
    let said = Provisioned {
        external_id: external_id(resource)?,
        active: resource.get("active").and_then(Json::as_bool),
        display: name_in(resource, "displayName")?,
        formatted: name_in(&name, "formatted")?,
        family: name_in(&name, "familyName")?,
        given: name_in(&name, "givenName")?,
        emails: emails(resource)?,
        changed: record.provisioned.as_ref().map_or(now, |said| said.changed),
    };
    record.name = title(&said, &login);
    record.login = Some(login);
    if record.provisioned.as_ref() != Some(&said) {
        record.provisioned = Some(said);
    }
    Ok(())
}

/// What colleagues see: the best name there is.
fn title(said: &Provisioned, login: &str) -> String {
    let both = [said.given.as_deref(), said.family.as_deref()];
    let both = both.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let both = (!both.is_empty()).then_some(both);
    let best = said.display.clone().or_else(|| said.formatted.clone()).or(both);
    best.unwrap_or_else(|| login.to_owned()).chars().take(NAME_MAX).collect()
}

fn name_in(resource: &Resource, name: &str) -> Result<Option<String>, Error> {
    let Some(text) = text(resource, name) else { return Ok(None) };
    if text.chars().count() > NAME_MAX || text.chars().any(char::is_control) {
        return Err(unfit("expected at most 100 characters without control characters in a name"));
    }
    Ok(Some(text))
}

fn emails(resource: &Resource) -> Result<Vec<Email>, Error> {
    let values = resource.get("emails").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    if values.len() > MOST_EMAILS {
        return Err(unfit("expected at most 10 `emails`"));
    }
    let fits = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
    let mut emails: Vec<Email> = Vec::new();
    for parts in values.iter().filter_map(Json::as_object) {
        let email = Email {
            value: text(parts, "value"),
            kind: text(parts, "type"),
            primary: parts.get("primary").and_then(Json::as_bool),
        };
        let value = email.value.as_deref().unwrap_or_default();
        if !fits(value, LOGIN_MAX) || !fits(email.kind.as_deref().unwrap_or_default(), 40) {
            return Err(unfit("expected addresses of at most 254 characters in `emails`"));
        }
        emails.push(email);
    }
    if emails.iter().filter(|email| email.primary == Some(true)).count() > 1 {
        return Err(unfit("expected at most one of `emails` to be `primary`"));
    }
    Ok(emails)
}
