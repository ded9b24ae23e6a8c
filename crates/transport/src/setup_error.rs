//! Why a facade's client could not be made. No text repeats a value: it may be a secret.

use std::error::Error as StdError;
use std::fmt;

use numcheck_protocol::ValueError;

use crate::BuildError;
use crate::env::EnvError;

/// Why a client of a platform could not be made. Nothing was sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// A variable of the environment is missing or cannot be used.
    Env(EnvError),
    /// A value breaks its rule.
    Value(ValueError),
    /// The transport cannot be set up: base URL, proxy, certificates.
    Transport(BuildError),
}

impl SetupError {
    fn inner(&self) -> &(dyn StdError + 'static) {
        match self {
            Self::Env(error) => error,
            Self::Value(error) => error,
            Self::Transport(error) => error,
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.inner(), f)
    }
}

impl StdError for SetupError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner().source()
    }
}

impl From<EnvError> for SetupError {
    fn from(error: EnvError) -> Self {
        Self::Env(error)
    }
}

impl From<ValueError> for SetupError {
    fn from(error: ValueError) -> Self {
        Self::Value(error)
    }
}

impl From<BuildError> for SetupError {
    fn from(error: BuildError) -> Self {
        Self::Transport(error)
    }
}
