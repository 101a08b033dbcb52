//! All actors and teams together: the state that looks are judged with.

use std::collections::BTreeMap;

use crate::access::{Access, ActorId, SubjectId, TeamId, Tie};
use crate::actor::Actor;
use crate::bounded::make_room;
use crate::explain::reasons;
use crate::judgement::{Action, Case, Figures, Judgement, View};
use crate::onlookers::Onlookers;
use crate::rule::{Family, Values};
use crate::team::Team;
use crate::thresholds::Thresholds;
use crate::visit::Marks;
use crate::{Result, honey, pattern, relation};

/// Judges looks at customers, one after the other.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(crate) thresholds: Thresholds,
    pub(crate) actors: BTreeMap<ActorId, Box<Actor>>,
    pub(crate) teams: BTreeMap<TeamId, Box<Team>>,
    pub(crate) onlookers: Onlookers,
}

impl Watch {
    /// One that knows nobody yet.
    ///
    /// # Errors
    /// [`Error::Thresholds`](crate::Error::Thresholds) if no rule can be computed with them.
    pub fn new(thresholds: Thresholds) -> Result<Self> {
        thresholds.check()?;
        Ok(Self {
            thresholds,
            actors: BTreeMap::new(),
            teams: BTreeMap::new(),
            onlookers: Onlookers::default(),
        })
    }

    /// With what it judges.
    #[must_use]
    pub const fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The company's day of a time, in days since 1970.
    #[must_use]
    pub fn day(&self, at: i64) -> i32 {
        self.thresholds.day(at)
    }

    /// Takes a look in, and judges it. A look that shows nothing, clear or masked, is none and changes
    /// nothing, unless the record is nobody's.
    ///
    /// Times may go backwards: what is of yesterday counts today, and what is older than that means that the
    /// clock was wrong.
    pub fn judge(&mut self, access: &Access) -> Judgement {
        if access.clear == 0 && access.masked == 0 && !access.facts.honey {
            return self.foresee(access);
        }
        let Self { thresholds, actors, teams, onlookers } = self;
        if !teams.contains_key(&access.team) {
            make_room(teams, thresholds.bounds.teams, |team| team.newest());
        }
        let team = teams.entry(access.team).or_insert_with(|| Box::new(Team::new(thresholds)));
        team.turn(thresholds.day(access.at), thresholds);
        team.revision = team.revision.wrapping_add(1);
        if !actors.contains_key(&access.actor) {
            make_room(actors, thresholds.bounds.actors, |actor| actor.newest());
        }
        let actor = actors.entry(access.actor).or_insert_with(|| Box::new(Actor::new(access.team)));
        actor.look(access, team, onlookers, thresholds)
    }

    /// What R1 to R3, R9 and R10 would say of a look, for a prompt before anything is shown. Changes nothing.
    #[must_use]
    pub fn foresee(&self, access: &Access) -> Judgement {
        let Self { thresholds, actors, onlookers, .. } = self;
        let unknown = Actor::new(access.team);
        let actor = actors.get(&access.actor).map_or(&unknown, |actor| actor);
        let mut visit = actor.seen(access, &Team::new(thresholds), thresholds);
        if visit.marks.has(Marks::VIP) {
            visit.onlookers = onlookers.with(access.subject, access.actor, self.day(access.at));
        }
        visit.untied_days = actor.pairs.with(access.subject, self.day(access.at));
        let mut values = Values::default();
        relation::judge(&visit, &thresholds.relation, &mut values);
        pattern::judge(&visit, &thresholds.pattern, &mut values);
        honey::judge(&visit, &mut values);
        let score = values.score(thresholds);
        let (onlookers, untied_days) = (visit.onlookers, visit.untied_days);
        let figures = Figures { onlookers, untied_days, ..Figures::default() };
        Judgement { score, day: score, values, action: Action::at(score, &thresholds.levels), figures }
    }

    /// Each rule's value for an actor's day, if it is one of the last three.
    #[must_use]
    pub fn day_values(&self, actor: ActorId, day: i32, view: View) -> Option<Values> {
        let day = self.actors.get(&actor)?.days.iter().find(|found| found.number == day)?;
        Some(day.values(view, &self.thresholds))
    }

    /// The score of an actor's day, if it is one of the last three.
    #[must_use]
    pub fn day_score(&self, actor: ActorId, day: i32, view: View) -> Option<f64> {
        Some(self.day_values(actor, day, view)?.score(&self.thresholds))
    }

    /// What is worth a reviewer's look on a day, of the last three: for each actor, each family whose rules
    /// come to a prompt's score. At the end of the day [`View::AtOnce`] is the one to take; a day later, when
    /// late cases have been told, [`View::Again`].
    #[must_use]
    pub fn cases(&self, day: i32, view: View) -> Vec<Case> {
        let thresholds = &self.thresholds;
        let mut cases = Vec::new();
        for (id, actor) in &self.actors {
            let Some(day) = actor.days.iter().find(|found| found.number == day) else { continue };
            let values = day.values(view, thresholds);
            let day_score = values.score(thresholds);
            if day_score < thresholds.levels.prompt {
                continue;
            }
            let scored = Family::ALL.map(|family| (family, values.family(family, thresholds)));
            for (family, score) in scored.into_iter().filter(|(_, score)| *score >= thresholds.levels.prompt)
            {
                let of_family =
                    |values: Values| values.firing(thresholds).any(|rule| rule.family() == family);
                let times = day.visits.iter().filter(|visit| of_family(visit.values(thresholds))).count();
                cases.push(Case {
                    actor: *id,
                    day: day.number,
                    family,
                    score,
                    day_score,
                    times: u32::try_from(times).unwrap_or(u32::MAX),
                    reasons: reasons(&values, &day.figures(view, thresholds), thresholds),
                });
            }
        }
        cases
    }

    /// Every visit that a late case may still explain: who, of which team now, whom, and a moment of it. For
    /// [`Watch::rejudge`].
    pub fn unexplained(&self) -> impl Iterator<Item = (ActorId, TeamId, SubjectId, i64)> + '_ {
        self.actors.iter().flat_map(|(id, actor)| {
            let visits = actor.days.iter().flat_map(|day| &day.visits);
            let untied = visits.filter(|visit| visit.tie != Tie::Contact);
            untied.map(|visit| (*id, actor.team, visit.subject, visit.from))
        })
    }

    /// Somebody has looked into what is unusual about an actor, and it is their work now: R11 and R12 begin
    /// anew, and what is usual follows. Without this, a baseline that is frozen stays so as long as the actor
    /// goes on like that.
    pub fn accept(&mut self, actor: ActorId) {
        if let Some(actor) = self.actors.get_mut(&actor) {
            actor.accept(&self.thresholds);
        }
    }

    /// Forgets an actor. Their stored state is the caller's to delete.
    pub fn forget(&mut self, actor: ActorId) {
        self.actors.remove(&actor);
    }

    /// Forgets every actor who has not looked at anybody since so many days before this one that nothing of
    /// them may be kept; these are told, so that their stored state is deleted too.
    pub fn sweep(&mut self, day: i32) -> Vec<ActorId> {
        let oldest = i64::from(day) - i64::from(self.thresholds.learning.forget_days);
        let gone = self.actors.iter().filter(|(_, actor)| actor.newest() < oldest).map(|(id, _)| *id);
        let gone: Vec<ActorId> = gone.collect();
        for id in &gone {
            self.actors.remove(id);
        }
        gone
    }

    /// How many actors and how many teams are known.
    #[must_use]
    pub fn known(&self) -> (usize, usize) {
        (self.actors.len(), self.teams.len())
    }
}
