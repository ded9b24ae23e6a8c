//! What a run tells while it works and when it has ended.
//!
//! It shows figures, and why numbers were not checked: no number, and the platform's texts only as its errors show them.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use numcheck_protocol::DriftKind;
use serde_json::{Value, json};

use crate::call::drift_kind;
use crate::exit::Failure;
use crate::job::{Book, Seen};
use crate::output::CheckState;
use crate::print;

use super::results::Totals;

/// Does `work` with a progress bar on the terminal, if stderr is one.
pub(super) async fn with_progress(book: &Book, work: impl Future<Output = ()>) {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let bar = ProgressBar::new(book.progress().total as u64);
    if let Ok(style) =
        ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} results, {per_sec}, {eta} left")
    {
        bar.set_style(style);
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            () = &mut work => break,
            _ = ticks.tick() => bar.set_position(book.progress().settled as u64),
        }
    }
    bar.finish_and_clear();
}

/// The end of a run in figures.
pub(super) struct Summary<'a> {
    totals: &'a Totals,
    seen: &'a Seen,
    took: Duration,
    output: Option<&'a Path>,
}

const STATES: [CheckState; 7] = [
    CheckState::Done,
    CheckState::Failed,
    CheckState::Invalid,
    CheckState::Duplicate,
    CheckState::Refused,
    CheckState::InDoubt,
    CheckState::Missing,
];

impl<'a> Summary<'a> {
    pub(super) fn new(totals: &'a Totals, seen: &'a Seen, took: Duration, output: Option<&'a Path>) -> Self {
        Self { totals, seen, took, output }
    }

    /// Whether the journal holds paid results that the output does not. A new value stands in its column; a new field and an odd
    /// shape have none.
    pub(super) fn is_journal_of_use(&self) -> bool {
        let seen = self.seen;
        seen.unmatched > 0
            || seen.conflicts > 0
            || seen.drift.keys().any(|(_, kind)| *kind != drift_kind(DriftKind::NewValue))
    }

    /// Shows it: a line on stderr, or an object for a machine, on stdout unless the results went there.
    pub(super) fn show(&self, json: bool, journal: Option<&Path>) -> Result<(), Failure> {
        match (json, self.output.is_some()) {
            (true, true) => print::json(&self.to_json(journal))?,
            (true, false) => print::say(&self.to_json(journal).to_string()),
            (false, _) => print::say(&self.to_line()),
        }
        if !json {
            self.notes(journal).iter().for_each(|note| print::say(note));
        }
        Ok(())
    }

    fn to_line(&self) -> String {
        let totals = self.totals;
        let mut line = format!("checked {}:", totals.checked());
        for state in STATES {
            let count = totals.of(state);
            // The last three are news only when there are any.
            if count > 0
                || matches!(
                    state,
                    CheckState::Done | CheckState::Failed | CheckState::Invalid | CheckState::Duplicate
                )
            {
                line.push_str(&format!(" {count} {},", state.as_str().replace('_', " ")));
            }
        }
        line.pop();
        let costs: Vec<String> =
            totals.cost.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect();
        let cost = if costs.is_empty() { "nothing".to_owned() } else { costs.join(" + ") };
        line.push_str(&format!("; cost {cost}"));
        if totals.unpriced > 0 {
            line.push_str(&format!(" and the unknown cost of {} results", totals.unpriced));
        }
        line.push_str(&format!("; {:.1} s", self.took.as_secs_f64()));
        if let Some(output) = self.output {
            line.push_str(&format!("; {}", output.display()));
        }
        line
    }

    fn notes(&self, journal: Option<&Path>) -> Vec<String> {
        let seen = self.seen;
        let mut notes = Vec::new();
        for ((state, reason), count) in &self.totals.reasons {
            notes.push(format!("note: {count} {}: {reason}", state.as_str().replace('_', " ")));
        }
        if seen.conflicts > 0 {
            notes.push(format!(
                "note: {} results came a second time with other content; the first one counts",
                seen.conflicts
            ));
        }
        if seen.unmatched > 0 {
            notes.push(format!(
                "note: {} results belong to no number of this file or cannot be read",
                seen.unmatched
            ));
        }
        if let Some(journal) = journal {
            notes.push(format!("note: every result as it came stands in {}", journal.display()));
        }
        for ((place, kind), count) in &seen.drift {
            notes.push(format!(
                "note: the platform sent a {kind} that no document lists at {place}, {count} times"
            ));
        }
        notes
    }

    fn to_json(&self, journal: Option<&Path>) -> Value {
        let (totals, seen) = (self.totals, self.seen);
        let path = |path: &Path| path.display().to_string();
        let drift: Vec<Value> = seen
            .drift
            .iter()
            .map(|((place, kind), count)| json!({"place": place, "kind": kind, "count": count}))
            .collect();
        let reasons: Vec<Value> = totals
            .reasons
            .iter()
            .map(
                |((state, reason), count)| json!({"state": state.as_str(), "reason": reason, "count": count}),
            )
            .collect();
        let cost: serde_json::Map<String, Value> = totals
            .cost
            .iter()
            .map(|(currency, sum)| (currency.to_string(), sum.to_string().into()))
            .collect();
        let mut summary = json!({
            "rows": totals.rows,
            "checked": totals.checked(),
            "cost": cost,
            "unpriced": totals.unpriced,
            "reasons": reasons,
            "repeats": seen.repeats,
            "conflicts": seen.conflicts,
            "unmatched": seen.unmatched,
            "drift": drift,
            "seconds": self.took.as_secs_f64(),
            "output": self.output.map(path),
            "journal": journal.map(path),
        });
        for state in STATES {
            if let Some(summary) = summary.as_object_mut() {
                summary.insert(state.as_str().to_owned(), totals.of(state).into());
            }
        }
        summary
    }
}
