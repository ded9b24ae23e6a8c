//! Faults on purpose: what a client must survive, and whether it was charged.

use std::time::Duration;

use crate::common::{CHECK, Receiver, Signed, check_code, order, privacy, submit};
use numcheck_sandbox::{Fault, Faults, Operation, Sandbox, Service, When};

const PHONE: &str = "8613800138000";

async fn struck_by(fault: Fault) -> (Sandbox, Option<crate::common::Reply>) {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.set_faults(Faults::none().request(Operation::Submit, When::Next(1), fault));
    let reply = Signed::new(&sandbox, CHECK, order(PHONE, "")).try_send(&sandbox).await;
    (sandbox, reply)
}

fn charged(sandbox: &Sandbox) -> u64 {
    sandbox.ledger().count(Service::Basic, 0)
}

#[tokio::test]
async fn an_http_status_is_answered_without_doing_anything() {
    let (sandbox, reply) = struck_by(Fault::Respond(500)).await;
    let reply = reply.unwrap();
    assert_eq!((reply.status, charged(&sandbox)), (500, 0));
    assert!(reply.body.starts_with("<html>"));
    assert_eq!(submit(&sandbox, PHONE, "").await.code(), 0, "the next one is fine");
}

#[tokio::test]
async fn a_connection_can_close_before_or_after_the_work() {
    let (sandbox, reply) = struck_by(Fault::Close).await;
    assert!(reply.is_none());
    assert_eq!(charged(&sandbox), 0);
    let (sandbox, reply) = struck_by(Fault::AcceptThenClose).await;
    assert!(reply.is_none());
    assert_eq!(charged(&sandbox), 1);
    let journal = sandbox.journal();
    let request = journal.requests().next().unwrap();
    assert_eq!((request.status, request.code), (None, Some(0)));
    assert_eq!(request.fault.as_deref(), Some("AcceptThenClose"));
}

#[tokio::test]
async fn a_submit_that_was_cut_off_still_pushes_its_results() {
    let receiver = Receiver::start().await;
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.set_faults(Faults::none().request(Operation::Submit, When::Next(1), Fault::AcceptThenClose));
    let body = order(PHONE, &format!(r#","batchNo":"cut"{}"#, receiver.field()));
    assert!(Signed::new(&sandbox, CHECK, body).try_send(&sandbox).await.is_none());
    assert_eq!(receiver.one().await["batchNo"], "cut");
}

#[tokio::test]
async fn an_answer_can_be_no_json_or_cut_in_half_after_the_work() {
    let (sandbox, reply) = struck_by(Fault::NotJson).await;
    let reply = reply.unwrap();
    assert_eq!((reply.status, charged(&sandbox)), (200, 1));
    assert!(reply.body.starts_with("<html>"));
    let (sandbox, reply) = struck_by(Fault::CutReply).await;
    assert!(reply.is_none());
    assert_eq!(charged(&sandbox), 1);
}

#[tokio::test]
async fn the_first_half_of_an_answer_that_is_cut_arrives() {
    let sandbox = Sandbox::start().await.unwrap();
    let whole = Signed::new(&sandbox, CHECK, order(PHONE, "")).send(&sandbox).await;
    sandbox.set_faults(Faults::none().request(Operation::Submit, When::Next(1), Fault::CutReply));
    let heard = Signed::new(&sandbox, CHECK, order(PHONE, "")).listen(&sandbox).await.unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body.len(), whole.body.len() / 2);
    assert!(body.starts_with("{\"code\":0"), "{body}");
}

#[tokio::test]
async fn any_code_known_or_not_can_be_answered_without_doing_anything() {
    for code in [299, 1004, 77_777] {
        let (sandbox, reply) = struck_by(Fault::Code(code)).await;
        assert_eq!((reply.unwrap().code(), charged(&sandbox)), (code, 0));
    }
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.set_faults(Faults::none().request(Operation::Any, When::Always, Fault::Code(-8)));
    assert_eq!(check_code(&sandbox, PHONE, "8000").await.json()["message"], "a code that no document lists");
    assert_eq!(privacy(&sandbox, "18819079212").await.code(), -8);
    assert_eq!(submit(&sandbox, PHONE, "").await.code(), -8);
}

#[tokio::test]
async fn a_delayed_answer_comes_all_the_same() {
    let (sandbox, reply) = struck_by(Fault::DelayReply(Duration::from_millis(30))).await;
    assert_eq!((reply.unwrap().code(), charged(&sandbox)), (0, 1));
}

#[tokio::test]
async fn connections_can_be_refused_and_the_same_port_comes_back() {
    let sandbox = Sandbox::start().await.unwrap();
    let addresses = [sandbox.nxcloud_addr(), sandbox.qxt_addr()];
    sandbox.set_faults(Faults::none().refuse_connections());
    for address in addresses {
        // The listener closes as soon as it hears of it.
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
    assert!(Signed::new(&sandbox, CHECK, order(PHONE, "")).try_send(&sandbox).await.is_none());
    sandbox.set_faults(Faults::none());
    for address in addresses {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(submit(&sandbox, PHONE, "").await.code(), 0);
    assert_eq!(charged(&sandbox), 1);
}

#[tokio::test]
async fn an_address_that_is_taken_is_a_clear_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let error = Sandbox::builder().nxcloud_addr(sandbox.nxcloud_addr()).start().await.unwrap_err();
    assert_eq!(error.kind(), numcheck_sandbox::StartErrorKind::AddressInUse);
    let text = error.to_string();
    assert!(text.contains("in use") && text.contains(&sandbox.nxcloud_addr().to_string()), "{text}");
    assert!(std::error::Error::source(&error).is_some());
}
