//! The sandbox's own page and its JSON.

use crate::common::{CHECK, GET_CODE, Receiver, Reply, check_code, privacy, register, send, submit};
use numcheck_sandbox::Sandbox;

async fn get(sandbox: &Sandbox, path: &str) -> Reply {
    send(sandbox.nxcloud_addr(), "GET", path, &[], b"").await.unwrap()
}

#[tokio::test]
async fn the_page_holds_the_magic_numbers_and_may_load_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    for path in ["/", "/_sandbox", "/_sandbox/"] {
        let page = get(&sandbox, path).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("…000ccc") && page.body.contains("<title>numcheck sandbox"));
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    }
}

#[tokio::test]
async fn the_journal_shows_what_happened_without_numbers_keys_or_codes() {
    let receiver = Receiver::start().await;
    let sandbox = Sandbox::start().await.unwrap();
    submit(&sandbox, "8613800138000", &format!(r#","batchNo":"seen"{}"#, receiver.field())).await;
    check_code(&sandbox, "8613800138000", "31337").await;
    privacy(&sandbox, "18819079212").await;
    receiver.wait_for(1).await;
    sandbox.settled().await;
    let page = get(&sandbox, "/_sandbox/journal.json").await;
    let journal = page.json();
    let kinds: Vec<&str> =
        journal["entries"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "request").count(),
        3,
        "pages do not stand in the journal"
    );
    assert_eq!(kinds.iter().filter(|kind| **kind == "push").count(), 1);
    assert!(page.body.contains("861********00") && page.body.contains("seen"));
    for hidden in
        ["13800138000", "18819079212", "31337", sandbox.qxt_api_key(), "sandbox-access-secret", "/results"]
    {
        assert!(!page.body.contains(hidden), "{hidden}: {}", page.body);
    }
    assert_eq!(journal["counts"]["accepted"], 1);
}

#[tokio::test]
async fn the_inbox_shows_each_code_and_to_which_number_it_went_but_not_the_number_in_full() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(get(&sandbox, "/_sandbox/inbox.json").await.json(), serde_json::json!({"messages": []}));
    for (phone, method) in [("8613912345678", "sms"), ("85251234567", "voice")] {
        let body = format!(r#"{{"phone_number":"{phone}","method":"{method}"}}"#);
        assert_eq!(register(&sandbox, GET_CODE, body).await.code(), 0);
    }
    let page = get(&sandbox, "/_sandbox/inbox.json").await;
    let messages = page.json()["messages"].clone();
    assert_eq!((&messages[0]["method"], &messages[0]["phone"]), (&"voice".into(), &"85*******67".into()));
    assert_eq!((&messages[1]["method"], &messages[1]["phone"]), (&"sms".into(), &"861********78".into()));
    for (message, sent) in messages.as_array().unwrap().iter().rev().zip(sandbox.inbox()) {
        let code = message["code"].as_str().unwrap();
        assert_eq!(code, sent.code.as_str());
        assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
    }
    assert!(!page.body.contains("13912345678") && !page.body.contains("51234567"), "{}", page.body);
    // The journal beside it shows no code.
    let journal = get(&sandbox, "/_sandbox/journal.json").await;
    assert!(sandbox.inbox().iter().all(|sent| !journal.body.contains(sent.code.as_str())));
    assert!(get(&sandbox, "/").await.body.contains("Verification codes that getCode sent"));
}

#[tokio::test]
async fn the_ledger_and_the_health_are_json() {
    let sandbox = Sandbox::start().await.unwrap();
    submit(&sandbox, "8613800138000", "").await;
    let ledger = get(&sandbox, "/_sandbox/ledger.json").await.json();
    assert_eq!(ledger["lines"][0]["amount"], "0.0120");
    assert_eq!(ledger["balances"][0]["balance"]["CNY"], "999999.9880");
    assert_eq!(get(&sandbox, "/_sandbox/health").await.json()["status"], "ok");
}

/// DNS rebinding: a stranger's page, whose name suddenly leads here, must not read codes and requests.
#[tokio::test]
async fn nothing_is_answered_under_a_name_that_a_stranger_can_own() {
    let sandbox = Sandbox::start().await.unwrap();
    let port = sandbox.nxcloud_addr().port();
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1", 200),
        ("[::1]", 200),
        ("sandbox", 200),
        ("numcheck.localhost", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example.", 421),
    ] {
        let headers = [("host", &*format!("{host}:{port}"))];
        for path in ["/", "/_sandbox/inbox.json", "/_sandbox/journal.json"] {
            let reply = send(sandbox.nxcloud_addr(), "GET", path, &headers, b"").await.unwrap();
            assert_eq!(reply.status, status, "{host} {path}");
        }
        for method in ["GET", "POST"] {
            let reply = send(sandbox.qxt_addr(), method, "/ssPhone_Privacy", &headers, b"").await.unwrap();
            assert_eq!(reply.status, status, "{host} {method}");
        }
        let reply = send(sandbox.nxcloud_addr(), "POST", CHECK, &headers, b"{}").await.unwrap();
        assert_eq!(reply.status == 421, status == 421, "{host}");
    }
}

#[tokio::test]
async fn a_stranger_s_name_is_refused_wherever_a_request_names_a_host() {
    let sandbox = Sandbox::start().await.unwrap();
    let good = ("host", "localhost");
    for (to, path) in [(sandbox.nxcloud_addr(), "/"), (sandbox.qxt_addr(), "/ssPhone_Privacy")] {
        for (target, headers, status) in [
            (format!("http://evil.example{path}"), &[good][..], 421),
            (format!("http://localhost{path}"), &[good], 200),
            (format!("http://localhost{path}"), &[("host", "evil.example")], 421),
            (path.to_owned(), &[good, ("host", "evil.example")], 421),
            (path.to_owned(), &[("host", "evil.example"), good], 421),
            (path.to_owned(), &[("host", "localhost, evil.example")], 421),
            (path.to_owned(), &[("host", "")], 200),
        ] {
            let reply = send(to, "GET", &target, headers, b"").await.unwrap();
            assert_eq!(reply.status, status, "{target} {headers:?}");
        }
    }
}
