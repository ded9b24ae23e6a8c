//! `numcheck backup FILE`: copies the store while others work on it.

use std::path::PathBuf;

use clap::Args;

use crate::durable::StoreAt;
use crate::exit::{Exit, Failure};

/// Copy the store of this moment to a file, while runs and receivers go on.
///
/// The copy is whole, readable by its owner only, and replaces no file. It holds phone numbers, results and the key of the callback URLs. `numcheck
/// restore` makes a store of it. A store on PostgreSQL is copied by pg_dump.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where the copy is written: a file that is not there yet.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    store: StoreAt,
}

impl Backup {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        self.store.back_up(&self.file).await?;
        Ok(Exit::Settled)
    }
}
