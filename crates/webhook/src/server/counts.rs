//! What came and what became of it, as numbers for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use numcheck_signing::AuthError;

use crate::signature::BadSignature;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident $(=> $hint:literal)?,)*) => {
        /// What a receiver has seen since it was made. Each number only grows.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counts {
            /// Every number with its name, such as `not_found`, for a metrics page.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }

            /// The kinds of requests and connections that are turned away for good unless somebody mends something: the name, how many came, and
            /// for a person the status, what was wrong and where to look. Not those that were answered with 503, which come again, nor
            /// connections that were closed for being idle or too many.
            pub fn turned_away(&self) -> impl Iterator<Item = (&'static str, u64, &'static str)> {
                [$($((stringify!($name), self.$name, $hint),)?)*].into_iter()
            }

            /// The hint of a kind of [`turned_away`](Self::turned_away); `None` for another name.
            pub fn hint(kind: &str) -> Option<&'static str> {
                Self::default().turned_away().find_map(|(known, _, hint)| (known == kind).then_some(hint))
            }
        }

        /// The same numbers while they are counted.
        #[derive(Debug)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Default for Counters {
            fn default() -> Self {
                Self { $($name: Counter::new(None$(.or(Some($hint)))?),)* }
            }
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Counts {
                Counts { $($name: self.$name.count.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counts! {
    /// Handlers that said the push is stored, whether or not the platform was still there to hear it.
    stored,
    /// Handlers that said it is not.
    not_stored,
    /// Handlers that panicked.
    panicked,
    /// Pushes answered with 503 because the handler took too long. It may still end as stored.
    store_timed_out,
    /// Pushes answered with 503 because too many handlers were running.
    busy,
    /// Pushes whose body names another batch than their path.
    other_batch,
    /// Pushes whose body names no batch.
    no_batch,
    /// Pushes whose body could not be read.
    unreadable,
    /// Pushes whose signature was checked and right.
    verified,
    /// 401: the push is not signed, and must be.
    sign_missing => "HTTP 401: a push is not signed, and this receiver requires it; look at whether the platform signs for this account",
    /// 401: a part of a signature's headers.
    sign_incomplete => "HTTP 401: a part of a signature's headers is missing; look at which headers the proxy passes on",
    /// 401: headers that nobody can sign, or that stand twice.
    sign_malformed => "HTTP 401: a signature's headers stand twice or are none that anybody can sign; look at what the proxy does to headers",
    /// 401: signed for an access key that is not this receiver's.
    sign_unknown_key => "HTTP 401: a push is signed for another access key; look at the account of this receiver",
    /// 401: signed with a time that is too far off.
    sign_stale => "HTTP 401: a push is signed with a time that is too far off, or in seconds where milliseconds belong; look at this machine's clock, and at who signs",
    /// 401: the signature is not the account's.
    sign_wrong => "HTTP 401: a signature does not fit; look at the account's secret, and whether a proxy changes headers or bodies",
    /// Pushes that held something the spec does not list: a new field, word or code, or an odd shape.
    drifted,
    /// 404: the path was no capability.
    not_found => "HTTP 404: the path is no callback URL of this receiver; look at the URL that the platform has, at the proxy's rules for paths, and whether this is the store that submitted",
    /// 405: not POST.
    wrong_method => "HTTP 405: the request is no POST; look at health checks, and whether the proxy redirects",
    /// 415: a compressed body.
    compressed => "HTTP 415: the body is compressed; look at the proxy, which has to send it as it is",
    /// 415: a body in another character set than UTF-8 and GBK.
    other_charset => "HTTP 415: the body is in neither UTF-8, UTF-16 nor GBK; look at the proxy, which has to send it as it is",
    /// 400: a content length that is no number.
    bad_length => "HTTP 400: the content length is no number; look at the proxy",
    /// 413: more than 64 KiB.
    too_long => "HTTP 413: the body is longer than 64 KiB, and a push has about 400 bytes; look at who calls this URL",
    /// 408: the body did not arrive in time.
    body_timed_out => "HTTP 408: the body did not arrive in time; look at the network and the proxy",
    /// 400: the body ended early or was broken.
    body_broken => "HTTP 400: the body ended early or was broken; look at the proxy and its time limits",
    /// Connections that were accepted.
    connections,
    /// Connections closed because a head did not arrive in time, idle ones included.
    head_timed_out,
    /// Connections closed because they had shown no capability and their peer held too many such ones, or their place was needed.
    dismissed,
    /// Connections closed because what came was not HTTP, or its head was too large.
    malformed => "HTTP 400: what came is not HTTP/1.1, or its head is too large; look at the proxy: it has to end TLS, and to speak HTTP/1.1 to this receiver",
    /// Connections closed because they began with the PROXY protocol.
    proxy_protocol => "HTTP 400: the connection begins with the PROXY protocol, which this receiver does not speak; switch it off at the load balancer",
    /// Times that no further connection was accepted because there were too many.
    full,
    /// Times that the system could not accept a connection.
    accept_failed,
}

impl Counters {
    pub(crate) fn of_signature(&self, bad: BadSignature) -> &Counter {
        match bad {
            BadSignature::Missing => &self.sign_missing,
            BadSignature::Refused(error) => match error {
                AuthError::MissingHeader(_) => &self.sign_incomplete,
                AuthError::UnknownAccessKey => &self.sign_unknown_key,
                AuthError::Stale(_) => &self.sign_stale,
                AuthError::BadSignature(_) => &self.sign_wrong,
                _ => &self.sign_malformed,
            },
        }
    }
}

/// One number.
#[derive(Debug)]
pub(crate) struct Counter {
    count: AtomicU64,
    /// Where to look, if something is turned away.
    hint: Option<&'static str>,
}

impl Counter {
    fn new(hint: Option<&'static str>) -> Self {
        Self { count: AtomicU64::new(0), hint }
    }

    /// Counts one; the first of what is turned away is told. It says nothing of the request: whoever sent it may not be the platform.
    pub(crate) fn add(&self) {
        if let (true, Some(hint)) = (self.is_first(), self.hint) {
            tracing::warn!(
                "a request was turned away and not stored: {hint}. Further ones like it are only counted"
            );
        }
    }

    /// Counts one, and says whether it was the first.
    pub(crate) fn is_first(&self) -> bool {
        self.count.fetch_add(1, Ordering::Relaxed) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_turned_away_has_a_hint_and_what_comes_again_has_none() {
        let counters = Counters::default();
        counters.not_found.add();
        counters.not_found.add();
        counters.busy.add();
        let counts = counters.snapshot();
        let told: Vec<_> = counts.turned_away().filter(|(_, count, _)| *count > 0).collect();
        let [("not_found", 2, hint)] = told[..] else { panic!("{told:?}") };
        assert!(hint.starts_with("HTTP 404: "), "{hint}");
        assert!(counts.turned_away().all(|(_, _, hint)| hint.starts_with("HTTP 4")));
        assert_eq!(counts.iter().find(|(name, _)| *name == "busy"), Some(("busy", 1)));
    }
}
