//! Notices that the public URL of a job has changed: each batch was submitted with the one of its time, and its results go there.

use numcheck_bulk::{Job, Store};
use sha2::{Digest, Sha256};

use crate::exit::Failure;
use crate::print;

/// Remembers the public URL of a job, and says what goes to an earlier one. Only a hash is kept: its path may be a secret.
pub(crate) async fn note_public_url(
    store: &dyn Store,
    job: &Job,
    public_url: &str,
    now_ms: u64,
) -> Result<(), Failure> {
    let name = format!("public URL of job {}", job.name);
    let hash: String = Sha256::digest(public_url).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut urls = Urls::read(&store.learnt(&name).await.map_err(Failure::of)?.unwrap_or_default());
    let open = store.open_batches(job.id).await.map_err(Failure::of)?;
    let elsewhere = open.iter().filter(|batch| {
        let is_awaited = batch.job == job.id && !batch.missing;
        is_awaited && urls.at(batch.sent_ms).is_some_and(|url| *url != hash)
    });
    let (batches, numbers) = elsewhere
        .fold((0, 0), |(batches, numbers), batch| (batches + 1, numbers + batch.numbers - batch.settled));
    if batches > 0 {
        print::say(&format!(
            "numcheck: note: --public-url has changed: the results of {} under way ({}) still go to an earlier one: let it lead here until \
             they have come, or fetch them by --delivery both",
            print::count(batches, "batch"),
            print::count(numbers, "number")
        ));
    }
    if urls.at(u64::MAX) != Some(&hash) {
        urls.0.push((now_ms, hash));
        store.learn(&name, &urls.to_string()).await.map_err(Failure::of)?;
    }
    Ok(())
}

/// The hashes of a job's public URLs, each with the time from which it held.
#[derive(Debug, PartialEq, Eq)]
struct Urls(Vec<(u64, String)>);

impl Urls {
    fn read(word: &str) -> Self {
        let url = |part: &str| {
            let (from_ms, hash) = part.split_once(':')?;
            Some((from_ms.parse().ok()?, hash.to_owned()))
        };
        Self(word.split_whitespace().filter_map(url).collect())
    }

    /// The one that held at a time; `None` before the first that is known.
    fn at(&self, ms: u64) -> Option<&String> {
        self.0.iter().rfind(|(from_ms, _)| *from_ms <= ms).map(|(_, hash)| hash)
    }
}

impl std::fmt::Display for Urls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(from_ms, hash)| write!(f, "{from_ms}:{hash} "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_to_the_url_of_its_time() {
        let mut urls = Urls::read("");
        assert_eq!(urls.at(5), None);
        urls.0.extend([(10, "a".to_owned()), (20, "b".to_owned()), (30, "a".to_owned())]);
        let urls = Urls::read(&urls.to_string());
        let at = |ms| urls.at(ms).map(String::as_str);
        assert_eq!(
            [9, 10, 19, 20, 29, 30].map(at),
            [None, Some("a"), Some("a"), Some("b"), Some("b"), Some("a")]
        );
    }
}
