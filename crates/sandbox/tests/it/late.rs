//! Requests that are lost or late, clocks that are wrong, and the ledger that decides what was paid twice.

use std::time::Duration;

use crate::common::{CHECK, GET, Receiver, Signed, order, privacy, send, submit};
use numcheck_protocol::number_check::KnownCheckLevel;
use numcheck_sandbox::{
    Account, Assumptions, Clock, Fault, Faults, Operation, RepeatedBatchNo, Sandbox, Service, When,
};
use serde_json::json;
use tokio::io::AsyncWriteExt;

const NOW: u64 = 1_713_787_200_000;
const PHONE: &str = "8613800138000";

async fn sandbox() -> Sandbox {
    Sandbox::builder().clock(Clock::manual(NOW)).start().await.unwrap()
}

fn charged(sandbox: &Sandbox) -> u64 {
    sandbox.ledger().count(Service::Basic, 0)
}

#[tokio::test]
async fn the_answers_and_requests_of_chosen_submits_are_lost() {
    let sandbox = sandbox().await;
    sandbox.set_faults(
        Faults::none()
            .request(Operation::Submit, When::Nth(2), Fault::AcceptThenClose)
            .request(Operation::Submit, When::Nth(3), Fault::Close)
            .request(Operation::Submit, When::Nth(4), Fault::AcceptThenCode(299)),
    );
    let mut answers = Vec::new();
    for _ in 0..5 {
        let reply = Signed::new(&sandbox, CHECK, order(PHONE, "")).try_send(&sandbox).await;
        answers.push((reply.map(|reply| reply.code()), charged(&sandbox)));
    }
    assert_eq!(answers, [(Some(0), 1), (None, 2), (None, 2), (Some(299), 3), (Some(0), 4)]);
}

#[tokio::test]
async fn a_request_that_is_held_is_looked_at_late_and_its_ts_may_be_too_old_by_then() {
    for (held, code, count) in [(60, 0, 1), (61, 1004, 0)] {
        let sandbox = sandbox().await;
        let hold = Fault::Hold(Duration::from_secs(held));
        sandbox.set_faults(Faults::none().request(Operation::Submit, When::Nth(1), hold));
        let request = Signed::new(&sandbox, CHECK, order(PHONE, ""));
        let address = sandbox.nxcloud_addr();
        let first = tokio::spawn(async move { request.send_to(address).await.unwrap() });
        sandbox.journal_when(|journal| journal.counts().notes == 1).await;
        sandbox.advance(Duration::from_secs(held));
        assert_eq!((first.await.unwrap().code(), charged(&sandbox)), (code, count), "{held}");
    }
}

#[tokio::test]
async fn a_held_request_is_carried_out_although_its_sender_has_hung_up() {
    let sandbox = sandbox().await;
    let hold = Fault::Hold(Duration::from_secs(3));
    sandbox.set_faults(Faults::none().request(Operation::Submit, When::Nth(1), hold));
    let request = Signed::new(&sandbox, CHECK, order(PHONE, r#","batchNo":"late""#));
    let mut stream = tokio::net::TcpStream::connect(sandbox.nxcloud_addr()).await.unwrap();
    let mut head = format!("POST {CHECK} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", request.body.len());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{}", request.body).as_bytes()).await.unwrap();
    sandbox.journal_when(|journal| journal.counts().notes == 1).await;
    drop(stream);
    assert_eq!(submit(&sandbox, PHONE, r#","batchNo":"soon""#).await.code(), 0, "others are not held");
    sandbox.advance(Duration::from_secs(3));
    let journal = sandbox.journal_when(|journal| journal.counts().requests == 2).await;
    let order: Vec<_> = journal.requests().map(|request| request.batch_no.clone().unwrap()).collect();
    assert_eq!(order, ["soon", "late"]);
    assert_eq!(sandbox.times_accepted(Account::ACCESS_KEY, Service::Basic, PHONE), 2);
}

#[tokio::test]
async fn a_step_of_the_clock_shows_in_date_and_freshness_and_moves_no_delay() {
    let receiver = Receiver::start().await;
    let sandbox = Sandbox::builder().clock(Clock::manual(NOW)).callback_delay(Duration::from_secs(10));
    let sandbox = sandbox.start().await.unwrap();
    let submitted = submit(&sandbox, PHONE, &receiver.field()).await;
    assert_eq!(submitted.header("date"), Some("Mon, 22 Apr 2024 12:00:00 GMT"));
    for (step_ms, date) in
        [(3_600_000, "Mon, 22 Apr 2024 13:00:00 GMT"), (-90_000_000, "Sun, 21 Apr 2024 12:00:00 GMT")]
    {
        sandbox.step_clock(step_ms);
        let stale = Signed { ts: NOW.to_string(), ..Signed::new(&sandbox, CHECK, order(PHONE, "")) };
        let stale = stale.send(&sandbox).await;
        assert_eq!((stale.code(), stale.header("date")), (1004, Some(date)));
        assert_eq!(submit(&sandbox, PHONE, "").await.code(), 0, "by its own clock it is fresh");
    }
    sandbox.advance(Duration::from_millis(9_999));
    sandbox.settled().await;
    assert_eq!(receiver.pushes().len(), 0);
    sandbox.advance(Duration::from_millis(1));
    receiver.wait_for(1).await;
}

#[tokio::test]
async fn the_ledger_counts_each_number_by_account_level_and_service_over_every_way_to_pay() {
    let sandbox = sandbox().await;
    let get =
        async || Signed::new(&sandbox, GET, order(PHONE, r#","batchNo":"g""#)).in_v2().send(&sandbox).await;
    let of = |key: &str, level: Service| sandbox.times_accepted(key, level, PHONE);
    submit(&sandbox, PHONE, r#","batchNo":"a""#).await;
    submit(&sandbox, PHONE, r#","checkLevel":5,"batchNo":"b""#).await;
    assert_eq!(get().await.code(), 0);
    privacy(&sandbox, "18819079212").await;
    assert!(sandbox.accepted_twice().is_empty());
    assert_eq!([Service::Basic, Service::Hlr].map(|level| of(Account::ACCESS_KEY, level)), [1, 1]);
    assert_eq!(sandbox.times_accepted(Account::ACCESS_KEY, KnownCheckLevel::Call, PHONE), 0);
    assert_eq!((of(Account::V2_ACCESS_KEY, Service::Basic), of("nobody", Service::Basic)), (1, 0));

    // An instant check and a submit at level basic are the same to whoever pays.
    let again = Signed::new(&sandbox, CHECK, order(PHONE, r#","batchNo":"h""#)).in_v2();
    assert_eq!(again.send(&sandbox).await.code(), 0);
    privacy(&sandbox, "18819079212").await;
    let twice = sandbox.paid_twice();
    let shown: Vec<_> = twice
        .iter()
        .map(|repeat| (repeat.account.as_str(), repeat.service, repeat.phone.as_str(), repeat.accepted))
        .collect();
    assert_eq!(
        shown,
        [
            (Account::V2_ACCESS_KEY, Service::Basic, "861********00", 2),
            (Account::ACCESS_KEY, Service::Privacy, "18*******12", 2)
        ]
    );
    assert_eq!(twice[0].batches, ["g", "h"]);
    let page = send(sandbox.nxcloud_addr(), "GET", "/_sandbox/tally.json", &[], b"").await.unwrap();
    let page = page.json();
    assert_eq!((&page["submits"], &page["accepted"], &page["distinct"]), (&json!(4), &json!(6), &json!(4)));
    assert_eq!((&page["repeated"], &page["paid_twice"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn what_was_refused_or_merged_was_not_accepted_and_the_ledger_forgets_nothing() {
    let mut assumptions = Assumptions::default();
    assumptions.repeated_batch_no = RepeatedBatchNo::Merge;
    let sandbox =
        Sandbox::builder().clock(Clock::manual(NOW)).assumptions(assumptions).start().await.unwrap();
    let times = || sandbox.times_accepted(Account::ACCESS_KEY, Service::Basic, PHONE);
    for batch in ["a", "a", "sandbox-206"] {
        submit(&sandbox, PHONE, &format!(r#","batchNo":"{batch}""#)).await;
    }
    assert_eq!(times(), 1);
    // A query no longer finds the first, and yet it was paid.
    sandbox.advance(Duration::from_secs(20 * 24 * 3600));
    submit(&sandbox, PHONE, r#","batchNo":"b""#).await;
    assert_eq!((times(), sandbox.paid_twice().len()), (2, 1));
}

#[tokio::test]
async fn a_number_that_fails_twice_was_accepted_twice_and_paid_for_never() {
    let sandbox = sandbox().await;
    for batch in ["a", "b"] {
        submit(&sandbox, "8613800000114", &format!(r#","batchNo":"{batch}""#)).await;
    }
    let twice = sandbox.accepted_twice();
    assert_eq!((twice.len(), twice[0].accepted, twice[0].charged), (1, 2, 0));
    assert!(sandbox.paid_twice().is_empty());
}

#[tokio::test]
async fn a_number_that_was_charged_without_being_taken_counts_as_paid() {
    let mut assumptions = Assumptions::default();
    assumptions.charge_not_taken = true;
    let sandbox =
        Sandbox::builder().clock(Clock::manual(NOW)).assumptions(assumptions).start().await.unwrap();
    for (path, batch) in [(CHECK, "a"), (GET, "b")] {
        let body = order("8613800003401", &format!(r#","batchNo":"{batch}""#));
        assert_eq!(Signed::new(&sandbox, path, body).in_v2().send(&sandbox).await.code(), 0);
    }
    let twice = sandbox.paid_twice();
    assert_eq!((twice.len(), twice[0].accepted, twice[0].charged), (1, 0, 2));
    assert_eq!(twice[0].batches, ["a", "b"]);
}

#[tokio::test]
async fn the_bodies_of_all_requests_together_are_bounded_and_what_has_no_room_is_told() {
    let sandbox = Sandbox::builder().clock(Clock::manual(NOW)).body_limit(1000).start().await.unwrap();
    let hold = Fault::Hold(Duration::from_secs(3));
    sandbox.set_faults(Faults::none().request(Operation::Submit, When::Next(4), hold));
    let phones = vec![PHONE; 65].join(",");
    let request = || Signed::new(&sandbox, CHECK, order(&phones, ""));
    assert!((900..=1000).contains(&request().body.len()), "four of them leave no room for a fifth");
    let address = sandbox.nxcloud_addr();
    let mut held = Vec::new();
    for at in 1..=4 {
        let request = request();
        held.push(tokio::spawn(async move { request.send_to(address).await.unwrap() }));
        sandbox.journal_when(|journal| journal.counts().notes == at).await;
    }
    // The sandbox may answer before it has read everything, and the client may see the connection end first.
    if let Some(reply) = request().try_send(&sandbox).await {
        assert_eq!(reply.status, 503);
    }
    let journal = sandbox.journal_when(|journal| journal.counts().requests == 1).await;
    let refused = journal.requests().next().unwrap();
    assert_eq!(refused.status, Some(503));
    assert!(refused.why.contains("take all the room"), "{}", refused.why);
    sandbox.advance(Duration::from_secs(3));
    for held in held {
        assert_eq!(held.await.unwrap().code(), 0);
    }
    assert_eq!(request().send(&sandbox).await.code(), 0, "what was answered takes no room");
}
