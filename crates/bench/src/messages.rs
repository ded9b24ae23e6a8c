//! Messages beside serde_json and plain structs, as most would write them.

use std::hint::black_box;

use numcheck_protocol::number_check::{ResultPush, Submit, SubmitBody, SubmitRequest};
use numcheck_protocol::{AppKey, PhoneList, PhoneNumber, decode, encode, encode_request};
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
struct PlainSubmit {
    appkey: String,
    phone: String,
}

pub(crate) fn lines() -> [Line; 4] {
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

    let digits: Vec<String> = (0..NUMBERS).map(|at| (85_250_000_000 + at).to_string()).collect();
    let numbers = digits.iter().map(|digits| PhoneNumber::new(digits).unwrap());
    let list = numbers.collect::<Vec<_>>();
    let request =
        SubmitRequest::new(AppKey::new("appkey").unwrap(), PhoneList::from_one_country(list).unwrap());
    let (ours, theirs) = in_turns(
        5,
        || _ = black_box(encode_request::<Submit>(black_box(&request)).unwrap()),
        || {
            let phone = black_box(&digits).join(",");
            let submit = PlainSubmit { appkey: "appkey".to_owned(), phone };
            black_box(serde_json::to_vec(&submit).unwrap());
        },
    );
    let work = "encode a submit of 5000 numbers";
    let submitted = Line { work, peer: "join + to_vec", ours, theirs, aim: Aim::AtMost(0.5) };

    let body = encode(&request).unwrap();
    let (ours, theirs) = in_turns(
        5,
        || {
            let body = decode::<SubmitBody<'_>>(black_box(&body)).unwrap();
            black_box(SubmitRequest::try_from(body).unwrap());
        },
        || {
            let submit: PlainSubmit = serde_json::from_slice(black_box(&body)).unwrap();
            black_box(submit.phone.split(',').map(str::to_owned).collect::<Vec<_>>());
        },
    );
    let work = "read that submit strictly";
    let read = Line { work, peer: "serde_json + split", ours, theirs, aim: Aim::AtMost(1.5) };
    [decoded, encoded, submitted, read]
}
