//! Reading fixed-width parts off the front of a byte string.
//!
//! Only for formats of this crate; running short is `None` and never a panic.

/// Takes the next `N` bytes.
pub(crate) fn take<'a, const N: usize>(input: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::take;

    #[test]
    fn takes_in_order_and_stops_short() {
        let mut input: &[u8] = &[1, 2, 3, 4, 5];
        assert_eq!(take(&mut input), Some(&[1, 2]));
        assert_eq!(take(&mut input), Some(&[3]));
        assert_eq!(take::<3>(&mut input), None);
        assert_eq!(input, [4, 5]);
    }
}
