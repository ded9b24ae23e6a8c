//! What is wrong with the arguments, without repeating what may be a phone number, a verification code or a URL.
//!
//! It only changes what is shown; what is accepted is clap's affair.

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use numcheck_protocol::mask;

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

/// The same error, fit for a log: URLs and stray arguments hidden, unless these are files; runs of digits masked, in values that cannot hold a
/// number only those that are as long as one.
pub(crate) fn discreet(mut error: clap::Error) -> clap::Error {
    let argument = text(&error, ContextKind::InvalidArg).unwrap_or_default();
    let value_name =
        argument.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(name, _)| name);
    let is_plain = value_name.is_some_and(|name| PLAIN.contains(&name));
    let is_url = argument.ends_with("-url <U>");
    let is_file = Path::new(argument).exists();
    let is_stray = error.kind() == ErrorKind::UnknownArgument && !argument.starts_with('-') && !is_file;
    for (kind, hide, is_plain) in [
        (ContextKind::InvalidArg, is_stray, is_file),
        (ContextKind::InvalidValue, is_url, is_plain),
        (ContextKind::InvalidSubcommand, false, false),
    ] {
        let Some(shown) = text(&error, kind) else { continue };
        let fit = if hide {
            "***".to_owned()
        } else if is_plain && !is_as_long_as_a_number(shown) {
            shown.to_owned()
        } else {
            mask::digits(shown).into_owned()
        };
        if fit != shown {
            error.insert(kind, ContextValue::String(fit));
            error.remove(ContextKind::Suggested);
        }
    }
    error
}

fn is_as_long_as_a_number(text: &str) -> bool {
    const SHORTEST: usize = 7;
    text.split(|char: char| !char.is_numeric()).any(|digits| digits.chars().count() >= SHORTEST)
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}
