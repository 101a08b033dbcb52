//! What is done in the background: late ties are told to the rules, and a day is given to reviewers once they have had their time.

use std::collections::HashMap;
use std::sync::Arc;

use avouch_store::Tx;
use avouch_watch::{
    Access, ActorId, Budget, Family, Queue, Session, SubjectFacts, SubjectId as Watched, Tie, View,
};

use super::cases::{self, CaseOutcome, CaseState, Closing, Found, Stored};
use super::{state, tie};
use crate::Error;
use crate::app::App;
use crate::audit::{self, What};
use crate::ids::{PrincipalId, TieId};

/// How many cases reviewers get for a day, spread over the families.
const ALERTS: u32 = 9;
/// How long a tie may take to be seen by others.
const LATE_MICROS: i64 = 10 * 60 * 1_000_000;
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// Ties that are read at once.
const SLICE: i64 = 1_000;
/// Days that are caught up with.
const DAYS: i32 = 3;

impl App {
    /// Judges again what late ties explain, and gives days that are over for a day to reviewers. To be called every hour.
    ///
    /// # Errors
    /// What the store reports.
    pub fn review_watch(self: &Arc<Self>) -> Result<(), Error> {
        self.rejudge()?;
        self.close_days()
    }

    /// Looks that a tie explains which came after them.
    fn rejudge(self: &Arc<Self>) -> Result<(), Error> {
        let begun = self.now();
        let (since, looks) = {
            let state = self.watching.lock();
            let mut looks: HashMap<Watched, Vec<(ActorId, i64)>> = HashMap::new();
            for (actor, _, subject, at) in state.watch.unexplained() {
                looks.entry(subject).or_default().push((actor, at));
            }
            (state.progress.ties, looks)
        };
        let mut after = first_at(since.saturating_sub(LATE_MICROS).max(begun.saturating_sub(3 * DAY_MICROS)));
        let mut explained: Vec<(ActorId, i32)> = Vec::new();
        loop {
            let rows = self.store.read_wait(move |tx| tie::newer(tx, after, SLICE))?;
            let Some((_, last)) = rows.last() else { break };
            after = last.id;
            let access = self.access();
            let told = rows.iter().filter_map(|(subject, row)| row.open(self, *subject));
            for tie in told {
                let subject = Watched(tie.pseudonym);
                for (actor, at) in looks.get(&subject).into_iter().flatten() {
                    if !tie.explains(&access, PrincipalId::from_bytes(actor.0), *at) {
                        continue;
                    }
                    let mut state = self.watching.lock();
                    if let Some(again) = state.watch.rejudge(&look(*actor, subject, *at), Tie::Contact) {
                        explained.push((*actor, again.day));
                    }
                }
            }
        }
        self.explain(explained)?;
        let mut progress = self.watching.lock().progress;
        progress.ties = begun;
        self.store_progress(progress)?;
        self.watching.lock().progress.ties = begun;
        Ok(())
    }

    /// Closes cases that have nothing left to rest on.
    fn explain(self: &Arc<Self>, mut days: Vec<(ActorId, i32)>) -> Result<(), Error> {
        days.sort_unstable();
        days.dedup();
        if days.is_empty() {
            return Ok(());
        }
        let app = Arc::clone(self);
        self.store.write_wait(move |tx| {
            for open in [CaseState::Waiting, CaseState::Open] {
                for mut stored in Stored::in_state(tx, &app, open)? {
                    let (actor, day) = (ActorId(*stored.case.actor.bytes()), stored.case.day);
                    if days.binary_search(&(actor, day)).is_err() {
                        continue;
                    }
                    let Some(score) = app.score_now(actor, day, &stored.case.family) else { continue };
                    if score >= app.watching.lock().watch.thresholds().levels.prompt {
                        continue;
                    }
                    stored.case.score = score;
                    stored.state = CaseState::Closed;
                    stored.case.closing = Some(Closing {
                        by: PrincipalId::SYSTEM,
                        at: app.now(),
                        outcome: CaseOutcome::Explained,
                        why: "a tie that was told later explains it".to_owned(),
                    });
                    stored.change(tx, &app, app.now())?;
                    note_closed(tx, &app, &stored)?;
                }
            }
            Ok(())
        })
    }

    /// What a family's rules say of a day now.
    fn score_now(&self, actor: ActorId, day: i32, family: &str) -> Option<f64> {
        let state = self.watching.lock();
        let family = Family::ALL.into_iter().find(|known| known.name() == family)?;
        let view = if state.watch.day(self.now()) > day { View::Again } else { View::AtOnce };
        let values = state.watch.day_values(actor, day, view)?;
        Some(values.family(family, state.watch.thresholds()))
    }

    /// Queues of days that late ties have had a day for.
    fn close_days(self: &Arc<Self>) -> Result<(), Error> {
        let now = self.now();
        let (last, today) = {
            let state = self.watching.lock();
            (state.progress.day, state.watch.day(now))
        };
        let due = today.saturating_sub(2);
        let from = last.map_or(due, |last| last.saturating_add(1)).max(due.saturating_sub(DAYS));
        for day in from..=due {
            let cases = self.watching.lock().watch.cases(day, View::Again);
            let mut queue = Queue::new(Budget::evenly(ALERTS));
            cases.into_iter().for_each(|case| queue.offer(case));
            let alerts: Vec<Found> = queue.close().into_iter().map(|alert| found(alert.case, now)).collect();
            let progress = state::Progress { day: Some(day), ..self.watching.lock().progress };
            let app = Arc::clone(self);
            self.store.write_wait(move |tx| {
                alerts.iter().try_for_each(|found| cases::open(tx, &app, found))?;
                for mut stored in Stored::in_state(tx, &app, CaseState::Waiting)? {
                    if stored.case.day <= day {
                        stored.state = CaseState::Passed;
                        stored.change(tx, &app, now)?;
                    }
                }
                Ok::<_, Error>(())
            })?;
            self.store_progress(progress)?;
            self.watching.lock().progress.day = Some(day);
        }
        Ok(())
    }
}

/// A day's case as it is opened for reviewers.
fn found(case: avouch_watch::Case, at: i64) -> Found {
    Found {
        actor: PrincipalId::from_bytes(case.actor.0),
        day: case.day,
        family: case.family,
        score: case.score,
        day_score: case.day_score,
        times: case.times,
        reasons: case.reasons.iter().map(ToString::to_string).collect(),
        event: None,
        at,
        urgent: true,
    }
}

/// What a look is known by, to have it judged again.
fn look(actor: ActorId, subject: Watched, at: i64) -> Access {
    Access {
        actor,
        team: avouch_watch::TeamId([0; 16]),
        leaving: false,
        vip_desk: false,
        subject,
        facts: SubjectFacts::default(),
        segment: 0,
        place: None,
        at,
        clear: 0,
        masked: 1,
        tie: Tie::None,
        session: Session::default(),
    }
}

fn note_closed(tx: &mut Tx<'_>, app: &App, stored: &Stored) -> Result<(), Error> {
    let mut event =
        audit::system(app.ids.event(app.now()), What::CaseExplain, app.now(), app.rules().version);
    event.objects = vec![(*stored.id.bytes()).into()];
    event.count = 1;
    audit::append(tx, &event, 0, None)?;
    Ok(())
}

/// Before every tie that was told from this moment on: ids begin with their time.
fn first_at(micros: i64) -> TieId {
    let millis = micros.div_euclid(1_000).max(0).to_be_bytes();
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(millis.iter().skip(2)) {
        *to = *from;
    }
    TieId::from_bytes(id)
}

/// Forgets what nothing may be kept of any longer.
pub(crate) fn sweep(tx: &mut Tx<'_>, app: &App, now: i64) -> Result<u64, Error> {
    Ok(tie::sweep(tx, now)? + cases::sweep(tx, now)? + state::sweep(tx, app, now)?)
}
