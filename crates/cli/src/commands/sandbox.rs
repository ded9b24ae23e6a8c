//! `numcheck sandbox`: both platforms on this machine.
//!
//! It charges nobody and reaches nobody: results are pushed to loopback addresses only.

mod assumed;
mod trouble;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use numcheck_protocol::CallbackUrl;
use numcheck_protocol::number_check::Dialect;
use numcheck_sandbox::{Account, V2Revision};
use numcheck_signing::Algorithm;
use serde::Serialize;

use assumed::Assumed;
use trouble::Trouble;

use crate::commands::arguments::listen_address;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::stop::Stop;

/// Run both platforms on this machine, without an account and without cost.
///
/// Runs until SIGTERM or Ctrl-C. The account is made up, and another one at every start unless it is named, so that nothing was ever
/// paid for with it.
///
/// What happens can be seen in a browser, at the address of NXCLOUD: requests, pushes, and the inbox with the codes that `numcheck
/// whatsapp get-code` had sent; for scripts, that inbox is `/_sandbox/inbox.json` there.
#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// Where NXCLOUD listens; port 0 lets the system choose.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_NXCLOUD",
        hide_env_values = true,
        default_value = "127.0.0.1:0",
        value_name = "ADDR",
        value_parser = listen_address
    )]
    nxcloud: SocketAddr,
    /// Where QXT listens; port 0 lets the system choose.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_QXT",
        hide_env_values = true,
        default_value = "127.0.0.1:0",
        value_name = "ADDR",
        value_parser = listen_address
    )]
    qxt: SocketAddr,
    /// Serve QXT at this path, in this spelling alone. Default: at /ssPhone_Privacy, in any case.
    #[arg(long, env = "NUMCHECK_SANDBOX_QXT_PATH", hide_env_values = true, value_name = "PATH")]
    qxt_path: Option<String>,
    /// How long QXT takes to answer. Its document states about 100 ms.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_QXT_DELAY",
        hide_env_values = true,
        default_value = "0s",
        value_name = "DURATION"
    )]
    qxt_delay: humantime::Duration,
    /// The access key of the account, whose secrets follow from it: a sandbox that is started with the same one again knows the account
    /// as the same. Default: a new one at every start.
    #[arg(long, env = "NUMCHECK_SANDBOX_ACCESS_KEY", hide_env_values = true, value_parser = access_key, value_name = "KEY")]
    access_key: Option<String>,
    /// Where results go that were submitted without a URL, as if it were configured for the account's application: on this machine only. Default:
    /// they are not pushed.
    #[arg(long, env = "NUMCHECK_SANDBOX_CALLBACK_URL", hide_env_values = true, value_name = "URL")]
    callback_url: Option<CallbackUrl>,
    /// How long a check takes. The platform's own takes 10 seconds to 5 minutes.
    #[arg(
        long,
        env = "NUMCHECK_CALLBACK_DELAY",
        hide_env_values = true,
        default_value = "1s",
        value_name = "DURATION"
    )]
    callback_delay: humantime::Duration,
    /// How long a minute is between two tries of a push that was not answered with 200; the 3 seconds between two queries go by it, too.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_MINUTE",
        hide_env_values = true,
        default_value = "60s",
        value_name = "DURATION"
    )]
    minute: humantime::Duration,
    /// How far a request's timestamp may be from this machine's time, either way; the platform's limit is a minute.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_FRESH",
        hide_env_values = true,
        default_value = "60s",
        value_name = "DURATION"
    )]
    fresh: humantime::Duration,
    /// In which dialect the account is answered: that of the project's source documents, or what the vendor documents since
    /// September 2023, today or with the words and the level call of that year.
    #[arg(long, env = "NUMCHECK_SANDBOX_DIALECT", hide_env_values = true, default_value = "v1", value_enum)]
    dialect: DialectArg,
    /// Sign every pushed result with the account's secret. The documents of number check know no signature.
    #[arg(long, env = "NUMCHECK_SANDBOX_SIGN_PUSHES", hide_env_values = true, value_name = "md5|sha256")]
    sign_pushes: Option<Algorithm>,
    /// What message ids and generated batch numbers follow from: the same seed gives the same ids for the same batch numbers of the same
    /// access key.
    #[arg(
        long,
        env = "NUMCHECK_SANDBOX_SEED",
        hide_env_values = true,
        default_value_t = 1,
        value_name = "N"
    )]
    seed: u64,
    #[command(flatten)]
    assumed: Assumed,
    #[command(flatten)]
    trouble: Trouble,
    /// Print one JSON object with addresses and account.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    /// Print the magic numbers, and end.
    #[arg(long, env = "NUMCHECK_MAGIC", hide_env_values = true, value_parser = BoolishValueParser::new())]
    magic: bool,
}

/// How the account is answered.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum DialectArg {
    /// messageId and nested results; one country in a request.
    V1,
    /// requestId and flat results; several countries in a request; no level call.
    V2,
    /// v2 with level call.
    #[value(name = "v2-2023")]
    V2Year2023,
    /// v2 as in its first eleven days: yes and no in small letters, responseStatus, level call.
    V2FirstDays,
}

impl DialectArg {
    fn dialect(self) -> Dialect {
        match self {
            Self::V1 => Dialect::V1,
            _ => Dialect::V2,
        }
    }

    fn revision(self) -> V2Revision {
        match self {
            Self::V1 | Self::V2 => V2Revision::Today,
            Self::V2Year2023 => V2Revision::Year2023,
            Self::V2FirstDays => V2Revision::FirstDays,
        }
    }
}

/// One line for scripts; its keys are a fixed interface.
#[derive(Serialize)]
struct Listening<'a> {
    nxcloud: String,
    qxt: String,
    access_key: &'a str,
    access_secret: &'a str,
    appkey: &'a str,
    qxt_api_key: &'a str,
    /// With `--assume` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    assume: Option<u64>,
    /// With `--assume` only: by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    assumptions: Option<BTreeMap<&'static str, String>>,
}

/// An access key stands in a header.
fn access_key(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.to_owned()).ok_or_else(|| "write 1 to 64 letters, digits or signs".to_owned())
}

impl Sandbox {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        if self.magic {
            return magic();
        }
        let assumptions = self.assumed.assumptions(self.dialect.revision(), self.minute.into())?;
        // Listening for signals comes first: who reads our line may send one at once.
        let stop = Stop::on_signal("");
        let mut account = self.access_key.as_deref().map_or_else(Account::random, Account::named);
        account.dialect = self.dialect.dialect();
        account.callback_url = self.callback_url.clone();
        let mut builder = numcheck_sandbox::Sandbox::builder();
        if let Some(algorithm) = self.sign_pushes {
            builder = builder.sign_pushes(algorithm);
        }
        if let Some(path) = &self.qxt_path {
            builder = builder.qxt_path(path.as_str());
        }
        let sandbox = builder
            .qxt_delay(self.qxt_delay.into())
            .account(account)
            .nxcloud_addr(self.nxcloud)
            .qxt_addr(self.qxt)
            .callback_delay(self.callback_delay.into())
            .minute(self.minute.into())
            .freshness(self.fresh.into())
            .assumptions(assumptions)
            .faults(self.trouble.faults())
            .clock(self.trouble.clock())
            .seed(self.seed)
            .start()
            .await
            .map_err(|error| Failure::new("the sandbox cannot be started").because(error))?;
        let account = sandbox.account();
        let listening = Listening {
            nxcloud: sandbox.nxcloud_url(),
            qxt: sandbox.qxt_url(),
            access_key: &account.access_key,
            access_secret: account.access_secret.expose(),
            appkey: account.appkey.expose(),
            qxt_api_key: account.qxt_api_key.expose(),
            assume: self.assumed.seed(),
            assumptions: self.assumed.seed().map(|_| assumptions.facts().into_iter().collect()),
        };
        if let Some(seed) = listening.assume {
            print::say(&format!("numcheck: from seed {seed} the sandbox assumes:"));
            for (name, value) in assumptions.facts() {
                print::say(&format!("  {name}={value}"));
            }
        }
        let _steps = self.trouble.step(sandbox.clock());
        if self.json {
            print::json(&listening)?;
        } else {
            let Listening { nxcloud, qxt, access_key, access_secret, appkey, qxt_api_key, .. } = &listening;
            print::data(&format!(
                "export NXCLOUD_BASE_URL={nxcloud}\nexport NXCLOUD_ACCESS_KEY={access_key}\n\
                 export NXCLOUD_ACCESS_SECRET={access_secret}\nexport NXCLOUD_APPKEY={appkey}\n\
                 export QXT_BASE_URL={qxt}\nexport QXT_API_KEY={qxt_api_key}"
            ))?;
            if let Some(path) = &self.qxt_path {
                print::data(&format!("export QXT_PATH={path}"))?;
            }
            print::say(
                "numcheck: the sandbox is listening; use the lines above in another terminal, end it with Ctrl-C",
            );
            print::say(&format!(
                "numcheck: what happens, and the codes of get-code, are shown at {nxcloud}/"
            ));
        }
        stop.wait().await;
        sandbox.shutdown().await;
        Ok(Exit::Settled)
    }
}

fn magic() -> Result<Exit, Failure> {
    for row in numcheck_sandbox::MAGIC {
        print::data(&format!("{}\t{}\t{}\t{}", row.endpoint, row.pattern, row.example, row.effect))?;
    }
    Ok(Exit::Settled)
}
