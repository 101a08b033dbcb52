//! Standalone keys: which a role may use.

use avouch_charter::plan;
use insta::assert_snapshot;

use crate::{charter, told, told_all, warned};

const ACTIONS: (&str, &str, &str) =
    ("roles.yaml", "[subject.read, token.create", "[transit.encrypt, subject.read, token.create");

fn keys(list: &str) -> String {
    format!("purposes: [support, payment]\n  transit: {list}")
}

#[test]
fn a_star_stands_for_whatever_follows() {
    let keys = keys("[orders, \"billing-*\"]");
    let charter = charter(&[ACTIONS, ("roles.yaml", "purposes: [support, payment]", &keys)]);
    let shop = charter.role("shop").unwrap();
    assert_eq!(shop.transit, ["orders", "billing-*"]);
    for (name, allowed) in [
        ("orders", true),
        ("orders2", false),
        ("order", false),
        ("billing-", true),
        ("billing-2026", true),
        ("billing", false),
        ("", false),
    ] {
        assert_eq!(shop.transit_allows(name), allowed, "{name}");
    }
    assert!(!charter.role("agent").unwrap().transit_allows("orders"));
}

#[test]
fn names_of_keys() {
    let long = format!("[{}, {}*]", "a".repeat(60), "b".repeat(60));
    for fits in ["[\"*\"]", "[a, 0, a_b-c]", &long] {
        let keys = keys(fits);
        charter(&[ACTIONS, ("roles.yaml", "purposes: [support, payment]", &keys)]);
    }
    for wrong in ["[Orders]", "[-a]", "[_a]", "[\"a*b\"]", "[\"a**\"]", "[\"-*\"]", "[a.b]", "[\"\"]", "[é]"]
    {
        let told = told_all(&[ACTIONS, ("roles.yaml", "purposes: [support, payment]", &keys(wrong))]);
        assert!(told.contains("cannot name keys"), "{wrong}: {told}");
    }
    let too_long = format!("[{}]", "a".repeat(61));
    assert!(
        told_all(&[ACTIONS, ("roles.yaml", "purposes: [support, payment]", &keys(&too_long))])
            .contains("cannot name keys")
    );
    assert_snapshot!(told_all(&[ACTIONS, ("roles.yaml", "purposes: [support, payment]", &keys("[Orders]"))]), @"
    roles.yaml:19:13: `Orders` cannot name keys
      help: write small letters, digits, `_` and `-`, 60 at most, beginning with a letter or digit; `*` at the end stands for whatever follows
    ");
}

#[test]
fn actions_on_keys_and_the_keys_go_together() {
    assert_snapshot!(told("roles.yaml", "[subject.read, token.create", "[transit.encrypt, token.create"), @r#"
    roles.yaml:17:13: role `shop` may `transit.encrypt` and names no standalone key
      help: name the keys it may use: `transit: [orders, "billing-*"]`
    "#);
    assert_snapshot!(told_all(&[ACTIONS, ("roles.yaml", "purposes: [support, payment]", &keys("[]"))]), @r#"
    roles.yaml:17:13: role `shop` may `transit.encrypt` and names no standalone key
      help: name the keys it may use: `transit: [orders, "billing-*"]`
    "#);
    assert_snapshot!(told_all(&[("roles.yaml", "event.read", "event.read, transit.manage")]), @r#"
    roles.yaml:4:55: role `admin` may `transit.manage` and names no standalone key
      help: name the keys it may use: `transit: [orders, "billing-*"]`
    "#);
    assert_snapshot!(warned(&[("roles.yaml", "purposes: [support, payment]", &keys("[orders]"))]), @"
    roles.yaml:14:1: role `shop` names standalone keys and has no action that uses them
      help: add `transit.encrypt` or `transit.decrypt`, or remove `transit`
    ");
}

#[test]
fn no_purpose_is_needed() {
    let admin = ("roles.yaml", "event.read]", "event.read, transit.manage]\n  transit: [\"*\"]");
    assert!(charter(&[admin]).role("admin").unwrap().transit_allows("orders"));
}

#[test]
fn a_plan_says_which_keys() {
    let (two, one) = (keys("[orders, \"billing-*\"]"), keys("[orders, parcels]"));
    let with = |keys: &str| charter(&[ACTIONS, ("roles.yaml", "purposes: [support, payment]", keys)]);
    assert_snapshot!(plan(Some(&with(&two)), &with(&one)).to_string(), @"
    ! ~ role `shop`: may also use keys `parcels`
      ~ role `shop`: may no longer use keys `billing-*`
    2 changes, 1 to think about twice (!)
    ");
    let role = (
        "roles.yaml",
        "agent:\n",
        "helper:\n  title: H\n  holder: service\n  actions: [transit.decrypt]\n  transit: [orders]\nagent:\n",
    );
    assert_snapshot!(plan(Some(&charter(&[])), &charter(&[role])).to_string(), @"
    ! + role `helper`: for service: may `transit.decrypt`, with keys `orders`
    1 change, 1 to think about twice (!)
    ");
}
