//! Every field of every result in both dialects, bent in every way: nothing is refused, nothing is lost, and the counter is right.
//!
//! What it should count is said by the messages' description of the protocol's own tests, never by the code under test.

use numcheck_bulk::store::reading::ReadResults;
use numcheck_job::{Readers, reader};
use std::collections::BTreeMap;
use std::path::Path;

use numcheck_bulk::store::{NewBatch, NewResult, Source};
use numcheck_bulk::{Delivery, JobName, JobSpec, Scope, Sqlite, Store};
use numcheck_protocol::{BatchNo, DriftKind, PhoneNumber};
use numcheck_testing::schema;
use serde_json::{Map, Value, json};

/// Every example of a result, in both dialects, and how results of its kind come.
const EXAMPLES: [(&str, Source); 11] = [
    ("push_basic", Source::Push),
    ("push_hlr", Source::Push),
    ("push_call", Source::Push),
    ("push_failed", Source::Push),
    ("push_v2_basic", Source::Push),
    ("push_v2_hlr", Source::Push),
    ("push_v2_call", Source::Push),
    ("push_v2_call_2023", Source::Push),
    ("push_v2_failed", Source::Push),
    ("query_found", Source::Query),
    ("query_v2_found", Source::Query),
];

/// The example as a message: of a query's reply its row.
fn example(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/tests/fixtures");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    value.pointer("/data/result/0").cloned().unwrap_or(value)
}

type Way = fn(&mut Map<String, Value>, &str);

/// The ways in which a field is bent: another word, another type, another name, gone, and a new one beside it.
const WAYS: [Way; 7] = [
    |map, name| _ = map.insert(name.to_owned(), json!("NOBODY_KNOWS")),
    |map, name| _ = map.insert(name.to_owned(), json!(999_983)),
    |map, name| _ = map.insert(name.to_owned(), json!([true])),
    |map, name| _ = map.insert(name.to_owned(), json!({"inner": {}})),
    |map, name| {
        let value = map.remove(name).unwrap();
        map.insert(format!("{name}2027"), value);
    },
    |map, name| _ = map.remove(name),
    |map, name| _ = map.insert(format!("beside {name}"), json!("x")),
];

/// The message with each of its fields, at any depth, bent in one way.
fn bent(message: &Value, way: Way) -> Vec<Value> {
    let mut all = Vec::new();
    for (name, value) in message.as_object().unwrap() {
        let mut whole = message.clone();
        way(whole.as_object_mut().unwrap(), name);
        all.push(whole);
        if value.is_object() {
            for inner in bent(value, way) {
                let mut whole = message.clone();
                whole[name] = inner;
                all.push(whole);
            }
        }
    }
    all
}

/// A price that nobody can believe is kept and counted, and is in no sum.
fn has_absurd_price(message: &Value) -> bool {
    let cost = message.get("cost").unwrap_or(message);
    cost.get("currency").is_some_and(Value::is_string)
        && cost.get("price").and_then(Value::as_f64).is_some_and(|price| price > 100_000.0)
}

#[tokio::test]
async fn nothing_is_refused_nothing_is_lost_and_the_counter_equals_what_was_injected() {
    let mut results = Vec::new();
    let mut expected = BTreeMap::<(String, DriftKind), u64>::new();
    for (name, source) in EXAMPLES {
        let of = if source == Source::Push { "ResultPush" } else { "QueryRow" };
        for message in WAYS.into_iter().flat_map(|way| bent(&example(name), way)) {
            for (place, kind) in schema::drift(schema::of(of), &message) {
                *expected.entry((place, kind)).or_default() += 1;
            }
            if has_absurd_price(&message) {
                *expected.entry(("Cost.price".to_owned(), DriftKind::NewValue)).or_default() += 1;
            }
            results.push((source, message.to_string().into_bytes()));
        }
    }
    assert!(results.len() > 900 && expected.len() > 150, "{} {}", results.len(), expected.len());
    for kind in [DriftKind::NewField, DriftKind::NewValue, DriftKind::OddShape] {
        assert!(expected.keys().any(|(_, of)| *of == kind), "{kind:?}");
    }

    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&dir.path().join("jobs.db"), reader()).unwrap();
    let spec =
        JobSpec::new(Scope::new("account", Scope::NUMBER_CHECK, 5), "set", Delivery::Push, Value::Null);
    let job = store.create_job(&JobName::from_random([1; 8]), &spec, 0).await.unwrap();
    // A batch for each: whatever becomes of the number in a message, it is about the only one there is.
    let batch_no = |at: usize| BatchNo::new(&format!("b{at}")).unwrap();
    let number = |at: usize| PhoneNumber::new(&format!("86138{at:08}")).unwrap();
    let batch =
        |at| NewBatch { batch_no: batch_no(at), group: "CN".into(), numbers: vec![(number(at), at as u64)] };
    store.add_batches(job.id, (0..results.len()).map(batch).collect()).await.unwrap();
    let job = store.finish_plan(job.id, results.len() as u64).await.unwrap();
    let stored = results.iter().enumerate().map(|(at, (source, body))| NewResult {
        batch_no: format!("b{at}"),
        source: *source,
        body: body.clone(),
        received_ms: 0,
    });
    store.append(stored.collect()).await.unwrap();
    let (mut first, mut news) = (0, 0);
    loop {
        let folded = store.fold(256).await.unwrap();
        assert_eq!((folded.repeats, folded.conflicts), (0, 0));
        (first, news) = (first + folded.first as usize, news + folded.news.len());
        if folded.seen < 256 {
            break;
        }
    }

    // A message whose own number is a number of nobody belongs to nobody: it is quarantined, as it came.
    let quarantined = store.quarantine(0, 10_000).await.unwrap();
    assert_eq!(first + quarantined.len(), results.len(), "nothing is refused");
    let rows = store.rows(job.id, None, 10_000).await.unwrap();
    for (row, (source, body)) in rows.iter().zip(&results) {
        match &row.result {
            Some(kept) => assert_eq!((kept.0, &kept.1), (*source, body), "nothing is lost"),
            None => assert!(quarantined.iter().any(|odd| odd.batch_no == row.batch_no && odd.body == *body)),
        }
    }
    let mut counted = BTreeMap::<(String, DriftKind), u64>::new();
    let drift = store.drift(job.id).await.unwrap();
    for one in &drift {
        *counted.entry((one.drift.place.clone(), one.drift.kind)).or_default() += one.count;
    }
    assert_eq!(counted, expected);
    assert_eq!(news, drift.len(), "each is told once");
}

/// A platform may quote what it was sent, in a word or in the name of a field.
#[test]
fn what_no_document_lists_is_told_without_the_secrets_of_the_account() {
    let readers = Readers::hiding(["kSecretKey".to_owned()]);
    let reply = r#"{"code":0,"reason":"Succ","result":{"Mobile":"13800138000","Status":"of ksecretkey","x-kSecretKey-y":1}}"#;
    let facts = readers.read(Scope::PRIVACY, Source::Reply, reply.as_bytes()).expect("it can be read");
    assert_eq!(facts.drift.len(), 2, "{:?}", facts.drift);
    let told = format!("{:?} {readers:?}", facts.drift);
    assert!(told.contains("***") && !told.to_lowercase().contains("ksecretkey"), "{told}");
}
