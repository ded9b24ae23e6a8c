//! Turns of a pace that all processes share.

use super::fault::Fault;
use super::session::Session;
use crate::pace::SharedTurn;
use crate::sql::{Row, Tx, values};

/// By the server's clock, unless a caller's time is given.
pub(super) async fn take(
    tx: &Session,
    bucket: &str,
    interval_ms: u64,
    now_ms: Option<u64>,
) -> Result<u64, Fault> {
    let no_turn = || Fault::damaged("a bucket gives no turn");
    let sql = "INSERT INTO turns (name, next_ms) VALUES ($1, 0) ON CONFLICT DO NOTHING";
    tx.run(sql, &values![bucket]).await?;
    let sql = "SELECT next_ms, interval_ms FROM turns WHERE name = $1 FOR UPDATE";
    let read = |row: &Row<'_>| {
        // A store of an older release has no interval beside a turn.
        Ok(SharedTurn {
            next_ms: row.get(0)?,
            interval_ms: row.get::<Option<u64>>(1)?.unwrap_or(interval_ms),
        })
    };
    let last = tx.row(sql, &values![bucket], read).await?.ok_or_else(no_turn)?;
    let now_ms = match now_ms {
        Some(now_ms) => now_ms,
        // Read once the bucket's row is locked.
        None => {
            let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
            tx.row(sql, &[], |row| row.get(0)).await?.ok_or_else(no_turn)?
        }
    };
    let (turn, wait_ms) = SharedTurn::after(Some(last), interval_ms, now_ms);
    let sql = "UPDATE turns SET next_ms = $2, interval_ms = $3 WHERE name = $1";
    tx.run(sql, &values![bucket, turn.next_ms, turn.interval_ms]).await?;
    Ok(wait_ms)
}
