//! Phone numbers of a claim that are sent one by one.

use super::*;

impl Tables {
    pub(crate) fn mark(&mut self, batch: i64, claim: i64, number: PhoneNumber, ts_ms: u64) -> Result<bool> {
        let job = self.job(self.batch(batch)?.job)?.job.state;
        let is_open = |row: &&mut NumberRow| {
            row.job.is_some() && row.via.is_none() && row.result.is_none() && row.marked_ms.is_none()
        };
        let record = self.batches.get_mut(&batch).map(|row| &mut row.record);
        let row = self.numbers.get_mut(&(batch, number)).filter(is_open);
        let (Some(record), Some(row)) = (record, row) else { return Ok(false) };
        let may = record.confirm(claim, ts_ms, job);
        if may {
            row.marked_ms = Some(ts_ms);
        }
        Ok(may)
    }

    pub(crate) fn end_each(
        &mut self,
        batch: i64,
        claim: i64,
        ends: &[(PhoneNumber, BatchEnd)],
        now_ms: u64,
    ) -> Result<()> {
        self.fold_all()?;
        self.split_off(batch, claim, ends, now_ms).map(drop)
    }

    pub(crate) fn give_up(&mut self, batch: i64, claim: i64) -> Result<bool> {
        let Some(SignedSpan { last_ms, .. }) = self.marked(batch) else {
            return self.give_up_whole(batch, claim);
        };
        self.fold_all()?;
        self.split_off(batch, claim, &[], last_ms)
    }

    fn give_up_whole(&mut self, batch: i64, claim: i64) -> Result<bool> {
        let proof = self.proof(batch);
        Ok(self.batch_mut(batch)?.record.give_up(claim, proof.as_deref()))
    }

    pub(crate) fn marked(&self, batch: i64) -> Option<SignedSpan> {
        let marks = self.rows_of(batch).filter_map(|(_, row)| row.marked_ms);
        marks.fold(None, |span: Option<SignedSpan>, ms| {
            Some(span.map_or(SignedSpan::at(ms), |span| span.with(ms)))
        })
    }

    fn split_off(
        &mut self,
        batch: i64,
        claim: i64,
        ends: &[(PhoneNumber, BatchEnd)],
        now_ms: u64,
    ) -> Result<bool> {
        if self.is_forgotten(batch)? {
            return self.give_up_whole(batch, claim);
        }
        let is_open = |row: &NumberRow| row.job.is_some() && row.via.is_none() && row.result.is_none();
        let open = self.rows_of(batch).filter(|(_, row)| is_open(row));
        let unsettled: Vec<Unsettled> =
            open.map(|(number, row)| Unsettled { number, marked_ms: row.marked_ms }).collect();
        let marked = self.marked(batch);
        let row = self.batch_mut(batch)?;
        let (job, group, settled) = (row.job, row.group.clone(), row.done + row.failed + row.refused);
        let parts = split(&unsettled, ends);
        let Some(parts) = row.record.end_each(claim, parts, settled as u64, marked, now_ms) else {
            return Ok(false);
        };
        let record = row.record.clone();
        let scope = self.job(job)?.job.spec.scope.clone();
        for part in parts {
            let count = part.numbers.len() as i64;
            self.batch_mut(batch)?.numbers -= count;
            let to = self.insert_further(job, &group, count)?;
            self.last_claim += i64::from(part.is_sent());
            let claim = self.last_claim;
            let new = &mut self.batch_mut(to)?.record;
            *new = part.record(new.batch_no.clone(), &record, claim, now_ms);
            for number in &part.numbers {
                self.move_row((batch, *number), to, None)?;
                if part.is_sent() {
                    self.enter_newest(&scope, *number, to)?;
                }
            }
        }
        Ok(true)
    }

    /// Moves a phone number back into the batch from which it was split off in doubt, unless it was sent again.
    pub(crate) fn move_back(&mut self, (home, number): (i64, PhoneNumber)) -> Result<()> {
        let job = self.batch(home)?.job;
        let scope = self.job(job)?.job.spec.scope.clone();
        let Some(from) = self.checks.get(&(scope, number)).copied() else { return Ok(()) };
        let is_doubtful = |row: &NumberRow| {
            row.prior == Some(home) && row.job == Some(job) && row.result.is_none() && row.via.is_none()
        };
        if !self.numbers.get(&(from, number)).is_some_and(is_doubtful)
            || !self.batch(from)?.record.was_split_off(&self.batch(home)?.record)
        {
            return Ok(());
        }
        let prior = self.numbers.remove(&(home, number)).and_then(|trace| trace.prior);
        self.move_row((from, number), home, None)?;
        if let Some(row) = self.numbers.get_mut(&(home, number)) {
            row.prior = prior;
        }
        self.batch_mut(from)?.numbers -= 1;
        self.batch_mut(home)?.numbers += 1;
        Ok(())
    }
}
