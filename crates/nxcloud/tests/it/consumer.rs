//! A service's own handling of answers and errors, tested without a server: what a consumer of this crate writes.

use numcheck_nxcloud::protocol::number_check::{
    CheckResult, GetRequest, QueryRequest, ResultPush, Submit, SubmitCode, SubmitRequest,
};
use numcheck_nxcloud::protocol::{AppKey, BatchNo, Date, Endpoint, Refusal, ValueError, decode};
use numcheck_nxcloud::transport::http::StatusCode;
use numcheck_nxcloud::transport::{SendError, SendErrorKind};
use numcheck_nxcloud::{
    Accepted, Answered, CallError, CallErrorKind, Checked, CodeCheck, QueryPage, Reply, Sent,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::common::{phone, phones};

/// What the service does about a submit.
#[derive(Debug, PartialEq)]
enum Step {
    Store(String),
    TopUp,
    SubmitAgain,
    WaitForResults,
    Mend,
}

fn step(outcome: Result<Accepted, CallError>) -> Step {
    match outcome {
        Ok(accepted) => Step::Store(accepted.message_id.map(|id| id.to_string()).unwrap_or_default()),
        Err(error) if error.code::<Submit>() == Some(SubmitCode::BALANCE_TOO_LOW) => Step::TopUp,
        Err(error) if error.may_have_happened() => Step::WaitForResults,
        Err(error) if matches!(error.kind(), CallErrorKind::Value | CallErrorKind::NeverReached) => {
            Step::Mend
        }
        Err(_) => Step::SubmitAgain,
    }
}

fn appkey() -> AppKey {
    AppKey::new("app").unwrap()
}

fn submitted(status: u16, body: &'static str) -> Result<Accepted, CallError> {
    let mut request = SubmitRequest::new(appkey(), phones(1));
    request.batch_no = Some(BatchNo::new("b-1").unwrap());
    Accepted::from_reply(Reply::new(StatusCode::from_u16(status).unwrap(), body), &request)
}

#[test]
fn a_services_own_steps_can_be_tested_with_replies_and_errors_that_it_makes() {
    let failed = |kind, sent| {
        let error = SendError::from_kind(&Submit::INFO, kind, sent);
        step(Err(CallError::transport(&Submit::INFO, error)))
    };
    assert_eq!(step(submitted(200, r#"{"code":0,"data":{"messageId":"m-1"}}"#)), Step::Store("m-1".into()));
    assert_eq!(step(submitted(200, r#"{"code":211}"#)), Step::TopUp);
    assert_eq!(step(submitted(502, "<html>")), Step::WaitForResults);
    assert_eq!(step(submitted(404, "<html>")), Step::Mend);
    assert_eq!(failed(SendErrorKind::Lost, Sent::Maybe), Step::WaitForResults);
    assert_eq!(failed(SendErrorKind::Connect, Sent::No), Step::SubmitAgain);
    let unusable = CallError::value(&Submit::INFO, ValueError::new("phone", "must be digits"));
    assert_eq!(step(Err(unusable)), Step::Mend);
}

#[test]
fn every_answer_can_be_made_from_a_body() {
    let ok = |body: &'static str| Reply::new(StatusCode::OK, body);
    let accepted = submitted(200, r#"{"code":0}"#).unwrap();
    assert_eq!(
        accepted.batch_no,
        Some(BatchNo::new("b-1").unwrap()),
        "the request's, where the reply names none"
    );

    let request = GetRequest::new(appkey(), phone("85251234567"));
    let checked = Checked::from_reply(ok(r#"{"code":0,"data":{"number":"85251234567"}}"#), &request).unwrap();
    assert!(checked.body().starts_with(b"{"));

    let request = QueryRequest::for_batch(Date::new(2026, 11, 22).unwrap(), BatchNo::new("b-1").unwrap());
    let empty = r#"{"code":0,"data":{"page":1,"pageSize":100,"totalPage":0,"totalSize":0,"result":[]}}"#;
    assert!(QueryPage::from_reply(ok(empty), &request).unwrap().is_empty());
    let untrue = r#"{"code":0,"data":{"page":7,"result":[]}}"#;
    let error = QueryPage::from_reply(ok(untrue), &request).unwrap_err();
    assert_eq!(error.kind(), CallErrorKind::Implausible);

    assert_eq!(Answered::new(CodeCheck::Wrong).data, CodeCheck::Wrong);
}

#[test]
fn a_refusal_keeps_what_no_document_lists() {
    let refused = submitted(200, r#"{"code":211,"msg":"poor","orderId":7}"#).unwrap_err();
    let places: Vec<_> = refused.drift().iter().map(|drift| drift.place.as_str()).collect();
    assert_eq!((refused.kind(), places), (CallErrorKind::Refused, vec!["SubmitReply.orderId"]));
    assert!(submitted(502, r#"{"orderId":7}"#).unwrap_err().drift().is_empty(), "no answer, no message");
}

/// What the service writes into its own log of what it paid for.
#[derive(Serialize)]
struct Entry {
    accepted: Accepted,
    checked: Checked,
    page: QueryPage,
    code: Answered<CodeCheck>,
    result: CheckResult<'static>,
    refusal: Refusal,
}

#[test]
fn a_service_writes_every_answer_as_part_of_its_own_json() {
    let ok = |body: &'static str| Reply::new(StatusCode::OK, body);
    let accepted = r#"{"code":0,"data":{"requestId":"m-1","batchNo":"b-1",
        "failNumber":[{"number":"85251234568","reason":"no"}]},"orderId":7}"#;
    let body = r#"{"code":0,"data":{"basic":{"phone":"85251234567","country":"HK","operator":"CSL"}}}"#;
    let checked = Checked::from_reply(ok(body), &GetRequest::new(appkey(), phone("85251234567"))).unwrap();
    let query = QueryRequest::for_batch(Date::new(2026, 11, 22).unwrap(), BatchNo::new("b-1").unwrap());
    let rows = r#"{"code":0,"data":{"totalSize":1,"result":[{"phone":"85251234567","new":1}]}}"#;
    let push = br#"{"code":0,"messageId":"m-1","phone":"85251234567","cost":{"price":0.010,"currency":"USD"},
        "data":{"basic":{"preCheck":"YES","numberType":1}}}"#;
    let entry = Entry {
        accepted: submitted(200, accepted).unwrap(),
        checked,
        page: QueryPage::from_reply(ok(rows), &query).unwrap(),
        code: Answered::new(CodeCheck::Wrong),
        // Independent of the message that it was read from.
        result: CheckResult::from(&decode::<ResultPush<'_>>(push).unwrap()).into_owned(),
        refusal: submitted(200, r#"{"code":211}"#).unwrap_err().refusal().unwrap().clone(),
    };
    let entry = serde_json::to_value(&entry).unwrap();

    let taken = json!([{"number": "85251234568", "reason": "no",
        "item": {"number": "85251234568", "reason": "no"}}]);
    let drift = json!([{"place": "SubmitReply.orderId", "kind": "new_field", "value": null}]);
    assert_eq!(
        entry["accepted"],
        json!({"message_id": "m-1", "batch_no": "b-1", "not_taken": taken, "dialect": "v2", "text": null, "drift": drift})
    );
    let checked = &entry["checked"];
    assert_eq!((&checked["outcome"], &checked["result"]["done"]), (&json!("checked"), &json!(true)));
    assert_eq!((&checked["result"]["region"], &checked["result"]["carrier"]), (&json!("HK"), &json!("CSL")));
    assert_eq!(
        entry["page"]["rows"],
        json!([{"phone": "85251234567", "new": 1}]),
        "rows stay the platform's"
    );
    assert_eq!((&entry["page"]["page"], &entry["page"]["total_rows"]), (&json!(1), &json!(1)));
    assert_eq!(entry["code"], json!({"data": "wrong", "text": null, "drift": []}));
    let result = &entry["result"];
    assert_eq!((&result["done"], &result["dialect"]), (&json!(true), &json!("v1")));
    assert_eq!(
        (&result["phone"], &result["number_type"], &result["mcc"]),
        (&json!("85251234567"), &json!(1), &Value::Null)
    );
    assert_eq!((&result["price"], &result["currency"]), (&json!(0.01), &json!("USD")));
    assert_eq!(
        (&entry["refusal"]["code"], &entry["refusal"]["name"]),
        (&json!(211), &json!("BALANCE_TOO_LOW"))
    );
}

#[test]
fn a_reason_that_quotes_the_appkey_is_told_without_it() {
    let request = SubmitRequest::new(AppKey::new("canary-key").unwrap(), phones(1));
    let body = r#"{"code":0,"data":{"messageId":"m-1","batchNo":"b","failNumber":[{"number":"1","reason":"of CANARY-KEY"}]}}"#;
    let accepted = Accepted::from_reply(Reply::new(StatusCode::OK, body), &request).unwrap();
    let reasons: Vec<_> = accepted.not_taken.iter().map(|one| one.reason.as_deref()).collect();
    assert_eq!(reasons, [Some("of ***")]);
}
