//! The vault: people's records, sealed; looked at, changed, found, tokenised, carried in and out. One file per thing that
//! can be done. Nothing here opens a sealed value except `record`, and `record` asks the permit.

mod accesses;
mod create;
mod export;
mod history;
mod import;
mod input;
pub(crate) mod keys;
mod list;
mod read;
pub(crate) mod record;
mod reseal;
mod restored;
mod search;
mod status;
pub(crate) mod terms;
pub(crate) mod token;
mod update;

pub(crate) use accesses::view_of;
pub use accesses::{Access as AccessEntry, Accessed, Accesses};
pub(crate) use create::same_charter;
pub use create::{CreateSubject, Created, Returning};
pub use export::{Export, ExportError, ExportFormat};
pub use history::{History, HistoryEntry};
pub use import::{
    ChunkDone, ColumnGuess, ColumnSample, ImportChunk, ImportRow, ImportState, OnDuplicate, OnErased,
    Proposal, ProposeMapping, ReadImport, RejectedRow, StartImport, propose,
};
pub(crate) use keys::from_row as wrapped_from_row;
pub use list::{ListSubjects, Page, SubjectPlace};
pub(crate) use list::{count, unchecked};
pub(crate) use read::pseudonym_of;
pub use read::{ReadSubject, RevealSubject};
pub use record::ShownSubject;
pub(crate) use reseal::{Again, reseal};
pub(crate) use restored::{Found, forget, look};
pub(crate) use search::predicted;
pub use search::{Asked, SearchSubjects};
pub use status::{ReadStatus, Status};
pub(crate) use terms::{Indexed, index_people};
pub use token::{
    CreateTokens, Damaged, Detokenize, Detokenized, FOREIGN_LENGTHS, ForeignToken, ImportTokens,
    InspectTokens, ListTokens, MAX_FOREIGN, MAX_METADATA, MAX_SUBJECTS, MAX_TAG, MAX_TAGS, MAX_TOKENS,
    MAX_USES, NoToken, Presented, Reading, RevokeTokens, RevokeWhich, Revoked, RotateTokens, Terms,
    TokenItem, TokenPage, TokenPlace, TokenView, Tokenize, Tokenized, TokensOf, Unmapped,
};
pub(crate) use token::{Standing, Standings, StoredStandings, sweep as sweep_tokens};
pub use update::{UpdateSubject, Updated};

use avouch_store::Ahead;

use crate::ids::SubjectId;
use crate::rules::Rules;
use crate::{Error, Fault};

/// Every statement of the room, for the test that prepares them all.
pub(crate) fn statements() -> Vec<&'static avouch_store::Statement> {
    let mut statements = [
        accesses::STATEMENTS,
        import::STATEMENTS,
        keys::STATEMENTS,
        list::STATEMENTS,
        record::STATEMENTS,
        reseal::STATEMENTS,
        restored::STATEMENTS,
        status::STATEMENTS,
    ]
    .concat();
    statements.extend(token::statements());
    statements
}

/// What will be asked about a person whose record is opened.
pub(crate) fn person_ahead(subject: SubjectId) -> [Ahead; 2] {
    [record::Record::ahead(subject), keys::Ring::ahead(subject)]
}

/// The places of fields by name.
///
/// # Errors
/// Every name the charter does not know.
pub(crate) fn places(rules: &Rules, names: &[String], pointer: &str) -> Result<Vec<usize>, Error> {
    let mut places = Vec::with_capacity(names.len());
    let mut faults = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match rules.place(name) {
            Some(place) if places.contains(&place) => {
                faults.push(Fault::new(format!("{pointer}/{at}"), "this field is named twice"));
            }
            Some(place) => places.push(place),
            None => faults.push(Fault::new(format!("{pointer}/{at}"), "the charter has no such field")),
        }
    }
    if faults.is_empty() { Ok(places) } else { Err(Error::Invalid(faults)) }
}
