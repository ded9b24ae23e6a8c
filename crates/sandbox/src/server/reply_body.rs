//! The body of an answer: whole, or cut in the middle on purpose.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// The body of an answer.
pub(crate) enum ReplyBody {
    /// All of it.
    Whole(Option<Bytes>),
    /// The first part of it, announced as more than there is; then the connection breaks.
    Cut { part: Option<Bytes>, announced: u64, waited: bool },
}

impl ReplyBody {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }

    /// The first half of the bytes.
    pub(crate) fn cut(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let part = Some(bytes.slice(..bytes.len() / 2));
        Self::Cut { announced: bytes.len() as u64, part, waited: false }
    }
}

/// The connection ends here, on purpose.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut on purpose")
    }
}

impl std::error::Error for Cut {}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Cut { part, waited, .. } => {
                if let Some(part) = part.take() {
                    return Poll::Ready(Some(Ok(Frame::data(part))));
                }
                // hyper sends what it has while a body lets it wait, and throws it away when a body fails.
                if !std::mem::replace(waited, true) {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(Cut)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Cut { announced, .. } => SizeHint::with_exact(*announced),
        }
    }
}
