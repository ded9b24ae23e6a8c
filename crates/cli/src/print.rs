//! The only place that writes to stdout and stderr: data to stdout, everything else to stderr.

use std::error::Error as StdError;
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use crate::exit::Failure;

/// Writes a line of data.
pub(crate) fn data(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new("standard output takes no more").because(error))
}

/// Writes a value as one line of JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value)
        .map_err(|error| Failure::new("the output cannot be written").because(error))?;
    data(&line)
}

/// Says something to the person. When even that fails there is nobody to tell.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says what went wrong, and why, a cause a line.
pub(crate) fn complain(error: &dyn StdError) {
    say(&format!("numcheck: {error}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        say(&format!("  because: {error}"));
        cause = error.source();
    }
}

/// So many of something, as people write it: `1 number`, `2 numbers`, `2 batches`.
pub(crate) fn count(count: u64, noun: &str) -> String {
    let ending = match count {
        1 => "",
        _ if noun.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{count} {noun}{ending}")
}

/// A time, in Unix milliseconds, as UTC in RFC 3339, to the second.
pub(crate) fn rfc3339(ms: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

/// The form of a verb for so many: `1 of the numbers has`, `2 of the numbers have`.
pub(crate) fn form<'a>(count: u64, of_one: &'a str, of_many: &'a str) -> &'a str {
    if count == 1 { of_one } else { of_many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|of| count(of, "number")), ["0 numbers", "1 number", "2 numbers"]);
        assert_eq!([1, 2].map(|of| count(of, "batch")), ["1 batch", "2 batches"]);
        assert_eq!([0, 1, 2].map(|of| form(of, "has", "have")), ["have", "has", "have"]);
    }
}
