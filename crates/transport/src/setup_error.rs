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
