//! A row of a query's result. Built from the protocol's types, so that the names are the documented ones.

use numcheck_protocol::number_check::{
    Answer, AnyNumberType, CheckLevel, Dialect, KnownCheckLevel, QueryRow,
};
use numcheck_protocol::{Field, PhoneText, Price, Text};

use super::batch::Batch;
use super::check::{Network, SimulatedCheck, SimulatedResult, check};
use super::cost::{told, told_currency};
use super::flat;
use crate::assumptions::Assumptions;

/// The row of the number at a place. One without a result, because the check failed or is not finished, has empty words and price 0:
/// a row has no field for a result code. [assumed]
pub(crate) fn row<'a>(
    batch: &'a Batch,
    place: u32,
    finished: bool,
    assumptions: &Assumptions,
) -> QueryRow<'a> {
    let outcome = check(batch.phone(place), batch.level);
    match batch.dialect {
        Dialect::V1 => first_dialect(batch, place, outcome, finished, assumptions),
        Dialect::V2 => second_dialect(batch, place, outcome, finished, assumptions),
    }
}

fn first_dialect<'a>(
    batch: &'a Batch,
    place: u32,
    outcome: SimulatedCheck,
    finished: bool,
    assumptions: &Assumptions,
) -> QueryRow<'a> {
    let phone = batch.phone(place);
    let list_price = outcome.list_price;
    let mut row = QueryRow {
        message_id: Field::Known(Text::new(batch.message_id(place))),
        batch_no: Field::Known(Text::new(&*batch.batch_no)),
        phone: Field::Known(PhoneText::new(phone)),
        check_level: Field::Known(CheckLevel::from(batch.level)),
        pre_check: Field::Empty,
        region_code: Field::Empty,
        country_code: Field::Empty,
        national_number: Field::Empty,
        stand_number: Field::Empty,
        number_type: Field::Empty,
        carrier: Field::Empty,
        price: Field::Known(Price::ZERO),
        currency: told_currency(list_price.1, assumptions),
        ..QueryRow::default()
    };
    match batch.level {
        KnownCheckLevel::Hlr => {
            (row.validity, row.reachable, row.roaming) = (Field::Empty, Field::Empty, Field::Empty);
        }
        KnownCheckLevel::Call => {
            (row.early, row.answered, row.response) = (Field::Empty, Field::Empty, Field::Empty);
        }
        _ => {}
    }
    if let Some(result) = outcome.result.filter(|_| finished) {
        (row.price, row.currency) = told(list_price, assumptions);
        fill(&mut row, result);
    }
    row
}

/// The names are those of a push, as far as the vendor's page does not show them. [assumed]
fn second_dialect<'a>(
    batch: &'a Batch,
    place: u32,
    outcome: SimulatedCheck,
    finished: bool,
    assumptions: &Assumptions,
) -> QueryRow<'a> {
    let phone = batch.phone(place);
    let list_price = outcome.list_price;
    let row = QueryRow {
        request_id: Field::Known(Text::new(batch.message_id(place))),
        batch_no: Field::Known(Text::new(&*batch.batch_no)),
        phone: Field::Known(PhoneText::new(phone)),
        currency: told_currency(list_price.1, assumptions),
        ..QueryRow::default()
    };
    let Some(result) = outcome.result.filter(|_| finished) else { return without_result(row, batch.level) };
    let text =
        |text: &str| if text.is_empty() { Field::Empty } else { Field::Known(Text::new(text.to_owned())) };
    let (price, currency) = told(list_price, assumptions);
    let row = QueryRow {
        country: text(&result.facts.region),
        number_type: Field::Known(AnyNumberType::Word(flat::kind(&result))),
        operator: text(result.carrier),
        price,
        currency,
        ..row
    };
    match result.network {
        Network::Nothing => row,
        Network::Live { validity, ported, .. } => {
            let (mcc, mnc) = flat::network_codes(&result.facts.region, phone);
            QueryRow {
                mcc: Field::Known(Text::new(mcc)),
                mnc: Field::Known(Text::new(mnc)),
                ported: Field::Known(ported),
                active: Field::Known(validity),
                ..row
            }
        }
        Network::Dial { early, answered, response } => QueryRow {
            ring: Field::Known(early),
            answer: Field::Known(answered),
            response: Field::Known(response),
            ..row
        },
    }
}

fn without_result(mut row: QueryRow<'_>, level: KnownCheckLevel) -> QueryRow<'_> {
    (row.country, row.operator) = (Field::Empty, Field::Empty);
    row.number_type = Field::Empty;
    row.price = Field::Known(Price::ZERO);
    match level {
        KnownCheckLevel::Hlr => {
            (row.mcc, row.mnc) = (Field::Empty, Field::Empty);
            (row.ported, row.active) = (Field::Empty, Field::Empty);
        }
        KnownCheckLevel::Call => {
            (row.ring, row.answer) = (Field::Empty, Field::Empty);
            row.response = Field::Empty;
        }
        _ => {}
    }
    row
}

/// Empty texts stay empty, as a carrier that nobody knows.
fn fill(row: &mut QueryRow<'_>, result: SimulatedResult) {
    let facts = result.facts;
    let text =
        |text: &str| if text.is_empty() { Field::Empty } else { Field::Known(Text::new(text.to_owned())) };
    row.pre_check = Field::Known(if facts.valid { Answer::YES } else { Answer::NO });
    row.region_code = text(facts.region.as_str());
    row.country_code = text(facts.dial_code.as_str());
    row.national_number = Field::Known(PhoneText::new(facts.national.as_str().to_owned()));
    row.stand_number = Field::Known(PhoneText::new(facts.standard()));
    row.number_type = Field::Known(AnyNumberType::Number(result.number_type));
    row.carrier = text(result.carrier);
    match result.network {
        Network::Nothing => {}
        Network::Live { validity, reachable, roaming, .. } => {
            row.validity = Field::Known(validity);
            row.reachable = Field::Known(reachable);
            row.roaming = Field::Known(roaming);
        }
        Network::Dial { early, answered, response } => {
            row.early = Field::Known(early);
            row.answered = Field::Known(answered);
            row.response = Field::Known(response);
        }
    }
}
