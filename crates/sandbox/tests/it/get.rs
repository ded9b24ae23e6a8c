//! The instant check: who may ask, what it answers, what it costs.

use std::time::Duration;

use crate::common::{GET, QUERY, Reply, Signed, order};
use numcheck_protocol::number_check::{CheckResult, Dialect, GetOutcome, GetReply, QueryReply};
use numcheck_protocol::{Message, Price, decode};
use numcheck_sandbox::{
    Account, Assumptions, Clock, Fault, Faults, GetBadNumber, GetInV1, Operation, RepeatedBatchNo, Sandbox,
    Service, When,
};
use serde_json::{Value, json};

async fn sandbox(set: impl FnOnce(&mut Assumptions)) -> Sandbox {
    let mut assumptions = Assumptions::default();
    set(&mut assumptions);
    let clock = Clock::manual(1_700_000_000_000);
    Sandbox::builder().clock(clock).assumptions(assumptions).start().await.unwrap()
}

async fn get(sandbox: &Sandbox, phone: &str, more: &str) -> Reply {
    Signed::new(sandbox, GET, order(phone, more)).in_v2().send(sandbox).await
}

fn paid(sandbox: &Sandbox) -> Price {
    sandbox.ledger().paid("CNY".parse().unwrap())
}

#[tokio::test]
async fn a_number_is_checked_charged_and_found_by_a_query() {
    let sandbox = sandbox(|_| {}).await;
    let reply = get(&sandbox, "8613800138000", r#","batchNo":"b""#).await;
    let json = reply.json();
    let basic = json!({"phone": "8613800138000", "country": "CN", "numberType": "mobile", "operator": "China Mobile"});
    assert_eq!(
        (&json["code"], &json["message"], &json["data"]["basic"]),
        (&json!(0), &json!("Success"), &basic)
    );
    assert_eq!(json["data"]["cost"], json!({"price": 0.012, "currency": "CNY"}));
    let read: GetReply<'_> = decode(reply.body.as_bytes()).unwrap();
    read.drift(&mut |drift| panic!("{drift:?}"));
    let mut checked = CheckResult::from(&read);
    assert!(checked.done && checked.dialect == Some(Dialect::V2));
    assert_eq!(
        (paid(&sandbox).to_string().as_str(), sandbox.ledger().count(Service::Basic, 0)),
        ("0.0120", 1)
    );
    assert_eq!((sandbox.ledger().batches()[0].charged, sandbox.tally().accepted), (1, 1));
    let id = json["data"]["requestId"].as_str().unwrap();
    let body = format!(r#"{{"page":1,"pageSize":10,"date":"2023-11-15","requestId":"{id}"}}"#);
    let found = Signed::new(&sandbox, QUERY, body).in_v2().send(&sandbox).await;
    let found: QueryReply<'_> = decode(found.body.as_bytes()).unwrap();
    let row = found.data.get().unwrap().result.get().unwrap().iter().next().unwrap();
    checked.text = None;
    assert_eq!(CheckResult::from(row), checked);
    let record = sandbox.journal().requests().next().unwrap().clone();
    assert_eq!((record.endpoint, record.numbers), (Some("number_check.get"), 1));
    assert_eq!((record.batch_no.as_deref(), record.message_id.as_deref()), (Some("b"), Some(id)));
    // Nothing is pushed.
    sandbox.advance(Duration::from_secs(60));
    sandbox.settled().await;
    assert_eq!(sandbox.journal().pushes().count(), 0);
}

#[tokio::test]
async fn a_bad_number_has_both_of_the_documents_forms_and_is_free() {
    for (form, place) in [
        (GetBadNumber::FailNumber, "/data/failNumber/0/reason"),
        (GetBadNumber::FailReason, "/data/basic/failReason"),
    ] {
        let sandbox = sandbox(|assumed| assumed.get_bad_number = form).await;
        for phone in ["99912345678", "123", "letters", "8613800003401", "8613800000122"] {
            let reply = get(&sandbox, phone, "").await;
            assert!(reply.code() == 0 && reply.json().pointer(place).is_some(), "{reply:?}");
            assert!(reply.json()["data"].get("cost").is_none(), "{reply:?}");
            let read: GetReply<'_> = decode(reply.body.as_bytes()).unwrap();
            read.drift(&mut |drift| panic!("{drift:?}"));
            assert!(read.outcome() == GetOutcome::BadNumber && read.fail_reason().is_some(), "{reply:?}");
        }
        assert_eq!((paid(&sandbox), sandbox.tally().accepted), (Price::ZERO, 0));
    }
    let sandbox = sandbox(|assumed| assumed.charge_not_taken = true).await;
    get(&sandbox, "8613800003401", "").await;
    assert_eq!(paid(&sandbox).to_string(), "0.0120");
}

#[tokio::test]
async fn an_account_of_v1_does_not_have_it() {
    let strict = sandbox(|_| {}).await;
    let ask = |sandbox| Signed::new(sandbox, GET, order("8613800138000", ""));
    let reply = ask(&strict).send(&strict).await;
    assert_eq!((reply.status, reply.json().get("code")), (404, None));
    let other = sandbox(|assumed| assumed.get_in_v1 = GetInV1::BadParameter).await;
    let reply = ask(&other).send(&other).await;
    assert_eq!((reply.status, reply.code()), (200, 201));
    for sandbox in [strict, other] {
        assert_eq!(paid(&sandbox), Price::ZERO);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_has_a_code_and_costs_nothing() {
    let sandbox = sandbox(|assumed| assumed.repeated_batch_no = RepeatedBatchNo::Refuse).await;
    let long = format!(r#","batchNo":"{}""#, "b".repeat(65));
    for (phone, more, code) in [
        ("", "", 201),
        ("8613800138000,8613800138011", "", 201),
        ("8613800138000", r#","checkLevel":"x""#, 201),
        ("8613800138000", r#","batchNo":7"#, 201),
        ("8613800138000", &long, 212),
        ("8613800138000", r#","checkLevel":5"#, 207),
        ("8613800138000", r#","batchNo":"sandbox-288""#, 288),
    ] {
        let reply = get(&sandbox, phone, more).await;
        assert_eq!((reply.status, reply.code()), (200, code), "{phone} {more}");
    }
    let theirs = Signed::new(&sandbox, GET, order("8613800138000", ""));
    let theirs = Signed { body: theirs.body.clone(), ..theirs.clone().in_v2() };
    assert_eq!(theirs.send(&sandbox).await.code(), 210);
    let unsigned = Signed { sign: Some("0".repeat(32)), ..Signed::new(&sandbox, GET, "{}").in_v2() };
    let unsigned = unsigned.send(&sandbox).await.json();
    assert_eq!((&unsigned["code"], &unsigned["data"]), (&json!(1003), &Value::Null));
    assert!(unsigned["message"].is_string(), "{unsigned}");
    assert_eq!(paid(&sandbox), Price::ZERO);
    for code in [0, 201] {
        assert_eq!(get(&sandbox, "8613800138000", r#","batchNo":"b""#).await.code(), code);
    }
}

#[tokio::test]
async fn a_balance_too_low_is_211() {
    let mut poor = Account::second_dialect();
    poor.balance = [("CNY".parse().unwrap(), "0.0119".parse().unwrap())].into();
    poor.appkey = Account::APPKEY.into();
    let sandbox = Sandbox::builder().account(poor).start().await.unwrap();
    let ask = Signed::new(&sandbox, GET, order("8613800138000", ""));
    let ask = Signed { body: ask.body.clone(), ..ask.in_v2() };
    assert_eq!(ask.send(&sandbox).await.code(), 211);
    assert_eq!(paid(&sandbox), Price::ZERO);
}

#[tokio::test]
async fn faults_of_its_own_apply_and_leave_other_requests_alone() {
    let sandbox = sandbox(|_| {}).await;
    sandbox.set_faults(
        Faults::none()
            .request(Operation::Get, When::Next(1), Fault::Code(206))
            .request(Operation::Get, When::Next(1), Fault::AcceptThenClose)
            .request(Operation::Submit, When::Always, Fault::Respond(500)),
    );
    assert_eq!(get(&sandbox, "8613800138000", "").await.code(), 206);
    assert_eq!(paid(&sandbox), Price::ZERO);
    let lost = Signed::new(&sandbox, GET, order("8613800138000", "")).in_v2().try_send(&sandbox).await;
    assert!(lost.is_none() && paid(&sandbox).to_string() == "0.0120", "carried out and charged");
    assert_eq!(get(&sandbox, "8613800138000", "").await.code(), 0);
}
