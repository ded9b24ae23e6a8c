//! The book on a server: looks phone numbers up, and enters claims.
//!
//! Whoever decides by it, or changes to what its entries point, holds the lock of the scope first: then the statements that follow see all
//! that others have decided. A `LIMIT 1` by a whole key, and a key in full in every row of an array, make the server look rows up one by one,
//! whatever it believes of the size of a scope or a batch: plans are made while they are small. Rows are locked in one order everywhere: batches by their key, then phone numbers, waits, jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use numcheck_protocol::PhoneNumber;
use tokio_postgres::Row;

use super::fault::Fault;
use super::fold;
use super::schema::SCOPES;
use super::session::{Session, get, get_u64, text};
use super::values::{amount, currency, name};
use super::waits::{self, count_reused};
use crate::book::{BookDecision, BookLink, BookPolicy, BookResult, MAX_CHAIN, chain, links};
use crate::fold::Sums;
use crate::model::{BatchState, JobSpec, Outcome, Scope};
use crate::store::{Known, Sending, Source, sql};

type Result<T> = std::result::Result<T, Fault>;

/// Phone numbers in one statement.
const AT_ONCE: usize = 20_000;

/// What decides for a job, and in which scope.
pub(super) struct OfJob {
    pub(super) scope: i64,
    pub(super) policy: BookPolicy,
}

/// `None` unless the job is open.
pub(super) async fn policy_of_open(session: &Session, job: i64) -> Result<Option<OfJob>> {
    let sql = "SELECT scope, spec, marker, created_ms FROM jobs WHERE id = $1 AND state = 1";
    let Some(row) = session.row(sql, &[&job]).await? else { return Ok(None) };
    let spec: JobSpec = serde_json::from_str(get(&row, 1)?)
        .map_err(|_| Fault::damaged("a job's parameters cannot be read"))?;
    let policy = BookPolicy::new(spec.reuse, get(&row, 2)?, get_u64(&row, 3)?);
    Ok(Some(OfJob { scope: get(&row, 0)?, policy }))
}

/// Locks a scope until the transaction ends: one claim, look-up of a batch, or change of what the book points to at a time.
pub(super) async fn lock_scope(session: &Session, scope: i64) -> Result<()> {
    // Two scopes that share a figure would only wait for each other.
    session.row("SELECT pg_advisory_xact_lock($1, $2)", &[&SCOPES, &(scope as i32)]).await?;
    Ok(())
}

/// Locks every scope, in one order for all.
pub(super) async fn lock_all_scopes(session: &Session) -> Result<()> {
    for row in session.rows("SELECT id FROM scopes ORDER BY id", &[]).await? {
        lock_scope(session, get(&row, 0)?).await?;
    }
    Ok(())
}

/// Locks the scope of a job, whichever it is by then. `None` when there is no such job.
pub(super) async fn lock_scope_of(session: &Session, job: i64) -> Result<Option<i64>> {
    let mut locked = None;
    loop {
        let row = session.row("SELECT scope FROM jobs WHERE id = $1", &[&job]).await?;
        let Some(scope) = row.map(|row| get::<i64>(&row, 0)).transpose()? else { return Ok(None) };
        if locked == Some(scope) {
            return Ok(Some(scope));
        }
        lock_scope(session, scope).await?;
        // Two spellings of its account may have been merged meanwhile.
        locked = Some(scope);
    }
}

/// A phone number of a planned batch that is to be sent.
pub(super) struct Wanted {
    pub(super) packed: i64,
    pub(super) first_row: i64,
    /// The sending before.
    prior: Option<i64>,
    /// A person has decided not to wait for a doubt.
    is_decided: bool,
}

impl Wanted {
    /// One that was sent already; `prior` is the sending before.
    pub(super) fn sent(packed: i64, prior: Option<i64>) -> Self {
        Self { packed, first_row: 0, prior, is_decided: true }
    }
}

/// A sending as the book finds it.
struct Found {
    link: BookLink,
    prior: Option<i64>,
    /// How many results its batch had in the same moment.
    settled: i64,
    job: i64,
    sent_ms: u64,
    /// The last claim of its batch: later sendings have higher ones.
    claim: i64,
}

/// Of one moment each: whether a phone number has its result, and how many its batch has.
const LINKS: &str =
    "SELECT wanted.at, b.id, n.result, n.received_ms, n.outcome, n.prior, n.via IS NULL AND (n.job > 0 OR j.state = 2),
        b.state, b.missing, j.state = 2, b.done + b.failed + b.refused, b.job, greatest(b.sent_ms, b.last_ts, 0), b.claim
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS wanted (at, batch, packed)
    CROSS JOIN LATERAL (SELECT * FROM numbers WHERE batch = wanted.batch AND packed = wanted.packed LIMIT 1) AS n
    JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job";

fn found(row: &Row) -> Result<(usize, Found)> {
    let result = match get::<Option<i64>>(row, 2)? {
        Some(id) => {
            let outcome = get::<Option<i16>>(row, 4)?.map_or(Outcome::Failed, Outcome::from_figure);
            let received_ms = get::<Option<i64>>(row, 3)?.unwrap_or_default() as u64;
            Some(BookResult::new(id, received_ms, outcome))
        }
        None => None,
    };
    let state = BatchState::from_figure(get(row, 7)?);
    let link = BookLink::new(get(row, 1)?, state, get(row, 8)?, get(row, 6)?, get(row, 9)?);
    let found = Found {
        link: link.with_result(result),
        prior: get(row, 5)?,
        settled: get(row, 10)?,
        job: get(row, 11)?,
        sent_ms: get_u64(row, 12)?,
        claim: get(row, 13)?,
    };
    Ok((get::<i64>(row, 0)? as usize, found))
}

/// The newest sending of each phone number, by its place in `packed`.
pub(super) async fn newest(session: &Session, scope: i64, packed: &[i64]) -> Result<Vec<(usize, i64)>> {
    let sql = "SELECT wanted.at - 1, c.batch FROM unnest($2::bigint[]) WITH ORDINALITY AS wanted (packed, at)
        CROSS JOIN LATERAL (SELECT batch FROM checks WHERE scope = $1 AND packed = wanted.packed LIMIT 1) AS c";
    let rows = session.rows(sql, &[&scope, &packed]).await?;
    rows.iter().map(|row| Ok((get::<i64>(row, 0)? as usize, get(row, 1)?))).collect()
}

/// Walks from the newest sendings to those before, all phone numbers at once, for as long as `step` names the next one.
async fn walk(
    session: &Session,
    packed: &[i64],
    mut next: Vec<(usize, i64)>,
    mut step: impl FnMut(usize, Found) -> Option<i64>,
) -> Result<()> {
    for _ in 0..MAX_CHAIN {
        if next.is_empty() {
            return Ok(());
        }
        let wanted = next.iter().filter_map(|(at, batch)| Some((*at as i64, (*batch, *packed.get(*at)?))));
        let (at, (batches, numbers)): (Vec<i64>, (Vec<i64>, Vec<i64>)) = wanted.unzip();
        next.clear();
        let rows = session.rows(LINKS, &[&at, &batches, &numbers]).await?;
        // What is not known may have been paid for.
        if rows.len() != at.len() {
            return Err(broken_chain());
        }
        for row in rows {
            let (at, found) = found(&row)?;
            next.extend(step(at, found).map(|before| (at, before)));
        }
    }
    Err(broken_chain())
}

fn broken_chain() -> Fault {
    Fault::damaged("the sendings of a phone number form no chain in its book")
}

/// What looking a batch up has changed: written last, and at once, because others want the same rows.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// Rows that took a result, by how it ended.
    reused: BTreeMap<i16, i64>,
    /// Rows that wait for a batch, and how many results that had.
    waits: BTreeMap<i64, (i64, i64)>,
}

impl Elsewhere {
    pub(super) async fn write(self, session: &Session, job: i64) -> Result<()> {
        waits::add(session, job, &self.waits).await?;
        let reused = self.reused.into_iter().map(|(figure, count)| ((job, figure), count)).collect();
        count_reused(session, &reused).await
    }
}

/// Looks up the phone numbers of a planned batch that the caller has locked: those with a usable result take it, those under way elsewhere
/// wait; the others are returned, in the order of their key.
pub(super) async fn look_up_batch(
    session: &Session,
    batch: i64,
    of_job: &OfJob,
    elsewhere: &mut Elsewhere,
) -> Result<Vec<Wanted>> {
    let sql = "SELECT packed, first_row, despite FROM numbers
        WHERE batch = $1 AND result IS NULL AND via IS NULL AND job > 0 ORDER BY packed";
    let rows = session.rows(sql, &[&batch]).await?;
    let packed = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>>>()?;
    let despite = rows.iter().map(|row| get(row, 2)).collect::<Result<Vec<Option<i64>>>>()?;
    let newest = newest(session, of_job.scope, &packed).await?;
    let mut decisions: Vec<Option<(BookDecision, BookLink, i64)>> = packed.iter().map(|_| None).collect();
    let mut priors: Vec<Option<i64>> = vec![None; packed.len()];
    for (at, entry) in &newest {
        // The own entry keeps what came before it.
        if let Some(prior) = priors.get_mut(*at).filter(|_| *entry != batch) {
            *prior = Some(*entry);
        }
    }
    walk(session, &packed, newest, |at, found| {
        let decision = found.link.decide(batch, &of_job.policy, despite.get(at).copied().flatten());
        if decision == BookDecision::Before {
            return found.prior;
        }
        *decisions.get_mut(at)? = Some((decision, found.link, found.settled));
        None
    })
    .await?;
    let (mut wanted, mut taken, mut waiting) = (Vec::new(), Taken::default(), (Vec::new(), Vec::new()));
    for (((row, packed), decision), prior) in rows.iter().zip(packed).zip(decisions).zip(priors) {
        match decision {
            Some((BookDecision::Take, BookLink { batch: via, result: Some(has), .. }, _)) => {
                taken.push(packed, via, has);
                *elsewhere.reused.entry(has.outcome.figure()).or_default() += 1;
            }
            Some((BookDecision::Wait, link, settled)) => {
                waiting.0.push(packed);
                waiting.1.push(link.batch);
                let (count, seen) = elsewhere.waits.entry(link.batch).or_insert((0, settled));
                (*count, *seen) = (*count + 1, settled.min(*seen));
            }
            _ => {
                let is_decided = get::<Option<i64>>(row, 2)?.is_some();
                wanted.push(Wanted { packed, first_row: get(row, 1)?, prior, is_decided });
            }
        }
    }
    taken.write(session, batch).await?;
    if !waiting.0.is_empty() {
        let sql =
            "UPDATE numbers SET via = new.via FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, via)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed";
        session.run(sql, &[&vec![batch; waiting.0.len()], &waiting.0, &waiting.1]).await?;
    }
    let gone = (taken.packed.len() + waiting.0.len()) as i64;
    if gone > 0 {
        session.run("UPDATE batches SET numbers = numbers - $2 WHERE id = $1", &[&batch, &gone]).await?;
        waits::release(session, batch).await?;
    }
    Ok(wanted)
}

/// Phone numbers that take results of other sendings.
#[derive(Default)]
struct Taken {
    packed: Vec<i64>,
    via: Vec<i64>,
    ids: Vec<i64>,
    received: Vec<i64>,
    outcomes: Vec<i16>,
}

impl Taken {
    fn push(&mut self, packed: i64, via: i64, has: BookResult) {
        self.packed.push(packed);
        self.via.push(via);
        self.ids.push(has.id);
        self.received.push(has.received_ms as i64);
        self.outcomes.push(has.outcome.figure());
    }

    async fn write(&self, session: &Session, batch: i64) -> Result<()> {
        if self.packed.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE numbers SET via = new.via, result = new.result, received_ms = new.received_ms, outcome = new.outcome
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[])
                AS new (batch, packed, via, result, received_ms, outcome)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed";
        let batches = vec![batch; self.packed.len()];
        session
            .run(sql, &[&batches, &self.packed, &self.via, &self.ids, &self.received, &self.outcomes])
            .await?;
        Ok(())
    }
}

/// Enters what is claimed. `was_claimed`: the batch stands in chains already.
pub(super) async fn enter_claim(
    session: &Session,
    batch: i64,
    scope: i64,
    wanted: &[Wanted],
    was_claimed: bool,
) -> Result<()> {
    if was_claimed {
        // It becomes the newest: left in its place, the chain would become a circle.
        let followed = wanted.iter().filter(|wanted| wanted.prior.is_some());
        let gone = followed.map(|wanted| (wanted.packed, batch)).collect();
        unlink(session, scope, &gone).await?;
    }
    // In the order of the key, pages are filled one after the other.
    let mut packed: Vec<i64> = wanted.iter().map(|wanted| wanted.packed).collect();
    packed.sort_unstable();
    let sql = "INSERT INTO checks SELECT $1, new.packed, $2 FROM unnest($3::bigint[]) AS new (packed)
        ON CONFLICT (scope, packed) DO UPDATE SET batch = excluded.batch";
    session.run(sql, &[&scope, &batch, &packed]).await?;
    let changed = wanted.iter().filter(|wanted| wanted.prior.is_some() || wanted.is_decided);
    let (packed, priors): (Vec<i64>, Vec<Option<i64>>) =
        changed.map(|wanted| (wanted.packed, wanted.prior)).unzip();
    if !packed.is_empty() {
        let sql = "UPDATE numbers SET prior = coalesce(new.prior, numbers.prior), despite = NULL
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, prior)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed";
        session.run(sql, &[&vec![batch; packed.len()], &packed, &priors]).await?;
    }
    Ok(())
}

/// The key of a scope.
pub(super) async fn find_scope(session: &Session, scope: &Scope) -> Result<Option<i64>> {
    let sql = "SELECT id FROM scopes WHERE account = $1 AND service = $2 AND level = $3";
    let row = session.row(sql, &[&text(&scope.account), &text(&scope.service), &scope.level]).await?;
    row.map(|row| get(&row, 0)).transpose()
}

/// The key of a scope, which is made where it is new.
pub(super) async fn scope_key(session: &Session, scope: &Scope) -> Result<i64> {
    loop {
        if let Some(key) = find_scope(session, scope).await? {
            return Ok(key);
        }
        // Where another process is making it, this waits; then it is that one which is found.
        let sql = "INSERT INTO scopes (account, service, level) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        session.run(sql, &[&text(&scope.account), &text(&scope.service), &scope.level]).await?;
    }
}

pub(super) async fn look_up(
    session: &Session,
    scope: &Scope,
    numbers: &[PhoneNumber],
) -> Result<Vec<Option<Known>>> {
    let mut all = vec![None; numbers.len()];
    let Some(scope) = find_scope(session, scope).await? else { return Ok(all) };
    for (numbers, all) in numbers.chunks(AT_ONCE).zip(all.chunks_mut(AT_ONCE)) {
        let packed: Vec<i64> = numbers.iter().map(|number| number.pack() as i64).collect();
        let newest = newest(session, scope, &packed).await?;
        walk(session, &packed, newest, |at, found| {
            let Some(state) = found.link.known() else { return found.prior };
            let at_ms = found.link.result.map_or(found.sent_ms, |result| result.received_ms);
            *all.get_mut(at)? = Some(Known { state, at_ms, job: found.job });
            None
        })
        .await?;
    }
    Ok(all)
}

pub(super) async fn scopes(session: &Session) -> Result<Vec<Scope>> {
    let rows = session.rows("SELECT account, service, level FROM scopes ORDER BY id", &[]).await?;
    rows.iter().map(|row| scope(row, 0)).collect()
}

fn scope(row: &Row, at: usize) -> Result<Scope> {
    Ok(Scope::new(get::<&str>(row, at)?, get::<&str>(row, at + 1)?, get(row, at + 2)?))
}

/// To be called in a transaction that settles.
pub(super) async fn merge_account(session: &Session, old: &str, new: &str) -> Result<()> {
    if old == new {
        return Ok(());
    }
    // Nobody makes a scope meanwhile.
    session.batch("LOCK TABLE scopes IN SHARE ROW EXCLUSIVE MODE").await?;
    let (old, new) = (text(old), text(new));
    let sql = "SELECT o.id, n.id FROM scopes o LEFT JOIN scopes n ON n.account = $2 AND n.service = o.service AND n.level = o.level
        WHERE o.account = $1 ORDER BY o.id";
    let rows = session.rows(sql, &[&old, &new]).await?;
    let pairs = rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?)));
    let pairs = pairs.collect::<Result<Vec<(i64, Option<i64>)>>>()?;
    let mut all: Vec<i64> = pairs.iter().flat_map(|(from, to)| [Some(*from), *to]).flatten().collect();
    all.sort_unstable();
    for scope in all {
        lock_scope(session, scope).await?;
    }
    for (from, to) in pairs {
        rename_account(session, from, &new).await?;
        let Some(to) = to else {
            session.run("UPDATE scopes SET account = $2 WHERE id = $1", &[&from, &new]).await?;
            continue;
        };
        splice(session, from, to).await?;
        for sql in [
            "INSERT INTO checks SELECT $2, packed, batch FROM checks WHERE scope = $1 ON CONFLICT DO NOTHING",
            "UPDATE jobs SET scope = $2 WHERE scope = $1",
        ] {
            session.run(sql, &[&from, &to]).await?;
        }
        session.run("DELETE FROM checks WHERE scope = $1", &[&from]).await?;
        session.run("DELETE FROM scopes WHERE id = $1", &[&from]).await?;
    }
    let mut sums = Sums::new();
    let rows =
        session.rows("SELECT day, currency, amount::text FROM charges WHERE account = $1", &[&old]).await?;
    for row in rows {
        let key = (Arc::from(&*new), get(&row, 0)?, currency(&row, 1)?);
        sums.charges.insert(key, amount(&row, 2)?);
    }
    fold::add_sums(session, &sums).await?;
    session.run("DELETE FROM charges WHERE account = $1", &[&old]).await?;
    Ok(())
}

/// What is fixed about the jobs of a scope names the account, too.
async fn rename_account(session: &Session, scope: i64, account: &str) -> Result<()> {
    for row in session.rows("SELECT id, spec FROM jobs WHERE scope = $1", &[&scope]).await? {
        let unreadable = |_| Fault::damaged("a job's parameters cannot be read");
        let mut spec: JobSpec = serde_json::from_str(get(&row, 1)?).map_err(unreadable)?;
        account.clone_into(&mut spec.scope.account);
        let spec = serde_json::to_string(&spec).map_err(unreadable)?;
        session.run("UPDATE jobs SET spec = $2 WHERE id = $1", &[&get::<i64>(&row, 0)?, &spec]).await?;
    }
    Ok(())
}

/// Where two scopes know a phone number, all its sendings stand in one chain of the second one, the latest first.
async fn splice(session: &Session, from: i64, to: i64) -> Result<()> {
    let mut last = i64::MIN;
    loop {
        let sql = "SELECT o.packed, o.batch, n.batch FROM checks o
            CROSS JOIN LATERAL (SELECT batch FROM checks WHERE scope = $2 AND packed = o.packed LIMIT 1) AS n
            WHERE o.scope = $1 AND o.packed > $3 ORDER BY o.packed LIMIT $4";
        let rows = session.rows(sql, &[&from, &to, &last, &(AT_ONCE as i64)]).await?;
        let packed = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>>>()?;
        let mut ends = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            ends.extend([(at, get(row, 1)?), (at, get(row, 2)?)]);
        }
        let mut chains: Vec<Vec<(i64, i64)>> = vec![Vec::new(); packed.len()];
        walk(session, &packed, ends, |at, found| {
            chains.get_mut(at)?.push((found.claim, found.link.batch));
            found.prior
        })
        .await?;
        link(session, to, packed.iter().copied().zip(chains.into_iter().map(chain))).await?;
        match packed.last() {
            Some(end) if packed.len() == AT_ONCE => last = *end,
            _ => return Ok(()),
        }
    }
}

/// Takes sendings, each a phone number and a batch, out of the chains in which they stand.
pub(super) async fn unlink(session: &Session, scope: i64, gone: &BTreeSet<(i64, i64)>) -> Result<()> {
    let mut packed: Vec<i64> = gone.iter().map(|(packed, _)| *packed).collect();
    packed.dedup();
    let mut chains: Vec<Vec<i64>> = vec![Vec::new(); packed.len()];
    walk(session, &packed, newest(session, scope, &packed).await?, |at, found| {
        let batch = found.link.batch;
        if !gone.contains(&(*packed.get(at)?, batch)) {
            chains.get_mut(at)?.push(batch);
        }
        found.prior
    })
    .await?;
    link(session, scope, packed.iter().copied().zip(chains)).await
}

/// Writes down in which order the sendings of phone numbers stand, the newest first. Where there are none, nothing changes.
async fn link(session: &Session, scope: i64, chains: impl Iterator<Item = (i64, Vec<i64>)>) -> Result<()> {
    let (mut linked, mut newest) = ((Vec::new(), Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for (packed, chain) in chains {
        let Some(first) = chain.first() else { continue };
        newest.0.push(packed);
        newest.1.push(*first);
        for (batch, prior) in links(&chain) {
            linked.0.push(batch);
            linked.1.push(packed);
            linked.2.push(prior);
        }
    }
    let sql = "UPDATE numbers SET prior = new.prior
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, prior)
        WHERE numbers.batch = new.batch AND numbers.packed = new.packed AND numbers.prior IS DISTINCT FROM new.prior";
    session.run(sql, &[&linked.0, &linked.1, &linked.2]).await?;
    let sql = "UPDATE checks SET batch = new.batch
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (scope, packed, batch)
        WHERE checks.scope = new.scope AND checks.packed = new.packed AND checks.batch <> new.batch";
    session.run(sql, &[&vec![scope; newest.0.len()], &newest.0, &newest.1]).await?;
    Ok(())
}

pub(super) async fn history(session: &Session, number: &PhoneNumber) -> Result<Vec<Sending>> {
    let packed = number.pack() as i64;
    let mut sendings = Vec::new();
    let sql = "SELECT c.batch, s.account, s.service, s.level FROM scopes s
        CROSS JOIN LATERAL (SELECT batch FROM checks WHERE scope = s.id AND packed = $1 LIMIT 1) AS c ORDER BY s.id";
    for newest in session.rows(sql, &[&packed]).await? {
        let mut next: Option<i64> = get(&newest, 0)?;
        while let Some(batch) = next {
            let Some(row) = session.row(sql::SENDING, &[&batch, &packed]).await? else { break };
            sendings.push(sending(scope(&newest, 1)?, &row)?);
            next = get::<Option<i64>>(&row, 7)?.filter(|_| sendings.len() < 10_000);
        }
    }
    sendings.sort_by_key(|sending| std::cmp::Reverse(sending.sent_ms));
    Ok(sendings)
}

fn sending(scope: Scope, row: &Row) -> Result<Sending> {
    let result = match get::<Option<i16>>(row, 4)? {
        Some(from) => Some((Source::from_figure(from), get(row, 5)?, get_u64(row, 6)?)),
        None => None,
    };
    Ok(Sending {
        scope,
        job: name(row, 0)?,
        batch_no: get(row, 1)?,
        batch: BatchState::from_figure(get(row, 2)?),
        sent_ms: get::<Option<i64>>(row, 3)?.map(|ms| ms as u64),
        result,
    })
}
