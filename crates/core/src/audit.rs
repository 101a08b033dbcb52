//! The ledger's floor: what is recorded of every act, its versioned encoding, and the one way to write it.
//!
//! An event carries ids, names of the charter, counts and commitments; never a value, an address, a typed text or an
//! error string. A subject appears as its pseudonym, which is random, sealed beside its keys and shredded with them:
//! after an erasure the event still counts and leads to nobody.
//!
//! The encoding is CBOR with integer keys in ascending order (deterministic by construction). Numbers of fields are
//! never used again for something else.

pub mod disclosures;
pub mod ocsf;
pub mod read;
pub mod search;
pub mod siem;

use avouch_policy::Action;
use avouch_store::{Tx, params, statements};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use crate::ids::{EventId, PrincipalId};

statements! {
    data INSERT_EVENT of event / 1 = "insert into event (id, body, sealed) values (?1, ?2, ?3)";
    data INSERT_EVENT_UNDER = "insert into event_under (under, event) values (?1, ?2)";
    data INSERT_EVENT_SUBJECT of event_subject / 2 = "insert into event_subject (pseudonym, event) values (?1, ?2)";
}

/// Everything that can happen. The closed vocabulary: each has one name, `noun.verb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A caller asked for an action of the policy's list.
    Act(Action),
    /// The vault was made.
    VaultCreate,
    /// The server opened the vault.
    VaultOpen,
    /// The vault was opened by a seal for recovery, and got another primary one.
    VaultRecover,
    /// The server closed the vault in good order.
    VaultClose,
    /// The keys of an erased subject were destroyed.
    SubjectShred,
    /// Erasures were done again, on an older copy of the data that was put back.
    ErasureReplay,
    /// Customers were sealed anew, under keys of a newer generation, or their old keys destroyed.
    SubjectReseal,
    /// Key-encryption keys that nothing needs any more were destroyed.
    KekDestroy,
    /// An index is whole: searches use it from now on.
    IndexReady,
    /// The terms of an index that the charter does not want any more are gone.
    IndexDrop,
    /// Roots that nothing is derived from any more were forgotten.
    RootForget,
    /// A backup was made and read back.
    BackupMake,
    /// Backups that are kept no longer were removed.
    BackupDrop,
    /// A store, or both, were restored from backups.
    VaultRestore,
    /// Whoever was erased since a backup is gone again.
    VaultReplay,
    /// A log begins: the first, or another after one that has ended.
    LogBegin,
    /// Events that were kept long enough were let go of.
    LogPrune,
    /// Somebody at the host let an administrator in again.
    AdministratorRecover,
    /// A known credential was refused: wrong secret, expired, withdrawn or suspended.
    CredentialRefuse,
    /// A service that has proved who it is was given an access token, or has renewed its certificate.
    CredentialIssue,
    /// A service has ended an access token of its own.
    CredentialEnd,
    /// Something happened that somebody has to look at.
    AlarmRaise,
    /// A message could not be delivered for days, and was let go of.
    MessageDrop,
    /// A code to log in with was sent.
    CodeSend,
    /// Somebody's looks are worth a reviewer's minutes.
    CaseOpen,
    /// A case has explained itself: a tie was told late.
    CaseExplain,
    /// Somebody has touched what no work leads to.
    HoneyTouch,
}

impl What {
    /// What happens besides actions of the policy's list.
    pub const OWN: &[Self] = &[
        Self::VaultCreate,
        Self::VaultOpen,
        Self::VaultRecover,
        Self::VaultClose,
        Self::SubjectShred,
        Self::ErasureReplay,
        Self::SubjectReseal,
        Self::KekDestroy,
        Self::IndexReady,
        Self::IndexDrop,
        Self::RootForget,
        Self::BackupMake,
        Self::BackupDrop,
        Self::VaultRestore,
        Self::VaultReplay,
        Self::LogBegin,
        Self::LogPrune,
        Self::AdministratorRecover,
        Self::CredentialRefuse,
        Self::CredentialIssue,
        Self::CredentialEnd,
        Self::AlarmRaise,
        Self::MessageDrop,
        Self::CodeSend,
        Self::CaseOpen,
        Self::CaseExplain,
        Self::HoneyTouch,
    ];

    /// Everything that can happen.
    pub fn all() -> impl Iterator<Item = Self> {
        Action::ALL.iter().copied().map(Self::Act).chain(Self::OWN.iter().copied())
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|what| what.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Act(action) => action.as_str(),
            Self::VaultCreate => "vault.create",
            Self::VaultOpen => "vault.open",
            Self::VaultRecover => "vault.recover",
            Self::VaultClose => "vault.close",
            Self::SubjectShred => "subject.shred",
            Self::ErasureReplay => "erasure.replay",
            Self::SubjectReseal => "subject.reseal",
            Self::KekDestroy => "key.destroy",
            Self::IndexReady => "index.ready",
            Self::IndexDrop => "index.drop",
            Self::RootForget => "root.forget",
            Self::BackupMake => "backup.make",
            Self::BackupDrop => "backup.drop",
            Self::VaultRestore => "vault.restore",
            Self::VaultReplay => "vault.replay",
            Self::LogBegin => "log.begin",
            Self::LogPrune => "log.prune",
            Self::AdministratorRecover => "administrator.recover",
            Self::CredentialRefuse => "credential.refuse",
            Self::CredentialIssue => "credential.issue",
            Self::CredentialEnd => "credential.end",
            Self::AlarmRaise => "alarm.raise",
            Self::MessageDrop => "message.drop",
            Self::CodeSend => "code.send",
            Self::CaseOpen => "case.open",
            Self::CaseExplain => "case.explain",
            Self::HoneyTouch => "honey.touch",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Ending {
    /// Done, or shown.
    #[n(0)]
    Done,
    /// Policy said no.
    #[n(1)]
    Refused,
    /// It could not be done: not found, conflict, failed integrity check.
    #[n(2)]
    Failed,
}

/// One event. See the module for what may be in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Event {
    /// Version of this encoding.
    #[n(0)]
    pub v: u8,
    /// [`What::name`].
    #[n(1)]
    pub what: String,
    /// Microseconds UTC.
    #[n(2)]
    pub at: i64,
    /// [`PrincipalId`].
    #[n(3)]
    pub actor: ByteArray<16>,
    /// The credential used.
    #[n(4)]
    pub credential: Option<ByteArray<16>>,
    /// How it ended.
    #[n(5)]
    pub ending: Ending,
    /// Why not, when it was not done: a problem's slug.
    #[n(6)]
    pub problem: Option<String>,
    /// Version of the charter that was in force.
    #[n(7)]
    pub charter: u32,
    /// A purpose of that charter.
    #[n(8)]
    pub purpose: Option<String>,
    /// Ids of the deciding policies.
    #[n(9)]
    pub policies: Vec<String>,
    /// Names of unmet needs.
    #[n(10)]
    pub needs: Vec<String>,
    /// Pseudonyms of the subjects touched.
    #[n(11)]
    pub subjects: Vec<ByteArray<16>>,
    /// Numbers of the fields shown or changed.
    #[n(12)]
    pub fields: Vec<u32>,
    /// How each of these was shown (same order), or empty for a change.
    #[n(13)]
    pub views: Vec<u8>,
    /// How many subjects, tokens or rows.
    #[n(14)]
    pub count: u32,
    /// Each record version written.
    #[n(15)]
    pub written: Vec<Written>,
    /// Commitment to the typed reason, which is kept sealed beside the event.
    #[n(16)]
    pub reason: Option<ByteArray<32>>,
    /// A recipient of the charter.
    #[n(17)]
    pub recipient: Option<String>,
    /// Ids of other things touched: principals, credentials, imports.
    #[n(18)]
    pub objects: Vec<ByteArray<16>>,
    /// The name of the standalone key: of one that there is or, when it was tried to make one, of one that its caller may make.
    #[n(19)]
    pub key: Option<String>,
    /// Number of an erasure: which was ordered, done, read, or known of and passed over when its person came again.
    #[n(20)]
    pub erasure: Option<u64>,
    /// Its own [`EventId`]: whoever has the leaf knows which event it is.
    #[n(21)]
    pub id: i64,
    /// What was published of the log before, for the first leaf of one. Of which log up to which leaf events are gone, where some
    /// were let go of.
    #[n(22)]
    pub before: Option<Before>,
    /// How many customers have ended as a whole. Not which: an erasure is known by its number, and its receipt names the customer.
    #[n(23)]
    pub ended: u32,
    /// Ids of what it was allowed by that no role is: others' word ([`ApprovalId`](crate::ApprovalId)), broken glass
    /// ([`GlassId`](crate::GlassId)). What was done under one is found by it.
    #[n(24)]
    pub under: Option<Vec<ByteArray<16>>>,
    /// What policy was asked, beside what stands here anyway; nothing for the system's own doing. With it the decision can be made
    /// again under another charter.
    #[n(25)]
    pub asked: Option<Asked>,
}

/// The facts of a decision. Classes and names of the charter, never somebody: who a customer is as a class stands here only where none
/// is named, in a refusal; beside a look it is sealed with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(array)]
pub struct Asked {
    /// By what the caller came, as its place in [`avouch_policy::Means::ALL`].
    #[n(0)]
    pub means: u8,
    /// The assurance level.
    #[n(1)]
    pub aal: u8,
    /// Minutes since the caller showed who it is.
    #[n(2)]
    pub age: u32,
    /// How much is new about its place.
    #[n(3)]
    pub novelty: u8,
    /// [`Asked::NETWORK`] and the others that held.
    #[n(4)]
    pub facts: u16,
    /// The most customers it could touch, at most a thousand million.
    #[n(5)]
    pub rows: u32,
    /// How delicate it is to look at the one customer.
    #[n(6)]
    pub tier: u8,
    /// The least view of each field that was not less than a refusal.
    #[n(7)]
    pub least: Option<u8>,
    /// Numbers of the fields that were to be shown, where the event does not say it.
    #[n(8)]
    pub fields: Vec<u32>,
    /// Numbers of the fields that were compared with what the caller gave.
    #[n(9)]
    pub compares: Vec<u32>,
    /// Numbers of the fields that were to be written, where the event does not say it.
    #[n(10)]
    pub writes: Vec<u32>,
    /// What others had agreed to.
    #[n(11)]
    pub approved: Vec<String>,
    /// How many people that were.
    #[n(12)]
    pub approvers: u32,
    /// Hours since what the caller logs in with was changed.
    #[n(13)]
    pub settled: u32,
    /// How sure it was that the key is in one device: 0, 1 or 2.
    #[n(14)]
    pub key: u8,
}

impl Asked {
    /// The caller could not have shown it to a false page.
    pub const RESISTANT: u16 = 1;
    /// The caller was in its networks.
    pub const NETWORK: u16 = 2;
    /// A reason was given.
    pub const REASON: u16 = 4;
    /// The processing of one of the customers was restricted.
    pub const RESTRICTED: u16 = 8;
    /// It was about one customer.
    pub const ONE: u16 = 16;
    /// Who was the caller.
    pub const OWN: u16 = 32;
    /// Who works here.
    pub const COLLEAGUE: u16 = 64;
    /// It showed each field as far as it might.
    pub const WHATEVER: u16 = 128;
    /// It was to show certain fields.
    pub const THESE: u16 = 256;
    /// The recipient's contract ran, of whom there was one.
    pub const CONTRACT: u16 = 512;
    /// A code was sent to the caller.
    pub const SENT_CODE: u16 = 1024;
    /// It was behind broken glass.
    pub const GLASS: u16 = 2048;

    /// Whether a fact held.
    #[must_use]
    pub const fn has(&self, fact: u16) -> bool {
        self.facts & fact != 0
    }
}

impl Event {
    /// Reads what is stored of an event, and hashed as its leaf.
    ///
    /// # Errors
    /// [`crate::Error::Tampered`].
    pub fn decode(body: &[u8]) -> Result<Self, crate::Error> {
        read::decode(body)
    }
}

/// One version of a record, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Written {
    /// `row_digest["record"](the whole row)`: what the row has for its manifest.
    #[n(0)]
    pub digest: ByteArray<32>,
    /// Its number.
    #[n(1)]
    pub version: u64,
    /// Whose it is, of [`Event::subjects`]; nothing when none of their keys opened.
    #[n(2)]
    pub whose: Option<u32>,
}

/// The newest checkpoint that is known of a log which has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Before {
    /// Its number.
    #[n(0)]
    pub log: i64,
    /// How many leaves were published.
    #[n(1)]
    pub size: u64,
    /// The root over them.
    #[n(2)]
    pub root: ByteArray<32>,
}

/// What an operation itself says about what it did; the funnel adds who, when and why.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// Subjects touched, each with its pseudonym; linked so that "who saw this person" can be answered.
    pub subjects: Vec<[u8; 16]>,
    /// Subjects whose record version already names this event (`record.event`), so no link row is needed.
    pub made: Vec<[u8; 16]>,
    /// Fields and, for a look, how they were shown.
    pub fields: Vec<(u32, Option<avouch_policy::View>)>,
    /// See [`Event::count`].
    pub count: u32,
    /// See [`Event::written`].
    pub written: Vec<Wrote>,
    /// See [`Event::recipient`].
    pub recipient: Option<String>,
    /// See [`Event::objects`].
    pub objects: Vec<[u8; 16]>,
    /// See [`Event::erasure`].
    pub erasure: Option<u64>,
    /// See [`Event::ended`].
    pub ended: u32,
    /// Whom the caller was shown, and how much: what is judged when the caller is a person. Not in the event.
    pub looks: Vec<crate::watch::Look>,
}

/// A record version that an operation has written, and the name under which events know its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrote {
    /// Nothing when none of their keys opens.
    pub whose: Option<[u8; 16]>,
    /// Its number.
    pub version: u64,
    /// Its manifest.
    pub digest: [u8; 32],
}

impl Event {
    /// Puts in what was written, and whose it is.
    pub(crate) fn wrote(&mut self, wrote: &[Wrote]) {
        let place = |whose: [u8; 16]| {
            let at = self.subjects.iter().position(|subject| **subject == whose)?;
            u32::try_from(at).ok()
        };
        self.written = wrote
            .iter()
            .map(|one| Written {
                digest: one.digest.into(),
                version: one.version,
                whose: one.whose.and_then(place),
            })
            .collect();
    }
}

impl Note {
    /// A note about `count` things and nothing else.
    #[must_use]
    pub fn count(count: usize) -> Self {
        Self { count: u32::try_from(count).unwrap_or(u32::MAX), ..Self::default() }
    }
}

/// Writes an event and links it to its subjects, in the transaction of what it records.
pub(crate) fn append(
    tx: &mut Tx<'_>,
    event: &Event,
    linked: usize,
    sealed_reason: Option<&[u8]>,
) -> Result<(), avouch_store::Error> {
    let body = encode(event);
    tx.put(&INSERT_EVENT, params![event.id, &body, sealed_reason])?;
    for pseudonym in event.subjects.iter().take(linked) {
        tx.put(&INSERT_EVENT_SUBJECT, params![&pseudonym[..], event.id])?;
    }
    for under in event.under.iter().flatten() {
        tx.put(&INSERT_EVENT_UNDER, params![&under[..], event.id])?;
    }
    Ok(())
}

/// What is stored of an event, and hashed as its leaf.
pub(crate) fn encode(event: &Event) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    // Writing to a `Vec` has no error, and neither have the fields' encoders.
    let encoded = minicbor::encode(event, &mut body);
    debug_assert!(encoded.is_ok());
    body
}

/// An event of the system itself.
pub(crate) fn system(id: EventId, what: What, now: i64, charter: u32) -> Event {
    Event {
        v: 1,
        what: what.name().to_owned(),
        at: now,
        actor: (*PrincipalId::SYSTEM.bytes()).into(),
        credential: None,
        ending: Ending::Done,
        problem: None,
        charter,
        purpose: None,
        policies: Vec::new(),
        needs: Vec::new(),
        subjects: Vec::new(),
        fields: Vec::new(),
        views: Vec::new(),
        count: 0,
        written: Vec::new(),
        reason: None,
        recipient: None,
        objects: Vec::new(),
        key: None,
        erasure: None,
        id: id.int(),
        before: None,
        ended: 0,
        asked: None,
        under: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            purpose: Some("support".to_owned()),
            policies: vec!["role:support/reveals/1".to_owned()],
            subjects: vec![[7; 16].into()],
            fields: vec![3],
            views: vec![4],
            count: 1,
            reason: Some([9; 32].into()),
            ..system(EventId::from_int(5), What::Act(Action::SubjectReveal), 1_700_000_000_000_000, 1)
        }
    }

    #[test]
    fn the_encoding_is_pinned_and_reversible() {
        let bytes = minicbor::to_vec(event()).expect("encodes");
        assert_eq!(minicbor::decode::<Event>(&bytes).expect("decodes"), event());
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(hex, @"b20001016e7375626a6563742e72657665616c021b00060a24181e4000035000000000000000000000000000000000050007010867737570706f7274098176726f6c653a737570706f72742f72657665616c732f310a800b8150070707070707070707070707070707070c81030d81040e010f801058200909090909090909090909090909090909090909090909090909090909090909128015051700");
    }

    #[test]
    fn the_name_of_a_key_is_there_only_where_there_is_one() {
        let [with, without] = [Some("orders".to_owned()), None].map(|key| Event { key, ..event() });
        let [with, without] = [with, without].map(|event| minicbor::to_vec(event).expect("encodes"));
        // One more entry in the map, and before the last two number 19 and six letters.
        assert_eq!((without[0], with[0]), (0xb2, 0xb3));
        let (before, last) = without.split_at(without.len() - 4);
        assert_eq!([&before[1..], b"\x13\x66orders", last].concat(), with[1..]);
        assert_eq!(minicbor::decode::<Event>(&with).expect("decodes").key.as_deref(), Some("orders"));
    }

    #[test]
    fn every_name_is_noun_dot_verb_and_unique() {
        let mut names: Vec<_> = What::all().map(What::name).collect();
        assert!(names.iter().all(|name| name.split('.').count() == 2));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
