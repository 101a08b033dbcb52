//! Gathering the facts of looks, in the transaction of the act. Only for people: what a program reads is bounded by its contract,
//! its purposes and its tokens.

use avouch_policy::{Action, Need, PrincipalKind};
use avouch_store::{Ahead, Tx};
use avouch_watch::{
    Access as WatchedLook, Action as Followed, ActorId, Session, SubjectFacts, SubjectId as Watched, TeamId,
    Tie,
};

use super::look::{Kept, KeptLook, Seen};
use super::tie;
use crate::Error;
use crate::app::Cx;
use crate::audit::Note;
use crate::error::Refusal;
use crate::gate::{Access, Caller, Intent, PrincipalRecord};
use crate::ids::{PrincipalId, SubjectId};

/// The role of those whose work well-known customers are.
const VIP_DESK: &str = "vip_desk";
/// Whoever goes within so long is about to leave.
const LEAVING_MICROS: i64 = 90 * 24 * 3600 * 1_000_000;

/// Whether what somebody sees is watched.
fn is_watched(caller: &Caller) -> bool {
    matches!(caller.class.kind(), PrincipalKind::Staff | PrincipalKind::Auditor)
}

/// What [`see`] will ask of one customer.
pub(crate) fn ahead(caller: &Caller, subject: SubjectId) -> Option<Ahead> {
    is_watched(caller).then(|| tie::ahead(subject))
}

/// The looks of an act; nothing when nobody was shown to a person.
pub(crate) fn see(tx: &mut Tx<'_>, cx: &Cx<'_>, note: &Note) -> Result<Option<Seen>, Error> {
    if note.looks.is_empty() || !is_watched(cx.caller) {
        return Ok(None);
    }
    let access = cx.app.access();
    let me = cx.caller.id();
    let record = access.principal(me).ok_or(Error::Unauthenticated)?;
    if note.looks.len() > 1 {
        tx.read_ahead(|| note.looks.iter().map(|look| tie::ahead(look.subject)).collect())?;
    }
    let mut kept = Kept {
        team: team(cx, record),
        leaving: record.until.is_some_and(|until| until.saturating_sub(cx.now) <= LEAVING_MICROS),
        vip_desk: cx.caller.roles().iter().any(|role| role == VIP_DESK),
        novelty: cx.caller.proof().novelty(),
        looks: Vec::with_capacity(note.looks.len()),
    };
    // The customers of a note mostly stand in the order in which they were looked at.
    let mut from = 0;
    for look in &note.looks {
        let rest = note.subjects.iter().skip(from).position(|subject| *subject == look.pseudonym);
        let whose = rest.map(|place| from + place);
        let whose = whose.or_else(|| note.subjects.iter().position(|subject| *subject == look.pseudonym));
        let whose = whose.ok_or(Error::Internal("somebody was looked at whom the event does not name"))?;
        from = whose;
        let tie = tie_of(tx, cx, &access, look.subject)?;
        kept.looks.push(KeptLook::new(whose, look, facts(&access, me, look.subject), tie));
    }
    let accesses = kept.accesses(*me.bytes(), cx.now, |place| note.subjects.get(place).copied())?;
    let place = cx.event.int().to_be_bytes();
    let sealed = cx.app.keys.seal_row("look", &place, &kept.encode()?, &cx.app.rng)?;
    Ok(Some(Seen::new(cx.event.int(), accesses, sealed)))
}

/// What a refusal is named by that asks why.
const UNTIED: &str = "watch:untied";

/// Asks whoever is about to open what is delicate, and has no tie to show, why: before anything is shown, and once. Whoever gives a
/// reason is let on. Of a customer who is nobody it says nothing: they are like any other.
pub(crate) fn question(
    tx: &mut Tx<'_>,
    cx: &Cx<'_>,
    action: Action,
    intent: &Intent,
) -> Result<Option<Refusal>, Error> {
    let Some(subject) = intent.subject.filter(|_| action == Action::SubjectReveal) else { return Ok(None) };
    if intent.reason.is_some() || !is_watched(cx.caller) {
        return Ok(None);
    }
    let access = cx.app.access();
    let me = cx.caller.id();
    let facts = SubjectFacts { honey: false, ..facts(&access, me, subject) };
    if !facts.staff && !facts.vip {
        return Ok(None);
    }
    let record = access.principal(me).ok_or(Error::Unauthenticated)?;
    let look = WatchedLook {
        actor: ActorId(*me.bytes()),
        team: team(cx, record),
        leaving: false,
        vip_desk: cx.caller.roles().iter().any(|role| role == VIP_DESK),
        // Days on which the two met count by the name under which events know them, and that is not opened yet.
        subject: Watched(*subject.bytes()),
        facts,
        segment: 0,
        place: None,
        at: cx.now,
        clear: 1,
        masked: 0,
        tie: tie_of(tx, cx, &access, subject)?,
        session: Session::default(),
    };
    let judgement = cx.app.watching.lock().watch.foresee(&look);
    let asks = judgement.action >= Followed::Prompt;
    Ok(asks.then(|| Refusal { needs: vec![Need::Reason], policies: vec![UNTIED.to_owned()] }))
}

/// Whose work is alike: those who report to the same person, or else who have the same roles.
pub(super) fn team(cx: &Cx<'_>, record: &PrincipalRecord) -> TeamId {
    if let Some(manager) = record.manager {
        return TeamId(*manager.bytes());
    }
    let roles: Vec<&[u8]> = cx.caller.roles().iter().map(|role| role.as_bytes()).collect();
    let digest = cx.app.keys.row_digest("team", &roles);
    TeamId(digest.first_chunk().copied().unwrap_or_default())
}

/// What a customer is to somebody who looks at them.
fn facts(access: &Access, me: PrincipalId, subject: SubjectId) -> SubjectFacts {
    let mark = access.marks().of(subject);
    let own =
        mark.colleague.is_some_and(|colleague| crate::gate::approvals::same_person(access, colleague, me));
    SubjectFacts {
        staff: mark.colleague.is_some(),
        own_record: own,
        vip: mark.tier > 0,
        honey: mark.honey,
        ..SubjectFacts::default()
    }
}

/// What ties the caller to a customer now: the best there is.
fn tie_of(tx: &mut Tx<'_>, cx: &Cx<'_>, access: &Access, subject: SubjectId) -> Result<Tie, Error> {
    let mut best = Tie::None;
    for row in tie::rows(tx, subject)? {
        if !row.may_hold(access, cx.caller.id(), cx.now) {
            continue;
        }
        let Some(tie) = row.open(cx.app, subject) else { continue };
        best = best.min(tie.between(access, cx.caller.id(), cx.now));
        if best == Tie::Contact {
            break;
        }
    }
    Ok(best)
}
