//! Why a transaction was given up, before it has a name for the caller, who sees [`StoreError`].

use crate::sql::GivenUp;
use crate::store::StoreError;

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

#[derive(Debug)]
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    GivenUp(GivenUp),
    StillRead,
    NoJournal,
    File(std::io::Error),
}

impl Fault {
    /// For those who share a failure: an error has one owner.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Sql(error) => error.to_string(),
            Self::GivenUp(why) => StoreError::from(why.clone()).to_string(),
            Self::StillRead => STILL_READ.to_owned(),
            Self::NoJournal => NO_JOURNAL.to_owned(),
            Self::File(error) => error.to_string(),
        }
    }

    /// `what` is what was being done.
    pub(super) fn named(self, what: &'static str) -> StoreError {
        match self {
            Self::Sql(error) => StoreError::Database { what, source: Box::new(error) },
            Self::GivenUp(why) => why.into(),
            Self::StillRead => StoreError::Database { what, source: STILL_READ.into() },
            Self::NoJournal => StoreError::Database { what, source: NO_JOURNAL.into() },
            Self::File(error) => StoreError::Database { what, source: error.into() },
        }
    }
}

const STILL_READ: &str = "another process reads it all the time";
const NO_JOURNAL: &str = "the file system cannot hold its journal: it shares no memory between processes, as network file systems do";

impl From<GivenUp> for Fault {
    fn from(why: GivenUp) -> Self {
        Self::GivenUp(why)
    }
}

impl From<rusqlite::types::FromSqlError> for Fault {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Sql(error.into())
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}
