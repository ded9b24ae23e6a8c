//! Queries: what a request cannot hold, and what a row says.

use std::num::NonZeroU32;

use numcheck_protocol::number_check::{PageSize, QueryBody, QueryCode, QueryReply, QueryRequest, QueryRow};
use numcheck_protocol::{
    AppKey, BatchNo, Charged, Count, DriftKind, Endpoint, Field, Message, MessageId, PhoneNumber, Repeat,
    decode, encode, number_check::Query,
};
use serde_json::{Value, json};

fn request() -> QueryRequest {
    QueryRequest::for_batch(
        "2024-04-22".parse().expect("a day"),
        BatchNo::new("101713775788").expect("a batch number"),
    )
}

fn refused(body: &Value) -> String {
    let text = body.to_string();
    let body: QueryBody<'_> = decode(text.as_bytes()).expect("any object is readable");
    QueryRequest::try_from(body).expect_err(&text).to_string()
}

fn row(value: &Value) -> QueryRow<'static> {
    decode::<QueryRow<'_>>(value.to_string().as_bytes()).expect("any object is readable").into_owned()
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::from_slice(&encode(value).expect("it can be written")).expect("JSON")
}

#[test]
fn a_query_may_be_repeated_and_is_asked_once_in_three_seconds() {
    assert_eq!(Query::INFO.repeat, Repeat::Safe);
    let rate = Query::INFO.rate_for(1).expect("a limit");
    assert_eq!((rate.requests, rate.per_ms), (1, 3000));
    for code in QueryCode::ENTRIES {
        assert_eq!(code.charged, Charged::No, "{}", code.name);
    }
}

#[test]
fn a_request_is_read_as_it_was_built() {
    let built = request()
        .with_message_id(MessageId::new("33f7c158a4194abe9ccdf3eac34a8422-2").expect("an id"))
        .with_phone(PhoneNumber::new("84981234567").expect("a number"))
        .with_appkey(AppKey::new("a1b2c3d4").expect("an appkey"))
        .with_page(NonZeroU32::new(7).expect("not zero"))
        .with_page_size(PageSize::new(20).expect("a size"));
    let written = encode(&built).expect("it can be written");
    let read: QueryBody<'_> = decode(&written).expect("readable");
    assert_eq!(QueryRequest::try_from(read), Ok(built));
}

#[test]
fn the_id_stands_under_the_names_of_both_dialects_and_either_is_enough_for_a_server() {
    let id = || MessageId::new("301ef45b8de54d8aad95c5264c3756be").expect("an id");
    let built = QueryRequest::for_message("2024-04-22".parse().expect("a day"), id());
    let written = json(&built);
    assert_eq!(
        (&written["messageId"], &written["requestId"]),
        (&json!(id().as_str()), &json!(id().as_str()))
    );
    for name in ["messageId", "requestId"] {
        let text = json!({"page":1,"pageSize":100,"date":"2024-04-22",name:id().as_str()}).to_string();
        let body: QueryBody<'_> = decode(text.as_bytes()).expect("readable");
        assert_eq!(QueryRequest::try_from(body).as_ref(), Ok(&built), "{name}");
    }
}

#[test]
fn a_server_refuses_what_no_client_of_ours_can_build() {
    let with = |name: &str, value: Value| {
        let mut body = json!({"page":1,"pageSize":100,"date":"2024-04-22","batchNo":"b"});
        body[name] = value;
        refused(&body)
    };
    for page in [json!(0), json!(-1), json!(1.5), json!("x"), json!(null), json!(u64::MAX)] {
        assert_eq!(with("page", page), "page: must be an integer from 1");
    }
    for size in [json!(0), json!(101), json!(4_294_967_297_u64)] {
        assert!(with("pageSize", size).starts_with("pageSize: must be"));
    }
    for date in [json!(""), json!(null), json!(20_240_422)] {
        assert!(with("date", date).starts_with("date: "));
    }
    assert_eq!(with("date", json!("22.04.2024")), "date: must be a day of the calendar, written yyyy-MM-dd");
    assert_eq!(with("batchNo", json!("")), "batchNo: must not be left out together with messageId");
    assert_eq!(
        with("phone", json!("+84")),
        "phone: must be digits only, with the country code and without + or spaces"
    );
}

#[test]
fn a_page_has_1_to_100_rows() {
    for rows in [0, 101, 256, 356, u32::MAX] {
        assert!(PageSize::new(rows).is_err(), "{rows}");
    }
    assert_eq!(PageSize::new(100), Ok(PageSize::MAX));
    assert_eq!(PageSize::new(1).map(PageSize::get), Ok(1));
}

#[test]
fn a_row_of_another_shape_is_kept_and_costs_the_others_nothing() {
    let text = r#"{"code":0,"data":{"totalSize":4,"result":[{"phone":"8498"},7,null,{"phone":"8499"}]}}"#;
    let reply: QueryReply<'_> = decode(text.as_bytes()).expect("readable");
    let data = reply.data.get().expect("data");
    let list = data.result.get().expect("a list");
    assert_eq!(list.items().len(), 4);
    assert_eq!(list.iter().count(), 2);
    assert_eq!(list.items()[1], Field::Odd(json!(7).into()));
    assert_eq!(json(&reply), serde_json::from_str::<Value>(text).expect("JSON"));
    let mut seen = Vec::new();
    reply.drift(&mut |drift| seen.push((drift.place, drift.kind)));
    assert_eq!(seen, [("QueryData.result".to_owned(), DriftKind::OddShape)]);
}

#[test]
fn a_list_that_is_none_is_odd() {
    for value in [json!({}), json!("none"), json!(3), json!({"phone": "8498"})] {
        let text = json!({"code":0,"data":{"result":value}}).to_string();
        let reply: QueryReply<'_> = decode(text.as_bytes()).expect("readable");
        assert!(matches!(reply.data.get().expect("data").result, Field::Odd(_)), "{text}");
        assert_eq!(json(&reply), serde_json::from_str::<Value>(&text).expect("JSON"));
    }
}

#[test]
fn surprises_inside_a_row_are_seen() {
    let text = r#"{"data":{"result":[{"roaming":"PERHAPS","checkLevel":2,"imsi":"310"}]}}"#;
    let reply: QueryReply<'_> = decode(text.as_bytes()).expect("readable");
    let mut seen = Vec::new();
    reply.drift(&mut |drift| seen.push((drift.place, drift.kind)));
    let place = |name: &str, kind| (format!("QueryRow.{name}"), kind);
    assert_eq!(
        seen,
        [
            place("check_level", DriftKind::NewValue),
            place("roaming", DriftKind::NewValue),
            place("imsi", DriftKind::NewField)
        ]
    );
}

#[test]
fn a_count_may_come_as_a_string_and_is_never_negative() {
    let read = |value: Value| {
        let text = json!({ "totalSize": value }).to_string();
        let data: numcheck_protocol::number_check::QueryData<'_> = decode(text.as_bytes()).expect("readable");
        data.total_size.get().map(|count| count.get())
    };
    assert_eq!(read(json!("250")), Some(250));
    assert_eq!(read(json!(0)), Some(0));
    for odd in [json!(-1), json!("-1"), json!(1.5), json!("many"), json!(null), json!([])] {
        assert_eq!(read(odd), None);
    }
    assert_eq!(format!("{:?}", Count::new(8_613_800_138_000)), "Count(861********00)");
    assert_eq!(Count::new(u64::MAX).get(), i64::MAX.unsigned_abs());
}

#[test]
fn a_row_of_empty_words_has_no_result() {
    let empty = row(
        &json!({"messageId": "m", "batchNo": "b", "phone": "8498", "checkLevel": 5, "preCheck": "",
        "numberType": "", "regionCode": "", "carrier": "", "validity": "", "reachable": null, "price": 0, "currency": "VND"}),
    );
    assert!(!empty.has_result());
    for (name, value) in [
        ("preCheck", json!("NO")),
        ("numberType", json!("mobile")),
        ("country", json!("VN")),
        ("response", json!("x")),
    ] {
        assert!(row(&json!({ name: value })).has_result(), "{name}");
    }
}

#[test]
fn debug_shows_no_number_of_a_row_or_a_request() {
    let shown = format!(
        "{:?} {:?} {:?}",
        request().with_phone(PhoneNumber::new("84981234567").expect("a number")),
        row(
            &json!({"phone": "84981234567", "nationalNumber": "981234567", "standNumber": "84981234567", "other": "84981234567"})
        ),
        decode::<QueryBody<'_>>(br#"{"phone":"84981234567","appkey":"a1b2c3d4"}"#).expect("readable")
    );
    assert!(!shown.contains("8123456") && !shown.contains("a1b2c3d4"), "{shown}");
}
