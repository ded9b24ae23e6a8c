//! A store whose every call is a point at which a process may die or fall asleep: before it, or when it is done and nobody knows yet.
//!
//! After every call that may have changed something the store is held against what should be known ([`crate::model::known`]).

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use numcheck_bulk::store::{
    Claimed, Control, Drifted, Duplicate, Folded, Followed, Forgotten, InputPiece, Known as InBook, NewBatch,
    NewResult, NextBatch, OpenBatch, Quarantined, Reread, RowFate, Sending, Skip, Spending, StoreFuture,
    TurnedAway,
};
use numcheck_bulk::{BatchEnd, Job, JobName, JobSpec, Ledger, PriceTable, Scope, Store, StoreError};
use numcheck_protocol::{Drift, PhoneNumber};
use tokio::runtime::Handle;

use crate::model::known::Known;
use crate::model::process::Process;

/// A place in which stores are, all of them one.
pub(crate) trait Place: Send + Sync {
    fn open(&self) -> Arc<dyn Store>;

    /// Where its connections live, if it has any.
    fn runtime(&self) -> Option<Handle> {
        None
    }
}

pub(crate) struct Stepped {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) process: Arc<Process>,
}

impl Stepped {
    /// Once the call was made, `learn` adds what should be known from then on, and says whether that is anything.
    fn step<'a, T: Send + 'a>(
        &'a self,
        what: &'static str,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
        learn: impl FnOnce(&mut Known, &T) -> bool + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.process.point(what).await;
            let done = self.now(call, learn);
            self.process.point_after(what).await;
            done
        })
    }

    /// The store has a thread of its own. Waiting for it here keeps one order of events.
    fn now<'a, T>(
        &'a self,
        call: impl FnOnce() -> StoreFuture<'a, T>,
        learn: impl FnOnce(&mut Known, &T) -> bool,
    ) -> Result<T, StoreError> {
        let world = &self.process.world;
        let done = world.wait(call());
        let due = {
            let mut known = world.known();
            let changed = done.as_ref().is_ok_and(|done| learn(&mut known, done));
            known.is_due(changed)
        };
        if due {
            world.compare(&*self.store);
        }
        done
    }

    /// Only reads: nothing may have changed.
    fn read<'a, T: Send + 'a>(
        &'a self,
        what: &'static str,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.process.point(what).await;
            self.process.world.wait(call())
        })
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn block_on<T>(runtime: Option<&Handle>, future: impl Future<Output = T>) -> T {
    // What it opens lives in its own runtime, whose time goes on by itself.
    let _inside = runtime.map(Handle::enter);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    // Else the runtime would want it to wait its turn, which never comes while it is waited for here.
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

impl Stepped {
    /// Enters all that waits, without letting anything else happen.
    fn enter(&self) {
        let world = &self.process.world;
        while world.wait(self.store.fold(100)).unwrap().seen > 0 {}
        world.known().fold_all();
    }

    /// Whose batch it is says its name.
    fn job_of(&self, claimed: &Claimed) -> i64 {
        let name = claimed.batch_no.as_str().split('-').nth(1).unwrap().parse().unwrap();
        self.process.world.wait(self.store.job(&name)).unwrap().unwrap().id
    }

    fn all_rows(&self, job: i64) -> Vec<RowFate> {
        self.process.world.wait(self.store.rows(job, None, 1000)).unwrap()
    }
}

impl Store for Stepped {
    fn create_job<'a>(&'a self, name: &'a JobName, spec: &'a JobSpec, now_ms: u64) -> StoreFuture<'a, Job> {
        let call = move || self.store.create_job(name, spec, now_ms);
        let world = &self.process.world;
        self.step("create_job", call, move |known, job| {
            let command = spec.notes["command"].as_u64().unwrap() as usize;
            let again = known.made(job, command, &world.scenario.commands[command]);
            world.jobs.lock().unwrap().insert(command, job.name.clone());
            world.decides(&again, "a command that overrides the book");
            true
        })
    }

    fn unfinished<'a>(&'a self, spec: &'a JobSpec) -> StoreFuture<'a, Option<Job>> {
        self.read("unfinished", move || self.store.unfinished(spec))
    }

    fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> StoreFuture<'_, ()> {
        self.step("add_input", move || self.store.add_input(job, sequence, bytes), |_, ()| false)
    }

    fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> StoreFuture<'_, ()> {
        self.step("add_batches", move || self.store.add_batches(job, batches), |_, ()| false)
    }

    fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> StoreFuture<'_, ()> {
        self.step("add_duplicates", move || self.store.add_duplicates(job, rows), |_, ()| false)
    }

    fn finish_plan(&self, job: i64, rows: u64) -> StoreFuture<'_, Job> {
        let call = move || self.store.finish_plan(job, rows);
        self.step("finish_plan", call, |known, job| {
            known.finished(job);
            true
        })
    }

    fn replace_rows<'a>(
        &'a self,
        job: i64,
        from: i64,
        rows: Vec<(PhoneNumber, u64)>,
        row_count: u64,
        notes: &'a serde_json::Value,
    ) -> StoreFuture<'a, bool> {
        let call = move || self.store.replace_rows(job, from, rows, row_count, notes);
        self.step("replace_rows", call, |_, _| true)
    }

    fn job<'a>(&'a self, name: &'a JobName) -> StoreFuture<'a, Option<Job>> {
        self.read("job", move || self.store.job(name))
    }

    fn jobs(&self) -> StoreFuture<'_, Vec<Job>> {
        self.read("jobs", move || self.store.jobs())
    }

    fn forget(&self, job: i64, even_unsettled: bool) -> StoreFuture<'_, Forgotten> {
        let world = &self.process.world;
        let call = move || self.store.forget(job, even_unsettled);
        self.step("forget", call, move |known, _| {
            // A person has been told that they are not recognised any more.
            let forgotten = known.forgot(job);
            world.decides(&forgotten, "forgotten");
            true
        })
    }

    fn jobs_of(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Job>> {
        self.read("jobs_of", move || self.store.jobs_of(number))
    }

    fn forget_number(&self, number: PhoneNumber, without: Vec<InputPiece>) -> StoreFuture<'_, Vec<JobName>> {
        // No scenario has a person do it.
        self.store.forget_number(number, without)
    }

    fn look_up<'a>(
        &'a self,
        scope: &'a Scope,
        numbers: Vec<PhoneNumber>,
    ) -> StoreFuture<'a, Vec<Option<InBook>>> {
        self.read("look_up", move || self.store.look_up(scope, numbers))
    }

    fn scopes(&self) -> StoreFuture<'_, Vec<Scope>> {
        self.read("scopes", move || self.store.scopes())
    }

    fn merge_account<'a>(&'a self, old: &'a str, new: &'a str) -> StoreFuture<'a, ()> {
        self.read("merge_account", move || self.store.merge_account(old, new))
    }

    fn history(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Sending>> {
        self.read("history", move || self.store.history(number))
    }

    fn next_batch<'a>(&'a self, job: i64, skip: &'a Skip) -> StoreFuture<'a, Option<NextBatch>> {
        let call = move || self.store.next_batch(job, skip);
        // What a look-up changes is seen by the claim that follows it.
        self.step("next_batch", call, |_, next| next.as_ref().is_some_and(|next| next.numbers == 0))
    }

    fn claim<'a>(
        &'a self,
        batch: i64,
        owner: &'a str,
        limit: u64,
        now_ms: u64,
    ) -> StoreFuture<'a, Option<Claimed>> {
        let call = move || self.store.claim(batch, owner, limit, now_ms);
        self.step("claim", call, move |known, claimed| {
            if let Some(claimed) = claimed {
                known.claimed(self.job_of(claimed), claimed);
            }
            true
        })
    }

    fn confirm(&self, batch: i64, claim: i64, ts_ms: u64) -> StoreFuture<'_, bool> {
        let call = move || self.store.confirm(batch, claim, ts_ms);
        self.step("confirm", call, move |known, done| {
            known.confirmed(batch, claim, ts_ms, *done);
            false
        })
    }

    fn end(&self, batch: i64, claim: i64, end: BatchEnd, now_ms: u64) -> StoreFuture<'_, ()> {
        let learnt = end.clone();
        let call = move || self.store.end(batch, claim, end, now_ms);
        self.step("end", call, move |known, ()| {
            known.ended(batch, claim, &learnt);
            true
        })
    }

    fn mark(&self, batch: i64, claim: i64, number: PhoneNumber, ts_ms: u64) -> StoreFuture<'_, bool> {
        self.step("mark", move || self.store.mark(batch, claim, number, ts_ms), |_, _| false)
    }

    fn end_each(
        &self,
        batch: i64,
        claim: i64,
        ends: Vec<(PhoneNumber, BatchEnd)>,
        now_ms: u64,
    ) -> StoreFuture<'_, ()> {
        self.step("end_each", move || self.store.end_each(batch, claim, ends, now_ms), |_, ()| true)
    }

    fn give_up(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        let call = move || self.store.give_up(batch, claim);
        self.step("give_up", call, move |known, done| {
            known.gave_up(batch, claim, *done);
            true
        })
    }

    fn plan_again(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
        let call = move || self.store.plan_again(batch, claim);
        let world = &self.process.world;
        self.step("plan_again", call, move |known, done| {
            let batch_no = known.batches[&batch].batch_no.clone();
            known.planned_again(batch, claim, *done);
            world.log(format!("{batch_no} is taken for unknown: {done}"));
            if *done {
                world.proved(&batch_no);
            }
            true
        })
    }

    fn resubmit_doubtful(&self, job: i64, before_ms: u64) -> StoreFuture<'_, u64> {
        let world = &self.process.world;
        let call = move || -> StoreFuture<'_, (u64, Vec<RowFate>)> {
            self.enter();
            let before = self.all_rows(job);
            let done = self.store.resubmit_doubtful(job, before_ms);
            Box::pin(async move { Ok((done.await?, before)) })
        };
        let done = self.step("resubmit_doubtful", call, move |known, (count, before)| {
            let after = self.all_rows(job);
            let decided = known.resubmitted(job, before, &after);
            known.moved(job, &after);
            assert_eq!(*count, decided.len() as u64, "so many are sent again");
            world.decides(&decided, "sent again by a person");
            true
        });
        Box::pin(async move { Ok(done.await?.0) })
    }

    fn follow(&self, job: i64) -> StoreFuture<'_, Followed> {
        let call = move || self.store.follow(job);
        self.step("follow", call, move |known, followed| {
            if followed.planned > 0 {
                known.moved(job, &self.all_rows(job));
            }
            *followed != Followed::default()
        })
    }

    fn append(&self, results: Vec<NewResult>) -> StoreFuture<'_, ()> {
        let stored = results.clone();
        self.step(
            "append",
            move || self.store.append(results),
            move |known, ()| {
                known.appended(stored);
                true
            },
        )
    }

    fn fold(&self, most: u32) -> StoreFuture<'_, Folded> {
        let call = move || self.store.fold(most);
        self.step("fold", call, move |known, folded| known.folded(most, folded))
    }

    fn reread(&self, after: i64, most: u32) -> StoreFuture<'_, Reread> {
        self.read("reread", move || self.store.reread(after, most))
    }

    fn expects<'a>(&'a self, batch_no: &'a str, body: &'a [u8]) -> StoreFuture<'a, bool> {
        self.read("expects", move || self.store.expects(batch_no, body))
    }

    fn is_full<'a>(&'a self, batch_no: &'a str) -> StoreFuture<'a, bool> {
        self.read("is_full", move || self.store.is_full(batch_no))
    }

    fn open_batches(&self, job: i64) -> StoreFuture<'_, Vec<OpenBatch>> {
        let call = move || self.store.open_batches(job);
        self.step("open_batches", call, move |known, open| {
            known.listed(job, open);
            false
        })
    }

    fn controls<'a>(&'a self, scope: &'a Scope, after_ms: u64, most: u32) -> StoreFuture<'a, Vec<Control>> {
        let call = move || self.store.controls(scope, after_ms, most);
        self.step("controls", call, move |known, controls| {
            known.controls(after_ms, controls);
            false
        })
    }

    fn mark_missing(&self, batch: i64, claim: i64) -> StoreFuture<'_, u64> {
        let call = move || self.store.mark_missing(batch, claim);
        self.step("mark_missing", call, move |known, count| {
            known.marked_missing(batch, claim, *count);
            true
        })
    }

    fn ledger(&self, job: i64) -> StoreFuture<'_, Ledger> {
        self.read("ledger", move || self.store.ledger(job))
    }

    fn planned_groups(&self, job: i64) -> StoreFuture<'_, BTreeMap<String, u64>> {
        self.read("planned_groups", move || self.store.planned_groups(job))
    }

    fn spending<'a>(&'a self, account: &'a str, since_ms: u64) -> StoreFuture<'a, Spending> {
        self.read("spending", move || self.store.spending(account, since_ms))
    }

    fn sent_in_group<'a>(&'a self, job: i64, group: &'a str) -> StoreFuture<'a, u64> {
        self.read("sent_in_group", move || self.store.sent_in_group(job, group))
    }

    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> StoreFuture<'_, Vec<RowFate>> {
        self.read("rows", move || self.store.rows(job, after_row, most))
    }

    fn input(&self, job: i64, sequence: u32) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.read("input", move || self.store.input(job, sequence))
    }

    fn quarantine(&self, after: i64, most: u32) -> StoreFuture<'_, Vec<Quarantined>> {
        self.read("quarantine", move || self.store.quarantine(after, most))
    }

    fn note_turned_away(&self, kinds: Vec<TurnedAway>) -> StoreFuture<'_, ()> {
        self.read("note_turned_away", move || self.store.note_turned_away(kinds))
    }

    fn turned_away(&self) -> StoreFuture<'_, Vec<TurnedAway>> {
        self.read("turned_away", move || self.store.turned_away())
    }

    fn prices(&self) -> StoreFuture<'_, PriceTable> {
        self.read("prices", move || self.store.prices())
    }

    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> StoreFuture<'a, u64> {
        self.read("take_turn", move || self.store.take_turn(bucket, interval_ms, now_ms))
    }

    fn note_drift(&self, job: i64, drift: Vec<Drift>) -> StoreFuture<'_, Vec<Drift>> {
        self.read("note_drift", move || self.store.note_drift(job, drift))
    }

    fn drift(&self, job: i64) -> StoreFuture<'_, Vec<Drifted>> {
        self.read("drift", move || self.store.drift(job))
    }

    fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> StoreFuture<'a, ()> {
        self.read("learn", move || self.store.learn(name, word))
    }

    fn learnt<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>> {
        self.read("learnt", move || self.store.learnt(name))
    }

    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> StoreFuture<'a, Vec<u8>> {
        self.read("secret", move || self.store.secret(name, fresh))
    }
}
