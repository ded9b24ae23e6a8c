//! Number checks as a program asks for them, against the sandbox: pushed to its receiver.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use numcheck_bulk::{Delivery, Sqlite};
use numcheck_job::{
    Cancel, Engine, NumberCheckService, Order, Receiving, RunOptions, account_name, reader, with_result,
};
use numcheck_nxcloud::Client;
use numcheck_protocol::number_check::CheckLevel;
use numcheck_protocol::{AppKey, PhoneNumber};
use numcheck_sandbox::Sandbox;
use numcheck_transport::RateLimits;

fn client(sandbox: &Sandbox) -> Client {
    let account = sandbox.account();
    Client::builder(&account.access_key, account.access_secret.clone())
        .appkey(AppKey::new(account.appkey.expose()).unwrap())
        .base_url(sandbox.nxcloud_url())
        .transport(|transport| transport.rate_limits(RateLimits::off()))
        .build()
        .unwrap()
}

fn numbers() -> Vec<PhoneNumber> {
    (0..12).map(|at| PhoneNumber::new(&format!("8613800{:06}", 138_000 + at)).unwrap()).collect()
}

#[tokio::test]
async fn results_are_pushed_to_the_program_s_receiver() {
    let sandbox = Sandbox::builder().callback_delay(Duration::ZERO).start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::new(Arc::new(Sqlite::open(&dir.path().join("jobs.db"), reader()).unwrap()));
    let account = account_name(&sandbox.account().access_key, &sandbox.nxcloud_url()).unwrap();
    let order = Order::number_check(account, CheckLevel::BASIC, numbers()).with_delivery(Delivery::Push);
    let job = engine.begin(&order).await.unwrap();

    let listen = "127.0.0.1:0".parse().unwrap();
    let receiving = Receiving::start(&**engine.store(), engine.inbox(), listen, None, None).await.unwrap();
    let (key, url) = receiving.callback();
    let service = NumberCheckService::new(client(&sandbox)).with_callback(key, url).unwrap();
    let (service, cancel) = (Arc::new(service), Cancel::new());
    let summary = engine.run_to_end(&job, &service, RunOptions::default(), &cancel).await.unwrap();
    assert_eq!((summary.ledger.settled + summary.ledger.failed, summary.halt), (12, None));
    let rows: Vec<_> = engine.rows(&job).try_collect().await.unwrap();
    assert_eq!(rows.len(), 12);
    for row in rows {
        let (source, body) = row.result.unwrap();
        assert!(with_result(source, &body, |result| result.phone.is_some()).unwrap());
    }
    receiving.close().await;
    sandbox.shutdown().await;
}
