//! Connections to the store's file, the names beside it, and its mark `closed`, of which `file` says what it means.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::fault::{self, Fault};

pub(super) const OPEN: &str = "open its file";

/// Between two looks at what another process is changing.
pub(super) const STEP: Duration = Duration::from_millis(10);

/// The states of the mark `closed`. It counts where it stands in the file itself.
pub(super) mod mark {
    /// Open: the journal belongs to the file.
    pub(in crate::sqlite) const OPEN: i64 = 0;
    /// Whole: nothing was written since.
    pub(in crate::sqlite) const CLOSED: i64 = 1;
    /// An opener is about to take the mark away, and has written nothing else.
    pub(in crate::sqlite) const OPENING: i64 = 2;
}

/// The file beside `path` whose name is longer by `suffix`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// A connection to a file that exists. Its name is a path, whatever it looks like.
pub(super) fn plain(path: &Path) -> fault::Result<Connection> {
    Ok(Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?)
}

/// The mark; `None` where an older release has written the file.
pub(super) fn mark(connection: &Connection) -> fault::Result<Option<i64>> {
    let select = "SELECT value FROM marks WHERE name = 'closed'";
    Ok(connection.query_row(select, [], |row| row.get(0)).optional()?)
}

pub(super) fn set_mark(connection: &Connection, value: i64) -> fault::Result<()> {
    connection.execute("INSERT OR REPLACE INTO marks VALUES ('closed', ?)", [value])?;
    Ok(())
}

/// Takes the mark away, before anything else is written: in the file itself, not only in its journal.
///
/// Whoever finds it half taken away finishes it: nobody goes on to write before it is.
pub(super) fn mark_open(connection: &Connection) -> fault::Result<()> {
    const TRIES: u32 = 3000;
    let replace = |from: i64, to: i64| {
        let update = "UPDATE marks SET value = ?2 WHERE name = 'closed' AND value = ?1";
        connection.execute(update, [from, to])
    };
    for _ in 0..TRIES {
        match mark(connection)? {
            Some(mark::OPEN) => return Ok(()),
            Some(_) => without_sync(connection, || Ok(replace(mark::CLOSED, mark::OPENING)?))?,
            None => without_sync(connection, || {
                let insert = "INSERT OR IGNORE INTO marks VALUES ('closed', ?)";
                Ok(connection.execute(insert, [mark::OPENING])?)
            })?,
        };
        if checkpoint(connection, "FULL")? {
            without_sync(connection, || Ok(replace(mark::OPENING, mark::OPEN)?))?;
        } else {
            // Another opener is at it.
            std::thread::sleep(STEP);
        }
    }
    Err(Fault::StillRead)
}

/// Does `work` without waiting for the device: a checkpoint that follows waits, or nothing is lost if it is undone.
pub(super) fn without_sync<T>(
    connection: &Connection,
    work: impl FnOnce() -> fault::Result<T>,
) -> fault::Result<T> {
    connection.pragma_update(None, "synchronous", "normal")?;
    let done = work();
    connection.pragma_update(None, "synchronous", "full")?;
    done
}

/// Takes the mark away before an upgrade writes, where the file bears one.
pub(super) fn prepare(connection: &Connection) -> fault::Result<()> {
    if mark(connection)?.is_some() { mark_open(connection) } else { Ok(()) }
}

/// Makes a copy of an open store a whole file of its own.
pub(super) fn close_copy(connection: &Connection) -> fault::Result<()> {
    connection.pragma_update(None, "journal_mode", "delete")?;
    if mark(connection)?.is_some() { set_mark(connection, mark::CLOSED) } else { Ok(()) }
}

/// Moves the journal into the file; says whether all of it is there.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> fault::Result<bool> {
    let busy: bool = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0))?;
    Ok(!busy)
}
