//! Prices against a model of integers: exact as text, as a JSON number and in sums.

use numcheck_protocol::number_check::{CheckResult, Cost, ResultPush};
use numcheck_protocol::{Currency, DriftKind, Field, Message, Price, Text, decode, encode};
use proptest::prelude::*;

/// In units of the eighth decimal.
fn price(units: i64) -> Price {
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    format!("{sign}{}.{:08}", units / 100_000_000, units % 100_000_000).parse().expect("in range")
}

fn ten_thousandths(amount: i64) -> Price {
    Price::from_ten_thousandths(amount).expect("in range")
}

/// The price of a cost that is read from JSON, and whether it is written back as it came.
fn read(json: &str) -> Field<Price> {
    let body = format!("{{\"price\":{json}}}");
    let cost: Cost = decode(body.as_bytes()).expect("readable");
    let written: serde_json::Value = serde_json::to_value(&cost).expect("written");
    assert_eq!(
        written.to_string(),
        serde_json::from_str::<serde_json::Value>(&body).expect("JSON").to_string()
    );
    cost.price
}

/// Up to 10^9 in ten-thousandths.
const TO_A_MILLIARD: std::ops::RangeInclusive<i64> = -10_000_000_000_000..=10_000_000_000_000;

fn four_decimals() -> impl Strategy<Value = i64> {
    prop_oneof![TO_A_MILLIARD, -100_000_i64..100_000]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_amount_is_read_from_the_text_that_shows_it(units in any::<i64>()) {
        let price = price(units);
        prop_assert_eq!(price.to_string().parse(), Ok(price));
        let (_, decimals) = price.to_string().split_once('.').map(|(a, b)| (a.len(), b.len())).expect("a point");
        prop_assert!((4..=8).contains(&decimals));
    }

    #[test]
    fn four_decimals_are_shown_as_the_platform_documents_them(amount in four_decimals()) {
        let sign = if amount < 0 { "-" } else { "" };
        let (whole, fraction) = (amount.abs() / 10_000, amount.abs() % 10_000);
        prop_assert_eq!(ten_thousandths(amount).to_string(), format!("{sign}{whole}.{fraction:04}"));
    }

    #[test]
    fn every_amount_of_four_decimals_is_exact_as_a_json_number(amount in four_decimals()) {
        let price = ten_thousandths(amount);
        let written = serde_json::to_string(&price).expect("written");
        let plain = price.to_string();
        prop_assert_eq!(&written, plain.trim_end_matches('0').trim_end_matches('.'));
        prop_assert_eq!(read(&written), Field::Known(price));
        // With all four decimals, as the documents' samples write it.
        prop_assert_eq!(read(&plain).into_inner(), Some(price));
        prop_assert_eq!(read(&format!("\"{plain}\"")).into_inner(), Some(price));
    }

    #[test]
    fn every_amount_of_eight_decimals_comes_back_from_json(units in any::<i64>(), small in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
        for price in [price(units), price(small)] {
            let written = serde_json::to_string(&price).expect("written");
            prop_assert_eq!(read(&written).into_inner(), Some(price), "{}", written);
        }
        let written = serde_json::to_string(&price(small)).expect("written");
        prop_assert!(!written.starts_with('"'), "a number up to ten million: {}", written);
    }

    #[test]
    fn a_json_number_is_a_price_exactly_or_odd(number in any::<f64>(), short in any::<i32>(), by in 0..12) {
        for number in [number, f64::from(short) / 10_f64.powi(by)] {
            let json = serde_json::to_string(&number).expect("finite");
            match read(&json) {
                Field::Odd(_) => {}
                field => {
                    let price = field.get().expect("a price").to_string();
                    // What is printed with the fewest digits is what stood on the wire.
                    prop_assert_eq!(price.parse::<f64>().expect("a decimal"), number);
                    let fewest = format!("{number}");
                    let fewest = if fewest.contains('.') { fewest } else { format!("{fewest}.0") };
                    prop_assert_eq!(price.trim_start_matches('-').trim_end_matches('0'), fewest.trim_start_matches('-').trim_end_matches('0'));
                }
            }
        }
    }

    #[test]
    fn sums_do_not_drift(amounts in prop::collection::vec(four_decimals(), 0..200)) {
        let sum = amounts.iter().try_fold(Price::ZERO, |sum, amount| sum.checked_add(ten_thousandths(*amount)));
        let model: i64 = amounts.iter().sum();
        prop_assert_eq!(sum, Price::from_ten_thousandths(model));
        let back = amounts.iter().rev().try_fold(sum.expect("in range"), |rest, amount| rest.checked_sub(ten_thousandths(*amount)));
        prop_assert_eq!(back, Some(Price::ZERO));
    }

    #[test]
    fn arithmetic_is_that_of_integers_and_says_none_beyond_the_range(one in any::<i64>(), other in any::<i64>(), count in -1000_i64..1000) {
        let (a, b) = (price(one), price(other));
        prop_assert_eq!(a.checked_add(b), one.checked_add(other).map(price));
        prop_assert_eq!(a.checked_sub(b), one.checked_sub(other).map(price));
        prop_assert_eq!(a.checked_mul(count), one.checked_mul(count).map(price));
        prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        prop_assert_eq!(Price::from_ten_thousandths(one), one.checked_mul(10_000).map(price));
    }

    #[test]
    fn a_text_is_a_price_or_is_refused(text in prop_oneof![any::<String>(), "-?[0-9]{0,12}[.]?[0-9]{0,10}"]) {
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_figure = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let model = (is_figure(whole) && is_figure(fraction) && fraction.trim_end_matches('0').len() <= 8)
            .then(|| format!("{:0<8}", &fraction[..fraction.len().min(8)]))
            .and_then(|fraction| format!("{whole}{fraction}").parse::<i128>().ok())
            .map(|units| if text.starts_with('-') { -units } else { units })
            .and_then(|units| i64::try_from(units).ok())
            .map(price);
        prop_assert_eq!(text.parse::<Price>().ok(), model);
    }

    #[test]
    fn a_currency_is_three_letters_whatever_their_case(code in prop_oneof![any::<String>(), "[A-Za-z]{2,4}"]) {
        let fits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
        match Currency::new(&code) {
            Ok(currency) => {
                let capitals = code.to_ascii_uppercase();
                prop_assert!(fits && currency.as_str() == capitals && currency.to_string() == capitals);
                prop_assert_eq!(serde_json::to_value(currency).expect("written"), capitals);
            }
            Err(error) => prop_assert!(!fits && error.field == "currency"),
        }
    }
}

#[test]
fn exponents_signs_spaces_and_too_fine_amounts_are_refused() {
    for text in [
        "",
        "-",
        ".",
        "1.",
        ".5",
        "-.5",
        "+1",
        "1e3",
        "1E3",
        "0x10",
        "NaN",
        "nan",
        "inf",
        "-inf",
        " 1",
        "1 ",
        "1,000",
        "1_000",
        "1.000.000",
        "--1",
        "١",
        "1.٢",
        "0.123456789",
        "92233720369",
        "99999999999999999999",
    ] {
        assert!(text.parse::<Price>().is_err(), "{text:?}");
    }
    assert_eq!("0.1234567800000000000000000".parse(), Ok(price(12_345_678)), "zeros are not too fine");
    assert_eq!("-0".parse(), Ok(Price::ZERO));
}

#[test]
fn a_cost_is_read_as_the_documents_spell_it() {
    for (json, shown) in [
        ("0.1912", "0.1912"),
        ("0.9230", "0.9230"),
        ("1.0231", "1.0231"),
        ("0", "0.0000"),
        ("2.12", "2.1200"),
        ("1E2", "100.0000"),
    ] {
        assert_eq!(read(json).get().map(Price::to_string).as_deref(), Some(shown), "{json}");
    }
    assert_eq!(read("\"\""), Field::Empty);
    assert_eq!(read("null"), Field::Null);
    for odd in [
        "0.123456789",
        "1234567890123.5",
        "12345678.12345678",
        "\"1e3\"",
        "true",
        "[0.1]",
        "1e300",
        "-9223372036854775808",
    ] {
        assert!(read(odd).odd().is_some(), "{odd}");
    }
}

#[test]
fn a_price_that_was_spelled_otherwise_is_the_same_price_and_only_a_string_is_reported() {
    let drift = |json: &str| {
        let body = format!("{{\"price\":{json}}}");
        let mut seen = Vec::new();
        decode::<Cost>(body.as_bytes())
            .expect("readable")
            .drift(&mut |drift| seen.push((drift.place, drift.kind)));
        seen
    };
    for json in ["1", "1.0", "1.0000", "1e0"] {
        assert_eq!(read(json).get(), Some(&ten_thousandths(10_000)), "{json}");
        assert_eq!(drift(json), [], "{json}");
    }
    assert_eq!(drift("\"1\""), [("Cost.price".to_owned(), DriftKind::OddShape)]);
}

#[test]
fn a_cost_is_written_as_the_documents_write_it() {
    let cost = |amount, code| {
        Cost::default().with_price(ten_thousandths(amount).into()).with_currency(Text::new(code).into())
    };
    assert_eq!(encode(&cost(1912, "USD")).expect("written"), br#"{"price":0.1912,"currency":"USD"}"#);
    assert_eq!(encode(&cost(0, "VND")).expect("written"), br#"{"price":0,"currency":"VND"}"#);
}

#[test]
fn a_phone_number_in_the_place_of_a_price_is_not_shown() {
    let shown = format!("{:?}", read("13812345678"));
    assert!(!shown.contains("8123456"), "{shown}");
    assert_eq!(format!("{:?}", ten_thousandths(9_999_999_999_999)), "Price(999999999.9999)");
}

/// The documents name no standard for it: whatever comes is kept and is no drift.
#[test]
fn a_currency_of_any_spelling_is_kept_as_it_came() {
    for code in ["USD", "usd", "USDT", "\u{5143}", "RMB"] {
        let json = format!(r#"{{"code":0,"cost":{{"price":0.0300,"currency":"{code}"}}}}"#);
        let push: ResultPush<'_> = decode(json.as_bytes()).expect("a push");
        push.drift(&mut |drift| panic!("{code}: {drift:?}"));
        assert_eq!(CheckResult::from(&push).currency.expect("a currency").as_str(), code);
    }
}
