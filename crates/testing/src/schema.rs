//! The messages as the OpenAPI documents describe them, for a second opinion on what in a message is new. The code under test is not asked.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use numcheck_protocol::DriftKind::{self, NewField, NewValue, OddShape};
use numcheck_protocol::mask;
use serde_json::{Number, Value};

/// The fields of a message.
#[derive(Clone, Debug)]
pub struct Schema {
    name: String,
    /// In the order of the document.
    pub fields: Vec<SchemaField>,
}

/// A field of a message.
#[derive(Clone, Debug)]
pub struct SchemaField {
    /// Its name on the wire.
    pub wire: String,
    rust: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Text,
    Any,
    Price,
    Currency,
    Word(Vec<String>),
    Figure(Vec<i64>),
    /// A word or a figure.
    Either(Vec<String>, Vec<i64>),
    Count,
    Object(Schema),
    List(Schema),
}

use Kind::{Any, Count, Currency, Either, Figure, List, Object, Price, Text, Word};

static SCHEMAS: LazyLock<BTreeMap<String, Schema>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for document in ["nxcloud", "qxt"] {
        let file = format!("{}/../../docs/openapi/{document}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).expect("the document is there");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let schemas = &document["components"]["schemas"];
        let objects = schemas.as_object().expect("schemas").iter();
        for (name, _) in objects.filter(|(_, schema)| schema["properties"].is_object()) {
            all.insert(name.clone(), object(schemas, name));
        }
    }
    all
});

/// The schema of a type by its name.
pub fn of(name: &str) -> &'static Schema {
    SCHEMAS.get(name).unwrap_or_else(|| panic!("the documents do not describe {name}"))
}

fn object(schemas: &Value, name: &str) -> Schema {
    let properties = schemas[name]["properties"].as_object().expect("properties").iter();
    let fields = properties.map(|(wire, property)| {
        let mut rust = String::new();
        for char in wire.chars() {
            if char.is_ascii_uppercase() && !rust.is_empty() && !rust.ends_with('_') {
                rust.push('_');
            }
            rust.push(char.to_ascii_lowercase());
        }
        SchemaField { wire: wire.clone(), rust, kind: kind(schemas, property) }
    });
    Schema { name: name.to_owned(), fields: fields.collect() }
}

fn kind(schemas: &Value, property: &Value) -> Kind {
    let alternatives = property["anyOf"].as_array().cloned().unwrap_or_else(|| vec![property.clone()]);
    let referred: Vec<&str> = alternatives.iter().filter_map(referred).collect();
    if let Some(name) = referred.first() {
        if schemas[name]["properties"].is_object() {
            return Object(object(schemas, name));
        }
        let known =
            referred.iter().flat_map(|name| schemas[name]["x-known-values"].as_array().expect("values"));
        let known: Vec<&Value> = known.map(|value| &value["value"]).collect();
        let words: Vec<String> = known.iter().filter_map(|word| Some(word.as_str()?.to_owned())).collect();
        let figures: Vec<i64> = known.iter().filter_map(|figure| figure.as_i64()).collect();
        return match (words.is_empty(), figures.is_empty()) {
            (false, false) => Either(words, figures),
            (false, true) => Word(words),
            (true, _) => Figure(figures),
        };
    }
    // What may be null lists its types.
    match property["type"].as_str().or_else(|| property["type"][0].as_str()) {
        Some("array") => List(object(schemas, referred_to(&property["items"]))),
        Some("integer") => Count,
        Some("number") => Price,
        Some("string") if property["x-holds"] == "currency" => Currency,
        Some("string") => Text,
        _ => Any,
    }
}

fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn referred_to(schema: &Value) -> &str {
    referred(schema).expect("a reference")
}

/// What in `message` is new.
pub fn drift(schema: &Schema, message: &Value) -> Vec<(String, DriftKind)> {
    let mut seen = Vec::new();
    collect(schema, message, &mut seen);
    seen.sort_by(|one, other| format!("{one:?}").cmp(&format!("{other:?}")));
    seen
}

fn collect(schema: &Schema, message: &Value, seen: &mut Vec<(String, DriftKind)>) {
    for (name, value) in message.as_object().expect("a message is an object") {
        match schema.fields.iter().find(|field| field.wire == *name) {
            Some(SchemaField { rust, kind, .. }) => {
                seen.extend(
                    judge(kind, value).into_iter().map(|kind| (format!("{}.{rust}", schema.name), kind)),
                );
                if let (Object(inner), Value::Object(_)) = (kind, value) {
                    collect(inner, value, seen);
                }
                if let (List(inner), Value::Array(items)) = (kind, value) {
                    for item in items {
                        let found = judge(&Object(inner.clone()), item);
                        seen.extend(found.into_iter().map(|kind| (format!("{}.{rust}", schema.name), kind)));
                        if item.is_object() {
                            collect(inner, item, seen);
                        }
                    }
                }
            }
            None => {
                let shown = mask::shown(name, 64);
                seen.push((format!("{}.{shown}", schema.name), NewField));
            }
        }
    }
}

fn judge(kind: &Kind, value: &Value) -> Vec<DriftKind> {
    if let Either(words, figures) = kind {
        let is_word = matches!(value, Value::String(text) if integer(text).is_none());
        return judge(&if is_word { Word(words.clone()) } else { Figure(figures.clone()) }, value);
    }
    match (kind, value) {
        (_, Value::Null) | (Any, _) | (Text, Value::String(_)) | (Object(_), Value::Object(_)) => vec![],
        (List(_), Value::Array(_)) => vec![],
        (Count, Value::Number(number)) if number.as_i64().is_some_and(|count| count >= 0) => vec![],
        (_, Value::String(text)) if text.is_empty() => vec![],
        (Word(known), Value::String(text)) if known.iter().any(|word| word.eq_ignore_ascii_case(text)) => {
            vec![]
        }
        (Word(_), Value::String(_)) => vec![NewValue],
        (Figure(known), Value::Number(number)) => match number.as_i64() {
            Some(figure) => judge_figure(known, figure),
            None => vec![OddShape],
        },
        (Figure(known), Value::String(text)) => match integer(text) {
            Some(figure) => [vec![OddShape], judge_figure(known, figure)].concat(),
            None => vec![OddShape],
        },
        (Price, Value::Number(number)) if is_price(number) => vec![],
        (Currency, Value::String(text))
            if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) =>
        {
            vec![]
        }
        _ => vec![OddShape],
    }
}

fn judge_figure(known: &[i64], figure: i64) -> Vec<DriftKind> {
    if known.contains(&figure) { vec![] } else { vec![NewValue] }
}

fn integer(text: &str) -> Option<i64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// Whether the number is one of at most 15 digits, at most eight of them decimals, in the range of an amount. By its text.
fn is_price(number: &Number) -> bool {
    let text = match number.as_i64() {
        Some(whole) => whole.to_string(),
        None => number.as_f64().expect("a number is a double").to_string(),
    };
    let text = text.trim_start_matches('-');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Ok(whole) = whole.parse::<u64>() else { return false };
    let in_range = whole < 92_233_720_368;
    let plain = number.is_i64() || number.is_u64();
    in_range && (plain || fraction.len() <= 4 || (fraction.len() <= 8 && whole < 10_000_000))
}
