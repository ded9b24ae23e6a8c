//! What stands in a report, as a machine reads it. The page shows the same.

use std::collections::BTreeMap;

use numcheck_bulk::{Job, JobState, Ledger, Outcome};
use numcheck_protocol::number_check::CheckLevel;
use numcheck_protocol::{Currency, Lang, Price};
use numcheck_tables::Reject;
use serde::Serialize;

use super::figures::{AREA, Country, Figures, InCountry, PRIVACY};
use super::tally::{Tally, Top};
use super::text::file_name;
use crate::durable::Notes;
use crate::level::Level;
use crate::output::CheckState;
use crate::print;

/// How many countries, carriers or areas have a line of their own.
const MAX_LINES: usize = 12;

/// The report of a job.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    job: String,
    state: &'static str,
    /// Whether a sandbox has answered.
    invented: bool,
    /// `number_check` or `privacy`.
    service: String,
    level: Option<&'static str>,
    level_meaning: Option<&'static str>,
    file: Option<String>,
    /// When the job was made, and when the report was.
    created: String,
    reported: String,
    version: &'static str,
    /// Different phone numbers.
    numbers: u64,
    /// All rows; of these, those that repeat a phone number, and those that hold none.
    rows: u64,
    duplicates: u64,
    invalid: u64,
    /// How the phone numbers have ended.
    outcomes: Vec<OutcomeLine>,
    checked: u64,
    open: u64,
    cost: Cost,
    took: Option<Took>,
    /// What only rows tell: nothing is left of them once a job was forgotten.
    details: Option<Details>,
}

#[derive(Debug, Serialize)]
pub(crate) struct OutcomeLine {
    /// A word of `check_state`, or `not_sent`.
    pub(crate) outcome: &'static str,
    text: &'static str,
    pub(crate) count: u64,
}

/// What was paid, by the ledger.
#[derive(Debug, Serialize)]
struct Cost {
    total: Amounts,
    charges: Vec<Charge>,
    /// Results without a price.
    unpriced: u64,
    /// Phone numbers under way, in doubt or missing: what they cost is not known yet.
    not_known_yet: u64,
    charged_again: u64,
    may_be_charged: u64,
    reused: u64,
    saved: Amounts,
}

/// By currency, exact.
type Amounts = BTreeMap<String, String>;

#[derive(Debug, Serialize)]
struct Charge {
    outcome: &'static str,
    currency: String,
    count: u64,
    amount: String,
}

#[derive(Debug, Serialize)]
struct Took {
    first_sent: String,
    last_result: String,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Details {
    countries: Vec<CountryLine>,
    findings: Vec<Finding>,
    reasons: Vec<ReasonLine>,
    other_reasons: u64,
    invalid: Vec<InvalidLine>,
    /// Charges of the ledger that are no row's: second results of a phone number.
    charged_beside: Amounts,
}

#[derive(Debug, Serialize)]
struct CountryLine {
    /// ISO 3166, or a country code such as `+44`; none of those that are counted together.
    code: Option<String>,
    name: String,
    numbers: u64,
    done: u64,
    failed: u64,
    cost: Amounts,
}

#[derive(Debug, Serialize)]
struct Finding {
    /// The column of a file of results, without `check_`.
    column: &'static str,
    title: &'static str,
    /// Checked phone numbers of which the platform says nothing here.
    unsaid: u64,
    #[serde(flatten)]
    values: Top,
}

#[derive(Debug, Serialize)]
struct ReasonLine {
    state: &'static str,
    code: Option<i64>,
    text: String,
    count: u64,
}

#[derive(Debug, Serialize)]
struct InvalidLine {
    reason: &'static str,
    text: String,
    count: u64,
    /// Where the first of them are in the file.
    lines: Vec<u64>,
}

impl Report {
    /// The report of a job in this state, whose rows were counted.
    pub(crate) fn new(
        job: &Job,
        state: &'static str,
        ledger: &Ledger,
        figures: Figures,
        is_invented: bool,
        now_ms: u64,
    ) -> Self {
        let is_forgotten = job.state == JobState::Forgotten;
        let notes: Notes = serde_json::from_value(job.spec.notes.clone()).unwrap_or_default();
        let level = Level::of(&job.spec.scope);
        let took = figures.first_sent_ms.zip(figures.last_result_ms).map(|(first, last)| Took {
            first_sent: print::rfc3339(first),
            last_result: print::rfc3339(last),
            // Clocks of two machines may differ.
            seconds: last.saturating_sub(first) as f64 / 1000.0,
        });
        let outcomes = outcomes(ledger);
        let open = |line: &&OutcomeLine| !matches!(line.outcome, "done" | "failed" | "refused");
        Self {
            job: job.name.to_string(),
            state,
            invented: is_invented,
            service: job.spec.scope.service.clone(),
            level: level.map(Level::as_str),
            level_meaning: level.and_then(meaning),
            file: (!notes.file.is_empty()).then(|| file_name(&notes.file)),
            created: print::rfc3339(job.created_ms),
            reported: print::rfc3339(now_ms),
            version: env!("CARGO_PKG_VERSION"),
            numbers: job.numbers,
            rows: job.rows,
            duplicates: figures.duplicates,
            invalid: figures.invalid.values().map(|of| of.count).sum(),
            checked: ledger.settled + ledger.failed + ledger.reused.done + ledger.reused.failed,
            open: outcomes.iter().filter(open).map(|line| line.count).sum(),
            outcomes,
            cost: Cost::new(ledger, &figures),
            took,
            details: (!is_forgotten).then(|| Details::new(ledger, figures)),
        }
    }
}

fn meaning(level: Level) -> Option<&'static str> {
    match level {
        Level::Privacy => Some("whether a Chinese mobile number is a privacy (virtual) number"),
        _ => CheckLevel::new(level.figure()).known().map(|known| known.meaning(Lang::En)),
    }
}

/// How phone numbers have ended, by the ledger. Those that always stand there come first.
pub(crate) fn outcomes(ledger: &Ledger) -> Vec<OutcomeLine> {
    let reused = ledger.reused;
    let lines = [
        ("done", "with a result", ledger.settled + reused.done),
        ("failed", "the check failed", ledger.failed + reused.failed),
        ("refused", "refused by the platform", ledger.refused + reused.refused),
        ("missing", "accepted, and no result came", ledger.missing),
        (
            "in_doubt",
            "in doubt: nobody knows whether they were accepted",
            ledger.in_doubt + ledger.waiting_in_doubt,
        ),
        ("pending", "sent; the result may still come", ledger.pending + ledger.waiting),
        ("not_sent", "not sent", ledger.planned),
    ];
    let is_shown =
        |(outcome, _, count): &(&str, &str, u64)| *count > 0 || matches!(*outcome, "done" | "failed");
    let line = |(outcome, text, count)| OutcomeLine { outcome, text, count };
    lines.into_iter().filter(is_shown).map(line).collect()
}

impl Cost {
    fn new(ledger: &Ledger, figures: &Figures) -> Self {
        let charge = |((outcome, currency), sum): (&(Outcome, Currency), &numcheck_bulk::Sum)| Charge {
            outcome: if outcome.is_failed() { "failed" } else { "done" },
            currency: currency.to_string(),
            count: sum.count,
            amount: sum.amount.to_string(),
        };
        Self {
            total: amounts(&ledger.total().unwrap_or_default()),
            charges: ledger.costs.iter().map(charge).collect(),
            unpriced: ledger.unpriced,
            not_known_yet: ledger.unsettled(),
            charged_again: ledger.charged_again,
            may_be_charged: ledger.may_be_charged,
            reused: ledger.reused.total(),
            saved: amounts(&figures.saved),
        }
    }
}

fn amounts(sums: &BTreeMap<Currency, Price>) -> Amounts {
    sums.iter().map(|(currency, sum)| (currency.to_string(), sum.to_string())).collect()
}

/// What is found out, in the order of the page.
const FINDINGS: [(&str, &str); 12] = [
    (PRIVACY, "Privacy number"),
    ("number_type", "Kind of number"),
    ("carrier", "Carrier"),
    (AREA, "Area"),
    ("valid", "Well formed"),
    ("validity", "In use"),
    ("reachable", "Reachable"),
    ("roaming", "Roaming"),
    ("ported", "Ported to another carrier"),
    ("ring", "Rang"),
    ("answered", "Answered"),
    ("response", "What the call met"),
];

impl Details {
    fn new(ledger: &Ledger, mut figures: Figures) -> Self {
        let done = figures.done;
        let finding = |(column, title): (&'static str, &'static str)| {
            let values = figures.findings.remove(column).map(|tally: Tally| tally.top(MAX_LINES))?;
            Some(Finding { column, title, unsaid: done.saturating_sub(values.total), values })
        };
        let findings = FINDINGS.into_iter().filter_map(finding).collect();
        let mut charged_beside = ledger.total().unwrap_or_default();
        for (currency, sum) in figures.countries.values().flat_map(|of| &of.cost) {
            let left = charged_beside.entry(*currency).or_default();
            *left = left.checked_sub(*sum).unwrap_or_default();
        }
        // A job that is still at work may have got results between the two readings: only a surplus of the ledger means something.
        charged_beside.retain(|_, left| *left > Price::ZERO && ledger.charged_again > 0);
        let reason = |((state, reason), count): ((CheckState, super::figures::Reason), u64)| ReasonLine {
            state: state.as_str(),
            code: reason.code,
            text: reason.text,
            count,
        };
        let mut reasons: Vec<ReasonLine> = figures.reasons.into_iter().map(reason).collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
        let shown = reasons.len().min(MAX_LINES);
        let others: u64 = reasons.drain(shown..).map(|reason| reason.count).sum();
        let invalid = |(reason, of): (&'static str, super::figures::Invalid)| InvalidLine {
            reason,
            text: sentence(of.reason),
            count: of.count,
            lines: of.lines,
        };
        let mut invalid: Vec<InvalidLine> = figures.invalid.into_iter().map(invalid).collect();
        invalid.sort_by_key(|line| std::cmp::Reverse(line.count));
        Self {
            countries: countries(figures.countries),
            findings,
            reasons,
            other_reasons: figures.other_reasons + others,
            invalid,
            charged_beside: amounts(&charged_beside),
        }
    }
}

/// What is wrong with the cells, whose rows may differ in the count of digits.
fn sentence(reason: Reject) -> String {
    match reason {
        Reject::TooShort { .. } => {
            "it has fewer digits than the shortest number, which has 5: check that the country code is there"
                .to_owned()
        }
        Reject::TooLong { .. } => {
            "it has more digits than the longest number, which has 15: check that the cell holds one number"
                .to_owned()
        }
        other => other.to_string(),
    }
}

/// Those with the most phone numbers, and all others on one line.
fn countries(all: BTreeMap<Country, InCountry>) -> Vec<CountryLine> {
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, of)| std::cmp::Reverse(of.numbers));
    let others = all.split_off(all.len().min(MAX_LINES));
    let line = |code, name, of: &InCountry| CountryLine {
        code,
        name,
        numbers: of.numbers,
        done: of.done,
        failed: of.failed,
        cost: amounts(&of.cost),
    };
    let mut lines: Vec<_> = all
        .iter()
        .map(|(country, of)| {
            let (code, name) = named(*country);
            line(code, name, of)
        })
        .collect();
    if !others.is_empty() {
        let mut sum = InCountry::default();
        let count = others.len();
        for (_, of) in others {
            sum.add(of);
        }
        lines.push(line(None, format!("{count} others"), &sum));
    }
    lines
}

fn named(country: Country) -> (Option<String>, String) {
    match country {
        Country::Region(letters) => {
            let code = String::from_utf8_lossy(&letters).into_owned();
            let name = match (rust_iso3166::from_alpha2(&code), code.as_str()) {
                (Some(known), _) => known.name,
                // In use, and not assigned.
                (None, "AC") => "Ascension Island",
                (None, "TA") => "Tristan da Cunha",
                (None, "XK") => "Kosovo",
                (None, code) => code,
            };
            let name = name.to_owned();
            (Some(code), name)
        }
        Country::Code(code) => (Some(format!("+{code}")), "several countries, or none".to_owned()),
        Country::Unknown => (None, "no country code".to_owned()),
    }
}

impl InCountry {
    fn add(&mut self, other: Self) {
        self.numbers += other.numbers;
        self.done += other.done;
        self.failed += other.failed;
        for (currency, more) in other.cost {
            let sum = self.cost.entry(currency).or_default();
            *sum = sum.checked_add(more).unwrap_or(*sum);
        }
    }
}
