//! Nothing that is logged at the finest level, shown by `Debug` or said in a header holds a number, a key or a code.

use std::time::Duration;

use crate::common::{
    CHECK, CHECK_CODE, CREATE_APP, CREATE_CLIENT, GET_CODE, LOGIN, PHONE_LIST, PRIVACY, QUERY, Receiver,
    Signed, check_code, order, privacy, send, submit,
};
use numcheck_sandbox::{Account, Clock, Sandbox};
use numcheck_testing::log::Log;

#[tokio::test]
async fn no_number_key_or_code_leaves_through_a_log_a_debug_or_a_header() {
    let log = Log::capture();
    let account =
        Account::new("canary-name", "canary-secret", "canary-appkey", "canary0canary0canary0canary0cana");
    let receiver = Receiver::start().await;
    receiver.answer_with([500, 404]);
    let clock = Clock::manual(1_700_000_000_000);
    let sandbox = Sandbox::builder().account(account).clock(clock).start().await.unwrap();

    let mut replies = Vec::new();
    for phone in ["8613811112222", "8613811112222,447911112222", "bad8613811112222", "8613811112222,"] {
        for (appkey, secret) in
            [("canary-appkey", "canary-secret"), ("canary-wrong", "canary-secret"), ("canary-appkey", "x")]
        {
            let more = receiver.field();
            let body =
                order(phone, &more).replace(Account::APPKEY, appkey).replace("/results", "/canary-path");
            let request = Signed {
                access_key: "canary-name".into(),
                secret: secret.into(),
                ..Signed::new(&sandbox, CHECK, body)
            };
            replies.push(request.send(&sandbox).await);
        }
    }
    replies.push(submit(&sandbox, "8613811112222", "").await);
    replies.push(check_code(&sandbox, "8613811112222", "canary-code").await);
    let right = Signed {
        access_key: "canary-name".into(),
        secret: "canary-secret".into(),
        ..Signed::new(&sandbox, CHECK_CODE, r#"{"phone_number":"8613811112222","code":"canary-code"}"#)
    };
    replies.push(right.send(&sandbox).await);
    for (path, body) in [
        (LOGIN, ""),
        (LOGIN, "{}"),
        (CREATE_APP, r#"{"app_name":"canary shop","webhook":"https://example.org/canary-path"}"#),
        (CREATE_APP, r#"{"app_name":"","webhook":"https://example.org/canary-path"}"#),
        (PHONE_LIST, r#"{"appkey":"canary-appkey"}"#),
        (PHONE_LIST, r#"{"appkey":"canary-wrong"}"#),
        (CHECK_CODE, r#"{"phone_number":"8613811112222","code":"2222"}"#),
        (GET_CODE, r#"{"phone_number":"8613811112222","method":"voice"}"#),
        (GET_CODE, r#"{"phone_number":"8613811112222","method":"8613811112222"}"#),
        (CHECK_CODE, r#"{"phone_number":"8613811112222","code":"canary-code"}"#),
        (CREATE_CLIENT, r#"{"phone_number":"8613811112222"}"#),
        (CREATE_CLIENT, r#"{"phone_number":"13811112222"}"#),
    ] {
        let request = Signed {
            access_key: "canary-name".into(),
            secret: "canary-secret".into(),
            ..Signed::new(&sandbox, path, body)
        };
        replies.push(request.send(&sandbox).await);
    }
    let sent = sandbox.inbox();
    assert_eq!(sent.len(), 1);
    for more in [
        r#","phone":"8613811112222""#,
        r#","appkey":"canary-appkey""#,
        r#","appkey":"canary-wrong""#,
        r#","date":7"#,
    ] {
        let day = if more.contains("date") { "" } else { r#","date":"2023-11-15""# };
        let body = format!(r#"{{"page":1,"pageSize":9,"batchNo":"b"{day}{more}}}"#);
        let query = Signed {
            access_key: "canary-name".into(),
            secret: "canary-secret".into(),
            ..Signed::new(&sandbox, QUERY, body)
        };
        replies.push(query.send(&sandbox).await);
        sandbox.advance(Duration::from_secs(3));
    }
    for mobile in ["13811112222", "13811112", "18819079212"] {
        replies.push(privacy(&sandbox, mobile).await);
        let path = format!("{PRIVACY}?apikey={}&mobile={mobile}", sandbox.qxt_api_key());
        replies.push(send(sandbox.qxt_addr(), "GET", &path, &[], b"").await.unwrap());
    }
    let lost = "/lost/8613811112222?apikey=canary0canary0canary0canary0cana";
    replies.push(send(sandbox.nxcloud_addr(), "GET", lost, &[], b"").await.unwrap());
    sandbox.advance(Duration::from_secs(1));
    sandbox.settled().await;
    sandbox.advance(Duration::from_secs(120));
    sandbox.settled().await;
    assert!(receiver.pushes().len() > 2);

    let mut shown = log.text();
    assert!(shown.contains("result pushed") && shown.contains("request answered"), "{shown}");
    shown.push_str(&format!(
        "{:?}{:?}{:?}{sandbox:?}",
        sandbox.journal(),
        sandbox.ledger(),
        sandbox.account()
    ));
    shown.extend(replies.iter().map(|reply| reply.head.as_str()));
    shown.push_str(&format!("{sent:?}"));
    let secrets = [
        sent[0].code.as_str(),
        "canary-secret",
        "canary-appkey",
        "canary-wrong",
        "canary0canary",
        "canary-code",
        "canary-path",
        "1112222",
        "18819079212",
    ];
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}
