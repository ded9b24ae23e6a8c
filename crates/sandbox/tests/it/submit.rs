//! Submitting numbers: every code of the submit table, money, ids.

use std::collections::HashSet;
use std::time::Duration;

use crate::common::{CHECK, Receiver, Signed, order, submit};
use numcheck_protocol::{Currency, Price};
use numcheck_sandbox::{Account, Assumptions, Clock, MAGIC, RepeatedBatchNo, Sandbox, Service, SubmitPace};
use serde_json::json;

const CN: &str = "8613800138000";

fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

fn price(amount: &str) -> Price {
    amount.parse().unwrap()
}

#[tokio::test]
async fn an_accepted_submit_is_answered_as_in_the_document() {
    let sandbox = Sandbox::start().await.unwrap();
    let reply = submit(&sandbox, CN, r#","batchNo":"20220901","checkLevel":1"#).await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").unwrap().starts_with("application/json"));
    let id = reply.json()["data"]["messageId"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    assert_eq!(reply.json(), json!({"msg":"success","code":0,"data":{"messageId":id,"batchNo":"20220901"}}));
}

#[tokio::test]
async fn an_unknown_appkey_is_answered_as_in_the_document() {
    let sandbox = Sandbox::start().await.unwrap();
    let body = format!(r#"{{"phone":"{CN}","appkey":"a1b2c3d4"}}"#);
    let reply = Signed::new(&sandbox, CHECK, body).send(&sandbox).await;
    assert_eq!(reply.status, 200);
    let sample = json!({
        "msg": "Application not available or incorrect appkey",
        "code": 202,
        "data": {"messageId": "", "batchNo": ""}
    });
    assert_eq!(reply.json(), sample);
}

#[tokio::test]
async fn bad_parameters_are_201_and_the_journal_says_which() {
    let sandbox = Sandbox::start().await.unwrap();
    for body in [
        "",
        "{",
        "[1]",
        r#"{"phone":"1"}"#,
        &order("", ""),
        &order(CN, r#","drUrl":"nowhere""#),
        &order(CN, r#","batchNo":5"#),
    ] {
        let reply = Signed::new(&sandbox, CHECK, body).send(&sandbox).await;
        assert_eq!(reply.code(), 201, "{body}");
        assert_eq!(reply.json()["data"], json!({"messageId": "", "batchNo": ""}));
    }
    let last = sandbox.journal().requests().last().cloned().unwrap();
    assert_eq!((last.code, last.why.as_str()), (Some(201), "batchNo must be a string"));
    assert!(sandbox.ledger().lines().is_empty());
}

#[tokio::test]
async fn a_level_that_does_not_exist_is_207_and_a_batch_number_of_65_characters_212() {
    let sandbox = Sandbox::start().await.unwrap();
    for level in [0, 2, 3, 6] {
        assert_eq!(submit(&sandbox, CN, &format!(r#","checkLevel":{level}"#)).await.code(), 207);
    }
    let batch_no = |length| format!(r#","batchNo":"{}""#, "b".repeat(length));
    assert_eq!(submit(&sandbox, CN, &batch_no(65)).await.code(), 212);
    assert_eq!(submit(&sandbox, CN, &batch_no(64)).await.code(), 0);
}

#[tokio::test]
async fn the_appkey_of_another_customer_is_210() {
    let sandbox = Sandbox::start().await.unwrap();
    let body = format!(r#"{{"phone":"{CN}","appkey":"{}"}}"#, Account::OTHER_APPKEY);
    assert_eq!(Signed::new(&sandbox, CHECK, body.clone()).send(&sandbox).await.code(), 210);
    let other = Signed {
        access_key: Account::OTHER_ACCESS_KEY.into(),
        secret: Account::OTHER_ACCESS_SECRET.into(),
        ..Signed::new(&sandbox, CHECK, body)
    };
    assert_eq!(other.send(&sandbox).await.code(), 0);
}

#[tokio::test]
async fn numbers_of_two_countries_are_203_unless_the_switch_allows_them() {
    let mixed = format!("{CN},447911123456");
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(submit(&sandbox, &mixed, "").await.code(), 203);
    // One country code is one country, and what has no known one goes with any.
    assert_eq!(submit(&sandbox, "14155550100,14165550100,99912345678", "").await.code(), 0);

    let mut assumptions = Assumptions::default();
    assumptions.refuse_mixed_countries = false;
    let sandbox = Sandbox::builder().assumptions(assumptions).start().await.unwrap();
    assert_eq!(submit(&sandbox, &mixed, "").await.code(), 0);
    let ledger = sandbox.ledger();
    assert_eq!(ledger.paid(currency("CNY")), price("0.0120"));
    assert_eq!(ledger.paid(currency("USD")), price("0.0020"));
}

#[tokio::test]
async fn a_balance_below_the_worst_case_is_211_and_nothing_is_charged() {
    let mut account = Account::default();
    account.balance.insert(currency("CNY"), price("0.0360"));
    let sandbox = Sandbox::builder().account(account).start().await.unwrap();
    // Three numbers of 0.0120, of which one fails for free: still enough for the worst case.
    let three = "8613800138000,8613800138001,8613800000114";
    assert_eq!(submit(&sandbox, three, "").await.code(), 0);
    assert_eq!(sandbox.ledger().balance(Account::ACCESS_KEY, currency("CNY")), Some(price("0.0120")));
    assert_eq!(submit(&sandbox, "8613800138000,8613800000114", "").await.code(), 211);
    assert_eq!(submit(&sandbox, CN, "").await.code(), 0);
    assert_eq!(submit(&sandbox, CN, "").await.code(), 211);
    // Other currencies are other purses.
    assert_eq!(submit(&sandbox, "447911123456", "").await.code(), 0);
    assert_eq!(sandbox.ledger().paid(currency("CNY")), price("0.0360"));
}

#[tokio::test]
async fn charges_are_exact_by_level_and_currency_and_failures_are_free() {
    let sandbox = Sandbox::start().await.unwrap();
    let numbers: Vec<String> = (0..100).map(|n| format!("86138123{n:05}")).collect();
    for level in [1, 4, 5] {
        let reply = submit(&sandbox, &numbers.join(","), &format!(r#","checkLevel":{level}"#)).await;
        assert_eq!(reply.code(), 0);
    }
    assert_eq!(submit(&sandbox, "442012345678,447911123456", r#","checkLevel":5"#).await.code(), 0);
    assert_eq!(submit(&sandbox, "4915112345678", "").await.code(), 0);
    let ledger = sandbox.ledger();
    assert_eq!(ledger.paid_for(Service::Basic, currency("CNY")), price("1.2"));
    assert_eq!(ledger.paid_for(Service::Hlr, currency("CNY")), price("6"));
    assert_eq!(ledger.paid_for(Service::Call, currency("CNY")), price("12"));
    assert_eq!(ledger.paid_for(Service::Hlr, currency("USD")), price("0.01"));
    assert_eq!(ledger.count(Service::Hlr, 120), 1);
    assert_eq!(ledger.paid(currency("EUR")), price("0.0018"));
}

#[tokio::test]
async fn every_submit_code_known_or_not_can_be_had_through_a_batch_number() {
    let sandbox = Sandbox::start().await.unwrap();
    let listed = numcheck_protocol::number_check::SubmitCode::ENTRIES.iter().map(|entry| entry.code);
    for code in listed.filter(|code| *code != 0).chain([208, 1004, 77_777]) {
        let reply = submit(&sandbox, CN, &format!(r#","batchNo":"sandbox-{code}""#)).await;
        assert_eq!(reply.code(), code);
        let again = submit(&sandbox, CN, &format!(r#","batchNo":"sandbox-{code}-another""#)).await;
        assert_eq!(again.code(), code);
    }
    assert!(sandbox.ledger().lines().is_empty());
    let last = sandbox.journal().requests().last().cloned().unwrap();
    assert_eq!((last.batch_no.as_deref(), last.numbers), (Some("sandbox-77777-another"), 1));
    assert!(MAGIC.iter().any(|row| row.pattern.contains("sandbox-ccc")));
}

#[tokio::test]
async fn several_faults_give_201_before_212_before_207_before_202_before_203() {
    let sandbox = Sandbox::start().await.unwrap();
    let long = "b".repeat(65);
    let body = |phone: &str, batch_no: &str, level: u32, appkey: &str| {
        format!(r#"{{"phone":"{phone}","batchNo":"{batch_no}","checkLevel":{level},"appkey":"{appkey}"}}"#)
    };
    let mixed = "8613800138000,447911123456";
    for (body, code) in [
        (body("", &long, 2, "x"), 201),
        (body(mixed, &long, 2, "x"), 212),
        (body(mixed, "b", 2, "x"), 207),
        (body(mixed, "b", 1, "x"), 202),
        (body(mixed, "b", 1, Account::OTHER_APPKEY), 210),
        (body(mixed, "b", 1, Account::APPKEY), 203),
    ] {
        assert_eq!(Signed::new(&sandbox, CHECK, body.clone()).send(&sandbox).await.code(), code, "{body}");
    }
}

#[tokio::test]
async fn a_batch_number_left_out_is_made_with_12_digits() {
    let sandbox = Sandbox::start().await.unwrap();
    for more in ["", r#","batchNo":"""#, r#","batchNo":null"#] {
        let reply = submit(&sandbox, CN, more).await;
        let batch_no = reply.json()["data"]["batchNo"].as_str().unwrap().to_owned();
        assert!(batch_no.len() == 12 && batch_no.bytes().all(|b| b.is_ascii_digit()), "{batch_no}");
    }
}

#[tokio::test]
async fn a_repeated_batch_number_is_charged_again_unless_a_switch_says_otherwise() {
    let ids = async |repeated| {
        let mut assumptions = Assumptions::default();
        assumptions.repeated_batch_no = repeated;
        let sandbox = Sandbox::builder().assumptions(assumptions).start().await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..2 {
            let reply = submit(&sandbox, CN, r#","batchNo":"b1""#).await;
            ids.push((reply.code(), reply.json()["data"]["messageId"].as_str().unwrap().to_owned()));
        }
        (ids, sandbox.ledger().count(Service::Basic, 0))
    };
    let (again, charged) = ids(RepeatedBatchNo::ChargeAgain).await;
    assert_eq!((again[0].0, again[1].0, charged), (0, 0, 2));
    assert_ne!(again[0].1, again[1].1);
    let (refused, charged) = ids(RepeatedBatchNo::Refuse).await;
    assert_eq!((refused[0].0, refused[1].0, charged), (0, 201, 1));
    let (merged, charged) = ids(RepeatedBatchNo::Merge).await;
    assert_eq!((merged[0].0, merged[1].0, charged), (0, 0, 1));
    assert_eq!(merged[0].1, merged[1].1);
}

#[tokio::test]
async fn the_same_seed_and_submits_give_the_same_ids_and_pushes() {
    let run = async |seed| {
        let receiver = Receiver::start().await;
        let clock = Clock::manual(1_700_000_000_000);
        let sandbox = Sandbox::builder().seed(seed).clock(clock).push_connections(1).start().await.unwrap();
        submit(&sandbox, "8613800138000,8613800138001,8613800138002", &receiver.field()).await;
        submit(&sandbox, CN, &format!(r#"{},"checkLevel":5"#, receiver.field())).await;
        sandbox.advance(Duration::from_secs(1));
        sandbox.settled().await;
        receiver.wait_for(4).await.into_iter().map(|push| push.body).collect::<Vec<_>>()
    };
    let first = run(7).await;
    assert_eq!(first, run(7).await);
    assert_ne!(first, run(8).await);
}

#[tokio::test]
async fn one_number_is_pushed_under_the_submits_id_and_several_with_six_more_digits() {
    let receiver = Receiver::start().await;
    let sandbox = Sandbox::start().await.unwrap();
    let reply = submit(&sandbox, CN, &receiver.field()).await.json();
    assert_eq!(receiver.one().await["messageId"], reply["data"]["messageId"]);

    let receiver = Receiver::start().await;
    let numbers: Vec<String> = (0..500).map(|n| format!("86138123{n:05}")).collect();
    let reply = submit(&sandbox, &numbers.join(","), &receiver.field()).await.json();
    let id = reply["data"]["messageId"].as_str().unwrap();
    let pushes = receiver.wait_for(500).await;
    let mut ids = HashSet::new();
    for push in pushes {
        let push = push.json();
        let (batch, suffix) = push["messageId"].as_str().unwrap().rsplit_once('-').unwrap();
        assert_eq!(batch, id);
        assert!(suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_digit()), "{suffix}");
        assert!(ids.insert(suffix.to_owned()), "{suffix} twice");
        assert_eq!(push["batchNo"], reply["data"]["batchNo"]);
    }
}

#[tokio::test]
async fn the_eleventh_submit_in_a_second_is_refused_with_288_and_costs_nothing() {
    let mut assumptions = Assumptions::default();
    assumptions.submit_pace = SubmitPace::Refuse;
    let sandbox = Sandbox::builder()
        .clock(Clock::manual(1_700_000_000_000))
        .assumptions(assumptions)
        .start()
        .await
        .unwrap();
    let code = async |phones: &str| submit(&sandbox, phones, "").await.code();
    for _ in 0..10 {
        assert_eq!(code(CN).await, 0);
    }
    let balance = sandbox.tally();
    assert_eq!(code(CN).await, 288);
    assert_eq!(sandbox.tally(), balance);
    sandbox.advance(Duration::from_millis(899));
    assert_eq!(code(CN).await, 288);
    // 100 ms less than a second are let through: the way to the sandbox does not always take the same time.
    sandbox.advance(Duration::from_millis(1));
    assert_eq!(code(CN).await, 0);
    // A large one takes the whole second.
    let large = vec![CN; 2001].join(",");
    assert_eq!(code(&large).await, 288);
    sandbox.advance(Duration::from_millis(900));
    assert_eq!(code(&large).await, 0);
    assert_eq!(code(CN).await, 288);
}

#[tokio::test]
async fn a_sandbox_has_no_limit_of_submits_unless_it_is_asked_for() {
    let sandbox = Sandbox::start().await.unwrap();
    for _ in 0..30 {
        assert_eq!(submit(&sandbox, CN, "").await.code(), 0);
    }
}
