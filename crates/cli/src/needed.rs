//! The variables of the accounts: what each is for, where it comes from, and all that are missing at once.

use numcheck_transport::env::{EnvError, EnvErrorKind};

use crate::config;
use crate::exit::Failure;

/// A variable that an account needs.
#[derive(Debug)]
pub(crate) struct Needed {
    pub(crate) variable: &'static str,
    /// Whether it may stand in a file that its `_FILE` names.
    pub(crate) is_secret: bool,
    pub(crate) what: &'static str,
    pub(crate) from: &'static str,
}

const ACCESS_KEY: Needed = Needed {
    variable: "NXCLOUD_ACCESS_KEY",
    is_secret: false,
    what: "the access key of the NXCLOUD account, which says who calls",
    from: "NXCLOUD gives it with the account",
};
const ACCESS_SECRET: Needed = Needed {
    variable: "NXCLOUD_ACCESS_SECRET",
    is_secret: true,
    what: "the access secret of the NXCLOUD account, which signs what is sent",
    from: "NXCLOUD gives it with the access key",
};
const APPKEY: Needed = Needed {
    variable: "NXCLOUD_APPKEY",
    is_secret: true,
    what: "the key of the NXCLOUD application that pays for number checks",
    from: "NXCLOUD gives it with the application, which belongs to the same account",
};
const API_KEY: Needed = Needed {
    variable: "QXT_API_KEY",
    is_secret: true,
    what: "the key of the QXT account, which pays for privacy checks",
    from: "QXT gives it with the account",
};

/// What any call to NXCLOUD needs.
pub(crate) const NXCLOUD: &[Needed] = &[ACCESS_KEY, ACCESS_SECRET];
/// What number checks need.
pub(crate) const NUMBER_CHECK: &[Needed] = &[ACCESS_KEY, ACCESS_SECRET, APPKEY];
/// What privacy checks need.
pub(crate) const QXT: &[Needed] = &[API_KEY];

impl Needed {
    /// # Errors
    /// Where it is not set, or cannot be read.
    pub(crate) fn look_up(&self) -> Result<String, EnvError> {
        match self.is_secret {
            true => config::env().required_secret(self.variable),
            false => config::env().required_text(self.variable),
        }
    }
}

/// Checks that all of them are there.
///
/// # Errors
/// Names all that are missing at once; else the first that cannot be used. Nothing was sent.
pub(crate) fn check(needed: &[Needed]) -> Result<(), Failure> {
    let mut missing = Vec::new();
    let mut unusable = None;
    for one in needed {
        match one.look_up() {
            Ok(_) => {}
            Err(error) if error.kind() == EnvErrorKind::Missing => missing.push((one, error)),
            Err(error) => drop(unusable.get_or_insert(error)),
        }
    }
    match (missing.len(), unusable) {
        (0, None) => Ok(()),
        (0, Some(error)) => Err(Failure::setting(error)),
        (1, _) => missing.pop().map_or(Ok(()), |(_, error)| Err(Failure::setting(error))),
        _ => Err(Failure::usage(all_missing(missing.iter().map(|(one, _)| *one)))),
    }
}

fn all_missing<'a>(missing: impl Iterator<Item = &'a Needed> + Clone) -> String {
    let variables = listed(missing.clone().map(|one| one.variable.to_owned()));
    let files = listed(missing.filter(|one| one.is_secret).map(|one| format!("{}_FILE", one.variable)));
    format!(
        "{variables} are not set, or empty: set them, the secrets also by files that {files} name, or put them into a profile; `numcheck doctor` \
         says what each is for"
    )
}

/// `a, b and c`.
fn listed(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    match words.pop() {
        Some(last) if !words.is_empty() => format!("{} and {last}", words.join(", ")),
        last => last.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_variables_are_named_in_one_sentence() {
        let text = all_missing(NUMBER_CHECK.iter());
        assert!(
            text.starts_with("NXCLOUD_ACCESS_KEY, NXCLOUD_ACCESS_SECRET and NXCLOUD_APPKEY are not set"),
            "{text}"
        );
        assert!(
            text.contains("by files that NXCLOUD_ACCESS_SECRET_FILE and NXCLOUD_APPKEY_FILE name"),
            "{text}"
        );
    }
}
