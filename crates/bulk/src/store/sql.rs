//! SQL that means the same in every database, said once. Parameters are written `$1`; [`for_sqlite`] rewrites them.

/// For SQLite, which takes `$1` for a name and not for a place.
#[cfg(feature = "sqlite")]
pub(crate) fn for_sqlite(sql: &str) -> String {
    sql.replace('$', "?")
}

/// Removes a job that nobody has begun to send.
pub(crate) const REMOVE_JOB: [&str; 7] = [
    "DELETE FROM waits WHERE job = $1",
    "DELETE FROM batch_names WHERE batch IN (SELECT id FROM batches WHERE job = $1)",
    "DELETE FROM numbers WHERE job = $1",
    "DELETE FROM batches WHERE job = $1",
    "DELETE FROM duplicates WHERE job = $1",
    "DELETE FROM input WHERE job = $1",
    "DELETE FROM jobs WHERE id = $1",
];

/// Keeps when phone numbers of a job that is about to be forgotten were sent last, each by itself: their marks go with them.
pub(crate) const KEEP_LAST_MARK: &str = "UPDATE batches SET last_ts = coalesce(
        (SELECT max(n.marked_ms) FROM numbers n WHERE n.batch = batches.id AND n.marked_ms > batches.last_ts), last_ts)
    WHERE job = $1 AND state = 1";

/// Forgets what is a job's alone, once its results, and the phone numbers to which no other job refers, are gone. What is left of those
/// belongs to no job: its batch's key, negative.
pub(crate) const FORGET_JOB: [&str; 6] = [
    "UPDATE numbers SET job = -batch WHERE job = $1",
    "DELETE FROM waits WHERE job = $1",
    "DELETE FROM duplicates WHERE job = $1",
    "DELETE FROM input WHERE job = $1",
    "DELETE FROM drift WHERE job = $1",
    "UPDATE batches SET message = NULL, message_id = NULL WHERE job = $1",
];

/// The jobs that have a phone number planned, under way or in doubt.
pub(crate) const JOBS_UNSETTLED_WITH: &str = "SELECT name FROM jobs WHERE id IN (
        SELECT n.job FROM numbers n JOIN jobs j ON j.id = n.job JOIN batches b ON b.id = n.batch
        WHERE n.packed = $1 AND n.result IS NULL AND (n.via IS NOT NULL OR NOT (b.state = 4 OR (b.state = 0 AND j.state = 3)))
    ) ORDER BY id DESC";

/// The jobs with an input that have a phone number.
pub(crate) const JOBS_WITH_INPUT_OF: &str =
    "SELECT DISTINCT n.job FROM numbers n JOIN input i ON i.job = n.job WHERE n.packed = $1";

/// Removes a phone number from all jobs and from the book.
pub(crate) const FORGET_NUMBER: [&str; 6] = [
    "DELETE FROM duplicates WHERE (job, first_row) IN (SELECT job, first_row FROM numbers WHERE packed = $1)",
    "DELETE FROM results WHERE id IN (SELECT result FROM numbers WHERE packed = $1)",
    "DELETE FROM results WHERE id IN (SELECT result FROM odd WHERE packed = $1)",
    "DELETE FROM odd WHERE packed = $1",
    "DELETE FROM checks WHERE packed = $1",
    "DELETE FROM numbers WHERE packed = $1",
];

/// The batches that a job's rows wait for: how many results each had when it was looked at last, how many it has, and its state.
pub(crate) const WAITED_FOR: &str =
    "SELECT w.via, w.seen, b.done + b.failed + b.refused, b.state FROM waits w JOIN batches b ON b.id = w.via
    WHERE w.job = $1 ORDER BY w.via";

/// Those of them that are in doubt for whoever waits, and were sent before a time: of a forgotten job, nobody enters a result any more.
pub(crate) const WAITED_FOR_IN_DOUBT: &str =
    "SELECT w.via FROM waits w JOIN batches b ON b.id = w.via JOIN jobs j ON j.id = b.job
    WHERE w.job = $1 AND coalesce(b.sent_ms, 0) < $2 AND coalesce(b.last_ts, 0) < $2
        AND (b.state = 2 OR (b.state = 3 AND b.missing) OR j.state = 2)
    ORDER BY w.via";

/// A job's rows that wait for a batch.
pub(crate) const WAITING: &str =
    "SELECT n.batch, n.packed, b.grp FROM numbers n JOIN batches b ON b.id = n.batch
    WHERE n.via = $1 AND n.job = $2 AND n.result IS NULL ORDER BY n.batch, n.packed";

/// Those of them of which the batch's own row stands for another sending itself, or was moved away.
pub(crate) const WAITING_IN_VAIN: &str =
    "SELECT n.batch, n.packed, b.grp FROM numbers n JOIN batches b ON b.id = n.batch
    WHERE n.via = $1 AND n.job = $2 AND n.result IS NULL AND EXISTS (
        SELECT 1 FROM numbers o JOIN batches v ON v.id = o.batch JOIN jobs j ON j.id = v.job
        WHERE o.batch = n.via AND o.packed = n.packed AND (o.via IS NOT NULL OR (o.job < 0 AND j.state <> 2)))
    ORDER BY n.batch, n.packed";

/// A job's batches, summed by what they count as, in the order of [`BatchSums`](crate::BatchSums).
pub(crate) const BATCH_SUMS: &str = "SELECT state, missing, CAST(sum(numbers) AS bigint), CAST(sum(done) AS bigint), CAST(sum(failed) AS bigint),
        CAST(sum(unpriced) AS bigint), CAST(sum(refused) AS bigint), CAST(sum(charged_again) AS bigint),
        CAST(sum(CASE WHEN resubmitted > charged_again THEN resubmitted - charged_again ELSE 0 END) AS bigint)
    FROM batches WHERE job = $1 GROUP BY state, missing";

/// How many of a job's rows took a result of the book, by how it ended.
pub(crate) const REUSED: &str = "SELECT reused_done, reused_failed, reused_refused FROM jobs WHERE id = $1";

/// How many of a job's rows wait for other jobs' batches, by the state of those, and whether they are in doubt for good.
pub(crate) const WAITING_SUMS: &str =
    "SELECT b.state, b.missing OR j.state = 2, CAST(sum(w.waiting) AS bigint)
    FROM waits w JOIN batches b ON b.id = w.via JOIN jobs j ON j.id = b.job WHERE w.job = $1 GROUP BY 1, 2";

/// What a job's results have cost.
pub(crate) const COSTS: &str =
    "SELECT outcome, currency, count, CAST(amount AS text) FROM costs WHERE job = $1";

/// What a row tells of its phone number, behind its own place: that of the sending which it stands for, where it is not its own. The result
/// of what a forgotten job has sent will not be known.
macro_rules! fate {
    () => {
        "n.packed, b.batch_no, b.state,
        b.missing OR (n.via IS NOT NULL AND n.result IS NULL AND EXISTS (SELECT 1 FROM jobs j WHERE j.id = b.job AND j.state = 2)),
        b.code, b.message, r.source, r.body, n.via IS NOT NULL, r.received_ms"
    };
}

/// The rows with a phone number of their own, a page from behind a row.
pub(crate) const OWN_ROWS: &str = concat!(
    "SELECT n.first_row, false, ",
    fate!(),
    " FROM numbers n JOIN batches b ON b.id = coalesce(n.via, n.batch) LEFT JOIN results r ON r.id = n.result
    WHERE n.job = $1 AND n.first_row > $2 ORDER BY n.first_row LIMIT $3"
);

/// The rows that repeat one, a page from behind a row to before another.
pub(crate) const REPEATED_ROWS: &str = concat!(
    "SELECT d.dup_row, true, ",
    fate!(),
    " FROM duplicates d JOIN numbers n ON n.job = d.job AND n.first_row = d.first_row
    JOIN batches b ON b.id = coalesce(n.via, n.batch) LEFT JOIN results r ON r.id = n.result
    WHERE d.job = $1 AND d.dup_row > $2 AND d.dup_row < $4 ORDER BY d.dup_row LIMIT $3"
);

/// One sending of a phone number, and the one before it.
pub(crate) const SENDING: &str = "SELECT j.name, b.batch_no, b.state, b.sent_ms, r.source, r.body, r.received_ms, n.prior FROM numbers n
    JOIN batches b ON b.id = n.batch JOIN jobs j ON j.id = b.job LEFT JOIN results r ON r.id = n.result AND n.via IS NULL
    WHERE n.batch = $1 AND n.packed = $2";
