//! Notices that the public URL of a job has changed: each batch was submitted with the one of its time, and its results go there.

use numcheck_bulk::{Job, Store};
use sha2::{Digest, Sha256};

use crate::exit::Failure;
use crate::print;

/// Remembers the public URL of a job, and says what goes to an earlier one. Only a hash is kept: its path may be a secret.
pub(crate) async fn note_public_url(store: &dyn Store, job: &Job, public_url: &str) -> Result<(), Failure> {
    let name = format!("public URL of job {}", job.name);
    let hash: String = Sha256::digest(public_url).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let known = store.learnt(&name).await.map_err(Failure::of)?;
    if known.as_ref() == Some(&hash) {
        return Ok(());
    }
    if known.is_some() {
        let open = store.open_batches(job.id).await.map_err(Failure::of)?;
        let open = open.iter().filter(|batch| batch.job == job.id && !batch.missing);
        let (batches, numbers) = open
            .fold((0, 0), |(batches, numbers), batch| (batches + 1, numbers + batch.numbers - batch.settled));
        if batches > 0 {
            print::say(&format!(
                "numcheck: note: --public-url has changed: the results of {} under way ({}) still go to the old one: let it lead here until \
                 they have come, or fetch them by --delivery both",
                print::count(batches, "batch"),
                print::count(numbers, "number")
            ));
        }
    }
    store.learn(&name, &hash).await.map_err(Failure::of)
}
