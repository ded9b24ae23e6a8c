//! Where a platform is. A URL that would leak is refused: one with a user name or a query, and plain http to another machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use http::Uri;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};

use crate::BuildError;
use crate::call::SecretQuery;

/// The one spelling of a base URL, for comparing where accounts are: scheme and host in lower case, no default port, no `/` at the
/// end, the path prefix as it is; without a scheme it is https.
///
/// Two spellings that give the same text lead to the same place. Plain http is as good as https here.
///
/// ```
/// use numcheck_transport::canonical_base_url;
///
/// assert_eq!(canonical_base_url("API2.nxcloud.com:443/")?, "https://api2.nxcloud.com");
/// # Ok::<(), numcheck_transport::BuildError>(())
/// ```
///
/// # Errors
///
/// [`BuildError`], when it is no base URL; never [`BuildError::PlainHttp`].
pub fn canonical_base_url(text: &str) -> Result<String, BuildError> {
    Ok(BaseUrl::parse(text, true)?.canonical())
}

/// A checked base URL: scheme, host, port and a path prefix.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    prefix: String,
}

impl BaseUrl {
    /// Reads `https://host[:port][/prefix]`; without a scheme it is https.
    pub(crate) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, BuildError> {
        let text = text.trim();
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        // `http::Uri` cuts a fragment off silently.
        if with_scheme.contains('#') {
            return Err(BuildError::BaseUrlParts);
        }
        let parts = Uri::try_from(with_scheme).map_err(|_| BuildError::BaseUrl)?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(BuildError::BaseUrl);
        };
        if authority.as_str().contains('@') {
            return Err(BuildError::BaseUrlUser);
        }
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        if path.query().is_some() {
            return Err(BuildError::BaseUrlParts);
        }
        let base = Self { scheme, authority, prefix: path.path().trim_end_matches('/').to_owned() };
        if base.host().is_empty() || (base.scheme != Scheme::HTTP && base.scheme != Scheme::HTTPS) {
            return Err(BuildError::BaseUrl);
        }
        // `http::Uri` takes any text for a port, and then there would be none: 443, whatever was meant.
        if base.authority.as_str().len() > base.authority.host().len() && base.authority.port_u16().is_none()
        {
            return Err(BuildError::BaseUrl);
        }
        if base.scheme == Scheme::HTTP && !allow_plain_http && !base.is_loopback() {
            return Err(BuildError::PlainHttp);
        }
        Ok(base)
    }

    /// See [`canonical_base_url`].
    pub(crate) fn canonical(&self) -> String {
        let default_port = if self.is_https() { 443 } else { 80 };
        let host = match self.host().parse::<Ipv6Addr>() {
            Ok(ip) => format!("[{ip}]"),
            Err(_) => self.authority.host().to_ascii_lowercase(),
        };
        let port = self.authority.port_u16().filter(|port| *port != default_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}{}", self.scheme, self.prefix)
    }

    /// The base URL without the path of an endpoint that it ends in, and without what follows that path; `None` where it is no base URL,
    /// or does not end so. Of one that is refused as plain http, too, the https one.
    pub(crate) fn of_whole_address(text: &str, paths: &[&str], allow_plain_http: bool) -> Option<Self> {
        let without_query = text.split(['?', '#']).next().unwrap_or(text);
        let whole = Self::parse(without_query, true).ok()?;
        let mut base = paths.iter().find_map(|path| whole.without(path))?;
        let is_refused = base.scheme == Scheme::HTTP && !allow_plain_http && !base.is_loopback();
        if is_refused && base.authority.port_u16().is_none() {
            base.scheme = Scheme::HTTPS;
        }
        Some(base)
    }

    /// The URL of an endpoint below this base.
    pub(crate) fn join(&self, path: &Path, query: Option<&SecretQuery>) -> Result<Uri, Unfit> {
        let Path(path) = path;
        if self.prefix.is_empty() && query.is_none() {
            return self.url(PathAndQuery::from_maybe_shared(path.clone()).map_err(|_| Unfit)?);
        }
        let path = std::str::from_utf8(path).map_err(|_| Unfit)?;
        let mut text = format!("{}{path}", self.prefix);
        if let Some(SecretQuery(query)) = query {
            // The parser would cut a fragment off silently.
            if query.contains('#') {
                return Err(Unfit);
            }
            text.push('?');
            text.push_str(query);
        }
        self.url(PathAndQuery::try_from(text).map_err(|_| Unfit)?)
    }

    fn url(&self, path: PathAndQuery) -> Result<Uri, Unfit> {
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_err(|_| Unfit)
    }

    /// The same base without the path of an endpoint that it ends in; `None` where it does not end so.
    pub(crate) fn without(&self, path: &str) -> Option<Self> {
        let at = self.prefix.len().checked_sub(path.len())?;
        let (prefix, end) = self.prefix.split_at_checked(at)?;
        let prefix = prefix.trim_end_matches('/').to_owned();
        end.eq_ignore_ascii_case(path).then(|| Self { prefix, ..self.clone() })
    }

    /// The URL without any path, for those who decide by host.
    pub(crate) fn root(&self) -> Uri {
        self.join(&Path::documented("/"), None).unwrap_or_default()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether the host is this machine: `localhost`, `127.0.0.0/8` or `::1`.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback_host(self.host())
    }

    pub(crate) fn scheme(&self) -> &str {
        self.scheme.as_str()
    }

    /// The port, whether it was named or is the scheme's.
    pub(crate) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// The host, without the brackets of IPv6.
    pub(crate) fn host(&self) -> &str {
        without_brackets(self.authority.host())
    }
}

/// The path of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Bytes);

impl Path {
    /// As the platform documents it.
    pub(crate) fn documented(path: &'static str) -> Self {
        Self(Bytes::from_static(path.as_bytes()))
    }

    /// Another one: it begins with `/`, and holds neither a query nor what a URL does not allow.
    pub(crate) fn new(path: &str) -> Option<Self> {
        let fits = path.len() > 1 && path.starts_with('/') && !path.contains(['?', '#']);
        let fits = fits && PathAndQuery::try_from(path).is_ok_and(|read| read.as_str() == path);
        fits.then(|| Self(Bytes::copy_from_slice(path.as_bytes())))
    }
}

/// Whether the host of a URL is this machine: `localhost`, `127.0.0.0/8` or `::1`. Without a scheme it is read as https, and what is no
/// URL is not this machine.
///
/// ```
/// use numcheck_transport::is_loopback;
///
/// assert!(is_loopback("http://127.0.0.1:8080"));
/// assert!(!is_loopback("https://api2.nxcloud.com"));
/// ```
pub fn is_loopback(url: &str) -> bool {
    let url = url.trim();
    let url = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
    Uri::try_from(url)
        .is_ok_and(|url| url.host().is_some_and(|host| is_loopback_host(without_brackets(host))))
}

fn is_loopback_host(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback(),
        Ok(IpAddr::V6(ip)) => {
            ip.is_loopback() || ip.to_ipv4_mapped().as_ref().is_some_and(Ipv4Addr::is_loopback)
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

/// A query holds what a URL cannot. Says nothing more, because the query is secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the query holds characters that a URL does not allow: escape them first")
    }
}

impl std::error::Error for Unfit {}
