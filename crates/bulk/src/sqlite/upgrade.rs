//! Brings an older release's file up to date, after a backup.
//!
//! It changes nothing before the backup is complete and durable, except the mark of an open store.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::connection::{beside, prepare};
use super::copy::copy;
use super::fault::Fault;
use super::schema;
use super::unfinished::Unfinished;
use crate::store::StoreError;
use crate::store::reading::SharedReader;

pub(super) const UPGRADE: &str = "bring its file up to date";
const BACKUP: &str = "make a backup before it brings its file up to date";

/// How far a file of an older release is on its way to this one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Upgrade {
    /// The file has no journal beside it, and the older release left no mark that says whether it needs one: a store that was copied while
    /// it was open looks the same, and lacks the latest results.
    Unproven,
    /// Bytes that were copied to the backup, roughly, and all there are.
    BackingUp {
        /// Copied so far.
        done: u64,
        /// All.
        total: u64,
    },
    /// The backup is complete, in this file. It holds what the store held, and is never removed.
    BackedUp(PathBuf),
    /// The tables are being changed to this version.
    #[non_exhaustive]
    Changing {
        /// To which.
        version: i64,
        /// The last one.
        last: i64,
    },
    /// The file is up to date.
    Done,
}

/// To be called with the file to itself.
pub(super) fn run(
    connection: &mut Connection,
    path: &Path,
    reader: &SharedReader,
    on_upgrade: &mut dyn FnMut(Upgrade),
) -> Result<(), StoreError> {
    let named = |fault: Fault| fault.named(UPGRADE);
    // Another process may have been faster.
    let version = schema::version(connection).map_err(named)?;
    if version >= schema::KNOWN {
        return Ok(());
    }
    prepare(connection).map_err(named)?;
    let backup = back_up(connection, path, version, on_upgrade)?;
    on_upgrade(Upgrade::BackedUp(backup));
    for version in version..schema::KNOWN {
        on_upgrade(Upgrade::Changing { version: version + 1, last: schema::KNOWN });
        schema::step(connection, reader).map_err(named)?;
    }
    on_upgrade(Upgrade::Done);
    Ok(())
}

fn back_up(
    from: &Connection,
    path: &Path,
    version: i64,
    on_upgrade: &mut dyn FnMut(Upgrade),
) -> Result<PathBuf, StoreError> {
    let failed = |source: std::io::Error| StoreError::Database { what: BACKUP, source: source.into() };
    let unfinished = Unfinished::beside(path).map_err(failed)?;
    let mut on_progress = |done, total| on_upgrade(Upgrade::BackingUp { done, total });
    copy(from, unfinished.path(), &mut on_progress).map_err(|fault| fault.named(BACKUP))?;
    for at in 1..=u32::MAX {
        let name = backup_name(path, version, at);
        if unfinished.place(&name).map_err(failed)? {
            return Ok(name);
        }
    }
    Err(failed(std::io::ErrorKind::AlreadyExists.into()))
}

fn backup_name(path: &Path, version: i64, at: u32) -> PathBuf {
    let number = if at == 1 { String::new() } else { format!(".{at}") };
    beside(path, &format!(".v{version}{number}.bak"))
}

/// The backups beside a store.
pub(super) fn backups(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let is_backup = |file: &Path| {
        let file = file.file_name().and_then(|file| file.to_str());
        let rest = file.and_then(|file| file.strip_prefix(name)).and_then(|rest| rest.strip_prefix(".v"));
        rest.is_some_and(|rest| rest.ends_with(".bak"))
    };
    let Ok(files) = folder.read_dir() else { return Vec::new() };
    files.filter_map(|file| Some(file.ok()?.path())).filter(|file| is_backup(file)).collect()
}
