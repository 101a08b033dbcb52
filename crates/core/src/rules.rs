//! A charter in force: the charter, compiled to what the operations need on every call. Immutable; a new version is a new
//! value, swapped in whole. Fields and classes have numbers that are given once and never again, so that a ciphertext
//! stays bound to its field when the charter around it changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use avouch_charter::{Charter, Contract, Daily, Holder, KeyKind, LegalBasis, Reason, TokenKind, TokenRule};
use avouch_policy::{
    ApprovalRule, Engine, KeyClass, PrincipalKind, PurposeFields, RoleGrant, SeesGrant, Source, View,
};
use avouch_seal::format::EmailDomain;
use avouch_seal::token::{Namespace, RecipientKeys};
use avouch_seal::vault::VaultKeys;
use avouch_store::Tx;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::indexes::{self, IndexRule, Kind, Rows, Stage};
use crate::vault::{Standing, Standings, StoredStandings};

/// Numbers given to names, for ever, whether the charter still has them or not. Sealed with every version: whoever could
/// give a number another name would have a card number shown as a nickname.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Numbers {
    /// Fields.
    pub(crate) fields: BTreeMap<String, u32>,
    /// Retention classes.
    pub(crate) classes: BTreeMap<String, u32>,
    /// Fields that are gone while subjects may still have values of them: the last version that had each.
    pub(crate) retired: BTreeMap<String, u32>,
}

/// A problem that keeps a charter from being put in force.
pub type Problems = Vec<avouch_charter::Problem>;

/// The vault's own token namespace: what the `token` view shows.
pub(crate) const OWN_NAMESPACE: &str = "vault";

/// See the module.
#[derive(Debug)]
pub struct Rules {
    /// The version, 1, 2, 3, …
    pub version: u32,
    /// One more after each change of the charter, of an index or of a recipient.
    pub(crate) generation: i64,
    /// How often other roots had been taken on when it was compiled.
    pub(crate) roots: u64,
    /// What was written.
    pub charter: Arc<Charter>,
    /// Who may do what.
    pub engine: Arc<Engine>,
    pub(crate) indexes: Vec<IndexRule>,
    /// Whether an index is still to be built, or to be taken away.
    pub(crate) indexing: bool,
    pub(crate) fields: Vec<FieldRule>,
    pub(crate) by_name: HashMap<String, usize>,
    pub(crate) by_number: HashMap<u32, usize>,
    pub(crate) class_names: HashMap<u32, String>,
    pub(crate) purposes: HashMap<String, PurposeRule>,
    pub(crate) recipients: HashMap<String, Arc<RecipientRule>>,
    /// The fields as policy knows them, in order.
    pub(crate) policy_fields: Vec<avouch_policy::Field>,
    /// Of roles that say how much may be seen in a day.
    daily: Vec<(String, Daily)>,
}

/// A field, compiled.
#[derive(Debug, Clone)]
pub(crate) struct FieldRule {
    pub(crate) number: u32,
    pub(crate) class: u32,
    /// Whether no two people may have the same value.
    pub(crate) unique: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct PurposeRule {
    pub(crate) name: Arc<str>,
    pub(crate) reason_required: bool,
    /// Whether it rests on consent, which has to be looked up per subject.
    pub(crate) by_consent: bool,
    /// The places of the fields it is for, in the charter's order.
    pub(crate) fields: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct RecipientRule {
    pub(crate) keys: Arc<RecipientKeys>,
    pub(crate) standing: Standing,
    pub(crate) fields: Vec<usize>,
    pub(crate) purposes: Vec<String>,
    /// How the tokens of a field are made, by its place.
    pub(crate) tokens: HashMap<usize, TokenRule>,
    /// Where addresses that stand for others are.
    pub(crate) domain: Option<EmailDomain>,
    /// From when to when it is a recipient.
    pub(crate) contract: Option<Contract>,
    /// Where its services come from; none: wherever their own networks say.
    pub(crate) networks: Vec<IpNet>,
}

impl RecipientRule {
    /// How the tokens of a field are made.
    pub(crate) fn token(&self, place: usize) -> TokenRule {
        self.tokens.get(&place).copied().unwrap_or(TokenRule::plain(TokenKind::Pointer))
    }

    /// Whether it is the same under these keys, as it stands now.
    fn is(&self, standing: Standing, keys: &VaultKeys) -> bool {
        standing == self.standing && self.keys.roots().iter().rev().eq(keys.token_epochs().iter())
    }

    /// The same as it stands now.
    fn standing(&self, standing: Standing, keys: &VaultKeys) -> Self {
        let keys = Arc::new(keys.recipient(self.keys.namespace(), standing.epoch));
        Self { keys, standing, ..self.clone() }
    }
}

/// What changes under a charter while it is in force, as one transaction sees it.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) rows: Rows,
    pub(crate) standings: Standings,
}

/// The same as it lies in the store.
#[derive(Debug)]
pub(crate) struct StoredLive(indexes::Stored, StoredStandings);

impl Live {
    pub(crate) fn load(tx: &mut Tx<'_>, keys: &VaultKeys) -> Result<Self, Error> {
        StoredLive::read(tx)?.open(keys)
    }
}

impl StoredLive {
    pub(crate) fn read(tx: &mut Tx<'_>) -> Result<Self, Error> {
        Ok(Self(indexes::Stored::read(tx)?, StoredStandings::read(tx)?))
    }

    pub(crate) fn open(self, keys: &VaultKeys) -> Result<Live, Error> {
        Ok(Live { rows: self.0.open(keys)?, standings: self.1.open(keys)? })
    }
}

impl Rules {
    /// Compiles a charter.
    ///
    /// # Errors
    /// Problems of its policies: Cedar text that does not parse or does not fit the schema.
    pub(crate) fn compile(
        version: u32,
        charter: Charter,
        numbers: &Numbers,
        keys: &VaultKeys,
    ) -> Result<Self, Problems> {
        let engine = Arc::new(compile_engine(&charter)?);
        let mut rules = Self {
            version,
            generation: 0,
            roots: keys.roots_taken_on(),
            engine,
            indexes: Vec::new(),
            indexing: false,
            fields: Vec::new(),
            by_name: HashMap::new(),
            by_number: HashMap::new(),
            class_names: numbers.classes.iter().map(|(name, number)| (*number, name.clone())).collect(),
            purposes: HashMap::new(),
            recipients: HashMap::new(),
            policy_fields: Vec::new(),
            daily: charter
                .roles()
                .iter()
                .filter(|role| role.daily != Daily::default())
                .map(|role| (role.name.clone(), role.daily))
                .collect(),
            charter: Arc::new(charter),
        };
        for (at, field) in rules.charter.fields().iter().enumerate() {
            // `Numbers` always covers the charter it was made for; 0 would be refused by every seal.
            let number = numbers.fields.get(&field.name).copied().unwrap_or_default();
            let class = numbers.classes.get(&field.class).copied().unwrap_or_default();
            let unique = field.index.is_some_and(|index| index.unique);
            rules.fields.push(FieldRule { number, class, unique });
            rules.by_name.insert(field.name.clone(), at);
            rules.by_number.insert(number, at);
            rules.policy_fields.push(avouch_policy::Field {
                name: field.name.as_str().into(),
                category: field.category.as_str().into(),
                sensitivity: field.sensitivity.level(),
            });
        }
        for purpose in rules.charter.purposes() {
            let rule = PurposeRule {
                name: purpose.name.as_str().into(),
                reason_required: purpose.reason == Reason::Required,
                by_consent: purpose.legal_basis == LegalBasis::Consent,
                fields: purpose.fields.iter().filter_map(|name| rules.by_name.get(name).copied()).collect(),
            };
            rules.purposes.insert(purpose.name.clone(), rule);
        }
        let domain = rules.charter.company().token_domain.as_deref();
        let domain = domain.and_then(|domain| EmailDomain::parse(domain).ok());
        for recipient in rules.charter.recipients() {
            let Ok(namespace) = Namespace::parse(&recipient.name) else { continue };
            let standing = Standing::default();
            let place = |name: &str| rules.by_name.get(name).copied();
            let rule = RecipientRule {
                keys: Arc::new(keys.recipient(&namespace, standing.epoch)),
                standing,
                fields: recipient.fields.iter().filter_map(|name| place(name)).collect(),
                purposes: recipient.purposes.clone(),
                tokens: recipient
                    .tokens
                    .iter()
                    .filter_map(|(name, rule)| Some((place(name)?, rule)))
                    .collect(),
                domain: domain.clone(),
                contract: recipient.contract,
                networks: recipient.networks.clone(),
            };
            rules.recipients.insert(recipient.name.clone(), Arc::new(rule));
        }
        if let Ok(namespace) = Namespace::parse(OWN_NAMESPACE) {
            let standing = Standing::default();
            let own = RecipientRule {
                keys: Arc::new(keys.recipient(&namespace, standing.epoch)),
                standing,
                fields: (0..rules.fields.len()).collect(),
                purposes: Vec::new(),
                tokens: HashMap::new(),
                domain: None,
                contract: None,
                networks: Vec::new(),
            };
            rules.recipients.insert(OWN_NAMESPACE.to_owned(), Arc::new(own));
        }
        Ok(rules)
    }

    /// The same charter with its indexes and recipients as they are.
    ///
    /// # Errors
    /// When the keys in memory are not those of an index.
    pub(crate) fn as_of(&self, live: &Live, keys: &VaultKeys) -> Result<Self, Error> {
        let Live { rows, standings } = live;
        // Before anything is derived: what is taken on meanwhile makes another one necessary.
        let roots = keys.roots_taken_on();
        let recipient = |(name, rule): (&String, &Arc<RecipientRule>)| {
            let standing = standings.of(name);
            let rule = if rule.is(standing, keys) {
                Arc::clone(rule)
            } else {
                Arc::new(rule.standing(standing, keys))
            };
            (name.clone(), rule)
        };
        let place = |number: u32| self.by_number.get(&number).copied();
        let indexes = rows.all.iter().filter_map(|row| IndexRule::compile(row, place, keys).transpose());
        Ok(Self {
            version: self.version,
            generation: rows.generation,
            roots,
            charter: Arc::clone(&self.charter),
            engine: Arc::clone(&self.engine),
            indexes: indexes.collect::<Result<_, _>>()?,
            indexing: rows.all.iter().any(|row| row.stage != Stage::Ready),
            fields: self.fields.clone(),
            by_name: self.by_name.clone(),
            by_number: self.by_number.clone(),
            class_names: self.class_names.clone(),
            purposes: self.purposes.clone(),
            recipients: self.recipients.iter().map(recipient).collect(),
            policy_fields: self.policy_fields.clone(),
            daily: self.daily.clone(),
        })
    }

    /// The index by the whole value of a field: the one that is whole, else the one that is being built.
    pub(crate) fn exact(&self, place: usize) -> Option<&IndexRule> {
        let of = |index: &&IndexRule| index.kind == Kind::Exact && index.is_over(place);
        let at = |stage| self.indexes.iter().filter(of).find(move |index| index.stage == stage);
        at(Stage::Ready).or_else(|| at(Stage::Building))
    }

    /// The place of a field by name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The charter's field at a place.
    pub(crate) fn field(&self, place: usize) -> Result<&avouch_charter::Field, Error> {
        self.charter.fields().get(place).ok_or(Error::Internal("a field's place is out of range"))
    }

    /// The name of the field with this number, as long as the charter has it.
    #[must_use]
    pub fn field_name(&self, number: u32) -> Option<&str> {
        let place = self.by_number.get(&number)?;
        self.charter.fields().get(*place).map(|field| field.name.as_str())
    }

    pub(crate) fn rule(&self, place: usize) -> Result<&FieldRule, Error> {
        self.fields.get(place).ok_or(Error::Internal("a field's place is out of range"))
    }

    /// The roles that whoever is in a group holds. Its name is compared letter by letter.
    pub(crate) fn roles_of_group<'r>(&'r self, name: &str) -> impl Iterator<Item = &'r str> {
        let given = move |role: &&avouch_charter::Role| {
            role.holder == Holder::Staff && role.groups.iter().any(|group| group == name)
        };
        self.charter.roles().iter().filter(given).map(|role| role.name.as_str())
    }

    /// How much whoever holds these roles may see in a day.
    pub(crate) fn daily(&self, roles: &[String]) -> Daily {
        let held = self.daily.iter().filter(|(role, _)| roles.contains(role));
        held.fold(Daily::default(), |most, (_, daily)| most.or(*daily))
    }

    /// What these roles ask of the passkeys of whoever holds them: the most that any of them does.
    pub(crate) fn keys_of(&self, roles: &[String]) -> KeyClass {
        let held = roles.iter().filter_map(|name| self.charter.role(name));
        held.map(|role| key_class(role.keys)).max().unwrap_or_default()
    }

    pub(crate) fn class_name(&self, number: u32) -> Result<&str, Error> {
        self.class_names.get(&number).map(String::as_str).ok_or(Error::Tampered)
    }
}

/// What a passkey has to be, as policy has it.
pub(crate) const fn key_class(kind: KeyKind) -> KeyClass {
    match kind {
        KeyKind::Any => KeyClass::Any,
        KeyKind::DeviceBound => KeyClass::DeviceBound,
        KeyKind::Attested => KeyClass::Attested,
    }
}

/// The charter's roles and purposes as policy grants, with its own Cedar texts added.
pub(crate) fn compile_engine(charter: &Charter) -> Result<Engine, Problems> {
    let Grounds { grants, purposes, approvals, sources } = Grounds::of(charter);
    Engine::compile_with(&grants, &purposes, &approvals, &sources)
        .map_err(|problems| problems.into_iter().map(problem).collect())
}

/// What policy is made of.
struct Grounds {
    grants: Vec<RoleGrant>,
    purposes: Vec<PurposeFields>,
    approvals: Vec<ApprovalRule>,
    sources: Vec<Source>,
}

impl Grounds {
    fn of(charter: &Charter) -> Self {
        let grants: Vec<RoleGrant> = charter
            .roles()
            .iter()
            .map(|role| RoleGrant {
                role: role.name.clone(),
                holder: match role.holder {
                    Holder::Staff => PrincipalKind::Staff,
                    Holder::Service => PrincipalKind::Service,
                    Holder::Auditor => PrincipalKind::Auditor,
                },
                actions: role.actions.clone(),
                purposes: role.purposes.clone(),
                dormant: role.break_glass.is_some(),
                keys: key_class(role.keys),
                sees: role
                    .sees
                    .iter()
                    .map(|sees| SeesGrant {
                        fields: sees.fields.clone(),
                        reads: view(sees.reads),
                        reveals: view(sees.reveals),
                    })
                    .collect(),
            })
            .collect();
        let purposes: Vec<PurposeFields> = charter
            .purposes()
            .iter()
            .map(|purpose| PurposeFields { name: purpose.name.clone(), fields: purpose.fields.clone() })
            .collect();
        let sources: Vec<Source> = charter
            .policies()
            .map(|file| Source { name: file.path.clone(), text: file.text.clone() })
            .collect();
        let approvals: Vec<ApprovalRule> = charter
            .approvals()
            .iter()
            .map(|approval| ApprovalRule {
                name: approval.name.clone(),
                people: approval.people(),
                needed_for: approval.needed_for.clone(),
            })
            .collect();
        Self { grants, purposes, approvals, sources }
    }
}

fn view(view: avouch_charter::View) -> View {
    match view {
        avouch_charter::View::Nothing => View::Nothing,
        avouch_charter::View::Token => View::Token,
        avouch_charter::View::Masked => View::Masked,
        avouch_charter::View::Partial => View::Partial,
        avouch_charter::View::Clear => View::Clear,
    }
}

pub(crate) fn problem(problem: avouch_policy::Problem) -> avouch_charter::Problem {
    avouch_charter::Problem {
        file: problem.source,
        line: problem.line,
        column: problem.column,
        message: problem.message,
        help: problem.help,
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use avouch_charter::SourceFile;
    use serde_json::json;

    use super::*;

    fn from_root(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
    }

    fn shipped_charter() -> Charter {
        let folder = from_root("charter");
        let mut paths: Vec<String> =
            Charter::FILES.iter().chain(Charter::OPTIONAL).map(|name| (*name).to_owned()).collect();
        let policies = std::fs::read_dir(folder.join("policies")).expect("readable");
        let mut names: Vec<_> = policies.map(|entry| entry.expect("readable").file_name()).collect();
        names.sort();
        paths.extend(names.iter().map(|name| format!("policies/{}", name.to_string_lossy())));
        let files: Vec<SourceFile> = paths
            .into_iter()
            .map(|path| {
                let text = std::fs::read_to_string(folder.join(&path)).expect("readable");
                SourceFile { path, text }
            })
            .collect();
        Charter::parse(&files).expect("the default charter")
    }

    /// The proofs are where the solver is, and that is no place to read a charter: so what they prove lies there, and here it is seen to
    /// be what the server makes of the charter that we ship. `AVOUCH_BLESS=1` writes it anew.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "whoever changes the charter has this write its evidence")]
    fn the_policy_that_is_proved_is_that_of_the_shipped_charter() {
        let charter = shipped_charter();
        let Grounds { purposes, approvals, .. } = Grounds::of(&charter);
        let engine = compile_engine(&charter).expect("it compiles");
        let purposes =
            purposes.iter().map(|PurposeFields { name, fields }| json!({"name": name, "fields": fields}));
        let approvals = approvals.iter().map(|ApprovalRule { name, people, needed_for }| {
            json!({"name": name, "people": people, "needed_for": needed_for})
        });
        let promised = json!({
            "purposes": purposes.collect::<Vec<_>>(),
            "approvals": approvals.collect::<Vec<_>>(),
        });
        let promised = serde_json::to_string_pretty(&promised).expect("JSON") + "\n";
        for (name, text) in [("policy.cedar", engine.text()), ("promised.json", &promised)] {
            let path = from_root("crates/policy/tests/proofs/shop").join(name);
            if std::env::var("AVOUCH_BLESS").is_ok_and(|bless| bless == "1") {
                std::fs::write(&path, text).expect("written");
            }
            let proved = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(proved == text, "`{name}` is not what the charter says: AVOUCH_BLESS=1 writes it");
        }
    }
}
