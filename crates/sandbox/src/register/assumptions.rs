//! What the register does where no document says what the platform does.
//!
//! Plain values, each with a careful default; nothing here acts.

use std::time::Duration;

/// What the embedded register does where the documents are silent. Each default is the project's assumption, and the one that is
/// harder on a client.
///
/// ```
/// use std::time::Duration;
/// use numcheck_sandbox::{Assumptions, Sandbox};
///
/// let mut assumptions = Assumptions::default();
/// assumptions.register.code_lifetime = Duration::from_secs(60);
/// let sandbox = Sandbox::builder().assumptions(assumptions);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegisterAssumptions {
    /// How many wrong guesses a code survives; the next check is refused, and a new code must be asked for. Default: 3.
    pub guesses: u32,
    /// How long a code is good. Default: 10 minutes.
    pub code_lifetime: Duration,
    /// What a second getCode does to the code before it. Default: it makes that one useless.
    pub second_code: SecondCode,
    /// A createClient for a number whose code was not verified is refused with -1, and its `register_status` becomes 2. Default: yes.
    pub client_needs_verified_number: bool,
    /// What a second createClient comes to. Default: refused with -1.
    pub second_client: SecondClient,
    /// A number for which no code was ever asked takes its last four digits for one, as often as wanted. This is no assumption but a
    /// convenience for tests of checkCode alone. Default: yes.
    pub magic_code: bool,
}

impl Default for RegisterAssumptions {
    fn default() -> Self {
        Self {
            guesses: 3,
            code_lifetime: Duration::from_secs(600),
            second_code: SecondCode::default(),
            client_needs_verified_number: true,
            second_client: SecondClient::default(),
            magic_code: true,
        }
    }
}

/// What a second getCode does to the code before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondCode {
    /// Only the last code is right, so that a client that repeats a getCode spoils the code that somebody is typing.
    #[default]
    Replaces,
    /// Each is right for as long as it is good.
    Adds,
}

/// What a second createClient for a registered number comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecondClient {
    /// It is refused with -1, although there is a client.
    #[default]
    Fails,
    /// It is answered like the first.
    Succeeds,
}
