//! The platform's id of a check, taken apart without relying on its form: the documents' own samples differ from their text.

use alloc::boxed::Box;
use core::fmt;

use crate::error::ValueError;
use crate::value::text_value;

/// The platform's id of a check: one character or more, none of them a control character. The documents promise at most
/// [64](Self::MAX_CHARS); a longer one is kept, because a query must name the very id that was given.
///
/// A submit's reply carries a uuid. With one number in the batch the push carries the same id; with several, that id, a hyphen
/// and a suffix of 6 digits for each number. Dashed uuids and shorter suffixes have been seen and are understood.
///
/// ```
/// use numcheck_protocol::MessageId;
///
/// let id = MessageId::new("301ef45b8de54d8aad95c5264c3756be-000017")?;
/// assert_eq!(id.batch_part(), "301ef45b8de54d8aad95c5264c3756be");
/// assert_eq!(id.suffix(), Some("000017"));
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Box<str>);

impl MessageId {
    /// The most characters that the documents promise.
    pub const MAX_CHARS: usize = 64;

    /// An id.
    ///
    /// # Errors
    /// When it is empty, or holds a control character.
    pub fn new(id: &str) -> Result<Self, ValueError> {
        if id.is_empty() {
            return Err(ValueError::new("messageId", "must not be empty"));
        }
        if id.chars().any(char::is_control) {
            return Err(ValueError::new("messageId", "must not hold control characters"));
        }
        Ok(Self(id.into()))
    }

    /// Whether it is longer than the documents promise.
    pub fn is_overlong(&self) -> bool {
        self.0.chars().count() > Self::MAX_CHARS
    }

    /// The id in full.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that all checks of a batch share: the id of the submit's reply.
    pub fn batch_part(&self) -> &str {
        split(&self.0).0
    }

    /// What tells the checks of a batch apart; `None` when the batch held one number.
    pub fn suffix(&self) -> Option<&str> {
        split(&self.0).1
    }
}

/// A uuid of 32 characters, or a dashed one of 36, then perhaps a hyphen and a suffix. Any other id is all batch part.
fn split(id: &str) -> (&str, Option<&str>) {
    for length in [32, 36] {
        if let Some((uuid, rest)) = id.split_at_checked(length)
            && let Some(suffix) = rest.strip_prefix('-')
            && !suffix.is_empty()
            && is_uuid(uuid)
        {
            return (uuid, Some(suffix));
        }
    }
    (id, None)
}

fn is_uuid(text: &str) -> bool {
    let dashed = text.len() == 36;
    text.bytes().enumerate().all(|(at, byte)| match (dashed, at) {
        (true, 8 | 13 | 18 | 23) => byte == b'-',
        _ => byte.is_ascii_alphanumeric(),
    })
}

text_value!(MessageId, "messageId", as_str);

impl AsRef<str> for MessageId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({:?})", &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn every_form_that_was_seen_is_taken_apart() {
        let plain = "301ef45b8de54d8aad95c5264c3756be";
        let dashed = "83ac9512-3c47-495d-a3c4-6d77a9f1149c";
        assert_eq!(split(plain), (plain, None));
        assert_eq!(split(dashed), (dashed, None));
        assert_eq!(split("301ef45b8de54d8aad95c5264c3756be-000017"), (plain, Some("000017")));
        assert_eq!(split("301ef45b8de54d8aad95c5264c3756be-2"), (plain, Some("2")));
        assert_eq!(split("83ac9512-3c47-495d-a3c4-6d77a9f1149c-000017"), (dashed, Some("000017")));
        assert_eq!(split("301ef45b8de54d8aad95c5264c3756be-"), ("301ef45b8de54d8aad95c5264c3756be-", None));
        assert_eq!(split("short-12"), ("short-12", None));
        assert_eq!(split("牛牛牛牛牛牛牛牛牛牛牛牛"), ("牛牛牛牛牛牛牛牛牛牛牛牛", None));
    }
}
