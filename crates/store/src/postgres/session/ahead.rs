//! Reading ahead for a group: one flight to each store instead of a round trip for each query of each operation.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement as Prepared};

use super::{Fault, Pending, Session, begin_transaction, write_all};
use crate::{Ahead, Param, Result, Side, Statement};

type Flown<T> = core::result::Result<T, Fault>;

impl Session {
    /// Asks `data` and `keys` everything in `wants` at once, each in its transaction.
    pub(crate) fn read_ahead(
        runtime: &Runtime,
        data: &mut Self,
        keys: &mut Self,
        wants: Vec<Ahead>,
    ) -> Result<()> {
        let (for_data, for_keys): (Vec<_>, Vec<_>) =
            wants.into_iter().partition(|want| want.statement.side == Side::Data);
        let (for_data, for_keys) = (data.unasked(runtime, for_data)?, keys.unasked(runtime, for_keys)?);
        let (data_writes, keys_writes) = (data.before(&for_data), keys.before(&for_keys));
        let (from_data, from_keys) = runtime.block_on(join(
            ask_all(&data.client, &data_writes, &for_data),
            ask_all(&keys.client, &keys_writes, &for_keys),
        ));
        data.keep(for_data, from_data)?;
        keys.keep(for_keys, from_keys)
    }

    fn unasked(&mut self, runtime: &Runtime, wants: Vec<Ahead>) -> Result<Vec<(Ahead, Prepared)>> {
        let mut unasked: Vec<(Ahead, Prepared)> = Vec::with_capacity(wants.len());
        for want in wants {
            let same =
                |known: &Ahead| core::ptr::eq(known.statement, want.statement) && known.params == want.params;
            if !unasked.iter().any(|(known, _)| same(known))
                && !self.ahead.iter().any(|(known, _)| same(known))
            {
                let prepared = self.prepared(runtime, want.statement)?;
                unasked.push((want, prepared));
            }
        }
        Ok(unasked)
    }

    /// What has to reach the server before these are asked: the begin of the transaction, and writes that wait.
    fn before(&mut self, asked: &[(Ahead, Prepared)]) -> (Option<&'static str>, Vec<Pending>) {
        if asked.is_empty() {
            return (None, Vec::new());
        }
        (self.take_begin_to_read(), core::mem::take(&mut self.pending))
    }

    fn keep(&mut self, asked: Vec<(Ahead, Prepared)>, answers: Flown<Vec<Vec<Row>>>) -> Result<()> {
        let answers = self.noted(answers)?;
        self.ahead.extend(asked.into_iter().zip(answers).map(|((want, _), rows)| (want, Arc::new(rows))));
        Ok(())
    }

    /// Forgets everything: the transaction is over.
    pub(in crate::postgres) fn forget_all(&mut self) {
        self.ahead.clear();
    }

    /// What was read ahead and could be otherwise after this write is asked again.
    pub(super) fn forget(&mut self, written: &'static Statement, params: &[Param<'_>]) {
        self.ahead.retain(|(read, _)| !written.could_change(params, read.statement, &read.params));
    }
}

/// Sends what comes before and all queries, and only then waits for the first answer.
async fn ask_all(
    client: &Client,
    (begin, pending): &(Option<&'static str>, Vec<Pending>),
    wants: &[(Ahead, Prepared)],
) -> Flown<Vec<Vec<Row>>> {
    let answers = wants.iter().map(|(want, prepared)| async move {
        let params: Vec<&(dyn ToSql + Sync)> = want.params.iter().map(|param| param as _).collect();
        client.query(prepared, &params).await.map_err(|error| Fault::of(want.statement.name, &error))
    });
    let before = join(begin_transaction(client, *begin), write_all(client, pending));
    let ((begun, written), answers) = join(before, join_all(answers)).await;
    begun.and(written)?;
    answers.into_iter().collect()
}
