//! The secrets that this process was given, so that nothing shows them: a platform may quote what it was sent.

use std::sync::LazyLock;

use numcheck_transport::quotable;

use crate::config;

/// What holds one, or the name of a file with one under `…_FILE`.
const VARIABLES: [&str; 3] = ["NXCLOUD_ACCESS_SECRET", "NXCLOUD_APPKEY", "QXT_API_KEY"];
/// What is shorter may stand in any text.
const MIN_LEN: usize = 6;

/// All of them.
pub(crate) fn known() -> impl Iterator<Item = String> {
    KNOWN.iter().cloned()
}

/// A text without them.
pub(crate) fn hidden(text: &str) -> String {
    let known: Vec<&str> = KNOWN.iter().map(String::as_str).collect();
    quotable(text, &known).into_owned()
}

// Not by `numcheck_transport::env`, which logs: log lines are what this is asked for.
static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| {
    let of_file = |variable: &str| std::fs::read_to_string(config::value(&format!("{variable}_FILE"))?).ok();
    let itself = |variable: &str| config::value(variable)?.into_string().ok();
    let known = VARIABLES.iter().filter_map(|variable| itself(variable).or_else(|| of_file(variable)));
    known.map(|secret| secret.trim().to_owned()).filter(|secret| secret.len() >= MIN_LEN).collect()
});
