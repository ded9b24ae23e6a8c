//! What is no message is refused with its position, and nothing panics.

use numcheck_protocol::number_check::{ResultPush, SubmitBody, SubmitReply};
use numcheck_protocol::qxt::PrivacyReply;
use numcheck_protocol::{Unreadable, decode, mend};
use proptest::prelude::*;
use serde_json::{Map, Value};

const HLR: &str = include_str!("../fixtures/push_hlr.json");

fn position(body: &[u8]) -> Option<(usize, usize)> {
    decode::<ResultPush<'_>>(body).err().map(|Unreadable { line, column, .. }| (line, column))
}

#[test]
fn a_body_that_is_no_json_object_is_refused_with_its_position() {
    for (body, at) in [
        ("", (1, 0)),
        (" \n\t", (2, 1)),
        ("{", (1, 1)),
        ("{\"code\":0", (1, 9)),
        ("{\"code\":0}}", (1, 11)),
        ("{\"code\":0} {}", (1, 12)),
        ("{\"code\":0,}", (1, 11)),
        ("{\n\"code\": x}", (2, 9)),
        ("{'code':0}", (1, 2)),
        ("{\"code\":+1}", (1, 9)),
        ("{\"code\":01}", (1, 10)),
        ("{\"code\":NaN}", (1, 9)),
        ("{\"msg\":\"a\nb\"}", (2, 0)),
        ("code=0&msg=x", (1, 1)),
        ("<html></html>", (1, 1)),
    ] {
        assert_eq!(position(body.as_bytes()), Some(at), "{body:?}");
    }
    for body in ["null", "0", "true", "\"{}\"", "[]", "[{}]"] {
        let (line, _) = position(body.as_bytes()).expect(body);
        assert_eq!(line, 1, "{body}");
    }
}

#[test]
fn what_cannot_be_kept_as_it_came_is_refused() {
    let deep = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(position(deep(126).as_bytes()), None);
    for body in [
        // A field twice: nobody can say which one counts, in the message, in an inner one, and among the unknown.
        r#"{"code":0,"code":114}"#,
        r#"{"cost":{"price":1,"price":2}}"#,
        r#"{"new":0,"code":0,"new":1}"#,
        r#"{"data":{"basic":{"new":0,"new":0}}}"#,
        r#"{"code":0,"\u0063ode":0}"#,
        // Beyond a double.
        r#"{"code":1e400}"#,
        r#"{"cost":{"price":-1e999}}"#,
        r#"{"new":[1e999]}"#,
        // Half a surrogate pair.
        r#"{"msg":"\ud800"}"#,
        r#"{"msg":"\udc00x"}"#,
        r#"{"\ud83d":0}"#,
        &deep(127),
        &deep(100_000),
        &"{\"data\":".repeat(100_000),
    ] {
        let start: String = body.chars().take(80).collect();
        let (line, column) = position(body.as_bytes()).expect(&start);
        assert!(line == 1 && (1..=body.len()).contains(&column), "{line}:{column}");
    }
}

#[test]
fn the_longest_figures_are_read_and_kept() {
    for figure in ["9223372036854775808", "18446744073709551615", "-9223372036854775808", "1e308", "5e-324"] {
        let body = format!("{{\"code\":{figure},\"cost\":{{\"price\":{figure}}},\"new\":{figure}}}");
        let push: ResultPush<'_> = decode(body.as_bytes()).expect(figure);
        let value: Value = serde_json::from_str(&body).expect(figure);
        assert_eq!(serde_json::to_value(&push).expect(figure), value, "{figure}");
    }
}

#[test]
fn a_byte_order_mark_in_front_is_passed_over() {
    let marked = format!("\u{feff}{HLR}");
    assert_eq!(decode::<ResultPush<'_>>(marked.as_bytes()), decode(HLR.as_bytes()));
    assert_eq!(position("\u{feff}".as_bytes()), Some((1, 0)));
    assert_eq!(position("\u{feff}\u{feff}{}".as_bytes()), Some((1, 1)));
    assert_eq!(position(&[0xff, 0xfe, b'{', 0, b'}', 0]), Some((1, 1)), "UTF-16");
}

#[test]
fn a_body_that_is_not_utf_8_is_refused_with_its_position() {
    assert_eq!(position(b"{\"msg\":\"\xff\"}"), Some((1, 9)));
    assert_eq!(position(b"{\n\"msg\":\n\"ok\xc3\x28\"}"), Some((3, 4)));
    assert_eq!(position(b"\xef\xbb\xbf{\"msg\":\"\xff\"}"), Some((1, 9)), "behind a byte-order mark");
    assert_eq!(
        position("{\"msg\":\"号".as_bytes().split_last().expect("bytes").1),
        Some((1, 9)),
        "cut in a character"
    );
}

#[test]
fn an_error_is_one_line_and_repeats_nothing_of_the_body() {
    let error = decode::<ResultPush<'_>>(b"{\"phone\":\"8613812345678\",\"phone\":0}").expect_err("twice");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("phone") && !shown.contains("138") && !shown.contains('\n'), "{shown}");
    assert!(error.to_string().starts_with("not a JSON object in UTF-8, at line 1, column "), "{error}");
}

#[test]
fn a_message_that_was_cut_off_is_refused() {
    let body = HLR.trim_end().as_bytes();
    for end in 0..body.len() {
        assert!(position(&body[..end]).is_some(), "{end}");
    }
    assert_eq!(position(body), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_a_reader_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assume!(!body.starts_with(b"{"));
        let (line, column) = position(&body).expect("no object");
        prop_assert!(line >= 1 && line + column <= body.len() + 2);
        prop_assert!(decode::<SubmitBody<'_>>(&body).is_err());
        prop_assert!(decode::<SubmitReply<'_>>(&body).is_err());
        prop_assert!(decode::<PrivacyReply<'_>>(&body).is_err());
    }

    #[test]
    fn damage_is_read_as_serde_json_reads_it_or_refused(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut body = HLR.as_bytes().to_vec();
        for (place, byte) in damage {
            let at = place.index(body.len());
            body[at] = byte;
        }
        // Read and written back as what serde_json alone reads from it, or refused by both but for a field that stands twice.
        let value = serde_json::from_slice::<Map<String, Value>>(&body);
        match (decode::<ResultPush<'_>>(&body), value) {
            (Ok(push), value) => {
                let value = Value::from(value.expect("what decodes is JSON"));
                prop_assert_eq!(serde_json::to_value(&push).expect("written"), value);
            }
            (Err(_), Ok(_)) => {
                let mended = String::from_utf8(mend(&body).expect("JSON")).expect("UTF-8");
                prop_assert!(mended.contains("#1"), "{mended}");
            }
            (Err(_), Err(_)) => {}
        }
    }
}
