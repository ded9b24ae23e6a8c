//! One form of a result, whichever way and in whichever dialect it came.

use numcheck_protocol::number_check::{
    Answer, AnyNumberType, CallbackCode, CheckLevel, CheckResult, DialResponse, Dialect, GetReply,
    NumberType, NumberTypeWord, QueryRow, ResultPush, SubmitBody, SubmitReply,
};
use numcheck_protocol::{Lang, decode};
use serde_json::{Value, json};

/// What a push says.
fn push<T>(value: &Value, ask: impl FnOnce(CheckResult<'_>) -> T) -> T {
    let body = value.to_string();
    ask(CheckResult::from(&decode::<ResultPush<'_>>(body.as_bytes()).expect("any object is readable")))
}

fn row<T>(value: &Value, ask: impl FnOnce(CheckResult<'_>) -> T) -> T {
    let body = value.to_string();
    ask(CheckResult::from(&decode::<QueryRow<'_>>(body.as_bytes()).expect("any object is readable")))
}

fn get<T>(value: &Value, ask: impl FnOnce(CheckResult<'_>) -> T) -> T {
    let body = value.to_string();
    ask(CheckResult::from(&decode::<GetReply<'_>>(body.as_bytes()).expect("any object is readable")))
}

/// Everything that stands in a result, as text; nothing where nothing stands.
fn texts(result: &CheckResult<'_>) -> Vec<(&'static str, String)> {
    let CheckResult { region, dial_code, carrier, mcc, mnc, .. } = result;
    let texts =
        [("region", region), ("dial_code", dial_code), ("carrier", carrier), ("mcc", mcc), ("mnc", mnc)];
    let words = [
        ("format", &result.format),
        ("validity", &result.validity),
        ("reachable", &result.reachable),
        ("roaming", &result.roaming),
        ("ported", &result.ported),
        ("ring", &result.ring),
        ("answered", &result.answered),
    ];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?.as_str().to_owned())));
    let words = words.into_iter().filter_map(|(name, word)| Some((name, word.as_ref()?.as_str().to_owned())));
    let response = result.response.iter().map(|word| ("response", word.as_str().to_owned()));
    let kind = result.number_type.iter().map(|kind| ("number_type", kind.to_string()));
    texts.chain(words).chain(response).chain(kind).collect()
}

fn pairs(all: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    all.iter().map(|(name, text)| (*name, (*text).to_owned())).collect()
}

#[test]
fn a_push_of_v1_and_one_of_v2_lead_to_the_same_fields() {
    let v1 = json!({"messageId": "m-1", "code": 0, "msg": "ok", "batchNo": "b", "phone": "8613", "data": {
        "basic": {"preCheck": "YES", "regionCode": "CN", "countryCode": "86", "nationalNumber": "13", "standNumber": "8613",
                  "numberType": 2, "carrier": "china union"},
        "live": {"validity": "YES", "reachable": "NO", "roaming": "UNKNOWN"},
        "dial": {"early": "YES", "answered": "NO", "response": "voicemail"}}, "cost": {"price": 0.002, "currency": "CNY"}});
    push(&v1, |result| {
        assert!(result.done);
        assert_eq!(result.dialect, Some(Dialect::V1));
        assert_eq!(
            texts(&result),
            pairs(&[
                ("region", "CN"),
                ("dial_code", "86"),
                ("carrier", "china union"),
                ("format", "YES"),
                ("validity", "YES"),
                ("reachable", "NO"),
                ("roaming", "UNKNOWN"),
                ("ring", "YES"),
                ("answered", "NO"),
                ("response", "voicemail"),
                ("number_type", "2")
            ])
        );
        assert_eq!(result.national.as_ref().map(|text| text.as_str()), Some("13"));
        assert_eq!(result.standard.as_ref().map(|text| text.as_str()), Some("8613"));
    });
    let v2 = json!({"requestId": "m-1", "code": 0, "message": "ok", "batchNo": "b", "phone": "8613", "data": {
        "numberType": "mobile", "operator": "china union", "country": "CN", "mcc": "010", "mnc": "01", "ported": "YES",
        "active": "YES", "ring": "yes", "answer": "no", "responseStatus": "voicemail"}, "cost": {"price": 0.002, "currency": "CNY"}});
    push(&v2, |result| {
        assert!(result.done);
        assert_eq!(result.dialect, Some(Dialect::V2));
        assert_eq!(
            texts(&result),
            pairs(&[
                ("region", "CN"),
                ("carrier", "china union"),
                ("mcc", "010"),
                ("mnc", "01"),
                ("validity", "YES"),
                ("ported", "YES"),
                ("ring", "YES"),
                ("answered", "NO"),
                ("response", "voicemail"),
                ("number_type", "mobile")
            ])
        );
    });
    for value in [v1, v2] {
        push(&value, |result| {
            assert_eq!(result.id.map(|text| text.as_str().to_owned()).as_deref(), Some("m-1"));
            assert_eq!(result.text.map(|text| text.as_str().to_owned()).as_deref(), Some("ok"));
            assert_eq!(result.phone.map(|text| text.as_str().to_owned()).as_deref(), Some("8613"));
            assert_eq!(result.price.map(|price| price.to_string()).as_deref(), Some("0.0020"));
            assert_eq!(result.currency.map(|currency| currency.as_str().to_owned()).as_deref(), Some("CNY"));
        });
    }
}

#[test]
fn a_failed_check_of_v2_has_a_cost_all_the_same() {
    let body = include_str!("../fixtures/push_v2_failed.json");
    push(&serde_json::from_str(body).expect("JSON"), |result| {
        assert!(!result.done);
        assert_eq!(result.code, Some(CallbackCode::DEDUCTION_FAILED));
        assert_eq!(result.price.map(|price| price.to_string()).as_deref(), Some("0.0020"));
        assert_eq!(texts(&result), []);
    });
    for data in [json!(null), json!({}), json!([]), json!("")] {
        push(&json!({"code": 114, "data": data}), |result| {
            assert_eq!((result.done, result.code), (false, Some(CallbackCode::BAD_NUMBER)));
            assert_eq!(texts(&result), []);
        });
    }
}

#[test]
fn a_push_without_a_readable_code_is_done_where_it_says_what_was_found_out() {
    for code in [json!(null), json!("0 "), json!(0.0), json!({}), json!("")] {
        push(&json!({"code": code, "data": {"basic": {"carrier": "China Mobile"}}}), |result| {
            assert_eq!((result.done, result.code), (true, None), "{code}");
        });
        push(&json!({"code": code, "msg": "success", "cost": {"price": 0.02}}), |result| {
            assert_eq!((result.done, result.code), (false, None), "{code}");
        });
    }
    push(&json!({"code": 4711, "data": {"basic": {"carrier": "China Mobile"}}}), |result| {
        assert!(!result.done)
    });
    push(&json!({"data": {"country": "CN"}}), |result| assert!(result.done));
}

#[test]
fn a_row_of_either_dialect_leads_to_the_same_fields_as_its_push() {
    let hlr = json!({
        "messageId": "m-1", "batchNo": "b", "phone": "8498", "checkLevel": 2, "preCheck": "YES", "regionCode": "VN",
        "countryCode": "84", "nationalNumber": "98", "standNumber": "8498", "numberType": 2, "carrier": "Viettel",
        "validity": "YES", "reachable": "NO", "roaming": "", "price": 0.0123, "currency": "USD"
    });
    row(&hlr, |result| {
        assert!(result.done && result.code.is_none());
        assert_eq!((result.dialect, result.level), (Some(Dialect::V1), Some(CheckLevel::new(2))));
        assert_eq!(result.number_type, Some(AnyNumberType::Number(NumberType::MOBILE)));
        assert_eq!((result.validity, result.reachable), (Some(Answer::YES), Some(Answer::NO)));
        assert_eq!(result.roaming, None);
        assert_eq!(result.region.map(|text| text.as_str().to_owned()).as_deref(), Some("VN"));
    });
    let call = json!({
        "requestId": "r-2", "batchNo": "b", "phone": "8613", "country": "CN", "operator": "china union",
        "numberType": "Mobile", "ring": "YES", "answer": "no", "response": "BELL", "mcc": "460"
    });
    row(&call, |result| {
        assert!(result.done);
        assert_eq!(result.dialect, Some(Dialect::V2));
        assert_eq!(
            (result.ring, result.answered, result.response),
            (Some(Answer::YES), Some(Answer::NO), Some(DialResponse::BELL))
        );
        assert_eq!(result.id.map(|text| text.as_str().to_owned()).as_deref(), Some("r-2"));
        assert_eq!(result.carrier.map(|text| text.as_str().to_owned()).as_deref(), Some("china union"));
    });
    row(&json!({"requestId": "r", "numberType": "", "price": 0}), |result| assert!(!result.done));
    row(&json!({"messageId": "a", "requestId": "b"}), |result| assert_eq!(result.dialect, None));
}

#[test]
fn what_no_document_lists_is_given_as_it_came() {
    let odd = json!({"code": 0, "data": {
        "basic": {"numberType": "mobile", "preCheck": true, "carrier": 7}, "live": {"validity": "PERHAPS"},
        "dial": {"response": ["bell"]}, "numberType": 2}});
    push(&odd, |result| {
        assert_eq!(result.number_type, Some(AnyNumberType::Word(NumberTypeWord::MOBILE)));
        assert_eq!(result.format, Some(Answer::new("true")));
        assert_eq!(result.validity, Some(Answer::new("PERHAPS")));
        assert_eq!(result.carrier.as_ref().map(|text| text.as_str()), Some("7"));
        assert_eq!(result.response, None, "a list is no single value; the message still holds it");
    });
    push(&json!({"data": {"numberType": 5}}), |result| {
        assert_eq!(result.number_type, Some(AnyNumberType::Number(NumberType::ORGANISATION)));
    });
    push(&json!({"data": {"numberType": "landline"}}), |result| {
        let kind = result.number_type.expect("a kind");
        assert_eq!((kind.to_string().as_str(), kind.meaning(Lang::En)), ("landline", None));
    });
}

#[test]
fn an_instant_check_tells_a_bad_number_from_either_place() {
    let good = include_str!("../fixtures/get_checked.json");
    get(&serde_json::from_str(good).expect("JSON"), |result| {
        assert!(result.done);
        assert_eq!(
            texts(&result),
            pairs(&[("region", "HK"), ("carrier", "US OP"), ("number_type", "others")])
        );
        assert_eq!(result.price.map(|price| price.to_string()).as_deref(), Some("2.1200"));
    });
    for bad in [
        include_str!("../fixtures/get_bad_number.json"),
        include_str!("../fixtures/get_bad_number_reason.json"),
    ] {
        get(&serde_json::from_str(bad).expect("JSON"), |result| assert!(!result.done, "{bad}"));
    }
    let both = json!({"code": 0, "data": {"basic": {"phone": "8523"}, "failNumber": [{"number": "8523", "reason": "no such number"}]}});
    get(&both, |result| {
        assert!(!result.done);
        assert_eq!(result.text.map(|text| text.as_str().to_owned()).as_deref(), Some("no such number"));
    });
    get(&json!({"code": 0, "data": {"basic": {"country": "HK"}, "failNumber": []}}), |result| {
        assert!(result.done)
    });
    for unclear in [
        json!({"code": 0}),
        json!({"code": 0, "data": null}),
        json!({"code": 201, "data": {"basic": {}}}),
        json!({}),
    ] {
        get(&unclear, |result| assert!(!result.done, "{unclear}"));
    }
}

#[test]
fn the_dialect_of_a_submit_shows_by_what_only_one_of_the_two_has() {
    for (reply, dialect) in [
        (json!({"code": 0, "msg": "ok", "data": {"messageId": "m", "batchNo": "b"}}), Some(Dialect::V1)),
        (json!({"code": 202, "msg": "no", "data": {"messageId": "", "batchNo": ""}}), Some(Dialect::V1)),
        (json!({"code": 0, "message": "ok", "data": {"requestId": "m"}}), Some(Dialect::V2)),
        (json!({"code": 0, "msg": "ok", "data": {"failNumber": []}}), Some(Dialect::V2)),
        (json!({"code": 0, "message": "ok", "traceId": "t", "data": null}), Some(Dialect::V2)),
        (json!({"code": 1003, "message": "invalid signature", "data": null}), None),
        (json!({"code": 0, "data": {"messageId": "m", "requestId": "m"}}), None),
    ] {
        let body = reply.to_string();
        let read: SubmitReply<'_> = decode(body.as_bytes()).expect("readable");
        assert_eq!(read.dialect(), dialect, "{body}");
    }
    let v2 =
        decode::<SubmitReply<'_>>(include_bytes!("../fixtures/submit_v2_partly.json")).expect("readable");
    let data = v2.data.get().expect("data");
    assert_eq!(data.id().as_deref(), Some("dc99712066bd483b84b3641c787dab33"));
    let failed: Vec<_> =
        data.fail_number.get().expect("a list").iter().map(|one| one.number.text()).collect();
    assert_eq!(failed, [Some("999***6789".into())]);
}

#[test]
fn a_server_of_v2_takes_numbers_of_several_countries() {
    let read = |dialect| {
        let body = br#"{"phone":"85251234567,8613800500000","appkey":"a"}"#;
        decode::<SubmitBody<'_>>(body).expect("readable").read(dialect).map(|request| request.phone.len())
    };
    assert!(read(Dialect::V1).is_err());
    assert_eq!(read(Dialect::V2), Ok(2));
}

#[test]
fn debug_shows_no_number_of_a_result() {
    let shown = push(
        &json!({"phone": "8613800138000", "msg": "of 8613800138000", "data": {"basic": {"standNumber": "8613800138000", "carrier": 8_613_800_138_000_u64}}}),
        |result| format!("{result:?}"),
    );
    assert!(!shown.contains("13800138000"), "{shown}");
}
