//! What a job's owner reads: the ledger, the rows, the quarantine, the prices.

use std::collections::BTreeMap;

use super::{GivenUp, Row, Sql, Tx, values};
use crate::fold::{day_of, unpriced_since_ms};
use crate::ledger::{BatchSums, Ledger, Reused, Sum};
use crate::pricing::{PriceKey, PriceTable};
use crate::store::{Gauges, Quarantined, RowFate, Spending};

pub(crate) async fn gauges<T: Tx>(tx: &T) -> Result<Gauges, T::Fault> {
    const GAUGES: Sql = Sql {
        sqlite:
            "SELECT (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM pragma_page_size()),
            coalesce((SELECT max(id) FROM results), 0) - (SELECT value FROM marks WHERE name = 'folded')",
        postgres: "SELECT (SELECT CAST(sum(pg_total_relation_size(oid)) AS bigint) FROM pg_class
                WHERE relnamespace = 'numcheck'::regnamespace AND relkind = 'r'),
            (SELECT CAST(coalesce(sum(behind - next), 0) AS bigint) FROM inbox)",
    };
    let read = |row: &Row<'_>| Ok(Gauges { bytes: row.get(0)?, backlog: Some(row.count(1)?) });
    Ok(tx.row(GAUGES, &[], read).await?.unwrap_or_default())
}

pub(crate) async fn ledger<T: Tx>(tx: &T, job: i64) -> Result<Ledger, T::Fault> {
    let mut ledger = Ledger::default();
    let of_batches = "SELECT state, missing, CAST(sum(numbers) AS bigint), CAST(sum(done) AS bigint), CAST(sum(failed) AS bigint),
            CAST(sum(unpriced) AS bigint), CAST(sum(refused) AS bigint), CAST(sum(charged_again) AS bigint),
            CAST(sum(CASE WHEN resubmitted > charged_again THEN resubmitted - charged_again ELSE 0 END) AS bigint)
        FROM batches WHERE job = $1 GROUP BY state, missing";
    tx.rows(of_batches, &values![job], |row| {
        ledger.add(BatchSums {
            state: row.get(0)?,
            missing: row.get(1)?,
            numbers: row.get(2)?,
            done: row.get(3)?,
            failed: row.get(4)?,
            unpriced: row.get(5)?,
            refused: row.get(6)?,
            charged_again: row.get(7)?,
            may_be_charged: row.get(8)?,
        });
        Ok(())
    })
    .await?;
    let reused = "SELECT reused_done, reused_failed, reused_refused FROM jobs WHERE id = $1";
    let read =
        |row: &Row<'_>| Ok(Reused { done: row.count(0)?, failed: row.count(1)?, refused: row.count(2)? });
    ledger.reused = tx.row(reused, &values![job], read).await?.unwrap_or_default();
    // By the state of the batches that are waited for, and whether they are in doubt for good.
    let waiting = "SELECT b.state, b.missing OR j.state = 2, CAST(sum(w.waiting) AS bigint)
        FROM waits w JOIN batches b ON b.id = w.via JOIN jobs j ON j.id = b.job WHERE w.job = $1 GROUP BY 1, 2";
    tx.rows(waiting, &values![job], |row| {
        ledger.add_waiting(row.get(0)?, row.get(1)?, row.count(2)?);
        Ok(())
    })
    .await?;
    let costs = "SELECT outcome, currency, count, CAST(amount AS text) FROM costs WHERE job = $1";
    tx.rows(costs, &values![job], |row| {
        let sum = Sum { count: row.get(2)?, amount: row.get(3)? };
        ledger.costs.insert((row.get(0)?, row.get(1)?), sum);
        Ok(())
    })
    .await?;
    Ok(ledger)
}

pub(crate) async fn planned_groups<T: Tx>(tx: &T, job: i64) -> Result<BTreeMap<String, u64>, T::Fault> {
    let sql = "SELECT grp, CAST(sum(numbers - done - failed - refused) AS bigint) FROM batches
        WHERE job = $1 AND state = 0 GROUP BY grp";
    let groups = tx.rows(sql, &values![job], |row| Ok((row.get(0)?, row.count(1)?))).await?;
    Ok(groups.into_iter().collect())
}

pub(crate) async fn spending<T: Tx>(tx: &T, account: &str, since_ms: u64) -> Result<Spending, T::Fault> {
    let mut spending = Spending::new();
    let charged = "SELECT currency, CAST(amount AS text) FROM charges WHERE account = $1 AND day >= $2";
    tx.rows(charged, &values![account, day_of(since_ms)], |row| {
        spending.charge(row.get(0)?, row.get(1)?);
        Ok(())
    })
    .await?;
    const UNDER_WAY: Sql = Sql {
        sqlite: "SELECT s.level, b.grp, sum(b.numbers - b.done - b.failed - b.refused) FROM batches b JOIN jobs j ON j.id = b.job
            JOIN scopes s ON s.id = j.scope WHERE s.account = $1 AND b.state IN (1, 2, 3) AND b.numbers > b.done + b.failed + b.refused
            GROUP BY 1, 2",
        postgres: "SELECT s.level, b.grp, sum(b.numbers)::bigint FROM scopes s JOIN jobs j ON j.scope = s.id CROSS JOIN LATERAL (
                SELECT grp, sum(numbers - done - failed - refused) AS numbers FROM batches
                WHERE job = j.id AND state IN (1, 2, 3) AND numbers > done + failed + refused GROUP BY grp
            ) AS b WHERE s.account = $1 GROUP BY 1, 2",
    };
    tx.rows(UNDER_WAY, &values![account], |row| {
        spending.under_way.insert((row.get(0)?, row.get(1)?), row.get(2)?);
        Ok(())
    })
    .await?;
    const UNPRICED: Sql = Sql {
        sqlite: "SELECT s.level, sum(b.unpriced + max(b.resubmitted - b.charged_again, 0)) FROM batches b JOIN jobs j ON j.id = b.job
            JOIN scopes s ON s.id = j.scope WHERE s.account = $1 AND (b.unpriced > 0 OR b.resubmitted > b.charged_again)
            AND coalesce(b.sent_ms, 0) >= $2 GROUP BY 1",
        postgres: "SELECT s.level, sum(b.unpriced)::bigint FROM scopes s JOIN jobs j ON j.scope = s.id CROSS JOIN LATERAL (
                SELECT sum(unpriced + greatest(resubmitted - charged_again, 0)) AS unpriced FROM batches
                WHERE job = j.id AND (unpriced > 0 OR resubmitted > charged_again) AND coalesce(sent_ms, 0) >= $2
            ) AS b WHERE s.account = $1 AND b.unpriced > 0 GROUP BY 1",
    };
    tx.rows(UNPRICED, &values![account, unpriced_since_ms(since_ms)], |row| {
        spending.unpriced.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })
    .await?;
    Ok(spending)
}

/// What a row tells of its phone number, behind its own place: that of the sending which it stands for, where it is not its own. The result
/// of what a forgotten job has sent will not be known.
macro_rules! fate {
    () => {
        "n.packed, b.batch_no, b.state,
        b.missing OR (n.via IS NOT NULL AND n.result IS NULL AND EXISTS (SELECT 1 FROM jobs j WHERE j.id = b.job AND j.state = 2)),
        b.code, b.message, r.source, r.body, n.via IS NOT NULL, r.received_ms, b.sent_ms"
    };
}

/// The rows with a phone number of their own, a page from behind a row.
const OWN_ROWS: &str = concat!(
    "SELECT n.first_row, false, ",
    fate!(),
    " FROM numbers n JOIN batches b ON b.id = coalesce(n.via, n.batch) LEFT JOIN results r ON r.id = n.result
    WHERE n.job = $1 AND n.first_row > $2 ORDER BY n.first_row LIMIT $3"
);

/// The rows that repeat one, a page from behind a row to before another.
const REPEATED_ROWS: &str = concat!(
    "SELECT d.dup_row, true, ",
    fate!(),
    " FROM duplicates d JOIN numbers n ON n.job = d.job AND n.first_row = d.first_row
    JOIN batches b ON b.id = coalesce(n.via, n.batch) LEFT JOIN results r ON r.id = n.result
    WHERE d.job = $1 AND d.dup_row > $2 AND d.dup_row < $4 ORDER BY d.dup_row LIMIT $3"
);

pub(crate) async fn rows<T: Tx>(
    tx: &T,
    job: i64,
    after_row: Option<u64>,
    most: u32,
) -> Result<Vec<RowFate>, T::Fault> {
    let after = after_row.map_or(-1, |row| row as i64);
    let mut rows = tx.rows(OWN_ROWS, &values![job, after, most], fate).await?;
    // Where a page is full already, what lies behind it is another page's.
    let last = rows.last().filter(|_| rows.len() == most as usize).map_or(i64::MAX, |row| row.row as i64);
    rows.extend(tx.rows(REPEATED_ROWS, &values![job, after, most, last], fate).await?);
    rows.sort_unstable_by_key(|row| row.row);
    rows.truncate(most as usize);
    Ok(rows)
}

fn fate(row: &Row<'_>) -> Result<RowFate, GivenUp> {
    let result = match row.get(8)? {
        Some(source) => Some((source, row.get(9)?)),
        None => None,
    };
    Ok(RowFate {
        row: row.get(0)?,
        duplicate: row.get(1)?,
        number: row.get(2)?,
        batch_no: row.get(3)?,
        state: row.get(4)?,
        missing: row.get(5)?,
        code: row.get(6)?,
        message: row.get(7)?,
        result,
        reused: row.get(10)?,
        received_ms: row.get(11)?,
        sent_ms: row.get(12)?,
    })
}

pub(crate) async fn quarantine<T: Tx>(tx: &T, after: i64, most: u32) -> Result<Vec<Quarantined>, T::Fault> {
    // Without a phone number the column holds nothing in a file, and 0 on a server.
    let sql = "SELECT r.id, r.batch_no, coalesce(o.packed, 0) <> 0, r.body, r.received_ms FROM odd o JOIN results r ON r.id = o.result
        WHERE o.result > $1 ORDER BY o.result LIMIT $2";
    tx.rows(sql, &values![after, most], |row| {
        Ok(Quarantined {
            id: row.get(0)?,
            batch_no: row.get(1)?,
            conflict: row.get(2)?,
            body: row.get(3)?,
            received_ms: row.get(4)?,
        })
    })
    .await
}

pub(crate) async fn prices<T: Tx>(tx: &T) -> Result<PriceTable, T::Fault> {
    let mut prices = PriceTable::default();
    tx.rows("SELECT level, region, currency, CAST(price AS text) FROM prices", &[], |row| {
        prices.set(PriceKey { level: row.get(0)?, group: row.get(1)? }, row.get(2)?, row.get(3)?);
        Ok(())
    })
    .await?;
    Ok(prices)
}
