//! What the tests share: clients of a sandbox and of a platform in memory.

use numcheck_nxcloud::protocol::{AppKey, PhoneList, PhoneNumber};
use numcheck_nxcloud::transport::{Address, Dial, RateLimits, Stream};
use numcheck_nxcloud::{Client, ClientBuilder};
use numcheck_sandbox::{Account, Sandbox};
use numcheck_testing::http;
pub(crate) use numcheck_testing::http::{Front, MockPlatform, Seen, all_of, chain};

/// A client of the sandbox's first account, without rate limits.
pub(crate) fn builder(sandbox: &Sandbox) -> ClientBuilder {
    builder_of(sandbox.account()).base_url(sandbox.nxcloud_url())
}

pub(crate) fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().expect("a client")
}

/// The same with the account's keys alone.
pub(crate) fn builder_of(account: &Account) -> ClientBuilder {
    Client::builder(&account.access_key, account.access_secret.clone())
        .appkey(AppKey::new(account.appkey.expose()).expect("an appkey"))
        .transport(|transport| transport.rate_limits(RateLimits::off()))
}

pub(crate) fn phone(digits: &str) -> PhoneNumber {
    PhoneNumber::new(digits).expect("a phone number")
}

/// So many numbers of one country.
pub(crate) fn phones(count: usize) -> PhoneList {
    let numbers = (0..count).map(|at| phone(&(8_613_800_500_000_u64 + at as u64).to_string()));
    PhoneList::from_one_country(numbers).expect("a batch")
}

/// The way to a platform in memory, and the platform.
pub(crate) fn in_memory() -> (impl Dial, MockPlatform) {
    let (connect, platform) = http::in_memory();
    let dial = move |_: Address| {
        let stream = connect();
        async move { Ok(Stream::new(stream)) }
    };
    (dial, platform)
}

/// A client of a platform in memory, and the platform.
pub(crate) fn client_in_memory() -> (Client, MockPlatform) {
    let (dial, platform) = in_memory();
    let builder = builder_of(&Account::default()).base_url("http://localhost");
    (builder.transport(|transport| transport.dial(dial)).build().expect("a client"), platform)
}
