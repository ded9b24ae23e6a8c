//! The tables, version by version. A version that was released is never changed: a new one is added behind it.

mod to_book;

use super::fault::Fault;
use super::session::Session;
use crate::sql::{Tx, values};
use crate::store::reading::SharedReader;

/// A lock that a transaction takes by a figure. Any does, as long as nothing else in the database takes the same.
const MIGRATING: i64 = 7_959_377_318_405_046_273;
/// Another one, taken as the transaction begins; what it sees is read afterwards.
pub(super) const BEGIN_SETTLING: &str = "BEGIN; SELECT pg_advisory_xact_lock(7959377318405046274)";
/// Locks by two figures: this one, and a scope's key. The server keeps them apart from those by one figure.
pub(super) const SCOPES: i64 = 0x6e63_6a62;

/// One step per version, the first makes an empty database a store.
const STEPS: &[&str] = &["
    CREATE TABLE jobs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE,
        spec text NOT NULL,
        level bigint NOT NULL,
        state smallint NOT NULL DEFAULT 0,
        created_ms bigint NOT NULL,
        row_count bigint NOT NULL DEFAULT 0,
        number_count bigint NOT NULL DEFAULT 0
    );
    CREATE TABLE input (
        job bigint NOT NULL, sequence bigint NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (job, sequence)
    );
    CREATE TABLE batches (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job bigint NOT NULL,
        batch_no text NOT NULL,
        tries bigint NOT NULL DEFAULT 0,
        grp text NOT NULL,
        state smallint NOT NULL DEFAULT 0,
        owner text,
        sent_ms bigint,
        ended_ms bigint,
        message_id text,
        code bigint,
        message text,
        numbers bigint NOT NULL,
        done bigint NOT NULL DEFAULT 0,
        failed bigint NOT NULL DEFAULT 0,
        unpriced bigint NOT NULL DEFAULT 0,
        missing boolean NOT NULL DEFAULT false
    ) WITH (fillfactor = 50);
    CREATE INDEX batches_by_state ON batches (job, state, id);
    -- Every number that a batch ever had on the wire: a late result must still find it. In bytes, as a result names it: that may be no
    -- text that the server knows.
    CREATE TABLE batch_names (batch_no bytea PRIMARY KEY, batch bigint NOT NULL);
    CREATE INDEX batch_names_by_batch ON batch_names (batch);
    -- Each row is changed once, when its result comes: there is room for that on its own page, so that no index is touched.
    CREATE TABLE numbers (
        batch bigint NOT NULL, packed bigint NOT NULL, job bigint NOT NULL, first_row bigint NOT NULL, result bigint,
        PRIMARY KEY (batch, packed)
    ) WITH (fillfactor = 55);
    CREATE UNIQUE INDEX numbers_by_row ON numbers (job, first_row);
    CREATE TABLE duplicates (
        job bigint NOT NULL, dup_row bigint NOT NULL, first_row bigint NOT NULL, PRIMARY KEY (job, dup_row)
    );
    -- Appended and never changed. An append takes a place, and its results the keys that begin there: keys run, but they become
    -- visible in the order of the commits, which is another. So what is still to be entered stands in `inbox`, one row per append.
    CREATE SEQUENCE places;
    CREATE TABLE results (
        id bigint PRIMARY KEY, received_ms bigint NOT NULL, source smallint NOT NULL, batch_no bytea NOT NULL, body bytea NOT NULL
    );
    CREATE TABLE inbox (first bigint PRIMARY KEY, next bigint NOT NULL, behind bigint NOT NULL)
        WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
    -- Results that were kept aside; with a number where it is a second result of that number, else 0. What they name as their batch may
    -- be longer than an index entry.
    CREATE TABLE odd (result bigint PRIMARY KEY, batch_no bytea NOT NULL, packed bigint NOT NULL);
    CREATE INDEX odd_by_batch ON odd (sha256(batch_no), packed);
    CREATE TABLE costs (
        job bigint NOT NULL, outcome smallint NOT NULL, currency text NOT NULL, count bigint NOT NULL, amount numeric NOT NULL,
        PRIMARY KEY (job, outcome, currency)
    ) WITH (fillfactor = 50);
    CREATE TABLE prices (
        level bigint NOT NULL, region text NOT NULL, currency text NOT NULL, price numeric NOT NULL, PRIMARY KEY (level, region)
    ) WITH (fillfactor = 50);
    CREATE TABLE turns (name text PRIMARY KEY, next_ms bigint NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE secrets (name text PRIMARY KEY, value bytea NOT NULL);
", "
    -- Numbers of a batch that the platform did not take although it took the batch.
    ALTER TABLE batches ADD COLUMN refused bigint NOT NULL DEFAULT 0;
    CREATE TABLE learnt (name text PRIMARY KEY, word text NOT NULL);
    -- What in a job's results no document lists, by place.
    CREATE TABLE drift (
        job bigint NOT NULL, place text NOT NULL, kind smallint NOT NULL, value text NOT NULL, count bigint NOT NULL,
        PRIMARY KEY (job, place, kind, value)
    ) WITH (fillfactor = 50);
    -- How far apart the last turn wants to be from the next.
    ALTER TABLE turns ADD COLUMN interval_ms bigint;
", "
    -- What is paid for: phone numbers, by an account, at a service's level.
    CREATE TABLE scopes (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account text NOT NULL, service text NOT NULL, level bigint NOT NULL,
        UNIQUE (account, service, level)
    );
    -- The book: the newest sending of each phone number, written when its batch is claimed. How it ended stands in `numbers`.
    CREATE TABLE checks (scope bigint NOT NULL, packed bigint NOT NULL, batch bigint NOT NULL, PRIMARY KEY (scope, packed));
    -- Keys of claims.
    CREATE SEQUENCE claims;
    ALTER TABLE jobs
        ADD COLUMN scope bigint NOT NULL DEFAULT 0,
        ADD COLUMN number_set text NOT NULL DEFAULT '',
        -- Results with a higher key came after the job was made.
        ADD COLUMN marker bigint NOT NULL DEFAULT 0,
        ADD COLUMN batch_count bigint NOT NULL DEFAULT 0,
        -- Rows that took a result of the book.
        ADD COLUMN reused_done bigint NOT NULL DEFAULT 0,
        ADD COLUMN reused_failed bigint NOT NULL DEFAULT 0,
        ADD COLUMN reused_refused bigint NOT NULL DEFAULT 0,
        DROP COLUMN level;
    CREATE INDEX jobs_by_set ON jobs (scope, number_set);
    ALTER TABLE batches
        ADD COLUMN claim bigint NOT NULL DEFAULT 0,
        -- The least and the greatest timestamp with which an attempt was confirmed.
        ADD COLUMN first_ts bigint,
        ADD COLUMN last_ts bigint,
        ADD COLUMN confirmed boolean NOT NULL DEFAULT false,
        ADD COLUMN from_reply boolean NOT NULL DEFAULT false,
        ADD COLUMN charged_again bigint NOT NULL DEFAULT 0,
        ADD COLUMN aside bigint NOT NULL DEFAULT 0,
        -- How many of its phone numbers a person had sent again whose first sending may have been accepted.
        ADD COLUMN resubmitted bigint NOT NULL DEFAULT 0;
    -- A process of the last release that still runs knows no book: with this, its claims fail.
    ALTER TABLE batches RENAME COLUMN owner TO claimed_by;
    ALTER TABLE numbers
        -- Whose sending a row stands for, where it is not its own batch's; the sending before; the doubt that a person decided not to
        -- wait for; when its result came, and how it ended.
        ADD COLUMN via bigint,
        ADD COLUMN prior bigint,
        ADD COLUMN despite bigint,
        ADD COLUMN received_ms bigint,
        ADD COLUMN outcome smallint;
    ALTER TABLE numbers SET (fillfactor = 50);
    CREATE INDEX numbers_by_via ON numbers (via, packed) WHERE via IS NOT NULL;
    -- How many rows of a job wait for a batch of another, and how many results that had when they were looked at.
    CREATE TABLE waits (
        job bigint NOT NULL, via bigint NOT NULL, waiting bigint NOT NULL, seen bigint NOT NULL, PRIMARY KEY (job, via)
    ) WITH (fillfactor = 50);
    -- What accounts were charged, by UTC day.
    CREATE TABLE charges (
        account text NOT NULL, day bigint NOT NULL, currency text NOT NULL, amount numeric NOT NULL, PRIMARY KEY (account, day, currency)
    ) WITH (fillfactor = 50);
    -- The highest price of each currency, where it was the last one.
    ALTER TABLE prices DROP CONSTRAINT prices_pkey, ADD PRIMARY KEY (level, region, currency);
    ALTER TABLE odd ADD COLUMN hash bytea;
    DROP INDEX odd_by_batch;
    CREATE INDEX odd_by_batch ON odd (sha256(batch_no), packed, hash);
", "
    -- With which timestamp the request about a phone number was signed, where each has its own: written before, so that nothing else of its
    -- claim is in doubt.
    ALTER TABLE numbers ADD COLUMN marked_ms bigint;
"];

/// The version whose step leaves something to be done in code.
const BOOK: i64 = 3;

/// Brings the database up to the newest version, in the one transaction in which it is called.
pub(super) async fn migrate(session: &Session, reader: &SharedReader) -> Result<Opened, Fault> {
    let known = STEPS.len() as i64;
    // Another process may be at it too: look under the lock.
    session.has("SELECT 1 FROM pg_advisory_xact_lock($1)", &values![MIGRATING]).await?;
    let found: i64 = if session.has("SELECT 1 WHERE to_regclass('numcheck.version') IS NOT NULL", &[]).await?
    {
        let version = session.row("SELECT version FROM version", &[], |row| row.get(0)).await?;
        version.ok_or_else(|| Fault::damaged("it has no version"))?
    } else {
        // Not IF NOT EXISTS: that asks for a right that whoever was given an empty schema need not have.
        match session.has("SELECT 1 WHERE to_regnamespace('numcheck') IS NOT NULL", &[]).await? {
            true => must_be_empty(session).await?,
            false => session.batch("CREATE SCHEMA numcheck").await?,
        }
        session
            .batch("CREATE TABLE version (version bigint NOT NULL); INSERT INTO version VALUES (0)")
            .await?;
        0
    };
    if found > known {
        return Err(Fault::too_new(found, known));
    }
    let steps = usize::try_from(found).ok().and_then(|found| STEPS.get(found..)).unwrap_or_default();
    let is_new = found == 0;
    if steps.is_empty() {
        return Ok(Opened { is_new, location: location(session).await? });
    }
    if !is_new {
        back_up(session, found).await?;
    }
    for (step, version) in steps.iter().zip(found + 1..) {
        session.batch(step).await?;
        if version == BOOK {
            to_book::fill(session, reader).await?;
        }
    }
    session.run("UPDATE version SET version = $1", &values![known]).await?;
    Ok(Opened { is_new, location: location(session).await? })
}

/// A store that was opened.
pub(super) struct Opened {
    pub(super) is_new: bool,
    pub(super) location: String,
}

/// As the server tells it: an address may hold half of a password where its host seems to be.
async fn location(session: &Session) -> Result<String, Fault> {
    let sql = "SELECT format('database %s at %s', current_database(),
        coalesce(host(inet_server_addr()) || ':' || inet_server_port(), 'a socket of this machine'))";
    let location = session.row(sql, &[], |row| row.get(0)).await?;
    location.ok_or_else(|| Fault::damaged("the server does not say where it is"))
}

/// Copies every table beside the schema, in the transaction that changes them: no other process has them open then.
async fn back_up(session: &Session, version: i64) -> Result<(), Fault> {
    let name = "SELECT format('numcheck_backup_v%s_%s', $1::bigint, extract(epoch FROM now())::bigint)";
    let name: Option<String> = session.row(name, &values![version], |row| row.get(0)).await?;
    let name = name.ok_or_else(|| Fault::damaged("the server names no backup"))?;
    session.batch(&format!("CREATE SCHEMA {name}")).await?;
    let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'numcheck'";
    let tables: Vec<String> = session.rows(sql, &[], |row| row.get(0)).await?;
    for table in tables {
        session
            .batch(&format!(
                "LOCK TABLE numcheck.{table} IN ACCESS EXCLUSIVE MODE; CREATE TABLE {name}.{table} AS TABLE numcheck.{table}"
            ))
            .await?;
    }
    Ok(())
}

async fn must_be_empty(session: &Session) -> Result<(), Fault> {
    let sql = "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('numcheck') LIMIT 1";
    if session.has(sql, &[]).await? { Err(Fault::not_a_store()) } else { Ok(()) }
}
