//! What a job shows while it works: figures, and how long the rest takes.
//!
//! The account is read from the store, so that what other processes submit and receive for the job is seen as well.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use numcheck_bulk::{Job, Ledger, SharedPace, Store};
use numcheck_protocol::number_check::RESULT_PUSH;
use numcheck_protocol::{Currency, PhoneList, Price};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::prepare::is_invented;
use super::report::{amounts, by_currency};
use super::shape::USUAL_SIZE;
use crate::print;

/// How progress is shown.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ProgressArgs {
    /// How progress is shown on standard error. With `json` every line there is one JSON object: progress, notes, errors, log lines and the summary.
    #[arg(
        long = "progress",
        env = "NUMCHECK_PROGRESS",
        hide_env_values = true,
        value_name = "HOW",
        value_enum,
        default_value_t = Style::Auto
    )]
    style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Style {
    /// A bar on a terminal, lines elsewhere.
    Auto,
    /// A bar on a terminal, lines elsewhere.
    Bar,
    /// A line a minute.
    Plain,
    /// JSON objects, at most one a second, where something has changed.
    Json,
    /// Nothing before the summary.
    None,
}

impl ProgressArgs {
    /// Whether every line of stderr is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.style == Style::Json
    }

    /// Does `work` and shows how far the job is.
    pub(crate) async fn follow<T>(
        self,
        store: &dyn Store,
        job: &Job,
        outlook: Outlook,
        work: impl Future<Output = T>,
    ) -> T {
        let read = async || store.ledger(job.id).await.ok();
        let Some(before) = read().await else { return work.await };
        let tracker = Tracker::new(job.numbers, is_invented(job), &before, outlook);
        let plain = |figures: Figures| print::say(&format!("numcheck: {figures}"));
        match self.style {
            Style::None => work.await,
            Style::Auto | Style::Bar if std::io::stderr().is_terminal() => {
                let bar = Bar::raise(job.numbers);
                watched(work, tracker, BAR_EVERY, Duration::ZERO, read, |figures| bar.draw(&figures)).await
            }
            Style::Auto | Style::Bar | Style::Plain => {
                watched(work, tracker, A_MINUTE, A_MINUTE, read, plain).await
            }
            Style::Json => {
                let mut last: Option<(Instant, Figures)> = None;
                let show = |figures: Figures| {
                    let is_news = last
                        .as_ref()
                        .is_none_or(|(at, last)| !last.has_counts_of(&figures) || at.elapsed() >= A_MINUTE);
                    if is_news {
                        print::say_event("progress", figures.to_json());
                        last = Some((Instant::now(), figures));
                    }
                };
                watched(work, tracker, JSON_EVERY, Duration::ZERO, read, show).await
            }
        }
    }
}

const BAR_EVERY: Duration = Duration::from_millis(200);
const JSON_EVERY: Duration = Duration::from_secs(1);
const A_MINUTE: Duration = Duration::from_secs(60);

/// What is known of a job before it is driven.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outlook {
    /// The shortest time for submitting what is planned, under the platform's limits.
    pub(crate) submitting: Duration,
    /// When results usually come, from and to, after they were submitted; `None` where a result is the answer itself.
    pub(crate) usual: Option<(Duration, Duration)>,
}

impl Outlook {
    /// Of number checks, which are submitted at this pace, in batches of one group.
    pub(crate) fn of_batches(groups: &BTreeMap<String, u64>, pace: Option<&SharedPace<dyn Store>>) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let of_group = |numbers: u64, size: u64| {
            let interval_ms = pace.and_then(|pace| pace.interval_ms(size.min(numbers))).unwrap_or(0);
            numbers.div_ceil(size).saturating_mul(interval_ms)
        };
        let sizes = [u64::from(USUAL_SIZE), PhoneList::MAX_LEN as u64];
        let fastest = |numbers: &u64| sizes.map(|size| of_group(*numbers, size)).into_iter().min();
        let submitting_ms = groups.values().filter_map(fastest).fold(0, u64::saturating_add);
        Self {
            submitting: Duration::from_millis(submitting_ms),
            usual: Some((seconds(RESULT_PUSH.usual_s.0), seconds(RESULT_PUSH.usual_s.1))),
        }
    }

    /// Of queries one by one, which are answered at once: `answering` is what that takes, and the pace may be slower.
    pub(crate) fn of_queries(
        numbers: u64,
        answering: Duration,
        pace: Option<&SharedPace<dyn Store>>,
    ) -> Self {
        let interval_ms = pace.and_then(|pace| pace.interval_ms(1)).unwrap_or(0);
        let paced = Duration::from_millis(numbers.saturating_mul(interval_ms));
        Self { submitting: answering.max(paced), usual: None }
    }
}

/// Does `work`, and every so often shows the figures that are read meanwhile: first `after` some time. What reading takes is at most a
/// twentieth of the time, since the store is needed for the work.
async fn watched<T>(
    work: impl Future<Output = T>,
    mut tracker: Tracker,
    every: Duration,
    after: Duration,
    mut read: impl AsyncFnMut() -> Option<Ledger>,
    mut show: impl FnMut(Figures),
) -> T {
    const REST_FOR_EACH_READ: u32 = 19;
    let begun = Instant::now();
    let watch = async {
        tokio::time::sleep(after).await;
        loop {
            let asked = Instant::now();
            if let Some(ledger) = read().await {
                show(tracker.figures(begun.elapsed(), &ledger));
            }
            tokio::time::sleep(every.max(asked.elapsed() * REST_FOR_EACH_READ)).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = watch => unreachable!("the loop above has no end"),
    }
}

/// A bar, and a line of figures below it.
struct Bar {
    bar: ProgressBar,
    _raised: print::Raised,
}

impl Bar {
    fn raise(numbers: u64) -> Self {
        let bar = ProgressBar::new(numbers);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len}\n{wide_msg}") {
            bar.set_style(style);
        }
        Self { _raised: print::Raised::new(bar.clone()), bar }
    }

    fn draw(&self, figures: &Figures) {
        self.bar.set_message(figures.to_string());
        self.bar.set_position(figures.received + figures.reused);
    }
}

/// Where a job is, at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Figures {
    /// Phone numbers.
    numbers: u64,
    /// Of these: taken from results that were paid for before.
    reused: u64,
    /// Of these: sent, or possibly so.
    submitted: u64,
    /// Of these: answered, also by a refusal.
    received: u64,
    /// Of these: could not be checked.
    failed: u64,
    cost: BTreeMap<Currency, Price>,
    /// Whether results come later than the answer to a submit.
    comes_later: bool,
    /// When results usually come, while all is submitted and none has come.
    waiting: Option<(Duration, Duration)>,
    left: Option<Left>,
    is_invented: bool,
}

/// How long the rest takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// By the platform's limits, before anything has come.
    AtLeast(Duration),
    /// By what was seen, and the limits.
    About(Duration),
}

impl Figures {
    /// Whether the same is counted: the time left changes by itself.
    fn has_counts_of(&self, other: &Self) -> bool {
        let counts = |of: &Self| Self { left: None, ..of.clone() };
        counts(self) == counts(other)
    }

    fn to_json(&self) -> Value {
        let (least, about) = match self.left {
            Some(Left::AtLeast(left)) => (Some(left.as_secs()), None),
            Some(Left::About(left)) => (None, Some(left.as_secs())),
            None => (None, None),
        };
        json!({
            "numbers": self.numbers, "reused": self.reused, "submitted": self.submitted, "received": self.received,
            "failed": self.failed, "cost": by_currency(&self.cost), "waiting": self.waiting.is_some(),
            "seconds_left": about, "seconds_left_at_least": least, "invented": self.is_invented,
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { numbers, reused, submitted, received, failed, .. } = self;
        if self.is_invented {
            f.write_str("invented results: ")?;
        }
        let numbers = numbers.saturating_sub(*reused);
        // Of a service that is asked one by one, what a run has taken on is not yet sent.
        match self.comes_later {
            true => write!(f, "{submitted} of {numbers} submitted")?,
            false => write!(f, "{received} of {numbers} answered")?,
        }
        if *reused > 0 {
            write!(f, ", {reused} reused")?;
        }
        if let Some((from, to)) = self.waiting {
            f.write_str("; waiting for results, usually ")?;
            return match from == to {
                true => write!(f, "{}", usually(to)),
                false => write!(f, "{} to {}", usually(from), usually(to)),
            };
        }
        if self.comes_later {
            write!(f, ", {received} received")?;
        }
        write!(f, ", {failed} failed")?;
        match self.left {
            Some(Left::AtLeast(left)) => write!(f, ", at least {} left", print::roughly(left))?,
            Some(Left::About(left)) => write!(f, ", about {} left", print::roughly(left))?,
            None => {}
        }
        // In many currencies it is long, and a narrow terminal cuts the end.
        if self.cost.is_empty() { Ok(()) } else { write!(f, "; cost {} so far", amounts(&self.cost)) }
    }
}

/// A time as the documents have it: `10 s`, `5 min`.
fn usually(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// Makes figures of accounts.
#[derive(Debug)]
struct Tracker {
    numbers: u64,
    /// Whether a sandbox invents the results.
    is_invented: bool,
    outlook: Outlook,
    /// What was planned and received when the job was begun, or gone on with.
    planned_before: u64,
    received_before: u64,
    /// How much was received when, of the last minute: what came before says nothing of how fast results come.
    seen: VecDeque<(Duration, u64)>,
}

fn received(ledger: &Ledger) -> u64 {
    ledger.settled + ledger.failed + ledger.refused
}

impl Tracker {
    fn new(numbers: u64, is_invented: bool, before: &Ledger, outlook: Outlook) -> Self {
        let received_before = received(before);
        Self {
            numbers,
            is_invented,
            outlook,
            planned_before: before.planned,
            received_before,
            seen: VecDeque::from([(Duration::ZERO, received_before)]),
        }
    }

    /// The figures `at` so long after the beginning.
    fn figures(&mut self, at: Duration, ledger: &Ledger) -> Figures {
        let received = received(ledger);
        let is_waiting = ledger.planned == 0 && received == self.received_before && ledger.pending > 0;
        Figures {
            numbers: self.numbers,
            reused: ledger.reused.total(),
            submitted: ledger.submitted + ledger.refused,
            received,
            failed: ledger.failed,
            cost: ledger.total().unwrap_or_default(),
            comes_later: self.outlook.usual.is_some(),
            waiting: self.outlook.usual.filter(|_| is_waiting),
            left: self.left(at, received, ledger),
            is_invented: self.is_invented,
        }
    }

    /// The longer one of what submitting takes by the limits and of what receiving takes by the pace of the last minute.
    fn left(&mut self, at: Duration, received: u64, ledger: &Ledger) -> Option<Left> {
        const MAX: Duration = Duration::from_secs(30 * 24 * 3600);
        self.seen.push_back((at, received));
        while self.seen.get(1).is_some_and(|(next, _)| *next + A_MINUTE <= at) {
            self.seen.pop_front();
        }
        let (since, before) = self.seen.front().copied().unwrap_or_default();
        let planned_before = self.planned_before.max(ledger.planned);
        let submitting = match planned_before {
            0 => Duration::ZERO,
            _ => self.outlook.submitting.mul_f64(ledger.planned as f64 / planned_before as f64),
        };
        let rest = ledger.planned + ledger.pending + ledger.waiting;
        let came = received.saturating_sub(before);
        if came == 0 || rest == 0 {
            let is_worth_it = submitting >= Duration::from_secs(1);
            return (is_worth_it && rest > 0).then_some(Left::AtLeast(submitting));
        }
        let receiving = at.saturating_sub(since).as_secs_f64() * rest as f64 / came as f64;
        let receiving = Duration::try_from_secs_f64(receiving).unwrap_or(MAX);
        Some(receiving.max(submitting)).filter(|left| *left < MAX).map(Left::About)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use numcheck_bulk::{BatchState, BatchSums, Outcome, Sum};

    use super::*;

    /// An account with so many phone numbers planned, pending, checked and failed.
    fn ledger(planned: u64, pending: u64, done: u64, failed: u64) -> Ledger {
        let mut ledger = Ledger::default();
        for (state, numbers) in [(BatchState::Planned, planned), (BatchState::Accepted, pending)] {
            let mut sums = BatchSums::new(state, false);
            sums.numbers = numbers;
            if state == BatchState::Accepted {
                (sums.numbers, sums.done, sums.failed) = (pending + done + failed, done, failed);
            }
            ledger.add(sums);
        }
        if done > 0 {
            let amount = Price::default().checked_add("0.5".parse().unwrap()).unwrap();
            ledger.costs.insert((Outcome::Done, Currency::new("USD").unwrap()), Sum { count: done, amount });
        }
        ledger
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn tracker(before: &Ledger) -> Tracker {
        let outlook = Outlook { submitting: seconds(100), usual: Some((seconds(10), seconds(300))) };
        Tracker::new(1000, false, before, outlook)
    }

    #[test]
    fn progress_says_submitted_received_failed_cost_so_far_and_time_left() {
        let mut tracker = tracker(&ledger(1000, 0, 0, 0));
        let mut said = |at, ledger| tracker.figures(seconds(at), &ledger).to_string();
        assert_eq!(
            [
                // By the platform's limits, as long as nothing has come.
                said(1, ledger(500, 500, 0, 0)),
                // By what was seen: 100 in 10 s, and 900 are left.
                said(10, ledger(0, 900, 97, 3)),
                // 400 more in the last minute, and nothing in the minute after that.
                said(60, ledger(0, 500, 497, 3)),
                said(121, ledger(0, 500, 497, 3)),
                said(122, ledger(0, 0, 997, 3)),
            ],
            [
                "500 of 1000 submitted, 0 received, 0 failed, at least 50s left",
                "1000 of 1000 submitted, 100 received, 3 failed, about 1m 30s left; cost 0.5000 USD so far",
                "1000 of 1000 submitted, 500 received, 3 failed, about 1m left; cost 0.5000 USD so far",
                "1000 of 1000 submitted, 500 received, 3 failed; cost 0.5000 USD so far",
                "1000 of 1000 submitted, 1000 received, 3 failed; cost 0.5000 USD so far",
            ]
        );
    }

    #[test]
    fn waiting_for_results_usually_10_s_to_5_min_is_said_while_all_is_submitted_and_none_has_come() {
        let before = ledger(0, 900, 100, 0);
        let mut tracker = tracker(&before);
        let mut said = |ledger| tracker.figures(seconds(1), &ledger).to_string();
        assert_eq!(
            said(before.clone()),
            "1000 of 1000 submitted; waiting for results, usually 10 s to 5 min",
            "what a job had before it was gone on with is no news"
        );
        for others in [ledger(0, 899, 101, 0), ledger(1, 899, 100, 0), ledger(0, 0, 100, 0)] {
            assert!(!said(others.clone()).contains("waiting"), "{others:?}");
        }
        let delay = Duration::from_millis(200);
        let outlook = Outlook { usual: Some((delay, delay)), ..Outlook::default() };
        let mut sandbox = Tracker::new(1000, true, &before, outlook);
        assert_eq!(
            sandbox.figures(seconds(1), &before).to_string(),
            "invented results: 1000 of 1000 submitted; waiting for results, usually 200 ms"
        );
    }

    #[test]
    fn a_service_that_is_asked_one_by_one_is_not_waited_for() {
        let mut tracker = Tracker::new(1000, false, &ledger(1000, 0, 0, 0), Outlook::default());
        let mut said = |ledger| tracker.figures(seconds(10), &ledger).to_string();
        assert_eq!(said(ledger(500, 500, 0, 0)), "0 of 1000 answered, 0 failed");
        let answered = said(ledger(500, 400, 97, 3));
        assert!(answered.starts_with("100 of 1000 answered, 3 failed, about 1m 30s left"), "{answered}");
    }

    #[test]
    fn what_was_received_before_a_resume_says_nothing_of_how_fast_results_come() {
        let mut tracker = tracker(&ledger(0, 500, 500, 0));
        let figures = tracker.figures(seconds(10), &ledger(0, 490, 510, 0));
        assert_eq!(figures.left, Some(Left::About(seconds(490))));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_terminal_there_is_one_line_a_minute() {
        let before = ledger(1000, 0, 0, 0);
        let begun = Instant::now();
        let lines = RefCell::new(Vec::new());
        let show = |figures: Figures| lines.borrow_mut().push((begun.elapsed(), figures.to_string()));
        let read = async || Some(ledger(0, 1000, 0, 0));
        let work = tokio::time::sleep(seconds(185)); // why-sleep: the clock is paused
        watched(work, tracker(&before), A_MINUTE, A_MINUTE, read, show).await;
        let at: Vec<u64> = lines.borrow().iter().map(|(at, _)| at.as_secs()).collect();
        assert_eq!(at, [60, 120, 180]);
        assert!(lines.borrow()[0].1.contains("waiting for results"), "{lines:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_takes_long_to_read_is_read_less_often() {
        let before = ledger(1000, 0, 0, 0);
        let reads = RefCell::new(0);
        let read = async || {
            *reads.borrow_mut() += 1;
            tokio::time::sleep(seconds(1)).await; // why-sleep: the clock is paused
            Some(ledger(0, 1000, 0, 0))
        };
        let work = tokio::time::sleep(seconds(90)); // why-sleep: the clock is paused
        watched(work, tracker(&before), BAR_EVERY, Duration::ZERO, read, |_| ()).await;
        assert_eq!(*reads.borrow(), 5, "a twentieth of the time");
    }

    #[test]
    fn a_program_reads_the_same_figures() {
        let mut tracker = tracker(&ledger(1000, 0, 0, 0));
        let figures = tracker.figures(seconds(10), &ledger(0, 900, 97, 3));
        let expected = json!({
            "numbers": 1000, "reused": 0, "submitted": 1000, "received": 100, "failed": 3, "cost": {"USD": "0.5000"},
            "waiting": false, "seconds_left": 90, "seconds_left_at_least": null, "invented": false,
        });
        assert_eq!(figures.to_json(), expected);
        assert!(figures.has_counts_of(&Figures { left: None, ..figures.clone() }));
        assert!(!figures.has_counts_of(&Figures { failed: 4, ..figures.clone() }));
    }
}
