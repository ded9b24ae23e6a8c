//! What the tests share: a client that knows as little of HTTP as it can, and a receiver of pushes.
//!
//! Written for these tests alone, so that the sandbox is not tested with its own code.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use numcheck_sandbox::{Account, Sandbox};
use numcheck_signing::{Algorithm, Body, Input, Secret, sign};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) const CHECK: &str = "/api/number/check";
pub(crate) const GET: &str = "/api/number/check/get";
pub(crate) const QUERY: &str = "/api/number/query";
pub(crate) const LOGIN: &str = "/api/wa/integrator/embedded/register/login";
pub(crate) const CREATE_APP: &str = "/api/wa/integrator/embedded/register/createApp";
pub(crate) const PHONE_LIST: &str = "/api/wa/integrator/embedded/register/phoneList";
pub(crate) const GET_CODE: &str = "/api/wa/integrator/embedded/register/getCode";
pub(crate) const CHECK_CODE: &str = "/api/wa/integrator/embedded/register/checkCode";
pub(crate) const CREATE_CLIENT: &str = "/api/wa/integrator/embedded/register/createClient";
pub(crate) const PRIVACY: &str = "/ssPhone_Privacy";

/// An answer, taken apart by hand.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> i64 {
        self.json()["code"].as_i64().unwrap_or_else(|| panic!("no code: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends one request on a connection of its own. `None`: the connection ended before the whole answer.
pub(crate) async fn send(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Reply> {
    let answer = send_and_listen(to, method, path, headers, body).await?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let reply = Reply { status, head: head.to_owned(), body: body.to_owned() };
    let announced = reply.header("content-length").and_then(|length| length.parse::<usize>().ok());
    announced.is_none_or(|announced| announced == reply.body.len()).then_some(reply)
}

/// The same, and whatever came before the connection ended.
async fn send_and_listen(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<String> {
    let mut stream = TcpStream::connect(to).await.ok()?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {to}\r\n"));
    }
    if method != "GET" {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    String::from_utf8(answer).ok()
}

/// A signed request, every part of which a test can spoil.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) path: &'static str,
    pub(crate) access_key: String,
    pub(crate) secret: String,
    pub(crate) ts: String,
    pub(crate) biz_type: String,
    pub(crate) action: String,
    pub(crate) algorithm: Option<&'static str>,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// Sent instead of the right one.
    pub(crate) sign: Option<String>,
    /// Not sent at all.
    pub(crate) leave_out: Option<&'static str>,
}

impl Signed {
    pub(crate) fn new(sandbox: &Sandbox, path: &'static str, body: impl Into<String>) -> Self {
        let (biz_type, action) = match path {
            CHECK | GET | QUERY => ("1", "numbercheck"),
            // The embedded register: the action is the last segment of the path.
            _ => ("2", path.rsplit('/').next().expect("a path")),
        };
        Self {
            path,
            access_key: Account::ACCESS_KEY.into(),
            secret: Account::ACCESS_SECRET.into(),
            ts: sandbox.clock().now_ms().to_string(),
            biz_type: biz_type.into(),
            action: action.into(),
            algorithm: None,
            content_type: "application/json",
            body: body.into(),
            sign: None,
            leave_out: None,
        }
    }

    /// The same from the built-in account of the second dialect.
    pub(crate) fn in_v2(self) -> Self {
        let body = self.body.replace(Account::APPKEY, Account::V2_APPKEY);
        let (access_key, secret) = (Account::V2_ACCESS_KEY.into(), Account::V2_ACCESS_SECRET.into());
        Self { access_key, secret, body, ..self }
    }

    pub(crate) fn right_sign(&self) -> String {
        let body = if self.body.is_empty() { Body::Empty } else { Body::Json(self.body.as_bytes()) };
        let input = Input {
            access_key: &self.access_key,
            action: &self.action,
            biz_type: &self.biz_type,
            ts: &self.ts,
            body,
        };
        let algorithm = if self.algorithm == Some("sha256") { Algorithm::Sha256 } else { Algorithm::Md5 };
        sign(&input, &Secret::from(self.secret.as_str()), algorithm).as_str().to_owned()
    }

    pub(crate) async fn try_send(&self, sandbox: &Sandbox) -> Option<Reply> {
        self.send_to(sandbox.nxcloud_addr()).await
    }

    /// Everything that is answered, whole or not.
    pub(crate) async fn listen(&self, sandbox: &Sandbox) -> Option<String> {
        let headers = self.headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        send_and_listen(sandbox.nxcloud_addr(), "POST", self.path, &headers, self.body.as_bytes()).await
    }

    pub(crate) async fn send_to(&self, address: SocketAddr) -> Option<Reply> {
        let headers = self.headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        send(address, "POST", self.path, &headers, self.body.as_bytes()).await
    }

    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let sign = self.sign.clone().unwrap_or_else(|| self.right_sign());
        let mut headers = vec![
            ("accessKey", self.access_key.clone()),
            ("ts", self.ts.clone()),
            ("bizType", self.biz_type.clone()),
            ("action", self.action.clone()),
            ("sign", sign),
            ("content-type", self.content_type.to_owned()),
        ];
        if let Some(algorithm) = self.algorithm {
            headers.push(("algorithm", algorithm.to_owned()));
        }
        headers.retain(|(name, _)| self.leave_out != Some(name));
        headers
    }

    pub(crate) async fn send(&self, sandbox: &Sandbox) -> Reply {
        self.try_send(sandbox).await.expect("an answer")
    }
}

/// The body of a submit with the built-in appkey.
pub(crate) fn order(phone: &str, more: &str) -> String {
    format!(r#"{{"phone":"{phone}","appkey":"{}"{more}}}"#, Account::APPKEY)
}

pub(crate) async fn submit(sandbox: &Sandbox, phone: &str, more: &str) -> Reply {
    Signed::new(sandbox, CHECK, order(phone, more)).send(sandbox).await
}

pub(crate) async fn check_code(sandbox: &Sandbox, phone: &str, code: &str) -> Reply {
    let body = format!(r#"{{"phone_number":"{phone}","code":"{code}"}}"#);
    Signed::new(sandbox, CHECK_CODE, body).send(sandbox).await
}

/// An operation of the embedded register by the first account.
pub(crate) async fn register(sandbox: &Sandbox, path: &'static str, body: impl Into<String>) -> Reply {
    Signed::new(sandbox, path, body).send(sandbox).await
}

pub(crate) async fn privacy(sandbox: &Sandbox, mobile: &str) -> Reply {
    let form = format!("apikey={}&mobile={mobile}", sandbox.qxt_api_key());
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    send(sandbox.qxt_addr(), "POST", PRIVACY, &headers, form.as_bytes()).await.expect("an answer")
}

/// Receives pushes, answers what it is told, and remembers.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Inner {
    pushes: Mutex<Vec<Pushed>>,
    /// The next answers; 200 when there are none.
    answers: Mutex<VecDeque<u16>>,
    count: watch::Sender<usize>,
    connections: Mutex<usize>,
}

/// A push that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) path: String,
    pub(crate) content_type: String,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: String,
}

impl Pushed {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner::default());
        let shared = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                *shared.connections.lock().unwrap() += 1;
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| receive(Arc::clone(&shared), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, inner, task }
    }

    /// The `drUrl` field of a submit, to be put behind others.
    pub(crate) fn field(&self) -> String {
        format!(r#","drUrl":"http://{}/results""#, self.address)
    }

    pub(crate) fn answer_with(&self, statuses: impl IntoIterator<Item = u16>) {
        self.inner.answers.lock().unwrap().extend(statuses);
    }

    pub(crate) fn pushes(&self) -> Vec<Pushed> {
        self.inner.pushes.lock().unwrap().clone()
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        *self.inner.connections.lock().unwrap()
    }

    /// Waits for so many pushes.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Pushed> {
        let mut counts = self.inner.count.subscribe();
        counts.wait_for(|have| *have >= count).await.unwrap();
        self.pushes()
    }

    /// Waits for one push and takes it for JSON.
    pub(crate) async fn one(&self) -> Value {
        self.wait_for(1).await[0].json()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(
    inner: Arc<Inner>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().to_string();
    let content_type = request.headers()["content-type"].to_str().unwrap().to_owned();
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    inner.pushes.lock().unwrap().push(Pushed { path, content_type, headers, body });
    let status = inner.answers.lock().unwrap().pop_front().unwrap_or(200);
    inner.count.send_modify(|count| *count += 1);
    Ok(Response::builder().status(status).body(Full::new(Bytes::from_static(b"ok"))).unwrap())
}
