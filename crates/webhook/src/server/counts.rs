//! What came and what became of it, as numbers for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use numcheck_signing::AuthError;

use crate::signature::BadSignature;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
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
        }

        /// The same numbers while they are counted.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Counts {
                Counts { $($name: self.$name.0.load(Ordering::Relaxed),)* }
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
    sign_missing,
    /// 401: a part of a signature's headers.
    sign_incomplete,
    /// 401: headers that nobody can sign, or that stand twice.
    sign_malformed,
    /// 401: signed for an access key that is not this receiver's.
    sign_unknown_key,
    /// 401: signed with a time that is too far off.
    sign_stale,
    /// 401: the signature is not the account's.
    sign_wrong,
    /// Pushes that held something the spec does not list: a new field, word or code, or an odd shape.
    drifted,
    /// 404: the path was no capability.
    not_found,
    /// 405: not POST.
    wrong_method,
    /// 415: a compressed body.
    compressed,
    /// 415: a body in another character set than UTF-8 and GBK.
    other_charset,
    /// 400: a content length that is no number.
    bad_length,
    /// 413: more than 64 KiB.
    too_long,
    /// 408: the body did not arrive in time.
    body_timed_out,
    /// The body ended early or was broken.
    body_broken,
    /// Connections that were accepted.
    connections,
    /// Connections closed because a head did not arrive in time, idle ones included.
    head_timed_out,
    /// Connections closed because they had shown no capability and their peer held too many such ones, or their place was needed.
    dismissed,
    /// Connections closed because what came was not HTTP, or its head was too large.
    malformed,
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
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one, and says whether it was the first.
    pub(crate) fn is_first(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) == 0
    }
}
