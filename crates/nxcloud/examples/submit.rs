//! Submits two phone numbers and says what became of it: `cargo run -p numcheck-nxcloud --example submit`.
//!
//! With `NXCLOUD_ACCESS_KEY` and its like it costs money; without, it runs against a sandbox.

// What it says goes to the terminal.
#![allow(clippy::print_stdout)]

mod common;

use std::error::Error;

use numcheck_nxcloud::protocol::number_check::{CheckLevel, Submit, SubmitCode};
use numcheck_nxcloud::protocol::{BatchNo, PhoneList, PhoneNumber};
use numcheck_nxcloud::{CallError, Client};
use numcheck_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let outcome = if std::env::var_os("NXCLOUD_ACCESS_KEY").is_some() {
        submit(&Client::from_env()?).await?
    } else {
        let sandbox = Sandbox::start().await?;
        submit(&common::sandbox_client(&sandbox)?).await?
    };
    println!("{outcome}");
    Ok(())
}

/// What to do about the batch now.
async fn submit(client: &Client) -> Result<String, Box<dyn Error>> {
    let phones =
        ["85251234567", "85251234568"].map(PhoneNumber::new).into_iter().collect::<Result<Vec<_>, _>>()?;
    let numbers = PhoneList::from_one_country(phones)?;
    // Your own name for the batch: keep it before you send, so that results and queries find it.
    let batch_no = BatchNo::new("example-1")?;

    let submit = client.number_check().submit(numbers).batch_no(batch_no).level(CheckLevel::BASIC);
    Ok(match submit.send().await {
        Ok(accepted) => {
            format!("accepted as {}", accepted.message_id.map(|id| id.to_string()).unwrap_or_default())
        }
        Err(error) if error.code::<Submit>() == Some(SubmitCode::BALANCE_TOO_LOW) => {
            format!("top up: {error}")
        }
        Err(error) => advice(&error),
    })
}

/// The one question that decides about money.
fn advice(error: &CallError) -> String {
    match error.may_have_happened() {
        true => format!("in doubt, wait for the results or ask by a query: {error}"),
        false => format!("nothing was paid, submit again: {error}"),
    }
}

#[tokio::test]
async fn a_submit_is_accepted_and_a_lost_answer_is_in_doubt() {
    use numcheck_sandbox::{Fault, Faults, Operation, When};

    let sandbox = Sandbox::start().await.unwrap();
    let client = common::sandbox_client(&sandbox).unwrap();
    assert!(submit(&client).await.unwrap().starts_with("accepted as "));
    sandbox.set_faults(Faults::none().request(Operation::Submit, When::Next(1), Fault::AcceptThenClose));
    assert!(submit(&client).await.unwrap().starts_with("in doubt"));
}
