//! Figures in Prometheus' text format.
//!
//! Labels never hold a value of a result, which could be a phone number; unknown words and codes are masked.

use std::collections::BTreeMap;
use std::fmt::Display;

use numcheck_bulk::store::{Drifted, TurnedAway};
use numcheck_bulk::{Job, Ledger, Outcome};

/// A page of figures.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// Begins a figure; its samples follow.
    pub(crate) fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.0.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.0.push_str(&format!("{name}{labels} {value}\n"));
    }

    /// A figure without labels.
    pub(crate) fn figure(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.sample(name, &[], value);
    }

    /// Adds the figures of another page.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The figures of a job.
#[derive(Debug)]
pub(crate) struct JobFigures {
    pub(crate) job: Job,
    pub(crate) ledger: Ledger,
    pub(crate) drift: Vec<Drifted>,
}

/// The figures of a job, with its drift by place, and of the receivers of its store.
pub(crate) fn text(figures: &JobFigures, turned_away_kinds: &[TurnedAway]) -> String {
    let mut page = Page::default();
    sums(&mut page, std::slice::from_ref(figures));
    drift_head(&mut page);
    for Drifted { drift, count, .. } in &figures.drift {
        let labels = [
            ("job", figures.job.name.as_str()),
            ("place", drift.place.as_ref()),
            ("kind", drift.kind.as_str()),
            ("value", drift.value.as_deref().unwrap_or_default()),
        ];
        page.sample(DRIFT, &labels, count);
    }
    turned_away(&mut page, turned_away_kinds);
    page.into_text()
}

/// What numbers became and cost, by job.
pub(crate) fn sums(page: &mut Page, jobs: &[JobFigures]) {
    page.head("numcheck_numbers", "gauge", "Numbers of the job by state.");
    for JobFigures { job, ledger, .. } in jobs {
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
            page.sample("numcheck_numbers", &[("job", job.name.as_str()), ("state", state)], count);
        }
    }
    page.head("numcheck_cost", "gauge", "What results have cost, by currency and outcome.");
    for JobFigures { job, ledger, .. } in jobs {
        for ((outcome, currency), sum) in &ledger.costs {
            let outcome = if *outcome == Outcome::Done { "done" } else { "failed" };
            let labels = [("job", job.name.as_str()), ("currency", currency.as_str()), ("outcome", outcome)];
            page.sample("numcheck_cost", &labels, sum.amount);
        }
    }
}

const DRIFT: &str = "numcheck_drift_total";

fn drift_head(page: &mut Page) {
    page.head(DRIFT, "counter", "What the platform sent that no document lists, by place.");
}

/// Drift of several jobs, without its places: there may be a thousand of them in each.
pub(crate) fn drift(page: &mut Page, jobs: &[JobFigures]) {
    drift_head(page);
    for JobFigures { job, drift, .. } in jobs {
        let mut kinds = BTreeMap::<&str, u64>::new();
        for Drifted { drift, count, .. } in drift {
            *kinds.entry(drift.kind.as_str()).or_default() += count;
        }
        for (kind, count) in kinds {
            page.sample(DRIFT, &[("job", job.name.as_str()), ("kind", kind)], count);
        }
    }
}

/// What the receivers of a store have turned away.
pub(crate) fn turned_away(page: &mut Page, kinds: &[TurnedAway]) {
    const NAME: &str = "numcheck_turned_away_total";
    page.head(NAME, "counter", "Requests that the store's receivers have turned away, by kind.");
    for TurnedAway { kind, count, .. } in kinds {
        page.sample(NAME, &[("kind", kind)], count);
    }
}

/// A label's value as the form wants it.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
