//! The book: what is sent, what takes a result, what waits.

use super::*;

impl Tables {
    pub(crate) fn link(&self, batch: i64, number: PhoneNumber) -> Result<(BookLink, Option<i64>)> {
        // What is not known may have been paid for.
        let row = self.numbers.get(&(batch, number)).ok_or_else(|| StoreError::damaged(NO_CHAIN))?;
        let record = &self.batch(batch)?.record;
        let is_forgotten = self.is_forgotten(batch)?;
        let is_own = row.via.is_none() && (row.job.is_some() || is_forgotten);
        let link = BookLink::new(batch, record.state, record.missing, is_own, is_forgotten);
        Ok((link.with_result(row.result), row.prior))
    }

    /// The sendings of a phone number, the newest first.
    pub(crate) fn sendings(&self, scope: &Scope, number: PhoneNumber) -> Result<Vec<BookLink>> {
        let mut next = self.checks.get(&(scope.clone(), number)).copied();
        let mut found = Vec::new();
        while let Some(batch) = next {
            let (link, prior) = self.link(batch, number)?;
            found.push(link);
            next = prior;
            if found.len() > MAX_CHAIN {
                return Err(StoreError::damaged(NO_CHAIN));
            }
        }
        Ok(found)
    }

    /// Writes down in which order the sendings of a phone number stand, the newest first.
    pub(crate) fn set_chain(&mut self, scope: &Scope, number: PhoneNumber, chain: &[i64]) {
        let key = (scope.clone(), number);
        match chain.first() {
            Some(first) => _ = self.checks.insert(key, *first),
            None => _ = self.checks.remove(&key),
        }
        for (batch, prior) in links(chain) {
            if let Some(row) = self.numbers.get_mut(&(batch, number)) {
                row.prior = prior;
            }
        }
    }

    pub(crate) fn policy(&self, job: i64) -> Option<(Scope, BookPolicy)> {
        let row = self.jobs.get(&job).filter(|row| row.job.state == JobState::Open)?;
        let policy = BookPolicy::new(row.job.spec.reuse, row.marker, row.job.created_ms);
        Some((row.job.spec.scope.clone(), policy))
    }

    /// The phone numbers of a planned batch that are to be sent, in the order of their rows. Others take a result, or wait for one.
    pub(crate) fn look_up_batch(
        &mut self,
        batch: i64,
        scope: &Scope,
        policy: &BookPolicy,
    ) -> Result<Vec<PhoneNumber>> {
        let job = self.batch(batch)?.job;
        let is_open = |row: &NumberRow| row.job.is_some() && row.via.is_none() && row.result.is_none();
        let mut rows: Vec<(u64, PhoneNumber, Option<i64>)> = self
            .rows_of(batch)
            .filter(|(_, row)| is_open(row))
            .map(|(number, row)| (row.row, number, row.despite))
            .collect();
        rows.sort_unstable();
        let mut wanted = Vec::new();
        for (_, number, despite) in rows {
            let decided = self.sendings(scope, number)?.into_iter().find_map(|link| {
                let decision = link.decide(batch, policy, despite);
                (decision != BookDecision::Before).then_some((decision, link))
            });
            let result = match decided {
                Some((BookDecision::Take, link)) => link.result,
                Some((BookDecision::Wait, _)) => None,
                _ => {
                    wanted.push(number);
                    continue;
                }
            };
            let via = decided.map(|(_, link)| link.batch);
            if let Some(row) = self.numbers.get_mut(&(batch, number)) {
                (row.via, row.result) = (via, result);
            }
            if let Some(result) = result {
                self.count_reused(job, result.outcome, 1)?;
            }
            self.batch_mut(batch)?.numbers -= 1;
        }
        if wanted.is_empty() {
            self.batch_mut(batch)?.record.state = BatchState::Accepted;
        }
        Ok(wanted)
    }

    pub(crate) fn count_reused(&mut self, job: i64, outcome: Outcome, by: i64) -> Result<()> {
        let [done, failed, refused] = &mut self.job_mut(job)?.reused;
        match outcome {
            Outcome::Done => *done += by,
            Outcome::Refused => *refused += by,
            _ => *failed += by,
        }
        Ok(())
    }

    pub(crate) fn next_batch(&mut self, job: i64, skip: &Skip) -> Result<Option<NextBatch>> {
        let Some((scope, policy)) = self.policy(job) else { return Ok(None) };
        let planned: Vec<i64> = self
            .batches_of(job)
            .filter(|(_, batch)| batch.record.state == BatchState::Planned)
            .filter(|(id, batch)| !skip.groups.contains(&batch.group) && !skip.batches.contains(id))
            .map(|(id, _)| id)
            .collect();
        let mut last = None;
        for batch in planned {
            let numbers = self.look_up_batch(batch, &scope, &policy)?.len() as u64;
            let row = self.batch(batch)?;
            let next = NextBatch::new(batch, row.group.as_str(), numbers);
            last = Some(next.with_indivisible(row.record.tries > 0));
            if numbers > 0 {
                break;
            }
        }
        Ok(last)
    }

    pub(crate) fn claim(
        &mut self,
        batch: i64,
        owner: &str,
        limit: u64,
        now_ms: u64,
    ) -> Result<Option<Claimed>> {
        let Some(row) = self.batches.get(&batch).filter(|row| row.record.state == BatchState::Planned) else {
            return Ok(None);
        };
        let (job, group, tries) = (row.job, row.group.clone(), row.record.tries);
        let Some((scope, policy)) = self.policy(job) else { return Ok(None) };
        let mut wanted = self.look_up_batch(batch, &scope, &policy)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        // Late results of an earlier sending must still find their phone numbers here.
        if wanted.is_empty() || limit == 0 || (wanted.len() > limit && tries > 0) {
            return Ok(None);
        }
        let rest = wanted.split_off(limit.min(wanted.len()));
        if !rest.is_empty() {
            self.batch_mut(batch)?.numbers -= rest.len() as i64;
            let to = self.insert_further(job, &group, rest.len() as i64)?;
            for number in rest {
                self.move_row((batch, number), to, None)?;
            }
        }
        self.last_claim += 1;
        let claim = self.last_claim;
        let row = self.batch_mut(batch)?;
        row.record.claim(claim, owner, now_ms);
        let batch_no = numcheck_protocol::BatchNo::new(&row.record.batch_no)
            .map_err(|_| StoreError::damaged("a batch has a batchNo that the platform would not take"))?;
        for number in &wanted {
            self.enter_newest(&scope, *number, batch)?;
            if let Some(row) = self.numbers.get_mut(&(batch, *number)) {
                (row.despite, row.marked_ms) = (None, None);
            }
        }
        Ok(Some(Claimed::new(batch, claim, batch_no, group, wanted)))
    }

    /// The batch is the newest sending of a phone number from now on.
    pub(crate) fn enter_newest(&mut self, scope: &Scope, number: PhoneNumber, batch: i64) -> Result<()> {
        let before = self.sendings(scope, number)?.into_iter().map(|link| link.batch);
        let chain: Vec<i64> = [batch].into_iter().chain(before.filter(|one| *one != batch)).collect();
        self.set_chain(scope, number, &chain);
        Ok(())
    }

    /// Moves a row into another batch. Where it was claimed with its old one, a trace stays behind, by which a late result and the book
    /// find it.
    pub(crate) fn move_row(&mut self, from: (i64, PhoneNumber), to: i64, despite: Option<i64>) -> Result<()> {
        let Some(row) = self.numbers.remove(&from) else { return Ok(()) };
        if self.batch(from.0)?.record.claim > 0 {
            let trace = NumberRow { row: row.row, prior: row.prior, ..NumberRow::default() };
            self.numbers.insert(from, trace);
        }
        let despite = despite.or(row.despite.filter(|_| row.via.is_none()));
        self.numbers.insert((to, from.1), NumberRow { via: None, despite, ..row });
        Ok(())
    }

    /// Plans rows that wait for a batch as batches of their own.
    pub(crate) fn plan_rows(
        &mut self,
        job: i64,
        rows: &[(i64, PhoneNumber)],
        despite: Option<i64>,
    ) -> Result<u64> {
        let mut groups: BTreeMap<String, Vec<(i64, PhoneNumber)>> = BTreeMap::new();
        for place in rows {
            groups.entry(self.batch(place.0)?.group.clone()).or_default().push(*place);
        }
        for (group, rows) in groups {
            let to = self.insert_further(job, &group, rows.len() as i64)?;
            for place in rows {
                if let Some(row) = self.numbers.get_mut(&place) {
                    row.despite = None;
                }
                self.move_row(place, to, despite)?;
            }
        }
        Ok(rows.len() as u64)
    }

    pub(crate) fn follow(&mut self, job: i64) -> Result<Followed> {
        let (mut reused, mut in_vain) = (0, BTreeMap::<i64, Vec<(i64, PhoneNumber)>>::new());
        for (place, via) in self.waiting(job) {
            let awaited = self.numbers.get(&(via, place.1)).cloned().unwrap_or_default();
            let is_elsewhere = awaited.via.is_some() || (awaited.job.is_none() && !self.is_forgotten(via)?);
            match awaited.result.filter(|_| awaited.via.is_none()) {
                Some(result) => {
                    if let Some(row) = self.numbers.get_mut(&place) {
                        row.result = Some(result);
                    }
                    self.count_reused(job, result.outcome, 1)?;
                    reused += 1;
                }
                None => {
                    let state = self.batch(via)?.record.state;
                    if is_elsewhere || matches!(state, BatchState::Planned | BatchState::Refused) {
                        in_vain.entry(via).or_default().push(place);
                    }
                }
            }
        }
        let mut planned = 0;
        for rows in in_vain.values() {
            planned += self.plan_rows(job, rows, None)?;
        }
        Ok(Followed::new(reused, planned))
    }

    pub(crate) fn resubmit_doubtful(&mut self, job: i64, before_ms: u64) -> Result<u64> {
        self.fold_all()?;
        if let Some((scope, policy)) = self.policy(job) {
            let planned = self.batches_of(job).filter(|(_, row)| row.record.state == BatchState::Planned);
            for batch in planned.map(|(id, _)| id).collect::<Vec<_>>() {
                self.look_up_batch(batch, &scope, &policy)?;
            }
        }
        self.follow(job)?;
        let mut numbers = 0;
        let is_meant = |record: &BatchRecord| record.last_sent_ms() < before_ms;
        let own: Vec<i64> = self
            .batches_of(job)
            .filter(|(_, row)| row.record.is_doubtful() && is_meant(&row.record) && row.open() > 0)
            .map(|(id, _)| id)
            .collect();
        for batch in own {
            let row = self.batch_mut(batch)?;
            let open = row.open();
            row.record.resubmitted += open;
            self.plan_again(batch)?;
            numbers += open as u64;
        }
        let mut waiting = BTreeMap::<i64, Vec<(i64, PhoneNumber)>>::new();
        for (place, via) in self.waiting(job) {
            let record = &self.batch(via)?.record;
            if is_meant(record) && (record.is_doubtful() || self.is_forgotten(via)?) {
                waiting.entry(via).or_default().push(place);
            }
        }
        for (via, rows) in waiting {
            numbers += self.plan_rows(job, &rows, Some(via))?;
        }
        Ok(numbers)
    }

    pub(crate) fn plan_again(&mut self, batch: i64) -> Result<()> {
        let name = self
            .batch_mut(batch)?
            .record
            .plan_again()
            .map_err(|_| StoreError::damaged("a batch has a batchNo that the platform would not take"))?;
        self.names.insert(name.as_str().to_owned(), batch);
        Ok(())
    }

    pub(crate) fn end(
        &mut self,
        batch: i64,
        claim: i64,
        end: BatchEnd,
        now_ms: u64,
        proof: Option<&str>,
    ) -> Result<()> {
        let record = &mut self.batch_mut(batch)?.record;
        if record.end(claim, end, now_ms, proof)
            && let Some(id) = record.message_id.clone()
        {
            // A push that names no batch may name the submit.
            self.names.entry(id).or_insert(batch);
        }
        Ok(())
    }

    /// The `batchNo` that a result of a batch names, if it has one.
    pub(crate) fn proof(&self, batch: i64) -> Option<String> {
        let own = self.rows_of(batch).filter(|(_, row)| row.via.is_none());
        let result = own.filter_map(|(_, row)| row.result).next()?;
        Some(self.results.get(&result.id)?.batch_no.clone())
    }
}
