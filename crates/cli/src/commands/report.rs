//! `numcheck report JOB`: a page about a job, for those who did not run it.
//!
//! It reads, and sends nothing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use futures_util::TryStreamExt as _;
use numcheck_bulk::{JobState, Scope};
use numcheck_job::Engine;

use crate::commands::reuse::is_on_this_machine;
use crate::commands::standing::Standing;
use crate::durable::{FateReader, JobRef, StoreAt, job_of, read_back};
use crate::exit::{Exit, Failure};
use crate::print;
use crate::report::{self, Figures};
use crate::whole_file::WholeFile;

/// Write a page about a job that can be handed on: one HTML file without any phone number.
///
/// Outcomes, cost, countries, carriers, what was found out, how long it took, and which rows are invalid and why. The file needs no network,
/// can be printed, and follows the reader's choice of light or dark. It may be written half-way, too; of a job that was forgotten only the sums are left.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The job: its name, the beginning of it, `latest`, or the name of its file.
    #[arg(value_name = "JOB")]
    job: JobRef,
    /// Where the page is written, a name that ends in .html; standard output otherwise. An existing file is replaced.
    // Not the variable of `run` and `export`: a page must not take the place of their results.
    #[arg(short, long, env = "NUMCHECK_REPORT", hide_env_values = true, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the same figures as one JSON object: in place of the page, or on standard output when -o says where the page goes.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    store: StoreAt,
}

impl Report {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let file = self.output.as_deref().map(file).transpose()?;
        let engine = Engine::new(self.store.open_existing_or_fail().await?);
        let store = &**engine.store();
        let job = job_of(store, &self.job).await?;
        engine.inbox().fold_all().await.map_err(Failure::of)?;
        store.follow(job.id).await.map_err(Failure::of)?;
        let mut figures = Figures::default();
        let is_privacy = job.spec.scope.service == Scope::PRIVACY;
        let reader = FateReader::of(&job, None);
        let mut rows = std::pin::pin!(engine.rows(&job));
        while let Some(fate) = rows.try_next().await.map_err(Failure::of)? {
            reader.check(&fate, |check| figures.add(&fate, &check, is_privacy));
        }
        // A job that a program has made holds no file, and one that was forgotten none any more.
        if job.state != JobState::Forgotten && store.input(job.id, 0).await.map_err(Failure::of)?.is_some() {
            let (input, _) = read_back(store, &job).await?;
            let mut lines = input.line_counter();
            for row in input.rows() {
                let row = row?;
                if let Err(reason) = row.phone {
                    let line = lines.line_of(&row).map_err(|error| {
                        Failure::new("the input that the job has kept cannot be read").because(error)
                    })?;
                    figures.add_invalid(line, reason);
                }
            }
        }
        let ledger = store.ledger(job.id).await.map_err(Failure::of)?;
        // Where nobody has answered, nothing was invented.
        let has_answers = ledger.settled + ledger.failed + ledger.reused.total() > 0;
        let is_invented = has_answers && is_on_this_machine(store, &job.spec.scope.account).await?;
        let report = report::Report::new(
            &job,
            Standing::of(&job, &ledger).as_str(),
            &ledger,
            figures,
            is_invented,
            engine.now_ms(),
        );
        let page = || report::html(&report);
        match file {
            Some(file) => {
                file.write(page()?.as_bytes())?;
                if self.json {
                    print::json(&report)?;
                }
            }
            None if self.json => print::json(&report)?,
            None => print::data(page()?.trim_end())?,
        }
        Ok(if ledger.is_final() { Exit::Settled } else { Exit::Unsettled })
    }
}

/// The file of the page. One whose name promises something else may be a file of results.
fn file(path: &Path) -> Result<WholeFile, Failure> {
    let is_page = |end: &OsStr| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm");
    if path.extension().is_some_and(|end| !is_page(end)) {
        return Err(Failure::usage(format!(
            "--output: a report is a page, and {} is not called so: name a .html; nothing was written",
            path.display()
        )));
    }
    WholeFile::create(path)
}
