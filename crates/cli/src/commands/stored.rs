//! A stored result on one line, or as the values of an object.

use numcheck_bulk::store::RowFate;
use numcheck_job::with_result;
use numcheck_protocol::number_check::CheckResult;
use serde_json::{Map, Value};

use super::check_line;
use crate::print;

/// Shows a result by `show`; `None` where there is none of number check.
fn with<T>(fate: &RowFate, show: impl FnOnce(&CheckResult<'_>) -> T) -> Option<T> {
    let (source, body) = fate.result.as_ref()?;
    with_result(*source, body, |result| show(&result))
}

/// A result that was paid for before, for a person.
pub(super) fn line(fate: &RowFate) -> Option<String> {
    let line = with(fate, check_line::line)?;
    Some(format!("reused\t{}\t{line}", print::rfc3339(fate.received_ms.unwrap_or_default())))
}

/// The same for a machine.
pub(super) fn values(fate: &RowFate) -> Option<Map<String, Value>> {
    let mut values = with(fate, check_line::values)?;
    values.insert("time".to_owned(), print::rfc3339(fate.received_ms.unwrap_or_default()).into());
    Some(values)
}
