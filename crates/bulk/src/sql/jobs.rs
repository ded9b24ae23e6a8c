//! Jobs, their input and their plan's rows; what is forgotten of them; and what a store remembers beside jobs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use numcheck_protocol::PhoneNumber;

use super::{GivenUp, Row, Sql, Tx, book, each, fold, reading, values};
use crate::model::{Job, JobName, JobSpec, JobState};
use crate::store::reading::{SharedReader, shows};
use crate::store::{Duplicate, Forgotten, InputPiece, TurnedAway};

/// Rows that are looked at together.
const AT_ONCE: usize = 20_000;

/// A statement that reads jobs.
macro_rules! select_jobs {
    ($which:literal) => {
        concat!("SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs ", $which)
    };
}

fn job(row: &Row<'_>) -> Result<Job, GivenUp> {
    Ok(Job {
        id: row.get(0)?,
        name: row.get(1)?,
        spec: row.get(2)?,
        state: row.get(3)?,
        created_ms: row.get(4)?,
        rows: row.get(5)?,
        numbers: row.get(6)?,
    })
}

pub(crate) fn written(spec: &JobSpec) -> Result<String, GivenUp> {
    serde_json::to_string(spec).map_err(|_| GivenUp::Damaged("a job's notes cannot be written"))
}

pub(crate) async fn create<T: Tx>(
    tx: &T,
    name: &JobName,
    spec: &JobSpec,
    now_ms: u64,
) -> Result<Job, T::Fault> {
    let scope = lock_scope_for(tx, spec).await?;
    let sql = select_jobs!(
        "WHERE scope = $1 AND number_set = $2 AND number_set <> '' AND state IN (0, 1) ORDER BY id DESC FOR UPDATE"
    );
    let mut unfinished = Vec::new();
    for job in tx.rows(sql, &values![scope, &spec.set], job).await? {
        match job.state {
            // Its key is never given again: whoever began it can add nothing to what is made now.
            JobState::Planning => remove(tx, job.id).await?,
            _ if is_unfinished(tx, job.id).await? => unfinished.push(job),
            _ => {}
        }
    }
    if let Some(at) = unfinished.iter().position(|job| spec.continues(job)) {
        return Ok(unfinished.swap_remove(at));
    }
    for job in unfinished {
        tx.run("UPDATE jobs SET state = $2 WHERE id = $1", &values![job.id, JobState::Replaced]).await?;
    }
    // Whatever is appended from now on gets higher keys than the marker: on a server it takes a place of its own.
    const MARKER: Sql = Sql {
        sqlite: "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'results'), 0)",
        postgres: "SELECT nextval('places') << 20",
    };
    let marker: i64 = tx.row(MARKER, &[], |row| row.get(0)).await?.unwrap_or_default();
    let sql = "INSERT INTO jobs (name, spec, state, created_ms, scope, number_set, marker) VALUES ($1, $2, 0, $3, $4, $5, $6)
        RETURNING id, name, spec, state, created_ms, row_count, number_count";
    let written = written(spec)?;
    let row = values![name, &written, now_ms, scope, &spec.set, marker];
    let made = tx.row(sql, &row, job).await?;
    Ok(made.ok_or(GivenUp::Damaged("a job that was made is not there"))?)
}

pub(crate) async fn unfinished<T: Tx>(tx: &T, spec: &JobSpec) -> Result<Option<Job>, T::Fault> {
    let Some(scope) = book::find_scope(tx, &spec.scope).await? else { return Ok(None) };
    let sql = select_jobs!(
        "WHERE scope = $1 AND number_set = $2 AND number_set <> '' AND state = 1 ORDER BY id DESC"
    );
    for job in tx.rows(sql, &values![scope, &spec.set], job).await? {
        if spec.continues(&job) && is_unfinished(tx, job.id).await? {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// Locks the scope of a job that is to be made, and makes it where it is new.
async fn lock_scope_for<T: Tx>(tx: &T, spec: &JobSpec) -> Result<i64, T::Fault> {
    loop {
        let scope = book::scope_key(tx, &spec.scope).await?;
        tx.lock_scope(scope).await?;
        // It may have been merged into another one until then.
        if book::find_scope(tx, &spec.scope).await? == Some(scope) {
            return Ok(scope);
        }
    }
}

/// Whether something is planned, under way, in doubt or missing in it.
async fn is_unfinished<T: Tx>(tx: &T, job: i64) -> Result<bool, T::Fault> {
    let sql = "SELECT 1 FROM batches WHERE job = $1 AND (state IN (0, 1, 2) OR (state = 3 AND done + failed + refused < numbers))
        UNION ALL SELECT 1 FROM waits WHERE job = $1 AND waiting > 0 LIMIT 1";
    tx.has(sql, &values![job]).await
}

/// Until the transaction ends, too: a job that is made anew waits for whoever is adding to the old one.
async fn must_be_planning<T: Tx>(tx: &T, job: i64) -> Result<(), T::Fault> {
    match tx.has("SELECT 1 FROM jobs WHERE id = $1 AND state = 0 FOR SHARE", &values![job]).await? {
        true => Ok(()),
        false => Err(GivenUp::Superseded.into()),
    }
}

pub(crate) async fn add_input<T: Tx>(tx: &T, job: i64, sequence: u32, bytes: &[u8]) -> Result<(), T::Fault> {
    must_be_planning(tx, job).await?;
    let sql = "INSERT INTO input VALUES ($1, $2, $3) ON CONFLICT (job, sequence) DO UPDATE SET bytes = excluded.bytes";
    tx.run(sql, &values![job, sequence, bytes]).await?;
    Ok(())
}

pub(crate) async fn input<T: Tx>(tx: &T, job: i64, sequence: u32) -> Result<Option<Vec<u8>>, T::Fault> {
    let sql = "SELECT bytes FROM input WHERE job = $1 AND sequence = $2";
    tx.row(sql, &values![job, sequence], |row| row.get(0)).await
}

pub(crate) async fn add_duplicates<T: Tx>(tx: &T, job: i64, rows: &[Duplicate]) -> Result<(), T::Fault> {
    must_be_planning(tx, job).await?;
    // The same row twice in one statement would be refused; the last one counts.
    let rows: BTreeMap<u64, u64> = rows.iter().map(|row| (row.row, row.first)).collect();
    const ADD: Sql = Sql {
        sqlite: "INSERT OR REPLACE INTO duplicates VALUES ($1, $2, $3)",
        postgres: "INSERT INTO duplicates SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
            ON CONFLICT (job, dup_row) DO UPDATE SET first_row = excluded.first_row",
    };
    let rows: Vec<_> = rows.into_iter().map(|(row, first)| values![job, row, first]).collect();
    tx.run_each(ADD, &rows).await?;
    Ok(())
}

pub(crate) async fn finish_plan<T: Tx>(tx: &T, job: i64, rows: u64) -> Result<Job, T::Fault> {
    let sql = "UPDATE jobs SET state = 1, row_count = $2,
        number_count = (SELECT CAST(coalesce(sum(numbers), 0) AS bigint) FROM batches WHERE job = $1) WHERE id = $1 AND state = 0";
    tx.run(sql, &values![job, rows]).await?;
    Ok(tx.row(select_jobs!("WHERE id = $1"), &values![job], self::job).await?.ok_or(GivenUp::Superseded)?)
}

pub(crate) async fn find<T: Tx>(tx: &T, name: &JobName) -> Result<Option<Job>, T::Fault> {
    tx.row(select_jobs!("WHERE name = $1"), &values![name], job).await
}

pub(crate) async fn list<T: Tx>(tx: &T) -> Result<Vec<Job>, T::Fault> {
    tx.rows(select_jobs!("ORDER BY id DESC"), &[], job).await
}

pub(crate) async fn of_number<T: Tx>(tx: &T, number: &PhoneNumber) -> Result<Vec<Job>, T::Fault> {
    let sql = select_jobs!("WHERE id IN (SELECT job FROM numbers WHERE packed = $1) ORDER BY id DESC");
    tx.rows(sql, &values![number], job).await
}

/// To be called in a transaction that settles.
pub(crate) async fn replace_rows<T: Tx>(
    tx: &T,
    job: i64,
    from: i64,
    rows: &[(PhoneNumber, u64)],
    row_count: u64,
    notes: &serde_json::Value,
) -> Result<bool, T::Fault> {
    if book::lock_scope_of(tx, job).await?.is_none() {
        return Ok(false);
    }
    if !tx.has("SELECT 1 FROM jobs WHERE id = $1 AND state = 0 FOR UPDATE", &values![from]).await? {
        return Err(GivenUp::Superseded.into());
    }
    let old = tx.row(select_jobs!("WHERE id = $1 FOR UPDATE"), &values![job], self::job).await?;
    let Some(Job { mut spec, .. }) = old.filter(|old| old.state == JobState::Open) else { return Ok(false) };
    let Some(moved) = moved(tx, job, rows).await? else { return Ok(false) };
    spec.notes = notes.clone();
    // In two steps: no two rows of a job may be the same, not even for a moment.
    const MOVE: Sql = Sql {
        sqlite: "UPDATE numbers SET first_row = -1 - $3 WHERE batch = $1 AND packed = $2",
        postgres: "UPDATE numbers SET first_row = -1 - new.first_row
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, first_row)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed",
    };
    let moved: Vec<_> = moved.iter().map(|(batch, number, row)| values![*batch, *number, *row]).collect();
    tx.run_each(MOVE, &moved).await?;
    for sql in [
        "UPDATE numbers SET first_row = -1 - first_row WHERE job = $1 AND first_row < 0",
        "DELETE FROM input WHERE job = $1",
        "DELETE FROM duplicates WHERE job = $1",
    ] {
        tx.run(sql, &values![job]).await?;
    }
    for sql in ["UPDATE input SET job = $1 WHERE job = $2", "UPDATE duplicates SET job = $1 WHERE job = $2"] {
        tx.run(sql, &values![job, from]).await?;
    }
    let sql = "UPDATE jobs SET spec = $2, row_count = $3 WHERE id = $1";
    tx.run(sql, &values![job, &written(&spec)?, row_count]).await?;
    remove(tx, from).await?;
    Ok(true)
}

/// The batch, phone number and new row of each row of a job whose place is another in `rows`. `None` when the phone numbers are not the same.
async fn moved<T: Tx>(
    tx: &T,
    job: i64,
    rows: &[(PhoneNumber, u64)],
) -> Result<Option<Vec<(i64, i64, i64)>>, T::Fault> {
    let mut new: HashMap<i64, i64> =
        rows.iter().map(|(number, row)| (number.pack() as i64, *row as i64)).collect();
    let (mut moved, mut last, mut is_same) = (Vec::new(), i64::MIN, new.len() == rows.len());
    while is_same {
        let sql = "SELECT batch, packed, first_row FROM numbers WHERE job = $1 AND first_row > $2 ORDER BY first_row LIMIT $3";
        let from = values![job, last, AT_ONCE];
        let seen = tx.rows(sql, &from, |row| {
            let (batch, number) = (row.get(0)?, row.get(1)?);
            last = row.get(2)?;
            match new.remove(&number) {
                Some(row) if row == last => {}
                Some(row) => moved.push((batch, number, row)),
                None => is_same = false,
            }
            Ok(())
        });
        if seen.await?.len() < AT_ONCE {
            break;
        }
    }
    moved.sort_unstable();
    Ok(Some(moved).filter(|_| is_same && new.is_empty()))
}

/// Whether another job's row refers to a row `n` of job `$1`.
macro_rules! is_kept {
    () => {
        "EXISTS (SELECT 1 FROM numbers k WHERE k.via = n.batch AND k.packed = n.packed AND k.job <> $1 AND k.job > 0)"
    };
}

/// Batches and costs stay: they are the sums. Their names stay too, so that results that come late can be told and dropped. What other jobs
/// refer to stays in the book.
///
/// What waits to be entered is entered first, or its cost would be missing from the sums. To be called in a transaction that settles.
pub(crate) async fn forget<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    job: i64,
    even_unsettled: bool,
) -> Result<Forgotten, T::Fault> {
    let Some(scope) = book::lock_scope_of(tx, job).await? else { return Ok(Forgotten::default()) };
    fold::fold_all(tx, reader).await?;
    let sql = "SELECT spec FROM jobs WHERE id = $1 FOR UPDATE";
    let spec: Option<JobSpec> = tx.row(sql, &values![job], |row| row.get(0)).await?;
    let Some(mut spec) = spec else { return Ok(Forgotten::default()) };
    let unsettled = reading::ledger(tx, job).await?.unsettled();
    if unsettled > 0 && !even_unsettled {
        return Ok(Forgotten { unsettled, ..Forgotten::default() });
    }
    // Before its phone numbers, as in every transaction: batches under way stay locked.
    each::keep_last_mark(tx, job).await?;
    spec.notes = serde_json::Value::Null;
    spec.set = String::new();
    let kept_for = kept_for(tx, job).await?;
    let own = own_of(tx, job).await?;
    unlink(tx, job, &own, scope).await?;
    const CHECKS: Sql = Sql {
        sqlite: concat!(
            "DELETE FROM checks WHERE scope = $3 AND (packed, batch) IN (
                SELECT n.packed, n.batch FROM numbers n WHERE n.job IN (SELECT value FROM json_each($2)) AND NOT ",
            is_kept!(),
            ")"
        ),
        postgres: concat!(
            "WITH gone AS MATERIALIZED (SELECT $3::bigint AS scope, n.batch, n.packed FROM numbers n WHERE n.job = ANY ($2) AND NOT ",
            is_kept!(),
            ") DELETE FROM checks c USING gone WHERE c.scope = gone.scope AND c.packed = gone.packed AND c.batch = gone.batch"
        ),
    };
    tx.run(CHECKS, &values![job, &own, scope]).await?;
    const RESULTS: Sql = Sql {
        sqlite: concat!(
            "DELETE FROM results WHERE id IN (
                SELECT n.result FROM numbers n WHERE n.job IN (SELECT value FROM json_each($2)) AND n.via IS NULL AND NOT ",
            is_kept!(),
            ")"
        ),
        postgres: concat!(
            "DELETE FROM results USING numbers n WHERE n.job = ANY ($2) AND n.via IS NULL AND results.id = n.result AND NOT ",
            is_kept!()
        ),
    };
    // What another job refers to stays in the book, as a trace of no job.
    const ROWS: Sql = Sql {
        sqlite: concat!(
            "DELETE FROM numbers AS n WHERE n.job IN (SELECT value FROM json_each($2)) AND NOT ",
            is_kept!()
        ),
        postgres: concat!("DELETE FROM numbers n WHERE n.job = ANY ($2) AND NOT ", is_kept!()),
    };
    for sql in [RESULTS, ROWS] {
        tx.run(sql, &values![job, &own]).await?;
    }
    const QUARANTINED: Sql = Sql {
        sqlite: "DELETE FROM results WHERE id IN (SELECT o.result FROM odd o JOIN batch_names n ON n.batch_no = o.batch_no
            JOIN batches b ON b.id = n.batch WHERE b.job = $1)",
        postgres: "DELETE FROM results USING batches b JOIN batch_names n ON n.batch = b.id
            JOIN odd ON sha256(odd.batch_no) = sha256(n.batch_no) AND odd.batch_no = n.batch_no WHERE b.job = $1 AND results.id = odd.result",
    };
    const QUARANTINE: Sql = Sql {
        sqlite: "DELETE FROM odd WHERE batch_no IN (SELECT n.batch_no FROM batch_names n JOIN batches ON batch = id WHERE job = $1)",
        postgres: "DELETE FROM odd USING batches b JOIN batch_names n ON n.batch = b.id
            WHERE b.job = $1 AND sha256(odd.batch_no) = sha256(n.batch_no) AND odd.batch_no = n.batch_no",
    };
    for sql in [QUARANTINED, QUARANTINE] {
        tx.run(sql, &values![job]).await?;
    }
    for sql in [
        // What is left of them belongs to no job: its batch's key, negative.
        "UPDATE numbers SET job = -batch WHERE job = $1",
        "DELETE FROM waits WHERE job = $1",
        "DELETE FROM duplicates WHERE job = $1",
        "DELETE FROM input WHERE job = $1",
        "DELETE FROM drift WHERE job = $1",
        "UPDATE batches SET message = NULL, message_id = NULL WHERE job = $1",
    ] {
        tx.run(sql, &values![job]).await?;
    }
    let sql = "UPDATE jobs SET state = $2, number_set = '', spec = $3 WHERE id = $1";
    tx.run(sql, &values![job, JobState::Forgotten, &written(&spec)?]).await?;
    Ok(Forgotten { unsettled, kept_for })
}

/// Takes rows that go out of the chains of the book: of each phone number the sending before it decides again, if there was one.
async fn unlink<T: Tx>(tx: &T, job: i64, own: &[i64], scope: i64) -> Result<(), T::Fault> {
    const GONE: &str = concat!(
        "SELECT n.packed, n.batch, n.first_row FROM numbers n WHERE n.job = $2 AND n.first_row > $3 AND (n.prior IS NOT NULL
            OR n.batch <> (SELECT c.batch FROM checks c WHERE c.scope = $5 AND c.packed = n.packed LIMIT 1)) AND NOT ",
        is_kept!(),
        " ORDER BY n.first_row LIMIT $4"
    );
    for of_job in own {
        let mut last = i64::MIN;
        loop {
            let from = values![job, *of_job, last, AT_ONCE, scope];
            let rows = tx.rows(GONE, &from, |row| {
                last = row.get(2)?;
                Ok((row.get(0)?, row.get(1)?))
            });
            let gone: BTreeSet<(i64, i64)> = rows.await?.into_iter().collect();
            book::unlink(tx, scope, &gone).await?;
            if gone.len() < AT_ONCE {
                break;
            }
        }
    }
    Ok(())
}

/// As what the job's rows stand in the store: its own, the traces of those that were moved between its batches, and what forgotten jobs have
/// left for it.
async fn own_of<T: Tx>(tx: &T, job: i64) -> Result<Vec<i64>, T::Fault> {
    let mut own: Vec<i64> =
        tx.rows("SELECT -id FROM batches WHERE job = $1", &values![job], |row| row.get(0)).await?;
    own.push(job);
    const LEFT: Sql = Sql {
        sqlite: "SELECT DISTINCT -b.id FROM numbers n JOIN batches b ON b.id = n.via JOIN jobs j ON j.id = b.job AND j.state = 2
            WHERE n.job IN (SELECT value FROM json_each($1)) AND -b.id NOT IN (SELECT value FROM json_each($1))",
        postgres: "SELECT DISTINCT -b.id FROM numbers n JOIN batches b ON b.id = n.via JOIN jobs j ON j.id = b.job AND j.state = 2
            WHERE n.job = ANY ($1) AND -b.id <> ALL ($1)",
    };
    loop {
        let left: Vec<i64> = tx.rows(LEFT, &values![&own], |row| row.get(0)).await?;
        if left.is_empty() {
            return Ok(own);
        }
        own.extend(left);
    }
}

/// The jobs that refer to checks of a job, the newest first, and to how many.
async fn kept_for<T: Tx>(tx: &T, job: i64) -> Result<Vec<(JobName, u64)>, T::Fault> {
    let sql = "SELECT j.name, count(*) FROM batches b JOIN numbers n ON n.via = b.id AND n.job <> $1 AND n.job > 0 JOIN jobs j ON j.id = n.job
        WHERE b.job = $1 GROUP BY j.id, j.name ORDER BY j.id DESC";
    tx.rows(sql, &values![job], |row| Ok((row.get(0)?, row.get(1)?))).await
}

/// To be called in a transaction that settles.
pub(crate) async fn forget_number<T: Tx>(
    tx: &T,
    reader: &SharedReader,
    number: &PhoneNumber,
    without: &[InputPiece],
) -> Result<Vec<JobName>, T::Fault> {
    book::lock_all_scopes(tx).await?;
    // A plan adds rows without a scope's lock.
    tx.lock_table("numbers").await?;
    fold::fold_all(tx, reader).await?;
    let unsettled = "SELECT name FROM jobs WHERE id IN (
            SELECT n.job FROM numbers n JOIN jobs j ON j.id = n.job JOIN batches b ON b.id = n.batch
            WHERE n.packed = $1 AND n.result IS NULL AND (n.via IS NOT NULL OR NOT (b.state = 4 OR (b.state = 0 AND j.state = 3)))
        ) ORDER BY id DESC";
    let unsettled: Vec<JobName> = tx.rows(unsettled, &values![number], |row| row.get(0)).await?;
    if !unsettled.is_empty() {
        return Ok(unsettled);
    }
    let with_input = "SELECT DISTINCT n.job FROM numbers n JOIN input i ON i.job = n.job WHERE n.packed = $1";
    let with_input: Vec<i64> = tx.rows(with_input, &values![number], |row| row.get(0)).await?;
    if with_input.iter().any(|job| !without.iter().any(|piece| piece.job == *job)) {
        return Err(GivenUp::Superseded.into());
    }
    for piece in without {
        if input(tx, piece.job, piece.sequence).await?.is_some_and(|bytes| bytes != piece.was) {
            return Err(GivenUp::Superseded.into());
        }
        let sql = "UPDATE input SET bytes = $3 WHERE job = $1 AND sequence = $2";
        tx.run(sql, &values![piece.job, piece.sequence, &piece.bytes]).await?;
    }
    // A file with the number has another set of phone numbers than what is left of the job.
    let of = "SELECT id, spec FROM jobs WHERE id IN (SELECT job FROM numbers WHERE packed = $1) FOR UPDATE";
    let jobs: Vec<(i64, JobSpec)> =
        tx.rows(of, &values![number], |row| Ok((row.get(0)?, row.get(1)?))).await?;
    for (job, mut spec) in jobs {
        spec.set = String::new();
        let sql = "UPDATE jobs SET number_set = '', spec = $2 WHERE id = $1";
        tx.run(sql, &values![job, &written(&spec)?]).await?;
    }
    for sql in [
        "DELETE FROM duplicates WHERE (job, first_row) IN (SELECT job, first_row FROM numbers WHERE packed = $1)",
        "DELETE FROM results WHERE id IN (SELECT result FROM numbers WHERE packed = $1)",
        "DELETE FROM results WHERE id IN (SELECT result FROM odd WHERE packed = $1)",
        "DELETE FROM odd WHERE packed = $1",
        "DELETE FROM checks WHERE packed = $1",
        "DELETE FROM numbers WHERE packed = $1",
    ] {
        tx.run(sql, &values![number]).await?;
    }
    // What was quarantined as it came, and what the platform said of a batch.
    const STRAYS: Sql = Sql {
        sqlite: "SELECT r.id, r.body FROM odd o JOIN results r ON r.id = o.result WHERE o.packed IS NULL AND instr(r.body, $1) > 0",
        postgres: "SELECT r.id, r.body FROM odd JOIN results r ON r.id = odd.result WHERE odd.packed = 0 AND position($1::bytea IN r.body) > 0",
    };
    let digits = number.digits();
    let read = |row: &Row<'_>| Ok((row.get(0)?, shows(row.get(1)?, number)));
    let strays: Vec<(i64, bool)> = tx.rows(STRAYS, &values![digits.as_bytes()], read).await?;
    for (stray, _) in strays.into_iter().filter(|(_, is_shown)| *is_shown) {
        tx.run("DELETE FROM results WHERE id = $1", &values![stray]).await?;
        tx.run("DELETE FROM odd WHERE result = $1", &values![stray]).await?;
    }
    const MESSAGES: Sql = Sql {
        sqlite: "UPDATE batches SET message = NULL WHERE instr(message, $1) > 0",
        postgres: "UPDATE batches SET message = NULL WHERE position($1 IN message) > 0",
    };
    tx.run(MESSAGES, &values![digits]).await?;
    Ok(Vec::new())
}

/// Removes a job that nobody has begun to send.
async fn remove<T: Tx>(tx: &T, job: i64) -> Result<(), T::Fault> {
    for sql in [
        "DELETE FROM waits WHERE job = $1",
        "DELETE FROM batch_names WHERE batch IN (SELECT id FROM batches WHERE job = $1)",
        "DELETE FROM numbers WHERE job = $1",
        "DELETE FROM batches WHERE job = $1",
        "DELETE FROM duplicates WHERE job = $1",
        "DELETE FROM input WHERE job = $1",
        "DELETE FROM jobs WHERE id = $1",
    ] {
        tx.run(sql, &values![job]).await?;
    }
    Ok(())
}

pub(crate) async fn learn<T: Tx>(tx: &T, name: &str, word: &str) -> Result<(), T::Fault> {
    let sql = "INSERT INTO learnt VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET word = excluded.word";
    tx.run(sql, &values![name, word]).await?;
    Ok(())
}

pub(crate) async fn learnt<T: Tx>(tx: &T, name: &str) -> Result<Option<String>, T::Fault> {
    tx.row("SELECT word FROM learnt WHERE name = $1", &values![name], |row| row.get(0)).await
}

/// Beside what was learnt: when the store that this is a copy of was copied.
pub(crate) const COPIED: &str = "copied";

/// When this store was copied, where it is a copy that nobody has adopted.
pub(crate) async fn copied<T: Tx>(tx: &T) -> Result<Option<u64>, T::Fault> {
    // Whatever stands there, it is a copy.
    Ok(learnt(tx, COPIED).await?.map(|word| word.parse().unwrap_or(0)))
}

pub(crate) async fn adopt<T: Tx>(tx: &T) -> Result<(), T::Fault> {
    tx.run("DELETE FROM learnt WHERE name = $1", &values![COPIED]).await?;
    Ok(())
}

/// Beside what was learnt: when it was last found out whether the store can be written.
const PROBED: &str = "probed";

pub(crate) async fn probe<T: Tx>(tx: &T, now_ms: u64) -> Result<(), T::Fault> {
    learn(tx, PROBED, &now_ms.to_string()).await
}

/// Beside what was learnt: a name that nothing else has, and how many and the last time as the word.
const TURNED_AWAY: &str = "turned away: ";

pub(crate) async fn note_turned_away<T: Tx>(tx: &T, kinds: &[TurnedAway]) -> Result<(), T::Fault> {
    for TurnedAway { kind, count, last_ms } in kinds {
        let name = format!("{TURNED_AWAY}{kind}");
        let before = learnt(tx, &name).await?.and_then(|word| parse_turned_away(kind, &word));
        let (known, last) = before.map_or((0, 0), |before| (before.count, before.last_ms));
        learn(tx, &name, &format!("{} {}", known.saturating_add(*count), last.max(*last_ms))).await?;
    }
    Ok(())
}

pub(crate) async fn turned_away<T: Tx>(tx: &T) -> Result<Vec<TurnedAway>, T::Fault> {
    let sql = "SELECT name, word FROM learnt WHERE name LIKE $1 || '%'";
    let read = |row: &Row<'_>| {
        let name: String = row.get(0)?;
        Ok(parse_turned_away(name.strip_prefix(TURNED_AWAY).unwrap_or(&name), row.get(1)?))
    };
    let mut kinds: Vec<_> = tx.rows(sql, &values![TURNED_AWAY], read).await?.into_iter().flatten().collect();
    // By bytes, whatever the server's language is.
    kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
    Ok(kinds)
}

fn parse_turned_away(kind: &str, word: &str) -> Option<TurnedAway> {
    let (count, last_ms) = word.split_once(' ')?;
    Some(TurnedAway::new(kind, count.parse().ok()?, last_ms.parse().ok()?))
}

pub(crate) async fn secret<T: Tx>(tx: &T, name: &str, fresh: &[u8]) -> Result<Vec<u8>, T::Fault> {
    let sql = "INSERT INTO secrets VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    tx.run(sql, &values![name, fresh]).await?;
    let kept = tx.row("SELECT value FROM secrets WHERE name = $1", &values![name], |row| row.get(0)).await?;
    Ok(kept.ok_or(GivenUp::Damaged("its key is gone"))?)
}
