//! A store is backed up while others work on it, and a restored one pays for nothing twice that nobody asked for.

use std::fs;
use std::path::Path;

use crate::support::job::Job;
use crate::support::{Call, Sandbox, column, numcheck, rows};

fn on(store: &Path, arguments: &[&str]) -> Call {
    numcheck(arguments).env("NUMCHECK_STORE", store)
}

#[test]
fn a_store_is_backed_up_during_a_run_that_is_killed_and_restored_nobody_pays_twice_unasked() {
    let job = Job::of(4);
    let mut run = job.start(&["--batch-size", "2", "--concurrency", "1"]);
    let known = job.platform.accept();
    known.push_all();
    let under_way = job.platform.submit();
    let backup = job.dir.path().join("backup.db");
    let made = on(&job.store(), &["backup"]).arg(&backup).run().exits(0).says("is a backup of");
    assert!(!made.stderr.contains("8525"), "{}", made.stderr);
    on(&job.store(), &["backup"]).arg(&backup).run().exits(2).says("is there already");
    let lost = under_way.batch();
    under_way.accept();
    run.kill();

    // The store is lost, and the backup is of before the second batch was accepted.
    let restored = job.dir.path().join("restored/jobs.db");
    let restore = || on(&restored, &["restore"]).arg(&backup);
    restore().run().exits(0).says("sends nothing before `numcheck restore --accept-gap`");
    restore().run().exits(2).says("there is a store at").says("nothing was changed");
    let run = || job.run().env("NUMCHECK_STORE", &restored).args(["--batch-size", "2", "--wait", "1ms"]);
    let name = on(&restored, &["jobs", "--json"]).run().exits(0).json();
    let name = name["job"].as_str().unwrap();
    let refusal = "does not know what was submitted since";
    run().run().exits(2).says(refusal).says("nothing was sent");
    let resume = || on(&restored, &["resume", name, "--delivery", "poll"]).envs(job.platform.account());
    resume().run().exits(2).says(refusal);
    let number = known.numbers[0].as_str();
    for verb in [["submit", "--yes", "--phone", number], ["get", "--yes", "--phone", number]] {
        on(&restored, &verb).envs(job.platform.account()).run().exits(2).says(refusal);
    }
    let privacy = on(&restored, &["privacy", "--yes", "13912345678"]);
    privacy.envs([("QXT_API_KEY", "k"), ("QXT_BASE_URL", "http://127.0.0.1:9")]).run().exits(2).says(refusal);
    assert!(job.platform.try_submit().is_none());
    // What costs nothing works.
    let export = on(&restored, &["export", name]).run().exits_with(&[0, 3]);
    let states = rows(&export.stdout);
    assert_eq!(column(&states, "check_state")[..2], ["done", "done"]);

    on(&restored, &["restore", "--accept-gap"]).run().exits(0).says("is not in its book");
    on(&restored, &["restore", "--accept-gap"]).run().exits(0).says("nothing was changed");
    let seen = job.platform.seen().len();
    let ended = run().args(["--delivery", "poll"]).run().exits(3);
    // The backup knew that the second batch was under way: even then it is not sent again without a word.
    assert_eq!(job.platform.seen()[seen..].iter().filter(|batch_no| **batch_no != lost.batch_no).count(), 0);
    assert!(!ended.stderr.contains("panicked"));
}

#[test]
fn what_was_submitted_after_the_backup_is_paid_for_again_only_once_the_gap_is_accepted() {
    let job = Job::of(2);
    on(&job.store(), &["receive", "--print-url", "--public-url", "http://127.0.0.1:9"]).run().exits(0);
    let backup = job.path("backup.db");
    on(&job.store(), &["backup"]).arg(&backup).run().exits(0);
    let run = job.start(&["--wait", "1ms"]);
    job.platform.accept();
    run.end().exits(3);
    fs::remove_file(job.store()).unwrap();
    on(&job.store(), &["restore"]).arg(&backup).run().exits(0);
    job.run().run().exits(2);
    assert!(job.platform.try_submit().is_none());
    on(&job.store(), &["restore", "--accept-gap"]).run().exits(0);
    let run = job.start(&["--wait", "1ms"]);
    job.platform.accept();
    run.end().exits(3);
}

#[test]
fn backups_of_a_run_against_the_sandbox_are_whole_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start_with(&["--callback-delay", "5ms"]);
    let store = dir.path().join("jobs.db");
    let numbers: String = (0..3000).map(|at| format!("{}\n", crate::support::job::number(at))).collect();
    fs::write(dir.path().join("numbers.txt"), numbers).unwrap();
    let listen = crate::support::free_address();
    let url = format!("http://{listen}");
    let run = on(&store, &["run", "--listen", &listen, "--public-url", &url, "--batch-size", "50"]);
    let run = run.arg(dir.path().join("numbers.txt")).arg("-o").arg(dir.path().join("out.csv"));
    let mut run = run.envs(sandbox.account()).start();
    run.wait_for("using the store");
    let mut backups = Vec::new();
    while run.is_running() && backups.len() < 20 {
        let backup = dir.path().join(format!("backup-{}.db", backups.len()));
        on(&store, &["backup"]).arg(&backup).run().exits(0);
        backups.push(backup);
    }
    run.end().exits(0);
    assert!(!backups.is_empty());
    for backup in backups {
        // It opens and adds up.
        on(&backup, &["jobs"]).run().exits(0);
    }
}

#[test]
fn a_database_is_not_backed_up_here() {
    let call = numcheck(["backup", "x.db", "--store", "postgres://nobody@127.0.0.1:1/none"]);
    call.run().exits(2).says("pg_dump -n numcheck");
    let dir = tempfile::tempdir().unwrap();
    let none = dir.path().join("none.db");
    on(&none, &["backup", "x.db"]).run().exits(2).says("there is no store at");
    on(&none, &["restore"]).arg(dir.path().join("no-backup.db")).run().exits(2).says("nothing was changed");
    assert!(!none.exists());
    on(&none, &["restore"]).run().exits(2);
}
