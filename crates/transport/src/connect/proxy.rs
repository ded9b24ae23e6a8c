//! Which way a connection goes: straight, or through a proxy; to this machine itself always straight. No proxy's credentials are printed.

use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tower_service::Service;

use super::dial::Stream;
use super::{ConnectError, Hop};
use crate::BuildError;
use crate::base_url::BaseUrl;

/// Which proxy serves which URL. Loopback addresses are never proxied.
///
/// A proxy is a URL with `http`, `https` (TLS to the proxy itself), `socks5` or `socks5h` (the proxy looks names
/// up), with a user name and a password if need be. Platforms on https are reached through `CONNECT`, those on plain
/// http by forwarding.
///
/// ```
/// use numcheck_transport::{Client, Proxy};
///
/// let proxy = Proxy::all("http://user:password@proxy.example.org:3128").except("*.internal.example.org");
/// assert!(!format!("{proxy:?}").contains("password"));
/// let client = Client::builder("https://api2.nxcloud.com").proxy(proxy).build()?;
/// # Ok::<(), numcheck_transport::BuildError>(())
/// ```
#[derive(Clone, Default)]
pub struct Proxy {
    all: String,
    http: String,
    https: String,
    no: String,
}

impl Proxy {
    /// One proxy for everything.
    pub fn all(url: impl Into<String>) -> Self {
        Self { all: url.into(), ..Self::default() }
    }

    /// The hosts that are reached without a proxy, as in `NO_PROXY`: names (their subdomains too, with or without `*.` or `.` before them), IP
    /// addresses, networks, separated by commas; `*` is all. A name or an IPv4 address may have a port, and is meant at that port only.
    pub fn except(mut self, hosts: impl Into<String>) -> Self {
        self.no = hosts.into();
        self
    }

    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` or their lower-case forms. In a CGI program
    /// (`REQUEST_METHOD` is set) none of them, because there a request's header can set `HTTP_PROXY`.
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// [`Proxy::from_env`] with another source of variables.
    pub fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Self {
        if get("REQUEST_METHOD").is_some() {
            return Self::default();
        }
        let first = |names: [&str; 2]| {
            names.into_iter().filter_map(&get).find(|value| !value.is_empty()).unwrap_or_default()
        };
        Self {
            all: first(["ALL_PROXY", "all_proxy"]),
            http: first(["HTTP_PROXY", "http_proxy"]),
            https: first(["HTTPS_PROXY", "https_proxy"]),
            no: first(["NO_PROXY", "no_proxy"]),
        }
    }

    /// The way to `base`. An unusable proxy is an error even where it does not apply: to leave it out silently
    /// would send past it what was meant to go through it.
    pub(crate) fn route(&self, base: &BaseUrl) -> Result<Route, BuildError> {
        for url in [&self.all, &self.http, &self.https] {
            if !url.is_empty() && !is_usable(url) {
                return Err(BuildError::Proxy);
            }
        }
        if base.is_loopback() {
            return Ok(Route::Direct);
        }
        let root = base.root();
        let matcher = Matcher::builder()
            .all(self.all.as_str())
            .http(self.http.as_str())
            .https(self.https.as_str())
            .no(exceptions(&self.no, &root))
            .build();
        let Some(intercept) = matcher.intercept(&without_final_dot(&root)) else { return Ok(Route::Direct) };
        let hop = ProxyHop(intercept);
        Ok(if base.is_https() || hop.is_socks() { Route::Tunnel(hop) } else { Route::Forward(hop) })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |url: &String| if url.is_empty() { "-" } else { "***" };
        f.debug_struct("Proxy")
            .field("all", &set(&self.all))
            .field("http", &set(&self.http))
            .field("https", &set(&self.https))
            .field("except", &self.no)
            .finish()
    }
}

/// `NO_PROXY` as hyper-util's matcher reads it, which knows neither `*.` nor ports nor a dot at the end: those that are meant at another
/// port are left out.
fn exceptions(no_proxy: &str, to: &Uri) -> String {
    let port = to.port_u16().unwrap_or(if to.scheme_str() == Some("http") { 80 } else { 443 });
    let host = |entry| -> Option<&str> {
        let entry: &str = str::trim(entry);
        let entry = entry.strip_prefix("*.").unwrap_or(entry);
        let host = match entry.split_once(':') {
            // More than one colon is an IPv6 address.
            Some((host, at)) if !at.contains(':') => (at.parse() == Ok(port)).then_some(host)?,
            _ => entry,
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        (!host.is_empty()).then_some(host)
    };
    no_proxy.split(',').filter_map(host).collect::<Vec<_>>().join(",")
}

/// The same place under its name without the dot at the end, which means the same name: for a comparison of names only.
fn without_final_dot(to: &Uri) -> Uri {
    let Some(host) = to.host().and_then(|host| host.strip_suffix('.')) else { return to.clone() };
    let port = to.port().map_or(String::new(), |port| format!(":{port}"));
    let mut parts = to.clone().into_parts();
    parts.authority = format!("{host}{port}").parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| to.clone())
}

/// The way to a platform.
pub(crate) enum Route {
    /// Straight.
    Direct,
    /// A proxy that is handed plain http requests with their whole URL.
    Forward(ProxyHop),
    /// A proxy that connects through to the platform.
    Tunnel(ProxyHop),
}

impl Route {
    /// What a forwarding proxy wants to see in every request.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        match self {
            Self::Forward(ProxyHop(proxy)) => proxy.basic_auth(),
            Self::Direct | Self::Tunnel(_) => None,
        }
    }
}

/// A proxy and its credentials.
pub(crate) struct ProxyHop(Intercept);

impl ProxyHop {
    pub(crate) fn uri(&self) -> &Uri {
        self.0.uri()
    }

    fn is_socks(&self) -> bool {
        matches!(self.uri().scheme_str(), Some("socks5" | "socks5h"))
    }

    /// Connects through the proxy; `hop` reaches the proxy itself.
    pub(crate) async fn tunnel(&self, hop: Hop, to: Uri) -> Result<Stream, ConnectError> {
        let stream = if self.is_socks() {
            let local_dns = self.uri().scheme_str() == Some("socks5");
            let mut socks = SocksV5::new(self.uri().clone(), hop).local_dns(local_dns);
            if let Some((user, password)) = self.0.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            socks.call(with_port(&to)).await.map_err(|error| ConnectError::Proxy(error.into()))?
        } else {
            let mut tunnel = Tunnel::new(self.uri().clone(), hop);
            if let Some(authorization) = self.0.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            tunnel.call(to).await.map_err(|error| ConnectError::Proxy(error.into()))?
        };
        Ok(stream.into_inner())
    }
}

/// hyper-util takes a missing port for 443, whatever the scheme.
fn with_port(to: &Uri) -> Uri {
    if to.port().is_some() || to.scheme_str() == Some("https") {
        return to.clone();
    }
    let host = to.host().unwrap_or_default();
    Uri::builder()
        .scheme("http")
        .authority(format!("{host}:80"))
        .path_and_query("/")
        .build()
        .unwrap_or_else(|_| to.clone())
}

/// Whether hyper-util's matcher would take the URL rather than pass over it.
fn is_usable(url: &str) -> bool {
    let Ok(uri) = Uri::try_from(url) else { return false };
    let scheme_is_known = matches!(uri.scheme_str(), None | Some("http" | "https" | "socks5" | "socks5h"));
    scheme_is_known && uri.host().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Proxy, Route, exceptions};
    use crate::base_url::BaseUrl;

    #[test]
    fn a_dot_at_the_end_of_a_name_means_the_same_name() {
        for host in ["foo.test", "foo.test.", "api.foo.test.", "api.foo.test"] {
            for entry in
                ["foo.test", "foo.test.", ".foo.test.", "*.foo.test.", "FOO.test.:8443", "foo.test:8443"]
            {
                // As everywhere, `.foo.test` and `*.foo.test` are the name itself, too.
                let base = BaseUrl::parse(&format!("https://{host}:8443"), false).unwrap();
                let route = Proxy::all("http://proxy.test").except(entry).route(&base).unwrap();
                assert!(matches!(route, Route::Direct), "{entry} {host}");
            }
            for entry in [".", "bar.test.", "oo.test.", "foo.test.:443"] {
                let base = BaseUrl::parse(&format!("https://{host}:8443"), false).unwrap();
                let route = Proxy::all("http://proxy.test").except(entry).route(&base).unwrap();
                assert!(matches!(route, Route::Tunnel(_)), "{entry} {host}");
            }
        }
    }

    #[test]
    fn no_proxy_knows_wildcards_and_ports() {
        let to = "https://api.example.org/".parse().unwrap();
        for (entry, read) in [
            ("*.example.org", "example.org"),
            (".example.org, 10.0.0.0/8", ".example.org,10.0.0.0/8"),
            ("api.example.org:443", "api.example.org"),
            ("api.example.org:8443,b", "b"),
            ("*", "*"),
            ("::1,fe80::/10", "::1,fe80::/10"),
            ("", ""),
        ] {
            assert_eq!(exceptions(entry, &to), read, "{entry}");
        }
        let plain = "http://api.example.org/".parse().unwrap();
        assert_eq!(exceptions("api.example.org:80", &plain), "api.example.org");
    }
}
