//! Submits whose outcome nobody knows: sent once, charged at most once, and said to be in doubt.

use std::io::ErrorKind::ConnectionRefused;
use std::time::Duration;

use numcheck_nxcloud::protocol::number_check::Submit;
use numcheck_nxcloud::transport::{self, RetryPolicy};
use numcheck_nxcloud::{CallError, CallErrorKind, Sent};
use numcheck_sandbox::{Fault, Faults, Operation, Sandbox, Service, When};

use crate::common::{builder, chain, client, client_in_memory, phones};

/// A submit that meets a fault: the error, and how many numbers were charged.
async fn struck_by(fault: Fault) -> (CallError, u64) {
    let faults = Faults::none().request(Operation::Submit, When::Always, fault);
    let sandbox = Sandbox::builder().faults(faults).start().await.unwrap();
    let error = client(&sandbox).number_check().submit(phones(1)).send().await.unwrap_err();
    assert_eq!(sandbox.journal().requests().count(), 1, "sent once");
    (error, sandbox.ledger().count(Service::Basic, 0))
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_leaves_the_submit_in_doubt() {
    for (fault, charged) in [(Fault::AcceptThenClose, 1), (Fault::Close, 0)] {
        let (error, count) = struck_by(fault.clone()).await;
        assert_eq!(count, charged, "{fault:?}");
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (CallErrorKind::Transport, Sent::Maybe, 1),
            "{error}"
        );
        assert_eq!(error.transport_error().unwrap().kind(), transport::SendErrorKind::Lost);
        assert!(error.may_have_happened() && !error.has_reply());
        assert_eq!(
            error.to_string(),
            "number_check.submit: the connection broke before a reply; may have been carried out (attempt 1): \
             do not send it again before you know what became of it"
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_the_submit_in_doubt() {
    let (error, charged) = struck_by(Fault::CutReply).await;
    assert_eq!((error.kind(), charged), (CallErrorKind::Transport, 1), "{error}");
    assert!(error.may_have_happened());

    assert!(!error.has_reply());

    let (client, mut platform) = client_in_memory();
    let call = tokio::spawn(client.number_check().submit(phones(1)).send());
    platform.request().await.break_off();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.sent()), (CallErrorKind::Transport, Sent::Yes), "{error}");
    assert_eq!(error.transport_error().unwrap().kind(), transport::SendErrorKind::Body);
    assert!(error.may_have_happened() && !error.has_reply(), "its status came, its answer did not");
}

#[tokio::test]
async fn a_page_of_a_gateway_is_no_answer_and_leaves_the_submit_in_doubt() {
    for (fault, status, page, charged) in [
        (Fault::NotJson, 200, "502", 1),
        (Fault::Respond(502), 502, "502", 0),
        (Fault::Respond(503), 503, "503", 0),
    ] {
        let (error, count) = struck_by(fault).await;
        assert_eq!(count, charged);
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (CallErrorKind::NoAnswer, Sent::Yes, 1),
            "{error}"
        );
        assert!(error.may_have_happened() && error.refusal().is_none() && error.code::<Submit>().is_none());
        assert!(error.has_reply());
        assert_eq!(error.reply().unwrap().status.as_u16(), status);
        assert!(error.reply().unwrap().body.starts_with(b"<html>"));
        assert_eq!(
            chain(&error),
            format!(
                "number_check.submit: HTTP {status} (\"{page}\") with a body that is no JSON object; sent, may have been carried out \
                 (attempt 1): do not send it again before you know what became of it \
                 <- not a JSON object in UTF-8, at line 1, column 1"
            )
        );
    }
}

#[tokio::test]
async fn a_status_of_a_server_on_the_way_is_no_doubt_and_nothing_is_sent_again() {
    for status in [301, 302, 401, 403, 404, 405, 413, 429] {
        let (error, charged) = struck_by(Fault::Respond(status)).await;
        assert_eq!(
            (error.kind(), error.sent(), charged),
            (CallErrorKind::NeverReached, Sent::No, 0),
            "{error}"
        );
        assert!(!error.may_have_happened() && error.has_reply() && error.attempts() == 1, "{error}");
    }
}

#[tokio::test]
async fn the_platforms_own_json_wins_over_its_status() {
    for (status, body, kind) in [
        ("404 Not Found", r#"{"code":206,"message":"x"}"#, CallErrorKind::Refused),
        ("403 Forbidden", r#"{"code":[],"message":"x"}"#, CallErrorKind::NoAnswer),
        ("429 Too Many Requests", r#"{"message":"slow down"}"#, CallErrorKind::NoAnswer),
    ] {
        let (client, mut platform) = client_in_memory();
        let call = tokio::spawn(client.number_check().submit(phones(1)).send());
        platform.request().await.answer_with(status, "", body);
        let error = call.await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.sent()), (kind, Sent::Yes), "{error}");
        assert!(error.may_have_happened(), "{error}");
    }
    let (client, mut platform) = client_in_memory();
    let call = tokio::spawn(client.number_check().submit(phones(1)).send());
    platform.request().await.answer_with("404 Not Found", "", r#"{"code":0,"data":{"messageId":"m-1"}}"#);
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_wrong_path_in_the_base_url_is_found_without_a_doubt() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = format!("{}/v2", sandbox.nxcloud_url());
    let client = builder(&sandbox).base_url(url).build().unwrap();
    let error = client.number_check().submit(phones(1)).send().await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (CallErrorKind::NeverReached, false), "{error}");
    assert!(error.to_string().contains("check the host and the path of the base URL"), "{error}");
}

#[tokio::test]
async fn a_refused_connection_was_not_sent_and_is_tried_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, mut policy) = (sandbox.nxcloud_url(), RetryPolicy::default());
    let address = url.strip_prefix("http://").unwrap().to_owned();
    policy.attempts = 2;
    let client =
        builder(&sandbox).base_url(url).transport(|transport| transport.retry(policy)).build().unwrap();
    sandbox.shutdown().await;
    let error = client.number_check().submit(phones(1)).send().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.sent(), error.attempts()),
        (CallErrorKind::Transport, Sent::No, 2),
        "{error}"
    );
    assert_eq!(
        (error.transport_error().unwrap().kind(), error.may_have_happened()),
        (transport::SendErrorKind::Connect, false)
    );
    assert_eq!(
        error.to_string(),
        format!(
            "number_check.submit: could not connect to {address}; not sent (attempt 2): check the address, the network and the proxy"
        )
    );
    assert!(chain(&error).to_lowercase().contains(&ConnectionRefused.to_string()), "{}", chain(&error));
}

#[tokio::test]
async fn dropping_the_future_half_way_leaves_the_submit_in_doubt() {
    let faults =
        Faults::none().request(Operation::Submit, When::Always, Fault::DelayReply(Duration::from_secs(3600)));
    let sandbox = Sandbox::builder().faults(faults).start().await.unwrap();
    let call = tokio::spawn(client(&sandbox).number_check().submit(phones(1)).send());
    sandbox.journal_when(|journal| journal.requests().count() == 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(sandbox.ledger().count(Service::Basic, 0), 1, "it was charged, and nobody was told");
    assert_eq!(sandbox.journal().requests().count(), 1);
}

#[tokio::test]
async fn a_doubt_by_the_platforms_own_word_came_in_a_reply() {
    for code in [204, 206, 288, 299, 4711] {
        let (client, mut platform) = client_in_memory();
        let call = tokio::spawn(client.number_check().submit(phones(1)).send());
        platform.request().await.answer(format!(r#"{{"code":{code},"message":"x","data":null}}"#));
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.code::<Submit>().unwrap().get(), code);
        assert!(error.may_have_happened() && error.has_reply(), "{error}");
    }
}
