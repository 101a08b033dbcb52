//! Mistakes a person makes, and exactly what they are told.

use avouch_charter::{Charter, SourceFile};
use insta::assert_snapshot;

use crate::{lines, small, told, told_all, warned};

#[test]
fn the_small_charter_is_right() {
    assert_eq!(warned(&[]), "");
}

#[test]
fn yaml_that_cannot_be_read() {
    assert_snapshot!(told("data.yaml", "    title: Name\n", "\ttitle: Name\n"), @r"
    data.yaml:6:2: cannot be read as YAML: tabs disallowed within this context (block indentation)
      help: indent with spaces, not with tabs
    ");
    assert_snapshot!(told("purposes.yaml", "Helping customers", "Helping: the customers"), @r"
    purposes.yaml:2:17: cannot be read as YAML: mapping values are not allowed in this context
      help: text with `: ` in it must be in quotes
    ");
    assert_snapshot!(told("roles.yaml", "[subject.read, subject.reveal]", "[subject.read, subject.reveal"), @r"
    roles.yaml:9:3: cannot be read as YAML: invalid indentation
      help: look at the indentation of this line and the one before, and for a missing quote or bracket
    ");
    assert_snapshot!(told("retention.yaml", "  title: Customer file", "   title: Customer file"), @r"
    retention.yaml:3:3: cannot be read as YAML: while parsing a block mapping, did not find expected key
      help: look at the indentation of this line and the one before, and for a missing quote or bracket
    ");
    assert_snapshot!(told("recipients.yaml", "[email]", "*fields"), @r"
    recipients.yaml:6:11: anchors and aliases (`&`, `*`) are not used in a charter
      help: write the value out where it is needed; put text that starts with `&` or `*` in quotes
    ");
    assert_snapshot!(told("recipients.yaml", "IE", "!!str IE"), @r"
    recipients.yaml:4:18: tags (`!`) are not used in a charter
      help: remove the tag; put text that starts with `!` in quotes
    ");
}

#[test]
fn doubled_and_unknown_keys() {
    assert_snapshot!(told("data.yaml", "    index: unique\n", "    index: unique\n    type: text\n"), @r"
    data.yaml:18:5: the key `type` is there twice
      help: the first is on line 13; keep one of them
    ");
    assert_snapshot!(told("purposes.yaml", "payment:", "support:"), @r"
    purposes.yaml:5:1: the key `support` is there twice
      help: the first is on line 1; keep one of them
    roles.yaml:18:23: unknown purpose `payment`
      help: there is only `support`
    ");
    assert_snapshot!(told("purposes.yaml", "legal_basis", "legal_bassis"), @r"
    purposes.yaml:3:3: purpose `support` has no key `legal_bassis`
      help: did you mean `legal_basis`?
    ");
    assert_snapshot!(told("data.yaml", "    index: unique", "    unique: true"), @r"
    data.yaml:17:5: field `email` has no key `unique`
      help: uniqueness is checked through the index: write `index: unique`
    ");
    assert_snapshot!(told("charter.yaml", "languages", "langs"), @r"
    charter.yaml:1:1: `charter.yaml` has no `languages`
      help: add `languages: [en]`
    charter.yaml:5:1: `charter.yaml` has no key `langs`
      help: write one of `company`, `languages`, `planned_subjects`, `sent_codes`
    ");
}

#[test]
fn words_outside_their_vocabulary() {
    assert_snapshot!(told("data.yaml", "type: email", "type: mail"), @r"
    data.yaml:13:11: unknown type `mail`
      help: did you mean `email`?
    ");
    assert_snapshot!(told("data.yaml", "sensitivity: delicate", "sensitivity: secret"), @r"
    data.yaml:22:18: unknown sensitivity `secret`
      help: write one of `ordinary`, `delicate`, `special`
    ");
    assert_snapshot!(told("purposes.yaml", "contract", "contracts"), @r"
    purposes.yaml:3:16: unknown legal basis `contracts`
      help: did you mean `contract`?
    ");
    assert_snapshot!(told("recipients.yaml", "processor", "partner"), @r"
    recipients.yaml:3:9: unknown kind of recipient `partner`
      help: write one of `processor`, `controller`
    ");
    assert_snapshot!(told("roles.yaml", "reads: masked", "reads: mask"), @r"
    roles.yaml:12:14: unknown view `mask`
      help: did you mean `masked`?
    ");
    assert_snapshot!(told("roles.yaml", "subject.reveal", "subject.show"), @"
    roles.yaml:8:27: unknown action `subject.show`
      help: did you mean `subject.hold`?
    ");
    assert_snapshot!(told("retention.yaml", "last_activity", "last activity"), @r"
    retention.yaml:4:10: unknown event `last activity`
      help: did you mean `last_activity`?
    ");
}

#[test]
fn values_of_the_wrong_shape() {
    assert_snapshot!(told("charter.yaml", "10_000", "many"), @"
    charter.yaml:6:19: `planned_subjects` cannot be `many`
      help: write a whole number from 1 to 10000000000
    ");
    assert_snapshot!(told("charter.yaml", "country: DE", "country: de"), @r"
    charter.yaml:3:12: `country` `de` is not a country code
      help: write it in capitals: `DE`
    ");
    assert_snapshot!(told("recipients.yaml", "country: IE", "country: UK"), @r"
    recipients.yaml:4:12: `country` `UK` is not a country code
      help: the code of the United Kingdom is `GB`
    ");
    assert_snapshot!(told("charter.yaml", "privacy@example.org", "our privacy team"), @r"
    charter.yaml:4:12: `contact` is not a mail address
      help: write one such as `privacy@example.org`
    ");
    assert_snapshot!(told("charter.yaml", "[de, en]", "[german]"), @r"
    charter.yaml:5:13: `german` is not a language tag
      help: write one such as `de`, `en` or `pt-BR`
    ");
    assert_snapshot!(told("retention.yaml", "3 years", "forever"), @r"
    retention.yaml:3:9: `keep` cannot be `forever`
      help: personal data always has an end; write a period such as `3 years`
    ");
    assert_snapshot!(told("retention.yaml", "3 years", "36 weeks"), @r"
    retention.yaml:3:9: `keep` cannot be `36 weeks`
      help: write a number and `years`, `months` or `days`, such as `3 years` or `1 year 6 months`
    ");
    assert_snapshot!(told("purposes.yaml", "[card]", "card"), @r"
    purposes.yaml:8:11: `fields` must be a list
      help: write `fields: [card]`
    ");
    assert_snapshot!(told("data.yaml", "    index: unique", "    list: yes"), @r"
    data.yaml:17:11: `list` cannot be `yes`
      help: write `true` or `false`
    ");
    assert_snapshot!(told("data.yaml", "    title: E-mail\n", "    title:\n"), @"data.yaml:12:10: `title` is empty");
    assert_snapshot!(told("roles.yaml", "[support]\n", "{support: true}\n"), @r"
    roles.yaml:9:13: `purposes` must be a list, found keys
      help: start each item with `- `
    ");
    assert_snapshot!(told("roles.yaml", "agent:\n", "Agent:\n"), @r"
    roles.yaml:5:1: `Agent` cannot be a name
      help: start with a small letter, then small letters, digits and `_`, 40 at most
    ");
    assert_snapshot!(told("recipients.yaml", "mailer:\n", "mail_er:\n"), @r"
    recipients.yaml:1:1: `mail_er` cannot be a name
      help: the name becomes part of the recipient's tokens: a small letter, then small letters and digits, 2 to 24 in all
    ");
}

#[test]
fn parts_that_are_missing() {
    assert_snapshot!(told("data.yaml", "    class: customer\n    index: unique\n", "    index: unique\n"), @r"
    data.yaml:11:3: field `email` has no `class`
      help: add `class: customer`
    ");
    assert_snapshot!(told("roles.yaml", "  holder: service\n", ""), @r"
    roles.yaml:14:1: role `shop` has no `holder`
      help: add `holder: staff`
    ");
    assert_snapshot!(told("data.yaml", "type: name", "type: choice"), @r"
    data.yaml:5:3: field `name` has no `options`
      help: add `options: [small, large]`
    ");
    let without: Vec<SourceFile> =
        small(&[]).into_iter().filter(|file| file.path != "retention.yaml").collect();
    assert_snapshot!(lines(&Charter::parse(&without).unwrap_err()), @r"
    retention.yaml:1:1: the file is missing
      help: add `retention.yaml`; it may be as short as `{}` if there is nothing to say
    ");
}

#[test]
fn files_nobody_would_read() {
    let mut files = small(&[]);
    files.push(SourceFile { path: "purpose.yaml".into(), text: String::new() });
    files.push(SourceFile { path: "policies/night shift.cedar".into(), text: String::new() });
    assert_snapshot!(lines(&Charter::parse(&files).unwrap_err()), @r"
    policies/night shift.cedar:1:1: a charter has no such file, nobody would read it
      help: additional policies are `policies/<name>.cedar`, named with letters, digits, `_` and `-`
    purpose.yaml:1:1: a charter has no such file, nobody would read it
      help: did you mean `purposes.yaml`?
    ");
    let large = format!("# {}\n", "x".repeat(Charter::MAX_FILE));
    assert_snapshot!(told("data.yaml", "categories:", &format!("{large}categories:")), @r"
    data.yaml:1:1: the file is larger than 1 MiB
      help: a charter is written by people; is this the right file?
    ");
}

#[test]
fn names_that_are_not_declared() {
    assert_snapshot!(told("roles.yaml", "purposes: [support]", "purposes: [suport]"), @r"
    roles.yaml:9:14: unknown purpose `suport`
      help: did you mean `support`?
    ");
    assert_snapshot!(told("purposes.yaml", "[name, contact]", "[name, contacts, contact]"), @r"
    purposes.yaml:4:18: unknown field or category `contacts`
      help: did you mean `contact`?
    ");
    assert_snapshot!(told("data.yaml", "class: customer", "class: client"), @r"
    data.yaml:10:12: unknown retention class `client`
      help: there is only `customer`
    ");
    assert_snapshot!(told("data.yaml", "category: contact", "category: contakt"), @r"
    data.yaml:14:15: unknown category `contakt`
      help: did you mean `contact`?
    ");
    assert_snapshot!(told("data.yaml", "  contact: How", "  name: How"), @r"
    data.yaml:5:3: `name` is already the name of a category, on line 3
      help: give one of them another name: purposes and roles name both in one list
    data.yaml:14:15: unknown category `contact`
      help: write one of `identity`, `name`
    purposes.yaml:4:18: unknown field or category `contact`
      help: write one of `name`, `email`, `card`, `identity`, `name`
    roles.yaml:11:22: unknown field or category `contact`
      help: write one of `name`, `email`, `card`, `identity`, `name`
    ");
    assert_snapshot!(told("roles.yaml", "[charter.apply, ", "[charter.apply, charter.apply, "), @r"
    roles.yaml:4:28: `charter.apply` is in the list twice
      help: keep one of them
    ");
}

#[test]
fn settings_a_type_does_not_have() {
    assert_snapshot!(told("data.yaml", "type: name\n", "type: name\n    max: 3\n"), @r"
    data.yaml:8:5: a field of type `name` has no `max`
      help: remove it; it is for fields of type `text`, `number`
    ");
    assert_snapshot!(told("data.yaml", "index: unique", "index: sorted"), @r"
    data.yaml:17:12: `index` cannot be `sorted`
      help: write `index: exact`, `index: unique`, or leave it out if nobody has to search it
    ");
    assert_snapshot!(told("data.yaml", "index: unique", "index: {bits: 99}"), @r"
    data.yaml:17:19: `bits` cannot be `99`
      help: write a whole number from 4 to 62
    ");
    assert_snapshot!(told("data.yaml", "index: unique", "masks: {partial: initials}"), @r"
    data.yaml:17:22: a field of type `email` has no mask `initials`
      help: use one of `hide`, `domain`, `email_partial`, `full`
    ");
    assert_snapshot!(told("data.yaml", "index: unique", "masks: {partial: hide, masked: domain}"), @r"
    data.yaml:17:36: masked shows more than partial: `domain` against `hide`
      help: masked is the narrower of the two views; swap them
    ");
    assert_snapshot!(told("data.yaml", "type: name\n", "type: choice\n    options: [a, a]\n"), @r"
    data.yaml:8:18: `a` is in the list twice
      help: keep one of them
    ");
}

#[test]
fn promises_that_would_not_hold() {
    assert_snapshot!(told("data.yaml", "    type: name\n", "    type: name\n    index: exact\n"), @r"
    data.yaml:8:12: an exact index on a field of type `name` gives values away: whoever copies the database sees which customers share a name and, with public name statistics, can name up to one row in four
      help: leave the index out, or accept it with `index: {allow_frequency_leak: true}`
    ");
    assert_snapshot!(told("data.yaml", "index: unique", "index: {unique: true, allow_frequency_leak: true}"), @r"
    data.yaml:17:12: this index does not leak frequencies
      help: remove `allow_frequency_leak`
    ");
    assert_snapshot!(told("data.yaml", "delicate", "ordinary"), @r"
    data.yaml:22:18: a field of type `card` cannot be `ordinary`
      help: write `sensitivity: delicate`: with such a number others can act in the customer's name
    ");
    assert_snapshot!(told("data.yaml", "sensitivity: delicate", "sensitivity: delicate\n    masks: {partial: full}"), @"
    data.yaml:23:22: a mask of a card number cannot be `full`: people see the first six and last four digits at most (PCI DSS 3.4.1)
      help: write `first6_last4` or `last4`
    ");
    assert_snapshot!(told("roles.yaml", "[name, contact]", "[name, contact, card]"), @"
    roles.yaml:11:31: role `agent` sees `card`, which none of its purposes (`support`) touches
      help: take the field away here, or add it to a purpose in `purposes.yaml`
    roles.yaml:13:16: role `agent` shows staff `card` in clear: people see the first six and last four digits at most (PCI DSS 3.4.1)
      help: name the card in an entry of its own with `partial`, whose mask can be `first6_last4`; a program (`holder: service`) may have it in clear where the business needs it
    ");
    assert_snapshot!(told("roles.yaml", "[name, contact]", "[identity, contact]"), @"
    roles.yaml:11:16: role `agent` sees `card`, which none of its purposes (`support`) touches
      help: take the field away here, or add it to a purpose in `purposes.yaml`
    roles.yaml:13:16: role `agent` shows staff `card` in clear: people see the first six and last four digits at most (PCI DSS 3.4.1)
      help: name the card in an entry of its own with `partial`, whose mask can be `first6_last4`; a program (`holder: service`) may have it in clear where the business needs it
    ");
    assert_snapshot!(told("roles.yaml", "[card, email]\n      reads: partial\n      reveals: clear", "[card]\n      reads: clear\n      reveals: masked"), @"
    roles.yaml:22:16: `reveals: masked` shows less than `reads: clear`
      help: a reveal shows at least what a read did: write `reveals: clear` or leave it out
    ");
    assert_snapshot!(told("roles.yaml", "      reveals: clear\nshop", "      reveals: clear\n    - fields: [email]\n      reads: clear\nshop"), @r"
    roles.yaml:14:7: role `agent` is told twice what it sees of `email`
      help: the first is on line 11; name the field in one of the two
    ");
    assert_snapshot!(told("roles.yaml", "  purposes: [support]\n", ""), @r"
    roles.yaml:8:13: role `agent` may `subject.read` and has no purpose to do it for
      help: name the purposes it may claim in `purposes`
    roles.yaml:8:27: role `agent` may `subject.reveal` and has no purpose to do it for
      help: name the purposes it may claim in `purposes`
    roles.yaml:10:16: role `agent` sees `name` and has no purpose
      help: take the field away here, or add it to a purpose in `purposes.yaml`
    roles.yaml:10:22: role `agent` sees `email` and has no purpose
      help: take the field away here, or add it to a purpose in `purposes.yaml`
    ");
    assert_snapshot!(told("recipients.yaml", "[email]", "[email, card]"), @r"
    recipients.yaml:6:19: recipient `mailer` is given `card`, which none of its purposes (`support`) needs
      help: take the field away here, or add it to a purpose in `purposes.yaml`
    ");
    assert_snapshot!(told("recipients.yaml", "purposes: [support]", "purposes: []"), @r"
    recipients.yaml:1:1: recipient `mailer` serves no purpose
      help: name at least one in `purposes`
    ");
    assert_snapshot!(told_all(&[("roles.yaml", "holder: staff", "holder: auditor")]), @"
    roles.yaml:4:13: an auditor cannot have `charter.apply`: auditors change nothing and see no personal data
      help: auditors may have `subject.accesses`, `charter.read`, `access.read`, `event.read`, `event.search`, `disclosure.read`, `key.read`, `erasure.read`, `system.status`, `policy.explain`
    roles.yaml:4:28: an auditor cannot have `access.change`: auditors change nothing and see no personal data
      help: auditors may have `subject.accesses`, `charter.read`, `access.read`, `event.read`, `event.search`, `disclosure.read`, `key.read`, `erasure.read`, `system.status`, `policy.explain`
    ");
}

#[test]
fn groups_are_for_staff_and_provisioning_for_services() {
    assert_snapshot!(told("roles.yaml", "title: Shop\n", "title: Shop\n  groups: [Shops]\n"), @"
    roles.yaml:16:12: role `shop` is not for staff, and only staff are in groups
      help: remove `groups`, or write `holder: staff`
    ");
    let long = format!("title: Support\n  groups: [\" a\", \"\", a, a, {}]\n", "x".repeat(101));
    assert_snapshot!(told("roles.yaml", "title: Support\n", &long), @"
    roles.yaml:7:12: ` a` cannot name a group
      help: write it as the identity provider has it: 1 to 100 characters, without blanks around it
    roles.yaml:7:18: `` cannot name a group
      help: write it as the identity provider has it: 1 to 100 characters, without blanks around it
    roles.yaml:7:25: `a` is in the list twice
      help: keep one of them
    roles.yaml:7:28: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` cannot name a group
      help: write it as the identity provider has it: 1 to 100 characters, without blanks around it
    ");
    assert_snapshot!(told("roles.yaml", "access.change, event.read", "access.change, event.read, access.provision"), @"
    roles.yaml:4:55: only a service can have `access.provision`: an identity provider calls with its key
      help: give it to a role of its own with `holder: service`
    ");
    let administers = ("roles.yaml", "title: Administrator\n", "title: Administrator\n  groups: [Admins]\n");
    assert_snapshot!(warned(&[administers]), @"
    roles.yaml:1:1: role `admin` administers, and is held by whoever is in group `Admins`
      help: whoever runs the identity provider can make themselves one of them: give this role by hand
    ");
}

#[test]
fn what_sleeps_looks_and_is_reviewed_by_others() {
    let glass = "title: Support\n  break_glass: {minutes: 61, customers: 26, reviewers: []}\n";
    assert_snapshot!(told("roles.yaml", "title: Support\n", glass), @r"
    roles.yaml:7:16: nobody says whether it was right
      help: name a role: `reviewers: [dpo]`
    roles.yaml:7:26: `minutes` cannot be `61`
      help: write a whole number from 1 to 60
    roles.yaml:7:41: `customers` cannot be `26`
      help: write a whole number from 1 to 25
    ");
    let more = "title: Support\n  break_glass: {minutes: 60, customers: 25, reviewers: [agent, shop, amin]}\n  groups: [Agents]\n  daily: {subjects: 9}\n";
    assert_snapshot!(told("roles.yaml", "title: Support\n", more), @r"
    roles.yaml:7:16: role `agent` sleeps, and has `daily`
      help: it looks, for as many minutes and customers as `break_glass` says: remove it
    roles.yaml:7:16: role `agent` sleeps, and has `groups`
      help: it is given by hand, to people by name: remove it
    roles.yaml:7:57: role `agent` sleeps, and reviews nothing
      help: name a role without `break_glass`
    roles.yaml:7:64: `shop` is no role of people who work here
      help: name a role with `holder: staff`
    roles.yaml:7:70: unknown role `amin`
      help: did you mean `admin`?
    ");
    let acts = [
        (
            "roles.yaml",
            "title: Support\n",
            "title: Support\n  break_glass: {minutes: 60, customers: 25, reviewers: [admin]}\n",
        ),
        ("roles.yaml", "[subject.read, subject.reveal]", "[subject.read, subject.reveal, subject.export]"),
    ];
    assert_snapshot!(told_all(&acts), @r"
    roles.yaml:9:43: behind broken glass nobody can `subject.export`
      help: one looks and does nothing else: `subject.read`, `subject.search`, `subject.reveal`, `subject.history`
    ");
    assert_snapshot!(told("roles.yaml", "title: Shop\n", "title: Shop\n  break_glass: {minutes: 60, customers: 25, reviewers: [admin]}\n"), @r"
    roles.yaml:16:16: role `shop` sleeps, and is not for staff
      help: glass is broken by people who are there: write `holder: staff`
    roles.yaml:18:27: behind broken glass nobody can `token.create`
      help: one looks and does nothing else: `subject.read`, `subject.search`, `subject.reveal`, `subject.history`
    roles.yaml:18:41: behind broken glass nobody can `token.detokenize`
      help: one looks and does nothing else: `subject.read`, `subject.search`, `subject.reveal`, `subject.history`
    ");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let told = told_all(&[
        ("data.yaml", "type: email", "type: mail"),
        ("data.yaml", "class: customer", "class: custmer"),
        ("purposes.yaml", "contract", "contracts"),
        ("roles.yaml", "purposes: [support]", "purposes: [suport]"),
        ("recipients.yaml", "  kind: processor\n", ""),
    ]);
    assert_snapshot!(told, @r"
    data.yaml:10:12: unknown retention class `custmer`
      help: did you mean `customer`?
    data.yaml:13:11: unknown type `mail`
      help: did you mean `email`?
    purposes.yaml:3:16: unknown legal basis `contracts`
      help: did you mean `contract`?
    recipients.yaml:1:1: recipient `mailer` has no `kind`
      help: add `kind: processor`
    roles.yaml:9:14: unknown purpose `suport`
      help: did you mean `support`?
    ");
}

#[test]
fn what_is_only_unwise_is_a_warning() {
    let leak = ("data.yaml", "    type: name\n", "    type: name\n    index: {allow_frequency_leak: true}\n");
    assert_snapshot!(warned(&[leak]), @r"
    data.yaml:8:12: the index of `name` gives values away: whoever copies the database sees which customers share a name and, with public name statistics, can name up to one row in four
      help: this was accepted with `allow_frequency_leak: true`; leave the index out if nobody has to search it
    ");
    assert_snapshot!(warned(&[("data.yaml", "  card:\n", "  shoe_size: {title: Shoe size, type: number, category: identity, sensitivity: ordinary, class: customer}\n  card:\n")]), @r"
    data.yaml:18:3: no purpose uses `shoe_size`: it is collected for nothing
      help: name it in a purpose, or stop collecting it (Article 5(1)(b) and (c) GDPR)
    ");
    assert_snapshot!(warned(&[("purposes.yaml", "payment:\n", "science: {title: Study, legal_basis: consent, fields: [name]}\npayment:\n")]), @r"
    purposes.yaml:5:1: no role may claim purpose `science`
      help: name it under `purposes` of a role, or remove it
    ");
    assert_snapshot!(warned(&[("roles.yaml", "token.create, token.detokenize", "token.create")]), @r"
    recipients.yaml:1:1: recipient `mailer` could never turn its tokens of `email` back into values
      help: that is right if it only has to tell customers apart; else give a service role with one of its purposes `token.detokenize` and let it reveal the fields
    roles.yaml:14:1: role `shop` has `reveals` and no action that reveals
      help: add `subject.reveal`, or remove `reveals`
    ");
    assert_snapshot!(warned(&[("roles.yaml", "token.create, ", "")]), @r"
    recipients.yaml:1:1: nobody can serve recipient `mailer`: no role may make tokens for it
      help: give a role with one of its purposes the action `token.create`
    ");
    assert_snapshot!(warned(&[("roles.yaml", "charter.apply, ", "")]), @r"
    roles.yaml:1:1: no role may `charter.apply`: nobody could put another charter in force
      help: give it to a role
    ");
    assert_snapshot!(warned(&[("retention.yaml", "customer:\n", "old: {title: Old, keep: 1 year, after: closure, why: None}\ncustomer:\n")]), @r"
    retention.yaml:1:1: no field is in retention class `old`
      help: remove it
    ");
    assert_snapshot!(warned(&[("data.yaml", "sensitivity: ordinary", "sensitivity: special")]), @r"
    purposes.yaml:1:1: purpose `support` uses special categories (`name`) on the basis `contract`
      help: Article 9(2) GDPR knows no such ground: ask for consent, or leave the field out of this purpose
    ");
    assert_snapshot!(warned(&[("purposes.yaml", "  fields: [name, contact]\n", "  fields: [name, contact]\n  reason: none\n")]), @r"
    purposes.yaml:1:1: people (role `agent`) may reveal data for purpose `support` without saying why
      help: `reason: none` is meant for programs: remove it
    ");
    assert_snapshot!(warned(&[("roles.yaml", "[subject.read, subject.reveal]", "[subject.read]")]), @r"
    roles.yaml:5:1: role `agent` has `reveals` and no action that reveals
      help: add `subject.reveal`, or remove `reveals`
    ");
    assert_snapshot!(warned(&[("data.yaml", "  contact: How", "  hobby: What they like\n  contact: How")]), @r"
    data.yaml:3:3: no field is in category `hobby`
      help: remove it
    ");
}

#[test]
fn a_contract_or_networks_that_are_none() {
    let with = |line: &str| {
        told("recipients.yaml", "  fields: [email]\n", &format!("  fields: [email]\n  {line}\n"))
    };
    assert_snapshot!(with("contract: 2026-01-01"), @r"
    recipients.yaml:7:13: the contract of `mailer` must have keys, found a single value
      help: write `key: value` lines, indented
    ");
    assert_snapshot!(with("contract: {until: 2026-12-31}"), @r"
    recipients.yaml:7:13: the contract of `mailer` has no `from`
      help: add `from: 2026-01-01`
    ");
    assert_snapshot!(with("contract: {from: 2026-02-30, until: soon}"), @r"
    recipients.yaml:7:20: `from` cannot be `2026-02-30`
      help: write a day such as `2027-12-31`
    recipients.yaml:7:39: `until` cannot be `soon`
      help: write a day such as `2027-12-31`
    ");
    assert_snapshot!(with("contract: {from: 2027-01-01, until: 2026-12-31}"), @r"
    recipients.yaml:7:13: the contract of `mailer` ends before it begins
      help: swap the two days
    ");
    assert_snapshot!(with("contract: {from: 2026-01-01, ends: 2026-12-31}"), @r"
    recipients.yaml:7:32: the contract of `mailer` has no key `ends`
      help: write one of `from`, `until`
    ");
    assert_snapshot!(with("networks: 203.0.113.0/24"), @r"
    recipients.yaml:7:13: `networks` must be a list
      help: write `networks: [203.0.113.0/24]`
    ");
    assert_snapshot!(with("networks: [203.0.113.7/24, the office, 203.0.113.1, 203.0.113.1/32]"), @r"
    recipients.yaml:7:14: `networks` cannot have `203.0.113.7/24`
      help: an address in a network is no network; write `203.0.113.0/24`
    recipients.yaml:7:30: `networks` cannot have `the office`
      help: write a network such as `203.0.113.0/24`
    recipients.yaml:7:55: `203.0.113.1/32` is in the list twice
      help: keep one of them
    ");
    let wide = (
        "recipients.yaml",
        "  fields: [email]\n",
        "  fields: [email]\n  networks: [203.0.0.0/16, 2001:db8::/40]\n",
    );
    assert_snapshot!(warned(&[wide]), @r"
    recipients.yaml:1:1: the network `203.0.0.0/16` of recipient `mailer` is wider than one company's is
      help: name the networks that its services come from: a whole provider is no place
    ");
}
