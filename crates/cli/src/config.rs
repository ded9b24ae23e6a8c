//! The configuration file: profiles, which say what a command would otherwise find in its environment.
//!
//! Precedence: an option before the environment, before the profile, before the default. Nothing in a profile pays again, says yes or sends in the
//! open, and no secret stands in it, only the name of a file that holds one. What it does not know is an error: a line that silently does nothing could
//! cost money.

mod given;
mod keys;
mod profile;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::builder::{OsStr, Resettable};
use clap::{Args, Command, FromArgMatches as _};
use numcheck_transport::env::Env;

use crate::exit::Failure;
pub(crate) use given::{Given, Source, given};
#[cfg(test)]
pub(crate) use keys::PAYS_AGAIN;
pub(crate) use profile::Profile;
use profile::Profiles;

/// Which configuration.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file, whose profiles say what the environment does not. The usual one is numcheck/config.toml in the user's
    /// configuration folder; /dev/null is none.
    #[arg(long, global = true, env = "NUMCHECK_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The profile of the configuration file; otherwise the one that it names as default-profile.
    #[arg(long, global = true, env = "NUMCHECK_PROFILE", hide_env_values = true, value_name = "NAME")]
    profile: Option<String>,
}

/// The profile of this process. Set once, before anything is looked up.
static PROFILE: OnceLock<Profile> = OnceLock::new();

/// The profile of this process, if it has one.
pub(crate) fn profile() -> Option<&'static Profile> {
    PROFILE.get()
}

/// Where this process's settings are looked up: its environment, and its profile where that says nothing.
pub(crate) fn env() -> Env<'static> {
    Env::of(&value)
}

/// A setting by the name of its variable; an empty variable is not set.
pub(crate) fn value(variable: &str) -> Option<OsString> {
    in_environment(variable).or_else(|| Some(profile()?.value(variable, in_environment)?.into()))
}

/// An empty environment variable counts as not set, as it does where secrets and addresses are read: that is how a service's file unsets one.
fn in_environment(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

/// The usual file. The same on every system, beside the store's convention: XDG's.
fn usual() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    folder.map(|folder| folder.join("numcheck/config.toml"))
}

/// Reads the profile that a command line, or its environment, asks for, and keeps it for this process. `command` is the whole command, and only its
/// options of this kind matter here: the rest of the line is judged later. What a person should know is handed over, to be said once it is known how.
///
/// # Errors
/// Where the file cannot be read or says anything that it may not, or has no such profile. Nothing was sent.
pub(crate) fn load(command: &Command, typed: &[OsString]) -> Result<Vec<String>, Failure> {
    let lenient = without_empty_variables(command.clone()).ignore_errors(true);
    // Help and versions need no profile.
    let Ok(matches) = lenient.try_get_matches_from(typed) else { return Ok(Vec::new()) };
    let Ok(ConfigArgs { config, profile }) = ConfigArgs::from_arg_matches(&matches) else {
        return Ok(Vec::new());
    };
    let Some(path) = config.clone().or_else(usual) else {
        return match profile {
            Some(_) => Err(Failure::usage(
                "--profile: there is no home folder with a configuration file: name one by --config; nothing was sent",
            )),
            None => Ok(Vec::new()),
        };
    };
    if config.is_none() && path.symlink_metadata().is_err() {
        return match profile {
            Some(_) => Err(Failure::usage(format!(
                "--profile: there is no configuration file {}; nothing was sent",
                path.display()
            ))),
            None => Ok(Vec::new()),
        };
    }
    let profiles = Profiles::read(&path, command)?;
    let others_read = profiles.names_appkey() && numcheck_transport::env::is_readable_by_others(&path);
    let chosen = profiles.choose(profile.as_deref())?;
    let unused = chosen.is_none();
    if let Some(chosen) = chosen {
        let _ = PROFILE.set(chosen);
    }
    let mut notes = Vec::new();
    if others_read {
        notes
            .push(format!("numcheck: other users can read the appkey in {0}: chmod 600 {0}", path.display()));
    }
    if unused && !profiles.is_empty() {
        notes.push(format!(
            "numcheck: note: no profile of {} is used: say --profile NAME, or name one there as default-profile",
            path.display()
        ));
    }
    Ok(notes)
}

/// The command whose options find what the profile says, below the environment.
pub(crate) fn with_profile(command: Command) -> Command {
    looking_up(command, profile())
}

fn without_empty_variables(command: Command) -> Command {
    looking_up(command, None)
}

/// clap reads variables from the process alone, so what a profile says comes in as the default.
fn looking_up(command: Command, profile: Option<&'static Profile>) -> Command {
    let command = command.mut_args(|argument| {
        let Some(variable) = argument.get_env().and_then(|name| name.to_str()).map(str::to_owned) else {
            return argument;
        };
        let is_empty = std::env::var_os(&variable).is_some_and(|value| value.is_empty());
        let argument = if is_empty { argument.env(Resettable::<OsStr>::Reset) } else { argument };
        match profile.and_then(|profile| profile.value(&variable, in_environment)) {
            Some(value) => argument.required(false).default_value(value),
            None => argument,
        }
    });
    command.mut_subcommands(|verb| looking_up(verb, profile))
}

/// Where the profile says what a verb's option does not take: the key, and its place.
pub(crate) fn blamed(error: &clap::Error) -> Option<String> {
    use clap::error::{ContextKind, ContextValue};
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let option = text(ContextKind::InvalidArg)?.strip_prefix("--")?.split([' ', '=']).next()?;
    let profile = profile()?;
    let setting = profile.by_key(option)?;
    (text(ContextKind::InvalidValue)? == setting.value)
        .then(|| format!("{option} stands in {}", profile.place(setting)))
}

/// A path as a configuration file names it: relative to the file's own folder, or to the user's home folder after `~/`.
fn resolved(file: &Path, text: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    match text.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest))) {
        Some(path) => path,
        None => file.parent().unwrap_or(Path::new("")).join(text),
    }
}
