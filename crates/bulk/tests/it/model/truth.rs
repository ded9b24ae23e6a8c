//! What must be true of a world: after every step, and at its end.
//!
//! The platform's own books say what was accepted and paid for; what the store was told says what can be known of it.

use std::collections::{BTreeMap, BTreeSet};

use numcheck_bulk::conformance::reader;
use numcheck_bulk::store::{RowFate, Source};
use numcheck_bulk::{BatchState, Job, JobState, Ledger, Outcome, Store};
use numcheck_protocol::PhoneNumber;

use crate::model::known::{Known, OfJob};
use crate::model::made::{figures, number};
use crate::model::process::SMALL;
use crate::model::scenario::Query;
use crate::model::stepped::Stepped;
use crate::model::world::World;

fn tail(number: &PhoneNumber) -> String {
    format!("…{}", &number.digits()[8..])
}

impl World {
    /// Holds a store against what should be known. Called after every step.
    pub(crate) fn compare(&self, store: &dyn Store) {
        let known = self.known();
        known.check();
        let books = self.books();
        if let Some((batch, _, _)) = books
            .acknowledged
            .iter()
            .find(|(batch, _, body)| !known.stored.contains_key(&(batch.clone(), body.clone())))
        {
            self.fail(format!("a result of {batch} was acknowledged and not stored"));
        }
        for (number, accepted) in &books.accepted {
            let decided = books.decided.get(number).copied().unwrap_or_default();
            if accepted.len() > 1 + decided && !self.scenario.lying {
                self.fail(format!(
                    "{} was accepted without a decision: {accepted:?}, decided {decided} times",
                    tail(number)
                ));
            }
        }
        drop(books);
        for (job, of_job) in &known.jobs {
            match of_job.state {
                JobState::Planning => {}
                JobState::Forgotten => {
                    self.compare_costs(&known, *job, &self.wait(store.ledger(*job)).unwrap())
                }
                _ => self.compare_job(&known, *job, of_job, store),
            }
        }
        let quarantined: Vec<_> = self.wait(store.quarantine(0, 1000)).unwrap();
        let quarantined: Vec<_> = quarantined.iter().map(|odd| (&odd.batch_no, &odd.body)).collect();
        let expected: Vec<_> =
            known.quarantined.iter().map(|result| (&result.batch_no, &result.body)).collect();
        if quarantined != expected {
            self.fail(format!(
                "{} results are quarantined, and should be {}",
                quarantined.len(),
                expected.len()
            ));
        }
    }

    fn compare_job(&self, known: &Known, job: i64, of_job: &OfJob, store: &dyn Store) {
        // Reading it checks its equation.
        let ledger = self.wait(store.ledger(job)).unwrap();
        let rows = self.wait(store.rows(job, None, 1000)).unwrap();
        self.compare_costs(known, job, &ledger);
        self.compare_rows(known, of_job, &rows);
        let counted = count(known, &rows);
        if figures(&ledger) != figures(&counted) {
            self.fail(format!("the ledger is {ledger:?}, and the rows say {counted:?}"));
        }
    }

    /// Every charge of every sending that came is in the costs, once.
    fn compare_costs(&self, known: &Known, job: i64, ledger: &Ledger) {
        let costs: BTreeMap<_, _> =
            ledger.costs.iter().map(|(key, sum)| (*key, (sum.count, sum.amount))).collect();
        let expected = known.costs(job);
        if (&costs, ledger.charged_again) != (&expected.0, expected.1) {
            self.fail(format!(
                "the costs are {costs:?}, {} charged again, and should be {expected:?}",
                ledger.charged_again
            ));
        }
    }

    /// One row for each of the input, in its order; it says of its sending what is known of it.
    fn compare_rows(&self, known: &Known, of_job: &OfJob, rows: &[RowFate]) {
        let command = &self.scenario.commands[of_job.command];
        let own = (0..command.count()).map(|row| (row, number(command.first + row), false));
        let repeated = (0..command.duplicates)
            .map(|at| (command.count() + at, number(command.first + at % command.count()), true));
        let expected: Vec<_> = own.chain(repeated).collect();
        let are: Vec<_> = rows.iter().map(|row| (row.row, row.number, row.duplicate)).collect();
        if are != expected {
            return self.fail(format!("the rows are {are:?}, and should be {expected:?}"));
        }
        for row in rows {
            let is = (row.state, row.missing);
            let is_known = match known.batch(&row.batch_no) {
                // It was never claimed.
                None => is == (BatchState::Planned, false) && row.result.is_none() && !row.reused,
                Some(batch) => {
                    let result = known.results.get(&(known.key(&row.batch_no).unwrap(), row.number));
                    let is_result = match (&row.result, result) {
                        (None, None) => true,
                        // Who waits for it takes it over when it looks.
                        (None, Some(_)) => row.reused,
                        (Some((source, body)), Some(known)) => (*source, body) == (known.source, &known.body),
                        (Some(_), None) => false,
                    };
                    // Nothing was left to send of it.
                    let is_emptied = (row.reused || row.result.is_some())
                        && is.0 == BatchState::Accepted
                        && batch.state == BatchState::Planned;
                    // What a forgotten job has sent is not going to be known.
                    let is_forgotten = row.reused
                        && row.result.is_none()
                        && known.jobs[&batch.job].state == JobState::Forgotten;
                    is_result && (is == (batch.state, batch.missing || is_forgotten) || is_emptied)
                }
            };
            if !is_known {
                let of = known.batch(&row.batch_no).map(|batch| (batch.state, batch.missing));
                self.fail(format!(
                    "row {} of {} ({}) is {is:?}, reused: {}, result: {}; its batch is {of:?}",
                    row.row,
                    row.batch_no,
                    tail(&row.number),
                    row.reused,
                    row.result.is_some()
                ));
            }
        }
    }

    /// A person has said that these may be paid once more.
    pub(crate) fn decides(&self, numbers: &[PhoneNumber], why: &str) {
        if !numbers.is_empty() {
            let tails: Vec<_> = numbers.iter().map(tail).collect();
            self.log(format!("decided for {tails:?}: {why}"));
        }
        let mut books = self.books();
        for number in numbers {
            *books.decided.entry(*number).or_default() += 1;
        }
    }

    /// A batch was planned again because the platform was found not to know it.
    pub(crate) fn proved(&self, batch_no: &str) {
        let books = self.books();
        let was_accepted = books.accepted.values().flatten().any(|(of, _)| of == batch_no);
        if was_accepted && !self.scenario.lying {
            self.fail(format!("{batch_no} was taken for unknown, and was accepted"));
        }
    }

    /// A process whose turn it is begins to submit: as far from the others as the longer of two intervals, whichever process they are.
    pub(crate) fn sends(&self, numbers: u64) {
        let (now_ms, interval_ms) = (self.now_ms(), if numbers > SMALL.into() { 1000 } else { 100 });
        let before = self.books().sent.replace((now_ms, interval_ms));
        // Who falls asleep behind its turn misses it, and clocks that differ do not agree on turns.
        if let Some((last_ms, its_interval_ms)) = before
            && now_ms - last_ms < interval_ms.max(its_interval_ms)
            && self.scenario.faults.pause == 0
            && self.scenario.script.naps.is_empty()
            && self.scenario.clocks.are_right()
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
        if store.input(job.id, 0).await.unwrap().is_none() {
            self.fail("a piece of the input is lost".into());
        }
    }

    /// What must be true when nothing is going to happen any more.
    pub(crate) fn judge(&self) -> Vec<(JobState, Ledger)> {
        let store = self.open();
        loop {
            let folded = self.wait(store.fold(3)).unwrap();
            self.known().folded(3, &folded);
            if folded.seen < 3 {
                break;
            }
        }
        let jobs = self.wait(store.jobs()).unwrap();
        if jobs.is_empty() {
            self.fail("there is no job".into());
        }
        for job in jobs.iter().filter(|job| matches!(job.state, JobState::Open | JobState::Replaced)) {
            self.wait(store.follow(job.id)).unwrap();
            let rows = self.wait(store.rows(job.id, None, 1000)).unwrap();
            self.known().moved(job.id, &rows);
        }
        self.compare(&*store);
        for job in jobs.iter().filter(|job| job.state == JobState::Open) {
            self.judge_job(&*store, job);
        }
        self.judge_results(&*store);
        let of_job = |job: &Job| (job.state, self.wait(store.ledger(job.id)).unwrap());
        let ends = jobs.iter().rev().map(of_job).collect();
        for job in jobs.iter().filter(|job| job.state != JobState::Planning) {
            self.wait(store.forget(job.id, true)).unwrap();
            self.known().forgot(job.id);
            if self.wait(store.input(job.id, 0)).unwrap().is_some() {
                self.fail("the input was not forgotten".into());
            }
        }
        self.compare(&*store);
        ends
    }

    /// Every result that was ever entered can be found: by its job, by its phone number, or aside.
    fn judge_results(&self, store: &dyn Store) {
        let known = self.known();
        let kept = self.wait(store.quarantine(0, 10_000)).unwrap();
        if kept.iter().any(|odd| !odd.conflict) {
            self.fail("a result found no number".into());
        }
        for ((key, number), result) in &known.results {
            if known.jobs[&known.batches[key].job].state == JobState::Forgotten {
                continue;
            }
            let history = self.wait(store.history(*number)).unwrap();
            let is_it = |found: &Option<(Source, Vec<u8>, u64)>| {
                found.as_ref().is_some_and(|found| found.1 == result.body)
            };
            if !history.iter().any(|sending| is_it(&sending.result)) {
                self.fail(format!("the history of {} has no result of {}", tail(number), result.batch_no));
            }
        }
        let books = self.books();
        for (batch, number, body) in &books.acknowledged {
            let Some(key) = known.key(batch) else {
                self.fail(format!("{batch} is not known"));
                continue;
            };
            if known.jobs[&known.batches[&key].job].state == JobState::Forgotten {
                continue;
            }
            let as_either = |kept: &[u8]| {
                [Source::Push, Source::Query]
                    .into_iter()
                    .any(|of| reader::same((of, kept), (Source::Push, body)))
            };
            let is_first = known.results.get(&(key, *number)).is_some_and(|first| as_either(&first.body));
            if !is_first && !kept.iter().any(|odd| as_either(&odd.body)) {
                self.fail(format!("an acknowledged result of {batch} is lost"));
            }
        }
    }

    fn judge_job(&self, store: &dyn Store, job: &Job) {
        let (scenario, known) = (&self.scenario, self.known());
        let ledger = self.wait(store.ledger(job.id)).unwrap();
        let rows = self.wait(store.rows(job.id, None, 1000)).unwrap();
        let books = self.books();
        let (can_ask, is_far) = (scenario.traits.query != Query::Never, scenario.clocks.far);
        let forgot: BTreeSet<_> = known
            .batches
            .values()
            .filter(|batch| known.jobs[&batch.job].state == JobState::Forgotten)
            .flat_map(|batch| &batch.numbers)
            .collect();
        if can_ask && ledger.planned + ledger.pending + ledger.waiting > 0 && !is_far && forgot.is_empty() {
            self.fail(format!("{} is not settled: {ledger:?}", job.name));
        }
        for row in rows.iter().filter(|row| !row.duplicate) {
            let accepted = books.accepted.get(&row.number).map_or(&[][..], Vec::as_slice);
            let at = tail(&row.number);
            if row.result.is_some() && accepted.is_empty() {
                self.fail(format!("{at} has a result of nothing"));
            }
            let is_own = known.batch(&row.batch_no).is_some_and(|batch| batch.job == job.id);
            if row.result.is_none() && !is_own && known.has_news(job.id, &row.number) {
                self.fail(format!("{at} of {} waits, and has a result", job.name));
            }
            if row.state == BatchState::Refused
                && !row.reused
                && accepted.iter().any(|of| of.0 == row.batch_no)
            {
                self.fail(format!("{at} is refused, and was accepted {accepted:?}"));
            }
            // What could be found by asking was found.
            let traits = &scenario.traits;
            let is_in_time = traits.delay + traits.differ + traits.trickle + 5 < 60;
            let is_hidden = traits.hides && books.doubted.contains(&row.batch_no);
            let is_told = books.listed.get(&row.batch_no).is_some_and(|listed| {
                listed.iter().any(|listed| listed.number == row.number && listed.push.is_some())
            });
            let straight = is_in_time && !is_hidden && !is_far && scenario.faults.contradiction == 0;
            let straight = straight && !scenario.script.first_contradicts && !scenario.script.busy;
            if row.result.is_none()
                && is_told
                && straight
                && traits.query == Query::Works
                && !forgot.contains(&row.number)
                && !scenario.lying
            {
                self.fail(format!("{at} of {} was checked and paid for, and has no result", row.batch_no));
            }
        }
    }
}

/// The figures of a ledger, counted once more.
fn count(known: &Known, rows: &[RowFate]) -> Ledger {
    let mut counted = Ledger::default();
    for row in rows.iter().filter(|row| !row.duplicate) {
        let outcome = |of: &(Source, Vec<u8>)| reader::read(of.0, &of.1).unwrap().outcome;
        let place = match (row.result.as_ref().map(outcome), row.state) {
            (Some(Outcome::Done), _) if row.reused => &mut counted.reused.done,
            (Some(Outcome::Refused), _) if row.reused => &mut counted.reused.refused,
            (Some(_), _) if row.reused => &mut counted.reused.failed,
            (None, BatchState::Planned | BatchState::Refused) if row.reused => &mut counted.planned,
            (None, state) if row.reused => {
                let of = known.batch(&row.batch_no).map(|batch| known.jobs[&batch.job].state);
                let is_missing = row.missing || of == Some(JobState::Forgotten);
                let in_doubt = state == BatchState::InDoubt || state == BatchState::Accepted && is_missing;
                if in_doubt { &mut counted.waiting_in_doubt } else { &mut counted.waiting }
            }
            (Some(outcome), _) => {
                counted.submitted += u64::from(outcome != Outcome::Refused);
                match outcome {
                    Outcome::Done => &mut counted.settled,
                    Outcome::Refused => &mut counted.refused,
                    _ => &mut counted.failed,
                }
            }
            (None, BatchState::Planned) => &mut counted.planned,
            (None, BatchState::Refused) => &mut counted.refused,
            (None, state) => {
                counted.submitted += 1;
                match state {
                    BatchState::InDoubt => &mut counted.in_doubt,
                    BatchState::Accepted if row.missing => &mut counted.missing,
                    _ => &mut counted.pending,
                }
            }
        };
        *place += 1;
    }
    counted
}
