//! The book in a file: looks phone numbers up, and enters claims. What becomes of a phone number is decided in [`crate::book`].

use std::collections::HashMap;
use std::sync::Arc;

use numcheck_protocol::PhoneNumber;
use rusqlite::{OptionalExtension, Transaction, params};

use super::fault::{Fault, Result};
use super::results;
use super::values::{amount, currency};
use super::waits::{self, count_reused};
use crate::book::{BookDecision, BookLink, BookPolicy, BookResult, MAX_CHAIN, chain, links};
use crate::fold::Sums;
use crate::model::{BatchState, JobSpec, Outcome, Scope};
use crate::store::sql::{self, for_sqlite};
use crate::store::{Known, Sending, Source};

/// What decides for a job, and in which scope.
pub(super) struct OfJob {
    pub(super) job: i64,
    pub(super) scope: i64,
    pub(super) policy: BookPolicy,
}

/// `None` unless the job is open.
pub(super) fn policy_of_open(tx: &Transaction<'_>, job: i64) -> Result<Option<OfJob>> {
    let found = tx
        .prepare_cached("SELECT scope, spec, marker, created_ms FROM jobs WHERE id = ? AND state = 1")?
        .query_row([job], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, i64>(3)? as u64))
        })
        .optional()?;
    let Some((scope, spec, marker, created_ms)) = found else { return Ok(None) };
    let spec: JobSpec =
        serde_json::from_str(&spec).map_err(|_| Fault::Damaged("a job's parameters cannot be read"))?;
    Ok(Some(OfJob { job, scope, policy: BookPolicy::new(spec.reuse, marker, created_ms) }))
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

/// What every look-up needs to know of batches: few, and met again and again.
#[derive(Clone, Copy)]
struct OfBatch {
    state: BatchState,
    missing: bool,
    is_forgotten: bool,
    settled: i64,
    job: i64,
    sent_ms: i64,
}

const BROKEN_CHAIN: Fault = Fault::Damaged("the sendings of a phone number form no chain in its book");

struct LookUp<'a> {
    tx: &'a Transaction<'a>,
    batches: HashMap<i64, Option<OfBatch>>,
}

impl<'a> LookUp<'a> {
    fn new(tx: &'a Transaction<'a>) -> Self {
        Self { tx, batches: HashMap::new() }
    }

    fn newest(&self, scope: i64, packed: i64) -> Result<Option<i64>> {
        Ok(self
            .tx
            .prepare_cached("SELECT batch FROM checks WHERE scope = ? AND packed = ?")?
            .query_row([scope, packed], |row| row.get(0))
            .optional()?)
    }

    fn batch(&mut self, batch: i64) -> Result<Option<OfBatch>> {
        if let Some(known) = self.batches.get(&batch) {
            return Ok(*known);
        }
        let found = self
            .tx
            .prepare_cached(
                "SELECT b.state, b.missing, j.state = 2, b.done + b.failed + b.refused, b.job, max(coalesce(b.sent_ms, 0), coalesce(b.last_ts, 0))
                 FROM batches b JOIN jobs j ON j.id = b.job WHERE b.id = ?",
            )?
            .query_row([batch], |row| {
                Ok(OfBatch {
                    state: BatchState::from_figure(row.get(0)?),
                    missing: row.get(1)?,
                    is_forgotten: row.get(2)?,
                    settled: row.get(3)?,
                    job: row.get(4)?,
                    sent_ms: row.get(5)?,
                })
            })
            .optional()?;
        self.batches.insert(batch, found);
        Ok(found)
    }

    /// A sending of a phone number, and the one before it.
    fn link(&mut self, batch: i64, packed: i64) -> Result<Option<(BookLink, OfBatch, Option<i64>)>> {
        let Some(of_batch) = self.batch(batch)? else { return Ok(None) };
        let found = self
            .tx
            .prepare_cached(
                "SELECT result, received_ms, outcome, prior, via IS NULL AND (job > 0 OR ?) FROM numbers WHERE batch = ? AND packed = ?",
            )?
            .query_row(params![of_batch.is_forgotten, batch, packed], |row| {
                Ok((
                    row.get::<_, Option<i64>>(0)?,
                    row.get::<_, Option<i64>>(1)?,
                    row.get::<_, Option<i16>>(2)?,
                    row.get::<_, Option<i64>>(3)?,
                    row.get::<_, bool>(4)?,
                ))
            })
            .optional()?;
        let Some((result, received_ms, ended, prior, is_own)) = found else { return Ok(None) };
        let result = result.map(|id| {
            let outcome = ended.map_or(Outcome::Failed, Outcome::from_figure);
            BookResult::new(id, received_ms.unwrap_or_default() as u64, outcome)
        });
        let OfBatch { state, missing, is_forgotten, .. } = of_batch;
        let link = BookLink::new(batch, state, missing, is_own, is_forgotten).with_result(result);
        Ok(Some((link, of_batch, prior)))
    }

    /// The first sending that decides, and how; the newest sending, whatever it is, is what a new one follows upon.
    fn decide(
        &mut self,
        newest: Option<i64>,
        own: i64,
        packed: i64,
        policy: &BookPolicy,
        despite: Option<i64>,
    ) -> Result<(BookDecision, Option<BookLink>)> {
        let mut next = newest;
        for _ in 0..MAX_CHAIN {
            let Some(batch) = next else { return Ok((BookDecision::Send, None)) };
            // What is not known may have been paid for.
            let Some((link, _, prior)) = self.link(batch, packed)? else { return Err(BROKEN_CHAIN) };
            let decision = link.decide(own, policy, despite);
            if decision != BookDecision::Before {
                return Ok((decision, Some(link)));
            }
            next = prior;
        }
        Err(BROKEN_CHAIN)
    }
}

/// Looks up the phone numbers of a planned batch: those with a usable result take it, those under way elsewhere wait; the others are
/// returned, in the order of their key.
pub(super) fn look_up_batch(tx: &Transaction<'_>, batch: i64, of_job: &OfJob) -> Result<Vec<Wanted>> {
    // Joined, because most phone numbers are not in the book: a statement for each costs more than finding nothing.
    let mut select = tx.prepare_cached(
        "SELECT n.packed, n.first_row, n.despite, c.batch FROM numbers n LEFT JOIN checks c ON c.scope = ?2 AND c.packed = n.packed
         WHERE n.batch = ?1 AND n.result IS NULL AND n.via IS NULL AND n.job > 0",
    )?;
    let rows: Vec<(i64, i64, Option<i64>, Option<i64>)> = select
        .query_map([batch, of_job.scope], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<std::result::Result<_, _>>()?;
    let mut look_up = LookUp::new(tx);
    let (mut wanted, mut elsewhere) = (Vec::with_capacity(rows.len()), 0);
    for (packed, first_row, despite, newest) in rows {
        let (decision, link) = look_up.decide(newest, batch, packed, &of_job.policy, despite)?;
        match (decision, link) {
            (BookDecision::Take, Some(BookLink { batch: via, result: Some(has), .. })) => {
                tx.prepare_cached(
                    "UPDATE numbers SET via = ?, result = ?, received_ms = ?, outcome = ? WHERE batch = ? AND packed = ?",
                )?
                .execute(params![
                    via,
                    has.id,
                    has.received_ms as i64,
                    has.outcome.figure(),
                    batch,
                    packed
                ])?;
                count_reused(tx, of_job.job, has.outcome, 1)?;
                elsewhere += 1;
            }
            (BookDecision::Wait, Some(link)) => {
                tx.prepare_cached("UPDATE numbers SET via = ? WHERE batch = ? AND packed = ?")?
                    .execute([link.batch, batch, packed])?;
                let seen = look_up.batch(link.batch)?.map_or(0, |of_batch| of_batch.settled);
                waits::add(tx, of_job.job, link.batch, seen)?;
                elsewhere += 1;
            }
            _ => {
                // The own entry keeps what came before it.
                let prior = newest.filter(|newest| *newest != batch);
                wanted.push(Wanted { packed, first_row, prior, is_decided: despite.is_some() });
            }
        }
    }
    if elsewhere > 0 {
        tx.prepare_cached("UPDATE batches SET numbers = numbers - ? WHERE id = ?")?
            .execute([elsewhere, batch])?;
        waits::release(tx, batch)?;
    }
    Ok(wanted)
}

/// Enters what is claimed, in the order of the key. `was_claimed`: the batch stands in chains already.
pub(super) fn enter_claim(
    tx: &Transaction<'_>,
    batch: i64,
    of_job: &OfJob,
    wanted: &[Wanted],
    was_claimed: bool,
) -> Result<()> {
    let mut entry = tx.prepare_cached("INSERT OR REPLACE INTO checks VALUES (?, ?, ?)")?;
    let mut row = tx.prepare_cached(
        "UPDATE numbers SET prior = coalesce(?, prior), despite = NULL WHERE batch = ? AND packed = ?",
    )?;
    for one in wanted {
        // It becomes the newest: left in its place, the chain would become a circle.
        if was_claimed && one.prior.is_some() {
            unlink(tx, of_job.scope, one.packed, |other| Ok(other == batch))?;
        }
        entry.execute([of_job.scope, one.packed, batch])?;
        if one.prior.is_some() || one.is_decided {
            row.execute(params![one.prior, batch, one.packed])?;
        }
    }
    Ok(())
}

/// Takes those sendings of a phone number out of its chain of which `is_gone` says so, the newest included.
///
/// A chain that is broken already stays so behind its last sending: what is not known may have been paid for.
pub(super) fn unlink(
    tx: &Transaction<'_>,
    scope: i64,
    packed: i64,
    mut is_gone: impl FnMut(i64) -> Result<bool>,
) -> Result<()> {
    let mut newest = tx.prepare_cached("SELECT batch FROM checks WHERE scope = ? AND packed = ?")?;
    let mut prior = tx.prepare_cached("SELECT prior FROM numbers WHERE batch = ? AND packed = ?")?;
    let mut next: Option<i64> = newest.query_row([scope, packed], |row| row.get(0)).optional()?;
    let (mut stays, mut seen) = (Vec::new(), 0);
    while let Some(batch) = next {
        let Some(before) = prior.query_row([batch, packed], |row| row.get(0)).optional()? else { break };
        if !is_gone(batch)? {
            stays.push(batch);
        }
        next = before;
        seen += 1;
        if seen > MAX_CHAIN {
            return Err(BROKEN_CHAIN);
        }
    }
    write_chain(tx, scope, packed, &stays, next)
}

/// Writes down in which order the sendings of a phone number stand, the newest first, and what the last one follows upon. Where there are
/// none, nothing changes.
fn write_chain(
    tx: &Transaction<'_>,
    scope: i64,
    packed: i64,
    chain: &[i64],
    before: Option<i64>,
) -> Result<()> {
    let Some(newest) = chain.first() else { return Ok(()) };
    tx.prepare_cached("UPDATE checks SET batch = ? WHERE scope = ? AND packed = ?")?
        .execute([*newest, scope, packed])?;
    let mut link = tx.prepare_cached("UPDATE numbers SET prior = ? WHERE batch = ? AND packed = ?")?;
    for (batch, prior) in links(chain) {
        link.execute(params![prior.or(before), batch, packed])?;
    }
    Ok(())
}

pub(super) fn scope_id(tx: &Transaction<'_>, scope: &Scope) -> Result<Option<i64>> {
    Ok(tx
        .prepare_cached("SELECT id FROM scopes WHERE account = ? AND service = ? AND level = ?")?
        .query_row(params![scope.account, scope.service, scope.level], |row| row.get(0))
        .optional()?)
}

pub(super) fn look_up(
    tx: &Transaction<'_>,
    scope: &Scope,
    numbers: &[PhoneNumber],
) -> Result<Vec<Option<Known>>> {
    let Some(scope) = scope_id(tx, scope)? else { return Ok(vec![None; numbers.len()]) };
    let mut look_up = LookUp::new(tx);
    numbers.iter().map(|number| known(&mut look_up, scope, number.pack() as i64)).collect()
}

fn known(look_up: &mut LookUp<'_>, scope: i64, packed: i64) -> Result<Option<Known>> {
    let mut next = look_up.newest(scope, packed)?;
    for _ in 0..MAX_CHAIN {
        let Some(batch) = next else { return Ok(None) };
        let Some((link, of_batch, prior)) = look_up.link(batch, packed)? else { return Err(BROKEN_CHAIN) };
        let Some(state) = link.known() else {
            next = prior;
            continue;
        };
        let at_ms = link.result.map_or(of_batch.sent_ms as u64, |result| result.received_ms);
        return Ok(Some(Known { state, at_ms, job: of_batch.job }));
    }
    Err(BROKEN_CHAIN)
}

pub(super) fn scopes(tx: &Transaction<'_>) -> Result<Vec<Scope>> {
    let mut select = tx.prepare_cached("SELECT account, service, level FROM scopes ORDER BY id")?;
    let scopes = select.query_map([], |row| {
        Ok(Scope::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?))
    })?;
    Ok(scopes.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn merge_account(tx: &Transaction<'_>, old: &str, new: &str) -> Result<()> {
    if old == new {
        return Ok(());
    }
    let scopes: Vec<(i64, String, i64)> = tx
        .prepare_cached("SELECT id, service, level FROM scopes WHERE account = ?")?
        .query_map([old], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<std::result::Result<_, _>>()?;
    for (id, service, level) in scopes {
        tx.execute(
            "UPDATE jobs SET spec = json_set(spec, '$.scope.account', ?) WHERE scope = ?",
            params![new, id],
        )?;
        match scope_id(tx, &Scope::new(new, service, level))? {
            None => _ = tx.execute("UPDATE scopes SET account = ? WHERE id = ?", params![new, id])?,
            Some(to) => {
                join_chains(tx, id, to)?;
                tx.execute(
                    "INSERT OR IGNORE INTO checks SELECT ?2, packed, batch FROM checks WHERE scope = ?1",
                    [id, to],
                )?;
                tx.execute("DELETE FROM checks WHERE scope = ?", [id])?;
                tx.execute("UPDATE jobs SET scope = ? WHERE scope = ?", [to, id])?;
                tx.execute("DELETE FROM scopes WHERE id = ?", [id])?;
            }
        }
    }
    let mut sums = Sums::new();
    let mut select = tx.prepare("SELECT day, currency, amount FROM charges WHERE account = ?")?;
    let mut rows = select.query([old])?;
    while let Some(row) = rows.next()? {
        let currency = currency(row.get_ref(1)?.as_str()?)?;
        let amount = amount(row.get_ref(2)?.as_str()?)?;
        sums.charges.insert((Arc::from(new), row.get(0)?, currency), amount);
    }
    results::add_sums(tx, &sums)?;
    tx.execute("DELETE FROM charges WHERE account = ?", [old])?;
    Ok(())
}

/// Where both scopes know a phone number, all its sendings stand in one chain of the second one.
fn join_chains(tx: &Transaction<'_>, from: i64, to: i64) -> Result<()> {
    let both: Vec<(i64, i64, i64)> = tx
        .prepare(
            "SELECT o.packed, o.batch, n.batch FROM checks o JOIN checks n ON n.scope = ?2 AND n.packed = o.packed WHERE o.scope = ?1",
        )?
        .query_map([from, to], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<std::result::Result<_, _>>()?;
    let mut sending = tx.prepare(
        "SELECT b.claim, n.prior FROM numbers n JOIN batches b ON b.id = n.batch WHERE n.batch = ? AND n.packed = ?",
    )?;
    for (packed, from_newest, to_newest) in both {
        let mut sendings = Vec::new();
        for newest in [from_newest, to_newest] {
            let mut next = Some(newest);
            while let Some(batch) = next {
                if sendings.len() > MAX_CHAIN {
                    return Err(BROKEN_CHAIN);
                }
                let found: Option<(i64, Option<i64>)> =
                    sending.query_row([batch, packed], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                let Some((claim, prior)) = found else { return Err(BROKEN_CHAIN) };
                sendings.push((claim, batch));
                next = prior;
            }
        }
        write_chain(tx, to, packed, &chain(sendings), None)?;
    }
    Ok(())
}

pub(super) fn history(tx: &Transaction<'_>, number: &PhoneNumber) -> Result<Vec<Sending>> {
    let packed = number.pack() as i64;
    let mut sendings = Vec::new();
    let newest: Vec<(i64, Scope)> = tx
        .prepare_cached(
            "SELECT c.batch, s.account, s.service, s.level FROM scopes s JOIN checks c ON c.scope = s.id AND c.packed = ?",
        )?
        .query_map([packed], |row| {
            Ok((row.get(0)?, Scope::new(row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get(3)?)))
        })?
        .collect::<std::result::Result<_, _>>()?;
    for (batch, scope) in newest {
        let mut next = Some(batch);
        while let Some(batch) = next {
            let found = tx
                .prepare_cached(&for_sqlite(sql::SENDING))?
                .query_row([batch, packed], |row| {
                    let result = match row.get::<_, Option<i16>>(4)? {
                        Some(source) => {
                            Some((Source::from_figure(source), row.get(5)?, row.get::<_, i64>(6)? as u64))
                        }
                        None => None,
                    };
                    let sending = (
                        row.get::<_, String>(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get::<_, Option<i64>>(3)?,
                        result,
                    );
                    Ok((sending, row.get::<_, Option<i64>>(7)?))
                })
                .optional()?;
            let Some(((job, batch_no, state, sent_ms, result), prior)) = found else { break };
            sendings.push(Sending {
                scope: scope.clone(),
                job: job.parse().map_err(|_| Fault::Damaged("a job has a name that it cannot have"))?,
                batch_no,
                batch: BatchState::from_figure(state),
                sent_ms: sent_ms.map(|ms| ms as u64),
                result,
            });
            next = prior.filter(|_| sendings.len() < 10_000);
        }
    }
    sendings.sort_by_key(|sending| std::cmp::Reverse(sending.sent_ms));
    Ok(sendings)
}
