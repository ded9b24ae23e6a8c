//! How a service of yours is tested: its own code against a sandbox, with time that stands still and an answer that is lost on purpose.
//! `cargo test -p numcheck-nxcloud --example sandbox_test`.

// What it says goes to the terminal.
#![allow(clippy::print_stdout)]

mod common;

use numcheck_nxcloud::Client;
use numcheck_nxcloud::protocol::{BatchNo, PhoneList, ValueError};
use numcheck_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let client = common::sandbox_client(&sandbox)?;
    println!("{:?}", submit_once(&client, "85251234567", "b-1").await?);
    Ok(())
}

/// What the service remembers of a batch.
#[derive(Debug, PartialEq)]
enum State {
    Accepted,
    /// Nothing was paid: it may be submitted again.
    NotSent,
    /// It may have been paid for: only results, a query or a person settle it.
    InDoubt,
}

/// The code under test.
async fn submit_once(client: &Client, numbers: &str, batch: &str) -> Result<State, ValueError> {
    let numbers: PhoneList = numbers.parse()?;
    let submit = client.number_check().submit(numbers).batch_no(BatchNo::new(batch)?);
    Ok(match submit.send().await {
        Ok(_) => State::Accepted,
        Err(error) if error.may_have_happened() => State::InDoubt,
        Err(_) => State::NotSent,
    })
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_and_nothing_is_paid_twice() {
    use numcheck_sandbox::{Clock, Fault, Faults, Operation, When};

    let lost = Faults::none().request(Operation::Submit, When::Nth(2), Fault::AcceptThenClose);
    let clock = Clock::manual(1_700_000_000_000);
    // The client's clock is the system's: the first request teaches it the sandbox's.
    let sandbox = Sandbox::builder().clock(clock).faults(lost).start().await.unwrap();
    let client = common::sandbox_client(&sandbox).unwrap();

    assert_eq!(submit_once(&client, "85251234567", "b-1").await, Ok(State::InDoubt));
    assert_eq!(sandbox.tally().accepted, 1, "it was carried out all the same");
    assert_eq!(submit_once(&client, "85251234568", "b-2").await, Ok(State::Accepted));
    assert_eq!(sandbox.paid_twice(), []);
    assert_eq!(sandbox.journal().requests().count(), 3, "one was refused for its time, and signed anew");
}
