//! The hand-written messages have the spec's fields, no fewer and no more, under the spec's wire names and types.
//!
//! The list is made by `cargo xtask codegen`; nothing here may repeat a wire name, or the two could differ.
//!
//! A field that only the spec has, and one that only the struct has, both stop this file from compiling, and the compiler
//! names them: the list has a pattern for each message, with all fields of the spec and no `..`.

use numcheck_protocol::{
    ApiKey, AppKey, BatchNo, CallbackUrl, DriftKind, Field, Message, MessageId, PhoneList, PhoneNumber,
    VerificationCode, decode, encode, encode_request, number_check, qxt, whatsapp,
};
use serde_json::{Value, json};

macro_rules! fields {
    ($(
        $name:ident: $module:ident::$Type:ident, $pattern:pat => $extra:ident {
            $( $field:ident: $wire:literal = $value:literal; )*
        }
    )*) => {
        $(
            #[test]
            fn $name() {
                let fields = [$( ($wire, stringify!($field), $value) ),*];
                for (wire, field, value) in fields {
                    let value: Value = serde_json::from_str(value).expect("the list holds JSON");
                    for (value, wanted) in [(value, "known"), (Value::Null, "null"), (json!(""), "empty")] {
                        let written = json!({ wire: value }).to_string();
                        let message: $module::$Type = decode(written.as_bytes()).expect("any object is readable");
                        let $pattern = &message;

                        assert!($extra.is_empty(), "{}: the struct does not know `{wire}`", stringify!($Type));
                        for (other, state) in [$( (stringify!($field), state($field)) ),*] {
                            let wanted = if field == other { wanted } else { "absent" };
                            assert!(state == wanted, "`{wire}`: {other} is {state}, not {wanted}");
                        }
                        let mut drift = Vec::new();
                        message.drift(&mut |seen| drift.push(seen.kind));
                        assert_eq!(drift, [], "`{wire}`");
                        let again: Value = serde_json::from_slice(&encode(&message).expect("it can be written")).expect("JSON");
                        assert_eq!(again, json!({ wire: value }), "`{wire}` is written under its own name");
                    }
                }
            }
        )*

        /// The wire names of an object of the spec.
        fn wire_names(object: &str) -> Vec<&'static str> {
            let mut names = match object {
                $( stringify!($Type) => vec![$( $wire ),*], )*
                other => panic!("the spec has no object {other}"),
            };
            names.sort_unstable();
            names
        }
    };
}

include!("../fixtures/fields.rs");

fn state<T>(field: &Field<T>) -> &'static str {
    match field {
        Field::Absent => "absent",
        Field::Null => "null",
        Field::Empty => "empty",
        Field::Known(_) => "known",
        Field::Respelled(_) => "respelled",
        Field::Odd(_) => "odd",
    }
}

/// The keys that a request is written with.
fn keys(request: &impl serde::Serialize) -> Vec<String> {
    let written: Value = serde_json::from_slice(&encode(request).expect("it can be written")).expect("JSON");
    written.as_object().expect("a request is an object").keys().cloned().collect()
}

#[test]
fn a_built_submit_has_the_fields_of_the_spec() {
    let number = PhoneNumber::new("85251234567").expect("a number");
    let mut request = number_check::SubmitRequest::new(
        AppKey::new("a1b2c3d4").expect("an appkey"),
        PhoneList::from_one_country([number]).expect("a list"),
    );
    request.batch_no = Some(BatchNo::new("20220901").expect("a batch number"));
    request.check_level = Some(number_check::CheckLevel::HLR);
    request.dr_url = Some(CallbackUrl::new("https://my.callback.url/test").expect("a URL"));
    assert_eq!(keys(&request), wire_names("SubmitBody"));
}

#[test]
fn a_built_query_has_the_fields_of_the_spec() {
    let day = "2024-04-22".parse().expect("a day");
    let request =
        number_check::QueryRequest::of_batch(day, BatchNo::new("101713775788").expect("a batch number"))
            .with_message_id(MessageId::new("33f7c158a4194abe9ccdf3eac34a8422-2").expect("an id"))
            .with_phone(PhoneNumber::new("84981234567").expect("a number"))
            .with_appkey(AppKey::new("a1b2c3d4").expect("an appkey"));
    let mut keys = keys(&request);
    keys.sort_unstable();
    assert_eq!(keys, wire_names("QueryBody"));
}

#[test]
fn a_built_check_code_has_the_fields_of_the_spec() {
    let number = PhoneNumber::new("8618500000099").expect("a number");
    let code = VerificationCode::new("1541").expect("a code");
    assert_eq!(keys(&whatsapp::CheckCodeRequest::new(number, code)), wire_names("CheckCodeBody"));
}

#[test]
fn the_other_built_requests_of_the_register_have_the_fields_of_the_spec() {
    let number = PhoneNumber::new("8618500000099").expect("a number");
    let name = whatsapp::AppName::new("Whatsapp").expect("a name");
    let webhook = CallbackUrl::new("http://my.callback.url/test").expect("a URL");
    let list = whatsapp::PhoneListRequest::new(AppKey::new("KI92cew9").expect("an appkey"));
    let get_code = whatsapp::GetCodeRequest::new(number, whatsapp::CodeMethod::SMS);
    for (keys, object) in [
        (keys(&whatsapp::CreateAppRequest::new(name, webhook)), "CreateAppBody"),
        (keys(&list), "PhoneListBody"),
        (keys(&get_code), "GetCodeBody"),
        (keys(&whatsapp::CreateClientRequest::new(number)), "CreateClientBody"),
    ] {
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, wire_names(object));
    }
}

#[test]
fn a_built_privacy_query_has_the_fields_of_the_spec() {
    let key = ApiKey::new("7c11272au708345c839b8ue81ac78972").expect("a key");
    let request = qxt::PrivacyRequest::new(key, qxt::Mobile::new("16717707933").expect("a number"));
    assert_eq!(keys(&request), wire_names("PrivacyBody"));
    let form = encode_request::<qxt::Privacy>(&request).expect("it can be written");
    let form = String::from_utf8(form).expect("a form is text");
    let mut names: Vec<&str> = form.split('&').filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, wire_names("PrivacyBody"), "in a form too");
}

#[test]
fn a_value_of_another_type_is_kept_and_reported() {
    let push: number_check::ResultPush = decode(br#"{"code":[1]}"#).expect("any object is readable");
    let mut kinds = Vec::new();
    push.drift(&mut |drift| kinds.push(drift.kind));
    assert_eq!(kinds, [DriftKind::OddShape]);
    assert_eq!(encode(&push).expect("it can be written"), br#"{"code":[1]}"#);
}
