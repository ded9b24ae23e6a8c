//! Rows that stand for other jobs' sendings: how many wait for each, how many took a result, and what stays behind where one is moved.
//!
//! Whatever changes them holds the lock of the scope; what moves rows or takes results over settles, too.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::session::Session;
use crate::model::Outcome;

type Result<T> = std::result::Result<T, Fault>;

/// Adds rows of a job that wait, by batch: how many, and how many results the batch had when they were looked at.
pub(super) async fn add(session: &Session, job: i64, waits: &BTreeMap<i64, (i64, i64)>) -> Result<()> {
    if waits.is_empty() {
        return Ok(());
    }
    let via: Vec<i64> = waits.keys().copied().collect();
    let (counts, seen): (Vec<i64>, Vec<i64>) = waits.values().copied().unzip();
    let sql = "INSERT INTO waits SELECT $1, new.* FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS new (via, waiting, seen)
        ON CONFLICT (job, via) DO UPDATE SET waiting = waits.waiting + excluded.waiting, seen = least(waits.seen, excluded.seen)";
    session.run(sql, &[&job, &via, &counts, &seen]).await?;
    Ok(())
}

/// Counts rows of jobs that wait for batches down.
pub(super) async fn count_down(session: &Session, counts: &BTreeMap<(i64, i64), i64>) -> Result<()> {
    for ((job, via), count) in counts {
        let sql = "UPDATE waits SET waiting = waiting - $3 WHERE job = $1 AND via = $2";
        session.run(sql, &[job, via, count]).await?;
        session.run("DELETE FROM waits WHERE job = $1 AND via = $2 AND waiting <= 0", &[job, via]).await?;
    }
    Ok(())
}

/// Whether something that the job's rows wait for has changed. Says so without a lock.
pub(super) async fn has_news(session: &Session, job: i64) -> Result<bool> {
    let sql = "SELECT FROM waits w JOIN batches b ON b.id = w.via
        WHERE w.job = $1 AND (w.seen <> b.done + b.failed + b.refused OR b.state IN (0, 4)) LIMIT 1";
    Ok(session.row(sql, &[&job]).await?.is_some())
}

/// Who waits for this batch's sending of some phone numbers waits in vain: its own rows stand for other sendings. They are planned again when
/// the job follows next.
pub(super) async fn release(session: &Session, via: i64) -> Result<()> {
    let sql = "UPDATE waits SET seen = -1 WHERE via = $1 AND EXISTS (SELECT FROM batches WHERE id = $1 AND claim > 0)";
    session.run(sql, &[&via]).await?;
    Ok(())
}

/// Where moved rows were claimed with their old batch once, a trace stays behind, by which a late result and the book find them.
pub(super) async fn leave_traces(session: &Session, from: &[i64], to: i64, packed: &[i64]) -> Result<()> {
    // Of no job: its batch's key, negative.
    let sql = "INSERT INTO numbers (batch, packed, job, first_row, prior)
        SELECT b.id, n.packed, -b.id, n.first_row, n.prior FROM unnest($1::bigint[], $2::bigint[]) AS old (batch, packed)
        JOIN batches b ON b.id = old.batch AND b.claim > 0
        CROSS JOIN LATERAL (SELECT * FROM numbers WHERE batch = $3 AND packed = old.packed LIMIT 1) AS n";
    session.run(sql, &[&from, &packed, &to]).await?;
    Ok(())
}

/// Counts rows of jobs that take a result of the book, up or down, by how it ended.
pub(super) async fn count_reused(session: &Session, counts: &BTreeMap<(i64, i16), i64>) -> Result<()> {
    let mut sums: BTreeMap<i64, [i64; 3]> = BTreeMap::new();
    for ((job, figure), count) in counts {
        let [done, failed, refused] = sums.entry(*job).or_default();
        match Outcome::from_figure(*figure) {
            Outcome::Done => *done += count,
            Outcome::Failed | Outcome::Passing => *failed += count,
            Outcome::Refused => *refused += count,
        }
    }
    for (job, [done, failed, refused]) in sums {
        let sql = "UPDATE jobs SET reused_done = reused_done + $2, reused_failed = reused_failed + $3,
            reused_refused = reused_refused + $4 WHERE id = $1";
        session.run(sql, &[&job, &done, &failed, &refused]).await?;
    }
    Ok(())
}
