//! A bound on how deeply a policy text nests, checked before Cedar reads it.
//!
//! Cedar's parser and validator recurse along brackets, `if` and chains of operators, and a text of a few
//! kilobytes can exhaust the stack, which ends the process. The bounds are far above what a person writes and far
//! below what a 2 MiB stack takes in an unoptimised build (48 brackets, 512 `if`, 20,000 operators).

/// Brackets inside one another.
const BRACKETS: usize = 16;
/// `if` in one policy.
const IFS: usize = 32;
/// Operators and dots in one policy.
const OPERATORS: usize = 1_000;

/// What to tell who wrote too deep a text.
pub(crate) const HELP: &str = "split it into several policies";

/// The byte offset at which a text gets too deep.
pub(crate) fn too_deep(text: &str) -> Option<usize> {
    let (mut brackets, mut ifs, mut operators) = (0_usize, 0_usize, 0_usize);
    let mut rest = text.char_indices().peekable();
    while let Some((offset, character)) = rest.next() {
        match character {
            '"' => {
                while let Some((_, character)) = rest.next() {
                    match character {
                        '\\' => _ = rest.next(),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '/' if rest.next_if(|(_, next)| *next == '/').is_some() => {
                while rest.next_if(|(_, next)| !['\n', '\r'].contains(next)).is_some() {}
            }
            '(' | '[' | '{' => {
                brackets += 1;
                // An index is a chain too: `context["a"]["b"]`.
                operators += 1;
            }
            ')' | ']' | '}' => brackets = brackets.saturating_sub(1),
            '.' | '+' | '-' | '*' | '!' | '<' | '>' | '=' | '&' | '|' | ':' => operators += 1,
            ';' => (brackets, ifs, operators) = (0, 0, 0),
            'i' if text.get(offset..).is_some_and(|rest| rest.starts_with("if")) => ifs += 1,
            _ => {}
        }
        if brackets > BRACKETS || ifs > IFS || operators > OPERATORS {
            return Some(offset);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_depth_has_its_bound() {
        for (opening, most) in [("(", 16), ("[", 16), ("{", 16), ("if ", 32), (" + 1", 1_000), (".a", 1_000)]
        {
            assert_eq!(too_deep(&opening.repeat(most)), None, "{opening}");
            assert!(too_deep(&opening.repeat(most + 1)).is_some(), "{opening}");
        }
    }

    #[test]
    fn strings_comments_and_other_policies_do_not_count() {
        let many = "(".repeat(50);
        assert_eq!(too_deep(&format!("\"{many}\\\"{many}\" // {many}\n{many}")), Some(159 + BRACKETS));
        assert_eq!(too_deep(&format!("\"{many}\\\"{many}\" // {many}\n")), None);
        assert_eq!(too_deep(&"((((((((((;".repeat(10)), None);
        assert_eq!(too_deep("\"unclosed \\"), None);
    }
}
