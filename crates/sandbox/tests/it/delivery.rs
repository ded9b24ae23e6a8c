//! How results travel: when, how often, where to, and what counts as accepted.

use std::time::Duration;

use crate::common::{Receiver, submit};
use numcheck_protocol::CallbackUrl;
use numcheck_sandbox::{
    Account, Assumptions, Clock, Faults, PushAnswer, PushFault, PushNext, PushPolicy, Sandbox,
    SandboxBuilder, Service, When,
};

const NOW: u64 = 1_700_000_000_000;
const PHONE: &str = "8613800138000";
const MINUTE: Duration = Duration::from_secs(60);

fn standing_still() -> SandboxBuilder {
    Sandbox::builder().clock(Clock::manual(NOW))
}

async fn advance(sandbox: &Sandbox, by: Duration) {
    sandbox.advance(by);
    sandbox.settled().await;
}

#[tokio::test]
async fn nothing_is_pushed_before_the_delay_is_over() {
    let receiver = Receiver::start().await;
    let sandbox = standing_still().callback_delay(Duration::from_secs(10)).start().await.unwrap();
    submit(&sandbox, PHONE, &receiver.field()).await;
    advance(&sandbox, Duration::from_millis(9_999)).await;
    assert_eq!((receiver.pushes().len(), sandbox.pushes_left()), (0, (1, 0)));
    advance(&sandbox, Duration::from_millis(1)).await;
    assert_eq!((receiver.pushes().len(), sandbox.pushes_left()), (1, (0, 0)));
}

#[tokio::test]
async fn a_refused_push_is_tried_again_every_minute_for_60_minutes_and_then_given_up() {
    let receiver = Receiver::start().await;
    receiver.answer_with([503; 100]);
    let sandbox = standing_still().start().await.unwrap();
    submit(&sandbox, PHONE, &receiver.field()).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    for minute in 1..=60 {
        assert_eq!(receiver.pushes().len(), minute);
        advance(&sandbox, MINUTE - Duration::from_millis(1)).await;
        assert_eq!(receiver.pushes().len(), minute, "a minute is not over");
        advance(&sandbox, Duration::from_millis(1)).await;
    }
    assert_eq!(receiver.pushes().len(), 61);
    advance(&sandbox, MINUTE * 1000).await;
    assert_eq!(receiver.pushes().len(), 61);
    let journal = sandbox.journal();
    let last = journal.pushes().last().unwrap();
    assert_eq!((last.attempt, last.answer, last.next), (61, PushAnswer::Status(503), PushNext::GivenUp));
    assert_eq!((journal.counts().pushes, journal.counts().given_up, journal.counts().accepted), (61, 1, 0));
    // Every attempt was the same.
    let bodies: std::collections::HashSet<String> =
        receiver.pushes().into_iter().map(|push| push.body).collect();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn an_hour_at_once_makes_up_for_all_retries() {
    let receiver = Receiver::start().await;
    receiver.answer_with([500; 100]);
    let sandbox = standing_still().minute(Duration::from_secs(1)).start().await.unwrap();
    submit(&sandbox, PHONE, &receiver.field()).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    advance(&sandbox, Duration::from_secs(60)).await;
    assert_eq!(receiver.pushes().len(), 61);
}

#[tokio::test]
async fn exactly_200_ends_the_retries_and_nothing_else_does() {
    let receiver = Receiver::start().await;
    let others = [201, 202, 204, 301, 302, 307, 400, 404, 429, 500, 503];
    receiver.answer_with(others);
    let sandbox = standing_still().start().await.unwrap();
    submit(&sandbox, PHONE, &receiver.field()).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    for _ in others {
        advance(&sandbox, MINUTE).await;
    }
    advance(&sandbox, MINUTE * 60).await;
    let statuses: Vec<PushAnswer> = sandbox.journal().pushes().map(|push| push.answer).collect();
    let wanted: Vec<PushAnswer> = others.into_iter().chain([200]).map(PushAnswer::Status).collect();
    assert_eq!(statuses, wanted);
    assert_eq!(sandbox.journal().counts().accepted, 1);
}

#[tokio::test]
async fn a_switch_lets_any_2xx_count() {
    let receiver = Receiver::start().await;
    receiver.answer_with([204]);
    let mut assumptions = Assumptions::default();
    assumptions.any_2xx_accepts_a_push = true;
    let sandbox = standing_still().assumptions(assumptions).start().await.unwrap();
    submit(&sandbox, PHONE, &receiver.field()).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    assert_eq!(sandbox.journal().pushes().next().unwrap().next, PushNext::Done);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_yet_gets_its_results_later() {
    // Bound and not listening: nobody is there, and nobody else can take the port.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let sandbox = standing_still().start().await.unwrap();
    submit(&sandbox, PHONE, &format!(r#","drUrl":"http://{address}/x""#)).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    let journal = sandbox.journal();
    let first = journal.pushes().next().unwrap();
    assert_eq!(first.answer, PushAnswer::NotConnected);
    assert_eq!(first.next, PushNext::RetryAt(NOW + 1_000 + 60_000));
}

#[tokio::test]
async fn a_receiver_that_says_nothing_is_not_waited_for_for_ever() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let sandbox = standing_still().push_timeout(Duration::from_millis(50)).start().await.unwrap();
    submit(&sandbox, PHONE, &format!(r#","drUrl":"http://{address}/x""#)).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    assert_eq!(sandbox.journal().pushes().next().unwrap().answer, PushAnswer::TimedOut);
}

#[tokio::test]
async fn a_receiver_that_speaks_no_http_or_hangs_up_is_an_error() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for answer in [&b"SSH-2.0-nothing\r\n\r\n"[..], b""] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rude = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut some = [0; 16];
            stream.read_exact(&mut some).await.unwrap();
            stream.write_all(answer).await.unwrap();
        });
        let sandbox = standing_still().start().await.unwrap();
        submit(&sandbox, PHONE, &format!(r#","drUrl":"http://{address}/x""#)).await;
        advance(&sandbox, Duration::from_secs(1)).await;
        assert_eq!(sandbox.journal().pushes().next().unwrap().answer, PushAnswer::Broken);
        rude.await.unwrap();
    }
}

#[tokio::test]
async fn by_default_results_go_to_this_machine_only_and_the_journal_says_so() {
    let sandbox = standing_still().start().await.unwrap();
    for url in ["http://192.0.2.1/x", "http://example.org/x", "https://127.0.0.1/x"] {
        let reply = submit(&sandbox, PHONE, &format!(r#","drUrl":"{url}","batchNo":"far""#)).await;
        assert_eq!(reply.code(), 0);
    }
    advance(&sandbox, MINUTE).await;
    let journal = sandbox.journal();
    assert_eq!((journal.pushes().count(), journal.notes().count()), (0, 3));
    let note = journal.notes().next().unwrap();
    assert!(note.text.contains("loopback") && note.batch_no.as_deref() == Some("far"), "{note:?}");
    // Checked and charged all the same.
    assert_eq!(sandbox.ledger().count(Service::Basic, 0), 3);
}

#[tokio::test]
async fn without_a_dr_url_the_accounts_own_is_used_and_without_both_nothing_is_pushed() {
    let receiver = Receiver::start().await;
    let mut account = Account::default();
    account.callback_url = Some(CallbackUrl::new(&format!("http://{}/own", receiver.address)).unwrap());
    let sandbox = standing_still().account(account).start().await.unwrap();
    submit(&sandbox, PHONE, "").await;
    advance(&sandbox, Duration::from_secs(1)).await;
    assert_eq!(receiver.pushes()[0].path, "/own");
    submit(&sandbox, PHONE, &receiver.field()).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    assert_eq!(receiver.pushes()[1].path, "/results");

    let sandbox = standing_still().start().await.unwrap();
    assert_eq!(submit(&sandbox, PHONE, "").await.code(), 0);
    advance(&sandbox, MINUTE).await;
    assert_eq!(sandbox.journal().notes().count(), 1);
}

#[tokio::test]
async fn localhost_is_this_machine_by_name() {
    let receiver = Receiver::start().await;
    let sandbox = standing_still().allow_push_to(PushPolicy::Loopback).start().await.unwrap();
    submit(&sandbox, PHONE, &format!(r#","drUrl":"http://localhost:{}/x""#, receiver.address.port())).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    assert_eq!(receiver.pushes().len(), 1);
}

#[tokio::test]
async fn connections_are_kept_and_never_more_than_allowed() {
    let receiver = Receiver::start().await;
    let sandbox = standing_still().push_connections(3).start().await.unwrap();
    let numbers: Vec<String> = (0..300).map(|n| format!("86138123{n:05}")).collect();
    submit(&sandbox, &numbers.join(","), &receiver.field()).await;
    advance(&sandbox, Duration::from_secs(1)).await;
    assert_eq!(receiver.pushes().len(), 300);
    assert!((1..=3).contains(&receiver.connections()), "{}", receiver.connections());
}

#[tokio::test]
async fn pushes_can_be_dropped_doubled_delayed_and_shuffled() {
    let receiver = Receiver::start().await;
    let sandbox = standing_still().push_connections(1).start().await.unwrap();
    let batch = "8613812300000,8613812300001,8613812300002,8613812300003";
    let phones = async || {
        let before = receiver.pushes().len();
        submit(&sandbox, batch, &receiver.field()).await;
        advance(&sandbox, Duration::from_secs(1)).await;
        let pushed = receiver.pushes();
        pushed[before..]
            .iter()
            .map(|push| push.json()["phone"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let in_order: Vec<&str> = batch.split(',').collect();
    assert_eq!(phones().await, in_order);

    sandbox.set_faults(Faults::none().push(When::Next(1), PushFault::Drop));
    assert_eq!(phones().await, in_order[1..]);
    let counts = sandbox.journal().counts();
    assert_eq!((counts.pushes, counts.accepted), (8, 7));

    sandbox.set_faults(Faults::none().push(When::Always, PushFault::Duplicate));
    assert_eq!(phones().await.len(), 8);

    sandbox.set_faults(Faults::none().push(When::Next(2), PushFault::Delay(MINUTE)));
    assert_eq!(phones().await, in_order[2..]);
    let before = receiver.pushes().len();
    sandbox.set_faults(Faults::none());
    advance(&sandbox, MINUTE).await;
    assert_eq!(receiver.pushes().len(), before + 2);

    sandbox.set_faults(Faults::none().shuffle_pushes());
    let mut shuffled = phones().await;
    assert_ne!(shuffled, in_order);
    shuffled.sort();
    assert_eq!(shuffled, in_order);
}

#[tokio::test]
async fn a_dropped_sandbox_stops_listening_and_pushing() {
    let receiver = Receiver::start().await;
    let sandbox = Sandbox::builder().callback_delay(Duration::from_secs(3600)).start().await.unwrap();
    submit(&sandbox, PHONE, &receiver.field()).await;
    let (address, clock) = (sandbox.nxcloud_addr(), sandbox.clock().clone());
    sandbox.shutdown().await;
    clock.advance(Duration::from_secs(7200));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(receiver.pushes().is_empty());
}
