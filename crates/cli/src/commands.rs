//! The verbs of the command, one file each.
//!
//! This file only lists them and must not do their work.

mod arguments;
mod explain;
mod privacy;
mod query;
mod run;
mod sandbox;
mod sign;
mod submit;
mod verify;
mod whatsapp;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

/// What can be asked for. A verb's help is the documentation of its type: a comment on a variant here would hide it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Sandbox(sandbox::Sandbox),
    Submit(submit::Submit),
    Query(query::Query),
    /// WhatsApp verification codes, for integrators.
    #[command(subcommand)]
    Whatsapp(whatsapp::WhatsApp),
    Privacy(privacy::Privacy),
    Sign(sign::Sign),
    Verify(verify::Verify),
    Explain(explain::Explain),
}

impl Command {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Run(command) => command.run().await,
            Self::Sandbox(command) => command.run().await,
            Self::Submit(command) => command.run().await,
            Self::Query(command) => command.run().await,
            Self::Whatsapp(command) => command.run().await,
            Self::Privacy(command) => command.run().await,
            Self::Sign(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Explain(command) => command.run(),
        }
    }
}
