//! Finds the checks of a batch again, page by page: `cargo run -p numcheck-nxcloud --example query`.
//!
//! A query costs nothing (assumed). Without an account in the environment it runs against a sandbox, to which it submits the batch first.

// What it says goes to the terminal.
#![allow(clippy::print_stdout)]

mod common;

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use numcheck_nxcloud::Client;
use numcheck_nxcloud::protocol::number_check::QueryRequest;
use numcheck_nxcloud::protocol::{BatchNo, Date, PhoneList, UtcOffset};
use numcheck_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let batch = BatchNo::new("example-1")?;
    let found = if std::env::var_os("NXCLOUD_ACCESS_KEY").is_some() {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        find(&Client::from_env()?, batch, now_ms.try_into()?).await?
    } else {
        let sandbox = Sandbox::start().await?;
        let client = common::sandbox_client(&sandbox)?;
        fill(&sandbox, &client, &batch).await?;
        find(&client, batch, sandbox.clock().now_ms()).await?
    };
    println!("{found} phone numbers are found");
    Ok(())
}

/// Submits a batch to a sandbox and waits until it is checked.
async fn fill(sandbox: &Sandbox, client: &Client, batch: &BatchNo) -> Result<(), Box<dyn Error>> {
    let numbers: PhoneList = "85251234567,85251234568,85251234569".parse()?;
    client.number_check().submit(numbers).batch_no(batch.clone()).send().await?;
    sandbox.advance(Duration::from_secs(1));
    sandbox.settled().await;
    Ok(())
}

async fn find(client: &Client, batch: BatchNo, now_ms: u64) -> Result<usize, Box<dyn Error>> {
    // The platform's day; the document does not say whether it is that of the submit or of the check.
    let day = Date::from_unix_ms(now_ms, UtcOffset::BEIJING).ok_or("a clock beyond the year 9999")?;
    let mut pages = client.number_check().query(QueryRequest::for_batch(day, batch)).pages();
    let mut found = 0;
    while let Some(page) = pages.next().await {
        let page = page?;
        found += page.phones().count();
        for row in &page.rows {
            println!("{:?}: {:?}", row.phone, row.validity); // masked
        }
    }
    // Nothing found is no proof that nothing was accepted: see `QueryPage::is_clean_absence`.
    Ok(found)
}

#[tokio::test]
async fn every_number_of_a_checked_batch_is_found() {
    let morning = numcheck_sandbox::Clock::manual(1_700_000_000_000);
    let sandbox = Sandbox::builder().clock(morning).start().await.unwrap();
    let client = common::sandbox_client(&sandbox).unwrap();
    let batch = BatchNo::new("example-1").unwrap();
    fill(&sandbox, &client, &batch).await.unwrap();
    assert_eq!(find(&client, batch, sandbox.clock().now_ms()).await.unwrap(), 3);
}
