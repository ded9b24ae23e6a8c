//! Replies of every shape that was seen or may come: what is success stays success, and what is no answer leaves a doubt.

use numcheck_qxt::protocol::ApiKey;
use numcheck_qxt::protocol::qxt::{Operator, PrivacyRequest};
use numcheck_qxt::transport::http::StatusCode;
use numcheck_qxt::{CallError, CallErrorKind, PrivacyResult, Reply, Sent};

use crate::common::{KEY, all_of, client_in_memory, mobile};

async fn check(status: &str, body: impl AsRef<[u8]>) -> Result<PrivacyResult, CallError> {
    let (client, mut platform) = client_in_memory(false);
    let call = tokio::spawn(client.check(mobile("18819079212")));
    platform.request().await.answer_with(status, "", body);
    call.await.unwrap()
}

#[tokio::test]
async fn an_answer_of_any_shape_is_one() {
    for (body, privacy, area) in [
        (
            r#"{"code":0,"reason":"Succ","result":{"Mobile":"18819079212","Status":"隐私号","Area":"a","Now_isp":"x"}}"#,
            Some(true),
            Some("a"),
        ),
        (r#"{"code":"0","result":{"Status":"非隐私号"}}"#, Some(false), None),
        (r#"{"code":0,"result":{"Status":"虚拟号","Mobile":"+86 188 1907 9212"}}"#, Some(true), None),
        (r#"{"code":0,"result":{"Status":"非虚拟号","Mobile":18819079212}}"#, Some(false), None),
        (r#"{"code":0,"result":{"Status":"非隐私号","Mobile":"188****9212"}}"#, Some(false), None),
        (r#"{"code":0,"result":{"Status":"非隐私号","Mobile":""}}"#, Some(false), None),
        (r#"{"code":0,"result":{"Status":"","Area":""}}"#, None, None),
        (r#"{"code":0,"result":{"Status":1,"Area":["a"],"Now_isp":null}}"#, None, None),
        (r#"{"code":0,"result":{"status":"隐私号"}}"#, None, None),
        (r#"{"code":0,"result":{}}"#, None, None),
        (r#"{"code":0,"result":null}"#, None, None),
        (r#"{"code":0,"result":[]}"#, None, None),
        (r#"{"code":0,"result":""}"#, None, None),
        (r#"{"code":0}"#, None, None),
    ] {
        for status in ["200 OK", "500 Internal Server Error"] {
            let answer = check(status, body).await.unwrap();
            assert_eq!((answer.is_privacy(), answer.area.as_deref()), (privacy, area), "{body}");
            assert_eq!(answer.body(), body.as_bytes());
        }
    }
}

/// What the document's table and its prose call the same.
#[tokio::test]
async fn the_documents_own_words_are_no_drift() {
    let body = r#"{"code":0,"reason":"Succ","result":{"Mobile":"18819079212","Status":"虚拟号","Area":"广东-深圳","Now_isp":"其它运营商（虚拟运营商）"}}"#;
    let answer = check("200 OK", body).await.unwrap();
    assert_eq!((answer.is_privacy(), answer.drift.as_slice()), (Some(true), &[][..]));
    let operator = answer.operator.unwrap();
    assert_eq!(operator.known(), Operator::OTHER.known());
    assert_eq!(operator.as_str(), "其它运营商（虚拟运营商）");
}

#[tokio::test]
async fn an_answer_about_another_number_is_an_error_that_keeps_it() {
    let request = PrivacyRequest::new(ApiKey::new(KEY).unwrap(), mobile("18819079212"));
    for named in ["18819079213", "1", "+85251234567", "188****9213", "18819079212 18819079213"] {
        let body = format!(r#"{{"code":0,"result":{{"Mobile":"{named}","Status":"隐私号"}}}}"#);
        let error = check("200 OK", &body).await.unwrap_err();
        assert_eq!((error.kind(), error.sent()), (CallErrorKind::AnotherNumber, Sent::Yes), "{error}");
        assert!(error.may_have_happened() && error.has_reply() && error.refusal().is_none());
        let text = error.to_string();
        assert!(
            text.contains("about another phone number") && text.contains("do not send it again"),
            "{text}"
        );
        assert!(!all_of(&error).contains("9079213"), "{text}");
        let answer = PrivacyResult::from_another_number(&error, &request).unwrap();
        assert_eq!((answer.is_privacy(), answer.body()), (Some(true), body.as_bytes()));
        let kept = Reply::new(StatusCode::OK, body);
        let error = PrivacyResult::from_reply(kept, &request).unwrap_err();
        assert_eq!(error.kind(), CallErrorKind::AnotherNumber);
    }
    let refused = check("200 OK", r#"{"code":-4,"result":{"Mobile":"1"}}"#).await.unwrap_err();
    assert_eq!(refused.kind(), CallErrorKind::Refused);
    assert!(PrivacyResult::from_another_number(&refused, &request).is_none());
}

#[tokio::test]
async fn an_answer_is_written_as_json_in_a_services_own_struct() {
    #[derive(serde::Serialize)]
    struct Entry {
        answer: PrivacyResult,
    }
    let body = r#"{"code":0,"reason":"Succ","result":{"Mobile":"18819079212","Status":"隐私号","Area":"a","New":1}}"#;
    let entry = Entry { answer: check("200 OK", body).await.unwrap() };
    assert_eq!(
        serde_json::to_string(&entry).unwrap(),
        r#"{"answer":{"mobile":"18819079212","status":"隐私号","area":"a","operator":null,"reason":"Succ","drift":[{"place":"PrivacyResult.New","kind":"new_field","value":null}]}}"#
    );
}

#[tokio::test]
async fn what_no_document_lists_is_reported_and_kept() {
    let body = r#"{"code":0,"result":{"Status":"隐私号","Score":9,"Now_isp":7},"orderId":"1"}"#;
    let answer = check("200 OK", body).await.unwrap();
    let mut places: Vec<_> = answer.drift.iter().map(|drift| drift.place.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["PrivacyReply.orderId", "PrivacyResult.Score", "PrivacyResult.now_isp"]);
    assert_eq!(answer.body(), body.as_bytes());
}

#[tokio::test]
async fn a_refusal_of_any_shape_is_one() {
    for (body, text) in [
        (r#"{"code":-5}"#, None),
        (r#"{"code":"-5","reason":"poor","result":""}"#, Some("poor")),
        (r#"{"code":-5,"reason":null,"result":[]}"#, None),
        (r#"{"code":-5,"reason":{},"result":{"Mobile":"18819079212"}}"#, None),
    ] {
        let error = check("403 Forbidden", body).await.unwrap_err();
        assert_eq!(
            error.refusal().map(|refusal| (refusal.code(), refusal.text())),
            Some((-5, text)),
            "{body}"
        );
        assert_eq!(error.reply().unwrap().body, body.as_bytes());
    }
}

#[tokio::test]
async fn what_holds_no_code_is_no_answer_and_leaves_a_doubt() {
    for body in [
        "",
        "null",
        "[]",
        "<html></html>",
        "{\"code\":0",
        "{}",
        r#"{"code":null}"#,
        r#"{"code":"Succ"}"#,
        r#"{"code":0.5}"#,
    ] {
        let error = check("200 OK", body).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.sent(), error.may_have_happened()),
            (CallErrorKind::NoAnswer, Sent::Yes, true),
            "{error}"
        );
        assert_eq!(error.reply().unwrap().body, body.as_bytes());
    }
}

#[tokio::test]
async fn a_platform_that_quotes_what_it_was_sent_does_not_make_the_error_show_it() {
    let body = format!(r#"{{"code":-1,"reason":"apikey {KEY} may not ask about 188 1907 9212"}}"#);
    let error = check("200 OK", &body).await.unwrap_err();
    assert!(error.to_string().contains("(\"apikey *** may not ask about "), "{error}");
    assert!(!all_of(&error).contains("canary") && !all_of(&error).contains("1907"), "{}", all_of(&error));
    let answer = check("200 OK", body.replace("-1", "0")).await.unwrap();
    assert!(
        !format!("{answer:?}").contains("canary") && !format!("{answer:?}").contains("1907"),
        "{answer:?}"
    );
}
