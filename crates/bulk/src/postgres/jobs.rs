//! Jobs, their input and their plan's rows.
//!
//! It writes down and looks up; it never sends.

use tokio_postgres::Row;

use super::fault::Fault;
use super::fold;
use super::session::{Session, big, get, get_u64, text};
use crate::model::{Job, JobName, JobSpec, JobState};
use crate::store::Duplicate;

type Result<T> = std::result::Result<T, Fault>;

const OPEN: i16 = 1;
pub(super) const FORGOTTEN: i16 = 2;
/// Rows in one statement.
const AT_ONCE: usize = 20_000;

pub(super) async fn create(session: &Session, name: &JobName, spec: &JobSpec, now_ms: u64) -> Result<Job> {
    let text = serde_json::to_string(spec).map_err(|_| Fault::damaged("a job's notes cannot be written"))?;
    loop {
        let sql = "SELECT id, name, spec, state, created_ms, row_count, number_count FROM jobs WHERE name = $1 FOR UPDATE";
        if let Some(row) = session.row(sql, &[&name.as_str()]).await? {
            let job = job(&row)?;
            if job.state != JobState::Planning {
                return Ok(job);
            }
            // Its key is never given again: whoever began it can add nothing to what is made now.
            remove(session, job.id).await?;
        }
        let sql = "INSERT INTO jobs (name, spec, level, created_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING
            RETURNING id, name, spec, state, created_ms, row_count, number_count";
        // None when another process has made it just now: then it is that one which is found.
        if let Some(row) = session.row(sql, &[&name.as_str(), &text, &spec.level, &big(now_ms)]).await? {
            return job(&row);
        }
    }
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

/// Batches and costs stay: they are the sums. Their names stay too, so that results that come late can be told and dropped.
///
/// What waits to be entered is entered first, or its cost would be missing from the sums.
pub(super) async fn forget(session: &Session, job: i64) -> Result<()> {
    fold::fold_all(session).await?;
    let row = session.row("SELECT spec FROM jobs WHERE id = $1 FOR UPDATE", &[&job]).await?;
    let Some(row) = row else { return Ok(()) };
    let mut spec = spec(get(&row, 0)?)?;
    spec.notes = serde_json::Value::Null;
    let spec = serde_json::to_string(&spec).map_err(|_| Fault::damaged("a job's notes cannot be written"))?;
    for sql in [
        "DELETE FROM results USING numbers WHERE numbers.job = $1 AND results.id = numbers.result",
        "DELETE FROM results USING odd JOIN batch_names n ON n.batch_no = odd.batch_no JOIN batches b ON b.id = n.batch
         WHERE b.job = $1 AND results.id = odd.result",
        "DELETE FROM odd USING batch_names n JOIN batches b ON b.id = n.batch WHERE b.job = $1 AND n.batch_no = odd.batch_no",
        "DELETE FROM numbers WHERE job = $1",
        "DELETE FROM duplicates WHERE job = $1",
        "DELETE FROM input WHERE job = $1",
        "DELETE FROM drift WHERE job = $1",
        "UPDATE batches SET message = NULL, message_id = NULL WHERE job = $1",
    ] {
        session.run(sql, &[&job]).await?;
    }
    session.run("UPDATE jobs SET state = $2, spec = $3 WHERE id = $1", &[&job, &FORGOTTEN, &spec]).await?;
    Ok(())
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
    for sql in [
        "DELETE FROM batch_names USING batches WHERE batches.job = $1 AND batch_names.batch = batches.id",
        "DELETE FROM numbers WHERE job = $1",
        "DELETE FROM batches WHERE job = $1",
        "DELETE FROM duplicates WHERE job = $1",
        "DELETE FROM input WHERE job = $1",
        "DELETE FROM jobs WHERE id = $1",
    ] {
        session.run(sql, &[&job]).await?;
    }
    Ok(())
}

fn job(row: &Row) -> Result<Job> {
    Ok(Job {
        id: get(row, 0)?,
        name: get::<&str>(row, 1)?
            .parse()
            .map_err(|_| Fault::damaged("a job has a name that it cannot have"))?,
        spec: spec(get(row, 2)?)?,
        state: match get(row, 3)? {
            0 => JobState::Planning,
            OPEN => JobState::Open,
            _ => JobState::Forgotten,
        },
        created_ms: get_u64(row, 4)?,
        rows: get_u64(row, 5)?,
        numbers: get_u64(row, 6)?,
    })
}

fn spec(text: &str) -> Result<JobSpec> {
    serde_json::from_str(text).map_err(|_| Fault::damaged("a job's parameters cannot be read"))
}
