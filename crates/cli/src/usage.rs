//! What is wrong with the arguments, without repeating what may be a phone number, a verification code or a URL.
//!
//! It only changes what is shown; what is accepted is clap's affair.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use numcheck_protocol::mask;

/// The same error, fit for a log: stray arguments and URLs hidden, runs of digits masked.
pub(crate) fn discreet(mut error: clap::Error) -> clap::Error {
    let is_url = text(&error, ContextKind::InvalidArg).is_some_and(|option| option.ends_with("-url <U>"));
    let is_stray = error.kind() == ErrorKind::UnknownArgument
        && text(&error, ContextKind::InvalidArg).is_some_and(|argument| !argument.starts_with('-'));
    for (kind, hide) in [
        (ContextKind::InvalidArg, is_stray),
        (ContextKind::InvalidValue, is_url),
        (ContextKind::InvalidSubcommand, false),
    ] {
        let Some(shown) = text(&error, kind) else { continue };
        let fit = if hide { "***".to_owned() } else { mask::digits(shown).into_owned() };
        if fit != shown {
            error.insert(kind, ContextValue::String(fit));
            error.remove(ContextKind::Suggested);
        }
    }
    error
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}
