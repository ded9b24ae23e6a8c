//! TLS with an authority of our own.

use std::sync::Arc;

use numcheck_transport::{
    Address, BuildError, Call, Client, ClientCertificate, NoAuthorization, SendErrorKind, Sent, Stream, Trust,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{OK, chain, costly, request};

/// An authority in PEM, and a server with a certificate from it for `name`.
pub(crate) fn authority(name: &str) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(vec!["Test authority".to_owned()]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a server");
    (issuer.pem(), Arc::new(config).into())
}

/// A client of `https://platform.test` whose connections end at this server, in memory.
fn client(trust: Trust, acceptor: TlsAcceptor) -> Client {
    let dial = move |_: Address| {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Ok(mut stream) = acceptor.accept(theirs).await {
                while request(&mut stream).await.is_some() {
                    stream.write_all(OK).await.expect("open");
                }
            }
        });
        async move { Ok(Stream::new(ours)) }
    };
    Client::builder("https://platform.test").trust(trust).dial(dial).build().expect("a client")
}

fn call() -> Call {
    Call::new(&costly()).body("{}")
}

#[tokio::test]
async fn an_authority_that_was_given_is_trusted_alone_and_beside_the_usual_ones() {
    let (pem, acceptor) = authority("platform.test");
    for trust in [Trust::only_pem(pem.as_bytes()), Trust::webpki().and_pem(pem.as_bytes())] {
        let client = client(trust.expect("readable"), acceptor.clone());
        let reply = client.send(call(), &NoAuthorization).await.expect("a reply");
        assert_eq!(reply.status.as_u16(), 200);
    }
}

#[tokio::test]
async fn an_unknown_authority_is_refused_once_and_nothing_is_sent() {
    let (_, acceptor) = authority("platform.test");
    let (other, _) = authority("platform.test");
    for trust in [Trust::webpki(), Trust::only_pem(other.as_bytes()).expect("readable")] {
        let error =
            client(trust, acceptor.clone()).send(call(), &NoAuthorization).await.expect_err("a stranger");
        assert_eq!((error.kind(), error.sent(), error.attempts()), (SendErrorKind::Tls, Sent::No, 1));
        assert_eq!(
            error.to_string(),
            "number_check.submit: the TLS handshake with platform.test:443 was refused; not sent (attempt 1): check the certificate authority, \
             the host name and this machine's clock"
        );
        assert!(
            chain(&error).contains("UnknownIssuer") || chain(&error).contains("BadSignature"),
            "{}",
            chain(&error)
        );
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let (pem, acceptor) = authority("other.test");
    let trust = Trust::only_pem(pem.as_bytes()).expect("readable");
    let error = client(trust, acceptor).send(call(), &NoAuthorization).await.expect_err("another host");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::Tls, Sent::No));
    assert!(chain(&error).contains("platform.test"), "{}", chain(&error));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_refused_and_nothing_is_sent() {
    let dial = |_: Address| async {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        tokio::spawn(
            async move { theirs.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.map(|()| theirs) },
        );
        Ok(Stream::new(ours))
    };
    let client = Client::builder("https://platform.test").dial(dial).build().expect("a client");
    let error = client.send(call(), &NoAuthorization).await.expect_err("no TLS");
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::Tls, Sent::No), "{}", chain(&error));
}

#[tokio::test]
async fn over_tcp_to_an_ip_address() {
    let (pem, acceptor) = authority("127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut stream = acceptor.accept(stream).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), None, "the server offered none");
        request(&mut stream).await.expect("a whole request");
        stream.write_all(OK).await.expect("open");
        stream.shutdown().await.expect("open");
    });
    let trust = Trust::only_pem(pem.as_bytes()).expect("readable");
    let client = Client::builder(url).trust(trust).build().expect("a client");
    let reply = client.send(call(), &NoAuthorization).await.expect("a reply");
    assert_eq!(reply.body.len(), 10);
}

#[tokio::test]
#[cfg(feature = "native-roots")]
async fn the_platforms_authorities_do_not_include_ours() {
    match Trust::platform() {
        Ok(trust) => {
            let (_, acceptor) = authority("platform.test");
            let error = client(trust, acceptor).send(call(), &NoAuthorization).await.expect_err("a stranger");
            assert_eq!((error.kind(), error.sent()), (SendErrorKind::Tls, Sent::No));
        }
        Err(error) => {
            assert!(matches!(error, BuildError::Certificates { .. }), "{error}")
        }
    }
}

/// A server that lets in whom this authority vouches for, and such a certificate with its key, in PEM.
fn gateway() -> (String, TlsAcceptor, [String; 2]) {
    let mut params = CertificateParams::new(vec!["Test authority".to_owned()]).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let [server, client] = ["platform.test", "our-service"].map(|name| {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        (params.signed_by(&key, &issuer).expect("a certificate"), key)
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(issuer.der().clone()).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .expect("a verifier");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![server.0.der().clone()],
            PrivatePkcs8KeyDer::from(server.1.serialize_der()).into(),
        )
        .expect("a server");
    (issuer.pem(), Arc::new(config).into(), [client.0.pem(), client.1.serialize_pem()])
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_the_clients() {
    let (authority, acceptor, [chain, key]) = gateway();
    let dial = move |_: Address| {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut stream = acceptor.accept(theirs).await?;
            while request(&mut stream).await.is_some() {
                stream.write_all(OK).await?;
            }
            std::io::Result::Ok(())
        });
        async move { Ok(Stream::new(ours)) }
    };
    let trust = Trust::only_pem(authority.as_bytes()).expect("readable");
    let builder = || Client::builder("https://platform.test").trust(trust.clone()).dial(dial.clone());
    let certificate = ClientCertificate::from_pem(chain.as_bytes(), key.as_bytes()).expect("readable");
    assert_eq!(format!("{certificate:?}"), "ClientCertificate(***)");
    let client = builder().client_certificate(certificate).build().expect("a client");
    assert_eq!(client.send(call(), &NoAuthorization).await.expect("a reply").status, 200);
    let nobody = builder().build().expect("a client");
    nobody.send(call(), &NoAuthorization).await.expect_err("no certificate");
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let (_, _, [chain, key]) = gateway();
    let (_, _, [_, other_key]) = gateway();
    for (chain, key) in [("", &*key), (&*chain, ""), (&*chain, &*chain)] {
        let refused = ClientCertificate::from_pem(chain.as_bytes(), key.as_bytes());
        assert!(matches!(refused, Err(BuildError::ClientCertificate { .. })), "{refused:?}");
    }
    let foreign = ClientCertificate::from_pem(chain.as_bytes(), other_key.as_bytes()).expect("readable");
    let built = Client::builder("https://platform.test").client_certificate(foreign).build();
    assert!(matches!(built, Err(BuildError::ClientCertificate { .. })), "{built:?}");
}
