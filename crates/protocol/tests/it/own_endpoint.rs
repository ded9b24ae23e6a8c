//! An endpoint declared by hand, outside the crate and without its generator: the traits stay usable by others. Its messages are read by
//! serde's own derive, so that the generated reading has something to be compared with.

use numcheck_protocol::number_check::{Submit, SubmitCode};
use numcheck_protocol::whatsapp::CheckCode;
use numcheck_protocol::{
    Auth, BodyKind, Drift, DriftKind, Endpoint, Envelope, Extra, Field, Info, Message, Method, Platform,
    Rate, Repeat, Request, ResultCode, Text, decode, encode, encode_request, number_check,
};
use serde::{Deserialize, Serialize};

/// The query endpoint of the vendor's newer pages, as somebody might add it.
enum Query {}

impl Endpoint for Query {
    const INFO: Info = Info::new(
        "number_check.query",
        Platform::Nxcloud,
        "/api/number/query",
        Auth::Signed { biz_type: "1", action: "numbercheck" },
    )
    .with_repeat(Repeat::Safe)
    .with_rates(&[Rate { up_to: None, requests: 1, per_ms: 3000 }]);
    type Code = SubmitCode;
    type Request = QueryRequest;
    type Body<'a> = QueryBody<'a>;
    type Response<'a> = QueryReply<'a>;
}

#[derive(Serialize)]
struct QueryRequest {
    page: u32,
    date: String,
}

impl Request for QueryRequest {}

#[derive(Deserialize)]
struct QueryBody<'a> {
    page: u32,
    date: &'a str,
}

/// With the fields of this crate where they are wanted.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct QueryReply<'a> {
    #[serde(skip_serializing_if = "Field::is_absent")]
    code: Field<SubmitCode>,
    #[serde(borrow, skip_serializing_if = "Field::is_absent")]
    msg: Field<Text<'a>>,
    #[serde(flatten)]
    extra: Extra,
}

impl Message for QueryReply<'_> {
    fn drift(&self, seen: &mut dyn FnMut(Drift)) {
        self.extra.iter().for_each(|(name, _)| seen(Drift::new(name, DriftKind::NewField, None)));
    }
}

impl Envelope for QueryReply<'_> {
    type Code = SubmitCode;

    fn code(&self) -> Option<SubmitCode> {
        self.code.get().copied()
    }

    fn message_text(&self) -> Option<&str> {
        self.msg.get().map(Text::as_str)
    }
}

/// Whatever calls endpoints or serves them is generic over the trait.
fn call<E: Endpoint>(request: &E::Request, server: impl for<'a> Fn(E::Body<'a>) -> Vec<u8>) -> Vec<u8> {
    let sent = encode_request::<E>(request).expect("written");
    server(decode(&sent).expect("read"))
}

fn refusal<E: Endpoint>(reply: &[u8]) -> Option<E::Code> {
    let response = decode::<E::Response<'_>>(reply).expect("read");
    response.code().filter(|code| !code.is_success())
}

#[test]
fn an_endpoint_of_ones_own_serves_both_ends() {
    let request = QueryRequest { page: 1, date: "2022-09-01".to_owned() };
    let reply = call::<Query>(&request, |body: QueryBody<'_>| {
        assert_eq!((body.page, body.date), (1, "2022-09-01"));
        let msg = Text::new("no").into();
        encode(&QueryReply { code: SubmitCode::BAD_APPKEY.into(), msg, extra: Extra::default() })
            .expect("written")
    });
    assert_eq!(reply, br#"{"code":202,"msg":"no"}"#);
    assert_eq!(refusal::<Query>(&reply), Some(SubmitCode::BAD_APPKEY));
}

#[test]
fn a_generated_message_reads_and_writes_as_one_that_serde_derives() {
    for body in [
        r#"{}"#,
        r#"{"code":211,"msg":"poor"}"#,
        r#"{"msg":"","code":"211"}"#,
        r#"{"code":null,"msg":7,"new":[1,{"a":0.10}],"code2":1}"#,
        r#"{"co\u0064e":0,"ms\u0067":"\u53f7"}"#,
        r#"{"code":0,"code":0}"#,
        r#"{"new":0,"new":0}"#,
        r#"[]"#,
        r#"7"#,
    ] {
        let own = decode::<QueryReply<'_>>(body.as_bytes()).ok();
        let generated = decode::<number_check::SubmitReply<'_>>(body.as_bytes()).ok();
        assert_eq!(own.is_some(), generated.is_some(), "{body}");
        let (Some(own), Some(generated)) = (own, generated) else { continue };
        assert_eq!(
            (&own.code, &own.msg, &own.extra),
            (&generated.code, &generated.msg, &generated.extra),
            "{body}"
        );
        assert_eq!((own.code(), own.message_text()), (generated.code(), generated.message_text()), "{body}");
        assert_eq!(encode(&own).expect("written"), encode(&generated).expect("written"), "{body}");
    }
}

#[test]
fn the_defaults_of_an_endpoint_are_the_careful_ones() {
    let info = Info::new("a.b", Platform::Qxt, "/b", Auth::ApiKey);
    assert_eq!(
        (info.method, info.body, info.repeat, info.rates),
        (Method::Post, BodyKind::Json, Repeat::Never, &[][..])
    );
    let info = info.with_method(Method::Get).with_body(BodyKind::Empty);
    assert_eq!((info.method, info.body, info.id, info.path), (Method::Get, BodyKind::Empty, "a.b", "/b"));
    assert_eq!(info.body.content_type(), None);
    assert_eq!(info.rate_for(1), None);
}

#[test]
fn the_limit_is_the_first_that_covers_as_many_numbers() {
    let per_second = |units| Submit::INFO.rate_for(units).map(|rate| (rate.requests, rate.per_ms));
    assert_eq!(per_second(1), Some((10, 1000)));
    assert_eq!(per_second(2000), Some((10, 1000)));
    assert_eq!(per_second(2001), Some((1, 1000)));
    assert_eq!(per_second(u32::MAX), Some((1, 1000)));
    assert_eq!(CheckCode::INFO.rate_for(1), None);
}

#[test]
fn what_costs_money_or_uses_up_a_guess_may_never_be_repeated() {
    for info in [Submit::INFO, CheckCode::INFO, numcheck_protocol::qxt::Privacy::INFO] {
        assert_eq!(info.repeat, Repeat::Never, "{}", info.id);
    }
}
