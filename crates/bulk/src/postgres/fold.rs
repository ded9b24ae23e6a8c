//! Entering stored results into their jobs, many at a time.
//!
//! It must not run beside another fold: the lock decides, and what is entered leaves the inbox in the same transaction. What a result
//! means stands in [`reading`](crate::store::reading).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::try_join3;
use numcheck_protocol::{Currency, Drift, PhoneNumber, Price};

use super::drift;
use super::fault::Fault;
use super::jobs::FORGOTTEN;
use super::reading::source;
use super::session::{Session, get, get_text, text};
use crate::failpoint::die_at;
use crate::model::Outcome;
use crate::store::reading::{self, Facts};
use crate::store::{Folded, Source};

type Result<T> = std::result::Result<T, Fault>;

/// A batch and a number in it.
type Place = (i64, i64);
/// A result as it came, and from where.
type Body = (Source, Vec<u8>);
/// A result that a number has, by its key.
type Has = (i64, Source, Vec<u8>);

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

/// A stored result and the batch that it names.
struct Arrived {
    id: i64,
    source: Source,
    body: Vec<u8>,
    batch_no: String,
    received_ms: i64,
    batch: Option<Batch>,
    facts: Option<Facts>,
}

#[derive(Clone, Copy)]
struct Batch {
    id: i64,
    job: i64,
    numbers: i64,
    level: i64,
    forgotten: bool,
}

async fn arrived(session: &Session, ids: &[i64]) -> Result<Vec<Arrived>> {
    let sql = "SELECT r.id, r.source, r.body, b.id, b.job, b.numbers, j.level, j.state, r.batch_no, r.received_ms
        FROM results r
        LEFT JOIN batch_names n ON n.batch_no = r.batch_no LEFT JOIN batches b ON b.id = n.batch LEFT JOIN jobs j ON j.id = b.job
        WHERE r.id = ANY ($1) ORDER BY r.id";
    let rows = session.rows(sql, &[&ids]).await?;
    rows.iter()
        .map(|row| {
            let (source, body) = (source(get(row, 1)?), get::<Vec<u8>>(row, 2)?);
            let batch = match get::<Option<i64>>(row, 3)? {
                Some(id) => Some(Batch {
                    id,
                    job: get(row, 4)?,
                    numbers: get(row, 5)?,
                    level: get(row, 6)?,
                    forgotten: get::<i16>(row, 7)? == FORGOTTEN,
                }),
                None => None,
            };
            let facts = reading::read(source, &body);
            let (batch_no, received_ms) = (get_text(row, 8)?, get(row, 9)?);
            Ok(Arrived { id: get(row, 0)?, source, body, batch_no, received_ms, batch, facts })
        })
        .collect()
}

/// What is known of the numbers that results are about.
#[derive(Default)]
struct Known {
    /// The number of a batch that has only one.
    only: HashMap<i64, i64>,
    /// Numbers that exist, with the result that they have.
    numbers: HashMap<Place, Option<Has>>,
}

impl Known {
    /// Which number of its batch a result is about: the one it names, or the only one there is.
    fn place(&self, batch: Batch, facts: &Facts) -> Option<Place> {
        let packed = match &facts.number {
            Some(number) => packed(number),
            None => *self.only.get(&batch.id)?,
        };
        self.numbers.contains_key(&(batch.id, packed)).then_some((batch.id, packed))
    }
}

fn packed(number: &PhoneNumber) -> i64 {
    number.pack() as i64
}

async fn known(session: &Session, arrived: &[Arrived]) -> Result<Known> {
    let mut known = Known::default();
    let (mut places, mut single) = (BTreeSet::new(), BTreeSet::new());
    for (batch, facts) in arrived.iter().filter_map(|result| result.batch.zip(result.facts.as_ref())) {
        match &facts.number {
            _ if batch.forgotten => {}
            Some(number) => _ = places.insert((batch.id, packed(number))),
            None if batch.numbers == 1 => _ = single.insert(batch.id),
            None => {}
        }
    }
    if !single.is_empty() {
        let single: Vec<i64> = single.into_iter().collect();
        for row in
            session.rows("SELECT batch, packed FROM numbers WHERE batch = ANY ($1)", &[&single]).await?
        {
            let place: Place = (get(&row, 0)?, get(&row, 1)?);
            known.only.insert(place.0, place.1);
            places.insert(place);
        }
    }
    let (batches, packed): (Vec<i64>, Vec<i64>) = places.into_iter().unzip();
    let sql = "SELECT n.batch, n.packed, r.source, r.body, r.id FROM unnest($1::bigint[], $2::bigint[]) AS wanted (batch, packed)
        JOIN numbers n ON n.batch = wanted.batch AND n.packed = wanted.packed LEFT JOIN results r ON r.id = n.result";
    for row in session.rows(sql, &[&batches, &packed]).await? {
        let has = match get::<Option<i16>>(&row, 2)? {
            Some(from) => Some((get(&row, 4)?, source(from), get(&row, 3)?)),
            None => None,
        };
        known.numbers.insert((get(&row, 0)?, get(&row, 1)?), has);
    }
    Ok(known)
}

/// What becomes of some results; written at once.
#[derive(Default)]
struct Changes {
    /// First results of their numbers.
    firsts: Vec<(i64, Place)>,
    /// Results that take the place of others, which are kept aside under the batch that they name.
    instead: Vec<(i64, Place, i64, String)>,
    /// Results that are not kept.
    dropped: Vec<i64>,
    /// Results that are kept aside, and the numbers of which they are second results.
    odd: Vec<(Arrived, Option<i64>)>,
    batches: BTreeMap<i64, Tally>,
    costs: BTreeMap<(i64, Outcome, Currency), (i64, Price)>,
    prices: BTreeMap<(i64, String), (Currency, Price)>,
    drift: BTreeMap<(i64, Drift), u64>,
}

struct Tally {
    done: i64,
    failed: i64,
    refused: i64,
    unpriced: i64,
    /// The number under which the platform has shown to know the batch, and when.
    batch_no: String,
    received_ms: i64,
}

async fn enter(session: &Session, waiting: &Waiting, folded: &mut Folded) -> Result<()> {
    let arrived = arrived(session, &waiting.ids).await?;
    let mut known = known(session, &arrived).await?;
    let mut changes = Changes::default();
    for result in arrived {
        folded.seen += 1;
        changes.judge(result, &mut known, folded);
    }
    changes.compare_aside(session, folded).await?;
    folded.news.extend(drift::add(session, &changes.drift).await?);
    changes.write(session, waiting).await
}

/// What a result of a batch is to those that are kept aside already, for the same number or none.
fn is_same(packed: Option<i64>, one: (Source, &[u8]), other: (Source, &[u8])) -> bool {
    if packed.is_some() { reading::same(one, other) } else { one.1 == other.1 }
}

impl Changes {
    fn judge(&mut self, mut result: Arrived, known: &mut Known, folded: &mut Folded) {
        // A person has had it forgotten: then nothing of it is kept, however late it comes.
        if result.batch.is_some_and(|batch| batch.forgotten) {
            return self.dropped.push(result.id);
        }
        let place =
            result.batch.zip(result.facts.as_ref()).and_then(|(batch, facts)| known.place(batch, facts));
        let Some((batch, place)) = result.batch.zip(place) else { return self.odd.push((result, None)) };
        let Some(facts) = result.facts.take() else { return self.odd.push((result, None)) };
        match known.numbers.get(&place) {
            Some(Some((first, from, _))) if reading::replaces(result.source, *from) => {
                folded.conflicts += 1;
                self.instead.push((result.id, place, *first, result.batch_no.clone()));
                self.add(batch, &result, facts);
                if let Some(tally) = self.batches.get_mut(&batch.id) {
                    tally.refused -= 1;
                }
                known.numbers.insert(place, Some((result.id, result.source, result.body)));
            }
            Some(Some((_, source, body)))
                if reading::same((*source, body), (result.source, &result.body)) =>
            {
                folded.repeats += 1;
                self.dropped.push(result.id);
            }
            Some(Some(_)) => {
                result.facts = Some(facts);
                self.odd.push((result, Some(place.1)));
            }
            _ => {
                folded.first += 1;
                self.firsts.push((result.id, place));
                self.add(batch, &result, facts);
                known.numbers.insert(place, Some((result.id, result.source, result.body)));
            }
        }
    }

    /// What was kept aside is kept aside once, however often it comes.
    async fn compare_aside(&mut self, session: &Session, folded: &mut Folded) -> Result<()> {
        if self.odd.is_empty() {
            return Ok(());
        }
        let keys: BTreeSet<(&[u8], i64)> = self
            .odd
            .iter()
            .map(|(result, packed)| (result.batch_no.as_bytes(), packed.unwrap_or_default()))
            .collect();
        let (names, packed): (Vec<&[u8]>, Vec<i64>) = keys.into_iter().unzip();
        let sql = "SELECT o.batch_no, o.packed, r.source, r.body FROM unnest($1::bytea[], $2::bigint[]) AS wanted (batch_no, packed)
            JOIN odd o ON sha256(o.batch_no) = sha256(wanted.batch_no) AND o.packed = wanted.packed
                AND o.batch_no = wanted.batch_no
            JOIN results r ON r.id = o.result";
        let mut aside: HashMap<(String, i64), Vec<Body>> = HashMap::new();
        for row in session.rows(sql, &[&names, &packed]).await? {
            let key = (get_text(&row, 0)?, get(&row, 1)?);
            aside.entry(key).or_default().push((source(get(&row, 2)?), get(&row, 3)?));
        }
        for (result, packed) in std::mem::take(&mut self.odd) {
            let of_it = aside.entry((result.batch_no.clone(), packed.unwrap_or_default())).or_default();
            if of_it.iter().any(|(from, body)| is_same(packed, (*from, body), (result.source, &result.body)))
            {
                folded.repeats += 1;
                self.dropped.push(result.id);
                continue;
            }
            match packed {
                Some(_) => folded.conflicts += 1,
                None => folded.strays += 1,
            }
            of_it.push((result.source, result.body.clone()));
            if let Some((batch, facts)) = result.batch.zip(result.facts.as_ref()) {
                for drift in &facts.drift {
                    *self.drift.entry((batch.job, drift.clone())).or_default() += 1;
                }
            }
            self.odd.push((result, packed));
        }
        Ok(())
    }

    fn add(&mut self, batch: Batch, result: &Arrived, facts: Facts) {
        let tally = self.batches.entry(batch.id).or_insert_with(|| Tally {
            done: 0,
            failed: 0,
            refused: 0,
            unpriced: 0,
            batch_no: result.batch_no.clone(),
            received_ms: result.received_ms,
        });
        match facts.outcome {
            Outcome::Done => tally.done += 1,
            Outcome::Failed => tally.failed += 1,
            Outcome::Refused => tally.refused += 1,
        }
        for drift in facts.drift {
            *self.drift.entry((batch.job, drift)).or_default() += 1;
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
        // A region is a few letters; what is longer than an index entry may be would hold up everything behind it.
        if let Some(region) = facts.region.filter(|region| region.len() <= 64) {
            self.prices.insert((batch.level, text(&region).into_owned()), (currency, price));
        }
    }

    async fn write(self, session: &Session, waiting: &Waiting) -> Result<()> {
        // Sent one behind the other where nothing depends on an answer.
        try_join3(self.settle(session), self.account(session), self.put_away(session, waiting)).await?;
        Ok(())
    }

    async fn settle(&self, session: &Session) -> Result<()> {
        self.settle_firsts(session).await?;
        for (id, place, first, batch_no) in &self.instead {
            let sql = "UPDATE numbers SET result = $3 WHERE batch = $1 AND packed = $2";
            session.run(sql, &[&place.0, &place.1, id]).await?;
            let sql = "INSERT INTO odd VALUES ($1, $2, $3)";
            session.run(sql, &[first, &batch_no.as_bytes(), &place.1]).await?;
        }
        Ok(())
    }

    async fn settle_firsts(&self, session: &Session) -> Result<()> {
        if self.firsts.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = self.firsts.iter().map(|(id, _)| *id).collect();
        let batches: Vec<i64> = self.firsts.iter().map(|(_, place)| place.0).collect();
        let packed: Vec<i64> = self.firsts.iter().map(|(_, place)| place.1).collect();
        let sql = "UPDATE numbers SET result = new.id FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (id, batch, packed)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed AND numbers.result IS NULL";
        // The lock makes it so; this holds even where somebody changes rows by hand.
        match session.run(sql, &[&ids, &batches, &packed]).await? {
            settled if settled == ids.len() as u64 => Ok(()),
            _ => Err(Fault::damaged("a number was settled while its result was being entered")),
        }
    }

    async fn account(&self, session: &Session) -> Result<()> {
        if !self.batches.is_empty() {
            let ids: Vec<i64> = self.batches.keys().copied().collect();
            let counts = |of: fn(&Tally) -> i64| self.batches.values().map(of).collect::<Vec<i64>>();
            let names: Vec<&str> = self.batches.values().map(|tally| tally.batch_no.as_str()).collect();
            // A result proves that the batch was accepted, under the number that it names, whatever was known of it before. Where the
            // request is still under way, its end is yet to be written.
            let sql =
                "UPDATE batches SET done = batches.done + new.done, failed = batches.failed + new.failed,
                unpriced = batches.unpriced + new.unpriced, refused = batches.refused + new.refused,
                state = CASE WHEN state = 1 THEN 1 ELSE 3 END,
                batch_no = CASE WHEN state IN (1, 3) THEN batches.batch_no ELSE new.batch_no END,
                code = CASE WHEN state = 1 THEN code END, message = CASE WHEN state = 1 THEN message END,
                sent_ms = coalesce(sent_ms, new.received_ms)
                FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[])
                    AS new (id, done, failed, unpriced, batch_no, received_ms, refused)
                WHERE batches.id = new.id";
            let (done, failed) = (counts(|tally| tally.done), counts(|tally| tally.failed));
            let (unpriced, received) = (counts(|tally| tally.unpriced), counts(|tally| tally.received_ms));
            let refused = counts(|tally| tally.refused);
            session.run(sql, &[&ids, &done, &failed, &unpriced, &names, &received, &refused]).await?;
        }
        if !self.costs.is_empty() {
            let jobs: Vec<i64> = self.costs.keys().map(|(job, _, _)| *job).collect();
            let outcomes: Vec<i16> =
                self.costs.keys().map(|(_, outcome, _)| i16::from(*outcome == Outcome::Failed)).collect();
            let currencies: Vec<&str> = self.costs.keys().map(|(_, _, currency)| currency.as_str()).collect();
            let counts: Vec<i64> = self.costs.values().map(|(count, _)| *count).collect();
            let amounts: Vec<String> = self.costs.values().map(|(_, amount)| amount.to_string()).collect();
            // Beyond the range of a price the sum stays where it is; the results keep their prices.
            let sql = "INSERT INTO costs SELECT new.job, new.outcome, new.currency, new.count, new.amount::numeric
                FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::bigint[], $5::text[]) AS new (job, outcome, currency, count, amount)
                ON CONFLICT (job, outcome, currency) DO UPDATE SET count = costs.count + excluded.count,
                amount = CASE WHEN abs(costs.amount + excluded.amount) <= 92233720368 THEN costs.amount + excluded.amount ELSE costs.amount END";
            session.run(sql, &[&jobs, &outcomes, &currencies, &counts, &amounts]).await?;
        }
        if !self.prices.is_empty() {
            let levels: Vec<i64> = self.prices.keys().map(|(level, _)| *level).collect();
            let regions: Vec<&str> = self.prices.keys().map(|(_, region)| region.as_str()).collect();
            let currencies: Vec<&str> = self.prices.values().map(|(currency, _)| currency.as_str()).collect();
            let prices: Vec<String> = self.prices.values().map(|(_, price)| price.to_string()).collect();
            let sql = "INSERT INTO prices SELECT new.level, new.region, new.currency, new.price::numeric
                FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS new (level, region, currency, price)
                ON CONFLICT (level, region) DO UPDATE SET currency = excluded.currency, price = excluded.price
                WHERE prices.currency <> excluded.currency OR prices.price <> excluded.price";
            session.run(sql, &[&levels, &regions, &currencies, &prices]).await?;
        }
        Ok(())
    }

    async fn put_away(&self, session: &Session, waiting: &Waiting) -> Result<()> {
        if !self.dropped.is_empty() {
            session.run("DELETE FROM results WHERE id = ANY ($1)", &[&self.dropped]).await?;
        }
        if !self.odd.is_empty() {
            let ids: Vec<i64> = self.odd.iter().map(|(result, _)| result.id).collect();
            let names: Vec<&[u8]> = self.odd.iter().map(|(result, _)| result.batch_no.as_bytes()).collect();
            let packed: Vec<i64> = self.odd.iter().map(|(_, packed)| packed.unwrap_or_default()).collect();
            let sql = "INSERT INTO odd SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[])";
            session.run(sql, &[&ids, &names, &packed]).await?;
        }
        if !waiting.emptied.is_empty() {
            session.run("DELETE FROM inbox WHERE first = ANY ($1)", &[&waiting.emptied]).await?;
        }
        if let Some((first, next)) = &waiting.cut {
            session.run("UPDATE inbox SET next = $2 WHERE first = $1", &[first, next]).await?;
        }
        Ok(())
    }
}
