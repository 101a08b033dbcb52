//! What a person reads before they apply a change.

use avouch_charter::{ChangeKind, plan};
use insta::assert_snapshot;

use crate::charter;

/// The plan from the small charter to the same with some changes.
fn planned(changes: &[(&str, &str, &str)]) -> String {
    plan(Some(&charter(&[])), &charter(changes)).to_string()
}

#[test]
fn nothing_changes_by_comments_or_order() {
    assert_snapshot!(planned(&[("data.yaml", "fields:", "# the fields\nfields:")]), @"nothing changes");
}

#[test]
fn the_first_charter_is_all_new_and_no_danger() {
    let first = plan(None, &charter(&[]));
    assert!(first.changes.iter().all(|change| change.kind == ChangeKind::Added && !change.danger));
    assert_snapshot!(first.to_string(), @r"
      + company: Example Ltd, DE
      + category `identity`: Who they are
      + category `contact`: How we reach them
      + field `name`: a value of type `name`, ordinary, kept by class `customer`
      + field `email`: a value of type `email`, ordinary, kept by class `customer`, searchable, unique
      + field `card`: a value of type `card`, delicate, kept by class `customer`
      + purpose `support`: on the basis `contract`, may touch `name`, `email`
      + purpose `payment`: on the basis `contract`, may touch `card`
      + recipient `mailer`: processor in IE, gets `email`
      + retention class `customer`: kept 3 years after last_activity
      + role `admin`: for staff: may `charter.apply`, `access.change`, `event.read`
      + role `agent`: for staff: may `subject.read`, `subject.reveal`, for `support`
      + role `agent`: sees `name`, `email` masked, in clear when revealing
      + role `shop`: for service: may `subject.read`, `token.create`, `token.detokenize`, for `support`, `payment`
      + role `shop`: sees `email`, `card` in part, in clear when revealing
    15 changes, 0 to think about twice (!)
    ");
}

#[test]
fn fields_come_and_go() {
    let added = (
        "data.yaml",
        "  card:\n",
        "  notes: {title: Notes, type: text, category: contact, sensitivity: ordinary, class: customer}\n  card:\n",
    );
    assert_snapshot!(planned(&[added]), @r"
      + field `notes`: a value of type `text`, ordinary, kept by class `customer`
    ! ~ purpose `support`: may also touch `notes`, seen for it by `agent`
    ! ~ role `agent`: now sees `notes` masked, in clear when revealing (until now not at all)
    3 changes, 2 to think about twice (!)
    ");
    assert_snapshot!(planned(&[
        ("data.yaml", "  email:", "  mail:"),
        ("recipients.yaml", "email", "mail"),
        ("roles.yaml", "[card, email]", "[card, mail]"),
    ]), @r"
    ! - field `email`: nobody can read, change or search its stored values any more; they stay sealed until their subject is erased
      + field `mail`: a value of type `email`, ordinary, kept by class `customer`, searchable, unique
    ! ~ purpose `support`: may also touch `mail`, seen for it by `agent`, `shop`
      ~ purpose `support`: may no longer touch `email`
    ! ~ recipient `mailer`: also gets `mail`
      ~ recipient `mailer`: no longer gets `email`, and its tokens of them cannot be turned back
    ! ~ role `agent`: now sees `mail` masked, in clear when revealing (until now not at all)
    ! ~ role `shop`: now sees `mail` in part, in clear when revealing (until now not at all)
    8 changes, 5 to think about twice (!)
    ");
}

#[test]
fn fields_change() {
    assert_snapshot!(planned(&[
        ("data.yaml", "title: E-mail\n    type: email", "title: Post\n    type: text\n    required: true\n    list: true"),
        ("data.yaml", "    index: unique\n", ""),
        ("data.yaml", "type: name", "type: name\n    index: {allow_frequency_leak: true}"),
    ]), @r"
      ~ field `name`: becomes searchable: stored values have to be indexed first
    ! ~ field `name`: whoever copies the database sees which customers share a name and, with public name statistics, can name up to one row in four
      ~ field `email`: now called “Post”
    ! ~ field `email`: type `text` instead of `email`: stored values that do not fit the new type cannot be searched and show only as hidden until changed
      ~ field `email`: may now have several values
    ! ~ field `email`: is now required: subjects without it must be mended
    ! ~ field `email`: can no longer be searched, and two subjects may share a value
      ~ field `email`: the partial view shows less: `hide` instead of `email_partial`, seen so by `shop`
    8 changes, 4 to think about twice (!)
    ");
    assert_snapshot!(planned(&[
        ("data.yaml", "index: unique", "index: {bits: 20}\n    masks: {partial: full, masked: domain}"),
        ("data.yaml", "class: customer\n    index", "class: marketing\n    index"),
        ("retention.yaml", "customer:", "marketing: {title: Marketing, keep: 1 year, after: closure, why: Consent}\ncustomer:"),
    ]), @r"
    ! ~ field `email`: two subjects may now share a value
      ~ field `email`: index terms of 20 bits: the index has to be built again
    ! ~ field `email`: moves from class `customer` to `marketing`, kept 1 year after closure
    ! ~ field `email`: the partial view shows more: `full` instead of `email_partial`, seen so by `shop`
    ! ~ field `email`: the masked view shows more: `domain` instead of `hide`, seen so by `agent`
      + retention class `marketing`: kept 1 year after closure
    6 changes, 4 to think about twice (!)
    ");
    assert_snapshot!(planned(&[
        ("data.yaml", "sensitivity: ordinary\n    class: customer\n    index: unique", "sensitivity: delicate\n    class: customer\n    index: unique\n    masks: {partial: domain}"),
        ("data.yaml", "category: identity", "category: contact"),
    ]), @r"
      ~ field `name`: moves from category `identity` to `contact`
      ~ field `email`: delicate instead of ordinary
      ~ field `email`: the partial view shows less: `domain` instead of `email_partial`, seen so by `shop`
    3 changes, 0 to think about twice (!)
    ");
}

#[test]
fn purposes_and_recipients_change() {
    assert_snapshot!(planned(&[
        ("purposes.yaml", "legal_basis: contract", "legal_basis: legitimate_interests"),
        ("purposes.yaml", "[name, contact]", "[name, contact, card]"),
        ("purposes.yaml", "  reason: none\n", ""),
        ("recipients.yaml", "[email]", "[name, email]"),
        ("recipients.yaml", "country: IE", "country: US"),
        ("recipients.yaml", "processor", "controller"),
    ]), @r"
    ! ~ purpose `support`: on the basis `legitimate_interests` instead of `contract`: customers were told the old one
    ! ~ purpose `support`: may also touch `card`, seen for it by `shop`
      ~ purpose `payment`: a reveal has to say why
    ! ~ recipient `mailer`: controller instead of processor
    ! ~ recipient `mailer`: processes in US instead of IE
    ! ~ recipient `mailer`: also gets `name`
    6 changes, 5 to think about twice (!)
    ");
    assert_snapshot!(planned(&[("recipients.yaml", "mailer:", "post:")]), @r"
    ! - recipient `mailer`: gets nothing any more, and its tokens cannot be turned back
    ! + recipient `post`: processor in IE, gets `email`
    2 changes, 2 to think about twice (!)
    ");
}

#[test]
fn retention_changes() {
    assert_snapshot!(planned(&[("retention.yaml", "3 years", "40 months")]), @r"
    ! ~ retention class `customer`: kept longer: 40 months instead of 3 years
    1 change, 1 to think about twice (!)
    ");
    assert_snapshot!(planned(&[("retention.yaml", "3 years", "1 year"), ("retention.yaml", "last_activity", "closure")]), @r"
    ! ~ retention class `customer`: kept shorter: 1 year instead of 3 years: what is older falls due at once
    ! ~ retention class `customer`: now kept 1 year after closure
    2 changes, 2 to think about twice (!)
    ");
    assert_snapshot!(planned(&[("retention.yaml", "3 years", "36 months")]), @"nothing changes");
}

#[test]
fn people_gain_and_lose() {
    assert_snapshot!(planned(&[
        ("roles.yaml", "[subject.read, subject.reveal]", "[subject.read, subject.history]"),
        ("roles.yaml", "token.detokenize]", "token.detokenize, subject.export]"),
    ]), @r"
    ! ~ role `agent`: gains `subject.history`
      ~ role `agent`: loses `subject.reveal`
      ~ role `agent`: now sees `name`, `email` masked (until now masked, in clear when revealing)
    ! ~ role `shop`: gains `subject.export`
    4 changes, 2 to think about twice (!)
    ");
    assert_snapshot!(planned(&[("roles.yaml", "[card, email]\n      reads: partial", "[card, contact]\n      reads: masked")]), @r"
      ~ role `shop`: now sees `email`, `card` masked, in clear when revealing (until now in part, in clear when revealing)
    1 change, 0 to think about twice (!)
    ");
    assert_snapshot!(planned(&[("roles.yaml", "agent:", "helper:")]), @r"
      - role `agent`: whoever holds it may do and see nothing by it any more
    ! + role `helper`: for staff: may `subject.read`, `subject.reveal`, for `support`
    ! + role `helper`: sees `name`, `email` masked, in clear when revealing
    3 changes, 2 to think about twice (!)
    ");
}

#[test]
fn a_category_that_grows_shows_as_the_roles_that_see_more() {
    let notes = (
        "data.yaml",
        "  card:\n",
        "  fax: {title: Fax, type: phone, category: contact, sensitivity: ordinary, class: customer}\n  card:\n",
    );
    let plan = planned(&[notes]);
    assert!(plan.contains("purpose `support`: may also touch `fax`, seen for it by `agent`"), "{plan}");
    assert!(
        plan.contains("role `agent`: now sees `fax` masked, in clear when revealing (until now not at all)"),
        "{plan}"
    );
}

#[test]
fn groups_that_give_a_role_are_worth_a_second_thought() {
    let one = ("roles.yaml", "title: Support\n", "title: Support\n  groups: [Customer Support]\n");
    assert_snapshot!(planned(&[one]), @"
    ! ~ role `agent`: now held by whoever is in group `Customer Support`
    1 change, 1 to think about twice (!)
    ");
    let other = ("roles.yaml", "title: Support\n", "title: Support\n  groups: [\"Support (Nights)\"]\n");
    assert_snapshot!(plan(Some(&charter(&[one])), &charter(&[other])).to_string(), @"
    ! ~ role `agent`: now held by whoever is in group `Support (Nights)`
      ~ role `agent`: no longer held for being in group `Customer Support`
    2 changes, 1 to think about twice (!)
    ");
}

#[test]
fn contracts_and_networks_of_recipients() {
    let with = |lines: &'static str| charter(&[("recipients.yaml", "  fields: [email]\n", lines)]);
    let bare = with("  fields: [email]\n");
    let bound = with(
        "  fields: [email]\n  contract: {from: 2026-01-01, until: 2027-12-31}\n  networks: [203.0.113.0/28, 2001:db8:1::1]\n",
    );
    let longer = with("  fields: [email]\n  contract: {from: 2026-01-01}\n  networks: [203.0.113.0/28]\n");
    assert_snapshot!(plan(Some(&bare), &bound).to_string(), @r"
    ! ~ recipient `mailer`: now under contract from 2026-01-01 until 2027-12-31
    ! ~ recipient `mailer`: comes from `203.0.113.0/28`, `2001:db8:1::1/128`
    2 changes, 2 to think about twice (!)
    ");
    assert_snapshot!(plan(Some(&bound), &longer).to_string(), @r"
    ! ~ recipient `mailer`: now under contract from 2026-01-01
    ! ~ recipient `mailer`: comes from `203.0.113.0/28`
    2 changes, 2 to think about twice (!)
    ");
    assert_snapshot!(plan(Some(&longer), &bare).to_string(), @r"
    ! ~ recipient `mailer`: its contract has no days any more
    ! ~ recipient `mailer`: may come from anywhere that its services may
    2 changes, 2 to think about twice (!)
    ");
    let first = plan(None, &bound).to_string();
    let line = first.lines().find(|line| line.contains("recipient")).expect("it is new");
    assert_snapshot!(line.trim(), @"+ recipient `mailer`: processor in IE, gets `email`, under contract from 2026-01-01 until 2027-12-31, from `203.0.113.0/28`, `2001:db8:1::1/128`");
}
