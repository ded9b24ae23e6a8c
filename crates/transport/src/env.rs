//! Settings from the environment, for facades. It must not show a value: errors name the variable only.

use std::{env, fs, io};

/// The value of `name`, without surrounding white space; `None` when it is not set or empty.
///
/// # Errors
/// When it is not UTF-8.
pub fn text(name: &'static str) -> Result<Option<String>, EnvError> {
    match env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(EnvError::NotUnicode { name: name.to_owned() }),
    }
}

/// A secret: the value of `name`, else the content of the file that `name_FILE` names. `None` when neither is set.
///
/// # Errors
/// When a value is not UTF-8, when both are set, or when the file cannot be read or is empty.
pub fn secret(name: &'static str) -> Result<Option<String>, EnvError> {
    let file_name = format!("{name}_FILE");
    let path = env::var_os(&file_name).filter(|path| !path.is_empty());
    match (text(name)?, path) {
        (Some(_), Some(_)) => Err(EnvError::Both { name: name.to_owned() }),
        (value, None) => Ok(value),
        (None, Some(path)) => {
            let content = fs::read_to_string(path)
                .map_err(|source| EnvError::File { name: file_name.clone(), source })?;
            let value = content.trim();
            if value.is_empty() {
                Err(EnvError::Empty { name: file_name })
            } else {
                Ok(Some(value.to_owned()))
            }
        }
    }
}

/// A setting that cannot be used. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvError {
    /// The value is not UTF-8.
    #[error("{name} is not UTF-8: set it anew")]
    #[non_exhaustive]
    NotUnicode {
        /// The variable.
        name: String,
    },
    /// The secret is given twice.
    #[error("{name} and {name}_FILE are both set: unset one of them")]
    #[non_exhaustive]
    Both {
        /// The variable.
        name: String,
    },
    /// The secret's file is empty.
    #[error("the file that {name} names is empty: write the secret into it")]
    #[non_exhaustive]
    Empty {
        /// The variable.
        name: String,
    },
    /// The secret's file cannot be read.
    #[error("the file that {name} names cannot be read: check the path and its permissions")]
    #[non_exhaustive]
    File {
        /// The variable.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Nothing is set, and there is no default.
    #[error("{name} is not set: set it, or {name}_FILE where it is a secret")]
    #[non_exhaustive]
    Missing {
        /// The variable.
        name: String,
    },
}

impl EnvError {
    /// For a facade whose setting has no default.
    pub fn missing(name: &'static str) -> Self {
        Self::Missing { name: name.to_owned() }
    }
}
