//! Why a facade's client could not be made. No text repeats a value: it may be a secret.

use numcheck_protocol::ValueError;

use crate::BuildError;
use crate::env::EnvError;

/// Why a client of a platform could not be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A variable of the environment is missing or cannot be used.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// A value breaks its rule.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The transport cannot be set up: base URL, proxy, certificates.
    #[error(transparent)]
    Transport(#[from] BuildError),
}

impl SetupError {
    /// A transport that cannot be set up. A base URL that came from a variable is that variable's fault.
    pub fn transport(error: BuildError, base_url_variable: Option<&'static str>) -> Self {
        use BuildError::{BaseUrl, BaseUrlEndpoint, BaseUrlParts, BaseUrlUser, PlainHttp};
        match (base_url_variable, &error) {
            (Some(name), BaseUrl | BaseUrlEndpoint { .. } | BaseUrlParts | BaseUrlUser | PlainHttp) => {
                Self::Env(EnvError::value(name, error.to_string()))
            }
            _ => Self::Transport(error),
        }
    }
}
