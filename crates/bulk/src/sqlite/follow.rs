//! Follows other jobs' sendings: takes their results over, and plans again what waits for them in vain.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params};

use super::fault::Result;
use super::waits::{count, count_reused, leave_trace};
use super::{batches, book, results};
use crate::model::{BatchState, Outcome};
use crate::store::Followed;
use crate::store::reading::SharedReader;
use crate::store::sql::{self, for_sqlite};

/// How many phone numbers are planned as one batch again.
const AT_ONCE: usize = 2000;

pub(super) fn follow(tx: &Transaction<'_>, job: i64) -> Result<Followed> {
    let mut followed = Followed::default();
    let waits: Vec<(i64, i64, i64, i16)> = tx
        .prepare_cached(&for_sqlite(sql::WAITED_FOR))?
        .query_map([job], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<std::result::Result<_, _>>()?;
    for (via, seen, settled, state) in waits {
        if settled != seen {
            followed.reused += take_over(tx, job, via)?;
            let elsewhere = waiting(tx, job, via, sql::WAITING_IN_VAIN)?;
            followed.planned += plan_rows(tx, job, via, elsewhere, None)?;
            tx.prepare_cached("UPDATE waits SET seen = ? WHERE job = ? AND via = ?")?
                .execute([settled, job, via])?;
        }
        if matches!(BatchState::from_figure(state), BatchState::Planned | BatchState::Refused) {
            followed.planned += plan(tx, job, via, None)?;
        }
    }
    Ok(followed)
}

fn take_over(tx: &Transaction<'_>, job: i64, via: i64) -> Result<u64> {
    let rows: Vec<(i64, i64, i64, i64, i16)> = tx
        .prepare_cached(
            "SELECT n.batch, n.packed, o.result, o.received_ms, o.outcome FROM numbers n JOIN numbers o ON o.batch = n.via AND o.packed = n.packed
             WHERE n.via = ? AND n.job = ? AND n.result IS NULL AND o.result IS NOT NULL AND o.via IS NULL",
        )?
        .query_map([via, job], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?
        .collect::<std::result::Result<_, _>>()?;
    let mut update = tx.prepare_cached(
        "UPDATE numbers SET result = ?, received_ms = ?, outcome = ? WHERE batch = ? AND packed = ?",
    )?;
    for (batch, packed, result, received_ms, ended) in &rows {
        update.execute(params![result, received_ms, ended, batch, packed])?;
        count_reused(tx, job, Outcome::from_figure(*ended), 1)?;
    }
    count(tx, job, via, -(rows.len() as i64))?;
    Ok(rows.len() as u64)
}

/// A row that waits: its batch, its phone number, its group.
type Waiting = (i64, i64, String);

fn waiting(tx: &Transaction<'_>, job: i64, via: i64, which: &str) -> Result<Vec<Waiting>> {
    Ok(tx
        .prepare_cached(&for_sqlite(which))?
        .query_map([via, job], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<std::result::Result<_, _>>()?)
}

/// Plans the rows that wait for a batch as batches of their own, and says how many. `despite`: a person has decided not to wait for it.
pub(super) fn plan(tx: &Transaction<'_>, job: i64, via: i64, despite: Option<i64>) -> Result<u64> {
    let rows = waiting(tx, job, via, sql::WAITING)?;
    plan_rows(tx, job, via, rows, despite)
}

fn plan_rows(
    tx: &Transaction<'_>,
    job: i64,
    via: i64,
    rows: Vec<Waiting>,
    despite: Option<i64>,
) -> Result<u64> {
    let mut groups: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    let count_all = rows.len();
    for (batch, packed, group) in rows {
        groups.entry(group).or_default().push((batch, packed));
    }
    for (group, rows) in groups {
        for rows in rows.chunks(AT_ONCE) {
            let to = batches::insert_further(tx, job, &group, rows.len() as i64)?;
            for (from, packed) in rows {
                move_row(tx, (*from, *packed), to, despite)?;
            }
        }
    }
    count(tx, job, via, -(count_all as i64))?;
    Ok(count_all as u64)
}

/// Moves a row into another batch.
fn move_row(tx: &Transaction<'_>, (from, packed): (i64, i64), to: i64, despite: Option<i64>) -> Result<()> {
    tx.prepare_cached(
        "UPDATE numbers SET batch = ?, via = NULL, despite = ? WHERE batch = ? AND packed = ?",
    )?
    .execute(params![to, despite, from, packed])?;
    leave_trace(tx, from, to, packed)
}

/// Plans again what the job's rows wait for and is in doubt, in whichever job's batch. Says how many phone numbers.
pub(super) fn resubmit(tx: &Transaction<'_>, reader: &SharedReader, job: i64, before_ms: u64) -> Result<u64> {
    results::fold_all(tx, reader)?;
    if let Some(policy) = book::policy_of_open(tx, job)? {
        for batch in batches::planned(tx, job)? {
            if book::look_up_batch(tx, batch, &policy)?.is_empty() {
                batches::nothing_to_send(tx, batch)?;
            }
        }
    }
    follow(tx, job)?;
    let mut numbers = batches::resubmit_own(tx, job, before_ms)?;
    let doubtful: Vec<i64> = tx
        .prepare_cached(&for_sqlite(sql::WAITED_FOR_IN_DOUBT))?
        .query_map(params![job, before_ms.min(i64::MAX as u64) as i64], |row| row.get(0))?
        .collect::<std::result::Result<_, _>>()?;
    for via in doubtful {
        numbers += plan(tx, job, via, Some(via))?;
    }
    Ok(numbers)
}
