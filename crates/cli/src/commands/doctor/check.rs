//! One finding: how it is, what was found, and what to mend.

use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;

use crate::secrets;

/// What was looked at, and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// It works, or may; a person should know.
    Warn,
    /// Something is to be mended.
    Bad,
    /// Not looked at.
    Skipped,
}

impl Check {
    fn new(name: &'static str, state: State, found: impl AsRef<str>, mend: Option<String>) -> Self {
        // What a platform or a file system says may quote what it was given.
        let fit = |text: &str| secrets::hidden(text).replace('\n', " ");
        Self { name, state, found: fit(found.as_ref()), mend: mend.map(|mend| fit(&mend)) }
    }

    pub(super) fn ok(name: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(name, State::Ok, found, None)
    }

    pub(super) fn warn(name: &'static str, found: impl AsRef<str>, mend: impl Into<String>) -> Self {
        Self::new(name, State::Warn, found, Some(mend.into()))
    }

    pub(super) fn bad(name: &'static str, found: impl AsRef<str>, mend: impl Into<String>) -> Self {
        Self::new(name, State::Bad, found, Some(mend.into()))
    }

    pub(super) fn skipped(name: &'static str, why: impl AsRef<str>) -> Self {
        Self::new(name, State::Skipped, why, None)
    }
}

/// On a line, and what to mend on a second one.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Bad => "bad",
            State::Skipped => "-",
        };
        write!(f, "  {state:<5} {:<21} {}", self.name, self.found)?;
        self.mend.as_ref().map_or(Ok(()), |mend| write!(f, "\n{:<8}to mend: {mend}", ""))
    }
}

/// An error with its causes, on one line.
pub(super) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text.push_str(&format!(": {why}"));
        }
        cause = error.source();
    }
    text
}
