//! The book: looks phone numbers up, and enters claims. What becomes of a phone number is decided in [`crate::book`].
//!
//! On a server a `LIMIT 1` by a whole key, and a key in full in every row of an array, make it look rows up one by one, whatever it believes
//! of the size of a scope or a batch: plans are made while they are small.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use numcheck_protocol::PhoneNumber;

use super::{GivenUp, Row, Sql, Tx, fold, values, waits};
use crate::book::{BookDecision, BookLink, BookPolicy, BookResult, MAX_CHAIN, chain, links};
use crate::fold::Sums;
use crate::model::{JobSpec, Outcome, Scope};
use crate::store::{Known, Sending};

/// Phone numbers that are looked at together.
const AT_ONCE: usize = 20_000;

const BROKEN_CHAIN: GivenUp = GivenUp::Damaged("the sendings of a phone number form no chain in its book");

/// What decides for a job, and in which scope.
pub(crate) struct OfJob {
    pub(crate) scope: i64,
    policy: BookPolicy,
}

/// `None` unless the job is open.
pub(crate) async fn policy_of_open<T: Tx>(tx: &T, job: i64) -> Result<Option<OfJob>, T::Fault> {
    let sql = "SELECT scope, spec, marker, created_ms FROM jobs WHERE id = $1 AND state = 1";
    tx.row(sql, &values![job], |row| {
        let spec: JobSpec = row.get(1)?;
        Ok(OfJob { scope: row.get(0)?, policy: BookPolicy::new(spec.reuse, row.get(2)?, row.get(3)?) })
    })
    .await
}

/// Locks every scope, in one order for all.
pub(crate) async fn lock_all_scopes<T: Tx>(tx: &T) -> Result<(), T::Fault> {
    for scope in tx.rows("SELECT id FROM scopes ORDER BY id", &[], |row| row.get(0)).await? {
        tx.lock_scope(scope).await?;
    }
    Ok(())
}

/// Locks the scope of a job, whichever it is by then. `None` when there is no such job.
pub(crate) async fn lock_scope_of<T: Tx>(tx: &T, job: i64) -> Result<Option<i64>, T::Fault> {
    let mut locked = None;
    loop {
        let sql = "SELECT scope FROM jobs WHERE id = $1";
        let Some(scope) = tx.row(sql, &values![job], |row| row.get(0)).await? else { return Ok(None) };
        if locked == Some(scope) {
            return Ok(Some(scope));
        }
        tx.lock_scope(scope).await?;
        // Two spellings of its account may have been merged meanwhile.
        locked = Some(scope);
    }
}

/// A phone number of a planned batch that is to be sent.
pub(crate) struct Wanted {
    pub(crate) number: i64,
    pub(crate) first_row: i64,
    /// The sending before.
    prior: Option<i64>,
    /// A person has decided not to wait for a doubt.
    is_decided: bool,
}

impl Wanted {
    /// One that was sent already; `prior` is the sending before.
    pub(crate) fn sent(number: i64, prior: Option<i64>) -> Self {
        Self { number, first_row: 0, prior, is_decided: true }
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

/// What is read of a sending: of one moment each, whether a phone number has its result, and how many its batch has.
macro_rules! link {
    ($at:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $at,
            ", b.id, n.result, n.received_ms, n.outcome, n.prior, n.via IS NULL AND (n.job > 0 OR j.state = 2),
            b.state, b.missing, j.state = 2, b.done + b.failed + b.refused, b.job,
            CASE WHEN coalesce(b.last_ts, 0) > coalesce(b.sent_ms, 0) THEN b.last_ts ELSE coalesce(b.sent_ms, 0) END, b.claim FROM ",
            $from,
            " JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job"
        )
    };
}

/// Sendings, each by a place of the caller's, its batch, and its phone number.
const LINKS: Sql = Sql {
    sqlite: concat!(link!("$1", "numbers n"), " WHERE n.batch = $2 AND n.packed = $3"),
    postgres: link!(
        "wanted.at",
        "unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS wanted (at, batch, packed)
        CROSS JOIN LATERAL (SELECT * FROM numbers WHERE batch = wanted.batch AND packed = wanted.packed LIMIT 1) AS n"
    ),
};

fn found(row: &Row<'_>) -> Result<(usize, Found), GivenUp> {
    let result = row.get::<Option<i64>>(2)?.map(|id| {
        let outcome = row.get::<Option<Outcome>>(4)?.unwrap_or(Outcome::Failed);
        Ok(BookResult::new(id, row.get::<Option<u64>>(3)?.unwrap_or_default(), outcome))
    });
    let link = BookLink::new(row.get(1)?, row.get(7)?, row.get(8)?, row.get(6)?, row.get(9)?);
    let found = Found {
        link: link.with_result(result.transpose()?),
        prior: row.get(5)?,
        settled: row.get(10)?,
        job: row.get(11)?,
        sent_ms: row.get(12)?,
        claim: row.get(13)?,
    };
    Ok((row.count(0)? as usize, found))
}

/// The newest sending of each phone number, by its place in `numbers`.
pub(crate) async fn newest<T: Tx>(
    tx: &T,
    scope: i64,
    numbers: &[i64],
) -> Result<Vec<(usize, i64)>, T::Fault> {
    const NEWEST: Sql = Sql {
        sqlite: "SELECT $1, batch FROM checks WHERE scope = $2 AND packed = $3",
        postgres: "SELECT wanted.at, c.batch FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS wanted (at, scope, packed)
            CROSS JOIN LATERAL (SELECT batch FROM checks WHERE scope = wanted.scope AND packed = wanted.packed LIMIT 1) AS c",
    };
    let wanted: Vec<_> = numbers.iter().enumerate().map(|(at, number)| values![at, scope, *number]).collect();
    tx.rows_each(NEWEST, &wanted, |row| Ok((row.count(0)? as usize, row.get(1)?))).await
}

/// Walks from sendings to those before, all phone numbers at once, for as long as `step` names the next one. Returns what it was told to walk
/// to and is not there: by its place in `numbers`, the batch.
async fn walk<T: Tx>(
    tx: &T,
    numbers: &[i64],
    mut next: Vec<(usize, i64)>,
    mut step: impl FnMut(usize, Found) -> Option<i64>,
) -> Result<Vec<(usize, i64)>, T::Fault> {
    let mut gaps = Vec::new();
    for _ in 0..MAX_CHAIN {
        if next.is_empty() {
            return Ok(gaps);
        }
        let wanted = next.iter().filter_map(|(at, batch)| Some(values![*at, *batch, *numbers.get(*at)?]));
        let wanted: Vec<_> = wanted.collect();
        let links = tx.rows_each(LINKS, &wanted, found).await?;
        if links.len() < next.len() {
            let there: BTreeSet<(usize, i64)> =
                links.iter().map(|(at, found)| (*at, found.link.batch)).collect();
            gaps.extend(next.iter().filter(|sending| !there.contains(sending)));
        }
        next.clear();
        for (at, found) in links {
            next.extend(step(at, found).map(|before| (at, before)));
        }
    }
    Err(BROKEN_CHAIN.into())
}

/// The same where every sending must be there: what is not known may have been paid for.
async fn walk_whole<T: Tx>(
    tx: &T,
    numbers: &[i64],
    next: Vec<(usize, i64)>,
    step: impl FnMut(usize, Found) -> Option<i64>,
) -> Result<(), T::Fault> {
    let gaps = walk(tx, numbers, next, step).await?;
    if gaps.is_empty() { Ok(()) } else { Err(BROKEN_CHAIN.into()) }
}

/// What looking a batch up has changed: written last, and at once, because others want the same rows.
#[derive(Default)]
pub(crate) struct Elsewhere {
    /// Rows that took a result, by how it ended.
    reused: BTreeMap<Outcome, i64>,
    /// Rows that wait for a batch, and how many results that had.
    waits: BTreeMap<i64, (i64, i64)>,
}

impl Elsewhere {
    pub(crate) async fn write<T: Tx>(self, tx: &T, job: i64) -> Result<(), T::Fault> {
        waits::add(tx, job, &self.waits).await?;
        let reused = self.reused.into_iter().map(|(outcome, count)| ((job, outcome), count)).collect();
        waits::count_reused(tx, &reused).await
    }
}

/// Looks up the phone numbers of a planned batch that the caller has locked: those with a usable result take it, those under way elsewhere
/// wait; the others are returned, in the order of their key.
pub(crate) async fn look_up_batch<T: Tx>(
    tx: &T,
    batch: i64,
    of_job: &OfJob,
    elsewhere: &mut Elsewhere,
) -> Result<Vec<Wanted>, T::Fault> {
    // Joined, because most phone numbers are not in the book.
    const ROWS: Sql = Sql {
        sqlite: "SELECT n.packed, n.first_row, n.despite, c.batch FROM numbers n
            LEFT JOIN checks c ON c.scope = $2 AND c.packed = n.packed
            WHERE n.batch = $1 AND n.result IS NULL AND n.via IS NULL AND n.job > 0 ORDER BY n.packed",
        postgres: "SELECT n.packed, n.first_row, n.despite, c.batch FROM numbers n
            LEFT JOIN LATERAL (SELECT batch FROM checks WHERE scope = $2 AND packed = n.packed LIMIT 1) AS c ON true
            WHERE n.batch = $1 AND n.result IS NULL AND n.via IS NULL AND n.job > 0 ORDER BY n.packed",
    };
    let (mut wanted, mut despite, mut newest) = (Vec::new(), Vec::new(), Vec::new());
    tx.rows(ROWS, &values![batch, of_job.scope], |row| {
        let entry: Option<i64> = row.get(3)?;
        newest.extend(entry.map(|entry| (wanted.len(), entry)));
        let decided: Option<i64> = row.get(2)?;
        // The own entry keeps what came before it.
        let prior = entry.filter(|entry| *entry != batch);
        let is_decided = decided.is_some();
        despite.push(decided);
        wanted.push(Wanted { number: row.get(0)?, first_row: row.get(1)?, prior, is_decided });
        Ok(())
    })
    .await?;
    let numbers: Vec<i64> = wanted.iter().map(|wanted| wanted.number).collect();
    let mut decisions: BTreeMap<usize, (BookDecision, BookLink, i64)> = BTreeMap::new();
    walk_whole(tx, &numbers, newest, |at, found| {
        let decision = found.link.decide(batch, &of_job.policy, despite.get(at).copied().flatten());
        if decision == BookDecision::Before {
            return found.prior;
        }
        decisions.insert(at, (decision, found.link, found.settled));
        None
    })
    .await?;
    let (mut taken, mut waiting, mut at) = (Vec::new(), Vec::new(), 0..);
    wanted.retain(|wanted| match at.next().and_then(|at| decisions.remove(&at)) {
        Some((BookDecision::Take, BookLink { batch: via, result: Some(has), .. }, _)) => {
            taken.push(values![batch, wanted.number, via, has.id, has.received_ms, has.outcome]);
            *elsewhere.reused.entry(has.outcome).or_default() += 1;
            false
        }
        Some((BookDecision::Wait, link, settled)) => {
            waiting.push(values![batch, wanted.number, link.batch]);
            let (count, seen) = elsewhere.waits.entry(link.batch).or_insert((0, settled));
            (*count, *seen) = (*count + 1, settled.min(*seen));
            false
        }
        _ => true,
    });
    const TAKE: Sql = Sql {
        sqlite: "UPDATE numbers SET via = $3, result = $4, received_ms = $5, outcome = $6 WHERE batch = $1 AND packed = $2",
        postgres: "UPDATE numbers SET via = new.via, result = new.result, received_ms = new.received_ms, outcome = new.outcome
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[])
                AS new (batch, packed, via, result, received_ms, outcome)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed",
    };
    tx.run_each(TAKE, &taken).await?;
    const WAIT: Sql = Sql {
        sqlite: "UPDATE numbers SET via = $3 WHERE batch = $1 AND packed = $2",
        postgres: "UPDATE numbers SET via = new.via FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, via)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed",
    };
    tx.run_each(WAIT, &waiting).await?;
    let gone = taken.len() + waiting.len();
    if gone > 0 {
        tx.run("UPDATE batches SET numbers = numbers - $2 WHERE id = $1", &values![batch, gone]).await?;
        waits::release(tx, batch).await?;
    }
    Ok(wanted)
}

/// Enters what is claimed. `was_claimed`: the batch stands in chains already.
pub(crate) async fn enter_claim<T: Tx>(
    tx: &T,
    batch: i64,
    scope: i64,
    mut wanted: Vec<Wanted>,
    was_claimed: bool,
) -> Result<(), T::Fault> {
    // In the order of the key, pages are filled one after the other.
    wanted.sort_unstable_by_key(|wanted| wanted.number);
    if was_claimed {
        // It becomes the newest: left in its place, the chain would become a circle.
        let followed = wanted.iter().filter(|wanted| wanted.prior.is_some());
        let gone = followed.map(|wanted| (wanted.number, batch)).collect();
        unlink(tx, scope, &gone).await?;
    }
    const ENTER: Sql = Sql {
        sqlite: "INSERT OR REPLACE INTO checks VALUES ($1, $2, $3)",
        postgres: "INSERT INTO checks SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
            ON CONFLICT (scope, packed) DO UPDATE SET batch = excluded.batch",
    };
    let entries: Vec<_> = wanted.iter().map(|wanted| values![scope, wanted.number, batch]).collect();
    tx.run_each(ENTER, &entries).await?;
    const PRIOR: Sql = Sql {
        sqlite: "UPDATE numbers SET prior = coalesce($3, prior), despite = NULL WHERE batch = $1 AND packed = $2",
        postgres: "UPDATE numbers SET prior = coalesce(new.prior, numbers.prior), despite = NULL
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, prior)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed",
    };
    let changed = wanted.iter().filter(|wanted| wanted.prior.is_some() || wanted.is_decided);
    let changed: Vec<_> = changed.map(|wanted| values![batch, wanted.number, wanted.prior]).collect();
    tx.run_each(PRIOR, &changed).await?;
    Ok(())
}

/// The key of a scope.
pub(crate) async fn find_scope<T: Tx>(tx: &T, scope: &Scope) -> Result<Option<i64>, T::Fault> {
    let sql = "SELECT id FROM scopes WHERE account = $1 AND service = $2 AND level = $3";
    tx.row(sql, &values![&scope.account, &scope.service, scope.level], |row| row.get(0)).await
}

/// The key of a scope, which is made where it is new.
pub(crate) async fn scope_key<T: Tx>(tx: &T, scope: &Scope) -> Result<i64, T::Fault> {
    loop {
        if let Some(key) = find_scope(tx, scope).await? {
            return Ok(key);
        }
        // Where another process is making it, this waits; then it is that one which is found.
        let sql = "INSERT INTO scopes (account, service, level) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        tx.run(sql, &values![&scope.account, &scope.service, scope.level]).await?;
    }
}

pub(crate) async fn look_up<T: Tx>(
    tx: &T,
    scope: &Scope,
    numbers: &[PhoneNumber],
) -> Result<Vec<Option<Known>>, T::Fault> {
    let mut all = vec![None; numbers.len()];
    let Some(scope) = find_scope(tx, scope).await? else { return Ok(all) };
    for (numbers, all) in numbers.chunks(AT_ONCE).zip(all.chunks_mut(AT_ONCE)) {
        let numbers: Vec<i64> = numbers.iter().map(|number| number.pack() as i64).collect();
        let newest = newest(tx, scope, &numbers).await?;
        walk_whole(tx, &numbers, newest, |at, found| {
            let Some(state) = found.link.known() else { return found.prior };
            let at_ms = found.link.result.map_or(found.sent_ms, |result| result.received_ms);
            *all.get_mut(at)? = Some(Known { state, at_ms, job: found.job });
            None
        })
        .await?;
    }
    Ok(all)
}

pub(crate) async fn scopes<T: Tx>(tx: &T) -> Result<Vec<Scope>, T::Fault> {
    tx.rows("SELECT account, service, level FROM scopes ORDER BY id", &[], |row| scope(row, 0)).await
}

fn scope(row: &Row<'_>, at: usize) -> Result<Scope, GivenUp> {
    Ok(Scope::new(row.get::<&str>(at)?, row.get::<&str>(at + 1)?, row.get(at + 2)?))
}

/// To be called in a transaction that settles.
pub(crate) async fn merge_account<T: Tx>(tx: &T, old: &str, new: &str) -> Result<(), T::Fault> {
    if old == new {
        return Ok(());
    }
    // Nobody makes a scope meanwhile.
    tx.lock_table("scopes").await?;
    let sql = "SELECT o.id, n.id FROM scopes o LEFT JOIN scopes n ON n.account = $2 AND n.service = o.service AND n.level = o.level
        WHERE o.account = $1 ORDER BY o.id";
    let pairs: Vec<(i64, Option<i64>)> =
        tx.rows(sql, &values![old, new], |row| Ok((row.get(0)?, row.get(1)?))).await?;
    let mut all: Vec<i64> = pairs.iter().flat_map(|(from, to)| [Some(*from), *to]).flatten().collect();
    all.sort_unstable();
    for scope in all {
        tx.lock_scope(scope).await?;
    }
    for (from, to) in pairs {
        rename_account(tx, from, new).await?;
        let Some(to) = to else {
            tx.run("UPDATE scopes SET account = $2 WHERE id = $1", &values![from, new]).await?;
            continue;
        };
        join_chains(tx, from, to).await?;
        for sql in [
            "INSERT INTO checks SELECT $2, packed, batch FROM checks WHERE scope = $1 ON CONFLICT DO NOTHING",
            "UPDATE jobs SET scope = $2 WHERE scope = $1",
        ] {
            tx.run(sql, &values![from, to]).await?;
        }
        tx.run("DELETE FROM checks WHERE scope = $1", &values![from]).await?;
        tx.run("DELETE FROM scopes WHERE id = $1", &values![from]).await?;
    }
    let mut sums = Sums::new();
    let account: Arc<str> = new.into();
    let sql = "SELECT day, currency, CAST(amount AS text) FROM charges WHERE account = $1";
    tx.rows(sql, &values![old], |row| {
        sums.charges.insert((Arc::clone(&account), row.get(0)?, row.get(1)?), row.get(2)?);
        Ok(())
    })
    .await?;
    fold::add_sums(tx, &sums).await?;
    tx.run("DELETE FROM charges WHERE account = $1", &values![old]).await?;
    Ok(())
}

/// What is fixed about the jobs of a scope names the account, too.
async fn rename_account<T: Tx>(tx: &T, scope: i64, account: &str) -> Result<(), T::Fault> {
    let sql = "SELECT id, spec FROM jobs WHERE scope = $1";
    let jobs: Vec<(i64, JobSpec)> =
        tx.rows(sql, &values![scope], |row| Ok((row.get(0)?, row.get(1)?))).await?;
    for (job, mut spec) in jobs {
        account.clone_into(&mut spec.scope.account);
        let sql = "UPDATE jobs SET spec = $2 WHERE id = $1";
        tx.run(sql, &values![job, &super::jobs::written(&spec)?]).await?;
    }
    Ok(())
}

/// Where two scopes know a phone number, all its sendings stand in one chain of the second one, the latest first.
async fn join_chains<T: Tx>(tx: &T, from: i64, to: i64) -> Result<(), T::Fault> {
    const BOTH: Sql = Sql {
        sqlite: "SELECT o.packed, o.batch, n.batch FROM checks o JOIN checks n ON n.scope = $2 AND n.packed = o.packed
            WHERE o.scope = $1 AND o.packed > $3 ORDER BY o.packed LIMIT $4",
        postgres: "SELECT o.packed, o.batch, n.batch FROM checks o
            CROSS JOIN LATERAL (SELECT batch FROM checks WHERE scope = $2 AND packed = o.packed LIMIT 1) AS n
            WHERE o.scope = $1 AND o.packed > $3 ORDER BY o.packed LIMIT $4",
    };
    let mut last = i64::MIN;
    loop {
        let (mut numbers, mut ends) = (Vec::new(), Vec::new());
        tx.rows(BOTH, &values![from, to, last, AT_ONCE], |row| {
            ends.extend([(numbers.len(), row.get(1)?), (numbers.len(), row.get(2)?)]);
            numbers.push(row.get::<i64>(0)?);
            Ok(())
        })
        .await?;
        let mut sendings: Vec<Vec<(i64, i64)>> = vec![Vec::new(); numbers.len()];
        walk_whole(tx, &numbers, ends, |at, found| {
            sendings.get_mut(at)?.push((found.claim, found.link.batch));
            found.prior
        })
        .await?;
        let chains = numbers.iter().zip(sendings).map(|(number, sendings)| Chain {
            number: *number,
            batches: chain(sendings),
            before: None,
        });
        write_chains(tx, to, &chains.collect::<Vec<_>>()).await?;
        match numbers.last() {
            Some(end) if numbers.len() == AT_ONCE => last = *end,
            _ => return Ok(()),
        }
    }
}

/// Takes sendings, each a phone number and a batch, out of the chains in which they stand.
///
/// A chain that is broken already stays so behind its last sending: what is not known may have been paid for.
pub(crate) async fn unlink<T: Tx>(tx: &T, scope: i64, gone: &BTreeSet<(i64, i64)>) -> Result<(), T::Fault> {
    let mut numbers: Vec<i64> = gone.iter().map(|(number, _)| *number).collect();
    numbers.dedup();
    let chain = |number: &i64| Chain { number: *number, batches: Vec::new(), before: None };
    let mut chains: Vec<Chain> = numbers.iter().map(chain).collect();
    let newest = newest(tx, scope, &numbers).await?;
    let gaps = walk(tx, &numbers, newest, |at, found| {
        let (chain, batch) = (chains.get_mut(at)?, found.link.batch);
        if !gone.contains(&(chain.number, batch)) {
            chain.batches.push(batch);
        }
        found.prior
    })
    .await?;
    for (at, batch) in gaps {
        if let Some(chain) = chains.get_mut(at) {
            chain.before = Some(batch);
        }
    }
    write_chains(tx, scope, &chains).await
}

/// The sendings of a phone number, the newest first.
struct Chain {
    number: i64,
    batches: Vec<i64>,
    /// What the last one follows upon.
    before: Option<i64>,
}

/// Writes down in which order the sendings of phone numbers stand. Where there are none, nothing changes.
async fn write_chains<T: Tx>(tx: &T, scope: i64, chains: &[Chain]) -> Result<(), T::Fault> {
    let (mut linked, mut newest) = (Vec::new(), Vec::new());
    for Chain { number, batches, before } in chains {
        newest.extend(batches.first().map(|first| values![scope, *number, *first]));
        linked.extend(links(batches).map(|(batch, prior)| values![batch, *number, prior.or(*before)]));
    }
    const LINK: Sql = Sql {
        sqlite: "UPDATE numbers SET prior = $3 WHERE batch = $1 AND packed = $2",
        postgres: "UPDATE numbers SET prior = new.prior
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, prior)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed AND numbers.prior IS DISTINCT FROM new.prior",
    };
    tx.run_each(LINK, &linked).await?;
    const ENTER: Sql = Sql {
        sqlite: "UPDATE checks SET batch = $3 WHERE scope = $1 AND packed = $2",
        postgres: "UPDATE checks SET batch = new.batch
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (scope, packed, batch)
            WHERE checks.scope = new.scope AND checks.packed = new.packed AND checks.batch <> new.batch",
    };
    tx.run_each(ENTER, &newest).await?;
    Ok(())
}

pub(crate) async fn history<T: Tx>(tx: &T, number: &PhoneNumber) -> Result<Vec<Sending>, T::Fault> {
    const NEWEST: Sql = Sql {
        sqlite: "SELECT c.batch, s.account, s.service, s.level FROM scopes s JOIN checks c ON c.scope = s.id AND c.packed = $1 ORDER BY s.id",
        postgres: "SELECT c.batch, s.account, s.service, s.level FROM scopes s
            CROSS JOIN LATERAL (SELECT batch FROM checks WHERE scope = s.id AND packed = $1 LIMIT 1) AS c ORDER BY s.id",
    };
    let newest: Vec<(i64, Scope)> =
        tx.rows(NEWEST, &values![number], |row| Ok((row.get(0)?, scope(row, 1)?))).await?;
    let mut sendings = Vec::new();
    for (batch, scope) in newest {
        let mut next = Some(batch);
        while let Some(batch) = next {
            // And the one before it.
            let sql = "SELECT j.name, b.batch_no, b.state, b.sent_ms, r.source, r.body, r.received_ms, n.prior FROM numbers n
                JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job LEFT JOIN results r ON r.id = n.result AND n.via IS NULL
                WHERE n.batch = $1 AND n.packed = $2";
            let read = |row: &Row<'_>| Ok((sending(scope.clone(), row)?, row.get::<Option<i64>>(7)?));
            let Some((sending, prior)) = tx.row(sql, &values![batch, number], read).await? else { break };
            sendings.push(sending);
            next = prior.filter(|_| sendings.len() < 10_000);
        }
    }
    sendings.sort_by_key(|sending| std::cmp::Reverse(sending.sent_ms));
    Ok(sendings)
}

fn sending(scope: Scope, row: &Row<'_>) -> Result<Sending, GivenUp> {
    let result = match row.get(4)? {
        Some(source) => Some((source, row.get(5)?, row.get(6)?)),
        None => None,
    };
    Ok(Sending {
        scope,
        job: row.get(0)?,
        batch_no: row.get(1)?,
        batch: row.get(2)?,
        sent_ms: row.get(3)?,
        result,
    })
}
