//! Search by something like the value: what can be written, what it gives away, and what changes.

use avouch_charter::types::Bucket;
use avouch_charter::{CompoundPart, Part, PrefixIndex, RangeIndex, plan};
use insta::assert_snapshot;

use crate::{charter, told, told_all, warned};

type Edit = (&'static str, &'static str, &'static str);

const NAME: Edit = (
    "data.yaml",
    "    type: name\n",
    "    type: name\n    search: {prefix: true, fuzzy: {bits: 20}, allow_frequency_leak: true}\n",
);

const BORN: Edit = (
    "data.yaml",
    "  card:\n",
    "  born:
    title: Date of birth
    type: date
    category: contact
    sensitivity: delicate
    class: customer
    search: {range: {by: month}, allow_frequency_leak: true}
  points:
    title: Points
    type: number
    category: contact
    sensitivity: ordinary
    class: customer
    search: {range: {step: 100, bits: 12}, allow_frequency_leak: true}
  card:
",
);

const COMPOUND: Edit = (
    "data.yaml",
    "fields:\n",
    "compounds:
  name_and_birth:
    title: Name and year of birth
    of: [name, born.year]
    bits: 18
fields:
",
);

/// `search` on the field `name`, as written.
fn on_name(search: &str) -> String {
    told("data.yaml", "    type: name\n", &format!("    type: name\n    search: {search}\n"))
}

/// `search` on a field of another type.
fn on(of: &str, search: &str) -> String {
    let field = format!(
        "  x: {{title: X, type: {of}, category: contact, sensitivity: delicate, class: customer, search: {search}}}\n  card:\n"
    );
    told("data.yaml", "  card:\n", &field)
}

/// A compound of these parts.
fn of(parts: &str) -> String {
    let place = (
        "data.yaml",
        "  card:\n",
        "  place: {title: Place, type: text, category: contact, sensitivity: ordinary, class: customer}\n  card:\n",
    );
    told_all(&[BORN, place, COMPOUND, ("data.yaml", "[name, born.year]", parts)])
}

#[test]
fn what_is_written_is_what_is_indexed() {
    let charter = charter(&[NAME, BORN, COMPOUND]);
    let search = |name| charter.field(name).unwrap().search;
    assert_eq!(search("name").prefix, Some(PrefixIndex { from: 3, to: 8, bits: None }));
    assert_eq!(search("name").fuzzy.map(|fuzzy| fuzzy.bits), Some(Some(20)));
    assert_eq!(search("born").range, Some(RangeIndex { by: Bucket::Month, bits: None }));
    assert_eq!(search("points").range, Some(RangeIndex { by: Bucket::Step(100), bits: Some(12) }));
    assert!(search("email").is_none());
    let compound = charter.compound("name_and_birth").unwrap();
    assert_eq!(charter.compounds(), std::slice::from_ref(compound));
    assert_eq!((compound.title.as_str(), compound.bits), ("Name and year of birth", Some(18)));
    let part = |field: &str, part| CompoundPart { field: field.into(), part };
    assert_eq!(compound.parts, [part("name", Part::Whole), part("born", Part::Year)]);
}

#[test]
fn a_search_that_nobody_accepted_says_what_it_gives_away() {
    assert_snapshot!(on_name("{prefix: true}"), @"
    data.yaml:8:13: this search gives values away: whoever copies the database sees which customers' names begin alike and how long they are, and can read common names off letter by letter
      help: leave it out, accept it with `allow_frequency_leak: true`, or search by several fields at once, which are rarely alike together: an entry under `compounds`, such as `of: [name, birth_date.year]`
    ");
    assert_snapshot!(on_name("{fuzzy: true, prefix: {from: 2}}"), @"
    data.yaml:8:13: this search gives values away: whoever copies the database sees which customers' names begin alike and how long they are, and can read common names off letter by letter; sees which customers have names that sound alike and, with public name statistics, can tell the common ones
      help: leave it out, accept it with `allow_frequency_leak: true`, or search by several fields at once, which are rarely alike together: an entry under `compounds`, such as `of: [name, birth_date.year]`
    ");
    assert_snapshot!(on("email", "{prefix: true}"), @"
    data.yaml:18:97: this search gives values away: whoever copies the database sees which customers' addresses begin alike and how long their words are, and can read common first names off
      help: leave it out, accept it with `allow_frequency_leak: true`, or search by several fields at once, which are rarely alike together: an entry under `compounds`, such as `of: [name, birth_date.year]`
    ");
    assert_snapshot!(on("date", "{range: {by: decade}}"), @"
    data.yaml:18:96: this search gives values away: whoever copies the database can read the decade of almost every date off its frequency, as if it were not encrypted
      help: leave it out, accept it with `allow_frequency_leak: true`, or search by several fields at once, which are rarely alike together: an entry under `compounds`, such as `of: [name, birth_date.year]`
    ");
    assert_snapshot!(on("number", "{range: {step: 10}}"), @"
    data.yaml:18:98: this search gives values away: whoever copies the database sees which customers' numbers are in the same step of 10 and, by counting them, which one where it is common
      help: leave it out, accept it with `allow_frequency_leak: true`, or search by several fields at once, which are rarely alike together: an entry under `compounds`, such as `of: [name, birth_date.year]`
    ");
}

#[test]
fn searches_that_make_no_sense() {
    assert_snapshot!(on_name("true"), @"
    data.yaml:8:13: the search of `name` must have keys, found a single value
      help: write some of `prefix: true`, `fuzzy: true`, `range: {by: month}`, and `allow_frequency_leak: true`
    ");
    assert_snapshot!(on_name("{allow_frequency_leak: true}"), @"
    data.yaml:8:13: the search of `name` names no way to search
      help: write some of `prefix: true`, `fuzzy: true`, `range: {by: month}`, and `allow_frequency_leak: true`
    ");
    assert_snapshot!(on_name("{prefix: yes, allow_frequency_leak: true}"), @"
    data.yaml:8:22: `prefix` cannot be `yes`
      help: write `true` or `false`
    ");
    assert_snapshot!(on_name("{prefix: {from: 1, to: 17}, allow_frequency_leak: true}"), @"
    data.yaml:8:29: `from` cannot be `1`
      help: write a whole number from 2 to 16
    data.yaml:8:36: `to` cannot be `17`
      help: write a whole number from 2 to 16
    ");
    assert_snapshot!(on_name("{prefix: {from: 5, to: 4}, allow_frequency_leak: true}"), @"
    data.yaml:8:36: beginnings from 5 to 4 characters: there are none
      help: `to` is the longest beginning: write at least what `from` says
    ");
    assert_snapshot!(on_name("{fuzzy: {bits: 3}, allow_frequency_leak: true}"), @"
    data.yaml:8:28: `bits` cannot be `3`
      help: write a whole number from 4 to 62
    ");
    assert_snapshot!(on_name("{range: {by: month}, allow_frequency_leak: true}"), @"
    data.yaml:8:21: a field of type `name` cannot be searched by `range`
      help: it has `prefix` and `fuzzy`
    ");
    assert_snapshot!(on_name("{exact: true, fuzzy: true, allow_frequency_leak: true}"), @"
    data.yaml:8:14: the search of `name` has no key `exact`
      help: write one of `prefix`, `fuzzy`, `range`, `allow_frequency_leak`
    ");
    assert_snapshot!(on("email", "{fuzzy: true, allow_frequency_leak: true}"), @"
    data.yaml:18:105: a field of type `email` cannot be searched by `fuzzy`
      help: it has `prefix`
    ");
    assert_snapshot!(on("phone", "{prefix: true, allow_frequency_leak: true}"), @"
    data.yaml:18:106: a field of type `phone` cannot be searched by `prefix`
      help: it can only be found by its exact value: write `index`
    ");
    assert_snapshot!(on("date", "{prefix: true, allow_frequency_leak: true}"), @"
    data.yaml:18:105: a field of type `date` cannot be searched by `prefix`
      help: it has `range`, such as `range: {by: month}`
    ");
    assert_snapshot!(on("date", "{range: true, allow_frequency_leak: true}"), @"
    data.yaml:18:104: `range` does not say what is looked up together
      help: write `{by: month}` for dates (`day`, `month`, `year`, `decade`), `{step: 100}` for numbers
    ");
    assert_snapshot!(on("date", "{range: {by: week}, allow_frequency_leak: true}"), @"
    data.yaml:18:109: unknown bucket of dates `week`
      help: write one of `day`, `month`, `year`, `decade`
    ");
    assert_snapshot!(on("date", "{range: {step: 7}, allow_frequency_leak: true}"), @"
    data.yaml:18:104: a date has no `step`
      help: write `by: day`, `month`, `year` or `decade`
    ");
    assert_snapshot!(on("date", "{range: {by: day, step: 7}, allow_frequency_leak: true}"), @"
    data.yaml:18:120: `range` has either `by` or `step`
      help: write `{by: month}` for dates (`day`, `month`, `year`, `decade`), `{step: 100}` for numbers
    ");
    assert_snapshot!(on("number", "{range: {by: month}, allow_frequency_leak: true}"), @"
    data.yaml:18:106: a number has no `by`
      help: write `step: 100`, or how many numbers to look up together
    ");
    assert_snapshot!(on("number", "{range: {step: 0}, allow_frequency_leak: true}"), @"
    data.yaml:18:113: `step` cannot be `0`
      help: write a whole number from 1 to 999999999999999
    ");
    assert_snapshot!(on("text, max: 201", "{prefix: true, allow_frequency_leak: true}"), @"
    data.yaml:18:115: a text this long cannot be searched by its words: every one of them would be in the index
      help: write `max: 200` or less, or leave it out
    ");
    assert_snapshot!(told("data.yaml", "index: unique", "prefix: true"), @"
    data.yaml:17:5: field `email` has no key `prefix`
      help: it is a way to search: write `search: {prefix: true, allow_frequency_leak: true}`
    ");
}

#[test]
fn a_compound_is_made_of_parts_that_are_there() {
    assert_snapshot!(of("[name]"), @"
    data.yaml:5:3: compound `name_and_birth` has 1 part
      help: name two to four in `of`; one field by itself is searched through its `index`
    ");
    assert_snapshot!(of("[name, born.year, email, points, place]"), @"
    data.yaml:5:3: compound `name_and_birth` has 5 parts
      help: name two to four in `of`; one field by itself is searched through its `index`
    ");
    assert_snapshot!(of("[name, borne.year]"), @"
    data.yaml:7:16: unknown field `borne`
      help: did you mean `born`?
    ");
    assert_snapshot!(of("[name, contact]"), @"
    data.yaml:7:16: unknown field `contact`
      help: that is a category: name its fields one by one
    ");
    assert_snapshot!(of("[name, born.day]"), @"
    data.yaml:7:16: a field of type `date` has no part `day`
      help: write one of `year`, `month`
    ");
    assert_snapshot!(of("[name, born.year, born.month]"), @"
    data.yaml:7:27: compound `name_and_birth` has two parts of `born`
      help: take one: two parts of one value say little more than one
    ");
    assert_snapshot!(of("[name, card]"), @"
    data.yaml:7:16: `card` is a card number, and those are not combined
      help: search for it by itself: it needs nothing beside it to be rare
    ");
    assert_snapshot!(of("[name, points.year]"), @"
    data.yaml:7:16: a field of type `number` has no part `year`
      help: write `points` for the whole value
    ");
    assert_snapshot!(of("name"), @"
    data.yaml:7:9: `of` must be a list
      help: write `of: [name]`
    ");
    let list = ("data.yaml", "type: email\n", "type: email\n    list: true\n");
    assert_snapshot!(told_all(&[BORN, COMPOUND, list, ("data.yaml", "born.year]", "email]")]), @"
    data.yaml:7:16: `email` has several values, and a compound needs one
      help: name a field without `list: true`
    ");
    let taken = |name| ("data.yaml", "  name_and_birth:", name);
    assert_snapshot!(told_all(&[BORN, COMPOUND, taken("  born:"), ("data.yaml", "  card:", "  dob:")]), @"
    data.yaml:5:3: `born` is already the name of a field, on line 23
      help: give it another name: a search names either by one word
    purposes.yaml:8:12: unknown field or category `card`
      help: write one of `name`, `email`, `born`, `points`, `dob`, `identity`, `contact`
    roles.yaml:20:16: unknown field or category `card`
      help: write one of `name`, `email`, `born`, `points`, `dob`, `identity`, `contact`
    ");
    assert_snapshot!(told_all(&[BORN, COMPOUND, taken("  contact:")]), @"
    data.yaml:5:3: `contact` is already the name of a category, on line 3
      help: give it another name: a search names either by one word
    ");
    assert_snapshot!(told_all(&[BORN, COMPOUND, ("data.yaml", "    bits: 18\n", "    bits: 63\n    unique: true\n")]), @"
    data.yaml:8:11: `bits` cannot be `63`
      help: write a whole number from 4 to 62
    data.yaml:9:5: compound `name_and_birth` has no key `unique`
      help: write one of `title`, `of`, `bits`
    ");
}

#[test]
fn a_compound_of_common_things_is_refused() {
    for common in
        ["[name.first, born.year]", "[name.last, born.month]", "[name, points]", "[name.initial, born]"]
    {
        let told = of(common);
        assert!(told.contains("compound `name_and_birth` gives values away"), "{common}: {told}");
    }
    assert_snapshot!(of("[name.last, born.year]"), @"
    data.yaml:5:3: compound `name_and_birth` gives values away: what `name.last`, `born.year` say at once is still common, and a thief of the database can count it
      help: take a rarer part or one more field: a whole name, a whole date of birth, a postal code, a phone number
    ");
    let four = "of: [email, number, phone, tax]";
    let distinct = "  number: {title: Number, type: text, category: contact, sensitivity: ordinary, class: customer, index: unique}
  phone: {title: Phone, type: phone, category: contact, sensitivity: ordinary, class: customer}
  tax: {title: Tax, type: national_id, category: contact, sensitivity: delicate, class: customer}
  card:
";
    let distinct = ("data.yaml", "  card:\n", distinct);
    charter(&[BORN, COMPOUND, distinct, ("data.yaml", "of: [name, born.year]", four)]);
    charter(&[BORN, COMPOUND, distinct, ("data.yaml", "[name, born.year]", "[number, points]")]);
    for rare in ["[name, born.year]", "[name.last, born]", "[name.first, born]", "[points, email]"] {
        charter(&[BORN, COMPOUND, ("data.yaml", "[name, born.year]", rare)]);
    }
}

#[test]
fn a_mistake_in_a_field_is_not_told_again_by_its_compound() {
    assert_snapshot!(told_all(&[BORN, COMPOUND, ("data.yaml", "type: date", "type: dates")]), @"
    data.yaml:25:11: unknown type `dates`
      help: did you mean `date`?
    ");
}

#[test]
fn every_leak_is_a_warning() {
    assert_snapshot!(warned(&[NAME]), @"
    data.yaml:8:13: searching `name` by beginnings gives values away: whoever copies the database sees which customers' names begin alike and how long they are, and can read common names off letter by letter
      help: this was accepted with `allow_frequency_leak: true`; leave it out if nobody has to search so
    data.yaml:8:13: searching `name` by sound gives values away: whoever copies the database sees which customers have names that sound alike and, with public name statistics, can tell the common ones
      help: this was accepted with `allow_frequency_leak: true`; leave it out if nobody has to search so
    ");
    let used = ("purposes.yaml", "fields: [card]", "fields: [card, born, points]");
    assert_snapshot!(warned(&[BORN, COMPOUND, used]), @"
    data.yaml:5:3: compound `name_and_birth`: whoever copies the database sees which customers are alike in `name` and `born.year` at once, but not in what
      help: that is little, as long as they are rarely alike; remove it if nobody has to search so
    data.yaml:29:13: searching `born` by range gives values away: whoever copies the database sees which customers' dates are in the same month and, by counting them, roughly which one
      help: this was accepted with `allow_frequency_leak: true`; leave it out if nobody has to search so
    data.yaml:36:13: searching `points` by range gives values away: whoever copies the database sees which customers' numbers are in the same step of 100 and, by counting them, which one where it is common
      help: this was accepted with `allow_frequency_leak: true`; leave it out if nobody has to search so
    ");
    assert_snapshot!(warned(&[("data.yaml", "index: unique", "index: exact")]), @"
    data.yaml:17:12: the index of `email` shows who shares a value: whoever copies the database sees which customers share an address, and so who may live or work together, but no address
      help: write `index: unique` if nobody may share one, or leave the index out if nobody has to search it
    ");
}

#[test]
fn whoever_may_search_has_something_to_search_by() {
    let searcher = ("roles.yaml", "[subject.read, subject.reveal]", "[subject.search, subject.reveal]");
    let nothing = ("data.yaml", "    index: unique\n", "");
    assert!(
        warned(&[searcher, nothing])
            .contains("role `agent` may search, and no field of its purposes has an index")
    );
    assert!(!warned(&[searcher, nothing, NAME]).contains("may search"));
    let compound =
        ("data.yaml", "fields:\n", "compounds: {both: {title: Both, of: [name, email]}}\nfields:\n");
    assert!(!warned(&[searcher, nothing, compound]).contains("may search"));
    let out_of_reach = ("data.yaml", "    category: contact", "    category: other");
    let other = ("data.yaml", "  contact: How", "  other: Other\n  contact: How");
    let recipient = ("purposes.yaml", "fields: [card]", "fields: [card, email]");
    let serves = ("recipients.yaml", "[support]", "[payment]");
    let told = warned(&[searcher, nothing, compound, out_of_reach, other, recipient, serves]);
    assert!(told.contains("role `agent` may search"), "{told}");
}

#[test]
fn a_plan_says_what_can_be_found_and_what_it_gives_away() {
    let planned = |was: &[Edit], is: &[Edit]| plan(Some(&charter(was)), &charter(is)).to_string();
    assert_snapshot!(planned(&[], &[NAME]), @"
      ~ field `name`: can be searched by beginnings: stored values have to be indexed first
      ~ field `name`: can be searched by sound: stored values have to be indexed first
    ! ~ field `name`: whoever copies the database sees which customers' names begin alike and how long they are, and can read common names off letter by letter
    ! ~ field `name`: whoever copies the database sees which customers have names that sound alike and, with public name statistics, can tell the common ones
    4 changes, 2 to think about twice (!)
    ");
    assert_snapshot!(planned(&[NAME], &[]), @"
      ~ field `name`: can no longer be searched by beginnings
      ~ field `name`: can no longer be searched by sound
    2 changes, 0 to think about twice (!)
    ");
    let wider = ("data.yaml", "prefix: true, fuzzy: {bits: 20}", "prefix: {from: 2, to: 6, bits: 22}");
    assert_snapshot!(planned(&[NAME], &[NAME, wider]), @"
      ~ field `name`: by beginnings, index terms of 22 bits: the index has to be built again
      ~ field `name`: beginnings of 2 to 6 characters instead of 3 to 8: the index has to be built again
      ~ field `name`: can no longer be searched by sound
    3 changes, 0 to think about twice (!)
    ");
    let coarser = ("data.yaml", "by: month", "by: decade");
    assert_snapshot!(planned(&[BORN], &[BORN, coarser]), @"
      ~ field `born`: ranges by decade instead of month: the index has to be built again
    ! ~ field `born`: whoever copies the database can read the decade of almost every date off its frequency, as if it were not encrypted
    2 changes, 1 to think about twice (!)
    ");
    assert_snapshot!(planned(&[], &[BORN, COMPOUND]), @"
    ! + field `born`: a value of type `date`, delicate, kept by class `customer`, searchable by range
    ! + field `points`: a value of type `number`, ordinary, kept by class `customer`, searchable by range
      + compound `name_and_birth`: finds subjects by `name`, `born.year` at once: stored values have to be indexed first
    ! ~ purpose `support`: may also touch `born`, `points`, seen for it by `agent`
    ! ~ role `agent`: now sees `born`, `points` masked, in clear when revealing (until now not at all)
    5 changes, 4 to think about twice (!)
    ");
    let other = ("data.yaml", "of: [name, born.year]\n    bits: 18", "of: [name, born]");
    assert_snapshot!(planned(&[BORN, COMPOUND], &[BORN, COMPOUND, other, ("data.yaml", "Name and year", "Name and day")]), @"
      ~ compound `name_and_birth`: now called “Name and day of birth”
      ~ compound `name_and_birth`: finds subjects by `name`, `born` instead of `name`, `born.year`: the index has to be built again
      ~ compound `name_and_birth`: index terms of as many bits as planned subjects need: the index has to be built again
    3 changes, 0 to think about twice (!)
    ");
    assert_snapshot!(planned(&[BORN, COMPOUND], &[BORN]), @"
      - compound `name_and_birth`: subjects can no longer be searched by `name`, `born.year` at once
    1 change, 0 to think about twice (!)
    ");
}
