//! Settings from the environment, for facades. No value is shown: errors name the variable only.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{env, error, fmt};

use tracing::warn;

use crate::Proxy;

/// The longest file that is read for a secret, in bytes.
const LONGEST_FILE: u64 = 64 << 10;

/// Where settings are looked up: the environment of the process, or any other source of named values.
///
/// ```
/// use numcheck_transport::env::Env;
///
/// let get = |name: &str| (name == "QXT_BASE_URL").then(|| " https://ps.szqxt.com\n".into());
/// assert_eq!(Env::of(&get).text("QXT_BASE_URL")?.as_deref(), Some("https://ps.szqxt.com"));
/// assert_eq!(Env::of(&get).secret("QXT_API_KEY")?, None);
/// # Ok::<(), numcheck_transport::env::EnvError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Env<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl<'a> Env<'a> {
    /// The environment of the process.
    pub fn process() -> Self {
        Self(&|name| env::var_os(name))
    }

    /// Another source: a test's, or that of a program which keeps its settings elsewhere.
    pub fn of(get: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self(get)
    }

    /// The value of `name`, without surrounding white space; `None` when it is not set or empty.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(self, name: &'static str) -> Result<Option<String>, EnvError> {
        let Some(value) = (self.0)(name) else { return Ok(None) };
        let value = value.to_str().ok_or_else(|| EnvError::new(name, Problem::NotText))?.trim();
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    /// The value of `name`, which has no default.
    ///
    /// # Errors
    /// When it is not UTF-8, not set or empty.
    pub fn required_text(self, name: &'static str) -> Result<String, EnvError> {
        self.text(name)?.ok_or_else(|| EnvError::new(name, Problem::Missing { or_file: false }))
    }

    /// A secret: the value of `name`, else what stands in the file that `name_FILE` names, without surrounding white space. `None`
    /// when neither is set.
    ///
    /// A file that users other than its owner can read is used, and one warning per variable is logged, which names the file.
    ///
    /// # Errors
    /// When a value is not UTF-8, when both are set, or when the file cannot be read, is empty, longer than 64 KiB or holds more
    /// than one line.
    pub fn secret(self, name: &'static str) -> Result<Option<String>, EnvError> {
        let file_variable = format!("{name}_FILE");
        let path = (self.0)(&file_variable).filter(|path| !path.is_empty());
        match (self.text(name)?, path) {
            (Some(_), Some(_)) => Err(EnvError::new(name, Problem::Both)),
            (value, None) => Ok(value),
            (None, Some(path)) => {
                let value = read(&path);
                if value.is_ok() && is_readable_by_others(Path::new(&path)) {
                    warn_once(&file_variable, Path::new(&path));
                }
                value.map(Some).map_err(|problem| EnvError::new(file_variable, problem))
            }
        }
    }

    /// A secret that has no default.
    ///
    /// # Errors
    /// As [`Env::secret`], and when neither is set.
    pub fn required_secret(self, name: &'static str) -> Result<String, EnvError> {
        self.secret(name)?.ok_or_else(|| EnvError::missing(name))
    }

    /// The proxy, as [`Proxy::from_env`] reads it.
    pub fn proxy(self) -> Proxy {
        Proxy::from_lookup(|name| (self.0)(name)?.into_string().ok())
    }
}

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

/// [`Env::secret`] of the process's environment.
///
/// # Errors
/// As there.
pub fn secret(name: &'static str) -> Result<Option<String>, EnvError> {
    Env::process().secret(name)
}

/// Whether users other than its owner can read a file. `false` for what is no regular file, and where permissions are not those of Unix.
pub fn is_readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        const OTHERS_READ: u32 = 0o044;
        std::fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & OTHERS_READ != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// A process reads some secrets several times, and a person needs to be told once.
fn warn_once(variable: &str, path: &Path) {
    static WARNED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if !warned.iter().any(|known| known == variable) {
        warned.push(variable.to_owned());
        warn!("{variable}: other users can read the secret in this file: chmod 600 {path:?}");
    }
}

fn read(path: &OsStr) -> Result<String, Problem> {
    let mut content = String::new();
    let file = File::open(path).map_err(Problem::File)?;
    file.take(LONGEST_FILE + 1).read_to_string(&mut content).map_err(Problem::File)?;
    if content.len() as u64 > LONGEST_FILE {
        return Err(Problem::Content("is longer than 64 KiB: is it the right one?"));
    }
    // Some editors put a byte-order mark in front.
    let value = content.trim_start_matches('\u{feff}').trim();
    if value.is_empty() {
        return Err(Problem::Content("is empty: write the secret into it"));
    }
    if value.contains(char::is_control) {
        return Err(Problem::Content("holds more than one line: leave the secret alone in it"));
    }
    Ok(value.to_owned())
}

/// A setting that cannot be used. Nothing was sent.
///
/// `Display` is one line that names the variable and what to do, and never the value.
pub struct EnvError(Box<Inner>);

struct Inner {
    variable: Cow<'static, str>,
    problem: Problem,
}

enum Problem {
    Missing { or_file: bool },
    NotText,
    Both,
    File(io::Error),
    Content(&'static str),
    Rule(Cow<'static, str>),
}

/// What is wrong with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EnvErrorKind {
    /// It is not set, or empty, and has no default.
    Missing,
    /// A secret is given twice: as a value and as a file.
    Both,
    /// The secret's file cannot be read, or does not hold one secret.
    File,
    /// The value breaks its rule.
    Value,
}

impl EnvError {
    /// A secret that is not set, neither by itself nor by its file.
    pub fn missing(name: &'static str) -> Self {
        Self::new(name, Problem::Missing { or_file: true })
    }

    /// A value that breaks a rule, said without the value, such as "must be digits".
    pub fn value(name: &'static str, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, Problem::Rule(rule.into()))
    }

    fn new(variable: impl Into<Cow<'static, str>>, problem: Problem) -> Self {
        Self(Box::new(Inner { variable: variable.into(), problem }))
    }

    /// What is wrong.
    pub fn kind(&self) -> EnvErrorKind {
        match self.0.problem {
            Problem::Missing { .. } => EnvErrorKind::Missing,
            Problem::Both => EnvErrorKind::Both,
            Problem::File(_) | Problem::Content(_) => EnvErrorKind::File,
            Problem::NotText | Problem::Rule(_) => EnvErrorKind::Value,
        }
    }

    /// The variable to mend.
    pub fn variable(&self) -> &str {
        &self.0.variable
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.0.variable;
        match &self.0.problem {
            Problem::Missing { or_file: false } => write!(f, "{name} is not set, or empty: set it"),
            Problem::Missing { or_file: true } => {
                write!(
                    f,
                    "{name} is not set, or empty: set it, or {name}_FILE to the path of a file that holds it"
                )
            }
            Problem::NotText => write!(f, "{name} is not UTF-8: set it anew"),
            Problem::Both => write!(f, "{name} and {name}_FILE are both set: unset one of them"),
            Problem::File(_) => {
                write!(
                    f,
                    "the file that {name} names cannot be read: check the path, its permissions and that it is text"
                )
            }
            Problem::Content(what) => write!(f, "the file that {name} names {what}"),
            Problem::Rule(rule) => write!(f, "{name}: {rule}"),
        }
    }
}

impl fmt::Debug for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvError").field("kind", &self.kind()).field("text", &self.to_string()).finish()
    }
}

impl error::Error for EnvError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0.problem {
            Problem::File(source) => Some(source),
            _ => None,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::is_readable_by_others;

    #[test]
    fn a_file_is_readable_by_others_where_its_group_or_the_world_may_read_it() {
        let path = std::env::temp_dir().join(format!("numcheck-env-{}", std::process::id()));
        fs::write(&path, "secret").unwrap();
        let readable = [0o600, 0o400, 0o610, 0o640, 0o604, 0o644].map(|mode| {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            is_readable_by_others(&path)
        });
        fs::remove_file(&path).unwrap();
        assert_eq!(readable, [false, false, false, true, true, true]);
        assert!(!is_readable_by_others(&path) && !is_readable_by_others(Path::new("/dev/null")));
    }
}
