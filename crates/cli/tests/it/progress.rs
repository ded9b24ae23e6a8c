//! What a run says while it works and when it has ended, to a person and to a program.

use std::fs;

use serde_json::{Value, json};

use crate::support::job::Job;
use crate::support::scene::Scene;
use crate::support::{Batch, Ended, column, data, numcheck, push, rows};

/// Every line of standard error, each of which must be an object with the kind of its event.
#[track_caller]
fn events(ended: &Ended) -> Vec<(String, Value)> {
    let event = |line: &str| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        (object["event"].as_str().unwrap_or_else(|| panic!("no event: {line}")).to_owned(), object)
    };
    ended.stderr.lines().map(event).collect()
}

#[test]
fn with_progress_json_every_line_of_stderr_is_json() {
    let run = numcheck(["--log", "info", "run"]).arg(data("messy-numbers.csv"));
    let run = run.args(["--sandbox", "--callback-delay", "10ms", "--progress", "json"]);
    let ended = run.run().exits(3);
    let events = events(&ended);
    for kind in ["progress", "note", "log", "summary"] {
        assert!(events.iter().any(|(event, _)| event == kind), "no {kind}: {}", ended.stderr);
    }
    let (_, first) = events.iter().find(|(event, _)| event == "progress").unwrap();
    for figure in ["numbers", "submitted", "received", "failed", "cost", "seconds_left", "waiting"] {
        assert!(first.get(figure).is_some(), "{first}");
    }
    let (last, summary) = events.last().unwrap();
    assert_eq!(
        (last.as_str(), &summary["invalid"], &summary["invented"]),
        ("summary", &json!(5), &json!(true))
    );
}

#[test]
fn errors_are_json_too_where_progress_is() {
    let no_file = numcheck(["run", "nowhere.csv", "--sandbox", "--progress", "json"]).run().exits(2);
    let no_job = numcheck(["resume", "latest"]).env("NUMCHECK_PROGRESS", "json").run().exits(2);
    let no_key = numcheck(["privacy", "13800000001", "--progress=json"]).run().exits(2);
    for ended in [no_file, no_job, no_key] {
        let (event, error) = events(&ended).pop().unwrap();
        assert_eq!(event, "error", "{error}");
        assert!(error["text"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        assert!(error["because"].is_array(), "{error}");
    }
}

#[test]
fn progress_none_says_nothing_before_the_summary_and_another_word_is_refused() {
    let run = |how: &str| {
        let run = numcheck(["run"]).arg(data("example-numbers.csv"));
        run.args(["--sandbox", "--callback-delay", "10ms", "--progress", how]).run()
    };
    let ended = run("none").exits(0);
    assert!(
        ended.stderr.starts_with("checked 926: ") && ended.stderr.lines().count() == 1,
        "{}",
        ended.stderr
    );
    run("loud").exits(2).says("'loud'");
}

#[test]
fn what_a_sandbox_invents_is_marked_in_summary_and_file() {
    let scene = Scene::start();
    let standalone = scene.call(&["run"]).arg(scene.path("numbers.csv"));
    let listen = crate::support::free_address();
    let standalone = standalone.args(["--listen", &listen, "--public-url", &format!("http://{listen}")]);
    let embedded =
        numcheck(["run"]).arg(scene.path("numbers.csv")).args(["--sandbox", "--callback-delay", "10ms"]);
    for call in [standalone, embedded] {
        let ended = call.run().exits(0).says("invented results");
        for message in column(&rows(&ended.stdout), "check_message") {
            assert!(message.starts_with("invented by a sandbox"), "{message}");
        }
    }
    // A platform on loopback is no sandbox for that alone.
    let job = Job::of(1);
    let run = job.platform.run(&job.path("numbers.txt")).env("NUMCHECK_STORE", job.store()).start();
    job.platform.accept().push_all();
    let ended = run.end().exits(0);
    assert!(!ended.stderr.contains("invented") && !ended.text().contains("invented"), "{}", ended.stderr);
}

#[test]
fn the_summary_is_the_last_line() {
    let job = Job::of(2);
    let run = job.platform.run(&job.path("numbers.txt")).env("NUMCHECK_STORE", job.store());
    let run = run.arg("-o").arg(job.path("out.csv")).args(["--wait", "0s"]).start();
    drop(job.platform.submit());
    let ended = run.end().exits(3).says("go on by: ").says("in doubt");
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.starts_with("checked 0: "), "{}", ended.stderr);
}

/// Pushes a failure for each number of a batch.
fn push_failures(batch: &Batch, code: i64) {
    for phone in &batch.numbers {
        let mut result = batch.result(phone);
        result["code"] = code.into();
        result["data"] = json!({});
        assert_eq!(push(&batch.dr_url, &result.to_string()).unwrap(), 200);
    }
}

#[test]
fn a_run_whose_results_all_failed_says_why_by_code() {
    let job = Job::of(2);
    let run = job.platform.run(&job.path("numbers.txt")).env("NUMCHECK_STORE", job.store()).start();
    push_failures(&job.platform.accept(), 114);
    let ended = run.end().exits(0).says("note: 2 results failed with 114 BAD_NUMBER: ");
    let advice = numcheck(["explain", "114", "--json"]).run().exits(0);
    let advice = &advice.json_lines()[0]["advice"];
    assert!(ended.stderr.contains(advice.as_str().unwrap()), "{}", ended.stderr);
}

#[test]
fn fail_on_gives_scripts_an_exit_code() {
    let job = Job::of(2);
    let run = job.start(&["--fail-on", "invalid,failed"]);
    push_failures(&job.platform.accept(), 114);
    assert_eq!(run.end().exits(4).json()["failed"], 2);
    let export = |states: &str| {
        let call = numcheck(["export", "latest"]).env("NUMCHECK_STORE", job.store());
        call.env("NUMCHECK_FAIL_ON", states).run()
    };
    export("failed").exits(4);
    export("done,in_doubt").exits(0);
    export("broken").exits(2);
}

#[test]
fn an_output_folder_that_is_not_there_is_named_and_nothing_is_sent() {
    let job = Job::of(1);
    let out = job.path("nowhere").join("out.csv");
    let ended = job.platform.run(&job.path("numbers.txt")).arg("-o").arg(out).run().exits(2);
    assert!(
        ended.stderr.contains("there is no folder") && !ended.stderr.contains(".part"),
        "{}",
        ended.stderr
    );
    assert!(job.platform.seen().is_empty());
}

#[test]
fn why_numbers_are_invalid_is_said_and_not_only_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("numbers.csv"), "phone\n85251000001\n138\n").unwrap();
    let run = numcheck(["run", "numbers.csv", "--sandbox", "--callback-delay", "10ms"]).dir(dir.path());
    run.run().exits(3).says("note: 1 invalid: too_short: ");
}
