//! The command that goes on with a job, with the options that were typed for this one.
//!
//! It must not show a password: the URL of a store is left out.

use std::ffi::OsString;

use clap::{Command, CommandFactory};
use numcheck_bulk::JobName;

use crate::Arguments;

/// `numcheck resume JOB` and those of this process's own options that `resume` knows, as a shell reads them. What came from the
/// environment is there again.
pub(crate) fn resume(job: &JobName) -> String {
    of(job, std::env::args_os().skip(1))
}

fn of(job: &JobName, typed: impl IntoIterator<Item = OsString>) -> String {
    let mut command = Arguments::command();
    command.build();
    let mut line = format!("numcheck resume {job}");
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
        line.push_str(&format!(" {}", option.name));
        if let Some(value) = value {
            let secret = option.name == "--store" && value.contains("://");
            line.push_str(&if secret { " …".to_owned() } else { format!(" {}", quoted(&value)) });
        }
    }
    line
}

/// An option as it was typed.
struct Typed {
    name: String,
    value: Option<String>,
    has_value: bool,
    /// Of both verbs: what is of `resume` alone is a decision that a person takes anew.
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
        Some(Self { has_value, of_both: run.is_some() && resume.is_some(), name, value })
    }
}

/// A word as a shell reads it again.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::of;

    fn after(typed: &[&str]) -> String {
        of(&"0123456789abcdef".parse().unwrap(), typed.iter().map(Into::into))
    }

    #[test]
    fn the_options_that_resume_knows_are_there_and_the_others_are_not() {
        let typed =
            ["run", "in file.csv", "--level", "hlr", "--again", "-o", "out.csv", "--batch-size=9", "--yes"];
        assert_eq!(after(&typed), "numcheck resume 0123456789abcdef -o out.csv --yes");
        let typed = ["--log", "info", "resume", "0123456789abcdef", "--resubmit-doubtful", "--wait=5m"];
        assert_eq!(after(&typed), "numcheck resume 0123456789abcdef --log info --wait 5m");
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
    fn the_url_of_a_store_is_not_shown() {
        let line = after(&["run", "in.csv", "--store", "postgres://user:password@host/jobs"]);
        assert_eq!(line, "numcheck resume 0123456789abcdef --store …");
        assert!(after(&["run", "in.csv", "--store=jobs.db"]).ends_with("--store jobs.db"));
    }
}
