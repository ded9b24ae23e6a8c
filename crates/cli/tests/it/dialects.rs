//! An account of the second dialect, through the command: instant checks, numbers that are not taken, pushes and rows of its form.

use std::fs;
use std::path::Path;

use crate::support::job::Job;
use crate::support::{Call, Platform, numcheck, push};
use serde_json::{Value, json};

const NUMBER: &str = "85251234567";

fn call(platform: &Platform, arguments: &[&str]) -> Call {
    numcheck(arguments).envs(platform.account())
}

/// An example of the documents.
fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/tests/fixtures");
    fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()
}

/// What `numcheck get` makes of an answer.
fn get(arguments: &[&str], answer: &str) -> crate::support::Ended {
    let platform = Platform::start();
    let running = call(&platform, &["get", "--phone-file", "-"]).args(arguments).stdin(NUMBER).start();
    let submit = platform.submit();
    assert!(submit.head.starts_with("POST /api/number/check/get HTTP/1.1"), "{}", submit.head);
    assert_eq!((&submit.body["phone"], &submit.body["drUrl"]), (&json!(NUMBER), &Value::Null));
    submit.answer_http("200 OK", "application/json", answer);
    let ended = running.end();
    assert_eq!(platform.seen().len(), 1, "one request");
    ended
}

#[test]
fn get_prints_the_result_of_the_documents_example() {
    let ended = get(&[], &example("get_checked")).exits(0);
    assert_eq!(ended.text(), "8523xxx83\t-\tHK\tUS OP\tnumber_type=others\t2.1200 USD\n");
    let shown = get(&["--json"], &example("get_checked")).exits(0).json();
    assert_eq!(
        shown,
        json!({"outcome": "checked", "phone": "8523xxx83", "message_id": "03afb3160b974b8f848f1162512de05f",
               "batch_no": "801954138129", "region": "HK", "number_type": "others", "carrier": "US OP", "price": "2.1200",
               "currency": "USD", "drift": []})
    );
}

#[test]
fn get_says_that_a_bad_number_was_not_checked_and_exits_with_3() {
    for name in ["get_bad_number", "get_bad_number_reason"] {
        let ended = get(&[], &example(name)).exits(3).says("could not check the number");
        assert_eq!(ended.text(), "");
        assert_eq!(get(&["--json"], &example(name)).exits(3).json()["outcome"], "not_checked");
    }
    let quoted = json!({"code": 0, "data": {"failNumber": [{"number": NUMBER, "reason": format!("{NUMBER} is none")}]}});
    let ended = get(&[], &quoted.to_string()).exits(3).says("85*******67 is none");
    assert!(!ended.stderr.contains(NUMBER));
}

#[test]
fn get_prints_a_reply_of_another_form_whole_because_it_may_have_been_paid_for() {
    for odd in [
        r#"{"code":0,"data":[{"country":"HK"}]}"#,
        r#"{"code":0,"data":{"basis":{"country":"HK"}}}"#,
        r#"{"code":0,"data":{"basic":{}}}"#,
        r#"{"code":0,"data":{"basic":{"country":"HK"},"failNumber":"some"}}"#,
    ] {
        let ended = get(&[], odd).exits(3).says("may have been paid for");
        assert_eq!(ended.text().trim_end(), odd);
        let shown = get(&["--json"], odd).exits(3).json();
        assert_eq!(
            (&shown["outcome"], &shown["reply"]),
            (&json!("unclear"), &serde_json::from_str(odd).unwrap())
        );
    }
}

#[test]
fn get_is_refused_or_in_doubt_like_a_submit() {
    get(&[], r#"{"code":211,"message":"poor","data":null}"#).exits(3).says("BALANCE_TOO_LOW");
    get(&[], "<html>").exits(3).says("do not send it again").says("numcheck reconcile ");
}

/// A platform and a folder with a store: a `get` was answered with what cannot be read.
fn after_an_unread_get() -> (Platform, tempfile::TempDir) {
    let (platform, dir) = (Platform::start(), tempfile::tempdir().unwrap());
    let get =
        call(&platform, &["get", "--phone-file", "-"]).env("NUMCHECK_STORE", dir.path().join("jobs.db"));
    let running = get.stdin(NUMBER).start();
    platform.submit().answer_http("200 OK", "application/json", "<later>");
    running.end().exits(3);
    (platform, dir)
}

/// The reply is mended in the store, in place of a program that learnt to read it.
#[test]
fn a_reply_to_get_that_is_learnt_to_be_read_ends_its_doubt() {
    let (platform, dir) = after_an_unread_get();
    let path = dir.path().join("jobs.db");
    let verb = |arguments: &[&str]| call(&platform, arguments).env("NUMCHECK_STORE", &path);
    assert!(verb(&["receive", "--show-quarantine"]).run().exits(0).text().contains("<later>"));
    let store = rusqlite::Connection::open(&path).unwrap();
    let reply = example("get_checked").replace("8523xxx83", NUMBER);
    assert_eq!(store.execute("UPDATE results SET body = CAST(? AS BLOB)", [reply]).unwrap(), 1);
    drop(store);
    let reread = verb(&["receive", "--reread", "--json"]).run().exits(0).json();
    assert_eq!((&reread["entered"], &reread["left"]), (&json!(1), &json!(0)));
    let known = verb(&["get", "--phone-file", "-"]).stdin(NUMBER).run().exits(0);
    assert!(known.stderr.contains("it is not paid for again"), "{}", known.stderr);
    assert_eq!(platform.seen().len(), 1, "one request");
    // What can be read and says nothing is in doubt as before, and not kept for later.
    let running = verb(&["get", "--phone-file", "-"]).stdin("85251234568").start();
    platform.submit().answer_http("502 Bad", "application/json", r#"{"error":"busy"}"#);
    running.end().exits(3);
    let kept = verb(&["receive", "--show-quarantine"]).run().exits(0);
    assert_eq!(kept.text(), "");
    assert!(kept.stderr.contains("nothing is quarantined"), "{}", kept.stderr);
}

#[test]
fn a_store_that_fails_hides_no_doubt_about_a_get() {
    let (platform, dir) = after_an_unread_get();
    let path = dir.path().join("jobs.db");
    let verb = |arguments: &[&str]| call(&platform, arguments).env("NUMCHECK_STORE", &path);
    let store = rusqlite::Connection::open(&path).unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON results BEGIN SELECT RAISE(ABORT, 'full'); END";
    store.execute_batch(full).unwrap();
    drop(store);
    let running = verb(&["get", "--phone-file", "-"]).stdin("85251234568").start();
    platform.submit().answer_http("200 OK", "application/json", "<later>");
    running.end().exits(1).says("do not send it again").says("numcheck reconcile ");
    let jobs = verb(&["jobs", "--json"]).run().exits(0).json_lines();
    let status = verb(&["status", "--json", jobs[0]["job"].as_str().unwrap()]).run().json();
    assert_eq!(status["in_doubt"], 1, "{status}");
}

#[test]
fn get_checks_one_number_at_a_time() {
    let platform = Platform::start();
    for (numbers, what) in
        [("85251234567,85251234568", "--phone-file"), ("", "--phone-file"), ("none", "it has letters")]
    {
        call(&platform, &["get", "--phone-file", "-"])
            .stdin(numbers)
            .run()
            .exits(2)
            .says(what)
            .says("nothing was sent");
    }
    assert!(platform.seen().is_empty());
}

#[test]
fn submit_tells_which_numbers_were_not_taken() {
    let submit = |arguments: &[&str]| {
        let platform = Platform::start();
        let numbers = ["submit", "--countries", "many", "--phone-file", "-"];
        let running = call(&platform, &numbers)
            .args(arguments)
            .stdin("85251234567,8613800500000,8613800500001")
            .start();
        let submit = platform.submit();
        assert_eq!(submit.body["phone"], "85251234567,8613800500000,8613800500001");
        let failed = json!([{"number": "8613800500000", "reason": "invalid"}]);
        let data = json!({"requestId": "m", "batchNo": "b", "failNumber": failed});
        submit.answer_http(
            "200 OK",
            "application/json",
            &json!({"code": 0, "message": "Success", "data": data}).to_string(),
        );
        running.end().exits(3)
    };
    assert_eq!(
        submit(&[]).says("did not take 1 of the numbers").text(),
        "accepted 2 numbers: message id m, batch number b\nnot taken\t8613800500000\tinvalid\n"
    );
    let shown = submit(&["--json"]).json();
    assert_eq!((&shown["dialect"], &shown["message_id"]), (&json!("v2"), &json!("m")));
    assert_eq!(shown["not_taken"], json!([{"number": "8613800500000", "reason": "invalid"}]));
}

#[test]
fn numbers_of_several_countries_are_not_sent_unless_asked_for() {
    let platform = Platform::start();
    let mixed = call(&platform, &["submit", "--phone-file", "-"]).stdin("85251234567,8613800500000");
    mixed.run().exits(2).says("one country");
    assert!(platform.seen().is_empty());
}

/// An answer that takes a submit, in v2.
fn taken(submit: &crate::support::Submit, failed: &Value) -> String {
    let data = json!({"requestId": "309b8fb7ce694391a17aa35f5b512209", "batchNo": submit.body["batchNo"], "failNumber": failed});
    json!({"code": 0, "message": "Success", "data": data, "traceId": "e8e81d8a"}).to_string()
}

/// A pushed result of v2.
fn pushed(batch: &crate::support::Batch, phone: &str) -> String {
    json!({
        "message": "请求成功", "code": 0, "batchNo": batch.batch_no, "requestId": "309b8fb7ce694391a17aa35f5b512209-250142",
        "phone": phone, "data": {"numberType": "mobile", "operator": "china union", "mcc": "010", "mnc": "01", "ported": "yes",
        "active": "YES", "country": "CN"}, "cost": {"price": 0.002, "currency": "CNY"},
    })
    .to_string()
}

#[test]
fn numbers_of_several_countries_travel_together_once_the_account_has_answered_in_v2() {
    let job = Job::with("85251234567\n8613800500000\n");
    // Of an account of which nothing is known: one country a batch.
    let run = job.start(&[]);
    for _ in 0..2 {
        let submit = job.platform.submit();
        let batch = submit.batch();
        assert_eq!(batch.numbers.len(), 1);
        let answer = taken(&submit, &json!([]));
        submit.answer_http("200 OK", "application/json", &answer);
        assert_eq!(push(&batch.dr_url, &pushed(&batch, &batch.numbers[0])).unwrap(), 200);
    }
    run.end().exits(0);
    let rows = job.rows();
    let first = &rows[0];
    for (column, value) in [
        ("check_state", "done"),
        ("check_region", "CN"),
        ("check_number_type", "mobile"),
        ("check_carrier", "china union"),
        ("check_validity", "YES"),
        ("check_ported", "YES"),
        ("check_mcc", "010"),
        ("check_mnc", "01"),
        ("check_price", "0.0020"),
        ("check_message_id", "309b8fb7ce694391a17aa35f5b512209-250142"),
    ] {
        assert_eq!(first[column], value, "{column}");
    }

    fs::write(job.path("numbers.txt"), "85251234568\n8613800500001\n18005551234\n").unwrap();
    let run = job.start(&[]);
    let submit = job.platform.submit();
    let batch = submit.batch();
    assert_eq!(batch.numbers.len(), 3, "one request for three countries");
    let answer = taken(&submit, &json!([]));
    submit.answer_http("200 OK", "application/json", &answer);
    for phone in &batch.numbers {
        assert_eq!(push(&batch.dr_url, &pushed(&batch, phone)).unwrap(), 200);
    }
    run.end().exits(0);

    // Who wants one country a request says so; it is no reason to pay again.
    job.start(&["--countries", "one"]).end().exits(0).says("3 of the numbers have a result already");
    fs::write(job.path("numbers.txt"), "85251234569\n8613800500002\n18005551235\n").unwrap();
    let plan = |countries: &str| {
        let call = numcheck(["plan", "--json", "--countries", countries]).arg(job.path("numbers.txt"));
        call.envs(job.platform.account()).env("NUMCHECK_STORE", job.store()).run().exits(0).json()["batches"]
            .clone()
    };
    assert_eq!((plan("auto"), plan("one"), plan("many")), (json!(1), json!(3), json!(1)));
    assert_eq!(job.platform.seen().len(), 3);
}

#[test]
fn numbers_that_were_not_taken_are_refused_with_whatever_reason_came_and_never_sent_again() {
    let job = Job::of(4);
    let run = job.start(&[]);
    let submit = job.platform.submit();
    let batch = submit.batch();
    // One as it is, one masked as the vendor's samples are, and one that fits nothing.
    let masked = format!("852xxxx{}", &batch.numbers[1][7..]);
    let failed = json!([{"number": batch.numbers[0], "reason": "no such number"}, {"number": masked, "failCode": 7}, {"number": "999***6789"}]);
    let answer = taken(&submit, &failed);
    submit.answer_http("200 OK", "application/json", &answer);
    for phone in &batch.numbers[2..] {
        assert_eq!(push(&batch.dr_url, &pushed(&batch, phone)).unwrap(), 200);
    }
    let summary = run.end().exits(3).json();
    assert_eq!(
        (&summary["refused"], &summary["done"], &summary["missing"]),
        (&json!(2), &json!(2), &json!(0))
    );
    assert_eq!(job.states(), ["refused", "refused", "done", "done"]);
    assert!(job.quarantine().contains("999***6789"), "what fits nothing is quarantined");
    let rows = job.rows();
    assert_eq!(rows[0]["check_message"], "no such number");
    assert_eq!(rows[1]["check_message"], "failCode 7");
    assert_eq!(
        (rows[0]["check_price"].as_str(), rows[0]["check_batch_no"].as_str()),
        ("", batch.batch_no.as_str())
    );
    job.start(&[]).end().exits(3);
    assert_eq!(job.platform.seen().len(), 1);
}

#[test]
fn what_no_document_lists_is_shown_by_status_and_its_metrics_and_told_once() {
    let job = Job::of(3);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    for phone in &batch.numbers {
        let mut body = batch.result(phone);
        body["data"]["basic"]["preCheck"] = json!("PERHAPS");
        body["fresh"] = json!(phone);
        assert_eq!(push(&batch.dr_url, &body.to_string()).unwrap(), 200);
    }
    let ended = run.end().exits(0);
    let told =
        |text: &str| ended.stderr.lines().filter(|line| line.contains("WARN") && line.contains(text)).count();
    assert_eq!((told("Basic.pre_check"), told("ResultPush.fresh")), (1, 1), "{}", ended.stderr);
    let drift = json!([
        {"place": "Basic.pre_check", "kind": "new_value", "value": "PERHAPS", "count": 3},
        {"place": "ResultPush.fresh", "kind": "new_field", "value": null, "count": 3},
    ]);
    assert_eq!(ended.json()["drift"], drift);

    let of_job = ended.json()["job"].as_str().unwrap().to_owned();
    let status = |options: &[&str]| {
        numcheck(["status", &of_job]).args(options).env("NUMCHECK_STORE", job.store()).run().exits(0)
    };
    assert_eq!(status(&["--json"]).json()["drift"], drift);
    assert!(
        status(&[]).text().contains("new value `PERHAPS` that no document lists at Basic.pre_check, 3 times")
    );
    let metrics = status(&["--metrics"]);
    for line in [
        format!("numcheck_numbers{{job=\"{of_job}\",state=\"settled\"}} 3"),
        format!("numcheck_cost{{job=\"{of_job}\",currency=\"USD\",outcome=\"done\"}} 0.5736"),
        format!(
            "numcheck_drift_total{{job=\"{of_job}\",place=\"Basic.pre_check\",kind=\"new_value\",value=\"PERHAPS\"}} 3"
        ),
        format!(
            "numcheck_drift_total{{job=\"{of_job}\",place=\"ResultPush.fresh\",kind=\"new_field\",value=\"\"}} 3"
        ),
    ] {
        assert!(metrics.text().lines().any(|one| one == line), "{line}\n{}", metrics.text());
    }
}
