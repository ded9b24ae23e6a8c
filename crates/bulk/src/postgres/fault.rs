//! What went wrong between this process and the server, in words that may be shown.
//!
//! What the server quotes from a row is left out: details name keys, and keys are phone numbers.

use std::error::Error;
use std::fmt;

use tokio_postgres::error::Severity;
use tokio_postgres::types::WrongType;

use crate::sql::GivenUp;
use crate::store::StoreError;

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Fault {
    kind: Kind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// The server took the statement, found it wanting and undid it; its SQLSTATE.
    Refused(String),
    /// The connection is of no use any more; what was asked last may have been done.
    Broken,
    /// This process cannot go on: the server is none that it can use.
    Unfit,
    /// It is not the database's doing.
    GivenUp(GivenUp),
    /// The store is a newer release's: found, known.
    TooNew(i64, i64),
    /// Somebody else's tables.
    NotAStore,
}

impl Fault {
    /// The server cannot be used, and trying again would not help.
    pub(super) fn unfit(message: impl Into<String>) -> Self {
        Self { kind: Kind::Unfit, message: message.into(), source: None }
    }

    /// The server cannot be used, because of what `source` says.
    pub(super) fn unfit_because(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind: Kind::Unfit, message: message.into(), source: Some(source.into()) }
    }

    pub(super) fn damaged(what: &'static str) -> Self {
        GivenUp::Damaged(what).into()
    }

    pub(super) fn too_new(found: i64, known: i64) -> Self {
        Self {
            kind: Kind::TooNew(found, known),
            message: "a newer release wrote it".to_owned(),
            source: None,
        }
    }

    pub(super) fn not_a_store() -> Self {
        Self { kind: Kind::NotAStore, message: StoreError::NotAStore.to_string(), source: None }
    }

    /// Whether a commit that ended so has surely not happened.
    pub(super) fn is_undone(&self) -> bool {
        self.kind != Kind::Broken
    }

    /// Whether the same may succeed a moment later: the server was away, or another transaction was in the way.
    pub(super) fn is_passing(&self) -> bool {
        match &self.kind {
            Kind::Broken => true,
            // Serialization failure, deadlock, too many connections.
            Kind::Refused(state) => matches!(state.as_str(), "40001" | "40P01" | "53300"),
            Kind::Unfit | Kind::GivenUp(_) | Kind::TooNew(..) | Kind::NotAStore => false,
        }
    }
}

impl From<GivenUp> for Fault {
    fn from(why: GivenUp) -> Self {
        let message = StoreError::from(why.clone()).to_string();
        Self { kind: Kind::GivenUp(why), message, source: None }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            // A value of another type than its column's was not sent; everything else is the connection's.
            let misfit = error.source().is_some_and(|source| source.is::<WrongType>());
            return Self {
                kind: if misfit { Kind::Unfit } else { Kind::Broken },
                message: error.to_string(),
                source: error.into_source(),
            };
        };
        let state = said.code().code();
        let message = format!("{} (SQLSTATE {state})", said.message().replace(['\n', '\r'], " "));
        let kind = match said.parsed_severity() {
            Some(Severity::Error) => Kind::Refused(state.to_owned()),
            // The server is starting, stopping, or full: it ends the connection.
            _ if matches!(state, "57P01" | "57P02" | "57P03" | "53300") => Kind::Broken,
            // Wrong password, no such database.
            _ if state.starts_with("28") || state.starts_with("3D") || state.starts_with("42") => Kind::Unfit,
            _ => Kind::Broken,
        };
        Self { kind, message, source: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

/// The store's error for a fault after which surely nothing has happened.
pub(super) fn database(what: &'static str) -> impl Fn(Fault) -> StoreError {
    move |fault| match fault.kind {
        Kind::GivenUp(why) => why.into(),
        Kind::TooNew(found, known) => StoreError::TooNew { found, known },
        Kind::NotAStore => StoreError::NotAStore,
        _ => StoreError::Database { what, source: Box::new(fault) },
    }
}

/// The store's error for a commit that ended in a fault.
pub(super) fn commit(what: &'static str, fault: Fault) -> StoreError {
    if fault.is_undone() {
        database(what)(fault)
    } else {
        StoreError::Unanswered { what, source: Box::new(fault) }
    }
}
