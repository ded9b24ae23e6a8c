//! The client and how it is made: keys, address, transport. No `Debug` shows the secret.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use numcheck_protocol::{AppKey, Endpoint, Platform, ValueError};
use numcheck_signing::{Algorithm, Secret};
use numcheck_transport::env::{Env, EnvError};
use numcheck_transport::{Call, CallError, CallOptions, Confirm, SetupError, TypedReply};

use crate::number_check::NumberCheck;
use crate::signer::SigningAccount;
use crate::whatsapp::WhatsApp;

/// A client for one NXCLOUD account. Cheap to clone; clones share connections, clock and rate limits.
///
/// ```no_run
/// use numcheck_nxcloud::Client;
/// use numcheck_nxcloud::protocol::{AppKey, PhoneList};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("access-key", "access-secret").appkey(AppKey::new("a1b2c3d4")?).build()?;
/// let numbers: PhoneList = "85251234567".parse()?;
/// let accepted = client.number_check().submit(numbers).send().await?; // costs money
/// println!("{:?}", accepted.message_id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    transport: numcheck_transport::Client,
    account: SigningAccount,
    appkey: Option<AppKey>,
}

impl Client {
    /// Where the platform is when nothing else is said. The number check document prints `http`; the WhatsApp document has the
    /// same host on `https`, so that is what is used.
    pub const BASE_URL: &'static str = Platform::Nxcloud.base_url();

    /// A client for the account with this access key and secret.
    pub fn builder(access_key: impl Into<String>, secret: impl Into<Secret>) -> ClientBuilder {
        ClientBuilder {
            access_key: access_key.into(),
            secret: secret.into(),
            appkey: None,
            algorithm: Algorithm::default(),
            transport: numcheck_transport::Client::for_platform(Platform::Nxcloud),
        }
    }

    /// The account of the environment: `NXCLOUD_ACCESS_KEY`, `NXCLOUD_ACCESS_SECRET`, `NXCLOUD_APPKEY` (optional, needed for number
    /// check), `NXCLOUD_BASE_URL` (optional). The secret and the appkey may also stand in files, named by `…_FILE`. The proxy is
    /// that of `HTTPS_PROXY` and its like.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, SetupError> {
        ClientBuilder::from_env()?.build()
    }

    /// Number check: is a phone number in use, reachable, and whose is it?
    pub fn number_check(&self) -> NumberCheck {
        NumberCheck { client: self.clone() }
    }

    /// The embedded register of WhatsApp numbers, for integrators.
    pub fn whatsapp(&self) -> WhatsApp {
        WhatsApp { client: self.clone() }
    }

    /// The same client, whose calls have headers of their own and another time limit. It shares connections, clock and rate limits with
    /// this one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use numcheck_nxcloud::transport::CallOptions;
    ///
    /// # fn example(client: &numcheck_nxcloud::Client) {
    /// let hasty = client.with_options(CallOptions::new().time_limit(Duration::from_secs(3)));
    /// let submit = hasty.number_check();
    /// # }
    /// ```
    #[must_use]
    pub fn with_options(&self, options: CallOptions) -> Self {
        let transport = self.0.transport.with_options(options);
        Self(Arc::new(Inner { transport, ..Inner::clone(&self.0) }))
    }

    /// Where the platform is, as [`canonical_base_url`](numcheck_transport::canonical_base_url) spells it.
    pub fn base_url(&self) -> String {
        self.0.transport.base_url()
    }

    /// Whether the platform is this machine itself: a sandbox or a test, where nothing is paid.
    pub fn is_loopback(&self) -> bool {
        self.0.transport.is_loopback()
    }

    pub(crate) fn appkey(&self) -> Result<&AppKey, ValueError> {
        const MISSING: ValueError = ValueError::new(
            "appkey",
            "is needed for number check: set NXCLOUD_APPKEY or ClientBuilder::appkey",
        );
        self.0.appkey.as_ref().ok_or(MISSING)
    }

    /// Calls any signed endpoint: one of [`protocol`](crate::protocol), or one that is declared elsewhere. It is repeated by itself only as
    /// far as [`Info::repeat`](numcheck_protocol::Info::repeat) allows.
    ///
    /// ```no_run
    /// use numcheck_nxcloud::protocol::whatsapp::Login;
    ///
    /// # async fn example(client: numcheck_nxcloud::Client) -> Result<(), numcheck_nxcloud::CallError> {
    /// let reply = client.call::<Login>(&()).await?;
    /// assert!(reply.get().data.get().is_some_and(|data| data.token.get().is_some()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Ask [`CallError::may_have_happened`] before calling again.
    pub async fn call<E: Endpoint>(&self, request: &E::Request) -> Result<TypedReply<E>, CallError> {
        self.call_confirmed(request, None).await
    }

    /// [`call`](Self::call), with `confirm` awaited before every attempt is signed.
    pub(crate) async fn call_confirmed<E: Endpoint>(
        &self,
        request: &E::Request,
        confirm: Option<Arc<dyn Confirm>>,
    ) -> Result<TypedReply<E>, CallError> {
        let how = |call: Call| match confirm {
            Some(confirm) => call.confirm(confirm),
            None => call,
        };
        self.0.transport.call(request, &self.0.account, how).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("transport", &self.0.transport).finish_non_exhaustive()
    }
}

/// A client in the making.
///
/// ```
/// use numcheck_nxcloud::{Algorithm, Client};
///
/// let client = Client::builder("fme2na3kdi3ki", "abciiiko2k3")
///     .base_url("http://127.0.0.1:8080")
///     .algorithm(Algorithm::Sha256)
///     .build()?;
/// assert!(client.is_loopback());
/// # Ok::<(), numcheck_nxcloud::SetupError>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    access_key: String,
    secret: Secret,
    appkey: Option<AppKey>,
    algorithm: Algorithm,
    transport: numcheck_transport::ClientBuilder,
}

impl ClientBuilder {
    /// What [`Client::from_env`] starts from, for those who want to change something.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, SetupError> {
        Self::from(Env::process())
    }

    /// [`ClientBuilder::from_env`] with another source of variables.
    ///
    /// # Errors
    /// As there.
    pub fn from_lookup(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, SetupError> {
        Self::from(Env::of(&get))
    }

    fn from(env: Env<'_>) -> Result<Self, SetupError> {
        let invalid = |name| move |error: ValueError| EnvError::value(name, error.rule);
        let access_key = env.required_text("NXCLOUD_ACCESS_KEY")?;
        check_access_key(&access_key).map_err(invalid("NXCLOUD_ACCESS_KEY"))?;
        let secret = env.required_secret("NXCLOUD_ACCESS_SECRET")?;
        let appkey = env.secret("NXCLOUD_APPKEY")?.map(|appkey| AppKey::new(&appkey)).transpose();
        let appkey = appkey.map_err(invalid("NXCLOUD_APPKEY"))?;
        let builder = Client::builder(access_key, secret);
        Ok(ClientBuilder { appkey, transport: builder.transport.env(env, "NXCLOUD_BASE_URL")?, ..builder })
    }

    /// Where the platform is, such as `https://api2.nxcloud.com`. Plain http is for loopback only.
    pub fn base_url(self, base_url: impl Into<String>) -> Self {
        self.transport(|transport| transport.base_url(base_url))
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

    /// Changes the transport: limits, retries, certificates, proxy, rate limits, metrics, clock. By default it uses no proxy, whatever the environment
    /// says, unless the builder came from the environment.
    ///
    /// ```
    /// use numcheck_nxcloud::Client;
    /// use numcheck_nxcloud::transport::{Proxy, RetryPolicy};
    ///
    /// let client = Client::builder("access-key", "secret")
    ///     .transport(|transport| transport.retry(RetryPolicy::never()).proxy(Proxy::all("http://proxy.example.org:3128")))
    ///     .build()?;
    /// # Ok::<(), numcheck_nxcloud::SetupError>(())
    /// ```
    pub fn transport(
        mut self,
        change: impl FnOnce(numcheck_transport::ClientBuilder) -> numcheck_transport::ClientBuilder,
    ) -> Self {
        self.transport = change(self.transport);
        self
    }

    /// The client. Connects to nothing yet.
    ///
    /// # Errors
    /// When the base URL, a key or the transport's settings cannot be used.
    pub fn build(self) -> Result<Client, SetupError> {
        check_access_key(&self.access_key)?;
        let secret = self.secret.expose();
        if secret.is_empty() || secret.trim() != secret {
            let rule =
                "must not be empty, and have no white space around it, such as the line break of a file";
            return Err(ValueError::new("accessSecret", rule).into());
        }
        let transport = self.transport.set_up()?;
        let Self { access_key, secret, algorithm, appkey, .. } = self;
        let account = SigningAccount { access_key, secret, algorithm };
        Ok(Client(Arc::new(Inner { transport, account, appkey })))
    }
}

/// With white space around it, or with other characters, the platform would not read what was signed.
fn check_access_key(access_key: &str) -> Result<(), ValueError> {
    const RULE: ValueError = ValueError::new("accessKey", "must be visible ASCII characters, and not empty");
    let is_visible = !access_key.is_empty() && access_key.bytes().all(|byte| byte.is_ascii_graphic());
    is_visible.then_some(()).ok_or(RULE)
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("algorithm", &self.algorithm)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
