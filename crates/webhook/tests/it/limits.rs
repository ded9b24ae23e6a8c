//! The receiver's times, on a paused clock over streams in memory: whoever is slow is cut off exactly when promised.

use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::support::{BODY, answer, gate, held, path, post, post_to, status, storing};
use numcheck_signing::Secret;
use numcheck_webhook::{
    Ended, Handler, PushVerifier, Receiver, ReceiverLimits, serve_connection, serve_connection_from,
};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, advance};

const SECOND: Duration = Duration::from_secs(1);

/// Different times, so that a test sees which one struck.
fn limits() -> ReceiverLimits {
    ReceiverLimits {
        head_time: 5 * SECOND,
        body_time: 7 * SECOND,
        store_time: 11 * SECOND,
        connection_time: 1000 * SECOND,
        ..ReceiverLimits::default()
    }
}

fn connect<H: Handler>(receiver: &Receiver<H>, buffer: usize) -> (DuplexStream, JoinHandle<Ended>) {
    let (client, server) = duplex(buffer);
    let receiver = receiver.clone();
    let ended = async move { serve_connection(&receiver, server, pending()).await };
    // On the paused clock, so that a limit that is missing fails its test instead of hanging it.
    let watched =
        async { tokio::time::timeout(10_000_000 * SECOND, ended).await.expect("a connection ends") };
    (client, tokio::spawn(watched))
}

const PLATFORM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

/// Of at most two silent connections a peer.
fn two_a_peer() -> ReceiverLimits {
    ReceiverLimits {
        unauthenticated_per_peer: 2,
        grace_time: 3 * SECOND,
        trust_time: 600 * SECOND,
        ..limits()
    }
}

/// A connection from an address, and when and how it ends.
fn connect_from<H: Handler>(
    receiver: &Receiver<H>,
    peer: IpAddr,
) -> (DuplexStream, JoinHandle<(Duration, Ended)>) {
    let (client, server) = duplex(4096);
    let receiver = receiver.clone();
    let start = Instant::now();
    let ended = async move {
        let ended = serve_connection_from(&receiver, peer, server, pending()).await;
        (start.elapsed(), ended)
    };
    (client, tokio::spawn(ended))
}

/// Sends the bytes one a second, for as long as the other side takes them.
fn drip(mut stream: tokio::io::WriteHalf<DuplexStream>, bytes: Vec<u8>) {
    tokio::spawn(async move {
        for byte in bytes {
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
            // why-sleep: the clock is paused; this is the client's slowness itself.
            tokio::time::sleep(SECOND).await;
        }
        // The sending side stays open: only the receiver may end this.
        pending::<()>().await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_arrive_in_time_gets_408() {
    let (receiver, _stored) = storing(limits());
    for slowly in [false, true] {
        let (client, ended) = connect(&receiver, 4096);
        let (mut answers, mut requests) = tokio::io::split(client);
        let start = Instant::now();
        if slowly {
            drip(requests, post(BODY));
        } else {
            requests.write_all(b"POST / HTTP/1.1\r\nHo").await.unwrap();
        }
        assert_eq!(status(&mut answers).await, 408);
        assert_eq!(start.elapsed(), 5 * SECOND);
        assert_eq!(ended.await.unwrap(), Ended::HeadTimedOut);
    }
    assert_eq!(receiver.counts().head_timed_out, 2);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_without_a_word() {
    let (receiver, _stored) = storing(limits());
    let (mut client, ended) = connect(&receiver, 4096);
    client.write_all(&post(BODY)).await.unwrap();
    assert_eq!(status(&mut client).await, 200);
    let start = Instant::now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
    assert_eq!(start.elapsed(), 5 * SECOND);
    assert_eq!(ended.await.unwrap(), Ended::HeadTimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_in_time_gets_408() {
    let (receiver, mut stored) = storing(limits());
    for slowly in [false, true] {
        let (client, ended) = connect(&receiver, 4096);
        let (mut answers, mut requests) = tokio::io::split(client);
        let request = post(BODY);
        let (head, body) = request.split_at(request.len() - BODY.len());
        let start = Instant::now();
        requests.write_all(head).await.unwrap();
        if slowly {
            drip(requests, body.to_vec());
        }
        let answer = answer(&mut answers).await;
        assert_eq!(answer, "HTTP/1.1 408 Request Timeout\nconnection: close\ncontent-length: 0");
        assert_eq!(start.elapsed(), 7 * SECOND);
        assert_eq!(ended.await.unwrap(), Ended::Done);
    }
    assert_eq!(receiver.counts().body_timed_out, 2);
    assert!(stored.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_makes_a_503_and_is_not_cancelled() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::with_limits(gate(), handler, limits());
    let (mut client, _ended) = connect(&receiver, 4096);
    let start = Instant::now();
    client.write_all(&post(BODY)).await.unwrap();
    let held = pushes.recv().await.unwrap();
    assert_eq!(status(&mut client).await, 503);
    assert_eq!(start.elapsed(), 11 * SECOND);
    assert_eq!(receiver.counts().store_timed_out, 1);

    held.end.send(Ok(())).expect("the handler is still there");
    receiver.idle().await;
    assert_eq!(receiver.counts().stored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_finds_no_free_handler_in_time_gets_503() {
    let (handler, mut pushes) = held();
    let receiver = Receiver::with_limits(gate(), handler, ReceiverLimits { stores: 1, ..limits() });
    let (mut first, _ended) = connect(&receiver, 4096);
    first.write_all(&post("first")).await.unwrap();
    let held = pushes.recv().await.unwrap();
    advance(10 * SECOND).await;
    let (mut second, _ended) = connect(&receiver, 4096);
    let start = Instant::now();
    second.write_all(&post("second")).await.unwrap();
    // The first one's time is over after a second, but its handler still runs.
    assert_eq!(status(&mut second).await, 503);
    assert_eq!(start.elapsed(), 11 * SECOND);
    assert_eq!(receiver.counts().busy, 1);

    held.end.send(Ok(())).unwrap();
    receiver.idle().await;
    second.write_all(&post("second")).await.unwrap();
    pushes.recv().await.unwrap().end.send(Ok(())).unwrap();
    assert_eq!(status(&mut second).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_busy_connection_is_closed_when_it_is_too_old() {
    let (receiver, _stored) = storing(limits());
    let (mut client, ended) = connect(&receiver, 4096);
    let start = Instant::now();
    let mut answered = 0;
    while answered < 2000 && client.write_all(&post(BODY)).await.is_ok() && status(&mut client).await == 200 {
        answered += 1;
        advance(SECOND).await;
    }
    // The request that is under way as the time comes may be the last one, or the one before it was.
    assert!((999..=1001).contains(&answered), "{answered}");
    assert_eq!(start.elapsed(), answered * SECOND);
    assert_eq!(ended.await.unwrap(), Ended::Done);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_its_answers_is_cut() {
    let (receiver, _stored) = storing(limits());
    let (client, ended) = connect(&receiver, 64);
    let (_answers, mut requests) = tokio::io::split(client);
    tokio::spawn(async move { while requests.write_all(b"GET / HTTP/1.1\r\n\r\n").await.is_ok() {} });
    let start = Instant::now();
    assert_eq!(ended.await.unwrap(), Ended::Cut);
    // Its age, then as long as one request may take.
    assert_eq!(start.elapsed(), (1000 + 2 * 5 + 7 + 11) * SECOND);
}

#[tokio::test(start_paused = true)]
async fn silent_connections_beyond_a_peers_limit_have_only_the_grace_time() {
    let (receiver, _stored) = storing(two_a_peer());
    let strangers: Vec<_> = (0..20).map(|_| connect_from(&receiver, STRANGER)).collect();
    let others: Vec<_> = (0..2).map(|_| connect_from(&receiver, PLATFORM)).collect();
    let mut ends = Vec::new();
    for (_client, ended) in strangers.into_iter().chain(others) {
        ends.push(ended.await.unwrap());
    }
    let (surplus, within) = ends.split_at(18);
    assert!(surplus.iter().all(|end| *end == (3 * SECOND, Ended::Dismissed)), "{surplus:?}");
    assert!(within.iter().all(|end| *end == (5 * SECOND, Ended::HeadTimedOut)), "{within:?}");
    assert_eq!(receiver.counts().dismissed, 18);
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_pushes_out_the_one_that_has_been_silent_for_longest() {
    let (receiver, _stored) = storing(two_a_peer());
    let (_first, first_ended) = connect_from(&receiver, STRANGER);
    advance(SECOND).await;
    let (mut second, _ended) = connect_from(&receiver, STRANGER);
    advance(3 * SECOND).await;
    let (mut third, _ended) = connect_from(&receiver, STRANGER);
    assert_eq!(first_ended.await.unwrap(), (4 * SECOND, Ended::Dismissed));
    for stream in [&mut second, &mut third] {
        stream.write_all(&post(BODY)).await.unwrap();
        assert_eq!(status(stream).await, 200);
    }
    assert_eq!(receiver.counts().dismissed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_opens_many_connections_at_once_is_never_turned_away() {
    let (receiver, _stored) = storing(two_a_peer());
    let mut connections: Vec<_> = (0..100).map(|_| connect_from(&receiver, PLATFORM)).collect();
    // The first push comes at the last moment; it exempts the others, however long they take.
    advance(3 * SECOND - Duration::from_millis(1)).await;
    for (client, _) in connections.iter_mut().rev() {
        client.write_all(&post(BODY)).await.unwrap();
        assert_eq!(status(client).await, 200);
        advance(Duration::from_millis(20)).await;
    }
    assert_eq!((receiver.counts().stored, receiver.counts().dismissed), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_push_whose_body_is_on_its_way_is_waited_for_beyond_the_grace_time() {
    let (receiver, _stored) = storing(two_a_peer());
    let mut connections: Vec<_> = (0..20).map(|_| connect_from(&receiver, PLATFORM)).collect();
    let request = post(BODY);
    let (head, body) = request.split_at(request.len() - BODY.len());
    for (client, _) in &mut connections {
        client.write_all(head).await.unwrap();
    }
    // why-sleep: the clock is paused; this is the network's slowness itself.
    tokio::time::sleep(6 * SECOND).await;
    for (client, _) in &mut connections {
        client.write_all(body).await.unwrap();
        assert_eq!(status(client).await, 200);
    }
    assert_eq!(receiver.counts().dismissed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_exempt_for_a_time_after_its_last_push() {
    let (receiver, _stored) = storing(two_a_peer());
    let (mut client, ended) = connect_from(&receiver, PLATFORM);
    client.write_all(&post(BODY)).await.unwrap();
    assert_eq!(status(&mut client).await, 200);
    drop(client);
    ended.await.unwrap();
    // What is open when the time is over is looked at as it comes: each round takes five seconds.
    for (wait, expected) in
        [(590 * SECOND, (5 * SECOND, Ended::HeadTimedOut)), (5 * SECOND, (3 * SECOND, Ended::Dismissed))]
    {
        advance(wait).await;
        let mut silent: Vec<_> = (0..3).map(|_| connect_from(&receiver, PLATFORM)).collect();
        let (_client, oldest) = silent.remove(0);
        assert_eq!(oldest.await.unwrap(), expected, "after {wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_let_in_closes_its_connection_and_exempts_nobody() {
    let verifier = PushVerifier::new("key", Secret::from("secret")).required();
    let handler = async |_| Ok(());
    let signed = Receiver::with_limits(gate().verifying(verifier), handler, two_a_peer());
    let right = String::from_utf8(post(BODY)).unwrap();
    for (what, request, expected) in [
        ("no capability", post_to("/nowhere", BODY), 404),
        ("not POST", right.replace("POST", "PUT").into_bytes(), 405),
        ("compressed", right.replacen("\r\n", "\r\ncontent-encoding: gzip\r\n", 1).into_bytes(), 415),
        (
            "compressed",
            right
                .replacen("\r\n", "\r\ncontent-encoding: identity\r\ncontent-encoding: gzip\r\n", 1)
                .into_bytes(),
            415,
        ),
        ("no signature", post(BODY), 401),
    ] {
        let (mut client, ended) = connect_from(&signed, STRANGER);
        client.write_all(&request).await.unwrap();
        let answer = answer(&mut client).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{what}: {answer}");
        assert!(answer.contains("\nconnection: close"), "{what}: {answer}");
        assert_eq!(ended.await.unwrap(), (Duration::ZERO, Ended::Done), "{what}");
    }
    let silent: Vec<_> = (0..3).map(|_| connect_from(&signed, STRANGER)).collect();
    for ((_client, ended), expected) in silent.into_iter().zip([3, 5, 5]) {
        assert_eq!(ended.await.unwrap().0, expected * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn behind_a_proxy_invalid_requests_cost_no_push() {
    let (receiver, _stored) = storing(two_a_peer());
    let proxy = PLATFORM;
    // The pool of a proxy: a request takes any open connection, or a new one.
    let mut pool: Vec<DuplexStream> = Vec::new();
    let mut pushes = 0;
    for round in 0..500 {
        let is_push = round % 7 == 3;
        let mut stream = match pool.pop() {
            Some(stream) if round % 5 > 0 => stream,
            _ => connect_from(&receiver, proxy).0,
        };
        stream.write_all(&if is_push { post(BODY) } else { post_to("/wp-login.php", "") }).await.unwrap();
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with(if is_push { "HTTP/1.1 200 " } else { "HTTP/1.1 404 " }), "{answer}");
        pushes += u64::from(is_push);
        if !answer.contains("connection: close") {
            pool.insert(0, stream);
        }
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!((receiver.counts().stored, receiver.counts().dismissed), (pushes, 0));
}

#[tokio::test(start_paused = true)]
async fn limits_without_measure_are_bounded_and_do_not_panic() {
    let endless = ReceiverLimits {
        connections: usize::MAX,
        unauthenticated_per_peer: usize::MAX,
        stores: usize::MAX,
        head_time: Duration::MAX,
        body_time: Duration::MAX,
        grace_time: Duration::MAX,
        trust_time: Duration::MAX,
        store_time: Duration::MAX,
        connection_time: Duration::MAX,
        stop_time: Duration::MAX,
    };
    let (receiver, _stored) = storing(endless);
    let (mut client, _ended) = connect(&receiver, 4096);
    client.write_all(&post(BODY)).await.unwrap();
    assert_eq!(status(&mut client).await, 200);
    receiver.idle().await;
}

/// Everything the receiver writes to bytes of a client that then waits.
fn hear(bytes: &[u8]) -> (String, Ended, u64) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (receiver, _stored) = storing(limits());
        let (mut client, ended) = connect(&receiver, 1 << 20);
        client.write_all(bytes).await.unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        (String::from_utf8(heard).unwrap(), ended.await.unwrap(), receiver.counts().stored)
    })
}

proptest! {
    #[test]
    fn no_bytes_without_a_capability_are_ever_stored(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (heard, _, stored) = hear(&bytes);
        prop_assert_eq!(stored, 0);
        prop_assert!(!heard.contains(" 200 "), "{}", heard);
    }

    #[test]
    fn a_push_with_one_changed_byte_is_stored_or_refused_but_always_answered(at: prop::sample::Index, put: u8) {
        let mut request = post(BODY);
        let at = at.index(request.len());
        request[at] = put;
        let (heard, _, stored) = hear(&request);
        // The changed byte may be that of the version, and HTTP/1.0 is answered as such.
        let answer = heard.strip_prefix("HTTP/1.1 ").or_else(|| heard.strip_prefix("HTTP/1.0 "));
        prop_assert!(answer.is_some(), "{}", heard);
        prop_assert_eq!(answer.is_some_and(|answer| answer.starts_with("200 ")), stored == 1);
        // Within the last two segments of the path, after `POST `, any other byte opens nothing.
        let path = path();
        let segments = path.rmatch_indices('/').nth(1).map_or(0, |(slash, _)| slash);
        let within = at >= 5 + segments && at < 5 + path.len();
        prop_assert!(!within || stored == 0 || request == post(BODY));
    }
}
