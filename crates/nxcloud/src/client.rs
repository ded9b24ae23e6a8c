//! The client and how it is made: keys, address, transport.
//!
//! It holds the secret and never shows it. It reads the environment only where the name says so.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use numcheck_protocol::{AppKey, Endpoint, ValueError};
use numcheck_signing::{Algorithm, Secret};
use numcheck_transport::env::{self, EnvError};
use numcheck_transport::{Call, CallError, Reply};

use crate::number_check::NumberCheck;
use crate::signer::Signer;
use crate::whatsapp::WhatsApp;

/// A client for one NXCLOUD account. Cheap to clone; clones share connections, clock and rate limits.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    transport: numcheck_transport::Client,
    signer: Signer,
    appkey: Option<AppKey>,
}

impl Client {
    /// Where the platform is when nothing else is said. The number check document prints `http`; the WhatsApp document has the
    /// same host on `https`, so that is what is used.
    pub const BASE_URL: &'static str = "https://api2.nxcloud.com";

    /// A client for the account with this access key and secret.
    pub fn builder(access_key: impl Into<String>, secret: impl Into<Secret>) -> ClientBuilder {
        ClientBuilder {
            base_url: Self::BASE_URL.to_owned(),
            access_key: access_key.into(),
            secret: secret.into(),
            appkey: None,
            algorithm: Algorithm::default(),
            transport: Box::new(|transport| transport.proxy_from_env()),
        }
    }

    /// The account of the environment: `NXCLOUD_ACCESS_KEY`, `NXCLOUD_ACCESS_SECRET`, `NXCLOUD_APPKEY` (optional, needed for number
    /// check), `NXCLOUD_BASE_URL` (optional). The secret and the appkey may also stand in files, named by `…_FILE`.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, BuildError> {
        ClientBuilder::from_env()?.build()
    }

    /// Number check: is a phone number in use, reachable, and whose is it?
    pub fn number_check(&self) -> NumberCheck<'_> {
        NumberCheck { client: self }
    }

    /// WhatsApp verification codes, for integrators.
    pub fn whatsapp(&self) -> WhatsApp<'_> {
        WhatsApp { client: self }
    }

    /// Whether the platform is this machine itself: a sandbox or a test, where nothing is paid.
    pub fn is_loopback(&self) -> bool {
        self.0.transport.is_loopback()
    }

    pub(crate) fn appkey(&self) -> Result<&AppKey, ValueError> {
        const MISSING: ValueError =
            ValueError::new("appkey", "is needed for number check: set NXCLOUD_APPKEY or ClientBuilder::appkey");
        self.0.appkey.as_ref().ok_or(MISSING)
    }

    /// Sends a body that was written once. The reply is whatever came.
    pub(crate) async fn exchange<E: Endpoint>(&self, body: Vec<u8>, units: u32) -> Result<Reply, CallError> {
        let call = Call::new(&E::INFO).body(body).units(units);
        self.0.transport.send(call, &self.0.signer).await.map_err(|error| CallError::transport(&E::INFO, error))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("transport", &self.0.transport).finish_non_exhaustive()
    }
}

/// A client in the making.
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    base_url: String,
    access_key: String,
    secret: Secret,
    appkey: Option<AppKey>,
    algorithm: Algorithm,
    transport: Box<TransportSettings>,
}

type TransportSettings = dyn FnOnce(numcheck_transport::ClientBuilder) -> numcheck_transport::ClientBuilder + Send;

impl ClientBuilder {
    /// What [`Client::from_env`] starts from, for those who want to change something.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, BuildError> {
        let required = |name, value: Option<String>| value.ok_or_else(|| EnvError::missing(name));
        let access_key = required("NXCLOUD_ACCESS_KEY", env::text("NXCLOUD_ACCESS_KEY")?)?;
        let secret = required("NXCLOUD_ACCESS_SECRET", env::secret("NXCLOUD_ACCESS_SECRET")?)?;
        let mut builder = Client::builder(access_key, secret);
        if let Some(appkey) = env::secret("NXCLOUD_APPKEY")? {
            builder = builder.appkey(AppKey::new(&appkey).map_err(BuildError::Value)?);
        }
        if let Some(base_url) = env::text("NXCLOUD_BASE_URL")? {
            builder = builder.base_url(base_url);
        }
        Ok(builder)
    }

    /// Where the platform is, such as `https://api2.nxcloud.com`. Plain http is for loopback only.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// The application that pays for number checks.
    pub fn appkey(mut self, appkey: AppKey) -> Self {
        self.appkey = Some(appkey);
        self
    }

    /// How requests are signed. Default MD5, which every account takes; SHA-256 is in the vendor's newer pages only.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Changes the transport: limits, certificates, proxy, rate limits, clock. It starts with the environment's proxy.
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
    /// When the base URL, a key or the transport's settings cannot be used.
    pub fn build(self) -> Result<Client, BuildError> {
        let transport = (self.transport)(numcheck_transport::Client::builder(self.base_url)).build()?;
        let access_key = HeaderValue::try_from(&self.access_key).ok().filter(|key| !key.is_empty());
        let Some(access_key) = access_key else {
            return Err(BuildError::Value(ValueError::new("accessKey", "must be visible ASCII characters, and not empty")));
        };
        let signer = Signer::new(access_key, self.access_key, self.secret, self.algorithm);
        Ok(Client(Arc::new(Inner { transport, signer, appkey: self.appkey })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("algorithm", &self.algorithm).finish_non_exhaustive()
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
