//! Proxies: which way a call goes, and what the proxy gets to see.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use numcheck_transport::{
    Address, BuildError, Call, Client, NoAuthorization, Proxy, SendErrorKind, Sent, Stream,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{OK, answer, chain, costly, header};

const AUTHORIZED: &str = "Basic QWxhZGRpbjpvcGVuc2VzYW1l"; // Aladdin:opensesame

fn call() -> Call {
    Call::new(&costly()).body("{}")
}

/// Where a client of `base` through `proxy` dials to first.
async fn first_hop(base: &str, proxy: Proxy) -> (String, u16) {
    let dialled = Arc::new(Mutex::new(None));
    let note = Arc::clone(&dialled);
    let dial = move |to: Address| {
        note.lock().expect("no panic").get_or_insert((to.host, to.port));
        async { Err::<Stream, _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)) }
    };
    let client = Client::builder(base).allow_plain_http().proxy(proxy).dial(dial).build().expect("a client");
    let error = client.send(call(), &NoAuthorization).await.expect_err("nobody");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::Connect, Sent::No), "{}", chain(&error));
    dialled.lock().expect("no panic").clone().expect("dialled")
}

#[tokio::test(start_paused = true)]
async fn the_environment_decides_as_curl_would() {
    let proxy = |vars: &[(&str, &str)]| {
        let vars: HashMap<_, _> = vars.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Proxy::from_lookup(move |name| vars.get(name).cloned())
    };
    let direct = ("platform.test".to_owned(), 80);
    let proxied = ("proxy.test".to_owned(), 3128);
    const URL: &str = "http://proxy.test:3128";
    type Variables = &'static [(&'static str, &'static str)];
    let table: [(Variables, &(String, u16)); 11] = [
        (&[], &direct),
        (&[("HTTP_PROXY", URL)], &proxied),
        (&[("http_proxy", URL)], &proxied),
        (&[("HTTP_PROXY", "proxy.test:3128")], &proxied),
        (&[("ALL_PROXY", URL)], &proxied),
        (&[("HTTPS_PROXY", URL)], &direct),
        (&[("HTTP_PROXY", URL), ("NO_PROXY", "other.test, .platform.test")], &direct),
        (&[("HTTP_PROXY", URL), ("no_proxy", "*")], &direct),
        (&[("HTTP_PROXY", URL), ("NO_PROXY", "form.test")], &proxied),
        (&[("HTTP_PROXY", ""), ("http_proxy", URL)], &proxied),
        (&[("HTTP_PROXY", URL), ("REQUEST_METHOD", "GET")], &direct),
    ];
    for (vars, expected) in table {
        assert_eq!(&first_hop("http://platform.test", proxy(vars)).await, expected, "{vars:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn this_machine_is_never_reached_through_a_proxy() {
    for host in ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"] {
        let (dialled, port) =
            first_hop(&format!("http://{host}:8080"), Proxy::all("http://proxy.test:3128")).await;
        assert_eq!((format!("{dialled}:{port}")), format!("{}:8080", host.trim_matches(['[', ']'])));
    }
}

#[test]
fn an_unusable_proxy_is_an_error_rather_than_left_out() {
    for url in ["ftp://CANARY", "socks4://CANARY", "http://", "CANARY proxy", "http://u:CANARY@"] {
        let result = Client::builder("http://localhost").proxy(Proxy::all(url)).build();
        let Err(error @ BuildError::Proxy) = result else { panic!("{url}: {result:?}") };
        assert!(!format!("{error} {error:?}").contains("CANARY"));
    }
    let proxy = Proxy::all("http://user:CANARY@proxy.test").except("a.test");
    assert!(!format!("{proxy:?}").contains("CANARY"), "{proxy:?}");
}

#[tokio::test(start_paused = true)]
async fn plain_http_is_forwarded_with_the_whole_url_and_the_proxys_credentials() {
    let (dial, mut incoming) = crate::support::network();
    let client = Client::builder("http://platform.test/v1")
        .allow_plain_http()
        .proxy(Proxy::all("http://Aladdin:opensesame@proxy.test:3128"))
        .dial(dial)
        .build()
        .expect("a client");
    let server = tokio::spawn(async move { answer(&mut incoming.accept().await, OK).await });
    client.send(call(), &NoAuthorization).await.expect("a reply");
    let (head, _) = server.await.expect("the proxy");
    assert!(head.starts_with("POST http://platform.test/v1/api/number/check HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "proxy-authorization"), Some(AUTHORIZED));
    assert_eq!(header(&head, "host"), Some("platform.test"));
}

#[tokio::test(start_paused = true)]
async fn socks_connects_through_to_the_platform() {
    for (scheme, port, on_the_wire) in [("socks5h", ":8080", [0x1f, 0x90]), ("socks5", "", [0, 80])] {
        let (dial, mut incoming) = crate::support::network();
        let client = Client::builder(format!("http://203.0.113.7{port}"))
            .allow_plain_http()
            .proxy(Proxy::all(format!("{scheme}://u:pw@proxy.test")))
            .dial(dial)
            .build()
            .expect("a client");
        let server = tokio::spawn(async move {
            let mut stream = incoming.accept().await;
            let mut read = async |expected: &[u8], reply: &[u8]| {
                let mut bytes = vec![0; expected.len()];
                stream.read_exact(&mut bytes).await.expect("a message");
                assert_eq!(bytes, expected);
                stream.write_all(reply).await.expect("open");
            };
            read(&[5, 1, 2], &[5, 2]).await;
            read(b"\x01\x01u\x02pw", &[1, 0]).await;
            let [high, low] = on_the_wire;
            read(&[5, 1, 0, 1, 203, 0, 113, 7, high, low], &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await;
            answer(&mut stream, OK).await
        });
        client.send(call(), &NoAuthorization).await.expect("a reply");
        let (head, _) = server.await.expect("the proxy");
        assert!(head.starts_with("POST /api/number/check HTTP/1.1\r\n"), "{head}");
    }
}

#[cfg(feature = "tls")]
mod tls {
    use numcheck_transport::Trust;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::support::request;
    use crate::tls::authority;

    #[tokio::test]
    async fn https_is_tunnelled_and_the_proxy_sees_only_the_host() {
        let (pem, acceptor) = authority("platform.test");
        let platform = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let platform_at = platform.local_addr().expect("an address");
        let served = tokio::spawn(async move {
            let (stream, _) = platform.accept().await.expect("a connection");
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            let (head, _) = request(&mut stream).await.expect("a whole request");
            stream.write_all(OK).await.expect("open");
            head
        });
        let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy_url = format!("http://Aladdin:opensesame@{}", proxy.local_addr().expect("an address"));
        let tunnelled = tokio::spawn(async move {
            let (mut client, _) = proxy.accept().await.expect("a connection");
            let (head, _) = request(&mut client).await.expect("a whole request");
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.expect("open");
            let mut platform = TcpStream::connect(platform_at).await.expect("the platform");
            let _ = tokio::io::copy_bidirectional(&mut client, &mut platform).await;
            head
        });

        let client = Client::builder("https://platform.test")
            .trust(Trust::only_pem(pem.as_bytes()).expect("readable"))
            .proxy(Proxy::all(proxy_url))
            .build()
            .expect("a client");
        client.send(call(), &NoAuthorization).await.expect("a reply");
        drop(client);
        let head = served.await.expect("the platform");
        assert!(head.starts_with("POST /api/number/check HTTP/1.1\r\n"), "{head}");
        assert!(!head.to_lowercase().contains("proxy"), "{head}");
        let connect = tunnelled.await.expect("the proxy");
        assert!(connect.starts_with("CONNECT platform.test:443 HTTP/1.1\r\n"), "{connect}");
        assert!(connect.contains(AUTHORIZED) && !connect.contains("/api"), "{connect}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_refuses_means_not_sent() {
        for (reply, reason) in [
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy authorization required"),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "unsuccessful"),
        ] {
            let (dial, mut incoming) = crate::support::network();
            let client = Client::builder("https://platform.test")
                .proxy(Proxy::all("http://u:CANARY@proxy.test:3128"))
                .dial(dial)
                .build()
                .expect("a client");
            tokio::spawn(async move {
                loop {
                    answer(&mut incoming.accept().await, reply.as_bytes()).await;
                }
            });
            let error = client.send(call(), &NoAuthorization).await.expect_err("refused");
            assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::Connect, Sent::No, 3));
            assert!(chain(&error).contains(reason), "{}", chain(&error));
            assert!(!format!("{error:?} {client:?}").contains("CANARY"));
        }
    }

    #[tokio::test]
    async fn a_proxy_on_https_is_itself_verified() {
        let (pem, acceptor) = authority("proxy.test");
        for (trust, kind) in [
            (Trust::webpki(), SendErrorKind::Tls),
            (Trust::only_pem(pem.as_bytes()).expect("readable"), SendErrorKind::Connect),
        ] {
            let acceptor = acceptor.clone();
            let dial = move |to: Address| {
                assert_eq!((to.host.as_str(), to.port), ("proxy.test", 443));
                let (ours, theirs) = tokio::io::duplex(64 << 10);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(mut stream) = acceptor.accept(theirs).await {
                        request(&mut stream).await.expect("a CONNECT");
                        stream.write_all(b"HTTP/1.1 403 No\r\n\r\n").await.expect("open");
                    }
                });
                async move { Ok(Stream::new(ours)) }
            };
            let client = Client::builder("https://platform.test")
                .trust(trust)
                .proxy(Proxy::all("https://proxy.test"))
                .dial(dial)
                .build()
                .expect("a client");
            let error = client.send(call(), &NoAuthorization).await.expect_err("refused");
            assert_eq!((error.kind(), error.sent()), (kind, Sent::No), "{}", chain(&error));
        }
    }
}
