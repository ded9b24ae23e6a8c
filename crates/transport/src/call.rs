//! One call: which endpoint, and the exact bytes, written once.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use numcheck_protocol::{Endpoint, Info, Method, Request, ValueError, encode_request};

use crate::{CallError, CallOptions, Confirm};

/// A call to an endpoint, serialised once by the caller; every attempt sends the same bytes.
///
/// ```no_run
/// use numcheck_protocol::{Endpoint, whatsapp::Login};
/// use numcheck_transport::{Call, CallError, Client, NoAuthorization};
///
/// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let call = Call::to::<Login>(&())?; // written here, and never again
/// let reply = client.send(call, &NoAuthorization).await?;
/// println!("{} from {}", reply.status, Login::INFO.id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a call does nothing until a client sends it"]
pub struct Call {
    pub(crate) info: Info,
    pub(crate) method: Method,
    pub(crate) body: Bytes,
    pub(crate) query: Option<SecretQuery>,
    pub(crate) units: u32,
    pub(crate) confirm: Option<Arc<dyn Confirm>>,
    pub(crate) options: CallOptions,
}

impl Call {
    /// A call by the endpoint's own method, without a body, of one unit.
    pub fn new(info: &Info) -> Self {
        Self {
            info: *info,
            method: info.method,
            body: Bytes::new(),
            query: None,
            units: 1,
            confirm: None,
            options: CallOptions::new(),
        }
    }

    /// The call of `E` with this request, which is written here and never again.
    ///
    /// # Errors
    /// When the request cannot be written, which none of `numcheck-protocol` is. Nothing was sent.
    pub fn to<E: Endpoint>(request: &E::Request) -> Result<Self, CallError> {
        const UNWRITABLE: ValueError = ValueError::new("body", "cannot be written");
        let body = encode_request::<E>(request).map_err(|_| CallError::value(&E::INFO, UNWRITABLE))?;
        Ok(Self::new(&E::INFO).body(body).units(request.units()))
    }

    /// The body; its `Content-Type` is the endpoint's.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the body, which is a form, as the query of a GET.
    pub fn by_get(mut self) -> Self {
        let form = std::mem::take(&mut self.body);
        self.method = Method::Get;
        self.query = Some(SecretQuery(String::from_utf8_lossy(&form).into_owned()));
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

    /// Headers and a time limit for this call; they win over those of [`Client::with_options`](crate::Client::with_options).
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
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
            .field("options", &self.options)
            .finish()
    }
}

/// The text behind the `?`, which may hold a secret: it prints as `SecretQuery(***)`, and no error or log shows it.
#[derive(Clone)]
pub(crate) struct SecretQuery(pub(crate) String);

impl fmt::Debug for SecretQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretQuery(***)")
    }
}
