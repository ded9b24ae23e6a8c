//! The command line that resumes a job, with the options given this time. A store's URL is left out: it may hold a password.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Command, CommandFactory};
use numcheck_bulk::JobName;

use crate::Arguments;
use crate::exit::Failure;
use crate::level::Level;

/// A sentence that ends with `numcheck resume JOB` and those of this process's own options that `resume` knows, as a shell reads them.
/// What came from the environment is there again.
///
/// `lacking` is what that command needs besides, as it would stop at once again.
pub(crate) fn resume(job: &JobName, lacking: Option<&str>) -> String {
    of(job, std::env::args_os().skip(1)).sentence(lacking)
}

/// The option of this process that names its store, behind a blank; nothing where it was not typed. An address with a password is left out.
pub(crate) fn store() -> String {
    store_of(std::env::args_os().skip(1))
}

fn store_of(typed: impl IntoIterator<Item = OsString>) -> String {
    let mut typed = typed.into_iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = typed.next() {
        let value = match word.strip_prefix("--store") {
            Some("") => typed.next(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        if let Some(value) = value.filter(|value| !may_hold_a_password(value)) {
            return format!(" --store {}", quoted(&value));
        }
    }
    String::new()
}

/// Refuses options that were typed and mean nothing at this level. A variable of the environment may be there for other commands.
pub(crate) fn check_level(level: Level) -> Result<(), Failure> {
    let (options, why) = match level {
        Level::Privacy => (
            &["delivery", "listen", "public_url", "batch_size", "countries"][..],
            "means nothing at level privacy, where each number is a query and the result is its answer",
        ),
        _ => (
            &["rate", "get", "qxt_path"][..],
            "is for level privacy: the others are checked by NXCLOUD, within its documented limits",
        ),
    };
    let command = crate::config::with_profile(Arguments::command());
    let Ok(matches) = command.try_get_matches_from(std::env::args_os()) else { return Ok(()) };
    let Some((_, verb)) = matches.subcommand() else { return Ok(()) };
    let is_typed = |id: &&&str| {
        verb.try_contains_id(id).is_ok() && verb.value_source(id) == Some(ValueSource::CommandLine)
    };
    match options.iter().find(is_typed) {
        Some(id) => Err(Failure::usage(format!("--{} {why}; nothing was sent", id.replace('_', "-")))),
        None => Ok(()),
    }
}

/// The command, and what it leaves out.
#[derive(Debug, PartialEq, Eq)]
struct Resume {
    line: String,
    /// The address of the store holds a password.
    hides_store: bool,
}

impl Resume {
    fn sentence(&self, lacking: Option<&str>) -> String {
        let Self { line, hides_store } = self;
        let store = "NUMCHECK_STORE set to the address of the store, which holds a password and is not shown";
        match (lacking, hides_store) {
            (None, false) => format!("go on by: {line}"),
            (Some(lacking), false) => format!("go on, with {lacking}, by: {line}"),
            (None, true) => format!("go on, with {store}, by: {line}"),
            (Some(lacking), true) => format!("go on, with {lacking} and {store}, by: {line}"),
        }
    }
}

fn of(job: &JobName, typed: impl IntoIterator<Item = OsString>) -> Resume {
    let mut command = Arguments::command();
    command.build();
    let (mut line, mut hides_store) = (format!("numcheck resume {job}"), false);
    let mut typed = typed.into_iter().map(|word| word.to_string_lossy().into_owned());
    while let Some(word) = typed.next() {
        if word == "--" {
            break;
        }
        // Of the words without a dash, the verb and the file or job, resume has its own.
        let Some(option) = Typed::read(&command, &word) else { continue };
        let value = if option.has_value && option.value.is_none() { typed.next() } else { option.value };
        if !option.of_both {
            continue;
        }
        if option.name == "--store" && value.as_deref().is_some_and(may_hold_a_password) {
            hides_store = true;
            continue;
        }
        line.push_str(&format!(" {}", option.name));
        if let Some(value) = value {
            line.push_str(&format!(" {}", quoted(&value)));
        }
    }
    Resume { line, hides_store }
}

/// Whether an address holds a password, or may hold one for all that is known here. A file's name does not.
pub(crate) fn may_hold_a_password(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else { return false };
    // A password that is not encoded may hold anything.
    let user = rest.rsplit_once('@').is_some_and(|(user, _)| user.contains([':', '/', '?']));
    let setting = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        name.contains("pass") || name.contains('%')
    };
    user || rest.split_once('?').is_some_and(|(_, settings)| settings.split('&').any(setting))
}

/// An option as it was typed.
struct Typed {
    name: String,
    value: Option<String>,
    has_value: bool,
    /// Of both verbs, and nothing that pays again: that is a decision which a person takes anew.
    of_both: bool,
}

impl Typed {
    fn read(command: &Command, word: &str) -> Option<Self> {
        let (name, value) = match word.strip_prefix("--") {
            Some(long) => match long.split_once('=') {
                Some((name, value)) => (format!("--{name}"), Some(value.to_owned())),
                None => (word.to_owned(), None),
            },
            None => {
                let mut rest = word.strip_prefix('-')?.chars();
                let name = format!("-{}", rest.next()?);
                let value = rest.as_str().strip_prefix('=').unwrap_or(rest.as_str());
                (name, (!value.is_empty()).then(|| value.to_owned()))
            }
        };
        let find = |verb: &str| {
            let is_it = |arg: &&clap::Arg| {
                arg.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long))
                    || arg.get_short().is_some_and(|short| name == format!("-{short}"))
            };
            command.find_subcommand(verb)?.get_arguments().find(is_it)
        };
        let (run, resume) = (find("run"), find("resume"));
        let has_value = resume.or(run)?.get_action().takes_values();
        let of_both = run.is_some() && resume.is_some() && name != "--resubmit-doubtful";
        Some(Self { has_value, of_both, name, value })
    }
}

/// A word as a shell reads it again.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{of, store_of};

    fn after(typed: &[&str]) -> String {
        let resume = of(&"0123456789abcdef".parse().unwrap(), typed.iter().map(Into::into));
        assert!(!resume.hides_store);
        resume.line
    }

    #[test]
    fn the_options_that_resume_knows_are_there_and_the_others_are_not() {
        let typed =
            ["run", "in file.csv", "--level", "hlr", "--again", "-o", "out.csv", "--batch-size=9", "--yes"];
        assert_eq!(after(&typed), "numcheck resume 0123456789abcdef -o out.csv --yes");
        let typed = ["run", "in.csv", "--resubmit-doubtful", "--retry-failed", "--max-age", "1h", "--json"];
        assert_eq!(after(&typed), "numcheck resume 0123456789abcdef --json");
        let typed = ["--log", "info", "resume", "0123456789abcdef", "--resubmit-doubtful", "--wait=5m"];
        assert_eq!(after(&typed), "numcheck resume 0123456789abcdef --log info --wait 5m");
    }

    #[test]
    fn the_store_is_named_where_it_was_typed() {
        for (typed, option) in [
            (&["jobs", "--store", "my jobs.db", "--json"][..], " --store 'my jobs.db'"),
            (&["status", "--store=jobs.db", "latest"], " --store jobs.db"),
            (&["jobs", "--store=postgres://user:hidden@host/jobs"], ""),
            (&["receive", "--store-only"], ""),
            (&["jobs", "--store"], ""),
        ] {
            assert_eq!(store_of(typed.iter().map(Into::into)), option);
        }
    }

    #[test]
    fn a_shell_reads_every_value_as_it_was() {
        let typed =
            ["run", "in.csv", "-oit's here.csv", "--public-url", "https://a.example/?b&c", "--", "--yes"];
        let line =
            r"numcheck resume 0123456789abcdef -o 'it'\''s here.csv' --public-url 'https://a.example/?b&c'";
        assert_eq!(after(&typed), line);
    }

    #[test]
    fn the_address_of_a_store_is_shown_unless_it_holds_a_password_and_then_the_sentence_says_so() {
        assert!(after(&["run", "in.csv", "--store=jobs.db"]).ends_with("--store jobs.db"));
        assert!(after(&["run", "in.csv", "--store", "a:b@c.db"]).ends_with("--store a:b@c.db"));
        for open in ["postgres://host/jobs", "postgres://user@host:5432/jobs?host=/run/postgresql&port=1"] {
            let quoted = if open.contains('?') { format!("'{open}'") } else { open.to_owned() };
            assert!(after(&["run", "in.csv", "--store", open]).ends_with(&format!("--store {quoted}")));
        }
        for secret in [
            "postgres://user:hidden@host/jobs",
            "postgres://user:hid/den@host/jobs",
            "postgres://user:hid@den@host/jobs",
            "postgres://host/jobs?user=u&password=hidden",
            "postgres://host/jobs?sslpassword=hidden",
            "postgres://host/jobs?%70assword=hidden",
        ] {
            let typed = ["run", "in.csv", "--store", secret, "--yes"].map(Into::into);
            let resume = of(&"0123456789abcdef".parse().unwrap(), typed);
            assert_eq!(resume.line, "numcheck resume 0123456789abcdef --yes");
            let sentence = resume.sentence(None);
            assert!(sentence.contains("NUMCHECK_STORE") && !sentence.contains("hid"), "{sentence}");
        }
    }
}
