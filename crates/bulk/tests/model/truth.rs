//! What must be true of a world: after every step, and at its end.
//!
//! The platform's own books say what was accepted and paid for; what the store was told says what can be known of it.

use std::collections::BTreeMap;

use numcheck_bulk::store::{RowFate, Source, reading};
use numcheck_bulk::{BatchState, Job, JobState, Outcome, Store};
use numcheck_protocol::{Currency, Price};

use crate::known::Known;
use crate::made::{currency, price};
use crate::process::{Process, Role, SMALL};
use crate::stepped::Stepped;
use crate::world::World;

impl World {
    /// Holds a store against what should be known. Called after every step.
    pub(crate) fn compare(&self, store: &dyn Store) {
        let known = self.known();
        known.check();
        let books = self.books();
        if let Some((batch, _, _)) = books
            .acknowledged
            .iter()
            .find(|(batch, _, body)| !known.stored.contains(&(batch.clone(), body.clone())))
        {
            self.fail(format!("a result of {batch} was acknowledged and not stored"));
        }
        for (number, accepted) in &books.accepted {
            let decided = books.decided.get(number).copied().unwrap_or_default();
            if accepted.len() > 1 + decided && !self.scenario.lying {
                let tail = &number.digits()[8..];
                self.fail(format!(
                    "…{tail} was accepted without a decision: {accepted:?}, decided {decided} times"
                ));
            }
        }
        drop(books);
        let Some(job) = known.job.filter(|_| known.whole) else { return };
        // Reading it checks its equation.
        let ledger = self.wait(store.ledger(job)).unwrap();
        let counts = [
            ledger.planned,
            ledger.refused,
            ledger.submitted,
            ledger.settled,
            ledger.failed,
            ledger.in_doubt,
            ledger.missing,
            ledger.pending,
        ];
        let costs: BTreeMap<_, _> =
            ledger.costs.iter().map(|(key, sum)| (*key, (sum.count, sum.amount))).collect();
        if (counts, costs) != known.figures() {
            self.fail(format!("the ledger is {ledger:?}, and should be {:?}", known.figures()));
        }
        let rows = self.wait(store.rows(job, None, 1000)).unwrap();
        self.compare_rows(&known, &rows);
        let aside: Vec<_> = self.wait(store.quarantine(0, 1000)).unwrap();
        let aside: Vec<_> = aside.iter().map(|odd| (&odd.batch_no, &odd.body)).collect();
        let expected: Vec<_> = known.aside.iter().map(|(batch_no, _, _, body)| (batch_no, body)).collect();
        if aside != expected {
            self.fail(format!("{} results are kept aside, and should be {}", aside.len(), expected.len()));
        }
    }

    /// One row for each of the input, in its order, with the fate of its number.
    fn compare_rows(&self, known: &Known, rows: &[RowFate]) {
        let mut expected: BTreeMap<u64, _> =
            known.numbers.iter().map(|(number, of)| (of.row, (*number, of, false))).collect();
        for (row, first) in &known.duplicates {
            let (number, of, _) = expected[first];
            expected.insert(*row, (number, of, true));
        }
        if known.forgotten {
            expected.clear();
        }
        let places: Vec<u64> = rows.iter().map(|row| row.row).collect();
        if places != expected.keys().copied().collect::<Vec<_>>() {
            return self.fail(format!("the rows are {places:?}, of {}", expected.len()));
        }
        for fate in rows {
            let (number, of, duplicate) = &expected[&fate.row];
            let batch = &known.batches[of.batch];
            let is = (fate.number, fate.duplicate, fate.batch_no.as_str(), fate.state, fate.missing);
            let should = (*number, *duplicate, batch.batch_no.as_str(), batch.state, batch.missing);
            let result = of.result.as_ref().map(|(_, source, body)| (*source, body.clone()));
            if is != should || fate.result != result {
                self.fail(format!("row {} is {is:?}, and should be {should:?}", fate.row));
            }
        }
    }

    /// A batch in doubt was planned again: by a person, who may be wrong, or because the platform had proved not to know it.
    pub(crate) fn decided(&self, known: &Known, batch_no: &str, process: &Process) {
        let mut books = self.books();
        for number in known.unsettled(known.at(batch_no)) {
            if process.role == Role::Person {
                *books.decided.entry(number).or_default() += 1;
            } else if !self.scenario.lying
                && books.accepted.get(&number).is_some_and(|of| of.iter().any(|(of, _)| of == batch_no))
            {
                self.fail(format!("{batch_no} was planned again, and was accepted"));
            }
        }
    }

    /// A process whose turn it is begins to submit: as far from the others as the longer of two intervals, whichever process they are.
    pub(crate) fn sends(&self, numbers: u64) {
        let (now_ms, interval_ms) = (self.now_ms(), if numbers > SMALL.into() { 1000 } else { 100 });
        let before = self.books().sent.replace((now_ms, interval_ms));
        // Who falls asleep behind its turn misses it.
        if let Some((last_ms, its_interval_ms)) = before
            && now_ms - last_ms < interval_ms.max(its_interval_ms)
            && self.scenario.faults.pause == 0
        {
            self.fail(format!("two submits lie {} ms apart, of {numbers} numbers", now_ms - last_ms));
        }
    }

    /// What an export reads, piece by piece, while everything goes on: no row is left out, none comes twice.
    pub(crate) async fn export(&self, store: &Stepped, job: &Job) {
        let mut rows: Vec<u64> = Vec::new();
        loop {
            let piece = store.rows(job.id, rows.last().copied(), 3).await.unwrap();
            if piece.is_empty() {
                break;
            }
            rows.extend(piece.iter().map(|row| row.row));
        }
        if rows != (0..job.rows).collect::<Vec<_>>() {
            self.fail(format!("the export of {} rows has {rows:?}", job.rows));
        }
        for sequence in 0..self.scenario.sizes.len() as u32 {
            if store.input(job.id, sequence).await.unwrap().is_none() {
                self.fail("a piece of the input is lost".into());
            }
        }
    }

    /// What must be true when nothing is going to happen any more.
    pub(crate) fn judge(&self) {
        let store = self.open();
        loop {
            let folded = self.wait(store.fold(3)).unwrap();
            self.known().folded(3, &folded);
            if folded.seen < 3 {
                break;
            }
        }
        let job = self.wait(store.job(&crate::made::name(1))).unwrap();
        let Some(job) = job else { return self.fail("there is no job".into()) };
        self.compare(&*store);
        if job.state == JobState::Open {
            self.judge_rows(&*store, &job);
            self.wait(store.forget(job.id)).unwrap();
            self.known().forgot();
        }
        self.compare(&*store);
        if self.wait(store.input(job.id, 0)).unwrap().is_some() {
            self.fail("the input was not forgotten".into());
        }
    }

    fn judge_rows(&self, store: &dyn Store, job: &Job) {
        let ledger = self.wait(store.ledger(job.id)).unwrap();
        let rows = self.wait(store.rows(job.id, None, 1000)).unwrap();
        let kept = self.wait(store.quarantine(0, 10_000)).unwrap();
        let books = self.books();
        let honest = !self.scenario.lying;
        if !ledger.is_final() {
            self.fail(format!("not everything was settled: {ledger:?}"));
        }
        if kept.iter().any(|odd| !odd.conflict) {
            self.fail("a result found no number".into());
        }
        for (batch, number, body) in &books.acknowledged {
            let same = |source, known: &[u8]| reading::same((source, known), (Source::Push, body));
            let row = rows.iter().find(|row| row.number == *number).unwrap();
            let known = row.result.as_ref().is_some_and(|(source, known)| same(*source, known));
            if !known && !kept.iter().any(|odd| same(Source::Push, &odd.body)) {
                self.fail(format!("an acknowledged result of {batch} is lost"));
            }
        }
        let mut costs = BTreeMap::<Currency, Price>::new();
        for row in rows.iter().filter(|row| !row.duplicate) {
            let accepted = books.accepted.get(&row.number).map_or(&[][..], Vec::as_slice);
            // Where the platform lies, or a person sent it once more, the batch may be known under a number that is not asked about now.
            let straight = honest && !books.decided.contains_key(&row.number);
            let tail = &row.number.digits()[8..];
            if row.result.is_some() && accepted.is_empty() {
                self.fail(format!("…{tail} has a result of nothing"));
            }
            let unsettled = match row.state {
                BatchState::Accepted => row.result.is_none() && !row.missing,
                BatchState::Refused | BatchState::Planned => !accepted.is_empty() && straight,
                _ => false,
            };
            if unsettled {
                self.fail(format!("…{tail} is {:?}, and was accepted {accepted:?}", row.state));
            }
            // What could be found by asking was found.
            let findable = books.finished.iter().any(|(batch, finished)| {
                let told = finished.iter().any(|(number, push)| *number == row.number && push.is_some());
                told && (*batch == row.batch_no || straight)
            });
            if findable && row.result.is_none() {
                self.fail(format!("…{tail} was checked and paid for, and has no result"));
            }
            if row.result.is_some()
                && let Some(amount) = books.charged.get(&row.number)
            {
                let sum = costs.entry(currency(["USD", "CNY"][row.number.pack() as usize % 2])).or_default();
                *sum = sum.checked_add(price(amount)).unwrap();
            }
        }
        let done = ledger.costs.iter().filter(|((outcome, _), _)| *outcome == Outcome::Done);
        let done: BTreeMap<_, _> = done.map(|((_, currency), sum)| (*currency, sum.amount)).collect();
        if done != costs && honest && books.decided.is_empty() {
            self.fail(format!("the ledger says {done:?}, the platform {costs:?}"));
        }
    }
}
