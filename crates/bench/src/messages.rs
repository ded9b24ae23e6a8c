//! Messages beside serde_json and plain structs, as most would write them.

use std::hint::black_box;

use numcheck_protocol::number_check::{Dialect, ResultPush, Submit, SubmitBody, SubmitRequest};
use numcheck_protocol::{AppKey, BatchNo, PhoneList, PhoneNumber, decode, encode, encode_request};
use serde::{Deserialize, Serialize};

use crate::{Aim, Line, in_turns};

/// The vendor's sample of an HLR result.
const PUSH: &str = r#"{"messageId":"83ac9512-3c47-495d-a3c4-6d77a9f1149c","code":0,"msg":"success","batchNo":"700337042751","phone":"234800001xxxxx","data":{"basic":{"preCheck":"YES","regionCode":"CN","countryCode":"86","nationalNumber":"800001xxxxx","standNumber":"234800001xxxxx","numberType":2,"carrier":"China Telecom"},"live":{"validity":"YES","reachable":"UNKNOWN","roaming":"UNKNOWN"}},"cost":{"price":0.9230,"currency":"USD"}}"#;
const NUMBERS: u64 = 5000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainPush {
    message_id: String,
    code: i64,
    msg: String,
    batch_no: String,
    phone: String,
    data: Option<PlainData>,
    cost: Option<PlainCost>,
}

#[derive(Serialize, Deserialize)]
struct PlainData {
    basic: Option<PlainBasic>,
    live: Option<PlainLive>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainBasic {
    pre_check: String,
    region_code: String,
    country_code: String,
    national_number: String,
    stand_number: String,
    number_type: i64,
    carrier: String,
}

#[derive(Serialize, Deserialize)]
struct PlainLive {
    validity: String,
    reachable: String,
    roaming: String,
}

#[derive(Serialize, Deserialize)]
struct PlainCost {
    price: f64,
    currency: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlainSubmit {
    phone: String,
    batch_no: String,
    appkey: String,
}

pub(crate) fn lines() -> [Line; 5] {
    let push = PUSH.as_bytes();
    let (ours, theirs) = in_turns(
        300,
        || _ = black_box(decode::<ResultPush<'_>>(black_box(push)).unwrap()),
        || _ = black_box(serde_json::from_slice::<PlainPush>(black_box(push)).unwrap()),
    );
    let peer = "serde_json into owned structs";
    let decoded =
        Line { work: "decode a push of 412 bytes, all kept", peer, ours, theirs, aim: Aim::AtMost(0.85) };

    let typed = decode::<ResultPush<'_>>(push).unwrap();
    let plain: PlainPush = serde_json::from_slice(push).unwrap();
    let (ours, theirs) = in_turns(
        300,
        || _ = black_box(encode(black_box(&typed)).unwrap()),
        || _ = black_box(serde_json::to_vec(black_box(&plain)).unwrap()),
    );
    let peer = "serde_json from owned structs";
    let encoded = Line { work: "encode that push", peer, ours, theirs, aim: Aim::AtMost(1.0) };

    // Spread over the range, as numbers of a file are: sorted ones would be too easy to compare.
    let digits: Vec<String> =
        (0..NUMBERS).map(|at| format!("86138{:08}", at.wrapping_mul(2_654_435_761) % 100_000_000)).collect();
    let numbers = digits.iter().map(|digits| PhoneNumber::new(digits).unwrap());
    let mut request =
        SubmitRequest::new(AppKey::new("a1b2c3d4").unwrap(), PhoneList::from_one_country(numbers).unwrap());
    request.batch_no = Some(BatchNo::new("20220901").unwrap());
    let ours = || encode_request::<Submit>(black_box(&request)).unwrap();
    let plain = || {
        let (phone, appkey) = (black_box(&digits).join(","), "a1b2c3d4".to_owned());
        serde_json::to_vec(&PlainSubmit { phone, batch_no: "20220901".to_owned(), appkey }).unwrap()
    };
    assert_eq!(ours(), plain());
    let (took, theirs) = in_turns(5, || _ = black_box(ours()), || _ = black_box(plain()));
    let work = "encode a submit of 5000 numbers";
    let submitted = Line { work, peer: "join + to_vec", ours: took, theirs, aim: Aim::AtMost(0.5) };

    let body = ours();
    let read = |work, dialect| {
        let ours = || decode::<SubmitBody<'_>>(black_box(&body)).unwrap().read(dialect).unwrap();
        let plain = || {
            let submit: PlainSubmit = serde_json::from_slice(black_box(&body)).unwrap();
            black_box(submit.phone.split(',').collect::<Vec<_>>()).len()
        };
        assert_eq!(ours().phone.len(), plain());
        let (ours, theirs) = in_turns(5, || _ = black_box(ours()), || _ = black_box(plain()));
        Line { work, peer: "serde_json + split, nothing checked", ours, theirs, aim: Aim::AtMost(1.5) }
    };
    let one_country = read("read that submit strictly, v1", Dialect::V1);
    let many_countries = read("read that submit strictly, v2", Dialect::V2);
    [decoded, encoded, submitted, one_country, many_countries]
}
