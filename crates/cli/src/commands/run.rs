//! `numcheck run FILE`: checks a file of numbers, and writes a file of results.
//!
//! It must not submit before everything that can fail at home has been tried. The same file with the same parameters is the same job:
//! a second run goes on where the first one ended, and pays for nothing twice.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use numcheck_bulk::{Delivery, Estimate, Halt, Job};

use crate::call::{self, Network};
use crate::commands::arguments::{Level, Limit, Minute, Prices, PublicUrl, Signatures, Together};
use crate::commands::typed;
use crate::consent::{self, Cost, LeftOut, Question, Yes};
use crate::durable::{
    Account, Destination, Engine, Parameters, Prepared, Receiving, Shape, StoreAt, Summary, Target, Wait,
    export, learn_dialect, open_file, prepare,
};
use crate::exit::{Exit, Failure};
use crate::input::{Input, Options};
use crate::output::Writer;
use crate::print;
use crate::stop::Stop;

/// Check a file of phone numbers, and write a file of results. Costs money per number, except with --sandbox.
///
/// Every number is submitted once. FILE is CSV with a header, or one number a line; `-` is standard input. The output repeats the input's columns and adds
/// check_phone, check_state, check_code and so on, one row out per row in. Run it again to go on where it was interrupted.
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
    /// Check against a sandbox inside this command: no account, no network, no cost, and nothing is kept.
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
    #[command(flatten)]
    together: Together,
    /// Check this file once more, and pay again: a new job.
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    going: Going,
    #[command(flatten)]
    store: StoreAt,
}

/// How a job is driven, by `run` and by `resume`.
#[derive(Debug, Args)]
pub(crate) struct Going {
    /// How results come back.
    #[arg(long, env = "NUMCHECK_DELIVERY", hide_env_values = true, value_enum, default_value_t = How::Push)]
    pub(crate) delivery: How,
    /// Where to listen for results, such as 0.0.0.0:8080.
    #[arg(long, env = "NUMCHECK_LISTEN", hide_env_values = true, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    public_url: PublicUrl,
    /// Where results are written; standard output otherwise. An existing file is replaced at the end.
    #[arg(short, long, env = "NUMCHECK_OUTPUT", hide_env_values = true, value_name = "OUT")]
    output: Option<PathBuf>,
    /// How long to wait after the last result before the rest is called missing. Default 80m, which is longer than the platform
    /// goes on trying; with --sandbox 5s more than its delay.
    #[arg(long, env = "NUMCHECK_WAIT", hide_env_values = true, value_name = "DURATION")]
    wait: Option<humantime::Duration>,
    #[command(flatten)]
    minute: Minute,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    prices: Prices,
    #[command(flatten)]
    signatures: Signatures,
    #[command(flatten)]
    yes: Yes,
    /// For a machine: results on standard output as JSON lines, or the summary there when -o says where results go.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

/// How results come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum How {
    /// The platform pushes them to the public URL.
    Push,
    /// They are fetched; no public URL is needed.
    Poll,
    /// Pushed, and fetched where the push did not come.
    Both,
}

impl From<How> for Delivery {
    fn from(how: How) -> Self {
        match how {
            How::Push => Self::Push,
            How::Poll => Self::Poll,
            How::Both => Self::Both,
        }
    }
}

impl Run {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let started = Instant::now();
        self.going.check(self.sandbox, self.going.delivery.into())?;
        let input = Input::open(&self.file, &Options { column: self.column.clone() })?;
        let writer = self.going.destination().create(&input)?;
        let sandbox_store;
        let store = if self.sandbox {
            sandbox_store = tempfile::tempdir()
                .map_err(|error| Failure::new("no temporary folder can be made").because(error))?;
            open_file(&sandbox_store.path().join("jobs.db"))?
        } else {
            self.store.open().await?
        };
        let engine = Engine::new(store);
        let account = if self.sandbox { Ok(String::new()) } else { call::account() };
        let shape = match &account {
            Ok(account) => Shape::of(&self.together, &*engine.store, account).await?,
            Err(_) => Shape::of_unknown(&self.together),
        };
        let prepared = Prepared::read(&input, shape)?;
        let mut parameters = Parameters {
            column: self.column.clone(),
            level: self.level,
            delivery: self.going.delivery.into(),
            batch_size: self.together.batch_size,
            // A file without a number needs no account.
            account: if prepared.plan.numbers() == 0 { String::new() } else { account? },
            again: 0,
        };
        if self.again {
            while engine.store.job(&parameters.name(&input)?).await.map_err(Failure::of)?.is_some() {
                parameters.again += 1;
            }
        }
        let (job, found) = prepare(&*engine.store, &input, &parameters, &prepared, engine.now_ms()).await?;
        let target = if self.sandbox { Target::Sandbox(self.callback_delay.into()) } else { Target::Account };
        drop(prepared);
        if found {
            print::say(&format!(
                "numcheck: this file is job {}: going on where it ended; --again pays for it once more",
                job.name
            ));
        }
        self.going.drive(&engine, &job, &input, writer, target, started).await
    }
}

impl Going {
    /// Whether results have a way to come back, and the platform's minute is its own.
    pub(crate) fn check(&self, sandbox: bool, delivery: Delivery) -> Result<(), Failure> {
        if !sandbox && delivery.pushes() && (self.listen.is_none() || !self.public_url.is_given()) {
            return Err(Failure::usage(
                "--listen and --public-url are both needed to receive the results; --delivery poll fetches them instead, and --sandbox \
                 needs neither; nothing was sent",
            ));
        }
        if !sandbox && delivery.pushes() {
            self.public_url.checked()?;
        }
        self.minute.for_platform(sandbox || call::is_loopback()?)?;
        if sandbox && self.signatures.required() {
            return Err(Failure::usage(
                "--require-signed-pushes: the sandbox inside this command signs nothing",
            ));
        }
        Ok(())
    }

    pub(crate) fn destination(&self) -> Destination {
        Destination { output: self.output.clone(), json: self.json }
    }

    /// Receives, submits, waits, and writes the results.
    pub(crate) async fn drive(
        &self,
        engine: &Engine,
        job: &Job,
        input: &Input,
        mut writer: Writer,
        target: Target,
        started: Instant,
    ) -> Result<Exit, Failure> {
        let stop = Stop::on_signal(
            "numcheck: stopping: no further batch is sent, results so far are written; once more ends at once",
        );
        let budget = self.limit.budget()?;
        let prices = self.prices.table()?;
        let planned = engine.store.ledger(job.id).await.map_err(Failure::of)?;
        let mut halt = None;
        if !planned.is_final() {
            let is_loopback = matches!(target, Target::Sandbox(_)) || call::is_loopback()?;
            let minute = self.minute.for_platform(is_loopback)?;
            let account = Account::open(&target, &self.network, minute).await?;
            self.ask(planned.planned, !account.costs_money()).await?;
            let receiving = match job.spec.delivery.pushes() {
                false => None,
                true => {
                    // Only a sandbox in this command reaches a loopback address that nobody was told.
                    let own = SocketAddr::from(([127, 0, 0, 1], 0));
                    let (listen, url, verifier) = match target {
                        Target::Sandbox(_) => (own, None, None),
                        Target::Account => (
                            self.listen.unwrap_or(own),
                            self.public_url.checked()?,
                            self.signatures.verifier()?,
                        ),
                    };
                    Some(Receiving::start(&*engine.store, &engine.inbox, listen, url, verifier).await?)
                }
            };
            let platform = account.platform(receiving.as_ref().map(Receiving::callback), &engine.store)?;
            let quiet = self.wait.map_or_else(|| default_wait(&target, minute), Into::into);
            let wait = Wait { quiet, minute };
            let driven =
                engine.drive(job, platform, budget.map(|budget| (budget, prices)), wait, &stop).await;
            if let Some(receiving) = receiving {
                receiving.close().await;
            }
            let dialect = account.dialect();
            account.close().await;
            let driven = driven.inspect_err(|_| say_how_to_go_on(job, &target))?;
            if let (Some(dialect), Target::Account) = (dialect, &target)
                && let Err(error) = learn_dialect(&*engine.store, &call::account()?, dialect).await
            {
                // The next job only needs more requests.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the account's dialect is not remembered"
                );
            }
            halt = driven.halt;
            engine.inbox.fold_all().await.map_err(Failure::of)?;
        }
        let not_sent = halt.as_ref().and_then(why_not_sent);
        let exported = export(&*engine.store, job, input, not_sent.as_deref(), &mut writer).await;
        let finished = exported.and_then(|totals| writer.finish().map(|_| totals).map_err(Failure::from));
        let totals = finished.inspect_err(|failure| {
            if !failure.is_reader_gone() {
                say_how_to_go_on(job, &target);
            }
        })?;
        let destination = self.destination();
        let beside = engine.inbox.beside();
        Summary { job, totals: &totals, beside, took: started.elapsed(), output: destination.file() }
            .show(self.json)?;
        self.say_halt(halt.as_ref());
        let left = engine.store.ledger(job.id).await.map_err(Failure::of)?;
        if !left.is_final() {
            say_how_to_go_on(job, &target);
        }
        Ok(if totals.all_settled() { Exit::Settled } else { Exit::Unsettled })
    }

    fn say_halt(&self, halt: Option<&Halt>) {
        match halt {
            Some(Halt::Refused(why)) => print::say(&format!("numcheck: submitting ended: {why}")),
            Some(Halt::NotSent(why)) => {
                print::say(&format!("numcheck: submitting ended, nothing leaves this machine: {why}"))
            }
            Some(Halt::Budget) => {
                print::say("numcheck: submitting ended before a batch that --max-cost does not allow")
            }
            _ => {}
        }
    }

    async fn ask(&self, numbers: u64, is_loopback: bool) -> Result<(), Failure> {
        let mut cost = Estimate::default();
        cost.unknown = numbers;
        let question = Question {
            what: "checking",
            numbers,
            level: None,
            left_out: LeftOut::default(),
            cost: Cost::Estimated(cost),
            is_loopback,
            stdin_is_taken: false,
        };
        consent::ask(&question, &self.yes).await
    }
}

/// The command that goes on with the job, to be pasted. What an embedded sandbox did is gone with it.
fn say_how_to_go_on(job: &Job, target: &Target) {
    if matches!(target, Target::Account) {
        print::say(&format!("numcheck: {}", typed::resume(&job.name)));
    }
}

/// What the rows of batches that were not sent say.
fn why_not_sent(halt: &Halt) -> Option<String> {
    match halt {
        Halt::Refused(why) | Halt::NotSent(why) => Some(format!("not sent: {why}")),
        Halt::Budget => Some("not sent: the next batch would cost more than --max-cost".to_owned()),
        _ => None,
    }
}

fn default_wait(target: &Target, minute: Duration) -> Duration {
    match target {
        Target::Sandbox(delay) => *delay + Duration::from_secs(5),
        Target::Account => minute * 80,
    }
}
