//! What numbers come to, as it arrives at a receiver.

use std::time::Duration;

use crate::common::{Receiver, submit};
use numcheck_protocol::number_check::{CallbackCode, DialResponse, KnownDialResponse, ResultPush};
use numcheck_protocol::{Message, decode};
use numcheck_sandbox::{Clock, PushAnswer, Sandbox};
use serde_json::{Value, json};

/// A sandbox whose time stands still, and a receiver.
async fn standing_still() -> (Sandbox, Receiver) {
    let clock = Clock::manual(1_700_000_000_000);
    (Sandbox::builder().clock(clock).start().await.unwrap(), Receiver::start().await)
}

/// The body of the one push for one number.
async fn raw_result(sandbox: &Sandbox, phone: &str, level: u32) -> String {
    let receiver = Receiver::start().await;
    let reply =
        submit(sandbox, phone, &format!(r#","checkLevel":{level},"batchNo":"b"{}"#, receiver.field())).await;
    assert_eq!(reply.code(), 0, "{phone}");
    sandbox.advance(Duration::from_secs(1));
    sandbox.settled().await;
    receiver.wait_for(1).await[0].body.clone()
}

async fn result(sandbox: &Sandbox, phone: &str, level: u32) -> Value {
    serde_json::from_str(&raw_result(sandbox, phone, level).await).unwrap()
}

/// The same push with ids replaced by those of the document's sample.
fn anonymous(body: &str) -> String {
    let push: Value = serde_json::from_str(body).unwrap();
    let id = push["messageId"].as_str().unwrap();
    body.replace(id, "83ac9512-3c47-495d-a3c4-6d77a9f1149c")
        .replace(r#""batchNo":"b""#, r#""batchNo":"700337042751""#)
}

#[tokio::test]
async fn the_four_forms_of_a_push_are_the_documents_byte_for_byte_in_keys_and_order() {
    let (sandbox, _) = standing_still().await;
    let head = r#"{"messageId":"83ac9512-3c47-495d-a3c4-6d77a9f1149c","code":0,"msg":"success","batchNo":"700337042751","#;
    let basic = r#""basic":{"preCheck":"YES","regionCode":"CN","countryCode":"86","#;
    assert_eq!(
        anonymous(&raw_result(&sandbox, "8613800138000", 1).await),
        format!(
            r#"{head}"phone":"8613800138000","data":{{{basic}"nationalNumber":"13800138000","standNumber":"8613800138000","numberType":2,"carrier":"China Mobile"}}}},"cost":{{"price":0.012,"currency":"CNY"}}}}"#
        )
    );
    assert_eq!(
        anonymous(&raw_result(&sandbox, "8613800001133", 5).await),
        format!(
            r#"{head}"phone":"8613800001133","data":{{{basic}"nationalNumber":"13800001133","standNumber":"8613800001133","numberType":2,"carrier":"China Mobile"}},"live":{{"validity":"YES","reachable":"UNKNOWN","roaming":"UNKNOWN"}}}},"cost":{{"price":0.06,"currency":"CNY"}}}}"#
        )
    );
    assert_eq!(
        anonymous(&raw_result(&sandbox, "8613800022204", 4).await),
        format!(
            r#"{head}"phone":"8613800022204","data":{{{basic}"nationalNumber":"13800022204","standNumber":"8613800022204","numberType":2,"carrier":"China Mobile"}},"dial":{{"early":"NO","answered":"NO","response":"invalid_number"}}}},"cost":{{"price":0.12,"currency":"CNY"}}}}"#
        )
    );
    assert_eq!(
        anonymous(&raw_result(&sandbox, "18617", 1).await),
        r#"{"messageId":"83ac9512-3c47-495d-a3c4-6d77a9f1149c","code":114,"msg":"号码格式有误","batchNo":"700337042751","phone":"18617"}"#
    );
}

#[tokio::test]
async fn a_push_is_a_post_of_json_to_the_whole_url() {
    let (sandbox, receiver) = standing_still().await;
    let url = format!(r#","drUrl":"http://{}/a/b%20c?token=x&y""#, receiver.address);
    submit(&sandbox, "8613800138000", &url).await;
    sandbox.advance(Duration::from_secs(1));
    let push = receiver.wait_for(1).await.remove(0);
    assert_eq!((push.path.as_str(), push.content_type.as_str()), ("/a/b%20c?token=x&y", "application/json"));
}

#[tokio::test]
async fn the_number_is_pushed_as_it_was_submitted_whatever_it_is() {
    let (sandbox, _) = standing_still().await;
    for phone in
        ["+8613800138000", "86 138 0013 8000", "letters", "１２３４５６７", "1234", "1234567890123456"]
    {
        let push = result(&sandbox, phone, 1).await;
        assert_eq!((push["phone"].as_str(), push["code"].as_i64()), (Some(phone), Some(114)));
        assert!(push.get("data").is_none() && push.get("cost").is_none(), "{push}");
    }
}

#[tokio::test]
async fn a_number_outside_every_range_is_checked_with_pre_check_no_and_charged() {
    let (sandbox, _) = standing_still().await;
    let push = result(&sandbox, "8610000000000", 1).await;
    let basic = &push["data"]["basic"];
    assert_eq!((push["code"].as_i64(), basic["preCheck"].as_str()), (Some(0), Some("NO")));
    assert_eq!((basic["numberType"].as_i64(), basic["carrier"].as_str()), (Some(0), Some("")));
    assert_eq!(push["cost"], json!({"price": 0.012, "currency": "CNY"}));
}

#[tokio::test]
async fn every_callback_code_known_or_not_can_be_had_in_any_country_at_any_level() {
    let (sandbox, _) = standing_still().await;
    let known = CallbackCode::ENTRIES.iter().map(|entry| entry.code);
    for (n, code) in known.filter(|code| *code != 0).chain([1, 104, 266, 999]).enumerate() {
        let phone = format!("{}{code:06}", ["8613800", "447911", "1415500"][n % 3]);
        let push = result(&sandbox, &phone, [1, 4, 5][n % 3]).await;
        assert_eq!(push["code"].as_i64(), Some(code), "{phone}");
        assert!(push.get("data").is_none() && push.get("cost").is_none(), "{push}");
    }
    assert!(sandbox.ledger().lines().iter().all(|line| line.amount == numcheck_protocol::Price::ZERO));
}

#[tokio::test]
async fn every_word_of_the_networks_answer_can_be_had() {
    let (sandbox, _) = standing_still().await;
    let words = ["YES", "NO", "UNKNOWN", "MAYBE"];
    for (first, word) in words.iter().enumerate() {
        let (v, r, o) = (first + 1, (first + 2) % 4 + 1, (first + 1) % 4 + 1);
        let push = result(&sandbox, &format!("447911001{v}{r}{o}"), 5).await;
        let live = &push["data"]["live"];
        assert_eq!(live, &json!({"validity": word, "reachable": words[r - 1], "roaming": words[o - 1]}));
    }
}

#[tokio::test]
async fn every_word_of_a_calls_answer_can_be_had_and_one_that_nobody_knows() {
    let (sandbox, _) = standing_still().await;
    for (place, known) in KnownDialResponse::ALL.iter().enumerate() {
        let push = result(&sandbox, &format!("86138002{}4{place:02}", place % 4 + 1), 4).await;
        let dial = &push["data"]["dial"];
        assert_eq!(dial["response"].as_str(), Some(known.as_str()));
        assert_eq!(dial["early"].as_str(), Some(["YES", "NO", "UNKNOWN", "MAYBE"][place % 4]));
        assert_eq!(dial["answered"].as_str(), Some("MAYBE"));
    }
    let push = result(&sandbox, "8613800021111", 4).await;
    assert_eq!(DialResponse::new(push["data"]["dial"]["response"].as_str().unwrap()).known(), None);
}

#[tokio::test]
async fn every_number_type_can_be_had_and_those_that_are_not_mobile_are_120_above_basic() {
    let (sandbox, _) = standing_still().await;
    for kind in (0..=8).chain([42]) {
        let phone = format!("8613800030{kind:02}");
        let push = result(&sandbox, &phone, 1).await;
        assert_eq!(push["data"]["basic"]["numberType"].as_i64(), Some(kind));
        let push = result(&sandbox, &phone, 5).await;
        assert_eq!(push["code"].as_i64(), Some(if kind == 2 { 0 } else { 120 }));
    }
}

#[tokio::test]
async fn a_fixed_line_is_120_at_hlr_and_call_and_a_real_result_at_basic() {
    let (sandbox, _) = standing_still().await;
    for level in [4, 5] {
        let push = result(&sandbox, "442012345678", level).await;
        assert_eq!((push["code"].as_i64(), push["msg"].as_str()), (Some(120), Some("不支持非移动号码检测")));
    }
    assert_eq!(result(&sandbox, "442012345678", 1).await["data"]["basic"]["numberType"], 1);
}

#[tokio::test]
async fn unusual_forms_are_what_a_reader_must_survive() {
    let (sandbox, _) = standing_still().await;
    let extra = result(&sandbox, "8613800003201", 5).await;
    for place in ["", "/data", "/data/basic", "/data/live", "/cost"] {
        assert_eq!(extra.pointer(&format!("{place}/sandboxExtra")), Some(&json!(true)), "{place}");
    }
    let strings = result(&sandbox, "8613800003202", 1).await;
    assert_eq!(strings["code"], "0");
    assert_eq!(strings["data"]["basic"]["numberType"], "2");
    assert_eq!(strings["cost"]["price"], "0.0120");
    let null = result(&sandbox, "8613800003203", 1).await;
    assert_eq!((null.get("data"), null.get("cost")), (Some(&Value::Null), Some(&Value::Null)));
    let absent = result(&sandbox, "8613800003204", 1).await;
    assert_eq!((absent.get("data"), absent.get("cost"), absent["code"].as_i64()), (None, None, Some(0)));
    let no_cost = result(&sandbox, "8613800003205", 1).await;
    assert!(no_cost["data"].is_object() && no_cost.get("cost").is_none());
    let empty = result(&sandbox, "8613800003206", 5).await;
    assert_eq!(empty["data"]["live"], json!({"validity": "", "reachable": "", "roaming": ""}));
    let message = result(&sandbox, "8613800003207", 1).await;
    assert_eq!((message.get("msg"), message["message"].as_str()), (None, Some("success")));
    let list = result(&sandbox, "8613800003208", 1).await;
    assert_eq!(list["data"], json!([]));
    assert!(serde_json::from_str::<Value>(&raw_result(&sandbox, "8613800003209", 1).await).is_err());
}

#[tokio::test]
async fn ordinary_pushes_hold_nothing_that_the_protocol_does_not_know() {
    let (sandbox, _) = standing_still().await;
    for phone in ["8613800138000", "442012345678", "18617", "8613812345678"] {
        for level in [1, 4, 5] {
            let body = raw_result(&sandbox, phone, level).await;
            let push: ResultPush<'_> = decode(body.as_bytes()).unwrap();
            let mut surprises = Vec::new();
            push.drift(&mut |drift| surprises.push(drift));
            assert_eq!(surprises, [], "{phone}");
        }
    }
}

#[tokio::test]
async fn unusual_deliveries_happen_as_the_table_says() {
    let (sandbox, receiver) = standing_still().await;
    let second = Duration::from_secs(1);
    let submitted = async |phone: &str| {
        let before = receiver.pushes().len();
        submit(&sandbox, phone, &format!(r#","batchNo":"b"{}"#, receiver.field())).await;
        sandbox.advance(second);
        sandbox.settled().await;
        receiver.pushes()[before..].iter().map(|push| push.json()).collect::<Vec<_>>()
    };
    let twice = submitted("8613800003301").await;
    assert_eq!(twice.len(), 2);
    assert_eq!(twice[0], twice[1]);
    assert_eq!(submitted("8613800003302").await, Vec::<Value>::new());
    let withheld = sandbox.journal().pushes().last().cloned().unwrap();
    assert_eq!(withheld.answer, PushAnswer::Withheld);
    assert_eq!(submitted("8613800003303").await, Vec::<Value>::new());
    let before = receiver.pushes().len();
    sandbox.advance(Duration::from_secs(600));
    sandbox.settled().await;
    assert_eq!(receiver.pushes().len(), before + 1);
    assert_eq!(submitted("8613800003305").await[0]["batchNo"], "sandbox-foreign-batch");
    let reply = sandbox.journal().requests().last().cloned().unwrap();
    let foreign = submitted("8613800003306").await;
    assert_ne!(foreign[0]["messageId"].as_str(), reply.message_id.as_deref());
    let differing = submitted("8613800003307").await;
    let codes: Vec<_> = differing.iter().map(|push| push["code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [0, 122]);
}

#[tokio::test]
async fn a_result_can_arrive_before_the_submit_is_answered() {
    let (sandbox, receiver) = standing_still().await;
    // No time passes, so this push cannot be an ordinary one.
    let reply = submit(&sandbox, "8613800003304,8613800138000", &receiver.field()).await;
    let early = receiver.pushes();
    assert_eq!(early.len(), 1);
    assert_eq!(early[0].json()["batchNo"], reply.json()["data"]["batchNo"]);
    sandbox.advance(Duration::from_secs(1));
    sandbox.settled().await;
    let all: Vec<Value> = receiver.pushes().iter().map(crate::common::Pushed::json).collect();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["phone"], "8613800138000");
}
