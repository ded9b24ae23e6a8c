//! `numcheck forget`: removes personal data. Output files and the platform keep what they have.

use std::ops::Range;
use std::time::Duration;

use clap::Args;
use futures_util::TryStreamExt as _;
use numcheck_bulk::store::InputPiece;
use numcheck_bulk::{Job, JobState, StoreError};
use numcheck_job::Engine;
use numcheck_protocol::PhoneNumber;
use std::collections::BTreeSet;

use crate::commands::number::{as_mobile, typed};
use crate::durable::{JobRef, StoreAt, job_of_name, read_back};
use crate::exit::{Exit, Failure};
use crate::print;

/// Remove the numbers and results of jobs, or one number from all of them; their sums stay.
///
/// Removes input, numbers and results from the store. What was paid for and is not exported is gone, and numbers that are forgotten are not
/// recognised any more: checking them again is paid for again. Checks that other jobs refer to stay for those.
#[derive(Args)]
#[group(id = "what", required = true, args = ["job", "older_than", "number"])]
pub(crate) struct Forget {
    /// The job: its name, or the beginning of it where no other job's name begins so.
    #[arg(value_name = "JOB")]
    job: Option<JobRef>,
    /// Forget every job that was made longer ago than this, also what it has not sent. One of which something is under way, in doubt or missing is
    /// kept, and said.
    #[arg(long, value_name = "AGE")]
    older_than: Option<humantime::Duration>,
    /// Forget this number wherever it stands: its results, its history, and its rows of the jobs' inputs, of which all cells are blotted out
    /// with `*`. Refused while one of those jobs has it planned, under way or in doubt. `-` reads it from standard input, which keeps it out
    /// of the shell's history.
    #[arg(long, value_name = "NUMBER", conflicts_with = "even_unsettled")]
    number: Option<String>,
    /// Forget it although something is under way or in doubt: late results are dropped, and nobody knows any more that it may be paid for.
    #[arg(long)]
    even_unsettled: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl std::fmt::Debug for Forget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forget")
            .field("job", &self.job)
            .field("older_than", &self.older_than)
            .finish_non_exhaustive()
    }
}

impl Forget {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let engine = Engine::new(self.store.open_existing_or_fail().await?);
        match (&self.job, &self.number, self.older_than) {
            (Some(job), ..) => {
                forget_job(&engine, &job_of_name(&**engine.store(), job).await?, self.even_unsettled).await
            }
            (_, Some(number), _) => forget_number(&engine, number).await,
            (.., Some(age)) => forget_older(&engine, age.into(), self.even_unsettled).await,
            _ => Err(Failure::usage("name a job, a number or an age")),
        }
    }
}

async fn forget_job(engine: &Engine, job: &Job, even_unsettled: bool) -> Result<Exit, Failure> {
    let unsettled = forget(engine, job, even_unsettled).await?;
    if unsettled == 0 {
        return Ok(Exit::Settled);
    }
    Err(Failure::usage(format!(
        "{} of job {} {} under way or in doubt and may be paid for: --even-unsettled forgets all the same",
        print::count(unsettled, "number"),
        job.name,
        print::form(unsettled, "is", "are")
    )))
}

async fn forget_older(engine: &Engine, age: Duration, even_unsettled: bool) -> Result<Exit, Failure> {
    let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    let before_ms = engine.now_ms().saturating_sub(age);
    let mut exit = Exit::Settled;
    for job in engine.store().jobs().await.map_err(Failure::of)? {
        if job.created_ms >= before_ms || job.state == JobState::Forgotten {
            continue;
        }
        if forget(engine, &job, even_unsettled).await? > 0 {
            print::say(&format!(
                "numcheck: job {} is kept: something in it is under way or in doubt",
                job.name
            ));
            exit = Exit::Unsettled;
        }
    }
    Ok(exit)
}

/// Says how many numbers keep the job from being forgotten.
async fn forget(engine: &Engine, job: &Job, even_unsettled: bool) -> Result<u64, Failure> {
    let forgotten = engine.store().forget(job.id, even_unsettled).await.map_err(Failure::of)?;
    if forgotten.unsettled > 0 && !even_unsettled {
        return Ok(forgotten.unsettled);
    }
    print::say(&format!(
        "numcheck: job {} is forgotten; its sums stay, and its numbers are not recognised any more: checking them again is paid for again",
        job.name
    ));
    for (name, count) in forgotten.kept_for {
        print::say(&format!(
            "numcheck: {count} of its checks stay, because job {name} refers to them: forget that one, too"
        ));
    }
    Ok(0)
}

async fn forget_number(engine: &Engine, text: &str) -> Result<Exit, Failure> {
    let number = typed(text, "--number").await?;
    let mut jobs = 0;
    // A Chinese mobile number may have been given without its country code.
    for number in [Some(number), as_mobile(number)].into_iter().flatten() {
        jobs += forget_everywhere(engine, number).await?;
    }
    print::say(&match jobs {
        0 => "numcheck: no job in this store has the number: nothing was forgotten".to_owned(),
        jobs => format!(
            "numcheck: the number is forgotten: {} had it. It is not recognised any more: checking it again is paid for again",
            print::count(jobs, "job")
        ),
    });
    Ok(Exit::Settled)
}

/// Says how many jobs had the number.
async fn forget_everywhere(engine: &Engine, number: PhoneNumber) -> Result<u64, Failure> {
    for is_last in [false, false, true] {
        let jobs = engine.store().jobs_of(number).await.map_err(Failure::of)?;
        let mut without = Vec::new();
        for job in &jobs {
            without.extend(blotted_out(engine, job, &number).await?);
        }
        let unsettled = match engine.store().forget_number(number, without).await {
            // Somebody has changed an input, or made a job with the number, since they were read.
            Err(StoreError::Superseded) if !is_last => continue,
            answer => answer.map_err(Failure::of)?,
        };
        if unsettled.is_empty() {
            return Ok(jobs.len() as u64);
        }
        let names: Vec<_> = unsettled.iter().map(ToString::to_string).collect();
        return Err(Failure::usage(format!(
            "nothing was forgotten: the number is planned, under way or in doubt in job {}, and may be paid for. Let it settle (resume, \
             reconcile), or forget the job",
            names.join(", ")
        )));
    }
    Ok(0)
}

/// The pieces of a job's input in which a number's rows are, without what those say.
async fn blotted_out(engine: &Engine, job: &Job, number: &PhoneNumber) -> Result<Vec<InputPiece>, Failure> {
    if engine.store().input(job.id, 0).await.map_err(Failure::of)?.is_none() {
        // A program's job holds none.
        return Ok(Vec::new());
    }
    let (input, _) = read_back(&**engine.store(), job).await?;
    // What the job has made of a cell counts, also where this release reads it in another way.
    let mut of_job = BTreeSet::new();
    let mut fates = std::pin::pin!(engine.rows(job));
    while let Some(fate) = fates.try_next().await.map_err(Failure::of)? {
        if fate.number == *number {
            of_job.insert(fate.row + 1);
        }
    }
    let rows = input.ranges_where(|row, found| of_job.contains(&row) || found.as_ref() == Ok(number))?;
    let (mut pieces, mut start) = (Vec::new(), 0);
    for sequence in 0.. {
        let Some(was) = engine.store().input(job.id, sequence).await.map_err(Failure::of)? else { break };
        let mut bytes = was.clone();
        let end = start + bytes.len() as u64;
        for row in rows.iter().filter(|row| row.start < end && row.end > start) {
            let within = |at: u64| (at.clamp(start, end) - start) as usize;
            let row: Range<usize> = within(row.start)..within(row.end);
            if let Some(row) = bytes.get_mut(row) {
                input.blot_out(row);
            }
        }
        if bytes != was {
            pieces.push(InputPiece { job: job.id, sequence, was, bytes });
        }
        start = end;
    }
    Ok(pieces)
}
