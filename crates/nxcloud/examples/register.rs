//! Registers a phone number for WhatsApp: `cargo run -p numcheck-nxcloud --example register`.
//!
//! It runs against a sandbox, whose inbox shows the code; a real account's code comes to the phone.

// What it says goes to the terminal.
#![allow(clippy::print_stdout)]

mod common;

use std::error::Error;

use numcheck_nxcloud::protocol::whatsapp::CodeMethod;
use numcheck_nxcloud::protocol::{PhoneNumber, VerificationCode};
use numcheck_nxcloud::{Client, CodeCheck};
use numcheck_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let client = common::sandbox_client(&sandbox)?;
    let is_registered = register(&client, PhoneNumber::new("85251234567")?, || read_code(&sandbox)).await?;
    println!("{}", if is_registered { "registered" } else { "the code is wrong" });
    Ok(())
}

/// `code` asks the person who holds the phone. Each step may cost: where one fails, ask `may_have_happened` before it is done again.
async fn register(
    client: &Client,
    phone: PhoneNumber,
    code: impl FnOnce() -> Result<VerificationCode, Box<dyn Error>>,
) -> Result<bool, Box<dyn Error>> {
    client.whatsapp().get_code(phone, CodeMethod::SMS).await?; // sends a message
    let checked = client.whatsapp().check_code(phone, code()?).await?; // uses up a guess
    if checked.data == CodeCheck::Wrong {
        return Ok(false);
    }
    client.whatsapp().create_client(phone).await?;
    Ok(true)
}

fn read_code(sandbox: &Sandbox) -> Result<VerificationCode, Box<dyn Error>> {
    let message = sandbox.inbox().pop().ok_or("no message came")?; // the newest is the last
    Ok(VerificationCode::new(message.code.as_str())?)
}

#[tokio::test]
async fn a_number_is_registered_with_the_right_code_only() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = common::sandbox_client(&sandbox).unwrap();
    let phone = PhoneNumber::new("85251234567").unwrap();
    assert!(!register(&client, phone, || Ok(VerificationCode::new("000")?)).await.unwrap());
    assert!(register(&client, phone, || read_code(&sandbox)).await.unwrap());
}
