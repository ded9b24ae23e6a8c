//! Jobs, results, and what became of them, in few words.

use numcheck_bulk::store::{Claimed, Folded, NewBatch, NewResult, RowFate, Skip, Source};
use numcheck_bulk::{BatchEnd, Delivery, Job, JobName, JobSpec, Postgres, Reuse, Scope, Store};
use numcheck_protocol::{BatchNo, PhoneNumber};

pub(crate) const NOW: u64 = 1_700_000_000_000;

/// The number in a row.
pub(crate) fn number(row: u64) -> PhoneNumber {
    PhoneNumber::new(&format!("86138{row:08}")).unwrap()
}

pub(crate) fn scope() -> Scope {
    Scope::new("account", Scope::NUMBER_CHECK, 1)
}

/// A planned job of `batches` batches with `each` numbers.
pub(crate) async fn plan(store: &Postgres, name: u64, batches: u64, each: u64) -> Job {
    plan_of(store, name, Reuse::ALL, batches, each).await
}

/// The same, by what it takes from the book.
pub(crate) async fn plan_of(store: &Postgres, name: u64, reuse: Reuse, batches: u64, each: u64) -> Job {
    let spec = JobSpec::new(scope(), format!("set {name}"), Delivery::Push, serde_json::Value::Null);
    let name = JobName::from_random(name.to_be_bytes());
    let job = store.create_job(&name, &spec.with_reuse(reuse), NOW).await.unwrap();
    let batches = (0..batches).map(|batch| NewBatch {
        batch_no: BatchNo::new(&batch_no(&job, batch)).unwrap(),
        group: "CN".to_owned(),
        numbers: (batch * each..(batch + 1) * each).map(|row| (number(row), row)).collect(),
    });
    store.add_batches(job.id, batches.collect()).await.unwrap();
    store.finish_plan(job.id, 0).await.unwrap()
}

/// The same, and every batch was accepted.
pub(crate) async fn accepted(store: &Postgres, name: u64, batches: u64, each: u64) -> Job {
    let job = plan(store, name, batches, each).await;
    while let Some(claimed) = claim(store, &job, "test").await {
        accept(store, &claimed).await;
    }
    job
}

/// The next batch of a job that has something to send.
pub(crate) async fn claim(store: &Postgres, job: &Job, owner: &str) -> Option<Claimed> {
    while let Some(next) = store.next_batch(job.id, &Skip::default()).await.unwrap() {
        if let Some(claimed) = store.claim(next.batch, owner, u64::MAX, NOW).await.unwrap() {
            return Some(claimed);
        }
    }
    None
}

pub(crate) async fn accept(store: &Postgres, claimed: &Claimed) {
    assert!(store.confirm(claimed.batch, claimed.claim, NOW).await.unwrap());
    let accepted = BatchEnd::Accepted { message_id: None };
    store.end(claimed.batch, claimed.claim, accepted, NOW).await.unwrap();
}

pub(crate) fn batch_no(job: &Job, batch: u64) -> String {
    format!("nc-{}-{}", job.name, batch + 1)
}

/// A pushed result of a row's number, which cost 0.0100 USD.
pub(crate) fn result(batch_no: &str, row: u64) -> NewResult {
    result_of(batch_no, &number(row))
}

/// The same of a phone number.
pub(crate) fn result_of(batch_no: &str, number: &PhoneNumber) -> NewResult {
    let row = number.pack() % 100_000_000;
    let body = format!(
        r#"{{"messageId":"m-{row}","code":0,"msg":"success","batchNo":"{batch_no}","phone":"{}","data":{{"basic":{{"preCheck":"YES","regionCode":"CN"}}}},"cost":{{"price":0.01,"currency":"USD"}}}}"#,
        number.digits()
    );
    pushed(batch_no, body.as_bytes())
}

pub(crate) fn pushed(batch_no: &str, body: &[u8]) -> NewResult {
    NewResult { batch_no: batch_no.to_owned(), source: Source::Push, body: body.to_vec(), received_ms: NOW }
}

/// Folds until nothing is waiting.
pub(crate) async fn fold_all(store: &Postgres, slice: u32) -> Folded {
    let mut sum = Folded::default();
    loop {
        let folded = store.fold(slice).await.unwrap();
        sum.seen += folded.seen;
        sum.first += folded.first;
        sum.repeats += folded.repeats;
        sum.conflicts += folded.conflicts;
        sum.strays += folded.strays;
        sum.charged_again += folded.charged_again;
        if folded.seen < slice {
            return sum;
        }
    }
}

pub(crate) async fn rows(store: &Postgres, job: &Job) -> Vec<RowFate> {
    let mut rows: Vec<RowFate> = Vec::new();
    loop {
        let more = store.rows(job.id, rows.last().map(|row| row.row), 1000).await.unwrap();
        if more.is_empty() {
            return rows;
        }
        rows.extend(more);
    }
}

/// Everything that an error shows, its sources too.
pub(crate) fn all_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut all = format!("{error} {error:?}");
    let mut next = error.source();
    while let Some(source) = next {
        all += &format!(" | {source} {source:?}");
        next = source.source();
    }
    all
}
