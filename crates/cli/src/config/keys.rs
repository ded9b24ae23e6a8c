//! What may stand in a profile, and why the rest may not.

/// A key of a profile, and the variable in whose place it stands: that of an option, or of the account.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) variable: &'static str,
    pub(super) kind: Kind,
}

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As the variable takes it.
    Text,
    /// Several, in a list or by commas.
    List,
    /// Prices, in a list or by commas.
    Prices,
    /// Amounts of money, in a list or by commas.
    Amounts,
    /// A file.
    Path,
    /// A file, or the address of a server.
    Store,
    /// The address of a platform.
    Url,
}

const fn key(name: &'static str, variable: &'static str, kind: Kind) -> Key {
    Key { name, variable, kind }
}

/// All of them, in the order in which people are told of them.
pub(crate) const KEYS: &[Key] = &[
    key("nxcloud-access-key", "NXCLOUD_ACCESS_KEY", Kind::Text),
    key("nxcloud-access-secret-file", "NXCLOUD_ACCESS_SECRET_FILE", Kind::Path),
    key("nxcloud-appkey", "NXCLOUD_APPKEY", Kind::Text),
    key("nxcloud-appkey-file", "NXCLOUD_APPKEY_FILE", Kind::Path),
    key("nxcloud-base-url", "NXCLOUD_BASE_URL", Kind::Url),
    key("qxt-api-key-file", "QXT_API_KEY_FILE", Kind::Path),
    key("qxt-base-url", "QXT_BASE_URL", Kind::Url),
    key("qxt-path", "QXT_PATH", Kind::Text),
    key("store", "NUMCHECK_STORE", Kind::Store),
    key("store-address-file", "NUMCHECK_STORE_FILE", Kind::Path),
    key("column", "NUMCHECK_COLUMN", Kind::Text),
    key("region", "NUMCHECK_REGION", Kind::Text),
    key("encoding", "NUMCHECK_ENCODING", Kind::Text),
    key("delimiter", "NUMCHECK_DELIMITER", Kind::Text),
    key("columns", "NUMCHECK_COLUMNS", Kind::List),
    key("output-encoding", "NUMCHECK_OUTPUT_ENCODING", Kind::Text),
    key("level", "NUMCHECK_LEVEL", Kind::Text),
    key("price", "NUMCHECK_PRICE", Kind::Prices),
    key("max-cost", "NUMCHECK_MAX_COST", Kind::Amounts),
    key("max-cost-per-day", "NUMCHECK_MAX_COST_PER_DAY", Kind::Amounts),
    key("cutoff", "NUMCHECK_CUTOFF", Kind::Text),
    key("delivery", "NUMCHECK_DELIVERY", Kind::Text),
    key("listen", "NUMCHECK_LISTEN", Kind::Text),
    key("admin-listen", "NUMCHECK_ADMIN_LISTEN", Kind::Text),
    key("public-url", "NUMCHECK_PUBLIC_URL", Kind::Text),
    key("require-signed-pushes", "NUMCHECK_REQUIRE_SIGNED_PUSHES", Kind::Text),
    key("batch-size", "NUMCHECK_BATCH_SIZE", Kind::Text),
    key("countries", "NUMCHECK_COUNTRIES", Kind::Text),
    key("concurrency", "NUMCHECK_CONCURRENCY", Kind::Text),
    key("rate", "NUMCHECK_RATE", Kind::Text),
    key("fail-on", "NUMCHECK_FAIL_ON", Kind::List),
    key("progress", "NUMCHECK_PROGRESS", Kind::Text),
    key("wait", "NUMCHECK_WAIT", Kind::Text),
    key("timeout", "NUMCHECK_TIMEOUT", Kind::Text),
    key("ca-file", "NUMCHECK_CA_FILE", Kind::Path),
    key("platform-ca", "NUMCHECK_PLATFORM_CA", Kind::Text),
    key("minute", "NUMCHECK_MINUTE", Kind::Text),
    key("lang", "NUMCHECK_LANG", Kind::Text),
    key("log", "NUMCHECK_LOG", Kind::Text),
    key("log-format", "NUMCHECK_LOG_FORMAT", Kind::Text),
];

/// The key of that name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key that somebody may have meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKE: f64 = 0.7;
    let likeness = |known: &'a str| (strsim::jaro(name, known), known);
    let nearest = known.map(likeness).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (nearest.0 > LIKE).then_some(nearest.1)
}

/// Secrets. A file of settings is copied, shown and kept in version control.
pub(super) const SECRETS: &[&str] = &["nxcloud-access-secret", "qxt-api-key"];

/// What pays again for what may have been paid for, or forgets that it was: a person says it anew, each time.
pub(crate) const PAYS_AGAIN: &[&str] = &[
    "again",
    "retry-failed",
    "resubmit-doubtful",
    "probe",
    "max-age",
    "new-account",
    "same-account",
    "visibility-spread",
    "failures-are-listed",
    "number",
    "older-than",
    "even-unsettled",
    "accept-gap",
];

/// What sends or receives where others can read it, or repeat it.
const EXPOSES: &[&str] = &["allow-plain-http", "allow-plain-callback", "allow-remote-admin", "get"];

/// Why an option may not stand in a profile. `is_option` tells whether there is such an option at all.
pub(super) fn why_not(name: &str, is_option: bool) -> Option<&'static str> {
    match name {
        "yes" => Some("a yes is said each time, by --yes"),
        _ if PAYS_AGAIN.contains(&name) => {
            Some("it can pay again for what was paid for, or forget that it was: it is said each time")
        }
        _ if EXPOSES.contains(&name) => {
            Some("it lets others read, forge or repeat what is sent: it is said each time")
        }
        "sandbox" => Some("its results are invented: it is said each time"),
        "config" | "profile" => Some("it says where profiles are"),
        _ if is_option => Some("it is about one call: say it there, or set its variable"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::{Command, CommandFactory as _};

    use super::*;
    use crate::Arguments;

    /// What is about one call: its input and output, what it shows, one number, one batch, one day.
    const ONE_CALL: &[&str] = &[
        "action",
        "algorithm",
        "batch-no",
        "biz-type",
        "body-file",
        "callback-delay",
        "code-file",
        "date",
        "dr-url",
        "fresh-at",
        "json",
        "key-file",
        "message-id",
        "method",
        "metrics",
        "name",
        "no-body",
        "no-header",
        "output",
        "phone",
        "phone-file",
        "print-url",
        "reread",
        "sheet",
        "show",
        "show-invalid",
        "show-quarantine",
        "show-text",
        "sign",
        "skip-rows",
        "store-only",
        "ts",
        "webhook-url",
    ];

    /// Every option and its variable, but for the sandbox's, which has no account to be careful with.
    fn options(command: &Command) -> BTreeMap<String, Option<String>> {
        let own = command.get_arguments().filter_map(|option| {
            let variable = option.get_env().map(|name| name.to_string_lossy().into_owned());
            Some((option.get_long()?.to_owned(), variable))
        });
        let deeper = command.get_subcommands().filter(|verb| verb.get_name() != "sandbox");
        own.chain(deeper.flat_map(options)).collect()
    }

    #[test]
    fn every_option_may_stand_in_a_profile_or_has_a_reason_not_to() {
        let options = options(&Arguments::command());
        for (name, variable) in &options {
            // `sign` takes the account's own.
            let key =
                find(name).or_else(|| KEYS.iter().find(|key| Some(key.variable) == variable.as_deref()));
            let reasons = [why_not(name, false).is_some(), ONE_CALL.contains(&name.as_str())];
            match key {
                Some(key) => {
                    assert_eq!((Some(key.variable), reasons), (variable.as_deref(), [false; 2]), "--{name}")
                }
                None => assert_eq!(
                    reasons.iter().filter(|has| **has).count(),
                    1,
                    "--{name}: a key of profiles, or about one call?"
                ),
            }
        }
        for key in KEYS
            .iter()
            .filter(|key| key.variable.starts_with("NUMCHECK_") && !key.variable.ends_with("STORE_FILE"))
        {
            assert_eq!(options.get(key.name), Some(&Some(key.variable.to_owned())), "{}", key.name);
        }
    }

    #[test]
    fn nothing_that_pays_again_or_says_yes_or_sends_in_the_open_is_a_key() {
        for name in PAYS_AGAIN.iter().chain(EXPOSES).chain(SECRETS).chain(&["yes", "sandbox"]) {
            assert!(find(name).is_none(), "{name}");
        }
    }
}
