//! Counts undocumented fields and values (drift) per job, in the transaction that enters the message: no message is counted twice. It is called in a transaction that settles, so that no other adds at
//! the same time.

use std::collections::BTreeMap;

use numcheck_protocol::Drift;

use super::fault::Fault;
use super::session::{Session, big, get, get_u64, text};
use crate::store::Drifted;
use crate::store::drifting::{MAX_DRIFT_PLACES, from_row, further_places, kind_number};

type Result<T> = std::result::Result<T, Fault>;

/// Counts, by job. Says what is new to its job.
pub(super) async fn add(session: &Session, counts: &BTreeMap<(i64, Drift), u64>) -> Result<Vec<Drift>> {
    let mut news = Vec::new();
    for ((job, drift), count) in counts {
        if count_up(session, *job, drift, *count).await? {
            continue;
        }
        let places = session.row("SELECT count(*) FROM drift WHERE job = $1", &[job]).await?;
        let places = places.map(|row| get_u64(&row, 0)).transpose()?.unwrap_or_default();
        let drift = if places < MAX_DRIFT_PLACES { drift.clone() } else { further_places(drift) };
        if places >= MAX_DRIFT_PLACES && count_up(session, *job, &drift, *count).await? {
            continue;
        }
        let value = drift.value.as_deref().unwrap_or_default();
        let sql = "INSERT INTO drift VALUES ($1, $2, $3, $4, $5)";
        session.run(sql, &[job, &text(&drift.place), &kind(&drift), &text(value), &big(*count)]).await?;
        news.push(drift);
    }
    Ok(news)
}

async fn count_up(session: &Session, job: i64, drift: &Drift, count: u64) -> Result<bool> {
    let sql =
        "UPDATE drift SET count = count + $5 WHERE job = $1 AND place = $2 AND kind = $3 AND value = $4";
    let value = drift.value.as_deref().unwrap_or_default();
    let changed =
        session.run(sql, &[&job, &text(&drift.place), &kind(drift), &text(value), &big(count)]).await?;
    Ok(changed > 0)
}

fn kind(drift: &Drift) -> i16 {
    i16::try_from(kind_number(drift.kind)).unwrap_or_default()
}

pub(super) async fn list(session: &Session, job: i64) -> Result<Vec<Drifted>> {
    let sql = "SELECT place, kind, value, count FROM drift WHERE job = $1 ORDER BY place COLLATE \"C\", kind, value COLLATE \"C\"";
    let rows = session.rows(sql, &[&job]).await?;
    let read = |row| {
        let kind = i64::from(get::<i16>(row, 1)?);
        Ok(from_row(get(row, 0)?, kind, get(row, 2)?, get_u64(row, 3)?))
    };
    rows.iter().map(read).collect()
}
