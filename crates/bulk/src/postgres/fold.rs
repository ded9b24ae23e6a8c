//! Entering stored results into their jobs, many at a time.
//!
//! It must not run beside another fold: the lock decides, and what is entered leaves the inbox in the same transaction. What becomes of a
//! result is decided in [`crate::fold`].

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use futures_util::future::try_join3;
use numcheck_protocol::PhoneNumber;

use super::book::count_reused;
use super::drift;
use super::fault::Fault;
use super::jobs::FORGOTTEN;
use super::reading::source;
use super::schema::{outcome, outcome_figure};
use super::session::{Session, get, get_text, text};
use super::waits;
use crate::failpoint::die_at;
use crate::fold::{Arrived, Batch, Changes, First, Has, Known, Slot, Tally, max_aside, packed, wanted};
use crate::model::Outcome;
use crate::store::Folded;
use crate::store::reading;

type Result<T> = std::result::Result<T, Fault>;

/// Results in one step.
const STEP: u32 = 1000;

/// Enters everything that waits. To be called in a transaction that settles.
pub(super) async fn fold_all(session: &Session) -> Result<()> {
    while fold(session, STEP).await?.seen == STEP {}
    Ok(())
}

/// Enters up to `most` results. To be called in a transaction that settles.
pub(super) async fn fold(session: &Session, most: u32) -> Result<Folded> {
    let mut folded = Folded::default();
    while folded.seen < most {
        let waiting = waiting(session, most - folded.seen).await?;
        if !waiting.ids.is_empty() || !waiting.emptied.is_empty() {
            enter(session, &waiting, &mut folded).await?;
        }
        if waiting.is_all {
            break;
        }
    }
    if folded.seen > 0 {
        die_at("fold.entered");
    }
    Ok(folded)
}

/// The oldest results that are not entered.
struct Waiting {
    ids: Vec<i64>,
    /// Appends of which nothing is left.
    emptied: Vec<i64>,
    /// An append of which something is left, and where that begins.
    cut: Option<(i64, i64)>,
    /// Whether nothing else is waiting.
    is_all: bool,
}

async fn waiting(session: &Session, most: u32) -> Result<Waiting> {
    let most = i64::from(most);
    let rows =
        session.rows("SELECT first, next, behind FROM inbox ORDER BY first LIMIT $1", &[&most]).await?;
    let mut waiting = Waiting { ids: Vec::new(), emptied: Vec::new(), cut: None, is_all: false };
    let mut left = most;
    for row in &rows {
        let (first, next, behind): (i64, i64, i64) = (get(row, 0)?, get(row, 1)?, get(row, 2)?);
        let end = behind.min(next.saturating_add(left));
        waiting.ids.extend(next..end);
        left -= (end - next).max(0);
        if end >= behind {
            waiting.emptied.push(first);
            continue;
        }
        if end > next {
            waiting.cut = Some((first, end));
        }
        return Ok(waiting);
    }
    waiting.is_all = (rows.len() as i64) < most;
    Ok(waiting)
}

async fn enter(session: &Session, waiting: &Waiting, folded: &mut Folded) -> Result<()> {
    let arrived = arrived(session, &waiting.ids).await?;
    let mut known = known(session, &arrived).await?;
    let mut changes = Changes::default();
    changes.judge(arrived, &mut known, folded);
    let kept = kept(session, &changes).await?;
    let charges: HashSet<(&str, i64)> = kept
        .iter()
        .filter(|(_, _, hash)| hash.first().is_some_and(|first| first & reading::CHARGED != 0))
        .map(|(batch_no, packed, _)| (batch_no.as_str(), *packed))
        .collect();
    let mut is_kept = |aside: &crate::fold::Aside| {
        let packed = aside.packed.unwrap_or_default();
        let has = |hash: &[u8]| kept.contains(&(aside.result.batch_no.clone(), packed, hash.to_vec()));
        crate::fold::Kept {
            same: has(&aside.hash) || has(&aside.charge_hash()),
            charge: charges.contains(&(aside.result.batch_no.as_str(), packed)),
        }
    };
    changes.compare_aside(&mut is_kept, folded);
    folded.news.extend(drift::add(session, &changes.drift).await?);
    // Sent one behind the other where nothing depends on an answer.
    try_join3(settle(session, &changes), account(session, &changes), put_away(session, &changes, waiting))
        .await?;
    Ok(())
}

async fn arrived(session: &Session, ids: &[i64]) -> Result<Vec<Arrived>> {
    let sql = "SELECT r.id, r.source, r.body, r.batch_no, r.received_ms, b.id, b.job, s.account, s.level, b.numbers, b.aside, j.state, b.grp
        FROM results r LEFT JOIN batch_names n ON n.batch_no = r.batch_no LEFT JOIN batches b ON b.id = n.batch
        LEFT JOIN jobs j ON j.id = b.job LEFT JOIN scopes s ON s.id = j.scope
        WHERE r.id = ANY ($1) ORDER BY r.id";
    // A fold meets the same few accounts and groups again and again.
    let (mut accounts, mut groups) = (BTreeSet::new(), BTreeSet::new());
    let mut arrived = Vec::new();
    for row in session.rows(sql, &[&ids]).await? {
        let (source, body) = (source(get(&row, 1)?), get::<Vec<u8>>(&row, 2)?);
        let batch = match get::<Option<i64>>(&row, 5)? {
            Some(id) => Some(Batch {
                id,
                job: get(&row, 6)?,
                account: shared(&mut accounts, get::<Option<&str>>(&row, 7)?.unwrap_or_default()),
                level: get::<Option<i64>>(&row, 8)?.unwrap_or_default(),
                numbers: get(&row, 9)?,
                aside: get(&row, 10)?,
                is_forgotten: get::<i16>(&row, 11)? == FORGOTTEN,
                group: shared(&mut groups, get(&row, 12)?),
            }),
            None => None,
        };
        let facts = reading::read(source, &body);
        arrived.push(Arrived {
            id: get(&row, 0)?,
            source,
            body,
            batch_no: get_text(&row, 3)?,
            received_ms: get(&row, 4)?,
            batch,
            facts,
        });
    }
    Ok(arrived)
}

fn shared(known: &mut BTreeSet<Arc<str>>, text: &str) -> Arc<str> {
    if let Some(known) = known.get(text) {
        return Arc::clone(known);
    }
    let new: Arc<str> = text.into();
    known.insert(Arc::clone(&new));
    new
}

/// What is known of the phone numbers that results are about. Their batches stay locked: what a claim has decided about their rows is seen
/// here, and none decides anything more.
async fn known(session: &Session, arrived: &[Arrived]) -> Result<Known> {
    let mut known = Known::default();
    let batches: BTreeSet<i64> =
        arrived.iter().filter_map(|result| Some(result.batch.as_ref()?.id)).collect();
    if batches.is_empty() {
        return Ok(known);
    }
    let batches: Vec<i64> = batches.into_iter().collect();
    let sql = "SELECT FROM batches WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
    session.rows(sql, &[&batches]).await?;
    let (mut places, single) = wanted(arrived);
    if !single.is_empty() {
        let single: Vec<i64> = single.into_iter().collect();
        let sql = "SELECT wanted.batch, (SELECT min(packed) FROM (
                SELECT packed FROM numbers WHERE batch = wanted.batch AND via IS NULL LIMIT 2
            ) AS first HAVING count(*) = 1) FROM unnest($1::bigint[]) AS wanted (batch)";
        for row in session.rows(sql, &[&single]).await? {
            if let Some(packed) = get::<Option<i64>>(&row, 1)? {
                known.only.insert(get(&row, 0)?, packed);
                places.insert((get(&row, 0)?, packed));
            }
        }
    }
    let (batches, packed): (Vec<i64>, Vec<i64>) = places.into_iter().unzip();
    let sql = "SELECT n.batch, n.packed, n.via, n.outcome, r.id, r.source, r.batch_no, r.body, n.job < 0
        FROM unnest($1::bigint[], $2::bigint[]) AS wanted (batch, packed)
        JOIN numbers n ON n.batch = wanted.batch AND n.packed = wanted.packed LEFT JOIN results r ON r.id = n.result";
    for row in session.rows(sql, &[&batches, &packed]).await? {
        let has = match get::<Option<i64>>(&row, 4)? {
            Some(id) => Some(Has {
                id,
                source: source(get(&row, 5)?),
                outcome: outcome(get(&row, 3)?),
                batch_no: get_text(&row, 6)?,
                body: get(&row, 7)?,
            }),
            None => None,
        };
        let slot = Slot { via: get(&row, 2)?, has_moved: get(&row, 8)?, has };
        known.slots.insert((get(&row, 0)?, get(&row, 1)?), slot);
    }
    Ok(known)
}

/// Which of the results that are to be kept aside were kept before: by `batchNo`, phone number and what they say. And the charges of their
/// sendings.
async fn kept(session: &Session, changes: &Changes) -> Result<HashSet<(String, i64, Vec<u8>)>> {
    if changes.aside.is_empty() {
        return Ok(HashSet::new());
    }
    let names: Vec<&[u8]> = changes.aside.iter().map(|aside| aside.result.batch_no.as_bytes()).collect();
    let packed: Vec<i64> = changes.aside.iter().map(|aside| aside.packed.unwrap_or_default()).collect();
    let hashes: Vec<&[u8]> = changes.aside.iter().map(|aside| aside.hash.as_slice()).collect();
    let sql = "SELECT o.batch_no, o.packed, o.hash
        FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) AS wanted (batch_no, packed, hash)
        JOIN odd o ON sha256(o.batch_no) = sha256(wanted.batch_no) AND o.packed = wanted.packed AND o.hash = wanted.hash
            AND o.batch_no = wanted.batch_no
        UNION SELECT o.batch_no, o.packed, o.hash
        FROM unnest($1::bytea[], $2::bigint[]) AS wanted (batch_no, packed)
        JOIN odd o ON sha256(o.batch_no) = sha256(wanted.batch_no) AND o.packed = wanted.packed AND o.hash >= '\\x80'::bytea
            AND o.batch_no = wanted.batch_no
        WHERE wanted.packed <> 0";
    let rows = session.rows(sql, &[&names, &packed, &hashes]).await?;
    rows.iter().map(|row| Ok((get_text(row, 0)?, get(row, 1)?, get(row, 2)?))).collect()
}

/// Whether a result for the phone number is still expected.
pub(super) async fn expects(session: &Session, batch_no: &str, number: &PhoneNumber) -> Result<bool> {
    let sql = "SELECT FROM batch_names b JOIN numbers n ON n.batch = b.batch
        WHERE b.batch_no = $1 AND n.packed = $2 AND n.result IS NULL";
    Ok(session.row(sql, &[&batch_no.as_bytes(), &packed(number)]).await?.is_some())
}

/// Whether as much is kept aside for a batch as may be.
pub(super) async fn is_full(session: &Session, batch_no: &str) -> Result<bool> {
    let sql =
        "SELECT b.numbers, b.aside FROM batch_names n JOIN batches b ON b.id = n.batch WHERE n.batch_no = $1";
    let Some(row) = session.row(sql, &[&batch_no.as_bytes()]).await? else { return Ok(false) };
    Ok(get::<i64>(&row, 1)? >= max_aside(get(&row, 0)?))
}

async fn settle(session: &Session, changes: &Changes) -> Result<()> {
    settle_all(session, changes.firsts.iter()).await?;
    if !changes.instead.is_empty() {
        settle_all(session, changes.instead.iter().map(|(first, ..)| first)).await?;
        put_aside_firsts(session, changes).await?;
    }
    // Rows that stood for another sending, and stand for their own from now on.
    let (mut reused, mut waiting) = (BTreeMap::new(), BTreeMap::new());
    for first in &changes.firsts {
        let Some((via, taken)) = first.detached else { continue };
        let job = changes.tallies.get(&first.place.0).map_or(0, |tally| tally.job);
        match taken {
            Some(taken) => *reused.entry((job, outcome_figure(taken))).or_default() -= 1,
            None => *waiting.entry((job, via)).or_default() += 1,
        }
    }
    waits::count_down(session, &waiting).await?;
    count_reused(session, &reused).await
}

async fn settle_all(session: &Session, firsts: impl Iterator<Item = &First> + Clone) -> Result<()> {
    let ids: Vec<i64> = firsts.clone().map(|first| first.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (batches, packed): (Vec<i64>, Vec<i64>) = firsts.clone().map(|first| first.place).unzip();
    let received: Vec<i64> = firsts.clone().map(|first| first.received_ms).collect();
    let ended: Vec<i16> = firsts.map(|first| outcome_figure(first.outcome)).collect();
    let sql = "UPDATE numbers SET result = new.id, received_ms = new.received_ms, outcome = new.outcome, via = NULL
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[]) AS new (id, batch, packed, received_ms, outcome)
        WHERE numbers.batch = new.batch AND numbers.packed = new.packed";
    // The locks make it so; this holds even where somebody changes rows by hand.
    match session.run(sql, &[&ids, &batches, &packed, &received, &ended]).await? {
        settled if settled == ids.len() as u64 => Ok(()),
        _ => Err(Fault::damaged("a number was gone while its result was being entered")),
    }
}

/// Keeps results aside in whose place others stand from now on.
async fn put_aside_firsts(session: &Session, changes: &Changes) -> Result<()> {
    let before: Vec<i64> = changes.instead.iter().map(|(_, before, _)| *before).collect();
    let mut hashes: BTreeMap<i64, Vec<u8>> = BTreeMap::new();
    let sql = "SELECT id, source, body FROM results WHERE id = ANY ($1)";
    for row in session.rows(sql, &[&before]).await? {
        hashes.insert(get(&row, 0)?, reading::hash(source(get(&row, 1)?), get(&row, 2)?, true).to_vec());
    }
    for (first, before, batch_no) in &changes.instead {
        let sql = "INSERT INTO odd (result, batch_no, packed, hash) VALUES ($1, $2, $3, $4)";
        let hash = hashes.get(before).cloned().unwrap_or_default();
        session.run(sql, &[before, &batch_no.as_bytes(), &first.place.1, &hash]).await?;
    }
    Ok(())
}

async fn account(session: &Session, changes: &Changes) -> Result<()> {
    if !changes.tallies.is_empty() {
        count(session, &changes.tallies).await?;
    }
    if !changes.costs.is_empty() {
        let jobs: Vec<i64> = changes.costs.keys().map(|(job, _, _)| *job).collect();
        let outcomes: Vec<i16> =
            changes.costs.keys().map(|(_, outcome, _)| i16::from(*outcome == Outcome::Failed)).collect();
        let currencies: Vec<&str> = changes.costs.keys().map(|(_, _, currency)| currency.as_str()).collect();
        let counts: Vec<i64> = changes.costs.values().map(|(count, _)| *count).collect();
        let amounts: Vec<String> = changes.costs.values().map(|(_, amount)| amount.to_string()).collect();
        // Beyond the range of a price the sum stays where it is; the results keep their prices.
        let sql = "INSERT INTO costs SELECT new.job, new.outcome, new.currency, new.count, new.amount::numeric
            FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::bigint[], $5::text[]) AS new (job, outcome, currency, count, amount)
            ON CONFLICT (job, outcome, currency) DO UPDATE SET count = costs.count + excluded.count,
            amount = CASE WHEN abs(costs.amount + excluded.amount) <= 92233720368 THEN costs.amount + excluded.amount ELSE costs.amount END";
        session.run(sql, &[&jobs, &outcomes, &currencies, &counts, &amounts]).await?;
    }
    if !changes.charges.is_empty() {
        let accounts: Vec<&str> = changes.charges.keys().map(|(account, _, _)| &**account).collect();
        let days: Vec<i64> = changes.charges.keys().map(|(_, day, _)| *day).collect();
        let currencies: Vec<&str> =
            changes.charges.keys().map(|(_, _, currency)| currency.as_str()).collect();
        let amounts: Vec<String> = changes.charges.values().map(|amount| amount.to_string()).collect();
        let sql = "INSERT INTO charges SELECT new.account, new.day, new.currency, new.amount::numeric
            FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS new (account, day, currency, amount)
            ON CONFLICT (account, day, currency) DO UPDATE SET
            amount = CASE WHEN abs(charges.amount + excluded.amount) <= 92233720368 THEN charges.amount + excluded.amount ELSE charges.amount END";
        session.run(sql, &[&accounts, &days, &currencies, &amounts]).await?;
    }
    if !changes.prices.is_empty() {
        let levels: Vec<i64> = changes.prices.keys().map(|(level, _, _)| *level).collect();
        let regions: Vec<_> = changes.prices.keys().map(|(_, region, _)| text(region)).collect();
        let regions: Vec<&str> = regions.iter().map(|region| &**region).collect();
        let currencies: Vec<&str> = changes.prices.keys().map(|(_, _, currency)| currency.as_str()).collect();
        let prices: Vec<String> = changes.prices.values().map(|price| price.to_string()).collect();
        let sql = "INSERT INTO prices SELECT new.level, new.region, new.currency, new.price::numeric
            FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS new (level, region, currency, price)
            ON CONFLICT (level, region, currency) DO UPDATE SET price = excluded.price WHERE prices.price < excluded.price";
        session.run(sql, &[&levels, &regions, &currencies, &prices]).await?;
    }
    Ok(())
}

async fn count(session: &Session, tallies: &BTreeMap<i64, Tally>) -> Result<()> {
    let ids: Vec<i64> = tallies.keys().copied().collect();
    let counts = |of: fn(&Tally) -> i64| tallies.values().map(of).collect::<Vec<i64>>();
    let names: Vec<Option<&str>> =
        tallies.values().map(|tally| tally.proof.as_ref().map(|proof| proof.0.as_str())).collect();
    let proved: Vec<Option<i64>> =
        tallies.values().map(|tally| tally.proof.as_ref().map(|proof| proof.1)).collect();
    let (done, failed) = (counts(|tally| tally.done), counts(|tally| tally.failed));
    let (refused, unpriced) = (counts(|tally| tally.refused), counts(|tally| tally.unpriced));
    let (numbers, aside) = (counts(|tally| tally.numbers), counts(|tally| tally.aside));
    let charged_again = counts(|tally| tally.charged_again);
    // A result proves that the batch was accepted, under the `batchNo` that it names, whatever was known of it before. Where the request
    // is still under way, its end is yet to be written.
    let sql = "UPDATE batches SET done = batches.done + new.done, failed = batches.failed + new.failed,
        refused = batches.refused + new.refused, unpriced = batches.unpriced + new.unpriced,
        numbers = batches.numbers + new.numbers, aside = batches.aside + new.aside,
        charged_again = batches.charged_again + new.charged_again,
        state = CASE WHEN state = 1 OR new.batch_no IS NULL THEN state ELSE 3 END,
        batch_no = CASE WHEN state IN (1, 3) THEN batches.batch_no ELSE coalesce(new.batch_no, batches.batch_no) END,
        code = CASE WHEN state = 1 OR new.batch_no IS NULL THEN code END,
        message = CASE WHEN state = 1 OR new.batch_no IS NULL THEN message END,
        sent_ms = coalesce(sent_ms, new.received_ms)
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::text[], $10::bigint[])
            AS new (id, done, failed, refused, unpriced, numbers, aside, charged_again, batch_no, received_ms)
        WHERE batches.id = new.id";
    session
        .run(
            sql,
            &[&ids, &done, &failed, &refused, &unpriced, &numbers, &aside, &charged_again, &names, &proved],
        )
        .await?;
    Ok(())
}

async fn put_away(session: &Session, changes: &Changes, waiting: &Waiting) -> Result<()> {
    if !changes.dropped.is_empty() {
        session.run("DELETE FROM results WHERE id = ANY ($1)", &[&changes.dropped]).await?;
    }
    if !changes.aside.is_empty() {
        let ids: Vec<i64> = changes.aside.iter().map(|aside| aside.result.id).collect();
        let names: Vec<&[u8]> = changes.aside.iter().map(|aside| aside.result.batch_no.as_bytes()).collect();
        let packed: Vec<i64> = changes.aside.iter().map(|aside| aside.packed.unwrap_or_default()).collect();
        let hashes: Vec<&[u8]> = changes.aside.iter().map(|aside| aside.hash.as_slice()).collect();
        let sql = "INSERT INTO odd (result, batch_no, packed, hash)
            SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[])";
        session.run(sql, &[&ids, &names, &packed, &hashes]).await?;
    }
    if !waiting.emptied.is_empty() {
        session.run("DELETE FROM inbox WHERE first = ANY ($1)", &[&waiting.emptied]).await?;
    }
    if let Some((first, next)) = &waiting.cut {
        session.run("UPDATE inbox SET next = $2 WHERE first = $1", &[first, next]).await?;
    }
    Ok(())
}
