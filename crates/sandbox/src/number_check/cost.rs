//! The price that a push states, which need not be the price that was charged.

use numcheck_protocol::number_check::Cost;
use numcheck_protocol::{Currency, Field, Price, Text};

use crate::assumptions::{Assumptions, ToldPrice};

/// Price and currency as they are told of a number that cost this.
pub(super) fn told(
    (price, currency): (Price, Currency),
    assumptions: &Assumptions,
) -> (Field<Price>, Field<Text<'static>>) {
    let price = match assumptions.told_price {
        ToldPrice::Listed => price,
        ToldPrice::Fixed(price) => price,
        ToldPrice::Absent => return (Field::Absent, Field::Absent),
    };
    (Field::Known(price), told_currency(currency, assumptions))
}

/// The currency as it is told.
pub(super) fn told_currency(currency: Currency, assumptions: &Assumptions) -> Field<Text<'static>> {
    let currency = assumptions.told_currency.unwrap_or(currency);
    if assumptions.small_currency { in_small_letters(currency.as_str()) } else { spelled(currency) }
}

/// A currency as the samples spell it.
pub(super) fn spelled(currency: Currency) -> Field<Text<'static>> {
    Field::Known(Text::new(currency.to_string()))
}

/// A currency in small letters.
pub(super) fn in_small_letters(currency: &str) -> Field<Text<'static>> {
    Field::Known(Text::new(currency.to_ascii_lowercase()))
}

/// The cost of a push or an instant check.
pub(super) fn cost(list_price: (Price, Currency), assumptions: &Assumptions) -> Field<Cost<'static>> {
    match told(list_price, assumptions) {
        (Field::Absent, _) => Field::Absent,
        (price, currency) => Field::Known(Cost::default().with_price(price).with_currency(currency)),
    }
}
