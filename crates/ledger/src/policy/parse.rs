//! Reading a policy, line by line, to the end: whoever writes one is told everything at once.

use core::fmt;
use std::collections::BTreeMap;

use super::{Log, Policy, Rule, Witness};
use crate::note::{KeyType, VerifierKey};
use crate::text::read_number;

/// Bytes that a policy may have: some five hundred keys of the longest kind.
pub const MAX_POLICY: usize = 1 << 20;

/// Logs, witnesses or groups that a policy may have, of each. The specification wants 32 at least.
const MOST: usize = 256;

/// The quorum of nobody.
const NONE: &str = "none";

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which line, from 1 on.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

type Step = core::result::Result<(), String>;

pub(super) fn parse(text: &str) -> core::result::Result<Policy, Vec<Problem>> {
    let problem = |line, what: &str| Problem { line, what: what.to_owned() };
    if text.len() > MAX_POLICY {
        return Err(vec![problem(1, "a policy has a mebibyte at most")]);
    }
    let mut reader = Reader::default();
    let mut problems = Vec::new();
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if let Err(what) = reader.line(line) {
            problems.push(Problem { line: at + 1, what });
        }
    }
    let lines = text.split_inclusive('\n').count();
    if reader.quorum.is_none() && problems.is_empty() {
        problems.push(problem(lines.max(1), "there is no `quorum` line: `quorum none` wants no witness"));
    }
    match reader.quorum {
        Some(quorum) if problems.is_empty() => {
            Ok(Policy { logs: reader.logs, witnesses: reader.witnesses, quorum })
        }
        _ => Err(problems),
    }
}

#[derive(Default)]
struct Reader {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    /// Everything that has a name, and whether it is a member of a group.
    named: BTreeMap<String, (Rule, bool)>,
    groups: usize,
    quorum: Option<Rule>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Step {
        let line = line.strip_suffix('\n').ok_or("the last line ends with a newline, too")?;
        if line.bytes().any(|byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            return Err("a control character that is no tab".to_owned());
        }
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, least, members @ ..] => self.group(name, least, members),
            ["quorum", name] => self.quorum(name),
            ["log", ..] => Err("it is `log <verifier key> [<url>]`".to_owned()),
            ["witness", ..] => Err("it is `witness <name> <verifier key> [<url>]`".to_owned()),
            ["group", ..] => Err("it is `group <name> all|any|<number> <name>…`".to_owned()),
            ["quorum", ..] => Err("it is `quorum <name>` or `quorum none`".to_owned()),
            [word, ..] => Err(format!("`{word}` is none of log, witness, group and quorum")),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Step {
        let key = read_key(key)?;
        if key.kind() == KeyType::Cosignature {
            return Err("this key is a witness's and not a log's".to_owned());
        }
        self.unused(&key)?;
        if self.logs.len() == MOST {
            return Err(format!("more than {MOST} logs"));
        }
        self.logs.push(Log { key, url: url.map(str::to_owned) });
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Step {
        let key = read_key(key)?;
        if key.kind() == KeyType::Ed25519 {
            return Err("this key is a log's and not a witness's: its signatures name no time".to_owned());
        }
        self.unused(&key)?;
        if self.witnesses.len() == MOST {
            return Err(format!("more than {MOST} witnesses"));
        }
        self.name(name, Rule::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness { name: name.to_owned(), key, url: url.map(str::to_owned) });
        Ok(())
    }

    /// A key is there once, whatever its name. Nor may a log vouch for itself.
    fn unused(&self, key: &VerifierKey) -> Step {
        let witnesses = self.witnesses.iter().map(|witness| &witness.key);
        let mut keys = self.logs.iter().map(|log| &log.key).chain(witnesses);
        if keys.any(|known| known.public() == key.public()) {
            return Err(format!("the key of `{}` is in the policy already", key.name()));
        }
        Ok(())
    }

    fn group(&mut self, name: &str, least: &str, members: &[&str]) -> Step {
        let least = match least {
            "all" => members.len(),
            "any" => 1,
            number => read_number(number).and_then(|number| usize::try_from(number).ok()).unwrap_or_default(),
        };
        if least == 0 || least > members.len() {
            return Err(format!("of {} members it takes `all`, `any` or 1 to {0}", members.len()));
        }
        if self.groups == MOST {
            return Err(format!("more than {MOST} groups"));
        }
        let members = members.iter().map(|member| self.member(member)).collect::<Result<_, String>>()?;
        self.groups += 1;
        self.name(name, Rule::Group(least, members))
    }

    fn quorum(&mut self, name: &str) -> Step {
        if self.quorum.is_some() {
            return Err("there is a `quorum` line already".to_owned());
        }
        self.quorum = Some(match name {
            NONE => Rule::Nobody,
            name => self.named.get(name).map(|(rule, _)| rule.clone()).ok_or_else(|| unknown(name))?,
        });
        Ok(())
    }

    fn name(&mut self, name: &str, rule: Rule) -> Step {
        if name == NONE || self.named.contains_key(name) {
            return Err(format!("the name `{name}` is taken"));
        }
        self.named.insert(name.to_owned(), (rule, false));
        Ok(())
    }

    /// What has this name, for the one group that it can be a member of.
    fn member(&mut self, name: &str) -> core::result::Result<Rule, String> {
        let (rule, used) = self.named.get_mut(name).ok_or_else(|| unknown(name))?;
        if core::mem::replace(used, true) {
            return Err(format!("`{name}` is a member of a group already"));
        }
        Ok(rule.clone())
    }
}

fn unknown(name: &str) -> String {
    format!("nothing above is called `{name}`")
}

fn read_key(text: &str) -> core::result::Result<VerifierKey, String> {
    VerifierKey::parse(text).map_err(|error| error.to_string())
}
