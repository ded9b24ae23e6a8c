//! Results: appended as they come, and entered into their jobs afterwards.
//!
//! Appending judges nothing and looks nothing up. Entering is idempotent: how far it is stands in the same transaction.

use std::collections::BTreeMap;

use numcheck_protocol::{Currency, Price};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::model::Outcome;
use crate::store::reading::{self, Facts};
use crate::store::{Folded, NewResult, Source};

type Result<T> = std::result::Result<T, rusqlite::Error>;

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
    if number == 0 { Source::Push } else { Source::Query }
}

fn source_number(source: Source) -> i64 {
    match source {
        Source::Push => 0,
        Source::Query => 1,
    }
}

/// Sums of one fold, written once at its end.
#[derive(Default)]
struct Sums {
    batches: BTreeMap<i64, [i64; 3]>,
    costs: BTreeMap<(i64, Outcome, Currency), (i64, Price)>,
    prices: BTreeMap<(i64, String), (Currency, Price)>,
}

pub(super) fn fold(tx: &Transaction<'_>, most: u32) -> Result<Folded> {
    let from: i64 = tx
        .prepare_cached("SELECT value FROM marks WHERE name = 'folded'")?
        .query_row([], |row| row.get(0))?;
    let mut select =
        tx.prepare_cached("SELECT id, source, batch_no, body FROM results WHERE id > ? ORDER BY id LIMIT ?")?;
    let mut rows = select.query(params![from, most])?;
    let (mut folded, mut sums, mut last) = (Folded::default(), Sums::default(), from);
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        let body = row.get_ref(3)?.as_bytes()?;
        folded.seen += 1;
        enter(tx, last, source(row.get(1)?), row.get_ref(2)?.as_str()?, body, &mut folded, &mut sums)?;
    }
    drop(rows);
    if folded.seen > 0 {
        sums.write(tx)?;
        tx.prepare_cached("UPDATE marks SET value = ? WHERE name = 'folded'")?.execute([last])?;
    }
    Ok(folded)
}

fn enter(
    tx: &Transaction<'_>,
    id: i64,
    source: Source,
    batch_no: &str,
    body: &[u8],
    folded: &mut Folded,
    sums: &mut Sums,
) -> Result<()> {
    let facts = reading::read(source, body);
    let place = match &facts {
        Some(facts) => place(tx, batch_no, facts)?,
        None => None,
    };
    let Some(Place { batch, packed, job, level, has }) = place else {
        if is_forgotten(tx, batch_no)? {
            tx.prepare_cached("DELETE FROM results WHERE id = ?")?.execute([id])?;
            return Ok(());
        }
        folded.strays += 1;
        return set_aside(tx, id, false);
    };
    if let Some(first) = has {
        let known: Vec<u8> = tx
            .prepare_cached("SELECT body FROM results WHERE id = ?")?
            .query_row([first], |row| row.get(0))?;
        // A fetched row has another form than the push that it repeats: it says nothing new about a settled number.
        if source == Source::Query || reading::same(&known, body) {
            folded.repeats += 1;
            tx.prepare_cached("DELETE FROM results WHERE id = ?")?.execute([id])?;
            return Ok(());
        }
        folded.conflicts += 1;
        return set_aside(tx, id, true);
    }
    tx.prepare_cached("UPDATE numbers SET result = ? WHERE batch = ? AND packed = ?")?
        .execute(params![id, batch, packed])?;
    folded.first += 1;
    if let Some(facts) = facts {
        sums.add(batch, job, level, facts);
    }
    Ok(())
}

struct Place {
    batch: i64,
    packed: i64,
    job: i64,
    level: i64,
    has: Option<i64>,
}

/// Which number of the batch a result is about: the one it names, or the only one there is.
fn place(tx: &Transaction<'_>, batch_no: &str, facts: &Facts) -> Result<Option<Place>> {
    let batch = tx
        .prepare_cached(
            "SELECT b.id, b.job, b.numbers, json_extract(j.spec, '$.level') FROM batch_names n
             JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job WHERE n.batch_no = ?",
        )?
        .query_row([batch_no], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((batch, job, numbers, level)) = batch else { return Ok(None) };
    let _: i64 = numbers;
    if let Some(number) = facts.number {
        let packed = number.pack() as i64;
        let has = tx
            .prepare_cached("SELECT result FROM numbers WHERE batch = ? AND packed = ?")?
            .query_row(params![batch, packed], |row| row.get(0))
            .optional()?;
        return Ok(has.map(|has| Place { batch, packed, job, level, has }));
    }
    if numbers != 1 {
        return Ok(None);
    }
    tx.prepare_cached("SELECT packed, result FROM numbers WHERE batch = ?")?
        .query_row([batch], |row| Ok(Place { batch, packed: row.get(0)?, job, level, has: row.get(1)? }))
        .optional()
}

/// Whether the batch is of a job that a person had forgotten: then nothing of it is kept, however late it comes.
fn is_forgotten(tx: &Transaction<'_>, batch_no: &str) -> Result<bool> {
    tx.prepare_cached(
        "SELECT j.state = 2 FROM batch_names n JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job WHERE n.batch_no = ?",
    )?
    .query_row([batch_no], |row| row.get(0))
    .optional()
    .map(Option::unwrap_or_default)
}

fn set_aside(tx: &Transaction<'_>, id: i64, conflict: bool) -> Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO odd VALUES (?, ?)")?.execute(params![id, conflict])?;
    Ok(())
}

impl Sums {
    fn add(&mut self, batch: i64, job: i64, level: i64, facts: Facts) {
        let [done, failed, unpriced] = self.batches.entry(batch).or_default();
        match facts.outcome {
            Outcome::Done => *done += 1,
            Outcome::Failed => *failed += 1,
        }
        let Some((currency, price)) = facts.cost else {
            // A failed check carries no cost in the first dialect.
            *unpriced += i64::from(facts.outcome == Outcome::Done);
            return;
        };
        let sum = self.costs.entry((job, facts.outcome, currency)).or_default();
        match sum.1.checked_add(price) {
            Some(total) => *sum = (sum.0 + 1, total),
            None => *unpriced += 1,
        }
        if let Some(region) = facts.region {
            self.prices.insert((level, region), (currency, price));
        }
    }

    fn write(self, tx: &Transaction<'_>) -> Result<()> {
        for (batch, [done, failed, unpriced]) in self.batches {
            // A result proves that the batch was accepted, whatever was known of it before.
            tx.prepare_cached(
                "UPDATE batches SET done = done + ?2, failed = failed + ?3, unpriced = unpriced + ?4,
                 state = CASE WHEN state IN (2, 4) THEN 3 ELSE state END WHERE id = ?1",
            )?
            .execute(params![batch, done, failed, unpriced])?;
        }
        for ((job, outcome, currency), (count, amount)) in self.costs {
            let outcome = i64::from(outcome == Outcome::Failed);
            let before: Option<(i64, String)> = tx
                .prepare_cached(
                    "SELECT count, amount FROM costs WHERE job = ? AND outcome = ? AND currency = ?",
                )?
                .query_row(params![job, outcome, currency.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (count_before, amount_before) = before.unwrap_or_default();
            let amount_before: Price = amount_before.parse().unwrap_or_default();
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
        Ok(())
    }
}
