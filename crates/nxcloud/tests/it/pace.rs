//! The platform's documented limits, kept by default: on tokio's paused clock, over connections in memory.

use std::time::Duration;

use numcheck_nxcloud::protocol::{AppKey, VerificationCode};
use numcheck_nxcloud::{CallErrorKind, Client, Sent, transport};
use tokio::time::Instant;

use crate::common::{in_memory, phone, phones};

const ACCEPTED: &str = r#"{"code":0,"msg":"success","data":{"messageId":"1","batchNo":"2"}}"#;

fn client(
    change: impl FnOnce(transport::ClientBuilder) -> transport::ClientBuilder,
) -> (Client, crate::common::MockPlatform) {
    let (dial, platform) = in_memory();
    let builder =
        Client::builder("key", "secret").appkey(AppKey::new("appkey").unwrap()).base_url("http://localhost");
    (builder.transport(|transport| change(transport.dial(dial))).build().unwrap(), platform)
}

/// When submits of so many numbers reach the platform, in milliseconds after the first.
async fn arrivals(sizes: &[usize]) -> Vec<u128> {
    let (client, mut platform) = client(|transport| transport);
    let start = Instant::now();
    let calls: Vec<_> =
        sizes.iter().map(|size| tokio::spawn(client.number_check().submit(phones(*size)).send())).collect();
    let mut arrivals = Vec::new();
    for _ in sizes {
        let request = platform.request().await;
        arrivals.push((request.at - start).as_millis());
        request.answer(ACCEPTED);
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    arrivals
}

#[tokio::test(start_paused = true)]
async fn ten_submits_a_second_of_at_most_2000_numbers() {
    assert_eq!(arrivals(&[2000; 4]).await, [0, 100, 200, 300]);
}

#[tokio::test(start_paused = true)]
async fn one_submit_a_second_above_2000_numbers() {
    assert_eq!(arrivals(&[2001; 3]).await, [0, 1000, 2000]);
}

#[tokio::test(start_paused = true)]
async fn checks_of_codes_have_no_documented_limit_and_wait_for_nothing() {
    let (client, mut platform) = client(|transport| transport);
    let start = Instant::now();
    for _ in 0..20 {
        let check = client.whatsapp().check_code(phone("8613800138000"), VerificationCode::new("1").unwrap());
        let check = tokio::spawn(check);
        let request = platform.request().await;
        assert_eq!(request.at, start);
        request.answer(r#"{"code":0,"data":null}"#);
        check.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_submit_that_would_wait_too_long_is_not_sent() {
    let mut limits = transport::Limits::default();
    limits.rate_wait = Duration::from_millis(50);
    let (client, mut platform) = client(|transport| transport.limits(limits));
    let first = tokio::spawn(client.number_check().submit(phones(1)).send());
    platform.request().await.answer(ACCEPTED);
    first.await.unwrap().unwrap();
    let error = client.number_check().submit(phones(1)).send().await.unwrap_err();
    assert_eq!((error.kind(), error.sent(), error.attempts()), (CallErrorKind::Transport, Sent::No, 0));
    assert_eq!(error.transport_error().unwrap().kind(), transport::SendErrorKind::RateLimited);
    assert!(!error.may_have_happened() && platform.waiting().await.is_empty());
}
