//! The charter from outside: a small one that is right, everything that can be wrong with it, and what changes do.

mod cards;
mod mangled;
mod mistakes;
mod plans;
mod search;
mod shop;
mod tokens;
mod transit;

use avouch_charter::{Charter, Problem, SourceFile};

/// A small charter without problems or warnings.
const SMALL: [(&str, &str); 6] = [
    (
        "charter.yaml",
        "company:
  name: Example Ltd
  country: DE
  contact: privacy@example.org
languages: [de, en]
planned_subjects: 10_000
",
    ),
    (
        "data.yaml",
        "categories:
  identity: Who they are
  contact: How we reach them
fields:
  name:
    title: Name
    type: name
    category: identity
    sensitivity: ordinary
    class: customer
  email:
    title: E-mail
    type: email
    category: contact
    sensitivity: ordinary
    class: customer
    index: unique
  card:
    title: Card
    type: card
    category: identity
    sensitivity: delicate
    class: customer
",
    ),
    (
        "purposes.yaml",
        "support:
  title: Helping customers
  legal_basis: contract
  fields: [name, contact]
payment:
  title: Taking payment
  legal_basis: contract
  fields: [card]
  reason: none
",
    ),
    (
        "recipients.yaml",
        "mailer:
  title: Mailer Ltd
  kind: processor
  country: IE
  purposes: [support]
  fields: [email]
",
    ),
    (
        "retention.yaml",
        "customer:
  title: Customer file
  keep: 3 years
  after: last_activity
  why: Claims lapse
",
    ),
    (
        "roles.yaml",
        "admin:
  title: Administrator
  holder: staff
  actions: [charter.apply, access.change, event.read]
agent:
  title: Support
  holder: staff
  actions: [subject.read, subject.reveal]
  purposes: [support]
  sees:
    - fields: [name, contact]
      reads: masked
      reveals: clear
shop:
  title: Shop
  holder: service
  actions: [subject.read, token.create, token.detokenize]
  purposes: [support, payment]
  sees:
    - fields: [card, email]
      reads: partial
      reveals: clear
",
    ),
];

/// The small charter with the first occurrence of each text in one of its files replaced.
fn small(changes: &[(&str, &str, &str)]) -> Vec<SourceFile> {
    let mut files: Vec<SourceFile> =
        SMALL.iter().map(|(path, text)| SourceFile { path: (*path).into(), text: (*text).into() }).collect();
    for (path, old, new) in changes {
        let file = files.iter_mut().find(|file| file.path == *path).expect("a file of the charter");
        assert!(file.text.contains(old), "{path} has no {old:?}");
        file.text = file.text.replacen(old, new, 1);
    }
    files
}

/// A charter that has to be right.
fn charter(changes: &[(&str, &str, &str)]) -> Charter {
    Charter::parse(&small(changes)).map_err(|problems| lines(&problems)).expect("a charter without problems")
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The problems of the small charter with one change.
fn told(file: &str, old: &str, new: &str) -> String {
    told_all(&[(file, old, new)])
}

fn told_all(changes: &[(&str, &str, &str)]) -> String {
    lines(&Charter::parse(&small(changes)).expect_err("a mistake that is not noticed"))
}

/// The warnings of the small charter with some changes.
fn warned(changes: &[(&str, &str, &str)]) -> String {
    lines(charter(changes).warnings())
}
