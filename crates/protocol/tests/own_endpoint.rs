//! An endpoint declared by hand, outside the crate and without its generator: the traits stay usable by others.

use numcheck_protocol::number_check::{Submit, SubmitCode};
use numcheck_protocol::whatsapp::CheckCode;
use numcheck_protocol::{
    Auth, BodyKind, Endpoint, Field, Info, Method, Platform, Rate, Repeat, Text, decode, encode,
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
    type Request<'a> = QueryBody<'a>;
    type Response<'a> = QueryReply<'a>;
}

#[derive(Serialize, Deserialize)]
struct QueryBody<'a> {
    page: u32,
    date: &'a str,
}

/// With the fields of this crate where they are wanted.
#[derive(Serialize, Deserialize)]
struct QueryReply<'a> {
    code: Field<SubmitCode>,
    #[serde(borrow)]
    msg: Field<Text<'a>>,
}

/// Whatever calls endpoints or serves them is generic over the trait.
fn call<E: Endpoint>(request: &E::Request<'_>, server: impl Fn(E::Request<'_>) -> Vec<u8>) -> Vec<u8> {
    assert_eq!(E::INFO.body, BodyKind::Json);
    let sent = encode(request).expect("written");
    server(decode(&sent).expect("read"))
}

#[test]
fn an_endpoint_of_ones_own_serves_both_ends() {
    let reply = call::<Query>(&QueryBody { page: 1, date: "2022-09-01" }, |request| {
        assert_eq!((request.page, request.date), (1, "2022-09-01"));
        encode(&QueryReply { code: SubmitCode::BAD_APPKEY.into(), msg: Text::new("no").into() })
            .expect("written")
    });
    assert_eq!(reply, br#"{"code":202,"msg":"no"}"#);
    let reply: <Query as Endpoint>::Response<'_> = decode(&reply).expect("read");
    assert_eq!(reply.code.get(), Some(&SubmitCode::BAD_APPKEY));
    assert_eq!(reply.msg.get().map(Text::as_str), Some("no"));
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
