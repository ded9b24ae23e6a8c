//! How the command ends when it is asked to, as a process: at once, cleanly, and with a call on its way.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)] // a test may fail where it stands

mod support;

use std::process::Command;

use serde_json::json;
use support::job::Job;
use support::{Platform, Sandbox, numcheck, signal};

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
