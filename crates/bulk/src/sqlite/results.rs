//! Results: appended as they come, and entered into their jobs afterwards.
//!
//! Appending judges nothing and looks nothing up. Entering is idempotent: how far it is stands in the same transaction.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use numcheck_protocol::{Currency, PhoneNumber, Price};
use rusqlite::{OptionalExtension, Transaction, params};

use super::drift;
use super::fault::{Fault, Result};
use super::schema::{outcome, outcome_figure};
use crate::failpoint::die_at;
use crate::fold::{
    Arrived, Aside, Batch, Changes, First, Has, Kept, Known, Slot, Tally, max_aside, packed, wanted,
};
use crate::model::Outcome;
use crate::store::reading;
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
pub(super) fn fold_all(tx: &Transaction<'_>) -> Result<()> {
    while fold(tx, 1000)?.seen > 0 {}
    Ok(())
}

pub(super) fn fold(tx: &Transaction<'_>, most: u32) -> Result<Folded> {
    let from: i64 = tx
        .prepare_cached("SELECT value FROM marks WHERE name = 'folded'")?
        .query_row([], |row| row.get(0))?;
    let mut folded = Folded::default();
    let arrived = arrived(tx, from, most)?;
    let Some(last) = arrived.last().map(|result| result.id) else { return Ok(folded) };
    let mut known = known(tx, &arrived)?;
    let mut changes = Changes::default();
    changes.judge(arrived, &mut known, &mut folded);
    let mut failed = None;
    let mut kept = |aside: &Aside| {
        kept(tx, aside).unwrap_or_else(|fault| {
            failed = Some(fault);
            Kept::default()
        })
    };
    changes.compare_aside(&mut kept, &mut folded);
    if let Some(fault) = failed {
        return Err(fault);
    }
    write(tx, &changes)?;
    folded.news = drift::add(tx, changes.drift)?;
    tx.prepare_cached("UPDATE marks SET value = ? WHERE name = 'folded'")?.execute([last])?;
    die_at("fold.entered");
    Ok(folded)
}

fn arrived(tx: &Transaction<'_>, from: i64, most: u32) -> Result<Vec<Arrived>> {
    let mut select = tx.prepare_cached(
        "SELECT id, source, batch_no, body, received_ms FROM results WHERE id > ? ORDER BY id LIMIT ?",
    )?;
    let mut rows = select.query(params![from, most])?;
    // A fold meets the same few batches again and again.
    let mut batches: HashMap<String, Option<Batch>> = HashMap::new();
    let mut arrived = Vec::new();
    while let Some(row) = rows.next()? {
        let batch_no: String = row.get(2)?;
        let batch = match batches.get(&batch_no) {
            Some(batch) => batch.clone(),
            None => {
                let batch = batch(tx, &batch_no)?;
                batches.insert(batch_no.clone(), batch.clone());
                batch
            }
        };
        let (source, body) = (Source::from_figure(row.get(1)?), row.get::<_, Vec<u8>>(3)?);
        let facts = reading::read(source, &body);
        arrived.push(Arrived {
            id: row.get(0)?,
            source,
            body,
            batch_no,
            received_ms: row.get(4)?,
            batch,
            facts,
        });
    }
    Ok(arrived)
}

fn batch(tx: &Transaction<'_>, batch_no: &str) -> Result<Option<Batch>> {
    let batch = tx
        .prepare_cached(
            "SELECT b.id, b.job, s.account, s.level, b.numbers, b.aside, j.state = 2, b.grp FROM batch_names n
             JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job JOIN scopes s ON s.id = j.scope WHERE n.batch_no = ?",
        )?
        .query_row([batch_no], |row| {
            Ok(Batch {
                id: row.get(0)?,
                job: row.get(1)?,
                account: Arc::from(row.get_ref(2)?.as_str()?),
                level: row.get(3)?,
                numbers: row.get(4)?,
                aside: row.get(5)?,
                is_forgotten: row.get(6)?,
                group: Arc::from(row.get_ref(7)?.as_str()?),
            })
        })
        .optional()?;
    Ok(batch)
}

fn known(tx: &Transaction<'_>, arrived: &[Arrived]) -> Result<Known> {
    let mut known = Known::default();
    let (mut places, single) = wanted(arrived);
    let mut only = tx.prepare_cached("SELECT packed FROM numbers WHERE batch = ? AND via IS NULL LIMIT 2")?;
    for batch in single {
        let found: Vec<i64> =
            only.query_map([batch], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        if let [packed] = found[..] {
            known.only.insert(batch, packed);
            places.insert((batch, packed));
        }
    }
    let mut slot = tx
        .prepare_cached("SELECT via, result, outcome, job < 0 FROM numbers WHERE batch = ? AND packed = ?")?;
    let mut has = tx.prepare_cached("SELECT source, batch_no, body FROM results WHERE id = ?")?;
    for place in places {
        let found = slot
            .query_row([place.0, place.1], |row| {
                Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Option<i64>>(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((via, result, ended, has_moved)) = found else { continue };
        let has = match result {
            Some(id) => has
                .query_row([id], |row| {
                    Ok(Has {
                        id,
                        source: Source::from_figure(row.get(0)?),
                        outcome: outcome(ended.unwrap_or(1)),
                        batch_no: row.get(1)?,
                        body: row.get(2)?,
                    })
                })
                .optional()?,
            None => None,
        };
        known.slots.insert(place, Slot { via, has_moved, has });
    }
    Ok(known)
}

fn kept(tx: &Transaction<'_>, aside: &Aside) -> Result<Kept> {
    let is_kept = |hash: &[u8]| -> Result<bool> {
        Ok(tx
            .prepare_cached("SELECT 1 FROM odd WHERE batch_no = ? AND packed IS ? AND hash = ?")?
            .exists(params![aside.result.batch_no, aside.packed, hash])?)
    };
    // A sending has one charge: it stands behind all others of its phone number.
    let charge: Option<Vec<u8>> = tx
        .prepare_cached("SELECT hash FROM odd WHERE batch_no = ? AND packed = ? AND hash >= x'80' LIMIT 1")?
        .query_row(params![aside.result.batch_no, aside.packed], |row| row.get(0))
        .optional()?;
    let is_charge = charge.as_ref().is_some_and(|hash| *hash == aside.charge_hash());
    Ok(Kept { same: is_charge || is_kept(&aside.hash)?, charge: charge.is_some() })
}

/// Whether a result for the phone number is still expected.
pub(super) fn expects(tx: &Transaction<'_>, batch_no: &str, number: &PhoneNumber) -> Result<bool> {
    Ok(tx
        .prepare_cached(
            "SELECT 1 FROM batch_names b JOIN numbers n ON n.batch = b.batch WHERE b.batch_no = ? AND n.packed = ? AND n.result IS NULL",
        )?
        .exists(params![batch_no, packed(number)])?)
}

pub(super) fn is_full(tx: &Transaction<'_>, batch_no: &str) -> Result<bool> {
    Ok(batch(tx, batch_no)?.is_some_and(|batch| batch.aside >= max_aside(batch.numbers)))
}

fn write(tx: &Transaction<'_>, changes: &Changes) -> Result<()> {
    for first in &changes.firsts {
        settle(tx, first)?;
    }
    for (first, before, batch_no) in &changes.instead {
        settle(tx, first)?;
        let body = tx
            .prepare_cached("SELECT source, body FROM results WHERE id = ?")?
            .query_row([before], |row| Ok((Source::from_figure(row.get(0)?), row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let hash = body.map(|(source, body)| reading::hash(source, &body, true)).unwrap_or_default();
        tx.prepare_cached("INSERT INTO odd (result, batch_no, packed, hash) VALUES (?, ?, ?, ?)")?
            .execute(params![before, batch_no, first.place.1, hash])?;
    }
    for id in &changes.dropped {
        tx.prepare_cached("DELETE FROM results WHERE id = ?")?.execute([id])?;
    }
    for aside in &changes.aside {
        tx.prepare_cached("INSERT INTO odd (result, batch_no, packed, hash) VALUES (?, ?, ?, ?)")?
            .execute(params![aside.result.id, aside.result.batch_no, aside.packed, aside.hash])?;
    }
    for (batch, tally) in &changes.tallies {
        count(tx, *batch, tally)?;
    }
    for ((job, outcome, currency), (count, amount)) in &changes.costs {
        let outcome = i64::from(*outcome == Outcome::Failed);
        add_cost(tx, *job, outcome, *currency, *count, *amount)?;
    }
    add_charges(tx, &changes.charges)?;
    for ((level, region, currency), price) in &changes.prices {
        let before: Option<String> = tx
            .prepare_cached("SELECT price FROM prices WHERE level = ? AND region = ? AND currency = ?")?
            .query_row(params![level, region, currency.as_str()], |row| row.get(0))
            .optional()?;
        if before.and_then(|before| before.parse::<Price>().ok()).is_none_or(|before| before < *price) {
            tx.prepare_cached("INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)")?.execute(params![
                level,
                region,
                currency.as_str(),
                price.to_string()
            ])?;
        }
    }
    Ok(())
}

fn settle(tx: &Transaction<'_>, first: &First) -> Result<()> {
    let ended = outcome_figure(first.outcome);
    tx.prepare_cached(
        "UPDATE numbers SET result = ?, received_ms = ?, outcome = ? WHERE batch = ? AND packed = ?",
    )?
    .execute(params![first.id, first.received_ms, ended, first.place.0, first.place.1])?;
    let Some((via, taken)) = first.detached else { return Ok(()) };
    tx.prepare_cached("UPDATE numbers SET via = NULL WHERE batch = ? AND packed = ?")?
        .execute([first.place.0, first.place.1])?;
    let job: i64 = tx.query_row("SELECT job FROM batches WHERE id = ?", [first.place.0], |row| row.get(0))?;
    match taken {
        Some(taken) => count_reused(tx, job, taken, -1)?,
        None => super::waits::count(tx, job, via, -1)?,
    }
    Ok(())
}

/// Counts rows of a job that take a result of the book.
pub(super) fn count_reused(tx: &Transaction<'_>, job: i64, outcome: Outcome, by: i64) -> Result<()> {
    let sql = match outcome {
        Outcome::Done => "UPDATE jobs SET reused_done = reused_done + ? WHERE id = ?",
        Outcome::Failed | Outcome::Passing => {
            "UPDATE jobs SET reused_failed = reused_failed + ? WHERE id = ?"
        }
        Outcome::Refused => "UPDATE jobs SET reused_refused = reused_refused + ? WHERE id = ?",
    };
    tx.prepare_cached(sql)?.execute([by, job])?;
    Ok(())
}

fn count(tx: &Transaction<'_>, batch: i64, tally: &Tally) -> Result<()> {
    let (batch_no, received_ms) = tally.proof.clone().unzip();
    // A result proves that the batch was accepted, under the `batchNo` that it names, whatever was known of it before. Where the request is
    // still under way, its end is yet to be written.
    tx.prepare_cached(
        "UPDATE batches SET done = done + ?2, failed = failed + ?3, unpriced = unpriced + ?4, refused = refused + ?7,
         numbers = numbers + ?8, aside = aside + ?9, charged_again = charged_again + ?10,
         state = CASE WHEN state = 1 OR ?5 IS NULL THEN state ELSE 3 END,
         batch_no = CASE WHEN state IN (1, 3) THEN batch_no ELSE coalesce(?5, batch_no) END,
         code = CASE WHEN state = 1 OR ?5 IS NULL THEN code END, message = CASE WHEN state = 1 OR ?5 IS NULL THEN message END,
         sent_ms = coalesce(sent_ms, ?6) WHERE id = ?1",
    )?
    .execute(params![
        batch,
        tally.done,
        tally.failed,
        tally.unpriced,
        batch_no,
        received_ms,
        tally.refused,
        tally.numbers,
        tally.aside,
        tally.charged_again
    ])?;
    Ok(())
}

fn add_cost(
    tx: &Transaction<'_>,
    job: i64,
    outcome: i64,
    currency: Currency,
    count: i64,
    amount: Price,
) -> Result<()> {
    let before: Option<(i64, String)> = tx
        .prepare_cached("SELECT count, amount FROM costs WHERE job = ? AND outcome = ? AND currency = ?")?
        .query_row(params![job, outcome, currency.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (count_before, amount_before) = before.unwrap_or_else(|| (0, "0".to_owned()));
    let amount_before: Price = amount_before.parse().map_err(|_| Fault::Damaged("a sum is no amount"))?;
    // Beyond the range of a price the sum stays where it is; the results keep their prices.
    let sum = amount_before.checked_add(amount).unwrap_or(amount_before);
    tx.prepare_cached("INSERT OR REPLACE INTO costs VALUES (?, ?, ?, ?, ?)")?.execute(params![
        job,
        outcome,
        currency.as_str(),
        count_before + count,
        sum.to_string()
    ])?;
    Ok(())
}

/// Adds what accounts were charged, by UTC day.
pub(super) fn add_charges(
    tx: &Transaction<'_>,
    charges: &BTreeMap<(Arc<str>, i64, Currency), Price>,
) -> Result<()> {
    for ((account, day, currency), amount) in charges {
        let before: Option<String> = tx
            .prepare_cached("SELECT amount FROM charges WHERE account = ? AND day = ? AND currency = ?")?
            .query_row(params![&**account, day, currency.as_str()], |row| row.get(0))
            .optional()?;
        let before: Price = before.and_then(|amount| amount.parse().ok()).unwrap_or_default();
        let sum = before.checked_add(*amount).unwrap_or(before);
        tx.prepare_cached("INSERT OR REPLACE INTO charges VALUES (?, ?, ?, ?)")?.execute(params![
            &**account,
            day,
            currency.as_str(),
            sum.to_string()
        ])?;
    }
    Ok(())
}
