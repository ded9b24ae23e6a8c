//! Copies a store into another file.
//!
//! A copy that is kept says when it was made, and is not paid from until somebody [adopts](crate::Store::adopt) it: what the original sends
//! after that, it does not know.

use std::path::Path;
use std::time::UNIX_EPOCH;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::connection::{beside, close_copy, mark, plain, set_mark};
use super::fault::{self, Fault};
use super::unfinished::Unfinished;
use super::{Sqlite, file, schema};
use crate::sql::jobs::COPIED;
use crate::store::StoreError;
use crate::store::reading::SharedReader;

/// What a restored store is made of.
const RESTORE: &str = "be made of the backup";

/// Copies a store that `from` reads, in one of its transactions, to a file that nobody has yet; says whether that is so.
pub(super) fn keep(from: &Connection, to: &Path, now_ms: u64) -> fault::Result<bool> {
    let unfinished = Unfinished::beside(to)?;
    copy(from, unfinished.path(), &mut |_, _| ())?;
    let copy = plain(unfinished.path())?;
    mark_copy(&copy, now_ms)?;
    drop(copy);
    Ok(unfinished.place(to)?)
}

/// Makes a store of a backup, brought up to date, where there is none; says whether that is so. The backup is not changed, but for one with a journal (`-wal`) beside it, which is closed in place.
pub(super) fn restore(from: &Path, to: &Path, reader: &SharedReader) -> Result<bool, StoreError> {
    if beside(from, "-wal").exists() {
        // Its process was killed: opened and closed it is one file.
        drop(Sqlite::open_existing(from, SharedReader::clone(reader), &mut |_| ())?);
    }
    file::look(from)?;
    if beside(from, "-wal").exists() {
        return Err(StoreError::database(RESTORE, "another process has the backup open"));
    }
    let journal = beside(to, "-wal");
    if journal.exists() {
        return Err(StoreError::ForeignJournal { journal });
    }
    let fill = |unfinished: &Unfinished| -> fault::Result<bool> {
        let written = from.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        copy(&file::as_it_stands(from)?, unfinished.path(), &mut |_, _| ())?;
        let mut copy = plain(unfinished.path())?;
        // Whatever goes wrong, the file is thrown away: it needs no journal.
        copy.pragma_update(None, "journal_mode", "memory")?;
        while schema::version(&copy)? < schema::KNOWN {
            schema::step(&mut copy, reader)?;
        }
        // One that was copied by other means does not say when; it knows nothing behind its last change.
        mark_copy(&copy, u64::try_from(written.as_millis()).unwrap_or(u64::MAX))?;
        set_mark(&copy, mark::CLOSED)?;
        drop(copy);
        Ok(unfinished.place(to)?)
    };
    let unfinished = Unfinished::beside(to).map_err(|error| Fault::from(error).named(RESTORE))?;
    fill(&unfinished).map_err(|fault| fault.named(RESTORE))
}

/// Says when it was copied, where it does not say so already.
fn mark_copy(copy: &Connection, made_ms: u64) -> fault::Result<()> {
    copy.execute("INSERT OR IGNORE INTO learnt VALUES (?, ?)", (COPIED, made_ms.to_string()))?;
    Ok(())
}

/// Copies the file page by page; `on_progress` hears how many bytes are copied, roughly, of how many.
pub(super) fn copy(from: &Connection, to: &Path, on_progress: &mut dyn FnMut(u64, u64)) -> fault::Result<()> {
    /// Some megabytes.
    const PAGES: i32 = 1024;
    let mut copy = plain(to)?;
    let page: i64 = from.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let bytes = |pages: i32| u64::try_from(i64::from(pages) * page).unwrap_or_default();
    {
        let backup = Backup::new(from, &mut copy)?;
        loop {
            match backup.step(PAGES)? {
                StepResult::Done => break,
                StepResult::More => {
                    let progress = backup.progress();
                    on_progress(bytes(progress.pagecount - progress.remaining), bytes(progress.pagecount));
                }
                // What is there by now is no whole store.
                _ => {
                    return Err(rusqlite::Error::SqliteFailure(
                        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                        None,
                    )
                    .into());
                }
            }
        }
    }
    close_copy(&copy)
}
