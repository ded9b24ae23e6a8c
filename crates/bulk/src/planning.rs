//! Planning: a plan is written into a store, whose job may be sent from then on.

use sha2::{Digest, Sha256};

use crate::failpoint::die_at;
use crate::model::Job;
use crate::plan::Plan;
use crate::store::{Store, StoreError};

/// How many batches are written at a time.
const BATCHES: usize = 16;
/// How many duplicates are.
const DUPLICATES: usize = 10_000;

impl Plan {
    /// Names the set of phone numbers, in whatever order, spelling and file they stand: [`JobSpec::set`](crate::JobSpec::set).
    pub fn set(&self) -> String {
        let mut hash = Sha256::new();
        for packed in self.sorted() {
            hash.update(packed.to_be_bytes());
        }
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Writes the plan of a job that is being planned, of so many rows, and finishes it. Sends nothing.
    ///
    /// # Errors
    /// When the store fails, and where the job was made anew meanwhile. It is planned anew the next time.
    pub async fn write<S: Store + ?Sized>(&self, store: &S, job: &Job, rows: u64) -> Result<Job, StoreError> {
        let mut batches = self.cut(&job.name).peekable();
        while batches.peek().is_some() {
            let some: Result<Vec<_>, _> = batches.by_ref().take(BATCHES).collect();
            die_at("plan.batches");
            let some = some.map_err(|error| StoreError::database("plan the job", error))?;
            store.add_batches(job.id, some).await?;
        }
        self.write_duplicates(store, job).await?;
        die_at("plan.finish");
        let job = store.finish_plan(job.id, rows).await?;
        die_at("plan.finished");
        Ok(job)
    }

    /// Writes only which rows repeat others: for a job whose rows [replace](Store::replace_rows) those of another.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_duplicates<S: Store + ?Sized>(&self, store: &S, job: &Job) -> Result<(), StoreError> {
        let mut duplicates = self.duplicates().peekable();
        while duplicates.peek().is_some() {
            store.add_duplicates(job.id, duplicates.by_ref().take(DUPLICATES).collect()).await?;
        }
        Ok(())
    }
}
