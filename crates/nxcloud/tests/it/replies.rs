//! Replies of every shape that was seen or may come: what is success stays success, and what is no answer leaves a doubt.

use numcheck_nxcloud::protocol::{BatchNo, DriftKind, VerificationCode};
use numcheck_nxcloud::{Accepted, Answered, CallError, CallErrorKind, CodeCheck, Sent};

use crate::common::{all_of, client_in_memory, phone, phones};

async fn submit(status: &str, body: impl AsRef<[u8]>) -> Result<Accepted, CallError> {
    let (client, mut platform) = client_in_memory();
    let submit = client.number_check().submit(phones(1)).batch_no(BatchNo::new("mine").unwrap());
    let call = tokio::spawn(submit.send());
    platform.request().await.answer_with(status, "", body);
    call.await.unwrap()
}

async fn check_code(code: &str, body: impl AsRef<[u8]>) -> Result<Answered<CodeCheck>, CallError> {
    let (client, mut platform) = client_in_memory();
    let code = VerificationCode::new(code).unwrap();
    let call = tokio::spawn(client.whatsapp().check_code(phone("8613800138000"), code));
    platform.request().await.answer(body);
    call.await.unwrap()
}

#[tokio::test]
async fn an_acceptance_of_any_shape_is_one() {
    let overlong = "i".repeat(65);
    let odd_id = format!(r#"{{"code":0,"data":{{"messageId":"{overlong}"}}}}"#);
    for (body, id, batch_no, text) in [
        (r#"{"code":0,"msg":"ok","data":{"messageId":"m-1","batchNo":"b"}}"#, Some("m-1"), "b", Some("ok")),
        (r#"{"code":0,"message":"ok","data":{"messageId":"m","batchNo":"b"}}"#, Some("m"), "b", Some("ok")),
        (r#"{"code":0,"data":{"messageId":301,"batchNo":700337042751}}"#, Some("301"), "700337042751", None),
        (r#"{"code":"0","data":{"messageId":"m","batchNo":""}}"#, Some("m"), "mine", None),
        (r#"{"code":0,"msg":"","data":{"messageId":"","batchNo":""}}"#, None, "mine", None),
        (r#"{"code":0,"msg":7,"data":{"messageId":null,"batchNo":{}}}"#, None, "mine", None),
        (&odd_id, Some(&overlong), "mine", None),
        (r#"{"code":0,"data":{}}"#, None, "mine", None),
        (r#"{"code":0,"data":null}"#, None, "mine", None),
        (r#"{"code":0,"data":[]}"#, None, "mine", None),
        (r#"{"code":0,"data":"x"}"#, None, "mine", None),
        (r#"{"code":0}"#, None, "mine", None),
        ("\u{feff} {\"code\" : 0}\r\n", None, "mine", None),
    ] {
        for status in ["200 OK", "500 Internal Server Error"] {
            let accepted = submit(status, body).await.unwrap();
            assert_eq!(accepted.message_id.as_ref().map(|id| id.as_str()), id, "{body}");
            assert_eq!(
                accepted.batch_no.as_ref().map(|batch_no| batch_no.as_str()),
                Some(batch_no),
                "{body}"
            );
            assert_eq!((accepted.text.as_deref(), accepted.body()), (text, body.as_bytes()), "{body}");
        }
    }
}

#[tokio::test]
async fn an_id_longer_than_documented_is_kept_and_drift() {
    for (data, place) in [
        (format!(r#""messageId":"{}""#, "i".repeat(65)), Some("SubmitData.message_id")),
        (
            format!(r#""requestId":"{}","batchNo":"{}""#, "i".repeat(64), "b".repeat(65)),
            Some("SubmitData.batch_no"),
        ),
        (format!(r#""messageId":"{}","batchNo":"b""#, "i".repeat(64)), None),
    ] {
        let accepted = submit("200 OK", format!(r#"{{"code":0,"data":{{{data}}}}}"#)).await.unwrap();
        assert!(accepted.message_id.is_some(), "{data}");
        let places: Vec<&str> = accepted.drift.iter().map(|drift| drift.place.as_str()).collect();
        assert_eq!(places, place.into_iter().collect::<Vec<_>>(), "{data}");
    }
}

#[tokio::test]
async fn what_no_document_lists_is_reported_and_kept() {
    let body = r#"{"code":0,"message":"Success","data":{"requestId":"dc","batchNo":"1","failed":[{"number":"8613800138000"}],"queue":1},"spanId":"e8"}"#;
    let accepted = submit("200 OK", body).await.unwrap();
    let mut places: Vec<_> = accepted.drift.iter().map(|drift| (drift.place.as_str(), drift.kind)).collect();
    places.sort_unstable_by_key(|(place, _)| *place);
    let new = DriftKind::NewField;
    assert_eq!(places, [("SubmitData.failed", new), ("SubmitData.queue", new), ("SubmitReply.spanId", new)]);
    assert_eq!(accepted.body(), body.as_bytes());
    assert!(!format!("{accepted:?}").contains("3800138"), "{accepted:?}");
}

#[tokio::test]
async fn a_refusal_of_any_shape_is_one() {
    for (status, body, text) in [
        ("200 OK", r#"{"code":211}"#, None),
        ("200 OK", r#"{"code":"211","message":"poor"}"#, Some("poor")),
        ("200 OK", r#"{"msg":"poor","code":211,"data":{"messageId":"","batchNo":""}}"#, Some("poor")),
        ("401 Unauthorized", r#"{"code":211,"msg":null,"data":null}"#, None),
        ("502 Bad Gateway", r#"{"code":211,"msg":[],"data":[]}"#, None),
    ] {
        let error = submit(status, body).await.unwrap_err();
        assert_eq!(
            error.refusal().map(|refusal| (refusal.code(), refusal.text())),
            Some((211, text)),
            "{body}"
        );
        assert_eq!((error.sent(), error.may_have_happened()), (Sent::Yes, false), "{body}");
        assert_eq!(error.reply().unwrap().body, body.as_bytes());
    }
}

#[tokio::test]
async fn a_code_that_no_document_lists_is_kept_and_leaves_a_doubt() {
    for code in [208, -77, 9_999_999, i64::MAX, i64::MIN] {
        let error = submit("200 OK", format!(r#"{{"code":{code},"msg":"new"}}"#)).await.unwrap_err();
        assert_eq!(error.refusal().map(|refusal| refusal.code()), Some(code));
        assert_eq!((error.kind(), error.may_have_happened()), (CallErrorKind::Refused, true), "{error}");
    }
}

#[tokio::test]
async fn what_holds_no_code_is_no_answer_and_leaves_a_doubt() {
    let unreadable: [&[u8]; 9] = [
        b"",
        b"null",
        b"[]",
        b"0",
        b"OK",
        b"<html></html>",
        b"{\"code\":0",
        b"{\"code\":0,\"code\":1}",
        b"{\"code\":\"\xff\"}",
    ];
    let codeless: [&[u8]; 7] = [
        b"{}",
        b"{\"msg\":\"ok\"}",
        b"{\"code\":null}",
        b"{\"code\":\"\"}",
        b"{\"code\":\"ok\"}",
        b"{\"code\":0.5}",
        b"{\"code\":{\"code\":0}}",
    ];
    for (bodies, what) in [
        (&unreadable[..], "a body that is no JSON object"),
        (&codeless, "a JSON object that holds no result code"),
    ] {
        for body in bodies {
            let error = submit("200 OK", body).await.unwrap_err();
            assert_eq!((error.kind(), error.sent()), (CallErrorKind::NoAnswer, Sent::Yes), "{error}");
            assert!(error.may_have_happened() && error.to_string().contains(what), "{error}");
            assert_eq!(error.reply().unwrap().body, *body);
            let error = check_code("8000", body).await.unwrap_err();
            assert_eq!((error.kind(), error.may_have_happened()), (CallErrorKind::NoAnswer, true), "{error}");
        }
    }
}

#[tokio::test]
async fn a_right_code_is_one_whatever_stands_beside_it() {
    for body in [
        r#"{"code":0,"data":null,"message":"Request successful"}"#,
        r#"{"code":0,"data":{},"msg":"Request successful"}"#,
        r#"{"code":"0","data":[],"message":"Request successful"}"#,
        r#"{"code":0,"message":"Request successful"}"#,
    ] {
        let verified = check_code("8000", body).await.unwrap();
        assert_eq!(
            (verified.text.as_deref(), verified.body()),
            (Some("Request successful"), body.as_bytes())
        );
    }
    let verified = check_code("8000", r#"{"code":0,"data":null,"guesses_left":3}"#).await.unwrap();
    assert_eq!(
        verified.drift.iter().map(|drift| drift.place.as_str()).collect::<Vec<_>>(),
        ["WhatsAppReply.guesses_left"]
    );
}

#[tokio::test]
async fn a_platform_that_quotes_what_it_was_sent_does_not_make_the_error_show_it() {
    for code in ["1234", "739-184", "AbC9"] {
        let body = format!(r#"{{"code":9001,"message":"code {code} for +86 138-0013-8000 is wrong"}}"#);
        let error = check_code(code, &body).await.unwrap_err();
        assert!(error.to_string().contains("(\"code *** for +"), "{error}");
        assert!(!all_of(&error).contains(code) && !all_of(&error).contains("0013"), "{}", all_of(&error));
        for (figure, data) in [("0", CodeCheck::Verified), ("-1", CodeCheck::Wrong)] {
            let answered = check_code(code, body.replace("9001", figure)).await.unwrap();
            assert_eq!(answered.data, data);
            let shown = format!("{answered:?}");
            assert!(!shown.contains(code) && !shown.contains("0013"), "{shown}");
        }
    }
    let error = submit("200 OK", r#"{"code":202,"msg":"no application sandbox-appkey"}"#).await.unwrap_err();
    assert!(error.to_string().contains("(\"no application ***\")"), "{error}");
    assert!(!all_of(&error).contains("sandbox-appkey"));
}
