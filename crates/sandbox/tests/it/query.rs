//! Finding checks again: pages, days, the 3 seconds, and what an absence means.

use std::collections::HashSet;
use std::time::Duration;

use crate::common::{QUERY, Receiver, Reply, Signed, order, send, submit};
use numcheck_protocol::decode;
use numcheck_protocol::number_check::{CheckResult, QueryRow, ResultPush};
use numcheck_sandbox::{
    Account, Assumptions, Clock, Fault, Faults, Operation, QueryDate, QueryPace, QueryShows, Sandbox,
    SandboxBuilder, When,
};
use serde_json::{Value, json};

/// Noon of 2024-04-22 in Beijing.
const NOW: u64 = 1_713_758_400_000;
const TODAY: &str = "2024-04-22";
const HOUR: Duration = Duration::from_secs(3600);

fn builder(change: impl FnOnce(&mut Assumptions)) -> SandboxBuilder {
    let mut assumptions = Assumptions::default();
    assumptions.query_pace = QueryPace::Off;
    change(&mut assumptions);
    let delay = Duration::from_secs(60);
    Sandbox::builder().clock(Clock::manual(NOW)).callback_delay(delay).assumptions(assumptions)
}

async fn sandbox() -> Sandbox {
    builder(|_| {}).start().await.unwrap()
}

/// A submit whose checks are finished when this returns.
async fn checked(sandbox: &Sandbox, phones: &str, more: &str) -> String {
    let reply = submit(sandbox, phones, more).await;
    assert_eq!(reply.code(), 0, "{reply:?}");
    sandbox.advance(Duration::from_secs(60));
    reply.json()["data"]["messageId"].as_str().unwrap().to_owned()
}

async fn query(sandbox: &Sandbox, more: &Value) -> Reply {
    let mut body = json!({"page": 1, "pageSize": 100, "date": TODAY});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Signed::new(sandbox, QUERY, body.to_string()).send(sandbox).await
}

async fn rows(sandbox: &Sandbox, more: &Value) -> Vec<Value> {
    let reply = query(sandbox, more).await;
    assert_eq!(reply.code(), 0, "{reply:?}");
    reply.json()["data"]["result"].as_array().unwrap().clone()
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("86138{:08}", 10_000_000 + n)).collect()
}

#[tokio::test]
async fn a_query_that_finds_nothing_is_answered_with_zeros() {
    let sandbox = sandbox().await;
    let reply = query(&sandbox, &json!({"batchNo": "nobody's"})).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json(),
        json!({"code": 0, "msg": "Request successful",
               "data": {"page": 1, "pageSize": 100, "totalPage": 0, "totalSize": 0, "result": []}})
    );
}

#[tokio::test]
async fn a_date_of_another_form_is_refused_as_in_the_document() {
    let sandbox = sandbox().await;
    for date in ["22.04.2024", "2024-4-22", "2024-02-30", ""] {
        let reply = query(&sandbox, &json!({"batchNo": "b", "date": date})).await;
        assert_eq!(
            reply.json(),
            json!({"msg": "Incorrect date format [yyyy-MM-dd]", "code": 88, "data": {}}),
            "{date}"
        );
    }
}

#[tokio::test]
async fn what_else_is_wrong_is_88_and_the_journal_says_which() {
    let sandbox = sandbox().await;
    for (more, why) in [
        (json!({}), "messageId and batchNo are both missing or empty"),
        (json!({"batchNo": "b", "page": 0}), "page must be an integer from 1"),
        (json!({"batchNo": "b", "pageSize": 101}), "pageSize must be an integer from 1 to 100"),
    ] {
        let reply = query(&sandbox, &more).await;
        assert_eq!((reply.code(), reply.header("x-sandbox-why")), (88, Some(why)));
        assert_eq!(reply.json()["data"], json!({}));
    }
}

#[tokio::test]
async fn the_appkey_may_be_left_out_and_must_be_right_where_it_is_not() {
    let sandbox = sandbox().await;
    checked(&sandbox, "8613800138000", r#","batchNo":"b""#).await;
    for (appkey, code) in [(Account::APPKEY, 0), ("", 0), ("nobody's", 202), (Account::OTHER_APPKEY, 210)] {
        assert_eq!(
            query(&sandbox, &json!({"batchNo": "b", "appkey": appkey})).await.code(),
            code,
            "{appkey}"
        );
    }
    assert_eq!(rows(&sandbox, &json!({"batchNo": "b"})).await.len(), 1);
}

#[tokio::test]
async fn who_is_not_believed_is_told_so_in_the_querys_own_envelope() {
    let sandbox = sandbox().await;
    let request = Signed { sign: Some("0".repeat(32)), ..Signed::new(&sandbox, QUERY, "{}") };
    let reply = request.send(&sandbox).await;
    assert_eq!(reply.code(), 1003);
    assert_eq!((reply.json()["data"].clone(), reply.json()["msg"].is_string()), (Value::Null, true));
}

#[tokio::test]
async fn every_number_of_a_batch_stands_on_exactly_one_page_in_its_order() {
    let sandbox = sandbox().await;
    let phones = numbers(250);
    checked(&sandbox, &phones.join(","), r#","batchNo":"b""#).await;
    let mut found = Vec::new();
    for (page, count) in [(1, 100), (2, 100), (3, 50), (4, 0)] {
        let data = query(&sandbox, &json!({"batchNo": "b", "page": page})).await.json()["data"].clone();
        let rows = data["result"].as_array().unwrap();
        assert_eq!(rows.len(), count, "{page}");
        assert_eq!(
            (&data["page"], &data["totalPage"], &data["totalSize"]),
            (&json!(page), &json!(3), &json!(250))
        );
        found.extend(rows.iter().map(|row| row["phone"].as_str().unwrap().to_owned()));
    }
    assert_eq!(found, phones);
    let data =
        query(&sandbox, &json!({"batchNo": "b", "page": 36, "pageSize": 7})).await.json()["data"].clone();
    assert_eq!((&data["totalPage"], data["result"].as_array().unwrap().len()), (&json!(36), 5));
    let beyond = query(&sandbox, &json!({"batchNo": "b", "page": i64::MAX})).await;
    assert_eq!((beyond.code(), beyond.json()["data"]["result"].clone()), (0, json!([])));
}

#[tokio::test]
async fn a_row_has_the_documents_fields_and_no_others() {
    let sandbox = sandbox().await;
    checked(&sandbox, "8613800001123", r#","batchNo":"hlr","checkLevel":5"#).await;
    let row = &rows(&sandbox, &json!({"batchNo": "hlr"})).await[0];
    let keys: HashSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    let sample = [
        "standNumber",
        "preCheck",
        "batchNo",
        "checkLevel",
        "numberType",
        "roaming",
        "messageId",
        "reachable",
        "regionCode",
        "carrier",
        "phone",
        "nationalNumber",
        "countryCode",
        "price",
        "currency",
        "validity",
    ];
    assert_eq!(keys, sample.into_iter().collect());
    assert_eq!(
        (&row["checkLevel"], &row["validity"], &row["reachable"], &row["price"], &row["currency"]),
        (&json!(5), &json!("YES"), &json!("NO"), &json!(0.06), &json!("CNY"))
    );
}

#[tokio::test]
async fn a_row_says_what_the_push_said() {
    let receiver = Receiver::start().await;
    let sandbox = builder(|assumptions| assumptions.refuse_mixed_countries = false).start().await.unwrap();
    for (at, level) in [1, 4, 5].into_iter().enumerate() {
        let batch = format!("level-{level}");
        let more = format!(r#","batchNo":"{batch}","checkLevel":{level}{}"#, receiver.field());
        checked(&sandbox, "8613800138000,447911123456,4915112345678,442012345678,86138", &more).await;
        let pushes = receiver.wait_for(5 * (at + 1)).await;
        let found = rows(&sandbox, &json!({"batchNo": batch})).await;
        assert_eq!(found.len(), 5);
        for row in found {
            let pushed =
                pushes.iter().find(|push| push.json()["messageId"] == row["messageId"]).unwrap().json();
            assert_eq!((&row["phone"], &row["batchNo"]), (&pushed["phone"], &pushed["batchNo"]));
            let text = row.to_string();
            let read: QueryRow<'_> = decode(text.as_bytes()).unwrap();
            let succeeded = pushed["code"] == 0;
            assert_eq!(read.has_result(), succeeded, "{row}");
            if succeeded {
                let push = pushed.to_string();
                let push: ResultPush<'_> = decode(push.as_bytes()).unwrap();
                let (push, mut row) = (CheckResult::from(&push), CheckResult::from(&read));
                // Only a push has a code and a text, only a row a level.
                (row.code, row.text, row.level) = (push.code, push.text.clone(), push.level);
                assert_eq!(row, push);
            } else {
                assert_eq!(
                    (&row["preCheck"], &row["numberType"], &row["price"]),
                    (&json!(""), &json!(""), &json!(0))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_check_is_found_once_it_is_finished_and_not_before() {
    let sandbox = sandbox().await;
    submit(&sandbox, "8613800138000,8613800138001", r#","batchNo":"b""#).await;
    sandbox.advance(Duration::from_millis(59_999));
    let early = query(&sandbox, &json!({"batchNo": "b"})).await.json();
    assert_eq!(
        (&early["code"], &early["data"]["totalSize"]),
        (&json!(0), &json!(0)),
        "accepted, and yet not found"
    );
    sandbox.advance(Duration::from_millis(1));
    assert_eq!(rows(&sandbox, &json!({"batchNo": "b"})).await.len(), 2);
}

#[tokio::test]
async fn a_sandbox_may_show_what_was_accepted_at_once_with_empty_words() {
    let sandbox =
        builder(|assumptions| assumptions.query_shows = QueryShows::Accepted).start().await.unwrap();
    submit(&sandbox, "8613800138000", r#","batchNo":"b","checkLevel":4"#).await;
    let early = &rows(&sandbox, &json!({"batchNo": "b"})).await[0];
    assert_eq!(
        (&early["phone"], &early["preCheck"], &early["response"]),
        (&json!("8613800138000"), &json!(""), &json!(""))
    );
    sandbox.advance(Duration::from_secs(60));
    let late = &rows(&sandbox, &json!({"batchNo": "b"})).await[0];
    assert_eq!((&late["preCheck"], &late["messageId"]), (&json!("YES"), &early["messageId"]));
}

#[tokio::test]
async fn the_day_is_the_one_of_beijing_on_which_the_check_was_finished() {
    let midnight = |offset_ms: i64| Clock::manual((NOW + 12 * 3_600_000).saturating_add_signed(offset_ms));
    let days = ["2024-04-21", "2024-04-22", "2024-04-23", "2024-04-24"];
    let found_on = async |sandbox: &Sandbox| {
        let mut found = Vec::new();
        for day in days {
            if !rows(sandbox, &json!({"batchNo": "b", "date": day})).await.is_empty() {
                found.push(day);
            }
        }
        found
    };
    for (offset_ms, date, day) in [
        (-60_001, QueryDate::Checked, "2024-04-22"),
        (-60_000, QueryDate::Checked, "2024-04-23"),
        (-1, QueryDate::Checked, "2024-04-23"),
        (-1, QueryDate::Submitted, "2024-04-22"),
        (0, QueryDate::Submitted, "2024-04-23"),
    ] {
        let sandbox = builder(|a| a.query_date = date).clock(midnight(offset_ms)).start().await.unwrap();
        checked(&sandbox, "8613800138000", r#","batchNo":"b""#).await;
        assert_eq!(found_on(&sandbox).await, [day], "{offset_ms} {date:?}");
    }
    let utc = builder(|a| a.query_offset = "Z".parse().unwrap()).clock(midnight(0)).start().await.unwrap();
    checked(&utc, "8613800138000", r#","batchNo":"b""#).await;
    assert_eq!(found_on(&utc).await, ["2024-04-22"]);
}

#[tokio::test]
async fn checks_are_found_for_14_days() {
    let sandbox = sandbox().await;
    checked(&sandbox, "8613800138000", r#","batchNo":"b""#).await;
    sandbox.advance(14 * 24 * HOUR - Duration::from_secs(60));
    assert_eq!(rows(&sandbox, &json!({"batchNo": "b"})).await.len(), 1);
    sandbox.advance(Duration::from_millis(1));
    assert_eq!(rows(&sandbox, &json!({"batchNo": "b"})).await.len(), 0);
}

#[tokio::test]
async fn an_id_is_matched_exactly() {
    let sandbox = sandbox().await;
    let several = checked(&sandbox, "8613800138000,8613800138001", r#","batchNo":"b""#).await;
    let one = checked(&sandbox, "8613800138002", r#","batchNo":"c""#).await;
    assert_eq!(
        rows(&sandbox, &json!({ "messageId": several })).await.len(),
        0,
        "each check has an id of its own"
    );
    assert_eq!(rows(&sandbox, &json!({ "messageId": one })).await[0]["phone"], "8613800138002");
    let both = rows(&sandbox, &json!({"batchNo": "b"})).await;
    for row in &both {
        let id = row["messageId"].as_str().unwrap();
        assert!(id.starts_with(&format!("{several}-")) && id.len() == 39, "{id}");
        for name in ["messageId", "requestId"] {
            assert_eq!(rows(&sandbox, &json!({ name: id })).await, std::slice::from_ref(row));
        }
        assert_eq!(rows(&sandbox, &json!({"messageId": id, "batchNo": "c"})).await.len(), 0);
    }
    assert_ne!(both[0]["messageId"], both[1]["messageId"]);
}

#[tokio::test]
async fn a_phone_narrows_the_result() {
    let sandbox = sandbox().await;
    checked(&sandbox, "8613800138000,8613800138001,8613800138000", r#","batchNo":"b""#).await;
    let of = async |phone: &str| rows(&sandbox, &json!({"batchNo": "b", "phone": phone})).await.len();
    assert_eq!((of("8613800138000").await, of("8613800138001").await, of("8613800138009").await), (2, 1, 0));
}

#[tokio::test]
async fn another_accounts_checks_are_not_found() {
    let sandbox = sandbox().await;
    let id = checked(&sandbox, "8613800138000", r#","batchNo":"b""#).await;
    for question in [json!({"batchNo": "b"}), json!({ "messageId": id })] {
        let mut body = json!({"page": 1, "pageSize": 100, "date": TODAY});
        body.as_object_mut().unwrap().extend(question.as_object().unwrap().clone());
        let theirs = Signed {
            access_key: Account::OTHER_ACCESS_KEY.into(),
            secret: Account::OTHER_ACCESS_SECRET.into(),
            ..Signed::new(&sandbox, QUERY, body.to_string())
        };
        assert_eq!(theirs.send(&sandbox).await.json()["data"]["totalSize"], 0);
    }
}

#[tokio::test]
async fn a_query_within_3_seconds_is_refused_and_does_not_count() {
    let sandbox = builder(|a| a.query_pace = QueryPace::Refuse).start().await.unwrap();
    let code = async || query(&sandbox, &json!({"batchNo": "b"})).await.code();
    assert_eq!(code().await, 0);
    sandbox.advance(Duration::from_millis(2_000));
    assert_eq!(code().await, 88);
    sandbox.advance(Duration::from_millis(899));
    assert_eq!(code().await, 88);
    // 100 ms less than 3 seconds are let through: the way to the sandbox does not always take the same time.
    sandbox.advance(Duration::from_millis(1));
    assert_eq!(code().await, 0);
    let other = Signed {
        access_key: Account::OTHER_ACCESS_KEY.into(),
        secret: Account::OTHER_ACCESS_SECRET.into(),
        ..Signed::new(
            &sandbox,
            QUERY,
            json!({"page": 1, "pageSize": 1, "date": TODAY, "batchNo": "b"}).to_string(),
        )
    };
    assert_eq!(other.send(&sandbox).await.code(), 0, "each account has its own 3 seconds");
}

#[tokio::test]
async fn what_was_never_pushed_is_found_and_what_is_lost_is_not() {
    let sandbox = sandbox().await;
    checked(&sandbox, "8613800003302,8613800003308,8613800003303,8613800003305", r#","batchNo":"b""#).await;
    let found: Vec<String> = rows(&sandbox, &json!({"batchNo": "b"}))
        .await
        .iter()
        .map(|row| format!("{} {}", row["phone"].as_str().unwrap(), row["batchNo"].as_str().unwrap()))
        .collect();
    assert_eq!(found, ["8613800003302 b", "8613800003303 b", "8613800003305 b"]);
    assert_eq!(sandbox.ledger().batches()[0].charged, 4);
}

#[tokio::test]
async fn both_jobs_of_a_repeated_batch_number_are_found_with_ids_of_their_own() {
    let sandbox = sandbox().await;
    checked(&sandbox, "8613800138000", r#","batchNo":"b""#).await;
    checked(&sandbox, "8613800138000", r#","batchNo":"b""#).await;
    let found = rows(&sandbox, &json!({"batchNo": "b"})).await;
    assert_eq!(found.len(), 2);
    assert_ne!(found[0]["messageId"], found[1]["messageId"]);
}

#[tokio::test]
async fn ids_do_not_depend_on_the_order_in_which_submits_come() {
    let ids = async |order: [&str; 3]| {
        let sandbox = sandbox().await;
        for batch in order {
            checked(&sandbox, "8613800138000,8613800138001", &format!(r#","batchNo":"{batch}""#)).await;
        }
        let mut ids = Vec::new();
        for batch in ["a", "b", "c"] {
            ids.extend(
                rows(&sandbox, &json!({ "batchNo": batch })).await.iter().map(|row| row["messageId"].clone()),
            );
        }
        ids
    };
    assert_eq!(ids(["a", "b", "c"]).await, ids(["c", "a", "b"]).await);
}

#[tokio::test]
async fn the_ledger_tells_how_often_each_batch_and_each_number_was_accepted() {
    let sandbox = sandbox().await;
    let get = async |path: &str| send(sandbox.nxcloud_addr(), "GET", path, &[], b"").await.unwrap();
    submit(&sandbox, "8613800138000,8613800138001,86138", r#","batchNo":"once""#).await;
    submit(&sandbox, "8613800138002", r#","batchNo":"twice""#).await;
    submit(&sandbox, "8613800138003", r#","batchNo":"sandbox-211""#).await;
    let tally = json!({"submits": 2, "accepted": 4, "distinct": 4, "repeated": 0, "paid_twice": 0, "most": 1, "examples": []});
    assert_eq!(get("/_sandbox/tally.json").await.json(), tally);
    submit(&sandbox, "8613800138002", r#","batchNo":"twice""#).await;
    let account = Account::ACCESS_KEY;
    assert_eq!(
        get("/_sandbox/ledger.json").await.json()["batches"],
        json!([
            {"account": account, "batch_no": "once", "times": 1, "numbers": 3, "charged": 2},
            {"account": account, "batch_no": "twice", "times": 2, "numbers": 2, "charged": 2}
        ])
    );
    let tally = get("/_sandbox/tally.json").await;
    assert_eq!(
        tally.json(),
        json!({"submits": 3, "accepted": 5, "distinct": 4, "repeated": 1, "paid_twice": 1, "most": 2,
               "examples": [{"phone": "861********02", "batches": ["twice", "twice"]}]})
    );
}

#[tokio::test]
async fn a_submit_that_was_carried_out_without_an_answer_is_found_and_one_that_was_not_is_not() {
    let sandbox = sandbox().await;
    for (batch, fault, count) in [("done", Fault::AcceptThenClose, 1), ("undone", Fault::Close, 0)] {
        sandbox.set_faults(Faults::none().request(Operation::Submit, When::Next(1), fault));
        let more = format!(r#","batchNo":"{batch}""#);
        let silent = Signed::new(&sandbox, crate::common::CHECK, order("8613800138000", &more))
            .try_send(&sandbox)
            .await;
        assert!(silent.is_none());
        sandbox.advance(Duration::from_secs(60));
        assert_eq!(rows(&sandbox, &json!({ "batchNo": batch })).await.len(), count, "{batch}");
    }
}

#[tokio::test]
async fn faults_can_be_asked_for_queries_alone() {
    let sandbox = sandbox().await;
    sandbox.set_faults(Faults::none().request(Operation::Query, When::Always, Fault::Code(210)));
    assert_eq!(submit(&sandbox, "8613800138000", "").await.code(), 0);
    let reply = query(&sandbox, &json!({"batchNo": "b"})).await;
    assert_eq!((reply.code(), reply.json()["data"].clone()), (210, json!({})));
}

#[tokio::test]
async fn a_ts_is_good_for_as_long_as_the_sandbox_is_told() {
    let sandbox = builder(|_| {}).freshness(Duration::from_millis(300)).start().await.unwrap();
    for (ts, code) in [(NOW - 300, 0), (NOW - 301, 1004), (NOW + 300, 0), (NOW + 301, 1004)] {
        let request = Signed {
            ts: ts.to_string(),
            ..Signed::new(&sandbox, crate::common::CHECK, order("8613800138000", ""))
        };
        assert_eq!(request.send(&sandbox).await.code(), code, "{ts}");
    }
}
