//! Whose money is spent, and where: an access key at an address whose spelling does not matter.

use std::fmt;

use numcheck_transport::env::EnvError;
use numcheck_transport::{canonical_base_url, is_loopback};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config;
use crate::exit::Failure;
use crate::needed;

/// An account, named without showing its key.
#[derive(Clone)]
pub(crate) struct AccountId {
    key: Zeroizing<String>,
    /// A hash of the key and the platform's address.
    pub(crate) fingerprint: String,
    /// Where the platform is, in its one spelling.
    pub(crate) address: String,
    /// What earlier releases have made of other spellings of the address.
    pub(crate) earlier: Vec<String>,
}

impl AccountId {
    /// The NXCLOUD account of the environment. It is named by its key alone; where that is missing, so is told what else number checks lack.
    pub(crate) fn nxcloud() -> Result<Self, Failure> {
        let env = config::env();
        let Some(key) = env.text("NXCLOUD_ACCESS_KEY").map_err(Failure::setting)? else {
            needed::check(needed::NUMBER_CHECK)?;
            return Err(Failure::setting(EnvError::missing("NXCLOUD_ACCESS_KEY")));
        };
        let url = env.text("NXCLOUD_BASE_URL").map_err(Failure::setting)?;
        Self::new(&key, url.as_deref().unwrap_or(numcheck_nxcloud::Client::BASE_URL))
    }

    /// The QXT account of the environment.
    pub(crate) fn qxt() -> Result<Self, Failure> {
        let env = config::env();
        let key = env.required_secret("QXT_API_KEY").map_err(Failure::setting)?;
        let url = env.text("QXT_BASE_URL").map_err(Failure::setting)?;
        Self::new(&key, url.as_deref().unwrap_or(numcheck_qxt::Client::BASE_URL))
    }

    /// The account of a sandbox that lives as long as this command.
    pub(crate) fn embedded() -> Self {
        Self {
            key: Zeroizing::default(),
            fingerprint: fingerprint("sandbox"),
            address: String::new(),
            earlier: Vec::new(),
        }
    }

    fn new(key: &str, url: &str) -> Result<Self, Failure> {
        let address = canonical_base_url(url).map_err(Failure::setting)?;
        let (_, host) = address.split_once("://").unwrap_or(("", &address));
        let mut spellings = vec![url.to_owned(), format!("{address}/"), host.to_owned(), format!("{host}/")];
        spellings.retain(|spelling| *spelling != address);
        Ok(Self {
            key: Zeroizing::new(key.to_owned()),
            fingerprint: numcheck_job::account_name(key, url).map_err(Failure::setting)?,
            earlier: spellings.iter().map(|spelling| of(key, spelling)).collect(),
            address,
        })
    }

    /// Whether a fingerprint is that of this access key at another address.
    pub(crate) fn has_key_of(&self, fingerprint: &str, address: &str) -> bool {
        of(&self.key, address) == fingerprint
    }

    /// Whether a sandbox that names its account as ours does invents the results.
    pub(crate) fn is_invented(&self) -> bool {
        self.key.starts_with("sandbox-") && self.is_loopback()
    }

    /// Whether the platform is this machine itself: a sandbox or a test.
    pub(crate) fn is_loopback(&self) -> bool {
        self.address.is_empty() || is_loopback(&self.address)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountId").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

fn of(key: &str, address: &str) -> String {
    fingerprint(&format!("{key}@{address}"))
}

/// Names an account without showing its key.
fn fingerprint(account: &str) -> String {
    Sha256::digest(account).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_the_same_however_its_address_is_spelled() {
        let one = AccountId::new("key", "https://api2.nxcloud.com").unwrap();
        for same in [
            "https://api2.nxcloud.com/",
            "HTTPS://API2.NXCloud.com",
            "api2.nxcloud.com",
            "https://api2.nxcloud.com:443//",
        ] {
            assert_eq!(AccountId::new("key", same).unwrap().fingerprint, one.fingerprint, "{same}");
        }
        for other in [
            "http://api2.nxcloud.com",
            "https://api2.nxcloud.com:444",
            "https://api2.nxcloud.com/x",
            "https://api.nxcloud.com",
        ] {
            assert_ne!(AccountId::new("key", other).unwrap().fingerprint, one.fingerprint, "{other}");
        }
        assert_ne!(AccountId::new("other", "https://api2.nxcloud.com").unwrap().fingerprint, one.fingerprint);
    }

    #[test]
    fn the_usual_spellings_of_earlier_releases_are_known() {
        let one = AccountId::new("key", "https://api2.nxcloud.com").unwrap();
        for spelling in ["https://api2.nxcloud.com/", "api2.nxcloud.com"] {
            assert!(one.earlier.contains(&fingerprint(&format!("key@{spelling}"))), "{spelling}");
        }
        let typed = AccountId::new("key", "https://API2.nxcloud.com").unwrap();
        assert!(typed.earlier.contains(&fingerprint("key@https://API2.nxcloud.com")), "as it is typed");
        assert_eq!(
            one.fingerprint,
            fingerprint("key@https://api2.nxcloud.com"),
            "the usual one needs no move"
        );
    }
}
