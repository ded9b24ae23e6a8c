//! The command `numcheck`: checks a file of phone numbers, or one, with NXCLOUD and QXT, or against a sandbox.
//!
//! It joins the crates and holds no protocol of its own. Data goes to stdout, everything else to stderr; secrets come from the
//! environment or from files, never from arguments.

mod account;
mod admin;
mod batch_log;
mod batching;
mod call;
mod commands;
mod config;
mod consent;
mod drift;
mod durable;
mod exit;
mod fail_on;
mod input;
mod level;
mod needed;
mod output;
mod print;
mod reading;
mod regions;
mod report;
mod secrets;
mod stop;
mod terminal;
mod usage;
mod whole_file;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::commands::Command;
use crate::config::ConfigArgs;
use crate::exit::Exit;

#[derive(Debug, Parser)]
#[command(version = env!("NUMCHECK_VERSION"), about, propagate_version = true, after_help = exit::HELP, max_term_width = 110)]
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
    /// How lines on stderr look: text for people, or JSON objects with a timestamp (RFC 3339, UTC), the fields of a log line by name, for a collector.
    #[arg(
        long,
        global = true,
        env = "NUMCHECK_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text",
        value_enum
    )]
    log_format: LogFormat,
    /// Read beforehand: they decide what the other options are by default.
    #[command(flatten)]
    _config: ConfigArgs,
}

/// How lines on stderr look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// The arguments of the process, its environment where these say nothing, and its profile where that says nothing either.
fn arguments() -> Result<Arguments, clap::Error> {
    let mut command = config::with_profile(Arguments::command());
    let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Says what is wrong with the arguments, or the help that was asked for.
fn end_with(error: clap::Error) -> ExitCode {
    let blamed = config::blamed(&error);
    let error = usage::discreet(error);
    // When even that fails there is nobody to tell.
    let _ = error.print();
    if let Some(blamed) = blamed {
        print::say(&format!("numcheck: {blamed}"));
    }
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Settled.into() }
}

/// A damaged workbook is an error of the file, which is told; anything else that panics is a fault of ours.
fn keep_silent_about_workbooks() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(numcheck_tables::WORKBOOK_THREAD) {
            usual(panic);
        }
    }));
}

fn main() -> ExitCode {
    keep_silent_about_workbooks();
    let typed: Vec<_> = std::env::args_os().collect();
    let notes = match config::load(&Arguments::command(), &typed) {
        Ok(notes) => notes,
        Err(failure) => {
            print::complain(&failure);
            return failure.exit().into();
        }
    };
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return end_with(error),
    };
    if arguments.command.says_json() || arguments.log_format == LogFormat::Json {
        print::say_as_json();
    }
    notes.iter().for_each(|note| print::say(note));
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
    let logging =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| print::Log).with_ansi(false);
    match print::says_json() {
        true => logging.json().flatten_event(true).init(),
        false => logging.init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::Arguments;
    use crate::config::PAYS_AGAIN;

    /// Every option of a command and its verbs, with the verb and the variable.
    fn options(command: &Command) -> Vec<(String, String, Option<String>)> {
        let own = command.get_arguments().filter_map(|option| {
            let variable = option.get_env().map(|name| name.to_string_lossy().into_owned());
            Some((command.get_name().to_owned(), option.get_long()?.to_owned(), variable))
        });
        own.chain(command.get_subcommands().flat_map(options)).collect()
    }

    #[test]
    fn every_option_has_an_environment_variable_except_those_that_pay_again() {
        let mut command = Arguments::command();
        command.build();
        let options = options(&command);
        let options = options
            .iter()
            .filter(|(verb, name, _)| verb != "help" && !["help", "version"].contains(&name.as_str()));
        let mut paying_again = Vec::new();
        for (verb, name, variable) in options {
            // What a sandbox assumes decides nothing.
            if PAYS_AGAIN.contains(&name.as_str()) && verb != "sandbox" {
                assert_eq!(*variable, None, "{verb} --{name}");
                paying_again.push((verb.as_str(), name.as_str()));
            } else {
                assert!(variable.is_some(), "{verb} --{name}");
            }
        }
        assert!(paying_again.contains(&("run", "again")), "{paying_again:?}");
        assert!(paying_again.contains(&("resume", "resubmit-doubtful")), "{paying_again:?}");
    }
}
