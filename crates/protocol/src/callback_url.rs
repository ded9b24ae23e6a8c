//! Where results are pushed. The path is a secret: it carries the capability that lets a push in.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::error::ValueError;
use crate::value::text_value;

/// An absolute `http` or `https` URL for `drUrl`: at most 2048 of the characters that RFC 3986 allows, without user name and
/// fragment. Percent-encode anything else first.
///
/// It has no `Display`: [`masked`](Self::masked) and `Debug` show scheme and host only, [`as_str`](Self::as_str) the whole URL. Serde reads and
/// writes it in full.
///
/// ```
/// use numcheck_protocol::CallbackUrl;
///
/// let url = CallbackUrl::new("https://example.org/results/7f3a")?;
/// assert_eq!(url.as_str(), "https://example.org/results/7f3a");
/// assert_eq!(url.masked(), "https://example.org/***");
/// assert!(CallbackUrl::new(&url.masked()).is_err());
/// # Ok::<(), numcheck_protocol::ValueError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackUrl(Box<str>);

impl CallbackUrl {
    /// The most characters. The platform documents no limit; this is the common one.
    pub const MAX_LEN: usize = 2048;

    /// A callback URL.
    ///
    /// # Errors
    /// When it is not of the form above, or holds `***` as a masked URL does. Nothing was sent.
    pub fn new(url: &str) -> Result<Self, ValueError> {
        let refuse = |rule| Err(ValueError::new("drUrl", rule));
        if url.contains("***") {
            return refuse("is masked: pass the full URL, not what logs show");
        }
        if url.len() > Self::MAX_LEN || !url.bytes().all(is_allowed) {
            return refuse("must be at most 2048 characters of a URL, all others percent-encoded");
        }
        if !url.split('%').skip(1).all(begins_with_hex) {
            return refuse("must have two hexadecimal digits behind every %");
        }
        let Some(rest) = strip_scheme(url) else {
            return refuse("must begin with http:// or https://");
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return refuse("must not hold a user name or password");
        }
        if url.contains('#') {
            return refuse("must not have a fragment, which never reaches a server");
        }
        if !is_authority(authority) {
            return refuse("needs a host, such as https://example.org/results");
        }
        Ok(Self(url.into()))
    }

    /// The URL in full. Whoever knows it can push results.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL as a log may show it: scheme and host, then `/***`.
    pub fn masked(&self) -> String {
        let scheme = self.0.len() - strip_scheme(&self.0).map_or(0, str::len);
        alloc::format!("{}{}/***", self.0.get(..scheme).unwrap_or_default(), self.authority())
    }

    /// Host and port, as written.
    pub fn authority(&self) -> &str {
        strip_scheme(&self.0).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default()
    }
}

fn strip_scheme(url: &str) -> Option<&str> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let (start, rest) = url.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// What RFC 3986 lets stand in a URL; parsers on the platform's side may refuse anything else.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

fn begins_with_hex(rest: &str) -> bool {
    matches!(rest.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// A host name, an IPv4 address or an IPv6 address in brackets, then perhaps a port.
fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) if address.parse::<core::net::Ipv6Addr>().is_ok() => ("v6", after),
            _ => return false,
        },
        None => match authority.find(':') {
            Some(at) => authority.split_at(at),
            None => (authority, ""),
        },
    };
    let port_fits = match port.strip_prefix(':') {
        // `parse` alone would take `+80`.
        Some(port) => {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => port.is_empty(),
    };
    port_fits && is_host(host)
}

/// Labels of 1 to 63 letters, digits, hyphens and underscores, 253 characters in all; perhaps a dot behind them.
fn is_host(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    labels.len() <= 253
        && labels.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

text_value!(CallbackUrl, "drUrl", as_str);

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallbackUrl({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::CallbackUrl;

    #[test]
    fn what_a_platform_could_push_to_is_accepted() {
        for url in [
            "http://my.callback.url/test",
            "https://example.org",
            "HTTPS://example.org/a?b=c",
            "http://127.0.0.1:8080/x",
            "http://[::1]:80/",
            "http://localhost./a%2Fb?c[]=d",
        ] {
            assert!(CallbackUrl::new(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for url in [
            "",
            "example.org/x",
            "ftp://example.org/",
            "http://",
            "http:///x",
            "http://a b/",
            "http://user:pw@host/",
            "http://host:0/",
            "http://host:99999/",
            "http://host:x/",
            "http://host:/",
            "http://host:+80/",
            "http://[::1]80/",
            "http://a..b/",
            "http://./",
            "http://host\\@other/",
            "http://host/a%2",
            "http://host/a%zz",
            "http://host/{id}",
            "http://host/\"",
            "http://host/#part",
            "http://[::1/",
            "http://[zz]/",
            "http://-a/",
            "https://例子.cn/",
            "http://h/\n",
            "https://example.org/***",
            "https://example.org/results/***?x=1",
        ] {
            assert!(CallbackUrl::new(url).is_err(), "{url}");
        }
    }

    #[test]
    fn the_path_is_not_shown() {
        let url = CallbackUrl::new("https://example.org:8443/secret?x=1").unwrap();
        assert_eq!(alloc::format!("{url:?}"), "CallbackUrl(https://example.org:8443/***)");
        assert_eq!(url.masked(), "https://example.org:8443/***");
    }
}
