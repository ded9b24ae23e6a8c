//! Where the results of a batch go, and whether they may.
//!
//! It judges the URL alone and resolves nothing: names are judged once more when a connection is opened.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::Uri;
use numcheck_protocol::CallbackUrl;

use crate::settings::PushPolicy;

/// Where the results of a batch go. `Debug` shows no path: it may hold the receiver's secret.
#[derive(Clone)]
pub(crate) enum Destination {
    /// Nowhere: the results are checked, charged, and not pushed.
    Nowhere,
    /// To a receiver.
    To {
        /// Host and port.
        authority: Arc<str>,
        /// Path and query.
        path: Box<str>,
    },
}

impl Destination {
    /// The destination behind a URL.
    ///
    /// # Errors
    /// Why nothing is pushed there.
    pub(crate) fn of(url: &CallbackUrl, policy: PushPolicy) -> Result<Self, &'static str> {
        let uri: Uri = url.as_str().parse().map_err(|_| "drUrl is no URL that can be connected to")?;
        if uri.scheme_str() != Some("http") {
            return Err("the sandbox pushes over plain http only");
        }
        let host = uri.host().unwrap_or_default();
        if policy == PushPolicy::Loopback && !is_loopback(host) {
            return Err(
                "drUrl is not on this machine, and the sandbox pushes to loopback addresses only unless told otherwise",
            );
        }
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self::To { authority: authority.into(), path: path.into() })
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("Nowhere"),
            Self::To { authority, .. } => write!(f, "To({authority}/***)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use numcheck_protocol::CallbackUrl;

    use super::Destination;
    use crate::settings::PushPolicy;

    fn shown(url: &str, policy: PushPolicy) -> Option<String> {
        Destination::of(&CallbackUrl::new(url).unwrap(), policy).ok().map(|to| format!("{to:?}"))
    }

    #[test]
    fn by_default_only_this_machine_is_pushed_to() {
        for url in [
            "http://127.0.0.1:8080/x",
            "http://127.9.9.9/",
            "http://localhost/x",
            "http://LocalHost:1/",
            "http://[::1]:5/x?y=z",
        ] {
            assert!(shown(url, PushPolicy::Loopback).is_some(), "{url}");
        }
        for url in [
            "http://example.org/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "http://127.0.0.1.example.org/",
            "http://localhost.example.org/",
            "http://[::]/",
            "http://[::2]/",
            "http://169.254.169.254/",
        ] {
            assert!(shown(url, PushPolicy::Loopback).is_none(), "{url}");
        }
    }

    #[test]
    fn the_switch_opens_the_rest_but_never_https() {
        assert_eq!(
            shown("http://example.org/s3cret", PushPolicy::Anywhere).as_deref(),
            Some("To(example.org:80/***)")
        );
        assert_eq!(shown("https://127.0.0.1/x", PushPolicy::Anywhere), None);
    }
}
