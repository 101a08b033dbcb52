//! Tokens field by field: what can be written of them, what they show, and what changes.

use avouch_charter::{Period, TokenKind, TokenRule, plan};
use insta::assert_snapshot;

use crate::{charter, told_all, warned};

type Edit = (&'static str, &'static str, &'static str);

/// The mailer is given every kind of field.
const ALL: [Edit; 4] = [
    (
        "data.yaml",
        "  card:\n",
        "  born: {title: Born, type: date, category: contact, sensitivity: delicate, class: customer}
  points: {title: Points, type: number, category: contact, sensitivity: ordinary, class: customer}
  number: {title: Our number, type: text, category: contact, sensitivity: ordinary, class: customer}
  card:
",
    ),
    ("recipients.yaml", "purposes: [support]", "purposes: [support, payment]"),
    ("recipients.yaml", "[email]", "[name, email, born, points, number, card]"),
    ("roles.yaml", "[card, email]", "[card, contact, name]"),
];

const DOMAIN: Edit = ("charter.yaml", "languages", "  token_domain: Tokens.Example.org\nlanguages");

const MIXED: &str = "
    default: pointer
    email: format
    name: {kind: random, expires: 30 days, uses: 1}
    card: {kind: format, luhn: valid}
    number: one_way
";

fn with(tokens: &str, more: &[Edit]) -> Vec<(&'static str, &'static str, String)> {
    let tokens = ("recipients.yaml", "  country: IE\n", format!("  country: IE\n  tokens: {tokens}\n"));
    let all = ALL.iter().chain(more).map(|(file, old, new)| (*file, *old, (*new).to_owned()));
    all.chain([tokens]).collect()
}

fn borrowed<'a>(changes: &'a [(&'static str, &'static str, String)]) -> Vec<(&'a str, &'a str, &'a str)> {
    changes.iter().map(|(file, old, new)| (*file, *old, new.as_str())).collect()
}

/// What is said of these tokens, where there is a domain for those of e-mail addresses.
fn told(tokens: &str) -> String {
    told_all(&borrowed(&with(tokens, &[DOMAIN])))
}

fn mailer(tokens: &str) -> avouch_charter::Recipient {
    charter(&borrowed(&with(tokens, &[DOMAIN]))).recipient("mailer").expect("the mailer").clone()
}

#[test]
fn each_field_has_its_rule() {
    let mailer = mailer(MIXED);
    let days = Period::parse("30 days").unwrap();
    let plain = TokenRule::plain;
    for (field, rule) in [
        ("name", TokenRule { expires: Some(days), uses: Some(1), ..plain(TokenKind::Random) }),
        ("email", plain(TokenKind::Format)),
        ("born", plain(TokenKind::Pointer)),
        ("points", plain(TokenKind::Pointer)),
        ("number", plain(TokenKind::OneWay)),
        ("card", TokenRule { luhn_valid: true, ..plain(TokenKind::Format) }),
    ] {
        assert_eq!(mailer.tokens.rule(field), rule, "{field}");
    }
    let fields: Vec<&str> = mailer.tokens.iter().map(|(field, _)| field).collect();
    assert_eq!(fields, mailer.fields, "every field, in the order of the charter");
    assert_eq!(mailer.tokens.rule("phone"), plain(TokenKind::Pointer), "of others, what the rest has");
}

#[test]
fn one_word_is_for_all_fields_and_none_is_a_pointer() {
    assert!(mailer("random").tokens.iter().all(|(_, rule)| rule == TokenRule::plain(TokenKind::Random)));
    let small = charter(&[]);
    let rule = small.recipient("mailer").unwrap().tokens.rule("email");
    assert_eq!(rule, TokenRule::plain(TokenKind::Pointer));
}

#[test]
fn the_domain_of_tokens_is_one() {
    assert_eq!(charter(&[DOMAIN]).company().token_domain.as_deref(), Some("tokens.example.org"));
    assert_eq!(charter(&[]).company().token_domain, None);
    let long = format!("{}example.org", "a.".repeat(100));
    for wrong in [
        "example",
        "-a.example",
        "a_b.example",
        "127.0.0.1",
        "\"[127.0.0.1]\"",
        "müller.example",
        "a@example.org",
        "example.org.",
        "a..example",
        "\"a b.example\"",
        "xn--a.example",
        "example.123",
        long.as_str(),
    ] {
        let domain = format!("  token_domain: {wrong}\nlanguages");
        let told = told_all(&[("charter.yaml", "languages", &domain)]);
        assert!(told.contains("is not a domain name"), "{wrong}: {told}");
    }
    assert_snapshot!(told_all(&[("charter.yaml", "languages", "  token_domain: localhost\nlanguages")]), @"
    charter.yaml:5:17: `token_domain` `localhost` is not a domain name
      help: write one of your own such as `tokens.example.org`: letters, digits and hyphens, two labels or more, international ones as `xn--...`
    ");
}

#[test]
fn rules_that_cannot_be_kept() {
    assert_snapshot!(told("tokenised"), @"
    recipients.yaml:5:11: unknown kind of token `tokenised`
      help: write one of `pointer`, `random`, `value`, `format`, `format_value`, `one_way`
    ");
    assert_snapshot!(told("{kind: random, uses: 1}"), @"
    recipients.yaml:5:12: the tokens of `mailer` name no field before `kind`
      help: write `default: {kind: ...}` for all fields, or the name of a field
    recipients.yaml:5:26: the tokens of `mailer` name no field before `uses`
      help: write `default: {kind: ...}` for all fields, or the name of a field
    ");
    assert_snapshot!(told("{phone: random}"), @"
    recipients.yaml:5:12: recipient `mailer` is not given `phone`, so it has no tokens of it
      help: write one of `name`, `email`, `born`, `points`, `number`, `card`
    ");
    assert_snapshot!(told("{emial: random}"), @"
    recipients.yaml:5:12: recipient `mailer` is not given `emial`, so it has no tokens of it
      help: did you mean `email`?
    ");
    assert_snapshot!(told("{contact: random}"), @"
    recipients.yaml:5:12: recipient `mailer` is not given `contact`, so it has no tokens of it
      help: that is a category: name its fields one by one
    ");
    assert_snapshot!(told("{email: {kind: pointer, expires: 30 days}}"), @"
    recipients.yaml:5:44: a token of kind `pointer` has no `expires`
      help: nothing is stored of a pointer, so nothing can end it by itself: use `random`
    ");
    assert_snapshot!(told("{email: {kind: one_way, uses: 3}}"), @"
    recipients.yaml:5:41: a token of kind `one_way` has no `uses`
      help: nobody turns such a token back, so there is nothing to end: remove it, or use `random`
    ");
    assert_snapshot!(told("{default: {kind: pointer, uses: 3}}"), @"
    recipients.yaml:5:43: a token of kind `pointer` has no `uses`
      help: nothing is stored of a pointer, so nothing can end it by itself: use `random`
    ");
    assert_snapshot!(told("{email: {kind: random, expires: forever, uses: 0}}"), @"
    recipients.yaml:5:43: `expires` cannot be `forever`
      help: personal data always has an end; write a period such as `3 years`
    recipients.yaml:5:58: `uses` cannot be `0`
      help: write a whole number from 1 to 1000000
    ");
    assert_snapshot!(told("{email: {expires: 1 day, once: true}}"), @"
    recipients.yaml:5:19: the token rule of `email` has no `kind`
      help: add `kind: pointer`
    recipients.yaml:5:36: the token rule of `email` has no key `once`
      help: write one of `kind`, `expires`, `uses`, `luhn`
    ");
    assert_snapshot!(told("{card: {kind: random, luhn: valid}}"), @"
    recipients.yaml:5:39: a token of kind `random` has no `luhn`
      help: only a token that looks like a card can pass for one: remove it, or use `format`
    ");
    assert_snapshot!(told("{card: {kind: format, luhn: invalid}}"), @"
    recipients.yaml:5:39: `luhn` cannot be `invalid`
      help: write `luhn: valid`, or leave it out: then no token passes for a real card
    ");
    assert_snapshot!(told("{born: {kind: format, luhn: valid}}"), @"
    recipients.yaml:5:39: `luhn` is for cards, and `born` is no card
      help: remove it, or say it of the card field alone
    ");
    assert_snapshot!(told("format"), @"
    recipients.yaml:5:11: values of `name`, `points` have no form that a token of kind `format` could keep
      help: use `random`, or `value` where equal values need equal tokens; cards, phone numbers, dates, national ids, texts and e-mail addresses have a form
    ");
    assert_snapshot!(told("{name: format_value, points: format}"), @"
    recipients.yaml:5:18: values of `name` have no form that a token of kind `format_value` could keep
      help: use `random`, or `value` where equal values need equal tokens; cards, phone numbers, dates, national ids, texts and e-mail addresses have a form
    recipients.yaml:5:40: values of `points` have no form that a token of kind `format` could keep
      help: use `random`, or `value` where equal values need equal tokens; cards, phone numbers, dates, national ids, texts and e-mail addresses have a form
    ");
    assert_snapshot!(told("[random]"), @"recipients.yaml:5:11: `kind of token` must be a single value, found a list");
    assert_snapshot!(told_all(&borrowed(&with("{email: format}", &[]))), @"
    recipients.yaml:5:19: tokens of `email` need a domain of our own to be addresses of
      help: write `token_domain` under `company` in `charter.yaml`, or use `random`
    ");
    assert_snapshot!(told_all(&borrowed(&with("{email: format_value, born: format}", &[]))), @"
    recipients.yaml:5:19: tokens of `email` need a domain of our own to be addresses of
      help: write `token_domain` under `company` in `charter.yaml`, or use `random`
    ");
}

#[test]
fn a_field_that_is_no_field_of_the_recipient() {
    let only = [("recipients.yaml", "  fields: [email]\n", "  fields: [email]\n  tokens: {name: random}\n")];
    assert_snapshot!(told_all(&only), @"
    recipients.yaml:7:12: recipient `mailer` is not given `name`, so it has no tokens of it
      help: add the field to `fields`, or remove the rule
    ");
}

#[test]
fn conditions_are_for_every_kind_of_which_something_is_kept() {
    for kind in ["random", "value", "format", "format_value"] {
        let rule = format!("{{card: {{kind: {kind}, expires: 1 year, uses: 1_000_000}}}}");
        let rule = mailer(&rule).tokens.rule("card");
        assert_eq!((rule.kind.as_str(), rule.uses), (kind, Some(1_000_000)));
    }
}

#[test]
fn what_tokens_show_is_a_warning() {
    let warned = |tokens: &str| warned(&borrowed(&with(tokens, &[DOMAIN])));
    assert_snapshot!(warned("{default: pointer, email: format, born: random}"), @"");
    assert_snapshot!(warned("value"), @"
    recipients.yaml:5:11: tokens of kind `value` show recipient `mailer` which customers share a value of `name`, `email`, `born`, `points`, `number`, `card`
      help: use `random` or `pointer` unless it has to bring equal values together
    ");
    assert_snapshot!(warned("{card: format_value, number: value}"), @"
    recipients.yaml:5:18: after an erasure, whoever holds the vault's token keys and a token of `card` could still compute the value, until the token keys are rotated
      help: use `format`, whose tokens are drawn and die with the customer, unless equal values need equal tokens
    recipients.yaml:5:18: tokens of kind `format_value` show recipient `mailer` which customers share a value of `card`
      help: use `random` or `pointer` unless it has to bring equal values together
    recipients.yaml:5:40: tokens of kind `value` show recipient `mailer` which customers share a value of `number`
      help: use `random` or `pointer` unless it has to bring equal values together
    ");
    assert_snapshot!(warned("{email: one_way}"), @"
    recipients.yaml:5:19: tokens of kind `one_way` show recipient `mailer` which customers share a value of `email`
      help: use `random` or `pointer` unless it has to bring equal values together
    ");
}

#[test]
fn a_one_way_token_need_not_be_turned_back() {
    let silent = ("roles.yaml", "token.create, token.detokenize", "token.create, subject.reveal");
    let lost = "could never turn its tokens";
    assert!(warned(&[silent]).contains(lost));
    let one_way = ("recipients.yaml", "[email]", "[email]\n  tokens: one_way");
    assert!(!warned(&[silent, one_way]).contains(lost));
}

#[test]
fn a_plan_says_how_tokens_change() {
    let planned = |was: &str, is: &str| {
        let (was, is) = (with(was, &[DOMAIN]), with(is, &[DOMAIN]));
        plan(Some(&charter(&borrowed(&was))), &charter(&borrowed(&is))).to_string()
    };
    assert_snapshot!(planned("pointer", MIXED), @"
    ! ~ recipient `mailer`: new tokens of `name` are `random` (for 30 days, 1 use) instead of `pointer`: they differ from those it has
    ! ~ recipient `mailer`: new tokens of `email` are `format` instead of `pointer`: they differ from those it has
    ! ~ recipient `mailer`: new tokens of `number` are `one_way` instead of `pointer`: they differ from those it has
    ! ~ recipient `mailer`: new tokens of `card` are `format` (Luhn-valid) instead of `pointer`: they differ from those it has
    4 changes, 4 to think about twice (!)
    ");
    assert_snapshot!(planned("pointer", "random"), @"
    ! ~ recipient `mailer`: new tokens of `name`, `email`, `born`, `points`, `number`, `card` are `random` instead of `pointer`: they differ from those it has
    1 change, 1 to think about twice (!)
    ");
    assert_snapshot!(planned("{default: {kind: random, expires: 1 year}}", "{default: {kind: random, expires: 1 month, uses: 5}}"), @"
      ~ recipient `mailer`: new tokens of `name`, `email`, `born`, `points`, `number`, `card` are `random` (for 1 month, 5 uses) instead of `random` (for 1 year)
    1 change, 0 to think about twice (!)
    ");
    assert_snapshot!(planned("{card: {kind: format, uses: 5}}", "{card: {kind: format, luhn: valid}}"), @"
    ! ~ recipient `mailer`: new tokens of `card` are `format` (Luhn-valid) instead of `format` (5 uses)
    1 change, 1 to think about twice (!)
    ");
    let longer = planned(
        "{email: {kind: random, expires: 1 year, uses: 5}}",
        "{email: {kind: random, expires: 2 years, uses: 5}}",
    );
    let oftener = planned(
        "{email: {kind: random, expires: 1 year, uses: 5}}",
        "{email: {kind: random, expires: 1 year}}",
    );
    assert!(longer.starts_with('!') && oftener.starts_with('!'), "{longer}{oftener}");
    assert_snapshot!(planned("pointer", "{email: pointer}"), @"nothing changes");
    let small = charter(&[]);
    assert_snapshot!(plan(Some(&small), &charter(&[DOMAIN])).to_string(), @"
      ~ domain of e-mail tokens: tokens.example.org instead of none
    1 change, 0 to think about twice (!)
    ");
    assert_snapshot!(plan(Some(&charter(&[DOMAIN])), &small).to_string(), @"
    ! ~ domain of e-mail tokens: none instead of tokens.example.org
    1 change, 1 to think about twice (!)
    ");
    let second = (
        "recipients.yaml",
        "mailer:\n",
        "post: {title: Post, kind: processor, country: DE, purposes: [support], fields: [email], tokens: {email: {kind: random, uses: 1}}}\nmailer:\n",
    );
    assert_snapshot!(plan(Some(&small), &charter(&[second])).to_string(), @"
    ! + recipient `post`: processor in DE, gets `email`, tokens of `email` are `random` (1 use)
    1 change, 1 to think about twice (!)
    ");
}
