//! Somebody who writes and reads as fast as the server answers, and keeps a book of what was acknowledged. Each works on
//! customers of their own, so that the book says exactly what must be found, and not just a bound.

use std::time::Duration;

use avouch_client::{Client, Error, Stated};
use avouch_wire::{
    BatchItem, BatchOperation, BatchRequest, EraseQuery, Fields, HoldRequest, PageQuery, ProblemKind,
    RevealRequest, SearchRequest, SubjectCreate, SubjectPatch, subject::BatchReveal,
};
use serde_json::json;
use uuid::Uuid;

/// SplitMix64: the same choices from the same seed.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    /// From 0 up to and without `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    pub(crate) fn millis(&mut self, from: usize, to: usize) -> Duration {
        Duration::from_millis((from + self.below(to - from)) as u64)
    }
}

/// Who calls.
pub(crate) struct Callers {
    pub(crate) support: Client,
    pub(crate) dpo: Client,
}

/// See the module.
pub(crate) struct Worker {
    name: String,
    rng: Rng,
    marks: u64,
    /// Customers that must be there.
    pub(crate) known: Vec<Known>,
    /// Customers that must not.
    pub(crate) gone: Vec<Uuid>,
    /// Looks on record: whom at, and the event.
    pub(crate) looks: Vec<(Uuid, Uuid)>,
    /// Sent and not answered.
    pending: Option<Pending>,
    pub(crate) acknowledged: usize,
    /// How many acts without an answer turned out to be done, and how many not.
    pub(crate) fates: [usize; 2],
}

/// A customer as last acknowledged.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) id: Uuid,
    pub(crate) version: u64,
    /// Which values it has.
    mark: u64,
    /// Whether it has notes, which are of a class of their own that may be erased.
    noted: bool,
    /// Whether it was written since the last check.
    fresh: bool,
}

#[derive(Clone, Copy)]
enum Pending {
    Create(u64),
    Update(usize, u64),
    Delete(usize),
    EraseNotes(usize),
    Reveal,
}

impl Worker {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        Self {
            name: format!("w{number}"),
            rng: Rng(seed ^ (number as u64) << 32),
            marks: 0,
            known: Vec::new(),
            gone: Vec::new(),
            looks: Vec::new(),
            pending: None,
            acknowledged: 0,
            fates: [0; 2],
        }
    }

    /// One act, entered in the book when its answer comes.
    ///
    /// # Errors
    /// The act's; what became of it is for [`Worker::settle`] to find out.
    pub(crate) fn act(&mut self, callers: &Callers) -> Result<(), Error> {
        let somebody = (!self.known.is_empty()).then(|| self.rng.below(self.known.len().max(1)));
        let pending = match (self.rng.below(20), somebody) {
            (0..8, _) | (_, None) => Pending::Create(self.next_mark()),
            (8..14, Some(at)) => Pending::Update(at, self.next_mark()),
            (14, Some(at)) => Pending::Delete(at),
            (15, Some(at)) if self.known[at].noted => Pending::EraseNotes(at),
            (_, Some(_)) => Pending::Reveal,
        };
        self.pending = Some(pending);
        match pending {
            Pending::Create(mark) => {
                let request = SubjectCreate { fields: self.values(mark, true), again: false };
                let made = callers.support.create(&request, &Stated::purpose("support"), None)?;
                self.known.push(Known { id: made.id, version: made.version, mark, noted: true, fresh: true });
            }
            Pending::Update(at, mark) => {
                let Known { id, version, .. } = self.known[at];
                let request = SubjectPatch { fields: self.values(mark, false), again: false };
                let made = callers.support.update(id, version, &request, &Stated::purpose("support"))?;
                assert_eq!(made.version, version + 1);
                self.known[at] = Known { id, version: made.version, mark, noted: true, fresh: true };
            }
            Pending::Delete(at) => {
                let id = self.known[at].id;
                if self.rng.below(3) == 0 {
                    let reason = "test".to_owned();
                    let hold = HoldRequest { class: None, reason, until: None };
                    callers.dpo.hold(id, &hold, &deleting())?;
                }
                // A hold may be left of an attempt that was cut off, too.
                match callers.dpo.delete(id, &deleting()) {
                    Err(error) if kind(&error) == Some(ProblemKind::LegalHold) => {
                        for hold in callers.dpo.holds(id, &deleting())?.items {
                            callers.dpo.lift_hold(id, hold.id, &deleting())?;
                        }
                        callers.dpo.delete(id, &deleting())?;
                    }
                    erased => drop(erased?),
                }
                self.gone.push(self.known.swap_remove(at).id);
            }
            Pending::EraseNotes(at) => {
                let Known { id, version, mark, .. } = self.known[at];
                let what = EraseQuery { classes: Some("service".to_owned()), keep_held: Some(true) };
                match callers.dpo.erase(id, &what, &deleting()) {
                    // All of it is held, since an attempt to erase it was cut off.
                    Err(error) if kind(&error) == Some(ProblemKind::LegalHold) => {}
                    erased => {
                        assert_eq!(erased?.receipt.classes, ["service"]);
                        self.known[at] = Known { id, version: version + 1, mark, noted: false, fresh: true };
                    }
                }
            }
            Pending::Reveal => {
                let at = somebody.unwrap_or_default();
                let known = self.known[at];
                let revealed = callers.support.reveal(known.id, &reveal())?;
                assert_eq!(revealed.subject.version, known.version);
                self.assert_values(&revealed.subject.fields, &known);
                self.looks.push((known.id, revealed.event));
            }
        }
        self.pending = None;
        self.acknowledged += 1;
        Ok(())
    }

    /// Finds out what became of the act that was not answered, and takes it into the book: done or not, and nothing in
    /// between.
    ///
    /// # Errors
    /// When it cannot be asked; may be called again.
    pub(crate) fn settle(&mut self, callers: &Callers) -> Result<(), Error> {
        let Some(pending) = self.pending else { return Ok(()) };
        let done = match pending {
            Pending::Create(mark) => {
                let by = Fields::from_iter([("email".to_owned(), json!(self.email(mark)))]);
                let search = SearchRequest {
                    purpose: "support".to_owned(),
                    reason: Some("test".to_owned().into()),
                    by,
                    like: Default::default(),
                    limit: None,
                    cursor: None,
                };
                let found = callers.support.search(&search)?.items;
                assert!(found.len() <= 1);
                self.known.extend(found.iter().map(|made| Known {
                    id: made.id,
                    version: 1,
                    mark,
                    noted: true,
                    fresh: true,
                }));
                !found.is_empty()
            }
            Pending::Update(at, mark) => {
                let Known { id, version, .. } = self.known[at];
                let found = callers.support.reveal(id, &reveal())?.subject.version;
                assert!(found == version || found == version + 1, "version {found} after {version}");
                if found > version {
                    self.known[at] = Known { id, version: found, mark, noted: true, fresh: true };
                }
                self.known[at].fresh = true;
                found > version
            }
            Pending::Delete(at) => match callers.support.reveal(self.known[at].id, &reveal()) {
                Ok(_) => false,
                Err(error) if kind(&error) == Some(ProblemKind::NotFound) => {
                    self.gone.push(self.known.swap_remove(at).id);
                    true
                }
                Err(error) => return Err(error),
            },
            Pending::EraseNotes(at) => {
                let Known { id, version, .. } = self.known[at];
                let found = callers.support.reveal(id, &reveal())?.subject.version;
                assert!(found == version || found == version + 1, "version {found} after {version}");
                let noted = found == version;
                self.known[at] = Known { version: found, noted, fresh: true, ..self.known[at] };
                !noted
            }
            Pending::Reveal => {
                self.pending = None;
                return Ok(());
            }
        };
        self.fates[usize::from(!done)] += 1;
        self.pending = None;
        Ok(())
    }

    /// Whether something was sent and not answered.
    pub(crate) fn waits(&self) -> bool {
        self.pending.is_some()
    }

    /// Reveals everybody who was written since the last check, or all, and compares with the book.
    pub(crate) fn check(&mut self, callers: &Callers, all: bool) {
        let places: Vec<usize> = (0..self.known.len()).filter(|at| all || self.known[*at].fresh).collect();
        for places in places.chunks(500) {
            let items = places.iter().map(|at| batch_item(self.known[*at].id)).collect();
            let results = callers.support.batch(&batch(items)).unwrap().items;
            for (at, result) in places.iter().zip(results) {
                let known = &mut self.known[*at];
                known.fresh = false;
                let known = *known;
                let subject = result.subject.unwrap_or_else(|| panic!("{}: {:?}", known.id, result.problem));
                assert_eq!((subject.id, subject.version), (known.id, known.version));
                self.assert_values(&subject.fields, &known);
            }
        }
        let recent = self.gone.len().saturating_sub(if all { usize::MAX } else { 20 });
        for gone in self.gone[recent..].chunks(500) {
            let items = gone.iter().map(|id| batch_item(*id)).collect();
            let results = callers.support.batch(&batch(items)).unwrap().items;
            assert!(results.iter().all(|result| result.status == 404), "somebody is back");
        }
        let seen = self.looks.iter().rev().find(|(id, _)| self.known.iter().any(|known| known.id == *id));
        if let Some((id, event)) = seen {
            let page = PageQuery { limit: Some(100), cursor: None };
            let stated = Stated::purpose("support").reason("test");
            let page = callers.support.accesses(*id, &page, &stated).unwrap();
            assert!(page.items.iter().any(|access| access.event == *event), "a look is not on record");
        }
    }

    fn next_mark(&mut self) -> u64 {
        self.marks += 1;
        self.marks
    }

    fn email(&self, mark: u64) -> String {
        format!("{}.{mark}@example.org", self.name)
    }

    fn notes(&self, mark: u64) -> String {
        format!("{} wrote {mark}, {}", self.name, "and so on, ".repeat(20))
    }

    fn values(&self, mark: u64, new: bool) -> Fields {
        let name = new.then(|| ("name".to_owned(), json!("Ada Probe")));
        let changing =
            [("email".to_owned(), json!(self.email(mark))), ("notes".to_owned(), json!(self.notes(mark)))];
        name.into_iter().chain(changing).collect()
    }

    fn assert_values(&self, fields: &Fields, known: &Known) {
        assert_eq!(fields.0["email"], json!(self.email(known.mark)));
        let notes = known.noted.then(|| json!(self.notes(known.mark)));
        assert_eq!(fields.0.get("notes"), notes.as_ref());
        assert_eq!(fields.0["name"], json!("Ada Probe"));
    }
}

pub(crate) fn kind(error: &Error) -> Option<ProblemKind> {
    error.problem().map(|problem| problem.kind)
}

fn revealed_fields() -> Vec<String> {
    ["name", "email", "notes"].map(str::to_owned).into()
}

fn reveal() -> RevealRequest {
    RevealRequest {
        purpose: "support".to_owned(),
        reason: Some("test".to_owned().into()),
        fields: revealed_fields(),
        view: None,
    }
}

fn deleting() -> Stated {
    Stated::purpose("data_rights").reason("test")
}

fn batch_item(id: Uuid) -> BatchItem {
    BatchItem {
        reference: None,
        operation: BatchOperation::Reveal(BatchReveal { id, fields: revealed_fields() }),
    }
}

fn batch(items: Vec<BatchItem>) -> BatchRequest {
    BatchRequest { purpose: Some("support".to_owned()), reason: Some("test".to_owned().into()), items }
}
