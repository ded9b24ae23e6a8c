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
    let mut row = QueryRow::default()
        .with_message_id(Field::Known(Text::new(batch.message_id(place))))
        .with_batch_no(Field::Known(Text::new(&*batch.batch_no)))
        .with_phone(Field::Known(PhoneText::new(phone)))
        .with_check_level(Field::Known(CheckLevel::from(batch.level)))
        .with_pre_check(Field::Empty)
        .with_region_code(Field::Empty)
        .with_country_code(Field::Empty)
        .with_national_number(Field::Empty)
        .with_stand_number(Field::Empty)
        .with_number_type(Field::Empty)
        .with_carrier(Field::Empty)
        .with_price(Field::Known(Price::ZERO))
        .with_currency(told_currency(list_price.1, assumptions));
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
    let row = QueryRow::default()
        .with_request_id(Field::Known(Text::new(batch.message_id(place))))
        .with_batch_no(Field::Known(Text::new(&*batch.batch_no)))
        .with_phone(Field::Known(PhoneText::new(phone)))
        .with_currency(told_currency(list_price.1, assumptions));
    let Some(result) = outcome.result.filter(|_| finished) else { return without_result(row, batch.level) };
    let text =
        |text: &str| if text.is_empty() { Field::Empty } else { Field::Known(Text::new(text.to_owned())) };
    let (price, currency) = told(list_price, assumptions);
    let row = row
        .with_country(text(&result.facts.region))
        .with_number_type(Field::Known(AnyNumberType::Word(flat::kind(&result))))
        .with_operator(text(result.carrier))
        .with_price(price)
        .with_currency(currency);
    match result.network {
        Network::Nothing => row,
        Network::Live { validity, ported, .. } => {
            let (mcc, mnc) = flat::network_codes(&result.facts.region, phone);
            row.with_mcc(Field::Known(Text::new(mcc)))
                .with_mnc(Field::Known(Text::new(mnc)))
                .with_ported(Field::Known(ported))
                .with_active(Field::Known(validity))
        }
        Network::Dial { early, answered, response } => row
            .with_ring(Field::Known(early))
            .with_answer(Field::Known(answered))
            .with_response(Field::Known(response)),
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
