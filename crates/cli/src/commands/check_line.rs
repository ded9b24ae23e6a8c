//! One result on one line, or as the values of an object.

use std::borrow::Cow;

use numcheck_protocol::mask;
use numcheck_protocol::number_check::CheckResult;
use serde_json::{Map, Value};

/// Columns that have a cell of their own in a line, or say in another form what one of these says.
const APART: [&str; 5] = ["region", "carrier", "dial_code", "national", "standard"];

/// A result for a person, in six cells: phone number, level, region, carrier, what was found out besides, price.
pub(crate) fn line(result: &CheckResult<'_>) -> String {
    let columns: Vec<_> = result.columns().collect();
    let cell = |name: &str| columns.iter().find(|column| column.name == name)?.value.as_deref();
    let findings: Vec<String> = columns
        .iter()
        .filter(|column| column.is_finding && !APART.contains(&column.name))
        .filter_map(|column| Some(format!("{}={}", column.name, column.value.as_deref()?)))
        .collect();
    let price = cell("price").map(|price| format!("{price} {}", cell("currency").unwrap_or_default()));
    let cells = [
        cell("phone").map(Cow::Borrowed),
        cell("level").map(Cow::Borrowed),
        cell("region").map(Cow::Borrowed),
        cell("carrier").map(Cow::Borrowed),
        (!findings.is_empty()).then(|| findings.join(" ").into()),
        price.map(Cow::Owned),
    ];
    cells.map(|cell| one_line(cell.as_deref().unwrap_or("-"))).join("\t")
}

/// The values that are there, by the names of their columns.
pub(crate) fn values(result: &CheckResult<'_>) -> Map<String, Value> {
    let columns = result.columns();
    columns.filter_map(|column| Some((column.name.to_owned(), Value::from(column.value?)))).collect()
}

/// A text of the platform's for a message: on one line, and without the phone number that it may quote.
pub(crate) fn masked(text: &str) -> String {
    mask::digits(&one_line(text)).into_owned()
}

/// Whatever the platform sends, a check stays one line of six cells.
fn one_line(cell: &str) -> String {
    cell.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
