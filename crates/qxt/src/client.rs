//! The client and how it is made: key, address, transport. No `Debug` shows the key. Nothing is cached: every answer is live.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use numcheck_protocol::qxt::{Mobile, Privacy, PrivacyRequest};
use numcheck_protocol::{ApiKey, Endpoint, Platform};
use numcheck_transport::env::{Env, EnvError};
use numcheck_transport::{
    Call, CallError, CallOptions, Confirm, ManyCalls, NoAuthorization, SetupError, TypedReply,
};

use crate::PrivacyResult;

/// A client for one QXT account. Cheap to clone; clones share connections.
///
/// ```no_run
/// use numcheck_qxt::Client;
/// use numcheck_qxt::protocol::{ApiKey, qxt::Mobile};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder(ApiKey::new("0123456789abcdef0123456789abcdef")?).build()?;
/// let result = client.check(Mobile::new("18819079212")?).await?; // costs money
/// println!("{:?}", result.is_privacy());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    transport: numcheck_transport::Client,
    apikey: ApiKey,
    get: bool,
}

impl Client {
    /// Where the platform is when nothing else is said.
    pub const BASE_URL: &'static str = Platform::Qxt.base_url();

    /// A client for the account with this key.
    pub fn builder(apikey: ApiKey) -> ClientBuilder {
        ClientBuilder {
            apikey,
            get: false,
            transport: numcheck_transport::Client::for_platform(Platform::Qxt),
        }
    }

    /// The account of the environment: `QXT_API_KEY` (or the file that `QXT_API_KEY_FILE` names), `QXT_BASE_URL` and `QXT_PATH`
    /// (optional). The proxy is that of `HTTPS_PROXY` and its like.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, SetupError> {
        ClientBuilder::from_env()?.build()
    }

    /// Is `mobile` a privacy number? Costs money. Dropping the future half-way leaves the query in doubt.
    ///
    /// # Errors
    /// Ask [`CallError::may_have_happened`] before asking again: a query that was lost may have been charged. An answer about another number is
    /// [`AnotherNumber`](numcheck_transport::CallErrorKind::AnotherNumber), and [`PrivacyResult::from_another_number`] reads it.
    pub fn check(
        &self,
        mobile: Mobile,
    ) -> impl Future<Output = Result<PrivacyResult, CallError>> + Send + use<> {
        self.ask(mobile, None)
    }

    /// [`check`](Self::check), with `confirm` awaited before every attempt is sent. What it refuses is not sent: that is a
    /// [`transport_error`](CallError::transport_error) of the kind [`NotConfirmed`](numcheck_transport::SendErrorKind::NotConfirmed).
    ///
    /// # Errors
    /// As there.
    pub fn check_confirmed(
        &self,
        mobile: Mobile,
        confirm: Arc<dyn Confirm>,
    ) -> impl Future<Output = Result<PrivacyResult, CallError>> + Send + use<> {
        self.ask(mobile, Some(confirm))
    }

    fn ask(
        &self,
        mobile: Mobile,
        confirm: Option<Arc<dyn Confirm>>,
    ) -> impl Future<Output = Result<PrivacyResult, CallError>> + Send + use<> {
        let client = self.clone();
        async move {
            let request = PrivacyRequest::new(client.0.apikey.clone(), mobile);
            let reply = client.call_confirmed(&request, confirm).await?;
            PrivacyResult::about(&request, reply)
        }
    }

    /// Calls any endpoint whose parameters hold the key: one of [`protocol`](crate::protocol), or one that is declared elsewhere. It is
    /// repeated by itself only as far as [`Info::repeat`](numcheck_protocol::Info::repeat) allows.
    ///
    /// # Errors
    /// Ask [`CallError::may_have_happened`] before calling again.
    pub async fn call<E: Endpoint>(&self, request: &E::Request) -> Result<TypedReply<E>, CallError> {
        self.call_confirmed(request, None).await
    }

    async fn call_confirmed<E: Endpoint>(
        &self,
        request: &E::Request,
        confirm: Option<Arc<dyn Confirm>>,
    ) -> Result<TypedReply<E>, CallError> {
        let how = |mut call: Call| {
            if self.0.get {
                call = call.by_get();
            }
            match confirm {
                Some(confirm) => call.confirm(confirm),
                None => call,
            }
        };
        self.0.transport.call(request, &NoAuthorization, how).await
    }

    /// The same client, whose calls have headers of their own and another time limit. It shares connections and rate limits with this one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use numcheck_qxt::transport::CallOptions;
    ///
    /// # fn example(client: &numcheck_qxt::Client) {
    /// let hasty = client.with_options(CallOptions::new().time_limit(Duration::from_secs(3)));
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

    /// Asks about many numbers, `at_once` (0 counts as 1) under way at a time. Costs money for each. Each answer comes as soon as it is there,
    /// and one failure does not stop the others: see [`ManyCalls`], also for how to stop without losing an answer that was paid for.
    ///
    /// ```no_run
    /// # use numcheck_qxt::protocol::qxt::Mobile;
    /// # async fn example(client: numcheck_qxt::Client, mobiles: Vec<Mobile>) {
    /// let mut answers = client.check_many(mobiles, 8);
    /// while let Some((mobile, answer)) = answers.next().await {
    ///     match answer {
    ///         Ok(answer) => println!("{}: {:?}", mobile.masked(), answer.is_privacy()),
    ///         Err(error) => eprintln!("{}: {error}", mobile.masked()),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn check_many<I: IntoIterator<Item = Mobile>>(
        &self,
        mobiles: I,
        at_once: usize,
    ) -> ManyCalls<I::IntoIter, Result<PrivacyResult, CallError>> {
        let client = self.clone();
        ManyCalls::new(mobiles.into_iter(), at_once, move |mobile| Box::pin(client.check(mobile)))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("transport", &self.0.transport)
            .field("get", &self.0.get)
            .finish_non_exhaustive()
    }
}

/// A client in the making.
///
/// ```
/// use numcheck_qxt::Client;
/// use numcheck_qxt::protocol::ApiKey;
///
/// let apikey = ApiKey::new("0123456789abcdef0123456789abcdef")?;
/// let client = Client::builder(apikey).base_url("http://127.0.0.1:8080").build()?;
/// assert_eq!(client.base_url(), "http://127.0.0.1:8080");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    apikey: ApiKey,
    get: bool,
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
        const API_KEY: &str = "QXT_API_KEY";
        let apikey = ApiKey::new(&env.required_secret(API_KEY)?);
        let apikey = apikey.map_err(|error| EnvError::value(API_KEY, error.rule))?;
        let builder = Client::builder(apikey);
        let transport = builder.transport.env(env, "QXT_BASE_URL")?;
        let transport = transport.env_path(env, "QXT_PATH", &Privacy::INFO)?;
        Ok(ClientBuilder { transport, ..builder })
    }

    /// Where the platform is, such as `https://ps.szqxt.com`. Plain http is for loopback only.
    pub fn base_url(self, base_url: impl Into<String>) -> Self {
        self.transport(|transport| transport.base_url(base_url))
    }

    /// The endpoint's path below the base URL. By default `/ssPhone_Privacy`, as the document names it; its own examples spell it
    /// `/ssphone_privacy`.
    pub fn path(self, path: impl Into<String>) -> Self {
        self.transport(|transport| transport.path(&Privacy::INFO, path))
    }

    /// Sends the parameters in the URL by GET. Then key and number stand where proxies and servers write logs, and a proxy may repeat a GET whose
    /// answer it missed, which is charged again: the document recommends POST, which is the default.
    pub fn get(mut self, get: bool) -> Self {
        self.get = get;
        self
    }

    /// Changes the transport: limits, retries, certificates, proxy, metrics. By default it uses no proxy, whatever the environment says, unless the
    /// builder came from the environment.
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
    /// When the base URL or the transport's settings cannot be used.
    pub fn build(self) -> Result<Client, SetupError> {
        let transport = self.transport.set_up()?;
        Ok(Client(Arc::new(Inner { transport, apikey: self.apikey, get: self.get })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("get", &self.get)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
