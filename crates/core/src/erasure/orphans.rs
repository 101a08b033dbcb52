//! What people typed when they looked at somebody is found by the pseudonym, which only that person's keys tell. When an erasure
//! is done again on an old copy of the data store, the keys are gone already; so what goes is what leads to nobody: the links
//! and typed reasons of every pseudonym that no key tells. It takes a look at all keys, and is only done after such a restore.
//!
//! It is done before the erasures themselves: a crash in between would leave nothing that says it is still to be done.

use std::collections::HashSet;
use std::sync::Arc;

use avouch_store::{params, statements};

use super::strip;
use crate::Error;
use crate::app::App;
use crate::ids::SubjectId;
use crate::vault::wrapped_from_row;

statements! {
    keys ALL_KEYS = "select subject, class, generation, key_id, epoch, wrapped, check_value from subject_key where (subject, class, generation) > (?1, ?2, ?3) order by subject, class, generation limit 1000";
    data PSEUDONYMS = "select distinct pseudonym from event_subject where pseudonym > ?1 order by pseudonym limit 1000";
}

/// Pseudonyms whose looks are dropped in one transaction.
const BATCH: usize = 1_000;

/// Drops them, and those of people who are about to be erased as a whole. Nothing when a key of anybody else does not open:
/// then it is not known who is nobody.
pub(super) fn drop_orphans(app: &Arc<App>, going: &HashSet<SubjectId>) -> Result<(), Error> {
    // Pseudonyms first: whoever comes while the keys are read is not among them.
    let looked_at = pseudonyms(app)?;
    let Some(nobody) = without_living(app, looked_at, going)? else {
        tracing::error!(
            "a key does not open, so typed reasons of people who were erased may be left in this copy of the data"
        );
        return Ok(());
    };
    let mut rest = nobody.into_iter().peekable();
    while rest.peek().is_some() {
        let batch: Vec<[u8; 16]> = rest.by_ref().take(BATCH).collect();
        app.store
            .write_wait(move |tx| batch.iter().try_for_each(|pseudonym| strip::drop_looks(tx, pseudonym)))?;
    }
    Ok(())
}

/// All pseudonyms that were looked at.
fn pseudonyms(app: &App) -> Result<HashSet<[u8; 16]>, Error> {
    let mut all = HashSet::new();
    let mut after: Vec<u8> = Vec::new();
    loop {
        let from = after.clone();
        let page = app.store.read_wait(move |tx| {
            Ok::<_, Error>(tx.query(&PSEUDONYMS, params![&from], |row| Ok(row.blob(0)?.to_vec()))?)
        })?;
        let Some(last) = page.last() else { return Ok(all) };
        after.clone_from(last);
        all.extend(page.iter().filter_map(|pseudonym| <[u8; 16]>::try_from(pseudonym.as_slice()).ok()));
    }
}

/// Those of them that no key tells, of people who stay.
fn without_living(
    app: &App,
    mut pseudonyms: HashSet<[u8; 16]>,
    going: &HashSet<SubjectId>,
) -> Result<Option<HashSet<[u8; 16]>>, Error> {
    let rules = app.rules();
    let mut after = (Vec::new(), -1, -1);
    loop {
        let from = after.clone();
        let page = app.store.read_wait(move |tx| {
            Ok::<_, Error>(tx.query(&ALL_KEYS, params![&from.0, from.1, from.2], |row| {
                Ok((row.bytes::<16>(0)?, row.int(1)?, row.int(2)?, wrapped_from_row(row, 3)?))
            })?)
        })?;
        let Some((subject, class, generation, _)) = page.last() else { return Ok(Some(pseudonyms)) };
        after = (subject.to_vec(), *class, *generation);
        let stay = page.iter().filter(|(subject, ..)| !going.contains(&SubjectId::from_bytes(*subject)));
        for (subject, class, _, wrapped) in stay {
            let class = u32::try_from(*class).ok().and_then(|class| rules.class_name(class).ok());
            let key = class.and_then(|class| app.keys.open_subject_key(*subject, class, wrapped).ok());
            let Some(key) = key else { return Ok(None) };
            pseudonyms.remove(&key.pseudonym());
        }
    }
}
