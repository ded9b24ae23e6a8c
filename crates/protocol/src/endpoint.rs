//! What an endpoint is: one declaration that serves clients, servers, documentation and the sandbox.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

pub use crate::generated::index::Platform;
use crate::message::{Message, Unwritable, encode};
use crate::table::ResultCode;

/// An operation of a platform, declared once for both ends of the wire.
///
/// A client writes [`Request`](Self::Request) and reads [`Response`](Self::Response); a server reads [`Body`](Self::Body) and writes
/// [`Response`](Self::Response). The lenient types borrow from the bytes that they are read from. Those of this crate are generated from
/// the spec; nothing stops a crate from declaring its own.
///
/// ```
/// use numcheck_protocol::number_check::{Submit, SubmitCode};
/// use numcheck_protocol::{Endpoint, Envelope, Repeat, decode};
///
/// fn code_of<E: Endpoint>(reply: &[u8]) -> Option<E::Code> {
///     decode::<E::Response<'_>>(reply).ok()?.code()
/// }
///
/// assert_eq!((Submit::INFO.path, Submit::INFO.repeat), ("/api/number/check", Repeat::Never));
/// assert_eq!(code_of::<Submit>(br#"{"code":211}"#), Some(SubmitCode::BALANCE_TOO_LOW));
/// ```
pub trait Endpoint {
    /// What is fixed about the endpoint.
    const INFO: Info;
    /// The table of its result codes.
    type Code: ResultCode;
    /// The request as a client builds it: every value has been checked.
    type Request: Request;
    /// The request as a server reads it: any object, whatever its fields hold.
    type Body<'a>: Deserialize<'a>;
    /// The reply as either end reads or writes it: any object, whatever its fields hold.
    type Response<'a>: Envelope<Code = Self::Code> + Serialize + Deserialize<'a>;
}

/// A request as a client builds it. Write it with [`encode_request`].
///
/// ```
/// use numcheck_protocol::number_check::GetRequest;
/// use numcheck_protocol::{AppKey, Request};
///
/// let request = GetRequest::new(AppKey::new("a1b2c3d4")?, "85251234567".parse()?);
/// assert_eq!(request.to_json()?, br#"{"phone":"85251234567","appkey":"a1b2c3d4"}"#);
/// assert_eq!((request.units(), request.secrets()), (1, vec!["a1b2c3d4"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Request: Serialize {
    /// The request as a JSON body. What `Serialize` writes; a type overrides it only to write the same bytes faster.
    ///
    /// # Errors
    /// Where `Serialize` refuses.
    fn to_json(&self) -> Result<Vec<u8>, Unwritable> {
        encode(self)
    }

    /// How many phone numbers it carries, which decides the rate limit. 1 unless the type says otherwise.
    fn units(&self) -> u32 {
        1
    }

    /// The texts in it that must not be shown where the platform's reply quotes them. None unless the type says otherwise.
    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// No request body at all.
impl Request for () {}

/// What every reply has: a result code and a text, under whichever names the platform gives them. `Default` is the reply without fields.
///
/// ```
/// use numcheck_protocol::{Envelope, Text};
/// use numcheck_protocol::number_check::{SubmitCode, SubmitReply};
///
/// // A server's answer, in whichever dialect it names its fields.
/// let reply = SubmitReply::default().with_code(SubmitCode::BALANCE_TOO_LOW.into()).with_message(Text::new("top up").into());
/// assert_eq!((reply.code(), reply.message_text()), (Some(SubmitCode::BALANCE_TOO_LOW), Some("top up")));
/// ```
pub trait Envelope: Message + Default {
    /// The table of the code.
    type Code: ResultCode;

    /// The code, where there is one.
    fn code(&self) -> Option<Self::Code>;

    /// The platform's text, where there is one.
    fn message_text(&self) -> Option<&str>;
}

/// Writes a request in the endpoint's kind of body: JSON, a form, or nothing. These are the bytes to sign and to send: nothing may write
/// them a second time.
///
/// ```
/// use numcheck_protocol::qxt::{Privacy, PrivacyRequest};
/// use numcheck_protocol::{ApiKey, encode_request};
///
/// let request = PrivacyRequest::new(ApiKey::new("7c11272au708345c")?, "16717707933".parse()?);
/// assert_eq!(encode_request::<Privacy>(&request)?, b"apikey=7c11272au708345c&mobile=16717707933");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Where a foreign `Serialize` refuses, or a form would hold anything but plain values. No request of this crate does.
pub fn encode_request<E: Endpoint>(request: &E::Request) -> Result<Vec<u8>, Unwritable> {
    match E::INFO.body {
        BodyKind::Json => request.to_json(),
        BodyKind::Form => crate::form::encode(request),
        BodyKind::Empty => Ok(Vec::new()),
    }
}

/// Everything about an endpoint that no request changes. Those of this crate are generated from the spec; for an endpoint of your
/// own, begin with [`Info::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Stable name for logs and metrics, such as `number_check.submit`.
    pub id: &'static str,
    /// Whose endpoint it is.
    pub platform: Platform,
    /// The HTTP method that is recommended.
    pub method: Method,
    /// Other methods that the platform takes.
    pub also: &'static [Method],
    /// The path as the platform documents it.
    pub path: &'static str,
    /// How a caller proves who it is.
    pub auth: Auth,
    /// How the request body is written.
    pub body: BodyKind,
    /// Whether a request whose outcome is unknown may be sent again.
    pub repeat: Repeat,
    /// The platform's limits, the tightest that applies first; empty where none is documented.
    pub rates: &'static [Rate],
}

impl Info {
    /// An endpoint that takes JSON by POST and may not be repeated, without a limit: the careful defaults. Everything else is set
    /// with the `with_` functions.
    ///
    /// ```
    /// use numcheck_protocol::{Auth, Info, Platform, Rate, Repeat};
    ///
    /// const QUERY: Info = Info::new(
    ///     "number_check.query",
    ///     Platform::Nxcloud,
    ///     "/api/number/query",
    ///     Auth::Signed { biz_type: "1", action: "numbercheck" },
    /// )
    /// .with_repeat(Repeat::Safe)
    /// .with_rates(&[Rate { up_to: None, requests: 1, per_ms: 3000 }]);
    /// assert_eq!(QUERY.rate_for(1).map(|rate| rate.per_ms), Some(3000));
    /// ```
    pub const fn new(id: &'static str, platform: Platform, path: &'static str, auth: Auth) -> Self {
        let (method, body, repeat, rates): (_, _, _, &[Rate]) =
            (Method::Post, BodyKind::Json, Repeat::Never, &[]);
        Self { id, platform, method, also: &[], path, auth, body, repeat, rates }
    }

    /// The same endpoint with another method.
    pub const fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// The same endpoint with another kind of body.
    pub const fn with_body(self, body: BodyKind) -> Self {
        Self { body, ..self }
    }

    /// The same endpoint with another word on repeating. [`Repeat::Safe`] only for what neither costs, nor sends, nor uses up anything.
    pub const fn with_repeat(self, repeat: Repeat) -> Self {
        Self { repeat, ..self }
    }

    /// The same endpoint with limits, the tightest that applies first.
    pub const fn with_rates(self, rates: &'static [Rate]) -> Self {
        Self { rates, ..self }
    }

    /// The limit for a request that carries `units` numbers: the first one that covers as many.
    pub fn rate_for(&self, units: u32) -> Option<Rate> {
        self.rates.iter().copied().find(|rate| rate.up_to.is_none_or(|most| units <= most))
    }
}

/// The HTTP methods that the platforms document. Closed: HTTP will not surprise us here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET, parameters in the query.
    Get,
    /// POST, parameters in the body.
    Post,
}

/// How a caller proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Auth {
    /// The five headers of NXCLOUD's calling convention, with these two fixed.
    Signed {
        /// The `bizType` header.
        biz_type: &'static str,
        /// The `action` header.
        action: &'static str,
    },
    /// A key among the parameters.
    ApiKey,
}

/// How a request body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyKind {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// None at all, which is signed without a body part.
    Empty,
}

impl BodyKind {
    /// The `Content-Type` of such a body, where there is one.
    pub fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("application/json"),
            Self::Form => Some("application/x-www-form-urlencoded"),
            Self::Empty => None,
        }
    }
}

/// Whether a request may be sent again when nobody knows what became of the first. Closed: there is no third answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// It costs money, uses up a guess or sends a message: never, unless the first surely did not leave.
    Never,
    /// It only reads: as often as the limits allow.
    Safe,
}

/// At most `requests` in every `per_ms` milliseconds, for requests of at most `up_to` numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// The largest request, in numbers, that this limit is for; `None` is any.
    pub up_to: Option<u32>,
    /// How many requests.
    pub requests: u32,
    /// In how many milliseconds.
    pub per_ms: u32,
}

/// Everything about a push (webhook) that no message changes. Generated from the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushInfo {
    /// Stable name for logs and metrics, such as `number_check.result`.
    pub id: &'static str,
    /// Who pushes.
    pub platform: Platform,
    /// When it usually comes: from and to, in seconds after the request that it answers.
    pub usual_s: (u32, u32),
    /// The one HTTP status that the platform takes for an acceptance. Answer it only once the push is durably stored.
    pub accepted_status: u16,
    /// After how many seconds the platform comes back when it was answered otherwise.
    pub retry_every_s: u32,
    /// After how many seconds the platform gives up.
    pub retry_for_s: u32,
}
