//! What the tests share: clients of a sandbox and of a platform in memory.

use numcheck_qxt::protocol::{ApiKey, qxt::Mobile};
use numcheck_qxt::transport::{Address, Dial, Stream};
use numcheck_qxt::{Client, ClientBuilder};
use numcheck_sandbox::Sandbox;
use numcheck_testing::http;
pub(crate) use numcheck_testing::http::{Front, MockPlatform, MockRequest, all_of, chain};

/// A client of the sandbox's first account.
pub(crate) fn builder(sandbox: &Sandbox) -> ClientBuilder {
    builder_with(sandbox.qxt_api_key()).base_url(sandbox.qxt_url())
}

pub(crate) fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().expect("a client")
}

/// The same with a key alone.
pub(crate) fn builder_with(key: &str) -> ClientBuilder {
    Client::builder(ApiKey::new(key).expect("a key"))
}

pub(crate) fn mobile(digits: &str) -> Mobile {
    Mobile::new(digits).expect("a mobile number")
}

/// So many numbers.
pub(crate) fn mobiles(count: usize) -> Vec<Mobile> {
    (0..count).map(|at| mobile(&(13_800_500_000_u64 + at as u64).to_string())).collect()
}

/// The key of clients in memory.
pub(crate) const KEY: &str = "canary00qxt0api0key0canary00qxt0";

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
pub(crate) fn client_in_memory(get: bool) -> (Client, MockPlatform) {
    let (dial, platform) = in_memory();
    let builder = builder_with(KEY).base_url("http://localhost").get(get);
    (builder.transport(|transport| transport.dial(dial)).build().expect("a client"), platform)
}
