//! Reads what became of a row's phone number, in the words of a file of results.

use std::borrow::Cow;

use numcheck_bulk::store::{RowFate, Source, reading};
use numcheck_bulk::{BatchState, Job, Scope};
use numcheck_job::{with_privacy, with_result};
use numcheck_protocol::number_check::CheckResult;

use super::report::{MAY_STILL_COME, NOT_ANSWERED_YET, NOT_SENT_YET};
use crate::output::{CheckRow, CheckState};
use crate::print;

/// Reads the fates of one job's rows.
pub(crate) struct FateReader<'a> {
    level: &'a str,
    is_privacy: bool,
    /// What is said of phone numbers that were not sent.
    not_sent: &'a str,
}

impl<'a> FateReader<'a> {
    /// A reader of the job's rows. `not_sent` says why a run has left some.
    pub(crate) fn of(job: &'a Job, not_sent: Option<&'a str>) -> Self {
        Self {
            level: job.spec.notes.get("level").and_then(serde_json::Value::as_str).unwrap_or_default(),
            is_privacy: job.spec.scope.service == Scope::PRIVACY,
            not_sent: not_sent.unwrap_or(NOT_SENT_YET),
        }
    }

    /// Hands the row of results to `then`. Whether it repeats another row, or took a result of the book, is left to the caller.
    pub(crate) fn check<T>(&self, fate: &RowFate, mut then: impl FnMut(CheckRow<'_>) -> T) -> T {
        let without = |state, code, message: &str| CheckRow {
            phone: Some(fate.number),
            state,
            code,
            message: Some(Cow::Owned(message.to_owned())),
            batch_no: Some(Cow::Borrowed(&fate.batch_no)),
            ..CheckRow::default()
        };
        if let Some((source, body)) = &fate.result {
            let mut settled = |check: CheckRow<'_>| {
                let mut check = check;
                check.level = Some(Cow::Borrowed(self.level));
                check.time = fate.received_ms.map(|ms| print::rfc3339(ms).into());
                then(check)
            };
            return match source {
                Source::Reply if self.is_privacy => with_privacy(body, |reply, cost| {
                    settled(CheckRow::from_privacy(fate.number, &reply, cost))
                })
                .unwrap_or_else(|| settled(without(CheckState::Done, None, ""))),
                Source::Answer => {
                    let why = reading::why_not_taken(body);
                    settled(without(CheckState::Refused, None, why.as_deref().unwrap_or("not taken")))
                }
                Source::Push | Source::Query | Source::Reply => {
                    let shown = with_result(*source, body, |result| {
                        settled(CheckRow::from_result(fate.number, result))
                    });
                    // What stands in the store as this phone number's result was read before.
                    shown.unwrap_or_else(|| {
                        settled(CheckRow::from_result(fate.number, CheckResult::default()))
                    })
                }
            };
        }
        let said = fate.message.as_deref();
        then(match fate.state {
            BatchState::Refused if !fate.reused => {
                without(CheckState::Refused, fate.code, said.unwrap_or("refused"))
            }
            BatchState::Planned | BatchState::Refused => {
                without(CheckState::Pending, fate.code, said.unwrap_or(self.not_sent))
            }
            BatchState::Accepted if fate.missing => without(
                CheckState::Missing,
                None,
                "accepted, and no result has come; it may have been charged",
            ),
            BatchState::Accepted => without(CheckState::Pending, None, MAY_STILL_COME),
            BatchState::Sending => without(CheckState::Pending, None, NOT_ANSWERED_YET),
            _ => without(CheckState::InDoubt, fate.code, said.unwrap_or(NOT_ANSWERED_YET)),
        })
    }
}

/// Whether the phone number is still to be sent.
pub(super) fn is_left(fate: &RowFate) -> bool {
    match fate.state {
        _ if fate.result.is_some() || fate.duplicate => false,
        BatchState::Planned => true,
        // Another job's batch that was refused: this one sends it.
        BatchState::Refused => fate.reused,
        _ => false,
    }
}
