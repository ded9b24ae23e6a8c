//! How the results of the suite's made-up service are read. A store that is held against the suite is opened with [`reader`].

use std::sync::Arc;

use numcheck_bulk::Outcome;
use numcheck_bulk::store::Source;
use numcheck_bulk::store::reading::{self, Facts, ReadResults, SharedReader, is_believed};
use numcheck_protocol::{Currency, Drift, DriftKind, PhoneNumber, Price};
use serde_json::{Map, Value};

/// The made-up service: pushed results are JSON objects with `phone`, `code` (0: checked), `cost` and `data`; a query's rows are flat.
#[derive(Clone, Copy, Debug)]
pub struct MadeUp;

/// What the store under test is opened with.
pub fn reader() -> SharedReader {
    Arc::new(MadeUp)
}

/// What a result of the made-up service says.
pub fn read(source: Source, body: &[u8]) -> Option<Facts> {
    reading::read(&MadeUp, "made up", source, body)
}

/// Whether two results of the made-up service say the same.
pub fn same(one: (Source, &[u8]), other: (Source, &[u8])) -> bool {
    reading::same(&MadeUp, "made up", one, other)
}

/// Failures that pass with time, and others.
const PASSING: [i64; 4] = [103, 112, 121, 266];
const FINAL: [i64; 4] = [108, 114, 120, 999];
const FIELDS: [&str; 8] = ["messageId", "requestId", "code", "msg", "batchNo", "phone", "data", "cost"];

impl ReadResults for MadeUp {
    fn read(&self, _: &str, source: Source, body: &[u8]) -> Option<Facts> {
        let told: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let number = |value: &Value| PhoneNumber::new(value.as_str()?.trim_start_matches('+')).ok();
        let mut drift = Vec::new();
        let (outcome, cost) = match source {
            Source::Query => (Outcome::Done, Some(&told)),
            _ => {
                for field in told.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
                    drift.push(Drift::new(format!("ResultPush.{field}"), DriftKind::NewField, None));
                }
                (outcome(&told, &mut drift), told.get("cost").and_then(Value::as_object))
            }
        };
        let cost = cost.and_then(|cost| {
            let price: Price = cost.get("price")?.to_string().parse().ok()?;
            Some((Currency::new(cost.get("currency")?.as_str()?).ok()?, price))
        });
        if cost.is_some_and(|(_, price)| !is_believed(price)) {
            drift.push(Drift::new("Cost.price", DriftKind::NewValue, None));
        }
        if let Some(word) = told.get("data").and_then(|data| data["live"]["validity"].as_str()) {
            drift.push(Drift::new("Live.validity", DriftKind::NewValue, Some(word.to_owned())));
        }
        let region = told.get("regionCode").or_else(|| told.get("data")?.get("basic")?.get("regionCode"));
        let mut facts = Facts::new(outcome);
        facts.number = told.get("phone").and_then(number);
        facts.cost = cost.filter(|(_, price)| is_believed(*price));
        facts.region = region.and_then(Value::as_str).map(str::to_owned);
        facts.drift = drift;
        Some(facts)
    }

    fn without_ids(&self, _: &str, _: Source, body: &[u8]) -> Option<Vec<u8>> {
        let mut told: Map<String, Value> = serde_json::from_slice(body).ok()?;
        told.remove("messageId");
        told.remove("requestId");
        serde_json::to_vec(&told).ok()
    }
}

fn outcome(told: &Map<String, Value>, drift: &mut Vec<Drift>) -> Outcome {
    match told.get("code").and_then(Value::as_i64) {
        Some(0) => Outcome::Done,
        Some(code) if PASSING.contains(&code) => Outcome::Passing,
        Some(code) if !FINAL.contains(&code) => {
            drift.push(Drift::new("ResultPush.code", DriftKind::NewValue, Some(code.to_string())));
            Outcome::Failed
        }
        _ => Outcome::Failed,
    }
}
