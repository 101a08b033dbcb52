//! The rules from outside: looks go in, judgements come out.

mod again;
mod properties;
mod queue;
mod rules;
mod snapshot;
mod stories;

use avouch_watch::{Access, ActorId, Session, SubjectFacts, SubjectId, TeamId, Thresholds, Tie, Watch};

/// Monday, 2026-11-02.
const MONDAY: i64 = 20_759;
const MINUTE: i64 = 60_000_000;

fn actor(number: u8) -> ActorId {
    ActorId([number; 16])
}

fn team(number: u8) -> TeamId {
    TeamId([number; 16])
}

/// Minutes after ten o'clock on a day after that Monday.
fn moment(day: i64, minutes: i64) -> i64 {
    ((MONDAY + day) * 24 * 60 + 600 + minutes) * MINUTE
}

/// A look without a case at one field that is shown as it is.
fn look(by: u8, subject: u64, at: i64) -> Access {
    Access {
        actor: actor(by),
        team: team(0),
        leaving: false,
        vip_desk: false,
        subject: SubjectId::of_number(subject),
        facts: SubjectFacts::default(),
        segment: 0,
        place: None,
        at,
        clear: 1,
        masked: 0,
        tie: Tie::None,
        session: Session::default(),
    }
}

fn tied(access: Access) -> Access {
    Access { tie: Tie::Contact, ..access }
}

fn watch() -> Watch {
    Watch::new(Thresholds::default()).expect("the defaults are fit for use")
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
}
