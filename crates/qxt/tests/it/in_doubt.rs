//! Queries whose outcome nobody knows: asked once, charged at most once, and said to be in doubt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use numcheck_qxt::transport::{self, Attempt, BoxError, RetryPolicy};
use numcheck_qxt::{CallError, CallErrorKind, Sent};
use numcheck_sandbox::{Fault, Faults, Operation, Sandbox, Service, When};

use crate::common::{KEY, all_of, builder, chain, client_in_memory, mobile};

/// A query that meets a fault: the error, and how often it was charged.
async fn struck_by(fault: Fault, get: bool) -> (CallError, u64) {
    let faults = Faults::none().request(Operation::Privacy, When::Always, fault);
    let sandbox = Sandbox::builder().faults(faults).start().await.unwrap();
    let error = builder(&sandbox).get(get).build().unwrap().check(mobile("18819079212")).await.unwrap_err();
    assert_eq!(sandbox.journal().requests().count(), 1, "asked once");
    (error, sandbox.ledger().count(Service::Privacy, 0))
}

#[tokio::test]
async fn a_query_whose_answer_was_lost_is_not_repeated_by_get_either() {
    for get in [false, true] {
        for (fault, kind, charged) in [
            (Fault::AcceptThenClose, CallErrorKind::Transport, 1),
            (Fault::Close, CallErrorKind::Transport, 0),
            (Fault::CutReply, CallErrorKind::Transport, 1),
            (Fault::NotJson, CallErrorKind::NoAnswer, 1),
            (Fault::Respond(502), CallErrorKind::NoAnswer, 0),
        ] {
            let (error, count) = struck_by(fault.clone(), get).await;
            assert_eq!((error.kind(), error.attempts(), count), (kind, 1, charged), "{fault:?}: {error}");
            assert!(error.sent() != Sent::No && error.may_have_happened(), "{fault:?}: {error}");
            assert_eq!(error.has_reply(), kind == CallErrorKind::NoAnswer, "{fault:?}: {error}");
            assert!(
                error.to_string().contains("do not send it again before you know what became of it"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_connection_was_not_sent_and_is_tried_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut policy = RetryPolicy::default();
    policy.attempts = 2;
    let builder = builder(&sandbox).get(true).transport(|transport| transport.retry(policy));
    let client = builder.build().unwrap();
    let url = sandbox.qxt_url();
    let address = url.strip_prefix("http://").unwrap();
    sandbox.shutdown().await;
    let error = client.check(mobile("18819079212")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.sent(), error.attempts()),
        (CallErrorKind::Transport, Sent::No, 2),
        "{error}"
    );
    assert_eq!(error.transport_error().unwrap().kind(), transport::SendErrorKind::Connect);
    assert!(!error.may_have_happened());
    assert_eq!(
        error.to_string(),
        format!(
            "qxt.privacy: could not connect to {address}; not sent (attempt 2): check the address, the network and the proxy"
        )
    );
    assert!(chain(&error).to_lowercase().contains("refused"), "{}", chain(&error));
    assert!(
        !all_of(&error).contains("18819079212") && !all_of(&error).contains("apikey"),
        "{}",
        all_of(&error)
    );
}

#[tokio::test]
async fn a_url_that_holds_the_key_is_in_no_error() {
    for is_redirect in [false, true] {
        let (client, mut platform) = client_in_memory(true);
        let call = tokio::spawn(client.check(mobile("18819079212")));
        let request = platform.request().await;
        assert!(request.seen.head.contains(KEY));
        // As servers do, it quotes what was asked for.
        let target = request.seen.head.split(' ').nth(1).unwrap();
        let page = format!("<h1>Moved</h1> {target} {KEY} 18819079212");
        let headers = if is_redirect {
            format!("location: https://{KEY}@portal.example.org{target}&{KEY}\r\n")
        } else {
            String::new()
        };
        request.answer_with("302 Found", &headers, page);
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.reply().unwrap().status.as_u16()),
            (CallErrorKind::NeverReached, 302)
        );
        let shown = format!("{} {client:?}", all_of(&error));
        assert!(shown.contains("Moved") && shown.contains("portal.example.org") == is_redirect, "{shown}");
        assert!(!shown.contains("canary") && !shown.contains("8190792"), "{shown}");
    }
}

#[tokio::test]
async fn what_is_not_confirmed_is_not_asked() {
    let sandbox = Sandbox::start().await.unwrap();
    for get in [false, true] {
        let client = builder(&sandbox).get(get).build().unwrap();
        let confirmed = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&confirmed);
        let once = Arc::new(move |_: Attempt<'_>| {
            let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
            async move { if first { Ok(()) } else { Err::<(), BoxError>("the claim was revoked".into()) } }
        });
        let before = sandbox.journal().requests().count();
        client.check_confirmed(mobile("18819079212"), once.clone()).await.unwrap();
        let error = client.check_confirmed(mobile("18819079212"), once).await.unwrap_err();
        assert_eq!(error.transport_error().unwrap().kind(), transport::SendErrorKind::NotConfirmed);
        assert_eq!((error.sent(), error.may_have_happened()), (Sent::No, false), "{error}");
        assert_eq!((sandbox.journal().requests().count() - before, confirmed.load(Ordering::SeqCst)), (1, 2));
    }
}

#[tokio::test]
async fn every_attempt_is_confirmed_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = builder(&sandbox).build().unwrap();
    sandbox.shutdown().await;
    let attempts = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&attempts);
    let counts = move |attempt: Attempt<'_>| {
        assert_eq!(counter.fetch_add(1, Ordering::SeqCst) + 1, attempt.number);
        async { Ok::<(), BoxError>(()) }
    };
    let error = client.check_confirmed(mobile("18819079212"), Arc::new(counts)).await.unwrap_err();
    assert_eq!((error.attempts(), attempts.load(Ordering::SeqCst)), (3, 3), "{error}");
}
