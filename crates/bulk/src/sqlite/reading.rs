//! What a job's owner reads: the ledger, the rows, the quarantine.

use std::collections::BTreeMap;

use numcheck_protocol::PhoneNumber;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::fault::{Fault, Result};
use super::values::{amount, currency};
use crate::fold::{day_of, unpriced_since_ms};
use crate::ledger::{BatchSums, Ledger, Reused, Sum};
use crate::model::{BatchState, Outcome};
use crate::pricing::{PriceKey, PriceTable};
use crate::store::sql::{self, for_sqlite};
use crate::store::{Quarantined, RowFate, Source, Spending};

pub(super) fn ledger(tx: &Transaction<'_>, job: i64) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    let mut select = tx.prepare_cached(&for_sqlite(sql::BATCH_SUMS))?;
    let mut rows = select.query([job])?;
    while let Some(row) = rows.next()? {
        let of = |at| row.get::<_, i64>(at).map(|sum| sum as u64);
        ledger.add(BatchSums {
            state: BatchState::from_figure(row.get(0)?),
            missing: row.get(1)?,
            numbers: of(2)?,
            done: of(3)?,
            failed: of(4)?,
            unpriced: of(5)?,
            refused: of(6)?,
            charged_again: of(7)?,
            may_be_charged: of(8)?,
        });
    }
    let reused = tx
        .prepare_cached(&for_sqlite(sql::REUSED))?
        .query_row([job], |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?]))
        .optional()?;
    let [done, failed, refused] = reused.unwrap_or_default().map(|count| count.max(0) as u64);
    ledger.reused = Reused { done, failed, refused };
    let mut select = tx.prepare_cached(&for_sqlite(sql::WAITING_SUMS))?;
    let mut rows = select.query([job])?;
    while let Some(row) = rows.next()? {
        ledger.add_waiting(
            BatchState::from_figure(row.get(0)?),
            row.get(1)?,
            row.get::<_, i64>(2)?.max(0) as u64,
        );
    }
    let mut select = tx.prepare_cached(&for_sqlite(sql::COSTS))?;
    let mut rows = select.query([job])?;
    while let Some(row) = rows.next()? {
        let outcome = Outcome::from_figure(row.get(0)?);
        let currency = currency(row.get_ref(1)?.as_str()?)?;
        let amount = amount(row.get_ref(3)?.as_str()?)?;
        ledger.costs.insert((outcome, currency), Sum { count: row.get::<_, i64>(2)? as u64, amount });
    }
    Ok(ledger)
}

pub(super) fn planned_groups(tx: &Transaction<'_>, job: i64) -> Result<BTreeMap<String, u64>> {
    let mut select = tx.prepare_cached(
        "SELECT grp, sum(numbers - done - failed - refused) FROM batches WHERE job = ? AND state = 0 GROUP BY grp",
    )?;
    let groups = select.query_map([job], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.max(0) as u64)))?;
    Ok(groups.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn spending(tx: &Transaction<'_>, account: &str, since_ms: u64) -> Result<Spending> {
    let mut spending = Spending::new();
    let mut select =
        tx.prepare_cached("SELECT currency, amount FROM charges WHERE account = ? AND day >= ?")?;
    let mut rows = select.query(params![account, day_of(since_ms)])?;
    while let Some(row) = rows.next()? {
        spending.charge(currency(row.get_ref(0)?.as_str()?)?, amount(row.get_ref(1)?.as_str()?)?);
    }
    let mut select = tx.prepare_cached(
        "SELECT s.level, b.grp, sum(b.numbers - b.done - b.failed - b.refused) FROM batches b JOIN jobs j ON j.id = b.job
         JOIN scopes s ON s.id = j.scope WHERE s.account = ? AND b.state IN (1, 2, 3) AND b.numbers > b.done + b.failed + b.refused GROUP BY 1, 2",
    )?;
    let mut rows = select.query([account])?;
    while let Some(row) = rows.next()? {
        spending.under_way.insert((row.get(0)?, row.get(1)?), row.get::<_, i64>(2)? as u64);
    }
    let mut select = tx.prepare_cached(
        "SELECT s.level, sum(b.unpriced + max(b.resubmitted - b.charged_again, 0)) FROM batches b JOIN jobs j ON j.id = b.job JOIN scopes s ON s.id = j.scope
         WHERE s.account = ? AND (b.unpriced > 0 OR b.resubmitted > b.charged_again) AND coalesce(b.sent_ms, 0) >= ? GROUP BY 1",
    )?;
    let mut rows = select.query(params![account, unpriced_since_ms(since_ms) as i64])?;
    while let Some(row) = rows.next()? {
        spending.unpriced.insert(row.get(0)?, row.get::<_, i64>(1)? as u64);
    }
    Ok(spending)
}

pub(super) fn rows(
    tx: &Transaction<'_>,
    job: i64,
    after_row: Option<u64>,
    most: u32,
) -> Result<Vec<RowFate>> {
    let after = after_row.map_or(-1, |row| row as i64);
    let mut own = tx.prepare_cached(&for_sqlite(sql::OWN_ROWS))?;
    let mut rows: Vec<RowFate> =
        own.query_and_then(params![job, after, most], fate)?.collect::<Result<_>>()?;
    // Where a page is full already, what lies behind it is another page's.
    let last = rows.last().filter(|_| rows.len() == most as usize).map_or(i64::MAX, |row| row.row as i64);
    let mut repeated = tx.prepare_cached(&for_sqlite(sql::REPEATED_ROWS))?;
    for row in repeated.query_and_then(params![job, after, most, last], fate)? {
        rows.push(row?);
    }
    rows.sort_unstable_by_key(|row| row.row);
    rows.truncate(most as usize);
    Ok(rows)
}

fn fate(row: &Row<'_>) -> Result<RowFate> {
    let packed = row.get::<_, i64>(2)? as u64;
    let number =
        PhoneNumber::unpack(packed).ok_or(Fault::Damaged("a row of a job holds what is no phone number"))?;
    let result = match row.get::<_, Option<i16>>(8)? {
        Some(from) => Some((Source::from_figure(from), row.get(9)?)),
        None => None,
    };
    Ok(RowFate {
        row: row.get::<_, i64>(0)? as u64,
        duplicate: row.get(1)?,
        number,
        batch_no: row.get(3)?,
        state: BatchState::from_figure(row.get(4)?),
        missing: row.get(5)?,
        code: row.get(6)?,
        message: row.get(7)?,
        result,
        reused: row.get(10)?,
        received_ms: row.get::<_, Option<i64>>(11)?.map(|ms| ms as u64),
    })
}

pub(super) fn quarantine(tx: &Transaction<'_>, after: i64, most: u32) -> Result<Vec<Quarantined>> {
    let mut select = tx.prepare_cached(
        "SELECT r.id, r.batch_no, o.packed IS NOT NULL, r.body, r.received_ms FROM odd o JOIN results r ON r.id = o.result
         WHERE o.result > ? ORDER BY o.result LIMIT ?",
    )?;
    let odd = select.query_map(params![after, most], |row| {
        Ok(Quarantined {
            id: row.get(0)?,
            batch_no: row.get(1)?,
            conflict: row.get(2)?,
            body: row.get(3)?,
            received_ms: row.get::<_, i64>(4)? as u64,
        })
    })?;
    Ok(odd.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn prices(tx: &Transaction<'_>) -> Result<PriceTable> {
    let mut prices = PriceTable::default();
    let mut select = tx.prepare_cached("SELECT level, region, currency, price FROM prices")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let key = PriceKey { level: row.get(0)?, group: row.get(1)? };
        // What cannot be read is no reason to spend beyond a cap.
        prices.set(key, currency(row.get_ref(2)?.as_str()?)?, amount(row.get_ref(3)?.as_str()?)?);
    }
    Ok(prices)
}
