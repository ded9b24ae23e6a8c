//! The embedded register: any shape of `data`, words and codes that nobody knows, and nothing shown.

use numcheck_protocol::whatsapp::{
    AppName, CodeMethod, CreateApp, CreateAppBody, CreateAppReply, CreateAppRequest, CreateClientBody,
    CreateClientRequest, GetCode, GetCodeBody, GetCodeRequest, ListPhones, Login, LoginReply, PhoneListBody,
    PhoneListReply, PhoneListRequest, RegisterStatus, WhatsAppReply,
};
use numcheck_protocol::{
    AppKey, Auth, BodyKind, CallbackUrl, Endpoint, Envelope, Info, Message, PhoneNumber, Repeat, ResultCode,
    decode, encode, whatsapp,
};
use serde_json::{Value, json};

/// Every endpoint of the family, its last path segment, and whether it may be repeated on an unclear outcome.
const FAMILY: [(Info, &str, Repeat); 6] = [
    (Login::INFO, "login", Repeat::Safe),
    (CreateApp::INFO, "createApp", Repeat::Never),
    (ListPhones::INFO, "phoneList", Repeat::Safe),
    (GetCode::INFO, "getCode", Repeat::Never),
    (whatsapp::CheckCode::INFO, "checkCode", Repeat::Never),
    (whatsapp::CreateClient::INFO, "createClient", Repeat::Never),
];

#[test]
fn the_action_is_the_last_segment_of_the_path_and_what_only_reads_alone_may_be_repeated() {
    for (info, action, repeat) in FAMILY {
        assert_eq!(info.path, format!("/api/wa/integrator/embedded/register/{action}"));
        assert_eq!(info.auth, Auth::Signed { biz_type: "2", action });
        assert_eq!(info.repeat, repeat, "{}", info.id);
        let body = if action == "login" { BodyKind::Empty } else { BodyKind::Json };
        assert_eq!(info.body, body, "{}", info.id);
    }
}

/// A reply, read and written again: its code, text, and how many surprises it held.
fn read<'a, T>(text: &'a str) -> (Option<bool>, Option<String>, usize)
where
    T: Envelope + serde::Serialize + serde::Deserialize<'a>,
{
    let reply: T = decode(text.as_bytes()).expect("any object is readable");
    let written: Value = serde_json::from_slice(&encode(&reply).expect("it can be written")).expect("JSON");
    assert_eq!(written, serde_json::from_str::<Value>(text).expect("JSON"), "nothing is lost or added");
    let mut drift = 0;
    reply.drift(&mut |_| drift += 1);
    let verdict = reply.code().map(ResultCode::is_success);
    (verdict, reply.message_text().map(str::to_owned), drift)
}

#[test]
fn data_as_an_object_an_empty_one_a_list_null_or_absent_is_read_by_every_operation_and_written_back() {
    let shapes = [
        Some(json!({"token": "t", "app_id": 1, "new": [1]})),
        Some(json!({})),
        Some(json!([{"display_phone_number": "+86 xxx 24"}])),
        Some(json!([])),
        Some(Value::Null),
        Some(json!("")),
        Some(json!("text")),
        Some(json!(7)),
        None,
    ];
    for data in shapes {
        let mut reply = json!({"code": 0, "message": "Request successful"});
        reply.as_object_mut().expect("an object").extend(data.map(|data| ("data".to_owned(), data)));
        let text = reply.to_string();
        for (verdict, told, _) in [
            read::<LoginReply<'_>>(&text),
            read::<CreateAppReply<'_>>(&text),
            read::<PhoneListReply<'_>>(&text),
            read::<WhatsAppReply<'_>>(&text),
        ] {
            assert_eq!((verdict, told.as_deref()), (Some(true), Some("Request successful")), "{text}");
        }
    }
}

#[test]
fn an_unknown_code_is_a_refusal_and_no_code_is_no_verdict() {
    let unknown = r#"{"code":9999,"msg":"new","data":{}}"#;
    assert_eq!(read::<CreateAppReply<'_>>(unknown), (Some(false), Some("new".to_owned()), 1));
    assert_eq!(read::<LoginReply<'_>>(r#"{"data":{"token":"t"}}"#), (None, None, 0));
    let refusal: PhoneListReply<'_> = decode(br#"{"code":9010,"message":"x"}"#).expect("readable");
    let refusal = refusal.code().expect("a code").refusal(Some("x"));
    assert_eq!((refusal.code(), refusal.name(), refusal.text()), (9010, Some("APP_OF_ANOTHER"), Some("x")));
}

#[test]
fn an_unknown_word_of_a_phone_is_kept_and_reported_and_an_empty_limit_is_not() {
    let text = r#"{"code":0,"data":[{"register_status":9,"status":"ASLEEP","current_limit":"","new":1},7]}"#;
    let reply: PhoneListReply<'_> = decode(text.as_bytes()).expect("readable");
    let mut places = Vec::new();
    reply.drift(&mut |drift| places.push(drift.place));
    places.sort_unstable();
    assert_eq!(places, ["Phone.new", "Phone.register_status", "Phone.status", "PhoneListReply.data"]);
    let list = reply.data.get().expect("a list");
    let phone = list.iter().next().expect("a phone");
    assert_eq!(phone.status.get().map(|word| word.as_str()), Some("ASLEEP"));
    assert_eq!(phone.register_status.get(), Some(&RegisterStatus::new(9)));
    assert_eq!(list.items().len(), 2, "the item that is no object is kept");
    assert_eq!(encode(&reply).expect("written"), text.as_bytes());
}

#[test]
fn what_is_owned_is_what_was_read() {
    let login: LoginReply<'_> = decode(br#"{"data":{"token":"t","new":1}}"#).expect("readable");
    let data = login.data.into_inner().expect("data");
    assert_eq!(data.clone().into_owned(), data);
    let app: CreateAppReply<'_> =
        decode(br#"{"data":{"app_id":1,"app_name":"n","app_key":"k","new":1}}"#).expect("readable");
    let data = app.data.into_inner().expect("data");
    assert_eq!(data.clone().into_owned(), data);
    let phones: PhoneListReply<'_> =
        decode(br#"{"data":[{"display_phone_number":"+86 1","waba_id":"1","waba_name":"n","verified_name":"v","new":1}]}"#)
            .expect("readable");
    let phone = phones.data.get().expect("a list").iter().next().expect("a phone").clone();
    assert_eq!(phone.clone().into_owned(), phone);
}

#[test]
fn no_request_and_no_reply_shows_a_number_a_token_a_key_or_a_webhook() {
    let (number, key, path, token) =
        ("8613812345678", "Schluessel1", "geheimer-pfad", "50abe943xxxe26128e56b08");
    let phone = PhoneNumber::new(number).expect("a number");
    let appkey = AppKey::new(key).expect("a key");
    let webhook = CallbackUrl::new(&format!("https://example.org/{path}")).expect("a URL");
    let create = CreateAppRequest::new(AppName::new("Shop").expect("a name"), webhook);
    let list = PhoneListRequest::new(appkey);
    let get = GetCodeRequest::new(phone, CodeMethod::VOICE);
    let client = CreateClientRequest::new(phone);
    let bodies =
        [encode(&create), encode(&list), encode(&get), encode(&client)].map(|body| body.expect("written"));
    let replies = [
        json!({"code": 0, "data": {"token": token}}).to_string(),
        json!({"code": 0, "data": {"app_id": 1000, "app_name": "Shop", "app_key": key}}).to_string(),
        json!({"code": 0, "data": [{"display_phone_number": format!("+{number}"), "verified_name": number}]})
            .to_string(),
        json!({"code": 0, "data": {"anything": number}}).to_string(),
    ];
    let shown = format!(
        "{create:?} {list:?} {get:?} {client:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        decode::<CreateAppBody<'_>>(&bodies[0]),
        decode::<PhoneListBody<'_>>(&bodies[1]),
        decode::<GetCodeBody<'_>>(&bodies[2]),
        decode::<CreateClientBody<'_>>(&bodies[3]),
        decode::<LoginReply<'_>>(replies[0].as_bytes()),
        decode::<CreateAppReply<'_>>(replies[1].as_bytes()),
        decode::<PhoneListReply<'_>>(replies[2].as_bytes()),
        decode::<WhatsAppReply<'_>>(replies[3].as_bytes()),
    );
    for secret in [number, &number[3..11], key, path, token] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    for expected in ["https://example.org/***", "Shop", "861********78", "VOICE"] {
        assert!(shown.to_uppercase().contains(&expected.to_uppercase()), "{expected} is not in {shown}");
    }
}

#[test]
fn strict_reading_names_the_first_wrong_field() {
    fn field<'a, B, R>(text: &'a str) -> Result<(), &'static str>
    where
        B: serde::Deserialize<'a>,
        R: TryFrom<B, Error = numcheck_protocol::ValueError>,
    {
        R::try_from(decode::<B>(text.as_bytes()).expect("readable")).map(|_| ()).map_err(|error| error.field)
    }
    type App = CreateAppRequest;
    let app = field::<CreateAppBody<'_>, App>;
    assert_eq!(app(r#"{"app_name":"Shop","webhook":"https://a.example/x","new":1}"#), Ok(()));
    assert_eq!(app("{}"), Err("app_name"));
    assert_eq!(app(r#"{"app_name":" Shop","webhook":"x"}"#), Err("app_name"));
    assert_eq!(app(r#"{"app_name":"Shop","webhook":"ftp://a.example/x"}"#), Err("webhook"));
    assert_eq!(field::<PhoneListBody<'_>, PhoneListRequest>(r#"{"appkey":7}"#), Err("appkey"));
    let code = field::<GetCodeBody<'_>, GetCodeRequest>;
    assert_eq!(
        code(r#"{"phone_number":"8613912345678","method":"pigeon"}"#),
        Ok(()),
        "a new word is no fault of form"
    );
    assert_eq!(code(r#"{"phone_number":"8613912345678","method":""}"#), Err("method"));
    assert_eq!(code(r#"{"phone_number":"+8613912345678","method":""}"#), Err("phone_number"));
    assert_eq!(field::<CreateClientBody<'_>, CreateClientRequest>("{}"), Err("phone_number"));
}

#[test]
fn the_name_of_an_application_is_one_line_of_1_to_128_characters() {
    let most = "名".repeat(128);
    for name in ["W", "My shop", &most] {
        assert_eq!(AppName::new(name).expect("a name").as_str(), name);
        assert_eq!(name.parse::<AppName>().expect("a name").as_str(), name);
    }
    for name in ["", " a", "a\n", "a\tb", &"x".repeat(129)] {
        assert_eq!(AppName::new(name).expect_err("no name").field, "app_name");
    }
}
