//! How much one person or program has seen in a day, by all accounts that they have: different customers, values in clear, customers carried out. Hard limits, from the roles
//! held; no approval lifts them.
//!
//! What counts is read off the event of each act, so that counts in memory and a recount from the ledger are the same by what they are.
//! A count is reserved in the transaction of the act, before its event is written, kept with the commit and given back without:
//! of two who come at once for the last one, one is refused. After a start the events of the day are counted again.
//! A day begins and ends at midnight UTC, wherever people are.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use avouch_charter::Daily;
use avouch_policy::{Action, Need, View};
use avouch_store::{Store, params, statements};

use crate::audit::{Ending, Event};
use crate::error::{Error, Refusal};
use crate::ids::{EventId, PrincipalId};

statements! {
    data EVENTS_FROM = "select id, body from event where id >= ?1 order by id limit ?2";
}

/// A day in microseconds.
pub(crate) const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// Customers that are told apart for one principal: as many as a charter can set as a limit. Whoever has no limit and sees more is
/// not counted further.
const TOLD_APART: usize = Daily::MOST_SUBJECTS as usize;
/// Events that are read at once when a day is counted again.
const PAGE: i64 = 5_000;
/// How a refusal names what has decided.
const DECIDED: &str = "charter:roles/daily";

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    days: Mutex<HashMap<PrincipalId, Day>>,
    /// Pseudonyms are held as keyed hashes of 64 bits: two of a day's customers are taken for one once in 10^8 days of the highest
    /// limit.
    hasher: RandomState,
}

/// What somebody has seen in a day.
#[derive(Debug, Default)]
struct Day {
    number: i64,
    /// Each customer, and how many acts under way or done have shown them.
    subjects: HashMap<u64, u32>,
    clear_fields: u64,
    rows_exported: u64,
}

/// What an event takes of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken<'e> {
    subjects: &'e [minicbor::bytes::ByteArray<16>],
    clear_fields: u64,
    rows_exported: u64,
}

/// Counts that are not certain yet; dropped, they are given back.
#[derive(Debug)]
pub(crate) struct Reservation {
    quotas: Arc<Quotas>,
    who: PrincipalId,
    day: i64,
    subjects: Vec<u64>,
    clear_fields: u64,
    rows_exported: u64,
    kept: bool,
}

impl Quotas {
    /// Counts the day anew from its events, in the place of what is in memory.
    pub(crate) fn load(self: &Arc<Self>, store: &Store, now: i64) -> Result<(), Error> {
        self.lock().clear();
        let mut from = EventId::first_at(now.div_euclid(DAY_MICROS).saturating_mul(DAY_MICROS)).int();
        loop {
            let rows = store.read_wait(move |tx| {
                tx.query(&EVENTS_FROM, params![from, PAGE], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))
            })?;
            for (id, body) in &rows {
                from = id.saturating_add(1);
                // One that was altered is for whoever verifies the log to find; it keeps nobody's vault shut.
                let Ok(event) = Event::decode(body) else { continue };
                let who = PrincipalId::from_bytes(*event.actor);
                if let Ok(Some(reservation)) = self.reserve(who, &[], &Daily::default(), &event) {
                    reservation.keep();
                }
            }
            if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                return Ok(());
            }
        }
    }

    /// Counts what an event shows, if that is still within the limits. `accounts`: all of the same human being, whose days are counted
    /// together; each keeps its own count, so that it does not matter when it became known whose they are.
    ///
    /// # Errors
    /// [`Error::Refused`], with each limit that it would pass; then nothing is counted.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        who: PrincipalId,
        accounts: &[PrincipalId],
        limits: &Daily,
        event: &Event,
    ) -> Result<Option<Reservation>, Error> {
        let Some(taken) = taken(event) else { return Ok(None) };
        let number = event.at.div_euclid(DAY_MICROS);
        let hashes: Vec<u64> =
            taken.subjects.iter().map(|pseudonym| self.hasher.hash_one(&pseudonym[..])).collect();
        let mut days = self.lock();
        let day = days.entry(who).or_default();
        if number > day.number {
            *day = Day { number, ..Day::default() };
        }
        let number = day.number;
        let others: Vec<&Day> = accounts
            .iter()
            .filter(|other| **other != who)
            .filter_map(|other| days.get(other).filter(|day| day.number == number))
            .collect();
        let Some(day) = days.get(&who) else { return Ok(None) };
        let needs = day.passed(&others, limits, &taken, &hashes);
        if !needs.is_empty() {
            return Err(Error::Refused(Refusal { needs, policies: vec![DECIDED.to_owned()] }));
        }
        let Some(day) = days.get_mut(&who) else { return Ok(None) };
        let subjects = day.add(&taken, hashes);
        let day = day.number;
        drop(days);
        let (quotas, clear_fields, rows_exported) =
            (Arc::clone(self), taken.clear_fields, taken.rows_exported);
        Ok(Some(Reservation { quotas, who, day, subjects, clear_fields, rows_exported, kept: false }))
    }

    /// Forgets days that are over.
    pub(crate) fn sweep(&self, now: i64) {
        let today = now.div_euclid(DAY_MICROS);
        self.lock().retain(|_, day| day.number >= today);
    }

    /// What somebody has seen today: customers, values in clear, customers carried out.
    #[cfg(test)]
    fn of(&self, who: PrincipalId, now: i64) -> [u64; 3] {
        let days = self.lock();
        let today = days.get(&who).filter(|day| day.number >= now.div_euclid(DAY_MICROS));
        today.map(Day::sums).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PrincipalId, Day>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Day {
    fn sums(&self) -> [u64; 3] {
        let subjects = u64::try_from(self.subjects.len()).unwrap_or(u64::MAX);
        [subjects, self.clear_fields, self.rows_exported]
    }

    /// The same with other accounts of the same human being: whom two of them have seen counts once.
    fn sums_with(&self, others: &[&Self]) -> [u64; 3] {
        let mut sums = self.sums();
        if others.is_empty() {
            return sums;
        }
        let mut subjects: HashSet<u64> = self.subjects.keys().copied().collect();
        for other in others {
            subjects.extend(other.subjects.keys());
            let [_, clear_fields, rows_exported] = other.sums();
            sums[1] = sums[1].saturating_add(clear_fields);
            sums[2] = sums[2].saturating_add(rows_exported);
        }
        sums[0] = u64::try_from(subjects.len()).unwrap_or(u64::MAX);
        sums
    }

    /// Which limits it would pass.
    fn passed(&self, others: &[&Self], limits: &Daily, taken: &Taken<'_>, hashes: &[u64]) -> Vec<Need> {
        if *limits == Daily::default() {
            return Vec::new();
        }
        let known = |hash: &u64| {
            self.subjects.contains_key(hash) || others.iter().any(|other| other.subjects.contains_key(hash))
        };
        let new = hashes.iter().filter(|hash| !known(hash)).count();
        let more = [u64::try_from(new).unwrap_or(u64::MAX), taken.clear_fields, taken.rows_exported];
        let resets = self.number.saturating_add(1).saturating_mul(DAY_MICROS);
        let counted = limits.all().into_iter().zip(self.sums_with(others).into_iter().zip(more));
        counted
            .filter_map(|((of, limit), (seen, more))| {
                let most = limit?;
                let passed = more > 0 && seen.saturating_add(more) > u64::from(most);
                passed.then(|| Need::Quota { of: of.to_owned(), most, resets })
            })
            .collect()
    }

    /// Adds it; says which customers were counted.
    fn add(&mut self, taken: &Taken<'_>, mut hashes: Vec<u64>) -> Vec<u64> {
        self.clear_fields = self.clear_fields.saturating_add(taken.clear_fields);
        self.rows_exported = self.rows_exported.saturating_add(taken.rows_exported);
        hashes.retain(|hash| {
            let room = self.subjects.len() < TOLD_APART || self.subjects.contains_key(hash);
            if room {
                let times = self.subjects.entry(*hash).or_default();
                *times = times.saturating_add(1);
            }
            room
        });
        hashes
    }

    fn give_back(&mut self, of: &Reservation) {
        self.clear_fields = self.clear_fields.saturating_sub(of.clear_fields);
        self.rows_exported = self.rows_exported.saturating_sub(of.rows_exported);
        for hash in &of.subjects {
            if let Some(times) = self.subjects.get_mut(hash) {
                *times = times.saturating_sub(1);
                if *times == 0 {
                    self.subjects.remove(hash);
                }
            }
        }
    }
}

impl Reservation {
    /// It was committed, or may have been.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let quotas = Arc::clone(&self.quotas);
        let mut days = quotas.lock();
        if let Some(day) = days.get_mut(&self.who).filter(|day| day.number == self.day) {
            day.give_back(self);
        }
    }
}

/// What an event takes of its actor's day; nothing when it shows nobody. Masked looks are looks. What is carried out is counted by
/// customers and by nothing else: an export that is let through is not to use up the day at the desk.
fn taken(event: &Event) -> Option<Taken<'_>> {
    const LOOKS: [Action; 7] = [
        Action::SubjectRead,
        Action::SubjectList,
        Action::SubjectSearch,
        Action::SubjectHistory,
        Action::SubjectReveal,
        Action::TokenDetokenize,
        Action::SubjectExport,
    ];
    let action = LOOKS.into_iter().find(|action| action.as_str() == event.what)?;
    if event.ending != Ending::Done || event.subjects.is_empty() {
        return None;
    }
    let clear = event.views.iter().filter(|view| **view == View::Clear as u8).count();
    let clear = u64::try_from(clear).unwrap_or(u64::MAX);
    let subjects = event.subjects.as_slice();
    Some(match action {
        Action::SubjectExport => Taken { subjects: &[], clear_fields: 0, rows_exported: event.count.into() },
        Action::SubjectReveal => Taken { subjects, clear_fields: clear, rows_exported: 0 },
        // Each token is one value.
        Action::TokenDetokenize => {
            let clear_fields = if clear > 0 { event.count.into() } else { 0 };
            Taken { subjects, clear_fields, rows_exported: 0 }
        }
        _ => Taken { subjects, clear_fields: 0, rows_exported: 0 },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::{What, system};

    const DAY: i64 = 20_000;

    /// An act: what, whom, how much in clear, in which half of which day, and whether it was committed.
    type Done = (usize, Vec<u8>, usize, u8, bool);

    fn event((what, whom, clear, half, _): &Done) -> Event {
        let action = [
            Action::SubjectRead,
            Action::SubjectReveal,
            Action::SubjectExport,
            Action::TokenDetokenize,
            Action::SubjectUpdate,
        ][*what];
        let at = (DAY + i64::from(half / 2)) * DAY_MICROS + i64::from(half % 2) * DAY_MICROS / 2;
        let count = u32::try_from(whom.len()).unwrap();
        Event {
            subjects: whom.iter().map(|one| [*one; 16].into()).collect(),
            fields: vec![1; *clear],
            views: vec![View::Clear as u8; *clear],
            count,
            ..system(EventId::from_int(1), What::Act(action), at, 1)
        }
    }

    /// What somebody who has all events of a day would say.
    fn recount(done: &[Done]) -> [u64; 3] {
        let day = done.iter().map(|(.., half, _)| half / 2).max();
        let kept = done.iter().filter(|(.., half, kept)| *kept && Some(half / 2) == day);
        let (mut seen, mut sums) = (HashSet::<u8>::new(), [0_u64; 3]);
        for (what, whom, clear, ..) in kept.filter(|(_, whom, ..)| !whom.is_empty()) {
            if [0, 1, 3].contains(what) {
                seen.extend(whom);
            }
            sums[1] += match what {
                1 => *clear as u64,
                3 if *clear > 0 => whom.len() as u64,
                _ => 0,
            };
            sums[2] += if *what == 2 { whom.len() as u64 } else { 0 };
        }
        [seen.len() as u64, sums[1], sums[2]]
    }

    proptest! {
        #[test]
        fn what_is_counted_is_what_the_events_say(
            mut done in proptest::collection::vec(
                (0..5_usize, proptest::collection::vec(0..9_u8, 0..4), 0..3_usize, 0..4_u8, any::<bool>()), 0..40,
            ),
        ) {
            done.sort_by_key(|(.., half, _)| *half);
            let quotas = Arc::new(Quotas::default());
            let who = PrincipalId::from_bytes([1; 16]);
            let mut latest = 0;
            let mut open = Vec::new();
            for act in &done {
                let event = event(act);
                if taken(&event).is_some() {
                    latest = event.at;
                }
                let reserved = quotas.reserve(who, &[], &Daily::default(), &event).unwrap();
                match (reserved, act.4) {
                    (Some(reserved), true) => reserved.keep(),
                    // Under way at the same time as what follows, until the end.
                    (reserved, _) => open.push(reserved),
                }
            }
            drop(open);
            let last = latest.div_euclid(DAY_MICROS) - DAY;
            let of_its_day: Vec<Done> =
                done.into_iter().filter(|act| i64::from(act.3 / 2) == last).collect();
            prop_assert_eq!(quotas.of(who, latest), recount(&of_its_day));
        }

        #[test]
        fn nobody_passes_a_limit_however_acts_lie_beside_each_other(
            acts in proptest::collection::vec((0..4_usize, proptest::collection::vec(0..20_u8, 1..5), 0..3_usize, any::<bool>()), 0..60),
        ) {
            let limits = Daily { subjects: Some(6), clear_fields: Some(5), rows_exported: Some(7) };
            let quotas = Arc::new(Quotas::default());
            // By two accounts of one human being, in turn.
            let accounts = [1, 2].map(|account| PrincipalId::from_bytes([account; 16]));
            let (mut open, mut done) = (Vec::new(), Vec::new());
            for (turn, (what, whom, clear, kept)) in acts.into_iter().enumerate() {
                let who = accounts[turn % 2];
                let mut whom = whom;
                whom.sort_unstable();
                whom.dedup();
                let act = (what, whom, clear, 0, true);
                match quotas.reserve(who, &accounts, &limits, &event(&act)) {
                    Ok(Some(reserved)) if kept => {
                        reserved.keep();
                        done.push(act);
                    }
                    Ok(reserved) => open.push(reserved),
                    Err(Error::Refused(refusal)) => {
                        prop_assert!(refusal.needs.iter().all(|need| need.name() == "quota"));
                    }
                    Err(error) => panic!("{error:?}"),
                }
                let [subjects, clear, rows] = recount(&done);
                prop_assert!(subjects <= 6 && clear <= 5 && rows <= 7);
                if open.len() > 3 {
                    open.clear();
                }
            }
        }
    }
}
