//! `numcheck run FILE`: checks a file of numbers, and writes a file of results.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use numcheck_bulk::{Delivery, Estimate, Halt, Job, JobState, PriceTable, Scope, Store};

use crate::account::AccountId;
use crate::admin::AdminArgs;
use crate::batch_log::BatchLog;
use crate::batching::BatchingArgs;
use crate::call::{self, Network, QxtArgs};
use crate::commands::arguments::{
    Minute, Prices, PublicUrl, Signatures, Speed, asking_takes, listen_address,
};
use crate::commands::limits::LimitArgs;
use crate::commands::reuse::{Again, KnownResults, know_account};
use crate::commands::typed;
use crate::consent::{self, Cost, LeftOut, Question, Yes};
use crate::durable::{
    Account, Assumed, Counted, Destination, NOT_SENT, Outlook, OutputArgs, Parameters, ProgressArgs, Shape,
    StoreAt, Summary, Survey, Target, Wait, WhatToSend, estimate, export, learn_dialect, note_public_url,
    open_file, prepare,
};
use crate::exit::{Exit, Failure};
use crate::fail_on::FailOn;
use crate::input::InputArgs;
use crate::level::Level;
use crate::output::Writer;
use crate::print;
use crate::stop::Stop;
use numcheck_job::{Engine, PrivacyService, Receiving, RunOptions, Summary as Driven};
use numcheck_tables::TableFile;

/// Check a file of phone numbers, and write a file of results. Costs money per number, except with --sandbox.
///
/// A number that this store knows to be paid for and fresh, or under way, or in doubt, is not sent again, whatever file it stands in. FILE is a table
/// (CSV of any dialect and encoding, .xlsx, .xls, .ods, also packed with gzip) or has one number a line; `-` is standard input. The output repeats the input's columns and adds check_phone, check_state, check_code and so
/// on, one row out per row in. Run it again to go on where it was interrupted.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The numbers.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    input: InputArgs,
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
    together: BatchingArgs,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    store: StoreAt,
}

/// How a job is driven, by `run` and by `resume`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// How results of the levels basic, call and hlr come back; at level privacy each is the answer to its query.
    /// `run` has them pushed, and `resume` goes on as before, where nothing is said.
    #[arg(long, env = "NUMCHECK_DELIVERY", hide_env_values = true, value_enum)]
    delivery: Option<How>,
    /// Where to listen for results, such as 0.0.0.0:8080.
    #[arg(long, env = "NUMCHECK_LISTEN", hide_env_values = true, value_name = "ADDR", value_parser = listen_address)]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    public_url: PublicUrl,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// How long to wait after the last result before the command ends. Default 80m, which is longer than the platform
    /// goes on trying; with --sandbox 5s more than its delay.
    #[arg(long, env = "NUMCHECK_WAIT", hide_env_values = true, value_name = "DURATION")]
    wait: Option<humantime::Duration>,
    #[command(flatten)]
    speed: Speed,
    #[command(flatten)]
    how: QxtArgs,
    #[command(flatten)]
    minute: Minute,
    #[command(flatten)]
    assumptions: AssumptionArgs,
    #[command(flatten)]
    limits: LimitArgs,
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
    pub(crate) progress: ProgressArgs,
    #[command(flatten)]
    fail_on: FailOn,
    #[command(flatten)]
    network: Network,
}

/// Assumptions about the platform on which a proof rests.
#[derive(Clone, Debug, Args)]
pub(crate) struct AssumptionArgs {
    /// By how much batches may differ in the time until a query shows them. No document says: shorter than it is, a batch whose answer was
    /// lost could be taken for unknown, sent again and paid twice.
    #[arg(long, default_value = "1h", value_name = "DURATION")]
    visibility_spread: humantime::Duration,
    /// Take it for granted that a query lists failed checks, before it has shown one to this account. No document says so: where it is wrong, a
    /// batch of nothing but failed checks whose answer was lost is taken for unknown, sent again and paid twice.
    #[arg(long)]
    failures_are_listed: bool,
}

impl AssumptionArgs {
    pub(crate) fn get(&self) -> Assumed {
        Assumed {
            visibility_spread: self.visibility_spread.into(),
            failures_listed: self.failures_are_listed,
        }
    }
}

/// How results come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum How {
    /// The platform pushes them to the public URL.
    Push,
    /// They are fetched; no public URL is needed. A submit then names none, so the platform pushes the results to the URL that is configured for the
    /// application, if there is one, all the same: `receive --print-url` prints one that takes them in.
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
    /// Whether each number is a request of its own.
    pub(crate) fn asks_each(&self) -> bool {
        self.level == Level::Privacy
    }

    /// Whether every line of stderr is to be JSON.
    pub(crate) fn says_json(&self) -> bool {
        self.run.progress.is_json()
    }

    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        let started = Instant::now();
        let stdin_is_taken = self.file == Path::new("-");
        let delivery = self.run.delivery_at(self.level, Delivery::Push);
        self.run.check(self.sandbox, self.level, delivery)?;
        let input = self.input.read(&self.file, self.level).await?;
        let writer = self.run.destination().create(&input)?;
        let account = match self.sandbox {
            true => Ok(AccountId::embedded()),
            false => self.level.account(),
        };
        let counted = Counted::read(&input)?;
        // A file without a number needs no account.
        let account =
            account.or_else(|failure| counted.is_empty().then(AccountId::embedded).ok_or(failure))?;
        let is_loopback = account.is_loopback();
        let minute = self.run.minute.for_platform(is_loopback)?;
        let sandbox_store;
        if !self.sandbox && !counted.is_empty() {
            self.run.check_client(self.level, minute)?;
        }
        let store = if self.sandbox {
            sandbox_store = tempfile::tempdir()
                .map_err(|error| Failure::new("no temporary folder can be made").because(error))?;
            open_file(&sandbox_store.path().join("jobs.db"))?
        } else {
            self.store.open_or_create_to_pay().await?
        };
        let engine = Engine::new(store);
        let store = &**engine.store();
        engine.inbox().fold_all().await.map_err(Failure::of)?;
        if !self.sandbox {
            know_account(store, &account, self.level.service(), &self.again, stdin_is_taken).await?;
        }
        let shape = match self.level {
            Level::Privacy => Shape::one_by_one(),
            _ => Shape::of(&self.together, self.run.limits.has_cap(), store, &account.fingerprint).await?,
        };
        let mut prepared = counted.plan(shape);
        let freshness = self.again.freshness(self.level, engine.now_ms());
        let mut parameters = Parameters {
            column: self.input.column.clone(),
            region: self.input.region,
            level: self.level,
            delivery,
            account: account.fingerprint.clone(),
            reuse: self.again.reuse(freshness),
            is_invented: self.sandbox || account.is_invented(),
        };
        let spec = parameters.spec(&input, &prepared.plan)?;
        let continued = store.unfinished(&spec).await.map_err(Failure::of)?;
        let survey = Survey::of(store, &parameters.scope(), &prepared.plan, freshness).await?;
        let prices = self.run.prices(store).await?;
        let level = parameters.scope().level;
        let known = KnownResults { survey: &survey, prices: &prices, level };
        let decided = self
            .again
            .decide(store, known, freshness, self.level, continued.as_ref(), stdin_is_taken)
            .await?;
        parameters.reuse = decided.reuse;
        let due = match &continued {
            // It goes on by its own policy, whatever this command's one is.
            Some(job) => {
                let doubts = survey.doubts_to_send(decided.what);
                Due::for_job(store, job, decided.what.doubts, doubts).await?
            }
            None => Due { groups: survey.to_send(decided.what), others: 0 },
        };
        let to_send = due.numbers();
        let cost = due.cost(&prices, level);
        let in_doubt = survey.doubts_left(decided.what);
        let reused = if self.again.again {
            0
        } else {
            prepared.plan.numbers().saturating_sub(to_send + survey.under_way + in_doubt)
        };
        if self.run.limits.needs_prices() && estimate(&due.groups, &prices, level).unknown > 0 {
            return Err(no_price(&due.groups, &prices, level, self.level, &self.run.limits));
        }
        if survey.other_level > 0 {
            print::say(&format!(
                "numcheck: note: {} of the numbers {} a result of another level, which is not reused",
                survey.other_level,
                print::form(survey.other_level, "has", "have")
            ));
        }
        if reused > 0 && continued.is_none() {
            print::say(&format!("numcheck: {}", reused_line(&survey, reused, engine.now_ms())));
        }
        let question = Question {
            what: "checking",
            numbers: to_send,
            level: Some(self.level),
            left_out: LeftOut {
                reused,
                invalid: prepared.invalid.values().sum(),
                duplicates: prepared.duplicates,
                in_doubt,
            },
            cost: Cost::Estimated(cost),
            is_loopback,
            stdin_is_taken,
        };
        if let Some(sheet) = &input.form().sheet {
            print::say(&format!("numcheck: read from column `{}` of sheet `{sheet}`", input.phone_column()));
        }
        for warning in &prepared.warnings {
            print::say(&format!("numcheck: warning: {warning}"));
        }
        consent::ask(&question, &self.run.yes).await?;
        if continued.is_none() {
            // What is in doubt is planned apart from the others, once more, in any case.
            let what = WhatToSend { doubts: false, old_doubts: false, ..decided.what };
            prepared.plan.set_apart(|number| survey.leaves_out(number, what));
        }
        drop(survey);
        let spec = spec.with_reuse(decided.reuse);
        let (mut job, found) = prepare(store, &input, &spec, &prepared, engine.now_ms()).await?;
        // It may have been begun with another one.
        job.spec.delivery = delivery;
        drop(prepared);
        if found {
            print::say(&format!("numcheck: these numbers are job {}: going on where it ended", job.name));
        }
        if let Some(before_ms) = decided.resubmit_before_ms {
            resubmit(&engine, &job, before_ms).await?;
        }
        let target = if self.sandbox { Target::Sandbox(self.callback_delay.into()) } else { Target::Account };
        self.run.drive(&engine, &job, &input, writer, target, prices, minute, started).await
    }
}

/// What a job would send: what a person is asked about.
pub(crate) struct Due {
    /// By group.
    pub(crate) groups: BTreeMap<String, u64>,
    /// Those whose group is not known.
    others: u64,
}

impl Due {
    /// What a job that goes on would send: what it has planned, and of what is in doubt `doubts`, by group. With `all_doubts` everything
    /// that the job itself or one that it waits for has in doubt.
    pub(crate) async fn for_job(
        store: &dyn Store,
        job: &Job,
        all_doubts: bool,
        doubts: BTreeMap<String, u64>,
    ) -> Result<Self, Failure> {
        let ledger = store.ledger(job.id).await.map_err(Failure::of)?;
        let mut groups = store.planned_groups(job.id).await.map_err(Failure::of)?;
        let mut numbers = ledger.planned;
        let own = if all_doubts { ledger.in_doubt + ledger.missing + ledger.waiting_in_doubt } else { 0 };
        numbers += own.max(doubts.values().sum());
        for (group, count) in doubts {
            *groups.entry(group).or_default() += count;
        }
        let others = numbers.saturating_sub(groups.values().sum());
        Ok(Self { groups, others })
    }

    pub(crate) fn numbers(&self) -> u64 {
        self.groups.values().sum::<u64>() + self.others
    }

    pub(crate) fn cost(&self, prices: &PriceTable, level: i64) -> Estimate {
        let mut cost = estimate(&self.groups, prices, level);
        cost.add(prices, level, "*", self.others);
        cost
    }
}

/// Plans again what is in doubt, as a person has decided.
pub(crate) async fn resubmit(engine: &Engine, job: &Job, before_ms: u64) -> Result<(), Failure> {
    let numbers = engine.store().resubmit_doubtful(job.id, before_ms).await.map_err(Failure::of)?;
    if numbers > 0 {
        let (what, are) = (print::count(numbers, "number"), print::form(numbers, "is", "are"));
        print::say(&format!("numcheck: {what} in doubt {are} sent again, as you decided"));
    }
    Ok(())
}

fn reused_line(survey: &Survey, reused: u64, now_ms: u64) -> String {
    let oldest = [&survey.fresh, &survey.old]
        .into_iter()
        .filter(|aged| aged.count > 0)
        .map(|aged| aged.oldest_ms)
        .min();
    let age = oldest.map(|oldest| Duration::from_secs(now_ms.saturating_sub(oldest) / 1000));
    let age =
        age.map_or(String::new(), |age| format!(", the oldest {} old", humantime::format_duration(age)));
    let (have, are) = (print::form(reused, "has", "have"), print::form(reused, "it is", "they are"));
    format!("{reused} of the numbers {have} a result already{age}: {are} not paid for again")
}

fn no_price(
    groups: &BTreeMap<String, u64>,
    prices: &PriceTable,
    level: i64,
    word: Level,
    limits: &LimitArgs,
) -> Failure {
    let unknown: Vec<&str> = groups
        .iter()
        .filter(|(group, count)| **count > 0 && prices.get(level, group).is_none())
        .map(|(group, _)| group.as_str())
        .collect();
    if word == Level::Privacy {
        return Failure::usage(format!(
            "--max-cost: QXT tells no price, so the cap cannot be kept: say what a check costs, such as {}; nothing was sent",
            price_example(word, "*", limits)
        ));
    }
    let shown: Vec<&str> = unknown.iter().take(10).copied().collect();
    let more = if unknown.len() > shown.len() {
        format!(" and {} more", unknown.len() - shown.len())
    } else {
        String::new()
    };
    Failure::usage(format!(
        "--max-cost: no price is known for {}{more}, so the cap cannot be kept: say what a check costs, such as {} \
         (a * for all countries), or --probe, which checks one number of each first; nothing was sent",
        shown.join(", "),
        price_example(word, shown.first().unwrap_or(&"*"), limits),
    ))
}

/// A price as it is typed, in the currency of a cap.
fn price_example(level: Level, group: &str, limits: &LimitArgs) -> String {
    let currency = limits.currency();
    let currency = currency.as_ref().map_or("USD", |currency| currency.as_str());
    format!("--price '{}:{group}=0.0100{currency}'", level.as_str())
}

impl RunArgs {
    /// How results come back: as it was said, else as `usual`. A privacy check is answered at once.
    pub(crate) fn delivery_at(&self, level: Level, usual: Delivery) -> Delivery {
        if level == Level::Privacy { Delivery::Poll } else { self.delivery.map_or(usual, Into::into) }
    }

    /// Whether results have a way to come back.
    pub(crate) fn check(&self, sandbox: bool, level: Level, delivery: Delivery) -> Result<(), Failure> {
        typed::check_level(level)?;
        if level == Level::Privacy && self.limits.probes() {
            return Err(Failure::usage(format!(
                "--probe: QXT tells no price: give it by {}; nothing was sent",
                price_example(level, "*", &self.limits)
            )));
        }
        if !sandbox && delivery.pushes() && (self.listen.is_none() || !self.public_url.is_given()) {
            return Err(Failure::usage(
                "--listen and --public-url are both needed to receive the results; --delivery poll fetches them instead, and --sandbox \
                 needs neither; nothing was sent",
            ));
        }
        if !sandbox {
            self.public_url.checked()?;
        }
        self.admin.check(self.listen)?;
        if sandbox && self.signatures.required() {
            return Err(Failure::usage(
                "--require-signed-pushes: the sandbox inside this command signs nothing",
            ));
        }
        // Found before anything is sent.
        self.limits.limits(PriceTable::default()).map(drop)
    }

    /// Whether the account's key and address can be used, which is found out before a job is made.
    pub(crate) fn check_client(&self, level: Level, minute: Duration) -> Result<(), Failure> {
        let checked = match level {
            Level::Privacy => call::qxt(&self.network, &self.how).map(drop),
            _ => call::number_check_of_job(&self.network, minute).map(drop),
        };
        checked.map_err(Failure::before_sending)
    }

    pub(crate) fn minute(&self, is_loopback: bool) -> Result<Duration, Failure> {
        self.minute.for_platform(is_loopback)
    }

    pub(crate) fn destination(&self) -> Destination {
        self.output.destination(self.json)
    }

    /// The prices given and seen.
    pub(crate) async fn prices(&self, store: &dyn Store) -> Result<PriceTable, Failure> {
        let mut prices = store.prices().await.map_err(Failure::of)?;
        prices.merge(&self.prices.table()?);
        Ok(prices)
    }

    /// Asks before a job that goes on spends money.
    pub(crate) async fn ask(
        &self,
        planned: u64,
        level: Level,
        cost: Cost,
        is_loopback: bool,
    ) -> Result<(), Failure> {
        let question = Question {
            what: "checking",
            numbers: planned,
            level: Some(level),
            left_out: LeftOut::default(),
            cost,
            is_loopback,
            stdin_is_taken: false,
        };
        consent::ask(&question, &self.yes).await
    }

    /// Receives, submits, waits, and writes the results.
    #[allow(clippy::too_many_arguments)] // what a run consists of
    pub(crate) async fn drive(
        &self,
        engine: &Engine,
        job: &Job,
        input: &TableFile,
        mut writer: Writer,
        target: Target,
        prices: PriceTable,
        minute: Duration,
        started: Instant,
    ) -> Result<Exit, Failure> {
        let stop = Stop::on_signal(match job.spec.scope.service.as_str() {
            Scope::PRIVACY => call::STOPPING_PRIVACY,
            _ => {
                "numcheck: stopping: no further batch is sent, results so far are written; once more ends at once"
            }
        });
        let limits = self.limits.limits(prices)?;
        let mut halt = None;
        engine.store().follow(job.id).await.map_err(Failure::of)?;
        let before = engine.store().ledger(job.id).await.map_err(Failure::of)?;
        if !before.is_final() {
            let mut options = RunOptions::default();
            options.limits = limits;
            options.concurrency = self.speed.concurrency.into();
            let driven = match job.spec.scope.service.as_str() {
                Scope::PRIVACY => self.ask_each(engine, job, &target, options, &stop).await,
                _ => self.submit(engine, job, &target, options, minute, &stop).await,
            };
            let driven = driven.inspect_err(|_| say_how_to_go_on(job, &target, None))?;
            if let Some(trouble) = &driven.trouble {
                print::say(&format!(
                    "numcheck: note: the platform could not be asked for missing results: {trouble}"
                ));
            }
            halt = driven.halt;
        }
        let level = Level::of(&job.spec.scope).unwrap_or(Level::Basic);
        let not_sent = halt.as_ref().and_then(|halt| self.why_not_sent(halt, level));
        let lacking = halt.as_ref().and_then(|halt| self.lacking(halt));
        let exported = export(&**engine.store(), job, input, not_sent.as_deref(), &mut writer).await;
        let finished =
            exported.and_then(|totals| writer.finish().map(|notes| (totals, notes)).map_err(Failure::from));
        let (totals, notes) = finished.inspect_err(|failure| {
            if !failure.is_reader_gone() {
                say_how_to_go_on(job, &target, lacking.as_deref());
            }
        })?;
        let destination = self.destination();
        let ledger = engine.store().ledger(job.id).await.map_err(Failure::of)?;
        let summary = Summary {
            job,
            totals: &totals,
            ledger: &ledger,
            unmatched: engine.inbox().unmatched(),
            turned_away: engine.inbox().turned_away(),
            took: started.elapsed(),
            output: destination.file(),
        };
        summary.say_notes(self.json, not_sent.as_deref());
        notes.iter().for_each(|note| print::say(note));
        if let Some(halt) = &halt {
            let prices = self.prices(&**engine.store()).await?;
            let cost = estimate(totals.left(), &prices, job.spec.scope.level);
            self.say_halt(halt, level, ledger.planned, &cost);
        }
        let is_open = matches!(target, Target::Account) && job.state == JobState::Open;
        let doubts = ledger.in_doubt + ledger.missing + ledger.waiting_in_doubt;
        if doubts > 0 {
            let way_on = match is_open {
                true => {
                    "; the command below with --resubmit-doubtful sends again what is left and may pay twice"
                }
                false => "",
            };
            let how = match job.spec.scope.service.as_str() {
                Scope::PRIVACY => {
                    "QXT cannot be asked afterwards, so that stays so; a reply that was kept can be entered by `numcheck receive --reread` \
                     once a release reads it"
                }
                _ => "a result or a later run settles what it can",
            };
            print::say(&format!(
                "numcheck: {} {} in doubt or missing and may have been charged; {how}{way_on}",
                print::count(doubts, "number"),
                print::form(doubts, "is", "are"),
            ));
        }
        if !ledger.is_final() {
            say_how_to_go_on(job, &target, lacking.as_deref());
        }
        summary.show(self.json)?;
        let is_settled = totals.all_settled() && ledger.is_final();
        Ok(self.fail_on.exit(&totals, if is_settled { Exit::Settled } else { Exit::Unsettled }))
    }

    fn say_halt(&self, halt: &Halt, level: Level, planned: u64, cost: &Estimate) {
        match halt {
            Halt::Asked => {}
            Halt::Refused(why) | Halt::OtherService(why) => {
                print::say(&format!("numcheck: submitting ended: {why}"));
            }
            Halt::NotSent(why) => {
                print::say(&format!(
                    "numcheck: submitting ended, nothing gets through to the platform: {why}"
                ));
            }
            other => {
                if let Some(why) = self.why_not_sent(other, level) {
                    print::say(&format!(
                        "numcheck: submitting ended with {} left, which {} {cost}: {why}",
                        print::count(planned, "number"),
                        print::form(planned, "costs", "cost")
                    ));
                }
            }
        }
    }

    /// What the rows of batches that were not sent say.
    fn why_not_sent(&self, halt: &Halt, level: Level) -> Option<String> {
        match halt {
            Halt::Refused(why) | Halt::NotSent(why) | Halt::OtherService(why) => {
                Some(format!("{NOT_SENT}{why}"))
            }
            Halt::CapReached => Some(
                "not sent: it would cost more than --max-cost or --max-cost-per-day allows; a higher one goes on"
                    .to_owned(),
            ),
            Halt::Unpriced { .. } if level == Level::Privacy => Some(format!(
                "not sent: QXT tells no price, so --max-cost cannot be kept; {} goes on",
                price_example(level, "*", &self.limits)
            )),
            Halt::Unpriced { group } => Some(format!(
                "not sent: no price is known for {group}, so --max-cost cannot be kept; --price or --probe goes on"
            )),
            Halt::Dearer { group } => Some(format!(
                "not sent: a result of {group} was dearer than any price known before; running again goes on with the new one"
            )),
            Halt::Uncapped { currency } => Some(format!(
                "not sent: prices are in {currency}, for which --max-cost has no cap; one more, such as 1.00{currency}, goes on"
            )),
            _ => None,
        }
    }

    /// What the same command lacks to go on: without it, it would stop at once again.
    fn lacking(&self, halt: &Halt) -> Option<String> {
        match halt {
            Halt::CapReached => Some(format!("a higher {}", self.limits.caps())),
            Halt::Unpriced { .. } => Some("--price".to_owned()),
            Halt::Uncapped { currency } => Some(format!("a {} in {currency}", self.limits.caps())),
            _ => None,
        }
    }

    /// Submits batches to NXCLOUD, and receives or fetches their results.
    async fn submit(
        &self,
        engine: &Engine,
        job: &Job,
        target: &Target,
        mut options: RunOptions,
        minute: Duration,
        stop: &Stop,
    ) -> Result<Driven, Failure> {
        let account = Account::open(target, &self.network, minute).await?;
        let receiving = match job.spec.delivery.pushes() {
            false => None,
            true => {
                // Only a sandbox in this command reaches a loopback address that nobody was told.
                let own = SocketAddr::from(([127, 0, 0, 1], 0));
                let (listen, url, verifier) = match target {
                    Target::Sandbox(_) => (own, None, None),
                    Target::Account => {
                        (self.listen.unwrap_or(own), self.public_url.checked()?, self.signatures.verifier()?)
                    }
                };
                if let Some(url) = url {
                    note_public_url(&**engine.store(), job, url, engine.now_ms()).await?;
                }
                Some(Receiving::start(&**engine.store(), engine.inbox(), listen, url, verifier).await?)
            }
        };
        let _admin = self.admin.start(engine, receiving.as_ref())?;
        let log = BatchLog::start(engine.store(), Some(job));
        let callback = receiving.as_ref().map(Receiving::callback);
        let service = Arc::new(account.service(callback, engine.store())?);
        let quiet = self.wait.map_or_else(|| default_wait(target, minute), Into::into);
        let wait = Wait { quiet, minute, assumed: self.assumptions.get() };
        options.pace = account.submitting(engine.store());
        (options.quiet, options.times, options.rules) = (wait.quiet, wait.times(), wait.rules());
        let groups = engine.store().planned_groups(job.id).await.map_err(Failure::of)?;
        let outlook = Outlook::of_batches(&groups, options.pace.as_ref());
        let outlook = match target {
            Target::Account => outlook,
            Target::Sandbox(delay) => Outlook { usual: Some((*delay, *delay)), ..outlook },
        };
        let driven = engine.run_to_end(job, &service, options, stop.cancel());
        let driven = self.progress.follow(&**engine.store(), job, outlook, driven).await;
        if let Some(receiving) = receiving {
            receiving.close().await;
        }
        log.end().await;
        account.close().await;
        let driven = driven.map_err(Failure::of)?;
        if let (Some(dialect), Target::Account) = (service.dialect(), target)
            && let Err(error) = learn_dialect(&**engine.store(), &job.spec.scope.account, dialect).await
        {
            // The next job only needs more requests.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the account's dialect is not remembered"
            );
        }
        Ok(driven)
    }

    /// Asks QXT about each phone number.
    async fn ask_each(
        &self,
        engine: &Engine,
        job: &Job,
        target: &Target,
        mut options: RunOptions,
        stop: &Stop,
    ) -> Result<Driven, Failure> {
        let (client, sandbox) = target.qxt(&self.network, &self.how).await?;
        let _admin = self.admin.start(engine, None)?;
        let log = BatchLog::start(engine.store(), Some(job));
        let planned = engine.store().ledger(job.id).await.map_err(Failure::of)?.planned;
        let takes = asking_takes(planned, self.speed.concurrency);
        if matches!(target, Target::Account) && takes >= Duration::from_secs(60) {
            print::say(&format!(
                "numcheck: {} at about 100 ms an answer, {} at once, take about {}",
                print::count(planned, "number"),
                self.speed.concurrency,
                humantime::format_duration(Duration::from_secs(takes.as_secs()))
            ));
        }
        // Not what earlier results have cost: nobody has said that it still holds.
        let price = self.prices.table()?.get(PrivacyService::LEVEL, "CN");
        let service = Arc::new(PrivacyService::new(client).with_price(price));
        options.pace = self.speed.rate.map(|rate| rate.pace(engine.store(), &job.spec.scope.account));
        let outlook = Outlook::of_queries(planned, takes, options.pace.as_ref());
        let driven = engine.run_to_end(job, &service, options, stop.cancel());
        let driven = self.progress.follow(&**engine.store(), job, outlook, driven).await;
        log.end().await;
        if let Some(sandbox) = sandbox {
            sandbox.shutdown().await;
        }
        driven.map_err(Failure::of)
    }
}

/// The command that goes on with the job, to be pasted, and what it needs that it did not have. What an embedded sandbox did is gone with it.
fn say_how_to_go_on(job: &Job, target: &Target, lacking: Option<&str>) {
    if matches!(target, Target::Account) && job.state == JobState::Open {
        print::say(&format!("numcheck: {}", typed::resume(&job.name, lacking)));
    }
}

fn default_wait(target: &Target, minute: Duration) -> Duration {
    match target {
        Target::Sandbox(delay) => *delay + Duration::from_secs(5),
        Target::Account => minute * 80,
    }
}
