//! Tiles as stored: one row each, which holds as many hashes as there are. A row at the right edge grows; what is in it already
//! never changes.

use avouch_ledger::growth::GrownTile;
use avouch_ledger::prove::HashSource;
use avouch_ledger::tile::TileId;
use avouch_store::{Tx, params, statements};

use crate::Error;

statements! {
    data TILE of tile / 3 = "select hashes from tile where log = ?1 and level = ?2 and idx = ?3";
    data PUT_TILE of tile / 3 = "insert into tile (log, level, idx, hashes) values (?1, ?2, ?3, ?4) on conflict (log, level, idx) do update set hashes = excluded.hashes";
}

/// The tiles of one log, for whoever proves something by them.
pub(super) struct Tiles<'t, 'c> {
    pub(super) tx: &'t mut Tx<'c>,
    pub(super) log: i64,
}

impl HashSource for Tiles<'_, '_> {
    type Error = Error;

    fn tile(&mut self, tile: TileId) -> Result<Vec<u8>, Error> {
        load(self.tx, self.log, tile)
    }
}

/// As many hashes of a tile as it is wide.
///
/// # Errors
/// [`Error::Tampered`] when there are not so many.
pub(super) fn load(tx: &mut Tx<'_>, log: i64, tile: TileId) -> Result<Vec<u8>, Error> {
    let place = params![log, i64::from(tile.level), tile.index.cast_signed()];
    let mut hashes = tx.first(&TILE, place, |row| Ok(row.blob(0)?.to_vec()))?.ok_or(Error::Tampered)?;
    if hashes.len() < tile.byte_len() {
        return Err(Error::Tampered);
    }
    hashes.truncate(tile.byte_len());
    Ok(hashes)
}

pub(super) fn put(tx: &mut Tx<'_>, log: i64, tile: GrownTile<'_>) -> Result<(), Error> {
    let GrownTile { level, index, hashes } = tile;
    Ok(tx.put(&PUT_TILE, params![log, i64::from(level), index.cast_signed(), hashes])?)
}
