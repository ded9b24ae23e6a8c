//! What a caller hooks into the client: headers, time limits, metrics, spans, limits that several clients share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderName, HeaderValue};
use numcheck_testing::log::Log;
use numcheck_transport::retry::AttemptOutcome;
use numcheck_transport::{
    AttemptReport, Call, CallOptions, Client, NoAuthorization, RateLimiter, RateLimits, SendErrorKind, Sent,
};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::support::{OK, Signer, answer, chain, costly, header, in_memory, network, request, safe};

const SECOND: Duration = Duration::from_secs(1);
const TRACE: HeaderName = HeaderName::from_static("traceparent");

fn one(name: HeaderName, value: &'static str) -> CallOptions {
    CallOptions::new().header(name, HeaderValue::from_static(value))
}

fn call() -> Call {
    Call::new(&costly()).body("{}")
}

#[tokio::test]
async fn a_callers_headers_are_sent_and_those_of_the_authorisation_win() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let all = one(TRACE, "of-the-client").header(USER_AGENT, HeaderValue::from_static("shop/1.0"));
    let ours = one(TRACE, "of-the-call").header(HeaderName::from_static("ts"), HeaderValue::from_static("1"));
    let sent =
        tokio::spawn(
            async move { client.with_options(all).send(call().options(ours), &Signer::default()).await },
        );
    let (head, _) = answer(&mut incoming.accept().await, OK).await;
    sent.await.expect("no panic").expect("a reply");
    assert_eq!(header(&head, "traceparent"), Some("of-the-call"));
    assert_eq!(header(&head, "user-agent"), Some("shop/1.0"));
    assert_ne!(header(&head, "ts"), Some("1"));
    assert_eq!(head.matches("\r\nts: ").count(), 1, "{head}");
    assert_eq!(header(&head, "content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_header_that_frames_the_request_is_refused_and_nothing_is_sent() {
    for name in [HOST, CONTENT_TYPE, TRANSFER_ENCODING] {
        let (builder, incoming) = in_memory();
        let client = builder.build().expect("a client").with_options(one(name.clone(), "secret-value"));
        let error = client.send(call(), &NoAuthorization).await.expect_err("refused");
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (SendErrorKind::Request, Sent::No, 0),
            "{name}"
        );
        assert!(chain(&error).contains(name.as_str()) && !chain(&error).contains("secret-value"));
        assert_eq!(incoming.dialled(), 0);
    }
}

#[test]
fn no_debug_shows_the_value_of_a_header() {
    let options = one(TRACE, "secret-value").time_limit(SECOND);
    assert_eq!(format!("{options:?}"), "CallOptions { headers: [\"traceparent\"], time_limit: Some(1s) }");
    assert!(!format!("{:?}", call().options(options)).contains("secret-value"));
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_time_limit_wins_and_leaves_a_doubt() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client").with_options(CallOptions::new().time_limit(9 * SECOND));
    for (options, seconds) in [(CallOptions::new(), 9), (CallOptions::new().time_limit(3 * SECOND), 3)] {
        let (client, start) = (client.clone(), Instant::now());
        let sent = tokio::spawn(async move { client.send(call().options(options), &NoAuthorization).await });
        let mut stream = incoming.accept().await;
        request(&mut stream).await.expect("a whole request");
        let error = sent.await.expect("no panic").expect_err("no reply");
        assert_eq!((error.kind(), error.sent()), (SendErrorKind::TotalTimeout, Sent::Maybe));
        assert_eq!(start.elapsed(), seconds * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_of_every_attempt() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let (builder, mut incoming) = in_memory();
    let client = builder
        .observer(move |report: &AttemptReport<'_>| {
            let AttemptReport { info, number, units, request_bytes, sent, .. } = *report;
            let note = (info.id, number, units, request_bytes, sent, report.status(), report.is_in_doubt());
            notes.lock().expect("no panic").push(note);
        })
        .build()
        .expect("a client");
    let sent = tokio::spawn(async move {
        client.send(Call::new(&safe()).body("{}").units(7), &NoAuthorization).await.expect("a reply");
        client.send(call(), &NoAuthorization).await.expect_err("no reply")
    });
    drop(incoming.accept().await);
    let mut stream = incoming.accept().await;
    answer(&mut stream, OK).await;
    request(&mut stream).await.expect("a whole request");
    drop(stream);
    sent.await.expect("no panic");
    let seen = seen.lock().expect("no panic");
    assert_eq!(
        *seen,
        [
            ("test.safe", 1, 7, 2, Sent::Maybe, None, false),
            ("test.safe", 2, 7, 2, Sent::Yes, Some(200), false),
            ("number_check.submit", 1, 1, 2, Sent::Maybe, None, true),
        ]
    );
}

#[tokio::test]
async fn an_observer_that_panics_costs_no_reply() {
    let (builder, mut incoming) = in_memory();
    let observer = |report: &AttemptReport<'_>| {
        assert!(!matches!(report.outcome, AttemptOutcome::Replied { .. }), "the observer's own fault");
    };
    let client = builder.observer(observer).build().expect("a client");
    let sent = tokio::spawn(async move { client.send(call(), &NoAuthorization).await });
    answer(&mut incoming.accept().await, OK).await;
    assert_eq!(sent.await.expect("no panic").expect("a reply").status, 200);
}

#[tokio::test(start_paused = true)]
async fn clients_that_share_a_limiter_keep_the_limit_together() {
    let shared = RateLimiter::new(RateLimits::documented());
    let start = Instant::now();
    for number in 0..4 {
        let (dial, mut incoming) = network();
        let client = Client::builder("http://localhost").rate_limiter(shared.clone()).dial(dial);
        let client = client.build().expect("a client");
        tokio::spawn(async move {
            let mut stream = incoming.accept().await;
            request(&mut stream).await.expect("a whole request");
            stream.write_all(OK).await.expect("open");
        });
        client.send(call(), &NoAuthorization).await.expect("a reply");
        assert_eq!(start.elapsed(), number * Duration::from_millis(100), "ten a second");
    }
}

#[tokio::test]
async fn each_call_has_a_span_by_opentelemetrys_names_and_without_its_query() {
    let log = Log::capture();
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let query = Call::new(&safe()).body("apikey=secret-key&mobile=18819079212").by_get();
    let sent = async { client.send(query, &NoAuthorization).await.expect("a reply") };
    let answered = async { answer(&mut incoming.accept().await, OK).await };
    let (_, (head, _)) = tokio::join!(sent, answered);
    assert!(head.starts_with("GET /api/number/check?apikey=secret-key"), "{head}");
    let log = log.text();
    for part in [
        "call{otel.name=GET /api/number/check otel.kind=\"client\"",
        "http.request.method=GET",
        "url.template=\"/api/number/check\"",
        "server.address=\"localhost\"",
        "server.port=80",
        "numcheck.endpoint=\"test.safe\"",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains("secret-key") && !log.contains("18819079212"), "{log}");
}
