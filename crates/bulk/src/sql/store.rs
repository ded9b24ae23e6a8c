//! The calls of a store, each a transaction.

/// The methods of [`Store`](crate::Store) that are the same in every SQL database, for its `impl`.
///
/// The store has `call(what, purpose, work)`, which does `work` in a transaction, a `reader` of results, `SLICE`, how many results are entered at a time before
/// something is forgotten, and `clear_traces`, which is called behind that.
macro_rules! store_methods {
    () => {
        fn create_job<'a>(
            &'a self,
            name: &'a JobName,
            spec: &'a JobSpec,
            now_ms: u64,
        ) -> StoreFuture<'a, Job> {
            let (name, spec) = (name.clone(), spec.clone());
            Box::pin(self.call("make a job", Purpose::Write, async move |tx| {
                jobs::create(tx, &name, &spec, now_ms).await
            }))
        }

        fn unfinished<'a>(&'a self, spec: &'a JobSpec) -> StoreFuture<'a, Option<Job>> {
            let spec = spec.clone();
            Box::pin(self.call("look for an unfinished job", Purpose::Read, async move |tx| {
                jobs::unfinished(tx, &spec).await
            }))
        }

        fn add_input(&self, job: i64, sequence: u32, bytes: Vec<u8>) -> StoreFuture<'_, ()> {
            Box::pin(self.call("keep the input", Purpose::Write, async move |tx| {
                jobs::add_input(tx, job, sequence, &bytes).await
            }))
        }

        fn add_batches(&self, job: i64, batches: Vec<NewBatch>) -> StoreFuture<'_, ()> {
            Box::pin(
                self.call("keep the plan", Purpose::Write, async move |tx| {
                    batches::add(tx, job, &batches).await
                }),
            )
        }

        fn add_duplicates(&self, job: i64, rows: Vec<Duplicate>) -> StoreFuture<'_, ()> {
            Box::pin(self.call("keep the plan", Purpose::Write, async move |tx| {
                jobs::add_duplicates(tx, job, &rows).await
            }))
        }

        fn finish_plan(&self, job: i64, rows: u64) -> StoreFuture<'_, Job> {
            Box::pin(self.call("finish the plan", Purpose::Write, async move |tx| {
                jobs::finish_plan(tx, job, rows).await
            }))
        }

        fn replace_rows<'a>(
            &'a self,
            job: i64,
            from: i64,
            rows: Vec<(PhoneNumber, u64)>,
            row_count: u64,
            notes: &'a serde_json::Value,
        ) -> StoreFuture<'a, bool> {
            let notes = notes.clone();
            Box::pin(self.call("take over the new file", Purpose::Settle, async move |tx| {
                jobs::replace_rows(tx, job, from, &rows, row_count, &notes).await
            }))
        }

        fn job<'a>(&'a self, name: &'a JobName) -> StoreFuture<'a, Option<Job>> {
            let name = name.clone();
            Box::pin(self.call("look a job up", Purpose::Read, async move |tx| jobs::find(tx, &name).await))
        }

        fn jobs(&self) -> StoreFuture<'_, Vec<Job>> {
            Box::pin(self.call("list the jobs", Purpose::Read, async |tx| jobs::list(tx).await))
        }

        fn forget(&self, job: i64, even_unsettled: bool) -> StoreFuture<'_, Forgotten> {
            let reader = self.reader.clone();
            Box::pin(async move {
                // In steps of their own: others need not wait for all of them.
                while self.fold(Self::SLICE).await?.seen == Self::SLICE {}
                let forget: StoreFuture<'_, _> =
                    Box::pin(self.call("forget a job", Purpose::Settle, async move |tx| {
                        jobs::forget(tx, &reader, job, even_unsettled).await
                    }));
                let forgotten = forget.await?;
                self.clear_traces().await?;
                Ok(forgotten)
            })
        }

        fn jobs_of(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Job>> {
            Box::pin(self.call("look for a phone number's jobs", Purpose::Read, async move |tx| {
                jobs::of_number(tx, &number).await
            }))
        }

        fn forget_number(
            &self,
            number: PhoneNumber,
            without: Vec<InputPiece>,
        ) -> StoreFuture<'_, Vec<JobName>> {
            let reader = self.reader.clone();
            Box::pin(async move {
                while self.fold(Self::SLICE).await?.seen == Self::SLICE {}
                let forget: StoreFuture<'_, _> =
                    Box::pin(self.call("forget a phone number", Purpose::Settle, async move |tx| {
                        jobs::forget_number(tx, &reader, &number, &without).await
                    }));
                let unsettled = forget.await?;
                self.clear_traces().await?;
                Ok(unsettled)
            })
        }

        fn look_up<'a>(
            &'a self,
            scope: &'a Scope,
            numbers: Vec<PhoneNumber>,
        ) -> StoreFuture<'a, Vec<Option<Known>>> {
            let scope = scope.clone();
            Box::pin(self.call("look phone numbers up", Purpose::Read, async move |tx| {
                book::look_up(tx, &scope, &numbers).await
            }))
        }

        fn scopes(&self) -> StoreFuture<'_, Vec<Scope>> {
            Box::pin(self.call("read its book", Purpose::Read, async |tx| book::scopes(tx).await))
        }

        fn merge_account<'a>(&'a self, old: &'a str, new: &'a str) -> StoreFuture<'a, ()> {
            let (old, new) = (old.to_owned(), new.to_owned());
            Box::pin(self.call("merge two spellings of an account", Purpose::Settle, async move |tx| {
                book::merge_account(tx, &old, &new).await
            }))
        }

        fn history(&self, number: PhoneNumber) -> StoreFuture<'_, Vec<Sending>> {
            Box::pin(
                self.call("read its book", Purpose::Read, async move |tx| book::history(tx, &number).await),
            )
        }

        fn next_batch<'a>(&'a self, job: i64, skip: &'a Skip) -> StoreFuture<'a, Option<NextBatch>> {
            let skip = skip.to_owned();
            Box::pin(self.call("look the next batch up", Purpose::Write, async move |tx| {
                batches::next(tx, job, &skip).await
            }))
        }

        fn claim<'a>(
            &'a self,
            batch: i64,
            owner: &'a str,
            limit: u64,
            now_ms: u64,
        ) -> StoreFuture<'a, Option<Claimed>> {
            let owner = owner.to_owned();
            Box::pin(self.call("claim a batch", Purpose::Write, async move |tx| {
                batches::claim(tx, batch, &owner, limit, now_ms).await
            }))
        }

        fn confirm(&self, batch: i64, claim: i64, ts_ms: u64) -> StoreFuture<'_, bool> {
            Box::pin(self.call("confirm a claim", Purpose::Write, async move |tx| {
                batches::confirm(tx, batch, claim, ts_ms).await
            }))
        }

        fn end(&self, batch: i64, claim: i64, end: BatchEnd, now_ms: u64) -> StoreFuture<'_, ()> {
            Box::pin(self.call("write down how a batch ended", Purpose::Write, async move |tx| {
                batches::end(tx, batch, claim, &end, now_ms).await
            }))
        }

        fn end_each(
            &self,
            batch: i64,
            claim: i64,
            ends: Vec<(PhoneNumber, BatchEnd)>,
            now_ms: u64,
        ) -> StoreFuture<'_, ()> {
            let reader = self.reader.clone();
            Box::pin(self.call("write down how phone numbers ended", Purpose::Settle, async move |tx| {
                each::end(tx, &reader, batch, claim, &ends, now_ms).await
            }))
        }

        fn give_up(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
            let reader = self.reader.clone();
            Box::pin(self.call("end a claim", Purpose::Settle, async move |tx| {
                each::give_up(tx, &reader, batch, claim).await
            }))
        }

        fn plan_again(&self, batch: i64, claim: i64) -> StoreFuture<'_, bool> {
            let reader = self.reader.clone();
            Box::pin(self.call("plan a batch again", Purpose::Settle, async move |tx| {
                batches::plan_again(tx, &reader, batch, claim).await
            }))
        }

        fn resubmit_doubtful(&self, job: i64, before_ms: u64) -> StoreFuture<'_, u64> {
            let reader = self.reader.clone();
            Box::pin(self.call("plan again what is in doubt", Purpose::Settle, async move |tx| {
                follow::resubmit(tx, &reader, job, before_ms).await
            }))
        }

        fn follow(&self, job: i64) -> StoreFuture<'_, Followed> {
            const WHAT: &str = "follow other jobs' batches";
            Box::pin(async move {
                match self.call(WHAT, Purpose::Read, async move |tx| waits::has_news(tx, job).await).await? {
                    true => {
                        self.call(WHAT, Purpose::Settle, async move |tx| follow::follow(tx, job).await).await
                    }
                    false => Ok(Followed::default()),
                }
            })
        }

        fn fold(&self, most: u32) -> StoreFuture<'_, Folded> {
            let reader = self.reader.clone();
            Box::pin(
                self.call("enter results", Purpose::Settle, async move |tx| {
                    fold::fold(tx, &reader, most).await
                }),
            )
        }

        fn reread(&self, after: i64, most: u32) -> StoreFuture<'_, Reread> {
            let reader = self.reader.clone();
            Box::pin(self.call("enter quarantined results", Purpose::Settle, async move |tx| {
                fold::reread(tx, &reader, after, most).await
            }))
        }

        fn expects<'a>(&'a self, batch_no: &'a str, body: &'a [u8]) -> StoreFuture<'a, bool> {
            let (batch_no, body, reader) = (batch_no.to_owned(), body.to_owned(), self.reader.clone());
            Box::pin(self.call("look a result up", Purpose::Read, async move |tx| {
                fold::expects(tx, &reader, &batch_no, &body).await
            }))
        }

        fn is_full<'a>(&'a self, batch_no: &'a str) -> StoreFuture<'a, bool> {
            let batch_no = batch_no.to_owned();
            Box::pin(
                self.call("look a batch up", Purpose::Read, async move |tx| {
                    fold::is_full(tx, &batch_no).await
                }),
            )
        }

        fn open_batches(&self, job: i64) -> StoreFuture<'_, Vec<OpenBatch>> {
            Box::pin(
                self.call("list open batches", Purpose::Read, async move |tx| batches::open(tx, job).await),
            )
        }

        fn controls<'a>(
            &'a self,
            scope: &'a Scope,
            after_ms: u64,
            most: u32,
        ) -> StoreFuture<'a, Vec<Control>> {
            let scope = scope.clone();
            Box::pin(self.call("list accepted batches", Purpose::Read, async move |tx| {
                batches::controls(tx, &scope, after_ms, most).await
            }))
        }

        fn mark_missing(&self, batch: i64, claim: i64) -> StoreFuture<'_, u64> {
            Box::pin(self.call("give a batch up", Purpose::Write, async move |tx| {
                batches::mark_missing(tx, batch, claim).await
            }))
        }

        fn ledger(&self, job: i64) -> StoreFuture<'_, Ledger> {
            Box::pin(self.call("read the ledger", Purpose::Read, async move |tx| {
                Ok(reading::ledger(tx, job).await?.checked())
            }))
        }

        fn planned_groups(&self, job: i64) -> StoreFuture<'_, BTreeMap<String, u64>> {
            Box::pin(self.call("count what is planned", Purpose::Read, async move |tx| {
                reading::planned_groups(tx, job).await
            }))
        }

        fn spending<'a>(&'a self, account: &'a str, since_ms: u64) -> StoreFuture<'a, Spending> {
            let account = account.to_owned();
            Box::pin(self.call("sum what was spent", Purpose::Read, async move |tx| {
                reading::spending(tx, &account, since_ms).await
            }))
        }

        fn sent_in_group<'a>(&'a self, job: i64, group: &'a str) -> StoreFuture<'a, u64> {
            let group = group.to_owned();
            Box::pin(self.call("count a group's batches", Purpose::Read, async move |tx| {
                batches::sent_in_group(tx, job, &group).await
            }))
        }

        fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> StoreFuture<'_, Vec<RowFate>> {
            Box::pin(self.call("read results", Purpose::Read, async move |tx| {
                reading::rows(tx, job, after_row, most).await
            }))
        }

        fn input(&self, job: i64, sequence: u32) -> StoreFuture<'_, Option<Vec<u8>>> {
            Box::pin(
                self.call("read the input", Purpose::Read, async move |tx| {
                    jobs::input(tx, job, sequence).await
                }),
            )
        }

        fn note_drift(&self, job: i64, drift: Vec<Drift>) -> StoreFuture<'_, Vec<Drift>> {
            let counts = drifting::counted(job, drift);
            Box::pin(self.call("count what no document lists", Purpose::Settle, async move |tx| {
                drift::add(tx, &counts).await
            }))
        }

        fn drift(&self, job: i64) -> StoreFuture<'_, Vec<Drifted>> {
            Box::pin(self.call("tell what no document lists", Purpose::Read, async move |tx| {
                drift::list(tx, job).await
            }))
        }

        fn quarantine(&self, after: i64, most: u32) -> StoreFuture<'_, Vec<Quarantined>> {
            Box::pin(self.call("read the quarantine", Purpose::Read, async move |tx| {
                reading::quarantine(tx, after, most).await
            }))
        }

        fn note_turned_away(&self, kinds: Vec<TurnedAway>) -> StoreFuture<'_, ()> {
            Box::pin(self.call("count what was turned away", Purpose::Settle, async move |tx| {
                jobs::note_turned_away(tx, &kinds).await
            }))
        }

        fn turned_away(&self) -> StoreFuture<'_, Vec<TurnedAway>> {
            Box::pin(
                self.call("tell what was turned away", Purpose::Read, async |tx| jobs::turned_away(tx).await),
            )
        }

        fn prices(&self) -> StoreFuture<'_, PriceTable> {
            Box::pin(self.call("read the prices", Purpose::Read, async |tx| reading::prices(tx).await))
        }

        fn learn<'a>(&'a self, name: &'a str, word: &'a str) -> StoreFuture<'a, ()> {
            let (name, word) = (name.to_owned(), word.to_owned());
            Box::pin(self.call("remember what it has learnt", Purpose::Write, async move |tx| {
                jobs::learn(tx, &name, &word).await
            }))
        }

        fn learnt<'a>(&'a self, name: &'a str) -> StoreFuture<'a, Option<String>> {
            let name = name.to_owned();
            Box::pin(self.call("tell what it has learnt", Purpose::Read, async move |tx| {
                jobs::learnt(tx, &name).await
            }))
        }

        fn copied_ms(&self) -> StoreFuture<'_, Option<u64>> {
            Box::pin(self.call("tell whether it is a copy", Purpose::Read, async |tx| jobs::copied(tx).await))
        }

        fn adopt(&self) -> StoreFuture<'_, ()> {
            Box::pin(self.call("become the store", Purpose::Write, async |tx| jobs::adopt(tx).await))
        }

        fn probe(&self, now_ms: u64) -> StoreFuture<'_, ()> {
            Box::pin(self.call("write", Purpose::Write, async move |tx| jobs::probe(tx, now_ms).await))
        }

        fn gauges(&self) -> StoreFuture<'_, Gauges> {
            Box::pin(self.call("measure itself", Purpose::Read, async |tx| reading::gauges(tx).await))
        }

        fn batch_counts(&self, after_claim: i64, batches: Vec<i64>) -> StoreFuture<'_, Vec<BatchCounts>> {
            Box::pin(self.call("count batches' results", Purpose::Read, async move |tx| {
                batches::counts(tx, after_claim, &batches).await
            }))
        }

        fn secret<'a>(&'a self, name: &'a str, fresh: Vec<u8>) -> StoreFuture<'a, Vec<u8>> {
            let name = name.to_owned();
            Box::pin(
                self.call("keep its key", Purpose::Write, async move |tx| {
                    jobs::secret(tx, &name, &fresh).await
                }),
            )
        }
    };
}
pub(crate) use store_methods;

/// What [`store_methods`] names.
pub(crate) mod prelude {
    pub(crate) use std::collections::BTreeMap;

    pub(crate) use numcheck_protocol::{Drift, PhoneNumber};

    pub(crate) use crate::ledger::Ledger;
    pub(crate) use crate::model::{BatchEnd, Job, JobName, JobSpec, Scope};
    pub(crate) use crate::pricing::PriceTable;
    pub(crate) use crate::sql::{
        Purpose, batches, book, drift, each, fold, follow, jobs, reading, store_methods, waits,
    };
    pub(crate) use crate::store::{
        BatchCounts, Claimed, Control, Drifted, Duplicate, Folded, Followed, Forgotten, Gauges, InputPiece,
        Known, NewBatch, NewResult, NextBatch, OpenBatch, Quarantined, Reread, RowFate, Sending, Skip,
        Spending, Store, StoreError, StoreFuture, TurnedAway, drifting,
    };
}
