//! The messages that getCode sent, as the phones would show them: codes and phone numbers in full, masked in `Debug`.

use numcheck_protocol::whatsapp::CodeMethod;
use numcheck_protocol::{HiddenText, PhoneText};

/// A verification code that was sent to a phone. `Debug` masks the number and hides the code.
///
/// ```
/// use numcheck_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), numcheck_sandbox::StartError> {
/// let sandbox = Sandbox::start().await?;
/// // … the client under test asks for a code here, and its test reads it …
/// let code = sandbox.inbox().last().map(|message| message.code.clone());
/// assert!(code.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxMessage {
    /// When, in the sandbox's time: Unix time in milliseconds.
    pub at_ms: u64,
    /// To which number, as digits. Personal data where it is real.
    pub phone: PhoneText<'static>,
    /// How: `sms` or `voice`.
    pub method: CodeMethod,
    /// The code.
    pub code: HiddenText<'static>,
}
