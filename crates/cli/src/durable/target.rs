//! What a job of number checks submits to: the account of the environment, or a sandbox inside this command.

use std::sync::Arc;
use std::time::Duration;

use numcheck_bulk::{SharedPace, Store};
use numcheck_job::NumberCheckService;
use numcheck_nxcloud::Client;
use numcheck_protocol::number_check::{Query, Submit};
use numcheck_protocol::{ApiKey, AppKey, Endpoint, Info};
use numcheck_sandbox::{Sandbox, SandboxBuilder};
use numcheck_transport::RateLimits;
use numcheck_webhook::ReceiverKey;

use super::open;
use crate::account::AccountId;
use crate::call::{self, Network, QxtArgs};
use crate::exit::Failure;

/// Where checks are paid for, or not.
pub(crate) enum Target {
    /// The account of the environment.
    Account,
    /// A sandbox inside this command, which takes this long for a check.
    Sandbox(Duration),
}

impl Target {
    /// The client of the QXT account, or of a sandbox that is started for it.
    pub(crate) async fn qxt(
        &self,
        network: &Network,
        how: &QxtArgs,
    ) -> Result<(numcheck_qxt::Client, Option<Sandbox>), Failure> {
        if matches!(self, Self::Account) {
            return Ok((call::qxt(network, how)?, None));
        }
        let sandbox = start(Sandbox::builder()).await?;
        let key = ApiKey::new(sandbox.qxt_api_key()).map_err(Failure::of)?;
        let client = numcheck_qxt::Client::builder(key).base_url(sandbox.qxt_url()).build();
        Ok((client.map_err(Failure::of)?, Some(sandbox)))
    }
}

async fn start(builder: SandboxBuilder) -> Result<Sandbox, Failure> {
    let builder = builder.account(numcheck_sandbox::Account::random());
    builder.start().await.map_err(|error| Failure::new("the sandbox cannot be started").because(error))
}

/// An account that is ready to be used.
pub(crate) struct Account {
    client: Client,
    minute: Duration,
    /// Whose limits are to be kept; nobody is to be protected from this command's own sandbox.
    limited: Option<String>,
    sandbox: Option<Sandbox>,
}

impl Account {
    /// The client of the account, or of a sandbox that is started for it.
    pub(crate) async fn open(target: &Target, network: &Network, minute: Duration) -> Result<Self, Failure> {
        let Target::Sandbox(callback_delay) = target else {
            return Ok(Self {
                client: call::number_check_of_job(network, minute)?,
                minute,
                limited: Some(AccountId::nxcloud()?.fingerprint),
                sandbox: None,
            });
        };
        let sandbox = start(Sandbox::builder().callback_delay(*callback_delay)).await?;
        let account = sandbox.account();
        let client = Client::builder(&account.access_key, account.access_secret.clone())
            .appkey(AppKey::new(account.appkey.expose()).map_err(Failure::of)?)
            .base_url(sandbox.nxcloud_url())
            .transport(|transport| transport.rate_limits(RateLimits::off()))
            .build()
            .map_err(Failure::of)?;
        Ok(Self { client, minute, limited: None, sandbox: Some(sandbox) })
    }

    /// The platform as a job sees it. `callback` is where results are pushed, if they are. Its limits are kept together with all who use
    /// the same `store` for the same account.
    pub(crate) fn service(
        &self,
        callback: Option<(ReceiverKey, String)>,
        store: &Arc<dyn Store>,
    ) -> Result<NumberCheckService, Failure> {
        let mut service = NumberCheckService::new(self.client.clone());
        if let Some((key, public_url)) = callback {
            service = service
                .with_callback(key, public_url)
                .map_err(|error| Failure::usage("--public-url cannot be used").because(error))?;
        }
        Ok(match self.pace(&Query::INFO, store) {
            Some(pace) => service.with_query_pace(pace),
            None => service,
        })
    }

    /// The pace of submits, which whoever drives a job keeps.
    pub(crate) fn submitting(&self, store: &Arc<dyn Store>) -> Option<SharedPace<dyn Store>> {
        self.pace(&Submit::INFO, store)
    }

    fn pace(&self, info: &Info, store: &Arc<dyn Store>) -> Option<SharedPace<dyn Store>> {
        Some(open::pace(store, info, self.limited.as_ref()?, call::rates(info, self.minute)))
    }

    /// Ends the sandbox, if there is one.
    pub(crate) async fn close(self) {
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown().await;
        }
    }
}
