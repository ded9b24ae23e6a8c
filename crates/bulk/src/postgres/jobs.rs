//! Jobs, their input and their plan's rows; and what is forgotten of them.

use std::collections::{BTreeSet, HashMap};

use numcheck_protocol::PhoneNumber;
use tokio_postgres::Row;

use super::book;
use super::fault::Fault;
use super::fold;
use super::session::{Session, big, get, get_u64, text};
use super::values::name;
use crate::model::{Job, JobName, JobSpec, JobState};
use crate::store::{Duplicate, Forgotten, InputPiece, reading, sql};

type Result<T> = std::result::Result<T, Fault>;

/// Rows in one statement.
const AT_ONCE: usize = 20_000;

pub(super) async fn create(session: &Session, name: &JobName, spec: &JobSpec, now_ms: u64) -> Result<Job> {
    let scope = lock_scope_for(session, spec).await?;
    let sql = "SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs
        WHERE scope = $1 AND number_set = $2 AND number_set <> '' AND state IN (0, 1) ORDER BY id DESC FOR UPDATE";
    let mut unfinished = Vec::new();
    for row in session.rows(sql, &[&scope, &text(&spec.set)]).await? {
        let job = job(&row)?;
        match job.state {
            // Its key is never given again: whoever began it can add nothing to what is made now.
            JobState::Planning => remove(session, job.id).await?,
            _ if is_unfinished(session, job.id).await? => unfinished.push(job),
            _ => {}
        }
    }
    if let Some(at) = unfinished.iter().position(|job| spec.continues(job)) {
        return Ok(unfinished.swap_remove(at));
    }
    for job in unfinished {
        session
            .run("UPDATE jobs SET state = $2 WHERE id = $1", &[&job.id, &JobState::Replaced.figure()])
            .await?;
    }
    let written = write_spec(spec)?;
    // A place of its own: whatever is appended from now on gets higher keys.
    let sql = "INSERT INTO jobs (name, spec, created_ms, scope, number_set, marker)
        VALUES ($1, $2, $3, $4, $5, nextval('places') << 20)
        RETURNING id, name, spec, state, created_ms, row_count, number_count";
    let row = session.row(sql, &[&name.as_str(), &written, &big(now_ms), &scope, &text(&spec.set)]).await?;
    job(&row.ok_or_else(|| Fault::damaged("a job that was made is not there"))?)
}

pub(super) async fn unfinished(session: &Session, spec: &JobSpec) -> Result<Option<Job>> {
    let Some(scope) = book::find_scope(session, &spec.scope).await? else { return Ok(None) };
    let sql = "SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs
        WHERE scope = $1 AND number_set = $2 AND number_set <> '' AND state = 1 ORDER BY id DESC";
    for row in session.rows(sql, &[&scope, &text(&spec.set)]).await? {
        let job = job(&row)?;
        if spec.continues(&job) && is_unfinished(session, job.id).await? {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// Locks the scope of a job that is to be made, and makes it where it is new.
async fn lock_scope_for(session: &Session, spec: &JobSpec) -> Result<i64> {
    loop {
        let scope = book::scope_key(session, &spec.scope).await?;
        book::lock_scope(session, scope).await?;
        // It may have been merged into another one until then.
        if book::find_scope(session, &spec.scope).await? == Some(scope) {
            return Ok(scope);
        }
    }
}

/// Whether something is planned, under way, in doubt or missing in it.
async fn is_unfinished(session: &Session, job: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM batches WHERE job = $1 AND (state IN (0, 1, 2) OR (state = 3 AND done + failed + refused < numbers))
        UNION ALL SELECT 1 FROM waits WHERE job = $1 AND waiting > 0 LIMIT 1";
    Ok(session.row(sql, &[&job]).await?.is_some())
}

/// Until the transaction ends, too: a job that is made anew waits for whoever is adding to the old one.
pub(super) async fn must_be_planning(session: &Session, job: i64) -> Result<()> {
    let sql = "SELECT FROM jobs WHERE id = $1 AND state = 0 FOR SHARE";
    session.row(sql, &[&job]).await?.map(drop).ok_or_else(Fault::superseded)
}

pub(super) async fn add_input(session: &Session, job: i64, sequence: u32, bytes: &[u8]) -> Result<()> {
    must_be_planning(session, job).await?;
    let sql = "INSERT INTO input VALUES ($1, $2, $3) ON CONFLICT (job, sequence) DO UPDATE SET bytes = excluded.bytes";
    session.run(sql, &[&job, &i64::from(sequence), &bytes]).await?;
    Ok(())
}

pub(super) async fn input(session: &Session, job: i64, sequence: u32) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT bytes FROM input WHERE job = $1 AND sequence = $2";
    session.row(sql, &[&job, &i64::from(sequence)]).await?.map(|row| get(&row, 0)).transpose()
}

pub(super) async fn add_duplicates(session: &Session, job: i64, rows: &[Duplicate]) -> Result<()> {
    must_be_planning(session, job).await?;
    for rows in rows.chunks(AT_ONCE) {
        // The same row twice in one statement would be refused; the last one counts.
        let rows: std::collections::BTreeMap<i64, i64> =
            rows.iter().map(|row| (big(row.row), big(row.first))).collect();
        let (rows, first): (Vec<i64>, Vec<i64>) = rows.into_iter().unzip();
        let sql = "INSERT INTO duplicates SELECT $1, * FROM unnest($2::bigint[], $3::bigint[])
            ON CONFLICT (job, dup_row) DO UPDATE SET first_row = excluded.first_row";
        session.run(sql, &[&job, &rows, &first]).await?;
    }
    Ok(())
}

pub(super) async fn finish_plan(session: &Session, job: i64, rows: u64) -> Result<Job> {
    let sql = "UPDATE jobs SET state = 1, row_count = $2,
        number_count = (SELECT coalesce(sum(numbers), 0)::bigint FROM batches WHERE job = $1) WHERE id = $1 AND state = 0";
    session.run(sql, &[&job, &big(rows)]).await?;
    let sql = "SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs WHERE id = $1";
    self::job(&session.row(sql, &[&job]).await?.ok_or_else(Fault::superseded)?)
}

pub(super) async fn find(session: &Session, name: &JobName) -> Result<Option<Job>> {
    let sql = "SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs WHERE name = $1";
    session.row(sql, &[&name.as_str()]).await?.map(|row| job(&row)).transpose()
}

pub(super) async fn list(session: &Session) -> Result<Vec<Job>> {
    let sql = "SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs ORDER BY id DESC";
    session.rows(sql, &[]).await?.iter().map(job).collect()
}

/// To be called in a transaction that settles.
pub(super) async fn replace_rows(
    session: &Session,
    job: i64,
    from: i64,
    rows: &[(PhoneNumber, u64)],
    row_count: u64,
    notes: &serde_json::Value,
) -> Result<bool> {
    if book::lock_scope_of(session, job).await?.is_none() {
        return Ok(false);
    }
    let planning = session.row("SELECT FROM jobs WHERE id = $1 AND state = 0 FOR UPDATE", &[&from]).await?;
    planning.ok_or_else(Fault::superseded)?;
    let sql = "SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs WHERE id = $1 FOR UPDATE";
    let Some(row) = session.row(sql, &[&job]).await? else { return Ok(false) };
    let old = self::job(&row)?;
    if old.state != JobState::Open {
        return Ok(false);
    }
    let new: HashMap<i64, i64> = rows.iter().map(|(number, row)| (number.pack() as i64, big(*row))).collect();
    let Some(moved) = moved(session, job, new, rows.len()).await? else { return Ok(false) };
    let mut spec = old.spec;
    spec.notes = notes.clone();
    // In two steps: no two rows of a job may be the same, not even for a moment.
    for moved in moved.chunks(AT_ONCE) {
        let batches: Vec<i64> = moved.iter().map(|row| row.0).collect();
        let packed: Vec<i64> = moved.iter().map(|row| row.1).collect();
        let rows: Vec<i64> = moved.iter().map(|row| row.2).collect();
        let sql = "UPDATE numbers SET first_row = -1 - new.first_row
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (batch, packed, first_row)
            WHERE numbers.batch = new.batch AND numbers.packed = new.packed";
        session.run(sql, &[&batches, &packed, &rows]).await?;
    }
    for sql in [
        "UPDATE numbers SET first_row = -1 - first_row WHERE job = $1 AND first_row < 0",
        "DELETE FROM input WHERE job = $1",
        "DELETE FROM duplicates WHERE job = $1",
    ] {
        session.run(sql, &[&job]).await?;
    }
    for sql in ["UPDATE input SET job = $1 WHERE job = $2", "UPDATE duplicates SET job = $1 WHERE job = $2"] {
        session.run(sql, &[&job, &from]).await?;
    }
    let sql = "UPDATE jobs SET spec = $2, row_count = $3 WHERE id = $1";
    session.run(sql, &[&job, &write_spec(&spec)?, &big(row_count)]).await?;
    remove(session, from).await?;
    Ok(true)
}

/// The batch, phone number and new row of each row of a job whose place is another in `new`. `None` when the phone numbers are not the same.
async fn moved(
    session: &Session,
    job: i64,
    mut new: HashMap<i64, i64>,
    count: usize,
) -> Result<Option<Vec<(i64, i64, i64)>>> {
    let (mut moved, mut last) = (Vec::new(), i64::MIN);
    // A phone number stands in two rows.
    if new.len() != count {
        return Ok(None);
    }
    loop {
        let sql = "SELECT batch, packed, first_row FROM numbers WHERE job = $1 AND first_row > $2 ORDER BY first_row LIMIT $3";
        let rows = session.rows(sql, &[&job, &last, &(AT_ONCE as i64)]).await?;
        for row in &rows {
            let (batch, packed): (i64, i64) = (get(row, 0)?, get(row, 1)?);
            last = get(row, 2)?;
            match new.remove(&packed) {
                Some(first_row) if first_row == last => {}
                Some(first_row) => moved.push((batch, packed, first_row)),
                None => return Ok(None),
            }
        }
        if rows.len() < AT_ONCE {
            moved.sort_unstable();
            return Ok(Some(moved).filter(|_| new.is_empty()));
        }
    }
}

/// Whether another job's row refers to a row `n` of job `$1`.
macro_rules! is_kept {
    () => {
        "EXISTS (SELECT FROM numbers k WHERE k.via = n.batch AND k.packed = n.packed AND k.job <> $1 AND k.job > 0)"
    };
}

/// Batches and costs stay: they are the sums. Their names stay too, so that results that come late can be told and dropped. What other jobs
/// refer to stays in the book.
///
/// What waits to be entered is entered first, or its cost would be missing from the sums. To be called in a transaction that settles.
pub(super) async fn forget(session: &Session, job: i64, even_unsettled: bool) -> Result<Forgotten> {
    let Some(scope) = book::lock_scope_of(session, job).await? else { return Ok(Forgotten::default()) };
    fold::fold_all(session).await?;
    let row = session.row("SELECT spec FROM jobs WHERE id = $1 FOR UPDATE", &[&job]).await?;
    let Some(row) = row else { return Ok(Forgotten::default()) };
    let ledger = super::reading::ledger(session, job).await?;
    let unsettled = ledger.unsettled();
    if unsettled > 0 && !even_unsettled {
        return Ok(Forgotten { unsettled, ..Forgotten::default() });
    }
    // Before its phone numbers, as in every transaction: batches under way stay locked.
    session.run(sql::KEEP_LAST_MARK, &[&job]).await?;
    let mut spec = spec(get(&row, 0)?)?;
    spec.notes = serde_json::Value::Null;
    spec.set = String::new();
    let kept_for = kept_for(session, job).await?;
    let own = own_of(session, job).await?;
    unlink(session, job, &own, scope).await?;
    const CHECKS: &str = concat!(
        "WITH gone AS MATERIALIZED (SELECT $3::bigint AS scope, n.batch, n.packed FROM numbers n WHERE n.job = ANY ($2) AND NOT ",
        is_kept!(),
        ") DELETE FROM checks c USING gone WHERE c.scope = gone.scope AND c.packed = gone.packed AND c.batch = gone.batch"
    );
    session.run(CHECKS, &[&job, &own, &scope]).await?;
    for sql in [
        concat!(
            "DELETE FROM results USING numbers n WHERE n.job = ANY ($2) AND n.via IS NULL AND results.id = n.result AND NOT ",
            is_kept!()
        ),
        // What another job refers to stays in the book, as a trace of no job.
        concat!("DELETE FROM numbers n WHERE n.job = ANY ($2) AND NOT ", is_kept!()),
    ] {
        session.run(sql, &[&job, &own]).await?;
    }
    for sql in [
        "DELETE FROM results USING batches b JOIN batch_names n ON n.batch = b.id
         JOIN odd ON sha256(odd.batch_no) = sha256(n.batch_no) AND odd.batch_no = n.batch_no WHERE b.job = $1 AND results.id = odd.result",
        "DELETE FROM odd USING batches b JOIN batch_names n ON n.batch = b.id
         WHERE b.job = $1 AND sha256(odd.batch_no) = sha256(n.batch_no) AND odd.batch_no = n.batch_no",
    ] {
        session.run(sql, &[&job]).await?;
    }
    for sql in sql::FORGET_JOB {
        session.run(sql, &[&job]).await?;
    }
    let sql = "UPDATE jobs SET state = $2, number_set = '', spec = $3 WHERE id = $1";
    session.run(sql, &[&job, &JobState::Forgotten.figure(), &write_spec(&spec)?]).await?;
    Ok(Forgotten { unsettled, kept_for })
}

pub(super) async fn of_number(session: &Session, number: &PhoneNumber) -> Result<Vec<Job>> {
    let sql = "SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs
        WHERE id IN (SELECT job FROM numbers WHERE packed = $1) ORDER BY id DESC";
    session.rows(sql, &[&big(number.pack())]).await?.iter().map(job).collect()
}

/// To be called in a transaction that settles.
pub(super) async fn forget_number(
    session: &Session,
    number: &PhoneNumber,
    without: &[InputPiece],
) -> Result<Vec<JobName>> {
    book::lock_all_scopes(session).await?;
    // A plan adds rows without a scope's lock.
    session.batch("LOCK TABLE numbers IN SHARE ROW EXCLUSIVE MODE").await?;
    fold::fold_all(session).await?;
    let packed = big(number.pack());
    let unsettled = session.rows(sql::JOBS_UNSETTLED_WITH, &[&packed]).await?;
    if !unsettled.is_empty() {
        return unsettled.iter().map(|row| name(row, 0)).collect();
    }
    for row in session.rows(sql::JOBS_WITH_INPUT_OF, &[&packed]).await? {
        let job: i64 = get(&row, 0)?;
        if !without.iter().any(|piece| piece.job == job) {
            return Err(Fault::superseded());
        }
    }
    for piece in without {
        if input(session, piece.job, piece.sequence).await?.is_some_and(|bytes| bytes != piece.was) {
            return Err(Fault::superseded());
        }
        let sql = "UPDATE input SET bytes = $3 WHERE job = $1 AND sequence = $2";
        session.run(sql, &[&piece.job, &i64::from(piece.sequence), &piece.bytes]).await?;
    }
    // A file with the number has another set of phone numbers than what is left of the job.
    let of = "SELECT id, spec FROM jobs WHERE id IN (SELECT job FROM numbers WHERE packed = $1) FOR UPDATE";
    for row in session.rows(of, &[&packed]).await? {
        let mut spec = spec(get(&row, 1)?)?;
        spec.set = String::new();
        let sql = "UPDATE jobs SET number_set = '', spec = $2 WHERE id = $1";
        session.run(sql, &[&get::<i64>(&row, 0)?, &write_spec(&spec)?]).await?;
    }
    for sql in sql::FORGET_NUMBER {
        session.run(sql, &[&packed]).await?;
    }
    // What was quarantined as it came, and what the platform said of a batch.
    let digits = number.digits().as_bytes();
    let sql = "SELECT r.id, r.body FROM odd JOIN results r ON r.id = odd.result WHERE odd.packed = 0 AND position($1::bytea IN r.body) > 0";
    for row in session.rows(sql, &[&digits]).await? {
        let (stray, body): (i64, &[u8]) = (get(&row, 0)?, get(&row, 1)?);
        if reading::shows(body, number) {
            session.run("DELETE FROM results WHERE id = $1", &[&stray]).await?;
            session.run("DELETE FROM odd WHERE result = $1", &[&stray]).await?;
        }
    }
    let sql = "UPDATE batches SET message = NULL WHERE position($1 IN message) > 0";
    session.run(sql, &[&number.digits()]).await?;
    Ok(Vec::new())
}

/// Takes rows that go out of the chains of the book: of each phone number the sending before it decides again, if there was one.
async fn unlink(session: &Session, job: i64, own: &[i64], scope: i64) -> Result<()> {
    const GONE: &str = concat!(
        "SELECT n.batch, n.packed, n.first_row FROM numbers n WHERE n.job = $2 AND n.first_row > $3 AND (n.prior IS NOT NULL
            OR n.batch <> (SELECT c.batch FROM checks c WHERE c.scope = $5 AND c.packed = n.packed LIMIT 1)) AND NOT ",
        is_kept!(),
        " ORDER BY n.first_row LIMIT $4"
    );
    for of_job in own {
        let mut last = i64::MIN;
        loop {
            let rows = session.rows(GONE, &[&job, of_job, &last, &(AT_ONCE as i64), &scope]).await?;
            let mut gone: BTreeSet<(i64, i64)> = BTreeSet::new();
            for row in &rows {
                gone.insert((get(row, 1)?, get(row, 0)?));
                last = get(row, 2)?;
            }
            book::unlink(session, scope, &gone).await?;
            if rows.len() < AT_ONCE {
                break;
            }
        }
    }
    Ok(())
}

/// As what the job's rows stand in the store: its own, the traces of those that were moved between its batches, and what forgotten jobs have
/// left for it.
async fn own_of(session: &Session, job: i64) -> Result<Vec<i64>> {
    let rows = session.rows("SELECT -id FROM batches WHERE job = $1", &[&job]).await?;
    let mut own = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>>>()?;
    own.push(job);
    loop {
        let sql = "SELECT DISTINCT -b.id FROM numbers n JOIN batches b ON b.id = n.via JOIN jobs j ON j.id = b.job AND j.state = 2
            WHERE n.job = ANY ($1) AND -b.id <> ALL ($1)";
        let rows = session.rows(sql, &[&own]).await?;
        if rows.is_empty() {
            return Ok(own);
        }
        for row in &rows {
            own.push(get(row, 0)?);
        }
    }
}

/// The jobs that refer to checks of a job, the newest first, and to how many.
async fn kept_for(session: &Session, job: i64) -> Result<Vec<(JobName, u64)>> {
    let sql = "SELECT j.name, count(*) FROM batches b JOIN numbers n ON n.via = b.id AND n.job <> $1 AND n.job > 0 JOIN jobs j ON j.id = n.job
        WHERE b.job = $1 GROUP BY j.id, j.name ORDER BY j.id DESC";
    let rows = session.rows(sql, &[&job]).await?;
    rows.iter().map(|row| Ok((name(row, 0)?, get_u64(row, 1)?))).collect()
}

pub(super) async fn learn(session: &Session, name: &str, word: &str) -> Result<()> {
    let sql = "INSERT INTO learnt VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET word = excluded.word";
    session.run(sql, &[&text(name), &text(word)]).await?;
    Ok(())
}

pub(super) async fn learnt(session: &Session, name: &str) -> Result<Option<String>> {
    let row = session.row("SELECT word FROM learnt WHERE name = $1", &[&text(name)]).await?;
    row.map(|row| get(&row, 0)).transpose()
}

pub(super) async fn secret(session: &Session, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
    session
        .run("INSERT INTO secrets VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", &[&name, &fresh])
        .await?;
    let row = session.row("SELECT value FROM secrets WHERE name = $1", &[&name]).await?;
    row.map(|row| get(&row, 0)).transpose()?.ok_or_else(|| Fault::damaged("its key is gone"))
}

async fn remove(session: &Session, job: i64) -> Result<()> {
    for sql in sql::REMOVE_JOB {
        session.run(sql, &[&job]).await?;
    }
    Ok(())
}

fn job(row: &Row) -> Result<Job> {
    Ok(Job {
        id: get(row, 0)?,
        name: name(row, 1)?,
        spec: spec(get(row, 2)?)?,
        state: JobState::from_figure(get(row, 3)?),
        created_ms: get_u64(row, 4)?,
        rows: get_u64(row, 5)?,
        numbers: get_u64(row, 6)?,
    })
}

fn spec(text: &str) -> Result<JobSpec> {
    serde_json::from_str(text).map_err(|_| Fault::damaged("a job's parameters cannot be read"))
}

fn write_spec(spec: &JobSpec) -> Result<String> {
    serde_json::to_string(spec).map_err(|_| Fault::damaged("a job's notes cannot be written"))
}
