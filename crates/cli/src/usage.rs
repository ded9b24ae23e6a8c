//! What is wrong with the arguments, without repeating what may be a phone number, a verification code or a URL.
//!
//! It only changes what is shown; what is accepted is clap's affair.

use std::error::Error as _;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use numcheck_protocol::mask;

use crate::print;

/// Values that are neither secrets nor phone numbers, unless they were put at a wrong place: named as the help names them.
const PLAIN: &[&str] = &[
    "ADDR",
    "AFTER=DURATION",
    "AGE",
    "AMOUNT",
    "DAY",
    "DURATION",
    "JOB",
    "LEVEL:COUNTRY=AMOUNT",
    "MINUTES",
    "N",
    "N/s",
    "SEED",
];

/// The shortest word that is taken for a secret at a wrong place.
const SHORTEST_SECRET: usize = 16;

/// The same error, fit for a log: URLs and stray arguments hidden, unless these are files, and words that are as long as a secret; runs of
/// digits masked, in values that cannot hold a number only those that are as long as one. What a parser has to say quotes nothing of
/// what is hidden.
pub(crate) fn discreet(mut error: clap::Error) -> clap::Error {
    let argument = text(&error, ContextKind::InvalidArg).unwrap_or_default();
    let value_name =
        argument.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(name, _)| name);
    let is_plain = value_name.is_some_and(|name| PLAIN.contains(&name));
    let is_url = argument.ends_with("-url <U>");
    let is_file = Path::new(argument).exists();
    let typed = text(&error, ContextKind::InvalidValue).map(str::to_owned);
    let is_stray = error.kind() == ErrorKind::UnknownArgument && !argument.starts_with('-') && !is_file;
    for (kind, hide, is_plain) in [
        // The name of an option is long, too.
        (ContextKind::InvalidArg, is_stray, is_file),
        (ContextKind::InvalidValue, is_url || typed.as_deref().is_some_and(is_as_long_as_a_secret), is_plain),
        (
            ContextKind::InvalidSubcommand,
            text(&error, ContextKind::InvalidSubcommand).is_some_and(is_as_long_as_a_secret),
            false,
        ),
    ] {
        let Some(shown) = text(&error, kind) else { continue };
        let fit = if hide {
            "***".to_owned()
        } else if is_plain && !is_as_long_as_a_number(shown) {
            shown.to_owned()
        } else {
            mask::digits(shown).into_owned()
        };
        let fit = print::visible(&fit).into_owned();
        if fit != shown {
            error.insert(kind, ContextValue::String(fit));
            error.remove(ContextKind::Suggested);
        }
    }
    let is_hidden = text(&error, ContextKind::InvalidValue) != typed.as_deref();
    match typed {
        Some(typed) if is_hidden => without_quotes(error, &typed),
        _ => error,
    }
}

/// The same error, whose cause quotes nothing of what was typed. A cause cannot be changed, so the text is.
fn without_quotes(error: clap::Error, typed: &str) -> clap::Error {
    let Some(cause) = error.source().map(ToString::to_string) else { return error };
    let fit = unquoted(&cause, typed);
    if fit == cause {
        return error;
    }
    let shown = error.render().to_string();
    let shown = shown.strip_prefix("error: ").unwrap_or(&shown);
    clap::Error::raw(error.kind(), shown.replace(&cause, &fit))
}

/// `text` with everything hidden that stands in `typed` as well, also where that has something between, and is longer than a short word.
fn unquoted(text: &str, typed: &str) -> String {
    const LONGEST_SHOWN: usize = 4;
    let joined: String = typed.chars().filter(|char| char.is_alphanumeric()).collect();
    let is_typed = |part: &str| typed.contains(part) || joined.contains(part);
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let ends = rest.char_indices().map(|(at, char)| at + char.len_utf8());
        let quoted = ends.map_while(|end| rest.get(..end).filter(|part| is_typed(part))).last();
        let shown = match quoted.filter(|quoted| quoted.chars().count() > LONGEST_SHOWN) {
            Some(quoted) => {
                out.push_str("***");
                quoted.len()
            }
            None => {
                out.push(first);
                first.len_utf8()
            }
        };
        rest = rest.get(shown..).unwrap_or_default();
    }
    out
}

fn is_as_long_as_a_secret(text: &str) -> bool {
    text.split_whitespace().any(|word| word.chars().count() >= SHORTEST_SECRET)
}

fn is_as_long_as_a_number(text: &str) -> bool {
    const SHORTEST: usize = 7;
    // A day has as many digits, in parts.
    const SHORTEST_IN_PARTS: usize = 9;
    let is_gap = |char: char| char.is_whitespace() || matches!(char, '-' | '(' | ')');
    let digits = |run: &str| run.chars().filter(|char| char.is_numeric()).count();
    text.split(|char: char| !char.is_numeric()).any(|run| digits(run) >= SHORTEST)
        || text
            .split(|char: char| !char.is_numeric() && !is_gap(char))
            .any(|run| digits(run) >= SHORTEST_IN_PARTS)
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use super::*;
    use crate::Arguments;

    /// Every verb, as it is typed, with the options and places of its own.
    fn verbs(command: &Command, path: &[String]) -> Vec<(Vec<String>, Vec<Option<String>>)> {
        let own = command.get_arguments().filter(|argument| argument.get_action().takes_values());
        let own = own.map(|argument| argument.get_long().map(|name| format!("--{name}"))).collect();
        let deeper = command.get_subcommands().filter(|verb| verb.get_name() != "help");
        let deeper = deeper.flat_map(|verb| verbs(verb, &[path, &[verb.get_name().to_owned()]].concat()));
        std::iter::once((path.to_vec(), own)).chain(deeper).collect()
    }

    #[test]
    fn no_option_shows_what_may_be_a_number_or_a_secret() {
        const TYPED: [&str; 6] = [
            "8613800000001",
            "-8613800000001",
            "+86 138 0000 0001",
            "8613800000001=1s",
            "5s7QmZcanary-secret",
            "ftp://example.org/7QmZcanary",
        ];
        let mut command = Arguments::command();
        command.build();
        let mut refused = 0;
        for (verb, options) in verbs(&command, &["numcheck".to_owned()]) {
            for (option, typed) in options.iter().flat_map(|option| TYPED.map(|typed| (option, typed))) {
                let argument = option.as_ref().map_or(typed.to_owned(), |option| format!("{option}={typed}"));
                let line = verb.iter().chain([&argument]);
                let Err(error) = Arguments::command().try_get_matches_from(line) else { continue };
                refused += u32::from(error.kind() == ErrorKind::ValueValidation);
                let shown = discreet(error).to_string();
                for part in ["800000001", "0000 0001", "canary"] {
                    assert!(!shown.contains(part), "{verb:?} {argument}: {shown}");
                }
            }
        }
        assert!(refused > 100, "{refused}");
    }

    #[test]
    fn what_is_wrong_is_said_all_the_same() {
        let shown = |line: &[&str]| {
            discreet(Arguments::command().try_get_matches_from(line).unwrap_err()).to_string()
        };
        let help = "\n\nFor more information, try '--help'.\n";
        for (value, said) in [
            ("8613800000001", "'861********01' for '--batch-size <N>': *** is not in 1..=5000"),
            ("6000", "'6000' for '--batch-size <N>': 6000 is not in 1..=5000"),
        ] {
            let whole = format!("error: invalid value {said}{help}");
            assert_eq!(shown(&["numcheck", "run", "x.csv", "--batch-size", value]), whole);
        }
    }
}
