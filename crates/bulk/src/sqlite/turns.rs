//! Turns of a pace that all processes share, in the file's marks.

use crate::pace::SharedTurn;
use crate::sql::{Tx, values};

pub(super) async fn take<T: Tx>(
    tx: &T,
    bucket: &str,
    interval_ms: u64,
    now_ms: u64,
) -> Result<u64, T::Fault> {
    let (next, interval) = (format!("turn {bucket}"), format!("interval {bucket}"));
    let mark = "SELECT value FROM marks WHERE name = $1";
    let next_ms: Option<u64> = tx.row(mark, &values![&next], |row| row.get(0)).await?;
    // A store of an older release has no interval beside a turn.
    let last_interval_ms: Option<u64> = tx.row(mark, &values![&interval], |row| row.get(0)).await?;
    let last =
        next_ms.map(|next_ms| SharedTurn { next_ms, interval_ms: last_interval_ms.unwrap_or(interval_ms) });
    let (turn, wait_ms) = SharedTurn::after(last, interval_ms, now_ms);
    let set = "INSERT OR REPLACE INTO marks VALUES ($1, $2)";
    tx.run(set, &values![&next, turn.next_ms]).await?;
    if last_interval_ms != Some(interval_ms) {
        tx.run(set, &values![&interval, interval_ms]).await?;
    }
    Ok(wait_ms)
}
