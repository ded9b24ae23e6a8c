//! How the command ends when it is asked to, as a process: at once, cleanly, and with a call on its way.

use std::process::Command;
use std::thread;

use crate::support::job::Job;
use crate::support::{Platform, Sandbox, Submit, column, numcheck, signal};
use serde_json::{Value, json};

const PHONE: &str = "8613912345678";

/// Sends a signal twice at the same time, as `timeout` does.
fn signal_twice(pid: u32) {
    let sent =
        Command::new("sh").args(["-c", &format!("kill -TERM {pid}; kill -TERM {pid}")]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_verb_that_does_not_stop_cleanly_ends_at_the_first_signal() {
    let platform = Platform::start();
    let query =
        numcheck(["query", "--batch-no", "b", "--date", "2026-01-01"]).envs(platform.account()).start();
    let _unanswered = platform.submit();
    query.signal("TERM");
    query.end().exits(130);
}

/// Each exits, and is not killed: so it ends as process 1 as well, to which a signal does nothing by itself.
#[test]
fn one_signal_ends_a_verb_that_reads_its_input_and_nothing_was_sent() {
    let platform = Platform::start();
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("jobs.db");
    // `forget` and `history` look into a store.
    let privacy = numcheck(["privacy", "--yes", "13912345678"]).env("NUMCHECK_STORE", &store);
    privacy.envs([("QXT_API_KEY", "k"), ("QXT_BASE_URL", "http://127.0.0.1:9")]).run().exits(3);
    let signed = ["--ts", "1", "--biz-type", "1", "--action", "a", "--body-file", "-"];
    let verify = [&["verify", "--sign", "s"][..], &signed].concat();
    let sign = [&["sign"][..], &signed].concat();
    let verbs: [&[&str]; 13] = [
        &["run", "-", "--yes", "--delivery", "poll"],
        &["plan", "-"],
        &["submit", "--phone-file", "-", "--yes"],
        // A name for the same pipe.
        &["submit", "--phone-file", "/dev/stdin", "--yes"],
        &["get", "--phone-file", "-", "--yes"],
        &["privacy", "-", "--yes"],
        &["whatsapp", "get-code", "--phone-file", "-", "--yes"],
        &["whatsapp", "create-client", "--phone-file", "-"],
        &["whatsapp", "check-code", "--phone", PHONE],
        &["history", "-"],
        &["forget", "--number", "-"],
        &sign,
        &verify,
    ];
    for (verb, signal) in verbs.into_iter().zip(["TERM", "INT"].into_iter().cycle()) {
        let call = numcheck(verb).envs(platform.account()).env("NUMCHECK_STORE", &store);
        let call = call.envs([("QXT_API_KEY", "k"), ("QXT_BASE_URL", "http://127.0.0.1:9")]);
        let (running, _stdin) = call.start_reading();
        running.signal(signal);
        let ended = running.end().exits(130).says("stopped on request; nothing was sent or paid");
        assert!(!ended.stderr.contains("stopping:"), "{verb:?}: {}", ended.stderr);
    }
    assert!(platform.try_submit().is_none());
}

#[test]
fn two_signals_at_the_same_time_are_one() {
    let sandbox = Sandbox::start();
    signal_twice(sandbox.running.pid());
    sandbox.running.end().exits(0);
}

#[test]
fn a_run_that_is_signalled_twice_at_once_still_writes_its_results() {
    let job = Job::of(2);
    let run = job.start(&[]);
    job.platform.accept();
    signal_twice(run.pid());
    run.end().exits(3);
    assert_eq!(job.rows().len(), 2);
}

#[test]
fn a_call_on_its_way_is_waited_for_and_then_in_doubt() {
    let platform = Platform::start();
    let get_code = || {
        let call = numcheck(["whatsapp", "get-code", "--json", "--phone", PHONE]).envs(platform.account());
        let running = call.start();
        let asked = platform.submit();
        signal(running.pid(), "TERM");
        (running, asked)
    };
    let (mut running, asked) = get_code();
    running.wait_for("stopping");
    asked.answer_http("200 OK", "application/json", r#"{"code":0,"message":"Request successful"}"#);
    assert_eq!(running.end().exits(0).json(), json!({"outcome": "sent", "code": 0}));

    let (running, unanswered) = get_code();
    let ended = running.end().exits(3).says("see whether a message arrives before asking for another");
    let told = ended.json();
    assert_eq!(
        (&told["outcome"], &told["sent"], &told["may_have_been_charged"]),
        (&json!("in_doubt"), &json!("maybe"), &json!(true))
    );
    drop(unanswered);
}

#[test]
fn after_a_stop_what_was_submitted_is_pending_and_its_price_is_not_known_yet() {
    let job = Job::of(2);
    let run = job.platform.run(&job.path("numbers.txt")).env("NUMCHECK_STORE", job.store());
    let run = run.arg("-o").arg(job.path("out.csv")).start();
    job.platform.accept();
    signal(run.pid(), "TERM");
    let ended = run.end().exits(3).says("2 submitted, price not known yet");
    assert!(ended.stderr.contains("2 pending") && !ended.stderr.contains("cost nothing"), "{}", ended.stderr);
    assert!(ended.stderr.contains("numcheck resume "), "{}", ended.stderr);
    assert_eq!(job.states(), ["pending"; 2]);
    assert_eq!(column(&job.export(), "check_state"), ["pending"; 2]);
}

#[test]
fn export_half_way_says_pending_and_not_missing() {
    let job = Job::of(3);
    let mut run = job.start(&["--batch-size", "2"]);
    run.wait_for("using the store");
    let accepted = job.platform.accept();
    let unanswered = job.platform.submit();
    accepted.push(&accepted.numbers[0]);
    let states = column(&job.export(), "check_state").into_iter().map(str::to_owned).collect::<Vec<_>>();
    let count = |state: &str| states.iter().filter(|one| *one == state).count();
    assert_eq!((count("done"), count("pending")), (1, 2), "{states:?}");
    unanswered.accept();
    run.signal("TERM");
    run.end().exits(3);
}

fn is_query(submit: &Submit) -> bool {
    submit.head.contains("/api/number/query ")
}

#[test]
fn a_run_that_is_asking_for_results_ends_when_it_is_told_to() {
    let job = Job::of(2);
    let run = job.start(&["--delivery", "poll", "--minute", "1s"]);
    let first = job.platform.submit();
    assert!(!is_query(&first));
    first.accept();
    let unanswered = job.platform.submit();
    assert!(is_query(&unanswered), "{}", unanswered.head);
    signal_twice(run.pid());
    run.end().exits(3).says("stopping");
    assert_eq!(job.states(), ["pending"; 2]);
    drop(unanswered);
}

#[test]
fn a_job_that_had_its_results_pushed_goes_on_by_polling_where_resume_says_so() {
    let job = Job::of(3);
    let mut run = job.start(&["--batch-size", "2", "--concurrency", "1"]);
    let first = job.platform.submit();
    assert!(first.body["drUrl"].is_string());
    let mut accepted = vec![first.batch()];
    run.signal("TERM");
    run.wait_for("stopping");
    first.accept();
    run.end().exits(3);
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    // Nothing listens, and no public URL is given.
    let resume =
        numcheck(["resume", jobs["job"].as_str().unwrap(), "--delivery", "poll", "--minute", "10ms"]);
    let resume = resume.envs(job.platform.account()).env("NUMCHECK_STORE", job.store());
    let resume = resume.args(["--json", "-o"]).arg(job.path("out.csv")).start();
    let resume = thread::spawn(move || resume.end());
    while !resume.is_finished() {
        let Some(asked) = job.platform.try_submit() else { continue };
        if !is_query(&asked) {
            assert!(asked.body.get("drUrl").is_none(), "{}", asked.body);
            accepted.push(asked.batch());
            asked.accept();
            continue;
        }
        let batch_no = asked.body["batchNo"].as_str().unwrap();
        let batch = accepted.iter().find(|batch| batch.batch_no == batch_no).unwrap();
        let row = |phone| json!({"batchNo": batch_no, "phone": phone, "preCheck": "YES", "regionCode": "HK"});
        let rows: Vec<Value> = batch.numbers.iter().map(row).collect();
        let reply = json!({"code": 0, "data": {"totalPage": 1, "totalSize": rows.len(), "result": rows}});
        asked.answer_http("200 OK", "application/json", &reply.to_string());
    }
    assert_eq!(resume.join().unwrap().exits(0).json()["done"], 3);
    assert_eq!(accepted.iter().map(|batch| batch.numbers.len()).collect::<Vec<_>>(), [2, 1]);
}
