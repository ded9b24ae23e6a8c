//! `numcheck whatsapp …`: the embedded register of WhatsApp numbers, for integrators.
//!
//! Codes, tokens and keys are secrets: none is an argument, and none is shown unless somebody asks for it. Nothing here repeats a call.

mod app;
mod client;
mod code;
mod login;
mod phones;

use clap::Subcommand;
use numcheck_transport::CallError;
use serde::Serialize;
use serde_json::Value;

use crate::call;
use crate::exit::{Exit, Failure};
use crate::print;

/// The operations, in their natural order. A comment on a variant here would hide the help of its type.
#[derive(Debug, Subcommand)]
pub(crate) enum WhatsApp {
    Login(login::Login),
    CreateApp(app::CreateApp),
    PhoneList(phones::RegisteredPhones),
    GetCode(code::GetCode),
    CheckCode(code::CheckCode),
    CreateClient(client::CreateClient),
}

impl WhatsApp {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Login(command) => command.run().await,
            Self::CreateApp(command) => command.run().await,
            Self::PhoneList(command) => command.run().await,
            Self::GetCode(command) => command.run().await,
            Self::CheckCode(command) => command.run().await,
            Self::CreateClient(command) => command.run().await,
        }
    }
}

/// A success, for a machine.
#[derive(Serialize)]
struct Told<'a> {
    outcome: &'a str,
    code: i64,
    #[serde(flatten)]
    more: Value,
}

/// What a success tells: `outcome`, code 0 and `more` as one JSON object, or a line for a person.
fn succeed(as_json: bool, outcome: &str, more: Value, line: &str) -> Result<Exit, Failure> {
    if as_json {
        print::json(&Told { outcome, code: 0, more })?;
    } else {
        print::data(line)?;
    }
    Ok(Exit::Settled)
}

/// A call that did not succeed; where it may have happened all the same, `doubt` says how to find out.
fn fail(error: &CallError, json: bool, doubt: &str) -> Result<Exit, Failure> {
    let exit = call::unsuccessful(error, json);
    if error.may_have_happened() {
        print::say(&format!("numcheck: it may have happened all the same: {doubt}"));
    }
    exit
}
