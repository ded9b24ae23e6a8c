//! The verbs of the command, one file each.
//!
//! This file only lists them and must not do their work.

pub(crate) mod arguments;
mod explain;
mod export;
mod forget;
mod jobs;
mod plan;
mod privacy;
mod receive;
mod reconcile;
mod resume;
mod run;
mod sandbox;
mod sign;
mod status;
mod submit;
mod verify;
mod whatsapp;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a file of phone numbers, and write a file of results.
    Run(run::Run),
    /// Say what checking a file would mean: rows, batches, time, cost. Sends nothing.
    Plan(plan::Plan),
    /// Go on with a job that was interrupted.
    Resume(resume::Resume),
    /// List the jobs of the store.
    Jobs(jobs::Jobs),
    /// Show the account of a job.
    Status(status::Status),
    /// Write the results of a job, also half-way.
    Export(export::Export),
    /// Ask the platform about results that did not come. Costs nothing.
    Reconcile(reconcile::Reconcile),
    /// Receive results for all jobs of the store, until it is stopped.
    Receive(receive::Receive),
    /// Remove the numbers and results of a job; its sums stay.
    Forget(forget::Forget),
    /// Run both platforms on this machine, without an account and without cost.
    Sandbox(sandbox::Sandbox),
    /// Submit a few numbers; results are pushed to the callback URL. Costs money.
    Submit(submit::Submit),
    /// WhatsApp verification codes, for integrators.
    #[command(subcommand)]
    Whatsapp(whatsapp::WhatsApp),
    /// Ask QXT whether Chinese mobile numbers are privacy (virtual) numbers. Costs money per number.
    Privacy(privacy::Privacy),
    /// Print the signature of a request. Sends nothing.
    Sign(sign::Sign),
    /// Check the signature of a request. Sends nothing.
    Verify(verify::Verify),
    /// Say what a result code means, and what to do. Sends nothing.
    Explain(explain::Explain),
}

impl Command {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Run(command) => command.run().await,
            Self::Plan(command) => command.run(),
            Self::Resume(command) => command.run().await,
            Self::Jobs(command) => command.run().await,
            Self::Status(command) => command.run().await,
            Self::Export(command) => command.run().await,
            Self::Reconcile(command) => command.run().await,
            Self::Receive(command) => command.run().await,
            Self::Forget(command) => command.run().await,
            Self::Sandbox(command) => command.run().await,
            Self::Submit(command) => command.run().await,
            Self::Whatsapp(command) => command.run().await,
            Self::Privacy(command) => command.run().await,
            Self::Sign(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Explain(command) => command.run(),
        }
    }
}
