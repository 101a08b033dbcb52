//! Who would gain and who would lose by a draft: what was decided in the last days, decided again under it.
//!
//! An event says who asked for what, for which purpose, with which fields and how they were shown; beside that it keeps the facts that
//! policy was asked about (`Asked`). Each decision is made twice more, by the charter in force and by the draft, for the roles that
//! its caller holds now. It counts when the charter in force still says what was said then, so that the difference is the draft's doing.
//! What cannot be decided again is counted by its cause and never guessed.
//!
//! A page looks at some thousand events; whoever asks adds up the pages.

use std::collections::{BTreeMap, HashMap};

use avouch_policy::{Action, Approved, KeyClass, Means, Need, Proof, SubjectClass, View};
use avouch_store::{Tx, params, statements};

use crate::Error;
use crate::app::{Cx, Operation, Outcome, about_nobody};
use crate::audit::{Asked, Ending, Event, Note, What};
use crate::gate::{self, Access, Caller, Intent, Permit, Reason, Shows, SubjectFacts};
use crate::ids::{DraftId, EventId, PrincipalId};
use crate::rules::Rules;
use crate::transit::KeyName;
use crate::watch;

statements! {
    data PAST = "select id, body from event where id < ?1 and id >= ?2 order by id desc limit ?3";
}

/// For how many days, when nothing is said.
pub const DAYS: u32 = 30;
/// For how many at most: a year.
pub const MOST_DAYS: u32 = 366;
/// How many events a page looks at.
const LOOKED_AT: i64 = 5_000;
/// How many different changes a page tells; more are counted.
const GROUPS: usize = 1_000;

/// What of a decision is kept in its event.
pub(crate) fn asked(cx: &Cx<'_>, intent: &Intent, facts: SubjectFacts, refused: bool) -> Option<Asked> {
    if cx.caller.is_system() {
        return None;
    }
    let proof = cx.caller.proof();
    let bit = |holds, fact| if holds { fact } else { 0 };
    let numbers = |places: &[usize]| {
        let number = |place: &usize| cx.rules.fields.get(*place).map(|rule| rule.number);
        places.iter().filter_map(number).collect::<Vec<u32>>()
    };
    // Of an act that is done the event names the fields; who a customer is stands beside it, sealed.
    let class = intent.subject.filter(|_| refused);
    let class = class.map(|id| cx.app.access().marks().class(id, cx.caller.id())).unwrap_or_default();
    let (shows, least) = match &intent.shows {
        Shows::Nothing => (0, None),
        Shows::Whatever => (Asked::WHATEVER, None),
        Shows::These { least, .. } => (Asked::THESE, least.map(|view| view as u8)),
    };
    let fields = match &intent.shows {
        Shows::These { places, .. } if refused => numbers(places),
        _ => Vec::new(),
    };
    Some(Asked {
        means: (0u8..).zip(Means::ALL).find(|(_, means)| **means == proof.means()).map_or(0, |(at, _)| at),
        aal: proof.aal(),
        age: proof.age(),
        novelty: proof.novelty(),
        facts: shows
            | bit(proof.phishing_resistant(), Asked::RESISTANT)
            | bit(cx.caller.network_allowed, Asked::NETWORK)
            | bit(cx.caller.contract_runs, Asked::CONTRACT)
            | bit(proof.sent_code(), Asked::SENT_CODE)
            | bit(intent.reason.is_some(), Asked::REASON)
            | bit(facts.restricted, Asked::RESTRICTED)
            | bit(intent.subject.is_some(), Asked::ONE)
            | bit(class.own, Asked::OWN)
            | bit(class.colleague, Asked::COLLEAGUE),
        rows: gate::most_rows(intent),
        tier: class.tier,
        least,
        fields,
        compares: numbers(&intent.compares),
        writes: if refused { numbers(&intent.writes) } else { Vec::new() },
        approved: Vec::new(),
        approvers: 0,
        settled: proof.settled(),
        key: proof.key() as u8,
    })
}

/// The same with what others had agreed to.
pub(crate) fn with_agreed(asked: Asked, permit: &Permit) -> Asked {
    let Some((approved, glass)) = permit.lifted_by() else { return asked };
    let names = approved.names().iter().map(ToString::to_string).collect();
    let facts = asked.facts | if glass { Asked::GLASS } else { 0 };
    Asked { approved: names, approvers: approved.people(), facts, ..asked }
}

/// Decides the past again under a draft.
#[derive(Debug, Clone, Copy)]
pub struct ReplayDraft {
    /// Which.
    pub id: DraftId,
    /// Of how many days, 1 to [`MOST_DAYS`].
    pub days: u32,
    /// Go on below this event.
    pub before: Option<EventId>,
}

/// What a page of the past has come to.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// From when on, in microseconds UTC.
    pub since: i64,
    /// The version in force that it was compared with.
    pub base_version: u32,
    /// Events looked at.
    pub looked_at: u64,
    /// Decisions that are the same under the draft.
    pub same: u64,
    /// What is not, by who, what, for what and which field; the most frequent first.
    pub changes: Vec<ReplayChange>,
    /// Decisions that change and found no place in the list.
    pub more: u64,
    /// What could not be decided again.
    pub left_out: LeftOut,
    /// Where the next page begins.
    pub next: Option<EventId>,
}

/// Decisions that could not be made again, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Of the system itself, which no charter binds, or no act at all.
    pub system: u64,
    /// It failed, so that the event does not say what policy had said.
    pub failed: u64,
    /// The facts of the moment were not kept.
    pub facts_not_kept: u64,
    /// Whoever asked is gone.
    pub gone: u64,
    /// Refused for something that no charter decides again: a limit per day, or a question why.
    pub other_cause: u64,
    /// The charter in force decides otherwise today: roles, rules or purposes have changed since.
    pub otherwise_today: u64,
}

/// What becomes of decisions that were alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayChange {
    /// Whose.
    pub principal: PrincipalId,
    /// By name.
    pub name: String,
    /// The roles held now.
    pub roles: Vec<String>,
    /// What was done, or tried.
    pub action: String,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Which field; nothing where it is about the act as a whole.
    pub field: Option<String>,
    /// What becomes of it.
    pub becomes: Becomes,
    /// How many decisions.
    pub times: u64,
    /// When the last of them was, in microseconds UTC.
    pub last: i64,
}

/// What becomes of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Becomes {
    /// It was allowed and would be refused.
    Refused,
    /// It was refused and would be allowed.
    Allowed,
    /// The field would be shown less.
    Less(View, View),
    /// The field would be shown more.
    More(View, View),
}

type Key = (PrincipalId, String, Option<String>, Option<String>, Becomes);

/// Changes as they are counted.
#[derive(Default)]
struct Tally {
    groups: BTreeMap<Key, (u64, i64)>,
    more: u64,
}

impl Tally {
    fn add(&mut self, key: Key, at: i64) {
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&key) {
            self.more += 1;
            return;
        }
        let (times, last) = self.groups.entry(key).or_default();
        *times += 1;
        *last = (*last).max(at);
    }
}

impl Operation for ReplayDraft {
    const ACTION: Action = Action::CharterReplay;
    type Output = Replayed;
    about_nobody!();

    fn run(&self, tx: &mut Tx<'_>, cx: &Cx<'_>, _: &Permit, (): ()) -> Result<Outcome<Replayed>, Error> {
        if !(1..=MOST_DAYS).contains(&self.days) {
            return Err(Error::invalid("/days", "expected 1 to 366"));
        }
        let (draft, rules) = cx.app.drafts.rules(tx, cx, self.id)?;
        if draft.stale {
            return Err(Error::Conflict(
                "another charter has come into force since: it has to be drafted again",
            ));
        }
        let since = cx.now.saturating_sub(i64::from(self.days) * 24 * 3600 * 1_000_000);
        let first = EventId::first_at(since).int();
        let before = self.before.map_or(i64::MAX, EventId::int);
        let rows = tx.query(&PAST, params![before, first, LOOKED_AT], |row| {
            Ok((row.int(0)?, row.blob(1)?.to_vec()))
        })?;
        let whole = i64::try_from(rows.len()).is_ok_and(|count| count >= LOOKED_AT);
        let next = rows.last().filter(|_| whole).map(|(id, _)| EventId::from_int(*id));
        let mut events = Vec::with_capacity(rows.len());
        for (_, body) in rows {
            events.push(Event::decode(&body)?);
        }
        let mut replayed = Replayed { since, base_version: cx.rules.version, next, ..Replayed::default() };
        let access = cx.app.access();
        let past = Past { now: cx.rules, then: &rules, access: &access, classes: classes(tx, cx, &events)? };
        let mut tally = Tally::default();
        for event in &events {
            past.look_at(event, &mut replayed, &mut tally);
        }
        replayed.looked_at = events.len() as u64;
        replayed.more = tally.more;
        replayed.changes = told(tally.groups, &past);
        let note = Note { objects: vec![*self.id.bytes()], ..Note::count(events.len()) };
        Ok(Outcome::new(replayed, note))
    }
}

/// Who was looked at alone by each event, as far as it matters who looks.
fn classes(tx: &mut Tx<'_>, cx: &Cx<'_>, events: &[Event]) -> Result<HashMap<i64, SubjectClass>, Error> {
    let mut spans: HashMap<PrincipalId, (i64, i64)> = HashMap::new();
    let alone = |asked: &Asked| asked.has(Asked::ONE);
    for event in events.iter().filter(|event| event.asked.as_ref().is_some_and(alone)) {
        let span = spans.entry(PrincipalId::from_bytes(*event.actor)).or_insert((event.id, event.id));
        *span = (span.0.min(event.id), span.1.max(event.id));
    }
    let mut classes = HashMap::new();
    for (actor, span) in spans {
        let found = watch::classes(tx, &cx.app.keys, actor, span)?;
        classes.extend(found.into_iter().filter(|(_, class)| *class != SubjectClass::default()));
    }
    Ok(classes)
}

/// The changes, the most frequent first.
fn told(groups: BTreeMap<Key, (u64, i64)>, past: &Past<'_>) -> Vec<ReplayChange> {
    let change = |((principal, action, purpose, field, becomes), (times, last)): (Key, (u64, i64))| {
        let name = past.access.principal(principal).map(|record| record.name.clone()).unwrap_or_default();
        let class = past.access.class(principal, past.now);
        let roles = class.map(|class| class.roles().to_vec()).unwrap_or_default();
        ReplayChange { principal, name, roles, action, purpose, field, becomes, times, last }
    };
    let mut changes: Vec<_> = groups.into_iter().map(change).collect();
    changes.sort_by_key(|change| core::cmp::Reverse(change.times));
    changes
}

/// What the past is decided by again.
struct Past<'a> {
    now: &'a Rules,
    then: &'a Rules,
    access: &'a Access,
    classes: HashMap<i64, SubjectClass>,
}

impl Past<'_> {
    fn look_at(&self, event: &Event, replayed: &mut Replayed, tally: &mut Tally) {
        let out = &mut replayed.left_out;
        let actor = PrincipalId::from_bytes(*event.actor);
        let action = match What::named(&event.what) {
            Some(What::Act(action)) if actor != PrincipalId::SYSTEM => action,
            _ => return out.system += 1,
        };
        if event.ending == Ending::Failed {
            return out.failed += 1;
        }
        if is_other_cause(event) {
            return out.other_cause += 1;
        }
        let Some(asked) = &event.asked else { return out.facts_not_kept += 1 };
        let Some(now) = self.decide(self.now, event, asked, (actor, action)) else { return out.gone += 1 };
        let Some(then) = self.decide(self.then, event, asked, (actor, action)) else { return out.gone += 1 };
        if now.is_ok() != (event.ending == Ending::Done) {
            return out.otherwise_today += 1;
        }
        let key = |field: Option<String>, becomes| {
            (actor, event.what.clone(), event.purpose.clone(), field, becomes)
        };
        let mut changed = false;
        match (&now, &then) {
            (Ok(now), Ok(then)) => {
                for (field, was, is) in self.views(event, asked, now, then) {
                    let becomes = if is < was { Becomes::Less(was, is) } else { Becomes::More(was, is) };
                    tally.add(key(Some(field), becomes), event.at);
                    changed = true;
                }
            }
            (Ok(_), Err(needs)) => {
                changed = true;
                each(needs, |field| tally.add(key(field, Becomes::Refused), event.at));
            }
            (Err(needs), Ok(_)) => {
                changed = true;
                each(needs, |field| tally.add(key(field, Becomes::Allowed), event.at));
            }
            (Err(_), Err(_)) => {}
        }
        if !changed {
            replayed.same += 1;
        }
    }

    /// What these rules say of it: a permit, or what is missing. Nothing when whoever asked is gone.
    fn decide(
        &self,
        rules: &Rules,
        event: &Event,
        asked: &Asked,
        (actor, action): (PrincipalId, Action),
    ) -> Option<Result<Permit, Vec<Need>>> {
        let class = self.access.class(actor, rules)?;
        let means = Means::ALL.get(usize::from(asked.means)).copied()?;
        let key = match asked.key {
            0 => KeyClass::Any,
            1 => KeyClass::DeviceBound,
            _ => KeyClass::Attested,
        };
        let (resistant, times) = (asked.has(Asked::RESISTANT), (asked.age, asked.settled));
        let proof = Proof::kept(means, asked.aal, resistant, times, asked.novelty)
            .by_key(key)
            .by_sent_code(asked.has(Asked::SENT_CODE));
        let caller =
            Caller::of_the_past(actor, class, (asked.has(Asked::NETWORK), asked.has(Asked::CONTRACT)), proof);
        let places = |numbers: &[u32]| {
            numbers.iter().filter_map(|number| rules.by_number.get(number).copied()).collect::<Vec<_>>()
        };
        let done = event.ending == Ending::Done;
        let (shown, written) = match (done, event.views.is_empty()) {
            (true, false) => (&event.fields[..], &[][..]),
            (true, true) => (&[][..], &event.fields[..]),
            (false, _) => (&asked.fields[..], &asked.writes[..]),
        };
        let shows = if asked.has(Asked::THESE) {
            let least = asked.least.and_then(|least| View::ALL.get(usize::from(least)).copied());
            Shows::These { places: places(shown), least }
        } else if asked.has(Asked::WHATEVER) {
            Shows::Whatever
        } else {
            Shows::Nothing
        };
        // A field that these rules do not have cannot be shown by them.
        let gone =
            asked.has(Asked::THESE) && shown.iter().any(|number| !rules.by_number.contains_key(number));
        let intent = Intent {
            shows,
            compares: places(&asked.compares),
            writes: places(written),
            key: event.key.as_deref().and_then(|name| name.parse::<KeyName>().ok()),
            ..Intent::about(
                event.purpose.clone(),
                asked.has(Asked::REASON).then(|| Reason::kept("given")),
                usize::try_from(asked.rows).unwrap_or(usize::MAX),
            )
        };
        let class = self.classes.get(&event.id).copied().unwrap_or_else(|| SubjectClass {
            tier: asked.tier,
            own: asked.has(Asked::OWN),
            colleague: asked.has(Asked::COLLEAGUE),
        });
        let facts = SubjectFacts { restricted: asked.has(Asked::RESTRICTED), class };
        let approved = Approved::by(asked.approvers, asked.approved.iter().map(String::as_str));
        Some(
            match gate::decide_past(
                rules,
                &caller,
                action,
                &intent,
                facts,
                (approved, asked.has(Asked::GLASS)),
            ) {
                Ok(_) if gone => Err(Vec::new()),
                Ok(permit) => Ok(permit),
                Err(Error::Refused(refusal)) => Err(refusal.needs),
                Err(_) => Err(Vec::new()),
            },
        )
    }

    /// Fields that would be shown in another way, by name. Of what shows whatever it may, those that it has shown, and those that it
    /// did not and would.
    fn views(&self, event: &Event, asked: &Asked, now: &Permit, then: &Permit) -> Vec<(String, View, View)> {
        if !asked.has(Asked::THESE) && !asked.has(Asked::WHATEVER) {
            return Vec::new();
        }
        let view = |rules: &Rules, permit: &Permit, number: u32| {
            rules.by_number.get(&number).map_or(View::Nothing, |place| permit.view(*place))
        };
        let shown = event.fields.iter().zip(&event.views).map(|(number, _)| *number);
        let more = self.then.fields.iter().map(|field| field.number);
        let more = more.filter(|number| asked.has(Asked::WHATEVER) && !event.fields.contains(number));
        let mut changed = Vec::new();
        for (number, was_shown) in
            shown.map(|number| (number, true)).chain(more.map(|number| (number, false)))
        {
            let (was, is) = (view(self.now, now, number), view(self.then, then, number));
            // What was not there to be shown is not lost.
            if was == is || (!was_shown && is < was) {
                continue;
            }
            let name = self.now.field_name(number).or_else(|| self.then.field_name(number));
            changed.push((name.unwrap_or_default().to_owned(), was, is));
        }
        changed
    }
}

/// A limit per day, or a question that is asked once: no charter is asked for these.
fn is_other_cause(event: &Event) -> bool {
    event.ending == Ending::Refused
        && (event.needs.iter().any(|need| need == "quota")
            || event.policies.iter().any(|policy| policy == "watch:untied"))
}

/// The fields that needs are about, or the act as a whole.
fn each(needs: &[Need], mut tell: impl FnMut(Option<String>)) {
    let of = |need: &Need| match need {
        Need::Field { field, .. } | Need::View { field, .. } => Some(field.clone()),
        _ => None,
    };
    let mut fields: Vec<String> = needs.iter().filter_map(of).collect();
    fields.sort_unstable();
    fields.dedup();
    if fields.is_empty() {
        return tell(None);
    }
    fields.into_iter().for_each(|field| tell(Some(field)));
}
