//! A field: every way in which it can be there.

use numcheck_protocol::number_check::{CallbackCode, ResultPush};
use numcheck_protocol::{Extra, Field, HiddenText, Json, PhoneText, Price, Text, decode, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read<'a>(json: &'a str) -> Field<Text<'a>> {
    serde_json::from_str(json).expect("reading never fails")
}

#[test]
fn absent_null_empty_known_and_odd_are_told_apart_and_written_back() {
    for (body, shown) in [
        (r#"{}"#, "Absent"),
        (r#"{"msg":null}"#, "Null"),
        (r#"{"msg":""}"#, "Empty"),
        (r#"{"msg":"ok"}"#, "\"ok\""),
        (r#"{"msg":7}"#, "Odd(number)"),
        (r#"{"msg":[]}"#, "Odd(array)"),
        (r#"{"msg":{}}"#, "Odd(object)"),
        (r#"{"msg":false}"#, "Odd(boolean)"),
    ] {
        let push: ResultPush<'_> = decode(body.as_bytes()).expect("read");
        assert_eq!(format!("{:?}", push.msg), shown);
        assert_eq!(String::from_utf8(encode(&push).expect("written")).expect("UTF-8"), body);
    }
    let push: ResultPush<'_> = decode(br#"{"code":"0"}"#).expect("read");
    assert_eq!(format!("{:?}", push.code), "Respelled(CallbackCode(0 SUCCESS))");
}

#[test]
fn the_value_is_got_however_it_was_spelled() {
    let field = |json: &str| serde_json::from_str::<Field<CallbackCode>>(json).expect("read");
    for json in ["114", "\"114\""] {
        assert_eq!(field(json).get(), Some(&CallbackCode::BAD_NUMBER));
        assert_eq!(field(json).into_inner(), Some(CallbackCode::BAD_NUMBER));
        assert_eq!(field(json).odd(), None);
        let mapped = field(json).map(|code| Json(json!(code.get())));
        assert_eq!(mapped.get(), Some(&Json(json!(114))));
        assert_eq!(serde_json::to_string(&mapped).expect("written"), json, "what came is kept");
    }
    for json in ["null", "\"\"", "\"x\"", "[]"] {
        assert_eq!(field(json).get(), None);
        assert_eq!(field(json).into_inner(), None);
        assert!(!field(json).is_absent());
        assert_eq!(serde_json::to_string(&field(json).map(|_| Price::ZERO)).expect("written"), json);
    }
    assert!(Field::<Price>::default().is_absent());
}

#[test]
fn a_text_is_also_the_digits_of_a_number_that_came_in_its_place() {
    assert_eq!(read("\"85251234567\"").text().as_deref(), Some("85251234567"));
    assert_eq!(read("85251234567").text().as_deref(), Some("85251234567"));
    for json in ["null", "\"\"", "[]", "true"] {
        assert_eq!(read(json).text(), None, "{json}");
    }
}

#[test]
fn a_field_is_made_from_a_value_or_from_none() {
    assert_eq!(Field::from(Price::ZERO), Field::Known(Price::ZERO));
    assert_eq!(Field::from(Some(Price::ZERO)), Field::Known(Price::ZERO));
    assert_eq!(Field::<Price>::from(None), Field::Absent);
}

#[test]
fn unknown_fields_are_kept_under_their_names_and_only_the_names_are_shown() {
    let body = br#"{"code":0,"traceId":"e8e81d8a","8613812345678":{"a":[1,2.5,"x"]}}"#;
    let push: ResultPush<'_> = decode(body).expect("read");
    assert_eq!(push.extra.get("traceId"), Some(&json!("e8e81d8a")));
    assert_eq!(push.extra.iter().count(), 2);
    let shown = format!("{:?}", push.extra);
    assert!(shown.contains("\"*************\"") && shown.contains("\"traceId\""), "{shown}");
    assert_eq!(
        serde_json::to_value(&push).expect("written"),
        serde_json::from_slice::<Value>(body).expect("JSON")
    );

    let mut extra = Extra::default();
    assert!(extra.is_empty());
    extra.insert("traceId", json!(1));
    let written = encode(&ResultPush::default().with_extra(extra)).expect("written");
    assert_eq!(written, br#"{"traceId":1}"#);
}

#[test]
fn a_name_that_is_shown_is_one_short_line() {
    let name = format!("a\nb\u{1b}[31m{}", "x".repeat(1000));
    let body = json!({ name.as_str(): 1 }).to_string();
    let push: ResultPush<'_> = decode(body.as_bytes()).expect("read");
    let shown = format!("{:?}", push.extra);
    assert!(shown.len() < 80 && !shown.contains("\\n") && !shown.contains('\u{1b}'), "{shown}");
}

proptest! {
    #[test]
    fn a_text_outlives_its_message_unchanged(text in "\\PC{1,80}") {
        let owned = |json: &str| serde_json::from_str::<Field<Text<'_>>>(json).expect("read").map(Text::into_owned);
        let json = serde_json::to_string(&text).expect("written");
        prop_assert_eq!(owned(&json), Field::Known(Text::new(text.clone())));
        prop_assert_eq!(serde_json::to_string(&owned(&json)).expect("written"), json);
        prop_assert_eq!(PhoneText::new(&*text).into_owned(), PhoneText::new(text));
    }

    #[test]
    fn texts_of_personal_data_show_little_or_nothing(text in any::<String>()) {
        prop_assert_eq!(format!("{:?}", HiddenText::new(&*text)), "***");
        prop_assert_eq!(format!("{:?}", Json(json!(text))), "Json(***)");
        let shown = format!("{:?}", PhoneText::new(&*text));
        prop_assert_eq!(shown.chars().count(), text.chars().count());
        let open = shown.chars().filter(|char| *char != '*').count();
        prop_assert!(open <= 5 && open * 2 <= text.chars().count(), "{}", shown);
        prop_assert!(shown.chars().all(|char| char == '*' || char.is_alphanumeric()), "no control character: {}", shown);
    }
}
