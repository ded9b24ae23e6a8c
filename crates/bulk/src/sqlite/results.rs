//! Results in a file: appended as they come, and entered into their jobs afterwards.
//!
//! Appending judges nothing and looks nothing up. How far entering is stands in the same transaction, so that each result is entered once.
//! What becomes of a result is decided in [`crate::fold`].

use std::collections::HashMap;
use std::sync::Arc;

use numcheck_protocol::PhoneNumber;
use rusqlite::{OptionalExtension, Transaction, params};

use super::drift;
use super::fault::Result;
use super::values::{NO_NUMBER, amount};
use super::waits::{self, count_reused};
use crate::failpoint::die_at;
use crate::fold::{
    Arrived, BatchTally, Changes, FirstResult, FoldedBatch, HeldResult, Judged, QuarantineEntry,
    QuarantinedBefore, Recorded, Slot, Sums, judge, max_quarantined,
};
use crate::ledger::Sum;
use crate::model::{BatchState, JobState, Outcome};
use crate::store::reading::{self, SharedReader};
use crate::store::{Folded, NewResult, Source};

pub(super) fn append(tx: &Transaction<'_>, results: &[NewResult]) -> Result<()> {
    let mut insert =
        tx.prepare_cached("INSERT INTO results (received_ms, source, batch_no, body) VALUES (?, ?, ?, ?)")?;
    for result in results {
        insert.execute(params![
            result.received_ms as i64,
            result.source.figure(),
            result.batch_no,
            result.body
        ])?;
    }
    Ok(())
}

/// Enters everything that waits.
pub(super) fn fold_all(tx: &Transaction<'_>, reader: &SharedReader) -> Result<()> {
    while fold(tx, reader, 1000)?.seen > 0 {}
    Ok(())
}

pub(super) fn fold(tx: &Transaction<'_>, reader: &SharedReader, most: u32) -> Result<Folded> {
    let from: i64 = tx
        .prepare_cached("SELECT value FROM marks WHERE name = 'folded'")?
        .query_row([], |row| row.get(0))?;
    let mut recorded = Recorded::new(Arc::clone(reader));
    let mut arrived = arrived(tx, from, most, &mut recorded)?;
    let Some(last) = arrived.last().map(Arrived::id) else { return Ok(Folded::default()) };
    read_slots(tx, &mut arrived, &mut recorded)?;
    let judged = judge(arrived, recorded);
    let kept = quarantined_before(tx, &judged)?;
    let (changes, mut folded) = judged.finish(&kept);
    write(tx, &changes)?;
    folded.news = drift::add(tx, changes.drift)?;
    tx.prepare_cached("UPDATE marks SET value = ? WHERE name = 'folded'")?.execute([last])?;
    die_at("fold.entered");
    Ok(folded)
}

/// The oldest results that are not entered, and their batches.
fn arrived(tx: &Transaction<'_>, from: i64, most: u32, recorded: &mut Recorded) -> Result<Vec<Arrived>> {
    let mut select = tx.prepare_cached(
        "SELECT id, source, batch_no, body, received_ms FROM results WHERE id > ? ORDER BY id LIMIT ?",
    )?;
    let mut rows = select.query(params![from, most])?;
    // A fold meets the same few batches again and again.
    let mut batches: HashMap<String, Option<i64>> = HashMap::new();
    let mut arrived = Vec::new();
    while let Some(row) = rows.next()? {
        let batch_no: String = row.get(2)?;
        let id = match batches.get(&batch_no) {
            Some(id) => *id,
            None => {
                let found = batch(tx, &batch_no)?;
                let id = found.as_ref().map(|(id, _)| *id);
                recorded.batches.extend(found);
                batches.insert(batch_no.clone(), id);
                id
            }
        };
        let result = NewResult {
            batch_no,
            source: Source::from_figure(row.get(1)?),
            body: row.get(3)?,
            received_ms: row.get::<_, i64>(4)? as u64,
        };
        arrived.push(Arrived::new(row.get(0)?, id, result));
    }
    Ok(arrived)
}

fn batch(tx: &Transaction<'_>, batch_no: &str) -> Result<Option<(i64, FoldedBatch)>> {
    let batch = tx
        .prepare_cached(
            "SELECT b.id, b.job, s.account, s.level, b.grp, b.batch_no, b.state, b.numbers, b.aside, j.state, s.service FROM batch_names n
             JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job JOIN scopes s ON s.id = j.scope WHERE n.batch_no = ?",
        )?
        .query_row([batch_no], |row| {
            let text = |at| Ok::<_, rusqlite::Error>(Arc::from(row.get_ref(at)?.as_str()?));
            let mut batch = FoldedBatch::new(row.get(1)?, text(2)?, text(10)?, row.get(3)?, text(4)?, row.get(5)?);
            batch.state = BatchState::from_figure(row.get(6)?);
            batch.numbers = row.get::<_, i64>(7)? as u64;
            batch.quarantined = row.get::<_, i64>(8)? as u64;
            batch.is_forgotten = JobState::from_figure(row.get(9)?) == JobState::Forgotten;
            Ok((row.get(0)?, batch))
        })
        .optional()?;
    Ok(batch)
}

/// What is known of the phone numbers that results are about.
fn read_slots(tx: &Transaction<'_>, arrived: &mut [Arrived], recorded: &mut Recorded) -> Result<()> {
    let mut wanted = recorded.wanted(arrived);
    let mut only = tx.prepare_cached("SELECT packed FROM numbers WHERE batch = ?1 AND via IS NULL AND (SELECT numbers FROM batches WHERE id = ?1) = 1 LIMIT 2")?;
    for batch in std::mem::take(&mut wanted.single) {
        let found: Vec<i64> =
            only.query_map([batch], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        if let [packed] = found[..] {
            let number = PhoneNumber::unpack(packed as u64).ok_or(NO_NUMBER)?;
            wanted.add_only(recorded, batch, number);
        }
    }
    let mut slot = tx
        .prepare_cached("SELECT via, result, outcome, job < 0 FROM numbers WHERE batch = ? AND packed = ?")?;
    let mut held =
        tx.prepare_cached("SELECT batch_no, source, body, received_ms FROM results WHERE id = ?")?;
    for place in wanted.places {
        let found = slot
            .query_row([place.0, place.1.pack() as i64], |row| {
                let mut slot = Slot::new();
                (slot.via, slot.has_moved) = (row.get(0)?, row.get(3)?);
                Ok((slot, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i16>>(2)?))
            })
            .optional()?;
        let Some((mut slot, result, outcome)) = found else { continue };
        if let Some(id) = result {
            slot.held = held
                .query_row([id], |row| {
                    let result = NewResult {
                        batch_no: row.get(0)?,
                        source: Source::from_figure(row.get(1)?),
                        body: row.get(2)?,
                        received_ms: row.get::<_, i64>(3)? as u64,
                    };
                    Ok(HeldResult::new(id, outcome.map_or(Outcome::Failed, Outcome::from_figure), result))
                })
                .optional()?;
        }
        recorded.slots.insert(place, slot);
    }
    Ok(())
}

fn quarantined_before(tx: &Transaction<'_>, judged: &Judged) -> Result<QuarantinedBefore> {
    let mut kept = QuarantinedBefore::new();
    let mut same = tx.prepare_cached("SELECT 1 FROM odd WHERE batch_no = ? AND packed IS ? AND hash = ?")?;
    let mut charges =
        tx.prepare_cached("SELECT hash FROM odd WHERE batch_no = ? AND packed = ? AND hash >= x'80'")?;
    for (batch_no, number, hash) in judged.quarantined() {
        let packed = number.map(|number| number.pack() as i64);
        if same.exists(params![batch_no, packed, hash])? {
            kept.add(batch_no.to_owned(), number, *hash);
        }
        for charge in charges.query_map(params![batch_no, packed], |row| row.get(0))? {
            kept.add(batch_no.to_owned(), number, charge?);
        }
    }
    Ok(kept)
}

/// Whether a pushed result is that of a phone number which still lacks one.
pub(super) fn expects(
    tx: &Transaction<'_>,
    reader: &SharedReader,
    batch_no: &str,
    body: &[u8],
) -> Result<bool> {
    let Some((_, batch)) = batch(tx, batch_no)? else { return Ok(false) };
    let facts = reading::read(&**reader, &batch.service, Source::Push, body);
    let Some(number) = facts.and_then(|facts| facts.number) else { return Ok(false) };
    Ok(tx
        .prepare_cached(
            "SELECT 1 FROM batch_names b JOIN numbers n ON n.batch = b.batch WHERE b.batch_no = ? AND n.packed = ? AND n.result IS NULL",
        )?
        .exists(params![batch_no, number.pack() as i64])?)
}

pub(super) fn is_full(tx: &Transaction<'_>, batch_no: &str) -> Result<bool> {
    Ok(batch(tx, batch_no)?.is_some_and(|(_, batch)| batch.quarantined >= max_quarantined(batch.numbers)))
}

fn write(tx: &Transaction<'_>, changes: &Changes) -> Result<()> {
    for first in &changes.firsts {
        settle(tx, first)?;
    }
    for (first, before) in &changes.instead {
        settle(tx, first)?;
        quarantine(tx, before)?;
    }
    for id in &changes.dropped {
        tx.prepare_cached("DELETE FROM results WHERE id = ?")?.execute([id])?;
    }
    for quarantined in &changes.quarantined {
        quarantine(tx, quarantined)?;
    }
    for (batch, tally) in &changes.tallies {
        count(tx, *batch, tally)?;
    }
    add_sums(tx, &changes.sums)
}

fn quarantine(tx: &Transaction<'_>, quarantined: &QuarantineEntry) -> Result<()> {
    let packed = quarantined.number.map(|number| number.pack() as i64);
    tx.prepare_cached("INSERT INTO odd (result, batch_no, packed, hash) VALUES (?, ?, ?, ?)")?
        .execute(params![quarantined.id, quarantined.batch_no, packed, quarantined.hash])?;
    Ok(())
}

fn settle(tx: &Transaction<'_>, first: &FirstResult) -> Result<()> {
    let (batch, packed) = (first.place.0, first.place.1.pack() as i64);
    tx.prepare_cached(
        "UPDATE numbers SET result = ?, received_ms = ?, outcome = ? WHERE batch = ? AND packed = ?",
    )?
    .execute(params![first.id, first.received_ms as i64, first.outcome.figure(), batch, packed])?;
    let Some((via, taken)) = first.detached else { return Ok(()) };
    tx.prepare_cached("UPDATE numbers SET via = NULL WHERE batch = ? AND packed = ?")?
        .execute([batch, packed])?;
    let job: i64 = tx.query_row("SELECT job FROM batches WHERE id = ?", [batch], |row| row.get(0))?;
    match taken {
        Some(taken) => count_reused(tx, job, taken, -1)?,
        None => waits::count(tx, job, via, -1)?,
    }
    Ok(())
}

fn count(tx: &Transaction<'_>, batch: i64, tally: &BatchTally) -> Result<()> {
    let (batch_no, received_ms) =
        tally.proof.as_ref().map(|proof| (&proof.batch_no, proof.received_ms as i64)).unzip();
    tx.prepare_cached(
        "UPDATE batches SET done = done + ?2, failed = failed + ?3, refused = refused + ?4, unpriced = unpriced + ?5,
         numbers = numbers + ?6, aside = aside + ?7, charged_again = charged_again + ?8,
         state = CASE WHEN ?9 IS NULL THEN state ELSE 3 END, batch_no = coalesce(?9, batch_no),
         code = CASE WHEN ?9 IS NULL THEN code END, message = CASE WHEN ?9 IS NULL THEN message END,
         sent_ms = coalesce(sent_ms, ?10) WHERE id = ?1",
    )?
    .execute(params![
        batch,
        tally.done,
        tally.failed,
        tally.refused,
        tally.unpriced,
        tally.numbers,
        tally.quarantined,
        tally.charged_again,
        batch_no,
        received_ms
    ])?;
    Ok(())
}

/// Adds to what the file has of these sums.
pub(super) fn add_sums(tx: &Transaction<'_>, sums: &Sums) -> Result<()> {
    let new = sums.clone().added_to(&read_sums(tx, sums)?);
    for ((job, outcome, currency), sum) in &new.costs {
        let (count, amount) = (sum.count as i64, sum.amount.to_string());
        tx.prepare_cached("INSERT OR REPLACE INTO costs VALUES (?, ?, ?, ?, ?)")?.execute(params![
            job,
            outcome.figure(),
            currency.as_str(),
            count,
            amount
        ])?;
    }
    for ((account, day, currency), amount) in &new.charges {
        tx.prepare_cached("INSERT OR REPLACE INTO charges VALUES (?, ?, ?, ?)")?.execute(params![
            &**account,
            day,
            currency.as_str(),
            amount.to_string()
        ])?;
    }
    for ((level, name, currency), price) in &new.prices {
        tx.prepare_cached("INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)")?.execute(params![
            level,
            name,
            currency.as_str(),
            price.to_string()
        ])?;
    }
    Ok(())
}

/// What the file has of these sums.
fn read_sums(tx: &Transaction<'_>, of: &Sums) -> Result<Sums> {
    let mut sums = Sums::new();
    let mut select =
        tx.prepare_cached("SELECT amount, count FROM costs WHERE job = ? AND outcome = ? AND currency = ?")?;
    for key in of.costs.keys() {
        let params = params![key.0, key.1.figure(), key.2.as_str()];
        let found = select
            .query_row(params, |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
            .optional()?;
        if let Some((text, count)) = found {
            sums.costs.insert(*key, Sum { count: count as u64, amount: amount(&text)? });
        }
    }
    let mut select =
        tx.prepare_cached("SELECT amount FROM charges WHERE account = ? AND day = ? AND currency = ?")?;
    for key in of.charges.keys() {
        let params = params![&*key.0, key.1, key.2.as_str()];
        if let Some(text) = select.query_row(params, |row| row.get::<_, String>(0)).optional()? {
            sums.charges.insert(key.clone(), amount(&text)?);
        }
    }
    let mut select =
        tx.prepare_cached("SELECT price FROM prices WHERE level = ? AND region = ? AND currency = ?")?;
    for key in of.prices.keys() {
        let params = params![key.0, key.1, key.2.as_str()];
        if let Some(text) = select.query_row(params, |row| row.get::<_, String>(0)).optional()? {
            sums.prices.insert(key.clone(), amount(&text)?);
        }
    }
    Ok(sums)
}
