//! Where a list goes on. A cursor is opaque to clients: base64url of a version, the list it belongs to, and the last id or number
//! that was shown. It holds nothing that the page before did not show, so it needs no seal; a changed one leads to another page.

use data_encoding::BASE64URL_NOPAD;

use crate::problem::Failure;

/// What of a list is asked for.
pub(crate) struct Paging {
    /// 1 to [`avouch_wire::limits::PAGE_MAX`].
    pub(crate) limit: usize,
    pub(crate) cursor: Option<Cursor>,
    /// Where the cursor stood, for a fault.
    pub(crate) cursor_place: String,
}

impl Paging {
    /// The id where this list goes on.
    pub(crate) fn after_id<T>(&self, list: List, id: impl Fn([u8; 16]) -> T) -> Result<Option<T>, Failure> {
        self.position(list, |position| position.try_into().ok().map(&id))
    }

    /// The number where this list goes on.
    pub(crate) fn after_number(&self, list: List) -> Result<Option<i64>, Failure> {
        self.position(list, |position| position.try_into().ok().map(i64::from_be_bytes))
    }

    fn position<T>(&self, list: List, read: impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, Failure> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let position = (cursor.list == list).then(|| read(&cursor.position)).flatten();
        position.map(Some).ok_or_else(|| Self::cursor_fault(&self.cursor_place))
    }

    pub(crate) fn cursor_fault(place: &str) -> Failure {
        Failure::fault(place, "expected the `next_cursor` of the page before, of the same list")
    }
}

/// The lists, by their number in cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum List {
    Subjects = 1,
    Search = 2,
    History = 3,
    Accesses = 4,
    Events = 5,
    Principals = 6,
    Erasures = 7,
}

impl List {
    const ALL: [Self; 7] = [
        Self::Subjects,
        Self::Search,
        Self::History,
        Self::Accesses,
        Self::Events,
        Self::Principals,
        Self::Erasures,
    ];
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    list: List,
    position: Vec<u8>,
}

const VERSION: u8 = 1;

impl Cursor {
    pub(crate) fn id(list: List, id: &[u8; 16]) -> String {
        Self::write(list, id)
    }

    pub(crate) fn number(list: List, number: i64) -> String {
        Self::write(list, &number.to_be_bytes())
    }

    fn write(list: List, position: &[u8]) -> String {
        BASE64URL_NOPAD.encode(&[&[VERSION, list as u8], position].concat())
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let ([VERSION, list], position) = bytes.split_first_chunk()? else { return None };
        let list = List::ALL.into_iter().find(|known| *known as u8 == *list)?;
        Some(Self { list, position: position.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let cursor = Cursor::read(&Cursor::id(List::Subjects, &[7; 16]));
        let paging = Paging { limit: 25, cursor, cursor_place: "?cursor".to_owned() };
        assert_eq!(paging.after_id(List::Subjects, |id| id).expect("its own"), Some([7; 16]));
        assert!(paging.after_id(List::Search, |id| id).is_err());
        assert!(paging.after_number(List::Subjects).is_err());
    }

    #[test]
    fn a_version_or_list_that_we_do_not_know_is_no_cursor() {
        for bytes in [&[][..], &[1], &[2, 1, 0], &[1, 0, 0], &[1, 9, 0]] {
            assert_eq!(Cursor::read(&BASE64URL_NOPAD.encode(bytes)), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(number: i64) {
            let cursor = Cursor::read(&Cursor::number(List::Events, number));
            let paging = Paging { limit: 1, cursor, cursor_place: String::new() };
            prop_assert_eq!(paging.after_number(List::Events).expect("its own"), Some(number));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            drop(Cursor::read(&text));
        }
    }
}
