//! The embedded register as a state machine: what follows from what, and every code of its tables.

use std::time::Duration;

use crate::common::{
    CHECK_CODE, CREATE_APP, CREATE_CLIENT, GET_CODE, LOGIN, PHONE_LIST, Reply, Signed, check_code, register,
};
use numcheck_sandbox::{
    Account, Assumptions, Clock, DataShape, Fault, Faults, Operation, Sandbox, SecondClient, SecondCode, When,
};
use serde_json::{Value, json};

const PHONE: &str = "8613912345678";

async fn get_code(sandbox: &Sandbox, phone: &str, method: &str) -> Reply {
    register(sandbox, GET_CODE, json!({"phone_number": phone, "method": method}).to_string()).await
}

/// Has a code sent, and reads it from the inbox.
async fn code_for(sandbox: &Sandbox, phone: &str) -> String {
    let reply = get_code(sandbox, phone, "sms").await;
    assert_eq!(reply.json(), json!({"code": 0, "data": {}, "message": "Request successful"}));
    sandbox.inbox().last().unwrap().code.as_str().to_owned()
}

async fn create_client(sandbox: &Sandbox, phone: &str) -> Reply {
    register(sandbox, CREATE_CLIENT, json!({"phone_number": phone}).to_string()).await
}

async fn create_app(sandbox: &Sandbox, name: &str) -> Reply {
    let body = json!({"app_name": name, "webhook": "https://example.org/hook"}).to_string();
    register(sandbox, CREATE_APP, body).await
}

/// The phone numbers that an appkey shows: digits, `register_status`, `code_verification_status`, `status`.
async fn phones(sandbox: &Sandbox, appkey: &str) -> Vec<(String, i64, String, String)> {
    let reply = register(sandbox, PHONE_LIST, json!({"appkey": appkey}).to_string()).await.json();
    let text = |phone: &Value, name: &str| phone[name].as_str().unwrap().to_owned();
    let list = reply["data"].as_array().unwrap_or_else(|| panic!("no list: {reply}"));
    list.iter()
        .map(|phone| {
            (
                text(phone, "display_phone_number"),
                phone["register_status"].as_i64().unwrap(),
                text(phone, "code_verification_status"),
                text(phone, "status"),
            )
        })
        .collect()
}

async fn state_of(sandbox: &Sandbox, phone: &str) -> (i64, String, String) {
    let all = phones(sandbox, Account::APPKEY).await;
    let found = all.into_iter().find(|(shown, ..)| shown[1..] == *phone).unwrap();
    (found.1, found.2, found.3)
}

fn state(status: i64, verification: &str, phone: &str) -> (i64, String, String) {
    (status, verification.to_owned(), phone.to_owned())
}

#[tokio::test]
async fn a_number_goes_the_natural_way_and_phone_list_shows_how_far_it_has_got() {
    let sandbox = Sandbox::start().await.unwrap();
    let login = register(&sandbox, LOGIN, "").await.json();
    assert_eq!((&login["code"], &login["message"]), (&json!(0), &json!("Request successful")));
    assert_eq!(login["data"]["token"].as_str().unwrap().len(), 32);

    let app = create_app(&sandbox, "Whatsapp").await.json();
    assert_eq!((&app["data"]["app_id"], &app["data"]["app_name"]), (&json!(1000), &json!("Whatsapp")));
    let appkey = app["data"]["app_key"].as_str().unwrap();
    assert_eq!(appkey.len(), 8);

    assert_eq!(phones(&sandbox, appkey).await.len(), Account::PHONES.len());
    assert_eq!(state_of(&sandbox, PHONE).await, state(3, "NOT_VERIFIED", "PENDING"));
    assert_eq!(create_client(&sandbox, PHONE).await.code(), -1, "the number is not verified");
    assert_eq!(state_of(&sandbox, PHONE).await, state(2, "NOT_VERIFIED", "PENDING"));

    let code = code_for(&sandbox, PHONE).await;
    let right = check_code(&sandbox, PHONE, &code).await;
    assert_eq!(right.json(), json!({"code": 0, "data": null, "message": "Request successful"}));
    assert_eq!(state_of(&sandbox, PHONE).await, state(4, "VERIFIED", "PENDING"));
    assert_eq!(check_code(&sandbox, PHONE, &code).await.code(), -1, "a code is taken once");

    let client = create_client(&sandbox, PHONE).await;
    assert_eq!(client.json(), json!({"code": 0, "data": null, "message": "Request successful"}));
    assert_eq!(state_of(&sandbox, PHONE).await, state(5, "VERIFIED", "CONNECTED"));
    assert_eq!(phones(&sandbox, appkey).await, phones(&sandbox, Account::APPKEY).await);
}

#[tokio::test]
async fn a_thousand_applications_can_be_created_and_the_next_is_9009() {
    let sandbox = Sandbox::start().await.unwrap();
    for made in 0..1000 {
        let app = create_app(&sandbox, "the same name").await.json();
        assert_eq!(app["data"]["app_id"], 1000 + made, "{app}");
    }
    let next = create_app(&sandbox, "one more").await.json();
    assert_eq!(next, json!({"code": 9009, "message": "there are 1000 applications already", "data": null}));
}

#[tokio::test]
async fn an_appkey_of_nobody_is_9008_and_one_of_another_account_9010() {
    let mut other = Account::new("third", "third-secret", "third-appkey", "third000qxt0api0key0third000qxt0");
    other.integrator = true;
    let sandbox = Sandbox::builder().another_account(other).start().await.unwrap();
    let by_third = Signed {
        access_key: "third".into(),
        secret: "third-secret".into(),
        ..Signed::new(&sandbox, CREATE_APP, r#"{"app_name":"x","webhook":"https://example.org/"}"#)
    };
    let theirs = by_third.send(&sandbox).await.json()["data"]["app_key"].as_str().unwrap().to_owned();
    for (appkey, code) in
        [("nobody's", 9008), (Account::OTHER_APPKEY, 9010), ("third-appkey", 9010), (theirs.as_str(), 9010)]
    {
        let reply = register(&sandbox, PHONE_LIST, json!({"appkey": appkey}).to_string()).await.json();
        assert_eq!((&reply["code"], &reply["data"]), (&json!(code), &Value::Null), "{appkey}");
    }
}

#[tokio::test]
async fn a_code_is_wrong_after_three_wrong_guesses_after_ten_minutes_and_after_a_second_one() {
    let clock = Clock::manual(1_700_000_000_000);
    let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
    let code = code_for(&sandbox, PHONE).await;
    for _ in 0..2 {
        assert_eq!(check_code(&sandbox, PHONE, "no").await.code(), -1);
    }
    assert_eq!(check_code(&sandbox, PHONE, &code).await.code(), 0, "two guesses were left over");

    let code = code_for(&sandbox, PHONE).await;
    for _ in 0..3 {
        assert_eq!(check_code(&sandbox, PHONE, "no").await.code(), -1);
    }
    assert_eq!(check_code(&sandbox, PHONE, &code).await.code(), -1, "guessed too often");

    let code = code_for(&sandbox, PHONE).await;
    sandbox.advance(Duration::from_secs(599));
    assert_eq!(check_code(&sandbox, PHONE, &code).await.code(), 0);
    let code = code_for(&sandbox, PHONE).await;
    sandbox.advance(Duration::from_secs(600));
    assert_eq!(check_code(&sandbox, PHONE, &code).await.code(), -1, "too old");

    let (first, second) = (code_for(&sandbox, PHONE).await, code_for(&sandbox, PHONE).await);
    assert_ne!(first, second);
    assert_eq!(check_code(&sandbox, PHONE, &first).await.code(), -1, "replaced");
    assert_eq!(check_code(&sandbox, PHONE, &second).await.code(), 0);
}

#[tokio::test]
async fn every_assumption_of_the_register_has_a_switch() {
    let mut assumptions = Assumptions::default();
    let defaults = assumptions.register;
    assumptions.register.guesses = 1;
    assumptions.register.code_lifetime = Duration::from_secs(1);
    assumptions.register.second_code = SecondCode::Adds;
    assumptions.register.client_needs_verified_number = false;
    assumptions.register.second_client = SecondClient::Succeeds;
    assumptions.register.magic_code = false;
    let clock = Clock::manual(1_700_000_000_000);
    let sandbox = Sandbox::builder().clock(clock).assumptions(assumptions).start().await.unwrap();

    assert_eq!(check_code(&sandbox, "85261234567", "4567").await.code(), -1, "no code was asked for");
    assert_eq!(create_client(&sandbox, PHONE).await.code(), 0, "it need not be verified");
    assert_eq!(create_client(&sandbox, PHONE).await.code(), 0, "a second one is like the first");
    let (first, _) = (code_for(&sandbox, PHONE).await, code_for(&sandbox, PHONE).await);
    assert_eq!(check_code(&sandbox, PHONE, &first).await.code(), 0, "both codes are right");
    let code = code_for(&sandbox, PHONE).await;
    assert_eq!(check_code(&sandbox, PHONE, "no").await.code(), -1);
    assert_eq!(check_code(&sandbox, PHONE, &code).await.code(), -1, "one guess");
    let code = code_for(&sandbox, PHONE).await;
    sandbox.advance(Duration::from_secs(1));
    assert_eq!(check_code(&sandbox, PHONE, &code).await.code(), -1, "a second");

    let sandbox = Sandbox::start().await.unwrap();
    assert!(defaults.magic_code && defaults.client_needs_verified_number);
    assert_eq!(check_code(&sandbox, PHONE, "5678").await.code(), 0);
    assert_eq!(create_client(&sandbox, PHONE).await.code(), 0);
    assert_eq!(create_client(&sandbox, PHONE).await.code(), -1, "there is a client already");
}

#[tokio::test]
async fn a_number_that_was_sent_a_code_does_not_take_its_last_four_digits_any_more() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(check_code(&sandbox, PHONE, "5678").await.code(), 0);
    let code = code_for(&sandbox, PHONE).await;
    assert_eq!(check_code(&sandbox, PHONE, "5678").await.code(), -1);
    assert_eq!(check_code(&sandbox, PHONE, &code).await.code(), 0);
    assert_eq!(check_code(&sandbox, PHONE, "5678").await.code(), -1);
}

#[tokio::test]
async fn what_is_missing_or_wrong_in_a_body_is_9000_and_nothing_is_done() {
    let sandbox = Sandbox::start().await.unwrap();
    for (path, body) in [
        (LOGIN, "{}"),
        (LOGIN, " "),
        (CREATE_APP, ""),
        (CREATE_APP, r#"{"app_name":"x"}"#),
        (CREATE_APP, r#"{"app_name":"","webhook":"https://example.org/"}"#),
        (CREATE_APP, r#"{"app_name":"x","webhook":"example.org"}"#),
        (PHONE_LIST, "{}"),
        (PHONE_LIST, r#"{"appkey":7}"#),
        (GET_CODE, "{}"),
        (GET_CODE, r#"{"phone_number":"8613912345678"}"#),
        (GET_CODE, r#"{"phone_number":"8613912345678","method":"pigeon"}"#),
        (GET_CODE, r#"{"phone_number":8613912345678,"method":"sms"}"#),
        (CREATE_CLIENT, "{}"),
        (CREATE_CLIENT, r#"{"phone_number":null}"#),
        (CHECK_CODE, r#"{"phone_number":"8613912345678"}"#),
    ] {
        let reply = register(&sandbox, path, body).await;
        assert_eq!(
            reply.json(),
            json!({"code": 9000, "message": "Parameter exception", "data": null}),
            "{path} {body}"
        );
        let why = reply.header("x-sandbox-why").unwrap();
        assert!(!why.is_empty() && !why.contains("12345678"), "{why}");
    }
    assert!(sandbox.inbox().is_empty());
    assert_eq!(create_app(&sandbox, "the first").await.json()["data"]["app_id"], 1000);
}

#[tokio::test]
async fn who_is_no_integrator_is_told_9007_by_every_operation() {
    let sandbox = Sandbox::start().await.unwrap();
    for (path, body) in [
        (LOGIN, ""),
        (CREATE_APP, r#"{"app_name":"x","webhook":"https://example.org/"}"#),
        (PHONE_LIST, r#"{"appkey":"other-appkey"}"#),
        (GET_CODE, r#"{"phone_number":"8613912345678","method":"sms"}"#),
        (CHECK_CODE, r#"{"phone_number":"8613912345678","code":"5678"}"#),
        (CREATE_CLIENT, r#"{"phone_number":"8613912345678"}"#),
    ] {
        let other = Signed {
            access_key: Account::OTHER_ACCESS_KEY.into(),
            secret: Account::OTHER_ACCESS_SECRET.into(),
            ..Signed::new(&sandbox, path, body)
        };
        let reply = other.send(&sandbox).await.json();
        assert_eq!(reply, json!({"code": 9007, "message": "Non-integrator request", "data": null}), "{path}");
    }
}

#[tokio::test]
async fn magic_numbers_and_names_ask_for_a_code() {
    let sandbox = Sandbox::start().await.unwrap();
    for code in [9001, 9007] {
        let phone = format!("861380013{code}");
        assert_eq!(get_code(&sandbox, &phone, "sms").await.code(), code);
        assert_eq!(create_client(&sandbox, &phone).await.code(), code);
    }
    for (name, code) in [("sandbox-9009", 9009), ("sandbox-1004-late", 1004), ("sandbox-77", 77)] {
        assert_eq!(create_app(&sandbox, name).await.code(), code);
    }
    assert_eq!(
        create_app(&sandbox, "sandbox").await.json()["data"]["app_id"],
        1000,
        "nothing was created before"
    );
}

#[tokio::test]
async fn an_empty_body_is_signed_without_a_body_part_and_needs_no_type() {
    let sandbox = Sandbox::start().await.unwrap();
    let login = Signed::new(&sandbox, LOGIN, "");
    assert_eq!(login.send(&sandbox).await.code(), 0);
    assert_eq!(Signed { leave_out: Some("content-type"), ..login.clone() }.send(&sandbox).await.code(), 0);
    // Signed as an empty body, sent as `{}`, and the other way round.
    let sign = Some(login.right_sign());
    assert_eq!(Signed { sign, body: "{}".into(), ..login.clone() }.send(&sandbox).await.code(), 1003);
    let sign = Some(Signed { body: "{}".into(), ..login.clone() }.right_sign());
    assert_eq!(Signed { sign, ..login }.send(&sandbox).await.code(), 1003);
}

#[tokio::test]
async fn a_fault_gives_data_any_shape() {
    let sandbox = Sandbox::start().await.unwrap();
    for (shape, data) in [
        (DataShape::Object, Some(json!({"unknown": 1}))),
        (DataShape::EmptyObject, Some(json!({}))),
        (DataShape::List, Some(json!([{"unknown": 1}]))),
        (DataShape::EmptyList, Some(json!([]))),
        (DataShape::Null, Some(Value::Null)),
        (DataShape::Absent, None),
    ] {
        sandbox.set_faults(Faults::none().request(Operation::Login, When::Always, Fault::Data(shape)));
        let reply = register(&sandbox, LOGIN, "").await;
        assert_eq!((reply.code(), reply.json().get("data").cloned()), (0, data), "{shape:?}");
    }
    assert_eq!(sandbox.journal().requests().filter(|request| request.code == Some(0)).count(), 6);
}

/// An example of the spec.
macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../protocol/tests/fixtures/", $name, ".json")).trim_end()
    };
}

/// The names of the fields of an object, and of those below it; of a list, those of its first item.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let below = |(name, value): (&String, &Value)| {
                let inner = names(value).into_iter().map(move |inner| format!("{name}.{inner}"));
                std::iter::once(name.clone()).chain(inner).collect::<Vec<_>>()
            };
            fields.iter().flat_map(below).collect()
        }
        Value::Array(items) => items.first().map(names).unwrap_or_default(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_example_of_the_documents_is_read_and_answered_in_its_form() {
    let sandbox = Sandbox::start().await.unwrap();
    let app = register(&sandbox, CREATE_APP, example!("create_app_request")).await.json();
    let appkey = app["data"]["app_key"].as_str().unwrap();
    let list = example!("phone_list_request").replace("KI92cew9", appkey);
    let asked = register(&sandbox, GET_CODE, example!("get_code_request")).await.json();
    let code = sandbox.inbox()[0].code.as_str().to_owned();
    let check = example!("check_code_request").replace("1541", &code);
    for (answer, wanted) in [
        (register(&sandbox, LOGIN, "").await.json(), example!("login_success")),
        (app.clone(), example!("create_app_success")),
        (register(&sandbox, PHONE_LIST, list).await.json(), example!("phone_list_success")),
        (
            register(&sandbox, PHONE_LIST, example!("phone_list_request")).await.json(),
            example!("phone_list_no_such_app"),
        ),
        (asked, example!("get_code_success")),
        (
            register(&sandbox, CHECK_CODE, example!("check_code_request")).await.json(),
            example!("check_code_failed"),
        ),
        (register(&sandbox, CHECK_CODE, check).await.json(), example!("check_code_success")),
        (
            register(&sandbox, CREATE_CLIENT, example!("create_client_request")).await.json(),
            example!("create_client_success"),
        ),
    ] {
        let wanted: Value = serde_json::from_str(wanted).unwrap();
        assert_eq!((&answer["code"], &answer["message"]), (&wanted["code"], &wanted["message"]));
        assert_eq!(names(&answer), names(&wanted), "{answer}");
        assert_eq!(answer["data"].is_null(), wanted["data"].is_null(), "{answer}");
    }
}
