//! A job's figures in Prometheus' text format.
//!
//! Labels never hold a value of a result, which could be a phone number; unknown words and codes are masked.

use numcheck_bulk::store::{Drifted, TurnedAway};
use numcheck_bulk::{Job, Ledger, Outcome};

/// The figures of a job, and of the receivers of its store.
pub(crate) fn text(job: &Job, ledger: &Ledger, drift: &[Drifted], turned_away: &[TurnedAway]) -> String {
    let mut text = String::new();
    let job = job.name.as_str();
    head(&mut text, "numcheck_numbers", "gauge", "Numbers of the job by state.");
    for (state, count) in [
        ("planned", ledger.planned),
        ("refused", ledger.refused),
        ("settled", ledger.settled),
        ("failed", ledger.failed),
        ("in_doubt", ledger.in_doubt),
        ("missing", ledger.missing),
        ("pending", ledger.pending),
        ("reused", ledger.reused.total()),
        ("waiting", ledger.waiting),
        ("waiting_in_doubt", ledger.waiting_in_doubt),
    ] {
        text.push_str(&format!("numcheck_numbers{{job=\"{job}\",state=\"{state}\"}} {count}\n"));
    }
    head(&mut text, "numcheck_cost", "gauge", "What results have cost, by currency and outcome.");
    for ((outcome, currency), sum) in &ledger.costs {
        let outcome = if *outcome == Outcome::Done { "done" } else { "failed" };
        let amount = sum.amount;
        text.push_str(&format!(
            "numcheck_cost{{job=\"{job}\",currency=\"{currency}\",outcome=\"{outcome}\"}} {amount}\n"
        ));
    }
    head(
        &mut text,
        "numcheck_drift_total",
        "counter",
        "What the platform sent that no document lists, by place.",
    );
    for Drifted { drift, count, .. } in drift {
        let (place, kind) = (label(&drift.place), drift.kind.as_str());
        let value = label(drift.value.as_deref().unwrap_or_default());
        text.push_str(&format!(
            "numcheck_drift_total{{job=\"{job}\",place=\"{place}\",kind=\"{kind}\",value=\"{value}\"}} {count}\n"
        ));
    }
    head(
        &mut text,
        "numcheck_turned_away_total",
        "counter",
        "Requests that the store's receivers have turned away, by kind.",
    );
    for TurnedAway { kind, count, .. } in turned_away {
        text.push_str(&format!("numcheck_turned_away_total{{kind=\"{}\"}} {count}\n", label(kind)));
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
}

/// A label's value as the form wants it.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
