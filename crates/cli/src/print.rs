//! What is written to stdout and stderr: data to stdout, everything else to stderr. A file of results that goes to stdout is written by its writer.
//!
//! Stderr is text for a person, or JSON lines for a program, by `--progress`. While a bar is up, lines appear above it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::ProgressBar;
use numcheck_tables::{is_obeyed, write_json};
use serde_json::{Map, Value, json};

use crate::exit::Failure;
use crate::secrets;

/// Whether every line of stderr is a JSON object.
static AS_JSON: AtomicBool = AtomicBool::new(false);

/// The bar on the terminal.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Makes every line of stderr a JSON object from now on.
pub(crate) fn say_as_json() {
    AS_JSON.store(true, Ordering::Relaxed);
}

/// Whether every line of stderr is a JSON object.
pub(crate) fn says_json() -> bool {
    AS_JSON.load(Ordering::Relaxed)
}

/// A bar on the terminal, below all lines, until this is dropped.
pub(crate) struct Raised(());

impl Raised {
    pub(crate) fn new(bar: ProgressBar) -> Self {
        *the_bar() = Some(bar);
        Self(())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        if let Some(bar) = the_bar().take() {
            bar.finish_and_clear();
        }
    }
}

fn the_bar() -> MutexGuard<'static, Option<ProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a line of data. What a terminal would obey in it is escaped: texts of the platform are somebody else's.
pub(crate) fn data(line: &str) -> Result<(), Failure> {
    written(&visible(line))
}

fn written(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new("standard output takes no more").because(error))
}

/// Writes a line for a terminal in which every character is this command's own: its colours are obeyed.
pub(crate) fn own(line: &str) -> Result<(), Failure> {
    written(line)
}

/// Writes a value as one line of JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    data(&json_line(value)?)
}

fn json_line(value: &impl serde::Serialize) -> Result<String, Failure> {
    let mut line = Vec::new();
    write_json(&mut line, value)
        .map_err(|error| Failure::new("the output cannot be written").because(error))?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Says something to the person, without the secrets that this process knows. When even that fails there is nobody to tell.
pub(crate) fn say(line: &str) {
    if says_json() {
        let (event, text) = event_of(line);
        return say_event(event, json!({"text": text}));
    }
    write_line(&visible(&secrets::hidden(line)));
}

/// Says an event to a program: `value`, an object, behind its time and kind. Without the secrets that this process knows.
pub(crate) fn say_event(event: &str, value: Value) {
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    say_json(event_line(event, &now, value));
}

/// An event as an object. A log line's own time counts.
fn event_line(event: &str, timestamp: &str, value: Value) -> Value {
    let mut object =
        Map::from_iter([("timestamp".to_owned(), timestamp.into()), ("event".to_owned(), event.into())]);
    if let Value::Object(members) = value {
        object.extend(members);
    }
    object.into()
}

/// Says an object, without the secrets that this process knows.
pub(crate) fn say_json(mut value: Value) {
    hide_secrets(&mut value);
    if let Ok(line) = json_line(&value) {
        write_line(&line);
    }
}

fn hide_secrets(value: &mut Value) {
    match value {
        Value::String(text) => *text = secrets::hidden(text),
        Value::Array(values) => values.iter_mut().for_each(hide_secrets),
        Value::Object(members) => members.values_mut().for_each(hide_secrets),
        _ => {}
    }
}

/// The kind of event that a line for a person is, and what it says.
fn event_of(line: &str) -> (&'static str, &str) {
    let text = line.strip_prefix("numcheck: ").unwrap_or(line);
    match text.strip_prefix("note: ") {
        Some(note) => ("note", note),
        None => ("message", text),
    }
}

fn write_line(line: &str) {
    let write = || drop(writeln!(io::stderr(), "{line}"));
    match &*the_bar() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Writes log lines to stderr, each event in one call, as `tracing_subscriber` does.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        match serde_json::from_slice(event) {
            Ok(object @ Value::Object(_)) if says_json() => say_event("log", object),
            _ => say(&log_line(&String::from_utf8_lossy(event))),
        }
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
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if says_json() {
        return say_event("error", json!({"text": error.to_string(), "because": causes}));
    }
    say(&format!("numcheck: {error}"));
    causes.iter().for_each(|cause| say(&format!("  because: {cause}")));
}

/// A length of time as people say it: `45s`, `12m`, `3h 20m`, `2days 4h`.
pub(crate) fn roughly(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    let seconds = time.as_secs();
    let unit = match seconds {
        0..=119 => 1,
        120..86_400 => MINUTE,
        _ => HOUR,
    };
    humantime::format_duration(Duration::from_secs(seconds / unit * unit)).to_string()
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
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&read["text"], &read["隐私号"][1]), (&TEXT.into(), &"x".into()));
    }

    #[test]
    fn an_event_is_one_line_of_the_log() {
        assert_eq!(log_line("WARN a\nWARN b\n"), r"WARN a\nWARN b");
    }

    #[test]
    fn a_line_for_a_person_is_an_event_for_a_program() {
        for (line, event) in [
            ("numcheck: note: a store is new", ("note", "a store is new")),
            ("note: 3 invalid", ("note", "3 invalid")),
            ("numcheck: going on", ("message", "going on")),
            ("checked 3", ("message", "checked 3")),
        ] {
            assert_eq!(event_of(line), event);
        }
        let line = event_line("log", "now", json!({"timestamp": "then", "batch_no": "b", "of": 3}));
        assert_eq!(line, json!({"event": "log", "timestamp": "then", "batch_no": "b", "of": 3}));
    }

    #[test]
    fn a_time_is_as_long_as_people_say_it() {
        for (seconds, said) in [
            (0, "0s"),
            (45, "45s"),
            (119, "1m 59s"),
            (125, "2m"),
            (3 * 3600 + 20 * 60 + 59, "3h 20m"),
            (52 * 3600 + 59, "2days 4h"),
        ] {
            assert_eq!(roughly(Duration::from_secs(seconds)), said);
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|of| count(of, "number")), ["0 numbers", "1 number", "2 numbers"]);
        assert_eq!([1, 2].map(|of| count(of, "batch")), ["1 batch", "2 batches"]);
        assert_eq!([0, 1, 2].map(|of| form(of, "has", "have")), ["have", "has", "have"]);
    }
}
