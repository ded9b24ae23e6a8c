//! Entering stored results into their jobs, many at a time.
//!
//! One fold runs at a time, in all processes: it is called under the lock of settling, and what is entered leaves the inbox in the same
//! transaction. What becomes of a result is decided in [`crate::fold`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::try_join3;
use numcheck_protocol::PhoneNumber;
use tokio_postgres::Row;

use super::drift;
use super::fault::Fault;
use super::session::{Session, Value, big, get, get_text, get_u64, text};
use super::values::{amount, currency, number};
use super::waits::{self, count_reused};
use crate::failpoint::die_at;
use crate::fold::{
    Arrived, BatchTally, Changes, FirstResult, FoldedBatch, HeldResult, Judged, QuarantineEntry,
    QuarantinedBefore, Recorded, Slot, Sums, judge, max_quarantined,
};
use crate::ledger::Sum;
use crate::model::{BatchState, JobState, Outcome};
use crate::store::{Folded, NewResult, Source, reading};

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
    let mut arrived = arrived(session, &waiting.ids).await?;
    let recorded = recorded(session, &mut arrived).await?;
    let judged = judge(arrived, recorded);
    let kept = quarantined_before(session, &judged).await?;
    let (changes, mut entered) = judged.finish(&kept);
    entered.news = drift::add(session, &changes.drift).await?;
    folded.add(entered);
    // Sent one behind the other where nothing depends on an answer.
    try_join3(settle(session, &changes), account(session, &changes), put_away(session, &changes, waiting))
        .await?;
    Ok(())
}

/// A result, from four columns.
fn result(row: &Row, at: usize) -> Result<NewResult> {
    Ok(NewResult {
        batch_no: get_text(row, at)?,
        source: Source::from_figure(get(row, at + 1)?),
        body: get(row, at + 2)?,
        received_ms: get_u64(row, at + 3)?,
    })
}

async fn arrived(session: &Session, ids: &[i64]) -> Result<Vec<Arrived>> {
    let sql = "SELECT r.id, n.batch, r.batch_no, r.source, r.body, r.received_ms
        FROM results r LEFT JOIN batch_names n ON n.batch_no = r.batch_no WHERE r.id = ANY ($1) ORDER BY r.id";
    let rows = session.rows(sql, &[&ids]).await?;
    rows.iter().map(|row| Ok(Arrived::new(get(row, 0)?, get(row, 1)?, result(row, 2)?))).collect()
}

/// What is known of the batches and phone numbers that results are about. The batches stay locked: what a claim has decided about their
/// rows is seen here, and none decides anything more.
async fn recorded(session: &Session, arrived: &mut [Arrived]) -> Result<Recorded> {
    let mut recorded = Recorded::new(session.reader());
    let batches: BTreeSet<i64> = arrived.iter().filter_map(Arrived::batch).collect();
    if batches.is_empty() {
        return Ok(recorded);
    }
    let batches: Vec<i64> = batches.into_iter().collect();
    let sql = "SELECT b.id, b.job, s.account, s.level, b.grp, b.batch_no, b.state, b.numbers, b.aside, j.state, s.service FROM batches b
        JOIN jobs j ON j.id = b.job JOIN scopes s ON s.id = j.scope WHERE b.id = ANY ($1) ORDER BY b.id FOR UPDATE OF b";
    // A fold meets the same few accounts and groups again and again.
    let (mut accounts, mut services, mut groups) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for row in session.rows(sql, &[&batches]).await? {
        let (account, group) = (shared(&mut accounts, get(&row, 2)?), shared(&mut groups, get(&row, 4)?));
        let service = shared(&mut services, get(&row, 10)?);
        let mut batch =
            FoldedBatch::new(get(&row, 1)?, account, service, get(&row, 3)?, group, get(&row, 5)?);
        batch.state = BatchState::from_figure(get(&row, 6)?);
        (batch.numbers, batch.quarantined) = (get_u64(&row, 7)?, get_u64(&row, 8)?);
        batch.is_forgotten = JobState::from_figure(get(&row, 9)?) == JobState::Forgotten;
        recorded.batches.insert(get(&row, 0)?, batch);
    }
    let mut wanted = recorded.wanted(arrived);
    if !wanted.single.is_empty() {
        let single: Vec<i64> = std::mem::take(&mut wanted.single).into_iter().collect();
        let sql = "SELECT wanted.batch, sole.packed FROM unnest($1::bigint[]) AS wanted (batch) CROSS JOIN LATERAL (SELECT min(packed) AS packed FROM (
                SELECT packed FROM numbers WHERE batch = wanted.batch AND via IS NULL AND (SELECT b.numbers FROM batches b WHERE b.id = wanted.batch) = 1 LIMIT 2
            ) AS first HAVING count(*) = 1) AS sole";
        for row in session.rows(sql, &[&single]).await? {
            wanted.add_only(&mut recorded, get(&row, 0)?, number(&row, 1)?);
        }
    }
    let (batches, packed): (Vec<i64>, Vec<i64>) =
        wanted.places.into_iter().map(|(batch, number)| (batch, big(number.pack()))).unzip();
    let sql = "SELECT n.batch, n.packed, n.via, n.job < 0, n.outcome, r.id, r.batch_no, r.source, r.body, r.received_ms
        FROM unnest($1::bigint[], $2::bigint[]) AS wanted (batch, packed)
        JOIN numbers n ON n.batch = wanted.batch AND n.packed = wanted.packed LEFT JOIN results r ON r.id = n.result";
    for row in session.rows(sql, &[&batches, &packed]).await? {
        let mut slot = Slot::new();
        (slot.via, slot.has_moved) = (get(&row, 2)?, get(&row, 3)?);
        if let Some(id) = get(&row, 5)? {
            let outcome = get::<Option<i16>>(&row, 4)?.map_or(Outcome::Failed, Outcome::from_figure);
            slot.held = Some(HeldResult::new(id, outcome, result(&row, 6)?));
        }
        recorded.slots.insert((get(&row, 0)?, number(&row, 1)?), slot);
    }
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

/// The phone number of a result that is quarantined, in its column.
fn packed_or_none(number: Option<PhoneNumber>) -> i64 {
    number.map_or(0, |number| big(number.pack()))
}

async fn quarantined_before(session: &Session, judged: &Judged) -> Result<QuarantinedBefore> {
    let mut kept = QuarantinedBefore::new();
    if judged.quarantined().len() == 0 {
        return Ok(kept);
    }
    let names: Vec<&[u8]> = judged.quarantined().map(|(batch_no, ..)| batch_no.as_bytes()).collect();
    let packed: Vec<i64> = judged.quarantined().map(|(_, number, _)| packed_or_none(number)).collect();
    let hashes: Vec<&[u8]> = judged.quarantined().map(|(.., hash)| hash.as_slice()).collect();
    let sql = "SELECT o.batch_no, o.packed, o.hash
        FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) AS wanted (batch_no, packed, hash)
        JOIN odd o ON sha256(o.batch_no) = sha256(wanted.batch_no) AND o.packed = wanted.packed AND o.hash = wanted.hash
            AND o.batch_no = wanted.batch_no
        UNION SELECT o.batch_no, o.packed, o.hash
        FROM unnest($1::bytea[], $2::bigint[]) AS wanted (batch_no, packed)
        JOIN odd o ON sha256(o.batch_no) = sha256(wanted.batch_no) AND o.packed = wanted.packed AND o.hash >= '\\x80'::bytea
            AND o.batch_no = wanted.batch_no
        WHERE wanted.packed <> 0";
    for row in session.rows(sql, &[&names, &packed, &hashes]).await? {
        let number = if get::<i64>(&row, 1)? == 0 { None } else { Some(number(&row, 1)?) };
        let hash = get::<&[u8]>(&row, 2)?.try_into();
        kept.add(get_text(&row, 0)?, number, hash.map_err(|_| Fault::damaged("a hash is none"))?);
    }
    Ok(kept)
}

/// Whether a pushed result is that of a phone number which still lacks one.
pub(super) async fn expects(session: &Session, batch_no: &str, body: &[u8]) -> Result<bool> {
    let sql = "SELECT s.service FROM batch_names n JOIN batches b ON b.id = n.batch
        JOIN jobs j ON j.id = b.job JOIN scopes s ON s.id = j.scope WHERE n.batch_no = $1";
    let Some(row) = session.row(sql, &[&batch_no.as_bytes()]).await? else { return Ok(false) };
    let facts = reading::read(&*session.reader(), get(&row, 0)?, Source::Push, body);
    let Some(number) = facts.and_then(|facts| facts.number) else { return Ok(false) };
    let sql = "SELECT FROM batch_names b JOIN numbers n ON n.batch = b.batch
        WHERE b.batch_no = $1 AND n.packed = $2 AND n.result IS NULL";
    Ok(session.row(sql, &[&batch_no.as_bytes(), &big(number.pack())]).await?.is_some())
}

/// Whether as much is quarantined for a batch as may be.
pub(super) async fn is_full(session: &Session, batch_no: &str) -> Result<bool> {
    let sql =
        "SELECT b.numbers, b.aside FROM batch_names n JOIN batches b ON b.id = n.batch WHERE n.batch_no = $1";
    let Some(row) = session.row(sql, &[&batch_no.as_bytes()]).await? else { return Ok(false) };
    Ok(get_u64(&row, 1)? >= max_quarantined(get_u64(&row, 0)?))
}

async fn settle(session: &Session, changes: &Changes) -> Result<()> {
    settle_all(session, changes.firsts.iter()).await?;
    if !changes.instead.is_empty() {
        settle_all(session, changes.instead.iter().map(|(first, _)| first)).await?;
        quarantine(session, changes.instead.iter().map(|(_, before)| before)).await?;
    }
    // Rows that stood for another sending, and stand for their own from now on.
    let (mut reused, mut waiting) = (BTreeMap::new(), BTreeMap::new());
    for first in &changes.firsts {
        let Some((via, taken)) = first.detached else { continue };
        let job = changes.tallies.get(&first.place.0).map_or(0, |tally| tally.job);
        match taken {
            Some(taken) => *reused.entry((job, taken.figure())).or_default() -= 1,
            None => *waiting.entry((job, via)).or_default() += 1,
        }
    }
    waits::count_down(session, &waiting).await?;
    count_reused(session, &reused).await
}

async fn settle_all(session: &Session, firsts: impl Iterator<Item = &FirstResult> + Clone) -> Result<()> {
    let ids: Vec<i64> = firsts.clone().map(|first| first.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (batches, packed): (Vec<i64>, Vec<i64>) =
        firsts.clone().map(|first| (first.place.0, big(first.place.1.pack()))).unzip();
    let received: Vec<i64> = firsts.clone().map(|first| big(first.received_ms)).collect();
    let ended: Vec<i16> = firsts.map(|first| first.outcome.figure()).collect();
    let sql = "UPDATE numbers SET result = new.id, received_ms = new.received_ms, outcome = new.outcome, via = NULL
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[]) AS new (id, batch, packed, received_ms, outcome)
        WHERE numbers.batch = new.batch AND numbers.packed = new.packed";
    // The locks make it so; this holds even where somebody changes rows by hand.
    match session.run(sql, &[&ids, &batches, &packed, &received, &ended]).await? {
        settled if settled == ids.len() as u64 => Ok(()),
        _ => Err(Fault::damaged("a number was gone while its result was being entered")),
    }
}

async fn quarantine(session: &Session, kept: impl Iterator<Item = &QuarantineEntry> + Clone) -> Result<()> {
    let ids: Vec<i64> = kept.clone().map(|quarantined| quarantined.id).collect();
    let names: Vec<&[u8]> = kept.clone().map(|quarantined| quarantined.batch_no.as_bytes()).collect();
    let packed: Vec<i64> = kept.clone().map(|quarantined| packed_or_none(quarantined.number)).collect();
    let hashes: Vec<&[u8]> = kept.map(|quarantined| quarantined.hash.as_slice()).collect();
    let sql = "INSERT INTO odd (result, batch_no, packed, hash)
        SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[])";
    session.run(sql, &[&ids, &names, &packed, &hashes]).await?;
    Ok(())
}

async fn account(session: &Session, changes: &Changes) -> Result<()> {
    if !changes.tallies.is_empty() {
        count(session, &changes.tallies).await?;
    }
    add_sums(session, &changes.sums).await
}

/// Adds to what the database has of these sums. To be called in a transaction that settles: no other adds at the same time.
pub(super) async fn add_sums(session: &Session, sums: &Sums) -> Result<()> {
    if sums.is_empty() {
        return Ok(());
    }
    write_sums(session, &sums.clone().added_to(&read_sums(session, sums).await?)).await
}

/// What the database has of these sums.
async fn read_sums(session: &Session, of: &Sums) -> Result<Sums> {
    let mut sums = Sums::new();
    let CostColumns { jobs, outcomes, currencies } = CostColumns::of(of);
    let costs = "SELECT c.job, c.outcome, c.currency, c.count, c.amount::text
        FROM unnest($1::bigint[], $2::smallint[], $3::text[]) AS wanted (job, outcome, currency)
        JOIN costs c ON c.job = wanted.job AND c.outcome = wanted.outcome AND c.currency = wanted.currency";
    let accounts: Vec<_> = of.charges.keys().map(|(account, ..)| text(account)).collect();
    let accounts: Vec<&str> = accounts.iter().map(|account| &**account).collect();
    let days: Vec<i64> = of.charges.keys().map(|(_, day, _)| *day).collect();
    let charged_in: Vec<&str> = of.charges.keys().map(|(_, _, currency)| currency.as_str()).collect();
    let charges = "SELECT wanted.at - 1, c.amount::text
        FROM unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY AS wanted (account, day, currency, at)
        JOIN charges c ON c.account = wanted.account AND c.day = wanted.day AND c.currency = wanted.currency";
    let levels: Vec<i64> = of.prices.keys().map(|(level, ..)| *level).collect();
    let names: Vec<&str> = of.prices.keys().map(|(_, name, _)| name.as_str()).collect();
    let priced_in: Vec<&str> = of.prices.keys().map(|(_, _, currency)| currency.as_str()).collect();
    let prices = "SELECT p.level, p.region, p.currency, p.price::text
        FROM unnest($1::bigint[], $2::text[], $3::text[]) AS wanted (level, region, currency)
        JOIN prices p ON p.level = wanted.level AND p.region = wanted.region AND p.currency = wanted.currency";
    let (costs_of, charges_of, prices_of): ([Value<'_>; 3], [Value<'_>; 3], [Value<'_>; 3]) =
        ([&jobs, &outcomes, &currencies], [&accounts, &days, &charged_in], [&levels, &names, &priced_in]);
    let (costs, charges, prices) = try_join3(
        session.rows(costs, &costs_of),
        session.rows(charges, &charges_of),
        session.rows(prices, &prices_of),
    )
    .await?;
    for row in costs {
        let key = (get(&row, 0)?, Outcome::from_figure(get(&row, 1)?), currency(&row, 2)?);
        sums.costs.insert(key, Sum { count: get_u64(&row, 3)?, amount: amount(&row, 4)? });
    }
    let keys: Vec<_> = of.charges.keys().collect();
    for row in charges {
        if let Some(key) = keys.get(get::<i64>(&row, 0)? as usize) {
            sums.charges.insert((*key).clone(), amount(&row, 1)?);
        }
    }
    for row in prices {
        sums.prices.insert((get(&row, 0)?, get(&row, 1)?, currency(&row, 2)?), amount(&row, 3)?);
    }
    Ok(sums)
}

struct CostColumns<'a> {
    jobs: Vec<i64>,
    outcomes: Vec<i16>,
    currencies: Vec<&'a str>,
}

impl<'a> CostColumns<'a> {
    fn of(sums: &'a Sums) -> Self {
        Self {
            jobs: sums.costs.keys().map(|(job, ..)| *job).collect(),
            outcomes: sums.costs.keys().map(|(_, outcome, _)| outcome.figure()).collect(),
            currencies: sums.costs.keys().map(|(_, _, currency)| currency.as_str()).collect(),
        }
    }
}

async fn write_sums(session: &Session, sums: &Sums) -> Result<()> {
    if !sums.costs.is_empty() {
        let CostColumns { jobs, outcomes, currencies } = CostColumns::of(sums);
        let counts: Vec<i64> = sums.costs.values().map(|sum| big(sum.count)).collect();
        let amounts: Vec<String> = sums.costs.values().map(|sum| sum.amount.to_string()).collect();
        let sql = "INSERT INTO costs SELECT new.job, new.outcome, new.currency, new.count, new.amount::numeric
            FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::bigint[], $5::text[]) AS new (job, outcome, currency, count, amount)
            ON CONFLICT (job, outcome, currency) DO UPDATE SET count = excluded.count, amount = excluded.amount";
        session.run(sql, &[&jobs, &outcomes, &currencies, &counts, &amounts]).await?;
    }
    if !sums.charges.is_empty() {
        let accounts: Vec<_> = sums.charges.keys().map(|(account, ..)| text(account)).collect();
        let accounts: Vec<&str> = accounts.iter().map(|account| &**account).collect();
        let days: Vec<i64> = sums.charges.keys().map(|(_, day, _)| *day).collect();
        let currencies: Vec<&str> = sums.charges.keys().map(|(_, _, currency)| currency.as_str()).collect();
        let amounts: Vec<String> = sums.charges.values().map(|amount| amount.to_string()).collect();
        let sql = "INSERT INTO charges SELECT new.account, new.day, new.currency, new.amount::numeric
            FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS new (account, day, currency, amount)
            ON CONFLICT (account, day, currency) DO UPDATE SET amount = excluded.amount";
        session.run(sql, &[&accounts, &days, &currencies, &amounts]).await?;
    }
    if !sums.prices.is_empty() {
        let levels: Vec<i64> = sums.prices.keys().map(|(level, ..)| *level).collect();
        let names: Vec<&str> = sums.prices.keys().map(|(_, name, _)| name.as_str()).collect();
        let currencies: Vec<&str> = sums.prices.keys().map(|(_, _, currency)| currency.as_str()).collect();
        let prices: Vec<String> = sums.prices.values().map(|price| price.to_string()).collect();
        let sql = "INSERT INTO prices SELECT new.level, new.region, new.currency, new.price::numeric
            FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS new (level, region, currency, price)
            ON CONFLICT (level, region, currency) DO UPDATE SET price = excluded.price";
        session.run(sql, &[&levels, &names, &currencies, &prices]).await?;
    }
    Ok(())
}

async fn count(session: &Session, tallies: &BTreeMap<i64, BatchTally>) -> Result<()> {
    let ids: Vec<i64> = tallies.keys().copied().collect();
    let counts = |of: fn(&BatchTally) -> i64| tallies.values().map(of).collect::<Vec<i64>>();
    let proofs = || tallies.values().map(|tally| tally.proof.as_ref());
    let names: Vec<Option<&str>> = proofs().map(|proof| Some(proof?.batch_no.as_str())).collect();
    let proved: Vec<Option<i64>> = proofs().map(|proof| Some(big(proof?.received_ms))).collect();
    let (done, failed) = (counts(|tally| tally.done), counts(|tally| tally.failed));
    let (refused, unpriced) = (counts(|tally| tally.refused), counts(|tally| tally.unpriced));
    let (numbers, quarantined) = (counts(|tally| tally.numbers), counts(|tally| tally.quarantined));
    let charged_again = counts(|tally| tally.charged_again);
    let sql = "UPDATE batches SET done = batches.done + new.done, failed = batches.failed + new.failed,
        refused = batches.refused + new.refused, unpriced = batches.unpriced + new.unpriced,
        numbers = batches.numbers + new.numbers, aside = batches.aside + new.aside,
        charged_again = batches.charged_again + new.charged_again,
        state = CASE WHEN new.batch_no IS NULL THEN state ELSE 3 END,
        batch_no = coalesce(new.batch_no, batches.batch_no),
        code = CASE WHEN new.batch_no IS NULL THEN code END,
        message = CASE WHEN new.batch_no IS NULL THEN message END,
        sent_ms = coalesce(sent_ms, new.received_ms)
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::text[], $10::bigint[])
            AS new (id, done, failed, refused, unpriced, numbers, aside, charged_again, batch_no, received_ms)
        WHERE batches.id = new.id";
    session
        .run(
            sql,
            &[
                &ids,
                &done,
                &failed,
                &refused,
                &unpriced,
                &numbers,
                &quarantined,
                &charged_again,
                &names,
                &proved,
            ],
        )
        .await?;
    Ok(())
}

async fn put_away(session: &Session, changes: &Changes, waiting: &Waiting) -> Result<()> {
    if !changes.dropped.is_empty() {
        session.run("DELETE FROM results WHERE id = ANY ($1)", &[&changes.dropped]).await?;
    }
    if !changes.quarantined.is_empty() {
        quarantine(session, changes.quarantined.iter()).await?;
    }
    if !waiting.emptied.is_empty() {
        session.run("DELETE FROM inbox WHERE first = ANY ($1)", &[&waiting.emptied]).await?;
    }
    if let Some((first, next)) = &waiting.cut {
        session.run("UPDATE inbox SET next = $2 WHERE first = $1", &[first, next]).await?;
    }
    Ok(())
}
