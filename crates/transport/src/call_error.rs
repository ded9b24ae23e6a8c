//! How a call failed, as the facades report it: not sent, lost, refused, or answered with something that is no answer.
//!
//! Of a body no text of an error shows more than the first words of a page that is not the platform's: a body may hold a phone number.

use std::error::Error as StdError;
use std::fmt;

use numcheck_protocol::{
    Charged, Drift, Endpoint, Info, Refusal, Repeat, ResultCode, Unreadable, ValueError,
};

use crate::{Reply, SendError, Sent, glimpse};

/// A call to an endpoint that did not succeed.
///
/// Ask [`may_have_happened`](Self::may_have_happened) before anything else: while it is true, a call that costs money must not be
/// made again.
///
/// `Display` is one line for a person: what happened, whether it was sent, what to do. The cause is behind
/// [`source`](StdError::source).
///
/// ```
/// use numcheck_protocol::{Endpoint, number_check::Submit};
/// use numcheck_transport::http::StatusCode;
/// use numcheck_transport::{CallError, CallErrorKind, Reply};
///
/// let lost = CallError::no_answer(&Submit::INFO, Reply::new(StatusCode::BAD_GATEWAY, "<html>"), None);
/// assert!(lost.may_have_happened());
/// let wrong_path = CallError::no_answer(&Submit::INFO, Reply::new(StatusCode::NOT_FOUND, "<html>"), None);
/// assert!(!wrong_path.may_have_happened() && wrong_path.kind() == CallErrorKind::NeverReached);
/// ```
pub struct CallError(Box<Inner>);

struct Inner {
    endpoint: &'static str,
    repeat: Repeat,
    cause: Cause,
}

enum Cause {
    Value(ValueError),
    Transport(SendError),
    Refused(Refusal, Vec<Drift>, Reply),
    NoAnswer(Reply, Option<Unreadable>, Glimpse),
    Implausible(&'static str, Reply),
    AnotherNumber(Reply),
}

/// What may be shown of a reply; empty where nothing is known of the request's secrets.
type Glimpse = String;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// The request could not be built. Nothing was sent. See [`CallError::value_error`].
    Value,
    /// It did not get through, or its answer did not. See [`CallError::transport_error`].
    Transport,
    /// The platform answered with a code that is not success. See [`CallError::refusal`].
    Refused,
    /// A reply came that is no answer of this platform, such as a gateway's error page. See [`CallError::reply`].
    NoAnswer,
    /// A server on the way turned the request away before the platform's operation got it: see [`Reply::never_reached`] for the statuses
    /// that prove it. Nothing was done and nothing was charged.
    NeverReached,
    /// A reply came that can be read and cannot be true, such as a page that repeats the one before. See [`CallError::reply`].
    Implausible,
    /// A reply came that answers about another phone number than was asked: about that one nothing is known, and the other may have been paid
    /// for. [`CallError::reply`] keeps the answer.
    AnotherNumber,
}

/// For facades.
impl CallError {
    /// A request that could not be built.
    pub fn value(info: &Info, error: ValueError) -> Self {
        Self::new(info, Cause::Value(error))
    }

    /// A call that got no reply.
    pub fn transport(info: &Info, error: SendError) -> Self {
        Self::new(info, Cause::Transport(error))
    }

    /// A call that the platform refused, and what in its reply no document lists. The refusal's text must hold no secret of the request.
    pub fn refused(info: &Info, refusal: Refusal, drift: Vec<Drift>, reply: Reply) -> Self {
        Self::new(info, Cause::Refused(refusal, drift, reply))
    }

    /// A call whose reply is no answer: `unreadable`, or readable and without a code.
    pub fn no_answer(info: &Info, reply: Reply, unreadable: Option<Unreadable>) -> Self {
        Self::new(info, Cause::NoAnswer(reply, unreadable, Glimpse::new()))
    }

    /// The same, with where the reply points to and the first words of its page, but for what may hold one of `secrets`.
    pub(crate) fn no_answer_to(
        info: &Info,
        secrets: &[&str],
        reply: Reply,
        unreadable: Option<Unreadable>,
    ) -> Self {
        let glimpse = glimpse::of(&reply, secrets);
        Self::new(info, Cause::NoAnswer(reply, unreadable, glimpse))
    }

    /// A call whose reply says success and cannot be true; `what` says what is wrong with it, as a part of a sentence.
    pub fn implausible(info: &Info, what: &'static str, reply: Reply) -> Self {
        Self::new(info, Cause::Implausible(what, reply))
    }

    /// A call whose reply says success and is about another phone number than was asked.
    pub fn another_number(info: &Info, reply: Reply) -> Self {
        Self::new(info, Cause::AnotherNumber(reply))
    }

    fn new(info: &Info, cause: Cause) -> Self {
        Self(Box::new(Inner { endpoint: info.id, repeat: info.repeat, cause }))
    }
}

impl CallError {
    /// What kind of failure it was.
    pub fn kind(&self) -> CallErrorKind {
        match &self.0.cause {
            Cause::Value(_) => CallErrorKind::Value,
            Cause::Transport(_) => CallErrorKind::Transport,
            Cause::Refused(..) => CallErrorKind::Refused,
            Cause::NoAnswer(reply, ..) if reply.never_reached() => CallErrorKind::NeverReached,
            Cause::NoAnswer(..) => CallErrorKind::NoAnswer,
            Cause::Implausible(..) => CallErrorKind::Implausible,
            Cause::AnotherNumber(_) => CallErrorKind::AnotherNumber,
        }
    }

    /// Whether the platform may have done what was asked, and may have charged for it, all the same. While this is true, a call
    /// that costs money is in doubt: find out what became of it before making it again.
    ///
    /// Never of a call that only reads, which may be made again whatever happened.
    ///
    /// A refusal did nothing where its code says so; with any other code, and with one that no document lists, nobody knows.
    pub fn may_have_happened(&self) -> bool {
        match &self.0.cause {
            _ if self.0.repeat == Repeat::Safe => false,
            Cause::Value(_) => false,
            Cause::Transport(error) => error.sent() != Sent::No,
            Cause::Refused(refusal, ..) => refusal.charged() != Charged::No,
            Cause::NoAnswer(reply, ..) => !reply.never_reached(),
            Cause::Implausible(..) | Cause::AnotherNumber(_) => true,
        }
    }

    /// Whether the platform's operation got the request. [`Sent::Yes`] where a reply came, unless that reply is
    /// [`CallErrorKind::NeverReached`].
    pub fn sent(&self) -> Sent {
        match &self.0.cause {
            Cause::Value(_) => Sent::No,
            Cause::Transport(error) => error.sent(),
            Cause::NoAnswer(reply, ..) if reply.never_reached() => Sent::No,
            Cause::Refused(..) | Cause::NoAnswer(..) | Cause::Implausible(..) | Cause::AnotherNumber(_) => {
                Sent::Yes
            }
        }
    }

    /// How many attempts were made; 0 when nothing was tried.
    pub fn attempts(&self) -> u32 {
        match &self.0.cause {
            Cause::Value(_) => 0,
            Cause::Transport(error) => error.attempts(),
            Cause::Refused(.., reply)
            | Cause::NoAnswer(reply, ..)
            | Cause::Implausible(_, reply)
            | Cause::AnotherNumber(reply) => reply.attempts,
        }
    }

    /// The endpoint's id, such as `number_check.submit`.
    pub fn endpoint(&self) -> &'static str {
        self.0.endpoint
    }

    /// The platform's refusal, where it was one: its code, what that means and what to do.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.0.cause {
            Cause::Refused(refusal, ..) => Some(refusal),
            _ => None,
        }
    }

    /// What in the reply of a refusal no document lists; nothing for any other failure.
    pub fn drift(&self) -> &[Drift] {
        match &self.0.cause {
            Cause::Refused(_, drift, _) => drift,
            _ => &[],
        }
    }

    /// The code with which `E` refused. `None` for any other failure, and for a refusal by another endpoint: a code means something only
    /// with its own.
    ///
    /// ```
    /// use numcheck_protocol::number_check::{Submit, SubmitCode};
    /// use numcheck_transport::CallError;
    ///
    /// fn is_poor(error: &CallError) -> bool {
    ///     error.code::<Submit>() == Some(SubmitCode::BALANCE_TOO_LOW)
    /// }
    /// ```
    pub fn code<E: Endpoint>(&self) -> Option<E::Code> {
        self.refusal().filter(|_| self.0.endpoint == E::INFO.id).map(|refusal| E::Code::new(refusal.code()))
    }

    /// How it did not get through, where it did not.
    pub fn transport_error(&self) -> Option<&SendError> {
        match &self.0.cause {
            Cause::Transport(error) => Some(error),
            _ => None,
        }
    }

    /// Which value breaks which rule, where the request could not be built.
    pub fn value_error(&self) -> Option<ValueError> {
        match &self.0.cause {
            Cause::Value(error) => Some(*error),
            _ => None,
        }
    }

    /// Whether a complete reply came, status and body, whatever it said: only then is the failure the platform's word, or a
    /// gateway's. `false` where nothing was sent, and where the answer was lost, broke off or was too large to be read.
    pub fn has_reply(&self) -> bool {
        self.reply().is_some()
    }

    /// The reply, where one came: its body is what the platform sent, byte for byte, and may hold personal data.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.0.cause {
            Cause::Refused(.., reply)
            | Cause::NoAnswer(reply, ..)
            | Cause::Implausible(_, reply)
            | Cause::AnotherNumber(reply) => Some(reply),
            _ => None,
        }
    }
}

impl CallError {
    /// What may have come of a call without an answer that can be used, and what to do.
    fn outcome(&self, harmless: &'static str) -> (&'static str, &'static str) {
        match self.0.repeat {
            Repeat::Never => {
                ("may have been carried out", "do not send it again before you know what became of it")
            }
            Repeat::Safe => ("which does no harm", harmless),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.0.endpoint;
        match &self.0.cause {
            Cause::Value(error) => write!(f, "{endpoint}: {error}; not sent"),
            Cause::Transport(error) => error.fmt(f),
            Cause::Refused(refusal, _, reply) => {
                write!(f, "{endpoint}: attempt {}: {refusal}", reply.attempts)
            }
            Cause::Implausible(what, reply) => {
                let (outcome, advice) = self.outcome("call again; if it stays so, tell the platform");
                let (status, attempts) = (reply.status.as_u16(), reply.attempts);
                write!(
                    f,
                    "{endpoint}: HTTP {status}, but {what}; sent, {outcome} (attempt {attempts}): {advice}"
                )
            }
            Cause::AnotherNumber(reply) => {
                let (outcome, advice) = self.outcome("call again; if it stays so, tell the platform");
                let attempts = reply.attempts;
                write!(
                    f,
                    "{endpoint}: the answer is about another phone number than was asked; sent, {outcome} (attempt {attempts}): \
                     {advice}"
                )
            }
            Cause::NoAnswer(reply, _, glimpse) if reply.never_reached() => {
                let (status, attempts) = (reply.status.as_u16(), reply.attempts);
                write!(
                    f,
                    "{endpoint}: HTTP {status}{glimpse}, and not from the platform's operation; not carried out (attempt {attempts}): {}",
                    what_turned_it_away(status)
                )
            }
            Cause::NoAnswer(reply, unreadable, glimpse) => {
                let coding = reply.headers.get(http::header::CONTENT_ENCODING);
                let what = match unreadable {
                    _ if coding.is_some_and(|coding| coding != "identity") => {
                        "a compressed body, which was not asked for and cannot be read"
                    }
                    Some(_) => "a body that is no JSON object",
                    None => "a JSON object that holds no result code",
                };
                let (outcome, advice) =
                    self.outcome("check that the base URL is the platform's, call again later");
                let (status, attempts) = (reply.status.as_u16(), reply.attempts);
                write!(
                    f,
                    "{endpoint}: HTTP {status}{glimpse} with {what}; sent, {outcome} (attempt {attempts}): {advice}"
                )
            }
        }
    }
}

/// What to do about a status that proves that a request never reached the operation.
fn what_turned_it_away(status: u16) -> &'static str {
    match status {
        301..=303 | 307 | 308 => "the server redirects: give the base URL that it redirects to",
        404 | 405 | 410 => {
            "check the host and the path of the base URL, and that the account has this operation: the server has none at this path"
        }
        407 => "give the proxy's user name and password",
        413 | 414 | 431 => "send less at once: the request is too large for a server on the way",
        429 => "call again later, and at a lower rate",
        401 | 403 => {
            "check the base URL, and that the platform lets this machine's address in: a server on the way refuses it"
        }
        _ => "check the base URL and the proxy: a server on the way does not take the request",
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
            Cause::NoAnswer(_, Some(unreadable), _) => Some(unreadable),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use numcheck_protocol::number_check::Submit;
    use numcheck_protocol::{Endpoint, Repeat, ValueError};

    use super::{CallError, CallErrorKind};
    use crate::{Reply, Sent};

    fn reply(attempts: u32) -> Reply {
        Reply { attempts, ..Reply::new(StatusCode::BAD_GATEWAY, "8613800138000") }
    }

    #[test]
    fn only_what_may_not_be_repeated_is_warned_about() {
        let costly = CallError::no_answer(&Submit::INFO, reply(1), None).to_string();
        assert_eq!(
            costly,
            "number_check.submit: HTTP 502 with a JSON object that holds no result code; sent, may have been carried out \
             (attempt 1): do not send it again before you know what became of it"
        );
        let safe = CallError::no_answer(&Submit::INFO.with_repeat(Repeat::Safe), reply(3), None);
        assert_eq!(
            safe.to_string(),
            "number_check.submit: HTTP 502 with a JSON object that holds no result code; sent, which does no harm (attempt 3): \
             check that the base URL is the platform's, call again later"
        );
        assert!(!format!("{safe:?}").contains("13800138000"));
    }

    #[test]
    fn what_never_reached_the_operation_is_not_in_doubt_and_says_what_to_change() {
        for (status, advice) in [
            (302, "redirects"),
            (403, "lets this machine's address in"),
            (404, "the path of the base URL"),
            (405, "the path of the base URL"),
            (407, "the proxy's user name"),
            (413, "send less"),
            (415, "the base URL and the proxy"),
            (429, "at a lower rate"),
        ] {
            let reply = Reply::new(StatusCode::from_u16(status).unwrap(), "<html>8613800138000");
            let error = CallError::no_answer(&Submit::INFO, reply, None);
            assert_eq!((error.kind(), error.sent()), (CallErrorKind::NeverReached, Sent::No));
            assert!(!error.may_have_happened() && error.has_reply() && error.attempts() == 1);
            let text = error.to_string();
            assert!(text.contains(&format!("HTTP {status}")) && text.contains("not carried out"), "{text}");
            assert!(text.contains(advice) && !format!("{text}{error:?}").contains("13800138000"), "{text}");
        }
    }

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Result<(), CallError>>(), size_of::<usize>());
        let error = CallError::value(&Submit::INFO, ValueError::new("phone", "must be digits"));
        assert_eq!(error.to_string(), "number_check.submit: phone: must be digits; not sent");
    }
}
