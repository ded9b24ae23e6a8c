//! `sandbox`: a new account at every start, what the documents leave open, and what goes wrong on purpose, as a process.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::{Sandbox, numcheck};
use numcheck_signing::{Algorithm, Body, Input, Secret, sign};
use serde_json::{Value, json};

const CHECK: &str = "/api/number/check";
const QUERY: &str = "/api/number/query";
const PHONE: &str = "8613800138000";

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The whole answer to a request that is signed at a time; empty where there is none.
fn ask_at(sandbox: &Sandbox, path: &str, body: &Value, at_ms: u64) -> String {
    let (key, body, ts) = (sandbox.text("access_key"), body.to_string(), at_ms.to_string());
    let body_to_sign = Body::Json(body.as_bytes());
    let input = Input { access_key: key, action: "numbercheck", biz_type: "1", ts: &ts, body: body_to_sign };
    let sign = sign(&input, &Secret::from(sandbox.text("access_secret")), Algorithm::Md5);
    let headers = format!(
        "accessKey: {key}\r\nts: {ts}\r\nbizType: 1\r\naction: numbercheck\r\nsign: {}\r\n",
        sign.as_str()
    );
    crate::support::post(&format!("{}{path}", sandbox.text("nxcloud")), &headers, &body).unwrap_or_default()
}

/// The JSON of an answer; null where there is none.
fn content(answer: &str) -> Value {
    answer.split_once("\r\n\r\n").map_or(Value::Null, |(_, body)| serde_json::from_str(body).unwrap())
}

fn submit(sandbox: &Sandbox, batch_no: &str) -> Value {
    let body = json!({"phone": PHONE, "appkey": sandbox.text("appkey"), "batchNo": batch_no});
    content(&ask_at(sandbox, CHECK, &body, now_ms()))
}

fn query(sandbox: &Sandbox, batch_no: &str, date: &str) -> Value {
    let body = json!({"page": 1, "pageSize": 10, "date": date, "batchNo": batch_no});
    content(&ask_at(sandbox, QUERY, &body, now_ms()))
}

fn page(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_str(
        &crate::support::get(&format!("{}/_sandbox/{name}", sandbox.text("nxcloud"))).unwrap(),
    )
    .unwrap()
}

#[test]
fn every_start_has_a_new_account_unless_it_is_named() {
    let keys = ["access_key", "access_secret", "appkey", "qxt_api_key"];
    let account = |arguments: &[&str]| {
        let sandbox = Sandbox::start_with(arguments);
        assert_eq!(submit(&sandbox, "b")["code"], 0, "and it works");
        keys.map(|key| sandbox.text(key).to_owned())
    };
    let different: BTreeSet<String> = [account(&[]), account(&[])].concat().into_iter().collect();
    assert_eq!(different.len(), 8);
    let named = account(&["--access-key", "torture"]);
    assert_eq!((named[0].as_str(), &named), ("torture", &account(&["--access-key", "torture"])));
    numcheck(["sandbox", "--access-key", "two words"]).run().exits(2).says("--access-key");
}

#[test]
fn a_query_finds_what_it_is_told_to_when_it_is_told_to() {
    let quick = ["--callback-delay", "0s", "--query-pace", "off"];
    let any_day = Sandbox::start_with(&[&quick[..], &["--query-date", "ignored"]].concat());
    submit(&any_day, "b");
    assert_eq!(query(&any_day, "b", "2001-01-01")["data"]["totalSize"], 1);
    let hidden = ["--query-date", "ignored", "--visibility-delay", "1h", "--visibility-spread", "1s"];
    let hidden = Sandbox::start_with(&[&quick[..], &hidden].concat());
    submit(&hidden, "b");
    assert_eq!(query(&hidden, "b", "2001-01-01")["data"]["totalSize"], 0);
    for (option, code) in [("--never-query", json!(1005)), ("--never-query=empty", json!(0))] {
        let never = Sandbox::start_with(&[&quick[..], &["--query-date", "ignored", option]].concat());
        submit(&never, "b");
        let answer = query(&never, "b", "2001-01-01");
        assert_eq!((&answer["code"], answer["data"]["totalSize"] == 1), (&code, false));
    }
    let odd = Sandbox::start_with(&[&quick[..], &["--query-oddity", "busy"]].concat());
    assert_eq!(query(&odd, "b", "2001-01-01")["code"], "0");
    for (option, value) in
        [("--query-offset", "841"), ("--query-oddity", "odd"), ("--push-price", "x"), ("--assumption", "x=1")]
    {
        numcheck(["sandbox", option, value]).run().exits(2).says(option);
    }
}

#[test]
fn the_clock_of_the_platform_is_off_and_steps_and_date_follows() {
    let hour = 3_600_000;
    let sandbox = Sandbox::start_with(&["--clock-offset", "-1h", "--step-clock", "0s=-1h"]);
    let body = json!({"phone": PHONE, "appkey": sandbox.text("appkey")});
    // The step comes right after the start, in a task of its own.
    while page(&sandbox, "health")["now_ms"].as_u64().unwrap() > now_ms() - hour - hour / 2 {
        std::thread::yield_now();
    }
    assert_eq!(content(&ask_at(&sandbox, CHECK, &body, now_ms() - hour))["code"], 1004);
    let answer = ask_at(&sandbox, CHECK, &body, now_ms() - 2 * hour);
    assert_eq!(content(&answer)["code"], 0);
    let date =
        answer.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("date: ").map(str::to_owned));
    let date = time_of(&date.unwrap());
    let wanted = UNIX_EPOCH + Duration::from_millis(now_ms() - 2 * hour);
    let off = wanted.duration_since(date).unwrap_or_else(|error| error.duration());
    assert!(off < Duration::from_secs(30 * 60), "{off:?}");
}

/// The time of a `Date` header, to the minute.
fn time_of(date: &str) -> SystemTime {
    let words: Vec<&str> = date.split(' ').collect();
    let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = months.iter().position(|month| *month == words[2]).unwrap() + 1;
    humantime::parse_rfc3339(&format!("{}-{month:02}-{}T{}Z", words[3], words[1], words[4])).unwrap()
}

#[test]
fn chosen_submits_are_lost_held_or_contradicted_and_the_tally_tells_what_was_paid_twice() {
    let sandbox = Sandbox::start_with(&[
        "--lose-answer",
        "1",
        "--lose-request",
        "2",
        "--code-after",
        "3=299",
        "--hold-request",
        "4=10ms,5=10ms",
    ]);
    let answers: Vec<Value> = (0..5).map(|n| submit(&sandbox, &format!("b{n}"))["code"].clone()).collect();
    assert_eq!(answers, [Value::Null, Value::Null, json!(299), json!(0), json!(0)]);
    let tally = page(&sandbox, "tally.json");
    assert_eq!(
        (&tally["submits"], &tally["accepted"], &tally["distinct"]),
        (&json!(4), &json!(4), &json!(1))
    );
    assert_eq!((&tally["paid_twice"], &tally["most"]), (&json!(1), &json!(4)));
    assert_eq!(tally["examples"][0]["batches"], json!(["b0", "b2", "b3", "b4"]));
    let journal = page(&sandbox, "journal.json");
    assert_eq!(
        journal["counts"]["notes"].as_u64().unwrap() - 4,
        2,
        "two were held, and four have no receiver"
    );
}

#[test]
fn what_is_assumed_is_drawn_from_a_seed_said_and_overruled() {
    let start = |arguments: &[&str]| Sandbox::start_with(&[&["--assume", "7"], arguments].concat());
    let (first, second) = (start(&[]), start(&[]));
    assert_eq!((&first.line["assume"], &first.line["assumptions"]), (&json!(7), &second.line["assumptions"]));
    assert_eq!(page(&first, "health")["assumptions"], first.line["assumptions"]);
    let other = Sandbox::start_with(&["--assume", "8"]);
    assert_ne!(other.line["assumptions"], first.line["assumptions"]);
    let overruled =
        start(&["--query-offset", "-720", "--push-price", "-1000000", "--assumption", "auth_status=418"]);
    let chosen = &overruled.line["assumptions"];
    assert_eq!(
        [&chosen["query_offset"], &chosen["told_price"], &chosen["auth_status"]],
        ["-12:00", "-1000000.0000", "418"]
    );
    overruled.running.signal("TERM");
    let Sandbox { running, .. } = overruled;
    let ended = running.end().exits(0);
    let said = ended.stderr.lines().filter(|line| line.contains('=')).count();
    assert!(ended.stderr.contains("from seed 7") && ended.stderr.contains("query_offset=-12:00"));
    assert_eq!(said, chosen.as_object().unwrap().len());
}
