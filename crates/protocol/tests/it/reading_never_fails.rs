//! Messages and requests have the fields that the OpenAPI documents describe. Reading never fails for what a message holds, loses nothing,
//! and tells what was new.

use std::collections::BTreeMap;

use crate::support::{EXAMPLES, Example};
use numcheck_protocol::{
    ApiKey, AppKey, BatchNo, CallbackUrl, DriftKind, Message, MessageId, PhoneList, PhoneNumber,
    VerificationCode, decode, encode, encode_request, number_check, qxt, whatsapp,
};
use numcheck_testing::schema;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// Any JSON, of the kinds that come close to what the fields expect too.
fn any_json() -> impl Strategy<Value = Value> {
    let word = select(vec![
        "YES",
        "yes",
        "No",
        "UNKNOWN",
        "MAYBE",
        "bell",
        "busy",
        "隐私号",
        "中国移动",
        "USD",
        "usd",
        "0",
        "-1",
        "007",
        "1001",
        "9999",
        "0.1912",
        "1.0",
        "1e3",
        "NaN",
        "",
        " ",
        "8613812345678",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-10_i64..300).prop_map(Value::from),
        select(vec![1001_i64, 1005, 9000, 9007]).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-100_000_000_i64..100_000_000, select(vec![1.0, 10.0, 1e4, 1e5, 1e8, 1e9]))
            .prop_map(|(whole, by)| json!(whole as f64 / by)),
        word.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// Any name, and often one that a message has somewhere.
fn any_name() -> impl Strategy<Value = String> {
    let own = select(vec![
        "code",
        "msg",
        "data",
        "basic",
        "live",
        "dial",
        "cost",
        "price",
        "numberType",
        "Status",
        "newField",
        "8613812345678",
    ]);
    prop_oneof![own.prop_map(String::from), any::<String>()]
}

#[derive(Clone, Debug)]
enum Mutation {
    Replace(Value),
    Rename(String),
    Add(String, Value),
    Drop,
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => any_json().prop_map(Mutation::Replace),
        1 => any_name().prop_map(Mutation::Rename),
        1 => (any_name(), any_json()).prop_map(|(name, value)| Mutation::Add(name, value)),
        1 => Just(Mutation::Drop),
    ]
}

fn any_mutations() -> impl Strategy<Value = Vec<(Index, Index, Mutation)>> {
    prop::collection::vec((any::<Index>(), any::<Index>(), any_mutation()), 1..4)
}

fn any_example() -> impl Strategy<Value = Example> {
    select(EXAMPLES)
}

impl std::fmt::Debug for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// How many objects there are in `value`, at any depth.
fn objects(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(objects).sum::<usize>(),
        Value::Array(list) => list.iter().map(objects).sum(),
        _ => 0,
    }
}

/// The object at a place of that count.
fn object<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Map<String, Value>> {
    match value {
        Value::Object(map) => {
            if *at == 0 {
                return Some(map);
            }
            *at -= 1;
            map.values_mut().find_map(|value| object(value, at))
        }
        Value::Array(list) => list.iter_mut().find_map(|value| object(value, at)),
        _ => None,
    }
}

/// As text, which tells 1 from 1.0 and 0.0 from -0.0, with the names of every object in order.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().map(|(name, value)| (name, sorted(value))).collect();
            format!("{sorted:?}")
        }
        Value::Array(list) => format!("{:?}", list.iter().map(sorted).collect::<Vec<_>>()),
        leaf => leaf.to_string(),
    }
}

fn mutate(value: &mut Value, mutations: &[(Index, Index, Mutation)]) {
    for (place, field, mutation) in mutations {
        let mut at = place.index(objects(value));
        let map = object(value, &mut at).expect("the place was counted");
        let name =
            (!map.is_empty()).then(|| map.keys().nth(field.index(map.len())).expect("in range").clone());
        match (mutation, name) {
            (Mutation::Add(name, value), _) => _ = map.insert(name.clone(), value.clone()),
            (_, None) => {}
            (Mutation::Replace(value), Some(name)) => _ = map.insert(name, value.clone()),
            (Mutation::Drop, Some(name)) => _ = map.remove(&name),
            (Mutation::Rename(to), Some(from)) => {
                let value = map.remove(&from).expect("it was there");
                map.insert(to.clone(), value);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_a_message_holds_it_reads_and_writes_back_what_it_read_and_tells_what_was_new(
        example in any_example(),
        mutations in any_mutations(),
    ) {
        let mut value = example.value();
        mutate(&mut value, &mutations);
        let reading = (example.read)(value.to_string().as_bytes());
        let reading = reading.map_err(|error| TestCaseError::fail(format!("{value} is refused: {error}")))?;

        let written: Value = serde_json::from_slice(&reading.written).expect("JSON");
        prop_assert_eq!(sorted(&written), sorted(&value));
        prop_assert_eq!(reading.drift, schema::drift(schema::of(example.of), &value));
    }

    #[test]
    fn no_debug_shows_a_number_wherever_it_stands(
        example in any_example(),
        place in any::<Index>(),
        field in any::<Index>(),
        canary in "[1-9][0-9]{9,14}",
        how in 0..8,
    ) {
        let number: i64 = canary.parse().expect("at most 15 digits");
        let value = match how {
            0 => json!(canary),
            1 => json!(number),
            2 => json!(number as f64),
            3 => json!(format!("no result for {canary}.")),
            4 => json!([canary, number]),
            5 => json!({ "a": { "b": number }, canary.as_str(): canary }),
            6 => json!(-number),
            _ => json!(format!("+{} ({}) {}", &canary[..2], &canary[2..5], &canary[5..])),
        };
        let mut message = example.value();
        mutate(&mut message, &[
            (place, field, Mutation::Replace(value.clone())),
            (place, field, Mutation::Add(canary.clone(), value)),
        ]);
        let reading = (example.read)(message.to_string().as_bytes()).expect("readable");
        let drift = format!("{:?}", reading.drift);
        for shown in [reading.debug, drift] {
            prop_assert!(!shown.contains(&canary), "{shown}");
            prop_assert!(!shown.contains(&canary[2..]), "{shown}");
        }
    }
}

/// Where a text of letters is a secret, or where nobody knows what it is.
#[test]
fn no_debug_shows_a_secret_an_odd_value_or_an_unknown_one() {
    const CANARY: &str = "kanarie-vogel-geheim";
    let hidden = [
        "phone",
        "drUrl",
        "appkey",
        "apikey",
        "mobile",
        "Mobile",
        "phone_number",
        "display_phone_number",
        "webhook",
        "app_key",
        "token",
        "nationalNumber",
        "standNumber",
    ];
    let (mut secrets, mut odd) = (0, 0);
    for example in EXAMPLES {
        let value = example.value();
        for at in 0..objects(&value) {
            let names: Vec<String> =
                object(&mut value.clone(), &mut { at }).expect("counted").keys().cloned().collect();
            for name in names {
                let is_code = example.of == "CheckCodeBody" && name == "code";
                let with = |canary: Value| {
                    let mut value = value.clone();
                    let map = object(&mut value, &mut { at }).expect("counted");
                    map.insert(name.clone(), canary);
                    (example.read)(value.to_string().as_bytes()).expect("readable").debug
                };
                if hidden.contains(&name.as_str()) || is_code {
                    secrets += 1;
                    assert!(!with(json!(CANARY)).contains(&CANARY[3..]), "{} {name}", example.id);
                }
                odd += 1;
                for value in [json!([CANARY]), json!({ "field": CANARY }), json!({ "code": [CANARY] })] {
                    assert!(!with(value).contains(&CANARY[3..]), "{} {name}", example.id);
                }
            }
        }
    }
    assert!(secrets > 15 && odd > 60, "{secrets} {odd}");
}

/// The names that the documents give to an object's fields, sorted.
fn wire_names(object: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = schema::of(object).fields.iter().map(|field| field.wire.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn every_field_of_the_documents_is_known_and_written_under_its_own_name() {
    for example in EXAMPLES {
        for wire in wire_names(example.of) {
            for value in [json!(null), json!(""), json!("new"), json!(7), json!([{}]), json!({})] {
                let message = json!({ wire: value });
                let reading = (example.read)(message.to_string().as_bytes()).expect("any object is readable");
                assert_eq!(reading.drift, schema::drift(schema::of(example.of), &message), "{message}");
                let again: Value = serde_json::from_slice(&reading.written).expect("JSON");
                assert_eq!(again, message, "{}", example.of);
            }
        }
    }
}

/// The keys that a request is written with.
fn keys(request: &impl serde::Serialize) -> Vec<String> {
    let written: Value = serde_json::from_slice(&encode(request).expect("it can be written")).expect("JSON");
    written.as_object().expect("a request is an object").keys().cloned().collect()
}

#[test]
fn a_built_submit_has_the_fields_of_the_spec() {
    let number = PhoneNumber::new("85251234567").expect("a number");
    let mut request = number_check::SubmitRequest::new(
        AppKey::new("a1b2c3d4").expect("an appkey"),
        PhoneList::from_one_country([number]).expect("a list"),
    );
    request.batch_no = Some(BatchNo::new("20220901").expect("a batch number"));
    request.check_level = Some(number_check::CheckLevel::HLR);
    request.dr_url = Some(CallbackUrl::new("https://my.callback.url/test").expect("a URL"));
    assert_eq!(keys(&request), wire_names("SubmitBody"));
}

#[test]
fn a_built_query_has_the_fields_of_the_spec() {
    let day = "2024-04-22".parse().expect("a day");
    let request =
        number_check::QueryRequest::for_batch(day, BatchNo::new("101713775788").expect("a batch number"))
            .with_message_id(MessageId::new("33f7c158a4194abe9ccdf3eac34a8422-2").expect("an id"))
            .with_phone(PhoneNumber::new("84981234567").expect("a number"))
            .with_appkey(AppKey::new("a1b2c3d4").expect("an appkey"));
    let mut keys = keys(&request);
    keys.sort_unstable();
    assert_eq!(keys, wire_names("QueryBody"));
}

#[test]
fn a_built_check_code_has_the_fields_of_the_spec() {
    let number = PhoneNumber::new("8618500000099").expect("a number");
    let code = VerificationCode::new("1541").expect("a code");
    assert_eq!(keys(&whatsapp::CheckCodeRequest::new(number, code)), wire_names("CheckCodeBody"));
}

#[test]
fn the_other_built_requests_of_the_register_have_the_fields_of_the_spec() {
    let number = PhoneNumber::new("8618500000099").expect("a number");
    let name = whatsapp::AppName::new("Whatsapp").expect("a name");
    let webhook = CallbackUrl::new("http://my.callback.url/test").expect("a URL");
    let list = whatsapp::PhoneListRequest::new(AppKey::new("KI92cew9").expect("an appkey"));
    let get_code = whatsapp::GetCodeRequest::new(number, whatsapp::CodeMethod::SMS);
    for (keys, object) in [
        (keys(&whatsapp::CreateAppRequest::new(name, webhook)), "CreateAppBody"),
        (keys(&list), "PhoneListBody"),
        (keys(&get_code), "GetCodeBody"),
        (keys(&whatsapp::CreateClientRequest::new(number)), "CreateClientBody"),
    ] {
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, wire_names(object));
    }
}

#[test]
fn a_built_privacy_query_has_the_fields_of_the_spec() {
    let key = ApiKey::new("7c11272au708345c839b8ue81ac78972").expect("a key");
    let request = qxt::PrivacyRequest::new(key, qxt::Mobile::new("16717707933").expect("a number"));
    assert_eq!(keys(&request), wire_names("PrivacyBody"));
    let form = encode_request::<qxt::Privacy>(&request).expect("it can be written");
    let form = String::from_utf8(form).expect("a form is text");
    let mut names: Vec<&str> = form.split('&').filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, wire_names("PrivacyBody"), "in a form too");
}

#[test]
fn a_value_of_another_type_is_kept_and_reported() {
    let push: number_check::ResultPush = decode(br#"{"code":[1]}"#).expect("any object is readable");
    let mut kinds = Vec::new();
    push.drift(&mut |drift| kinds.push(drift.kind));
    assert_eq!(kinds, [DriftKind::OddShape]);
    assert_eq!(encode(&push).expect("it can be written"), br#"{"code":[1]}"#);
}
