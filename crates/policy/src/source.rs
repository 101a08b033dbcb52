//! Cedar texts that a charter brings along: read, validated, and refused with the place of each mistake.
//!
//! A text may permit and forbid, within the shipped schema and under the base rules. It must never name persons
//! (policy knows classes of callers), use words of advice that the server does not know, or forbid without
//! saying what the caller lacks.

use std::collections::BTreeSet;
use std::fmt;

use cedar_policy::{Effect, EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use crate::advice::Advice;
use crate::failing::could_fail;
use crate::{ApprovalRule, PrincipalKind, PurposeFields, RoleGrant, nesting};

/// A Cedar text, e.g. of `policies/night.cedar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it comes from; begins the ids of its policies.
    pub name: String,
    /// The text, at most [`Source::LIMIT`] bytes.
    pub text: String,
}

impl Source {
    /// The longest text that is read, in bytes.
    pub const LIMIT: usize = 256 * 1024;
}

/// A mistake in a policy text or in a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The source's name, or the role or purpose in words for a grant.
    pub source: String,
    /// Line from 1; 0 when the mistake has no place in a text.
    pub line: usize,
    /// Column in characters from 1; 0 when the mistake has no place in a text.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn placeless(source: String, message: String, help: Option<String>) -> Self {
        Self { source, line: 0, column: 0, message, help }
    }

    /// A mistake at a byte offset of a source.
    fn at(source: &Source, offset: Option<usize>, message: String, help: Option<String>) -> Self {
        let (line, column) = match offset.and_then(|offset| source.text.get(..offset)) {
            Some(before) => {
                let line = before.rsplit('\n').next().unwrap_or_default();
                (before.matches('\n').count() + 1, line.chars().count() + 1)
            }
            None => (0, 0),
        };
        Self { source: source.name.clone(), line, column, message, help }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// What a text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Policies,
    Promises,
}

/// A policy that passed every check.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) policy: Policy,
    pub(crate) advice: Option<Advice>,
}

/// The names that a policy may refer to.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(crate) roles: BTreeSet<&'a str>,
    pub(crate) purposes: BTreeSet<&'a str>,
    pub(crate) fields: BTreeSet<&'a str>,
    pub(crate) approvals: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    /// Of what a charter grants.
    pub(crate) fn of(
        grants: &'a [RoleGrant],
        purposes: &'a [PurposeFields],
        approvals: &'a [ApprovalRule],
    ) -> Self {
        Self {
            roles: grants.iter().map(|grant| grant.role.as_str()).collect(),
            purposes: purposes.iter().map(|purpose| purpose.name.as_str()).collect(),
            fields: (purposes.iter().flat_map(|purpose| &purpose.fields))
                .chain(grants.iter().flat_map(|grant| &grant.sees).flat_map(|sees| &sees.fields))
                .map(String::as_str)
                .collect(),
            approvals: approvals.iter().map(|approval| approval.name.as_str()).collect(),
        }
    }
}

/// Reads one text. Ids come from `@id`: as they are for our own texts, behind the source's name for others.
pub(crate) fn load(
    source: &Source,
    prefixed: bool,
    content: Content,
    schema: &Schema,
    names: &Names<'_>,
) -> Result<Vec<Loaded>, Vec<Problem>> {
    if prefixed {
        bounds(source)?;
    }
    let policies = parse(source)?;
    let mut problems = Vec::new();
    let mut set = PolicySet::new();
    let mut loaded = Vec::new();
    let mut read_up_to = 0;
    for (number, policy) in (1..).zip(policies) {
        let id = match policy.annotation("id") {
            Some(id) if !prefixed => id.to_owned(),
            Some(id) => format!("{}/{id}", source.name),
            None => format!("{}/{number}", source.name),
        };
        let policy = policy.new_id(PolicyId::new(&id));
        let text = policy.to_cedar().unwrap_or_default();
        let found = source.text.get(read_up_to..).and_then(|rest| rest.find(&text));
        let offset = found.map(|found| found + read_up_to);
        read_up_to = offset.map_or(read_up_to, |offset| offset + text.len());

        let mut reader = Reader { source, names, offset, problems: &mut problems };
        let advice = match content {
            Content::Policies => reader.annotations(&policy),
            Content::Promises => {
                reader.promise(&policy);
                None
            }
        };
        reader.entities(&policy);
        if let Some(why) = policy.to_json().ok().as_ref().and_then(could_fail) {
            let help =
                "compare the facts themselves: `context.proof_age > 15`, `context.rows == Rows::\"many\"`";
            reader.report(why.into(), Some(help.into()));
        }
        if set.add(policy.clone()).is_err() {
            let help = Some("give each policy of a file its own `@id`".into());
            reader.report(format!("two policies are called `{id}`"), help);
        }
        loaded.push(Loaded { policy, advice });
    }
    validate(source, schema, &set, &mut problems);
    if problems.is_empty() {
        Ok(loaded)
    } else {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Err(problems)
    }
}

/// What is wrong with texts by themselves, whatever they refer to.
pub(crate) fn misread(sources: &[Source]) -> Vec<Problem> {
    let read = |source: &Source| bounds(source).and_then(|()| parse(source).map(drop)).err();
    sources.iter().filter_map(read).flatten().collect()
}

/// How long and how deep a text may be, before Cedar reads it.
fn bounds(source: &Source) -> Result<(), Vec<Problem>> {
    if source.text.len() > Source::LIMIT {
        let message = format!("the text is longer than {} bytes", Source::LIMIT);
        return Err(vec![Problem::at(source, None, message, Some("split it into several files".into()))]);
    }
    if let Some(offset) = nesting::too_deep(&source.text) {
        let message = "this policy is nested too deeply".into();
        return Err(vec![Problem::at(source, Some(offset), message, Some(nesting::HELP.into()))]);
    }
    Ok(())
}

/// Policies of different sources that came to the same id.
pub(crate) fn doubles(source: &str, loaded: &[Loaded]) -> Vec<Problem> {
    let mut ids = BTreeSet::new();
    let doubles = loaded.iter().map(|loaded| loaded.policy.id()).filter(|id| !ids.insert(*id));
    let problem = |id: &PolicyId| {
        let help = Some("name each file once, and not like the shipped policies".into());
        Problem::placeless(source.into(), format!("two policies are called `{id}`"), help)
    };
    doubles.map(problem).collect()
}

/// The policies of a text, in its order.
fn parse(source: &Source) -> Result<Vec<Policy>, Vec<Problem>> {
    let set: PolicySet = source.text.parse().map_err(|errors: cedar_policy::ParseErrors| {
        errors.iter().map(|error| from_diagnostic(source, error)).collect::<Vec<_>>()
    })?;
    if let Some(template) = set.templates().next() {
        let message = format!("`{}` is a template, and grants are data here", template.id());
        let help = Some("write the role in place of `?principal` or `?resource`".into());
        return Err(vec![Problem::at(source, None, message, help)]);
    }
    let mut policies: Vec<Policy> = set.policies().cloned().collect();
    // The parser numbers them in the order of the text: policy0, policy1, ..
    policies.sort_by_key(|policy| {
        let id: &str = policy.id().as_ref();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    Ok(policies)
}

/// Strict validation. Warnings count too: they tell of policies that can never apply and of look-alike letters.
fn validate(source: &Source, schema: &Schema, set: &PolicySet, problems: &mut Vec<Problem>) {
    let result = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    let mut found: Vec<Problem> =
        result.validation_errors().map(|error| from_diagnostic(source, error)).collect();
    if found.is_empty() {
        found.extend(result.validation_warnings().map(|warning| from_diagnostic(source, warning)));
    }
    // One mistake is found once for each kind of caller and action, in no order.
    found.sort_by(|one, other| {
        (one.line, one.column, &one.help, &one.message).cmp(&(
            other.line,
            other.column,
            &other.help,
            &other.message,
        ))
    });
    found.dedup_by(|next, kept| (next.line, next.column, &next.help) == (kept.line, kept.column, &kept.help));
    problems.extend(found);
}

fn from_diagnostic(source: &Source, diagnostic: &(impl Diagnostic + ?Sized)) -> Problem {
    let offset = diagnostic.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let help = diagnostic.help().map(|help| help.to_string());
    Problem::at(source, offset, diagnostic.to_string(), help)
}

/// Checks of one policy that Cedar leaves to its user.
pub(crate) struct Reader<'a> {
    source: &'a Source,
    names: &'a Names<'a>,
    /// Where the policy begins.
    offset: Option<usize>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    pub(crate) fn report(&mut self, message: String, help: Option<String>) {
        self.problems.push(Problem::at(self.source, self.offset, message, help));
    }

    fn annotations(&mut self, policy: &Policy) -> Option<Advice> {
        for (key, _) in policy.annotations().filter(|(key, _)| !["id", "advice", "note"].contains(key)) {
            let help = Some("the annotations are `@id`, `@advice` and `@note`".into());
            self.report(format!("unknown annotation `@{key}`"), help);
        }
        match (policy.effect(), policy.annotation("advice")) {
            (Effect::Permit, None) => None,
            (Effect::Permit, Some(_)) => {
                let message = "a permit gives no advice: `@advice` says why something was forbidden".into();
                self.report(message, Some("use `@note` for remarks".into()));
                None
            }
            (Effect::Forbid, None) => {
                let help = Some(format!("add `@advice(..)` with one of {}", Advice::vocabulary()));
                self.report("a forbid has to say what the caller lacks".into(), help);
                None
            }
            (Effect::Forbid, Some(word)) => {
                let advice = Advice::parse(word);
                if advice.is_none() {
                    let help = nearest(word, Advice::words())
                        .unwrap_or_else(|| format!("use one of {}", Advice::vocabulary()));
                    self.report(format!("unknown advice `{word}`"), Some(help));
                }
                if let Some(Advice::Approval(name)) = &advice
                    && !self.names.approvals.contains(&**name)
                {
                    let help = nearest(name, self.names.approvals.iter().copied());
                    self.report(format!("unknown approval `{name}`"), help);
                }
                advice
            }
        }
    }

    fn entities(&mut self, policy: &Policy) {
        let Names { roles, purposes, fields, approvals: _ } = self.names;
        let literals: BTreeSet<EntityUid> = policy.entity_literals().into_iter().collect();
        for literal in literals {
            let (kind, id) = (literal.type_name().to_string(), literal.id().unescaped());
            let (noun, known) = match kind.as_str() {
                "Role" => ("role", roles),
                "Purpose" => ("purpose", purposes),
                "Field" => ("field", fields),
                kind if PrincipalKind::ALL.iter().any(|known| known.entity_type() == kind) => {
                    let help = Some(format!("write `principal is {kind} in Role::\"..\"`"));
                    self.report(format!("policies know roles, not single callers like `{literal}`"), help);
                    continue;
                }
                _ => continue,
            };
            if !known.contains(id) {
                self.report(format!("unknown {noun} `{id}`"), nearest(id, known.iter().copied()));
            }
        }
    }
}

/// A suggestion of the known word that is most alike, when one is alike at all.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| format!("did you mean `{known}`?"))
}
