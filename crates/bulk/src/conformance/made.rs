//! Made-up jobs, numbers and results, and the one check that follows every step.

use std::collections::BTreeMap;

use numcheck_bulk::store::{Claimed, Duplicate, NewBatch, NewResult, RowFate, Skip, Source};
use numcheck_bulk::{
    BatchEnd, BatchState, Delivery, Job, JobName, JobSpec, Ledger, Outcome, Reuse, Scope, Store,
};
use numcheck_protocol::{BatchNo, Currency, PhoneNumber, Price};

/// The time at which everything begins.
pub const T0: u64 = 1_700_000_000_000;

pub fn number(at: u64) -> PhoneNumber {
    PhoneNumber::new(&format!("86138{at:08}")).unwrap()
}

pub fn name(at: u64) -> JobName {
    JobName::from_random(at.to_be_bytes())
}

pub fn scope() -> Scope {
    Scope::new("account", Scope::NUMBER_CHECK, 5)
}

/// A job with a set of phone numbers of its own.
pub fn spec(job: u64) -> JobSpec {
    JobSpec::new(scope(), format!("set-{job}"), Delivery::Both, serde_json::json!({ "file": "numbers.csv" }))
}

pub fn batch_no(text: &str) -> BatchNo {
    BatchNo::new(text).unwrap()
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub fn currency(text: &str) -> Currency {
    Currency::new(text).unwrap()
}

/// The batches of a job, so many numbers each, called `b<job>-1`, `b<job>-2`, …; numbers and rows run on from 0.
pub fn batches(job: u64, sizes: &[u64]) -> Vec<NewBatch> {
    let mut next = 0;
    let mut all = Vec::new();
    for (at, size) in sizes.iter().enumerate() {
        let numbers = (next..next + size).map(|row| (number(job * 100_000 + row), row)).collect();
        all.push(NewBatch { batch_no: named(job, at as u64 + 1), group: "CN".into(), numbers });
        next += size;
    }
    all
}

pub fn named(job: u64, at: u64) -> BatchNo {
    batch_no(&format!("b{job}-{at}"))
}

/// A job whose plan is whole.
pub async fn planned<S: Store>(store: &S, job: u64, sizes: &[u64]) -> Job {
    made(store, job, batches(job, sizes), Reuse::ALL, T0).await
}

/// A job with this plan, which takes these results of the book.
pub async fn made<S: Store>(store: &S, job: u64, plan: Vec<NewBatch>, reuse: Reuse, now_ms: u64) -> Job {
    let spec = spec(job).with_reuse(reuse);
    let made = store.create_job(&name(job), &spec, now_ms).await.unwrap();
    store.add_input(made.id, 0, b"the input".to_vec()).await.unwrap();
    let rows = plan.iter().map(|batch| batch.numbers.len() as u64).sum();
    store.add_batches(made.id, plan).await.unwrap();
    let whole = store.finish_plan(made.id, rows).await.unwrap();
    check(store, whole.id).await;
    whole
}

/// Batches of a job with these phone numbers, called `b<job>-1`, `b<job>-2`, …; rows run on from 0.
pub fn batches_of(job: u64, parts: &[&[PhoneNumber]]) -> Vec<NewBatch> {
    let mut rows = 0..;
    let batch = |(at, part): (usize, &&[PhoneNumber])| NewBatch {
        batch_no: named(job, at as u64 + 1),
        group: "CN".into(),
        numbers: part.iter().copied().zip(rows.by_ref()).collect(),
    };
    parts.iter().enumerate().map(batch).collect()
}

/// Phone numbers that several jobs may have in common.
pub fn shared(range: std::ops::Range<u64>) -> Vec<PhoneNumber> {
    range.map(|at| number(50_000_000 + at)).collect()
}

/// A job with one batch of these phone numbers, which takes every result of the book.
pub async fn of_numbers<S: Store>(store: &S, job: u64, numbers: &[PhoneNumber]) -> Job {
    made(store, job, batches_of(job, &[numbers]), Reuse::ALL, T0).await
}

pub async fn with_duplicates<S: Store>(store: &S, job: u64, sizes: &[u64], duplicates: &[(u64, u64)]) -> Job {
    let made = store.create_job(&name(job), &spec(job), T0).await.unwrap();
    store.add_batches(made.id, batches(job, sizes)).await.unwrap();
    let duplicates: Vec<_> =
        duplicates.iter().map(|(row, first)| Duplicate { row: *row, first: *first }).collect();
    let rows = sizes.iter().sum::<u64>() + duplicates.len() as u64;
    store.add_duplicates(made.id, duplicates).await.unwrap();
    store.finish_plan(made.id, rows).await.unwrap()
}

/// Claims the next batch that has something to send, as a whole, and does not confirm it.
pub async fn try_claim<S: Store + ?Sized>(store: &S, job: i64, now_ms: u64) -> Option<Claimed> {
    while let Some(next) = store.next_batch(job, &Skip::default()).await.unwrap() {
        if next.numbers == 0 {
            continue;
        }
        if let Some(claimed) = store.claim(next.batch, "sender", u64::MAX, now_ms).await.unwrap() {
            return Some(claimed);
        }
    }
    None
}

/// Claims the next batch and confirms the claim, as whoever signs at that time.
pub async fn claim<S: Store>(store: &S, job: &Job, now_ms: u64) -> Claimed {
    let claimed = try_claim(store, job.id, now_ms).await.expect("a planned batch");
    assert!(store.confirm(claimed.batch, claimed.claim, now_ms).await.unwrap());
    claimed
}

/// Takes the next batch, and has it accepted.
pub async fn accepted<S: Store>(store: &S, job: &Job) -> Claimed {
    let claimed = claim(store, job, T0).await;
    end(store, &claimed, BatchEnd::Accepted { message_id: None }).await;
    check(store, job.id).await;
    claimed
}

pub async fn end<S: Store>(store: &S, claimed: &Claimed, end: BatchEnd) {
    store.end(claimed.batch, claimed.claim, end, T0 + 1000).await.unwrap();
}

pub fn doubt() -> BatchEnd {
    BatchEnd::InDoubt { code: None, message: "nobody answered".into(), from_reply: false }
}

pub fn refusal() -> BatchEnd {
    BatchEnd::Refused { code: Some(211), message: "no money".into() }
}

/// A pushed result, of the first dialect.
#[derive(Clone)]
pub struct Push {
    pub batch_no: String,
    pub number: PhoneNumber,
    pub id: String,
    pub code: i64,
    pub carrier: String,
    pub cost: Option<(&'static str, &'static str)>,
}

impl Push {
    pub fn of(batch_no: &BatchNo, number: PhoneNumber) -> Self {
        Self {
            batch_no: batch_no.as_str().to_owned(),
            number,
            id: "301ef45b8de54d8aad95c5264c3756be-250142".into(),
            code: 0,
            carrier: "China Telecom".into(),
            cost: Some(("0.1912", "USD")),
        }
    }

    pub fn failed(batch_no: &BatchNo, number: PhoneNumber) -> Self {
        Self { code: 121, cost: None, ..Self::of(batch_no, number) }
    }

    pub fn costing(self, price: &'static str, currency: &'static str) -> Self {
        Self { cost: Some((price, currency)), ..self }
    }

    pub fn with_id(self, id: &str) -> Self {
        Self { id: id.into(), ..self }
    }

    pub fn body(&self) -> Vec<u8> {
        let (batch_no, id, phone, code) = (&self.batch_no, &self.id, self.number.digits(), self.code);
        let data = match code {
            0 => format!(
                r#","data":{{"basic":{{"preCheck":"YES","regionCode":"CN","carrier":"{}"}}}}"#,
                self.carrier
            ),
            _ => String::new(),
        };
        let cost = match self.cost {
            Some((price, currency)) => format!(r#","cost":{{"price":{price},"currency":"{currency}"}}"#),
            None => String::new(),
        };
        format!(
            r#"{{"messageId":"{id}","code":{code},"msg":"m","batchNo":"{batch_no}","phone":"{phone}"{data}{cost}}}"#
        )
        .into_bytes()
    }

    /// The same check as a row of a query.
    pub fn row(&self) -> Vec<u8> {
        let (price, currency) = self.cost.unwrap_or(("0", "USD"));
        let (batch_no, id, phone) = (&self.batch_no, &self.id, self.number.digits());
        format!(
            r#"{{"preCheck":"YES","batchNo":"{batch_no}","checkLevel":5,"messageId":"{id}","regionCode":"CN","carrier":"{}","phone":"{phone}","price":{price},"currency":"{currency}"}}"#,
            self.carrier
        )
        .into_bytes()
    }

    pub fn pushed(&self) -> NewResult {
        result(&self.batch_no, Source::Push, self.body())
    }

    /// That the platform did not take the number.
    pub fn not_taken(&self) -> NewResult {
        let item = serde_json::json!({"number": self.number.digits(), "failCode": 7});
        let body = numcheck_bulk::store::reading::not_taken(Some(&self.number), Some("invalid"), &item);
        result(&self.batch_no, Source::Answer, body)
    }

    pub fn fetched(&self) -> NewResult {
        result(&self.batch_no, Source::Query, self.row())
    }
}

pub fn result(batch_no: &str, source: Source, body: Vec<u8>) -> NewResult {
    NewResult { batch_no: batch_no.to_owned(), source, body, received_ms: T0 + 5000 }
}

/// Enters everything that waits; says first, repeats, conflicts, strays. None of it is a second charge.
pub async fn fold<S: Store + ?Sized>(store: &S) -> [u32; 4] {
    let mut sum = [0; 4];
    loop {
        let folded = store.fold(3).await.unwrap();
        assert_eq!(folded.charged_again, 0, "nothing was charged twice");
        for (sum, one) in sum.iter_mut().zip([folded.first, folded.repeats, folded.conflicts, folded.strays])
        {
            *sum += one;
        }
        if folded.seen < 3 {
            return sum;
        }
    }
}

/// Stores and enters at once.
pub async fn enter<S: Store + ?Sized>(store: &S, results: Vec<NewResult>) -> [u32; 4] {
    store.append(results).await.unwrap();
    fold(store).await
}

pub async fn all_rows<S: Store + ?Sized>(store: &S, job: i64) -> Vec<RowFate> {
    store.rows(job, None, 100_000).await.unwrap()
}

pub async fn row<S: Store + ?Sized>(store: &S, job: i64, row: u64) -> RowFate {
    all_rows(store, job).await.into_iter().find(|fate| fate.row == row).expect("a row of the job")
}

/// The equations, and the same figures counted once more, row by row. To be called after every step.
pub async fn check<S: Store + ?Sized>(store: &S, job: i64) -> Ledger {
    let ledger = store.ledger(job).await.unwrap();
    assert!(ledger.adds_up());
    let mut counted = Ledger::default();
    let (mut done, mut unpriced) = (BTreeMap::<(Outcome, Currency), (u64, Price)>::new(), 0);
    let rows: Vec<_> = all_rows(store, job).await.into_iter().filter(|fate| !fate.duplicate).collect();
    for fate in &rows {
        assert_eq!(fate.result.is_some(), fate.received_ms.is_some(), "row {}", fate.row);
        let read =
            |source, body: &[u8]| super::reader::read(source, body).expect("a result that was read before");
        let place = match (&fate.result, fate.state) {
            (Some((source, body)), _) if fate.reused => match read(*source, body).outcome {
                Outcome::Done => &mut counted.reused.done,
                Outcome::Refused => &mut counted.reused.refused,
                _ => &mut counted.reused.failed,
            },
            (Some((source, body)), state) => {
                assert_ne!(state, BatchState::InDoubt, "a batch with a result is in doubt");
                assert_ne!(state, BatchState::Refused, "a batch with a result is refused");
                let facts = read(*source, body);
                let outcome = if facts.outcome.is_failed() { Outcome::Failed } else { facts.outcome };
                match facts.cost {
                    Some((currency, price)) => {
                        let sum = done.entry((outcome, currency)).or_default();
                        *sum = (sum.0 + 1, sum.1.checked_add(price).unwrap());
                    }
                    None => unpriced += u64::from(outcome == Outcome::Done),
                }
                counted.submitted += u64::from(outcome != Outcome::Refused);
                match outcome {
                    Outcome::Done => &mut counted.settled,
                    Outcome::Refused => &mut counted.refused,
                    _ => &mut counted.failed,
                }
            }
            (None, BatchState::Planned) => &mut counted.planned,
            // Whoever waits for a batch that was not sent is planned again soon.
            (None, BatchState::Refused) if fate.reused => &mut counted.planned,
            (None, BatchState::Refused) => &mut counted.refused,
            (None, state) if fate.reused => {
                let in_doubt = state == BatchState::InDoubt || fate.missing;
                if in_doubt { &mut counted.waiting_in_doubt } else { &mut counted.waiting }
            }
            (None, state) => {
                counted.submitted += 1;
                match state {
                    BatchState::InDoubt => &mut counted.in_doubt,
                    _ if fate.missing => &mut counted.missing,
                    _ => &mut counted.pending,
                }
            }
        };
        *place += 1;
    }
    assert_eq!(figures(&ledger), figures(&counted), "{ledger:?} is not what the rows say");
    let numbers = ledger.planned
        + ledger.refused
        + ledger.submitted
        + ledger.reused.total()
        + ledger.waiting
        + ledger.waiting_in_doubt;
    assert_eq!(numbers, rows.len() as u64, "{ledger:?} does not have each phone number once");
    // What was charged for second sendings is in the costs, too; whoever tests that says how much.
    if ledger.charged_again == 0 {
        let sums: BTreeMap<_, _> =
            ledger.costs.iter().map(|(key, sum)| (*key, (sum.count, sum.amount))).collect();
        assert_eq!((sums, ledger.unpriced), (done, unpriced), "the costs are not those of the results");
    }
    ledger
}

/// What a ledger counts, in one order.
pub fn figures(ledger: &Ledger) -> [u64; 13] {
    [
        ledger.planned,
        ledger.refused,
        ledger.submitted,
        ledger.settled,
        ledger.failed,
        ledger.in_doubt,
        ledger.missing,
        ledger.pending,
        ledger.reused.done,
        ledger.reused.failed,
        ledger.reused.refused,
        ledger.waiting,
        ledger.waiting_in_doubt,
    ]
}
