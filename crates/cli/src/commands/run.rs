//! `numcheck run FILE`: checks a file of numbers, and writes a file of results.
//!
//! It joins input, job, receiver and output. It must not submit before everything that can fail at home has been tried, and it
//! must not lose what was paid: a result is acknowledged once it is on disk.

mod check_row;
mod journal_file;
mod platform;
mod report;
mod results;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use numcheck_webhook::{Gate, NotStored, Push, Receiver, ReceiverKey, Server};

use crate::call::Network;
use crate::commands::arguments::Level;
use crate::exit::{Exit, Failure};
use crate::input::{Input, Options};
use crate::job::{Book, Plan, submit_all, wait_for_results};
use crate::output::{Format, Target, Writer};
use crate::regions::group_of;
use crate::stop::Stop;

use journal_file::JournalFile;
use platform::{Platform, Submits};

/// Checks every number of FILE once. Costs money per number, except with --sandbox.
///
/// FILE is CSV with a header, or one number a line; `-` is standard input. The output repeats the input's columns and adds
/// check_phone, check_state, check_code and so on, one row out per row in.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The numbers.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The column that holds the numbers, by name or by its place from 1; found by its name otherwise.
    #[arg(long, env = "NUMCHECK_COLUMN", hide_env_values = true, value_name = "NAME")]
    column: Option<String>,
    /// What is checked. The levels cost differently.
    #[arg(long, env = "NUMCHECK_LEVEL", hide_env_values = true, value_enum, default_value_t = Level::Basic)]
    level: Level,
    /// Check against a sandbox inside this command: no account, no network, no cost.
    #[arg(long, env = "NUMCHECK_SANDBOX", hide_env_values = true, conflicts_with_all = ["listen", "public_url"])]
    sandbox: bool,
    /// How long the sandbox takes for a check.
    #[arg(
        long,
        env = "NUMCHECK_CALLBACK_DELAY",
        hide_env_values = true,
        default_value = "200ms",
        value_name = "DURATION",
        requires = "sandbox"
    )]
    callback_delay: humantime::Duration,
    /// Where to listen for results, such as 0.0.0.0:8080.
    #[arg(
        long,
        env = "NUMCHECK_LISTEN",
        hide_env_values = true,
        value_name = "ADDR",
        required_unless_present = "sandbox"
    )]
    listen: Option<SocketAddr>,
    /// How the platform reaches that address from outside, such as https://example.org.
    #[arg(
        long,
        env = "NUMCHECK_PUBLIC_URL",
        hide_env_values = true,
        value_name = "URL",
        required_unless_present = "sandbox"
    )]
    public_url: Option<String>,
    /// Where results are written; standard output otherwise. An existing file is replaced at the end.
    #[arg(short, long, env = "NUMCHECK_OUTPUT", hide_env_values = true, value_name = "OUT")]
    output: Option<PathBuf>,
    /// How many numbers travel in one request: up to 2000 the platform takes ten requests a second, above one.
    #[arg(long, env = "NUMCHECK_BATCH_SIZE", hide_env_values = true, default_value_t = 2000, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=5000))]
    batch_size: u16,
    /// How long to wait after the last result before the rest is called missing. Default 61m, which is longer than the platform
    /// goes on trying; with --sandbox 5s more than its delay.
    #[arg(long, env = "NUMCHECK_WAIT", hide_env_values = true, value_name = "DURATION")]
    wait: Option<humantime::Duration>,
    /// For a machine: results on standard output as JSON lines, or the summary there when -o says where results go.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true)]
    json: bool,
    #[command(flatten)]
    network: Network,
}

impl Run {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let started = Instant::now();
        let input = Input::open(&self.file, &Options { column: self.column.clone() })?;
        let mut writer = Writer::create(self.target(), self.format(), &input)?;
        let stop = Stop::on_signal(
            "numcheck: stopping: no further batch is sent, results so far are written; once more ends at once",
        )?;

        let (numbers, batches) = plan(&input, self.batch_size)?;
        let journal = JournalFile::create(self.output.as_deref(), self.sandbox)?;
        let book = Arc::new(Book::new(numbers, batches, journal.open()?));
        if book.batches() > 0 {
            self.check(&book, &stop).await?;
        }

        let totals = results::write(&input, &book, self.level, &mut writer)?;
        writer.finish()?;
        let seen = book.seen();
        let summary = report::Summary::new(&totals, &seen, started.elapsed(), self.output.as_deref());
        let kept = journal.close(summary.is_journal_of_use())?;
        summary.show(self.json, self.output.is_some(), kept.as_deref())?;
        Ok(if totals.all_settled() { Exit::Settled } else { Exit::Unsettled })
    }

    /// Receives, submits, waits.
    async fn check(&self, book: &Arc<Book>, stop: &Stop) -> Result<(), Failure> {
        let key = receiver_key()?;
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let server = Server::bind(listen).map_err(Failure::of)?;
        let public_url = match &self.public_url {
            Some(url) => url.clone(),
            None => format!("http://{}", server.local_addr()),
        };
        let gate = Gate::new(key.clone()).mounted_at(path_of(&public_url));
        let store = Arc::clone(book);
        let receiver = Receiver::new(gate, move |push: Push| {
            let book = Arc::clone(&store);
            async move {
                let stored = book.receive(push.batch().as_str(), push.raw()).await;
                stored.map_err(|error| {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a result could not be stored; it will come again"
                    );
                    NotStored
                })
            }
        });
        let (done, ended) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(receiver, async { drop(ended.await) }));

        let platform = Platform::start(self).await?;
        let submits = Submits::new(platform.client(), self.level, key, public_url);
        submits.try_url()?;
        let quiet = self.wait.map_or_else(|| self.default_wait(), Into::into);
        let work = async {
            submit_all(book, &submits, &|| stop.asked()).await;
            tokio::select! {
                () = wait_for_results(book, quiet) => {}
                () = stop.wait() => {}
            }
        };
        report::with_progress(book, work).await;

        let _ = done.send(());
        let _ = serving.await;
        platform.end().await;
        Ok(())
    }

    fn default_wait(&self) -> Duration {
        match self.sandbox {
            true => *self.callback_delay + Duration::from_secs(5),
            false => Duration::from_secs(61 * 60),
        }
    }

    fn target(&self) -> Target<'_> {
        match self.output.as_deref() {
            None => Target::Stdout,
            Some(path) if path == Path::new("-") => Target::Stdout,
            Some(path) => Target::File(path),
        }
    }

    fn format(&self) -> Format {
        let named_json =
            |path: &PathBuf| path.extension().is_some_and(|end| end == "jsonl" || end == "ndjson");
        match &self.output {
            Some(path) if named_json(path) => Format::JsonLines,
            Some(path) if path != Path::new("-") => Format::Csv,
            _ if self.json => Format::JsonLines,
            _ => Format::Csv,
        }
    }
}

/// Reads the file once, and cuts its numbers into batches.
fn plan(input: &Input, batch_size: u16) -> Result<(crate::job::Numbers, Vec<crate::job::Batch>), Failure> {
    let mut plan = Plan::new();
    for row in input.rows() {
        if let Ok(number) = row?.phone {
            plan.add(number, group_of)
                .ok_or_else(|| Failure::usage("more numbers than one job can hold; cut the file"))?;
        }
    }
    let mut id = [0; 6];
    getrandom::fill(&mut id).map_err(|_| Failure::new("this machine gives no random numbers"))?;
    plan.cut(batch_size.into(), &format!("nc-{}", hex::encode(id))).map_err(Failure::of)
}

/// A key of this run's own: who has not seen a capability of this run can push nothing into it.
fn receiver_key() -> Result<ReceiverKey, Failure> {
    let mut bytes = [0; ReceiverKey::FEWEST];
    getrandom::fill(&mut bytes).map_err(|_| Failure::new("this machine gives no random numbers"))?;
    ReceiverKey::from_bytes(&bytes).map_err(Failure::of)
}

/// The path of a URL, where a proxy in between passes it on.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').map_or("", |at| after_scheme.get(at..).unwrap_or_default()).trim_end_matches('/')
}
