//! What a job's owner reads: the ledger, the rows, the quarantine.
//!
//! It changes nothing.

use numcheck_protocol::{Currency, PhoneNumber};
use rusqlite::{Row, Transaction, params};

use super::batches::state;
use super::fault::{Fault, Result};
use super::results::source;
use crate::ledger::{Ledger, Sum};
use crate::model::Outcome;
use crate::pricing::{PriceKey, PriceTable};
use crate::store::{Odd, RowFate};

pub(super) fn ledger(tx: &Transaction<'_>, job: i64) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    let mut select = tx.prepare_cached(
        "SELECT state, missing, sum(numbers), sum(done), sum(failed), sum(unpriced), sum(refused) FROM batches WHERE job = ? GROUP BY state, missing",
    )?;
    let mut rows = select.query([job])?;
    while let Some(row) = rows.next()? {
        let missing: bool = row.get(1)?;
        let [numbers, done, failed, unpriced, refused] =
            [2, 3, 4, 5, 6].map(|at| row.get::<_, i64>(at).map(|sum| sum as u64));
        let refused = refused?;
        ledger.refused += refused;
        let (numbers, done, failed) = (numbers?.saturating_sub(refused), done?, failed?);
        let rest = numbers.saturating_sub(done + failed);
        ledger.unpriced += unpriced?;
        match row.get(0)? {
            0 => {
                // Settled numbers of a batch that is planned again were submitted before.
                ledger.planned += rest;
                ledger.submitted += done + failed;
            }
            4 => {
                ledger.refused += rest;
                ledger.submitted += done + failed;
            }
            2 => {
                ledger.submitted += numbers;
                ledger.in_doubt += rest;
            }
            _ if missing => {
                ledger.submitted += numbers;
                ledger.missing += rest;
            }
            _ => {
                ledger.submitted += numbers;
                ledger.pending += rest;
            }
        }
        ledger.settled += done;
        ledger.failed += failed;
    }
    let mut select = tx.prepare_cached("SELECT outcome, currency, count, amount FROM costs WHERE job = ?")?;
    let mut rows = select.query([job])?;
    while let Some(row) = rows.next()? {
        let outcome = if row.get::<_, i64>(0)? == 0 { Outcome::Done } else { Outcome::Failed };
        let currency = Currency::new(&row.get::<_, String>(1)?);
        let currency = currency.map_err(|_| Fault::Damaged("a sum has no currency"))?;
        let amount = row.get::<_, String>(3)?.parse();
        let amount = amount.map_err(|_| Fault::Damaged("a sum is no amount"))?;
        ledger.costs.insert((outcome, currency), Sum { count: row.get::<_, i64>(2)? as u64, amount });
    }
    Ok(ledger)
}

const FATE: &str = "n.packed, b.batch_no, b.state, b.missing, b.code, b.message, r.source, r.body
    FROM numbers n JOIN batches b ON b.id = n.batch LEFT JOIN results r ON r.id = n.result";

pub(super) fn rows(
    tx: &Transaction<'_>,
    job: i64,
    after_row: Option<u64>,
    most: u32,
) -> Result<Vec<RowFate>> {
    let after = after_row.map_or(-1, |row| row as i64);
    let mut own = tx.prepare_cached(&format!(
        "SELECT n.first_row, 0, {FATE} WHERE n.job = ? AND n.first_row > ? ORDER BY n.first_row LIMIT ?"
    ))?;
    let mut rows: Vec<RowFate> =
        own.query_and_then(params![job, after, most], fate)?.collect::<Result<_>>()?;
    // Where a page is full already, what lies behind it is another page's.
    let last = rows.last().filter(|_| rows.len() == most as usize).map_or(i64::MAX, |row| row.row as i64);
    let mut repeated = tx.prepare_cached(&format!(
        "SELECT d.dup_row, 1, {FATE} JOIN duplicates d ON d.job = n.job AND d.first_row = n.first_row
         WHERE d.job = ? AND d.dup_row > ? AND d.dup_row < ? ORDER BY d.dup_row LIMIT ?"
    ))?;
    for row in repeated.query_and_then(params![job, after, last, most], fate)? {
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
    let result = match row.get::<_, Option<i64>>(8)? {
        Some(from) => Some((source(from), row.get(9)?)),
        None => None,
    };
    Ok(RowFate {
        row: row.get::<_, i64>(0)? as u64,
        duplicate: row.get(1)?,
        number,
        batch_no: row.get(3)?,
        state: state(row.get(4)?),
        missing: row.get(5)?,
        code: row.get(6)?,
        message: row.get(7)?,
        result,
    })
}

pub(super) fn quarantine(tx: &Transaction<'_>, after: i64, most: u32) -> Result<Vec<Odd>> {
    let mut select = tx.prepare_cached(
        "SELECT r.id, r.batch_no, o.packed IS NOT NULL, r.body, r.received_ms FROM odd o JOIN results r ON r.id = o.result
         WHERE o.result > ? ORDER BY o.result LIMIT ?",
    )?;
    let odd = select.query_map(params![after, most], |row| {
        Ok(Odd {
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
        if let (Ok(currency), Ok(price)) =
            (Currency::new(row.get_ref(2)?.as_str()?), row.get_ref(3)?.as_str()?.parse())
        {
            prices.set(key, currency, price);
        }
    }
    Ok(prices)
}
