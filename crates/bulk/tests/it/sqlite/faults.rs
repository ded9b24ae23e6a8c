//! Writes that fail: what was reported as stored is there, and what could not be stored was never reported.
//!
//! A child process runs under a limit on the size of its files, so that the n-th write fails, or only a part of it gets through; with a
//! full disk it is the same. One limit after the other is tried. What does not fail here is `fsync`.

use numcheck_bulk::conformance::reader::reader;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use numcheck_bulk::store::{Claimed, Skip};
use numcheck_bulk::{BatchEnd, BatchState, Inbox, JobState, Sqlite, Store, StoreError, SystemWallClock};

use super::File;
use super::conformance::Place;
use super::conformance::made::*;

const HERE: &str = "sqlite::faults::what_was_reported_as_done_is_there_whichever_write_fails";
const BATCHES: u64 = 3;
const NUMBERS: u64 = 3;

/// Runs this very test once more as a child, through a shell that limits the size of its files to so many blocks of 512 bytes.
pub(super) fn child(test: &str, file: &Path, blocks: Option<u32>) -> Command {
    let limit = blocks.map_or(String::new(), |blocks| format!("trap '' XFSZ; ulimit -f {blocks}; "));
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{limit}exec \"$0\" \"$@\"")).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env("NUMCHECK_TEST_STORE", file);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// What a child is told, if this is one.
pub(super) fn told() -> Option<std::path::PathBuf> {
    std::env::var_os("NUMCHECK_TEST_STORE").map(Into::into)
}

pub(super) fn say(what: &str) {
    // In one write, as the line may be the last.
    let mut out = std::io::stdout().lock();
    out.write_all(format!("did {what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

pub(super) fn said(output: &str) -> BTreeSet<&str> {
    output.lines().filter_map(|line| line.split_once("did ").map(|(_, what)| what)).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn what_was_reported_as_done_is_there_whichever_write_fails() {
    if let Some(path) = told() {
        return work(&path).await;
    }
    let (mut opened, mut failed, mut complete) = (0, 0, 0);
    let mut blocks = 60;
    while complete < 2 {
        let file = File::new();
        let output = child(HERE, &file.path(), Some(blocks)).output().unwrap();
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let done = said(&output);
        assert!(done.contains("end"), "the child came to its end: {output}");
        opened += u32::from(done.contains("open"));
        let whole = done.len() as u64 == 3 + BATCHES * (2 + 2 * NUMBERS);
        failed += u32::from(!whole);
        complete += u32::from(whole);
        if done.contains("open") {
            verify(&file, &done, blocks).await;
        }
        // A page of the journal takes 4120 bytes, a little more than 8 blocks, and most commits write several: every one fails at some
        // limit, most of them in their middle.
        blocks += 13;
        assert!(blocks < 4000, "it never got everything done");
    }
    assert!(opened > 20 && failed > 20, "{opened} opened, {failed} met a failure");
}

/// Does what a run does and says what was reported as done; goes on whatever fails.
async fn work(path: &Path) {
    if let Ok(store) = Sqlite::open(path, reader()) {
        say("open");
        let store = Arc::new(store);
        if let Ok(job) = plan(&store).await {
            say("plan");
            let inbox = Inbox::new(Arc::clone(&store), Arc::new(SystemWallClock));
            while let Ok(Some(claimed)) = next(&store, job).await {
                let batch_no = claimed.batch_no.as_str();
                say(&format!("claim {batch_no}"));
                let end = BatchEnd::Accepted { message_id: Some("id".into()) };
                if store.end(claimed.batch, claimed.claim, end, T0).await.is_ok() {
                    say(&format!("accept {batch_no}"));
                }
                for number in &claimed.numbers {
                    let push = Push { carrier: "x".repeat(1500), ..Push::of(&claimed.batch_no, *number) };
                    for repeat in 0..2 {
                        if inbox.store(batch_no, &push.body()).await.is_ok() {
                            say(&format!("store {batch_no} {} {repeat}", number.digits()));
                        }
                    }
                    // Entering may fail too; it is tried again.
                    let _ = inbox.fold_all().await;
                }
            }
        }
    }
    say("end");
}

async fn next(store: &Sqlite, job: i64) -> Result<Option<Claimed>, StoreError> {
    let Some(next) = store.next_batch(job, &Skip::default()).await? else { return Ok(None) };
    let claimed = store.claim(next.batch, "sender", u64::MAX, T0).await?;
    if let Some(claimed) = &claimed {
        store.confirm(claimed.batch, claimed.claim, T0).await?;
    }
    Ok(claimed)
}

async fn plan(store: &Sqlite) -> Result<i64, StoreError> {
    let job = store.create_job(&name(1), &spec(1), T0).await?;
    store.add_input(job.id, 0, vec![b'i'; 5000]).await?;
    store.add_batches(job.id, batches(1, &[NUMBERS; BATCHES as usize])).await?;
    Ok(store.finish_plan(job.id, BATCHES * NUMBERS).await?.id)
}

/// Without the limit everything is there that was reported, and the rest can be done.
async fn verify(file: &File, done: &BTreeSet<&str>, blocks: u32) {
    let store = file.open().await;
    let job = store.job(&name(1)).await.unwrap();
    let open = job.as_ref().is_some_and(|job| job.state == JobState::Open);
    assert!(open || !done.contains("plan"), "the plan, under {blocks} blocks");
    let Some(job) = job.filter(|_| open) else { return };
    fold(&*store).await;
    check(&*store, job.id).await;
    for fate in all_rows(&*store, job.id).await {
        let said = |what: String| done.contains(what.as_str());
        let (batch_no, digits) = (&fate.batch_no, fate.number.digits());
        assert!(fate.state != BatchState::Planned || !said(format!("claim {batch_no}")));
        assert!(fate.state == BatchState::Accepted || !said(format!("accept {batch_no}")));
        let stored = (0..2).any(|repeat| said(format!("store {batch_no} {digits} {repeat}")));
        assert!(fate.result.is_some() || !stored, "{batch_no} {digits}, under {blocks} blocks");
    }
    // And it goes on.
    while let Some(claimed) = try_claim(&*store, job.id, T0).await {
        end(&*store, &claimed, BatchEnd::Accepted { message_id: None }).await;
    }
    let rest = all_rows(&*store, job.id).await.into_iter().filter(|fate| fate.result.is_none());
    let rest = rest.map(|fate| Push::of(&batch_no(&fate.batch_no), fate.number).pushed()).collect();
    enter(&*store, rest).await;
    assert_eq!(check(&*store, job.id).await.settled, BATCHES * NUMBERS);
    drop(store);
    let raw = rusqlite::Connection::open(file.path()).unwrap();
    let sound: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}
