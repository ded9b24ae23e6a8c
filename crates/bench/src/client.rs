//! The client beside hyper-util's pool and reqwest, against one server on loopback that runs in another thread.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use numcheck_protocol::{Endpoint, number_check::Submit};
use numcheck_transport::{Call, Client, NoAuthorization, RateLimits};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::{Aim, Line};

const IN_FLIGHT: usize = 64;
const SLICES: usize = 61;
const REQUESTS: u32 = 1000;
const BODY: &[u8] = &[b'7'; 350];

pub(crate) fn lines() -> [Line; 2] {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || runtime().block_on(serve(listener)));

    let [ours, pool, reqwest] = runtime().block_on(measure(&url));
    let work = "a call, 64 in flight";
    [
        Line { work, peer: "hyper-util's pool", ours, theirs: pool, aim: Aim::AtLeast(0.92) },
        Line { work, peer: "reqwest", ours, theirs: reqwest, aim: Aim::AtLeast(1.3) },
    ]
}

/// The best time of a call by each: this client, hyper-util's pool, reqwest.
async fn measure(url: &str) -> [Duration; 3] {
    let ours = Client::builder(url).rate_limits(RateLimits::off()).build().unwrap();
    let pool: hyper_util::client::legacy::Client<_, Full<Bytes>> =
        hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    let reqwest = reqwest::Client::builder().no_proxy().build().unwrap();
    let target = format!("{url}{}", Submit::INFO.path);

    let mut best = [Duration::MAX; 3];
    for _ in 0..SLICES {
        let times = [
            time(|| {
                let ours = ours.clone();
                async move {
                    let call = Call::new(&Submit::INFO).body(BODY);
                    ours.send(call, &NoAuthorization).await.unwrap().body.len()
                }
            })
            .await,
            time(|| {
                let (pool, target) = (pool.clone(), target.clone());
                async move {
                    let request = Request::post(&target)
                        .header("content-type", "application/json")
                        .body(Full::new(Bytes::from_static(BODY)))
                        .unwrap();
                    pool.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes().len()
                }
            })
            .await,
            time(|| {
                let request = reqwest.post(&target).header("content-type", "application/json").body(BODY);
                async move { request.send().await.unwrap().bytes().await.unwrap().len() }
            })
            .await,
        ];
        for (best, time) in best.iter_mut().zip(times) {
            *best = (*best).min(time);
        }
    }
    best
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn time<F: Future<Output = usize> + Send + 'static>(send: impl Fn() -> F) -> Duration {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..REQUESTS {
        if running.len() >= IN_FLIGHT {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(send());
    }
    running.join_all().await;
    start.elapsed() / REQUESTS
}

async fn serve(listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service = service_fn(|request: Request<hyper::body::Incoming>| async {
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(br#"{"code":0}"#))))
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}
