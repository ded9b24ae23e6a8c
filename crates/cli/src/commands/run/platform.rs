//! What a run submits to: the account of the environment, or a sandbox inside this command.
//!
//! It must not judge results; it turns the ways in which a submit ends into the words of the job.

use numcheck_nxcloud::Client;
use numcheck_protocol::number_check::SubmitCode;
use numcheck_protocol::{BatchNo, Class, PhoneList, PhoneNumber};
use numcheck_sandbox::Sandbox;
use numcheck_transport::{CallError, RateLimits};
use numcheck_webhook::ReceiverKey;

use crate::call;
use crate::commands::arguments::Level;
use crate::exit::Failure;
use crate::job::{Outcome, Submitter};

use super::Run;

/// A platform that is ready, and the client for it.
pub(super) struct Platform {
    client: Client,
    sandbox: Option<Sandbox>,
}

impl Platform {
    pub(super) async fn start(run: &Run) -> Result<Self, Failure> {
        if !run.sandbox {
            return Ok(Self { client: call::number_check(&run.network)?, sandbox: None });
        }
        let sandbox = Sandbox::builder()
            .callback_delay(run.callback_delay.into())
            .start()
            .await
            .map_err(|error| Failure::new("the sandbox cannot be started").because(error))?;
        let account = sandbox.account();
        let client = Client::builder(&account.access_key, account.access_secret.clone())
            .appkey(numcheck_protocol::AppKey::new(account.appkey.expose()).map_err(Failure::of)?)
            .base_url(sandbox.nxcloud_url())
            // Nobody is to be protected from this command's own sandbox.
            .transport(|transport| transport.rate_limits(RateLimits::off()))
            .build()
            .map_err(Failure::of)?;
        Ok(Self { client, sandbox: Some(sandbox) })
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(super) async fn end(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
    }
}

/// Submits batches of a run.
pub(super) struct Submits {
    client: Client,
    level: Level,
    key: ReceiverKey,
    public_url: String,
}

impl Submits {
    pub(super) fn new(client: Client, level: Level, key: ReceiverKey, public_url: String) -> Self {
        Self { client, level, key, public_url }
    }

    /// Whether results can be asked for at the public URL; better known before the first submit than after.
    pub(super) fn try_url(&self) -> Result<(), Failure> {
        let batch_no = BatchNo::new("try").map_err(Failure::of)?;
        let url = self.key.capability(&batch_no).url(&self.public_url);
        url.map(drop).map_err(|error| Failure::usage("--public-url cannot be used").because(error))
    }

    async fn try_submit(&self, batch_no: BatchNo, numbers: Vec<PhoneNumber>) -> Result<(), Outcome> {
        let not_sent = |message: String| Outcome::NotSent { message };
        let url = self
            .key
            .capability(&batch_no)
            .url(&self.public_url)
            .map_err(|error| not_sent(error.to_string()))?;
        // The plan has put numbers of one country together already, by better means than their country code.
        let numbers =
            PhoneList::of_one_region(numbers, |_| None::<()>).map_err(|error| not_sent(error.to_string()))?;
        let submit =
            self.client.number_check().submit(numbers).batch_no(batch_no).level(self.level.check_level());
        match submit.callback(url).send().await {
            Ok(accepted) => {
                call::say_drift(&accepted.drift);
                Ok(())
            }
            Err(error) => Err(outcome(&error)),
        }
    }
}

impl Submitter for Submits {
    async fn submit(&self, batch_no: BatchNo, numbers: Vec<PhoneNumber>) -> Outcome {
        match self.try_submit(batch_no, numbers).await {
            Ok(()) => Outcome::Accepted,
            Err(outcome) => outcome,
        }
    }
}

fn outcome(error: &CallError) -> Outcome {
    if let Some(refusal) = error.refusal() {
        if error.may_have_happened() {
            return Outcome::InDoubt { code: Some(refusal.code()), message: refusal.to_string() };
        }
        let code = SubmitCode::new(refusal.code());
        // No price and an unknown country may be the affair of one country only.
        let for_all = matches!(refusal.class(), Class::Authentication | Class::Balance)
            || [SubmitCode::BAD_APPKEY, SubmitCode::BAD_LEVEL, SubmitCode::CUSTOMER_MISMATCH].contains(&code);
        return Outcome::Refused { code: Some(refusal.code()), message: refusal.to_string(), for_all };
    }
    let message = with_causes(error);
    if error.may_have_happened() {
        Outcome::InDoubt { code: None, message }
    } else {
        Outcome::NotSent { message }
    }
}

/// An error and what lies behind it, on one line for a cell.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
