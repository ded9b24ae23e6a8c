//! What one odd value costs a message: nothing else.

use numcheck_protocol::number_check::{QueryReply, ResultPush};
use numcheck_protocol::{DriftKind, Message, decode, mend};
use proptest::prelude::*;
use serde_json::{Value, json};

fn mended(body: &str) -> String {
    String::from_utf8(mend(body.as_bytes()).expect(body)).expect("UTF-8")
}

#[test]
fn what_decode_refuses_is_kept_beside_the_rest() {
    for (body, expected) in [
        (r#"{"a":"b\ud800"}"#, r#"{"a":"b\\ud800"}"#),
        (r#"{"a":"\ud800\ud83d\ude00\udc00x"}"#, r#"{"a":"\\ud800\ud83d\ude00\\udc00x"}"#),
        (r#"{"a":"\ud800\u0041"}"#, r#"{"a":"\\ud800\u0041"}"#),
        (r#"{"\ud83d":0}"#, r#"{"\\ud83d":0}"#),
        (r#"{"a":"\\ud800"}"#, r#"{"a":"\\ud800"}"#),
        (r#"{"a":1e999,"b":[-1e400]}"#, r#"{"a":"1e999","b":["-1e400"]}"#),
        (r#"{"a":NaN,"b":-Infinity,"c":01,"d":+1}"#, r#"{"a":"NaN","b":"-Infinity","c":"01","d":"+1"}"#),
        (r#"{"a":1,"b":2,"a":3}"#, r##"{"a#1":1,"b":2,"a#2":3}"##),
        (r#"{"code":0,"\u0063ode":1}"#, r##"{"code#1":0,"code#2":1}"##),
        (r#"{"a":1,"a":2,"a#1":3}"#, r##"{"a#2":1,"a#3":2,"a#1":3}"##),
        (r#"{"a":1,"b":2,"a":1}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a":[{"b":0}],"a":[ {"b":0} ]}"#, r#"{"a":[{"b":0}]}"#),
        ("{\"a\":\"\t\n\0\u{1f}\"}", r#"{"a":"\u0009\u000a\u0000\u001f"}"#),
        (r#"{"a":"\x\u12\ \"\\","b":[1,],}"#, r#"{"a":"\\x\\u12\\ \"\\","b":[1]}"#),
        (r#"{"a":None,"b":undefined,"c":True}"#, r#"{"a":null,"b":null,"c":"True"}"#),
        ("{\"a\":1};\0\r\n\0", r#"{"a":1}"#),
        (r#" [ {"a":1} ] "#, r#"{"a":1}"#),
        (r#"{"l":[{"a":1},{"a":1,"a":1,"a":2}]}"#, r##"{"l":[{"a":1},{"a#1":1,"a#2":2}]}"##),
        ("\u{feff} { \"a\" : [ ] , \"b\" : { } }\n", r#"{"a":[],"b":{}}"#),
    ] {
        assert_eq!(mended(body), expected);
        assert!(serde_json::from_str::<Value>(&mended(body)).is_ok(), "{body}");
    }
}

#[test]
fn what_is_no_object_is_not_made_one() {
    let deep = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(mend(deep(126).as_bytes()).is_some());
    for levels in [127, 100_000] {
        let mended = mend(deep(levels).as_bytes()).expect("what lies too deep is a text");
        assert!(serde_json::from_slice::<Value>(&mended).is_ok(), "{levels}");
    }
    for body in [
        "",
        "[]",
        "0",
        "<html>",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{\"a\":x1}",
        "{\"a\":é}",
        "{\"a\":,}",
        "{,}",
        "[,{}]",
        "[{\"a\":1},{\"a\":2}]",
        "[{\"a\":1}",
        "{\"a\":}",
        "{\"a\":[1 2]}",
        "{\"a\":\"b}",
        "{\"a\":\"\\",
    ] {
        assert_eq!(mend(body.as_bytes()), None, "{body}");
    }
}

#[cfg(not(feature = "gbk"))]
#[test]
fn what_is_not_utf_8_is_left_to_who_knows_more() {
    assert_eq!(mend(b"{\"a\":\"\xff\"}"), None);
}

/// Some of the bytes end before the quotation mark, or have a backslash as a part of a character.
#[cfg(feature = "gbk")]
#[test]
fn text_in_gbk_is_read_and_what_is_broken_costs_itself() {
    for (bytes, text) in [
        (&b"\xb3\xc9\xb9\xa6"[..], "成功"),
        (b"\xb7\xc7\xd2\xfe\xcb\xbd\xba\xc5", "非隐私号"),
        // The second byte of a character may be a backslash, and four bytes may hold digits.
        (b"\x86\x5c\x81\x30\x81\x30", "哱\u{80}"),
        // UTF-8 that was cut in the middle of a character, as a field of so many bytes is.
        ("中国移".as_bytes().split_at(8).0, "中国\u{fffd}"),
        (b"Telef\xf3nica", "Telef髇ica"),
        (b"caf\xe9", "caf\u{fffd}"),
        (b"\xff\xfe", "\u{fffd}\u{fffd}"),
    ] {
        let body = [b"{\"phone\":\"8498\",\"carrier\":\"", bytes, b"\",\"price\":1e999}"].concat();
        let mended = mend(&body).expect("an object");
        let read: Value = serde_json::from_slice(&mended).expect("JSON");
        assert_eq!(read, json!({"phone": "8498", "carrier": text, "price": "1e999"}), "{bytes:?}");
    }
    for not_json in [&b"\xb3\xc9\xb9\xa6"[..], b"\x1f\x8b\x08\x00", b"{\"a\":\"\xb3\""] {
        assert_eq!(mend(not_json), None, "{not_json:?}");
    }
}

#[test]
fn utf_16_is_read_in_either_order_of_bytes() {
    let text = r#"{"carrier":"移动 😀"}"#;
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        let bytes = |text: &str| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        assert_eq!(mend(&bytes(text)).expect(text), text.as_bytes());
        assert_eq!(mend(&bytes(&format!("\r\n{text}"))).expect(text), text.as_bytes());
        assert_eq!(mend(&bytes(&format!("\u{feff} {text}"))).expect("marked"), text.as_bytes());
        let mut half = bytes(r#"{"a":"😀"}"#);
        half.drain(14..16);
        assert_eq!(mend(&half).expect("half a pair"), "{\"a\":\"\u{fffd}\"}".as_bytes());
    }
    assert_eq!(mend(&[0xff, 0xfe, b'{', 0, b'}']), None, "cut in a character");
}

#[test]
fn a_code_that_stands_twice_is_no_code() {
    let body = mended(r#"{"code":0,"code":114,"phone":"8498"}"#);
    let push: ResultPush<'_> = decode(body.as_bytes()).expect("readable");
    assert_eq!((push.code.get(), push.phone.get().map(|phone| phone.as_str())), (None, Some("8498")));
    let mut seen = Vec::new();
    push.drift(&mut |drift| seen.push((drift.place, drift.kind)));
    let new = |place: &str| (place.to_owned(), DriftKind::NewField);
    assert_eq!(seen, [new("ResultPush.code#1"), new("ResultPush.code#2")]);
}

#[test]
fn a_page_with_one_odd_row_is_read_row_by_row() {
    let body = r#"{"code":0,"data":{"result":[{"messageId":"m-1","phone":"8613800000001"},
        {"messageId":"m-2","phone":"8613800000002","carrier":"b\ud800","carrier":"c","price":0.03}],"totalSize":2}}"#;
    assert!(decode::<QueryReply<'_>>(body.as_bytes()).is_err());
    let body = mended(body);
    let reply: QueryReply<'_> = decode(body.as_bytes()).expect("readable");
    let rows = reply.data.get().and_then(|data| data.result.get()).expect("rows").items();
    let [first, second] = rows else { unreachable!("two rows: {rows:?}") };
    let (first, second) = (first.get().expect("a row"), second.get().expect("a row"));
    assert_eq!((first.id(), second.id()), (Some("m-1"), Some("m-2")));
    assert_eq!(second.phone.text().as_deref(), Some("8613800000002"));
    assert!(second.carrier.is_absent() && second.price.get().is_some());
    assert_eq!(second.extra.get("carrier#1"), Some(&json!(r"b\ud800")));
    assert_eq!(second.extra.get("carrier#2"), Some(&json!("c")));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn nothing_else_is_changed(value in any_json()) {
        let body = json!({ "x": value });
        for text in [body.to_string(), serde_json::to_string_pretty(&body).expect("text")] {
            prop_assert_eq!(serde_json::from_str::<Value>(&mended(&text)).expect("JSON"), body.clone());
        }
    }

    #[test]
    fn fields_that_stand_several_times_are_all_kept(fields in prop::collection::vec(("(a|b)(#[123])?", 0..3), 0..8)) {
        let written: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        let mended = mended(&format!("{{{}}}", written.join(",")));
        let push: ResultPush<'_> = decode(mended.as_bytes()).expect("readable");
        let distinct: std::collections::BTreeSet<_> = fields.iter().collect();
        prop_assert_eq!(push.extra.iter().count(), distinct.len(), "{}", mended);
    }

    #[test]
    fn no_bytes_make_it_panic(text in r#"[\{\}\[\]":,\\ud8e1\.\+\-N" ]{0,40}"#, bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = mend(format!("{{{text}}}").as_bytes());
        let _ = mend(&bytes);
    }
}
