//! Collects a job's figures from its rows, in one pass and in memory that does not grow with them.

use std::collections::BTreeMap;

use numcheck_bulk::store::RowFate;
use numcheck_protocol::number_check::CallbackCode;
use numcheck_protocol::qxt::QxtCode;
use numcheck_protocol::{Currency, Lang, PhoneNumber, Price};
use numcheck_tables::Reject;

use super::tally::Tally;
use super::text::{shown, word};
use crate::durable::cost_of;
use crate::output::{CheckRow, CheckState};
use crate::regions::{Group, group_of};

/// How many reasons of one kind are counted apart.
const MAX_REASONS: usize = 200;
/// How many lines are named for one reason.
const MAX_LINES: usize = 10;

/// What the rows of a job say together.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Rows that repeat an earlier row's phone number.
    pub(super) duplicates: u64,
    /// Rows that hold no phone number that can be sent, by the reason's word.
    pub(super) invalid: BTreeMap<&'static str, Invalid>,
    pub(super) countries: BTreeMap<Country, InCountry>,
    /// What was found out, by column.
    pub(super) findings: BTreeMap<&'static str, Tally>,
    /// Why phone numbers have no result, or one that failed.
    pub(super) reasons: BTreeMap<(CheckState, Reason), u64>,
    /// What is told by no reason above, because there are too many.
    pub(super) other_reasons: u64,
    /// Phone numbers with a result that says something about them.
    pub(super) done: u64,
    /// What reused results had cost.
    pub(super) saved: BTreeMap<Currency, Price>,
    pub(super) first_sent_ms: Option<u64>,
    pub(super) last_result_ms: Option<u64>,
}

/// Rows that are invalid for one reason.
#[derive(Debug)]
pub(super) struct Invalid {
    pub(super) reason: Reject,
    pub(super) count: u64,
    /// Where the first of them are in the file.
    pub(super) lines: Vec<u64>,
}

/// Where a phone number belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Country {
    /// Two letters.
    Region([u8; 2]),
    /// A country code of several countries, or of none.
    Code(u16),
    Unknown,
}

/// The phone numbers of one country.
#[derive(Debug, Default)]
pub(super) struct InCountry {
    pub(super) numbers: u64,
    pub(super) done: u64,
    pub(super) failed: u64,
    /// What this job paid for, by currency.
    pub(super) cost: BTreeMap<Currency, Price>,
}

/// Why a phone number was not checked.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reason {
    pub(super) code: Option<i64>,
    pub(super) text: String,
}

impl Figures {
    /// Counts a row whose phone number is in the job.
    pub(crate) fn add(&mut self, fate: &RowFate, check: &CheckRow<'_>, is_privacy: bool) {
        if fate.duplicate {
            self.duplicates += 1;
            return;
        }
        let cost = cost_of(check);
        let country = self.countries.entry(Country::of(check, &fate.number)).or_default();
        country.numbers += 1;
        country.done += u64::from(check.state == CheckState::Done);
        country.failed += u64::from(check.state == CheckState::Failed);
        let sums = if fate.reused { &mut self.saved } else { &mut country.cost };
        if let Some((price, currency)) = cost {
            let sum = sums.entry(currency).or_default();
            *sum = sum.checked_add(price).unwrap_or(*sum);
        }
        if !fate.reused {
            self.first_sent_ms = earlier(self.first_sent_ms, fate.sent_ms);
            self.last_result_ms = self.last_result_ms.max(fate.received_ms);
        }
        if check.state == CheckState::Done {
            self.done += 1;
            self.find(check);
        } else {
            self.explain(check, is_privacy);
        }
    }

    /// Counts a row, in this line of the file, that holds no phone number that can be sent.
    pub(crate) fn add_invalid(&mut self, line: u64, reason: Reject) {
        let of =
            self.invalid.entry(reason.reason()).or_insert(Invalid { reason, count: 0, lines: Vec::new() });
        of.count += 1;
        if of.lines.len() < MAX_LINES {
            of.lines.push(line);
        }
    }

    fn find(&mut self, check: &CheckRow<'_>) {
        let columns = check.result.columns();
        let found = columns.filter(|column| column.is_finding).map(|column| (column.name, column.value));
        let privacy = check.privacy.privacy.map(|word| (PRIVACY, Some(word.into())));
        let area = check.privacy.area.as_deref().map(|area| (AREA, Some(area.into())));
        for (name, value) in found.chain(privacy).chain(area) {
            let (Some(value), true) = (value, COLUMNS.contains(&name)) else { continue };
            let value = if NAMES.contains(&name) { shown(value.trim(), 60) } else { word(&value) };
            if !value.is_empty() {
                self.findings.entry(name).or_default().add(&value);
            }
        }
    }

    fn explain(&mut self, check: &CheckRow<'_>, is_privacy: bool) {
        let said = check.message.as_deref().or(check.result.text.as_ref().map(|text| text.as_str()));
        let entry = match (check.state, check.code) {
            (CheckState::Failed, Some(code)) if is_privacy => QxtCode::new(code).entry(),
            (CheckState::Failed, Some(code)) => CallbackCode::new(code).entry(),
            // The codes of other answers stand in the message, with what they mean.
            _ => None,
        };
        let text = entry.map_or_else(
            || shown(said.unwrap_or_default().trim(), 200),
            |entry| entry.meaning(Lang::En).to_owned(),
        );
        // A longer one is no code, and may be a phone number.
        let code = check.code.filter(|code| (-99_999..=99_999).contains(code));
        let reason = (check.state, Reason { code, text });
        if let Some(count) = self.reasons.get_mut(&reason) {
            *count += 1;
        } else if self.reasons.len() < MAX_REASONS {
            self.reasons.insert(reason, 1);
        } else {
            self.other_reasons += 1;
        }
    }
}

pub(super) const PRIVACY: &str = "privacy";
pub(super) const AREA: &str = "area";
/// The columns whose values are counted.
const COLUMNS: [&str; 12] = [
    "number_type",
    "carrier",
    "valid",
    "validity",
    "reachable",
    "roaming",
    "ported",
    "ring",
    "answered",
    "response",
    PRIVACY,
    AREA,
];
/// Those that hold names, which are written as they came.
const NAMES: [&str; 2] = ["carrier", AREA];

impl Country {
    /// As the platform says it, or else by the form of the phone number.
    fn of(check: &CheckRow<'_>, number: &PhoneNumber) -> Self {
        let said = check.result.region.as_ref().map(|region| region.as_str().trim());
        let letters = said.and_then(|region| <[u8; 2]>::try_from(region.as_bytes()).ok());
        match letters.filter(|letters| letters.iter().all(u8::is_ascii_alphabetic)) {
            Some(letters) => Self::Region(letters.map(|letter| letter.to_ascii_uppercase())),
            None => Self::of_form(group_of(number)),
        }
    }

    /// An area code is part of a phone number: what is known of one stays out.
    fn of_form(group: Group) -> Self {
        match group {
            Group::Region(region) => {
                region.as_str().as_bytes().try_into().map_or(Self::Unknown, Self::Region)
            }
            Group::Prefix(1000..) => Self::Code(1),
            Group::Prefix(code) => Self::Code(code),
            Group::Unknown => Self::Unknown,
        }
    }
}

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use numcheck_bulk::BatchState;
    use numcheck_protocol::Text;

    use super::*;

    /// A row whose platform gives a reason of its own to each phone number, and a country that is none.
    fn failed(figures: &mut Figures, row: u64) {
        let number = PhoneNumber::new(&format!("1201555{row:04}")).unwrap();
        let fate = RowFate::new(row, number, "batch", BatchState::Accepted);
        let mut check = CheckRow { state: CheckState::Failed, phone: Some(number), ..CheckRow::default() };
        check.message = Some(format!("reason {}", words(row)).into());
        check.result.region = Some(Text::new(format!("region {row}")));
        figures.add(&fate, &check, false);
    }

    /// A figure in letters.
    fn words(mut figure: u64) -> String {
        let mut word = String::new();
        while figure > 0 {
            word.push(char::from(b'a' + (figure % 26) as u8));
            figure /= 26;
        }
        word
    }

    #[test]
    fn what_a_platform_words_anew_for_each_number_takes_no_more_memory() {
        let mut figures = Figures::default();
        (0..1000).for_each(|row| failed(&mut figures, row));
        assert_eq!((figures.reasons.len(), figures.other_reasons), (MAX_REASONS, 1000 - MAX_REASONS as u64));
        let countries: Vec<_> =
            figures.countries.iter().map(|(country, of)| (*country, of.numbers)).collect();
        assert_eq!(countries, [(Country::Region(*b"US"), 1000)], "by the form of the number");
        (1..=1000).for_each(|line| figures.add_invalid(line, Reject::Blank));
        let blank = &figures.invalid["blank"];
        assert_eq!((blank.count, blank.lines.len()), (1000, MAX_LINES));
    }

    #[test]
    fn an_area_code_is_not_told() {
        assert_eq!(Country::of_form(Group::Prefix(1555)), Country::Code(1));
        assert_eq!(Country::of_form(Group::Prefix(44)), Country::Code(44));
    }
}
