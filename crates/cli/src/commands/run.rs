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
use clap::builder::BoolishValueParser;
use numcheck_webhook::{Gate, NotStored, Push, Receiver, ReceiverKey, Server};

use crate::call::Network;
use crate::commands::arguments::Level;
use crate::exit::{Exit, Failure};
use crate::input::{Input, Options};
use crate::job::{Book, Plan, submit_all, wait_for_results};
use crate::output::{Format, Target, Writer};
use crate::print;
use crate::regions::group_of;
use crate::stop::Stop;

use journal_file::JournalFile;
use platform::{Platform, Submits};

/// Check a file of phone numbers, and write a file of results. Costs money per number, except with --sandbox.
///
/// Every number is submitted once. FILE is CSV with a header, or one number a line; `-` is standard input. The output repeats the
/// input's columns and adds check_phone, check_state, check_code and so on, one row out per row in.
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
    #[arg(long, env = "NUMCHECK_SANDBOX", hide_env_values = true, value_parser = BoolishValueParser::new())]
    sandbox: bool,
    /// How long the sandbox takes for a check.
    #[arg(
        long,
        env = "NUMCHECK_CALLBACK_DELAY",
        hide_env_values = true,
        default_value = "200ms",
        value_name = "DURATION"
    )]
    callback_delay: humantime::Duration,
    /// Where to listen for results, such as 0.0.0.0:8080. Needed, except with --sandbox, which takes a loopback address.
    #[arg(long, env = "NUMCHECK_LISTEN", hide_env_values = true, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// How the platform reaches that address from outside, such as `https://example.org`. Needed, except with --sandbox.
    #[arg(long, env = "NUMCHECK_PUBLIC_URL", hide_env_values = true, value_name = "URL")]
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
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

impl Run {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let started = Instant::now();
        self.inbox()?;
        let input = Input::open(&self.file, &Options { column: self.column.clone() })?;
        let mut writer = Writer::create(self.target(), self.format(), &input)?;
        let stop = Stop::on_signal(
            "numcheck: stopping: no further batch is sent, results so far are written; once more ends at once",
        )?;

        let (numbers, batches) = plan(&input, self.batch_size)?;
        let journal = JournalFile::create(self.output_file(), self.sandbox)?;
        let book = Arc::new(Book::new(numbers, batches, journal.open()?));
        if book.batches() > 0
            && let Err(failure) = self.check(&book, &stop).await
        {
            journal.abandon();
            return Err(failure);
        }

        let written = results::write(&input, &book, self.level, &mut writer);
        let written = written.and_then(|totals| writer.finish().map(|()| totals).map_err(Failure::from));
        let totals = match written {
            Ok(totals) => totals,
            Err(failure) => {
                // They were paid for, and may stand nowhere else.
                if let Some(path) = journal.path() {
                    print::say(&format!("numcheck: every result as it came stands in {}", path.display()));
                }
                return Err(failure);
            }
        };
        let seen = book.seen();
        let summary = report::Summary::new(&totals, &seen, started.elapsed(), self.output_file());
        let kept = journal.close(summary.is_journal_of_use())?;
        summary.show(self.json, kept.as_deref())?;
        Ok(if totals.all_settled() { Exit::Settled } else { Exit::Unsettled })
    }

    /// Receives, submits, waits. Fails only before the first submit.
    async fn check(&self, book: &Arc<Book>, stop: &Stop) -> Result<(), Failure> {
        let key = receiver_key()?;
        let (listen, public_url) = self.inbox()?;
        let server = Server::bind(listen).map_err(Failure::of)?;
        let public_url = match public_url {
            Some(url) => url.to_owned(),
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

    /// Where results come in, and the URL that leads there; `None` for the address itself, which only a sandbox in this command
    /// reaches. A real platform that cannot reach us would be paid for nothing, so it takes both, wherever they are said.
    fn inbox(&self) -> Result<(SocketAddr, Option<&str>), Failure> {
        match (self.sandbox, self.listen, self.public_url.as_deref()) {
            (true, ..) => Ok((SocketAddr::from(([127, 0, 0, 1], 0)), None)),
            (false, Some(listen), Some(url)) => Ok((listen, Some(url))),
            (false, ..) => Err(Failure::usage(
                "--listen and --public-url are both needed to receive the results; --sandbox needs neither; nothing was sent",
            )),
        }
    }

    /// The file that results are written to; `None` for standard output, as with `-`.
    fn output_file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    fn target(&self) -> Target<'_> {
        self.output_file().map_or(Target::Stdout, Target::File)
    }

    fn format(&self) -> Format {
        let named_json = |path: &Path| path.extension().is_some_and(|end| end == "jsonl" || end == "ndjson");
        match self.output_file() {
            Some(path) if named_json(path) => Format::JsonLines,
            None if self.json => Format::JsonLines,
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
