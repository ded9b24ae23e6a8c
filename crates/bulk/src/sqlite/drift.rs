//! Counts undocumented fields and values (drift) per job, in the transaction that enters the message: no message is counted twice.

use std::collections::BTreeMap;

use numcheck_protocol::Drift;
use rusqlite::{Transaction, params};

use super::fault::Result;
use crate::store::Drifted;
use crate::store::drifting::{MAX_DRIFT_PLACES, from_row, further_places, kind_number};

/// Counts, by job. Says what is new to its job.
pub(super) fn add(tx: &Transaction<'_>, counts: BTreeMap<(i64, Drift), u64>) -> Result<Vec<Drift>> {
    let mut news = Vec::new();
    for ((job, drift), count) in counts {
        if count_up(tx, job, &drift, count)? {
            continue;
        }
        let places: u64 = tx
            .prepare_cached("SELECT count(*) FROM drift WHERE job = ?")?
            .query_row([job], |row| row.get::<_, i64>(0))? as u64;
        let drift = if places < MAX_DRIFT_PLACES { drift } else { further_places(&drift) };
        if places >= MAX_DRIFT_PLACES && count_up(tx, job, &drift, count)? {
            continue;
        }
        tx.prepare_cached("INSERT INTO drift VALUES (?, ?, ?, ?, ?)")?.execute(params![
            job,
            drift.place,
            kind_number(drift.kind),
            drift.value.as_deref().unwrap_or_default(),
            count as i64
        ])?;
        news.push(drift);
    }
    Ok(news)
}

fn count_up(tx: &Transaction<'_>, job: i64, drift: &Drift, count: u64) -> Result<bool> {
    let changed = tx
        .prepare_cached(
            "UPDATE drift SET count = count + ? WHERE job = ? AND place = ? AND kind = ? AND value = ?",
        )?
        .execute(params![
            count as i64,
            job,
            drift.place,
            kind_number(drift.kind),
            drift.value.as_deref().unwrap_or_default()
        ])?;
    Ok(changed > 0)
}

pub(super) fn list(tx: &Transaction<'_>, job: i64) -> Result<Vec<Drifted>> {
    let mut select = tx.prepare_cached(
        "SELECT place, kind, value, count FROM drift WHERE job = ? ORDER BY place, kind, value",
    )?;
    let rows = select.query_map([job], |row| {
        Ok(from_row(row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)? as u64))
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
