//! A stored result on one line, or as the values of an object.

use numcheck_bulk::store::{RowFate, Source};
use numcheck_protocol::decode;
use numcheck_protocol::number_check::{CheckResult, GetReply, QueryRow, ResultPush};
use serde_json::{Map, Value};

use super::check_line;

/// Shows a result by `show`; `None` where there is none of number check.
fn with<T>(fate: &RowFate, show: impl FnOnce(&CheckResult<'_>) -> T) -> Option<T> {
    let (source, body) = fate.result.as_ref()?;
    match source {
        Source::Push => Some(show(&CheckResult::from(&decode::<ResultPush<'_>>(body).ok()?))),
        Source::Query => Some(show(&CheckResult::from(&decode::<QueryRow<'_>>(body).ok()?))),
        Source::Get => Some(show(&CheckResult::from(&decode::<GetReply<'_>>(body).ok()?))),
        Source::Answer | Source::Privacy => None,
    }
}

/// When a result came: UTC, RFC 3339.
pub(super) fn time(received_ms: u64) -> String {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(received_ms);
    humantime::format_rfc3339_seconds(at).to_string()
}

/// A result that was paid for before, for a person.
pub(super) fn line(fate: &RowFate) -> Option<String> {
    let line = with(fate, check_line::line)?;
    Some(format!("reused\t{}\t{line}", time(fate.received_ms.unwrap_or_default())))
}

/// The same for a machine.
pub(super) fn values(fate: &RowFate) -> Option<Map<String, Value>> {
    let mut values = with(fate, check_line::values)?;
    values.insert("time".to_owned(), time(fate.received_ms.unwrap_or_default()).into());
    Some(values)
}
