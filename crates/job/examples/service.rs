//! A service of one's own: takes phone numbers, checks them durably, and hands out results.
//!
//! `NXCLOUD_ACCESS_KEY=… cargo run -p numcheck-job --example service -- 85251234567 447400123456` pays for each number once, however often it is
//! started and whenever it is interrupted. To try it without cost, run `numcheck sandbox` in another terminal and set the variables that it prints.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use numcheck_bulk::{Delivery, PriceTable, Sqlite};
use numcheck_job::{
    Cancel, Engine, NumberCheckService, Order, RunOptions, account_name, reader, with_result,
};
use numcheck_nxcloud::Client;
use numcheck_protocol::PhoneNumber;
use numcheck_protocol::number_check::CheckLevel;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers =
        std::env::args().skip(1).map(|number| PhoneNumber::new(&number)).collect::<Result<_, _>>()?;
    let engine = Engine::new(Arc::new(Sqlite::open(Path::new("service.db"), reader())?));
    let client = Client::from_env()?;
    let account = account_name(&std::env::var("NXCLOUD_ACCESS_KEY")?, &client.base_url())?;

    let order = Order::number_check(account, CheckLevel::BASIC, numbers).with_delivery(Delivery::Poll);
    let preview = engine.preview(&order, &PriceTable::default()).await?;
    println!("{} to check, {} known; it costs {}", preview.to_send, preview.known, preview.cost);

    let job = engine.begin(&order).await?;
    let service = Arc::new(NumberCheckService::new(client));
    let summary = engine.run_to_end(&job, &service, RunOptions::default(), &Cancel::new()).await?;
    println!("{} done, {} in doubt", summary.ledger.settled, summary.ledger.in_doubt);

    let mut rows = std::pin::pin!(engine.rows(&job));
    while let Some(row) = rows.try_next().await? {
        let result = row.result.as_ref();
        let carrier = result.and_then(|(source, body)| {
            with_result(*source, body, |result| result.carrier.map(|carrier| carrier.as_str().to_owned()))
        });
        println!("{}\t{:?}\t{carrier:?}", row.number.masked(), row.state);
    }
    Ok(())
}
