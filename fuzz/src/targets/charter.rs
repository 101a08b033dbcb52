//! Whatever stands in the files of a charter, reading them ends soon, with a charter or with problems that
//! point at places which the files have. A charter is the same charter when its own files are read again, and
//! a plan between the two has nothing to say.
//!
//! An input is a text in which a line `-- data.yaml --` begins that file. What it does not give is taken from
//! a charter without a problem, so that one file can be wrong and be looked at to its end. `<<` and `>>`
//! around a piece repeat it until there is a lot of it, `%` in it being its number: what takes the square of
//! its length is noticed then.

use std::borrow::Cow;

use arbitrary::{Result, Unstructured};
use avouch_charter::{Charter, Problem, SourceFile, plan};

/// A charter without a problem or a warning.
const RIGHT: &str = include_str!("../../seeds/charter/right.txt");

pub(super) fn check(input: Unstructured<'_>) -> Result<()> {
    let text = String::from_utf8_lossy(input.take_rest());
    let mut files = files(&text);
    for right in self::files(RIGHT) {
        if files.iter().all(|file| file.path != right.path) {
            files.push(right);
        }
    }
    match Charter::parse(&files) {
        Ok(charter) => {
            same(&charter);
            placed(charter.warnings(), &files);
        }
        Err(problems) => {
            assert!(!problems.is_empty() && problems.is_sorted_by(|one, next| one < next), "{problems:?}");
            placed(&problems, &files);
        }
    }
    Ok(())
}

fn files(text: &str) -> Vec<SourceFile> {
    let mut files: Vec<SourceFile> = Vec::new();
    for line in text.split_inclusive('\n') {
        let begins = line.trim_end().strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
        match (begins, files.last_mut()) {
            (Some(path), _) => files.push(SourceFile { path: path.to_owned(), text: String::new() }),
            (None, Some(file)) => file.text.push_str(line),
            (None, None) => {}
        }
    }
    files.iter_mut().for_each(|file| file.text = repeated(&file.text).into_owned());
    files
}

/// What a repeated piece comes to, about.
const A_LOT: usize = 256 * 1024;

fn repeated(text: &str) -> Cow<'_, str> {
    let parts = text.split_once("<<").and_then(|(before, rest)| Some((before, rest.split_once(">>")?)));
    let Some((before, (piece, after))) = parts.filter(|(_, (piece, _))| !piece.is_empty()) else {
        return Cow::Borrowed(text);
    };
    let numbers = 0..A_LOT / piece.len();
    let piece = |number: usize| piece.replacen('%', &number.to_string(), 3);
    Cow::Owned([before, &numbers.map(piece).collect::<String>(), after].concat())
}

/// Nothing changes by applying a charter to itself.
fn same(charter: &Charter) {
    let again = Charter::parse(charter.sources()).expect("it was a charter");
    for (one, other) in [(charter, charter), (charter, &again), (&again, charter)] {
        let plan = plan(Some(one), other);
        assert!(plan.is_empty(), "{plan:?}");
    }
    assert!(!plan(None, charter).is_empty());
    assert_eq!(again.warnings(), charter.warnings());
}

/// Every problem can be shown: on one line, at a place that its file has.
fn placed(problems: &[Problem], files: &[SourceFile]) {
    for problem in problems {
        let file = files.iter().find(|file| file.path == problem.file);
        let text = file.map_or("", |file| file.text.as_str());
        let line = problem.line.checked_sub(1).and_then(|before| lines(text).nth(before));
        let places = line.map(|line| 1..=line.chars().count() + 1);
        assert!(places.is_some_and(|places| places.contains(&problem.column)), "no such place: {problem}");
        assert!(!problem.message.is_empty() && !problem.message.ends_with('.'), "{problem}");
        let said = [Some(&problem.message), problem.help.as_ref()];
        assert!(!said.into_iter().flatten().any(|said| said.contains(['\n', '\r'])), "{problem}");
    }
}

/// The lines of a text, of whichever kind their ends are, and the place behind the last.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charters_to_begin_with_are_right() {
        for text in [RIGHT, include_str!("../../seeds/charter/much.txt")] {
            let charter = Charter::parse(&files(text)).expect("no problem");
            assert_eq!(charter.sources().len(), Charter::FILES.len());
        }
    }

    #[test]
    fn a_piece_is_repeated_with_its_number() {
        let text = repeated("a: [<<x%, >>y]");
        assert!(text.starts_with("a: [x0, x1, x2, ") && text.ends_with(", y]"), "{text:.40}");
        assert!(text.len() > A_LOT);
        assert_eq!([repeated("<<>>"), repeated(">> <<x")], ["<<>>", ">> <<x"]);
    }
}
