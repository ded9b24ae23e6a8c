//! A store whose every call is a point at which a process may die or fall asleep: before it, or when it is done and nobody knows yet.
//!
//! After every call that may have changed something the store is held against what should be known ([`crate::known`]).

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use numcheck_bulk::store::{
    Answer, Claimed, Drifted, Duplicate, Folded, NewBatch, NewResult, Odd, OpenBatch, RowFate,
};
use numcheck_bulk::{BatchEnd, Job, JobName, JobSpec, Ledger, PriceTable, Store, StoreError};
use numcheck_protocol::{BatchNo, Drift};
use tokio::runtime::Handle;

use crate::known::Known;
use crate::process::Process;

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
        call: impl FnOnce() -> Answer<'a, T> + Send + 'a,
        learn: impl FnOnce(&mut Known, &T) -> bool + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            self.process.point(what).await;
            let done = self.now(call, learn);
            self.process.point("after it").await;
            done
        })
    }

    /// The store has a thread of its own. Waiting for it here keeps one order of events.
    fn now<'a, T>(
        &'a self,
        call: impl FnOnce() -> Answer<'a, T>,
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
        call: impl FnOnce() -> Answer<'a, T> + Send + 'a,
    ) -> Answer<'a, T> {
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

impl Store for Stepped {
    fn create_job<'a>(&'a self, name: &'a JobName, spec: &'a JobSpec, now_ms: u64) -> Answer<'a, Job> {
        let call = move || self.store.create_job(name, spec, now_ms);
        self.step("create_job", call, |known, job| {
            known.made(job.id);
            true
        })
    }

    fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> Answer<'_, ()> {
        self.step("add_input", move || self.store.add_input(job, sequence, bytes), |_, ()| false)
    }

    fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> Answer<'_, ()> {
        let planned = batches.clone();
        let call = move || self.store.add_batches(job, batches);
        self.step("add_batches", call, move |known, ()| {
            known.planned(&planned);
            true
        })
    }

    fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> Answer<'_, ()> {
        let planned = rows.clone();
        let call = move || self.store.add_duplicates(job, rows);
        self.step("add_duplicates", call, move |known, ()| {
            known.duplicates.extend(planned.iter().map(|row| (row.row, row.first)));
            true
        })
    }

    fn finish_plan(&self, job: i64, rows: u64) -> Answer<'_, Job> {
        let call = move || self.store.finish_plan(job, rows);
        self.step("finish_plan", call, |known, _| {
            known.whole = true;
            true
        })
    }

    fn job<'a>(&'a self, name: &'a JobName) -> Answer<'a, Option<Job>> {
        self.read("job", move || self.store.job(name))
    }

    fn jobs(&self) -> Answer<'_, Vec<Job>> {
        self.read("jobs", move || self.store.jobs())
    }

    fn forget(&self, job: i64) -> Answer<'_, ()> {
        self.step(
            "forget",
            move || self.store.forget(job),
            |known, ()| {
                known.forgot();
                true
            },
        )
    }

    fn next_size(&self, job: i64) -> Answer<'_, Option<u64>> {
        self.read("next_size", move || self.store.next_size(job))
    }

    fn claim<'a>(&'a self, job: i64, owner: &'a str, now_ms: u64) -> Answer<'a, Option<Claimed>> {
        let call = move || self.store.claim(job, owner, now_ms);
        self.step("claim", call, move |known, claimed| known.claimed(claimed.as_ref(), now_ms))
    }

    fn end<'a>(&'a self, batch: i64, batch_no: &'a BatchNo, end: BatchEnd, now_ms: u64) -> Answer<'a, ()> {
        let learnt = end.clone();
        let call = move || self.store.end(batch, batch_no, end, now_ms);
        self.step("end", call, move |known, ()| known.ended(batch_no.as_str(), &learnt, now_ms))
    }

    fn give_up_sending(&self, job: i64, before_ms: u64) -> Answer<'_, u64> {
        let call = move || self.store.give_up_sending(job, before_ms);
        self.step("give_up_sending", call, move |known, count| known.gave_up_sending(before_ms, *count))
    }

    fn plan_again<'a>(&'a self, batch: i64, batch_no: &'a BatchNo) -> Answer<'a, bool> {
        let call = move || self.store.plan_again(batch, batch_no);
        self.step("plan_again", call, move |known, done| {
            known.planned_again(batch_no.as_str(), *done);
            if *done {
                self.process.world.decided(known, batch_no.as_str(), &self.process);
            }
            true
        })
    }

    fn append(&self, results: Vec<NewResult>) -> Answer<'_, ()> {
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

    fn fold(&self, most: u32) -> Answer<'_, Folded> {
        let call = move || self.store.fold(most);
        self.step("fold", call, move |known, folded| known.folded(most, folded))
    }

    fn open_batches(&self, job: i64) -> Answer<'_, Vec<OpenBatch>> {
        let call = move || self.store.open_batches(job);
        self.step("open_batches", call, |known, open| {
            known.listed(open);
            false
        })
    }

    fn mark_missing<'a>(&'a self, batch: i64, batch_no: &'a BatchNo) -> Answer<'a, u64> {
        let call = move || self.store.mark_missing(batch, batch_no);
        self.step("mark_missing", call, move |known, count| known.marked_missing(batch_no.as_str(), *count))
    }

    fn ledger(&self, job: i64) -> Answer<'_, Ledger> {
        self.read("ledger", move || self.store.ledger(job))
    }

    fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> Answer<'_, Vec<RowFate>> {
        self.read("rows", move || self.store.rows(job, after_row, most))
    }

    fn input(&self, job: i64, sequence: u32) -> Answer<'_, Option<Vec<u8>>> {
        self.read("input", move || self.store.input(job, sequence))
    }

    fn quarantine(&self, after: i64, most: u32) -> Answer<'_, Vec<Odd>> {
        self.read("quarantine", move || self.store.quarantine(after, most))
    }

    fn prices(&self) -> Answer<'_, PriceTable> {
        self.read("prices", move || self.store.prices())
    }

    fn take_turn<'a>(&'a self, bucket: &'a str, interval_ms: u64, now_ms: u64) -> Answer<'a, u64> {
        self.read("take_turn", move || self.store.take_turn(bucket, interval_ms, now_ms))
    }

    fn note_drift(&self, job: i64, drift: Vec<Drift>) -> Answer<'_, Vec<Drift>> {
        self.read("note_drift", move || self.store.note_drift(job, drift))
    }

    fn drift(&self, job: i64) -> Answer<'_, Vec<Drifted>> {
        self.read("drift", move || self.store.drift(job))
    }

    fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> Answer<'a, ()> {
        self.read("learn", move || self.store.learn(name, word))
    }

    fn learnt<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        self.read("learnt", move || self.store.learnt(name))
    }

    fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> Answer<'a, Vec<u8>> {
        self.read("secret", move || self.store.secret(name, fresh))
    }
}
