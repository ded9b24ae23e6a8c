//! Every example of the documents, through the command: what a platform answers and pushes, in both dialects.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::job::Job;
use crate::support::{Ended, Platform, numcheck, push};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/tests/fixtures")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

fn example(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

/// The names of all examples that begin so.
fn names(prefixes: &[&str]) -> BTreeSet<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        Some(name.strip_suffix(".json")?.to_owned())
    };
    let names = fs::read_dir(folder()).unwrap().filter_map(name);
    names.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What a command that makes one call makes of an answer.
fn answered(arguments: &[&str], answer: &str) -> Ended {
    let platform = Platform::start();
    let running = numcheck(arguments).envs(platform.account()).start();
    platform.submit().answer_http("200 OK", "application/json", answer);
    running.end()
}

#[test]
fn every_answer_to_a_submit_is_understood() {
    let submit = ["submit", "--json", "--phone", "85251234567"];
    let mut seen = set(&["submit_request"]);
    for (name, exit, id) in [
        ("submit_accepted", 0, "301ef45b8de54d8aad95c5264c3756be"),
        ("submit_v2_accepted", 0, "309b8fb7ce694391a17aa35f5b512209"),
        ("submit_v2_partly", 3, "dc99712066bd483b84b3641c787dab33"),
    ] {
        let shown = answered(&submit, &text(name)).exits(exit).json();
        assert_eq!((&shown["outcome"], &shown["message_id"]), (&json!("accepted"), &json!(id)), "{name}");
        assert_eq!(shown["drift"], json!([]), "{name}");
        seen.insert(name.to_owned());
    }
    for (name, code) in [("submit_refused", 202), ("submit_not_authenticated", 1003)] {
        let shown = answered(&submit, &text(name)).exits(3).json();
        assert_eq!((&shown["outcome"], &shown["code"]), (&json!("refused"), &json!(code)), "{name}");
        assert_eq!(shown["may_have_been_charged"], false, "{name}");
        seen.insert(name.to_owned());
    }
    assert_eq!(seen, names(&["submit_"]));
}

#[test]
fn every_answer_to_a_query_is_understood() {
    let query = ["query", "--json", "--batch-no", "b", "--date", "2024-04-22"];
    let mut seen = set(&["query_request"]);
    for name in ["query_found", "query_v2_found"] {
        let ended = answered(&query, &text(name)).exits(0);
        assert_eq!(ended.json(), example(name)["data"]["result"][0], "{name}: as it came");
        seen.insert(name.to_owned());
    }
    answered(&query, &text("query_empty")).exits(3).says("nothing was found");
    answered(&query, &text("query_not_authenticated")).exits(3).says("1003");
    // A query that failed is repeated by itself: the platform says that it came too early in the same way.
    seen.extend(set(&["query_empty", "query_not_authenticated", "query_failed"]));
    let platform = Platform::start();
    let call = numcheck(query).args(["--timeout", "2s"]).envs(platform.account());
    let running = call.start();
    platform.submit().answer_http("200 OK", "application/json", &text("query_failed"));
    assert!(running.end().stderr.contains("number_check.query"), "and it says so when its time is over");
    assert_eq!(seen, names(&["query_"]));
}

#[test]
fn every_push_of_the_documents_becomes_a_row() {
    let mut seen = BTreeSet::new();
    for (name, state, columns) in [
        ("push_basic", "done", "code=0 region=CN carrier=China Telecom number_type=mobile price=0.1912"),
        ("push_hlr", "done", "validity=YES reachable=UNKNOWN roaming=UNKNOWN valid=YES price=0.9230"),
        ("push_call", "done", "ring=NO answered=NO response=invalid_number price=1.0231"),
        ("push_failed", "failed", "code=114 message=号码格式有误 price="),
        (
            "push_v2_basic",
            "done",
            "code=0 message=请求成功 region=CN carrier=china union number_type=mobile price=0.0020",
        ),
        ("push_v2_hlr", "done", "mcc=310 mnc=10 ported=YES validity=YES"),
        ("push_v2_call", "done", "ring=YES answered=NO response=voicemail"),
        ("push_v2_call_2023", "done", "ring=YES answered=NO response=voicemail"),
        ("push_v2_failed", "failed", "code=266 message=subBalance failed price=0.0020 currency=CNY"),
    ] {
        let job = Job::of(1);
        let run = job.start(&[]);
        let batch = job.platform.accept();
        let mut body = example(name);
        (body["phone"], body["batchNo"]) = (json!(batch.numbers[0]), json!(batch.batch_no));
        assert_eq!(push(&batch.dr_url, &body.to_string()).unwrap(), 200, "{name}");
        let ended = run.end().exits(0);
        assert_eq!(ended.json()["drift"], json!([]), "{name}");
        let row = &job.rows()[0];
        assert_eq!(row["check_state"], state, "{name}");
        // Words may hold blanks: a column begins where a name and an equals sign stand.
        let mut column = String::new();
        let mut wanted: Vec<(String, String)> = Vec::new();
        for word in columns.split(' ') {
            match word.split_once('=') {
                Some((name, value)) => {
                    column = format!("check_{name}");
                    wanted.push((column.clone(), value.to_owned()));
                }
                None => wanted.last_mut().unwrap().1.push_str(&format!(" {word}")),
            }
        }
        assert!(!column.is_empty());
        for (column, value) in wanted {
            assert_eq!(row[&column], value, "{name} {column}");
        }
        seen.insert(name.to_owned());
    }
    assert_eq!(seen, names(&["push_"]));
}

#[test]
fn every_answer_to_an_instant_check_is_understood() {
    let get = ["get", "--json", "--phone", "85251234567"];
    let mut seen = set(&["get_request"]);
    for (name, exit, outcome) in [
        ("get_checked", 0, "checked"),
        ("get_bad_number", 3, "not_checked"),
        ("get_bad_number_reason", 3, "not_checked"),
    ] {
        let shown = answered(&get, &text(name)).exits(exit).json();
        assert_eq!((&shown["outcome"], &shown["drift"]), (&json!(outcome), &json!([])), "{name}");
        seen.insert(name.to_owned());
    }
    let family = names(&["get_code"]);
    assert_eq!(seen, names(&["get_"]).difference(&family).cloned().collect());
}
