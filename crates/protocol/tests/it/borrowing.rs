//! A push is read in place, and a submit is written in one piece.

use numcheck_protocol::number_check::{ResultPush, Submit, SubmitReply, SubmitRequest};
use numcheck_protocol::qxt::PrivacyReply;
use numcheck_protocol::{
    AppKey, Extra, Field, Message, PhoneList, PhoneNumber, Price, Text, decode, encode_request,
};

/// How many allocations it takes to read `body` as a push.
fn allocations(body: &str) -> u64 {
    allocation_counter::measure(|| drop(decode::<ResultPush<'_>>(body.as_bytes()).expect("a push")))
        .count_total
}

fn is_inside(text: &str, body: &str) -> bool {
    body.as_bytes().as_ptr_range().contains(&text.as_ptr())
}

#[test]
fn reading_a_push_of_known_words_allocates_nothing() {
    for (name, body) in [
        ("basic", include_str!("../fixtures/push_basic.json")),
        ("hlr", include_str!("../fixtures/push_hlr.json")),
        ("call", include_str!("../fixtures/push_call.json")),
        ("failed", include_str!("../fixtures/push_failed.json")),
        ("v2 basic", include_str!("../fixtures/push_v2_basic.json")),
        ("v2 hlr", include_str!("../fixtures/push_v2_hlr.json")),
        ("v2 call", include_str!("../fixtures/push_v2_call.json")),
        ("v2 failed", include_str!("../fixtures/push_v2_failed.json")),
    ] {
        assert_eq!(allocations(body), 0, "{name}");
        let push: ResultPush<'_> = decode(body.as_bytes()).expect("a push");
        let looked = allocation_counter::measure(|| push.drift(&mut |drift| panic!("{drift:?}")));
        assert_eq!(looked.count_total, 0, "{name}");
    }
    let replies = allocation_counter::measure(|| {
        decode::<SubmitReply<'_>>(include_bytes!("../fixtures/submit_accepted.json")).expect("a reply");
        decode::<PrivacyReply<'_>>(include_bytes!("../fixtures/privacy_yes.json")).expect("a reply");
    });
    assert_eq!(replies.count_total, 0);
}

#[test]
fn only_what_is_not_as_documented_allocates() {
    for (body, most, what) in [
        (r#"{"msg":"\u53f7"}"#, 2, "where escapes are undone, and the text"),
        (r#"{"data":{"live":{"validity":"MAYBE"}}}"#, 1, "the word"),
        (r#"{"code":"0"}"#, 2, "the string that came, and its box"),
        (r#"{"cost":{"price":1.0}}"#, 1, "the box"),
        (r#"{"msg":7}"#, 1, "the box"),
        (r#"{"data":[]}"#, 1, "the box"),
    ] {
        assert_eq!(allocations(body), most, "{body}: {what}");
    }
    assert!(allocations(r#"{"new":1}"#) > 0, "the counter counts");
}

#[test]
fn a_field_and_a_message_have_no_room_for_what_is_rare() {
    assert_eq!(size_of::<Field<Text<'_>>>(), size_of::<Text<'_>>());
    assert_eq!(size_of::<Field<Price>>(), 2 * size_of::<Price>());
    assert_eq!(size_of::<Extra>(), size_of::<usize>());
}

#[test]
fn texts_without_escapes_borrow_from_the_body() {
    let body = include_str!("../fixtures/push_hlr.json");
    let push: ResultPush<'_> = decode(body.as_bytes()).expect("a push");
    let basic = push.data.get().and_then(|data| data.basic.get()).expect("basic");
    let texts = [
        push.message_id.get().map(|text| text.as_str()),
        push.msg.get().map(|text| text.as_str()),
        push.batch_no.get().map(|text| text.as_str()),
        push.phone.get().map(|text| text.as_str()),
        basic.region_code.get().map(|text| text.as_str()),
        basic.country_code.get().map(|text| text.as_str()),
        basic.national_number.get().map(|text| text.as_str()),
        basic.stand_number.get().map(|text| text.as_str()),
        basic.carrier.get().map(|text| text.as_str()),
    ];
    for text in texts {
        assert!(is_inside(text.expect("there"), body), "{text:?}");
    }

    let escaped = r#"{"msg":"a\tb","batchNo":"plain"}"#;
    let push: ResultPush<'_> = decode(escaped.as_bytes()).expect("a push");
    assert_eq!(push.msg.get().map(|text| text.as_str()), Some("a\tb"));
    assert!(!is_inside(push.msg.get().expect("there").as_str(), escaped));
    assert!(is_inside(push.batch_no.get().expect("there").as_str(), escaped));
}

#[test]
fn a_submit_of_5000_phone_numbers_is_written_in_one_allocation() {
    let numbers = (0..5000_u64).map(|at| PhoneNumber::new(&format!("86138{at:08}")).expect("a number"));
    let list = PhoneList::from_one_country(numbers).expect("a list");
    let request = SubmitRequest::new(AppKey::new("a1b2c3d4").expect("an appkey"), list);
    let written = allocation_counter::measure(|| drop(encode_request::<Submit>(&request)));
    assert_eq!(written.count_total, 1);
}
