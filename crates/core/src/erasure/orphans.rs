//! What people typed when they looked at somebody is found by the pseudonym, which only that person's keys tell. When an erasure
//! is done again on an old copy of the data store, the keys are gone already; so what goes is what leads to nobody: the links
//! and typed reasons of every pseudonym that no key tells. It takes a look at all keys, and is only done after such a restore.

use std::collections::HashSet;
use std::sync::Arc;

use avouch_store::{params, statements};

use super::strip;
use crate::Error;
use crate::app::App;
use crate::vault::wrapped_from_row;

statements! {
    keys ALL_KEYS = "select subject, class, generation, key_id, epoch, wrapped, check_value from subject_key where (subject, class, generation) > (?1, ?2, ?3) order by subject, class, generation limit 1000";
    data PSEUDONYMS = "select distinct pseudonym from event_subject where pseudonym > ?1 order by pseudonym limit 1000";
}

/// Drops them. Nothing when a key does not open: then it is not known who is nobody.
pub(super) fn drop_orphans(app: &Arc<App>) -> Result<(), Error> {
    let Some(alive) = alive(app)? else {
        tracing::error!(
            "a key does not open, so typed reasons of people who were erased may be left in this copy of the data"
        );
        return Ok(());
    };
    let mut after: Vec<u8> = Vec::new();
    loop {
        let from = after.clone();
        let page = app.store.read_wait(move |tx| {
            Ok::<_, Error>(tx.query(&PSEUDONYMS, params![&from], |row| Ok(row.blob(0)?.to_vec()))?)
        })?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(last);
        let nobody: Vec<[u8; 16]> = page
            .iter()
            .filter_map(|pseudonym| pseudonym.as_slice().try_into().ok())
            .filter(|pseudonym| !alive.contains(pseudonym))
            .collect();
        app.store
            .write_wait(move |tx| nobody.iter().try_for_each(|pseudonym| strip::drop_looks(tx, pseudonym)))?;
    }
}

/// The pseudonyms that some key tells.
fn alive(app: &Arc<App>) -> Result<Option<HashSet<[u8; 16]>>, Error> {
    let rules = app.rules();
    let mut alive = HashSet::new();
    let mut after = (Vec::new(), -1, -1);
    loop {
        let from = after.clone();
        let page = app.store.read_wait(move |tx| {
            Ok::<_, Error>(tx.query(&ALL_KEYS, params![&from.0, from.1, from.2], |row| {
                Ok((row.bytes::<16>(0)?, row.int(1)?, row.int(2)?, wrapped_from_row(row, 3)?))
            })?)
        })?;
        let Some((subject, class, generation, _)) = page.last() else { return Ok(Some(alive)) };
        after = (subject.to_vec(), *class, *generation);
        for (subject, class, _, wrapped) in &page {
            let class = u32::try_from(*class).ok().and_then(|class| rules.class_name(class).ok());
            let key = class.and_then(|class| app.keys.open_subject_key(*subject, class, wrapped).ok());
            let Some(key) = key else { return Ok(None) };
            alive.insert(key.pseudonym());
        }
    }
}
