//! Calls whose attempts the caller confirms before they are signed.

use std::sync::{Arc, Mutex};

use numcheck_nxcloud::transport::{self, Attempt, BoxError, Confirm};
use numcheck_nxcloud::{CallError, CallErrorKind, Sent};
use numcheck_sandbox::{Clock, Sandbox, Service};

use crate::common::{Front, builder, chain, client_in_memory, phone, phones};

const HOUR_MS: i64 = 3_600_000;

type Times = Arc<Mutex<Vec<u64>>>;

/// Notes the times that are about to be signed, and refuses from the attempt `refuses_from` on.
fn noting(refuses_from: u32) -> (Arc<dyn Confirm>, Times) {
    let times = Times::default();
    let notes = Arc::clone(&times);
    let confirm = move |attempt: Attempt<'_>| {
        let refused = attempt.number >= refuses_from;
        if !refused {
            notes.lock().unwrap().push(attempt.now_ms);
        }
        async move { if refused { Err::<(), BoxError>("the claim was revoked".into()) } else { Ok(()) } }
    };
    (Arc::new(confirm), times)
}

fn assert_not_confirmed(error: &CallError, attempts: u32) {
    assert_eq!(
        (error.kind(), error.sent(), error.attempts()),
        (CallErrorKind::Transport, Sent::No, attempts),
        "{error}"
    );
    assert_eq!(error.transport_error().unwrap().kind(), transport::SendErrorKind::NotConfirmed);
    assert!(!error.may_have_happened() && !error.has_reply());
    assert!(chain(error).ends_with("<- the claim was revoked"), "{}", chain(error));
}

#[tokio::test]
async fn both_attempts_of_a_submit_are_signed_with_the_times_that_were_confirmed() {
    let sandbox = Sandbox::builder().clock(Clock::system_off_by(HOUR_MS)).start().await.unwrap();
    let front = Front::start(sandbox.nxcloud_addr(), None).await;
    let client = builder(&sandbox).base_url(format!("http://{}", front.address)).build().unwrap();
    let (confirm, times) = noting(u32::MAX);
    client.number_check().submit(phones(1)).confirm(confirm).send().await.unwrap();
    let signed: Vec<u64> =
        front.requests().await.iter().map(|request| request.header("ts").unwrap().parse().unwrap()).collect();
    assert_eq!(*times.lock().unwrap(), signed);
    assert_eq!(signed.len(), 2);
    assert!(signed[1] - signed[0] > HOUR_MS as u64 / 2, "the second one is the corrected time: {signed:?}");
}

#[tokio::test]
async fn a_runner_that_lost_its_claim_does_not_repeat_a_submit_that_was_refused_for_its_clock() {
    let sandbox = Sandbox::builder().clock(Clock::system_off_by(HOUR_MS)).start().await.unwrap();
    let client = builder(&sandbox).build().unwrap();
    let (confirm, _) = noting(2);
    let error = client.number_check().submit(phones(1)).confirm(confirm).send().await.unwrap_err();
    assert_not_confirmed(&error, 2);
    let codes: Vec<_> = sandbox.journal().requests().map(|request| request.code).collect();
    assert_eq!(codes, [Some(1004)], "the repeat never arrived");
    assert_eq!(sandbox.ledger().count(Service::Basic, 0), 0);
}

#[tokio::test(start_paused = true)]
async fn an_instant_check_is_confirmed_like_a_submit() {
    let (client, mut platform) = client_in_memory();
    let (confirm, times) = noting(u32::MAX);
    let check = client.number_check().get(phone("8613800500000"));
    let call = tokio::spawn(check.clone().confirm(confirm).send());
    let request = platform.request().await;
    assert_eq!(request.seen.header("ts").unwrap(), times.lock().unwrap()[0].to_string());
    request.answer(r#"{"code":0,"message":"ok","data":{}}"#);
    call.await.unwrap().unwrap();

    let (refuses, _) = noting(1);
    assert_not_confirmed(&check.confirm(refuses).send().await.unwrap_err(), 1);
    assert!(platform.waiting().await.is_empty());
}
