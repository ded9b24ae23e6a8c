//! The rate limits: the pure rule, and that the client keeps to it before it signs.

use std::time::Duration;

use numcheck_protocol::Rate;
use numcheck_transport::pacing::Pace;
use numcheck_transport::{Call, Client, Limits, RateLimits, SendErrorKind, Sent};
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::support::{OK, Signer, answer, chain, costly, network, request, safe, wall_clock};

const SMALL: Rate = Rate { up_to: Some(2000), requests: 10, per_ms: 1000 };
const LARGE: Rate = Rate { up_to: None, requests: 1, per_ms: 1000 };
const FOR_EVER: Duration = Duration::MAX;

proptest! {
    #[test]
    fn in_every_window_both_limits_hold(
        gaps in prop::collection::vec((0..1500u64, any::<bool>()), 1..60),
    ) {
        let mut pace = Pace::default();
        let mut now = Duration::ZERO;
        let mut starts = Vec::new();
        for (gap, is_large) in gaps {
            now += Duration::from_millis(gap);
            let wait = pace.take(now, if is_large { LARGE } else { SMALL }, FOR_EVER).expect("however long");
            starts.push((now + wait, is_large));
        }
        for (i, (start, _)) in starts.iter().enumerate() {
            let window: Vec<_> =
                starts.iter().skip(i).take_while(|(t, _)| *t < *start + Duration::from_secs(1)).collect();
            prop_assert!(window.len() <= 10, "{window:?}");
            prop_assert!(window.len() == 1 || !window.iter().any(|(_, is_large)| *is_large), "{window:?}");
        }
        prop_assert!(starts.is_sorted());
    }

    #[test]
    fn a_place_that_is_refused_is_not_taken(waits in prop::collection::vec(0..3000u64, 1..20)) {
        let mut pace = Pace::default();
        pace.take(Duration::ZERO, LARGE, FOR_EVER).expect("the first place is free");
        for wait in waits {
            let before = pace.take(Duration::ZERO, LARGE, Duration::from_millis(wait));
            prop_assert_eq!(before.is_ok(), wait >= 1000);
            if before.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn an_idle_endpoint_saves_up_nothing() {
    let mut pace = Pace::default();
    let hour = Duration::from_secs(3600);
    assert_eq!(pace.take(Duration::ZERO, SMALL, FOR_EVER), Ok(Duration::ZERO));
    assert_eq!(pace.take(hour, SMALL, FOR_EVER), Ok(Duration::ZERO));
    assert_eq!(pace.take(hour, SMALL, FOR_EVER), Ok(Duration::from_millis(100)));
}

#[test]
fn a_rate_of_no_requests_is_taken_as_one() {
    let mut pace = Pace::default();
    let none = Rate { up_to: None, requests: 0, per_ms: 500 };
    assert_eq!(pace.take(Duration::ZERO, none, FOR_EVER), Ok(Duration::ZERO));
    assert_eq!(pace.take(Duration::ZERO, none, FOR_EVER), Ok(Duration::from_millis(500)));
}

/// A client with these limits against a server that answers everything, and a wall clock that goes with time.
fn paced(rate_limits: RateLimits, limits: Limits) -> Client {
    let (dial, mut incoming) = network();
    tokio::spawn(async move {
        loop {
            let mut stream = incoming.accept().await;
            tokio::spawn(async move {
                while request(&mut stream).await.is_some() {
                    stream.write_all(OK).await.expect("the client reads");
                }
            });
        }
    });
    Client::builder("http://localhost")
        .rate_limits(rate_limits)
        .limits(limits)
        .clock(wall_clock(0))
        .dial(dial)
        .build()
        .expect("a client")
}

/// Sends calls of these sizes at once, and returns when each was signed.
async fn signed_at(client: &Client, sizes: &[u32]) -> Vec<u64> {
    let signer = Signer::default();
    let mut sending = Vec::new();
    for units in sizes {
        sending.push(Box::pin(client.send(Call::new(&costly()).body("{}").units(*units), &signer)));
    }
    for send in futures(sending).await {
        send.expect("a reply");
    }
    signer.times()
}

/// Runs futures side by side, in their order.
async fn futures<F: Future + Unpin>(mut running: Vec<F>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(move |cx| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = std::pin::Pin::new(future).poll(cx)
            {
                *done = Some(output);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(done.drain(..).flatten().collect()),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn the_documented_limits_are_kept_and_waited_for_before_signing() {
    let client = paced(RateLimits::documented(), Limits::default());
    assert_eq!(signed_at(&client, &[1, 2000, 2001, 1, 1]).await, [0, 100, 1100, 2100, 2200]);
}

#[tokio::test(start_paused = true)]
async fn limits_can_be_switched_off_or_replaced() {
    let client = paced(RateLimits::off(), Limits::default());
    assert_eq!(signed_at(&client, &[5000, 5000, 5000]).await, [0, 0, 0]);

    let own = Rate { up_to: None, requests: 1, per_ms: 30 };
    let client = paced(RateLimits::off().with("number_check.submit", [own]), Limits::default());
    assert_eq!(signed_at(&client, &[5000, 5000, 5000]).await, [0, 30, 60]);

    let client = paced(RateLimits::documented().without("number_check.submit"), Limits::default());
    assert_eq!(signed_at(&client, &[5000, 5000, 5000]).await, [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_rate_limit_does_not_count_as_total_time() {
    let mut limits = Limits::default();
    limits.total = Duration::from_secs(2);
    let client = paced(RateLimits::documented(), limits);
    assert_eq!(signed_at(&client, &[5000; 6]).await, [0, 1000, 2000, 3000, 4000, 5000]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_long_is_refused_at_once_and_takes_no_place() {
    let mut limits = Limits::default();
    limits.rate_wait = Duration::from_millis(1500);
    let client = paced(RateLimits::documented(), limits);
    let call = || Call::new(&costly()).body("{}").units(5000);
    let signer = Signer::default();
    let results = futures((0..4).map(|_| Box::pin(client.send(call(), &signer))).collect()).await;
    let start = Instant::now();
    let refused: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(refused.len(), 2);
    for error in refused {
        assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::RateLimited, Sent::No, 0));
        assert!(chain(error).contains("2000 ms"), "{}", chain(error));
    }
    client.send(call(), &signer).await.expect("the place after the second is still free");
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn after_too_many_requests_the_next_paid_ones_wait_and_other_endpoints_do_not() {
    for (header, pause_ms) in [
        ("retry-after: 7\r\n", 7_000),
        ("", 10_000),
        ("retry-after: 86400\r\n", 60_000),
        ("retry-after: 0\r\n", 0),
    ] {
        let (dial, mut incoming) = network();
        let head = format!("HTTP/1.1 429 Slow\r\n{header}content-length: 0\r\n\r\n");
        tokio::spawn(async move {
            let mut replies = vec![OK, OK, OK, head.as_bytes()];
            loop {
                answer(&mut incoming.accept().await, replies.pop().unwrap_or(OK)).await;
            }
        });
        let mut limits = Limits::default();
        limits.idle_connections = 0;
        let client =
            Client::builder("http://localhost").rate_limits(RateLimits::off()).limits(limits).dial(dial);
        let client = client.clock(wall_clock(0)).build().expect("a client");
        let begun = Instant::now();
        let submit = async || client.send(Call::new(&costly()).body("{}"), &Signer::default()).await;
        assert_eq!(submit().await.expect("a reply").status.as_u16(), 429);
        client.send(Call::new(&safe()).body("{}"), &Signer::default()).await.expect("no wait");
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let (first, second) = tokio::join!(submit(), submit());
        assert_eq!((first.is_ok(), second.is_ok()), (true, true));
        assert_eq!(begun.elapsed(), Duration::from_millis(pause_ms), "{header}");
    }
}
