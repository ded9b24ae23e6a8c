//! The pushed result of one phone number, in its four forms: basic, HLR, call, failed; nested in v1, flat in v2.
//!
//! Fields are never checked against each other: the documents' own samples contradict themselves.

use alloc::borrow::Cow;

use crate::number_check::{Dialect, ResultPush};

/// ```
/// use numcheck_protocol::number_check::{CallbackCode, ResultPush};
///
/// let body = r#"{"messageId":"cc5ef7d6","code":114,"msg":"号码格式有误","batchNo":"700337042751","phone":"18617"}"#;
/// let push: ResultPush = numcheck_protocol::decode(body.as_bytes())?;
/// assert_eq!(push.code.get(), Some(&CallbackCode::BAD_NUMBER));
/// assert!(push.cost.is_absent());
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
impl ResultPush<'_> {
    /// The check's id, under whichever name it came.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.message_id.text().or_else(|| self.request_id.text())
    }

    /// Which dialect the push is in, as far as it shows.
    pub fn dialect(&self) -> Option<Dialect> {
        let ids = Dialect::from_marks(!self.message_id.is_absent(), !self.request_id.is_absent());
        ids.or_else(|| Dialect::from_marks(!self.msg.is_absent(), !self.message.is_absent()))
    }
}
