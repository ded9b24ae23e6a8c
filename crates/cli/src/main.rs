//! The command `numcheck`: checks a file of phone numbers, or one, with NXCLOUD and QXT, or against a sandbox.
//!
//! It joins the crates and holds no protocol of its own. Data goes to stdout, everything else to stderr; secrets come from the
//! environment or from files, never from arguments.

mod call;
mod commands;
mod drift;
mod durable;
mod exit;
mod input;
mod output;
mod print;
mod regions;
mod stop;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;
use crate::exit::Exit;

#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, after_help = exit::HELP, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What to log to stderr, such as `info` or `numcheck_transport=debug`. Logs hold no number and no secret.
    #[arg(
        long,
        global = true,
        env = "NUMCHECK_LOG",
        hide_env_values = true,
        default_value = "warn",
        value_name = "FILTER"
    )]
    log: String,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => usage::discreet(error).exit(),
    };
    let ended = start_logging(&arguments.log).and_then(|()| {
        let mut runtime = match arguments.command.wants_one_thread() {
            true => tokio::runtime::Builder::new_current_thread(),
            false => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = runtime.enable_all().build().map_err(|error| {
            exit::Failure::new("the asynchronous runtime cannot be started").because(error)
        })?;
        // With the runtime gone, everything is dropped.
        runtime.block_on(stop::unless_stopped(arguments.command.run()))
    });
    match ended.and_then(Option::transpose) {
        Ok(Some(exit)) => exit.into(),
        Ok(None) => stop::EXIT_CODE.into(),
        Err(failure) if failure.is_reader_gone() => Exit::Settled.into(),
        Err(failure) => {
            print::complain(&failure);
            failure.exit().into()
        }
    }
}

fn start_logging(filter: &str) -> Result<(), exit::Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|_| {
        exit::Failure::usage("--log: not a filter; write for example `info` or `numcheck_transport=debug`")
    })?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    Ok(())
}
