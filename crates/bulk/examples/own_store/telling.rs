//! What is told: ledger, rows, history, spending.

use super::*;

impl Tables {
    pub(crate) fn look_up(&self, scope: &Scope, number: PhoneNumber) -> Result<Option<Known>> {
        for link in self.sendings(scope, number)? {
            if let Some(state) = link.known() {
                let row = self.batch(link.batch)?;
                let at_ms = link.result.map_or(row.record.last_sent_ms(), |result| result.received_ms);
                return Ok(Some(Known::new(state, at_ms, row.job)));
            }
        }
        Ok(None)
    }

    pub(crate) fn history(&self, number: PhoneNumber) -> Result<Vec<Sending>> {
        let mut history = Vec::new();
        for scope in &self.scopes {
            for link in self.sendings(scope, number)? {
                let batch = self.batch(link.batch)?;
                let name = self.job(batch.job)?.job.name.clone();
                let row = self.numbers.get(&(link.batch, number));
                let result = row.filter(|row| row.via.is_none()).and_then(|row| row.result);
                let result = result.and_then(|has| self.results.get(&has.id));
                let told = result.map(|result| (result.source, result.body.clone(), result.received_ms));
                let record = &batch.record;
                let sending = Sending::new(scope.clone(), name, record.batch_no.as_str(), record.state);
                history.push(sending.with_sent_ms(record.sent_ms).with_result(told));
            }
        }
        history.sort_by_key(|sending| std::cmp::Reverse(sending.sent_ms));
        Ok(history)
    }

    pub(crate) fn merge_account(&mut self, old: &str, new: &str) -> Result<()> {
        if old == new {
            return Ok(());
        }
        let renamed = |scope: &Scope| Scope::new(new, scope.service.as_str(), scope.level);
        let from: Vec<Scope> = self.scopes.iter().filter(|scope| scope.account == old).cloned().collect();
        for scope in from {
            let to = renamed(&scope);
            let numbers: Vec<PhoneNumber> =
                self.checks.keys().filter(|(of, _)| *of == scope).map(|(_, number)| *number).collect();
            for number in numbers {
                let mut sendings = self.sendings(&scope, number)?;
                sendings.extend(self.sendings(&to, number)?);
                let claims =
                    sendings.iter().map(|link| Ok((self.batch(link.batch)?.record.claim, link.batch)));
                let chain = chain(claims.collect::<Result<_>>()?);
                self.checks.remove(&(scope.clone(), number));
                self.set_chain(&to, number, &chain);
            }
            self.scopes.retain(|one| *one != scope && *one != to);
            self.scopes.push(to.clone());
            for row in self.jobs.values_mut().filter(|row| row.job.spec.scope == scope) {
                row.job.spec.scope = to.clone();
            }
        }
        let mut moved = Sums::new();
        let is_old = |(account, ..): &(Arc<str>, i64, _)| &**account == old;
        for (key, amount) in self.sums.charges.iter().filter(|(key, _)| is_old(key)) {
            moved.charges.insert((new.into(), key.1, key.2), *amount);
        }
        self.sums.charges.retain(|key, _| !is_old(key));
        let moved = moved.added_to(&self.sums);
        self.sums.charges.extend(moved.charges);
        Ok(())
    }

    pub(crate) fn ledger(&self, job: i64) -> Result<Ledger> {
        let mut ledger = Ledger::default();
        for (_, batch) in self.batches_of(job) {
            let mut sums = BatchSums::new(batch.record.state, batch.record.missing);
            sums.numbers = batch.numbers as u64;
            (sums.done, sums.failed) = (batch.done as u64, batch.failed as u64);
            (sums.refused, sums.unpriced) = (batch.refused as u64, batch.unpriced as u64);
            sums.charged_again = batch.charged_again as u64;
            sums.may_be_charged = batch.may_be_charged() as u64;
            ledger.add(sums);
        }
        for (_, via) in self.waiting(job) {
            let record = &self.batch(via)?.record;
            ledger.add_waiting(record.state, record.missing || self.is_forgotten(via)?, 1);
        }
        if let Some(row) = self.jobs.get(&job) {
            let [done, failed, refused] = row.reused.map(|count| count.max(0) as u64);
            ledger.reused = Reused::new(done, failed, refused);
        }
        for ((of, outcome, currency), sum) in &self.sums.costs {
            if *of == job {
                ledger.costs.insert((*outcome, *currency), *sum);
            }
        }
        Ok(ledger.checked())
    }

    pub(crate) fn spending(&self, account: &str, since_ms: u64) -> Result<Spending> {
        let mut spending = Spending::new();
        for ((of, day, currency), amount) in &self.sums.charges {
            if &**of == account && *day >= day_of(since_ms) {
                spending.charge(*currency, *amount);
            }
        }
        for batch in self.batches.values() {
            let scope = &self.job(batch.job)?.job.spec.scope;
            if scope.account != account {
                continue;
            }
            let is_sent = !matches!(batch.record.state, BatchState::Planned | BatchState::Refused);
            if is_sent && batch.open() > 0 {
                let key = (scope.level, batch.group.clone());
                *spending.under_way.entry(key).or_default() += batch.open() as u64;
            }
            let unpriced = batch.unpriced + batch.may_be_charged();
            if unpriced > 0 && batch.record.sent_ms.unwrap_or_default() >= unpriced_since_ms(since_ms) {
                *spending.unpriced.entry(scope.level).or_default() += unpriced as u64;
            }
        }
        Ok(spending)
    }

    pub(crate) fn open_batches(&self, job: i64) -> Result<Vec<OpenBatch>> {
        let waited_for: BTreeSet<i64> = self.waiting(job).into_iter().map(|(_, via)| via).collect();
        let state = self.jobs.get(&job).map(|row| row.job.state);
        let is_alive = matches!(state, Some(JobState::Open | JobState::Replaced));
        let mut open = Vec::new();
        for (id, batch) in &self.batches {
            let record = &batch.record;
            let is_wanted = (batch.job == job && is_alive) || waited_for.contains(id);
            let is_sent = !matches!(record.state, BatchState::Planned | BatchState::Refused);
            if !is_wanted || !is_sent || batch.open() <= 0 {
                continue;
            }
            let batch_no = numcheck_protocol::BatchNo::new(&record.batch_no)
                .map_err(|_| StoreError::damaged("a batch has a batchNo that the platform would not take"))?;
            let mut one = OpenBatch::new(*id, batch.job, batch_no, record.state, batch.numbers as u64);
            (one.claim, one.owner) = (record.claim, record.owner.clone().unwrap_or_default());
            one.group.clone_from(&batch.group);
            let marked = self.marked(*id).filter(|_| record.state == BatchState::Sending);
            let signed =
                record.signed.map(|signed| marked.map_or(signed, |marked| signed.with(marked.last_ms)));
            (one.sent_ms, one.signed) = (record.sent_ms.unwrap_or_default(), signed);
            (one.from_reply, one.missing) = (record.from_reply, record.missing);
            one.settled = (batch.numbers - batch.open()) as u64;
            one.message.clone_from(&record.message);
            open.push(one);
        }
        Ok(open)
    }

    pub(crate) fn controls(&self, scope: &Scope, after_ms: u64, most: u32) -> Result<Vec<Control>> {
        let mut found = Vec::new();
        for (id, batch) in &self.batches {
            let Some(signed) = batch.record.signed.filter(|signed| signed.first_ms > after_ms) else {
                continue;
            };
            let is_accepted = batch.record.state == BatchState::Accepted && batch.record.tries == 0;
            if is_accepted && batch.numbers > batch.refused && self.job(batch.job)?.job.spec.scope == *scope {
                let batch_no = numcheck_protocol::BatchNo::new(&batch.record.batch_no).map_err(|_| {
                    StoreError::damaged("a batch has a batchNo that the platform would not take")
                })?;
                let taken = (batch.numbers - batch.refused) as u64;
                let control = Control::new(*id, batch_no, signed, taken, batch.failed as u64);
                found.push(((batch.failed == 0, batch.numbers, *id), control));
            }
        }
        found.sort_by_key(|(order, _)| *order);
        found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(found.into_iter().map(|(_, control)| control).collect())
    }

    pub(crate) fn rows(&self, job: i64, after_row: Option<u64>, most: u32) -> Result<Vec<RowFate>> {
        let Some(found) = self.jobs.get(&job) else { return Ok(Vec::new()) };
        let mut by_row = BTreeMap::new();
        for ((batch, number), row) in &self.numbers {
            if row.job == Some(job) {
                by_row.insert(row.row, self.fate(*batch, *number, row)?);
            }
        }
        let mut fates = by_row.clone();
        for (row, first) in &found.duplicates {
            if let Some(fate) = by_row.get(first) {
                let mut fate = fate.clone();
                (fate.row, fate.duplicate) = (*row, true);
                fates.insert(*row, fate);
            }
        }
        let from = after_row.map_or(0, |row| row + 1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Ok(fates.into_iter().filter(|(row, _)| *row >= from).take(most).map(|(_, fate)| fate).collect())
    }

    pub(crate) fn fate(&self, batch: i64, number: PhoneNumber, row: &NumberRow) -> Result<RowFate> {
        let sent_by = row.via.unwrap_or(batch);
        let record = &self.batch(sent_by)?.record;
        let mut fate = RowFate::new(row.row, number, record.batch_no.as_str(), record.state);
        fate.reused = row.via.is_some();
        // The result of what a forgotten job has sent will not be known.
        let is_lost = row.via.is_some() && row.result.is_none() && self.is_forgotten(sent_by)?;
        fate.missing = record.missing || is_lost;
        fate.sent_ms = record.sent_ms;
        (fate.code, fate.message) = (record.code, record.message.clone());
        if let Some(result) = row.result.and_then(|has| self.results.get(&has.id)) {
            fate.result = Some((result.source, result.body.clone()));
            fate.received_ms = Some(result.received_ms);
        }
        Ok(fate)
    }

    pub(crate) fn quarantine(&self, after: i64, most: u32) -> Vec<Quarantined> {
        let kept = self.quarantined.range(after + 1..).filter_map(|(id, quarantined)| {
            let result = self.results.get(id)?;
            let (body, received_ms) = (result.body.clone(), result.received_ms);
            Some(Quarantined::new(
                *id,
                quarantined.batch_no.as_str(),
                quarantined.number.is_some(),
                body,
                received_ms,
            ))
        });
        kept.take(usize::try_from(most).unwrap_or(usize::MAX)).collect()
    }
}
