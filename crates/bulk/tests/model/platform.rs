//! The platform: accepts, refuses, loses, delays, checks, pushes, answers questions; and keeps its own ledger.
//!
//! It keeps to its document: a request whose signature is older than 60 s is refused, an accepted batch shows within 5 minutes, a push
//! that is not answered comes again every minute for an hour. What it loses is lost at random.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use numcheck_bulk::{Delivery, Found, Platform, Row, Submitted};
use numcheck_protocol::number_check::CheckLevel;
use numcheck_protocol::{BatchNo, PhoneNumber};
use tokio::sync::oneshot;

use crate::made::Push;
use crate::process::Process;
use crate::world::pause;
use crate::world::{MINUTE, SECOND, World};

/// What the platform has written down.
#[derive(Default)]
pub(crate) struct Books {
    /// Each time a number was accepted: under which batch number, and when.
    pub(crate) accepted: BTreeMap<PhoneNumber, Vec<(String, u64)>>,
    /// How often a person had a number sent once more, not knowing what became of it.
    pub(crate) decided: BTreeMap<PhoneNumber, usize>,
    /// When a process began to submit last, and how far it wanted to be from others.
    pub(crate) sent: Option<(u64, u64)>,
    /// The price of each number, once it was checked and charged.
    pub(crate) charged: BTreeMap<PhoneNumber, &'static str>,
    /// Checks that are finished, by batch number; `None` where there is nothing to tell but that there was one.
    pub(crate) finished: BTreeMap<String, Vec<(PhoneNumber, Option<Push>)>>,
    /// Pushes that were answered with 200.
    pub(crate) acknowledged: Vec<(String, PhoneNumber, Vec<u8>)>,
    /// Pushes that are still to come.
    pub(crate) under_way: u64,
}

/// The platform as one process sees it.
pub(crate) struct Account {
    pub(crate) world: Arc<World>,
    pub(crate) process: Arc<Process>,
}

impl Platform for Account {
    async fn submit(
        &self,
        batch_no: &BatchNo,
        _: CheckLevel,
        numbers: Vec<PhoneNumber>,
        sign_until_ms: u64,
    ) -> Submitted {
        let (world, faults) = (&self.world, &self.world.scenario.faults);
        world.sends(numbers.len() as u64);
        let lost = |why: &str| Submitted::InDoubt { code: None, message: why.to_owned() };
        self.process.point("submit").await;
        world.pass(0, 20 * SECOND).await;
        self.process.point("sign").await;
        // What follows takes no time: nothing can come in between.
        let signed_ms = world.now_ms();
        if signed_ms > sign_until_ms {
            world.log(format!("{batch_no}: its turn came too late"));
            return Submitted::NotSent { message: "its turn came too late".into() };
        }
        if world.chance(faults.not_sent) {
            return Submitted::NotSent { message: "connection refused".into() };
        }
        let (answer, answered) = oneshot::channel();
        if world.chance(faults.lost_request) {
            world.log(format!("{batch_no}: lost on its way"));
            world.pass(0, 30 * SECOND).await;
            return lost("nobody answered");
        }
        // It travels by itself from here on, whatever becomes of its sender.
        let slow = world.chance(faults.slow_request);
        let most = if world.scenario.lying { 30 * MINUTE } else { 90 * SECOND };
        let delay = if slow { world.random(10 * SECOND, most) } else { world.random(0, 2 * SECOND) };
        let (platform, batch) = (Arc::clone(world), batch_no.as_str().to_owned());
        let sender = Arc::clone(&self.process);
        world.spawn(async move {
            pause(delay).await;
            let said = platform.arrive(&batch, numbers, signed_ms);
            if platform.chance(platform.scenario.faults.lost_answer) {
                platform.log(format!("{batch}: the answer is lost"));
                return;
            }
            // Nobody may be there to hear it.
            drop(sender);
            let _ = answer.send(said);
        });
        let said = tokio::time::timeout(Duration::from_millis(30 * SECOND), answered).await;
        self.process.point("answer").await;
        match said {
            Ok(Ok(said)) => said,
            _ => lost("nobody answered"),
        }
    }

    async fn query(&self, batch_no: &BatchNo, _: u64, _: u64) -> Found {
        let world = &self.world;
        self.process.point("query").await;
        world.pass(0, 3 * SECOND).await;
        let found = world.tell(batch_no.as_str());
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
    fn arrive(self: &Arc<Self>, batch: &str, numbers: Vec<PhoneNumber>, signed_ms: u64) -> Submitted {
        let now_ms = self.now_ms();
        let faults = &self.scenario.faults;
        let refused = |code: i64, message: &str| Submitted::Refused {
            code: Some(code),
            message: message.into(),
            for_all: false,
        };
        if now_ms.abs_diff(signed_ms) > MINUTE && !self.scenario.lying {
            self.log(format!("{batch}: the signature has expired"));
            return refused(1004, "timestamp expired");
        }
        if self.chance(faults.refused) {
            self.log(format!("{batch}: refused"));
            return refused(203, "country not recognised");
        }
        self.log(format!("{batch}: accepted, {} numbers", numbers.len()));
        for (at, number) in numbers.into_iter().enumerate() {
            self.books().accepted.entry(number).or_default().push((batch.to_owned(), now_ms));
            // One number of each batch is found at least: so the document has it, and so the proof goes.
            if at > 0 && self.chance(faults.lost_check) {
                self.log(format!("{batch}: the check of …{} is lost", &number.digits()[8..]));
                continue;
            }
            self.books().under_way += 1;
            let (platform, batch) = (Arc::clone(self), batch.to_owned());
            self.spawn(async move {
                platform.check(batch, number).await;
                platform.books().under_way -= 1;
            });
        }
        Submitted::Accepted {
            message_id: (!self.chance(20)).then(|| "301ef45b".to_owned()),
            not_taken: Vec::new(),
            drift: Vec::new(),
        }
    }

    async fn check(self: &Arc<Self>, batch: String, number: PhoneNumber) {
        self.pass(2 * SECOND, 5 * MINUTE).await;
        let faults = &self.scenario.faults;
        let named = BatchNo::new(&batch).unwrap();
        let push = if self.chance(faults.failed) {
            Push::failed(&named, number)
        } else {
            let price = ["0.0001", "0.1912", "1.0231", "0"][number.pack() as usize % 4];
            self.books().charged.insert(number, price);
            Push::of(&named, number).costing(price, ["USD", "CNY"][number.pack() as usize % 2])
        };
        // A failed check has no result to be found by a question.
        let found = (push.code == 0).then(|| push.clone());
        self.books().finished.entry(batch.clone()).or_default().push((number, found));
        if self.scenario.delivery == Delivery::Poll || self.chance(faults.not_pushed) {
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
    fn tell(&self, batch: &str) -> Found {
        let books = self.books();
        let Some(finished) = books.finished.get(batch) else { return Found::default() };
        let rows =
            finished.iter().filter_map(|(_, push)| push.as_ref()).map(|push| Row(push.row())).collect();
        Found { rows, known: true, ..Found::default() }
    }
}
