//! A genuine text with one piece of it replaced: what a forger does, and what a random text never comes near to.

use arbitrary::{Result, Unstructured};

/// The input says where, how much, and by what. None if that would not be text.
pub(crate) fn edited(genuine: &str, mut input: Unstructured<'_>) -> Result<Option<String>> {
    let at = input.int_in_range(0..=genuine.len())?;
    let end = at + input.int_in_range(0..=genuine.len() - at)?.min(64);
    let Ok(with) = std::str::from_utf8(input.take_rest()) else { return Ok(None) };
    let (at, end) = (genuine.floor_char_boundary(at), genuine.floor_char_boundary(end));
    let mut text = genuine.to_owned();
    text.replace_range(at..end, with);
    Ok(Some(text))
}

/// Either a text as it is, or a genuine one that was edited.
pub(crate) fn text_or_edited(mut input: Unstructured<'_>, genuine: &str) -> Result<Option<String>> {
    if input.int_in_range(0..=1_u8)? == 0 {
        return Ok(std::str::from_utf8(input.take_rest()).ok().map(str::to_owned));
    }
    edited(genuine, input)
}
