//! How a client is made: every switch, and every reason why it cannot be made.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use numcheck_protocol::Info;

use crate::base_url::{BaseUrl, Path};
use crate::client::{Client, Outages, Shared};
use crate::clock::{Corrected, system_ms};
use crate::connect::dial::{Dial, Tcp};
use crate::connect::proxy::{Proxy, Route};
use crate::connect::{Connector, Tls};
use crate::env::{Env, EnvError};
use crate::{BoxError, Limits, Observer, RateLimiter, RateLimits, RetryPolicy, SetupError, TimeSource};

/// Collects what a [`Client`] needs. Made by [`Client::builder`].
///
/// ```
/// use numcheck_transport::{BuildError, Client, Limits};
///
/// let client = Client::builder("http://127.0.0.1:8080").limits(Limits::default()).user_agent("shop/1.0").build()?;
/// assert!(client.is_loopback());
/// # Ok::<(), BuildError>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    base_url: String,
    /// The variable that the base URL came from, for the error.
    base_url_variable: Option<&'static str>,
    endpoints: Vec<&'static str>,
    paths: Vec<OwnPath>,
    allow_plain_http: bool,
    limits: Limits,
    retry: RetryPolicy,
    /// `None` is one of its own, for the documented limits.
    rate_limiter: Option<RateLimiter>,
    observer: Option<Arc<dyn Observer>>,
    proxy: Proxy,
    user_agent: String,
    clock: Arc<dyn TimeSource>,
    dial: Arc<dyn Dial>,
    #[cfg(feature = "tls")]
    trust: crate::Trust,
    #[cfg(feature = "tls")]
    certificate: Option<crate::ClientCertificate>,
}

impl ClientBuilder {
    pub(crate) fn new(base_url: String) -> Self {
        Self {
            base_url,
            base_url_variable: None,
            endpoints: Vec::new(),
            paths: Vec::new(),
            allow_plain_http: false,
            limits: Limits::default(),
            retry: RetryPolicy::default(),
            rate_limiter: None,
            observer: None,
            proxy: Proxy::default(),
            user_agent: concat!("numcheck/", env!("CARGO_PKG_VERSION")).to_owned(),
            clock: Arc::new(system_ms),
            dial: Arc::new(Tcp::new()),
            #[cfg(feature = "tls")]
            trust: crate::Trust::default(),
            #[cfg(feature = "tls")]
            certificate: None,
        }
    }

    /// Another platform, or another way to it: see [`Client::builder`].
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self.base_url_variable = None;
        self
    }

    /// Takes the proxy from the environment, and the base URL where the variable of this name is set.
    ///
    /// # Errors
    /// When the variable is not UTF-8.
    pub fn env(mut self, env: Env<'_>, base_url_variable: &'static str) -> Result<Self, EnvError> {
        if let Some(base_url) = env.text(base_url_variable)? {
            self.base_url = base_url;
            self.base_url_variable = Some(base_url_variable);
        }
        Ok(self.proxy(env.proxy()))
    }

    /// Sends the calls of an endpoint to another path than its [`Info::path`]: where a gateway, or the platform itself, spells it otherwise.
    /// The base URL's own path stays before it.
    ///
    /// ```
    /// use numcheck_protocol::{Endpoint, qxt::Privacy};
    /// use numcheck_transport::{BuildError, Client};
    ///
    /// let builder = Client::builder("https://ps.szqxt.com");
    /// assert!(builder.path(&Privacy::INFO, "/ssphone_privacy").build().is_ok());
    /// let builder = Client::builder("https://ps.szqxt.com");
    /// assert!(matches!(builder.path(&Privacy::INFO, "?mobile=1").build(), Err(BuildError::Path { .. })));
    /// ```
    pub fn path(mut self, info: &Info, path: impl Into<String>) -> Self {
        self.paths.retain(|own| own.endpoint != info.id);
        self.paths.push(OwnPath { endpoint: info.id, path: path.into(), variable: None });
        self
    }

    /// Takes an endpoint's [`path`](Self::path) from the environment, where the variable of this name is set.
    ///
    /// # Errors
    /// When the variable is not UTF-8.
    pub fn env_path(mut self, env: Env<'_>, variable: &'static str, info: &Info) -> Result<Self, EnvError> {
        if let Some(path) = env.text(variable)? {
            self.paths.push(OwnPath { endpoint: info.id, path, variable: Some(variable) });
        }
        Ok(self)
    }

    /// The paths of the platform's endpoints. A base URL that ends in one of them is refused: the path would be sent twice.
    pub fn endpoints(mut self, paths: impl IntoIterator<Item = &'static str>) -> Self {
        self.endpoints = paths.into_iter().collect();
        self
    }

    /// Allows plain http to other machines than this one. Then everybody on the way can read and change
    /// everything, and repeat a signed request while its time is fresh.
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// How long to wait and how much to read at most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How often a call is repeated, and after which pauses.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How many requests a second; by default what the platform documents.
    pub fn rate_limits(self, rate_limits: RateLimits) -> Self {
        self.rate_limiter(RateLimiter::new(rate_limits))
    }

    /// Keeps the limits together with all clients that are given a clone of this limiter.
    pub fn rate_limiter(mut self, limiter: RateLimiter) -> Self {
        self.rate_limiter = Some(limiter);
        self
    }

    /// Is told of every attempt, for metrics.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Goes through a proxy. By default there is none, whatever the environment says.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Goes through the proxy that the environment names, if it does: see [`Proxy::from_env`].
    pub fn proxy_from_env(self) -> Self {
        self.proxy(Proxy::from_env())
    }

    /// Trusts other certificate authorities than Mozilla's.
    #[cfg(feature = "tls")]
    pub fn trust(mut self, trust: crate::Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Shows this certificate to a platform, or a gateway before it, that asks for one. A proxy does not get to see it.
    #[cfg(feature = "tls")]
    pub fn client_certificate(mut self, certificate: crate::ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// What to call oneself. Default: `numcheck/` and the version.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Another wall clock, for signing. Durations come from tokio's clock.
    pub fn clock(mut self, clock: impl TimeSource) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Another way to open connections, below TLS and proxies: for tests in memory, and for networks that need it.
    pub fn dial(mut self, dial: impl Dial) -> Self {
        self.dial = Arc::new(dial);
        self
    }

    /// [`build`](Self::build) for a facade: a base URL that came from a [variable](Self::env) is that variable's fault.
    ///
    /// # Errors
    /// As there.
    pub fn set_up(self) -> Result<Client, SetupError> {
        use BuildError::{BaseUrl, BaseUrlEndpoint, BaseUrlParts, BaseUrlUser, PlainHttp};
        let base_url = self.base_url_variable;
        let path = self.paths.iter().find_map(|own| own.variable);
        self.build().map_err(|error| {
            let variable = match &error {
                BaseUrl | BaseUrlEndpoint { .. } | BaseUrlParts | BaseUrlUser | PlainHttp => base_url,
                BuildError::Path { .. } => path,
                _ => None,
            };
            match variable {
                Some(name) => EnvError::value(name, error.to_string()).into(),
                None => error.into(),
            }
        })
    }

    /// Makes the client. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`], which names what to change.
    pub fn build(self) -> Result<Client, BuildError> {
        let own = |own: &OwnPath| match Path::new(&own.path) {
            Some(path) => Ok((own.endpoint, path)),
            None => Err(BuildError::Path { endpoint: own.endpoint }),
        };
        let paths = self.paths.iter().map(own).collect::<Result<Vec<_>, _>>()?;
        let own = self.paths.iter().map(|own| own.path.as_str());
        let ends: Vec<&str> = self.endpoints.iter().copied().chain(own).collect();
        if let Some(base) = BaseUrl::of_whole_address(&self.base_url, &ends, self.allow_plain_http) {
            return Err(BuildError::BaseUrlEndpoint { use_instead: base.canonical() });
        }
        let base = BaseUrl::parse(&self.base_url, self.allow_plain_http)?;
        if base.is_https() && cfg!(not(feature = "tls")) {
            return Err(BuildError::NoTls);
        }
        let route = Arc::new(self.proxy.route(&base)?);
        if let Route::Forward(hop) | Route::Tunnel(hop) = &*route
            && hop.uri().scheme_str() == Some("https")
            && cfg!(not(feature = "tls"))
        {
            return Err(BuildError::NoTls);
        }
        let user_agent = HeaderValue::try_from(self.user_agent).map_err(|_| BuildError::UserAgent)?;
        #[cfg(feature = "tls")]
        let (proxy_tls, tls): (Tls, Tls) = {
            let proxy_tls = self.trust.clone().connector(None)?;
            match self.certificate {
                None => (proxy_tls.clone(), proxy_tls),
                certificate => (proxy_tls, self.trust.connector(certificate)?),
            }
        };
        #[cfg(not(feature = "tls"))]
        let (proxy_tls, tls) = (Tls, Tls);

        let limits = self.limits;
        let connector =
            Connector { dial: self.dial, route: Arc::clone(&route), proxy_tls, tls, limit: limits.connect };
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            // Without a timer, idle time-outs never fire.
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.idle)
            .pool_max_idle_per_host(limits.idle_connections)
            // The loop in `client` alone repeats: it signs anew, and it asks whether it may.
            .retry_canceled_requests(false)
            // hyper panics below its minimum.
            .http1_max_buf_size(limits.head_bytes.max(8 << 10))
            .build(connector);
        let (retry, observer, limiter) = (self.retry, self.observer, self.rate_limiter.unwrap_or_default());
        let clock = Corrected::new(self.clock);
        Ok(Client::new(Shared {
            base,
            paths,
            route,
            user_agent,
            limits,
            retry,
            http,
            clock,
            limiter,
            observer,
            outages: Outages::default(),
        }))
    }
}

/// Where the calls of an endpoint go instead of the documented path.
struct OwnPath {
    endpoint: &'static str,
    path: String,
    /// The variable that it came from, for the error.
    variable: Option<&'static str>,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The base URL has not been checked yet: it may hold a password.
        f.debug_struct("ClientBuilder")
            .field("limits", &self.limits)
            .field("retry", &self.retry)
            .field("rate_limiter", &self.rate_limiter)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// Why a client cannot be made. No text repeats what was given: it may hold a password.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// Not a URL of the form `https://host[:port][/prefix]`.
    BaseUrl,
    /// The base URL holds a user name or a password.
    BaseUrlUser,
    /// The base URL has a query or a fragment.
    BaseUrlParts,
    /// The base URL ends in the path of an endpoint, which every call adds by itself.
    #[non_exhaustive]
    BaseUrlEndpoint {
        /// The same base URL without that path.
        use_instead: String,
    },
    /// The path of an endpoint is none.
    #[non_exhaustive]
    Path {
        /// Which endpoint's: its id.
        endpoint: &'static str,
    },
    /// Plain http to another machine.
    PlainHttp,
    /// https is needed, and this build has none.
    NoTls,
    /// The proxy is not usable.
    Proxy,
    /// The certificates cannot be used.
    #[non_exhaustive]
    Certificates {
        /// What is wrong with one of them.
        source: Option<BoxError>,
    },
    /// The client's own certificate cannot be used.
    #[non_exhaustive]
    ClientCertificate {
        /// What is wrong with it.
        source: Option<BoxError>,
    },
    /// The user agent holds what a header cannot.
    UserAgent,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BaseUrl => {
                "the base URL is not of the form https://host[:port][/prefix]"
            }
            Self::BaseUrlUser => {
                "the base URL holds a user name: leave it out, credentials are given on their own"
            }
            Self::BaseUrlParts => {
                "the base URL has a query or a fragment: leave everything from `?` or `#` on out"
            }
            Self::BaseUrlEndpoint { use_instead } => return write!(f, "the base URL ends in the path of an endpoint, which is added to it: use {use_instead}"),
            Self::Path { endpoint } => {
                return write!(
                    f,
                    "the path of {endpoint} must begin with `/`, and hold neither a query nor what a URL does not allow"
                );
            }
            Self::PlainHttp => {
                "the base URL is plain http to another machine: use https, or allow plain http explicitly"
            }
            Self::NoTls => {
                "https needs the feature `tls`, which this build lacks: build with it"
            }
            Self::Proxy => {
                "the proxy is not of the form http://, https://, socks5:// or socks5h://[user:password@]host[:port]: \
         correct it, or HTTPS_PROXY, HTTP_PROXY and ALL_PROXY where it comes from the environment"
            }
            Self::Certificates { .. } => {
                "no usable certificate: give the authority's certificates in PEM"
            }
            Self::ClientCertificate { .. } => {
                "the client certificate cannot be used: give its chain, and the private key that belongs to it, in PEM"
            }
            Self::UserAgent => {
                "the user agent holds characters that a header does not allow: use ASCII without line breaks"
            }
        })
    }
}

impl StdError for BuildError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Certificates { source } | Self::ClientCertificate { source } => {
                source.as_deref().map(|source| source as _)
            }
            _ => None,
        }
    }
}
