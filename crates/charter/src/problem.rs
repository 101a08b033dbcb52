//! What is wrong with a charter, where, and what to write instead.
//!
//! A problem names the line and column a person has to look at. It may quote names and words of the charter, which
//! are configuration; there are no customers' values in a charter, so none can get into a problem.

use std::fmt;

use serde::Serialize;

/// One thing to put right (or, from [`Charter::warnings`](crate::Charter::warnings), to know about).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Path of the file, as given in [`SourceFile`](crate::SourceFile).
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// `data.yaml:12:5: message`, and the help on a line of its own.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// A place in a file. Lines and columns are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl At {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// A value and the place where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    pub(crate) file: &'static str,
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl Sink<'_> {
    pub(crate) fn add(&mut self, at: At, message: impl Into<String>) {
        self.push(at, message.into(), None);
    }

    pub(crate) fn help(&mut self, at: At, message: impl Into<String>, help: impl Into<String>) {
        self.push(at, message.into(), Some(help.into()));
    }

    pub(crate) fn push(&mut self, at: At, message: String, help: Option<String>) {
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            message,
            help,
        });
    }
}

/// ``did you mean `support`?``, or the list of what there is if nothing is near.
pub(crate) fn suggest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match (nearest(wrong, &known), known.as_slice()) {
        (Some(word), _) => format!("did you mean `{word}`?"),
        (None, []) => "none is declared yet".to_owned(),
        (None, [only]) => format!("there is only `{only}`"),
        (None, _) => format!("write one of {}", quoted(known)),
    }
}

/// The word that was probably meant: one that it begins, or one with up to a quarter of the letters wrong.
pub(crate) fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let slips = wrong.chars().count().div_ceil(4);
    let near = known.iter().map(|word| (strsim::damerau_levenshtein(&wrong, word), *word));
    let begun = |word: &str| wrong.len() > 2 && word.starts_with(&wrong);
    near.filter(|(distance, word)| *distance <= slips || begun(word)).min().map(|(_, word)| word)
}

/// `` `a`, `b` ``; long lists are cut.
pub(crate) fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 24;
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.len().checked_sub(MOST) {
        Some(more @ 1..) => format!("{} and {more} more", words.get(..MOST).unwrap_or_default().join(", ")),
        _ => words.join(", "),
    }
}

/// A word of the file, short enough to be shown in a line of its own.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(MOST).collect();
    if text.chars().count() > MOST {
        short.push('…');
    }
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_near_word_and_lists_when_none_is_near() {
        assert_eq!(suggest("suport", ["support", "export"]), "did you mean `support`?");
        assert_eq!(suggest("Support", ["support", "export"]), "did you mean `support`?");
        assert_eq!(suggest("marketing", ["support", "export"]), "write one of `support`, `export`");
        assert_eq!(suggest("mask", ["masked", "clear"]), "did you mean `masked`?");
        assert_eq!(suggest("subject.show", ["subject.list"]), "there is only `subject.list`");
        assert_eq!(suggest("x", []), "none is declared yet");
    }

    #[test]
    fn long_words_and_lists_are_cut() {
        assert_eq!(shown(&"é".repeat(50)).chars().count(), 43);
        assert_eq!(shown("a\nb"), "`ab`");
        let many: Vec<String> = (0..30).map(|n| n.to_string()).collect();
        assert!(quoted(many.iter().map(String::as_str)).ends_with("`23` and 6 more"));
    }

    #[test]
    fn reads_like_a_compiler_message() {
        let problem = Problem {
            file: "data.yaml".into(),
            line: 12,
            column: 5,
            message: "unknown class `custmer`".into(),
            help: Some("did you mean `customer`?".into()),
        };
        assert_eq!(
            problem.to_string(),
            "data.yaml:12:5: unknown class `custmer`\n  help: did you mean `customer`?"
        );
    }
}
