//! A refusal because of the clock: corrected by the reply's `Date`, once, never to and fro.

use numcheck_transport::{Call, Client, RetryPolicy, Sent};
use tokio::io::DuplexStream;

use crate::support::{Incoming, OK, Signer, answer, costly, dated, in_memory, request, safe, wall_clock};

const TRUE_MS: u64 = 1_655_710_885_000;
const REFUSED: &str = r#"{"code":1004,"msg":"timestamp expired","data":null}"#;

fn client(wall_ms: u64) -> (Client, Incoming) {
    let (builder, incoming) = in_memory();
    (builder.clock(wall_clock(wall_ms)).build().expect("a client"), incoming)
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_and_the_call_repeated_once_even_when_it_costs() {
    for wrong in [TRUE_MS - 3_600_000, TRUE_MS + 3_600_000, 0] {
        let (client, mut incoming) = client(wrong);
        let server = tokio::spawn(async move {
            let mut stream = incoming.accept().await;
            answer(&mut stream, &dated(TRUE_MS, REFUSED)).await;
            answer(&mut stream, OK).await;
            answer(&mut stream, OK).await;
        });
        let signer = Signer::default();
        let reply = client.send(Call::new(&costly()).body("{}"), &signer).await.expect("a reply");
        assert_eq!((reply.attempts, &reply.body[..]), (2, &b"{\"code\":0}"[..]));
        assert_eq!(signer.times(), [wrong, TRUE_MS]);
        assert_eq!(client.clock_offset_ms(), TRUE_MS as i64 - wrong as i64);

        let again = client.send(Call::new(&costly()).body("{}"), &signer).await.expect("a reply");
        assert_eq!(again.attempts, 1, "the correction stays");
        assert_eq!(signer.times(), [wrong, TRUE_MS, TRUE_MS]);
        server.await.expect("the server");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_refusal_is_handed_over_whatever_the_date_says() {
    let (client, mut incoming) = client(TRUE_MS);
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        // Two machines behind one name that disagree by hours would play ping-pong with a naive client.
        answer(&mut stream, &dated(TRUE_MS + 7_200_000, REFUSED)).await;
        answer(&mut stream, &dated(TRUE_MS - 7_200_000, REFUSED)).await;
        nothing_more(stream).await
    });
    let reply = client.send(Call::new(&costly()).body("{}"), &Signer::default()).await.expect("a reply");
    assert_eq!(reply.attempts, 2);
    assert_eq!(&reply.body[..], REFUSED.as_bytes());
    drop(client);
    assert!(server.await.expect("the server"));
}

#[tokio::test(start_paused = true)]
async fn a_correction_that_changes_nothing_is_no_reason_to_repeat() {
    let without_date =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{REFUSED}", REFUSED.len()).into_bytes();
    let bad_date =
        format!("HTTP/1.1 200 OK\r\ndate: soon\r\ncontent-length: {}\r\n\r\n{REFUSED}", REFUSED.len())
            .into_bytes();
    for reply in [dated(TRUE_MS, REFUSED), dated(TRUE_MS + 1_000, REFUSED), without_date, bad_date] {
        let (client, mut incoming) = client(TRUE_MS);
        let server = tokio::spawn(async move {
            let mut stream = incoming.accept().await;
            answer(&mut stream, &reply).await;
            nothing_more(stream).await
        });
        let reply = client.send(Call::new(&costly()).body("{}"), &Signer::default()).await.expect("a reply");
        assert_eq!((reply.attempts, client.clock_offset_ms()), (1, 0));
        drop(client);
        assert!(server.await.expect("the server"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_under_way_during_a_correction_is_corrected_too() {
    let (client, mut incoming) = client(TRUE_MS - 600_000);
    let server = tokio::spawn(async move {
        let (mut first, mut second) = (incoming.accept().await, incoming.accept().await);
        request(&mut first).await.expect("the first request");
        request(&mut second).await.expect("the second request");
        for stream in [&mut first, &mut second] {
            tokio::io::AsyncWriteExt::write_all(stream, &dated(TRUE_MS, REFUSED)).await.expect("open");
        }
        for stream in [&mut first, &mut second] {
            answer(stream, OK).await;
        }
    });
    let signer = Signer::default();
    let (one, two) = tokio::join!(
        client.send(Call::new(&costly()).body("1"), &signer),
        client.send(Call::new(&costly()).body("2"), &signer)
    );
    assert_eq!((one.expect("a reply").attempts, two.expect("a reply").attempts), (2, 2));
    assert_eq!(client.clock_offset_ms(), 600_000, "not corrected twice over");
    server.await.expect("the server");
}

#[tokio::test(start_paused = true)]
async fn the_repeat_after_a_correction_comes_on_top_of_the_attempts() {
    let mut policy = RetryPolicy::default();
    policy.attempts = 2;
    let (builder, mut incoming) = in_memory();
    let client = builder.clock(wall_clock(0)).retry(policy).build().expect("a client");
    tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        answer(&mut stream, &dated(TRUE_MS, REFUSED)).await;
        answer(&mut stream, b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
        answer(&mut stream, OK).await;
    });
    let reply = client.send(Call::new(&safe()).body("{}"), &Signer::default()).await.expect("a reply");
    assert_eq!((reply.status.as_u16(), reply.attempts), (200, 3));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_because_of_the_clock_counts_as_not_sent() {
    let (client, mut incoming) = client(0);
    tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        let mut refused = dated(TRUE_MS, REFUSED);
        refused.splice(15..15, *b"\r\nconnection: close");
        answer(&mut stream, &refused).await;
        // `incoming` ends here: every further connection is refused.
    });
    let error = client.send(Call::new(&costly()).body("{}"), &Signer::default()).await.expect_err("no reply");
    assert_eq!(error.sent(), Sent::No, "{error}");
}

/// Whether the client closes without another request.
async fn nothing_more(mut stream: DuplexStream) -> bool {
    request(&mut stream).await.is_none()
}
