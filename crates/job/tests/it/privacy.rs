//! PrivacyService checks as a program asks for them, against the sandbox.

use std::sync::Arc;

use futures_util::TryStreamExt;
use numcheck_bulk::{BatchState, PriceTable, Reuse, Sqlite};
use numcheck_job::{Cancel, Engine, Order, PrivacyService, RunOptions, account_name, reader, with_privacy};
use numcheck_protocol::ApiKey;
use numcheck_protocol::qxt::Mobile;
use numcheck_sandbox::Sandbox;

fn client(sandbox: &Sandbox) -> numcheck_qxt::Client {
    let key = ApiKey::new(sandbox.qxt_api_key()).unwrap();
    numcheck_qxt::Client::builder(key).base_url(sandbox.qxt_url()).build().unwrap()
}

fn mobiles(count: u32) -> Vec<Mobile> {
    (0..count).map(|at| Mobile::new(&format!("138000{:05}", 12_000 + at)).unwrap()).collect()
}

#[tokio::test]
async fn a_program_pays_once_for_each_number_whatever_it_orders_again() {
    let (sandbox, dir) = (Sandbox::start().await.unwrap(), tempfile::tempdir().unwrap());
    let engine = Engine::new(Arc::new(Sqlite::open(&dir.path().join("jobs.db"), reader()).unwrap()));
    let account = account_name(sandbox.qxt_api_key(), &sandbox.qxt_url()).unwrap();
    let order = Order::privacy(account.clone(), &[mobiles(20), mobiles(3)].concat(), Reuse::ALL);

    let preview = engine.preview(&order, &PriceTable::default()).await.unwrap();
    assert_eq!((preview.to_send, preview.known, preview.duplicates), (20, 0, 3));
    let job = engine.begin(&order).await.unwrap();
    assert_eq!(engine.begin(&order).await.unwrap().id, job.id, "the same numbers go on with the same job");
    let service = Arc::new(PrivacyService::new(client(&sandbox)));
    let run = |job| {
        let (engine, service) = (engine.clone(), Arc::clone(&service));
        async move { engine.run_to_end(&job, &service, RunOptions::default(), &Cancel::new()).await.unwrap() }
    };
    let summary = run(job.clone()).await;
    assert_eq!((summary.halt, summary.ledger.settled, summary.ledger.in_doubt), (None, 20, 0));

    let rows: Vec<_> = engine.rows(&job).try_collect().await.unwrap();
    assert_eq!(rows.len(), 23, "one for each that was ordered");
    for row in &rows {
        let (_, body) = row.result.as_ref().unwrap();
        assert!(with_privacy(body, |reply, _| reply.result.get().is_some()).unwrap());
        assert_eq!(row.state, BatchState::Accepted);
    }
    // Others, and some of the same: only those are asked about.
    let more = Order::privacy(account, &mobiles(25), Reuse::ALL);
    let preview = engine.preview(&more, &PriceTable::default()).await.unwrap();
    assert_eq!((preview.to_send, preview.known), (5, 20));
    let again = engine.preview(&more.clone().with_reuse(Reuse::NONE), &PriceTable::default()).await.unwrap();
    assert_eq!(again.to_send, 25);
    let summary = run(engine.begin(&more).await.unwrap()).await;
    assert_eq!((summary.ledger.settled, summary.ledger.reused.done), (5, 20));
    assert_eq!(sandbox.journal().requests().count(), 25);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_cancelled_run_sends_nothing_more_and_the_next_one_goes_on() {
    let (sandbox, dir) = (Sandbox::start().await.unwrap(), tempfile::tempdir().unwrap());
    let engine = Engine::new(Arc::new(Sqlite::open(&dir.path().join("jobs.db"), reader()).unwrap()));
    let job = engine.begin(&Order::privacy("account", &mobiles(10), Reuse::ALL)).await.unwrap();
    let service = Arc::new(PrivacyService::new(client(&sandbox)));
    let cancel = Cancel::new();
    cancel.cancel();
    let summary = engine.run_to_end(&job, &service, RunOptions::default(), &cancel).await.unwrap();
    assert_eq!((summary.ledger.planned, sandbox.journal().requests().count()), (10, 0));
    let summary = engine.run_to_end(&job, &service, RunOptions::default(), &Cancel::new()).await.unwrap();
    assert_eq!((summary.ledger.settled, sandbox.journal().requests().count()), (10, 10));
    sandbox.shutdown().await;
}
