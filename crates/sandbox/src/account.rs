//! Customers of the two platforms: keys, dialect, opening balances. The ledger holds what they spend.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;

use numcheck_protocol::number_check::Dialect;
use numcheck_protocol::{CallbackUrl, Currency, PhoneNumber, Price};
use numcheck_signing::Secret;

use crate::rule;

/// A customer of both platforms. `Debug` shows no secret.
///
/// [`Account::default`] is the built-in one, with the credentials that stand in the constants of this type; [`Account::other`] is
/// the second one, which exists so that an appkey of another customer (code 210) can be had; [`Account::second_dialect`] the third one.
/// [`Account::random`] is another one at every call. None of their secrets is one: they open nothing but a sandbox.
///
/// ```
/// use numcheck_sandbox::{Account, Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), numcheck_sandbox::StartError> {
/// let mut poor = Account::random();
/// poor.balance.clear(); // every submit is refused with 211
/// let sandbox = Sandbox::builder().account(poor).start().await?;
/// assert!(sandbox.account().balance.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Account {
    /// The `accessKey` header. An unknown one is answered with 1005.
    pub access_key: String,
    /// Signs NXCLOUD requests.
    pub access_secret: Secret,
    /// The application. An unknown one is answered with 202, one of another account with 210.
    pub appkey: Secret,
    /// The dialect of number check in which the account is answered. Nothing in a request tells it. Default: v1.
    pub dialect: Dialect,
    /// The QXT account: 32 letters and digits. An unknown one is answered with -1.
    pub qxt_api_key: Secret,
    /// Money at NXCLOUD, for each currency. A currency that is not there is one without money: 211.
    pub balance: BTreeMap<Currency, Price>,
    /// Money at QXT, in CNY. Used up: -5.
    pub qxt_balance: Price,
    /// Whether the account has the number check business. Without: 1005.
    pub number_check: bool,
    /// Whether the account has the WhatsApp business. Without: 1005.
    pub whatsapp: bool,
    /// Whether the account is an integrator. If not, the embedded register answers 9007.
    pub integrator: bool,
    /// The WhatsApp numbers that phoneList shows from the start, not verified yet. Others join when a code is sent to them.
    pub phones: Vec<PhoneNumber>,
    /// Where results go when a submit names no `drUrl`; `None`: they are not pushed then.
    pub callback_url: Option<CallbackUrl>,
    /// The addresses that may use the QXT account; `None`: all. Others are answered with -9.
    pub qxt_allowed_ips: Option<Vec<IpAddr>>,
}

impl Account {
    /// The built-in account's `accessKey`.
    pub const ACCESS_KEY: &'static str = "sandbox-access-key";
    /// The built-in account's secret. It opens nothing but a sandbox.
    pub const ACCESS_SECRET: &'static str = "sandbox-access-secret";
    /// The built-in account's application.
    pub const APPKEY: &'static str = "sandbox-appkey";
    /// The built-in account's QXT key: 32 letters and digits, as QXT's are.
    pub const QXT_API_KEY: &'static str = "sandbox0qxt0api0key0sandbox0qxt0";
    /// The second built-in account's `accessKey`.
    pub const OTHER_ACCESS_KEY: &'static str = "other-access-key";
    /// The second built-in account's secret.
    pub const OTHER_ACCESS_SECRET: &'static str = "other-access-secret";
    /// The second built-in account's application: use it with the first one's `accessKey` to get 210.
    pub const OTHER_APPKEY: &'static str = "other-appkey";
    /// The second built-in account's QXT key.
    pub const OTHER_QXT_API_KEY: &'static str = "other000qxt0api0key0other000qxt0";
    /// The third built-in account's `accessKey`.
    pub const V2_ACCESS_KEY: &'static str = "v2-access-key";
    /// The third built-in account's secret.
    pub const V2_ACCESS_SECRET: &'static str = "v2-access-secret";
    /// The third built-in account's application.
    pub const V2_APPKEY: &'static str = "v2-appkey";
    /// The third built-in account's QXT key.
    pub const V2_QXT_API_KEY: &'static str = "v2000000qxt0api0key0v2000000qxt0";

    /// The WhatsApp numbers that each account has from the start.
    pub const PHONES: &'static [&'static str] = &["8613912345678", "85251234567"];

    /// An account with every business and 1 000 000 of each currency that the sandbox's price list knows (USD, EUR, CNY), and
    /// the same in CNY at QXT.
    pub fn new(access_key: &str, access_secret: &str, appkey: &str, qxt_api_key: &str) -> Self {
        let plenty = Price::from_ten_thousandths(10_000_000_000).unwrap_or_default();
        Self {
            access_key: access_key.to_owned(),
            access_secret: Secret::from(access_secret),
            appkey: Secret::from(appkey),
            qxt_api_key: Secret::from(qxt_api_key),
            dialect: Dialect::V1,
            balance: crate::prices::currencies().map(|currency| (currency, plenty)).collect(),
            qxt_balance: plenty,
            number_check: true,
            whatsapp: true,
            integrator: true,
            phones: Self::PHONES.iter().filter_map(|phone| PhoneNumber::new(phone).ok()).collect(),
            callback_url: None,
            qxt_allowed_ips: None,
        }
    }

    /// An account of this name, whose secrets follow from it: a sandbox that is started again knows it as the same.
    pub fn named(access_key: &str) -> Self {
        let key = |what: &str| {
            let halves = [1, 2].map(|half| rule::hash(access_key, &format!("{what}{half}")));
            halves.map(letters).concat()
        };
        Self::new(access_key, &key("secret"), &key("appkey"), &key("qxt"))
    }

    /// An account that nobody had before, so that a client's book of an earlier sandbox does not know it. Not unguessable.
    pub fn random() -> Self {
        // Each state has keys of its own, from the system's random numbers.
        let random = RandomState::new().build_hasher().finish();
        Self::named(&format!("sandbox-{}", letters(random)))
    }

    /// The second built-in account. It is no integrator, so the embedded register answers 9007.
    pub fn other() -> Self {
        let mut other = Self::new(
            Self::OTHER_ACCESS_KEY,
            Self::OTHER_ACCESS_SECRET,
            Self::OTHER_APPKEY,
            Self::OTHER_QXT_API_KEY,
        );
        other.integrator = false;
        other
    }

    /// The third built-in account. It is answered in the second dialect of number check.
    pub fn second_dialect() -> Self {
        let mut third =
            Self::new(Self::V2_ACCESS_KEY, Self::V2_ACCESS_SECRET, Self::V2_APPKEY, Self::V2_QXT_API_KEY);
        third.dialect = Dialect::V2;
        third
    }
}

/// Sixteen letters: digits would look like a phone number to what masks those.
fn letters(word: u64) -> String {
    (0..16)
        .map(|place| char::from(b'a' + u8::try_from((word >> (4 * place)) & 0xf).unwrap_or_default()))
        .collect()
}

impl Default for Account {
    fn default() -> Self {
        Self::new(Self::ACCESS_KEY, Self::ACCESS_SECRET, Self::APPKEY, Self::QXT_API_KEY)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Account;

    #[test]
    fn each_random_account_is_another_one_and_its_qxt_key_has_the_form_of_one() {
        let accounts: Vec<Account> = (0..100).map(|_| Account::random()).collect();
        let keys: HashSet<&str> = accounts.iter().map(|account| account.access_key.as_str()).collect();
        assert_eq!(keys.len(), accounts.len());
        for account in &accounts {
            let key = account.qxt_api_key.expose();
            assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
        }
    }

    #[test]
    fn a_name_gives_the_same_account_again_and_another_name_another_one() {
        let all = |name: &str| {
            let account = Account::named(name);
            [account.access_secret, account.appkey, account.qxt_api_key].map(|key| key.expose().to_owned())
        };
        assert_eq!(all("torture"), all("torture"));
        let different: HashSet<String> = [all("torture"), all("model")].concat().into_iter().collect();
        assert_eq!(different.len(), 6);
    }
}
