//! Commands about principals and their keys. A new key is printed once, to stdout and nowhere else.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avouch_wire::{
    CertificateRequest, Identity, IdentityLink, Jwks, Key, KeyCreate, LinkCreate, LinkCreated, PageQuery,
    Principal, PrincipalCreate, PrincipalKind, PrincipalPatch, PrincipalStatus, ProvesBy,
};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use uuid::Uuid;

use super::{
    CliError, Paging, Remote,
    input::file,
    output::listing,
    table::{Table, facts},
};

#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalCommand {
    /// List them
    List(PrincipalListArgs),
    /// Add one
    Create(PrincipalCreateArgs),
    /// Show one
    Show {
        /// The principal
        id: Uuid,
    },
    /// Change name, roles or networks
    Update(PrincipalUpdateArgs),
    /// Make a one-time link, with which somebody enrols what they log in with
    Link {
        /// The principal
        id: Uuid,
        /// Take away everything they log in with now, and end their sessions: for somebody who has lost it
        #[arg(long)]
        afresh: bool,
    },
    /// The identities at providers by which somebody logs in
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// The public keys by which a service signs for itself: show them, or put others in their place
    Jwks(JwksArgs),
    /// Make a certificate for a service, from the vault's own authority
    Certificate(CertificateArgs),
    /// Stop it: none of its keys works any more
    Suspend {
        /// The principal
        id: Uuid,
    },
    /// Let it act again
    Activate {
        /// The principal
        id: Uuid,
    },
}

/// Who somebody is at an identity provider.
#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// List somebody's
    List {
        /// The principal
        id: Uuid,
    },
    /// Link one: whoever shows it there is let in as this principal
    Link {
        /// The principal
        id: Uuid,
        /// The provider's name in the server's configuration
        #[arg(long)]
        provider: String,
        /// What they are called there for ever: `sub`, never an address for mail
        #[arg(long)]
        subject: String,
    },
    /// Take one away, and end the sessions that began with it
    Unlink {
        /// The principal
        id: Uuid,
        /// The identity's id
        identity: Uuid,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PrincipalListArgs {
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct PrincipalCreateArgs {
    /// What it is
    #[arg(long)]
    kind: Kind,
    /// Its name
    #[arg(long)]
    name: String,
    /// The name to log in with, usually the e-mail address at work
    #[arg(long)]
    login: Option<String>,
    /// Whom they report to: nobody agrees to what that one asks for
    #[arg(long, value_name = "ID")]
    manager: Option<Uuid>,
    /// Which human being it is, where one has several accounts: a word that all of them share
    #[arg(long, value_name = "WORD")]
    person: Option<String>,
    /// Where they are told of what happens with how they log in: an address for mail
    #[arg(long)]
    contact: Option<String>,
    /// Its roles, from the charter, with commas between
    #[arg(long, required = true, value_delimiter = ',', value_name = "ROLE")]
    roles: Vec<String>,
    /// The recipient it acts for; it can then use that recipient's tokens only
    #[arg(long, value_name = "NAME")]
    recipient: Option<String>,
    /// Networks it may come from, with commas between; any when absent
    #[arg(long, value_delimiter = ',', value_name = "CIDR")]
    networks: Vec<String>,
    /// For how many days it may act; without it an auditor may for 30, and all others until they are suspended
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("change").args(["name", "login", "manager", "person", "contact", "roles", "networks", "any_network", "days", "provisioned"]).required(true).multiple(true)))]
pub(crate) struct PrincipalUpdateArgs {
    /// The principal
    id: Uuid,
    /// Its new name
    #[arg(long)]
    name: Option<String>,
    /// Its new name to log in with
    #[arg(long)]
    login: Option<String>,
    /// Whom they report to: nobody agrees to what that one asks for
    #[arg(long, value_name = "ID")]
    manager: Option<Uuid>,
    /// Which human being it is, where one has several accounts: a word that all of them share
    #[arg(long, value_name = "WORD")]
    person: Option<String>,
    /// Where they are told of what happens with how they log in; "" for nowhere of their own
    #[arg(long)]
    contact: Option<String>,
    /// All its roles, with commas between
    #[arg(long, value_delimiter = ',', value_name = "ROLE")]
    roles: Option<Vec<String>>,
    /// All networks it may come from, with commas between
    #[arg(long, value_delimiter = ',', value_name = "CIDR")]
    networks: Option<Vec<String>>,
    /// It may come from any network
    #[arg(long, conflicts_with = "networks")]
    any_network: bool,
    /// For how many days from now it may act
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
    /// Whether an identity provider keeps it from now on (SCIM), or no longer
    #[arg(long, value_name = "true|false")]
    provisioned: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct JwksArgs {
    /// The service
    id: Uuid,
    /// A JSON Web Key Set of public keys, which takes the place of those before; its tokens end
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Take all of them away
    #[arg(long, conflicts_with = "file")]
    none: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    /// The service
    id: Uuid,
    /// A request for a certificate (PKCS#10, PEM), as `openssl req -new` makes it
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// For how many hours
    #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u16).range(24..=168))]
    hours: u16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// A person who works here
    Staff,
    /// A program
    Service,
    /// Somebody who checks, and sees no customer
    Auditor,
}

impl From<Kind> for PrincipalKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Staff => Self::Staff,
            Kind::Service => Self::Service,
            Kind::Auditor => Self::Auditor,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApikeyCommand {
    /// Make a key; it is shown this once
    Create(KeyCreateArgs),
    /// List the keys of a principal, without their text
    List {
        /// The principal
        principal: Uuid,
    },
    /// Revoke a key, at once
    Revoke {
        /// The principal
        principal: Uuid,
        /// The key's id
        // Not `key`, which every command has already: the API key to call with.
        #[arg(value_name = "KEY")]
        key_id: Uuid,
    },
}

#[derive(Debug, Args)]
pub(crate) struct KeyCreateArgs {
    /// The principal
    principal: Uuid,
    /// Where it is used
    #[arg(long)]
    label: String,
    /// For how many days, at most 365
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=365))]
    days: u16,
    /// Networks to narrow it to, with commas between
    #[arg(long, value_delimiter = ',', value_name = "CIDR")]
    networks: Vec<String>,
    /// Nobody is to use it: it opens nothing, and whoever shows it is noticed
    #[arg(long)]
    honey: bool,
}

pub(super) fn principal(command: PrincipalCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    let patch = |id, patch: PrincipalPatch| output.answer(&client.principal_update(id, &patch)?, shown);
    let status = |status| PrincipalPatch { status: Some(status), ..PrincipalPatch::default() };
    match command {
        PrincipalCommand::List(args) => {
            let page = client.principals(&PageQuery::from(args.paging))?;
            output.answer(&page, |page| listing(&principals(&page.items), page.next_cursor.as_ref()))
        }
        PrincipalCommand::Create(args) => {
            let request = PrincipalCreate {
                kind: args.kind.into(),
                name: args.name,
                login: args.login,
                manager: args.manager,
                person: args.person,
                contact: args.contact,
                roles: args.roles,
                recipient: args.recipient,
                networks: args.networks,
                days: args.days,
            };
            output.answer(&client.principal_create(&request)?, shown)
        }
        PrincipalCommand::Show { id } => output.answer(&client.principal(id)?, shown),
        PrincipalCommand::Update(args) => {
            let networks = if args.any_network { Some(Vec::new()) } else { args.networks };
            let change = PrincipalPatch {
                name: args.name,
                login: args.login,
                manager: args.manager,
                person: args.person,
                contact: args.contact,
                roles: args.roles,
                networks,
                status: None,
                days: args.days,
                provisioned: args.provisioned,
            };
            patch(args.id, change)
        }
        PrincipalCommand::Link { id, afresh } => {
            output.answer(&client.principal_link(id, &LinkCreate { afresh })?, link)
        }
        PrincipalCommand::Identity(command) => match command {
            IdentityCommand::List { id } => {
                let page = client.principal_identities(id)?;
                output.answer(&page, |page| listing(&identities(&page.items), page.next_cursor.as_ref()))
            }
            IdentityCommand::Link { id, provider, subject } => {
                let linked = client.principal_link_identity(id, &IdentityLink { provider, subject })?;
                output.answer(&linked, |one| listing(&identities(std::slice::from_ref(one)), None))
            }
            IdentityCommand::Unlink { id, identity } => output
                .answer(&client.principal_unlink_identity(id, identity)?, |was| {
                    listing(&identities(std::slice::from_ref(was)), None)
                }),
        },
        PrincipalCommand::Jwks(args) => {
            let known = match (&args.file, args.none) {
                (Some(path), _) => client.principal_set_jwks(args.id, &read_keys(path)?)?,
                (None, true) => client.principal_set_jwks(args.id, &Jwks::default())?,
                (None, false) => client.principal_jwks(args.id)?,
            };
            output.answer(&known, public_keys)
        }
        PrincipalCommand::Certificate(args) => {
            let request = CertificateRequest { csr: file(&args.csr)?, hours: args.hours };
            output.answer(&client.principal_certificate(args.id, &request)?, |made| made.chain.clone())
        }
        PrincipalCommand::Suspend { id } => patch(id, status(PrincipalStatus::Suspended)),
        PrincipalCommand::Activate { id } => patch(id, status(PrincipalStatus::Active)),
    }
}

/// Reads a set of keys. What is in it is judged by the server, which is not to see a private one.
fn read_keys(path: &Path) -> Result<Jwks, CliError> {
    let set: Jwks = serde_json::from_str(&file(path)?).map_err(|_| {
        CliError::Input(format!("`{}` is no JSON Web Key Set: expected {{\"keys\": […]}}", path.display()))
    })?;
    if set.keys.iter().any(|key| PRIVATE.iter().any(|member| key.get(member).is_some())) {
        let text =
            format!("`{}` has a private key in it: nothing was sent; give the public ones", path.display());
        return Err(CliError::Input(text));
    }
    Ok(set)
}

/// Members of private and of shared keys (RFC 7518).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn public_keys(set: &Jwks) -> String {
    let mut table = Table::new(["kid", "kty", "crv", "alg"]);
    for key in &set.keys {
        let text = |name: &str| key.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        table.row(["kid", "kty", "crv", "alg"].map(text));
    }
    listing(&table, None)
}

fn identities(all: &[Identity]) -> Table {
    let mut table = Table::new(["id", "issuer", "subject", "since", "last used"]);
    for one in all {
        let used = one.used.map(|used| used.to_string()).unwrap_or_default();
        table.row([
            one.id.to_string(),
            one.issuer.clone(),
            one.subject.clone(),
            one.created.to_string(),
            used,
        ]);
    }
    table
}

fn link(made: &LinkCreated) -> String {
    let secret = made.url.as_ref().unwrap_or(&made.secret);
    format!(
        "{}\n\nGood once, until {}. Whoever opens it is taken for its owner: hand it over where only they get it.\n",
        secret.0, made.until
    )
}

pub(super) fn apikey(command: ApikeyCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let Remote { client, output } = remote;
    match command {
        ApikeyCommand::Create(args) => {
            let request = KeyCreate {
                label: args.label,
                expires_in_days: args.days,
                networks: args.networks,
                honey: args.honey,
            };
            output.answer(&client.key_create(args.principal, &request)?, |key| {
                let mut text = facts([
                    ("id", key.id.to_string()),
                    ("key", key.key.0.clone()),
                    ("expires", key.expires.to_string()),
                ]);
                text.push_str("keep the key now; it is not shown again\n");
                text
            })
        }
        ApikeyCommand::List { principal } => {
            let page = client.keys(principal)?;
            output.answer(&page, |page| listing(&keys(&page.items), page.next_cursor.as_ref()))
        }
        ApikeyCommand::Revoke { principal, key_id } => output
            .answer(&client.key_revoke(principal, key_id)?, |key| {
                listing(&keys(std::slice::from_ref(key)), None)
            }),
    }
}

fn shown(principal: &Principal) -> String {
    facts([
        ("id", principal.id.to_string()),
        ("kind", principal.kind.name().to_owned()),
        ("name", principal.name.clone()),
        ("logs in as", principal.login.clone().unwrap_or_default()),
        ("reports to", principal.manager.map(|manager| manager.to_string()).unwrap_or_default()),
        ("person", principal.person.clone().unwrap_or_default()),
        ("contact", principal.contact.clone().unwrap_or_default()),
        ("roles", principal.roles.join(", ")),
        ("groups", principal.groups.join(", ")),
        ("recipient", principal.recipient.clone().unwrap_or_default()),
        ("networks", networks(&principal.networks)),
        ("status", principal.status.name().to_owned()),
        ("created", principal.created.to_string()),
        ("until", principal.until.map(|until| until.to_string()).unwrap_or_default()),
        ("proves by", principal.proves_by.map(proves_by).unwrap_or_default()),
    ])
}

fn proves_by(by: ProvesBy) -> String {
    let ProvesBy { api_keys, public_keys, access_tokens } = by;
    format!("API keys: {api_keys}, public keys: {public_keys}, access tokens: {access_tokens}")
}

fn principals(principals: &[Principal]) -> Table {
    let mut table = Table::new(["id", "kind", "name", "roles", "recipient", "networks", "status"]);
    for principal in principals {
        table.row([
            &principal.id.to_string(),
            principal.kind.name(),
            &principal.name,
            &principal.roles.join(", "),
            principal.recipient.as_deref().unwrap_or_default(),
            &networks(&principal.networks),
            principal.status.name(),
        ]);
    }
    table
}

fn keys(keys: &[Key]) -> Table {
    let mut table = Table::new(["id", "label", "created", "expires", "networks", "revoked"]);
    for key in keys {
        table.row([
            key.id.to_string(),
            key.label.clone(),
            key.created.to_string(),
            key.expires.to_string(),
            networks(&key.networks),
            key.revoked.map(|at| at.to_string()).unwrap_or_default(),
        ]);
    }
    table
}

fn networks(networks: &[String]) -> String {
    if networks.is_empty() { "any".to_owned() } else { networks.join(", ") }
}
