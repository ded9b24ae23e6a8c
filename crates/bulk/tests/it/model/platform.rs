//! The platform: accepts, refuses, loses, delays, checks, pushes, answers questions; and keeps its own ledger.
//!
//! It keeps to what the rules of proof assume, and to nothing else: a request whose signature is more than 60 s from its clock is refused;
//! batches differ by at most the spread in when a query shows them; what it charges for and never shows it answers with a code that says
//! so. What it loses is lost at random.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use numcheck_bulk::{CheckService, Delivery, Found, Row, Submission, Submitted};
use numcheck_protocol::{BatchNo, Date, PhoneNumber, UtcOffset};
use tokio::sync::oneshot;

use crate::model::made::Push;
use crate::model::process::Process;
use crate::model::scenario::{Failures, Fate, Query};
use crate::model::world::pause;
use crate::model::world::{MINUTE, SECOND, World};

/// What the platform has written down.
#[derive(Default)]
pub(crate) struct Books {
    /// Each time a number was accepted: under which batch number, and when.
    pub(crate) accepted: BTreeMap<PhoneNumber, Vec<(String, u64)>>,
    /// How often a person had a number sent once more.
    pub(crate) decided: BTreeMap<PhoneNumber, usize>,
    /// When a process began to submit last, and how far it wanted to be from others.
    pub(crate) sent: Option<(u64, u64)>,
    /// What each sending of a number cost, once it was checked.
    pub(crate) charged: BTreeMap<(String, PhoneNumber), &'static str>,
    /// What a query shows of each batch.
    pub(crate) listed: BTreeMap<String, Vec<Listed>>,
    /// Batches that were accepted and answered with a doubt.
    pub(crate) doubted: BTreeSet<String>,
    /// Pushes that were answered with 200.
    pub(crate) acknowledged: Vec<(String, PhoneNumber, Vec<u8>)>,
    /// Pushes that are still to come.
    pub(crate) under_way: u64,
}

/// A row of a query.
pub(crate) struct Listed {
    pub(crate) number: PhoneNumber,
    /// When it is shown first.
    pub(crate) from_ms: u64,
    /// By what it is dated.
    pub(crate) dated_ms: u64,
    /// When the check is finished.
    pub(crate) finished_ms: u64,
    /// What it says then; `None` where there is nothing to tell but that there was one.
    pub(crate) push: Option<Push>,
}

/// The platform's answer to a submit.
enum Reply {
    Said(Submitted),
    /// The signature is too far from its clock, which shows this time.
    Expired(u64),
}

/// The platform as one process sees it.
pub(crate) struct Account {
    pub(crate) world: Arc<World>,
    pub(crate) process: Arc<Process>,
    /// What the platform has taught about the process's clock.
    pub(crate) correction_ms: AtomicI64,
}

fn lost() -> Submitted {
    Submitted::InDoubt {
        code: None,
        message: "nobody answered".to_owned(),
        from_reply: false,
        for_all: false,
        kept: Vec::new(),
    }
}

impl Account {
    pub(crate) fn new(world: &Arc<World>, process: &Arc<Process>) -> Self {
        let (world, process) = (Arc::clone(world), Arc::clone(process));
        Self { world, process, correction_ms: AtomicI64::new(0) }
    }

    fn now_ms(&self) -> u64 {
        self.process.wall_ms().saturating_add_signed(self.correction_ms.load(Ordering::SeqCst))
    }

    fn correct(&self, platform_ms: u64) {
        let by = platform_ms as i64 - self.process.wall_ms() as i64;
        self.correction_ms.store(by, Ordering::SeqCst);
    }

    /// One attempt; `None` when nobody answers.
    async fn attempt(&self, submission: &Submission, ts_ms: u64) -> Option<Reply> {
        let (world, faults) = (&self.world, &self.world.scenario.faults);
        let fate = world.next_fate();
        let batch = submission.batch_no.as_str().to_owned();
        if fate.is_none() && world.chance(faults.not_sent) {
            return Some(Reply::Said(Submitted::NotSent { message: "connection refused".into() }));
        }
        if fate == Some(Fate::Lost) || fate.is_none() && world.chance(faults.lost_request) {
            world.log(format!("{batch}: lost on its way"));
            world.pass(0, 30 * SECOND).await;
            return None;
        }
        // It travels by itself from here on, whatever becomes of its sender.
        let delay = match fate {
            Some(Fate::Late(seconds)) => seconds * SECOND,
            None if world.chance(faults.slow_request) => {
                let most = if world.scenario.lying { 30 * MINUTE } else { 150 * SECOND };
                world.random(10 * SECOND, most)
            }
            _ => world.random(0, 2 * SECOND),
        };
        let (answer, answered) = oneshot::channel();
        let (platform, numbers) = (Arc::clone(world), submission.numbers.clone());
        world.spawn(async move {
            pause(delay).await;
            let said = platform.arrive(&batch, numbers, ts_ms, fate);
            if fate == Some(Fate::Unanswered)
                || fate.is_none() && platform.chance(platform.scenario.faults.lost_answer)
            {
                platform.log(format!("{batch}: the answer is lost"));
                return;
            }
            // Nobody may be there to hear it.
            let _ = answer.send(said);
        });
        let said = tokio::time::timeout(Duration::from_millis(30 * SECOND), answered).await;
        said.ok()?.ok()
    }
}

impl CheckService for Account {
    fn info(&self) -> numcheck_bulk::ServiceInfo {
        numcheck_bulk::ServiceInfo::new(numcheck_bulk::Scope::NUMBER_CHECK, 10_000)
    }

    async fn submit(&self, submission: Submission) -> Submitted {
        let world = &self.world;
        world.sends(submission.numbers.len() as u64);
        self.process.point("submit").await;
        world.pass(0, 20 * SECOND).await;
        for is_last in [false, true] {
            self.process.point("sign").await;
            let ts_ms = self.now_ms();
            if !submission.claim.confirm(ts_ms).await {
                world.log(format!("{}: its claim does not hold any more", submission.batch_no));
                return Submitted::NotSent { message: "another process has taken it over".into() };
            }
            self.process.point("signed").await;
            let said = self.attempt(&submission, ts_ms).await;
            self.process.point("answer").await;
            match said {
                Some(Reply::Said(said)) => return said,
                Some(Reply::Expired(platform_ms)) if !is_last => self.correct(platform_ms),
                Some(Reply::Expired(_)) => {
                    let message = "timestamp expired".into();
                    return Submitted::Refused { code: Some(1004), message, for_all: true };
                }
                None => return lost(),
            }
        }
        lost()
    }

    async fn query(&self, batch_no: &BatchNo, days: &[Date], enough: u64) -> Found {
        let world = &self.world;
        self.process.point("query").await;
        world.pass(0, 3 * SECOND).await;
        if self.now_ms().abs_diff(world.now_ms()) > MINUTE {
            // Refused, corrected, and asked again.
            self.correct(world.now_ms());
        }
        let asked_ms = self.now_ms();
        let found = Found { asked_ms, ..world.tell(batch_no.as_str(), days, enough) };
        world.pass(0, SECOND).await;
        self.process.point("told").await;
        if world.chance(world.scenario.faults.query) {
            // Perhaps after some pages.
            let rows = found.rows.into_iter().take(world.random(0, 2) as usize).collect();
            return Found { rows, known: true, trouble: Some("no answer".into()), ..Found::default() };
        }
        found
    }
}

impl World {
    fn arrive(
        self: &Arc<Self>,
        batch: &str,
        numbers: Vec<PhoneNumber>,
        ts_ms: u64,
        fate: Option<Fate>,
    ) -> Reply {
        let now_ms = self.now_ms();
        let faults = &self.scenario.faults;
        let by_chance = |percent| fate.is_none() && self.chance(percent);
        if now_ms.abs_diff(ts_ms) > MINUTE && !self.scenario.lying {
            self.log(format!("{batch}: the signature has expired"));
            return Reply::Expired(now_ms / SECOND * SECOND);
        }
        let refused = |code: i64, message: &str, for_all| {
            self.log(format!("{batch}: refused, {message}"));
            Reply::Said(Submitted::Refused { code: Some(code), message: message.into(), for_all })
        };
        if by_chance(faults.turned_away) {
            return refused(211, "no balance", true);
        }
        if fate == Some(Fate::Refused) || by_chance(faults.refused) {
            return refused(203, "country not recognised", false);
        }
        let doubted = fate == Some(Fate::Doubted) || by_chance(faults.doubted);
        let doubt = || {
            let message = "busy, perhaps".to_owned();
            Reply::Said(Submitted::InDoubt {
                code: Some(206),
                message,
                from_reply: true,
                for_all: false,
                kept: Vec::new(),
            })
        };
        if doubted && fate.is_none() && self.chance(50) {
            self.log(format!("{batch}: answered with a doubt, and not taken"));
            return doubt();
        }
        self.log(format!("{batch}: accepted, {} numbers", numbers.len()));
        if doubted {
            self.log(format!("{batch}: answered with a doubt"));
            self.books().doubted.insert(batch.to_owned());
        }
        self.accept(batch, numbers);
        if doubted {
            return doubt();
        }
        Reply::Said(Submitted::Accepted {
            message_id: (!self.chance(20)).then(|| "301ef45b".to_owned()),
            results: Vec::new(),
            drift: Vec::new(),
        })
    }

    fn accept(self: &Arc<Self>, batch: &str, numbers: Vec<PhoneNumber>) {
        let (traits, faults, now_ms) = (&self.scenario.traits, &self.scenario.faults, self.now_ms());
        let fails = self.scenario.script.first_fails && self.books().accepted.is_empty();
        let differs = self.next_delay().unwrap_or_else(|| self.random(0, traits.differ));
        for (at, number) in numbers.into_iter().enumerate() {
            self.books().accepted.entry(number).or_default().push((batch.to_owned(), now_ms));
            let finished_ms = now_ms + self.random(2 * SECOND, 5 * MINUTE);
            let trickle = if at == 0 { traits.trickle } else { self.random(0, traits.trickle) };
            // One number of each batch is checked and found at least, as the rules assume.
            if at > 0 && self.chance(faults.lost_check) {
                self.log(format!("{batch}: the check of …{} is lost", &number.digits()[8..]));
                continue;
            }
            let named = BatchNo::new(batch).unwrap();
            let push = if self.chance(faults.failed) || fails {
                Push::failed(&named, number)
            } else {
                let price = ["0.0001", "0.1912", "1.0231", "0"][number.pack() as usize % 4];
                Push::of(&named, number).costing(price, ["USD", "CNY"][number.pack() as usize % 2])
            };
            let dated_ms = if traits.by_finish { finished_ms } else { now_ms };
            let from_ms = dated_ms + (traits.delay + differs + trickle) * MINUTE;
            // A failed check has no result to be found by a question.
            let found = (push.code == 0).then(|| push.clone());
            if found.is_some() || traits.failures != Failures::Hidden {
                let listed = Listed { number, from_ms, dated_ms, finished_ms, push: found };
                self.books().listed.entry(batch.to_owned()).or_default().push(listed);
            }
            self.books().under_way += 1;
            let (platform, batch) = (Arc::clone(self), batch.to_owned());
            self.spawn(async move {
                pause(finished_ms - now_ms).await;
                platform.check(batch, number, push).await;
                platform.books().under_way -= 1;
            });
        }
    }

    async fn check(self: &Arc<Self>, batch: String, number: PhoneNumber, push: Push) {
        let faults = &self.scenario.faults;
        if let Some((price, _)) = push.cost {
            self.books().charged.insert((batch.clone(), number), price);
        }
        // The callback goes where the batch's job has said.
        if self.delivery_of(&batch) == Some(Delivery::Poll) || self.chance(faults.not_pushed) {
            return;
        }
        self.push(&batch, number, &push).await;
        while self.chance(faults.repeats) {
            self.pass(0, 20 * MINUTE).await;
            let id = format!("301ef45b8de54d8aad95c5264c3756be-{:06}", self.random(0, 999_999));
            self.push(&batch, number, &push.clone().with_id(&id)).await;
        }
        if self.chance(faults.conflict) {
            self.pass(0, 5 * MINUTE).await;
            let other = Push { carrier: "another".into(), ..push.clone() };
            self.push(&batch, number, &other).await;
        }
    }

    /// Comes again every minute for an hour until it is answered with 200.
    async fn push(self: &Arc<Self>, batch: &str, number: PhoneNumber, push: &Push) {
        let body = push.body();
        for _ in 0..=60 {
            if self.deliver(batch, &body).await {
                self.books().acknowledged.push((batch.to_owned(), number, body));
                return;
            }
            pause(MINUTE).await;
        }
        self.log(format!("{batch}: the platform stops pushing …{}", &number.digits()[8..]));
    }

    /// What a question about a batch is answered.
    fn tell(&self, batch: &str, days: &[Date], enough: u64) -> Found {
        let traits = &self.scenario.traits;
        let nothing = || Found {
            clean: true,
            form: Some("list".to_owned()),
            asked_ms: self.now_ms(),
            ..Found::default()
        };
        match traits.query {
            Query::Works => {}
            Query::Never => {
                return Found { known: true, trouble: Some("not allowed".into()), ..Found::default() };
            }
            Query::Empty => return nothing(),
        }
        if traits.hides && self.is_known_to_be_doubted(batch) {
            return nothing();
        }
        let now_ms = self.now_ms();
        let zone = UtcOffset::from_minutes(traits.zone as i16 * 15).unwrap();
        let mut found = nothing();
        let (mut shown, mut with_result) = (BTreeSet::new(), BTreeSet::new());
        let books = self.books();
        let listed = books.listed.get(batch).map_or(&[][..], Vec::as_slice);
        for day in days {
            let is_on = |row: &&Listed| {
                row.from_ms <= now_ms
                    && (traits.any_day || Date::from_unix_ms(row.dated_ms, zone) == Some(*day))
            };
            let rows: Vec<&Listed> = listed.iter().filter(is_on).collect();
            if !rows.is_empty() {
                found.days.push(*day);
            }
            for row in rows {
                shown.insert(row.number);
                let finished = row.push.as_ref().filter(|_| row.finished_ms <= now_ms);
                with_result.extend(finished.map(|_| row.number));
                found.rows.extend(finished.map(|push| Row::fetched(push.row())));
            }
            if shown.len() as u64 >= enough {
                break;
            }
        }
        drop(books);
        found.shown = shown.len() as u64;
        found.without_result = shown.difference(&with_result).count() as u64;
        found.known = found.shown > 0;
        if found.known && self.scenario.script.busy {
            // The same form in both, so that all depends on the other batch's answers being at odds with one another.
            let form = Some("busy".to_owned());
            return match self.contradicts(batch) {
                true => Found { form, ..nothing() },
                false => Found { form, clean: false, ..found },
            };
        }
        if found.known && self.contradicts(batch) {
            self.log(format!("{batch}: an answer contradicts itself"));
            let odd = self.chance(50);
            let form = Some(if odd { "text" } else { "list" }.to_owned());
            return Found { clean: odd, form, ..nothing() };
        }
        found
    }
}
