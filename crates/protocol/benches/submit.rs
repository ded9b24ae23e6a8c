//! A submit of 5000 phone numbers, written and read strictly, beside the obvious way with serde_json, in one run: look at the ratios.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use numcheck_protocol::number_check::{Dialect, Submit, SubmitBody, SubmitRequest};
use numcheck_protocol::{AppKey, BatchNo, PhoneList, PhoneNumber, decode, encode_request};
use serde::{Deserialize, Serialize};

/// What one would write without this crate.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plain {
    phone: String,
    batch_no: String,
    appkey: String,
}

fn main() {
    // Spread over the range, as numbers of a file are: sorted ones would be too easy to compare.
    let digits: Vec<String> =
        (0..5000_u64).map(|at| format!("86138{:08}", at.wrapping_mul(2_654_435_761) % 100_000_000)).collect();
    let numbers = digits.iter().map(|digits| PhoneNumber::new(digits).unwrap());
    let mut request =
        SubmitRequest::new(AppKey::new("a1b2c3d4").unwrap(), PhoneList::from_one_country(numbers).unwrap());
    request.batch_no = Some(BatchNo::new("20220901").unwrap());

    let ours = || encode_request::<Submit>(black_box(&request)).unwrap();
    let plain = || {
        let (phone, appkey) = (black_box(&digits).join(","), "a1b2c3d4".to_owned());
        serde_json::to_vec(&Plain { phone, batch_no: "20220901".to_owned(), appkey }).unwrap()
    };
    assert_eq!(ours(), plain());
    compare("encode", "join + to_vec", ours, plain);
    let counted = allocation_counter::measure(|| drop(ours()));
    println!("encode: {} allocations", counted.count_total);

    let body = ours();
    let plain = || {
        let plain: Plain = serde_json::from_slice(black_box(&body)).unwrap();
        black_box(plain.phone.split(',').collect::<Vec<_>>()).len()
    };
    for dialect in [Dialect::V1, Dialect::V2] {
        let ours = || decode::<SubmitBody<'_>>(black_box(&body)).unwrap().read(dialect).unwrap();
        assert_eq!(ours().phone.len(), plain());
        compare(&format!("strict read, {dialect}"), "serde + split", ours, plain);
    }
}

fn compare<A, B>(what: &str, peer: &str, ours: impl Fn() -> A, plain: impl Fn() -> B) {
    let (mut best, mut other) = (Duration::MAX, Duration::MAX);
    // Taken in turns, the best of each: what else the machine does hits both.
    for _ in 0..400 {
        best = best.min(time(&ours));
        other = other.min(time(&plain));
    }
    let ratio = best.as_secs_f64() / other.as_secs_f64();
    println!("{what}: {best:?}, {peer} {other:?}: {ratio:.2} of the time");
}

fn time<T>(work: impl Fn() -> T) -> Duration {
    const ROUNDS: u32 = 5;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(work());
    }
    start.elapsed() / ROUNDS
}
