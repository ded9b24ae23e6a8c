//! What is written to stdout and stderr: data to stdout, everything else to stderr. A file of results that goes to stdout is written by its writer.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use numcheck_tables::{is_obeyed, write_json};

use crate::exit::Failure;
use crate::secrets;

/// Writes a line of data. What a terminal would obey in it is escaped: texts of the platform are somebody else's.
pub(crate) fn data(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", visible(line))
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new("standard output takes no more").because(error))
}

/// Writes a value as one line of JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    data(&json_line(value)?)
}

/// The same on stderr, where stdout has the results.
pub(crate) fn say_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    say(&json_line(value)?);
    Ok(())
}

fn json_line(value: &impl serde::Serialize) -> Result<String, Failure> {
    let mut line = Vec::new();
    write_json(&mut line, value)
        .map_err(|error| Failure::new("the output cannot be written").because(error))?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Says something to the person, without the secrets that this process knows. When even that fails there is nobody to tell.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", visible(&secrets::hidden(line)));
}

/// Writes log lines to stderr, each event in one call, as `tracing_subscriber` does.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        say(&log_line(&String::from_utf8_lossy(event)));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event on one line: a text of the platform makes no second one.
fn log_line(event: &str) -> String {
    event.strip_suffix('\n').unwrap_or(event).replace('\n', "\\n")
}

/// A text in which what a terminal would obey is escaped, as `\u{1b}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let escaped = |char: char| if is_obeyed(char) { char.escape_unicode().to_string() } else { char.into() };
    Cow::Owned(text.chars().map(escaped).collect())
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
    fn what_a_terminal_obeys_is_escaped_in_text_and_json() {
        const TEXT: &str = "a\u{1b}[31mb\u{9b}2J\u{202e}c\u{2028}d\u{7f}\u{2067}e\u{feff}f\u{e0041}";
        assert_eq!(visible(TEXT), r"a\u{1b}[31mb\u{9b}2J\u{202e}c\u{2028}d\u{7f}\u{2067}e\u{feff}f\u{e0041}");
        for plain in ["", "a\tb\n", "隐私号", "é\u{301}"] {
            assert_eq!(visible(plain), plain);
        }
        let mut json = Vec::new();
        write_json(&mut json, &serde_json::json!({ "text": TEXT, "隐私号": [1, "x"] })).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert!(!json.contains(is_obeyed), "{json:?}");
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&read["text"], &read["隐私号"][1]), (&TEXT.into(), &"x".into()));
    }

    #[test]
    fn an_event_is_one_line_of_the_log() {
        assert_eq!(log_line("WARN a\nWARN b\n"), r"WARN a\nWARN b");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|of| count(of, "number")), ["0 numbers", "1 number", "2 numbers"]);
        assert_eq!([1, 2].map(|of| count(of, "batch")), ["1 batch", "2 batches"]);
        assert_eq!([0, 1, 2].map(|of| form(of, "has", "have")), ["have", "has", "have"]);
    }
}
