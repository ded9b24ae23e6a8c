//! How a caller proves who it is, in every attempt. Signing itself lives in another crate.

use std::error::Error as StdError;

use http::HeaderMap;
use numcheck_protocol::Info;

use crate::Reply;

/// Any error, as the standard library boxes it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Proves who calls, anew in every attempt.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use numcheck_transport::{Attempt, Authorize, BoxError};
///
/// struct Bearer(String);
///
/// impl Authorize for Bearer {
///     fn authorize(&self, _: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
///         let mut headers = HeaderMap::new();
///         headers.insert("authorization", HeaderValue::try_from(format!("Bearer {}", self.0))?);
///         Ok(headers)
///     }
/// }
/// ```
pub trait Authorize: Send + Sync {
    /// The headers that prove it, for exactly these bytes at this time. They replace headers of the same name.
    ///
    /// # Errors
    ///
    /// Ends the call before anything is sent; the text must hold no secret.
    fn authorize(&self, attempt: &Attempt<'_>) -> Result<HeaderMap, BoxError>;

    /// Whether the reply says that the request was refused, and nothing done, because its time was wrong.
    ///
    /// Then the client corrects its clock by the reply's `Date` and repeats once, whatever the endpoint costs.
    /// Must be `true` for no reply to a request that may have been carried out. By default none is.
    fn refused_for_clock(&self, reply: &Reply) -> bool {
        let _ = reply;
        false
    }
}

/// What an attempt will send.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The endpoint.
    pub info: &'a Info,
    /// The corrected time: Unix time in milliseconds.
    pub now_ms: u64,
    /// The exact bytes of the body.
    pub body: &'a [u8],
    /// The number of the attempt, from 1.
    pub number: u32,
}

impl std::fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt")
            .field("endpoint", &self.info.id)
            .field("now_ms", &self.now_ms)
            .field("body_bytes", &self.body.len())
            .field("number", &self.number)
            .finish()
    }
}

/// Proves nothing: for endpoints whose parameters hold the key.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAuthorization;

impl Authorize for NoAuthorization {
    fn authorize(&self, _: &Attempt<'_>) -> Result<HeaderMap, BoxError> {
        Ok(HeaderMap::new())
    }
}
