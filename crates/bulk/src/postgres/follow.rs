//! Follows other jobs' sendings: takes their results over, and plans again what waits for them in vain.
//!
//! Whoever does it holds the lock of the scope, and settles.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::session::{Session, big, get};
use super::waits::{count_down, count_reused, leave_traces};
use super::{batches, book, fold};
use crate::model::BatchState;
use crate::store::{Followed, sql};

type Result<T> = std::result::Result<T, Fault>;

/// How many phone numbers are planned as one batch again.
const AT_ONCE: usize = 2000;

pub(super) async fn follow(session: &Session, job: i64) -> Result<Followed> {
    match book::lock_scope_of(session, job).await? {
        Some(_) => follow_locked(session, job).await,
        None => Ok(Followed::default()),
    }
}

async fn follow_locked(session: &Session, job: i64) -> Result<Followed> {
    let mut followed = Followed::default();
    for row in session.rows(sql::WAITED_FOR, &[&job]).await? {
        let (via, seen, settled): (i64, i64, i64) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
        if settled != seen {
            followed.reused += take_over(session, job, via).await?;
            followed.planned += plan(session, job, via, sql::WAITING_IN_VAIN, None).await?;
            let sql = "UPDATE waits SET seen = $3 WHERE job = $1 AND via = $2";
            session.run(sql, &[&job, &via, &settled]).await?;
        }
        if matches!(BatchState::from_figure(get(&row, 3)?), BatchState::Planned | BatchState::Refused) {
            followed.planned += plan(session, job, via, sql::WAITING, None).await?;
        }
    }
    Ok(followed)
}

async fn take_over(session: &Session, job: i64, via: i64) -> Result<u64> {
    // By a sum, so that the server does not go through all rows of the job.
    let sql = "UPDATE numbers SET result = o.result, received_ms = o.received_ms, outcome = o.outcome FROM numbers o
        WHERE numbers.via = $1 AND numbers.job = $2 AND numbers.result IS NULL
        AND o.batch = $1 AND o.packed = numbers.packed AND o.result IS NOT NULL AND o.via IS NULL RETURNING coalesce(o.outcome, 1::smallint)";
    let rows = session.rows(sql, &[&via, &job]).await?;
    let mut reused = BTreeMap::new();
    for row in &rows {
        *reused.entry((job, get::<i16>(row, 0)?)).or_default() += 1;
    }
    count_down(session, &BTreeMap::from([((job, via), rows.len() as i64)])).await?;
    count_reused(session, &reused).await?;
    Ok(rows.len() as u64)
}

/// Plans rows that wait for a batch as batches of their own, and says how many. `despite`: a person has decided not to wait for it.
async fn plan(
    session: &Session,
    job: i64,
    via: i64,
    waiting: &'static str,
    despite: Option<i64>,
) -> Result<u64> {
    let mut groups: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    let rows = session.rows(waiting, &[&via, &job]).await?;
    for row in &rows {
        groups.entry(get(row, 2)?).or_default().push((get(row, 0)?, get(row, 1)?));
    }
    for (group, rows) in groups {
        for rows in rows.chunks(AT_ONCE) {
            let to = batches::insert_further(session, job, &group, rows.len() as i64).await?;
            move_rows(session, rows, to, despite).await?;
        }
    }
    count_down(session, &BTreeMap::from([((job, via), rows.len() as i64)])).await?;
    Ok(rows.len() as u64)
}

/// Moves rows into another batch.
async fn move_rows(session: &Session, rows: &[(i64, i64)], to: i64, despite: Option<i64>) -> Result<()> {
    let (from, packed): (Vec<i64>, Vec<i64>) = rows.iter().copied().unzip();
    let sql = "UPDATE numbers SET batch = $3, via = NULL, despite = $4 FROM unnest($1::bigint[], $2::bigint[]) AS old (batch, packed)
        WHERE numbers.batch = old.batch AND numbers.packed = old.packed";
    session.run(sql, &[&from, &packed, &to, &despite]).await?;
    leave_traces(session, &from, to, &packed).await
}

/// Plans again what the job's rows wait for and is in doubt, in whichever job's batch. Says how many phone numbers.
pub(super) async fn resubmit(session: &Session, job: i64, before_ms: u64) -> Result<u64> {
    if book::lock_scope_of(session, job).await?.is_none() {
        return Ok(0);
    }
    fold::fold_all(session).await?;
    batches::look_up_all(session, job).await?;
    follow_locked(session, job).await?;
    let mut numbers = batches::resubmit_own(session, job, before_ms).await?;
    for row in session.rows(sql::WAITED_FOR_IN_DOUBT, &[&job, &big(before_ms)]).await? {
        let via: i64 = get(&row, 0)?;
        numbers += plan(session, job, via, sql::WAITING, Some(via)).await?;
    }
    Ok(numbers)
}
