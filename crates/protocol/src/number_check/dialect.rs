//! Which dialect a message is in. Every message reads in both; a server that writes needs to know which, and so does a client that asks what an
//! account may be sent.

/// One of the two dialects of the platform. Nothing in a request selects it; only what comes back shows it.
///
/// ```
/// use numcheck_protocol::decode;
/// use numcheck_protocol::number_check::{Dialect, SubmitReply};
///
/// let reply: SubmitReply = decode(br#"{"code":0,"data":{"requestId":"r-1"}}"#)?;
/// assert_eq!(reply.dialect(), Some(Dialect::V2));
/// # Ok::<(), numcheck_protocol::Unreadable>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// That of the project's source documents: `messageId`, nested results, numbers of one country in a request.
    V1,
    /// What the vendor documents since September 2023: `requestId`, flat results, numbers of several countries in a request.
    V2,
}

impl Dialect {
    /// What the marks of each say together; `None` without marks, and where they contradict each other.
    pub(crate) fn from_marks(first: bool, second: bool) -> Option<Self> {
        match (first, second) {
            (true, false) => Some(Self::V1),
            (false, true) => Some(Self::V2),
            _ => None,
        }
    }
}

crate::value::own_words!(Dialect, "dialect", { V1 => "v1", V2 => "v2" });
