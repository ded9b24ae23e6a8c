//! One result on one line, or as the values of an object.
//!
//! It copies what the platform said and must not judge it.

use numcheck_protocol::mask;
use numcheck_protocol::number_check::{CheckLevel, CheckResult, KnownCheckLevel};
use serde_json::{Map, Value};

use crate::durable::number_type;

/// A result for a person, in six cells: number, level, region, carrier, what is known about it, price.
pub(crate) fn line(result: &CheckResult<'_>) -> String {
    let words = [
        ("type", result.number_type.as_ref().map(|kind| number_type(kind).into_owned())),
        ("format", shown(result.format.as_ref())),
        ("valid", shown(result.validity.as_ref())),
        ("reachable", shown(result.reachable.as_ref())),
        ("roaming", shown(result.roaming.as_ref())),
        ("ported", shown(result.ported.as_ref())),
        ("rang", shown(result.ring.as_ref())),
        ("answered", shown(result.answered.as_ref())),
        ("response", shown(result.response.as_ref())),
    ];
    let words: Vec<String> =
        words.into_iter().filter_map(|(name, word)| Some(format!("{name}={}", word?))).collect();
    let price =
        result.price.map(|price| format!("{price} {}", shown(result.currency.as_ref()).unwrap_or_default()));
    let cells = [
        result.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        result.level.map(level),
        result.region.as_ref().map(|text| text.as_str().to_owned()),
        result.carrier.as_ref().map(|text| text.as_str().to_owned()),
        (!words.is_empty()).then(|| words.join(" ")),
        price,
    ];
    let cells: Vec<String> =
        cells.into_iter().map(|cell| one_line(&cell.unwrap_or_else(|| "-".to_owned()))).collect();
    cells.join("\t")
}

/// The values that are there, by their names.
pub(crate) fn values(result: &CheckResult<'_>) -> Map<String, Value> {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let all = [
        ("phone", text(result.phone.as_ref().map(AsRef::as_ref))),
        ("message", text(result.text.as_ref().map(AsRef::as_ref))),
        ("message_id", text(result.id.as_ref().map(AsRef::as_ref))),
        ("batch_no", text(result.batch_no.as_ref().map(AsRef::as_ref))),
        ("region", text(result.region.as_ref().map(AsRef::as_ref))),
        ("number_type", result.number_type.as_ref().map(|kind| number_type(kind).into_owned())),
        ("carrier", text(result.carrier.as_ref().map(AsRef::as_ref))),
        ("price", shown(result.price.as_ref())),
        ("currency", shown(result.currency.as_ref())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect()
}

/// A text of the platform's for a message: on one line, and without the number that it may quote.
pub(crate) fn masked(text: &str) -> String {
    mask::digits(&one_line(text)).into_owned()
}

fn level(level: CheckLevel) -> String {
    match level.known() {
        Some(KnownCheckLevel::Basic) => "basic".to_owned(),
        Some(KnownCheckLevel::Call) => "call".to_owned(),
        Some(KnownCheckLevel::Hlr) => "hlr".to_owned(),
        _ => level.to_string(),
    }
}

fn shown(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

/// Whatever the platform sends, a check stays one line of six cells.
fn one_line(cell: &str) -> String {
    cell.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
