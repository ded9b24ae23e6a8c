//! Over real sockets, on loopback.

use std::io::{Read, Write};
use std::time::Duration;

use numcheck_transport::{
    Call, Client, Limits, NoAuthorization, RateLimits, RetryPolicy, SendErrorKind, Sent,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::support::{OK, chain, costly, request};

#[tokio::test]
async fn calls_side_by_side_get_their_own_replies() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(async move {
                while let Some((_, body)) = request(&mut stream).await {
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    stream.write_all(&[head.as_bytes(), &body].concat()).await.expect("open");
                }
            });
        }
    });
    let client = Client::builder(url).rate_limits(RateLimits::off()).build().expect("a client");
    let mut running = tokio::task::JoinSet::new();
    for number in 0..50 {
        let client = client.clone();
        running.spawn(async move {
            for round in 0..4 {
                let body = format!("{number}/{round}");
                let reply = client
                    .send(Call::new(&costly()).body(body.clone()), &NoAuthorization)
                    .await
                    .expect("a reply");
                assert_eq!(&reply.body[..], body.as_bytes());
            }
        });
    }
    while let Some(result) = running.join_next().await {
        result.expect("each got its own");
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let client = Client::builder(url).build().expect("a client");
    let error = client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect_err("nobody");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::Connect, Sent::No));
    assert!(chain(&error).contains("refused"), "{}", chain(&error));
}

#[tokio::test]
async fn a_name_that_does_not_exist_was_not_sent() {
    let mut limits = Limits::default();
    limits.connect = Duration::from_secs(20);
    // RFC 6761: `.invalid` never resolves.
    let client = Client::builder("http://nobody.invalid")
        .allow_plain_http()
        .retry(RetryPolicy::never())
        .limits(limits)
        .build()
        .expect("a client");
    let error = client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect_err("nobody");
    assert_eq!(error.sent(), Sent::No, "{}", chain(&error));
}

#[tokio::test]
async fn ipv6_loopback_works_where_it_exists() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let (head, _) = request(&mut stream).await.expect("a whole request");
        stream.write_all(OK).await.expect("open");
        head
    });
    let client = Client::builder(format!("http://[::1]:{port}")).build().expect("a client");
    client.send(Call::new(&costly()).body("{}"), &NoAuthorization).await.expect("a reply");
    let head = server.await.expect("the server");
    assert!(head.contains(&format!("host: [::1]:{port}\r\n")), "{head}");
}

/// As where a laptop is suspended or a container is paused: the process stands still past its time limit, and the answer has come meanwhile.
#[tokio::test]
async fn an_answer_that_came_while_the_process_stood_still_is_read() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut limits = Limits::default();
    limits.response = Duration::from_millis(200);
    let (client, call) = (Client::builder(url).retry(RetryPolicy::never()).limits(limits).build(), costly());
    let client = client.expect("a client");
    listener.set_nonblocking(true).expect("a listener");
    let platform = async {
        let mut stream = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        stream.set_nonblocking(true).expect("a stream");
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            let mut piece = [0; 1024];
            match stream.read(&mut piece) {
                Ok(count) => request.extend_from_slice(&piece[..count]),
                Err(_) => tokio::task::yield_now().await,
            }
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").expect("open");
        // why-sleep: the one thread of this runtime stands still, and so all of it.
        std::thread::sleep(2 * limits.response);
    };
    // In the runtime's first task, which is asked before the one that reads the socket.
    let (reply, ()) = tokio::join!(client.send(Call::new(&call).body("{}"), &NoAuthorization), platform);
    assert_eq!(&reply.expect("a reply").body[..], b"{}");
}
