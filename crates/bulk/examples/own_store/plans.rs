//! Jobs and their plans.

use super::*;

impl Tables {
    pub(crate) fn all_unfinished(&self, spec: &JobSpec) -> Vec<i64> {
        let same = |job: &&JobRow| {
            let job = &job.job;
            job.state == JobState::Open
                && job.spec.scope == spec.scope
                && job.spec.set == spec.set
                && !spec.set.is_empty()
        };
        let ids = self.jobs.values().rev().filter(same).map(|job| job.job.id);
        ids.filter(|id| self.is_unfinished(*id)).collect()
    }

    pub(crate) fn is_unfinished(&self, job: i64) -> bool {
        let is_open = |(_, batch): (i64, &BatchRow)| match batch.record.state {
            BatchState::Planned | BatchState::Sending | BatchState::InDoubt => true,
            BatchState::Accepted => batch.open() > 0,
            _ => false,
        };
        self.batches_of(job).any(is_open) || !self.waiting(job).is_empty()
    }

    pub(crate) fn create_job(&mut self, name: &JobName, spec: &JobSpec, now_ms: u64) -> Result<Job> {
        if !self.scopes.contains(&spec.scope) {
            self.scopes.push(spec.scope.clone());
        }
        let planning = self.jobs.values().filter(|row| {
            let job = &row.job;
            job.state == JobState::Planning
                && job.spec.scope == spec.scope
                && job.spec.set == spec.set
                && !spec.set.is_empty()
        });
        for id in planning.map(|row| row.job.id).collect::<Vec<_>>() {
            self.remove(id);
        }
        let unfinished = self.all_unfinished(spec);
        for id in &unfinished {
            let found = self.job(*id)?;
            if spec.continues(&found.job) {
                return Ok(found.job.clone());
            }
        }
        for id in unfinished {
            self.job_mut(id)?.job.state = JobState::Replaced;
        }
        self.last_job += 1;
        let job = Job::new(self.last_job, name.clone(), spec.clone(), now_ms);
        let row = JobRow {
            job: job.clone(),
            marker: self.last_result,
            input: BTreeMap::new(),
            duplicates: BTreeMap::new(),
            batches: 0,
            reused: [0; 3],
        };
        self.jobs.insert(self.last_job, row);
        Ok(job)
    }

    pub(crate) fn remove(&mut self, job: i64) {
        let gone: BTreeSet<i64> = self.batches_of(job).map(|(id, _)| id).collect();
        self.names.retain(|_, batch| !gone.contains(batch));
        self.numbers.retain(|(batch, _), _| !gone.contains(batch));
        self.batches.retain(|id, _| !gone.contains(id));
        self.jobs.remove(&job);
    }

    pub(crate) fn add_batches(&mut self, job: i64, batches: Vec<NewBatch>) -> Result<()> {
        self.planning(job)?;
        let mut new = BTreeSet::new();
        for batch in &batches {
            let name = batch.batch_no.as_str();
            if self.names.contains_key(name) || !new.insert(name) {
                return Err(StoreError::batch_no_taken(name));
            }
        }
        for batch in batches {
            let count = batch.numbers.len() as i64;
            let id = self.insert_batch(job, batch.batch_no.as_str(), &batch.group, count)?;
            for (number, row) in batch.numbers {
                self.numbers.insert((id, number), NumberRow { job: Some(job), row, ..NumberRow::default() });
            }
        }
        Ok(())
    }

    pub(crate) fn insert_batch(&mut self, job: i64, name: &str, group: &str, numbers: i64) -> Result<i64> {
        self.last_batch += 1;
        let record = BatchRecord::new(name);
        let (done, failed, refused, unpriced, charged_again, quarantined) = (0, 0, 0, 0, 0, 0);
        let group = group.to_owned();
        let row = BatchRow {
            job,
            group,
            record,
            numbers,
            done,
            failed,
            refused,
            unpriced,
            charged_again,
            quarantined,
        };
        self.batches.insert(self.last_batch, row);
        self.names.insert(name.to_owned(), self.last_batch);
        self.job_mut(job)?.batches += 1;
        Ok(self.last_batch)
    }

    /// A further planned batch of a job whose plan is whole.
    pub(crate) fn insert_further(&mut self, job: i64, group: &str, numbers: i64) -> Result<i64> {
        let row = self.job(job)?;
        let name = batch_no(&row.job.name, row.batches + 1)
            .map_err(|_| StoreError::damaged("a batch has a batchNo that the platform would not take"))?;
        self.insert_batch(job, name.as_str(), group, numbers)
    }

    pub(crate) fn finish_plan(&mut self, job: i64, rows: u64) -> Result<Job> {
        let numbers = self.batches_of(job).map(|(_, batch)| batch.numbers as u64).sum();
        let found = &mut self.jobs.get_mut(&job).ok_or(StoreError::Superseded)?.job;
        if found.state == JobState::Planning {
            (found.state, found.rows, found.numbers) = (JobState::Open, rows, numbers);
        }
        Ok(found.clone())
    }

    pub(crate) fn replace_rows(
        &mut self,
        job: i64,
        from: i64,
        rows: &[(PhoneNumber, u64)],
        row_count: u64,
        notes: &serde_json::Value,
    ) -> Result<bool> {
        self.planning(from)?;
        let new: BTreeMap<PhoneNumber, u64> = rows.iter().copied().collect();
        let own: BTreeSet<PhoneNumber> = self
            .numbers
            .iter()
            .filter(|(_, row)| row.job == Some(job))
            .map(|((_, number), _)| *number)
            .collect();
        let is_open = self.jobs.get(&job).is_some_and(|row| row.job.state == JobState::Open);
        if !is_open || new.len() != rows.len() || !new.keys().eq(&own) {
            return Ok(false);
        }
        for ((_, number), row) in self.numbers.iter_mut().filter(|(_, row)| row.job == Some(job)) {
            row.row = new.get(number).copied().unwrap_or_default();
        }
        let begun = self.planning(from)?;
        let (input, duplicates) = (std::mem::take(&mut begun.input), std::mem::take(&mut begun.duplicates));
        self.remove(from);
        let row = self.job_mut(job)?;
        (row.input, row.duplicates) = (input, duplicates);
        (row.job.rows, row.job.spec.notes) = (row_count, notes.clone());
        Ok(true)
    }
}
