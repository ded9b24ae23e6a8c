//! A job as a person types it: its name, the beginning of it, `latest`, or the name of its file.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use numcheck_bulk::{Job, JobName, JobState, Store};
use numcheck_protocol::mask;

use super::prepare::Notes;
use crate::exit::Failure;
use crate::print;

/// The newest job.
const LATEST: &str = "latest";

/// How many jobs a message lists, at most.
const MAX_LISTED: usize = 10;

/// A job as it was typed. `Debug` shows nothing: it may be anything.
#[derive(Clone)]
pub(crate) struct JobRef(String);

impl FromStr for JobRef {
    type Err = Infallible;

    fn from_str(typed: &str) -> Result<Self, Infallible> {
        Ok(Self(typed.to_owned()))
    }
}

impl fmt::Debug for JobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobRef(***)")
    }
}

/// Which spellings a verb takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// All of them.
    Any,
    /// Its name or the beginning of it: nobody means another one by accident.
    Name,
}

/// The job that was typed.
///
/// # Errors
/// When there is none, or several: wrong usage.
pub(crate) async fn job_of(store: &dyn Store, typed: &JobRef) -> Result<Job, Failure> {
    find(store, typed, Spelling::Any).await
}

/// The same for a verb that takes back nothing: by its name or the beginning of it only.
pub(crate) async fn job_of_name(store: &dyn Store, typed: &JobRef) -> Result<Job, Failure> {
    find(store, typed, Spelling::Name).await
}

async fn find(store: &dyn Store, JobRef(typed): &JobRef, spelling: Spelling) -> Result<Job, Failure> {
    if let Ok(name) = typed.parse::<JobName>() {
        let found = store.job(&name).await.map_err(Failure::of)?;
        return found.ok_or_else(|| {
            Failure::usage(format!("there is no job {name} in this store: `numcheck jobs` lists them"))
        });
    }
    let jobs = store.jobs().await.map_err(Failure::of)?;
    let mut found = meant(jobs, typed, spelling);
    match (found.pop(), found.is_empty()) {
        (Some(job), true) => Ok(job),
        (None, _) if spelling == Spelling::Name => Err(Failure::usage(
            "no job of this store has such a name, nor one that begins so, which is what this verb takes: `numcheck jobs` lists them",
        )),
        (None, _) => Err(Failure::usage(
            "no job of this store has such a name, nor one that begins so, nor such a file: `numcheck jobs` lists them",
        )),
        (Some(last), false) => {
            found.push(last);
            Err(Failure::usage(ambiguous(&found)))
        }
    }
}

/// The jobs that somebody may mean, of `jobs`, the newest first.
fn meant(jobs: Vec<Job>, typed: &str, spelling: Spelling) -> Vec<Job> {
    let (any, is_open) = (spelling == Spelling::Any, |job: &Job| job.state == JobState::Open);
    if any && typed == LATEST {
        return jobs.into_iter().find(is_open).into_iter().collect();
    }
    let is_it = |job: &Job| {
        let begins = !typed.is_empty() && job.name.as_str().starts_with(typed);
        begins || any && is_open(job) && is_file(&notes(job).file, typed)
    };
    jobs.into_iter().filter(is_it).collect()
}

/// Whether a file is meant, by its path as it was given or by its name alone.
fn is_file(file: &str, typed: &str) -> bool {
    let name = Path::new(file).file_name().and_then(|name| name.to_str());
    !typed.is_empty() && (file == typed || name == Some(typed))
}

fn notes(job: &Job) -> Notes {
    serde_json::from_value(job.spec.notes.clone()).unwrap_or_default()
}

fn ambiguous(jobs: &[Job]) -> String {
    let mut text = "several jobs are meant: write more of the name of one".to_owned();
    for job in jobs.iter().take(MAX_LISTED) {
        let Notes { file, level, .. } = notes(job);
        let made = print::rfc3339(job.created_ms);
        text.push_str(&format!("\n  {}  made {made}, {level}, {}", job.name, mask::digits(&file)));
    }
    if let Some(more @ 1..) = jobs.len().checked_sub(MAX_LISTED) {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use numcheck_bulk::{Delivery, JobSpec, Scope};

    use super::*;

    fn job(name: &str, file: &str, state: JobState) -> Job {
        let notes = serde_json::json!({"file": file, "column": null, "level": "hlr"});
        let spec = JobSpec::new(Scope::default(), "", Delivery::Push, notes);
        let mut job = Job::new(0, name.parse().unwrap(), spec, 1_700_000_000_000);
        job.state = state;
        job
    }

    fn jobs() -> Vec<Job> {
        vec![
            job("ab00000000000003", "rows of another", JobState::Planning),
            job("ab00000000000002", "lists/customers.csv", JobState::Open),
            job("cd00000000000001", "customers.csv", JobState::Open),
            job("ce00000000000000", "customers.csv", JobState::Replaced),
        ]
    }

    #[test]
    fn a_job_is_meant_by_a_unique_beginning_by_latest_or_by_its_file() {
        let meant = |typed: &str, spelling| {
            let names: Vec<String> =
                meant(jobs(), typed, spelling).iter().map(|job| job.name.to_string()).collect();
            names.iter().map(|name| name[..2].to_owned() + &name[15..]).collect::<Vec<_>>().join(" ")
        };
        for (typed, any, by_name) in [
            ("cd", "cd1", "cd1"),
            ("ab", "ab3 ab2", "ab3 ab2"),
            ("latest", "ab2", ""),
            ("lists/customers.csv", "ab2", ""),
            ("customers.csv", "ab2 cd1", ""),
            ("customers", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(
                (&*meant(typed, Spelling::Any), &*meant(typed, Spelling::Name)),
                (any, by_name),
                "{typed}"
            );
        }
    }

    #[test]
    fn an_ambiguous_job_lists_candidates_and_no_number() {
        let mut many = vec![job("ab00000000000002", "8613800000001.csv", JobState::Open); 12];
        let text = ambiguous(&many);
        let first = "\n  ab00000000000002  made 2023-11-14T22:13:20Z, hlr, 861********01.csv\n";
        assert!(text.contains(first) && text.ends_with("and 2 more"), "{text}");
        many.truncate(2);
        assert!(!ambiguous(&many).contains("more\n"), "{text}");
    }
}
