//! Writes the results of a finished run, row by row, and counts them.
//!
//! One row out per row in, in the input's order. It must not change a result.

use std::borrow::Cow;
use std::collections::BTreeMap;

use numcheck_protocol::number_check::ResultPush;
use numcheck_protocol::{Currency, PhoneNumber, Price, decode};

use crate::commands::arguments::Level;
use crate::exit::Failure;
use crate::input::Input;
use crate::job::{Book, Fate};
use crate::output::{CheckRow, CheckState, Writer};

use super::check_row;

/// How many rows ended how, and what that cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) rows: u64,
    pub(super) states: BTreeMap<CheckState, u64>,
    pub(super) cost: BTreeMap<Currency, Price>,
    /// Results without a price that can be read; their cost is not in the sums.
    pub(super) unpriced: u64,
    /// Why numbers have no result, and how many.
    pub(super) reasons: BTreeMap<(CheckState, String), u64>,
}

impl Totals {
    pub(super) fn of(&self, state: CheckState) -> u64 {
        self.states.get(&state).copied().unwrap_or(0)
    }

    /// How many numbers were checked: those with a result.
    pub(super) fn checked(&self) -> u64 {
        self.of(CheckState::Done) + self.of(CheckState::Failed)
    }

    pub(super) fn all_settled(&self) -> bool {
        [CheckState::Invalid, CheckState::Refused, CheckState::Missing, CheckState::InDoubt]
            .iter()
            .all(|state| self.of(*state) == 0)
    }
}

pub(super) fn write(
    input: &Input,
    book: &Book,
    level: Level,
    writer: &mut Writer,
) -> Result<Totals, Failure> {
    let mut totals = Totals::default();
    let mut written = vec![false; book.progress().total];
    for row in input.rows() {
        let row = row?;
        totals.rows += 1;
        let state = match row.phone {
            Err(reject) => {
                writer.write(&row, &CheckRow::invalid(reject))?;
                CheckState::Invalid
            }
            Ok(number) => {
                let first = book.place(&number).and_then(|place| written.get_mut(place as usize));
                let duplicate = first.is_some_and(|written| std::mem::replace(written, true));
                let fate = book
                    .fate(&number)
                    .map_err(|error| Failure::new("a stored result cannot be read back").because(error))?;
                write_number(&number, fate, duplicate, level, &mut totals, |check| {
                    Ok(writer.write(&row, check)?)
                })?
            }
        };
        *totals.states.entry(state).or_default() += 1;
    }
    Ok(totals)
}

fn write_number(
    number: &PhoneNumber,
    fate: Option<Fate>,
    duplicate: bool,
    level: Level,
    totals: &mut Totals,
    write: impl FnOnce(&CheckRow<'_>) -> Result<(), Failure>,
) -> Result<CheckState, Failure> {
    let without_result = |state, code, message: Option<String>| CheckRow {
        phone: Some(*number),
        state,
        code,
        message: message.map(Cow::Owned),
        ..CheckRow::default()
    };
    let body;
    let push;
    let mut check = match fate {
        Some(Fate::Result(raw)) => {
            body = raw;
            // What stands in the book was read before it was entered.
            push = decode::<ResultPush<'_>>(&body).unwrap_or_default();
            check_row::of_push(*number, &push)
        }
        Some(Fate::Refused { code, message }) => without_result(CheckState::Refused, code, Some(message)),
        Some(Fate::InDoubt { code, message }) => without_result(CheckState::InDoubt, code, Some(message)),
        Some(Fate::Missing) | None => {
            let message = "accepted, and no result came; it may have been charged".to_owned();
            without_result(CheckState::Missing, None, Some(message))
        }
    };
    if matches!(check.state, CheckState::Done | CheckState::Failed) {
        check.level = Some(Cow::Borrowed(level.as_str()));
    }
    if !duplicate {
        totals.explain(&check);
    }
    if duplicate {
        check.state = CheckState::Duplicate;
        check.price = None;
        check.currency = None;
    } else {
        totals.pay(&check);
    }
    write(&check)?;
    Ok(check.state)
}

impl Totals {
    /// Counts why a number has no result. Reasons are few; should a platform word each differently, most are left to the rows.
    fn explain(&mut self, check: &CheckRow<'_>) {
        const MOST_REASONS: usize = 10;
        let (CheckState::Refused | CheckState::InDoubt) = check.state else { return };
        let reason = (check.state, check.message.as_deref().unwrap_or_default().to_owned());
        if let Some(count) = self.reasons.get_mut(&reason) {
            *count += 1;
        } else if self.reasons.len() < MOST_REASONS {
            self.reasons.insert(reason, 1);
        }
    }

    fn pay(&mut self, check: &CheckRow<'_>) {
        let price = check.price.as_deref().and_then(|price| price.parse::<Price>().ok());
        let currency = check.currency.as_deref().and_then(|currency| Currency::new(currency).ok());
        match (price, currency) {
            (Some(price), Some(currency)) => {
                let sum = self.cost.entry(currency).or_default();
                match sum.checked_add(price) {
                    Some(total) => *sum = total,
                    None => self.unpriced += 1,
                }
            }
            // A failed check carries no cost in the first dialect.
            _ if check.state == CheckState::Done => self.unpriced += 1,
            _ => {}
        }
    }
}
