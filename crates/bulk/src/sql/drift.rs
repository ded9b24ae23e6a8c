//! Counts undocumented fields and values (drift) per job, in the transaction that enters the message: no message is counted twice.

use std::collections::BTreeMap;

use numcheck_protocol::Drift;

use super::{Sql, Tx, values};
use crate::store::Drifted;
use crate::store::drifting::{MAX_DRIFT_PLACES, from_row, further_places, kind_number};

/// Counts, by job. Says what is new to its job. To be called in a transaction that settles.
pub(crate) async fn add<T: Tx>(tx: &T, counts: &BTreeMap<(i64, Drift), u64>) -> Result<Vec<Drift>, T::Fault> {
    let mut news = Vec::new();
    for ((job, drift), count) in counts {
        if count_up(tx, *job, drift, *count).await? {
            continue;
        }
        let sql = "SELECT count(*) FROM drift WHERE job = $1";
        let places = tx.row(sql, &values![*job], |row| row.count(0)).await?.unwrap_or_default();
        let drift = if places < MAX_DRIFT_PLACES { drift.clone() } else { further_places(drift) };
        if places >= MAX_DRIFT_PLACES && count_up(tx, *job, &drift, *count).await? {
            continue;
        }
        let value = drift.value.as_deref().unwrap_or_default();
        let sql = "INSERT INTO drift VALUES ($1, $2, $3, $4, $5)";
        tx.run(sql, &values![*job, &*drift.place, kind_number(drift.kind), value, *count]).await?;
        news.push(drift);
    }
    Ok(news)
}

async fn count_up<T: Tx>(tx: &T, job: i64, drift: &Drift, count: u64) -> Result<bool, T::Fault> {
    let sql =
        "UPDATE drift SET count = count + $5 WHERE job = $1 AND place = $2 AND kind = $3 AND value = $4";
    let value = drift.value.as_deref().unwrap_or_default();
    Ok(tx.run(sql, &values![job, &*drift.place, kind_number(drift.kind), value, count]).await? > 0)
}

pub(crate) async fn list<T: Tx>(tx: &T, job: i64) -> Result<Vec<Drifted>, T::Fault> {
    // By bytes, whatever the server's language is.
    const LIST: Sql = Sql {
        sqlite: "SELECT place, kind, value, count FROM drift WHERE job = $1 ORDER BY place, kind, value",
        postgres: "SELECT place, kind, value, count FROM drift WHERE job = $1 ORDER BY place COLLATE \"C\", kind, value COLLATE \"C\"",
    };
    tx.rows(LIST, &values![job], |row| Ok(from_row(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).await
}
