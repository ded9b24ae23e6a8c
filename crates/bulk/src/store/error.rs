//! Why a store could not do what it was asked.

use std::path::PathBuf;

/// A store that could not do what it was asked. Nothing of it has happened, except where [`Unanswered`](Self::Unanswered) says
/// that nobody knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database said no: a full disk, a lost connection, a lock that was held too long.
    #[error("the store could not {what}; nothing was changed")]
    #[non_exhaustive]
    Database {
        /// What it was doing.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database was told to keep it, and its answer was lost: it may have happened, or not.
    #[error("the store's answer was lost when it was to {what}: it may have happened")]
    #[non_exhaustive]
    Unanswered {
        /// What it was doing.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer release wrote it.
    #[error(
        "the store was written by a newer release (version {found}, this one knows {known}): use that release"
    )]
    #[non_exhaustive]
    TooNew {
        /// Its version.
        found: i64,
        /// The newest that this release knows.
        known: i64,
    },
    /// It holds what it cannot hold.
    #[error("the store is damaged: {what}")]
    #[non_exhaustive]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// The job is not being planned any more: another process has begun its plan anew, or has finished it.
    #[error("another process plans the same job: let it finish, then run the command again")]
    Superseded,
    /// There is no file.
    #[error("there is no store at {}", .path.display())]
    #[non_exhaustive]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The file has no bytes, or no tables: nothing that was ever closed as a store looks like that.
    #[error(
        "the file {} holds nothing: the store was emptied or never completed. Put a backup in its place; for a new store remove the file, or name another one",
        .path.display()
    )]
    #[non_exhaustive]
    Emptied {
        /// Which.
        path: PathBuf,
    },
    /// The file was left open, and its journal is not there: what was written last is missing.
    #[error(
        "the store is incomplete: its side file {} is missing, and with it what was written last. The store was copied while a process had it open, or the side file was removed: put that file back beside it, or copy the store again once no process has it open, or use a backup",
        .missing.display()
    )]
    #[non_exhaustive]
    Incomplete {
        /// The side file.
        missing: PathBuf,
    },
    /// The file was closed, and the journal beside it is of another one, or of an earlier time.
    #[error(
        "the side file {} does not belong to the store beside it: the store was put in the place of one that was still open. Move the side file (and the -shm beside it) away to use the store as it was put there; what only the side file holds is not in it",
        .journal.display()
    )]
    #[non_exhaustive]
    ForeignJournal {
        /// The side file.
        journal: PathBuf,
    },
    /// It is of an older release, and another process keeps it from being brought up to date.
    #[error(
        "the store is of an older release and must be brought up to date, but another process has it open, perhaps that release: end it, then run the command again; nothing was changed"
    )]
    InUse,
    /// It is somebody else's.
    #[error("this is no store, but a database of something else: name another one")]
    NotAStore,
    /// As much is quarantined for a batch as may be: only results of its phone numbers that lack one are taken in.
    #[error(
        "the batch has as many results in quarantine as it may have, so this one was not stored: look at them first"
    )]
    QuarantineFull,
    /// Another batch of this store has the `batchNo` of a batch that was to be planned.
    #[error(
        "the batchNo {batch_no} is that of another batch in this store, so the plan was not stored: a batchNo that repeats is charged again or merged by the platform. Plan the job under another name"
    )]
    #[non_exhaustive]
    BatchNoTaken {
        /// Which.
        batch_no: String,
    },
    /// It is a copy of a store, which [nobody has adopted](super::Store::adopt): what the original has sent since the copy was made, this one does not
    /// know, and would pay for again. Nothing can be claimed.
    #[error(
        "this store is a copy of an earlier time, and does not know what was paid for since: nothing can be sent before it is adopted"
    )]
    #[non_exhaustive]
    Copy {
        /// When it was made, Unix time in milliseconds.
        made_ms: u64,
    },
    /// Its own thread or connection has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The database said no to what was being done, and nothing of it has happened. `what` follows "the store could not".
    pub fn database(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Database { what, source: source.into() }
    }

    /// Nobody knows whether what was being done has happened. `what` follows "when it was to".
    pub fn unanswered(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unanswered { what, source: source.into() }
    }

    /// The store holds what it cannot hold.
    pub fn damaged(what: &'static str) -> Self {
        Self::Damaged { what }
    }

    /// Another batch has the `batchNo` of a batch that was to be planned.
    pub fn batch_no_taken(batch_no: impl Into<String>) -> Self {
        Self::BatchNoTaken { batch_no: batch_no.into() }
    }
}
