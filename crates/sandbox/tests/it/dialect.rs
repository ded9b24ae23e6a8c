//! The second dialect: submit, push and query of an account that is answered in it.

use std::time::Duration;

use crate::common::{CHECK, QUERY, Receiver, Reply, Signed, order, submit};
use numcheck_protocol::number_check::{
    Answer, AnyNumberType, CallbackCode, CheckResult, DialResponse, Dialect, KnownDialResponse,
    NumberTypeWord, QueryReply, ResultPush, SubmitReply,
};
use numcheck_protocol::{Message, Price, decode};
use numcheck_sandbox::{
    Account, Assumptions, Clock, Fault, Faults, Operation, Sandbox, Service, V2Revision, When,
};
use serde_json::{Value, json};

fn assumptions(set: impl FnOnce(&mut Assumptions)) -> Assumptions {
    let mut assumptions = Assumptions::default();
    set(&mut assumptions);
    assumptions
}

async fn standing_still(assumptions: Assumptions) -> Sandbox {
    let clock = Clock::manual(1_700_000_000_000);
    Sandbox::builder().clock(clock).assumptions(assumptions).start().await.unwrap()
}

async fn submit_v2(sandbox: &Sandbox, phone: &str, more: &str) -> Reply {
    Signed::new(sandbox, CHECK, order(phone, more)).in_v2().send(sandbox).await
}

/// What is pushed for numbers, in their order.
async fn pushed(sandbox: &Sandbox, dialect: Dialect, phones: &str, level: u32) -> Vec<String> {
    let receiver = Receiver::start().await;
    let more = format!(r#","checkLevel":{level}{}"#, receiver.field());
    let reply = match dialect {
        Dialect::V1 => submit(sandbox, phones, &more).await,
        Dialect::V2 => submit_v2(sandbox, phones, &more).await,
    };
    assert_eq!(reply.code(), 0, "{reply:?}");
    sandbox.advance(Duration::from_secs(1));
    sandbox.settled().await;
    let mut bodies: Vec<String> = receiver.pushes().into_iter().map(|push| push.body).collect();
    let place = |body: &String| {
        let push: Value = serde_json::from_str(body).unwrap();
        phones.find(push["phone"].as_str().unwrap())
    };
    bodies.sort_by_key(place);
    bodies
}

/// What of a message nobody knows.
fn drift(message: &impl Message) -> Vec<String> {
    let mut seen = Vec::new();
    message.drift(&mut |drift| seen.push(drift.place));
    seen
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

async fn ask(sandbox: &Sandbox, more: &str) -> Value {
    sandbox.advance(Duration::from_secs(3));
    let body = format!(r#"{{"page":1,"pageSize":100,"date":"2023-11-15",{more}}}"#);
    let reply = Signed::new(sandbox, QUERY, body).in_v2().send(sandbox).await;
    assert_eq!(reply.code(), 0, "{reply:?}");
    let read: QueryReply<'_> = decode(reply.body.as_bytes()).unwrap();
    assert_eq!(drift(&read), [""; 0], "{reply:?}");
    reply.json()
}

#[tokio::test]
async fn a_submit_is_answered_with_the_names_of_v2_and_mixed_countries_are_accepted() {
    let sandbox = standing_still(Assumptions::default()).await;
    let reply = submit_v2(&sandbox, "8613800138000,447911555666", r#","batchNo":"b""#).await;
    let json = reply.json();
    assert_eq!(keys(&json), ["code", "data", "message", "traceId"]);
    assert_eq!(keys(&json["data"]), ["batchNo", "failNumber", "requestId"]);
    assert_eq!((&json["message"], &json["data"]["failNumber"]), (&json!("Success"), &json!([])));
    assert_eq!(json["traceId"].as_str().map(str::len), Some(8));
    let read: SubmitReply<'_> = decode(reply.body.as_bytes()).unwrap();
    assert_eq!((read.dialect(), drift(&read)), (Some(Dialect::V2), vec![]));
    // The same from an account of v1 is refused.
    assert_eq!(submit(&sandbox, "8613800138000,447911555666", "").await.code(), 203);
}

#[tokio::test]
async fn a_refusal_has_the_names_of_the_accounts_dialect_whoever_refuses() {
    let sandbox = standing_still(Assumptions::default()).await;
    let refused = submit_v2(&sandbox, "8613800138000", r#","batchNo":"sandbox-206""#).await;
    assert_eq!((refused.code(), keys(&refused.json()["data"])), (206, vec!["batchNo", "requestId"]));
    let unsigned = Signed { sign: Some("0".repeat(32)), ..Signed::new(&sandbox, CHECK, "{}").in_v2() };
    let unsigned = unsigned.send(&sandbox).await.json();
    assert_eq!(keys(&unsigned), ["code", "data", "message", "traceId"]);
    assert_eq!((&unsigned["code"], &unsigned["data"]), (&json!(1003), &Value::Null));
    sandbox.set_faults(Faults::none().request(Operation::Submit, When::Always, Fault::Code(299)));
    assert!(submit_v2(&sandbox, "8613800138000", "").await.json()["message"].is_string());
    assert!(submit(&sandbox, "8613800138000", "").await.json()["msg"].is_string());
}

#[tokio::test]
async fn what_is_no_number_stands_in_fail_number_is_free_not_pushed_and_not_found() {
    let sandbox = standing_still(Assumptions::default()).await;
    let receiver = Receiver::start().await;
    let phones = "8613800138000,99912345678,8613800003401,86138001380001234,8613800138011";
    let more = format!(r#","batchNo":"b"{}"#, receiver.field());
    let reply = submit_v2(&sandbox, phones, &more).await;
    let json = reply.json();
    let failed = json["data"]["failNumber"].as_array().unwrap();
    let numbers: Vec<&str> = failed.iter().map(|one| one["number"].as_str().unwrap()).collect();
    assert_eq!((reply.code(), numbers), (0, vec!["99912345678", "8613800003401", "86138001380001234"]));
    let read: SubmitReply<'_> = decode(reply.body.as_bytes()).unwrap();
    assert_eq!(read.data.get().unwrap().not_taken().count(), 3);

    sandbox.advance(Duration::from_secs(1));
    sandbox.settled().await;
    let mut pushed: Vec<Value> = receiver.pushes().iter().map(crate::common::Pushed::json).collect();
    pushed.sort_by_key(|push| push["phone"].to_string());
    let phones: Vec<&str> = pushed.iter().map(|push| push["phone"].as_str().unwrap()).collect();
    assert_eq!(phones, ["8613800138000", "8613800138011"]);
    let id = json["data"]["requestId"].as_str().unwrap();
    assert!(pushed[0]["requestId"].as_str().unwrap().starts_with(&format!("{id}-")), "{pushed:?}");
    let found = ask(&sandbox, r#""batchNo":"b""#).await;
    assert_eq!(found["data"]["totalSize"], 2);
    let cny = "CNY".parse().unwrap();
    assert_eq!(sandbox.ledger().paid(cny).to_string(), "0.0240");
    assert_eq!(sandbox.ledger().batches()[0].numbers, 2);
    assert_eq!(sandbox.tally().accepted, 2);
}

#[tokio::test]
async fn where_no_number_is_taken_the_submit_is_accepted_all_the_same() {
    let sandbox = standing_still(Assumptions::default()).await;
    let receiver = Receiver::start().await;
    let reply = submit_v2(&sandbox, "8613800003401", &format!(r#","batchNo":"b"{}"#, receiver.field())).await;
    assert_eq!((reply.code(), reply.json()["data"]["failNumber"].as_array().map(Vec::len)), (0, Some(1)));
    sandbox.advance(Duration::from_secs(1));
    sandbox.settled().await;
    assert!(receiver.pushes().is_empty());
    assert_eq!(ask(&sandbox, r#""batchNo":"b""#).await["data"]["totalSize"], 0);
    // In v1 the same number is an ordinary one.
    assert_eq!(pushed(&sandbox, Dialect::V1, "8613800003401", 1).await.len(), 1);
}

#[tokio::test]
async fn numbers_that_are_not_taken_can_be_charged_and_masked() {
    let sandbox = standing_still(assumptions(|assumed| {
        assumed.charge_not_taken = true;
        assumed.mask_not_taken = true;
    }))
    .await;
    let reply = submit_v2(&sandbox, "8613800138000,8613800003401", "").await;
    assert_eq!(reply.json()["data"]["failNumber"][0]["number"], "861***3401");
    let ledger = sandbox.ledger();
    assert_eq!(ledger.paid("CNY".parse().unwrap()).to_string(), "0.0240");
    assert_eq!((ledger.count(Service::Basic, 0), ledger.count(Service::Basic, 114)), (1, 1));
}

#[tokio::test]
async fn at_most_5000_numbers_unless_it_is_assumed_otherwise() {
    let number = |at: usize| format!("86138{at:04}9999");
    let list = |count: usize| (0..count).map(number).collect::<Vec<_>>().join(",");
    let sandbox = standing_still(Assumptions::default()).await;
    assert_eq!(submit_v2(&sandbox, &list(5000), "").await.code(), 0);
    assert_eq!(submit_v2(&sandbox, &list(5001), "").await.code(), 201);
    assert_eq!(submit(&sandbox, &list(5001), "").await.code(), 0, "v1 states no limit");
    let lenient = standing_still(assumptions(|assumed| assumed.refuse_over_5000 = false)).await;
    assert_eq!(submit_v2(&lenient, &list(5001), "").await.code(), 0);
}

#[tokio::test]
async fn level_call_ended_with_2023() {
    let today = standing_still(Assumptions::default()).await;
    assert_eq!(submit_v2(&today, "8613800138000", r#","checkLevel":4"#).await.code(), 207);
    assert_eq!(submit_v2(&today, "8613800138000", r#","checkLevel":5"#).await.code(), 0);
    for revision in [V2Revision::Year2023, V2Revision::FirstDays] {
        let sandbox = standing_still(assumptions(|assumed| assumed.v2_revision = revision)).await;
        assert_eq!(submit_v2(&sandbox, "8613800138000", r#","checkLevel":4"#).await.code(), 0);
    }
}

#[tokio::test]
async fn every_form_of_a_push_has_the_documents_names_and_reads_without_drift() {
    let sandbox = standing_still(assumptions(|assumed| assumed.v2_revision = V2Revision::Year2023)).await;
    let head = ["batchNo", "code", "cost", "data", "message", "phone", "requestId"];
    let basic = vec!["country", "numberType", "operator"];
    let hlr = vec!["active", "country", "mcc", "mnc", "numberType", "operator", "ported"];
    let call = vec!["answer", "country", "numberType", "operator", "response", "ring"];
    for (phone, level, wanted) in [
        ("8613800138000", 1, &basic),
        ("8613800001132", 5, &hlr),
        ("8613800138000", 5, &hlr),
        ("8613800022204", 4, &call),
        ("8613800138000", 4, &call),
    ] {
        let body = pushed(&sandbox, Dialect::V2, phone, level).await.remove(0);
        let push: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((keys(&push), &keys(&push["data"])), (head.to_vec(), wanted), "{push}");
        let read: ResultPush<'_> = decode(body.as_bytes()).unwrap();
        assert_eq!((drift(&read), read.dialect()), (vec![], Some(Dialect::V2)), "{push}");
    }
    let body = pushed(&sandbox, Dialect::V2, "8613800000266", 1).await.remove(0);
    let push: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((keys(&push), &push["data"]), (head.to_vec(), &Value::Null));
    assert_eq!((&push["code"], &push["message"]), (&json!(266), &json!("subBalance failed")));
    assert_eq!(push["cost"], json!({"price": 0.012, "currency": "CNY"}));
    let read: ResultPush<'_> = decode(body.as_bytes()).unwrap();
    assert_eq!((drift(&read), read.code.get()), (vec![], Some(&CallbackCode::DEDUCTION_FAILED)));
}

#[tokio::test]
async fn the_magic_words_are_those_of_the_table() {
    let sandbox = standing_still(assumptions(|assumed| assumed.v2_revision = V2Revision::Year2023)).await;
    let body = pushed(&sandbox, Dialect::V2, "8613800001132", 5).await.remove(0);
    let push: ResultPush<'_> = decode(body.as_bytes()).unwrap();
    let result = CheckResult::from(&push);
    assert_eq!((result.validity, result.ported), (Some(Answer::YES), Some(Answer::NO)));
    assert_eq!(result.mcc.as_ref().map(|mcc| mcc.as_str()), Some("460"));
    let body = pushed(&sandbox, Dialect::V2, "8613800021204", 4).await.remove(0);
    let push: ResultPush<'_> = decode(body.as_bytes()).unwrap();
    let result = CheckResult::from(&push);
    assert_eq!((result.ring, result.answered), (Some(Answer::YES), Some(Answer::NO)));
    assert_eq!(result.response, Some(DialResponse::from(KnownDialResponse::InvalidNumber)));
    for (phone, word) in [
        ("8613800138000", NumberTypeWord::MOBILE),
        ("442012345678", NumberTypeWord::OTHERS),
        ("8610000000000", NumberTypeWord::INVALID),
        ("8613800003007", NumberTypeWord::OTHERS),
        ("8613800003042", NumberTypeWord::new("type_42")),
    ] {
        let body = pushed(&sandbox, Dialect::V2, phone, 1).await.remove(0);
        let push: ResultPush<'_> = decode(body.as_bytes()).unwrap();
        assert_eq!(CheckResult::from(&push).number_type, Some(AnyNumberType::Word(word)), "{phone}");
    }
}

#[tokio::test]
async fn the_first_eleven_days_wrote_small_words_and_response_status() {
    let sandbox = standing_still(assumptions(|assumed| assumed.v2_revision = V2Revision::FirstDays)).await;
    let body = pushed(&sandbox, Dialect::V2, "8613800021209", 4).await.remove(0);
    let push: Value = serde_json::from_str(&body).unwrap();
    let data = &push["data"];
    assert_eq!(
        (&data["ring"], &data["answer"], &data["responseStatus"]),
        (&json!("yes"), &json!("no"), &json!("voicemail"))
    );
    assert!(data.get("response").is_none(), "{push}");
    let read: ResultPush<'_> = decode(body.as_bytes()).unwrap();
    assert_eq!((drift(&read), CheckResult::from(&read).ring), (vec![], Some(Answer::YES)));
    let body = pushed(&sandbox, Dialect::V2, "8613800001132", 5).await.remove(0);
    let push: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&push["data"]["active"], &push["data"]["ported"]), (&json!("yes"), &json!("no")));
}

#[tokio::test]
async fn pushes_of_the_same_number_agree_on_what_both_dialects_say() {
    let sandbox = standing_still(assumptions(|assumed| assumed.v2_revision = V2Revision::Year2023)).await;
    let numbers: Vec<String> = (0..20).map(|at| format!("86138001{at:02}999")).collect();
    let odd =
        ["442012345678", "447911555666", "8610000000000", "8613800001123", "8613800021103", "8613800000122"];
    for phone in numbers.iter().map(String::as_str).chain(odd) {
        for level in [1, 4, 5] {
            let first = pushed(&sandbox, Dialect::V1, phone, level).await.remove(0);
            let second = pushed(&sandbox, Dialect::V2, phone, level).await.remove(0);
            let (first, second): (ResultPush<'_>, ResultPush<'_>) =
                (decode(first.as_bytes()).unwrap(), decode(second.as_bytes()).unwrap());
            let (first, second) = (CheckResult::from(&first), CheckResult::from(&second));
            assert_eq!((first.done, first.code), (second.done, second.code), "{phone} {level}");
            assert_eq!((&first.phone, &first.region), (&second.phone, &second.region), "{phone} {level}");
            assert_eq!(
                (&first.carrier, &first.validity),
                (&second.carrier, &second.validity),
                "{phone} {level}"
            );
            assert_eq!((&first.ring, &first.answered), (&second.ring, &second.answered), "{phone} {level}");
            assert_eq!(first.response, second.response, "{phone} {level}");
            if first.done {
                assert_eq!((first.price, first.currency), (second.price, second.currency), "{phone} {level}");
            }
        }
    }
}

#[tokio::test]
async fn a_failure_shows_a_cost_and_is_free_unless_it_is_assumed_otherwise() {
    for (charge_failed, paid) in [(false, "0.0000"), (true, "0.0120")] {
        let sandbox = standing_still(assumptions(|assumed| assumed.charge_failed = charge_failed)).await;
        // 266 says that nothing could be deducted, so it never is.
        let bodies = pushed(&sandbox, Dialect::V2, "8613800000122,8613811000266", 1).await;
        for body in bodies {
            let push: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(push["cost"], json!({"price": 0.012, "currency": "CNY"}), "{push}");
        }
        assert_eq!(sandbox.ledger().paid("CNY".parse().unwrap()), paid.parse::<Price>().unwrap());
    }
}

#[tokio::test]
async fn the_unusual_forms_bend_v2_too() {
    let sandbox = standing_still(assumptions(|assumed| assumed.v2_revision = V2Revision::Year2023)).await;
    let push = async |phone| {
        let body = pushed(&sandbox, Dialect::V2, phone, 1).await.remove(0);
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let extra = push("8613800003201").await;
    assert!(extra["sandboxExtra"] == true && extra["data"]["sandboxExtra"] == true, "{extra}");
    let strings = push("8613800003202").await;
    assert_eq!((&strings["code"], &strings["cost"]["price"]), (&json!("0"), &json!("0.0120")));
    let nulls = push("8613800003203").await;
    assert!(nulls["data"].is_null() && nulls.get("cost").unwrap().is_null(), "{nulls}");
    let nothing = push("8613800003204").await;
    assert!(nothing.get("data").is_none() && nothing.get("cost").is_none(), "{nothing}");
    assert!(push("8613800003205").await.get("cost").is_none());
    let empty = push("8613800003206").await;
    assert_eq!((&empty["data"]["numberType"], &empty["data"]["operator"]), (&json!(""), &json!("")));
    let renamed = push("8613800003207").await;
    assert!(renamed["msg"].is_string() && renamed.get("message").is_none(), "{renamed}");
    assert_eq!(push("8613800003208").await["data"], json!([]));
    let hlr = pushed(&sandbox, Dialect::V2, "8613800003206", 5).await.remove(0);
    let hlr: Value = serde_json::from_str(&hlr).unwrap();
    assert_eq!((&hlr["data"]["active"], &hlr["data"]["ported"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn a_query_row_says_what_the_push_said_and_is_found_by_its_request_id() {
    let sandbox = standing_still(assumptions(|assumed| assumed.v2_revision = V2Revision::Year2023)).await;
    for (phone, level) in [
        ("8613800138000", 1),
        ("8613800001132", 5),
        ("8613800021204", 4),
        ("442012345678", 1),
        ("8613800000122", 5),
    ] {
        let body = pushed(&sandbox, Dialect::V2, phone, level).await.remove(0);
        let push: ResultPush<'_> = decode(body.as_bytes()).unwrap();
        let push = CheckResult::from(&push);
        let id = push.id.as_ref().unwrap().as_str().to_owned();
        let found = ask(&sandbox, &format!(r#""requestId":"{id}""#)).await;
        assert!(found["msg"].is_string(), "a query says msg in v2, too: {found}");
        let row = found["data"]["result"][0].to_string();
        let read: numcheck_protocol::number_check::QueryRow<'_> = decode(row.as_bytes()).unwrap();
        let mut row = CheckResult::from(&read);
        assert_eq!((row.dialect, row.done), (Some(Dialect::V2), push.done));
        if push.done {
            // Only a push has a code and a text.
            (row.code, row.text) = (push.code, push.text.clone());
            assert_eq!(row, push);
        } else {
            assert_eq!(row.price, Some(Price::ZERO));
        }
    }
}

#[tokio::test]
async fn the_dialect_is_the_accounts_and_the_built_in_ones_have_both() {
    let mut account = Account::default();
    assert_eq!((account.dialect, Account::other().dialect), (Dialect::V1, Dialect::V1));
    assert_eq!(Account::second_dialect().dialect, Dialect::V2);
    account.dialect = Dialect::V2;
    let sandbox = Sandbox::builder().account(account).start().await.unwrap();
    assert!(submit(&sandbox, "8613800138000", "").await.json()["data"]["requestId"].is_string());
}
