//! Results, as they come and as they are entered.

use super::*;

impl Tables {
    pub(crate) fn append(&mut self, results: Vec<NewResult>) {
        for result in results {
            self.last_result += 1;
            self.results.insert(self.last_result, result);
        }
    }

    pub(crate) fn fold_all(&mut self) -> Result<()> {
        self.fold(u32::MAX).map(drop)
    }

    pub(crate) fn fold(&mut self, most: u32) -> Result<Folded> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let waiting = self.results.range(self.folded + 1..).take(most);
        let mut arrived: Vec<Arrived> = waiting
            .map(|(id, result)| Arrived::new(*id, self.names.get(&result.batch_no).copied(), result.clone()))
            .collect();
        let Some(last) = arrived.last().map(Arrived::id) else { return Ok(Folded::default()) };
        let recorded = self.recorded_at_home(&mut arrived)?;
        let folded = self.finish(judge(arrived, recorded))?;
        self.folded = last;
        Ok(folded)
    }

    pub(crate) fn reread(&mut self, after: i64, most: u32) -> Result<Reread> {
        let strays = self.quarantined.range(after + 1..).filter(|(_, odd)| odd.number.is_none());
        let mut arrived = Vec::new();
        for (id, odd) in strays.take(usize::try_from(most).unwrap_or(usize::MAX)) {
            let Some(result) = self.results.get(id) else { continue };
            arrived.push(Arrived::new(*id, self.names.get(&odd.batch_no).copied(), result.clone()));
        }
        let (seen, last) = (arrived.len() as u32, arrived.last().map(Arrived::id));
        let recorded = self.recorded_at_home(&mut arrived)?;
        Ok(Reread::new(seen, last, self.finish(judge_again(arrived, recorded))?))
    }

    fn finish(&mut self, judged: Judged) -> Result<Folded> {
        let mut kept = QuarantinedBefore::new();
        for quarantined in self.quarantined.values() {
            kept.add(quarantined.batch_no.clone(), quarantined.number, quarantined.hash);
        }
        let (changes, mut folded) = judged.finish(&kept);
        folded.news = self.apply(changes)?;
        Ok(folded)
    }

    pub(crate) fn expects(&self, batch_no: &str, body: &[u8]) -> Result<bool> {
        let Some(batch) = self.names.get(batch_no) else { return Ok(false) };
        let scope = &self.job(self.batch(*batch)?.job)?.job.spec.scope;
        let facts = reading::read(&*self.reader, &scope.service, Source::Push, body);
        let row = facts.and_then(|facts| self.numbers.get(&(*batch, facts.number?)));
        Ok(row.is_some_and(|row| row.result.is_none()))
    }

    /// [`recorded`](Self::recorded), after the rows that have left their batch for want of these results are back in it.
    fn recorded_at_home(&mut self, arrived: &mut [Arrived]) -> Result<Recorded> {
        for place in self.recorded(arrived)?.moved(arrived) {
            self.move_back(place)?;
        }
        self.recorded(arrived)
    }

    pub(crate) fn recorded(&self, arrived: &mut [Arrived]) -> Result<Recorded> {
        let mut recorded = Recorded::new(SharedReader::clone(&self.reader));
        for id in arrived.iter().filter_map(Arrived::batch) {
            let row = self.batch(id)?;
            let Job { spec, state, .. } = &self.job(row.job)?.job;
            let Scope { account, service, level, .. } = &spec.scope;
            let (account, service) = (account.as_str().into(), service.as_str().into());
            let (group, batch_no) = (row.group.as_str().into(), row.record.batch_no.clone());
            let mut batch = FoldedBatch::new(row.job, account, service, *level, group, batch_no);
            batch.state = row.record.state;
            (batch.numbers, batch.quarantined) = (row.numbers as u64, row.quarantined as u64);
            batch.is_forgotten = *state == JobState::Forgotten;
            recorded.batches.insert(id, batch);
        }
        let mut wanted = recorded.wanted(arrived);
        for batch in std::mem::take(&mut wanted.single) {
            let mut own = self.rows_of(batch).filter(|(_, row)| row.via.is_none());
            if let (Some((number, _)), None) = (own.next(), own.next()) {
                wanted.add_only(&mut recorded, batch, number);
            }
        }
        for place in wanted.places {
            let Some(row) = self.numbers.get(&place) else { continue };
            let mut slot = Slot::new();
            (slot.via, slot.has_moved) = (row.via, row.job.is_none());
            if let Some(has) = row.result
                && let Some(result) = self.results.get(&has.id)
            {
                slot.held = Some(HeldResult::new(has.id, has.outcome, result.clone()));
            }
            recorded.slots.insert(place, slot);
        }
        Ok(recorded)
    }

    pub(crate) fn apply(&mut self, changes: Changes) -> Result<Vec<Drift>> {
        for id in &changes.released {
            self.quarantined.remove(id);
        }
        for first in &changes.firsts {
            self.settle(first)?;
        }
        for (first, before) in changes.instead {
            self.settle(&first)?;
            self.quarantined.insert(before.id, before);
        }
        for id in changes.dropped {
            self.results.remove(&id);
        }
        for quarantined in changes.quarantined {
            self.quarantined.insert(quarantined.id, quarantined);
        }
        for (id, tally) in changes.tallies {
            let row = self.batch_mut(id)?;
            row.done += tally.done;
            row.failed += tally.failed;
            row.refused += tally.refused;
            row.unpriced += tally.unpriced;
            row.numbers += tally.numbers;
            row.quarantined += tally.quarantined;
            row.charged_again += tally.charged_again;
            if let Some(proof) = tally.proof {
                let record = &mut row.record;
                (record.state, record.batch_no) = (BatchState::Accepted, proof.batch_no);
                (record.code, record.message) = (None, None);
                record.sent_ms.get_or_insert(proof.received_ms);
            }
        }
        let new = changes.sums.added_to(&self.sums);
        self.sums.costs.extend(new.costs);
        self.sums.charges.extend(new.charges);
        self.sums.prices.extend(new.prices);
        Ok(self.count_drift(changes.drift))
    }

    pub(crate) fn settle(&mut self, first: &FirstResult) -> Result<()> {
        if let Some(row) = self.numbers.get_mut(&first.place) {
            row.result = Some(BookResult::new(first.id, first.received_ms, first.outcome));
            row.via = None;
        }
        match first.detached {
            Some((_, Some(taken))) => self.count_reused(self.batch(first.place.0)?.job, taken, -1),
            _ => Ok(()),
        }
    }

    pub(crate) fn count_drift(&mut self, drift: BTreeMap<(i64, Drift), u64>) -> Vec<Drift> {
        let mut news = Vec::new();
        for ((job, drift), count) in drift {
            let places = self.drift.keys().filter(|(of, _)| *of == job).count() as u64;
            let is_known = self.drift.contains_key(&(job, drift.clone()));
            let drift = if is_known || places < MAX_DRIFT_PLACES { drift } else { further_places(&drift) };
            let counted = self.drift.entry((job, drift.clone())).or_default();
            if *counted == 0 {
                news.push(drift);
            }
            *counted += count;
        }
        news
    }
}
