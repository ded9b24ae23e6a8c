//! An account of the second dialect: its replies, the numbers that it does not take, the instant check.

use numcheck_nxcloud::protocol::DriftKind;
use numcheck_nxcloud::protocol::PhoneList;
use numcheck_nxcloud::protocol::number_check::{Dialect, Get, InstantCode, Submit};
use numcheck_nxcloud::transport::RetryPolicy;
use numcheck_nxcloud::{CallError, CallErrorKind, Checked, Sent};
use serde_json::{Value, json};

use crate::common::{all_of, client_in_memory, phone, phones};

/// What becomes of a submit that is answered so.
async fn submit(numbers: PhoneList, answer: &Value) -> numcheck_nxcloud::Accepted {
    let (client, mut platform) = client_in_memory();
    let call = tokio::spawn(client.number_check().submit(numbers).send());
    platform.request().await.answer(answer.to_string());
    call.await.unwrap().unwrap()
}

/// What becomes of an instant check that is answered so, and the body that was sent.
async fn get(status: &str, answer: &str) -> (Result<Checked, CallError>, String) {
    let (client, mut platform) = client_in_memory();
    let call = tokio::spawn(client.number_check().get(phone("85251234567")).send());
    let request = platform.request().await;
    assert!(request.seen.head.starts_with("POST /api/number/check/get HTTP/1.1\r\n"));
    let body = String::from_utf8(request.seen.body.clone()).unwrap();
    request.answer_with(status, "", answer);
    (call.await.unwrap(), body)
}

#[tokio::test]
async fn a_reply_of_either_dialect_gives_the_job_and_says_which_dialect_it_was() {
    let v1 = json!({"code": 0, "msg": "success", "data": {"messageId": "m", "batchNo": "b"}});
    let v2 = json!({"code": 0, "message": "Success", "data": {"requestId": "m", "batchNo": "b", "failNumber": []}, "traceId": "t"});
    for (answer, dialect, text) in [(v1, Dialect::V1, "success"), (v2, Dialect::V2, "Success")] {
        let accepted = submit(phones(2), &answer).await;
        assert_eq!(accepted.message_id.as_ref().map(|id| id.as_str()), Some("m"));
        assert_eq!((accepted.dialect, accepted.text.as_deref()), (Some(dialect), Some(text)));
        assert!(accepted.drift.is_empty() && accepted.not_taken.is_empty());
    }
}

#[tokio::test]
async fn numbers_that_were_not_taken_are_told_with_whatever_reason_came() {
    let answer = json!({"code": 0, "data": {"requestId": "m", "failNumber": [
        {"number": "8613800500000", "reason": "invalid"},
        {"number": "8613800500001", "failMsg": "of 8613800500001", "failCode": 7, "more": {}},
        {"number": 8_613_800_500_002_u64},
        {"number": "999***6789"},
        "8613800500003",
        {"reason": "no number"},
    ]}});
    let accepted = submit(phones(5), &answer).await;
    let told: Vec<(Option<&str>, Option<&str>)> =
        accepted.not_taken.iter().map(|one| (one.number.as_deref(), one.reason.as_deref())).collect();
    assert_eq!(
        told,
        [
            (Some("8613800500000"), Some("invalid")),
            (Some("8613800500001"), Some("failCode 7, failMsg of 861********01")),
            (Some("8613800500002"), None),
            (Some("999***6789"), None),
            (Some("8613800500003"), None),
            (None, Some("no number")),
        ]
    );
    let new = |name: &str| {
        accepted
            .drift
            .iter()
            .any(|one| one.place == format!("FailNumber.{name}") && one.kind == DriftKind::NewField)
    };
    assert!(new("failMsg") && new("failCode"), "{:?}", accepted.drift);
    assert!(!format!("{accepted:?}").contains("3800500"), "{accepted:?}");
}

#[tokio::test]
async fn an_instant_check_gives_the_result_at_once() {
    let (checked, body) =
        get("200 OK", include_str!("../../../protocol/tests/fixtures/get_checked.json")).await;
    let sent: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&sent["phone"], &sent["drUrl"], &sent["checkLevel"]),
        (&json!("85251234567"), &Value::Null, &Value::Null)
    );
    let checked = checked.unwrap();
    assert!(checked.result().done && checked.result().region.is_some_and(|region| region.as_str() == "HK"));
    let (bad, _) = get(
        "200 OK",
        r#"{"code":0,"data":{"failNumber":[{"number":"85251234567","reason":"no such number"}]}}"#,
    )
    .await;
    let bad = bad.unwrap();
    assert!(!bad.result().done && bad.result().text.is_some_and(|text| text.as_str() == "no such number"));
    assert!(!format!("{bad:?}").contains("5251234"), "{bad:?}");
}

#[tokio::test]
async fn an_instant_check_is_sent_once_when_it_may_have_been_carried_out() {
    let (error, _) = get("502 Bad Gateway", "<html>").await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind(), error.sent(), error.attempts()),
        (CallErrorKind::NoAnswer, Sent::Yes, 1),
        "{error}"
    );
    assert!(error.may_have_happened());

    let (client, mut platform) = client_in_memory();
    let call = tokio::spawn(client.number_check().get(phone("85251234567")).send());
    platform.request().await.hang_up();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.sent(), error.attempts()), (Sent::Maybe, 1), "{error}");
    assert!(error.may_have_happened() && RetryPolicy::default().attempts > 1);
    assert!(!all_of(&error).contains("5251234"), "{error:?}");
}

#[tokio::test]
async fn a_refused_instant_check_has_a_code_of_its_own_table() {
    let (error, _) = get("200 OK", r#"{"code":211,"message":"poor","data":null}"#).await;
    let error = error.unwrap_err();
    assert_eq!((error.code::<Get>(), error.code::<Submit>()), (Some(InstantCode::BALANCE_TOO_LOW), None));
    assert!(!error.may_have_happened());
}
