//! A caller that confirms every attempt before it is signed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use numcheck_protocol::Rate;
use numcheck_transport::{
    Address, Attempt, BoxError, BoxFuture, Call, Client, Confirm, Limits, NoAuthorization, RateLimits,
    SendErrorKind, Sent, Stream,
};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};

use crate::support::{
    OK, Signer, answer, chain, costly, dated, header, in_memory, network, request, safe, wall_clock,
};

const TRUE_MS: u64 = 1_655_710_885_000;
const HOUR_MS: u64 = 3_600_000;
const SECOND: Duration = Duration::from_secs(1);
const REFUSED: &str = r#"{"code":1004,"msg":"timestamp expired","data":null}"#;

/// Writes attempts down, after `takes`, and refuses from the attempt `refuses_from` on.
struct Ledger {
    confirmed: Mutex<Vec<(u32, u64)>>,
    refuses_from: u32,
    takes: Duration,
}

impl Ledger {
    fn new() -> Self {
        Self { confirmed: Mutex::default(), refuses_from: u32::MAX, takes: Duration::ZERO }
    }

    /// The numbers and times of the attempts that were confirmed.
    fn confirmed(&self) -> Vec<(u32, u64)> {
        self.confirmed.lock().expect("no panic").clone()
    }
}

impl Confirm for Ledger {
    fn confirm<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            // why-sleep: every test here has a paused clock.
            sleep(self.takes).await;
            if attempt.number >= self.refuses_from {
                return Err("the claim was revoked".into());
            }
            self.confirmed.lock().expect("no panic").push((attempt.number, attempt.now_ms));
            Ok(())
        })
    }
}

fn call(ledger: &Arc<Ledger>) -> Call {
    Call::new(&costly()).body("{}").confirm(Arc::clone(ledger) as _)
}

fn ts(head: &str) -> u64 {
    header(head, "ts").expect("a time").parse().expect("a number")
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_signed_with_the_very_time_that_was_confirmed() {
    let (builder, mut incoming) = in_memory();
    let client = builder.clock(wall_clock(TRUE_MS)).build().expect("a client");
    let server = tokio::spawn(async move { answer(&mut incoming.accept().await, OK).await });
    // The clock goes on while the ledger writes.
    let ledger = Arc::new(Ledger { takes: 7 * SECOND, ..Ledger::new() });
    let reply = client.send(call(&ledger), &Signer::default()).await.expect("a reply");
    let (head, _) = server.await.expect("the server");
    assert_eq!(ledger.confirmed(), [(1, TRUE_MS)]);
    assert_eq!((ts(&head), reply.sent_at_ms), (TRUE_MS, TRUE_MS));
}

#[tokio::test(start_paused = true)]
async fn the_repeat_after_a_corrected_clock_is_confirmed_with_the_corrected_time() {
    let (builder, mut incoming) = in_memory();
    let client = builder.clock(wall_clock(TRUE_MS - HOUR_MS)).build().expect("a client");
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        let (first, _) = answer(&mut stream, &dated(TRUE_MS, REFUSED)).await;
        let (second, _) = answer(&mut stream, OK).await;
        [ts(&first), ts(&second)]
    });
    let ledger = Arc::new(Ledger::new());
    client.send(call(&ledger), &Signer::default()).await.expect("a reply");
    assert_eq!(ledger.confirmed(), [(1, TRUE_MS - HOUR_MS), (2, TRUE_MS)]);
    assert_eq!(server.await.expect("the server"), [TRUE_MS - HOUR_MS, TRUE_MS]);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_is_not_confirmed_never_reaches_the_platform() {
    let (builder, mut incoming) = in_memory();
    let client = builder.clock(wall_clock(TRUE_MS - HOUR_MS)).build().expect("a client");
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        answer(&mut stream, &dated(TRUE_MS, REFUSED)).await;
        let more = request(&mut stream).await;
        (more, incoming.dialled())
    });
    let ledger = Arc::new(Ledger { refuses_from: 2, ..Ledger::new() });
    let signer = Signer::default();
    let error = client.send(call(&ledger), &signer).await.expect_err("not confirmed");
    assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::NotConfirmed, Sent::No, 2));
    assert_eq!(
        chain(&error),
        "number_check.submit: the attempt was not confirmed before it was signed; not sent (attempt 2): see why it was not \
         confirmed <- the claim was revoked"
    );
    assert_eq!((ledger.confirmed().len(), signer.times().len()), (1, 1), "nothing more was signed");
    drop(client);
    assert_eq!(server.await.expect("the server"), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_that_is_not_confirmed_opens_no_connection_and_is_not_repeated() {
    let (builder, incoming) = in_memory();
    let client = builder.build().expect("a client");
    for info in [costly(), safe()] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let refuses = move |_: Attempt<'_>| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Err::<(), BoxError>("no room in the store".into()) }
        };
        let call = Call::new(&info).body("{}").confirm(Arc::new(refuses));
        let error = client.send(call, &NoAuthorization).await.expect_err("not confirmed");
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (SendErrorKind::NotConfirmed, Sent::No, 1)
        );
        assert_eq!((asked.load(Ordering::SeqCst), incoming.dialled()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_earlier_attempts_may_have_done_stays_said() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    tokio::spawn(async move {
        let mut first = incoming.accept().await;
        request(&mut first).await.expect("a whole request");
    });
    let ledger = Arc::new(Ledger { refuses_from: 2, ..Ledger::new() });
    let call = Call::new(&safe()).body("{}").confirm(ledger);
    let error = client.send(call, &NoAuthorization).await.expect_err("not confirmed");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::NotConfirmed, Sent::Maybe), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_outlasts_the_total_time_sends_nothing() {
    // The second one is done at the very moment at which the time is over.
    for takes in [3600 * SECOND, 60 * SECOND] {
        let (builder, incoming) = in_memory();
        let client = builder.build().expect("a client");
        let ledger = Arc::new(Ledger { takes, ..Ledger::new() });
        let signer = Signer::default();
        let start = Instant::now();
        let error = client.send(call(&ledger), &signer).await.expect_err("too late");
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (SendErrorKind::TotalTimeout, Sent::No, 1)
        );
        assert_eq!(start.elapsed(), 60 * SECOND);
        assert_eq!((signer.times().len(), incoming.dialled()), (0, 0), "neither signed nor sent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_blocks_its_thread_past_the_total_time_sends_nothing() {
    let mut limits = Limits::default();
    limits.total = 2 * SECOND;
    let (builder, mut incoming) = in_memory();
    let client = builder.limits(limits).build().expect("a client");
    // A kept connection could take the request at the first poll.
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        answer(&mut stream, OK).await;
        (request(&mut stream).await, incoming.dialled())
    });
    client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect("a reply");
    let blocks = |_: Attempt<'_>| async {
        tokio::time::advance(5 * SECOND).await;
        Ok(())
    };
    let call = Call::new(&costly()).body("{}").confirm(Arc::new(blocks));
    let error = client.send(call, &NoAuthorization).await.expect_err("too late");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::TotalTimeout, Sent::No), "{error}");
    drop(client);
    assert_eq!(server.await.expect("the server"), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_counts_in_the_total_time_of_all_attempts() {
    let (builder, mut incoming) = in_memory();
    let client = builder.clock(wall_clock(TRUE_MS - HOUR_MS)).build().expect("a client");
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        answer(&mut stream, &dated(TRUE_MS, REFUSED)).await;
        request(&mut stream).await
    });
    let ledger = Arc::new(Ledger { takes: 40 * SECOND, ..Ledger::new() });
    let start = Instant::now();
    let error = client.send(call(&ledger), &Signer::default()).await.expect_err("too late");
    assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::TotalTimeout, Sent::No, 2));
    assert_eq!(start.elapsed(), 60 * SECOND);
    drop(client);
    assert_eq!(server.await.expect("the server"), None);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_after_a_refused_connection_is_confirmed_again() {
    let dialled = AtomicUsize::new(0);
    let dial = move |_: Address| {
        let number = dialled.fetch_add(1, Ordering::SeqCst);
        async move {
            if number < 2 {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
            }
            let (ours, mut theirs) = tokio::io::duplex(4096);
            tokio::spawn(async move { answer(&mut theirs, OK).await });
            Ok(Stream::new(ours))
        }
    };
    let builder = Client::builder("http://localhost").rate_limits(RateLimits::off()).dial(dial);
    let client = builder.clock(wall_clock(TRUE_MS)).build().expect("a client");
    let (ledger, signer) = (Arc::new(Ledger::new()), Signer::default());
    let reply = client.send(call(&ledger), &signer).await.expect("a reply");
    let confirmed = ledger.confirmed();
    assert_eq!(reply.attempts, 3);
    assert_eq!(confirmed.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(confirmed.iter().map(|(_, ts)| *ts).collect::<Vec<_>>(), signer.times());
    assert!(confirmed[0].1 < confirmed[2].1, "each after its pause: {confirmed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_confirmed_after_its_wait_for_the_rate_limit() {
    let (dial, mut incoming) = network();
    let rate = Rate { up_to: None, requests: 1, per_ms: 9_000 };
    let limits = RateLimits::documented().with(costly().id, [rate]);
    let builder = Client::builder("http://localhost").rate_limits(limits).dial(dial);
    let client = builder.clock(wall_clock(TRUE_MS)).build().expect("a client");
    tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        while request(&mut stream).await.is_some() {
            stream.write_all(OK).await.expect("open");
        }
    });
    let ledger = Arc::new(Ledger::new());
    for _ in 0..2 {
        client.send(call(&ledger), &Signer::default()).await.expect("a reply");
    }
    assert_eq!(ledger.confirmed(), [(1, TRUE_MS), (1, TRUE_MS + 9_000)]);
}
