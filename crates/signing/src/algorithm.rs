//! Which hash makes the signature.

use core::fmt;
use core::str::FromStr;

/// The hash behind a signature, named by the `algorithm` header.
///
/// Closed: a hash that this crate cannot compute is no value of it, see [`UnknownAlgorithm`].
///
/// ```
/// use numcheck_signing::Algorithm;
///
/// let algorithm: Algorithm = "sha256".parse()?;
/// assert_eq!((algorithm.as_str(), algorithm.hex_len()), ("sha256", 64));
/// assert!("SHA256".parse::<Algorithm>().is_err());
/// # Ok::<(), numcheck_signing::UnknownAlgorithm>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5, meant where the header is absent; 32 hex digits.
    #[default]
    Md5,
    /// SHA-256, only in the vendor's newer pages; 64 hex digits.
    Sha256,
}

impl Algorithm {
    /// The value of the `algorithm` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
        }
    }

    /// The hash that a callback's `algorithm` header means: `sha256` in any case is SHA-256, and any other value MD5, as the vendor's published
    /// verifier has it.
    pub fn from_callback(name: &str) -> Self {
        if name.eq_ignore_ascii_case(Self::Sha256.as_str()) { Self::Sha256 } else { Self::Md5 }
    }

    /// How many hex digits a signature has.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha256 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads `md5` or `sha256`, in lower case as the vendor writes them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "md5" => Ok(Self::Md5),
            "sha256" => Ok(Self::Sha256),
            _ => Err(UnknownAlgorithm),
        }
    }
}

/// The `algorithm` header names neither of the two documented hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownAlgorithm;

impl fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown signature algorithm: use `md5` or `sha256`, in lower case")
    }
}

impl core::error::Error for UnknownAlgorithm {}
