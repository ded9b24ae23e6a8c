//! A job outlives its process: the same file is the same job, and nothing is paid for twice.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)] // a test may fail where it stands

mod support;

use std::fs;

use support::job::Job;
use support::numcheck;

/// The name of the one job in a store.
fn name(job: &Job) -> String {
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    jobs["job"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_file_with_the_same_parameters_is_the_same_job_and_is_not_sent_again() {
    let job = Job::of(3);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    let first = fs::read(job.path("out.csv")).unwrap();
    let submits = job.platform.seen().len();

    // Under another name, too.
    fs::rename(job.path("numbers.txt"), job.path("renamed.txt")).unwrap();
    let again = job.platform.run(&job.path("renamed.txt")).env("NUMCHECK_STORE", job.store());
    again.arg("-o").arg(job.path("again.csv")).run().exits(0).says("going on where it ended");
    assert_eq!(job.platform.seen().len(), submits, "nothing is sent");
    assert_eq!(fs::read(job.path("again.csv")).unwrap(), first);
}

#[test]
fn again_makes_a_new_job_and_pays_again() {
    let job = Job::of(1);
    for arguments in [&[][..], &["--again"]] {
        let run = job.start(arguments);
        job.platform.accept().push_all();
        run.end().exits(0);
    }
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json_lines();
    assert_eq!(jobs.len(), 2);
}

#[test]
fn another_account_may_not_go_on_with_a_job_since_it_would_be_told_that_its_batches_are_not_known() {
    let job = Job::of(1);
    let run = job.start(&["--wait", "1s"]);
    job.platform.accept();
    run.end().exits(3);
    let name = name(&job);
    for verb in ["resume", "reconcile"] {
        let call = numcheck([verb, &name]).envs(job.platform.account()).env("NUMCHECK_STORE", job.store());
        call.env("NXCLOUD_ACCESS_KEY", "somebody-else").run().exits(2).says("another account");
    }
}

#[test]
fn forget_removes_numbers_and_results_and_keeps_the_sums() {
    let job = Job::of(2);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    let name = name(&job);
    let call = |verb: &str| numcheck([verb, &name]).env("NUMCHECK_STORE", job.store());
    call("forget").run().exits(0);
    call("export").run().says("no input any more");
    let status = call("status").arg("--json").run().exits(0).json();
    assert_eq!((&status["settled"], &status["costs"][0]["amount"]), (&2.into(), &"0.3824".into()));
    job.run().run().exits(2).says("was forgotten");
}
