//! Pushes that are signed on request.

use std::time::Duration;

use crate::common::{CHECK, Pushed, Receiver, Signed, order, submit};
use numcheck_sandbox::{Account, Clock, Faults, PushFault, Sandbox, When};
use numcheck_signing::{Algorithm, Body, Input, Secret, check_freshness, verify};

const NAMES: [&str; 5] = ["accessKey", "ts", "bizType", "action", "sign"];

fn value<'a>(push: &'a Pushed, name: &str) -> &'a str {
    push.headers[name].to_str().unwrap()
}

/// Whether a push is signed with this secret.
fn is_signed(push: &Pushed, secret: &str, algorithm: Algorithm) -> bool {
    let input = Input {
        access_key: value(push, "accessKey"),
        action: value(push, "action"),
        biz_type: value(push, "bizType"),
        ts: value(push, "ts"),
        body: Body::Json(push.body.as_bytes()),
    };
    verify(&input, &Secret::from(secret), algorithm, value(push, "sign")).is_ok()
}

#[tokio::test]
async fn pushes_are_not_signed_unless_that_is_wanted() {
    let sandbox = Sandbox::builder().clock(Clock::manual(1_700_000_000_000)).start().await.unwrap();
    let receiver = Receiver::start().await;
    submit(&sandbox, "8613800138000", &receiver.field()).await;
    sandbox.advance(Duration::from_secs(1));
    let push = receiver.wait_for(1).await.remove(0);
    assert!(NAMES.iter().all(|name| !push.headers.contains_key(*name)), "{:?}", push.headers);
}

#[tokio::test]
async fn every_attempt_is_signed_anew_over_its_exact_body_with_the_accounts_secret() {
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let clock = Clock::manual(1_700_000_000_000);
        let sandbox = Sandbox::builder().clock(clock).sign_pushes(algorithm).start().await.unwrap();
        let receiver = Receiver::start().await;
        receiver.answer_with([503, 401]);
        submit(&sandbox, "8613800138000", &receiver.field()).await;
        let mut stamps = Vec::new();
        for attempt in 1..=3 {
            sandbox.advance(Duration::from_secs(60));
            sandbox.settled().await;
            let push = receiver.wait_for(attempt).await.pop().unwrap();
            assert!(is_signed(&push, Account::ACCESS_SECRET, algorithm), "{algorithm} {attempt}");
            assert_eq!(
                (value(&push, "accessKey"), value(&push, "bizType"), value(&push, "action")),
                (Account::ACCESS_KEY, "1", "numbercheck")
            );
            assert!(check_freshness(value(&push, "ts"), sandbox.clock().now_ms(), 0).is_ok());
            assert_eq!(value(&push, "algorithm"), algorithm.as_str());
            stamps.push(value(&push, "ts").to_owned());
        }
        stamps.dedup();
        assert_eq!(stamps.len(), 3, "{stamps:?}");
    }
}

#[tokio::test]
async fn each_accounts_pushes_are_signed_with_its_own_secret_in_its_own_dialect() {
    let clock = Clock::manual(1_700_000_000_000);
    let sandbox = Sandbox::builder().clock(clock).sign_pushes(Algorithm::Md5).start().await.unwrap();
    let receiver = Receiver::start().await;
    let ask = Signed::new(&sandbox, CHECK, order("8613800138000", &receiver.field())).in_v2();
    ask.send(&sandbox).await;
    sandbox.advance(Duration::from_secs(1));
    let push = receiver.wait_for(1).await.remove(0);
    assert_eq!(value(&push, "accessKey"), Account::V2_ACCESS_KEY);
    assert!(is_signed(&push, Account::V2_ACCESS_SECRET, Algorithm::Md5));
    assert!(!is_signed(&push, Account::ACCESS_SECRET, Algorithm::Md5));
    assert!(push.json()["requestId"].is_string());
}

#[tokio::test]
async fn a_wrong_signature_can_be_had_and_the_next_attempt_is_right() {
    let clock = Clock::manual(1_700_000_000_000);
    let faults = Faults::none().push(When::Next(1), PushFault::WrongSign);
    let sandbox =
        Sandbox::builder().clock(clock).sign_pushes(Algorithm::Md5).faults(faults).start().await.unwrap();
    let receiver = Receiver::start().await;
    receiver.answer_with([401]);
    submit(&sandbox, "8613800138000", &receiver.field()).await;
    for right in [false, true] {
        sandbox.advance(Duration::from_secs(60));
        sandbox.settled().await;
        let push = receiver.pushes().pop().unwrap();
        assert_eq!(is_signed(&push, Account::ACCESS_SECRET, Algorithm::Md5), right);
    }
    assert_eq!((receiver.pushes().len(), sandbox.journal().counts().accepted), (2, 1));
}
