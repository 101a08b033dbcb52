//! Where a list goes on. A cursor is opaque to clients: base64url of a version, the list it belongs to, and the last id or number
//! that was shown. It holds nothing that the page before did not show, so it needs no seal; a changed one leads to another page.

use avouch_core::vault::{SubjectPlace, TokenPlace};
use data_encoding::BASE64URL_NOPAD;

use crate::problem::Failure;
use avouch_core::transit::KeyName;

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

    /// The place in the list of customers where it goes on.
    pub(crate) fn after_subject(&self) -> Result<Option<SubjectPlace>, Failure> {
        self.position(List::Subjects, SubjectPlace::from_bytes)
    }

    /// The token behind which this list goes on.
    pub(crate) fn after_token(&self) -> Result<Option<TokenPlace>, Failure> {
        self.position(List::Tokens, TokenPlace::from_bytes)
    }

    /// The log and the index where a list by place goes on; nothing where the cursor is of another list, or there is none.
    pub(crate) fn at_place(&self) -> Option<(i64, u64)> {
        let cursor = self.cursor.as_ref().filter(|cursor| cursor.list == List::Log)?;
        let (log, index) = cursor.position.split_first_chunk()?;
        let index = u64::from_be_bytes(index.try_into().ok()?);
        Some((i64::from_be_bytes(*log), index)).filter(|_| i64::try_from(index).is_ok())
    }

    /// The name of a standalone key where this list goes on.
    pub(crate) fn after_name(&self, list: List) -> Result<Option<KeyName>, Failure> {
        self.position(list, |position| std::str::from_utf8(position).ok()?.parse().ok())
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
    TransitKeys = 7,
    Tokens = 8,
    Erasures = 9,
    Log = 10,
    EventsOf = 11,
    Approvals = 12,
    Alarms = 13,
    Cases = 14,
    OwnAccesses = 15,
    BreakGlass = 16,
    Work = 17,
    Replay = 18,
}

impl List {
    const ALL: [Self; 18] = [
        Self::Subjects,
        Self::Search,
        Self::History,
        Self::Accesses,
        Self::Events,
        Self::Principals,
        Self::TransitKeys,
        Self::Tokens,
        Self::Erasures,
        Self::Log,
        Self::EventsOf,
        Self::Approvals,
        Self::Alarms,
        Self::Cases,
        Self::OwnAccesses,
        Self::BreakGlass,
        Self::Work,
        Self::Replay,
    ];
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    list: List,
    position: Vec<u8>,
}

const VERSION: u8 = 1;
/// Of a name of 60 characters; a token's place is shorter.
const LONGEST: usize = 83;

impl Cursor {
    pub(crate) fn id(list: List, id: &[u8; 16]) -> String {
        Self::write(list, id)
    }

    pub(crate) fn subject(place: SubjectPlace) -> String {
        Self::write(List::Subjects, &place.to_bytes())
    }

    pub(crate) fn number(list: List, number: i64) -> String {
        Self::write(list, &number.to_be_bytes())
    }

    pub(crate) fn place(log: i64, index: u64) -> String {
        Self::write(List::Log, &[log.to_be_bytes(), index.to_be_bytes()].concat())
    }

    pub(crate) fn token(place: &TokenPlace) -> String {
        Self::write(List::Tokens, &place.to_bytes())
    }

    pub(crate) fn name(list: List, name: &str) -> String {
        Self::write(list, name.as_bytes())
    }

    fn write(list: List, position: &[u8]) -> String {
        BASE64URL_NOPAD.encode(&[&[VERSION, list as u8], position].concat())
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
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
        for bytes in [&[][..], &[1], &[2, 1, 0], &[1, 0, 0], &[1, 200, 0]] {
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
        fn names_come_back(name in "[a-z0-9][a-z0-9_-]{0,59}") {
            let cursor = Cursor::read(&Cursor::name(List::TransitKeys, &name));
            let paging = Paging { limit: 1, cursor, cursor_place: String::new() };
            let back = paging.after_name(List::TransitKeys).expect("its own").map(String::from);
            prop_assert_eq!(back, Some(name));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            drop(Cursor::read(&text));
        }
    }
}
