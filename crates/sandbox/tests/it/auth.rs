//! NXCLOUD's calling convention: who is believed, and what the others are told.

use crate::common::{CHECK, CHECK_CODE, Signed, order, send};
use numcheck_sandbox::{Account, Clock, Sandbox};

const NOW: u64 = 1_700_000_000_000;

async fn sandbox() -> Sandbox {
    Sandbox::builder().clock(Clock::manual(NOW)).start().await.unwrap()
}

fn right(sandbox: &Sandbox) -> Signed {
    Signed::new(sandbox, CHECK, order("8613800138000", ""))
}

#[tokio::test]
async fn a_header_that_is_absent_or_empty_is_1001() {
    let sandbox = sandbox().await;
    for name in ["accessKey", "ts", "bizType", "action", "sign"] {
        let request = Signed { leave_out: Some(name), ..right(&sandbox) };
        let reply = request.send(&sandbox).await;
        assert_eq!((reply.status, reply.code()), (200, 1001), "{name}");
        assert_eq!(
            reply.header("x-sandbox-why"),
            Some(format!("the header {name} is absent or empty").as_str())
        );
    }
    let empty = Signed { sign: Some(String::new()), ..right(&sandbox) };
    assert_eq!(empty.send(&sandbox).await.code(), 1001);
}

/// Which of two would count, a proxy and the platform may see differently.
#[tokio::test]
async fn a_header_that_stands_twice_or_cannot_be_signed_is_1002() {
    let sandbox = sandbox().await;
    let request = right(&sandbox);
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "content-type") {
        let headers = request.headers();
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push((name, value));
        let body = request.body.as_bytes();
        let reply = send(sandbox.nxcloud_addr(), "POST", request.path, &headers, body).await.unwrap();
        assert_eq!(reply.code(), 1002, "{name}");
    }
    let moved = Signed { action: "numbercheck&bizType=1".into(), ..right(&sandbox) };
    assert_eq!(moved.send(&sandbox).await.code(), 1002);
}

#[tokio::test]
async fn a_biz_type_or_action_of_another_path_is_1002() {
    let sandbox = sandbox().await;
    let biz_type = Signed { biz_type: "2".into(), ..right(&sandbox) };
    let action = Signed { action: "checkCode".into(), ..right(&sandbox) };
    for request in [biz_type, action] {
        assert_eq!(request.send(&sandbox).await.code(), 1002);
    }
}

#[tokio::test]
async fn both_algorithms_are_understood_and_another_is_1002() {
    let sandbox = sandbox().await;
    for algorithm in [None, Some("md5"), Some("sha256")] {
        let request = Signed { algorithm, ..right(&sandbox) };
        assert_eq!(request.send(&sandbox).await.code(), 0, "{algorithm:?}");
    }
    for algorithm in ["sha1", "MD5", "md5,sha256"] {
        let request = Signed { algorithm: Some(algorithm), ..right(&sandbox) };
        assert_eq!(request.send(&sandbox).await.code(), 1002, "{algorithm}");
    }
}

#[tokio::test]
async fn a_wrong_sign_or_another_content_type_is_1003() {
    let sandbox = sandbox().await;
    let wrong = [
        Signed { secret: "not the secret".into(), ..right(&sandbox) },
        Signed { sign: Some("0".repeat(32)), ..right(&sandbox) },
        Signed { sign: Some("short".into()), ..right(&sandbox) },
        Signed { content_type: "text/plain", ..right(&sandbox) },
        Signed { content_type: "application/x-www-form-urlencoded", ..right(&sandbox) },
    ];
    for request in wrong {
        assert_eq!(request.send(&sandbox).await.code(), 1003);
    }
    let charset = Signed { content_type: "Application/JSON; charset=utf-8", ..right(&sandbox) };
    assert_eq!(charset.send(&sandbox).await.code(), 0);
}

#[tokio::test]
async fn usual_mistakes_in_signing_are_named() {
    let sandbox = sandbox().await;
    let why = async |request: Signed| {
        let reply = request.send(&sandbox).await;
        assert_eq!(reply.code(), 1003);
        reply.header("x-sandbox-why").unwrap().to_owned()
    };
    let upper = right(&sandbox).right_sign().to_uppercase();
    assert!(why(Signed { sign: Some(upper), ..right(&sandbox) }).await.contains("lower case"));
    let other = Signed { algorithm: Some("sha256"), ..right(&sandbox) }.right_sign();
    assert!(why(Signed { sign: Some(other), ..right(&sandbox) }).await.contains("algorithm"));
    let bodiless = Signed { body: String::new(), ..right(&sandbox) }.right_sign();
    assert!(why(Signed { sign: Some(bodiless), ..right(&sandbox) }).await.contains("without body"));
    let padded = Signed {
        sign: Some(right(&sandbox).right_sign()),
        body: format!("{}\n", right(&sandbox).body),
        ..right(&sandbox)
    };
    assert!(why(padded).await.contains("white space"));
    let foreign = Signed { secret: Account::OTHER_ACCESS_SECRET.into(), ..right(&sandbox) };
    assert!(why(foreign).await.contains("another account"));
}

#[tokio::test]
async fn a_ts_is_good_for_exactly_60_000_ms_either_way_and_1004_beyond() {
    let sandbox = sandbox().await;
    for (ts, code) in [
        (NOW - 60_000, 0),
        (NOW + 60_000, 0),
        (NOW - 60_001, 1004),
        (NOW + 60_001, 1004),
        (NOW / 1000, 1004),
        (0, 1004),
    ] {
        let request = Signed { ts: ts.to_string(), ..right(&sandbox) };
        assert_eq!(request.send(&sandbox).await.code(), code, "{ts}");
    }
    for ts in ["soon", "-1", "1700000000000.0", "99999999999999999999999"] {
        let request = Signed { ts: ts.into(), ..right(&sandbox) };
        assert_eq!(request.send(&sandbox).await.code(), 1004, "{ts}");
    }
}

#[tokio::test]
async fn the_date_header_is_the_sandboxs_time_so_that_a_wrong_clock_can_be_corrected() {
    let an_hour_ahead = Clock::manual(NOW + 3_600_000);
    let sandbox = Sandbox::builder().clock(an_hour_ahead).start().await.unwrap();
    let request = Signed { ts: NOW.to_string(), ..right(&sandbox) };
    let reply = request.send(&sandbox).await;
    assert_eq!(reply.code(), 1004);
    assert_eq!(reply.header("date"), Some("Tue, 14 Nov 2023 23:13:20 GMT"));
    let corrected = Signed { ts: (NOW + 3_600_000).to_string(), ..right(&sandbox) };
    assert_eq!(corrected.send(&sandbox).await.code(), 0);
}

#[tokio::test]
async fn an_unknown_access_key_or_an_account_without_the_business_is_1005() {
    let mut account = Account::default();
    account.number_check = false;
    let sandbox = Sandbox::builder().account(account).start().await.unwrap();
    assert_eq!(right(&sandbox).send(&sandbox).await.code(), 1005);
    let unknown = Signed { access_key: "nobody".into(), ..right(&sandbox) };
    assert_eq!(unknown.send(&sandbox).await.code(), 1005);
    let whatsapp = Signed::new(&sandbox, CHECK_CODE, r#"{"phone_number":"8613800138000","code":"8000"}"#);
    assert_eq!(whatsapp.send(&sandbox).await.code(), 0);
}

#[tokio::test]
async fn several_faults_give_1001_before_1002_before_1005_before_1004_before_1003() {
    let sandbox = sandbox().await;
    let mut request = Signed {
        leave_out: Some("ts"),
        biz_type: "9".into(),
        access_key: "nobody".into(),
        ts: "0".into(),
        sign: Some("wrong".into()),
        ..right(&sandbox)
    };
    assert_eq!(request.send(&sandbox).await.code(), 1001);
    request.leave_out = None;
    assert_eq!(request.send(&sandbox).await.code(), 1002);
    request.biz_type = "1".into();
    assert_eq!(request.send(&sandbox).await.code(), 1005);
    request.access_key = Account::ACCESS_KEY.into();
    assert_eq!(request.send(&sandbox).await.code(), 1004);
    request.ts = NOW.to_string();
    assert_eq!(request.send(&sandbox).await.code(), 1003);
}

#[tokio::test]
async fn each_endpoint_answers_authentication_errors_in_its_own_envelope() {
    let sandbox = sandbox().await;
    let check = Signed { sign: Some("wrong".into()), ..right(&sandbox) }.send(&sandbox).await.json();
    assert_eq!(check, serde_json::json!({"code": 1003, "msg": "invalid signature", "data": null}));
    let whatsapp = Signed::new(&sandbox, CHECK_CODE, r#"{"phone_number":"1","code":"2"}"#);
    let whatsapp = Signed { sign: Some("wrong".into()), ..whatsapp }.send(&sandbox).await.json();
    assert_eq!(whatsapp, serde_json::json!({"code": 1003, "message": "invalid signature", "data": null}));
}

#[tokio::test]
async fn an_empty_body_is_signed_without_a_body_part() {
    let sandbox = sandbox().await;
    let request = Signed { body: String::new(), ..right(&sandbox) };
    // The signature is right, so it is the body's turn to be wrong.
    assert_eq!(request.send(&sandbox).await.code(), 201);
}

#[tokio::test]
async fn another_path_or_method_is_told_which_ones_exist() {
    let sandbox = sandbox().await;
    let reply = send(sandbox.nxcloud_addr(), "POST", "/api/number/cheque", &[], b"").await.unwrap();
    assert_eq!(reply.status, 404);
    assert_eq!(reply.json()["paths"][0], "POST /api/number/check");
    let reply = send(sandbox.nxcloud_addr(), "GET", CHECK, &[], b"").await.unwrap();
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    let reply = send(sandbox.qxt_addr(), "GET", "/", &[], b"").await.unwrap();
    assert_eq!(reply.status, 404);
    assert_eq!(reply.json()["paths"][0], "POST or GET /ssPhone_Privacy");
    let codes: Vec<Option<u16>> = sandbox.journal().requests().map(|request| request.status).collect();
    assert_eq!(codes, [Some(404), Some(405), Some(404)]);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413_and_nothing_is_done() {
    let sandbox = Sandbox::builder().body_limit(100).start().await.unwrap();
    let request = Signed::new(&sandbox, CHECK, order(&"8613800138000,".repeat(20), ""));
    // The sandbox may answer before it has read everything, and the client may see the connection end first.
    if let Some(reply) = request.try_send(&sandbox).await {
        assert_eq!(reply.status, 413);
    }
    let journal = sandbox.journal_when(|journal| journal.requests().next().is_some()).await;
    assert_eq!(journal.requests().next().unwrap().status, Some(413));
    assert!(sandbox.ledger().lines().is_empty());
}
