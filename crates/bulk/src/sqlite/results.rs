//! Results: appended as they come, and entered into their jobs afterwards.
//!
//! Appending judges nothing and looks nothing up. Entering is idempotent: how far it is stands in the same transaction.

use std::collections::{BTreeMap, HashMap};

use numcheck_protocol::{Currency, Drift, Price};
use rusqlite::{OptionalExtension, Transaction, params};

use super::drift;
use super::fault::{Fault, Result};
use crate::failpoint::die_at;
use crate::model::Outcome;
use crate::store::reading::{self, Facts};
use crate::store::{Folded, NewResult, Source};

pub(super) fn append(tx: &Transaction<'_>, results: &[NewResult]) -> Result<()> {
    let mut insert =
        tx.prepare_cached("INSERT INTO results (received_ms, source, batch_no, body) VALUES (?, ?, ?, ?)")?;
    for result in results {
        insert.execute(params![
            result.received_ms as i64,
            source_number(result.source),
            result.batch_no,
            result.body
        ])?;
    }
    Ok(())
}

pub(super) fn source(number: i64) -> Source {
    match number {
        0 => Source::Push,
        1 => Source::Query,
        _ => Source::Answer,
    }
}

fn source_number(source: Source) -> i64 {
    match source {
        Source::Push => 0,
        Source::Query => 1,
        Source::Answer => 2,
    }
}

/// Sums of one fold, written once at its end.
#[derive(Default)]
struct Sums {
    batches: BTreeMap<i64, Tally>,
    costs: BTreeMap<(i64, Outcome, Currency), (i64, Price)>,
    prices: BTreeMap<(i64, String), (Currency, Price)>,
    drift: BTreeMap<(i64, Drift), u64>,
}

#[derive(Default)]
struct Tally {
    done: i64,
    failed: i64,
    refused: i64,
    unpriced: i64,
    /// The number under which the platform has shown to know the batch, and when.
    proof: Option<(String, i64)>,
}

pub(super) fn fold(tx: &Transaction<'_>, most: u32) -> Result<Folded> {
    let from: i64 = tx
        .prepare_cached("SELECT value FROM marks WHERE name = 'folded'")?
        .query_row([], |row| row.get(0))?;
    let mut select = tx.prepare_cached(
        "SELECT id, source, batch_no, body, received_ms FROM results WHERE id > ? ORDER BY id LIMIT ?",
    )?;
    let mut rows = select.query(params![from, most])?;
    let (mut folded, mut sums, mut last) = (Folded::default(), Sums::default(), from);
    let mut batches = Batches::new();
    while let Some(row) = rows.next()? {
        let text = |at| -> Result<_> { Ok(row.get_ref(at)?.as_str()?) };
        let body = row.get_ref(3)?.as_blob()?;
        let come = Come {
            id: row.get(0)?,
            source: source(row.get(1)?),
            batch_no: text(2)?,
            body,
            received_ms: row.get(4)?,
        };
        last = come.id;
        folded.seen += 1;
        enter(tx, &come, &mut batches, &mut folded, &mut sums)?;
    }
    drop(rows);
    if folded.seen > 0 {
        folded.news = sums.write(tx)?;
        tx.prepare_cached("UPDATE marks SET value = ? WHERE name = 'folded'")?.execute([last])?;
        die_at("fold.entered");
    }
    Ok(folded)
}

/// A stored result that was not looked at yet.
struct Come<'a> {
    id: i64,
    source: Source,
    batch_no: &'a str,
    body: &'a [u8],
    received_ms: i64,
}

fn enter(
    tx: &Transaction<'_>,
    come: &Come<'_>,
    batches: &mut Batches,
    folded: &mut Folded,
    sums: &mut Sums,
) -> Result<()> {
    let Some(batch) = batch(tx, come.batch_no, batches)? else {
        return set_aside(tx, come, None, folded).map(drop);
    };
    // A person had it forgotten: nothing of it is kept, however late it comes.
    if batch.forgotten {
        return remove(tx, come.id);
    }
    let facts = reading::read(come.source, come.body);
    let found = match facts {
        Some(facts) => packed(tx, batch, &facts)?.map(|packed| (packed, facts)),
        None => None,
    };
    let Some((packed, facts)) = found else {
        let drift = reading::read(come.source, come.body).map(|facts| facts.drift);
        let kept = set_aside(tx, come, None, folded)?;
        sums.count(batch, drift.filter(|_| kept));
        return Ok(());
    };
    // Nearly always it is the first one: that is tried before anything is looked up.
    let settled = tx
        .prepare_cached("UPDATE numbers SET result = ? WHERE batch = ? AND packed = ? AND result IS NULL")?
        .execute(params![come.id, batch.id, packed])?;
    if settled > 0 {
        folded.first += 1;
        sums.add(&batch, come, facts);
        return Ok(());
    }
    let first = tx
        .prepare_cached(
            "SELECT r.id, r.source, r.body FROM numbers n JOIN results r ON r.id = n.result WHERE n.batch = ? AND n.packed = ?",
        )?
        .query_row(params![batch.id, packed], |row| {
            let from = row.get(1)?;
            Ok((row.get(0)?, source(from), come.says_the_same(from, row.get_ref(2)?.as_blob()?)))
        })
        .optional()?;
    match first {
        None => {
            let kept = set_aside(tx, come, None, folded)?;
            sums.count(batch, Some(facts.drift).filter(|_| kept));
            Ok(())
        }
        Some((first, from, _)) if reading::replaces(come.source, from) => {
            replace(tx, come, (batch.id, packed), first)?;
            folded.conflicts += 1;
            sums.batches.entry(batch.id).or_default().refused -= 1;
            sums.add(&batch, come, facts);
            Ok(())
        }
        Some((_, _, true)) => {
            folded.repeats += 1;
            remove(tx, come.id)
        }
        Some(_) => {
            let kept = set_aside(tx, come, Some(packed), folded)?;
            sums.count(batch, Some(facts.drift).filter(|_| kept));
            Ok(())
        }
    }
}

/// A result for a number that was said not to be taken: it counts, and both are kept.
fn replace(tx: &Transaction<'_>, come: &Come<'_>, (batch, packed): (i64, i64), first: i64) -> Result<()> {
    tx.prepare_cached("UPDATE numbers SET result = ? WHERE batch = ? AND packed = ?")?
        .execute(params![come.id, batch, packed])?;
    tx.prepare_cached("INSERT INTO odd VALUES (?, ?, ?)")?.execute(params![first, come.batch_no, packed])?;
    Ok(())
}

impl Come<'_> {
    fn says_the_same(&self, from: i64, body: &[u8]) -> bool {
        reading::same((source(from), body), (self.source, self.body))
    }
}

fn remove(tx: &Transaction<'_>, id: i64) -> Result<()> {
    tx.prepare_cached("DELETE FROM results WHERE id = ?")?.execute([id])?;
    Ok(())
}

/// Keeps aside what belongs to no number, or is a second result of one with other content; once, however often it comes. Says whether it
/// was kept.
fn set_aside(
    tx: &Transaction<'_>,
    come: &Come<'_>,
    packed: Option<i64>,
    folded: &mut Folded,
) -> Result<bool> {
    let mut aside = tx.prepare_cached(
        "SELECT r.source, r.body FROM odd o JOIN results r ON r.id = o.result WHERE o.batch_no = ? AND o.packed IS ?",
    )?;
    let mut aside = aside.query(params![come.batch_no, packed])?;
    while let Some(row) = aside.next()? {
        let body = row.get_ref(1)?.as_blob()?;
        let same = match packed {
            Some(_) => come.says_the_same(row.get(0)?, body),
            None => come.body == body,
        };
        if same {
            folded.repeats += 1;
            remove(tx, come.id)?;
            return Ok(false);
        }
    }
    match packed {
        Some(_) => folded.conflicts += 1,
        None => folded.strays += 1,
    }
    tx.prepare_cached("INSERT INTO odd VALUES (?, ?, ?)")?.execute(params![
        come.id,
        come.batch_no,
        packed
    ])?;
    Ok(true)
}

/// What a fold has to know of a batch.
#[derive(Clone, Copy)]
struct Batch {
    id: i64,
    job: i64,
    numbers: i64,
    level: i64,
    forgotten: bool,
}

/// Batches by the numbers under which results name them: a fold meets the same few again and again.
type Batches = HashMap<String, Option<Batch>>;

fn batch(tx: &Transaction<'_>, batch_no: &str, known: &mut Batches) -> Result<Option<Batch>> {
    if let Some(batch) = known.get(batch_no) {
        return Ok(*batch);
    }
    let batch = tx
        .prepare_cached(
            "SELECT b.id, b.job, b.numbers, json_extract(j.spec, '$.level'), j.state = 2 FROM batch_names n
             JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job WHERE n.batch_no = ?",
        )?
        .query_row([batch_no], |row| {
            let (id, job, numbers) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Batch { id, job, numbers, level: row.get(3)?, forgotten: row.get(4)? })
        })
        .optional()?;
    known.insert(batch_no.to_owned(), batch);
    Ok(batch)
}

/// Which number of the batch a result is about: the one it names, which need not be there, or the only one there is.
fn packed(tx: &Transaction<'_>, batch: Batch, facts: &Facts) -> Result<Option<i64>> {
    if let Some(number) = facts.number {
        return Ok(Some(number.pack() as i64));
    }
    if batch.numbers != 1 {
        return Ok(None);
    }
    let only = tx
        .prepare_cached("SELECT packed FROM numbers WHERE batch = ?")?
        .query_row([batch.id], |row| row.get(0))
        .optional()?;
    Ok(only)
}

impl Sums {
    fn add(&mut self, batch: &Batch, come: &Come<'_>, facts: Facts) {
        self.count(*batch, Some(facts.drift));
        let tally = self.batches.entry(batch.id).or_default();
        if tally.proof.is_none() {
            tally.proof = Some((come.batch_no.to_owned(), come.received_ms));
        }
        match facts.outcome {
            Outcome::Done => tally.done += 1,
            Outcome::Failed => tally.failed += 1,
            Outcome::Refused => tally.refused += 1,
        }
        let Some((currency, price)) = facts.cost else {
            // A failed check carries no cost in the first dialect.
            tally.unpriced += i64::from(facts.outcome == Outcome::Done);
            return;
        };
        let sum = self.costs.entry((batch.job, facts.outcome, currency)).or_default();
        match sum.1.checked_add(price) {
            Some(total) => *sum = (sum.0 + 1, total),
            None => tally.unpriced += 1,
        }
        if let Some(region) = facts.region {
            self.prices.insert((batch.level, region), (currency, price));
        }
    }

    /// Counts what no document lists, of a result that was kept.
    fn count(&mut self, batch: Batch, drift: Option<Vec<Drift>>) {
        for drift in drift.into_iter().flatten() {
            *self.drift.entry((batch.job, drift)).or_default() += 1;
        }
    }

    /// Says what no result of the same job held before.
    fn write(self, tx: &Transaction<'_>) -> Result<Vec<Drift>> {
        for (batch, tally) in self.batches {
            let (batch_no, received_ms) = tally.proof.unzip();
            // A result proves that the batch was accepted, under the number that it names, whatever was known of it before. Where the
            // request is still under way, its end is yet to be written.
            tx.prepare_cached(
                "UPDATE batches SET done = done + ?2, failed = failed + ?3, unpriced = unpriced + ?4,
                 refused = refused + ?7,
                 state = CASE WHEN state = 1 THEN 1 ELSE 3 END,
                 batch_no = CASE WHEN state IN (1, 3) THEN batch_no ELSE coalesce(?5, batch_no) END,
                 code = CASE WHEN state = 1 THEN code END, message = CASE WHEN state = 1 THEN message END,
                 sent_ms = coalesce(sent_ms, ?6) WHERE id = ?1",
            )?
            .execute(params![
                batch,
                tally.done,
                tally.failed,
                tally.unpriced,
                batch_no,
                received_ms,
                tally.refused
            ])?;
        }
        for ((job, outcome, currency), (count, amount)) in self.costs {
            let outcome = i64::from(outcome == Outcome::Failed);
            let before: Option<(i64, String)> = tx
                .prepare_cached(
                    "SELECT count, amount FROM costs WHERE job = ? AND outcome = ? AND currency = ?",
                )?
                .query_row(params![job, outcome, currency.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (count_before, amount_before) = before.unwrap_or_else(|| (0, "0".to_owned()));
            let amount_before: Price =
                amount_before.parse().map_err(|_| Fault::Damaged("a sum is no amount"))?;
            // Beyond ±92 billion the sum stays where it is; the results keep their prices.
            let sum = amount_before.checked_add(amount).unwrap_or(amount_before);
            tx.prepare_cached("INSERT OR REPLACE INTO costs VALUES (?, ?, ?, ?, ?)")?.execute(params![
                job,
                outcome,
                currency.as_str(),
                count_before + count,
                sum.to_string()
            ])?;
        }
        for ((level, region), (currency, price)) in self.prices {
            tx.prepare_cached("INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)")?.execute(params![
                level,
                region,
                currency.as_str(),
                price.to_string()
            ])?;
        }
        drift::add(tx, self.drift)
    }
}
