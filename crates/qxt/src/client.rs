//! The client and how it is made: key, address, transport.
//!
//! It holds the account's key and never shows it. It never asks twice by itself, and it never caches.

use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use numcheck_protocol::qxt::{Mobile, Privacy, PrivacyRequest};
use numcheck_protocol::{ApiKey, Endpoint, ValueError};
use numcheck_transport::env::{self, EnvError};
use numcheck_transport::{Call, CallError, NoAuthorization, SecretQuery};

use crate::Answer;

/// A client for one QXT account. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    transport: numcheck_transport::Client,
    apikey: ApiKey,
    get: bool,
}

impl Client {
    /// Where the platform is when nothing else is said.
    pub const BASE_URL: &'static str = "https://ps.szqxt.com";

    /// A client for the account with this key.
    pub fn builder(apikey: ApiKey) -> ClientBuilder {
        ClientBuilder {
            base_url: Self::BASE_URL.to_owned(),
            apikey,
            get: false,
            transport: Box::new(|transport| transport.proxy_from_env()),
        }
    }

    /// The account of the environment: `QXT_API_KEY` (or the file that `QXT_API_KEY_FILE` names), `QXT_BASE_URL` (optional).
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, BuildError> {
        ClientBuilder::from_env()?.build()
    }

    /// Is `mobile` a privacy number? Costs money.
    ///
    /// # Errors
    /// Ask [`CallError::may_have_happened`] before asking again: a query that was lost may have been charged.
    pub async fn check(&self, mobile: Mobile) -> Result<Answer, CallError> {
        let form = PrivacyRequest::new(self.0.apikey.clone(), mobile).to_form();
        let call = Call::new(&Privacy::INFO);
        let call = if self.0.get { call.get(SecretQuery::from(form)) } else { call.body(form) };
        let reply = self.0.transport.send(call, &NoAuthorization).await;
        Answer::read(reply.map_err(|error| CallError::transport(&Privacy::INFO, error))?)
    }

    /// Asks about many numbers, `at_once` (at least 1) under way at a time. Costs money for each.
    ///
    /// The answers stand in the input's order. One failure does not stop the others.
    pub async fn check_many(
        &self,
        mobiles: impl IntoIterator<Item = Mobile>,
        at_once: usize,
    ) -> Vec<Result<Answer, CallError>> {
        let queries = mobiles.into_iter().map(|mobile| self.check(mobile));
        futures_util::stream::iter(queries).buffered(at_once.max(1)).collect().await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("transport", &self.0.transport).field("get", &self.0.get).finish_non_exhaustive()
    }
}

/// A client in the making.
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    base_url: String,
    apikey: ApiKey,
    get: bool,
    transport: Box<TransportSettings>,
}

type TransportSettings = dyn FnOnce(numcheck_transport::ClientBuilder) -> numcheck_transport::ClientBuilder + Send;

impl ClientBuilder {
    /// What [`Client::from_env`] starts from, for those who want to change something.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, BuildError> {
        let apikey = env::secret("QXT_API_KEY")?.ok_or_else(|| EnvError::missing("QXT_API_KEY"))?;
        let mut builder = Client::builder(ApiKey::new(&apikey).map_err(BuildError::Value)?);
        if let Some(base_url) = env::text("QXT_BASE_URL")? {
            builder = builder.base_url(base_url);
        }
        Ok(builder)
    }

    /// Where the platform is, such as `https://ps.szqxt.com`. Plain http is for loopback only.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Sends the parameters in the URL by GET. Then key and number stand where proxies and servers write logs: the document
    /// recommends POST, which is the default.
    pub fn get(mut self, get: bool) -> Self {
        self.get = get;
        self
    }

    /// Changes the transport: limits, certificates, proxy. It starts with the environment's proxy.
    pub fn transport(
        mut self,
        change: impl FnOnce(numcheck_transport::ClientBuilder) -> numcheck_transport::ClientBuilder + Send + 'static,
    ) -> Self {
        let before = self.transport;
        self.transport = Box::new(move |transport| change(before(transport)));
        self
    }

    /// The client. Connects to nothing yet.
    ///
    /// # Errors
    /// When the base URL or the transport's settings cannot be used.
    pub fn build(self) -> Result<Client, BuildError> {
        let transport = (self.transport)(numcheck_transport::Client::builder(self.base_url)).build()?;
        Ok(Client(Arc::new(Inner { transport, apikey: self.apikey, get: self.get })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("get", &self.get).finish_non_exhaustive()
    }
}

/// Why a client could not be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A variable of the environment is missing or cannot be used.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// A value breaks its rule.
    #[error(transparent)]
    Value(ValueError),
    /// The transport cannot be set up: base URL, proxy, certificates.
    #[error(transparent)]
    Transport(#[from] numcheck_transport::BuildError),
}
