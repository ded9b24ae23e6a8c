//! Enters stored results into their jobs, many at a time. What becomes of a result is decided in [`crate::fold`].
//!
//! One fold runs at a time, in all processes: it is called in a transaction that settles, and how far entering is stands in the same
//! transaction, so that each result is entered once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::try_join3;
use numcheck_protocol::PhoneNumber;

use super::waits::{count_down, count_reused};
use super::{GivenUp, Row, Sql, Tx, Waiting, drift, each, values};
use crate::failpoint::die_at;
use crate::fold::{
    Arrived, BatchTally, Changes, FirstResult, FoldedBatch, HeldResult, Judged, QuarantineEntry,
    QuarantinedBefore, Recorded, Slot, Sums, judge, judge_again, max_quarantined,
};
use crate::ledger::Sum;
use crate::model::{JobState, Outcome};
use crate::store::reading::{self, SharedReader};
use crate::store::{Folded, NewResult, Reread, Source};

/// Results in one step.
const STEP: u32 = 1000;

/// Enters everything that waits. To be called in a transaction that settles.
pub(crate) async fn fold_all<T: Tx>(tx: &T, reader: &SharedReader) -> Result<(), T::Fault> {
    while fold(tx, reader, STEP).await?.seen == STEP {}
    Ok(())
}

/// Enters up to `most` results. To be called in a transaction that settles.
pub(crate) async fn fold<T: Tx>(tx: &T, reader: &SharedReader, most: u32) -> Result<Folded, T::Fault> {
    let mut folded = Folded::default();
    while folded.seen < most {
        let (arrived, waiting) = tx.arrived(most - folded.seen).await?;
        if waiting.is_any() {
            enter(tx, reader, arrived, &waiting, &mut folded).await?;
        }
        if waiting.is_all() {
            break;
        }
    }
    if folded.seen > 0 {
        die_at("fold.entered");
    }
    Ok(folded)
}

async fn enter<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    mut arrived: Vec<Arrived>,
    waiting: &T::Waiting,
    folded: &mut Folded,
) -> Result<(), T::Fault> {
    let recorded = recorded_at_home(tx, reader, &mut arrived).await?;
    folded.add(write(tx, judge(arrived, recorded), Some(waiting)).await?);
    Ok(())
}

/// Enters what was quarantined without a phone number and belongs to one now, of the next `most` behind the key `after`. To be called in a
/// transaction that settles.
pub(crate) async fn reread<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    after: i64,
    most: u32,
) -> Result<Reread, T::Fault> {
    let sql = "SELECT r.id, n.batch, r.batch_no, r.source, r.body, r.received_ms
        FROM odd o JOIN results r ON r.id = o.result LEFT JOIN batch_names n ON n.batch_no = r.batch_no
        WHERE o.result > $1 AND coalesce(o.packed, 0) = 0 ORDER BY o.result LIMIT $2";
    let read = |row: &Row<'_>| Ok(Arrived::new(row.get(0)?, row.get(1)?, result(row, 2)?));
    let mut quarantined = tx.rows(sql, &values![after, most], read).await?;
    let mut reread = Reread {
        seen: quarantined.len() as u32,
        last: quarantined.last().map(Arrived::id),
        ..Reread::default()
    };
    let known = recorded_at_home(tx, reader, &mut quarantined).await?;
    reread.entered = write(tx, judge_again(quarantined, known), None).await?;
    Ok(reread)
}

/// Writes down what becomes of results, and says it.
async fn write<T: Tx>(tx: &T, judged: Judged, waiting: Option<&T::Waiting>) -> Result<Folded, T::Fault> {
    let kept = quarantined_before(tx, &judged).await?;
    let (changes, mut folded) = judged.finish(&kept);
    folded.news = drift::add(tx, &changes.drift).await?;
    const RELEASE: Sql = Sql {
        sqlite: "DELETE FROM odd WHERE result IN (SELECT value FROM json_each($1))",
        postgres: "DELETE FROM odd WHERE result = ANY ($1)",
    };
    if !changes.released.is_empty() {
        tx.run(RELEASE, &values![&changes.released]).await?;
    }
    // Sent one behind the other where nothing depends on an answer.
    try_join3(settle(tx, &changes), account(tx, &changes), put_away(tx, &changes, waiting)).await?;
    Ok(folded)
}

/// A result, from four columns.
pub(crate) fn result(row: &Row<'_>, at: usize) -> Result<NewResult, GivenUp> {
    Ok(NewResult {
        batch_no: row.get(at)?,
        source: row.get(at + 1)?,
        body: row.get(at + 2)?,
        received_ms: row.get(at + 3)?,
    })
}

macro_rules! batch {
    () => {
        "SELECT b.id, b.job, s.account, s.level, b.grp, b.batch_no, b.state, b.numbers, b.aside, j.state, s.service FROM batches b
        JOIN jobs j ON j.id = b.job JOIN scopes s ON s.id = j.scope WHERE b.id "
    };
}

/// [`recorded`], after the rows that have left their batch for want of these results are back in it.
async fn recorded_at_home<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    arrived: &mut [Arrived],
) -> Result<Recorded, T::Fault> {
    let known = recorded(tx, reader, arrived).await?;
    let moved = known.moved(arrived);
    if moved.is_empty() {
        return Ok(known);
    }
    // Rows are locked already. So seldom is there one that came late that a deadlock, which is tried again, costs less than a lock each time.
    each::lock_scopes(tx, &moved).await?;
    match each::move_back(tx, &moved).await? {
        true => recorded(tx, reader, arrived).await,
        false => Ok(known),
    }
}

/// What is known of the batches and phone numbers that results are about. The batches stay locked: what a claim has decided about their
/// rows is seen here, and none decides anything more.
async fn recorded<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    arrived: &mut [Arrived],
) -> Result<Recorded, T::Fault> {
    let mut recorded = Recorded::new(Arc::clone(reader));
    let batches: BTreeSet<i64> = arrived.iter().filter_map(Arrived::batch).collect();
    let batches: Vec<i64> = batches.into_iter().collect();
    if batches.is_empty() {
        return Ok(recorded);
    }
    const BATCHES: Sql = Sql {
        sqlite: concat!(batch!(), "IN (SELECT value FROM json_each($1))"),
        postgres: concat!(batch!(), "= ANY ($1) ORDER BY b.id FOR UPDATE OF b"),
    };
    // A fold meets the same few accounts and groups again and again.
    let (mut accounts, mut services, mut groups) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    tx.rows(BATCHES, &values![&batches], |row| {
        let (account, group) = (shared(&mut accounts, row.get(2)?), shared(&mut groups, row.get(4)?));
        let service = shared(&mut services, row.get(10)?);
        let mut batch = FoldedBatch::new(row.get(1)?, account, service, row.get(3)?, group, row.get(5)?);
        batch.state = row.get(6)?;
        (batch.numbers, batch.quarantined) = (row.get(7)?, row.get(8)?);
        batch.is_forgotten = row.get::<JobState>(9)? == JobState::Forgotten;
        recorded.batches.insert(row.get(0)?, batch);
        Ok(())
    })
    .await?;
    let mut wanted = recorded.wanted(arrived);
    const ONLY: Sql = Sql {
        sqlite: "SELECT $1, min(packed) FROM (SELECT packed FROM numbers
                WHERE batch = $1 AND via IS NULL AND (SELECT numbers FROM batches WHERE id = $1) = 1 LIMIT 2
            ) HAVING count(*) = 1",
        postgres: "SELECT wanted.batch, sole.packed FROM unnest($1::bigint[]) AS wanted (batch) CROSS JOIN LATERAL (SELECT min(packed) AS packed FROM (
                SELECT packed FROM numbers WHERE batch = wanted.batch AND via IS NULL AND (SELECT b.numbers FROM batches b WHERE b.id = wanted.batch) = 1 LIMIT 2
            ) AS first HAVING count(*) = 1) AS sole",
    };
    let single: Vec<_> = std::mem::take(&mut wanted.single).into_iter().map(|batch| values![batch]).collect();
    for (batch, number) in tx.rows_each(ONLY, &single, |row| Ok((row.get(0)?, row.get(1)?))).await? {
        wanted.add_only(&mut recorded, batch, number);
    }
    const SLOTS: Sql = Sql {
        sqlite: "SELECT n.batch, n.packed, n.via, n.job < 0, n.outcome, r.id, r.batch_no, r.source, r.body, r.received_ms
            FROM numbers n LEFT JOIN results r ON r.id = n.result WHERE n.batch = $1 AND n.packed = $2",
        postgres: "SELECT n.batch, n.packed, n.via, n.job < 0, n.outcome, r.id, r.batch_no, r.source, r.body, r.received_ms
            FROM unnest($1::bigint[], $2::bigint[]) AS wanted (batch, packed)
            JOIN numbers n ON n.batch = wanted.batch AND n.packed = wanted.packed LEFT JOIN results r ON r.id = n.result",
    };
    let places: Vec<_> = wanted.places.iter().map(|(batch, number)| values![*batch, number]).collect();
    tx.rows_each(SLOTS, &places, |row| {
        let mut slot = Slot::new();
        (slot.via, slot.has_moved) = (row.get(2)?, row.get(3)?);
        if let Some(id) = row.get(5)? {
            let outcome = row.get::<Option<Outcome>>(4)?.unwrap_or(Outcome::Failed);
            slot.held = Some(HeldResult::new(id, outcome, result(row, 6)?));
        }
        recorded.slots.insert((row.get(0)?, row.get(1)?), slot);
        Ok(())
    })
    .await?;
    Ok(recorded)
}

fn shared(known: &mut BTreeSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(known) = known.get(text) {
        return Arc::clone(known);
    }
    let new: Arc<str> = text.into();
    known.insert(Arc::clone(&new));
    new
}

/// The phone number of a result that is quarantined; 0 where there is none. A file's column holds nothing then.
fn packed_or_none(number: Option<PhoneNumber>) -> u64 {
    number.map_or(0, |number| number.pack())
}

async fn quarantined_before<T: Tx>(tx: &T, judged: &Judged) -> Result<QuarantinedBefore, T::Fault> {
    // The same result, and every charge of a second sending of the same phone number.
    const BEFORE: Sql = Sql {
        sqlite: "SELECT batch_no, packed, hash FROM odd WHERE batch_no = $1 AND packed IS nullif($2, 0) AND hash = $3
            UNION SELECT batch_no, packed, hash FROM odd WHERE batch_no = $1 AND packed = $2 AND hash >= x'80'",
        postgres: "SELECT o.batch_no, nullif(o.packed, 0), o.hash
            FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) AS wanted (batch_no, packed, hash)
            JOIN odd o ON sha256(o.batch_no) = sha256(wanted.batch_no) AND o.packed = wanted.packed AND o.hash = wanted.hash
                AND o.batch_no = wanted.batch_no
            UNION SELECT o.batch_no, o.packed, o.hash
            FROM unnest($1::bytea[], $2::bigint[]) AS wanted (batch_no, packed)
            JOIN odd o ON sha256(o.batch_no) = sha256(wanted.batch_no) AND o.packed = wanted.packed AND o.hash >= '\\x80'::bytea
                AND o.batch_no = wanted.batch_no
            WHERE wanted.packed <> 0",
    };
    let mut kept = QuarantinedBefore::new();
    let wanted = judged.quarantined();
    let wanted: Vec<_> =
        wanted.map(|(name, number, hash)| values![name, packed_or_none(number), hash]).collect();
    tx.rows_each(BEFORE, &wanted, |row| {
        let hash = row.get::<&[u8]>(2)?.try_into().map_err(|_| GivenUp::Damaged("a hash is none"))?;
        kept.add(row.get(0)?, row.get(1)?, hash);
        Ok(())
    })
    .await?;
    Ok(kept)
}

/// Whether a pushed result is that of a phone number which still lacks one.
pub(crate) async fn expects<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    batch_no: &str,
    body: &[u8],
) -> Result<bool, T::Fault> {
    let sql = "SELECT s.service FROM batch_names n JOIN batches b ON b.id = n.batch
        JOIN jobs j ON j.id = b.job JOIN scopes s ON s.id = j.scope WHERE n.batch_no = $1";
    let read = |row: &Row<'_>| Ok(reading::read(&**reader, row.get(0)?, Source::Push, body));
    let facts = tx.row(sql, &values![batch_no], read).await?.flatten();
    let Some(number) = facts.and_then(|facts| facts.number) else { return Ok(false) };
    let sql = "SELECT 1 FROM batch_names b JOIN numbers n ON n.batch = b.batch
        WHERE b.batch_no = $1 AND n.packed = $2 AND n.result IS NULL";
    tx.has(sql, &values![batch_no, number]).await
}

/// Whether as much is quarantined for a batch as may be.
pub(crate) async fn is_full<T: Tx>(tx: &T, batch_no: &str) -> Result<bool, T::Fault> {
    let sql =
        "SELECT b.aside, b.numbers FROM batch_names n JOIN batches b ON b.id = n.batch WHERE n.batch_no = $1";
    let read = |row: &Row<'_>| Ok(row.get::<u64>(0)? >= max_quarantined(row.get(1)?));
    Ok(tx.row(sql, &values![batch_no], read).await?.unwrap_or(false))
}

async fn settle<T: Tx>(tx: &T, changes: &Changes) -> Result<(), T::Fault> {
    settle_all(tx, changes.firsts.iter()).await?;
    settle_all(tx, changes.instead.iter().map(|(first, _)| first)).await?;
    quarantine(tx, changes.instead.iter().map(|(_, before)| before)).await?;
    // Rows that stood for another sending, and stand for their own from now on.
    let (mut detached, mut reused, mut waiting) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for first in &changes.firsts {
        let Some((via, taken)) = first.detached else { continue };
        detached.push(values![first.place.0, first.place.1]);
        let job = changes.tallies.get(&first.place.0).map_or(0, |tally| tally.job);
        match taken {
            Some(taken) => *reused.entry((job, taken)).or_default() -= 1,
            None => *waiting.entry((job, via)).or_default() += 1,
        }
    }
    const DETACH: Sql = Sql {
        sqlite: "UPDATE numbers SET via = NULL WHERE batch = $1 AND packed = $2",
        postgres:
            "UPDATE numbers SET via = NULL FROM unnest($1::bigint[], $2::bigint[]) AS own (batch, packed)
            WHERE numbers.batch = own.batch AND numbers.packed = own.packed",
    };
    tx.run_each(DETACH, &detached).await?;
    count_down(tx, &waiting).await?;
    count_reused(tx, &reused).await
}

async fn settle_all<T: Tx>(tx: &T, firsts: impl Iterator<Item = &FirstResult>) -> Result<(), T::Fault> {
    const SETTLE: Sql = Sql {
        sqlite: "UPDATE numbers SET result = $3, received_ms = $4, outcome = $5 WHERE batch = $1 AND packed = $2",
        postgres: "UPDATE numbers SET result = new.id, received_ms = new.received_ms, outcome = new.outcome
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[]) AS new (batch, packed, id, received_ms, outcome)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed",
    };
    let firsts = firsts.map(|first| {
        let (batch, number) = first.place;
        values![batch, number, first.id, first.received_ms, first.outcome]
    });
    let firsts: Vec<_> = firsts.collect();
    // The locks make it so; this holds even where somebody changes rows by hand.
    match tx.run_each(SETTLE, &firsts).await? {
        settled if settled == firsts.len() as u64 => Ok(()),
        _ => Err(GivenUp::Damaged("a number was gone while its result was being entered").into()),
    }
}

async fn quarantine<T: Tx>(tx: &T, entries: impl Iterator<Item = &QuarantineEntry>) -> Result<(), T::Fault> {
    const QUARANTINE: Sql = Sql {
        sqlite: "INSERT INTO odd (result, batch_no, packed, hash) VALUES ($1, $2, nullif($3, 0), $4)",
        postgres: "INSERT INTO odd (result, batch_no, packed, hash)
            SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[])",
    };
    let entries =
        entries.map(|entry| values![entry.id, &entry.batch_no, packed_or_none(entry.number), &entry.hash]);
    tx.run_each(QUARANTINE, &entries.collect::<Vec<_>>()).await?;
    Ok(())
}

async fn account<T: Tx>(tx: &T, changes: &Changes) -> Result<(), T::Fault> {
    count(tx, &changes.tallies).await?;
    add_sums(tx, &changes.sums).await
}

/// Adds to what the store has of these sums. To be called in a transaction that settles: no other adds at the same time.
pub(crate) async fn add_sums<T: Tx>(tx: &T, sums: &Sums) -> Result<(), T::Fault> {
    if sums.is_empty() {
        return Ok(());
    }
    write_sums(tx, &sums.clone().added_to(&read_sums(tx, sums).await?)).await
}

/// What the store has of these sums.
async fn read_sums<T: Tx>(tx: &T, of: &Sums) -> Result<Sums, T::Fault> {
    const COSTS: Sql = Sql {
        sqlite: "SELECT job, outcome, currency, count, amount FROM costs WHERE job = $1 AND outcome = $2 AND currency = $3",
        postgres: "SELECT c.job, c.outcome, c.currency, c.count, c.amount::text
            FROM unnest($1::bigint[], $2::smallint[], $3::text[]) AS wanted (job, outcome, currency)
            JOIN costs c ON c.job = wanted.job AND c.outcome = wanted.outcome AND c.currency = wanted.currency",
    };
    const CHARGES: Sql = Sql {
        sqlite: "SELECT $1, amount FROM charges WHERE account = $2 AND day = $3 AND currency = $4",
        postgres: "SELECT wanted.at, c.amount::text
            FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[]) AS wanted (at, account, day, currency)
            JOIN charges c ON c.account = wanted.account AND c.day = wanted.day AND c.currency = wanted.currency",
    };
    const PRICES: Sql = Sql {
        sqlite: "SELECT level, region, currency, price FROM prices WHERE level = $1 AND region = $2 AND currency = $3",
        postgres: "SELECT p.level, p.region, p.currency, p.price::text
            FROM unnest($1::bigint[], $2::text[], $3::text[]) AS wanted (level, region, currency)
            JOIN prices p ON p.level = wanted.level AND p.region = wanted.region AND p.currency = wanted.currency",
    };
    let costs: Vec<_> =
        of.costs.keys().map(|(job, outcome, currency)| values![*job, *outcome, currency]).collect();
    let charges = of.charges.keys().enumerate();
    let charges: Vec<_> =
        charges.map(|(at, (account, day, currency))| values![at, &**account, *day, currency]).collect();
    let prices: Vec<_> =
        of.prices.keys().map(|(level, name, currency)| values![*level, name, currency]).collect();
    let (costs, charges, prices) = try_join3(
        tx.rows_each(COSTS, &costs, |row| {
            let sum = Sum { count: row.get(3)?, amount: row.get(4)? };
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?), sum))
        }),
        tx.rows_each(CHARGES, &charges, |row| Ok((row.count(0)? as usize, row.get(1)?))),
        tx.rows_each(PRICES, &prices, |row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?))),
    )
    .await?;
    let mut sums = Sums::new();
    sums.costs.extend(costs);
    let keys: Vec<_> = of.charges.keys().collect();
    sums.charges.extend(charges.into_iter().filter_map(|(at, sum)| Some(((*keys.get(at)?).clone(), sum))));
    sums.prices.extend(prices);
    Ok(sums)
}

async fn write_sums<T: Tx>(tx: &T, sums: &Sums) -> Result<(), T::Fault> {
    const COSTS: Sql = Sql {
        sqlite: "INSERT OR REPLACE INTO costs VALUES ($1, $2, $3, $4, $5)",
        postgres: "INSERT INTO costs SELECT new.job, new.outcome, new.currency, new.count, new.amount::numeric
            FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::bigint[], $5::text[]) AS new (job, outcome, currency, count, amount)
            ON CONFLICT (job, outcome, currency) DO UPDATE SET count = excluded.count, amount = excluded.amount",
    };
    let amounts: Vec<String> = sums.costs.values().map(|sum| sum.amount.to_string()).collect();
    let costs = sums.costs.iter().zip(&amounts);
    let costs = costs.map(|(((job, outcome, currency), sum), amount)| {
        values![*job, *outcome, currency, sum.count, amount]
    });
    tx.run_each(COSTS, &costs.collect::<Vec<_>>()).await?;
    const CHARGES: Sql = Sql {
        sqlite: "INSERT OR REPLACE INTO charges VALUES ($1, $2, $3, $4)",
        postgres: "INSERT INTO charges SELECT new.account, new.day, new.currency, new.amount::numeric
            FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS new (account, day, currency, amount)
            ON CONFLICT (account, day, currency) DO UPDATE SET amount = excluded.amount",
    };
    let amounts: Vec<String> = sums.charges.values().map(|amount| amount.to_string()).collect();
    let charges = sums.charges.keys().zip(&amounts);
    let charges =
        charges.map(|((account, day, currency), amount)| values![&**account, *day, currency, amount]);
    tx.run_each(CHARGES, &charges.collect::<Vec<_>>()).await?;
    const PRICES: Sql = Sql {
        sqlite: "INSERT OR REPLACE INTO prices VALUES ($1, $2, $3, $4)",
        postgres: "INSERT INTO prices SELECT new.level, new.region, new.currency, new.price::numeric
            FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS new (level, region, currency, price)
            ON CONFLICT (level, region, currency) DO UPDATE SET price = excluded.price",
    };
    let amounts: Vec<String> = sums.prices.values().map(|price| price.to_string()).collect();
    let prices = sums.prices.keys().zip(&amounts);
    let prices = prices.map(|((level, name, currency), price)| values![*level, name, currency, price]);
    tx.run_each(PRICES, &prices.collect::<Vec<_>>()).await?;
    Ok(())
}

async fn count<T: Tx>(tx: &T, tallies: &BTreeMap<i64, BatchTally>) -> Result<(), T::Fault> {
    const COUNT: Sql = Sql {
        sqlite: "UPDATE batches SET done = done + $2, failed = failed + $3, refused = refused + $4, unpriced = unpriced + $5,
            numbers = numbers + $6, aside = aside + $7, charged_again = charged_again + $8,
            state = CASE WHEN $9 IS NULL THEN state ELSE 3 END, batch_no = coalesce($9, batch_no),
            code = CASE WHEN $9 IS NULL THEN code END, message = CASE WHEN $9 IS NULL THEN message END,
            sent_ms = coalesce(sent_ms, $10) WHERE id = $1",
        postgres: "UPDATE batches SET done = batches.done + new.done, failed = batches.failed + new.failed,
            refused = batches.refused + new.refused, unpriced = batches.unpriced + new.unpriced,
            numbers = batches.numbers + new.numbers, aside = batches.aside + new.aside,
            charged_again = batches.charged_again + new.charged_again,
            state = CASE WHEN new.batch_no IS NULL THEN state ELSE 3 END, batch_no = coalesce(new.batch_no, batches.batch_no),
            code = CASE WHEN new.batch_no IS NULL THEN code END, message = CASE WHEN new.batch_no IS NULL THEN message END,
            sent_ms = coalesce(sent_ms, new.received_ms)
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
                $9::text[], $10::bigint[])
                AS new (id, done, failed, refused, unpriced, numbers, aside, charged_again, batch_no, received_ms)
            WHERE batches.id = new.id",
    };
    let rows = tallies.iter().map(|(batch, tally)| {
        let proof = tally.proof.as_ref();
        values![
            *batch,
            tally.done,
            tally.failed,
            tally.refused,
            tally.unpriced,
            tally.numbers,
            tally.quarantined,
            tally.charged_again,
            proof.map(|proof| &proof.batch_no),
            proof.map(|proof| proof.received_ms),
        ]
    });
    tx.run_each(COUNT, &rows.collect::<Vec<_>>()).await?;
    Ok(())
}

async fn put_away<T: Tx>(tx: &T, changes: &Changes, waiting: Option<&T::Waiting>) -> Result<(), T::Fault> {
    const DROP: Sql = Sql {
        sqlite: "DELETE FROM results WHERE id IN (SELECT value FROM json_each($1))",
        postgres: "DELETE FROM results WHERE id = ANY ($1)",
    };
    if !changes.dropped.is_empty() {
        tx.run(DROP, &values![&changes.dropped]).await?;
    }
    quarantine(tx, changes.quarantined.iter()).await?;
    match waiting {
        Some(waiting) => tx.entered(waiting).await,
        None => Ok(()),
    }
}
