//! The receiver inside other people's servers, where the body is theirs and may do what it likes.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::support::{BODY, path, storing};
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::Full;
use numcheck_webhook::ReceiverLimits;
use tower_service::Service;

fn request<B>(path: &str, body: B) -> Request<B> {
    Request::post(path).header("Content-Type", "application/json").body(body).unwrap()
}

#[tokio::test]
async fn it_is_a_tower_service_for_any_body() {
    let (mut receiver, mut stored) = storing(ReceiverLimits::default());
    let answer =
        Service::call(&mut receiver, request(&path(), Full::new(Bytes::from_static(BODY.as_bytes()))));
    assert_eq!(answer.await.unwrap().status(), 200);
    let answer = Service::call(&mut receiver, request(&path(), BODY.to_owned()));
    assert_eq!(answer.await.unwrap().status(), 200);
    for _ in 0..2 {
        assert_eq!(stored.recv().await.unwrap().raw(), BODY);
    }
}

#[tokio::test]
async fn axum_mounts_it_beside_other_routes_and_below_a_path() {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let mut app: Router = Router::new()
        .route("/health", get(async || "fine"))
        .nest_service("/hooks", receiver.clone())
        .fallback_service(receiver);
    for (path, expected) in
        [(path(), 200), (format!("/hooks{}", path()), 200), ("/health".into(), 405), ("/other".into(), 404)]
    {
        let answer = Service::call(&mut app, request(&path, axum::body::Body::from(BODY))).await.unwrap();
        assert_eq!(answer.status(), expected);
    }
    for _ in 0..2 {
        assert_eq!(stored.recv().await.unwrap().raw(), BODY);
    }
    assert!(stored.try_recv().is_err());
}

/// A body of frames that a test chooses.
struct Frames(Vec<Result<Frame<Bytes>, &'static str>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(if self.0.is_empty() { None } else { Some(self.0.remove(0)) })
    }
}

#[tokio::test]
async fn a_body_of_odd_frames_is_put_together_or_refused() -> Result<(), Infallible> {
    let (receiver, mut stored) = storing(ReceiverLimits::default());
    let data = |text: &'static str| Ok(Frame::data(Bytes::from_static(text.as_bytes())));
    let big = || Ok(Frame::data(Bytes::from(vec![b'x'; 40_000])));
    for (frames, expected) in [
        (vec![data("{"), data(""), data("}"), Ok(Frame::trailers(http::HeaderMap::new()))], 200),
        (vec![data("{"), Err("cut")], 400),
        (vec![big(), big()], 413),
    ] {
        let answer = receiver.answer(request(&path(), Frames(frames))).await;
        assert_eq!(answer.status(), expected);
    }
    assert_eq!(stored.recv().await.unwrap().raw(), "{}");
    assert!(stored.try_recv().is_err());
    Ok(())
}
