//! The state as bytes: one piece for each actor and each team, to be kept sealed and read again after a
//! restart.
//!
//! ```text
//! [version, piece]                     CBOR; a piece is an array of numbered members, so that later versions can add to it
//! ```
//! Whoever can change these bytes can make somebody look harmless or guilty: they are to be kept where they
//! cannot be changed unnoticed. Reading them never panics, and never takes more memory than a few times their
//! length: what is longer than [`MAX_SNAPSHOT`], passes a bound, or holds a number that no counting leads to,
//! is refused.

use minicbor::{Decode, Decoder, Encode};

use crate::access::{ActorId, TeamId, Tie};
use crate::actor::Actor;
use crate::team::Team;
use crate::visit::Marks;
use crate::watch::Watch;
use crate::{Error, Result};

/// The most bytes that a piece can have.
pub const MAX_SNAPSHOT: usize = 1 << 20;

const VERSION: u8 = 1;

/// Whose a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// An actor's.
    Actor(ActorId),
    /// A team's.
    Team(TeamId),
}

/// A piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose it is.
    pub owner: Owner,
    /// What to keep.
    pub bytes: Vec<u8>,
    revision: u64,
}

impl Watch {
    /// Pieces that have changed since they were [`Watch::stored`], as many as asked for. Once they are kept,
    /// tell so; if they are not, do not, and they come again.
    #[must_use]
    pub fn changed(&self, most: usize) -> Vec<Snapshot> {
        let teams = self.teams.iter().filter(|(_, team)| team.revision != team.stored);
        let teams = teams.filter_map(|(id, team)| piece(Owner::Team(*id), team.as_ref(), team.revision));
        let actors = self.actors.iter().filter(|(_, actor)| actor.revision != actor.stored);
        let actors =
            actors.filter_map(|(id, actor)| piece(Owner::Actor(*id), actor.as_ref(), actor.revision));
        teams.chain(actors).take(most).collect()
    }

    /// Notes that a piece is kept. If its owner has changed since, it will come again.
    pub fn stored(&mut self, piece: &Snapshot) {
        match piece.owner {
            Owner::Actor(id) => {
                if let Some(actor) = self.actors.get_mut(&id) {
                    actor.stored = piece.revision;
                }
            }
            Owner::Team(id) => {
                if let Some(team) = self.teams.get_mut(&id) {
                    team.stored = piece.revision;
                }
            }
        }
    }

    /// The piece of one owner.
    #[must_use]
    pub fn snapshot(&self, owner: Owner) -> Option<Snapshot> {
        match owner {
            Owner::Actor(id) => self.actors.get(&id).and_then(|at| piece(owner, at.as_ref(), at.revision)),
            Owner::Team(id) => self.teams.get(&id).and_then(|at| piece(owner, at.as_ref(), at.revision)),
        }
    }

    /// Reads a piece, in place of what is known of its owner. A watch that gets all pieces back judges as the
    /// one did that gave them, but for onlookers of visits that are no longer kept.
    ///
    /// # Errors
    /// [`Error::Malformed`]; nothing is changed then.
    pub fn restore(&mut self, owner: Owner, bytes: &[u8]) -> Result<()> {
        match owner {
            Owner::Actor(id) => {
                let mut actor: Actor = read(bytes)?;
                if !actor.is_sound(&self.thresholds) {
                    return Err(Error::Malformed);
                }
                for day in &mut actor.days {
                    day.settle(&self.thresholds);
                    let looks = day.visits.iter().filter(|visit| visit.marks.has(Marks::VIP));
                    for visit in looks.filter(|visit| visit.tie != Tie::Contact) {
                        let bound = self.thresholds.bounds.vips;
                        self.onlookers.recall(visit.subject, id, day.number, visit.until, bound);
                    }
                }
                self.actors.insert(id, Box::new(actor));
            }
            Owner::Team(id) => {
                let team: Team = read(bytes)?;
                if !team.is_sound() {
                    return Err(Error::Malformed);
                }
                self.teams.insert(id, Box::new(team));
            }
        }
        Ok(())
    }
}

fn piece<T: Encode<()>>(owner: Owner, of: &T, revision: u64) -> Option<Snapshot> {
    // A vector takes everything that is written to it.
    minicbor::to_vec((VERSION, of)).ok().map(|bytes| Snapshot { owner, bytes, revision })
}

fn read<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T> {
    if bytes.len() > MAX_SNAPSHOT {
        return Err(Error::Malformed);
    }
    let mut decoder = Decoder::new(bytes);
    let whole = |decoder: &mut Decoder<'b>| {
        if decoder.array()? != Some(2) || decoder.u8()? != VERSION {
            return Err(minicbor::decode::Error::message("another version"));
        }
        decoder.decode::<T>()
    };
    let piece = whole(&mut decoder).map_err(|_| Error::Malformed)?;
    if decoder.position() == bytes.len() { Ok(piece) } else { Err(Error::Malformed) }
}
