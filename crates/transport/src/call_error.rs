//! How a call failed, as the facades report it: not sent, lost, refused, or answered with something that is no answer.
//!
//! One word for the callers of every endpoint. It must not show a body: a body may hold a phone number.

use std::error::Error as StdError;
use std::fmt;

use numcheck_protocol::{Charged, Refusal, Repeat, ValueError};

use crate::{Error, Reply, Sent};

/// A call to an endpoint that did not succeed.
///
/// Ask [`sent`](Self::sent) before anything else: unless it is [`Sent::No`], a call that costs money must not be made again
/// before [`may_have_happened`](Self::may_have_happened) says no.
///
/// `Display` is one line for a person: what happened, whether it was sent, what to do. The cause is behind
/// [`source`](StdError::source).
pub struct CallError(Box<Inner>);

struct Inner {
    endpoint: &'static str,
    repeat: Repeat,
    cause: Cause,
}

enum Cause {
    Value(ValueError),
    Transport(Error),
    Refused(Refusal, Reply),
    NoAnswer(Reply),
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// The request could not be built. Nothing was sent.
    Value,
    /// It did not get through, or its answer did not. See [`CallError::sent`].
    Transport,
    /// The platform answered with a code that is not success. See [`CallError::refusal`].
    Refused,
    /// A reply came that is no answer of this platform, such as a gateway's error page. See [`CallError::reply`].
    NoAnswer,
}

impl CallError {
    /// A request that could not be built.
    pub fn value(info: &numcheck_protocol::Info, error: ValueError) -> Self {
        Self::new(info, Cause::Value(error))
    }

    /// A call that got no reply.
    pub fn transport(info: &numcheck_protocol::Info, error: Error) -> Self {
        Self::new(info, Cause::Transport(error))
    }

    /// A call that the platform refused.
    pub fn refused(info: &numcheck_protocol::Info, refusal: Refusal, reply: Reply) -> Self {
        Self::new(info, Cause::Refused(refusal, reply))
    }

    /// A call whose reply is no answer.
    pub fn no_answer(info: &numcheck_protocol::Info, reply: Reply) -> Self {
        Self::new(info, Cause::NoAnswer(reply))
    }

    fn new(info: &numcheck_protocol::Info, cause: Cause) -> Self {
        Self(Box::new(Inner { endpoint: info.id, repeat: info.repeat, cause }))
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> CallErrorKind {
        match &self.0.cause {
            Cause::Value(_) => CallErrorKind::Value,
            Cause::Transport(_) => CallErrorKind::Transport,
            Cause::Refused(..) => CallErrorKind::Refused,
            Cause::NoAnswer(_) => CallErrorKind::NoAnswer,
        }
    }

    /// Whether the request was sent.
    pub fn sent(&self) -> Sent {
        match &self.0.cause {
            Cause::Value(_) => Sent::No,
            Cause::Transport(error) => error.sent(),
            Cause::Refused(..) | Cause::NoAnswer(_) => Sent::Yes,
        }
    }

    /// Whether the platform may have done what was asked, and may have charged for it, all the same. While this is true, a call
    /// that costs money is in doubt: find out what became of it before making it again.
    pub fn may_have_happened(&self) -> bool {
        match &self.0.cause {
            Cause::Value(_) => false,
            Cause::Transport(error) => error.sent() != Sent::No,
            Cause::Refused(refusal, _) => refusal.charged() != Charged::No,
            Cause::NoAnswer(_) => true,
        }
    }

    /// The endpoint's id, such as `number_check.submit`.
    pub fn endpoint(&self) -> &'static str {
        self.0.endpoint
    }

    /// The platform's refusal, where it was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.0.cause {
            Cause::Refused(refusal, _) => Some(refusal),
            _ => None,
        }
    }

    /// The reply, where one came: its body is what the platform sent, byte for byte, and may hold personal data.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.0.cause {
            Cause::Refused(_, reply) | Cause::NoAnswer(reply) => Some(reply),
            _ => None,
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.0.endpoint;
        match &self.0.cause {
            Cause::Value(error) => write!(f, "{endpoint}: {error}; not sent"),
            Cause::Transport(error) => error.fmt(f),
            Cause::Refused(refusal, _) => write!(f, "{endpoint}: {refusal}"),
            Cause::NoAnswer(reply) => {
                write!(
                    f,
                    "{endpoint}: HTTP {} with a body that is no answer of the platform; ",
                    reply.status.as_u16()
                )?;
                f.write_str(match self.0.repeat {
                    Repeat::Never => "sent, and may have been carried out: do not send it again before you know what became of it",
                    Repeat::Safe => "sent: check the base URL, call again later",
                })
            }
        }
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("kind", &self.kind())
            .field("sent", &self.sent())
            .field("text", &self.to_string())
            .finish()
    }
}

impl StdError for CallError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            // Its text is this error's text; only what lies behind it is news.
            Cause::Transport(error) => error.source(),
            _ => None,
        }
    }
}
