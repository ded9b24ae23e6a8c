//! The log of a process that runs at night: a line for each batch, and JSON for a collector.

use serde_json::Value;

use crate::support::job::Job;
use crate::support::{free_address, json_lines, numcheck};

/// Whether a text is a time as RFC 3339 has it, in UTC.
fn is_utc(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    humantime::parse_rfc3339(text).is_ok() && text.ends_with('Z')
}

#[test]
fn a_batch_has_a_line_when_it_is_accepted_and_when_it_is_complete_with_named_fields() {
    let job = Job::of(2);
    let listen = free_address();
    let receive = numcheck(["receive", "--listen", &listen, "--log", "info", "--log-format", "json"]);
    let mut receive = receive.env("NUMCHECK_STORE", job.store()).start();
    receive.wait_for("receiving at");
    let url = format!("http://{listen}");
    let run = numcheck(["run", "--log", "info", "--listen", &free_address(), "--public-url", &url]);
    let run = run.arg(job.path("numbers.txt")).arg("-o").arg(job.path("out.csv"));
    let run = run.envs(job.platform.account()).env("NUMCHECK_STORE", job.store()).start();
    let batch = job.platform.accept();
    let accepted: Value = serde_json::from_str(&receive.wait_for("batch accepted")).unwrap();
    assert_eq!((&accepted["batch_no"], &accepted["of"]), (&batch.batch_no.as_str().into(), &2.into()));
    batch.push_all();
    let complete: Value = serde_json::from_str(&receive.wait_for("batch complete")).unwrap();
    let figures = ["received", "of", "failed"].map(|name| complete[name].as_u64().unwrap());
    assert_eq!((figures, &complete["level"]), ([2, 2, 0], &"INFO".into()));
    run.end().exits(0).says("batch complete");
    receive.signal("TERM");
    let ended = receive.end().exits(0);
    // Every line is an object with its time, and none holds a phone number.
    let lines = json_lines(&ended.stderr);
    assert!(lines.iter().all(|line| is_utc(&line["timestamp"])), "{}", ended.stderr);
    let told: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(told.len(), lines.len());
    assert!(told.contains(&"message") && told.contains(&"log"), "{told:?}");
    assert!(!ended.stderr.contains("8525"), "{}", ended.stderr);
}

#[test]
fn errors_and_secrets_in_a_log_of_json() {
    let job = Job::of(1);
    let run = job.run().args(["--wait", "1ms", "--log-format", "json", "--log", "debug"]).start();
    job.platform.submit().refuse(9999, "test-access-secret \" \u{202e} nobody knows test-access-secret");
    let ended = run.end().exits(3);
    json_lines(&ended.stderr);
    assert!(!ended.stderr.contains("test-access-secret"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{202e}'), "{}", ended.stderr);
    let call =
        numcheck(["backup", "x.db", "--log-format", "json"]).env("NUMCHECK_STORE", job.path("none.db"));
    let error = call.run().exits(2).json_on_stderr();
    assert_eq!(error["event"], "error");
    assert!(error["text"].as_str().unwrap().contains("there is no store"), "{error}");
}
