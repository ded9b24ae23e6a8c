//! A job outlives its process: it is found again by its phone numbers, and nothing is paid for twice.

use std::fs;

use crate::support::job::Job;
use crate::support::{free_address, numcheck, push};

/// The name of the one job in a store.
fn name(job: &Job) -> String {
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    jobs["job"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_numbers_are_the_same_job_until_it_is_settled() {
    let job = Job::of(3);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    batch.push(&batch.numbers[0]);
    run.end().exits(3);

    // In another file, in another order, under another name, too.
    let content = fs::read_to_string(job.path("numbers.txt")).unwrap();
    let backwards: String = content.lines().rev().map(|line| format!("+{line}\n")).collect();
    fs::write(job.path("renamed.txt"), backwards).unwrap();
    let listen = free_address();
    let url = format!("http://{listen}");
    let again = numcheck(["run", "--listen", &listen, "--public-url", &url]).arg(job.path("renamed.txt"));
    let again = again.envs(job.platform.account()).env("NUMCHECK_STORE", job.store());
    let mut again = again.arg("-o").arg(job.path("again.csv")).start();
    again.wait_for("its rows are this file's from now on");
    again.wait_for("going on where it ended");
    // The same capability, behind another address.
    let path = batch.dr_url.splitn(4, '/').nth(3).unwrap();
    for phone in &batch.numbers[1..] {
        let result = batch.result(phone).to_string();
        while push(&format!("{url}/{path}"), &result).is_err() {
            std::thread::yield_now();
        }
    }
    again.end().exits(0);
    assert_eq!(job.platform.seen().len(), 1, "nothing is sent");
    let rows = crate::support::rows(&fs::read(job.path("again.csv")).unwrap());
    assert_eq!(crate::support::column(&rows, "check_state"), ["done"; 3]);
    assert!(rows.iter().all(|row| format!("+{}", row["check_phone"]) == row["phone"]), "{rows:?}");
}

#[test]
fn a_settled_job_is_not_gone_on_with_and_its_results_are_reused() {
    let job = Job::of(3);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    let first = job.rows();
    let again = job.run().run().exits(0).says("3 of the numbers have a result already");
    assert_eq!((&again.json()["reused"], &again.json()["submitted"]), (&3.into(), &0.into()));
    assert_eq!(job.platform.seen().len(), 1, "nothing is sent");
    for (mut row, mut before) in job.rows().into_iter().zip(first) {
        assert_eq!((row["check_price"].as_str(), before["check_price"].as_str()), ("", "0.1912"));
        for row in [&mut row, &mut before] {
            row.retain(|name, _| name != "check_price" && name != "check_currency");
        }
        assert_eq!(row, before);
    }
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
        call.env("NXCLOUD_ACCESS_KEY", "somebody-else")
            .run()
            .exits(2)
            .says("another account")
            .says("or run the file again");
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
    call("export").run().exits(2).says("was forgotten; only its sums are left");
    let status = call("status").arg("--json").run().exits(0).json();
    assert_eq!((&status["settled"], &status["costs"][0]["amount"]), (&2.into(), &"0.3824".into()));
    // Its numbers are not recognised any more: they are paid for again.
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    numcheck(["resume", &name])
        .envs(job.platform.account())
        .env("NUMCHECK_STORE", job.store())
        .run()
        .exits(2)
        .says("was forgotten");
}

/// The job is made a program's in the store: such a job holds neither a file nor the command's notes.
#[test]
fn a_job_that_a_program_made_holds_no_file_and_can_be_asked_and_forgotten() {
    let job = Job::of(2);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    batch.push_all();
    run.end().exits(0);
    let name = name(&job);
    let store = rusqlite::Connection::open(job.store()).unwrap();
    assert_eq!(store.execute("UPDATE jobs SET spec = json_set(spec, '$.notes', NULL)", ()).unwrap(), 1);
    store.execute("DELETE FROM input", ()).unwrap();
    drop(store);
    let call = |arguments: &[&str]| {
        numcheck(arguments).envs(job.platform.account()).env("NUMCHECK_STORE", job.store()).run()
    };
    for verb in ["export", "resume"] {
        let ended = call(&[verb, &name]).exits(2);
        let told = format!("job {name} was made by a program and holds no file: read its rows there");
        assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    }
    assert_eq!(call(&["status", "--json", &name]).exits(0).json()["settled"], 2);
    call(&["forget", "--number", &batch.numbers[0]]).exits(0).says("the number is forgotten");
}

#[test]
fn a_run_whose_rows_another_process_has_replaced_writes_no_result_beside_another_number() {
    let job = Job::of(3);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    let backwards: String = batch.numbers.iter().rev().map(|number| format!("{number}\n")).collect();
    fs::write(job.path("backwards.txt"), backwards).unwrap();
    let other = job.platform.run(&job.path("backwards.txt")).env("NUMCHECK_STORE", job.store());
    other.args(["--wait", "0s"]).run().exits(3).says("its rows are this file's from now on");
    batch.push_all();
    run.end().exits(1).says("rows were replaced by those of another file meanwhile: run the command again");
    assert!(!job.path("out.csv").exists());
}

/// Bars are for a terminal.
#[test]
fn where_nobody_watches_status_has_a_line_for_each_figure() {
    let job = Job::of(3);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    batch.push(&batch.numbers[0]);
    run.end().exits(3);
    let status = numcheck(["status", &name(&job)]).env("NUMCHECK_STORE", job.store()).run().exits(3);
    let lines: Vec<&str> = status.text().lines().skip(1).collect();
    let submitted = "submitted 3 = settled 1 + failed 0 + in doubt 0 + missing 0 + pending 2";
    assert_eq!(lines, [submitted, "1 done cost 0.1912 USD"]);
}
