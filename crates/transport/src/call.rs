//! One call: which endpoint, and the exact bytes. It must not serialise anything.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use numcheck_protocol::{Info, Method};

use crate::Confirm;

/// A call to an endpoint, serialised once by the caller; every attempt sends the same bytes.
#[derive(Clone)]
#[must_use = "a call does nothing until a client sends it"]
pub struct Call {
    pub(crate) info: Info,
    pub(crate) method: Method,
    pub(crate) body: Bytes,
    pub(crate) query: Option<SecretQuery>,
    pub(crate) units: u32,
    pub(crate) confirm: Option<Arc<dyn Confirm>>,
}

impl Call {
    /// A call by the endpoint's own method, without a body, of one unit.
    pub fn new(info: &Info) -> Self {
        Self { info: *info, method: info.method, body: Bytes::new(), query: None, units: 1, confirm: None }
    }

    /// The body; its `Content-Type` is the endpoint's.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the parameters in the URL, by GET, instead of in a body.
    pub fn get(mut self, query: SecretQuery) -> Self {
        self.method = Method::Get;
        self.body = Bytes::new();
        self.query = Some(query);
        self
    }

    /// How many numbers the call carries, which decides the rate limit. Default 1.
    pub fn units(mut self, units: u32) -> Self {
        self.units = units;
        self
    }

    /// Awaits `confirm` before every attempt is signed, the repeat after a corrected clock included.
    pub fn confirm(mut self, confirm: Arc<dyn Confirm>) -> Self {
        self.confirm = Some(confirm);
        self
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("endpoint", &self.info.id)
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .field("query", &self.query)
            .field("units", &self.units)
            .field("confirm", &self.confirm)
            .finish()
    }
}

/// A query string that holds a secret: it prints as `SecretQuery(***)`, and no error or log shows it.
///
/// It is the text behind the `?`, already escaped (`application/x-www-form-urlencoded`).
#[derive(Clone)]
pub struct SecretQuery(pub(crate) String);

impl From<String> for SecretQuery {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SecretQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretQuery(***)")
    }
}
