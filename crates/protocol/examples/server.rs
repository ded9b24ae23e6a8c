//! The other side of the wire: a platform of your own that takes NXCLOUD's submits, in axum. `cargo run -p numcheck-protocol --example server`.
//!
//! It believes everybody: verify requests with `numcheck_signing::verify_request` before anything is read.

// The address is what it has to say.
#![allow(clippy::print_stdout)]

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use numcheck_protocol::number_check::{
    Submit, SubmitBody, SubmitCode, SubmitData, SubmitReply, SubmitRequest,
};
use numcheck_protocol::{Endpoint, Text, ValueError, decode, encode};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new().route(Submit::INFO.path, post(serve));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("POST http://{}{}", listener.local_addr()?, Submit::INFO.path);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn serve(body: Bytes) -> impl IntoResponse {
    // Every type of the crate can be written.
    ([(CONTENT_TYPE, "application/json")], encode(&answer(&body)).unwrap_or_default())
}

/// Reads a body leniently, then strictly, and answers in the platform's words.
fn answer(body: &[u8]) -> SubmitReply<'static> {
    let Ok(body) = decode::<SubmitBody<'_>>(body) else {
        return refusal(SubmitCode::BAD_PARAMETER, "not a JSON object");
    };
    match SubmitRequest::try_from(body) {
        Ok(request) => accept(&request),
        Err(ValueError { field, rule, .. }) => {
            refusal(SubmitCode::BAD_PARAMETER, &format!("{field}: {rule}"))
        }
    }
}

/// A platform checks the numbers here, and pushes a result for each.
fn accept(request: &SubmitRequest) -> SubmitReply<'static> {
    let id = format!("example-{}", request.phone.len());
    let data = SubmitData::default().with_message_id(Text::from(id).into());
    SubmitReply::default().with_code(SubmitCode::ACCEPTED.into()).with_data(data.into())
}

fn refusal(code: SubmitCode, text: &str) -> SubmitReply<'static> {
    SubmitReply::default().with_code(code.into()).with_msg(Text::from(text.to_owned()).into())
}

#[test]
fn a_submit_is_accepted_and_a_bad_one_is_told_why() {
    let good = answer(br#"{"phone":"85251234567,85251234568","appkey":"a1b2c3d4"}"#);
    assert_eq!(good.code.get(), Some(&SubmitCode::ACCEPTED));
    let id = good.data.get().and_then(|data| data.message_id.text());
    assert_eq!(id.as_deref(), Some("example-2"));
    for bad in [&br#"{"phone":"85251234567"}"#[..], br#"{"phone":"+852","appkey":"a1b2c3d4"}"#, b"?"] {
        let bad = answer(bad);
        assert_eq!(bad.code.get(), Some(&SubmitCode::BAD_PARAMETER));
        assert!(bad.msg.get().is_some());
    }
}
