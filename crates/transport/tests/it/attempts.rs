//! What is sent, and what is sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use numcheck_protocol::qxt::{Privacy, PrivacyRequest};
use numcheck_transport::{
    Address, Attempt, Authorize, BoxError, Call, Client, NoAuthorization, RateLimits, SendErrorKind, Sent,
    Stream, TypedReply,
};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::support::{OK, Signer, answer, chain, costly, header, in_memory, request, safe, wall_clock};

#[tokio::test(start_paused = true)]
async fn the_bytes_that_were_authorised_are_sent_unchanged_in_every_attempt() {
    let (builder, mut incoming) = in_memory();
    let client = builder.clock(wall_clock(1_655_710_885_431)).build().expect("a client");
    let body = r#"{"name": "牛小信",  "id":10001}"#;
    let server = tokio::spawn(async move {
        let mut requests = Vec::new();
        let mut stream = incoming.accept().await;
        for reply in [&b"HTTP/1.1 503 Busy\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n"[..], OK] {
            requests.push(answer(&mut stream, reply).await);
        }
        requests
    });
    let signer = Signer::default();
    let reply = client.send(Call::new(&safe()).body(body), &signer).await.expect("a reply");
    assert_eq!((reply.status.as_u16(), reply.attempts, &reply.body[..]), (200, 2, &b"{\"code\":0}"[..]));

    let requests = server.await.expect("the server");
    for (i, (head, sent)) in requests.iter().enumerate() {
        assert_eq!(sent, body.as_bytes());
        assert!(head.starts_with("POST /api/number/check HTTP/1.1\r\n"), "{head}");
        assert_eq!(header(head, "content-type"), Some("application/json"));
        assert_eq!(header(head, "host"), Some("localhost"));
        assert_eq!(header(head, "user-agent"), Some(concat!("numcheck/", env!("CARGO_PKG_VERSION"))));
        assert_eq!(header(head, "accept-encoding"), Some("identity"));
        assert_eq!(header(head, "ts"), Some(&*signer.times()[i].to_string()));
    }
    assert!(signer.seen.lock().unwrap().iter().all(|(_, signed)| signed == body.as_bytes()));
    assert_eq!(signer.times(), [1_655_710_885_431, 1_655_710_887_431], "signed anew, after `Retry-After`");
    assert_eq!(reply.sent_at_ms, 1_655_710_887_431);
}

#[tokio::test(start_paused = true)]
async fn a_status_is_handed_over_and_never_repeated_when_it_costs() {
    for status in [200, 301, 302, 307, 400, 404, 429, 500, 502, 503, 504] {
        let (builder, mut incoming) = in_memory();
        let client = builder.build().expect("a client");
        let text =
            format!("HTTP/1.1 {status} X\r\nlocation: http://localhost/other\r\ncontent-length: 2\r\n\r\nno");
        let server = tokio::spawn(async move {
            let mut stream = incoming.accept().await;
            answer(&mut stream, text.as_bytes()).await;
            request(&mut stream).await.is_none()
        });
        let reply = client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect("a reply");
        assert_eq!((reply.status.as_u16(), reply.attempts, &reply.body[..]), (status, 1, &b"no"[..]));
        drop(client);
        assert!(server.await.expect("the server"), "{status}: nothing more was sent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_does_not_pass_is_handed_over_after_the_last_attempt() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        loop {
            answer(&mut stream, b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let reply = client.send(Call::new(&safe()).body("{}"), &NoAuthorization).await.expect("a reply");
    assert_eq!((reply.status.as_u16(), reply.attempts), (500, 3));
}

/// A client whose first `refused` connections are refused.
fn refused_at_first(refused: usize) -> (Client, Arc<AtomicUsize>) {
    let dialled = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&dialled);
    let dial = move |_: Address| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            if number < refused {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
            }
            let (ours, mut theirs) = tokio::io::duplex(4096);
            tokio::spawn(async move { answer(&mut theirs, OK).await });
            Ok(Stream::new(ours))
        }
    };
    let client = Client::builder("http://localhost").rate_limits(RateLimits::off()).dial(dial).build();
    (client.expect("a client"), dialled)
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_was_not_sent_and_is_repeated_even_when_it_costs() {
    let (client, dialled) = refused_at_first(2);
    let signer = Signer::default();
    let reply = client.send(Call::new(&costly()).body("{}"), &signer).await.expect("a reply");
    assert_eq!((reply.attempts, dialled.load(Ordering::SeqCst), signer.times().len()), (3, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn attempts_end() {
    let (client, dialled) = refused_at_first(usize::MAX);
    let start = Instant::now();
    let error = client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect_err("no reply");
    assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::Connect, Sent::No, 3));
    assert_eq!(dialled.load(Ordering::SeqCst), 3);
    assert!(start.elapsed() < Duration::from_millis(600), "pauses have ceilings");
    assert_eq!(
        error.to_string(),
        "number_check.submit: could not connect to localhost:80; not sent (attempt 3): check the address, the network and the proxy"
    );
    assert!(chain(&error).ends_with("connection refused"), "{}", chain(&error));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_repeated_when_it_only_reads_and_not_when_it_costs() {
    for (info, expected) in [(costly(), 1), (safe(), 2)] {
        let (builder, mut incoming) = in_memory();
        let client = builder.build().expect("a client");
        let server = tokio::spawn(async move {
            let mut first = incoming.accept().await;
            request(&mut first).await.expect("a whole request");
            drop(first);
            if expected == 2 {
                answer(&mut incoming.accept().await, OK).await;
            }
            incoming
        });
        let result = client.send(Call::new(&info).body("{}"), &NoAuthorization).await;
        let incoming = server.await.expect("the server");
        assert_eq!(incoming.dialled(), expected, "{}", info.id);
        match result {
            Ok(reply) => assert_eq!(reply.attempts, 2),
            Err(error) => {
                assert_eq!((error.kind(), error.sent()), (SendErrorKind::Lost, Sent::Maybe));
                assert_eq!(
                    error.to_string(),
                    "number_check.submit: the connection broke before a reply; may have been carried out (attempt 1): \
                     do not send it again before you know what became of it"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sent_is_the_most_that_any_attempt_may_have_done() {
    let dialled = AtomicUsize::new(0);
    let dial = move |_: Address| {
        let first = dialled.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if !first {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
            }
            let (ours, mut theirs) = tokio::io::duplex(4096);
            tokio::spawn(async move { request(&mut theirs).await });
            Ok(Stream::new(ours))
        }
    };
    let client = Client::builder("http://localhost").dial(dial).build().expect("a client");
    let error = client.send(Call::new(&safe()).body("{}"), &NoAuthorization).await.expect_err("no reply");
    assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::Connect, Sent::Maybe, 3));
}

#[tokio::test(start_paused = true)]
async fn get_carries_its_parameters_in_the_query_and_no_body() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let server = tokio::spawn(async move { answer(&mut incoming.accept().await, OK).await });
    let query = "apikey=k%20k&mobile=16717707933";
    client.send(Call::new(&costly()).body(query).by_get(), &NoAuthorization).await.expect("a reply");
    let (head, body) = server.await.expect("the server");
    assert!(head.starts_with("GET /api/number/check?apikey=k%20k&mobile=16717707933 HTTP/1.1\r\n"), "{head}");
    assert!(header(&head, "content-type").is_none() && body.is_empty(), "{head}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_sent_with_its_length_and_without_a_type() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    let server = tokio::spawn(async move { answer(&mut incoming.accept().await, OK).await });
    client.send(Call::new(&costly()), &NoAuthorization).await.expect("a reply");
    let (head, _) = server.await.expect("the server");
    assert_eq!(header(&head, "content-length"), Some("0"));
    assert_eq!(header(&head, "content-type"), None);
}

#[tokio::test(start_paused = true)]
async fn a_query_that_no_url_holds_is_refused_before_anything_is_sent() {
    for query in ["CANARY#x", "CANARY x", "CANARY\n", "CANARY\u{7f}"] {
        let (client, dialled) = refused_at_first(0);
        let call = Call::new(&costly()).body(query.to_owned()).by_get();
        let error = client.send(call, &NoAuthorization).await.expect_err("a bad query");
        assert_eq!(
            (error.kind(), error.sent(), error.attempts()),
            (SendErrorKind::Request, Sent::No, 0),
            "{query:?}"
        );
        assert_eq!(dialled.load(Ordering::SeqCst), 0);
        assert!(!format!("{error:?} {}", chain(&error)).contains("CANARY"));
    }
}

#[tokio::test(start_paused = true)]
async fn authorisation_that_fails_ends_the_call_before_anything_is_sent() {
    struct Fails;
    impl Authorize for Fails {
        fn authorize(&self, _: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
            Err("no secret is set".into())
        }
    }
    let (client, dialled) = refused_at_first(0);
    let error = client.send(Call::new(&costly()).body("{}"), &Fails).await.expect_err("no proof");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::Authorize, Sent::No));
    assert!(chain(&error).ends_with("no secret is set"));
    assert_eq!(dialled.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn headers_of_the_authorisation_replace_those_of_the_same_name() {
    struct Own;
    impl Authorize for Own {
        fn authorize(&self, _: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static("application/json; charset=utf-8"));
            Ok(headers)
        }
    }
    let (builder, mut incoming) = in_memory();
    let client = builder.user_agent("mine/1").build().expect("a client");
    let server = tokio::spawn(async move { answer(&mut incoming.accept().await, OK).await });
    client.send(Call::new(&costly()).body("{}"), &Own).await.expect("a reply");
    let (head, _) = server.await.expect("the server");
    assert_eq!(head.matches("content-type: ").count(), 1);
    assert_eq!(header(&head, "content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(header(&head, "user-agent"), Some("mine/1"));
}

/// What a server on the way does to a reply, whatever was asked for.
#[tokio::test(start_paused = true)]
async fn a_compressed_reply_is_read_or_kept_as_it_came() {
    // Made with Python's `gzip`, of `{"code":0}`.
    let gzip =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabVJ\xceOIU\xb22\xa8\x05\x00\x98\xae<r\x0a\x00\x00\x00";
    for (coding, is_read) in [("gzip", cfg!(feature = "encodings")), ("br", false)] {
        let (builder, mut incoming) = in_memory();
        let client = builder.build().expect("a client");
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
            gzip.len()
        );
        let text = [head.as_bytes(), gzip].concat();
        let server = tokio::spawn(async move { answer(&mut incoming.accept().await, &text).await });
        let reply = client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect("a reply");
        let body = if is_read { &b"{\"code\":0}"[..] } else { gzip };
        assert_eq!((&reply.body[..], reply.headers.contains_key("content-encoding")), (body, !is_read));
        let request = PrivacyRequest::new("k".parse().unwrap(), "13800138000".parse().unwrap());
        let read = TypedReply::<Privacy>::read(reply, &request);
        match read {
            Ok(_) => assert!(is_read),
            Err(error) => {
                let text = error.to_string();
                assert!(
                    !is_read && error.may_have_happened() && text.contains("a compressed body"),
                    "{text}"
                );
                assert_eq!(error.reply().map(|reply| &reply.body[..]), Some(&gzip[..]));
            }
        }
        server.await.expect("the server");
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefix_of_the_base_url_is_kept() {
    for base in ["http://localhost/gateway/v1", "http://localhost/gateway/v1/"] {
        let (dial, mut incoming) = crate::support::network();
        let client = Client::builder(base).dial(dial).build().expect("a client");
        let server = tokio::spawn(async move { answer(&mut incoming.accept().await, OK).await });
        client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect("a reply");
        let (head, _) = server.await.expect("the server");
        assert!(head.starts_with("POST /gateway/v1/api/number/check HTTP/1.1\r\n"), "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unread_pile_of_interim_replies_does_no_harm() {
    let (builder, mut incoming) = in_memory();
    let client = builder.build().expect("a client");
    tokio::spawn(async move {
        let mut stream = incoming.accept().await;
        request(&mut stream).await.expect("a whole request");
        stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n").await.expect("open");
        stream.write_all(OK).await.expect("open");
        stream
    });
    let reply = client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect("a reply");
    assert_eq!(reply.status.as_u16(), 200);
}
