//! Over TLS: a terminator with an authority of our own before the sandbox.

use std::sync::Arc;

use numcheck_qxt::transport::{SendErrorKind, Trust};
use numcheck_qxt::{Client, Sent};
use numcheck_sandbox::Sandbox;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

use crate::common::{Front, builder, chain, mobile};

/// An authority in PEM, and a server with a certificate from it for this machine.
fn authority() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(vec!["Test authority".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
    (issuer.pem(), Arc::new(config).into())
}

fn client(sandbox: &Sandbox, front: &Front, trust: Trust) -> Client {
    let builder = builder(sandbox).base_url(format!("https://{}", front.address));
    builder.transport(|transport| transport.trust(trust)).build().unwrap()
}

#[tokio::test]
async fn an_authority_that_was_given_is_trusted() {
    let sandbox = Sandbox::start().await.unwrap();
    let (pem, acceptor) = authority();
    let front = Front::start(sandbox.qxt_addr(), Some(acceptor)).await;
    let client = client(&sandbox, &front, Trust::webpki().and_pem(pem.as_bytes()).unwrap());
    let answer = client.check(mobile("18466849135")).await.unwrap();
    assert_eq!(answer.is_privacy(), Some(true));
    assert_eq!(sandbox.journal().requests().count(), 1);
}

#[tokio::test]
async fn an_unknown_authority_is_refused_with_its_reason_and_nothing_is_sent() {
    let sandbox = Sandbox::start().await.unwrap();
    let (_, acceptor) = authority();
    let front = Front::start(sandbox.qxt_addr(), Some(acceptor)).await;
    let error = client(&sandbox, &front, Trust::webpki()).check(mobile("18466849135")).await.unwrap_err();
    assert_eq!((error.sent(), error.may_have_happened(), error.attempts()), (Sent::No, false, 1));
    assert_eq!(error.transport_error().unwrap().kind(), SendErrorKind::Tls);
    assert_eq!(
        error.to_string(),
        format!(
            "qxt.privacy: the TLS handshake with {} was refused; not sent (attempt 1): check the certificate authority, the host \
         name and this machine's clock",
            front.address
        )
    );
    assert!(chain(&error).contains("UnknownIssuer"), "{}", chain(&error));
    assert_eq!(sandbox.journal().requests().count(), 0);
}
