//! A push as it is handed over: the bytes as they came, the batch that the path proves, and how the two agree.

use std::fmt;
use std::sync::OnceLock;
use std::time::SystemTime;

use bytes::Bytes;
use numcheck_protocol::number_check::ResultPush;
use numcheck_protocol::{BatchNo, Field, Unreadable, decode, mend};

use crate::check::Admitted;
use crate::signature::Verdict;

/// One pushed result. The bytes are exact, so what is stored can be read again by a later version that knows more.
///
/// The same result may come many times: the platform repeats it every minute until it sees a 200, so storing it must be
/// idempotent. The message id is the key for that, together with the phone number and the batch.
///
/// ```
/// use std::time::SystemTime;
/// use numcheck_protocol::{BatchNo, number_check::CallbackCode};
/// use numcheck_webhook::{Correlation, Push};
///
/// let body = r#"{"messageId":"cc5ef7d6","code":114,"msg":"号码格式有误","batchNo":"20220901","phone":"18617"}"#;
/// let push = Push::new(BatchNo::new("20220901")?, body, SystemTime::UNIX_EPOCH);
/// let reading = push.read();
/// assert_eq!(reading.correlation(), Correlation::Matches);
/// assert_eq!(reading.result().and_then(|result| result.code.get()), Some(&CallbackCode::BAD_NUMBER));
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
#[derive(Clone)]
pub struct Push {
    batch: Option<BatchNo>,
    proven: bool,
    raw: Bytes,
    /// The body as it can be read, where it was read and [`mend`] had to help.
    mended: OnceLock<Option<Vec<u8>>>,
    received_at: SystemTime,
    verified: bool,
}

impl Push {
    /// A push from its parts, not verified, into the batch of its capability.
    pub fn new(batch: BatchNo, raw: impl Into<Bytes>, received_at: SystemTime) -> Self {
        Self::admitted(Admitted::Batch(batch), raw, received_at)
    }

    /// A push from its parts, not verified; `admitted` is what [`Gate::check`](crate::Gate::check) returned. The body of one to the fixed URL is
    /// read here for its batch.
    pub fn admitted(admitted: Admitted, raw: impl Into<Bytes>, received_at: SystemTime) -> Self {
        let (batch, proven) = match admitted {
            Admitted::Batch(batch) => (Some(batch), true),
            Admitted::Any => (None, false),
        };
        let mut push =
            Self { batch, proven, raw: raw.into(), mended: OnceLock::new(), received_at, verified: false };
        if !proven {
            let named = |result: ResultPush<'_>| BatchNo::new(&result.batch_no.text()?).ok();
            push.batch = push.result().ok().and_then(named);
        }
        push
    }

    /// The same with what [`Gate::verify`](crate::Gate::verify) returned.
    #[must_use]
    pub fn with_verdict(self, verdict: Verdict) -> Self {
        Self { verified: verdict == Verdict::Verified, ..self }
    }

    /// Whether the account's own signature fits the body. A push that is not verified came to the right path all the same.
    pub fn verified(&self) -> bool {
        self.verified
    }

    /// The batch that it is for: the one whose capability the path was, whatever the body says. Of a push to the fixed URL the one that the body
    /// names; `None` where it names none: keep such a push for a person.
    pub fn batch(&self) -> Option<&BatchNo> {
        self.batch.as_ref()
    }

    /// Whether the path proves the batch. A push to the fixed URL names its batch itself: whoever knows that URL may name any.
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// The body, byte for byte. It holds a phone number: not for logs.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// When the body had been read, by the receiver's clock.
    pub fn received_at(&self) -> SystemTime {
        self.received_at
    }

    fn result(&self) -> Result<ResultPush<'_>, Unreadable> {
        decode(&self.raw).or_else(|fault| {
            let mended = self.mended.get_or_init(|| mend(&self.raw));
            mended.as_deref().and_then(|mended| decode(mended).ok()).ok_or(fault)
        })
    }

    /// Reads the body, as [`mend`] makes it where it cannot be read otherwise, in GBK for one; texts borrow from it. It is read anew each time, so
    /// keep what this returns.
    pub fn read(&self) -> Reading<'_> {
        let result = match self.result() {
            Ok(result) => result,
            Err(fault) => return Reading::Unreadable(fault),
        };
        match result.batch_no.text() {
            Some(named) if self.batch.as_ref().is_some_and(|batch| named == batch.as_str()) => {
                Reading::Matches(result)
            }
            Some(_) => Reading::OtherBatch(result),
            None if matches!(result.batch_no, Field::Odd(_)) => Reading::OtherBatch(result),
            None => Reading::NoBatch(result),
        }
    }
}

/// Whether one was read before does not count.
impl PartialEq for Push {
    fn eq(&self, other: &Self) -> bool {
        let Self { batch, proven, raw, mended: _, received_at, verified } = self;
        (batch, raw) == (&other.batch, &other.raw)
            && (proven, received_at, verified) == (&other.proven, &other.received_at, &other.verified)
    }
}

impl Eq for Push {}

/// Shows the batch and the length, never the content.
impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch, proven, raw, mended: _, received_at, verified } = self;
        f.debug_struct("Push")
            .field("batch", batch)
            .field("proven", proven)
            .field("bytes", &raw.len())
            .field("received_at", received_at)
            .field("verified", verified)
            .finish()
    }
}

/// What a push says, and whether that fits the batch of its path. Closed on purpose: these are all the ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// The body names the batch of the path.
    Matches(ResultPush<'a>),
    /// The body names another batch, or something that is no batch number. A mix-up of the platform, or somebody who was told
    /// the URL: keep it, and let a person look.
    OtherBatch(ResultPush<'a>),
    /// The body names no batch. The path is all there is to go by.
    NoBatch(ResultPush<'a>),
    /// The body is no JSON object, in UTF-8, UTF-16 or GB18030. Keep the bytes.
    Unreadable(Unreadable),
}

impl<'a> Reading<'a> {
    /// The result, where there is one to read.
    pub fn result(&self) -> Option<&ResultPush<'a>> {
        match self {
            Self::Matches(result) | Self::OtherBatch(result) | Self::NoBatch(result) => Some(result),
            Self::Unreadable(_) => None,
        }
    }

    /// The same as a word, for a column or a metric.
    pub fn correlation(&self) -> Correlation {
        match self {
            Self::Matches(_) => Correlation::Matches,
            Self::OtherBatch(_) => Correlation::OtherBatch,
            Self::NoBatch(_) => Correlation::NoBatch,
            Self::Unreadable(_) => Correlation::Unreadable,
        }
    }
}

/// How the body of a push fits the batch of its path. Closed on purpose: these are all the ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Correlation {
    /// The body names the batch of the path.
    Matches,
    /// The body names another batch.
    OtherBatch,
    /// The body names no batch.
    NoBatch,
    /// The body could not be read.
    Unreadable,
}

impl Correlation {
    /// The word for it: `matches`, `other_batch`, `no_batch`, `unreadable`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::OtherBatch => "other_batch",
            Self::NoBatch => "no_batch",
            Self::Unreadable => "unreadable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push(body: impl Into<Bytes>) -> Push {
        Push::new(BatchNo::new("700337042751").unwrap(), body, SystemTime::UNIX_EPOCH)
    }

    fn correlation(body: &'static str) -> Correlation {
        push(body).read().correlation()
    }

    #[test]
    fn the_body_is_held_against_the_batch_of_the_path() {
        assert_eq!(correlation(r#"{"batchNo":"700337042751","code":0}"#), Correlation::Matches);
        assert_eq!(correlation(r#"{"batchNo":700337042751}"#), Correlation::Matches);
        for other in [r#"{"batchNo":"1"}"#, r#"{"batchNo":["700337042751"]}"#, r#"{"batchNo":true}"#] {
            assert_eq!(correlation(other), Correlation::OtherBatch, "{other}");
        }
        for none in ["{}", r#"{"batchNo":""}"#, r#"{"batchNo":null}"#, r#"{"BATCHNO":"700337042751"}"#] {
            assert_eq!(correlation(none), Correlation::NoBatch, "{none}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_handed_over_as_such() {
        for body in [
            &b""[..],
            b"hello",
            b"[]",
            b"null",
            b"{\"code\":0",
            b"\x1f\x8b\x08\x00",
            b"<html></html>",
            b"{}{}",
        ] {
            let push = push(body);
            assert_eq!(push.read().correlation(), Correlation::Unreadable, "{body:?}");
            assert!(push.read().result().is_none());
            assert_eq!(push.raw(), body);
        }
    }

    #[test]
    fn a_body_in_gbk_is_read_and_kept_as_it_came() {
        let body = b"{\"batchNo\":\"700337042751\",\"msg\":\"\xb3\xc9\xb9\xa6\"}";
        let push = push(&body[..]);
        let reading = push.read();
        assert_eq!(reading.correlation(), Correlation::Matches);
        assert_eq!(reading.result().and_then(|result| result.msg.text()).as_deref(), Some("成功"));
        assert_eq!(push.raw(), &body[..]);
        assert_eq!(push, self::push(&body[..]), "though one was read");
        let to_fixed = Push::admitted(Admitted::Any, &body[..], SystemTime::UNIX_EPOCH);
        assert_eq!(to_fixed.batch().map(BatchNo::as_str), Some("700337042751"));
    }

    #[test]
    fn the_content_is_not_shown() {
        let push = push(r#"{"phone":"85212345678","messageId":"secret"}"#);
        let shown = format!("{push:?}");
        assert!(!shown.contains("85212345678") && !shown.contains("secret"), "{shown}");
        assert!(!format!("{:?}", push.read()).contains("85212345678"));
    }

    #[test]
    fn texts_are_borrowed_from_the_body() {
        let push = push(r#"{"messageId":"83ac9512-3c47"}"#);
        let reading = push.read();
        let id = reading.result().and_then(|result| result.message_id.get()).unwrap().as_str();
        assert!(push.raw().as_ptr_range().contains(&id.as_ptr()));
    }

    proptest! {
        #[test]
        fn no_body_is_too_odd_to_be_read_or_kept(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let push = push(body.clone());
            prop_assert_eq!(push.raw().as_ref(), body.as_slice());
            prop_assert_eq!(push.read().result().is_none(), push.read().correlation() == Correlation::Unreadable);
        }

        #[test]
        fn only_its_own_batch_matches(named in "\\PC{1,64}", own in "\\PC{1,64}") {
            let body = serde_json::json!({"batchNo": named, "code": 0}).to_string();
            let push = Push::new(BatchNo::new(&own).unwrap(), body, SystemTime::UNIX_EPOCH);
            let expected = if named == own { Correlation::Matches } else { Correlation::OtherBatch };
            prop_assert_eq!(push.read().correlation(), expected);
        }
    }
}
