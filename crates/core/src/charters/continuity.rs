//! What a new charter must not do to values that are there already. Stored values are not rewritten when a charter is
//! applied, so each must still fit its field. (Indexes are built anew, see `indexes`.)
//!
//! A charter that asks for less of a value (more options, a greater `max`) passes. A field that went and comes back is
//! compared with what it was: its values have stayed in the records.

use avouch_charter::{Charter, Field, Problem, types::FieldType};

use crate::rules::Problems;

const ANOTHER_NAME: &str = "keep it as it was, or add a field with a new name and move the values over";

/// A field that an earlier charter had, the one in force has not, and the new one has again.
pub(super) struct Returning {
    pub(super) name: String,
    /// As it last was; `None` when this program no longer reads the charter of that time.
    pub(super) last: Option<Field>,
}

/// Why `new` cannot follow `old` in a vault that holds subjects.
pub(super) fn problems(old: &Charter, returning: &[Returning], new: &Charter) -> Problems {
    let mut problems = Vec::new();
    for field in new.fields() {
        let back = returning.iter().find(|returning| returning.name == field.name);
        problems.extend(match (old.field(&field.name), back) {
            (Some(before), _) | (None, Some(Returning { last: Some(before), .. })) => misfit(before, field),
            (None, Some(Returning { last: None, .. })) => Some(unknown(field)),
            (None, None) => None,
        });
    }
    problems
}

/// Values that would not fit the field any more.
fn misfit(old: &Field, new: &Field) -> Option<Problem> {
    let name = &new.name;
    let change = if old.list != new.list {
        let (before, after) = if new.list { ("one value", "a list") } else { ("a list", "one value") };
        format!("changes from {before} to {after}")
    } else {
        narrowing(&old.of, &new.of)?
    };
    let message =
        format!("field `{name}` {change}, and the vault may hold values that would not fit any more");
    Some(problem(message, ANOTHER_NAME.to_owned()))
}

/// What makes a type take fewer values than before; `None` when it takes all that it took.
fn narrowing(old: &FieldType, new: &FieldType) -> Option<String> {
    match (old, new) {
        (FieldType::Text { max: old }, FieldType::Text { max: new }) => {
            (new < old).then(|| format!("lowers `max` from {old} to {new}"))
        }
        (FieldType::Choice { options: old }, FieldType::Choice { options: new }) => {
            let gone: Vec<_> =
                old.iter().filter(|option| !new.contains(option)).map(|o| format!("`{o}`")).collect();
            (!gone.is_empty()).then(|| format!("takes away the options {}", gone.join(", ")))
        }
        (
            FieldType::Number { min: old_min, max: old_max },
            FieldType::Number { min: new_min, max: new_max },
        ) => {
            let raised = new_min.filter(|new| old_min.is_none_or(|old| *new > old));
            let lowered = new_max.filter(|new| old_max.is_none_or(|old| *new < old));
            raised
                .map(|min| format!("raises `min` to {min}"))
                .or_else(|| lowered.map(|max| format!("lowers `max` to {max}")))
        }
        _ => (old.name() != new.name())
            .then(|| format!("changes its type from `{}` to `{}`", old.name(), new.name())),
    }
}

fn unknown(field: &Field) -> Problem {
    let name = &field.name;
    let message = format!(
        "field `{name}` comes back from a charter that this version of avouch does not read, and the vault may hold \
         values of it"
    );
    problem(message, "add a field with a new name".to_owned())
}

fn problem(message: String, help: String) -> Problem {
    Problem { file: "data.yaml".to_owned(), line: 1, column: 1, message, help: Some(help) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(options: &[&str]) -> FieldType {
        FieldType::Choice { options: options.iter().map(|option| (*option).to_owned()).collect() }
    }

    fn number(min: Option<i64>, max: Option<i64>) -> FieldType {
        FieldType::Number { min, max }
    }

    #[test]
    fn a_type_may_take_more_than_before() {
        for (old, new) in [
            (FieldType::Text { max: 10 }, FieldType::Text { max: 11 }),
            (choice(&["a", "b"]), choice(&["c", "b", "a"])),
            (number(Some(0), Some(9)), number(Some(-1), Some(10))),
            (number(Some(0), Some(9)), number(None, None)),
            (FieldType::Phone { country: None }, FieldType::Phone { country: Some("DE".to_owned()) }),
            (
                FieldType::NationalId { country: Some("DE".to_owned()) },
                FieldType::NationalId { country: None },
            ),
            (FieldType::Card, FieldType::Card),
        ] {
            assert_eq!(narrowing(&old, &new), None, "{old:?} to {new:?}");
        }
    }

    #[test]
    fn a_type_may_not_take_less() {
        let cases = [
            (FieldType::Text { max: 10 }, FieldType::Text { max: 9 }, "lowers `max` from 10 to 9"),
            (choice(&["a", "b", "c"]), choice(&["b"]), "takes away the options `a`, `c`"),
            (number(Some(0), None), number(Some(1), None), "raises `min` to 1"),
            (number(None, None), number(Some(i64::MIN), None), "raises `min` to -9223372036854775808"),
            (number(None, Some(9)), number(None, Some(8)), "lowers `max` to 8"),
            (number(None, None), number(None, Some(8)), "lowers `max` to 8"),
            (FieldType::Card, FieldType::Text { max: 99 }, "changes its type from `card` to `text`"),
        ];
        for (old, new, change) in cases {
            assert_eq!(narrowing(&old, &new).as_deref(), Some(change));
        }
    }
}
