//! No secret, number, header or query in any Debug, Display or log, at TRACE, in whatever way a call ends.

use http::{HeaderMap, HeaderValue};
use numcheck_testing::log::Log;
use numcheck_transport::{Attempt, Authorize, BoxError, Call, NoAuthorization};
use tokio::io::AsyncWriteExt;

use crate::support::{chain, costly, in_memory, request, safe};

const CANARY: &str = "canary8613800138000";

struct Bearer;

impl Authorize for Bearer {
    fn authorize(&self, attempt: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
        let _ = format!("{attempt:?}");
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static(CANARY));
        Ok(headers)
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_is_ever_shown() {
    let log = Log::capture();
    let mut shown = String::new();

    let replies: [&[u8]; 8] = [
        b"HTTP/1.1 200 OK\r\nset-cookie: canary8613800138000\r\ncontent-length: 19\r\n\r\ncanary8613800138000",
        b"HTTP/1.1 503 canary8613800138000\r\ncontent-length: 19\r\n\r\ncanary8613800138000",
        b"HTTP/1.1 302 Found\r\nlocation: /?canary8613800138000\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ncanary8613800138000",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\ncanary8613800138000\r\n",
        b"canary8613800138000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncanary8613800138000",
        b"",
    ];
    for reply in replies {
        for is_get in [false, true] {
            for info in [costly(), safe()] {
                let (builder, mut incoming) = in_memory();
                let client = builder.build().expect("a client");
                let server = tokio::spawn(async move {
                    loop {
                        let mut stream = incoming.accept().await;
                        let (head, body) = request(&mut stream).await.expect("a whole request");
                        assert!(head.contains(CANARY) && (is_get || body == CANARY.as_bytes()), "it is sent");
                        let _ = stream.write_all(reply).await;
                    }
                });
                let call = match is_get {
                    true => Call::new(&info).body(format!("apikey={CANARY}")).by_get(),
                    false => Call::new(&info).body(CANARY),
                };
                shown += &format!("{client:?}{call:?}{call:#?}");
                match client.send(call, &Bearer).await {
                    Ok(reply) => shown += &format!("{reply:?}{reply:#?}"),
                    Err(error) => shown += &format!("{error:?}{error:#?}{}", chain(&error)),
                }
                server.abort();
            }
        }
    }

    // A call that cannot be built, and one that cannot connect.
    let (builder, incoming) = in_memory();
    drop(incoming);
    let client = builder.build().expect("a client");
    for query in [format!("{CANARY}#"), CANARY.to_owned()] {
        let call = Call::new(&costly()).body(query).by_get();
        let error = client.send(call, &NoAuthorization).await.expect_err("no server");
        shown += &format!("{error:?}{}", chain(&error));
    }

    let log = log.text();
    for expected in ["numcheck_transport", "hyper_util", "number_check.submit", "TRACE", "WARN"] {
        assert!(log.contains(expected), "the log was captured: {expected}");
    }
    for text in [log, shown] {
        assert!(!text.contains("canary") && !text.contains("13800138000"), "{text}");
    }
}
