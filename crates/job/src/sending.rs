//! What both services do around a request that costs money.

use std::error::Error;
use std::sync::Arc;

use numcheck_bulk::{ConfirmClaim, Submitted};
use numcheck_transport::{Attempt, BoxError, BoxFuture, CallError, CallErrorKind, Confirm};

/// Confirms the claim of a batch before each attempt is signed.
pub(crate) struct ConfirmAttempt(pub(crate) Arc<dyn ConfirmClaim>);

impl Confirm for ConfirmAttempt {
    fn confirm<'a>(&'a self, attempt: Attempt<'a>) -> BoxFuture<'a, Result<(), BoxError>> {
        let ts_ms = attempt.now_ms;
        Box::pin(async move {
            match self.0.confirm(ts_ms).await {
                true => Ok(()),
                false => Err("another process has taken it over, or the store did not confirm it".into()),
            }
        })
    }
}

/// What is no doubt. A 429 says only that it was too early; any other word of a server on the way might come after the platform has worked.
pub(crate) fn not_carried_out(error: &CallError, message: String) -> Submitted {
    match error.reply() {
        Some(reply) if reply.status.as_u16() == 429 => Submitted::TooEarly { message },
        _ if error.kind() == CallErrorKind::NeverReached => Submitted::NotPassedOn { message },
        _ => Submitted::NotSent { message },
    }
}

/// Says at once what a reply has left in doubt: the wait for its result may take an hour. Of what had no reply, transport has told.
pub(crate) fn warn_of_doubt(submitted: Submitted) -> Submitted {
    if let Submitted::InDoubt { message, from_reply: true, .. } = &submitted {
        tracing::warn!("in doubt: {message}");
    }
    submitted
}

/// An error and what lies behind it, on one line for a cell.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
