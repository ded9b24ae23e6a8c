//! `numcheck restore`: makes a store of a backup, and lets it be paid from once a person says so.

use std::path::PathBuf;

use clap::Args;

use crate::durable::StoreAt;
use crate::exit::{Exit, Failure};

/// Make a store of a backup.
///
/// Writes no file that is there already: move the old store away first, with its side files. A restored store takes results in, reconciles and exports; it
/// sends nothing before --accept-gap, because it does not know what was paid for after the backup was made.
#[derive(Debug, Args)]
#[group(id = "what", required = true, args = ["backup", "accept_gap"])]
pub(crate) struct Restore {
    /// The backup, or another whole copy of a store. It stays as it is, but for a copy that was taken with its `-wal` beside it: that is closed first.
    #[arg(value_name = "FILE")]
    backup: Option<PathBuf>,
    /// Let the restored store be paid from: whatever was submitted after its backup was made is not in its book, and is paid for twice when it is submitted
    /// again.
    #[arg(long)]
    accept_gap: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl Restore {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        match &self.backup {
            Some(backup) => self.store.restore(backup).await?,
            None => self.store.accept_gap().await?,
        }
        Ok(Exit::Settled)
    }
}
