//! Which settings are given, and by what. It shows no secret.

use serde::Serialize;

use super::keys::{KEYS, Kind};
use super::{in_environment, profile};
use crate::commands::typed::may_hold_a_password;

/// A setting that is given.
#[derive(Debug, Serialize)]
pub(crate) struct Given {
    /// The key in a profile; `None` for a secret's variable, which stands in no profile.
    pub(crate) key: Option<&'static str>,
    pub(crate) variable: &'static str,
    /// Hidden where it is, or may hold, a secret.
    pub(crate) value: String,
    pub(crate) from: Source,
    /// The line of the configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
}

/// What gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Environment,
    Profile,
}

/// Variables of secrets, which no profile has.
const SECRETS: [&str; 2] = ["NXCLOUD_ACCESS_SECRET", "QXT_API_KEY"];

/// Every setting that is given, in the order of the keys.
pub(crate) fn given() -> Vec<Given> {
    let secrets = SECRETS.iter().map(|variable| (None, *variable, Kind::Text));
    let keys = KEYS.iter().map(|key| (Some(key.name), key.variable, key.kind));
    let find = |(key, variable, kind): (Option<&'static str>, &'static str, Kind)| {
        let (value, from, line) = match in_environment(variable) {
            Some(value) => (value.to_string_lossy().into_owned(), Source::Environment, None),
            None => {
                let profile = profile()?;
                let value = profile.value(variable, in_environment)?;
                (value.to_owned(), Source::Profile, profile.by_variable(variable).map(|setting| setting.line))
            }
        };
        let is_secret = key.is_none()
            || matches!(variable, "NXCLOUD_APPKEY" | "NXCLOUD_ACCESS_KEY" | "NUMCHECK_PUBLIC_URL")
            || (matches!(kind, Kind::Store | Kind::Url) && may_hold_a_password(&value));
        let value = if is_secret { "***".to_owned() } else { value };
        Some(Given { key, variable, value, from, line })
    };
    secrets.chain(keys).filter_map(find).collect()
}
