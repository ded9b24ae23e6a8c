//! Requests: what a client builds, a server reads, and strict reading says what is wrong.

use numcheck_protocol::number_check::{CheckLevel, Submit, SubmitBody, SubmitRequest};
use numcheck_protocol::qxt::{Mobile, Privacy, PrivacyBody, PrivacyRequest};
use numcheck_protocol::whatsapp::{CheckCodeBody, CheckCodeRequest};
use numcheck_protocol::{
    ApiKey, AppKey, BatchNo, CallbackUrl, Message, PhoneList, PhoneNumber, ValueError, VerificationCode,
    decode, encode, encode_request,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_submit() -> impl Strategy<Value = SubmitRequest> {
    let phones = prop::collection::hash_set("[0-9]{2,12}", 1..30).prop_map(|tails| {
        let numbers = tails.iter().map(|tail| PhoneNumber::new(&format!("852{tail}")).expect("a number"));
        PhoneList::from_one_country(numbers).expect("one country")
    });
    // Quotes, backslashes, emoji and scripts of all kinds: whatever a batch may be called.
    let batch_no =
        prop::option::of("\\PC{1,64}".prop_map(|text| BatchNo::new(&text).expect("a batch number")));
    let level = prop::option::of(prop_oneof![
        prop::sample::select(vec![CheckLevel::BASIC, CheckLevel::CALL, CheckLevel::HLR]),
        any::<i64>().prop_map(CheckLevel::new),
    ]);
    let dr_url = prop::option::of(
        "https?://[a-z]{1,9}(:[1-9][0-9]{0,3})?/[a-z0-9/?=&]{0,30}"
            .prop_map(|url| CallbackUrl::new(&url).expect("a URL")),
    );
    let appkey = "[!-~]{1,128}".prop_map(|key| AppKey::new(&key).expect("a key"));
    (phones, batch_no, level, dr_url, appkey).prop_map(|(phone, batch_no, check_level, dr_url, appkey)| {
        let mut request = SubmitRequest::new(appkey, phone);
        (request.batch_no, request.check_level, request.dr_url) = (batch_no, check_level, dr_url);
        request
    })
}

/// The body as the document spells it, key by key in its order.
fn in_the_documents_order(request: &SubmitRequest) -> String {
    let phones: Vec<&str> = request.phone.as_slice().iter().map(PhoneNumber::digits).collect();
    let mut body = format!("{{\"phone\":\"{}\"", phones.join(","));
    let mut add = |name: &str, value: Value| body.push_str(&format!(",\"{name}\":{value}"));
    if let Some(batch_no) = &request.batch_no {
        add("batchNo", json!(batch_no.as_str()));
    }
    if let Some(level) = request.check_level {
        add("checkLevel", json!(level.get()));
    }
    if let Some(url) = &request.dr_url {
        add("drUrl", json!(url.as_str()));
    }
    add("appkey", json!(request.appkey.expose()));
    body + "}"
}

proptest! {
    #[test]
    fn every_submit_that_a_client_can_build_a_server_reads_as_the_same(request in any_submit()) {
        let sent = encode(&request).expect("written");
        // A faster way to the same bytes.
        prop_assert_eq!(encode_request::<Submit>(&request).expect("written"), sent.clone());
        let body: SubmitBody<'_> = decode(&sent).expect("readable");
        let mut new = Vec::new();
        body.drift(&mut |drift| new.push(drift.place));
        if request.check_level.is_none_or(|level| level.known().is_some()) {
            prop_assert!(new.is_empty(), "{:?}", new);
        }
        prop_assert_eq!(encode(&body).expect("written"), sent.clone(), "byte for byte");
        prop_assert_eq!(SubmitRequest::try_from(body), Ok(request));
    }

    #[test]
    fn a_submit_is_written_byte_for_byte_in_the_documents_order(request in any_submit()) {
        let sent = String::from_utf8(encode(&request).expect("written")).expect("UTF-8");
        prop_assert_eq!(sent, in_the_documents_order(&request));
    }

    #[test]
    fn every_check_of_a_code_that_a_client_can_build_a_server_reads_as_the_same(phone in "[0-9]{5,15}", code in "[a-zA-Z0-9-]{1,16}") {
        let request = CheckCodeRequest::new(PhoneNumber::new(&phone).expect("a number"), VerificationCode::new(&code).expect("a code"));
        let sent = encode(&request).expect("written");
        prop_assert_eq!(std::str::from_utf8(&sent).expect("UTF-8"), format!("{{\"phone_number\":\"{phone}\",\"code\":\"{code}\"}}"));
        let body: CheckCodeBody<'_> = decode(&sent).expect("readable");
        prop_assert_eq!(CheckCodeRequest::try_from(body), Ok(request));
    }

    #[test]
    fn every_privacy_query_that_a_client_can_build_a_server_reads_as_the_same(key in "[a-zA-Z0-9]{1,64}", mobile in "1[0-9]{10}") {
        let request = PrivacyRequest::new(ApiKey::new(&key).expect("a key"), Mobile::new(&mobile).expect("a number"));
        let form = encode_request::<Privacy>(&request).expect("written");
        prop_assert_eq!(std::str::from_utf8(&form).expect("UTF-8"), format!("apikey={key}&mobile={mobile}"));
        let sent = encode(&request).expect("written");
        let body: PrivacyBody<'_> = decode(&sent).expect("readable");
        prop_assert_eq!(PrivacyRequest::try_from(body), Ok(request));
    }
}

fn submit(body: &Value) -> Result<SubmitRequest, ValueError> {
    SubmitRequest::try_from(decode::<SubmitBody<'_>>(body.to_string().as_bytes()).expect("readable"))
}

fn right() -> Value {
    json!({ "phone": "85251234567,85251234568", "batchNo": "20220901", "checkLevel": 1, "drUrl": "http://my.callback.url/test", "appkey": "a1b2c3d4" })
}

#[test]
fn strict_reading_names_the_first_wrong_field_in_the_documents_order() {
    let long = "9".repeat(65);
    let wrong: [(&str, &[Value]); 5] = [
        (
            "phone",
            &[
                json!(null),
                json!(""),
                json!(85_251_234_567_i64),
                json!("852-1234567"),
                json!("85251234567,"),
                json!("85251234567,8613812345678"),
                json!("85251234567,85251234567"),
            ],
        ),
        ("batchNo", &[json!(20_220_901), json!(long), json!("a\nb"), json!([])]),
        ("checkLevel", &[json!("basic"), json!(1.5), json!(true)]),
        ("drUrl", &[json!("my.callback.url/test"), json!("ftp://x/"), json!(0)]),
        ("appkey", &[json!(null), json!(""), json!("a b"), json!(7)]),
    ];
    assert!(submit(&right()).is_ok());
    for (at, (field, values)) in wrong.iter().enumerate() {
        for value in *values {
            let mut body = right();
            body[*field] = value.clone();
            let error = submit(&body).expect_err(field);
            assert_eq!(error.field, *field, "{value}");
            assert!(
                error.to_string().starts_with(&format!("{field}: ")) && !error.to_string().contains('\n'),
                "{error}"
            );
            // Whatever is wrong behind it is not named yet.
            for (later, values) in &wrong[at + 1..] {
                body[*later] = values[0].clone();
            }
            assert_eq!(submit(&body).map_err(|error| error.field), Err(*field), "{body}");
        }
    }
    for field in ["phone", "appkey"] {
        let mut body = right();
        body.as_object_mut().expect("an object").remove(field);
        assert_eq!(submit(&body).map_err(|error| (error.field, error.rule)), Err((field, "is required")));
    }
}

#[test]
fn what_is_optional_may_be_absent_null_or_empty() {
    for field in ["batchNo", "checkLevel", "drUrl"] {
        for value in [None, Some(json!(null)), Some(json!(""))] {
            let mut body = right();
            let object = body.as_object_mut().expect("an object");
            object.remove(field);
            object.extend(value.map(|value| (field.to_owned(), value)));
            let request = submit(&body).expect("optional");
            let left_out = match field {
                "batchNo" => request.batch_no.is_none(),
                "checkLevel" => request.check_level.is_none(),
                _ => request.dr_url.is_none(),
            };
            assert!(left_out, "{body}");
        }
    }
}

#[test]
fn unknown_fields_and_levels_are_no_fault_of_form() {
    let mut body = right();
    body["newField"] = json!({ "phone": [1] });
    body["checkLevel"] = json!(9);
    assert_eq!(submit(&body).map(|request| request.check_level), Ok(Some(CheckLevel::new(9))));
    body["checkLevel"] = json!("5");
    assert_eq!(
        submit(&body).map(|request| request.check_level),
        Ok(Some(CheckLevel::HLR)),
        "numbers may come as strings"
    );
}

#[test]
fn strict_reading_of_the_other_requests_names_the_first_wrong_field_too() {
    let check = |body: Value| {
        let text = body.to_string();
        CheckCodeRequest::try_from(decode::<CheckCodeBody<'_>>(text.as_bytes()).expect("readable"))
            .map_err(|error| error.field)
    };
    assert!(check(json!({ "phone_number": "85251234567", "code": "1541", "new": 0 })).is_ok());
    assert_eq!(check(json!({})), Err("phone_number"));
    assert_eq!(check(json!({ "phone_number": "185xxx99", "code": "" })), Err("phone_number"));
    assert_eq!(check(json!({ "phone_number": "85251234567" })), Err("code"));
    assert_eq!(check(json!({ "phone_number": "85251234567", "code": 1541 })), Err("code"));

    let ask = |body: Value| {
        let text = body.to_string();
        PrivacyRequest::try_from(decode::<PrivacyBody<'_>>(text.as_bytes()).expect("readable"))
            .map_err(|error| error.field)
    };
    assert!(ask(json!({ "apikey": "7c11272au708345c839b8ue81ac78972", "mobile": "16717707933" })).is_ok());
    assert_eq!(ask(json!({ "mobile": "16717707933" })), Err("apikey"));
    assert_eq!(ask(json!({ "apikey": "a-b", "mobile": "1" })), Err("apikey"));
    assert_eq!(ask(json!({ "apikey": "ab", "mobile": "8616717707933" })), Err("mobile"));
}

#[test]
fn a_list_that_is_much_too_long_is_refused_without_being_read_to_its_end() {
    let numbers: Vec<String> = (0..5001).map(|at| format!("852{at:08}")).collect();
    let body = |numbers: &[String]| json!({ "phone": numbers.join(","), "appkey": "a" });
    assert_eq!(submit(&body(&numbers[1..])).map(|request| request.phone.len()), Ok(5000));
    assert!(submit(&body(&numbers)).is_err_and(|error| error.rule.contains("5000")));
    let endless = json!({ "phone": format!("{},not a number", numbers.join(",")), "appkey": "a" });
    assert!(submit(&endless).is_err_and(|error| error.rule.contains("5000")));
}
