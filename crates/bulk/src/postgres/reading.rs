//! What a job's owner reads: the ledger, the rows, the quarantine.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::fault::Fault;
use super::session::{Session, big, get, get_text, get_u64, text};
use super::values::{amount, currency, number};
use crate::fold::{day_of, unpriced_since_ms};
use crate::ledger::{BatchSums, Ledger, Reused, Sum};
use crate::model::{BatchState, Outcome};
use crate::pricing::{PriceKey, PriceTable};
use crate::store::{Quarantined, RowFate, Source, Spending, sql};

type Result<T> = std::result::Result<T, Fault>;

pub(super) async fn ledger(session: &Session, job: i64) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    for row in session.rows(sql::BATCH_SUMS, &[&job]).await? {
        ledger.add(BatchSums {
            state: BatchState::from_figure(get(&row, 0)?),
            missing: get(&row, 1)?,
            numbers: get_u64(&row, 2)?,
            done: get_u64(&row, 3)?,
            failed: get_u64(&row, 4)?,
            unpriced: get_u64(&row, 5)?,
            refused: get_u64(&row, 6)?,
            charged_again: get_u64(&row, 7)?,
            may_be_charged: get_u64(&row, 8)?,
        });
    }
    if let Some(row) = session.row(sql::REUSED, &[&job]).await? {
        let count = |at| -> Result<u64> { Ok(get::<i64>(&row, at)?.max(0) as u64) };
        ledger.reused = Reused { done: count(0)?, failed: count(1)?, refused: count(2)? };
    }
    for row in session.rows(sql::WAITING_SUMS, &[&job]).await? {
        ledger.add_waiting(
            BatchState::from_figure(get(&row, 0)?),
            get(&row, 1)?,
            get::<i64>(&row, 2)?.max(0) as u64,
        );
    }
    for row in session.rows(sql::COSTS, &[&job]).await? {
        let outcome = Outcome::from_figure(get(&row, 0)?);
        let sum = Sum { count: get_u64(&row, 2)?, amount: amount(&row, 3)? };
        ledger.costs.insert((outcome, currency(&row, 1)?), sum);
    }
    Ok(ledger)
}

pub(super) async fn planned_groups(session: &Session, job: i64) -> Result<BTreeMap<String, u64>> {
    let sql = "SELECT grp, sum(numbers - done - failed - refused)::bigint FROM batches WHERE job = $1 AND state = 0 GROUP BY grp";
    let mut groups = BTreeMap::new();
    for row in session.rows(sql, &[&job]).await? {
        groups.insert(get(&row, 0)?, get_u64(&row, 1)?);
    }
    Ok(groups)
}

pub(super) async fn spending(session: &Session, account: &str, since_ms: u64) -> Result<Spending> {
    let mut spending = Spending::new();
    let sql = "SELECT currency, amount::text FROM charges WHERE account = $1 AND day >= $2";
    for row in session.rows(sql, &[&text(account), &day_of(since_ms)]).await? {
        spending.charge(currency(&row, 0)?, amount(&row, 1)?);
    }
    let sql = "SELECT s.level, b.grp, sum(b.numbers)::bigint FROM scopes s JOIN jobs j ON j.scope = s.id CROSS JOIN LATERAL (
            SELECT grp, sum(numbers - done - failed - refused) AS numbers FROM batches
            WHERE job = j.id AND state IN (1, 2, 3) AND numbers > done + failed + refused GROUP BY grp
        ) AS b WHERE s.account = $1 GROUP BY 1, 2";
    for row in session.rows(sql, &[&text(account)]).await? {
        spending.under_way.insert((get(&row, 0)?, get(&row, 1)?), get_u64(&row, 2)?);
    }
    let sql = "SELECT s.level, sum(b.unpriced)::bigint FROM scopes s JOIN jobs j ON j.scope = s.id CROSS JOIN LATERAL (
            SELECT sum(unpriced + greatest(resubmitted - charged_again, 0)) AS unpriced FROM batches
            WHERE job = j.id AND (unpriced > 0 OR resubmitted > charged_again) AND coalesce(sent_ms, 0) >= $2
        ) AS b WHERE s.account = $1 AND b.unpriced > 0 GROUP BY 1";
    for row in session.rows(sql, &[&text(account), &big(unpriced_since_ms(since_ms))]).await? {
        spending.unpriced.insert(get(&row, 0)?, get_u64(&row, 1)?);
    }
    Ok(spending)
}

pub(super) async fn rows(
    session: &Session,
    job: i64,
    after_row: Option<u64>,
    most: u32,
) -> Result<Vec<RowFate>> {
    let (after, limit) = (after_row.map_or(-1, big), i64::from(most));
    let own = session.rows(sql::OWN_ROWS, &[&job, &after, &limit]).await?;
    // Where a page is full already, what lies behind it is another page's.
    let last = own.last().filter(|_| own.len() == most as usize).map(|row| get(row, 0)).transpose()?;
    let repeated =
        session.rows(sql::REPEATED_ROWS, &[&job, &after, &limit, &last.unwrap_or(i64::MAX)]).await?;
    let mut rows: Vec<RowFate> = own.iter().chain(&repeated).map(fate).collect::<Result<_>>()?;
    rows.sort_unstable_by_key(|row| row.row);
    rows.truncate(most as usize);
    Ok(rows)
}

fn fate(row: &Row) -> Result<RowFate> {
    let result = match get::<Option<i16>>(row, 8)? {
        Some(from) => Some((Source::from_figure(from), get(row, 9)?)),
        None => None,
    };
    Ok(RowFate {
        row: get_u64(row, 0)?,
        duplicate: get(row, 1)?,
        number: number(row, 2)?,
        batch_no: get(row, 3)?,
        state: BatchState::from_figure(get(row, 4)?),
        missing: get(row, 5)?,
        code: get(row, 6)?,
        message: get(row, 7)?,
        result,
        reused: get(row, 10)?,
        received_ms: get::<Option<i64>>(row, 11)?.map(|ms| ms as u64),
    })
}

pub(super) async fn quarantine(session: &Session, after: i64, most: u32) -> Result<Vec<Quarantined>> {
    let sql = "SELECT r.id, r.batch_no, o.packed <> 0, r.body, r.received_ms FROM odd o JOIN results r ON r.id = o.result
        WHERE o.result > $1 ORDER BY o.result LIMIT $2";
    let rows = session.rows(sql, &[&after, &i64::from(most)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Quarantined {
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
        prices.set(key, currency(&row, 2)?, amount(&row, 3)?);
    }
    Ok(prices)
}
