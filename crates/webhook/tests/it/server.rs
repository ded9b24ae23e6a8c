//! The server over real TCP, with raw bytes: what it answers, when, and to whom.

use std::net::SocketAddr;

use crate::support::{BATCH, BODY, answer, gate, held, path, post, post_to, status, storing};
use numcheck_webhook::{Closed, Correlation, Handler, NotStored, Receiver, ReceiverLimits, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    closed: JoinHandle<Closed>,
}

fn start<H: Handler>(receiver: &Receiver<H>) -> Running {
    let server = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel();
    let receiver = receiver.clone();
    let closed = tokio::spawn(server.serve(receiver, async { drop(stopped.await) }));
    Running { address, stop, closed }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a connection of their own and reads the first answer.
    async fn ask(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // A refusal may come while the rest is still being written.
        let _ = stream.write_all(bytes).await;
        answer(&mut stream).await
    }

    async fn status(&self, bytes: &[u8]) -> u16 {
        self.ask(bytes).await.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
    }

    async fn stop(self) -> Closed {
        self.stop.send(()).unwrap();
        self.closed.await.unwrap()
    }
}

/// Waits until a count is reached.
async fn until(reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::task::yield_now().await;
        }
    };
    // Only so that what never comes fails the test instead of hanging it.
    tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await.expect("the count is reached");
}

#[tokio::test]
async fn answers_exactly_200_and_only_after_the_handler_has_stored() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::new(gate(), handler);
    let server = start(&receiver);
    let mut stream = server.connect().await;
    stream.write_all(&post(BODY)).await.unwrap();

    let held = pushes.recv().await.unwrap();
    assert_eq!(held.push.batch().map(|batch| batch.as_str()), Some(BATCH));
    assert!(held.push.is_proven());
    assert_eq!(held.push.raw(), BODY);
    // The handler has the push and has not answered: nothing may have been written.
    let nothing = stream.try_read(&mut [0; 64]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);

    held.end.send(Ok(())).unwrap();
    assert_eq!(answer(&mut stream).await, "HTTP/1.1 200 OK\ncontent-length: 0");
    assert_eq!(receiver.counts().stored, 1);
}

#[tokio::test]
async fn a_handler_that_could_not_store_or_panics_makes_a_503() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::new(gate(), handler);
    let server = start(&receiver);
    for panics in [false, true] {
        let mut stream = server.connect().await;
        stream.write_all(&post(BODY)).await.unwrap();
        let held = pushes.recv().await.unwrap();
        if panics {
            drop(held)
        } else {
            held.end.send(Err(NotStored)).unwrap()
        }
        assert_eq!(answer(&mut stream).await, "HTTP/1.1 503 Service Unavailable\ncontent-length: 0");
    }
    let counts = receiver.counts();
    assert_eq!((counts.stored, counts.not_stored, counts.panicked), (0, 1, 1));
}

#[tokio::test]
async fn a_wrong_path_gets_the_same_404_whatever_else_the_request_says() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let mut wrong = path();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    let mut seen = Vec::new();
    for path in [wrong.as_str(), "/", "/numcheck/push/", "/wp-login.php", "*"] {
        for method in ["POST", "GET", "PUT", "DELETE", "OPTIONS", "BREW"] {
            for rest in [
                "\r\n",
                "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n",
                "Content-Type: text/html\r\nContent-Length: 2\r\n\r\n{}",
            ] {
                seen.push(
                    server.ask(format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{rest}").as_bytes()).await,
                );
            }
        }
    }
    let asked = seen.len() as u64;
    seen.dedup();
    assert_eq!(seen, ["HTTP/1.1 404 Not Found\nconnection: close\ncontent-length: 0"]);
    // Nor does a length beyond the limit change it.
    let long = format!("POST {wrong} HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
    assert_eq!(server.ask(long.as_bytes()).await, seen[0]);
    assert_eq!(receiver.counts().not_found, asked + 1);
    assert!(stored.try_recv().is_err());
}

#[tokio::test]
async fn whoever_knows_the_capability_is_let_in_with_any_content_type() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let path = path();
    for kind in ["", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"] {
        let head = format!("POST /hooks/{path}/ HTTP/1.1\r\nHost: h\r\n{kind}Content-Length: 2\r\n\r\n{{}}");
        assert_eq!(server.status(head.as_bytes()).await, 200, "{kind}");
        assert!(stored.try_recv().is_ok());
    }
}

#[tokio::test]
async fn a_right_path_is_still_only_for_post_of_plain_bodies_of_at_most_64_kib() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let path = path();
    let json = "Content-Type: application/json\r\n";
    for (head, expected) in [
        (format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"), 405),
        (
            format!(
                "POST {path} HTTP/1.1\r\nHost: h\r\n{json}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
            415,
        ),
        (format!("POST {path} HTTP/1.1\r\nHost: h\r\n{json}Content-Length: 65537\r\n\r\n"), 413),
        (format!("POST {path} HTTP/1.1\r\nHost: h\r\n{json}Content-Length: ten\r\n\r\n"), 400),
        (
            format!(
                "POST {path} HTTP/1.1\r\nHost: h\r\n{json}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"
            ),
            400,
        ),
    ] {
        assert_eq!(server.status(head.as_bytes()).await, expected, "{head}");
    }
    assert!(
        server
            .ask(format!("PUT {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes())
            .await
            .contains("\nallow: POST")
    );
    assert!(stored.try_recv().is_err());

    let most = format!("\"{}\"", "x".repeat(65534));
    assert_eq!(server.status(&post(&most)).await, 200);
    assert_eq!(stored.recv().await.unwrap().raw().len(), 65536);
}

#[tokio::test]
async fn a_chunked_body_is_counted_as_it_comes() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        path()
    );
    let chunks = |count: usize| format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(count);
    let most = format!("{head}{}0\r\n\r\n", chunks(64));
    assert_eq!(server.status(most.as_bytes()).await, 200);
    assert_eq!(stored.recv().await.unwrap().raw().len(), 65536);

    let mut stream = server.connect().await;
    stream.write_all(format!("{head}{}1\r\nx\r\n", chunks(64)).as_bytes()).await.unwrap();
    assert_eq!(status(&mut stream).await, 413, "without waiting for an end that may never come");
    assert_eq!(receiver.counts().too_long, 1);

    // A body in single bytes, with trailers, is a body.
    let bytes: String = BODY.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect();
    assert_eq!(server.status(format!("{head}{bytes}0\r\nX-Trailer: 1\r\n\r\n").as_bytes()).await, 200);
    assert_eq!(stored.recv().await.unwrap().raw(), BODY);
}

#[tokio::test]
async fn a_broken_body_is_not_stored() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let mut stream = server.connect().await;
    let whole = post(BODY);
    stream.write_all(&whole[..whole.len() - 1]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(status(&mut stream).await, 400);

    let head = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n";
    assert_eq!(server.status(format!("POST {} HTTP/1.1\r\nHost: h\r\n{head}", path()).as_bytes()).await, 400);
    assert_eq!(receiver.counts().body_broken, 2);
    assert!(stored.try_recv().is_err());
}

#[tokio::test]
async fn a_huge_head_and_garbage_end_the_connection() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let path = path();
    for (what, bytes, expected) in [
        ("one large field", format!("POST {path} HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024)), 431),
        (
            "many fields",
            format!("POST {path} HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(ReceiverLimits::MAX_FIELDS + 1)),
            431,
        ),
        ("no HTTP", "\x16\x03\x01\x02\x00 hello\r\n\r\n".to_owned(), 400),
        ("no version", format!("POST {path}\r\n\r\n"), 400),
        ("PROXY 1", format!("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\nPOST {path} HTTP/1.1\r\n\r\n"), 400),
        ("PROXY 2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_owned(), 400),
    ] {
        assert_eq!(server.status(bytes.as_bytes()).await, expected, "{what}");
    }
    let long = format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
    assert!(matches!(server.status(long.as_bytes()).await, 414 | 431));
    until(|| receiver.counts().malformed == 5 && receiver.counts().proxy_protocol == 2).await;
    assert!(stored.try_recv().is_err());
}

#[tokio::test]
async fn expect_continue_is_honoured_on_a_right_path_only() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let head = |path: &str| {
        let text = String::from_utf8(post_to(path, BODY)).unwrap();
        text.replace("Host: h\r\n", "Host: h\r\nExpect: 100-continue\r\n").replace(BODY, "").into_bytes()
    };
    let mut stream = server.connect().await;
    stream.write_all(&head(&path())).await.unwrap();
    assert_eq!(status(&mut stream).await, 100);
    stream.write_all(BODY.as_bytes()).await.unwrap();
    assert_eq!(status(&mut stream).await, 200);
    assert_eq!(stored.recv().await.unwrap().raw(), BODY);

    assert_eq!(server.status(&head("/numcheck/push/1/2")).await, 404, "and no 100 before it");
}

#[tokio::test]
async fn pipelined_and_kept_alive_requests_are_answered_in_order() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let mut stream = server.connect().await;
    let three = [post("1"), post_to("/nowhere", ""), post("3")].concat();
    stream.write_all(&three).await.unwrap();
    for expected in [200, 404, 200] {
        assert_eq!(status(&mut stream).await, expected);
    }
    stream.write_all(&post("4")).await.unwrap();
    assert_eq!(status(&mut stream).await, 200);
    for body in ["1", "3", "4"] {
        assert_eq!(stored.recv().await.unwrap().raw(), body);
    }
    assert_eq!(receiver.counts().connections, 1);
}

#[tokio::test]
async fn older_and_odder_clients_are_understood() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let text = String::from_utf8(post(BODY)).unwrap();
    for (what, bytes) in [
        ("HTTP/1.0", text.replace("HTTP/1.1", "HTTP/1.0").replace("Host: h\r\n", "")),
        ("absolute form", text.replace("POST /", "POST http://example.org/")),
        ("a query", text.replace(" HTTP", "?from=platform HTTP")),
        ("field names in lower case", text.replace("Content-", "content-")),
    ] {
        assert_eq!(server.status(bytes.as_bytes()).await, 200, "{what}");
        assert_eq!(stored.recv().await.unwrap().raw(), BODY, "{what}");
    }
}

#[tokio::test]
async fn a_client_that_has_closed_its_sending_side_still_gets_its_answer() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::new(gate(), handler);
    let server = start(&receiver);
    let mut stream = server.connect().await;
    stream.write_all(&post(BODY)).await.unwrap();
    stream.shutdown().await.unwrap();
    pushes.recv().await.unwrap().end.send(Ok(())).unwrap();
    assert_eq!(status(&mut stream).await, 200);
}

#[tokio::test]
async fn unknown_content_and_other_batches_are_handed_over_and_counted_not_refused() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    for (body, expected) in [
        (BODY, Correlation::Matches),
        ("not JSON", Correlation::Unreadable),
        ("", Correlation::Unreadable),
        (r#"{"batchNo":"another","code":0}"#, Correlation::OtherBatch),
        (r#"{"code":4711,"newField":1}"#, Correlation::NoBatch),
    ] {
        assert_eq!(server.status(&post(body)).await, 200, "{body}");
        let push = stored.recv().await.unwrap();
        assert_eq!(push.raw(), body);
        assert_eq!(push.read().correlation(), expected);
    }
    let counts = receiver.counts();
    assert_eq!((counts.unreadable, counts.other_batch, counts.no_batch, counts.drifted), (2, 1, 1, 1));
}

#[tokio::test]
async fn a_receiver_that_does_not_look_into_bodies_hands_them_over_all_the_same() {
    let (sender, mut stored) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |push: numcheck_webhook::Push| {
        let kept = sender.send(push).map_err(|_| NotStored);
        async move { kept }
    };
    let receiver = Receiver::unread(gate(), handler, ReceiverLimits::default());
    let server = start(&receiver);
    for body in [BODY, "not JSON", r#"{"batchNo":"another","newField":1}"#] {
        assert_eq!(server.status(&post(body)).await, 200, "{body}");
        assert_eq!(stored.recv().await.unwrap().raw(), body);
    }
    let counts = receiver.counts();
    assert_eq!((counts.stored, counts.unreadable, counts.other_batch, counts.drifted), (3, 0, 0, 0));
}

#[tokio::test]
async fn a_store_runs_to_its_end_when_the_client_is_gone() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::new(gate(), handler);
    let server = start(&receiver);
    let mut stream = server.connect().await;
    stream.write_all(&post(BODY)).await.unwrap();
    let held = pushes.recv().await.unwrap();
    drop(stream);
    assert!(!held.end.is_closed());
    held.end.send(Ok(())).unwrap();
    receiver.idle().await;
    assert_eq!(receiver.counts().stored, 1);
}

#[tokio::test]
async fn a_store_runs_to_its_end_when_the_connection_is_dropped_by_the_server() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::new(gate(), handler);
    let server = start(&receiver);
    let mut stream = server.connect().await;
    stream.write_all(&post(BODY)).await.unwrap();
    let held = pushes.recv().await.unwrap();
    server.closed.abort();
    assert!(server.closed.await.unwrap_err().is_cancelled());
    assert_eq!(status(&mut stream).await, 0, "no answer is better than a wrong one");
    held.end.send(Ok(())).unwrap();
    receiver.idle().await;
    assert_eq!(receiver.counts().stored, 1);
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_accepts_no_more() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::new(gate(), handler);
    let server = start(&receiver);
    let address = server.address;
    let mut idle = server.connect().await;
    let mut stream = server.connect().await;
    stream.write_all(&post(BODY)).await.unwrap();
    let held = pushes.recv().await.unwrap();
    until(|| receiver.counts().connections == 2).await;

    let stopped = tokio::spawn(server.stop());
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0, "an idle connection is closed at once");
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!stopped.is_finished());
    held.end.send(Ok(())).unwrap();
    assert_eq!(answer(&mut stream).await, "HTTP/1.1 200 OK\nconnection: close\ncontent-length: 0");
    let closed = stopped.await.unwrap();
    assert_eq!((closed.connections, closed.stores), (0, 0));
}

#[tokio::test]
async fn stopping_waits_for_a_store_that_no_connection_waits_for() {
    let (handler, mut pushes) = held();
    let limits = ReceiverLimits { store_time: std::time::Duration::ZERO, ..ReceiverLimits::default() };
    let receiver = Receiver::with_limits(gate(), handler, limits);
    let server = start(&receiver);
    let mut stream = server.connect().await;
    stream.write_all(&post(BODY)).await.unwrap();
    let held = pushes.recv().await.unwrap();
    assert_eq!(status(&mut stream).await, 503);
    let stopped = tokio::spawn(server.stop());
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!stopped.is_finished());
    held.end.send(Ok(())).unwrap();
    let closed = stopped.await.unwrap();
    assert_eq!((closed.connections, closed.stores), (0, 0));
    assert_eq!(receiver.counts().stored, 1);
}

#[tokio::test]
async fn stopping_ends_in_time_and_says_what_it_left() {
    let (handler, mut pushes) = held();
    let limits = ReceiverLimits { stop_time: std::time::Duration::ZERO, ..ReceiverLimits::default() };
    let receiver = Receiver::with_limits(gate(), handler, limits);
    let server = start(&receiver);
    let mut stream = server.connect().await;
    stream.write_all(&post(BODY)).await.unwrap();
    let held = pushes.recv().await.unwrap();
    let closed = server.stop().await;
    assert_eq!((closed.connections, closed.stores), (1, 1));
    held.end.send(Ok(())).unwrap();
    receiver.idle().await;
    assert_eq!(receiver.counts().stored, 1);
}

#[tokio::test]
async fn no_more_connections_than_the_limit_are_accepted() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::with_limits(
        gate(),
        handler,
        ReceiverLimits { connections: 1, ..ReceiverLimits::default() },
    );
    let server = start(&receiver);
    let mut first = server.connect().await;
    first.write_all(&post("first")).await.unwrap();
    let held = pushes.recv().await.unwrap();
    let mut second = server.connect().await;
    second.write_all(&post("second")).await.unwrap();
    until(|| receiver.counts().full == 1).await;
    assert_eq!(receiver.counts().connections, 1);

    held.end.send(Ok(())).unwrap();
    assert_eq!(status(&mut first).await, 200);
    drop(first);
    let held = pushes.recv().await.unwrap();
    assert_eq!(held.push.raw(), "second");
    held.end.send(Ok(())).unwrap();
    assert_eq!(status(&mut second).await, 200);
    assert_eq!(receiver.counts().connections, 2);
}

/// Reads until the other side closes.
async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn silent_connections_of_one_peer_do_not_pile_up() {
    let limits = ReceiverLimits {
        unauthenticated_per_peer: 8,
        grace_time: std::time::Duration::ZERO,
        ..ReceiverLimits::default()
    };
    let (receiver, _stored) = storing(limits);
    let server = start(&receiver);
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(server.connect().await);
    }
    until(|| receiver.counts().dismissed == 92).await;
    for stream in &mut silent[..92] {
        assert!(is_closed(stream).await, "the oldest go first");
    }
    // The newest ones are still there, and may push.
    for stream in &mut silent[92..] {
        stream.write_all(&post(BODY)).await.unwrap();
        assert_eq!(status(stream).await, 200);
    }
    // Now the peer is exempt.
    for _ in 0..100 {
        silent.push(server.connect().await);
    }
    until(|| receiver.counts().connections == 200).await;
    for stream in &mut silent[100..] {
        stream.write_all(&post(BODY)).await.unwrap();
        assert_eq!(status(stream).await, 200);
    }
    assert_eq!(receiver.counts().dismissed, 92);
}

#[tokio::test]
async fn a_push_gets_in_where_silent_connections_hold_every_place() {
    let limits =
        ReceiverLimits { connections: 4, grace_time: std::time::Duration::ZERO, ..ReceiverLimits::default() };
    let (receiver, _stored) = storing(limits);
    let server = start(&receiver);
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(server.connect().await);
    }
    until(|| receiver.counts().connections == 4).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(&post(BODY)).await.unwrap();
        assert_eq!(status(&mut stream).await, 200);
        held.push(stream);
    }
    for stream in &mut silent {
        assert!(is_closed(stream).await);
    }
    // What has pushed keeps its place.
    for stream in &mut held {
        stream.write_all(&post(BODY)).await.unwrap();
        assert_eq!(status(stream).await, 200);
    }
    assert_eq!(receiver.counts().dismissed, 4);
}

#[tokio::test]
async fn whoever_knows_no_url_is_answered_and_closed_while_pushes_are_stored() {
    let (receiver, _stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let mut clients = Vec::new();
    for client in 0..300 {
        let address = server.address;
        clients.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let is_push = client % 3 == 0;
            let request = if is_push { post(BODY) } else { post_to("/nowhere", "") };
            stream.write_all(&request).await.unwrap();
            let status = status(&mut stream).await;
            if is_push {
                assert_eq!(status, 200);
            } else {
                assert_eq!(status, 404);
                assert!(is_closed(&mut stream).await);
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let counts = receiver.counts();
    assert_eq!((counts.stored, counts.not_found, counts.dismissed), (100, 200, 0));
}

#[tokio::test]
async fn a_handler_that_wants_no_more_strays_says_so_for_each_push() {
    let handler = |push: numcheck_webhook::Push| {
        let stored = if push.raw() == "stray" { Err(NotStored) } else { Ok(()) };
        async move { stored }
    };
    let receiver = Receiver::new(gate(), handler);
    let server = start(&receiver);
    let mut stream = server.connect().await;
    for (body, expected) in [("stray", 503), (BODY, 200), ("stray", 503), (BODY, 200)] {
        stream.write_all(&post(body)).await.unwrap();
        assert_eq!(status(&mut stream).await, expected);
    }
    let counts = receiver.counts();
    assert_eq!((counts.connections, counts.stored, counts.not_stored), (1, 2, 2));
}

#[tokio::test]
async fn three_hundred_clients_at_once_are_all_answered() {
    let (receiver, _stored) = storing(ReceiverLimits::default());
    let server = start(&receiver);
    let mut clients = Vec::new();
    for _ in 0..300 {
        let address = server.address;
        clients.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&post(BODY)).await.unwrap();
            status(&mut stream).await
        }));
    }
    for client in clients {
        assert_eq!(client.await.unwrap(), 200);
    }
    assert_eq!(receiver.counts().stored, 300);
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_that_names_it() {
    let first = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = Server::bind(first.local_addr()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {}", first.local_addr())), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}
