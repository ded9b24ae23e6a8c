//! Reads a body to its end, within a length and a time. A stated length is not believed: memory grows only with what came.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::Body;
use http_body_util::BodyExt;

use crate::check::MAX_BODY_LEN;

/// Why there is no whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLong,
    TimedOut,
    Broken,
}

/// The whole body, copied so that it holds on to nothing but itself.
pub(crate) async fn read<B: Body>(body: B, limit: Duration) -> Result<Bytes, BodyError> {
    tokio::time::timeout(limit, collect(body)).await.unwrap_or(Err(BodyError::TimedOut))
}

async fn collect<B: Body>(body: B) -> Result<Bytes, BodyError> {
    let mut body = pin!(body);
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing that a push needs.
        let Ok(mut data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if whole.len() + data.remaining() > MAX_BODY_LEN {
            return Err(BodyError::TooLong);
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let length = chunk.len();
            whole.extend_from_slice(chunk);
            data.advance(length);
        }
    }
    Ok(whole.into())
}
