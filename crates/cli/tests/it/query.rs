//! `query`, and what the sandbox has for it, as processes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Call, Ended, Platform, Sandbox, numcheck, post};
use numcheck_protocol::{Date, UtcOffset};
use serde_json::{Value, json};

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn today() -> Date {
    Date::from_unix_ms(now_ms(), UtcOffset::BEIJING).unwrap()
}

/// One of the sandbox's own pages.
fn get(sandbox: &Sandbox, path: &str) -> Value {
    let mut stream = TcpStream::connect(sandbox.text("nxcloud").strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// A sandbox whose checks are finished at once, and that answers queries at any pace.
fn sandbox() -> Sandbox {
    Sandbox::start_with(&["--callback-delay", "0s", "--query-pace", "off"])
}

fn call(sandbox: &Sandbox, arguments: &[&str]) -> Call {
    numcheck(arguments).envs(sandbox.account())
}

fn submit(sandbox: &Sandbox, batch_no: &str, phones: &str) -> Value {
    call(sandbox, &["submit", "--json", "--level", "hlr", "--batch-no", batch_no, "--phone", phones])
        .run()
        .exits(0)
        .json()
}

/// Asks for the day on which it is called, and where that finds nothing for the next: midnight may lie in between.
fn query(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    let ask = |day: Date| call(sandbox, &["query", "--date", &day.to_string()]).args(arguments).run();
    let day = today();
    let ended = ask(day);
    if ended.stdout.is_empty() && today() != day { ask(today()) } else { ended }
}

#[test]
fn query_prints_one_json_object_a_check_with_the_platforms_names_in_its_order() {
    let sandbox = sandbox();
    let phones = ["8613800138002", "8613800001123", "8613800138001"];
    submit(&sandbox, "b", &phones.join(","));
    let rows = query(&sandbox, &["--batch-no", "b", "--json"]).exits(0).json_lines();
    let found: Vec<&str> = rows.iter().map(|row| row["phone"].as_str().unwrap()).collect();
    assert_eq!(found, phones);
    assert_eq!(
        (
            &rows[1]["validity"],
            &rows[1]["reachable"],
            &rows[1]["roaming"],
            &rows[1]["price"],
            &rows[1]["currency"]
        ),
        (&json!("YES"), &json!("NO"), &json!("UNKNOWN"), &json!(0.06), &json!("CNY"))
    );
    assert_eq!(
        (&rows[1]["batchNo"], &rows[1]["checkLevel"], &rows[1]["regionCode"]),
        (&json!("b"), &json!(5), &json!("CN"))
    );
}

#[test]
fn query_prints_a_line_a_check_for_people() {
    let sandbox = sandbox();
    submit(&sandbox, "b", "8613800001123");
    let ended = query(&sandbox, &["--batch-no", "b"]).exits(0);
    assert_eq!(
        ended.text(),
        "8613800001123\thlr\tCN\tChina Mobile\tvalid=YES number_type=mobile validity=YES reachable=NO roaming=UNKNOWN\t0.0600 CNY\n"
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn query_finds_one_check_by_its_id_or_by_its_phone() {
    let sandbox = sandbox();
    let id = submit(&sandbox, "one", "8613800138000")["message_id"].as_str().unwrap().to_owned();
    submit(&sandbox, "two", "8613800138000,8613800138001");
    let phones = |arguments: &[&str]| -> Vec<String> {
        let rows = query(&sandbox, arguments).exits(0).json_lines();
        rows.iter().map(|row| format!("{} {}", row["batchNo"], row["phone"])).collect()
    };
    assert_eq!(phones(&["--message-id", &id, "--json"]), [r#""one" "8613800138000""#]);
    assert_eq!(
        phones(&["--batch-no", "two", "--phone", "+86 138 0013 8001", "--json"]),
        [r#""two" "8613800138001""#]
    );
}

#[test]
fn a_query_that_finds_nothing_ends_with_3_and_says_that_it_proves_nothing() {
    let sandbox = sandbox();
    let ended = query(&sandbox, &["--batch-no", "nobody's", "--json"]).exits(3);
    assert!(ended.stdout.is_empty());
    assert_eq!(ended.stderr, "numcheck: nothing was found; that does not prove that nothing was submitted\n");
}

#[test]
fn a_query_that_cannot_be_is_2_and_sends_nothing() {
    let sandbox = sandbox();
    for arguments in [
        &["query", "--date", "2024-04-22"][..],
        &["query", "--batch-no", "b"],
        &["query", "--batch-no", "b", "--date", "22.04.2024"],
        &["query", "--batch-no", "b", "--date", "2024-02-30"],
        &["query", "--batch-no", "b", "--date", "2024-04-22", "--phone", "abc"],
    ] {
        let ended = call(&sandbox, arguments).run().exits(2);
        assert!(ended.stdout.is_empty(), "{arguments:?}");
    }
    let journal = get(&sandbox, "/_sandbox/journal.json");
    assert_eq!(journal["entries"], json!([]));
    query(&sandbox, &["--batch-no", "b"]).exits(3);
    assert_eq!(get(&sandbox, "/_sandbox/journal.json")["entries"][0]["endpoint"], "number_check.query");
}

#[test]
fn a_refused_query_is_3_and_one_without_an_answer_is_1_and_neither_is_in_doubt() {
    let sandbox = sandbox();
    let arguments = ["query", "--batch-no", "b", "--date", "2024-04-22", "--json"];
    let refused = call(&sandbox, &arguments).env("NXCLOUD_ACCESS_SECRET", "wrong").run().exits(3).json();
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("refused"), &json!(1003)));
    assert_eq!(refused["may_have_been_charged"], false);

    let platform = Platform::start();
    let running = numcheck(arguments).envs(platform.account()).start();
    platform.submit().answer_http("200 OK", "text/html", "<html></html>");
    let lost = running.end().exits(1).json();
    assert_eq!(
        (&lost["outcome"], &lost["sent"], &lost["may_have_been_charged"]),
        (&json!("failed"), &json!("yes"), &json!(false))
    );
}

#[test]
fn the_same_seed_gives_the_same_ids_for_the_same_batch_numbers() {
    let ids = |seed: &str, order: [&str; 2]| {
        let sandbox = Sandbox::start_with(&["--seed", seed, "--access-key", "the-same"]);
        let mut ids = order.map(|batch| {
            let accepted = submit(&sandbox, batch, "8613800138000,8613800138001");
            (batch.to_owned(), accepted["message_id"].as_str().unwrap().to_owned())
        });
        ids.sort();
        ids
    };
    assert_eq!(ids("7", ["a", "b"]), ids("7", ["b", "a"]));
    assert_ne!(ids("7", ["a", "b"]), ids("8", ["a", "b"]));
}

const BODY: &str = r#"{"page":1,"pageSize":1,"date":"2024-04-22","batchNo":"b"}"#;

/// The headers of a query that was signed so long ago.
fn signed(sandbox: &Sandbox, age_ms: u64) -> String {
    let ts = (now_ms() - age_ms).to_string();
    let sign = ["sign", "--ts", &ts, "--biz-type", "1", "--action", "numbercheck", "--body-file", "-"];
    let sign = call(sandbox, &sign).stdin(BODY).run().exits(0).text().trim().to_owned();
    let key = sandbox.text("access_key");
    format!(
        "accessKey: {key}\r\nts: {ts}\r\nbizType: 1\r\naction: numbercheck\r\nsign: {sign}\r\n\
         content-type: application/json\r\n"
    )
}

/// The code that a query with these headers gets.
fn code(sandbox: &Sandbox, headers: &str) -> Value {
    let answer = post(&format!("{}/api/number/query", sandbox.text("nxcloud")), headers, BODY).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<Value>(body).unwrap()["code"].clone()
}

#[test]
fn the_sandbox_takes_a_timestamp_for_as_long_as_fresh_says() {
    for (fresh, age_ms, wanted) in [("2h", 3_600_000, 0), ("60s", 3_600_000, 1004), ("2h", 7_300_000, 1004)] {
        let sandbox = Sandbox::start_with(&["--fresh", fresh]);
        assert_eq!(code(&sandbox, &signed(&sandbox, age_ms)), wanted, "{fresh} {age_ms}");
    }
}

#[test]
fn the_sandbox_refuses_a_query_that_comes_too_early_unless_the_pace_is_off() {
    for (pace, second) in [("off", 0), ("refuse", 88)] {
        let sandbox = Sandbox::start_with(&["--query-pace", pace, "--fresh", "1h"]);
        let headers = signed(&sandbox, 0);
        assert_eq!(code(&sandbox, &headers), 0, "{pace}");
        assert_eq!(code(&sandbox, &headers), second, "{pace}");
    }
}
