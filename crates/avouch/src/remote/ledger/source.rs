//! Where a ledger is read from: a server, or a copy of it in a folder.
//!
//! ```text
//! ledger.json            what the server said of its logs
//! <log>/checkpoint       the newest checkpoint
//! <log>/checkpoints/<n>  those that were kept, by their number of leaves
//! <log>/tile/…           tiles and bundles of entries, by their paths (c2sp.org/tlog-tiles)
//! records/<n>.json       digests of records, page by page
//! ```

use std::fs;
use std::io;
use std::path::Path;

use avouch_client::Client;
use avouch_ledger::tile::{BundleId, TileId};
use avouch_ledger::verify::LogSource;
use avouch_wire::{LedgerRecord, LedgerRecordQuery, Page};
use serde::de::DeserializeOwned;

use super::super::CliError;

pub(super) const LEDGER: &str = "ledger.json";
pub(super) const RECORDS: &str = "records";

/// One an hour for a hundred years, and those of a day.
const MOST_CHECKPOINTS: usize = 1_100_000;
/// Of records: of a hundred million customers.
const MOST_PAGES: u64 = 1_000_000;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    Server(&'a Client),
    Copy(&'a Path),
}

impl Source<'_> {
    /// All checkpoints of a log that there are, the smallest first.
    pub(super) fn checkpoints(self, log: u64) -> Result<Vec<String>, CliError> {
        match self {
            Self::Server(client) => {
                let (mut all, mut after) = (Vec::new(), 0);
                loop {
                    let page = client.ledger_checkpoints(log, after)?.items;
                    let Some(last) = page.last() else { return Ok(all) };
                    // A server that goes round in circles is not followed.
                    if last.size <= after {
                        return Err(CliError::Input(
                            "the server lists checkpoints without an end".to_owned(),
                        ));
                    }
                    after = last.size;
                    if all.len() > MOST_CHECKPOINTS {
                        return Err(CliError::Input(
                            "the server lists more checkpoints than a log has".to_owned(),
                        ));
                    }
                    all.extend(page.into_iter().map(|one| one.note));
                }
            }
            Self::Copy(folder) => {
                let folder = folder.join(log.to_string()).join("checkpoints");
                let mut sizes = Vec::new();
                for entry in fs::read_dir(&folder).map_err(|error| CliError::file(&folder, &error))? {
                    let name = entry.map_err(|error| CliError::file(&folder, &error))?.file_name();
                    sizes.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
                }
                sizes.sort_unstable();
                sizes.iter().map(|size| read_text(&folder.join(size.to_string()))).collect()
            }
        }
    }

    /// The pages of digests of records, one after the other; nothing when there are none in a copy.
    pub(super) fn records(
        self,
        mut take: impl FnMut(Page<LedgerRecord>) -> Result<(), CliError>,
    ) -> Result<bool, CliError> {
        match self {
            Self::Server(client) => {
                let mut query = LedgerRecordQuery::default();
                for _ in 0..MOST_PAGES {
                    let page = client.ledger_records(&query)?;
                    query.cursor.clone_from(&page.next_cursor);
                    take(page)?;
                    if query.cursor.is_none() {
                        return Ok(true);
                    }
                }
                Err(CliError::Input("the server lists records without an end".to_owned()))
            }
            Self::Copy(folder) => {
                for number in 0_u64.. {
                    let path = folder.join(RECORDS).join(format!("{number}.json"));
                    if !path.exists() {
                        return Ok(number > 0);
                    }
                    take(read_json(&path)?)?;
                }
                Ok(true)
            }
        }
    }

    /// A tile or a bundle of a log, by its path.
    pub(super) fn part(self, log: u64, path: &str) -> Result<Option<Vec<u8>>, CliError> {
        match self {
            Self::Server(client) => Ok(client.ledger_tile(log, path)?),
            Self::Copy(folder) => {
                let path = folder.join(log.to_string()).join(path);
                match fs::read(&path) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(CliError::file(&path, &error)),
                }
            }
        }
    }
}

/// One log of a source, for the verifier: entries are shown to `reader` as they come by.
pub(super) struct OneLog<'a, F> {
    pub(super) source: Source<'a>,
    pub(super) number: u64,
    pub(super) reader: F,
}

impl<F: FnMut(u64, &[u8])> LogSource for OneLog<'_, F> {
    type Error = CliError;

    fn bundle(&mut self, bundle: BundleId, into: &mut Vec<u8>) -> Result<bool, CliError> {
        self.part(&bundle.path(), into)
    }

    fn tile(&mut self, tile: TileId, into: &mut Vec<u8>) -> Result<bool, CliError> {
        self.part(&tile.path(), into)
    }

    fn entry(&mut self, index: u64, entry: &[u8]) {
        (self.reader)(index, entry);
    }
}

impl<F> OneLog<'_, F> {
    fn part(&self, path: &str, into: &mut Vec<u8>) -> Result<bool, CliError> {
        let part = self.source.part(self.number, path)?;
        part.as_ref().into_iter().for_each(|bytes| into.extend_from_slice(bytes));
        Ok(part.is_some())
    }
}

fn read_text(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|error| CliError::file(path, &error))
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CliError> {
    let text = read_text(path)?;
    serde_json::from_str(&text)
        .map_err(|error| CliError::Input(format!("`{}` is not what it should be: {error}", path.display())))
}
