//! Says what version a store's file has, and whether it is damaged.

use std::path::Path;

use rusqlite::ErrorCode;

use super::connection::OPEN;
use super::{Sqlite, file, schema};
use crate::store::StoreError;

/// How many findings are told.
const FINDINGS: u32 = 10;

impl Sqlite {
    /// The newest version of a store that this release knows.
    pub const KNOWN_VERSION: i64 = schema::KNOWN;

    /// The version of a store's file as it stands. Nothing is opened for writing, and nothing is brought up to date.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`Emptied`](StoreError::Emptied), [`TooNew`](StoreError::TooNew), [`NotAStore`](StoreError::NotAStore), and when it
    /// cannot be read.
    pub fn version(path: &Path) -> Result<i64, StoreError> {
        let path = file::resolved(path);
        if !path.exists() {
            return Err(StoreError::Missing { path });
        }
        let connection = file::as_it_stands(&path).map_err(|fault| fault.named(OPEN))?;
        schema::recognise(&connection, &path)
    }

    /// What SQLite finds damaged, in its own words, which hold no value; ten findings at most, and none where the file is sound. Reads all of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn damage(&self) -> Result<Vec<String>, StoreError> {
        let look = self.read.with_connection("look for damage", |connection| {
            let look = || {
                let mut findings = connection.prepare(&format!("PRAGMA quick_check({FINDINGS})"))?;
                let findings = findings.query_map([], |row| row.get::<_, String>(0))?;
                findings.collect::<rusqlite::Result<Vec<_>>>()
            };
            match look() {
                // Then it cannot even be read to its end.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                    Ok(vec![error.to_string()])
                }
                found => Ok(found?),
            }
        });
        let mut findings = look.await?;
        findings.retain(|finding| finding != "ok");
        Ok(findings)
    }
}
