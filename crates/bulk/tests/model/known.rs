//! What a store should know: the same calls in memory, in a few lines, without a database.
//!
//! Pure. It is told what a store was asked and what it answered, and says what must be found there now. It must not look into a store.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use numcheck_bulk::store::{Claimed, Folded, NewBatch, NewResult, OpenBatch, Source, reading};
use numcheck_bulk::{BatchEnd, BatchState, Outcome};
use numcheck_protocol::{Currency, PhoneNumber, Price};

/// Everything that is known of the one job.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) job: Option<i64>,
    /// Its plan is whole.
    pub(crate) whole: bool,
    pub(crate) forgotten: bool,
    pub(crate) batches: Vec<Batch>,
    pub(crate) numbers: BTreeMap<PhoneNumber, Number>,
    /// Rows that repeat an earlier one.
    pub(crate) duplicates: BTreeMap<u64, u64>,
    /// Every number that a batch ever had.
    names: BTreeMap<String, usize>,
    waiting: VecDeque<NewResult>,
    /// Kept aside: of which batch number and number, and what.
    pub(crate) aside: Vec<(String, PhoneNumber, Source, Vec<u8>)>,
    /// Everything that was ever stored.
    pub(crate) stored: BTreeSet<(String, Vec<u8>)>,
    /// Steps since the last that changed something.
    idle: u32,
}

pub(crate) struct Batch {
    pub(crate) batch_no: String,
    pub(crate) state: BatchState,
    pub(crate) numbers: Vec<PhoneNumber>,
    pub(crate) missing: bool,
    tries: u64,
    sent_ms: u64,
    ended_ms: Option<u64>,
}

pub(crate) struct Number {
    pub(crate) batch: usize,
    pub(crate) row: u64,
    /// Under which batch number it came, and what.
    pub(crate) result: Option<(String, Source, Vec<u8>)>,
}

/// The figures of a ledger, in the order of its fields, and what results cost.
pub(crate) type Figures = ([u64; 8], BTreeMap<(Outcome, Currency), (u64, Price)>);

impl Known {
    /// Whether it is worth looking whether the store knows the same. Where nothing should have changed, now and then.
    pub(crate) fn is_due(&mut self, changed: bool) -> bool {
        self.idle = if changed { 0 } else { self.idle + 1 };
        self.idle.is_multiple_of(16)
    }

    pub(crate) fn made(&mut self, job: i64) {
        if self.job != Some(job) {
            let Self { waiting, stored, .. } = std::mem::take(self);
            *self = Self { job: Some(job), waiting, stored, ..Self::default() };
        }
    }

    pub(crate) fn planned(&mut self, batches: &[NewBatch]) {
        for batch in batches {
            let at = self.batches.len();
            self.names.insert(batch.batch_no.as_str().to_owned(), at);
            for (number, row) in &batch.numbers {
                self.numbers.insert(*number, Number { batch: at, row: *row, result: None });
            }
            self.batches.push(Batch {
                batch_no: batch.batch_no.as_str().to_owned(),
                state: BatchState::Planned,
                numbers: batch.numbers.iter().map(|(number, _)| *number).collect(),
                missing: false,
                tries: 0,
                sent_ms: 0,
                ended_ms: None,
            });
        }
    }

    /// A batch was taken: the first that is planned, all of its numbers that have no result, and nobody else has it.
    pub(crate) fn claimed(&mut self, claimed: Option<&Claimed>, now_ms: u64) -> bool {
        for at in 0..self.batches.len() {
            if self.batches[at].state != BatchState::Planned || !self.whole || self.forgotten {
                continue;
            }
            let unsettled = self.unsettled(at);
            let batch = &mut self.batches[at];
            (batch.sent_ms, batch.ended_ms) = (now_ms, None);
            if unsettled.is_empty() {
                batch.state = BatchState::Accepted;
                continue;
            }
            batch.state = BatchState::Sending;
            let claimed = claimed.expect("a planned batch was not handed out");
            assert_eq!((claimed.batch_no.as_str(), &claimed.numbers), (batch.batch_no.as_str(), &unsettled));
            return true;
        }
        assert_eq!(claimed, None, "nothing is planned");
        false
    }

    pub(crate) fn ended(&mut self, batch_no: &str, end: &BatchEnd, now_ms: u64) -> bool {
        let at = self.at(batch_no);
        let batch = &mut self.batches[at];
        let open = matches!(batch.state, BatchState::Sending | BatchState::InDoubt);
        if !open || batch.batch_no != batch_no {
            return true;
        }
        batch.ended_ms = Some(now_ms);
        batch.state = match end {
            BatchEnd::Accepted { .. } => BatchState::Accepted,
            BatchEnd::Refused { .. } => BatchState::Refused,
            BatchEnd::NotSent => BatchState::Planned,
            _ => BatchState::InDoubt,
        };
        self.accept_if_proved(at);
        true
    }

    pub(crate) fn gave_up_sending(&mut self, before_ms: u64, count: u64) -> bool {
        let dead = |batch: &Batch| batch.state == BatchState::Sending && batch.sent_ms < before_ms;
        let dead: Vec<usize> = (0..self.batches.len()).filter(|at| dead(&self.batches[*at])).collect();
        assert_eq!(count, dead.len() as u64);
        for at in dead {
            self.batches[at].state = BatchState::InDoubt;
            self.accept_if_proved(at);
        }
        count > 0
    }

    /// Whoever it was that decided so.
    pub(crate) fn planned_again(&mut self, batch_no: &str, done: bool) {
        self.fold_all();
        let at = self.at(batch_no);
        let possible = !self.forgotten
            && self.batches[at].state == BatchState::InDoubt
            && self.batches[at].batch_no == batch_no;
        assert_eq!(done, possible, "{batch_no} is {:?}", self.batches[at].state);
        if !done {
            return;
        }
        let batch = &mut self.batches[at];
        let first = batch_no.strip_suffix(&format!(".r{}", batch.tries)).unwrap_or(batch_no);
        batch.tries += 1;
        batch.batch_no = format!("{first}.r{}", batch.tries);
        batch.state = BatchState::Planned;
        let new = self.names.insert(self.batches[at].batch_no.clone(), at);
        assert_eq!(new, None, "a number is used twice");
    }

    pub(crate) fn appended(&mut self, results: Vec<NewResult>) {
        self.stored.extend(results.iter().map(|result| (result.batch_no.clone(), result.body.clone())));
        self.waiting.extend(results);
    }

    pub(crate) fn folded(&mut self, most: u32, folded: &Folded) -> bool {
        let seen = (most as usize).min(self.waiting.len()) as u32;
        let mut counted = Folded { seen, ..Folded::default() };
        for _ in 0..seen {
            self.fold_one(&mut counted);
        }
        assert_eq!(*folded, counted);
        seen > 0
    }

    pub(crate) fn marked_missing(&mut self, batch_no: &str, count: u64) -> bool {
        let at = self.at(batch_no);
        let unsettled = self.unsettled(at).len() as u64;
        let batch = &mut self.batches[at];
        let possible = batch.state == BatchState::Accepted && !batch.missing && batch.batch_no == batch_no;
        assert_eq!(count, if possible { unsettled } else { 0 });
        batch.missing |= count > 0;
        true
    }

    pub(crate) fn forgot(&mut self) {
        self.fold_all();
        self.forgotten = true;
        self.aside.clear();
    }

    /// What is open must be just what is listed.
    pub(crate) fn listed(&self, open: &[OpenBatch]) {
        let mut expected = Vec::new();
        for (at, batch) in self.batches.iter().enumerate().filter(|_| !self.forgotten) {
            let sent = !matches!(batch.state, BatchState::Planned | BatchState::Refused);
            let unsettled = self.unsettled(at).len() as u64;
            if sent && unsettled > 0 {
                let settled = batch.numbers.len() as u64 - unsettled;
                let times = (batch.sent_ms, batch.ended_ms);
                expected.push((batch.batch_no.as_str(), batch.state, times, settled, batch.missing));
            }
        }
        let listed: Vec<_> = open
            .iter()
            .map(|batch| {
                let times = (batch.sent_ms, batch.ended_ms);
                (batch.batch_no.as_str(), batch.state, times, batch.settled, batch.missing)
            })
            .collect();
        assert_eq!(listed, expected);
    }

    pub(crate) fn figures(&self) -> Figures {
        let [mut planned, mut refused, mut settled, mut failed, mut in_doubt, mut missing, mut pending] =
            [0; 7];
        let mut costs = BTreeMap::<_, (u64, Price)>::new();
        for number in self.numbers.values() {
            let batch = &self.batches[number.batch];
            let Some((_, source, body)) = &number.result else {
                *match batch.state {
                    BatchState::Planned => &mut planned,
                    BatchState::Refused => &mut refused,
                    BatchState::InDoubt => &mut in_doubt,
                    _ if batch.missing => &mut missing,
                    _ => &mut pending,
                } += 1;
                continue;
            };
            let facts = reading::read(*source, body).unwrap();
            *if facts.outcome == Outcome::Done { &mut settled } else { &mut failed } += 1;
            if let Some((currency, price)) = facts.cost {
                let sum = costs.entry((facts.outcome, currency)).or_default();
                *sum = (sum.0 + 1, sum.1.checked_add(price).unwrap());
            }
        }
        let submitted = settled + failed + in_doubt + missing + pending;
        ([planned, refused, submitted, settled, failed, in_doubt, missing, pending], costs)
    }

    /// Nobody may say "in doubt" of what is known, and nothing that has a result may be sent, refused or doubted.
    pub(crate) fn check(&self) {
        for (at, batch) in self.batches.iter().enumerate() {
            let has_a_result = self.unsettled(at).len() < batch.numbers.len();
            let known = matches!(batch.state, BatchState::Accepted | BatchState::Sending);
            assert!(known || !has_a_result, "{} is {:?}, and has a result", batch.batch_no, batch.state);
        }
    }

    pub(crate) fn unsettled(&self, at: usize) -> Vec<PhoneNumber> {
        let numbers = self.batches[at].numbers.iter();
        numbers.filter(|number| self.numbers[number].result.is_none()).copied().collect()
    }

    /// The batch that ever had this number.
    pub(crate) fn at(&self, batch_no: &str) -> usize {
        *self.names.get(batch_no).expect("a batch that was planned")
    }

    fn accept_if_proved(&mut self, at: usize) {
        let of_batch = |number: &PhoneNumber| self.numbers[number].result.as_ref();
        let mut proofs: Vec<_> = self.batches[at].numbers.clone();
        proofs.sort_by_key(PhoneNumber::pack);
        let proof = proofs.iter().find_map(of_batch).map(|(batch_no, _, _)| batch_no.clone());
        let batch = &mut self.batches[at];
        if let Some(batch_no) = proof
            && batch.state != BatchState::Accepted
        {
            (batch.state, batch.batch_no) = (BatchState::Accepted, batch_no);
        }
    }

    fn fold_all(&mut self) {
        while !self.waiting.is_empty() {
            self.fold_one(&mut Folded::default());
        }
    }

    fn fold_one(&mut self, counted: &mut Folded) {
        let NewResult { batch_no, source, body, .. } = self.waiting.pop_front().expect("something waits");
        if self.forgotten {
            return;
        }
        // Worlds make results that can be read, of batches that there are.
        let facts = reading::read(source, &body).unwrap();
        let (at, number) = (self.at(&batch_no), facts.number.unwrap());
        let same = |(of, known): (Source, &[u8])| reading::same((of, known), (source, &body));
        let first = &mut self.numbers.get_mut(&number).unwrap().result;
        match first {
            Some((_, of, known)) if same((*of, known.as_slice())) => counted.repeats += 1,
            Some(_) => {
                let aside = self
                    .aside
                    .iter()
                    .any(|kept| kept.0 == batch_no && kept.1 == number && same((kept.2, kept.3.as_slice())));
                if aside {
                    counted.repeats += 1;
                } else {
                    counted.conflicts += 1;
                    self.aside.push((batch_no, number, source, body));
                }
            }
            None => {
                *first = Some((batch_no.clone(), source, body));
                counted.first += 1;
                let batch = &mut self.batches[at];
                match batch.state {
                    BatchState::Sending | BatchState::Accepted => {}
                    _ => (batch.state, batch.batch_no) = (BatchState::Accepted, batch_no),
                }
            }
        }
    }
}
