//! checkCode: every code of its table.

use crate::common::{CHECK_CODE, Signed, check_code};
use numcheck_sandbox::{Account, Sandbox};
use serde_json::json;

#[tokio::test]
async fn the_last_four_digits_are_the_right_code_and_the_answers_are_the_documents() {
    let sandbox = Sandbox::start().await.unwrap();
    let right = check_code(&sandbox, "8613800138000", "8000").await;
    assert_eq!(right.status, 200);
    assert_eq!(right.json(), json!({"code": 0, "data": null, "message": "Request successful"}));
    let wrong = check_code(&sandbox, "8613800138000", "1541").await;
    assert_eq!(wrong.json(), json!({"code": -1, "message": "Request failed", "data": null}));
    // The documents' own sample.
    assert_eq!(check_code(&sandbox, "185xxx99", "1541").await.code(), -1);
    assert_eq!(check_code(&sandbox, "185xxx99", "8599").await.code(), 0);
}

#[tokio::test]
async fn a_parameter_that_is_missing_empty_or_no_string_is_9000() {
    let sandbox = Sandbox::start().await.unwrap();
    for body in [
        "",
        "{}",
        "[]",
        "x",
        r#"{"phone_number":"8613800138000"}"#,
        r#"{"code":"8000"}"#,
        r#"{"phone_number":"","code":"8000"}"#,
        r#"{"phone_number":"8613800138000","code":""}"#,
        r#"{"phone_number":8613800138000,"code":"8000"}"#,
        r#"{"phone_number":"8613800138000","code":8000}"#,
        r#"{"phone_number":null,"code":"8000"}"#,
    ] {
        let reply = Signed::new(&sandbox, CHECK_CODE, body).send(&sandbox).await;
        assert_eq!(
            reply.json(),
            json!({"code": 9000, "message": "Parameter exception", "data": null}),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_account_that_is_no_integrator_and_a_phone_ending_in_9007_are_9007() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(check_code(&sandbox, "8613800139007", "9007").await.code(), 9007);
    let other = Signed {
        access_key: Account::OTHER_ACCESS_KEY.into(),
        secret: Account::OTHER_ACCESS_SECRET.into(),
        ..Signed::new(&sandbox, CHECK_CODE, r#"{"phone_number":"8613800138000","code":"8000"}"#)
    };
    assert_eq!(other.send(&sandbox).await.code(), 9007);
    // The form is looked at first.
    let other = Signed { body: "{}".into(), ..other };
    assert_eq!(other.send(&sandbox).await.code(), 9000);
}

#[tokio::test]
async fn a_phone_ending_in_9001_is_a_system_error_even_with_the_right_code() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(check_code(&sandbox, "8613800139001", "9001").await.code(), 9001);
}

#[tokio::test]
async fn no_code_is_shown_in_the_journal() {
    let sandbox = Sandbox::start().await.unwrap();
    check_code(&sandbox, "8613800138000", "31337").await;
    let shown = format!("{:?}", sandbox.journal());
    assert!(!shown.contains("31337") && !shown.contains("13800138000"), "{shown}");
    let body = sandbox.journal().requests().next().unwrap().body.expose().to_vec();
    assert!(String::from_utf8(body).unwrap().contains("31337"), "a test can still assert on it");
}
