//! Whatever is in the files, reading them ends with a charter or with problems that point into the files.

use avouch_charter::{Charter, SourceFile, plan};
use proptest::prelude::*;

use crate::{SMALL, small};

/// The small charter with what it does without: searches, compounds, rules for tokens, keys.
fn rich() -> Vec<SourceFile> {
    small(&[
        ("charter.yaml", "languages", "  token_domain: tokens.example.org\nlanguages"),
        (
            "data.yaml",
            "fields:\n",
            "compounds: {both: {title: Both, of: [name.last, email], bits: 18}}\nfields:\n",
        ),
        (
            "data.yaml",
            "    type: name\n",
            "    type: name\n    search: {prefix: {from: 2, to: 6}, fuzzy: true, allow_frequency_leak: true}\n",
        ),
        (
            "recipients.yaml",
            "  country",
            "  tokens: {default: pointer, email: {kind: format, expires: 1 year, uses: 3}}\n  country",
        ),
        ("roles.yaml", "event.read]", "event.read, transit.manage]\n  transit: [\"orders-*\"]"),
    ])
}

#[test]
fn what_is_mangled_was_right() {
    assert!(Charter::parse(&rich()).is_ok());
}

/// A text that looks like YAML for a while.
fn yamlish() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "\"",
        "'",
        "&x ",
        "*x",
        "!t ",
        "|\n",
        ">-\n",
        "? ",
        ": ",
        "# c\n",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\t",
        "fields",
        "search",
        "compounds",
        "tokens",
        "name",
        "true",
        "0x1F",
        "~",
        "é",
        "\u{feff}",
        "\u{0}",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

/// Problems that can be shown: in a file that was given or is missing, at a line that the file has.
fn check(files: &[SourceFile]) -> Result<(), TestCaseError> {
    match Charter::parse(files) {
        Ok(charter) => {
            prop_assert!(plan(Some(&charter), &charter).is_empty());
        }
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                let file = files.iter().find(|file| file.path == problem.file);
                let lines = file.map_or(1, |file| file.text.split(['\n', '\r']).count() + 1);
                prop_assert!((1..=lines).contains(&problem.line), "{problem}");
                prop_assert!(problem.column >= 1, "{problem}");
                prop_assert!(!problem.message.is_empty() && !problem.message.ends_with('.'), "{problem}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn one_file_is_nonsense(which in 0..SMALL.len(), text in yamlish()) {
        let mut files = rich();
        files[which].text = text;
        check(&files)?;
    }

    #[test]
    fn one_file_is_arbitrary(which in 0..SMALL.len(), text in any::<String>()) {
        let mut files = rich();
        files[which].text = text;
        check(&files)?;
    }

    #[test]
    fn a_piece_is_cut_out(which in 0..SMALL.len(), from in 0usize..600, length in 0usize..80) {
        let mut files = rich();
        let text = &mut files[which].text;
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        text.replace_range(from..to, "");
        check(&files)?;
    }

    #[test]
    fn a_piece_is_put_in(which in 0..SMALL.len(), at in 0usize..600, piece in yamlish()) {
        let mut files = rich();
        let text = &mut files[which].text;
        text.insert_str(at.min(text.len()), &piece);
        check(&files)?;
    }
}
