//! How many results a second the sandbox pushes, the receiver in the same process on its own thread.
//!
//! Run with `cargo bench -p numcheck-sandbox`. It must not be taken for a test: it asserts nothing about time.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints its figures, and may panic like a test"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use numcheck_sandbox::{Account, Sandbox};
use numcheck_signing::{Algorithm, Body, Input, Secret, sign};

const BATCHES: usize = 40;
const NUMBERS: usize = 5_000;

fn main() {
    let receiver = receiver();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for level in [1, 5] {
            run(receiver, level).await;
        }
    });
}

async fn run(receiver: SocketAddr, level: u32) {
    let sandbox = Sandbox::builder().callback_delay(Duration::ZERO).start().await.unwrap();
    let before = resident();
    let start = Instant::now();
    for batch in 0..BATCHES {
        submit(&sandbox, receiver, batch, level).await;
    }
    let submitted = start.elapsed();
    sandbox.settled().await;
    let took = start.elapsed();
    let counts = sandbox.journal().counts();
    assert_eq!(counts.accepted, (BATCHES * NUMBERS) as u64);
    println!(
        "level {level}: {} results in {took:.2?}, {:.0} a second; submitted after {submitted:.2?}; resident memory {before} -> {} MB",
        counts.accepted,
        counts.accepted as f64 / took.as_secs_f64(),
        resident()
    );
}

async fn submit(sandbox: &Sandbox, receiver: SocketAddr, batch: usize, level: u32) {
    let numbers: Vec<String> = (0..NUMBERS).map(|n| format!("86138{batch:03}1{n:04}")).collect();
    let body = format!(
        r#"{{"phone":"{}","appkey":"{}","checkLevel":{level},"drUrl":"http://{receiver}/x"}}"#,
        numbers.join(","),
        Account::APPKEY
    );
    let ts = sandbox.clock().now_ms().to_string();
    let input = Input {
        access_key: Account::ACCESS_KEY,
        action: "numbercheck",
        biz_type: "1",
        ts: &ts,
        body: Body::Json(body.as_bytes()),
    };
    let sign = sign(&input, &Secret::from(Account::ACCESS_SECRET), Algorithm::Md5);
    let stream = tokio::net::TcpStream::connect(sandbox.nxcloud_addr()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("/api/number/check")
        .header("host", "sandbox")
        .header("content-type", "application/json")
        .header("accessKey", Account::ACCESS_KEY)
        .header("action", "numbercheck")
        .header("bizType", "1")
        .header("ts", &ts)
        .header("sign", sign.as_str())
        .body(Full::new(Bytes::from(body.clone())))
        .unwrap();
    let reply = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert!(reply.windows(8).any(|part| part == b"\"code\":0"));
}

/// Answers 200 to everything, on a thread of its own.
fn receiver() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(async move {
                    let service = service_fn(|request: Request<hyper::body::Incoming>| async {
                        let _ = request.into_body().collect().await;
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
    });
    address
}

/// Resident memory of this process in MB, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}
