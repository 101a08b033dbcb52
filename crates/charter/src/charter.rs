//! The charter: what a company has written down about the personal data it keeps.
//!
//! Whoever can change the charter's files and apply them decides who sees what; that is why every applied version
//! is kept and every change is shown by a [`plan`](crate::plan()) first. A [`Charter`] exists only if all its files
//! were read without a problem: there is no half-understood charter, and none that fails later.

use crate::check;
use crate::model::{
    Approval, Category, Company, Compound, Field, Purpose, Recipient, RetentionClass, Role, SentCodes,
};
use crate::problem::{At, Problem, nearest};
use crate::read::Draft;

/// One file of the charter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the charter's folder, with `/`: `data.yaml`, `policies/night.cedar`.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A charter that was read, checked and resolved.
#[derive(Clone, Debug)]
pub struct Charter {
    pub(crate) company: Company,
    pub(crate) languages: Vec<String>,
    pub(crate) planned_subjects: u64,
    pub(crate) sent_codes: SentCodes,
    pub(crate) categories: Vec<Category>,
    pub(crate) fields: Vec<Field>,
    pub(crate) compounds: Vec<Compound>,
    pub(crate) purposes: Vec<Purpose>,
    pub(crate) recipients: Vec<Recipient>,
    pub(crate) classes: Vec<RetentionClass>,
    pub(crate) roles: Vec<Role>,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) sources: Vec<SourceFile>,
}

impl Charter {
    /// The files every charter has.
    pub const FILES: &'static [&'static str] =
        &["charter.yaml", "data.yaml", "purposes.yaml", "recipients.yaml", "retention.yaml", "roles.yaml"];

    /// Files that a charter may have besides, and its policies.
    pub const OPTIONAL: &'static [&'static str] = &["approvals.yaml"];

    /// Greatest size of one file, in bytes.
    pub const MAX_FILE: usize = 1 << 20;

    /// Reads and checks a charter.
    ///
    /// # Errors
    /// Every problem of every file at once, in the order of files and lines. If a file cannot be read as YAML, only
    /// such problems are told: the rest would follow from them.
    pub fn parse(files: &[SourceFile]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let charter = Self::read(files, &mut problems);
        problems.sort();
        problems.dedup();
        match charter {
            Some(charter) if problems.is_empty() => Ok(charter),
            _ => Err(problems),
        }
    }

    /// Whether a file is one of the charter's own policies, by its path.
    pub fn is_policy(path: &str) -> bool {
        is_policy(path)
    }

    fn read(files: &[SourceFile], problems: &mut Vec<Problem>) -> Option<Self> {
        check_files(files, problems);
        let draft = Draft::read(files, problems)?;
        let mut charter = check::resolve(draft, problems)?;
        charter.sources = files.to_vec();
        charter.sources.sort_by(|a, b| a.path.cmp(&b.path));
        Some(charter)
    }

    /// What is allowed and yet worth knowing: an index that leaks, data collected for nothing, a purpose nobody uses.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The files it was read from, in the order of their paths.
    pub fn sources(&self) -> &[SourceFile] {
        &self.sources
    }

    /// The additional Cedar policies, verbatim, in the order of their paths. Not checked here.
    pub fn policies(&self) -> impl Iterator<Item = &SourceFile> {
        self.sources.iter().filter(|file| file.path.ends_with(".cedar"))
    }

    /// The controller.
    pub fn company(&self) -> &Company {
        &self.company
    }

    /// Languages the company speaks with its customers, the main one first; BCP 47 such as `de` or `pt-BR`.
    pub fn languages(&self) -> &[String] {
        &self.languages
    }

    /// How many subjects the company expects to hold; sets the length of index terms.
    pub fn planned_subjects(&self) -> u64 {
        self.planned_subjects
    }

    /// Whether a code that is sent to a telephone or a mailbox counts as a second factor beside a password.
    pub fn sent_codes(&self) -> bool {
        self.sent_codes == SentCodes::SecondFactor
    }

    /// All categories, in the charter's order.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// All fields, in the charter's order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// All compound indexes, in the charter's order.
    pub fn compounds(&self) -> &[Compound] {
        &self.compounds
    }

    /// All purposes, in the charter's order.
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }

    /// All recipients, in the charter's order.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// All retention classes, in the charter's order.
    pub fn classes(&self) -> &[RetentionClass] {
        &self.classes
    }

    /// All roles, in the charter's order.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// What somebody may do only when others have agreed, in the charter's order.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// The approval of this name.
    pub fn approval(&self, name: &str) -> Option<&Approval> {
        self.approvals.iter().find(|approval| approval.name == name)
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The compound index of this name.
    pub fn compound(&self, name: &str) -> Option<&Compound> {
        self.compounds.iter().find(|compound| compound.name == name)
    }

    /// The purpose of this name.
    pub fn purpose(&self, name: &str) -> Option<&Purpose> {
        self.purposes.iter().find(|purpose| purpose.name == name)
    }

    /// The recipient of this name.
    pub fn recipient(&self, name: &str) -> Option<&Recipient> {
        self.recipients.iter().find(|recipient| recipient.name == name)
    }

    /// The retention class of this name.
    pub fn class(&self, name: &str) -> Option<&RetentionClass> {
        self.classes.iter().find(|class| class.name == name)
    }

    /// The role of this name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }
}

/// All files are there, once each, none too large, and none that nobody would read.
fn check_files(files: &[SourceFile], problems: &mut Vec<Problem>) {
    let mut tell = |file: &str, message: String, help: String| {
        let At { line, column } = At::START;
        problems.push(Problem { file: file.to_owned(), line, column, message, help: Some(help) });
    };
    for name in Charter::FILES {
        match files.iter().filter(|file| file.path == *name).count() {
            0 => tell(
                name,
                "the file is missing".into(),
                format!("add `{name}`; it may be as short as `{{}}` if there is nothing to say"),
            ),
            1 => {}
            _ => tell(name, "the file is there twice".into(), "keep one of them".into()),
        }
    }
    for name in Charter::OPTIONAL {
        if files.iter().filter(|file| file.path == *name).count() > 1 {
            tell(name, "the file is there twice".into(), "keep one of them".into());
        }
    }
    for file in files {
        if file.text.len() > Charter::MAX_FILE {
            tell(
                &file.path,
                "the file is larger than 1 MiB".into(),
                "a charter is written by people; is this the right file?".into(),
            );
        }
        let known = |names: &[&str]| names.contains(&file.path.as_str());
        if !known(Charter::FILES) && !known(Charter::OPTIONAL) && !is_policy(&file.path) {
            let names = [Charter::FILES, Charter::OPTIONAL].concat();
            let help = match nearest(&file.path, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "additional policies are `policies/<name>.cedar`, named with letters, digits, `_` and `-`"
                        .into()
                }
            };
            tell(&file.path, "a charter has no such file, nobody would read it".into(), help);
        }
    }
}

fn is_policy(path: &str) -> bool {
    path.strip_prefix("policies/").and_then(|name| name.strip_suffix(".cedar")).is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    })
}
