//! The access secret in memory. Without `Display`, `PartialEq` and serde it is not printed, compared or serialised by accident.

use alloc::string::String;
use core::fmt;

use zeroize::Zeroizing;

/// An access secret. It prints as `Secret(***)`, and its memory is overwritten when it is dropped.
///
/// The bytes are taken as they are: a line break at the end of a file is the caller's to remove.
///
/// ```
/// use numcheck_signing::Secret;
///
/// let secret = Secret::from("abciiiko2k3");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// assert_eq!(secret.expose(), "abciiiko2k3");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself. Nothing that may reach a log, an error or a screen should see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    /// Copies the text; the original is not overwritten.
    fn from(text: &str) -> Self {
        Self::from(String::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
