//! Opens and closes the store's file, so that it is one whole file whenever no process has it open.
//!
//! At rest the file bears the mark `closed` and has no journal (`-wal`) beside it. An opener takes the mark away, in the file itself and not
//! only in its journal, before anything else is written; the last process to leave moves the journal into the file, sets the mark and removes
//! the journal. So a file with the mark is whole by itself, and one without it only together with its journal.
//!
//! Invariant: the file is never opened except through SQLite. Closing any other descriptor of it would drop every lock that this process
//! holds on it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::connection::{OPEN, STEP, beside, checkpoint, mark, mark_open, plain, set_mark, without_sync};
use super::fault::{self, Fault};
use super::schema;
use super::unfinished::Unfinished;
use super::upgrade::{self, Upgrade};
use crate::store::StoreError;
use crate::store::reading::SharedReader;

/// How long a lock of another process is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// The file that `path` leads to: SQLite puts the side files beside that one.
pub(super) fn resolved(path: &Path) -> PathBuf {
    if let Ok(file) = path.canonicalize() {
        return file;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match (folder.unwrap_or(Path::new(".")).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Those of the store's files that others than their owner may read or write: the store, its side files and its backups.
pub(super) fn exposed(path: &Path) -> Vec<PathBuf> {
    let path = resolved(path);
    let mut files: Vec<PathBuf> =
        ["", "-wal", "-shm", "-journal"].iter().map(|suffix| beside(&path, suffix)).collect();
    files.extend(upgrade::backups(&path));
    files.retain(|file| is_exposed(file));
    files
}

#[cfg(unix)]
fn is_exposed(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o066 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &Path) -> bool {
    false
}

/// Makes a new store, unless there is a file; says whether it did. However it ends, no half-made store stands at `path`.
pub(super) fn create(path: &Path, reader: &SharedReader) -> Result<bool, StoreError> {
    const MAKE: &str = "make its file";
    let file = |source: std::io::Error| StoreError::Database { what: MAKE, source: source.into() };
    let unfinished = Unfinished::beside(path).map_err(file)?;
    let fill = || -> fault::Result<()> {
        let mut connection = plain(unfinished.path())?;
        // Whatever goes wrong, the file is thrown away: it needs no journal.
        connection.pragma_update(None, "journal_mode", "memory")?;
        while schema::version(&connection)? < schema::KNOWN {
            schema::step(&mut connection, reader)?;
        }
        set_mark(&connection, mark::CLOSED)
    };
    fill().map_err(|fault| fault.named(MAKE))?;
    unfinished.place(path).map_err(file)
}

/// Opens an existing store for writing and for reading.
pub(super) fn open(
    path: &Path,
    reader: &SharedReader,
    on_upgrade: &mut dyn FnMut(Upgrade),
) -> Result<(Connection, Connection), StoreError> {
    let is_proven = look(path)?;
    let write = open_to_write(path, reader, is_proven, on_upgrade)?;
    match open_to_read(path) {
        Ok(read) => Ok((write, read)),
        Err(fault) => {
            close(write, path);
            Err(fault.named("open its second connection"))
        }
    }
}

/// Refuses what is not whole, before SQLite would make a journal for it. `false` where an older release left neither mark nor journal: then
/// nobody knows.
///
/// Other processes may open and close the store meanwhile. What stays refused while nothing changes is refused.
pub(super) fn look(path: &Path) -> Result<bool, StoreError> {
    const LOOKS: u32 = 200;
    const ENOUGH: u32 = 3;
    let mut same = 0;
    let mut seen = Seen::at(path)?;
    let mut judged = seen.judge(path);
    for _ in 1..LOOKS {
        if judged.is_ok() || same == ENOUGH {
            break;
        }
        std::thread::sleep(STEP);
        let now = Seen::at(path)?;
        same = if now == seen { same + 1 } else { 0 };
        seen = now;
        judged = seen.judge(path);
    }
    judged
}

#[derive(PartialEq, Eq)]
struct Seen {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Bytes of the journal, where there is one.
    journal: Option<u64>,
}

impl Seen {
    fn at(path: &Path) -> Result<Self, StoreError> {
        let journal = beside(path, "-wal").metadata().ok().map(|metadata| metadata.len());
        let file = path.metadata().map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => StoreError::Missing { path: path.to_owned() },
            _ => StoreError::Database { what: OPEN, source: source.into() },
        })?;
        Ok(Self { bytes: file.len(), modified: file.modified().ok(), journal })
    }

    fn judge(&self, path: &Path) -> Result<bool, StoreError> {
        /// A journal beside a closed file holds the mark at most: it was on its way in or out.
        const MAX_BYTES_BESIDE_CLOSED: u64 = 64 * 1024;
        if self.bytes == 0 {
            return Err(StoreError::Emptied { path: path.to_owned() });
        }
        match self.journal {
            None => {
                let file = as_it_stands(path).map_err(|fault| fault.named(OPEN))?;
                schema::recognise(&file, path)?;
                match mark(&file).map_err(|fault| fault.named(OPEN))? {
                    None => Ok(false),
                    Some(mark::CLOSED) => Ok(true),
                    Some(_) => Err(StoreError::Incomplete { missing: beside(path, "-wal") }),
                }
            }
            Some(bytes) if bytes > MAX_BYTES_BESIDE_CLOSED => {
                // An older release leaves tables in the journal alone: then the file cannot say what it is.
                let mark = as_it_stands(path).and_then(|file| mark(&file)).unwrap_or_default();
                match mark {
                    Some(mark::CLOSED) => Err(StoreError::ForeignJournal { journal: beside(path, "-wal") }),
                    _ => Ok(true),
                }
            }
            Some(_) => Ok(true),
        }
    }
}

fn open_to_write(
    path: &Path,
    reader: &SharedReader,
    is_proven: bool,
    on_upgrade: &mut dyn FnMut(Upgrade),
) -> Result<Connection, StoreError> {
    const TRIES: u32 = 60;
    for _ in 0..TRIES {
        let mut connection = connect(path).map_err(|fault| fault.named(OPEN))?;
        let version = schema::recognise(&connection, path)?;
        enter_wal(&connection).map_err(|fault| fault.named(OPEN))?;
        if version == schema::KNOWN {
            return match mark_open(&connection) {
                Ok(()) => Ok(connection),
                Err(fault) => {
                    close(connection, path);
                    Err(fault.named(OPEN))
                }
            };
        }
        if is_alone(&connection).map_err(|fault| fault.named(upgrade::UPGRADE))? {
            if !is_proven {
                on_upgrade(Upgrade::Unproven);
            }
            if let Err(error) = upgrade::run(&mut connection, path, reader, on_upgrade) {
                close(connection, path);
                return Err(error);
            }
            // Then it is opened like any other: whoever waits may have it first.
        }
        drop(connection);
        pause();
    }
    Err(StoreError::InUse)
}

/// Nobody can leave WAL while `write` is there.
fn open_to_read(path: &Path) -> fault::Result<Connection> {
    let connection = connect(path)?;
    enter_wal(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path) -> fault::Result<Connection> {
    let connection = plain(path)?;
    connection.busy_timeout(LOCK_PATIENCE)?;
    // Else the last connection to close removes the journal without setting the mark.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // FULL: a commit is on the device before it returns.
    connection.pragma_update(None, "synchronous", "full")?;
    // What is deleted is overwritten: results are personal data, and a person may have them forgotten.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", -32 * 1024)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Else a statement is planned anew whenever a value bound to it changes: a quarter of all its time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// The file without its journal, locks and other processes: for a look at its mark.
pub(super) fn as_it_stands(path: &Path) -> fault::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(uri, flags)?)
}

/// Changes the journal's mode and takes the lock that keeps it.
///
/// Changing it needs the file alone, and SQLite answers "busy" at once there, whatever the time-out: several processes that open one file at
/// the same moment must try again.
fn enter_wal(connection: &Connection) -> fault::Result<()> {
    const TRIES: u32 = 3000;
    for attempt in 1..=TRIES {
        let mode =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0));
        match mode {
            Err(error) if is_busy(&error) && attempt < TRIES => std::thread::sleep(STEP),
            Err(error) => return Err(error.into()),
            Ok(mode) if mode != "wal" => return Err(Fault::NoJournal),
            Ok(_) => {
                // Until a first read holds the lock, another process may change it back.
                schema::version(connection)?;
                if is_wal(connection)? {
                    return Ok(());
                }
            }
        }
    }
    Err(Fault::StillRead)
}

fn is_wal(connection: &Connection) -> fault::Result<bool> {
    Ok(connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))? == "wal")
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Takes the file for itself until the connection closes, or says at once that another process has it open. Where it says no, the
/// connection must be closed soon: it may keep others out.
fn is_alone(connection: &Connection) -> fault::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    match connection.execute_batch("BEGIN EXCLUSIVE; COMMIT") {
        Ok(()) => {
            connection.busy_timeout(LOCK_PATIENCE)?;
            Ok(true)
        }
        Err(error) if is_busy(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Closes the last connection that this handle has. Where no other process has the file open, it is one whole file afterwards; what
/// fails is left to the next opener, with nothing lost.
pub(super) fn close(connection: Connection, path: &Path) {
    // Two that leave at the same time would each see the other: one after the other, and closed before the next one looks.
    let turn = Turn::take(path);
    if let Err(fault) = leave(&connection) {
        tracing::debug!(store = %path.display(), "the store keeps its journal: {}", fault.why());
    }
    drop(connection);
    drop(turn);
}

fn leave(connection: &Connection) -> fault::Result<()> {
    // A file that an older release has written stays as that release leaves it.
    if !is_wal(connection)? || mark(connection)?.is_none() || !is_alone(connection)? {
        return Ok(());
    }
    // Everything else is in the file before the mark is: the file with the mark lacks nothing, even if the journal goes missing now.
    if !checkpoint(connection, "TRUNCATE")? {
        return Ok(());
    }
    without_sync(connection, || set_mark(connection, mark::CLOSED))?;
    // Closing moves the mark into the file and removes the journal, with the file to itself all the time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

/// The turn to leave, among all who have the file open.
///
/// Taken on the journal, whose descriptors carry no lock of SQLite's.
struct Turn {
    #[cfg(unix)]
    _journal: Option<std::fs::File>,
}

impl Turn {
    /// Without one where it takes too long: then the file may be left with its journal, which the next opener takes in.
    #[cfg(unix)]
    fn take(path: &Path) -> Self {
        const TRIES: u32 = 100;
        let Ok(journal) = std::fs::File::open(beside(path, "-wal")) else { return Self { _journal: None } };
        for _ in 0..TRIES {
            match journal.try_lock() {
                Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(STEP),
                Err(std::fs::TryLockError::Error(_)) | Ok(()) => break,
            }
        }
        Self { _journal: Some(journal) }
    }

    #[cfg(not(unix))]
    fn take(_: &Path) -> Self {
        Self {}
    }
}

/// A few hundredths of a second, of another length each time: whoever tries beside this one is not to meet it again.
fn pause() {
    let scatter = RandomState::new().build_hasher().finish() % 40;
    std::thread::sleep(Duration::from_millis(20 + scatter));
}
