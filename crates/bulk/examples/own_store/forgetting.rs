//! What is left of a job or a phone number that was forgotten.

use numcheck_bulk::store::reading::shows;

use super::*;

impl Tables {
    pub(crate) fn forget(&mut self, job: i64, even_unsettled: bool) -> Result<Forgotten> {
        self.fold_all()?;
        let unsettled = self.ledger(job)?.unsettled();
        let Some(row) = self.jobs.get(&job) else { return Ok(Forgotten::default()) };
        if unsettled > 0 && !even_unsettled {
            return Ok(Forgotten::new(unsettled, Vec::new()));
        }
        let scope = row.job.spec.scope.clone();
        let own: BTreeSet<i64> = self.batches_of(job).map(|(id, _)| id).collect();
        // Checks that other jobs refer to stay, as traces of no job.
        let mut referred = BTreeSet::new();
        let mut counts = BTreeMap::<i64, u64>::new();
        let mut left_over = BTreeSet::new();
        for ((_, number), row) in &self.numbers {
            let (Some(via), Some(by)) = (row.via, row.job) else { continue };
            if by != job && own.contains(&via) {
                referred.insert((via, *number));
                *counts.entry(by).or_default() += 1;
            }
            if by == job && self.is_forgotten(via)? {
                left_over.insert((via, *number));
            }
        }
        // What was left of jobs that were forgotten before, for this one alone.
        for ((_, number), row) in &self.numbers {
            if let Some(via) = row.via.filter(|_| row.job.is_some_and(|by| by != job)) {
                left_over.remove(&(via, *number));
            }
        }
        let goes = |place: &(i64, PhoneNumber)| {
            (own.contains(&place.0) && !referred.contains(place)) || left_over.contains(place)
        };
        let gone: Vec<(i64, PhoneNumber)> =
            self.numbers.keys().filter(|place| goes(place)).copied().collect();
        for (_, number) in &gone {
            let sendings = self.sendings(&scope, *number)?;
            let stays = sendings.into_iter().map(|link| link.batch).filter(|batch| !goes(&(*batch, *number)));
            let stays: Vec<i64> = stays.collect();
            self.set_chain(&scope, *number, &stays);
        }
        for place in gone {
            let row = self.numbers.remove(&place).unwrap_or_default();
            if let Some(result) = row.result.filter(|_| row.via.is_none()) {
                self.results.remove(&result.id);
            }
        }
        for row in self.numbers.values_mut().filter(|row| row.job == Some(job)) {
            row.job = None;
        }
        let names = &self.names;
        let is_own = |quarantined: &QuarantineEntry| {
            names.get(&quarantined.batch_no).is_some_and(|batch| own.contains(batch))
        };
        let quarantined: Vec<i64> =
            self.quarantined.values().filter(|quarantined| is_own(quarantined)).map(|one| one.id).collect();
        for id in quarantined {
            self.quarantined.remove(&id);
            self.results.remove(&id);
        }
        for batch in own {
            let record = &mut self.batch_mut(batch)?.record;
            (record.message, record.message_id) = (None, None);
        }
        self.drift.retain(|(of, _), _| *of != job);
        let row = self.job_mut(job)?;
        (row.input, row.duplicates) = (BTreeMap::new(), BTreeMap::new());
        row.job.state = JobState::Forgotten;
        (row.job.spec.set, row.job.spec.notes) = (String::new(), serde_json::Value::Null);
        let mut kept_for = Vec::new();
        for (job, count) in counts.into_iter().rev() {
            kept_for.push((self.job(job)?.job.name.clone(), count));
        }
        Ok(Forgotten::new(unsettled, kept_for))
    }

    pub(crate) fn jobs_of(&self, number: PhoneNumber) -> Vec<Job> {
        let has = |id: i64| self.numbers.iter().any(|((_, of), row)| *of == number && row.job == Some(id));
        self.jobs.values().rev().filter(|row| has(row.job.id)).map(|row| row.job.clone()).collect()
    }

    pub(crate) fn forget_number(
        &mut self,
        number: PhoneNumber,
        without: Vec<InputPiece>,
    ) -> Result<Vec<JobName>> {
        self.fold_all()?;
        let mut unsettled = BTreeSet::new();
        for ((batch, of), row) in &self.numbers {
            let Some(job) = row.job.filter(|_| *of == number && row.result.is_none()) else { continue };
            let (state, job_state) = (self.batch(*batch)?.record.state, self.job(job)?.job.state);
            let is_over = state == BatchState::Refused
                || (state == BatchState::Planned && job_state == JobState::Replaced);
            if row.via.is_some() || !is_over {
                unsettled.insert(job);
            }
        }
        if !unsettled.is_empty() {
            let names = unsettled.into_iter().rev();
            return names.map(|job| Ok(self.job(job)?.job.name.clone())).collect();
        }
        let has_piece = |job: i64| without.iter().any(|piece| piece.job == job);
        let with_input = self.jobs_of(number);
        let mut with_input = with_input.iter().filter_map(|job| self.job(job.id).ok());
        if with_input.any(|row| !row.input.is_empty() && !has_piece(row.job.id)) {
            return Err(StoreError::Superseded);
        }
        for piece in &without {
            let is = self.job(piece.job)?.input.get(&piece.sequence);
            if is.is_some_and(|bytes| *bytes != piece.was) {
                return Err(StoreError::Superseded);
            }
        }
        for piece in without {
            if let Some(bytes) = self.job_mut(piece.job)?.input.get_mut(&piece.sequence) {
                *bytes = piece.bytes;
            }
        }
        for job in self.jobs_of(number) {
            let rows = self.numbers.iter().filter(|((_, of), row)| *of == number && row.job == Some(job.id));
            let rows: BTreeSet<u64> = rows.map(|(_, row)| row.row).collect();
            let found = self.job_mut(job.id)?;
            found.job.spec.set = String::new();
            found.duplicates.retain(|_, first| !rows.contains(first));
        }
        let mut gone: BTreeSet<i64> = BTreeSet::new();
        gone.extend(
            self.numbers.iter().filter_map(|((_, of), row)| (*of == number).then_some(row.result?.id)),
        );
        for quarantined in self.quarantined.values() {
            let shown = self.results.get(&quarantined.id).is_some_and(|result| shows(&result.body, &number));
            if quarantined.number == Some(number) || quarantined.number.is_none() && shown {
                gone.insert(quarantined.id);
            }
        }
        self.numbers.retain(|(_, of), _| *of != number);
        self.checks.retain(|(_, of), _| *of != number);
        self.quarantined.retain(|id, _| !gone.contains(id));
        self.results.retain(|id, _| !gone.contains(id));
        for batch in self.batches.values_mut() {
            let message = &mut batch.record.message;
            if message.as_ref().is_some_and(|message| shows(message.as_bytes(), &number)) {
                *message = None;
            }
        }
        Ok(Vec::new())
    }
}
