//! What a job's owner reads: the ledger, the rows, the quarantine.
//!
//! It changes nothing.

use numcheck_protocol::{Currency, Price};
use tokio_postgres::Row;

use super::batches::{ACCEPTED, IN_DOUBT, PLANNED, REFUSED, number, state};
use super::fault::Fault;
use super::session::{Session, big, get, get_text, get_u64};
use crate::ledger::{Ledger, Sum};
use crate::model::Outcome;
use crate::pricing::{PriceKey, PriceTable};
use crate::store::{Odd, RowFate, Source};

type Result<T> = std::result::Result<T, Fault>;

pub(super) fn source(number: i16) -> Source {
    match number {
        0 => Source::Push,
        1 => Source::Query,
        _ => Source::Answer,
    }
}

pub(super) async fn ledger(session: &Session, job: i64) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    let sql = "SELECT state, missing, sum(numbers)::bigint, sum(done)::bigint, sum(failed)::bigint, sum(unpriced)::bigint, sum(refused)::bigint
        FROM batches WHERE job = $1 GROUP BY state, missing";
    for row in session.rows(sql, &[&job]).await? {
        let refused = get_u64(&row, 6)?;
        ledger.refused += refused;
        let numbers = get_u64(&row, 2)?.saturating_sub(refused);
        let (done, failed) = (get_u64(&row, 3)?, get_u64(&row, 4)?);
        let rest = numbers.saturating_sub(done + failed);
        // Settled numbers of a batch that is planned again were submitted before.
        let (submitted, place) = match get::<i16>(&row, 0)? {
            PLANNED => (done + failed, &mut ledger.planned),
            REFUSED => (done + failed, &mut ledger.refused),
            IN_DOUBT => (numbers, &mut ledger.in_doubt),
            ACCEPTED if get(&row, 1)? => (numbers, &mut ledger.missing),
            _ => (numbers, &mut ledger.pending),
        };
        *place += rest;
        ledger.submitted += submitted;
        ledger.settled += done;
        ledger.failed += failed;
        ledger.unpriced += get_u64(&row, 5)?;
    }
    let sql = "SELECT outcome, currency, count, amount::text FROM costs WHERE job = $1";
    for row in session.rows(sql, &[&job]).await? {
        let outcome = if get::<i16>(&row, 0)? == 0 { Outcome::Done } else { Outcome::Failed };
        let currency = Currency::new(get(&row, 1)?).map_err(|_| Fault::damaged("a currency is none"))?;
        let amount: Price = get::<&str>(&row, 3)?.parse().map_err(|_| Fault::damaged("an amount is none"))?;
        ledger.costs.insert((outcome, currency), Sum { count: get_u64(&row, 2)?, amount });
    }
    Ok(ledger)
}

pub(super) async fn rows(
    session: &Session,
    job: i64,
    after_row: Option<u64>,
    most: u32,
) -> Result<Vec<RowFate>> {
    let (after, limit) = (after_row.map_or(-1, big), i64::from(most));
    let own = "SELECT n.first_row, false, n.packed, b.batch_no, b.state, b.missing, b.code, b.message, r.source, r.body
        FROM numbers n JOIN batches b ON b.id = n.batch LEFT JOIN results r ON r.id = n.result
        WHERE n.job = $1 AND n.first_row > $2 ORDER BY n.first_row LIMIT $3";
    let own = session.rows(own, &[&job, &after, &limit]).await?;
    // Where a page is full already, what lies behind it is another page's.
    let last = own.last().filter(|_| own.len() == most as usize).map(|row| get(row, 0)).transpose()?;
    let repeated = "SELECT d.dup_row, true, n.packed, b.batch_no, b.state, b.missing, b.code, b.message, r.source, r.body
        FROM duplicates d JOIN numbers n ON n.job = d.job AND n.first_row = d.first_row
        JOIN batches b ON b.id = n.batch LEFT JOIN results r ON r.id = n.result
        WHERE d.job = $1 AND d.dup_row > $2 AND d.dup_row < $4 ORDER BY d.dup_row LIMIT $3";
    let repeated = session.rows(repeated, &[&job, &after, &limit, &last.unwrap_or(i64::MAX)]).await?;
    let mut rows: Vec<RowFate> = own.iter().chain(&repeated).map(fate).collect::<Result<_>>()?;
    rows.sort_unstable_by_key(|row| row.row);
    rows.truncate(most as usize);
    Ok(rows)
}

fn fate(row: &Row) -> Result<RowFate> {
    let result = match get::<Option<i16>>(row, 8)? {
        Some(from) => Some((source(from), get(row, 9)?)),
        None => None,
    };
    Ok(RowFate {
        row: get_u64(row, 0)?,
        duplicate: get(row, 1)?,
        number: number(row, 2)?,
        batch_no: get(row, 3)?,
        state: state(get(row, 4)?),
        missing: get(row, 5)?,
        code: get(row, 6)?,
        message: get(row, 7)?,
        result,
    })
}

pub(super) async fn quarantine(session: &Session, after: i64, most: u32) -> Result<Vec<Odd>> {
    let sql = "SELECT r.id, r.batch_no, o.packed <> 0, r.body, r.received_ms FROM odd o JOIN results r ON r.id = o.result
        WHERE o.result > $1 ORDER BY o.result LIMIT $2";
    let rows = session.rows(sql, &[&after, &i64::from(most)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Odd {
                id: get(row, 0)?,
                batch_no: get_text(row, 1)?,
                conflict: get(row, 2)?,
                body: get(row, 3)?,
                received_ms: get_u64(row, 4)?,
            })
        })
        .collect()
}

pub(super) async fn prices(session: &Session) -> Result<PriceTable> {
    let mut prices = PriceTable::default();
    for row in session.rows("SELECT level, region, currency, price::text FROM prices", &[]).await? {
        let key = PriceKey { level: get(&row, 0)?, group: get(&row, 1)? };
        let currency = Currency::new(get(&row, 2)?).map_err(|_| Fault::damaged("a currency is none"))?;
        let price = get::<&str>(&row, 3)?.parse().map_err(|_| Fault::damaged("a price is none"))?;
        prices.set(key, currency, price);
    }
    Ok(prices)
}
