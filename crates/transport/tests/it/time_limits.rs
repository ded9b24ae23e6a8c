//! The time limits, exact on the paused clock.

use std::time::Duration;

use numcheck_transport::{
    Address, Call, Client, Limits, NoAuthorization, RateLimits, RetryPolicy, SendErrorKind, Sent, Stream,
};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::support::{OK, answer, costly, in_memory, request, safe};

const SECOND: Duration = Duration::from_secs(1);

fn call() -> Call {
    Call::new(&costly()).body("{}")
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_comes_was_not_sent() {
    let dial = |_: Address| std::future::pending::<std::io::Result<Stream>>();
    let client =
        Client::builder("http://localhost").retry(RetryPolicy::never()).dial(dial).build().expect("a client");
    let start = Instant::now();
    let error = client.send(call(), &NoAuthorization).await.expect_err("no reply");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::ConnectTimeout, Sent::No));
    assert_eq!(start.elapsed(), 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_total_time_that_ends_while_connecting_was_not_sent() {
    let mut limits = Limits::default();
    limits.total = 4 * SECOND;
    let dial = |_: Address| std::future::pending::<std::io::Result<Stream>>();
    let client = Client::builder("http://localhost").limits(limits).dial(dial).build().expect("a client");
    let start = Instant::now();
    let error = client.send(call(), &NoAuthorization).await.expect_err("no reply");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::TotalTimeout, Sent::No));
    assert_eq!(start.elapsed(), 4 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn silence_after_the_request_may_have_arrived() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        request(&mut stream).await.expect("a whole request");
        request(&mut stream).await.is_none()
    });
    let start = Instant::now();
    let error = client.send(call(), &NoAuthorization).await.expect_err("no reply");
    assert_eq!(
        (error.kind(), error.sent(), error.attempts()),
        (SendErrorKind::ResponseTimeout, Sent::Maybe, 1)
    );
    assert_eq!(start.elapsed(), 30 * SECOND);
    assert!(server.await.expect("the server"), "the connection is given up with its request");
}

#[tokio::test(start_paused = true)]
async fn the_response_time_counts_from_the_connection_and_not_before() {
    let mut limits = Limits::default();
    limits.response = 5 * SECOND;
    let dial = |_: Address| async {
        sleep(9 * SECOND).await;
        let (ours, mut theirs) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            request(&mut theirs).await.expect("a whole request");
            sleep(4 * SECOND).await;
            theirs.write_all(OK).await.expect("open");
            theirs
        });
        Ok(Stream::new(ours))
    };
    let client = Client::builder("http://localhost").limits(limits).dial(dial).build().expect("a client");
    client.send(call(), &NoAuthorization).await.expect("a reply after 13 seconds");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_does_not_stretch_the_response_time() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        request(&mut stream).await.expect("a whole request");
        for byte in b"HTTP/1.1 200 OK\r\nx-slow: ".iter().chain(std::iter::repeat(&b'z')) {
            sleep(SECOND).await;
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
    });
    let start = Instant::now();
    let error = client.send(call(), &NoAuthorization).await.expect_err("no reply");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::ResponseTimeout, Sent::Maybe));
    assert_eq!(start.elapsed(), 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_in_ends_with_the_total_time() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        answer(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
        while stream.write_all(b"z").await.is_ok() {
            sleep(SECOND).await;
        }
    });
    let start = Instant::now();
    let error = client.send(call(), &NoAuthorization).await.expect_err("no reply");
    assert_eq!(
        (error.kind(), error.sent(), error.status()),
        (SendErrorKind::TotalTimeout, Sent::Yes, Some(200))
    );
    assert_eq!(start.elapsed(), 60 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_total_time_covers_all_attempts_and_pauses() {
    let mut policy = RetryPolicy::default();
    policy.attempts = 100;
    let (builder, mut incoming) = in_memory();
    let client = builder.retry(policy).build().expect("a client");
    tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            let mut stream = incoming.accept().await;
            request(&mut stream).await;
            held.push(stream);
        }
    });
    let start = Instant::now();
    let error = client.send(Call::new(&safe()).body("{}"), &NoAuthorization).await.expect_err("no reply");
    assert!(start.elapsed() <= 60 * SECOND, "{:?}", start.elapsed());
    assert!((2..=3).contains(&error.attempts()), "{error}");
    assert_eq!(error.sent(), Sent::Maybe);
}

#[tokio::test(start_paused = true)]
async fn limits_without_end_and_limits_of_nothing_do_not_panic() {
    let mut endless = Limits::default();
    endless.connect = Duration::MAX;
    endless.response = Duration::MAX;
    endless.total = Duration::MAX;
    endless.rate_wait = Duration::MAX;
    endless.idle = Duration::MAX;
    endless.body_bytes = usize::MAX;
    let mut always = RetryPolicy::default();
    always.attempts = u32::MAX;
    always.backoff_base = Duration::MAX;
    always.backoff_max = Duration::MAX;
    always.retry_after_max = Duration::MAX;
    let mut nothing = Limits::default();
    nothing.connect = Duration::ZERO;
    nothing.response = Duration::ZERO;
    nothing.total = Duration::ZERO;
    nothing.rate_wait = Duration::ZERO;
    nothing.idle = Duration::ZERO;
    nothing.body_bytes = 0;
    nothing.head_bytes = 0;
    let mut never = RetryPolicy::default();
    never.attempts = 0;
    never.backoff_base = Duration::ZERO;
    nothing.idle_connections = 0;
    for (limits, policy, succeeds) in [(endless, always, true), (nothing, never, false)] {
        let (dial, mut incoming) = crate::support::network();
        let client = Client::builder("http://localhost")
            .rate_limits(RateLimits::documented())
            .limits(limits)
            .retry(policy)
            .dial(dial)
            .build()
            .expect("a client");
        tokio::spawn(async move {
            loop {
                let mut stream = incoming.accept().await;
                tokio::spawn(async move {
                    while request(&mut stream).await.is_some() && stream.write_all(OK).await.is_ok() {}
                });
            }
        });
        for _ in 0..3 {
            assert_eq!(client.send(call(), &NoAuthorization).await.is_ok(), succeeds);
        }
    }
}
