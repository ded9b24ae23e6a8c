//! A receiver with a handler that the test holds in its hand, and a client that sends raw bytes.

use std::sync::Arc;

use numcheck_protocol::BatchNo;
use numcheck_webhook::{Gate, Handler, NotStored, Push, Receiver, ReceiverKey, ReceiverLimits};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, oneshot};

pub(crate) const BATCH: &str = "700337042751";
pub(crate) const BODY: &str =
    r#"{"messageId":"83ac9512","code":0,"msg":"success","batchNo":"700337042751","phone":"234800001000"}"#;

pub(crate) fn key() -> ReceiverKey {
    ReceiverKey::from_bytes(&[7; 32]).unwrap()
}

pub(crate) fn gate() -> Gate {
    Gate::new(key())
}

/// The path of the one batch of these tests.
pub(crate) fn path() -> String {
    key().capability(&BatchNo::new(BATCH).unwrap()).path().to_owned()
}

/// A push as the platform sends it.
pub(crate) fn post(body: &str) -> Vec<u8> {
    post_to(&path(), body)
}

pub(crate) fn post_to(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// What the test sees of a push: the push, and the means to say how storing it ended. Dropped, it makes the handler panic.
pub(crate) struct Held {
    pub(crate) push: Push,
    pub(crate) end: oneshot::Sender<Result<(), NotStored>>,
}

/// A handler that waits for the test's word on each push.
pub(crate) fn held() -> (impl Handler, mpsc::UnboundedReceiver<Held>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let handler = move |push| {
        let (end, ended) = oneshot::channel();
        sender.send(Held { push, end }).ok();
        async move { ended.await.expect("the test says how storing ends") }
    };
    (handler, receiver)
}

/// A receiver that stores everything at once, and what it stored.
pub(crate) fn storing(limits: ReceiverLimits) -> (Receiver<impl Handler>, mpsc::UnboundedReceiver<Push>) {
    let (sender, stored) = mpsc::unbounded_channel();
    let sender = Arc::new(sender);
    let handler = move |push| {
        let sender = Arc::clone(&sender);
        async move { sender.send(push).map_err(|_| NotStored) }
    };
    (Receiver::with_limits(gate(), handler, limits), stored)
}

/// One answer: the status line and its headers, without the date. No answer here has a body.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let lines: Vec<&str> =
        head.lines().filter(|line| !line.starts_with("date: ") && !line.is_empty()).collect();
    lines.join("\n")
}

/// The status of one answer; 0 where the connection ended without one.
pub(crate) async fn status(stream: &mut (impl AsyncRead + Unpin)) -> u16 {
    let answer = answer(stream).await;
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}
