//! Connections that are kept, that break, and that answer nonsense.

use std::time::Duration;

use numcheck_transport::{Call, NoAuthorization, SendErrorKind, Sent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::support::{OK, answer, costly, in_memory, request, safe};

/// The largest body of a reply, unless a client says otherwise.
const LARGEST: usize = 16 << 20;

fn call() -> Call {
    Call::new(&costly()).body("{}")
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_and_used_again() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        for _ in 0..3 {
            answer(&mut stream, OK).await;
        }
        incoming.dialled()
    });
    for _ in 0..3 {
        client.send(call(), &NoAuthorization).await.expect("a reply");
    }
    assert_eq!(server.await.expect("the server"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unused_connection_is_closed_after_the_idle_time() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        answer(&mut stream, OK).await;
        let start = tokio::time::Instant::now();
        let end = timeout(Duration::from_secs(3600), stream.read(&mut [0; 1])).await.expect("closed in time");
        assert_eq!(end.expect("a clean end"), 0);
        start.elapsed()
    });
    client.send(call(), &NoAuthorization).await.expect("a reply");
    let kept = server.await.expect("the server").as_secs();
    assert!((50..=101).contains(&kept), "{kept}: hyper-util looks once per idle time");
}

#[tokio::test(start_paused = true)]
async fn a_stale_connection_is_noticed_before_sending_and_repeated_by_our_loop_alone() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let (first, mut kept) = tokio::join!(client.send(call(), &NoAuthorization), async {
        let mut stream = incoming.accept().await;
        answer(&mut stream, OK).await;
        stream
    });
    first.expect("a reply");
    tokio::task::yield_now().await;

    // The server closes, and the next call begins before the connection's task has noticed.
    kept.shutdown().await.expect("open");
    let (second, (_, requests)) = tokio::join!(client.send(call(), &NoAuthorization), async {
        let mut rest = Vec::new();
        kept.read_to_end(&mut rest).await.expect("a clean end");
        assert_eq!(rest, b"", "nothing was written to the stale connection");
        let mut stream = incoming.accept().await;
        (answer(&mut stream, OK).await, incoming.dialled())
    });
    let second = second.expect("a reply");
    assert_eq!(second.attempts, 2, "hyper-util would have hidden the first attempt");
    assert_eq!(requests, 2);
}

#[tokio::test(start_paused = true)]
async fn hyper_util_never_sends_again_by_itself() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        answer(&mut stream, OK).await;
        request(&mut stream).await.expect("the second request, on the kept connection");
        drop(stream);
        incoming
    });
    client.send(call(), &NoAuthorization).await.expect("a reply");
    let error = client.send(call(), &NoAuthorization).await.expect_err("no reply");
    assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::Lost, Sent::Maybe, 1));
    let incoming = server.await.expect("the server");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(incoming.dialled(), 1, "no further connection, ever");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_cut_off_half_written_may_have_arrived() {
    let (dial, mut ends) = {
        let (send, ends) = tokio::sync::mpsc::unbounded_channel();
        let dial = move |_: numcheck_transport::Address| {
            // A tiny pipe: the body cannot be written before the other side reads.
            let (ours, theirs) = tokio::io::duplex(64);
            send.send(theirs).expect("the test waits");
            async move { Ok(numcheck_transport::Stream::new(ours)) }
        };
        (dial, ends)
    };
    let client =
        numcheck_transport::Client::builder("http://localhost").dial(dial).build().expect("a client");
    let server = tokio::spawn(async move {
        let mut stream = ends.recv().await.expect("a connection");
        stream.read_exact(&mut [0; 100]).await.expect("the first bytes");
        drop(stream);
        ends
    });
    let error = client
        .send(Call::new(&costly()).body(vec![b'7'; 5000]), &NoAuthorization)
        .await
        .expect_err("no reply");
    assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::Lost, Sent::Maybe, 1));
    assert!(server.await.expect("the server").try_recv().is_err(), "not repeated");
}

/// What a reply of these bytes, and then the end of the connection, comes to; for a costly call.
async fn outcome_of(reply: &[u8]) -> Result<u16, (SendErrorKind, Sent, Option<u16>)> {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let reply = reply.to_vec();
    let server = tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        request(&mut stream).await.expect("a whole request");
        let _ = stream.write_all(&reply).await;
        drop(stream);
        incoming
    });
    let result = client.send(call(), &NoAuthorization).await;
    assert_eq!(server.await.expect("the server").dialled(), 1, "a costly call is not repeated");
    match result {
        Ok(reply) => Ok(reply.status.as_u16()),
        Err(error) => Err((error.kind(), error.sent(), error.status())),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_cut_off_in_its_head_may_have_arrived() {
    for reply in [&b""[..], b"HT", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-le"] {
        assert_eq!(outcome_of(reply).await, Err((SendErrorKind::Lost, Sent::Maybe, None)), "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_cut_off_in_its_body_arrived_with_an_unknown_outcome() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"co";
    let chunked = b"HTTP/1.1 503 X\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"co\r\n";
    assert_eq!(outcome_of(short).await, Err((SendErrorKind::Body, Sent::Yes, Some(200))));
    assert_eq!(outcome_of(chunked).await, Err((SendErrorKind::Body, Sent::Yes, Some(503))));
}

#[tokio::test(start_paused = true)]
async fn a_page_of_no_operation_is_one_though_it_breaks_off_or_is_too_large() {
    let reply = |head: &str, body: &str| format!("HTTP/1.1 {head}\r\n\r\n{body}").into_bytes();
    let short = "content-length: 9";
    for (head, body) in [
        (format!("404 X\r\n{short}"), "<html"),
        (format!("302 X\r\n{short}"), "\u{feff}Fo"),
        (format!("403 X\r\n{short}"), " <p>"),
        ("405 X\r\nconnection: close".to_owned(), &*format!("<!--{}", "x".repeat(LARGEST))),
    ] {
        let status = head.split(' ').next().and_then(|status| status.parse().ok()).expect("a status");
        assert_eq!(outcome_of(&reply(&head, body)).await, Ok(status), "{head}");
    }
    // A result code may have stood in the rest, or the status proves nothing.
    for (status, more, body) in [
        (404, "", ""),
        (404, "", " "),
        (404, "", "\u{feff}"),
        (404, "", "{"),
        (404, "", "[{\"co"),
        (404, "content-encoding: gzip\r\n", "<html"),
        (502, "", "<html"),
        (200, "", "<html"),
    ] {
        let reply = reply(&format!("{status} X\r\n{more}{short}"), body);
        assert_eq!(outcome_of(&reply).await, Err((SendErrorKind::Body, Sent::Yes, Some(status))), "{body}");
    }
    let large = reply("404 X\r\nconnection: close", &format!("{{{}", " ".repeat(LARGEST)));
    assert_eq!(outcome_of(&large).await, Err((SendErrorKind::TooLarge, Sent::Yes, Some(404))));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_not_http_may_have_arrived() {
    for reply in [
        &b"SSH-2.0-OpenSSH_9.6\r\n\r\n"[..],
        b"HTTP/1.1 abc\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ] {
        assert_eq!(outcome_of(reply).await, Err((SendErrorKind::BadReply, Sent::Maybe, None)), "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_large_is_refused() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(70_000));
    assert_eq!(outcome_of(long.as_bytes()).await, Err((SendErrorKind::BadReply, Sent::Maybe, None)));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(1000));
    assert_eq!(outcome_of(many.as_bytes()).await, Err((SendErrorKind::BadReply, Sent::Maybe, None)));
    let fits = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(30_000));
    assert_eq!(outcome_of(fits.as_bytes()).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_refused_with_and_without_a_length() {
    let most = LARGEST;
    let announced =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", most + 1, "x".repeat(most + 1));
    assert_eq!(outcome_of(announced.as_bytes()).await, Err((SendErrorKind::TooLarge, Sent::Yes, Some(200))));
    let endless = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(most + 1));
    assert_eq!(outcome_of(endless.as_bytes()).await, Err((SendErrorKind::TooLarge, Sent::Yes, Some(200))));
    let fits = format!("HTTP/1.1 200 OK\r\ncontent-length: {most}\r\n\r\n{}", "x".repeat(most));
    assert_eq!(outcome_of(fits.as_bytes()).await, Ok(200));
}

#[tokio::test(start_paused = true)]
async fn a_broken_reply_to_a_call_that_only_reads_is_repeated() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    tokio::spawn(async move {
        answer(&mut incoming.accept().await, b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{").await;
        answer(&mut incoming.accept().await, OK).await;
    });
    let reply = client.send(Call::new(&safe()).body("{}"), &NoAuthorization).await.expect("a reply");
    assert_eq!((reply.attempts, reply.body.len()), (2, 10));
}
