//! Text that people paste into a shell.

use std::path::Path;

/// A path as one word of a POSIX shell.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one() {
        assert_eq!(quoted(Path::new("/srv/avouch-1.0/x")), "/srv/avouch-1.0/x");
        assert_eq!(quoted(Path::new("/my shop/o'neil")), r"'/my shop/o'\''neil'");
        assert_eq!(quoted(Path::new("$HOME")), "'$HOME'");
    }
}
