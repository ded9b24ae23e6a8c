//! What a job tells when it has ended.
//!
//! It shows figures, and why numbers were not checked: no number, and the platform's texts only as its errors show them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use numcheck_bulk::store::{Drifted, reading};
use numcheck_bulk::{Job, Ledger, Scope, Unmatched};
use numcheck_protocol::number_check::CallbackCode;
use numcheck_protocol::qxt::QxtCode;
use numcheck_protocol::{CodeEntry, Currency, Lang, PhoneNumber, Price};
use numcheck_webhook::Counts;
use serde_json::{Value, json};

use crate::drift;
use crate::exit::Failure;
use crate::output::{CheckRow, CheckState};
use crate::print;
use crate::regions::group_of;

/// What rows say whose numbers are on their way.
pub(super) const NOT_SENT_YET: &str = "not sent yet";
pub(super) const NOT_ANSWERED_YET: &str = "sent, and not answered yet";
pub(super) const MAY_STILL_COME: &str = "accepted; the result may still come";
const TAKES_ITS_TIME: [&str; 3] = [NOT_SENT_YET, NOT_ANSWERED_YET, MAY_STILL_COME];

/// What the reason of a row begins with that was not sent since the run ended before.
pub(crate) const NOT_SENT: &str = "not sent: ";

/// How many notes are said, at most.
const MAX_NOTES: usize = 10;

/// How many rows ended how, and what that cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    rows: u64,
    states: BTreeMap<CheckState, u64>,
    cost: BTreeMap<Currency, Price>,
    /// Results without a price that can be read; their cost is not in the sums.
    unpriced: u64,
    /// Rows that took a result which was paid for before, and what that had cost.
    reused: u64,
    saved: BTreeMap<Currency, Price>,
    /// Why numbers have no result, and how many.
    reasons: BTreeMap<(CheckState, String), u64>,
    /// Numbers that have none for other reasons than those.
    other_reasons: u64,
    /// Results that are failures, by code.
    failures: BTreeMap<Option<i64>, u64>,
    /// Numbers that are still to be sent, by group.
    left: BTreeMap<String, u64>,
    /// What the platform sent that no document lists.
    drift: Vec<Drifted>,
    /// Answers in a word that nobody knows.
    unread: u64,
    /// Whether a sandbox has invented the results.
    is_invented: bool,
}

impl Totals {
    /// Nothing counted yet, but for what no document lists.
    pub(super) fn new(drift: Vec<Drifted>, is_invented: bool) -> Self {
        Self { drift, is_invented, ..Self::default() }
    }

    pub(super) fn is_invented(&self) -> bool {
        self.is_invented
    }

    pub(super) fn count(&mut self, state: CheckState) {
        self.rows += 1;
        *self.states.entry(state).or_default() += 1;
    }

    /// Counts an answer whose word nobody knows.
    pub(super) fn read(&mut self, check: &CheckRow<'_>) {
        self.unread += u64::from(check.is_unread());
    }

    pub(super) fn pay(&mut self, check: &CheckRow<'_>) {
        match cost_of(check) {
            Some((price, currency)) => {
                let sum = self.cost.entry(currency).or_default();
                match sum.checked_add(price) {
                    Some(total) => *sum = total,
                    None => self.unpriced += 1,
                }
            }
            // A failed check carries no cost in the first dialect.
            None if check.state == CheckState::Done => self.unpriced += 1,
            None => {}
        }
    }

    /// Counts a number that is still to be sent.
    pub(super) fn leave(&mut self, number: &PhoneNumber) {
        *self.left.entry(group_of(number).to_string()).or_default() += 1;
    }

    /// Numbers that are still to be sent, by group.
    pub(crate) fn left(&self) -> &BTreeMap<String, u64> {
        &self.left
    }

    /// Counts a row that took a result which was paid for before.
    pub(super) fn save(&mut self, check: &CheckRow<'_>) {
        if !matches!(check.state, CheckState::Done | CheckState::Failed | CheckState::Refused) {
            return;
        }
        self.reused += 1;
        if let Some((price, currency)) = cost_of(check) {
            let sum = self.saved.entry(currency).or_default();
            *sum = sum.checked_add(price).unwrap_or(*sum);
        }
    }

    /// Counts why a number has no result, where that is more than that it takes its time, or none but a failure. Reasons are few; should a
    /// platform word each differently, most are left to the rows.
    pub(super) fn explain(&mut self, check: &CheckRow<'_>) {
        const MOST_REASONS: usize = 10;
        match check.state {
            CheckState::Refused | CheckState::InDoubt | CheckState::Pending | CheckState::Invalid => {}
            CheckState::Failed => {
                *self.failures.entry(check.code).or_default() += 1;
                return;
            }
            _ => return,
        }
        if check.message.as_deref().is_some_and(|message| TAKES_ITS_TIME.contains(&message)) {
            return;
        }
        let reason = (check.state, check.message.as_deref().unwrap_or_default().to_owned());
        if let Some(count) = self.reasons.get_mut(&reason) {
            *count += 1;
        } else if self.reasons.len() < MOST_REASONS {
            self.reasons.insert(reason, 1);
        } else {
            self.other_reasons += 1;
        }
    }

    pub(crate) fn of(&self, state: CheckState) -> u64 {
        self.states.get(&state).copied().unwrap_or(0)
    }

    /// How many numbers were checked: those with a result.
    pub(crate) fn checked(&self) -> u64 {
        self.of(CheckState::Done) + self.of(CheckState::Failed)
    }

    pub(crate) fn all_settled(&self) -> bool {
        [
            CheckState::Invalid,
            CheckState::Refused,
            CheckState::Pending,
            CheckState::Missing,
            CheckState::InDoubt,
        ]
        .iter()
        .all(|state| self.of(*state) == 0)
            && self.unread == 0
    }
}

/// Something that no document lists, for a person.
pub(crate) fn drift_line(drifted: &Drifted) -> String {
    format!("note: {}, {} times", drift::line(&drifted.drift), drifted.count)
}

/// The same for a machine.
pub(crate) fn drift_json(drifted: &Drifted) -> Value {
    let mut object = drift::to_json(&drifted.drift);
    if let Some(object) = object.as_object_mut() {
        object.insert("count".to_owned(), drifted.count.into());
    }
    object
}

/// Requests of a kind that a receiver has turned away, what was wrong and where to look.
pub(crate) fn turned_away_line(kind: &str, count: u64) -> String {
    format!("{} turned away: {}", print::count(count, "request"), Counts::hint(kind).unwrap_or(kind))
}

/// The end of a run in figures.
pub(crate) struct Summary<'a> {
    pub(crate) job: &'a Job,
    pub(crate) totals: &'a Totals,
    /// The account of the job.
    pub(crate) ledger: &'a Ledger,
    /// What this process has seen beside the first results.
    pub(crate) unmatched: Unmatched,
    /// What its receiver has turned away, by kind.
    pub(crate) turned_away: BTreeMap<String, u64>,
    pub(crate) took: Duration,
    pub(crate) output: Option<&'a Path>,
}

/// What a row's result has cost, where that can be believed.
pub(crate) fn cost_of(check: &CheckRow<'_>) -> Option<(Price, Currency)> {
    let price = check.result.price.filter(|price| reading::is_believed(*price))?;
    let currency = check.result.currency.as_ref()?;
    Some((price, Currency::new(currency.as_str()).ok()?))
}

/// All states, in the order in which a summary shows them.
pub(crate) const STATES: [CheckState; 8] = [
    CheckState::Done,
    CheckState::Failed,
    CheckState::Invalid,
    CheckState::Duplicate,
    CheckState::Refused,
    CheckState::Pending,
    CheckState::InDoubt,
    CheckState::Missing,
];

pub(crate) fn amounts(amounts: &BTreeMap<Currency, Price>) -> String {
    let amounts: Vec<String> = amounts.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect();
    amounts.join(" + ")
}

pub(crate) fn by_currency(amounts: &BTreeMap<Currency, Price>) -> serde_json::Map<String, Value> {
    amounts.iter().map(|(currency, sum)| (currency.to_string(), sum.to_string().into())).collect()
}

impl Summary<'_> {
    /// Says what is remarkable, before anything else is said of the end. For a machine it stands in the object. Why numbers were
    /// `not_sent` is said elsewhere.
    pub(crate) fn say_notes(&self, json: bool, not_sent: Option<&str>) {
        if json {
            return;
        }
        let told = not_sent.map_or("", |why| why.strip_prefix(NOT_SENT).unwrap_or(why));
        capped(self.notes(told)).iter().for_each(|note| print::say(note));
    }

    /// Shows it, as the last thing that is said: a line on stderr, or an object for a machine, on stdout unless the results went there.
    pub(crate) fn show(&self, json: bool) -> Result<(), Failure> {
        let of_stdout = json && self.output.is_some();
        if print::says_json() {
            print::say_event("summary", self.to_json());
        } else if !json {
            print::say(&self.to_line());
        } else if !of_stdout {
            print::say_json(self.to_json());
        }
        if of_stdout { print::json(&self.to_json()) } else { Ok(()) }
    }

    fn to_line(&self) -> String {
        let totals = self.totals;
        let mut line = format!("checked {}:", totals.checked());
        for state in STATES {
            let count = totals.of(state);
            let always = [CheckState::Done, CheckState::Failed, CheckState::Invalid, CheckState::Duplicate];
            // The others are news only when there are any.
            if count > 0 || always.contains(&state) {
                line.push_str(&format!(" {count} {},", state.as_str().replace('_', " ")));
            }
        }
        line.pop();
        line.push_str(&format!("; {}", self.cost()));
        if totals.reused > 0 {
            line.push_str(&format!("; {} reused", totals.reused));
            if !totals.saved.is_empty() {
                line.push_str(&format!(", which saved {}", amounts(&totals.saved)));
            }
        }
        line.push_str(&format!("; {:.1} s", self.took.as_secs_f64()));
        if totals.is_invented && totals.checked() > 0 {
            line.push_str("; invented results, by a sandbox");
        }
        if let Some(output) = self.output {
            line.push_str(&format!("; {}", output.display()));
        }
        line
    }

    /// What was paid, as far as that is known: all charges of the job, a second one of the same number included.
    fn cost(&self) -> String {
        let (totals, ledger) = (self.totals, self.ledger);
        let unknown = ledger.pending + ledger.in_doubt + ledger.missing;
        let paid = ledger.total().unwrap_or_else(|| totals.cost.clone());
        let unpriced = print::count(ledger.unpriced, "result");
        let mut cost = match (paid.is_empty(), ledger.unpriced) {
            (true, 0) if unknown > 0 => return format!("{unknown} submitted, price not known yet"),
            (true, 0) => "cost nothing".to_owned(),
            (true, _) => format!("cost unknown: {unpriced} without a price"),
            (false, 0) => format!("cost {}", amounts(&paid)),
            (false, _) => format!("cost {} and the unknown cost of {unpriced}", amounts(&paid)),
        };
        if unknown > 0 {
            cost.push_str(&format!("; {unknown} more submitted, price not known yet"));
        }
        cost
    }

    /// Why all results are failures, by code.
    fn failures(&self) -> Vec<String> {
        let totals = self.totals;
        if totals.of(CheckState::Done) > 0 {
            return Vec::new();
        }
        let line = |(code, count): (&Option<i64>, &u64)| {
            let count = print::count(*count, "result");
            let Some(code) = code else { return format!("note: {count} failed without a code") };
            match entry_of(&self.job.spec.scope, *code) {
                Some(entry) => format!(
                    "note: {count} failed with {code} {}: {}. {}",
                    entry.name,
                    entry.meaning(Lang::En),
                    entry.advice(Lang::En)
                ),
                None => format!("note: {count} failed with {code}, a code that no document lists"),
            }
        };
        totals.failures.iter().map(line).collect()
    }

    fn notes(&self, told: &str) -> Vec<String> {
        let mut notes = self.failures();
        let is_told =
            |reason: &str| !told.is_empty() && reason.strip_prefix(NOT_SENT).unwrap_or(reason) == told;
        let reasons = self.totals.reasons.iter().filter(|((_, reason), _)| !is_told(reason));
        for ((state, reason), count) in reasons {
            notes.push(format!("note: {count} {}: {reason}", state.as_str().replace('_', " ")));
        }
        if self.totals.other_reasons > 0 {
            let (numbers, have) = (
                print::count(self.totals.other_reasons, "more number"),
                print::form(self.totals.other_reasons, "has", "have"),
            );
            notes.push(format!("note: {numbers} {have} no result for other reasons: their rows say which"));
        }
        let Unmatched { conflicts, strays, .. } = self.unmatched;
        if self.ledger.charged_again > 0 {
            notes.push(format!(
                "note: {} {} results of two sendings: both were charged, and both are in the cost",
                print::count(self.ledger.charged_again, "number"),
                print::form(self.ledger.charged_again, "has", "have")
            ));
        }
        if self.ledger.may_be_charged > 0 {
            notes.push(format!(
                "note: {}, and nothing has come of that so far",
                sent_again(self.ledger.may_be_charged)
            ));
        }
        if self.totals.unread > 0 {
            notes.push(format!(
                "note: {} in a word that no document lists: it stands in check_status as it came",
                print::count(self.totals.unread, "answer")
            ));
        }
        if conflicts > 0 {
            notes.push(format!("note: {conflicts} results came a second time with other content; the first one counts, both are kept"));
        }
        if strays > 0 {
            notes.push(format!("note: {strays} results belong to no number or cannot be read; they are kept: numcheck receive --show-quarantine shows them, and --reread enters those that belong to a number by then"));
        }
        notes.extend(self.totals.drift.iter().map(drift_line));
        notes.extend(
            self.turned_away.iter().map(|(kind, count)| format!("note: {}", turned_away_line(kind, *count))),
        );
        notes
    }

    fn to_json(&self) -> Value {
        let totals = self.totals;
        let drift: Vec<Value> = totals.drift.iter().map(drift_json).collect();
        let reasons: Vec<Value> = totals
            .reasons
            .iter()
            .map(
                |((state, reason), count)| json!({"state": state.as_str(), "reason": reason, "count": count}),
            )
            .collect();
        let failures: Vec<Value> = totals
            .failures
            .iter()
            .map(|(code, count)| {
                let entry = code.and_then(|code| entry_of(&self.job.spec.scope, code));
                json!({"code": code, "name": entry.map(|entry| entry.name), "count": count})
            })
            .collect();
        let cost = by_currency(&self.ledger.total().unwrap_or_else(|| totals.cost.clone()));
        let mut summary = json!({
            "job": self.job.name,
            "rows": totals.rows,
            "checked": totals.checked(),
            "cost": cost,
            "unpriced": totals.unpriced,
            "submitted": self.ledger.submitted,
            "reused": totals.reused,
            "saved": by_currency(&totals.saved),
            "charged_again": self.ledger.charged_again,
            "may_be_charged": self.ledger.may_be_charged,
            "repeats": self.unmatched.repeats,
            "conflicts": self.unmatched.conflicts,
            "unmatched": self.unmatched.strays,
            "reasons": reasons,
            "failures": failures,
            "invented": totals.is_invented,
            "drift": drift,
            "turned_away": self.turned_away.iter().map(|(kind, count)| json!({"kind": kind, "count": count})).collect::<Vec<_>>(),
            "seconds": self.took.as_secs_f64(),
            "output": self.output.map(|path| path.display().to_string()),
        });
        for state in STATES {
            if let Some(summary) = summary.as_object_mut() {
                summary.insert(state.as_str().to_owned(), totals.of(state).into());
            }
        }
        summary
    }
}

/// So many notes as a person reads, and how many more there are.
fn capped(mut notes: Vec<String>) -> Vec<String> {
    if let Some(more @ 1..) = notes.len().checked_sub(MAX_NOTES) {
        notes.truncate(MAX_NOTES);
        notes.push(format!(
            "note: {more} more: the rows say why, and `numcheck status` shows what no document lists"
        ));
    }
    notes
}

/// What the spec says of a result's code.
fn entry_of(scope: &Scope, code: i64) -> Option<&'static CodeEntry> {
    match scope.service.as_str() {
        Scope::PRIVACY => QxtCode::new(code).entry(),
        _ => CallbackCode::new(code).entry(),
    }
}

/// How many numbers a person had sent again whose first sending may have been charged.
pub(crate) fn sent_again(count: u64) -> String {
    format!(
        "{} {} sent again by a person's decision: the first {} may be charged, too",
        print::count(count, "number"),
        print::form(count, "was", "were"),
        print::form(count, "sending", "sendings")
    )
}

#[cfg(test)]
mod tests {
    use numcheck_bulk::{Delivery, JobSpec};

    use super::*;

    fn notes(reasons: usize, told: &str) -> Vec<String> {
        let mut totals = Totals::default();
        for at in 0..reasons {
            let message = Some(format!("not sent: reason {at}").into());
            totals.explain(&CheckRow { state: CheckState::Pending, message, ..CheckRow::default() });
        }
        let spec = JobSpec::new(Scope::default(), "", Delivery::Poll, Value::Null);
        let job = Job::new(1, "0123456789abcdef".parse().unwrap(), spec, 0);
        let summary = Summary {
            job: &job,
            totals: &totals,
            ledger: &Ledger::default(),
            unmatched: Unmatched::default(),
            turned_away: [("unknown_path".to_owned(), 1)].into(),
            took: Duration::ZERO,
            output: None,
        };
        capped(summary.notes(told))
    }

    #[test]
    fn notes_are_capped_and_say_how_many_more_there_are() {
        let few = notes(2, "");
        assert_eq!(few.len(), 3, "{few:?}");
        let many = notes(30, "");
        assert_eq!((many.len(), &*many[0]), (11, "note: 1 pending: not sent: reason 0"));
        assert!(many[10].starts_with("note: 2 more: "), "20 of other reasons are one: {}", many[10]);
    }

    #[test]
    fn why_a_run_ended_is_no_note_besides() {
        let notes = notes(2, "reason 1");
        assert!(notes.len() == 2 && !notes.iter().any(|note| note.contains("reason 1")), "{notes:?}");
    }
}
