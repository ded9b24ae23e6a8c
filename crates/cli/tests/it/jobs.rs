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
    assert_eq!(lines[..2], [submitted, "1 done cost 0.1912 USD"]);
}

/// A job that is settled, of the file `numbers.txt`, and one that has sent nothing, of `more.txt`.
fn two() -> (Job, [String; 2]) {
    let job = Job::of(1);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    fs::write(job.path("more.txt"), "85259999999\n").unwrap();
    let dead = job.platform.run(&job.path("more.txt")).env("NUMCHECK_STORE", job.store());
    dead.env("NXCLOUD_BASE_URL", "http://127.0.0.1:1").run().exits(3);
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json_lines();
    let names = [&jobs[1], &jobs[0]].map(|job| job["job"].as_str().unwrap().to_owned());
    (job, names)
}

#[test]
fn jobs_has_a_header_and_says_what_to_type_next() {
    let (job, [settled, open]) = two();
    let call = |verb: &[&str]| numcheck(verb).env("NUMCHECK_STORE", job.store()).run();
    let listed = call(&["jobs"]).exits(0);
    let lines: Vec<&str> = listed.text().lines().collect();
    for column in ["JOB", "AGE", "STATE", "LEVEL", "CHECKED", "OPEN", "COST", "FILE", "NEXT"] {
        assert!(lines[0].split_whitespace().any(|name| name == column), "{}", lines[0]);
    }
    let next = [
        format!("numcheck resume {}", &open[..4]),
        format!("numcheck export {} -o results.csv", &settled[..4]),
    ];
    for (line, (name, next)) in lines[1..].iter().zip([(&open, &next[0]), (&settled, &next[1])]) {
        assert!(line.starts_with(name.as_str()) && line.ends_with(next.as_str()), "{line}");
    }
    assert!(lines[2].contains("0.1912 USD"), "{}", lines[2]);
    // A second may have passed.
    let without_age = |text: &str| -> Vec<String> {
        let cells = |line: &str| {
            line.split_whitespace()
                .enumerate()
                .filter(|(at, _)| *at != 1)
                .map(|(_, cell)| cell.to_owned())
                .collect()
        };
        text.lines().flat_map(|line| -> Vec<String> { cells(line) }).collect()
    };
    assert_eq!(without_age(call(&["status"]).exits(0).text()), without_age(listed.text()), "without JOB");
    let json = call(&["jobs", "--json"]).exits(0).json_lines();
    assert_eq!((&json[1]["cost"]["USD"], &json[0]["next"]), (&"0.1912".into(), &next[0].as_str().into()));
}

#[test]
fn a_job_is_named_by_its_beginning_latest_or_its_file() {
    let (job, [settled, open]) = two();
    let status = |name: &str| numcheck(["status", name]).env("NUMCHECK_STORE", job.store()).run();
    let file = job.path("numbers.txt").display().to_string();
    for (typed, meant, exit) in [
        (&settled[..12], &settled, 0),
        ("latest", &open, 3),
        ("numbers.txt", &settled, 0),
        (&file, &settled, 0),
        ("more.txt", &open, 3),
    ] {
        let ended = status(typed).exits(exit);
        assert!(ended.text().starts_with(&format!("job {meant}: ")), "{typed}: {}", ended.text());
        assert!(ended.text().lines().last().unwrap().starts_with("next: numcheck "), "{}", ended.text());
    }
    let unknown = status("85251000000").exits(2).says("no job of this store has such a name");
    assert!(!unknown.stderr.contains("8525100"), "{}", unknown.stderr);
    // Another job of the same file.
    let run = job.start(&["--again"]);
    job.platform.accept().push_all();
    run.end().exits(0);
    let ended = status("numbers.txt").exits(2).says("several jobs are meant").says(&settled);
    assert!(!ended.stderr.contains(&open), "{}", ended.stderr);
    let metrics = numcheck(["status", "--metrics"]).env("NUMCHECK_STORE", job.store());
    metrics.run().exits(2);
}

#[test]
fn forget_takes_a_name_or_its_beginning_and_never_latest_or_a_file() {
    let (job, [settled, open]) = two();
    let forget = |name: &str| numcheck(["forget", name]).env("NUMCHECK_STORE", job.store()).run();
    for typed in ["latest", "numbers.txt", ""] {
        forget(typed).exits(2).says("which is what this verb takes");
    }
    forget(&settled[..12]).exits(0).says(&format!("job {settled} is forgotten"));
    let left = numcheck(["status", &open]).env("NUMCHECK_STORE", job.store());
    left.run().exits(3);
}

#[test]
fn reconcile_says_from_when_it_can_ask() {
    let job = Job::of(1);
    let run = job.start(&["--wait", "0s"]);
    job.platform.accept();
    run.end().exits(3);
    let reconcile = numcheck(["reconcile", "latest"]).envs(job.platform.account());
    let ended = reconcile.env("NUMCHECK_STORE", job.store()).run().exits(3);
    let ended = ended.says("it is too early to ask: nothing is due before 20").says("Z, in 1h");
    assert!(ended.text().starts_with("asked 0 times"), "{}", ended.text());
}

#[test]
fn a_changed_public_url_is_noticed() {
    let job = Job::with("85251000000\n8613800000001\n");
    let run = job.start(&["--wait", "0s"]);
    let [first, _] = [(); 2].map(|()| job.platform.accept());
    run.end().exits(3);
    let public_url = first.dr_url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    // Another address by each call.
    let ended = job.run().args(["--wait", "0s"]).run().exits(3);
    let ended = ended.says(
        "--public-url has changed: the results of 2 batches under way (2 numbers) still go to an earlier one",
    );
    assert!(!ended.stderr.contains("/numcheck/"), "{}", ended.stderr);
    // Nothing goes to the second one, and the batches' own is back.
    let call = numcheck(["resume", "latest"]).envs(job.platform.account()).env("NUMCHECK_STORE", job.store());
    let call = call.args(["--wait", "0s", "--listen", &free_address(), "--public-url", &public_url]);
    let ended = call.run().exits(3);
    assert!(!ended.stderr.contains("has changed"), "{}", ended.stderr);
}

#[test]
fn an_account_under_which_nothing_was_ever_submitted_is_no_other_account() {
    let job = Job::of(1);
    let mistyped = job.run().env("NXCLOUD_BASE_URL", "http://127.0.0.1:1").run().exits(3);
    mistyped.says("could not connect to 127.0.0.1:1");
    let run = job.start(&[]);
    job.platform.accept().push_all();
    let ended = run.end().exits(0);
    assert!(!ended.stderr.contains("access key at another address"), "{}", ended.stderr);
}

#[test]
fn a_receiver_says_how_many_results_it_has_set_aside() {
    let job = Job::of(1);
    let listen = free_address();
    let url = format!("http://{listen}");
    let receive = |arguments: &[&str]| {
        let call = numcheck(["receive", "--public-url", &url]).args(arguments);
        call.env("NUMCHECK_STORE", job.store())
    };
    let fixed = receive(&["--print-url"]).run().exits(0);
    let mut receiver = receive(&["--listen", &listen]).start();
    receiver.wait_for("receiving at");
    let stray = r#"{"messageId":"m","code":0,"batchNo":"nobodys","phone":"85251000000"}"#;
    assert_eq!(push(fixed.text().trim(), stray).unwrap(), 200);
    receiver.wait_for("1 result was set aside: 1 of no number that is known");
    receiver.signal("TERM");
    assert_eq!(receiver.end().exits(0).stderr.matches("set aside").count(), 1, "once");
}
