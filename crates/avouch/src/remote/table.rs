//! Tables for people: aligned columns that fit the terminal. Text from a server or a file is shown with its control characters made
//! visible, so that nobody's name can move the cursor, recolour the screen or turn a line around.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const GAP: usize = 2;
/// What a column is never shrunk below.
const NARROWEST: usize = 8;

/// Rows under headings.
pub(crate) struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            headings: headings.into_iter().map(|text| clean(text).into_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = impl AsRef<str>>) {
        self.rows.push(cells.into_iter().map(|text| clean(text.as_ref()).into_owned()).collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As text that ends with a line break. Within `width` cells, if there is such a limit: wide columns are cut first, then columns are
    /// left out from the right and a last line says how many.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let mut widths: Vec<usize> = self.headings.iter().map(|text| text.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let all = widths.len();
        if let Some(width) = width {
            fit(&mut widths, width);
        }
        let mut text = String::new();
        for row in std::iter::once(&self.headings).chain(&self.rows) {
            line(&mut text, row, &widths);
        }
        if widths.len() < all {
            text.push_str(&format!("({} more columns; --json shows all)\n", all - widths.len()));
        }
        text
    }
}

/// Names and values under each other.
pub(super) fn facts<N: AsRef<str>, V: AsRef<str>>(facts: impl IntoIterator<Item = (N, V)>) -> String {
    let facts: Vec<_> = facts
        .into_iter()
        .map(|(name, value)| (clean(name.as_ref()).into_owned(), clean(value.as_ref()).into_owned()))
        .collect();
    let widest = facts.iter().map(|(name, _)| name.width()).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in facts {
        line(&mut text, &[name, value], &[widest, usize::MAX]);
    }
    text
}

/// The text with control characters, line and direction changes written as escapes.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let unsafe_here = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(unsafe_here) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if unsafe_here(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

fn fit(widths: &mut Vec<usize>, limit: usize) {
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    while total(widths) > limit {
        let over = total(widths) - limit;
        let widest = widths.iter().copied().max().unwrap_or_default();
        if widest <= NARROWEST {
            if widths.len() <= 1 {
                return;
            }
            widths.pop();
            continue;
        }
        // Cut the widest to the next widest at most, so that columns that are cut end up alike.
        let next = widths.iter().copied().filter(|&width| width < widest).max().unwrap_or(NARROWEST);
        let floor = next.max(NARROWEST);
        if let Some(width) = widths.iter_mut().rev().find(|width| **width == widest) {
            *width = widest.saturating_sub(over).max(floor).min(widest - 1);
        }
    }
}

fn line(text: &mut String, cells: &[String], widths: &[usize]) {
    let start = text.len();
    for (index, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        if index > 0 {
            text.push_str(&" ".repeat(GAP));
        }
        let used = cell.width();
        if used <= width {
            text.push_str(cell);
            if index + 1 < widths.len() {
                text.push_str(&" ".repeat(width - used));
            }
        } else {
            text.push_str(&cut(cell, width));
        }
    }
    let end = text[start..].trim_end().len();
    text.truncate(start + end);
    text.push('\n');
}

/// Exactly `width` cells wide, the last one an ellipsis.
fn cut(text: &str, width: usize) -> String {
    let room = width.saturating_sub(1);
    let mut used = 0;
    let mut kept = String::new();
    for c in text.chars() {
        let wide = c.width().unwrap_or_default();
        if used + wide > room {
            break;
        }
        used += wide;
        kept.push(c);
    }
    kept.push('…');
    kept.push_str(&" ".repeat(room - used));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(["id", "name", "company"]);
        table.row(["1", "Luís Gonçalves", "Beispiel – Empresa de Aeronáutica S.A."]);
        table.row(["2", "山田 太郎", ""]);
        table
    }

    #[test]
    fn columns_align_whatever_the_script() {
        insta::assert_snapshot!(sample().render(None), @"
        id  name            company
        1   Luís Gonçalves  Beispiel – Empresa de Aeronáutica S.A.
        2   山田 太郎
        ");
    }

    #[test]
    fn the_widest_column_is_cut_first() {
        let text = sample().render(Some(40));
        insta::assert_snapshot!(text, @"
        id  name            company
        1   Luís Gonçalves  Beispiel – Empresa …
        2   山田 太郎
        ");
        assert!(text.lines().all(|line| line.width() <= 40));
    }

    #[test]
    fn columns_that_find_no_room_are_counted() {
        let text = sample().render(Some(13));
        assert!(text.ends_with("(1 more columns; --json shows all)\n"), "{text}");
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(clean("Ada\u{1b}[2J\r\nBen\u{202e}"), "Ada\\u{1b}[2J\\r\\nBen\\u{202e}");
    }

    #[test]
    fn any_width_is_kept_and_ends() {
        for width in 0..120 {
            let text = sample().render(Some(width));
            if width >= 3 * NARROWEST {
                assert!(text.lines().all(|line| line.width() <= width), "{width}\n{text}");
            }
        }
    }
}
