//! The verbs of the command, one file each.

pub(crate) mod arguments;
mod asking;
mod backup;
mod check_line;
mod completions;
mod doctor;
mod explain;
mod export;
mod forget;
mod get;
mod history;
mod jobs;
pub(crate) mod limits;
mod man;
pub(crate) mod metrics;
mod number;
mod plan;
mod privacy;
mod query;
mod receive;
mod reconcile;
mod report;
mod restore;
mod resume;
pub(crate) mod reuse;
mod run;
mod sandbox;
mod sign;
mod standing;
mod status;
mod stored;
mod submit;
pub(crate) mod typed;
mod verify;
mod whatsapp;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

/// What can be asked for. A verb's help is the documentation of its type: a comment on a variant here would hide it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Plan(plan::Plan),
    Resume(resume::Resume),
    Jobs(jobs::Jobs),
    Status(status::Status),
    Report(report::Report),
    Export(export::Export),
    Reconcile(reconcile::Reconcile),
    Receive(receive::Receive),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Forget(forget::Forget),
    History(history::History),
    Sandbox(sandbox::Sandbox),
    Submit(submit::Submit),
    Query(query::Query),
    Get(get::Get),
    /// Register phone numbers for WhatsApp, for integrators.
    ///
    /// In their order: login, create-app, phone-list, get-code, check-code, create-client.
    #[command(subcommand)]
    Whatsapp(whatsapp::WhatsApp),
    Privacy(privacy::Privacy),
    Sign(sign::Sign),
    Verify(verify::Verify),
    Explain(explain::Explain),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// Whether one thread serves it best. Many small requests and one store are the work of a receiver, and of a level at which each number
    /// is a request: threads cost more in waking each other than they do.
    pub(crate) fn wants_one_thread(&self) -> bool {
        match self {
            Self::Receive(_) | Self::Privacy(_) => true,
            Self::Run(command) => command.asks_each(),
            _ => false,
        }
    }

    /// Whether every line of stderr is to be JSON.
    pub(crate) fn says_json(&self) -> bool {
        match self {
            Self::Run(command) => command.says_json(),
            Self::Resume(command) => command.says_json(),
            Self::Privacy(command) => command.says_json(),
            _ => false,
        }
    }

    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Run(command) => command.run().await,
            Self::Plan(command) => command.run().await,
            Self::Resume(command) => command.run().await,
            Self::Jobs(command) => command.run().await,
            Self::Status(command) => command.run().await,
            Self::Report(command) => command.run().await,
            Self::Export(command) => command.run().await,
            Self::Reconcile(command) => command.run().await,
            Self::Receive(command) => command.run().await,
            Self::Backup(command) => command.run().await,
            Self::Restore(command) => command.run().await,
            Self::Forget(command) => command.run().await,
            Self::History(command) => command.run().await,
            Self::Sandbox(command) => command.run().await,
            Self::Submit(command) => command.run().await,
            Self::Query(command) => command.run().await,
            Self::Get(command) => command.run().await,
            Self::Whatsapp(command) => command.run().await,
            Self::Privacy(command) => command.run().await,
            Self::Sign(command) => command.run().await,
            Self::Verify(command) => command.run().await,
            Self::Explain(command) => command.run(),
            Self::Doctor(command) => command.run().await,
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }
}
