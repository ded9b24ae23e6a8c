//! Copies a store into another file.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::connection::{close_copy, plain};
use super::fault;
use super::upgrade::Upgrade;

pub(super) fn copy(from: &Connection, to: &Path, on_upgrade: &mut dyn FnMut(Upgrade)) -> fault::Result<()> {
    /// Some megabytes.
    const PAGES: i32 = 1024;
    let mut copy = plain(to)?;
    let page: i64 = from.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let bytes = |pages: i32| u64::try_from(i64::from(pages) * page).unwrap_or_default();
    {
        let backup = Backup::new(from, &mut copy)?;
        while backup.step(PAGES)? == StepResult::More {
            let progress = backup.progress();
            on_upgrade(Upgrade::BackingUp {
                done: bytes(progress.pagecount - progress.remaining),
                total: bytes(progress.pagecount),
            });
        }
    }
    close_copy(&copy)
}
